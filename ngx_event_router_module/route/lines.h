
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines of conditions while nginx.conf is read.
 */


#ifndef _NGX_ER_LINES_H_INCLUDED_
#define _NGX_ER_LINES_H_INCLUDED_


#include "../event_router.h"
#include "../conf/block.h"


#define NGX_ER_LINES_DEPTH  16         /* blocks in one another */


/* a field that begins with "." stands outside of "each"; NGX_ERROR: no
   memory */
typedef ngx_int_t (*ngx_er_lines_element_pt)(ngx_conf_t *cf, void *data,
    ngx_str_t *text);


/* where in the conditions of a noun the parser is */

typedef struct {
    const char              *word;     /* "when", "require" */
    ngx_er_fields_t         *fields;
    ngx_er_packs_t          *texts;    /* what is kept of the lines */
    ngx_str_t               *file;     /* in which the noun stands */
    ngx_er_condition_t      *block;    /* the innermost; at the end all of
                                          them, NULL: there was none */
    ngx_er_condition_t      *each;     /* the innermost EACH, or NULL */
    ngx_uint_t               depth;    /* of blocks */
    ngx_uint_t               lines;    /* in the innermost block */
    ngx_er_lines_element_pt  element;
    void                    *data;     /* its own */
} ngx_er_lines_t;


/* but for "element" and "data" */
void ngx_er_lines_init(ngx_er_lines_t *lines, ngx_er_main_conf_t *mcf,
    const char *word, ngx_str_t *file);

/* the line that is being read: a directive and FIELD [not] OP VALUE...; the
   condition is in cf->pool */
char *ngx_er_lines_test(ngx_conf_t *cf, ngx_er_lines_t *lines);

/* any, all, none, each: row->tag is the kind; reads the lines in it */
char *ngx_er_lines_block(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_block_row_t *row);

/* a line that was compiled elsewhere, or NULL and why it was not */
char *ngx_er_lines_take(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_condition_t *condition, ngx_er_error_t *err);


#endif /* _NGX_ER_LINES_H_INCLUDED_ */
