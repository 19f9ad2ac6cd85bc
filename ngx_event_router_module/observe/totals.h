
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What was counted, as one row of a store: taken from the shared zone, and
 * added to it again.
 */


#ifndef _NGX_ER_TOTALS_H_INCLUDED_
#define _NGX_ER_TOTALS_H_INCLUDED_


#include "counters.h"


/* whose a row is */

typedef struct {
    ngx_er_counter_set_t  *set;        /* NULL: of routes, */
    ngx_uint_t             part;       /* of which part */
} ngx_er_totals_t;


/* init_process; NGX_ERROR: no memory */
ngx_int_t ngx_er_totals_init(ngx_pool_t *pool);

/* another value as soon as something is counted, and 0 if nothing was */
uint64_t ngx_er_totals_print(ngx_er_counters_t *counters,
    ngx_er_totals_t *totals);

/* the row's id and value, which is in the pool; NGX_ERROR: no memory */
ngx_int_t ngx_er_totals_take(ngx_er_counters_t *counters,
    ngx_er_totals_t *totals, ngx_pool_t *pool, uint64_t *id, ngx_str_t *value);

/*
 * NGX_OK: what the row says was added, once, if there is still whose it is.
 * NGX_DECLINED: it is damaged, NGX_ABORT: of another version, NGX_ERROR: no
 * memory; nothing was added.  "pool" is for the time of the call.
 */
ngx_int_t ngx_er_totals_add(ngx_slab_pool_t *shpool, uint64_t id,
    ngx_str_t *value, ngx_pool_t *pool);


#endif /* _NGX_ER_TOTALS_H_INCLUDED_ */
