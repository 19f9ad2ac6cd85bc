
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A guess is a copy of the verifier or of the message with one thing altered,
 * and verify.c says whether it fits.  So nobody here knows a scheme, and a new
 * preset is known at once.  The time of a signature is not asked: the clock is
 * a finding of its own.
 *
 * The clock of the CPU is looked at before each guess.  What a guess makes is
 * in a pool of its own, secrets in the vault.  What may fail is memory: then
 * it does not fit.
 */


#include "guess.h"
#include "secret.h"
#include "../base/vault.h"
#include "../route/budget.h"


static time_t ngx_er_guess_sec(ngx_er_verify_t *v, ngx_str_t *ts);
static ngx_int_t ngx_er_guess_raw(ngx_er_guess_t *guess, ngx_str_t *raw,
    const char *tail);


/* 1: so it would have been verified, at some time */

ngx_uint_t
ngx_er_guess_fits(ngx_er_guess_t *guess, ngx_er_verify_t *v,
    ngx_er_message_t *m)
{
    ngx_int_t          rc;
    ngx_pool_t        *pool;
    ngx_er_verify_t    verify;
    ngx_er_verdict_t   verdict;
    ngx_er_message_t   message;

    if (ngx_er_budget_clock() >= guess->end) {
        guess->doctor->spent = 1;
        return 0;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, guess->pool->log);
    if (pool == NULL) {
        return 0;
    }

    guess->tries++;

    verify = *v;
    verify.timestamp.tolerance = 0;
    verify.timestamp.future = 0;

    message = *m;
    message.pool = pool;

    rc = ngx_er_verify(&verify, &message, &verdict);

    if (rc == NGX_OK) {
        guess->secret = verdict.secret;
        guess->sec = ngx_er_guess_sec(&verify, &verdict.scope.ts);
    }

    ngx_destroy_pool(pool);

    return (rc == NGX_OK);
}


static time_t
ngx_er_guess_sec(ngx_er_verify_t *v, ngx_str_t *ts)
{
    switch (v->timestamp.unit) {

    case NGX_ER_TIME_SECONDS:
        return (time_t) ngx_er_decode_digits(ts, 12);

    case NGX_ER_TIME_MILLISECONDS:
        return (time_t) (ngx_er_decode_digits(ts, 15) / 1000);

    default: /* NGX_ER_TIME_RFC3339 */
        return (time_t) ngx_er_decode_rfc3339(ts);
    }
}


ngx_int_t
ngx_er_guess_keys(ngx_er_guess_t *guess, ngx_er_verify_t *v,
    ngx_er_verify_t *from, const char *tail)
{
    ngx_uint_t        i;
    ngx_er_error_t    err;
    ngx_er_secret_t  *secret, *s;

    v->pool = guess->pool;
    secret = from->secrets.elts;

    if (ngx_array_init(&v->secrets, guess->pool, from->secrets.nelts + 1,
                       sizeof(ngx_er_secret_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < from->secrets.nelts; i++) {

        s = ngx_array_push(&v->secrets);
        if (s == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(s, sizeof(ngx_er_secret_t));
        s->raw = secret[i].raw;

        if (tail && ngx_er_guess_raw(guess, &s->raw, tail) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_secret_prepare(v, s, &err) != NGX_OK) {
            v->secrets.nelts--;
        }
    }

    return v->secrets.nelts ? NGX_OK : NGX_DECLINED;
}


/* NGX_ERROR: no memory */

static ngx_int_t
ngx_er_guess_raw(ngx_er_guess_t *guess, ngx_str_t *raw, const char *tail)
{
    u_char  *p, c;
    size_t   len;

    if (*tail == '-') {

        while (raw->len && (c = raw->data[0], c <= ' ' || c == '"'
                                              || c == '\''))
        {
            raw->data++;
            raw->len--;
        }

        while (raw->len && (c = raw->data[raw->len - 1],
                            c <= ' ' || c == '"' || c == '\''))
        {
            raw->len--;
        }

        return NGX_OK;
    }

    len = ngx_strlen(tail);

    p = ngx_er_vault_alloc(guess->pool, raw->len + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(p, raw->data, raw->len), tail, len);

    raw->data = p;
    raw->len += len;

    return NGX_OK;
}


/* a signature, no token */

ngx_uint_t
ngx_er_guess_sealed(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_HMAC
           || v->scheme == NGX_ER_SCHEME_HMAC_FROM_PREFIX
           || v->scheme == NGX_ER_SCHEME_DIGEST
           || v->scheme == NGX_ER_SCHEME_PUBLIC;
}


ngx_uint_t
ngx_er_guess_shared(ngx_er_verify_t *v)
{
    return ngx_er_guess_sealed(v) && v->scheme != NGX_ER_SCHEME_PUBLIC;
}


/* no memory: one finding fewer */

void
ngx_er_guess_say(ngx_er_guess_t *guess, const char *what,
   const char *fmt, ...)
{
   u_char                   *p, buf[NGX_ER_ERROR_LEN];
    va_list                   args;
    ngx_er_doctor_t          *d;
    ngx_er_doctor_finding_t  *finding;

    d = guess->doctor;

    if (d->findings.nelts == NGX_ER_DOCTOR_FINDINGS) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    finding = ngx_array_push(&d->findings);
    if (finding == NULL) {
        return;
    }

    finding->what = what;
    finding->text.len = p - buf;
    finding->text.data = ngx_pnalloc(d->pool, p - buf + 1);

    if (finding->text.data == NULL) {
        d->findings.nelts--;
        return;
    }

    ngx_memcpy(finding->text.data, buf, p - buf);
}
