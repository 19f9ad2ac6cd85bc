
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What whoever runs this must hear of duplicates and of the keys by which they
 * are known: which store was asked for the key, that the memory forgot keys
 * before their time, and that a duplicate has another body than the first one.
 *
 * When the memory for dedup keys is full, the source that has most of them
 * loses its oldest (store/memory.c).  A repetition of such an event is
 * delivered again.  A duplicate whose body differs is not delivered, though it
 * may be another event under a number that was used before.  Of both there are
 * a counter of the source and a line in error.log once a second and worker.
 *
 * fanout.c calls in here, after each claim (the zone is unlocked again) and
 * for each duplicate.  The times of the last lines are owned here and in the
 * source; nothing fails.
 */


#include "duplicate.h"
#include "../observe/metrics.h"


static void ngx_er_duplicate_forgotten(void);


/* when keys that were forgotten were told, and how many more there are */

static time_t      ngx_er_duplicate_told;
static ngx_uint_t  ngx_er_duplicate_untold;


void
ngx_er_duplicate_claimed(ngx_er_source_t *source, ngx_er_claim_t *claim)
{
    ngx_er_duplicate_forgotten();

    if (claim->mode == NGX_ER_DEDUP_LOCAL) {
        ngx_er_metric_source(source, NGX_ER_METRIC_DEDUP_LOCAL);

    } else if (claim->mode == NGX_ER_DEDUP_NONE
               && claim->result != NGX_ER_CLAIM_UNAVAILABLE)
    {
        ngx_er_metric_source(source, NGX_ER_METRIC_DEDUP_NONE);
    }
}


static void
ngx_er_duplicate_forgotten(void)
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
                   "event router duplicate: %ui keys were forgotten", n);

    ngx_er_duplicate_untold += n;

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

    if (ngx_er_duplicate_told == ngx_time()) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "the memory for dedup keys is full: source \"%V\" has most "
                  "of them, and keys of it were forgotten before their time, "
                  "%ui since the last line; a repetition of these events is "
                  "delivered again: enlarge it, \"event_store memory:SIZE\"",
                  &source[i]->name, ngx_er_duplicate_untold);

    ngx_er_duplicate_told = ngx_time();
    ngx_er_duplicate_untold = 0;
}


void
ngx_er_duplicate_differs(ngx_er_event_t *event)
{
    time_t            now;
    ngx_er_source_t  *source;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router duplicate: event \"%V\" has another body",
                   &event->id);

    now = ngx_time();
    source = event->source;

    ngx_er_metric_source(source, NGX_ER_METRIC_DUPLICATE_DIFFERS);

    if (source->told == now) {
        source->untold++;
        return;
    }

    if (source->untold) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "duplicate of event \"%V\" from source \"%V\" has "
                      "another body, the first one was kept; so had %ui more "
                      "of this source since the last line",
                      &event->id, &source->name, source->untold);

    } else {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "duplicate of event \"%V\" from source \"%V\" has "
                      "another body, the first one was kept",
                      &event->id, &source->name);
    }

    source->told = now;
    source->untold = 0;
}
