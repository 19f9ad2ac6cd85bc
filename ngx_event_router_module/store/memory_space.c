
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Space in the zone of dedup keys: its blocks, and who goes when there are no
 * more.  memory_zone.c calls in here, always under the zone's mutex.
 *
 * Everything in the zone is a block of 128 bytes: an entry, or a chunk of
 * settled targets of an entry.  So memory never splinters, and to throw out
 * one entry always makes room for another.  When the zone is full, what has
 * expired goes first, then the oldest done or released key, then an abandoned
 * claim, and only if nothing else is left one with a running lease: then an
 * event could be delivered twice at once, which is logged.
 *
 * Nothing is logged here: that such an entry went is noted for whoever unlocks
 * the zone.  A block cannot be had only if no entry is left but the one being
 * worked on.
 */


#include "memory_zone.h"


#define NGX_ER_MEMORY_SCAN   32        /* entries looked at for an expired or
                                          abandoned one */


/* both fit into a block, or this does not compile */

typedef u_char  ngx_er_memory_fits_t[
    sizeof(ngx_er_memory_chunk_t) <= NGX_ER_MEMORY_BLOCK
    && offsetof(ngx_rbtree_node_t, color) + sizeof(ngx_er_memory_entry_t)
       <= NGX_ER_MEMORY_BLOCK ? 1 : -1];


static ngx_int_t ngx_er_memory_evict(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *keep);
static ngx_er_memory_entry_t *ngx_er_memory_scan(ngx_queue_t *queue,
    ngx_er_memory_entry_t *keep, ngx_uint_t abandoned);
static ngx_er_memory_entry_t *ngx_er_memory_oldest(ngx_queue_t *queue,
    ngx_er_memory_entry_t *keep);


void *
ngx_er_memory_alloc(ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep)
{
    void  *p;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(memory->shpool, NGX_ER_MEMORY_BLOCK);

        if (p || ngx_er_memory_evict(memory, keep) != NGX_OK) {
            return p;
        }
    }
}


/* "keep" is the entry that is being worked on, or NULL */

static ngx_int_t
ngx_er_memory_evict(ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep)
{
    ngx_er_memory_sh_t     *sh;
    ngx_er_memory_entry_t  *entry;

    sh = memory->sh;

    entry = ngx_er_memory_scan(&sh->idle, keep, 0);

    if (entry == NULL) {
        entry = ngx_er_memory_scan(&sh->held, keep, 0);
    }

    if (entry) {
        ngx_er_memory_remove(memory, entry);
        return NGX_OK;
    }

    entry = ngx_er_memory_oldest(&sh->idle, keep);

    if (entry == NULL) {
        entry = ngx_er_memory_scan(&sh->held, keep, 1);
    }

    if (entry == NULL) {
        entry = ngx_er_memory_oldest(&sh->held, keep);

        if (entry == NULL) {
            return NGX_DECLINED;
        }

        sh->forced++;
        sh->warn = 1;
    }

    sh->evicted++;
    ngx_er_memory_remove(memory, entry);

    return NGX_OK;
}


/* an expired entry, or an abandoned one, among the oldest */

static ngx_er_memory_entry_t *
ngx_er_memory_scan(ngx_queue_t *queue, ngx_er_memory_entry_t *keep,
    ngx_uint_t abandoned)
{
    ngx_uint_t              i;
    ngx_queue_t            *q;
    ngx_er_memory_entry_t  *entry;

    q = ngx_queue_last(queue);

    for (i = 0; i < NGX_ER_MEMORY_SCAN && q != queue; i++) {
        entry = ngx_queue_data(q, ngx_er_memory_entry_t, queue);

        if (entry != keep
            && ngx_er_memory_past(abandoned ? entry->u.lease : entry->expires))
        {
            return entry;
        }

        q = ngx_queue_prev(q);
    }

    return NULL;
}


static ngx_er_memory_entry_t *
ngx_er_memory_oldest(ngx_queue_t *queue, ngx_er_memory_entry_t *keep)
{
    ngx_queue_t            *q;
    ngx_er_memory_entry_t  *entry;

    for (q = ngx_queue_last(queue); q != queue; q = ngx_queue_prev(q)) {
        entry = ngx_queue_data(q, ngx_er_memory_entry_t, queue);

        if (entry != keep) {
            return entry;
        }
    }

    return NULL;
}


/* two a call: more than are added, so the zone empties by itself */

void
ngx_er_memory_expire(ngx_er_memory_t *memory)
{
    ngx_uint_t              i;
    ngx_queue_t            *queue[2];
    ngx_er_memory_entry_t  *entry;

    queue[0] = &memory->sh->idle;
    queue[1] = &memory->sh->held;

    for (i = 0; i < 2; i++) {
        entry = ngx_er_memory_oldest(queue[i], NULL);

        if (entry && ngx_er_memory_past(entry->expires)) {
            ngx_er_memory_remove(memory, entry);
        }
    }
}


void
ngx_er_memory_remove(ngx_er_memory_t *memory, ngx_er_memory_entry_t *entry)
{
    ngx_rbtree_node_t  *node;

    ngx_er_memory_drop_targets(memory, entry);

    node = ngx_er_memory_node(entry);

    ngx_memzero(entry->key, sizeof(entry->key));
    ngx_queue_remove(&entry->queue);
    ngx_rbtree_delete(ngx_er_memory_tree(memory->sh, node->key), node);
    ngx_slab_free_locked(memory->shpool, node);

    memory->sh->entries--;
}
