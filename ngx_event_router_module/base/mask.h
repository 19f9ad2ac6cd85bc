
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Secrets are made unreadable in what others have said.
 */


#ifndef _NGX_ER_MASK_H_INCLUDED_
#define _NGX_ER_MASK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Writes asterisks over each place of the "n" bytes at "p" where the secret
 * stands, as it is or escaped, also where the text ends in the middle of it.
 * Of a secret with less than four bytes nothing is told from other text: it is
 * left.  Without memory for the comparison the whole text is overwritten.
 */
void ngx_er_mask(u_char *p, size_t n, ngx_str_t *secret, ngx_log_t *log);


#endif /* _NGX_ER_MASK_H_INCLUDED_ */
