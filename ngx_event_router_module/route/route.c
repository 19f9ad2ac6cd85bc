
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_route NAME { ... }": what goes where.  module.c names
 * ngx_er_route_block() for the block; sources and targets are looked up after
 * all was read (link.c).
 *
 * Lines and blocks of conditions are read by route_lines.c.
 *
 * Runs at configuration time only.  Routes are in the configuration's pool and
 * belong to the main configuration; nothing changes them afterwards.  What is
 * wrong is logged with file and line.
 */


#include "route_lines.h"


/* what may stand in blocks of conditions, too */

#define NGX_ER_ROUTE_LINE    (NGX_ER_BLOCK_REPEAT|NGX_ER_BLOCK_INNER)
#define NGX_ER_ROUTE_LINES   (NGX_ER_ROUTE_LINE|NGX_ER_BLOCK_OPEN)


static ngx_er_route_t *ngx_er_route_create(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_str_t *name);
static ngx_int_t ngx_er_route_complete(ngx_conf_t *cf, ngx_er_route_t *route);
static char *ngx_er_route_from(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_route_to(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_route_flag(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_int_t ngx_er_route_name(ngx_conf_t *cf, ngx_array_t *names,
    ngx_str_t *name);


/* "tag" is the flag's offset, or the kind of the block */

static ngx_er_block_row_t  ngx_er_route_rows[] = {

    { "from", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "SOURCE... | *", ngx_er_route_from, 0 },
    { "to", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "TARGET...", ngx_er_route_to, 0 },

    { "when", 0, NGX_ER_BLOCK_MORE, NGX_ER_ROUTE_LINE,
      "FIELD [not] OP VALUE...", ngx_er_route_when, 0 },
    { "pattern", 0, NGX_ER_BLOCK_MORE, NGX_ER_ROUTE_LINE,
      "FILE [root=data]", ngx_er_route_line, 0 },
    { "filter", 0, NGX_ER_BLOCK_MORE, NGX_ER_ROUTE_LINE,
      "FILE", ngx_er_route_line, 1 },
    { "sample", 0, NGX_ER_BLOCK_MORE, NGX_ER_ROUTE_LINE,
      "N% [by=FIELD]", ngx_er_route_line, 2 },

    { "any", 0, 0, NGX_ER_ROUTE_LINES,
      "", ngx_er_route_lines, NGX_ER_CONDITION_ANY },
    { "all", 0, 0, NGX_ER_ROUTE_LINES,
      "", ngx_er_route_lines, NGX_ER_CONDITION_ALL },
    { "none", 0, 0, NGX_ER_ROUTE_LINES,
      "", ngx_er_route_lines, NGX_ER_CONDITION_NONE },
    { "each", 1, 1, NGX_ER_ROUTE_LINES,
      "PATH", ngx_er_route_lines, NGX_ER_CONDITION_EACH },

    { "last", 0, 0, 0,
      "", ngx_er_route_flag, offsetof(ngx_er_route_t, last) },
    { "fallback", 0, 0, 0,
      "", ngx_er_route_flag, offsetof(ngx_er_route_t, fallback) },
    { "copy", 0, 0, 0,
      "", ngx_er_route_flag, offsetof(ngx_er_route_t, copy) },
    { "delay", 1, 1, 0,
      "TIME", NULL, 0 },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


static ngx_er_param_t  ngx_er_route_values[] = {
    { "delay", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_route_t, delay), "1ms", "7d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


char *
ngx_er_route_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    char                   *rv;
    ngx_str_t              *value;
    ngx_er_block_t          block;
    ngx_er_route_parser_t   parser;

    ngx_memzero(&parser, sizeof(ngx_er_route_parser_t));

    value = cf->args->elts;

    parser.mcf = mcf;
    parser.route = ngx_er_route_create(cf, mcf, &value[1]);
    if (parser.route == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_er_block_init(&block, "event_route", &parser.route->name,
                      ngx_er_route_rows, &parser);

    block.values = ngx_er_route_values;
    block.base = parser.route;

    rv = ngx_er_block_parse(cf, &block);

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
ngx_er_route_from(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
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
ngx_er_route_to(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
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
ngx_er_route_flag(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    *(ngx_uint_t *) ((u_char *) parser->route + row->tag) = 1;

    return NGX_CONF_OK;
}
