
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The connections of the queue.  queue.c asks for the one that a shard is on;
 * this file owns them all.
 *
 * In a Redis Cluster a shard's keys are on one node, and who asks another one
 * is told where.  That is remembered until somebody says something else or the
 * node is away; then any other node is asked, and it tells again.  Nodes are
 * never forgotten, but there are at most 64.
 *
 * While a shard is on its way from one node to another its keys are here and
 * there, and a script on the new node would take those that are still on the
 * old one for lost.  So ASK is not followed: the shard is away until it has
 * arrived.  The old node is safe, it refuses scripts that miss a key.
 *
 * WAIT counts what its own connection wrote.  So it is only worth something on
 * the connection on which the write was answered: "times" tells connections
 * apart.  One WAIT is under way at a time and serves all who came before it;
 * half the timeout is for the replicas, the other half for the commands that
 * are queued behind it.  These are only other ACCEPTs: with wait= they have a
 * connection of their own, so that a replica which is away holds up no
 * delivery.
 */


#include "node.h"
#include "report.h"


#define NGX_ER_REDIS_NODES     64
#define NGX_ER_REDIS_FAREWELL  500     /* ms, for all of them */


struct ngx_er_redis_node_s {
    ngx_er_redis_nodes_t    *nodes;
    ngx_er_redis_t          *redis;
    ngx_er_redis_t          *writer;   /* for ACCEPT and its WAIT */
    ngx_er_redis_conf_t      conf;     /* its own address and name */
    ngx_er_redis_peer_t      peer;
    ngx_addr_t               addr;

    ngx_er_redis_op_t        op;       /* WAIT */
    ngx_queue_t              waiting;  /* for the next one */
    ngx_queue_t              batch;    /* for this one */
    ngx_event_t              post;
    unsigned                 busy:1;
};


struct ngx_er_redis_nodes_s {
    ngx_pool_t              *pool;
    ngx_er_redis_conf_t     *conf;
    ngx_er_redis_node_t    **shards;   /* NULL: unknown */
    ngx_uint_t               n;
    ngx_er_redis_node_t     *node[NGX_ER_REDIS_NODES];

    ngx_er_redis_op_t        fsync;    /* INFO, then CONFIG GET */
    unsigned                 closed:1;
};


static ngx_er_redis_node_t *ngx_er_redis_node_open(
    ngx_er_redis_nodes_t *nodes, ngx_str_t *name, ngx_er_redis_peer_t *peer);
static ngx_er_redis_node_t *ngx_er_redis_node_known(
    ngx_er_redis_nodes_t *nodes, ngx_str_t *name);
static ngx_int_t ngx_er_redis_node_host(ngx_str_t *host);
static void ngx_er_redis_node_down(void *data);
static void ngx_er_redis_node_send(ngx_er_redis_node_t *node);
static ngx_int_t ngx_er_redis_node_waited(ngx_er_redis_op_t *op,
    redisReply *reply);
static void ngx_er_redis_node_done(ngx_er_redis_node_t *node,
    ngx_uint_t good);
static void ngx_er_redis_node_post(ngx_event_t *ev);
static ngx_int_t ngx_er_redis_nodes_fsync(ngx_er_redis_op_t *op,
    redisReply *reply);
static ngx_int_t ngx_er_redis_nodes_persistence(ngx_er_redis_op_t *op,
    redisReply *reply);
static void ngx_er_redis_nodes_volatile(ngx_er_redis_nodes_t *nodes);


ngx_er_redis_nodes_t *
ngx_er_redis_nodes_open(ngx_pool_t *pool, ngx_er_redis_conf_t *conf)
{
    ngx_er_redis_nodes_t  *nodes;

    nodes = ngx_pcalloc(pool, sizeof(ngx_er_redis_nodes_t));
    if (nodes == NULL) {
        return NULL;
    }

    nodes->shards = ngx_pcalloc(pool,
                                conf->shards * sizeof(ngx_er_redis_node_t *));
    if (nodes->shards == NULL) {
        return NULL;
    }

    nodes->pool = pool;
    nodes->conf = conf;

    return ngx_er_redis_node_open(nodes, NULL, NULL) ? nodes : NULL;
}


/* "peer" NULL: the one of the configuration */

static ngx_er_redis_node_t *
ngx_er_redis_node_open(ngx_er_redis_nodes_t *nodes, ngx_str_t *name,
    ngx_er_redis_peer_t *peer)
{
    ngx_er_redis_node_t  *node;

    node = ngx_pcalloc(nodes->pool, sizeof(ngx_er_redis_node_t));
    if (node == NULL) {
        return NULL;
    }

    node->nodes = nodes;
    node->conf = *nodes->conf;

    if (peer) {
        node->peer = *peer;

        if (peer->naddrs) {
            node->addr = *peer->addrs;
            node->peer.addrs = &node->addr;
        }

        node->conf.url.name = *name;
        node->conf.peers = &node->peer;
        node->conf.npeers = 1;
        ngx_str_null(&node->conf.url.service);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: node %ui is %V, wait:%i",
                   nodes->n, &node->conf.url.name, node->conf.wait);

    ngx_queue_init(&node->waiting);
    ngx_queue_init(&node->batch);

    node->op.handler = ngx_er_redis_node_waited;
    node->op.data = node;

    node->post.handler = ngx_er_redis_node_post;
    node->post.data = node;
    node->post.log = ngx_cycle->log;

    node->redis = ngx_er_redis_open(nodes->pool, &node->conf,
                                    ngx_er_redis_node_down, node);
    if (node->redis == NULL) {
        return NULL;
    }

    node->writer = node->redis;

    if (node->conf.wait > 0) {
        node->writer = ngx_er_redis_open(nodes->pool, &node->conf,
                                         ngx_er_redis_node_down, node);
        if (node->writer == NULL) {
            return NULL;
        }
    }

    nodes->node[nodes->n++] = node;

    return node;
}


void
ngx_er_redis_nodes_close(ngx_er_redis_nodes_t *nodes)
{
    ngx_uint_t            i;
    ngx_msec_t            until;
    ngx_er_redis_node_t  *node;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %ui nodes are closed", nodes->n);

    nodes->closed = 1;

    ngx_time_update();
    until = ngx_current_msec + NGX_ER_REDIS_FAREWELL;

    for (i = 0; i < nodes->n; i++) {
        node = nodes->node[i];

        if (node->post.posted) {
            ngx_delete_posted_event(&node->post);
        }

        ngx_er_redis_farewell(node->redis, until);
        ngx_er_redis_close(node->redis);

        if (node->writer != node->redis) {
            ngx_er_redis_close(node->writer);
        }
    }
}


ngx_er_redis_node_t *
ngx_er_redis_nodes_get(ngx_er_redis_nodes_t *nodes, ngx_uint_t shard)
{
    ngx_uint_t            i;
    ngx_er_redis_node_t  *node;

    node = nodes->shards[shard];

    if (node && !node->redis->down) {
        return node;
    }

    nodes->shards[shard] = NULL;

    for (i = 0; i < nodes->n; i++) {
        if (!nodes->node[i]->redis->down) {
            return nodes->node[i];
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: no node for shard %ui, all %ui are "
                   "away", shard, nodes->n);

    return NULL;
}


void
ngx_er_redis_nodes_set(ngx_er_redis_nodes_t *nodes, ngx_uint_t shard,
    ngx_er_redis_node_t *node)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: shard %ui is on node %V",
                   shard, &node->conf.url.name);

    nodes->shards[shard] = node;
}


ngx_er_redis_node_t *
ngx_er_redis_nodes_find(ngx_er_redis_nodes_t *nodes,
    ngx_er_redis_node_t *from, ngx_str_t *host, in_port_t port)
{
    u_char               *p;
    ngx_str_t             name;
    ngx_addr_t            addr;
    ngx_er_redis_node_t  *known;
    ngx_er_redis_peer_t   peer;

    if (host->len == 0) {
        name = from->conf.url.name;

        while (name.len && name.data[name.len - 1] != ':') {
            name.len--;
        }

        name.len -= (name.len != 0);
        host = &name;
    }

    p = ngx_pnalloc(nodes->pool, host->len + sizeof(":65535"));
    if (p == NULL) {
        return NULL;
    }

    peer.host.data = p;
    peer.host.len = host->len;
    peer.port = port;
    peer.addrs = &addr;
    peer.naddrs = 0;

    name.len = ngx_sprintf(p, "%V:%ui", host, (ngx_uint_t) port) - p;
    name.data = p;

    known = ngx_er_redis_node_known(nodes, &name);

    if (known) {
        (void) ngx_pfree(nodes->pool, p);
        return known;
    }

    if (nodes->n == NGX_ER_REDIS_NODES
        || ngx_er_redis_node_host(&peer.host) != NGX_OK)
    {
        if (ngx_er_redis_may_say(&from->redis->said[NGX_ER_REDIS_SAID_NODE],
                                 NGX_ER_REDIS_QUIET))
        {
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "redis %V: it names a node that cannot be used; a "
                          "cluster must have at most %d nodes, known by "
                          "addresses or names",
                          &from->conf.url.name, NGX_ER_REDIS_NODES);
        }

        return NULL;
    }

    if (ngx_parse_addr(nodes->pool, &addr, p, host->len) == NGX_OK) {
        ngx_inet_set_port(addr.sockaddr, port);
        peer.naddrs = 1;
    }

    return ngx_er_redis_node_open(nodes, &name, &peer);
}


static ngx_er_redis_node_t *
ngx_er_redis_node_known(ngx_er_redis_nodes_t *nodes, ngx_str_t *name)
{
    ngx_str_t   *other;
    ngx_uint_t   i;

    for (i = 0; i < nodes->n; i++) {
        other = &nodes->node[i]->conf.url.name;

        if (other->len == name->len
            && ngx_memcmp(other->data, name->data, name->len) == 0)
        {
            return nodes->node[i];
        }
    }

    return NULL;
}


/* letters of names and addresses; "?" is who does not know its own */

static ngx_int_t
ngx_er_redis_node_host(ngx_str_t *host)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < host->len; i++) {
        c = host->data[i];

        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
            continue;
        }

        if ((c < '0' || c > '9') && c != '.' && c != '-' && c != '_'
            && c != ':')
        {
            return NGX_ERROR;
        }
    }

    return (i && i <= NGX_ER_REDIS_HOST) ? NGX_OK : NGX_ERROR;
}


/* commands under way fail by their handlers */

static void
ngx_er_redis_node_down(void *data)
{
}


ngx_int_t
ngx_er_redis_node_run(ngx_er_redis_node_t *node, ngx_er_redis_op_t *op,
    ngx_str_t *words, ngx_uint_t n)
{
    return ngx_er_redis_run(node->redis, op, words, n);
}


ngx_int_t
ngx_er_redis_node_write(ngx_er_redis_node_t *node, ngx_er_redis_op_t *op,
    ngx_str_t *words, ngx_uint_t n)
{
    return ngx_er_redis_run(node->writer, op, words, n);
}


ngx_msec_t
ngx_er_redis_node_until(ngx_er_redis_node_t *node, ngx_er_redis_op_t *op,
    ngx_uint_t write)
{
    return ngx_er_redis_until(write ? node->writer : node->redis, op);
}


ngx_er_redis_error_e
ngx_er_redis_node_judge(ngx_er_redis_node_t *node, redisReply *reply)
{
    return ngx_er_redis_judge(node->redis, reply);
}


void
ngx_er_redis_node_wait(ngx_er_redis_node_t *node, ngx_er_redis_wait_t *wait)
{
    wait->times = node->writer->times;
    ngx_queue_insert_tail(&node->waiting, &wait->queue);

    if (!node->busy) {
        ngx_post_event(&node->post, &ngx_posted_events);
    }
}


/* all replies that have been read are in it */

static void
ngx_er_redis_node_post(ngx_event_t *ev)
{
    ngx_er_redis_node_t  *node;

    node = ev->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V, replicas are waited for, busy:%d",
                   &node->conf.url.name, node->busy);

    if (!node->busy && !ngx_queue_empty(&node->waiting)) {
        ngx_er_redis_node_send(node);
    }
}


static void
ngx_er_redis_node_send(ngx_er_redis_node_t *node)
{
    u_char      text[2][NGX_INT_T_LEN];
    ngx_str_t   words[3];

    ngx_queue_add(&node->batch, &node->waiting);
    ngx_queue_init(&node->waiting);

    ngx_str_set(&words[0], "WAIT");

    words[1].data = text[0];
    words[1].len = ngx_sprintf(text[0], "%i", node->conf.wait) - text[0];

    words[2].data = text[1];
    words[2].len = ngx_sprintf(text[1], "%M", node->conf.timeout / 2 + 1)
                   - text[1];

    node->op.deadline = 0;
    node->busy = 1;

    if (ngx_er_redis_run(node->writer, &node->op, words, 3) != NGX_OK) {
        ngx_er_redis_node_done(node, 0);
    }
}


static ngx_int_t
ngx_er_redis_node_waited(ngx_er_redis_op_t *op, redisReply *reply)
{
    ngx_uint_t            good;
    ngx_er_redis_node_t  *node;

    node = op->data;

    if (node->nodes->closed) {
        return NGX_OK;
    }

    good = reply && reply->type == REDIS_REPLY_INTEGER
           && reply->integer >= node->conf.wait;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V, replicas are enough:%ui of %i",
                   &node->conf.url.name, good, node->conf.wait);

    if (!good && reply
        && ngx_er_redis_may_say(&node->redis->said[NGX_ER_REDIS_SAID_NODE],
                                NGX_ER_REDIS_QUIET))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "redis %V: fewer than wait=%i replicas have it in time, "
                      "events are answered 503", &node->conf.url.name,
                      node->conf.wait);
    }

    ngx_er_redis_node_done(node, good);

    return NGX_OK;
}


static void
ngx_er_redis_node_done(ngx_er_redis_node_t *node, ngx_uint_t good)
{
    ngx_queue_t          *q, batch;
    ngx_er_redis_wait_t  *wait;

    ngx_queue_init(&batch);

    if (!ngx_queue_empty(&node->batch)) {
        ngx_queue_add(&batch, &node->batch);
        ngx_queue_init(&node->batch);
    }

    node->busy = 0;

    while (!ngx_queue_empty(&batch)) {
        q = ngx_queue_head(&batch);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_er_redis_wait_t, queue);
        wait->handler(wait, good && wait->times == node->writer->times);
    }

    if (!node->busy && !ngx_queue_empty(&node->waiting)) {
        ngx_post_event(&node->post, &ngx_posted_events);
    }
}


/* one worker says it for all */

void
ngx_er_redis_nodes_inspect(ngx_er_redis_nodes_t *nodes)
{
    ngx_str_t  words[2];

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: persistence is asked for, worker:%ui",
                   ngx_worker);

    if (ngx_worker != 0) {
        return;
    }

    ngx_str_set(&words[0], "INFO");
    ngx_str_set(&words[1], "persistence");

    nodes->fsync.handler = ngx_er_redis_nodes_persistence;
    nodes->fsync.data = nodes;
    nodes->fsync.quiet = 1;
    nodes->fsync.deadline = 0;

    (void) ngx_er_redis_run(nodes->node[0]->redis, &nodes->fsync, words, 2);
}


/* what appendfsync is says nothing if there is no file to sync */

static ngx_int_t
ngx_er_redis_nodes_persistence(ngx_er_redis_op_t *op, redisReply *reply)
{
    ngx_str_t              words[3];
    ngx_er_redis_nodes_t  *nodes;

    nodes = op->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V answers INFO:%d",
                   &nodes->conf->url.name, reply != NULL);

    if (nodes->closed || reply == NULL) {
        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_STRING
        && ngx_strnstr((u_char *) reply->str, "aof_enabled:0", reply->len))
    {
        ngx_er_redis_nodes_volatile(nodes);
        return NGX_OK;
    }

    ngx_str_set(&words[0], "CONFIG");
    ngx_str_set(&words[1], "GET");
    ngx_str_set(&words[2], "appendfsync");

    op->handler = ngx_er_redis_nodes_fsync;
    op->deadline = 0;

    (void) ngx_er_redis_run(nodes->node[0]->redis, op, words, 3);

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_nodes_fsync(ngx_er_redis_op_t *op, redisReply *reply)
{
    redisReply            *text;
    ngx_er_redis_nodes_t  *nodes;

    nodes = op->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V answers CONFIG GET:%d",
                   &nodes->conf->url.name, reply != NULL);

    if (nodes->closed || reply == NULL) {
        return NGX_OK;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "redis %V: its appendfsync is not known, since it does "
                      "not answer CONFIG GET; unless that is always, a crash "
                      "of its machine loses the last events that were "
                      "accepted", &nodes->conf->url.name);
        return NGX_OK;
    }

    text = reply->element[1];

    if (text->len != sizeof("always") - 1
        || ngx_strncmp(text->str, "always", sizeof("always") - 1) != 0)
    {
        ngx_er_redis_nodes_volatile(nodes);
    }

    return NGX_OK;
}


static void
ngx_er_redis_nodes_volatile(ngx_er_redis_nodes_t *nodes)
{
    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "redis %V: its appendfsync is not always, a crash of its "
                  "machine loses the last events that were accepted",
                  &nodes->conf->url.name);
}
