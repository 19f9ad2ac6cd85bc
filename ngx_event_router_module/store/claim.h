
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Of dedup.c alone.
 */


#ifndef _NGX_ER_CLAIM_H_INCLUDED_
#define _NGX_ER_CLAIM_H_INCLUDED_


#include "dedup.h"
#include "memory.h"
#include "redis/dedup.h"


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

    ngx_queue_t              live;     /* claims that Redis gave */
    u_char                   seed[16];
    uint64_t                 serial;
};


/* Redis has answered */
void ngx_er_claim_answer(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    uint64_t target, ngx_int_t rc);

/* Redis has just gone away; "data" is the ngx_er_dedup_t */
void ngx_er_claim_down(void *data);


#endif /* _NGX_ER_CLAIM_H_INCLUDED_ */
