
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A copy of an event with another body, as JSON: what was made of it, or what
 * would be, with the headers that its target gets.  api_edit.c calls it when
 * the copy is durable, or for a preview.  The tables are for openapi.json, and
 * for the lists in which a copy says of which event it is one.
 *
 * It owns nothing.  Want of memory shows when the JSON is ended.
 */


#include "api_edited.h"
#include "../deliver/outgoing.h"


static void ngx_er_api_edited_members(ngx_er_json_t *json,
    ngx_er_api_edited_t *told);


static ngx_er_api_field_t  ngx_er_api_edited_from_fields[] = {
    { "event", NGX_ER_API_EVENT, 1, NULL, NULL, "the original" },
    { "by", NGX_ER_API_TEXT, 1, NULL, NULL,
      "who made it: the name of a token, a user, an address" },
    NGX_ER_API_FIELDS_END
};


ngx_er_api_schema_t  ngx_er_api_edited_from = {
    "EditedFrom", "Of which event this is a copy with another body",
    ngx_er_api_edited_from_fields
};


static ngx_er_api_field_t  ngx_er_api_edit_header_fields[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "of the header" },
    { "value", NGX_ER_API_TEXT, 0, NULL, NULL, "its value" },
    { "hidden", NGX_ER_API_FLAG, 0, NULL, NULL,
      "its value is not shown: a secret, a signature, or the producer's" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_edit_header = {
    "Header", "A header that the target gets", ngx_er_api_edit_header_fields
};


static ngx_er_api_field_t  ngx_er_api_edit_bytes_fields[] = {
    { "at", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "the bodies are the same up to this byte" },
    { "removed", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "so many bytes of the original are not there" },
    { "added", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "so many are in their place; behind them both are the same" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_edit_bytes = {
    "Difference", "Where two bodies differ", ngx_er_api_edit_bytes_fields
};


static ngx_er_api_field_t  ngx_er_api_edit_fields[] = {
    { "of", NGX_ER_API_EVENT, 1, NULL, NULL, "the original" },
    { "state", NGX_ER_API_TEXT, 1, "dead|pending|kept", NULL,
      "where it is: kept: for other targets, or retained" },
    { "event", NGX_ER_API_EVENT, 0, NULL, NULL,
      "the copy; a preview has none" },
    { "id", NGX_ER_API_TEXT, 0, NULL, NULL, "the copy's own id" },
    { "source", NGX_ER_API_TEXT, 1, NULL, NULL, "of both" },
    { "type", NGX_ER_API_TEXT, 1, NULL, NULL, "of both" },
    { "subject", NGX_ER_API_TEXT, 1, NULL, NULL, "of both" },
    { "time", NGX_ER_API_TEXT, 0, NULL, NULL, "of both" },
    { "datacontenttype", NGX_ER_API_TEXT, 1, NULL, NULL, "of the copy" },
    { "size", NGX_ER_API_NUMBER, 1, NULL, NULL, "bytes of its body" },
    { "was", NGX_ER_API_NUMBER, 1, NULL, NULL, "bytes of the original's" },
    { "difference", NGX_ER_API_OBJECT, 1, NULL, &ngx_er_api_edit_bytes,
      "between them" },
    { "method", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of a preview: of the request to the location of the target" },
    { "headers", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_edit_header,
      "of a preview: its headers, before the location changes some" },
    { "stale", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it is not sent: the target has a newer version" },
    { "purged", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "with then=purge: 1, the original is forgotten" },
    { "leased", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "with then=purge: 1, it is left, as it is being delivered" },
    NGX_ER_API_FIELDS_END
};


ngx_er_api_schema_t  ngx_er_api_edit_answer = {
    "Edited", "A copy of an event with another body", ngx_er_api_edit_fields
};


void
ngx_er_api_edited_json(ngx_er_json_t *json, ngx_er_api_edited_t *told)
{
    ngx_er_json_open(json, NULL, "{");

    ngx_er_json_word(json, "state", told->preview ? "preview" : "done");
    ngx_er_json_number(json, "total", 1);
    ngx_er_json_number(json, "replayed", !told->preview && !told->stale);

    ngx_er_api_text(json, "target", &told->to->name);
    ngx_er_api_text(json, "who", told->who);

    ngx_er_json_open(json, "edited", "{");
    ngx_er_api_edited_members(json, told);
}


static void
ngx_er_api_edited_members(ngx_er_json_t *json, ngx_er_api_edited_t *told)
{
    ngx_er_event_t  *event;

    event = told->event;

    ngx_er_api_seq(json, "of", told->seq);
    ngx_er_json_word(json, "state",
                     ngx_er_api_stored_name(told->place));

    if (event->number) {
        ngx_er_api_seq(json, "event", event->number);
        ngx_er_api_text(json, "id", &event->id);
    }

    ngx_er_api_text(json, "source", &event->source->name);
    ngx_er_api_text(json, "type", &event->type);
    ngx_er_api_text(json, "subject", &event->subject);

    if (event->time.len) {
        ngx_er_api_text(json, "time", &event->time);
    }

    ngx_er_api_text(json, "datacontenttype", &event->content_type);
    ngx_er_json_number(json, "size", event->body.len);
    ngx_er_json_number(json, "was", told->was);

    ngx_er_json_open(json, "difference", "{");
    ngx_er_json_number(json, "at", told->bytes->at);
    ngx_er_json_number(json, "removed", told->bytes->removed);
    ngx_er_json_number(json, "added", told->bytes->added);
    ngx_er_json_close(json, "}");

    if (told->stale) {
        ngx_er_json_flag(json, "stale", 1);
    }
}


void
ngx_er_api_edited_headers(ngx_er_json_t *json, ngx_er_api_edited_t *told)
{
    ngx_uint_t                i;
    ngx_array_t               shown;
    ngx_er_outgoing_shown_t  *line;

    if (ngx_er_outgoing_show(told->event, told->to, told->routes, NULL,
                             &shown)
        != NGX_OK)
    {
        json->failed = 1;
        return;
    }

    ngx_er_json_text(json, "method", &told->to->method_name, 0);
    ngx_er_json_open(json, "headers", "[");

    line = shown.elts;

    for (i = 0; i < shown.nelts; i++) {
        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_text(json, "name", &line[i].name, 0);

        if (line[i].hidden) {
            ngx_er_json_flag(json, "hidden", 1);

        } else {
            ngx_er_api_text(json, "value", &line[i].value);
        }

        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}
