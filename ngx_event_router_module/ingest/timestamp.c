
/*
 * Copyright (C) Event Router contributors
 */


/*
 * When a message was signed: where it says so, and whether that is near enough
 * to now.  verify.c asks for the time before it compares signatures, since it
 * may be a part of what is signed, and has it judged behind that.  A list of
 * several sets has several times; which of them counts is verify.c's business.
 * Nothing is allocated; what is refused has a reason without a byte of it.
 */


#include "timestamp.h"


static ngx_int_t ngx_er_timestamp_refuse(ngx_er_verdict_t *verdict,
    const char *reason);


ngx_int_t
ngx_er_timestamp_find(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    if (v->timestamp.origins.nelts == 0) {
        return NGX_OK;
    }

    origin = v->timestamp.origins.elts;
    rc = NGX_DECLINED;

    for (i = 0; i < v->timestamp.origins.nelts && rc == NGX_DECLINED; i++) {

        if (origin[i].kind != NGX_ER_ORIGIN_ELEMENT) {
            rc = ngx_er_ref_get(&origin[i].ref, m, &verdict->scope,
                                &verdict->scope.ts);

        } else if (c->ntimes) {
            verdict->scope.ts = c->times[0];
            return (c->ntimes == 1 || v->message) ? NGX_OK
                   : ngx_er_timestamp_refuse(verdict, "the timestamp is "
                                             "given more than once");
        }
    }

    c->ntimes = 0;

    if (rc == NGX_ABORT) {
        return ngx_er_timestamp_refuse(verdict, "the timestamp is given more "
                                       "than once");
    }

    if (rc == NGX_DECLINED) {
        return ngx_er_timestamp_refuse(verdict, "the timestamp is missing");
    }

    return rc;
}


ngx_int_t
ngx_er_timestamp_judge(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    int64_t              sec;
    ngx_er_timestamp_t  *ts;

    ts = &v->timestamp;

    if (ts->origins.nelts == 0) {
        return NGX_OK;
    }

    switch (ts->unit) {

    case NGX_ER_TIME_SECONDS:
        sec = ngx_er_decode_digits(&verdict->scope.ts, 12);
        break;

    case NGX_ER_TIME_MILLISECONDS:
        sec = ngx_er_decode_digits(&verdict->scope.ts, 15);
        sec = (sec < 0) ? sec : sec / 1000;
        break;

    default:
        sec = ngx_er_decode_rfc3339(&verdict->scope.ts);
    }

    if (sec < 0) {
        return ngx_er_timestamp_refuse(verdict, "the timestamp is not a time");
    }

    verdict->late = 1;

    if (ts->tolerance && m->now - sec > ts->tolerance) {
        return ngx_er_timestamp_refuse(verdict, "the timestamp is too old");
    }

    if (ts->future && sec - m->now > ts->future) {
        return ngx_er_timestamp_refuse(verdict, "the timestamp is in the "
                                       "future");
    }

    verdict->late = 0;

    return NGX_OK;
}


/* NGX_DECLINED */

static ngx_int_t
ngx_er_timestamp_refuse(ngx_er_verdict_t *verdict, const char *reason)
{
    verdict->reason = reason;

    return NGX_DECLINED;
}
