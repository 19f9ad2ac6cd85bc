
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Headers of a delivery: whose a name is, and how a line is made and found.
 */


#ifndef _NGX_ER_HEADER_H_INCLUDED_
#define _NGX_ER_HEADER_H_INCLUDED_


#include "../event_router.h"


/* whose a name is */

typedef enum {
    NGX_ER_HEADER_FREE = 0,            /* anybody's */
    NGX_ER_HEADER_INVALID,             /* it is no name of a header */
    NGX_ER_HEADER_CONNECTION,          /* nginx makes it */
    NGX_ER_HEADER_OWN,                 /* every delivery has it */
    NGX_ER_HEADER_NGINX,               /* it steers nginx */
    NGX_ER_HEADER_TRACE                /* it is passed on by itself */
} ngx_er_header_kind_e;


ngx_er_header_kind_e ngx_er_header_kind(ngx_str_t *name);

/* all of a line but its value; "name" is shared.  NGX_ERROR: no memory */
ngx_int_t ngx_er_header_name(ngx_pool_t *pool, ngx_str_t *name,
    ngx_table_elt_t *h);

/*
 * A line of the request's list: variables as $http_referer and $cookie_NAME
 * find it.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_header_link(ngx_http_request_t *r, ngx_table_elt_t *h);

/* takes a name out of the list of forwarded ones (of ngx_str_t, or NULL);
   NGX_DECLINED: it is not there */
ngx_int_t ngx_er_header_unforward(ngx_array_t *names, ngx_str_t *name);

/* 1: all bytes are visible ASCII or, with "blanks", blanks inside */
ngx_uint_t ngx_er_header_value(ngx_str_t *value, ngx_uint_t blanks);


#endif /* _NGX_ER_HEADER_H_INCLUDED_ */
