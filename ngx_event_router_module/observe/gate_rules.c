
/*
 * Copyright (C) Event Router contributors
 */


/*
 * access=nginx says that nginx decides who may ask; a location where nginx has
 * no rule of access lets everybody in, and "nginx -t" warns of it.  What can
 * be seen are the rules of nginx's own modules: allow and deny, auth_basic,
 * auth_request, ssl_verify_client.  Their configurations are private to them,
 * so the heads of the structures are repeated here; modules are found by name,
 * for nginx may have been built without them.  Rules of other modules cannot
 * be seen: an "allow all" says that somebody thought of it.
 *
 * Configuration time only, after all locations were merged.
 */


#include "gate.h"


/* ngx_http_access_module.c */

typedef struct {
    ngx_array_t               *rules;
#if (NGX_HAVE_INET6)
    ngx_array_t               *rules6;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    ngx_array_t               *rules_un;
#endif
} ngx_er_gate_access_t;


static ngx_uint_t ngx_er_gate_ruled(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_module_t *ngx_er_gate_module(ngx_conf_t *cf, const char *name);
static void *ngx_er_gate_conf(ngx_conf_t *cf, void **conf, const char *name);
static ngx_uint_t ngx_er_gate_basic(ngx_conf_t *cf, void **conf);


ngx_int_t
ngx_er_gates_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t       i;
    ngx_er_gate_t  **gate;

    gate = mcf->gates.elts;

    for (i = 0; i < mcf->gates.nelts; i++) {

        if (ngx_er_gate_names(cf, gate[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!gate[i]->nginx || gate[i]->token.len
            || gate[i]->location->internal || ngx_er_gate_ruled(cf, gate[i]))
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &gate[i]->where,
                         "\"%V access=nginx\" lets everybody in, for nginx "
                         "has no rule here: add allow and deny, auth_basic, "
                         "auth_request or \"ssl_verify_client on\"; if "
                         "something else protects the location, \"allow "
                         "all\" says so", &gate[i]->directive);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_gate_ruled(ngx_conf_t *cf, ngx_er_gate_t *gate)
{
    void                  **conf;
    ngx_str_t              *uri;
    ngx_er_gate_access_t   *access;
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t  *ssl;
#endif

    conf = gate->location->loc_conf;

    access = ngx_er_gate_conf(cf, conf, "ngx_http_access_module");

    if (access && (access->rules
#if (NGX_HAVE_INET6)
                   || access->rules6
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
                   || access->rules_un
#endif
                   ))
    {
        return 1;
    }

    if (ngx_er_gate_basic(cf, conf)) {
        return 1;
    }

    /* the URI is the first there, too */

    uri = ngx_er_gate_conf(cf, conf, "ngx_http_auth_request_module");

    if (uri && uri->len) {
        return 1;
    }

#if (NGX_HTTP_SSL)

    ssl = ngx_er_gate_conf(cf, gate->server->ctx->srv_conf,
                           "ngx_http_ssl_module");

    if (ssl && ssl->verify == 1) {
        return 1;
    }

#endif

    return 0;
}


static ngx_module_t *
ngx_er_gate_module(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, name) == 0) {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


static void *
ngx_er_gate_conf(ngx_conf_t *cf, void **conf, const char *name)
{
    ngx_module_t  *module;

    module = ngx_er_gate_module(cf, name);

    return module ? conf[module->ctx_index] : NULL;
}


/* the directive says where its value is, which may be "off" */

static ngx_uint_t
ngx_er_gate_basic(ngx_conf_t *cf, void **conf)
{
    ngx_module_t              *module;
    ngx_command_t             *cmd;
    ngx_http_complex_value_t  *realm;

    module = ngx_er_gate_module(cf, "ngx_http_auth_basic_module");

    if (module == NULL) {
        return 0;
    }

    for (cmd = module->commands; cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, "auth_basic") != 0) {
            continue;
        }

        realm = *(ngx_http_complex_value_t **)
                      ((u_char *) conf[module->ctx_index] + cmd->offset);

        return realm && (realm->value.len != 3
                         || ngx_strncmp(realm->value.data, "off", 3) != 0);
    }

    return 0;
}
