
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An array that grows in memory of its own, for what is needed only while
 * nginx.conf is read: nothing of it is left in a pool.
 */


#ifndef _NGX_ER_GROW_H_INCLUDED_
#define _NGX_ER_GROW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* empty: zeros, but for "size" */

typedef struct {
    void                  *elts;
    size_t                 size;       /* bytes of an element */
    ngx_uint_t             n;
    ngx_uint_t             max;
} ngx_er_grow_t;


/* one more, of zeros; what was there may move.  NULL: no memory */
void *ngx_er_grow(ngx_er_grow_t *g, ngx_log_t *log);

/* its memory goes; how many there were is still known */
void ngx_er_grow_free(ngx_er_grow_t *g);


#endif /* _NGX_ER_GROW_H_INCLUDED_ */
