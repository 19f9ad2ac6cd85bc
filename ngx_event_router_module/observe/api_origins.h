
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An endpoint that would have entries delivered to another target asks first
 * whether their sources may publish to it.
 */


#ifndef _NGX_ER_API_ORIGINS_H_INCLUDED_
#define _NGX_ER_API_ORIGINS_H_INCLUDED_


#include "api.h"


typedef ngx_int_t (*ngx_er_api_go_pt)(ngx_er_api_t *api);

/*
 * go() as a content handler, at once if "to" is NULL or has no "from", else
 * when all that the filter lets through ("dead": dead letters) was looked at.
 * If one may not go there it is answered 409, and go() is not called.  The
 * filter stays until then.  For a handler to return.
 */
ngx_int_t ngx_er_api_origins(ngx_er_api_t *api, ngx_er_queue_filter_t *filter,
    ngx_uint_t dead, ngx_er_target_t *to, ngx_er_api_go_pt go);


#endif /* _NGX_ER_API_ORIGINS_H_INCLUDED_ */
