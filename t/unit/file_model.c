
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file store against a model: random operations of three holders on three
 * targets, some events with a key and repeated, and after each of them the
 * model, which is a list in memory, must say the same.  Then crashes: a
 * process is killed in the middle of its transactions again and again; what
 * it was told is accepted must be there exactly once.
 *
 * The seed is printed; FILE_SEED=N repeats a run.
 */


#include "queue_file.h"

#include <sys/wait.h>
#include <poll.h>


#define TARGETS  3
#define STEPS    3000
#define ROUNDS   20
#define KEYS     40
#define SOURCE   70


typedef enum {
    PENDING = 1,
    DEAD,
    GONE
} state_e;


typedef struct {
    uint64_t       target;
    uint64_t       seq;
    uint64_t       order;
    uint64_t       due;
    uint64_t       holder;
    uint64_t       token;
    uint64_t       command;
    uint64_t       until;
    uint64_t       accepted;
    ngx_uint_t     attempts;
    ngx_uint_t     crashes;
    ngx_uint_t     epoch;
    ngx_uint_t     reason;
    ngx_uint_t     active;
    ngx_uint_t     settled;
    ngx_uint_t     doubt;
    uint64_t       source;             /* 0: one that is never paused */
    ngx_uint_t     held;
    uint64_t       since;
    state_e        state;
} model_t;


typedef struct {
    model_t       *m;                  /* the last one that had it, or NULL */
    uint64_t       until;
} key_model_t;


static void test_model(void);
static void step_accept(void);
static void step_key(void);
static void model_accepted(model_t *m, ngx_uint_t leased);
static void step_lease(void);
static void step_end(void);
static void step_adopt(void);
static void step_replay(void);
static void step_purge(void);
static void step_hasten(void);
static void step_move(void);
static void step_forget(void);
static void step_hold(void);
static ngx_uint_t hold_source(uint64_t source, ngx_er_hold_e state);
static ngx_uint_t hold_model(uint64_t source, ngx_uint_t held);
static model_t *model_after(uint64_t target, uint64_t *last);
static void model_moved(model_t *m, uint64_t to, uint64_t command);
static void step_sweep(void);
static void compare_list(ngx_uint_t dead);
static ngx_uint_t model_replayed(uint64_t target);
static void compare_counts(ngx_er_queue_op_t *op);
static model_t *order_first(model_t *m);
static void order_go(model_t *first);
static void order_enter(model_t *m);
static void order_leave(model_t *m);
static void order_release(model_t *m);
static void model_bury(model_t *m, ngx_uint_t reason, uint64_t at);
static model_t *model_due(uint64_t target, ngx_uint_t again, uint64_t at);
static uint64_t model_next(uint64_t target, ngx_uint_t again, uint64_t tok);
static void fault(const char *what);
static ngx_uint_t rnd(ngx_uint_t n);
static void test_crashes(void);
static void crash_child(int fd);
static ngx_uint_t crash_check(uint64_t *acked, ngx_uint_t n);


#define again_of(m)   ((m)->attempts || (m)->crashes || (m)->epoch)
#define goes(m)       (((m)->order == 0 || (m)->active) && !(m)->held)
#define clock()       ngx_er_file_clock(file)


static model_t     model[STEPS + 1];
static ngx_uint_t  nmodel;
static key_model_t key_models[KEYS];
static ngx_uint_t  nagain, nrepeated, nmoved, nheld;
static uint64_t    paused;             /* a source, or 0 */
static ngx_uint_t  nfaults;
static ngx_uint_t  step;
static uint64_t    seed;
static uint64_t    commands;
static uint64_t    ledgers[TARGETS + 1][NGX_ER_LEDGER_WORDS];


/* what became of an entry of a target, as the ledger has to say it */

#define ends(m, word)                                                         \
    ledgers[(m)->target][NGX_ER_LEDGER_##word]++


static ngx_uint_t
rnd(ngx_uint_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;

    return (seed >> 33) % n;
}


static void
fault(const char *what)
{
    if (nfaults++ < 10) {
        diag("step %d: %s", (int) step, what);
    }
}


#define agree(cond, what)                                                     \
    if (!(cond)) {                                                            \
        fault(what);                                                          \
    }


static void
order_enter(model_t *m)
{
    model_t  *o;

    m->active = 1;

    for (o = model; o < model + nmodel; o++) {
        if (o != m && o->state == PENDING && o->target == m->target
            && o->order == m->order && o->active && m->order)
        {
            if (o->holder || o->seq < m->seq) {
                m->active = 0;

            } else {
                o->active = 0;
            }
        }
    }
}


static model_t *
order_first(model_t *m)
{
    model_t  *o, *first;

    first = NULL;

    for (o = model; o < model + nmodel; o++) {
        if (o->state == PENDING && o->target == m->target
            && o->order == m->order && m->order
            && (first == NULL || o->seq < first->seq))
        {
            first = o;
        }
    }

    return first;
}


static void
order_go(model_t *first)
{
    first->active = 1;
    first->due = ngx_max(first->due, clock());
}


static void
order_leave(model_t *m)
{
    model_t  *first;

    if (m->active) {
        m->active = 0;
        first = order_first(m);

        if (first) {
            order_go(first);
        }
    }
}


static void
order_release(model_t *m)
{
    model_t  *first;

    first = order_first(m);

    if (first && first != m) {
        m->active = 0;
        order_go(first);
    }
}


static void
model_bury(model_t *m, ngx_uint_t reason, uint64_t at)
{
    ends(m, BURIED);
    m->state = DEAD;
    m->reason = reason;
    m->until = at + HOUR;
    m->holder = 0;
    m->token = 0;
    m->due = 0;
    order_leave(m);
}


static model_t *
model_due(uint64_t target, ngx_uint_t again, uint64_t at)
{
    model_t  *m, *best;

    best = NULL;

    for (m = model; m < model + nmodel; m++) {
        if (m->state == PENDING && m->target == target && goes(m)
            && again_of(m) == (int) again && m->due <= at
            && (best == NULL || m->due < best->due
                || (m->due == best->due && m->seq < best->seq)))
        {
            best = m;
        }
    }

    return best;
}


static uint64_t
model_next(uint64_t target, ngx_uint_t again, uint64_t tok)
{
    model_t   *m;
    uint64_t   due;

    due = NGX_ER_NEVER;

    for (m = model; m < model + nmodel; m++) {
        if (m->state == PENDING && m->target == target && goes(m)
            && again_of(m) == (int) again && (tok == 0 || m->token != tok))
        {
            due = ngx_min(due, m->due);
        }
    }

    return due;
}


static void
step_accept(void)
{
    model_t     *m;
    ngx_uint_t   leased;

    m = &model[nmodel];
    ngx_memzero(m, sizeof(model_t));

    m->target = 1 + rnd(TARGETS);
    m->order = rnd(3) ? 0 : 1 + rnd(3);
    m->source = paused ? paused : SOURCE * rnd(3);
    m->held = (paused != 0);
    leased = rnd(2);

    accept_source = m->source;

    if (accept_one(m->target, m->order, leased, 10 + rnd(100), &m->seq)
        != NGX_OK)
    {
        fault("ACCEPT");
        return;
    }

    model_accepted(m, leased);
}


static void
model_accepted(model_t *m, ngx_uint_t leased)
{
    nmodel++;
    ends(m, ACCEPTED);
    m->state = PENDING;
    m->accepted = clock();
    m->since = clock();
    order_enter(m);
    m->due = clock();

    if (leased && m->active && !m->held) {
        m->due += 30000;
        m->holder = file->holder;
        m->token = token;
    }
}


/* an event with one of a few keys: new, a duplicate, or started again */

static void
step_key(void)
{
    model_t              *m, *old;
    ngx_int_t             rc, expected;
    ngx_uint_t            i, n, leased;
    key_model_t          *key;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part;

    i = rnd(KEYS);

    for (n = 0; n < 2 * KEYS && step % 2; n++) {

        if (key_models[i].m && key_models[i].m->state == DEAD) {
            break;
        }

        i = rnd(KEYS);
    }

    key = &key_models[i];
    old = key->m;

    m = &model[nmodel];
    ngx_memzero(m, sizeof(model_t));
    m->target = 1 + i % TARGETS;
    m->order = i % 4;

    ngx_memzero(&part, sizeof(part));
    part.target = m->target;
    part.order = m->order;
    part.lease = rnd(2);
    ngx_str_set(&part.name, "crm");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;
    op->token = ++token;
    op->dedup = 1;
    op->window = rnd(2) ? 100 * HOUR : 1000 + rnd(2000000);
    op->print = 1 + rnd(2);
    op->repeat = (rnd(8) == 0);
    memset(op->key, i + 1, 32);
    ngx_str_set(&op->record, "0123456789");

    leased = part.lease;
    rc = run(op);

    if (old == NULL || key->until <= clock()) {
        expected = op->repeat ? NGX_DECLINED : NGX_OK;

    } else if (old->state == GONE) {
        expected = old->settled ? NGX_DECLINED : NGX_OK;

    } else {
        expected = (old->state == DEAD && old->reason == NGX_ER_DEAD_FINAL)
                   ? NGX_DONE : NGX_DECLINED;
    }

    if (rc != expected) {
        diag("key %d: %d, not %d", (int) i, (int) rc, (int) expected);
        fault("ACCEPT of a key");
        return;
    }

    nrepeated += (rc == NGX_DECLINED);

    if (rc == NGX_DECLINED) {
        return;
    }

    key->until = clock() + op->window;

    if (rc == NGX_OK) {
        key->m = m;
        m->seq = op->seq;
        model_accepted(m, leased);
        return;
    }

    nagain++;

    agree(op->counts->nelts == 1
          && ((ngx_er_queue_count_t *) op->counts->elts)->target
             == old->target, "ACCEPT of a key: started again");
    agree(op->seq == old->seq, "ACCEPT of a key: the number");
    agree(part.lease == 0, "ACCEPT of a key: leased");

    ends(old, DEAD_REPLAYED);
    ends(old, REPLAYED);
    old->state = PENDING;
    old->epoch++;
    old->command = 0;
    old->attempts = old->crashes = old->reason = 0;
    old->accepted = old->due = clock();
    order_enter(old);
}


/* one crash short of poison, while this holder has another one that is */

static ngx_uint_t
model_waits(model_t *m, uint64_t crashes)
{
    ngx_uint_t  i;

    static uint64_t  target, seq;

    if (crashes + 1 != NGX_ER_ENTRY_CRASHES) {
        return 0;
    }

    for (i = 0; i < nmodel; i++) {
        if (&model[i] != m && model[i].target == target && model[i].seq == seq
            && model[i].state == PENDING && model[i].holder == file->holder)
        {
            return 1;
        }
    }

    target = m->target;
    seq = m->seq;

    return 0;
}


static void
step_lease(void)
{
    model_t            *m;
    uint64_t            target, crashes;
    ngx_uint_t          n[2], i, class, waiting;
    ngx_er_queue_op_t  *op;

    target = 1 + rnd(TARGETS);
    n[0] = rnd(4);
    n[1] = rnd(4);

    op = lease(target, n[0], n[1]);
    agree(op->rc == NGX_OK, "LEASE");

    i = 0;
    waiting = 0;

    for (class = 2; class-- > 0; /* void */ ) {
        while (n[class] && (m = model_due(target, class, clock()))) {

            crashes = m->crashes + (m->holder ? 1 : 0);

            if (model_waits(m, crashes)) {
                m->due = clock() + ++waiting * 100;
                continue;
            }

            n[class]--;
            m->doubt |= (m->holder != 0);
            m->crashes = crashes;
            m->holder = file->holder;
            m->token = token;
            m->due = clock() + 30000;

            agree(entry(op, i)->seq == m->seq, "LEASE: another entry");
            agree(entry(op, i)->crashes == m->crashes, "LEASE: crashes");
            i++;
        }
    }

    agree(op->entries->nelts == i, "LEASE: how many");
    agree(op->count.fresh == model_next(target, 0, token), "LEASE: fresh");
    agree(op->count.again == model_next(target, 1, token), "LEASE: again");
}


/* SETTLE, RETRY, BURY or EXTEND of any entry, by who has it or not */

static void
step_end(void)
{
    model_t            *m;
    ngx_int_t           rc;
    ngx_uint_t          i, what, delay, counted, keyed;
    ngx_er_queue_op_t  *op;

    if (nmodel == 0) {
        return;
    }

    m = &model[rnd(nmodel)];

    for (i = 0; i < 50 && m->state != PENDING; i++) {
        m = &model[rnd(nmodel)];
    }

    i = rnd(KEYS);

    keyed = (rnd(2) && key_models[i].m && key_models[i].m->holder);

    if (keyed) {
        m = key_models[i].m;
    }

    if (rnd(4) && m->holder) {
        file->holder = m->holder;
    }

    what = (keyed && rnd(2)) ? 0 : rnd(5);
    delay = rnd(100000);
    counted = rnd(3) ? 1 : 0;

    switch (what) {

    case 0:
        rc = bury(m->target, m->seq, m->token, HOUR);
        break;

    case 1:
    case 2:
        rc = retry(m->target, m->seq, m->token, counted, delay);
        break;

    case 3:
        op = new_op(NGX_ER_QUEUE_EXTEND);
        op->target = m->target;
        op->seq = m->seq;
        op->token = m->token;
        op->lease = delay;
        rc = run(op);
        break;

    default:
        op = new_op(NGX_ER_QUEUE_SETTLE);
        op->target = m->target;
        op->seq = m->seq;
        op->token = m->token;
        op->filtered = counted;
        rc = run(op);
    }

    if (m->state != PENDING || m->holder != file->holder) {
        agree(rc == NGX_DECLINED, "must be fenced");
        return;
    }

    agree(rc == NGX_OK, "must be done");

    switch (what) {

    case 0:
        m->attempts += m->crashes + 1;
        m->crashes = 0;
        m->doubt = 0;
        model_bury(m, NGX_ER_DEAD_FINAL, clock());
        break;

    case 1:
    case 2:
        m->attempts += counted ? m->crashes + 1 : 0;
        m->crashes = counted ? 0 : m->crashes;
        m->holder = 0;
        m->token = 0;
        m->doubt = 0;
        m->due = clock() + delay;
        order_release(m);
        break;

    case 3:
        m->due = clock() + delay;
        break;

    default:

        if (counted) {
            ends(m, FILTERED);

        } else {
            ends(m, DELIVERED);
        }

        m->state = GONE;
        m->settled = 1;
        order_leave(m);
    }
}


static void
step_adopt(void)
{
    model_t            *m;
    ngx_uint_t          n;
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = 1 + rnd(3);
    agree(run(op) == NGX_OK && !op->more, "ADOPT");

    n = 0;

    for (m = model; m < model + nmodel; m++) {
        if (m->state == PENDING && m->holder == op->holder) {
            m->holder = 0;
            m->token = 0;
            m->crashes++;
            m->doubt = 1;
            m->due = clock();
            order_release(m);
            n++;
        }
    }

    agree(op->count.pending == n, "ADOPT: how many");
}


static void
step_replay(void)
{
    model_t            *m, *o;
    uint64_t            last[2];
    ngx_uint_t          n, there;
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->filter.target = rnd(2) ? 1 + rnd(TARGETS) : 0;
    op->to.target = rnd(3) ? 0 : 1 + rnd(TARGETS);
    op->limit = 1 + rnd(5);
    op->command = rnd(4) ? ++commands : commands;

    agree(run(op) == NGX_OK, "REPLAY");

    last[0] = last[1] = 0;
    n = 0;

    /* in the order of the walk: target, number */

    while (n < op->limit) {
        m = NULL;

        for (o = model; o < model + nmodel; o++) {
            if (o->state == DEAD
                && (op->filter.target == 0 || op->filter.target == o->target)
                && (o->target > last[0]
                    || (o->target == last[0] && o->seq > last[1]))
                && (m == NULL || o->target < m->target
                    || (o->target == m->target && o->seq < m->seq)))
            {
                m = o;
            }
        }

        if (m == NULL) {
            break;
        }

        last[0] = m->target;
        last[1] = m->seq;

        there = 0;

        for (o = model; o < model + nmodel; o++) {
            there += (o != m && o->seq == m->seq && o->state != GONE
                      && o->target == op->to.target);
        }

        if (there || (op->command && m->command == op->command)) {
            continue;
        }

        m->doubt |= (m->crashes != 0);
        ends(m, DEAD_REPLAYED);

        if (op->to.target && op->to.target != m->target) {
            m->target = op->to.target;
            m->order = 0;
            m->doubt = 0;
        }

        n++;
        ends(m, REPLAYED);
        m->state = PENDING;
        m->epoch++;
        m->command = op->command;
        m->attempts = m->crashes = m->reason = 0;
        m->accepted = m->due = clock();
        order_enter(m);
    }

    agree(op->done == n, "REPLAY: how many");
}


static void
step_purge(void)
{
    model_t            *m;
    ngx_uint_t          n;
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->filter.target = 1 + rnd(TARGETS);
    op->filter.from = clock() - rnd(2000000);
    op->limit = 10000;

    agree(run(op) == NGX_OK, "PURGE");

    n = 0;

    for (m = model; m < model + nmodel; m++) {
        if (m->state == DEAD && m->target == op->filter.target
            && m->accepted >= op->filter.from)
        {
            ends(m, DEAD_PURGED);
            m->state = GONE;
            n++;
        }
    }

    agree(op->done == n, "PURGE: how many");
}


/* the pending one that a walk meets next; target 0: of any */

static model_t *
model_after(uint64_t target, uint64_t *last)
{
    model_t  *m, *o;

    m = NULL;

    for (o = model; o < model + nmodel; o++) {
        if (o->state == PENDING
            && (target == 0 || target == o->target)
            && (o->target > last[0]
                || (o->target == last[0] && o->seq > last[1]))
            && (m == NULL || o->target < m->target
                || (o->target == m->target && o->seq < m->seq)))
        {
            m = o;
        }
    }

    if (m) {
        last[0] = m->target;
        last[1] = m->seq;
    }

    return m;
}


static void
step_hasten(void)
{
    model_t            *m;
    uint64_t            last[2];
    ngx_uint_t          n, left, doubtful;
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_HASTEN);
    op->filter.target = rnd(TARGETS + 1);
    op->filter.attempts = rnd(2);
    op->limit = 10000;
    op->dry = (rnd(3) == 0);

    agree(run(op) == NGX_OK && !op->more, "HASTEN");

    n = left = doubtful = 0;
    last[0] = last[1] = 0;

    while ((m = model_after(op->filter.target, last))) {

        if (m->attempts < op->filter.attempts) {
            continue;
        }

        left += (m->holder != 0);
        doubtful += (m->holder == 0 && m->due > clock() && m->doubt);

        if (m->holder || m->due <= clock() || m->doubt) {
            continue;
        }

        n++;

        if (!op->dry) {
            m->due = clock();
        }
    }

    agree(op->done == n, "HASTEN: how many");
    agree(op->left == left, "HASTEN: how many are leased");
    agree(op->doubtful == doubtful, "HASTEN: how many are in doubt");
}


static void
step_move(void)
{
    model_t            *m;
    uint64_t            last[2];
    ngx_uint_t          n, left;
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_MOVE);
    op->filter.target = rnd(TARGETS + 1);
    op->to.target = 1 + rnd(TARGETS);
    op->limit = rnd(2) ? 10000 : 1 + rnd(5);
    op->command = ++commands;
    op->dry = (rnd(4) == 0);

    agree(run(op) == NGX_OK, "MOVE");

    n = left = 0;
    last[0] = last[1] = 0;

    while ((n < op->limit || op->dry)
           && (m = model_after(op->filter.target, last)))
    {
        if (m->target == op->to.target) {
            continue;
        }

        left += (m->holder != 0);

        if (m->holder) {
            continue;
        }

        n++;

        if (!op->dry) {
            model_moved(m, op->to.target, op->command);
        }
    }

    agree(op->done == n, "MOVE: how many");
    agree(op->left == left, "MOVE: how many are leased");
    agree(op->there == 0, "MOVE: none is there already");
}


static void
model_moved(model_t *m, uint64_t to, uint64_t command)
{
    ends(m, MOVED);
    m->state = GONE;
    order_leave(m);

    m->state = PENDING;
    m->target = to;
    ends(m, REPLAYED);
    m->order = 0;
    m->epoch++;
    m->command = command;
    m->attempts = m->crashes = m->doubt = 0;
    m->token = 0;
    m->accepted = m->due = clock();
    order_enter(m);
    nmoved++;
}


/* PURGE of those that wait */

static void
step_forget(void)
{
    model_t            *m;
    uint64_t            last[2];
    ngx_uint_t          n, left;
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_PURGE);
    op->waiting = 1;
    op->filter.target = 1 + rnd(TARGETS);
    op->filter.from = clock() - rnd(2000000);
    op->limit = 10000;

    agree(run(op) == NGX_OK && !op->more, "PURGE of what waits");

    n = left = 0;
    last[0] = last[1] = 0;

    while ((m = model_after(op->filter.target, last))) {

        if (m->accepted < op->filter.from) {
            continue;
        }

        left += (m->holder != 0);

        if (m->holder == 0) {
            ends(m, PURGED);
        m->state = GONE;
            order_leave(m);
            n++;
        }
    }

    agree(op->done == n, "PURGE of what waits: how many");
    agree(op->left == left, "PURGE of what waits: how many are leased");
}


/* a source is paused, others go on, some more of it comes, and it is resumed:
   what was held is as it was, and not older */

static void
step_hold(void)
{
    model_t     *m;
    uint64_t     source;
    ngx_uint_t   i, n, held;

    source = SOURCE * (1 + rnd(2));

    /* what was leased for too long is another matter: file_hold.c */

    for (m = model; m < model + nmodel; m++) {
        if (m->state == PENDING && m->source == source && m->holder) {
            return;
        }
    }

    held = hold_source(source, NGX_ER_HOLD_ON);
    n = hold_model(source, 1);

    agree(held == n, "HOLD: how many are held");

    now += rnd(3000);
    step_lease();

    paused = source;

    for (i = rnd(4); i; i--) {
        step_accept();
        n++;
    }

    paused = 0;

    now += rnd(3000);

    for (i = rnd(6); i; i--) {
        step_lease();
    }

    nheld += n;

    compare_list(1);
    agree(consistent() == 0, "HOLD: the databases do not fit together");

    held = hold_source(source, NGX_ER_HOLD_OVER);

    agree(held == 0, "HOLD: some are held still");
    agree(hold_model(source, 0) == n, "HOLD: the model");

    compare_list(0);
}


/* until there is nothing more to do: how many are held */

static ngx_uint_t
hold_source(uint64_t source, ngx_er_hold_e state)
{
    ngx_uint_t            i, n;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_hold_t  *h;

    op = new_op(NGX_ER_QUEUE_HOLD);
    op->hold.source = source;
    op->hold.state = state;
    ngx_str_set(&op->hold.name, "shop");

    agree(run(op) == NGX_OK, "HOLD");

    while (op->more) {
        op = new_op(NGX_ER_QUEUE_HOLD);
        agree(run(op) == NGX_OK, "HOLD: go on");
    }

    h = op->holds->elts;
    n = 0;

    for (i = 0; i < op->holds->nelts; i++) {
        n += (h[i].source == source) ? h[i].entries : 0;
    }

    return n;
}


static ngx_uint_t
hold_model(uint64_t source, ngx_uint_t held)
{
    model_t     *m;
    ngx_uint_t   n;

    n = 0;

    for (m = model; m < model + nmodel; m++) {
        if (m->state == PENDING && m->source == source) {
            m->accepted += m->held ? clock() - m->since : 0;
            m->held = held;
            m->since = clock();
            n++;
        }
    }

    return n;
}


static void
step_sweep(void)
{
    model_t            *m;
    uint64_t            known[TARGETS];
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    for (i = 0; i < TARGETS; i++) {
        known[i] = i + 1;
    }

    op = new_op(NGX_ER_QUEUE_SWEEP);
    op->known = known;
    op->nknown = TARGETS - (rnd(10) ? 0 : 1);
    op->generation = 1;

    agree(run(op) == NGX_OK && !op->more, "SWEEP");

    for (m = model; m < model + nmodel; m++) {
        if (m->state == DEAD && m->until <= clock()) {
            ends(m, DEAD_AGED);
            m->state = GONE;
        }
    }

    for (m = model; op->nknown < TARGETS && m < model + nmodel; m++) {
        if (m->state == PENDING && m->target == TARGETS
            && (m->holder == 0 || m->due <= clock()))
        {
            model_bury(m, NGX_ER_DEAD_REMOVED, clock());
        }
    }

    compare_counts(op);
}


/* pending ones before the first one that was neither replayed nor held */

static ngx_uint_t
model_replayed(uint64_t target)
{
    model_t     *m;
    uint64_t     first;
    ngx_uint_t   n;

    first = NGX_ER_NEVER;
    n = 0;

    for (m = model; m < model + nmodel; m++) {
        if (m->target == target && m->state == PENDING && m->epoch == 0
            && m->command == 0 && m->accepted <= m->seq >> 20)
        {
            first = ngx_min(first, m->seq);
        }
    }

    for (m = model; m < model + nmodel; m++) {
        n += (m->target == target && m->state == PENDING && m->seq < first);
    }

    return n;
}


static void
compare_counts(ngx_er_queue_op_t *op)
{
    model_t               *m;
    uint64_t               target, oldest;
    ngx_uint_t             pending, dead;
    ngx_er_queue_count_t  *count;

    for (target = 1; target <= TARGETS; target++) {
        count = count_of(op, target);
        pending = dead = 0;
        oldest = NGX_ER_NEVER;

        for (m = model; m < model + nmodel; m++) {
            if (m->target == target) {
                pending += (m->state == PENDING);
                dead += (m->state == DEAD);

                if (m->state == PENDING) {
                    oldest = ngx_min(oldest, m->accepted);
                }
            }
        }

        agree(count->pending == pending, "counts: pending");
        agree(count->dead == dead, "counts: dead");
        agree(count->oldest == oldest
              || (count->oldest > oldest
                  && model_replayed(target) >= NGX_ER_ENTRY_LOOKS),
              "counts: oldest");
        agree(count->fresh == model_next(target, 0, 0), "counts: fresh");
        agree(count->again == model_next(target, 1, 0), "counts: again");
        agree(memcmp(count->words, ledgers[target], sizeof(count->words)) == 0,
              "counts: the ledger");
    }
}


static void
compare_list(ngx_uint_t dead)
{
    model_t            *m;
    ngx_uint_t          i, n;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    op = list(dead, 0);
    n = 0;

    for (m = model; m < model + nmodel; m++) {
        if (m->state != (dead ? DEAD : PENDING)) {
            continue;
        }

        n++;

        for (i = 0, e = NULL; i < op->entries->nelts; i++) {
            if (entry(op, i)->seq == m->seq
                && entry(op, i)->target == m->target)
            {
                e = entry(op, i);
                break;
            }
        }

        if (e == NULL) {
            fault("LIST: an entry is missing");
            continue;
        }

        agree(e->due == m->due, "LIST: due");
        agree(e->token == m->token, "LIST: token");
        agree(e->order == m->order, "LIST: order");
        agree(e->epoch == m->epoch, "LIST: epoch");
        agree(e->attempts == m->attempts, "LIST: attempts");
        agree(e->crashes == m->crashes, "LIST: crashes");
        agree(e->accepted == m->accepted, "LIST: accepted");
        agree((ngx_uint_t) e->reason == m->reason, "LIST: reason");
        agree(e->record.len >= 10, "LIST: record");
    }

    agree(op->entries->nelts == n, "LIST: how many");
}


static void
test_model(void)
{
    pool = ngx_er_test_pool();
    test_directory(16 << 20);
    test_open(1);

    /* chance may leave no source with something to hold: then it goes on */

    for (step = 0;
         nfaults < 10
         && (step < STEPS || (nheld == 0 && nmodel < STEPS - 100));
         step++)
    {
        now += rnd(20) ? rnd(5000) : -rnd(100000);
        file->holder = 1 + rnd(3);

        switch (rnd(32)) {

        case 0:
            step_adopt();
            break;

        case 1:
            step_replay();
            break;

        case 2:
            step_sweep();
            break;

        case 3:
            if (rnd(4) == 0) {
                step_purge();
            }

            break;

        case 4:
            step_hasten();
            break;

        case 5:
            if (rnd(2)) {
                step_move();
            }

            break;

        case 6:
            if (rnd(8) == 0) {
                step_forget();
            }

            break;

        case 7:
            step_hold();
            break;

        default:

            switch (rnd(4)) {

            case 0:
                step_accept();
                break;

            case 3:
                step_key();
                break;

            case 1:
                step_lease();
                break;

            default:
                step_end();
            }
        }

        if (step % 16 == 0) {
            compare_list(0);
            compare_list(1);
            agree(consistent() == 0, "the databases do not fit together");
        }

        ngx_reset_pool(pool);
    }

    is_int(nfaults, 0, "%d random steps, %d events", (int) step,
           (int) nmodel);
    ok(nmoved, "%d moved", (int) nmoved);
    ok(nheld, "%d held", (int) nheld);
    ok(nagain && nrepeated, "%d started again, %d duplicates", (int) nagain,
       (int) nrepeated);

    file->holder = 1;
    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


/*
 * The child accepts in batches, settles some, and writes down what it was
 * told, in a pipe: the number of the event, negative when it is settled.
 */

static void
crash_child(int fd)
{
    int64_t               said[8];
    ngx_uint_t            i, n;
    ngx_queue_t           ops;
    ngx_er_queue_op_t    *op[8];
    ngx_er_queue_part_t   part[8];

    for ( ;; ) {
        ngx_queue_init(&ops);

        for (i = 0; i < 8; i++) {
            ngx_memzero(&part[i], sizeof(ngx_er_queue_part_t));
            part[i].target = 1 + i % TARGETS;
            part[i].lease = 1;

            op[i] = new_op(NGX_ER_QUEUE_ACCEPT);
            op[i]->parts = &part[i];
            op[i]->nparts = 1;
            op[i]->token = ++token;
            op[i]->record.len = (i == 7) ? 5000 : 50;
            op[i]->record.data = ngx_pcalloc(pool, 5000);
            ngx_queue_insert_tail(&ops, &op[i]->queue);
        }

        ngx_er_file_run(file, &ops, ++now);

        for (i = 0, n = 0; i < 8; i++) {
            if (op[i]->rc == NGX_OK) {
                said[n++] = op[i]->seq;
            }
        }

        if (n == 0 || write(fd, said, n * 8) != (ssize_t) (n * 8)) {
            _exit(1);
        }

        said[0] = -(int64_t) op[0]->seq;

        /* said first: when it is killed between, it may be there or not */

        if (write(fd, said, 8) != 8
            || settle(1, op[0]->seq, op[0]->token) != NGX_OK)
        {
            _exit(1);
        }

        ngx_reset_pool(pool);
    }
}


/* all that was acknowledged is there once, but for the last one settled */

static ngx_uint_t
crash_check(uint64_t *acked, ngx_uint_t n)
{
    ngx_uint_t          i, k, bad;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    op = list(0, 0);
    e = op->entries->elts;
    bad = 0;

    for (i = 0; i < n; i++) {
        for (k = 0; k < op->entries->nelts; k++) {
            if (e[k].seq == acked[i]) {
                e[k].seq = 0;
                break;
            }
        }

        bad += (k == op->entries->nelts);
    }

    for (k = 0; k < op->entries->nelts; k++) {
        for (i = 0; i < n; i++) {
            bad += (e[k].seq == acked[i]);
        }
    }

    return bad;
}


static void
test_crashes(void)
{
    int                 to[2];
    pid_t               pid;
    int64_t             said;
    uint64_t           *acked, dead[4];
    ngx_uint_t          i, n, round, bad, adopted, found, total;
    struct pollfd       first;
    ngx_er_queue_op_t  *op;

    pool = ngx_er_test_pool();
    test_directory(32 << 20);
    test_open(1000);

    acked = malloc(1000000 * 8);
    bad = adopted = found = total = 0;

    for (round = 0; round < ROUNDS; round++) {
        if (pipe(to) != 0) {
            break;
        }

        /* a process may open it once: the child's parent is not inside */

        ngx_er_file_close(file);

        pid = fork();

        if (pid == 0) {
            close(to[0]);
            test_open(round + 1);
            crash_child(to[1]);
        }

        close(to[1]);
        test_open(1001 + round);

        /* from its first word on it is a holder */

        first.fd = to[0];
        first.events = POLLIN;

        (void) poll(&first, 1, 30000);
        poll(NULL, 0, rnd(60));

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        n = 0;

        while (read(to[0], &said, 8) == 8) {
            if (said > 0) {
                acked[n++] = said;
                total++;
                continue;
            }

            for (i = 0; i < n; i++) {
                if (acked[i] == (uint64_t) -said) {
                    acked[i] = acked[--n];
                    break;
                }
            }
        }

        close(to[0]);

        bad += crash_check(acked, n);
        bad += consistent();

        if (ngx_er_file_dead(file, dead, 4) == 1 && dead[0] == round + 1) {
            found++;
            op = new_op(NGX_ER_QUEUE_ADOPT);
            op->holder = dead[0];

            do {
                run(op);
                adopted += op->count.pending;
            } while (op->more);

            ngx_er_file_forget(file, dead[0]);
        }

        bad += consistent();

        /* and all of it can be done */

        for (i = 1; i <= TARGETS; i++) {
            do {
                op = lease(i, 0, 100000);

                for (n = 0; n < op->entries->nelts; n++) {
                    bad += (settle(i, entry(op, n)->seq, op->token)
                            != NGX_OK);
                }
            } while (n);
        }

        bad += (rows(NGX_ER_FILE_EVENTS) != 0);
        ngx_reset_pool(pool);
    }

    is_int(bad, 0, "killed %d times: %d acknowledged events are there once",
           (int) round, (int) total);
    is_int(found, ROUNDS, "each dead holder was found");
    ok(adopted > 0, "%d entries were adopted", (int) adopted);

    free(acked);
    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


int
main(void)
{
    const char  *s;

    s = getenv("FILE_SEED");
    seed = s ? strtoull(s, NULL, 10) : (uint64_t) time(NULL);

    diag("FILE_SEED=%llu", (unsigned long long) seed);

    test_model();
    test_crashes();

    return done_testing();
}
