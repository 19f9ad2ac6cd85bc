
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Duplicates: claim with a token and a lease, settle each target, then
 * finalize; or release, so that the producer's retry calls only the targets
 * that are not settled.  Backends: shared memory (memory.c, which also takes
 * over when Redis is away) and Redis (redis/dedup.c).
 *
 * Every answer comes through the claim's handler, also when it is known at
 * once: then from a posted event, never from inside the call.  A claim belongs
 * to its caller until ngx_er_claim_done(); after that the store may go on
 * working with it and frees it itself, calling nothing.
 */


#ifndef _NGX_ER_DEDUP_H_INCLUDED_
#define _NGX_ER_DEDUP_H_INCLUDED_


#include "../event_router.h"
#include "../base/spare.h"


typedef enum {
    NGX_ER_CLAIM_NEW = 0,              /* first seen: deliver */
    NGX_ER_CLAIM_RESUME,               /* deliver to what is not settled */
    NGX_ER_CLAIM_BUSY,                 /* another attempt holds it: retry_ms */
    NGX_ER_CLAIM_DUPLICATE,            /* done before */
    NGX_ER_CLAIM_UNAVAILABLE           /* the store is away and on_error says
                                          closed */
} ngx_er_claim_result_e;


typedef enum {
    NGX_ER_DEDUP_OFF = 0,
    NGX_ER_DEDUP_MEMORY,
    NGX_ER_DEDUP_REDIS,
    NGX_ER_DEDUP_LOCAL,                /* Redis away, memory took over */
    NGX_ER_DEDUP_NONE,                 /* store away, delivered without */
    NGX_ER_DEDUP_QUEUE                 /* the queue's own keys */
} ngx_er_dedup_mode_e;                 /* $event_dedup: off memory redis local
                                          none queue */

#define NGX_ER_DEDUP_LAST  NGX_ER_DEDUP_QUEUE


typedef struct ngx_er_claim_s        ngx_er_claim_t;
typedef struct ngx_er_memory_s       ngx_er_memory_t;
typedef struct ngx_er_redis_store_s  ngx_er_redis_store_t;

typedef void (*ngx_er_claim_pt)(ngx_er_claim_t *claim);


struct ngx_er_claim_s {

    /* the caller's, before ngx_er_claim() */

    u_char                 key[32];
    uint64_t               source;     /* hash of its name; 0: of a key that is
                                          known or nobody's */
    ngx_msec_t             lease;      /* ms */
    ngx_msec_t             window;     /* ms a finished key is remembered */
    ngx_er_on_error_e      on_error;
    ngx_er_claim_pt        handler;    /* claimed, see result */
    ngx_er_claim_pt        finished;   /* finalize or release was answered or
                                          failed: "fenced" and "lost" are set;
                                          NULL: nobody waits */
    void                  *data;
    u_char                 token[16];  /* fences: names this attempt */
    uint64_t               print;      /* of the body; 0: the key covers it */
    unsigned               named:1;    /* token is set: who asks again with it
                                          gets the key again */

    /* out */

    ngx_er_claim_result_e  result;
    ngx_er_dedup_mode_e    mode;
    ngx_msec_t             retry_ms;   /* BUSY: how long the lease lasts */
    ngx_array_t            settled;    /* RESUME: of uint64_t, targets' hashes;
                                          ngx_er_claim_settle() adds to it */
    ngx_array_t           *dead;       /* RESUME: of uint64_t, or NULL: it was
                                          done, and these targets have it as a
                                          dead letter: only for them */
    ngx_uint_t             attempts;   /* of this event, this one included */
    unsigned               fenced:1;   /* another holder has the key now: call
                                          no further target, answer no 2xx */
    unsigned               lost:1;     /* the store did not answer */
    unsigned               differs:1;  /* DUPLICATE: the first one had another
                                          body */
    u_char                 holder[16]; /* DUPLICATE: the token that it was
                                          finalized with; zeros: unknown */

    /* the store's own */

    ngx_pool_t            *pool;
    ngx_er_dedup_t        *dedup;
    void                  *entry;      /* memory.c's: where the key is */
    ngx_queue_t            queue;      /* of dedup's live claims: Redis gave
                                          them and they are not at an end */
    ngx_queue_t            wait;       /* of dedup's waiting claims; "next" is
                                          NULL: Redis knows what is settled */
    ngx_msec_t             due;        /* when it has waited enough */
    ngx_uint_t             told;       /* of "settled": Redis knows so many */
    ngx_event_t            posted;     /* calls "call" */
    ngx_er_claim_pt        call;       /* handler, finished or NULL */
    ngx_uint_t             commands;   /* Redis has not answered yet */
    ngx_uint_t             end;        /* ngx_er_verb_e that ended it, or 0 */
    unsigned               live:1;     /* in the queue */
    unsigned               held:1;     /* shared memory knows the claim, too */
    unsigned               done:1;
};


/* what one of the two directives says */

typedef struct {
    size_t                   size;     /* memory:SIZE */
    ngx_er_redis_store_t    *redis;
} ngx_er_dedup_choice_t;


struct ngx_er_dedup_s {
    ngx_er_dedup_choice_t    store;    /* event_store */
    ngx_er_dedup_choice_t    own;      /* event_dedup_store, goes first */

    ngx_er_memory_t         *memory;
    ngx_er_redis_store_t    *redis;    /* NULL: shared memory is the store */

    /* the worker's */

    ngx_er_spare_t           spare;    /* pools of claims */
    ngx_queue_t              live;     /* claims that Redis gave */
    ngx_queue_t              waiting;  /* for their end, with settled targets;
                                          the first one is due first */
    ngx_event_t              timer;    /* of these */
    ngx_connection_t         dummy;    /* what the timer's data is */
    u_char                   seed[16];
    uint64_t                 serial;
};


/* memory is from a pool of its own; NULL: none left */
ngx_er_claim_t *ngx_er_claim_create(ngx_er_dedup_t *dedup, ngx_log_t *log);

/* 1: "event_dedup_store" says that keys are not the queue's */
ngx_uint_t ngx_er_dedup_apart(ngx_er_dedup_t *dedup);

/* 1: they are in a Redis beside the queue, which other nginx may share */
ngx_uint_t ngx_er_dedup_shared(ngx_er_dedup_t *dedup);

/* the secret of base/fingerprint.h, where the keys of the source are in shared
   memory and nowhere else; NULL: in a Redis or a queue, which know none */
u_char *ngx_er_dedup_secret(ngx_er_dedup_t *dedup, ngx_er_source_t *source);

/*
 * How many keys in memory had to go before their time since this was last
 * asked, and the source that they were of, by the hash of its name.
 */
ngx_uint_t ngx_er_dedup_forgotten(ngx_er_dedup_t *dedup, uint64_t *source);

/* 1: no Redis has the keys, or it answers as far as this worker knows */
ngx_uint_t ngx_er_dedup_answers(ngx_er_dedup_t *dedup);

/* asks for the key; the handler is called exactly once */
void ngx_er_claim(ngx_er_claim_t *claim);

/*
 * A required or optional target took the event; no answer is waited for, but
 * claim->fenced may become set later.  Redis is told with the end of the claim
 * or some ms later, whatever comes first.
 */
void ngx_er_claim_settle(ngx_er_claim_t *claim, uint64_t target);

/* all required targets are settled: duplicates from now on */
void ngx_er_claim_finalize(ngx_er_claim_t *claim);

/* not all are: the next attempt resumes at once */
void ngx_er_claim_release(ngx_er_claim_t *claim);

/*
 * A claim of its own, of which only key and window are set: the event died in
 * the queue of a target, or the target has it after all.  The key remembers,
 * if it is known; "finished" is called, and "lost" says that it is not sure.
 */
void ngx_er_claim_die(ngx_er_claim_t *claim, uint64_t target);
void ngx_er_claim_live(ngx_er_claim_t *claim, uint64_t target);

/* the caller forgets the claim and will not touch it again */
void ngx_er_claim_done(ngx_er_claim_t *claim);


/*
 * Configuration: the directives event_store and event_dedup_store
 * (memory:SIZE, redis://, rediss://, unix:), the default memory:16m, and the
 * hooks of the module.  ngx_er_dedup_init() adds the shared zone; it is
 * called when a source has dedup.
 */
char *ngx_er_dedup_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_er_dedup_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
ngx_int_t ngx_er_dedup_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);
void ngx_er_dedup_exit_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_DEDUP_H_INCLUDED_ */
