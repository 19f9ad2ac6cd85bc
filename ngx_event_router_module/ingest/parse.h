
/*
 * Copyright (C) Event Router contributors
 */


/*
 * From a request to events: content types, the message for the verifier, and
 * CloudEvents in their three modes.
 */


#ifndef _NGX_ER_PARSE_H_INCLUDED_
#define _NGX_ER_PARSE_H_INCLUDED_


#include "receive.h"


/*
 * Sets event->content_type from the request's headers.  NGX_OK; NGX_DECLINED:
 * the source does not accept it.
 */
ngx_int_t ngx_er_parse_accepts(ngx_er_source_t *source, ngx_er_event_t *event);

/*
 * Fills in ctx->message and the facts of the body.  NGX_OK, also when the body
 * cannot be parsed: then scan->error says why, and json: and form: fields are
 * undefined; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parse_message(ngx_er_receive_t *ctx, ngx_er_scan_t *scan);

/*
 * After verification: makes the events and their attributes and adds them to
 * ctx->parts.  NGX_DECLINED: not a valid CloudEvent; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parse_events(ngx_er_receive_t *ctx);

/* the facts of the body of an event that was parsed before; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_parse_facts(ngx_er_event_t *event);


#endif /* _NGX_ER_PARSE_H_INCLUDED_ */
