
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fingerprints: what tells long texts apart by in this nginx, for whoever has
 * the secret, at a fraction of the price of SHA-256.
 */


#ifndef _NGX_ER_FINGERPRINT_H_INCLUDED_
#define _NGX_ER_FINGERPRINT_H_INCLUDED_


#include "base.h"


#define NGX_ER_FINGERPRINT         32  /* bytes of one */
#define NGX_ER_FINGERPRINT_SECRET  384


/* NGX_ERROR: the system has no random bytes, see ngx_errno */
ngx_int_t ngx_er_fingerprint_secret(u_char *secret);

/* "out" has NGX_ER_FINGERPRINT bytes; equal ones mean equal texts, also where
   somebody chose the texts who does not know the secret */
void ngx_er_fingerprint(u_char *secret, ngx_str_t *text, u_char *out);


#endif /* _NGX_ER_FINGERPRINT_H_INCLUDED_ */
