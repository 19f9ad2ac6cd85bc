
/*
 * Copyright (C) Event Router contributors
 */


/*
 * HISTORY in Redis: the shards give their records newest first, some at a
 * time, and are merged here; command.c and reply.c call it.  The next record
 * is known when each shard has shown one or has no more.  Redis looks at
 * nothing in them: which ones are wanted is for ngx_er_history_match(), which
 * the file store asks, too.  Pure.
 *
 * What a shard has shown lies in the operation's pool in one piece, until all
 * of it was looked at; what is found is copied.  A first page is small, since
 * most who ask want the newest; who looks for rare ones gets larger and larger
 * ones.
 */


#include "lookup.h"
#include "element.h"
#include "history.h"


#define NGX_ER_REDIS_LOOKUP_MOST   500     /* records of a reply */
#define NGX_ER_REDIS_LOOKUP_SEALED  100    /* the same, if they are opened */
#define NGX_ER_REDIS_LOOKUP_BYTES  (256 * 1024)
#define NGX_ER_REDIS_LOOKUP_HEAD   3       /* elements before the records */


/* nothing else is done by the worker while it looks at a reply */
#define ngx_er_redis_lookup_most(w)                                           \
    ((w)->layout->safe ? NGX_ER_REDIS_LOOKUP_SEALED : NGX_ER_REDIS_LOOKUP_MOST)


typedef struct {
    uint64_t                  before;      /* to be asked for lesser ones */
    ngx_uint_t                limit;       /* and for so many */
    ngx_er_history_record_t  *record;      /* the next one */
    ngx_uint_t                left;        /* records from that on */
    u_char                   *piece;       /* where they are */
    unsigned                  more:1;      /* there may be others */
} ngx_er_redis_lookup_shard_t;


struct ngx_er_redis_lookup_s {
    ngx_str_t                     hashes;
    uint64_t                      first;
    uint64_t                      last;    /* that was looked at */
    size_t                        bytes;   /* that are given */
    ngx_er_redis_lookup_shard_t  *shards;
};


static ngx_int_t ngx_er_redis_lookup_begin(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_lookup_hashes(ngx_er_redis_walk_t *w,
    ngx_er_redis_lookup_t *l);
static ngx_int_t ngx_er_redis_lookup_read(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_lookup_record(ngx_er_redis_walk_t *w,
    redisReply **part, u_char **p);
static ngx_int_t ngx_er_redis_lookup_merge(ngx_er_redis_walk_t *w);
static ngx_er_redis_lookup_shard_t *ngx_er_redis_lookup_newest(
    ngx_er_redis_walk_t *w);
static ngx_uint_t ngx_er_redis_lookup_full(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_lookup_look(ngx_er_redis_walk_t *w,
    ngx_er_redis_lookup_shard_t *shard);


ngx_int_t
ngx_er_redis_lookup_ask(ngx_er_redis_walk_t *w, ngx_er_redis_lookup_ask_t *ask)
{
    ngx_er_redis_lookup_shard_t  *shard;

    if (w->lookup == NULL && ngx_er_redis_lookup_begin(w) != NGX_OK) {
        return NGX_ERROR;
    }

    shard = &w->lookup->shards[w->shard];

    ask->hashes = w->lookup->hashes;
    ask->before = shard->before;
    ask->first = w->lookup->first;
    ask->limit = shard->limit;
    ask->bytes = NGX_ER_REDIS_LOOKUP_BYTES;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_lookup_begin(ngx_er_redis_walk_t *w)
{
    uint64_t                before;
    ngx_uint_t              i, shards;
    ngx_pool_t             *pool;
    ngx_er_history_find_t  *find;
    ngx_er_redis_lookup_t  *l;

    pool = w->op->pool;
    find = w->op->find;
    shards = w->layout->shards;

    l = ngx_pcalloc(pool, sizeof(ngx_er_redis_lookup_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    l->shards = ngx_pcalloc(pool,
                            shards * sizeof(ngx_er_redis_lookup_shard_t));
    find->records = ngx_array_create(pool, 8, sizeof(ngx_er_history_record_t));

    if (l->shards == NULL || find->records == NULL
        || ngx_er_redis_lookup_hashes(w, l) != NGX_OK)
    {
        return NGX_ERROR;
    }

    find->looked = 0;
    find->more = 0;

    before = find->before ? find->before : NGX_ER_NEVER;

    if (find->filter.to) {
        before = ngx_min(before, ngx_er_history_seq(find->filter.to));
    }

    for (i = 0; i < shards; i++) {
        l->shards[i].before = before;
        l->shards[i].limit = ngx_min(find->limit + 1,
                                     ngx_er_redis_lookup_most(w));
        l->shards[i].more = (find->filter.seq == 0 || i == w->shard);
    }

    l->first = ngx_er_history_seq(find->filter.from);
    w->lookup = l;

    return NGX_OK;
}


/* of all ways in which the hash may be kept */

static ngx_int_t
ngx_er_redis_lookup_hashes(ngx_er_redis_walk_t *w, ngx_er_redis_lookup_t *l)
{
    u_char          *p;
    uint64_t         hash;
    ngx_uint_t       i, n;
    ngx_er_safe_t   *safe;

    hash = w->op->find->filter.hash;
    safe = w->layout->safe;

    if (hash == 0) {
        return NGX_OK;
    }

    n = safe ? ngx_er_safe_count(safe) + 1 : 1;

    p = ngx_pnalloc(w->op->pool, 8 * n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    l->hashes.data = p;
    l->hashes.len = 8 * n;

    for (i = 0; i < n; i++) {
        p = ngx_er_history_number(p, ngx_er_safe_found(safe, i, hash), 8);
    }

    return NGX_OK;
}


/* {1, now, more, event, record, ...} */

ngx_int_t
ngx_er_redis_lookup_reply(ngx_er_redis_walk_t *w, redisReply *reply)
{
    if (w->lookup == NULL
        || ngx_er_redis_lookup_read(w, reply) != NGX_OK)
    {
        return NGX_ERROR;
    }

    w->seen++;

    return ngx_er_redis_lookup_merge(w);
}


static ngx_int_t
ngx_er_redis_lookup_read(ngx_er_redis_walk_t *w, redisReply *reply)
{
    size_t                        i, size;
    u_char                       *p;
    uint64_t                      more;
    redisReply                  **part;
    ngx_er_redis_lookup_shard_t  *shard;

    shard = &w->lookup->shards[w->shard];
    part = reply->element;

    if (reply->elements < NGX_ER_REDIS_LOOKUP_HEAD
        || (reply->elements - NGX_ER_REDIS_LOOKUP_HEAD) % 2
        || ngx_er_redis_element_number(part[2], &more) != NGX_OK)
    {
        return NGX_ERROR;
    }

    size = 0;

    for (i = NGX_ER_REDIS_LOOKUP_HEAD; i < reply->elements; i += 2) {
        if (!ngx_er_redis_is_text(part[i + 1])) {
            return NGX_ERROR;
        }

        size += sizeof(ngx_er_history_record_t) + part[i + 1]->len;
    }

    shard->left = (reply->elements - NGX_ER_REDIS_LOOKUP_HEAD) / 2;
    shard->more = (more != 0);
    shard->limit = ngx_min(4 * shard->limit, ngx_er_redis_lookup_most(w));

    if (shard->left == 0) {

        /* or nothing would be asked for again and again */

        return shard->more ? NGX_ERROR : NGX_OK;
    }

    shard->piece = ngx_palloc(w->op->pool, size);
    if (shard->piece == NULL) {
        return NGX_ERROR;
    }

    shard->record = (ngx_er_history_record_t *) shard->piece;
    p = (u_char *) (shard->record + shard->left);

    for (i = 0; i < shard->left; i++) {
        if (ngx_er_redis_lookup_record(w, &part[NGX_ER_REDIS_LOOKUP_HEAD
                                                + 2 * i], &p)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        shard->record[i].seq = shard->before;
        shard->record[i].chunks.len = part[NGX_ER_REDIS_LOOKUP_HEAD
                                           + 2 * i + 1]->len;
        shard->record[i].chunks.data = p - shard->record[i].chunks.len;
    }

    return NGX_OK;
}


/* they come in their order, or they would never end */

static ngx_int_t
ngx_er_redis_lookup_record(ngx_er_redis_walk_t *w, redisReply **part,
    u_char **p)
{
    uint64_t                      seq;
    ngx_er_redis_lookup_shard_t  *shard;

    shard = &w->lookup->shards[w->shard];

    if (ngx_er_redis_element_id(part[0], &seq) != NGX_OK
        || seq >= shard->before || seq < w->lookup->first)
    {
        return NGX_ERROR;
    }

    shard->before = seq;
    *p = ngx_cpymem(*p, part[1]->str, part[1]->len);

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_lookup_merge(ngx_er_redis_walk_t *w)
{
    ngx_uint_t                    i;
    ngx_er_history_find_t        *find;
    ngx_er_redis_lookup_t        *l;
    ngx_er_redis_lookup_shard_t  *shard;

    l = w->lookup;
    find = w->op->find;

    for ( ;; ) {

        for (i = 0; i < w->layout->shards; i++) {
            if (l->shards[i].left == 0 && l->shards[i].more) {
                w->shard = i;
                return NGX_AGAIN;
            }
        }

        shard = ngx_er_redis_lookup_newest(w);

        if (shard == NULL) {
            break;
        }

        if (ngx_er_redis_lookup_full(w)) {
            find->more = 1;
            find->before = l->last;
            break;
        }

        if (ngx_er_redis_lookup_look(w, shard) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    w->op->rc = NGX_OK;

    return NGX_OK;
}


static ngx_er_redis_lookup_shard_t *
ngx_er_redis_lookup_newest(ngx_er_redis_walk_t *w)
{
    ngx_uint_t                    i;
    ngx_er_redis_lookup_shard_t  *shard, *newest;

    shard = w->lookup->shards;
    newest = NULL;

    for (i = 0; i < w->layout->shards; i++) {
        if (shard[i].left
            && (newest == NULL || shard[i].record->seq > newest->record->seq))
        {
            newest = &shard[i];
        }
    }

    return newest;
}


/* 1: what is there is the next page's */

static ngx_uint_t
ngx_er_redis_lookup_full(ngx_er_redis_walk_t *w)
{
    ngx_er_history_find_t  *find;

    find = w->op->find;

    return find->records->nelts >= find->limit || find->looked >= find->looks
           || w->lookup->bytes >= find->bytes;
}


/* an empty one has gone while it was asked for */

static ngx_int_t
ngx_er_redis_lookup_look(ngx_er_redis_walk_t *w,
    ngx_er_redis_lookup_shard_t *shard)
{
    ngx_str_t                 chunks;
    ngx_er_history_find_t    *find;
    ngx_er_history_record_t  *record, *found;

    find = w->op->find;
    record = shard->record++;

    w->lookup->last = record->seq;
    find->looked++;

    ngx_er_redis_history_open(w->layout, record->seq, &record->chunks);
    chunks = record->chunks;

    if (chunks.len && ngx_er_history_match(&find->filter, record->seq,
                                           &chunks))
    {
        found = ngx_array_push(find->records);
        if (found == NULL) {
            return NGX_ERROR;
        }

        found->seq = record->seq;
        found->chunks.len = chunks.len;
        found->chunks.data = ngx_pnalloc(w->op->pool, chunks.len);

        if (found->chunks.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(found->chunks.data, chunks.data, chunks.len);
        w->lookup->bytes += chunks.len;
    }

    if (--shard->left == 0) {
        (void) ngx_pfree(w->op->pool, shard->piece);
    }

    return NGX_OK;
}
