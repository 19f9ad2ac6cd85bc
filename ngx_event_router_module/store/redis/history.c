
/*
 * Copyright (C) Event Router contributors
 */


/*
 * History in Redis: a record is one text, which lib/history.lua describes;
 * item.c and command.c send what is put in front or behind, lookup.c reads it.
 * Pure, owns nothing.
 *
 * With "encrypt=" what a worker says is sealed before it goes, in chunks of
 * the kind SEALED: a number 8, which is the token of its lease, a count 1, and
 * the sealed text of whole chunks.  Number, count and event are its place, so
 * it is not opened in another one.  What Redis decides by itself is appended
 * there and plain: a target, a time, a state.
 *
 * Nothing here makes an operation fail: there is a gap instead.
 */


#include "history.h"


#define NGX_ER_REDIS_HISTORY_PIECE  49152  /* bytes that are sealed at once, of
                                              the 64 KB of a chunk */
#define NGX_ER_REDIS_HISTORY_LEAST  32768  /* of which a piece has as many, but
                                              for the last one */
#define NGX_ER_REDIS_HISTORY_HEAD   (2 + 1 + 8 + 1)


static u_char *ngx_er_redis_history_begin(u_char *p, ngx_er_redis_walk_t *w);
static u_char *ngx_er_redis_history_chunks(u_char *p, ngx_er_redis_walk_t *w);
static size_t ngx_er_redis_history_piece(ngx_str_t *chunks);
static size_t ngx_er_redis_history_chunk(ngx_str_t *chunks);
static ngx_int_t ngx_er_redis_history_unseal(ngx_er_redis_layout_t *layout,
    uint64_t seq, ngx_str_t *chunk);


size_t
ngx_er_redis_history_size(ngx_er_queue_op_t *op)
{
    size_t  n;

    n = op->history.len;

    return 4 + 1 + 8 * op->nhashes + 4 + n
           + (n / NGX_ER_REDIS_HISTORY_LEAST + 1)
             * (NGX_ER_REDIS_HISTORY_HEAD + NGX_ER_SAFE_MORE);
}


u_char *
ngx_er_redis_history_write(u_char *p, ngx_er_redis_walk_t *w)
{
    size_t   bytes;
    u_char  *last;

    if (w->op->verb == NGX_ER_QUEUE_ACCEPT) {
        bytes = 4;
        last = ngx_er_redis_history_begin(p + 4, w);

    } else {
        bytes = 2;
        last = ngx_er_redis_history_chunks(p + 2, w);

        if (last - p - 2 > 0xffff) {
            last = p + 2;
        }
    }

    (void) ngx_er_history_number(p, last - p - bytes, bytes);

    return last;
}


void
ngx_er_redis_history_text(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *text)
{
    text->len = 0;
    text->data = ngx_pnalloc(pool, ngx_er_redis_history_size(w->op));

    if (text->data) {
        text->len = ngx_er_redis_history_chunks(text->data, w) - text->data;
    }
}


/* hashes, the length of the chunks, and these */

static u_char *
ngx_er_redis_history_begin(u_char *p, ngx_er_redis_walk_t *w)
{
    u_char             *begin, *last;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    op = w->op;
    begin = p;

    if (op->history.len == 0) {
        return p;
    }

    *p++ = (u_char) op->nhashes;

    for (i = 0; i < op->nhashes; i++) {
        p = ngx_er_history_number(p, ngx_er_safe_found(w->layout->safe, 0,
                                                       op->hashes[i]), 8);
    }

    last = ngx_er_redis_history_chunks(p + 4, w);
    (void) ngx_er_history_number(p, last - p - 4, 4);

    return last == p + 4 ? begin : last;
}


static u_char *
ngx_er_redis_history_chunks(u_char *p, ngx_er_redis_walk_t *w)
{
    size_t                len;
    u_char               *begin;
    uint64_t              seq;
    ngx_str_t             rest, piece;
    ngx_er_queue_op_t    *op;
    ngx_er_safe_place_t   place;

    op = w->op;
    rest = op->history;

    if (w->layout->safe == NULL) {
        return ngx_cpymem(p, rest.data, rest.len);
    }

    begin = p;
    seq = (op->verb == NGX_ER_QUEUE_ACCEPT) ? w->number : op->seq;

    place.kind = 'h';
    place.number[0] = seq;
    place.number[1] = op->token;

    for (place.number[2] = 0; rest.len; place.number[2]++) {
        piece.data = rest.data;
        piece.len = ngx_er_redis_history_piece(&rest);
        len = piece.len + NGX_ER_SAFE_MORE;

        p = ngx_er_history_number(p, NGX_ER_REDIS_HISTORY_HEAD - 2 + len, 2);
        *p++ = NGX_ER_HISTORY_SEALED;
        p = ngx_er_history_number(p, op->token, 8);
        *p++ = (u_char) place.number[2];

        if (ngx_er_safe_seal(w->layout->safe, &place, &piece, p) != NGX_OK) {
            return begin;
        }

        p += len;
    }

    return p;
}


/* takes whole chunks off, for one piece; no chunk is nearly as large */

static size_t
ngx_er_redis_history_piece(ngx_str_t *chunks)
{
    size_t  n, len;

    n = 0;

    while (chunks->len) {
        len = ngx_er_redis_history_chunk(chunks);

        if (n && n + len > NGX_ER_REDIS_HISTORY_PIECE) {
            break;
        }

        n += len;
        chunks->data += len;
        chunks->len -= len;
    }

    return n;
}


/* bytes of the first one; of what is none: all */

static size_t
ngx_er_redis_history_chunk(ngx_str_t *chunks)
{
    size_t   len;
    u_char  *p;

    p = chunks->data;
    len = (chunks->len < 3) ? 0 : (size_t) ngx_er_history_take(&p, 2);

    return (len == 0 || len > chunks->len - 2) ? chunks->len : 2 + len;
}


void
ngx_er_redis_history_open(ngx_er_redis_layout_t *layout, uint64_t seq,
    ngx_str_t *record)
{
    size_t      n;
    u_char     *p;
    ngx_str_t   rest, chunk;

    rest = *record;
    record->len = 0;

    n = rest.len ? 1 + 8 * (size_t) rest.data[0] + 4 : 1;

    if (n > rest.len) {
        return;
    }

    rest.data += n;
    rest.len -= n;
    p = record->data;

    while (rest.len) {
        chunk.data = rest.data;
        chunk.len = ngx_er_redis_history_chunk(&rest);
        rest.data += chunk.len;
        rest.len -= chunk.len;

        if (chunk.len > NGX_ER_REDIS_HISTORY_HEAD
            && chunk.data[2] == NGX_ER_HISTORY_SEALED
            && ngx_er_redis_history_unseal(layout, seq, &chunk) != NGX_OK)
        {
            continue;
        }

        ngx_memmove(p, chunk.data, chunk.len);
        p += chunk.len;
    }

    record->len = p - record->data;
}


/* the chunks that it has, in its place */

static ngx_int_t
ngx_er_redis_history_unseal(ngx_er_redis_layout_t *layout, uint64_t seq,
    ngx_str_t *chunk)
{
    u_char               *p;
    ngx_int_t             rc;
    ngx_str_t             out;
    ngx_er_safe_place_t   place;

    p = chunk->data + 3;

    place.kind = 'h';
    place.number[0] = seq;
    place.number[1] = ngx_er_history_take(&p, 8);
    place.number[2] = *p++;

    chunk->len -= NGX_ER_REDIS_HISTORY_HEAD;
    chunk->data = p;

    out.data = ngx_alloc(chunk->len, ngx_cycle->log);
    if (out.data == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_er_safe_open(layout->safe, &place, chunk, &out);

    if (rc == NGX_OK) {
        ngx_memcpy(chunk->data, out.data, out.len);
        chunk->len = out.len;
    }

    ngx_free(out.data);

    return rc;
}
