
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What became of an event of the queue while its producer still waits:
 * "delivery queued wait=".
 */


#ifndef _NGX_ER_AWAIT_H_INCLUDED_
#define _NGX_ER_AWAIT_H_INCLUDED_


#include "../ingest/event.h"


typedef enum {
    NGX_ER_AWAIT_NOTHING = 0,          /* nothing was heard yet */
    NGX_ER_AWAIT_OK,                   /* the target has it */
    NGX_ER_AWAIT_DYING,                /* it will be a dead letter when the
                                          store has taken that, */
    NGX_ER_AWAIT_DEAD,                 /* and is one */
    NGX_ER_AWAIT_LATER                 /* the queue goes on */
} ngx_er_await_e;


/* one target of the event */

typedef struct {
    ngx_er_target_t       *target;
    ngx_er_await_e         state;
    ngx_uint_t             status;     /* that it answered, 0: none */
    ngx_msec_t             ms;         /* that it took */
} ngx_er_await_target_t;


struct ngx_er_await_s {
    ngx_array_t            targets;    /* of ngx_er_await_target_t: required
                                          ones */
    ngx_uint_t             open;       /* news are posted */
    ngx_event_t            news;       /* the waiter's handler and data */
};


/* before the event is stored: it is in the event, NULL: no memory */
ngx_er_await_t *ngx_er_await_create(ngx_er_event_t *event);

/* a target of it; NGX_ERROR: no memory */
ngx_int_t ngx_er_await_add(ngx_er_await_t *await, ngx_er_target_t *target);

/* settle.c: news of an event of the queue, if anybody waits for them; DEAD
   leaves status and ms */
void ngx_er_await_tell(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_er_await_e state, ngx_uint_t status, ngx_msec_t ms);

/* what is known so far of all of them: OK, DEAD, LATER or NOTHING */
ngx_er_await_e ngx_er_await_sum(ngx_er_await_t *await);

/* nobody waits any more; the await may be read, but no news come */
void ngx_er_await_close(ngx_er_event_t *event, ngx_er_await_t *await);


#endif /* _NGX_ER_AWAIT_H_INCLUDED_ */
