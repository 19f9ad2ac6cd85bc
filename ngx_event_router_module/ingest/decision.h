
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What becomes of a request: admission before its body is read, the verdict
 * behind it.
 */


#ifndef _NGX_ER_DECISION_H_INCLUDED_
#define _NGX_ER_DECISION_H_INCLUDED_


#include "receive.h"


struct ngx_er_decision_s {
    ngx_er_refusal_t       refusal;    /* status 0: it is not refused */
    ngx_er_handshake_t    *handshake;  /* a challenge; NULL: events */
    ngx_er_scan_t          scan;       /* of the body */
    ngx_uint_t             made;       /* ctx->parts has the events, those of
                                          a refused one too if it explains */
};


/*
 * Copies the headers into the event and judges the request by them.  NGX_OK:
 * go on; NGX_DECLINED: answer with the refusal; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_decision_admit(ngx_er_receive_t *ctx,
    ngx_er_refusal_t *refusal);

/* a body that upload.c did not read to its end, by its status, 413 or 503;
   returns NGX_DECLINED */
ngx_int_t ngx_er_decision_body(ngx_er_refusal_t *refusal, ngx_uint_t status);

/*
 * Unpacks, parses, verifies and makes the events; the refusal comes first,
 * then the challenge.  ctx->verify says how the signature was, NULL: nobody
 * looked; ctx->message is empty if the body could not be unpacked.  NGX_ERROR:
 * no memory.  NGX_AGAIN: keys of the source are being fetched, and
 * ctx->keyset.handler will be called from the event loop, unless the request
 * goes before; "decision" is to be kept in its pool until then.  Where that
 * handler is NULL nothing is fetched.
 */
ngx_int_t ngx_er_decide(ngx_er_receive_t *ctx, ngx_er_decision_t *decision);

/* goes on behind NGX_AGAIN; returns the same */
ngx_int_t ngx_er_decide_on(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);


#endif /* _NGX_ER_DECISION_H_INCLUDED_ */
