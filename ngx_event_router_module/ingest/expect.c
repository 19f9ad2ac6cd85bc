
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "expect every=TIME [type=TYPE];" of event_source: silence is told.  The time
 * of the last event is in shared memory with the alert (observe/alerts.h); of
 * a source that never sent anything it counts from when it was expected first.
 * What counts is that an event was genuine, whatever became of it.
 *
 * source.c reads the line here, observe/account.c says that an event came,
 * observe/alert_turn.c has it looked at now and then.  The lines are the
 * configuration's; nothing fails but for memory while it is read.
 */


#include "expect.h"
#include "../observe/alerts.h"
#include "../observe/metrics.h"


static ngx_uint_t ngx_er_expect_type(ngx_str_t *type);
static ngx_uint_t ngx_er_expect_is(ngx_er_expect_t *expect,
    ngx_er_event_t *event);


static ngx_er_param_t  ngx_er_expect_rows[] = {
    { "every=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_expect_t, every), "1s", "365d", NULL },
    { "type=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_expect_t, type), NULL, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_expect_params = {
    ngx_er_expect_rows, "which takes every=TIME and type=TYPE", 0, 0
};


char *
ngx_er_expect_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_uint_t        i;
    ngx_er_expect_t   read, *expect;
    ngx_er_source_t  *source;

    source = draft->source;
    ngx_memzero(&read, sizeof(ngx_er_expect_t));

    if (ngx_er_block_params(cf, &ngx_er_expect_params, 1, &read, NULL)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (read.every == 0) {
        return "has no every=TIME: after how long without an event is it to "
               "be told, for example \"expect every=30m;\"";
    }

    if (!ngx_er_expect_type(&read.type)) {
        return "has a type= that does not fit: it is at most 256 bytes of "
               "ASCII without blanks, quotes, \"\\\", \"<\", \">\" and \"&\"";
    }

    if (ngx_strlchr(read.type.data, read.type.data + read.type.len, '*')) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"type=%V\" of \"expect\" is a type as it stands, "
                           "\"*\" is no wildcard: write a line for each type, "
                           "or leave type= out for all of them", &read.type);
    }

    if (source->expects == NULL) {
        source->expects = ngx_array_create(cf->pool, 1,
                                           sizeof(ngx_er_expect_t));
        if (source->expects == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    expect = source->expects->elts;

    for (i = 0; i < source->expects->nelts; i++) {
        if (expect[i].type.len == read.type.len
            && ngx_memcmp(expect[i].type.data, read.type.data, read.type.len)
               == 0)
        {
            return "is twice for the same events: write one of them";
        }
    }

    expect = ngx_array_push(source->expects);
    if (expect == NULL) {
        return NGX_CONF_ERROR;
    }

    *expect = read;
    ngx_er_where_set(cf, &expect->where);

    return NGX_CONF_OK;
}


/* 1: it may stand in sentences that others put into JSON */

static ngx_uint_t
ngx_er_expect_type(ngx_str_t *type)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < type->len; i++) {
        c = type->data[i];

        if (c <= 0x20 || c >= 0x7f || ngx_strchr("\"\\<>&", c)) {
            return 0;
        }
    }

    return type->len <= NGX_ER_ATTRIBUTE_MAX;
}


void
ngx_er_expect_heard(ngx_er_event_t *event)
{
    ngx_uint_t        i;
    ngx_er_expect_t  *expect;

    expect = event->source->expects->elts;

    for (i = 0; i < event->source->expects->nelts; i++) {

        if (expect[i].alert == NULL || !ngx_er_expect_is(&expect[i], event)) {
            continue;
        }

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                       "event router expect: \"%V\" of \"%V\" is heard",
                       &expect[i].type, &event->source->name);

        ngx_er_alert_heard(expect[i].alert);

        if (ngx_er_alert_is(expect[i].alert)) {
            ngx_er_alert_set(expect[i].alert, 0, 0, NULL, 0);
        }
    }
}


/* of several events in a body that stay one any type counts */

static ngx_uint_t
ngx_er_expect_is(ngx_er_expect_t *expect, ngx_er_event_t *event)
{
    ngx_str_t       *type;
    ngx_er_value_t  *v;

    type = &expect->type;

    if (type->len == 0
        || (type->len == event->type.len
            && ngx_memcmp(type->data, event->type.data, type->len) == 0))
    {
        return 1;
    }

    for (v = event->types; v; v = v->next) {
        if (v->text.len == type->len
            && ngx_memcmp(v->text.data, type->data, type->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_er_expect_look(ngx_er_source_t *source)
{
    ngx_uint_t        i;
    ngx_er_expect_t  *expect;

    expect = source->expects->elts;

    for (i = 0; i < source->expects->nelts; i++) {

        if (expect[i].alert == NULL || ngx_er_alert_is(expect[i].alert)
            || ngx_er_alert_quiet(expect[i].alert) < expect[i].every)
        {
            continue;
        }

        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router expect: \"%V\" of \"%V\" does not come",
                       &expect[i].type, &source->name);

        ngx_er_alert_set(expect[i].alert, 1, 0, NULL, 0);
    }
}


/* without an alert only the time of its last event is known */

ngx_msec_t
ngx_er_expect_view(ngx_er_source_t *source, ngx_uint_t *silent)
{
    time_t             last;
    ngx_msec_t         every;
    ngx_uint_t         i;
    ngx_er_expect_t   *expect;

    *silent = 0;

    if (source->expects == NULL) {
        return 0;
    }

    every = 0;
    last = (time_t) source->counters[NGX_ER_METRIC_LATEST];
    expect = source->expects->elts;

    for (i = 0; i < source->expects->nelts; i++) {

        if (every == 0 || expect[i].every < every) {
            every = expect[i].every;
        }

        if (expect[i].alert) {
            *silent |= ngx_er_alert_is(expect[i].alert);

        } else if (expect[i].type.len == 0 && last) {
            *silent |= (ngx_time() - last
                        > (time_t) (expect[i].every / 1000));
        }
    }

    return every;
}
