
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines of event_log.  account.c says what happened; here a line is made of it
 * once as JSON, or for each log of its own string, and put (log_file.c).  A
 * line has attributes of the event, names and words of ours: never a payload,
 * a header or what a target answered.  Whatever is hostile in it is escaped.
 * In a string of variables a value that "redact" of the source hides is "***".
 *
 * Variables need a request.  It is the delivery's for an attempt, else the
 * producer's or the administrator's; where that is gone (a queued event) it is
 * a carrier that never runs.  They see a copy of the request's variables, so
 * what a line asked for is not what access_log finds later.  What an attempt's
 * line asks of its subrequest is taken along when its status is known.
 *
 * The worker owns a pool, which each line begins anew.  Nothing can fail but
 * for memory: then a line is missing.
 */


#include "log.h"
#include "log_file.h"
#include "log_variables.h"
#include "../base/json.h"
#include "../deliver/carrier.h"
#include "../ingest/source.h"
#include "../ingest/trace.h"


#define NGX_ER_LOG_POOL  4096
#define NGX_ER_LOG_SIZE  512           /* of a line of JSON, as a rule */


typedef struct {
    ngx_array_t           *logs;       /* of ngx_er_log_t *; NULL: off */
    ngx_pool_t            *pool;       /* of the line that is written */
} ngx_er_log_worker_t;


/* the request in which variables are evaluated */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_variable_value_t  *variables;  /* its own */
    ngx_uint_t                  made;
} ngx_er_log_scene_t;


static void ngx_er_log_keep(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_er_log_t *log);
static void ngx_er_log_line(ngx_er_log_line_t *line);
static void ngx_er_log_write_one(ngx_er_log_t *log, ngx_er_log_line_t *line,
    ngx_er_log_scene_t *scene, ngx_str_t *json);
static ngx_http_request_t *ngx_er_log_scene(ngx_er_log_line_t *line,
    ngx_er_log_scene_t *scene);
static ngx_http_request_t *ngx_er_log_request_of(ngx_er_log_line_t *line,
    ngx_er_log_scene_t *scene);
static void ngx_er_log_scene_end(ngx_er_log_scene_t *scene);
static void ngx_er_log_gone(void *data);
static ngx_int_t ngx_er_log_text(ngx_er_log_t *log, ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_uint_t ngx_er_log_hides(ngx_http_request_t *r,
    ngx_er_log_op_t *op);
static size_t ngx_er_log_escape(ngx_er_log_t *log, u_char *p,
    ngx_http_variable_value_t *v);
static size_t ngx_er_log_escape_bytes(u_char *p, u_char *data, size_t len);
static ngx_int_t ngx_er_log_json(ngx_er_log_line_t *line, ngx_str_t *text);
static void ngx_er_log_json_reason(ngx_er_json_t *json,
    ngx_er_log_line_t *line);
static void ngx_er_log_json_more(ngx_er_json_t *json,
    ngx_er_log_line_t *line);
static void ngx_er_log_json_event(ngx_er_json_t *json, ngx_er_event_t *event);
static void ngx_er_log_json_attempt(ngx_er_json_t *json,
    ngx_er_attempt_t *attempt);
static void ngx_er_log_json_routes(ngx_er_json_t *json, ngx_str_t *names);
static void ngx_er_log_json_text(ngx_er_json_t *json, const char *name,
    ngx_str_t *text);


static ngx_er_log_worker_t  ngx_er_log_worker;

static ngx_http_variable_value_t  ngx_er_log_hidden =
                                      ngx_http_variable(NGX_ER_REDACT_MASK);


void
ngx_er_logs_init(ngx_er_main_conf_t *mcf)
{
    ngx_er_log_worker.logs = mcf ? mcf->logs : NULL;
}


void
ngx_er_logs_exit_worker(void)
{
    ngx_uint_t      i;
    ngx_er_log_t  **log;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    log = ngx_er_log_worker.logs->elts;

    for (i = 0; i < ngx_er_log_worker.logs->nelts; i++) {
        ngx_er_log_drain(log[i]);
    }

    ngx_er_log_worker.logs = NULL;

    if (ngx_er_log_worker.pool) {
        ngx_destroy_pool(ngx_er_log_worker.pool);
        ngx_er_log_worker.pool = NULL;
    }
}


void
ngx_er_log_request(ngx_er_source_t *source, ngx_http_request_t *r,
    const char *outcome, ngx_uint_t status, const char *by, const char *why)
{
    ngx_er_log_line_t  line;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    ngx_memzero(&line, sizeof(ngx_er_log_line_t));

    line.kind = NGX_ER_LOG_REQUEST;
    line.source = source;
    line.request = r;
    line.outcome = outcome;
    line.status = status;
    line.by = by;
    line.reason = why;

    ngx_er_log_line(&line);
}


void
ngx_er_log_event(ngx_er_event_t *event, const char *outcome)
{
    ngx_er_log_line_t  line;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    ngx_memzero(&line, sizeof(ngx_er_log_line_t));

    line.kind = NGX_ER_LOG_EVENT;
    line.event = event;
    line.source = event->source;
    line.request = event->request;
    line.number = event->number;
    line.outcome = outcome;

    ngx_er_log_line(&line);
}


/* the subrequest may be gone when the attempt ends: what its line asks of it
   is taken along */

void
ngx_er_log_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r)
{
    size_t                       size;
    ngx_uint_t                   i;
    ngx_er_log_t               **log;
    ngx_http_variable_value_t   *own, *copy;
    ngx_http_core_main_conf_t   *cmcf;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    log = ngx_er_log_worker.logs->elts;

    for (i = 0; i < ngx_er_log_worker.logs->nelts; i++) {
        if (log[i]->ops) {
            break;
        }
    }

    if (i == ngx_er_log_worker.logs->nelts) {
        return;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    size = cmcf->variables.nelts * sizeof(ngx_http_variable_value_t);

    copy = ngx_palloc(r->pool, size);
    attempt->variables = ngx_pcalloc(attempt->pool, size);

    if (copy == NULL || attempt->variables == NULL) {
        return;
    }

    own = r->variables;
    ngx_memcpy(copy, own, size);
    r->variables = copy;

    for ( /* void */ ; i < ngx_er_log_worker.logs->nelts; i++) {
        if (log[i]->ops) {
            ngx_er_log_keep(attempt, r, log[i]);
        }
    }

    r->variables = own;
}


static void
ngx_er_log_keep(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_er_log_t *log)
{
    u_char                     *p;
    ngx_uint_t                  i;
    ngx_er_log_op_t            *op;
    ngx_http_variable_value_t  *v;

    op = log->ops->elts;

    for (i = 0; i < log->ops->nelts; i++) {

        if (!op[i].foreign) {
            continue;
        }

        v = ngx_http_get_flushed_variable(r, op[i].index);

        if (v == NULL || v->not_found) {
            continue;
        }

        p = ngx_pnalloc(attempt->pool, v->len);
        if (p == NULL) {
            continue;
        }

        ngx_memcpy(p, v->data, v->len);

        attempt->variables[op[i].index] = *v;
        attempt->variables[op[i].index].data = p;
        attempt->variables[op[i].index].no_cacheable = 0;
    }
}


void
ngx_er_log_attempt(ngx_er_attempt_t *attempt, const char *outcome)
{
    ngx_er_log_line_t  line;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    ngx_memzero(&line, sizeof(ngx_er_log_line_t));

    line.kind = NGX_ER_LOG_ATTEMPT;
    line.event = attempt->event;
    line.source = attempt->event->source;
    line.number = attempt->event->number;
    line.target = attempt->target;
    line.attempt = attempt;
    line.outcome = outcome;
    line.status = attempt->silent ? 0 : attempt->status;

    ngx_er_log_line(&line);
}


void
ngx_er_log_delivery(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, const char *outcome, const char *reason,
    ngx_int_t ms)
{
    ngx_er_log_line_t  line;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    ngx_memzero(&line, sizeof(ngx_er_log_line_t));

    line.kind = NGX_ER_LOG_DELIVERY;
    line.event = event;
    line.source = event ? event->source : NULL;
    line.request = event ? event->request : NULL;
    line.target = target;
    line.number = seq;
    line.outcome = outcome;
    line.reason = reason;
    line.ms = ms;

    ngx_er_log_line(&line);
}


void
ngx_er_log_admin(ngx_http_request_t *r, ngx_er_who_t *who, const char *act,
    ngx_str_t *noun, ngx_str_t *text)
{
    ngx_er_log_line_t    line;
    ngx_er_main_conf_t  *mcf;

    if (ngx_er_log_worker.logs == NULL) {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    ngx_memzero(&line, sizeof(ngx_er_log_line_t));

    line.kind = NGX_ER_LOG_ADMIN;
    line.request = r;
    line.who = who;
    line.outcome = act;
    line.text = text;

    if (noun) {
        line.target = ngx_er_target_find(mcf, noun);

        if (line.target == NULL) {
            line.source = ngx_er_source_find(mcf, noun);
        }
    }

    ngx_er_log_line(&line);
}


static void
ngx_er_log_line(ngx_er_log_line_t *line)
{
    ngx_str_t            json;
    ngx_uint_t           i;
    ngx_er_log_t       **log;
    ngx_er_log_scene_t   scene;

    if (ngx_er_log_worker.pool == NULL) {
        ngx_er_log_worker.pool = ngx_create_pool(NGX_ER_LOG_POOL,
                                                 ngx_cycle->log);
        if (ngx_er_log_worker.pool == NULL) {
            return;
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router log: a line of kind %s, %s",
                   ngx_er_log_kind_name(line->kind), line->outcome);

    ngx_str_null(&json);
    ngx_memzero(&scene, sizeof(ngx_er_log_scene_t));

    log = ngx_er_log_worker.logs->elts;

    ngx_er_log_speak(line);

    for (i = 0; i < ngx_er_log_worker.logs->nelts; i++) {
        ngx_er_log_write_one(log[i], line, &scene, &json);
    }

    ngx_er_log_scene_end(&scene);
    ngx_er_log_speak(NULL);

    ngx_reset_pool(ngx_er_log_worker.pool);
}


static void
ngx_er_log_write_one(ngx_er_log_t *log, ngx_er_log_line_t *line,
    ngx_er_log_scene_t *scene, ngx_str_t *json)
{
    ngx_str_t            text;
    ngx_http_request_t  *r;

    r = (log->filter || log->ops) ? ngx_er_log_scene(line, scene) : NULL;

    if (log->filter && r) {

        if (ngx_http_complex_value(r, log->filter, &text) != NGX_OK
            || text.len == 0 || (text.len == 1 && text.data[0] == '0'))
        {
            return;
        }
    }

    if (log->ops) {

        if (r && ngx_er_log_text(log, r, &text) == NGX_OK) {
            ngx_er_log_put(log, &text);
        }

        return;
    }

    if (json->len || ngx_er_log_json(line, json) == NGX_OK) {
        ngx_er_log_put(log, json);
    }
}


/* made when the first log needs it; NULL: no memory or connections */

static ngx_http_request_t *
ngx_er_log_scene(ngx_er_log_line_t *line, ngx_er_log_scene_t *scene)
{
    size_t                      size;
    ngx_http_request_t         *r;
    ngx_http_variable_value_t  *copy;
    ngx_http_core_main_conf_t  *cmcf;

    if (scene->request) {
        return scene->request;
    }

    r = ngx_er_log_request_of(line, scene);
    if (r == NULL) {
        return NULL;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    size = cmcf->variables.nelts * sizeof(ngx_http_variable_value_t);

    copy = ngx_palloc(ngx_er_log_worker.pool, size);

    if (copy == NULL) {

        if (scene->made) {
            ngx_er_carrier_cut(r);
            scene->made = 0;
        }

        return NULL;
    }

    ngx_memcpy(copy, (line->attempt && line->attempt->variables)
                     ? line->attempt->variables : r->variables, size);

    scene->request = r;
    scene->variables = r->variables;
    r->variables = copy;

    return r;
}


static ngx_http_request_t *
ngx_er_log_request_of(ngx_er_log_line_t *line, ngx_er_log_scene_t *scene)
{
    ngx_er_attempt_t           *attempt;
    ngx_http_request_t         *r;
    ngx_http_conf_ctx_t        *ctx;
    ngx_http_core_srv_conf_t  **server;
    ngx_http_core_main_conf_t  *cmcf;

    attempt = line->attempt;

    if (attempt && attempt->carrier) {
        return attempt->subrequest ? attempt->subrequest : attempt->carrier;
    }

    if (attempt == NULL && line->request) {
        return line->request;
    }

    if (line->target && line->target->ctx) {
        ctx = line->target->ctx;

    } else {
        cmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                                   ngx_http_core_module);
        server = cmcf->servers.elts;

        if (cmcf->servers.nelts == 0) {
            return NULL;
        }

        ctx = server[0]->ctx;
    }

    r = ngx_er_carrier_create(ctx, NULL, ngx_er_log_gone, NULL);

    scene->made = (r != NULL);

    return r;
}


static void
ngx_er_log_scene_end(ngx_er_log_scene_t *scene)
{
    if (scene->request == NULL) {
        return;
    }

    scene->request->variables = scene->variables;

    if (scene->made) {
        ngx_er_carrier_cut(scene->request);
    }
}


static void
ngx_er_log_gone(void *data)
{
    /* nobody waits for it */
}


static ngx_int_t
ngx_er_log_text(ngx_er_log_t *log, ngx_http_request_t *r, ngx_str_t *text)
{
    size_t                      len;
    u_char                     *p;
    ngx_uint_t                  i;
    ngx_er_log_op_t            *op;
    ngx_http_variable_value_t  *v, **values;

    op = log->ops->elts;

    values = ngx_palloc(ngx_er_log_worker.pool,
                        log->ops->nelts * sizeof(ngx_http_variable_value_t *));
    if (values == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, len = 1; i < log->ops->nelts; i++) {

        if (op[i].index == NGX_CONF_UNSET) {
            len += op[i].text.len;
            continue;
        }

        v = ngx_http_get_flushed_variable(r, op[i].index);

        values[i] = (v == NULL || v->not_found) ? NULL
                    : ngx_er_log_hides(r, &op[i]) ? &ngx_er_log_hidden : v;
        len += ngx_er_log_escape(log, NULL, values[i]);
    }

    text->len = len;
    text->data = ngx_pnalloc(ngx_er_log_worker.pool, len);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = text->data;

    for (i = 0; i < log->ops->nelts; i++) {

        if (op[i].index == NGX_CONF_UNSET) {
            p = ngx_cpymem(p, op[i].text.data, op[i].text.len);

        } else {
            p += ngx_er_log_escape(log, p, values[i]);
        }
    }

    *p = '\n';

    return NGX_OK;
}


/* 1: the source of the event does not want this value to be seen */

static ngx_uint_t
ngx_er_log_hides(ngx_http_request_t *r, ngx_er_log_op_t *op)
{
    ngx_er_field_t      *field;
    ngx_er_source_t     *source;
    ngx_er_log_line_t   *line;
    ngx_er_main_conf_t  *mcf;

    line = ngx_er_log_spoken();
    source = line->event ? line->event->source : line->source;

    if (source == NULL || source->redact == NULL) {
        return 0;
    }

    if (op->field == NGX_CONF_UNSET) {
        return ngx_er_redact_variable(source->redact, &op->text);
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);
    field = mcf->fields->list.elts;

    return ngx_er_redact_hides(source->redact, &field[op->field]);
}


/* the bytes of a value, "p" NULL: they are counted only; what is not found is
   "-" or, in JSON, nothing, as log_format has it */

static size_t
ngx_er_log_escape(ngx_er_log_t *log, u_char *p, ngx_http_variable_value_t *v)
{
    size_t  n;

    if (log->escape == NGX_ER_LOG_ESCAPE_JSON) {

        if (v == NULL) {
            return 0;
        }

        if (p) {
            return (u_char *) ngx_escape_json(p, v->data, v->len) - p;
        }

        n = ngx_escape_json(NULL, v->data, v->len);

        return v->len + n;
    }

    if (v == NULL) {

        if (p) {
            *p = '-';
        }

        return 1;
    }

    return ngx_er_log_escape_bytes(p, v->data, v->len);
}


static size_t
ngx_er_log_escape_bytes(u_char *p, u_char *data, size_t len)
{
    u_char  c;
    size_t  i, n;

    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0, n = 0; i < len; i++) {
        c = data[i];

        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {

            if (p) {
                p[n] = c;
            }

            n++;
            continue;
        }

        if (p) {
            p[n] = '\\';
            p[n + 1] = 'x';
            p[n + 2] = hex[c >> 4];
            p[n + 3] = hex[c & 0xf];
        }

        n += 4;
    }

    return n;
}


static ngx_int_t
ngx_er_log_json(ngx_er_log_line_t *line, ngx_str_t *text)
{
    u_char         buf[NGX_ER_LOG_TIME];
    ngx_int_t      ms;
    ngx_str_t      time, number;
    ngx_er_json_t  json;

    time.data = buf;
    time.len = ngx_er_log_time(buf) - buf;

    ngx_er_json_begin(&json, ngx_er_log_worker.pool, NGX_ER_LOG_SIZE);
    ngx_er_json_open(&json, NULL, "{");

    ngx_er_json_text(&json, "time", &time, 0);
    ngx_er_json_word(&json, "kind", ngx_er_log_kind_name(line->kind));

    if (line->source) {
        ngx_er_json_text(&json, "source", &line->source->name, 0);
    }

    if (line->event) {
        ngx_er_log_json_event(&json, line->event);
    }

    if (line->number) {
        number.data = buf;
        number.len = ngx_sprintf(buf, "%016xL", line->number) - buf;
        ngx_er_json_text(&json, "number", &number, 0);
    }

    if (line->outcome) {
        ngx_er_json_word(&json, line->who ? "act" : "outcome", line->outcome);
    }

    if (line->target) {
        ngx_er_json_text(&json, "target", &line->target->name, 0);
    }

    if (line->attempt) {
        ngx_er_log_json_attempt(&json, line->attempt);
    }

    if (line->status) {
        ngx_er_json_number(&json, "status", line->status);
    }

    ms = ngx_er_log_ms(line);

    if (ms != NGX_ERROR) {
        ngx_er_json_number(&json, "ms", ms);
    }

    ngx_er_log_json_reason(&json, line);
    ngx_er_log_json_more(&json, line);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_json_end(&json, text);
}


static void
ngx_er_log_json_reason(ngx_er_json_t *json, ngx_er_log_line_t *line)
{
    if (line->by) {
        ngx_er_json_word(json, "refused_by", line->by);
    }

    if (line->reason) {
        ngx_er_json_word(json, "reason", line->reason);
    }
}


static void
ngx_er_log_json_more(ngx_er_json_t *json, ngx_er_log_line_t *line)
{
    if (line->event) {
        ngx_er_log_json_routes(json, line->attempt
                                     ? &line->attempt->routes
                                     : &line->event->route_names);
        ngx_er_log_json_trace(json, line->event, line->attempt);
    }

    if (line->who) {
        ngx_er_json_text(json, "text", line->text, 0);
        ngx_er_log_json_who(json, line->who);
    }
}


static void
ngx_er_log_json_event(ngx_er_json_t *json, ngx_er_event_t *event)
{
    ngx_er_json_text(json, "id", &event->id, 0);
    ngx_er_log_json_text(json, "type", &event->type);
    ngx_er_log_json_text(json, "subject", &event->subject);
}


static void
ngx_er_log_json_attempt(ngx_er_json_t *json, ngx_er_attempt_t *attempt)
{
    ngx_er_json_word(json, "verdict", ngx_er_verdict_name(attempt->verdict));
    ngx_er_json_number(json, "attempt", attempt->number);
}


/* "a,b" */

static void
ngx_er_log_json_routes(ngx_er_json_t *json, ngx_str_t *names)
{
    u_char     *p, *last, *comma;
    ngx_str_t   name;

    if (names->len == 0) {
        return;
    }

    ngx_er_json_open(json, "routes", "[");

    last = names->data + names->len;

    for (p = names->data; p < last; p = comma + 1) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        name.data = p;
        name.len = comma - p;
        ngx_er_json_text(json, NULL, &name, 0);
    }

    ngx_er_json_close(json, "]");
}


void
ngx_er_log_json_trace(ngx_er_json_t *json, ngx_er_event_t *event,
    ngx_er_attempt_t *attempt)
{
    u_char           hex[2 * NGX_ER_TRACE_ID];
    ngx_str_t        text;
    ngx_er_trace_t  *trace;

    trace = ngx_er_event_trace(event);

    if (trace == NULL) {
        return;
    }

    text.data = hex;
    text.len = ngx_hex_dump(hex, trace->id, NGX_ER_TRACE_ID) - hex;
    ngx_er_json_text(json, "trace", &text, 0);

    if (attempt && attempt->spanned) {
        text.len = ngx_hex_dump(hex, attempt->span, NGX_ER_TRACE_SPAN) - hex;
        ngx_er_json_text(json, "span", &text, 0);
    }
}


void
ngx_er_log_json_who(ngx_er_json_t *json, ngx_er_who_t *who)
{
    ngx_er_json_open(json, "who", "{");
    ngx_er_log_json_text(json, "token", &who->token);
    ngx_er_log_json_text(json, "user", &who->user);
    ngx_er_log_json_text(json, "subject", &who->subject);
    ngx_er_log_json_text(json, "address", &who->address);
    ngx_er_json_close(json, "}");
}


static void
ngx_er_log_json_text(ngx_er_json_t *json, const char *name, ngx_str_t *text)
{
    if (text->len) {
        ngx_er_json_text(json, name, text, 0);
    }
}
