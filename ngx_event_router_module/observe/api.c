
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The frame of the API: finds the endpoint of a request in the tables, asks
 * the gate, checks the arguments against the rows of the endpoint and calls
 * its handler; and what handlers have in common.  admin.c has the location and
 * calls in here, with the tables of api_table.c.
 *
 * What is wrong with a request is said in a problem that names what there is:
 * its sentences are made of the tables, so no byte of the request is in it.
 * Nothing is ignored: an argument that should narrow a purge and is misspelt
 * would purge too much.
 *
 * A request is an ngx_er_api_t in a pool of its own.  The request owns it
 * until somebody holds it; then whoever of the two is over last frees it.
 * Acts go on when their request has gone.  What may fail is memory.
 */


#include "api.h"
#include "gate.h"
#include "when.h"
#include "../ingest/attributes.h"
#include "../ingest/reply.h"
#include "../ingest/source.h"


#define NGX_ER_API_POOL    1024
#define NGX_ER_API_VALUE   1024        /* bytes of an argument */
#define NGX_ER_API_DETAIL  2048        /* bytes of a sentence */
#define NGX_ER_API_NAME    32          /* bytes of a name that is shown */


static ngx_er_api_t *ngx_er_api_create(ngx_http_request_t *r,
    ngx_er_api_endpoint_t **tables);
static void ngx_er_api_gone(ngx_er_errand_t *errand);
static ngx_int_t ngx_er_api_begin(ngx_er_api_t *api, ngx_str_t *path,
    ngx_uint_t methods);
static ngx_er_api_endpoint_t *ngx_er_api_find(ngx_er_api_endpoint_t **tables,
    ngx_str_t *path, ngx_uint_t method, ngx_uint_t *methods);
static ngx_uint_t ngx_er_api_match(const char *row, ngx_str_t *path,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_er_api_nowhere(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_not_allowed(ngx_er_api_t *api,
    ngx_uint_t methods);
static const char *ngx_er_api_args(ngx_er_api_t *api, ngx_str_t *path);
static const char *ngx_er_api_take(ngx_er_api_t *api, ngx_str_t *name,
    ngx_str_t *value, ngx_uint_t inside);
static const char *ngx_er_api_check(ngx_er_api_t *api, ngx_er_api_arg_t *arg,
    ngx_str_t *value);
static ngx_uint_t ngx_er_api_word(const char *words, ngx_str_t *value);
static ngx_uint_t ngx_er_api_range(const char *words, ngx_str_t *value);
static const char *ngx_er_api_takes(ngx_er_api_t *api, ngx_er_api_arg_t *arg);
static const char *ngx_er_api_argument(ngx_er_api_t *api, const char *name,
    const char *what);
static const char *ngx_er_api_strange(ngx_er_api_t *api, ngx_str_t *name);
static ngx_str_t ngx_er_api_shown(ngx_str_t *name);
static ngx_str_t *ngx_er_api_value(ngx_er_api_t *api, const char *name);
static void ngx_er_api_ended(ngx_er_queue_op_t *op);


/* the name of the location may have a v1/ of its own, which is not ours; of a
   regular expression nobody knows: there the last one counts */

ngx_int_t
ngx_er_api_path(ngx_http_request_t *r, ngx_str_t *path)
{
    u_char                    *p, *first, *last;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    first = r->uri.data;
    last = first + r->uri.len;

#if (NGX_PCRE)
    if (clcf->regex == NULL)
#endif
    {
        if (clcf->name.len && clcf->name.len <= r->uri.len
            && ngx_strncmp(first, clcf->name.data, clcf->name.len) == 0)
        {
            first += clcf->name.len - (first[clcf->name.len - 1] == '/');
        }
    }

    for (p = last - 3; p >= first; p--) {
        if (p[0] == '/' && p[1] == 'v' && p[2] == '1'
            && (p + 3 == last || p[3] == '/'))
        {
            path->data = ngx_min(p + 4, last);
            path->len = last - path->data;

            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "event router api: path \"%V\"", path);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_er_api_known(ngx_er_api_endpoint_t **tables, ngx_str_t *path)
{
    ngx_uint_t  methods;

    (void) ngx_er_api_find(tables, path, 0, &methods);

    return methods != 0;
}


ngx_int_t
ngx_er_api(ngx_http_request_t *r, ngx_er_api_endpoint_t **tables,
    ngx_str_t *path)
{
    ngx_int_t      rc;
    ngx_uint_t     methods;
    const char    *why;
    ngx_er_api_t  *api;

    api = ngx_er_api_create(r, tables);
    if (api == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->endpoint = ngx_er_api_find(tables, path, r->method, &methods);

    /* a body that a handler reads is the handler's */

    rc = (api->endpoint && api->endpoint->body)
         ? NGX_OK : ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router api: %V \"%V\", endpoint:%s methods:%xi",
                   &r->method_name, path,
                   api->endpoint ? api->endpoint->path : "", methods);

    if (methods == 0) {
        return ngx_er_api_nowhere(api);
    }

    why = ngx_er_gate_refused(r, api->lcf->gate,
                              api->endpoint ? api->endpoint->role
                                            : NGX_ER_ROLE_LOOK,
                              api->endpoint && r->method == NGX_HTTP_POST,
                              &api->who);

    if (why) {
        return ngx_er_api_problem(api, NGX_HTTP_FORBIDDEN, why);
    }

    return ngx_er_api_begin(api, path, methods);
}


static ngx_er_api_t *
ngx_er_api_create(ngx_http_request_t *r, ngx_er_api_endpoint_t **tables)
{
    ngx_pool_t    *pool;
    ngx_er_api_t  *api;

    pool = ngx_create_pool(NGX_ER_API_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    api = ngx_pcalloc(pool, sizeof(ngx_er_api_t));

    if (api == NULL || ngx_er_errand_begin(&api->errand, r) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    api->errand.gone = ngx_er_api_gone;
    api->request = r;
    api->pool = pool;
    api->tables = tables;
    api->mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);
    api->lcf = ngx_http_get_module_loc_conf(r, ngx_http_event_router_module);

    return api;
}


static void
ngx_er_api_gone(ngx_er_errand_t *errand)
{
    ngx_er_api_t *api = (ngx_er_api_t *) errand;

    api->request = NULL;

    if (!api->held) {
        ngx_destroy_pool(api->pool);
    }
}


/* the client may ask: does it ask well? */

static ngx_int_t
ngx_er_api_begin(ngx_er_api_t *api, ngx_str_t *path, ngx_uint_t methods)
{
    const char    *why;
    ngx_er_who_t   who;

    if (api->endpoint == NULL) {
        return ngx_er_api_not_allowed(api, methods);
    }

    who = api->who;

    if (ngx_er_who_copy(api->pool, &who, &api->who) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if ((api->endpoint->flags & NGX_ER_API_QUEUE)
        && (api->mcf->queue == NULL || !api->mcf->queue->open))
    {
        return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                  "there is no event_store with a queue");
    }

    why = ngx_er_api_args(api, path);

    if (why) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, why);
    }

    return api->endpoint->handler(api);
}


/* *methods: those of all endpoints of this path */

static ngx_er_api_endpoint_t *
ngx_er_api_find(ngx_er_api_endpoint_t **tables, ngx_str_t *path,
    ngx_uint_t method, ngx_uint_t *methods)
{
    ngx_str_t               name, value;
    ngx_er_api_endpoint_t  *row, *found;

    found = NULL;
    *methods = 0;

    if (method == NGX_HTTP_HEAD) {
        method = NGX_HTTP_GET;
    }

    for ( /* void */ ; *tables; tables++) {
        for (row = *tables; row->path; row++) {

            if (!ngx_er_api_match(row->path, path, &name, &value)) {
                continue;
            }

            *methods |= row->method;

            if (found == NULL && row->method == method) {
                found = row;
            }
        }
    }

    return found;
}


/* name: what stands in braces, and its value; else it is empty */

static ngx_uint_t
ngx_er_api_match(const char *row, ngx_str_t *path, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char      *p, *last;
    const char  *brace;

    brace = strchr(row, '{');
    p = path->data;
    last = p + path->len;

    ngx_str_null(name);

    if (brace == NULL) {
        return path->len == ngx_strlen(row)
               && ngx_strncmp(p, row, path->len) == 0;
    }

    if (path->len <= (size_t) (brace - row)
        || ngx_strncmp(p, row, brace - row) != 0)
    {
        return 0;
    }

    name->data = (u_char *) brace + 1;
    name->len = strchr(brace, '}') - brace - 1;

    value->data = p + (brace - row);

    for (p = value->data; p < last && *p != '/'; p++) { /* void */ }

    value->len = p - value->data;
    brace += name->len + 2;

    return value->len && (size_t) (last - p) == ngx_strlen(brace)
           && ngx_strncmp(p, brace, last - p) == 0;
}


static ngx_int_t
ngx_er_api_nowhere(ngx_er_api_t *api)
{
    u_char                 *p, *last, *text;
    const char             *before;
    ngx_er_api_endpoint_t  *row, **tables;

    text = ngx_pnalloc(api->request->pool, NGX_ER_API_DETAIL);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = text + NGX_ER_API_DETAIL - 1;
    p = ngx_snprintf(text, last - text, "there are, below v1/:");
    before = "";

    for (tables = api->tables; *tables; tables++) {
        for (row = *tables; row->path; row++) {

            if (ngx_strcmp(row->path, before) != 0) {
                p = ngx_snprintf(p, last - p, "%s %s", *before ? "," : "",
                                 row->path);
                before = row->path;
            }
        }
    }

    *p = '\0';

    return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND, (char *) text);
}


static ngx_int_t
ngx_er_api_not_allowed(ngx_er_api_t *api, ngx_uint_t methods)
{
    ngx_er_header_t  allow;

    ngx_str_set(&allow.name, "Allow");

    if (methods == NGX_HTTP_POST) {
        ngx_str_set(&allow.value, "POST");
        return ngx_er_reply_problem(api->request, NGX_HTTP_NOT_ALLOWED,
                                    "this changes something: use POST",
                                    &allow);
    }

    if (methods == NGX_HTTP_GET) {
        ngx_str_set(&allow.value, "GET, HEAD");
        return ngx_er_reply_problem(api->request, NGX_HTTP_NOT_ALLOWED,
                                    "this is read with GET", &allow);
    }

    ngx_str_set(&allow.value, "GET, HEAD, POST");

    return ngx_er_reply_problem(api->request, NGX_HTTP_NOT_ALLOWED,
                                "this is read with GET and changed with POST",
                                &allow);
}


/* NULL, or what is wrong with them */

static const char *
ngx_er_api_args(ngx_er_api_t *api, ngx_str_t *path)
{
    u_char            *p;
    ngx_int_t          rc;
    ngx_str_t          name, value;
    ngx_uint_t         n;
    const char        *why;
    ngx_er_api_arg_t  *arg;

    for (n = 0, arg = api->endpoint->args; arg && arg->name; arg++, n++) {
        /* void */
    }

    api->values = ngx_pcalloc(api->pool, (n + 1) * sizeof(ngx_str_t));
    if (api->values == NULL) {
        return "no memory";
    }

    (void) ngx_er_api_match(api->endpoint->path, path, &name, &value);

    why = name.len ? ngx_er_api_take(api, &name, &value, 1) : NULL;
    p = NULL;

    while (why == NULL) {
        rc = ngx_er_args_next(api->request, &p, &name, &value);

        if (rc == NGX_DONE) {
            break;
        }

        why = (rc == NGX_OK) ? ngx_er_api_take(api, &name, &value, 0)
                             : "an argument is without a value";
    }

    for (n = 0, arg = api->endpoint->args; !why && arg && arg->name;
         arg++, n++)
    {
        if (arg->required && api->values[n].data == NULL) {
            why = ngx_er_api_takes(api, arg);
        }
    }

    return why;
}


/* inside: it stands in the path, and is decoded already */

static const char *
ngx_er_api_take(ngx_er_api_t *api, ngx_str_t *name, ngx_str_t *value,
    ngx_uint_t inside)
{
    ngx_str_t         *slot;
    ngx_uint_t         n;
    ngx_er_api_arg_t  *arg;

    for (n = 0, arg = api->endpoint->args; arg && arg->name; arg++, n++) {
        if (ngx_strlen(arg->name) == name->len
            && ngx_strncmp(arg->name, name->data, name->len) == 0)
        {
            break;
        }
    }

    if (arg == NULL || arg->name == NULL) {
        return ngx_er_api_strange(api, name);
    }

    slot = &api->values[n];

    if (slot->data) {
        return ngx_er_api_argument(api, arg->name, "stands twice");
    }

    if (value->len > NGX_ER_API_VALUE) {
        return ngx_er_api_argument(api, arg->name,
                                   "is longer than 1024 bytes");
    }

    if (inside) {
        slot->len = value->len;
        slot->data = ngx_pnalloc(api->pool, value->len + 1);
        if (slot->data == NULL) {
            return "no memory";
        }

        *ngx_cpymem(slot->data, value->data, value->len) = '\0';

    } else if (ngx_er_args_decode(api->pool, value, slot) != NGX_OK) {
        return ngx_er_api_argument(api, arg->name,
                                   "is not percent-encoded text");
    }

    return ngx_er_api_check(api, arg, slot);
}


static const char *
ngx_er_api_check(ngx_er_api_t *api, ngx_er_api_arg_t *arg, ngx_str_t *value)
{
    uint64_t    n;
    ngx_uint_t  good;

    switch (arg->type) {

    case NGX_ER_API_NUMBER:
        good = ngx_er_api_range(arg->words, value);
        break;

    case NGX_ER_API_FLAG:
        good = (value->len == 1 && value->data[0] == '1');
        break;

    case NGX_ER_API_TIME:
        good = (ngx_er_args_time(value, &n) == NGX_OK);
        break;

    case NGX_ER_API_EVENT:
        good = (ngx_er_args_hex(value, &n) == NGX_OK && n);
        break;

    default: /* NGX_ER_API_TEXT */
        good = arg->words ? ngx_er_api_word(arg->words, value)
                          : ngx_er_is_utf8(value);
        break;
    }

    /* what it looks for can be what a source hides */

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: %s= of %uz bytes, good:%ui", arg->name,
                   value->len, good);

    return good ? NULL : ngx_er_api_takes(api, arg);
}


static ngx_uint_t
ngx_er_api_word(const char *words, ngx_str_t *value)
{
    size_t       len;
    const char  *p;

    for (p = words; *p; p += len + (p[len] == '|')) {
        len = strcspn(p, "|");

        if (len == value->len && ngx_strncmp(p, value->data, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* "1..1000"; NULL: any number */

static ngx_uint_t
ngx_er_api_range(const char *words, ngx_str_t *value)
{
    ngx_int_t    n;
    const char  *to;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || words == NULL) {
        return n != NGX_ERROR;
    }

    to = ngx_strstr(words, "..");

    return n >= ngx_atoi((u_char *) words, to - words)
           && n <= ngx_atoi((u_char *) to + 2, ngx_strlen(to + 2));
}


/* a sentence: what the argument takes */

static const char *
ngx_er_api_takes(ngx_er_api_t *api, ngx_er_api_arg_t *arg)
{
    u_char      *text;
    const char  *what;

    static const char  *whats[] = {
        "text", "a number", "1",
        "a time: seconds since 1970, or 2026-01-31T12:00:00Z", ""
    };

    text = ngx_pnalloc(api->request->pool, NGX_ER_API_DETAIL);
    if (text == NULL) {
        return "no memory";
    }

    what = whats[arg->type];

    if (arg->type == NGX_ER_API_EVENT) {
        (void) ngx_snprintf(text, NGX_ER_API_DETAIL,
                            "%s= takes %s: 16 hexadecimal digits%Z",
                            arg->name, arg->help);
        return (char *) text;
    }

    (void) ngx_snprintf(text, NGX_ER_API_DETAIL, "%s= takes %s%s%s: %s%Z",
                        arg->name, arg->words ? "" : what,
                        arg->type == NGX_ER_API_NUMBER && arg->words
                        ? "a number, " : "",
                        arg->words ? arg->words : "", arg->help);

    return (char *) text;
}


static const char *
ngx_er_api_argument(ngx_er_api_t *api, const char *name, const char *what)
{
    u_char  *text;

    text = ngx_pnalloc(api->request->pool, NGX_ER_API_DETAIL);
    if (text == NULL) {
        return "no memory";
    }

    (void) ngx_snprintf(text, NGX_ER_API_DETAIL, "%s= %s%Z", name, what);

    return (char *) text;
}


/* a name of another one's: it is shown if it is a word */

static const char *
ngx_er_api_strange(ngx_er_api_t *api, ngx_str_t *name)
{
    u_char            *p, *text, *last;
    ngx_str_t          shown;
    const char        *before;
    ngx_er_api_arg_t  *arg;

    text = ngx_pnalloc(api->request->pool, NGX_ER_API_DETAIL);
    if (text == NULL) {
        return "no memory";
    }

    last = text + NGX_ER_API_DETAIL - 1;
    shown = ngx_er_api_shown(name);

    p = ngx_snprintf(text, last - text, "%V is not known here; there %s",
                     &shown, api->endpoint->args ? "are:" : "are none");
    before = " ";

    for (arg = api->endpoint->args; arg && arg->name; arg++) {
        p = ngx_snprintf(p, last - p, "%s%s=", before, arg->name);
        before = ", ";
    }

    *p = '\0';

    return (char *) text;
}


static ngx_str_t
ngx_er_api_shown(ngx_str_t *name)
{
    u_char      c;
    ngx_str_t   other = ngx_string("an argument");
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_ER_API_NAME) {
        return other;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i] | 0x20;

        if ((c < 'a' || c > 'z') && name->data[i] != '_') {
            return other;
        }
    }

    /* "=" is behind it */

    other.data = name->data;
    other.len = name->len + 1;

    return other;
}


static ngx_str_t *
ngx_er_api_value(ngx_er_api_t *api, const char *name)
{
    ngx_uint_t         n;
    ngx_er_api_arg_t  *arg;

    for (n = 0, arg = api->endpoint->args; arg && arg->name; arg++, n++) {
        if (ngx_strcmp(arg->name, name) == 0) {
            return api->values[n].data ? &api->values[n] : NULL;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_er_api_arg(ngx_er_api_t *api, const char *name, ngx_str_t *value)
{
    ngx_str_t  *slot;

    slot = ngx_er_api_value(api, name);

    if (slot) {
        *value = *slot;
    }

    return slot != NULL;
}


ngx_uint_t
ngx_er_api_flag(ngx_er_api_t *api, const char *name)
{
    return ngx_er_api_value(api, name) != NULL;
}


ngx_uint_t
ngx_er_api_number(ngx_er_api_t *api, const char *name, ngx_uint_t none)
{
    ngx_str_t  *slot;

    slot = ngx_er_api_value(api, name);

    return slot ? (ngx_uint_t) ngx_atoi(slot->data, slot->len) : none;
}


uint64_t
ngx_er_api_time(ngx_er_api_t *api, const char *name)
{
    uint64_t    ms;
    ngx_str_t  *slot;

    slot = ngx_er_api_value(api, name);

    return (slot && ngx_er_args_time(slot, &ms) == NGX_OK) ? ms : 0;
}


uint64_t
ngx_er_api_event(ngx_er_api_t *api, const char *name)
{
    uint64_t    seq;
    ngx_str_t  *slot;

    slot = ngx_er_api_value(api, name);

    return (slot && ngx_er_args_hex(slot, &seq) == NGX_OK) ? seq : 0;
}


ngx_int_t
ngx_er_api_target(ngx_er_api_t *api, ngx_er_target_t **target, ngx_int_t *rc)
{
    ngx_str_t  name;

    *target = NULL;

    if (!ngx_er_api_arg(api, "target", &name)) {
        return NGX_OK;
    }

    *target = ngx_er_target_find(api->mcf, &name);

    if (*target) {
        return NGX_OK;
    }

    *rc = ngx_er_api_noun(api, "target", &name);

    return NGX_DECLINED;
}


ngx_int_t
ngx_er_api_source(ngx_er_api_t *api, ngx_er_source_t **source, ngx_int_t *rc)
{
    ngx_str_t  name;

    *source = NULL;

    if (!ngx_er_api_arg(api, "source", &name)) {
        return NGX_OK;
    }

    *source = ngx_er_source_find(api->mcf, &name);

    if (*source) {
        return NGX_OK;
    }

    *rc = ngx_er_api_noun(api, "source", &name);

    return NGX_DECLINED;
}


ngx_int_t
ngx_er_api_noun(ngx_er_api_t *api, const char *noun, ngx_str_t *name)
{
    ngx_array_t  *nouns;

    nouns = (*noun == 't') ? &api->mcf->targets : &api->mcf->sources;

    return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                              ngx_er_args_unknown(api->request->pool, noun,
                                                  nouns, name));
}


ngx_int_t
ngx_er_api_after(ngx_er_api_t *api, uint64_t after[2])
{
    ngx_str_t  *slot, half;

    after[0] = 0;
    after[1] = 0;

    slot = ngx_er_api_value(api, "after");

    if (slot == NULL) {
        return NGX_OK;
    }

    if (slot->len != 33 || slot->data[16] != '-') {
        return NGX_ERROR;
    }

    half.len = 16;
    half.data = slot->data;

    if (ngx_er_args_hex(&half, &after[0]) != NGX_OK) {
        return NGX_ERROR;
    }

    half.data += 17;

    return ngx_er_args_hex(&half, &after[1]);
}


void
ngx_er_api_next(ngx_er_json_t *json, uint64_t after[2])
{
    u_char     buf[2 * 16 + 1];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_sprintf(buf, "%016xL-%016xL", after[0], after[1]) - buf;

    ngx_er_json_text(json, "next", &text, 0);
}


ngx_int_t
ngx_er_api_problem(ngx_er_api_t *api, ngx_uint_t status, const char *detail)
{
    return api->request
           ? ngx_er_reply_problem(api->request, status, detail, NULL)
           : NGX_OK;
}


ngx_int_t
ngx_er_api_json(ngx_er_api_t *api, ngx_er_json_t *json)
{
    return api->request ? ngx_er_reply_json(api->request, json) : NGX_OK;
}


ngx_int_t
ngx_er_api_away(ngx_er_api_t *api)
{
    return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                              "the event store does not answer");
}


void
ngx_er_api_text(ngx_er_json_t *json, const char *name, ngx_str_t *text)
{
    ngx_str_t  safe;

    if (ngx_er_event_attribute(json->pool, text, text->len * 3, &safe)
        != NGX_OK)
    {
        json->failed = 1;
        return;
    }

    ngx_er_json_text(json, name, &safe, 0);
}


/* RFC 3339, in UTC */

void
ngx_er_api_when(ngx_er_json_t *json, const char *name, uint64_t ms)
{
    u_char     buf[NGX_ER_WHEN];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_er_when(buf, ms) - buf;

    ngx_er_json_text(json, name, &text, 0);
}


void
ngx_er_api_seq(ngx_er_json_t *json, const char *name, uint64_t seq)
{
    u_char     buf[16];
    ngx_str_t  text;

    text.data = buf;
    text.len = ngx_sprintf(buf, "%016xL", seq) - buf;

    ngx_er_json_text(json, name, &text, 0);
}


ngx_er_queue_op_t *
ngx_er_api_op(ngx_er_api_t *api, ngx_er_queue_verb_e verb)
{
    return ngx_er_queue_op(verb, ngx_er_api_ended, api);
}


ngx_int_t
ngx_er_api_run(ngx_er_api_t *api, ngx_er_queue_op_t *op,
    ngx_er_api_done_pt done)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: %p runs op %p, request:%d", api, op,
                   api->request != NULL);

    op->handler = ngx_er_api_ended;
    op->data = api;

    api->op = op;
    api->done = done;

    (void) ngx_er_api_hold(api);

    ngx_er_queue_run(api->mcf->queue, op);

    return NGX_DONE;
}


static void
ngx_er_api_ended(ngx_er_queue_op_t *op)
{
    ngx_int_t      rc;
    ngx_er_api_t  *api;

    api = op->data;
    api->op = NULL;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: op %p of %p ended, rc:%i request:%d",
                   op, api, op->rc, api->request != NULL);

    if (api->request) {
        ngx_http_set_log_request(api->request->connection->log, api->request);
    }

    rc = api->done(api, op);

    if (api->op != op) {
        ngx_er_queue_op_free(op);
    }

    if (rc != NGX_DONE) {
        ngx_er_api_finish(api, rc);
    }
}


ngx_int_t
ngx_er_api_hold(ngx_er_api_t *api)
{
    api->held = 1;

    return ngx_er_errand_wait(&api->errand);
}


void
ngx_er_api_finish(ngx_er_api_t *api, ngx_int_t rc)
{
    api->held = 0;

    if (api->request == NULL) {
        ngx_destroy_pool(api->pool);
        return;
    }

    ngx_er_errand_finish(api->request, rc);
}
