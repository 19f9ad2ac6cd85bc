
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/routes: which routes there are, and how often they matched.
 */


#ifndef _NGX_ER_API_ROUTES_H_INCLUDED_
#define _NGX_ER_API_ROUTES_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_routes[];

/* 1: the route is of events of the source, and one to the target; an empty
   name is any */
ngx_uint_t ngx_er_api_route_wanted(ngx_er_route_t *route, ngx_str_t *source,
    ngx_str_t *target);

/* members of JSON: its name, where it stands, its sources and targets */
void ngx_er_api_route_json(ngx_er_json_t *json, ngx_er_route_t *route);

/* where something stands; what is built in stands nowhere */
void ngx_er_api_where_json(ngx_er_json_t *json, ngx_er_where_t *where);

/* the rows of these */

#define NGX_ER_API_ROUTE_FIELDS                                               \
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },                   \
    { "file", NGX_ER_API_TEXT, 0, NULL, NULL, "where it stands" },            \
    { "line", NGX_ER_API_NUMBER, 0, NULL, NULL, "the line there" },           \
    { "from", NGX_ER_API_LIST, 1, NULL, NULL, "its sources; * is all" },      \
    { "to", NGX_ER_API_LIST, 1, NULL, NULL, "its targets" }


#endif /* _NGX_ER_API_ROUTES_H_INCLUDED_ */
