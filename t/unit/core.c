
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What stands below nginx's core when pure files are tested, fuzzed and
 * measured alone.  The core itself is nginx's own: strings, arrays, trees,
 * pools and the like are its objects, from Debian's source package (see the
 * Makefile).  Here is only what they call, and a test wants in its hand:
 *
 *   memory   counted, and it can run out on purpose (ngx_er_test_fail_at);
 *   the log  to stderr, where a test's reader sees it;
 *   the clock, which stands still until a test sets it.
 *
 * Tests and fuzzers compile nginx's pools with NGX_DEBUG_PALLOC, so that each
 * allocation is a malloc() and AddressSanitizer sees each overrun.  An array
 * that grows then frees its old elements too, where nginx would leave them in
 * the pool: who still points at them is found.  Measurements do without both.
 */


#include "tap.h"


static ngx_uint_t test_runs_out(void);


ngx_uint_t             ngx_er_test_allocs;
ngx_uint_t             ngx_er_test_fail_at;

ngx_log_t              ngx_er_test_log = { .log_level = NGX_LOG_INFO };

ngx_uint_t             ngx_pagesize = 4096;
ngx_uint_t             ngx_cacheline_size = 64;

static ngx_time_t      test_time = { 1700000000, 0, 0 };
volatile ngx_time_t   *ngx_cached_time = &test_time;
volatile ngx_msec_t    ngx_current_msec = 1700000000000;

static ngx_cycle_t     test_cycle = { .log = &ngx_er_test_log };
volatile ngx_cycle_t  *ngx_cycle = &test_cycle;


static void __attribute__((constructor))
test_init(void)
{
    if (ngx_crc32_table_init() != NGX_OK) {
        abort();
    }
}


ngx_pool_t *
ngx_er_test_pool(void)
{
    return ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &ngx_er_test_log);
}


void
ngx_er_test_set_time(time_t sec)
{
    test_time.sec = sec;
    ngx_current_msec = (ngx_msec_t) sec * 1000;
}


/* memory: what nginx has in os/unix/ngx_alloc.c; ngx_free() is free() */

static ngx_uint_t
test_runs_out(void)
{
    ngx_er_test_allocs++;

    return ngx_er_test_fail_at && ngx_er_test_allocs >= ngx_er_test_fail_at;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return test_runs_out() ? NULL : malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return test_runs_out() ? NULL : calloc(1, size);
}


void *
ngx_memalign(size_t alignment, size_t size, ngx_log_t *log)
{
    void  *p;

    if (test_runs_out() || posix_memalign(&p, alignment, size) != 0) {
        return NULL;
    }

    return p;
}


#if (NGX_DEBUG_PALLOC)

/* the linker puts these in front of nginx's: -Wl,--wrap */

void *__real_ngx_array_push(ngx_array_t *a);
void *__real_ngx_array_push_n(ngx_array_t *a, ngx_uint_t n);
void *__wrap_ngx_array_push(ngx_array_t *a);
void *__wrap_ngx_array_push_n(ngx_array_t *a, ngx_uint_t n);


void *
__wrap_ngx_array_push(ngx_array_t *a)
{
    void  *old, *elt;

    old = a->elts;
    elt = __real_ngx_array_push(a);

    if (a->elts != old) {
        (void) ngx_pfree(a->pool, old);
    }

    return elt;
}


void *
__wrap_ngx_array_push_n(ngx_array_t *a, ngx_uint_t n)
{
    void  *old, *elts;

    old = a->elts;
    elts = __real_ngx_array_push_n(a, n);

    if (a->elts != old) {
        (void) ngx_pfree(a->pool, old);
    }

    return elts;
}

#endif


/* the log */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   *p, text[NGX_MAX_ERROR_STR];
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + NGX_MAX_ERROR_STR, fmt, args);
    va_end(args);

    fprintf(stderr, "# log %d: (%d) %.*s\n", (int) level, (int) err,
            (int) (p - text), text);
}
