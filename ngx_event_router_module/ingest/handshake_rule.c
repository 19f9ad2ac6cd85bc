
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Rules of challenges, line by line.  handshake_conf.c reads the lines of a
 * block of nginx.conf with it, and those of the producers come from the rows
 * of challenges.c: so both have the same words.  Everything that can be wrong
 * with a line is told in a sentence that says what to write.
 *
 * A rule is in the configuration's pool.  What may fail is memory.
 */


#include "handshake_rule.h"
#include "challenges.h"
#include "media.h"


#define NGX_ER_RULE_ANSWER                                                    \
    "\"answer STATUS [empty | TYPE BODY];\", for example \"answer 200 "       \
    "text/plain '{query:challenge}';\""


typedef struct {
    ngx_str_t              name;
    ngx_uint_t             min;        /* words behind the name */
    ngx_uint_t             max;
    const char            *usage;
    ngx_int_t            (*set)(ngx_er_rule_t *rule, ngx_str_t *words,
                                ngx_uint_t n);
} ngx_er_rule_word_t;


static ngx_int_t ngx_er_rule_method(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_er_rule_demand(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_er_rule_place(ngx_er_rule_t *rule, ngx_str_t *text,
    ngx_er_ref_t *ref);
static ngx_int_t ngx_er_rule_value(ngx_er_rule_t *rule,
    ngx_er_demand_t *demand, ngx_str_t *value);
static ngx_int_t ngx_er_rule_constant(ngx_er_rule_t *rule,
    ngx_er_demand_t *demand, ngx_str_t *name);
static ngx_int_t ngx_er_rule_hex(ngx_er_rule_t *rule, ngx_er_demand_t *demand,
    ngx_str_t *range);
static ngx_int_t ngx_er_rule_word(ngx_er_rule_t *rule,
    ngx_er_demand_t *demand, u_char *data, size_t len);
static ngx_int_t ngx_er_rule_deny(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_er_rule_signed(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_er_rule_answer(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_er_rule_status(ngx_er_rule_t *rule, ngx_str_t *text);
static ngx_er_echo_form_e ngx_er_rule_form(ngx_str_t *type);
static ngx_er_echo_t *ngx_er_rule_text(ngx_er_rule_t *rule, ngx_str_t *text,
    ngx_er_echo_form_e form);
static ngx_int_t ngx_er_rule_header(ngx_er_rule_t *rule, ngx_str_t *words,
    ngx_uint_t n);
static ngx_int_t ngx_er_rule_name(ngx_er_rule_t *rule, ngx_str_t *name);
static ngx_uint_t ngx_er_rule_clean(ngx_str_t *text);
static ngx_int_t ngx_er_rule_row(ngx_er_rule_t *rule,
    ngx_er_preset_handshake_t *row);
static ngx_int_t ngx_er_rule_row_lines(ngx_er_rule_t *rule, const char *name,
    const char *lines);
static ngx_int_t ngx_er_rule_row_headers(ngx_er_rule_t *rule,
    const char *lines);
static ngx_int_t ngx_er_rule_row_answer(ngx_er_rule_t *rule,
    ngx_er_preset_handshake_t *row);
static ngx_int_t ngx_er_rule_no_memory(ngx_er_rule_t *rule);


static ngx_er_rule_word_t  ngx_er_rule_words[] = {

    { ngx_string("method"), 1, 4,
      "\"method GET;\"", ngx_er_rule_method },
    { ngx_string("match"), 1, NGX_MAX_INT32_VALUE,
      "\"match query:hub.mode subscribe;\"", ngx_er_rule_demand },
    { ngx_string("require"), 1, NGX_MAX_INT32_VALUE,
      "\"require query:hub.verify_token const:verify_token;\"",
      ngx_er_rule_demand },
    { ngx_string("deny"), 1, 1,
      "\"deny 403;\"", ngx_er_rule_deny },
    { ngx_string("signed"), 1, 1,
      "\"signed on;\"", ngx_er_rule_signed },
    { ngx_string("answer"), 1, 3,
      NGX_ER_RULE_ANSWER, ngx_er_rule_answer },
    { ngx_string("header"), 2, 2,
      "\"header NAME TEXT;\"", ngx_er_rule_header },

    { ngx_null_string, 0, 0, NULL, NULL }
};


/* they are nginx's, the connection's or said by another line */

static ngx_str_t  ngx_er_rule_reserved[] = {
    ngx_string("Connection"),
    ngx_string("Content-Encoding"),
    ngx_string("Content-Length"),
    ngx_string("Content-Range"),
    ngx_string("Content-Type"),
    ngx_string("Date"),
    ngx_string("Keep-Alive"),
    ngx_string("Server"),
    ngx_string("Set-Cookie"),
    ngx_string("TE"),
    ngx_string("Trailer"),
    ngx_string("Transfer-Encoding"),
    ngx_string("Upgrade"),
    ngx_string("X-Accel-Redirect"),
    ngx_string("X-Content-Type-Options"),
    ngx_string("X-Event-Outcome"),
    ngx_null_string
};


ngx_int_t
ngx_er_rule_begin(ngx_er_rule_t *rule)
{
    ngx_er_handshake_t  *h;

    h = ngx_pcalloc(rule->pool, sizeof(ngx_er_handshake_t));

    if (h == NULL
        || ngx_array_init(&h->match, rule->pool, 2, sizeof(ngx_er_demand_t))
           != NGX_OK
        || ngx_array_init(&h->require, rule->pool, 2, sizeof(ngx_er_demand_t))
           != NGX_OK
        || ngx_array_init(&h->headers, rule->pool, 2,
                          sizeof(ngx_er_handshake_header_t))
           != NGX_OK)
    {
        return ngx_er_rule_no_memory(rule);
    }

    rule->handshake = h;

    return NGX_OK;
}


ngx_int_t
ngx_er_rule_line(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    ngx_er_rule_word_t  *word;

    for (word = ngx_er_rule_words; word->name.len; word++) {

        if (word->name.len != words[0].len
            || ngx_memcmp(word->name.data, words[0].data, words[0].len) != 0)
        {
            continue;
        }

        if (n - 1 < word->min || n - 1 > word->max) {
            ngx_er_error(rule->err, "invalid number of arguments in \"%V\": "
                         "write %s", &words[0], word->usage);
            return NGX_ERROR;
        }

        return word->set(rule, words, n);
    }

    ngx_er_error(rule->err, "unknown word \"%V\" in \"handshake\", which "
                 "takes method, match, require, deny, signed, answer and "
                 "header", &words[0]);

    return NGX_ERROR;
}


ngx_int_t
ngx_er_rule_end(ngx_er_rule_t *rule)
{
    ngx_uint_t                  i;
    ngx_er_handshake_t         *h;
    ngx_er_handshake_header_t  *header;

    h = rule->handshake;

    if (h->methods == 0) {
        ngx_er_error(rule->err, "it does not say with which method the "
                     "challenge comes: add \"method GET;\"");
        return NGX_ERROR;
    }

    if (h->status == 0) {
        ngx_er_error(rule->err, "it does not say what the answer is: add "
                     NGX_ER_RULE_ANSWER);
        return NGX_ERROR;
    }

    if ((h->methods & NGX_ER_METHOD_POST) && h->match.nelts == 0) {
        ngx_er_error(rule->err, "events are sent with POST, too, and it would "
                     "take all of them: add what only the challenge says, as "
                     "\"match json:type url_verification;\"");
        return NGX_ERROR;
    }

    if (h->signed_ && ngx_er_verify_is_off(rule->verify)) {
        ngx_er_error(rule->err, "\"signed on\" asks for a signature, and the "
                     "source has \"verify off\": nobody would look at it");
        return NGX_ERROR;
    }

    if (!h->signed_) {
        return NGX_OK;
    }

    /* who asks has the secret, so nothing is signed for a stranger */

    if (h->body) {
        ngx_er_echo_any(h->body);
    }

    header = h->headers.elts;

    for (i = 0; i < h->headers.nelts; i++) {
        ngx_er_echo_any(header[i].value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_method(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    ngx_uint_t  i, mask;

    for (i = 1; i < n; i++) {
        mask = ngx_er_handshake_method(&words[i]);

        if (mask == 0) {
            ngx_er_error(rule->err, "unknown method \"%V\": a challenge comes "
                         "with GET, HEAD, POST or OPTIONS", &words[i]);
            return NGX_ERROR;
        }

        rule->handshake->methods |= mask;
    }

    return NGX_OK;
}


/* "match" or "require" */

static ngx_int_t
ngx_er_rule_demand(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    ngx_uint_t        i;
    ngx_er_demand_t  *demand;

    demand = ngx_array_push((words[0].data[0] == 'm')
                            ? &rule->handshake->match
                            : &rule->handshake->require);

    if (demand == NULL
        || ngx_array_init(&demand->words, rule->pool, 1, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return ngx_er_rule_no_memory(rule);
    }

    demand->kind = NGX_ER_DEMAND_ANY;
    demand->any = 0;

    if (ngx_er_rule_place(rule, &words[1], &demand->ref) != NGX_OK) {
        return NGX_ERROR;
    }

    if (n == 3 && words[2].len == 1 && words[2].data[0] == '*') {
        return NGX_OK;
    }

    for (i = 2; i < n; i++) {

        if (n > 3 && ngx_strncmp(words[i].data, "hex:", 4) == 0) {
            ngx_er_error(rule->err, "\"%V\" stands alone: it is no word "
                         "beside others", &words[i]);
            return NGX_ERROR;
        }

        if (ngx_er_rule_value(rule, demand, &words[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_place(ngx_er_rule_t *rule, ngx_str_t *text, ngx_er_ref_t *ref)
{
    if (text->len && text->data[0] == '{') {
        ngx_er_error(rule->err, "write \"%V\" without its braces", text);
        return NGX_ERROR;
    }

    if (ngx_er_ref_parse(rule->pool, text, rule->fields, ref, rule->err)
        == NGX_OK)
    {
        switch (ref->kind) {

        case NGX_ER_REF_HEADER:
        case NGX_ER_REF_JSON:
        case NGX_ER_REF_QUERY:
        case NGX_ER_REF_FORM:
        case NGX_ER_REF_DATA:
            return NGX_OK;

        default:
            break;
        }
    }

    ngx_er_error(rule->err, "\"%V\" is no place where a challenge says "
                 "something: write query:NAME, header:NAME, json:PATH, "
                 "form:NAME or data:PATH", text);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_rule_value(ngx_er_rule_t *rule, ngx_er_demand_t *demand,
    ngx_str_t *value)
{
    ngx_str_t  rest;

    if (value->len > 6 && ngx_strncmp(value->data, "const:", 6) == 0) {
        rest.data = value->data + 6;
        rest.len = value->len - 6;

        return ngx_er_rule_constant(rule, demand, &rest);
    }

    if (value->len > 4 && ngx_strncmp(value->data, "hex:", 4) == 0) {
        rest.data = value->data + 4;
        rest.len = value->len - 4;

        return ngx_er_rule_hex(rule, demand, &rest);
    }

    return ngx_er_rule_word(rule, demand, value->data, value->len);
}


/* "a|b" is either, "*" any */

static ngx_int_t
ngx_er_rule_constant(ngx_er_rule_t *rule, ngx_er_demand_t *demand,
    ngx_str_t *name)
{
    u_char     *p, *end, *last;
    ngx_str_t  *constant;

    constant = ngx_er_echo_constant(rule->verify, name, rule->err);
    if (constant == NULL) {
        return NGX_ERROR;
    }

    /* one without a word allows none, and not any */

    demand->kind = NGX_ER_DEMAND_WORDS;

    if (constant->len == 1 && constant->data[0] == '*') {
        demand->any = 1;
    }

    last = constant->data + constant->len;

    for (p = constant->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '|');
        end = end ? end : last;

        if (end > p
            && ngx_er_rule_word(rule, demand, p, end - p) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* "MIN-MAX" */

static ngx_int_t
ngx_er_rule_hex(ngx_er_rule_t *rule, ngx_er_demand_t *demand,
    ngx_str_t *range)
{
    u_char     *dash, *last;
    ngx_int_t   min, max;

    last = range->data + range->len;
    dash = ngx_strlchr(range->data, last, '-');

    min = dash ? ngx_atoi(range->data, dash - range->data) : NGX_ERROR;
    max = dash ? ngx_atoi(dash + 1, last - dash - 1) : NGX_ERROR;

    if (min == NGX_ERROR || max == NGX_ERROR || min > max) {
        ngx_er_error(rule->err, "invalid range \"hex:%V\": write the least "
                     "and the largest number of hex digits, as \"hex:20-32\"",
                     range);
        return NGX_ERROR;
    }

    demand->kind = NGX_ER_DEMAND_HEX;
    demand->min = min;
    demand->max = max;

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_word(ngx_er_rule_t *rule, ngx_er_demand_t *demand, u_char *data,
    size_t len)
{
    ngx_str_t  *word;

    word = ngx_array_push(&demand->words);
    if (word == NULL) {
        return ngx_er_rule_no_memory(rule);
    }

    word->data = data;
    word->len = len;

    demand->kind = NGX_ER_DEMAND_WORDS;

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_deny(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    ngx_int_t  status;

    status = ngx_atoi(words[1].data, words[1].len);

    if (status < 400 || status > 499) {
        ngx_er_error(rule->err, "invalid status \"%V\" in \"deny\": it is the "
                     "answer to a challenge that is not what \"require\" "
                     "says, 4xx", &words[1]);
        return NGX_ERROR;
    }

    rule->handshake->deny = status;

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_signed(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    if (words[1].len == 2 && ngx_strncmp(words[1].data, "on", 2) == 0) {
        rule->handshake->signed_ = 1;
        return NGX_OK;
    }

    if (words[1].len == 3 && ngx_strncmp(words[1].data, "off", 3) == 0) {
        rule->handshake->signed_ = 0;
        return NGX_OK;
    }

    ngx_er_error(rule->err, "invalid value \"%V\" in \"signed\": with \"on\" "
                 "only a challenge is answered that is signed as events are, "
                 "with \"off\" any", &words[1]);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_rule_answer(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    ngx_er_handshake_t  *h;

    h = rule->handshake;

    if (ngx_er_rule_status(rule, &words[1]) != NGX_OK) {
        return NGX_ERROR;
    }

    if (n == 2) {
        return NGX_OK;
    }

    if (n == 3) {

        if (words[2].len == 5 && ngx_strncmp(words[2].data, "empty", 5) == 0) {
            return NGX_OK;
        }

        ngx_er_error(rule->err, "\"%V\" is a type without a body or a body "
                     "without a type: write " NGX_ER_RULE_ANSWER, &words[2]);
        return NGX_ERROR;
    }

    if (h->status == 204 || h->status == 205) {
        ngx_er_error(rule->err, "an answer %V has no body: write \"answer "
                     "%V;\"", &words[1], &words[1]);
        return NGX_ERROR;
    }

    if (ngx_strlchr(words[2].data, words[2].data + words[2].len, '/') == NULL
        || !ngx_er_rule_clean(&words[2]))
    {
        ngx_er_error(rule->err, "\"%V\" is no content type: write "
                     NGX_ER_RULE_ANSWER, &words[2]);
        return NGX_ERROR;
    }

    h->type = words[2];
    h->body = ngx_er_rule_text(rule, &words[3], ngx_er_rule_form(&words[2]));

    return h->body ? NGX_OK : NGX_ERROR;
}


/* that of a row may be a refusal */

static ngx_int_t
ngx_er_rule_status(ngx_er_rule_t *rule, ngx_str_t *text)
{
    ngx_int_t  status;

    status = ngx_atoi(text->data, text->len);

    if (status < 200 || status > (rule->row ? 499 : 299)) {
        ngx_er_error(rule->err, "invalid status \"%V\" in \"answer\": a "
                     "challenge that is met is answered 2xx, and one that is "
                     "not as \"deny\" says", text);
        return NGX_ERROR;
    }

    rule->handshake->status = status;

    return NGX_OK;
}


/* where a stranger's words do no harm */

static ngx_er_echo_form_e
ngx_er_rule_form(ngx_str_t *type)
{
    ngx_str_t  base;

    base = ngx_er_media_base(type);

    if (base.len > 5
        && (ngx_strncasecmp(base.data + base.len - 5, (u_char *) "/json", 5)
            == 0
            || ngx_strncasecmp(base.data + base.len - 5, (u_char *) "+json", 5)
               == 0))
    {
        return NGX_ER_ECHO_JSON;
    }

    return ngx_er_media_is(&base, "text/plain") ? NGX_ER_ECHO_PLAIN
                                                : NGX_ER_ECHO_FIXED;
}


static ngx_er_echo_t *
ngx_er_rule_text(ngx_er_rule_t *rule, ngx_str_t *text, ngx_er_echo_form_e form)
{
    ngx_er_echo_conf_t  conf;

    ngx_memzero(&conf, sizeof(ngx_er_echo_conf_t));

    conf.pool = rule->pool;
    conf.fields = rule->fields;
    conf.verify = rule->verify;
    conf.form = form;

    return ngx_er_echo_compile(&conf, text, rule->err);
}


static ngx_int_t
ngx_er_rule_header(ngx_er_rule_t *rule, ngx_str_t *words, ngx_uint_t n)
{
    ngx_er_echo_conf_t          conf;
    ngx_er_handshake_header_t  *header;

    if (ngx_er_rule_name(rule, &words[1]) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_er_rule_clean(&words[2])) {
        ngx_er_error(rule->err, "the text of \"header %V\" has a control "
                     "character, as a line's end: take it away", &words[1]);
        return NGX_ERROR;
    }

    header = ngx_array_push(&rule->handshake->headers);
    if (header == NULL) {
        return ngx_er_rule_no_memory(rule);
    }

    ngx_memzero(&conf, sizeof(ngx_er_echo_conf_t));

    conf.pool = rule->pool;
    conf.fields = rule->fields;
    conf.verify = rule->verify;
    conf.form = NGX_ER_ECHO_PLAIN;
    conf.optional = rule->row;

    header->name = words[1];
    header->value = ngx_er_echo_compile(&conf, &words[2], rule->err);

    return header->value ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_rule_name(ngx_er_rule_t *rule, ngx_str_t *name)
{
    size_t      i;
    u_char      c;
    ngx_str_t  *known;

    for (known = ngx_er_rule_reserved; known->len; known++) {

        if (known->len == name->len
            && ngx_strncasecmp(known->data, name->data, name->len) == 0)
        {
            ngx_er_error(rule->err, "\"header %V\" is not to be set here%s",
                         name, (known->data[8] == 'T')
                               ? ": the content type stands in \"answer\""
                               : "");
            return NGX_ERROR;
        }
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            break;
        }
    }

    if (name->len == 0 || i < name->len) {
        ngx_er_error(rule->err, "\"%V\" is no name of a header: it has "
                     "letters, digits, \"-\" and \"_\"", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_rule_clean(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_er_rules_add(ngx_pool_t *pool, ngx_array_t *handshakes, ngx_str_t *preset,
    ngx_er_fields_t *fields, ngx_er_verify_t *verify, ngx_er_error_t *err)
{
    ngx_er_rule_t               rule;
    ngx_er_handshake_t        **slot;
    ngx_er_preset_handshake_t  *row;

    rule.pool = pool;
    rule.fields = fields;
    rule.verify = verify;
    rule.err = err;
    rule.row = 1;

    for (row = ngx_er_preset_handshakes; row->preset; row++) {

        if (ngx_strlen(row->preset) != preset->len
            || ngx_strncmp(row->preset, preset->data, preset->len) != 0)
        {
            continue;
        }

        if (ngx_er_rule_row(&rule, row) != NGX_OK) {
            return NGX_ERROR;
        }

        slot = ngx_array_push(handshakes);
        if (slot == NULL) {
            return ngx_er_rule_no_memory(&rule);
        }

        *slot = rule.handshake;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_row(ngx_er_rule_t *rule, ngx_er_preset_handshake_t *row)
{
    ngx_er_handshake_t  *h;

    if (ngx_er_rule_begin(rule) != NGX_OK
        || ngx_er_rule_row_lines(rule, "method", row->method) != NGX_OK
        || ngx_er_rule_row_lines(rule, "match", row->match) != NGX_OK
        || ngx_er_rule_row_lines(rule, "require", row->require) != NGX_OK
        || ngx_er_rule_row_headers(rule, row->headers) != NGX_OK
        || ngx_er_rule_row_answer(rule, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    h = rule->handshake;
    h->deny = row->deny;
    h->signed_ = row->signed_;

    if (row->apart) {
        h->apart.data = (u_char *) row->apart;
        h->apart.len = ngx_strlen(row->apart);

        if (h->body) {
            ngx_er_echo_any(h->body);
        }
    }

    return NGX_OK;
}


/* words at blanks; each line is a line "name" */

static ngx_int_t
ngx_er_rule_row_lines(ngx_er_rule_t *rule, const char *name, const char *lines)
{
    u_char     *p;
    ngx_uint_t  n;
    ngx_str_t   words[NGX_ER_CHALLENGE_WORDS];

    words[0].data = (u_char *) name;
    words[0].len = ngx_strlen(name);

    for (p = (u_char *) lines; p && *p; p += (*p != '\0')) {

        for (n = 1; n < NGX_ER_CHALLENGE_WORDS; n++) {
            words[n].data = p;

            while (*p != ' ' && *p != '\n' && *p != '\0') {
                p++;
            }

            words[n].len = p - words[n].data;

            if (*p != ' ') {
                n++;
                break;
            }

            p++;
        }

        if (ngx_er_rule_line(rule, words, n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* lines "Name: TEXT" */

static ngx_int_t
ngx_er_rule_row_headers(ngx_er_rule_t *rule, const char *lines)
{
    u_char     *p, *end;
    ngx_str_t   words[3];

    ngx_str_set(&words[0], "header");

    for (p = (u_char *) lines; p && *p; p = end + (*end != '\0')) {

        for (end = p; *end != '\n' && *end != '\0'; end++) { /* void */ }

        words[1].data = p;

        while (p < end && *p != ':') {
            p++;
        }

        words[1].len = p - words[1].data;
        words[2].data = ngx_min(p + 2, end);
        words[2].len = end - words[2].data;

        if (ngx_er_rule_line(rule, words, 3) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_row_answer(ngx_er_rule_t *rule, ngx_er_preset_handshake_t *row)
{
    u_char     status[NGX_INT_T_LEN];
    ngx_str_t  words[4];

    ngx_str_set(&words[0], "answer");

    words[1].data = status;
    words[1].len = ngx_sprintf(status, "%ui", row->status) - status;

    if (row->type == NULL) {
        return ngx_er_rule_line(rule, words, 2);
    }

    words[2].data = (u_char *) row->type;
    words[2].len = ngx_strlen(row->type);
    words[3].data = (u_char *) row->body;
    words[3].len = ngx_strlen(row->body);

    return ngx_er_rule_line(rule, words, 4);
}


static ngx_int_t
ngx_er_rule_no_memory(ngx_er_rule_t *rule)
{
    ngx_er_error(rule->err, "no memory");

    return NGX_ERROR;
}
