
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lookups in a history of 100,000 records: what is asked for by an index is
 * found by reading that, not by reading the others, wherever it is.
 * "make bench-history" does the same with 10,000,000.
 */


#include "history_many.h"


#define COUNT    100000
#define LOOKUPS  300
#define MOST     5.0                   /* ms of a processor */


static int
compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


/* "looks": records that one of them may read */

static void
each_finds(const char *name, ngx_uint_t kind, ngx_uint_t looks)
{
    double                    began, ms[LOOKUPS];
    uint64_t                  i;
    ngx_uint_t                k, n, wrong, other, most;
    ngx_er_queue_op_t         op;
    ngx_er_history_find_t     find;
    ngx_er_history_record_t  *record;

    wrong = 0;
    other = 0;
    most = 0;

    for (k = 0; k < LOOKUPS; k++) {

        /* also the first and the last one */

        i = (k == 0) ? 0 : (k == 1) ? COUNT - 1 : chance(COUNT);

        began = processor();
        wrong += lookup(&op, &find, kind, i);
        ms[k] = processor() - began;

        record = find.records->elts;

        for (n = 0; n < find.records->nelts; n++) {
            if (record[n].seq == seqs[i]) {
                break;
            }
        }

        other += (kind <= ORDER && n == find.records->nelts);
        most = ngx_max(most, find.looked);

        ngx_destroy_pool(op.pool);
    }

    qsort(ms, LOOKUPS, sizeof(double), compare);

    is_int(wrong, 0, "%s: each finds what there is", name);
    is_int(other, 0, "%s: and what was asked for", name);
    ok(most <= looks, "%s: by reading %u records", name, (unsigned) most);
    ok(ms[LOOKUPS * 99 / 100] <= MOST, "%s: in %.3f ms of a processor", name,
       ms[LOOKUPS * 99 / 100]);
}


int
main(void)
{
    open_store("/dev/shm", COUNT);
    fill(COUNT);

    each_finds("number", NUMBER, 1);
    each_finds("id", ID, 1);
    each_finds("order", ORDER, 3);
    each_finds("no such order", MISSING, 0);
    each_finds("ten minutes", RANGE, 50);
    each_finds("newest page", NEWEST, 50);

    close_store();

    return done_testing();
}
