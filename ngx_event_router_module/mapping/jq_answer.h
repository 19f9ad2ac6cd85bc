
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_JQ_ANSWER_H_INCLUDED_
#define _NGX_ER_JQ_ANSWER_H_INCLUDED_


#include "jq_desk.h"


/*
 * What a child said of an event becomes the result of its mapping; "texts" are
 * the head->size bytes behind the head, in mapped->pool.  NGX_OK, or
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_jq_answer(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq,
    ngx_er_jq_head_t *head, u_char *texts);


#endif /* _NGX_ER_JQ_ANSWER_H_INCLUDED_ */
