
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A request that was kept, judged again by today's configuration.
 */


#ifndef _NGX_ER_JUDGE_H_INCLUDED_
#define _NGX_ER_JUDGE_H_INCLUDED_


#include "decision.h"
#include "quarantine.h"


typedef enum {
    NGX_ER_JUDGE_ADMITTED = 0,         /* its events are delivered or queued */
    NGX_ER_JUDGE_DUPLICATE,            /* they were known already */
    NGX_ER_JUDGE_REFUSED,              /* it still is what it was */
    NGX_ER_JUDGE_FAILED,               /* it is genuine, but it could not be
                                          taken now */
    NGX_ER_JUDGE_UNFIT,                /* it cannot be judged again */
    NGX_ER_JUDGE_LAST
} ngx_er_judge_verdict_e;


typedef struct {
    ngx_str_t                id;
    const char              *outcome;
} ngx_er_judge_event_t;


typedef struct ngx_er_judge_s  ngx_er_judge_t;

typedef void (*ngx_er_judge_pt)(ngx_er_judge_t *judge);


struct ngx_er_judge_s {
    ngx_er_source_t         *source;
    ngx_pool_t              *pool;     /* for what comes out */
    ngx_er_refused_t         refused;  /* its texts live as long as this */
    ngx_er_judge_pt          handler;
    void                    *data;

    /* out */

    ngx_er_judge_verdict_e   verdict;
    const char              *why;      /* a sentence, or NULL */
    ngx_array_t              events;   /* of ngx_er_judge_event_t; elts NULL:
                                          it came to none */
    ngx_uint_t               part;     /* some of its events are safe, and
                                          "refused" names the others only */

    /* judge.c's own */

    ngx_er_receive_t        *ctx;
    ngx_er_decision_t        decision;
    ngx_http_request_t      *carrier;  /* NULL: it has gone */
    ngx_uint_t              *numbers;  /* of the parts, before those that are
                                          not meant were left out */
    ngx_uint_t               nparts;
};


/*
 * NGX_OK: the verdict is there; NGX_AGAIN: the handler will be called, from an
 * event of the loop, and the record must stay until then; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_er_judge(ngx_er_judge_t *judge);

/* "admitted", "refused" ... */
const char *ngx_er_judge_name(ngx_er_judge_verdict_e verdict);

/*
 * For whoever only looks: the request is in judge->ctx as decision.c sees it
 * today, and nothing is done with it.  NGX_DECLINED: it cannot be judged;
 * NGX_ERROR: no memory.  After NGX_OK the caller calls ngx_er_judge_end().
 */
ngx_int_t ngx_er_judge_look(ngx_er_judge_t *judge);
void ngx_er_judge_end(ngx_er_judge_t *judge);


#endif /* _NGX_ER_JUDGE_H_INCLUDED_ */
