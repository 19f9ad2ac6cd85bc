
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Slots: the places in which the attempts of a worker run, as many as
 * "event_concurrency" says, and the line of those that wait for one.
 */


#ifndef _NGX_ER_SLOTS_H_INCLUDED_
#define _NGX_ER_SLOTS_H_INCLUDED_


#include "../event_router.h"


typedef struct ngx_er_slot_s  ngx_er_slot_t;

/* it has a place now.  NGX_OK: ngx_er_slot_give() will follow; NGX_DECLINED:
   it has no use for it.  The slot may be gone afterwards */
typedef ngx_int_t (*ngx_er_slot_pt)(ngx_er_slot_t *slot);


/* one that waits; its owner's memory */

struct ngx_er_slot_s {
    ngx_queue_t            queue;
    ngx_er_slot_pt         handler;    /* from a posted event, once */
    void                  *data;
};


/*
 * 1: so many more may run or wait, "event_backlog" has room for them; each of
 * them is dismissed when it has ended.
 */
ngx_uint_t ngx_er_slots_admit(ngx_uint_t n);
void ngx_er_slots_dismiss(ngx_uint_t n);

/* stands in line; leaves it, before its turn */
void ngx_er_slot_wait(ngx_er_slot_t *slot);
void ngx_er_slot_leave(ngx_er_slot_t *slot);

/* 1: a place for who cannot wait, now taken; those in line come first */
ngx_uint_t ngx_er_slot_take(void);

/* 1: there would be one */
ngx_uint_t ngx_er_slots_free(void);

/* a place is free again */
void ngx_er_slot_give(void);

/* init_process; exit_process: nobody's turn comes any more */
void ngx_er_slots_init_worker(ngx_cycle_t *cycle);
void ngx_er_slots_exit_worker(void);


#endif /* _NGX_ER_SLOTS_H_INCLUDED_ */
