
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Pools as nginx has them: small things one behind the other in blocks, large
 * ones by malloc().  Measurements link it in front of t/unit/core.c, whose
 * pools take everything from malloc(), so that a sanitizer sees it.
 */


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct block_s  block_t;

struct block_s {
    block_t    *next;
    u_char     *last;
    u_char     *end;
};


/* "chain" is the blocks, "large" a list of its own */

typedef struct {
    ngx_pool_t    pool;
    block_t      *blocks;
    block_t      *large;
    size_t        size;
} bench_pool_t;


static void *bench_alloc(ngx_pool_t *pool, size_t size, size_t alignment);


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    bench_pool_t  *bp;

    bp = malloc(size);
    if (bp == NULL) {
        return NULL;
    }

    ngx_memzero(bp, sizeof(bench_pool_t) + sizeof(block_t));

    bp->pool.log = log;
    bp->pool.max = ngx_min(size - sizeof(bench_pool_t) - sizeof(block_t),
                           4095);
    bp->size = size;
    bp->blocks = (block_t *) (bp + 1);
    bp->blocks->last = (u_char *) (bp->blocks + 1);
    bp->blocks->end = (u_char *) bp + size;

    return &bp->pool;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    block_t       *b, *next;
    bench_pool_t  *bp;

    bp = (bench_pool_t *) pool;

    for (b = bp->large; b; b = next) {
        next = b->next;
        free(b);
    }

    for (b = bp->blocks; b != (block_t *) (bp + 1); b = next) {
        next = b->next;
        free(b);
    }

    free(bp);
}


static void *
bench_alloc(ngx_pool_t *pool, size_t size, size_t alignment)
{
    u_char        *p;
    block_t       *b;
    bench_pool_t  *bp;

    bp = (bench_pool_t *) pool;

    if (size > pool->max) {
        b = malloc(sizeof(block_t) + size);
        if (b == NULL) {
            return NULL;
        }

        b->next = bp->large;
        bp->large = b;

        return b + 1;
    }

    b = bp->blocks;
    p = ngx_align_ptr(b->last, alignment);

    if (p > b->end || (size_t) (b->end - p) < size) {
        b = malloc(bp->size);
        if (b == NULL) {
            return NULL;
        }

        b->next = bp->blocks;
        b->end = (u_char *) b + bp->size;
        bp->blocks = b;

        p = ngx_align_ptr((u_char *) (b + 1), alignment);
    }

    b->last = p + size;

    return p;
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    return bench_alloc(pool, size, NGX_ALIGNMENT);
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return bench_alloc(pool, size, 1);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = bench_alloc(pool, size, NGX_ALIGNMENT);

    return p ? memset(p, 0, size) : NULL;
}


/* only large ones are freed */

ngx_int_t
ngx_pfree(ngx_pool_t *pool, void *p)
{
    block_t       *b, **last;
    bench_pool_t  *bp;

    bp = (bench_pool_t *) pool;

    for (last = &bp->large; *last; last = &(*last)->next) {
        b = *last;

        if (b + 1 == p) {
            *last = b->next;
            free(b);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
