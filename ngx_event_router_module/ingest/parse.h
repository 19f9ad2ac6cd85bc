
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a request says: content types and the message for the verifier.
 */


#ifndef _NGX_ER_PARSE_H_INCLUDED_
#define _NGX_ER_PARSE_H_INCLUDED_


#include "receive.h"


typedef enum {
    NGX_ER_FORMAT_JSON = 0,
    NGX_ER_FORMAT_TEXT,                /* JSON if it is */
    NGX_ER_FORMAT_FORM,
    NGX_ER_FORMAT_MULTIPART,           /* a form with files */
    NGX_ER_FORMAT_STRUCTURED,          /* CloudEvents: an envelope, */
    NGX_ER_FORMAT_BATCH,               /* and an array of them */
    NGX_ER_FORMAT_LINES,               /* JSON in each line */
    NGX_ER_FORMAT_OPAQUE
} ngx_er_format_e;


/*
 * Sets event->content_type from the request's headers.  NULL, or a sentence:
 * why the source does not accept it.
 */
const char *ngx_er_parse_accepts(ngx_er_source_t *source,
    ngx_er_event_t *event);

/*
 * Fills in ctx->message and the facts of the body.  NGX_OK, also when the body
 * cannot be parsed: then scan->error says why, and json: and form: fields are
 * undefined; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parse_message(ngx_er_receive_t *ctx, ngx_er_scan_t *scan);

/* by content type and source */
ngx_er_format_e ngx_er_parse_format(ngx_er_event_t *event);
ngx_er_format_e ngx_er_parse_format_of(ngx_er_source_t *source,
    ngx_str_t *content_type);

/* the facts of the body of an event alone, and of the document in it; as
   above */
ngx_int_t ngx_er_parse_facts(ngx_er_event_t *event, ngx_er_scan_t *scan);

/* a message about this event: what templates find in its body and in the
   document inside it */
void ngx_er_parse_refer(ngx_er_event_t *event, ngx_er_message_t *m);

/*
 * What data of an event is, and its format: the document inside the body, or
 * the body.  Of an event that has come out of a record the document is looked
 * for here, within these limits.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parse_data_of(ngx_er_event_t *event,
    ngx_er_scan_limits_t *limits, ngx_str_t *data, ngx_er_format_e *format);

/*
 * Why the body was refused, with the name of a key that is there twice: it is
 * the configuration's word, so nothing of the body is told.  NULL: no memory.
 */
const char *ngx_er_parse_reason(ngx_pool_t *pool, ngx_er_scan_t *scan);


#endif /* _NGX_ER_PARSE_H_INCLUDED_ */
