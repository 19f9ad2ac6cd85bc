
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries of the queue as JSON: what an operator sees of a dead letter, for
 * admin.c and api_entries.c.  Attributes are safe already; what a target
 * answered and what a producer sent may be any bytes, so they are shown as
 * text only where they are (the rest is percent-encoded).  Bodies are shown if
 * the operation fetched records for it; headers of producers never are.  Want
 * of memory shows when the JSON is ended.
 */


#include "admin_list.h"
#include "api.h"
#include "reveal.h"
#include "../ingest/attributes.h"
#include "../ingest/edited.h"
#include "../ingest/record.h"
#include "../store/calls.h"
#include "../store/dead.h"

#include <jansson.h>


#define NGX_ER_ADMIN_ERRORS  16        /* of one answer of OutSystems */


static void ngx_er_admin_event(ngx_er_json_t *json, ngx_er_entry_t *entry,
    ngx_uint_t reveal);
static void ngx_er_admin_dead(ngx_er_json_t *json, ngx_er_entry_t *entry);
static void ngx_er_admin_outsystems(ngx_er_json_t *json,
    ngx_er_entry_t *entry);
static void ngx_er_admin_calls(ngx_er_json_t *json, ngx_er_entry_t *entry);
static void ngx_er_admin_past(ngx_er_json_t *json, ngx_er_entry_t *entry);


void
ngx_er_admin_list(ngx_er_json_t *json, ngx_er_queue_op_t *op,
    ngx_uint_t reveal)
{
    u_char           text[2 * 16 + 1];
    ngx_str_t        cursor;
    ngx_uint_t       i;
    ngx_er_entry_t  *entry;

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_open(json, "entries", "[");

    if (op->entries) {
        entry = op->entries->elts;

        for (i = 0; i < op->entries->nelts; i++) {
            ngx_er_admin_list_entry(json, &entry[i], op->dead, reveal);
        }
    }

    ngx_er_json_close(json, "]");

    if (op->more) {
        cursor.data = text;
        cursor.len = ngx_sprintf(text, "%016xL-%016xL", op->after[0],
                                 op->after[1])
                     - text;

        ngx_er_json_text(json, "next", &cursor, 0);
    }

    ngx_er_json_close(json, "}\n");
}


void
ngx_er_admin_list_entry(ngx_er_json_t *json, ngx_er_entry_t *entry,
    ngx_uint_t dead, ngx_uint_t reveal)
{
    u_char     text[16];
    ngx_str_t  event;

    event.data = text;
    event.len = ngx_sprintf(text, "%016xL", entry->seq) - text;

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "event", &event, 0);
    ngx_er_api_text(json, "target", &entry->name);
    ngx_er_api_text(json, "routes", &entry->routes);
    ngx_er_api_when(json, "accepted", entry->accepted);
    ngx_er_json_number(json, "attempts", entry->attempts);
    ngx_er_json_number(json, "crashes", entry->crashes);
    ngx_er_json_number(json, "epoch", entry->epoch);
    ngx_er_admin_calls(json, entry);
    ngx_er_admin_past(json, entry);

    if (dead) {
        ngx_er_admin_dead(json, entry);

    } else {
        ngx_er_api_when(json, "due", entry->due);

        if (entry->held) {
            ngx_er_json_flag(json, "held", 1);
        }
    }

    if (entry->record.len) {
        ngx_er_admin_event(json, entry, reveal);
    }

    ngx_er_json_close(json, "}");
}


void
ngx_er_admin_list_edited(ngx_er_json_t *json, uint64_t seq, ngx_str_t *who)
{
    ngx_er_json_open(json, "edited", "{");
    ngx_er_api_seq(json, "event", seq);
    ngx_er_api_text(json, "by", who);
    ngx_er_json_close(json, "}");
}


static void
ngx_er_admin_event(ngx_er_json_t *json, ngx_er_entry_t *entry,
    ngx_uint_t reveal)
{
    uint64_t         seq;
    ngx_str_t        who;
    ngx_er_record_t  record;
    ngx_er_reveal_t  what;

    if (ngx_er_record_read(&entry->record, &record) != NGX_OK) {
        return;
    }

    ngx_er_api_text(json, "id", &record.id);
    ngx_er_api_text(json, "source", &record.source);
    ngx_er_api_text(json, "type", &record.type);
    ngx_er_api_text(json, "subject", &record.subject);
    ngx_er_json_number(json, "size", record.body.len);

    if (ngx_er_edited_read(&record.edited, &seq, &who) == NGX_OK) {
        ngx_er_admin_list_edited(json, seq, &who);
    }

    if (reveal) {
        what.source = &record.source;
        what.content_type = &record.content_type;
        what.body = &record.body;

        ngx_er_api_text(json, "datacontenttype", &record.content_type);
        ngx_er_reveal_body(json, &what);
    }
}


static void
ngx_er_admin_dead(ngx_er_json_t *json, ngx_er_entry_t *entry)
{
    ngx_er_json_word(json, "reason", ngx_er_dead_name(entry->reason));
    ngx_er_api_when(json, "died", entry->died);

    if (entry->status) {
        ngx_er_json_number(json, "status", entry->status);
    }

    if (entry->answer.len) {
        ngx_er_api_text(json, "answer", &entry->answer);
        ngx_er_admin_outsystems(json, entry);
    }
}


/*
 * An exposed REST API of OutSystems answers an exception with
 * {"Errors": ["..."], "StatusCode": 400}: what went wrong there, in words.
 */

static void
ngx_er_admin_outsystems(ngx_er_json_t *json, ngx_er_entry_t *entry)
{
    size_t      i;
    json_t     *root, *errors, *error;
    ngx_str_t   text;

    root = json_loadb((char *) entry->answer.data, entry->answer.len,
                      JSON_REJECT_DUPLICATES, NULL);

    errors = json_object_get(root, "Errors");

    if (json_is_array(errors)
        && json_is_integer(json_object_get(root, "StatusCode")))
    {
        ngx_er_json_open(json, "errors", "[");

        json_array_foreach(errors, i, error) {

            if (json_is_string(error) && i < NGX_ER_ADMIN_ERRORS) {
                text.data = (u_char *) json_string_value(error);
                text.len = json_string_length(error);

                ngx_er_json_text(json, NULL, &text, 0);
            }
        }

        ngx_er_json_close(json, "]");
    }

    json_decref(root);
}


static void
ngx_er_admin_calls(ngx_er_json_t *json, ngx_er_entry_t *entry)
{
    ngx_er_calls_count_t  count;

    if (ngx_er_calls_count(&entry->calls, &count) != NGX_OK) {
        return;
    }

    ngx_er_json_open(json, "calls", "{");
    ngx_er_json_number(json, "done", count.done);
    ngx_er_json_number(json, "dead", count.dead);
    ngx_er_json_number(json, "of", count.of);
    ngx_er_json_close(json, "}");
}


static void
ngx_er_admin_past(ngx_er_json_t *json, ngx_er_entry_t *entry)
{
    ngx_uint_t  i;

    ngx_er_json_open(json, "history", "[");

    for (i = 0; i < entry->npast; i++) {
        ngx_er_json_open(json, NULL, "{");
        ngx_er_api_when(json, "at", entry->past[i].time);
        ngx_er_json_number(json, "attempt", entry->past[i].number);
        ngx_er_json_number(json, "status", entry->past[i].status);
        ngx_er_json_number(json, "ms",
                           entry->past[i].ms & ~NGX_ER_PAST_DOUBT);

        if (entry->past[i].ms & NGX_ER_PAST_DOUBT) {
            ngx_er_json_word(json, "verdict",
                             ngx_er_verdict_name(NGX_ER_VERDICT_DOUBT));
        }

        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}
