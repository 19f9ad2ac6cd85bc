
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a store keeps, sealed: AES-256-GCM (NIST SP 800-38D), and
 * hashes with a key for what is only looked for.  Pure.
 *
 * A sealed text, all of it bytes:
 *
 *     magic      4     8c 'E' 'R' 1
 *     key        8     which one: the first bytes of its own hash
 *     salt       16    of the process that sealed it
 *     nonce      12    counts what that process has sealed
 *     text       n
 *     tag        16
 *
 * The key that seals is HMAC-SHA256 of the salt under the key of the file, so
 * no two processes use the same one, and no nonce is used twice.
 */


#ifndef _NGX_ER_SAFE_H_INCLUDED_
#define _NGX_ER_SAFE_H_INCLUDED_


#include "base.h"


#define NGX_ER_SAFE_KEYS   16          /* in a file at most */
#define NGX_ER_SAFE_HEAD   40          /* bytes before the text */
#define NGX_ER_SAFE_MORE   56          /* bytes that a sealed text has more */
#define NGX_ER_SAFE_FILE   8192        /* bytes of a file of keys at most */
#define NGX_ER_SAFE_HASH   16


typedef struct ngx_er_safe_s  ngx_er_safe_t;


/*
 * What sealing is made of, which ingest/crypto.c has (base knows nobody).  In
 * any thread; all keys have 32 bytes, a nonce 12, a tag 16.  NGX_ERROR means
 * that OpenSSL failed or that there was no memory.
 *
 * seal() writes in->len bytes and the tag behind them; open() reads the same,
 * in->len with the tag, NGX_DECLINED: it is not what was sealed.  "ad" is what
 * the tag covers besides.
 */

typedef struct {
    ngx_int_t            (*seal)(u_char *key, u_char *nonce, ngx_str_t *ad,
                             ngx_str_t *in, u_char *out);
    ngx_int_t            (*open)(u_char *key, u_char *nonce, ngx_str_t *ad,
                             ngx_str_t *in, u_char *out);
    ngx_int_t            (*mac)(u_char *key, u_char *data, size_t len,
                             u_char *out);     /* HMAC-SHA256, 32 bytes */
    ngx_int_t            (*random)(u_char *out, size_t len);
} ngx_er_safe_crypto_t;


/* before any key is read */
void ngx_er_safe_init(const ngx_er_safe_crypto_t *crypto);


/*
 * Where it lies: what was sealed for one place is not opened at another one.
 * In stores, so letters never change their meaning.
 */

typedef struct {
    u_char                 kind;       /* 'r' record, 'a' answer, 's' shelf,
                                          'h' history */
    uint64_t               number[3];  /* of the event and the like */
} ngx_er_safe_place_t;


/*
 * Reads a file of keys: a line each, 32 bytes in base64 or hex; empty lines
 * and those that begin with "#" are skipped.  The first key seals, all open.
 * The keys lie in the vault of the pool.  NGX_OK, or NGX_ERROR with a sentence
 * that has no byte of the file.
 */
ngx_int_t ngx_er_safe_create(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_safe_t **safe, ngx_er_error_t *err);

/* "out" has room for in->len + NGX_ER_SAFE_MORE bytes, which it gets; in any
   thread.  NGX_ERROR: OpenSSL failed, no memory */
ngx_int_t ngx_er_safe_seal(ngx_er_safe_t *safe, ngx_er_safe_place_t *place,
    ngx_str_t *in, u_char *out);

/*
 * "out" has room for in->len bytes and gets what was sealed; out->len is set.
 * "safe" may be NULL: there are no keys.  NGX_DECLINED: it is not sealed;
 * NGX_ABORT: it was changed, or was sealed for another place; NGX_BUSY: there
 * is no such key, or it is not sealed and must be; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_safe_open(ngx_er_safe_t *safe, ngx_er_safe_place_t *place,
    ngx_str_t *in, ngx_str_t *out);

/* from now on what is not sealed is not read; 1: so it is */
void ngx_er_safe_strict(ngx_er_safe_t *safe);
ngx_uint_t ngx_er_safe_is_strict(ngx_er_safe_t *safe);

/* which key a sealed text needs, 0: it is not sealed; and whether it is there:
   0: no, else one more than its number.  What is printed of it are 16 digits,
   which tell nothing of the key */
uint64_t ngx_er_safe_key(ngx_str_t *in);
ngx_uint_t ngx_er_safe_has(ngx_er_safe_t *safe, uint64_t key);

/* of the key that seals, and how many there are */
uint64_t ngx_er_safe_first(ngx_er_safe_t *safe);
ngx_uint_t ngx_er_safe_count(ngx_er_safe_t *safe);

/* NGX_ER_SAFE_HASH bytes of a text under the key number i, from 0; who looks
   for a text asks under each; NGX_ERROR as above */
ngx_int_t ngx_er_safe_hash(ngx_er_safe_t *safe, ngx_uint_t i, ngx_str_t *text,
    u_char *hash);

/*
 * A hash by which something is found, as it is kept: hashed once more with the
 * key of that number, from 0, so that nobody can try values.  Without keys,
 * and with a number beyond them, it is itself; 0, under which nothing is
 * found, if OpenSSL failed.
 */
uint64_t ngx_er_safe_found(ngx_er_safe_t *safe, ngx_uint_t i, uint64_t hash);


#endif /* _NGX_ER_SAFE_H_INCLUDED_ */
