
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Signatures of deliveries: the line "sign" of event_target, read by target.c,
 * and what it adds to a delivery, called by outgoing.c.
 *
 *     sign standardwebhooks secret=file:secrets/out;
 *     sign github secret=file:secrets/new secret=file:secrets/old;
 *
 * What is signed and how the headers look is the scheme's (ingest/signer.c).
 * The bytes are those that are sent, and the time is the attempt's, so a late
 * retry is inside the receiver's window.  A header of the delivery that has
 * the name of one of the scheme's gets its value.
 */


#include "sign.h"
#include "auth.h"
#include "header.h"
#include "../ingest/secret.h"


#define NGX_ER_SIGN_BUFS  8            /* of a body, without an allocation */


static ngx_er_signer_t *ngx_er_sign_scheme(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_er_sign_secret(ngx_conf_t *cf, ngx_er_signer_t *signer,
    ngx_str_t *name, ngx_str_t *word);
static ngx_int_t ngx_er_sign_body(ngx_http_request_t *r, ngx_str_t **body,
    ngx_uint_t *n);
static ngx_int_t ngx_er_sign_header(ngx_http_request_t *r,
    ngx_table_elt_t *header, ngx_str_t *value);


char *
ngx_er_sign_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t      *value, *name;
    ngx_uint_t      i;
    ngx_er_sign_t  *sign;

    value = cf->args->elts;

    sign = ngx_pcalloc(cf->pool, sizeof(ngx_er_sign_t));
    if (sign == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_er_where_set(cf, &sign->where);

    sign->signer = ngx_er_sign_scheme(cf, &value[1]);
    if (sign->signer == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_er_sign_secret(cf, sign->signer, &value[1], &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    for ( ;; ) {
        name = ngx_er_signer_header(sign->signer, sign->n);
        if (name == NULL) {
            break;
        }

        if (ngx_er_header_name(cf->pool, name, &sign->headers[sign->n++])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    draft->target->sign = sign;

    return NGX_CONF_OK;
}


static ngx_er_signer_t *
ngx_er_sign_scheme(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t         names;
    ngx_er_error_t    err;
    ngx_er_signer_t  *signer;

    signer = ngx_er_signer_create(cf->pool, name, &err);

    if (signer || ngx_er_signer_names(cf->temp_pool, &names) != NGX_OK) {
        return signer;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"sign\": %*s; the schemes are %V",
                       err.len, err.text, &names);

    return NULL;
}


static ngx_int_t
ngx_er_sign_secret(ngx_conf_t *cf, ngx_er_signer_t *signer, ngx_str_t *name,
    ngx_str_t *word)
{
    ngx_str_t       text, secret;
    ngx_er_error_t  err, warn;

    /* the word is not shown: it can be the secret itself */

    if (!ngx_er_param_named(word, "secret=", &text)
        || !ngx_er_secret_named(&text))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter of \"sign %V\": write "
                           "secret=file:PATH or secret=env:NAME, and a second "
                           "one while the secret is rotated", name);
        return NGX_ERROR;
    }

    if (ngx_er_secret_text(cf->pool, &text, &secret, &warn, &err) != NGX_OK) {
        (void) ngx_er_where_error(cf, &err);
        return NGX_ERROR;
    }

    if (warn.len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%*s", warn.len, warn.text);
    }

    if (ngx_er_signer_secret(signer, &secret, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the secret of \"sign %V\" in \"%V\" is of no use: "
                           "%*s", name, &text, err.len, err.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_sign_complete(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_str_t      *key;
    ngx_uint_t      i;
    ngx_er_sign_t  *sign;

    sign = target->sign;

    if (sign == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < sign->n; i++) {
        key = &sign->headers[i].key;

        if (target->auth && ngx_er_same_name(key, &target->auth->header.key)) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &sign->where,
                             "\"sign\" and \"auth\" of event_target \"%V\" "
                             "both send the header \"%V\"", &target->name,
                             key);
            return NGX_ERROR;
        }

        if (ngx_er_header_unforward(target->forward_headers, key) == NGX_OK) {
            ngx_er_where_log(cf, NGX_LOG_WARN, &sign->where,
                             "\"sign\" of event_target \"%V\" sends the "
                             "header \"%V\" and \"forward_headers\" names it, "
                             "too: the producer's is not sent; take it out of "
                             "\"forward_headers\"", &target->name, key);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_sign_add(ngx_er_attempt_t *attempt)
{
    ngx_str_t            values[NGX_ER_SIGNER_HEADERS];
    ngx_str_t            bufs[NGX_ER_SIGN_BUFS];
    ngx_uint_t           i;
    ngx_time_t          *tp;
    ngx_er_sign_t       *sign;
    ngx_er_signed_t      what;
    ngx_http_request_t  *r;

    r = attempt->carrier;
    sign = attempt->target->sign;

    tp = ngx_timeofday();

    what.id = attempt->id.len ? attempt->id : attempt->event->id;
    what.sec = tp->sec;
    what.msec = tp->msec;
    ngx_gmtime(tp->sec, &what.tm);

    what.body = bufs;
    what.nbody = NGX_ER_SIGN_BUFS;

    if (ngx_er_sign_body(r, &what.body, &what.nbody) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router sign: to \"%V\", headers:%ui bufs:%ui",
                   &attempt->target->name, sign->n, what.nbody);

    if (ngx_er_signer_sign(sign->signer, r->pool, &what, values) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a delivery cannot be signed: no memory, or OpenSSL "
                      "refuses");
        return NGX_ERROR;
    }

    for (i = 0; i < sign->n; i++) {
        if (ngx_er_sign_header(r, &sign->headers[i], &values[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the pieces of the body; *body has room for *n, else it is allocated */

static ngx_int_t
ngx_er_sign_body(ngx_http_request_t *r, ngx_str_t **body, ngx_uint_t *n)
{
    ngx_uint_t    i;
    ngx_chain_t  *cl;

    i = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        i++;
    }

    if (i > *n) {
        *body = ngx_palloc(r->pool, i * sizeof(ngx_str_t));
        if (*body == NULL) {
            return NGX_ERROR;
        }
    }

    i = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        (*body)[i].data = cl->buf->pos;
        (*body)[i].len = cl->buf->last - cl->buf->pos;
        i++;
    }

    *n = i;

    return NGX_OK;
}


/* sets the value of the line that has this name, or adds one */

static ngx_int_t
ngx_er_sign_header(ngx_http_request_t *r, ngx_table_elt_t *header,
    ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_er_same_name(&h[i].key, &header->key)) {
                h[i].value = *value;
                return NGX_OK;
            }
        }
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = *header;
    h->value = *value;

    return NGX_OK;
}
