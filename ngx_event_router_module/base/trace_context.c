
/*
 * Copyright (C) Event Router contributors
 */


/*
 * W3C Trace Context, read and written.  What came is hostile: a traceparent is
 * taken apart and written anew, so nothing but hex digits of ours can pass,
 * and a tracestate is checked byte for byte and bounded.
 *
 * Pure.  ingest/trace.c finds the trace of an event, deliver/outgoing.c sends
 * it on.  Nothing is allocated and nothing can fail.
 */


#include "trace_context.h"


#define NGX_ER_TRACE_MEMBERS  32       /* more are not valid */
#define NGX_ER_TRACE_LONG     128      /* bytes: longer ones go first */


static u_char *ngx_er_trace_hex(u_char *p, u_char *out, size_t n);
static ngx_uint_t ngx_er_trace_zero(u_char *p, size_t n);
static ngx_uint_t ngx_er_trace_member(u_char *p, u_char *last);
static ngx_uint_t ngx_er_trace_key(u_char c);


ngx_int_t
ngx_er_trace_parse(ngx_str_t *text, ngx_er_trace_t *trace)
{
    u_char     *p, version;
    ngx_str_t   t;

    t = *text;

    while (t.len && (t.data[0] == ' ' || t.data[0] == '\t')) {
        t.data++;
        t.len--;
    }

    while (t.len && (t.data[t.len - 1] == ' ' || t.data[t.len - 1] == '\t')) {
        t.len--;
    }

    if (t.len < NGX_ER_TRACE_PARENT) {
        return NGX_DECLINED;
    }

    p = ngx_er_trace_hex(t.data, &version, 1);

    if (p == NULL || version == 0xff || *p++ != '-') {
        return NGX_DECLINED;
    }

    p = ngx_er_trace_hex(p, trace->id, NGX_ER_TRACE_ID);

    if (p == NULL || *p++ != '-'
        || ngx_er_trace_zero(trace->id, NGX_ER_TRACE_ID))
    {
        return NGX_DECLINED;
    }

    p = ngx_er_trace_hex(p, trace->span, NGX_ER_TRACE_SPAN);

    if (p == NULL || *p++ != '-'
        || ngx_er_trace_zero(trace->span, NGX_ER_TRACE_SPAN))
    {
        return NGX_DECLINED;
    }

    p = ngx_er_trace_hex(p, &trace->flags, 1);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    if (t.len > NGX_ER_TRACE_PARENT && (version == 0 || *p != '-')) {
        return NGX_DECLINED;
    }

    if (version) {

        /* of the flags of a later one only this is known to mean the same */

        trace->flags &= NGX_ER_TRACE_SAMPLED;
    }

    return NGX_OK;
}


/* lower case only; NULL: other digits */

static u_char *
ngx_er_trace_hex(u_char *p, u_char *out, size_t n)
{
    u_char      c, d;
    ngx_uint_t  i;

    for (i = 0; i < 2 * n; i++) {
        c = *p++;

        if (c >= '0' && c <= '9') {
            d = c - '0';

        } else if (c >= 'a' && c <= 'f') {
            d = c - 'a' + 10;

        } else {
            return NULL;
        }

        out[i / 2] = (i & 1) ? (out[i / 2] << 4 | d) : d;
    }

    return p;
}


static ngx_uint_t
ngx_er_trace_zero(u_char *p, size_t n)
{
    while (n) {
        if (p[--n]) {
            return 0;
        }
    }

    return 1;
}


u_char *
ngx_er_trace_write(u_char *p, ngx_er_trace_t *trace, u_char *span)
{
    *p++ = '0';
    *p++ = '0';
    *p++ = '-';
    p = ngx_hex_dump(p, trace->id, NGX_ER_TRACE_ID);
    *p++ = '-';
    p = ngx_hex_dump(p, span, NGX_ER_TRACE_SPAN);
    *p++ = '-';

    return ngx_hex_dump(p, &trace->flags, 1);
}


ngx_int_t
ngx_er_trace_state(ngx_str_t *line, ngx_str_t *state, ngx_uint_t *members)
{
    size_t       len;
    u_char      *p, *end, *last, *member;
    ngx_uint_t   full;

    full = 0;
    p = line->data;
    last = p + line->len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        member = p;
        len = end - p;

        while (len && (*member == ' ' || *member == '\t')) {
            member++;
            len--;
        }

        while (len && (member[len - 1] == ' ' || member[len - 1] == '\t')) {
            len--;
        }

        if (len == 0) {
            continue;
        }

        if (!ngx_er_trace_member(member, member + len)
            || ++(*members) > NGX_ER_TRACE_MEMBERS)
        {
            return NGX_DECLINED;
        }

        if (full
            || state->len + (state->len != 0) + len > NGX_ER_TRACE_STATE)
        {
            /* a long one makes room for those behind it */

            full |= (len <= NGX_ER_TRACE_LONG);
            continue;
        }

        if (state->len) {
            state->data[state->len++] = ',';
        }

        ngx_memcpy(state->data + state->len, member, len);
        state->len += len;
    }

    return NGX_OK;
}


/* 1: KEY=VALUE, of at least a byte each */

static ngx_uint_t
ngx_er_trace_member(u_char *p, u_char *last)
{
    u_char  *key;

    key = p;

    while (p < last && ngx_er_trace_key(*p)) {
        p++;
    }

    if (p == key || p == last || *p++ != '=' || p == last) {
        return 0;
    }

    for ( /* void */ ; p < last; p++) {
        if (*p < 0x20 || *p > 0x7e || *p == '=' || *p == ',') {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_er_trace_key(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-' || c == '*' || c == '/' || c == '@';
}
