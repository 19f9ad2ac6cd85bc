
/*
 * Copyright (C) Event Router contributors
 */


/*
 * History in Redis without a Redis: what scripts are told, records that are
 * sealed and opened, and lookups that merge what the shards show.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/crypto.h"
#include "../../ngx_event_router_module/store/redis/command.h"
#include "../../ngx_event_router_module/store/redis/history.h"
#include "../../ngx_event_router_module/store/redis/item.h"
#include "../../ngx_event_router_module/store/redis/lookup.h"
#include "../../ngx_event_router_module/store/redis/reply.h"


#define MS   1700000000000
#define ONE  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TWO  "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="


static void test_words(void);
static void test_step(void);
static void test_sealed(void);
static void test_flipped(void);
static void test_merge(void);
static void test_pages(void);
static void test_hashes(void);
static void test_wrong(void);
static void test_memory(void);
static void begin(ngx_er_queue_verb_e verb);
static void words(void);
static ngx_er_safe_t *keys(const char *text);
static void chunks(ngx_uint_t parts);
static ngx_str_t kept(void);
static void lookup(ngx_uint_t limit, ngx_uint_t looks);
static ngx_int_t shown(ngx_uint_t more, const char *numbers);
static const char *found(void);


static ngx_pool_t            *pool;
static ngx_str_t              word[NGX_ER_REDIS_ARGS];
static ngx_uint_t             nwords;
static ngx_er_queue_op_t      op;
static ngx_er_redis_walk_t    walk;
static ngx_er_redis_clock_t   clocks[3];
static ngx_er_history_find_t  find;

static ngx_er_redis_layout_t  layout = {
    ngx_string("er"), 3, 15000, 0xabc, 0, 0, clocks, NULL, 0, 86400000, 4096
};


int
main(void)
{
    ngx_er_safe_init(ngx_er_crypto_safe());
    ngx_er_redis_script_init();

    pool = ngx_er_test_pool();

    test_words();
    test_step();
    test_sealed();
    test_flipped();
    test_merge();
    test_pages();
    test_hashes();
    test_wrong();
    test_memory();

    ngx_destroy_pool(pool);

    return done_testing();
}


static void
test_words(void)
{
    uint64_t  hashes[2] = { 0x0102030405060708, 9 };

    begin(NGX_ER_QUEUE_ACCEPT);
    ngx_str_set(&op.history, "\0\2\1x\0\2\2y");
    ngx_str_set(&op.record, "r");
    op.hashes = hashes;
    op.nhashes = 2;
    words();

    is_str(&word[0], "2", "two keys");
    is_str(&word[1], "er:{q1}:m", "the shard's");
    is_str(&word[2], "er:{q1}:L", "and that of history");
    is_mem(word[9].data + word[9].len - 33,
           "\0\0\0\35\2\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\11\0\0\0\10"
           "\0\2\1x\0\2\2y", 33, "ACCEPT: hashes and chunks");

    op.history.len = 0;
    words();
    is_mem(word[9].data + word[9].len - 4, "\0\0\0\0", 4, "without a record");

    begin(NGX_ER_QUEUE_SETTLE);
    ngx_str_set(&op.history, "\0\2\3x");
    words();
    is_int(word[5].len, 48 + 1 + 2 + 4, "SETTLE");
    is_mem(word[5].data + 48, "\0\0\4\0\2\3x", 7, "and what it tells");

    op.filtered = 1;
    words();
    is_mem(word[5].data + 48, "\1\0\4\0\2\3x", 7, "it was filtered");

    begin(NGX_ER_QUEUE_RETRY);
    words();
    is_int(word[5].len, 48 + 10 + 2 + 2, "RETRY that tells nothing");

    begin(NGX_ER_QUEUE_BURY);
    ngx_str_set(&op.history, "\0\2\3x");
    words();
    is_mem(word[nwords - 1].data, "\0\2\3x", 4, "BURY");
    is_int(word[nwords - 1].len, 4, "and nothing else");

    begin(NGX_ER_QUEUE_SWEEP);
    words();
    is_str(&word[nwords - 1], "86400000 4096", "SWEEP: how long, how much");

    layout.history_time = 0;

    begin(NGX_ER_QUEUE_SETTLE);
    ngx_str_set(&op.history, "\0\2\3x");
    words();
    is_str(&word[0], "1", "without history: one key");
    is_int(word[4].len, 48 + 1, "and nothing is told");

    layout.history_time = 86400000;
}


/* lib/history.lua writes the same */

static void
test_step(void)
{
    u_char     buf[64], *p;
    ngx_str_t  name = ngx_string("erp");

    p = ngx_er_history_step(buf, 0x0102030405060708, 0x090a0b0c0d0e, 33, 2,
                            &name);

    is_int(p - buf, 24, "a step has 21 bytes and a name");
    is_mem(buf, "\0\26\4\1\2\3\4\5\6\7\10\0\0\11\12\13\14\15\16\41\2erp", 24,
           "number by number");
}


static void
test_sealed(void)
{
    size_t       n;
    ngx_str_t    was, record;

    layout.safe = keys(ONE);

    for (n = 0; n <= NGX_ER_HISTORY_PARTS; n += NGX_ER_HISTORY_PARTS / 2) {
        begin(NGX_ER_QUEUE_ACCEPT);
        chunks(n);
        was = op.history;
        record = kept();

        ok(record.len > was.len + NGX_ER_SAFE_MORE, "%d parts: it is sealed",
           (int) n);
        ok(ngx_strlcasestrn(record.data, record.data + record.len,
                            (u_char *) "canary", 5)
           == NULL, "%d parts: it cannot be read", (int) n);

        ngx_er_redis_history_open(&layout, walk.number, &record);
        ok(record.len == was.len
           && ngx_memcmp(record.data, was.data, was.len) == 0,
           "%d parts: and is opened", (int) n);

        record = kept();
        ngx_er_redis_history_open(&layout, walk.number + 1, &record);
        is_int(record.len, 0, "%d parts: not as another event's", (int) n);

        record = kept();
        layout.safe = NULL;
        ngx_er_redis_history_open(&layout, walk.number, &record);
        is_int(record.len, 0, "%d parts: nor without the key", (int) n);
        layout.safe = keys(ONE);
    }

    /* what Redis has appended is plain */

    begin(NGX_ER_QUEUE_ACCEPT);
    chunks(0);
    was = op.history;
    record = kept();
    record.len = ngx_er_history_step(record.data + record.len, 1, 2, 3, 4,
                                     NULL) - record.data;
    ngx_er_redis_history_open(&layout, walk.number, &record);
    is_int(record.len, was.len + NGX_ER_HISTORY_STEP, "beside a plain step");

    layout.safe = NULL;
    begin(NGX_ER_QUEUE_ACCEPT);
    chunks(3);
    was = op.history;
    record = kept();
    ngx_er_redis_history_open(&layout, 1, &record);
    ok(record.len == was.len
       && ngx_memcmp(record.data, was.data, was.len) == 0, "without keys");
}


/* whatever was changed, nothing is read that nobody wrote */

static void
test_flipped(void)
{
    size_t       i;
    ngx_str_t    was, record, copy;
    ngx_uint_t   wrong;

    layout.safe = keys(ONE);
    begin(NGX_ER_QUEUE_ACCEPT);
    chunks(1);
    was = op.history;
    record = kept();
    wrong = 0;

    for (i = 0; i < record.len; i++) {
        copy.len = record.len;
        copy.data = ngx_pnalloc(pool, record.len);
        ngx_memcpy(copy.data, record.data, record.len);
        copy.data[i] ^= 0x41;

        ngx_er_redis_history_open(&layout, walk.number, &copy);

        wrong += (ngx_strlcasestrn(copy.data, copy.data + copy.len,
                                   (u_char *) "canary", 5)
                  && (copy.len != was.len
                      || ngx_memcmp(copy.data, was.data, was.len) != 0));
    }

    is_int(wrong, 0, "a byte was changed: it is read as it was, or not");

    for (i = 0; i < record.len; i++) {
        copy.len = i;
        copy.data = ngx_pnalloc(pool, i + 1);
        ngx_memcpy(copy.data, record.data, i);
        ngx_er_redis_history_open(&layout, walk.number, &copy);
    }

    ok(1, "of any length");
    layout.safe = NULL;
}


static void
test_merge(void)
{
    lookup(10, 100);
    is_int(walk.shard, 0, "it begins at the first shard");
    is_str(&word[4], "", "of any event");
    is_str(&word[5], "", "with any hash");
    is_str(&word[6], "ffffffffffffffff", "from the newest one");
    is_str(&word[7], "0000000000000000", "to the oldest one");
    is_str(&word[8], "11", "one more than is wanted");

    is_int(shown(0, "9 4 3"), NGX_AGAIN, "three of one");
    is_int(walk.shard, 1, "the next one");
    is_int(shown(0, "8 7"), NGX_AGAIN, "two of another one");
    is_int(shown(0, "5"), NGX_OK, "and one");
    ok(strcmp(found(), "9 8 7 5 4 3") == 0, "newest first");
    is_int(find.more, 0, "there is no other one");
    is_int(find.looked, 6, "all were looked at");

    /* one that shows a part is asked again when the others need to know */

    lookup(10, 100);
    shown(1, "9 8");
    shown(0, "7");
    is_int(shown(0, "6"), NGX_AGAIN, "a shard has shown a part of it");
    is_int(walk.shard, 0, "it goes on there");
    words();
    is_str(&word[6], "0000000000000008", "behind what it has shown");
    is_str(&word[8], "44", "with more of them");
    is_int(shown(0, "2"), NGX_OK, "to the end");
    ok(strcmp(found(), "9 8 7 6 2") == 0, "in order");

    lookup(10, 100);
    shown(0, "");
    shown(0, "");
    is_int(shown(0, ""), NGX_OK, "nothing");
    ok(strcmp(found(), "") == 0, "is nothing");

    find.filter.seq = 7;
    lookup(10, 100);
    is_int(walk.shard, 7 % 3, "an event has a shard");
    is_str(&word[4], "0000000000000007", "and a number");
    is_int(shown(0, "7"), NGX_OK, "that is all");
    ok(strcmp(found(), "7") == 0, "itself");
    find.filter.seq = 0;
}


static void
test_pages(void)
{
    lookup(2, 100);
    shown(1, "9 6 3");
    shown(1, "8 5 2");
    is_int(shown(0, "7"), NGX_OK, "as many as are wanted");
    ok(strcmp(found(), "9 8") == 0, "no more");
    is_int(find.more, 1, "there are others");
    is_int(find.before, 8, "behind that one");

    lookup(2, 100);
    is_str(&word[6], "0000000000000008", "the next page");
    shown(0, "6 3");
    shown(0, "5 2");
    is_int(shown(0, "7"), NGX_OK, "goes on");
    ok(strcmp(found(), "7 6") == 0, "there");

    find.before = 0;
    lookup(10, 3);
    shown(0, "9 6 3");
    shown(0, "8 5 2");
    is_int(shown(0, "7"), NGX_OK, "as many as may be looked at");
    ok(strcmp(found(), "9 8 7") == 0, "no more");
    is_int(find.more * 10 + find.before, 17, "and the next page");

    find.before = 0;
    find.filter.from = 1;
    find.filter.to = 2;
    lookup(10, 100);
    is_str(&word[6], "0000000000200000", "a time range");
    is_str(&word[7], "0000000000100000", "of two ends");
    find.filter.from = 0;
    find.filter.to = 0;

    find.bytes = 1;
    lookup(10, 100);
    shown(0, "9");
    shown(0, "8");
    is_int(shown(0, ""), NGX_OK, "as large as it may be");
    ok(strcmp(found(), "9") == 0, "or one");
    is_int(find.more, 1, "there are others");
    find.bytes = 1000000;
    find.before = 0;
}


static void
test_hashes(void)
{
    find.filter.hash = 0x0102;
    lookup(10, 100);
    is_int(word[5].len, 8, "a hash");
    is_mem(word[5].data, "\0\0\0\0\0\0\1\2", 8, "as it is");

    layout.safe = keys(ONE "\n" TWO);
    lookup(10, 100);
    is_int(word[5].len, 24, "a hash of each key, and itself");
    ok(ngx_memcmp(word[5].data, "\0\0\0\0\0\0\1\2", 8) != 0, "with the key");
    ok(ngx_memcmp(word[5].data, word[5].data + 8, 8) != 0, "of each");
    is_mem(word[5].data + 16, "\0\0\0\0\0\0\1\2", 8, "as it was before");

    layout.safe = NULL;
    find.filter.hash = 0;
}


static void
test_wrong(void)
{
    lookup(10, 100);
    is_int(shown(1, ""), NGX_ERROR, "more of nothing would never end");
    lookup(10, 100);
    is_int(shown(1, "5 5"), NGX_ERROR, "nor would one twice");
    lookup(10, 100);
    is_int(shown(1, "4 5"), NGX_ERROR, "or in another order");
    lookup(10, 100);
    shown(1, "5");
    shown(0, "");
    shown(0, "");
    is_int(shown(1, "5"), NGX_ERROR, "or once more");

    find.before = 5;
    lookup(10, 100);
    is_int(shown(0, "5"), NGX_ERROR, "what was not asked for");
    find.before = 0;
}


static void
test_memory(void)
{
    ngx_int_t   rc;
    ngx_uint_t  i, bad;

    bad = 0;

    for (i = 1; i < 12; i++) {
        begin(NGX_ER_QUEUE_HISTORY);
        op.find = &find;
        ngx_er_redis_queue_walk(&walk, &layout, &op);
        ngx_er_test_fail_at = ngx_er_test_allocs + i;

        if (ngx_er_redis_queue_words(&walk, pool, word, &nwords) == NGX_OK) {
            rc = shown(0, "9 8");
            bad += (rc != NGX_ABORT && rc != NGX_ERROR && rc != NGX_AGAIN);
        }

        ngx_er_test_fail_at = 0;
    }

    is_int(bad, 0, "without memory");
}


static void
begin(ngx_er_queue_verb_e verb)
{
    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = verb;
    op.token = 0x1234;
    layout.count = 0;
}


/* of the operation */

static void
words(void)
{
    ngx_er_redis_lookup_t  *going;

    going = (op.verb == NGX_ER_QUEUE_HISTORY) ? walk.lookup : NULL;

    if (going == NULL) {
        ngx_er_redis_queue_walk(&walk, &layout, &op);
    }

    is_int(ngx_er_redis_queue_words(&walk, pool, word, &nwords), NGX_OK,
           "words of verb %d", (int) op.verb);
}


static ngx_er_safe_t *
keys(const char *text)
{
    ngx_str_t        s;
    ngx_er_safe_t   *safe;
    ngx_er_error_t   err;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return ngx_er_safe_create(pool, &s, &safe, &err) == NGX_OK ? safe : NULL;
}


/* an EVENT and so many PARTs */

static void
chunks(ngx_uint_t parts)
{
    u_char                  *p;
    ngx_uint_t               i;
    ngx_er_history_chunk_t   chunk;

    static u_char  text[NGX_ER_HISTORY_TEXT];

    ngx_memset(text, 'x', sizeof(text));
    ngx_memcpy(text, "canary", 6);

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_EVENT;
    chunk.id.data = text;
    chunk.id.len = sizeof(text);

    p = ngx_pnalloc(pool, 1024 * (parts + 1));
    op.history.data = p;
    p = ngx_er_history_write(p, &chunk);

    chunk.kind = NGX_ER_HISTORY_PART;
    chunk.name = chunk.id;
    chunk.routes = chunk.id;

    for (i = 0; i < parts; i++) {
        chunk.target = i;
        p = ngx_er_history_write(p, &chunk);
    }

    op.history.len = p - op.history.data;
}


/* a record as Redis keeps it, with room behind it */

static ngx_str_t
kept(void)
{
    u_char     *p;
    ngx_str_t   record;

    ngx_er_redis_queue_walk(&walk, &layout, &op);
    walk.number = (uint64_t) MS << 20;

    p = ngx_pnalloc(pool, ngx_er_redis_history_size(&op) + 64);
    record.len = ngx_er_redis_history_write(p, &walk) - p - 4;
    record.data = p + 4;

    return record;
}


static void
lookup(ngx_uint_t limit, ngx_uint_t looks)
{
    begin(NGX_ER_QUEUE_HISTORY);

    op.find = &find;
    find.limit = limit;
    find.looks = looks;
    find.filter.state = NGX_ER_HISTORY_ANY;

    if (find.bytes == 0) {
        find.bytes = 1000000;
    }

    walk.lookup = NULL;
    ngx_er_redis_queue_walk(&walk, &layout, &op);
    words();
}


/* the shard's reply: records of one chunk that nobody knows */

static ngx_int_t
shown(ngx_uint_t more, const char *numbers)
{
    char                   *p, text[4096];
    ngx_int_t               rc;
    ngx_uint_t              n;
    redisReply             *r;
    const char             *s;
    ngx_er_redis_reader_t   reader;

    n = 3;

    for (s = numbers; *s; s++) {
        n += (*s != ' ') ? 2 : 0;
    }

    p = text + sprintf(text, "*%d\r\n:1\r\n:%lld\r\n:%d\r\n", (int) n,
                       (long long) MS, (int) more);

    for (s = numbers; *s; s++) {
        if (*s != ' ') {
            p += sprintf(p, "$16\r\n000000000000000%c\r\n$8\r\n", *s);
            memcpy(p, "\0\0\0\0\3\0\1\x63\r\n", 10);
            p += 10;
        }
    }

    if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
        return NGX_ABORT;
    }

    reader.elements = 1000;
    rc = NGX_ABORT;

    if (ngx_er_redis_feed(&reader, (u_char *) text, p - text) == NGX_OK
        && ngx_er_redis_read(&reader, &r) == NGX_OK)
    {
        rc = ngx_er_redis_queue_reply(&walk, r);
    }

    ngx_er_redis_reader_close(&reader);

    return rc;
}


/* numbers of the records */

static const char *
found(void)
{
    char                     *p;
    ngx_uint_t                i;
    ngx_er_history_record_t  *record;

    static char  text[256];

    p = text;
    *p = '\0';
    record = find.records->elts;

    for (i = 0; i < find.records->nelts; i++) {
        p += sprintf(p, "%s%d", i ? " " : "", (int) record[i].seq);
    }

    return text;
}
