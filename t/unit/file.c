
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file store, operation by operation, with a real LMDB: what each of them
 * answers and that all databases fit together afterwards; who may open the
 * directory; a full store; rows that cannot be read.
 */


#include "queue_file.h"

#include <sys/wait.h>
#include <sys/resource.h>


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
static void test_full(void);
static void test_marks(void);
static void test_format(void);
static void test_full_map(void);
static void test_full_mixed(void);
static void test_corrupt(void);
static void test_junk(void);
static void test_stale(void);
static void test_failures(void);
static void test_one_fails(void);
static void test_size(void);
static void test_open_rules(void);
static void refused(const char *part, const char *what);
static void test_holders(void);
static void test_two(void);
static void write_file(const char *name, const char *text);
static void begin(uint64_t size);
static void end(void);


static void
begin(uint64_t size)
{
    pool = ngx_er_test_pool();
    test_directory(size);
    test_open(1);
}


static void
end(void)
{
    is_int(consistent(), 0, "the databases fit together");
    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
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


static void
test_full(void)
{
    uint64_t            seq, seqs[1000];
    ngx_int_t           rc;
    ngx_uint_t          i, n, bad;
    ngx_queue_t         ops;
    ngx_er_queue_op_t  *op, *other;

    begin(1 << 20);

    for (n = 0; n < 1000; n++) {
        rc = accept_one(10, 0, 0, 1000, &seqs[n]);

        if (rc != NGX_OK) {
            break;
        }
    }

    diag("%d events of 1000 bytes in 1 MB", (int) n);
    is_int(rc, NGX_BUSY, "the store is full");
    ok(n > 150, "but it took something");
    is_int(ngx_er_file_full(file), 1, "full");
    is_int(accept_one(10, 0, 0, 1000, &seq), NGX_BUSY, "stays full");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->record.len = 10;
    op->record.data = (u_char *) "0123456789";
    op->retain = 1000;
    other = new_op(NGX_ER_QUEUE_LEASE);
    other->target = 10;
    other->token = ++token;
    other->fresh = n;
    ngx_queue_init(&ops);
    ngx_queue_insert_tail(&ops, &op->queue);
    ngx_queue_insert_tail(&ops, &other->queue);
    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_BUSY, "ACCEPT is refused");
    is_int(other->rc, NGX_OK, "LEASE is not");
    is_int(other->entries->nelts, n, "all of them");

    for (i = 0, bad = 0; i < n / 3; i++) {
        bad += (retry(10, seqs[i], token, 1, 0) != NGX_OK);
    }

    for ( /* void */ ; i < n / 2; i++) {
        bad += (bury(10, seqs[i], token, HOUR) != NGX_OK);
    }

    op = new_op(NGX_ER_QUEUE_REPLAY);
    bad += (run(op) != NGX_OK || op->done != n / 2 - n / 3);

    for ( /* void */ ; i < n; i++) {
        bad += (settle(10, seqs[i], token) != NGX_OK);
    }

    is_int(bad, 0, "retries, burials, replays and settles");

    is_int(consistent(), 0, "fits together");

    sweep();
    is_int(ngx_er_file_full(file), 0, "not full any more");
    is_int(accept_one(10, 0, 0, 1000, &seq), NGX_OK, "accepts again");

    is_int(accept_one(10, 0, 0, 2 << 20, &seq), NGX_BUSY,
           "an event larger than the store");

    sweep();

    for (i = 0, bad = 0; i < 3000; i++) {
        rc = accept_one(10, 0, 1, 5000, &seq);

        if (rc == NGX_OK) {
            bad += (settle(10, seq, token) != NGX_OK);

        } else {
            sweep();
            bad += (rc != NGX_BUSY);
        }

        if (i % 500 == 0) {
            ngx_reset_pool(pool);
        }
    }

    is_int(bad, 0, "thousands through a small store");

    end();
}


/* what one transaction accepts counts before it is committed, and a store that
   was full takes events again below the lower mark only */

static void
test_marks(void)
{
    uint64_t            low;
    ngx_uint_t          i, good, busy;
    ngx_queue_t         ops;
    ngx_er_queue_op_t  *op;

    begin(1 << 20);

    ngx_queue_init(&ops);

    for (i = 0; i < 1000; i++) {
        op = new_op(NGX_ER_QUEUE_ACCEPT);
        op->retain = HOUR;
        op->record.len = 3000;
        op->record.data = ngx_pcalloc(pool, 3000);
        ngx_queue_insert_tail(&ops, &op->queue);
    }

    ngx_er_file_run(file, &ops, now);

    good = 0;
    busy = 0;

    while (!ngx_queue_empty(&ops)) {
        op = ngx_queue_data(ngx_queue_head(&ops), ngx_er_queue_op_t, queue);
        ngx_queue_remove(&op->queue);

        good += (op->rc == NGX_OK);
        busy += (op->rc == NGX_BUSY);
    }

    is_int(good + busy, 1000, "1000 at once");
    ok(good > 20 && busy > 500, "as many as there is room for: %d",
       (int) good);
    is_int(rows(NGX_ER_FILE_EVENTS), good, "they are there");

    end();

    begin(1 << 20);

    low = file->low;
    file->full = 1;
    file->low = 0;
    (void) sweep();
    is_int(ngx_er_file_full(file), 1, "above the lower mark it stays full");
    file->low = low;
    (void) sweep();
    is_int(ngx_er_file_full(file), 0, "below it there is room again");

    end();
}


/* what a later version wrote is not touched */

static void
test_format(void)
{
    ngx_er_error_t     err;
    ngx_er_file_txn_t  t;

    begin(1 << 20);

    ngx_memzero(&t, sizeof(t));
    t.file = file;

    is_int(ngx_er_file_begin(&t, 1), NGX_OK, "a transaction");
    (void) ngx_er_file_set_meta(&t, NGX_ER_FILE_FORMAT_WORD,
                                NGX_ER_FILE_FORMAT + 1);
    (void) mdb_txn_commit(t.txn);
    (void) pthread_rwlock_unlock(&file->lock);
    ngx_er_file_close(file);

    file = ngx_er_file_open(&conf, 1, &ngx_er_test_log, &err);

    ok(file == NULL && ngx_strnstr(err.text, "of format", err.len),
       "a database of a later format");

    if (file) {
        ngx_er_file_close(file);
    }

    test_remove();
    ngx_destroy_pool(pool);
}


/* above the mark, as other processes may bring it there: LMDB's own "full" */

static void
test_full_map(void)
{
    uint64_t              seqs[2000], tok;
    ngx_int_t             rc;
    ngx_uint_t            i, n, bad;
    ngx_queue_t           ops;
    ngx_er_queue_op_t    *op, *settles;
    ngx_er_queue_part_t   part;

    begin(1 << 20);

    rc = NGX_OK;
    op = NULL;

    for (n = 0; n < 2000 && rc == NGX_OK; n++) {
        file->high = NGX_ER_NEVER;
        rc = accept_one(10, 0, 0, 1000, &seqs[n]);
    }

    is_int(rc, NGX_BUSY, "no page is left");
    is_int(ngx_er_file_full(file), 1, "full");

    n--;
    tok = lease(10, 2, 0)->token;

    ngx_memzero(&part, sizeof(part));
    part.target = 10;

    for (i = 0, bad = 0; i < 2; i++) {
        settles = new_op(NGX_ER_QUEUE_SETTLE);
        settles->target = 10;
        settles->seq = seqs[i];
        settles->token = tok;
        op = new_op(NGX_ER_QUEUE_ACCEPT);
        op->parts = &part;
        op->nparts = 1;
        op->record.len = 300000;
        op->record.data = ngx_pcalloc(pool, 300000);

        ngx_queue_init(&ops);
        ngx_queue_insert_tail(&ops, &settles->queue);
        ngx_queue_insert_tail(&ops, &op->queue);

        file->full = 0;
        ngx_er_file_run(file, &ops, now);

        bad += (op->rc != NGX_BUSY);
        bad += (settles->rc != NGX_OK);
    }

    is_int(bad, 0, "settled beside an event that has no room");
    is_int(rows(NGX_ER_FILE_EVENTS), n - 2, "the others are there");

    ngx_er_file_close(file);
    ok(test_open(2) != NULL, "it can be opened as it is");
    is_int(list(0, 10)->entries->nelts, n - 2, "all are there");

    end();
}


/*
 * Records of all sizes until the store is full, then everything else that
 * there is to do, again and again: nothing but an event may ever be refused.
 */

static void
test_full_mixed(void)
{
    ngx_int_t           rc;
    ngx_uint_t          i, round, busy, bad, size;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    begin(2 << 20);

    bad = busy = size = 0;

    for (round = 0; round < 40; round++) {

        for (i = 0; i < 1000; i++) {
            size = (size * 7919 + 1237) % 100003;
            rc = accept_one(10, 0, 0, (i % 5) ? size % 1500 : size % 40000,
                            NULL);

            if (rc != NGX_OK) {
                bad += (rc != NGX_BUSY);
                busy++;
                break;
            }
        }

        op = lease(10, 200, 200);
        bad += (op->rc != NGX_OK);

        for (i = 0; i < op->entries->nelts; i++) {
            e = entry(op, i);
            size = (size * 7919 + 1237) % 100003;

            switch (size % 4) {

            case 0:
                rc = retry(10, e->seq, op->token, 1, 0);
                break;

            case 1:
                rc = bury(10, e->seq, op->token, 5000);
                break;

            default:
                rc = settle(10, e->seq, op->token);
            }

            bad += (rc != NGX_OK);
        }

        now += 1000;
        op = new_op(NGX_ER_QUEUE_REPLAY);
        op->limit = 10;
        bad += (run(op) != NGX_OK);
        bad += (sweep()->rc != NGX_OK);

        ngx_reset_pool(pool);
    }

    is_int(bad, 0, "only events are refused");
    ok(busy > 10, "they were, %d times", (int) busy);

    end();
}


static void
test_corrupt(void)
{
    u_char              junk[8];
    uint64_t            seq[6], key[2];
    ngx_uint_t          i;
    ngx_er_entry_t     *e;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    for (i = 0; i < 5; i++) {
        accept_one(10, (i < 3) ? 7 : 0, 0, 10, &seq[i]);
    }

    accept_one(10, 0, 1, 10, &seq[5]);
    bury(10, seq[5], token, HOUR);

    memset(junk, 0xff, 8);
    ngx_memzero(&t, sizeof(t));
    t.file = file;
    ngx_er_file_begin(&t, 1);

    /* the first and the second of an order, one without, a dead one */

    key[0] = 10;
    key[1] = seq[0];
    ngx_er_file_put(&t, NGX_ER_FILE_PENDING, key, junk, 8);
    key[1] = seq[1];
    ngx_er_file_put(&t, NGX_ER_FILE_PENDING, key, junk, 0);
    key[1] = seq[3];
    ngx_er_file_delete(&t, NGX_ER_FILE_EVENTS, &seq[3]);
    key[1] = seq[5];
    ngx_er_file_put(&t, NGX_ER_FILE_DEAD, key, junk, 8);
    mdb_txn_commit(t.txn);
    pthread_rwlock_unlock(&file->lock);

    op = list(0, 0);
    is_int(op->entries->nelts, 5, "LIST has them all");
    is_int(entry(op, 0)->reason, NGX_ER_DEAD_CORRUPT, "and says so");
    is_int(settle(10, seq[0], 0), NGX_DECLINED, "SETTLE of one");

    op = lease(10, 9, 9);
    is_int(op->rc, NGX_OK, "LEASE with corrupt rows");
    is_int(op->entries->nelts, 2, "gives what can be read");
    is_int(entry(op, 0)->seq, seq[2], "the rest of the order");
    is_int(entry(op, 1)->seq, seq[4], "and one without order");

    op = list(1, 0);
    is_int(op->entries->nelts, 4, "the others are dead");
    e = entry(op, 0);
    is_int(e->seq, seq[0], "the first");
    is_int(e->reason, NGX_ER_DEAD_CORRUPT, "reason");
    is_str(&e->name, "crm", "name");
    is_int(entry(op, 2)->reason, NGX_ER_DEAD_CORRUPT, "without event, too");

    op = new_op(NGX_ER_QUEUE_REPLAY);
    run(op);
    is_int(op->done, 3, "a row that cannot be read is not replayed");
    op = new_op(NGX_ER_QUEUE_PURGE);
    run(op);
    is_int(op->done, 1, "but purged");

    op = lease(10, 9, 9);
    is_int(op->rc, NGX_OK, "LEASE of the event that is lost");
    settle(10, seq[4], token - 1);
    settle(10, seq[2], token - 1);

    now += HOUR;
    sweep();
    is_int(count_of(sweep(), 10)->dead + count_of(sweep(), 10)->pending,
           rows(NGX_ER_FILE_PENDING) + rows(NGX_ER_FILE_DEAD), "counts");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


/* any value of any database may be spoilt: no crash, no endless loop */

static void
test_junk(void)
{
    u_char              copy[NGX_ER_FILE_ROW];
    uint64_t            key[NGX_ER_FILE_WORDS];
    ngx_str_t           v;
    ngx_uint_t          i, k, n, round, bad;
    ngx_er_file_db_e    db;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    srand(1);
    bad = 0;

    for (round = 0; round < 300; round++) {

        for (i = 0; i < 4; i++) {
            accept_one(10, rand() % 3, rand() % 2, 10, NULL);
        }

        ngx_memzero(&t, sizeof(t));
        t.file = file;
        ngx_er_file_begin(&t, 1);

        for (i = 0; i < 4; i++) {
            db = NGX_ER_FILE_EVENTS + rand() % (NGX_ER_FILE_DBS - 1);
            ngx_memzero(key, sizeof(key));
            n = rand() % 10;

            for (k = 0; k < n; k++) {
                ngx_er_file_after(db, key);

                if (ngx_er_file_seek(&t, db, key, &v) != NGX_OK) {
                    break;
                }
            }

            if (n == 0 || k < n || v.len > sizeof(copy)) {
                continue;
            }

            k = (rand() % 2) ? v.len : (size_t) rand() % 100;
            n = ngx_min(v.len, k);
            ngx_memcpy(copy, v.data, n);

            if (n) {
                copy[rand() % n] ^= 1 << rand() % 8;
            }

            if (rand() % 4) {
                ngx_er_file_put(&t, db, key, copy, n);

            } else {
                ngx_er_file_delete(&t, db, key);
            }
        }

        mdb_txn_commit(t.txn);
        pthread_rwlock_unlock(&file->lock);

        op = lease(10, 5, 5);
        bad += (op->rc != NGX_OK);

        for (i = 0; i < op->entries->nelts; i++) {
            if (rand() % 2) {
                settle(10, entry(op, i)->seq, op->token);

            } else {
                bury(10, entry(op, i)->seq, op->token, rand() % 100000);
            }
        }

        op = new_op(NGX_ER_QUEUE_ADOPT);
        op->holder = 1;
        bad += (run(op) != NGX_OK);
        op = new_op((rand() % 2) ? NGX_ER_QUEUE_REPLAY : NGX_ER_QUEUE_PURGE);
        op->limit = 3;
        bad += (run(op) != NGX_OK);
        bad += (list(0, 0)->rc != NGX_OK) + (list(1, 0)->rc != NGX_OK);
        bad += (sweep()->rc != NGX_OK);
        now += 5000;
        ngx_reset_pool(pool);
    }

    is_int(bad, 0, "spoilt values fail nothing else");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


/* an index leads to nothing that its entry does not name */

static void
test_stale(void)
{
    uint64_t            key[4], first, second, mine;
    ngx_er_file_row_t   row;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(10, 7, 0, 10, &first);
    accept_one(10, 7, 0, 10, &second);

    ngx_memzero(&t, sizeof(t));
    t.file = file;
    (void) ngx_er_file_begin(&t, 1);

    /* due, which is blocked; of another worker, who does not have it */

    (void) ngx_er_file_row(&t, NGX_ER_FILE_PENDING, 10, second, &row);

    key[0] = 10;
    key[1] = ngx_er_file_class(&row);
    key[2] = row.e.due;
    key[3] = second;
    (void) ngx_er_file_put(&t, NGX_ER_FILE_DUE, key, "", 0);

    key[0] = 9;
    key[1] = 10;
    key[2] = first;
    (void) ngx_er_file_put(&t, NGX_ER_FILE_LEASES, key, "", 0);

    is_int(mdb_txn_commit(t.txn), 0, "rows that lead astray");
    (void) pthread_rwlock_unlock(&file->lock);

    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "what is blocked is not leased");
    is_int(entry(op, 0)->seq, first, "the first one is");
    mine = op->token;

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = 9;
    is_int(run(op), NGX_OK, "adopted");
    is_int(op->count.pending, 0, "nothing: it is another's");
    is_int(lease(10, 9, 9)->entries->nelts, 0, "who still has it");
    is_int(settle(10, first, mine), NGX_OK, "and settles it");
    is_int(lease(10, 9, 9)->entries->nelts, 1, "then the next");

    end();
}


/* no memory, and a disk that does not take what is written */

static void
test_failures(void)
{
    uint64_t              seq;
    ngx_uint_t            i;
    ngx_queue_t           ops;
    struct rlimit         limit, old;
    ngx_er_queue_op_t    *op, *settles;
    ngx_er_queue_part_t   part;

    begin(8 << 20);

    accept_one(10, 0, 0, 10, &seq);

    for (i = 1; i < 20; i++) {
        op = new_op(NGX_ER_QUEUE_LEASE);
        op->target = 10;
        op->fresh = 1;
        op->token = 500 + i;
        ngx_er_test_fail_at = ngx_er_test_allocs + i;
        run(op);
        ngx_er_test_fail_at = 0;

        if (op->rc == NGX_OK) {
            break;
        }

        is_int(op->rc, NGX_ERROR, "no memory for the answer");
        is_int(entry(list(0, 10), 0)->token, 0, "and nothing changed");
    }

    is_int(op->rc, NGX_OK, "enough memory");

    ngx_memzero(&part, sizeof(part));
    part.target = 10;
    settles = new_op(NGX_ER_QUEUE_SETTLE);
    settles->target = 10;
    settles->seq = seq;
    settles->token = op->token;
    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;

    ngx_queue_init(&ops);
    ngx_queue_insert_tail(&ops, &op->queue);
    ngx_queue_insert_tail(&ops, &settles->queue);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 8192;
    setrlimit(RLIMIT_FSIZE, &limit);
    ngx_er_file_run(file, &ops, now);
    setrlimit(RLIMIT_FSIZE, &old);

    is_int(op->rc, NGX_ERROR, "the disk refuses: ACCEPT");
    is_int(settles->rc, NGX_ERROR, "the disk refuses: SETTLE");
    is_int(rows(NGX_ER_FILE_PENDING), 1, "nothing changed");

    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_OK, "later: ACCEPT");
    is_int(settles->rc, NGX_OK, "later: SETTLE");

    limit.rlim_cur = 16;
    setrlimit(RLIMIT_FSIZE, &limit);
    ngx_queue_remove(&settles->queue);
    ngx_er_file_run(file, &ops, now);
    setrlimit(RLIMIT_FSIZE, &old);
    is_int(op->rc, NGX_ERROR, "not even the first page");
    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_OK, "later");
    is_int(rows(NGX_ER_FILE_PENDING), 2, "both are there");

    end();
}


/* one that cannot be done takes nothing with it but events that are new */

static void
test_one_fails(void)
{
    uint64_t            seq, tok;
    ngx_uint_t          first;
    ngx_queue_t         ops;
    ngx_er_queue_op_t  *bad, *good, *event;

    begin(8 << 20);

    for (first = 0; first < 2; first++) {
        accept_one(10, 0, 0, 10, NULL);
        accept_one(11, 0, 1, 10, &seq);
        tok = token;

        bad = new_op(NGX_ER_QUEUE_LEASE);
        bad->target = 10;
        bad->fresh = 1;
        bad->token = ++token;

        good = new_op(NGX_ER_QUEUE_SETTLE);
        good->target = 11;
        good->seq = seq;
        good->token = tok;

        event = new_op(NGX_ER_QUEUE_ACCEPT);

        ngx_queue_init(&ops);
        ngx_queue_insert_tail(&ops, &event->queue);
        ngx_queue_insert_tail(&ops, &bad->queue);

        if (first) {
            ngx_queue_insert_head(&ops, &good->queue);

        } else {
            ngx_queue_insert_tail(&ops, &good->queue);
        }

        ngx_er_test_fail_at = ngx_er_test_allocs + 1;
        ngx_er_file_run(file, &ops, now);
        ngx_er_test_fail_at = 0;

        is_int(bad->rc, NGX_ERROR, "LEASE cannot be done");
        is_int(event->rc, NGX_ERROR, "an event is refused with it");
        is_int(good->rc, NGX_OK, "SETTLE %s it can", first ? "before"
                                                           : "behind");
        is_int(list(0, 11)->entries->nelts, 0, "and is done");
        is_int(consistent(), 0, "the databases fit together");
    }

    end();
}


static void
test_size(void)
{
    int             fd;
    ngx_uint_t      i;
    struct stat     st;
    ngx_er_error_t  err;
    char            path[80];

    begin(2 << 20);

    sprintf(path, "%s/data.mdb", dir);
    stat(path, &st);
    is_int(st.st_size, 2 << 20, "the file has its whole size");
    is_int(st.st_mode & 0777, 0600, "and is private");
    ok(st.st_blocks * 512 >= 2 << 20, "on the disk");

    /* as a copy that was made with "cp --sparse", or a restored one */

    ngx_er_file_close(file);
    fd = open(path, O_RDWR);
    is_int(fallocate(fd, FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE, 1 << 20,
                     1 << 20), 0, "(half of it is a hole)");
    fstat(fd, &st);
    ok(st.st_size == 2 << 20 && st.st_blocks * 512 < 2 << 20, "(indeed)");
    test_open(1);
    fstat(fd, &st);
    ok(st.st_blocks * 512 >= 2 << 20, "the hole is filled");
    close(fd);

    for (i = 0; i < 1000; i++) {
        accept_one(10, 0, 0, 1000, NULL);
    }

    ngx_er_file_close(file);

    conf.size = 4 << 20;
    test_open(2);
    stat(path, &st);
    is_int(st.st_size, 4 << 20, "it grows");
    is_int(accept_one(10, 0, 0, 1000, NULL), NGX_OK, "there is room now");
    ngx_er_file_close(file);

    conf.size = 1 << 20;
    file = ngx_er_file_open(&conf, 3, &ngx_er_test_log, &err);
    ok(file == NULL, "smaller than what is in use");
    ok(ngx_strnstr(err.text, "in use", err.len) != NULL, "says so");

    conf.size = 3 << 20;
    ok(test_open(4) != NULL, "smaller, but large enough");
    is_int(accept_one(10, 0, 0, 1000, NULL), NGX_OK, "accepts");

    end();
}


static void
refused(const char *part, const char *what)
{
    ngx_er_error_t  err;

    err.len = 0;

    ok(ngx_er_file_examine(&conf, 0, 0, &err) == NGX_ERROR
       && ngx_strnstr(err.text, (char *) part, err.len), "check: %s", what);

    err.len = 0;

    ok(ngx_er_file_open(&conf, 9, &ngx_er_test_log, &err) == NULL
       && ngx_strnstr(err.text, (char *) part, err.len), "open: %s", what);

    diag("%.*s", (int) err.len, (char *) err.text);
}


static void
write_file(const char *name, const char *text)
{
    int   fd;
    char  path[80];

    sprintf(path, "%s/%s", dir, name);

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    ok(write(fd, text, strlen(text)) == (ssize_t) strlen(text), "(written)");
    close(fd);
}


static void
test_open_rules(void)
{
    int             to[2], from[2];
    char            c;
    pid_t           pid;
    ngx_er_error_t  err;

    pool = ngx_er_test_pool();
    test_directory(1 << 20);

    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK,
           "an empty directory");
    rmdir(dir);
    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK, "none");
    ok(access(dir, F_OK) == -1, "is not created");
    ok(test_open(1) != NULL, "but by open");
    ngx_er_file_close(file);

    chmod(dir, 0755);
    refused("chmod 700", "mode 0755");
    chmod(dir, 0700);

    ok(pipe(to) == 0 && pipe(from) == 0, "(pipes)");

    pid = fork();

    if (pid == 0) {
        close(to[1]);
        c = test_open(5) ? 'y' : 'n';
        _exit(write(from[1], &c, 1) == 1 ? read(to[0], &c, 1) : 1);
    }

    ok(read(from[0], &c, 1) == 1 && c == 'y', "another process");
    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK,
           "of the same nginx");
    ngx_str_set(&conf.owner, "/run/other.pid");
    refused("in use by another nginx", "a second nginx");

    close(to[1]);
    waitpid(pid, NULL, 0);
    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK,
           "when the first is gone");
    ok(test_open(6) != NULL, "the second may have it");
    ngx_er_file_close(file);
    ok(test_open(6) != NULL, "and again");
    ngx_er_file_close(file);

    write_file("owner", "ngx_event_router 2\n/run/other.pid\n");
    refused("format", "a newer format");
    write_file("owner", "");
    refused("format", "an empty owner file beside a database");
    write_file("owner", "ngx_event");
    refused("format", "half a line");

    test_remove();
    mkdir(dir, 0700);
    write_file("data.mdb", "another program's");
    refused("no file \"owner\"", "another program's database");

    test_remove();
    mkdir(dir, 0700);
    write_file("file", "");
    strcat(dir, "/file");
    conf.path.len = strlen(dir);
    refused("not a directory", "a file");
    dir[strlen(dir) - 5] = '\0';
    conf.path.len = strlen(dir);
    test_remove();

    conf.path.data = (u_char *) "/nonexistent/er";
    conf.path.len = sizeof("/nonexistent/er") - 1;
    refused("cannot be created", "no parent");

    ngx_destroy_pool(pool);
}


static void
test_holders(void)
{
    int         from[2];
    char        c;
    pid_t       pid;
    uint64_t    holders[4];
    ngx_uint_t  n;

    pool = ngx_er_test_pool();
    test_directory(1 << 20);
    ok(pipe(from) == 0, "(pipe)");

    pid = fork();

    if (pid == 0) {
        test_open(0xabcdef0123456789);
        accept_one(10, 0, 1, 10, NULL);
        c = 'x';
        _exit(write(from[1], &c, 1) == 1 ? pause() : 1);
    }

    ok(read(from[0], &c, 1) == 1, "(the child is there)");
    test_open(2);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "all are alive");

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    n = ngx_er_file_dead(file, holders, 4);
    is_int(n, 1, "one is dead");
    is_int(holders[0], 0xabcdef0123456789, "this one");
    is_int(ngx_er_file_dead(file, holders, 4), 1, "until it is forgotten");
    ngx_er_file_forget(file, holders[0]);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "forgotten");

    ngx_er_file_close(file);
    test_open(3);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "closed with nothing left");
    accept_one(10, 0, 1, 10, NULL);
    ngx_er_file_close(file);
    test_open(4);
    is_int(ngx_er_file_dead(file, holders, 4), 1, "closed with a lease");
    is_int(holders[0], 3, "this one");

    end();
}


/* two processes write at once, then another one makes the store larger */

static void
test_two(void)
{
    int         i, bad, status;
    pid_t       pid;
    ngx_uint_t  n;

    pool = ngx_er_test_pool();
    test_directory(4 << 20);

    pid = fork();

    if (pid == 0) {
        test_open(1);

        for (i = 0, bad = 0; i < 500; i++) {
            bad += (accept_one(10, 0, 0, 100, NULL) != NGX_OK);
        }

        _exit(bad != 0);
    }

    test_open(2);

    for (i = 0, bad = 0; i < 500; i++) {
        bad += (accept_one(10, 0, 0, 100, NULL) != NGX_OK);
    }

    waitpid(pid, &status, 0);
    is_int(bad + status, 0, "two processes accept");
    is_int(rows(NGX_ER_FILE_EVENTS), 1000, "all numbers are different");

    pid = fork();

    if (pid == 0) {
        conf.size = 16 << 20;
        test_open(3);
        now += HOUR;

        for (n = 0; n < 6000; n++) {
            bad += (accept_one(11, 0, 0, 1000, NULL) != NGX_OK);
            ngx_reset_pool(pool);
        }

        _exit(bad != 0);
    }

    waitpid(pid, &status, 0);
    is_int(status, 0, "a larger store");
    is_int(list(0, 11)->entries->nelts, 6000, "the old process sees it all");
    is_int(lease(10, 10, 10)->entries->nelts, 10, "and writes");
    is_int(ngx_er_file_clock(file), now + HOUR, "with the other one's clock");

    end();
}


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
    test_order();
    test_order_replay();
    test_dead();
    test_replay_to();
    test_list();
    test_archive();
    test_sweep();
    test_clock();
    test_mapped();
    test_full();
    test_marks();
    test_format();
    test_full_map();
    test_full_mixed();
    test_corrupt();
    test_junk();
    test_stale();
    test_failures();
    test_one_fails();
    test_size();
    test_open_rules();
    test_holders();
    test_two();

    return done_testing();
}
