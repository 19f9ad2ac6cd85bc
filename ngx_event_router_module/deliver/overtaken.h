
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What was overtaken is counted and told.
 */


#ifndef _NGX_ER_OVERTAKEN_H_INCLUDED_
#define _NGX_ER_OVERTAKEN_H_INCLUDED_


#include "../event_router.h"
#include "../store/entry.h"


/* a part of an ACCEPT that is stale */
void ngx_er_overtaken_stale(ngx_er_target_t *target, uint64_t seq);

/* the entries of op->overtaken */
void ngx_er_overtaken_told(ngx_er_queue_op_t *op);


#endif /* _NGX_ER_OVERTAKEN_H_INCLUDED_ */
