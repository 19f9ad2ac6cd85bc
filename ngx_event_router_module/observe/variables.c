
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Variables.  In a producer's request they speak of the event that it brought,
 * in a delivery of the event that is delivered, the target and the attempt, in
 * a call of ours of the event that it is about.  All have requests of their
 * own, so that nothing that one delivery evaluated is seen by another.
 *
 * Everything an event says is hostile: a variable of this file never yields a
 * byte below 0x20 nor 0x7f (they are percent-encoded), so that neither a
 * header nor a log line can be split; "event_set ... uri" encodes all that
 * could change the meaning of a URI.  Before the event is known (in "if", in
 * "set", in limits of the receiving location) a variable is not found, and it
 * is not cached as such.
 */


#include "variables.h"
#include "log_variables.h"
#include "../ingest/attributes.h"
#include "../ingest/parts.h"
#include "../ingest/trace.h"
#include "../deliver/attempt.h"
#include "../deliver/call.h"
#include "../deliver/doubt_conf.h"


#define NGX_ER_VARIABLE_MAX  4096      /* bytes of an event_set variable */


typedef enum {
    NGX_ER_VARIABLE_ID = 0,
    NGX_ER_VARIABLE_TYPE,
    NGX_ER_VARIABLE_SOURCE,
    NGX_ER_VARIABLE_SUBJECT,
    NGX_ER_VARIABLE_TIME,
    NGX_ER_VARIABLE_ROUTES
} ngx_er_variable_e;


/* what a request is about; members are NULL where it is about none */

typedef struct {
    ngx_er_event_t        *event;
    ngx_er_attempt_t      *attempt;    /* in a delivery */
    ngx_er_call_t         *call;       /* in a call of ours */
    ngx_er_log_line_t     *line;       /* of event_log, in any request */
    ngx_er_receive_t      *receive;    /* in a producer's request, */
    ngx_er_fanout_t       *fanout;     /* and what became of its event */
} ngx_er_subject_t;


static ngx_int_t ngx_er_variables_field(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_str_t *text);
static ngx_uint_t ngx_er_variables_raw(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_str_t *name);
static ngx_http_variable_t *ngx_er_variables_find(ngx_conf_t *cf,
    ngx_str_t *name);
static void ngx_er_variable_subject(ngx_http_request_t *r,
    ngx_er_subject_t *subject);
static ngx_int_t ngx_er_variable_event(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_target(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_attempt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_call(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_count(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_trace(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_verify(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_dedup(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_status(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_set(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_er_variable_uri(ngx_http_request_t *r, ngx_str_t *value,
    ngx_http_variable_value_t *v);
static ngx_int_t ngx_er_variable_text(ngx_http_variable_value_t *v,
    ngx_str_t *text);
static ngx_int_t ngx_er_variable_word(ngx_http_variable_value_t *v,
    const char *word);
static ngx_int_t ngx_er_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_uint_t n);
static ngx_int_t ngx_er_variable_none(ngx_http_variable_value_t *v);


static ngx_http_variable_t  ngx_er_variables[] = {

    { ngx_string("event_id"), NULL,
      ngx_er_variable_event, NGX_ER_VARIABLE_ID, 0, 0 },

    { ngx_string("event_type"), NULL,
      ngx_er_variable_event, NGX_ER_VARIABLE_TYPE, 0, 0 },

    { ngx_string("event_source"), NULL,
      ngx_er_variable_event, NGX_ER_VARIABLE_SOURCE, 0, 0 },

    { ngx_string("event_subject"), NULL,
      ngx_er_variable_event, NGX_ER_VARIABLE_SUBJECT, 0, 0 },

    { ngx_string("event_time"), NULL,
      ngx_er_variable_event, NGX_ER_VARIABLE_TIME, 0, 0 },

    { ngx_string("event_routes"), NULL,
      ngx_er_variable_event, NGX_ER_VARIABLE_ROUTES, 0, 0 },

    { ngx_string("event_count"), NULL, ngx_er_variable_count, 0, 0, 0 },

    { ngx_string("event_target"), NULL, ngx_er_variable_target, 0, 0, 0 },

    { ngx_string("event_attempt"), NULL, ngx_er_variable_attempt, 0, 0, 0 },

    { ngx_string("event_call"), NULL, ngx_er_variable_call, 0, 0, 0 },

    { ngx_string("event_trace_id"), NULL, ngx_er_variable_trace, 0, 0, 0 },

    { ngx_string("event_verify"), NULL, ngx_er_variable_verify, 0, 0, 0 },

    { ngx_string("event_dedup"), NULL, ngx_er_variable_dedup, 0, 0, 0 },

    { ngx_string("event_status"), NULL, ngx_er_variable_status, 0, 0, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_er_variables_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_er_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


char *
ngx_er_variables_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_int_t             field;
    ngx_str_t            *value, name;
    ngx_er_set_t         *set;
    ngx_http_variable_t  *var;

    value = cf->args->elts;
    name = value[1];

    if (name.len < 2 || name.data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\": write a name "
                           "behind \"$\", as in \"event_set $order "
                           "data.id;\"", &name);
        return NGX_CONF_ERROR;
    }

    name.data++;
    name.len--;

    if (cf->args->nelts == 4 && ngx_strcmp(value[3].data, "uri") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", the only one is "
                           "\"uri\"", &value[3]);
        return NGX_CONF_ERROR;
    }

    field = ngx_er_variables_field(cf, mcf, &value[2]);
    if (field == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    set = ngx_array_push(&mcf->sets);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->field = field;
    set->uri = (cf->args->nelts == 4);

    var = ngx_http_add_variable(cf, &name, 0);
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    var->get_handler = ngx_er_variable_set;
    var->data = mcf->sets.nelts - 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_variables_field(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *text)
{
    ngx_er_error_t  err;
    ngx_er_field_t  field;

    if (ngx_er_field_parse(cf->pool, text, NULL, &field, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", err.len, err.text);
        return NGX_ERROR;
    }

    if (field.kind == NGX_ER_FIELD_VARIABLE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is a variable already: use it as it is",
                           text);
        return NGX_ERROR;
    }

    return ngx_er_fields_add(mcf->fields, &field);
}


/* a value that must be encoded is never asked for (deliver/call.c), so its
   event stays in doubt */

void
ngx_er_variables_doubts(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_int_t                  *index;
    ngx_str_t                  *name;
    ngx_uint_t                  i, n;
    ngx_er_doubt_t             *doubt;
    ngx_er_target_t           **target;
    ngx_http_variable_t        *var;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    var = cmcf->variables.elts;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        doubt = target[i]->doubt;

        if (doubt == NULL) {
            continue;
        }

        index = doubt->variables.elts;

        for (n = 0; n < doubt->variables.nelts; n++) {
            name = &var[index[n]].name;

            if (ngx_er_variables_raw(cf, mcf, name)) {
                ngx_er_where_log(cf, NGX_LOG_WARN, &doubt->where,
                                 "\"$%V\" in the URI of \"in_doubt\" of "
                                 "event_target \"%V\" is not encoded: nobody "
                                 "is asked for a value with a byte such as "
                                 "\":\", \"/\" or \"+\", so write "
                                 "\"event_set $NAME FIELD uri;\" and use "
                                 "that", name, &target[i]->name);
            }
        }
    }
}


/* 1: it has the event's own bytes; of others, as a map's, nothing is known */

static ngx_uint_t
ngx_er_variables_raw(ngx_conf_t *cf, ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_er_set_t         *set;
    ngx_http_variable_t  *var;

    set = mcf->sets.elts;
    var = ngx_er_variables_find(cf, name);

    return var && ((var->get_handler == ngx_er_variable_event
                    && var->data != NGX_ER_VARIABLE_SOURCE)
                   || (var->get_handler == ngx_er_variable_set
                       && !set[var->data].uri));
}


static ngx_http_variable_t *
ngx_er_variables_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (name->len == key[i].key.len
            && ngx_strncasecmp(name->data, key[i].key.data, name->len) == 0)
        {
            return key[i].value;
        }
    }

    return NULL;
}


ngx_int_t
ngx_er_variables_shows(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *name)
{
    ngx_er_set_t         *set;
    ngx_http_variable_t  *var;

    set = mcf->sets.elts;
    var = ngx_er_variables_find(cf, name);

    return (var && var->get_handler == ngx_er_variable_set)
           ? (ngx_int_t) set[var->data].field : NGX_CONF_UNSET;
}


static void
ngx_er_variable_subject(ngx_http_request_t *r, ngx_er_subject_t *subject)
{
    ngx_er_part_t  *part;

    ngx_memzero(subject, sizeof(ngx_er_subject_t));

    subject->line = ngx_er_log_spoken();

    if (subject->line) {
        subject->event = subject->line->event;
        subject->attempt = subject->line->attempt;
        subject->receive = subject->line->request
                           ? ngx_er_receive_of(subject->line->request) : NULL;
        return;
    }

    subject->attempt = ngx_er_attempt_of(r);

    if (subject->attempt) {
        subject->event = subject->attempt->event;
        return;
    }

    subject->call = ngx_er_call_of(r);

    if (subject->call) {
        subject->event = subject->call->event;
        return;
    }

    subject->receive = ngx_er_receive_of(r);

    /* of a batch no single event can be spoken */

    if (subject->receive && subject->receive->parts.nelts == 1) {
        part = subject->receive->parts.elts;
        subject->event = part->event;
        subject->fanout = part->fanout;
    }
}


static ngx_int_t
ngx_er_variable_event(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    if (data == NGX_ER_VARIABLE_SOURCE && s.receive) {
        return ngx_er_variable_text(v, &s.receive->source->name);
    }

    if (s.event == NULL) {
        return ngx_er_variable_none(v);
    }

    switch (data) {

    case NGX_ER_VARIABLE_ID:
        return ngx_er_variable_text(v, &s.event->id);

    case NGX_ER_VARIABLE_TYPE:
        return ngx_er_variable_text(v, &s.event->type);

    case NGX_ER_VARIABLE_SOURCE:
        return ngx_er_variable_text(v, &s.event->source->name);

    case NGX_ER_VARIABLE_SUBJECT:
        return ngx_er_variable_text(v, &s.event->subject);

    case NGX_ER_VARIABLE_TIME:
        return ngx_er_variable_text(v, &s.event->time);

    default: /* NGX_ER_VARIABLE_ROUTES */

        if (s.attempt) {
            return ngx_er_variable_text(v, &s.attempt->routes);
        }

        return ngx_er_variable_text(v, &s.event->route_names);
    }
}


/* in the body that came, or is delivered */

static ngx_int_t
ngx_er_variable_count(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    if (s.event) {
        return ngx_er_variable_number(r, v, ngx_er_parts_count(s.event));
    }

    if (s.receive && s.receive->parts.nelts) {
        return ngx_er_variable_number(r, v, s.receive->parts.nelts);
    }

    /* an array without events */

    if (s.receive && s.receive->message.batch) {
        return ngx_er_variable_number(r, v, 0);
    }

    return ngx_er_variable_none(v);
}


/* a delivery's target; in a producer's request all targets, "a,b" */

static ngx_int_t
ngx_er_variable_target(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    size_t              len;
    u_char             *p;
    ngx_str_t           text;
    ngx_uint_t          i, n;
    ngx_er_subject_t    s;
    ngx_er_delivery_t  *d;

    ngx_er_variable_subject(r, &s);

    if (s.attempt) {
        return ngx_er_variable_text(v, &s.attempt->target->name);
    }

    if (s.call) {
        return s.call->target
               ? ngx_er_variable_text(v, &s.call->target->name)
               : ngx_er_variable_none(v);
    }

    if (s.line && s.line->target) {
        return ngx_er_variable_text(v, &s.line->target->name);
    }

    if (s.fanout == NULL) {
        return ngx_er_variable_none(v);
    }

    len = 0;
    d = s.fanout->deliveries.elts;
    n = s.fanout->deliveries.nelts;

    for (i = 0; i < n; i++) {
        len += d[i].target->name.len + 1;
    }

    if (len == 0) {
        return ngx_er_variable_none(v);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = len - 1;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, d[i].target->name.data, d[i].target->name.len);
        *p++ = ',';
    }

    return ngx_er_variable_text(v, &text);
}


static ngx_int_t
ngx_er_variable_attempt(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    if (s.attempt) {
        return ngx_er_variable_number(r, v, s.attempt->number);
    }

    if (s.fanout && s.fanout->deliveries.nelts) {
        return ngx_er_variable_number(r, v, s.fanout->attempt);
    }

    return ngx_er_variable_none(v);
}


/* of an event that is several calls */

static ngx_int_t
ngx_er_variable_call(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    if (s.attempt && s.attempt->cargo && s.attempt->cargo->number) {
        return ngx_er_variable_number(r, v, s.attempt->cargo->number);
    }

    return ngx_er_variable_none(v);
}


static ngx_int_t
ngx_er_variable_trace(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t         text;
    ngx_er_trace_t   *trace;
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    trace = s.event ? ngx_er_event_trace(s.event) : NULL;

    if (trace == NULL) {
        return ngx_er_variable_none(v);
    }

    text.len = 2 * NGX_ER_TRACE_ID;
    text.data = ngx_pnalloc(r->pool, text.len);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(text.data, trace->id, NGX_ER_TRACE_ID);

    return ngx_er_variable_text(v, &text);
}


static ngx_int_t
ngx_er_variable_verify(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    if (s.receive == NULL || s.receive->verify == NULL) {
        return ngx_er_variable_none(v);
    }

    return ngx_er_variable_word(v, s.receive->verify);
}


static ngx_int_t
ngx_er_variable_dedup(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    static const char  *modes[] = {
        "off", "memory", "redis", "local", "none", "queue"
    };

    ngx_er_variable_subject(r, &s);

    if (s.attempt) {
        return ngx_er_variable_word(v, modes[s.attempt->dedup]);
    }

    if (s.fanout == NULL) {
        return ngx_er_variable_none(v);
    }

    return ngx_er_variable_word(v, modes[s.fanout->dedup]);
}


/* a word for the producer's request, the HTTP status for a delivery */

static ngx_int_t
ngx_er_variable_status(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_er_subject_t  s;

    ngx_er_variable_subject(r, &s);

    if (s.attempt && s.attempt->status) {
        return ngx_er_variable_number(r, v, s.attempt->status);
    }

    if (s.line && s.attempt == NULL && s.line->outcome) {
        return ngx_er_variable_word(v, s.line->outcome);
    }

    if (s.receive && s.receive->status) {
        return ngx_er_variable_word(v, s.receive->status);
    }

    return ngx_er_variable_none(v);
}


static ngx_int_t
ngx_er_variable_set(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t            text;
    ngx_er_set_t        *set;
    ngx_er_value_t      *value;
    ngx_er_subject_t     s;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    set = mcf->sets.elts;
    set += data;

    ngx_er_variable_subject(r, &s);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router variable: event_set %ui, event:%d",
                   (ngx_uint_t) data, s.event != NULL);

    if (s.event == NULL) {
        return ngx_er_variable_none(v);
    }

    value = ngx_er_fact(s.event->facts, set->field);

    if (value == NULL || value->type == NGX_ER_NULL) {
        return ngx_er_variable_none(v);
    }

    if (set->uri) {
        return ngx_er_variable_uri(r, &value->text, v);
    }

    if (ngx_er_event_attribute(r->pool, &value->text, NGX_ER_VARIABLE_MAX,
                               &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_variable_text(v, &text);
}


/*
 * One segment of a path or one value of a query.  "." and ".." cannot be
 * encoded so that every server takes them for a name: they are not found.
 */

static ngx_int_t
ngx_er_variable_uri(ngx_http_request_t *r, ngx_str_t *value,
    ngx_http_variable_value_t *v)
{
    size_t     len;
    ngx_str_t  text;

    if ((value->len == 1 && value->data[0] == '.')
        || (value->len == 2 && value->data[0] == '.' && value->data[1] == '.'))
    {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "event router variable: \".\" or \"..\" is no segment");

        return ngx_er_variable_none(v);
    }

    len = ngx_min(value->len, NGX_ER_VARIABLE_MAX);

    text.len = len + 2 * ngx_escape_uri(NULL, value->data, len,
                                        NGX_ESCAPE_URI_COMPONENT);

    text.data = ngx_pnalloc(r->pool, text.len);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_uri(text.data, value->data, len,
                          NGX_ESCAPE_URI_COMPONENT);

    return ngx_er_variable_text(v, &text);
}


static ngx_int_t
ngx_er_variable_text(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    if (text->len == 0) {
        return ngx_er_variable_none(v);
    }

    v->len = text->len;
    v->data = text->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_er_variable_word(ngx_http_variable_value_t *v, const char *word)
{
    ngx_str_t  text;

    text.data = (u_char *) word;
    text.len = ngx_strlen(word);

    return ngx_er_variable_text(v, &text);
}


static ngx_int_t
ngx_er_variable_number(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    ngx_uint_t n)
{
    u_char     *p;
    ngx_str_t   text;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    text.len = ngx_sprintf(p, "%ui", n) - p;

    return ngx_er_variable_text(v, &text);
}


/* not found now: it may be known later in the same request */

static ngx_int_t
ngx_er_variable_none(ngx_http_variable_value_t *v)
{
    v->valid = 0;
    v->no_cacheable = 1;
    v->not_found = 1;

    return NGX_OK;
}
