
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The hand of this worker: for each target the leased entries that wait for a
 * place, and how many more may come.
 */


#ifndef _NGX_ER_HAND_H_INCLUDED_
#define _NGX_ER_HAND_H_INCLUDED_


#include "lane.h"


/* entries that may be leased now; "due" was just asked of the lane */
ngx_uint_t ngx_er_hand_room(ngx_er_target_t *target, ngx_er_lane_due_t *due);

/* the store is asked to lease so many; it has answered */
void ngx_er_hand_expect(ngx_er_target_t *target, ngx_uint_t n);
void ngx_er_hand_came(ngx_er_target_t *target, ngx_uint_t n);

/* the store is told what became of an entry; it has answered */
void ngx_er_hand_tell(ngx_er_target_t *target);
void ngx_er_hand_told(ngx_er_target_t *target);

/*
 * An entry of so many bytes waits for a place; it does so again, in front of
 * the others; it does so no more.  "link" is the caller's.  first() is the one
 * that waits longest; NULL: none does.
 */
void ngx_er_hand_put(ngx_er_target_t *target, ngx_queue_t *link,
    size_t bytes);
void ngx_er_hand_return(ngx_er_target_t *target, ngx_queue_t *link,
    size_t bytes);
void ngx_er_hand_remove(ngx_er_target_t *target, ngx_queue_t *link,
    size_t bytes);
ngx_queue_t *ngx_er_hand_first(ngx_er_target_t *target);
ngx_uint_t ngx_er_hand_waiting(ngx_er_target_t *target);
size_t ngx_er_hand_bytes(ngx_er_target_t *target);

/* 1: what is gathered for a call ("batch") has its part of the worker's
   memory: no more may come, and the call need not wait for others */
ngx_uint_t ngx_er_hand_full(ngx_er_target_t *target);

/* some wait longer than they should, or do so no more: other workers shall
   leave places */
void ngx_er_hand_starve(ngx_er_target_t *target, ngx_uint_t starves);

/* init_process; NGX_ERROR: no memory */
ngx_int_t ngx_er_hands_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_HAND_H_INCLUDED_ */
