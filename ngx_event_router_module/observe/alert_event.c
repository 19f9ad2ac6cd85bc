
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is told of an alert, as a CloudEvent of the source "router": id, type,
 * subject (the noun's name), time, and JSON with what a person needs.  Of what
 * happened to events there are numbers, times and one example's number; their
 * ids, payloads and secrets are in none.
 *
 * The same JSON is what others want to get.  A Slack webhook shows "text".
 * PagerDuty's Events API v2 reads "event_action", "dedup_key" and "payload",
 * to which only a "routing_key" has to be added.  "text" has neither quotes
 * nor backslashes, so that it can be put into another JSON by nginx.conf.
 *
 * The id is made of the alert and the message's stamp, so the same message is
 * the same event, whichever worker makes it.  Called by alert_turn.c.  What
 * may fail is memory.
 */


#include "alert_event.h"
#include "../base/json.h"
#include "../ingest/parse.h"


#define NGX_ER_ALERT_TEXT  512         /* bytes, more than there can be */
#define NGX_ER_ALERT_JSON  2048        /* bytes, as a rule */


typedef struct {
    const char            *type;
    const char            *end;        /* the type when it is over */
    const char            *noun;       /* a member of the JSON */
    const char            *severity;   /* PagerDuty's words */
    const char            *words[3];   /* by ngx_er_alert_phase_e */
} ngx_er_alert_kind_t;


static ngx_int_t ngx_er_alert_attributes(ngx_er_event_t *event,
    ngx_er_alert_t *alert, ngx_er_alert_message_t *m);
static ngx_int_t ngx_er_alert_body(ngx_er_event_t *event,
    ngx_er_alert_t *alert, ngx_er_alert_message_t *m);
static void ngx_er_alert_numbers(ngx_er_json_t *json,
    ngx_er_alert_message_t *m);
static ngx_int_t ngx_er_alert_pager(ngx_er_event_t *event,
    ngx_er_json_t *json, ngx_er_alert_t *alert, ngx_er_alert_message_t *m,
    ngx_str_t *text);
static u_char *ngx_er_alert_text(u_char *p, u_char *last,
    ngx_er_alert_t *alert, ngx_er_alert_message_t *m);
static u_char *ngx_er_alert_details(u_char *p, u_char *last,
    ngx_er_alert_t *alert, ngx_er_alert_message_t *m);
static u_char *ngx_er_alert_time(u_char *p, u_char *last, uint64_t ms);
static void ngx_er_alert_time_text(ngx_er_json_t *json, const char *name,
    uint64_t ms);


/* by ngx_er_alert_e */

static ngx_er_alert_kind_t  ngx_er_alert_kinds[] = {

    { "router.target.dead", "router.target.dead", "target", "error",
      { "has dead letters", "has more dead letters",
        "has no new dead letters" } },

    { "router.target.breaker.opened", "router.target.breaker.closed",
      "target", "error",
      { "does not work: its circuit breaker is open",
        "still does not work: its circuit breaker is open",
        "works again: its circuit breaker is closed" } },

    { "router.target.paused", "router.target.resumed", "target", "warning",
      { "is paused", "is still paused", "is resumed" } },

    { "router.unaccounted", "router.unaccounted", "target", "critical",
      { "has deliveries of which nobody knows what became of them",
        "still has deliveries of which nobody knows what became of them",
        "has all its deliveries accounted for" } },

    { "router.source.refused", "router.source.refused", "source", "warning",
      { "sends events that are refused", "still sends events that are refused",
        "sends no more events that are refused" } },

    { "router.source.silent", "router.source.silent", "source", "error",
      { "is silent", "is still silent", "is heard again" } },

    { "router.store.full", "router.store.back", "store", "critical",
      { "is full, events are answered 503",
        "is still full, events are answered 503", "has room again" } },

    { "router.store.lost", "router.store.back", "store", "critical",
      { "does not answer", "still does not answer", "answers again" } }
};


static const char  *ngx_er_alert_phases[] = { "begin", "repeat", "end" };


ngx_er_event_t *
ngx_er_alert_event(ngx_er_source_t *source, ngx_er_alert_t *alert,
    ngx_er_alert_message_t *m)
{
    ngx_er_scan_t    scan;
    ngx_er_event_t  *event;

    event = ngx_er_event_create(source);
    if (event == NULL) {
        return NULL;
    }

    if (ngx_er_alert_attributes(event, alert, m) != NGX_OK
        || ngx_er_alert_body(event, alert, m) != NGX_OK
        || ngx_er_parse_facts(event, &scan) != NGX_OK)
    {
        ngx_er_event_release(event);
        return NULL;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: event \"%V\", \"%V\" of \"%V\", %uz "
                   "bytes", &event->id, &event->type, &event->subject,
                   event->body.len);

    return event;
}


const char *
ngx_er_alert_type(ngx_er_alert_e kind, ngx_uint_t end)
{
    return end ? ngx_er_alert_kinds[kind].end : ngx_er_alert_kinds[kind].type;
}


static ngx_int_t
ngx_er_alert_attributes(ngx_er_event_t *event, ngx_er_alert_t *alert,
    ngx_er_alert_message_t *m)
{
    u_char               *p;
    ngx_er_alert_kind_t  *kind;

    kind = &ngx_er_alert_kinds[alert->kind];

    p = ngx_pnalloc(event->pool, 16 + 1 + NGX_INT64_LEN
                                 + sizeof("2026-11-30T00:00:00.000Z"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->id.data = p;
    p = ngx_sprintf(p, "%016xL-%uL",
                    ngx_er_alerts_node(alert->alerts) ^ alert->hash, m->stamp);
    event->id.len = p - event->id.data;

    event->time.data = p;
    event->time.len = ngx_er_alert_time(p, p + sizeof("2026-11-30T00:00:00Z"),
                                        m->stamp)
                      - p;

    event->type.data = (u_char *) (m->phase == NGX_ER_ALERT_END ? kind->end
                                                                : kind->type);
    event->type.len = ngx_strlen(event->type.data);

    event->subject = *alert->noun;
    event->has_id = 1;

    event->given_id = event->id;
    event->whole_id = event->id;
    event->given_time = event->time;

    ngx_str_set(&event->content_type, "application/json");

    return NGX_OK;
}


static ngx_int_t
ngx_er_alert_body(ngx_er_event_t *event, ngx_er_alert_t *alert,
    ngx_er_alert_message_t *m)
{
    u_char               *p;
    ngx_str_t             text;
    ngx_er_json_t         json;
    ngx_er_alert_kind_t  *kind;

    kind = &ngx_er_alert_kinds[alert->kind];

    p = ngx_pnalloc(event->pool, NGX_ER_ALERT_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_er_alert_text(p, p + NGX_ER_ALERT_TEXT, alert, m) - p;

    ngx_er_json_begin(&json, event->pool, NGX_ER_ALERT_JSON);
    ngx_er_json_open(&json, NULL, "{");

    ngx_er_json_text(&json, "text", &text, 0);
    ngx_er_json_word(&json, "state", ngx_er_alert_phases[m->phase]);
    ngx_er_json_word(&json, "severity", kind->severity);
    ngx_er_json_text(&json, kind->noun, alert->noun, 0);

    if (alert->type.len) {
        ngx_er_json_text(&json, "expected", &alert->type, 0);
    }

    ngx_er_alert_numbers(&json, m);

    ngx_er_json_text(&json, "nginx", &alert->alerts->host, 0);

    if (ngx_er_alert_pager(event, &json, alert, m, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_json_close(&json, "}");

    return ngx_er_json_end(&json, &event->body);
}


static void
ngx_er_alert_numbers(ngx_er_json_t *json, ngx_er_alert_message_t *m)
{
    u_char     buf[16];
    ngx_str_t  text;

    ngx_er_alert_time_text(json, "since", m->since);
    ngx_er_json_number(json, "count", m->count);
    ngx_er_json_number(json, "total", m->total);

    if (m->count) {
        ngx_er_alert_time_text(json, "first", m->first);
    }

    if (m->last) {
        ngx_er_alert_time_text(json, "last", m->last);
    }

    if (m->len) {
        text.data = m->why;
        text.len = m->len;
        ngx_er_json_text(json, "reason", &text, 0);
    }

    if (m->status) {
        ngx_er_json_number(json, "status", m->status);
    }

    if (m->seq) {
        text.data = buf;
        text.len = ngx_sprintf(buf, "%016xL", m->seq) - buf;
        ngx_er_json_text(json, "example", &text, 0);
    }
}


/* Events API v2: https://developer.pagerduty.com/docs/events-api-v2 */

static ngx_int_t
ngx_er_alert_pager(ngx_er_event_t *event, ngx_er_json_t *json,
    ngx_er_alert_t *alert, ngx_er_alert_message_t *m, ngx_str_t *text)
{
    u_char               *p;
    ngx_str_t             key;
    ngx_er_alert_kind_t  *kind;

    kind = &ngx_er_alert_kinds[alert->kind];

    p = ngx_pnalloc(event->pool, 16 + 1 + ngx_strlen(kind->type));
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* the same when it is over, and of this nginx alone, also when it has
       started anew */

    key.data = p;
    key.len = ngx_sprintf(p, "%s-%016xL", kind->type,
                          ngx_er_hash64(&alert->alerts->host) ^ alert->hash)
              - p;

    ngx_er_json_word(json, "event_action",
                     m->phase == NGX_ER_ALERT_END ? "resolve" : "trigger");
    ngx_er_json_text(json, "dedup_key", &key, 0);

    ngx_er_json_open(json, "payload", "{");
    ngx_er_json_text(json, "summary", text, 0);
    ngx_er_json_text(json, "source", &alert->alerts->host, 0);
    ngx_er_json_word(json, "severity", kind->severity);
    ngx_er_json_text(json, "timestamp", &event->time, 0);
    ngx_er_json_text(json, "component", alert->noun, 0);
    ngx_er_json_word(json, "class", kind->type);
    ngx_er_json_close(json, "}");

    return NGX_OK;
}


static u_char *
ngx_er_alert_text(u_char *p, u_char *last, ngx_er_alert_t *alert,
    ngx_er_alert_message_t *m)
{
    ngx_er_alert_kind_t  *kind;

    kind = &ngx_er_alert_kinds[alert->kind];

    /* a store is called by its URL, which is no word of ours */

    if (kind->noun[1] == 't') {
        p = ngx_slprintf(p, last, "The event store");

    } else {
        p = ngx_slprintf(p, last, "%s %V",
                         kind->noun[0] == 't' ? "Target" : "Source",
                         alert->noun);
    }

    p = ngx_slprintf(p, last, " %s", kind->words[m->phase]);

    return ngx_er_alert_details(p, last, alert, m);
}


static u_char *
ngx_er_alert_details(u_char *p, u_char *last, ngx_er_alert_t *alert,
    ngx_er_alert_message_t *m)
{
    if (alert->kind == NGX_ER_ALERT_SILENT) {

        p = ngx_slprintf(p, last, ": %s event", m->phase == NGX_ER_ALERT_END
                                                ? "an" : "no");

        if (alert->type.len) {
            p = ngx_slprintf(p, last, " of type %V", &alert->type);
        }

        if (m->phase == NGX_ER_ALERT_END) {
            return ngx_slprintf(p, last, " came");
        }

        p = ngx_slprintf(p, last, " came since ");

        return ngx_er_alert_time(p, last, m->last);
    }

    if (m->phase == NGX_ER_ALERT_END) {
        p = ngx_slprintf(p, last, ", it began ");
        p = ngx_er_alert_time(p, last, m->since);

        return (m->total > 1) ? ngx_slprintf(p, last, ", %uL in all",
                                             m->total)
                              : p;
    }

    if (m->count > 1 || alert->kind == NGX_ER_ALERT_DEAD) {
        p = ngx_slprintf(p, last, ": %uL since ", m->count);
        p = ngx_er_alert_time(p, last, m->first);

    } else {
        p = ngx_slprintf(p, last, " since ");
        p = ngx_er_alert_time(p, last, m->since);
    }

    if (m->len) {
        p = ngx_slprintf(p, last, ", the last: %*s", m->len, m->why);
    }

    return m->status ? ngx_slprintf(p, last, ", status %ui", m->status) : p;
}


static u_char *
ngx_er_alert_time(u_char *p, u_char *last, uint64_t ms)
{
    ngx_tm_t  tm;

    ngx_gmtime((time_t) (ms / 1000), &tm);

    return ngx_slprintf(p, last, "%4d-%02d-%02dT%02d:%02d:%02dZ",
                        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                        tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
}


static void
ngx_er_alert_time_text(ngx_er_json_t *json, const char *name, uint64_t ms)
{
    u_char     buf[sizeof("2026-11-30T00:00:00Z")];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_er_alert_time(buf, buf + sizeof(buf), ms) - buf;

    ngx_er_json_text(json, name, &text, 0);
}
