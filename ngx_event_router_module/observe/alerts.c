
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The state of alerts, in shared memory: what happens is counted here, and
 * what is to be told of it is given to the worker that asks (alert_turn.c).
 *
 *     QUIET - BEGINS (to be told) - TOLD (told again each "repeat") - QUIET
 *
 * There are two sorts.  What happens (a dead letter, a bad signature) begins
 * when it happened often enough within a minute, and is over when it did not
 * for a whole "repeat".  What is so (a breaker is open) is over when it is so
 * no more, which is told at once; if it comes and goes more than three times
 * within "repeat", only how often is told.  So of each alert no more than a
 * few messages are made within "repeat", whatever happens.
 *
 * A message is made when it is due and stays as it is until somebody could
 * tell it, while what happens meanwhile is counted for the next one.  The
 * worker that tells it has it for a while: if it dies, another one gets the
 * same message, with the same stamp, of which the event's id is made.
 *
 * The zone survives reload.  "due" of all is never later than that of one, so
 * whoever asks in vain costs one look at memory.  Nothing fails but for want
 * of shared memory at the start.
 */


#include "alerts.h"
#include "../store/queue.h"


#define NGX_ER_ALERTS_ZONE   262144    /* bytes, doubled until all fit */
#define NGX_ER_ALERT_WINDOW   60000    /* ms, for "least" */
#define NGX_ER_ALERT_FLAPS    3
#define NGX_ER_ALERT_AGAIN    2000     /* ms, before one is told once more that
                                          could not be; doubled up to: */
#define NGX_ER_ALERT_PATIENT  60000

#define NGX_ER_ALERT_UNKNOWN  10000    /* ms, for what was told before */
#define NGX_ER_ALERT_GRACE    60000    /* ms, to know what is so still */

#define NGX_ER_ALERT_LOSES     1000    /* ms that the store fails */
#define NGX_ER_ALERT_RECOVERS  2000    /* ms that it does not */


typedef enum {
    NGX_ER_ALERT_QUIET = 0,
    NGX_ER_ALERT_BEGINS,
    NGX_ER_ALERT_TOLD
} ngx_er_alert_state_e;


struct ngx_er_alert_sh_s {
    ngx_er_place_t           place;
    uint64_t                 hash;
    ngx_er_alert_state_e     state;
    ngx_uint_t               on;       /* it is so */
    uint64_t                 due;      /* when there is something to tell */
    uint64_t                 window;   /* "begins" counts since then */
    ngx_uint_t               begins;
    ngx_uint_t               flaps;    /* it came and went too often */
    uint64_t                 until;    /* somebody is telling it; 0: nobody */
    ngx_uint_t               tries;    /* in vain */
    uint64_t                 told;     /* the stamp of what was told last */
    uint64_t                 heard;    /* a sign of life, or when the row was
                                          made */
    ngx_er_alert_message_t   counted;  /* for the next message */
    ngx_er_alert_message_t   message;  /* that is told; stamp 0: none */
};


struct ngx_er_alerts_sh_s {
    void                    *alerts;   /* ngx_er_alert_sh_t */
    uint64_t                 node;
    uint64_t                 due;      /* the earliest */
    uint64_t                 turn;
    uint64_t                 stamp;    /* the last one */
    uint64_t                 fails;    /* the store: since when, */
    uint64_t                 failed;   /* and when it did last */
    uint64_t                 begun;    /* when it was not known yet what was
                                          told before; 0: it is */
};


static ngx_uint_t ngx_er_alert_happens(ngx_er_alert_t *alert);
static void ngx_er_alert_flap(ngx_er_alert_t *alert, uint64_t now);
static void ngx_er_alert_count(ngx_er_alert_t *alert, uint64_t now,
    uint64_t seq, const char *why, ngx_uint_t status);
static void ngx_er_alert_why(ngx_er_alert_message_t *m, const char *why);
static void ngx_er_alert_begin(ngx_er_alert_t *alert, uint64_t now,
    uint64_t due);
static void ngx_er_alert_later(ngx_er_alert_t *alert, uint64_t due);
static void ngx_er_alert_make(ngx_er_alert_t *alert, uint64_t now);
static void ngx_er_alert_next_state(ngx_er_alert_t *alert, uint64_t now);
static ngx_int_t ngx_er_alerts_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_er_alert_sh_t *ngx_er_alert_find(ngx_er_alerts_t *alerts,
    uint64_t hash);
static ngx_er_alert_sh_t *ngx_er_alert_create(ngx_er_alerts_t *alerts,
    uint64_t hash);


/* 1: it happens, 0: it is so */

static ngx_uint_t
ngx_er_alert_happens(ngx_er_alert_t *alert)
{
    return alert->kind == NGX_ER_ALERT_DEAD
           || alert->kind == NGX_ER_ALERT_REFUSED;
}


void
ngx_er_alert(ngx_er_alert_t *alert, uint64_t seq, const char *why,
    ngx_uint_t status)
{
    uint64_t            now;
    ngx_slab_pool_t    *pool;
    ngx_er_alert_sh_t  *sh;

    now = ngx_er_queue_now();
    pool = alert->alerts->shpool;
    sh = alert->sh;

    ngx_shmtx_lock(&pool->mutex);

    if (sh->state == NGX_ER_ALERT_QUIET && sh->counted.count
        && now - sh->counted.first > NGX_ER_ALERT_WINDOW)
    {
        sh->counted.count = 0;
    }

    ngx_er_alert_count(alert, now, seq, why, status);

    if (sh->state == NGX_ER_ALERT_QUIET
        && sh->counted.count >= alert->least)
    {
        ngx_er_alert_begin(alert, sh->counted.first, now);
    }

    ngx_shmtx_unlock(&pool->mutex);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: kind %d of \"%V\" happens, "
                   "event:%016xL", alert->kind, alert->noun, seq);
}


void
ngx_er_alert_set(ngx_er_alert_t *alert, ngx_uint_t on, uint64_t seq,
    const char *why, ngx_uint_t status)
{
    uint64_t            now;
    ngx_slab_pool_t    *pool;
    ngx_er_alert_sh_t  *sh;

    now = ngx_er_queue_now();
    pool = alert->alerts->shpool;
    sh = alert->sh;

    ngx_shmtx_lock(&pool->mutex);

    if (on) {
        ngx_er_alert_count(alert, now, seq, why, status);
    }

    if (on && !sh->on) {

        ngx_er_alert_flap(alert, now);

        if (sh->state == NGX_ER_ALERT_QUIET) {
            ngx_er_alert_begin(alert, now, sh->flaps
                                           ? sh->window
                                             + alert->alerts->repeat : now);
        }

    } else if (!on && sh->on && sh->state == NGX_ER_ALERT_TOLD && !sh->flaps) {
        ngx_er_alert_later(alert, now);
    }

    sh->on = on;

    ngx_shmtx_unlock(&pool->mutex);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: kind %d of \"%V\" is:%ui, "
                   "event:%016xL", alert->kind, alert->noun, on, seq);
}


/* it came once more; who came too often stays so for the next "repeat" */

static void
ngx_er_alert_flap(ngx_er_alert_t *alert, uint64_t now)
{
    ngx_msec_t          repeat;
    ngx_er_alert_sh_t  *sh;

    sh = alert->sh;
    repeat = alert->alerts->repeat;

    if (now - sh->window >= repeat) {
        sh->flaps = (sh->begins > NGX_ER_ALERT_FLAPS
                     && now - sh->window < 2 * (uint64_t) repeat);
        sh->window = now;
        sh->begins = 0;
    }

    if (++sh->begins > NGX_ER_ALERT_FLAPS) {
        sh->flaps = 1;
    }
}


ngx_uint_t
ngx_er_alert_is(ngx_er_alert_t *alert)
{
    return alert->sh->on;
}


/* one word, written at once: who reads it needs no lock */

void
ngx_er_alert_heard(ngx_er_alert_t *alert)
{
    alert->sh->heard = ngx_er_queue_now();
}


uint64_t
ngx_er_alert_quiet(ngx_er_alert_t *alert)
{
    uint64_t  now, heard;

    now = ngx_er_queue_now();
    heard = alert->sh->heard;

    return now > heard ? now - heard : 0;
}


/*
 * Each worker sees what it asked itself: one that asks nothing knows nothing,
 * and of a store in parts one part can be away.
 */

void
ngx_er_alerts_store(ngx_er_alerts_t *alerts, ngx_uint_t failed,
    ngx_uint_t worked)
{
    uint64_t             now, fails, quiet;
    ngx_er_alerts_sh_t  *sh;

    if (!failed && !(worked && alerts->lost->sh->on)) {
        return;
    }

    now = ngx_er_queue_now();
    sh = alerts->sh;

    ngx_shmtx_lock(&alerts->shpool->mutex);

    quiet = now - ngx_min(sh->failed, now);

    if (failed) {
        if (quiet > 2 * NGX_ER_ALERT_RECOVERS) {
            sh->fails = now;
        }

        sh->failed = now;
    }

    fails = now - ngx_min(sh->fails, now);

    ngx_shmtx_unlock(&alerts->shpool->mutex);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alerts: store failed:%ui for %uLms, quiet "
                   "for %uLms", failed, fails, quiet);

    if (failed && fails >= NGX_ER_ALERT_LOSES && !alerts->lost->sh->on) {
        ngx_er_alert_set(alerts->lost, 1, 0, NULL, 0);

    } else if (!failed && quiet >= NGX_ER_ALERT_RECOVERS) {
        ngx_er_alert_set(alerts->lost, 0, 0, NULL, 0);
    }
}


static void
ngx_er_alert_count(ngx_er_alert_t *alert, uint64_t now, uint64_t seq,
    const char *why, ngx_uint_t status)
{
    ngx_er_alert_message_t  *m;

    m = &alert->sh->counted;

    if (m->count == 0) {
        m->first = now;
    }

    m->count++;
    m->last = now;
    m->seq = seq;
    m->status = status;

    ngx_er_alert_why(m, why);
}


/* it goes into JSON, and from there into whatever a target makes of it */

static void
ngx_er_alert_why(ngx_er_alert_message_t *m, const char *why)
{
    u_char  c;

    m->len = 0;

    while (why && *why && m->len < NGX_ER_ALERT_WHY) {
        c = (u_char) *why++;

        m->why[m->len++] = (c == '"' || c == '\\' || c == '<' || c == '>'
                            || c == '&')
                           ? '\'' : (c < 0x20 || c > 0x7e) ? '?' : c;
    }
}


static void
ngx_er_alert_begin(ngx_er_alert_t *alert, uint64_t now, uint64_t due)
{
    alert->sh->state = NGX_ER_ALERT_BEGINS;
    alert->sh->counted.since = now;
    alert->sh->counted.total = 0;

    ngx_er_alert_later(alert, due);
}


static void
ngx_er_alert_later(ngx_er_alert_t *alert, uint64_t due)
{
    alert->sh->due = due;
    alert->alerts->sh->due = ngx_min(alert->alerts->sh->due, due);
}


ngx_er_alert_t *
ngx_er_alerts_next(ngx_er_alerts_t *alerts, ngx_msec_t ms,
    ngx_er_alert_message_t *message)
{
    uint64_t             now, due;
    ngx_uint_t           i;
    ngx_er_alert_t     **row, *found;
    ngx_er_alert_sh_t   *sh;

    now = ngx_er_queue_now();

    if (alerts->sh->due > now
        || (alerts->sh->begun
            && now - ngx_min(alerts->sh->begun, now) < NGX_ER_ALERT_UNKNOWN))
    {
        return NULL;
    }

    found = NULL;
    due = NGX_ER_ALERT_NEVER;
    row = alerts->rows.elts;

    ngx_shmtx_lock(&alerts->shpool->mutex);

    for (i = 0; i < alerts->rows.nelts; i++) {
        sh = row[i]->sh;

        if (found == NULL && sh->due <= now && sh->until <= now) {
            found = row[i];

            if (sh->message.stamp == 0) {
                ngx_er_alert_make(found, now);
            }

            sh->until = now + ms;
            *message = sh->message;
        }

        due = ngx_min(due, ngx_max(sh->due, sh->until));
    }

    alerts->sh->due = due;

    ngx_shmtx_unlock(&alerts->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: kind %d is told, phase %d",
                   found ? (int) found->kind : -1,
                   found ? (int) message->phase : -1);

    return found;
}


/* what was counted becomes a message, and counting begins anew */

static void
ngx_er_alert_make(ngx_er_alert_t *alert, uint64_t now)
{
    ngx_uint_t               goes;
    ngx_er_alert_sh_t       *sh;
    ngx_er_alerts_sh_t      *all;
    ngx_er_alert_message_t  *m;

    sh = alert->sh;
    all = alert->alerts->sh;
    m = &sh->counted;

    goes = ngx_er_alert_happens(alert)
           ? m->count >= alert->least
           : sh->on || (m->count && sh->flaps);

    if (alert->kind == NGX_ER_ALERT_SILENT) {
        m->last = sh->heard;
    }

    all->stamp = ngx_max(now, all->stamp + 1);
    m->total += m->count;

    sh->message = *m;
    sh->message.stamp = all->stamp;
    sh->message.phase = (sh->state == NGX_ER_ALERT_BEGINS)
                        ? NGX_ER_ALERT_BEGIN
                        : goes ? NGX_ER_ALERT_REPEAT : NGX_ER_ALERT_END;

    m->count = 0;
    m->first = 0;
}


void
ngx_er_alert_told(ngx_er_alert_t *alert, uint64_t stamp, ngx_uint_t ok)
{
    uint64_t            now, delay;
    ngx_slab_pool_t    *pool;
    ngx_er_alert_sh_t  *sh;

    now = ngx_er_queue_now();
    pool = alert->alerts->shpool;
    sh = alert->sh;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: kind %d of \"%V\" told:%ui",
                   alert->kind, alert->noun, ok);

    ngx_shmtx_lock(&pool->mutex);

    if (sh->message.stamp != stamp) {

        /* another worker has told it meanwhile */

        ngx_shmtx_unlock(&pool->mutex);
        return;
    }

    sh->until = 0;

    if (ok) {
        ngx_er_alert_next_state(alert, now);
        sh->message.stamp = 0;
        sh->tries = 0;

    } else {
        delay = NGX_ER_ALERT_AGAIN << ngx_min(sh->tries, 10);
        sh->tries++;

        ngx_er_alert_later(alert, now + ngx_min(delay, NGX_ER_ALERT_PATIENT));
    }

    ngx_shmtx_unlock(&pool->mutex);
}


static void
ngx_er_alert_next_state(ngx_er_alert_t *alert, uint64_t now)
{
    uint64_t            again;
    ngx_uint_t          over;
    ngx_er_alert_sh_t  *sh;

    sh = alert->sh;
    again = sh->message.stamp + alert->alerts->repeat;

    if (again <= now) {
        again = now + alert->alerts->repeat;
    }

    sh->told = sh->message.stamp;

    if (sh->message.phase != NGX_ER_ALERT_END) {
        over = (!ngx_er_alert_happens(alert) && !sh->on && !sh->flaps);

        sh->state = NGX_ER_ALERT_TOLD;
        ngx_er_alert_later(alert, over ? now : again);
        return;
    }

    sh->state = NGX_ER_ALERT_QUIET;
    sh->due = NGX_ER_ALERT_NEVER;

    if (ngx_er_alert_happens(alert) ? sh->counted.count >= alert->least
                                    : sh->on)
    {
        ngx_er_alert_begin(alert, ngx_er_alert_happens(alert)
                                  ? sh->counted.first : now, now);
    }
}


ngx_uint_t
ngx_er_alert_keep(ngx_er_alert_t *alert, ngx_er_alert_kept_t *kept)
{
    ngx_uint_t          told;
    ngx_slab_pool_t    *pool;
    ngx_er_alert_sh_t  *sh;

    pool = alert->alerts->shpool;
    sh = alert->sh;

    ngx_shmtx_lock(&pool->mutex);

    told = (sh->state == NGX_ER_ALERT_TOLD);

    kept->hash = alert->hash;
    kept->since = sh->counted.since;
    kept->total = sh->counted.total;
    kept->stamp = sh->told;

    ngx_shmtx_unlock(&pool->mutex);

    return told;
}


/*
 * A breaker, a store and a pause are not known at once after a start, so it is
 * not over before a minute has passed.
 */

void
ngx_er_alerts_recall(ngx_er_alerts_t *alerts, ngx_er_alert_kept_t *kept)
{
    uint64_t             now, due;
    ngx_uint_t           i;
    ngx_er_alert_t     **row;
    ngx_er_alert_sh_t   *sh;

    now = ngx_er_queue_now();
    row = alerts->rows.elts;

    for (i = 0; i < alerts->rows.nelts; i++) {
        if (row[i]->hash == kept->hash) {
            break;
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alerts: %016xL was told before, known:%d",
                   kept->hash, i < alerts->rows.nelts);

    if (i == alerts->rows.nelts) {
        return;
    }

    sh = row[i]->sh;

    ngx_shmtx_lock(&alerts->shpool->mutex);

    if (sh->state != NGX_ER_ALERT_TOLD && sh->message.stamp == 0) {
        sh->state = NGX_ER_ALERT_TOLD;
        sh->told = kept->stamp;
        sh->counted.since = kept->since;
        sh->counted.total = kept->total;

        due = ngx_max(now, kept->stamp + alerts->repeat);

        if (!ngx_er_alert_happens(row[i]) && !sh->on) {
            due = now + ngx_min(alerts->repeat, NGX_ER_ALERT_GRACE);
        }

        ngx_er_alert_later(row[i], due);
    }

    ngx_shmtx_unlock(&alerts->shpool->mutex);
}


ngx_uint_t
ngx_er_alerts_new(ngx_er_alerts_t *alerts)
{
    return alerts->sh->begun != 0;
}


void
ngx_er_alerts_known(ngx_er_alerts_t *alerts)
{
    alerts->sh->begun = 0;
}


/* a turn that is far away was given by another clock */

ngx_uint_t
ngx_er_alerts_turn(ngx_er_alerts_t *alerts, ngx_msec_t ms)
{
    uint64_t    now;
    ngx_uint_t  turn;

    now = ngx_er_queue_now();

    ngx_shmtx_lock(&alerts->shpool->mutex);

    turn = (now >= alerts->sh->turn || alerts->sh->turn - now > ms);

    if (turn) {
        alerts->sh->turn = now + ms;
    }

    ngx_shmtx_unlock(&alerts->shpool->mutex);

    return turn;
}


uint64_t
ngx_er_alerts_node(ngx_er_alerts_t *alerts)
{
    return alerts->sh->node;
}


ngx_int_t
ngx_er_alerts_zone(ngx_conf_t *cf, ngx_er_alerts_t *alerts)
{
    size_t            size, needed;
    ngx_shm_zone_t   *zone;
    static ngx_str_t  name = ngx_string("ngx_event_router_alerts");

    /*
     * A zone of another size would begin anew: it grows in few steps.  Workers
     * of several configurations may shut down at once.
     */

    needed = alerts->rows.nelts * 16 * sizeof(ngx_er_alert_sh_t);

    for (size = NGX_ER_ALERTS_ZONE; size < needed; size *= 2) { /* void */ }

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_alerts_zone_init;
    zone->data = alerts;

    return NGX_OK;
}


static ngx_int_t
ngx_er_alerts_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t            i;
    ngx_er_alert_t      **row;
    ngx_slab_pool_t      *pool;
    ngx_er_alerts_t      *alerts;
    ngx_er_alerts_sh_t   *sh;

    alerts = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    pool->log_nomem = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router alerts: zone of %uz bytes, new:%d",
                   zone->shm.size, pool->data == NULL);

    if (pool->data == NULL) {
        sh = ngx_slab_calloc(pool, sizeof(ngx_er_alerts_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        sh->node = (uint64_t) ngx_random() << 32 | (uint64_t) ngx_random();
        sh->begun = alerts->lost ? ngx_er_queue_now() : 0;
        pool->data = sh;
    }

    sh = pool->data;
    sh->due = 0;

    alerts->shpool = pool;
    alerts->sh = sh;

    row = alerts->rows.elts;

    for (i = 0; i < alerts->rows.nelts; i++) {
        row[i]->sh = ngx_er_alert_find(alerts, row[i]->hash);
    }

    for (i = 0; i < alerts->rows.nelts; i++) {

        if (row[i]->sh == NULL) {
            row[i]->sh = ngx_er_alert_create(alerts, row[i]->hash);
        }

        if (row[i]->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "no memory for the alerts of \"%V\": workers of "
                          "earlier configurations still have too many other "
                          "sources and targets, wait until they have ended",
                          row[i]->noun);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NULL: there is none */

static ngx_er_alert_sh_t *
ngx_er_alert_find(ngx_er_alerts_t *alerts, uint64_t hash)
{
    ngx_er_alert_sh_t  *alert;

    for (alert = alerts->sh->alerts; alert; alert = alert->place.next) {
        if (alert->hash == hash) {
            break;
        }
    }

    if (alert) {
        (void) ngx_er_tenants_take(alerts->tenants, &alert->place.tenancy);
    }

    return alert;
}


/* what is new has been heard of just now; NULL: there is no memory */

static ngx_er_alert_sh_t *
ngx_er_alert_create(ngx_er_alerts_t *alerts, uint64_t hash)
{
    ngx_er_alert_sh_t  *alert;

    alert = ngx_er_place_alloc(alerts->tenants, alerts->shpool,
                               &alerts->sh->alerts, sizeof(ngx_er_alert_sh_t));
    if (alert == NULL) {
        return NULL;
    }

    alert->hash = hash;
    alert->due = NGX_ER_ALERT_NEVER;
    alert->heard = ngx_er_queue_now();

    ngx_er_place_link(alerts->shpool, &alerts->sh->alerts, alert);

    return alert;
}
