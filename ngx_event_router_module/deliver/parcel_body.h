
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Several events in one body, and its id.  Pure.
 */


#ifndef _NGX_ER_PARCEL_BODY_H_INCLUDED_
#define _NGX_ER_PARCEL_BODY_H_INCLUDED_


#include "../ingest/scan.h"


#define NGX_ER_PARCEL_ID  32           /* bytes of an id */


typedef enum {
    NGX_ER_PARCEL_ARRAY = 0,           /* [a,b] */
    NGX_ER_PARCEL_LINES,               /* a and b in a line each */
    NGX_ER_PARCEL_CLOUDEVENTS          /* as ARRAY, of CloudEvents */
} ngx_er_parcel_form_e;


/*
 * Whether the bytes can be an event of a call: JSON, without a byte order mark
 * and blanks around it, which are taken off "body".  NGX_OK; NGX_DECLINED: it
 * is none, "why" is a phrase; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parcel_guard(ngx_pool_t *pool, ngx_str_t *body,
    const char **why);

/* bytes of the body with one event more: "size" is what it has, 0: nothing */
size_t ngx_er_parcel_size(size_t size, ngx_str_t *body);

/*
 * The body of "n" events that passed the guard, in the pool, and its type;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parcel_write(ngx_pool_t *pool, ngx_er_parcel_form_e form,
    ngx_str_t *bodies, ngx_uint_t n, ngx_str_t *out);
void ngx_er_parcel_type(ngx_er_parcel_form_e form, ngx_str_t *type);

/*
 * The Webhook-Id of a call: hex digits, the same for the same names in the
 * same order, and for no others.  "id" has NGX_ER_PARCEL_ID bytes; an event
 * has two names, its source and its id.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parcel_id(ngx_pool_t *pool, ngx_str_t *names, ngx_uint_t n,
    u_char *id);


#endif /* _NGX_ER_PARCEL_BODY_H_INCLUDED_ */
