
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The durable queue: event_store file: (file/queue.c, LMDB) or redis://
 * (redis/queue.c).  Operations are those of entry.h; deliver/dispatch.c is who
 * asks, ingest asks for ACCEPT, observe for LIST, REPLAY and PURGE.
 */


#ifndef _NGX_ER_QUEUE_H_INCLUDED_
#define _NGX_ER_QUEUE_H_INCLUDED_


#include "../event_router.h"
#include "census.h"
#include "entry.h"
#include "../base/histogram.h"


/* a store as the worker sees it */

typedef struct {
    const char            *name;       /* "file", "redis" */
    ngx_uint_t             optional;   /* not used unless a source is queued */
    ngx_uint_t             pulse;      /* each worker's SWEEP says that it is
                                          alive, at least every 10 s */
    ngx_uint_t           (*works)(ngx_er_queue_t *queue);
                                       /* 1: it is open; NULL: nobody knows
                                          without asking */
    ngx_uint_t             commits;    /* it tells how long its commits take */

    /* init_process: NGX_OK, also if the store cannot be used now; NGX_ERROR
       after logging at emerg: no memory */
    ngx_int_t            (*open)(ngx_er_queue_t *queue, ngx_cycle_t *cycle);

    /* exit_process: no handler is called any more */
    void                 (*close)(ngx_er_queue_t *queue);

    /* takes the operation; its handler will be called, never from inside */
    void                 (*run)(ngx_er_queue_t *queue, ngx_er_queue_op_t *op);

    /* when all of nginx.conf was read; "old" is that of the workers that run,
       or NULL; NGX_ERROR after logging at emerg: it must not be taken.  What
       was found in it is in the census.  NULL: there is nothing to look at */
    ngx_int_t            (*check)(ngx_er_queue_t *queue, ngx_er_queue_t *old,
                                  ngx_er_census_t *census, ngx_cycle_t *cycle);
} ngx_er_queue_backend_t;


struct ngx_er_queue_s {
    ngx_er_queue_backend_t  *backend;
    void                    *conf;     /* the backend's */
    ngx_er_where_t           where;    /* of event_store */
    ngx_uint_t               open;     /* in this worker */
    size_t                   memory;   /* bytes of records in hand, a worker */
    uint64_t                 piece;    /* bytes of an event for which there is
                                          room in one piece; 0: of any */
    ngx_uint_t               parts;    /* of it, which do not know of each
                                          other's entries; 0, 1: it is one */
    uint64_t                 size;     /* bytes of the store; 0: it is not
                                          known */
    ngx_msec_t               history_time;  /* observe/history_conf.c's; 0: no
                                               history */
    uint64_t                 history_size;
    uint64_t                 generation;  /* of the configuration: when it was
                                             read, ms */
    ngx_atomic_t            *lost;     /* entries that the store has lost, in
                                          shared memory; NULL: it does not */
    ngx_uint_t               high;     /* percent of its size beyond which it
                                          takes no event; 0: it says so */
    ngx_atomic_t            *commits;  /* how long they take, in shared memory;
                                          NULL: nobody asks */
    const ngx_er_histogram_t  *bounds;   /* of these */
    ngx_str_t                name;     /* for people: what and where it is */

    /* the worker's */

    void                    *data;     /* the backend's */
    uint64_t                 holder;   /* this worker in the store, never 0 */
    uint64_t                 token;    /* of the last lease */
};


/* a token that no other lease has */
#define ngx_er_queue_token(q)  (++(q)->token)

/*
 * Creates an operation with a pool of its own for results; the handler, or
 * whoever it hands the operation to, calls ngx_er_queue_op_free().  NULL: no
 * memory.
 */
ngx_er_queue_op_t *ngx_er_queue_op(ngx_er_queue_verb_e verb,
    ngx_er_queue_op_pt handler, void *data);
void ngx_er_queue_op_free(ngx_er_queue_op_t *op);

/* the same for an act on rows of (kind, name); the rest of op->shelf is 0 */
ngx_er_queue_op_t *ngx_er_queue_shelf_op(ngx_er_shelf_act_e act,
    ngx_er_shelf_kind_e kind, uint64_t name, ngx_er_queue_op_pt handler,
    void *data);

/* the handler will be called, never from inside */
void ngx_er_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op);

/* for stores: an operation has its rc; calls its handler */
void ngx_er_queue_done(ngx_er_queue_op_t *op);

/* who is told of op->graves, before the handler of the operation is called */
void ngx_er_queue_graves(ngx_er_queue_op_pt told);

/*
 * The store's clock, ms: the wall clock, but it never runs backwards.  A store
 * with a clock of its own (or that has seen a later time) says so.
 */
uint64_t ngx_er_queue_now(void);
void ngx_er_queue_clock(uint64_t now);

/* a name, never 0, of this nginx among those that share a store: its host and
   the path of its nginx.conf; kept in stores */
uint64_t ngx_er_queue_nginx(ngx_cycle_t *cycle);

/* 1: the store did what this worker asked of it last */
ngx_uint_t ngx_er_queue_answers(void);

/* 1: as far as is known now the store cannot be used; it has no room for an
   event: was that said in the last seconds? */
ngx_uint_t ngx_er_queue_away(ngx_er_queue_t *queue);
ngx_uint_t ngx_er_queue_full(void);

/* how often it failed, and did, what this worker asked */
void ngx_er_queue_health(ngx_uint_t *failed, ngx_uint_t *worked);

/* postconfiguration */
ngx_int_t ngx_er_queue_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* init_conf of a core module: "old" and "census" as above */
ngx_int_t ngx_er_queue_check(ngx_er_queue_t *queue, ngx_er_queue_t *old,
    ngx_er_census_t *census, ngx_cycle_t *cycle);

/* init_process and exit_process */
ngx_int_t ngx_er_queue_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);
void ngx_er_queue_exit_worker(ngx_er_queue_t *queue);


#endif /* _NGX_ER_QUEUE_H_INCLUDED_ */
