
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an answer of a target means, and when the next attempt is due: the
 * defaults, the words of retry_on and fail_on, the delay.  How many deliveries
 * may run is breaker.c's.
 */


#include "policy.h"


#define NGX_ER_POLICY_WRITTEN  0x80    /* of a verdict: nginx.conf says so */

#define NGX_ER_POLICY_HOUR     ((uint64_t) 3600 * 1000)
#define NGX_ER_POLICY_DAY      (24 * NGX_ER_POLICY_HOUR)


static ngx_int_t ngx_er_policy_range(ngx_str_t *word, ngx_uint_t *first,
    ngx_uint_t *last);


void
ngx_er_policy_default(ngx_er_policy_t *policy)
{
    ngx_uint_t  i;

    static ngx_uint_t  retry[] = { 0, 404, 408, 409, 425, 429 };

    ngx_memzero(policy, sizeof(ngx_er_policy_t));

    /*
     * set by ngx_memzero():
     *
     *     policy->expires = 0;
     *     policy->rate = 0;
     */

    policy->horizon = 72 * NGX_ER_POLICY_HOUR;
    policy->base = 5 * 1000;
    policy->max = 4 * NGX_ER_POLICY_HOUR;
    policy->keep = 30 * NGX_ER_POLICY_DAY;

    policy->concurrency = 16;
    policy->burst = 1;

    policy->breaker = 1;
    policy->failures = 5;
    policy->percent = 50;
    policy->sample = 20;
    policy->window = 10 * 1000;
    policy->open = 5 * 1000;
    policy->open_max = 5 * 60 * 1000;

    for (i = 0; i < NGX_ER_POLICY_STATUSES; i++) {
        policy->verdicts[i] = (i >= 200 && i < 300) ? NGX_ER_VERDICT_OK
                              : (i >= 500) ? NGX_ER_VERDICT_RETRY
                                           : NGX_ER_VERDICT_FINAL;
    }

    for (i = 0; i < sizeof(retry) / sizeof(retry[0]); i++) {
        policy->verdicts[retry[i]] = NGX_ER_VERDICT_RETRY;
    }
}


ngx_int_t
ngx_er_policy_statuses(ngx_er_policy_t *policy, ngx_str_t *word,
    ngx_er_verdict_e verdict, ngx_er_error_t *err)
{
    u_char      *v;
    ngx_uint_t   first, last, status;

    if (ngx_er_policy_range(word, &first, &last) != NGX_OK) {
        ngx_er_error(err, "invalid status \"%V\": write a status from 100 to "
                     "599 (404), a class (5xx), a range (500-503) or "
                     "\"timeout\", which is no answer at all", word);
        return NGX_ERROR;
    }

    if (first < 300 && last >= 200) {
        ngx_er_error(err, "\"%V\" cannot be changed: with 2xx a target says "
                     "that it has the event", word);
        return NGX_ERROR;
    }

    for (status = first; status <= last; status++) {
        v = &policy->verdicts[status];

        if ((*v & NGX_ER_POLICY_WRITTEN)
            && *v != (verdict|NGX_ER_POLICY_WRITTEN))
        {
            if (status == 0) {
                ngx_er_error(err, "\"timeout\" stands in both \"retry_on\" "
                             "and \"fail_on\": take it out of one");

            } else {
                ngx_er_error(err, "status %ui stands in both \"retry_on\" and "
                             "\"fail_on\": take it out of one, ranges as "
                             "500-502 leave a status out", status);
            }

            return NGX_ERROR;
        }

        *v = verdict|NGX_ER_POLICY_WRITTEN;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_policy_range(ngx_str_t *word, ngx_uint_t *first, ngx_uint_t *last)
{
    ngx_int_t  from, to;

    if (word->len == 7 && ngx_memcmp(word->data, "timeout", 7) == 0) {
        *first = 0;
        *last = 0;
        return NGX_OK;
    }

    if (word->len == 3 && ngx_memcmp(word->data + 1, "xx", 2) == 0) {
        from = ngx_atoi(word->data, 1);
        to = from * 100 + 99;
        from *= 100;

    } else if (word->len == 7 && word->data[3] == '-') {
        from = ngx_atoi(word->data, 3);
        to = ngx_atoi(word->data + 4, 3);

    } else if (word->len == 3) {
        from = ngx_atoi(word->data, 3);
        to = from;

    } else {
        return NGX_ERROR;
    }

    if (from < 100 || to < from || to >= NGX_ER_POLICY_STATUSES) {
        return NGX_ERROR;
    }

    *first = from;
    *last = to;

    return NGX_OK;
}


ngx_er_verdict_e
ngx_er_policy_verdict(ngx_er_policy_t *policy, ngx_uint_t status)
{
    if (status >= NGX_ER_POLICY_STATUSES) {
        return NGX_ER_VERDICT_FINAL;
    }

    return policy->verdicts[status] & ~NGX_ER_POLICY_WRITTEN;
}


uint64_t
ngx_er_policy_delay(ngx_er_policy_t *policy, ngx_uint_t attempts,
    time_t retry_after, uint32_t random)
{
    uint64_t    ms;
    ngx_uint_t  i;

    ms = policy->base;

    /* a base of 1 ms is above any max after 3^40 */

    for (i = 1; i < ngx_min(attempts, 40) && ms < policy->max; i++) {
        ms *= 3;
    }

    ms = ngx_min(ms, policy->max);
    ms = ms * (750 + random % 501) / 1000;

    return ngx_max(ms, ngx_er_policy_retry_after(policy, retry_after));
}


uint64_t
ngx_er_policy_retry_after(ngx_er_policy_t *policy, time_t retry_after)
{
    if (retry_after < 0) {
        return 0;
    }

    if ((uint64_t) retry_after >= policy->max / 1000) {
        return policy->max;
    }

    return (uint64_t) ngx_max(retry_after, 1) * 1000;
}
