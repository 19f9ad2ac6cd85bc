
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The one way by which bodies of events are shown: what "redact" of their
 * source hides is not.
 */


#ifndef _NGX_ER_REVEAL_H_INCLUDED_
#define _NGX_ER_REVEAL_H_INCLUDED_


#include "../base/json.h"
#include "../ingest/event.h"
#include "api.h"


/* a body that came with an event or a request of a source */

typedef struct {
    ngx_str_t             *source;     /* its name */
    ngx_str_t             *content_type;
    ngx_str_t             *body;
} ngx_er_reveal_t;


/* rows for the table of an object's members, of those that are written here */

#define NGX_ER_REVEAL_FIELDS                                                  \
    { "redacted", NGX_ER_API_NUMBER, 0, NULL, NULL,                           \
      "so many values of the body are \"***\": its source hides them" },      \
    { "withheld", NGX_ER_API_TEXT, 0, NULL, NULL,                             \
      "the body is \"***\", for its source hides values: why all of it" }


/* members: "body", percent-encoded where it is no text, and those above */
void ngx_er_reveal_body(ngx_er_json_t *json, ngx_er_reveal_t *what);

/* members: "body" byte by byte, or "base64" if it is no text */
void ngx_er_reveal_bytes(ngx_er_json_t *json, ngx_er_reveal_t *what);

/* the same of bytes that were made of an event without hidden values */
void ngx_er_reveal_made(ngx_er_json_t *json, ngx_str_t *text);

/* 1: a value of the field, as nginx.conf has it, must not be shown of events
   of the source; "source" is its name */
ngx_uint_t ngx_er_reveal_hides(ngx_pool_t *pool, ngx_str_t *source,
    ngx_str_t *field);

/* how a body is read, for restoring what an operator has edited */
void ngx_er_reveal_format(ngx_er_source_t *source, ngx_str_t *content_type,
    ngx_er_redact_body_t *body);


#endif /* _NGX_ER_REVEAL_H_INCLUDED_ */
