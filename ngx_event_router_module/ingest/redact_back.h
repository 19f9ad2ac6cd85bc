
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A body that an operator has edited, with "***" for what was not shown.
 */


#ifndef _NGX_ER_REDACT_BACK_H_INCLUDED_
#define _NGX_ER_REDACT_BACK_H_INCLUDED_


#include "redact.h"


/*
 * Somebody has edited what was shown of "old", and it came back as "body".
 * NGX_OK: *out has the old values where "***" stands for them.  NGX_DECLINED:
 * it is not known for which value a "***" stands, *err says so.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_er_redact_restore(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *old, ngx_er_redact_body_t *body, ngx_str_t *out,
    ngx_er_error_t *err);


#endif /* _NGX_ER_REDACT_BACK_H_INCLUDED_ */
