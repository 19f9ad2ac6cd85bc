
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dead letters that a store made by itself: it met an entry that it cannot
 * read.  Whatever it was asked for then brings them; the queue calls in here
 * before the answer's owner hears of it.  They are counted as other dead
 * letters are, and an alert tells of them.  Nothing is owned, and nothing can
 * fail.
 */


#include "graves.h"
#include "target.h"
#include "../observe/account.h"
#include "../store/dead.h"


static void ngx_er_graves_log(ngx_er_target_t *target, ngx_er_grave_t *grave);


/* a target may be another nginx's, or not configured any more */

void
ngx_er_graves_told(ngx_er_queue_op_t *op)
{
    ngx_uint_t           i;
    ngx_er_grave_t      *grave;
    ngx_er_target_t     *target;
    ngx_er_main_conf_t  *mcf;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router graves: %ui that the store made",
                   op->graves->nelts);

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    grave = op->graves->elts;

    for (i = 0; i < op->graves->nelts; i++) {
        ngx_er_metric_graves(mcf, grave[i].reason, 1);

        target = ngx_er_target_hashed(mcf, grave[i].target);

        if (target) {
            ngx_er_graves_log(target, &grave[i]);
        }
    }
}


static void
ngx_er_graves_log(ngx_er_target_t *target, ngx_er_grave_t *grave)
{
    ngx_er_account_dead(target, grave->seq, NULL, grave->reason, 0);

    ngx_log_error(NGX_LOG_ERR,
                  target->location ? target->location->error_log
                                   : ngx_cycle->log, 0,
                  "event %016xL for target \"%V\" is a dead letter now: "
                  "%s, the event_store cannot read its entry",
                  grave->seq, &target->name, ngx_er_dead_name(grave->reason));
}
