
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_route NAME { ... }": what goes where, and which routes an event has.
 *
 * module.c names ngx_er_route_block() for the block.  Its lines are conditions
 * (when, pattern, filter, sample) or blocks of them (any, all, none, each),
 * names of sources and targets, and words that say how it stands beside other
 * routes.  A condition is compiled where it stands (condition.c, sample.c, in
 * pattern/) and put into the innermost block, with its text and place for
 * whoever explains it later.  While a block is read it is the parser's
 * innermost one, afterwards that around it is again.  Names of files begin at
 * the folder of nginx.conf.  What is wrong is logged with file and line, and
 * what is wrong in another file with its name, line and path.  Sources and
 * targets are looked up after all was read (route_bind.c).
 *
 * While a block is read cf->pool is the draft's (draft.c): what stays of it is
 * copied.  Routes and their conditions are in the configuration's pool and
 * belong to the main configuration; nothing changes them afterwards.
 *
 * For an event, turns.c and explain.c call ngx_er_route_select(): it asks the
 * matcher of the event's source and notes the answer in the event, where
 * deliveries, receipts and variables find it.  What may fail is memory, and
 * the time that the rules of an event may take: then no route is noted, since
 * to leave out those that were not asked would lose the event for them.
 */


#include "route.h"
#include "budget.h"
#include "draft.h"
#include "lines.h"
#include "lookup.h"
#include "pattern/filter.h"
#include "pattern/pattern_eval.h"
#include "sample.h"
#include "../ingest/event.h"


/* what may stand in blocks of conditions, too */

#define NGX_ER_ROUTE_LINE    (NGX_ER_BLOCK_REPEAT|NGX_ER_BLOCK_INNER)
#define NGX_ER_ROUTE_LINES   (NGX_ER_ROUTE_LINE|NGX_ER_BLOCK_OPEN)


/* where in an event_route the parser is */

typedef struct {
    ngx_er_draft_t         draft;
    ngx_er_lines_t         lines;
} ngx_er_route_parser_t;


/* compiles a line that is a whole condition by itself, by the words of its
   directive in cf->args; NULL with a sentence in err */

typedef ngx_er_condition_t *(*ngx_er_route_line_pt)(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);


static ngx_er_route_t *ngx_er_route_create(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_str_t *name);
static char *ngx_er_route_read(ngx_conf_t *cf, ngx_er_route_parser_t *parser);
static ngx_int_t ngx_er_route_complete(ngx_conf_t *cf,
    ngx_er_draft_t *draft);
static char *ngx_er_route_from(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_route_to(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_int_t ngx_er_route_target(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *name);
static ngx_int_t ngx_er_route_element(ngx_conf_t *cf, void *data,
    ngx_str_t *text);
static char *ngx_er_route_twice(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_er_route_flag(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_route_when(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_route_line(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_er_condition_t *ngx_er_route_pattern(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static ngx_er_condition_t *ngx_er_route_filter(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static ngx_er_condition_t *ngx_er_route_sample(ngx_conf_t *cf,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static ngx_er_tree_t *ngx_er_route_document(ngx_conf_t *cf, ngx_pool_t *pool,
    ngx_str_t *name, ngx_er_error_t *err);
static void ngx_er_route_error(ngx_conf_t *cf, ngx_er_error_t *err);
static char *ngx_er_route_lines(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static void ngx_er_route_undecided(ngx_er_event_t *event,
    ngx_array_t *matched);
static ngx_int_t ngx_er_route_join(ngx_er_event_t *event);


/* "tag" is the flag's offset, the kind of the block, or which line it is */

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


/* when an undecided event was told */

static time_t  ngx_er_route_told;


char *
ngx_er_route_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    char                   *rv;
    ngx_str_t              *value;
    ngx_er_route_t         *route;
    ngx_er_route_parser_t   parser;

    ngx_memzero(&parser, sizeof(ngx_er_route_parser_t));

    value = cf->args->elts;

    route = ngx_er_route_create(cf, mcf, &value[1]);
    if (route == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_draft_begin(cf, mcf, route, &parser.draft) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_er_lines_init(&parser.lines, mcf, "when", &route->where.file);

    parser.lines.element = ngx_er_route_element;
    parser.lines.data = &parser.draft;

    rv = ngx_er_route_read(cf, &parser);

    ngx_er_draft_end(cf, &parser.draft);

    return rv;
}


static char *
ngx_er_route_read(ngx_conf_t *cf, ngx_er_route_parser_t *parser)
{
    char            *rv;
    ngx_er_block_t   block;
    ngx_er_route_t  *route;

    route = parser->draft.route;

    ngx_er_block_init(&block, "event_route", &route->name, ngx_er_route_rows,
                      parser);

    block.values = ngx_er_route_values;
    block.base = route;

    rv = ngx_er_block_parse(cf, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_er_route_complete(cf, &parser->draft) != NGX_OK
        || ngx_er_draft_keep(&parser->draft, parser->lines.block) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_er_route_t *
ngx_er_route_create(ngx_conf_t *cf, ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_int_t        rc;
    ngx_er_route_t  *route, **slot;

    if (ngx_er_name_check(cf, "event_route", name) != NGX_OK) {
        return NULL;
    }

    rc = ngx_er_draft_name(cf, mcf, name, &route);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate event_route \"%V\", the first is in "
                           "%V:%ui: give this one another name", name,
                           &route->where.file, route->where.line);
        return NULL;
    }

    if (rc != NGX_OK) {
        return NULL;
    }

    route = ngx_pcalloc(cf->pool, sizeof(ngx_er_route_t));
    if (route == NULL) {
        return NULL;
    }

    route->name = *name;
    ngx_er_where_set(cf, &route->where);

    slot = ngx_array_push(&mcf->routes);
    if (slot == NULL) {
        return NULL;
    }

    *slot = route;

    return route;
}


static ngx_int_t
ngx_er_route_complete(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_route_t  *route;

    route = draft->route;

    if (draft->from.nelts == 0) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                         "event_route \"%V\" has no \"from\": name its "
                         "sources, or write \"from *;\" for all of them",
                         &route->name);
        return NGX_ERROR;
    }

    if (draft->to.nelts == 0) {
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

    ngx_str_t    *value, *name;
    ngx_uint_t    i, k;
    ngx_array_t  *from;

    from = &parser->draft.from;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (i > 1 && ngx_strcmp(value[i].data, "to") == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"to\" in \"from\" begins a line of its own: "
                               "write \"from SOURCE;\" and \"to TARGET;\"");
            return NGX_CONF_ERROR;
        }

        if (!(value[i].len == 1 && value[i].data[0] == '*')
            && ngx_er_name_check(cf, "event_source", &value[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        name = from->elts;

        for (k = 0; k < from->nelts; k++) {
            if (name[k].len == value[i].len
                && ngx_memcmp(name[k].data, value[i].data, name[k].len) == 0)
            {
                return ngx_er_route_twice(cf, &value[i]);
            }
        }

        name = ngx_array_push(from);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    name = from->elts;

    for (i = 0; i < from->nelts && from->nelts > 1; i++) {
        if (name[i].data[0] == '*') {
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
            || ngx_er_route_target(cf, &parser->draft, &value[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* of a name that nobody used so far the target is made here */

static ngx_int_t
ngx_er_route_target(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *name)
{
    ngx_str_t         kept;
    ngx_uint_t        i;
    ngx_pool_t       *pool;
    ngx_er_where_t    where;
    ngx_er_target_t  *target, **slot;

    target = ngx_er_target_find(draft->mcf, name);

    if (target == NULL) {
        kept = *name;

        if (ngx_er_draft_text(draft, &kept) != NGX_OK
            || ngx_er_draft_where(cf, draft, &where) != NGX_OK)
        {
            return NGX_ERROR;
        }

        pool = cf->pool;
        cf->pool = draft->pool;

        target = ngx_er_target_get(cf, draft->mcf, &kept);

        cf->pool = pool;

        if (target == NULL) {
            return NGX_ERROR;
        }

        target->where = where;
    }

    slot = draft->to.elts;

    for (i = 0; i < draft->to.nelts; i++) {
        if (slot[i] == target) {
            (void) ngx_er_route_twice(cf, name);
            return NGX_ERROR;
        }
    }

    slot = ngx_array_push(&draft->to);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = target;

    return NGX_OK;
}


static char *
ngx_er_route_twice(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is named twice in one event_route", name);

    return NGX_CONF_ERROR;
}


static char *
ngx_er_route_flag(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    *((u_char *) parser->draft.route + row->tag) = 1;

    return NGX_CONF_OK;
}


static char *
ngx_er_route_when(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    return ngx_er_lines_test(cf, &parser->lines);
}


static char *
ngx_er_route_lines(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    return ngx_er_lines_block(cf, &parser->lines, row);
}


/* the first one is kept: whether the sources are split is not known yet */

static ngx_int_t
ngx_er_route_element(ngx_conf_t *cf, void *data, ngx_str_t *text)
{
    ngx_er_draft_t *draft = data;

    ngx_er_route_element_t  *element;

    if (draft->route->element) {
        return NGX_OK;
    }

    element = ngx_palloc(draft->pool, sizeof(ngx_er_route_element_t));
    if (element == NULL) {
        return NGX_ERROR;
    }

    element->text = *text;
    draft->route->element = element;

    if (ngx_er_draft_text(draft, &element->text) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_draft_where(cf, draft, &element->where);
}


/* pattern, filter, sample: row->tag says which */

static char *
ngx_er_route_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_er_error_t       err;
    ngx_er_condition_t  *condition;

    static ngx_er_route_line_pt  lines[] = {
        ngx_er_route_pattern, ngx_er_route_filter, ngx_er_route_sample
    };

    condition = lines[row->tag](cf, parser->draft.mcf->fields, &err);

    return ngx_er_lines_take(cf, &parser->lines, condition, &err);
}


static ngx_er_condition_t *
ngx_er_route_pattern(ngx_conf_t *cf, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t              *value;
    ngx_er_tree_t          *json;
    ngx_er_pattern_t       *pattern;
    ngx_er_condition_t     *condition;
    ngx_er_pattern_root_e   root;

    value = cf->args->elts;

    if (cf->args->nelts < 2 || cf->args->nelts > 3
        || (cf->args->nelts == 3 && !ngx_er_tree_is(&value[2], "root=data")))
    {
        ngx_er_error(err, "write \"pattern FILE;\" for an event pattern about "
                     "the CloudEvent, or \"pattern FILE root=data;\" for one "
                     "about the body alone");
        return NULL;
    }

    root = (cf->args->nelts == 3) ? NGX_ER_PATTERN_BODY
                                  : NGX_ER_PATTERN_EVENT;

    json = ngx_er_route_document(cf, fields->pool, &value[1], err);
    if (json == NULL) {
        return NULL;
    }

    pattern = ngx_er_pattern_compile(fields->pool, json, root, fields, err);
    if (pattern == NULL) {
        ngx_er_route_error(cf, err);
        return NULL;
    }

    condition = ngx_er_condition_whole(cf->pool, NGX_ER_CONDITION_PATTERN,
                                       ngx_er_pattern_holds,
                                       ngx_er_pattern_accesses, pattern);
    if (condition == NULL) {
        ngx_er_error(err, "no memory for an event pattern");
    }

    return condition;
}


static ngx_er_condition_t *
ngx_er_route_filter(ngx_conf_t *cf, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t           *value;
    ngx_er_tree_t       *json;
    ngx_er_condition_t  *condition;

    value = cf->args->elts;

    if (cf->args->nelts != 2) {
        ngx_er_error(err, "write \"filter FILE;\", with a CloudEvents filter "
                     "in the file");
        return NULL;
    }

    json = ngx_er_route_document(cf, cf->pool, &value[1], err);
    if (json == NULL) {
        return NULL;
    }

    condition = ngx_er_filter_compile(cf->pool, json, fields, err);
    if (condition == NULL) {
        ngx_er_route_error(cf, err);
    }

    return condition;
}


static ngx_er_condition_t *
ngx_er_route_sample(ngx_conf_t *cf, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t           *value, name, *by;
    ngx_er_sample_t     *sample;
    ngx_er_condition_t  *condition;

    value = cf->args->elts;
    by = NULL;

    if (cf->args->nelts == 3 && value[2].len > 3
        && ngx_strncmp(value[2].data, "by=", 3) == 0)
    {
        name = value[2];
        name.data += 3;
        name.len -= 3;
        by = &name;
    }

    if (cf->args->nelts < 2 || cf->args->nelts > (by ? 3 : 2)) {
        ngx_er_error(err, "write \"sample 10%%;\" for a share by the event's "
                     "id, or \"sample 10%% by=FIELD;\" for one by another "
                     "field");
        return NULL;
    }

    sample = ngx_er_sample_compile(fields->pool, &value[1], by, fields, err);
    if (sample == NULL) {
        return NULL;
    }

    condition = ngx_er_condition_whole(cf->pool, NGX_ER_CONDITION_SAMPLE,
                                       ngx_er_sample_holds, NULL, sample);
    if (condition == NULL) {
        ngx_er_error(err, "no memory for a sample");
    }

    return condition;
}


static ngx_er_tree_t *
ngx_er_route_document(ngx_conf_t *cf, ngx_pool_t *pool, ngx_str_t *name,
    ngx_er_error_t *err)
{
    ngx_er_tree_t  *json;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        ngx_er_error(err, "no memory for the name of a file");
        return NULL;
    }

    json = ngx_er_document_read(pool, name, err);
    if (json == NULL) {
        ngx_er_route_error(cf, err);
    }

    return json;
}


/* the file's name in front of what is wrong with it */

static void
ngx_er_route_error(ngx_conf_t *cf, ngx_er_error_t *err)
{
    ngx_str_t       *value;
    ngx_er_error_t   what;

    value = cf->args->elts;
    what = *err;

    ngx_er_error(err, "%V \"%V\", %*s", &value[0], &value[1], what.len,
                 what.text);
}


ngx_int_t
ngx_er_route_select(ngx_er_event_t *event)
{
    ngx_int_t         rc;
    ngx_uint_t        i, *id;
    ngx_array_t       matched;
    ngx_er_route_t  **route, **routes;

    if (ngx_array_init(&matched, event->pool, 4, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_matcher_match(event->source->matcher, event->facts, &matched);

    if (rc == NGX_DECLINED) {
        ngx_er_route_undecided(event, &matched);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    id = matched.elts;
    routes = event->source->routes.elts;

    for (i = 0; i < matched.nelts; i++) {
        route = ngx_array_push(&event->routes);
        if (route == NULL) {
            return NGX_ERROR;
        }

        *route = routes[id[i]];
    }

    if (ngx_er_route_join(event) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_debug5(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router select: event \"%V\" of \"%V\" matched %ui "
                   "of %ui routes: \"%V\"", &event->id, &event->source->name,
                   (ngx_uint_t) matched.nelts,
                   (ngx_uint_t) event->source->routes.nelts,
                   &event->route_names);

    return NGX_OK;
}


/* once a second: whoever sends one such event can send many */

static void
ngx_er_route_undecided(ngx_er_event_t *event, ngx_array_t *matched)
{
    ngx_uint_t       *id;
    ngx_er_route_t  **routes;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router select: event \"%V\" is undecided, looked "
                   "up:%d", &event->id, matched->nelts != 0);

    if (ngx_er_route_told == ngx_time()) {
        return;
    }

    ngx_er_route_told = ngx_time();

    id = matched->elts;
    routes = event->source->routes.elts;

    if (matched->nelts == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "event \"%V\" from source \"%V\" answered 503: to look "
                      "up its routes took more than %d ms of CPU",
                      &event->id, &event->source->name, NGX_ER_BUDGET_TIME);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "event \"%V\" from source \"%V\" answered 503: its rules "
                  "took more than %d ms of CPU at event_route \"%V\" in "
                  "%V:%ui: make the regular expressions there simpler, or "
                  "let other conditions stand before them",
                  &event->id, &event->source->name, NGX_ER_BUDGET_TIME,
                  &routes[*id]->name, &routes[*id]->where.file,
                  routes[*id]->where.line);
}


/* "a,b" */

static ngx_int_t
ngx_er_route_join(ngx_er_event_t *event)
{
    size_t            len;
    u_char           *p;
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    if (event->routes.nelts == 0) {
        return NGX_OK;
    }

    len = 0;
    route = event->routes.elts;

    for (i = 0; i < event->routes.nelts; i++) {
        len += route[i]->name.len + 1;
    }

    p = ngx_pnalloc(event->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->route_names.data = p;
    event->route_names.len = len - 1;

    for (i = 0; i < event->routes.nelts; i++) {
        p = ngx_cpymem(p, route[i]->name.data, route[i]->name.len);
        *p++ = ',';
    }

    return NGX_OK;
}
