
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Between route.c and route_lines.c: where in an event_route the parser is.
 */


#ifndef _NGX_ER_ROUTE_LINES_H_INCLUDED_
#define _NGX_ER_ROUTE_LINES_H_INCLUDED_


#include "line.h"
#include "../conf/block.h"


typedef struct {
    ngx_er_main_conf_t    *mcf;
    ngx_er_route_t        *route;
    ngx_er_condition_t    *block;      /* the innermost, NULL: none so far */
    ngx_er_condition_t    *each;       /* the innermost EACH, or NULL */
    ngx_uint_t             depth;      /* of blocks */
    ngx_uint_t             lines;      /* in the innermost block */
} ngx_er_route_parser_t;


/* when;  pattern, filter, sample: row->tag is its number in this order;  all,
   any, none, each: row->tag is the kind */
char *ngx_er_route_when(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
char *ngx_er_route_line(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
char *ngx_er_route_lines(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);


#endif /* _NGX_ER_ROUTE_LINES_H_INCLUDED_ */
