
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a target gets.
 */


#ifndef _NGX_ER_OUTGOING_H_INCLUDED_
#define _NGX_ER_OUTGOING_H_INCLUDED_


#include "attempt.h"


/* request line, body and headers of the carrier's request; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_outgoing_fill(ngx_er_attempt_t *attempt);

/* at configuration time, when the target knows its location; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_outgoing_target(ngx_conf_t *cf, ngx_er_target_t *target);


#endif /* _NGX_ER_OUTGOING_H_INCLUDED_ */
