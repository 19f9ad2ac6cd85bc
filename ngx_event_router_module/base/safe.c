
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A safe: keys, and what is sealed with them.  Stores call this for what they
 * keep and for what they read; it owns the keys, in the vault.  Sealed texts
 * come from a disk or from Redis, so nothing in them is trusted but what their
 * tag covers: what was changed, cut, or moved to another place is told from
 * what is whole.
 *
 * Each process has a salt of its own, drawn when it seals for the first time,
 * and counts what it seals, so no pair of key and nonce is used twice, however
 * much is written.  Threads of a process may seal at the same time.
 */


#include "safe.h"
#include "vault.h"


#define NGX_ER_SAFE_KEY    32
#define NGX_ER_SAFE_SALT   16
#define NGX_ER_SAFE_NONCE  12
#define NGX_ER_SAFE_TAG    16


typedef struct {
    uint64_t               id;
    u_char                 key[NGX_ER_SAFE_KEY];
    u_char                 hash[NGX_ER_SAFE_KEY];  /* made of it, for hashes */
} ngx_er_safe_key_t;


struct ngx_er_safe_s {
    ngx_uint_t             n;
    ngx_uint_t             strict;     /* nothing that is plain is read */
    ngx_er_safe_key_t      keys[NGX_ER_SAFE_KEYS];

    /* of the process that seals */

    pid_t                  pid;
    ngx_atomic_t           count;
    u_char                 salt[NGX_ER_SAFE_SALT];
    u_char                 derived[NGX_ER_SAFE_KEY];
};


static ngx_int_t ngx_er_safe_line(ngx_er_safe_t *safe, ngx_str_t *line,
    ngx_uint_t number, ngx_er_error_t *err);
static ngx_int_t ngx_er_safe_decode(ngx_str_t *line, u_char *key);
static ngx_int_t ngx_er_safe_identify(ngx_er_safe_key_t *key);
static ngx_int_t ngx_er_safe_begin(ngx_er_safe_t *safe);
static ngx_er_safe_key_t *ngx_er_safe_find(ngx_er_safe_t *safe, uint64_t id);
static ngx_int_t ngx_er_safe_encrypt(u_char *key, ngx_er_safe_place_t *place,
    u_char *head, ngx_str_t *in);
static ngx_int_t ngx_er_safe_decrypt(u_char *key, ngx_er_safe_place_t *place,
    ngx_str_t *in, ngx_str_t *out);
static void ngx_er_safe_where(ngx_er_safe_place_t *place, u_char *head,
    u_char *p);
static u_char *ngx_er_safe_write(u_char *p, uint64_t n);
static uint64_t ngx_er_safe_number(u_char *p);


static const ngx_er_safe_crypto_t  *ngx_er_safe_crypto;

static u_char  ngx_er_safe_magic[] = { 0x8c, 'E', 'R', 1 };

/* what the tag covers besides: the head and the place */

#define NGX_ER_SAFE_WHERE  (NGX_ER_SAFE_HEAD + 1 + 3 * 8)


void
ngx_er_safe_init(const ngx_er_safe_crypto_t *crypto)
{
    ngx_er_safe_crypto = crypto;
}


ngx_int_t
ngx_er_safe_create(ngx_pool_t *pool, ngx_str_t *text, ngx_er_safe_t **safe,
    ngx_er_error_t *err)
{
    u_char      *p, *end, *last;
    ngx_str_t    line;
    ngx_uint_t   number;

    *safe = (ngx_er_safe_t *) ngx_er_vault_alloc(pool, sizeof(ngx_er_safe_t));
    if (*safe == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(*safe, sizeof(ngx_er_safe_t));

    end = text->data + text->len;
    number = 0;

    for (p = text->data; p < end; p = last + 1) {
        number++;

        for (last = p; last < end && *last != LF; last++) { /* void */ }

        line.data = p;
        line.len = last - p;

        if (ngx_er_safe_line(*safe, &line, number, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if ((*safe)->n == 0) {
        ngx_er_error(err, "there is no key in it: put one there with "
                     "\"openssl rand -base64 32\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_safe_line(ngx_er_safe_t *safe, ngx_str_t *line, ngx_uint_t number,
    ngx_er_error_t *err)
{
    ngx_er_safe_key_t  *key;

    while (line->len && (line->data[line->len - 1] == CR
                         || line->data[line->len - 1] == ' '
                         || line->data[line->len - 1] == '\t'))
    {
        line->len--;
    }

    if (line->len == 0 || line->data[0] == '#') {
        return NGX_OK;
    }

    if (safe->n == NGX_ER_SAFE_KEYS) {
        ngx_er_error(err, "there are more than %d keys in it",
                     NGX_ER_SAFE_KEYS);
        return NGX_ERROR;
    }

    key = &safe->keys[safe->n];

    if (ngx_er_safe_decode(line, key->key) != NGX_OK) {
        ngx_er_error(err, "line %ui is no key of 32 bytes in base64 or hex: "
                     "make one with \"openssl rand -base64 32\"", number);
        return NGX_ERROR;
    }

    if (ngx_er_safe_identify(key) != NGX_OK) {
        ngx_er_error(err, "OpenSSL has no HMAC with SHA-256");
        return NGX_ERROR;
    }

    if (ngx_er_safe_find(safe, key->id)) {
        ngx_er_error(err, "the key of line %ui is there twice", number);
        return NGX_ERROR;
    }

    safe->n++;

    return NGX_OK;
}


static ngx_int_t
ngx_er_safe_decode(ngx_str_t *line, u_char *key)
{
    u_char      buf[2 * NGX_ER_SAFE_KEY];
    ngx_int_t   n;
    ngx_str_t   out;
    ngx_uint_t  i;

    if (line->len == 2 * NGX_ER_SAFE_KEY) {

        for (i = 0; i < NGX_ER_SAFE_KEY; i++) {
            n = ngx_hextoi(line->data + 2 * i, 2);

            if (n == NGX_ERROR) {
                return NGX_ERROR;
            }

            key[i] = (u_char) n;
        }

        return NGX_OK;
    }

    if (line->len > sizeof(buf)) {
        return NGX_ERROR;
    }

    out.data = buf;

    if (ngx_decode_base64(&out, line) != NGX_OK || out.len != NGX_ER_SAFE_KEY)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(key, buf, NGX_ER_SAFE_KEY);
    ngx_explicit_memzero(buf, sizeof(buf));

    return NGX_OK;
}


static ngx_int_t
ngx_er_safe_identify(ngx_er_safe_key_t *key)
{
    u_char  hash[32];

    if (ngx_er_safe_crypto->mac(key->key, (u_char *) "event router key", 16,
                                hash)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key->id = ngx_er_safe_number(hash) | 1;

    return ngx_er_safe_crypto->mac(key->key, (u_char *) "event router hash",
                                   17, key->hash);
}


ngx_int_t
ngx_er_safe_seal(ngx_er_safe_t *safe, ngx_er_safe_place_t *place,
    ngx_str_t *in, u_char *out)
{
    u_char  *p;

    if (ngx_er_safe_begin(safe) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(out, ngx_er_safe_magic, sizeof(ngx_er_safe_magic));
    p = ngx_er_safe_write(p, safe->keys[0].id);
    p = ngx_cpymem(p, safe->salt, NGX_ER_SAFE_SALT);
    p = ngx_er_safe_write(p, ngx_atomic_fetch_add(&safe->count, 1));

    ngx_memzero(p, NGX_ER_SAFE_NONCE - 8);

    return ngx_er_safe_encrypt(safe->derived, place, out, in);
}


/* workers share the keys since the fork, not the salt; a process begins before
   it has threads that seal */

static ngx_int_t
ngx_er_safe_begin(ngx_er_safe_t *safe)
{
    if (safe->pid == getpid()) {
        return NGX_OK;
    }

    if (ngx_er_safe_crypto->random(safe->salt, NGX_ER_SAFE_SALT) != NGX_OK
        || ngx_er_safe_crypto->mac(safe->keys[0].key, safe->salt,
                                   NGX_ER_SAFE_SALT, safe->derived)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    safe->count = 0;
    safe->pid = getpid();

    return NGX_OK;
}


ngx_int_t
ngx_er_safe_open(ngx_er_safe_t *safe, ngx_er_safe_place_t *place,
    ngx_str_t *in, ngx_str_t *out)
{
    u_char              derived[NGX_ER_SAFE_KEY];
    uint64_t            id;
    ngx_int_t           rc;
    ngx_er_safe_key_t  *key;

    id = ngx_er_safe_key(in);

    if (id == 0) {
        return ngx_er_safe_is_strict(safe) ? NGX_BUSY : NGX_DECLINED;
    }

    key = safe ? ngx_er_safe_find(safe, id) : NULL;

    if (key == NULL) {
        return NGX_BUSY;
    }

    if (ngx_er_safe_crypto->mac(key->key, in->data + 12, NGX_ER_SAFE_SALT,
                                derived)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_safe_decrypt(derived, place, in, out);

    ngx_explicit_memzero(derived, sizeof(derived));

    return rc;
}


void
ngx_er_safe_strict(ngx_er_safe_t *safe)
{
    safe->strict = 1;
}


ngx_uint_t
ngx_er_safe_is_strict(ngx_er_safe_t *safe)
{
    return safe && safe->strict;
}


uint64_t
ngx_er_safe_key(ngx_str_t *in)
{
    if (in->len < NGX_ER_SAFE_MORE
        || ngx_memcmp(in->data, ngx_er_safe_magic, sizeof(ngx_er_safe_magic))
           != 0)
    {
        return 0;
    }

    return ngx_er_safe_number(in->data + sizeof(ngx_er_safe_magic));
}


ngx_uint_t
ngx_er_safe_has(ngx_er_safe_t *safe, uint64_t key)
{
    ngx_er_safe_key_t  *found;

    found = safe ? ngx_er_safe_find(safe, key) : NULL;

    return found ? (ngx_uint_t) (found - safe->keys) + 1 : 0;
}


uint64_t
ngx_er_safe_first(ngx_er_safe_t *safe)
{
    return safe->keys[0].id;
}


ngx_uint_t
ngx_er_safe_count(ngx_er_safe_t *safe)
{
    return safe->n;
}


static ngx_er_safe_key_t *
ngx_er_safe_find(ngx_er_safe_t *safe, uint64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < safe->n; i++) {
        if (safe->keys[i].id == id) {
            return &safe->keys[i];
        }
    }

    return NULL;
}


/* the head is written; the text and the tag come behind it */

static ngx_int_t
ngx_er_safe_encrypt(u_char *key, ngx_er_safe_place_t *place, u_char *head,
    ngx_str_t *in)
{
    u_char     *p, where[NGX_ER_SAFE_WHERE];
    ngx_str_t   ad;

    ngx_er_safe_where(place, head, where);

    ad.data = where;
    ad.len = NGX_ER_SAFE_WHERE;
    p = head + NGX_ER_SAFE_HEAD;

    return ngx_er_safe_crypto->seal(key, p - NGX_ER_SAFE_NONCE, &ad, in, p);
}


static ngx_int_t
ngx_er_safe_decrypt(u_char *key, ngx_er_safe_place_t *place, ngx_str_t *in,
    ngx_str_t *out)
{
    u_char      where[NGX_ER_SAFE_WHERE];
    ngx_int_t   rc;
    ngx_str_t   ad, text;

    ngx_er_safe_where(place, in->data, where);

    ad.data = where;
    ad.len = NGX_ER_SAFE_WHERE;
    text.data = in->data + NGX_ER_SAFE_HEAD;
    text.len = in->len - NGX_ER_SAFE_HEAD;
    out->len = in->len - NGX_ER_SAFE_MORE;

    rc = ngx_er_safe_crypto->open(key, text.data - NGX_ER_SAFE_NONCE, &ad,
                                  &text, out->data);

    if (rc != NGX_OK) {
        ngx_memzero(out->data, out->len);
        out->len = 0;
    }

    return rc == NGX_DECLINED ? NGX_ABORT : rc;
}


static void
ngx_er_safe_where(ngx_er_safe_place_t *place, u_char *head, u_char *p)
{
    p = ngx_cpymem(p, head, NGX_ER_SAFE_HEAD);

    *p++ = place->kind;

    p = ngx_er_safe_write(p, place->number[0]);
    p = ngx_er_safe_write(p, place->number[1]);
    (void) ngx_er_safe_write(p, place->number[2]);
}


static u_char *
ngx_er_safe_write(u_char *p, uint64_t n)
{
    ngx_int_t  i;

    for (i = 56; i >= 0; i -= 8) {
        *p++ = (u_char) (n >> i);
    }

    return p;
}


static uint64_t
ngx_er_safe_number(u_char *p)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | p[i];
    }

    return n;
}


ngx_int_t
ngx_er_safe_hash(ngx_er_safe_t *safe, ngx_uint_t i, ngx_str_t *text,
    u_char *hash)
{
    u_char     whole[32];
    ngx_int_t  rc;

    rc = ngx_er_safe_crypto->mac(safe->keys[i].hash, text->data, text->len,
                                 whole);

    if (rc == NGX_OK) {
        ngx_memcpy(hash, whole, NGX_ER_SAFE_HASH);
    }

    return rc;
}


uint64_t
ngx_er_safe_found(ngx_er_safe_t *safe, ngx_uint_t i, uint64_t hash)
{
    u_char      data[8], sum[NGX_ER_SAFE_HASH];
    ngx_str_t   text;

    if (safe == NULL || i >= safe->n) {
        return hash;
    }

    text.data = data;
    text.len = ngx_er_safe_write(data, hash) - data;

    if (ngx_er_safe_hash(safe, i, &text, sum) != NGX_OK) {
        return 0;
    }

    return ngx_er_safe_number(sum) | 1;
}
