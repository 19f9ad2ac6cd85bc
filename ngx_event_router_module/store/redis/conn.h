
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One connection of one worker to one Redis: commands are pipelined, each has
 * a deadline, and the connection comes back by itself.  Only the files
 * redis*.c may include this header.
 */


#ifndef _NGX_ER_REDIS_CONN_H_INCLUDED_
#define _NGX_ER_REDIS_CONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include "redis.h"


#define NGX_ER_REDIS_COMMANDS  4096    /* not answered yet, of a worker */
#define NGX_ER_REDIS_BUFFER    16384   /* bytes of commands in one write */
#define NGX_ER_REDIS_QUIET     60000   /* ms between equal messages */


#define NGX_ER_REDIS_ADDRS     16      /* of a name */
#define NGX_ER_REDIS_HOST      255     /* bytes of one */


/* where a Redis or a sentinel is: addresses, or a name if there are none */

typedef struct {
    ngx_str_t                host;
    in_port_t                port;
    ngx_addr_t              *addrs;
    ngx_uint_t               naddrs;
} ngx_er_redis_peer_t;


typedef struct {
    ngx_sockaddr_t           sockaddr;
    socklen_t                socklen;
} ngx_er_redis_addr_t;


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
    unsigned                 queue:1;          /* it is the queue's */
    ngx_str_t                ssl_name;
    ngx_flag_t               ssl_verify;
#if (NGX_SSL)
    ngx_ssl_t               *ssl;              /* NULL: no TLS */
#endif
} ngx_er_redis_conf_t;


typedef struct ngx_er_redis_s     ngx_er_redis_t;
typedef struct ngx_er_redis_op_s  ngx_er_redis_op_t;

/* "reply" NULL: none came, whether the command ran is unknown.  The reply
   lives as long as the call.  Further commands may be run from inside.
   NGX_ERROR: that is no reply to such a command, close the connection. */
typedef ngx_int_t (*ngx_er_redis_op_pt)(ngx_er_redis_op_t *op,
    redisReply *reply);

/* commands fail at once from now on, until the connection is ready again */
typedef void (*ngx_er_redis_down_pt)(void *data);


/* a command under way; it belongs to its caller and must stay until the
   handler is called */

struct ngx_er_redis_op_s {
    ngx_queue_t              queue;
    ngx_str_t                command;  /* the connection's while under way */
    ngx_msec_t               deadline;
    ngx_er_redis_op_pt       handler;
    void                    *data;
    ngx_er_redis_error_e     error;    /* what an error reply says */
    unsigned                 resent:1;
    unsigned                 quiet:1;  /* its caller knows what errors mean:
                                          none is logged */
    unsigned                 follow:1; /* it goes where MOVED says */
};


#define ngx_er_redis_expired(op)                                              \
    ((ngx_msec_int_t) ((op)->deadline - ngx_current_msec) <= 0)

#define ngx_er_redis_first(list)                                              \
    ngx_queue_data(ngx_queue_head(list), ngx_er_redis_op_t, queue)


typedef enum {
    NGX_ER_REDIS_CLOSED = 0,           /* the next command connects */
    NGX_ER_REDIS_PAUSE,                /* before the next try */
    NGX_ER_REDIS_RESOLVING,            /* a name, in a thread */
    NGX_ER_REDIS_CONNECTING,
    NGX_ER_REDIS_HANDSHAKE,            /* TLS */
    NGX_ER_REDIS_GREETING,             /* AUTH, SELECT, PING; or SENTINEL */
    NGX_ER_REDIS_READY
} ngx_er_redis_state_e;


#define NGX_ER_REDIS_REASONS  8


typedef enum {
    NGX_ER_REDIS_SAID_LOST = 0,
    NGX_ER_REDIS_SAID_READY,
    NGX_ER_REDIS_SAID_DOWN,            /* and some, by the reason: a name can
                                          have two addresses, each with its */
    NGX_ER_REDIS_SAID_FULL = NGX_ER_REDIS_SAID_DOWN + NGX_ER_REDIS_REASONS,
    NGX_ER_REDIS_SAID_NODE,
    NGX_ER_REDIS_SAID_NAME,            /* it is not known */
    NGX_ER_REDIS_SAID_MASTER,          /* and what a sentinel says */
    NGX_ER_REDIS_SAID_SECRET,
    NGX_ER_REDIS_SAID_STARTS,
    NGX_ER_REDIS_SAID_ODD,
    NGX_ER_REDIS_SAID_ERROR,           /* and one for each kind of error */
    NGX_ER_REDIS_SAID_LAST = NGX_ER_REDIS_SAID_ERROR + NGX_ER_REDIS_OTHER + 1
} ngx_er_redis_said_e;


struct ngx_er_redis_s {
    ngx_er_redis_conf_t     *conf;
    ngx_er_redis_state_e     state;
    ngx_connection_t        *connection;
    ngx_er_redis_reader_t    reader;
    ngx_uint_t               greetings;  /* their replies still due */

    ngx_queue_t              waiting;  /* not written yet */
    ngx_queue_t              sent;     /* replies are due in this order */
    ngx_uint_t               commands; /* in both */
    ngx_msec_t               heard;    /* the last reply to one, or when the
                                          first one of them came */

    ngx_uint_t               tries;    /* to connect, since it was well */
    ngx_uint_t               turn;     /* of the peers, sentinels */
    ngx_uint_t               skip;     /* addresses that led to a replica */
    ngx_er_redis_peer_t     *peer;     /* that is tried */
    ngx_er_redis_addr_t      addrs[NGX_ER_REDIS_ADDRS];
    ngx_uint_t               naddrs;   /* of it */
    ngx_uint_t               tried;    /* of them */
    ngx_str_t                addr;     /* the one that is tried, for people */
    u_char                   addr_text[NGX_SOCKADDR_STRLEN];
    ngx_er_redis_peer_t      master;   /* that a sentinel has named */
    ngx_addr_t               numeric;  /* its address if that is one */
    ngx_sockaddr_t           sockaddr;
    u_char                   text[NGX_ER_REDIS_HOST];
    ngx_pool_t              *pool;
#if (NGX_THREADS)
    ngx_thread_task_t       *task;     /* looks up a name */
#endif
    unsigned                 resolving:1;  /* it is under way */
    unsigned                 resolved:1;   /* addresses came too late for the
                                              last try */
    unsigned                 asking:1; /* a sentinel is asked */
    unsigned                 named:1;  /* the next one is the master */
    ngx_msec_t               until;    /* connect deadline */
    ngx_msec_t               ready;    /* since when it is */
    ngx_uint_t               times;    /* that it became ready */
    ngx_er_redis_op_t       *large;    /* is being written, past the buffer */
    unsigned                 down:1;   /* commands fail at once */

    ngx_event_t              pause;
    ngx_event_t              deadline;
    ngx_connection_t         timers;   /* what the timers' data is */
    ngx_log_t                log;      /* of nginx's own messages */
    ngx_msec_t               said[NGX_ER_REDIS_SAID_LAST];

    ngx_er_redis_down_pt     lost;
    void                    *data;

    u_char                  *pos;      /* of the buffer: not written yet */
    u_char                  *last;
    u_char                   buffer[NGX_ER_REDIS_BUFFER];
};


/*
 * conf.c: reads the arguments of a directive, redis://..., rediss://...,
 * unix:...; logs what is wrong and returns NULL.  What the queue needs other
 * than dedup keys do is its own to change; "timeout" is unset if it is not
 * given.
 */
ngx_er_redis_conf_t *ngx_er_redis_conf_create(ngx_conf_t *cf,
    ngx_command_t *cmd);

/* connects at once; NULL: no memory */
ngx_er_redis_t *ngx_er_redis_open(ngx_pool_t *pool, ngx_er_redis_conf_t *conf,
    ngx_er_redis_down_pt lost, void *data);
void ngx_er_redis_close(ngx_er_redis_t *redis);

/*
 * Runs a command: handler and data of the op are set, and its deadline or 0.
 * NGX_OK: the handler will be called, never from inside.  NGX_DECLINED: Redis
 * is away, or too much is under way, or there is no memory; nothing was sent.
 */
ngx_int_t ngx_er_redis_run(ngx_er_redis_t *redis, ngx_er_redis_op_t *op,
    ngx_str_t *words, ngx_uint_t n);


/*
 * When ngx_current_msec is that, nobody waits any more for a command that is
 * run now.  Its own deadline (in ms, set) may be later: while Redis says
 * nothing, it looks as if the first one will be late, which takes the
 * connection with it.
 */
ngx_msec_t ngx_er_redis_until(ngx_er_redis_t *redis, ngx_er_redis_op_t *op);


/*
 * Between conn.c, connect.c, conn.c and report.c.
 * After lost(), and after greeted(), which may call it, the connection can be
 * gone.  fail() tells all commands of a list that they have failed.
 */

void ngx_er_redis_connect(ngx_er_redis_t *redis);

/*
 * peer.c.  resolve(): NGX_OK: the addresses are there; NGX_AGAIN: the
 * handler will be called, with NULL or why there are none; NGX_ERROR: no
 * memory, no thread.  resolvable() blocks: NULL, or why a name has none.
 */
typedef void (*ngx_er_redis_resolve_pt)(ngx_er_redis_t *redis,
    const char *why);

ngx_int_t ngx_er_redis_resolve(ngx_er_redis_t *redis,
    ngx_er_redis_peer_t *peer, ngx_er_redis_resolve_pt handler);
const char *ngx_er_redis_resolvable(ngx_er_redis_peer_t *peer);

/*
 * peer.c.  words() of AUTH or of the question, how many.  reply():
 * NGX_OK: redis->master; NGX_AGAIN: it was the one to AUTH; NGX_ERROR, logged.
 */
ngx_uint_t ngx_er_redis_sentinel_words(ngx_er_redis_conf_t *conf,
    ngx_uint_t auth, ngx_str_t *words);
ngx_int_t ngx_er_redis_sentinel_reply(ngx_er_redis_t *redis,
    redisReply *reply);
void ngx_er_redis_greeted(ngx_er_redis_t *redis, redisReply *reply);
void ngx_er_redis_drop(ngx_er_redis_t *redis);

void ngx_er_redis_lost(ngx_er_redis_t *redis, const char *why,
    ngx_uint_t down);
void ngx_er_redis_shut(ngx_er_redis_t *redis);
void ngx_er_redis_fail(ngx_er_redis_t *redis, ngx_queue_t *failed);
void ngx_er_redis_arm(ngx_er_redis_t *redis);
void ngx_er_redis_deadline_handler(ngx_event_t *ev);
void ngx_er_redis_pause_handler(ngx_event_t *ev);
void ngx_er_redis_read_handler(ngx_event_t *rev);
void ngx_er_redis_write_handler(ngx_event_t *wev);

/* what an error reply means; says it, too */
ngx_er_redis_error_e ngx_er_redis_judge(ngx_er_redis_t *redis,
    redisReply *reply);

/* conn.c: exit_process: what waits is written and answers are read,
   until ngx_current_msec is "until"; their handlers must not begin anything */
void ngx_er_redis_farewell(ngx_er_redis_t *redis, ngx_msec_t until);

/* 1, at most once in "quiet" ms; *said is when that was, 0: never */
ngx_uint_t ngx_er_redis_may_say(ngx_msec_t *said, ngx_msec_t quiet);


#endif /* _NGX_ER_REDIS_CONN_H_INCLUDED_ */
