
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The only writer of JSON: receipts, problems, counters, lists of the
 * administration and explanations.  It writes values one after another into a
 * buffer in a pool, without a tree; who calls knows where braces belong, the
 * writer where commas do.
 *
 * Receipts are written for every event, so the buffer begins with the size
 * that its owner expects and doubles where that was too little, and a text is
 * copied in runs of bytes that need no escape.  Bytes that came with an event
 * are never trusted to be UTF-8 (headers are not), so that the answer is JSON
 * whatever was sent.  A writer that found no memory writes nothing more; its
 * owner hears of it once, from ngx_er_json_end().
 */


#include "json.h"
#include "histogram.h"


static u_char *ngx_er_json_name(ngx_er_json_t *json, const char *name,
    size_t len);
static size_t ngx_er_json_plain(ngx_str_t *text);
static void ngx_er_json_escape(ngx_er_json_t *json, ngx_str_t *text);
static void ngx_er_json_bytes(ngx_er_json_t *json, const void *bytes,
    size_t len);
static u_char *ngx_er_json_room(ngx_er_json_t *json, size_t len);


void
ngx_er_json_begin(ngx_er_json_t *json, ngx_pool_t *pool, size_t size)
{
    ngx_memzero(json, sizeof(ngx_er_json_t));

    json->pool = pool;
    json->size = size;
    json->out.data = ngx_pnalloc(pool, size);
    json->failed = (json->out.data == NULL);
}


ngx_int_t
ngx_er_json_end(ngx_er_json_t *json, ngx_str_t *text)
{
    *text = json->out;

    return json->failed ? NGX_ERROR : NGX_OK;
}


void
ngx_er_json_open(ngx_er_json_t *json, const char *name, const char *bracket)
{
    u_char  *p;

    p = ngx_er_json_name(json, name, 1);

    if (p) {
        *p = *bracket;
        json->out.len++;
        json->comma = 0;
    }
}


void
ngx_er_json_close(ngx_er_json_t *json, const char *brackets)
{
    ngx_er_json_bytes(json, brackets, ngx_strlen(brackets));
    json->comma = 1;
}


void
ngx_er_json_key(ngx_er_json_t *json, ngx_str_t *name)
{
    ngx_er_json_text(json, NULL, name, 0);
    ngx_er_json_bytes(json, ":", 1);
    json->comma = 0;
}


void
ngx_er_json_word(ngx_er_json_t *json, const char *name, const char *word)
{
    ngx_str_t  text;

    text.data = (u_char *) word;
    text.len = ngx_strlen(word);

    ngx_er_json_text(json, name, &text, 0);
}


void
ngx_er_json_number(ngx_er_json_t *json, const char *name, uint64_t n)
{
    u_char  *p;

    p = ngx_er_json_name(json, name, NGX_INT64_LEN);

    if (p) {
        json->out.len = ngx_er_decimal(p, n) - json->out.data;
    }
}


void
ngx_er_json_signed(ngx_er_json_t *json, const char *name, int64_t n)
{
    u_char    *p;
    uint64_t   size;

    p = ngx_er_json_name(json, name, 1 + NGX_INT64_LEN);

    if (p) {
        size = (uint64_t) n;

        if (n < 0) {
            *p++ = '-';
            size = -size;
        }

        json->out.len = ngx_er_decimal(p, size) - json->out.data;
    }
}


void
ngx_er_json_seconds(ngx_er_json_t *json, const char *name, uint64_t n,
    ngx_uint_t second)
{
    u_char  *p;

    p = ngx_er_json_name(json, name, NGX_ER_HISTOGRAM_TEXT);

    if (p) {
        json->out.len = ngx_er_histogram_seconds(p, n, second)
                        - json->out.data;
    }
}


void
ngx_er_json_null(ngx_er_json_t *json, const char *name)
{
    if (ngx_er_json_name(json, name, 0)) {
        ngx_er_json_bytes(json, "null", 4);
    }
}


void
ngx_er_json_flag(ngx_er_json_t *json, const char *name, ngx_uint_t flag)
{
    if (ngx_er_json_name(json, name, 0)) {
        ngx_er_json_bytes(json, flag ? "true" : "false", flag ? 4 : 5);
    }
}


void
ngx_er_json_text(ngx_er_json_t *json, const char *name, ngx_str_t *text,
    size_t max)
{
    size_t      n;
    u_char     *p;
    ngx_str_t   cut;

    cut = *text;

    if (max && cut.len > max) {
        cut.len = max;

        /* not in the middle of a character */

        while (cut.len && (cut.data[cut.len] & 0xc0) == 0x80) {
            cut.len--;
        }
    }

    n = ngx_er_json_plain(&cut);

    p = ngx_er_json_name(json, name, n + sizeof("\"\"") - 1);
    if (p == NULL) {
        return;
    }

    *p++ = '"';
    p = ngx_cpymem(p, cut.data, n);

    if (n == text->len) {
        *p++ = '"';
        json->out.len = p - json->out.data;
        return;
    }

    json->out.len = p - json->out.data;

    cut.data += n;
    cut.len -= n;

    ngx_er_json_escape(json, &cut);

    if (n + cut.len < text->len) {
        ngx_er_json_bytes(json, "...", 3);
    }

    ngx_er_json_bytes(json, "\"", 1);
}


void
ngx_er_json_value(ngx_er_json_t *json, const char *name, ngx_str_t *value)
{
    u_char  *p;

    p = ngx_er_json_name(json, name, value->len);

    if (p) {
        ngx_memcpy(p, value->data, value->len);
        json->out.len += value->len;
    }
}


void
ngx_er_json_base64(ngx_er_json_t *json, const char *name, ngx_str_t *bytes)
{
    u_char     *p;
    ngx_str_t   encoded;

    p = ngx_er_json_name(json, name,
                         2 + ngx_base64_encoded_length(bytes->len));

    if (p) {
        *p = '"';
        encoded.data = p + 1;
        ngx_encode_base64(&encoded, bytes);
        p[1 + encoded.len] = '"';

        json->out.len += 2 + encoded.len;
    }
}


/* what comes before a value; "len" bytes are free for it at what is returned,
   or NULL: no memory */

static u_char *
ngx_er_json_name(ngx_er_json_t *json, const char *name, size_t len)
{
    size_t   n;
    u_char  *p;

    n = name ? ngx_strlen(name) : 0;

    p = ngx_er_json_room(json, n + sizeof(",\"\":") - 1 + len);
    if (p == NULL) {
        return NULL;
    }

    if (json->comma) {
        *p++ = ',';
    }

    json->comma = 1;

    if (name) {
        *p++ = '"';
        p = ngx_cpymem(p, name, n);
        *p++ = '"';
        *p++ = ':';
    }

    json->out.len = p - json->out.data;

    return p;
}


/* how many bytes stand for themselves up to the first that may not: as a rule
   all of them */

static size_t
ngx_er_json_plain(ngx_str_t *text)
{
    u_char  c;
    size_t  n;

    for (n = 0; n < text->len; n++) {
        c = text->data[n];

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
            break;
        }
    }

    return n;
}


/* runs that stand for themselves, and what is between them */

static void
ngx_er_json_escape(ngx_er_json_t *json, ngx_str_t *text)
{
    u_char  *p, *run, *last, *next, escaped[sizeof("\\u0000") - 1];

    p = text->data;
    last = p + text->len;

    for (run = p; p < last; p = next) {
        next = p + 1;

        if (*p >= 0x80) {
            next = ngx_er_utf8(p, last);

            if (next) {
                continue;
            }

            next = p + 1;
            ngx_er_json_bytes(json, run, p - run);
            ngx_er_json_bytes(json, "\\ufffd", 6);
            run = next;

        } else if (*p < 0x20 || *p == '"' || *p == '\\') {
            ngx_er_json_bytes(json, run, p - run);
            ngx_er_json_bytes(json, escaped,
                              (u_char *) ngx_escape_json(escaped, p, 1)
                              - escaped);
            run = next;
        }
    }

    ngx_er_json_bytes(json, run, p - run);
}


static void
ngx_er_json_bytes(ngx_er_json_t *json, const void *bytes, size_t len)
{
    u_char  *p;

    p = ngx_er_json_room(json, len);

    if (p) {
        ngx_memcpy(p, bytes, len);
        json->out.len += len;
    }
}


static u_char *
ngx_er_json_room(ngx_er_json_t *json, size_t len)
{
    u_char  *grown;
    size_t   size;

    if (json->failed) {
        return NULL;
    }

    if (json->size - json->out.len < len) {

        for (size = json->size * 2; size - json->out.len < len; size *= 2) {
            /* void */
        }

        grown = ngx_pnalloc(json->pool, size);
        if (grown == NULL) {
            json->failed = 1;
            return NULL;
        }

        ngx_memcpy(grown, json->out.data, json->out.len);
        (void) ngx_pfree(json->pool, json->out.data);

        json->out.data = grown;
        json->size = size;
    }

    return json->out.data + json->out.len;
}
