
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The locations by which targets are reached: the directive event_deliver, and
 * the checks that need to see the whole configuration (a target without a
 * location, a location that another one hides, time-outs beyond a deadline).
 *
 * Runs at configuration time only, from module.c, and owns nothing.  What is
 * wrong is told with file and line.  It changes of a location what a delivery
 * must not meet there: the limit of the body, caches, and headers by which a
 * target could command nginx.
 */


#include "location.h"
#include "auth.h"
#include "sign.h"
#include "outgoing.h"
#include "../conf/nearest.h"


#define NGX_ER_LOCATION_IGNORE  (NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT            \
                                 |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES            \
                                 |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE         \
                                 |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING          \
                                 |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET)


static const char *ngx_er_location_beside(ngx_er_loc_conf_t *lcf);
static const char *ngx_er_location_refused(ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_er_location_routed(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_er_route_t *route);
static ngx_int_t ngx_er_location_reached(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_array_t *reached);
static ngx_int_t ngx_er_location_init(ngx_conf_t *cf, ngx_er_target_t *target);
static void ngx_er_location_quiet(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static void ngx_er_location_plain(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_er_location_find(ngx_http_core_loc_conf_t *clcf,
    ngx_str_t *uri, ngx_uint_t prefix, ngx_http_core_loc_conf_t **found);
static ngx_int_t ngx_er_location_static(ngx_http_location_tree_node_t *node,
    ngx_str_t *uri, ngx_uint_t prefix, ngx_http_core_loc_conf_t **found);
#if (NGX_PCRE)
static ngx_int_t ngx_er_location_regex(ngx_http_core_loc_conf_t *clcf,
    ngx_str_t *uri, ngx_http_core_loc_conf_t **found);
#endif
static ngx_int_t ngx_er_location_shadowed(ngx_conf_t *cf,
    ngx_er_target_t *target);
static ngx_http_upstream_conf_t *ngx_er_location_upstream(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_uint_t n);
static void ngx_er_location_header(ngx_conf_t *cf, ngx_er_target_t *target,
    const char *line, ngx_str_t *name);
static ngx_int_t ngx_er_location_query(ngx_conf_t *cf,
    ngx_er_target_t *target);
static void ngx_er_location_params(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_uint_t n);
static ngx_str_t *ngx_er_location_url(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf);
static void ngx_er_location_signed(ngx_conf_t *cf, ngx_er_target_t *target);
static void ngx_er_location_body(ngx_conf_t *cf, ngx_er_target_t *target,
    const char *line, const char *does);
static ngx_http_upstream_conf_t *ngx_er_location_pass(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_uint_t *n);
static void *ngx_er_location_member(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_uint_t n, const char *name);
static ngx_uint_t ngx_er_location_sets(ngx_str_t *key, ngx_str_t *name);
static ngx_module_t *ngx_er_location_module(ngx_conf_t *cf, ngx_uint_t n);
static void ngx_er_location_fits(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_er_source_t *source);
static void ngx_er_location_batch(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source, ngx_uint_t targets);
static u_char *ngx_er_location_time(u_char *buf, ngx_msec_t ms);


/* all have their upstream configuration as their first member */

static const char  *ngx_er_location_modules[] = {
    "ngx_http_proxy_module",
    "ngx_http_fastcgi_module",
    "ngx_http_uwsgi_module",
    "ngx_http_scgi_module",
    "ngx_http_grpc_module",
    NULL
};


static const char  *ngx_er_location_prefixes[] = {
    "proxy", "fastcgi", "uwsgi", "scgi", "grpc"
};


/* what sets a header there */

static const char  *ngx_er_location_setters[] = {
    "proxy_set_header", "fastcgi_param", "uwsgi_param", "scgi_param",
    "grpc_set_header"
};


char *
ngx_er_location_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_loc_conf_t *lcf = conf;

    ngx_str_t                 *value;
    const char                *why;
    ngx_er_target_t           *target;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    why = ngx_er_location_beside(lcf);

    if (why) {
        return (char *) why;
    }

    value = cf->args->elts;

    if (ngx_er_name_check(cf, "event_target", &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    why = ngx_er_location_refused(clcf);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"event_deliver\" %s: use \"location = "
                           "/deliver/%V\"", why, &value[1]);
        return NGX_CONF_ERROR;
    }

    target = ngx_er_target_get(cf, mcf, &value[1]);
    if (target == NULL) {
        return NGX_CONF_ERROR;
    }

    if (target->location) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "target \"%V\" is reached by location \"%V\" "
                           "already and cannot be by \"%V\" too: give this "
                           "one a target of its own",
                           &target->name, &target->uri, &clcf->name);
        return NGX_CONF_ERROR;
    }

    clcf->internal = 1;
    lcf->target = target;

    target->uri = clcf->name;
    target->ctx = cscf->ctx;
    target->location = clcf;
    ngx_er_where_set(cf, &target->deliver);

    return NGX_CONF_OK;
}


/* NULL, or what is wrong with another directive of the location */

static const char *
ngx_er_location_beside(ngx_er_loc_conf_t *lcf)
{
    if (lcf->target) {
        return "is duplicate: a location delivers to one target";
    }

    switch (lcf->does) {

    case NGX_ER_LOCATION_OTHER:
        return NULL;

    case NGX_ER_LOCATION_ADMIN:
    case NGX_ER_LOCATION_STATUS:
        return "cannot stand beside \"event_admin\" or \"event_status\": give "
               "each a location of its own";

    default: /* NGX_ER_LOCATION_RECEIVE, NGX_ER_LOCATION_EXPLAIN */
        return "cannot stand beside \"event_receive\": give each a location "
               "of its own";
    }
}


/* a subrequest finds its location by a URI */

static const char *
ngx_er_location_refused(ngx_http_core_loc_conf_t *clcf)
{
    if (clcf->noname || clcf->name.len == 0) {
        return "stands directly in a location";
    }

    if (clcf->named) {
        return "cannot be used in a named location";
    }

#if (NGX_PCRE)
    if (clcf->regex) {
        return "cannot be used in a location given by a regular expression";
    }
#endif

    if (clcf->name.data[0] != '/') {
        return "needs a location that begins with \"/\"";
    }

    return NULL;
}


ngx_int_t
ngx_er_locations_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_route_t   **route;
    ngx_er_target_t  **target;

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        if (ngx_er_location_routed(cf, mcf, route[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (ngx_er_location_init(cf, target[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a route names targets that have locations */

static ngx_int_t
ngx_er_location_routed(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route)
{
    ngx_str_t        *name;
    ngx_uint_t        i;
    const char       *nearest;
    ngx_array_t       reached;
    ngx_er_target_t  *target;

    for (i = 0; i < route->targets.nelts; i++) {
        target = route->targets.elts[i];
        name = &target->name;

        if (target->location) {
            continue;
        }

        if (ngx_er_location_reached(cf, mcf, &reached) != NGX_OK) {
            return NGX_ERROR;
        }

        nearest = ngx_er_nearest_noun(name, &reached);

        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                         "route \"%V\" sends to target \"%V\", but no "
                         "location delivers to it%s%s%s: add \"location = "
                         "/deliver/%V { event_deliver %V; proxy_pass ...; }\"",
                         &route->name, name,
                         nearest ? " (did you mean \"" : "",
                         nearest ? nearest : "", nearest ? "\"?)" : "",
                         name, name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the targets that have a location */

static ngx_int_t
ngx_er_location_reached(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_array_t *reached)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target, **slot;

    if (ngx_array_init(reached, cf->temp_pool, mcf->targets.nelts + 1,
                       sizeof(ngx_er_target_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target[i]->location) {
            slot = ngx_array_push(reached);
            if (slot == NULL) {
                return NGX_ERROR;
            }

            *slot = target[i];
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_location_init(ngx_conf_t *cf, ngx_er_target_t *target)
{
    if (target->location == NULL) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "no location delivers to target \"%V\": add "
                         "\"location = /deliver/%V { event_deliver %V; "
                         "proxy_pass ...; }\"",
                         &target->name, &target->name, &target->name);
        return NGX_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, cf->log, 0,
                   "event router location: target \"%V\" is at \"%V\"",
                   &target->name, &target->uri);

    if (target->optional == NGX_CONF_UNSET) {
        target->optional = 0;
    }

    if (target->location->handler == NULL) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &target->deliver,
                         "the location of target \"%V\" has no "
                         "\"proxy_pass\": deliveries fail there, unless "
                         "\"return\", \"rewrite\" or \"try_files\" deals with "
                         "them", &target->name);
    }

    ngx_er_location_quiet(cf, target->location);

    if (target->auth && target->auth->header.key.len) {
        ngx_er_location_header(cf, target, "auth", &target->auth->header.key);
    }

    if (target->auth && target->auth->kind == NGX_ER_AUTH_QUERY
        && ngx_er_location_query(cf, target) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (target->sign) {
        ngx_er_location_signed(cf, target);

    } else if (target->body) {
        ngx_er_location_body(cf, target, "body", "makes");
    }

    if (ngx_er_outgoing_target(cf, target) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_location_shadowed(cf, target);
}


/*
 * The source has limited the size of the body, so the location shall not.
 * Configurations are merged by now, and nothing else will look at the masks of
 * proxy_ignore_headers but the answers that come here.  An answer out of a
 * cache, which a block around may have switched on, would lose the event.
 */

static void
ngx_er_location_quiet(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t                 n;
    ngx_http_upstream_conf_t  *ucf;

    clcf->client_max_body_size = 0;

    for (n = 0; ngx_er_location_modules[n]; n++) {
        ucf = ngx_er_location_upstream(cf, clcf, n);

        if (ucf) {
            ucf->ignore_headers |= NGX_ER_LOCATION_IGNORE;
#if (NGX_HTTP_CACHE)
            ucf->cache = 0;
#endif
        }
    }
}


/*
 * A call must be answered by whom the administrator has named, and nobody else
 * must be able to make it.  What a call is told is in the body of the answer,
 * also of an error, so error pages are off.
 */

ngx_http_core_loc_conf_t *
ngx_er_location_internal(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_str_t *uri, ngx_uint_t prefix, ngx_er_where_t *where, const char *line)
{
    ngx_http_core_loc_conf_t  *clcf, *server;

    clcf = NULL;
    server = target->ctx->loc_conf[ngx_http_core_module.ctx_index];

    (void) ngx_er_location_find(server, uri, prefix, &clcf);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, cf->log, 0,
                   "event router location: \"%V\" of target \"%V\", "
                   "found:%d", uri, &target->name, clcf != NULL);

    if (clcf == NULL || !clcf->internal) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "\"%s\" of event_target \"%V\" calls \"%V\", and in "
                         "the server of location \"%V\" there is no internal "
                         "location for that: add \"location %s %V { internal; "
                         "proxy_pass ...; }\"", line, &target->name, uri,
                         &target->uri, prefix ? "^~" : "=", uri);
        return NULL;
    }

#if (NGX_PCRE)
    if (prefix && server->regex_locations && !clcf->noregex) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "\"%s\" of event_target \"%V\" calls \"%V...\", "
                         "which a location with a regular expression may "
                         "take: write \"location ^~ %V\"", line,
                         &target->name, uri, &clcf->name);
        return NULL;
    }
#endif

    ngx_er_location_plain(cf, clcf);

    return clcf;
}


static void
ngx_er_location_plain(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    ngx_uint_t                 n;
    ngx_http_upstream_conf_t  *ucf;

    ngx_er_location_quiet(cf, clcf);

    for (n = 0; ngx_er_location_modules[n]; n++) {
        ucf = ngx_er_location_upstream(cf, clcf, n);

        if (ucf) {
            ucf->intercept_errors = 0;
        }
    }
}


ngx_http_core_loc_conf_t *
ngx_er_location_called(ngx_conf_t *cf, ngx_http_conf_ctx_t *ctx,
    ngx_str_t *uri)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = NULL;

    (void) ngx_er_location_find(ctx->loc_conf[ngx_http_core_module.ctx_index],
                                uri, 0, &clcf);

    if (clcf == NULL || !clcf->internal) {
        return NULL;
    }

    ngx_er_location_plain(cf, clcf);

    return clcf;
}


/*
 * As ngx_http_core_find_location(), which needs a request.  NGX_OK: it is this
 * one; NGX_AGAIN: the longest prefix is; NGX_DECLINED: there is none.
 */

static ngx_int_t
ngx_er_location_find(ngx_http_core_loc_conf_t *clcf, ngx_str_t *uri,
    ngx_uint_t prefix, ngx_http_core_loc_conf_t **found)
{
    ngx_int_t   rc;
    ngx_uint_t  noregex;

    noregex = 0;

    rc = ngx_er_location_static(clcf->static_locations, uri, prefix, found);

    if (rc == NGX_AGAIN) {
        noregex = (*found)->noregex;

        rc = ngx_er_location_find(*found, uri, prefix, found);

        if (rc == NGX_DECLINED) {
            rc = NGX_AGAIN;
        }
    }

    if (rc == NGX_OK || noregex || prefix) {
        return rc;
    }

#if (NGX_PCRE)
    if (ngx_er_location_regex(clcf, uri, found) == NGX_OK) {
        return NGX_OK;
    }
#endif

    return rc;
}


/* what is longer than a prefix says nothing of it */

static ngx_int_t
ngx_er_location_static(ngx_http_location_tree_node_t *node, ngx_str_t *uri,
    ngx_uint_t prefix, ngx_http_core_loc_conf_t **found)
{
    size_t      len, n;
    u_char     *p;
    ngx_int_t   rc, match;

    rc = NGX_DECLINED;
    p = uri->data;
    len = uri->len;

    while (node) {
        n = ngx_min(len, (size_t) node->len);
        match = ngx_filename_cmp(p, node->name, n);

        if (match != 0) {
            node = (match < 0) ? node->left : node->right;
            continue;
        }

        if (len < (size_t) node->len) {
            node = node->left;
            continue;
        }

        if (len == (size_t) node->len && node->exact && !prefix) {
            *found = node->exact;
            return NGX_OK;
        }

        if (node->inclusive) {
            *found = node->inclusive;
            rc = NGX_AGAIN;
        }

        if (len == (size_t) node->len) {
            return rc;
        }

        if (node->inclusive == NULL) {
            node = node->right;
            continue;
        }

        node = node->tree;
        p += n;
        len -= n;
    }

    return rc;
}


#if (NGX_PCRE)

static ngx_int_t
ngx_er_location_regex(ngx_http_core_loc_conf_t *clcf, ngx_str_t *uri,
    ngx_http_core_loc_conf_t **found)
{
    ngx_http_core_loc_conf_t  **regex;

    if (clcf->regex_locations == NULL) {
        return NGX_DECLINED;
    }

    for (regex = clcf->regex_locations; *regex; regex++) {

        if (ngx_regex_exec((*regex)->regex->regex, uri, NULL, 0) >= 0) {
            *found = *regex;

            (void) ngx_er_location_find(*regex, uri, 0, found);

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}

#endif


/*
 * A subrequest finds its location by the URI, as any request.  If a regular
 * expression takes that URI, the event would go elsewhere.
 */

static ngx_int_t
ngx_er_location_shadowed(ngx_conf_t *cf, ngx_er_target_t *target)
{
#if (NGX_PCRE)
    ngx_regex_t               *re;
    ngx_http_core_loc_conf_t  *clcf, **regex;

    if (target->location->exact_match || target->location->noregex) {
        return NGX_OK;
    }

    clcf = target->ctx->loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->regex_locations == NULL) {
        return NGX_OK;
    }

    for (regex = clcf->regex_locations; *regex; regex++) {

        re = (*regex)->regex->regex;

        if (ngx_regex_exec(re, &target->uri, NULL, 0) < 0) {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->deliver,
                         "location \"%V\" of target \"%V\" is hidden by "
                         "location ~ \"%V\": write \"location = %V\"",
                         &target->uri, &target->name, &(*regex)->name,
                         &target->uri);
        return NGX_ERROR;
    }
#endif

    return NGX_OK;
}


/*
 * A line of event_target sends a header.  What the location, or a block around
 * it, sets by that name is sent instead.
 */

static void
ngx_er_location_header(ngx_conf_t *cf, ngx_er_target_t *target,
    const char *line, ngx_str_t *name)
{
    ngx_uint_t                 i, n;
    ngx_array_t               *array, **member;
    ngx_keyval_t              *set;
    ngx_http_upstream_conf_t  *ucf;

    ucf = ngx_er_location_pass(cf, target->location, &n);
    if (ucf == NULL) {
        return;
    }

    if (!ucf->pass_request_headers) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &target->deliver,
                         "the location of target \"%V\" has "
                         "\"%s_pass_request_headers off\", so the header "
                         "\"%V\" of \"%s\" is not sent: take it away",
                         &target->name, ngx_er_location_prefixes[n], name,
                         line);
        return;
    }

    member = ngx_er_location_member(cf, target->location, n,
                                    ngx_er_location_setters[n]);
    array = member ? *member : NULL;

    if (array == NULL) {
        return;
    }

    for (i = 0; i < array->nelts; i++) {

        /* elements differ in size, they begin with name and value */

        set = (ngx_keyval_t *) ((u_char *) array->elts + i * array->size);

        if (!ngx_er_location_sets(&set->key, name)
            || ngx_strstr(set->value.data, "$http_"))
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &target->deliver,
                         "\"%s %V\" of the location of target \"%V\" is sent "
                         "instead of the header of \"%s\": take one of them "
                         "away", ngx_er_location_setters[n], &set->key,
                         &target->name, line);
        return;
    }
}


/*
 * "auth query" is the arguments of the request.  nginx puts a question mark
 * before them, whatever stands in proxy_pass, and other modules send what
 * their parameters say.
 */

static ngx_int_t
ngx_er_location_query(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_str_t                 *url;
    ngx_uint_t                 n;
    ngx_http_upstream_conf_t  *ucf;

    ucf = ngx_er_location_pass(cf, target->location, &n);

    if (ucf == NULL || ucf->upstream == NULL) {
        return NGX_OK;
    }

    if (n == 0) {
        url = ngx_er_location_url(cf, target->location);

        if (url == NULL
            || ngx_strlchr(url->data, url->data + url->len, '?') == NULL)
        {
            return NGX_OK;
        }

        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->deliver,
                         "\"proxy_pass\" of the location of target \"%V\" has "
                         "arguments, to which nginx would add a second \"?\" "
                         "and the argument of \"auth query\": write "
                         "\"&$args\" behind them; its host is then an "
                         "address, a block \"upstream\" or found by "
                         "\"resolver\"", &target->name);
        return NGX_ERROR;
    }

    /* gRPC has the arguments as HTTP has */

    if (ngx_strcmp(ngx_er_location_prefixes[n], "grpc") != 0) {
        ngx_er_location_params(cf, target, n);
    }

    return NGX_OK;
}


static void
ngx_er_location_params(ngx_conf_t *cf, ngx_er_target_t *target, ngx_uint_t n)
{
    ngx_uint_t     i;
    ngx_array_t   *array, **member;
    ngx_keyval_t  *set;

    member = ngx_er_location_member(cf, target->location, n,
                                    ngx_er_location_setters[n]);
    array = member ? *member : NULL;

    for (i = 0; array && i < array->nelts; i++) {
        set = (ngx_keyval_t *) ((u_char *) array->elts + i * array->size);

        if (set->key.len == sizeof("QUERY_STRING") - 1
            && ngx_strncmp(set->key.data, "QUERY_STRING", set->key.len) == 0
            && ngx_strlchr(set->value.data, set->value.data + set->value.len,
                           '$'))
        {
            return;
        }
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, &target->deliver,
                     "the location of target \"%V\" does not send the "
                     "argument of \"auth query\": add \"%s QUERY_STRING "
                     "$query_string;\"", &target->name,
                     ngx_er_location_setters[n]);
}


/*
 * What stands in proxy_pass without variables.  nginx's module keeps it to
 * itself: behind what proxy_method sets is the name of the location, then
 * this.  Should that change, the name is not there, and nothing is said.
 */

static ngx_str_t *
ngx_er_location_url(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    u_char     *method;
    ngx_str_t  *location;

    method = ngx_er_location_member(cf, clcf, 0, "proxy_method");
    if (method == NULL) {
        return NULL;
    }

    location = (ngx_str_t *) (method + sizeof(ngx_http_complex_value_t *));

    return (location->data == clcf->name.data
            && location->len == clcf->name.len)
           ? location + 1 : NULL;
}


static void
ngx_er_location_signed(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_uint_t  i;

    for (i = 0; i < target->sign->n; i++) {
        ngx_er_location_header(cf, target, "sign",
                               &target->sign->headers[i].key);
    }

    ngx_er_location_body(cf, target, "sign", "signs");
}


/* a line of the target is about the body that it is to get */

static void
ngx_er_location_body(ngx_conf_t *cf, ngx_er_target_t *target,
    const char *line, const char *does)
{
    ngx_str_t                 *body;
    ngx_uint_t                 n;
    const char                *other;
    ngx_http_upstream_conf_t  *ucf;

    ucf = ngx_er_location_pass(cf, target->location, &n);
    if (ucf == NULL) {
        return;
    }

    body = (n == 0) ? ngx_er_location_member(cf, target->location, n,
                                             "proxy_set_body")
                    : NULL;

    if (body && body->data) {
        other = "set_body";

    } else if (!ucf->pass_request_body) {
        other = "pass_request_body off";

    } else {
        return;
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, &target->deliver,
                     "the location of target \"%V\" has \"%s_%s\", so what "
                     "is sent is not what \"%s\" %s: take it away",
                     &target->name, ngx_er_location_prefixes[n], other, line,
                     does);
}


/* the module that passes deliveries on; proxy_pass, where variables say to
   whom; NULL: none */

static ngx_http_upstream_conf_t *
ngx_er_location_pass(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_uint_t *n)
{
    ngx_uint_t                 i;
    ngx_http_upstream_conf_t  *ucf;

    for (i = 0; ngx_er_location_modules[i]; i++) {
        ucf = ngx_er_location_upstream(cf, clcf, i);

        if (ucf && ucf->upstream) {
            *n = i;
            return ucf;
        }
    }

    *n = 0;

    return clcf->handler ? ngx_er_location_upstream(cf, clcf, 0) : NULL;
}


/* where the module's configuration has what a directive sets: the table of
   its directives tells; NULL: it has no such directive */

static void *
ngx_er_location_member(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_uint_t n, const char *name)
{
    u_char         *conf;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    module = ngx_er_location_module(cf, n);
    conf = clcf->loc_conf[module->ctx_index];

    for (cmd = module->commands; cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, name) == 0) {
            return conf + cmd->offset;
        }
    }

    return NULL;
}


/* "X-Api-Key", or HTTP_X_API_KEY as the parameters of FastCGI have it */

static ngx_uint_t
ngx_er_location_sets(ngx_str_t *key, ngx_str_t *name)
{
    size_t     i;
    ngx_str_t  text;

    if (ngx_er_same_name(key, name)) {
        return 1;
    }

    text = *key;

    if (text.len != name->len + 5
        || ngx_strncmp(text.data, "HTTP_", 5) != 0)
    {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        if (ngx_tolower(text.data[i + 5]) != ngx_tolower(name->data[i])
            && (text.data[i + 5] != '_' || name->data[i] != '-'))
        {
            return 0;
        }
    }

    return 1;
}


/* NULL: the module is not in this nginx */

static ngx_http_upstream_conf_t *
ngx_er_location_upstream(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_uint_t n)
{
    ngx_module_t  *module;

    module = ngx_er_location_module(cf, n);

    return module ? clcf->loc_conf[module->ctx_index] : NULL;
}


static ngx_module_t *
ngx_er_location_module(ngx_conf_t *cf, ngx_uint_t n)
{
    ngx_uint_t      i;
    ngx_module_t  **modules;

    modules = cf->cycle->modules;

    for (i = 0; modules[i]; i++) {

        if (modules[i]->type == NGX_HTTP_MODULE
            && ngx_strcmp(modules[i]->name, ngx_er_location_modules[n]) == 0)
        {
            return modules[i];
        }
    }

    return NULL;
}


/*
 * Where the upstream is known only when a request comes (a variable in
 * proxy_pass), the module is not known either: the word of any of them does.
 */

const char *
ngx_er_location_repeats(ngx_conf_t *cf, ngx_er_target_t *target)
{
    ngx_uint_t                 n, off;
    ngx_http_upstream_conf_t  *ucf;

    off = 0;

    for (n = 0; ngx_er_location_modules[n]; n++) {
        ucf = ngx_er_location_upstream(cf, target->location, n);

        if (ucf == NULL) {
            continue;
        }

        if (ucf->next_upstream & NGX_HTTP_UPSTREAM_FT_OFF) {
            off = 1;
        }

        if (ucf->upstream) {
            return (ucf->next_upstream & NGX_HTTP_UPSTREAM_FT_OFF)
                   ? NULL : ngx_er_location_prefixes[n];
        }
    }

    return (off || target->location->handler == NULL)
           ? NULL : ngx_er_location_prefixes[0];
}


ngx_int_t
ngx_er_locations_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    u_char            *seen;
    ngx_uint_t         i, j, k, n;
    ngx_er_route_t   **route;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    seen = ngx_palloc(cf->temp_pool, mcf->targets.nelts + 1);
    if (seen == NULL) {
        return NGX_ERROR;
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        /* no producer waits, and no batch takes its places at once */

        if (source[i]->mode == NGX_ER_MODE_QUEUED) {
            continue;
        }

        ngx_memzero(seen, mcf->targets.nelts);

        n = 0;
        route = source[i]->routes.elts;

        for (j = 0; j < source[i]->routes.nelts; j++) {
            target = route[j]->targets.elts;

            for (k = 0; k < route[j]->targets.nelts; k++) {

                if (seen[target[k]->index]++ == 0) {
                    ngx_er_location_fits(cf, target[k], source[i]);
                    n++;
                }

                seen[target[k]->index] = 1;
            }
        }

        ngx_er_location_batch(cf, mcf, source[i], n);
    }

    return NGX_OK;
}


/*
 * The deadline ends the wait in any case, but the producer is then told 504
 * where 502 with the target's name in error.log was to be had.
 */

static void
ngx_er_location_fits(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_er_source_t *source)
{
    u_char                     time[NGX_TIME_T_LEN + 3];
    u_char                     deadline[NGX_TIME_T_LEN + 3];
    ngx_msec_t                 ms;
    ngx_uint_t                 n;
    const char                *what;
    ngx_http_upstream_conf_t  *ucf;

    ucf = NULL;

    for (n = 0; ngx_er_location_modules[n]; n++) {
        ucf = ngx_er_location_upstream(cf, target->location, n);

        if (ucf && ucf->upstream) {
            break;
        }
    }

    if (ngx_er_location_modules[n] == NULL) {
        return;
    }

    if (ucf->read_timeout > source->deadline) {
        what = "read";
        ms = ucf->read_timeout;

    } else if (ucf->connect_timeout > source->deadline) {
        what = "connect";
        ms = ucf->connect_timeout;

    } else if (ucf->send_timeout > source->deadline) {
        what = "send";
        ms = ucf->send_timeout;

    } else {
        return;
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, &target->deliver,
                     "target \"%V\": %s_%s_timeout %s is longer than the "
                     "deadline %s of source \"%V\": set it below",
                     &target->name, ngx_er_location_prefixes[n], what,
                     ngx_er_location_time(time, ms),
                     ngx_er_location_time(deadline, source->deadline),
                     &source->name);
}


/*
 * All events of a batch take their places at once.  If there are never as
 * many, each attempt ends with 503, whatever earlier ones have delivered.
 */

static void
ngx_er_location_batch(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source, ngx_uint_t targets)
{
    ngx_str_t   *type;
    ngx_uint_t   i;

    if (source->max_batch * targets <= mcf->running + mcf->waiting) {
        return;
    }

    type = source->accept.elts;

    for (i = 0; i < source->accept.nelts; i++) {

        if (ngx_strnstr(type[i].data, "cloudevents-batch", type[i].len)
            == NULL)
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &source->where,
                         "event_source \"%V\": a batch of %ui events to %ui "
                         "targets can never be taken, there are %ui places: "
                         "lower \"max_batch\" or raise \"event_backlog\"",
                         &source->name, source->max_batch, targets,
                         mcf->running + mcf->waiting);
        return;
    }
}


static u_char *
ngx_er_location_time(u_char *buf, ngx_msec_t ms)
{
    if (ms % 1000) {
        (void) ngx_sprintf(buf, "%Mms%Z", ms);

    } else {
        (void) ngx_sprintf(buf, "%Ms%Z", ms / 1000);
    }

    return buf;
}
