
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lookups in a large history:
 *
 *     history COUNT [DIR]
 *
 * fills a file store with so many events of a week (t/unit/history_many.h) and
 * looks them up then: by number, by id, by the order that they are about, by
 * an order that is not there, by ten minutes of the week, the newest page, and
 * a page of text, which reads 10,000 records.  A line for each says how long
 * the lookups took, how long of that they had a processor, and how many pages
 * they had to ask the system for.  The program fails if one of an index has a
 * processor for more than 5 ms, but for one in a hundred; what a machine that
 * is busy with other things adds to that is shown, and not judged.
 */


#include "../unit/history_many.h"


#define LOOKUPS  1000
#define MOST     5.0                   /* ms of a lookup */


static int lookups(const char *name, uint64_t count, ngx_uint_t kind,
    ngx_uint_t times);
static double seconds(void);
static int compare(const void *a, const void *b);


int
main(int argc, char **argv)
{
    int       bad;
    double    start;
    uint64_t  count;

    count = (argc > 1) ? strtoull(argv[1], NULL, 10) : 0;

    if (count < BATCH) {
        return fail("usage: history COUNT [DIR]");
    }

    open_store(argc > 2 ? argv[2] : "/tmp", count);

    start = seconds();
    fill(count);

    printf("%llu records of a week in %.0f s, %.0f bytes each\n",
           (unsigned long long) count, seconds() - start,
           (double) file->history / count);
    printf("                    ms: p50     p99    most  processor: p50     "
           "p99  pages: p50   p99\n");

    bad = lookups("number", count, NUMBER, LOOKUPS)
          + lookups("id", count, ID, LOOKUPS)
          + lookups("order", count, ORDER, LOOKUPS)
          + lookups("no such order", count, MISSING, LOOKUPS)
          + lookups("ten minutes", count, RANGE, LOOKUPS)
          + lookups("newest page", count, NEWEST, LOOKUPS);

    (void) lookups("10,000 by text", count, TEXT, 20);

    close_store();

    return bad;
}


/* 1: they take too long, or found something else */

static int
lookups(const char *name, uint64_t count, ngx_uint_t kind, ngx_uint_t times)
{
    double                  start, began, ms[LOOKUPS], cpu[LOOKUPS];
    double                  pages[LOOKUPS];
    ngx_uint_t              k, wrong;
    ngx_er_queue_op_t       op;
    ngx_er_history_find_t   find;

    wrong = 0;

    for (k = 0; k < times; k++) {
        pages[k] = faults();
        start = seconds();
        began = processor();

        wrong += lookup(&op, &find, kind, chance(count));

        cpu[k] = processor() - began;
        ms[k] = (seconds() - start) * 1000;
        pages[k] = faults() - pages[k];

        ngx_destroy_pool(op.pool);
    }

    qsort(ms, times, sizeof(double), compare);
    qsort(cpu, times, sizeof(double), compare);
    qsort(pages, times, sizeof(double), compare);

    printf("%-16s %10.3f %7.3f %7.3f %15.3f %7.3f %11.0f %5.0f%s\n", name,
           ms[times / 2], ms[times * 99 / 100], ms[times - 1],
           cpu[times / 2], cpu[times * 99 / 100], pages[times / 2],
           pages[times * 99 / 100], wrong ? ", found something else" : "");

    return wrong || cpu[times * 99 / 100] > MOST;
}


static double
seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static int
compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}
