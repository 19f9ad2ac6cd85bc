
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Events of which nothing is sent to a target, as its "body" says.
 */


#ifndef _NGX_ER_UNMAPPED_H_INCLUDED_
#define _NGX_ER_UNMAPPED_H_INCLUDED_


#include "fanout.h"


/*
 * Of a source that delivers at once: what the delivery ends as, FILTERED or
 * FAILED; then its "error" is set, and error.log has it.  "mapped" is NULL if
 * there was no memory, or has no cargo, or more than the one that is sent.
 */
ngx_er_delivery_state_e ngx_er_unmapped(ngx_er_delivery_t *d,
    ngx_er_mapped_t *mapped);

/* what a dead letter is told in the place of an answer, in the pool; empty: no
   memory */
void ngx_er_unmapped_answer(ngx_pool_t *pool, ngx_er_mapped_t *mapped,
    ngx_str_t *answer);


#endif /* _NGX_ER_UNMAPPED_H_INCLUDED_ */
