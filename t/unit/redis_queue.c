
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The queue in Redis without a Redis: which shard, which words, what a reply
 * means, and that no reply can do harm.  "redis_queue NAME" prints a script
 * instead, of the queue or of the dedup keys, for t/redis_lua.t.
 */


#include "tap.h"

#include "../../ngx_event_router_module/store/redis/command.h"
#include "../../ngx_event_router_module/store/redis/item.h"
#include "../../ngx_event_router_module/store/redis/reply.h"


#define bytes(s)  s, sizeof(s) - 1


static int print_script(const char *wanted);
static void test_scripts(void);
static void test_shards(ngx_pool_t *pool);
static void test_words(ngx_pool_t *pool);
static void test_until(ngx_pool_t *pool);
static void test_clock(ngx_pool_t *pool);
static void test_moved(void);
static void test_accept(ngx_pool_t *pool);
static void test_fenced(ngx_pool_t *pool);
static void test_many(ngx_pool_t *pool);
static void test_lease(ngx_pool_t *pool);
static void test_away(ngx_pool_t *pool);
static void test_late(ngx_pool_t *pool);
static void test_list(ngx_pool_t *pool);
static void test_limit(ngx_pool_t *pool);
static void test_dry(ngx_pool_t *pool);
static void test_sweep(ngx_pool_t *pool);
static void test_hostile(ngx_pool_t *pool);
static void wait_is(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    const char *seen, const char *wait, const char *what);
static ngx_int_t answer(ngx_er_redis_walk_t *w, const char *text);
static ngx_int_t reply(ngx_er_redis_walk_t *w, const char *text, size_t len);
static size_t entry(char *p, const char *seq, int attempts);
static size_t rows(char *p, const char *head, int n, const char *first,
    const char *second);


static ngx_er_redis_clock_t   clocks[4];

static ngx_er_redis_layout_t  one = {
    ngx_string("er"), 1, 15000, 0xabc, 0, 0, &clocks[3], NULL, 0, 0, 0
};

static ngx_er_redis_layout_t  three = {
    ngx_string("er"), 3, 15000, 0xabc, 0, 0, clocks, NULL, 0, 0, 0
};


int
main(int argc, char **argv)
{
    ngx_pool_t  *pool;

    if (argc > 1) {
        return print_script(argv[1]);
    }

    pool = ngx_er_test_pool();

    test_scripts();
    test_shards(pool);
    test_words(pool);
    test_until(pool);
    test_clock(pool);
    test_moved();
    test_accept(pool);
    test_fenced(pool);
    test_many(pool);
    test_lease(pool);
    test_away(pool);
    test_late(pool);
    test_list(pool);
    test_limit(pool);
    test_dry(pool);
    test_sweep(pool);
    test_hostile(pool);

    ngx_destroy_pool(pool);

    return done_testing();
}


static int
print_script(const char *wanted)
{
    ngx_uint_t              i, n;
    ngx_er_redis_script_t  *script;

    for (i = 0, n = 0; n < 3; i++) {
        script = (n == 0) ? ngx_er_redis_queue_script(i)
                 : (n == 1) ? ngx_er_redis_dedup_script(i)
                 : (i == 0) ? ngx_er_redis_rate_script() : NULL;

        if (script == NULL) {
            i = -1;
            n++;
            continue;
        }

        if (ngx_strcmp(script->name.data, wanted) == 0) {
            printf("%s", script->text->data);
            return 0;
        }
    }

    return 1;
}


static void
test_scripts(void)
{
    ngx_str_t               words[2], digest;
    ngx_uint_t              i;
    ngx_er_redis_script_t  *script;

    ngx_er_redis_script_init();

    for (i = 0; (script = ngx_er_redis_queue_script(i)); i++) {
        digest.data = script->digest;
        digest.len = NGX_ER_REDIS_DIGEST;

        ngx_er_redis_script_words(script, 0, words);
        is_str(&words[0], "EVALSHA", "%s: by its digest", script->name.data);
        ok(words[1].len == digest.len
           && ngx_memcmp(words[1].data, digest.data, digest.len) == 0,
           "%s: which it has", script->name.data);

        ngx_er_redis_script_words(script, 1, words);
        is_str(&words[0], "EVAL", "%s: itself", script->name.data);
        ok(words[1].data == script->text->data, "%s: all of it",
           script->name.data);
    }

    is_int(i, NGX_ER_QUEUE_HISTORY + 1,
           "a script for every verb and the check");

    is_str(&ngx_er_redis_queue_script(NGX_ER_QUEUE_ADOPT)->name, "queue_adopt",
           "in the order of the verbs");
    is_str(&ngx_er_redis_queue_script(NGX_ER_REDIS_CHECK)->name, "queue_check",
           "the check in its place");
    is_str(&ngx_er_redis_queue_script(NGX_ER_QUEUE_HISTORY)->name,
           "queue_history", "lookups behind it");

    for (i = 0; (script = ngx_er_redis_dedup_script(i)); i++) { /* void */ }

    is_int(i, 6, "a script for every verb of a key");
    is_str(&ngx_er_redis_dedup_script(5)->name, "dedup_live",
           "in the order of the verbs");
    is_str(&ngx_er_redis_rate_script()->name, "rate_take", "that of rates");
}


static void
test_shards(ngx_pool_t *pool)
{
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
    op.pool = pool;

    op.verb = NGX_ER_QUEUE_ACCEPT;
    op.dedup = 1;
    op.key[0] = 1;
    op.key[1] = 4;

    ngx_er_redis_queue_walk(&w, &three, &op);
    is_int(w.shard, (256 + 4) % 3, "the shard of a key");
    is_int(w.left, 0, "is the only one");

    op.verb = NGX_ER_QUEUE_SETTLE;
    op.seq = (uint64_t) 1700000000000 << 20 | 5;

    ngx_er_redis_queue_walk(&w, &three, &op);
    is_int(w.shard, 2, "the shard of an event");

    op.verb = NGX_ER_QUEUE_LEASE;
    ngx_er_redis_queue_walk(&w, &three, &op);
    is_int(w.left, 2, "a lease walks through all");

    op.verb = NGX_ER_QUEUE_LIST;
    op.filter.seq = op.seq;
    ngx_er_redis_queue_walk(&w, &three, &op);
    is_int(w.shard * 10 + w.left, 20, "a list of one event does not");
}


static void
test_words(ngx_pool_t *pool)
{
    ngx_str_t             words[NGX_ER_REDIS_ARGS];
    ngx_uint_t            n, verb;
    ngx_er_queue_op_t     op;
    ngx_er_queue_part_t   parts[2];
    ngx_er_redis_walk_t   w;

    static ngx_er_entry_version_t  version = {
        256, 1, "kkkkkkkkkkkkkkk", 19, "a version and so on"
    };

    version.key[15] = 'k';

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(parts, sizeof(parts));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_ACCEPT;
    op.token = 0x1234;
    op.parts = parts;
    op.nparts = 2;
    ngx_str_set(&op.record, "a\0b");

    parts[0].target = 0xfedcba9876543210;
    ngx_str_set(&parts[0].name, "billing");
    ngx_str_set(&parts[0].routes, "a,b");
    parts[0].delay = 255;
    parts[0].lease = 1;
    parts[1].target = 1;
    parts[1].version = &version;
    op.print = 0x0123456789abcdef;
    op.repeat = 1;
    op.window = 3600;
    op.retain = 9;
    op.lease = 20000;
    op.guard = 1;
    op.source = 0xee;

    three.count = 6;
    ngx_er_redis_queue_walk(&w, &three, &op);

    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "accept");
    is_str(&words[0], "1", "one key");
    is_str(&words[1], "er:{q1}:m", "of the shard");
    is_str(&words[2], "1 3", "the layout");
    is_str(&words[3], "0000000000000abc", "the holder");
    is_str(&words[4], "3", "the number of shards");
    is_str(&words[5], "1", "this one");
    is_mem(words[8].data,
           "0000000000001234" "0000000000000007" "0000000000000000"
           "0123456789abcdef"
           "\1" "\0" "\0\0\0\313"
           "\0\0\0\0\0\0\16\20" "\0\0\0\0\0\0\0\11" "\0\0\0\0\0\0\116\40"
           "\1" "00000000000000ee"
           "fedcba9876543210" "0000000000000000" "\0\0\0\0\0\0\0\377"
           "\1" "\0\7billing" "\0\3a,b" "\0"
           "0000000000000001" "0000000000000000" "\0\0\0\0\0\0\0\0"
           "\0" "\0\0" "\0\0"
           "\74" "\1" "\0\0\0\0\0\0\1\0"
           "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b" "a version and so on",
           70 + 143 + 60, "the item");
    is_int(words[8].len, 70 + 143 + 60, "all of it");
    is_int(words[9].len, 3, "the record is bytes");
    is_int(n, 10, "no more");

    op.dedup = 1;
    op.key[31] = 0xab;
    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "with key");
    is_mem(words[8].data + 64, "\1\100" "00", 4, "its length");
    is_mem(words[8].data + 64 + 2 + 60, "00ab" "\0\0\0\313", 8, "and itself");

    op.verb = NGX_ER_QUEUE_RETRY;
    op.seq = 0x55;
    op.target = 0x66;
    op.delay = 0x0102;
    op.doubt = 13;
    op.counted = 1;
    op.past.time = 0x0102030405060708;
    op.past.ms = 0x090a0b0c;
    op.past.status = 503;
    op.calls.data = (u_char *) "abc";
    op.calls.len = 3;

    ngx_er_redis_queue_walk(&w, &one, &op);
    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "retry");
    is_str(&words[3], "0000000000000abc", "the holder");
    is_int(words[4].len, 48 + 10 + 14 + 2 + 3, "the item");
    is_mem(words[4].data,
           "0000000000001234" "0000000000000055" "0000000000000066"
           "\0\0\0\0\0\0\1\2" "\15" "\16"
           "\1\2\3\4\5\6\7\10\11\12\13\14\1\367" "\0\3" "abc",
           48 + 10 + 14 + 2 + 3, "an attempt is big-endian, then calls");

    op.counted = 0;
    op.calls.len = 0;
    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "again");
    is_int(words[4].len, 48 + 10 + 2, "no attempt, no calls");
    is_int(words[4].data[57], 0, "and none is said");

    op.verb = NGX_ER_QUEUE_EXTEND;
    op.lease = 30000;
    op.calls.len = 3;
    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "extend");
    is_str(&words[n - 3], "30000", "for how long");
    is_str(&words[n - 2], "abc", "with calls");
    is_str(&words[n - 1], "13", "and the doubt");

    op.verb = NGX_ER_QUEUE_BURY;
    op.counted = 1;
    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "bury");
    is_mem(words[7].data, "\1\2\3\4\5\6\7\10\11\12\13\14\1\367", 14,
           "the attempt is the same");
    is_str(&words[n - 2], "13", "and so is the doubt");
    is_str(&words[n - 1], "abc", "the calls behind it");
    op.calls.len = 0;
    op.counted = 0;

    for (verb = 0; verb <= NGX_ER_QUEUE_PURGE; verb++) {
        op.verb = verb;
        op.token = (uint64_t) -1;
        op.window = (ngx_msec_t) -1;
        op.filter.from = (uint64_t) -1;
        op.filter.to = (uint64_t) -1;
        op.bytes = (size_t) -1;

        ngx_er_redis_queue_walk(&w, &three, &op);
        is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK,
               "verb %d has words", (int) verb);
        ok(n <= NGX_ER_REDIS_ARGS - 2, "not too many");
    }

    op.verb = NGX_ER_QUEUE_ACCEPT;
    is_int(ngx_er_redis_item_fits(&op), NGX_OK, "it fits");
    parts[1].name.len = 0x10000;
    is_int(ngx_er_redis_item_fits(&op), NGX_DECLINED, "a name that is none");
    parts[1].name.len = 0;
    parts[1].routes.len = 0x10000;
    is_int(ngx_er_redis_item_fits(&op), NGX_DECLINED, "too many routes");
    op.nparts = NGX_ER_REDIS_TARGETS + 1;
    is_int(ngx_er_redis_item_fits(&op), NGX_DECLINED, "too many parts");
}


/* until when somebody waits, by the clock of the shard */

static void
test_until(ngx_pool_t *pool)
{
    ngx_str_t            words[NGX_ER_REDIS_ARGS];
    ngx_uint_t           n, verb;
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(clocks, sizeof(clocks));

    op.pool = pool;

    for (verb = 0; verb <= NGX_ER_QUEUE_LEASE; verb++) {
        op.verb = verb;
        ngx_memzero(clocks, sizeof(clocks));
        three.count = 0;
        three.turn = 1;
        ngx_er_redis_queue_walk(&w, &three, &op);

        w.until = 1000700;
        wait_is(&w, pool, "0", "0", "Redis has said nothing yet");

        clocks[1].now = 1700000000000;
        clocks[1].at = 1000000;
        wait_is(&w, pool, "1700000000000", "700", "so long");

        w.until = 1000000;
        wait_is(&w, pool, "1700000000000", "0", "not at all");
        w.until = 999999;
        wait_is(&w, pool, "1700000000000", "0", "nor before");
        w.until = 0;
        wait_is(&w, pool, "0", "0", "for ever");

        clocks[1].at = (ngx_msec_t) -10;
        w.until = 5;
        wait_is(&w, pool, "1700000000000", "15", "this clock went round");

        w.shard = 2;
        wait_is(&w, pool, "0", "0", "another shard has its own");
    }

    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "lease");
    is_int(n, 15, "words");

    op.verb = NGX_ER_QUEUE_SETTLE;
    ngx_er_redis_queue_walk(&w, &three, &op);
    w.until = 1;
    is_int(ngx_er_redis_queue_words(&w, pool, words, &n), NGX_OK, "settle");
    is_int(n, 5, "may come late");

    ngx_memzero(clocks, sizeof(clocks));
}


static void
test_clock(ngx_pool_t *pool)
{
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_er_test_set_time(1700000000);
    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(clocks, sizeof(clocks));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_EXTEND;
    op.seq = 2;
    ngx_er_redis_queue_walk(&w, &three, &op);

    is_int(reply(&w, bytes("*2\r\n:0\r\n:4711\r\n")), NGX_OK, "a reply");
    is_int(clocks[2].now, 4711, "shows the shard's clock");
    is_int(clocks[2].at, ngx_current_msec, "as of now");
    is_int(clocks[0].now, 0, "not another one's");

    /* sent at 0, run at 100, read at 400: until 1000 is until 700 there */

    clocks[2].now = 5100;
    clocks[2].at = 400;
    op.verb = NGX_ER_QUEUE_LEASE;
    three.count = 1;
    ngx_er_redis_queue_walk(&w, &three, &op);
    w.until = 1000;
    wait_is(&w, pool, "5100", "600", "the way back shortens it");

    (void) reply(&w, bytes("*2\r\n$6\r\nLAYOUT\r\n$3\r\n2 7\r\n"));
    (void) reply(&w, bytes("*2\r\n:1\r\n:-5\r\n"));
    (void) reply(&w, bytes("*2\r\n:1\r\n:9007199254740993\r\n"));
    (void) reply(&w, bytes("*2\r\n:1\r\n$1\r\n5\r\n"));
    is_int(clocks[2].now, 5100, "no reply, no clock");

    ngx_er_redis_queue_walk(&w, &one, NULL);
    is_int(reply(&w, bytes("*2\r\n:1\r\n:4712\r\n")), NGX_OK, "the check");
    is_int(clocks[3].now, 4712, "shows that of the first shard");

    ngx_memzero(clocks, sizeof(clocks));
}


static void
test_moved(void)
{
    size_t       i;
    in_port_t    port;
    ngx_str_t    host;
    ngx_uint_t   ask;

    static const char  *bad[] = {
        "MOVED", "MOVED ", "MOVED 1", "MOVED 1 ", "MOVED 1 host",
        "MOVED 1 host:", "MOVED 1 host:0", "MOVED 1 host:65536",
        "MOVED 1 host:1x", "ASK", "ASK ", "ASK 1", "ERR MOVED 1 h:1", ""
    };

    is_int(ngx_er_redis_queue_moved(bytes("MOVED 3999 127.0.0.1:6381"), &host,
                                    &port, &ask),
           NGX_OK, "moved");
    is_str(&host, "127.0.0.1", "to that host");
    is_int(port, 6381, "and port");
    is_int(ask, 0, "for ever");

    is_int(ngx_er_redis_queue_moved(bytes("ASK 3999 ::1:6381"), &host, &port,
                                    &ask),
           NGX_OK, "ask");
    is_str(&host, "::1", "IPv6");
    is_int(ask, 1, "only this time");

    is_int(ngx_er_redis_queue_moved(bytes("MOVED 1 :7000"), &host, &port,
                                    &ask),
           NGX_OK, "the same host");
    is_int(host.len, 0, "which is not said");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(ngx_er_redis_queue_moved(bad[i], strlen(bad[i]), &host, &port,
                                        &ask),
               NGX_DECLINED, "\"%s\" is neither", bad[i]);
    }
}


static void
test_accept(ngx_pool_t *pool)
{
    ngx_uint_t             i;
    ngx_er_queue_op_t      op;
    ngx_er_queue_part_t    parts[2];
    ngx_er_redis_walk_t    w;
    ngx_er_queue_count_t  *count;

    static const char  *bad[] = {
        "", "1", "000000000000000fe", "00000000000000fe0",
        "0000000000000zzfe0", "000000000000000fe2", "000000000000000fe00",
        "300000000000000fe0", "200000000000000fe0",
        "200000000000000fe0" "00000000000000aa",
        "200000000000000fe0" "00000000000000aa" "0004erp",
        "200000000000000fe0" "00000000000000aa" "0003erp" "00",
        "200000000000000fe0" "00000000000000zz" "0003erp",
        "200000000000000fe0" "00000000000000aa" "zzzzerp"
    };

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(parts, sizeof(parts));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_ACCEPT;
    op.parts = parts;
    op.nparts = 2;
    parts[0].lease = 1;

    ngx_er_redis_queue_walk(&w, &one, &op);

    is_int(answer(&w, "100000000000000ff01"), NGX_OK, "accepted");
    is_int(op.rc, NGX_OK, "rc");
    is_int(op.seq, 255, "its number");
    is_int(parts[0].lease * 10 + parts[1].lease, 1, "what is leased");

    is_int(answer(&w, "100000000000000ff0"), NGX_ERROR, "a target is missing");
    is_int(answer(&w, "100000000000000ff011"), NGX_ERROR,
           "there is one too many");

    is_int(answer(&w, "000000000000000fe0"), NGX_OK, "a duplicate");
    is_int(op.rc, NGX_DECLINED, "rc");
    is_int(op.seq, 254, "of that one");
    is_int(op.differs, 0, "with the same body");

    is_int(answer(&w, "000000000000000fe1"), NGX_OK, "another duplicate");
    is_int(op.differs, 1, "has another body");

    parts[0].lease = 1;

    is_int(answer(&w, "200000000000000fe0" "00000000000000aa" "0003erp"
                      "00000000000000ab" "0000"),
           NGX_OK, "started again");
    is_int(op.rc, NGX_DONE, "rc");
    is_int(op.counts->nelts, 2, "for two targets");

    count = op.counts->elts;

    is_int(count[0].target, 0xaa, "for that one");
    is_str(&count[0].name, "erp", "of that name");
    is_int(count[1].name.len, 0, "and one without a name");
    is_int(parts[0].lease, 0, "nothing is leased");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(answer(&w, bad[i]), NGX_ERROR, "no answer: \"%s\"", bad[i]);
    }

    is_int(reply(&w, bytes("*3\r\n:1\r\n:17\r\n:1\r\n")), NGX_ERROR,
           "an answer that is no text");
    is_int(reply(&w, bytes("*2\r\n:1\r\n:17\r\n")), NGX_ERROR, "none");
    is_int(reply(&w, bytes("*4\r\n:1\r\n:17\r\n$18\r\n000000000000000fe0\r\n"
                           "$18\r\n000000000000000fe0\r\n")),
           NGX_ERROR, "more than were asked");

    is_int(reply(&w, bytes("*2\r\n$6\r\nLAYOUT\r\n$3\r\n2 7\r\n")),
           NGX_DECLINED, "another layout");
}


static void
test_fenced(ngx_pool_t *pool)
{
    ngx_uint_t           i;
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_SETTLE;
    ngx_er_redis_queue_walk(&w, &one, &op);

    is_int(answer(&w, "1"), NGX_OK, "settled");
    is_int(op.rc, NGX_OK, "rc");
    is_int(answer(&w, "0"), NGX_OK, "fenced");
    is_int(op.rc, NGX_DECLINED, "rc");
    is_int(answer(&w, "-"), NGX_OK, "gone");
    is_int(op.rc, NGX_DECLINED, "rc");
    is_int(answer(&w, "2"), NGX_ERROR, "no such letter");
    is_int(answer(&w, "e"), NGX_ERROR, "it failed, and nothing says why");
    is_int(answer(&w, ""), NGX_ERROR, "no letter");
    is_int(answer(&w, "11"), NGX_ERROR, "one too many");

    w.resent = 1;
    is_int(answer(&w, "-"), NGX_OK, "gone by us");
    is_int(op.rc, NGX_OK, "rc");

    op.verb = NGX_ER_QUEUE_RETRY;
    is_int(answer(&w, "-"), NGX_OK, "to try again");
    is_int(op.rc, NGX_DECLINED, "rc");

    op.verb = NGX_ER_QUEUE_EXTEND;
    is_int(reply(&w, bytes("*2\r\n:-1\r\n:17\r\n")), NGX_OK, "to extend");
    is_int(op.rc, NGX_DECLINED, "rc");

    /* who always has more to adopt is not asked for ever */

    op.verb = NGX_ER_QUEUE_ADOPT;
    ngx_er_redis_queue_walk(&w, &one, &op);

    for (i = 0; i < 20000; i++) {
        if (reply(&w, bytes("*4\r\n:1\r\n:17\r\n:2\r\n:1\r\n"))
            != NGX_AGAIN)
        {
            break;
        }
    }

    ok(i > 1000 && i < 20000, "adopting ends");
}


/* several in one command */

static void
test_many(ngx_pool_t *pool)
{
    ngx_str_t            words[NGX_ER_REDIS_ARGS];
    ngx_uint_t           i, n;
    ngx_er_queue_op_t    op[3];
    ngx_er_queue_part_t  parts[3];
    ngx_er_redis_walk_t  w[3];

    ngx_memzero(op, sizeof(op));
    ngx_memzero(parts, sizeof(parts));

    for (i = 0; i < 3; i++) {
        op[i].pool = pool;
        op[i].verb = NGX_ER_QUEUE_ACCEPT;
        op[i].parts = &parts[i];
        op[i].nparts = 1;
        op[i].record.data = (u_char *) "onetwotri" + 3 * i;
        op[i].record.len = 3;

        ngx_er_redis_queue_walk(&w[i], &one, &op[i]);

        if (i) {
            w[i - 1].next = &w[i];
        }
    }

    op[1].record.len = 0;

    is_int(ngx_er_redis_queue_words(w, pool, words, &n), NGX_OK, "three");
    is_int(n, 12, "a word of items, and three records");
    is_int(words[8].len, 3 * (70 + 41 + 46), "items");
    is_str(&words[9], "one", "a record");
    is_int(words[10].len, 0, "an empty one");
    is_str(&words[11], "tri", "the last one");

    is_int(reply(w, bytes("*5\r\n:1\r\n:17\r\n$18\r\n100000000000000011\r\n"
                          "-WRONGTYPE x\r\n"
                          "$18\r\n000000000000000030\r\n")),
           NGX_OK, "answers");
    is_int(op[0].rc, NGX_OK, "the first one");
    is_int(op[0].seq, 1, "with its number");
    is_int(op[1].rc, NGX_ERROR, "the next one failed");
    ok(w[0].fault == NULL && w[1].fault && w[2].fault == NULL, "by a fault");
    is_int(op[2].rc, NGX_DECLINED, "the last one");
    is_int(op[2].seq, 3, "is known");

    is_int(reply(w, bytes("*4\r\n:1\r\n:17\r\n$18\r\n100000000000000011\r\n"
                          "$18\r\n000000000000000030\r\n")),
           NGX_ERROR, "one answer is missing");

    is_int(reply(w, bytes("*2\r\n:-2\r\n:17\r\n")), NGX_BUSY, "all are late");
    op[2].rc = NGX_OK;
    is_int(reply(w, bytes("*2\r\n:-2\r\n:17\r\n")), NGX_ABORT, "once more");
    is_int(op[2].rc, NGX_ERROR, "none is there");

    for (i = 0; i < 3; i++) {
        op[i].verb = NGX_ER_QUEUE_SETTLE;
        op[i].record.len = 0;
        op[i].nparts = 0;
        op[i].filtered = (i == 1);
    }

    w[2].resent = 1;
    is_int(ngx_er_redis_queue_words(w, pool, words, &n), NGX_OK, "three");
    is_int(n, 5, "a word of items");
    is_int(words[4].len, 3 * 49, "of so many bytes");
    is_int(words[4].data[48], 0, "a target has one");
    is_int(words[4].data[49 + 48], 1, "and does not want another");
    is_int(answer(w, "0e-"), NGX_ERROR, "what failed is not said");
    is_int(reply(w, bytes("*4\r\n:1\r\n:17\r\n$3\r\n0e-\r\n:1\r\n")),
           NGX_ERROR, "nor so");
    is_int(reply(w, bytes("*4\r\n:1\r\n:17\r\n$3\r\n0e-\r\n-ERR x\r\n")),
           NGX_OK, "letters");
    is_int(op[0].rc, NGX_DECLINED, "fenced");
    is_int(op[1].rc, NGX_ERROR, "failed");
    is_int(op[2].rc, NGX_OK, "gone by us");
    is_int(answer(w, "11"), NGX_ERROR, "a letter is missing");
    is_int(answer(w, "1111"), NGX_ERROR, "one too many");
}


static void
test_lease(ngx_pool_t *pool)
{
    char                  text[4096];
    ngx_er_entry_t       *e;
    ngx_er_queue_op_t     op;
    ngx_er_redis_walk_t   w;

    ngx_er_test_set_time(1700000000);
    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_LEASE;
    op.fresh = 5;
    op.again = 5;
    op.bytes = 1000;

    three.turn = 0;
    ngx_er_redis_queue_walk(&w, &three, &op);

    /* Redis's clock is 10 s behind */

    is_int(reply(&w, text, rows(text, ":1699999990000\r\n:-1\r\n"
                                ":1699999991000\r\n", 4, "1", NULL)),
           NGX_AGAIN, "the first shard");
    is_int(w.shard, 1, "to the next");
    is_int(reply(&w, text, rows(text, ":1699999990000\r\n:1699999990500\r\n"
                                ":-1\r\n", 4, "2", NULL)),
           NGX_AGAIN, "the second");
    is_int(reply(&w, text, rows(text, ":1699999990000\r\n:-1\r\n:-1\r\n",
                                4, NULL, NULL)),
           NGX_OK, "the last");

    is_int(op.rc, NGX_OK, "rc");
    is_int(op.count.fresh, 1700000000500, "fresh, by this clock");
    is_int(op.count.again, 1700000001000, "again");
    is_int(op.entries->nelts, 2, "entries");

    e = op.entries->elts;

    is_int(e[0].seq, 1, "event");
    is_int(e[0].target, 0xa, "target");
    is_int(e[0].attempts, 1, "attempts");
    is_int(e[0].due, 1700000020000, "due");
    is_int(e[0].token, 0xb, "token");
    is_int(e[0].npast, 1, "past");
    is_int(e[0].past[0].time, 1, "time");
    is_int(e[0].past[0].ms, 2, "ms");
    is_int(e[0].past[0].status, 503, "status");
    is_int(e[0].past[0].number, 1, "number");
    is_str(&e[0].name, "billing", "name");
    is_str(&e[0].routes, "r", "routes");
    is_str(&e[0].record, "record", "record");
    is_int(w.again, 3, "wanted");
    is_int(w.bytes, 988, "bytes");

    /* enough is enough */

    op.entries = NULL;
    op.again = 1;
    op.fresh = 0;
    ngx_er_redis_queue_walk(&w, &three, &op);

    is_int(reply(&w, text, rows(text, ":1700000000000\r\n:-1\r\n:-1\r\n",
                                4, "1", NULL)),
           NGX_OK, "no more is wanted");
    is_int(op.count.again, 1700000000000, "the others may have some");
}


/* a shard that is away keeps nobody from the others */

static void
test_away(ngx_pool_t *pool)
{
    char                 text[4096];
    ngx_uint_t           i, begun, verb;
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_er_test_set_time(1700000000);
    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.bytes = 1000;
    op.fresh = 5;
    op.again = 5;
    begun = 0;

    for (i = 0; i < three.shards; i++) {
        op.verb = NGX_ER_QUEUE_LEASE;
        ngx_er_redis_queue_walk(&w, &three, &op);
        begun |= 1 << w.shard;

        for (verb = 1; verb < three.shards; verb++) {
            op.verb = NGX_ER_QUEUE_SETTLE;
            ngx_er_redis_queue_walk(&w, &three, &op);
        }
    }

    is_int(begun, 7, "each shard has its turn, whatever comes in between");

    op.verb = NGX_ER_QUEUE_LEASE;
    op.rc = NGX_ERROR;
    ngx_er_redis_queue_walk(&w, &three, &op);
    i = w.shard;

    is_int(ngx_er_redis_queue_pass(&w), NGX_AGAIN, "the first one is away");
    is_int(w.shard, (i + 1) % 3, "to the next");
    is_int(reply(&w, text, rows(text, ":1700000000000\r\n:-1\r\n:-1\r\n",
                                4, "1", NULL)),
           NGX_AGAIN, "which has an entry");
    is_int(ngx_er_redis_queue_pass(&w), NGX_DONE, "the last is away");
    is_int(op.rc, NGX_OK, "what there is is delivered");
    is_int(op.entries->nelts, 1, "one entry");
    is_int(op.count.fresh, 1700000001000, "asked again after a second");
    is_int(op.count.again, 1700000001000, "for both");

    for (verb = 0; verb < NGX_ER_QUEUE_VERBS; verb++) {
        op.verb = verb;
        op.rc = NGX_ERROR;
        op.filter.seq = 1;
        ngx_er_redis_queue_walk(&w, &three, &op);

        for (i = 0; ngx_er_redis_queue_pass(&w) == NGX_AGAIN; i++) {
            /* void */
        }

        is_int(op.rc, NGX_ERROR, "verb %d: all are away", (int) verb);
        is_int(i, (verb == NGX_ER_QUEUE_LEASE || verb == NGX_ER_QUEUE_ADOPT
                   || verb == NGX_ER_QUEUE_SWEEP) ? 2 : 0,
               "who needs all of them stops");
    }

    op.verb = NGX_ER_QUEUE_SWEEP;
    ngx_er_redis_queue_walk(&w, &three, &op);
    is_int(op.partial, 0, "all are there");
    (void) ngx_er_redis_queue_pass(&w);
    is_int(op.partial, 1, "one is not");
    ngx_er_redis_queue_walk(&w, &three, &op);
    is_int(op.partial, 0, "it is there again");
}


static void
test_late(ngx_pool_t *pool)
{
    char                 text[4096];
    ngx_uint_t           i;
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    static const char  late[] = "*2\r\n:-2\r\n:1700000000000\r\n";

    ngx_er_test_set_time(1700000000);
    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(clocks, sizeof(clocks));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_ACCEPT;

    clocks[3].now = 1;
    clocks[3].at = ngx_current_msec;
    ngx_er_redis_queue_walk(&w, &one, &op);
    w.until = ngx_current_msec + 600;
    wait_is(&w, pool, "1", "600", "another clock was known");

    is_int(reply(&w, bytes(late)), NGX_BUSY, "too late: once more");
    wait_is(&w, pool, "1700000000000", "600", "by the clock of the reply");
    is_int(reply(&w, bytes(late)), NGX_ABORT, "too late again: that is all");
    is_int(op.rc, NGX_ERROR, "rc");

    /* each shard may say it once */

    op.verb = NGX_ER_QUEUE_LEASE;
    op.fresh = 5;
    op.bytes = 1000;
    three.count = 0;
    ngx_er_redis_queue_walk(&w, &three, &op);

    for (i = 0; i < 2; i++) {
        is_int(reply(&w, bytes(late)), NGX_BUSY, "shard %d: too late",
               (int) w.shard);
        is_int(reply(&w, text, rows(text, ":1700000000000\r\n:-1\r\n:-1\r\n",
                                    4, NULL, NULL)),
               NGX_AGAIN, "then in time");
    }

    is_int(reply(&w, bytes(late)), NGX_BUSY, "shard %d: too late",
           (int) w.shard);
    is_int(reply(&w, bytes(late)), NGX_ABORT, "twice");
    is_int(op.rc, NGX_OK, "what the others gave is of use");
    is_int(op.count.fresh, 1700000000000, "that one is asked again soon");

    for (i = NGX_ER_QUEUE_EXTEND; i <= NGX_ER_QUEUE_PURGE; i++) {
        op.verb = i;
        ngx_er_redis_queue_walk(&w, &one, &op);
        is_int(reply(&w, bytes(late)), NGX_ERROR, "verb %d is never late",
               (int) i);
    }

    ngx_memzero(clocks, sizeof(clocks));
}


static void
test_list(ngx_pool_t *pool)
{
    char                  text[4096];
    ngx_er_entry_t       *e;
    ngx_er_queue_op_t     op;
    ngx_er_redis_walk_t   w;

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_LIST;
    op.limit = 3;

    ngx_er_redis_queue_walk(&w, &three, &op);

    is_int(reply(&w, text,
                 rows(text, ":1700000000000\r\n:1\r\n$16\r\n000000000000000a"
                      "\r\n$16\r\n0000000000000005\r\n", 5, "3", "5")),
           NGX_AGAIN, "the first shard has more");
    is_int(reply(&w, text,
                 rows(text, ":1700000000000\r\n:0\r\n$16\r\n000000000000000a"
                      "\r\n$16\r\n0000000000000007\r\n", 5, "1", "7")),
           NGX_AGAIN, "the second has not");
    is_int(reply(&w, text,
                 rows(text, ":1700000000000\r\n:0\r\n$16\r\n000000000000000a"
                      "\r\n$16\r\n0000000000000002\r\n", 5, "2", NULL)),
           NGX_OK, "the last");

    e = op.entries->elts;

    is_int(op.entries->nelts, 3, "as many as wanted");
    is_int(e[0].seq * 100 + e[1].seq * 10 + e[2].seq, 123, "sorted");
    is_int(op.more, 1, "more");
    is_int(op.after[0], 0xa, "behind the last: target");
    is_int(op.after[1], 3, "event");

    op.limit = 100;
    op.entries = NULL;
    ngx_er_redis_queue_walk(&w, &three, &op);

    (void) reply(&w, text,
                 rows(text, ":1700000000000\r\n:1\r\n$16\r\n000000000000000a"
                      "\r\n$16\r\n0000000000000005\r\n", 5, "3", "5"));
    (void) reply(&w, text,
                 rows(text, ":1700000000000\r\n:0\r\n$16\r\n000000000000000a"
                      "\r\n$16\r\n0000000000000007\r\n", 5, "4", "7"));
    is_int(reply(&w, text,
                 rows(text, ":1700000000000\r\n:0\r\n$16\r\n000000000000000a"
                      "\r\n$16\r\n0000000000000002\r\n", 5, NULL, NULL)),
           NGX_OK, "a shard that has more hides what is behind");
    is_int(op.entries->nelts, 3, "entries");
    is_int(op.after[1], 5, "the cursor is there");
    is_int(op.more, 1, "more");
}


static void
test_limit(ngx_pool_t *pool)
{
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_PURGE;
    op.limit = 3;
    op.after[0] = 7;
    op.after[1] = 8;

    ngx_er_redis_queue_walk(&w, &three, &op);

    is_int(reply(&w, bytes("*12\r\n:1\r\n:17\r\n:0\r\n$16\r\n000000000000000a"
                           "\r\n$16\r\n0000000000000005\r\n:1\r\n:0\r\n"
                           ":4\r\n:5\r\n:6\r\n:90\r\n:90\r\n")),
           NGX_AGAIN, "one done");
    is_int(w.limit, 2, "two are left");
    is_int(reply(&w, bytes("*12\r\n:1\r\n:17\r\n:0\r\n$16\r\n000000000000000a"
                           "\r\n$16\r\n0000000000000005\r\n:2\r\n:0\r\n"
                           ":1\r\n:0\r\n:0\r\n:80\r\n:85\r\n")),
           NGX_OK, "all done");
    is_int(op.done, 3, "done");
    is_int(op.left * 100 + op.doubtful * 10 + op.there, 556,
           "what was left adds up");
    is_int(op.oldest * 100 + op.newest, 8090, "the first and the last");
    is_int(op.more, 1, "nobody has seen the last shard");
    is_int(op.after[0] * 10 + op.after[1], 78, "so the cursor stays");
}


/* what is dry goes to the end of a shard, and then to the next one */

static void
test_dry(ngx_pool_t *pool)
{
    ngx_er_queue_op_t    op;
    ngx_er_redis_walk_t  w;

    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_MOVE;
    op.dry = 1;
    op.limit = 1;

    ngx_er_redis_queue_walk(&w, &three, &op);
    w.left = 1;

    is_int(reply(&w, bytes("*12\r\n:1\r\n:17\r\n:1\r\n$16\r\n000000000000000a"
                           "\r\n$16\r\n0000000000000005\r\n:9\r\n:0\r\n"
                           ":0\r\n:0\r\n:0\r\n:3\r\n:4\r\n")),
           NGX_AGAIN, "more, beyond the limit");
    is_int(w.limit, 1, "which stays: it is for what changes entries");
    is_int(w.shard, 0, "in the same shard");
    is_int(op.after[0] * 100 + op.after[1], 1005, "behind that");
    is_int(reply(&w, bytes("*12\r\n:1\r\n:17\r\n:0\r\n$16\r\n000000000000000a"
                           "\r\n$16\r\n0000000000000006\r\n:1\r\n:0\r\n"
                           ":0\r\n:0\r\n:0\r\n:5\r\n:5\r\n")),
           NGX_AGAIN, "its end");
    is_int(w.shard, 1, "the next shard");
    is_int(op.after[0] + op.after[1], 0, "from its beginning");
    is_int(reply(&w, bytes("*12\r\n:1\r\n:17\r\n:0\r\n$16\r\n000000000000000a"
                           "\r\n$16\r\n0000000000000006\r\n:0\r\n:0\r\n"
                           ":0\r\n:0\r\n:0\r\n:-1\r\n:0\r\n")),
           NGX_OK, "nothing there");
    is_int(op.done, 10, "all of them");
    is_int(op.oldest * 10 + op.newest, 35, "the first and the last");
    is_int(op.more, 0, "no more");
}


#define NINES  ":9\r\n:9\r\n:9\r\n:9\r\n"
#define WORDS  ":1\r\n:2\r\n:3\r\n:4\r\n" NINES NINES
#define STATE  "$16\r\n00000000000000cd\r\n:17\r\n:2\r\n:5\r\n:3\r\n"


static void
test_sweep(ngx_pool_t *pool)
{
    ngx_er_queue_op_t      op;
    ngx_er_redis_walk_t    w;
    ngx_er_queue_count_t  *c;

    ngx_er_test_set_time(1700000000);
    ngx_memzero(&op, sizeof(ngx_er_queue_op_t));

    op.pool = pool;
    op.verb = NGX_ER_QUEUE_SWEEP;
    op.node = 1;

    ngx_er_redis_queue_walk(&w, &three, &op);

    is_int(reply(&w, bytes("*32\r\n:1\r\n:1700000000000\r\n:0\r\n:4\r\n:100"
                           "\r\n:1000\r\n:2\r\n:5\r\n" STATE "$16\r\n"
                           "000000000000000a\r\n"
                           ":2\r\n:1\r\n:50\r\n:-1\r\n:60\r\n$1\r\na\r\n"
                           WORDS)),
           NGX_AGAIN, "the first shard");
    is_int(reply(&w, bytes("*51\r\n:1\r\n:1700000000000\r\n:1\r\n:0\r\n:90"
                           "\r\n:500\r\n:3\r\n:2\r\n" STATE "$16\r\n"
                           "000000000000000a\r\n"
                           ":3\r\n:0\r\n:40\r\n:30\r\n:-1\r\n$1\r\na\r\n"
                           WORDS
                           "$16\r\n000000000000000b\r\n:0\r\n:7\r\n:-1\r\n"
                           ":-1\r\n:-1\r\n$1\r\nb\r\n" WORDS)),
           NGX_AGAIN, "the second");
    is_int(reply(&w, bytes("*13\r\n:1\r\n:1700000000000\r\n:0\r\n:0\r\n:0\r\n"
                           ":0\r\n:1\r\n:0\r\n" STATE)),
           NGX_OK, "the last");

    is_int(w.tally.state, 0xcd, "the state");
    is_int(w.tally.at, 1700000000000, "as of when");
    is_int(w.tally.count, 17, "entries");
    is_int(w.tally.acked, 2, "told");
    is_int(w.tally.lost, 5, "lost");
    is_int(w.evicts, NGX_ER_REDIS_EVICTS_ALL, "evicts");

    c = op.counts->elts;

    is_int(op.counts->nelts, 2, "two targets");
    is_int(c[0].pending, 5, "pending");
    is_int(c[0].dead, 1, "dead");
    is_int(c[0].oldest, 40, "oldest");
    is_int(c[0].fresh, 30, "fresh");
    is_int(c[0].again, 60, "again");
    is_int(c[0].words[NGX_ER_LEDGER_ACCEPTED], 2, "the words of both shards");
    is_int(c[0].words[NGX_ER_LEDGER_BURIED], 8, "each of them");
    is_int(c[0].words[NGX_ER_LEDGER_DEAD_AGED], 18, "to the last");
    is_str(&c[1].name, "b", "name");
    ok(c[1].oldest == NGX_ER_NEVER && c[1].fresh == NGX_ER_NEVER
       && c[1].again == NGX_ER_NEVER, "never");
    is_int(op.more, 1, "more");
    is_int(op.used, 100, "used");
    is_int(op.size, 1000, "size");
    is_int(op.count.pending, 4, "adopted");
    is_int(op.nodes, 3, "nodes");
    is_int(op.done, 7, "removed");
}


/* every reply cut short in elements, and every element of a wrong type */

static void
test_hostile(ngx_pool_t *pool)
{
    char                  text[4096], *p;
    size_t                len;
    ngx_int_t             rc;
    ngx_uint_t            n, i, verb, bad;
    ngx_er_queue_op_t     op;
    ngx_er_redis_walk_t   w;

    static const char  *words[] = {
        ":1\r\n", ":-1\r\n", ":9223372036854775807\r\n",
        ":-9223372036854775808\r\n", "$-1\r\n", "$0\r\n\r\n",
        "$16\r\n0000000000000001\r\n", "$16\r\n000000000000000x\r\n",
        "$3\r\nabc\r\n", "+OK\r\n"
    };

    srand(1);
    bad = 0;

    for (i = 0; i < 20000; i++) {
        verb = i % (NGX_ER_QUEUE_PURGE + 1);

        ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
        op.pool = ngx_er_test_pool();
        op.verb = verb;
        op.limit = 10;
        op.fresh = 5;
        op.bytes = 100;

        ngx_er_redis_queue_walk(&w, &three, &op);

        n = 1 + rand() % 25;
        p = text + sprintf(text, "*%d\r\n:%d\r\n", (int) n,
                           rand() % 2 ? 1 : 1 - rand() % 5);

        for (n--; n; n--) {
            p += sprintf(p, "%s", words[rand() % 3 ? rand() % 2 * 6
                                                   : rand() % 10]);
        }

        len = p - text;
        rc = reply(&w, text, len);

        bad += (rc != NGX_OK && rc != NGX_AGAIN && rc != NGX_BUSY
                && rc != NGX_ERROR);

        ngx_destroy_pool(op.pool);
    }

    is_int(bad, 0, "hostile replies");
    (void) pool;
}


/* two words of ACCEPT and LEASE, whose last two are which it picks */

static void
wait_is(ngx_er_redis_walk_t *w, ngx_pool_t *pool, const char *seen,
    const char *wait, const char *what)
{
    ngx_str_t   words[NGX_ER_REDIS_ARGS];
    ngx_uint_t  n;

    is_int(ngx_er_redis_queue_words(w, pool, words, &n), NGX_OK, "%s: words",
           what);
    n -= 2;
    is_str(&words[n - 2], seen, what);
    is_str(&words[n - 1], wait, what);
}


/* a reply with that one text */

static ngx_int_t
answer(ngx_er_redis_walk_t *w, const char *text)
{
    int   n;
    char  buf[256];

    n = snprintf(buf, sizeof(buf), "*3\r\n:1\r\n:1700000000000\r\n$%zu\r\n"
                 "%s\r\n", strlen(text), text);

    return reply(w, buf, n);
}


static ngx_int_t
reply(ngx_er_redis_walk_t *w, const char *text, size_t len)
{
    ngx_int_t               rc;
    redisReply             *r;
    ngx_er_redis_reader_t   reader;

    if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
        return NGX_ABORT;
    }

    reader.elements = 1000;

    if (ngx_er_redis_feed(&reader, (u_char *) text, len) != NGX_OK
        || ngx_er_redis_read(&reader, &r) != NGX_OK)
    {
        ngx_er_redis_reader_close(&reader);
        return NGX_ABORT;
    }

    rc = ngx_er_redis_queue_reply(w, r);

    ngx_er_redis_reader_close(&reader);

    return rc;
}


/* an entry with one attempt in its past */

static size_t
entry(char *p, const char *seq, int attempts)
{
    char  *start;

    start = p;

    p += sprintf(p, "$16\r\n000000000000000a\r\n$16\r\n000000000000000%s\r\n"
                 ":0\r\n:%d\r\n:0\r\n:1690000000000\r\n:1700000010000\r\n"
                 "$16\r\n000000000000000b\r\n$0\r\n\r\n:1\r\n$16\r\n",
                 seq, attempts);

    memcpy(p, "\0\0\0\0\0\0\0\1\0\0\0\2\1\367\0\1", 16);
    p += 16;

    p += sprintf(p, "\r\n$7\r\nbilling\r\n$1\r\nr\r\n:0\r\n:0\r\n:0\r\n"
                 "$0\r\n\r\n$6\r\nrecord\r\n$0\r\n\r\n");

    return p - start;
}


static size_t
rows(char *p, const char *head, int n, const char *first, const char *second)
{
    char  *start;

    start = p;

    p += sprintf(p, "*%d\r\n:1\r\n%s",
                 n + NGX_ER_REDIS_FIELDS * (!!first + !!second), head);

    if (first) {
        p += entry(p, first, 1);
    }

    if (second) {
        p += entry(p, second, 1);
    }

    return p - start;
}
