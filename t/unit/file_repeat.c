
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Repetitions in the file store: what of an event that is known is started
 * again, for which targets, and what stays as it is; and what a version before
 * has written.
 */


#include "queue_file.h"


#define ERP  1
#define CRM  2


static ngx_er_queue_op_t *repeat(ngx_uint_t key);
static ngx_er_queue_op_t *event(ngx_uint_t key, const char *record,
    ngx_uint_t to);
static uint64_t bury_as(uint64_t target, ngx_er_dead_e reason);
static ngx_uint_t settle_all(uint64_t target);
static ngx_uint_t purge(uint64_t target);
static void started(ngx_er_queue_op_t *op, uint64_t target, const char *what);
static void test_reasons(void);
static void test_known(void);
static void test_lapsed(void);
static void test_aged(void);
static void test_window(void);
static void test_short(ngx_msec_t window);
static void test_forgotten(void);
static void test_nobody(void);
static void test_prints(void);
static void test_retained(void);
static void test_before(void);
static void test_stale(void);
static void ends(ngx_er_file_txn_t *t, uint64_t kind, uint64_t *of,
    ngx_uint_t n);
static void test_full(void);


static ngx_er_queue_part_t  parts[2];


int
main(void)
{
    pool = ngx_er_test_pool();
    test_directory(8 << 20);
    test_open(1);

    test_reasons();
    test_known();
    test_lapsed();
    test_aged();
    test_window();
    test_short(1000);
    test_short(59999);
    test_short(60000);
    test_short(90000);
    test_short(119999);
    test_forgotten();
    test_nobody();
    test_prints();
    test_retained();
    test_before();
    test_stale();

    ngx_er_file_close(file);
    test_remove();

    test_full();

    ngx_destroy_pool(pool);

    return done_testing();
}


/* an ACCEPT for ERP (1), CRM (2) or both (3) */

static ngx_er_queue_op_t *
event(ngx_uint_t key, const char *record, ngx_uint_t to)
{
    ngx_er_queue_op_t  *op;

    ngx_memzero(parts, sizeof(parts));

    parts[0].target = (to & 1) ? ERP : CRM;
    parts[1].target = CRM;
    ngx_str_set(&parts[0].name, "erp");
    ngx_str_set(&parts[1].name, "crm");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = parts;
    op->nparts = (to == 3) ? 2 : 1;
    op->token = ++token;
    op->dedup = 1;
    op->print = 7;
    op->record.data = (u_char *) record;
    op->record.len = strlen(record);
    memset(op->key, key, 32);

    (void) run(op);

    return op;
}


static ngx_er_queue_op_t *
repeat(ngx_uint_t key)
{
    return event(key, "again", 3);
}


static uint64_t
bury_as(uint64_t target, ngx_er_dead_e reason)
{
    ngx_er_queue_op_t  *op, *got;

    got = lease(target, 1, 1);

    op = new_op(NGX_ER_QUEUE_BURY);
    op->target = target;
    op->seq = entry(got, 0)->seq;
    op->token = token;
    op->reason = reason;
    op->counted = 1;
    op->past.status = 400;

    is_int(run(op), NGX_OK, "buried");

    return op->seq;
}


static ngx_uint_t
settle_all(uint64_t target)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    op = lease(target, 100, 100);

    for (i = 0; i < op->entries->nelts; i++) {
        (void) settle(target, entry(op, i)->seq, op->token);
    }

    return op->entries->nelts;
}


static ngx_uint_t
purge(uint64_t target)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = target;
    (void) run(op);

    return op->done;
}


/* exactly for that target */

static void
started(ngx_er_queue_op_t *op, uint64_t target, const char *what)
{
    ngx_er_queue_count_t  *count;

    is_int(op->rc, NGX_DONE, "%s: started again", what);

    if (op->rc == NGX_DONE) {
        count = op->counts->elts;
        is_int(op->counts->nelts, 1, "for one target");
        is_int(count->target, target, "that one");
        is_str(&count->name, target == ERP ? "erp" : "crm", "by name");
    }

    is_int(consistent(), 0, "the databases fit together");
}


static void
test_reasons(void)
{
    uint64_t            seq;
    ngx_uint_t          i, again;
    ngx_er_queue_op_t  *op;

    for (i = NGX_ER_DEAD_EXHAUSTED; i <= NGX_ER_DEAD_CORRUPT; i++) {
        again = (i == NGX_ER_DEAD_EXHAUSTED || i == NGX_ER_DEAD_FINAL);

        is_int(event(i, "first", 3)->rc, NGX_OK, "reason %d", (int) i);
        is_int(settle_all(CRM), 1, "one target has it");

        op = repeat(i);
        is_int(op->rc, NGX_DECLINED, "a duplicate while it is pending");

        seq = bury_as(ERP, i);
        op = repeat(i);

        if (!again) {
            is_int(op->rc, NGX_DECLINED, "stays an operator's");
            is_int(entry(list(1, ERP), 0)->reason, i, "as it was");
            is_int(purge(ERP), 1, "purged");
            started(op = repeat(i), ERP, "then");
            is_int(settle_all(ERP), 1, "delivered");
            continue;
        }

        started(op, ERP, "dead");
        is_int(op->seq == seq, 1, "the same event");
        is_int(repeat(i)->rc, NGX_DECLINED, "once");

        op = lease(ERP, 9, 9);
        is_int(op->entries->nelts, 1, "it is due");
        is_str(&entry(op, 0)->record, "first", "as it was stored");
        is_int(entry(op, 0)->epoch, 1, "of the next epoch");
        is_int(entry(op, 0)->attempts, 0, "without an attempt");
        is_int(settle(ERP, seq, op->token), NGX_OK, "delivered");
        is_int(repeat(i)->rc, NGX_DECLINED, "a duplicate");
        is_int(settle_all(CRM), 0, "not for the other one");
    }
}


static void
test_known(void)
{
    uint64_t            known[] = { CRM };
    ngx_er_queue_op_t  *op;

    (void) event(20, "first", 1);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);

    op = repeat(20);
    (void) op;
    is_int(op->rc, NGX_DONE, "all targets are known");
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = parts;
    op->nparts = 2;
    op->dedup = 1;
    op->known = known;
    op->nknown = 1;
    memset(op->key, 20, 32);

    is_int(run(op), NGX_DECLINED, "a target that is not configured");

    known[0] = ERP;
    is_int(run(op), NGX_DONE, "one that is");
    is_int(settle_all(ERP), 1, "delivered");

    /* only what is known */

    op->repeat = 1;
    is_int(run(op), NGX_DECLINED, "a duplicate");
    memset(op->key, 21, 32);
    is_int(run(op), NGX_DECLINED, "what is not known is none");
    op->repeat = 0;
    is_int(run(op), NGX_OK, "it was not remembered");
    is_int(settle_all(ERP) + settle_all(CRM), 2, "delivered");
    is_int(consistent(), 0, "the databases fit together");
}


static void
test_lapsed(void)
{
    ngx_er_queue_op_t  *op;

    /* after the other one has it, and before */

    (void) event(30, "first", 3);
    is_int(settle_all(CRM), 1, "one target has it");
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    is_int(purge(ERP), 1, "purged");
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "nothing is left");
    started(repeat(30), ERP, "purged");
    op = lease(ERP, 9, 9);
    is_str(&entry(op, 0)->record, "again", "as it came now");
    is_int(entry(op, 0)->epoch, 1, "of the next epoch");
    (void) settle(ERP, entry(op, 0)->seq, op->token);
    is_int(repeat(30)->rc, NGX_DECLINED, "a duplicate");
    is_int(rows(NGX_ER_FILE_LAPSED), 0, "nothing is remembered");

    (void) event(31, "first", 3);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    is_int(purge(ERP), 1, "purged while the other one is pending");
    is_int(settle_all(CRM), 1, "which has it then");
    started(repeat(31), ERP, "purged before");
    is_int(settle_all(ERP), 1, "delivered");
    is_int(settle_all(CRM), 0, "not to the other one");

    (void) event(32, "first", 3);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    is_int(purge(ERP), 1, "purged while the other one is pending");
    started(repeat(32), ERP, "and still is");
    op = lease(ERP, 9, 9);
    is_str(&entry(op, 0)->record, "first", "the event that is there");
    (void) settle(ERP, entry(op, 0)->seq, op->token);
    is_int(settle_all(CRM), 1, "the other one");
    is_int(consistent(), 0, "the databases fit together");

    /* nobody has it */

    (void) event(33, "first", 3);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) bury_as(CRM, NGX_ER_DEAD_POISON);
    is_int(purge(ERP) + purge(CRM), 2, "both purged");
    is_int(rows(NGX_ER_FILE_LAPSED), 2, "remembered");
    is_int(repeat(33)->rc, NGX_OK, "new altogether");
    is_int(rows(NGX_ER_FILE_LAPSED), 0, "nothing is remembered");
    is_int(settle_all(ERP) + settle_all(CRM), 2, "delivered");
    is_int(repeat(33)->rc, NGX_DECLINED, "a duplicate");

    /* a route that is new does not make it new for others */

    (void) event(34, "first", 1);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) purge(ERP);
    is_int(event(34, "again", 2)->rc, NGX_OK, "new, for today's targets");
    is_int(settle_all(CRM), 1, "delivered");
    is_int(settle_all(ERP), 0, "not to that of then");
}


static void
test_aged(void)
{
    ngx_er_queue_op_t  *op;

    op = event(40, "first", 3);
    op->window = 100 * HOUR;
    memset(op->key, 41, 32);
    is_int(run(op), NGX_OK, "known for long");
    (void) settle_all(CRM);
    (void) bury_as(ERP, NGX_ER_DEAD_EXHAUSTED);
    (void) bury_as(ERP, NGX_ER_DEAD_EXHAUSTED);

    now += HOUR + 120000;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_DEAD), 0, "the dead letters are too old");
    is_int(rows(NGX_ER_FILE_LAPSED), 1, "one event is known still");
    is_int(consistent(), 0, "the databases fit together");
    started(repeat(41), ERP, "new for that one");
    is_int(settle_all(ERP), 1, "delivered");

    (void) event(42, "first", 3);
    (void) settle_all(CRM);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) purge(ERP);
    is_int(rows(NGX_ER_FILE_LAPSED), 1, "remembered");
    now += 200 * HOUR;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_LAPSED), 0, "as long as its key");
    is_int(rows(NGX_ER_FILE_KEYS), 0, "which is forgotten, too");
    is_int(rows(NGX_ER_FILE_EXPIRY), 0, "nothing is left");
}


static void
test_window(void)
{
    ngx_er_queue_op_t  *op;

    (void) event(50, "first", 1);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    now += HOUR - 1000;
    started(repeat(50), ERP, "at the end of the window");
    (void) settle_all(ERP);
    now += HOUR - 1000;
    is_int(repeat(50)->rc, NGX_DECLINED, "the window began anew");
    (void) sweep();
    is_int(consistent(), 0, "the databases fit together");
    now += 2000;

    op = event(50, "new", 1);
    is_int(op->rc, NGX_OK, "after it: new");
    (void) settle_all(ERP);
}


/*
 * What was forgotten of a dead letter is remembered to the very end of its
 * key's window, however short that is: else the repetition would be called a
 * duplicate of what nobody has.
 */

static void
test_short(ngx_msec_t window)
{
    ngx_er_queue_op_t  *op;

    op = event(51, "first", 3);
    memset(op->key, 52, 32);
    op->window = window;
    is_int(run(op), NGX_OK, "known for %d ms", (int) window);
    is_int(settle_all(CRM), 2, "one target has it");
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    is_int(purge(ERP), 2, "the dead letters are purged");

    now += window - 1;
    (void) sweep();

    started(repeat(51), ERP, "the one with the long window");
    is_int(settle_all(ERP), 1, "delivered");

    (void) run(op);
    started(op, ERP, "the other in its last millisecond");
    is_int(settle_all(ERP), 1, "delivered");
    is_int(settle_all(CRM), 0, "to that one only");

    now += 2 * HOUR;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_KEYS), 0, "nothing is known any more");
    is_int(rows(NGX_ER_FILE_LAPSED), 0, "nor remembered");
}


/* a dead letter that is older than its key leaves nothing to remember */

static void
test_forgotten(void)
{
    ngx_er_queue_op_t  *op;

    op = event(53, "first", 1);
    memset(op->key, 54, 32);
    op->window = 30000;
    is_int(run(op), NGX_OK, "known for 30 s");
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);

    now += 60000;
    is_int(purge(ERP), 2, "purged after a minute");
    is_int(rows(NGX_ER_FILE_LAPSED), 1, "one of the two is remembered");
    is_int(consistent(), 0, "the databases fit together");

    op->window = HOUR;
    is_int(run(op), NGX_OK, "the other one is new");
    is_int(settle_all(ERP), 1, "delivered");
    is_int(run(op), NGX_DECLINED, "a duplicate");

    now += 2 * HOUR;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_LAPSED), 0, "nothing is remembered");
}


/* it came again while its routes were away: it is not used up by that */

static void
test_nobody(void)
{
    ngx_er_queue_op_t  *op;

    (void) event(55, "first", 3);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) bury_as(CRM, NGX_ER_DEAD_FINAL);
    is_int(purge(ERP) + purge(CRM), 2, "all is purged");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->dedup = 1;
    memset(op->key, 55, 32);
    is_int(run(op), NGX_DECLINED, "for nobody: it is known");
    is_int(rows(NGX_ER_FILE_LAPSED), 2, "and remembered");
    is_int(repeat(55)->rc, NGX_OK, "for both: new altogether");
    is_int(settle_all(ERP) + settle_all(CRM), 2, "delivered");
    is_int(consistent(), 0, "the databases fit together");
}


static void
test_prints(void)
{
    ngx_er_queue_op_t  *op;

    op = event(60, "first", 1);
    is_int(op->differs, 0, "the first one");
    is_int(run(op), NGX_DECLINED, "a duplicate");
    is_int(op->differs, 0, "with the same body");
    op->print = 8;
    is_int(run(op), NGX_DECLINED, "another one");
    is_int(op->differs, 1, "has another body");
    op->print = 0;
    is_int(run(op), NGX_DECLINED, "one whose key covers the body");
    is_int(op->differs, 0, "has none");

    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    op->print = 8;
    is_int(run(op), NGX_DONE, "one that starts it again");
    is_int(op->differs, 1, "has another body");
    op->print = 7;
    is_int(run(op), NGX_DECLINED, "the first body");
    is_int(op->differs, 0, "is the first one still");
    (void) settle_all(ERP);
}


static void
test_retained(void)
{
    ngx_er_queue_op_t  *op;

    op = event(70, "first", 3);
    op->retain = 10 * HOUR;
    memset(op->key, 71, 32);
    is_int(run(op), NGX_OK, "retained");
    (void) settle_all(CRM);
    (void) settle_all(ERP);
    is_int(repeat(71)->rc, NGX_DECLINED, "delivered: a duplicate");

    memset(op->key, 72, 32);
    is_int(run(op), NGX_OK, "another one");
    (void) settle_all(CRM);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
    (void) purge(ERP);
    started(repeat(72), ERP, "purged");
    op = lease(ERP, 9, 9);
    is_str(&entry(op, 0)->record, "first", "as it is retained");
    (void) settle(ERP, entry(op, 0)->seq, op->token);
    now += 20 * HOUR;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "nothing is left");
    is_int(consistent(), 0, "the databases fit together");
}


/* a version before: keys of 16 bytes, references without a window */

static void
test_before(void)
{
    u_char              value[24];
    uint64_t            key[4], seq, guard;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    for (guard = 0; guard < 2; guard++) {
        op = event(80 + guard, "first", 3);
        seq = op->seq;

        ngx_memzero(&t, sizeof(t));
        t.file = file;
        (void) ngx_er_file_begin(&t, 1);

        memset(key, 80 + guard, 32);
        (void) ngx_er_file_write(value, now + HOUR, 8);
        (void) ngx_er_file_write(value + 8, seq, 8);
        (void) ngx_er_file_put(&t, NGX_ER_FILE_KEYS, key, value, 16);

        (void) ngx_er_file_write(value, 2, 4);
        (void) ngx_er_file_write(value + 4, guard, 4);
        (void) ngx_er_file_write(value + 8, 0, 8);
        (void) ngx_er_file_write(value + 16, 0, 8);
        (void) ngx_er_file_put(&t, NGX_ER_FILE_REFS, &seq, value, 24);

        is_int(mdb_txn_commit(t.txn), 0, "what it has written");
        (void) pthread_rwlock_unlock(&file->lock);

        op->print = 9;
        is_int(run(op), NGX_DECLINED, "a duplicate");
        is_int(op->differs, 0, "nothing is known of its body");
        is_int(settle_all(CRM), 1, "one target has it");
        (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
        started(repeat(80 + guard), ERP, "dead");
        (void) bury_as(ERP, NGX_ER_DEAD_FINAL);
        (void) purge(ERP);
        started(repeat(80 + guard), ERP, "purged");
        is_int(settle_all(ERP), 1, "delivered");
        is_int(settle_all(CRM), 0, "to that one only");
    }
}


/* an end that something had once says nothing of the one that it has now */

static void
test_stale(void)
{
    uint64_t            of[4], seq[2];
    ngx_uint_t          i;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    for (i = 0; i < 2; i++) {
        seq[i] = event(88 + i, "first", 3)->seq;
        is_int(settle_all(CRM), 1, "one target has it");
        op = lease(ERP, 1, 1);
        is_int(bury(ERP, seq[i], op->token, HOUR), NGX_OK, "the other one");

        if (i == 1) {
            op = new_op(NGX_ER_QUEUE_PURGE);
            op->filter.target = ERP;
            op->filter.seq = seq[i];
            is_int(run(op), NGX_OK, "purged");
        }
    }

    ngx_memzero(&t, sizeof(t));
    t.file = file;
    (void) ngx_er_file_begin(&t, 1);

    for (i = 0; i < 2; i++) {
        memset(of, 88 + i, 32);
        ends(&t, NGX_ER_FILE_EXPIRY_KEY, of, 4);

        of[0] = i ? seq[i] : ERP;
        of[1] = i ? ERP : seq[i];
        ends(&t, i ? NGX_ER_FILE_EXPIRY_LAPSED : NGX_ER_FILE_EXPIRY_DEAD, of,
             2);
    }

    is_int(mdb_txn_commit(t.txn), 0, "ends that nothing has any more");
    (void) pthread_rwlock_unlock(&file->lock);

    now += 1000;
    sweep();

    is_int(list(1, ERP)->entries->nelts, 1, "the dead letter stays");
    started(repeat(88), ERP, "dead");
    started(repeat(89), ERP, "purged");
    is_int(settle_all(ERP), 2, "delivered");
    is_int(repeat(88)->rc, NGX_DECLINED, "a duplicate");
    is_int(repeat(89)->rc, NGX_DECLINED, "and the other one");
}


/* in a second, for the sweep; "of" is what else stands in the row */

static void
ends(ngx_er_file_txn_t *t, uint64_t kind, uint64_t *of, ngx_uint_t n)
{
    uint64_t  key[NGX_ER_FILE_WORDS];

    ngx_memzero(key, sizeof(key));

    key[0] = now + 1000;
    key[1] = kind;
    ngx_memcpy(&key[2], of, n * sizeof(uint64_t));

    (void) ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, key, "", 0);
}


/* a duplicate is known and a dead letter started in a store that is full */

static void
test_full(void)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    test_directory(1 << 20);
    test_open(1);

    op = event(90, "first", 3);
    (void) settle_all(CRM);
    (void) bury_as(ERP, NGX_ER_DEAD_FINAL);

    (void) event(91, "first", 3);
    (void) settle_all(CRM);
    op = lease(ERP, 1, 0);
    (void) bury(ERP, entry(op, 0)->seq, op->token, HOUR);

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = ERP;
    op->filter.seq = entry(list(1, ERP), 1)->seq;
    is_int(run(op), NGX_OK, "one is purged");
    is_int(op->done, 1, "of two");

    for (i = 0; i < 5000 && accept_one(9, 0, 0, 1000, NULL) == NGX_OK; i++) {
        ngx_reset_pool(pool);
    }

    is_int(repeat(91)->rc, NGX_BUSY, "no room for what is new");
    is_int(consistent(), 0, "nothing was changed");
    started(repeat(90), ERP, "room for what is there");
    is_int(repeat(90)->rc, NGX_DECLINED, "and duplicates");

    ngx_er_file_close(file);
    test_remove();
}
