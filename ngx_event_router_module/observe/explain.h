
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


/* the same as what the functions below would have returned: NGX_OK or
   NGX_ERROR; json goes with the caller's pool */
typedef void (*ngx_er_explain_pt)(void *data, ngx_int_t rc,
    ngx_er_json_t *json);


/*
 * The answer to a request about which was decided; it is the caller's to end.
 * "reveal": with the bodies that targets would get.  NGX_AGAIN: children work
 * on these, the handler will be called from the event loop, unless the request
 * goes before; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_explain(ngx_er_receive_t *ctx, ngx_er_decision_t *decision,
    ngx_uint_t reveal, ngx_er_json_t *json, ngx_er_explain_pt handler,
    void *data);

/*
 * Members of JSON about an event that is in the store, whose source is
 * configured: its attributes, "require", its routes and targets, and what
 * these would get.  Without "reveal" the values of its fields are left out,
 * and so are bodies.  Returns as above; the handler is called unless the pool
 * of the JSON goes before.
 */
ngx_int_t ngx_er_explain_stored(ngx_http_request_t *r, ngx_er_event_t *event,
    ngx_uint_t reveal, ngx_er_json_t *json, ngx_er_explain_pt handler,
    void *data);


#endif /* _NGX_ER_EXPLAIN_H_INCLUDED_ */
