
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Publishers: which sources may publish to a target, the line "from" of
 * event_target.
 */


#ifndef _NGX_ER_PUBLISHERS_H_INCLUDED_
#define _NGX_ER_PUBLISHERS_H_INCLUDED_


#include "target.h"
#include "../conf/block.h"


/* a source that a "from" names; the first member is its name */

typedef struct {
    ngx_str_t              name;
    ngx_er_where_t         where;      /* of the "from" */
} ngx_er_publisher_t;


/* the line "from SOURCE...;" */
char *ngx_er_publishers_line(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);

/* postconfiguration, when routes know their sources: NGX_ERROR after logging a
   source that nobody has, or a route by which another source would get to a
   target */
ngx_int_t ngx_er_publishers_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* 1: the source of this name may publish to the target */
ngx_uint_t ngx_er_publishers_name(ngx_er_target_t *target, ngx_str_t *source);

/* when routes know their sources and targets: 1, a route of the source leads
   to the target */
ngx_uint_t ngx_er_publishers_lead(ngx_er_source_t *source,
    ngx_er_target_t *target);


#endif /* _NGX_ER_PUBLISHERS_H_INCLUDED_ */
