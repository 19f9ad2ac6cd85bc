
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any bytes as a key set.  Beside memory errors it looks for what must always
 * hold: a set that is taken has a key, each of its keys is found by its name,
 * is no shared secret and is for algorithms with a public key only; what is
 * written of it is a set with the same keys, and writing that again changes
 * nothing.
 */


#include "../../ngx_event_router_module/ingest/jwks.h"
#include "../unit/tap.h"


#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
look(ngx_er_jwks_t *set)
{
    ngx_uint_t     i, named, n;
    ngx_er_jwk_t  *jwk;
    ngx_er_key_t  *keys[NGX_ER_JWKS_SAME];

    jwk = set->keys.elts;

    must(set->keys.nelts > 0 && set->keys.nelts <= NGX_ER_JWKS_KEYS);

    for (i = 0; i < set->keys.nelts; i++) {
        must(jwk[i].key != NULL);
        must(ngx_er_key_kind(jwk[i].key) != NGX_ER_KEY_HMAC);
        must(jwk[i].algorithms != 0);
        must((jwk[i].algorithms & ~NGX_ER_JWA_PUBLIC) == 0);
        must(jwk[i].kid.len <= NGX_ER_JWKS_KID);

        n = ngx_er_jwks_find(set, jwk[i].kid.data ? &jwk[i].kid : NULL,
                             jwk[i].algorithms, keys, &named);

        must(n > 0 && n <= NGX_ER_JWKS_SAME && named >= n);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t       rc;
    ngx_str_t       text, once, twice;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_jwks_t  *set, *again;

    pool = ngx_er_test_pool();

    text.data = (u_char *) data;
    text.len = size;
    why = NULL;

    rc = ngx_er_jwks_read(pool, &text, &set, &why);

    must(rc == NGX_OK || (rc == NGX_DECLINED && why));

    if (rc == NGX_OK) {
        look(set);

        rc = ngx_er_jwks_write(pool, set, NULL, NGX_ER_JWKS_KEYS, &once);

        must(rc == NGX_OK || once.len > NGX_ER_JWKS_KEPT);
    }

    if (rc == NGX_OK) {
        must(ngx_er_jwks_read(pool, &once, &again, &why) == NGX_OK);
        must(again->keys.nelts == set->keys.nelts);

        look(again);

        must(ngx_er_jwks_write(pool, again, set, NGX_ER_JWKS_KEYS, &twice)
             == NGX_OK);
        must(twice.len == once.len
             && memcmp(twice.data, once.data, once.len) == 0);
    }

    ngx_destroy_pool(pool);

    return 0;
}
