
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The directives event_receive and event_explain: which location receives the
 * events of which source, or explains them.  A source may stand below the
 * server that uses it, so names are resolved after all of nginx.conf was read.
 * Configuration time only.
 */


#include "receive.h"
#include "../observe/gate.h"
#include "../conf/nearest.h"


#define NGX_ER_RECEIVER_MORE  (64 * 1024 * 1024)


static char *ngx_er_receiver_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_loc_conf_t *lcf);
static ngx_int_t ngx_er_receiver_unknown(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_er_receiver_t *receiver);


static const char  ngx_er_receiver_taken[] =
    "\"%V\" stands beside another directive that answers requests, "
    "such as \"proxy_pass\": give each a location of its own";


char *
ngx_er_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_loc_conf_t *lcf = conf;

    ngx_str_t                 *value;
    ngx_er_receiver_t         *receiver;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->receives) {

        if (lcf->explains == cmd->offset) {
            return "is duplicate";
        }

        return "cannot stand beside \"event_receive\" or \"event_explain\": "
               "give each a location of its own";
    }

    if (lcf->target) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a location either receives events or delivers "
                           "them: remove \"%V\" or \"event_deliver\"",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, ngx_er_receiver_taken,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    receiver = ngx_array_push(&mcf->receivers);
    if (receiver == NULL) {
        return NGX_CONF_ERROR;
    }

    receiver->name = value[1];
    receiver->directive = cmd->name;
    receiver->lcf = lcf;
    receiver->clcf = clcf;
    ngx_er_where_set(cf, &receiver->where);

    clcf->handler = ngx_er_receive_handler;
    lcf->receives = 1;
    lcf->explains = cmd->offset;

    return lcf->explains ? ngx_er_receiver_gate(cf, cmd, lcf) : NGX_CONF_OK;
}


/* who may ask for explanations */

static char *
ngx_er_receiver_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_loc_conf_t *lcf)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    lcf->gate = ngx_er_gate_create(cf, &cmd->name);
    if (lcf->gate == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        switch (ngx_er_gate_param(cf, lcf->gate, &value[i])) {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"%V\", which "
                               "has token=file:PATH and access=nginx",
                               &value[i], &cmd->name);

            /* fall through */

        default: /* NGX_ERROR */
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * nginx goes on in the configuration of an "if" or "limit_except" that takes
 * the request, so it receives what the location around it does.
 */

char *
ngx_er_receive_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_er_loc_conf_t *prev = parent;
    ngx_er_loc_conf_t *conf = child;

    ngx_uint_t                 i;
    ngx_er_receiver_t         *receiver, inner;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!prev->receives || !clcf->noname) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    receiver = mcf->receivers.elts;

    for (i = 0; receiver[i].lcf != prev; i++) { /* void */ }

    inner = receiver[i];
    inner.lcf = conf;
    inner.clcf = clcf;

    receiver = ngx_array_push(&mcf->receivers);
    if (receiver == NULL) {
        return NGX_CONF_ERROR;
    }

    *receiver = inner;
    conf->receives = 1;
    conf->explains = prev->explains;
    conf->gate = prev->gate;

    /* after an "if" nginx keeps the handler that it has */

    if (clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = ngx_er_receive_handler;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_receivers_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t                 i;
    ngx_er_source_t           *source;
    ngx_er_receiver_t         *receiver;
    ngx_http_core_loc_conf_t  *clcf;

    receiver = mcf->receivers.elts;

    for (i = 0; i < mcf->receivers.nelts; i++) {
        source = ngx_er_source_find(mcf, &receiver[i].name);

        if (source == NULL) {
            return ngx_er_receiver_unknown(cf, mcf, &receiver[i]);
        }

        receiver[i].lcf->source = source;
        source->unused &= receiver[i].lcf->explains;

        clcf = receiver[i].clcf;

        /*
         * Else events would go on as they came, verified by nobody.  An "if"
         * without a handler keeps that of its location.
         */

        if (clcf->handler != ngx_er_receive_handler
            && (clcf->handler || !clcf->noname))
        {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver[i].where,
                             ngx_er_receiver_taken, &receiver[i].directive);
            return NGX_ERROR;
        }

        /*
         * max_size of the source alone decides how large an event may be, and
         * only we answer with a problem.  Whoever reads a body in front of us
         * ("mirror") writes it to a file: there must be some end to it.
         */

        clcf->client_max_body_size = source->max_size + NGX_ER_RECEIVER_MORE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_receiver_unknown(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_receiver_t *receiver)
{
    const char  *near;

    near = ngx_er_nearest_noun(&receiver->name, &mcf->sources);

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver->where,
                         "unknown source \"%V\" in \"%V\": did you mean "
                         "\"%s\"?", &receiver->name, &receiver->directive,
                         near);
        return NGX_ERROR;
    }

    ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver->where,
                     "unknown source \"%V\" in \"%V\": define it with "
                     "\"event_source %V { ... }\"", &receiver->name,
                     &receiver->directive, &receiver->name);

    return NGX_ERROR;
}
