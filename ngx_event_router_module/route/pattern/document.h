
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A JSON file of the configuration, as a tree: event patterns and CloudEvents
 * filters.  Unlike a general tree it keeps what their languages need: numbers
 * as they are written, keys that come twice, and the line of everything.
 */


#ifndef _NGX_ER_DOCUMENT_H_INCLUDED_
#define _NGX_ER_DOCUMENT_H_INCLUDED_


#include "../../ingest/scan.h"


typedef struct ngx_er_tree_s  ngx_er_tree_t;

struct ngx_er_tree_s {
    ngx_er_tree_t         *parent;     /* NULL: the document itself */
    ngx_er_tree_t         *next;       /* in the same array or object */
    ngx_er_tree_t         *child;      /* the first one, in document order */
    ngx_str_t              key;        /* in an object */
    ngx_str_t              text;       /* STRING: decoded; NUMBER, BOOLEAN,
                                          NULL: as it stands */
    ngx_uint_t             index;      /* in its array, from 0 */
    ngx_uint_t             line;       /* from 1 */
    ngx_er_type_e          type;
};


/* NULL with a sentence in err; "name" ends with a NUL */
ngx_er_tree_t *ngx_er_document_read(ngx_pool_t *pool, ngx_str_t *name,
    ngx_er_error_t *err);

/* the bytes of a file, which may be no JSON, with a zero byte behind them that
   is not counted; NGX_ERROR with a sentence */
ngx_int_t ngx_er_document_text(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *text, ngx_er_error_t *err);

/* the text must outlive the tree */
ngx_er_tree_t *ngx_er_document_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_error_t *err);

/* "line 3, detail.state[1]: " and the sentence; returns NGX_ERROR */
ngx_int_t ngx_er_document_error(ngx_er_tree_t *json, ngx_er_error_t *err,
    const char *fmt, ...);

ngx_uint_t ngx_er_tree_is(ngx_str_t *text, const char *word);


#endif /* _NGX_ER_DOCUMENT_H_INCLUDED_ */
