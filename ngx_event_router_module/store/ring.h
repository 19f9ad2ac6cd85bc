
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The latest records of history in shared memory, for events that no store
 * keeps: a ring of bytes, in which a new record takes the place of the oldest
 * ones.  Pure.
 */


#ifndef _NGX_ER_RING_H_INCLUDED_
#define _NGX_ER_RING_H_INCLUDED_


#include "history.h"


#define NGX_ER_RING_RECORD  131072     /* bytes of the largest record */


/* at the beginning of its memory; all 0: empty */

typedef struct {
    ngx_atomic_t           tail;       /* bytes that are overwritten */
    ngx_atomic_t           head;       /* bytes that were written */
    uint64_t               last;       /* number of the last record */
    uint64_t               size;       /* of the bytes behind this */
} ngx_er_ring_t;


/* of so many bytes of memory, aligned for a word, which are 0 */
void ngx_er_ring_init(ngx_er_ring_t *ring, size_t size);

/*
 * A record, which gets a number of its own, at "now" ms; nobody else writes
 * meanwhile.  0: it is too large.  A writer that dies in it leaves what was
 * there before.
 */
uint64_t ngx_er_ring_put(ngx_er_ring_t *ring, uint64_t now, uint64_t *hashes,
    ngx_uint_t nhashes, ngx_str_t *chunks);

/* as HISTORY of a store, while others may write: "first" is the number before
   which all is forgotten.  NGX_ERROR: no memory */
ngx_int_t ngx_er_ring_find(ngx_er_ring_t *ring, ngx_er_history_find_t *find,
    uint64_t first, ngx_pool_t *pool);


#endif /* _NGX_ER_RING_H_INCLUDED_ */
