
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The body of a request of the API.
 */


#ifndef _NGX_ER_API_BODY_H_INCLUDED_
#define _NGX_ER_API_BODY_H_INCLUDED_


#include "api.h"


/* as a content handler: the body is there, or empty, in api->pool */
typedef ngx_int_t (*ngx_er_api_body_pt)(ngx_er_api_t *api, ngx_str_t *body);


/*
 * For the handler of an endpoint with a body to return: reads it, "max" bytes
 * at most, and then calls "go"; more is answered 413 with "large", a sentence.
 * If the client goes before, nothing is called.
 */
ngx_int_t ngx_er_api_body(ngx_er_api_t *api, size_t max, const char *large,
    ngx_er_api_body_pt go);


#endif /* _NGX_ER_API_BODY_H_INCLUDED_ */
