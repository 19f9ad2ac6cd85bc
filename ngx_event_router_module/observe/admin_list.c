
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries of the queue as JSON: what an operator sees of a dead letter.  Only
 * admin.c calls it.  Attributes are safe already; what a target answered and
 * what a producer sent may be any bytes, so they are shown as text only where
 * they are (the rest is percent-encoded).  Bodies are shown if the operation
 * fetched records for it; headers of producers never are.
 */


#include "admin.h"
#include "../ingest/record.h"

#include <jansson.h>


#define NGX_ER_ADMIN_ERRORS  16        /* of one answer of OutSystems */


static json_t *ngx_er_admin_entry(ngx_pool_t *pool, ngx_er_queue_op_t *op,
    ngx_er_entry_t *entry, ngx_uint_t reveal);
static void ngx_er_admin_event(ngx_pool_t *pool, ngx_er_entry_t *entry,
    ngx_uint_t reveal, json_t *out);
static void ngx_er_admin_dead(ngx_pool_t *pool, ngx_er_entry_t *entry,
    json_t *out);
static void ngx_er_admin_outsystems(ngx_er_entry_t *entry, json_t *out);
static json_t *ngx_er_admin_past(ngx_er_entry_t *entry);
static json_t *ngx_er_admin_text(ngx_pool_t *pool, ngx_str_t *text);
static json_t *ngx_er_admin_time(uint64_t ms);
static json_t *ngx_er_admin_number(uint64_t n);


static const char  *ngx_er_admin_reasons[] = {
    "", "exhausted", "final", "expired", "poison", "target_removed", "corrupt"
};


ngx_int_t
ngx_er_admin_list(ngx_pool_t *pool, ngx_er_queue_op_t *op, ngx_uint_t reveal,
    ngx_str_t *text)
{
    char            *dump;
    json_t          *root, *list;
    u_char           cursor[2 * 16 + 2];
    ngx_uint_t       i;
    ngx_er_entry_t  *entry;

    list = json_array();
    root = json_object();

    (void) json_object_set_new(root, "entries", list);

    if (op->entries) {
        entry = op->entries->elts;

        for (i = 0; i < op->entries->nelts; i++) {
            (void) json_array_append_new(list, ngx_er_admin_entry(pool, op,
                                                                  &entry[i],
                                                                  reveal));
        }
    }

    if (op->more) {
        (void) ngx_sprintf(cursor, "%016xL-%016xL%Z", op->after[0],
                           op->after[1]);
        (void) json_object_set_new(root, "next",
                                   json_string((char *) cursor));
    }

    dump = json_dumps(root, JSON_COMPACT);
    json_decref(root);

    if (dump == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_strlen(dump);
    text->data = ngx_pnalloc(pool, text->len + 1);

    if (text->data) {
        ngx_memcpy(text->data, dump, text->len);
        text->data[text->len++] = LF;
    }

    ngx_free(dump);

    return text->data ? NGX_OK : NGX_ERROR;
}


static json_t *
ngx_er_admin_entry(ngx_pool_t *pool, ngx_er_queue_op_t *op,
    ngx_er_entry_t *entry, ngx_uint_t reveal)
{
    json_t  *out;

    out = json_object();

    (void) json_object_set_new(out, "event", ngx_er_admin_number(entry->seq));
    (void) json_object_set_new(out, "target",
                               ngx_er_admin_text(pool, &entry->name));
    (void) json_object_set_new(out, "routes",
                               ngx_er_admin_text(pool, &entry->routes));
    (void) json_object_set_new(out, "accepted",
                               ngx_er_admin_time(entry->accepted));
    (void) json_object_set_new(out, "attempts",
                               json_integer(entry->attempts));
    (void) json_object_set_new(out, "crashes", json_integer(entry->crashes));
    (void) json_object_set_new(out, "epoch", json_integer(entry->epoch));
    (void) json_object_set_new(out, "history", ngx_er_admin_past(entry));

    if (op->dead) {
        ngx_er_admin_dead(pool, entry, out);

    } else {
        (void) json_object_set_new(out, "due", ngx_er_admin_time(entry->due));
    }

    if (entry->record.len) {
        ngx_er_admin_event(pool, entry, reveal, out);
    }

    return out;
}


static void
ngx_er_admin_event(ngx_pool_t *pool, ngx_er_entry_t *entry,
    ngx_uint_t reveal, json_t *out)
{
    ngx_er_record_t  record;

    if (ngx_er_record_read(&entry->record, &record) != NGX_OK) {
        return;
    }

    (void) json_object_set_new(out, "id",
                               ngx_er_admin_text(pool, &record.id));
    (void) json_object_set_new(out, "source",
                               ngx_er_admin_text(pool, &record.source));
    (void) json_object_set_new(out, "type",
                               ngx_er_admin_text(pool, &record.type));
    (void) json_object_set_new(out, "subject",
                               ngx_er_admin_text(pool, &record.subject));
    (void) json_object_set_new(out, "size", json_integer(record.body.len));

    if (reveal) {
        (void) json_object_set_new(out, "datacontenttype",
                                   ngx_er_admin_text(pool,
                                                     &record.content_type));
        (void) json_object_set_new(out, "body",
                                   ngx_er_admin_text(pool, &record.body));
    }
}


static void
ngx_er_admin_dead(ngx_pool_t *pool, ngx_er_entry_t *entry, json_t *out)
{
    const char  *reason;

    reason = ((ngx_uint_t) entry->reason
              < sizeof(ngx_er_admin_reasons) / sizeof(char *))
             ? ngx_er_admin_reasons[entry->reason] : "unknown";

    (void) json_object_set_new(out, "reason", json_string(reason));
    (void) json_object_set_new(out, "died", ngx_er_admin_time(entry->died));

    if (entry->status) {
        (void) json_object_set_new(out, "status",
                                   json_integer(entry->status));
    }

    if (entry->answer.len) {
        (void) json_object_set_new(out, "answer",
                                   ngx_er_admin_text(pool, &entry->answer));
        ngx_er_admin_outsystems(entry, out);
    }
}


/*
 * An exposed REST API of OutSystems answers an exception with
 * {"Errors": ["..."], "StatusCode": 400}: what went wrong there, in words.
 */

static void
ngx_er_admin_outsystems(ngx_er_entry_t *entry, json_t *out)
{
    size_t   i;
    json_t  *root, *errors, *status, *error, *list;

    root = json_loadb((char *) entry->answer.data, entry->answer.len,
                      JSON_REJECT_DUPLICATES, NULL);

    errors = json_object_get(root, "Errors");
    status = json_object_get(root, "StatusCode");

    if (json_is_array(errors) && json_is_integer(status)) {
        list = json_array();

        json_array_foreach(errors, i, error) {

            if (json_is_string(error) && i < NGX_ER_ADMIN_ERRORS) {
                (void) json_array_append(list, error);
            }
        }

        (void) json_object_set_new(out, "errors", list);
    }

    json_decref(root);
}


static json_t *
ngx_er_admin_past(ngx_er_entry_t *entry)
{
    json_t      *list;
    ngx_uint_t   i;

    list = json_array();

    for (i = 0; i < entry->npast; i++) {
        (void) json_array_append_new(list,
                   json_pack("{s:o, s:i, s:i, s:i}",
                             "at", ngx_er_admin_time(entry->past[i].time),
                             "attempt", (int) entry->past[i].number,
                             "status", (int) entry->past[i].status,
                             "ms", (int) entry->past[i].ms));
    }

    return list;
}


static json_t *
ngx_er_admin_text(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_str_t  safe;

    if (ngx_er_event_attribute(pool, text, text->len * 3, &safe) != NGX_OK) {
        return NULL;
    }

    return json_stringn((char *) safe.data, safe.len);
}


/* RFC 3339, in UTC */

static json_t *
ngx_er_admin_time(uint64_t ms)
{
    u_char    text[sizeof("2026-01-01T00:00:00.000Z") + 16];
    ngx_tm_t  tm;

    ngx_gmtime((time_t) (ms / 1000), &tm);

    (void) ngx_sprintf(text, "%4d-%02d-%02dT%02d:%02d:%02d.%03dZ%Z",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       (int) (ms % 1000));

    return json_string((char *) text);
}


static json_t *
ngx_er_admin_number(uint64_t n)
{
    u_char  text[17];

    (void) ngx_sprintf(text, "%016xL%Z", n);

    return json_string((char *) text);
}
