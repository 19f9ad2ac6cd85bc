
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/stored: one event as the store has it, wherever it is: it waits, is a
 * dead letter, or is retained.  The lists show a body made safe for people; a
 * program that sends it on needs the very bytes, so they are here as text if
 * they are UTF-8, else in base64; but for what "redact" of its source hides.
 * Whoever may see bodies in lists may see it: the location has "reveal".  What
 * may fail is the store, and memory.
 */


#include "api_bytes.h"
#include "admin_list.h"
#include "api_edited.h"
#include "api_stored.h"
#include "reveal.h"
#include "../ingest/edited.h"
#include "../ingest/record.h"


#define NGX_ER_API_BYTES_JSON  1024   /* and the body */


static ngx_int_t ngx_er_api_bytes_handler(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_bytes_found(ngx_er_api_t *api,
    ngx_er_entry_t *entry);


static ngx_er_api_arg_t  ngx_er_api_bytes_args[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, "the number of the event" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_bytes_fields[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, NULL, "the number of the event" },
    { "id", NGX_ER_API_TEXT, 1, NULL, NULL, "the producer's id" },
    { "source", NGX_ER_API_TEXT, 1, NULL, NULL, "where it came from" },
    { "type", NGX_ER_API_TEXT, 1, NULL, NULL, "its type" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, NULL, "its subject" },
    { "time", NGX_ER_API_TEXT, 0, NULL, NULL, "its time, as it came" },
    { "edited", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_edited_from,
      "it is a copy with another body" },
    { "datacontenttype", NGX_ER_API_TEXT, 0, NULL, NULL, "of the body" },
    { "size", NGX_ER_API_NUMBER, 1, NULL, NULL, "bytes of the body" },
    { "body", NGX_ER_API_TEXT, 0, NULL, NULL, "the body, if it is UTF-8" },
    { "base64", NGX_ER_API_TEXT, 0, NULL, NULL, "the body, if it is not" },
    NGX_ER_REVEAL_FIELDS,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_bytes_schema = {
    "Stored", "An event as the store has it, byte by byte",
    ngx_er_api_bytes_fields
};


ngx_er_api_endpoint_t  ngx_er_api_bytes[] = {

    { "stored", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "An event of the store, with its body", ngx_er_api_bytes_args, NULL,
      &ngx_er_api_bytes_schema, ngx_er_api_bytes_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_bytes_handler(ngx_er_api_t *api)
{
    ngx_er_api_stored_t  *stored;

    if (!api->lcf->reveal) {
        return ngx_er_api_problem(api, NGX_HTTP_FORBIDDEN, "the location "
                                  "shows no bodies: its event_admin has no "
                                  "\"reveal\"");
    }

    stored = ngx_pcalloc(api->pool, sizeof(ngx_er_api_stored_t));
    if (stored == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* there it is for whomever, also if it waits or is dead */

    stored->place = NGX_ER_API_STORED_KEPT;
    stored->seq = ngx_er_api_event(api, "event");
    stored->found = ngx_er_api_bytes_found;
    api->data = stored;

    return ngx_er_api_stored(api);
}


static ngx_int_t
ngx_er_api_bytes_found(ngx_er_api_t *api, ngx_er_entry_t *entry)
{
    uint64_t         seq;
    ngx_str_t        who;
    ngx_er_json_t    json;
    ngx_er_record_t  record;
    ngx_er_reveal_t  what;

    if (ngx_er_record_read(&entry->record, &record) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "the stored event cannot be read");
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: event %016xL is shown, %uz bytes",
                   entry->seq, record.body.len);

    ngx_er_json_begin(&json, api->request->pool,
                      NGX_ER_API_BYTES_JSON + record.body.len);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_seq(&json, "event", entry->seq);
    ngx_er_api_text(&json, "id", &record.id);
    ngx_er_api_text(&json, "source", &record.source);
    ngx_er_api_text(&json, "type", &record.type);

    if (record.subject.len) {
        ngx_er_api_text(&json, "subject", &record.subject);
    }

    if (record.time.len) {
        ngx_er_api_text(&json, "time", &record.time);
    }

    if (ngx_er_edited_read(&record.edited, &seq, &who) == NGX_OK) {
        ngx_er_admin_list_edited(&json, seq, &who);
    }

    if (record.content_type.len) {
        ngx_er_api_text(&json, "datacontenttype", &record.content_type);
    }

    what.source = &record.source;
    what.content_type = &record.content_type;
    what.body = &record.body;

    ngx_er_json_number(&json, "size", record.body.len);
    ngx_er_reveal_bytes(&json, &what);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}
