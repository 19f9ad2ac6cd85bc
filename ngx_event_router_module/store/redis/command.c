
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What Redis is sent: the scripts of the queue, of the dedup keys and of
 * rates, and the operations of the queue as words, in the order that
 * queue_*.lua take them.  queue.c, dedup.c and rate.c send them.  Pure, owns
 * the digests.
 *
 * The scripts are queue_*.lua, dedup_*.lua and rate_take.lua: what they do
 * and which keys there are is said there, in lib/queue.lua and lib/dedup.lua
 * first.
 * embed.awk makes a C file of them, ngx_er_redis_lua.c, when nginx is
 * configured; who adds a script adds its name here.  t/redis_scripts*.t drive
 * them against a real Redis.
 *
 * Numbers of events, targets, holders and tokens are 16 digits in hex; what a
 * producer sent is counted bytes that no script looks into.  A replay or a
 * purge asks one shard after the other and each for what is still missing, so
 * the limit holds for all of them together.  What may fail is memory, and an
 * operation that is larger than a command can be.
 */


#include "command.h"
#include "history.h"
#include "item.h"
#include "lookup.h"
#include "sealed.h"

#include <ngx_sha1.h>


#define NGX_ER_REDIS_BATCH     200     /* entries that one sweep looks at */
#define NGX_ER_REDIS_SILENT    600000  /* ms that the targets of an nginx count
                                          that is not heard any more */
#define NGX_ER_REDIS_SCAN      2000    /* entries that one command looks at */
#define NGX_ER_REDIS_LISTED    (8 * 1024 * 1024)
#define NGX_ER_REDIS_SHELF_ROWS   1000
#define NGX_ER_REDIS_SHELF_BYTES  1048576  /* of a LIST that does not say */
#define NGX_ER_REDIS_WORDS     30      /* of a command, without items */
#define NGX_ER_REDIS_HEX       16


#define ngx_er_redis_lua(name)                                                \
    { ngx_string(#name), &ngx_er_lua_##name, { 0 } }

#define ngx_er_redis_n(table)  (sizeof(table) / sizeof((table)[0]))


/* words of fixed length are written one behind the other */

typedef struct {
    u_char                *pos;
    u_char                *last;
    ngx_str_t             *words;
    ngx_uint_t             n;
} ngx_er_redis_words_t;


static ngx_uint_t ngx_er_redis_queue_shard(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_word_head(ngx_er_redis_walk_t *w,
    ngx_pool_t *pool, ngx_er_redis_words_t *a);
static void ngx_er_redis_word_key(ngx_er_redis_walk_t *w,
    ngx_er_redis_words_t *a, u_char name);
static ngx_int_t ngx_er_redis_queue_verb(ngx_er_redis_walk_t *w,
    ngx_pool_t *pool, ngx_er_redis_words_t *a);
static ngx_int_t ngx_er_redis_queue_fenced(ngx_er_redis_walk_t *w,
    ngx_pool_t *pool, ngx_er_redis_words_t *a);
static ngx_int_t ngx_er_redis_queue_sweep(ngx_er_redis_walk_t *w,
    ngx_er_redis_words_t *a);
static ngx_int_t ngx_er_redis_queue_history(ngx_er_redis_walk_t *w,
    ngx_er_redis_words_t *a);
static void ngx_er_redis_queue_scan(ngx_er_redis_walk_t *w,
    ngx_er_redis_words_t *a);
static ngx_int_t ngx_er_redis_queue_shelf(ngx_er_redis_walk_t *w,
    ngx_pool_t *pool, ngx_er_redis_words_t *a);
static ngx_int_t ngx_er_redis_queue_hold(ngx_er_redis_walk_t *w,
    ngx_pool_t *pool, ngx_er_redis_words_t *a);
static ngx_int_t ngx_er_redis_word_hashes(ngx_er_redis_words_t *a,
    ngx_pool_t *pool, uint64_t *hashes, ngx_uint_t n);
static void ngx_er_redis_word_told(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a);
static void ngx_er_redis_word_text(ngx_er_redis_words_t *a, ngx_str_t *text);
static void ngx_er_redis_word_hex(ngx_er_redis_words_t *a, uint64_t n);
static void ngx_er_redis_word_id(ngx_er_redis_words_t *a, uint64_t n);
static void ngx_er_redis_word_number(ngx_er_redis_words_t *a, uint64_t n);
static void ngx_er_redis_word_until(ngx_er_redis_walk_t *w,
    ngx_er_redis_words_t *a);
static void ngx_er_redis_script_sha1(ngx_er_redis_script_t *script,
    ngx_uint_t n);


/* of ngx_er_redis_lua.c */

extern ngx_str_t  ngx_er_lua_queue_accept;
extern ngx_str_t  ngx_er_lua_queue_lease;
extern ngx_str_t  ngx_er_lua_queue_extend;
extern ngx_str_t  ngx_er_lua_queue_settle;
extern ngx_str_t  ngx_er_lua_queue_retry;
extern ngx_str_t  ngx_er_lua_queue_bury;
extern ngx_str_t  ngx_er_lua_queue_adopt;
extern ngx_str_t  ngx_er_lua_queue_sweep;
extern ngx_str_t  ngx_er_lua_queue_list;
extern ngx_str_t  ngx_er_lua_queue_replay;
extern ngx_str_t  ngx_er_lua_queue_purge;
extern ngx_str_t  ngx_er_lua_queue_pause;
extern ngx_str_t  ngx_er_lua_queue_shelf;
extern ngx_str_t  ngx_er_lua_queue_hasten;
extern ngx_str_t  ngx_er_lua_queue_move;
extern ngx_str_t  ngx_er_lua_queue_hold;
extern ngx_str_t  ngx_er_lua_queue_check;
extern ngx_str_t  ngx_er_lua_queue_history;
extern ngx_str_t  ngx_er_lua_dedup_claim;
extern ngx_str_t  ngx_er_lua_dedup_settle;
extern ngx_str_t  ngx_er_lua_dedup_finalize;
extern ngx_str_t  ngx_er_lua_dedup_release;
extern ngx_str_t  ngx_er_lua_dedup_die;
extern ngx_str_t  ngx_er_lua_dedup_live;
extern ngx_str_t  ngx_er_lua_rate_take;


/* in the order of ngx_er_queue_verb_e, NGX_ER_REDIS_CHECK in the place of
   NGX_ER_QUEUE_VERBS */

static ngx_er_redis_script_t  ngx_er_redis_queue_scripts[] = {
    ngx_er_redis_lua(queue_accept),
    ngx_er_redis_lua(queue_lease),
    ngx_er_redis_lua(queue_extend),
    ngx_er_redis_lua(queue_settle),
    ngx_er_redis_lua(queue_retry),
    ngx_er_redis_lua(queue_bury),
    ngx_er_redis_lua(queue_adopt),
    ngx_er_redis_lua(queue_sweep),
    ngx_er_redis_lua(queue_list),
    ngx_er_redis_lua(queue_replay),
    ngx_er_redis_lua(queue_purge),
    ngx_er_redis_lua(queue_pause),
    ngx_er_redis_lua(queue_shelf),
    ngx_er_redis_lua(queue_hasten),
    ngx_er_redis_lua(queue_move),
    ngx_er_redis_lua(queue_hold),
    ngx_er_redis_lua(queue_check),
    ngx_er_redis_lua(queue_history)
};


/* in the order of ngx_er_verb_e */

static ngx_er_redis_script_t  ngx_er_redis_dedup_scripts[] = {
    ngx_er_redis_lua(dedup_claim),
    ngx_er_redis_lua(dedup_settle),
    ngx_er_redis_lua(dedup_finalize),
    ngx_er_redis_lua(dedup_release),
    ngx_er_redis_lua(dedup_die),
    ngx_er_redis_lua(dedup_live)
};


static ngx_er_redis_script_t  ngx_er_redis_rate_scripts[] = {
    ngx_er_redis_lua(rate_take)
};


void
ngx_er_redis_queue_walk(ngx_er_redis_walk_t *w,
    ngx_er_redis_layout_t *layout, ngx_er_queue_op_t *op)
{
    ngx_memzero(w, sizeof(ngx_er_redis_walk_t));

    w->layout = layout;
    w->op = op;

    if (op == NULL) {
        return;
    }

    op->stale = 0;
    op->overtaken = NULL;

    w->nonce = ++layout->count;
    w->fresh = ngx_min(op->fresh, NGX_ER_REDIS_ENTRIES / 2);
    w->again = ngx_min(op->again, NGX_ER_REDIS_ENTRIES / 2);
    w->bytes = op->bytes;
    w->limit = ngx_min(op->limit, NGX_ER_REDIS_ENTRIES / 2);

    w->shard = ngx_er_redis_queue_shard(w);

    switch (op->verb) {

    case NGX_ER_QUEUE_LEASE:
        op->count.fresh = NGX_ER_NEVER;
        op->count.again = NGX_ER_NEVER;
        w->left = layout->shards - 1;
        break;

    case NGX_ER_QUEUE_ADOPT:
    case NGX_ER_QUEUE_SWEEP:
    case NGX_ER_QUEUE_HOLD:
        op->partial = 0;
        w->left = layout->shards - 1;
        break;

    case NGX_ER_QUEUE_LIST:
    case NGX_ER_QUEUE_REPLAY:
    case NGX_ER_QUEUE_PURGE:
    case NGX_ER_QUEUE_HASTEN:
    case NGX_ER_QUEUE_MOVE:
        w->left = op->filter.seq ? 0 : layout->shards - 1;
        break;

    default:
        break;
    }
}


/*
 * Leases begin at the next shard each time, so that none of them starves.  The
 * turns are their own: with a number that other operations change, too, a
 * lease that alternates with another one would only see each second shard.
 */

static ngx_uint_t
ngx_er_redis_queue_shard(ngx_er_redis_walk_t *w)
{
    ngx_uint_t          shards;
    ngx_er_queue_op_t  *op;

    op = w->op;
    shards = w->layout->shards;

    switch (op->verb) {

    case NGX_ER_QUEUE_ACCEPT:
        return (op->dedup ? (ngx_uint_t) op->key[0] << 8 | op->key[1]
                          : w->nonce) % shards;

    case NGX_ER_QUEUE_LEASE:
        return w->layout->turn++ % shards;

    case NGX_ER_QUEUE_EXTEND:
    case NGX_ER_QUEUE_SETTLE:
    case NGX_ER_QUEUE_RETRY:
    case NGX_ER_QUEUE_BURY:
        return (op->seq & 0xfffff) % shards;

    case NGX_ER_QUEUE_ADOPT:
    case NGX_ER_QUEUE_SWEEP:
    case NGX_ER_QUEUE_SHELF:
    case NGX_ER_QUEUE_HOLD:
        return 0;

    case NGX_ER_QUEUE_HISTORY:
        return (op->find->filter.seq & 0xfffff) % shards;

    default:
        return (op->filter.seq & 0xfffff) % shards;
    }
}


ngx_int_t
ngx_er_redis_queue_words(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *words, ngx_uint_t *n)
{
    ngx_int_t             rc;
    ngx_er_redis_words_t  a;

    a.words = words;
    a.n = 0;

    rc = ngx_er_redis_word_head(w, pool, &a);

    if (rc == NGX_OK && w->op) {
        rc = ngx_er_redis_queue_verb(w, pool, &a);
    }

    *n = a.n;

    return rc;
}


/* what every script is told, and the memory for the rest */

static ngx_int_t
ngx_er_redis_word_head(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a)
{
    size_t                  size;
    u_char                 *p;
    ngx_er_redis_layout_t  *layout;

    layout = w->layout;

    size = 2 * (layout->prefix.len + sizeof(":{q}:m") + NGX_INT_T_LEN)
           + NGX_ER_REDIS_WORDS * (NGX_INT64_LEN + 1);

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    a->pos = p;
    a->last = p + size;

    ngx_er_redis_word_number(a, layout->history_time ? 2 : 1);
    ngx_er_redis_word_key(w, a, 'm');

    if (layout->history_time) {
        ngx_er_redis_word_key(w, a, 'L');
    }

    p = a->pos;
    a->pos = ngx_slprintf(p, a->last, "%d %ui", NGX_ER_REDIS_LAYOUT,
                          layout->shards);
    a->words[a->n].data = p;
    a->words[a->n++].len = a->pos - p;

    return NGX_OK;
}


static void
ngx_er_redis_word_key(ngx_er_redis_walk_t *w, ngx_er_redis_words_t *a,
    u_char name)
{
    u_char  *p;

    p = a->pos;
    a->pos = ngx_slprintf(p, a->last, "%V:{q%ui}:%c", &w->layout->prefix,
                          w->shard, name);

    a->words[a->n].data = p;
    a->words[a->n++].len = a->pos - p;
}


/* long: one switch over the verbs */

static ngx_int_t
ngx_er_redis_queue_verb(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a)
{
    ngx_int_t               rc;
    ngx_er_queue_op_t      *op;
    ngx_er_redis_layout_t  *layout;

    op = w->op;
    layout = w->layout;
    rc = NGX_OK;

    switch (op->verb) {

    case NGX_ER_QUEUE_ACCEPT:
        ngx_er_redis_word_hex(a, layout->holder);
        ngx_er_redis_word_number(a, layout->shards);
        ngx_er_redis_word_number(a, w->shard);
        ngx_er_redis_word_until(w, a);
        rc = ngx_er_redis_item_words(w, pool, a->words, &a->n);
        break;

    case NGX_ER_QUEUE_SETTLE:
    case NGX_ER_QUEUE_RETRY:
        ngx_er_redis_word_hex(a, layout->holder);
        rc = ngx_er_redis_item_words(w, pool, a->words, &a->n);
        break;

    case NGX_ER_QUEUE_LEASE:
        ngx_er_redis_word_hex(a, layout->holder);
        ngx_er_redis_word_hex(a, op->token);
        ngx_er_redis_word_hex(a, op->target);
        ngx_er_redis_word_number(a, w->fresh);
        ngx_er_redis_word_number(a, w->again);
        ngx_er_redis_word_number(a, w->bytes);
        ngx_er_redis_word_number(a, op->lease);
        ngx_er_redis_word_number(a, op->entries && op->entries->nelts);
        ngx_er_redis_word_until(w, a);
        ngx_er_redis_word_number(a, op->pick);
        ngx_er_redis_word_number(a, op->reach);
        break;

    case NGX_ER_QUEUE_EXTEND:
    case NGX_ER_QUEUE_BURY:
        rc = ngx_er_redis_queue_fenced(w, pool, a);
        break;

    case NGX_ER_QUEUE_ADOPT:
        ngx_er_redis_word_hex(a, op->holder);
        ngx_er_redis_word_number(a, NGX_ER_REDIS_BATCH);
        ngx_er_redis_word_number(a, !op->leaves);
        break;

    case NGX_ER_QUEUE_SWEEP:
        rc = ngx_er_redis_queue_sweep(w, a);
        break;

    case NGX_ER_QUEUE_LIST:
    case NGX_ER_QUEUE_REPLAY:
    case NGX_ER_QUEUE_PURGE:
    case NGX_ER_QUEUE_HASTEN:
    case NGX_ER_QUEUE_MOVE:
        ngx_er_redis_queue_scan(w, a);
        break;

    case NGX_ER_QUEUE_PAUSE:
        ngx_er_redis_word_id(a, op->target);
        ngx_er_redis_word_number(a, op->held);
        break;

    case NGX_ER_QUEUE_SHELF:
        rc = ngx_er_redis_queue_shelf(w, pool, a);
        break;

    case NGX_ER_QUEUE_HOLD:
        rc = ngx_er_redis_queue_hold(w, pool, a);
        break;

    case NGX_ER_QUEUE_HISTORY:
        rc = ngx_er_redis_queue_history(w, a);
        break;

    case NGX_ER_QUEUE_VERBS:
        break;
    }

    return rc;
}


/* EXTEND, BURY */

static ngx_int_t
ngx_er_redis_queue_fenced(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a)
{
    u_char             *p;
    ngx_str_t           text;
    ngx_er_queue_op_t  *op;

    op = w->op;

    ngx_er_redis_word_hex(a, w->layout->holder);
    ngx_er_redis_word_hex(a, op->token);
    ngx_er_redis_word_hex(a, op->seq);
    ngx_er_redis_word_hex(a, op->target);

    if (op->verb == NGX_ER_QUEUE_EXTEND) {
        ngx_er_redis_word_number(a, op->lease);
        ngx_er_redis_word_text(a, &op->calls);
        ngx_er_redis_word_number(a, op->doubt);
        ngx_er_redis_word_told(w, pool, a);
        return NGX_OK;
    }

    p = a->pos;
    a->pos = ngx_er_redis_item_past(p, op);
    a->words[a->n].data = p;
    a->words[a->n++].len = a->pos - p;

    ngx_er_redis_word_number(a, op->reason);
    ngx_er_redis_word_number(a, op->counted ? op->past.status : 0);

    if (ngx_er_redis_seal_answer(w, pool, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_redis_word_text(a, &text);

    ngx_er_redis_word_number(a, op->keep);
    ngx_er_redis_word_number(a, op->doubt);
    ngx_er_redis_word_text(a, &op->calls);
    ngx_er_redis_word_told(w, pool, a);

    return NGX_OK;
}


/* what history is told, where there is one */

static void
ngx_er_redis_word_told(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a)
{
    ngx_str_t  text;

    if (w->layout->history_time) {
        ngx_er_redis_history_text(w, pool, &text);
        ngx_er_redis_word_text(a, &text);
    }
}


static ngx_int_t
ngx_er_redis_queue_sweep(ngx_er_redis_walk_t *w, ngx_er_redis_words_t *a)
{
    u_char             *p;
    ngx_er_queue_op_t  *op;

    op = w->op;

    ngx_er_redis_word_hex(a, w->layout->holder);
    ngx_er_redis_word_number(a, w->layout->gap);
    ngx_er_redis_word_number(a, op->generation);
    ngx_er_redis_word_number(a, op->keep);

    if (ngx_er_redis_word_hashes(a, op->pool, op->known, op->nknown) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_redis_word_number(a, NGX_ER_REDIS_BATCH);
    ngx_er_redis_word_hex(a, op->node);
    ngx_er_redis_word_number(a, NGX_ER_REDIS_SILENT);

    ngx_er_redis_word_hex(a, w->tally.state);
    ngx_er_redis_word_number(a, w->tally.at);
    ngx_er_redis_word_number(a, (uint64_t) w->tally.count);
    ngx_er_redis_word_number(a, w->tally.told);
    ngx_er_redis_word_hex(a, (w->layout->holder + w->nonce) | 1);

    if (w->layout->history_time) {
        p = a->pos;
        a->pos = ngx_slprintf(p, a->last, "%M %uL", w->layout->history_time,
                              w->layout->history_size);
        a->words[a->n].data = p;
        a->words[a->n++].len = a->pos - p;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_queue_history(ngx_er_redis_walk_t *w, ngx_er_redis_words_t *a)
{
    ngx_er_redis_lookup_ask_t  ask;

    if (ngx_er_redis_lookup_ask(w, &ask) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_redis_word_id(a, w->op->find->filter.seq);
    ngx_er_redis_word_text(a, &ask.hashes);
    ngx_er_redis_word_hex(a, ask.before);
    ngx_er_redis_word_hex(a, ask.first);
    ngx_er_redis_word_number(a, ask.limit);
    ngx_er_redis_word_number(a, ask.bytes);

    return NGX_OK;
}


/* LIST, and what is done to many entries */

static void
ngx_er_redis_queue_scan(ngx_er_redis_walk_t *w, ngx_er_redis_words_t *a)
{
    ngx_er_queue_op_t      *op;
    ngx_er_queue_filter_t  *f;

    op = w->op;
    f = &op->filter;

    ngx_er_redis_word_hex(a, op->command);
    ngx_er_redis_word_number(a, w->limit);

    ngx_er_redis_word_id(a, f->target);
    ngx_er_redis_word_id(a, f->seq);
    ngx_er_redis_word_number(a, f->from);
    ngx_er_redis_word_number(a, f->to);
    ngx_er_redis_word_text(a, &f->route);
    ngx_er_redis_word_hex(a, op->after[0]);
    ngx_er_redis_word_hex(a, op->after[1]);
    ngx_er_redis_word_number(a, NGX_ER_REDIS_SCAN);

    ngx_er_redis_word_id(a, f->source);
    ngx_er_redis_word_number(a, f->reasons);
    ngx_er_redis_word_number(a, f->status);
    ngx_er_redis_word_number(a, f->attempts);
    ngx_er_redis_word_number(a, op->dry);

    switch (op->verb) {

    case NGX_ER_QUEUE_LIST:
        ngx_er_redis_word_number(a, op->dead);
        ngx_er_redis_word_number(a, op->records);
        ngx_er_redis_word_number(a, op->bytes ? op->bytes
                                               : NGX_ER_REDIS_LISTED);
        ngx_er_redis_word_number(a, op->archive);
        break;

    case NGX_ER_QUEUE_PURGE:
        ngx_er_redis_word_number(a, op->waiting);
        break;

    case NGX_ER_QUEUE_HASTEN:
        break;

    default: /* NGX_ER_QUEUE_REPLAY, NGX_ER_QUEUE_MOVE */
        ngx_er_redis_word_id(a, op->to.target);
        ngx_er_redis_word_text(a, &op->to.name);
        ngx_er_redis_word_text(a, &op->to.routes);
        ngx_er_redis_word_id(a, op->to.order);
        ngx_er_redis_word_number(a, op->to.delay);
        ngx_er_redis_word_number(a, op->archive);
        break;
    }
}


/* a nonce in its holder's name: an id is given once, and a row moved once */

static ngx_int_t
ngx_er_redis_queue_shelf(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a)
{
    ngx_str_t        kept;
    ngx_er_shelf_t  *shelf;

    shelf = w->op->shelf;

    if (ngx_er_redis_seal_value(w, pool, &kept) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_redis_word_number(a, shelf->act);
    ngx_er_redis_word_number(a, shelf->kind);
    ngx_er_redis_word_hex(a, shelf->name);
    ngx_er_redis_word_id(a, shelf->id);
    ngx_er_redis_word_hex(a, shelf->until);
    ngx_er_redis_word_number(a, shelf->bound);
    ngx_er_redis_word_text(a, &kept);
    ngx_er_redis_word_number(a, shelf->newest);
    ngx_er_redis_word_id(a, shelf->after);
    ngx_er_redis_word_number(a, ngx_min(shelf->limit,
                                        NGX_ER_REDIS_SHELF_ROWS));
    ngx_er_redis_word_number(a, shelf->bytes ? shelf->bytes
                                             : NGX_ER_REDIS_SHELF_BYTES);
    ngx_er_redis_word_hex(a, w->layout->holder + w->nonce);
    ngx_er_redis_word_number(a, NGX_ER_REDIS_SCAN);

    if (shelf->from) {
        ngx_er_redis_word_hex(a, shelf->from);
    }

    return NGX_OK;
}


/* the other shards take what the first one has said */

static ngx_int_t
ngx_er_redis_queue_hold(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_er_redis_words_t *a)
{
    u_char               *p;
    size_t                len;
    ngx_str_t             told;
    ngx_uint_t            i;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_hold_t  *h;

    op = w->op;
    h = NULL;
    len = 0;
    told.len = 0;
    told.data = NULL;

    if (w->shard) {
        h = op->holds->elts;

        for (i = 0; i < op->holds->nelts; i++) {
            len += 2 * NGX_ER_REDIS_HEX + 3 + h[i].name.len + h[i].by.len;
        }

        p = ngx_pnalloc(pool, len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        told.data = p;

        for (i = 0; i < op->holds->nelts; i++) {
            p = ngx_sprintf(p, "%016xL%016xL", h[i].source, h[i].act);
            *p++ = (u_char) h[i].state;
            *p++ = (u_char) h[i].name.len;
            p = ngx_cpymem(p, h[i].name.data, h[i].name.len);
            *p++ = (u_char) h[i].by.len;
            p = ngx_cpymem(p, h[i].by.data, h[i].by.len);
        }

        told.len = p - told.data;
    }

    ngx_er_redis_word_id(a, w->shard ? 0 : op->hold.source);
    ngx_er_redis_word_number(a, op->hold.state);
    ngx_er_redis_word_text(a, &op->hold.name);
    ngx_er_redis_word_text(a, &op->hold.by);
    ngx_er_redis_word_number(a, NGX_ER_REDIS_BATCH);
    ngx_er_redis_word_text(a, &told);
    ngx_er_redis_word_hex(a, op->node);
    ngx_er_redis_word_number(a, op->generation);

    return ngx_er_redis_word_hashes(a, pool, op->sources,
                                    w->shard ? 0 : op->nsources);
}


static ngx_int_t
ngx_er_redis_word_hashes(ngx_er_redis_words_t *a, ngx_pool_t *pool,
    uint64_t *hashes, ngx_uint_t n)
{
    u_char      *p;
    ngx_str_t    text;
    ngx_uint_t   i;

    p = ngx_pnalloc(pool, n * NGX_ER_REDIS_HEX + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%016xL", hashes[i]);
    }

    text.len = p - text.data;

    ngx_er_redis_word_text(a, &text);

    return NGX_OK;
}


static void
ngx_er_redis_word_text(ngx_er_redis_words_t *a, ngx_str_t *text)
{
    a->words[a->n] = *text;

    if (text->data == NULL) {
        ngx_str_set(&a->words[a->n], "");
    }

    a->n++;
}


static void
ngx_er_redis_word_hex(ngx_er_redis_words_t *a, uint64_t n)
{
    u_char  *p;

    p = a->pos;
    a->pos = ngx_slprintf(p, a->last, "%016xL", n);

    a->words[a->n].data = p;
    a->words[a->n++].len = a->pos - p;
}


/* 0 is none of them */

static void
ngx_er_redis_word_id(ngx_er_redis_words_t *a, uint64_t n)
{
    ngx_er_redis_word_hex(a, n);

    if (n == 0) {
        a->words[a->n - 1].len = 0;
    }
}


static void
ngx_er_redis_word_number(ngx_er_redis_words_t *a, uint64_t n)
{
    u_char  *p;

    p = a->pos;
    a->pos = ngx_slprintf(p, a->last, "%uL", n);

    a->words[a->n].data = p;
    a->words[a->n++].len = a->pos - p;
}


/*
 * What time it was in Redis, and for how many ms from then on somebody waits;
 * 0, 0 if Redis has said nothing yet.  The reply that said so was under way
 * for a while, which makes the end earlier, never later.
 */

static void
ngx_er_redis_word_until(ngx_er_redis_walk_t *w, ngx_er_redis_words_t *a)
{
    uint64_t               seen;
    ngx_msec_int_t         wait;
    ngx_er_redis_clock_t  *clock;

    clock = &w->layout->clocks[w->shard];
    seen = w->until ? clock->now : 0;
    wait = seen ? (ngx_msec_int_t) (w->until - clock->at) : 0;

    ngx_er_redis_word_number(a, seen);
    ngx_er_redis_word_number(a, ngx_max(wait, 0));
}


ngx_int_t
ngx_er_redis_queue_moved(const char *text, size_t len, ngx_str_t *host,
    in_port_t *port, ngx_uint_t *ask)
{
    u_char     *last, *p;
    ngx_int_t   n;

    p = (u_char *) text;
    last = p + len;

    if (len > 6 && ngx_strncmp(p, "MOVED ", 6) == 0) {
        *ask = 0;
        p += 6;

    } else if (len > 4 && ngx_strncmp(p, "ASK ", 4) == 0) {
        *ask = 1;
        p += 4;

    } else {
        return NGX_DECLINED;
    }

    p = ngx_strlchr(p, last, ' ');

    if (p == NULL) {
        return NGX_DECLINED;
    }

    host->data = ++p;

    while (last > p && last[-1] != ':') {
        last--;
    }

    if (last == p) {
        return NGX_DECLINED;
    }

    host->len = last - 1 - p;
    n = ngx_atoi(last, (u_char *) text + len - last);

    if (n < 1 || n > 65535) {
        return NGX_DECLINED;
    }

    *port = (in_port_t) n;

    return NGX_OK;
}


void
ngx_er_redis_script_init(void)
{
    ngx_er_redis_script_sha1(ngx_er_redis_queue_scripts,
                             ngx_er_redis_n(ngx_er_redis_queue_scripts));
    ngx_er_redis_script_sha1(ngx_er_redis_dedup_scripts,
                             ngx_er_redis_n(ngx_er_redis_dedup_scripts));
    ngx_er_redis_script_sha1(ngx_er_redis_rate_scripts,
                             ngx_er_redis_n(ngx_er_redis_rate_scripts));
}


static void
ngx_er_redis_script_sha1(ngx_er_redis_script_t *script, ngx_uint_t n)
{
    u_char       sum[20];
    ngx_sha1_t   sha1;
    ngx_uint_t   i;

    for (i = 0; i < n; i++) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, script[i].text->data, script[i].text->len);
        ngx_sha1_final(sum, &sha1);

        (void) ngx_hex_dump(script[i].digest, sum, 20);
    }
}


ngx_er_redis_script_t *
ngx_er_redis_queue_script(ngx_uint_t verb)
{
    if (verb >= ngx_er_redis_n(ngx_er_redis_queue_scripts)) {
        return NULL;
    }

    return &ngx_er_redis_queue_scripts[verb];
}


ngx_er_redis_script_t *
ngx_er_redis_dedup_script(ngx_uint_t verb)
{
    if (verb >= ngx_er_redis_n(ngx_er_redis_dedup_scripts)) {
        return NULL;
    }

    return &ngx_er_redis_dedup_scripts[verb];
}


ngx_er_redis_script_t *
ngx_er_redis_rate_script(void)
{
    return &ngx_er_redis_rate_scripts[0];
}


void
ngx_er_redis_script_words(ngx_er_redis_script_t *script, ngx_uint_t whole,
    ngx_str_t *words)
{
    if (whole) {
        ngx_str_set(&words[0], "EVAL");
        words[1] = *script->text;
        return;
    }

    ngx_str_set(&words[0], "EVALSHA");
    words[1].data = script->digest;
    words[1].len = NGX_ER_REDIS_DIGEST;
}
