
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a store buried by itself is counted and told.
 */


#ifndef _NGX_ER_GRAVES_H_INCLUDED_
#define _NGX_ER_GRAVES_H_INCLUDED_


#include "../event_router.h"
#include "../store/entry.h"


/* the dead letters of op->graves */
void ngx_er_graves_told(ngx_er_queue_op_t *op);


#endif /* _NGX_ER_GRAVES_H_INCLUDED_ */
