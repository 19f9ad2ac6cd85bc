
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Numbers of JSON that go through a double and come back as they were.  Pure.
 */


#ifndef _NGX_ER_JQ_NUMBER_H_INCLUDED_
#define _NGX_ER_JQ_NUMBER_H_INCLUDED_


#include "../base/base.h"


/*
 * 1: what a double prints that was read from this number of a checked document
 * has the same decimal value; the way it is written may differ (1.10 is 1.1,
 * 1e2 is 100).
 */
ngx_uint_t ngx_er_jq_number_kept(ngx_str_t *text);


#endif /* _NGX_ER_JQ_NUMBER_H_INCLUDED_ */
