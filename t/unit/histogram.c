
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Histograms (base/histogram.c): in which cell a value is counted, what comes
 * out of quantiles of none, one and many values, and seconds as text.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/histogram.c"


static const ngx_er_histogram_t  h = { 1000, 3, { 10, 100, 1000 } };

static ngx_atomic_t  cells[ngx_er_histogram_cells(3)];


static void
begin(void)
{
    ngx_memzero((void *) cells, sizeof(cells));
}


static void
add(uint64_t value, ngx_uint_t n)
{
    while (n--) {
        ngx_er_histogram_add(&h, cells, value);
    }
}


static uint64_t
quantile(ngx_uint_t percent)
{
    return ngx_er_histogram_quantile(&h, cells, percent);
}


static void
test_add(void)
{
    begin();
    add(0, 1);
    add(10, 1);
    add(11, 1);
    add(1000, 1);
    add(1001, 2);

    is_int(cells[0], 2, "up to the first bound, and that");
    is_int(cells[1], 1, "beyond it");
    is_int(cells[2], 1, "the last bound");
    is_int(cells[3], 2, "beyond all");
    is_int(cells[4], 0 + 10 + 11 + 1000 + 2002, "the sum");
    is_int(ngx_er_histogram_count(&h, cells), 6, "how many");
}


static void
test_quantile(void)
{
    begin();
    ok(quantile(50) == NGX_ER_HISTOGRAM_NONE, "of no value");

    add(50, 1);
    is_int(quantile(50), 100, "of one value: it is below that bound");
    is_int(quantile(99), 100, "in any case");

    begin();
    add(1, 100);
    is_int(quantile(50), 5, "half of the way to the first bound");
    is_int(quantile(99), 9, "nearly all of it");
    is_int(quantile(100), 10, "all of it");

    begin();
    add(1, 50);
    add(500, 50);
    is_int(quantile(50), 10, "the last one of the first cell");
    is_int(quantile(51), 100 + 900 / 50, "the first one of another cell");
    is_int(quantile(75), 100 + 900 / 2, "the middle of that");

    begin();
    add(1, 1);
    add(50, 2);
    is_int(quantile(34), 55, "of three the second, which counts up");

    begin();
    add(1, 1);
    add(5000, 99);
    is_int(quantile(50), 1000, "beyond all bounds it is the last one");
    is_int(quantile(1), 10, "but not the first value");
}


static void
test_seconds(void)
{
    u_char  text[NGX_ER_HISTOGRAM_TEXT + 1];

    *ngx_er_histogram_seconds(text, 250, 1000) = '\0';
    ok(ngx_strcmp(text, "0.25") == 0, "a quarter");

    *ngx_er_histogram_seconds(text, 60000, 1000) = '\0';
    ok(ngx_strcmp(text, "60") == 0, "whole seconds");

    *ngx_er_histogram_seconds(text, 1000001, 1000000) = '\0';
    ok(ngx_strcmp(text, "1.000001") == 0, "a microsecond");
}


int
main(void)
{
    test_add();
    test_quantile();
    test_seconds();

    return done_testing();
}
