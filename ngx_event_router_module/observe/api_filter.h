
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which entries an operator means: the arguments of the API that choose
 * entries of the queue, for lists and acts alike.  Texts are in api->pool.
 */


#ifndef _NGX_ER_API_FILTER_H_INCLUDED_
#define _NGX_ER_API_FILTER_H_INCLUDED_


#include "api.h"


/* rows for a table of arguments */

#define NGX_ER_API_FILTER_ARGS                                                \
    NGX_ER_API_ARG_TARGET,                                                    \
    NGX_ER_API_ARG_SOURCE,                                                    \
    NGX_ER_API_ARG_EVENT,                                                     \
    NGX_ER_API_ARG_ROUTE,                                                     \
    NGX_ER_API_ARG_FROM,                                                      \
    NGX_ER_API_ARG_TO,                                                        \
    { "status", NGX_ER_API_NUMBER, 0, "100..599",                             \
      "that of the last answer" },                                            \
    { "attempts", NGX_ER_API_NUMBER, 0, "0..1000000",                         \
      "so many were made, or more" }

#define NGX_ER_API_ARG_REASON                                                 \
    { "reason", NGX_ER_API_TEXT, 0,                                           \
      "exhausted|final|expired|poison|target_removed|corrupt|in_doubt|"       \
      "mapping_changed",                                                      \
      "why they died" }

#define NGX_ER_API_ARG_PREVIEW                                                \
    { "preview", NGX_ER_API_FLAG, 0, NULL,                                    \
      "only say what would be done" }


/* what the arguments say, into a filter that is zero; reason= only if the
   endpoint has it */
void ngx_er_api_filter(ngx_er_api_t *api, ngx_er_queue_filter_t *filter);

/* an act needs one of them, or all=1: NGX_OK; NGX_DECLINED: it was answered
   400, and the handler returns *rc */
ngx_int_t ngx_er_api_filter_some(ngx_er_api_t *api, ngx_int_t *rc);

/* a target or a source that is not configured is a mistake if nothing was
   found of it: then 404 and *rc, as above */
ngx_int_t ngx_er_api_filter_found(ngx_er_api_t *api, ngx_uint_t found,
    ngx_int_t *rc);


#endif /* _NGX_ER_API_FILTER_H_INCLUDED_ */
