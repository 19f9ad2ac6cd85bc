
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A body that was packed by gzip, unpacked.
 */


#ifndef _NGX_ER_GUNZIP_H_INCLUDED_
#define _NGX_ER_GUNZIP_H_INCLUDED_


#include "../base/base.h"


/* NGX_OK: "out" is in the pool, of at most "max" bytes; NGX_DECLINED: it is
   not gzip, or larger; NGX_ERROR: no memory */
ngx_int_t ngx_er_gunzip(ngx_pool_t *pool, ngx_str_t *in, size_t max,
    ngx_str_t *out);


#endif /* _NGX_ER_GUNZIP_H_INCLUDED_ */
