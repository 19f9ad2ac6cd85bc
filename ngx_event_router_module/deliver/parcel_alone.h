
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A call of one event to a target whose calls have several ("batch").
 */


#ifndef _NGX_ER_PARCEL_ALONE_H_INCLUDED_
#define _NGX_ER_PARCEL_ALONE_H_INCLUDED_


#include "parcel_conf.h"
#include "attempt.h"


/*
 * What the attempt sends, before it is started: its event as the only one of a
 * call; "mapped" is what it was mapped to, or NULL.  NGX_DECLINED: it cannot
 * be in one, "why" is a phrase; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parcel_alone(ngx_er_attempt_t *attempt,
    ngx_er_mapped_t *mapped, const char **why);


#endif /* _NGX_ER_PARCEL_ALONE_H_INCLUDED_ */
