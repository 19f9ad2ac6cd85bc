
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Chunks of history written and read, and which records a lookup finds.  The
 * rooms that know something write (deliver, and stores for what they decide
 * alone), observe reads, and stores ask match() while they look for records,
 * in a thread where they have one.  It owns nothing and cannot fail; what is
 * read is not trusted: a length is checked before anything is taken.
 */


#include "history.h"


#define NGX_ER_HISTORY_HEAD       3    /* bytes before what a kind has */
#define NGX_ER_HISTORY_HEAD_EVENT    (1 + 8 + 4)
#define NGX_ER_HISTORY_HEAD_PART     (8 + 4)
#define NGX_ER_HISTORY_HEAD_ATTEMPT  (8 + 8 + 4 + 2 + 2 + 1 + 1 + 1 + 8)
#define NGX_ER_HISTORY_HEAD_STEP     (8 + 8 + 1 + 1)
#define NGX_ER_HISTORY_HEAD_EDITED   8
#define NGX_ER_HISTORY_HEAD_WHY      16
#define NGX_ER_HISTORY_HEAD_CALL     12


/* what a filter asks about targets, while a record is read */

typedef struct {
    uint64_t               target;
    ngx_uint_t             state;
    ngx_uint_t             hit;        /* an attempt had the status */
} ngx_er_history_seen_t;


typedef struct {
    ngx_er_history_filter_t  *filter;
    ngx_uint_t             event;      /* EVENT was there, and holds */
    ngx_uint_t             text;       /* an id or a value has the text */
    ngx_uint_t             key;        /* the value is one of the event's */
    ngx_uint_t             nseen;
    ngx_er_history_seen_t  seen[NGX_ER_HISTORY_PARTS];
} ngx_er_history_sieve_t;


static u_char *ngx_er_history_write_event(u_char *p,
    ngx_er_history_chunk_t *chunk);
static u_char *ngx_er_history_text(u_char *p, ngx_str_t *text);
static size_t ngx_er_history_room(ngx_str_t *text);
static ngx_int_t ngx_er_history_take_text(u_char **p, u_char *last,
    ngx_str_t *text);
static ngx_int_t ngx_er_history_read_event(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static ngx_int_t ngx_er_history_read_part(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static ngx_int_t ngx_er_history_read_attempt(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static ngx_int_t ngx_er_history_read_step(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static ngx_int_t ngx_er_history_read_edited(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static ngx_int_t ngx_er_history_read_why(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static ngx_int_t ngx_er_history_read_call(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk);
static void ngx_er_history_sift(ngx_er_history_sieve_t *sieve,
    ngx_er_history_chunk_t *chunk);
static void ngx_er_history_sift_event(ngx_er_history_sieve_t *sieve,
    ngx_er_history_chunk_t *chunk);
static void ngx_er_history_sift_key(ngx_er_history_sieve_t *sieve,
    ngx_str_t *name, ngx_str_t *value);
static void ngx_er_history_sift_target(ngx_er_history_sieve_t *sieve,
    ngx_er_history_chunk_t *chunk);
static ngx_uint_t ngx_er_history_sifted(ngx_er_history_sieve_t *sieve);
static ngx_uint_t ngx_er_history_cut(ngx_str_t *text, ngx_str_t *whole);
static ngx_uint_t ngx_er_history_has(ngx_str_t *text, ngx_str_t *word);


/* by ngx_er_history_state_e; NULL: PENDING for other reasons, or none */

static const char  *ngx_er_history_states[] = {
    "pending", "delivered", "dead", "filtered", "stale", "coalesced",
    "purged", "moved", "aged", "failed", "settled", "unsent"
};


static const char  *ngx_er_history_again[] = {
    "redelivered", "replayed", "returned", "later"
};


size_t
ngx_er_history_size(ngx_er_history_chunk_t *chunk)
{
    size_t      size;
    ngx_uint_t  i;

    switch (chunk->kind) {

    case NGX_ER_HISTORY_EVENT:
        size = NGX_ER_HISTORY_HEAD_EVENT + ngx_er_history_room(&chunk->id)
               + ngx_er_history_room(&chunk->source)
               + ngx_er_history_room(&chunk->type)
               + ngx_er_history_room(&chunk->subject) + 1;

        for (i = 0; i < chunk->nkeys; i++) {
            size += ngx_er_history_room(&chunk->keys[i].name)
                    + ngx_er_history_room(&chunk->keys[i].value);
        }

        break;

    case NGX_ER_HISTORY_PART:
        size = NGX_ER_HISTORY_HEAD_PART + ngx_er_history_room(&chunk->name)
               + ngx_er_history_room(&chunk->routes);
        break;

    case NGX_ER_HISTORY_ATTEMPT:
        size = NGX_ER_HISTORY_HEAD_ATTEMPT
               + ngx_min(chunk->answer.len, NGX_ER_HISTORY_ANSWER);
        break;

    case NGX_ER_HISTORY_EDITED:
        size = NGX_ER_HISTORY_HEAD_EDITED
               + ngx_min(chunk->name.len, NGX_ER_HISTORY_TEXT);
        break;

    case NGX_ER_HISTORY_WHY:
        size = NGX_ER_HISTORY_HEAD_WHY
               + ngx_min(chunk->answer.len, NGX_ER_HISTORY_ANSWER);
        break;

    case NGX_ER_HISTORY_CALL:
        size = NGX_ER_HISTORY_HEAD_CALL;
        break;

    default: /* NGX_ER_HISTORY_STEP_KIND */
        size = NGX_ER_HISTORY_HEAD_STEP
               + ngx_min(chunk->name.len, NGX_ER_HISTORY_TEXT);
        break;
    }

    return NGX_ER_HISTORY_HEAD + size;
}


u_char *
ngx_er_history_write(u_char *p, ngx_er_history_chunk_t *chunk)
{
    u_char  *begin;

    if (chunk->kind == NGX_ER_HISTORY_STEP_KIND) {
        return ngx_er_history_step(p, chunk->target, chunk->time, chunk->state,
                                   chunk->reason, &chunk->name);
    }

    begin = p;
    p += 2;
    *p++ = (u_char) chunk->kind;

    switch (chunk->kind) {

    case NGX_ER_HISTORY_EVENT:
        p = ngx_er_history_write_event(p, chunk);
        break;

    case NGX_ER_HISTORY_PART:
        p = ngx_er_history_number(p, chunk->target, 8);
        p = ngx_er_history_number(p, chunk->ms, 4);
        p = ngx_er_history_text(p, &chunk->name);
        p = ngx_er_history_text(p, &chunk->routes);
        break;

    case NGX_ER_HISTORY_EDITED:
        p = ngx_er_history_number(p, chunk->event, 8);
        p = ngx_cpymem(p, chunk->name.data,
                       ngx_min(chunk->name.len, NGX_ER_HISTORY_TEXT));
        break;

    case NGX_ER_HISTORY_WHY:
        p = ngx_er_history_number(p, chunk->target, 8);
        p = ngx_er_history_number(p, chunk->time, 8);
        p = ngx_cpymem(p, chunk->answer.data,
                       ngx_min(chunk->answer.len, NGX_ER_HISTORY_ANSWER));
        break;

    case NGX_ER_HISTORY_CALL:
        p = ngx_er_history_number(p, chunk->target, 8);
        p = ngx_er_history_number(p, chunk->number, 4);
        break;

    default: /* NGX_ER_HISTORY_ATTEMPT */
        p = ngx_er_history_number(p, chunk->target, 8);
        p = ngx_er_history_number(p, chunk->time, 8);
        p = ngx_er_history_number(p, chunk->ms, 4);
        p = ngx_er_history_number(p, chunk->status, 2);
        p = ngx_er_history_number(p, ngx_min(chunk->number, 65535), 2);
        *p++ = (u_char) chunk->verdict;
        *p++ = (u_char) chunk->lost;
        *p++ = (u_char) chunk->state;
        p = ngx_er_history_number(p, chunk->next, 8);
        p = ngx_cpymem(p, chunk->answer.data,
                       ngx_min(chunk->answer.len, NGX_ER_HISTORY_ANSWER));
        break;
    }

    (void) ngx_er_history_number(begin, p - begin - 2, 2);

    return p;
}


static u_char *
ngx_er_history_write_event(u_char *p, ngx_er_history_chunk_t *chunk)
{
    ngx_uint_t  i;

    *p++ = (u_char) chunk->flags;
    p = ngx_er_history_number(p, chunk->time, 8);
    p = ngx_er_history_number(p, chunk->size, 4);
    p = ngx_er_history_text(p, &chunk->id);
    p = ngx_er_history_text(p, &chunk->source);
    p = ngx_er_history_text(p, &chunk->type);
    p = ngx_er_history_text(p, &chunk->subject);
    *p++ = (u_char) chunk->nkeys;

    for (i = 0; i < chunk->nkeys; i++) {
        p = ngx_er_history_text(p, &chunk->keys[i].name);
        p = ngx_er_history_text(p, &chunk->keys[i].value);
    }

    return p;
}


u_char *
ngx_er_history_step(u_char *p, uint64_t target, uint64_t time,
    ngx_uint_t state, ngx_uint_t reason, ngx_str_t *name)
{
    size_t  len;

    len = name ? ngx_min(name->len, NGX_ER_HISTORY_TEXT) : 0;

    p = ngx_er_history_number(p, 1 + NGX_ER_HISTORY_HEAD_STEP + len, 2);
    *p++ = NGX_ER_HISTORY_STEP_KIND;
    p = ngx_er_history_number(p, target, 8);
    p = ngx_er_history_number(p, time, 8);
    *p++ = (u_char) state;
    *p++ = (u_char) reason;

    return len ? ngx_cpymem(p, name->data, len) : p;
}


u_char *
ngx_er_history_number(u_char *p, uint64_t n, size_t bytes)
{
    while (bytes--) {
        *p++ = (u_char) (n >> (8 * bytes));
    }

    return p;
}


static u_char *
ngx_er_history_text(u_char *p, ngx_str_t *text)
{
    size_t  len;

    len = ngx_min(text->len, NGX_ER_HISTORY_TEXT);
    *p++ = (u_char) len;

    return len ? ngx_cpymem(p, text->data, len) : p;
}


static size_t
ngx_er_history_room(ngx_str_t *text)
{
    return 1 + ngx_min(text->len, NGX_ER_HISTORY_TEXT);
}


ngx_int_t
ngx_er_history_read(ngx_str_t *chunks, ngx_er_history_chunk_t *chunk)
{
    size_t   len;
    u_char  *p, *last;

    if (chunks->len == 0) {
        return NGX_DONE;
    }

    p = chunks->data;
    len = (chunks->len < 2) ? 0 : (size_t) ngx_er_history_take(&p, 2);

    if (len == 0 || len > chunks->len - 2) {

        /* nothing behind it can be found */

        chunks->len = 0;
        return NGX_DECLINED;
    }

    last = p + len;

    chunks->len -= 2 + len;
    chunks->data = last;

    ngx_memzero(chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk->kind = *p++;

    switch (chunk->kind) {

    case NGX_ER_HISTORY_EVENT:
        return ngx_er_history_read_event(p, last, chunk);

    case NGX_ER_HISTORY_PART:
        return ngx_er_history_read_part(p, last, chunk);

    case NGX_ER_HISTORY_ATTEMPT:
        return ngx_er_history_read_attempt(p, last, chunk);

    case NGX_ER_HISTORY_STEP_KIND:
        return ngx_er_history_read_step(p, last, chunk);

    case NGX_ER_HISTORY_EDITED:
        return ngx_er_history_read_edited(p, last, chunk);

    case NGX_ER_HISTORY_WHY:
        return ngx_er_history_read_why(p, last, chunk);

    case NGX_ER_HISTORY_CALL:
        return ngx_er_history_read_call(p, last, chunk);

    default:
        return NGX_DECLINED;
    }
}


uint64_t
ngx_er_history_take(u_char **p, size_t bytes)
{
    uint64_t  n;

    n = 0;

    while (bytes--) {
        n = n << 8 | *(*p)++;
    }

    return n;
}


static ngx_int_t
ngx_er_history_take_text(u_char **p, u_char *last, ngx_str_t *text)
{
    if (*p == last || last - *p - 1 < **p) {
        return NGX_DECLINED;
    }

    text->len = *(*p)++;
    text->data = *p;
    *p += text->len;

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_read_event(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    ngx_uint_t             n;
    ngx_er_history_key_t  *key;

    if (last - p < NGX_ER_HISTORY_HEAD_EVENT) {
        return NGX_DECLINED;
    }

    chunk->flags = *p++;
    chunk->time = ngx_er_history_take(&p, 8);
    chunk->size = (ngx_uint_t) ngx_er_history_take(&p, 4);

    if (ngx_er_history_take_text(&p, last, &chunk->id) != NGX_OK
        || ngx_er_history_take_text(&p, last, &chunk->source) != NGX_OK
        || ngx_er_history_take_text(&p, last, &chunk->type) != NGX_OK
        || ngx_er_history_take_text(&p, last, &chunk->subject) != NGX_OK
        || p == last)
    {
        return NGX_DECLINED;
    }

    n = *p++;

    while (n-- && chunk->nkeys < NGX_ER_HISTORY_KEYS) {
        key = &chunk->keys[chunk->nkeys];

        if (ngx_er_history_take_text(&p, last, &key->name) != NGX_OK
            || ngx_er_history_take_text(&p, last, &key->value) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        chunk->nkeys++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_read_part(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    if (last - p < NGX_ER_HISTORY_HEAD_PART) {
        return NGX_DECLINED;
    }

    chunk->target = ngx_er_history_take(&p, 8);
    chunk->ms = (uint32_t) ngx_er_history_take(&p, 4);

    if (ngx_er_history_take_text(&p, last, &chunk->name) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_er_history_take_text(&p, last, &chunk->routes);
}


static ngx_int_t
ngx_er_history_read_attempt(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    if (last - p < NGX_ER_HISTORY_HEAD_ATTEMPT) {
        return NGX_DECLINED;
    }

    chunk->target = ngx_er_history_take(&p, 8);
    chunk->time = ngx_er_history_take(&p, 8);
    chunk->ms = (uint32_t) ngx_er_history_take(&p, 4);
    chunk->status = (ngx_uint_t) ngx_er_history_take(&p, 2);
    chunk->number = (ngx_uint_t) ngx_er_history_take(&p, 2);
    chunk->verdict = *p++;
    chunk->lost = *p++;
    chunk->state = *p++;
    chunk->next = ngx_er_history_take(&p, 8);

    chunk->answer.data = p;
    chunk->answer.len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_read_step(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    if (last - p < NGX_ER_HISTORY_HEAD_STEP) {
        return NGX_DECLINED;
    }

    chunk->target = ngx_er_history_take(&p, 8);
    chunk->time = ngx_er_history_take(&p, 8);
    chunk->state = *p++;
    chunk->reason = *p++;

    chunk->name.data = p;
    chunk->name.len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_read_edited(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    if (last - p < NGX_ER_HISTORY_HEAD_EDITED) {
        return NGX_DECLINED;
    }

    chunk->event = ngx_er_history_take(&p, 8);

    chunk->name.data = p;
    chunk->name.len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_read_why(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    if (last - p < NGX_ER_HISTORY_HEAD_WHY) {
        return NGX_DECLINED;
    }

    chunk->target = ngx_er_history_take(&p, 8);
    chunk->time = ngx_er_history_take(&p, 8);

    chunk->answer.data = p;
    chunk->answer.len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_read_call(u_char *p, u_char *last,
    ngx_er_history_chunk_t *chunk)
{
    if (last - p < NGX_ER_HISTORY_HEAD_CALL) {
        return NGX_DECLINED;
    }

    chunk->target = ngx_er_history_take(&p, 8);
    chunk->number = ngx_er_history_take(&p, 4);

    return NGX_OK;
}


uint64_t
ngx_er_history_name(ngx_str_t *name)
{
    return ngx_er_hash64(name);
}


uint64_t
ngx_er_history_hash(uint64_t name, ngx_str_t *value)
{
    uint64_t  hash;

    hash = (ngx_er_print64(value) ^ name) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;

    return hash ? hash : 1;
}


ngx_uint_t
ngx_er_history_match(ngx_er_history_filter_t *filter, uint64_t seq,
    ngx_str_t *chunks)
{
    ngx_int_t                rc;
    ngx_str_t                rest;
    ngx_er_history_chunk_t   chunk;
    ngx_er_history_sieve_t   sieve;

    if ((filter->seq && filter->seq != seq)
        || (seq >> 20) < filter->from
        || (filter->to && (seq >> 20) >= filter->to))
    {
        return 0;
    }

    ngx_memzero(&sieve, offsetof(ngx_er_history_sieve_t, seen));

    sieve.filter = filter;
    rest = *chunks;

    for ( ;; ) {
        rc = ngx_er_history_read(&rest, &chunk);

        if (rc == NGX_DONE) {
            return ngx_er_history_sifted(&sieve);
        }

        if (rc == NGX_OK) {
            ngx_er_history_sift(&sieve, &chunk);
        }
    }
}


static void
ngx_er_history_sift(ngx_er_history_sieve_t *sieve,
    ngx_er_history_chunk_t *chunk)
{
    if (chunk->kind == NGX_ER_HISTORY_EVENT) {
        ngx_er_history_sift_event(sieve, chunk);

    } else if (chunk->kind != NGX_ER_HISTORY_EDITED) {
        ngx_er_history_sift_target(sieve, chunk);
    }
}


static void
ngx_er_history_sift_event(ngx_er_history_sieve_t *sieve,
    ngx_er_history_chunk_t *chunk)
{
    ngx_str_t                 id = ngx_string("id");
    ngx_uint_t                i;
    ngx_er_history_filter_t  *filter;

    filter = sieve->filter;

    sieve->event = (filter->source.len == 0
                    || ngx_er_history_cut(&chunk->source, &filter->source))
                   && (filter->type.len == 0
                       || ngx_er_history_cut(&chunk->type, &filter->type))
                   && (filter->subject.len == 0
                       || ngx_er_history_cut(&chunk->subject,
                                             &filter->subject));

    ngx_er_history_sift_key(sieve, &id, &chunk->id);

    for (i = 0; i < chunk->nkeys; i++) {
        ngx_er_history_sift_key(sieve, &chunk->keys[i].name,
                                &chunk->keys[i].value);
    }
}


static void
ngx_er_history_sift_key(ngx_er_history_sieve_t *sieve, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_er_history_filter_t  *filter;

    filter = sieve->filter;

    if (filter->hash
        && name->len == filter->key.name.len
        && ngx_memcmp(name->data, filter->key.name.data, name->len) == 0
        && ngx_er_history_cut(value, &filter->key.value))
    {
        sieve->key = 1;
    }

    if (filter->text.len && ngx_er_history_has(value, &filter->text)) {
        sieve->text = 1;
    }
}


/* of more targets than a record tells of the others are not looked at */

static void
ngx_er_history_sift_target(ngx_er_history_sieve_t *sieve,
    ngx_er_history_chunk_t *chunk)
{
    ngx_uint_t              i;
    ngx_er_history_seen_t  *seen;

    for (i = 0; i < sieve->nseen; i++) {
        if (sieve->seen[i].target == chunk->target) {
            break;
        }
    }

    if (i == NGX_ER_HISTORY_PARTS) {
        return;
    }

    seen = &sieve->seen[i];

    if (i == sieve->nseen) {
        seen->target = chunk->target;
        seen->state = NGX_ER_HISTORY_PENDING;
        seen->hit = 0;
        sieve->nseen++;
    }

    if (chunk->kind == NGX_ER_HISTORY_PART) {
        return;
    }

    if (chunk->kind == NGX_ER_HISTORY_WHY
        || chunk->kind == NGX_ER_HISTORY_CALL)
    {
        return;
    }

    seen->state = ngx_er_history_final(chunk->state);

    if (chunk->kind == NGX_ER_HISTORY_ATTEMPT
        && chunk->status == sieve->filter->status)
    {
        seen->hit = 1;
    }
}


static ngx_uint_t
ngx_er_history_sifted(ngx_er_history_sieve_t *sieve)
{
    ngx_uint_t                i;
    ngx_er_history_seen_t    *seen;
    ngx_er_history_filter_t  *filter;

    filter = sieve->filter;

    if ((filter->source.len || filter->type.len || filter->subject.len)
        && !sieve->event)
    {
        return 0;
    }

    if ((filter->hash && !sieve->key) || (filter->text.len && !sieve->text)) {
        return 0;
    }

    if (filter->state == NGX_ER_HISTORY_UNROUTED) {
        return sieve->nseen == 0 && filter->target == 0 && filter->status == 0;
    }

    if (filter->target == 0 && filter->state == NGX_ER_HISTORY_ANY
        && filter->status == 0)
    {
        return 1;
    }

    for (i = 0; i < sieve->nseen; i++) {
        seen = &sieve->seen[i];

        if ((filter->target == 0 || filter->target == seen->target)
            && (filter->state == NGX_ER_HISTORY_ANY
                || filter->state == seen->state)
            && (filter->status == 0 || seen->hit))
        {
            return 1;
        }
    }

    return 0;
}


/* is it all of it, or its first bytes as a record has them? */

static ngx_uint_t
ngx_er_history_cut(ngx_str_t *text, ngx_str_t *whole)
{
    return text->len == ngx_min(whole->len, NGX_ER_HISTORY_TEXT)
           && ngx_memcmp(text->data, whole->data, text->len) == 0;
}


static ngx_uint_t
ngx_er_history_has(ngx_str_t *text, ngx_str_t *word)
{
    size_t  i;

    for (i = 0; i + word->len <= text->len; i++) {
        if (ngx_strncasecmp(text->data + i, word->data, word->len) == 0) {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_er_history_state_name(ngx_uint_t state)
{
    if (state < sizeof(ngx_er_history_states) / sizeof(char *)) {
        return ngx_er_history_states[state];
    }

    state -= NGX_ER_HISTORY_REDELIVERED;

    return state < sizeof(ngx_er_history_again) / sizeof(char *)
           ? ngx_er_history_again[state] : ngx_er_history_states[0];
}


ngx_int_t
ngx_er_history_state(ngx_str_t *name, ngx_uint_t *state)
{
    ngx_uint_t  i;

    if (name->len == sizeof("unrouted") - 1
        && ngx_strncmp(name->data, "unrouted", name->len) == 0)
    {
        *state = NGX_ER_HISTORY_UNROUTED;
        return NGX_OK;
    }

    for (i = 0; i < sizeof(ngx_er_history_states) / sizeof(char *); i++) {
        if (name->len == ngx_strlen(ngx_er_history_states[i])
            && ngx_strncmp(name->data, ngx_er_history_states[i], name->len)
               == 0)
        {
            *state = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
