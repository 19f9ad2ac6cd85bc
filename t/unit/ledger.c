
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The ledger of the file store: what each act does, that it is as durable as
 * the entries, that a row which vanishes is found, also by a walk that takes
 * many sweeps while entries come and go, that a store of a version before has
 * even numbers from the first sweep on, as has one that such a version was at
 * work on, and that a ledger of a target that is gone is forgotten.
 *
 * The seed is printed; FILE_SEED=N repeats a run.
 */


#include "queue_file.h"


#define DAY  86400000


static void test_words(void);
static void test_vanished(void);
static void test_motion(void);
static void test_before(void);
static void test_idle(void);
static void test_many(void);
static void words_are(ngx_er_queue_op_t *op, const char *what, uint64_t target,
    ...);
static int64_t missing(uint64_t target, ngx_uint_t dead);
static void cut(ngx_er_file_db_e db, ngx_uint_t n);
static void old_counts(uint64_t target, uint64_t pending, uint64_t dead);
static void another_dead(uint64_t target);
static void change(void);
static ngx_int_t changed(void);
static ngx_uint_t rnd(ngx_uint_t n);


static uint64_t           seed;
static ngx_er_file_txn_t  txn;


static ngx_uint_t
rnd(ngx_uint_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;

    return (seed >> 33) % n;
}


/* words and how many, ended by -1; the others must be 0 */

static void
words_are(ngx_er_queue_op_t *op, const char *what, uint64_t target, ...)
{
    int                    word;
    va_list                args;
    uint64_t               words[NGX_ER_LEDGER_WORDS];
    ngx_uint_t             i, bad;
    ngx_er_queue_count_t  *count;

    ngx_memzero(words, sizeof(words));
    va_start(args, target);

    while ((word = va_arg(args, int)) >= 0) {
        words[word] = va_arg(args, int);
    }

    va_end(args);

    count = count_of(op, target);

    for (i = 0, bad = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        if (count->words[i] != words[i]) {
            diag("%s: %d, not %d", ngx_er_ledger_name(i),
                 (int) count->words[i], (int) words[i]);
            bad++;
        }
    }

    is_int(bad, 0, "%s", what);
}


#define ACCEPTED       NGX_ER_LEDGER_ACCEPTED
#define REPLAYED       NGX_ER_LEDGER_REPLAYED
#define DELIVERED      NGX_ER_LEDGER_DELIVERED
#define BURIED         NGX_ER_LEDGER_BURIED
#define DEAD_REPLAYED  NGX_ER_LEDGER_DEAD_REPLAYED
#define DEAD_PURGED    NGX_ER_LEDGER_DEAD_PURGED
#define DEAD_AGED      NGX_ER_LEDGER_DEAD_AGED


static int64_t
missing(uint64_t target, ngx_uint_t dead)
{
    ngx_er_queue_op_t     *op;
    ngx_er_queue_count_t  *count;

    op = sweep();
    count = count_of(op, target);

    return dead ? ngx_er_ledger_dead_unaccounted(count->words, count->dead)
                : ngx_er_ledger_unaccounted(count->words, count->pending);
}


static void
change(void)
{
    ngx_memzero(&txn, sizeof(txn));
    txn.file = file;
    ngx_er_file_begin(&txn, 1);
}


static ngx_int_t
changed(void)
{
    ngx_int_t  rc;

    rc = mdb_txn_commit(txn.txn);
    (void) pthread_rwlock_unlock(&file->lock);

    return rc;
}


/* rows vanish, the first ones, and nobody says why */

static void
cut(ngx_er_file_db_e db, ngx_uint_t n)
{
    uint64_t  key[NGX_ER_FILE_WORDS];

    change();

    while (n--) {
        ngx_memzero(key, sizeof(key));

        (void) ngx_er_file_seek(&txn, db, key, NULL);
        (void) ngx_er_file_delete(&txn, db, key);
    }

    (void) changed();
}


/* what a version before writes */

static void
old_counts(uint64_t target, uint64_t pending, uint64_t dead)
{
    u_char  buf[19];

    (void) ngx_er_file_write(buf, pending, 8);
    (void) ngx_er_file_write(buf + 8, dead, 8);
    ngx_memcpy(buf + 16, "crm", 3);

    change();
    (void) ngx_er_file_put(&txn, NGX_ER_FILE_COUNTS, &target, buf, 19);
    (void) changed();
}


/* one more row like the first one */

static void
another_dead(uint64_t target)
{
    u_char     buf[NGX_ER_FILE_ROW];
    uint64_t   key[NGX_ER_FILE_WORDS];
    ngx_str_t  value;

    ngx_memzero(key, sizeof(key));
    key[0] = target;

    change();
    (void) ngx_er_file_seek(&txn, NGX_ER_FILE_DEAD, key, &value);
    ngx_memcpy(buf, value.data, value.len);
    key[1]++;
    (void) ngx_er_file_put(&txn, NGX_ER_FILE_DEAD, key, buf, value.len);
    (void) changed();
}


static void
test_words(void)
{
    uint64_t            a, b, c;
    ngx_er_queue_op_t  *op;

    begin(16 << 20);

    accept_one(1, 0, 1, 10, &a);
    settle(1, a, token);
    accept_one(1, 0, 1, 10, &b);
    bury(1, b, token, HOUR);
    accept_one(1, 0, 1, 10, &c);
    bury(1, c, token, HOUR);

    op = sweep();
    words_are(op, "delivered and buried", 1, ACCEPTED, 3, DELIVERED, 1,
              BURIED, 2, -1);
    is_int(count_of(op, 1)->dead, 2, "two are dead");

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->filter.seq = b;
    op->to.target = 2;
    ngx_str_set(&op->to.name, "erp");
    run(op);

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = 1;
    run(op);

    op = sweep();
    words_are(op, "replayed to another target, the other one purged", 1,
              ACCEPTED, 3, DELIVERED, 1, BURIED, 2, DEAD_REPLAYED, 1,
              DEAD_PURGED, 1, -1);
    words_are(op, "which gets it", 2, REPLAYED, 1, -1);

    op = lease(2, 10, 10);
    bury(2, b, op->token, 1000);
    ngx_er_file_close(file);
    test_open(1);
    now += 2000;

    op = sweep();
    words_are(op, "and over a restart, aged", 2, REPLAYED, 1, BURIED, 1,
              DEAD_AGED, 1, -1);
    is_int(count_of(op, 2)->pending + count_of(op, 2)->dead, 0,
           "it has nothing and its numbers stay");

    end();
}


static void
test_vanished(void)
{
    uint64_t    seq;
    ngx_uint_t  i;

    begin(16 << 20);

    for (i = 0; i < 20; i++) {
        accept_one(1, 0, 1, 10, &seq);

        if (i % 2) {
            bury(1, seq, token, HOUR);
        }
    }

    is_int(missing(1, 0), 0, "all are there");

    cut(NGX_ER_FILE_PENDING, 3);
    is_int(missing(1, 0), 3, "three have vanished");
    is_int(count_of(sweep(), 1)->pending, 7, "and are not pending any more");
    is_int(missing(1, 1), 0, "no dead ones");

    cut(NGX_ER_FILE_DEAD, 2);
    is_int(missing(1, 1), 2, "two dead ones have vanished");
    is_int(missing(1, 0), 3, "which does not change the others");

    ngx_er_file_close(file);
    test_open(1);
    is_int(missing(1, 0), 3, "after a restart, too");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


static uint64_t    seqs[8000], tokens[8000];
static ngx_uint_t  nseqs, nburied;


/* some of those that are leased are settled or buried, and one comes */

static void
come_and_go(void)
{
    ngx_uint_t  i, k;

    for (i = 0; i < 20; i++) {
        k = rnd(nseqs);

        if (seqs[k] == 0) {
            continue;
        }

        if (rnd(3)) {
            settle(1 + k % 2, seqs[k], tokens[k]);

        } else {
            bury(1 + k % 2, seqs[k], tokens[k], HOUR);
            nburied++;
        }

        seqs[k] = 0;
    }

    accept_one(1 + nseqs % 2, 0, 1, 10, &seqs[nseqs]);
    tokens[nseqs++] = token;
    ngx_reset_pool(pool);
}


/* 5000 of two targets take several sweeps, between which they come and go */

static void
test_motion(void)
{
    size_t              n;
    ngx_uint_t          i, bad;
    ngx_er_queue_op_t  *op;

    begin(64 << 20);

    for (nseqs = 0; nseqs < 5000; nseqs++) {
        accept_one(1 + nseqs % 2, 0, 1, 10, &seqs[nseqs]);
        tokens[nseqs] = token;
        ngx_reset_pool(pool);
    }

    bad = 0;

    for (i = 0; i < 60; i++) {
        bad += (missing(1, 0) != 0) + (missing(2, 0) != 0)
               + (missing(1, 1) != 0);
        come_and_go();
    }

    is_int(bad, 0, "nothing is missing while entries come and go");
    ok(nburied > 10, "%d dead ones among them", (int) nburied);

    /* each walk must find the same, though it takes several sweeps */

    cut(NGX_ER_FILE_PENDING, 5);

    for (i = 0; i < 40 && missing(1, 0) == 0; i++) {
        come_and_go();
    }

    is_int(missing(1, 0), 5, "five of many are missing after %d sweeps",
           (int) i);
    ok(i >= 4, "which took several");

    /* what is not changed is not counted again and again */

    for (i = 0; i < 40; i++) {
        (void) sweep();
        ngx_reset_pool(pool);
    }

    n = file->committed;
    op = sweep();
    is_int(op->rc, NGX_OK, "a sweep more");
    is_int(file->committed, n, "an idle store is not written");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


static void
test_before(void)
{
    uint64_t            seq[4], key;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begin(16 << 20);

    for (i = 0; i < 4; i++) {
        accept_one(1, 0, 1, 10, &seq[i]);
    }

    bury(1, seq[3], token, HOUR);

    /* a version before has no ledger */

    change();
    key = 1;
    (void) ngx_er_file_delete(&txn, NGX_ER_FILE_LEDGER, &key);
    is_int(changed(), 0, "no ledger");

    op = sweep();
    words_are(op, "begins with what is there", 1, ACCEPTED, 4, BURIED, 1, -1);
    is_int(missing(1, 0), 0, "pending is even");
    is_int(missing(1, 1), 0, "dead is even");

    /* it delivers one and buries one, by its own rules */

    cut(NGX_ER_FILE_PENDING, 2);
    another_dead(1);
    old_counts(1, 1, 2);
    is_int(missing(1, 0), 0, "a version before was at work: pending");
    is_int(missing(1, 1), 0, "a version before was at work: dead");
    words_are(sweep(), "what it did is counted", 1, ACCEPTED, 4, BURIED, 2,
              DELIVERED, 1, -1);

    /* and has forgotten both dead ones, and accepted none */

    old_counts(1, 1, 0);
    cut(NGX_ER_FILE_DEAD, 2);
    is_int(missing(1, 0), 0, "it forgets dead ones: pending");
    is_int(missing(1, 1), 0, "it forgets dead ones: dead");

    /* a ledger that cannot be read begins anew */

    change();
    (void) ngx_er_file_put(&txn, NGX_ER_FILE_LEDGER, &key, "rubbish", 7);
    is_int(changed(), 0, "a ledger that is none");
    words_are(sweep(), "begins anew", 1, ACCEPTED, 1, -1);

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


static void
test_idle(void)
{
    uint64_t            seq, known[1] = { 1 };
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begin(16 << 20);

    for (i = 1; i <= 3; i++) {
        accept_one(i, 0, 1, 10, &seq);
        settle(i, seq, token);
    }

    accept_one(3, 0, 1, 10, &seq);
    cut(NGX_ER_FILE_PENDING, 1);

    for (i = 0; i < 3; i++) {
        op = new_op(NGX_ER_QUEUE_SWEEP);
        op->known = known;
        op->nknown = 1;
        op->generation = 1;
        run(op);

        if (i == 1) {
            is_int(rows(NGX_ER_FILE_LEDGER), 3, "targets that are gone have "
                   "a ledger for a day");
        }

        now += (i == 0) ? 1000 : DAY;
    }

    is_int(rows(NGX_ER_FILE_LEDGER), 2, "then no more, if it is even");
    is_int(count_of(sweep(), 1)->words[DELIVERED], 1, "one that is there has");
    is_int(missing(3, 0), 1, "one that is uneven has");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


/* more targets than a transaction has slots, in one transaction */

static void
test_many(void)
{
    ngx_uint_t            i, bad;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   parts[50];

    begin(16 << 20);

    ngx_memzero(parts, sizeof(parts));

    for (i = 0; i < 50; i++) {
        parts[i].target = 1 + i % 30;
        ngx_str_set(&parts[i].name, "crm");
    }

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = parts;
    op->nparts = 50;
    ngx_str_set(&op->record, "0123456789");
    is_int(run(op), NGX_OK, "an event for 30 targets, some twice");

    op = sweep();

    for (i = 1, bad = 0; i <= 30; i++) {
        bad += (count_of(op, i)->words[ACCEPTED] != 1
                || count_of(op, i)->pending != 1);
    }

    is_int(bad, 0, "each has it once");
    is_int(op->counts->nelts, 30, "and no other");

    end();
}


int
main(void)
{
    const char  *s;

    s = getenv("FILE_SEED");
    seed = s ? strtoull(s, NULL, 10) : (uint64_t) time(NULL);

    diag("FILE_SEED=%llu", (unsigned long long) seed);

    test_words();
    test_vanished();
    test_motion();
    test_before();
    test_idle();
    test_many();

    return done_testing();
}
