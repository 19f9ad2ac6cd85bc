
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_admin: what is pending and what is dead, replay, purge, and stopping
 * the deliveries of a target.
 */


#ifndef _NGX_ER_ADMIN_H_INCLUDED_
#define _NGX_ER_ADMIN_H_INCLUDED_


#include "../base/json.h"
#include "../deliver/lane.h"


/* a request that waits for the store; it lives in its operation's pool */

typedef struct ngx_er_admin_s  ngx_er_admin_t;

struct ngx_er_admin_s {
    ngx_http_request_t    *request;    /* NULL: it is gone */
    ngx_er_queue_t        *queue;
    ngx_er_target_t       *target;     /* or NULL: any, or not configured */
    ngx_pool_cleanup_t    *cleanup;    /* of the request */
    ngx_er_queue_op_t     *op;         /* what it waits for */
    ngx_uint_t             reveal;
    ngx_uint_t             done;
    void                 (*found)(ngx_er_admin_t *ctx, ngx_int_t rc);
};


/* event_admin [token=FILE] [access=nginx] [reveal] */
char *ngx_er_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* admin_list.c: the answer to LIST; reveal: with bodies */
void ngx_er_admin_list(ngx_er_json_t *json, ngx_er_queue_op_t *op,
    ngx_uint_t reveal);

/* "if" and "limit_except" in a location that administers */
void ngx_er_admin_merge(ngx_conf_t *cf, void *parent, void *child);

/*
 * admin_target.c: a sentence, in the pool, that there is no target of this
 * name, with the nearest one of the configuration.
 */
const char *ngx_er_admin_unknown(ngx_pool_t *pool, ngx_er_main_conf_t *mcf,
    ngx_str_t *name);

/*
 * Looks in the store for entries of ctx->op's target, which is not configured.
 * "found" is called once, not from inside, with NGX_OK: there are,
 * NGX_DECLINED: there are none, NGX_ERROR: the store is away.  NGX_ERROR here:
 * no memory.
 */
ngx_int_t ngx_er_admin_search(ngx_er_admin_t *ctx,
    void (*found)(ngx_er_admin_t *ctx, ngx_int_t rc));

/*
 * admin_args.c: what the arguments of the request say, into the operation.
 * NULL, or what is wrong with them.  1: there is such an argument.
 */
const char *ngx_er_admin_args(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op);
ngx_uint_t ngx_er_admin_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


#endif /* _NGX_ER_ADMIN_H_INCLUDED_ */
