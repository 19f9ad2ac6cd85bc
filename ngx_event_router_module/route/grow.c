
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An array that grows (grow.h).  index.c collects in such arrays what it then
 * packs: a pool would keep every array that became too small.  Whoever has one
 * frees it.  Memory is what may fail.
 */


#include "grow.h"


#define NGX_ER_GROW_FIRST  64          /* elements */


void *
ngx_er_grow(ngx_er_grow_t *g, ngx_log_t *log)
{
    void        *elts;
    ngx_uint_t   max;

    if (g->n == g->max) {
        max = g->max ? g->max * 2 : NGX_ER_GROW_FIRST;

        elts = ngx_calloc(max * g->size, log);
        if (elts == NULL) {
            return NULL;
        }

        if (g->n) {
            ngx_memcpy(elts, g->elts, g->n * g->size);
            ngx_free(g->elts);
        }

        g->elts = elts;
        g->max = max;
    }

    return (u_char *) g->elts + g->n++ * g->size;
}


void
ngx_er_grow_free(ngx_er_grow_t *g)
{
    if (g->elts) {
        ngx_free(g->elts);
        g->elts = NULL;
    }
}
