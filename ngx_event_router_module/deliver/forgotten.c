
/*
 * Copyright (C) Event Router contributors
 */


/*
 * When the memory for dedup keys is full, the source that has most of them
 * loses its oldest (store/memory.c).  A repetition of such an event is
 * delivered again, so whoever runs this must hear of it: a counter of the
 * source, and a line in error.log once a second and worker.
 *
 * Called by fanout.c after each claim, when the zone is unlocked again.  It
 * owns the time of its last line; nothing fails.
 */


#include "forgotten.h"
#include "../observe/metrics.h"


static time_t      ngx_er_forgotten_told;
static ngx_uint_t  ngx_er_forgotten_untold;


void
ngx_er_forgotten_tell(void)
{
    uint64_t              hash;
    ngx_uint_t            i, n;
    ngx_er_source_t     **source;
    ngx_er_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    n = ngx_er_dedup_forgotten(mcf->dedup, &hash);

    if (n == 0) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router forgotten: %ui keys", n);

    ngx_er_forgotten_untold += n;

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (source[i]->hash == hash) {
            break;
        }
    }

    if (i == mcf->sources.nelts) {

        /* it is no more, and nobody misses its keys */

        return;
    }

    for ( /* void */ ; n; n--) {
        ngx_er_metric_source(source[i], NGX_ER_METRIC_DEDUP_FORGOTTEN);
    }

    if (ngx_er_forgotten_told == ngx_time()) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "the memory for dedup keys is full: source \"%V\" has most "
                  "of them, and keys of it were forgotten before their time, "
                  "%ui since the last line; a repetition of these events is "
                  "delivered again: enlarge it, \"event_store memory:SIZE\"",
                  &source[i]->name, ngx_er_forgotten_untold);

    ngx_er_forgotten_told = ngx_time();
    ngx_er_forgotten_untold = 0;
}
