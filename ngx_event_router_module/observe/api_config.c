
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/config: the configuration as this nginx runs it.  Sources and targets
 * are few and stand on the first page; routes can be 100,000 and come a page
 * at a time.  Each has the place where it stands in nginx.conf.
 *
 * Of secrets it says nothing, not even how long they are: lines of conditions
 * in which a secret of the route's source stands are left out as a whole.
 */


#include "api_config.h"
#include "api_hold.h"
#include "api_routes.h"
#include "../deliver/auth.h"
#include "../deliver/publishers.h"


#define NGX_ER_API_CONFIG_JSON   8192
#define NGX_ER_API_CONFIG_DEPTH  32    /* blocks in one another */


static ngx_int_t ngx_er_api_config_handler(ngx_er_api_t *api);
static void ngx_er_api_config_nouns(ngx_er_json_t *json,
    ngx_er_main_conf_t *mcf);
static void ngx_er_api_config_receivers(ngx_er_json_t *json,
    ngx_http_request_t *r, ngx_er_main_conf_t *mcf);
static void ngx_er_api_config_source(ngx_er_json_t *json,
    ngx_er_source_t *source);
static void ngx_er_api_config_target(ngx_er_json_t *json,
    ngx_er_target_t *target);
static void ngx_er_api_config_policy(ngx_er_json_t *json,
    ngx_er_policy_t *policy);
static void ngx_er_api_config_routes(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_uint_t first);
static void ngx_er_api_config_route(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_route_t *route);
static void ngx_er_api_config_lines(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_route_t *route, ngx_er_condition_t *c, ngx_uint_t depth);
static ngx_uint_t ngx_er_api_config_secret(ngx_er_api_t *api,
    ngx_er_route_t *route, ngx_str_t *text);


static const char  *ngx_er_api_config_auths[] = {
    "basic", "bearer", "header", "query", "oauth2"
};


static ngx_er_api_arg_t  ngx_er_api_config_args[] = {
    { "source", NGX_ER_API_TEXT, 0, NULL, "routes from this source only" },
    { "target", NGX_ER_API_TEXT, 0, NULL, "routes to this target only" },
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_source_fields[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "file", NGX_ER_API_TEXT, 0, NULL, NULL, "where it stands" },
    { "line", NGX_ER_API_NUMBER, 0, NULL, NULL, "the line there" },
    { "preset", NGX_ER_API_TEXT, 0, NULL, NULL, "whose presets it has" },
    { "verify", NGX_ER_API_FLAG, 1, NULL, NULL, "signatures are checked" },
    { "delivery", NGX_ER_API_TEXT, 1, "sync|queued", NULL,
      "at once, or by the queue" },
    { "dedup", NGX_ER_API_FLAG, 1, NULL, NULL, "duplicates are dropped" },
    { "dedup_ms", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "for how long a key is remembered" },
    { "retain_ms", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "for how long delivered events are kept" },
    { "wait_ms", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "how long a producer waits for queued deliveries" },
    { "deadline_ms", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "for all deliveries at once" },
    { "max_size", NGX_ER_API_NUMBER, 1, NULL, NULL, "bytes of a body" },
    { "routes", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many it has" },
    NGX_ER_API_HOLD_FIELDS,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_source_schema = {
    "Source", "Who may publish", ngx_er_api_source_fields
};


static ngx_er_api_field_t  ngx_er_api_target_fields[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "file", NGX_ER_API_TEXT, 0, NULL, NULL,
      "where its event_target stands, or who named it first" },
    { "line", NGX_ER_API_NUMBER, 0, NULL, NULL, "the line there" },
    { "location", NGX_ER_API_TEXT, 0, NULL, NULL,
      "the path by which it is reached" },
    { "location_file", NGX_ER_API_TEXT, 0, NULL, NULL,
      "where its event_deliver stands" },
    { "location_line", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "the line there" },
    { "method", NGX_ER_API_TEXT, 1, NULL, NULL, "of its requests" },
    { "auth", NGX_ER_API_TEXT, 0, "basic|bearer|header|query|oauth2", NULL,
      "how it is shown who asks" },
    { "signs", NGX_ER_API_FLAG, 1, NULL, NULL, "its requests are signed" },
    { "optional", NGX_ER_API_FLAG, 1, NULL, NULL,
      "its failures do not count for the producer" },
    { "from", NGX_ER_API_LIST, 0, NULL, NULL,
      "the only sources that it takes events of" },
    { "ordered", NGX_ER_API_FLAG, 1, NULL, NULL,
      "one event of a key after the other" },
    { "in_doubt", NGX_ER_API_FLAG, 1, NULL, NULL,
      "it is asked whether it has an event" },
    { "concurrency", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "queued deliveries at once" },
    { "rate_per_hour", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "how many deliveries it gets in an hour" },
    { "burst", NGX_ER_API_NUMBER, 0, NULL, NULL, "and at once" },
    { "retry_for_ms", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how long it is tried; 0: once" },
    { "retry_base_ms", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "before the second attempt" },
    { "retry_max_ms", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "between two attempts at most" },
    { "expires_ms", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "how old an event may be" },
    { "dead_for_ms", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "for how long dead letters are kept" },
    { "breaker", NGX_ER_API_FLAG, 1, NULL, NULL,
      "it is left alone while it fails" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_target_schema = {
    "Target", "Who receives", ngx_er_api_target_fields
};


static ngx_er_api_field_t  ngx_er_api_when_fields[] = {
    { "line", NGX_ER_API_TEXT, 0, NULL, NULL,
      "as it stands; not there if a secret is in it" },
    { "number", NGX_ER_API_NUMBER, 0, NULL, NULL, "its number" },
    { "file", NGX_ER_API_TEXT, 0, NULL, NULL,
      "its file, if it is another than the route's" },
    { "depth", NGX_ER_API_NUMBER, 1, NULL, NULL, "blocks around it" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_when_line = {
    "When", "A line of a condition; those of a block are behind it, deeper",
    ngx_er_api_when_fields
};


static ngx_er_api_field_t  ngx_er_api_route_fields[] = {
    NGX_ER_API_ROUTE_FIELDS,
    { "when", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_when_line,
      "what must be true, in the order in which it is looked at" },
    { "last", NGX_ER_API_FLAG, 1, NULL, NULL,
      "no route behind it is looked at, if it matched" },
    { "fallback", NGX_ER_API_FLAG, 1, NULL, NULL,
      "it matches if no other one did" },
    { "delay_ms", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "before the first attempt" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_route = {
    "Route", "What goes where", ngx_er_api_route_fields
};


static ngx_er_api_field_t  ngx_er_api_config_receiver_fields[] = {
    { "source", NGX_ER_API_TEXT, 1, NULL, NULL, "whose events it takes" },
    { "path", NGX_ER_API_TEXT, 1, NULL, NULL, "the name of the location" },
    { "here", NGX_ER_API_FLAG, 0, NULL, NULL,
      "it is of the server that was asked" },
    { "file", NGX_ER_API_TEXT, 0, NULL, NULL, "where it stands" },
    { "line", NGX_ER_API_NUMBER, 0, NULL, NULL, "the line there" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_config_receiver = {
    "Receiver", "A location with event_receive",
    ngx_er_api_config_receiver_fields
};


static ngx_er_api_field_t  ngx_er_api_config_fields[] = {
    { "version", NGX_ER_API_TEXT, 1, NULL, NULL, "of the module" },
    { "nginx", NGX_ER_API_TEXT, 1, NULL, NULL, "the version of nginx" },
    { "generation", NGX_ER_API_TIME, 1, NULL, NULL,
      "when the configuration was read" },
    { "hash", NGX_ER_API_TEXT, 1, NULL, NULL,
      "of the files that it was read from" },
    { "store", NGX_ER_API_TEXT, 0, NULL, NULL,
      "what keeps the queue, if there is one" },
    { "nsources", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many there are" },
    { "ntargets", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many there are" },
    { "nroutes", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many there are" },
    { "sources", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_source_schema,
      "on the first page: all of them" },
    { "targets", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_target_schema,
      "on the first page: all of them" },
    { "receivers", NGX_ER_API_LIST, 0, NULL, &ngx_er_api_config_receiver,
      "on the first page: locations that take events; not those of a regular "
      "expression, named or internal ones" },
    { "routes", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_route,
      "a page of them, in their order" },
    NGX_ER_API_FIELD_NEXT,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_config_answer = {
    "Config", "The configuration as it runs", ngx_er_api_config_fields
};


ngx_er_api_endpoint_t  ngx_er_api_config[] = {

    { "config", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "The configuration as it runs", ngx_er_api_config_args, NULL,
      &ngx_er_api_config_answer, ngx_er_api_config_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_config_handler(ngx_er_api_t *api)
{
    ngx_str_t            after;
    ngx_int_t            rc, first;
    ngx_er_json_t        json;
    ngx_er_source_t     *source;
    ngx_er_target_t     *target;
    ngx_er_main_conf_t  *mcf;

    mcf = api->mcf;
    first = 0;

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK
        || ngx_er_api_source(api, &source, &rc) != NGX_OK)
    {
        return rc;
    }

    if (ngx_er_api_arg(api, "after", &after)) {
        first = ngx_atoi(after.data, after.len);

        if (first == NGX_ERROR) {
            return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                      "after= takes the \"next\" of the page "
                                      "before");
        }
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_CONFIG_JSON);

    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_word(&json, "version", NGX_ER_VERSION);
    ngx_er_json_word(&json, "nginx", NGINX_VERSION);
    ngx_er_api_when(&json, "generation", mcf->generation);
    ngx_er_json_text(&json, "hash", &mcf->hash, 0);

    if (mcf->queue) {
        ngx_er_json_word(&json, "store", mcf->queue->backend->name);
    }

    ngx_er_json_number(&json, "nsources", mcf->sources.nelts);
    ngx_er_json_number(&json, "ntargets", mcf->targets.nelts);
    ngx_er_json_number(&json, "nroutes", mcf->routes.nelts);

    if (first == 0) {
        ngx_er_api_config_nouns(&json, mcf);
        ngx_er_api_config_receivers(&json, api->request, mcf);
    }

    ngx_er_api_config_routes(api, &json, first);

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static void
ngx_er_api_config_nouns(ngx_er_json_t *json, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    source = mcf->sources.elts;
    target = mcf->targets.elts;

    ngx_er_json_open(json, "sources", "[");

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_api_config_source(json, source[i]);
    }

    ngx_er_json_close(json, "]");
    ngx_er_json_open(json, "targets", "[");

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_api_config_target(json, target[i]);
    }

    ngx_er_json_close(json, "]");
}


/* what "if" and "limit_except" have in a location is that location's; which
   paths a regular expression takes nobody knows, and no client gets to what is
   internal or has a name with "@" */

static void
ngx_er_api_config_receivers(ngx_er_json_t *json, ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf)
{
    ngx_uint_t                 i;
    ngx_er_receiver_t         *receiver;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    receiver = mcf->receivers.elts;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router api: %ui receivers", mcf->receivers.nelts);

    ngx_er_json_open(json, "receivers", "[");

    for (i = 0; i < mcf->receivers.nelts; i++) {
        clcf = receiver[i].clcf;

        if (receiver[i].lcf->does != NGX_ER_LOCATION_RECEIVE
            || clcf->noname || clcf->internal || clcf->name.len == 0
            || clcf->name.data[0] != '/')
        {
            continue;
        }

#if (NGX_PCRE)
        if (clcf->regex) {
            continue;
        }
#endif

        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_text(json, "source", &receiver[i].name, 0);
        ngx_er_json_text(json, "path", &clcf->name, 0);

        if (receiver[i].ctx == cscf->ctx) {
            ngx_er_json_flag(json, "here", 1);
        }

        ngx_er_api_where_json(json, &receiver[i].where);
        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}


static void
ngx_er_api_config_source(ngx_er_json_t *json, ngx_er_source_t *source)
{
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "name", &source->name, 0);
    ngx_er_api_where_json(json, &source->where);

    if (source->preset) {
        ngx_er_json_word(json, "preset", source->preset->name);
    }

    ngx_er_json_flag(json, "verify", source->verify
                                     && !ngx_er_verify_is_off(source->verify));
    ngx_er_json_word(json, "delivery", source->mode == NGX_ER_MODE_QUEUED
                                       ? "queued" : "sync");
    ngx_er_json_flag(json, "dedup", source->dedup == 1);

    if (source->dedup == 1) {
        ngx_er_json_number(json, "dedup_ms", source->window);
    }

    if (source->retain) {
        ngx_er_json_number(json, "retain_ms", source->retain);
    }

    if (source->wait) {
        ngx_er_json_number(json, "wait_ms", source->wait);
    }

    ngx_er_json_number(json, "deadline_ms", source->deadline);
    ngx_er_json_number(json, "max_size", source->max_size);
    ngx_er_json_number(json, "routes", source->routes.nelts);
    ngx_er_api_hold_json(json, source);
    ngx_er_json_close(json, "}");
}


static void
ngx_er_api_config_target(ngx_er_json_t *json, ngx_er_target_t *target)
{
    ngx_uint_t           i;
    ngx_er_publisher_t  *publisher;

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "name", &target->name, 0);
    ngx_er_api_where_json(json, &target->where);

    if (target->location) {
        ngx_er_api_text(json, "location", &target->uri);
        ngx_er_api_text(json, "location_file", &target->deliver.file);
        ngx_er_json_number(json, "location_line", target->deliver.line);
    }

    ngx_er_json_text(json, "method", &target->method_name, 0);

    if (target->auth) {
        ngx_er_json_word(json, "auth",
                         ngx_er_api_config_auths[target->auth->kind]);
    }

    ngx_er_json_flag(json, "signs", target->sign != NULL);
    ngx_er_json_flag(json, "optional", target->optional == 1);

    if (target->publishers) {
        publisher = target->publishers->elts;

        ngx_er_json_open(json, "from", "[");

        for (i = 0; i < target->publishers->nelts; i++) {
            ngx_er_json_text(json, NULL, &publisher[i].name, 0);
        }

        ngx_er_json_close(json, "]");
    }

    ngx_er_json_flag(json, "ordered", target->order != NGX_CONF_UNSET);
    ngx_er_json_flag(json, "in_doubt", target->doubt != NULL);

    ngx_er_api_config_policy(json, &target->policy);

    ngx_er_json_close(json, "}");
}


static void
ngx_er_api_config_policy(ngx_er_json_t *json, ngx_er_policy_t *policy)
{
    ngx_er_json_number(json, "concurrency", policy->concurrency);

    if (policy->rate) {
        ngx_er_json_number(json, "rate_per_hour", policy->rate);
        ngx_er_json_number(json, "burst", policy->burst);
    }

    ngx_er_json_number(json, "retry_for_ms", policy->horizon);
    ngx_er_json_number(json, "retry_base_ms", policy->base);
    ngx_er_json_number(json, "retry_max_ms", policy->max);

    if (policy->expires) {
        ngx_er_json_number(json, "expires_ms", policy->expires);
    }

    ngx_er_json_number(json, "dead_for_ms", policy->keep);
    ngx_er_json_flag(json, "breaker", policy->breaker == 1);
}


/* the next page begins with the route of that index */

static void
ngx_er_api_config_routes(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_uint_t first)
{
    u_char            buf[NGX_INT64_LEN];
    ngx_str_t         next, source, target;
    ngx_uint_t        i, n, limit;
    ngx_er_route_t  **route;

    ngx_str_null(&source);
    ngx_str_null(&target);

    (void) ngx_er_api_arg(api, "source", &source);
    (void) ngx_er_api_arg(api, "target", &target);

    n = 0;
    route = api->mcf->routes.elts;
    limit = ngx_er_api_number(api, "limit", NGX_ER_API_PAGE);

    ngx_er_json_open(json, "routes", "[");

    for (i = first; i < api->mcf->routes.nelts; i++) {

        if (!ngx_er_api_route_wanted(route[i], &source, &target)) {
            continue;
        }

        if (n++ == limit) {
            break;
        }

        ngx_er_api_config_route(api, json, route[i]);
    }

    ngx_er_json_close(json, "]");

    if (i < api->mcf->routes.nelts) {
        next.data = buf;
        next.len = ngx_sprintf(buf, "%ui", i) - buf;

        ngx_er_json_text(json, "next", &next, 0);
    }
}


static void
ngx_er_api_config_route(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_route_t *route)
{
    ngx_er_json_open(json, NULL, "{");
    ngx_er_api_route_json(json, route);
    ngx_er_json_open(json, "when", "[");

    if (route->condition) {
        ngx_er_api_config_lines(api, json, route, route->condition, 0);
    }

    ngx_er_json_close(json, "]");

    ngx_er_json_flag(json, "last", route->last);
    ngx_er_json_flag(json, "fallback", route->fallback);

    if (route->delay) {
        ngx_er_json_number(json, "delay_ms", route->delay);
    }

    ngx_er_json_close(json, "}");
}


/* recursive: as deep as blocks stand in one another */

static void
ngx_er_api_config_lines(ngx_er_api_t *api, ngx_er_json_t *json,
    ngx_er_route_t *route, ngx_er_condition_t *c, ngx_uint_t depth)
{
    ngx_str_t            text;
    ngx_uint_t           i;
    ngx_er_condition_t  *child;

    if (c->origin) {
        text.data = ngx_er_condition_text(c->origin);
        text.len = c->origin->len;

        ngx_er_json_open(json, NULL, "{");

        if (!ngx_er_api_config_secret(api, route, &text)) {
            ngx_er_api_text(json, "line", &text);
        }

        if (c->origin->line) {
            ngx_er_json_number(json, "number", c->origin->line);
        }

        if (c->origin->other) {
            text.data += text.len;
            text.len = ngx_strlen(text.data);
            ngx_er_api_text(json, "file", &text);
        }

        ngx_er_json_number(json, "depth", depth);
        ngx_er_json_close(json, "}");

        depth++;
    }

    if (c->kind < NGX_ER_CONDITION_ALL || c->kind > NGX_ER_CONDITION_EACH
        || depth > NGX_ER_API_CONFIG_DEPTH)
    {
        return;
    }

    child = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts; i++) {
        ngx_er_api_config_lines(api, json, route, &child[i], depth);
    }
}


static ngx_uint_t
ngx_er_api_config_secret(ngx_er_api_t *api, ngx_er_route_t *route,
    ngx_str_t *text)
{
    ngx_str_t          any;
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    ngx_str_null(&any);
    source = api->mcf->sources.elts;

    for (i = 0; i < api->mcf->sources.nelts; i++) {
        if (source[i]->verify
            && ngx_er_api_route_wanted(route, &source[i]->name, &any)
            && ngx_er_verify_in_text(source[i]->verify, text))
        {
            return 1;
        }
    }

    return 0;
}
