
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sources that are paused, in the file store: what is held and what is not,
 * from when on and how long, and that nothing is lost or out of order by it.
 * file_model.c has the same at random.
 */


#include "queue_file.h"


#define ERP     1
#define CRM     2
#define SHOP    71
#define OTHER   72
#define MANY    2500


static void test_comes(void);
static void test_was_there(void);
static void test_under_way(void);
static void test_order(void);
static void test_acts(void);
static void test_age(void);
static void test_oldest(void);
static void test_gone(void);
static void test_again(void);
static void test_many(void);
static ngx_er_queue_op_t *hold(uint64_t source, ngx_er_hold_e state);
static ngx_er_queue_op_t *ask(void);
static ngx_er_queue_hold_t *said(ngx_er_queue_op_t *op, uint64_t source);
static uint64_t event(uint64_t target, uint64_t source, uint64_t order);
static uint64_t event_later(uint64_t target, uint64_t source, uint64_t order,
    ngx_msec_t delay, ngx_uint_t leased);
static ngx_uint_t given(uint64_t target);
static void settle_all(uint64_t target);


static ngx_er_queue_part_t  part;


int
main(void)
{
    begin(16 << 20);

    test_comes();
    test_was_there();
    test_under_way();
    test_order();
    test_acts();
    test_age();
    test_oldest();
    test_gone();
    test_again();
    test_many();

    end();

    return done_testing();
}


static ngx_er_queue_op_t *
hold(uint64_t source, ngx_er_hold_e state)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_HOLD);
    op->hold.source = source;
    op->hold.state = state;
    ngx_str_set(&op->hold.name, "shop");
    ngx_str_set(&op->hold.by, "token \"ann\"");

    (void) run(op);

    return op;
}


static ngx_er_queue_op_t *
ask(void)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_HOLD);
    (void) run(op);

    return op;
}


static ngx_er_queue_hold_t *
said(ngx_er_queue_op_t *op, uint64_t source)
{
    ngx_uint_t            i;
    ngx_er_queue_hold_t  *h;

    static ngx_er_queue_hold_t  none;

    h = op->holds->elts;

    for (i = 0; i < op->holds->nelts; i++) {
        if (h[i].source == source) {
            return &h[i];
        }
    }

    return &none;
}


static uint64_t
event(uint64_t target, uint64_t source, uint64_t order)
{
    return event_later(target, source, order, 0, 0);
}


static uint64_t
event_later(uint64_t target, uint64_t source, uint64_t order,
    ngx_msec_t delay, ngx_uint_t leased)
{
    ngx_er_queue_op_t  *op;

    ngx_memzero(&part, sizeof(part));

    part.target = target;
    part.order = order;
    part.delay = delay;
    part.lease = leased;
    ngx_str_set(&part.name, "erp");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;
    op->token = ++token;
    op->source = source;
    ngx_str_set(&op->record, "record");

    (void) run(op);

    return op->seq;
}


/* leased, and given back at once */

static ngx_uint_t
given(uint64_t target)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    op = lease(target, 100, 100);

    for (i = 0; i < op->entries->nelts; i++) {
        (void) retry(target, entry(op, i)->seq, op->token, 0, 0);
    }

    return op->entries->nelts;
}


static void
settle_all(uint64_t target)
{
    ngx_uint_t          i, n;
    ngx_er_queue_op_t  *op;

    do {
        op = lease(target, 1000, 1000);
        n = op->entries->nelts;

        for (i = 0; i < n; i++) {
            (void) settle(target, entry(op, i)->seq, op->token);
        }

    } while (n);
}


static void
test_comes(void)
{
    ngx_er_queue_op_t  *op;

    op = hold(SHOP, NGX_ER_HOLD_ON);

    is_int(op->rc, NGX_OK, "paused");
    is_int(said(op, SHOP)->state, NGX_ER_HOLD_ON, "so it says");
    is_int(said(op, SHOP)->act, now, "since when");
    is_str(&said(op, SHOP)->by, "token \"ann\"", "and by whom");
    is_str(&said(op, SHOP)->name, "shop", "which one");

    (void) event_later(ERP, SHOP, 0, 0, 1);
    is_int(part.lease, 0, "what comes is not leased");
    is_int(part.held, 1, "but held");
    is_int(given(ERP), 0, "nor later");

    (void) event_later(ERP, OTHER, 0, 0, 1);
    is_int(part.lease, 1, "another source's is leased");
    is_int(part.held, 0, "not held");

    op = ask();
    is_int(said(op, SHOP)->entries, 1, "one is held");
    is_int(entry(list(0, ERP), 0)->held, 1, "the list shows it");
    is_int(consistent(), 0, "the databases fit together");

    ngx_er_file_close(file);
    test_open(1);

    is_int(said(ask(), SHOP)->state, NGX_ER_HOLD_ON, "opened anew: paused");
    is_int(given(ERP), 0, "nothing is given");

    op = hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(said(op, SHOP)->state, NGX_ER_HOLD_OVER, "resumed");
    is_int(said(op, SHOP)->entries, 0, "nothing is held");
    is_int(given(ERP), 1, "it is given");

    (void) event_later(ERP, SHOP, 0, 0, 1);
    is_int(part.lease, 1, "what comes is leased");

    now += 60000;
    settle_all(ERP);
    is_int(consistent(), 0, "the databases fit together");
}


static void
test_was_there(void)
{
    uint64_t            seq;
    ngx_er_queue_op_t  *op;

    (void) event(ERP, SHOP, 0);
    (void) event(ERP, OTHER, 0);
    seq = event_later(ERP, SHOP, 0, 5000, 0);
    (void) event(CRM, SHOP, 0);

    op = hold(SHOP, NGX_ER_HOLD_ON);
    is_int(said(op, SHOP)->entries, 3, "what waits is held, due or not");
    is_int(given(ERP), 1, "the other one is given");
    is_int(given(CRM), 0, "nothing to another target");

    now += 10000;
    is_int(given(ERP), 1, "nor when its time has come");

    op = hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(given(ERP), 3, "resumed");
    is_int(given(CRM), 1, "there, too");

    op = list(0, ERP);
    is_int(entry(op, 2)->seq, seq, "the one with a delay");
    is_int(entry(op, 2)->due, now, "was given back");

    settle_all(ERP);
    settle_all(CRM);
}


static void
test_under_way(void)
{
    uint64_t            seq[2];
    ngx_er_queue_op_t  *l, *op;

    seq[0] = event(ERP, SHOP, 0);
    seq[1] = event(ERP, SHOP, 0);

    l = lease(ERP, 10, 0);
    is_int(l->entries->nelts, 2, "two are under way");

    op = hold(SHOP, NGX_ER_HOLD_ON);
    is_int(said(op, SHOP)->entries, 0, "they are not held");

    is_int(retry(ERP, seq[0], l->token, 1, 1000), NGX_OK, "one fails");
    now += 1000;
    is_int(given(ERP), 0, "it is not given again");
    is_int(said(ask(), SHOP)->entries, 1, "but held");

    now += 60000;
    is_int(given(ERP), 0, "the lease of the other one ends: not given");
    is_int(said(ask(), SHOP)->entries, 2, "but held");
    is_int(settle(ERP, seq[1], l->token), NGX_DECLINED, "it is nobody's");
    is_int(consistent(), 0, "the databases fit together");

    op = list(0, ERP);
    is_int(entry(op, 1)->crashes, 1, "one crash more");
    is_int(entry(op, 1)->doubt, NGX_ER_DOUBT_NEW, "and in doubt");
    is_int(entry(op, 0)->attempts, 1, "the other one had an attempt");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(given(ERP), 2, "resumed");

    /* settled while it is paused */

    l = lease(ERP, 10, 10);
    (void) hold(SHOP, NGX_ER_HOLD_ON);
    is_int(settle(ERP, seq[0], l->token), NGX_OK, "one is delivered");
    is_int(bury(ERP, seq[1], l->token, HOUR), NGX_OK, "one dies");
    (void) hold(SHOP, NGX_ER_HOLD_OVER);

    is_int(consistent(), 0, "the databases fit together");
}


static void
test_order(void)
{
    uint64_t            seq[5];
    ngx_uint_t          i;
    ngx_er_queue_op_t  *l;

    seq[0] = event(ERP, SHOP, 9);
    seq[1] = event(ERP, SHOP, 9);
    (void) hold(SHOP, NGX_ER_HOLD_ON);
    seq[2] = event(ERP, SHOP, 9);
    seq[3] = event(ERP, OTHER, 9);

    is_int(said(ask(), SHOP)->entries, 3, "all of it are held");
    is_int(given(ERP), 0, "nobody overtakes");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    seq[4] = event(ERP, SHOP, 9);

    for (i = 0; i < 5; i++) {
        l = lease(ERP, 10, 10);
        is_int(l->entries->nelts, 1, "one after the other");
        is_int(entry(l, 0)->seq, seq[i], "as they came");
        is_int(consistent(), 0, "the databases fit together");
        (void) settle(ERP, seq[i], l->token);
    }

    /* the first one of the order is another source's */

    seq[0] = event(ERP, OTHER, 9);
    seq[1] = event(ERP, SHOP, 9);
    (void) hold(SHOP, NGX_ER_HOLD_ON);

    l = lease(ERP, 10, 10);
    is_int(entry(l, 0)->seq, seq[0], "what is before it goes");
    (void) settle(ERP, seq[0], l->token);
    is_int(given(ERP), 0, "it does not");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(given(ERP), 1, "resumed");
    settle_all(ERP);
}


static void
test_acts(void)
{
    uint64_t            known[1] = { ERP };
    ngx_er_queue_op_t  *op, *l;

    (void) hold(SHOP, NGX_ER_HOLD_ON);
    (void) event_later(ERP, SHOP, 0, 5000, 0);
    (void) event(ERP, SHOP, 0);

    op = new_op(NGX_ER_QUEUE_HASTEN);
    (void) run(op);
    is_int(op->done, 0, "none is due earlier");
    is_int(op->withheld, 2, "two are held");

    l = new_op(NGX_ER_QUEUE_LEASE);
    l->target = ERP;
    l->token = ++token;
    l->again = 1;
    l->pick = NGX_ER_QUEUE_PICK_EARLY;
    (void) run(l);
    is_int(l->entries->nelts, 0, "none is tried early");

    op = new_op(NGX_ER_QUEUE_MOVE);
    op->filter.target = ERP;
    op->to.target = CRM;
    op->command = ++token;
    op->limit = 1;
    ngx_str_set(&op->to.name, "crm");
    (void) run(op);
    is_int(op->done, 1, "one moves");
    is_int(said(ask(), SHOP)->entries, 1, "it begins anew");
    is_int(given(CRM), 0, "is not given");
    is_int(said(ask(), SHOP)->entries, 2, "and held there");

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->waiting = 1;
    op->filter.target = ERP;
    (void) run(op);
    is_int(op->done, 1, "one is purged");
    is_int(said(ask(), SHOP)->entries, 1, "and not held any more");
    is_int(consistent(), 0, "the databases fit together");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(given(CRM), 1, "the other one goes");
    settle_all(CRM);

    /* its target goes */

    (void) hold(SHOP, NGX_ER_HOLD_ON);
    (void) event(CRM, SHOP, 0);

    op = new_op(NGX_ER_QUEUE_SWEEP);
    op->known = known;
    op->nknown = 1;
    op->generation = 10;
    (void) run(op);
    is_int(op->done, 1, "buried with its target");
    is_int(said(ask(), SHOP)->entries, 0, "not held");
    is_int(entry(list(1, CRM), 0)->held, 0, "the dead letter is not, either");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(consistent(), 0, "the databases fit together");
}


/* what is held does not get older */

static void
test_age(void)
{
    uint64_t            came;
    ngx_er_queue_op_t  *op;

    (void) hold(SHOP, NGX_ER_HOLD_ON);
    came = now;
    (void) event(ERP, SHOP, 0);
    now += 5000;
    is_int(entry(list(0, ERP), 0)->accepted, came, "accepted when it came");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    op = list(0, ERP);
    is_int(entry(op, 0)->accepted, came + 5000, "then as long as it was held");
    is_int(entry(op, 0)->due, came, "due as it was");
    settle_all(ERP);
}


static void
test_oldest(void)
{
    uint64_t            came;
    ngx_er_queue_op_t  *op;

    (void) hold(SHOP, NGX_ER_HOLD_ON);
    (void) event(ERP, SHOP, 0);

    op = sweep();
    is_int(count_of(op, ERP)->oldest, NGX_ER_NEVER, "what is held is not old");
    is_int(count_of(op, ERP)->fresh, NGX_ER_NEVER, "and never due");
    is_int(count_of(op, ERP)->pending, 1, "but pending");

    now += 3000;
    came = now;
    (void) event(ERP, OTHER, 0);
    now += 3000;

    is_int(count_of(sweep(), ERP)->oldest, came, "another one is");

    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(count_of(sweep(), ERP)->oldest, came, "and is it when they go on");
    settle_all(ERP);
}


static void
test_gone(void)
{
    uint64_t            sources[1] = { OTHER };
    ngx_er_queue_op_t  *op;

    (void) hold(SHOP, NGX_ER_HOLD_ON);
    (void) event(ERP, SHOP, 0);

    op = new_op(NGX_ER_QUEUE_HOLD);
    op->sources = sources;
    op->nsources = 1;
    op->generation = 5;
    (void) run(op);
    is_int(said(op, SHOP)->state, NGX_ER_HOLD_ON, "an older configuration");
    is_int(given(ERP), 0, "ends nothing");

    op = new_op(NGX_ER_QUEUE_HOLD);
    op->sources = sources;
    op->nsources = 1;
    op->generation = 11;
    (void) run(op);
    is_int(said(op, SHOP)->state, NGX_ER_HOLD_GONE, "it is not configured");
    is_str(&said(op, SHOP)->name, "shop", "its name");
    is_int(said(ask(), SHOP)->state, NGX_ER_HOLD_OVER, "that is told once");
    is_int(given(ERP), 1, "what was held goes");
    settle_all(ERP);
}


/* acts that change nothing, and two at once */

static void
test_again(void)
{
    uint64_t            act;
    ngx_er_queue_op_t  *op;

    act = said(hold(SHOP, NGX_ER_HOLD_ON), SHOP)->act;
    now += 1000;
    op = hold(SHOP, NGX_ER_HOLD_ON);
    is_int(said(op, SHOP)->act, act, "paused already: since then");
    op = hold(OTHER, NGX_ER_HOLD_ON);
    is_int(op->holds->nelts, 2, "another one, too");

    (void) event(ERP, SHOP, 0);
    (void) event(ERP, OTHER, 0);
    (void) hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(given(ERP), 1, "one of them is resumed");

    now -= 5000;
    op = hold(OTHER, NGX_ER_HOLD_OVER);
    ok(said(op, OTHER)->act > act, "a clock that ran back changes no order");
    now += 5000;
    is_int(given(ERP), 2, "and the other one");
    settle_all(ERP);
}


/* step by step, but nothing is given meanwhile */

static void
test_many(void)
{
    ngx_uint_t          i, n;
    ngx_er_queue_op_t  *op;

    for (i = 0; i < MANY; i++) {
        (void) event(ERP, SHOP, 0);
    }

    (void) event(ERP, OTHER, 0);

    op = hold(SHOP, NGX_ER_HOLD_ON);
    is_int(op->more, 1, "there is more to do");
    ok(said(op, SHOP)->entries < MANY, "not all are held yet");

    for (i = 0, n = 0; i < 3; i++) {
        op = lease(ERP, 1, 0);

        n += op->entries->nelts;
    }

    is_int(n, 1, "none of them is given");
    is_int(entry(list(0, ERP), MANY)->held, 0, "but the other one");

    for (i = 0; i < 10 && ask()->more; i++) { /* void */ }

    is_int(said(ask(), SHOP)->entries, MANY, "all are held");
    is_int(consistent(), 0, "the databases fit together");

    op = hold(SHOP, NGX_ER_HOLD_OVER);
    is_int(op->more, 1, "resumed in steps, too");

    ngx_er_file_close(file);
    test_open(1);

    for (i = 0; i < 10 && ask()->more; i++) { /* void */ }

    is_int(said(ask(), SHOP)->entries, 0, "none is held");
    is_int(rows(NGX_ER_FILE_DUE), MANY + 1, "all are due");
    is_int(consistent(), 0, "the databases fit together");

    now += 60000;
    settle_all(ERP);
    is_int(rows(NGX_ER_FILE_PENDING), 0, "and are delivered");
}
