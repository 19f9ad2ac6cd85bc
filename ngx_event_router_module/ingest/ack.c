
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Some producers read the answer: a body where none may be, or a status that
 * is not theirs, is a failure to them and they send the event again (Xero and
 * Slack want nothing in it, Zoom a 200 and no 202, Salesforce a SOAP message).
 * "answer" is what they get for events that were taken, now or before, and
 * "refusal empty" takes the problems away from what they get for others.
 * Their presets bring both along.
 *
 * source.c calls at configuration time, answer.c when the events of a request
 * are done.  The source owns what is here.  What may fail is memory.
 */


#include "ack.h"
#include "source_conf.h"


static ngx_int_t ngx_er_ack_create(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_str_t *status, ngx_str_t *type, ngx_str_t *body);
static ngx_int_t ngx_er_ack_text(ngx_conf_t *cf, ngx_er_ack_t *ack,
    ngx_str_t *type, ngx_str_t *body);
static ngx_uint_t ngx_er_ack_type(ngx_str_t *type);
static ngx_int_t ngx_er_ack_preset(ngx_conf_t *cf, ngx_er_source_t *s);
static ngx_str_t ngx_er_ack_word(u_char **pos);
static ngx_uint_t ngx_er_ack_duplicate(ngx_er_receive_t *ctx);


char *
ngx_er_ack_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    return (ngx_er_ack_create(cf, draft->source, &value[1],
                              cf->args->nelts > 2 ? &value[2] : NULL,
                              cf->args->nelts > 3 ? &value[3] : NULL)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* type: NULL, "empty" or a content type, which has a body */

static ngx_int_t
ngx_er_ack_create(ngx_conf_t *cf, ngx_er_source_t *s, ngx_str_t *status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t      n;
    ngx_er_ack_t  *ack;

    n = ngx_atoi(status->data, status->len);

    if (status->len != 3 || n < 200 || n > 299) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status \"%V\" in \"answer\": it is for "
                           "events that were taken, so write one from 200 to "
                           "299; what no route takes is answered with "
                           "\"unrouted\"", status);
        return NGX_ERROR;
    }

    ack = ngx_pcalloc(cf->pool, sizeof(ngx_er_ack_t));
    if (ack == NULL) {
        return NGX_ERROR;
    }

    ack->status = n;
    s->ack = ack;

    if (type == NULL) {
        ack->kind = (n == NGX_HTTP_NO_CONTENT) ? NGX_ER_ACK_EMPTY
                                               : NGX_ER_ACK_RECEIPT;
        return NGX_OK;
    }

    if (body == NULL && ngx_strcmp(type->data, "empty") == 0) {
        ack->kind = NGX_ER_ACK_EMPTY;
        return NGX_OK;
    }

    if (body == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"answer\": write "
                           "\"answer STATUS;\", \"answer STATUS empty;\" or "
                           "\"answer STATUS TYPE BODY;\", for example "
                           "\"answer 200 text/plain OK;\"", type);
        return NGX_ERROR;
    }

    return ngx_er_ack_text(cf, ack, type, body);
}


static ngx_int_t
ngx_er_ack_text(ngx_conf_t *cf, ngx_er_ack_t *ack, ngx_str_t *type,
    ngx_str_t *body)
{
    u_char                            *p, *last;
    ngx_http_compile_complex_value_t   ccv;

    if (!ngx_er_ack_type(type)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid content type \"%V\" in \"answer\": write, "
                           "for example, \"text/plain\" or "
                           "\"application/json\"", type);
        return NGX_ERROR;
    }

    if (ack->status == NGX_HTTP_NO_CONTENT || ack->status == 205) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"answer %ui\" has no body: write \"answer 200\", "
                           "or leave type and body out", ack->status);
        return NGX_ERROR;
    }

    p = body->data;
    last = p + body->len;

    while ((p = ngx_strlchr(p, last, '{')) != NULL && ++p < last) {

        if ((*p | 0x20) < 'a' || (*p | 0x20) > 'z') {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"answer\" has variables of nginx and no "
                           "templates: the producer gets \"%V\" as it stands "
                           "here; write $event_id, or a variable that "
                           "\"event_set\" makes of a field", body);
        break;
    }

    ack->kind = NGX_ER_ACK_TEXT;
    ack->type = *type;
    ack->body = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));

    if (ack->body == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = body;
    ccv.complex_value = ack->body;

    return ngx_http_compile_complex_value(&ccv);
}


/* "text/plain; charset=utf-8": a header's line of ASCII with a slash in it */

static ngx_uint_t
ngx_er_ack_type(ngx_str_t *type)
{
    size_t   i;
    u_char  *slash;

    for (i = 0; i < type->len; i++) {
        if (type->data[i] < ' ' || type->data[i] > '~') {
            return 0;
        }
    }

    slash = ngx_strlchr(type->data, type->data + type->len, '/');

    return slash && slash > type->data && slash[1] > ' ' && slash[1] != ';';
}


char *
ngx_er_ack_refusal(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_str_t   *value;
    ngx_uint_t   refusal;

    static ngx_er_word_t  words[] = {
        { ngx_string("problem"), NGX_ER_REFUSAL_PROBLEM },
        { ngx_string("empty"), NGX_ER_REFUSAL_EMPTY },
        { ngx_null_string, 0 }
    };

    value = cf->args->elts;

    if (ngx_er_param_word(words, &value[1], &refusal) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"refusal\": with "
                           "\"empty\" an answer of 4xx has no body, with "
                           "\"problem\" it says what is wrong", &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->refusal = refusal;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_ack_complete(ngx_conf_t *cf, ngx_er_source_t *s)
{
    if (s->preset) {

        if (s->refusal == NGX_ER_REFUSAL_UNSET && s->preset->bare) {
            s->refusal = NGX_ER_REFUSAL_EMPTY;
        }

        if (s->ack == NULL && s->preset->answer
            && ngx_er_ack_preset(cf, s) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (s->unrouted == NGX_ER_UNROUTED_UNSET) {
        s->unrouted = NGX_HTTP_OK;

        if (s->ack) {
            s->ack->unrouted = 1;
            s->unrouted = s->ack->status;
        }
    }

    return NGX_OK;
}


/* "200", "200 empty" or "200 TYPE BODY" */

static ngx_int_t
ngx_er_ack_preset(ngx_conf_t *cf, ngx_er_source_t *s)
{
    u_char     *p;
    ngx_str_t   status, type, body;

    p = (u_char *) s->preset->answer;

    status = ngx_er_ack_word(&p);
    type = ngx_er_ack_word(&p);

    body.data = p;
    body.len = ngx_strlen(p);

    return ngx_er_ack_create(cf, s, &status, type.len ? &type : NULL,
                             body.len ? &body : NULL);
}


/* up to a blank, and over it */

static ngx_str_t
ngx_er_ack_word(u_char **pos)
{
    u_char     *p;
    ngx_str_t   word;

    word.data = *pos;

    for (p = *pos; *p && *p != ' '; p++) { /* void */ }

    word.len = p - word.data;
    *pos = *p ? p + 1 : p;

    return word;
}


ngx_int_t
ngx_er_ack(ngx_pool_t *pool, ngx_er_receive_t *ctx, ngx_er_answer_t *answer)
{
    ngx_er_ack_t     *ack;
    ngx_er_header_t  *h;

    ack = ctx->source->ack;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router ack: %ui to \"%V\", kind:%d", ack->status,
                   &ctx->source->name, ack->kind);

    answer->status = ack->status;

    if (ack->kind == NGX_ER_ACK_RECEIPT) {
        return NGX_DECLINED;
    }

    h = ngx_palloc(pool, 2 * sizeof(ngx_er_header_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    answer->headers = h;

    if (ngx_er_ack_duplicate(ctx)) {
        ngx_str_set(&h->name, "X-Event-Duplicate");
        ngx_str_set(&h->value, "1");
        h++;
    }

    if (ack->kind == NGX_ER_ACK_TEXT) {

        if (ngx_http_complex_value(ctx->request, ack->body, &answer->body)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_str_set(&h->name, "Content-Type");
        h->value = ack->type;
        h++;
    }

    answer->nheaders = h - answer->headers;

    return NGX_OK;
}


/* 1: the only event of the request is one */

static ngx_uint_t
ngx_er_ack_duplicate(ngx_er_receive_t *ctx)
{
    ngx_er_part_t  *part;

    part = ctx->parts.elts;

    return ctx->parts.nelts == 1 && part->fanout
           && part->fanout->outcome == NGX_ER_OUTCOME_DUPLICATE;
}
