
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The signature doctor.  A producer says "it is signed", nginx says "the
 * signature does not match", and both are right: a proxy has re-encoded the
 * body, a prefix is not stripped, the secret is that of the other shop.  The
 * doctor tries what people get wrong, one thing at a time (guess_scheme.c,
 * guess_message.c), and tells what fits in a sentence with the way out.
 *
 * Asked for by people only (explain, quarantine), never on the way of an
 * event, and bounded: when its time is over it says so.  What may fail is
 * memory.
 */


#include "doctor.h"
#include "guess_message.h"
#include "guess_scheme.h"
#include "../route/budget.h"


typedef void (*ngx_er_doctor_pt)(ngx_er_guess_t *guess);


static ngx_uint_t ngx_er_doctor_today(ngx_er_guess_t *guess);
static void ngx_er_doctor_nothing(ngx_er_guess_t *guess);


/* in this order; the first one that finds something is the last one but for
   the presets, which may have a name for it */

static ngx_er_doctor_pt  ngx_er_doctor_tries[] = {
    ngx_er_guess_scheme_clock, ngx_er_guess_scheme_claims,
    ngx_er_guess_scheme_others, ngx_er_guess_scheme_place,
    ngx_er_guess_scheme_header, ngx_er_guess_scheme_digest,
    ngx_er_guess_scheme_secret, ngx_er_guess_scheme_edited,
    ngx_er_guess_scheme_presets, ngx_er_guess_message_lines,
    ngx_er_guess_message_packed, ngx_er_guess_message_url,
    ngx_er_guess_message_body, NULL
};


ngx_int_t
ngx_er_doctor(ngx_er_doctor_t *doctor)
{
    ngx_uint_t      i;
    ngx_er_guess_t  guess;

    doctor->spent = 0;

    if (ngx_array_init(&doctor->findings, doctor->pool, 2,
                       sizeof(ngx_er_doctor_finding_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&guess, sizeof(ngx_er_guess_t));

    guess.doctor = doctor;
    guess.end = ngx_er_budget_clock()
              + (uint64_t) NGX_ER_DOCTOR_TIME * 1000 * 1000;

    guess.pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, doctor->pool->log);
    if (guess.pool == NULL) {
        return NGX_ERROR;
    }

    if (!ngx_er_doctor_today(&guess)) {

        for (i = 0; ngx_er_doctor_tries[i]; i++) {
            if (doctor->findings.nelts == 0
                || ngx_er_doctor_tries[i] == ngx_er_guess_scheme_presets)
            {
                ngx_er_doctor_tries[i](&guess);
            }
        }

        ngx_er_doctor_nothing(&guess);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, doctor->pool->log, 0,
                   "event router doctor: %ui tries, findings:%ui spent:%ui",
                   guess.tries, (ngx_uint_t) doctor->findings.nelts,
                   doctor->spent);

    ngx_destroy_pool(guess.pool);

    return NGX_OK;
}


/* 1: there is nothing to find */

static ngx_uint_t
ngx_er_doctor_today(ngx_er_guess_t *guess)
{
    ngx_er_doctor_t   *d;
    ngx_er_message_t   m;
    ngx_er_verdict_t   verdict;

    d = guess->doctor;
    m = *d->message;

    if (ngx_er_verify_is_off(d->verify)) {
        ngx_er_guess_say(guess, "off", "nothing is verified here: \"verify "
                         "off\"");
        return 1;
    }

    if (ngx_er_verify(d->verify, &m, &verdict) != NGX_OK) {
        return 0;
    }

    ngx_er_guess_say(guess, "fits", "it is verified by the nginx.conf of today"
                     "%s: judge it again, POST v1/recheck",
                     d->verify->secrets.nelts > 1 ? ", by one of its secrets"
                                                  : "");
    return 1;
}


static void
ngx_er_doctor_nothing(ngx_er_guess_t *guess)
{
    ngx_uint_t         n;
    ngx_er_doctor_t   *d;
    ngx_er_message_t   m;
    ngx_er_verdict_t   verdict;

    d = guess->doctor;

    if (d->findings.nelts) {
        return;
    }

    m = *d->message;
    n = d->verify->secrets.nelts;

    (void) ngx_er_verify(d->verify, &m, &verdict);

    ngx_er_guess_say(guess, "unknown", "%s, and nothing that was tried "
                     "fits%s: most likely it is signed with a secret that is "
                     "not in nginx.conf (this source has %ui there), or it "
                     "was forged; compare the secret with the one that its "
                     "producer shows",
                     verdict.reason ? verdict.reason : "it is refused",
                     d->spent ? " (the time for it was over before all was)"
                              : "", n);
}
