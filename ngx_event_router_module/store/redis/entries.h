
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries in replies.
 */


#ifndef _NGX_ER_REDIS_ENTRIES_H_INCLUDED_
#define _NGX_ER_REDIS_ENTRIES_H_INCLUDED_


#include "walk.h"


/* op->entries is there; NGX_ERROR: no memory */
ngx_int_t ngx_er_redis_entries(ngx_er_queue_op_t *op);

/* NGX_ER_REDIS_FIELDS elements are one more; "shift" as in element.h */
ngx_int_t ngx_er_redis_entry(ngx_er_queue_op_t *op, redisReply **part,
    int64_t shift);

/* what the operation has overtaken, one text */
ngx_int_t ngx_er_redis_entry_overtaken(ngx_er_queue_op_t *op,
    redisReply *text);


#endif /* _NGX_ER_REDIS_ENTRIES_H_INCLUDED_ */
