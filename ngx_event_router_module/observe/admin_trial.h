
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_ADMIN_TRIAL_H_INCLUDED_
#define _NGX_ER_ADMIN_TRIAL_H_INCLUDED_


#include "who.h"


/* POST test of event_admin, when it is known that the client may: what a
   content handler returns.  reveal: with the answer of the target */
ngx_int_t ngx_er_admin_trial(ngx_http_request_t *r, ngx_er_target_t *target,
    ngx_uint_t reveal, ngx_er_who_t *who);


#endif /* _NGX_ER_ADMIN_TRIAL_H_INCLUDED_ */
