
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_route NAME { ... }": what goes where.  module.c names
 * ngx_er_route_block() for the block; sources and targets are looked up after
 * all was read (link.c).
 *
 * Conditions nest (any, all, none, each), and nginx refuses blocks within a
 * block that is read with a handler.  So the words of a route are directives
 * of a module that nginx knows only as long as the block lasts: the cycle's
 * list of modules is replaced by a list of that one, and nginx itself checks
 * where a directive may stand, its ";" or "{" and its number of words.
 * Lines and blocks of conditions are read by route_lines.c.
 *
 * Runs at configuration time only.  Routes are in the configuration's pool and
 * belong to the main configuration; nothing changes them afterwards.  What is
 * wrong is logged with file and line.
 */


#include "route_lines.h"
#include "../conf/nearest.h"


#define NGX_ER_ROUTE_MODULE  0x554F5245    /* "EROU" */
#define NGX_ER_LINES_CONF    (NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF               \
                              |NGX_ER_BLOCK_CONF)

#define NGX_ER_ROUTE_DELAY   (7 * 24 * 3600 * 1000)    /* ms at most */


static ngx_er_route_t *ngx_er_route_create(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_str_t *name);
static void ngx_er_route_hint(ngx_conf_t *cf);
static ngx_int_t ngx_er_route_complete(ngx_conf_t *cf, ngx_er_route_t *route);
static char *ngx_er_route_from(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_er_route_to(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_er_route_flag(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_er_route_delay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_er_route_name(ngx_conf_t *cf, ngx_array_t *names,
    ngx_str_t *name);


static ngx_command_t  ngx_er_route_commands[] = {

    { ngx_string("from"),
      NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_er_route_from, 0, 0, NULL },

    { ngx_string("to"),
      NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF|NGX_CONF_1MORE,
      ngx_er_route_to, 0, 0, NULL },

    { ngx_string("last"),
      NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF|NGX_CONF_NOARGS,
      ngx_er_route_flag, 0, offsetof(ngx_er_route_t, last), NULL },

    { ngx_string("fallback"),
      NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF|NGX_CONF_NOARGS,
      ngx_er_route_flag, 0, offsetof(ngx_er_route_t, fallback), NULL },

    { ngx_string("copy"),
      NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF|NGX_CONF_NOARGS,
      ngx_er_route_flag, 0, offsetof(ngx_er_route_t, copy), NULL },

    { ngx_string("delay"),
      NGX_DIRECT_CONF|NGX_ER_ROUTE_CONF|NGX_CONF_TAKE1,
      ngx_er_route_delay, 0, 0, NULL },

    { ngx_string("when"),
      NGX_ER_LINES_CONF|NGX_CONF_ANY,
      ngx_er_route_when, 0, 0, NULL },

    { ngx_string("pattern"),
      NGX_ER_LINES_CONF|NGX_CONF_ANY,
      ngx_er_route_line, 0, 0, ngx_er_line_pattern },

    { ngx_string("filter"),
      NGX_ER_LINES_CONF|NGX_CONF_ANY,
      ngx_er_route_line, 0, 0, ngx_er_line_filter },

    { ngx_string("sample"),
      NGX_ER_LINES_CONF|NGX_CONF_ANY,
      ngx_er_route_line, 0, 0, ngx_er_line_sample },

    { ngx_string("all"),
      NGX_ER_LINES_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_er_route_lines, 0, NGX_ER_CONDITION_ALL, NULL },

    { ngx_string("any"),
      NGX_ER_LINES_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_er_route_lines, 0, NGX_ER_CONDITION_ANY, NULL },

    { ngx_string("none"),
      NGX_ER_LINES_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_er_route_lines, 0, NGX_ER_CONDITION_NONE, NULL },

    { ngx_string("each"),
      NGX_ER_LINES_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_er_route_lines, 0, NGX_ER_CONDITION_EACH, NULL },

    { ngx_string("include"),
      NGX_ER_LINES_CONF|NGX_CONF_TAKE1,
      ngx_conf_include, 0, 0, NULL },

      ngx_null_command
};


/* never registered: index 0 of the list that ngx_er_route_block() makes */

static ngx_module_t  ngx_er_route_module = {
    0, 0, NULL, 0, 0,
    nginx_version,
    NGX_MODULE_SIGNATURE,
    NULL,                                  /* module context */
    ngx_er_route_commands,                 /* module directives */
    NGX_ER_ROUTE_MODULE,                   /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


char *
ngx_er_route_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    char                    *rv;
    void                    *ctx[1];
    ngx_str_t               *value;
    ngx_conf_t               save;
    ngx_module_t           **modules, *list[2];
    ngx_er_route_parser_t    parser;

    ngx_memzero(&parser, sizeof(ngx_er_route_parser_t));

    value = cf->args->elts;

    parser.mcf = mcf;
    parser.route = ngx_er_route_create(cf, mcf, &value[1]);
    if (parser.route == NULL) {
        return NGX_CONF_ERROR;
    }

    list[0] = &ngx_er_route_module;
    list[1] = NULL;
    ctx[0] = &parser;

    save = *cf;
    modules = cf->cycle->modules;

    cf->ctx = ctx;
    cf->module_type = NGX_ER_ROUTE_MODULE;
    cf->cmd_type = NGX_ER_ROUTE_CONF;
    cf->cycle->modules = list;

    rv = ngx_conf_parse(cf, NULL);

    if (rv != NGX_CONF_OK) {
        ngx_er_route_hint(cf);
    }

    *cf = save;
    cf->cycle->modules = modules;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    parser.route->condition = parser.block;

    if (ngx_er_route_complete(cf, parser.route) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_er_route_t *
ngx_er_route_create(ngx_conf_t *cf, ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    uint32_t         hash;
    ngx_er_route_t  *route, **slot;

    if (ngx_er_name_check(cf, "event_route", name) != NGX_OK) {
        return NULL;
    }

    hash = ngx_er_hash(name->data, name->len);

    route = (ngx_er_route_t *) ngx_str_rbtree_lookup(&mcf->route_names, name,
                                                     hash);

    if (route) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate event_route \"%V\", the first is in "
                           "%V:%ui", name, &route->where.file,
                           route->where.line);
        return NULL;
    }

    route = ngx_pcalloc(cf->pool, sizeof(ngx_er_route_t));
    if (route == NULL) {
        return NULL;
    }

    route->name = *name;
    ngx_er_where_set(cf, &route->where);

    if (ngx_array_init(&route->from, cf->pool, 1, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&route->to, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&route->targets, cf->pool, 2,
                          sizeof(ngx_er_target_t *))
           != NGX_OK)
    {
        return NULL;
    }

    slot = ngx_array_push(&mcf->routes);
    if (slot == NULL) {
        return NULL;
    }

    *slot = route;

    route->node.node.key = hash;
    route->node.str = *name;

    ngx_rbtree_insert(&mcf->route_names, &route->node.node);

    return route;
}


/* after nginx's own "unknown directive": the word that was meant */

static void
ngx_er_route_hint(ngx_conf_t *cf)
{
    ngx_str_t   *value;
    ngx_uint_t   i;
    const char  *near;
    const char  *words[sizeof(ngx_er_route_commands)
                       / sizeof(ngx_er_route_commands[0])];

    value = cf->args->elts;

    if (cf->args->nelts == 0) {
        return;
    }

    for (i = 0; ngx_er_route_commands[i].name.len; i++) {
        words[i] = (char *) ngx_er_route_commands[i].name.data;

        if (ngx_strcmp(value[0].data, words[i]) == 0) {
            return;
        }
    }

    words[i] = NULL;
    near = ngx_er_nearest(&value[0], words, sizeof(char *));

    if (near) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in event_route: did you "
                           "mean \"%s\"?", &value[0], near);
        return;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in event_route, which takes "
                       "from, to, when, pattern, filter, sample, any, all, "
                       "none, each, last, fallback, copy, delay and "
                       "include",
                       &value[0]);
}


static ngx_int_t
ngx_er_route_complete(ngx_conf_t *cf, ngx_er_route_t *route)
{
    if (route->from.nelts == 0) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                         "event_route \"%V\" has no \"from\": name its "
                         "sources, or write \"from *;\" for all of them",
                         &route->name);
        return NGX_ERROR;
    }

    if (route->to.nelts == 0) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                         "event_route \"%V\" has no \"to\": name at least one "
                         "target", &route->name);
        return NGX_ERROR;
    }

    if (route->copy && (route->fallback || route->last)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                         "event_route \"%V\" is a \"copy\", which takes the "
                         "event from nobody, and a \"%s\": write one of them",
                         &route->name, route->last ? "last" : "fallback");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_er_route_from(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_str_t       *value;
    ngx_uint_t       i;
    ngx_er_route_t  *route;

    route = parser->route;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (!(value[i].len == 1 && value[i].data[0] == '*')
            && ngx_er_name_check(cf, "event_source", &value[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (ngx_er_route_name(cf, &route->from, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    value = route->from.elts;

    for (i = 0; i < route->from.nelts && route->from.nelts > 1; i++) {
        if (value[i].data[0] == '*') {
            return "names \"*\", which is all sources, beside others";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_route_to(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_er_name_check(cf, "event_target", &value[i]) != NGX_OK
            || ngx_er_route_name(cf, &parser->route->to, &value[i]) != NGX_OK
            || ngx_er_target_get(cf, parser->mcf, &value[i]) == NULL)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_route_name(ngx_conf_t *cf, ngx_array_t *names, ngx_str_t *name)
{
    ngx_str_t   *n;
    ngx_uint_t   i;

    n = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (n[i].len == name->len
            && ngx_memcmp(n[i].data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is named twice in one event_route",
                               name);
            return NGX_ERROR;
        }
    }

    n = ngx_array_push(names);
    if (n == NULL) {
        return NGX_ERROR;
    }

    *n = *name;

    return NGX_OK;
}


static char *
ngx_er_route_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_uint_t  *flag;

    flag = (ngx_uint_t *) ((u_char *) parser->route + cmd->offset);

    if (*flag) {
        return "is duplicate";
    }

    *flag = 1;

    return NGX_CONF_OK;
}


static char *
ngx_er_route_delay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_int_t   ms;
    ngx_str_t  *value;

    if (parser->route->delay) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR || ms < 1 || ms > NGX_ER_ROUTE_DELAY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"delay\": it is a time "
                           "from 1ms to 7d, for example 10m", &value[1]);
        return NGX_CONF_ERROR;
    }

    parser->route->delay = ms;

    return NGX_CONF_OK;
}
