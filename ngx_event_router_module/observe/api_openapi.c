
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/openapi.json: the API as OpenAPI 3.1 describes one, made of the rows
 * of api.h and of nothing else, so it cannot say anything else than what a
 * request is checked against.  Clients are generated from it; an answer may
 * have members that it does not name.
 *
 * The names of operations are made of method and path: "postPause",
 * "getEventsEvent".  All is in the request's pool; what may fail is memory.
 */


#include "api_openapi.h"


#define NGX_ER_OPENAPI_SIZE  32768     /* bytes, to begin with */
#define NGX_ER_OPENAPI_NAME  128       /* bytes of the name of an operation */


static ngx_int_t ngx_er_openapi_handler(ngx_er_api_t *api);
static void ngx_er_openapi_head(ngx_er_json_t *json, ngx_er_api_t *api);
static void ngx_er_openapi_servers(ngx_er_json_t *json,
    ngx_http_request_t *r);
static void ngx_er_openapi_paths(ngx_er_json_t *json,
    ngx_er_api_endpoint_t **tables);
static void ngx_er_openapi_operation(ngx_er_json_t *json,
    ngx_er_api_endpoint_t *row);
static void ngx_er_openapi_bodies(ngx_er_json_t *json);
static void ngx_er_openapi_name(ngx_er_json_t *json,
    ngx_er_api_endpoint_t *row);
static void ngx_er_openapi_args(ngx_er_json_t *json,
    ngx_er_api_endpoint_t *row);
static void ngx_er_openapi_arg(ngx_er_json_t *json, ngx_er_api_endpoint_t *row,
    ngx_er_api_arg_t *arg);
static void ngx_er_openapi_responses(ngx_er_json_t *json,
    ngx_er_api_endpoint_t *row);
static void ngx_er_openapi_schemas(ngx_er_json_t *json,
    ngx_er_api_endpoint_t **tables);
static void ngx_er_openapi_collect(ngx_array_t *schemas,
    ngx_er_api_schema_t *schema);
static void ngx_er_openapi_schema(ngx_er_json_t *json,
    ngx_er_api_schema_t *schema);
static void ngx_er_openapi_field(ngx_er_json_t *json,
    ngx_er_api_field_t *field);
static void ngx_er_openapi_type(ngx_er_json_t *json, ngx_er_api_type_e type,
    const char *words);
static void ngx_er_openapi_words(ngx_er_json_t *json, const char *words);
static void ngx_er_openapi_range(ngx_er_json_t *json, const char *words);
static void ngx_er_openapi_ref(ngx_er_json_t *json,
    ngx_er_api_schema_t *schema);
static void ngx_er_openapi_security(ngx_er_json_t *json);


static ngx_er_api_schema_t  ngx_er_openapi_answer = {
    "OpenApi", "A document of OpenAPI 3.1", NULL
};


static ngx_er_api_field_t  ngx_er_openapi_problem_fields[] = {
    { "type", NGX_ER_API_TEXT, 1, NULL, NULL, "about:blank" },
    { "title", NGX_ER_API_TEXT, 1, NULL, NULL, "the status in words" },
    { "status", NGX_ER_API_NUMBER, 1, NULL, NULL, "the status" },
    { "detail", NGX_ER_API_TEXT, 1, NULL, NULL, "what is wrong" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_openapi_problem = {
    "Problem", "What is wrong with a request (RFC 9457)",
    ngx_er_openapi_problem_fields
};


ngx_er_api_endpoint_t  ngx_er_api_openapi[] = {

    { "openapi.json", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "This description of the API", NULL, NULL, &ngx_er_openapi_answer,
      ngx_er_openapi_handler },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_openapi_handler(ngx_er_api_t *api)
{
    ngx_er_json_t  json;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_OPENAPI_SIZE);

    ngx_er_json_open(&json, NULL, "{");

    ngx_er_openapi_head(&json, api);
    ngx_er_openapi_paths(&json, api->tables);

    ngx_er_json_open(&json, "components", "{");
    ngx_er_openapi_schemas(&json, api->tables);
    ngx_er_openapi_security(&json);
    ngx_er_json_close(&json, "}");

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static void
ngx_er_openapi_head(ngx_er_json_t *json, ngx_er_api_t *api)
{
    ngx_er_json_word(json, "openapi", "3.1.0");

    ngx_er_json_open(json, "info", "{");
    ngx_er_json_word(json, "title", "Event router");
    ngx_er_json_word(json, "version", NGX_ER_VERSION);
    ngx_er_json_word(json, "description", "What became of events, what waits "
                     "and what is dead, and what an operator does about it. "
                     "Paths are below event_admin.");
    ngx_er_json_open(json, "license", "{");
    ngx_er_json_word(json, "name", "BSD-2-Clause");
    ngx_er_json_word(json, "identifier", "BSD-2-Clause");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");

    ngx_er_openapi_servers(json, api->request);

    /* with a token, or without: the location says which */

    ngx_er_json_open(json, "security", "[");
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_close(json, "}");
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_open(json, "token", "[");
    ngx_er_json_close(json, "]");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "]");
}


/* paths begin where this document lies */

static void
ngx_er_openapi_servers(ngx_er_json_t *json, ngx_http_request_t *r)
{
    u_char     *p;
    ngx_str_t   url;
    uintptr_t   escape;

    url = r->uri;
    url.len -= sizeof("/openapi.json") - 1;

    escape = 2 * ngx_escape_uri(NULL, url.data, url.len, NGX_ESCAPE_URI);

    if (escape) {
        p = ngx_pnalloc(json->pool, url.len + escape);
        if (p == NULL) {
            json->failed = 1;
            return;
        }

        (void) ngx_escape_uri(p, url.data, url.len, NGX_ESCAPE_URI);

        url.data = p;
        url.len += escape;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router openapi: paths are below \"%V\"", &url);

    ngx_er_json_open(json, "servers", "[");
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "url", &url, 0);
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "]");
}


/* rows of one path stand one behind the other */

static void
ngx_er_openapi_paths(ngx_er_json_t *json, ngx_er_api_endpoint_t **tables)
{
    u_char                  buf[NGX_ER_OPENAPI_NAME];
    ngx_str_t               path;
    ngx_er_api_endpoint_t  *row;

    ngx_er_json_open(json, "paths", "{");

    for ( /* void */ ; *tables; tables++) {
        for (row = *tables; row->path; row++) {

            if (row == *tables || ngx_strcmp(row[-1].path, row->path) != 0) {
                path.data = buf;
                path.len = ngx_snprintf(buf, sizeof(buf), "/%s", row->path)
                           - buf;

                ngx_er_json_key(json, &path);
                ngx_er_json_open(json, NULL, "{");
            }

            ngx_er_openapi_operation(json, row);

            if (row[1].path == NULL
                || ngx_strcmp(row[1].path, row->path) != 0)
            {
                ngx_er_json_close(json, "}");
            }
        }
    }

    ngx_er_json_close(json, "}");
}


static void
ngx_er_openapi_operation(ngx_er_json_t *json, ngx_er_api_endpoint_t *row)
{
    ngx_er_json_open(json, row->method == NGX_HTTP_POST ? "post" : "get", "{");

    ngx_er_openapi_name(json, row);

    ngx_er_json_word(json, "summary", row->summary);
    ngx_er_json_word(json, "description", row->role == NGX_ER_ROLE_ACT
                     ? "For tokens with role=act." : "For any token.");
    ngx_er_json_word(json, "x-role",
                     row->role == NGX_ER_ROLE_ACT ? "act" : "look");

    ngx_er_openapi_args(json, row);

    if (row->body) {
        ngx_er_json_open(json, "requestBody", "{");
        ngx_er_json_word(json, "description", row->body);
        ngx_er_openapi_bodies(json);
        ngx_er_json_close(json, "}");
    }

    ngx_er_openapi_responses(json, row);

    ngx_er_json_close(json, "}");
}


/* any bytes, of which JSON is what people send most */

static void
ngx_er_openapi_bodies(ngx_er_json_t *json)
{
    ngx_er_json_open(json, "content", "{");

    ngx_er_json_open(json, "application/json", "{");
    ngx_er_json_open(json, "schema", "{");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");

    ngx_er_json_open(json, "application/octet-stream", "{");
    ngx_er_json_open(json, "schema", "{");
    ngx_er_json_word(json, "type", "string");
    ngx_er_json_word(json, "format", "binary");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");

    ngx_er_json_close(json, "}");
}


static void
ngx_er_openapi_name(ngx_er_json_t *json, ngx_er_api_endpoint_t *row)
{
    u_char       *p, *last, buf[NGX_ER_OPENAPI_NAME];
    ngx_str_t     name;
    ngx_uint_t    begins;
    const char   *c;

    last = buf + sizeof(buf);
    p = ngx_snprintf(buf, sizeof(buf), "%s",
                     row->method == NGX_HTTP_POST ? "post" : "get");
    begins = 1;

    for (c = row->path; *c && p < last; c++) {

        if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9')) {
            begins = 1;
            continue;
        }

        *p++ = (begins && *c >= 'a') ? (u_char) (*c & ~0x20) : (u_char) *c;
        begins = 0;
    }

    name.data = buf;
    name.len = p - buf;

    ngx_er_json_text(json, "operationId", &name, 0);
}


static void
ngx_er_openapi_args(ngx_er_json_t *json, ngx_er_api_endpoint_t *row)
{
    ngx_er_api_arg_t  *arg;

    ngx_er_json_open(json, "parameters", "[");

    for (arg = row->args; arg && arg->name; arg++) {
        ngx_er_openapi_arg(json, row, arg);
    }

    if (row->method == NGX_HTTP_POST) {
        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_word(json, "name", "X-Event-Admin");
        ngx_er_json_word(json, "in", "header");
        ngx_er_json_flag(json, "required", 1);
        ngx_er_json_word(json, "description", "1, or anything else: no form "
                         "of a page can send it");
        ngx_er_json_open(json, "schema", "{");
        ngx_er_openapi_type(json, NGX_ER_API_TEXT, NULL);
        ngx_er_json_close(json, "}");
        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}


static void
ngx_er_openapi_arg(ngx_er_json_t *json, ngx_er_api_endpoint_t *row,
    ngx_er_api_arg_t *arg)
{
    size_t       len;
    ngx_uint_t   inside;
    const char  *brace;

    len = ngx_strlen(arg->name);
    brace = strchr(row->path, '{');

    inside = (brace && ngx_strncmp(brace + 1, arg->name, len) == 0
              && brace[len + 1] == '}');

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_word(json, "name", arg->name);
    ngx_er_json_word(json, "in", inside ? "path" : "query");

    if (inside || arg->required) {
        ngx_er_json_flag(json, "required", 1);
    }

    ngx_er_json_word(json, "description", arg->help);
    ngx_er_json_open(json, "schema", "{");

    if (arg->type == NGX_ER_API_FLAG) {
        ngx_er_openapi_type(json, NGX_ER_API_TEXT, "1");

    } else {
        ngx_er_openapi_type(json, arg->type, arg->words);
    }

    if (arg->type == NGX_ER_API_TEXT && arg->words == NULL) {
        ngx_er_json_number(json, "minLength", 1);
        ngx_er_json_number(json, "maxLength", 1024);
    }

    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
}


static void
ngx_er_openapi_responses(ngx_er_json_t *json, ngx_er_api_endpoint_t *row)
{
    ngx_er_json_open(json, "responses", "{");

    ngx_er_json_open(json, "200", "{");
    ngx_er_json_word(json, "description", row->answer->help);
    ngx_er_json_open(json, "content", "{");
    ngx_er_json_open(json, (row->flags & NGX_ER_API_STREAM)
                           ? "application/x-ndjson" : "application/json",
                     "{");
    ngx_er_json_open(json, "schema", "{");
    ngx_er_openapi_ref(json, row->answer);
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");

    ngx_er_json_open(json, "default", "{");
    ngx_er_json_word(json, "description", ngx_er_openapi_problem.help);
    ngx_er_json_open(json, "content", "{");
    ngx_er_json_open(json, "application/problem+json", "{");
    ngx_er_json_open(json, "schema", "{");
    ngx_er_openapi_ref(json, &ngx_er_openapi_problem);
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");

    ngx_er_json_close(json, "}");
}


static void
ngx_er_openapi_schemas(ngx_er_json_t *json, ngx_er_api_endpoint_t **tables)
{
    ngx_uint_t               i;
    ngx_array_t              schemas;
    ngx_er_api_schema_t    **schema;
    ngx_er_api_endpoint_t   *row;

    if (ngx_array_init(&schemas, json->pool, 64,
                       sizeof(ngx_er_api_schema_t *))
        != NGX_OK)
    {
        json->failed = 1;
        return;
    }

    ngx_er_openapi_collect(&schemas, &ngx_er_openapi_problem);

    for ( /* void */ ; *tables; tables++) {
        for (row = *tables; row->path; row++) {
            ngx_er_openapi_collect(&schemas, row->answer);
        }
    }

    schema = schemas.elts;

    ngx_er_json_open(json, "schemas", "{");

    for (i = 0; i < schemas.nelts; i++) {
        ngx_er_openapi_schema(json, schema[i]);
    }

    ngx_er_json_close(json, "}");
}


/* each once, with those that it is made of.  Want of memory leaves one out */

static void
ngx_er_openapi_collect(ngx_array_t *schemas, ngx_er_api_schema_t *schema)
{
    ngx_uint_t             i;
    ngx_er_api_field_t    *field;
    ngx_er_api_schema_t  **slot;

    slot = schemas->elts;

    for (i = 0; i < schemas->nelts; i++) {
        if (slot[i] == schema) {
            return;
        }
    }

    slot = ngx_array_push(schemas);
    if (slot == NULL) {
        return;
    }

    *slot = schema;

    for (field = schema->fields; field && field->name; field++) {
        if (field->schema) {
            ngx_er_openapi_collect(schemas, field->schema);
        }
    }
}


static void
ngx_er_openapi_schema(ngx_er_json_t *json, ngx_er_api_schema_t *schema)
{
    ngx_er_api_field_t  *field;

    ngx_er_json_open(json, schema->name, "{");
    ngx_er_json_word(json, "type", "object");
    ngx_er_json_word(json, "description", schema->help);

    if (schema->fields) {

        ngx_er_json_open(json, "properties", "{");

        for (field = schema->fields; field->name; field++) {
            ngx_er_openapi_field(json, field);
        }

        ngx_er_json_close(json, "}");
        ngx_er_json_open(json, "required", "[");

        for (field = schema->fields; field->name; field++) {
            if (field->always) {
                ngx_er_json_word(json, NULL, field->name);
            }
        }

        ngx_er_json_close(json, "]");
    }

    ngx_er_json_close(json, "}");
}


static void
ngx_er_openapi_field(ngx_er_json_t *json, ngx_er_api_field_t *field)
{
    ngx_er_api_type_e  type;

    ngx_er_json_open(json, field->name, "{");
    ngx_er_json_word(json, "description", field->help);

    switch (field->type) {

    case NGX_ER_API_OBJECT:
        ngx_er_openapi_ref(json, field->schema);
        break;

    case NGX_ER_API_LIST:
    case NGX_ER_API_MAP:
        ngx_er_json_word(json, "type", field->type == NGX_ER_API_LIST
                                       ? "array" : "object");
        ngx_er_json_open(json, field->type == NGX_ER_API_LIST
                               ? "items" : "additionalProperties", "{");

        type = (field->type == NGX_ER_API_LIST) ? NGX_ER_API_TEXT
                                                : NGX_ER_API_NUMBER;
        if (field->schema) {
            ngx_er_openapi_ref(json, field->schema);

        } else {
            ngx_er_openapi_type(json, type, field->words);
        }

        ngx_er_json_close(json, "}");
        break;

    case NGX_ER_API_NUMBERS:
        ngx_er_json_word(json, "type", "array");
        ngx_er_json_open(json, "items", "{");
        ngx_er_json_open(json, "type", "[");
        ngx_er_json_word(json, NULL, "integer");
        ngx_er_json_word(json, NULL, "null");
        ngx_er_json_close(json, "]}");
        break;

    default:
        ngx_er_openapi_type(json, field->type, field->words);
    }

    ngx_er_json_close(json, "}");
}


static void
ngx_er_openapi_type(ngx_er_json_t *json, ngx_er_api_type_e type,
    const char *words)
{
    switch (type) {

    case NGX_ER_API_NUMBER:
        ngx_er_json_word(json, "type", "integer");
        ngx_er_openapi_range(json, words);
        break;

    case NGX_ER_API_SIGNED:
        ngx_er_json_word(json, "type", "integer");
        break;

    case NGX_ER_API_FLAG:
        ngx_er_json_word(json, "type", "boolean");
        break;

    case NGX_ER_API_TIME:
        ngx_er_json_word(json, "type", "string");
        ngx_er_json_word(json, "format", "date-time");
        break;

    case NGX_ER_API_EVENT:
        ngx_er_json_word(json, "type", "string");
        ngx_er_json_word(json, "pattern", "^[0-9a-f]{16}$");
        break;

    case NGX_ER_API_ANY:
        break;

    default: /* NGX_ER_API_TEXT */
        ngx_er_json_word(json, "type", "string");
        ngx_er_openapi_words(json, words);
        break;
    }
}


static void
ngx_er_openapi_words(ngx_er_json_t *json, const char *words)
{
    ngx_str_t  word;

    if (words == NULL) {
        return;
    }

    ngx_er_json_open(json, "enum", "[");

    while (*words) {
        word.data = (u_char *) words;
        word.len = strcspn(words, "|");

        ngx_er_json_text(json, NULL, &word, 0);

        words += word.len + (words[word.len] == '|');
    }

    ngx_er_json_close(json, "]");
}


/* "1..1000" */

static void
ngx_er_openapi_range(ngx_er_json_t *json, const char *words)
{
    const char  *to;

    if (words == NULL) {
        ngx_er_json_number(json, "minimum", 0);
        return;
    }

    to = ngx_strstr(words, "..");

    ngx_er_json_number(json, "minimum",
                       ngx_atoi((u_char *) words, to - words));
    ngx_er_json_number(json, "maximum",
                       ngx_atoi((u_char *) to + 2, ngx_strlen(to + 2)));
}


static void
ngx_er_openapi_ref(ngx_er_json_t *json, ngx_er_api_schema_t *schema)
{
    u_char     buf[NGX_ER_OPENAPI_NAME];
    ngx_str_t  ref;

    ref.data = buf;
    ref.len = ngx_snprintf(buf, sizeof(buf), "#/components/schemas/%s",
                           schema->name)
              - buf;

    ngx_er_json_text(json, "$ref", &ref, 0);
}


static void
ngx_er_openapi_security(ngx_er_json_t *json)
{
    ngx_er_json_open(json, "securitySchemes", "{");
    ngx_er_json_open(json, "token", "{");
    ngx_er_json_word(json, "type", "http");
    ngx_er_json_word(json, "scheme", "bearer");
    ngx_er_json_word(json, "description",
                     "a token= of event_admin; role=act changes things, "
                     "role=look does not");
    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
}
