
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Origins: whether the sources of entries may publish to the target that an
 * operator would have them delivered to.
 */


#ifndef _NGX_ER_ORIGINS_H_INCLUDED_
#define _NGX_ER_ORIGINS_H_INCLUDED_


#include "../deliver/publishers.h"
#include "../store/queue.h"


/* NGX_OK: all may; NGX_DECLINED: one may not; NGX_ERROR: the store failed, or
   there is no memory */
typedef void (*ngx_er_origins_pt)(void *data, ngx_int_t rc);

/*
 * Of the entries that the filter lets through, dead letters or what waits; the
 * filter stays until the handler is called: from an event of the loop, exactly
 * once.  "to" has a "from".  NGX_ERROR: no memory, it will not be called.
 */
ngx_int_t ngx_er_origins(ngx_er_queue_t *queue, ngx_er_queue_filter_t *filter,
    ngx_uint_t dead, ngx_er_target_t *to, ngx_er_origins_pt handler,
    void *data);


#endif /* _NGX_ER_ORIGINS_H_INCLUDED_ */
