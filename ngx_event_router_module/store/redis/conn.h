
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One connection of one worker to one Redis: commands are pipelined, each has
 * a deadline, and the connection comes back by itself.  Only the files of this
 * folder may include this header.
 */


#ifndef _NGX_ER_REDIS_CONN_H_INCLUDED_
#define _NGX_ER_REDIS_CONN_H_INCLUDED_


#include "conf.h"


#define NGX_ER_REDIS_COMMANDS  4096    /* not answered yet, of a worker */
#define NGX_ER_REDIS_BUFFER    16384   /* bytes of commands in one write */
#define NGX_ER_REDIS_QUIET     60000   /* ms between equal messages */

#define NGX_ER_REDIS_ADDRS     16      /* of a name */
#define NGX_ER_REDIS_HOST      255     /* bytes of one */


typedef struct {
    ngx_sockaddr_t           sockaddr;
    socklen_t                socklen;
} ngx_er_redis_addr_t;


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
    ngx_str_t                room;     /* the caller's, for the command if it
                                          is enough; else it is allocated */
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


/*
 * How far a connection is that is being made: connect.c reports it to conn.c,
 * which set the handler.  The connection can be gone after GREETING, SHUT and
 * FAILED.
 */

typedef enum {
    NGX_ER_REDIS_STEP_WAIT = 0,        /* "until" is another one */
    NGX_ER_REDIS_STEP_GREETING,        /* is in the buffer, to be written */
    NGX_ER_REDIS_STEP_READY,
    NGX_ER_REDIS_STEP_SHUT,            /* the worker exits */
    NGX_ER_REDIS_STEP_FAILED           /* and "why", a constant */
} ngx_er_redis_step_e;

typedef void (*ngx_er_redis_step_pt)(ngx_er_redis_t *redis,
    ngx_er_redis_step_e step, const char *why);


typedef enum {
    NGX_ER_REDIS_CLOSED = 0,           /* the next command connects */
    NGX_ER_REDIS_PAUSE,                /* before the next try */
    NGX_ER_REDIS_RESOLVING,            /* a name, in a thread */
    NGX_ER_REDIS_CONNECTING,
    NGX_ER_REDIS_HANDSHAKE,            /* TLS */
    NGX_ER_REDIS_GREETING,             /* AUTH, SELECT, PING; or SENTINEL */
    NGX_ER_REDIS_READY
} ngx_er_redis_state_e;


/* a name in a thread, which goes on when its connection has given up */

typedef enum {
    NGX_ER_REDIS_LOOKUP_NONE = 0,
    NGX_ER_REDIS_LOOKUP_UNDER_WAY,
    NGX_ER_REDIS_LOOKUP_LATE           /* addresses came too late for the last
                                          try */
} ngx_er_redis_lookup_e;


/* with sentinels a try is two: whom it is for, or the next one */

typedef enum {
    NGX_ER_REDIS_WHOM_REDIS = 0,       /* named by nginx.conf or a sentinel */
    NGX_ER_REDIS_WHOM_SENTINEL,
    NGX_ER_REDIS_WHOM_MASTER           /* a sentinel has named it: it is next
                                          */
} ngx_er_redis_whom_e;


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
    ngx_er_redis_lookup_e    lookup;   /* of the peer's name */
    ngx_er_redis_whom_e      whom;
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

    ngx_er_redis_step_pt     step;
    ngx_er_redis_down_pt     lost;
    void                    *data;

    u_char                  *pos;      /* of the buffer: not written yet */
    u_char                  *last;
    u_char                   buffer[NGX_ER_REDIS_BUFFER];
};


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
 * exit_process: what waits is written and answers are read, until
 * ngx_current_msec is "until"; their handlers must not begin anything.
 */
void ngx_er_redis_farewell(ngx_er_redis_t *redis, ngx_msec_t until);


#endif /* _NGX_ER_REDIS_CONN_H_INCLUDED_ */
