
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


/*
 * Names on the shelf.  A job has one row, by its number, in one of these
 * places, in the order in which it goes through them.  Who moves it does so in
 * one step with the row that was there (shelf.h, "from"), so of two who do one
 * is too late.
 */

#define NGX_ER_JOB_ROWS     1          /* runs */
#define NGX_ER_JOB_CANCELS  2          /* runs, and is to be cancelled */
#define NGX_ER_JOB_OVER     3


/*
 * Kept in stores, so numbers never change.  RUNS is made by the API and then
 * written by the worker that has the job; CANCELLING by the API, which takes
 * it out of that worker's hands; DONE and CANCELLED by the worker.
 */

typedef enum {
    NGX_ER_JOB_RUNS = 1,
    NGX_ER_JOB_DONE = 2,
    NGX_ER_JOB_CANCELLED = 3,
    NGX_ER_JOB_CANCELLING = 4
} ngx_er_job_state_e;


#define ngx_er_job_place(state)                                               \
    ((state) == NGX_ER_JOB_RUNS ? NGX_ER_JOB_ROWS                             \
     : (state) == NGX_ER_JOB_CANCELLING ? NGX_ER_JOB_CANCELS                  \
     : NGX_ER_JOB_OVER)


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

/* a copy with texts of its own; NGX_ERROR: no memory */
ngx_int_t ngx_er_job_keep(ngx_er_job_t *job, ngx_pool_t *pool,
    ngx_er_job_t *copy);


#endif /* _NGX_ER_JOB_H_INCLUDED_ */
