
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Routes with the same sources and the same targets, together.
 */


#ifndef _NGX_ER_GROUPS_H_INCLUDED_
#define _NGX_ER_GROUPS_H_INCLUDED_


#include "../event_router.h"


typedef struct {
    ngx_er_route_t              *first;          /* as it stands in nginx.conf;
                                                    its sources and targets are
                                                    those of all */
    uint64_t                     matched;        /* by ngx_er_groups_sum() */
    ngx_uint_t                   routes;
} ngx_er_group_t;


typedef struct {
    ngx_er_main_conf_t          *mcf;            /* whose routes */
    ngx_er_group_t              *elts;           /* by their first routes */
    ngx_uint_t                   nelts;
    uint32_t                    *of;             /* index of the group, by that
                                                    of a route */
} ngx_er_groups_t;


/* the groups of all routes, from the first question on kept by the worker;
   NULL: no memory */
ngx_er_groups_t *ngx_er_groups_get(ngx_er_main_conf_t *mcf, ngx_log_t *log);

/* how often the routes of each matched, now */
void ngx_er_groups_sum(ngx_er_groups_t *groups);


#endif /* _NGX_ER_GROUPS_H_INCLUDED_ */
