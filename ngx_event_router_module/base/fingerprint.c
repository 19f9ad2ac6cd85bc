
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fingerprints of bodies, for dedup keys that never leave the shared memory of
 * this nginx: key.c asks for them, and store/memory.c keeps the secret beside
 * the keys, so that all workers have the same one and a reload keeps it.  It
 * is the only file that includes xxHash (https://xxhash.com), of which the
 * header is enough: nothing is linked.
 *
 * XXH3 is no cryptographic hash.  Without its secret nobody can find two texts
 * that collide, and fingerprints are shown to nobody.  But its sums of stripes
 * are simple: for texts that differ in two places by what somebody has thought
 * out, about one secret in 2^33 makes the difference vanish, and all 128 bits
 * with it.  So there are two secrets, and both would have to.
 */


#include "fingerprint.h"

#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>


#define NGX_ER_FINGERPRINT_HALF  (NGX_ER_FINGERPRINT_SECRET / 2)


typedef u_char  ngx_er_fingerprint_fits_t[
    NGX_ER_FINGERPRINT_HALF >= XXH3_SECRET_SIZE_MIN
    && NGX_ER_FINGERPRINT == 2 * sizeof(XXH128_canonical_t) ? 1 : -1];


/* up to 256 bytes come at once, whatever signals there are */

ngx_int_t
ngx_er_fingerprint_secret(u_char *secret)
{
    ngx_uint_t  i;

    for (i = 0; i < 2; i++) {
        if (getrandom(secret + i * NGX_ER_FINGERPRINT_HALF,
                      NGX_ER_FINGERPRINT_HALF, 0)
            != NGX_ER_FINGERPRINT_HALF)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_er_fingerprint(u_char *secret, ngx_str_t *text, u_char *out)
{
    ngx_uint_t          i;
    XXH128_canonical_t  canonical;

    for (i = 0; i < 2; i++) {
        XXH128_canonicalFromHash(&canonical,
            XXH3_128bits_withSecret(text->data, text->len,
                                    secret + i * NGX_ER_FINGERPRINT_HALF,
                                    NGX_ER_FINGERPRINT_HALF));

        ngx_memcpy(out + i * sizeof(canonical), &canonical, sizeof(canonical));
    }
}
