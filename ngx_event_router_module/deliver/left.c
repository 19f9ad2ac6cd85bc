
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What stays behind.  In the master, a reload says what it leaves in a store
 * that nginx.conf does not name any more, because event_store was changed or
 * removed: nobody would deliver that and nobody would miss it.  The
 * configuration before is there still, and the lanes have what the store had a
 * second ago, so nothing is asked, owned or allocated, and nothing can fail.
 * After a start nobody knows what was before.  module.c calls in here.
 */


#include "left.h"
#include "lane.h"


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
