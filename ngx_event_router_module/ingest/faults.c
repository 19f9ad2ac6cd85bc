
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What producers do wrong (bad signatures, wrong media types, bodies that are
 * too large, events that are not what their source requires, too many of them)
 * is in error.log.  nginx logs faults of clients at level "info"; but who
 * changes a secret looks for that line, and so do tools that block addresses.
 * So the first one of each second and source is a warning in full; the others,
 * which may be thousands, are at "info", and one more warning says how many
 * there were.
 *
 * Called by receive.c and turns.c for each line.  The counts are the worker's,
 * in the source; the timer of a second is cancelable, and an exiting worker
 * says nothing more.  Nothing fails.
 */


#include "faults.h"


#define NGX_ER_FAULTS_SECOND  1000     /* ms */


static void ngx_er_faults_second(ngx_event_t *ev);


ngx_uint_t
ngx_er_faults_level(ngx_er_source_t *source)
{
    ngx_event_t      *ev;
    ngx_er_faults_t  *faults;

    faults = &source->faults;
    ev = &faults->second;

    if (ev->timer_set) {
        faults->more++;
        return NGX_LOG_INFO;
    }

    faults->dummy.data = source;
    faults->dummy.fd = (ngx_socket_t) -1;

    ev->handler = ngx_er_faults_second;
    ev->data = &faults->dummy;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_ER_FAULTS_SECOND);

    return NGX_LOG_WARN;
}


static void
ngx_er_faults_second(ngx_event_t *ev)
{
    ngx_uint_t         more;
    ngx_er_source_t   *source;
    ngx_connection_t  *c;

    c = ev->data;
    source = c->data;

    more = source->faults.more;
    source->faults.more = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router faults of source \"%V\": %ui more",
                   &source->name, more);

    if (more) {
        ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                      "%ui more event%s from source \"%V\" %s refused or "
                      "rejected within a second, each at level \"info\"",
                      more, more == 1 ? "" : "s", &source->name,
                      more == 1 ? "was" : "were");
    }
}
