
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/pause and v1/resume of a source.
 */


#ifndef _NGX_ER_API_HOLD_H_INCLUDED_
#define _NGX_ER_API_HOLD_H_INCLUDED_


#include "api.h"


/* of an endpoint with source=, if that is there: as its handler;
   NGX_DECLINED: it is not there */
ngx_int_t ngx_er_api_hold_source(ngx_er_api_t *api, ngx_uint_t paused);

/* members of JSON of a source: whether it is paused, since when, by whom, and
   how many are held; nothing, if it is not queued */
void ngx_er_api_hold_json(ngx_er_json_t *json, ngx_er_source_t *source);

/* the rows of these, all but the first one only while it is so */

#define NGX_ER_API_HOLD_FIELDS                                                \
    { "paused", NGX_ER_API_FLAG, 0, NULL, NULL,                               \
      "of a queued one: its events are accepted and held" },                  \
    { "paused_since", NGX_ER_API_TIME, 0, NULL, NULL, "since when" },         \
    { "paused_by", NGX_ER_API_TEXT, 0, NULL, NULL, "by whom" },               \
    { "held", NGX_ER_API_NUMBER, 0, NULL, NULL,                               \
      "deliveries that are held, as of the last second" }


#endif /* _NGX_ER_API_HOLD_H_INCLUDED_ */
