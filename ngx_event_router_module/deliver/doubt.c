
/*
 * Copyright (C) Event Router contributors
 */


/*
 * In doubt: an attempt may have reached its target, though its answer was lost
 * or the worker that made it died.  With "in_doubt" another internal location
 * is asked whether the target has the event, before it is sent once more:
 *
 *     in_doubt /deliver/erp-has?id=$order {
 *         wait     60s;
 *         found    when response.body.Found = true;
 *         missing  404;
 *     }
 *
 * The block is read in doubt_conf.c.  Here are the question and what its
 * answer means; when it is put, and what becomes of the entry, is for lease.c
 * and settle.c.  The answer means FOUND or MISSING only if it meets lines of
 * the one and none of the other.  All else is no answer, so that neither an
 * error page nor a proxy on the way can make an event lost or double.
 *
 * A question about nothing could be answered for something else: if a variable
 * of the URI is empty or was cut, or a value would change the path, nobody is
 * asked (call.c refuses it), and the doubt stays.
 *
 * The question lives in the pool of its call, and holds its event.
 */


#include "doubt.h"
#include "location.h"


#define NGX_ER_DOUBT_TIMEOUT  60000    /* ms */


/* one that is under way */

typedef struct {
    ngx_er_doubt_t        *doubt;
    ngx_er_doubt_pt        handler;
    void                  *data;
    ngx_list_t            *headers;    /* of the answer; NULL: not known */
} ngx_er_doubt_question_t;


static ngx_int_t ngx_er_doubt_init(ngx_conf_t *cf, ngx_er_target_t *target);
static ngx_uint_t ngx_er_doubt_final(ngx_er_target_t *target);
static void ngx_er_doubt_header(ngx_er_call_t *call, ngx_http_request_t *r);
static void ngx_er_doubt_called(ngx_er_call_t *call);
static ngx_er_doubt_e ngx_er_doubt_says(ngx_er_call_t *call);
static u_char *ngx_er_doubt_log(ngx_er_call_t *call, u_char *buf, size_t len);


ngx_int_t
ngx_er_doubts_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (target[i]->doubt && ngx_er_doubt_init(cf, target[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * What is known of the URI is what stands before its arguments and its first
 * variable.  A request that nginx repeats by itself is sent twice whatever is
 * asked here.
 */

static ngx_int_t
ngx_er_doubt_init(ngx_conf_t *cf, ngx_er_target_t *target)
{
    size_t           i;
    ngx_str_t        uri;
    ngx_uint_t       prefix;
    const char      *module;
    ngx_er_doubt_t  *doubt;

    doubt = target->doubt;
    uri = doubt->text;
    prefix = 0;

    for (i = 0; i < uri.len; i++) {

        if (uri.data[i] == '?' || uri.data[i] == '$') {
            prefix = (uri.data[i] == '$');
            uri.len = i;
        }
    }

    doubt->location = ngx_er_location_internal(cf, target, &uri, prefix,
                                               &doubt->where, "in_doubt");
    if (doubt->location == NULL) {
        return NGX_ERROR;
    }

    if (doubt->location == target->location) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &doubt->where,
                         "\"in_doubt\" of event_target \"%V\" asks the "
                         "location by which it is delivered to: it must be "
                         "another one", &target->name);
        return NGX_ERROR;
    }

    if (ngx_er_doubt_final(target)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &doubt->where,
                         "event_target \"%V\" has \"in_doubt\", so an "
                         "attempt without an answer is no failure: take "
                         "\"timeout\" out of \"fail_on\"", &target->name);
        return NGX_ERROR;
    }

    module = ngx_er_location_repeats(cf, target);

    if (module) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->deliver,
                         "event_target \"%V\" has \"in_doubt\", but nginx "
                         "itself may send a request of its location twice: "
                         "write \"%s_next_upstream off;\" there",
                         &target->name, module);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* 1: "fail_on timeout" */

static ngx_uint_t
ngx_er_doubt_final(ngx_er_target_t *target)
{
    ngx_er_response_t       response;
    ngx_er_verdict_line_t  *line;

    ngx_memzero(&response, sizeof(ngx_er_response_t));

    return target->verdict
           && ngx_er_verdict_find(target->verdict, NGX_ER_VERDICT_FINAL,
                                  &response, &line)
              == NGX_OK;
}


ngx_er_call_t *
ngx_er_doubt_ask(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_er_doubt_pt handler, void *data, const char **why)
{
    ngx_er_call_t            *call;
    ngx_er_doubt_question_t  *question;

    *why = NULL;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router doubt: has \"%V\" event \"%V\"?",
                   &target->name, &event->id);

    call = ngx_er_call_create(target, target->doubt->location, event);
    if (call == NULL) {
        return NULL;
    }

    question = ngx_pcalloc(call->pool, sizeof(ngx_er_doubt_question_t));
    if (question == NULL) {
        ngx_er_call_drop(call);
        return NULL;
    }

    question->doubt = target->doubt;
    question->handler = handler;
    question->data = data;

    call->uri = &target->doubt->uri;
    call->needed = &target->doubt->variables;
    call->limit = NGX_ER_RESPONSE_BODY;
    call->timeout = NGX_ER_DOUBT_TIMEOUT;
    call->handler = ngx_er_doubt_called;
    call->header = target->doubt->headers ? ngx_er_doubt_header : NULL;
    call->log = ngx_er_doubt_log;
    call->refused = why;
    call->data = question;

    return ngx_er_call_start(call) == NGX_OK ? call : NULL;
}


/* they go with the request, before the answer is looked at */

static void
ngx_er_doubt_header(ngx_er_call_t *call, ngx_http_request_t *r)
{
    ngx_list_t               *from, *list;
    ngx_uint_t                i;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h, *copy;
    ngx_er_doubt_question_t  *question;

    question = call->data;

    from = r->upstream ? &r->upstream->headers_in.headers
                       : &r->headers_out.headers;

    list = ngx_list_create(call->pool, 16, sizeof(ngx_table_elt_t));
    if (list == NULL) {
        return;
    }

    for (part = &from->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            copy = ngx_list_push(list);
            if (copy == NULL) {
                return;
            }

            *copy = h[i];
            copy->key.data = ngx_pstrdup(call->pool, &h[i].key);
            copy->value.data = ngx_pstrdup(call->pool, &h[i].value);
            copy->lowcase_key = NULL;

            if (copy->key.data == NULL || copy->value.data == NULL) {
                return;
            }
        }
    }

    question->headers = list;
}


static void
ngx_er_doubt_called(ngx_er_call_t *call)
{
    ngx_er_doubt_e            says;
    ngx_er_doubt_question_t  *question;

    question = call->data;
    says = ngx_er_doubt_says(call);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router doubt: \"%V\" answered %ui, complete:%d "
                   "says:%d", &call->target->name, call->status,
                   call->complete, says);

    question->handler(question->data, says, call);
}


static ngx_er_doubt_e
ngx_er_doubt_says(ngx_er_call_t *call)
{
    ngx_int_t                 found, missing;
    ngx_er_response_t         response;
    ngx_er_verdict_line_t    *line;
    ngx_er_doubt_question_t  *question;

    question = call->data;

    ngx_memzero(&response, sizeof(ngx_er_response_t));

    response.pool = call->pool;
    response.status = call->silent ? 0 : call->status;
    response.headers = question->headers;
    response.body.data = call->answer;
    response.body.len = call->length;
    response.state = call->complete ? NGX_ER_RESPONSE_WHOLE
                                    : NGX_ER_RESPONSE_LOST;

    found = ngx_er_verdict_find(question->doubt->lines, NGX_ER_DOUBT_FOUND,
                                &response, &line);
    missing = ngx_er_verdict_find(question->doubt->lines,
                                  NGX_ER_DOUBT_MISSING, &response, &line);

    if (found == NGX_OK && missing == NGX_DECLINED) {
        return NGX_ER_DOUBT_FOUND;
    }

    if (missing == NGX_OK && found == NGX_DECLINED) {
        return NGX_ER_DOUBT_MISSING;
    }

    return NGX_ER_DOUBT_UNKNOWN;
}


/* for error.log, while it is asked */

static u_char *
ngx_er_doubt_log(ngx_er_call_t *call, u_char *buf, size_t len)
{
    return ngx_snprintf(buf, len, "asking whether target \"%V\" has event "
                        "\"%V\"", &call->target->name, &call->event->id);
}
