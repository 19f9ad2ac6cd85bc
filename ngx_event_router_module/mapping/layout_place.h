
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What stands between the braces of a template.
 */


#ifndef _NGX_ER_LAYOUT_PLACE_H_INCLUDED_
#define _NGX_ER_LAYOUT_PLACE_H_INCLUDED_


#include "layout.h"


/* what a brace begins */

typedef enum {
    NGX_ER_LAYOUT_TAG_NONE = 0,        /* it stands for itself */
    NGX_ER_LAYOUT_TAG_PLACE,
    NGX_ER_LAYOUT_TAG_IF,
    NGX_ER_LAYOUT_TAG_ELSE,
    NGX_ER_LAYOUT_TAG_EACH,
    NGX_ER_LAYOUT_TAG_END
} ngx_er_layout_tag_e;


/* where in a template the reader is */

typedef struct {
    ngx_pool_t                *pool;
    ngx_er_layout_t           *layout;
    ngx_er_layout_each_t      *each;       /* the innermost, or NULL */
    ngx_er_layout_file_pt      file;
    void                      *data;       /* its own */
    ngx_array_t                tables;     /* that were read */
    u_char                    *start;
    u_char                    *p;
    u_char                    *last;
    ngx_er_error_t            *err;
} ngx_er_layout_reader_t;


/* what begins at the "{" at r->p; reads nothing */
ngx_er_layout_tag_e ngx_er_layout_tag(ngx_er_layout_reader_t *r);

/*
 * Read what the tag at r->p says, up to behind its "}".  NULL or NGX_ERROR
 * after a failure, which err tells.
 */
ngx_er_layout_place_t *ngx_er_layout_place(ngx_er_layout_reader_t *r,
    ngx_uint_t string);
ngx_er_layout_test_t *ngx_er_layout_test(ngx_er_layout_reader_t *r);
ngx_er_layout_each_t *ngx_er_layout_each(ngx_er_layout_reader_t *r);
ngx_int_t ngx_er_layout_bare(ngx_er_layout_reader_t *r);  /* else, end */

/* "NAME:LINE:COLUMN: " and the sentence; at: the byte that is wrong.  Returns
   NGX_ERROR */
ngx_int_t ngx_er_layout_fail(ngx_er_layout_reader_t *r, u_char *at,
    const char *fmt, ...);

/* from 1 */
ngx_uint_t ngx_er_layout_line(ngx_er_layout_reader_t *r, u_char *at);


#endif /* _NGX_ER_LAYOUT_PLACE_H_INCLUDED_ */
