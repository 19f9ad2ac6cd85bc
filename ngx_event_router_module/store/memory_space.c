
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Space in the zone of dedup keys: its blocks, whose they are, and who goes
 * when there are no more.  memory_zone.c calls in here, always under the
 * zone's mutex.
 *
 * Everything in the zone is a block of 128 bytes: an entry, or a chunk of
 * settled targets of an entry.  So memory never splinters, and to throw out
 * one entry always makes room for another.
 *
 * Each source has a share: its entries and how many blocks they are.  What has
 * expired goes first.  When the zone is full it is the source that has most
 * which loses a key, so a flood at one source does not push out what the
 * others must remember: the oldest done or released key, else an abandoned
 * claim. Only if no source has one of these a key with a running lease goes:
 * then an event could be delivered twice at once, which is logged.
 *
 * The source that has most is looked for now and then only, it does not change
 * quickly.  There is a share for each source unless there are thousands;
 * then some have one together.
 *
 * Nothing is logged here: what went is noted for whoever unlocks the zone.  A
 * block cannot be had only if no entry is left but the one being worked on.
 */


#include "memory_zone.h"


#define NGX_ER_MEMORY_SCAN    32       /* entries looked at for an expired or
                                          abandoned one */
#define NGX_ER_MEMORY_SHARES  4096     /* at most; a power of two */
#define NGX_ER_MEMORY_PROBES  8        /* shares that a source can have */
#define NGX_ER_MEMORY_SINCE   32       /* evictions between two looks for the
                                          source that has most */


/* both fit into a block, or this does not compile */

typedef u_char  ngx_er_memory_fits_t[
    sizeof(ngx_er_memory_chunk_t) <= NGX_ER_MEMORY_BLOCK
    && offsetof(ngx_rbtree_node_t, color) + sizeof(ngx_er_memory_entry_t)
       <= NGX_ER_MEMORY_BLOCK ? 1 : -1];


static ngx_int_t ngx_er_memory_evict(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *keep);
static ngx_uint_t ngx_er_memory_most(ngx_er_memory_t *memory);
static ngx_er_memory_entry_t *ngx_er_memory_spare(
    ngx_er_memory_share_t *share, ngx_er_memory_entry_t *keep);
static ngx_er_memory_entry_t *ngx_er_memory_spare_of_all(
    ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep);
static ngx_er_memory_entry_t *ngx_er_memory_force(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *keep);
static ngx_er_memory_entry_t *ngx_er_memory_scan(ngx_queue_t *queue,
    ngx_er_memory_entry_t *keep, ngx_uint_t abandoned);
static ngx_er_memory_entry_t *ngx_er_memory_oldest(ngx_queue_t *queue,
    ngx_er_memory_entry_t *keep);


ngx_int_t
ngx_er_memory_shares(ngx_er_memory_t *memory, size_t size)
{
    ngx_uint_t              i, n;
    ngx_er_memory_share_t  *share;

    /* a fiftieth of the zone at most, and 16 of them */

    for (n = 16;
         n < NGX_ER_MEMORY_SHARES
         && 2 * n * sizeof(ngx_er_memory_share_t) < size / 50;
         n *= 2)
    {
        /* void */
    }

    share = ngx_slab_calloc(memory->shpool, n * sizeof(ngx_er_memory_share_t));
    if (share == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_init(&share[i].held);
        ngx_queue_init(&share[i].idle);
    }

    memory->sh->shares = share;
    memory->sh->nshares = n;

    return NGX_OK;
}


ngx_uint_t
ngx_er_memory_share_of(ngx_er_memory_t *memory, uint64_t source)
{
    ngx_uint_t              i, k, free, mask;
    ngx_er_memory_share_t  *share;

    share = memory->sh->shares;
    mask = memory->sh->nshares - 1;
    free = mask + 1;

    for (i = 0; i < NGX_ER_MEMORY_PROBES; i++) {
        k = ((ngx_uint_t) source + i) & mask;

        if (share[k].source == source && share[k].blocks) {
            return k;
        }

        if (share[k].blocks == 0 && free > mask) {
            free = k;
        }
    }

    if (free > mask) {
        return (ngx_uint_t) source & mask;
    }

    share[free].source = source;

    return free;
}


void *
ngx_er_memory_alloc(ngx_er_memory_t *memory, ngx_uint_t share,
    ngx_er_memory_entry_t *keep)
{
    void  *p;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(memory->shpool, NGX_ER_MEMORY_BLOCK);

        if (p) {
            memory->sh->shares[share].blocks++;
            return p;
        }

        if (ngx_er_memory_evict(memory, keep) != NGX_OK) {
            return NULL;
        }
    }
}


void
ngx_er_memory_free(ngx_er_memory_t *memory, ngx_uint_t share, void *block)
{
    memory->sh->shares[share].blocks--;

    ngx_slab_free_locked(memory->shpool, block);
}


/* "keep" is the entry that is being worked on, or NULL */

static ngx_int_t
ngx_er_memory_evict(ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep)
{
    ngx_er_memory_sh_t     *sh;
    ngx_er_memory_entry_t  *entry;

    sh = memory->sh;

    entry = ngx_er_memory_spare(&sh->shares[ngx_er_memory_most(memory)], keep);

    if (entry == NULL) {
        entry = ngx_er_memory_spare_of_all(memory, keep);
    }

    if (entry == NULL) {
        entry = ngx_er_memory_force(memory, keep);

        if (entry == NULL) {
            return NGX_DECLINED;
        }

        sh->forced++;
        sh->warn = 1;
    }

    if (!ngx_er_memory_past(entry->expires)) {
        sh->evicted++;
        memory->victim = ngx_er_memory_share(memory, entry)->source;
        memory->forgotten++;
    }

    ngx_er_memory_remove(memory, entry);

    return NGX_OK;
}


/* or nearly: it had most a few evictions ago */

static ngx_uint_t
ngx_er_memory_most(ngx_er_memory_t *memory)
{
    ngx_uint_t           i;
    ngx_er_memory_sh_t  *sh;

    sh = memory->sh;

    if (sh->since++ % NGX_ER_MEMORY_SINCE) {
        return sh->most;
    }

    sh->most = 0;

    for (i = 1; i < sh->nshares; i++) {
        if (sh->shares[i].blocks > sh->shares[sh->most].blocks) {
            sh->most = i;
        }
    }

    return sh->most;
}


/* what has expired, the oldest that is done or released, an abandoned claim */

static ngx_er_memory_entry_t *
ngx_er_memory_spare(ngx_er_memory_share_t *share, ngx_er_memory_entry_t *keep)
{
    ngx_er_memory_entry_t  *entry;

    entry = ngx_er_memory_scan(&share->idle, keep, 0);

    if (entry == NULL) {
        entry = ngx_er_memory_scan(&share->held, keep, 0);
    }

    if (entry == NULL) {
        entry = ngx_er_memory_oldest(&share->idle, keep);
    }

    return entry ? entry : ngx_er_memory_scan(&share->held, keep, 1);
}


static ngx_er_memory_entry_t *
ngx_er_memory_spare_of_all(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *keep)
{
    ngx_uint_t              i, most;
    ngx_er_memory_share_t  *share;
    ngx_er_memory_entry_t  *entry, *best;

    best = NULL;
    most = 0;
    share = memory->sh->shares;

    for (i = 0; i < memory->sh->nshares; i++) {

        if (share[i].blocks <= most) {
            continue;
        }

        entry = ngx_er_memory_spare(&share[i], keep);

        if (entry) {
            best = entry;
            most = share[i].blocks;
        }
    }

    return best;
}


/* the oldest claim of the source that has most of all but "keep" */

static ngx_er_memory_entry_t *
ngx_er_memory_force(ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep)
{
    ngx_uint_t              i, most;
    ngx_er_memory_share_t  *share;
    ngx_er_memory_entry_t  *entry, *best;

    best = NULL;
    most = 0;
    share = memory->sh->shares;

    for (i = 0; i < memory->sh->nshares; i++) {

        if (share[i].blocks <= most) {
            continue;
        }

        entry = ngx_er_memory_oldest(&share[i].held, keep);

        if (entry) {
            best = entry;
            most = share[i].blocks;
        }
    }

    return best;
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


/* two a call and of one share: more than are added, so the zone empties by
   itself */

void
ngx_er_memory_expire(ngx_er_memory_t *memory)
{
    ngx_uint_t              i;
    ngx_queue_t            *queue[2];
    ngx_er_memory_sh_t     *sh;
    ngx_er_memory_share_t  *share;
    ngx_er_memory_entry_t  *entry;

    sh = memory->sh;

    i = 0;

    do {
        share = &sh->shares[sh->turn++ & (sh->nshares - 1)];

    } while (share->blocks == 0 && ++i < NGX_ER_MEMORY_SCAN);

    queue[0] = &share->idle;
    queue[1] = &share->held;

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
    ngx_er_memory_free(memory, entry->share, node);

    memory->sh->entries--;
}
