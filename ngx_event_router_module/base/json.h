
/*
 * Copyright (C) Event Router contributors
 */


/*
 * JSON as it is written: see json.c.
 */


#ifndef _NGX_ER_JSON_H_INCLUDED_
#define _NGX_ER_JSON_H_INCLUDED_


#include "base.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_str_t              out;
    size_t                 size;       /* of the buffer behind out.data */
    unsigned               comma:1;    /* one is due */
    unsigned               failed:1;   /* no memory: nothing more is written */
} ngx_er_json_t;


/* "size": bytes that are expected, more than 0; it grows if they are more */
void ngx_er_json_begin(ngx_er_json_t *json, ngx_pool_t *pool, size_t size);

/* all that was written, in the pool; NGX_ERROR: there was no memory */
ngx_int_t ngx_er_json_end(ngx_er_json_t *json, ngx_str_t *text);

/*
 * "name" is a word of ours, or NULL in an array and behind a key.  A bracket
 * is "{" or "["; "brackets" are "}" and "]", "\n" where the line ends, too.
 */
void ngx_er_json_open(ngx_er_json_t *json, const char *name,
    const char *bracket);
void ngx_er_json_close(ngx_er_json_t *json, const char *brackets);
void ngx_er_json_word(ngx_er_json_t *json, const char *name,
    const char *word);
void ngx_er_json_number(ngx_er_json_t *json, const char *name, uint64_t n);
void ngx_er_json_signed(ngx_er_json_t *json, const char *name, int64_t n);
void ngx_er_json_seconds(ngx_er_json_t *json, const char *name, uint64_t n,
    ngx_uint_t second);                /* n units, "second" of them are one */
void ngx_er_json_null(ngx_er_json_t *json, const char *name);
void ngx_er_json_flag(ngx_er_json_t *json, const char *name, ngx_uint_t flag);

/*
 * Any bytes, escaped; what is not UTF-8 becomes U+FFFD.  At most "max" bytes
 * are shown, in whole characters, and "..." for the rest; 0: all of them.
 */
void ngx_er_json_text(ngx_er_json_t *json, const char *name, ngx_str_t *text,
    size_t max);

/* a value that is JSON already; and any bytes as a string of base64 */
void ngx_er_json_value(ngx_er_json_t *json, const char *name,
    ngx_str_t *value);
void ngx_er_json_base64(ngx_er_json_t *json, const char *name,
    ngx_str_t *bytes);

/* the name of the value that follows, whose own is NULL: any bytes, too */
void ngx_er_json_key(ngx_er_json_t *json, ngx_str_t *name);


#endif /* _NGX_ER_JSON_H_INCLUDED_ */
