
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A Redis as a line of nginx.conf describes it.
 */


#ifndef _NGX_ER_REDIS_CONF_H_INCLUDED_
#define _NGX_ER_REDIS_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include "redis.h"
#include "../../base/safe.h"


/* where a Redis or a sentinel is: addresses, or a name if there are none */

typedef struct {
    ngx_str_t                host;
    in_port_t                port;
    ngx_addr_t              *addrs;
    ngx_uint_t               naddrs;
} ngx_er_redis_peer_t;


typedef struct {
    ngx_er_redis_url_t       url;
    ngx_er_redis_peer_t     *peers;    /* one, or all sentinels */
    ngx_uint_t               npeers;
    ngx_str_t                sentinel_user;
    ngx_str_t                sentinel_password;
#if (NGX_THREADS)
    ngx_thread_pool_t       *threads;  /* to look up names; NULL: none */
#endif

    ngx_msec_t               connect_timeout;  /* until it is ready */
    ngx_msec_t               timeout;          /* of a command */

    ngx_str_t                prefix;           /* of keys */
    const char              *directive;        /* for messages */
    const char              *away;             /* what holds meanwhile */
    const char              *rights;           /* what a user must be allowed
                                                  to call */
    size_t                   reply;            /* bytes of a reply */
    ngx_uint_t               elements;         /* of a reply */

    ngx_uint_t               shards;           /* event_store: of the queue */
    ngx_int_t                wait;             /* replicas that must have it */
    size_t                   memory;           /* of events in hand */
    ngx_er_safe_t           *safe;             /* keys; NULL: none */
    unsigned                 queue:1;          /* it is the queue's */
    ngx_str_t                ssl_name;
    ngx_flag_t               ssl_verify;
#if (NGX_SSL)
    ngx_ssl_t               *ssl;              /* NULL: no TLS */
#endif
} ngx_er_redis_conf_t;


/*
 * Reads the arguments of a directive, redis://..., rediss://..., unix:...;
 * logs what is wrong and returns NULL.  What the queue needs other than dedup
 * keys do is its own to change; "timeout" is unset if it is not given.
 */
ngx_er_redis_conf_t *ngx_er_redis_conf_create(ngx_conf_t *cf,
    ngx_command_t *cmd);


#endif /* _NGX_ER_REDIS_CONF_H_INCLUDED_ */
