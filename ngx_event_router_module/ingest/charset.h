
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Charsets whose ASCII can be read without knowing the rest.
 */


#ifndef _NGX_ER_CHARSET_H_INCLUDED_
#define _NGX_ER_CHARSET_H_INCLUDED_


#include "../base/base.h"


/* "name" as it stands in a Content-Type, in any case; 1: it can be read */
ngx_uint_t ngx_er_charset_readable(ngx_str_t *name);


#endif /* _NGX_ER_CHARSET_H_INCLUDED_ */
