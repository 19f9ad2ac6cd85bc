
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The arithmetic of lanes (deliver/lane.c): places are counted for the target
 * and for the worker and come back on each way; what is due is never later
 * than the truth; a target that is held gets nothing; several nginx have a
 * part each.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/lane.c"
#include "../../ngx_event_router_module/base/tenants.c"


#define NOW  1700000000000ULL


ngx_int_t                        ngx_process_slot;
ngx_pid_t                        ngx_pid, ngx_parent;
ngx_module_t                     ngx_http_event_router_module;

static ngx_er_lane_sh_t          sh;
static ngx_er_lanes_sh_t         lanes;
static ngx_slab_pool_t           shpool;
static ngx_er_lane_t             lane;
static ngx_er_target_t           target;
static ngx_er_target_t          *targets[1] = { &target };
static ngx_er_queue_t            queue;
static ngx_er_main_conf_t        mcf;
static ngx_http_core_loc_conf_t  location;
static ngx_log_t                 quiet;
static ngx_int_t                 locked;
static ngx_str_t                 nobody;
static ngx_str_t                 somebody = ngx_string("ops");


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    locked++;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    locked--;
}


/* the zone is there */

ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    return NULL;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    return NULL;
}


void *
ngx_slab_calloc_locked(ngx_slab_pool_t *pool, size_t size)
{
    return NULL;
}


void
ngx_slab_free_locked(ngx_slab_pool_t *pool, void *p)
{
}


static void
begin(void)
{
    ngx_memzero(&sh, sizeof(sh));
    ngx_memzero(&lanes, sizeof(lanes));
    ngx_memzero(&target, sizeof(target));

    lanes.lanes = &sh;
    shpool.data = &lanes;
    mcf.queue = &queue;
    mcf.targets.elts = targets;
    mcf.targets.nelts = 1;
    lane.sh = &sh;
    lane.shpool = &shpool;
    location.error_log = &quiet;
    target.lane = &lane;
    target.location = &location;

    ngx_er_policy_default(&target.policy);

    target.policy.concurrency = 4;
    sh.fresh = NGX_ER_NEVER;
    sh.again = NGX_ER_NEVER;
    ngx_er_lane_column = 3;
}


static void
take(ngx_uint_t fresh, ngx_uint_t again, ngx_uint_t want_fresh,
    ngx_uint_t want_again, const char *name)
{
    uint64_t  wait;

    ngx_er_lane_take(&target, NOW, &fresh, &again, &wait);

    is_int(fresh, want_fresh, "%s: first attempts", name);
    is_int(again, want_again, "%s: later ones", name);
}


/* as many in flight for the target as this worker has */

static void
flight(ngx_uint_t fresh, ngx_uint_t again, const char *name)
{
    is_int(sh.policy.fresh, fresh, "%s: %d first ones", name, (int) fresh);
    is_int(sh.policy.again, again, "%s: %d later ones", name, (int) again);
    is_int(sh.places[3].fresh, fresh, "%s: of this worker", name);
    is_int(sh.places[3].again, again, "%s: of this worker, later", name);
    is_int(sh.places[0].fresh + sh.places[0].again, 0, "%s: nobody else's",
           name);
    is_int(locked, 0, "%s: the lock is open", name);
}


static void
test_places(void)
{
    ngx_uint_t  i;

    begin();
    take(9, 9, 2, 2, "half and half");
    flight(2, 2, "taken");
    take(9, 9, 0, 0, "there are no more");

    ngx_er_lane_untake(&target, 1, 1);
    flight(1, 1, "one of each given back");
    ngx_er_lane_untake(&target, 0, 0);
    flight(1, 1, "nothing given back");

    ngx_er_lane_end(&target, NOW, 0, 1, NGX_ER_EVIDENCE_GOOD, -1, 0);
    flight(0, 1, "a first one ended");
    ngx_er_lane_end(&target, NOW, 1, 2, NGX_ER_EVIDENCE_BAD, -1, 0);
    flight(0, 0, "a later one ended");

    for (i = 0; i < 50; i++) {
        begin();
        sh.again = NOW;
        take(1, 1, 1, 1, "again and again");
        ngx_er_lane_untake(&target, 1, 0);
        ngx_er_lane_end(&target, NOW, 1, i + 1, NGX_ER_EVIDENCE_GOOD, -1, 0);
        flight(0, 0, "again and again");
    }

    /* later ones that are due have their half though nobody asks for them */

    begin();
    sh.again = NOW;
    take(9, 0, 2, 0, "later ones are due");
    begin();
    sh.again = NOW + 1;
    sh.fresh = NOW;
    take(9, 0, 4, 0, "later ones are not due yet");
}


static void
test_due(void)
{
    ngx_er_lane_due_t  due;

    begin();
    ngx_er_lane_put(&target, 0, NOW + 5);
    ngx_er_lane_put(&target, 1, NOW + 7);
    ngx_er_lane_put(&target, 0, NOW + 9);
    ngx_er_lane_due(&target, NOW, &due);
    ok(due.fresh == NOW + 5 && due.again == NOW + 7, "the earliest counts");

    ngx_er_lane_seen(&target, &due, NOW + 20, NGX_ER_NEVER);
    ngx_er_lane_due(&target, NOW, &due);
    ok(due.fresh == NOW + 20 && due.again == NGX_ER_NEVER,
       "what the store said counts");

    /* between the question and its answer something was put in */

    ngx_er_lane_put(&target, 1, NOW + 3);
    ngx_er_lane_put(&target, 0, NOW + 4);
    ngx_er_lane_seen(&target, &due, NGX_ER_NEVER, NGX_ER_NEVER);
    ngx_er_lane_due(&target, NOW, &due);
    ok(due.fresh == NOW + 4 && due.again == NOW + 3,
       "what was put in meanwhile is not forgotten");

    due.version--;
    ngx_er_lane_seen(&target, &due, NOW + 1, NOW + 2);
    ngx_er_lane_due(&target, NOW, &due);
    ok(due.fresh == NOW + 1 && due.again == NOW + 2,
       "an earlier one is always believed");

    is_int(locked, 0, "due: the lock is open");
}


static void
test_hold(void)
{
    uint64_t  wait;

    ngx_uint_t         fresh, again;
    ngx_er_lane_due_t  due;

    begin();
    sh.policy.pause = NOW + 1000;
    ngx_er_lane_hold(&target, 1, NOW, &nobody);

    fresh = 1;
    again = 1;
    ngx_er_lane_take(&target, NOW + 2000, &fresh, &again, &wait);
    ok(fresh == 0 && again == 0, "held: nothing is given");
    ok(wait == NGX_ER_POLICY_FULL, "and nobody is to come again by itself");
    flight(0, 0, "held");
    ok(sh.policy.pause == NOW + 1000, "holding ends no pause");

    is_int(ngx_er_lane_probe(&target, NOW), 0, "held: no probe");
    ngx_er_lane_due(&target, NOW, &due);
    is_int(due.early, 0, "and none later");

    ngx_er_lane_hold(&target, 0, NOW, &nobody);
    ok(sh.policy.pause == 0, "who lets it go ends the target's pause");

    is_int(ngx_er_lane_probe(&target, NOW), 1, "a probe");
    ngx_er_lane_due(&target, NOW, &due);
    is_int(due.early, 1, "is asked for");
    is_int(ngx_er_lane_pick(&target), NGX_ER_QUEUE_PICK_EARLY, "and taken");
    is_int(ngx_er_lane_pick(&target), NGX_ER_QUEUE_PICK_DUE, "once");

    sh.policy.breaker = NGX_ER_BREAKER_HALF_OPEN;
    is_int(ngx_er_lane_pick(&target), NGX_ER_QUEUE_PICK_LEAST,
           "half open: who failed least");

    is_int(locked, 0, "held: the lock is open");
}


static void
test_nodes(void)
{
    begin();
    target.policy.rate = 3600;
    target.policy.burst = 4;
    lanes.nodes = 2;
    take(9, 0, 2, 0, "two nginx");

    begin();
    lanes.nodes = 9;
    take(9, 0, 1, 0, "more nginx than places: one each");

    begin();
    target.policy.rate = 4 * 3600000;
    target.policy.burst = 4;
    target.policy.concurrency = 4000;
    lanes.nodes = 4;
    take(1, 0, 1, 0, "a fourth of the rate");

    sh.policy.tokens = 0;
    sh.policy.tokens_at = NOW - 100;
    target.policy.burst = 4000;
    take(400, 0, 100, 0, "a fourth of the rate, for 100 ms");

    begin();
    target.policy.rate = 1;
    lanes.nodes = 4;
    take(1, 0, 1, 0, "and a rate of one is never zero");
}


/* what others say of a pause counts, unless it is older than our own act */

static void
test_heard(void)
{
    ngx_uint_t  act, untold, paused;

    begin();

    act = ngx_er_lane_hold(&target, 1, NOW, &somebody);
    ok(sh.since == NOW && sh.len_by == 3 && ngx_memcmp(sh.by, "ops", 3) == 0,
       "since when and by whom");
    is_int(ngx_er_lane_heard(&target, act, 0), 0,
           "the store does not know of our act yet");
    is_int(ngx_er_lane_acts(&target, &untold, &paused), act, "it is the last");
    ok(untold && paused, "not told, and paused");

    ngx_er_lane_told(&target, act - 1);
    (void) ngx_er_lane_acts(&target, &untold, &paused);
    ok(untold, "an older act was told");

    ngx_er_lane_told(&target, act);
    (void) ngx_er_lane_acts(&target, &untold, &paused);
    ok(!untold && paused, "told, and paused");

    is_int(ngx_er_lane_heard(&target, act - 1, 0), 0, "heard before it");
    is_int(ngx_er_lane_heard(&target, act, 1), 0, "heard, but no news");
    is_int(ngx_er_lane_heard(&target, act, 0), 1, "somebody let it go");
    (void) ngx_er_lane_acts(&target, &untold, &paused);
    ok(!paused, "it runs");
    is_int(ngx_er_lane_heard(&target, act, 1), 1, "somebody paused it again");
    ok(sh.since == 0, "and when that was is not known");
    is_int(locked, 0, "heard: the lock is open");
}


/* who answers 429 is left alone, however often */

static void
test_pause(void)
{
    begin();
    take(2, 0, 2, 0, "two");
    ngx_er_lane_end(&target, NOW, 0, 1, NGX_ER_EVIDENCE_PAUSE, 60, 0);
    ngx_er_lane_end(&target, NOW, 0, 2, NGX_ER_EVIDENCE_PAUSE, 5, 0);
    flight(0, 0, "two that were turned away");
    ok(sh.policy.pause == NOW + 60000, "the longest pause counts");
    take(1, 1, 0, 0, "paused");
}


/* a worker that has no place gets some though another one is never without */

static void
test_share(void)
{
    ngx_er_lane_due_t  due;

    begin();
    take(9, 0, 4, 0, "a worker that is alone has all");
    ngx_er_lane_wait(&target, 1);
    ngx_er_lane_end(&target, NOW, 0, 1, NGX_ER_EVIDENCE_GOOD, -1, 0);
    take(1, 0, 1, 0, "and keeps them, though it waits for more");

    ngx_er_lane_column = 5;
    take(2, 0, 0, 0, "another one finds none");
    ngx_er_lane_wait(&target, 1);
    ngx_er_lane_wait(&target, 1);
    is_int(sh.waiters, 2, "both wait");

    ngx_er_lane_column = 3;
    ngx_er_lane_end(&target, NOW, 0, 1, NGX_ER_EVIDENCE_GOOD, -1, 0);
    take(4, 0, 0, 0, "the first has more than half");
    ngx_er_lane_end(&target, NOW, 0, 1, NGX_ER_EVIDENCE_GOOD, -1, 0);
    take(4, 0, 0, 0, "has half");

    ngx_er_lane_column = 5;
    take(4, 0, 2, 0, "the other half is the other one's");
    ngx_er_lane_wait(&target, 0);

    ngx_er_lane_column = 3;
    ngx_er_lane_end(&target, NOW, 0, 1, NGX_ER_EVIDENCE_GOOD, -1, 0);
    take(4, 0, 1, 0, "which has enough: whatever is free");

    ngx_er_lane_column = 5;
    ngx_er_lane_wait(&target, 1);
    ngx_er_lane_lose(&lanes, 5);
    is_int(sh.waiters, 1, "it died: it waits no more");

    ngx_er_lane_column = 3;
    take(4, 0, 2, 0, "its places are free");
    ngx_er_lane_wait(&target, 0);
    is_int(sh.waiters, 0, "nobody waits");

    begin();
    ngx_er_lane_due(&target, NOW, &due);
    is_int(due.room, 4, "room in hand");
    ngx_er_lane_hold(&target, 1, NOW, &nobody);
    ngx_er_lane_due(&target, NOW, &due);
    is_int(due.room, 0, "none of a target that is paused");
    ngx_er_lane_hold(&target, 0, NOW, &nobody);
    ngx_er_lane_column = NGX_ER_LANE_WORKERS;
    ngx_er_lane_due(&target, NOW, &due);
    is_int(due.room, 0, "nor in a worker without places");
    ngx_er_lane_wait(&target, 1);
    is_int(sh.waiters, 0, "which waits for none");
}


static void
waits(ngx_uint_t column, ngx_uint_t n)
{
    ngx_uint_t  own;

    own = ngx_er_lane_column;
    ngx_er_lane_column = column;
    ngx_er_lane_wait(&target, n);
    ngx_er_lane_column = own;
}


static void
ended(uint64_t now, ngx_uint_t again, ngx_msec_t ms)
{
    (void) ngx_er_lane_end(&target, now, again, 1, NGX_ER_EVIDENCE_NONE, -1,
                           ms);
}


/* this worker has later attempts only: how many have places */

static ngx_uint_t
left(uint64_t now, uint64_t *wait)
{
    ngx_uint_t  fresh, again;

    fresh = 0;
    again = 9;
    ngx_er_lane_take(&target, now, &fresh, &again, wait);

    return again;
}


/*
 * First attempts wait in the hand of one worker, and another one has later
 * attempts only: these have half of the places, and of an only place half of
 * the time.
 */

static void
test_leave(void)
{
    uint64_t    wait;
    ngx_uint_t  fresh, again;

    begin();
    take(0, 9, 0, 4, "nobody waits: later ones have all");

    begin();
    waits(5, 1);
    take(0, 9, 0, 2, "another one waits: they have half");
    ended(NOW, 1, 5000);
    take(0, 9, 0, 1, "and keep it");
    is_int(left(NOW, &wait), 0, "not more");
    ok(wait < 100, "but ask soon, for it may wait no more");
    waits(5, 0);
    take(0, 9, 0, 2, "it waits no more");

    /* its own first ones are nobody else's */

    begin();
    waits(3, 1);
    take(0, 9, 0, 4, "it waits itself");

    begin();
    waits(5, 1);
    take(3, 9, 2, 2, "its own first ones have their half as ever");

    /* one place: what a later attempt has had is the others' then */

    begin();
    target.policy.concurrency = 1;
    waits(5, 1);
    take(0, 9, 0, 1, "an only place");
    ended(NOW + 400, 1, 400);
    is_int(left(NOW + 400, &wait), 0, "it has had 400 ms");
    ok(wait < 100, "and asks again soon");
    is_int(left(NOW + 799, &wait), 0, "for as long it is left");
    is_int(left(NOW + 800, &wait), 1, "but not longer");
    ended(NOW + 800, 1, 1);
    is_int(left(NOW + 830, &wait), 0, "who waits has the time to look");
    is_int(left(NOW + 900, &wait), 1, "and no more than that");
    ended(NOW + 1300, 1, 400);
    waits(5, 0);
    is_int(left(NOW + 1300, &wait), 1, "nobody waits");
    ended(NOW + 1700, 1, 400);
    waits(5, 1);

    fresh = 1;
    again = 9;
    ngx_er_lane_take(&target, NOW + 1700, &fresh, &again, &wait);
    ok(fresh == 1 && again == 0, "its own first one is as good");
    ngx_er_lane_untake(&target, 1, 0);

    /* a probe is a probe */

    begin();
    waits(5, 1);
    sh.policy.breaker = NGX_ER_BREAKER_HALF_OPEN;
    sh.policy.debt = NOW + 400;
    take(0, 9, 0, 1, "a probe");

    is_int(locked, 0, "the lock is open");
}


/* whoever takes the slot of a worker knows that it died */

static void
test_workers(void)
{
    ngx_er_main_conf_t  none;

    begin();
    ngx_pid = getpid();
    ngx_parent = 7;
    ngx_process_slot = 2;
    queue.holder = 11;

    ngx_er_lanes_init_worker((ngx_cycle_t *) ngx_cycle, &mcf);
    is_int(ngx_er_lane_column, 0, "the first column");
    take(2, 1, 2, 1, "of a worker");
    is_int(ngx_er_lanes_dead(&mcf, 0), 0, "that is alive");
    ngx_er_lanes_reclaim(&mcf);
    is_int(sh.policy.fresh, 2, "its places are its own");

    ngx_process_slot = 3;
    queue.holder = 12;
    ngx_er_lanes_init_worker((ngx_cycle_t *) ngx_cycle, &mcf);
    is_int(ngx_er_lane_column, 1, "another one beside it");
    take(2, 0, 1, 0, "has what is left");
    ngx_er_lanes_exit_worker(&mcf);
    is_int(sh.policy.fresh, 2, "and gives it back when it exits");
    is_int(ngx_er_lanes_dead(&mcf, 0), 0, "nothing of it is left");

    ngx_process_slot = 2;
    queue.holder = 13;
    ngx_er_lanes_init_worker((ngx_cycle_t *) ngx_cycle, &mcf);
    is_int(ngx_er_lane_column, 1, "one in the slot of the first");
    is_int(sh.policy.fresh + sh.policy.again, 0, "whose places are free");
    is_int(ngx_er_lanes_dead(&mcf, 0), 11, "and whose entries are adopted");
    is_int(ngx_er_lanes_dead(&mcf, 11), 0, "it alone died");
    ngx_er_lanes_forget(&mcf, 11);
    is_int(ngx_er_lanes_dead(&mcf, 0), 0, "once");

    ngx_memzero(&none, sizeof(none));
    is_int(ngx_er_lanes_dead(&none, 0), 0, "without targets there is nobody");
    is_int(ngx_er_lanes_turn(&none, NOW, 1000), 1, "and always a turn");
    is_int(ngx_er_lanes_turn(&mcf, NOW, 1000), 1, "else it is somebody's");
    is_int(ngx_er_lanes_turn(&mcf, NOW + 999, 1000), 0, "for a second");
    is_int(ngx_er_lanes_turn(&mcf, NOW + 1000, 1000), 1, "then the next");
    is_int(ngx_er_lanes_turn(&mcf, NOW - 5000, 1000), 1, "by any clock");
}


int
main(void)
{
    test_places();
    test_due();
    test_hold();
    test_heard();
    test_nodes();
    test_pause();
    test_share();
    test_leave();
    test_workers();

    is_int(locked, 0, "no lock is left");

    return done_testing();
}
