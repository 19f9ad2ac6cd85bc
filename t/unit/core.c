
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The functions of nginx's core that the pure files use, so that these can be
 * tested and fuzzed without nginx.  They behave as nginx 1.22's do, with three
 * differences that find bugs: every allocation is a malloc() of its own, so
 * that AddressSanitizer sees each overrun; an array that grows frees its old
 * elements; and memory can run out on purpose (ngx_er_test_fail_at).
 * Regular expressions need -lpcre2-8.  Trees are not balanced here.
 */


#include "tap.h"

#include <ngx_md5.h>
#include <ngx_sha1.h>


typedef struct {
    ngx_pool_t    pool;            /* first: it is what callers know */
    void        **blocks;
    size_t        nblocks;
    size_t        size;
} test_pool_t;


static void *test_alloc(size_t size, size_t alignment);
static void *test_pool_alloc(ngx_pool_t *pool, size_t size, size_t alignment);
static u_char *test_number(u_char *buf, u_char *last, uint64_t n,
    ngx_uint_t negative, u_char zero, ngx_uint_t hex, ngx_uint_t width);
static u_char *test_text(u_char *buf, u_char *last, u_char *src, size_t len,
    ngx_uint_t hex);
static u_char *test_double(u_char *buf, u_char *last, double f, u_char zero,
    ngx_uint_t width, ngx_uint_t frac);
static void test_encode(ngx_str_t *dst, ngx_str_t *src, const char *alphabet,
    ngx_uint_t padding);
static ngx_int_t test_decode(ngx_str_t *dst, ngx_str_t *src,
    const char *alphabet);
static void test_sha1_block(ngx_sha1_t *ctx, const u_char *p);
static void test_free_regex(void *data);


ngx_uint_t             ngx_er_test_allocs;
ngx_uint_t             ngx_er_test_fail_at;

ngx_log_t              ngx_er_test_log = { .log_level = NGX_LOG_INFO };

ngx_uint_t             ngx_pagesize = 4096;
ngx_uint_t             ngx_pagesize_shift = 12;
ngx_uint_t             ngx_cacheline_size = 64;
ngx_int_t              ngx_ncpu = 1;
ngx_pid_t              ngx_pid = 1;

static ngx_time_t      test_time = { 1700000000, 0, 0 };
volatile ngx_time_t   *ngx_cached_time = &test_time;
volatile ngx_msec_t    ngx_current_msec = 1700000000000;

static ngx_cycle_t     test_cycle = { .log = &ngx_er_test_log };
volatile ngx_cycle_t  *ngx_cycle = &test_cycle;

uint32_t               ngx_crc32_table256[256];
static uint32_t        test_crc32_table16[16];
uint32_t              *ngx_crc32_table_short = test_crc32_table16;

static const char      test_base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char      test_base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static void __attribute__((constructor))
test_init(void)
{
    (void) ngx_crc32_table_init();
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


void
ngx_time_update(void)
{
}


/* memory */


static void *
test_alloc(size_t size, size_t alignment)
{
    void  *p;

    ngx_er_test_allocs++;

    if (ngx_er_test_fail_at && ngx_er_test_allocs >= ngx_er_test_fail_at) {
        return NULL;
    }

    if (alignment <= 16) {
        return malloc(size);
    }

    return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
}


static void *
test_pool_alloc(ngx_pool_t *pool, size_t size, size_t alignment)
{
    void         *p, **blocks;
    test_pool_t  *tp;

    tp = (test_pool_t *) pool;

    if (tp->nblocks == tp->size) {
        blocks = realloc(tp->blocks, (2 * tp->size + 16) * sizeof(void *));
        if (blocks == NULL) {
            return NULL;
        }

        tp->blocks = blocks;
        tp->size = 2 * tp->size + 16;
    }

    p = test_alloc(size, alignment);
    if (p == NULL) {
        return NULL;
    }

    tp->blocks[tp->nblocks++] = p;

    return p;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    (void) log;

    return test_alloc(size, 0);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    void  *p;

    p = ngx_alloc(size, log);

    return p ? memset(p, 0, size) : NULL;
}


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    test_pool_t  *tp;

    tp = test_alloc(sizeof(test_pool_t), 0);
    if (tp == NULL) {
        return NULL;
    }

    ngx_memzero(tp, sizeof(test_pool_t));

    tp->pool.max = size;
    tp->pool.current = &tp->pool;
    tp->pool.log = log;

    return &tp->pool;
}


void
ngx_reset_pool(ngx_pool_t *pool)
{
    test_pool_t  *tp;

    tp = (test_pool_t *) pool;

    while (tp->nblocks) {
        free(tp->blocks[--tp->nblocks]);
    }

    pool->cleanup = NULL;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_pool_cleanup_t  *c;

    for (c = pool->cleanup; c; c = c->next) {
        if (c->handler) {
            c->handler(c->data);
        }
    }

    ngx_reset_pool(pool);

    free(((test_pool_t *) pool)->blocks);
    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    return test_pool_alloc(pool, size, 0);
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return test_pool_alloc(pool, size, 0);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = test_pool_alloc(pool, size, 0);

    return p ? memset(p, 0, size) : NULL;
}


void *
ngx_pmemalign(ngx_pool_t *pool, size_t size, size_t alignment)
{
    return test_pool_alloc(pool, size, alignment);
}


ngx_int_t
ngx_pfree(ngx_pool_t *pool, void *p)
{
    size_t        i;
    test_pool_t  *tp;

    tp = (test_pool_t *) pool;

    for (i = tp->nblocks; i-- > 0; /* void */ ) {
        if (tp->blocks[i] == p) {
            tp->blocks[i] = tp->blocks[--tp->nblocks];
            free(p);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *p, size_t size)
{
    ngx_pool_cleanup_t  *c;

    c = ngx_pcalloc(p, sizeof(ngx_pool_cleanup_t));
    if (c == NULL) {
        return NULL;
    }

    if (size) {
        c->data = ngx_palloc(p, size);
        if (c->data == NULL) {
            return NULL;
        }
    }

    c->next = p->cleanup;
    p->cleanup = c;

    return c;
}


ngx_array_t *
ngx_array_create(ngx_pool_t *p, ngx_uint_t n, size_t size)
{
    ngx_array_t  *a;

    a = ngx_palloc(p, sizeof(ngx_array_t));
    if (a == NULL || ngx_array_init(a, p, n, size) != NGX_OK) {
        return NULL;
    }

    return a;
}


void
ngx_array_destroy(ngx_array_t *a)
{
    (void) ngx_pfree(a->pool, a->elts);
    (void) ngx_pfree(a->pool, a);
}


void *
ngx_array_push(ngx_array_t *a)
{
    return ngx_array_push_n(a, 1);
}


void *
ngx_array_push_n(ngx_array_t *a, ngx_uint_t n)
{
    void        *elts;
    ngx_uint_t   nalloc;

    if (a->nelts + n > a->nalloc) {
        nalloc = (n == 1) ? 2 * a->nalloc : 2 * ngx_max(n, a->nalloc);

        elts = ngx_palloc(a->pool, nalloc * a->size);
        if (elts == NULL) {
            return NULL;
        }

        ngx_memcpy(elts, a->elts, a->nelts * a->size);
        (void) ngx_pfree(a->pool, a->elts);

        a->elts = elts;
        a->nalloc = nalloc;
    }

    elts = (u_char *) a->elts + a->size * a->nelts;
    a->nelts += n;

    return elts;
}


ngx_list_t *
ngx_list_create(ngx_pool_t *pool, ngx_uint_t n, size_t size)
{
    ngx_list_t  *list;

    list = ngx_palloc(pool, sizeof(ngx_list_t));
    if (list == NULL || ngx_list_init(list, pool, n, size) != NGX_OK) {
        return NULL;
    }

    return list;
}


void *
ngx_list_push(ngx_list_t *l)
{
    ngx_list_part_t  *part;

    part = l->last;

    if (part->nelts == l->nalloc) {
        part = ngx_palloc(l->pool, sizeof(ngx_list_part_t));
        if (part == NULL) {
            return NULL;
        }

        part->elts = ngx_palloc(l->pool, l->nalloc * l->size);
        if (part->elts == NULL) {
            return NULL;
        }

        part->nelts = 0;
        part->next = NULL;

        l->last->next = part;
        l->last = part;
    }

    return (u_char *) part->elts + l->size * part->nelts++;
}


/* formatted output */


static u_char *
test_number(u_char *buf, u_char *last, uint64_t n, ngx_uint_t negative,
    u_char zero, ngx_uint_t hex, ngx_uint_t width)
{
    size_t  len, sign;
    u_char  digits[24], *p;

    const char  *alphabet;

    alphabet = (hex == 2) ? "0123456789ABCDEF" : "0123456789abcdef";

    p = digits + sizeof(digits);

    do {
        *--p = alphabet[n % (hex ? 16 : 10)];
        n /= hex ? 16 : 10;
    } while (n);

    len = digits + sizeof(digits) - p;
    sign = negative;

    if (sign && buf < last) {
        *buf++ = '-';
    }

    while (len < width && buf < last) {
        *buf++ = zero;
        width--;
    }

    return test_text(buf, last, p, len, 0);
}


static u_char *
test_text(u_char *buf, u_char *last, u_char *src, size_t len, ngx_uint_t hex)
{
    const char  *alphabet;

    alphabet = (hex == 2) ? "0123456789ABCDEF" : "0123456789abcdef";

    while (len-- && buf < last) {
        if (hex == 0) {
            *buf++ = *src++;
            continue;
        }

        *buf++ = alphabet[*src >> 4];

        if (buf < last) {
            *buf++ = alphabet[*src & 0xf];
        }

        src++;
    }

    return buf;
}


static u_char *
test_double(u_char *buf, u_char *last, double f, u_char zero,
    ngx_uint_t width, ngx_uint_t frac)
{
    double      scale;
    uint64_t    whole, part;
    ngx_uint_t  i, negative;

    negative = (f < 0);
    f = negative ? -f : f;

    for (scale = 1, i = 0; i < frac; i++) {
        scale *= 10;
    }

    whole = (uint64_t) f;
    part = (uint64_t) ((f - (double) whole) * scale + 0.5);

    if (frac && part == (uint64_t) scale) {
        whole++;
        part = 0;
    }

    buf = test_number(buf, last, whole, negative, zero, 0, width);

    if (frac) {
        buf = test_text(buf, last, (u_char *) ".", 1, 0);
        buf = test_number(buf, last, part, 0, '0', 0, frac);
    }

    return buf;
}


u_char * ngx_cdecl
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, (void *) -1, fmt, args);
    va_end(args);

    return buf;
}


u_char * ngx_cdecl
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, buf + max, fmt, args);
    va_end(args);

    return buf;
}


u_char * ngx_cdecl
ngx_slprintf(u_char *buf, u_char *last, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    return buf;
}


u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list args)
{
    size_t                  slen;
    u_char                 *p, c, zero;
    int64_t                 n;
    ngx_str_t              *s;
    ngx_uint_t              width, frac, sign, hex, negative, counted;
    ngx_variable_value_t   *vv;

    while (*fmt && buf < last) {

        if (*fmt != '%') {
            *buf++ = *fmt++;
            continue;
        }

        fmt++;

        zero = (*fmt == '0') ? '0' : ' ';
        width = 0;
        frac = 0;
        sign = 1;
        hex = 0;
        counted = 0;
        slen = 0;

        while (*fmt >= '0' && *fmt <= '9') {
            width = width * 10 + (*fmt++ - '0');
        }

        for ( ;; ) {
            switch (*fmt) {

            case 'u':
                sign = 0;
                fmt++;
                continue;

            case 'm':
                width = NGX_INT_T_LEN;
                fmt++;
                continue;

            case 'x':
            case 'X':
                hex = (*fmt++ == 'X') ? 2 : 1;
                sign = 0;
                continue;

            case '.':
                for (fmt++; *fmt >= '0' && *fmt <= '9'; fmt++) {
                    frac = frac * 10 + (*fmt - '0');
                }
                continue;

            case '*':
                slen = va_arg(args, size_t);
                counted = 1;
                fmt++;
                continue;

            default:
                break;
            }

            break;
        }

        switch (*fmt++) {

        case 'V':
            s = va_arg(args, ngx_str_t *);
            buf = test_text(buf, last, s->data, s->len, hex);
            continue;

        case 'v':
            vv = va_arg(args, ngx_variable_value_t *);
            buf = test_text(buf, last, vv->data, vv->len, hex);
            continue;

        case 's':
            p = va_arg(args, u_char *);
            buf = test_text(buf, last, p, counted ? slen : ngx_strlen(p), hex);
            continue;

        case 'f':
            buf = test_double(buf, last, va_arg(args, double), zero, width,
                              frac);
            continue;

        case 'c':
            c = (u_char) va_arg(args, int);
            buf = test_text(buf, last, &c, 1, 0);
            continue;

        case 'Z':
            *buf++ = '\0';
            continue;

        case 'N':
            *buf++ = LF;
            continue;

        case '%':
            *buf++ = '%';
            continue;

        case 'p':
            buf = test_number(buf, last, (uintptr_t) va_arg(args, void *), 0,
                              '0', 2, 2 * sizeof(void *));
            continue;

        case 'O':
        case 'T':
        case 'L':
        case 'z':
        case 'i':
        case 'l':
        case 'A':
            n = va_arg(args, int64_t);
            break;

        case 'M':
        case 'r':
            n = va_arg(args, int64_t);
            sign = (fmt[-1] == 'M' && n == -1);
            break;

        case 'P':
            n = va_arg(args, ngx_pid_t);
            break;

        case 'd':
        case 'D':
            n = sign ? va_arg(args, int) : (int64_t) va_arg(args, u_int);
            break;

        default:
            *buf++ = fmt[-1];
            continue;
        }

        negative = (sign && n < 0);

        buf = test_number(buf, last,
                          negative ? 0 - (uint64_t) n : (uint64_t) n,
                          negative, zero, hex, width);
    }

    return buf;
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   *p, text[NGX_MAX_ERROR_STR];
    va_list   args;

    (void) log;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + NGX_MAX_ERROR_STR, fmt, args);
    va_end(args);

    fprintf(stderr, "# log %d: (%d) %.*s\n", (int) level, (int) err,
            (int) (p - text), text);
}


/* strings */


void
ngx_strlow(u_char *dst, u_char *src, size_t n)
{
    while (n--) {
        *dst++ = ngx_tolower(*src);
        src++;
    }
}


size_t
ngx_strnlen(u_char *p, size_t n)
{
    return strnlen((char *) p, n);
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    volatile u_char  *p;

    for (p = buf; n--; p++) {
        *p = 0;
    }
}


u_char *
ngx_cpystrn(u_char *dst, u_char *src, size_t n)
{
    if (n == 0) {
        return dst;
    }

    while (--n) {
        *dst = *src++;

        if (*dst == '\0') {
            return dst;
        }

        dst++;
    }

    *dst = '\0';

    return dst;
}


u_char *
ngx_pstrdup(ngx_pool_t *pool, ngx_str_t *src)
{
    u_char  *dst;

    dst = ngx_pnalloc(pool, src->len);
    if (dst == NULL) {
        return NULL;
    }

    if (src->len) {
        ngx_memcpy(dst, src->data, src->len);
    }

    return dst;
}


ngx_int_t
ngx_strcasecmp(u_char *s1, u_char *s2)
{
    return ngx_strncasecmp(s1, s2, (size_t) -1);
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    ngx_int_t  a, b;

    while (n--) {
        a = ngx_tolower(*s1);
        b = ngx_tolower(*s2);

        if (a != b) {
            return a - b;
        }

        if (a == 0) {
            return 0;
        }

        s1++;
        s2++;
    }

    return 0;
}


u_char *
ngx_strnstr(u_char *s1, char *s2, size_t n)
{
    size_t  i, len;

    len = ngx_strlen(s2);

    for (i = 0; i + len <= n && s1[i]; i++) {
        if (ngx_strncmp(&s1[i], s2, len) == 0) {
            return &s1[i];
        }
    }

    return NULL;
}


/* as in nginx, "n" is the length of s2 less one */

u_char *
ngx_strstrn(u_char *s1, char *s2, size_t n)
{
    for ( /* void */ ; *s1; s1++) {
        if (ngx_strncmp(s1, s2, n + 1) == 0) {
            return s1;
        }
    }

    return NULL;
}


u_char *
ngx_strcasestrn(u_char *s1, char *s2, size_t n)
{
    for ( /* void */ ; *s1; s1++) {
        if (ngx_strncasecmp(s1, (u_char *) s2, n + 1) == 0) {
            return s1;
        }
    }

    return NULL;
}


u_char *
ngx_strlcasestrn(u_char *s1, u_char *last, u_char *s2, size_t n)
{
    for ( /* void */ ; s1 < last - n; s1++) {
        if (ngx_strncasecmp(s1, s2, n + 1) == 0) {
            return s1;
        }
    }

    return NULL;
}


ngx_int_t
ngx_rstrncmp(u_char *s1, u_char *s2, size_t n)
{
    while (n--) {
        if (s1[n] != s2[n]) {
            return s1[n] - s2[n];
        }
    }

    return 0;
}


ngx_int_t
ngx_memn2cmp(u_char *s1, u_char *s2, size_t n1, size_t n2)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(s1, s2, ngx_min(n1, n2));

    if (rc || n1 == n2) {
        return rc;
    }

    return (n1 < n2) ? -1 : 1;
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    return ngx_atofp(line, n, 0);
}


ssize_t
ngx_atosz(u_char *line, size_t n)
{
    return ngx_atofp(line, n, 0);
}


off_t
ngx_atoof(u_char *line, size_t n)
{
    return ngx_atofp(line, n, 0);
}


time_t
ngx_atotm(u_char *line, size_t n)
{
    return ngx_atofp(line, n, 0);
}


/* 12.34 with "point" 3 is 12340; with 0 no dot is allowed */

ngx_int_t
ngx_atofp(u_char *line, size_t n, size_t point)
{
    ngx_int_t   value;
    ngx_uint_t  dot;

    if (n == 0) {
        return NGX_ERROR;
    }

    value = 0;
    dot = 0;

    for ( /* void */ ; n; n--, line++) {

        if (*line == '.' && point && !dot) {
            dot = 1;
            continue;
        }

        if (*line < '0' || *line > '9' || (dot && point == 0)
            || __builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, *line - '0', &value))
        {
            return NGX_ERROR;
        }

        point -= dot;
    }

    while (point--) {
        if (__builtin_mul_overflow(value, 10, &value)) {
            return NGX_ERROR;
        }
    }

    return value;
}


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    u_char     c;
    ngx_int_t  value;

    if (n == 0) {
        return NGX_ERROR;
    }

    for (value = 0; n--; line++) {

        c = *line;

        if (!isxdigit(c) || value > NGX_MAX_INT_T_VALUE / 16) {
            return NGX_ERROR;
        }

        c = (c <= '9') ? c - '0' : (c | 0x20) - 'a' + 10;
        value = value * 16 + c;
    }

    return value;
}


u_char *
ngx_hex_dump(u_char *dst, u_char *src, size_t len)
{
    return test_text(dst, (void *) -1, src, len, 1);
}


static void
test_encode(ngx_str_t *dst, ngx_str_t *src, const char *alphabet,
    ngx_uint_t padding)
{
    size_t       i, n;
    u_char      *d;
    uint32_t     v;
    ngx_uint_t   k;

    d = dst->data;

    for (i = 0; i < src->len; i += 3) {
        n = ngx_min(src->len - i, 3);

        v = src->data[i] << 16;
        v |= (n > 1) ? src->data[i + 1] << 8 : 0;
        v |= (n > 2) ? src->data[i + 2] : 0;

        for (k = 0; k < 4; k++) {
            if (k <= n) {
                *d++ = alphabet[(v >> (18 - 6 * k)) & 0x3f];

            } else if (padding) {
                *d++ = '=';
            }
        }
    }

    dst->len = d - dst->data;
}


void
ngx_encode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    test_encode(dst, src, test_base64, 1);
}


void
ngx_encode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    test_encode(dst, src, test_base64url, 0);
}


/* as lax as nginx: it stops at the first "=" and ignores spare bits */

static ngx_int_t
test_decode(ngx_str_t *dst, ngx_str_t *src, const char *alphabet)
{
    size_t       i;
    u_char      *d;
    uint32_t     v;
    ngx_uint_t   bits;
    const char  *p;

    d = dst->data;
    v = 0;
    bits = 0;

    for (i = 0; i < src->len && src->data[i] != '='; i++) {

        p = memchr(alphabet, src->data[i], 64);
        if (p == NULL) {
            return NGX_ERROR;
        }

        v = (v << 6 | (p - alphabet)) & 0xffffff;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *d++ = (u_char) (v >> bits);
        }
    }

    if (i % 4 == 1) {
        return NGX_ERROR;
    }

    dst->len = d - dst->data;

    return NGX_OK;
}


ngx_int_t
ngx_decode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    return test_decode(dst, src, test_base64);
}


ngx_int_t
ngx_decode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    return test_decode(dst, src, test_base64url);
}


uintptr_t
ngx_escape_uri(u_char *dst, u_char *src, size_t size, ngx_uint_t type)
{
    u_char      *bad, c;
    ngx_uint_t   escape;

    uintptr_t  n;

    static u_char  *sets[] = {
        (u_char *) " \"#%<>?\\^`{|}",
        (u_char *) " \"#%&+;<>?\\^`{|}",
        (u_char *) "",
        (u_char *) " \"#%'<>?\\^`{|}",
        (u_char *) " \"'<>\\^`{|}",
        (u_char *) " %",
        (u_char *) " %"
    };

    bad = sets[type];

    for (n = 0; size; size--) {
        c = *src++;

        if (type == NGX_ESCAPE_URI_COMPONENT) {
            escape = !isalnum(c) && (c == 0 || strchr("-._~", c) == NULL);

        } else {
            escape = c < 0x20 || c == 0x7f || strchr((char *) bad, c)
                     || (c >= 0x80 && type < NGX_ESCAPE_MEMCACHED);
        }

        n += escape;

        if (dst == NULL) {
            continue;
        }

        if (escape) {
            *dst++ = '%';
            dst = test_text(dst, dst + 2, &c, 1, 2);

        } else {
            *dst++ = c;
        }
    }

    return dst ? (uintptr_t) dst : n;
}


/*
 * What nginx does with a bad escape is kept: "%" is lost, and behind "%h" the
 * next byte too.
 */

void
ngx_unescape_uri(u_char **dst, u_char **src, size_t size, ngx_uint_t type)
{
    u_char  *d, *s, *last, c;

    d = *dst;
    s = *src;
    last = s + size;

    while (s < last) {
        c = *s++;

        if (c == '%') {
            if (s == last) {
                break;
            }

            if (!isxdigit(*s)) {
                *d++ = *s++;
                continue;
            }

            if (last - s < 2) {
                s = last;
                break;
            }

            if (!isxdigit(s[1])) {
                s += 2;
                continue;
            }

            c = (u_char) ngx_hextoi(s, 2);
            s += 2;

            if ((type & NGX_UNESCAPE_REDIRECT) && c != '?'
                && (c <= '%' || c >= 0x7f))
            {
                d = ngx_movemem(d, s - 3, 3);
                continue;
            }
        }

        *d++ = c;

        if (c == '?' && (type & (NGX_UNESCAPE_URI|NGX_UNESCAPE_REDIRECT))) {
            break;
        }
    }

    *dst = d;
    *src = s;
}


uintptr_t
ngx_escape_json(u_char *dst, u_char *src, size_t size)
{
    u_char      *p, text[8], *last;
    uintptr_t    n;
    const char  *q;

    for (n = 0, p = src; p < src + size; p++) {

        q = (*p && *p < 0x20) ? strchr("\nn\rr\tt\bb\ff", *p) : NULL;

        if (q || *p == '"' || *p == '\\') {
            last = ngx_sprintf(text, "\\%c", q ? q[1] : *p);

        } else if (*p < 0x20) {
            last = ngx_sprintf(text, "\\u00%02Xd", (int) *p);

        } else {
            last = ngx_cpymem(text, p, 1);
        }

        n += last - text - 1;

        if (dst) {
            dst = ngx_cpymem(dst, text, last - text);
        }
    }

    return dst ? (uintptr_t) dst : n;
}


/* one character, or 0xffffffff: bad, 0xfffffffe: cut off */

uint32_t
ngx_utf8_decode(u_char **p, size_t n)
{
    size_t    len;
    uint32_t  u, valid;

    u = **p;

    if (u >= 0xf0) {
        u &= 0x07;
        valid = 0xffff;
        len = 3;

    } else if (u >= 0xe0) {
        u &= 0x0f;
        valid = 0x7ff;
        len = 2;

    } else if (u >= 0xc2) {
        u &= 0x1f;
        valid = 0x7f;
        len = 1;

    } else {
        (*p)++;
        return 0xffffffff;
    }

    if (n - 1 < len) {
        return 0xfffffffe;
    }

    for ((*p)++; len; len--, (*p)++) {
        if ((**p & 0xc0) != 0x80) {
            return 0xffffffff;
        }

        u = (u << 6) | (**p & 0x3f);
    }

    return (u > valid) ? u : 0xffffffff;
}


void
ngx_sort(void *base, size_t n, size_t size,
    ngx_int_t (*cmp)(const void *, const void *))
{
    u_char  *p, *q, *first, *last, *held;

    held = malloc(size);
    if (held == NULL) {
        return;
    }

    first = base;
    last = first + n * size;

    for (p = first + size; n && p < last; p += size) {
        ngx_memcpy(held, p, size);

        for (q = p; q > first && cmp(q - size, held) > 0; q -= size) {
            ngx_memcpy(q, q - size, size);
        }

        ngx_memcpy(q, held, size);
    }

    free(held);
}


/* hashes */


ngx_uint_t
ngx_hash_key(u_char *data, size_t len)
{
    ngx_uint_t  key;

    for (key = 0; len--; data++) {
        key = ngx_hash(key, *data);
    }

    return key;
}


ngx_uint_t
ngx_hash_key_lc(u_char *data, size_t len)
{
    ngx_uint_t  key;

    for (key = 0; len--; data++) {
        key = ngx_hash(key, ngx_tolower(*data));
    }

    return key;
}


ngx_uint_t
ngx_hash_strlow(u_char *dst, u_char *src, size_t n)
{
    ngx_strlow(dst, src, n);

    return ngx_hash_key(dst, n);
}


uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    uint32_t  h, k;

    h = (uint32_t) len;

    for ( /* void */ ; len >= 4; len -= 4, data += 4) {
        k = data[0] | data[1] << 8 | data[2] << 16 | (uint32_t) data[3] << 24;

        k *= 0x5bd1e995;
        k = (k ^ (k >> 24)) * 0x5bd1e995;
        h = (h * 0x5bd1e995) ^ k;
    }

    if (len) {
        while (len--) {
            h ^= (uint32_t) data[len] << (8 * len);
        }

        h *= 0x5bd1e995;
    }

    h = (h ^ (h >> 13)) * 0x5bd1e995;

    return h ^ (h >> 15);
}


ngx_int_t
ngx_crc32_table_init(void)
{
    uint32_t    c;
    ngx_uint_t  i, k;

    for (i = 0; i < 256; i++) {
        for (c = i, k = 0; k < 8; k++) {
            c = (c >> 1) ^ ((c & 1) ? 0xedb88320 : 0);

            if (k == 3 && i < 16) {
                test_crc32_table16[i] = c;
            }
        }

        ngx_crc32_table256[i] = c;
    }

    return NGX_OK;
}


void
ngx_sha1_init(ngx_sha1_t *ctx)
{
    ctx->bytes = 0;
    ctx->a = 0x67452301;
    ctx->b = 0xefcdab89;
    ctx->c = 0x98badcfe;
    ctx->d = 0x10325476;
    ctx->e = 0xc3d2e1f0;
}


void
ngx_sha1_update(ngx_sha1_t *ctx, const void *data, size_t size)
{
    const u_char  *p;

    for (p = data; size--; p++) {
        ctx->buffer[ctx->bytes++ % 64] = *p;

        if (ctx->bytes % 64 == 0) {
            test_sha1_block(ctx, ctx->buffer);
        }
    }
}


void
ngx_sha1_final(u_char result[20], ngx_sha1_t *ctx)
{
    u_char      length[8];
    uint32_t    words[5];
    uint64_t    bits;
    ngx_uint_t  i;

    bits = ctx->bytes * 8;

    for (i = 0; i < 8; i++) {
        length[i] = (u_char) (bits >> (56 - 8 * i));
    }

    ngx_sha1_update(ctx, "\x80", 1);

    while (ctx->bytes % 64 != 56) {
        ngx_sha1_update(ctx, "", 1);
    }

    ngx_sha1_update(ctx, length, 8);

    words[0] = ctx->a;
    words[1] = ctx->b;
    words[2] = ctx->c;
    words[3] = ctx->d;
    words[4] = ctx->e;

    for (i = 0; i < 20; i++) {
        result[i] = (u_char) (words[i / 4] >> (24 - 8 * (i % 4)));
    }
}


static void
test_sha1_block(ngx_sha1_t *ctx, const u_char *p)
{
    uint32_t    v[5], w[80], f, t;
    ngx_uint_t  i;

    static const uint32_t  k[4] = {
        0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6
    };

#define test_rol(x, n)  ((x) << (n) | (x) >> (32 - (n)))

    for (i = 0; i < 80; i++) {
        if (i < 16) {
            w[i] = (uint32_t) p[4 * i] << 24 | p[4 * i + 1] << 16
                   | p[4 * i + 2] << 8 | p[4 * i + 3];

        } else {
            t = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
            w[i] = test_rol(t, 1);
        }
    }

    v[0] = ctx->a;
    v[1] = ctx->b;
    v[2] = ctx->c;
    v[3] = ctx->d;
    v[4] = ctx->e;

    for (i = 0; i < 80; i++) {
        f = (i < 20) ? ((v[1] & v[2]) | (~v[1] & v[3]))
            : (i >= 40 && i < 60)
              ? ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]))
              : (v[1] ^ v[2] ^ v[3]);

        t = test_rol(v[0], 5) + f + v[4] + k[i / 20] + w[i];

        v[4] = v[3];
        v[3] = v[2];
        v[2] = test_rol(v[1], 30);
        v[1] = v[0];
        v[0] = t;
    }

    ctx->a += v[0];
    ctx->b += v[1];
    ctx->c += v[2];
    ctx->d += v[3];
    ctx->e += v[4];
}


/* values of directives */


ssize_t
ngx_parse_size(ngx_str_t *line)
{
    return ngx_parse_offset(line);
}


off_t
ngx_parse_offset(ngx_str_t *line)
{
    off_t   value, scale;
    size_t  len;

    len = line->len;

    if (len == 0) {
        return NGX_ERROR;
    }

    scale = 1;

    switch (line->data[len - 1]) {

    case 'G':
    case 'g':
        scale *= 1024;
        /* fall through */

    case 'M':
    case 'm':
        scale *= 1024;
        /* fall through */

    case 'K':
    case 'k':
        scale *= 1024;
        len--;
    }

    value = ngx_atoof(line->data, len);

    if (value == NGX_ERROR || __builtin_mul_overflow(value, scale, &value)) {
        return NGX_ERROR;
    }

    return value;
}


ngx_int_t
ngx_parse_time(ngx_str_t *line, ngx_uint_t is_sec)
{
    u_char      *p, *q, *last;
    ngx_int_t    total, value;
    ngx_uint_t   i, k, step;

    /* units must come in this order, each of them once; the longest counts */

    static struct {
        const char  *name;
        int64_t      ms;
    } units[] = {
        { "", 1000 }, { "y", 31536000000 }, { "M", 2592000000 },
        { "w", 604800000 }, { "d", 86400000 }, { "h", 3600000 },
        { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { " ", 1000 }
    };

    total = 0;
    step = is_sec ? 1 : 3;
    p = line->data;
    last = p + line->len;

    if (p == last) {
        return NGX_ERROR;
    }

    while (p < last) {

        for (q = p; q < last && isdigit(*q); q++) { /* void */ }

        value = ngx_atoi(p, q - p);
        if (value == NGX_ERROR) {
            return NGX_ERROR;
        }

        for (i = 0, k = 1; k < 10; k++) {
            if ((size_t) (last - q) >= ngx_strlen(units[k].name)
                && ngx_strncmp(q, units[k].name, ngx_strlen(units[k].name))
                   == 0
                && ngx_strlen(units[k].name) > ngx_strlen(units[i].name))
            {
                i = k;
            }
        }

        if ((i == 0 && q < last) || (i && i < step) || (i == 8 && is_sec)) {
            return NGX_ERROR;
        }

        if (__builtin_mul_overflow(value, is_sec ? units[i].ms / 1000
                                                 : units[i].ms, &value)
            || __builtin_add_overflow(total, value, &total))
        {
            return NGX_ERROR;
        }

        step = i + 1;

        for (p = q + ngx_strlen(units[i].name); p < last && *p == ' '; p++) {
            /* void */
        }
    }

    return total;
}


/* addresses */


in_addr_t
ngx_inet_addr(u_char *text, size_t len)
{
    size_t      i;
    in_addr_t   addr;
    ngx_uint_t  octet, n, digits;

    addr = 0;
    octet = 0;
    n = 0;
    digits = 0;

    for (i = 0; i <= len; i++) {

        if (i < len && text[i] >= '0' && text[i] <= '9') {
            octet = octet * 10 + (text[i] - '0');
            digits++;

            if (octet > 255) {
                return INADDR_NONE;
            }

            continue;
        }

        if (digits == 0 || (i < len && text[i] != '.')) {
            return INADDR_NONE;
        }

        addr = (addr << 8) | (in_addr_t) octet;
        octet = 0;
        digits = 0;
        n++;
    }

    return (n == 4) ? htonl(addr) : INADDR_NONE;
}


ngx_int_t
ngx_inet6_addr(u_char *p, size_t len, u_char *addr)
{
    char  text[NGX_INET6_ADDRSTRLEN + 1];

    if (len > NGX_INET6_ADDRSTRLEN || memchr(p, 0, len)) {
        return NGX_ERROR;
    }

    ngx_memcpy(text, p, len);
    text[len] = '\0';

    return inet_pton(AF_INET6, text, addr) == 1 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ptocidr(ngx_str_t *text, ngx_cidr_t *cidr)
{
    size_t      len;
    u_char     *addr, *mask, *slash, *last;
    ngx_int_t   rc, shift, bits, i;

    last = text->data + text->len;
    slash = ngx_strlchr(text->data, last, '/');
    len = (slash ? slash : last) - text->data;

    cidr->u.in.addr = ngx_inet_addr(text->data, len);

    if (cidr->u.in.addr != INADDR_NONE) {
        cidr->family = AF_INET;
        addr = (u_char *) &cidr->u.in.addr;
        mask = (u_char *) &cidr->u.in.mask;
        bits = 32;

    } else {
        addr = cidr->u.in6.addr.s6_addr;
        mask = cidr->u.in6.mask.s6_addr;
        bits = 128;

        if (ngx_inet6_addr(text->data, len, addr) != NGX_OK) {
            return NGX_ERROR;
        }

        cidr->family = AF_INET6;
    }

    shift = slash ? ngx_atoi(slash + 1, last - slash - 1) : bits;

    if (shift == NGX_ERROR || shift > bits) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (i = 0; i < bits / 8; i++, shift -= ngx_min(shift, 8)) {
        mask[i] = (u_char) (0xff00 >> ngx_min(shift, 8));

        if (addr[i] & ~mask[i]) {
            addr[i] &= mask[i];
            rc = NGX_DONE;
        }
    }

    return rc;
}


ngx_int_t
ngx_cidr_match(struct sockaddr *sa, ngx_array_t *cidrs)
{
    u_char      *ip, *addr, *mask;
    ngx_int_t    family, n;
    ngx_cidr_t  *cidr;
    ngx_uint_t   i;

    family = sa->sa_family;
    ip = (u_char *) &((struct sockaddr_in *) sa)->sin_addr;

    if (family == AF_INET6) {
        ip = ((struct sockaddr_in6 *) sa)->sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *) ip)) {
            family = AF_INET;
            ip += 12;
        }
    }

    cidr = cidrs->elts;

    for (i = 0; i < cidrs->nelts; i++) {

        if ((ngx_int_t) cidr[i].family != family) {
            continue;
        }

        if (family == AF_INET) {
            addr = (u_char *) &cidr[i].u.in.addr;
            mask = (u_char *) &cidr[i].u.in.mask;
            n = 4;

        } else {
            addr = cidr[i].u.in6.addr.s6_addr;
            mask = cidr[i].u.in6.mask.s6_addr;
            n = 16;
        }

        while (n && (ip[n - 1] & mask[n - 1]) == addr[n - 1]) {
            n--;
        }

        if (n == 0) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* trees: ordered, not balanced */


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    if (tree->root == tree->sentinel) {
        node->parent = NULL;
        node->left = tree->sentinel;
        node->right = tree->sentinel;
        tree->root = node;

    } else {
        tree->insert(tree->root, node, tree->sentinel);
    }

    ngx_rbt_black(node);
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  *heir, **link;

    link = (node->parent == NULL) ? &tree->root
           : (node == node->parent->left) ? &node->parent->left
                                          : &node->parent->right;

    if (node->left == tree->sentinel || node->right == tree->sentinel) {
        heir = (node->left == tree->sentinel) ? node->right : node->left;

    } else {
        heir = ngx_rbtree_min(node->right, tree->sentinel);

        if (heir != node->right) {
            heir->parent->left = heir->right;

            if (heir->right != tree->sentinel) {
                heir->right->parent = heir->parent;
            }

            heir->right = node->right;
            heir->right->parent = heir;
        }

        heir->left = node->left;
        heir->left->parent = heir;
    }

    *link = heir;

    if (heir != tree->sentinel) {
        heir->parent = node->parent;
    }

    node->left = NULL;
    node->right = NULL;
    node->parent = NULL;
}


void
ngx_rbtree_insert_value(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t  **p;

    for ( ;; ) {
        p = (node->key < temp->key) ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
}


void
ngx_str_rbtree_insert_value(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_int_t            rc;
    ngx_str_node_t      *n, *t;
    ngx_rbtree_node_t  **p;

    for ( ;; ) {
        n = (ngx_str_node_t *) node;
        t = (ngx_str_node_t *) temp;

        if (node->key != temp->key) {
            rc = node->key < temp->key ? -1 : 1;

        } else if (n->str.len != t->str.len) {
            rc = n->str.len < t->str.len ? -1 : 1;

        } else {
            rc = ngx_memcmp(n->str.data, t->str.data, n->str.len);
        }

        p = rc < 0 ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
}


ngx_str_node_t *
ngx_str_rbtree_lookup(ngx_rbtree_t *rbtree, ngx_str_t *name, uint32_t hash)
{
    ngx_int_t           rc;
    ngx_str_node_t     *n;
    ngx_rbtree_node_t  *node;

    node = rbtree->root;

    while (node != rbtree->sentinel) {
        n = (ngx_str_node_t *) node;

        if (hash != node->key) {
            rc = hash < node->key ? -1 : 1;

        } else if (name->len != n->str.len) {
            rc = name->len < n->str.len ? -1 : 1;

        } else {
            rc = ngx_memcmp(name->data, n->str.data, name->len);

            if (rc == 0) {
                return n;
            }
        }

        node = rc < 0 ? node->left : node->right;
    }

    return NULL;
}


void
ngx_rbtree_insert_timer_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t  **p;

    for ( ;; ) {
        p = ((ngx_rbtree_key_int_t) (node->key - temp->key) < 0)
            ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
}


ngx_rbtree_node_t *
ngx_rbtree_next(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    if (node->right != tree->sentinel) {
        return ngx_rbtree_min(node->right, tree->sentinel);
    }

    while (node->parent && node == node->parent->right) {
        node = node->parent;
    }

    return node->parent;
}


/* regular expressions */


static void
test_free_regex(void *data)
{
    pcre2_code_free(data);
}


ngx_int_t
ngx_regex_compile(ngx_regex_compile_t *rc)
{
    int                  errcode;
    char                *p;
    size_t               erroff;
    u_char               text[128];
    uint32_t             options, n;
    pcre2_code          *re;
    ngx_pool_cleanup_t  *cln;

    options = (rc->options & NGX_REGEX_CASELESS) ? PCRE2_CASELESS : 0;
    options |= (rc->options & NGX_REGEX_MULTILINE) ? PCRE2_MULTILINE : 0;

    re = pcre2_compile(rc->pattern.data, rc->pattern.len, options, &errcode,
                       &erroff, NULL);

    if (re == NULL) {
        pcre2_get_error_message(errcode, text, 128);

        if (erroff == rc->pattern.len) {
            rc->err.len = ngx_snprintf(rc->err.data, rc->err.len,
                                       "pcre2_compile() failed: %s in \"%V\"",
                                       text, &rc->pattern)
                          - rc->err.data;
            return NGX_ERROR;
        }

        p = (char *) rc->pattern.data + erroff;
        rc->err.len = ngx_snprintf(rc->err.data, rc->err.len,
                                   "pcre2_compile() failed: %s in \"%V\" "
                                   "at \"%*s\"", text, &rc->pattern,
                                   rc->pattern.len - erroff, p)
                      - rc->err.data;
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(rc->pool, 0);
    if (cln == NULL) {
        pcre2_code_free(re);
        return NGX_ERROR;
    }

    cln->handler = test_free_regex;
    cln->data = re;

    rc->regex = re;

    pcre2_pattern_info(re, PCRE2_INFO_CAPTURECOUNT, &n);
    rc->captures = n;
    pcre2_pattern_info(re, PCRE2_INFO_NAMECOUNT, &n);
    rc->named_captures = n;

    return NGX_OK;
}


ngx_int_t
ngx_regex_exec(ngx_regex_t *re, ngx_str_t *s, int *captures, ngx_uint_t size)
{
    size_t            *ov;
    ngx_int_t          rc;
    ngx_uint_t         i, n;
    pcre2_match_data  *md;

    md = pcre2_match_data_create(ngx_max(size / 3, 1), NULL);
    if (md == NULL) {
        return PCRE2_ERROR_NOMEMORY;
    }

    rc = pcre2_match(re, s->data, s->len, 0, 0, md, NULL);

    if (rc >= 0) {
        n = ngx_min(pcre2_get_ovector_count(md), size / 3);
        ov = pcre2_get_ovector_pointer(md);

        for (i = 0; i < 2 * n; i++) {
            captures[i] = (int) ov[i];
        }
    }

    pcre2_match_data_free(md);

    return rc;
}
