
/*
 * Copyright (C) Event Router contributors
 */


/*
 * store/history.c: chunks are read as they were written, bytes that are none
 * do no harm wherever they are cut or changed, and a filter finds what it
 * says and nothing else.
 */


#include "tap.h"
#include "../../ngx_event_router_module/store/history.h"


#define SEQ  ((uint64_t) 1700000000000 << 20 | 7)


static void event_chunk(ngx_er_history_chunk_t *chunk);
static ngx_str_t record(void);
static void round_trip(void);
static void cut_texts(void);
static void steps(void);
static void edited(void);
static void damage(void);
static void hashes(void);
static void filters(void);
static void times(void);
static void states(void);
static ngx_uint_t match(ngx_er_history_filter_t *filter);
static void any(ngx_er_history_filter_t *filter);
static void key_of(ngx_er_history_filter_t *filter, const char *name,
    const char *value);
static ngx_str_t str(const char *text);


static u_char  buf[65536];


int
main(void)
{
    round_trip();
    cut_texts();
    steps();
    edited();
    damage();
    hashes();
    filters();
    times();
    states();

    return done_testing();
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


static void
event_chunk(ngx_er_history_chunk_t *chunk)
{
    ngx_memzero(chunk, sizeof(ngx_er_history_chunk_t));

    chunk->kind = NGX_ER_HISTORY_EVENT;
    chunk->flags = NGX_ER_HISTORY_SYNC;
    chunk->time = 1700000000001;
    chunk->size = 4711;
    chunk->id = str("b54557e4-9007199254740993");
    chunk->source = str("shopify");
    chunk->type = str("orders/paid");
    chunk->nkeys = 3;
    chunk->keys[0].name = str("data.order.id");
    chunk->keys[0].value = str("9007199254740993");
    chunk->keys[1].name = str("data.total");
    chunk->keys[1].value = str("19.90");
    chunk->keys[2].name = str("id");
    chunk->keys[2].value = str("given");
}


/* an event for two targets: one tried twice, one dead */

static ngx_str_t
record(void)
{
    u_char                  *p;
    ngx_str_t                chunks;
    ngx_er_history_chunk_t   chunk;

    event_chunk(&chunk);
    chunk.subject = str("shop.example");
    p = ngx_er_history_write(buf, &chunk);

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_PART;
    chunk.target = 11;
    chunk.ms = 5000;
    chunk.name = str("erp");
    chunk.routes = str("orders,all");
    p = ngx_er_history_write(p, &chunk);

    chunk.target = 12;
    chunk.name = str("crm");
    p = ngx_er_history_write(p, &chunk);

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_ATTEMPT;
    chunk.target = 11;
    chunk.time = 1700000000500;
    chunk.ms = 123;
    chunk.status = 503;
    chunk.number = 1;
    chunk.verdict = 2;
    chunk.lost = 1;
    chunk.next = 1700000009999;
    chunk.answer = str("busy\r\n");
    p = ngx_er_history_write(p, &chunk);

    chunk.number = 2;
    chunk.status = 201;
    chunk.next = 0;
    chunk.state = NGX_ER_HISTORY_DELIVERED;
    chunk.answer.len = 0;
    p = ngx_er_history_write(p, &chunk);

    chunk.target = 12;
    chunk.status = 400;
    chunk.state = NGX_ER_HISTORY_PENDING;
    p = ngx_er_history_write(p, &chunk);

    p = ngx_er_history_step(p, 12, 1700000001000, NGX_ER_HISTORY_DEAD, 2,
                            NULL);

    chunks.data = buf;
    chunks.len = p - buf;

    return chunks;
}


static void
round_trip(void)
{
    size_t                   size;
    u_char                  *p;
    ngx_str_t                chunks;
    ngx_er_history_chunk_t   chunk;

    event_chunk(&chunk);
    size = ngx_er_history_size(&chunk);
    p = ngx_er_history_write(buf, &chunk);

    is_int(p - buf, size, "an event takes what size() says");

    chunks = record();

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "event");
    is_int(chunk.kind, NGX_ER_HISTORY_EVENT, "kind");
    is_int(chunk.flags, NGX_ER_HISTORY_SYNC, "flags");
    is_int(chunk.time, 1700000000001, "time");
    is_int(chunk.size, 4711, "size");
    is_str(&chunk.id, "b54557e4-9007199254740993", "id");
    is_str(&chunk.source, "shopify", "source");
    is_str(&chunk.type, "orders/paid", "type");
    is_str(&chunk.subject, "shop.example", "subject");
    is_int(chunk.nkeys, 3, "keys");
    is_str(&chunk.keys[0].name, "data.order.id", "name of a key");
    is_str(&chunk.keys[0].value, "9007199254740993", "its value");
    is_str(&chunk.keys[2].value, "given", "value of the last one");

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "part");
    is_int(chunk.kind, NGX_ER_HISTORY_PART, "kind");
    is_int(chunk.target, 11, "target");
    is_int(chunk.ms, 5000, "delay");
    is_str(&chunk.name, "erp", "name");
    is_str(&chunk.routes, "orders,all", "routes");

    (void) ngx_er_history_read(&chunks, &chunk);
    is_str(&chunk.name, "crm", "another part");

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "attempt");
    is_int(chunk.kind, NGX_ER_HISTORY_ATTEMPT, "kind");
    is_int(chunk.target, 11, "target");
    is_int(chunk.time, 1700000000500, "time");
    is_int(chunk.ms, 123, "ms");
    is_int(chunk.status, 503, "status");
    is_int(chunk.number, 1, "number");
    is_int(chunk.verdict, 2, "verdict");
    is_int(chunk.lost, 1, "lost");
    is_int(chunk.state, NGX_ER_HISTORY_PENDING, "state");
    is_int(chunk.next, 1700000009999, "next");
    is_str(&chunk.answer, "busy\r\n", "answer");

    (void) ngx_er_history_read(&chunks, &chunk);
    is_int(chunk.state, NGX_ER_HISTORY_DELIVERED, "it is delivered");
    is_int(chunk.answer.len, 0, "without an answer");

    (void) ngx_er_history_read(&chunks, &chunk);
    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "step");
    is_int(chunk.kind, NGX_ER_HISTORY_STEP_KIND, "kind");
    is_int(chunk.state, NGX_ER_HISTORY_DEAD, "dead");
    is_int(chunk.reason, 2, "reason");
    is_int(chunk.time, 1700000001000, "time");
    is_int(chunk.name.len, 0, "no name");

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_DONE, "no more");
}


/* what is too long is cut, and the next chunk is found all the same */

static void
cut_texts(void)
{
    size_t                    size;
    u_char                   *p;
    ngx_str_t                 chunks;
    ngx_uint_t                i;
    ngx_er_history_chunk_t    chunk;
    ngx_er_history_filter_t   filter;
    static u_char             text[3000];

    ngx_memset(text, 'x', sizeof(text));

    event_chunk(&chunk);

    chunk.id.data = chunk.type.data = text;
    chunk.id.len = 256;
    chunk.type.len = 3000;
    chunk.nkeys = NGX_ER_HISTORY_KEYS;

    for (i = 0; i < NGX_ER_HISTORY_KEYS; i++) {
        chunk.keys[i].name = str("data.a");
        chunk.keys[i].value.data = text;
        chunk.keys[i].value.len = 2000;
    }

    size = ngx_er_history_size(&chunk);
    p = ngx_er_history_write(buf, &chunk);

    is_int(p - buf, size, "size of a large one");

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_ATTEMPT;
    chunk.number = 100000;
    chunk.answer.data = text;
    chunk.answer.len = 3000;

    size += ngx_er_history_size(&chunk);
    p = ngx_er_history_write(p, &chunk);

    chunk.kind = NGX_ER_HISTORY_STEP_KIND;
    chunk.name.data = text;
    chunk.name.len = 3000;

    size += ngx_er_history_size(&chunk);
    p = ngx_er_history_write(p, &chunk);

    is_int(p - buf, size, "size of an attempt and a step");

    chunks.data = buf;
    chunks.len = p - buf;

    any(&filter);
    filter.key.name = str("id");
    filter.key.value.data = text;
    filter.key.value.len = 256;
    filter.hash = 1;

    ok(ngx_er_history_match(&filter, SEQ, &chunks), "a cut id is found");

    filter.key.name = str("data.a");
    filter.key.value.len = 2000;
    ok(ngx_er_history_match(&filter, SEQ, &chunks), "and a cut value");

    filter.key.value.len = 254;
    ok(!ngx_er_history_match(&filter, SEQ, &chunks), "a shorter one is not");

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "event");
    is_int(chunk.id.len, NGX_ER_HISTORY_TEXT, "id");
    is_int(chunk.nkeys, NGX_ER_HISTORY_KEYS, "keys");
    is_int(chunk.keys[15].value.len, NGX_ER_HISTORY_TEXT, "value");
    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "attempt");
    is_int(chunk.answer.len, NGX_ER_HISTORY_ANSWER, "answer");
    is_int(chunk.number, 65535, "number");
    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "step");
    is_int(chunk.name.len, NGX_ER_HISTORY_TEXT, "name");
}


/* a store may make one of its own */

static void
steps(void)
{
    u_char                  *p;
    ngx_str_t                name, chunks;
    ngx_er_history_chunk_t   chunk;

    static u_char  bytes[] = {
        0, 22, 4,
        1, 2, 3, 4, 5, 6, 7, 8,
        0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0,
        NGX_ER_HISTORY_REPLAYED, 0, 'e', 'r', 'p'
    };

    name = str("erp");

    p = ngx_er_history_step(buf, 0x0102030405060708, 0x18bcfe56800,
                            NGX_ER_HISTORY_REPLAYED, 0, &name);

    is_int(p - buf, sizeof(bytes), "bytes of a step");
    is_mem(buf, bytes, sizeof(bytes), "which they are");

    p = ngx_er_history_step(buf, 1, 2, NGX_ER_HISTORY_PURGED, 0, NULL);
    is_int(p - buf, NGX_ER_HISTORY_STEP, "bytes of one without a name");

    /* an unknown kind is passed over */

    p = ngx_cpymem(buf, "\0\003\143ab", 5);
    p = ngx_er_history_step(p, 1, 2, NGX_ER_HISTORY_PURGED, 0, NULL);

    chunks.data = buf;
    chunks.len = p - buf;

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_DECLINED, "unknown kind");
    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "what is behind it");
    is_int(chunk.state, NGX_ER_HISTORY_PURGED, "is read");
}


static void
edited(void)
{
    u_char                   *p;
    ngx_str_t                 chunks;
    ngx_er_history_chunk_t    chunk;
    ngx_er_history_filter_t   filter;

    ngx_memzero(&chunk, sizeof(ngx_er_history_chunk_t));

    chunk.kind = NGX_ER_HISTORY_EDITED;
    chunk.event = SEQ;
    chunk.name = str("operator");

    p = ngx_er_history_write(buf, &chunk);
    is_int(p - buf, (int) ngx_er_history_size(&chunk), "as many as it said");
    is_int(p - buf, 3 + 8 + 8, "bytes of a copy's");

    chunks.data = buf;
    chunks.len = p - buf;

    is_int(ngx_er_history_read(&chunks, &chunk), NGX_OK, "is read");
    ok(chunk.event == SEQ, "a copy of which");
    is_int(chunk.name.len, 8, "by whom");
    is_int(ngx_er_history_read(&chunks, &chunk), NGX_DONE, "is all");

    chunks.data = buf;
    chunks.len = 2 + 1 + 7;
    buf[1] = 8;
    is_int(ngx_er_history_read(&chunks, &chunk), NGX_DECLINED, "too short");

    /* it is of no target */

    chunk.event = SEQ;
    chunk.name = str("operator");
    chunks = record();
    memmove(buf + 1024, chunks.data, chunks.len);
    chunks.data = buf + 1024;
    p = ngx_er_history_write(chunks.data + chunks.len, &chunk);
    chunks.len = p - chunks.data;

    any(&filter);
    filter.state = NGX_ER_HISTORY_PENDING;
    ok(!ngx_er_history_match(&filter, SEQ, &chunks), "none waits for that");
}


/* each byte is changed, and the record ends everywhere */

static void
damage(void)
{
    u_char                   *copy, old;
    ngx_str_t                 chunks, rest;
    ngx_uint_t                i, n;
    ngx_er_history_chunk_t    chunk;
    ngx_er_history_filter_t   filter;

    chunks = record();
    n = 0;

    any(&filter);
    filter.text = str("none");
    filter.state = NGX_ER_HISTORY_DEAD;

    for (i = 0; i <= chunks.len; i++) {

        /* of its own size, so that one byte too many is seen */

        copy = malloc(i + 1);
        memcpy(copy, chunks.data, i);
        copy = realloc(copy, i ? i : 1);

        rest.data = copy;
        rest.len = i;

        (void) ngx_er_history_match(&filter, SEQ, &rest);

        while (ngx_er_history_read(&rest, &chunk) != NGX_DONE) {
            n++;
        }

        free(copy);
    }

    ok(n > chunks.len, "a record that ends anywhere");

    copy = malloc(chunks.len);
    memcpy(copy, chunks.data, chunks.len);

    for (i = 0; i < chunks.len; i++) {
        old = copy[i];

        for (n = 0; n < 256; n += (n < 8 || n > 247) ? 1 : 13) {
            copy[i] = (u_char) n;

            rest.data = copy;
            rest.len = chunks.len;

            (void) ngx_er_history_match(&filter, SEQ, &rest);
        }

        copy[i] = old;
    }

    rest.data = copy;
    filter.text.len = 0;

    ok(ngx_er_history_match(&filter, SEQ, &rest), "it is as before");

    free(copy);
}


static void
hashes(void)
{
    uint64_t   id, order;
    ngx_str_t  name, a, b;

    name = str("id");
    id = ngx_er_history_name(&name);
    name = str("data.order.id");
    order = ngx_er_history_name(&name);

    a = str("9007199254740993");
    b = str("9007199254740992");

    ok(ngx_er_history_hash(id, &a) != ngx_er_history_hash(id, &b),
       "two large numbers");
    ok(ngx_er_history_hash(id, &a) != ngx_er_history_hash(order, &a),
       "one value of two fields");
    ok(ngx_er_history_hash(order, &a) == ngx_er_history_hash(order, &a),
       "the same is the same");

    /* in people's files: it never changes */

    is_int(ngx_er_history_hash(order, &a), 1208978694384196684, "a hash");

    a.len = 0;
    ok(ngx_er_history_hash(id, &a) != 0, "the hash of nothing is not 0");
}


static void
any(ngx_er_history_filter_t *filter)
{
    ngx_memzero(filter, sizeof(ngx_er_history_filter_t));
    filter->state = NGX_ER_HISTORY_ANY;
}


static void
key_of(ngx_er_history_filter_t *filter, const char *name, const char *value)
{
    any(filter);
    filter->key.name = str(name);
    filter->key.value = str(value);
    filter->hash = ngx_er_history_hash(ngx_er_history_name(&filter->key.name),
                                       &filter->key.value);
}


static ngx_uint_t
match(ngx_er_history_filter_t *filter)
{
    ngx_str_t  chunks;

    chunks = record();

    return ngx_er_history_match(filter, SEQ, &chunks);
}


static void
filters(void)
{
    ngx_er_history_filter_t  f;

    any(&f);
    ok(match(&f), "no filter");

    f.seq = SEQ;
    ok(match(&f), "its number");
    f.seq = SEQ + 1;
    ok(!match(&f), "another number");

    key_of(&f, "id", "b54557e4-9007199254740993");
    ok(match(&f), "its id");
    key_of(&f, "id", "given");
    ok(match(&f), "the id that was given");
    key_of(&f, "id", "b54557e4-9007199254740992");
    ok(!match(&f), "another id");
    key_of(&f, "id", "b54557e4");
    ok(!match(&f), "the beginning of its id");

    key_of(&f, "data.order.id", "9007199254740993");
    ok(match(&f), "a value");
    key_of(&f, "data.total", "9007199254740993");
    ok(!match(&f), "the value of another field");
    key_of(&f, "data.total", "19.9");
    ok(!match(&f), "another text of a number");

    any(&f);
    f.source = str("shopify");
    f.type = str("orders/paid");
    f.subject = str("shop.example");
    ok(match(&f), "source, type and subject");
    f.subject = str("shop.exampl");
    ok(!match(&f), "another subject");
    f.subject.len = 0;
    f.type = str("orders/paid2");
    ok(!match(&f), "another type");
    f.type.len = 0;
    f.source = str("Shopify");
    ok(!match(&f), "another source");

    any(&f);
    f.text = str("4557E4-90");
    ok(match(&f), "text in the id, in any case");
    f.text = str("9.9");
    ok(match(&f), "text in a value");
    f.text = str("shop");
    ok(!match(&f), "no text in the source");
    f.text = str("b54557e4-90071992547409931");
    ok(!match(&f), "a text that is longer than all");

    any(&f);
    f.target = 11;
    ok(match(&f), "a target");
    f.target = 13;
    ok(!match(&f), "another target");
    f.target = 0;
    f.status = 503;
    ok(match(&f), "the status of an attempt that was not the last one");
    f.status = 404;
    ok(!match(&f), "another status");
    f.status = 400;
    f.target = 11;
    ok(!match(&f), "the status of another target");
    f.target = 12;
    f.state = NGX_ER_HISTORY_DEAD;
    ok(match(&f), "all of one target");
    f.target = 11;
    f.status = 0;
    ok(!match(&f), "the state of another target");
    f.target = 0;
    f.state = NGX_ER_HISTORY_DELIVERED;
    ok(match(&f), "a state");
    f.state = NGX_ER_HISTORY_PENDING;
    ok(!match(&f), "none is pending");
    f.state = NGX_ER_HISTORY_UNROUTED;
    ok(!match(&f), "it has targets");
}


static void
times(void)
{
    ngx_er_history_filter_t  f;

    any(&f);

    f.from = 1700000000000;
    f.to = 1700000000001;
    ok(match(&f), "from is inclusive");

    f.from = 1700000000001;
    f.to = 0;
    ok(!match(&f), "later");

    f.from = 0;
    f.to = 1700000000000;
    ok(!match(&f), "to is exclusive");
}


static void
states(void)
{
    ngx_str_t                 name, chunks;
    ngx_uint_t                i, state, n;
    ngx_er_history_chunk_t    chunk;
    ngx_er_history_filter_t   f;

    for (i = 0, n = 0; i <= NGX_ER_HISTORY_UNSENT; i++) {
        name = str(ngx_er_history_state_name(i));
        n += (ngx_er_history_state(&name, &state) == NGX_OK && state == i);
    }

    is_int(n, NGX_ER_HISTORY_UNSENT + 1, "all states have names");

    name = str("unrouted");
    is_int(ngx_er_history_state(&name, &state), NGX_OK, "unrouted is one");

    name = str("replayed");
    is_int(ngx_er_history_state(&name, &state), NGX_DECLINED,
           "that it was replayed is not: it is pending");

    name = str("dea");
    is_int(ngx_er_history_state(&name, &state), NGX_DECLINED, "nor is this");

    name = str(ngx_er_history_state_name(NGX_ER_HISTORY_RETURNED));
    is_str(&name, "returned", "name of a step");
    name = str(ngx_er_history_state_name(200));
    is_str(&name, "pending", "one that is not known");

    /* replayed: pending again */

    chunks = record();
    chunks.len = ngx_er_history_step(chunks.data + chunks.len, 12, 1,
                                     NGX_ER_HISTORY_REPLAYED, 0, NULL)
                 - chunks.data;
    any(&f);
    f.target = 12;
    f.state = NGX_ER_HISTORY_DEAD;
    ok(!ngx_er_history_match(&f, SEQ, &chunks), "replayed: dead no more");
    f.state = NGX_ER_HISTORY_PENDING;
    ok(ngx_er_history_match(&f, SEQ, &chunks), "but pending");

    event_chunk(&chunk);
    chunks.len = ngx_er_history_write(buf, &chunk) - buf;
    any(&f);
    f.state = NGX_ER_HISTORY_UNROUTED;
    ok(ngx_er_history_match(&f, SEQ, &chunks), "no target: unrouted");
    f.target = 12;
    ok(!ngx_er_history_match(&f, SEQ, &chunks), "not of a target");
    f.target = 0;
    f.status = 200;
    ok(!ngx_er_history_match(&f, SEQ, &chunks), "and never attempted");
    f.status = 0;

    /* more targets than it looks at */

    for (i = 0; i < NGX_ER_HISTORY_PARTS + 44; i++) {
        chunks.len = ngx_er_history_step(buf + chunks.len, i + 1, 1,
                                         NGX_ER_HISTORY_STALE, 0, NULL) - buf;
    }

    f.state = NGX_ER_HISTORY_STALE;
    f.target = NGX_ER_HISTORY_PARTS;
    ok(ngx_er_history_match(&f, SEQ, &chunks), "the last one of them");
    f.target = NGX_ER_HISTORY_PARTS + 1;
    ok(!ngx_er_history_match(&f, SEQ, &chunks), "and one too many");
}
