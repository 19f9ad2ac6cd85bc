
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Versions in the file store: what a newer one has overtaken is not given to
 * anybody, and what waits is replaced where that is asked for; then random
 * operations, after which every entry must be accounted for, and of no key
 * anything older may have been delivered than what was delivered before.
 *
 * The seed is printed; FILE_SEED=N repeats a run.
 */


#include "queue_file.h"


#define ERP     1
#define WINDOW  600000
#define STEPS   4000
#define KEYS    5


/* what came of all entries */

typedef struct {
    ngx_uint_t     accepted;
    ngx_uint_t     replayed;
    ngx_uint_t     delivered;
    ngx_uint_t     buried;
    ngx_uint_t     purged;
    ngx_uint_t     stale;
    ngx_uint_t     coalesced;
} sums_t;


typedef struct {
    uint64_t       seq;
    uint64_t       token;
    ngx_uint_t     key;
    ngx_uint_t     n;
} held_t;


static uint64_t came(ngx_uint_t key, const char *text, ngx_uint_t coalesce);
static uint64_t gives(const char *what);
static void delivered(uint64_t seq, const char *what);
static void nothing(const char *what);
static void ended(ngx_uint_t stale, ngx_uint_t coalesced, const char *what);
static ngx_uint_t replay(void);
static ngx_uint_t dead_rows(void);
static void age(ngx_msec_t ms);
static void test_late(void);
static void test_equal(void);
static void test_kinds(void);
static void test_window(void);
static void test_waiting(void);
static void test_retried(void);
static void test_coalesce(void);
static void test_doubt(void);
static void test_dead(void);
static void test_repeated(void);
static void test_kept(void);
static void test_crash(void);
static void test_targets(void);
static void test_before(void);
static void test_full(void);
static void test_random(void);
static void step_accept(void);
static void step_lease(void);
static void step_end(void);
static void step_dead(void);
static void took(ngx_er_queue_op_t *op);
static ngx_uint_t rnd(ngx_uint_t n);


static ngx_er_entry_version_t  version;
static ngx_er_queue_part_t     part;
static ngx_er_queue_op_t      *last;
static sums_t                  sums;
static held_t                  held[STEPS];
static ngx_uint_t              nheld, nfaults, with_key;
static uint64_t                lent;   /* the token of gives() */
static uint64_t                seed, commands;

/* of each event: which version it has, and of each key what was delivered */

static ngx_uint_t              versions[STEPS + 1], keys[STEPS + 1], nevents;
static uint64_t                seqs[STEPS + 1];
static ngx_uint_t              highest[KEYS];
static uint64_t                highest_at[KEYS];


int
main(void)
{
    const char  *given;

    begin(16 << 20);

    test_late();
    test_equal();
    test_kinds();
    test_window();
    test_waiting();
    test_retried();
    test_coalesce();
    test_doubt();
    test_dead();
    test_repeated();
    test_kept();
    test_crash();
    test_targets();
    test_before();

    end();

    test_full();

    given = getenv("FILE_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t) time(NULL);
    diag("FILE_SEED=%llu", (unsigned long long) seed);

    begin(16 << 20);
    test_random();
    end();

    return done_testing();
}


/* a version as route/version.c does not write it: the store only compares */

static void
make_version(ngx_uint_t key, const char *text, ngx_uint_t coalesce)
{
    ngx_memzero(&version, sizeof(version));

    version.window = WINDOW;
    version.coalesce = coalesce;
    memset(version.key, 'a' + key, NGX_ER_ENTRY_KEY);
    version.len = strlen(text);
    ngx_memcpy(version.data, text, version.len);
}


static uint64_t
came(ngx_uint_t key, const char *text, ngx_uint_t coalesce)
{
    ngx_memzero(&part, sizeof(part));

    part.target = ERP;
    part.order = 1 + key;
    ngx_str_set(&part.name, "erp");
    ngx_str_set(&part.routes, "orders");

    if (text) {
        make_version(key, text, coalesce);
        part.version = &version;
    }

    last = new_op(NGX_ER_QUEUE_ACCEPT);
    last->parts = &part;
    last->nparts = 1;
    last->token = ++token;
    ngx_str_set(&last->record, "an event");

    if (with_key) {
        last->dedup = 1;
        memset(last->key, with_key, 32);
    }

    (void) run(last);

    return last->seq;
}


static uint64_t
gives(const char *what)
{
    last = lease(ERP, 1, 0);

    if (last->entries->nelts == 0) {
        last = lease(ERP, 0, 1);
    }

    ok(last->rc == NGX_OK && last->entries->nelts == 1, "%s", what);

    lent = token;

    return entry(last, 0)->seq;
}


static void
delivered(uint64_t seq, const char *what)
{
    uint64_t  got;

    got = gives(what);

    ok(got == seq, "the one that it has to be");
    ok(settle(ERP, got, lent) == NGX_OK, "and it is delivered");
}


static void
nothing(const char *what)
{
    last = lease(ERP, 5, 5);

    ok(last->rc == NGX_OK && last->entries->nelts == 0, "%s", what);
}


/* by the last operation */

static void
ended(ngx_uint_t stale, ngx_uint_t coalesced, const char *what)
{
    ngx_uint_t           i, n[2];
    ngx_er_overtaken_t  *o;

    n[0] = 0;
    n[1] = 0;

    if (last->overtaken) {
        o = last->overtaken->elts;

        for (i = 0; i < last->overtaken->nelts; i++) {
            n[o[i].coalesced]++;
        }
    }

    ok(n[0] == stale && n[1] == coalesced, "%s: %d stale, %d coalesced", what,
       (int) n[0], (int) n[1]);
}


static ngx_uint_t
replay(void)
{
    last = new_op(NGX_ER_QUEUE_REPLAY);
    last->filter.target = ERP;
    last->command = ++commands;

    (void) run(last);

    return last->done;
}


static ngx_uint_t
dead_rows(void)
{
    return list(1, ERP)->entries->nelts;
}


static void
age(ngx_msec_t ms)
{
    now += ms;
}


static void
test_late(void)
{
    uint64_t  seq;

    seq = came(0, "n5", 0);
    delivered(seq, "a version");
    came(0, "n4", 0);
    ok(last->rc == NGX_OK && part.stale == 1, "an older one is stale");
    ended(0, 0, "a part of the event itself");
    nothing("and not given");
    seq = came(0, "n6", 0);
    ok(part.stale == 0, "a newer one");
    delivered(seq, "is delivered");
    came(0, "n55", 0);
    ok(part.stale == 1, "n55 is before n6");
    came(1, "n1", 0);
    ok(part.stale == 0, "another key");
    delivered(last->seq, "has versions of its own");
    came(0, NULL, 0);
    delivered(last->seq, "without a version");
    came(0, "n5", 0);
    ok(part.stale == 1, "which changes nothing");
    ok(count_of(sweep(), ERP)->pending == 0, "all are at their end");
}


static void
test_equal(void)
{
    uint64_t  one, two;

    one = came(0, "n6", 0);
    two = came(0, "n6", 0);
    ok(part.stale == 0, "equal ones");
    delivered(one, "in the order");
    delivered(two, "in which they came");
}


static void
test_kinds(void)
{
    came(0, "t1", 0);
    ok(part.stale == 0, "a version of another kind");
    delivered(last->seq, "does not compare");
    came(0, "n5", 0);
    ok(part.stale == 1, "and the first kind is not forgotten");
    came(0, "t0", 0);
    ok(part.stale == 1, "nor is the second one");
}


static void
test_window(void)
{
    age(WINDOW - 1000);
    came(0, "n1", 0);
    ok(part.stale == 1, "inside the window");
    came(0, "n7", 0);
    delivered(last->seq, "the next delivery");
    age(WINDOW - 1000);
    (void) sweep();
    came(0, "n1", 0);
    ok(part.stale == 1, "begins it anew");
    age(1001);
    came(0, "n1", 0);
    ok(part.stale == 0, "after it");
    delivered(last->seq, "an older one is delivered");
    came(0, "n2", 0);
    delivered(last->seq, "and counts from then on");
    came(0, "n1", 0);
    ok(part.stale == 1, "as the highest one");
    age(WINDOW + 1);
    (void) sweep();
    age(WINDOW + 1);
    (void) sweep();
    ok(consistent() == 0, "swept");
    came(0, "n0", 0);
    delivered(last->seq, "nothing is left of it");
    age(2 * WINDOW);
    (void) sweep();
}


/* it comes before the newer one was delivered */

static void
test_waiting(void)
{
    uint64_t  old, new, seq;

    new = came(0, "n9", 0);
    seq = gives("a newer one is in hand");
    old = came(0, "n8", 0);
    ok(part.stale == 0, "an older one comes");
    nothing("and waits for it");
    ok(settle(ERP, seq, lent) == NGX_OK, "the newer one is delivered");
    ok(new == seq, "as it came");
    nothing("the older one is not");
    ended(1, 0, "it is found at its turn");
    ok(((ngx_er_overtaken_t *) last->overtaken->elts)->seq == old,
       "and told which one");

    new = came(0, "n9", 0);
    seq = gives("an equal one in hand");
    came(0, "n9", 0);
    old = last->seq;
    ok(bury(ERP, seq, lent, HOUR) == NGX_OK, "dies");
    delivered(old, "the next one is delivered");
    ok(replay() == 1, "a dead letter of an equal version");
    delivered(new, "is, too");
}


static void
test_retried(void)
{
    uint64_t  old, new;

    age(2 * WINDOW);
    old = came(0, "n1", 0);
    (void) gives("an older one");
    ok(retry(ERP, old, lent, 1, 5000) == NGX_OK, "fails");
    new = came(0, "n2", 0);
    nothing("without coalesce a newer one waits for it");
    age(5000);
    delivered(old, "it comes again");
    delivered(new, "and the newer one after it");
}


static void
test_coalesce(void)
{
    uint64_t    one, two, three;
    ngx_uint_t  i;

    age(2 * WINDOW);
    one = came(0, "n1", 1);
    (void) gives("one in hand");
    two = came(0, "n2", 1);
    ended(0, 0, "is not replaced");
    came(0, "n3", 1);
    ended(0, 1, "one that waits is");
    ok(((ngx_er_overtaken_t *) last->overtaken->elts)->seq == two,
       "and told");
    came(0, "n3", 1);
    ended(0, 0, "an equal one is not");
    two = came(0, NULL, 0);
    ended(0, 0, "nor by one without a version");
    three = came(0, "n4", 1);
    ended(0, 2, "all that are older are");
    ok(settle(ERP, one, lent) == NGX_OK, "the first one is delivered");
    delivered(two, "then what waited");
    delivered(three, "the last one after it");

    came(0, "n5", 0);
    came(1, "n9", 1);
    ended(0, 0, "another key replaces nothing");
    came(0, "n6", 0);
    ended(0, 0, "nor does one that does not coalesce");
    (void) gives("one");
    (void) settle(ERP, entry(last, 0)->seq, lent);
    (void) gives("two");
    (void) settle(ERP, entry(last, 0)->seq, lent);
    (void) gives("three");
    (void) settle(ERP, entry(last, 0)->seq, lent);
    nothing("no more");

    age(2 * WINDOW);
    one = came(0, "n1", 1);
    (void) gives("one that fails");
    ok(retry(ERP, one, lent, 1, 50000) == NGX_OK, "waits");
    two = came(0, "n2", 1);
    ended(0, 1, "and is replaced");
    delivered(two, "by one that need not wait");
    two = came(0, "n3", 1);
    came(0, "n2", 1);
    ended(0, 0, "an older one replaces nothing");
    delivered(two, "the newer one is delivered");
    nothing("the older one is not");
    ended(1, 0, "it is stale");

    for (i = 0; i < 300; i++) {
        came(0, "n5", 0);
    }

    came(0, "n6", 1);
    ended(0, 256, "a long line is left step by step");
    came(0, "n6", 1);
    ended(0, 44, "to its end");
    (void) gives("one of the two");
    ok(settle(ERP, entry(last, 0)->seq, lent) == NGX_OK, "and");
    (void) gives("the other one");
    ok(settle(ERP, entry(last, 0)->seq, token) == NGX_OK, "are left");
    nothing("of them");
    ok(count_of(sweep(), ERP)->pending == 0, "all are at their end");
    ok(consistent() == 0, "the databases fit together");
}


/* what the target may be at work on is not replaced: what is newer waits */

static void
test_doubt(void)
{
    uint64_t            one, two, three;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    for (i = 1; i <= NGX_ER_DOUBT_NEW; i += 7) {
        age(2 * WINDOW);
        one = came(0, "n1", 1);
        (void) gives("one whose answer is lost");

        op = new_op(NGX_ER_QUEUE_RETRY);
        op->target = ERP;
        op->seq = one;
        op->token = lent;
        op->delay = 5000;
        op->counted = (i == 1);
        op->doubt = i;
        ok(run(op) == NGX_OK, "is in doubt: %d", (int) i);

        two = came(0, "n2", 1);
        ended(0, 0, "it is not replaced");
        nothing("nor overtaken");
        three = came(0, "n3", 1);
        ended(0, 1, "what waits behind it is replaced");
        ok(((ngx_er_overtaken_t *) last->overtaken->elts)->seq == two,
           "and nothing else");
        age(5001);
        delivered(one, "it goes first");
        delivered(three, "then the newest one");
        nothing("that is all");
    }

    /* who had it died */

    age(2 * WINDOW);
    one = came(0, "n1", 1);
    (void) gives("one in hand");

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = file->holder;
    ok(run(op) == NGX_OK && op->count.pending == 1, "its holder dies");

    two = came(0, "n2", 1);
    ended(0, 0, "it is not replaced");
    delivered(one, "it goes first");
    delivered(two, "then the newer one");

    /* the doubt is over */

    age(2 * WINDOW);
    one = came(0, "n1", 1);
    (void) gives("one in doubt");

    op = new_op(NGX_ER_QUEUE_RETRY);
    op->target = ERP;
    op->seq = one;
    op->token = lent;
    op->doubt = 1;
    ok(run(op) == NGX_OK, "waits");
    (void) gives("it is sent again");
    ok(retry(ERP, one, lent, 1, 5000) == NGX_OK, "and fails");
    two = came(0, "n2", 1);
    ended(0, 1, "then it is replaced");
    delivered(two, "by the newer one");
    (void) sweep();
    ok(consistent() == 0, "the databases fit together");
}


static void
test_dead(void)
{
    uint64_t  old, new;

    age(2 * WINDOW);
    old = came(0, "n1", 0);
    (void) gives("one");
    ok(bury(ERP, old, lent, HOUR * 24) == NGX_OK, "dies");
    ok(replay() == 1 && last->stale == 0, "and is replayed");
    (void) gives("it");
    ok(bury(ERP, old, lent, HOUR * 24) == NGX_OK, "dies again");
    new = came(0, "n2", 0);
    delivered(new, "a newer one");
    ok(dead_rows() == 1, "leaves it dead");
    ok(replay() == 0 && last->stale == 1, "it is not replayed");
    ended(1, 0, "but stale");
    ok(dead_rows() == 0 && count_of(sweep(), ERP)->dead == 0, "and gone");
    nothing("nothing is delivered");
    ok(consistent() == 0, "nothing is left of it");

    old = came(0, "n3", 0);
    (void) gives("one more");
    ok(bury(ERP, old, lent, HOUR * 24) == NGX_OK, "dies");
    delivered(came(0, "n4", 0), "a newer one");
    age(WINDOW + 1);
    ok(replay() == 1 && last->stale == 0, "after the window it is replayed");
    delivered(old, "and delivered");

    age(2 * WINDOW);
    new = came(0, "n2", 0);
    (void) gives("a newer one");
    ok(bury(ERP, new, lent, HOUR) == NGX_OK, "dies");
    old = came(0, "n1", 0);
    (void) gives("an older one");
    ok(retry(ERP, old, lent, 1, 1000) == NGX_OK, "waits");
    ok(replay() == 1, "the newer one is replayed");
    delivered(new, "and goes first");
    age(1001);
    nothing("the older one is not delivered then");
    ended(1, 0, "it is stale");
}


/* a producer who sends the event of an overtaken dead letter once more */

static void
test_repeated(void)
{
    uint64_t  old;

    age(2 * WINDOW);

    with_key = 7;
    old = came(3, "n1", 0);
    (void) gives("one with a key");
    ok(bury(ERP, old, lent, 30 * HOUR) == NGX_OK, "dies");
    with_key = 0;
    delivered(came(3, "n2", 0), "a newer one");
    with_key = 7;
    came(3, "n1", 0);
    ok(last->rc == NGX_DECLINED, "its event is a duplicate");
    ok(dead_rows() == 1, "and stays dead");
    with_key = 8;
    came(3, "n1", 0);
    ok(last->rc == NGX_OK && part.stale, "a stale event");
    came(3, "n1", 0);
    ok(last->rc == NGX_DECLINED, "is known, too");
    with_key = 0;
    age(WINDOW + 1);
    ok(replay() == 1, "replayed");
    delivered(old, "after the window");
}


/* events that are retained: REPLAY from the archive */

static void
test_kept(void)
{
    uint64_t            one, two;
    ngx_er_queue_op_t  *op;

    age(2 * WINDOW);

    ngx_memzero(&part, sizeof(part));
    part.target = ERP;
    part.order = 9;
    part.version = &version;
    ngx_str_set(&part.name, "erp");
    make_version(8, "n1", 0);

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;
    op->retain = 24 * HOUR;
    op->source = 77;
    op->token = ++token;
    ngx_str_set(&op->record, "kept");
    ok(run(op) == NGX_OK, "an event that is kept");
    one = op->seq;
    delivered(one, "is delivered");
    make_version(8, "n2", 0);
    op->token = ++token;
    ok(run(op) == NGX_OK, "and a newer one");
    two = op->seq;
    delivered(two, "too");

    last = new_op(NGX_ER_QUEUE_REPLAY);
    last->archive = 1;
    last->filter.source = 77;
    last->to.target = ERP;
    ngx_str_set(&last->to.name, "erp");
    last->command = ++commands;
    ok(run(last) == NGX_OK && last->done == 1 && last->stale == 1,
       "the archive again: one is stale");
    ended(1, 0, "which is told");
    delivered(two, "the newer one goes");
    last->after[0] = 0;
    last->after[1] = 0;
    ok(run(last) == NGX_OK && last->done == 0 && last->stale == 0,
       "a command does nothing twice");
    age(25 * HOUR);
    (void) sweep();
    ok(consistent() == 0, "the archive is forgotten");
}


/* a worker dies between the delivery and SETTLE */

static void
test_crash(void)
{
    uint64_t            seq, new;
    ngx_er_queue_op_t  *op;

    new = came(0, "n2", 0);
    seq = gives("in hand");
    came(0, "n1", 0);

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = file->holder;
    ok(run(op) == NGX_OK && op->count.pending == 1, "its holder dies");
    delivered(seq, "it is delivered again");
    ok(seq == new, "first");
    nothing("and what is older is not");
    ended(1, 0, "it is stale");
}


static void
test_targets(void)
{
    ngx_er_queue_part_t  two[2];
    ngx_er_queue_op_t   *op;

    ngx_memzero(two, sizeof(two));
    make_version(0, "n1", 0);

    two[0].target = ERP;
    two[0].order = 1;
    two[0].version = &version;
    ngx_str_set(&two[0].name, "erp");
    two[1] = two[0];
    two[1].target = ERP + 1;
    ngx_str_set(&two[1].name, "crm");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = two;
    op->nparts = 2;
    op->token = ++token;
    ngx_str_set(&op->record, "for two");
    ok(run(op) == NGX_OK, "for two targets");
    ok(two[0].stale == 1 && two[1].stale == 0, "each has its own versions");
    op = lease(ERP + 1, 1, 1);
    ok(op->entries->nelts == 1, "the other one gets it");
    ok(settle(ERP + 1, entry(op, 0)->seq, token) == NGX_OK, "and has it");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = two;
    op->nparts = 2;
    op->token = ++token;
    op->dedup = 1;
    memset(op->key, 99, 32);
    ngx_str_set(&op->record, "for two");
    two[1].version = NULL;
    ok(run(op) == NGX_OK && two[0].stale, "one of two is stale");
    op = lease(ERP + 1, 1, 0);
    ok(bury(ERP + 1, entry(op, 0)->seq, token, HOUR) == NGX_OK,
       "the other one dies");
    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = ERP + 1;
    ok(run(op) == NGX_OK && op->done == 1, "and is purged");
    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = two;
    op->nparts = 2;
    op->token = ++token;
    op->dedup = 1;
    memset(op->key, 99, 32);
    ngx_str_set(&op->record, "for two");
    ok(run(op) == NGX_DONE && op->counts->nelts == 1,
       "repeated, it is new for the other one only");
    op = lease(ERP + 1, 1, 1);
    ok(settle(ERP + 1, entry(op, 0)->seq, token) == NGX_OK, "which gets it");
    ok(consistent() == 0, "nothing is left");
}


/* what a version before leaves: rows without what they bring */

static void
test_before(void)
{
    uint64_t           key[3], seq, next;
    ngx_er_file_row_t  row;
    ngx_er_file_txn_t  t;

    age(2 * WINDOW);
    (void) sweep();

    seq = came(0, "n1", 0);

    ngx_memzero(&t, sizeof(t));
    t.file = file;
    t.now = now;
    ngx_er_file_begin(&t, 1);
    key[0] = ERP;
    key[1] = 1;
    key[2] = seq;
    ngx_er_file_put(&t, NGX_ER_FILE_ORDER, key, (u_char *) "", 0);
    ok(ngx_er_file_row(&t, NGX_ER_FILE_PENDING, ERP, seq, &row) == NGX_OK
       && row.versioned, "it said that it had a version");
    ok(mdb_txn_commit(t.txn) == 0, "which is gone");
    (void) pthread_rwlock_unlock(&file->lock);

    next = came(0, "n2", 1);
    ended(0, 0, "it is not replaced");
    delivered(seq, "but delivered");
    delivered(next, "and so is the next one");
}


/* a store that is full can still settle */

static void
test_full(void)
{
    uint64_t    seq;
    ngx_uint_t  i, n;

    begin(1 << 20);

    for (n = 0; n < 20000; n++) {
        (void) came(n, "n1", 0);

        if (last->rc != NGX_OK) {
            break;
        }
    }

    ok(last->rc == NGX_BUSY, "a store gets full");

    for (i = 0; i < n; i++) {
        last = lease(ERP, 1, 0);
        seq = entry(last, 0)->seq;

        if (settle(ERP, seq, token) != NGX_OK) {
            break;
        }
    }

    ok(i == n, "and all is delivered: %d", (int) i);

    end();
}


static ngx_uint_t
rnd(ngx_uint_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;

    return (seed >> 33) % n;
}


static void
test_random(void)
{
    ngx_uint_t          step, pending;
    ngx_er_queue_op_t  *op;

    for (step = 0; step < STEPS; step++) {
        age(rnd(1000));

        switch (rnd(8)) {

        case 0:
        case 1:
        case 2:
            step_accept();
            break;

        case 3:
        case 4:
            step_lease();
            break;

        case 5:
        case 6:
            step_end();
            break;

        default:
            step_dead();
        }

        if (step % 50 == 0 && consistent()) {
            nfaults++;
        }
    }

    op = sweep();
    pending = count_of(op, ERP)->pending;

    ok(nfaults == 0, "nothing older was given after something newer");
    ok(sums.accepted + sums.replayed
       == sums.delivered + sums.buried + sums.stale + sums.coalesced + pending,
       "%d + %d = %d + %d + %d + %d + %d", (int) sums.accepted,
       (int) sums.replayed, (int) sums.delivered, (int) sums.buried,
       (int) sums.stale, (int) sums.coalesced, (int) pending);
    ok(sums.stale > 20 && sums.coalesced > 20 && sums.delivered > 100,
       "much has happened");
    ok(count_of(op, ERP)->dead + sums.purged + sums.replayed == sums.buried,
       "dead letters are accounted for");
}


static void
step_accept(void)
{
    char        text[16];
    ngx_uint_t  n, key;

    key = rnd(KEYS);
    n = 100 + nevents + rnd(40);

    (void) snprintf(text, sizeof(text), "n%06d", (int) n);

    if (nevents >= STEPS) {
        return;
    }

    seqs[nevents] = came(key, text, key & 1);
    versions[nevents] = n;
    keys[nevents++] = key;

    if (last->rc != NGX_OK) {
        nfaults++;
    }

    sums.accepted++;
    sums.stale += part.stale;

    if (part.stale && n >= highest[key]) {
        diag("%d is stale, and %d was the highest", (int) n,
             (int) highest[key]);
        nfaults++;
    }

    took(last);
}


/* what the operation says was overtaken */

static void
took(ngx_er_queue_op_t *op)
{
    ngx_uint_t           i;
    ngx_er_overtaken_t  *o;

    if (op->overtaken == NULL) {
        return;
    }

    o = op->overtaken->elts;

    for (i = 0; i < op->overtaken->nelts; i++) {
        sums.coalesced += o[i].coalesced;
        sums.stale += !o[i].coalesced;
    }
}


static void
step_lease(void)
{
    ngx_uint_t          i, j, key, n;
    ngx_er_queue_op_t  *op;

    op = lease(ERP, 1 + rnd(3), 1 + rnd(3));
    took(op);

    for (i = 0; i < op->entries->nelts; i++) {

        for (j = 0; j < nevents && seqs[j] != entry(op, i)->seq; j++) {
            /* void */
        }

        n = versions[j];
        key = keys[j];

        if (n < highest[key] && now < highest_at[key] + WINDOW) {
            diag("%d is given after %d", (int) n, (int) highest[key]);
            nfaults++;
        }

        held[nheld].seq = entry(op, i)->seq;
        held[nheld].token = token;
        held[nheld].key = key;
        held[nheld++].n = n;
    }
}


static void
step_end(void)
{
    held_t      h;
    ngx_uint_t  i;

    if (nheld == 0) {
        return;
    }

    i = rnd(nheld);
    h = held[i];
    held[i] = held[--nheld];

    switch (rnd(4)) {

    case 0:
        if (retry(ERP, h.seq, h.token, rnd(2), rnd(20000)) == NGX_ERROR) {
            nfaults++;
        }

        return;

    case 1:
        sums.buried += (bury(ERP, h.seq, h.token, 100 * HOUR) == NGX_OK);
        return;

    default:

        if (settle(ERP, h.seq, h.token) != NGX_OK) {
            return;
        }

        sums.delivered++;

        if (highest_at[h.key] + WINDOW <= now) {
            highest[h.key] = 0;
        }

        highest[h.key] = ngx_max(highest[h.key], h.n);
        highest_at[h.key] = now;
    }
}


static void
step_dead(void)
{
    ngx_er_queue_op_t  *op;

    op = new_op(rnd(4) ? NGX_ER_QUEUE_REPLAY : NGX_ER_QUEUE_PURGE);
    op->filter.target = ERP;
    op->limit = 1 + rnd(3);
    op->command = ++commands;

    if (run(op) != NGX_OK) {
        nfaults++;
    }

    if (op->verb == NGX_ER_QUEUE_PURGE) {
        sums.purged += op->done;
        return;
    }

    sums.replayed += op->done + op->stale;
    took(op);
}
