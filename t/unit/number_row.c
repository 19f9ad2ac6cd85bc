
/*
 * Copyright (C) Event Router contributors
 */


/*
 * observe/number_row.c: what was written is read, of all sizes; and one byte
 * more, less or other is not.
 */


#include "tap.h"
#include "../../ngx_event_router_module/observe/number_row.h"


static ngx_pool_t  *pool;


static void
fill(ngx_er_number_row_t *row, const char *name, ngx_uint_t n)
{
    ngx_uint_t  i;

    row->noun = 1;
    row->name.data = (u_char *) name;
    row->name.len = strlen(name);
    row->n = n;
    row->numbers = ngx_palloc(pool, (n + 1) * sizeof(ngx_er_number_pair_t));

    for (i = 0; i < n; i++) {
        row->numbers[i].name = i + 1;
        row->numbers[i].value = i * 1000000007;
    }
}


static void
sizes(void)
{
    ngx_str_t            value;
    ngx_uint_t           i;
    ngx_er_number_row_t  row, got;

    static ngx_uint_t  n[] = { 0, 1, 2, 77, NGX_ER_NUMBER_ROW_MOST };

    for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
        fill(&row, i ? "erp" : "", n[i]);

        is_int(ngx_er_number_row_write(&row, pool, &value), NGX_OK,
               "%d numbers are written", (int) n[i]);
        ok(value.len <= NGX_ER_SHELF_VALUE, "a shelf has room for it");
        is_int(ngx_er_number_row_read(&value, pool, &got), NGX_OK, "read");
        is_int(got.n, n[i], "all");
        is_int(got.noun, 1, "noun");
        is_str(&got.name, i ? "erp" : "", "name");
        is_mem(got.numbers, row.numbers, n[i] * sizeof(ngx_er_number_pair_t),
               "numbers");
    }
}


static void
damaged(void)
{
    ngx_int_t            rc;
    ngx_str_t            value, cut;
    ngx_uint_t           i, bit, wrong, other;
    ngx_er_number_row_t  row, got;

    fill(&row, "erp", 5);
    (void) ngx_er_number_row_write(&row, pool, &value);

    wrong = 0;
    other = 0;

    for (i = 0; i < value.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            value.data[i] ^= 1 << bit;
            rc = ngx_er_number_row_read(&value, pool, &got);
            value.data[i] ^= 1 << bit;

            wrong += (rc != (i ? NGX_DECLINED : NGX_ABORT));
            other += (rc == NGX_OK);
        }
    }

    is_int(other, 0, "no bit may be another one");
    is_int(wrong, 0, "of the first byte: another version");

    wrong = 0;

    for (i = 0; i < value.len; i++) {
        cut.data = ngx_pnalloc(pool, i + 1);
        cut.len = i;
        ngx_memcpy(cut.data, value.data, i);

        wrong += (ngx_er_number_row_read(&cut, pool, &got) != NGX_DECLINED);
    }

    is_int(wrong, 0, "nothing may be missing");

    cut.data = ngx_pnalloc(pool, value.len + 16);
    cut.len = value.len + 16;
    ngx_memzero(cut.data, cut.len);
    ngx_memcpy(cut.data, value.data, value.len);

    is_int(ngx_er_number_row_read(&cut, pool, &got), NGX_DECLINED,
           "nor be there besides");
}


static void
values(void)
{
    ngx_str_t            value;
    ngx_er_number_row_t  row, got;

    fill(&row, "erp", 3);
    row.numbers[2].value = NGX_ER_NUMBER_MAX;
    (void) ngx_er_number_row_write(&row, pool, &value);
    is_int(ngx_er_number_row_read(&value, pool, &got), NGX_OK, "the largest");

    row.numbers[2].value = NGX_ER_NUMBER_MAX + 1;
    (void) ngx_er_number_row_write(&row, pool, &value);
    is_int(ngx_er_number_row_read(&value, pool, &got), NGX_DECLINED,
           "what was never counted");

    row.numbers[2].value = 1;
    row.numbers[2].name = 0;
    (void) ngx_er_number_row_write(&row, pool, &value);
    is_int(ngx_er_number_row_read(&value, pool, &got), NGX_DECLINED,
           "what has no name");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    sizes();
    damaged();
    values();

    return done_testing();
}
