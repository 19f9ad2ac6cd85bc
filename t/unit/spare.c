
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Spare pools: the same memory again, as if it were new, within the bound, and
 * none that has grown.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/spare.c"


static ngx_uint_t  cleaned;


static void
cleanup(void *data)
{
    cleaned++;
}


int
main(void)
{
    u_char              *p;
    ngx_uint_t           i, kept;
    ngx_pool_t          *pool, *first, *second, *many[8];
    ngx_er_spare_t       spare;
    ngx_pool_cleanup_t  *cln;

    kept = NGX_ER_SPARE_KEEP;

    ngx_memzero(&spare, sizeof(ngx_er_spare_t));

    first = ngx_er_spare_take(&spare, 1024, &ngx_er_test_log);
    p = ngx_palloc(first, 100);
    (void) ngx_palloc(first, 5000);
    ngx_er_spare_give(&spare, first, 2);
    is_int(spare.n, kept, "it is kept");

    pool = ngx_er_spare_take(&spare, 1024, &ngx_er_test_log);
    is_int(spare.n, 0, "and given again");
    ok(!kept || (pool == first && ngx_palloc(pool, 100) == p),
       "the same, from its begin on");
    ok(pool->large == NULL && pool->d.next == NULL && pool->cleanup == NULL,
       "as if it were new");
    ok(pool->log == &ngx_er_test_log, "with the log that was asked for");

    /* it has grown */

    (void) ngx_palloc(pool, 900);
    (void) ngx_palloc(pool, 900);
    ngx_er_spare_give(&spare, pool, 2);
#if !(NGX_DEBUG_PALLOC)
    is_int(spare.n, 0, "one that has grown is not kept");
#endif
    ngx_er_spare_close(&spare);
    ngx_memzero(&spare, sizeof(ngx_er_spare_t));

    /* its handlers run */

    pool = ngx_er_spare_take(&spare, 1024, &ngx_er_test_log);
    cln = ngx_pool_cleanup_add(pool, 0);
    cln->handler = cleanup;
    ngx_er_spare_give(&spare, pool, 2);
    is_int(cleaned, 1, "one with a cleanup is destroyed");
    is_int(spare.n, 0, "and not kept");

    /* the bound, and the order */

    for (i = 0; i < 8; i++) {
        many[i] = ngx_er_spare_take(&spare, 512, &ngx_er_test_log);
    }

    for (i = 0; i < 8; i++) {
        ngx_er_spare_give(&spare, many[i], 3);
    }

    is_int(spare.n, 3 * kept, "no more than the bound");

    first = ngx_er_spare_take(&spare, 512, &ngx_er_test_log);
    second = ngx_er_spare_take(&spare, 512, &ngx_er_test_log);
    ok(!kept || (first == many[2] && second == many[1]),
       "who came last goes first");

    ngx_er_spare_give(&spare, first, 3);
    ngx_er_spare_close(&spare);
    is_int(spare.n, 0, "closed: none is left");
    ngx_er_spare_give(&spare, second, 3);
    is_int(spare.n, 0, "and none is kept any more");

    pool = ngx_er_spare_take(&spare, 512, &ngx_er_test_log);
    ok(pool != NULL, "but there is one for who still asks");
    ngx_er_spare_give(&spare, pool, 3);
    ngx_er_spare_close(&spare);
    ok(spare.first == NULL, "nor after that");

    return done_testing();
}
