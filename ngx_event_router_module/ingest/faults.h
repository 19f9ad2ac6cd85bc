
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Faults of producers, in error.log: a warning a second, not a thousand.
 */


#ifndef _NGX_ER_FAULTS_H_INCLUDED_
#define _NGX_ER_FAULTS_H_INCLUDED_


#include "../event_router.h"


/*
 * The level at which a fault of the source's producer is logged: "warn" for
 * the first one within a second, "info" for all others of it, which are
 * counted and told when the second is over.
 */
ngx_uint_t ngx_er_faults_level(ngx_er_source_t *source);


#endif /* _NGX_ER_FAULTS_H_INCLUDED_ */
