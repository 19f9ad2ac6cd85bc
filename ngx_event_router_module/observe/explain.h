
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_explain: what would become of an event, and why.
 */


#ifndef _NGX_ER_EXPLAIN_H_INCLUDED_
#define _NGX_ER_EXPLAIN_H_INCLUDED_


#include "../ingest/receive.h"
#include "../ingest/admit.h"


/*
 * The answer to a request whose body was read and scanned; or, if there is a
 * refusal, to one that got no further than that.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_explain(ngx_er_receive_t *ctx, ngx_er_scan_t *scan,
    ngx_er_refusal_t *refusal, ngx_er_answer_t *answer);


#endif /* _NGX_ER_EXPLAIN_H_INCLUDED_ */
