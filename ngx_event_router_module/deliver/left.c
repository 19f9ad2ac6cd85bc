
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What stays behind.  In the master, a reload says what it leaves in a store
 * that nginx.conf does not name any more, because event_store was changed or
 * removed: nobody would deliver that and nobody would miss it.  The
 * configuration before is there still, and the lanes have what the store had a
 * second ago, so nothing is asked.
 *
 * And when nginx.conf was read, also by "nginx -t", what a store in files
 * holds (its census) is told, if it is of targets that are no more, in another
 * store of this nginx, or more than "size" has room for.  Redis is not asked.
 *
 * module.c calls in here.  Only memory can fail.
 */


#include "left.h"
#include "lane.h"
#include "../store/queue.h"


#define NGX_ER_LEFT_TARGETS  10        /* that are told */
#define NGX_ER_LEFT_NUMBER   32        /* bytes of "3,412" */


static void ngx_er_left_removed(ngx_cycle_t *cycle, ngx_er_where_t *where,
    ngx_er_census_t *census);
static void ngx_er_left_stores(ngx_cycle_t *cycle, ngx_er_where_t *where,
    ngx_er_census_t *census);
static ngx_str_t ngx_er_left_number(u_char *buf, uint64_t n);
static ngx_er_main_conf_t *ngx_er_left_conf(ngx_cycle_t *cycle);
static void ngx_er_left_target(ngx_cycle_t *cycle, ngx_str_t *store,
    ngx_er_target_t *target);


void
ngx_er_left(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_str_t           *name;
    ngx_uint_t           i;
    ngx_er_target_t    **target;
    ngx_er_main_conf_t  *old;

    old = ngx_er_left_conf(cycle);

    if (old == NULL || old->queue == NULL) {
        return;
    }

    name = &old->queue->name;

    if (mcf && mcf->queue && mcf->queue->name.len == name->len
        && ngx_memcmp(mcf->queue->name.data, name->data, name->len) == 0)
    {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router left: store %V is left", name);

    target = old->targets.elts;

    for (i = 0; i < old->targets.nelts; i++) {
        ngx_er_left_target(cycle, name, target[i]);
    }
}


/* NULL: none, or one of another module, whose structures may differ */

static ngx_er_main_conf_t *
ngx_er_left_conf(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ngx_cycle_t  *old;

    old = cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NULL;
    }

    for (i = 0; old->modules[i]; i++) {
        if (old->modules[i] == &ngx_http_event_router_module) {
            return ngx_http_cycle_get_module_main_conf(old,
                                              ngx_http_event_router_module);
        }
    }

    return NULL;
}


static void
ngx_er_left_target(ngx_cycle_t *cycle, ngx_str_t *store,
    ngx_er_target_t *target)
{
    ngx_er_lane_sh_t  lane;

    ngx_er_lane_copy(target, &lane);

    if (lane.pending == 0 && lane.dead == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                  "%ui event%s and %ui dead letter%s for target \"%V\" stay "
                  "behind in %V, which event_store does not name any more: "
                  "they are delivered when it names it again, here or in "
                  "another nginx", lane.pending, lane.pending == 1 ? "" : "s",
                  lane.dead, lane.dead == 1 ? "" : "s", &target->name, store);
}


ngx_int_t
ngx_er_left_known(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf,
    ngx_er_census_t *census)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    ngx_memzero(census, sizeof(ngx_er_census_t));

    census->nknown = mcf->targets.nelts;
    census->known = ngx_palloc(cycle->pool,
                               (census->nknown + 1) * sizeof(uint64_t));
    if (census->known == NULL) {
        return NGX_ERROR;
    }

    target = mcf->targets.elts;

    for (i = 0; i < census->nknown; i++) {
        census->known[i] = target[i]->hash;
    }

    return NGX_OK;
}


void
ngx_er_left_census(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf,
    ngx_er_census_t *census)
{
    u_char           buf[3][NGX_ER_LEFT_NUMBER];
    ngx_str_t        used, size, high;
    ngx_er_where_t  *where;

    where = &mcf->queue->where;

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router left: %ui targets, %ui stores, %uL bytes",
                   census->ntargets + census->more, census->nstores,
                   census->used);

    ngx_er_left_removed(cycle, where, census);
    ngx_er_left_stores(cycle, where, census);

    if (census->used == 0 || census->used <= census->high) {
        return;
    }

    used = ngx_er_left_number(buf[0], census->used);
    size = ngx_er_left_number(buf[1], census->size);
    high = ngx_er_left_number(buf[2], census->high);

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "\"size\" of event_store is %V bytes and %V are in use: "
                  "above %V, its \"high_water\", events are answered 503, so "
                  "make \"size\" larger, in %V:%ui",
                  &size, &used, &high, &where->file, where->line);
}


/* at a start what is dead already is no news */

static void
ngx_er_left_removed(ngx_cycle_t *cycle, ngx_er_where_t *where,
    ngx_er_census_t *census)
{
    u_char                   buf[2][NGX_ER_LEFT_NUMBER];
    ngx_str_t                name, pending, dead;
    ngx_uint_t               i, told;
    ngx_er_census_target_t  *t;

    told = 0;

    for (i = 0; i < census->ntargets; i++) {
        t = &census->targets[i];

        if (t->pending == 0 && !ngx_test_config) {
            continue;
        }

        if (told++ == NGX_ER_LEFT_TARGETS) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "and so have %ui more targets",
                          census->ntargets - i + census->more);
            return;
        }

        name.data = t->name;
        name.len = t->len;
        pending = ngx_er_left_number(buf[0], t->pending);
        dead = ngx_er_left_number(buf[1], t->dead);

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "target \"%V\" has %V pending and %V dead entries and "
                      "%s removed: %s keep the target, or move or purge them "
                      "first, in %V:%ui",
                      &name, &pending, &dead,
                      ngx_test_config ? "would be" : "is",
                      t->pending ? "the pending ones become dead letters;"
                                 : "they are kept for a time;",
                      &where->file, where->line);
    }
}


static void
ngx_er_left_stores(ngx_cycle_t *cycle, ngx_er_where_t *where,
    ngx_er_census_t *census)
{
    u_char                  buf[2][NGX_ER_LEFT_NUMBER];
    ngx_str_t               path, pending, dead;
    ngx_uint_t              i;
    ngx_er_census_store_t  *store;

    for (i = 0; i < census->nstores; i++) {
        store = &census->stores[i];

        path.data = store->path;
        path.len = store->len;
        pending = ngx_er_left_number(buf[0], store->pending);
        dead = ngx_er_left_number(buf[1], store->dead);

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "\"%V\" is a store of this nginx, too, and has %V "
                      "pending and %V dead entries, which nobody delivers: "
                      "event_store names another one, in %V:%ui",
                      &path, &pending, &dead, &where->file, where->line);
    }
}


/* "3,412" */

static ngx_str_t
ngx_er_left_number(u_char *buf, uint64_t n)
{
    u_char     *p;
    ngx_str_t   text;
    ngx_uint_t  digits;

    p = buf + NGX_ER_LEFT_NUMBER;
    digits = 0;

    do {
        if (digits && digits % 3 == 0) {
            *--p = ',';
        }

        *--p = (u_char) ('0' + n % 10);
        n /= 10;
        digits++;

    } while (n);

    text.data = p;
    text.len = buf + NGX_ER_LEFT_NUMBER - p;

    return text;
}
