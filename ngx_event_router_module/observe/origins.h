
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Origins: whether the sources of dead letters may publish to the target that
 * an operator would have them delivered to.
 */


#ifndef _NGX_ER_ORIGINS_H_INCLUDED_
#define _NGX_ER_ORIGINS_H_INCLUDED_


#include "../deliver/publishers.h"
#include "../store/queue.h"


/* NGX_OK: all may; NGX_DECLINED: one may not; NGX_ERROR: the store failed, or
   there is no memory */
typedef void (*ngx_er_origins_pt)(void *data, ngx_int_t rc);

/*
 * Of the dead letters that the filter lets through, which stays until the
 * handler is called: from an event of the loop, exactly once.  "to" has a
 * "from".  NGX_ERROR: no memory, it will not be called.
 */
ngx_int_t ngx_er_origins(ngx_er_queue_t *queue, ngx_er_queue_filter_t *filter,
    ngx_er_target_t *to, ngx_er_origins_pt handler, void *data);

/* the same of entries that were listed with their records: NGX_OK, or
   NGX_DECLINED */
ngx_int_t ngx_er_origins_may(ngx_er_target_t *to, ngx_array_t *entries);


#endif /* _NGX_ER_ORIGINS_H_INCLUDED_ */
