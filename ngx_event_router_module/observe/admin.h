
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_admin: what is pending and what is dead, replay, purge, and stopping
 * the deliveries of a target.
 */


#ifndef _NGX_ER_ADMIN_H_INCLUDED_
#define _NGX_ER_ADMIN_H_INCLUDED_


#include "../deliver/lane.h"


/* of a location: who may ask, what may be shown */

struct ngx_er_admin_conf_s {
    ngx_str_t              token;      /* empty: none is asked for */
    ngx_array_t            names;      /* of ngx_str_t: the server's, which
                                          may stand in Host */
    unsigned               access:1;   /* nginx's own rules decide */
    unsigned               reveal:1;   /* bodies may be shown */
};


/* a request that waits for the store; it lives in its operation's pool */

typedef struct {
    ngx_http_request_t    *request;    /* NULL: it is gone */
    ngx_er_queue_t        *queue;
    ngx_er_target_t       *target;     /* or NULL: any, or not configured */
    ngx_pool_cleanup_t    *cleanup;    /* of the request */
    ngx_uint_t             reveal;
    ngx_uint_t             done;
} ngx_er_admin_t;


/* event_admin [token=FILE] [access=nginx] [reveal] */
char *ngx_er_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* admin_list.c: the answer to LIST as JSON, in the pool; reveal: with bodies.
   NGX_ERROR: no memory */
ngx_int_t ngx_er_admin_list(ngx_pool_t *pool, ngx_er_queue_op_t *op,
    ngx_uint_t reveal, ngx_str_t *text);

/* admin_access.c: merge_loc_conf of a location with event_admin */
char *ngx_er_admin_merge(ngx_conf_t *cf, ngx_er_admin_conf_t *conf);

/* NULL, or why this client may not do that */
const char *ngx_er_admin_refused(ngx_http_request_t *r,
    ngx_er_admin_conf_t *conf, ngx_uint_t change);

/*
 * admin_args.c: what the arguments of the request say, into the operation.
 * NULL, or what is wrong with them.  1: there is such an argument.
 */
const char *ngx_er_admin_args(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op);
ngx_uint_t ngx_er_admin_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


#endif /* _NGX_ER_ADMIN_H_INCLUDED_ */
