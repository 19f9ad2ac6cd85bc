
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries that a newer version has overtaken, as a store names them: here they
 * are counted and told.  accept.c, dispatch.c and observe/admin.c bring them
 * with the answer to ACCEPT, LEASE and REPLAY, which have done it already.
 * Nothing is owned, and nothing can fail.
 */


#include "overtaken.h"
#include "target.h"
#include "../observe/account.h"


static void ngx_er_overtaken_log(ngx_er_target_t *target,
    ngx_er_overtaken_t *o);


void
ngx_er_overtaken_stale(ngx_er_target_t *target, uint64_t seq)
{
    ngx_er_overtaken_t  o;

    o.target = target->hash;
    o.seq = seq;
    o.coalesced = 0;

    ngx_er_overtaken_log(target, &o);
}


/* with several nginx, a target may be another one's */

void
ngx_er_overtaken_told(ngx_er_queue_op_t *op)
{
    ngx_uint_t           i;
    ngx_er_target_t     *target;
    ngx_er_main_conf_t  *mcf;
    ngx_er_overtaken_t  *o;

    if (op->overtaken == NULL) {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    o = op->overtaken->elts;

    for (i = 0; i < op->overtaken->nelts; i++) {
        target = ngx_er_target_hashed(mcf, o[i].target);

        if (target) {
            ngx_er_overtaken_log(target, &o[i]);
        }
    }
}


static void
ngx_er_overtaken_log(ngx_er_target_t *target, ngx_er_overtaken_t *o)
{
    ngx_er_account_queued(target, o->seq, NULL,
                          o->coalesced ? NGX_ER_METRIC_COALESCED
                                       : NGX_ER_METRIC_STALE);

    ngx_log_error(NGX_LOG_INFO,
                  target->location ? target->location->error_log
                                   : ngx_cycle->log, 0,
                  "event %016xL for target \"%V\" is %s and not sent: a newer "
                  "version %s", o->seq, &target->name,
                  o->coalesced ? "coalesced" : "stale",
                  o->coalesced ? "came while it waited" : "was delivered");
}
