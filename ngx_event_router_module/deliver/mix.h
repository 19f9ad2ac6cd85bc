
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which of the events that wait the target is tried with.  Pure, as policy.h:
 * the caller locks the state and gives the time, ms.
 */


#ifndef _NGX_ER_MIX_H_INCLUDED_
#define _NGX_ER_MIX_H_INCLUDED_


#include "policy.h"


/* 1: events that have not failed yet are taken from both ends */
ngx_uint_t ngx_er_mix(ngx_er_policy_state_t *state, uint64_t now);

/* from now on; an attempt took so many ms */
void ngx_er_mix_begin(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, uint64_t ms);

/* an attempt ended, the breaker is closed or off.  1: this failure says
   nothing about the target */
ngx_uint_t ngx_er_mix_end(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t again,
    ngx_uint_t failed, ngx_uint_t known, uint64_t ms);

/* a probe with an event that had not failed before ended */
void ngx_er_mix_probed(ngx_er_policy_state_t *state, ngx_uint_t failed);

/* the breaker opens */
void ngx_er_mix_open(ngx_er_policy_state_t *state, ngx_uint_t closed);

/* LEASE: where the next ones are, see entry.h; "random" is any number */
ngx_uint_t ngx_er_mix_reach(ngx_er_policy_state_t *state, uint64_t now,
    uint32_t random);


#endif /* _NGX_ER_MIX_H_INCLUDED_ */
