
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_JQ_CHECK_H_INCLUDED_
#define _NGX_ER_JQ_CHECK_H_INCLUDED_


#include "../base/base.h"


/*
 * Whether the text, behind which is a zero byte, is a program of jq.  At
 * configuration time: it waits.  NGX_OK, or NGX_ERROR and a sentence, which
 * begins with ":LINE: " where libjq said a line, else with ": ".
 */
ngx_int_t ngx_er_jq_check(u_char *text, ngx_er_error_t *err);


#endif /* _NGX_ER_JQ_CHECK_H_INCLUDED_ */
