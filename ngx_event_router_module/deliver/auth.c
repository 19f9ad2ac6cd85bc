
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How a target is told who calls: the line "auth" of event_target, read by
 * target.c, and what it adds to a delivery, called by outgoing.c.
 *
 *     auth basic file:secrets/erp;            USER:PASSWORD is in the file
 *     auth bearer env:ERP_TOKEN;
 *     auth header X-Api-Key file:secrets/erp;
 *     auth query key file:secrets/erp;
 *     auth oauth2 /oauth/erp client=file:secrets/erp;     see oauth2.c
 *
 * The header is made while nginx.conf is read, so a delivery copies one line
 * of its list and encodes nothing.  Secrets and what is made of them lie in
 * the vault, which has the life of the configuration; no sentence holds a byte
 * of them, and no word of the line that could be one by mistake.
 */


#include "auth.h"
#include "header.h"
#include "oauth2.h"
#include "../base/mask.h"
#include "../base/vault.h"
#include "../conf/nearest.h"
#include "../ingest/secret.h"


#define NGX_ER_AUTH_EXAMPLE  "as in \"auth bearer file:secrets/erp;\""


typedef struct {
    const char            *name;
    ngx_er_auth_kind_e     kind;
    ngx_uint_t             named;      /* a NAME stands before the secret */
    const char            *prefix;     /* of the header's value */
} ngx_er_auth_word_t;


static ngx_er_auth_t *ngx_er_auth_create(ngx_conf_t *cf,
    ngx_er_auth_kind_e kind);
static char *ngx_er_auth_oauth2(ngx_conf_t *cf, ngx_er_target_t *target);
static ngx_er_auth_word_t *ngx_er_auth_word(ngx_str_t *text);
static char *ngx_er_auth_unknown(ngx_conf_t *cf);
static ngx_int_t ngx_er_auth_name(ngx_conf_t *cf, ngx_er_auth_word_t *word,
    ngx_str_t *name);
static ngx_int_t ngx_er_auth_secret(ngx_conf_t *cf, ngx_er_auth_word_t *word,
    ngx_str_t *text, ngx_str_t *secret);
static const char *ngx_er_auth_unfit(ngx_er_auth_kind_e kind,
    ngx_str_t *secret);
static ngx_int_t ngx_er_auth_header(ngx_conf_t *cf, ngx_er_auth_t *auth,
    const char *prefix, ngx_str_t *name, ngx_str_t *secret);
static ngx_int_t ngx_er_auth_args(ngx_conf_t *cf, ngx_er_auth_t *auth,
    ngx_str_t *name, ngx_str_t *secret);


static ngx_er_auth_word_t  ngx_er_auth_words[] = {
    { "basic", NGX_ER_AUTH_BASIC, 0, "Basic " },
    { "bearer", NGX_ER_AUTH_BEARER, 0, "Bearer " },
    { "header", NGX_ER_AUTH_HEADER, 1, "" },
    { "query", NGX_ER_AUTH_QUERY, 1, NULL },
    { "oauth2", NGX_ER_AUTH_OAUTH2, 0, NULL },
    { NULL, 0, 0, NULL }
};


static ngx_str_t  ngx_er_auth_authorization = ngx_string("Authorization");


char *
ngx_er_auth_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t           *value, *name, secret;
    ngx_int_t            rc;
    ngx_er_auth_t       *auth;
    ngx_er_auth_word_t  *word;

    value = cf->args->elts;
    word = ngx_er_auth_word(&value[1]);

    if (word == NULL) {
        return ngx_er_auth_unknown(cf);
    }

    if (word->kind == NGX_ER_AUTH_OAUTH2) {
        return ngx_er_auth_oauth2(cf, draft->target);
    }

    if (cf->args->nelts != 3 + word->named) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"auth %s\": write "
                           "\"auth %s%s SECRET;\", where SECRET is file:PATH "
                           "or env:NAME", word->name, word->name,
                           word->named ? " NAME" : "");
        return NGX_CONF_ERROR;
    }

    name = word->named ? &value[2] : &ngx_er_auth_authorization;
    value += 2 + word->named;

    if (ngx_er_auth_name(cf, word, name) != NGX_OK
        || ngx_er_auth_secret(cf, word, value, &secret) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    auth = ngx_er_auth_create(cf, word->kind);
    if (auth == NULL) {
        return NGX_CONF_ERROR;
    }

    auth->secret = secret;

    rc = word->prefix ? ngx_er_auth_header(cf, auth, word->prefix, name,
                                           &secret)
                      : ngx_er_auth_args(cf, auth, name, &secret);

    draft->target->auth = auth;

    return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_er_auth_t *
ngx_er_auth_create(ngx_conf_t *cf, ngx_er_auth_kind_e kind)
{
    ngx_er_auth_t  *auth;

    auth = ngx_pcalloc(cf->pool, sizeof(ngx_er_auth_t));

    if (auth) {
        auth->kind = kind;
        ngx_er_where_set(cf, &auth->where);
    }

    return auth;
}


static char *
ngx_er_auth_oauth2(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_er_auth_t  *auth;

    auth = ngx_er_auth_create(cf, NGX_ER_AUTH_OAUTH2);

    if (auth == NULL
        || ngx_er_header_name(cf->pool, &ngx_er_auth_authorization,
                              &auth->header)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    target->auth = auth;

    if (ngx_er_oauth2_line(cf, target) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    auth->password = target->oauth2->grant.secret;

    return NGX_CONF_OK;
}


static ngx_er_auth_word_t *
ngx_er_auth_word(ngx_str_t *text)
{
    ngx_er_auth_word_t  *word;

    for (word = ngx_er_auth_words; word->name; word++) {
        if (ngx_strcmp(text->data, word->name) == 0) {
            return word;
        }
    }

    return NULL;
}


/* the word itself is not shown: it can be a secret */

static char *
ngx_er_auth_unknown(ngx_conf_t *cf)
{
    ngx_str_t   *value;
    const char  *nearest;

    value = cf->args->elts;

    nearest = ngx_er_nearest(&value[1], ngx_er_auth_words,
                             sizeof(ngx_er_auth_word_t));

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown kind of \"auth\"%s%s%s: the first word is "
                       "basic, bearer, header, query or oauth2, "
                       NGX_ER_AUTH_EXAMPLE,
                       nearest ? " (did you mean \"" : "",
                       nearest ? nearest : "", nearest ? "\"?)" : "");

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_er_auth_name(ngx_conf_t *cf, ngx_er_auth_word_t *word, ngx_str_t *name)
{
    ngx_er_header_kind_e  kind;

    static const char  *whys[] = {
        NULL, NULL,
        "nginx makes it for each request",
        "every delivery has its own",
        "X-Accel-* headers steer nginx",
        "it says which trace a delivery belongs to"
    };

    if (word->kind == NGX_ER_AUTH_QUERY) {

        if (name->len) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name of the argument of \"auth query\" is "
                           "empty: write \"auth query NAME SECRET;\"");
        return NGX_ERROR;
    }

    kind = ngx_er_header_kind(name);

    switch (kind) {

    case NGX_ER_HEADER_FREE:
        return NGX_OK;

    case NGX_ER_HEADER_INVALID:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the second word of \"auth header\" is not the "
                           "name of a header: write \"auth header NAME "
                           "SECRET;\", as in \"auth header X-Api-Key "
                           "file:secrets/erp;\"");
        return NGX_ERROR;

    default:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "header \"%V\" cannot have the secret of \"auth\": "
                           "%s", name, whys[kind]);
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_er_auth_secret(ngx_conf_t *cf, ngx_er_auth_word_t *word, ngx_str_t *text,
    ngx_str_t *secret)
{
    const char      *why;
    ngx_er_error_t   err, warn;

    if (!ngx_er_secret_named(text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the secret of \"auth\" does not stand in "
                           "nginx.conf: write file:PATH or env:NAME, "
                           NGX_ER_AUTH_EXAMPLE);
        return NGX_ERROR;
    }

    if (ngx_er_secret_text(cf->pool, text, secret, &warn, &err) != NGX_OK) {
        (void) ngx_er_where_error(cf, &err);
        return NGX_ERROR;
    }

    if (warn.len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%*s", warn.len, warn.text);
    }

    why = ngx_er_auth_unfit(word->kind, secret);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the secret of \"auth %s\" in \"%V\" %s",
                           word->name, text, why);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NULL, or why the target could not be told this secret */

static const char *
ngx_er_auth_unfit(ngx_er_auth_kind_e kind, ngx_str_t *secret)
{
    size_t   i;
    u_char  *p;

    if (secret->len >= 3 && ngx_memcmp(secret->data, "\xef\xbb\xbf", 3) == 0) {
        return "begins with a byte order mark, which is no part of it: save "
               "the file without one";
    }

    for (i = 0; i < secret->len; i++) {
        if (secret->data[i] < ' ' || secret->data[i] == 0x7f) {
            return "has a line feed or another control character, which no "
                   "request can carry: it is one line, with at most one line "
                   "feed at its end";
        }
    }

    switch (kind) {

    case NGX_ER_AUTH_BASIC:
        p = ngx_strlchr(secret->data, secret->data + secret->len, ':');

        if (p == NULL) {
            return "has no colon: write the user's name, a colon and the "
                   "password";
        }

        return (secret->len == 1) ? "has neither a user's name nor a password"
                                  : NULL;

    case NGX_ER_AUTH_BEARER:
        return ngx_er_header_value(secret, 0)
               ? NULL : "is no token, which has neither blanks nor anything "
                        "but ASCII: write the token alone, without \"Bearer\"";

    case NGX_ER_AUTH_HEADER:
        return ngx_er_header_value(secret, 1)
               ? NULL : "begins or ends with a blank or has something else "
                        "than ASCII, which a header cannot carry";

    default: /* NGX_ER_AUTH_QUERY, NGX_ER_AUTH_OAUTH2 */
        break;
    }

    return NULL;
}


static ngx_int_t
ngx_er_auth_header(ngx_conf_t *cf, ngx_er_auth_t *auth, const char *prefix,
    ngx_str_t *name, ngx_str_t *secret)
{
    u_char  *p;
    size_t   len;

    len = ngx_strlen(prefix);

    p = ngx_er_vault_alloc(cf->pool,
                           len + ngx_base64_encoded_length(secret->len));

    if (p == NULL
        || ngx_er_header_name(cf->pool, name, &auth->header) != NGX_OK)
    {
        return NGX_ERROR;
    }

    auth->header.value.data = p;

    p = ngx_cpymem(p, prefix, len);

    if (auth->kind == NGX_ER_AUTH_BASIC) {
        auth->sent.data = p;
        ngx_encode_base64(&auth->sent, secret);
        p += auth->sent.len;

        auth->password = *secret;
        auth->password.data = ngx_strlchr(secret->data,
                                          secret->data + secret->len, ':') + 1;
        auth->password.len -= auth->password.data - secret->data;

    } else {
        p = ngx_cpymem(p, secret->data, secret->len);
    }

    auth->header.value.len = p - auth->header.value.data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_auth_args(ngx_conf_t *cf, ngx_er_auth_t *auth, ngx_str_t *name,
    ngx_str_t *secret)
{
    u_char  *p;

    p = ngx_er_vault_alloc(cf->pool, 3 * (name->len + secret->len) + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    auth->args.data = p;

    p = (u_char *) ngx_escape_uri(p, name->data, name->len,
                                  NGX_ESCAPE_URI_COMPONENT);
    *p++ = '=';

    auth->sent.data = p;

    p = (u_char *) ngx_escape_uri(p, secret->data, secret->len,
                                  NGX_ESCAPE_URI_COMPONENT);

    auth->sent.len = p - auth->sent.data;
    auth->args.len = p - auth->args.data;

    return NGX_OK;
}


void
ngx_er_auth_complete(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_er_auth_t  *auth;

    auth = target->auth;

    if (auth == NULL
        || ngx_er_header_unforward(target->forward_headers, &auth->header.key)
           != NGX_OK)
    {
        return;
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, &auth->where,
                     "\"auth\" of event_target \"%V\" sends the header \"%V\" "
                     "and \"forward_headers\" names it, too: the producer's "
                     "is not sent; take it out of \"forward_headers\"",
                     &target->name, &auth->header.key);
}


ngx_int_t
ngx_er_auth_add(ngx_er_attempt_t *attempt)
{
    ngx_er_auth_t       *auth;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = attempt->carrier;
    auth = attempt->target->auth;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router auth: to \"%V\", kind:%d",
                   &attempt->target->name, auth->kind);

    if (auth->kind == NGX_ER_AUTH_QUERY) {
        r->args = auth->args;
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = auth->header;

    if (auth->kind == NGX_ER_AUTH_OAUTH2) {

        /* attempt.c has seen to it that there is one */

        h->value = attempt->token->value;
    }

    return ngx_er_header_link(r, h);
}


void
ngx_er_auth_judge(ngx_er_attempt_t *attempt)
{
    if (attempt->verdict != NGX_ER_VERDICT_FINAL || attempt->line
        || attempt->silent || attempt->status != NGX_HTTP_UNAUTHORIZED)
    {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, attempt->carrier->connection->log, 0,
                   "event router auth: the token is refused by \"%V\", "
                   "another one may do", &attempt->target->name);

    attempt->verdict = NGX_ER_VERDICT_RETRY;
}


void
ngx_er_auth_hide(ngx_er_target_t *target, ngx_er_token_t *token, u_char *p,
    size_t len)
{
    ngx_log_t      *log;
    ngx_str_t       sent;
    ngx_er_auth_t  *auth;

    log = ngx_cycle->log;
    auth = target->auth;

    if (auth == NULL) {
        return;
    }

    ngx_er_mask(p, len, &auth->secret, log);
    ngx_er_mask(p, len, &auth->sent, log);
    ngx_er_mask(p, len, &auth->password, log);

    if (token) {
        sent = token->value;
        sent.data += sizeof("Bearer ") - 1;
        sent.len -= sizeof("Bearer ") - 1;

        ngx_er_mask(p, len, &sent, log);
    }
}
