
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The arguments of the API that choose entries.  api_entries.c and api_acts.c
 * ask, and so does api_events.c for names.  What they say was checked by the
 * frame; whether a target or a source that is not configured left something
 * behind only the store knows, so a name that nobody knows is told when it has
 * answered.
 */


#include "api_filter.h"
#include "../deliver/target.h"
#include "../ingest/source.h"


static ngx_uint_t ngx_er_api_filter_reason(ngx_str_t *name);


/* those that choose, in any endpoint */

static const char  *ngx_er_api_filter_names[] = {
    "target", "source", "event", "route", "from", "to", "status", "attempts",
    "reason", "all", "archive", NULL
};


/* in the order of ngx_er_dead_e */

static const char  *ngx_er_api_filter_reasons[] = {
    "", "exhausted", "final", "expired", "poison", "target_removed", "corrupt",
    "in_doubt", "mapping_changed", NULL
};


void
ngx_er_api_filter(ngx_er_api_t *api, ngx_er_queue_filter_t *filter)
{
    ngx_str_t  value;

    if (ngx_er_api_arg(api, "target", &value)) {
        filter->target = ngx_er_hash64(&value);
    }

    if (ngx_er_api_arg(api, "source", &value)) {
        filter->source = ngx_er_hash64(&value);
    }

    if (ngx_er_api_arg(api, "reason", &value)) {
        filter->reasons = (ngx_uint_t) 1 << ngx_er_api_filter_reason(&value);
    }

    (void) ngx_er_api_arg(api, "route", &filter->route);

    filter->seq = ngx_er_api_event(api, "event");
    filter->from = ngx_er_api_time(api, "from");
    filter->to = ngx_er_api_time(api, "to");
    filter->status = ngx_er_api_number(api, "status", 0);
    filter->attempts = ngx_er_api_number(api, "attempts", 0);
}


static ngx_uint_t
ngx_er_api_filter_reason(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_er_api_filter_reasons[i]; i++) {
        if (ngx_strlen(ngx_er_api_filter_reasons[i]) == name->len
            && ngx_strncmp(ngx_er_api_filter_reasons[i], name->data, name->len)
               == 0)
        {
            break;
        }
    }

    return i;
}


ngx_int_t
ngx_er_api_filter_some(ngx_er_api_t *api, ngx_int_t *rc)
{
    ngx_str_t     value;
    const char  **name;

    for (name = ngx_er_api_filter_names; *name; name++) {
        if (ngx_er_api_arg(api, *name, &value)) {
            return NGX_OK;
        }
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: an act without a filter");

    *rc = ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, "say which: target=, "
                             "source=, event=, route=, from=, to=, status=, "
                             "attempts=, of dead letters also reason=, or "
                             "all=1");

    return NGX_DECLINED;
}


ngx_int_t
ngx_er_api_filter_found(ngx_er_api_t *api, ngx_uint_t found, ngx_int_t *rc)
{
    ngx_str_t         name;
    ngx_uint_t        archive;
    ngx_er_source_t  *source;

    /* behind a page there was one */

    if (found || api->request == NULL || ngx_er_api_arg(api, "after", &name)) {
        return NGX_OK;
    }

    if (ngx_er_api_arg(api, "target", &name)
        && ngx_er_target_find(api->mcf, &name) == NULL)
    {
        *rc = ngx_er_api_noun(api, "target", &name);
        return NGX_DECLINED;
    }

    archive = ngx_er_api_arg(api, "archive", &name);

    if (!archive && !ngx_er_api_arg(api, "source", &name)) {
        return NGX_OK;
    }

    source = ngx_er_source_find(api->mcf, &name);

    if (source == NULL) {
        *rc = ngx_er_api_noun(api, "source", &name);
        return NGX_DECLINED;
    }

    if (archive && source->retain == 0) {
        *rc = ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, "this source has "
                                 "no archive: \"retain\" in its event_source "
                                 "keeps what was delivered");
        return NGX_DECLINED;
    }

    return NGX_OK;
}
