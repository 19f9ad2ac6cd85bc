
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The dispatcher (deliver/dispatch.c) with a store whose clock need not be the
 * worker's, and places that are counted: the store is asked when something is
 * due and never in a tight loop, whatever it answers, and what was taken or
 * reserved for an answer is given back on each way.  And the sweep: one at a
 * time, and what the store says of its targets reaches the lanes.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/dispatch.c"
#include "../../ngx_event_router_module/deliver/hand.c"
#include "posted.h"


#define ENTRIES  64


typedef struct {
    uint64_t                   due;
    ngx_uint_t                 attempts;
    ngx_uint_t                 given;
} test_entry_t;


ngx_queue_t                    ngx_posted_events;
ngx_rbtree_t                   ngx_event_timer_rbtree;
ngx_uint_t                     ngx_exiting;
ngx_module_t                   ngx_http_module;
ngx_module_t                   ngx_http_event_router_module;

static ngx_rbtree_node_t       sentinel;
static ngx_pool_t             *pool;
static ngx_cycle_t             cycle;
static ngx_er_main_conf_t      mcf;
static ngx_er_queue_t          store;
static ngx_er_target_t         target[2];
static ngx_er_target_t        *targets[2] = { &target[0], &target[1] };

/* the store; its clock may be behind the worker's */

static test_entry_t            entries[ENTRIES];
static ngx_uint_t              nentries;
static ngx_msec_t              behind;
static ngx_int_t               rc;
static ngx_er_queue_op_t      *under_way[4];
static ngx_uint_t              nunder_way;
static ngx_uint_t              asked, ops, memory, failed_ops, same;
static uint64_t                token;   /* of the last LEASE */

/* lanes, the worker's places and its memory */

static ngx_er_lane_due_t       lane_due[2];
static ngx_uint_t              lane_places, fresh_taken, again_taken;
static uint64_t                lane_wait;
static ngx_uint_t              places, taken;
static size_t                  room, reserved;

static ngx_uint_t              started, started_again;

/* what is in hand, and whether the lane knows that it waits */

static ngx_queue_t             links[ENTRIES];
static ngx_uint_t              nlinks, back, waits;

/* what is swept: counts are of both targets, or there are none */

static ngx_er_queue_backend_t  backend;
static ngx_er_queue_op_t      *under_sweep[4];
static ngx_uint_t              nunder_sweep, sweeps, adopts, turns, counted;
static ngx_uint_t              more, partial, pending[2];
static uint64_t                dead;    /* a worker that died */


/* ---- stand-ins */


uint64_t
ngx_er_queue_now(void)
{
    return ngx_current_msec;
}


void
ngx_er_lane_due(ngx_er_target_t *t, uint64_t now, ngx_er_lane_due_t *due)
{
    *due = lane_due[t->index];
}


ngx_uint_t
ngx_er_lane_reach(ngx_er_target_t *t, uint64_t now)
{
    return 0;
}


void
ngx_er_graves_told(ngx_er_queue_op_t *op)
{
}


void
ngx_er_queue_graves(ngx_er_queue_op_pt told)
{
}


void
ngx_er_metric_graves(ngx_er_main_conf_t *mcf, ngx_er_dead_e reason,
    ngx_uint_t n)
{
}


void
ngx_er_overtaken_told(ngx_er_queue_op_t *op)
{
}


void
ngx_er_lane_seen(ngx_er_target_t *t, ngx_er_lane_due_t *due, uint64_t fresh,
    uint64_t again)
{
    lane_due[t->index].fresh = fresh;
    lane_due[t->index].again = again;
    lane_due[t->index].early = 0;
}


void
ngx_er_lane_take(ngx_er_target_t *t, uint64_t now, ngx_uint_t *fresh,
    ngx_uint_t *again, uint64_t *wait)
{
    *again = ngx_min(*again, lane_places);
    lane_places -= *again;
    *fresh = ngx_min(*fresh, lane_places);
    lane_places -= *fresh;

    fresh_taken += *fresh;
    again_taken += *again;
    *wait = lane_wait;
}


void
ngx_er_lane_untake(ngx_er_target_t *t, ngx_uint_t fresh, ngx_uint_t again)
{
    lane_places += fresh + again;
    fresh_taken -= fresh;
    again_taken -= again;
}


void
ngx_er_lanes_tick(ngx_er_main_conf_t *conf, ngx_log_t *log)
{
}


ngx_er_queue_pick_e
ngx_er_lane_pick(ngx_er_target_t *t)
{
    return NGX_ER_QUEUE_PICK_DUE;
}


void
ngx_er_lane_wait(ngx_er_target_t *t, ngx_uint_t n)
{
    waits = n;
}


ngx_uint_t
ngx_er_slots_free(void)
{
    return taken < places;
}


ngx_uint_t
ngx_er_slot_take(void)
{
    if (taken == places) {
        return 0;
    }

    taken++;

    return 1;
}


void
ngx_er_slot_give(void)
{
    taken--;
}


size_t
ngx_er_leases_room(ngx_uint_t *held)
{
    *held = (reserved != 0);

    return room - ngx_min(room, reserved);
}


void
ngx_er_leases_reserve(size_t bytes)
{
    reserved += bytes;
}


void
ngx_er_leases_unreserve(size_t bytes)
{
    reserved -= bytes;
}


void
ngx_er_leases_init_worker(ngx_cycle_t *c, ngx_er_queue_t *queue,
    ngx_er_lease_pt freed)
{
}


void
ngx_er_leases_exit_worker(void)
{
}


void
ngx_er_lane_put(ngx_er_target_t *t, ngx_uint_t again, uint64_t due)
{
}


void
ngx_er_lane_open(ngx_er_target_t *t)
{
}


void
ngx_er_lane_close(ngx_er_target_t *t)
{
}


void
ngx_er_hold_ask(ngx_er_queue_t *queue, ngx_er_main_conf_t *m)
{
}


void
ngx_er_account_uneven(ngx_er_target_t *t, int64_t missing)
{
}


ngx_uint_t
ngx_er_lane_count(ngx_er_target_t *t, ngx_er_queue_count_t *count)
{
    pending[t->index] = count->pending;

    return 0;
}


void
ngx_er_lane_copy(ngx_er_target_t *t, ngx_er_lane_sh_t *copy)
{
    ngx_memzero(copy, sizeof(ngx_er_lane_sh_t));
}


ngx_uint_t
ngx_er_lanes_turn(ngx_er_main_conf_t *conf, uint64_t now, ngx_msec_t ms)
{
    return turns;
}


void
ngx_er_lanes_reclaim(ngx_er_main_conf_t *conf)
{
}


uint64_t
ngx_er_lanes_dead(ngx_er_main_conf_t *conf, uint64_t after)
{
    return (after < dead) ? dead : 0;
}


void
ngx_er_lanes_forget(ngx_er_main_conf_t *conf, uint64_t holder)
{
    dead = (holder == dead) ? 0 : dead;
}


uint64_t
ngx_er_lanes_node(ngx_er_main_conf_t *conf)
{
    return 1;
}


void
ngx_er_lanes_used(ngx_er_main_conf_t *conf, uint64_t used, uint64_t size,
    ngx_uint_t nodes)
{
}


void
ngx_er_pause_ask(ngx_er_queue_t *queue, ngx_er_main_conf_t *conf,
    ngx_er_pause_pt news)
{
}


ngx_er_queue_op_t *
ngx_er_queue_op(ngx_er_queue_verb_e verb, ngx_er_queue_op_pt handler,
    void *data)
{
    ngx_er_queue_op_t  *op;

    if (!memory) {
        failed_ops += (verb == NGX_ER_QUEUE_LEASE);
        return NULL;
    }

    op = ngx_calloc(sizeof(ngx_er_queue_op_t), &ngx_er_test_log);
    op->verb = verb;
    op->handler = handler;
    op->data = data;
    op->pool = pool;
    ops++;

    return op;
}


void
ngx_er_queue_op_free(ngx_er_queue_op_t *op)
{
    ops--;
    ngx_free(op);
}


void
ngx_er_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op)
{
    if (op->verb != NGX_ER_QUEUE_LEASE) {
        sweeps += (op->verb == NGX_ER_QUEUE_SWEEP);
        adopts += (op->verb == NGX_ER_QUEUE_ADOPT);
        under_sweep[nunder_sweep++] = op;
        return;
    }

    asked++;
    same += (op->token == token);
    token = op->token;
    under_way[nunder_way++] = op;
}


/* the lease gives the places back when its delivery has ended */

void
ngx_er_lease_start(ngx_er_target_t *t, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup, ngx_uint_t again)
{
    started++;
    started_again += again;
}


void
ngx_er_lease_wait(ngx_er_target_t *t, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup)
{
    ngx_er_hand_put(t, &links[nlinks++], 1);
}


/* with "batch" a call has four entries */

ngx_uint_t
ngx_er_leases_waiting(ngx_er_target_t *t)
{
    return ngx_er_hand_waiting(t) / (t->parcel ? 4 : 1);
}


void
ngx_er_leases_begin(ngx_er_target_t *t, ngx_uint_t n)
{
    ngx_uint_t  i;

    for ( /* void */ ; n; n--) {
        for (i = 0; i < (ngx_uint_t) (t->parcel ? 4 : 1); i++) {
            ngx_er_hand_remove(t, ngx_er_hand_first(t), 1);
        }

        started++;
    }
}


void
ngx_er_leases_back(ngx_er_target_t *t)
{
    while (ngx_er_hand_first(t)) {
        ngx_er_hand_remove(t, ngx_er_hand_first(t), 1);
        back++;
    }
}


static void
ended(ngx_uint_t again)
{
    ngx_er_lane_untake(&target[0], !again, again);
    ngx_er_slot_give();
    ngx_er_dispatch_freed(&target[0]);
}


/* ---- steps */


/* what is due by the store's clock, and when the rest is */

static void
answer(void)
{
    uint64_t            now, *next;
    ngx_uint_t          i, *want;
    ngx_er_entry_t     *entry;
    ngx_er_queue_op_t  *op;

    op = under_way[--nunder_way];
    op->rc = rc;

    if (rc == NGX_OK) {
        now = ngx_current_msec - behind;
        op->entries = ngx_array_create(pool, 4, sizeof(ngx_er_entry_t));
        op->count.fresh = NGX_ER_NEVER;
        op->count.again = NGX_ER_NEVER;

        for (i = 0; i < nentries && op->target == target[0].hash; i++) {
            want = entries[i].attempts ? &op->again : &op->fresh;
            next = entries[i].attempts ? &op->count.again : &op->count.fresh;

            if (entries[i].given) {
                continue;
            }

            if (entries[i].due > now || *want == 0) {
                *next = ngx_min(*next, entries[i].due);
                continue;
            }

            (*want)--;
            entries[i].given = 1;
            entry = ngx_array_push(op->entries);
            ngx_memzero(entry, sizeof(ngx_er_entry_t));
            entry->attempts = entries[i].attempts;
        }
    }

    op->handler(op);
}


/* the store has forgotten what is over */

static void
swept(void)
{
    ngx_er_queue_op_t     *op;
    ngx_er_queue_count_t  *count;

    op = under_sweep[--nunder_sweep];
    op->rc = rc;
    op->partial = partial;

    if (op->verb == NGX_ER_QUEUE_SWEEP && more) {
        op->more = 1;
        more--;
    }

    if (op->verb == NGX_ER_QUEUE_SWEEP && rc == NGX_OK && counted) {
        op->counts = ngx_array_create(pool, 2, sizeof(ngx_er_queue_count_t));
        count = ngx_array_push(op->counts);
        ngx_memzero(count, sizeof(ngx_er_queue_count_t));
        count->target = target[1].hash;
        count->pending = counted;
        count->fresh = ngx_current_msec + 300;
        count->again = NGX_ER_NEVER;
    }

    op->handler(op);
}


/* so many ms of the event loop; an answer comes within one */

static void
pass(ngx_uint_t ms)
{
    ngx_event_t        *ev;
    ngx_rbtree_node_t  *node;

    for ( /* void */ ; ms; ms--) {
        ngx_current_msec++;

        while (ngx_event_timer_rbtree.root != &sentinel) {
            node = ngx_rbtree_min(ngx_event_timer_rbtree.root, &sentinel);

            if ((ngx_msec_int_t) (node->key - ngx_current_msec) > 0) {
                break;
            }

            ev = ngx_rbtree_data(node, ngx_event_t, timer);
            ngx_rbtree_delete(&ngx_event_timer_rbtree, &ev->timer);
            ev->timer_set = 0;
            ev->handler(ev);
        }

        turn();

        while (nunder_way) {
            answer();
        }

        while (nunder_sweep) {
            swept();
        }

        turn();
    }
}


static void
begin(void)
{
    ngx_uint_t  i;

    ngx_er_test_set_time(1700000000);

    ngx_queue_init(&ngx_posted_events);
    ngx_rbtree_init(&ngx_event_timer_rbtree, &sentinel,
                    ngx_rbtree_insert_timer_value);

    ngx_memzero(entries, sizeof(entries));
    ngx_memzero(target, sizeof(target));

    for (i = 0; i < 2; i++) {
        target[i].index = i;
        target[i].hash = 10 + i;
        lane_due[i].fresh = NGX_ER_NEVER;
        lane_due[i].again = NGX_ER_NEVER;
        lane_due[i].early = 0;
        lane_due[i].shut = 0;
        lane_due[i].room = 0;
        target[i].policy.concurrency = 8;
    }

    cycle.pool = pool;
    cycle.log = &ngx_er_test_log;
    store.backend = &backend;
    store.memory = 1000000;
    mcf.queue = &store;
    mcf.targets.elts = targets;
    mcf.targets.nelts = 2;

    nentries = 0;
    behind = 0;
    rc = NGX_OK;
    memory = 1;
    nunder_way = 0;
    asked = failed_ops = same = started = started_again = 0;
    lane_places = 8;
    lane_wait = NGX_ER_POLICY_FULL;
    fresh_taken = again_taken = 0;
    places = 16;
    taken = 0;
    room = 1000000;
    reserved = 0;
    backend.pulse = 0;
    nunder_sweep = 0;
    sweeps = adopts = turns = counted = more = partial = 0;
    pending[0] = pending[1] = 7;
    dead = 0;
    nlinks = back = waits = 0;
    ngx_exiting = 0;

    is_int(ngx_er_dispatch_init_worker(&cycle, &mcf), NGX_OK, "a worker");
}


static void
end(const char *name)
{
    ngx_er_dispatch_exit_worker();

    while (nunder_sweep) {
        swept();
    }

    is_int(ngx_event_timer_rbtree.root == &sentinel, 1, "%s: no timer", name);
    is_int(ops, 0, "%s: no operation is left", name);
    is_int(same, 0, "%s: no two leases had one token", name);
    is_int(reserved, 0, "%s: no byte is reserved", name);
    is_int(ngx_er_hands[0].coming, 0, "%s: nothing is to come", name);
    is_int(waits, ngx_er_leases_waiting(&target[0]) != 0,
           "%s: the lane knows whether some wait", name);
    is_int(taken, started, "%s: places are those of deliveries", name);
    is_int(fresh_taken + again_taken, started, "%s: of the lane, too", name);
    is_int(again_taken, started_again, "%s: of their class", name);

    ngx_reset_pool(pool);
}


/* an entry that is due now by the worker's clock, and the lane knows of it */

static void
put(ngx_uint_t attempts)
{
    entries[nentries].due = ngx_current_msec;
    entries[nentries].attempts = attempts;
    nentries++;

    if (attempts) {
        lane_due[0].again = ngx_min(lane_due[0].again, ngx_current_msec);

    } else {
        lane_due[0].fresh = ngx_min(lane_due[0].fresh, ngx_current_msec);
    }

    ngx_er_dispatch_wake(&target[0]);
}


/* ---- tests */


static void
test_due(void)
{
    ngx_uint_t  i;

    begin();
    pass(5000);
    is_int(asked, 0, "nothing is due: the store is not asked");

    put(0);
    pass(1);
    is_int(started, 1, "at once");
    pass(5000);
    is_int(asked, 1, "and once");

    lane_due[0].fresh = ngx_current_msec + 300;
    entries[nentries++].due = ngx_current_msec + 300;
    ngx_er_dispatch_wake(&target[0]);
    pass(299);
    is_int(started, 1, "not before it is due");
    pass(3);
    is_int(started, 2, "but then");

    for (i = 0; i < 10; i++) {
        put(i & 1);
    }

    pass(10);
    is_int(started, 8, "no more than the target has places");
    i = asked;
    pass(5000);
    is_int(asked, i, "and the store is not asked without one");

    for (i = 0; i < 4; i++) {
        started -= 1;
        ended(0);
        pass(2);
    }

    is_int(nentries, 12, "twelve");

    for (i = 0; i < 12 && entries[i].given; i++) { /* void */ }

    is_int(i, 12, "are given when the first have ended");
    end("due");
}


/* the store's clock is behind: what is due here is not due there */

static void
test_behind(void)
{
    static ngx_msec_t  shifts[] = { 1, 19, 500, 5000, 60000 };
    ngx_uint_t         i, attempts;

    for (i = 0; i < 5; i++) {
        for (attempts = 0; attempts < 2; attempts++) {
            begin();
            behind = shifts[i];
            put(attempts);

            pass(behind - 1);
            ok(asked <= 2 + (behind / 20), "a clock %d ms behind: asked %d "
               "times", (int) behind, (int) asked);
            is_int(started + started_again, 0, "it gave nothing");

            pass(30);
            is_int(started, 1, "it is had when it is due there");
            is_int(ngx_er_dispatcher.lanes[0].asked, 0, "nothing is asked");
            end("behind");
        }
    }

    /* and one that is ahead gives it early, no more */

    begin();
    behind = -5000;
    put(0);
    pass(5);
    is_int(started, 1, "a clock that is ahead");
    pass(5000);
    is_int(asked, 1, "is asked once");
    end("ahead");
}


/* it says that something is due and never gives it */

static void
test_withheld(void)
{
    begin();
    put(0);
    entries[0].due = ngx_current_msec;
    behind = 100000;
    pass(10000);
    ok(asked > 100 && asked < 510, "asked %d times in ten seconds",
       (int) asked);
    end("withheld");
}


static void
test_fails(void)
{
    begin();
    rc = NGX_ERROR;
    put(0);
    put(1);
    pass(10500);
    ok(asked >= 10 && asked <= 22, "a store that is away: asked %d times in "
       "ten seconds", (int) asked);
    is_int(lane_places, 8, "all places of the target are free");
    is_int(taken, 0, "and the worker's");
    is_int(reserved, 0, "and the memory");

    rc = NGX_OK;
    pass(1010);
    is_int(started, 2, "it is back: delivered");
    is_int(started_again, 1, "each in its class");
    end("fails");

    begin();
    memory = 0;
    put(0);
    pass(10500);
    ok(failed_ops >= 10 && failed_ops <= 22, "no memory to ask: tried %d "
       "times in ten seconds", (int) failed_ops);
    is_int(lane_places, 8, "all places of the target are free");
    is_int(taken, 0, "and the worker's");
    memory = 1;
    pass(1010);
    is_int(started, 1, "there is memory: delivered");
    end("no memory");
}


/* the worker has fewer places than the target, or none */

static void
test_starved(void)
{
    ngx_uint_t  i;

    for (i = 0; i < 6; i++) {
        begin();
        places = i;
        put(0);
        put(0);
        put(1);
        put(1);
        pass(1500);
        is_int(taken, ngx_min(i, 4), "%d places", (int) i);
        is_int(started, ngx_min(i, 4), "are used");
        is_int(lane_places, 8 - taken, "the target's others are free");

        while (taken) {
            started--;

            if (again_taken) {
                started_again--;
                ended(1);

            } else {
                ended(0);
            }

            if (i == 1) {
                pass(2);
            }

            if (started == 0 && i) {
                break;
            }
        }

        pass(10);

        end("starved");
    }

    /* another lane had the worker's only place */

    begin();
    places = 0;
    put(0);
    pass(5);
    is_int(started, 0, "no place in the worker");
    places = 1;
    ngx_er_dispatch_freed(&target[1]);
    pass(2);
    is_int(started, 1, "it is free: other lanes are looked at, too");
    end("another lane's");
}


/* no memory for records */

static void
test_room(void)
{
    ngx_uint_t  i;

    begin();
    room = 0;
    put(0);
    pass(3000);
    is_int(asked, 0, "no room for records");
    is_int(lane_places, 8, "no place is taken");
    room = 1000;
    ngx_er_dispatch_freed(&target[0]);
    pass(2);
    is_int(started, 1, "there is room");
    end("room");

    begin();
    room = 1;
    reserved = 1;
    put(0);
    pass(100);
    is_int(asked, 0, "room is held for what may not come");
    reserved = 0;
    pass(25);
    is_int(started, 1, "it did not come: soon");
    end("reserved");

    for (i = 1; i < 4; i++) {
        begin();
        room = i;
        put(0);
        ngx_er_dispatch_posted(NULL);
        is_int(reserved, (i + 1) / 2, "half of %d bytes is asked for",
               (int) i);
        is_int(under_way[0]->bytes, reserved, "no more is given");
        pass(2);
        end("half");
    }
}


/* the rate says when */

static void
test_wait(void)
{
    begin();
    lane_places = 0;
    lane_wait = 250;
    put(0);
    pass(240);
    is_int(started, 0, "the rate allows none yet");
    lane_places = 8;
    pass(15);
    is_int(started, 1, "when it does");
    end("wait");
}


/* one timer for all lanes: each is looked at when its time has come */

static void
test_lanes(void)
{
    ngx_uint_t  first;

    for (first = 0; first < 2; first++) {
        begin();
        lane_due[0].fresh = ngx_current_msec + 500;
        lane_due[1].fresh = ngx_current_msec + 200;
        ngx_er_dispatch_wake(&target[first]);
        ngx_er_dispatch_wake(&target[!first]);

        pass(198);
        is_int(asked, 0, "nothing is due yet");
        pass(5);
        is_int(asked, 1, "one is");
        is_int(lane_due[1].fresh == NGX_ER_NEVER, 1, "that one was asked for");
        pass(290);
        is_int(asked, 1, "the other one is not");
        pass(15);
        is_int(asked, 2, "until it is");
        end("lanes");
    }
}


/* what comes while the store is asked does not ask beside it */

static void
test_once(void)
{
    begin();
    put(0);
    ngx_er_dispatch_posted(NULL);
    is_int(asked, 1, "asked");
    put(0);
    put(1);
    ngx_er_dispatch_posted(NULL);
    ngx_er_dispatch_posted(NULL);
    is_int(asked, 1, "once");
    is_int(nunder_way, 1, "at a time");
    pass(5);
    is_int(started, 3, "all of them are delivered");
    end("once");
}


static void
test_exiting(void)
{
    begin();
    put(0);
    ngx_exiting = 1;
    pass(3000);
    is_int(asked, 0, "a worker that exits fetches nothing");
    end("exiting");

    begin();
    put(0);
    ngx_er_dispatch_posted(NULL);
    ngx_exiting = 1;
    pass(5);
    is_int(started, 1, "but takes what is on its way");
    end("exiting");
}


/*
 * First attempts for a target that is well are leased without places: these
 * are taken for what is in hand, when it is there.
 */

static void
test_hand(void)
{
    ngx_uint_t  i;

    begin();
    lane_due[0].room = 20;

    for (i = 0; i < 20; i++) {
        put(0);
    }

    ngx_er_dispatch_posted(NULL);
    is_int(asked, 1, "the store is asked");
    is_int(under_way[0]->fresh, 20, "for as many as there is room in hand");
    is_int(fresh_taken, 0, "and all places are free meanwhile");
    is_int(taken, 0, "the worker's, too");
    is_int(ngx_er_hand_room(&target[0], &lane_due[0]), 0, "the hand is full");
    pass(1);
    is_int(asked, 1, "it has given all");
    is_int(started, 8, "those that have places are delivered");
    is_int(ngx_er_hand_waiting(&target[0]), 12, "the others wait");

    for (i = 0; i < 12; i++) {
        started--;
        ended(0);
        turn();
        is_int(started, 8, "a place that is free is taken at once");
    }

    is_int(asked, 1, "and nothing is asked for it");
    is_int(waits, 0, "none waits");
    end("hand");

    /* no more than there is room for, and not while it is used */

    begin();
    lane_due[0].room = 5;

    for (i = 0; i < 20; i++) {
        put(0);
    }

    ngx_er_dispatch_posted(NULL);
    is_int(under_way[0]->fresh, 5, "room for five");
    answer();
    lane_due[0].room = 3;
    turn();
    is_int(nunder_way, 1, "five are delivered, and it is asked again");
    is_int(under_way[0]->fresh, 3, "for three");
    lane_due[0].room = 0;
    pass(1);
    is_int(started, 8, "all places are used");
    i = asked;
    pass(5000);
    is_int(asked, i, "then there is no room");
    end("room in hand");
}


static void
test_hand_back(void)
{
    ngx_uint_t  i;

    /* it fails */

    begin();
    lane_due[0].room = 20;
    rc = NGX_ERROR;
    put(0);
    pass(3);
    is_int(ngx_er_hands[0].coming, 0, "the store is away: nothing comes");
    rc = NGX_OK;
    pass(1010);
    is_int(started, 1, "it is back");
    end("fails for the hand");

    /* no place for long, for a short time, for nobody knows how long, and
       because the breaker opens */

    for (i = 0; i < 4; i++) {
        begin();
        lane_due[0].room = 20;
        lane_places = 0;
        lane_wait = (i == 0) ? 5000 : (i == 2) ? NGX_ER_POLICY_FULL : 50;
        put(0);
        put(0);
        pass(40);

        if (i == 3) {
            is_int(ngx_er_hand_waiting(&target[0]), 2, "in hand");
            lane_due[0].shut = 1;
            pass(60);
        }

        if (i == 0 || i == 3) {
            is_int(back, 2, "they are handed back");
            is_int(ngx_er_hand_waiting(&target[0]), 0, "none waits");

        } else {
            is_int(back, 0, "they stay in hand");
            is_int(waits, 1, "and the lane knows");
            lane_places = 8;
            pass(25);
            is_int(started, 2, "whoever gave a place back: soon");
            is_int(waits, 0, "and the lane knows, too");
        }

        end("no place");
    }
}


/* later attempts need places, and both classes are asked at once */

static void
test_hand_again(void)
{
    begin();
    lane_due[0].room = 20;
    put(0);
    put(1);
    put(1);
    ngx_er_dispatch_posted(NULL);
    is_int(again_taken, 8, "places for later attempts");
    is_int(fresh_taken, 0, "none for first ones");
    is_int(under_way[0]->fresh, 20, "which are asked for all the same");
    pass(3);
    is_int(started, 3, "all are delivered");
    is_int(started_again, 2, "each in its class");
    end("again");

    /* an only place is left to them while the store is asked */

    begin();
    target[0].policy.concurrency = 1;
    lane_places = 1;
    lane_due[0].room = 20;
    put(0);
    put(0);
    pass(1);
    is_int(started, 1, "an only place");
    is_int(ngx_er_hand_waiting(&target[0]), 1, "another one waits for it");
    lane_due[0].fresh = ngx_current_msec;
    put(1);
    ngx_er_dispatch_posted(NULL);
    is_int(nunder_way, 1, "the store is asked");
    started--;
    ended(0);
    turn();
    is_int(started, 0, "the place is kept for who failed");
    pass(30);
    is_int(started, 1, "who has it then");
    is_int(started_again, 1, "is he");
    end("only place");
}


/* a target that is not well: as many as there are places */

static void
test_hand_shut(void)
{
    ngx_uint_t  i;

    for (i = 0; i < 2; i++) {
        begin();
        lane_due[0].room = 20;
        lane_due[0].shut = (i == 0);
        places = i ? 0 : 16;
        put(0);
        ngx_er_dispatch_posted(NULL);
        is_int(fresh_taken, i ? 0 : 8, "places are taken before");
        is_int(nunder_way, i ? 0 : 1, "where there are none it is not asked");
        places = 16;
        pass(1010);
        is_int(started, 1, "it is delivered");
        end("not well");
    }
}


/* what is gathered takes no places, first and later attempts alike */

static void
test_batch(void)
{
    ngx_uint_t  i;

    begin();
    target[0].parcel = (ngx_er_parcel_conf_t *) &target[0];
    target[0].policy.concurrency = 1;
    lane_places = 1;
    lane_due[0].room = 7;

    for (i = 0; i < 10; i++) {
        put(i & 1);
    }

    pass(10);
    is_int(started, 1, "one call has the only place");
    is_int(fresh_taken + again_taken, 1, "which nobody else asks for");
    is_int(ngx_er_hand_waiting(&target[0]), 6, "the rest is gathered");

    for (i = 0; i < 10 && entries[i].given; i++) { /* void */ }

    is_int(i, 10, "of both classes");

    i = asked;
    pass(900);
    is_int(asked, i, "and the store is not asked meanwhile");

    started -= 1;
    ended(0);
    pass(2);
    is_int(started, 1, "the next call");
    is_int(ngx_er_hand_waiting(&target[0]), 2, "too few for one more");

    /* the hand is full, and later attempts are due */

    lane_due[0].room = 2;

    for (i = 0; i < 5; i++) {
        put(1);
    }

    pass(10);
    is_int(ngx_er_hand_waiting(&target[0]), 2, "no more than there is room");
    is_int(started, 1, "and no place is taken for them");

    /* a probe has a place before the store is asked */

    started -= 1;
    ended(0);
    lane_due[0].shut = 1;
    ngx_er_dispatch_wake(&target[0]);
    pass(2);
    is_int(started + started_again > 0, 1, "a probe is started");
    end("batch");
}


/* one sweep at the start, then when it is this worker's turn */

static void
test_sweep(void)
{
    begin();
    is_int(sweeps, 1, "a worker sweeps when it starts");
    pass(5000);
    is_int(sweeps, 1, "and not out of turn");
    turns = 1;
    pass(3000);
    is_int(sweeps, 4, "once a second when it is its turn");
    more = 2;
    pass(1000);
    is_int(sweeps, 7, "there is more: at once");
    rc = NGX_ERROR;
    pass(1000);
    is_int(sweeps, 8, "a store that is away");
    is_int(pending[0] + pending[1], 14, "says nothing of the targets");

    rc = NGX_OK;
    counted = 3;
    partial = 1;
    pass(1000);
    is_int(pending[0] + pending[1], 14, "nor does a part of it");
    partial = 0;
    pass(1000);
    is_int(pending[0], 0, "it has nothing for one target");
    is_int(pending[1], 3, "and three events for the other");
    asked = 0;
    turns = 0;
    counted = 0;
    pass(310);
    is_int(asked, 1, "of which one is due then");

    turns = 1;
    pass(1000);
    ngx_er_sweep();
    ngx_er_sweep();
    is_int(nunder_sweep, 1, "never two at once");
    end("sweep");

    /* in a store that several share it is a sign of life */

    begin();
    backend.pulse = 1;
    pass(20500);
    ok(sweeps >= 5 && sweeps <= 6, "%d signs of life in twenty seconds",
       (int) sweeps);
    ngx_exiting = 1;
    pass(10000);
    ok(sweeps >= 7 && sweeps <= 8, "%d until ten later, though it exits",
       (int) sweeps);
    end("pulse");

    /* the entries of a worker that died */

    begin();
    dead = 5;
    turns = 1;
    rc = NGX_ERROR;
    pass(3000);
    is_int(adopts, 3, "whose worker died are adopted, until the store could");
    rc = NGX_OK;
    pass(3000);
    is_int(adopts, 4, "be told");
    end("adopt");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    test_due();
    test_behind();
    test_withheld();
    test_fails();
    test_starved();
    test_room();
    test_wait();
    test_lanes();
    test_once();
    test_hand();
    test_hand_back();
    test_hand_again();
    test_hand_shut();
    test_batch();
    test_sweep();
    test_exiting();

    ngx_destroy_pool(pool);

    return done_testing();
}
