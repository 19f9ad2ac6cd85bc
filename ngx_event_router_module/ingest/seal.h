
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Seals: a secret that was sent, kept so that it can be recognized and not
 * read.
 */


#ifndef _NGX_ER_SEAL_H_INCLUDED_
#define _NGX_ER_SEAL_H_INCLUDED_


#include "crypto.h"


#define NGX_ER_SEAL_SALT  16
#define NGX_ER_SEAL_LEN   65           /* "~" and 64 digits */


/* the seal of a secret's SHA-256; "out" has NGX_ER_SEAL_LEN bytes */
void ngx_er_seal(u_char *salt, u_char *sum, u_char *out);

/* 1: the text is the seal of that secret */
ngx_uint_t ngx_er_seal_fits(u_char *salt, u_char *sum, ngx_str_t *text);


#endif /* _NGX_ER_SEAL_H_INCLUDED_ */
