
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A quota is one word of shared memory: the low 16 bits of a second, and how
 * many there were in it.  Both change in one step, so that no two workers are
 * the last one of a second.
 *
 * The time of a worker stands while its turn of the event loop lasts, so one
 * can be some seconds behind another.  It counts in the second that others
 * have reached: it must not begin one that is over.  A clock that was set back
 * by more than that begins a new second.
 *
 * Called for the quarantine (quarantine.c).  Nothing is owned and nothing can
 * fail.
 */


#include "quota.h"


#define NGX_ER_QUOTA_BEHIND  5         /* seconds */


ngx_uint_t
ngx_er_quota_take(ngx_er_quota_t *quota, time_t now, ngx_uint_t most)
{
    uint16_t            second, behind;
    ngx_uint_t          n;
    ngx_atomic_uint_t   old;

    for ( ;; ) {
        old = *quota;

        second = (uint16_t) (old >> 16);
        behind = (uint16_t) (second - (uint16_t) now);

        if (behind <= NGX_ER_QUOTA_BEHIND) {
            n = old & 0xffff;

        } else {
            second = (uint16_t) now;
            n = 0;
        }

        if (n >= most) {
            return 0;
        }

        if (ngx_atomic_cmp_set(quota, old,
                               (ngx_atomic_uint_t) second << 16 | (n + 1)))
        {
            return 1;
        }
    }
}
