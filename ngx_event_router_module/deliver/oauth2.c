
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The line "auth oauth2" of event_target, which auth.c hands on:
 *
 *     auth oauth2 /oauth/erp client=file:secrets/erp scope=orders;
 *     auth oauth2 /oauth/google grant=jwt-bearer key=file:secrets/google.pem
 *          issuer=... audience=https://oauth2.googleapis.com/token scope=...;
 *
 * It has what grant.c needs to ask for a token, and the URI of the internal
 * location by which token.c asks; that one is looked for when all was read.
 * A fingerprint of all that is written here, of secrets too, says after a
 * reload whether the token of before is still the right one.
 *
 * Runs at configuration time only.  Secrets lie in the vault; no sentence has
 * a byte of them, nor of a word that could be one by mistake.
 */


#include "oauth2.h"
#include "../conf/block.h"
#include "../ingest/secret.h"


#define NGX_ER_OAUTH2_LEEWAY  30000    /* ms */

#define NGX_ER_OAUTH2_TAKES                                                   \
    "which takes client=SECRET, scope=TEXT, audience=TEXT, "                  \
    "style=basic|body, leeway=TIME, grant=client-credentials|jwt-bearer, "    \
    "key=SECRET, issuer=TEXT and subject=TEXT; a TEXT with blanks is "        \
    "quoted with its name, as in \"scope=read write\""


/* as it is written */

typedef struct {
    ngx_str_t              client;
    ngx_str_t              key;
    ngx_str_t              scope;
    ngx_str_t              audience;
    ngx_str_t              issuer;
    ngx_str_t              subject;
    ngx_uint_t             grant;
    ngx_uint_t             style;
    ngx_msec_t             leeway;
} ngx_er_oauth2_words_t;


static ngx_int_t ngx_er_oauth2_uri(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_str_t *uri);
static const char *ngx_er_oauth2_wrong(ngx_er_oauth2_words_t *words);
static ngx_int_t ngx_er_oauth2_client(ngx_conf_t *cf, ngx_er_oauth2_t *oauth2,
    ngx_str_t *word);
static ngx_int_t ngx_er_oauth2_key(ngx_conf_t *cf, ngx_er_oauth2_t *oauth2,
    ngx_str_t *word, ngx_str_t *pem);
static ngx_int_t ngx_er_oauth2_secret(ngx_conf_t *cf, const char *name,
    ngx_str_t *word, ngx_str_t *secret);
static void ngx_er_oauth2_print(ngx_er_oauth2_t *oauth2,
    ngx_er_oauth2_words_t *words, ngx_str_t *pem);


static ngx_er_word_t  ngx_er_oauth2_grants[] = {
    { ngx_string("client-credentials"), NGX_ER_GRANT_CLIENT },
    { ngx_string("jwt-bearer"), NGX_ER_GRANT_JWT },
    { ngx_null_string, 0 }
};


static ngx_er_word_t  ngx_er_oauth2_styles[] = {
    { ngx_string("basic"), NGX_ER_GRANT_BASIC },
    { ngx_string("body"), NGX_ER_GRANT_BODY },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  ngx_er_oauth2_rows[] = {
    { "client=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_oauth2_words_t, client), NULL, NULL, NULL },
    { "key=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_oauth2_words_t, key), NULL, NULL, NULL },
    { "scope=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_oauth2_words_t, scope), NULL, NULL, NULL },
    { "audience=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_oauth2_words_t, audience), NULL, NULL, NULL },
    { "issuer=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_oauth2_words_t, issuer), NULL, NULL, NULL },
    { "subject=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_oauth2_words_t, subject), NULL, NULL, NULL },
    { "grant=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_oauth2_words_t, grant), NULL, NULL,
      ngx_er_oauth2_grants },
    { "style=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_oauth2_words_t, style), NULL, NULL,
      ngx_er_oauth2_styles },
    { "leeway=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_oauth2_words_t, leeway), "0s", "1h", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


/* a word may be a secret that somebody forgot to put into a file */

static ngx_er_params_t  ngx_er_oauth2_params = {
    ngx_er_oauth2_rows, NGX_ER_OAUTH2_TAKES, 0, 1
};


char *
ngx_er_oauth2_line(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_str_t              *value, pem;
    const char             *wrong;
    ngx_er_oauth2_t        *oauth2;
    ngx_er_oauth2_words_t   words;

    value = cf->args->elts;

    if (ngx_er_oauth2_uri(cf, target, &value[2]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&words, sizeof(ngx_er_oauth2_words_t));

    words.leeway = NGX_ER_OAUTH2_LEEWAY;

    if (ngx_er_block_params(cf, &ngx_er_oauth2_params, 3, &words, NULL)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    wrong = ngx_er_oauth2_wrong(&words);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"auth oauth2\" %s", wrong);
        return NGX_CONF_ERROR;
    }

    oauth2 = ngx_pcalloc(cf->pool, sizeof(ngx_er_oauth2_t));
    if (oauth2 == NULL) {
        return NGX_CONF_ERROR;
    }

    oauth2->target = target;
    oauth2->uri = value[2];
    oauth2->leeway = words.leeway;

    oauth2->grant.kind = words.grant;
    oauth2->grant.style = words.style;
    oauth2->grant.scope = words.scope;
    oauth2->grant.audience = words.audience;
    oauth2->grant.issuer = words.issuer;
    oauth2->grant.subject = words.subject;

    ngx_er_where_set(cf, &oauth2->where);

    if (ngx_er_oauth2_client(cf, oauth2, &words.client) != NGX_OK
        || ngx_er_oauth2_key(cf, oauth2, &words.key, &pem) != NGX_OK
        || ngx_er_grant_init(&oauth2->grant, cf->pool) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_er_oauth2_print(oauth2, &words, &pem);

    target->oauth2 = oauth2;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_oauth2_uri(ngx_conf_t *cf, ngx_er_target_t *target, ngx_str_t *uri)
{
    if (cf->args->nelts > 3 && uri->data[0] == '/'
        && ngx_strlchr(uri->data, uri->data + uri->len, '?') == NULL)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"auth oauth2\" needs the URI of an internal location "
                       "by which the token endpoint is asked, and a client: "
                       "write \"auth oauth2 /oauth/%V client=file:PATH;\"",
                       &target->name);
    return NGX_ERROR;
}


/* what does not go together, or NULL */

static const char *
ngx_er_oauth2_wrong(ngx_er_oauth2_words_t *words)
{
    if (words->grant == NGX_ER_GRANT_CLIENT) {

        if (words->client.len == 0) {
            return "has no client=: write client=file:PATH, with "
                   "\"id:secret\" in the file";
        }

        if (words->key.len || words->issuer.len || words->subject.len) {
            return "has key=, issuer= or subject=, which are of "
                   "\"grant=jwt-bearer\": write that, too, or take them away";
        }

        return NULL;
    }

    if (words->key.len == 0 || words->issuer.len == 0
        || words->audience.len == 0)
    {
        return "with \"grant=jwt-bearer\" needs key=file:PATH of a private "
               "key, issuer= and audience=, which are the claims iss and aud";
    }

    return NULL;
}


static ngx_int_t
ngx_er_oauth2_client(ngx_conf_t *cf, ngx_er_oauth2_t *oauth2, ngx_str_t *word)
{
    u_char     *colon, *last, *p;
    ngx_str_t   pair;

    if (word->len == 0) {
        return NGX_OK;
    }

    if (ngx_er_oauth2_secret(cf, "client", word, &pair) != NGX_OK) {
        return NGX_ERROR;
    }

    last = pair.data + pair.len;
    colon = ngx_strlchr(pair.data, last, ':');

    if (colon == NULL || colon == pair.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "what client= of \"auth oauth2\" names is no "
                           "client: write its id, a colon and its secret, on "
                           "one line");
        return NGX_ERROR;
    }

    for (p = pair.data; p < last; p++) {

        if (*p >= ' ' && *p != 0x7f) {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "what client= of \"auth oauth2\" names has a line "
                           "feed or another control character: it is one "
                           "line, the client's id, a colon and its secret");
        return NGX_ERROR;
    }

    oauth2->grant.id.data = pair.data;
    oauth2->grant.id.len = colon - pair.data;
    oauth2->grant.secret.data = colon + 1;
    oauth2->grant.secret.len = last - colon - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_er_oauth2_key(ngx_conf_t *cf, ngx_er_oauth2_t *oauth2, ngx_str_t *word,
    ngx_str_t *pem)
{
    ngx_er_error_t   err;
    ngx_er_grant_t  *grant;

    grant = &oauth2->grant;

    ngx_str_null(pem);

    if (word->len == 0) {
        return NGX_OK;
    }

    if (ngx_er_oauth2_secret(cf, "key", word, pem) != NGX_OK) {
        return NGX_ERROR;
    }

    grant->key = ngx_er_key_private(cf->pool, pem, &err);

    if (grant->key == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key= of \"auth oauth2\" cannot be used: %*s",
                           err.len, err.text);
        return NGX_ERROR;
    }

    if (ngx_er_key_kind(grant->key) == NGX_ER_KEY_ED25519) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key= of \"auth oauth2\" is an ed25519 key: "
                           "assertions are signed with RSA (RS256) or ECDSA "
                           "on P-256 (ES256)");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_oauth2_secret(ngx_conf_t *cf, const char *name, ngx_str_t *word,
    ngx_str_t *secret)
{
    ngx_er_error_t  err, warn;

    if (!ngx_er_secret_named(word)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s= of \"auth oauth2\" does not stand in "
                           "nginx.conf: write %s=file:PATH or %s=env:NAME",
                           name, name, name);
        return NGX_ERROR;
    }

    if (ngx_er_secret_text(cf->pool, word, secret, &warn, &err) != NGX_OK) {
        (void) ngx_er_where_error(cf, &err);
        return NGX_ERROR;
    }

    if (warn.len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%*s", warn.len, warn.text);
    }

    return NGX_OK;
}


/* a NUL, which no word of nginx.conf has, stands behind each part */

static void
ngx_er_oauth2_print(ngx_er_oauth2_t *oauth2, ngx_er_oauth2_words_t *words,
    ngx_str_t *pem)
{
    u_char           mode[2];
    ngx_uint_t       n, i;
    ngx_str_t        parts[24];
    ngx_er_grant_t  *grant;

    grant = &oauth2->grant;

    ngx_str_t  *all[] = {
        &oauth2->target->name, &oauth2->uri, &grant->id, &grant->secret,
        &grant->scope, &grant->audience, &grant->issuer, &grant->subject, pem
    };

    mode[0] = (u_char) words->grant;
    mode[1] = (u_char) words->style;

    parts[0].len = sizeof(mode);
    parts[0].data = mode;

    for (i = 0, n = 1; i < sizeof(all) / sizeof(all[0]); i++) {
        parts[n++] = *all[i];
        ngx_str_set(&parts[n], "\0");
        n++;
    }

    ngx_er_sha256(oauth2->print, parts, n);
}
