
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What this process may do with the directory of the file store: it must be
 * let through all directories above it, and read and write in it.  What may
 * not be looked at is not "not there": who is told to begin with an empty
 * store, and has a full one that only changed its owner, loses what is in it.
 *
 * lock.c asks in a worker whenever the store is opened, door.c before there
 * are workers in a process that has the rights of one.  Nothing is opened,
 * made or kept; what may fail is what is asked for, and then there is a
 * sentence that names the first thing that is in the way.
 */


#include "rights.h"


static ngx_int_t ngx_er_file_rights_above(char *path, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_rights_file(const char *path,
    const char *name, ngx_er_error_t *err);


ngx_int_t
ngx_er_file_rights(ngx_er_file_conf_t *conf, ngx_er_error_t *err)
{
    char          path[NGX_MAX_PATH + 1];
    ngx_int_t     rc;
    ngx_uint_t    i;
    struct stat   st;

    static const char  *names[] = { "data.mdb", "lock.mdb", "owner", NULL };

    if (conf->path.len > NGX_MAX_PATH) {
        ngx_er_error(err, "the path \"%V\" is too long", &conf->path);
        return NGX_ERROR;
    }

    ngx_memcpy(path, conf->path.data, conf->path.len);
    path[conf->path.len] = '\0';

    rc = ngx_er_file_rights_above(path, err);

    if (rc != NGX_OK) {
        return rc;
    }

    if (stat(path, &st) == -1) {

        if (ngx_errno == ENOENT) {
            return NGX_DECLINED;
        }

        ngx_er_error(err, "cannot look at \"%s\": %s", path,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    if (!S_ISDIR(st.st_mode) || (st.st_mode & 077)) {
        return NGX_OK;
    }

    if (access(path, R_OK|W_OK|X_OK) == -1) {
        ngx_er_error(err, "the directory \"%s\" is not writable for the user "
                     "of the workers, %d (%s): its owner must be that user, "
                     "with mode 700; what is in it stays", path,
                     (int) geteuid(), strerror(ngx_errno));
        return NGX_ERROR;
    }

    for (i = 0; names[i]; i++) {
        if (ngx_er_file_rights_file(path, names[i], err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* each directory above it, from the root on */

static ngx_int_t
ngx_er_file_rights_above(char *path, ngx_er_error_t *err)
{
    int    rc;
    char  *p;

    for (p = path; *p; p++) {

        if (*p != '/' || p == path) {
            continue;
        }

        *p = '\0';

        rc = access(path, X_OK) == -1 ? ngx_errno : 0;

        if (rc == EACCES) {
            ngx_er_error(err, "\"%s\" may not be entered by the user of the "
                         "workers, %d (%s): let it in (chmod a+x), or name a "
                         "directory elsewhere; what is below it stays", path,
                         (int) geteuid(), strerror(rc));
            return NGX_ERROR;
        }

        *p = '/';

        if (rc == ENOENT || rc == ENOTDIR) {
            return NGX_DECLINED;
        }

        if (rc) {
            ngx_er_error(err, "cannot look at \"%s\": %s", path, strerror(rc));
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_rights_file(const char *path, const char *name,
    ngx_er_error_t *err)
{
    char  file[NGX_MAX_PATH + sizeof("/data.mdb")];

    (void) ngx_sprintf((u_char *) file, "%s/%s%Z", path, name);

    if (access(file, R_OK|W_OK) == 0 || ngx_errno == ENOENT) {
        return NGX_OK;
    }

    ngx_er_error(err, "\"%s\" is there but cannot be written by the user of "
                 "the workers, %d (%s): give it back to that user, with mode "
                 "600; what is in it stays", file, (int) geteuid(),
                 strerror(ngx_errno));

    return NGX_ERROR;
}
