
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For units that ask the verifier: a verifier in the words of nginx.conf, a
 * request by its headers and its body, the verdict.
 */


#ifndef _NGX_ER_TEST_FORGE_H_INCLUDED_
#define _NGX_ER_TEST_FORGE_H_INCLUDED_


#include "tap.h"

#include "../../ngx_event_router_module/ingest/crypto.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/ingest/secret.h"
#include "../../ngx_event_router_module/ingest/verify.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"


#define TEST_NOW   1790000000
#define TEST_BODY  "{\"id\":1,\"at\":1790000000}"

#define SECRET   "secret 0123456789abcdef; "


static ngx_pool_t       *pool;
static ngx_er_fields_t  *fields;
static ngx_er_error_t    err;
static ngx_uint_t        inlined;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.len = strlen(s);
    text.data = ngx_pnalloc(pool, text.len + 1);
    ngx_memcpy(text.data, s, text.len + 1);

    return text;
}


static const char *
format(const char *fmt, ...)
{
    char     *p;
    va_list   args;

    p = ngx_pnalloc(pool, 4096);

    va_start(args, fmt);
    (void) vsnprintf(p, 4096, fmt, args);
    va_end(args);

    return p;
}


/* words are separated by blanks, "~" is a blank in a word; NULL: refused */

static ngx_er_verify_t *
conf(const char *text)
{
    char             *p, *line, *word, *lines, *words;
    ngx_str_t         args[16];
    ngx_uint_t        n;
    ngx_er_verify_t  *v;

    fields = ngx_er_fields_create(pool);
    v = ngx_er_verify_create(pool, fields);
    p = (char *) str(text).data;
    err.len = 0;
    inlined = 0;

    for (line = strtok_r(p, ";", &lines); line;
         line = strtok_r(NULL, ";", &lines))
    {
        n = 0;

        for (word = strtok_r(line, " ", &words); word;
             word = strtok_r(NULL, " ", &words))
        {
            args[n++] = str(word);

            for (p = (char *) args[n - 1].data; *p; p++) {
                *p = (*p == '~') ? ' ' : *p;
            }
        }

        if (n && ngx_er_verify_set(v, args, n, &inlined, &err) != NGX_OK) {
            return NULL;
        }
    }

    return (ngx_er_verify_init(v, &err) == NGX_OK) ? v : NULL;
}


/* headers: "Name: value" lines; NULL: accepted, else the reason */

static const char *
ask_body(ngx_er_verify_t *v, const char *lines, const char *body)
{
    char                  *p, *line, *rest, *colon;
    ngx_int_t              rc;
    ngx_er_scan_t          scan;
    ngx_er_header_t        headers[32];
    ngx_er_message_t       m;
    ngx_er_verdict_t       verdict;
    ngx_er_scan_limits_t   limits;

    ngx_memzero(&m, sizeof(ngx_er_message_t));
    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    p = (char *) str(lines).data;

    for (line = strtok_r(p, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
    {
        colon = strstr(line, ": ");
        *colon = '\0';
        headers[m.nheaders].name = str(line);
        headers[m.nheaders++].value = str(colon + 2);
    }

    m.pool = pool;
    m.method = str("POST");
    m.url = str("https://h.example/in?token=T");
    m.path_query = str("/in?token=T");
    m.args = str("token=T");
    m.body = str(body);
    m.headers = headers;
    m.nheaders = m.nheaders;
    m.now = TEST_NOW;
    m.facts = ngx_er_facts_create(pool, fields);

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = fields->paths;
    scan.values = m.facts->values;

    (void) ngx_er_scan(&scan, &m.body);

    rc = ngx_er_verify(v, &m, &verdict);

    return (rc == NGX_OK) ? NULL : (rc == NGX_DECLINED) ? verdict.reason
                                                        : "error";
}


static const char *
ask(ngx_er_verify_t *v, const char *lines)
{
    return ask_body(v, lines, TEST_BODY);
}


#define accepts(v, lines, name)                                               \
    accepted(ask(v, lines), __LINE__, name)
#define refuses(v, lines, want, name)                                         \
    refused(ask(v, lines), want, __LINE__, name)


static void
accepted(const char *reason, int line, const char *name)
{
    if (!ok(reason == NULL, "%s is accepted (%d)", name, line)) {
        diag("%s", reason);
    }
}


static void
refused(const char *reason, const char *want, int line, const char *name)
{
    if (!ok(reason && strstr(reason, want), "%s is refused (%d)", name, line))
    {
        diag("got \"%s\", expected \"%s\"", reason ? reason : "accepted",
             want);
    }
}


static const char *
mac(const char *key, const char *data)
{
    u_char         out[64];
    char          *hex;
    ngx_str_t      secret, text;
    ngx_er_key_t  *k;

    secret = str(key);
    text = str(data);

    k = ngx_er_key_hmac(pool, NGX_ER_SHA256, &secret);
    (void) ngx_er_key_mac(k, &text, 1, out);

    hex = ngx_pcalloc(pool, 65);
    (void) ngx_hex_dump((u_char *) hex, out, 32);

    return hex;
}


static const char *
base64(const char *hex)
{
    u_char     bytes[64];
    ngx_str_t  text, out;

    text = str(hex);
    text.len = ngx_er_decode(NGX_ER_ENCODING_HEX, &text, bytes, 64);
    text.data = bytes;

    out.data = ngx_pcalloc(pool, 100);
    ngx_encode_base64(&out, &text);

    return (char *) out.data;
}


#endif /* _NGX_ER_TEST_FORGE_H_INCLUDED_ */
