
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_source NAME { ... }": who may publish events.  The block is read with
 * a handler of its own, as nginx reads "map" and "geo"; module.c names
 * ngx_er_source_block() for it.  Directives that stand alone are checked and
 * set at their line, so nginx itself names the place of a mistake.  Those that
 * a preset can bring along are kept and completed by source_conf.c when the
 * block ends, so that their order does not matter.
 *
 * Sources are in the configuration's pool and belong to the main
 * configuration; nothing changes them after the configuration was read.
 */


#include "ack.h"
#include "expect.h"
#include "handshake_conf.h"
#include "quarantine.h"
#include "rate.h"
#include "redact_conf.h"
#include "require.h"
#include "source_conf.h"
#include "../deliver/relay_conf.h"


/* what may stand in blocks of conditions, too */

#define NGX_ER_SOURCE_LINE   (NGX_ER_BLOCK_REPEAT|NGX_ER_BLOCK_INNER)
#define NGX_ER_SOURCE_OWN_SIZE  65536  /* an alert has some hundred bytes */
#define NGX_ER_SOURCE_LINES  (NGX_ER_SOURCE_LINE|NGX_ER_BLOCK_OPEN)


#if (NGX_ER_PRESET_ALTERNATIVES != 8)
#error presets may have more templates than ngx_er_source_rows
#endif


static ngx_int_t ngx_er_source_begin(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_main_conf_t *mcf, ngx_str_t *name);
static char *ngx_er_source_add(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_er_source_t *ngx_er_source_create(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_er_source_keep(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_source_public_url(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_source_accept(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_source_limits(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_source_unrouted(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_source_dedup(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_int_t ngx_er_source_dedup_by(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *text);
static ngx_int_t ngx_er_source_on_error(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_str_t *text);
static char *ngx_er_source_reply(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_source_delivery(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);


static ngx_er_block_row_t  ngx_er_source_rows[] = {

    { "verify", 1, 5, 0,
      "PRESET | ALGORITHM [DIGEST...] | off", ngx_er_source_keep, 0 },
    { "secret", 1, 1, NGX_ER_LINE_PARAM|NGX_ER_BLOCK_REPEAT,
      "file:PATH | env:NAME | VALUE", ngx_er_source_keep, 0 },
    { "key", 1, 2, NGX_ER_LINE_PARAM,
      "utf8 | base64 | hex | sha1 | pem | spki-base64 [strip=PREFIX]",
      ngx_er_source_keep, 0 },
    { "signed", 1, 1, NGX_ER_LINE_PARAM,
      "TEMPLATE", ngx_er_source_keep, 0 },
    { "signature", 1, 16, NGX_ER_LINE_PARAM,
      "PART... [separator=CHARS] [prefix=STRING] [encoding=NAME]",
      ngx_er_source_keep, 0 },
    { "timestamp", 1, 16, NGX_ER_LINE_PARAM,
      "PART... [unit=s|ms|rfc3339] [tolerance=TIME] [future=TIME]",
      ngx_er_source_keep, 0 },
    { "body_digest", 3, 4, NGX_ER_LINE_PARAM,
      "PART ALGORITHM ENCODING [when=present]", ngx_er_source_keep, 0 },
    { "jwt", 1, 9, NGX_ER_LINE_PARAM,
      "[algorithms=A,B] [leeway=TIME] [expires=TIME|off] [max_age=TIME|off] "
      "[audience=NAME] [issuer=NAME] [claim=NAME:VALUE] [keys=URI [by=kid]]",
      ngx_er_source_keep, 0 },
    { "constant", 2, 2, NGX_ER_LINE_PARAM|NGX_ER_BLOCK_REPEAT,
      "NAME VALUE", ngx_er_source_keep, 0 },
    { "ports", 1, 1, NGX_ER_LINE_PARAM,
      "asis | both", ngx_er_source_keep, 0 },
    { "public_url", 1, 1, 0,
      "URL", ngx_er_source_public_url, 0 },

    { "id", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "type", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "subject", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "time", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "payload", 1, 1, 0,
      "form:NAME | json:PATH | base64:PATH | off", ngx_er_source_keep, 0 },
    { "split", 1, 8, 0,
      "on | off | FIELD...", ngx_er_source_keep, 0 },
    { "handshake", 1, 4, 0,
      "PRESET... | off", ngx_er_source_keep, 0 },
    { "handshake", 1, 1, NGX_ER_BLOCK_TABLE|NGX_ER_BLOCK_REPEAT,
      "NAME", ngx_er_handshake_block, 0 },

    { "accept", 1, 16, 0,
      "TYPE...", ngx_er_source_accept, 0 },
    { "max_size", 1, 1, 0,
      "SIZE", NULL, 0 },
    { "max_batch", 1, 1, 0,
      "NUMBER", NULL, 0 },
    { "max_hops", 1, 1, 0,
      "NUMBER", NULL, 0 },
    { "limits", 1, 6, 0,
      "[depth=NUMBER] [nodes=NUMBER] [values=NUMBER] [key=NUMBER] "
      "[string=SIZE] [number=NUMBER]", ngx_er_source_limits, 0 },

    { "deadline", 1, 1, 0,
      "TIME", NULL, 0 },
    { "answer", 1, 3, 0,
      "STATUS [empty | TYPE BODY]", ngx_er_ack_line, 0 },
    { "refusal", 1, 1, 0,
      "empty | problem", ngx_er_ack_refusal, 0 },
    { "unrouted", 1, 1, 0,
      "STATUS", ngx_er_source_unrouted, 0 },
    { "dedup", 1, 10, 0,
      "off | [WINDOW] [by=FIELD]... [on_error=local|open|closed]",
      ngx_er_source_dedup, 0 },
    { "delivery", 1, 2, 0,
      "sync | queued [wait=TIME]", ngx_er_source_delivery, 0 },
    { "retain", 1, 1, 0,
      "TIME", NULL, 0 },

    { "reply", 1, 3, 0,
      "from=TARGET [headers=NAME,...] [max=SIZE]", ngx_er_source_reply, 0 },
    { "rate", 1, 3, 0,
      "NUMBERr/s|NUMBERr/m|NUMBERr/h|NUMBERr/d [by=FIELD] [burst=NUMBER]",
      ngx_er_rate_line, 0 },
    { "expect", 1, 2, NGX_ER_BLOCK_REPEAT,
      "every=TIME [type=TYPE]", ngx_er_expect_line, 0 },
    { "quarantine", 1, 2, 0,
      "TIME [size=SIZE]", ngx_er_quarantine_line, 0 },
    { "redact", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "FIELD...", ngx_er_redact_line, 0 },
    { "require", 0, NGX_ER_BLOCK_MORE, NGX_ER_SOURCE_LINE,
      "FIELD [not] OP VALUE...", ngx_er_require_line, 0 },
    { "when", 0, NGX_ER_BLOCK_MORE, NGX_ER_SOURCE_LINE,
      "FIELD [not] OP VALUE...", ngx_er_require_when, 0 },
    { "any", 0, 0, NGX_ER_SOURCE_LINES,
      "", ngx_er_require_block, NGX_ER_CONDITION_ANY },
    { "all", 0, 0, NGX_ER_SOURCE_LINES,
      "", ngx_er_require_block, NGX_ER_CONDITION_ALL },
    { "none", 0, 0, NGX_ER_SOURCE_LINES,
      "", ngx_er_require_block, NGX_ER_CONDITION_NONE },
    { "each", 1, 1, NGX_ER_SOURCE_LINES,
      "PATH", ngx_er_require_block, NGX_ER_CONDITION_EACH },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


/* the lines of one value */

static ngx_er_param_t  ngx_er_source_values[] = {
    { "max_size", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_source_t, max_size), "1", "1024m", NULL },
    { "max_batch", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_source_t, max_batch), "1", "10000", NULL },
    { "max_hops", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_source_t, max_hops), "1", "100", NULL },
    { "deadline", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_source_t, deadline), "100ms", "5m", NULL },
    { "retain", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_source_t, retain), "1s", "365d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_param_t  ngx_er_source_limit_rows[] = {
    { "depth=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_scan_limits_t, depth), "1", "1000", NULL },
    { "nodes=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_scan_limits_t, nodes), "1", "100000000", NULL },
    { "values=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_scan_limits_t, found), "1", "100000000", NULL },
    { "key=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_scan_limits_t, key), "1", "1048576", NULL },
    { "string=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_scan_limits_t, string), "1", "1073741824", NULL },
    { "number=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(ngx_er_scan_limits_t, number), "1", "1024", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_source_limit_params = {
    ngx_er_source_limit_rows,
    "which takes depth=, nodes=, values=, key=, string= and number=", 1, 0
};


static ngx_er_param_t  ngx_er_source_delivery_rows[] = {
    { "wait=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_source_t, wait), "1ms", "60s", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_source_delivery_params = {
    ngx_er_source_delivery_rows, "which takes sync, or queued and wait=TIME",
    0, 0
};


static ngx_er_word_t  ngx_er_source_modes[] = {
    { ngx_string("sync"), NGX_ER_MODE_SYNC },
    { ngx_string("queued"), NGX_ER_MODE_QUEUED },
    { ngx_null_string, 0 }
};


static ngx_er_word_t  ngx_er_source_on_error_words[] = {
    { ngx_string("local"), NGX_ER_ON_ERROR_LOCAL },
    { ngx_string("open"), NGX_ER_ON_ERROR_OPEN },
    { ngx_string("closed"), NGX_ER_ON_ERROR_CLOSED },
    { ngx_null_string, 0 }
};


char *
ngx_er_source_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    char            *rv;
    ngx_str_t       *value;
    ngx_er_block_t   block;
    ngx_er_draft_t   draft;

    value = cf->args->elts;

    if (ngx_er_name_check(cf, "event_source", &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_source_router(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "event_source \"%V\" is there already: the events "
                           "of this nginx itself are from it; give yours "
                           "another name", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_er_source_find(mcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate event_source \"%V\": give it another "
                           "name", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_er_source_begin(cf, &draft, mcf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_er_block_init(&block, "event_source", &draft.source->name,
                      ngx_er_source_rows, &draft);

    block.values = ngx_er_source_values;
    block.base = draft.source;

    rv = ngx_er_block_parse(cf, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_er_source_add(cf, &draft) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (draft.source->retain && draft.source->unrouted != NGX_HTTP_OK
        && !(draft.source->ack && draft.source->ack->unrouted))
    {
        ngx_er_where_log(cf, NGX_LOG_WARN, &draft.source->where,
                         "event_source \"%V\" never answers \"unrouted %ui\": "
                         "with \"retain\" it keeps an event that no route "
                         "takes, and answers 202", &draft.source->name,
                         draft.source->unrouted);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_source_begin(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_memzero(draft, sizeof(ngx_er_draft_t));

    draft->mcf = mcf;
    draft->source = ngx_er_source_create(cf, name);

    if (draft->source == NULL
        || ngx_array_init(&draft->lines, cf->temp_pool, 8,
                          sizeof(ngx_er_block_words_t))
           != NGX_OK
        || ngx_array_init(&draft->handshakes, cf->temp_pool, 1,
                          sizeof(void *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_require_begin(draft);

    return NGX_OK;
}


ngx_uint_t
ngx_er_source_router(ngx_str_t *name)
{
    return name->len == 6 && ngx_strncmp(name->data, "router", 6) == 0;
}


/*
 * As "event_source router { verify off; }" would be: nobody can send to it,
 * and its ids are made here.
 */

ngx_er_source_t *
ngx_er_source_own(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_where_t *where)
{
    ngx_er_draft_t         draft;
    ngx_er_block_words_t  *line;

    static ngx_str_t       name = ngx_string("router");
    static ngx_str_t       args[] = { ngx_string("verify"),
                                      ngx_string("off") };

    if (ngx_er_source_begin(cf, &draft, mcf, &name) != NGX_OK) {
        return NULL;
    }

    draft.source->where = *where;

    line = ngx_array_push(&draft.lines);
    if (line == NULL) {
        return NULL;
    }

    line->args = args;
    line->nargs = 2;
    line->flags = 0;
    line->where = *where;

    if (ngx_er_source_add(cf, &draft) != NGX_CONF_OK) {
        return NULL;
    }

    draft.source->unused = 0;
    draft.source->id_covered = 1;
    draft.source->max_size = NGX_ER_SOURCE_OWN_SIZE;

    return draft.source;
}


static char *
ngx_er_source_add(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_source_t     **slot;
    ngx_er_main_conf_t   *mcf;

    if (ngx_er_source_complete(cf, draft) != NGX_OK
        || ngx_er_ack_complete(cf, draft->source) != NGX_OK
        || ngx_er_redact_complete(cf, draft) != NGX_OK
        || ngx_er_require_complete(cf, draft) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (draft->source->wait >= draft->source->deadline) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &draft->source->where,
                         "wait= of \"delivery\" of event_source \"%V\", %Mms, "
                         "is not shorter than its deadline, %Mms: nobody "
                         "waits any more then", &draft->source->name,
                         draft->source->wait, draft->source->deadline);
        return NGX_CONF_ERROR;
    }

    mcf = draft->mcf;

    slot = ngx_array_push(&mcf->sources);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = draft->source;
    draft->source->index = mcf->sources.nelts - 1;

    return NGX_CONF_OK;
}


static ngx_er_source_t *
ngx_er_source_create(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_er_source_t  *s;

    s = ngx_pcalloc(cf->pool, sizeof(ngx_er_source_t));
    if (s == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     s->public_url = NULL;
     *     s->deadline = 0;          the preset's
     *     s->window = 0;            the preset's
     *     s->max_size = 0;          the preset's
     *     s->max_batch = 0;         the preset's
     *     s->dedup_by = NULL;
     *     s->mode = NGX_ER_MODE_UNSET;
     *     s->retain = 0;
     *     s->split = 0;
     *     s->ack = NULL;            the preset's
     *     s->refusal = NGX_ER_REFUSAL_UNSET;
     *     s->unrouted = NGX_ER_UNROUTED_UNSET;
     *     s->on_error = NGX_ER_ON_ERROR_LOCAL;
     *     s->accept.nelts = 0;      the preset's
     */

    s->name = *name;
    s->hash = ngx_er_hash64(name);
    s->unused = 1;
    s->methods = NGX_HTTP_POST;
    s->max_hops = 3;
    s->dedup = 1;

    ngx_er_scan_limits_default(&s->limits);
    s->limits.nodes = 0;
    s->limits.found = 0;
    ngx_er_where_set(cf, &s->where);

    if (ngx_array_init(&s->handshakes, cf->pool, 1, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->id, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->type, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->subject, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->time, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->accept, cf->pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&s->routes, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    return s;
}


ngx_er_source_t *
ngx_er_source_find(ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_uint_t         i;
    ngx_er_source_t  **s;

    s = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (s[i]->name.len == name->len
            && ngx_memcmp(s[i]->name.data, name->data, name->len) == 0)
        {
            return s[i];
        }
    }

    return NULL;
}


size_t
ngx_er_source_largest(ngx_er_main_conf_t *mcf)
{
    size_t             max;
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    max = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        max = ngx_max(max, source[i]->max_size);
    }

    return max;
}


static char *
ngx_er_source_keep(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    return ngx_er_block_keep(cf, row, &draft->lines);
}


static char *
ngx_er_source_public_url(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "http://", 7) != 0
        && ngx_strncmp(value[1].data, "https://", 8) != 0
        && value[1].data[0] != '$')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\": \"public_url\" is the URL by "
                           "which the producer calls, for example "
                           "https://hooks.example.com$request_uri",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->public_url = ngx_palloc(cf->pool,
                                           sizeof(ngx_http_complex_value_t));
    if (draft->source->public_url == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = draft->source->public_url;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_source_accept(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    u_char      *last, *star;
    ngx_str_t   *type, *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        last = value[i].data + value[i].len;
        star = ngx_strlchr(value[i].data, last, '*');

        if (ngx_strlchr(value[i].data, last, '/') == NULL
            || ngx_strlchr(value[i].data, last, ';')
            || (star && ngx_strlchr(star + 1, last, '*')
                && ngx_strcmp(value[i].data, "*/*") != 0))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid content type \"%V\": write, for "
                               "example, \"application/json\", "
                               "\"application/*+json\", "
                               "\"multipart/form-data\" or "
                               "\"application/x-www-form-urlencoded\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        type = ngx_array_push(&draft->source->accept);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(value[i].data, value[i].data, value[i].len);
        *type = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_source_limits(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    return ngx_er_block_params(cf, &ngx_er_source_limit_params, 1,
                               &draft->source->limits, NULL);
}


static char *
ngx_er_source_unrouted(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_int_t   status;
    ngx_str_t  *value;

    value = cf->args->elts;
    status = ngx_atoi(value[1].data, value[1].len);

    if (status < 200 || status > 599 || (status >= 300 && status < 400)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status \"%V\" in \"unrouted\": it is the "
                           "answer to an event that no route takes, 2xx if "
                           "that is fine and 4xx or 5xx if it is not",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->unrouted = status;

    return NGX_CONF_OK;
}


static char *
ngx_er_source_dedup(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_int_t         ms, rc;
    ngx_str_t         text, *value;
    ngx_uint_t        i;
    ngx_er_source_t  *s;

    s = draft->source;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        s->dedup = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_er_param_named(&value[i], "by=", &text)) {
            rc = ngx_er_source_dedup_by(cf, draft, &text);

        } else if (ngx_er_param_named(&value[i], "on_error=", &text)) {
            rc = ngx_er_source_on_error(cf, s, &text);

        } else {
            ms = ngx_parse_time(&value[i], 0);
            rc = NGX_OK;

            if (ms == NGX_ERROR || ms < 1000 || s->window) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid value \"%V\" in \"dedup\": write "
                                   "\"dedup off;\" or \"dedup [WINDOW] "
                                   "[by=FIELD]... "
                                   "[on_error=local|open|closed];\", where "
                                   "WINDOW is at least 1s, for example 24h",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            s->window = ms;
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_source_dedup_by(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *text)
{
    ngx_int_t         n;
    ngx_uint_t       *index;
    ngx_er_error_t    err;
    ngx_er_field_t    field;
    ngx_er_source_t  *s;

    s = draft->source;

    if (s->dedup_by == NULL) {
        s->dedup_by = ngx_array_create(cf->pool, 2, sizeof(ngx_uint_t));
        if (s->dedup_by == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_er_field_parse(cf->pool, text, NULL, &field, &err) != NGX_OK) {
        (void) ngx_er_where_error(cf, &err);
        return NGX_ERROR;
    }

    n = ngx_er_fields_add(draft->mcf->fields, &field);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    index = ngx_array_push(s->dedup_by);
    if (index == NULL) {
        return NGX_ERROR;
    }

    *index = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_source_on_error(ngx_conf_t *cf, ngx_er_source_t *s, ngx_str_t *text)
{
    ngx_uint_t  on_error;

    if (ngx_er_param_word(ngx_er_source_on_error_words, text, &on_error)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"on_error=\": when the "
                           "dedup store is away, \"local\" uses this nginx's "
                           "memory, \"open\" delivers without dedup and "
                           "\"closed\" answers 503", text);
        return NGX_ERROR;
    }

    s->on_error = on_error;

    return NGX_OK;
}


static char *
ngx_er_source_reply(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    return ngx_er_relay_line(cf, draft->source);
}


static char *
ngx_er_source_delivery(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_str_t   *value;
    ngx_uint_t   mode;

    value = cf->args->elts;

    if (ngx_er_param_word(ngx_er_source_modes, &value[1], &mode) == NGX_OK) {
        draft->source->mode = mode;

        if (mode == NGX_ER_MODE_SYNC && cf->args->nelts > 2) {
            return "sync waits for the targets anyway, as long as the "
                   "\"deadline\" is: wait= is for \"queued\"";
        }

        return ngx_er_block_params(cf, &ngx_er_source_delivery_params, 2,
                                   draft->source, NULL);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid delivery \"%V\" of event_source \"%V\": with "
                       "\"sync\" the producer waits until the event is "
                       "delivered, with \"queued\" until it is stored",
                       &value[1], &draft->source->name);

    return NGX_CONF_ERROR;
}
