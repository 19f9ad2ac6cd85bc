
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_JQ_QUESTION_H_INCLUDED_
#define _NGX_ER_JQ_QUESTION_H_INCLUDED_


#include "jq_desk.h"


/* an event as a child gets it, in mapped->pool and of the bytes of the event;
   NULL: no memory */
ngx_chain_t *ngx_er_jq_question(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq);


#endif /* _NGX_ER_JQ_QUESTION_H_INCLUDED_ */
