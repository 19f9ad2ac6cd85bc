
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How a key set is fetched: by a call (deliver/call.c) to the location that
 * "keys=" names.  keyset.c says when and keeps what comes.  Nothing of the
 * request that needs the keys goes along but, with "by=kid", the name of its
 * key: letters, digits and "-._~" only, which mean nothing in a URI.
 *
 * The answer is hostile: jwks.c reads it, in bounds.  How long it is good is
 * what Cache-Control says, less the time that a cache on the way has had it
 * ("Age"), and between 5 minutes and a day; an hour where it says nothing.
 *
 * All is in the pool of the call.  What may fail is memory, or connections.
 */


#include "keyset_fetch.h"


#define NGX_ER_KEYSET_USUAL    3600    /* seconds */
#define NGX_ER_KEYSET_SHORT    300
#define NGX_ER_KEYSET_LONG     86400
#define NGX_ER_KEYSET_NAME     128     /* bytes of a name that is sent */


static ngx_int_t ngx_er_keyset_fetch_uri(ngx_er_call_t *call,
    ngx_er_keyset_fetch_t *fetch, ngx_str_t *kid);
static void ngx_er_keyset_fetch_header(ngx_er_call_t *call,
    ngx_http_request_t *r);
static void ngx_er_keyset_fetch_control(ngx_er_keyset_fetch_t *fetch,
    ngx_str_t *value);
static ngx_uint_t ngx_er_keyset_fetch_seconds(u_char *p, u_char *last,
    time_t *sec);
static void ngx_er_keyset_fetch_answered(ngx_er_call_t *call);
static void ngx_er_keyset_fetch_read(ngx_er_keyset_fetch_t *fetch,
    ngx_er_call_t *call);
static void ngx_er_keyset_fetch_say(ngx_er_keyset_fetch_t *fetch,
    const char *fmt, ...);
static u_char *ngx_er_keyset_fetch_log(ngx_er_call_t *call, u_char *buf,
    size_t len);


ngx_er_keyset_fetch_t *
ngx_er_keyset_fetch(ngx_er_source_t *source, ngx_http_conf_ctx_t *ctx,
    ngx_http_core_loc_conf_t *location, ngx_str_t *kid,
    ngx_er_keyset_fetch_pt handler, void *data)
{
    ngx_er_call_t          *call;
    ngx_er_keyset_fetch_t  *fetch;

    static ngx_str_t  accept = ngx_string("Accept"),
        types = ngx_string("application/jwk-set+json, application/json");

    call = ngx_er_call_create(NULL, location, NULL);
    if (call == NULL) {
        return NULL;
    }

    fetch = ngx_pcalloc(call->pool, sizeof(ngx_er_keyset_fetch_t));

    if (fetch == NULL
        || ngx_er_call_header(call, &accept, &types) != NGX_OK
        || (kid && ngx_er_keyset_fetch_uri(call, fetch, kid) != NGX_OK))
    {
        ngx_er_call_drop(call);
        return NULL;
    }

    fetch->pool = call->pool;
    fetch->call = call;
    fetch->source = source;
    fetch->handler = handler;
    fetch->data = data;

    call->ctx = ctx;
    call->limit = NGX_ER_JWKS_TEXT;
    call->timeout = NGX_ER_KEYSET_TIMEOUT;
    call->data = fetch;
    call->header = ngx_er_keyset_fetch_header;
    call->handler = ngx_er_keyset_fetch_answered;
    call->log = ngx_er_keyset_fetch_log;

    return (ngx_er_call_start(call) == NGX_OK) ? fetch : NULL;
}


/* a value without variables: nothing of nginx.conf is evaluated */

static ngx_int_t
ngx_er_keyset_fetch_uri(ngx_er_call_t *call, ngx_er_keyset_fetch_t *fetch,
    ngx_str_t *kid)
{
    u_char                    *p;
    ngx_str_t                 *name;
    ngx_http_complex_value_t  *uri;

    name = &call->location->name;

    uri = ngx_pcalloc(call->pool, sizeof(ngx_http_complex_value_t));
    p = ngx_pnalloc(call->pool, name->len + sizeof("?kid=") - 1 + kid->len);

    if (uri == NULL || p == NULL) {
        return NGX_ERROR;
    }

    uri->value.data = p;
    uri->value.len = ngx_sprintf(p, "%V?kid=%V", name, kid) - p;

    fetch->kid.len = kid->len;
    fetch->kid.data = p + uri->value.len - kid->len;

    call->uri = uri;

    return NGX_OK;
}


void
ngx_er_keyset_fetch_drop(ngx_er_keyset_fetch_t *fetch)
{
    ngx_er_call_drop(fetch->call);
}


ngx_uint_t
ngx_er_keyset_fetch_plain(ngx_str_t *kid)
{
    u_char  c;
    size_t  i;

    if (kid->len == 0 || kid->len > NGX_ER_KEYSET_NAME) {
        return 0;
    }

    for (i = 0; i < kid->len; i++) {
        c = kid->data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z')
            && !(c >= 'A' && c <= 'Z') && ngx_strchr("-._~", c) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_er_keyset_fetch_header(ngx_er_call_t *call, ngx_http_request_t *r)
{
    ngx_er_keyset_fetch_t *fetch = call->data;

    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  control = ngx_string("Cache-Control"),
        age = ngx_string("Age");

    /* a file says nothing of itself */

    if (r->upstream == NULL) {
        return;
    }

    for (part = &r->upstream->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_er_same_name(&h[i].key, &control)) {
                ngx_er_keyset_fetch_control(fetch, &h[i].value);

            } else if (ngx_er_same_name(&h[i].key, &age)) {
                (void) ngx_er_keyset_fetch_seconds(h[i].value.data,
                                                   h[i].value.data
                                                   + h[i].value.len,
                                                   &fetch->old);
            }
        }
    }
}


/* the shortest time that is said; "no-store" is none at all */

static void
ngx_er_keyset_fetch_control(ngx_er_keyset_fetch_t *fetch, ngx_str_t *value)
{
    u_char   *p, *last, *comma;
    time_t    sec;

    last = value->data + value->len;

    for (p = value->data; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        while (p < comma && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (comma - p >= 8 && ngx_strncasecmp(p, (u_char *) "no-store", 8)
                              == 0)
        {
            sec = 0;

        } else if (comma - p >= 8
                   && ngx_strncasecmp(p, (u_char *) "no-cache", 8) == 0)
        {
            sec = 0;

        } else if (comma - p <= 8
                   || ngx_strncasecmp(p, (u_char *) "max-age=", 8) != 0
                   || !ngx_er_keyset_fetch_seconds(p + 8, comma, &sec))
        {
            continue;
        }

        fetch->max_age = fetch->said ? ngx_min(fetch->max_age, sec) : sec;
        fetch->said = 1;
    }
}


static ngx_uint_t
ngx_er_keyset_fetch_seconds(u_char *p, u_char *last, time_t *sec)
{
    time_t  n;

    if (p == last || *p < '0' || *p > '9') {
        return 0;
    }

    for (n = 0; p < last && *p >= '0' && *p <= '9'; p++) {
        n = ngx_min(n * 10 + (*p - '0'), NGX_ER_KEYSET_LONG);
    }

    *sec = n;

    return 1;
}


static void
ngx_er_keyset_fetch_answered(ngx_er_call_t *call)
{
    ngx_er_keyset_fetch_t *fetch = call->data;

    time_t  age;

    fetch->status = call->silent ? 0 : call->status;

    ngx_er_keyset_fetch_read(fetch, call);

    age = fetch->said ? fetch->max_age - fetch->old : NGX_ER_KEYSET_USUAL;
    age = ngx_max(age, NGX_ER_KEYSET_SHORT);

    fetch->age = (ngx_msec_t) ngx_min(age, NGX_ER_KEYSET_LONG) * 1000;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router keyset: of \"%V\" was answered %ui, set:%d "
                   "age:%M", &fetch->source->name, fetch->status,
                   fetch->set != NULL, fetch->age);

    fetch->handler(fetch);
}


static void
ngx_er_keyset_fetch_read(ngx_er_keyset_fetch_t *fetch, ngx_er_call_t *call)
{
    ngx_int_t    rc;
    ngx_str_t    body;
    const char  *why;

    if (call->status == 0) {
        ngx_er_keyset_fetch_say(fetch, "did not answer in time");
        return;
    }

    if (call->silent) {
        ngx_er_keyset_fetch_say(fetch, "gave no answer");
        return;
    }

    if (call->status != NGX_HTTP_OK) {
        ngx_er_keyset_fetch_say(fetch, "answered %ui", call->status);
        return;
    }

    if (!call->complete) {
        ngx_er_keyset_fetch_say(fetch, "answered with what %s",
                                call->over ? "is larger than 256 KB"
                                           : "is cut off");
        return;
    }

    body.data = call->answer;
    body.len = call->length;

    rc = ngx_er_jwks_read(call->pool, &body, &fetch->set, &why);

    if (rc == NGX_OK) {
        return;
    }

    fetch->set = NULL;

    if (rc == NGX_ERROR) {
        ngx_er_keyset_fetch_say(fetch, "answered, and there is no memory to "
                                "read it");
        return;
    }

    ngx_er_keyset_fetch_say(fetch, "answered with what %s", why);
}


static void
ngx_er_keyset_fetch_say(ngx_er_keyset_fetch_t *fetch, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    fetch->len = ngx_vslprintf(fetch->why, fetch->why + sizeof(fetch->why),
                               fmt, args)
                 - fetch->why;
    va_end(args);
}


static u_char *
ngx_er_keyset_fetch_log(ngx_er_call_t *call, u_char *buf, size_t len)
{
    ngx_er_keyset_fetch_t *fetch = call->data;

    return ngx_snprintf(buf, len, "fetching the key set of source \"%V\"",
                        &fetch->source->name);
}
