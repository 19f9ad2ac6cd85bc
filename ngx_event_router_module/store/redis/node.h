
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The connections of the queue: one to the Redis that nginx.conf names, and in
 * a Redis Cluster one to every node that it has sent us to.
 */


#ifndef _NGX_ER_REDIS_NODE_H_INCLUDED_
#define _NGX_ER_REDIS_NODE_H_INCLUDED_


#include "conn.h"


typedef struct ngx_er_redis_nodes_s  ngx_er_redis_nodes_t;
typedef struct ngx_er_redis_node_s   ngx_er_redis_node_t;
typedef struct ngx_er_redis_wait_s   ngx_er_redis_wait_t;


/* who waits until replicas have what it wrote; it stays until the handler is
   called, "good" is 0 if that is unknown */

struct ngx_er_redis_wait_s {
    ngx_queue_t              queue;
    ngx_uint_t               times;    /* of its connection */
    void                   (*handler)(ngx_er_redis_wait_t *wait,
                                      ngx_uint_t good);
    void                    *data;
};


/* connects to the first one; NULL: no memory */
ngx_er_redis_nodes_t *ngx_er_redis_nodes_open(ngx_pool_t *pool,
    ngx_er_redis_conf_t *conf);

/* exit_process: what was run is written, if that does not take long */
void ngx_er_redis_nodes_close(ngx_er_redis_nodes_t *nodes);

/* the node of a shard, as far as is known; NULL: none can be reached */
ngx_er_redis_node_t *ngx_er_redis_nodes_get(ngx_er_redis_nodes_t *nodes,
    ngx_uint_t shard);

/* it has moved there */
void ngx_er_redis_nodes_set(ngx_er_redis_nodes_t *nodes, ngx_uint_t shard,
    ngx_er_redis_node_t *node);

/* the node at an address that "from" has named; an empty host is its own.
   NULL: there are too many, or it is no address. */
ngx_er_redis_node_t *ngx_er_redis_nodes_find(ngx_er_redis_nodes_t *nodes,
    ngx_er_redis_node_t *from, ngx_str_t *host, in_port_t port);

/* looks how Redis is configured and warns of what loses events */
void ngx_er_redis_nodes_inspect(ngx_er_redis_nodes_t *nodes);

/* as ngx_er_redis_run() */
ngx_int_t ngx_er_redis_node_run(ngx_er_redis_node_t *node,
    ngx_er_redis_op_t *op, ngx_str_t *words, ngx_uint_t n);

/* the same for what waits for replicas, see below */
ngx_int_t ngx_er_redis_node_write(ngx_er_redis_node_t *node,
    ngx_er_redis_op_t *op, ngx_str_t *words, ngx_uint_t n);

/* as ngx_er_redis_until(), for what is run next, or written if "write" is 1 */
ngx_msec_t ngx_er_redis_node_until(ngx_er_redis_node_t *node,
    ngx_er_redis_op_t *op, ngx_uint_t write);

/* what an error reply means that is a part of another one; says it, too */
ngx_er_redis_error_e ngx_er_redis_node_judge(ngx_er_redis_node_t *node,
    redisReply *reply);

/*
 * Waits for the replicas of what this node has just answered.  The handler is
 * never called from inside.
 */
void ngx_er_redis_node_wait(ngx_er_redis_node_t *node,
    ngx_er_redis_wait_t *wait);


#endif /* _NGX_ER_REDIS_NODE_H_INCLUDED_ */
