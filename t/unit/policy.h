
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the tests of how a target is treated share: to take, to answer, and
 * random numbers.  Included once in a test.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/policy.h"
#include "../../ngx_event_router_module/deliver/verdict.h"
#include "../../ngx_event_router_module/store/entry.h"


#define START  1700000000000ULL
#define NONE   ((time_t) -1)
#define FULL   NGX_ER_POLICY_FULL


static ngx_uint_t take(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t fresh, ngx_uint_t again, uint64_t *wait);
static ngx_uint_t answer(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t status);
static ngx_uint_t ended(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t again,
    uint64_t event, ngx_uint_t status, time_t retry_after, uint64_t ms,
    uint32_t random);
static uint32_t number(void);


static uint32_t  seed = 1;


static ngx_uint_t
take(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    ngx_uint_t fresh, ngx_uint_t again, uint64_t *wait)
{
    ngx_er_policy_take(policy, state, now, again ? 1 : 0, &fresh, &again,
                       wait);

    return fresh + again;
}


/* a first attempt that was in flight */

static ngx_uint_t
answer(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    ngx_uint_t status)
{
    return ended(policy, state, now, 0, 0, status, NONE, 0, 200);
}


/* what a status says by itself */

static ngx_uint_t
ended(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    ngx_uint_t again, uint64_t event, ngx_uint_t status, time_t retry_after,
    uint64_t ms, uint32_t random)
{
    ngx_er_evidence_e  evidence;

    evidence = ngx_er_verdict_evidence(ngx_er_verdict_default(status), status,
                                       1, retry_after);

    return ngx_er_policy_end(policy, state, now, again, event, evidence,
                             retry_after, ms, random);
}


static uint32_t
number(void)
{
    seed = seed * 1664525 + 1013904223;

    return seed >> 8;
}
