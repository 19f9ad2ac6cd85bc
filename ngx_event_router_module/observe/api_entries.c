
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What waits and what is dead, a page at a time: GET v1/pending and v1/dead.
 * The store looks for the entries, admin_list.c prints them, as it does for
 * the old paths.  A target that is not configured has none, or what it left
 * behind: it is no mistake to ask.
 *
 * What only the events know (id, type, subject) is looked at here, 100 of them
 * at a time and 10,000 for a page, which may be short and have a next one.
 */


#include "api_entries.h"
#include "api_edited.h"
#include "admin_list.h"
#include "api_filter.h"
#include "reveal.h"
#include "../ingest/record.h"


#define NGX_ER_API_ENTRIES_JSON  4096
#define NGX_ER_API_ENTRIES_STEP  100   /* entries, of an operation */
#define NGX_ER_API_ENTRIES_LOOK  10000 /* for a page */


/* an answer, and what must hold beside the store's filter; empty: anything */

typedef struct {
    ngx_er_json_t          json;
    ngx_uint_t             limit;
    ngx_uint_t             found;
    ngx_uint_t             looked;
    ngx_uint_t             narrow;     /* one of these is set */
    ngx_str_t              id;
    ngx_str_t              type;
    ngx_str_t              subject;
    ngx_str_t              text;
} ngx_er_api_entries_t;


#define NGX_ER_API_ENTRIES_ARGS                                               \
    { "id", NGX_ER_API_TEXT, 0, NULL, "the producer's id of the event" },     \
    { "type", NGX_ER_API_TEXT, 0, NULL, "the type of the event" },            \
    { "subject", NGX_ER_API_TEXT, 0, NULL, "the subject of the event" },      \
    { "text", NGX_ER_API_TEXT, 0, NULL,                                       \
      "a part of the id or of the subject, in any case" }


static ngx_int_t ngx_er_api_pending(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_dead(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_entries_list(ngx_er_api_t *api, ngx_uint_t dead);
static ngx_int_t ngx_er_api_entries_step(ngx_er_api_t *api, ngx_uint_t dead,
    uint64_t after[2]);
static ngx_int_t ngx_er_api_entries_done(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_entries_end(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_api_entries_wanted(ngx_er_api_entries_t *list,
    ngx_er_entry_t *entry);
static ngx_uint_t ngx_er_api_entries_same(ngx_str_t *wanted,
    ngx_str_t *value);
static ngx_uint_t ngx_er_api_entries_has(ngx_str_t *wanted, ngx_str_t *value);


static ngx_er_api_arg_t  ngx_er_api_pending_args[] = {
    NGX_ER_API_FILTER_ARGS,
    NGX_ER_API_ENTRIES_ARGS,
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARG_BODY,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_dead_args[] = {
    NGX_ER_API_FILTER_ARGS,
    NGX_ER_API_ENTRIES_ARGS,
    NGX_ER_API_ARG_REASON,
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARG_BODY,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_attempt_fields[] = {
    { "at", NGX_ER_API_TIME, 1, NULL, NULL, "when it began" },
    { "attempt", NGX_ER_API_NUMBER, 1, NULL, NULL, "its number, from 1" },
    { "status", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "of the answer; 0: there was none" },
    { "ms", NGX_ER_API_NUMBER, 1, NULL, NULL, "how long it took" },
    { "verdict", NGX_ER_API_TEXT, 0, "doubt", NULL,
      "\"doubt\": the target may have taken it, its answer does not say" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_attempt = {
    "Attempt", "One attempt of the past", ngx_er_api_attempt_fields
};


static ngx_er_api_field_t  ngx_er_api_calls_fields[] = {
    { "done", NGX_ER_API_NUMBER, 1, NULL, NULL, "that the target has" },
    { "dead", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "that it has refused for good" },
    { "of", NGX_ER_API_NUMBER, 1, NULL, NULL, "all of them" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_calls = {
    "Calls", "Which calls of an entry are made", ngx_er_api_calls_fields
};


static ngx_er_api_field_t  ngx_er_api_entry_fields[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, NULL, "the number of the event" },
    { "target", NGX_ER_API_TEXT, 1, NULL, NULL, "whom it is for" },
    { "routes", NGX_ER_API_TEXT, 1, NULL, NULL,
      "the routes that matched, with commas between them" },
    { "accepted", NGX_ER_API_TIME, 1, NULL, NULL,
      "when it was received or replayed" },
    { "attempts", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how many were made since then" },
    { "crashes", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how often a worker died that had it in hand" },
    { "epoch", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how often it was replayed" },
    { "calls", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_calls,
      "of one that is several calls and has begun" },
    { "history", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_attempt,
      "the last attempts, the latest last" },
    { "due", NGX_ER_API_TIME, 0, NULL, NULL,
      "of a pending one: when it is tried next" },
    { "held", NGX_ER_API_FLAG, 0, NULL, NULL,
      "of a pending one: its source is paused" },
    { "reason", NGX_ER_API_TEXT, 0,
      "exhausted|final|expired|poison|target_removed|corrupt|in_doubt|"
      "mapping_changed|unknown",
      NULL, "of a dead letter: why it died" },
    { "died", NGX_ER_API_TIME, 0, NULL, NULL, "of a dead letter: when" },
    { "status", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of a dead letter: that of the last answer" },
    { "answer", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of a dead letter: the first bytes of the last answer" },
    { "errors", NGX_ER_API_LIST, 0, NULL, NULL,
      "of a dead letter: what a REST API of OutSystems said went wrong" },
    { "id", NGX_ER_API_TEXT, 0, NULL, NULL, "the producer's id of the event" },
    { "source", NGX_ER_API_TEXT, 0, NULL, NULL, "where it came from" },
    { "type", NGX_ER_API_TEXT, 0, NULL, NULL, "its type" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, NULL, "its subject" },
    { "size", NGX_ER_API_NUMBER, 0, NULL, NULL, "bytes of its body" },
    { "edited", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_edited_from,
      "it is a copy with another body" },
    { "datacontenttype", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of the body, with body=1" },
    { "body", NGX_ER_API_TEXT, 0, NULL, NULL,
      "with body=1: the body, percent-encoded where it is no text" },
    NGX_ER_REVEAL_FIELDS,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_entry = {
    "Entry", "An event that waits for a target, or that it will not get",
    ngx_er_api_entry_fields
};


static ngx_er_api_field_t  ngx_er_api_entries_fields[] = {
    { "entries", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_entry,
      "target by target, the oldest first" },
    NGX_ER_API_FIELD_NEXT,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_entries_answer = {
    "Entries", "A page of entries of the queue", ngx_er_api_entries_fields
};


ngx_er_api_endpoint_t  ngx_er_api_entries[] = {

    { "pending", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "Deliveries that wait", ngx_er_api_pending_args, NULL,
      &ngx_er_api_entries_answer, ngx_er_api_pending },

    { "dead", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "Dead letters", ngx_er_api_dead_args, NULL,
      &ngx_er_api_entries_answer, ngx_er_api_dead },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_pending(ngx_er_api_t *api)
{
    return ngx_er_api_entries_list(api, 0);
}


static ngx_int_t
ngx_er_api_dead(ngx_er_api_t *api)
{
    return ngx_er_api_entries_list(api, 1);
}


static ngx_int_t
ngx_er_api_entries_list(ngx_er_api_t *api, ngx_uint_t dead)
{
    uint64_t               after[2];
    ngx_er_api_entries_t  *list;

    list = ngx_pcalloc(api->pool, sizeof(ngx_er_api_entries_t));
    if (list == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    list->narrow = ngx_er_api_arg(api, "id", &list->id)
                   | ngx_er_api_arg(api, "type", &list->type)
                   | ngx_er_api_arg(api, "subject", &list->subject)
                   | ngx_er_api_arg(api, "text", &list->text);

    list->limit = ngx_er_api_number(api, "limit", NGX_ER_API_PAGE);

    if (ngx_er_api_after(api, after) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, "after= takes "
                                  "the \"next\" of the page before");
    }

    ngx_er_json_begin(&list->json, api->request->pool,
                      NGX_ER_API_ENTRIES_JSON);
    ngx_er_json_open(&list->json, NULL, "{");
    ngx_er_json_open(&list->json, "entries", "[");

    api->data = list;

    return ngx_er_api_entries_step(api, dead, after);
}


/* each step has an operation of its own: its memory ends with it */

static ngx_int_t
ngx_er_api_entries_step(ngx_er_api_t *api, ngx_uint_t dead, uint64_t after[2])
{
    ngx_er_queue_op_t     *op;
    ngx_er_api_entries_t  *list;

    list = api->data;

    op = ngx_er_api_op(api, NGX_ER_QUEUE_LIST);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->dead = dead;
    op->records = 1;
    op->limit = list->narrow ? NGX_ER_API_ENTRIES_STEP : list->limit;
    op->after[0] = after[0];
    op->after[1] = after[1];

    ngx_er_api_filter(api, &op->filter);

    return ngx_er_api_run(api, op, ngx_er_api_entries_done);
}


static ngx_int_t
ngx_er_api_entries_done(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_uint_t             i, n;
    ngx_er_entry_t        *entry;
    ngx_er_api_entries_t  *list;

    list = api->data;

    if (api->request == NULL) {
        return NGX_OK;
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    entry = op->entries ? op->entries->elts : NULL;
    n = op->entries ? op->entries->nelts : 0;

    for (i = 0; i < n && list->found < list->limit; i++) {

        if (!ngx_er_api_entries_wanted(list, &entry[i])) {
            continue;
        }

        ngx_er_admin_list_entry(&list->json, &entry[i], op->dead,
                                api->lcf->reveal
                                && ngx_er_api_flag(api, "body"));
        list->found++;
    }

    if (i < n) {

        /* the page is full: the next one begins behind the last of these */

        op->after[0] = entry[i - 1].target;
        op->after[1] = entry[i - 1].seq;
        op->more = 1;
    }

    list->looked += n;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: %ui of %ui entries, more:%ui",
                   list->found, list->looked, op->more);

    if (op->more && list->found < list->limit && list->narrow
        && list->looked < NGX_ER_API_ENTRIES_LOOK)
    {
        return ngx_er_api_entries_step(api, op->dead, op->after);
    }

    return ngx_er_api_entries_end(api, op);
}


static ngx_int_t
ngx_er_api_entries_end(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_int_t              rc;
    ngx_er_api_entries_t  *list;

    list = api->data;

    if (ngx_er_api_filter_found(api, list->looked || op->more, &rc) != NGX_OK)
    {
        return rc;
    }

    ngx_er_json_close(&list->json, "]");

    if (op->more) {
        ngx_er_api_next(&list->json, op->after);
    }

    ngx_er_json_close(&list->json, "}\n");

    return ngx_er_api_json(api, &list->json);
}


/* of an event that cannot be read nothing is known */

static ngx_uint_t
ngx_er_api_entries_wanted(ngx_er_api_entries_t *list, ngx_er_entry_t *entry)
{
    ngx_er_record_t  record;

    if (!list->narrow) {
        return 1;
    }

    return ngx_er_record_read(&entry->record, &record) == NGX_OK
           && ngx_er_api_entries_same(&list->id, &record.id)
           && ngx_er_api_entries_same(&list->type, &record.type)
           && ngx_er_api_entries_same(&list->subject, &record.subject)
           && (ngx_er_api_entries_has(&list->text, &record.id)
               || ngx_er_api_entries_has(&list->text, &record.subject));
}


static ngx_uint_t
ngx_er_api_entries_same(ngx_str_t *wanted, ngx_str_t *value)
{
    return wanted->len == 0
           || (wanted->len == value->len
               && ngx_strncmp(wanted->data, value->data, value->len) == 0);
}


static ngx_uint_t
ngx_er_api_entries_has(ngx_str_t *wanted, ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i + wanted->len <= value->len; i++) {
        if (ngx_strncasecmp(value->data + i, wanted->data, wanted->len) == 0) {
            return 1;
        }
    }

    return 0;
}
