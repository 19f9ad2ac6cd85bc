
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The directive event_receive: which location receives the events of which
 * source.  A source may stand below the server that uses it, so names are
 * resolved after all of nginx.conf was read.  Configuration time only.
 */


#include "receive.h"


char *
ngx_er_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_loc_conf_t *lcf = conf;

    ngx_str_t           *value;
    ngx_er_receiver_t   *receiver;
    ngx_er_main_conf_t  *mcf;

    if (lcf->receives) {
        return "is duplicate";
    }

    if (lcf->target) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a location either receives events or delivers "
                           "them: remove \"event_receive\" or "
                           "\"event_deliver\"");
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    receiver = ngx_array_push(&mcf->receivers);
    if (receiver == NULL) {
        return NGX_CONF_ERROR;
    }

    receiver->name = value[1];
    receiver->lcf = lcf;
    receiver->clcf = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);
    ngx_er_place_set(cf, &receiver->place);

    receiver->clcf->handler = ngx_er_receive_handler;
    lcf->receives = 1;

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
            ngx_er_log_place(cf, NGX_LOG_EMERG, &receiver[i].place,
                             "unknown source \"%V\" in \"event_receive\": "
                             "define it with \"event_source %V { ... }\"",
                             &receiver[i].name, &receiver[i].name);
            return NGX_ERROR;
        }

        receiver[i].lcf->source = source;
        source->unused = 0;

        /* max_size of the source alone decides how large an event may be */

        clcf = receiver[i].clcf;

        if (clcf->client_max_body_size
            && clcf->client_max_body_size < (off_t) source->max_size)
        {
            clcf->client_max_body_size = source->max_size;
        }
    }

    return NGX_OK;
}
