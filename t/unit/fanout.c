
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fan-outs, the handover to the queue and accepting (deliver/fanout.c,
 * handover.c and accept.c) with stand-ins for the claim, the store and the
 * attempts: whatever they answer, the producer gets one outcome, a claim is
 * finalized only if the event is where it has to be, and all that was taken is
 * given back.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/await.c"
#include "../../ngx_event_router_module/deliver/fanout.c"
#include "../../ngx_event_router_module/deliver/recipients.c"
#include "../../ngx_event_router_module/deliver/handover.c"
#include "../../ngx_event_router_module/deliver/accept.c"
#include "../../ngx_event_router_module/deliver/hand.c"
#include "posted.h"


#define BYTES  50


ngx_queue_t                ngx_posted_events;
ngx_rbtree_t               ngx_event_timer_rbtree;
ngx_uint_t                 ngx_exiting;
ngx_module_t               ngx_http_module;
ngx_module_t               ngx_http_event_router_module;

static ngx_rbtree_node_t   sentinel;
static ngx_pool_t         *pool;
static ngx_er_main_conf_t  mcf;
static void               *main_conf[1] = { &mcf };
static ngx_http_conf_ctx_t http_ctx = { main_conf, NULL, NULL };
static void             ***conf_ctx[1];
static ngx_er_queue_t      store;
static ngx_er_source_t     source;
static ngx_er_event_t      event;
static ngx_er_target_t     target[2];
static ngx_er_target_t    *targets[2] = { &target[0], &target[1] };
static ngx_er_fanout_t    *fanout;
static ngx_er_claim_t      claim;
static u_char              key[32];

static ngx_er_route_t      route[2];
static ngx_er_route_t     *routes[2] = { &route[0], &route[1] };
static ngx_queue_t         line;           /* for a place */
static ngx_er_attempt_t    attempts[8];
static ngx_uint_t          nattempts, no_attempt, reports, drops, differs;
static ngx_uint_t          apart, room, no_claim, no_record, ordered;
static ngx_uint_t          ops, nunder_way;
static ngx_er_queue_op_t  *under_way[8];
static ngx_int_t           load;           /* deliveries that were admitted */
static ngx_int_t           places, bytes, leases;
static ngx_uint_t          waits, wakes, lane_full;
static ngx_uint_t          claimed, finalized, released, settled, done;
static ngx_uint_t          metrics[NGX_ER_METRIC_SOURCE_ALL];
static ngx_uint_t          outcomes, called, cuts;
static ngx_uint_t          histories[3], filtered;


/* ---- stand-ins */


#include "mapped.h"


ngx_er_delivery_state_e
ngx_er_unmapped(ngx_er_delivery_t *d, ngx_er_mapped_t *m)
{
    return (m && m->state == NGX_ER_MAPPED_FILTERED) ? NGX_ER_DELIVERY_FILTERED
                                                     : NGX_ER_DELIVERY_FAILED;
}


void
ngx_er_account_queued(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    ngx_uint_t metric)
{
    filtered += (metric == NGX_ER_METRIC_FILTERED);
}


void
ngx_er_history_unsent(ngx_er_delivery_t *d)
{
    histories[1]++;
}


ngx_uint_t
ngx_er_slots_admit(ngx_uint_t n)
{
    if (room) {
        load += n;
    }

    return room;
}


void
ngx_er_slots_dismiss(ngx_uint_t n)
{
    load -= n;
}


void
ngx_er_slot_wait(ngx_er_slot_t *slot)
{
    ngx_queue_insert_tail(&line, &slot->queue);
}


void
ngx_er_slot_leave(ngx_er_slot_t *slot)
{
    ngx_queue_remove(&slot->queue);
}


ngx_er_attempt_t *
ngx_er_attempt_create(ngx_er_event_t *e, ngx_er_target_t *t)
{
    ngx_er_attempt_t  *attempt;

    if (no_attempt) {
        return NULL;
    }

    attempt = &attempts[nattempts++];
    ngx_memzero(attempt, sizeof(ngx_er_attempt_t));
    attempt->target = t;

    return attempt;
}


ngx_int_t
ngx_er_attempt_start(ngx_er_attempt_t *attempt)
{
    return NGX_OK;
}


void
ngx_er_relay_begin(ngx_er_attempt_t *attempt)
{
}


void
ngx_er_relay_end(ngx_er_attempt_t *attempt)
{
}


void
ngx_er_attempt_report(ngx_er_attempt_t *attempt)
{
    reports++;
}


void
ngx_er_attempt_cut(ngx_er_attempt_t *attempt)
{
    cuts++;
}


void
ngx_er_attempt_drop(ngx_er_attempt_t *attempt)
{
    drops++;
}


void
ngx_er_slots_init_worker(ngx_cycle_t *cycle)
{
}


void
ngx_er_slots_exit_worker(void)
{
}


ngx_uint_t
ngx_er_slots_free(void)
{
    return lane_full != 2;
}


void
ngx_er_slot_give(void)
{
    places--;
}


ngx_int_t
ngx_er_attempts_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *conf)
{
    return NGX_OK;
}


void
ngx_er_attempts_exit_worker(void)
{
}


void
ngx_er_duplicate_claimed(ngx_er_source_t *s, ngx_er_claim_t *c)
{
}


void
ngx_er_duplicate_differs(ngx_er_event_t *e)
{
    differs++;
}


const char *
ngx_er_outcome_name(ngx_er_outcome_e outcome)
{
    return "";
}


size_t
ngx_er_history_answers(void)
{
    return 0;
}


void
ngx_er_history_accept(ngx_er_queue_op_t *op, ngx_er_event_t *e)
{
    histories[0]++;
}


void
ngx_er_history_delivery(ngx_er_delivery_t *d, ngx_er_attempt_t *a)
{
    histories[1]++;
}


void
ngx_er_history_fanout(ngx_er_fanout_t *f)
{
    histories[2]++;
}


void
ngx_er_account_event(ngx_er_event_t *e, ngx_er_outcome_e metric)
{
    metrics[metric]++;
    outcomes += (metric <= NGX_ER_OUTCOME_ERROR);
}


void
ngx_er_account_ended(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    const char *outcome, const char *reason, uint64_t ms)
{
}


void
ngx_er_account_delivered(ngx_er_target_t *t, uint64_t seq, ngx_er_event_t *e,
    uint64_t ms)
{
}


void
ngx_er_event_hold(ngx_er_event_t *e)
{
    e->holders++;
}


void
ngx_er_event_release(ngx_er_event_t *e)
{
    e->holders--;
}


uint64_t
ngx_er_event_print(ngx_er_event_t *e)
{
    return 1;
}


ngx_int_t
ngx_er_order_part(ngx_er_target_t *t, ngx_er_event_t *e, ngx_pool_t *p,
    ngx_er_queue_part_t *part)
{
    part->order = 5;

    return NGX_OK;
}


void
ngx_er_overtaken_stale(ngx_er_target_t *t, uint64_t seq)
{
}


void
ngx_er_overtaken_told(ngx_er_queue_op_t *op)
{
}


ngx_er_target_t *
ngx_er_target_hashed(ngx_er_main_conf_t *conf, uint64_t hash)
{
    ngx_uint_t         i;
    ngx_er_target_t  **t;

    t = conf->targets.elts;

    for (i = 0; i < conf->targets.nelts; i++) {
        if (t[i]->hash == hash) {
            return t[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_er_record_write(ngx_er_event_t *e, ngx_er_dedup_mode_e dedup,
    ngx_pool_t *p, ngx_str_t *record)
{
    record->data = (u_char *) "record";
    record->len = BYTES;

    return no_record ? NGX_ERROR : NGX_OK;
}


ngx_uint_t
ngx_er_dedup_apart(ngx_er_dedup_t *dedup)
{
    return apart;
}


ngx_uint_t
ngx_er_dedup_shared(ngx_er_dedup_t *dedup)
{
    return apart;
}


ngx_er_claim_t *
ngx_er_claim_create(ngx_er_dedup_t *dedup, ngx_log_t *log)
{
    if (no_claim) {
        return NULL;
    }

    ngx_memzero(&claim, sizeof(claim));
    (void) ngx_array_init(&claim.settled, pool, 2, sizeof(uint64_t));

    return &claim;
}


void
ngx_er_claim(ngx_er_claim_t *c)
{
    claimed++;
}


void
ngx_er_claim_settle(ngx_er_claim_t *c, uint64_t hash)
{
    settled++;
}


void
ngx_er_claim_finalize(ngx_er_claim_t *c)
{
    finalized++;
    c->finished(c);
}


void
ngx_er_claim_release(ngx_er_claim_t *c)
{
    released++;
    c->finished(c);
}


void
ngx_er_claim_done(ngx_er_claim_t *c)
{
    done++;
}


#include "queue_ops.h"


void
ngx_er_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op)
{
    under_way[nunder_way++] = op;
}


void
ngx_er_lane_due(ngx_er_target_t *t, uint64_t now, ngx_er_lane_due_t *due)
{
    ngx_memzero(due, sizeof(ngx_er_lane_due_t));
    due->fresh = waits ? ngx_current_msec : NGX_ER_NEVER;
    due->again = NGX_ER_NEVER;
    due->room = (lane_full == 1) ? 0 : 1;
}


void
ngx_er_lane_wait(ngx_er_target_t *t, ngx_uint_t n)
{
}


void
ngx_er_lane_put(ngx_er_target_t *t, ngx_uint_t again, uint64_t due)
{
}


size_t
ngx_er_leases_room(ngx_uint_t *reserved)
{
    return 10 * BYTES - bytes;
}


void
ngx_er_leases_reserve(size_t n)
{
    bytes += n;
}


void
ngx_er_leases_unreserve(size_t n)
{
    bytes -= n;
}


void
ngx_er_lease_wait(ngx_er_target_t *t, ngx_er_entry_t *entry,
    ngx_er_event_t *e, ngx_er_dedup_mode_e dedup)
{
    leases++;
}


void
ngx_er_dispatch_wake(ngx_er_target_t *t)
{
    wakes++;
}


void
ngx_er_dispatch_known(ngx_er_queue_op_t *op)
{
}


/* ---- steps */


static void
handler(ngx_er_fanout_t *f)
{
    called++;
}


/* whoever stands in line has a place */

static void
go(void)
{
    ngx_queue_t    *q;
    ngx_er_slot_t  *slot;

    while (!ngx_queue_empty(&line)) {
        q = ngx_queue_head(&line);
        ngx_queue_remove(q);
        slot = ngx_queue_data(q, ngx_er_slot_t, queue);

        places++;

        if (slot->handler(slot) != NGX_OK) {
            places--;
        }
    }

    turn();
}


/* the target of an attempt has answered; 0: it was cut */

static void
answers(ngx_uint_t n, ngx_uint_t status)
{
    attempts[n].status = status;
    attempts[n].verdict = ngx_er_verdict_default(status);
    attempts[n].retry_after = -1;
    attempts[n].handler(&attempts[n]);
}


static void
deadline(ngx_er_fanout_t *f)
{
    ngx_del_timer(&f->timer);
    f->timer.handler(&f->timer);
    turn();
}


static void
begin(ngx_uint_t queued)
{
    ngx_er_test_set_time(1700000000);

    ngx_queue_init(&ngx_posted_events);
    ngx_rbtree_init(&ngx_event_timer_rbtree, &sentinel,
                    ngx_rbtree_insert_timer_value);

    conf_ctx[0] = (void ***) &http_ctx;
    ((ngx_cycle_t *) ngx_cycle)->conf_ctx = (void ****) conf_ctx;

    ngx_memzero(&mcf, sizeof(mcf));
    mcf.queue = &store;
    mcf.waiting = 100;
    mcf.targets.elts = targets;
    mcf.targets.nelts = 2;

    ngx_memzero(target, sizeof(target));
    target[0].hash = 10;
    target[1].hash = 11;
    target[1].index = 1;
    target[0].order = NGX_CONF_UNSET;
    target[1].order = NGX_CONF_UNSET;

    ngx_memzero(&source, sizeof(source));
    ngx_str_set(&source.name, "shop");
    source.mode = queued ? NGX_ER_MODE_QUEUED : NGX_ER_MODE_SYNC;
    source.deadline = 5000;
    source.unrouted = 200;

    ngx_memzero(&event, sizeof(event));
    event.pool = pool;
    event.source = &source;

    ngx_memzero(metrics, sizeof(metrics));
    ngx_memzero(route, sizeof(route));
    ngx_str_set(&route[0].name, "a");
    ngx_str_set(&route[1].name, "b");
    route[0].targets.elts = targets;
    route[0].targets.nelts = 2;
    route[1].targets.elts = targets;
    route[1].targets.nelts = 1;
    event.routes.elts = routes;
    event.routes.nelts = 1;
    ngx_queue_init(&line);
    nattempts = no_attempt = reports = drops = differs = 0;
    apart = queued ? 0 : 1;
    room = 1;
    no_claim = no_record = ordered = 0;
    nunder_way = 0;
    places = bytes = leases = 0;
    waits = wakes = lane_full = 0;
    claimed = finalized = released = settled = done = 0;
    outcomes = called = cuts = 0;
    ngx_exiting = 0;

    ((ngx_cycle_t *) ngx_cycle)->pool = pool;
    (void) ngx_er_hands_init_worker((ngx_cycle_t *) ngx_cycle, &mcf);
    (void) ngx_er_fanout_init_worker((ngx_cycle_t *) ngx_cycle, &mcf);
}


static void
start(ngx_uint_t with_key)
{
    fanout = ngx_er_fanout_start(&event, with_key ? key : NULL, handler, NULL);
    turn();
}


static void
store_says(ngx_int_t rc, ngx_uint_t kept)
{
    ngx_uint_t             i;
    ngx_er_queue_op_t     *op;
    ngx_er_queue_count_t  *count;

    op = under_way[--nunder_way];
    op->rc = rc;
    op->kept = kept;

    if (rc == NGX_DONE) {
        op->counts = ngx_array_create(pool, 2, sizeof(ngx_er_queue_count_t));
        count = ngx_array_push(op->counts);
        ngx_memzero(count, sizeof(ngx_er_queue_count_t));
        count->target = 10;
    }

    for (i = 0; ordered && i < op->nparts; i++) {
        op->parts[i].lease = 0;
    }

    op->handler(op);
    turn();
}


/* the waiter has its outcome, and nothing is left */

static void
ends(ngx_er_outcome_e outcome, const char *name)
{
    is_int(fanout->outcome, outcome, "%s: the outcome", name);
    is_int(outcomes, 1, "%s: is counted once", name);
    is_int(metrics[outcome], 1, "%s: as what it is", name);
    is_int(called, 1, "%s: and told once", name);
    is_int(finalized + released <= 1, 1, "%s: a claim is closed once", name);
    is_int(done, claimed, "%s: and given back", name);

    ngx_er_fanout_forget(fanout);

    is_int(event.holders, 0, "%s: nobody holds the event", name);
    is_int(ngx_event_timer_rbtree.root == &sentinel, 1, "%s: no timer", name);
    is_int(ngx_queue_empty(&ngx_er_fanouts), 1, "%s: no fan-out", name);
    is_int(ops, 0, "%s: no operation", name);
    is_int(load, 0, "%s: no share of the backlog", name);
    is_int(ngx_er_accepts, 0, "%s: no accept", name);
    is_int(places, 0, "%s: no place of the worker", name);
    is_int(ngx_er_hands[0].coming + ngx_er_hands[1].coming, 0,
           "%s: nothing comes to hand", name);
    is_int(bytes, 0, "%s: no byte is reserved", name);

    ngx_reset_pool(pool);
}


/* ---- tests */


/* what the store says, with a key that is claimed apart or not */

static void
test_stored(void)
{
    ngx_uint_t  i, k, safe;

    static struct {
        ngx_int_t         rc;
        ngx_uint_t        kept;
        ngx_er_outcome_e  outcome;
        ngx_uint_t        leases;
        const char       *name;
    } says[] = {
        { NGX_OK, 0, NGX_ER_OUTCOME_QUEUED, 2, "stored" },
        { NGX_DECLINED, 0, NGX_ER_OUTCOME_DUPLICATE, 0, "a duplicate" },
        { NGX_DONE, 0, NGX_ER_OUTCOME_REDELIVERED, 0, "started again" },
        { NGX_BUSY, 0, NGX_ER_OUTCOME_FULL, 0, "full" },
        { NGX_ERROR, 0, NGX_ER_OUTCOME_UNAVAILABLE, 0, "away" },
        { NGX_ERROR, 1, NGX_ER_OUTCOME_UNAVAILABLE, 2, "not safe enough" }
    };

    for (i = 0; i < 6; i++) {
        for (k = 0; k < 6; k++) {
            begin(1);
            apart = (k & 1);
            ordered = (k == 2);
            lane_full = (k == 3) ? 1 : (k == 5) ? 2 : 0;
            waits = (k == 4);

            start(1);

            if (apart) {
                is_int(claimed, 1, "claimed first");
                is_int(nunder_way, 0, "then stored");
                claim.result = NGX_ER_CLAIM_NEW;
                claim.handler(&claim);
            }

            is_int(nunder_way, 1, "the store is asked");
            is_int(outcomes, 0, "and says what the producer gets");
            is_int(under_way[0]->dedup, 1, "with the key");
            store_says(says[i].rc, says[i].kept);

            safe = (i < 3);
            is_int(finalized, apart && safe, "%s: the key is known if the "
                   "event is safe", says[i].name);
            is_int(released, apart && !safe, "%s: and free if it is not",
                   says[i].name);
            is_int(leases, k == 2 || k == 3 || k == 5 ? 0
                           : k == 4 ? says[i].leases / 2 : says[i].leases,
                   "%s: delivered from memory", says[i].name);
            ends(says[i].outcome, says[i].name);
        }
    }
}


/* the number of accepts under way is bounded */

static void
test_bound(void)
{
    ngx_uint_t        i;
    ngx_er_fanout_t  *f[3];

    begin(1);
    apart = 1;
    mcf.waiting = 2;

    for (i = 0; i < 2; i++) {
        start(0);
        f[i] = fanout;
    }

    is_int(nunder_way, 2, "two are under way");
    start(0);
    f[2] = fanout;
    is_int(nunder_way, 2, "no more");
    is_int(f[2]->outcome, NGX_ER_OUTCOME_OVERLOADED, "it is refused");
    is_int(metrics[NGX_ER_OUTCOME_OVERLOADED], 1, "and counted");

    store_says(NGX_OK, 0);
    ngx_er_fanout_forget(f[2]);
    start(0);
    f[2] = fanout;
    is_int(nunder_way, 2, "one has ended: the next");

    store_says(NGX_OK, 0);
    store_says(NGX_OK, 0);

    ngx_er_fanout_forget(f[0]);
    ngx_er_fanout_forget(f[1]);
    ngx_er_fanout_forget(f[2]);
    is_int(event.holders, 0, "nobody holds the event");
    is_int(ngx_er_accepts, 0, "none is under way");
    is_int(ops, 0, "nothing is left");
}


/* the first word counts */

static void
test_late(void)
{
    begin(0);
    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    go();
    deadline(fanout);
    is_int(called, 1, "late: told");
    is_int(fanout->outcome, NGX_ER_OUTCOME_TIMEOUT, "that it takes too long");
    answers(0, 200);
    is_int(finalized, 0, "one has not answered");
    answers(1, 204);
    turn();
    is_int(finalized, 1, "both have it: a duplicate from now on");
    ends(NGX_ER_OUTCOME_TIMEOUT, "late");

    /* who has no place yet leaves the line, who runs is cut with the lease */

    begin(0);
    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    deadline(fanout);
    is_int(ngx_queue_empty(&line), 1, "nobody stands in line");
    is_int(released, 1, "the next attempt may deliver it");
    ends(NGX_ER_OUTCOME_TIMEOUT, "late in line");

    begin(0);
    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    go();
    deadline(fanout);
    is_int(cuts, 0, "the lease is not over");
    deadline(fanout);
    is_int(cuts, 2, "it is");
    answers(0, 0);
    answers(1, 200);
    turn();
    is_int(settled, 1, "one has it");
    is_int(released, 1, "the other one shall");
    ends(NGX_ER_OUTCOME_TIMEOUT, "cut");

    begin(0);
    start(1);
    deadline(fanout);
    claim.result = NGX_ER_CLAIM_BUSY;
    claim.handler(&claim);
    turn();
    ends(NGX_ER_OUTCOME_TIMEOUT, "a late claim");

    /* the store is late */

    begin(1);
    start(1);
    deadline(fanout);
    is_int(called, 1, "told");
    store_says(NGX_OK, 0);
    ends(NGX_ER_OUTCOME_TIMEOUT, "a late store");

    /* and the key is not known before it has spoken */

    begin(1);
    apart = 1;
    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    is_int(nunder_way, 1, "the store is asked");
    deadline(fanout);
    is_int(finalized + released, 0, "the key waits for it");
    store_says(NGX_BUSY, 0);
    is_int(finalized, 0, "it is not known");
    is_int(released, 1, "but free");
    ends(NGX_ER_OUTCOME_TIMEOUT, "a store that is late and full");

    begin(1);
    apart = 1;
    start(1);
    deadline(fanout);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    turn();
    is_int(nunder_way, 0, "not stored: the next attempt shall");
    is_int(released, 1, "with the key");
    ends(NGX_ER_OUTCOME_TIMEOUT, "a claim that is late");
}


static void
test_refused(void)
{
    ngx_uint_t  i;

    static struct {
        ngx_er_claim_result_e  result;
        ngx_er_outcome_e       outcome;
    } results[] = {
        { NGX_ER_CLAIM_BUSY, NGX_ER_OUTCOME_BUSY },
        { NGX_ER_CLAIM_DUPLICATE, NGX_ER_OUTCOME_DUPLICATE },
        { NGX_ER_CLAIM_UNAVAILABLE, NGX_ER_OUTCOME_UNAVAILABLE }
    };

    for (i = 0; i < 3; i++) {
        begin(0);
        start(1);
        is_int(load, 2, "a share of the backlog");
        claim.result = results[i].result;
        claim.handler(&claim);
        turn();
        is_int(finalized + released, 0, "another's claim is left alone");
        ends(results[i].outcome, "refused");
    }

    begin(0);
    room = 0;
    start(1);
    is_int(claimed, 0, "no room: nothing is claimed");
    ends(NGX_ER_OUTCOME_OVERLOADED, "no room");

    begin(0);
    no_claim = 1;
    start(1);
    ok(fanout == NULL, "no memory for the claim");
    is_int(load, 0, "no share of the backlog is kept");
    is_int(event.holders, 0, "nor the event");
    is_int(ngx_queue_empty(&ngx_er_fanouts), 1, "nor a fan-out");

    begin(1);
    no_record = 1;
    start(0);
    ends(NGX_ER_OUTCOME_ERROR, "no memory for the record");
}


static void
test_targets(void)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    for (i = 0; i < 4; i++) {
        begin(0);
        start(1);
        claim.result = NGX_ER_CLAIM_NEW;
        claim.handler(&claim);
        go();
        answers(0, i & 1 ? 500 : 200);
        answers(1, i & 2 ? 404 : 200);
        turn();
        is_int(reports, 2, "each attempt is told");
        is_int(settled, (i & 1 ? 0 : 1) + (i & 2 ? 0 : 1), "who has it is "
               "settled");
        is_int(finalized, i == 0, "finalized if all have it");
        is_int(released, i != 0, "released if not");
        ends(i ? NGX_ER_OUTCOME_FAILED : NGX_ER_OUTCOME_DELIVERED, "targets");
    }

    /* another holder took the key: it is the other's to close */

    begin(0);
    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    go();
    answers(0, 200);
    claim.fenced = 1;
    answers(1, 200);
    turn();
    is_int(finalized + released, 0, "fenced: not closed here");
    ends(NGX_ER_OUTCOME_FENCED, "fenced");

    /* what an earlier attempt has delivered */

    begin(0);
    start(1);
    *(uint64_t *) ngx_array_push(&claim.settled) = target[1].hash;
    claim.result = NGX_ER_CLAIM_RESUME;
    claim.handler(&claim);
    turn();
    d = fanout->deliveries.elts;
    is_int(d[0].state, NGX_ER_DELIVERY_WAITING, "resumed: the one that has "
           "it not");
    is_int(d[1].state, NGX_ER_DELIVERY_SETTLED, "and the one that has it");
    go();
    is_int(nattempts, 1, "it alone is tried");
    answers(0, 200);
    turn();
    is_int(finalized, 1, "then both have it");
    ends(NGX_ER_OUTCOME_DELIVERED, "resumed");

    /* two routes name one target: once, by the names of both */

    begin(0);
    event.routes.nelts = 2;
    route[0].delay = 50;
    start(0);
    turn();
    d = fanout->deliveries.elts;
    is_int(fanout->deliveries.nelts, 2, "each target once");
    is_int(d[0].routes.len, 3, "with the names of its routes");
    ok(ngx_memcmp(d[0].routes.data, "a,b", 3) == 0, "a,b");
    is_int(d[1].routes.len, 1, "the other one with one");
    is_int(d[0].delay, 0, "whoever wants it sooner has it");
    is_int(d[1].delay, 50, "of those that name it");
    go();
    answers(0, 200);
    answers(1, 200);
    turn();
    ends(NGX_ER_OUTCOME_DELIVERED, "two routes");

    /* the producer does not wait for an optional one, the key does */

    for (i = 0; i < 2; i++) {
        begin(0);
        target[1].optional = 1;
        start(1);
        claim.result = NGX_ER_CLAIM_NEW;
        claim.handler(&claim);
        go();
        answers(0, i ? 500 : 200);
        turn();
        is_int(called, 1, "the required one has answered: told");
        is_int(finalized, !i, "it has it: known");
        is_int(released, 0, "else it is free when nothing runs any more");
        answers(1, 500);
        turn();
        is_int(released, i, "the optional one has ended");
        ends(i ? NGX_ER_OUTCOME_FAILED : NGX_ER_OUTCOME_DELIVERED,
             "optional");
    }

    /* a delivery that cannot be made */

    begin(0);
    no_attempt = 1;
    start(0);
    go();
    ends(NGX_ER_OUTCOME_ERROR, "no attempt");

    for (i = 0; i < 2; i++) {
        begin(0);
        route[0].targets.nelts = 0;
        source.unrouted = i ? 422 : 202;
        start(1);
        claim.result = NGX_ER_CLAIM_NEW;
        claim.handler(&claim);
        turn();
        is_int(released, i, "unrouted is a failure: it may come again");
        is_int(finalized, !i, "unrouted is none: it is done");
        ends(NGX_ER_OUTCOME_UNROUTED, "unrouted");
    }
}


/* a target with a body; "later": a child makes it */

static void
maps_to(ngx_er_mapped_e state, ngx_uint_t later, ngx_uint_t nothing)
{
    static ngx_er_body_t  *body = (ngx_er_body_t *) "a body";

    begin(0);
    target[0].body = body;
    route[0].targets.nelts = 1;
    maps = later ? NGX_ER_MAPPED_RUNNING : state;
    maps_none = nothing;
    mapped_freed = loaded = filtered = 0;

    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    go();

    if (later) {
        is_int(places, 1, "a mapping runs: it keeps its place");
        is_int(called, 0, "and nothing is told");
        map_end(state);
        turn();
    }
}


static void
test_mapped(void)
{
    ngx_uint_t  later;

    for (later = 0; later < 2; later++) {
        maps_to(NGX_ER_MAPPED_DONE, later, 0);
        is_int(nattempts, 1, "mapped: it is sent");
        is_int(attempts[0].cargo == cargos, 1, "mapped: what was made");
        answers(0, 200);
        turn();
        is_int(finalized, 1, "mapped: and it is done");
        is_int(mapped_freed, 1, "mapped: and given back");
        ends(NGX_ER_OUTCOME_DELIVERED, "mapped");

        maps_to(NGX_ER_MAPPED_FILTERED, later, 0);
        is_int(nattempts, 0, "filtered: nothing is sent");
        is_int(filtered, 1, "filtered: it is counted");
        is_int(settled, 1, "filtered: the target has it");
        is_int(finalized, 1, "filtered: and that is well");
        is_int(mapped_freed, 1, "filtered: and given back");
        ends(NGX_ER_OUTCOME_DELIVERED, "filtered");

        maps_to(NGX_ER_MAPPED_FAILED, later, 0);
        is_int(nattempts, 0, "no body: nothing is sent");
        is_int(released, 1, "no body: it may come again");
        is_int(mapped_freed, 1, "no body: it is given back");
        ends(NGX_ER_OUTCOME_FAILED, "no body");

        maps_to(NGX_ER_MAPPED_AWAY, later, 0);
        is_int(mapped_freed, 1, "not now: it is given back");
        ends(NGX_ER_OUTCOME_ERROR, "not now");
    }

    maps_to(NGX_ER_MAPPED_DONE, 0, 1);
    ends(NGX_ER_OUTCOME_ERROR, "no memory for a mapping");

    /* more calls than one are for queues */

    begin(0);
    maps_to(NGX_ER_MAPPED_RUNNING, 0, 0);
    mapped.cargos.nelts = 2;
    map_end(NGX_ER_MAPPED_DONE);
    turn();
    is_int(nattempts, 0, "two calls: none is made");
    ends(NGX_ER_OUTCOME_FAILED, "two calls");

    /* nobody waits for a child any more */

    maps_to(NGX_ER_MAPPED_RUNNING, 0, 0);
    deadline(fanout);
    is_int(mapped_freed, 1, "a mapping at the deadline: it is cancelled");
    is_int(places, 0, "and its place is free");
    ends(NGX_ER_OUTCOME_TIMEOUT, "a mapping at the deadline");

    maps_to(NGX_ER_MAPPED_RUNNING, 0, 0);
    ngx_er_fanout_forget(fanout);
    map_end(NGX_ER_MAPPED_DONE);
    is_int(nattempts, 1, "the producer went: it is sent all the same");
    answers(0, 200);
    turn();
    is_int(event.holders, 0, "and then nobody holds the event");

    maps_to(NGX_ER_MAPPED_RUNNING, 0, 0);
    claim.fenced = 1;
    map_end(NGX_ER_MAPPED_DONE);
    turn();
    claim.fenced = 0;
    is_int(nattempts, 0, "another nginx has it meanwhile: it is not sent");
    ends(NGX_ER_OUTCOME_FENCED, "fenced while it was mapped");

    /* the deadline is long over, and an optional target's child still runs */

    maps_to(NGX_ER_MAPPED_RUNNING, 0, 0);
    fanout->late = 1;
    deadline(fanout);
    is_int(mapped_freed, 1, "a mapping at the end of the lease: cancelled");
    ends(NGX_ER_OUTCOME_FAILED, "a mapping at the end of the lease");

    maps_to(NGX_ER_MAPPED_RUNNING, 0, 0);
    ngx_er_fanout_exit_worker((ngx_cycle_t *) ngx_cycle);
    is_int(mapped_freed, 1, "the worker exits: it is cancelled");
    is_int(event.holders, 0, "the worker exits: nobody holds the event");
    ngx_reset_pool(pool);
}


/* a worker that exits drops what runs and forgets all */

static void
test_exit(void)
{
    begin(0);
    start(1);
    claim.result = NGX_ER_CLAIM_NEW;
    claim.handler(&claim);
    go();
    ngx_er_fanout_exit_worker((ngx_cycle_t *) ngx_cycle);
    is_int(drops, 2, "what runs is dropped");
    is_int(finalized + released, 0, "the claim runs out by itself");
    is_int(event.holders, 0, "nobody holds the event");
    is_int(ngx_event_timer_rbtree.root == &sentinel, 1, "no timer");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    test_stored();
    test_bound();
    test_late();
    test_refused();
    test_targets();
    test_mapped();
    test_exit();

    ngx_destroy_pool(pool);

    return done_testing();
}
