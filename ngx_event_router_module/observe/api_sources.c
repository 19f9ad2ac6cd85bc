
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/sources: what came of each source and what became of it, as
 * event_status counts it, with what an operator looks at beside it: is it
 * silent, is it paused, what is held.  All of it is in shared memory: no store
 * is asked, so a page may ask every second.  The source of the router's own
 * events is one of them.
 */


#include "api_sources.h"
#include "api_hold.h"
#include "status.h"
#include "../ingest/expect.h"


#define NGX_ER_API_SOURCES_JSON  16384


static ngx_int_t ngx_er_api_sources_handler(ngx_er_api_t *api);
static void ngx_er_api_source_json(ngx_er_json_t *json,
    ngx_er_source_t *source);
static void ngx_er_api_source_age(ngx_er_json_t *json,
    ngx_er_source_t *source);


static ngx_er_api_field_t  ngx_er_api_sources_row[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "delivery", NGX_ER_API_TEXT, 1, "sync|queued", NULL,
      "at once, or by the queue" },
    { "received", NGX_ER_API_MAP, 1, NULL, NULL,
      "its requests and events, by what became of them" },
    { "refused", NGX_ER_API_MAP, 1, NULL, NULL,
      "what was refused, by the reason" },
    { "bytes", NGX_ER_API_NUMBER, 1, NULL, NULL, "of all bodies" },
    { "last_seconds", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "since its last genuine event; not there if none came yet" },
    { "expect_seconds", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "how long it may be silent: the shortest of its lines \"expect\"" },
    { "silent", NGX_ER_API_FLAG, 0, NULL, NULL,
      "whether what is expected does not come" },
    NGX_ER_API_HOLD_FIELDS,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_sources_source = {
    "SourceNumbers", "What came of a source", ngx_er_api_sources_row
};


static ngx_er_api_field_t  ngx_er_api_sources_fields[] = {
    { "now", NGX_ER_API_TIME, 1, NULL, NULL, "when this was so" },
    { "sources", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_sources_source,
      "all of them, in the order of nginx.conf" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_sources_answer = {
    "Sources", "The numbers of all sources", ngx_er_api_sources_fields
};


ngx_er_api_endpoint_t  ngx_er_api_sources[] = {

    { "sources", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "What came of each source, and what became of it", NULL, NULL,
      &ngx_er_api_sources_answer, ngx_er_api_sources_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_sources_handler(ngx_er_api_t *api)
{
    ngx_uint_t         i;
    ngx_er_json_t      json;
    ngx_er_source_t  **source;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_SOURCES_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_when(&json, "now", ngx_er_queue_now());
    ngx_er_json_open(&json, "sources", "[");

    source = api->mcf->sources.elts;

    for (i = 0; i < api->mcf->sources.nelts; i++) {
        ngx_er_api_source_json(&json, source[i]);
    }

    ngx_er_json_close(&json, "]");
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static void
ngx_er_api_source_json(ngx_er_json_t *json, ngx_er_source_t *source)
{
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "name", &source->name, 0);
    ngx_er_json_word(json, "delivery", source->mode == NGX_ER_MODE_QUEUED
                                       ? "queued" : "sync");

    ngx_er_status_family(json, "received",
                         ngx_er_family_of(NGX_ER_NOUN_SOURCE, 0),
                         source->counters);
    ngx_er_status_family(json, "refused",
                         ngx_er_family_of(NGX_ER_NOUN_SOURCE,
                                          NGX_ER_METRIC_REASONS),
                         source->counters);

    ngx_er_json_number(json, "bytes", source->counters[NGX_ER_METRIC_BYTES]);

    ngx_er_api_source_age(json, source);
    ngx_er_api_hold_json(json, source);
    ngx_er_json_close(json, "}");
}


static void
ngx_er_api_source_age(ngx_er_json_t *json, ngx_er_source_t *source)
{
    time_t      last;
    ngx_uint_t  silent;
    ngx_msec_t  every;

    last = (time_t) source->counters[NGX_ER_METRIC_LATEST];

    if (last) {
        ngx_er_json_number(json, "last_seconds",
                           (uint64_t) ngx_max(ngx_time() - last, 0));
    }

    every = ngx_er_expect_view(source, &silent);

    if (every) {
        ngx_er_json_number(json, "expect_seconds", every / 1000);
        ngx_er_json_flag(json, "silent", silent);
    }
}
