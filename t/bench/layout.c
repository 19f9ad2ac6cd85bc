
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a template costs: a Shopify order (t/data/shopify/order.json) to a
 * record of about 1 KB.  Nanoseconds a body, the best of several rounds, with
 * the scan of the order alone beside it, which is most of it.  The pools are
 * nginx's.  "make bench" builds and runs it.
 *
 *     build/bench/layout [order.json [template.json]]
 */


#include "../unit/layout.h"


#define ROUNDS  1000
#define TURNS   100


static double seconds(void);
static double measure(ngx_er_layout_t *layout, ngx_str_t *data,
    ngx_uint_t scan);
static ngx_int_t read_file(ngx_pool_t *pool, ngx_str_t *text,
    const char *name);


static size_t              bytes;
static volatile size_t     sink;


int
main(int argc, char **argv)
{
    double            all, scan;
    ngx_str_t         name, data, text;
    ngx_pool_t       *pool;
    ngx_er_error_t    err;
    ngx_er_layout_t  *layout;

    pool = ngx_create_pool(16384, &ngx_er_test_log);

    name.data = (u_char *) (argc > 2 ? argv[2] : "t/bench/record.json");
    name.len = strlen((char *) name.data);

    if (read_file(pool, &data, argc > 1 ? argv[1]
                                        : "t/data/shopify/order.json")
        != NGX_OK
        || read_file(pool, &text, (char *) name.data) != NGX_OK)
    {
        return 1;
    }

    layout = ngx_er_layout_compile(pool, &name, &text, layout_file, NULL,
                                   &err);
    if (layout == NULL) {
        fprintf(stderr, "%.*s\n", (int) err.len, (char *) err.text);
        return 1;
    }

    scan = measure(layout, &data, 1);
    all = measure(layout, &data, 0);

    printf("%-28s %8s %8s %8s %10s\n", "template", "event", "body", "ns",
           "scan alone");
    printf("%-28s %8d %8d %8.0f %10.0f\n", (char *) name.data,
           (int) data.len, (int) bytes, all * 1e9, scan * 1e9);

    ngx_destroy_pool(pool);

    return 0;
}


static double
measure(ngx_er_layout_t *layout, ngx_str_t *data, ngx_uint_t scan)
{
    double                  start, t, best;
    ngx_uint_t              i, k;
    ngx_pool_t             *pool;
    ngx_er_scan_t           s;
    ngx_er_facts_t         *facts;
    ngx_er_scan_limits_t    limits;
    ngx_er_layout_print_t   print;

    best = 1;
    pool = ngx_create_pool(16384, &ngx_er_test_log);

    ngx_er_scan_limits_default(&limits);

    for (i = 0; i < ROUNDS; i++) {
        start = seconds();

        for (k = 0; k < TURNS; k++) {

            if (scan) {
                facts = ngx_er_facts_create(pool, layout->fields[0]);
                ngx_memzero(&s, sizeof(ngx_er_scan_t));

                s.pool = pool;
                s.limits = &limits;
                s.paths = layout->fields[0]->paths;
                s.values = facts->values;

                sink += ngx_er_scan(&s, data);

            } else {
                ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

                print.pool = pool;
                print.layout = layout;
                print.data = *data;
                print.get = layout_get;

                if (ngx_er_layout_print(&print, NULL) != NGX_OK) {
                    fprintf(stderr, "%.*s\n", (int) print.err.len,
                            (char *) print.err.text);
                    exit(1);
                }

                bytes = print.body.len;
                sink += bytes;
            }

            ngx_reset_pool(pool);
        }

        t = (seconds() - start) / TURNS;
        best = (t < best) ? t : best;
    }

    ngx_destroy_pool(pool);

    return best;
}


static double
seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static ngx_int_t
read_file(ngx_pool_t *pool, ngx_str_t *text, const char *name)
{
    FILE  *f;

    f = fopen(name, "rb");
    if (f == NULL) {
        perror(name);
        return NGX_ERROR;
    }

    text->data = ngx_palloc(pool, NGX_ER_LAYOUT_MAX);
    if (text->data == NULL) {
        fclose(f);
        return NGX_ERROR;
    }

    text->len = fread(text->data, 1, NGX_ER_LAYOUT_MAX, f);

    return fclose(f) == 0 ? NGX_OK : NGX_ERROR;
}
