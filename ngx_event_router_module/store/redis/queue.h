
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The queue in Redis as one worker has it, also for tally.c, which counts what
 * it has lost.
 */


#ifndef _NGX_ER_REDIS_QUEUE_H_INCLUDED_
#define _NGX_ER_REDIS_QUEUE_H_INCLUDED_


#include "../queue.h"
#include "bundle.h"
#include "node.h"
#include "walk.h"


/* is the layout in Redis the one of nginx.conf? */

typedef enum {
    NGX_ER_REDIS_CHECK_UNKNOWN = 0,
    NGX_ER_REDIS_CHECK_ASKED,          /* under way */
    NGX_ER_REDIS_CHECK_GOOD
} ngx_er_redis_check_e;


typedef struct {
    ngx_er_redis_conf_t     *conf;
    ngx_er_redis_layout_t    layout;

    ngx_er_queue_t          *queue;    /* the worker's */
    ngx_er_redis_nodes_t    *nodes;
    ngx_shm_zone_t          *zone;     /* tally.c */
    u_char                  *evicts;   /* of each shard, as it was said */
    ngx_er_redis_walk_t      check;
    ngx_er_redis_node_t     *first;    /* that was asked to check */
    ngx_er_redis_op_t        checking;
    ngx_er_redis_bundles_t   bundles;  /* operations that leave together */
    ngx_queue_t              early;    /* operations until the check is over */
    ngx_queue_t              failed;   /* operations that were not sent */
    ngx_event_t              post;     /* to answer these */
    ngx_msec_t               said;     /* that the layout is another one */
    ngx_msec_t               asks;     /* that a shard is under way */
    ngx_msec_t               jumped;   /* that Redis's clock is not to be
                                          trusted */
    ngx_uint_t               hops;     /* of the check */
    ngx_uint_t               turn;     /* which shard it asks */
    ngx_er_redis_check_e     checked;
    unsigned                 whole:1;  /* of the check: the script was sent */
    unsigned                 asked:1;  /* how Redis is configured */
    unsigned                 closed:1;
} ngx_er_redis_queue_t;


/* the arguments of event_store; NULL after logging what is wrong */
ngx_er_queue_t *ngx_er_redis_queue_create(ngx_conf_t *cf, ngx_command_t *cmd);


#endif /* _NGX_ER_REDIS_QUEUE_H_INCLUDED_ */
