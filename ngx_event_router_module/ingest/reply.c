
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The one way out of the module: receipts, problems and handshakes of
 * receive.c, explanations, the administration and the counters of observe/.
 * What holds for all of them is here: no browser guesses what they are, no
 * condition of the request makes another answer of them, and a body that
 * nobody read is not taken for the next request.
 *
 * Headers and bodies are the caller's and not copied.  What may fail is
 * memory; then nginx answers 500.
 */


#include "reply.h"


#define NGX_ER_REPLY_PROBLEM  256      /* bytes, to begin with */


static ngx_int_t ngx_er_reply_all(ngx_http_request_t *r,
    ngx_er_answer_t *answer);
static ngx_int_t ngx_er_reply_send(ngx_http_request_t *r, ngx_str_t *body);


static struct {
    ngx_uint_t   status;
    const char  *title;
} ngx_er_reply_titles[] = {
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 508, "Loop Detected" },
    { 0, "Error" }
};


ngx_int_t
ngx_er_reply(ngx_http_request_t *r, ngx_er_answer_t *answer)
{
    /* a receipt is no document: If-Match must not make a 412 of a 200 */

    r->disable_not_modified = 1;

    return ngx_er_reply_all(r, answer);
}


ngx_int_t
ngx_er_reply_page(ngx_http_request_t *r, ngx_er_answer_t *answer)
{
    r->disable_not_modified = 0;

    return ngx_er_reply_all(r, answer);
}


static ngx_int_t
ngx_er_reply_all(ngx_http_request_t *r, ngx_er_answer_t *answer)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    static ngx_er_header_t  nosniff = {
        ngx_string("X-Content-Type-Options"), ngx_string("nosniff")
    };

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router reply: %ui, %uz bytes, headers:%ui",
                   answer->status, answer->body.len, answer->nheaders);

    /* a body that was not read must not become the next request */

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = answer->status;
    r->headers_out.content_length_n = answer->body.len;

    /* strings of events and targets are no page, whatever they look like */

    if (ngx_er_reply_header(r, &nosniff) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < answer->nheaders; i++) {
        if (ngx_er_reply_header(r, &answer->headers[i]) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (answer->body.len == 0) {
        r->header_only = 1;
    }

    return ngx_er_reply_send(r, &answer->body);
}


static ngx_int_t
ngx_er_reply_send(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = b->pos + body->len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_er_reply_header(ngx_http_request_t *r, ngx_er_header_t *header)
{
    ngx_table_elt_t  *h;

    if (header->name.len == sizeof("Content-Type") - 1
        && ngx_strncasecmp(header->name.data, (u_char *) "Content-Type",
                           header->name.len)
           == 0)
    {
        r->headers_out.content_type = header->value;
        r->headers_out.content_type_len = header->value.len;
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = header->name;
    h->value = header->value;

    if (header->name.len == sizeof("Content-Encoding") - 1
        && ngx_strncasecmp(header->name.data, (u_char *) "Content-Encoding",
                           header->name.len)
           == 0)
    {
        /* what is compressed is not compressed again */

        r->headers_out.content_encoding = h;
    }

    if (!r->disable_not_modified
        && header->name.len == sizeof("ETag") - 1
        && ngx_strncasecmp(header->name.data, (u_char *) "ETag",
                           header->name.len)
           == 0)
    {
        /* of a document: nginx compares it with If-None-Match */

        r->headers_out.etag = h;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_reply_json(ngx_http_request_t *r, ngx_er_json_t *json)
{
    ngx_str_t  body;

    if (ngx_er_json_end(json, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_reply_text(r, "application/json", &body);
}


ngx_int_t
ngx_er_reply_text(ngx_http_request_t *r, const char *type, ngx_str_t *body)
{
    ngx_er_answer_t  answer;
    ngx_er_header_t  header;

    ngx_str_set(&header.name, "Content-Type");
    header.value.data = (u_char *) type;
    header.value.len = ngx_strlen(type);

    answer.status = NGX_HTTP_OK;
    answer.body = *body;
    answer.headers = &header;
    answer.nheaders = 1;

    return ngx_er_reply(r, &answer);
}


ngx_int_t
ngx_er_reply_begin(ngx_http_request_t *r, const char *type)
{
    ngx_uint_t       i;
    ngx_er_header_t  header;

    /* for browsers, caches and proxies in between */

    static ngx_er_header_t  headers[] = {
        { ngx_string("X-Content-Type-Options"), ngx_string("nosniff") },
        { ngx_string("Cache-Control"), ngx_string("no-store") },
        { ngx_string("X-Accel-Buffering"), ngx_string("no") }
    };

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router reply: begins, %s", type);

    r->headers_out.status = NGX_HTTP_OK;
    r->disable_not_modified = 1;

    ngx_str_set(&header.name, "Content-Type");
    header.value.data = (u_char *) type;
    header.value.len = ngx_strlen(type);

    if (ngx_er_reply_header(r, &header) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < sizeof(headers) / sizeof(ngx_er_header_t); i++) {
        if (ngx_er_reply_header(r, &headers[i]) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_er_reply_piece(ngx_http_request_t *r, ngx_buf_t *piece)
{
    ngx_chain_t  out;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router reply: piece, %O bytes",
                   piece ? ngx_buf_size(piece) : 0);

    out.buf = piece;
    out.next = NULL;

    return ngx_http_output_filter(r, piece ? &out : NULL);
}


ngx_int_t
ngx_er_reply_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail, ngx_er_header_t *more)
{
    ngx_er_answer_t  answer;

    if (ngx_er_reply_problem_make(r, status, detail, more, &answer)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_reply(r, &answer);
}


ngx_int_t
ngx_er_reply_problem_make(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail, ngx_er_header_t *more, ngx_er_answer_t *answer)
{
    ngx_er_json_t     json;
    ngx_er_header_t  *headers;

    headers = ngx_palloc(r->pool, 2 * sizeof(ngx_er_header_t));
    if (headers == NULL) {
        return NGX_ERROR;
    }

    ngx_er_json_begin(&json, r->pool, NGX_ER_REPLY_PROBLEM);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_word(&json, "type", "about:blank");
    ngx_er_json_word(&json, "title", ngx_er_reply_title(status));
    ngx_er_json_number(&json, "status", status);
    ngx_er_json_word(&json, "detail", detail);
    ngx_er_json_close(&json, "}\n");

    ngx_str_set(&headers[0].name, "Content-Type");
    ngx_str_set(&headers[0].value, "application/problem+json");

    if (more) {
        headers[1] = *more;
    }

    answer->status = status;
    answer->headers = headers;
    answer->nheaders = more ? 2 : 1;

    return ngx_er_json_end(&json, &answer->body);
}


const char *
ngx_er_reply_title(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; ngx_er_reply_titles[i].status; i++) {
        if (ngx_er_reply_titles[i].status == status) {
            break;
        }
    }

    return ngx_er_reply_titles[i].title;
}
