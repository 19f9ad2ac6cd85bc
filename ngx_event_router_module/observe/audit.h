
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The audit: who did what to the router.
 */


#ifndef _NGX_ER_AUDIT_H_INCLUDED_
#define _NGX_ER_AUDIT_H_INCLUDED_


#include "who.h"


/*
 * An act of an administrator.  "r" is whom it is done for, or NULL: it is
 * gone; "act" a word of ours ("pause"), "noun" the name of the target or the
 * source, or NULL.  "fmt" and what follows, as of ngx_sprintf(), is the
 * beginning of the sentence in error.log: 'deliveries to target "erp" are
 * paused', without anything of the request's.  It goes on "by an operator" and
 * with who it was.
 */
void ngx_cdecl ngx_er_audit(ngx_http_request_t *r, ngx_er_who_t *who,
    const char *act, ngx_str_t *noun, const char *fmt, ...);


#endif /* _NGX_ER_AUDIT_H_INCLUDED_ */
