
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/series: numbers of each step of the last hour or day, for plots.  An
 * array has an element for each step, the oldest first; what was not measured
 * is null.
 *
 * With 256 sources and 256 targets the answer has 830,000 numbers, so it is
 * written a few nouns at a time, and the event loop goes on in between.  A
 * sample that is taken meanwhile does no harm: there is a slot more than is
 * shown.  A noun that loses its seat meanwhile has nulls from there on, and is
 * left out of the next answer.
 *
 * Everything is in the request's pool but the event that goes on, which is the
 * API's.  If the client goes nothing more is written.  What may fail is
 * memory.
 */


#include "api_series.h"
#include "series_turn.h"


#define NGX_ER_API_SERIES_NOUNS  16    /* in one turn of the event loop */
#define NGX_ER_API_SERIES_PAUSE  1     /* ms: a timer, as that keeps a worker
                                          that exits until all is written */
#define NGX_ER_API_SERIES_HEAD   4096  /* bytes beside the numbers */
#define NGX_ER_API_SERIES_NAME   256   /* of a noun */
#define NGX_ER_API_SERIES_BYTES  5     /* of a number: "null," */


/* what is written next */

typedef enum {
    NGX_ER_API_SERIES_TARGETS = 0,
    NGX_ER_API_SERIES_SOURCES,
    NGX_ER_API_SERIES_OVER
} ngx_er_api_series_state_e;


typedef struct {
    ngx_er_api_t              *api;
    ngx_er_series_t           *s;      /* NULL: there is none */
    ngx_er_series_span_e       span;
    uint64_t                   begin;  /* the first step, */
    uint64_t                   end;    /* and the one behind the last one */
    ngx_er_source_t           *source;  /* NULL: all, or none if there is a */
    ngx_er_target_t           *target;  /* target; and the other way round */
    ngx_uint_t                 left;   /* nouns without a seat */
    ngx_er_api_series_state_e  state;
    ngx_uint_t                 next;   /* noun */
    ngx_er_json_t              json;
    ngx_event_t                event;
    ngx_connection_t           dummy;  /* its data: debug logs its fd */
} ngx_er_api_series_t;


static ngx_int_t ngx_er_api_series_handler(ngx_er_api_t *api);
static void ngx_er_api_series_begin(ngx_er_api_series_t *series);
static void ngx_er_api_series_more(ngx_event_t *ev);
static void ngx_er_api_series_piece(ngx_er_api_series_t *series);
static ngx_uint_t ngx_er_api_series_noun(ngx_er_api_series_t *series,
    ngx_str_t *name, ngx_er_series_kind_e kind);
static void ngx_er_api_series_row(ngx_er_api_series_t *series,
    ngx_er_series_row_t *row, ngx_er_series_kind_e kind);
static void ngx_er_api_series_measured(ngx_er_api_series_t *series);


static ngx_er_api_arg_t  ngx_er_api_series_args[] = {
    { "span", NGX_ER_API_TEXT, 1, "hour|day",
      "hour: steps of 10 seconds; day: steps of 5 minutes" },
    { "target", NGX_ER_API_TEXT, 0, NULL, "only this target" },
    { "source", NGX_ER_API_TEXT, 0, NULL, "only this source" },
    NGX_ER_API_ARGS_END
};


/* in the order of series.h's enums, by which they are written */

static ngx_er_api_field_t  ngx_er_api_series_source_fields[] = {
    { "accepted", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "events that were taken" },
    { "duplicate", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "events that were known" },
    { "refused", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "events and requests that were answered otherwise" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_field_t  ngx_er_api_series_target_fields[] = {
    { "delivered", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "attempts that succeeded" },
    { "failed", NGX_ER_API_NUMBERS, 1, NULL, NULL, "attempts that did not" },
    { "pending", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "entries that wait, at the end of the step" },
    { "oldest_seconds", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "age of the oldest one, at the end of the step" },
    { "p50", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "half of the attempts took so many ms at most" },
    { "p99", NGX_ER_API_NUMBERS, 1, NULL, NULL, "and 99 of 100" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_field_t  ngx_er_api_series_all_fields[] = {
    { "accepted", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "events that were taken" },
    { "duplicate", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "events that were known" },
    { "refused", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "events and requests that were answered otherwise" },
    { "delivered", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "attempts that succeeded" },
    { "failed", NGX_ER_API_NUMBERS, 1, NULL, NULL, "attempts that did not" },
    { "dead", NGX_ER_API_NUMBERS, 1, NULL, NULL, "new dead letters" },
    NGX_ER_API_FIELDS_END
};


/* by ngx_er_series_kind_e */

static ngx_er_api_schema_t  ngx_er_api_series_rows[] = {
    { "SeriesSource", "Of each step, what a source sent",
      ngx_er_api_series_source_fields },
    { "SeriesTarget", "Of each step, what became of deliveries to a target",
      ngx_er_api_series_target_fields },
    { "SeriesAll", "Of each step, all sources and targets together",
      ngx_er_api_series_all_fields }
};


static ngx_er_api_field_t  ngx_er_api_series_fields[] = {
    { "now", NGX_ER_API_TIME, 1, NULL, NULL, "when this was written" },
    { "span", NGX_ER_API_TEXT, 1, "hour|day", NULL, "which was asked for" },
    { "step_ms", NGX_ER_API_NUMBER, 1, NULL, NULL, "how long a step is" },
    { "from", NGX_ER_API_TIME, 1, NULL, NULL, "begin of the first step" },
    { "to", NGX_ER_API_TIME, 1, NULL, NULL, "end of the last one" },
    { "points", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how many steps there are, and elements of each array" },
    { "measured_ms", NGX_ER_API_NUMBERS, 1, NULL, NULL,
      "for how much of the step there are numbers" },
    { "all", NGX_ER_API_OBJECT, 1, NULL,
      &ngx_er_api_series_rows[NGX_ER_SERIES_ALL], "all together" },
    { "targets", NGX_ER_API_MAP, 1, NULL,
      &ngx_er_api_series_rows[NGX_ER_SERIES_TARGET], "each target" },
    { "sources", NGX_ER_API_MAP, 1, NULL,
      &ngx_er_api_series_rows[NGX_ER_SERIES_SOURCE], "each source" },
    { "left_out", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "sources and targets of which nothing is kept: there is room for 256 of "
      "each" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_series_answer = {
    "Series", "What was counted in each step of the last hour or day",
    ngx_er_api_series_fields
};


ngx_er_api_endpoint_t  ngx_er_api_series[] = {

    { "series", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "Numbers of the last hour or day, step by step", ngx_er_api_series_args,
      NULL, &ngx_er_api_series_answer, ngx_er_api_series_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_series_handler(ngx_er_api_t *api)
{
    ngx_int_t             rc;
    ngx_str_t             span;
    ngx_er_api_series_t  *series;

    series = ngx_pcalloc(api->pool, sizeof(ngx_er_api_series_t));
    if (series == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_er_api_target(api, &series->target, &rc) != NGX_OK
        || ngx_er_api_source(api, &series->source, &rc) != NGX_OK)
    {
        return rc;
    }

    (void) ngx_er_api_arg(api, "span", &span);

    series->api = api;
    series->s = ngx_er_series_of(api->mcf);
    series->span = (span.data[0] == 'd') ? NGX_ER_SERIES_DAY
                                         : NGX_ER_SERIES_HOUR;

    ngx_er_api_series_begin(series);
    ngx_er_api_series_piece(series);

    if (series->state == NGX_ER_API_SERIES_OVER) {
        return ngx_er_api_json(api, &series->json);
    }

    series->dummy.fd = (ngx_socket_t) -1;
    series->event.handler = ngx_er_api_series_more;
    series->event.data = series;
    series->event.log = ngx_cycle->log;

    ngx_add_timer(&series->event, NGX_ER_API_SERIES_PAUSE);

    return ngx_er_api_hold(api);
}


static void
ngx_er_api_series_begin(ngx_er_api_series_t *series)
{
    size_t               size;
    uint64_t             now, ms;
    ngx_uint_t           points;
    ngx_er_json_t       *json;
    ngx_er_main_conf_t  *mcf;

    mcf = series->api->mcf;
    json = &series->json;

    now = ngx_er_series_now();
    ms = ngx_er_series_ms(series->span);
    points = ngx_er_series_points(series->span);

    series->end = series->s ? ngx_er_series_end(series->s, series->span, now)
                            : now / ms;
    series->begin = series->end - points;

    size = (series->target || series->source)
           ? 2 : ngx_min(mcf->targets.nelts, NGX_ER_SERIES_SEATS)
                 + ngx_min(mcf->sources.nelts, NGX_ER_SERIES_SEATS);
    size = (size + 2) * (NGX_ER_SERIES_WIDTH * points * NGX_ER_API_SERIES_BYTES
                         + NGX_ER_API_SERIES_NAME);

    ngx_er_json_begin(json, series->api->request->pool,
                      size + NGX_ER_API_SERIES_HEAD);
    ngx_er_json_open(json, NULL, "{");
    ngx_er_api_when(json, "now", now);
    ngx_er_json_word(json, "span", series->span == NGX_ER_SERIES_DAY ? "day"
                                                                   : "hour");
    ngx_er_json_number(json, "step_ms", ms);
    ngx_er_api_when(json, "from", series->begin * ms);
    ngx_er_api_when(json, "to", series->end * ms);
    ngx_er_json_number(json, "points", points);

    ngx_er_api_series_measured(series);

    ngx_er_json_open(json, "all", "{");
    ngx_er_api_series_row(series, series->s ? &series->s->all : NULL,
                          NGX_ER_SERIES_ALL);
    ngx_er_json_close(json, "}");

    ngx_er_json_open(json, "targets", "{");
}


static void
ngx_er_api_series_more(ngx_event_t *ev)
{
    ngx_er_api_t         *api;
    ngx_er_api_series_t  *series;

    series = ev->data;
    api = series->api;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: series goes on, state:%d noun:%ui "
                   "bytes:%uz request:%d", (int) series->state, series->next,
                   series->json.out.len, api->request != NULL);

    if (api->request == NULL) {
        ngx_er_api_finish(api, NGX_OK);
        return;
    }

    ngx_http_set_log_request(api->request->connection->log, api->request);

    ngx_er_api_series_piece(series);

    if (series->state == NGX_ER_API_SERIES_OVER) {
        ngx_er_api_finish(api, ngx_er_api_json(api, &series->json));
        return;
    }

    ngx_add_timer(ev, NGX_ER_API_SERIES_PAUSE);
}


/* some nouns more */

static void
ngx_er_api_series_piece(ngx_er_api_series_t *series)
{
    ngx_uint_t          n, one;
    ngx_er_json_t      *json;
    ngx_er_source_t   **source;
    ngx_er_target_t   **target;

    json = &series->json;
    source = series->api->mcf->sources.elts;
    target = series->api->mcf->targets.elts;

    one = (series->target || series->source);
    n = 0;

    while (n < NGX_ER_API_SERIES_NOUNS) {

        switch (series->state) {

        case NGX_ER_API_SERIES_TARGETS:

            if (series->next < series->api->mcf->targets.nelts) {
                if (!one || target[series->next] == series->target) {
                    n += ngx_er_api_series_noun(series,
                                                &target[series->next]->name,
                                                NGX_ER_SERIES_TARGET);
                }

                series->next++;
                break;
            }

            ngx_er_json_close(json, "}");
            ngx_er_json_open(json, "sources", "{");

            series->state = NGX_ER_API_SERIES_SOURCES;
            series->next = 0;
            break;

        case NGX_ER_API_SERIES_SOURCES:

            if (series->next < series->api->mcf->sources.nelts) {
                if (!one || source[series->next] == series->source) {
                    n += ngx_er_api_series_noun(series,
                                                &source[series->next]->name,
                                                NGX_ER_SERIES_SOURCE);
                }

                series->next++;
                break;
            }

            ngx_er_json_close(json, "}");
            ngx_er_json_number(json, "left_out", series->left);
            ngx_er_json_close(json, "}\n");

            series->state = NGX_ER_API_SERIES_OVER;
            return;

        default: /* NGX_ER_API_SERIES_OVER */
            return;
        }
    }
}


/* 1: it has a seat, and is there */

static ngx_uint_t
ngx_er_api_series_noun(ngx_er_api_series_t *series, ngx_str_t *name,
    ngx_er_series_kind_e kind)
{
    ngx_er_series_row_t  *row;

    row = series->s ? ngx_er_series_find(series->s, kind, ngx_er_hash64(name))
                    : NULL;

    if (row == NULL) {
        series->left++;
        return 0;
    }

    ngx_er_json_key(&series->json, name);
    ngx_er_json_open(&series->json, NULL, "{");
    ngx_er_api_series_row(series, row, kind);
    ngx_er_json_close(&series->json, "}");

    return 1;
}


/* if another noun gets the seat meanwhile its numbers are not shown */

static void
ngx_er_api_series_row(ngx_er_api_series_t *series, ngx_er_series_row_t *row,
    ngx_er_series_kind_e kind)
{
    uint64_t             step, number, hash;
    ngx_uint_t           i;
    ngx_er_api_field_t  *field;

    field = ngx_er_api_series_rows[kind].fields;
    hash = row ? row->hash : 0;

    for (i = 0; field[i].name; i++) {
        ngx_er_json_open(&series->json, field[i].name, "[");

        for (step = series->begin; step < series->end; step++) {
            number = row ? ngx_er_series_get(series->s, row, series->span,
                                             step, i)
                         : NGX_ER_SERIES_NONE;

            if (number == NGX_ER_SERIES_NONE || row->hash != hash) {
                ngx_er_json_null(&series->json, NULL);

            } else {
                ngx_er_json_number(&series->json, NULL, number);
            }
        }

        ngx_er_json_close(&series->json, "]");
    }
}


static void
ngx_er_api_series_measured(ngx_er_api_series_t *series)
{
    uint64_t  step, ms;

    ngx_er_json_open(&series->json, "measured_ms", "[");

    for (step = series->begin; step < series->end; step++) {
        ms = series->s ? ngx_er_series_measured(series->s, series->span, step)
                       : 0;

        if (ms) {
            ngx_er_json_number(&series->json, NULL, ms);

        } else {
            ngx_er_json_null(&series->json, NULL);
        }
    }

    ngx_er_json_close(&series->json, "]");
}
