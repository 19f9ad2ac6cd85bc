
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where a token is all the proof, a refused request may hold the genuine one:
 * nginx.conf may have the old one still.  So of a request that is kept only a
 * hash of the token is, keyed with a salt that each request has of its own.
 * It says no more than whether a secret of nginx.conf is the one that was
 * sent.  A token that can be guessed can be guessed here, too; a good one
 * cannot.
 *
 * quarantine.c seals, verify.c compares.  A seal begins with "~", which no
 * base64 has.  Nothing here fails.
 */


#include "seal.h"


void
ngx_er_seal(u_char *salt, u_char *sum, u_char *out)
{
    u_char     hash[32];
    ngx_str_t  parts[2];

    parts[0].data = salt;
    parts[0].len = NGX_ER_SEAL_SALT;
    parts[1].data = sum;
    parts[1].len = 32;

    ngx_er_sha256(hash, parts, 2);

    out[0] = '~';
    (void) ngx_hex_dump(out + 1, hash, 32);
}


ngx_uint_t
ngx_er_seal_fits(u_char *salt, u_char *sum, ngx_str_t *text)
{
    u_char  seal[NGX_ER_SEAL_LEN];

    if (text->len != NGX_ER_SEAL_LEN) {
        return 0;
    }

    ngx_er_seal(salt, sum, seal);

    return ngx_er_equal(seal, text->data, NGX_ER_SEAL_LEN);
}
