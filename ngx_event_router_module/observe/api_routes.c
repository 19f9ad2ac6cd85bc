
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/routes: a page of the routes, with how often each of them matched.
 * There can be 100,000, so a page is chosen in one walk over them: in the
 * order of nginx.conf the walk ends where the page is full, else a heap has
 * the best ones so far, with the worst of them on top.  A next page begins
 * behind the route whose index is in after=.
 *
 * GET v1/groups: the same of groups.c, each with its first route; those that
 * matched most.
 *
 * api_config.c has more of each route and takes from here what is the same.
 * Memory is that of the request.
 */


#include "api_routes.h"
#include "groups.h"
#include "../ingest/source.h"


#define NGX_ER_API_ROUTES_JSON  8192


typedef enum {
    NGX_ER_API_ROUTES_CONF = 0,        /* as they stand in nginx.conf */
    NGX_ER_API_ROUTES_NAME,
    NGX_ER_API_ROUTES_MATCHED          /* the most first */
} ngx_er_api_routes_e;


typedef struct {
    ngx_er_route_t        *route;
    uint64_t               matched;    /* when it was looked at */
} ngx_er_api_routes_item_t;


/* a page of routes, or of groups by their first ones, and what it is of; empty
   texts are any */

typedef struct {
    ngx_er_api_routes_e        sort;
    ngx_str_t                  source;
    ngx_str_t                  target;
    ngx_str_t                  text;
    ngx_er_route_t            *after;  /* NULL: from the beginning */
    ngx_uint_t                 limit;
    ngx_uint_t                 n;
    ngx_uint_t                 found;  /* so many were looked at and wanted */
    ngx_uint_t                 more;   /* there are others behind these */
    ngx_er_api_routes_item_t  *items;
    int                      (*order)(const void *one, const void *two);
} ngx_er_api_routes_t;


static ngx_int_t ngx_er_api_routes_handler(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_routes_begin(ngx_er_api_t *api,
    ngx_er_api_routes_t *page, ngx_int_t *rc);
static ngx_int_t ngx_er_api_routes_after(ngx_er_api_t *api,
    ngx_er_api_routes_t *page);
static void ngx_er_api_routes_choose(ngx_er_main_conf_t *mcf,
    ngx_er_api_routes_t *page);
static ngx_uint_t ngx_er_api_routes_is(ngx_er_api_routes_t *page,
    ngx_er_route_t *route);
static void ngx_er_api_routes_take(ngx_er_api_routes_t *page,
    ngx_er_api_routes_item_t *item);
static void ngx_er_api_routes_down(ngx_er_api_routes_t *page);
static void ngx_er_api_routes_up(ngx_er_api_routes_t *page);
static int ngx_cdecl ngx_er_api_routes_by_conf(const void *one,
    const void *two);
static int ngx_cdecl ngx_er_api_routes_by_name(const void *one,
    const void *two);
static int ngx_cdecl ngx_er_api_routes_by_matched(const void *one,
    const void *two);
static ngx_int_t ngx_er_api_routes_answer(ngx_er_api_t *api,
    ngx_er_api_routes_t *page);
static ngx_int_t ngx_er_api_groups_handler(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_groups_answer(ngx_er_api_t *api,
    ngx_er_api_routes_t *page, ngx_er_groups_t *groups);
static ngx_uint_t ngx_er_api_route_from(ngx_er_route_t *route,
    ngx_str_t *name);


static ngx_er_api_arg_t  ngx_er_api_routes_args[] = {
    { "source", NGX_ER_API_TEXT, 0, NULL, "routes from this source only" },
    { "target", NGX_ER_API_TEXT, 0, NULL, "routes to this target only" },
    { "text", NGX_ER_API_TEXT, 0, NULL,
      "a part of the name, in upper or lower case" },
    { "sort", NGX_ER_API_TEXT, 0, "name|matched",
      "by name, or who matched most first; else as in nginx.conf" },
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_groups_args[] = {
    { "source", NGX_ER_API_TEXT, 0, NULL, "groups from this source only" },
    { "target", NGX_ER_API_TEXT, 0, NULL, "groups to this target only" },
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_routes_row[] = {
    NGX_ER_API_ROUTE_FIELDS,
    { "matched", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how many events it matched" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_routes_route = {
    "RouteNumbers", "How often a route matched", ngx_er_api_routes_row
};


static ngx_er_api_field_t  ngx_er_api_routes_fields[] = {
    { "now", NGX_ER_API_TIME, 1, NULL, NULL, "when this was so" },
    { "nroutes", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many there are" },
    { "nfound", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "and how many of these were asked for; of a first page with sort=" },
    { "routes", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_routes_route,
      "a page of them" },
    NGX_ER_API_FIELD_NEXT,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_routes_answer_schema = {
    "Routes", "A page of routes", ngx_er_api_routes_fields
};


static ngx_er_api_field_t  ngx_er_api_groups_row[] = {
    NGX_ER_API_ROUTE_FIELDS,
    { "routes", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how many are in it; the name and the place are those of the first" },
    { "matched", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how many events they matched, each by itself" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_groups_group = {
    "RouteGroup", "Routes with the same sources and targets",
    ngx_er_api_groups_row
};


static ngx_er_api_field_t  ngx_er_api_groups_fields[] = {
    { "now", NGX_ER_API_TIME, 1, NULL, NULL, "when this was so" },
    { "nroutes", NGX_ER_API_NUMBER, 1, NULL, NULL, "how many there are" },
    { "ngroups", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "in how many groups they are" },
    { "groups", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_groups_group,
      "those that matched most, the most first" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_groups_answer_schema = {
    "RouteGroups", "Groups of routes", ngx_er_api_groups_fields
};


ngx_er_api_endpoint_t  ngx_er_api_routes[] = {

    { "routes", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "Routes, and how often they matched", ngx_er_api_routes_args, NULL,
      &ngx_er_api_routes_answer_schema, ngx_er_api_routes_handler },

    { "groups", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "Routes with the same sources and targets, together",
      ngx_er_api_groups_args, NULL, &ngx_er_api_groups_answer_schema,
      ngx_er_api_groups_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_routes_handler(ngx_er_api_t *api)
{
    ngx_int_t            rc;
    ngx_er_api_routes_t  page;

    if (ngx_er_api_routes_begin(api, &page, &rc) != NGX_OK) {
        return rc;
    }

    ngx_er_api_routes_choose(api->mcf, &page);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: %ui routes of %ui, more:%ui", page.n,
                   api->mcf->routes.nelts, page.more);

    return ngx_er_api_routes_answer(api, &page);
}


/* NGX_DECLINED: the handler returns *rc */

static ngx_int_t
ngx_er_api_routes_begin(ngx_er_api_t *api, ngx_er_api_routes_t *page,
    ngx_int_t *rc)
{
    ngx_str_t         sort;
    ngx_er_source_t  *source;
    ngx_er_target_t  *target;

    ngx_memzero(page, sizeof(ngx_er_api_routes_t));

    if (ngx_er_api_target(api, &target, rc) != NGX_OK
        || ngx_er_api_source(api, &source, rc) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    (void) ngx_er_api_arg(api, "source", &page->source);
    (void) ngx_er_api_arg(api, "target", &page->target);
    (void) ngx_er_api_arg(api, "text", &page->text);

    page->order = ngx_er_api_routes_by_conf;

    if (ngx_er_api_arg(api, "sort", &sort)) {
        page->sort = (sort.data[0] == 'n') ? NGX_ER_API_ROUTES_NAME
                                           : NGX_ER_API_ROUTES_MATCHED;
        page->order = (sort.data[0] == 'n') ? ngx_er_api_routes_by_name
                                            : ngx_er_api_routes_by_matched;
    }

    if (ngx_er_api_routes_after(api, page) != NGX_OK) {
        *rc = ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                 page->sort == NGX_ER_API_ROUTES_MATCHED
                                 ? "after= does not go with sort=matched, "
                                 "whose order is another in a moment: raise "
                                 "limit="
                                 : "after= takes the \"next\" of the page "
                                 "before");
        return NGX_DECLINED;
    }

    page->limit = ngx_er_api_number(api, "limit", NGX_ER_API_PAGE);

    page->items = ngx_palloc(api->request->pool,
                             page->limit * sizeof(ngx_er_api_routes_item_t));
    if (page->items == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_api_routes_after(ngx_er_api_t *api, ngx_er_api_routes_t *page)
{
    ngx_int_t         n;
    ngx_str_t         after;
    ngx_er_route_t  **route;

    if (!ngx_er_api_arg(api, "after", &after)) {
        return NGX_OK;
    }

    n = ngx_atoi(after.data, after.len);

    if (n == NGX_ERROR || (ngx_uint_t) n >= api->mcf->routes.nelts
        || page->sort == NGX_ER_API_ROUTES_MATCHED)
    {
        return NGX_ERROR;
    }

    route = api->mcf->routes.elts;
    page->after = route[n];

    return NGX_OK;
}


static void
ngx_er_api_routes_choose(ngx_er_main_conf_t *mcf, ngx_er_api_routes_t *page)
{
    ngx_uint_t                 i;
    ngx_er_route_t           **route;
    ngx_er_api_routes_item_t   item, after;

    route = mcf->routes.elts;
    after.route = page->after;
    after.matched = 0;

    for (i = 0; i < mcf->routes.nelts; i++) {
        item.route = route[i];
        item.matched = *route[i]->matched;

        if ((page->after && page->order(&item, &after) <= 0)
            || !ngx_er_api_routes_is(page, route[i]))
        {
            continue;
        }

        if (page->sort == NGX_ER_API_ROUTES_CONF && page->n == page->limit) {
            page->more = 1;
            break;
        }

        page->found++;

        ngx_er_api_routes_take(page, &item);
    }

    ngx_qsort(page->items, page->n, sizeof(ngx_er_api_routes_item_t),
              page->order);
}


static ngx_uint_t
ngx_er_api_routes_is(ngx_er_api_routes_t *page, ngx_er_route_t *route)
{
    if (page->text.len
        && (page->text.len > route->name.len
            || ngx_strlcasestrn(route->name.data,
                                route->name.data + route->name.len,
                                page->text.data, page->text.len - 1)
               == NULL))
    {
        return 0;
    }

    return ngx_er_api_route_wanted(route, &page->source, &page->target);
}


/* the worst one of the page is the first */

static void
ngx_er_api_routes_take(ngx_er_api_routes_t *page,
    ngx_er_api_routes_item_t *item)
{
    if (page->n < page->limit) {
        page->items[page->n++] = *item;
        ngx_er_api_routes_up(page);
        return;
    }

    page->more = 1;

    if (page->order(item, &page->items[0]) < 0) {
        page->items[0] = *item;
        ngx_er_api_routes_down(page);
    }
}


static void
ngx_er_api_routes_up(ngx_er_api_routes_t *page)
{
    ngx_uint_t                 i, above;
    ngx_er_api_routes_item_t  *items, item;

    items = page->items;

    for (i = page->n - 1; i; i = above) {
        above = (i - 1) / 2;

        if (page->order(&items[i], &items[above]) <= 0) {
            return;
        }

        item = items[i];
        items[i] = items[above];
        items[above] = item;
    }
}


static void
ngx_er_api_routes_down(ngx_er_api_routes_t *page)
{
    ngx_uint_t                 i, below;
    ngx_er_api_routes_item_t  *items, item;

    items = page->items;

    for (i = 0; (below = 2 * i + 1) < page->n; i = below) {

        if (below + 1 < page->n
            && page->order(&items[below + 1], &items[below]) > 0)
        {
            below++;
        }

        if (page->order(&items[below], &items[i]) <= 0) {
            return;
        }

        item = items[i];
        items[i] = items[below];
        items[below] = item;
    }
}


static int ngx_cdecl
ngx_er_api_routes_by_conf(const void *one, const void *two)
{
    const ngx_er_api_routes_item_t  *a, *b;

    a = one;
    b = two;

    return (a->route->index > b->route->index)
           - (a->route->index < b->route->index);
}


static int ngx_cdecl
ngx_er_api_routes_by_name(const void *one, const void *two)
{
    ngx_int_t                        rc;
    const ngx_er_api_routes_item_t  *a, *b;

    a = one;
    b = two;

    rc = ngx_memn2cmp(a->route->name.data, b->route->name.data,
                      a->route->name.len, b->route->name.len);

    return rc ? (int) rc : ngx_er_api_routes_by_conf(one, two);
}


static int ngx_cdecl
ngx_er_api_routes_by_matched(const void *one, const void *two)
{
    const ngx_er_api_routes_item_t  *a, *b;

    a = one;
    b = two;

    if (a->matched != b->matched) {
        return (a->matched < b->matched) ? 1 : -1;
    }

    return ngx_er_api_routes_by_conf(one, two);
}


static ngx_int_t
ngx_er_api_routes_answer(ngx_er_api_t *api, ngx_er_api_routes_t *page)
{
    u_char         buf[NGX_INT64_LEN];
    ngx_str_t      next;
    ngx_uint_t     i;
    ngx_er_json_t  json;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_ROUTES_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_when(&json, "now", ngx_er_queue_now());
    ngx_er_json_number(&json, "nroutes", api->mcf->routes.nelts);

    if (page->sort != NGX_ER_API_ROUTES_CONF && page->after == NULL) {
        ngx_er_json_number(&json, "nfound", page->found);
    }

    ngx_er_json_open(&json, "routes", "[");

    for (i = 0; i < page->n; i++) {
        ngx_er_json_open(&json, NULL, "{");
        ngx_er_api_route_json(&json, page->items[i].route);
        ngx_er_json_number(&json, "matched", page->items[i].matched);
        ngx_er_json_close(&json, "}");
    }

    ngx_er_json_close(&json, "]");

    if (page->more && page->sort != NGX_ER_API_ROUTES_MATCHED) {
        next.data = buf;
        next.len = ngx_sprintf(buf, "%uD", page->items[page->n - 1]
                                                .route->index)
                   - buf;

        ngx_er_json_text(&json, "next", &next, 0);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static ngx_int_t
ngx_er_api_groups_handler(ngx_er_api_t *api)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_er_groups_t           *groups;
    ngx_er_api_routes_t        page;
    ngx_er_api_routes_item_t   item;

    if (ngx_er_api_routes_begin(api, &page, &rc) != NGX_OK) {
        return rc;
    }

    groups = ngx_er_groups_get(api->mcf, api->request->connection->log);
    if (groups == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_er_groups_sum(groups);

    page.sort = NGX_ER_API_ROUTES_MATCHED;
    page.order = ngx_er_api_routes_by_matched;

    for (i = 0; i < groups->nelts; i++) {
        item.route = groups->elts[i].first;
        item.matched = groups->elts[i].matched;

        if (ngx_er_api_routes_is(&page, item.route)) {
            ngx_er_api_routes_take(&page, &item);
        }
    }

    ngx_qsort(page.items, page.n, sizeof(ngx_er_api_routes_item_t),
              page.order);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: %ui groups of %ui", page.n,
                   groups->nelts);

    return ngx_er_api_groups_answer(api, &page, groups);
}


static ngx_int_t
ngx_er_api_groups_answer(ngx_er_api_t *api, ngx_er_api_routes_t *page,
    ngx_er_groups_t *groups)
{
    uint32_t         of;
    ngx_uint_t       i;
    ngx_er_json_t    json;
    ngx_er_route_t  *first;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_ROUTES_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_when(&json, "now", ngx_er_queue_now());
    ngx_er_json_number(&json, "nroutes", api->mcf->routes.nelts);
    ngx_er_json_number(&json, "ngroups", groups->nelts);
    ngx_er_json_open(&json, "groups", "[");

    for (i = 0; i < page->n; i++) {
        first = page->items[i].route;
        of = groups->of[first->index];

        ngx_er_json_open(&json, NULL, "{");
        ngx_er_api_route_json(&json, first);
        ngx_er_json_number(&json, "routes", groups->elts[of].routes);
        ngx_er_json_number(&json, "matched", page->items[i].matched);
        ngx_er_json_close(&json, "}");
    }

    ngx_er_json_close(&json, "]");
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


ngx_uint_t
ngx_er_api_route_wanted(ngx_er_route_t *route, ngx_str_t *source,
    ngx_str_t *target)
{
    ngx_str_t   *own;
    ngx_uint_t   i;

    if (source->len && !ngx_er_api_route_from(route, source)) {
        return 0;
    }

    if (target->len == 0) {
        return 1;
    }

    for (i = 0; i < route->targets.nelts; i++) {
        own = &route->targets.elts[i]->name;

        if (own->len == target->len
            && ngx_strncmp(own->data, target->data, own->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* "*" is all but that of the router's own events */

static ngx_uint_t
ngx_er_api_route_from(ngx_er_route_t *route, ngx_str_t *name)
{
    ngx_str_t   *from;
    ngx_uint_t   i;

    from = route->from.elts;

    for (i = 0; i < route->from.nelts; i++) {

        if ((from[i].len == 1 && from[i].data[0] == '*'
             && !ngx_er_source_router(name))
            || (from[i].len == name->len
                && ngx_strncmp(from[i].data, name->data, name->len) == 0))
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_er_api_route_json(ngx_er_json_t *json, ngx_er_route_t *route)
{
    ngx_uint_t  i;

    ngx_er_json_text(json, "name", &route->name, 0);
    ngx_er_api_where_json(json, &route->where);

    ngx_er_json_open(json, "from", "[");

    for (i = 0; i < route->from.nelts; i++) {
        ngx_er_json_text(json, NULL, &route->from.elts[i], 0);
    }

    ngx_er_json_close(json, "]");
    ngx_er_json_open(json, "to", "[");

    for (i = 0; i < route->targets.nelts; i++) {
        ngx_er_json_text(json, NULL, &route->targets.elts[i]->name, 0);
    }

    ngx_er_json_close(json, "]");
}


void
ngx_er_api_where_json(ngx_er_json_t *json, ngx_er_where_t *where)
{
    if (where->file.len) {
        ngx_er_api_text(json, "file", &where->file);
        ngx_er_json_number(json, "line", where->line);
    }
}
