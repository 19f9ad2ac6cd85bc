
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries in hand (deliver/lease.c, deliver/settle.c) with stand-ins for the
 * attempt, the store and the guard: whatever becomes of an attempt and
 * whatever the store says, the store is told the right word with the entry's
 * own token until it has taken it, and then the event is released, once, and
 * places and memory are given back.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/await.c"
#include "../../ngx_event_router_module/deliver/lease.c"
#include "../../ngx_event_router_module/deliver/round.c"
#include "../../ngx_event_router_module/deliver/settle.c"
#include "../../ngx_event_router_module/deliver/hand.c"


#define SEQ    0x1234500000ULL
#define TOKEN  77
#define BYTES  100


ngx_queue_t                      ngx_posted_events;
ngx_rbtree_t                     ngx_event_timer_rbtree;
ngx_uint_t                       ngx_exiting;
ngx_module_t                     ngx_core_module;

static ngx_rbtree_node_t         sentinel;
static ngx_pool_t               *pool;
static ngx_cycle_t               cycle;
static ngx_core_conf_t           core_conf;
static void                   ***conf_ctx[1];
static ngx_er_main_conf_t        mcf;
static ngx_er_queue_t            store;
static ngx_er_target_t           target, *targets[] = { &target };
static ngx_http_core_loc_conf_t  location;
static ngx_log_t                 quiet;
static ngx_er_event_t            event;
static ngx_er_entry_t            entry;
static ngx_er_attempt_t          attempt;
static ngx_er_claim_t            claim, mark;

static ngx_er_queue_op_t        *under_way[8];
static ngx_uint_t                nunder_way;
static ngx_uint_t                ops, told;      /* all; EXTEND is not told */
static ngx_uint_t                extended;

static ngx_int_t                 holds, destroyed, places, fresh, again;
static ngx_uint_t                frees, lane_puts[2], put_due_wrong;
static ngx_uint_t                dead, retried, fenced, lane_ends, lane_pauses;
static ngx_uint_t                filtered;
static ngx_uint_t                running, attempts_made, drops;
static ngx_uint_t                no_attempt, no_start, unreadable, no_event;
static ngx_uint_t                guarded, guard_ends, guard_delivered;
static ngx_uint_t                copy;
static ngx_uint_t                marks, marked, lives, claims_done;
static ngx_er_doubt_t            doubt;
static ngx_er_call_t             call;
static ngx_er_doubt_pt           asks;
static void                     *asks_data;
static ngx_uint_t                unsure, no_call, questions, calls_dropped;
static ngx_er_evidence_e         evidence_of_end;
static ngx_int_t                 breaker_now = NGX_DECLINED;
static ngx_uint_t                breakers[2];
static ngx_uint_t                ends[2];   /* delivered, dead */
static ngx_uint_t                histories[2];
static ngx_uint_t                source_paused, target_drains, leases;


/* ---- stand-ins */


#include "mapped.h"
#include "queue_ops.h"


void
ngx_er_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op)
{
    if (op->verb == NGX_ER_QUEUE_EXTEND) {
        extended++;

    } else {
        told++;
    }

    under_way[nunder_way++] = op;
}


ngx_uint_t
ngx_er_lane_drains(ngx_er_target_t *t)
{
    return target_drains;
}


void
ngx_er_lane_open(ngx_er_target_t *t)
{
    leases++;
}


void
ngx_er_lane_close(ngx_er_target_t *t)
{
    leases--;
}


ngx_uint_t
ngx_er_hold_paused(ngx_er_source_t *source)
{
    return source_paused;
}


/* of targets with "batch", which t/batch.t tests */

void
ngx_er_parcels_init_worker(void)
{
}


void
ngx_er_parcels_exit_worker(void)
{
}


ngx_uint_t
ngx_er_parcels_ready(ngx_er_target_t *t)
{
    return 0;
}


ngx_uint_t
ngx_er_parcel_gathers(ngx_er_target_t *t)
{
    return 0;
}


ngx_uint_t
ngx_er_parcel_late(ngx_er_lease_t *lease, uint64_t now)
{
    return 0;
}


void
ngx_er_parcel_begin(ngx_er_target_t *t, ngx_er_parcel_pt placed)
{
}


void
ngx_er_parcel_add(ngx_er_lease_t *lease, ngx_er_cargo_t *cargo)
{
}


void
ngx_er_parcel_leave(ngx_er_lease_t *lease)
{
}


void
ngx_er_lane_untake(ngx_er_target_t *t, ngx_uint_t f, ngx_uint_t a)
{
    fresh -= f;
    again -= a;
}


void
ngx_er_lane_wait(ngx_er_target_t *t, ngx_uint_t waits)
{
}


ngx_int_t
ngx_er_lane_end(ngx_er_target_t *t, uint64_t now, ngx_uint_t a, uint64_t seq,
    ngx_er_evidence_e evidence, time_t retry_after, ngx_msec_t ms)
{
    evidence_of_end = evidence;
    lane_ends++;
    fresh -= !a;
    again -= a;

    return breaker_now;
}


void
ngx_er_lane_pause(ngx_er_target_t *t, uint64_t now, ngx_msec_t ms)
{
    lane_pauses++;
}


void
ngx_er_lane_put(ngx_er_target_t *t, ngx_uint_t a, uint64_t due)
{
    lane_puts[a]++;
    put_due_wrong += (due < ngx_current_msec);
}


void
ngx_er_slot_give(void)
{
    places--;
}


void
ngx_er_event_hold(ngx_er_event_t *e)
{
    e->holders++;
    holds++;
}


void
ngx_er_event_release(ngx_er_event_t *e)
{
    holds--;

    if (--e->holders == 0) {
        destroyed++;
    }
}


ngx_int_t
ngx_er_record_read(ngx_str_t *bytes, ngx_er_record_t *record)
{
    ngx_memzero(record, sizeof(ngx_er_record_t));
    record->dedup = NGX_ER_DEDUP_QUEUE;

    return unreadable ? NGX_DECLINED : NGX_OK;
}


ngx_er_event_t *
ngx_er_record_event(ngx_er_record_t *record)
{
    if (no_event) {
        return NULL;
    }

    ngx_er_event_hold(&event);

    return &event;
}


ngx_er_attempt_t *
ngx_er_attempt_create(ngx_er_event_t *e, ngx_er_target_t *t)
{
    if (no_attempt) {
        return NULL;
    }

    ngx_memzero(&attempt, sizeof(attempt));
    attempt.event = e;
    attempt.target = t;
    attempt.retry_after = -1;

    return &attempt;
}


ngx_int_t
ngx_er_attempt_start(ngx_er_attempt_t *a)
{
    if (no_start) {
        return NGX_ERROR;
    }

    running = 1;
    attempts_made++;

    return NGX_OK;
}


ngx_uint_t
ngx_er_attempt_unsure(ngx_er_attempt_t *a)
{
    return unsure;
}


ngx_er_call_t *
ngx_er_doubt_ask(ngx_er_event_t *e, ngx_er_target_t *t,
    ngx_er_doubt_pt handler, void *data, const char **why)
{
    questions++;
    *why = NULL;

    if (no_call) {
        return NULL;
    }

    ngx_memzero(&call, sizeof(call));
    call.target = t;
    asks = handler;
    asks_data = data;

    return &call;
}


void
ngx_er_call_drop(ngx_er_call_t *c)
{
    calls_dropped++;
}


ngx_er_evidence_e
ngx_er_attempt_evidence(ngx_er_attempt_t *a)
{
    return NGX_ER_EVIDENCE_GOOD;
}


void
ngx_er_attempt_report(ngx_er_attempt_t *a)
{
}


void
ngx_er_attempt_drop(ngx_er_attempt_t *a)
{
    running = 0;
    drops++;
}


u_char *
ngx_er_attempt_log_answer(ngx_er_attempt_t *a, u_char *buf, size_t len)
{
    return buf;
}


u_char *
ngx_er_attempt_log_event(ngx_er_event_t *e, u_char *buf, size_t len)
{
    return buf;
}


void
ngx_er_account_dead(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    ngx_er_dead_e reason, ngx_uint_t status)
{
    dead++;
}


void
ngx_er_account_breaker(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    ngx_uint_t open)
{
    breakers[open]++;
}


void
ngx_er_account_queued(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    ngx_uint_t metric)
{
    retried += (metric == NGX_ER_METRIC_RETRY);
    fenced += (metric == NGX_ER_METRIC_FENCED);
    filtered += (metric == NGX_ER_METRIC_FILTERED);
}


void
ngx_er_account_ended(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    const char *outcome, const char *reason, uint64_t ms)
{
    ends[strcmp(outcome, "delivered") != 0]++;
}


void
ngx_er_account_delivered(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    uint64_t ms)
{
}


size_t
ngx_er_history_answers(void)
{
    return 0;
}


void
ngx_er_history_attempt(ngx_er_queue_op_t *o, ngx_er_attempt_t *a,
    uint64_t began)
{
    histories[0]++;
}


void
ngx_er_history_note(ngx_er_queue_op_t *o, ngx_uint_t state, ngx_uint_t reason)
{
    histories[1]++;
}


void
ngx_er_history_why(ngx_er_queue_op_t *o, ngx_str_t *why)
{
    histories[1]++;
}


void
ngx_er_unmapped_answer(ngx_pool_t *p, ngx_er_mapped_t *m, ngx_str_t *answer)
{
    *answer = m->error;
}


ngx_er_claim_t *
ngx_er_guard(ngx_er_event_t *e, ngx_er_target_t *t, uint64_t seq,
    uint32_t epoch, ngx_msec_t lease, ngx_er_claim_pt handler, void *data)
{
    ngx_memzero(&claim, sizeof(claim));
    claim.handler = handler;
    claim.data = data;
    guarded++;

    return &claim;
}


void
ngx_er_guard_end(ngx_er_claim_t *c, ngx_uint_t delivered)
{
    guard_ends++;
    guard_delivered += delivered;
}


ngx_uint_t
ngx_er_guard_copy(ngx_er_claim_t *c, uint64_t seq)
{
    return copy;
}


ngx_er_claim_t *
ngx_er_guard_die(ngx_er_event_t *e, ngx_er_target_t *t,
    ngx_er_claim_pt handler, void *data)
{
    if (!marks) {
        return NULL;
    }

    ngx_memzero(&mark, sizeof(mark));
    mark.finished = handler;
    mark.data = data;
    marked++;

    return &mark;
}


void
ngx_er_guard_live(ngx_er_event_t *e, ngx_er_target_t *t)
{
    lives++;
}


void
ngx_er_claim_done(ngx_er_claim_t *c)
{
    claims_done++;
}


static void
freed(ngx_er_target_t *t)
{
    frees++;
}


/* ---- steps */


static void
begin(void)
{
    ngx_er_test_set_time(1700000000);

    ngx_queue_init(&ngx_posted_events);
    ngx_rbtree_init(&ngx_event_timer_rbtree, &sentinel,
                    ngx_rbtree_insert_timer_value);

    conf_ctx[0] = (void ***) &core_conf;
    cycle.conf_ctx = (void ****) conf_ctx;
    cycle.log = &ngx_er_test_log;

    ngx_memzero(&target, sizeof(target));
    ngx_er_policy_default(&target.policy);
    location.error_log = &quiet;
    target.location = &location;
    target.hash = 10;
    target.policy.keep = 1000;

    ngx_memzero(&event, sizeof(event));
    event.pool = pool;

    ngx_memzero(&entry, sizeof(entry));
    entry.seq = SEQ;
    entry.token = TOKEN;
    entry.accepted = ngx_current_msec;
    entry.due = ngx_current_msec + NGX_ER_LEASE_FIRST;
    entry.record.len = BYTES;
    ngx_str_set(&entry.routes, "a,b");

    store.memory = 1000;
    nunder_way = 0;
    told = extended = 0;
    holds = destroyed = places = fresh = again = 0;
    frees = lane_puts[0] = lane_puts[1] = put_due_wrong = 0;
    dead = retried = fenced = lane_ends = lane_pauses = 0;
    running = attempts_made = drops = 0;
    no_attempt = no_start = unreadable = no_event = 0;
    guarded = guard_ends = guard_delivered = 0;
    marks = marked = lives = claims_done = 0;
    unsure = no_call = questions = calls_dropped = 0;
    doubt.wait = 60000;
    ngx_exiting = 0;

    mcf.targets.elts = targets;
    mcf.targets.nelts = 1;
    cycle.pool = pool;

    (void) ngx_er_hands_init_worker(&cycle, &mcf);
    ngx_er_leases_init_worker(&cycle, &store, freed);
}


/* "given": the event is in memory, as when it was just accepted */

static void
start(ngx_uint_t given, ngx_uint_t is_again)
{
    places++;
    fresh += !is_again;
    again += is_again;

    ngx_er_lease_start(&target, &entry, given ? &event : NULL,
                       NGX_ER_DEDUP_QUEUE, is_again);
}


/* the same without a place */

static void
in_hand(ngx_uint_t given)
{
    ngx_er_lease_wait(&target, &entry, given ? &event : NULL,
                      NGX_ER_DEDUP_QUEUE);
}


/* there is one now */

static void
place(void)
{
    places++;
    fresh++;

    ngx_er_leases_begin(&target, 1);
}


static void
answered(ngx_uint_t status)
{
    running = 0;
    attempt.status = status;
    attempt.verdict = ngx_er_verdict_default(status);
    attempt.handler(&attempt);
}


static void
tick(void)
{
    ngx_event_t  *ev;

    ngx_current_msec += NGX_ER_LEASE_TICK;

    ev = &ngx_er_lease_worker.tick;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_er_leases_tick(ev);
}


static void
says(ngx_int_t rc)
{
    ngx_er_queue_op_t  *op;

    if (nunder_way) {
        op = under_way[--nunder_way];
        op->rc = rc;
        op->handler(op);
    }
}


/* the store is asked that, of this entry */

static ngx_er_queue_op_t *
asked(ngx_er_queue_verb_e verb, const char *name)
{
    ngx_er_queue_op_t  *op;

    static ngx_er_queue_op_t  none;

    is_int(nunder_way, 1, "%s: the store is told", name);

    if (nunder_way != 1) {
        return &none;
    }

    op = under_way[0];
    is_int(op->verb, verb, "%s: the right word", name);
    is_int(op->seq == SEQ && op->token == TOKEN && op->target == 10, 1,
           "%s: of this entry, with its token", name);

    return op;
}


/* nothing is left of it */

static void
gone(const char *name)
{
    ngx_uint_t  reserved;

    is_int(holds, 0, "%s: the event is held by nobody", name);
    is_int(destroyed, no_event || unreadable || entry.crashes > 2 ? 0 : 1,
           "%s: it was released once", name);
    is_int(ngx_er_hand_waiting(&target), 0, "%s: none waits in hand", name);
    is_int(places, 0, "%s: the worker's place", name);
    is_int(fresh, 0, "%s: the target's place", name);
    is_int(again, 0, "%s: its place for later ones", name);
    is_int(ngx_er_leases_room(&reserved), store.memory, "%s: its bytes", name);
    is_int(ngx_queue_empty(&ngx_er_lease_worker.leases), 1, "%s: the lease",
           name);
    is_int(ngx_er_lease_worker.tick.cancelable, 1, "%s: the worker may go",
           name);
    is_int(ops, 0, "%s: no operation is left", name);
    is_int(put_due_wrong, 0, "%s: nothing is due in the past", name);

    ngx_del_timer(&ngx_er_lease_worker.tick);
    ngx_reset_pool(pool);
}


/* ---- tests */


/* each end of an attempt, each answer of the store */

static void
test_ends(void)
{
    ngx_uint_t          i, k, given, is_again;
    ngx_er_queue_op_t  *op;

    static struct {
        ngx_uint_t           status;
        ngx_er_queue_verb_e  verb;
        const char          *name;
    } ends[] = {
        { 200, NGX_ER_QUEUE_SETTLE, "delivered" },
        { 503, NGX_ER_QUEUE_RETRY, "again later" },
        { 400, NGX_ER_QUEUE_BURY, "never" },
        { 0, NGX_ER_QUEUE_RETRY, "cut" }
    };

    for (i = 0; i < 16 * 4; i++) {
        given = (i >> 2) & 1;
        is_again = (i >> 3) & 1;
        k = i & 3;

        begin();

        if (given) {

            /* who brings it holds it, too */

            ngx_er_event_hold(&event);
        }

        start(given, is_again);
        is_int(attempts_made, 1, "an attempt");
        is_int(ngx_er_lease_worker.bytes, BYTES, "its bytes are in hand");
        is_int(ngx_er_lease_worker.tick.cancelable, 0, "the worker stays");

        if (given) {
            ngx_er_event_release(&event);
        }

        is_int(destroyed, 0, "the event is there");

        answered(ends[k].status);
        is_int(places, 0, "the place is given back at once");
        is_int(lane_ends, ends[k].status != 0, "the lane hears of an answer");
        op = asked(ends[k].verb, ends[k].name);
        is_int(op->counted, ends[k].verb != NGX_ER_QUEUE_SETTLE, "an attempt "
               "that failed is counted");

        switch (i >> 4) {

        case 0:
            says(NGX_OK);
            is_int(frees, 2, "others are looked at");
            is_int(lane_puts[1], ends[k].verb == NGX_ER_QUEUE_RETRY, "the "
                   "lane knows when it is due");
            is_int(lane_puts[0], 0, "as a later one");
            is_int(fenced, 0, "it was this worker's");
            break;

        case 1:
            says(NGX_DECLINED);
            is_int(fenced, 1, "another worker has it");
            is_int(lane_puts[0] + lane_puts[1], 0, "the lane is not told");
            break;

        case 2:
            says(NGX_ERROR);
            is_int(destroyed, 0, "it is not given up");
            tick();
            is_int(told, 2, "it is told again");
            tick();
            is_int(told, 2, "one at a time");
            (void) asked(ends[k].verb, ends[k].name);
            says(NGX_OK);
            is_int(fenced, 0, "it was taken");
            break;

        default:

            for (told = 0; destroyed == 0 && told < 200; /* void */ ) {
                says(NGX_ERROR);
                tick();
            }

            ok(told > 70 && told < 90, "the store never hears of it: told %d "
               "times", (int) told);
            is_int(fenced, 1, "that is said");
        }

        is_int(dead, ends[k].verb == NGX_ER_QUEUE_BURY, "dead letters");
        gone(ends[k].name);
    }
}


/* what is not delivered at all */

static void
test_unsent(void)
{
    ngx_er_queue_op_t  *op;

    begin();
    no_attempt = 1;
    start(0, 0);
    op = asked(NGX_ER_QUEUE_RETRY, "no memory");
    is_int(op->delay, NGX_ER_LEASE_AGAIN, "in a second");
    is_int(op->counted, 0, "that is no attempt");
    says(NGX_OK);
    is_int(lane_puts[1], 1, "due as a later one");
    gone("no memory");

    begin();
    no_start = 1;
    start(0, 1);
    (void) asked(NGX_ER_QUEUE_RETRY, "no connections");
    says(NGX_OK);
    is_int(lane_puts[1], 1, "due as a later one");
    gone("no connections");

    begin();
    no_event = 1;
    start(0, 0);
    (void) asked(NGX_ER_QUEUE_RETRY, "no event");
    says(NGX_OK);
    gone("no event");

    begin();
    unreadable = 1;
    start(0, 1);
    op = asked(NGX_ER_QUEUE_BURY, "cannot be read");
    is_int(op->reason, NGX_ER_DEAD_CORRUPT, "why");
    says(NGX_OK);
    is_int(attempts_made, 0, "it was not sent");
    gone("cannot be read");

    begin();
    ngx_exiting = 1;
    start(0, 0);
    op = asked(NGX_ER_QUEUE_RETRY, "the worker exits");
    is_int(op->delay, 0, "at once");
    is_int(op->counted, 0, "that is no attempt");
    says(NGX_OK);
    is_int(attempts_made, 0, "it was not sent");
    gone("the worker exits");

    begin();
    places = fresh = 1;
    ngx_er_test_fail_at = ngx_er_test_allocs + 1;
    ngx_er_lease_start(&target, &entry, &event, NGX_ER_DEDUP_QUEUE, 0);
    ngx_er_test_fail_at = 0;
    is_int(nunder_way, 0, "no memory at all: the lease will end by itself");
    destroyed = 1;
    gone("no memory at all");
}


/* an entry that was in hand in three crashes is not touched again */

static void
test_poison(void)
{
    ngx_er_queue_op_t  *op;

    for (entry.crashes = 0; entry.crashes < 5; /* void */ ) {
        uint32_t  crashes = entry.crashes;

        begin();
        entry.crashes = crashes;
        start(0, 1);
        is_int(attempts_made, crashes < NGX_ER_ENTRY_CRASHES, "%d crashes",
               (int) crashes);

        if (crashes < NGX_ER_ENTRY_CRASHES) {
            is_int(attempt.number, crashes + 1, "its number");
            answered(200);
            is_int(lives, crashes != 0, "it lives after all");
            (void) asked(NGX_ER_QUEUE_SETTLE, "delivered");

        } else {
            op = asked(NGX_ER_QUEUE_BURY, "poison");
            is_int(op->reason, NGX_ER_DEAD_POISON, "why");
            is_int(marked, 0, "an operator's");
        }

        says(NGX_OK);
        gone("crashes");
        entry.crashes = crashes + 1;
    }
}


static void
test_too_old(void)
{
    ngx_er_queue_op_t  *op;

    begin();
    target.policy.expires = 5000;
    entry.accepted -= 5000;
    start(0, 0);
    is_int(attempts_made, 1, "as old as it may be");
    answered(200);
    says(NGX_OK);
    gone("old");

    begin();
    target.policy.expires = 5000;
    entry.accepted -= 5001;
    start(0, 0);
    op = asked(NGX_ER_QUEUE_BURY, "too old");
    is_int(op->reason, NGX_ER_DEAD_EXPIRED, "why");
    says(NGX_OK);
    gone("too old");

    begin();
    target.policy.expires = 5000;
    entry.accepted += 100000;
    start(0, 0);
    is_int(attempts_made, 1, "accepted where the clock is ahead");
    answered(200);
    says(NGX_OK);
    gone("ahead");

    /* the retries' horizon */

    begin();
    target.policy.horizon = 3600000;
    entry.accepted -= 3600000;
    start(0, 1);
    answered(500);
    op = asked(NGX_ER_QUEUE_BURY, "the horizon is over");
    is_int(op->reason, NGX_ER_DEAD_EXHAUSTED, "why");
    is_int(op->keep, 1000, "kept as the target says");
    says(NGX_OK);
    gone("horizon");

    begin();
    target.policy.horizon = 3600000;
    entry.accepted -= 3600000 - 2 * target.policy.base - 1000;
    entry.accepted += 3600000;
    start(0, 1);
    answered(500);
    op = asked(NGX_ER_QUEUE_RETRY, "within it, the clock ahead");
    says(NGX_OK);
    gone("within");

    begin();
    target.policy.horizon = 0;
    start(0, 0);
    answered(500);
    op = asked(NGX_ER_QUEUE_BURY, "no retries");
    is_int(op->reason, NGX_ER_DEAD_EXHAUSTED, "why");
    says(NGX_OK);
    gone("no retries");

    begin();
    target.policy.horizon = 0;
    entry.accepted += 3600000;
    start(0, 0);
    answered(500);
    (void) asked(NGX_ER_QUEUE_BURY, "no retries, the clock ahead");
    says(NGX_OK);
    gone("no retries");
}


/* others of its order wait */

static void
test_order(void)
{
    begin();
    entry.order = 5;
    start(0, 0);
    answered(200);
    says(NGX_OK);
    is_int(lane_puts[0], 1, "the next of its order may be due, a first one");
    is_int(lane_puts[1], 1, "or a later one");
    gone("order");
}


/* an attempt that takes longer than the lease */

static void
test_renewal(void)
{
    uint64_t    until;
    ngx_uint_t  i, longest;

    begin();
    start(0, 0);
    until = entry.due;
    longest = 0;

    for (i = 0; i < 300; i++) {
        tick();

        if (nunder_way) {
            is_int(under_way[0]->verb, NGX_ER_QUEUE_EXTEND, "renewed");
            is_int(under_way[0]->token, TOKEN, "with its token");
            is_int(under_way[0]->seq, SEQ, "that one");
            until = ngx_current_msec + under_way[0]->lease;
            says(NGX_OK);
        }

        longest += (until <= ngx_current_msec);
    }

    is_int(longest, 0, "it never ended in five minutes");
    ok(extended >= 8 && extended <= 14, "renewed %d times", (int) extended);
    answered(200);
    (void) asked(NGX_ER_QUEUE_SETTLE, "delivered");
    says(NGX_OK);
    gone("renewal");

    /* the store does not say */

    begin();
    start(0, 0);

    for (i = 0; i < 30; i++) {
        tick();
    }

    is_int(extended, 1, "asked once at a time");
    says(NGX_ERROR);
    tick();
    is_int(extended, 2, "and again");
    says(NGX_DECLINED);
    is_int(running, 1, "the attempt goes on");

    /* it ends while the renewal is under way */

    tick();
    is_int(extended, 3, "and again");
    is_int(nunder_way, 1, "under way");
    answered(200);
    is_int(nunder_way, 2, "the attempt has ended: told");
    says(NGX_OK);
    is_int(destroyed, 0, "the answer to the renewal is awaited");
    tick();
    is_int(told, 1, "nothing more is told");
    says(NGX_OK);
    gone("both");
}


static void
guard_says(ngx_er_claim_result_e result)
{
    claim.result = result;
    claim.handler(&claim);
}


/* another copy of it */

static void
test_guard(void)
{
    ngx_er_queue_op_t  *op;

    begin();
    entry.guard = 1;
    start(0, 0);
    is_int(guarded, 1, "asked");
    is_int(attempts_made, 0, "before it is sent");
    copy = 1;
    guard_says(NGX_ER_CLAIM_DUPLICATE);
    is_int(attempts_made, 0, "delivered elsewhere: not sent");
    (void) asked(NGX_ER_QUEUE_SETTLE, "elsewhere");
    is_int(places, 0, "the place is given back at once");
    is_int(frees, 1, "and used");
    is_int(guard_ends, 1, "the claim ends");
    says(NGX_OK);
    gone("elsewhere");

    begin();
    entry.guard = 1;
    start(0, 0);
    copy = 0;
    guard_says(NGX_ER_CLAIM_DUPLICATE);
    is_int(attempts_made, 1, "another event: sent");
    answered(200);
    is_int(guard_ends, 1, "the claim ends");
    says(NGX_OK);
    gone("another event");

    begin();
    entry.guard = 1;
    start(0, 1);
    claim.retry_ms = 60000;
    guard_says(NGX_ER_CLAIM_BUSY);
    op = asked(NGX_ER_QUEUE_RETRY, "being delivered");
    is_int(op->delay, NGX_ER_LEASE_COPY, "looked at again soon");
    is_int(op->counted, 0, "that is no attempt");
    is_int(guard_delivered, 0, "it was not delivered here");
    says(NGX_OK);
    gone("being delivered");

    begin();
    entry.guard = 1;
    start(0, 0);
    guard_says(NGX_ER_CLAIM_NEW);
    is_int(attempts_made, 1, "nowhere else: sent");
    answered(200);
    is_int(guard_ends, 1, "the claim ends");
    is_int(guard_delivered, 1, "as delivered");
    says(NGX_OK);
    gone("nowhere else");

    begin();
    entry.guard = 1;
    start(0, 0);
    guard_says(NGX_ER_CLAIM_NEW);
    answered(500);
    is_int(guard_ends, 1, "the claim ends");
    is_int(guard_delivered, 0, "as not delivered");
    says(NGX_OK);
    gone("failed");

    begin();
    entry.guard = 1;
    start(0, 0);
    ngx_exiting = 1;
    guard_says(NGX_ER_CLAIM_NEW);
    is_int(attempts_made, 0, "the worker exits: not sent");
    (void) asked(NGX_ER_QUEUE_RETRY, "handed back");
    says(NGX_OK);
    gone("exits");
}


/* the dedup store is told first that it died */

static void
test_mark(void)
{
    begin();
    marks = 1;
    start(0, 0);
    answered(400);
    is_int(marked, 1, "the dedup store is told");
    is_int(nunder_way, 0, "before the store");
    mark.lost = 1;
    mark.finished(&mark);
    is_int(nunder_way, 0, "it did not answer: not yet");
    tick();
    is_int(marked, 2, "it is told again");
    mark.lost = 0;
    mark.finished(&mark);
    (void) asked(NGX_ER_QUEUE_BURY, "then the store");
    is_int(claims_done, 2, "both claims are given back");
    says(NGX_OK);
    gone("marked");

    begin();
    marks = 1;
    start(0, 0);
    answered(400);

    while (nunder_way == 0 && ngx_current_msec < entry.due) {
        mark.lost = 1;
        mark.finished(&mark);

        if (nunder_way == 0) {
            tick();
        }
    }

    ok(ngx_current_msec < entry.due, "it never answers: in time for the "
       "lease");
    (void) asked(NGX_ER_QUEUE_BURY, "the store is told all the same");
    says(NGX_OK);
    gone("unmarked");
}


/* it waits in hand for a place, or for nothing */

static void
test_hand(void)
{
    ngx_uint_t  i, t;

    for (i = 0; i < 4; i++) {
        begin();
        entry.guard = (i > 1);
        in_hand(i & 1);
        is_int(attempts_made + guarded, 0, "nothing is done without a place");
        is_int(ngx_er_lease_worker.bytes, BYTES, "it takes memory");
        is_int(ngx_er_lease_worker.tick.cancelable, 0, "the worker stays");
        tick();
        is_int(nunder_way, 0, "after a second it waits still");

        place();
        is_int(guarded, i > 1, "it has one: the guard is asked");

        if (guarded) {
            claim.result = NGX_ER_CLAIM_NEW;
            claim.handler(&claim);
        }

        is_int(attempts_made, 1, "and the attempt begins");
        answered(200);
        (void) asked(NGX_ER_QUEUE_SETTLE, "from hand");
        says(NGX_OK);
        gone("from hand");
    }

    /* first come, first served */

    begin();
    in_hand(0);
    entry.seq++;
    in_hand(0);
    entry.seq--;
    is_int(ngx_er_hand_waiting(&target), 2, "two wait");
    place();
    answered(200);
    (void) asked(NGX_ER_QUEUE_SETTLE, "the first one");
    says(NGX_OK);
    ngx_er_leases_back(&target);
    is_int(nunder_way, 1, "the second one is handed back");
    is_int(under_way[0]->seq, SEQ + 1, "that one");
    is_int(under_way[0]->counted, 0, "as if it had never been had");
    is_int(under_way[0]->delay, 0, "at once");
    destroyed = 1;
    entry.seq = SEQ;
    says(NGX_OK);
    is_int(lane_puts[0] + lane_puts[1], 2, "others may know");
    destroyed = 1;
    gone("the second one");

    /* how it ends without a place: long before its lease does */

    for (i = 0; i < 3; i++) {
        begin();
        in_hand(0);

        switch (i) {

        case 0:
            for (t = 0; t < 5 && nunder_way == 0; t++) {
                tick();
            }

            ok(t == 2, "it is handed back after %d s", (int) t);
            break;

        case 1:
            ngx_exiting = 1;
            tick();
            break;

        default:
            ngx_er_leases_exit_worker();
        }

        (void) asked(NGX_ER_QUEUE_RETRY, "handed back");
        is_int(under_way[0]->counted, 0, "it is no attempt");
        is_int(extended, 0, "its lease is not renewed");
        is_int(drops, 0, "nothing was begun");
        says(NGX_OK);
        is_int(ngx_er_hand_waiting(&target), 0, "it does not wait any more");

        if (i < 2) {
            gone("without a place");
        }
    }

    /* the worker stood still */

    begin();
    in_hand(0);
    ngx_current_msec += NGX_ER_LEASE_FIRST;
    place();
    is_int(attempts_made, 0, "another worker may have it: it is not sent");
    (void) asked(NGX_ER_QUEUE_RETRY, "too late");
    says(NGX_DECLINED);
    gone("too late");

    /* what never gets as far as the hand */

    for (i = 0; i < 3; i++) {
        begin();
        unreadable = (i == 0);
        entry.crashes = (i == 1) ? NGX_ER_ENTRY_CRASHES : 0;
        ngx_exiting = (i == 2);
        in_hand(0);
        is_int(ngx_er_hand_waiting(&target), 0, "it does not wait");
        (void) asked(i == 2 ? NGX_ER_QUEUE_RETRY : NGX_ER_QUEUE_BURY,
                     "not in hand");
        says(NGX_OK);
        gone("not in hand");
    }
}


/* the target was asked */

static void
told_us(ngx_er_doubt_e what, ngx_uint_t status)
{
    call.status = status;
    asks(asks_data, what, &call);
}


/* it has not got it, and the store says whose entry that is */

static void
missing(ngx_int_t rc)
{
    told_us(NGX_ER_DOUBT_MISSING, 404);
    is_int(attempts_made, 0, "missing: not sent yet");
    (void) asked(NGX_ER_QUEUE_EXTEND, "whose is it");
    says(rc);
}


/* what the target may have is not sent before it was asked */

static void
test_doubt(void)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    /* an answer is lost: with "in_doubt" and without */

    for (i = 0; i < 2; i++) {
        begin();
        target.doubt = i ? &doubt : NULL;
        start(0, 0);
        is_int(questions, 0, "nothing is to be asked");
        unsure = 1;
        answered(504);
        op = asked(NGX_ER_QUEUE_RETRY, "lost");
        is_int(op->counted, 1, "it is an attempt");
        is_int(op->doubt, i, "in doubt, if that is asked for");
        ok(i ? op->delay == 60000 : op->delay < 60000, "it waits");
        says(NGX_OK);
        gone("lost");
    }

    /* we cut it, and no horizon ends a doubt */

    begin();
    target.doubt = &doubt;
    target.policy.horizon = 0;
    start(0, 0);
    unsure = 1;
    answered(0);
    op = asked(NGX_ER_QUEUE_RETRY, "cut");
    is_int(op->doubt, 1, "in doubt");
    is_int(op->delay, 60000, "it waits");
    says(NGX_OK);
    gone("cut");

    /* it came back by itself; a version before did not say so */

    for (i = 0; i < 4; i++) {
        begin();
        target.doubt = &doubt;
        entry.doubt = (i & 1) ? NGX_ER_DOUBT_NEW : 0;
        entry.crashes = (i & 1) ? 0 : 1;

        if (i & 2) {
            in_hand(1);

        } else {
            start(1, 1);
        }

        is_int(attempts_made + questions, 0, "nothing is sent");
        op = asked(NGX_ER_QUEUE_RETRY, "it came back");
        is_int(op->counted, 0, "no attempt");
        is_int(op->doubt, 1, "in doubt");
        is_int(op->delay, 60000, "it waits first");
        says(NGX_OK);
        gone("it came back");
        entry.crashes = 0;
    }

    /* without "in_doubt" it is sent, but nobody forgets it */

    begin();
    entry.doubt = NGX_ER_DOUBT_NEW;
    no_start = 1;
    start(0, 1);
    op = asked(NGX_ER_QUEUE_RETRY, "not asked for");
    is_int(op->doubt, NGX_ER_DOUBT_NEW, "it is as it was");
    says(NGX_OK);
    gone("not asked for");

    /* what is said */

    begin();
    target.doubt = &doubt;
    entry.doubt = 1;
    start(0, 1);
    is_int(questions, 1, "asked");
    is_int(attempts_made, 0, "before it is sent");
    told_us(NGX_ER_DOUBT_FOUND, 200);
    is_int(evidence_of_end, NGX_ER_EVIDENCE_GOOD, "the target works");
    (void) asked(NGX_ER_QUEUE_SETTLE, "found");
    is_int(frees, 1, "a place is free");
    says(NGX_OK);
    gone("found");

    begin();
    target.doubt = &doubt;
    entry.doubt = 1;
    start(0, 1);
    missing(NGX_OK);
    is_int(attempts_made, 1, "missing: sent");
    is_int(places, 1, "in the same place");
    unsure = 0;
    answered(500);
    op = asked(NGX_ER_QUEUE_RETRY, "missing");
    is_int(op->doubt, 0, "it is in doubt no more");
    says(NGX_OK);
    gone("missing");

    for (i = 1; i <= NGX_ER_DOUBT_ASKED; i++) {
        begin();
        target.doubt = &doubt;
        entry.doubt = i;
        no_call = (i == 2);
        start(0, 1);

        if (i != 2) {
            told_us(NGX_ER_DOUBT_UNKNOWN, 500);
            is_int(evidence_of_end, NGX_ER_EVIDENCE_NONE, "no evidence");
        }

        op = asked(NGX_ER_QUEUE_RETRY, "unknown");
        is_int(op->counted, 0, "a question is no attempt");
        is_int(op->doubt, ngx_min(i + 1, NGX_ER_DOUBT_ASKED), "one more");
        ok(op->delay >= target.policy.base / 2, "later");
        says(NGX_OK);
        gone("unknown");
    }

    /* the end of "retry for=" */

    begin();
    target.doubt = &doubt;
    entry.doubt = 3;
    entry.accepted -= target.policy.horizon;
    start(0, 1);
    told_us(NGX_ER_DOUBT_UNKNOWN, 500);
    op = asked(NGX_ER_QUEUE_BURY, "never told");
    is_int(op->reason, NGX_ER_DEAD_DOUBT, "why");
    is_int(op->doubt, 3, "it stays in doubt");
    is_int(marked, 0, "for other nginx it did not die");
    says(NGX_OK);
    gone("never told");

    for (i = 0; i < 2; i++) {
        begin();
        target.doubt = &doubt;
        entry.doubt = 3;
        entry.attempts = i;
        entry.accepted -= target.policy.horizon;
        start(0, 1);
        if (i == 0) {
            missing(NGX_OK);

        } else {
            told_us(NGX_ER_DOUBT_MISSING, 404);
        }

        is_int(attempts_made, !i, "a crash alone is no attempt");

        if (i) {
            op = asked(NGX_ER_QUEUE_BURY, "too late");
            is_int(op->reason, NGX_ER_DEAD_EXHAUSTED, "why");
            is_int(op->doubt, 0, "known not to be there");

        } else {
            answered(200);
        }

        says(NGX_OK);
        gone("late");
        entry.attempts = 0;
    }

    /* "expires" */

    for (i = 0; i < 3; i++) {
        begin();
        target.doubt = &doubt;
        target.policy.expires = 5000;
        entry.doubt = 1;
        entry.accepted -= 6000;
        start(0, 1);
        is_int(questions, 1, "asked, though it is too old");
        told_us(i, 200);
        op = asked(i == NGX_ER_DOUBT_FOUND ? NGX_ER_QUEUE_SETTLE
                                           : NGX_ER_QUEUE_BURY, "too old");
        is_int(op->reason, i == NGX_ER_DOUBT_UNKNOWN ? NGX_ER_DEAD_DOUBT
                           : i == NGX_ER_DOUBT_FOUND ? NGX_ER_DEAD_NOT
                           : NGX_ER_DEAD_EXPIRED, "why");
        says(NGX_OK);
        gone("too old");
    }

    /* while it is asked: renewed, and a worker that exits */

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);

    for (i = 0; i < 12; i++) {
        tick();
    }

    is_int(extended, 1, "the lease is renewed");
    says(NGX_OK);
    ngx_exiting = 1;
    told_us(NGX_ER_DOUBT_MISSING, 404);
    is_int(attempts_made, 0, "nothing is begun any more");
    op = asked(NGX_ER_QUEUE_RETRY, "exiting");
    is_int(op->doubt, 2, "still in doubt");
    is_int(op->delay, 0, "others ask at once");
    says(NGX_OK);
    gone("exiting");

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);
    ngx_er_leases_exit_worker();
    is_int(calls_dropped, 1, "the question is ended");
    op = asked(NGX_ER_QUEUE_RETRY, "exit");
    is_int(op->counted, 0, "no attempt");
    is_int(op->doubt, 2, "still in doubt");
    says(NGX_OK);

    begin();
    target.doubt = &doubt;
    start(0, 1);
    unsure = 1;
    ngx_er_leases_exit_worker();
    op = asked(NGX_ER_QUEUE_RETRY, "exit in an attempt");
    is_int(op->doubt, 1, "in doubt");
    is_int(op->delay, 60000, "it waits");
    says(NGX_OK);
}


/* a worker that stood still while the target was asked, or the store */

static void
test_confirm(void)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    target.doubt = &doubt;

    /* another worker has it */

    for (i = 0; i < 2; i++) {
        begin();
        target.doubt = &doubt;
        entry.doubt = 2;
        start(0, i);
        missing(NGX_DECLINED);
        is_int(attempts_made, 0, "another one's: not sent");
        is_int(told, 0, "nothing is told");
        is_int(fenced, 0, "nothing is doubled");
        is_int(frees, 1, "a place is free");
        gone("another one's");
    }

    /* the same with a guard, which is let go */

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    entry.guard = 1;
    start(0, 1);
    guard_says(NGX_ER_CLAIM_NEW);
    missing(NGX_DECLINED);
    is_int(guard_ends, 1, "its claim ends");
    is_int(guard_delivered, 0, "without a delivery");
    gone("guarded");
    entry.guard = 0;

    /* the store does not say */

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);
    missing(NGX_ERROR);
    is_int(attempts_made, 0, "not known: not sent");
    op = asked(NGX_ER_QUEUE_RETRY, "not known");
    is_int(op->counted, 0, "no attempt");
    is_int(op->doubt, 2, "still in doubt");
    says(NGX_OK);
    gone("not known");

    /* an answer that is as old as the lease is worth nothing */

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);
    told_us(NGX_ER_DOUBT_MISSING, 404);
    ngx_er_test_set_time(1700000000 + NGX_ER_LEASE_MS / 1000);
    says(NGX_OK);
    is_int(attempts_made, 0, "too old: not sent");
    (void) asked(NGX_ER_QUEUE_EXTEND, "once more");
    is_int(extended, 2, "once more");
    says(NGX_OK);
    is_int(attempts_made, 1, "it is this worker's: sent");
    answered(200);
    says(NGX_OK);
    gone("too old");

    /* a renewal from before the question was answered decides nothing */

    for (i = 0; i < 2; i++) {
        begin();
        target.doubt = &doubt;
        entry.doubt = 2;
        start(0, 1);

        while (extended == 0) {
            tick();
        }

        told_us(NGX_ER_DOUBT_MISSING, 404);
        is_int(nunder_way, 2, "asked again");
        op = under_way[0];
        under_way[0] = under_way[1];
        under_way[1] = op;
        says(NGX_OK);
        is_int(attempts_made, 0, "the renewal alone: not sent");
        says(i ? NGX_DECLINED : NGX_OK);
        is_int(attempts_made, !i, "the store says so");

        if (i == 0) {
            answered(200);
            says(NGX_OK);
        }

        gone("renewed");
    }

    /* the lease ends before the renewal is answered */

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);

    while (extended == 0) {
        tick();
    }

    told_us(NGX_ER_DOUBT_MISSING, 404);
    says(NGX_DECLINED);
    is_int(destroyed, 0, "the answer to the renewal is awaited");
    says(NGX_DECLINED);
    gone("renewed late");

    /* the worker exits, in good order and at once */

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);
    told_us(NGX_ER_DOUBT_MISSING, 404);
    ngx_exiting = 1;
    says(NGX_OK);
    is_int(attempts_made, 0, "exiting: nothing is begun");
    op = asked(NGX_ER_QUEUE_RETRY, "exiting");
    is_int(op->doubt, 2, "still in doubt");
    says(NGX_OK);
    gone("exiting");

    begin();
    target.doubt = &doubt;
    entry.doubt = 2;
    start(0, 1);
    told_us(NGX_ER_DOUBT_MISSING, 404);
    ngx_er_leases_exit_worker();
    is_int(nunder_way, 2, "exit: the store is told");
    op = under_way[1];
    is_int(op->verb, NGX_ER_QUEUE_RETRY, "exit: it goes back");
    is_int(op->doubt, 2, "exit: still in doubt");
    is_int(op->counted, 0, "exit: no attempt");
    under_way[1] = under_way[0];
    under_way[0] = op;
    says(NGX_OK);
    is_int(attempts_made, 0, "exit: not sent");
    says(NGX_OK);
}


/* a worker that is told to stop at once */

static void
test_exit(void)
{
    begin();
    start(0, 0);
    ngx_er_leases_exit_worker();
    is_int(drops, 1, "the attempt is ended");
    (void) asked(NGX_ER_QUEUE_RETRY, "handed back");
    is_int(under_way[0]->counted, 1, "it may have arrived");
    says(NGX_OK);

    begin();
    start(0, 0);
    attempt.status = 200;
    attempt.verdict = NGX_ER_VERDICT_OK;
    ngx_er_leases_exit_worker();
    (void) asked(NGX_ER_QUEUE_SETTLE, "what was taken is not handed back");
    says(NGX_OK);

    begin();
    start(0, 0);
    answered(200);
    says(NGX_ERROR);
    ngx_er_leases_exit_worker();
    (void) asked(NGX_ER_QUEUE_SETTLE, "what the store did not take before");
    says(NGX_OK);
}


/* nothing was sent for want of a token: it does not count, and the target's
   lane waits */

static void
test_token(void)
{
    ngx_uint_t  is_again;

    for (is_again = 0; is_again < 2; is_again++) {
        begin();
        start(1, is_again);
        attempt.pause = 1000;
        answered(0);

        is_int(asked(NGX_ER_QUEUE_RETRY, "no token")->counted, 0,
               "no token: it does not count");
        is_int(under_way[0]->delay, 0, "no token: it is due");
        is_int(lane_pauses, 1, "no token: the lane waits");
        is_int(lane_ends, 0, "no token: nothing is known of the target");
        is_int(frees, 1, "no token: the place is free");
        says(NGX_OK);
        gone("no token");
    }

    /* a breaker that an answer opens or closes is told of once */

    begin();
    start(1, 0);
    breaker_now = NGX_BUSY;
    answered(500);
    is_int(breakers[1], 1, "the breaker opened");
    says(NGX_OK);

    begin();
    start(1, 0);
    breaker_now = NGX_OK;
    answered(200);
    is_int(breakers[0], 1, "the breaker closed");
    is_int(breakers[1], 1, "and opened once");
    says(NGX_OK);
    breaker_now = NGX_DECLINED;

    /* the worker exits: at once, and in good order */

    begin();
    start(1, 0);
    attempt.state = NGX_ER_ATTEMPT_TOKEN;
    ngx_er_leases_exit_worker();
    is_int(drops, 1, "no token at the exit: the attempt is ended");
    is_int(asked(NGX_ER_QUEUE_RETRY, "no token at the exit")->counted, 0,
           "no token at the exit: it does not count");
    says(NGX_OK);

    begin();
    start(1, 0);
    attempt.state = NGX_ER_ATTEMPT_TOKEN;
    tick();
    is_int(drops, 0, "no token: it waits for one");
    ngx_exiting = 1;
    tick();
    is_int(drops, 1, "no token while the worker exits: it is ended");
    is_int(asked(NGX_ER_QUEUE_RETRY, "no token, exiting")->counted, 0,
           "no token, exiting: it does not count");
    says(NGX_OK);
    gone("no token, exiting");
}


/* its target has a body; "later": a child makes it */

static void
maps_to(ngx_er_mapped_e state, ngx_uint_t later)
{
    static ngx_er_body_t  *body = (ngx_er_body_t *) "a body";

    begin();
    target.body = body;
    maps = later ? NGX_ER_MAPPED_RUNNING : state;
    mapped_freed = loaded = filtered = 0;
    start(1, 0);

    if (later) {
        is_int(places, 1, "a mapping runs: it keeps its places");
        is_int(nunder_way, 0, "and nothing is told");
        map_end(state);
    }
}


static void
test_mapped(void)
{
    ngx_uint_t          i, later;
    ngx_er_queue_op_t  *op;

    for (later = 0; later < 2; later++) {
        maps_to(NGX_ER_MAPPED_DONE, later);
        is_int(running, 1, "mapped: it is sent");
        is_int(attempt.cargo == cargos, 1, "mapped: what was made");
        answered(200);
        is_int(asked(NGX_ER_QUEUE_SETTLE, "mapped")->filtered, 0,
               "mapped: it is delivered");
        says(NGX_OK);
        is_int(mapped_freed, 1, "mapped: and given back");
        gone("mapped");

        maps_to(NGX_ER_MAPPED_FILTERED, later);
        is_int(attempts_made, 0, "filtered: nothing is sent");
        is_int(asked(NGX_ER_QUEUE_SETTLE, "filtered")->filtered, 1,
               "filtered: it is not delivered");
        ends[0] = 0;
        says(NGX_OK);
        is_int(filtered, 1, "filtered: it is counted");
        is_int(ends[0], 0, "filtered: and told once");
        gone("filtered");

        maps_to(NGX_ER_MAPPED_FAILED, later);
        is_int(attempts_made, 0, "no body: nothing is sent");
        op = asked(NGX_ER_QUEUE_BURY, "no body");
        is_int(op->reason, NGX_ER_DEAD_FINAL, "no body: no retry helps");
        is_int(op->counted, 0, "no body: it was no attempt");
        is_int(op->answer.len, sizeof("no way") - 1, "no body: and why");
        is_int(dead, 1, "no body: it is a dead letter");
        says(NGX_OK);
        gone("no body");

        maps_to(NGX_ER_MAPPED_AWAY, later);
        op = asked(NGX_ER_QUEUE_RETRY, "not now");
        is_int(op->counted, 0, "not now: it was no attempt");
        is_int(op->delay, 7000, "not now: but then");
        says(NGX_OK);
        gone("not now");
    }

    /* one that was replayed may have been told of as dead */

    begin();
    target.body = (ngx_er_body_t *) "a body";
    maps = NGX_ER_MAPPED_FILTERED;
    entry.epoch = 1;
    start(1, 0);
    is_int(lives, 1, "replayed and filtered: it lives after all");
    says(NGX_OK);
    gone("replayed and filtered");

    begin();
    target.body = (ngx_er_body_t *) "a body";
    maps_none = 1;
    start(1, 0);
    maps_none = 0;
    is_int(asked(NGX_ER_QUEUE_RETRY, "no memory")->delay,
           NGX_ER_LEASE_AGAIN, "no memory for a mapping: soon");
    says(NGX_OK);
    gone("no memory for a mapping");

    /* the lease is renewed meanwhile */

    begin();
    target.body = (ngx_er_body_t *) "a body";
    maps = NGX_ER_MAPPED_RUNNING;
    start(1, 0);

    for (i = 0; i < NGX_ER_LEASE_FIRST / NGX_ER_LEASE_TICK && !extended; i++) {
        tick();
    }

    is_int(extended, 1, "a mapping that takes long: the lease is renewed");
    says(NGX_OK);
    map_end(NGX_ER_MAPPED_DONE);
    answered(200);
    says(NGX_OK);
    gone("a mapping that takes long");

    /* the worker exits */

    begin();
    target.body = (ngx_er_body_t *) "a body";
    maps = NGX_ER_MAPPED_RUNNING;
    mapped_freed = 0;
    start(1, 0);
    ngx_er_leases_exit_worker();
    is_int(mapped_freed, 1, "exits: the mapping is cancelled");
    is_int(asked(NGX_ER_QUEUE_RETRY, "exits")->counted, 0,
           "exits: it was no attempt");
    ngx_reset_pool(pool);
}


int
main(void)
{
    pool = ngx_er_test_pool();

    test_ends();
    test_unsent();
    test_poison();
    test_too_old();
    test_order();
    test_renewal();
    test_hand();
    test_guard();
    test_mark();
    test_doubt();
    test_confirm();
    test_exit();
    test_token();
    test_mapped();

    ngx_destroy_pool(pool);

    return done_testing();
}
