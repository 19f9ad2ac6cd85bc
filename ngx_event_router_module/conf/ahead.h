
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What nginx will read next of nginx.conf, seen before it does.
 */


#ifndef _NGX_ER_AHEAD_H_INCLUDED_
#define _NGX_ER_AHEAD_H_INCLUDED_


#include "../base/base.h"


/*
 * 1: the next directive is "name" and begins a block.  file: look at the first
 * directive of this file, or NULL: behind what was read of the file that is
 * being read.  0 also if it cannot be seen: nginx will say what is wrong.
 */
ngx_uint_t ngx_er_ahead_opens(ngx_conf_t *cf, ngx_str_t *file,
    const char *name);


#endif /* _NGX_ER_AHEAD_H_INCLUDED_ */
