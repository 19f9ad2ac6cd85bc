
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys in Redis: the settings of a Redis store and the four things that
 * dedup.c asks of it.
 */


#ifndef _NGX_ER_REDIS_DEDUP_H_INCLUDED_
#define _NGX_ER_REDIS_DEDUP_H_INCLUDED_


#include "../dedup.h"


typedef struct ngx_er_redis_task_s  ngx_er_redis_task_t;


typedef enum {
    NGX_ER_VERB_CLAIM = 0,
    NGX_ER_VERB_SETTLE,
    NGX_ER_VERB_FINALIZE,
    NGX_ER_VERB_RELEASE,
    NGX_ER_VERB_DIE,
    NGX_ER_VERB_LIVE
} ngx_er_verb_e;


/*
 * A verb was answered.  NGX_OK: done, and after CLAIM the claim's result is
 * filled in; NGX_DECLINED: another holder has the key; NGX_ERROR: Redis could
 * not, or it is unknown whether it did.
 */
typedef void (*ngx_er_redis_task_pt)(ngx_er_claim_t *claim,
    ngx_er_verb_e verb, ngx_int_t rc);


/*
 * Reads the arguments of a directive (redis://..., rediss://..., unix:...);
 * logs what is wrong and returns NULL.
 */
ngx_er_redis_store_t *ngx_er_redis_store_create(ngx_conf_t *cf,
    ngx_command_t *cmd);

/* the same Redis has the queue, and the events of queued sources; "rates": it
   has no other sources, and is asked for their rates only */
void ngx_er_redis_store_beside(ngx_er_redis_store_t *store, ngx_uint_t rates);

/*
 * "answer" is called for every verb that was taken, "down" when Redis has just
 * gone away and before the verbs under way fail.
 */
ngx_int_t ngx_er_redis_store_open(ngx_er_redis_store_t *store,
    ngx_cycle_t *cycle, ngx_er_redis_task_pt answer, void (*down)(void *data),
    void *data);

/* 1: as far as this worker knows Redis answers */
ngx_uint_t ngx_er_redis_store_up(ngx_er_redis_store_t *store);

/* of the worker, for other scripts that the same Redis runs */
struct ngx_er_redis_s *ngx_er_redis_store_connection(
    ngx_er_redis_store_t *store);

/* what is under way is written first, if Redis takes it soon */
void ngx_er_redis_store_close(ngx_er_redis_store_t *store);

/*
 * The targets of the verb are those of claim->settled from claim->told on;
 * DIE and LIVE take one.  NGX_OK: "answer" will be called, never from inside,
 * and claim->commands was counted up until then.  NGX_DECLINED: Redis is away.
 */
ngx_int_t ngx_er_redis_store_run(ngx_er_redis_store_t *store,
    ngx_er_claim_t *claim, ngx_er_verb_e verb);


#endif /* _NGX_ER_REDIS_DEDUP_H_INCLUDED_ */
