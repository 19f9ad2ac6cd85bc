
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Secrets: read at configuration time from a file, the environment or
 * nginx.conf itself, and made into keys once the algorithm is known.  Called
 * by verify_conf.c ("secret") and verify_check.c.  The bytes live in the
 * vault, as long as the configuration's pool, and appear in no message: an
 * error names the file or the variable, never what was in it.
 */


#include "secret.h"
#include "verifier.h"
#include "../base/vault.h"
#include "../conf/param.h"


#define NGX_ER_SECRET_MAX  65536       /* bytes of a file */


static ngx_int_t ngx_er_secret_value(ngx_er_verify_t *v, ngx_str_t *word,
    ngx_str_t *secret, u_char **exposed, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_file(ngx_er_verify_t *v, ngx_str_t *name,
    ngx_str_t *secret, u_char **exposed, ngx_er_error_t *err);
static u_char *ngx_er_secret_path(ngx_pool_t *pool, ngx_str_t *name);
static ngx_int_t ngx_er_secret_read(ngx_pool_t *pool, ngx_fd_t fd,
    ngx_str_t *secret, ngx_uint_t *mode);
static ngx_int_t ngx_er_secret_env(ngx_er_verify_t *v, ngx_str_t *name,
    ngx_str_t *secret, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_copy(ngx_pool_t *pool, u_char *data,
    size_t len, ngx_str_t *secret);
static ngx_uint_t ngx_er_secret_blank(ngx_str_t *secret);
static ngx_int_t ngx_er_secret_decode(ngx_er_verify_t *v, ngx_str_t *text,
    ngx_str_t *bytes, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_sha1(ngx_er_verify_t *v, ngx_str_t *text,
    ngx_str_t *bytes, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_public(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_str_t *text, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_hmac(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_token(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_jwt(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_str_t *text, ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_memory(ngx_er_error_t *err);
static ngx_int_t ngx_er_secret_unknown(ngx_er_error_t *err);


ngx_int_t
ngx_er_secret_add(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_uint_t *inline_secret, ngx_er_error_t *err)
{
    u_char           *exposed;
    ngx_str_t         raw;
    ngx_er_secret_t  *secret;

    if (nargs != 2) {
        ngx_er_error(err, "invalid number of arguments in \"secret\", write: "
                     "secret file:/path/to/secret;");
        return NGX_ERROR;
    }

    if (v->secrets.nelts == NGX_ER_VERIFY_SECRETS) {
        ngx_er_error(err, "more than %d secrets: keep only those that the "
                     "producer still signs with", NGX_ER_VERIFY_SECRETS);
        return NGX_ERROR;
    }

    if (ngx_er_secret_value(v, &args[1], &raw, &exposed, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_secret_blank(&raw)) {
        ngx_er_error(err, "the secret is empty: anyone could sign with it; "
                     "put the one that the producer shows you there");
        return NGX_ERROR;
    }

    if (inline_secret
        && ngx_strncmp(args[1].data, "file:", 5) != 0
        && ngx_strncmp(args[1].data, "env:", 4) != 0)
    {
        *inline_secret = 1;
    }

    secret = ngx_array_push(&v->secrets);
    if (secret == NULL) {
        return ngx_er_secret_memory(err);
    }

    ngx_memzero(secret, sizeof(ngx_er_secret_t));

    secret->raw = raw;
    secret->exposed = exposed;

    return NGX_OK;
}


ngx_int_t
ngx_er_secret_handshakes(ngx_er_verify_t *v, ngx_er_digest_e digest,
    ngx_er_error_t *err)
{
    ngx_uint_t        i;
    ngx_er_key_t    **key;
    ngx_er_secret_t  *secret;

    if (v->secrets.nelts == 0) {
        ngx_er_error(err, "the answer is an HMAC and the source has no "
                     "secret: add \"secret file:PATH;\", or \"handshake "
                     "off;\" if the producer does not ask");
        return NGX_ERROR;
    }

    if (v->scheme == NGX_ER_SCHEME_PUBLIC
        || v->encoding == NGX_ER_ENCODING_PEM
        || v->encoding == NGX_ER_ENCODING_SPKI)
    {
        ngx_er_error(err, "the answer is an HMAC, and the source has a public "
                     "key: that is no secret");
        return NGX_ERROR;
    }

    secret = v->secrets.elts;

    for (i = 0; i < v->secrets.nelts; i++) {
        key = &secret[i].handshake[digest];

        if (*key == NULL) {
            *key = ngx_er_key_hmac(v->pool, digest,
                                   secret[i].bytes.len ? &secret[i].bytes
                                                       : &secret[i].raw);
        }

        if (*key == NULL) {
            return ngx_er_secret_unknown(err);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_secret_text(ngx_pool_t *pool, ngx_str_t *word, ngx_str_t *secret,
    ngx_er_error_t *warn, ngx_er_error_t *err)
{
    u_char           *exposed;
    ngx_er_verify_t   v;

    ngx_memzero(&v, sizeof(ngx_er_verify_t));
    v.pool = pool;

    if (ngx_er_secret_value(&v, word, secret, &exposed, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_secret_blank(secret)) {
        ngx_er_error(err, "the secret is empty");
        return NGX_ERROR;
    }

    warn->len = 0;

    if (exposed) {
        ngx_er_error(warn, NGX_ER_SECRET_EXPOSED, exposed, exposed);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_secret_named(ngx_str_t *word)
{
    ngx_str_t  name;

    return ngx_er_param_named(word, "file:", &name)
           || ngx_er_param_named(word, "env:", &name);
}


static ngx_int_t
ngx_er_secret_value(ngx_er_verify_t *v, ngx_str_t *word, ngx_str_t *secret,
    u_char **exposed, ngx_er_error_t *err)
{
    ngx_str_t  name;

    *exposed = NULL;

    if (ngx_er_param_named(word, "file:", &name)) {
        return ngx_er_secret_file(v, &name, secret, exposed, err);
    }

    if (ngx_er_param_named(word, "env:", &name)) {
        return ngx_er_secret_env(v, &name, secret, err);
    }

    /* not shown: it can be a secret all the same */

    if (ngx_er_param_named(word, "/", &name)
        || ngx_er_param_named(word, "./", &name)
        || ngx_er_param_named(word, "../", &name))
    {
        ngx_er_error(err, "the secret looks like the name of a file: write "
                     "\"file:\" before it; a secret that begins so must stand "
                     "in a file");
        return NGX_ERROR;
    }

    if (ngx_er_secret_copy(v->pool, word->data, word->len, secret) != NGX_OK) {
        return ngx_er_secret_memory(err);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_secret_file(ngx_er_verify_t *v, ngx_str_t *name, ngx_str_t *secret,
    u_char **exposed, ngx_er_error_t *err)
{
    u_char      *path;
    ngx_fd_t     fd;
    ngx_int_t    rc;
    ngx_uint_t   mode;

    path = ngx_er_secret_path(v->pool, name);
    if (path == NULL) {
        return ngx_er_secret_memory(err);
    }

    /* not blocking: a FIFO would hang the whole start */

    fd = ngx_open_file(path, NGX_FILE_RDONLY | O_NONBLOCK, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_er_error(err, "the secret file \"%s\" cannot be opened (%s): put "
                     "the secret there, readable by the user that starts "
                     "nginx", path, strerror(ngx_errno));
        return NGX_ERROR;
    }

    rc = ngx_er_secret_read(v->pool, fd, secret, &mode);

    (void) ngx_close_file(fd);

    if (rc != NGX_OK) {
        ngx_er_error(err, "the secret file \"%s\" cannot be read: it must be "
                     "a regular file of at most %d bytes", path,
                     NGX_ER_SECRET_MAX);
        return NGX_ERROR;
    }

    if (ngx_er_secret_blank(secret)) {
        ngx_er_error(err, "the secret file \"%s\" is empty: put the secret "
                     "there", path);
        return NGX_ERROR;
    }

    if (mode & S_IROTH) {
        *exposed = path;
    }

    return NGX_OK;
}


/* relative names begin at nginx.conf's folder, as everywhere in nginx */

static u_char *
ngx_er_secret_path(ngx_pool_t *pool, ngx_str_t *name)
{
    u_char  *path, *p;
    size_t   len;

    len = (name->len && name->data[0] == '/') ? 0 : ngx_cycle->conf_prefix.len;

    path = ngx_pnalloc(pool, len + name->len + 1);
    if (path == NULL) {
        return NULL;
    }

    p = ngx_cpymem(path, ngx_cycle->conf_prefix.data, len);
    ngx_cpystrn(p, name->data, name->len + 1);

    return path;
}


static ngx_int_t
ngx_er_secret_read(ngx_pool_t *pool, ngx_fd_t fd, ngx_str_t *secret,
    ngx_uint_t *mode)
{
    size_t           size;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)
        || ngx_file_size(&fi) > NGX_ER_SECRET_MAX)
    {
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    *mode = ngx_file_access(&fi);

    secret->len = 0;
    secret->data = ngx_er_vault_alloc(pool, size);

    if (secret->data == NULL) {
        return NGX_ERROR;
    }

    while (secret->len < size) {
        n = ngx_read_fd(fd, secret->data + secret->len, size - secret->len);

        if (n < 0) {
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }

        secret->len += n;
    }

    /* editors end a file with one newline, which belongs to no secret */

    if (secret->len && secret->data[secret->len - 1] == LF) {
        secret->len--;

        if (secret->len && secret->data[secret->len - 1] == CR) {
            secret->len--;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_secret_env(ngx_er_verify_t *v, ngx_str_t *name, ngx_str_t *secret,
    ngx_er_error_t *err)
{
    u_char  *key, *value;

    key = ngx_pnalloc(v->pool, name->len + 1);
    if (key == NULL) {
        return ngx_er_secret_memory(err);
    }

    ngx_cpystrn(key, name->data, name->len + 1);

    value = (u_char *) getenv((char *) key);

    if (value == NULL || *value == '\0') {
        ngx_er_error(err, "the environment variable \"%V\" is %s: set it "
                     "where nginx is started, with systemd by "
                     "\"EnvironmentFile=\"", name,
                     value ? "empty" : "not set");
        return NGX_ERROR;
    }

    if (ngx_er_secret_copy(v->pool, value, ngx_strlen(value), secret)
        != NGX_OK)
    {
        return ngx_er_secret_memory(err);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_secret_copy(ngx_pool_t *pool, u_char *data, size_t len,
    ngx_str_t *secret)
{
    secret->len = len;
    secret->data = ngx_er_vault_alloc(pool, len);

    if (secret->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(secret->data, data, len);

    return NGX_OK;
}


static ngx_uint_t
ngx_er_secret_blank(ngx_str_t *secret)
{
    size_t  i;

    for (i = 0; i < secret->len; i++) {
        if (secret->data[i] > ' ') {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_er_secret_prepare(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_error_t *err)
{
    ngx_str_t  text;

    text = secret->raw;

    if (v->strip.len && text.len >= v->strip.len
        && ngx_memcmp(text.data, v->strip.data, v->strip.len) == 0)
    {
        text.len -= v->strip.len;
        text.data += v->strip.len;
    }

    if (v->scheme == NGX_ER_SCHEME_PUBLIC) {
        return ngx_er_secret_public(v, secret, &text, err);
    }

    if (v->scheme == NGX_ER_SCHEME_JWT
        && (v->encoding == NGX_ER_ENCODING_PEM
            || v->encoding == NGX_ER_ENCODING_SPKI))
    {
        return ngx_er_secret_jwt(v, secret, &text, err);
    }

    if (ngx_er_secret_decode(v, &text, &secret->bytes, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (v->scheme == NGX_ER_SCHEME_TOKEN || v->scheme == NGX_ER_SCHEME_BASIC) {
        return ngx_er_secret_token(v, secret, err);
    }

    return (v->scheme == NGX_ER_SCHEME_DIGEST)
           ? NGX_OK : ngx_er_secret_hmac(v, secret, err);
}


/* with versions a key for each digest that they name, else one */

static ngx_int_t
ngx_er_secret_public(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_str_t *text, ngx_er_error_t *err)
{
    ngx_uint_t     i;
    ngx_er_key_t  *key;

    for (i = 0; i < NGX_ER_DIGESTS; i++) {

        if (v->versions.nelts ? (v->digests & (1 << i)) == 0
                              : i != v->digest)
        {
            continue;
        }

        key = ngx_er_key_public(v->pool, v->kind, i, v->encoding, text, err);
        if (key == NULL) {
            return NGX_ERROR;
        }

        secret->keys[i] = key;
        secret->key = key;
    }

    return NGX_OK;
}


/* the bytes that a shared secret stands for; utf8: those of the text itself */

static ngx_int_t
ngx_er_secret_decode(ngx_er_verify_t *v, ngx_str_t *text, ngx_str_t *bytes,
    ngx_er_error_t *err)
{
    ssize_t  n;

    if (v->encoding == NGX_ER_ENCODING_PEM
        || v->encoding == NGX_ER_ENCODING_SPKI)
    {
        ngx_er_error(err, "\"key pem\" and \"key spki-base64\" are for public "
                     "keys: this algorithm has a shared secret, write \"key "
                     "utf8\", \"key base64\" or \"key hex\"");
        return NGX_ERROR;
    }

    if (v->encoding == NGX_ER_ENCODING_SHA1) {
        return ngx_er_secret_sha1(v, text, bytes, err);
    }

    *bytes = *text;

    if (v->encoding != NGX_ER_ENCODING_RAW) {

        bytes->data = ngx_er_vault_alloc(v->pool, text->len);

        if (bytes->data == NULL) {
            return ngx_er_secret_memory(err);
        }

        n = ngx_er_decode(v->encoding, text, bytes->data, text->len);

        if (n < 0) {
            ngx_er_error(err, "the secret is not %s, as %s",
                         (v->encoding == NGX_ER_ENCODING_HEX) ? "hex"
                                                              : "base64",
                         v->sends
                         ? "the scheme has it: copy the whole of it"
                         : "\"key\" says: copy the whole of it, or write "
                           "\"key utf8;\" if its characters themselves are "
                           "the key");
            return NGX_ERROR;
        }

        bytes->len = n;
    }

    if (bytes->len == 0) {
        ngx_er_error(err, "the secret is empty behind its prefix \"%V\"",
                     &v->strip);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_secret_sha1(ngx_er_verify_t *v, ngx_str_t *text, ngx_str_t *bytes,
    ngx_er_error_t *err)
{
    bytes->len = ngx_er_digest_len(NGX_ER_SHA1);
    bytes->data = ngx_er_vault_alloc(v->pool, bytes->len);

    if (bytes->data == NULL) {
        return ngx_er_secret_memory(err);
    }

    return (ngx_er_digest(NGX_ER_SHA1, text, 1, bytes->data) == NGX_OK)
           ? NGX_OK : ngx_er_secret_unknown(err);
}


static ngx_int_t
ngx_er_secret_hmac(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_error_t *err)
{
    ngx_uint_t  i;

    if (v->scheme != NGX_ER_SCHEME_HMAC_FROM_PREFIX) {
        secret->key = ngx_er_key_hmac(v->pool, v->digest, &secret->bytes);
        return secret->key ? NGX_OK : ngx_er_secret_unknown(err);
    }

    for (i = 0; i < NGX_ER_DIGESTS; i++) {

        if ((v->digests & (1 << i)) == 0) {
            continue;
        }

        secret->keys[i] = ngx_er_key_hmac(v->pool, i, &secret->bytes);
        if (secret->keys[i] == NULL) {
            return ngx_er_secret_unknown(err);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_secret_token(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_error_t *err)
{
    u_char  *last;

    last = secret->bytes.data + secret->bytes.len;

    if (v->scheme == NGX_ER_SCHEME_BASIC
        && ngx_strlchr(secret->bytes.data, last, ':') == NULL)
    {
        ngx_er_error(err, "the secret of \"verify basic\" has no colon: write "
                     "the user's name, a colon and the password");
        return NGX_ERROR;
    }

    if (ngx_er_digest(NGX_ER_SHA256, &secret->bytes, 1, secret->sum)
        != NGX_OK)
    {
        return ngx_er_secret_memory(err);
    }

    return NGX_OK;
}


/* a public key says by itself whether it is RS256's or ES256's */

static ngx_int_t
ngx_er_secret_jwt(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_str_t *text, ngx_er_error_t *err)
{
    secret->key = ngx_er_key_public(v->pool, NGX_ER_KEY_ECDSA, NGX_ER_SHA256,
                                    v->encoding, text, err);

    if (secret->key == NULL) {
        secret->key = ngx_er_key_public(v->pool, NGX_ER_KEY_RSA,
                                        NGX_ER_SHA256, v->encoding, text, err);
    }

    return secret->key ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_secret_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory");

    return NGX_ERROR;
}


/* a key is made without a message, so its digest is tried at the start */

static ngx_int_t
ngx_er_secret_unknown(ngx_er_error_t *err)
{
    ngx_er_error(err, "OpenSSL has no memory or does not provide the digest "
                 "that \"verify\" asks for: look at the providers of "
                 "openssl.cnf");

    return NGX_ERROR;
}
