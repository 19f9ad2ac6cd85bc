
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers, as data.  No code anywhere asks for a producer's name.
 */


#ifndef _NGX_ER_PRESETS_H_INCLUDED_
#define _NGX_ER_PRESETS_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_PRESET_ALTERNATIVES  8

#define NGX_ER_DEADLINE             10000
#define NGX_ER_WINDOW               (72 * 3600 * 1000)
#define NGX_ER_MAX_SIZE             (1024 * 1024)
#define NGX_ER_MAX_BATCH  100


/* content types; one "*" stands for anything */

#define NGX_ER_ACCEPT_JSON   "application/json application/*+json"
#define NGX_ER_ACCEPT_TEXT   "application/json text/plain"
#define NGX_ER_ACCEPT_ANY    "*/*"

#define NGX_ER_ACCEPT_FORMS                                                   \
    "application/json application/x-www-form-urlencoded"

#define NGX_ER_ACCEPT_MULTIPART                                               \
    "application/json application/x-www-form-urlencoded multipart/form-data"

#define NGX_ER_ACCEPT_EVENTS                                                  \
    "application/json application/cloudevents+json "                          \
    "application/cloudevents-batch+json"


typedef struct {
    const char            *name;

    /* the verifier's parameters, in the words of nginx.conf */

    const char            *verify;     /* algorithm: "hmac-sha256" */
    const char            *key;        /* "utf8", "base64 strip=whsec_" */
    const char            *signed_;    /* template */
    const char            *signature;  /* sources and parameters */
    const char            *timestamp;
    const char            *body_digest;
    const char            *jwt;
    const char            *ports;      /* "both": {url} with and without */

    /* where the attributes are: templates, the first defined one counts */

    const char            *id[NGX_ER_PRESET_ALTERNATIVES];
    const char            *type[NGX_ER_PRESET_ALTERNATIVES];
    const char            *subject[NGX_ER_PRESET_ALTERNATIVES];
    const char            *time[NGX_ER_PRESET_ALTERNATIVES];

    const char            *payload;    /* "form:payload": its events are
                                          a document in the body */
    const char            *split;      /* fields: the arrays of the events */
    ngx_uint_t             max_batch;  /* events in a body; 0: 100 */

    /* how the producer behaves */

    const char            *accept;     /* content types; NULL: JSON */
    ngx_msec_t             deadline;   /* ms; 0: the general default, 10 s */
    ngx_msec_t             retries;    /* ms it goes on retrying; 0: unknown */
    ngx_msec_t             window;     /* ms of dedup; 0: 72 h */
    size_t                 max_size;   /* bytes of a body; 0: 1 MB */
    const char            *answer;     /* "200 empty", "200 TYPE BODY": what it
                                          wants to hear; NULL: anything */
    unsigned               bare:1;     /* of a refusal, too: nothing in it */
    unsigned               once:1;     /* it never retries (GitHub) */
    unsigned               coarse:1;   /* two events can have the same id: the
                                          body's hash tells them apart */
    unsigned               own_body:1; /* every body has something of its own:
                                          its hash is the id of an event that
                                          has none of these */
} ngx_er_preset_t;


/*
 * The row behind this one, in the order of their names; NULL for the first.
 * NULL: there is no other one.
 */
ngx_er_preset_t *ngx_er_preset_next(ngx_er_preset_t *preset);

ngx_er_preset_t *ngx_er_preset_find(ngx_str_t *name);

/* the name that differs least from a misspelt one; NULL: none is near */
const char *ngx_er_preset_nearest(ngx_str_t *name);

/*
 * Splits the text of a parameter at blanks.  words: of ngx_str_t, they point
 * into the text.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_preset_words(const char *text, ngx_array_t *words);


#endif /* _NGX_ER_PRESETS_H_INCLUDED_ */
