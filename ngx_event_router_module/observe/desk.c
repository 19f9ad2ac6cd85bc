
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The locations of event_admin and event_status.  Such a location answers all
 * its requests, and of two directives that would do so nginx takes the last
 * one without a word, so that numbers could be shown where the gate of
 * event_admin was meant to be.  So each is looked at twice: when its line is
 * read (admin.c, status.c), and when the whole file was (module.c), for what
 * stands behind it.
 *
 * The list is the configuration's.  What may fail is memory.
 */


#include "desk.h"


typedef struct {
    ngx_str_t                  directive;
    ngx_er_where_t             where;
    ngx_http_handler_pt        handler;
    ngx_http_core_loc_conf_t  *clcf;
} ngx_er_desk_t;


static const char  ngx_er_desk_taken[] =
    "\"%V\" stands beside another directive that answers requests, "
    "such as \"proxy_pass\": give each a location of its own";


char *
ngx_er_desk_take(ngx_conf_t *cf, ngx_command_t *cmd, ngx_er_loc_conf_t *lcf,
    ngx_http_handler_pt handler)
{
    const char                *other;
    ngx_er_desk_t             *desk;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    /* by ngx_er_location_e */

    static const char  *names[] = {
        NULL, "event_admin", "event_status", "event_receive", "event_explain"
    };

    if (lcf->does == cmd->offset) {
        return "is duplicate";
    }

    other = lcf->target ? "event_deliver" : names[lcf->does];

    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot stand beside \"%s\": give each a "
                           "location of its own", &cmd->name, other);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, ngx_er_desk_taken,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    if (mcf->desks == NULL) {
        mcf->desks = ngx_array_create(cf->pool, 4, sizeof(ngx_er_desk_t));
        if (mcf->desks == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    desk = ngx_array_push(mcf->desks);
    if (desk == NULL) {
        return NGX_CONF_ERROR;
    }

    desk->directive = cmd->name;
    desk->handler = handler;
    desk->clcf = clcf;
    ngx_er_where_set(cf, &desk->where);

    clcf->handler = handler;
    lcf->does = cmd->offset;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_desks_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t      i;
    ngx_er_desk_t  *desk;

    if (mcf->desks == NULL) {
        return NGX_OK;
    }

    desk = mcf->desks->elts;

    for (i = 0; i < mcf->desks->nelts; i++) {

        if (desk[i].clcf->handler != desk[i].handler) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &desk[i].where,
                             ngx_er_desk_taken, &desk[i].directive);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
