
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The blob of an entry that is several calls: every state in every place, what
 * a replay makes of it, and that no bytes are taken for one that are none.
 */


#include "tap.h"

#include "../../ngx_event_router_module/store/calls.c"


static void test_states(void);
static void test_again(void);
static void test_none(void);


int
main(void)
{
    test_states();
    test_again();
    test_none();

    return done_testing();
}


static void
test_states(void)
{
    u_char                *p, *copy;
    ngx_str_t              kept;
    ngx_uint_t             i, n, wrong;
    ngx_er_calls_count_t   count;

    is_int(ngx_er_calls_size(1), 9, "one call");
    is_int(ngx_er_calls_size(4), 9, "four");
    is_int(ngx_er_calls_size(5), 10, "five");
    is_int(ngx_er_calls_size(1000), 8 + 250, "a thousand");

    for (n = 1, wrong = 0; n <= 1000; n += (n < 20) ? 1 : 89) {

        /* of malloc(), so that a byte too many is noticed */

        kept.len = ngx_er_calls_size(n);
        p = malloc(kept.len);
        copy = malloc(kept.len);
        kept.data = p;

        ngx_er_calls_init(p, n);

        for (i = 0; i < n; i++) {
            ngx_er_calls_set(p, i, i % 3);
        }

        for (i = 0; i < n; i++) {
            wrong += (ngx_er_calls_get(p, i) != i % 3);
        }

        wrong += (ngx_er_calls_count(&kept, &count) != NGX_OK);
        wrong += (count.todo != (n + 2) / 3 || count.done != (n + 1) / 3
                  || count.dead != n / 3 || count.of != n);

        ngx_er_calls_round(p, n - 1, n, 1);
        wrong += (ngx_er_calls_first(p) != n - 1);
        wrong += (ngx_er_calls_left(p) != n || !ngx_er_calls_failed(p));
        wrong += (ngx_er_calls_read(copy, &kept) != NGX_OK);
        wrong += (ngx_memcmp(copy, p, kept.len) != 0);

        ngx_er_calls_round(p, n, 0, 0);
        wrong += (ngx_er_calls_first(p) != 0);
        wrong += (ngx_er_calls_left(p) != 0 || ngx_er_calls_failed(p));

        free(copy);
        free(p);
    }

    is_int(wrong, 0, "all states in all places");
}


static void
test_again(void)
{
    u_char                 p[16], copy[16];
    ngx_str_t              kept;
    ngx_er_calls_count_t   count;

    kept.data = p;
    kept.len = ngx_er_calls_size(6);

    ngx_er_calls_init(p, 6);
    ngx_er_calls_set(p, 1, NGX_ER_CALL_DONE);
    ngx_er_calls_set(p, 2, NGX_ER_CALL_DEAD);
    ngx_er_calls_set(p, 5, NGX_ER_CALL_DEAD);
    ngx_er_calls_round(p, 3, 4, 1);

    is_int(ngx_er_calls_read(copy, &kept), NGX_OK, "as it is");
    is_int(ngx_er_calls_get(copy, 2), NGX_ER_CALL_DEAD, "what is dead stays");
    is_int(ngx_er_calls_first(copy), 3, "and the place");
    is_int(ngx_er_calls_left(copy), 4, "and what is left");
    is_int(ngx_er_calls_failed(copy), 1, "and that one has failed");
    is_int(ngx_er_calls_anew(copy), 0, "nobody has changed the number");

    ngx_er_calls_again(&kept, 0);
    is_int(ngx_er_calls_count(&kept, &count), NGX_OK, "replayed");
    is_int(count.todo, 5, "what was dead is to do");
    is_int(count.done, 1, "what is done stays");
    is_int(count.dead, 0, "nothing is dead");

    is_int(ngx_er_calls_read(copy, &kept), NGX_OK, "read");
    is_int(ngx_er_calls_get(copy, 2), NGX_ER_CALL_TODO, "to do");
    is_int(ngx_er_calls_get(copy, 5), NGX_ER_CALL_TODO, "to do, too");
    is_int(ngx_er_calls_get(copy, 1), NGX_ER_CALL_DONE, "done");
    is_int(ngx_er_calls_first(copy), 0, "from the first one on");
    is_int(ngx_er_calls_left(copy), 0, "in a new round");
    is_int(ngx_er_calls_failed(copy), 0, "in which none has failed");
    is_int(ngx_er_calls_anew(copy), 0, "of the same number");

    ngx_er_calls_set(copy, 0, NGX_ER_CALL_DEAD);
    kept.data = copy;
    is_int(ngx_er_calls_count(&kept, &count), NGX_OK, "goes on");
    is_int(count.dead, 1, "and what dies from now on is dead");

    ngx_er_calls_again(&kept, 1);
    is_int(ngx_er_calls_read(p, &kept), NGX_OK, "its number had changed");
    is_int(ngx_er_calls_anew(p), 1, "which it says");
    is_int(ngx_er_calls_get(p, 0), NGX_ER_CALL_TODO, "to do once more");
}


static void
test_none(void)
{
    u_char                 p[16], copy[16];
    ngx_str_t              kept;
    ngx_uint_t             i;
    ngx_er_calls_count_t   count;

    kept.data = p;

    ngx_er_calls_init(p, 6);

    for (i = 0; i < 16; i++) {
        kept.len = i;
        is_int(ngx_er_calls_read(copy, &kept),
               i == ngx_er_calls_size(6) ? NGX_OK : NGX_DECLINED,
               "%d bytes", (int) i);
        is_int(ngx_er_calls_count(&kept, &count),
               i == ngx_er_calls_size(6) ? NGX_OK : NGX_DECLINED,
               "%d bytes counted", (int) i);
    }

    kept.len = ngx_er_calls_size(6);

    p[0] = 2;
    is_int(ngx_er_calls_read(copy, &kept), NGX_DECLINED, "another format");
    ngx_er_calls_again(&kept, 1);
    is_int(p[1], 0, "which is left as it is");

    ngx_er_calls_init(p, 6);
    p[3] = 0;
    is_int(ngx_er_calls_read(copy, &kept), NGX_DECLINED, "no calls");

    ngx_er_calls_init(p, 6);
    p[2] = 0xff;
    is_int(ngx_er_calls_read(copy, &kept), NGX_DECLINED, "too many");

    ngx_er_calls_init(p, 6);
    p[5] = 6;
    is_int(ngx_er_calls_read(copy, &kept), NGX_DECLINED, "a place beyond");

    ngx_er_calls_init(p, 6);
    p[7] = 7;
    is_int(ngx_er_calls_read(copy, &kept), NGX_DECLINED, "more than all left");

    ngx_er_calls_init(p, 6);
    p[8] = 0xc;
    is_int(ngx_er_calls_read(copy, &kept), NGX_DECLINED, "a fourth state");

    ngx_str_null(&kept);
    is_int(ngx_er_calls_count(&kept, &count), NGX_DECLINED, "nothing");
    is_int(count.of, 0, "is nothing");
    ngx_er_calls_again(&kept, 0);
    ok(1, "and may be replayed");
}
