
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any text as the lines of a block "handshake", a line that is only "--", and
 * any bytes as the request: its method, its arguments, the value of the header
 * X and the body, a line each.  Beside memory errors it looks for what must
 * always hold: what is refused has a sentence; an answer is 2xx, or 4xx and
 * empty; no control character is in a header; an answer that says it is JSON
 * is; the secret is in no answer; and what comes back of a value is bounded.
 */


#include "../unit/tap.h"
#include "../../ngx_event_router_module/ingest/handshake_rule.h"
#include "../../ngx_event_router_module/ingest/media.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"


#define must(what)  if (!(what)) { __builtin_trap(); }

#define SECRET      "the-secret-of-the-fuzzer"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_str_t
cut(ngx_str_t *text, const char *mark)
{
    size_t     len;
    u_char    *end;
    ngx_str_t  head;

    len = strlen(mark);
    end = text->len ? memmem(text->data, text->len, mark, len) : NULL;

    head.data = text->data;
    head.len = end ? (size_t) (end - text->data) : text->len;

    text->data += end ? head.len + len : text->len;
    text->len -= end ? head.len + len : text->len;

    return head;
}


/* words at blanks, or in quotes */

static ngx_uint_t
split(ngx_str_t *line, ngx_str_t *words, ngx_uint_t max)
{
    u_char      *p, *last, quote;
    ngx_uint_t   n;

    p = line->data;
    last = p + line->len;

    for (n = 0; n < max; n++) {

        while (p < last && *p == ' ') {
            p++;
        }

        if (p == last) {
            break;
        }

        quote = (*p == '"' || *p == '\'') ? *p++ : ' ';
        words[n].data = p;

        while (p < last && *p != quote) {
            p++;
        }

        words[n].len = p - words[n].data;
        p += (p < last);
    }

    return n;
}


static void
set(ngx_er_verify_t *v, const char *name, const char *a, const char *b)
{
    ngx_uint_t      inlined;
    ngx_str_t       words[3];
    ngx_er_error_t  err;

    words[0].data = (u_char *) name;
    words[1].data = (u_char *) a;
    words[2].data = (u_char *) b;
    words[0].len = strlen(name);
    words[1].len = strlen(a);
    words[2].len = b ? strlen(b) : 0;

    must(ngx_er_verify_set(v, words, b ? 3 : 2, &inlined, &err) == NGX_OK);
}


static void
answered(ngx_er_handshake_t *h, ngx_er_verify_t *v, ngx_er_message_t *m,
    size_t texts)
{
    ngx_str_t              base;
    ngx_uint_t             i, k;
    ngx_er_scan_t          scan;
    ngx_er_answer_t        answer;
    ngx_er_scan_limits_t   limits;

    must(ngx_er_handshake_answer(h, v, 0, m, &answer) == NGX_OK);

    must((answer.status >= 200 && answer.status < 300)
         || (answer.status >= 400 && answer.status < 500
             && answer.body.len == 0));
    must(answer.body.len <= texts + texts * 6 * NGX_ER_ECHO_MAX);
    must(answer.body.len == 0
         || memmem(answer.body.data, answer.body.len, SECRET,
                   sizeof(SECRET) - 1)
            == NULL);

    for (i = 0; i < answer.nheaders; i++) {
        for (k = 0; k < answer.headers[i].value.len; k++) {
            must(answer.headers[i].value.data[k] >= 0x20
                 && answer.headers[i].value.data[k] != 0x7f);
        }
    }

    base = ngx_er_media_base(&h->type);

    if (answer.status >= 300 || answer.body.len == 0
        || !ngx_er_media_is(&base, "application/json"))
    {
        return;
    }

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = m->pool;
    scan.limits = &limits;

    must(ngx_er_scan(&scan, &answer.body) == NGX_OK);
    must(scan.error == NGX_ER_SCAN_OK);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 texts;
    ngx_str_t              text, line, rules, words[8];
    ngx_uint_t             n;
    ngx_pool_t            *pool;
    ngx_array_t            all;
    ngx_er_rule_t          rule;
    ngx_er_scan_t          scan;
    ngx_er_error_t         err;
    ngx_er_header_t        header;
    ngx_er_message_t       m;
    ngx_er_handshake_t   **slot, *h;
    ngx_er_scan_limits_t   limits;

    if (size > 8192) {
        return 0;
    }

    pool = ngx_er_test_pool();

    text.data = ngx_pnalloc(pool, size + 1);
    ngx_memcpy(text.data, data, size);
    text.data[size] = '\0';
    text.len = size;

    ngx_memzero(&rule, sizeof(ngx_er_rule_t));

    err.len = 0;
    rule.pool = pool;
    rule.fields = ngx_er_fields_create(pool);
    rule.verify = ngx_er_verify_create(pool, rule.fields);
    rule.err = &err;

    set(rule.verify, "verify", "hmac-sha256", NULL);
    set(rule.verify, "signed", "{body}", NULL);
    set(rule.verify, "signature", "header:X-Sig", NULL);
    set(rule.verify, "secret", SECRET, NULL);
    set(rule.verify, "constant", "c", "a|b");
    must(ngx_er_verify_init(rule.verify, &err) == NGX_OK);

    must(ngx_er_rule_begin(&rule) == NGX_OK);

    rules = cut(&text, "\n--\n");
    texts = rules.len;

    while (rules.len) {
        line = cut(&rules, "\n");
        n = split(&line, words, 8);

        if (n && ngx_er_rule_line(&rule, words, n) != NGX_OK) {
            must(err.len > 0);
            goto done;
        }
    }

    if (ngx_er_rule_end(&rule) != NGX_OK) {
        must(err.len > 0);
        goto done;
    }

    ngx_memzero(&m, sizeof(ngx_er_message_t));

    m.pool = pool;
    m.method = cut(&text, "\n");
    m.args = cut(&text, "\n");
    ngx_str_set(&header.name, "X");
    header.value = cut(&text, "\n");
    m.headers = &header;
    m.nheaders = 1;
    m.body = text;
    ngx_str_set(&m.url, "https://a.example/in?x=1");
    ngx_str_set(&m.path_query, "/in?x=1");
    m.facts = ngx_er_facts_create(pool, rule.fields);

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = rule.fields->paths;
    scan.values = m.facts->values;

    must(ngx_er_scan(&scan, &m.body) != NGX_ERROR);

    must(ngx_array_init(&all, pool, 1, sizeof(ngx_er_handshake_t *))
         == NGX_OK);
    slot = ngx_array_push(&all);
    *slot = rule.handshake;

    h = ngx_er_handshake_find(&all, &m);

    if (h) {
        answered(h, rule.verify, &m, texts);
    }

done:

    ngx_destroy_pool(pool);

    return 0;
}
