
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event_route while its block is read, and what is kept of it.
 */


#ifndef _NGX_ER_DRAFT_H_INCLUDED_
#define _NGX_ER_DRAFT_H_INCLUDED_


#include "../event_router.h"


typedef struct {
    ngx_er_main_conf_t    *mcf;
    ngx_pool_t            *pool;       /* of the configuration: what is kept */
    ngx_er_route_t        *route;
    ngx_array_t            from;       /* of ngx_str_t, "*" is all */
    ngx_array_t            to;         /* of ngx_er_target_t * */
    ngx_er_where_t         where;      /* the last place that was kept */
} ngx_er_draft_t;


/* a new route's name, of which the next one in main conf's list is the owner.
   NGX_DECLINED: another one has it; NGX_ERROR: no memory */
ngx_int_t ngx_er_draft_name(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *name, ngx_er_route_t **other);

/* from now on cf->pool is the draft's, until the end; NGX_ERROR: no memory,
   and there is no draft */
ngx_int_t ngx_er_draft_begin(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route, ngx_er_draft_t *draft);

/* what was read becomes the route's; condition NULL: always.  NGX_ERROR: no
   memory */
ngx_int_t ngx_er_draft_keep(ngx_er_draft_t *draft,
    ngx_er_condition_t *condition);

/* all that is in the draft's pool goes */
void ngx_er_draft_end(ngx_conf_t *cf, ngx_er_draft_t *draft);

/* copies that are kept: the line that is being read, and a text with a '\0'
   behind it.  NGX_ERROR: no memory */
ngx_int_t ngx_er_draft_where(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_where_t *where);
ngx_int_t ngx_er_draft_text(ngx_er_draft_t *draft, ngx_str_t *text);


#endif /* _NGX_ER_DRAFT_H_INCLUDED_ */
