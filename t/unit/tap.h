
/*
 * Copyright (C) Event Router contributors
 */


/*
 * TAP without a plan: a unit test is one C file that calls ok() and its
 * relatives and ends with "return done_testing();".  Beside that the knobs of
 * core.c: the clock, the pool for tests, memory that runs out on purpose.
 */


#ifndef _NGX_ER_TAP_H_INCLUDED_
#define _NGX_ER_TAP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


static int  tap_count;
static int  tap_failed;


/* core.c */

extern ngx_log_t   ngx_er_test_log;        /* errors go to stderr as "# ..." */
extern ngx_uint_t  ngx_er_test_allocs;     /* allocations so far */
extern ngx_uint_t  ngx_er_test_fail_at;    /* this one fails, and all after
                                              it; 0: none */

ngx_pool_t *ngx_er_test_pool(void);
void ngx_er_test_set_time(time_t sec);


#define ok(cond, ...)                                                         \
    tap_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                \
    tap_is_int((long long) (got), (long long) (want), __FILE__, __LINE__,     \
               __VA_ARGS__)
#define is_str(got, want, ...)                                                \
    tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_mem(got, want, len, ...)                                           \
    tap_ok(memcmp((got), (want), (len)) == 0, __FILE__, __LINE__, __VA_ARGS__)
#define diag(...)                                                             \
    tap_diag(__VA_ARGS__)


static void tap_line(int pass, const char *file, int line, const char *fmt,
    va_list args) __attribute__((format(printf, 4, 0), unused));
static int tap_ok(int pass, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), unused));
static int tap_is_int(long long got, long long want, const char *file,
    int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6), unused));
static int tap_is_str(ngx_str_t *got, const char *want, const char *file,
    int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6), unused));
static void tap_diag(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), unused));
static int done_testing(void) __attribute__((unused));


/* what is not a letter of ASCII is written as \xNN: a name is one line */

static void
tap_line(int pass, const char *file, int line, const char *fmt, va_list args)
{
    char   text[512];
    char  *p;

    tap_count++;

    printf("%sok %d - ", pass ? "" : "not ", tap_count);

    (void) vsnprintf(text, sizeof(text), fmt, args);

    for (p = text; *p; p++) {
        printf((*p >= 0x20 && *p < 0x7f) ? "%c" : "\\x%02x", (u_char) *p);
    }

    printf("\n");

    if (!pass) {
        tap_failed++;
        printf("#   failed at %s line %d\n", file, line);
    }
}


static int
tap_ok(int pass, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_line(pass, file, line, fmt, args);
    va_end(args);

    return pass;
}


static int
tap_is_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_line(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        printf("#   got %lld, expected %lld\n", got, want);
    }

    return got == want;
}


/* "want" NULL: the string must be absent, a NULL pointer or NULL data */

static int
tap_is_str(ngx_str_t *got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
    int      pass;
    va_list  args;

    if (want == NULL) {
        pass = (got == NULL || got->data == NULL);

    } else {
        pass = (got != NULL && got->len == strlen(want)
                && (got->len == 0
                    || memcmp(got->data, want, got->len) == 0));
    }

    va_start(args, fmt);
    tap_line(pass, file, line, fmt, args);
    va_end(args);

    if (!pass) {
        printf("#   got      %.*s\n#   expected %s\n",
               got ? (int) got->len : 6,
               got ? (char *) got->data : "(null)",
               want ? want : "(null)");
    }

    return pass;
}


static void
tap_diag(const char *fmt, ...)
{
    va_list  args;

    printf("# ");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}


static int
done_testing(void)
{
    printf("1..%d\n", tap_count);

    if (tap_failed) {
        printf("# %d of %d failed\n", tap_failed, tap_count);
    }

    return tap_failed || tap_count == 0;
}


#endif /* _NGX_ER_TAP_H_INCLUDED_ */
