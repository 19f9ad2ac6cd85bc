
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The primitives by which a message is signed: digests, HMAC, signatures with
 * public keys.  A key is prepared once, when the configuration is read.
 */


#ifndef _NGX_ER_CRYPTO_H_INCLUDED_
#define _NGX_ER_CRYPTO_H_INCLUDED_


#include "encoding.h"
#include "../base/safe.h"


#define NGX_ER_DIGEST_MAX  64


typedef enum {
    NGX_ER_SHA1 = 0,
    NGX_ER_SHA256,
    NGX_ER_SHA384,
    NGX_ER_SHA512,
    NGX_ER_DIGESTS                     /* how many there are */
} ngx_er_digest_e;


typedef enum {
    NGX_ER_KEY_HMAC = 0,
    NGX_ER_KEY_ED25519,
    NGX_ER_KEY_ECDSA,                  /* P-256, SHA-256, DER */
    NGX_ER_KEY_RSA,                    /* PKCS#1 v1.5 */
    NGX_ER_KEY_RSA_PSS
} ngx_er_key_kind_e;


typedef struct ngx_er_key_s  ngx_er_key_t;


size_t ngx_er_digest_len(ngx_er_digest_e digest);

/* 0: this OpenSSL, or its policy, does not know the digest */
ngx_uint_t ngx_er_digest_provided(ngx_er_digest_e digest);

/* "sha256" and so on; NGX_ERROR: no such digest */
ngx_int_t ngx_er_digest_find(ngx_str_t *name);

/* over all parts in their order; NGX_ERROR: OpenSSL failed */
ngx_int_t ngx_er_digest(ngx_er_digest_e digest, ngx_str_t *parts,
    ngx_uint_t nparts, u_char *out);

/* SHA-256, for dedup keys and ids; out has 32 bytes */
void ngx_er_sha256(u_char *out, ngx_str_t *parts, ngx_uint_t nparts);

/*
 * NULL: no memory, or OpenSSL does not know the digest (a build or a policy
 * without SHA-1).  The secret's bytes are not needed any more.
 */
ngx_er_key_t *ngx_er_key_hmac(ngx_pool_t *pool, ngx_er_digest_e digest,
    ngx_str_t *secret);

/*
 * A public key, as "encoding" says: PEM (a certificate too), base64 of the
 * DER of SubjectPublicKeyInfo, or the 32 raw bytes of an ed25519 key in hex or
 * base64.  NULL with a sentence in err; no byte of the key is in it.
 */
ngx_er_key_t *ngx_er_key_public(ngx_pool_t *pool, ngx_er_key_kind_e kind,
    ngx_er_digest_e digest, ngx_er_encoding_e encoding, ngx_str_t *text,
    ngx_er_error_t *err);

/*
 * A private key of ours in PEM, without a passphrase: RSA of 2048 bits and
 * more, ECDSA on P-256 or ed25519, which its kind says.  NULL with a sentence
 * in err; no byte of the key is in it.
 */
ngx_er_key_t *ngx_er_key_private(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_error_t *err);

ngx_er_key_kind_e ngx_er_key_kind(ngx_er_key_t *key);

/*
 * A public key by its numbers, most significant byte first.  "group" names
 * what it is: NULL, RSA with the modulus "a" and the exponent "b"; "P-256",
 * "P-384" or "P-521", the point of "a" and "b", each as long as the group has
 * it; "Ed25519", the 32 bytes of "a".  NULL: no memory, or it is no key that
 * is fit to be used.
 */
ngx_er_key_t *ngx_er_key_numbers(ngx_pool_t *pool, const char *group,
    ngx_str_t *a, ngx_str_t *b);

/*
 * Signs the message itself with a private key: RSA with SHA-256 and PKCS#1
 * v1.5, ECDSA with SHA-256 as JWS has it (r and s, 32 bytes each), ed25519.
 * The length of the signature, of which "size" bytes fit, or NGX_ERROR.
 */
#define NGX_ER_SIGNATURE_MAX  1024     /* RSA of 8192 bits */

ssize_t ngx_er_key_sign(ngx_er_key_t *key, ngx_str_t *message, u_char *out,
    size_t size);

/* NGX_ERROR: OpenSSL failed */
ngx_int_t ngx_er_key_mac(ngx_er_key_t *key, ngx_str_t *parts,
    ngx_uint_t nparts, u_char *out);

/*
 * NGX_OK: the signature is the key's, NGX_DECLINED: it is not, NGX_ERROR: no
 * memory.  "message" is the message itself for ed25519 and its digest (the
 * key's) for all others.
 */
ngx_int_t ngx_er_key_verify(ngx_er_key_t *key, ngx_str_t *message,
    ngx_str_t *signature);

/* the same with another kind of RSA or another digest than the key has */
ngx_int_t ngx_er_key_verify_as(ngx_er_key_t *key, ngx_er_key_kind_e kind,
    ngx_er_digest_e digest, ngx_str_t *message, ngx_str_t *signature);

/*
 * A private key of ed25519, kept in the vault: a PRIVATE KEY block of PEM, or
 * in hex or base64 its 32 bytes, with or without the public key's 32 behind
 * them.  NULL with a sentence in err; no byte of the key is in it.
 */
ngx_er_key_t *ngx_er_key_seed(ngx_pool_t *pool, ngx_er_encoding_e encoding,
    ngx_str_t *text, ngx_er_error_t *err);

/* out has 64 bytes; NGX_ERROR: OpenSSL failed */
ngx_int_t ngx_er_key_seed_sign(ngx_er_key_t *key, ngx_str_t *message,
    u_char *out);

/* an ECDSA signature as JWS has it (r and s, "half" bytes each) to DER */
ssize_t ngx_er_ecdsa_der(u_char *raw, size_t half, u_char *der, size_t size);

/* without OpenSSL's they are nginx's own, which can be guessed */
void ngx_er_random(u_char *out, size_t len);

/* what safes are made of */
const ngx_er_safe_crypto_t *ngx_er_crypto_safe(void);

/* 1: equal; the time it takes does not depend on where they differ */
ngx_uint_t ngx_er_equal(const u_char *a, const u_char *b, size_t len);


#endif /* _NGX_ER_CRYPTO_H_INCLUDED_ */
