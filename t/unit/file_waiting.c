
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an operator does to entries that wait, in the file store: which ones
 * are meant, what is left, what is dry, and what becomes of order, version and
 * event.  file_model.c has the same at random.
 */


#include "queue_file.h"


#define ERP  1
#define CRM  2
#define BI   3


static void test_hasten(void);
static void test_move(void);
static void test_there(void);
static void test_order(void);
static void test_kept(void);
static void test_forget(void);
static void test_filter(void);
static void test_dry(void);
static void test_steps(void);
static ngx_er_queue_op_t *hasten(uint64_t target);
static ngx_er_queue_op_t *move(uint64_t target, uint64_t to);
static ngx_er_queue_op_t *forget(uint64_t target);
static ngx_er_queue_op_t *event(ngx_uint_t key, uint64_t source,
    ngx_msec_t retain, ngx_uint_t n);


static ngx_er_queue_part_t  parts[2];


int
main(void)
{
    pool = ngx_er_test_pool();
    test_directory(8 << 20);
    test_open(1);

    test_hasten();
    test_move();
    test_there();
    test_order();
    test_kept();
    test_forget();
    test_filter();
    test_dry();
    test_steps();

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);

    return done_testing();
}


static ngx_er_queue_op_t *
hasten(uint64_t target)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_HASTEN);
    op->filter.target = target;

    return op;
}


static ngx_er_queue_op_t *
move(uint64_t target, uint64_t to)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_MOVE);
    op->filter.target = target;
    op->to.target = to;
    op->command = ++token;
    ngx_str_set(&op->to.name, "moved");

    return op;
}


static ngx_er_queue_op_t *
forget(uint64_t target)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = target;
    op->waiting = 1;

    return op;
}


/* for ERP, and for CRM if there are two parts */

static ngx_er_queue_op_t *
event(ngx_uint_t key, uint64_t source, ngx_msec_t retain, ngx_uint_t n)
{
    ngx_er_queue_op_t  *op;

    ngx_memzero(parts, sizeof(parts));

    parts[0].target = ERP;
    parts[1].target = CRM;
    ngx_str_set(&parts[0].name, "erp");
    ngx_str_set(&parts[1].name, "crm");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = parts;
    op->nparts = n;
    op->token = ++token;
    op->dedup = (key != 0);
    op->source = source;
    op->retain = retain;
    ngx_str_set(&op->record, "record");
    memset(op->key, key, 32);

    (void) run(op);

    return op;
}


/* one leased, one that failed, one in doubt, one whose time has come */

static void
test_hasten(void)
{
    uint64_t            seq[4], first;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op, *l;

    for (i = 0; i < 4; i++) {
        accept_one(ERP, 0, 0, 10, &seq[i]);
    }

    l = lease(ERP, 3, 0);
    first = l->token;

    is_int(retry(ERP, seq[1], l->token, 1, HOUR), NGX_OK, "one failed");

    op = new_op(NGX_ER_QUEUE_RETRY);
    op->target = ERP;
    op->seq = seq[2];
    op->token = l->token;
    op->delay = HOUR;
    op->doubt = 1;
    is_int(run(op), NGX_OK, "one is in doubt");

    op = hasten(ERP);
    is_int(run(op), NGX_OK, "hasten");
    is_int(op->done, 1, "one is due now");
    is_int(op->left, 1, "one is leased");
    is_int(op->doubtful, 1, "one in doubt");
    is_int(consistent(), 0, "all fits together");

    l = lease(ERP, 9, 9);
    is_int(l->entries->nelts, 2, "it is given, with the one that was due");
    is_int(entry(l, 0)->seq, seq[1], "the one that failed");

    op = hasten(ERP);
    run(op);
    is_int(op->done, 0, "no more");

    op = forget(0);
    run(op);
    is_int(op->done, 1, "the one in doubt is forgotten");
    is_int(op->left, 3, "what is leased is not");

    settle(ERP, seq[0], first);
    settle(ERP, seq[1], l->token);
    settle(ERP, seq[3], l->token);
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "nothing is left");
}


static void
test_move(void)
{
    uint64_t               seq[3];
    ngx_uint_t             i;
    ngx_er_entry_t        *e;
    ngx_er_queue_op_t     *op, *l;
    ngx_er_queue_count_t  *count;

    op = move(0, BI);
    run(op);
    forget(0);

    for (i = 0; i < 3; i++) {
        accept_one(CRM, 0, 0, 10, &seq[i]);
    }

    l = lease(CRM, 2, 0);
    retry(CRM, seq[1], l->token, 1, HOUR);

    op = move(CRM, 0);
    is_int(run(op), NGX_DECLINED, "to no target");

    op = move(CRM, CRM);
    run(op);
    is_int(op->done + op->left, 0, "to itself");

    now += 5;
    op = move(CRM, ERP);
    is_int(run(op), NGX_OK, "to another one");
    is_int(op->done, 2, "two go");
    is_int(op->left, 1, "the leased one does not");
    is_int(consistent(), 0, "all fits together");

    e = entry(list(0, ERP), 0);
    is_int(e->seq, seq[1], "it is there");
    is_int(e->epoch, 1, "in its next epoch");
    is_int(e->attempts, 0, "without attempts");
    is_int(e->npast, 0, "and without a past");
    is_int(e->accepted, now, "from now on");
    is_str(&e->name, "moved", "under its name");
    is_str(&e->routes, "orders,all", "by its routes");

    op = sweep();
    count = count_of(op, ERP);
    is_int(count->pending, 2, "counted there");
    is_int(count->again, now, "and due");
    is_int(count_of(op, CRM)->pending, 1, "and not here");

    is_int(settle(CRM, seq[0], l->token), NGX_OK, "the lease still holds");

    l = lease(ERP, 9, 9);
    is_int(l->entries->nelts, 2, "both are given");
    settle(ERP, seq[1], l->token);
    settle(ERP, seq[2], l->token);
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "nothing is left");
}


/* a target has an event once */

static void
test_there(void)
{
    ngx_er_queue_op_t  *op, *l;

    op = event(0, 7, 0, 2);

    op = move(ERP, CRM);
    run(op);
    is_int(op->done, 0, "what is pending there stays");
    is_int(op->there, 1, "and is counted");

    l = lease(CRM, 1, 0);
    bury(CRM, entry(l, 0)->seq, l->token, HOUR);

    op = move(ERP, CRM);
    run(op);
    is_int(op->there, 1, "what is dead there, too");

    op = move(0, BI);
    run(op);
    is_int(op->done, 1, "from any target");
    is_int(consistent(), 0, "all fits together");

    op = new_op(NGX_ER_QUEUE_PURGE);
    run(op);
    op = forget(0);
    run(op);
    is_int(rows(NGX_ER_FILE_EVENTS), 0, "nothing is left");
}


/* what goes lets the next one of its order go */

static void
test_order(void)
{
    uint64_t            seq[3];
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op, *l;

    for (i = 0; i < 3; i++) {
        accept_one(ERP, 44, 0, 10, &seq[i]);
    }

    op = move(ERP, CRM);
    op->filter.seq = seq[0];
    run(op);
    is_int(op->done, 1, "the first one goes");
    is_int(consistent(), 0, "all fits together");

    l = lease(ERP, 9, 9);
    is_int(l->entries->nelts, 1, "one goes on");
    is_int(entry(l, 0)->seq, seq[1], "the second one");

    op = forget(ERP);
    run(op);
    is_int(op->done, 1, "the third one is forgotten");
    is_int(op->left, 1, "the second one is in hand");
    settle(ERP, seq[1], l->token);

    accept_one(ERP, 44, 0, 10, &seq[0]);
    l = lease(ERP, 9, 9);
    is_int(l->entries->nelts, 1, "nothing holds up what comes next");
    settle(ERP, seq[0], l->token);

    run(forget(0));
    is_int(rows(NGX_ER_FILE_ORDER), 0, "nothing is left");
}


/* of an event that is kept its target knows the last epoch */

static void
test_kept(void)
{
    uint64_t            seq;
    ngx_er_queue_op_t  *op, *l;

    seq = event(0, 7, HOUR, 2)->seq;

    l = lease(CRM, 1, 0);
    settle(CRM, seq, l->token);

    op = move(ERP, CRM);
    run(op);
    is_int(op->done, 1, "to where it was delivered once");
    is_int(entry(list(0, CRM), 0)->epoch, 1, "in its next epoch");

    l = lease(CRM, 9, 9);
    settle(CRM, seq, l->token);
    is_int(rows(NGX_ER_FILE_EVENTS), 1, "the event is kept");

    now += 2 * HOUR;
    sweep();
    is_int(rows(NGX_ER_FILE_EVENTS) + rows(NGX_ER_FILE_DONE), 0,
           "until it is not");
}


/* who sends an event again that was forgotten means its target, too */

static void
test_forget(void)
{
    ngx_er_queue_op_t  *l;

    event(5, 7, 0, 2);
    run(forget(ERP));

    is_int(event(5, 7, 0, 2)->rc, NGX_DONE, "it is started again");
    l = lease(ERP, 9, 9);
    is_int(l->entries->nelts, 1, "for the target that lost it");
    settle(ERP, entry(l, 0)->seq, l->token);
    is_int(event(5, 7, 0, 2)->rc, NGX_DECLINED, "once");

    run(forget(CRM));
    is_int(consistent(), 0, "all fits together");
}


static void
test_filter(void)
{
    uint64_t            first;
    ngx_er_queue_op_t  *op, *l;

    first = event(0, 7, 0, 1)->seq;
    event(0, 8, 0, 1);

    l = lease(ERP, 1, 0);
    retry(ERP, first, l->token, 1, HOUR);

#define counted(member, value, n, what)                                       \
    op = hasten(ERP);                                                         \
    op->dry = 1;                                                              \
    op->filter.member = value;                                                \
    run(op);                                                                  \
    is_int(op->done, n, what)

    counted(source, 7, 1, "its source");
    counted(source, 8, 0, "another one");
    counted(status, 503, 1, "its status");
    counted(status, 500, 0, "another one");
    counted(attempts, 1, 1, "so many attempts");
    counted(attempts, 2, 0, "not so many");
    counted(reasons, 1 << NGX_ER_DEAD_FINAL, 0, "it is not dead");

    op = hasten(ERP);
    run(op);
    l = lease(ERP, 0, 1);
    bury(ERP, first, l->token, HOUR);

#define listed(member, value, n, what)                                        \
    op = new_op(NGX_ER_QUEUE_LIST);                                           \
    op->dead = 1;                                                             \
    op->filter.member = value;                                                \
    run(op);                                                                  \
    is_int(op->entries->nelts, n, what)

    listed(source, 7, 1, "a dead letter of its source");
    listed(source, 8, 0, "of another one");
    listed(status, 410, 1, "of its last answer");
    listed(status, 503, 0, "of the one before");
    listed(reasons, 1 << NGX_ER_DEAD_FINAL, 1, "of its reason");
    listed(reasons, 1 << NGX_ER_DEAD_POISON, 0, "of another one");
    listed(reasons, 1 << NGX_ER_DEAD_POISON | 1 << NGX_ER_DEAD_FINAL, 1,
           "of one of two");
}


/* of each verb what it would do, and nothing is done */

static void
test_dry(void)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op[4];

    now += 1000;

    accept_one(CRM, 0, 0, 10, NULL);

    op[0] = move(0, BI);
    op[1] = forget(0);
    op[2] = new_op(NGX_ER_QUEUE_PURGE);
    op[3] = new_op(NGX_ER_QUEUE_REPLAY);

    for (i = 0; i < 4; i++) {
        op[i]->dry = 1;
        op[i]->limit = 1;
        ngx_er_file_read(file, op[i]);
    }

    is_int(op[0]->done, 2, "move");
    is_int(op[1]->done, 2, "forget");
    is_int(op[1]->newest - op[1]->oldest, 1000, "the first and the last one");
    is_int(op[2]->done, 1, "purge");
    is_int(op[3]->done, 1, "replay");
    is_int(list(0, 0)->entries->nelts, 2, "two wait as before");
    is_int(list(1, 0)->entries->nelts, 1, "one is dead as before");

    op[0] = new_op(NGX_ER_QUEUE_REPLAY);
    op[0]->dry = 1;
    op[0]->archive = 1;
    op[0]->filter.source = 9;
    op[0]->to.target = BI;

    event(0, 9, HOUR, 1);
    ngx_er_file_read(file, op[0]);
    is_int(op[0]->done, 1, "of the archive");
    is_int(list(0, BI)->entries->nelts, 0, "nothing is there");
}


static void
test_steps(void)
{
    ngx_uint_t          i, n;
    ngx_er_queue_op_t  *op;

    run(forget(0));

    for (i = 0; i < 10; i++) {
        accept_one(ERP, 0, 0, 10, NULL);
    }

    op = move(ERP, CRM);
    op->limit = 3;

    for (n = 0, i = 0; i < 10; i++) {
        is_int(run(op), NGX_OK, "step %d", (int) i);
        n += op->done;

        if (!op->more) {
            break;
        }
    }

    is_int(n, 10, "all, step by step");
    is_int(i, 3, "three at a time");
    is_int(list(0, CRM)->entries->nelts, 10, "they are there");
    is_int(consistent(), 0, "all fits together");
}
