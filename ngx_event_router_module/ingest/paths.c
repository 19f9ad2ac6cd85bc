
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The trie of named paths (paths.h).  ngx_er_fields_add() adds to it while
 * nginx.conf is read, the scanner only asks.  Everything is in the pool of the
 * configuration, keys are copied; the only thing that can fail is memory.
 *
 * Keys are found by hash, with no seed: the table holds what an administrator
 * wrote, a sender of events cannot add to it.
 */


#include "paths.h"


static ngx_er_node_t *ngx_er_node_create(ngx_er_paths_t *paths,
    ngx_er_step_t *step);
static ngx_er_node_t *ngx_er_node_add(ngx_er_paths_t *paths,
    ngx_er_node_t *node, ngx_er_step_t *step);
static ngx_er_node_t *ngx_er_node_find(ngx_er_node_t *node,
    ngx_er_step_t *step);
static ngx_int_t ngx_er_node_grow(ngx_er_paths_t *paths, ngx_er_node_t *node);


ngx_er_paths_t *
ngx_er_paths_create(ngx_pool_t *pool)
{
    ngx_er_step_t    step;
    ngx_er_paths_t  *paths;

    paths = ngx_pcalloc(pool, sizeof(ngx_er_paths_t));
    if (paths == NULL) {
        return NULL;
    }

    paths->pool = pool;

    ngx_str_null(&step.key);
    step.index = NGX_ER_STEP_KEY;

    paths->root = ngx_er_node_create(paths, &step);
    if (paths->root == NULL) {
        return NULL;
    }

    return paths;
}


ngx_int_t
ngx_er_paths_add(ngx_er_paths_t *paths, ngx_array_t *steps, ngx_uint_t slot)
{
    ngx_uint_t      i, *p;
    ngx_er_node_t  *node, *next;
    ngx_er_step_t  *step;

    node = paths->root;
    step = steps->elts;

    for (i = 0; i < steps->nelts; i++) {

        next = ngx_er_node_find(node, &step[i]);

        if (next == NULL) {
            next = ngx_er_node_add(paths, node, &step[i]);
            if (next == NULL) {
                return NGX_ERROR;
            }
        }

        node = next;
    }

    p = ngx_array_push(&node->slots);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = slot;
    paths->slots = ngx_max(paths->slots, slot + 1);

    return NGX_OK;
}


static ngx_er_node_t *
ngx_er_node_find(ngx_er_node_t *node, ngx_er_step_t *step)
{
    ngx_er_node_t  *next;

    if (step->index == NGX_ER_STEP_KEY) {
        return ngx_er_node_key(node, step->key.data, step->key.len);
    }

    if (step->index == NGX_ER_STEP_ANY) {
        return node->any;
    }

    if (step->index >= 0) {
        return ngx_er_node_element(node, step->index);
    }

    for (next = node->tails; next; next = next->next) {
        if (next->index == step->index) {
            return next;
        }
    }

    return NULL;
}


static ngx_er_node_t *
ngx_er_node_create(ngx_er_paths_t *paths, ngx_er_step_t *step)
{
    ngx_er_node_t  *node;

    node = ngx_pcalloc(paths->pool, sizeof(ngx_er_node_t));
    if (node == NULL) {
        return NULL;
    }

    if (ngx_array_init(&node->slots, paths->pool, 1, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NULL;
    }

    node->index = step->index;
    node->id = paths->nodes++;

    if (step->index != NGX_ER_STEP_KEY) {
        return node;
    }

    node->key.len = step->key.len;
    node->key.data = ngx_pnalloc(paths->pool, ngx_max(step->key.len, 1));
    if (node->key.data == NULL) {
        return NULL;
    }

    if (step->key.len) {
        ngx_memcpy(node->key.data, step->key.data, step->key.len);
    }

    node->hash = ngx_er_hash(node->key.data, node->key.len);

    paths->longest = ngx_max(paths->longest, step->key.len);

    return node;
}


static ngx_er_node_t *
ngx_er_node_add(ngx_er_paths_t *paths, ngx_er_node_t *node,
    ngx_er_step_t *step)
{
    ngx_er_node_t  *next, **bucket;

    if (step->index == NGX_ER_STEP_KEY && node->nkeys == node->nbuckets
        && ngx_er_node_grow(paths, node) != NGX_OK)
    {
        return NULL;
    }

    next = ngx_er_node_create(paths, step);
    if (next == NULL) {
        return NULL;
    }

    if (step->index == NGX_ER_STEP_ANY) {
        node->any = next;
        node->filter = (uint64_t) -1;

        return next;
    }

    if (step->index < 0) {
        next->next = node->tails;
        node->tails = next;
        paths->tails = 1;

        return next;
    }

    if (step->index != NGX_ER_STEP_KEY) {
        next->next = node->elements;
        node->elements = next;

        return next;
    }

    bucket = &node->buckets[next->hash & (node->nbuckets - 1)];

    next->next = *bucket;
    *bucket = next;

    node->nkeys++;
    node->filter |= ngx_er_node_bit(next->key.data, next->key.len);

    return next;
}


static ngx_int_t
ngx_er_node_grow(ngx_er_paths_t *paths, ngx_er_node_t *node)
{
    ngx_uint_t      i, n;
    ngx_er_node_t  *key, *next, **buckets, **bucket;

    n = node->nbuckets ? 2 * node->nbuckets : 2;

    buckets = ngx_pcalloc(paths->pool, n * sizeof(ngx_er_node_t *));
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < node->nbuckets; i++) {

        for (key = node->buckets[i]; key; key = next) {
            next = key->next;
            bucket = &buckets[key->hash & (n - 1)];

            key->next = *bucket;
            *bucket = key;
        }
    }

    node->buckets = buckets;
    node->nbuckets = n;

    return NGX_OK;
}


ngx_er_node_t *
ngx_er_node_key(ngx_er_node_t *node, u_char *key, size_t len)
{
    uint32_t        hash;
    ngx_er_node_t  *next;

    if ((node->filter & ngx_er_node_bit(key, len)) == 0 || node->nkeys == 0) {
        return NULL;
    }

    hash = ngx_er_hash(key, len);

    for (next = node->buckets[hash & (node->nbuckets - 1)];
         next;
         next = next->next)
    {
        if (next->hash == hash && next->key.len == len
            && ngx_memcmp(next->key.data, key, len) == 0)
        {
            return next;
        }
    }

    return NULL;
}


ngx_er_node_t *
ngx_er_node_element(ngx_er_node_t *node, ngx_uint_t index)
{
    ngx_er_node_t  *next;

    for (next = node->elements; next; next = next->next) {
        if ((ngx_uint_t) next->index == index) {
            return next;
        }
    }

    return NULL;
}
