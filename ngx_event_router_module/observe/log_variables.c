
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Variables that have a value only while a line of event_log is written: what
 * kind of line it is, and what it says beside the event.  They can be in its
 * string and, by a map, in its "if=".  Other variables of ours ask here, too,
 * whether they are to speak of a line (variables.c).
 *
 * It owns a pointer to the line, which is log.c's.  Only memory can fail.
 */


#include "log_variables.h"
#include "when.h"


typedef enum {
    NGX_ER_LOG_V_KIND = 0,
    NGX_ER_LOG_V_TIME,
    NGX_ER_LOG_V_OUTCOME,
    NGX_ER_LOG_V_REASON,
    NGX_ER_LOG_V_NUMBER,
    NGX_ER_LOG_V_MS,
    NGX_ER_LOG_V_SPAN,
    NGX_ER_LOG_V_WHO
} ngx_er_log_variable_e;


static ngx_int_t ngx_er_log_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_str_t *ngx_er_log_who(ngx_er_who_t *who);
static u_char *ngx_er_log_variable_made(ngx_er_log_line_t *line,
    ngx_uint_t which, u_char *p);


static ngx_er_log_line_t  *ngx_er_log_line;


static ngx_http_variable_t  ngx_er_log_variables[] = {

    { ngx_string("event_log_kind"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_KIND, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_time"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_outcome"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_OUTCOME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_reason"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_REASON, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_number"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_NUMBER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_ms"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_MS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_span"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_SPAN, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("event_log_who"), NULL, ngx_er_log_variable,
      NGX_ER_LOG_V_WHO, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_er_log_variables_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_er_log_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


void
ngx_er_log_speak(ngx_er_log_line_t *line)
{
    ngx_er_log_line = line;
}


ngx_er_log_line_t *
ngx_er_log_spoken(void)
{
    return ngx_er_log_line;
}


static ngx_int_t
ngx_er_log_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char             *p;
    ngx_str_t          *name;
    const char         *word;
    ngx_er_log_line_t  *line;

    line = ngx_er_log_line;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router log: variable %ui, line:%d",
                   (ngx_uint_t) data, line != NULL);

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    if (line == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (data == NGX_ER_LOG_V_WHO && line->who) {
        name = ngx_er_log_who(line->who);
        v->data = name->data;
        v->len = name->len;
        return NGX_OK;
    }

    word = (data == NGX_ER_LOG_V_KIND) ? ngx_er_log_kind_name(line->kind)
           : (data == NGX_ER_LOG_V_OUTCOME) ? line->outcome
           : (data == NGX_ER_LOG_V_REASON) ? line->reason : NULL;

    if (word) {
        v->data = (u_char *) word;
        v->len = ngx_strlen(word);
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, NGX_ER_LOG_TIME);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_er_log_variable_made(line, data, v->data);

    v->len = p - v->data;
    v->not_found = (v->len == 0);

    return NGX_OK;
}


/* by the best name that is known */

static ngx_str_t *
ngx_er_log_who(ngx_er_who_t *who)
{
    return who->token.len ? &who->token
           : who->user.len ? &who->user
           : who->subject.len ? &who->subject : &who->address;
}


/* what is no text yet; its end */

static u_char *
ngx_er_log_variable_made(ngx_er_log_line_t *line, ngx_uint_t which, u_char *p)
{
    ngx_int_t  ms;

    switch (which) {

    case NGX_ER_LOG_V_TIME:
        return ngx_er_log_time(p);

    case NGX_ER_LOG_V_NUMBER:
        return line->number ? ngx_sprintf(p, "%016xL", line->number) : p;

    case NGX_ER_LOG_V_MS:
        ms = ngx_er_log_ms(line);
        return (ms == NGX_ERROR) ? p : ngx_er_decimal(p, ms);

    case NGX_ER_LOG_V_SPAN:
        return (line->attempt && line->attempt->spanned)
               ? ngx_hex_dump(p, line->attempt->span, NGX_ER_TRACE_SPAN) : p;

    default:
        return p;
    }
}


u_char *
ngx_er_log_time(u_char *p)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return ngx_er_when(p, (uint64_t) tp->sec * 1000 + tp->msec);
}


ngx_int_t
ngx_er_log_ms(ngx_er_log_line_t *line)
{
    if (line->attempt) {
        return line->attempt->ms;
    }

    if (line->kind == NGX_ER_LOG_DELIVERY) {
        return line->ms;
    }

    return line->request ? ngx_er_log_since(line->request) : NGX_ERROR;
}


ngx_int_t
ngx_er_log_since(ngx_http_request_t *r)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    return ngx_max(ms, 0);
}


const char *
ngx_er_log_kind_name(ngx_er_log_kind_e kind)
{
    static const char  *names[] = {
        "request", "event", "attempt", "delivery", "admin"
    };

    return names[kind];
}
