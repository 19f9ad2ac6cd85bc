
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The quarantine of sources: a page of it, one request, purge, and recheck.
 * The rows are those of ingest/refused.c on the shelf of the store; a source
 * that is not configured any more has rows, too, until their time is over, but
 * nobody can name it.
 *
 * What came with a request is shown with "reveal" only: bodies, values of
 * headers, arguments of the URI.  What was sealed is never shown.
 *
 * A page is made of several operations, since a filter may take few of the
 * rows that the store gives; how many are looked at is bounded.  A recheck
 * goes on when whoever asked has gone.
 */


#include "api_quarantine.h"
#include "diagnosis.h"
#include "reveal.h"
#include "../ingest/coding.h"
#include "../ingest/exposure.h"
#include "../ingest/recheck.h"
#include "../ingest/source.h"


#define NGX_ER_API_QUARANTINE_JSON   4096
#define NGX_ER_API_QUARANTINE_LOOKS  2000  /* rows, for a page */
#define NGX_ER_API_QUARANTINE_STEP   200
#define NGX_ER_API_QUARANTINE_BYTES  (2 * 1024 * 1024)


/* a page under way */

typedef struct {
    ngx_er_json_t          json;
    ngx_uint_t             index;      /* of the source that is looked at */
    ngx_uint_t             alone;      /* it is the only one */
    uint64_t               after;
    ngx_int_t              step;       /* NGX_ERROR: any */
    uint64_t               from;
    uint64_t               to;
    ngx_uint_t             limit;
    ngx_uint_t             shown;
    ngx_uint_t             looked;
} ngx_er_api_quarantine_page_t;


typedef struct {
    ngx_er_source_t       *source;
    ngx_uint_t             done;
} ngx_er_api_quarantine_purge_t;


static ngx_int_t ngx_er_api_quarantine_list(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_quarantine_begin(ngx_er_api_t *api,
    ngx_er_api_quarantine_page_t *page, ngx_er_source_t *source);
static ngx_int_t ngx_er_api_quarantine_next(ngx_er_api_t *api,
    ngx_er_api_quarantine_page_t *page);
static ngx_int_t ngx_er_api_quarantine_listed(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_api_quarantine_rows(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_quarantine_end(ngx_er_api_t *api,
    ngx_uint_t more);
static ngx_er_source_t *ngx_er_api_quarantine_source(ngx_er_api_t *api,
    uint64_t hash);
static ngx_int_t ngx_er_api_quarantine_id(ngx_er_api_t *api,
    ngx_er_source_t **source, uint64_t *id);
static ngx_int_t ngx_er_api_quarantine_one(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_quarantine_found(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static void ngx_er_api_quarantine_members(ngx_er_api_t *api,
    ngx_er_json_t *json, uint64_t name, ngx_er_shelf_row_t *row,
    ngx_er_refused_t *refused);
static void ngx_er_api_quarantine_rest(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_refused_t *refused);
static void ngx_er_api_quarantine_body(ngx_er_json_t *json,
    ngx_er_source_t *source, ngx_er_refused_t *refused);
static ngx_int_t ngx_er_api_quarantine_unpack(ngx_er_json_t *json,
    ngx_er_source_t *source, ngx_er_refused_t *refused, ngx_str_t *body);
static void ngx_er_api_quarantine_doctor(ngx_er_api_t *api,
    ngx_er_json_t *json, ngx_er_refused_t *refused);
static ngx_int_t ngx_er_api_quarantine_which(ngx_er_api_t *api,
    ngx_er_source_t **source, uint64_t *id, ngx_int_t *rc);
static ngx_int_t ngx_er_api_quarantine_purge(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_quarantine_purged(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_quarantine_recheck(ngx_er_api_t *api);
static void ngx_er_api_quarantine_judged(ngx_er_recheck_t *recheck);


#define NGX_ER_API_ARG_ID                                                     \
    { "id", NGX_ER_API_TEXT, 0, NULL, "the id of a request in quarantine" }


static ngx_er_api_arg_t  ngx_er_api_quarantine_list_args[] = {
    NGX_ER_API_ARG_SOURCE,
    { "step", NGX_ER_API_TEXT, 0, "type|signature|time|parse|require|route",
      "the step that failed" },
    NGX_ER_API_ARG_FROM,
    NGX_ER_API_ARG_TO,
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_quarantine_one_args[] = {
    NGX_ER_API_ARG_ID,
    NGX_ER_API_ARG_BODY,
    { "doctor", NGX_ER_API_FLAG, 0, NULL,
      "with what would have made its signature fit" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_quarantine_act_args[] = {
    NGX_ER_API_ARG_SOURCE,
    NGX_ER_API_ARG_ID,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_quarantine_header_fields[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "value", NGX_ER_API_TEXT, 0, NULL, NULL,
      "its value, if the location has \"reveal\" and it is no secret" },
    { "sealed", NGX_ER_API_FLAG, 0, NULL, NULL,
      "only a keyed hash of the value was kept" },
    { "redacted", NGX_ER_API_FLAG, 0, NULL, NULL,
      "the value is \"***\": the source hides it" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_quarantine_header = {
    "RefusedHeader", "A header of a refused request",
    ngx_er_api_quarantine_header_fields
};


static ngx_er_api_field_t  ngx_er_api_quarantine_finding_fields[] = {
    { "what", NGX_ER_API_TEXT, 1, NULL, NULL, "a word for it" },
    { "text", NGX_ER_API_TEXT, 1, NULL, NULL,
      "a sentence for people, with the way out" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_quarantine_finding = {
    "Finding", "What would have made a signature fit",
    ngx_er_api_quarantine_finding_fields
};


static ngx_er_api_field_t  ngx_er_api_quarantine_fields[] = {
    { "id", NGX_ER_API_TEXT, 1, NULL, NULL, "the id of the request" },
    { "source", NGX_ER_API_TEXT, 1, NULL, NULL, "whom it was sent to" },
    { "received", NGX_ER_API_TIME, 1, NULL, NULL, "when it came" },
    { "until", NGX_ER_API_TIME, 1, NULL, NULL, "when it is forgotten" },
    { "step", NGX_ER_API_TEXT, 1, "type|signature|time|parse|require|route",
      NULL, "the step that failed" },
    { "why", NGX_ER_API_TEXT, 1, NULL, NULL, "the reason, for people" },
    { "status", NGX_ER_API_NUMBER, 1, NULL, NULL, "what it was answered" },
    { "peer", NGX_ER_API_TEXT, 1, NULL, NULL, "the address it came from" },
    { "method", NGX_ER_API_TEXT, 1, NULL, NULL, "of HTTP" },
    { "uri", NGX_ER_API_TEXT, 1, NULL, NULL,
      "its URI, with arguments if the location has \"reveal\"" },
    { "size", NGX_ER_API_NUMBER, 1, NULL, NULL, "bytes of its body" },
    { "events", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of the steps require and route: events in it" },
    { "lack", NGX_ER_API_TEXT, 0, NULL, NULL,
      "why it cannot be judged again" },
    { "headers", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_quarantine_header,
      "of one request: what was kept of its headers" },
    { "body", NGX_ER_API_TEXT, 0, NULL, NULL,
      "with body=1: the body unpacked, percent-encoded where it is no text" },
    NGX_ER_REVEAL_FIELDS,
    { "doctor", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_quarantine_finding,
      "with doctor=1: what the signature doctor says" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_quarantine_request = {
    "Refused", "A request that was refused and is kept",
    ngx_er_api_quarantine_fields
};


static ngx_er_api_field_t  ngx_er_api_quarantine_page_fields[] = {
    { "requests", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_quarantine_request,
      "source by source, the newest first" },
    NGX_ER_API_FIELD_NEXT,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_quarantine_answer = {
    "Quarantine", "A page of refused requests",
    ngx_er_api_quarantine_page_fields
};


static ngx_er_api_field_t  ngx_er_api_quarantine_purge_fields[] = {
    { "purged", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_quarantine_purge_answer = {
    "PurgedQuarantine", "What was forgotten",
    ngx_er_api_quarantine_purge_fields
};


static ngx_er_api_field_t  ngx_er_api_recheck_event_fields[] = {
    { "id", NGX_ER_API_TEXT, 1, NULL, NULL, "the producer's id" },
    { "outcome", NGX_ER_API_TEXT, 1, NULL, NULL, "as in a receipt" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_recheck_event = {
    "RecheckedEvent", "What became of an event",
    ngx_er_api_recheck_event_fields
};


static ngx_er_api_field_t  ngx_er_api_recheck_request_fields[] = {
    { "id", NGX_ER_API_TEXT, 1, NULL, NULL, "the id of the request" },
    { "verdict", NGX_ER_API_TEXT, 1,
      "admitted|duplicate|refused|failed|unfit", NULL,
      "the first two have left the quarantine" },
    { "why", NGX_ER_API_TEXT, 0, NULL, NULL, "the reason, for people" },
    { "events", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_recheck_event,
      "what became of its events" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_recheck_request = {
    "RecheckedRequest", "What became of a request",
    ngx_er_api_recheck_request_fields
};


static ngx_er_api_field_t  ngx_er_api_recheck_fields[] = {
    { "judged", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many" },
    { "admitted", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "delivered or queued now" },
    { "duplicate", NGX_ER_API_NUMBER, 1, NULL, NULL, "known already" },
    { "refused", NGX_ER_API_NUMBER, 1, NULL, NULL, "still refused" },
    { "failed", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "genuine, but not taken now" },
    { "unfit", NGX_ER_API_NUMBER, 1, NULL, NULL, "cannot be judged again" },
    { "requests", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_recheck_request,
      "the first 1000 of them, the oldest first" },
    { "incomplete", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it ended before its time: the store or the worker did" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_recheck_answer = {
    "Recheck", "What came of judging again", ngx_er_api_recheck_fields
};


ngx_er_api_endpoint_t  ngx_er_api_quarantine[] = {

    { "quarantine", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "Requests that were refused", ngx_er_api_quarantine_list_args, NULL,
      &ngx_er_api_quarantine_answer, ngx_er_api_quarantine_list },

    { "quarantine/{id}", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "One of them", ngx_er_api_quarantine_one_args, NULL,
      &ngx_er_api_quarantine_request, ngx_er_api_quarantine_one },

    { "purge_quarantine", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Forgets refused requests, one or all of a source",
      ngx_er_api_quarantine_act_args, NULL,
      &ngx_er_api_quarantine_purge_answer, ngx_er_api_quarantine_purge },

    { "recheck", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Judges refused requests again, one or all of a source",
      ngx_er_api_quarantine_act_args, NULL,
      &ngx_er_api_recheck_answer, ngx_er_api_quarantine_recheck },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_quarantine_list(ngx_er_api_t *api)
{
    ngx_int_t                      rc;
    ngx_er_source_t               *source;
    ngx_er_api_quarantine_page_t  *page;

    if (ngx_er_api_source(api, &source, &rc) != NGX_OK) {
        return rc;
    }

    page = ngx_pcalloc(api->pool, sizeof(ngx_er_api_quarantine_page_t));
    if (page == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_er_api_quarantine_begin(api, page, source) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, "after= takes "
                                  "the \"next\" of the page before");
    }

    api->data = page;

    ngx_er_json_begin(&page->json, api->request->pool,
                      NGX_ER_API_QUARANTINE_JSON);
    ngx_er_json_open(&page->json, NULL, "{");
    ngx_er_json_open(&page->json, "requests", "[");

    return ngx_er_api_quarantine_next(api, page);
}


/* NGX_ERROR: after= is not one that a page had */

static ngx_int_t
ngx_er_api_quarantine_begin(ngx_er_api_t *api,
    ngx_er_api_quarantine_page_t *page, ngx_er_source_t *source)
{
    uint64_t          after[2];
    ngx_str_t         step;
    ngx_er_source_t  *last;

    page->limit = ngx_er_api_number(api, "limit", NGX_ER_API_PAGE);
    page->from = ngx_er_api_time(api, "from");
    page->to = ngx_er_api_time(api, "to");
    page->step = ngx_er_api_arg(api, "step", &step)
                 ? ngx_er_refused_step_find(&step) : NGX_ERROR;

    if (ngx_er_api_after(api, after) != NGX_OK) {
        return NGX_ERROR;
    }

    if (source) {
        page->index = source->index;
        page->alone = 1;
    }

    if (after[0]) {
        last = ngx_er_api_quarantine_source(api, after[0]);

        if (last == NULL || (source && source != last)) {
            return NGX_ERROR;
        }

        page->index = last->index;
        page->after = after[1];
    }

    return NGX_OK;
}


/* the next rows of the source at hand, or of the next one */

static ngx_int_t
ngx_er_api_quarantine_next(ngx_er_api_t *api,
    ngx_er_api_quarantine_page_t *page)
{
    ngx_er_source_t    **s;
    ngx_er_queue_op_t   *op;

    s = api->mcf->sources.elts;

    while (!page->alone && page->index < api->mcf->sources.nelts
           && s[page->index]->quarantine == NULL)
    {
        page->index++;
    }

    if (page->index == api->mcf->sources.nelts) {
        return ngx_er_api_quarantine_end(api, 0);
    }

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_LIST, NGX_ER_SHELF_QUARANTINE,
                               s[page->index]->hash, NULL, api);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* ids begin with the time */

    op->shelf->newest = 1;
    op->shelf->after = page->after ? page->after
                       : page->to ? ngx_er_history_seq(page->to + 60000) : 0;
    op->shelf->limit = NGX_ER_API_QUARANTINE_STEP;
    op->shelf->bytes = NGX_ER_API_QUARANTINE_BYTES;

    return ngx_er_api_run(api, op, ngx_er_api_quarantine_listed);
}


static ngx_int_t
ngx_er_api_quarantine_listed(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_uint_t                     over;
    ngx_er_api_quarantine_page_t  *page;

    page = api->data;

    if (api->request == NULL) {
        return NGX_OK;
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    over = ngx_er_api_quarantine_rows(api, op);

    if (page->shown == page->limit
        || page->looked >= NGX_ER_API_QUARANTINE_LOOKS)
    {
        return ngx_er_api_quarantine_end(api, 1);
    }

    if (over || !op->shelf->more) {

        if (page->alone) {
            return ngx_er_api_quarantine_end(api, 0);
        }

        page->index++;
        page->after = 0;
    }

    return ngx_er_api_quarantine_next(api, page);
}


/* 1: all that follow came before "from" */

static ngx_uint_t
ngx_er_api_quarantine_rows(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_uint_t                     i;
    ngx_er_refused_t               refused;
    ngx_er_shelf_row_t            *row;
    ngx_er_api_quarantine_page_t  *page;

    page = api->data;
    row = op->shelf->rows ? op->shelf->rows->elts : NULL;

    for (i = 0; row && i < op->shelf->rows->nelts; i++) {

        if (page->shown == page->limit) {
            return 0;
        }

        page->after = row[i].id;
        page->looked++;

        if (row[i].id >> 20 < page->from) {
            return 1;
        }

        if (ngx_er_refused_read(&row[i].value, op->pool, &refused) != NGX_OK
            || (page->step != NGX_ERROR
                && page->step != (ngx_int_t) refused.step)
            || refused.received < page->from
            || (page->to && refused.received >= page->to))
        {
            continue;
        }

        ngx_er_json_open(&page->json, NULL, "{");
        ngx_er_api_quarantine_members(api, &page->json, op->shelf->name,
                                      &row[i], &refused);
        ngx_er_json_close(&page->json, "}");

        page->shown++;
    }

    return 0;
}


static ngx_int_t
ngx_er_api_quarantine_end(ngx_er_api_t *api, ngx_uint_t more)
{
    uint64_t                        after[2];
    ngx_er_source_t               **s;
    ngx_er_api_quarantine_page_t   *page;

    page = api->data;

    ngx_er_json_close(&page->json, "]");

    if (more) {
        s = api->mcf->sources.elts;

        after[0] = s[page->index]->hash;
        after[1] = page->after;

        ngx_er_api_next(&page->json, after);
    }

    ngx_er_json_close(&page->json, "}\n");

    return ngx_er_api_json(api, &page->json);
}


static ngx_er_source_t *
ngx_er_api_quarantine_source(ngx_er_api_t *api, uint64_t hash)
{
    ngx_uint_t         i;
    ngx_er_source_t  **s;

    s = api->mcf->sources.elts;

    for (i = 0; i < api->mcf->sources.nelts; i++) {
        if (s[i]->hash == hash) {
            return s[i];
        }
    }

    return NULL;
}


/* of id=; NGX_DECLINED: no source of ours has it */

static ngx_int_t
ngx_er_api_quarantine_id(ngx_er_api_t *api, ngx_er_source_t **source,
    uint64_t *id)
{
    uint64_t   hash;
    ngx_str_t  text, half;

    if (!ngx_er_api_arg(api, "id", &text) || text.len != NGX_ER_RECHECK_ID
        || text.data[16] != '-')
    {
        return NGX_DECLINED;
    }

    half.len = 16;
    half.data = text.data;

    if (ngx_er_args_hex(&half, &hash) != NGX_OK) {
        return NGX_DECLINED;
    }

    half.data += 17;

    if (ngx_er_args_hex(&half, id) != NGX_OK || *id == 0) {
        return NGX_DECLINED;
    }

    *source = ngx_er_api_quarantine_source(api, hash);

    return *source ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_er_api_quarantine_one(ngx_er_api_t *api)
{
    uint64_t            id;
    ngx_er_source_t    *source;
    ngx_er_queue_op_t  *op;

    if (ngx_er_api_quarantine_id(api, &source, &id) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                  "there is no such request in quarantine");
    }

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_GET, NGX_ER_SHELF_QUARANTINE,
                               source->hash, NULL, api);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->shelf->id = id;
    api->data = source;

    return ngx_er_api_run(api, op, ngx_er_api_quarantine_found);
}


static ngx_int_t
ngx_er_api_quarantine_found(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_json_t        json;
    ngx_er_refused_t     refused;
    ngx_er_shelf_row_t  *row;

    if (api->request == NULL) {
        return NGX_OK;
    }

    if (op->rc == NGX_ERROR) {
        return ngx_er_api_away(api);
    }

    row = (op->rc == NGX_OK && op->shelf->rows && op->shelf->rows->nelts)
          ? op->shelf->rows->elts : NULL;

    if (row == NULL
        || ngx_er_refused_read(&row->value, op->pool, &refused) != NGX_OK)
    {
        return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                  "there is no such request in quarantine");
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_QUARANTINE_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_quarantine_members(api, &json, op->shelf->name, row, &refused);
    ngx_er_api_quarantine_rest(api, &json, &refused);

    if (ngx_er_api_flag(api, "doctor")) {
        ngx_er_api_quarantine_doctor(api, &json, &refused);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static void
ngx_er_api_quarantine_members(ngx_er_api_t *api, ngx_er_json_t *json,
    uint64_t name, ngx_er_shelf_row_t *row, ngx_er_refused_t *refused)
{
    u_char            id[NGX_ER_RECHECK_ID], *args;
    ngx_str_t         text;
    const char       *lack;
    ngx_er_source_t  *source;

    ngx_er_recheck_id(name, row->id, id);

    text.data = id;
    text.len = NGX_ER_RECHECK_ID;

    ngx_er_json_text(json, "id", &text, 0);
    ngx_er_api_text(json, "source", &refused->source);
    ngx_er_api_when(json, "received", refused->received);
    ngx_er_api_when(json, "until", row->until);
    ngx_er_json_word(json, "step", ngx_er_refused_step(refused->step));
    ngx_er_api_text(json, "why", &refused->why);
    ngx_er_json_number(json, "status", refused->status);
    ngx_er_api_text(json, "peer", &refused->peer);
    ngx_er_api_text(json, "method", &refused->method);

    text = refused->uri;
    source = ngx_er_source_find(api->mcf, &refused->source);

    if (source && source->redact
        && ngx_er_redact_uri(source->redact, json->pool, &refused->uri, &text)
           != NGX_OK)
    {
        json->failed = 1;
        return;
    }

    args = ngx_strlchr(text.data, text.data + text.len, '?');

    if (args && !api->lcf->reveal) {
        text.len = args - text.data;
    }

    ngx_er_api_text(json, "uri", &text);
    ngx_er_json_number(json, "size", refused->size);

    if (refused->nparts) {
        ngx_er_json_number(json, "events", refused->nparts);
    }

    lack = ngx_er_refused_lack(refused);

    if (lack) {
        ngx_er_json_word(json, "lack", lack);
    }
}


/* of a JSON web token, whatever it is, nothing is shown */

static void
ngx_er_api_quarantine_rest(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_refused_t *refused)
{
    ngx_uint_t           i, secret;
    ngx_er_source_t     *source;
    ngx_er_header_t     *h;
    ngx_er_exposure_e    exposure;

    source = api->data;
    h = refused->headers;

    ngx_er_json_open(json, "headers", "[");

    for (i = 0; i < refused->nheaders; i++) {
        exposure = source->quarantine
                   ? ngx_er_exposure(&source->quarantine->names, &h[i].name)
                   : NGX_ER_EXPOSURE_SECRET;
        secret = (exposure == NGX_ER_EXPOSURE_SECRET);

        ngx_er_json_open(json, NULL, "{");
        ngx_er_api_text(json, "name", &h[i].name);

        if (secret) {
            ngx_er_json_flag(json, "sealed", 1);

        } else if (api->lcf->reveal && source->redact
                   && ngx_er_redact_header(source->redact, &h[i].name))
        {
            ngx_er_json_word(json, "value", NGX_ER_REDACT_MASK);
            ngx_er_json_flag(json, "redacted", 1);

        } else if (api->lcf->reveal) {
            ngx_er_api_text(json, "value", &h[i].value);
        }

        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");

    if (api->lcf->reveal && ngx_er_api_flag(api, "body")) {
        ngx_er_api_quarantine_body(json, source, refused);
    }
}


static void
ngx_er_api_quarantine_body(ngx_er_json_t *json, ngx_er_source_t *source,
    ngx_er_refused_t *refused)
{
    ngx_str_t         body;
    ngx_uint_t        i;
    ngx_er_header_t  *h;
    ngx_er_reveal_t   what;

    static ngx_str_t  type = ngx_string("application/json"),
        packed = ngx_string("application/octet-stream");

    what.source = &refused->source;
    what.content_type = &type;
    what.body = &body;

    h = refused->headers;

    for (i = 0; i < refused->nheaders; i++) {
        if (h[i].name.len == sizeof("content-type") - 1 && h[i].value.len
            && ngx_strncasecmp(h[i].name.data, (u_char *) "content-type",
                               h[i].name.len)
               == 0)
        {
            what.content_type = &h[i].value;
            break;
        }
    }

    /* what must be hidden is not found in a body that stays packed */

    if (ngx_er_api_quarantine_unpack(json, source, refused, &body) != NGX_OK) {
        what.content_type = &packed;
    }

    ngx_er_reveal_body(json, &what);
}


/* NGX_DECLINED: it cannot be, and stays as it came */

static ngx_int_t
ngx_er_api_quarantine_unpack(ngx_er_json_t *json, ngx_er_source_t *source,
    ngx_er_refused_t *refused, ngx_str_t *body)
{
    ngx_er_coding_e   coding;
    ngx_er_unpack_t   unpack;

    *body = refused->body;

    coding = ngx_er_coding_of(refused->headers, refused->nheaders);

    if (coding == NGX_ER_CODING_NONE || body->len == 0) {
        return NGX_OK;
    }

    ngx_memzero(&unpack, sizeof(ngx_er_unpack_t));
    unpack.pool = json->pool;
    unpack.max = source->max_size;

    if (coding >= NGX_ER_CODING_UNKNOWN
        || ngx_er_coding_unpack(&unpack, coding, body) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    *body = unpack.bytes;

    return NGX_OK;
}


/* one that cannot be judged has no doctor either: "lack" says why */

static void
ngx_er_api_quarantine_doctor(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_refused_t *refused)
{
    ngx_er_judge_t  judge;

    ngx_memzero(&judge, sizeof(ngx_er_judge_t));

    judge.source = api->data;
    judge.pool = api->pool;
    judge.refused = *refused;

    switch (ngx_er_judge_look(&judge)) {

    case NGX_OK:
        ngx_er_diagnosis(judge.ctx, json);
        ngx_er_judge_end(&judge);
        break;

    case NGX_ERROR:
        json->failed = 1;
        break;

    default: /* NGX_DECLINED */
        break;
    }
}


/* source= or id=; NGX_DECLINED: it was answered, with *rc */

static ngx_int_t
ngx_er_api_quarantine_which(ngx_er_api_t *api, ngx_er_source_t **source,
    uint64_t *id, ngx_int_t *rc)
{
    ngx_er_source_t  *named;

    if (ngx_er_api_source(api, &named, rc) != NGX_OK) {
        return NGX_DECLINED;
    }

    *id = 0;
    *source = named;

    if (ngx_er_api_flag(api, "id")) {

        if (ngx_er_api_quarantine_id(api, source, id) == NGX_OK
            && (named == NULL || named == *source))
        {
            return NGX_OK;
        }

        *rc = ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                 "there is no such request in quarantine");
        return NGX_DECLINED;
    }

    if (named) {
        return NGX_OK;
    }

    *rc = ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                             "say which: source= takes the name of a source, "
                             "id= the id of a request in quarantine");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_api_quarantine_purge(ngx_er_api_t *api)
{
    uint64_t                        id;
    ngx_int_t                       rc;
    ngx_er_source_t                *source;
    ngx_er_queue_op_t              *op;
    ngx_er_api_quarantine_purge_t  *purge;

    if (ngx_er_api_quarantine_which(api, &source, &id, &rc) != NGX_OK) {
        return rc;
    }

    purge = ngx_pcalloc(api->pool, sizeof(ngx_er_api_quarantine_purge_t));
    if (purge == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    purge->source = source;

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_DROP, NGX_ER_SHELF_QUARANTINE,
                               source->hash, NULL, api);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->shelf->id = id;
    api->data = purge;

    return ngx_er_api_run(api, op, ngx_er_api_quarantine_purged);
}


static ngx_int_t
ngx_er_api_quarantine_purged(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_json_t                   json;
    ngx_er_api_quarantine_purge_t  *purge;

    purge = api->data;

    if (op->rc == NGX_OK) {
        purge->done += op->shelf->done;
    }

    if (op->rc == NGX_OK && op->shelf->more) {
        op->shelf->done = 0;
        op->shelf->more = 0;

        return ngx_er_api_run(api, op, ngx_er_api_quarantine_purged);
    }

    if (purge->done) {
        ngx_er_api_audit(api, "purge", &purge->source->name,
                         "%ui refused request%s of source \"%V\" %s purged",
                         purge->done, purge->done == 1 ? "" : "s",
                         &purge->source->name,
                         purge->done == 1 ? "was" : "were");
    }

    if (api->request == NULL) {
        return NGX_OK;
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_QUARANTINE_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_number(&json, "purged", purge->done);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static ngx_int_t
ngx_er_api_quarantine_recheck(ngx_er_api_t *api)
{
    uint64_t          id;
    ngx_int_t         rc;
    ngx_uint_t        busy;
    ngx_er_source_t  *source;

    if (ngx_er_api_quarantine_which(api, &source, &id, &rc) != NGX_OK) {
        return rc;
    }

    if (source->quarantine == NULL) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "the source has no quarantine: add "
                                  "\"quarantine 24h;\" to its event_source");
    }

    if (ngx_er_recheck_start(source, id, ngx_er_api_quarantine_judged, api,
                             &busy)
        == NULL)
    {
        return busy ? ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                         "another recheck is under way in "
                                         "this nginx: wait for it to end")
                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_er_api_audit(api, "recheck", &source->name,
                     id ? "a refused request of source \"%V\" is judged again"
                        : "the quarantine of source \"%V\" is judged again",
                     &source->name);

    return ngx_er_api_hold(api);
}


static void
ngx_er_api_quarantine_judged(ngx_er_recheck_t *recheck)
{
    ngx_int_t      rc;
    ngx_er_api_t  *api;
    ngx_er_json_t  json;

    api = ngx_er_recheck_data(recheck);
    rc = ngx_er_recheck_rc(recheck);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: recheck has ended, rc:%i request:%d",
                   rc, api->request != NULL);

    if (api->request == NULL) {
        rc = NGX_OK;

    } else if (rc == NGX_DECLINED) {
        rc = ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                "there is no such request in quarantine");

    } else {
        ngx_http_set_log_request(api->request->connection->log, api->request);

        ngx_er_json_begin(&json, api->request->pool,
                          NGX_ER_API_QUARANTINE_JSON);
        ngx_er_json_open(&json, NULL, "{");
        ngx_er_recheck_json(recheck, &json);

        if (rc != NGX_OK) {
            ngx_er_json_flag(&json, "incomplete", 1);
        }

        ngx_er_json_close(&json, "}\n");

        rc = ngx_er_api_json(api, &json);
    }

    ngx_er_recheck_free(recheck);
    ngx_er_api_finish(api, rc);
}
