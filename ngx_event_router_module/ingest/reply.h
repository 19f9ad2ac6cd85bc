
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sending: whatever this module answers, to producers and to operators.
 */


#ifndef _NGX_ER_REPLY_H_INCLUDED_
#define _NGX_ER_REPLY_H_INCLUDED_


#include "../event_router.h"
#include "../base/json.h"


/*
 * Sends an answer, which ends the request.  The rest of its body is not read.
 * Returns what a content handler returns.
 */
ngx_int_t ngx_er_reply(ngx_http_request_t *r, ngx_er_answer_t *answer);

/* the same for a document: with If-None-Match and its ETag it is a 304 */
ngx_int_t ngx_er_reply_page(ngx_http_request_t *r, ngx_er_answer_t *answer);

/* 200 and a body of this type, which is not copied; JSON is ended first */
ngx_int_t ngx_er_reply_text(ngx_http_request_t *r, const char *type,
    ngx_str_t *body);
ngx_int_t ngx_er_reply_json(ngx_http_request_t *r, ngx_er_json_t *json);

/*
 * An answer whose end nobody knows: its header, as a content handler returns
 * it, and then pieces.  A piece and what it points to stays until NGX_OK, as
 * of ngx_http_output_filter(); NULL: go on with what was not sent.
 */
ngx_int_t ngx_er_reply_begin(ngx_http_request_t *r, const char *type);
ngx_int_t ngx_er_reply_piece(ngx_http_request_t *r, ngx_buf_t *piece);

/*
 * A problem (RFC 9457): "detail" says what is wrong and nothing that would
 * help a forger; it contains no byte of the request.  "more" is one more
 * header (Allow, Retry-After), or NULL.
 */
ngx_int_t ngx_er_reply_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail, ngx_er_header_t *more);

/* the same, not sent: for those who add to it; NGX_ERROR: no memory */
ngx_int_t ngx_er_reply_problem_make(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail, ngx_er_header_t *more, ngx_er_answer_t *answer);

/* a header beside those of an answer that is sent afterwards; its value is not
   copied; NGX_ERROR: no memory */
ngx_int_t ngx_er_reply_header(ngx_http_request_t *r, ngx_er_header_t *header);

/* of a problem, "Forbidden" */
const char *ngx_er_reply_title(ngx_uint_t status);


#endif /* _NGX_ER_REPLY_H_INCLUDED_ */
