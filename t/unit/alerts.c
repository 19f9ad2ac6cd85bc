
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The arithmetic of alerts (observe/alerts.c) over hours of a clock that the
 * test sets: one message when it begins, one each repeat, one at the end,
 * whatever happens meanwhile; nothing is left out of the counts, and what
 * could not be told, or by nobody who lived, stays the same message.
 */


#include "tap.h"

#include "../../ngx_event_router_module/observe/alerts.c"


#define SECOND  1000
#define HOUR    3600000


ngx_module_t                   ngx_http_event_router_module;

static uint64_t                now;
static ngx_slab_pool_t         shpool;
static ngx_er_alerts_sh_t      all;
static ngx_er_alert_sh_t       sh[NGX_ER_ALERT_LAST];
static ngx_er_alert_t          row[NGX_ER_ALERT_LAST];
static ngx_er_alert_t         *rows[NGX_ER_ALERT_LAST];
static ngx_er_alerts_t         alerts;
static ngx_str_t               noun = ngx_string("erp");
static ngx_int_t               locked;

static ngx_er_alert_message_t  m;
static ngx_uint_t              begins, repeats, ends;
static uint64_t                counted, last_stamp;


uint64_t
ngx_er_queue_now(void)
{
    return now;
}


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


ngx_uint_t
ngx_er_tenants_take(ngx_er_tenants_t *tenants, ngx_er_tenancy_t *tenancy)
{
    return 0;
}


void *
ngx_er_place_alloc(ngx_er_tenants_t *tenants, ngx_slab_pool_t *pool,
    void **list, size_t size)
{
    return NULL;
}


void
ngx_er_place_link(ngx_slab_pool_t *pool, void **list, void *data)
{
}


static void
begin(void)
{
    ngx_uint_t  i;

    ngx_memzero(sh, sizeof(sh));
    ngx_memzero(row, sizeof(row));
    ngx_memzero(&all, sizeof(all));
    ngx_memzero(&alerts, sizeof(alerts));

    now = 1700000000000ULL;
    begins = repeats = ends = 0;
    counted = last_stamp = 0;

    for (i = 0; i < NGX_ER_ALERT_LAST; i++) {
        rows[i] = &row[i];
        row[i].kind = i;
        row[i].noun = &noun;
        row[i].least = 1;
        row[i].hash = 1000 + i;
        row[i].alerts = &alerts;
        row[i].sh = &sh[i];
        sh[i].due = NGX_ER_ALERT_NEVER;
        sh[i].heard = now;
    }

    alerts.repeat = HOUR;
    alerts.rows.elts = rows;
    alerts.rows.nelts = NGX_ER_ALERT_LAST;
    alerts.lost = &row[NGX_ER_ALERT_LOST];
    alerts.shpool = &shpool;
    alerts.sh = &all;
}


/* tells what is due, as a worker that lives and whose target works */

static ngx_uint_t
tells(void)
{
    ngx_uint_t       n;
    ngx_er_alert_t  *alert;

    for (n = 0; (alert = ngx_er_alerts_next(&alerts, 12 * SECOND, &m)); n++) {
        begins += (m.phase == NGX_ER_ALERT_BEGIN);
        repeats += (m.phase == NGX_ER_ALERT_REPEAT);
        ends += (m.phase == NGX_ER_ALERT_END);
        counted += m.count;

        if (m.stamp <= last_stamp) {
            ok(0, "two messages with one stamp");
        }

        last_stamp = m.stamp;
        ngx_er_alert_told(alert, m.stamp, 1);
    }

    return n;
}


static void
sum(ngx_uint_t b, ngx_uint_t r, ngx_uint_t e, const char *name)
{
    is_int(begins, b, "%s: begins", name);
    is_int(repeats, r, "%s: repetitions", name);
    is_int(ends, e, "%s: ends", name);
}


static void
floods(void)
{
    ngx_uint_t  i;

    begin();

    /* 10,000 within a minute, then 10 a minute for five hours, then none */

    for (i = 0; i < 10000; i++) {
        ngx_er_alert(&row[NGX_ER_ALERT_DEAD], i + 1, "final", 422);
        now += 6;
        tells();
    }

    sum(1, 0, 0, "10,000 within a minute");
    is_int(counted, 1, "the first one at once");

    for (i = 0; i < 3000; i++) {
        ngx_er_alert(&row[NGX_ER_ALERT_DEAD], i + 1, "final", 422);
        now += 6 * SECOND;
        tells();
    }

    sum(1, 5, 0, "five hours more");

    for (i = 0; i < 3 * 60; i++) {
        now += 60 * SECOND;
        tells();
    }

    is_int(begins, 1, "at last: began once");
    is_int(ends, 1, "at last: ended once");
    is_int(repeats >= 5 && repeats <= 6, 1, "at last: one each hour");
    is_int(counted, 13000, "each was counted");
    is_int(m.total, 13000, "and all of them are told at the end");
    is_int(tells(), 0, "then it is quiet");

    /* so it is for what begins only when there is more of it */

    begin();
    row[NGX_ER_ALERT_REFUSED].least = 10;

    for (i = 0; i < 1000; i++) {
        ngx_er_alert(&row[NGX_ER_ALERT_REFUSED], 0, "bad", 401);
        now += 7 * SECOND;
        tells();
    }

    sum(0, 0, 0, "nine a minute");

    for (i = 0; i < 10; i++) {
        ngx_er_alert(&row[NGX_ER_ALERT_REFUSED], 0, "bad", 401);
    }

    tells();
    sum(1, 0, 0, "ten at once");

    for (i = 0; i < 9; i++) {
        now += 6 * 60 * SECOND;
        ngx_er_alert(&row[NGX_ER_ALERT_REFUSED], 0, "bad", 401);
    }

    now += HOUR;
    tells();
    sum(1, 0, 1, "nine an hour are none");
}


static void
flaps(void)
{
    ngx_uint_t       i;
    ngx_er_alert_t  *breaker;

    breaker = &row[NGX_ER_ALERT_BREAKER];

    begin();
    ngx_er_alert_set(breaker, 1, 7, NULL, 0);
    is_int(tells(), 1, "a breaker: it opens");
    ngx_er_alert_set(breaker, 1, 7, NULL, 0);
    is_int(tells(), 0, "a breaker: it is open already");
    now += HOUR;
    is_int(tells(), 1, "a breaker: it is still open");
    ngx_er_alert_set(breaker, 0, 0, NULL, 0);
    is_int(tells(), 1, "a breaker: it closes");
    ngx_er_alert_set(breaker, 0, 0, NULL, 0);
    is_int(tells(), 0, "a breaker: it is closed already");
    sum(1, 1, 1, "a breaker");

    /* every second for three hours */

    begin();

    for (i = 0; i < 3 * 3600; i++) {
        ngx_er_alert_set(breaker, !(i & 1), 7, NULL, 0);
        now += SECOND;
        tells();
    }

    is_int(begins <= 4 && ends <= 4 && repeats <= 3, 1,
           "it comes and goes: %lu, %lu and %lu messages", begins, repeats,
           ends);
    is_int(begins >= 3, 1, "it comes and goes: the first times are told");

    now += 3 * HOUR;
    tells();
    now += 3 * HOUR;
    tells();
    is_int(begins, ends, "it comes and goes: what began has ended");
    is_int(counted, 5400, "it comes and goes: each time was counted");

    /* it is over before anybody could be told */

    begin();
    ngx_er_alert_set(breaker, 1, 7, NULL, 0);
    ngx_er_alert_set(breaker, 0, 0, NULL, 0);
    is_int(tells(), 2, "short: both are told");
    sum(1, 0, 1, "short");

    /* a store that is full counts, and is not full any more at once */

    begin();

    for (i = 0; i < 100; i++) {
        ngx_er_alert_set(&row[NGX_ER_ALERT_FULL], 1, 0, NULL, 0);
        now += SECOND;
        tells();
    }

    ngx_er_alert_set(&row[NGX_ER_ALERT_FULL], 0, 0, NULL, 0);
    tells();
    sum(1, 0, 1, "full");
    is_int(counted, 100, "full: how often");
}


static void
fails(void)
{
    uint64_t                 stamp;
    ngx_uint_t               i, n;
    ngx_er_alert_t          *alert;
    ngx_er_alert_message_t   first;

    /* nobody takes it for a day, while more of it happens */

    begin();
    ngx_er_alert(&row[NGX_ER_ALERT_DEAD], 1, "final", 422);
    ngx_memzero(&first, sizeof(first));
    n = 0;

    for (i = 0; i < 24 * 3600 * 4; i++) {
        alert = ngx_er_alerts_next(&alerts, 12 * SECOND, &m);

        if (alert) {
            if (n++ == 0) {
                first = m;
            }

            if (ngx_memcmp(&first, &m, sizeof(m)) != 0) {
                ok(0, "the message has changed");
            }

            ngx_er_alert_told(alert, m.stamp, 0);
            ngx_er_alert(&row[NGX_ER_ALERT_DEAD], 2, "exhausted", 503);
        }

        now += 250;
    }

    is_int(n >= 1000 && n <= 1500, 1, "in vain: once a minute, %lu", n);
    now += HOUR;
    tells();
    is_int(begins, 1, "in vain: then it is told");
    is_int(counted, 1, "in vain: as it was");
    now += HOUR;
    tells();
    is_int(repeats, 1, "in vain: and what came since");
    is_int(counted, n + 1, "in vain: all of it");

    /* who was to tell it has died, and comes back too late */

    begin();
    ngx_er_alert(&row[NGX_ER_ALERT_DEAD], 1, "final", 422);
    alert = ngx_er_alerts_next(&alerts, 12 * SECOND, &m);
    stamp = m.stamp;
    is_int(ngx_er_alerts_next(&alerts, 12 * SECOND, &m) == NULL, 1,
           "dead: it is one worker's");
    now += 11 * SECOND;
    is_int(ngx_er_alerts_next(&alerts, 12 * SECOND, &m) == NULL, 1,
           "dead: as long as it may take");
    now += SECOND;
    is_int(ngx_er_alerts_next(&alerts, 12 * SECOND, &m) == alert, 1,
           "dead: then another one's");
    is_int(m.stamp, stamp, "dead: the same message");
    ngx_er_alert_told(alert, stamp, 1);
    ngx_er_alert_told(alert, stamp, 1);
    ngx_er_alert_told(alert, stamp, 0);
    is_int(tells(), 0, "dead: told once");
    now += HOUR;
    tells();
    sum(0, 0, 1, "dead: and ended once");
}


static void
starts(void)
{
    ngx_er_alert_kept_t  kept, other;

    begin();
    ngx_er_alert_set(&row[NGX_ER_ALERT_PAUSED], 1, 0, NULL, 0);
    tells();
    is_int(ngx_er_alert_keep(&row[NGX_ER_ALERT_PAUSED], &kept), 1,
           "start: what goes on is kept");
    is_int(ngx_er_alert_keep(&row[NGX_ER_ALERT_DEAD], &other), 0,
           "start: what is not so is not");

    /* nothing is told before it is known, unless that takes long */

    begin();
    all.begun = now;
    ngx_er_alert_set(&row[NGX_ER_ALERT_PAUSED], 1, 0, NULL, 0);
    is_int(tells(), 0, "start: not yet");
    ngx_er_alerts_recall(&alerts, &kept);
    ngx_er_alerts_known(&alerts);
    is_int(tells(), 0, "start: it was told before");
    now += HOUR;
    is_int(tells(), 1, "start: it goes on");
    sum(0, 1, 0, "start");
    ngx_er_alert_set(&row[NGX_ER_ALERT_PAUSED], 0, 0, NULL, 0);
    tells();
    sum(0, 1, 1, "start: and ends");

    begin();
    ngx_er_alerts_recall(&alerts, &kept);
    now += 59 * SECOND;
    is_int(tells(), 0, "start: it may be so still");
    now += SECOND;
    tells();
    sum(0, 0, 1, "start: it is no more");

    begin();
    all.begun = now;
    ngx_er_alert_set(&row[NGX_ER_ALERT_LOST], 1, 0, NULL, 0);
    now += 9 * SECOND;
    is_int(tells(), 0, "start: the store does not answer");
    now += SECOND;
    is_int(tells(), 1, "start: so it is told");

    kept.hash = 77;
    ngx_er_alerts_recall(&alerts, &kept);
    is_int(tells(), 0, "start: of a target that is no more");
}


static void
stores(void)
{
    ngx_uint_t  i;

    begin();
    ngx_er_alerts_store(&alerts, 1, 1);
    now += 750;
    ngx_er_alerts_store(&alerts, 1, 0);
    is_int(tells(), 0, "store: for a moment");
    now += 10 * SECOND;
    ngx_er_alerts_store(&alerts, 1, 0);
    is_int(tells(), 0, "store: long ago does not count");

    for (i = 0; i < 8; i++) {
        now += 250;
        ngx_er_alerts_store(&alerts, 1, i & 1);
    }

    tells();
    sum(1, 0, 0, "store: a part of it is away");
    now += SECOND;
    ngx_er_alerts_store(&alerts, 0, 1);
    is_int(tells(), 0, "store: it answered once");
    now += SECOND;
    ngx_er_alerts_store(&alerts, 0, 1);
    tells();
    sum(1, 0, 1, "store: it is back");

    is_int(locked, 0, "no lock is left");
}


static void
whys(void)
{
    char        why[400];
    ngx_uint_t  i;

    begin();
    ngx_er_alert(&row[NGX_ER_ALERT_DEAD], 1, "a \"b\" \\ <c>&\n\x7f\xc3\xa4",
                 0);
    tells();
    is_int(m.len, 16, "reason: its length");
    is_int(ngx_memcmp(m.why, "a 'b' ' 'c''\?\?\?\?", 16), 0,
           "reason: nothing that JSON or a chat would read");

    for (i = 0; i < sizeof(why) - 1; i++) {
        why[i] = 'x';
    }

    why[i] = '\0';

    begin();
    ngx_er_alert(&row[NGX_ER_ALERT_DEAD], 1, why, 0);
    tells();
    is_int(m.len, NGX_ER_ALERT_WHY, "reason: it is cut");
}


/* one worker tells it, and what two of them say of it counts once */

static void
workers(void)
{
    uint64_t             stamp;
    ngx_er_alert_t      *alert;
    ngx_er_alert_kept_t  kept;

    begin();
    ngx_er_alert(&row[NGX_ER_ALERT_DEAD], 1, "x", 0);

    alert = ngx_er_alerts_next(&alerts, 12 * SECOND, &m);
    ok(alert == &row[NGX_ER_ALERT_DEAD], "a worker tells it");
    stamp = m.stamp;
    ok(ngx_er_alerts_next(&alerts, 12 * SECOND, &m) == NULL,
       "and no other one");

    sh[NGX_ER_ALERT_DEAD].due = now;
    all.due = now;
    ok(ngx_er_alerts_next(&alerts, 12 * SECOND, &m) == NULL,
       "also if it is looked at again");

    now += 12 * SECOND;
    ok(ngx_er_alerts_next(&alerts, 12 * SECOND, &m) == alert,
       "it was not told in time: another one does it");
    is_int(m.stamp, stamp, "the same message");

    ngx_er_alert_told(alert, stamp, 1);
    is_int(ngx_er_alert_keep(alert, &kept), 1, "told");
    is_int(kept.stamp, stamp, "with its stamp");

    ngx_er_alert_told(alert, stamp, 1);
    is_int(ngx_er_alert_keep(alert, &kept), 1, "the first one comes late");
    is_int(kept.stamp, stamp, "which changes nothing");
}


int
main(void)
{
    floods();
    flaps();
    fails();
    starts();
    stores();
    whys();
    workers();

    return done_testing();
}
