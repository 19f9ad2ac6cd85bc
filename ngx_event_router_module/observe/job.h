
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A job: a replay that goes on by itself, and how it is kept on the shelf of
 * the store (store/shelf.h, JOBS).
 */


#ifndef _NGX_ER_JOB_H_INCLUDED_
#define _NGX_ER_JOB_H_INCLUDED_


#include "../store/entry.h"


/* names on the shelf: jobs by their numbers, and which of them are to be
   cancelled, by the same numbers */

#define NGX_ER_JOB_ROWS     1
#define NGX_ER_JOB_CANCELS  2


/* kept in stores, so numbers never change */

typedef enum {
    NGX_ER_JOB_RUNS = 1,
    NGX_ER_JOB_DONE = 2,
    NGX_ER_JOB_CANCELLED = 3
} ngx_er_job_state_e;


typedef struct {
    uint64_t               id;         /* on the shelf; not kept in the row */
    ngx_er_job_state_e     state;
    uint64_t               holder;     /* the worker that has it, */
    uint64_t               beat;       /* and when it was seen with it, ms; 0:
                                          nobody has it */
    uint64_t               began;
    uint64_t               ended;      /* 0: it has not */
    uint64_t               rate;       /* events a second; 0: any */
    uint64_t               command;    /* of REPLAY */
    uint64_t               archive;    /* 1: of retained events */
    uint64_t               total;      /* there were when it began */
    uint64_t               oldest;
    uint64_t               newest;
    uint64_t               done;
    uint64_t               stale;
    uint64_t               after[2];   /* cursor */
    ngx_er_queue_filter_t  filter;     /* its route is below */
    uint64_t               to;         /* a target's hash, or 0 */

    ngx_str_t              route;
    ngx_str_t              target;     /* names; empty: not given */
    ngx_str_t              source;
    ngx_str_t              deliver_to;
    ngx_str_t              who;        /* for people */
} ngx_er_job_t;


/* the row, in the pool; NGX_ERROR: no memory */
ngx_int_t ngx_er_job_write(ngx_er_job_t *job, ngx_pool_t *pool,
    ngx_str_t *row);

/* NGX_OK, texts are in the row's memory; NGX_DECLINED: that is none, or one of
   a later version */
ngx_int_t ngx_er_job_read(ngx_str_t *row, ngx_er_job_t *job);


#endif /* _NGX_ER_JOB_H_INCLUDED_ */
