
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A ring of records in shared memory.  observe/history.c writes a record at
 * the end of a fan-out, with a lock that the caller has; observe/api_events.c
 * looks for records without any.
 *
 * Bytes are counted from the beginning of time, and what lies between "tail"
 * and "head" is there.  A writer moves "tail" before it writes over anything
 * and "head" when the record is whole, so whoever reads looks at "tail" again
 * when it has a copy: if that is past the record, it has read something else.
 * Records begin and end with their size, so that the newest one leads to the
 * one before it; one that would not fit at the end of the memory begins at its
 * beginning, and a filler, whose number is 0, is left behind.
 *
 * Nothing can fail but for want of memory.
 */


#include "ring.h"


/* a record: this, hashes, chunks, and its size again; the smallest filler has
   its size alone */

typedef struct {
    uint64_t               size;       /* a multiple of 8 */
    uint64_t               seq;
    uint64_t               nhashes;
    uint64_t               len;        /* of chunks */
} ngx_er_ring_head_t;


#define ngx_er_ring_at(ring, pos)                                             \
    ((u_char *) ((ring) + 1) + (pos) % (ring)->size)


static void ngx_er_ring_room(ngx_er_ring_t *ring, uint64_t end);
static uint64_t ngx_er_ring_fill(ngx_er_ring_t *ring, uint64_t head,
    uint64_t size);
static uint64_t ngx_er_ring_word(ngx_er_ring_t *ring, uint64_t pos);
static uint64_t ngx_er_ring_before(ngx_er_ring_t *ring, uint64_t pos);
static ngx_uint_t ngx_er_ring_asked(ngx_er_ring_t *ring,
    ngx_er_history_filter_t *filter, uint64_t pos, ngx_er_ring_head_t *head);
static ngx_int_t ngx_er_ring_look(ngx_er_ring_t *ring,
    ngx_er_history_find_t *find, uint64_t pos, ngx_er_ring_head_t *head,
    ngx_pool_t *pool, u_char *copy);


void
ngx_er_ring_init(ngx_er_ring_t *ring, size_t size)
{
    ring->tail = 0;
    ring->head = 0;
    ring->last = 0;
    ring->size = (size - sizeof(ngx_er_ring_t)) & ~(size_t) 7;
}


uint64_t
ngx_er_ring_put(ngx_er_ring_t *ring, uint64_t now, uint64_t *hashes,
    ngx_uint_t nhashes, ngx_str_t *chunks)
{
    u_char              *p;
    uint64_t             pos, left;
    ngx_er_ring_head_t   head;

    head.size = sizeof(ngx_er_ring_head_t) + nhashes * sizeof(uint64_t)
                + ((chunks->len + 7) & ~(size_t) 7) + sizeof(uint64_t);

    if (head.size > ring->size / 2 || head.size > NGX_ER_RING_RECORD) {
        return 0;
    }

    pos = ring->head;
    left = ring->size - pos % ring->size;

    if (left < head.size) {
        pos = ngx_er_ring_fill(ring, pos, left);
    }

    ngx_er_ring_room(ring, pos + head.size);

    /* half of the numbers of a ms are a store's */

    head.seq = ngx_max(ring->last + 1, ((now << 20) | 0x80000));
    head.nhashes = nhashes;
    head.len = chunks->len;

    p = ngx_er_ring_at(ring, pos);
    p = ngx_cpymem(p, &head, sizeof(ngx_er_ring_head_t));

    if (nhashes) {
        p = ngx_cpymem(p, hashes, nhashes * sizeof(uint64_t));
    }

    ngx_memcpy(p, chunks->data, chunks->len);
    ngx_memcpy(ngx_er_ring_at(ring, pos + head.size - sizeof(uint64_t)),
               &head.size, sizeof(uint64_t));

    ngx_memory_barrier();

    ring->last = head.seq;
    ring->head = pos + head.size;

    return head.seq;
}


/* what would be written over up to "end" is there no more */

static void
ngx_er_ring_room(ngx_er_ring_t *ring, uint64_t end)
{
    uint64_t  tail, size;

    tail = ring->tail;

    while (end > tail + ring->size) {
        size = ngx_er_ring_word(ring, tail);

        if (size < sizeof(uint64_t) || size > ring->size) {

            /* this cannot be; but it must not go on for ever */

            tail = ring->head;
            break;
        }

        tail += size;
    }

    ring->tail = tail;

    ngx_memory_barrier();
}


/* the rest of the memory has nothing; where there is room for a number, too,
   that is 0 */

static uint64_t
ngx_er_ring_fill(ngx_er_ring_t *ring, uint64_t head, uint64_t size)
{
    ngx_er_ring_head_t  filler;

    ngx_er_ring_room(ring, head + size);

    ngx_memzero(&filler, sizeof(ngx_er_ring_head_t));
    filler.size = size;

    ngx_memcpy(ngx_er_ring_at(ring, head), &filler,
               ngx_min(size, sizeof(ngx_er_ring_head_t)));
    ngx_memcpy(ngx_er_ring_at(ring, head + size - sizeof(uint64_t)), &size,
               sizeof(uint64_t));

    ngx_memory_barrier();

    ring->head = head + size;

    return head + size;
}


static uint64_t
ngx_er_ring_word(ngx_er_ring_t *ring, uint64_t pos)
{
    uint64_t  word;

    ngx_memcpy(&word, ngx_er_ring_at(ring, pos), sizeof(uint64_t));

    return word;
}


/* the one in front of what begins at "pos"; "pos": there is none */

static uint64_t
ngx_er_ring_before(ngx_er_ring_t *ring, uint64_t pos)
{
    uint64_t  size, tail;

    tail = ring->tail;

    if (pos <= tail) {
        return pos;
    }

    size = ngx_er_ring_word(ring, pos - sizeof(uint64_t));

    ngx_memory_barrier();

    if (ring->tail != tail && pos <= ring->tail) {
        return pos;
    }

    if (size < sizeof(uint64_t) || size > pos - tail || size % 8
        || (pos - size) % ring->size + size > ring->size)
    {
        return pos;
    }

    return pos - size;
}


ngx_int_t
ngx_er_ring_find(ngx_er_ring_t *ring, ngx_er_history_find_t *find,
    uint64_t first, ngx_pool_t *pool)
{
    u_char              *copy;
    uint64_t             pos, start, end;
    ngx_int_t            rc;
    ngx_er_ring_head_t   head;

    find->looked = 0;
    find->more = 0;
    find->records = ngx_array_create(pool, 8, sizeof(ngx_er_history_record_t));

    copy = ngx_alloc(NGX_ER_RING_RECORD, pool->log);

    if (find->records == NULL || copy == NULL) {
        return NGX_ERROR;
    }

    end = find->before ? find->before : (uint64_t) -1;
    first = ngx_max(first, ngx_er_history_seq(find->filter.from));

    if (find->filter.to) {
        end = ngx_min(end, ngx_er_history_seq(find->filter.to));
    }

    rc = NGX_OK;

    for (pos = ring->head; rc == NGX_OK; pos = start) {
        start = ngx_er_ring_before(ring, pos);

        if (start == pos) {
            break;
        }

        if (pos - start < sizeof(ngx_er_ring_head_t) + sizeof(uint64_t)) {
            continue;
        }

        ngx_memcpy(&head, ngx_er_ring_at(ring, start),
                   sizeof(ngx_er_ring_head_t));

        /* of another size: it was written over, and so is all before it */

        if (head.size != pos - start || (head.seq && head.seq < first)) {
            break;
        }

        if (head.seq == 0 || head.seq >= end) {
            continue;
        }

        if (ngx_er_ring_asked(ring, &find->filter, start, &head)) {
            rc = ngx_er_ring_look(ring, find, start, &head, pool, copy);
        }
    }

    ngx_free(copy);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* 1: it may be one of those that are looked for */

static ngx_uint_t
ngx_er_ring_asked(ngx_er_ring_t *ring, ngx_er_history_filter_t *filter,
    uint64_t pos, ngx_er_ring_head_t *head)
{
    ngx_uint_t  i;

    if (filter->seq) {
        return filter->seq == head->seq;
    }

    if (filter->hash == 0) {
        return 1;
    }

    for (i = 0; i < head->nhashes && i < NGX_ER_HISTORY_HASHES; i++) {
        if (ngx_er_ring_word(ring, pos + sizeof(ngx_er_ring_head_t)
                                   + i * sizeof(uint64_t))
            == filter->hash)
        {
            return 1;
        }
    }

    return 0;
}


/* NGX_DONE: the page is full, or this was written over, and all before it */

static ngx_int_t
ngx_er_ring_look(ngx_er_ring_t *ring, ngx_er_history_find_t *find,
    uint64_t pos, ngx_er_ring_head_t *head, ngx_pool_t *pool, u_char *copy)
{
    size_t                    hashes;
    ngx_str_t                 chunks;
    ngx_er_history_record_t  *record;

    if (find->records->nelts >= find->limit || find->looked >= find->looks) {
        find->more = 1;
        return NGX_DONE;
    }

    hashes = head->nhashes * sizeof(uint64_t);

    if (head->size > NGX_ER_RING_RECORD || head->nhashes > head->size
        || head->len > head->size
        || head->len + hashes > head->size - sizeof(ngx_er_ring_head_t))
    {
        return NGX_DONE;
    }

    chunks.len = head->len;
    chunks.data = copy;

    ngx_memcpy(copy, ngx_er_ring_at(ring, pos + sizeof(ngx_er_ring_head_t)
                                          + hashes),
               chunks.len);

    ngx_memory_barrier();

    if (ring->tail > pos) {
        return NGX_DONE;
    }

    find->looked++;
    find->before = head->seq;

    if (!ngx_er_history_match(&find->filter, head->seq, &chunks)) {
        return NGX_OK;
    }

    record = ngx_array_push(find->records);
    if (record == NULL) {
        return NGX_ERROR;
    }

    record->seq = head->seq;
    record->chunks.len = chunks.len;
    record->chunks.data = ngx_pnalloc(pool, chunks.len + 1);

    if (record->chunks.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->chunks.data, chunks.data, chunks.len);

    return NGX_OK;
}
