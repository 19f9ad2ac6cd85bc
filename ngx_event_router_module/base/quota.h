
/*
 * Copyright (C) Event Router contributors
 */


/*
 * So many a second, of all workers together.
 */


#ifndef _NGX_ER_QUOTA_H_INCLUDED_
#define _NGX_ER_QUOTA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* in shared memory; zeros at the start */

typedef ngx_atomic_t  ngx_er_quota_t;


/* one more at the time "now", as this worker has it, in seconds; "most" is
   below 65536.  1: it is one of those of this second */
ngx_uint_t ngx_er_quota_take(ngx_er_quota_t *quota, time_t now,
    ngx_uint_t most);


#endif /* _NGX_ER_QUOTA_H_INCLUDED_ */
