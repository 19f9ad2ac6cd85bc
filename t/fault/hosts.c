
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A library to be preloaded that has names of its own.  The file that
 * ER_FAULT_HOSTS names has lines "NAME ADDRESS ..."; getaddrinfo() reads it
 * anew each time, so a test can move a name.  A name without an address is not
 * known; "sleep MS" before them makes the look-up slow.  Other names are
 * looked up as always.  Each look-up is written down behind the file's name
 * and ".log", with the thread that it was made in.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>


typedef int (*er_lookup_pt)(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list);


static const char  *er_fault_hosts;


/* nginx takes the environment from its workers */

__attribute__((constructor)) static void
er_fault_init(void)
{
    const char  *name;

    name = getenv("ER_FAULT_HOSTS");
    er_fault_hosts = name ? strdup(name) : NULL;
}


static void
er_fault_log(const char *file, const char *name)
{
    char   path[1024];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s.log", file);

    f = fopen(path, "a");
    if (f == NULL) {
        return;
    }

    fprintf(f, "%s %s\n", name,
            syscall(SYS_gettid) == getpid() ? "main" : "thread");
    fclose(f);
}


/* the words behind the name; NULL: it is not ours */

static char *
er_fault_find(const char *file, const char *name, char *line, size_t size)
{
    char    *words;
    FILE    *f;
    size_t   len;

    f = fopen(file, "r");
    if (f == NULL) {
        return NULL;
    }

    len = strlen(name);
    words = NULL;

    while (words == NULL && fgets(line, (int) size, f)) {
        line[strcspn(line, "\n")] = '\0';

        if (strncmp(line, name, len) == 0
            && (line[len] == ' ' || line[len] == '\0'))
        {
            words = line + len;
        }
    }

    fclose(f);

    return words;
}


int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
    int                rc, ms;
    char               line[1024], *words, *word, *next;
    const char        *file;
    er_lookup_pt       lookup;
    struct addrinfo  **last;

    lookup = (er_lookup_pt) dlsym(RTLD_NEXT, "getaddrinfo");
    file = er_fault_hosts;
    words = file && name ? er_fault_find(file, name, line, sizeof(line))
                         : NULL;

    if (words == NULL) {
        return lookup(name, service, hints, list);
    }

    er_fault_log(file, name);

    *list = NULL;
    last = list;

    for (word = strtok_r(words, " ", &next);
         word;
         word = strtok_r(NULL, " ", &next))
    {
        if (sscanf(word, "sleep=%d", &ms) == 1) {
            usleep((useconds_t) ms * 1000);
            continue;
        }

        rc = lookup(word, service, hints, last);
        if (rc != 0) {
            return rc;
        }

        while (*last) {
            last = &(*last)->ai_next;
        }
    }

    return *list ? 0 : EAI_NONAME;
}
