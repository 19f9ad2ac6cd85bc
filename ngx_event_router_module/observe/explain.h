
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_explain: what would become of an event, and why.
 */


#ifndef _NGX_ER_EXPLAIN_H_INCLUDED_
#define _NGX_ER_EXPLAIN_H_INCLUDED_


#include "../base/json.h"
#include "../ingest/decision.h"


/*
 * The answer to a request about which was decided; it is the caller's to end.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_explain(ngx_er_receive_t *ctx, ngx_er_decision_t *decision,
    ngx_er_json_t *json);

/*
 * Members of JSON about an event that is in the store, whose source is
 * configured: its attributes, "require", its routes and targets.  Without
 * "reveal" the values of its fields are left out.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_explain_stored(ngx_http_request_t *r, ngx_er_event_t *event,
    ngx_uint_t reveal, ngx_er_json_t *json);


#endif /* _NGX_ER_EXPLAIN_H_INCLUDED_ */
