
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What becomes of a request whose body was read.
 */


#ifndef _NGX_ER_DECISION_H_INCLUDED_
#define _NGX_ER_DECISION_H_INCLUDED_


#include "admit.h"


typedef struct {
    ngx_er_refusal_t       refusal;    /* status 0: it is not refused */
    ngx_er_handshake_t    *handshake;  /* a challenge; NULL: events */
    ngx_er_scan_t          scan;       /* of the body */
    ngx_uint_t             made;       /* ctx->parts has the events, those of
                                          a refused one too if it explains */
} ngx_er_decision_t;


/*
 * Parses, verifies and makes the events; the refusal comes first, then the
 * challenge.  ctx->verify says how the signature was, NULL: nobody looked.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_decide(ngx_er_receive_t *ctx, ngx_er_decision_t *decision);


#endif /* _NGX_ER_DECISION_H_INCLUDED_ */
