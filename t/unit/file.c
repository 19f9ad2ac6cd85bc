
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file store, operation by operation, with a real LMDB: what each of them
 * answers and that all databases fit together afterwards.  file_trouble.c has
 * stores that are full, damaged, of another format or somebody else's.
 */


#include "queue_file.h"


static void test_accept(void);
static void test_dedup(void);
static void test_lease(void);
static void test_pick(void);
static void test_reach(void);
static ngx_er_queue_op_t *reach(uint64_t target, ngx_uint_t fresh,
    ngx_uint_t reach, ngx_uint_t ends);
static ngx_er_queue_op_t *pick(uint64_t target, ngx_er_queue_pick_e pick);
static void test_fencing(void);
static void test_retry(void);
static void test_poison(void);
static void test_suspects(void);
static void test_adopt(void);
static void test_doubt(void);
static ngx_er_queue_op_t *unsure(ngx_er_queue_verb_e verb, uint64_t seq,
    ngx_uint_t doubt);
static void test_order(void);
static void test_order_replay(void);
static void test_dead(void);
static void test_replay_to(void);
static void test_list(void);
static void test_archive(void);
static ngx_uint_t replay_archive(uint64_t command, uint64_t to);
static void test_sweep(void);
static void test_clock(void);
static void test_mapped(void);
static long mapped(void);


int
main(void)
{
    test_accept();
    test_dedup();
    test_lease();
    test_pick();
    test_reach();
    test_fencing();
    test_retry();
    test_poison();
    test_suspects();
    test_adopt();
    test_doubt();
    test_order();
    test_order_replay();
    test_dead();
    test_replay_to();
    test_list();
    test_archive();
    test_sweep();
    test_clock();
    test_mapped();

    return done_testing();
}


static void
test_accept(void)
{
    uint64_t              seq, seq2;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part[3];

    begin(8 << 20);

    ngx_memzero(part, sizeof(part));
    part[0].target = 10;
    ngx_str_set(&part[0].name, "crm");
    ngx_str_set(&part[0].routes, "a,b");
    part[0].lease = 1;
    part[1].target = 20;
    ngx_str_set(&part[1].name, "erp");
    part[1].delay = 5000;
    part[2].target = 20;

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = part;
    op->nparts = 3;
    op->token = 5;
    ngx_str_set(&op->record, "the event");

    is_int(run(op), NGX_OK, "an event for two targets");
    is_int(op->seq, now << 20, "its number is the time");
    is_int(part[0].lease, 1, "leased");
    is_int(rows(NGX_ER_FILE_PENDING), 2, "the same target twice is one entry");
    is_int(consistent(), 0, "fits together");

    seq = op->seq;
    is_int(accept_one(10, 0, 0, 3, &seq2), NGX_OK, "a second one");
    is_int(seq2, seq + 1, "the next number");

    op = list(0, 10);
    is_int(op->entries->nelts, 2, "two entries of the target");
    is_str(&entry(op, 0)->record, "the event", "record");
    is_str(&entry(op, 0)->name, "crm", "name");
    is_str(&entry(op, 0)->routes, "a,b", "routes");
    is_int(entry(op, 0)->due, now + 30000, "due when the lease ends");
    is_int(entry(op, 0)->token, 5, "token");
    is_int(entry(op, 1)->due, now, "due at once");

    op = list(0, 20);
    is_int(entry(op, 0)->due, now + 5000, "delayed");

    op = sweep();
    is_int(count_of(op, 10)->pending, 2, "pending");
    is_int(count_of(op, 10)->oldest, now, "oldest");
    is_int(count_of(op, 10)->fresh, now, "next");
    is_int(count_of(op, 10)->again, NGX_ER_NEVER, "nothing again");
    is_int(count_of(op, 20)->fresh, now + 5000, "next of the other");
    is_str(&count_of(op, 20)->name, "erp", "its name");
    is_int(op->size, 8 << 20, "size");
    ok(op->used > 4096 && op->used < (1 << 20), "used");

    is_int(settle(10, seq, 5), NGX_OK, "settled");
    is_int(rows(NGX_ER_FILE_EVENTS), 2, "the other target needs the event");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    is_int(run(op), NGX_OK, "an event for nobody");
    is_int(rows(NGX_ER_FILE_EVENTS), 2, "is not kept");

    end();
}


static void
test_dedup(void)
{
    uint64_t              seq;
    ngx_queue_t           ops;
    ngx_er_queue_op_t    *op, *two;
    ngx_er_queue_part_t   part;

    begin(8 << 20);

    ngx_memzero(&part, sizeof(part));
    part.target = 10;

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->dedup = 1;
    op->window = 1000;
    op->parts = &part;
    op->nparts = 1;
    memset(op->key, 0xab, 32);

    is_int(run(op), NGX_OK, "the first one");
    seq = op->seq;

    op->seq = 0;
    now += 999;
    is_int(run(op), NGX_DECLINED, "a duplicate");
    is_int(op->seq, seq, "has the number of the first one");
    is_int(rows(NGX_ER_FILE_PENDING), 1, "one entry");

    now += 1;
    is_int(run(op), NGX_OK, "expired");
    ok(op->seq > seq, "another number");
    is_int(rows(NGX_ER_FILE_EXPIRY), 1, "one row of expiry");

    op->key[31] ^= 1;
    two = new_op(NGX_ER_QUEUE_ACCEPT);
    *two = *op;
    ngx_queue_init(&ops);
    ngx_queue_insert_tail(&ops, &op->queue);
    ngx_queue_insert_tail(&ops, &two->queue);
    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_OK, "two of them at once: the first");
    is_int(two->rc, NGX_DECLINED, "two of them at once: the second");
    is_int(two->seq, op->seq, "the same number");

    now += 1001;
    sweep();
    is_int(rows(NGX_ER_FILE_KEYS), 0, "keys are forgotten");

    end();
}


static void
test_lease(void)
{
    uint64_t            seq[8];
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    for (i = 0; i < 6; i++) {
        accept_one(10, 0, 0, 100, &seq[i]);
        now++;
    }

    op = lease(10, 2, 5);
    is_int(op->entries->nelts, 2, "two of six");
    is_int(entry(op, 0)->seq, seq[0], "the oldest");
    is_int(entry(op, 1)->seq, seq[1], "and the next");
    is_int(entry(op, 0)->record.len, 100, "with record");
    is_int(entry(op, 0)->token, op->token, "token");
    is_int(entry(op, 0)->due, now + 30000, "due");
    is_int(op->count.fresh, now - 4, "more is due");
    is_int(op->count.again, NGX_ER_NEVER, "nothing again");
    is_int(op->count.pending, 6, "six pending");

    op = new_op(NGX_ER_QUEUE_LEASE);
    op->target = 10;
    op->token = ++token;
    op->fresh = 10;
    op->bytes = 250;
    run(op);
    is_int(op->entries->nelts, 2, "250 bytes are two records");

    op->bytes = 1;
    op->token = ++token;
    run(op);
    is_int(op->entries->nelts, 1, "one record is given if it is larger");

    op = lease(10, 5, 0);
    is_int(op->entries->nelts, 1, "the last one");
    is_int(op->count.fresh, now + 30000, "then the first lease ends");

    op = lease(10, 5, 0);
    is_int(op->entries->nelts, 0, "nothing left");
    op = lease(11, 5, 5);
    is_int(op->rc, NGX_OK, "a target that nobody knows");
    is_int(op->count.fresh, NGX_ER_NEVER, "has nothing");

    now += 30000;
    op = lease(10, 1, 0);
    is_int(entry(op, 0)->crashes, 1, "a lease that ended by itself");

    end();
}


/* probes: which one of those that failed */

static void
test_pick(void)
{
    uint64_t            seq[4];
    ngx_uint_t          i, n;
    ngx_er_queue_op_t  *op;

    static ngx_uint_t  times[] = { 2, 1, 3, 1 };

    begin(8 << 20);

    for (i = 0; i < 4; i++) {
        accept_one(10, 0, 0, 100, &seq[i]);
        now++;
    }

    for (n = 1; n <= 3; n++) {
        op = lease(10, 9, 9);

        for (i = 0; i < 4; i++) {
            if (n <= times[i]) {
                (void) retry(10, seq[i], op->token, 1,
                             n == times[i] ? 5000 : 0);
            }
        }
    }

    op = pick(10, NGX_ER_QUEUE_PICK_LEAST);
    is_int(op->entries->nelts, 0, "none is due");
    op = pick(10, NGX_ER_QUEUE_PICK_EARLY);
    is_int(op->entries->nelts, 1, "due or not: one");
    is_int(entry(op, 0)->seq, seq[1], "failed least, the oldest");
    op = pick(10, NGX_ER_QUEUE_PICK_EARLY);
    is_int(entry(op, 0)->seq, seq[3], "not what is in hand");

    now += 5000;

    op = pick(10, NGX_ER_QUEUE_PICK_LEAST);
    is_int(entry(op, 0)->seq, seq[0], "due: failed less");
    is_int(lease(10, 0, 9)->entries->nelts, 1, "the rest");
    op = pick(10, NGX_ER_QUEUE_PICK_EARLY);
    is_int(op->entries->nelts, 0, "all are in hand");
    op = pick(11, NGX_ER_QUEUE_PICK_EARLY);
    is_int(op->entries->nelts, 0, "a target that nobody knows");
    is_int(consistent(), 0, "fits together");

    end();
}


/* events without an attempt: from the front, the end, or in between */

static void
test_reach(void)
{
    uint64_t            first, seq[10];
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(9, 0, 0, 100, &seq[0]);
    accept_one(11, 0, 0, 100, &seq[0]);

    first = now;

    for (i = 0; i < 10; i++) {
        accept_one(10, 0, 0, 100, &seq[i]);
        now += 100;
    }

    op = reach(10, 2, NGX_ER_ENTRY_NEWEST, 0);
    is_int(op->entries->nelts, 2, "the newest: two");
    is_int(entry(op, 0)->seq, seq[9], "the newest one first");
    is_int(entry(op, 1)->seq, seq[8], "then the one before it");
    is_int(op->count.fresh, first, "the first one is due as before");

    op = reach(10, 1, NGX_ER_ENTRY_NEWEST / 2, 0);
    is_int(entry(op, 0)->seq, seq[3], "in between");
    op = reach(10, 1, 1, 0);
    is_int(entry(op, 0)->seq, seq[0], "near the front");

    op = reach(10, 1, NGX_ER_ENTRY_NEWEST, 2);
    is_int(op->entries->nelts, 3, "both ends");
    is_int(entry(op, 0)->seq, seq[7], "the newest one");
    is_int(entry(op, 1)->seq, seq[1], "and the oldest");
    is_int(entry(op, 2)->seq, seq[2], "two of them");

    op = reach(10, 1, 0, 1);
    is_int(op->entries->nelts, 2, "the other way round");
    is_int(entry(op, 0)->seq, seq[4], "the oldest one");
    is_int(entry(op, 1)->seq, seq[6], "and the newest");

    op = reach(10, 5, NGX_ER_ENTRY_NEWEST, 5);
    is_int(op->entries->nelts, 1, "the last one, once");
    is_int(entry(op, 0)->seq, seq[5], "it is");
    op = reach(10, 5, NGX_ER_ENTRY_NEWEST, 5);
    is_int(op->entries->nelts, 0, "none");
    op = reach(10, 5, 77, 0);
    is_int(op->entries->nelts, 0, "nor in between");
    ok(op->count.fresh > now, "none at all");

    op = reach(12, 5, NGX_ER_ENTRY_NEWEST, 5);
    is_int(op->entries->nelts, 0, "a target that nobody knows");
    is_int(consistent(), 0, "fits together");

    end();
}


static ngx_er_queue_op_t *
reach(uint64_t target, ngx_uint_t fresh, ngx_uint_t reach, ngx_uint_t ends)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_LEASE);
    op->target = target;
    op->token = ++token;
    op->fresh = fresh;
    op->reach = reach;
    op->again = ends;
    op->pick = NGX_ER_QUEUE_PICK_ENDS;

    (void) run(op);

    return op;
}


static ngx_er_queue_op_t *
pick(uint64_t target, ngx_er_queue_pick_e pick)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_LEASE);
    op->target = target;
    op->token = ++token;
    op->again = 1;
    op->pick = pick;

    (void) run(op);

    return op;
}


static void
test_fencing(void)
{
    uint64_t            seq, old;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(10, 0, 1, 100, &seq);
    old = token;

    is_int(settle(10, seq, old + 1), NGX_DECLINED, "another token");
    is_int(settle(11, seq, old), NGX_DECLINED, "another target");

    file->holder = 2;
    is_int(settle(10, seq, old), NGX_DECLINED, "another holder");
    file->holder = 1;

    op = new_op(NGX_ER_QUEUE_EXTEND);
    op->target = 10;
    op->seq = seq;
    op->token = old;
    op->lease = 60000;
    is_int(run(op), NGX_OK, "extended");
    is_int(entry(list(0, 10), 0)->due, now + 60000, "to the new end");

    now += 60000;
    file->holder = 2;
    op = lease(10, 1, 1);
    is_int(op->entries->nelts, 1, "another one gets it");
    file->holder = 1;

    is_int(settle(10, seq, old), NGX_DECLINED, "SETTLE is fenced");
    is_int(retry(10, seq, old, 1, 1), NGX_DECLINED, "RETRY is fenced");
    is_int(bury(10, seq, old, HOUR), NGX_DECLINED, "BURY is fenced");
    op = new_op(NGX_ER_QUEUE_EXTEND);
    op->target = 10;
    op->seq = seq;
    op->token = old;
    is_int(run(op), NGX_DECLINED, "EXTEND is fenced");

    file->holder = 2;
    is_int(settle(10, seq, token), NGX_OK, "who has it settles");
    is_int(settle(10, seq, token), NGX_DECLINED, "once");
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "the event is gone");
    is_int(rows(NGX_ER_FILE_COUNTS), 0, "the counts are gone");

    end();
}


static void
test_retry(void)
{
    uint64_t            seq;
    ngx_uint_t          i;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(10, 0, 1, 100, &seq);

    is_int(retry(10, seq, token, 0, 50), NGX_OK, "handed back");
    e = entry(list(0, 10), 0);
    is_int(e->attempts, 0, "no attempt");
    is_int(e->due, now + 50, "due");
    is_int(e->token, 0, "not leased");
    is_int(retry(10, seq, token, 0, 50), NGX_DECLINED, "only once");

    for (i = 1; i <= 20; i++) {
        now += 1000;
        op = lease(10, 1, 1);
        e = entry(op, 0);

        if (e->attempts != i - 1 || retry(10, seq, token, 1, 1000) != NGX_OK) {
            ok(0, "attempt %d", (int) i);
        }
    }

    op = lease(10, 5, 5);
    is_int(op->entries->nelts, 0, "not due");
    is_int(op->count.again, now + 1000, "when it is");
    is_int(op->count.fresh, NGX_ER_NEVER, "nothing fresh");

    e = entry(list(0, 10), 0);
    is_int(e->attempts, 20, "20 attempts");
    is_int(e->npast, 16, "16 are remembered");
    is_int(e->past[15].number, 20, "the last");
    is_int(e->past[0].number, 5, "to the first");
    is_int(e->past[15].status, 503, "status");
    is_int(e->past[15].time, now, "time");
    is_int(e->past[15].ms, 7, "duration");

    now += 1000;
    is_int(lease(10, 5, 0)->entries->nelts, 0, "it is not fresh");
    is_int(lease(10, 0, 5)->entries->nelts, 1, "it is again");

    end();
}


static void
test_poison(void)
{
    uint64_t            seq;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(10, 0, 0, 100, &seq);

    lease(10, 1, 1);
    now += 30000;
    is_int(entry(lease(10, 1, 1), 0)->crashes, 1, "one crash");
    now += 30000;
    is_int(entry(lease(10, 1, 1), 0)->crashes, 2, "two crashes");
    now += 30000;
    op = lease(10, 1, 1);
    is_int(entry(op, 0)->crashes, 3, "three: who has it will bury it");

    is_int(bury(10, seq, token, 30000), NGX_OK, "buried");
    is_int(entry(list(1, 10), 0)->seq, seq, "dead");

    accept_one(10, 0, 0, 100, &seq);
    lease(10, 1, 1);
    now += 30000;
    lease(10, 1, 1);
    is_int(retry(10, seq, token, 1, 0), NGX_OK, "an attempt that ended");
    is_int(entry(list(0, 10), 0)->crashes, 0, "forgets the crashes");

    end();
}


/* three were in hand in two crashes: which one is it? */

static void
test_suspects(void)
{
    uint64_t            seq;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    for (i = 0; i < 3; i++) {
        accept_one(10, 0, 0, 100, NULL);
    }

    is_int(lease(10, 9, 9)->entries->nelts, 3, "three in hand");
    now += 30000;
    is_int(lease(10, 9, 9)->entries->nelts, 3, "one crash: all again");
    now += 30000;

    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "two: one of them");
    is_int(entry(op, 0)->crashes, 2, "which is one crash short");
    is_int(op->count.again, now + 100, "the next one soon");
    seq = entry(op, 0)->seq;

    now += 1000;
    is_int(lease(10, 9, 9)->entries->nelts, 0, "not beside it");

    file->holder = 2;
    now += 1000;
    is_int(lease(10, 9, 9)->entries->nelts, 1, "another worker gets one");
    file->holder = 1;

    is_int(settle(10, seq, entry(op, 0)->token), NGX_OK, "it was not this");
    now += 1000;
    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "then the next");
    ok(entry(op, 0)->seq != seq, "another one");

    accept_one(10, 0, 0, 100, NULL);
    is_int(lease(10, 9, 9)->entries->nelts, 1, "others are not held up");

    end();
}


static void
test_adopt(void)
{
    ngx_uint_t          i;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    begin(16 << 20);

    for (i = 0; i < 1100; i++) {
        if (accept_one(10 + i % 2, 0, 1, 10, NULL) != NGX_OK) {
            ok(0, "accepted");
        }
    }

    file->holder = 2;
    accept_one(10, 0, 1, 10, NULL);

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = 1;
    is_int(run(op), NGX_OK, "adopted");
    is_int(op->count.pending, 1000, "a thousand at once");
    is_int(op->more, 1, "and more");
    is_int(run(op), NGX_OK, "adopted");
    is_int(op->count.pending, 100, "the rest");
    is_int(op->more, 0, "and no more");
    run(op);
    is_int(op->count.pending, 0, "nothing left");

    e = entry(list(0, 10), 0);
    is_int(e->crashes, 1, "a crash");
    is_int(e->due, now, "due now");
    is_int(lease(10, 1000, 1000)->entries->nelts, 550, "can be leased");
    e = entry(list(0, 10), 550);
    is_int(e->due, now + 30000, "another holder's is not touched");

    end();
}


/* what its target may have is in doubt until somebody says otherwise */

static void
test_doubt(void)
{
    uint64_t            seq, key;
    ngx_str_t           value;
    ngx_er_file_txn_t   t;
    ngx_er_file_row_t   row;
    ngx_er_queue_op_t  *op, *re;

    begin(8 << 20);

    accept_one(10, 0, 0, 10, &seq);
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->doubt, 0, "a new one is not");

    run(unsure(NGX_ER_QUEUE_RETRY, seq, 0));
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->doubt, 0, "nor what is handed back");

    run(unsure(NGX_ER_QUEUE_RETRY, seq, 3));
    is_int(entry(list(0, 10), 0)->doubt, 3, "what is said is kept");
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->doubt, 3, "and given");

    now += 30000;
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->crashes, 1, "its lease ended by itself");
    is_int(entry(op, 0)->doubt, NGX_ER_DOUBT_NEW, "so nobody knows");
    op = new_op(NGX_ER_QUEUE_EXTEND);
    op->target = 10;
    op->seq = seq;
    op->token = token;
    is_int(run(op), NGX_OK, "extended");
    is_int(entry(list(0, 10), 0)->doubt, NGX_ER_DOUBT_NEW, "still");

    run(unsure(NGX_ER_QUEUE_RETRY, seq, 0));
    lease(10, 9, 9);
    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = 1;
    op->leaves = 1;
    is_int(run(op), NGX_OK, "its worker died, if not of it");
    is_int(entry(list(0, 10), 0)->crashes, 1, "no crash more");
    is_int(entry(list(0, 10), 0)->doubt, NGX_ER_DOUBT_NEW, "but a doubt");

    /* the target may need that time to know it */

    op = lease(10, 9, 9);
    re = unsure(NGX_ER_QUEUE_RETRY, seq, 1);
    re->delay = 5000;
    run(re);
    is_int(pick(10, NGX_ER_QUEUE_PICK_EARLY)->entries->nelts, 0,
           "it is never early");
    now += 5000;
    op = pick(10, NGX_ER_QUEUE_PICK_EARLY);
    is_int(op->entries->nelts, 1, "but when it is due");

    /* dead letters */

    re = unsure(NGX_ER_QUEUE_BURY, seq, 14);
    re->reason = NGX_ER_DEAD_DOUBT;
    is_int(run(re), NGX_OK, "buried");
    is_int(entry(list(1, 10), 0)->reason, NGX_ER_DEAD_DOUBT, "the reason");
    is_int(entry(list(1, 10), 0)->doubt, 14, "in doubt");

    re = new_op(NGX_ER_QUEUE_REPLAY);
    re->command = 1;
    run(re);
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->doubt, 1, "replayed: in doubt, and asked anew");

    run(unsure(NGX_ER_QUEUE_BURY, seq, NGX_ER_DOUBT_NEW));
    re->command = 2;
    re->after[0] = re->after[1] = 0;
    run(re);
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->doubt, NGX_ER_DOUBT_NEW, "nobody has waited yet");

    run(unsure(NGX_ER_QUEUE_BURY, seq, 2));
    re->command = 3;
    re->after[0] = re->after[1] = 0;
    re->to.target = 20;
    ngx_str_set(&re->to.name, "other");
    run(re);
    op = lease(20, 9, 9);
    is_int(entry(op, 0)->doubt, 0, "another target has not got it");

    /* a dead letter of a version that did not keep the doubt */

    run(unsure(NGX_ER_QUEUE_BURY, seq, 0));
    is_int(mdb_txn_begin(file->env, NULL, 0, &t.txn), 0, "a transaction");
    t.file = file;
    (void) ngx_er_file_row(&t, NGX_ER_FILE_DEAD, 20, seq, &row);
    is_int(row.e.crashes, 0, "(crashes)");
    row.e.crashes = 2;
    (void) ngx_er_file_row_put(&t, NGX_ER_FILE_DEAD, &row);
    is_int(mdb_txn_commit(t.txn), 0, "committed");

    re->command = 4;
    re->after[0] = re->after[1] = 0;
    re->to.target = 0;
    run(re);
    op = lease(20, 9, 9);
    is_int(entry(op, 0)->doubt, NGX_ER_DOUBT_NEW, "crashes are doubts");

    /* where it stands: bits 4 to 7, beside two flags */

    run(unsure(NGX_ER_QUEUE_RETRY, seq, 9));
    is_int(mdb_txn_begin(file->env, NULL, MDB_RDONLY, &t.txn), 0, "look");
    {
        uint64_t  place[2] = { 20, seq };

        is_int(ngx_er_file_get(&t, NGX_ER_FILE_PENDING, place, &value), NGX_OK,
               "a row");
        key = value.data[1];
    }
    mdb_txn_abort(t.txn);
    is_int(key, 0x90, "nine");
    is_int(consistent(), 0, "fits together");

    end();
}


/* of the last lease */

static ngx_er_queue_op_t *
unsure(ngx_er_queue_verb_e verb, uint64_t seq, ngx_uint_t doubt)
{
    ngx_er_queue_op_t  *op;

    op = new_op(verb);
    op->target = rows(NGX_ER_FILE_PENDING) && list(0, 20)->entries->nelts
                 ? 20 : 10;
    op->seq = seq;
    op->token = token;
    op->doubt = doubt;
    op->reason = NGX_ER_DEAD_FINAL;

    return op;
}


static void
test_order(void)
{
    uint64_t              a, b, c;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part;

    begin(8 << 20);

    accept_one(10, 7, 1, 10, &a);

    ngx_memzero(&part, sizeof(part));
    part.target = 10;
    part.order = 7;
    part.lease = 1;

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;
    op->token = 99;
    run(op);
    b = op->seq;
    is_int(part.lease, 0, "the second one of an order is not leased");
    is_int(consistent(), 0, "fits together");

    accept_one(10, 7, 0, 10, &c);
    accept_one(10, 8, 0, 10, NULL);
    accept_one(11, 7, 0, 10, NULL);

    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "another order goes");
    is_int(op->count.fresh, now + 30000, "blocked ones have no time");

    is_int(retry(10, a, 1 + token - 4, 1, 5000), NGX_DECLINED, "(token)");
    now += 30000;
    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 2, "the first ones of both orders");
    is_int(entry(op, 0)->seq, a, "this one");
    is_int(retry(10, a, op->token, 1, 5000), NGX_OK, "to be tried again");
    is_int(lease(10, 9, 9)->entries->nelts, 0, "still blocks the next");

    now += 5000;
    op = lease(10, 9, 9);
    is_int(settle(10, a, op->token), NGX_OK, "settled");
    is_int(consistent(), 0, "fits together");
    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "the next");
    is_int(entry(op, 0)->seq, b, "in order");
    is_int(bury(10, b, op->token, HOUR), NGX_OK, "buried");
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->seq, c, "the last");
    is_int(settle(10, c, op->token), NGX_OK, "settled");

    end();
}


static void
test_order_replay(void)
{
    uint64_t            a, b, c;
    ngx_er_queue_op_t  *op, *re;

    begin(8 << 20);

    accept_one(10, 7, 1, 10, &a);
    bury(10, a, token, HOUR);
    accept_one(10, 7, 1, 10, &b);
    accept_one(10, 7, 0, 10, &c);

    re = new_op(NGX_ER_QUEUE_REPLAY);
    re->command = 1;
    is_int(run(re), NGX_OK, "the first one is replayed");
    is_int(re->done, 1, "one");
    is_int(consistent(), 0, "fits together");
    is_int(lease(10, 9, 9)->entries->nelts, 0,
           "not beside the one in flight");

    is_int(retry(10, b, token - 2, 1, 0), NGX_OK, "that fails");
    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "one may go");
    is_int(entry(op, 0)->seq, a, "it is the replayed one");
    is_int(entry(op, 0)->epoch, 1, "of the next epoch");
    is_int(consistent(), 0, "fits together");

    is_int(bury(10, a, op->token, HOUR), NGX_OK, "it fails again");
    re->command = 2;
    re->after[0] = re->after[1] = 0;
    is_int(run(re), NGX_OK, "replayed when none is in flight");
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->seq, a, "it goes first");
    is_int(settle(10, a, op->token), NGX_OK, "settled");
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->seq, b, "then the second");
    settle(10, b, op->token);
    op = lease(10, 9, 9);
    is_int(entry(op, 0)->seq, c, "then the third");

    end();
}


static void
test_dead(void)
{
    uint64_t            seq;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(10, 0, 1, 10, &seq);
    is_int(bury(10, seq, token, HOUR), NGX_OK, "buried");

    op = list(1, 0);
    e = entry(op, 0);
    is_int(op->entries->nelts, 1, "one dead letter");
    is_int(e->reason, NGX_ER_DEAD_FINAL, "reason");
    is_int(e->status, 410, "status");
    is_str(&e->answer, "gone", "answer");
    is_int(e->attempts, 1, "attempts");
    is_int(e->npast, 1, "past");
    is_int(e->died, now, "time");
    is_int(e->record.len, 10, "record");

    op = sweep();
    is_int(count_of(op, 10)->dead, 1, "counted");
    is_int(count_of(op, 10)->pending, 0, "not pending");
    is_int(count_of(op, 10)->oldest, NGX_ER_NEVER, "no oldest");

    now += 1000;
    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->command = 77;
    is_int(run(op), NGX_OK, "replayed");
    is_int(op->done, 1, "one");
    is_int(op->after[1], seq, "the cursor moved");

    e = entry(list(0, 0), 0);
    is_int(e->epoch, 1, "epoch");
    is_int(e->attempts, 0, "no attempts");
    is_int(e->accepted, now, "accepted now");
    is_int(e->npast, 1, "the past is kept");
    is_int(e->reason, 0, "no reason");

    op = lease(10, 1, 1);
    bury(10, seq, op->token, HOUR);
    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->command = 77;
    is_int(run(op), NGX_OK, "the same command");
    is_int(op->done, 0, "does not do it twice");
    op->command = 78;
    op->filter.seq = seq + 1;
    op->after[0] = op->after[1] = 0;
    run(op);
    is_int(op->done, 0, "another event");
    op->filter.seq = seq;
    op->after[0] = op->after[1] = 0;
    run(op);
    is_int(op->done, 1, "this event");
    is_int(entry(list(0, 0), 0)->epoch, 2, "epoch");

    op = lease(10, 1, 1);
    bury(10, seq, op->token, HOUR);
    now += HOUR - 1;
    sweep();
    is_int(rows(NGX_ER_FILE_DEAD), 1, "still there");
    now += 1;
    sweep();
    is_int(rows(NGX_ER_FILE_DEAD), 0, "over");
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "with its event");

    accept_one(10, 0, 1, 10, &seq);
    bury(10, seq, token, HOUR);
    accept_one(12, 0, 1, 10, &seq);
    bury(12, seq, token, HOUR);
    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = 12;
    is_int(run(op), NGX_OK, "purged");
    is_int(op->done, 1, "one");
    is_int(rows(NGX_ER_FILE_DEAD), 1, "the other is there");
    is_int(rows(NGX_ER_FILE_EXPIRY), 1, "its end, too");

    end();
}


static void
test_replay_to(void)
{
    uint64_t              seq;
    ngx_er_entry_t       *e;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part[2];

    begin(8 << 20);

    ngx_memzero(part, sizeof(part));
    part[0].target = 10;
    part[1].target = 20;
    part[0].lease = part[1].lease = 1;
    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = part;
    op->nparts = 2;
    op->token = 1;
    run(op);
    seq = op->seq;

    bury(10, seq, 1, HOUR);

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->command = 5;
    op->to.target = 20;
    ngx_str_set(&op->to.name, "erp");
    run(op);
    is_int(op->done, 0, "the other target has it already");

    bury(20, seq, 1, HOUR);
    op->after[0] = op->after[1] = 0;
    run(op);
    is_int(op->done, 1, "its own dead letter only");
    is_int(rows(NGX_ER_FILE_DEAD), 1, "the other one stays");

    op->to.target = 30;
    op->after[0] = op->after[1] = 0;
    run(op);
    is_int(op->done, 1, "moved to a third one");
    e = entry(list(0, 30), 0);
    is_int(e->seq, seq, "the same event");
    is_int(e->epoch, 1, "epoch");
    is_str(&e->name, "erp", "name");
    is_int(count_of(sweep(), 10)->dead, 0, "not here any more");

    end();
}


static void
test_list(void)
{
    uint64_t            seq[10], first;
    ngx_uint_t          i, n, pages;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    first = now;

    for (i = 0; i < 10; i++) {
        accept_one(10 + i % 3, 0, 0, 10, &seq[i]);
        now += 10;
    }

    op = new_op(NGX_ER_QUEUE_LIST);
    op->limit = 3;
    n = pages = 0;

    do {
        ngx_er_file_read(file, op);
        n += op->entries->nelts;
        pages++;
    } while (op->more && pages < 20);

    is_int(n, 10, "all entries");
    is_int(pages, 4, "in four pages");
    is_int(op->after[0], 12, "the cursor");

    op = new_op(NGX_ER_QUEUE_LIST);
    op->limit = 10;
    op->filter.seq = seq[4];
    ngx_er_file_read(file, op);
    is_int(op->entries->nelts, 1, "by number");
    is_int(entry(op, 0)->target, 11, "the right one");
    is_str(&entry(op, 0)->record, NULL, "without record");

    op = new_op(NGX_ER_QUEUE_LIST);
    op->filter.from = first + 20;
    op->filter.to = first + 50;
    ngx_er_file_read(file, op);
    is_int(op->entries->nelts, 3, "by time");

    op = new_op(NGX_ER_QUEUE_LIST);
    ngx_str_set(&op->filter.route, "all");
    op->filter.target = 11;
    ngx_er_file_read(file, op);
    is_int(op->entries->nelts, 3, "by route and target");
    ngx_str_set(&op->filter.route, "al");
    op->after[0] = op->after[1] = 0;
    ngx_er_file_read(file, op);
    is_int(op->entries->nelts, 0, "by another route");

    op = new_op(NGX_ER_QUEUE_LIST);
    op->limit = 4;
    is_int(run(op), NGX_OK, "with the others in a transaction");
    is_int(op->entries->nelts, 4, "the same");

    end();
}


static ngx_uint_t
replay_archive(uint64_t command, uint64_t to)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->archive = 1;
    op->filter.source = 3;
    op->command = command;
    op->to.target = to;
    ngx_str_set(&op->to.name, "new");
    ngx_str_set(&op->to.routes, "replayed");

    return run(op) == NGX_OK ? op->done : 999;
}


static void
test_archive(void)
{
    uint64_t              seq, first;
    ngx_uint_t            i;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part;

    begin(8 << 20);

    seq = 0;
    first = now;

    for (i = 0; i < 5; i++) {
        ngx_memzero(&part, sizeof(part));
        part.target = 10;
        part.lease = 1;
        ngx_str_set(&part.routes, "r1,r2");

        op = new_op(NGX_ER_QUEUE_ACCEPT);
        op->parts = &part;
        op->nparts = (i == 4) ? 0 : 1;
        op->token = 50 + i;
        op->retain = HOUR;
        op->source = (i == 3) ? 4 : 3;
        ngx_str_set(&op->record, "kept");
        run(op);

        now += 10;

        if (i == 0) {
            seq = op->seq;
            is_int(settle(10, seq, 50), NGX_OK, "settled");
        }
    }

    is_int(rows(NGX_ER_FILE_EVENTS), 5, "the settled event is kept");
    is_int(rows(NGX_ER_FILE_DONE), 1, "and that it is done");
    is_int(consistent(), 0, "fits together");

    is_int(replay_archive(1, 0), 999, "a target must be given");
    is_int(replay_archive(1, 10), 2, "what is not pending there");
    is_int(entry(list(0, 10), 0)->epoch, 1, "the settled one, next epoch");
    is_int(replay_archive(1, 10), 0, "not twice");

    op = lease(10, 0, 1);
    is_int(entry(op, 0)->seq, seq, "the event again");
    is_str(&entry(op, 0)->record, "kept", "the record");
    is_int(settle(10, seq, op->token), NGX_OK, "settled");
    is_int(replay_archive(1, 10), 0, "the same command: not twice");
    is_int(replay_archive(2, 10), 1, "another command");

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->archive = 1;
    op->filter.source = 3;
    op->filter.from = first + 10;
    op->filter.to = first + 40;
    op->to.target = 77;
    op->limit = 1;
    run(op);
    is_int(op->done, 1, "by time, one");
    is_int(op->more, 1, "and more");
    run(op);
    is_int(op->done, 1, "the second");
    is_int(op->more, 0, "and no more");

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->archive = 1;
    op->filter.source = 3;
    ngx_str_set(&op->filter.route, "r2");
    op->to.target = 78;
    run(op);
    is_int(op->done, 2, "by route");
    is_int(consistent(), 0, "fits together");

    now += HOUR;
    sweep();
    is_int(rows(NGX_ER_FILE_ARCHIVE), 0, "the archive is over");
    is_int(rows(NGX_ER_FILE_DONE), 0, "what was done, too");
    is_int(rows(NGX_ER_FILE_EVENTS), 5, "but what is pending is there");

    end();
}


static void
test_sweep(void)
{
    uint64_t            known[2], seq;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begin(16 << 20);

    accept_one(10, 0, 0, 10, NULL);
    accept_one(30, 0, 1, 10, NULL);

    for (i = 0; i < 1200; i++) {
        accept_one(20, 0, 0, 10, &seq);
    }

    known[0] = 10;

    op = new_op(NGX_ER_QUEUE_SWEEP);
    op->known = known;
    op->nknown = 1;
    op->generation = 5;
    is_int(run(op), NGX_OK, "swept");
    is_int(count_of(op, 20)->dead, 1000, "a thousand of a removed target");
    is_int(op->more, 1, "and more");
    is_int(run(op), NGX_OK, "swept");
    is_int(count_of(op, 20)->dead, 1200, "all");
    is_int(op->more, 0, "and no more");
    is_int(count_of(op, 10)->pending, 1, "a known target's entry stays");
    is_int(count_of(op, 30)->pending, 1, "a leased entry stays");
    is_int(entry(list(1, 20), 0)->reason, NGX_ER_DEAD_REMOVED, "reason");

    now += 30000;
    op->generation = 4;
    run(op);
    is_int(count_of(op, 30)->pending, 1, "an old generation buries nothing");
    op->generation = 6;
    run(op);
    is_int(count_of(op, 30)->dead, 1, "a new one does");

    now += HOUR;
    op = sweep();
    is_int(op->more, 1, "a thousand ends at once");
    op = sweep();
    is_int(op->more, 0, "the rest");
    is_int(rows(NGX_ER_FILE_DEAD), 0, "all dead letters are over");

    end();
}


static void
test_clock(void)
{
    uint64_t  a, b, start;

    begin(8 << 20);

    start = now;
    accept_one(10, 0, 0, 10, &a);
    now -= HOUR;
    accept_one(10, 0, 0, 10, &b);
    ok(b > a, "numbers grow");
    is_int(ngx_er_file_clock(file), start, "the clock does not go back");
    now += 5000;
    accept_one(10, 0, 0, 10, &b);
    is_int(ngx_er_file_clock(file), start + 5000, "and goes on");

    ngx_er_file_close(file);
    test_open(2);
    is_int(ngx_er_file_clock(file), start + 5000, "it is stored");
    is_int(lease(10, 9, 9)->entries->nelts, 3, "all are due");
    now = start + 10000;
    sweep();
    accept_one(10, 0, 0, 10, &a);
    ok(ngx_er_file_clock(file) >= now, "the wall clock caught up");
    now = start + 10000 + HOUR;

    end();
}


static void
test_mapped(void)
{
    long         before;
    ngx_uint_t   i;
    const char  *skip;

    skip = access("/proc/self/smaps", R_OK) == 0 ? NULL : "no /proc";

    begin(16 << 20);

    for (i = 0; i < 500; i++) {
        accept_one(10, 0, 0, 8000, NULL);
    }

    usleep(300000);
    sweep();

    is_int(list(0, 10)->entries->nelts, 500, "all are read");
    before = mapped();
    ok(skip || before >= 4000, "so they are mapped");

    sweep();
    usleep(300000);
    sweep();

    diag("kB mapped: %ld, then %ld", before, mapped());
    ok(skip || mapped() < 500, "a quarter of a second later they are not");
    is_int(list(0, 10)->entries->nelts, 500, "and can be read again");

    end();
}


/* kB of the store that count as this process's memory */

static long
mapped(void)
{
    int            ours;
    long           rss, n;
    char           line[4096];
    FILE          *f;
    unsigned long  from, to;

    f = fopen("/proc/self/smaps", "r");
    ours = 0;
    rss = 0;

    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            ours = strstr(line, dir) != NULL;

        } else if (ours && sscanf(line, "Rss: %ld", &n) == 1) {
            rss += n;
        }
    }

    if (f) {
        fclose(f);
    }

    return rss;
}
