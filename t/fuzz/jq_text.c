
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The walk of jq_text.c over whatever scan.c takes.  Beside memory errors it
 * looks for what must always hold: a fault has a path, what may be shown of it
 * is plain, and where numbers become strings the new text is JSON that has no
 * such number any more and the same keys.
 */


#include "../../ngx_event_router_module/base/fingerprint.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/mapping/jq_text.h"
#include "../unit/tap.h"


#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_int_t
scan(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_er_scan_t         s;
    ngx_er_scan_limits_t  limits;

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&s, sizeof(ngx_er_scan_t));

    s.pool = pool;
    s.limits = &limits;

    return ngx_er_scan(&s, text);
}


static ngx_int_t
check(ngx_pool_t *pool, ngx_uint_t strings, ngx_str_t *text)
{
    size_t             i;
    u_char             c;
    ngx_int_t          rc;
    ngx_er_jq_text_t   t;

    static u_char      secret[NGX_ER_FINGERPRINT_SECRET];

    t.pool = pool;
    t.secret = secret;
    t.strings = strings;

    rc = ngx_er_jq_text_check(&t, text);

    must(rc == NGX_OK || rc == NGX_DECLINED);
    must((rc == NGX_OK) == (t.fault == NGX_ER_JQ_FAULT_NONE));
    must(!strings || t.fault != NGX_ER_JQ_FAULT_NUMBER);

    if (rc == NGX_DECLINED) {
        must(t.path.len <= NGX_ER_JQ_PATH && t.shown.len <= t.path.len);

        for (i = 0; i < t.shown.len; i++) {
            c = t.shown.data[i];
            must(isalnum(c) || strchr("_-.[]*", c));
        }
    }

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t    rc;
    ngx_str_t    text;
    ngx_pool_t  *pool;

    /* a byte order mark is not handed on, nor are blanks */

    if (size == 0 || data[0] == 0xef || isspace(data[0])
        || isspace(data[size - 1]))
    {
        return 0;
    }

    pool = ngx_er_test_pool();

    text.data = (u_char *) data;
    text.len = size;

    if (scan(pool, &text) == NGX_OK) {

        (void) check(pool, 0, &text);

        rc = check(pool, 1, &text);

        if (rc == NGX_OK) {
            must(text.len >= size);
            must(scan(pool, &text) == NGX_OK);
            must(check(pool, 0, &text) == NGX_OK);
        }
    }

    ngx_destroy_pool(pool);

    return 0;
}
