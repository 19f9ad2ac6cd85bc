
/*
 * Copyright (C) Event Router contributors
 */


/*
 * JSON for answers whose size nobody knows beforehand.
 */


#ifndef _NGX_ER_JSON_H_INCLUDED_
#define _NGX_ER_JSON_H_INCLUDED_


#include "../base.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_str_t              out;
    size_t                 size;       /* of the buffer behind out.data */
    unsigned               comma:1;    /* one is due */
    unsigned               failed:1;   /* no memory: nothing more is printed */
} ngx_er_json_t;


/* "name" is a word of ours, or NULL in an array; bracket: "{" or "[" */
void ngx_er_json_open(ngx_er_json_t *p, const char *name,
    const char *bracket);
void ngx_er_json_close(ngx_er_json_t *p, const char *bracket);
void ngx_er_json_word(ngx_er_json_t *p, const char *name, const char *word);
void ngx_er_json_number(ngx_er_json_t *p, const char *name, ngx_uint_t n);
void ngx_er_json_flag(ngx_er_json_t *p, const char *name, ngx_uint_t flag);

/*
 * Any bytes, escaped; what is not UTF-8 becomes U+FFFD.  At most "max" bytes
 * are shown, in whole characters, and "..." for the rest; 0: all of them.
 */
void ngx_er_json_text(ngx_er_json_t *p, const char *name, ngx_str_t *text,
    size_t max);


#endif /* _NGX_ER_JSON_H_INCLUDED_ */
