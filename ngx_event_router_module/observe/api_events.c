
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What became of events: GET v1/events finds them, v1/events/NUMBER tells all
 * of one.  Records are in the store of the queue and, of what goes to its
 * targets at once or has none, in a ring in memory; both are asked, and what
 * they have is one list, newest first.
 *
 * A page ends where one of the two has not looked further: what the other one
 * has behind that is the next page's.  The cursor is the least number that was
 * looked at.  What may fail is memory, and the store.
 */


#include "api_events.h"
#include "api_edited.h"
#include "api_filter.h"
#include "history_conf.h"
#include "history_list.h"
#include "../base/trace_context.h"


#define NGX_ER_API_EVENTS_JSON   4096
#define NGX_ER_API_EVENTS_BYTES  1048576  /* of records in a page */


typedef struct {
    ngx_er_history_t       *history;
    ngx_er_history_find_t   store;
    ngx_er_history_find_t   ring;
    ngx_uint_t              whole;     /* one event, with all of it */
} ngx_er_api_events_t;


static ngx_int_t ngx_er_api_events_list(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_events_one(ngx_er_api_t *api);
static ngx_er_api_events_t *ngx_er_api_events_begin(ngx_er_api_t *api,
    ngx_int_t *rc);
static const char *ngx_er_api_events_filter(ngx_er_api_t *api,
    ngx_er_api_events_t *events);
static const char *ngx_er_api_events_trace(ngx_er_api_t *api,
    ngx_er_api_events_t *events);
static const char *ngx_er_api_events_key(ngx_er_api_t *api,
    ngx_er_api_events_t *events);
static const char *ngx_er_api_events_fields(ngx_er_api_t *api,
    ngx_er_history_t *history);
static ngx_int_t ngx_er_api_events_find(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_events_done(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_events_answer(ngx_er_api_t *api);
static ngx_uint_t ngx_er_api_events_some(ngx_er_api_events_t *events);
static ngx_int_t ngx_er_api_events_page(ngx_er_api_t *api,
    ngx_er_json_t *json);
static ngx_er_history_record_t *ngx_er_api_events_next(
    ngx_er_api_events_t *events, ngx_uint_t *i, ngx_uint_t *k);


static ngx_er_api_arg_t  ngx_er_api_events_args[] = {
    { "id", NGX_ER_API_TEXT, 0, NULL, "the producer's id of the event" },
    { "key", NGX_ER_API_TEXT, 0, NULL,
      "FIELD:VALUE, of a field that \"index=\" of event_history names, as in "
      "data.order.id:4711" },
    { "trace", NGX_ER_API_TEXT, 0, NULL,
      "the id of its trace, 32 hex digits" },
    NGX_ER_API_ARG_EVENT,
    NGX_ER_API_ARG_SOURCE,
    { "type", NGX_ER_API_TEXT, 0, NULL, "the type of the event" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, "its subject" },
    NGX_ER_API_ARG_TARGET,
    { "state", NGX_ER_API_TEXT, 0,
      "pending|delivered|dead|filtered|stale|coalesced|purged|moved|aged|"
      "failed|settled|unsent|unrouted",
      "where it stands, for some target or for target=" },
    { "status", NGX_ER_API_NUMBER, 0, "100..599",
      "a status of some attempt, at target= if that is given" },
    { "text", NGX_ER_API_TEXT, 0, NULL,
      "a part of an id or of a value, in any case" },
    NGX_ER_API_ARG_FROM,
    NGX_ER_API_ARG_TO,
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_event_args[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, "the number of the event" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_step_fields[] = {
    { "at", NGX_ER_API_TIME, 1, NULL, NULL, "when it was, or began" },
    { "attempt", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of an attempt: its number, from 1" },
    { "ms", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of an attempt: how long it took" },
    { "status", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of an attempt: that of the answer; 0: there was none" },
    { "verdict", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of an attempt: what the answer means" },
    { "lost", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of an attempt: what is not known of the answer" },
    { "due", NGX_ER_API_TIME, 0, NULL, NULL,
      "of an attempt: when the next one is due" },
    { "answer", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of an attempt: its first bytes, if the location has \"reveal\"" },
    { "call", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of an attempt: which call, of an event that is several" },
    { "why", NGX_ER_API_TEXT, 0, NULL, NULL,
      "nothing was sent: there is no \"body\" of it for the target" },
    { "state", NGX_ER_API_TEXT, 0, NULL, NULL, "what became of the event" },
    { "reason", NGX_ER_API_TEXT, 0, NULL, NULL, "why" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_step = {
    "Step", "An attempt, or what became of the event without one",
    ngx_er_api_step_fields
};


static ngx_er_api_field_t  ngx_er_api_event_target_fields[] = {
    { "target", NGX_ER_API_TEXT, 0, NULL, NULL,
      "its name; not there if nobody knows it any more" },
    { "routes", NGX_ER_API_TEXT, 0, NULL, NULL,
      "the routes that named it, with commas between them" },
    { "state", NGX_ER_API_TEXT, 1, NULL, NULL,
      "where the event stands, for this target" },
    { "reason", NGX_ER_API_TEXT, 0, NULL, NULL,
      "why it is dead, or delivered without an attempt" },
    { "at", NGX_ER_API_TIME, 0, NULL, NULL, "since when" },
    { "attempts", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many there were" },
    { "status", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of the last attempt; 0: no answer" },
    { "due", NGX_ER_API_TIME, 0, NULL, NULL,
      "of a pending one: when the next attempt is due" },
    { "history", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_step,
      "of one event: every attempt and step, the latest last" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_event_target = {
    "EventTarget", "What became of an event for one target",
    ngx_er_api_event_target_fields
};


static ngx_er_api_field_t  ngx_er_api_key_fields[] = {
    { "field", NGX_ER_API_TEXT, 1, NULL, NULL, "as it stands in nginx.conf" },
    { "value", NGX_ER_API_TEXT, 1, NULL, NULL, "what the event has there" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_key = {
    "Key", "A value by which an event is found", ngx_er_api_key_fields
};


static ngx_er_api_field_t  ngx_er_api_event_fields[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, NULL, "the number of the event" },
    { "accepted", NGX_ER_API_TIME, 1, NULL, NULL, "when it was accepted" },
    { "id", NGX_ER_API_TEXT, 0, NULL, NULL, "the producer's id" },
    { "source", NGX_ER_API_TEXT, 0, NULL, NULL, "where it came from" },
    { "type", NGX_ER_API_TEXT, 0, NULL, NULL, "its type" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, NULL, "its subject" },
    { "size", NGX_ER_API_NUMBER, 0, NULL, NULL, "bytes of its body" },
    { "trace", NGX_ER_API_TEXT, 0, NULL, NULL,
      "the id of its trace, if it has one" },
    { "queued", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it went through the queue" },
    { "edited", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_edited_from,
      "it is a copy with another body" },
    { "keys", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_key,
      "its values of the fields of \"index=\"" },
    { "targets", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_event_target,
      "whom it was for; empty: no route wanted it" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_event_answer = {
    "Event", "An event and what became of it", ngx_er_api_event_fields
};


static ngx_er_api_field_t  ngx_er_api_events_fields_[] = {
    { "events", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_event_answer,
      "the newest first" },
    NGX_ER_API_FIELD_NEXT,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_events_answers = {
    "Events", "A page of events; with \"next\" it may be empty, since so many "
    "were looked at", ngx_er_api_events_fields_
};


ngx_er_api_endpoint_t  ngx_er_api_events[] = {

    { "events", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "What became of events", ngx_er_api_events_args, NULL,
      &ngx_er_api_events_answers, ngx_er_api_events_list },

    { "events/{event}", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "An event with every attempt", ngx_er_api_event_args, NULL,
      &ngx_er_api_event_answer, ngx_er_api_events_one },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_events_list(ngx_er_api_t *api)
{
    uint64_t              after[2];
    ngx_int_t             rc;
    const char           *why;
    ngx_er_api_events_t  *events;

    events = ngx_er_api_events_begin(api, &rc);
    if (events == NULL) {
        return rc;
    }

    why = ngx_er_api_events_filter(api, events);

    if (why) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, why);
    }

    if (ngx_er_api_after(api, after) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, "after= takes "
                                  "the \"next\" of the page before");
    }

    events->store.before = after[1];
    events->store.limit = ngx_er_api_number(api, "limit", NGX_ER_API_PAGE);

    return ngx_er_api_events_find(api);
}


static ngx_int_t
ngx_er_api_events_one(ngx_er_api_t *api)
{
    ngx_int_t             rc;
    ngx_er_api_events_t  *events;

    events = ngx_er_api_events_begin(api, &rc);
    if (events == NULL) {
        return rc;
    }

    events->whole = 1;
    events->store.limit = 1;
    events->store.filter.seq = ngx_er_api_event(api, "event");

    return ngx_er_api_events_find(api);
}


static ngx_er_api_events_t *
ngx_er_api_events_begin(ngx_er_api_t *api, ngx_int_t *rc)
{
    ngx_er_api_events_t  *events;

    if (api->mcf->history == NULL) {
        *rc = ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND, "this nginx writes "
                                 "no history: there is no \"event_history\" "
                                 "in nginx.conf");
        return NULL;
    }

    events = ngx_pcalloc(api->pool, sizeof(ngx_er_api_events_t));
    if (events == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }

    events->history = api->mcf->history;
    events->store.looks = NGX_ER_HISTORY_LOOKS;
    events->store.bytes = NGX_ER_API_EVENTS_BYTES;
    events->store.filter.state = NGX_ER_HISTORY_ANY;

    api->data = events;

    return events;
}


/* NULL, or what is wrong with the arguments */

static const char *
ngx_er_api_events_filter(ngx_er_api_t *api, ngx_er_api_events_t *events)
{
    ngx_str_t                 text;
    const char               *why;
    ngx_er_history_filter_t  *filter;

    filter = &events->store.filter;

    filter->seq = ngx_er_api_event(api, "event");
    filter->from = ngx_er_api_time(api, "from");
    filter->to = ngx_er_api_time(api, "to");
    filter->status = ngx_er_api_number(api, "status", 0);

    (void) ngx_er_api_arg(api, "source", &filter->source);
    (void) ngx_er_api_arg(api, "type", &filter->type);
    (void) ngx_er_api_arg(api, "subject", &filter->subject);
    (void) ngx_er_api_arg(api, "text", &filter->text);

    if (ngx_er_api_arg(api, "target", &text)) {
        filter->target = ngx_er_hash64(&text);
    }

    if (ngx_er_api_arg(api, "state", &text)) {
        (void) ngx_er_history_state(&text, &filter->state);
    }

    why = ngx_er_api_events_key(api, events);

    if (why == NULL) {
        why = ngx_er_api_events_trace(api, events);
    }

    if (why || !ngx_er_api_arg(api, "id", &text)) {
        return why;
    }

    if (filter->hash) {
        return "id=, key= and trace= find events each by itself: ask for one "
               "of them";
    }

    ngx_str_set(&filter->key.name, "id");
    filter->key.value = text;
    filter->hash = ngx_er_history_hash(events->history->id, &text);

    return NULL;
}


/* people copy it from wherever it stands, also in upper case */

static const char *
ngx_er_api_events_trace(ngx_er_api_t *api, ngx_er_api_events_t *events)
{
    u_char                   *hex;
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_er_history_filter_t  *filter;

    if (!ngx_er_api_arg(api, "trace", &text)) {
        return NULL;
    }

    filter = &events->store.filter;

    if (filter->hash) {
        return "id=, key= and trace= find events each by itself: ask for one "
               "of them";
    }

    hex = ngx_pnalloc(api->pool, 2 * NGX_ER_TRACE_ID);
    if (hex == NULL) {
        return "trace= cannot be read for want of memory";
    }

    for (i = 0; i < text.len && i < 2 * NGX_ER_TRACE_ID; i++) {
        hex[i] = ngx_tolower(text.data[i]);

        if (!((hex[i] >= '0' && hex[i] <= '9')
              || (hex[i] >= 'a' && hex[i] <= 'f')))
        {
            break;
        }
    }

    if (i != text.len || i != 2 * NGX_ER_TRACE_ID) {
        return "trace= takes the id of a trace, 32 hex digits: of a "
               "traceparent what is between the first and the second \"-\"";
    }

    ngx_str_set(&filter->key.name, "trace");
    filter->key.value.data = hex;
    filter->key.value.len = i;
    filter->hash = ngx_er_history_hash(events->history->trace,
                                       &filter->key.value);

    return NULL;
}


/* a field may have a colon in quotes, so the fields are asked */

static const char *
ngx_er_api_events_key(ngx_er_api_t *api, ngx_er_api_events_t *events)
{
    ngx_str_t                 key, value;
    ngx_uint_t                i;
    ngx_er_history_field_t   *field;
    ngx_er_history_filter_t  *filter;

    if (!ngx_er_api_arg(api, "key", &key)) {
        return NULL;
    }

    filter = &events->store.filter;
    field = events->history->fields.elts;

    for (i = 0; i < events->history->fields.nelts; i++) {

        if (key.len <= field[i].text.len + 1
            || key.data[field[i].text.len] != ':'
            || ngx_memcmp(key.data, field[i].text.data, field[i].text.len)
               != 0)
        {
            continue;
        }

        value.data = key.data + field[i].text.len + 1;
        value.len = key.len - field[i].text.len - 1;

        filter->key.name = field[i].text;
        filter->key.value = value;
        filter->hash = ngx_er_history_hash(field[i].name, &value);

        return NULL;
    }

    return ngx_er_api_events_fields(api, events->history);
}


/* a sentence with the fields that there are */

static const char *
ngx_er_api_events_fields(ngx_er_api_t *api, ngx_er_history_t *history)
{
    u_char                  *p, *text;
    size_t                   len;
    ngx_uint_t               i;
    ngx_er_history_field_t  *field;

    if (history->fields.nelts == 0) {
        return "key= takes a field that \"index=\" of event_history names, "
               "and there is none";
    }

    field = history->fields.elts;
    len = 256;

    for (i = 0; i < history->fields.nelts; i++) {
        len += field[i].text.len + 2;
    }

    text = ngx_pnalloc(api->pool, len);
    if (text == NULL) {
        return "key= takes FIELD:VALUE";
    }

    p = ngx_sprintf(text, "key= takes FIELD:VALUE, and the fields of "
                    "event_history are ");

    for (i = 0; i < history->fields.nelts; i++) {
        p = ngx_sprintf(p, "%s%V", i ? ", " : "", &field[i].text);
    }

    *p = '\0';

    return (const char *) text;
}


/* the ring first: it is there at once */

static ngx_int_t
ngx_er_api_events_find(ngx_er_api_t *api)
{
    uint64_t              now;
    ngx_er_queue_op_t    *op;
    ngx_er_api_events_t  *events;

    events = api->data;
    events->ring = events->store;

    now = ngx_er_queue_now();

    if (ngx_er_ring_find(events->history->ring, &events->ring,
                         ngx_er_history_seq(now - ngx_min(now,
                                                 events->history->time)),
                         api->pool)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (api->mcf->queue == NULL) {
        return ngx_er_api_events_answer(api);
    }

    op = ngx_er_api_op(api, NGX_ER_QUEUE_HISTORY);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->find = &events->store;

    return ngx_er_api_run(api, op, ngx_er_api_events_done);
}


static ngx_int_t
ngx_er_api_events_done(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    if (api->request == NULL) {
        return NGX_OK;
    }

    return (op->rc == NGX_OK) ? ngx_er_api_events_answer(api)
                              : ngx_er_api_away(api);
}


static ngx_int_t
ngx_er_api_events_answer(ngx_er_api_t *api)
{
    ngx_int_t                 rc;
    ngx_uint_t                i, k;
    ngx_er_json_t             json;
    ngx_er_api_events_t      *events;
    ngx_er_history_record_t  *record;

    events = api->data;

    if (ngx_er_api_filter_found(api, ngx_er_api_events_some(events), &rc)
        != NGX_OK)
    {
        return rc;
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_EVENTS_JSON);

    if (!events->whole) {
        return ngx_er_api_events_page(api, &json);
    }

    i = 0;
    k = 0;
    record = ngx_er_api_events_next(events, &i, &k);

    if (record == NULL) {
        return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND, "there is no "
                                  "history of an event of this number");
    }

    ngx_er_history_show(&json, api->mcf, record, 1, api->lcf->reveal);

    return ngx_er_api_json(api, &json);
}


/* 1: there is one, or there may be on the next page */

static ngx_uint_t
ngx_er_api_events_some(ngx_er_api_events_t *events)
{
    return events->store.more || events->ring.more
           || events->ring.records->nelts
           || (events->store.records && events->store.records->nelts);
}


static ngx_int_t
ngx_er_api_events_page(ngx_er_api_t *api, ngx_er_json_t *json)
{
    uint64_t                  next[2], bound;
    ngx_uint_t                i, k, n, more;
    ngx_er_api_events_t      *events;
    ngx_er_history_record_t  *record;

    events = api->data;

    /* nobody has looked below this number in both */

    bound = 0;

    if (events->store.more) {
        bound = events->store.before;
    }

    if (events->ring.more) {
        bound = ngx_max(bound, events->ring.before);
    }

    more = (bound != 0);
    next[0] = 0;
    next[1] = bound;

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_open(json, "events", "[");

    i = 0;
    k = 0;

    for (n = 0; /* void */ ; n++) {
        record = ngx_er_api_events_next(events, &i, &k);

        if (record == NULL || record->seq < bound) {
            break;
        }

        if (n == events->store.limit) {
            more = 1;
            break;
        }

        next[1] = ngx_max(bound, record->seq);

        ngx_er_history_show(json, api->mcf, record, 0, 0);
    }

    if (n < events->store.limit) {
        next[1] = bound;
    }

    ngx_er_json_close(json, "]");

    if (more) {
        ngx_er_api_next(json, next);
    }

    ngx_er_json_close(json, "}");

    return ngx_er_api_json(api, json);
}


/* of both, the newest that is left; NULL: none */

static ngx_er_history_record_t *
ngx_er_api_events_next(ngx_er_api_events_t *events, ngx_uint_t *i,
    ngx_uint_t *k)
{
    ngx_er_history_record_t  *a, *b;

    a = NULL;
    b = NULL;

    if (events->store.records && *i < events->store.records->nelts) {
        a = events->store.records->elts;
        a += *i;
    }

    if (*k < events->ring.records->nelts) {
        b = events->ring.records->elts;
        b += *k;
    }

    if (a && (b == NULL || a->seq > b->seq)) {
        (*i)++;
        return a;
    }

    if (b) {
        (*k)++;
    }

    return b;
}
