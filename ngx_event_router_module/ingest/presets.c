
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers, as data: how each signs, where an event's id, type, subject
 * and time are found, how long it waits and retries.  How it checks an
 * endpoint before it sends is a row of challenges.c.  source_conf.c reads the
 * rows at configuration time; no code anywhere asks for a producer's name, so
 * a new one is a new row and nothing else.
 *
 * The rows stand in two tables, by what proves an event: presets_hmac.c has
 * those that sign with a secret which both sides know, presets_keys.c the
 * rest.  Here they are one, in the order of their names.
 *
 * A row's parameters are written as in nginx.conf, without the quotes: words
 * are split at blanks.  Members that hold templates (signed_, id and the like)
 * are not split.  Several sources ("header:A header:B") are names of the same
 * thing: the first one that is present counts.
 *
 * Deadlines lie below what the producer waits; windows lie above the time for
 * which it retries.  A producer that never repeats by itself has a short one:
 * what comes again then is a person's "Redeliver", which is to be delivered.
 * Where a producer does not say, the member is left out and the general
 * default counts.
 *
 * An id must identify an event.  Where it is a resource's (an order, a deploy,
 * a payment), which has more than one event in its life, or a token's, which
 * can be used again, the row is "coarse".
 * Where a producer's other products have none of the ids, but every body has
 * something of its own (a time, a token), repetitions are recognized by the
 * body alone: "own_body".
 */


#include "presets.h"
#include "presets_hmac.h"
#include "presets_keys.h"
#include "../conf/nearest.h"


#define NGX_ER_PRESETS  256            /* at most */


static ngx_er_preset_t  *ngx_er_preset_tables[] = {
    ngx_er_presets_hmac,
    ngx_er_presets_keys,
    NULL
};


ngx_er_preset_t *
ngx_er_preset_next(ngx_er_preset_t *preset)
{
    ngx_er_preset_t  *next, *p, **table;

    next = NULL;

    for (table = ngx_er_preset_tables; *table; table++) {

        for (p = *table; p->name; p++) {

            if (preset && ngx_strcmp(p->name, preset->name) <= 0) {
                continue;
            }

            if (next == NULL || ngx_strcmp(p->name, next->name) < 0) {
                next = p;
            }

            break;
        }
    }

    return next;
}


ngx_er_preset_t *
ngx_er_preset_find(ngx_str_t *name)
{
    ngx_er_preset_t  *p, **table;

    for (table = ngx_er_preset_tables; *table; table++) {

        for (p = *table; p->name; p++) {
            if (ngx_strlen(p->name) == name->len
                && ngx_strncmp(p->name, name->data, name->len) == 0)
            {
                return p;
            }
        }
    }

    return NULL;
}


const char *
ngx_er_preset_nearest(ngx_str_t *name)
{
    ngx_uint_t        n;
    const char       *names[NGX_ER_PRESETS + 1];
    ngx_er_preset_t  *p;

    n = 0;

    for (p = ngx_er_preset_next(NULL);
         p && n < NGX_ER_PRESETS;
         p = ngx_er_preset_next(p))
    {
        names[n++] = p->name;
    }

    names[n] = NULL;

    return ngx_er_nearest(name, names, sizeof(const char *));
}


ngx_int_t
ngx_er_preset_words(const char *text, ngx_array_t *words)
{
    u_char     *p;
    ngx_str_t  *word;

    p = (u_char *) text;

    for ( ;; ) {

        while (*p == ' ') {
            p++;
        }

        if (*p == '\0') {
            return NGX_OK;
        }

        word = ngx_array_push(words);
        if (word == NULL) {
            return NGX_ERROR;
        }

        word->data = p;

        while (*p != ' ' && *p != '\0') {
            p++;
        }

        word->len = p - word->data;
    }
}
