
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A walk: one operation of the queue on its way from shard to shard.  What the
 * scripts (queue_*.lua) are given (command.c) and what they return (reply.c)
 * is pure; queue.c sends and waits.
 *
 * The shard of an event is that of its dedup key, or any; its number remembers
 * it: its last 20 bits, modulo the number of shards.
 */


#ifndef _NGX_ER_REDIS_WALK_H_INCLUDED_
#define _NGX_ER_REDIS_WALK_H_INCLUDED_


#include "../entry.h"
#include "../../base/safe.h"
#include "redis.h"


#define NGX_ER_REDIS_LAYOUT    1       /* of the keys; kept in Redis */
#define NGX_ER_REDIS_FIELDS    19      /* elements of an entry in a reply */
#define NGX_ER_REDIS_COLUMNS   (7 + NGX_ER_LEDGER_WORDS)  /* of a count */
#define NGX_ER_REDIS_ENTRIES   4096    /* of one LEASE or LIST */
#define NGX_ER_REDIS_ROUNDS    10000   /* replies of one ADOPT, or of what is
                                          dry */
#define NGX_ER_REDIS_TARGETS   1024    /* of one ACCEPT */

#define NGX_ER_REDIS_LATE      (-2)    /* code of a reply: nobody waits for it
                                          any more, nothing was done */

#define NGX_ER_REDIS_CHECK     NGX_ER_QUEUE_VERBS
                                       /* the script after those of verbs */


/* a shard's clock, as its last reply showed it */

typedef struct {
    uint64_t               now;        /* Redis's, ms since 1970; 0: there was
                                          no reply yet */
    ngx_msec_t             at;         /* ngx_current_msec when it was read */
} ngx_er_redis_clock_t;


/* SWEEP: what this nginx knows of a shard; with the reply, what it is */

typedef struct {
    uint64_t               state;      /* its name; 0: nothing is known */
    uint64_t               asked;      /* out: what was known of that */
    uint64_t               at;         /* when it was looked at, Redis's ms */
    int64_t                count;      /* of entries, dead ones included */
    uint64_t               told;       /* in: losses that this nginx told */
    uint64_t               acked;      /* out: losses that are told */
    uint64_t               lost;       /* out: these and what is to be told */
} ngx_er_redis_tally_t;


/* maxmemory-policy */

typedef enum {
    NGX_ER_REDIS_EVICTS_UNKNOWN = 0,
    NGX_ER_REDIS_EVICTS_NOTHING,
    NGX_ER_REDIS_EVICTS_VOLATILE,
    NGX_ER_REDIS_EVICTS_ALL
} ngx_er_redis_evicts_e;


/* what all walks of a worker have in common */

typedef struct {
    ngx_str_t              prefix;
    ngx_uint_t             shards;
    ngx_msec_t             gap;        /* a holder that is silent for so long
                                          is dead */
    uint64_t               holder;
    uint64_t               count;      /* of nonces */
    ngx_uint_t             turn;       /* LEASE: where the next one begins */
    ngx_er_redis_clock_t  *clocks;     /* of each shard */
    ngx_er_safe_t         *safe;       /* keys; NULL: nothing is sealed */
    ngx_msec_t             locked;     /* when a missing key was told */
    ngx_msec_t             history_time;  /* 0: none is kept */
    uint64_t               history_size;  /* bytes of a shard */
} ngx_er_redis_layout_t;


typedef struct ngx_er_redis_lookup_s  ngx_er_redis_lookup_t;


typedef struct ngx_er_redis_walk_s  ngx_er_redis_walk_t;

struct ngx_er_redis_walk_s {
    ngx_er_redis_layout_t  *layout;
    ngx_er_queue_op_t      *op;        /* NULL: the check */
    ngx_er_redis_walk_t    *next;      /* in the same command: of the same verb
                                          and at the same shard; see item.h */
    ngx_uint_t              shard;     /* where it is */
    ngx_uint_t              left;      /* shards after this one */
    ngx_uint_t              seen;      /* shards that have answered */

    ngx_msec_t              until;     /* ACCEPT, LEASE: nobody waits any more
                                          when ngx_current_msec is that; 0: for
                                          ever.  Who sends it says so. */
    uint64_t                nonce;     /* ACCEPT: the same when sent again */
    uint64_t                number;    /* ACCEPT: for which the record is
                                          sealed; 0: for none yet */
    ngx_uint_t              sealed;    /* ACCEPT: how often it was */
    ngx_uint_t              fresh;     /* LEASE: still wanted */
    ngx_uint_t              again;
    size_t                  bytes;
    ngx_er_redis_tally_t    tally;     /* SWEEP */
    ngx_er_redis_evicts_e   evicts;
    ngx_er_redis_lookup_t  *lookup;    /* HISTORY: as far as it came */
    ngx_uint_t              limit;     /* LIST, REPLAY, PURGE: the same */
    uint64_t                end[2];    /* as far as all shards were seen */
    unsigned                more:1;    /* end is set */
    unsigned                resent:1;  /* a reply was lost on the way */
    unsigned                late:1;    /* the shard said LATE once */

    ngx_str_t               other;     /* the layout that Redis has */
    redisReply             *fault;     /* what failed for it alone; as long as
                                          the reply */
};

/* to the next shard: NGX_AGAIN, or NGX_OK: there is none */
ngx_int_t ngx_er_redis_walk_next(ngx_er_redis_walk_t *w);


#endif /* _NGX_ER_REDIS_WALK_H_INCLUDED_ */
