
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/explain: why an event that is in the store (dead, pending or
 * retained) is routed as it is by today's configuration, in the words of
 * event_explain (explain.c).  Nothing is delivered and nothing is counted.
 *
 * What the rules ask and a record does not have is named in the answer:
 * nginx's variables, which are of the producer's request, and the types and
 * subjects of a body with several events that stays one, of which it has the
 * first.
 *
 * The event is made of its record while that is there, in a pool of its own,
 * and released with the answer.  What may fail is memory and the store.
 */


#include "api_explain.h"
#include "api_stored.h"
#include "explain.h"
#include "reveal.h"
#include "../ingest/record.h"
#include "../ingest/source.h"


#define NGX_ER_API_EXPLAIN_JSON  8192


typedef struct {
    ngx_er_api_stored_t    stored;
    ngx_er_event_t        *event;      /* held until the answer */
} ngx_er_api_explain_t;


static ngx_int_t ngx_er_api_explain_handler(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_explain_found(ngx_er_api_t *api,
    ngx_er_entry_t *entry);
static ngx_int_t ngx_er_api_explain_event(ngx_er_api_t *api,
    ngx_er_event_t *event);
static void ngx_er_api_explain_told(void *data, ngx_int_t rc,
    ngx_er_json_t *json);
static ngx_int_t ngx_er_api_explain_end(ngx_er_api_t *api,
    ngx_er_json_t *json);
static void ngx_er_api_explain_missing(ngx_er_json_t *json,
    ngx_er_event_t *event);


static ngx_er_api_arg_t  ngx_er_api_explain_args[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, "the number of an event" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_explain_attributes[] = {
    { "id", NGX_ER_API_TEXT, 0, NULL, NULL, "the producer's, or ours" },
    { "source", NGX_ER_API_TEXT, 0, NULL, NULL, "the attribute of that name" },
    { "type", NGX_ER_API_TEXT, 0, NULL, NULL, "its type" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, NULL, "its subject" },
    { "time", NGX_ER_API_TEXT, 0, NULL, NULL, "the producer's" },
    { "datacontenttype", NGX_ER_API_TEXT, 0, NULL, NULL, "of its body" },
    { "secret", NGX_ER_API_FLAG, 0, NULL, NULL,
      "a secret was in one of these, which is empty here" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_attribute = {
    "Attributes", "Attributes of an event", ngx_er_api_explain_attributes
};


static ngx_er_api_field_t  ngx_er_api_explain_values[] = {
    { "type", NGX_ER_API_TEXT, 1, "string|number|boolean|null|array|object",
      NULL, "of JSON" },
    { "text", NGX_ER_API_TEXT, 0, NULL, NULL,
      "with \"reveal\": the value, cut" },
    { "secret", NGX_ER_API_FLAG, 0, NULL, NULL,
      "a secret is in it: it is not shown" },
    { "redacted", NGX_ER_API_FLAG, 0, NULL, NULL,
      "the text is \"***\": the source hides it" },
    { "unreadable", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it could not be read as what it is" },
    { "at", NGX_ER_API_ANY, 0, NULL, NULL,
      "indices in the arrays that it is in, the outermost first" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_value = {
    "ExplainValue", "What an event has in a field", ngx_er_api_explain_values
};


static ngx_er_api_field_t  ngx_er_api_explain_blocks[] = {
    { "line", NGX_ER_API_TEXT, 0, NULL, NULL,
      "as it stands; empty if a secret is in it" },
    { "secret", NGX_ER_API_FLAG, 0, NULL, NULL, "a secret is in it" },
    { "place", NGX_ER_API_TEXT, 0, NULL, NULL, "its file and line" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_block = {
    "ExplainBlock", "The block in which a line stands",
    ngx_er_api_explain_blocks
};


static ngx_er_api_schema_t  ngx_er_api_explain_reason;

static ngx_er_api_field_t  ngx_er_api_explain_reasons[] = {
    { "line", NGX_ER_API_TEXT, 0, NULL, NULL,
      "as it stands; empty if a secret is in it" },
    { "secret", NGX_ER_API_FLAG, 0, NULL, NULL, "a secret is in it" },
    { "place", NGX_ER_API_TEXT, 0, NULL, NULL, "its file and line" },
    { "note", NGX_ER_API_TEXT, 0, NULL, NULL, "what is the matter" },
    { "field", NGX_ER_API_TEXT, 0, NULL, NULL, "that it looks at" },
    { "values", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_value,
      "what the event has there" },
    { "values_omitted", NGX_ER_API_NUMBER, 0, NULL, NULL, "and so many more" },
    { "in", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_explain_block,
      "the block around it" },
    { "lines", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_reason,
      "of a block of alternatives: why none of them holds" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_reason = {
    "ExplainReason", "A line of a condition that held, or that decided",
    ngx_er_api_explain_reasons
};


static ngx_er_api_field_t  ngx_er_api_explain_requires[] = {
    { "met", NGX_ER_API_FLAG, 1, NULL, NULL, "it holds" },
    { "held", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_reason,
      "its lines, which held" },
    { "decided", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_explain_reason,
      "the line that does not hold" },
    { "note", NGX_ER_API_TEXT, 0, NULL, NULL, "what would come of it" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_require = {
    "ExplainRequire", "What events of the source must be",
    ngx_er_api_explain_requires
};


static ngx_er_api_field_t  ngx_er_api_explain_routes[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "place", NGX_ER_API_TEXT, 1, NULL, NULL, "its file and line" },
    { "matched", NGX_ER_API_FLAG, 1, NULL, NULL, "whether it matches" },
    { "last", NGX_ER_API_FLAG, 0, NULL, NULL,
      "no route behind it is looked at, if it matches" },
    { "fallback", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it matches if no other one does" },
    { "copy", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it does not count for fallbacks" },
    { "held", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_reason,
      "matched: its lines, which held" },
    { "targets", NGX_ER_API_LIST, 0, NULL, NULL, "matched: to whom" },
    { "decided", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_explain_reason,
      "not matched: the line that decided" },
    { "because_of", NGX_ER_API_TEXT, 0, NULL, NULL,
      "not matched: the route that decided" },
    { "note", NGX_ER_API_TEXT, 0, NULL, NULL, "what is the matter" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_route = {
    "ExplainRoute", "Whether a route matches, and why",
    ngx_er_api_explain_routes
};


static ngx_er_api_field_t  ngx_er_api_explain_calls[] = {
    { "number", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of the call, from 1, if there are several" },
    { "datacontenttype", NGX_ER_API_TEXT, 0, NULL, NULL, "of its body" },
    { "size", NGX_ER_API_NUMBER, 1, NULL, NULL, "bytes of its body" },
    { "body", NGX_ER_API_TEXT, 0, NULL, NULL,
      "with \"reveal\": the body, if it is UTF-8" },
    { "base64", NGX_ER_API_TEXT, 0, NULL, NULL,
      "with \"reveal\": the body, if it is not" },
    { "secret", NGX_ER_API_FLAG, 0, NULL, NULL,
      "a secret is in the body: it is not shown" },
    { "omitted", NGX_ER_API_FLAG, 0, NULL, NULL,
      "the answer is too long to have the body in it, too" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_call = {
    "ExplainCall", "A call of a target", ngx_er_api_explain_calls
};


static ngx_er_api_field_t  ngx_er_api_explain_bodies[] = {
    { "target", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "line", NGX_ER_API_TEXT, 1, NULL, NULL,
      "its \"body\", as it stands in nginx.conf" },
    { "place", NGX_ER_API_TEXT, 0, NULL, NULL, "its file and line" },
    { "state", NGX_ER_API_TEXT, 1, "made|filtered|failed|away|unknown", NULL,
      "what came of it: filtered: nothing would be sent; failed: it would be "
      "a dead letter; away, unknown: it could not be made now" },
    { "calls", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_call,
      "of what is made: what would be sent, in this order" },
    { "calls_omitted", NGX_ER_API_NUMBER, 0, NULL, NULL, "and so many more" },
    { "error", NGX_ER_API_TEXT, 0, NULL, NULL, "of what failed: why" },
    { "said", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of what failed, with \"reveal\": what the program said" },
    { "note", NGX_ER_API_TEXT, 0, NULL, NULL, "what is the matter" },
    NGX_ER_REVEAL_FIELDS,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_body = {
    "ExplainBody", "What a target would get", ngx_er_api_explain_bodies
};


static ngx_er_api_field_t  ngx_er_api_explain_payloads[] = {
    { "place", NGX_ER_API_TEXT, 1, NULL, NULL,
      "where it should be, as nginx.conf says it" },
    { "found", NGX_ER_API_FLAG, 1, NULL, NULL,
      "whether data is the document that is there; else data is the body" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_payload = {
    "ExplainPayload", "The document inside the body",
    ngx_er_api_explain_payloads
};


static ngx_er_api_field_t  ngx_er_api_explain_fields[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, NULL, "its number" },
    { "state", NGX_ER_API_TEXT, 1, "dead|pending|kept", NULL,
      "where it is: kept: retained" },
    { "source", NGX_ER_API_TEXT, 1, NULL, NULL, "who published it" },
    { "attributes", NGX_ER_API_OBJECT, 1, NULL, &ngx_er_api_explain_attribute,
      "what it is" },
    { "payload", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_explain_payload,
      "if the source has one, and such a body may have it" },
    { "undecided", NGX_ER_API_FLAG, 0, NULL, NULL,
      "the rules took too much time: nothing is known" },
    { "note", NGX_ER_API_TEXT, 0, NULL, NULL, "of that, in words" },
    { "require", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_explain_require,
      "if the source requires something" },
    { "routes", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_route,
      "those of the source, in their order" },
    { "routes_omitted", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "more that do not match" },
    { "targets", NGX_ER_API_LIST, 0, NULL, NULL,
      "to whom it would go, each once" },
    { "bodies", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_explain_body,
      "what each of them would get" },
    { "bodies_omitted", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "more targets, of which that is not told" },
    { "missing", NGX_ER_API_LIST, 0, NULL, NULL,
      "fields that rules ask for, of which the store has nothing, or one "
      "value of several: a route may match otherwise" },
    { "hidden", NGX_ER_API_TEXT, 0, NULL, NULL,
      "how to see values of the event" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_explain_answer = {
    "Explanation", "Why an event is routed as it is",
    ngx_er_api_explain_fields
};


ngx_er_api_endpoint_t  ngx_er_api_explain[] = {

    { "explain", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "Why an event of the store is routed as it is", ngx_er_api_explain_args,
      NULL, &ngx_er_api_explain_answer, ngx_er_api_explain_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_explain_handler(ngx_er_api_t *api)
{
    ngx_er_api_explain_t  *explain;

    explain = ngx_pcalloc(api->pool, sizeof(ngx_er_api_explain_t));
    if (explain == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    explain->stored.seq = ngx_er_api_event(api, "event");
    explain->stored.found = ngx_er_api_explain_found;
    api->data = explain;

    return ngx_er_api_stored(api);
}


static ngx_int_t
ngx_er_api_explain_found(ngx_er_api_t *api, ngx_er_entry_t *entry)
{
    ngx_int_t              rc;
    ngx_er_record_t        record;
    ngx_er_api_explain_t  *explain;

    explain = api->data;

    if (ngx_er_record_read(&entry->record, &record) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND, "what the store "
                                  "has of the event cannot be read: there is "
                                  "no body any more");
    }

    if (ngx_er_source_find(api->mcf, &record.source) == NULL) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT, "the source of the "
                                  "event is not in nginx.conf any more, so "
                                  "it has no routes");
    }

    explain->event = ngx_er_record_event(&record);

    if (explain->event == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_er_api_explain_event(api, explain->event);

    if (rc != NGX_DONE) {
        ngx_er_event_release(explain->event);
    }

    return rc;
}


static ngx_int_t
ngx_er_api_explain_event(ngx_er_api_t *api, ngx_er_event_t *event)
{
    ngx_int_t             rc;
    ngx_er_json_t         json;
    ngx_er_api_stored_t  *stored;

    stored = api->data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: event %016xL is explained, reveal:%ui",
                   stored->seq, api->lcf->reveal);

    if (ngx_er_record_facts(event) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_er_json_begin(&json, api->pool, NGX_ER_API_EXPLAIN_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_seq(&json, "event", stored->seq);
    ngx_er_json_word(&json, "state", ngx_er_api_stored_name(stored->place));
    ngx_er_json_text(&json, "source", &event->source->name, 0);

    rc = ngx_er_explain_stored(api->request, event, api->lcf->reveal, &json,
                               ngx_er_api_explain_told, api);

    return (rc == NGX_AGAIN) ? ngx_er_api_hold(api)
           : (rc == NGX_OK) ? ngx_er_api_explain_end(api, &json)
                            : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_er_api_explain_told(void *data, ngx_int_t rc, ngx_er_json_t *json)
{
    ngx_er_api_t *api = data;

    ngx_er_api_explain_t  *explain;

    explain = api->data;

    if (api->request) {
        ngx_http_set_log_request(api->request->connection->log, api->request);
    }

    rc = (rc == NGX_OK) ? ngx_er_api_explain_end(api, json)
                        : NGX_HTTP_INTERNAL_SERVER_ERROR;

    ngx_er_event_release(explain->event);
    ngx_er_api_finish(api, rc);
}


/* if the client has gone there is nobody to tell */

static ngx_int_t
ngx_er_api_explain_end(ngx_er_api_t *api, ngx_er_json_t *json)
{
    ngx_er_api_explain_t  *explain;

    explain = api->data;

    ngx_er_api_explain_missing(json, explain->event);

    if (!api->lcf->reveal) {
        ngx_er_json_word(json, "hidden",
                         "event_admin shows values with \"reveal\"");
    }

    ngx_er_json_close(json, "}\n");

    return ngx_er_api_json(api, json);
}


static void
ngx_er_api_explain_missing(ngx_er_json_t *json, ngx_er_event_t *event)
{
    ngx_uint_t        i, several;
    ngx_er_field_t   *field;
    ngx_er_fields_t  *fields;

    fields = event->facts->fields;
    field = fields->list.elts;
    several = (event->source->batch && !event->source->split);

    ngx_er_json_open(json, "missing", "[");

    for (i = 0; i < fields->list.nelts; i++) {

        if (field[i].kind == NGX_ER_FIELD_VARIABLE
            || (several && (field[i].kind == NGX_ER_FIELD_TYPE
                            || field[i].kind == NGX_ER_FIELD_SUBJECT)))
        {
            ngx_er_json_text(json, NULL, &field[i].text, 0);
        }
    }

    ngx_er_json_close(json, "]");
}
