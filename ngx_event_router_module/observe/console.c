
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The pages for people.  A browser that asks for the address of a location of
 * event_admin gets the console, one that asks event_status gets its numbers as
 * a page; admin.c and status.c call in here.  Programs get what they always
 * got: only who names text/html in Accept gets a page.
 *
 * The sources are in console/, where embed.pl makes a C file of them when
 * nginx is built: each page in one piece, packed by gzip, and beside it the
 * policy (CSP) with the hashes of its style and its script, and a tag of its
 * bytes.  A page has no data and no secret, so it needs no token: its script
 * asks the API for data, as any other client does.
 *
 * Who does not take gzip gets the page unpacked, in the pool of the request.
 * What may fail is memory.
 */


#include "console.h"
#include "../ingest/coding.h"
#include "../ingest/reply.h"


#define NGX_ER_CONSOLE_SIZE  4         /* bytes at the end of gzip */


/* what embed.pl makes of a page */

typedef enum {
    NGX_ER_CONSOLE_GZIP = 0,
    NGX_ER_CONSOLE_TAG,
    NGX_ER_CONSOLE_POLICY,
    NGX_ER_CONSOLE_PARTS
} ngx_er_console_part_e;


extern ngx_str_t  ngx_er_page_admin[NGX_ER_CONSOLE_PARTS];
extern ngx_str_t  ngx_er_page_status[NGX_ER_CONSOLE_PARTS];


static ngx_uint_t ngx_er_console_own(ngx_http_request_t *r);
static ngx_uint_t ngx_er_console_weight(ngx_str_t *accept, const char *type);
static ngx_uint_t ngx_er_console_quality(u_char *p, u_char *last);
static ngx_int_t ngx_er_console_send(ngx_http_request_t *r, ngx_str_t *page);
static ngx_uint_t ngx_er_console_packed(ngx_http_request_t *r);


/* as often as a client may send it; a browser sends one */

ngx_uint_t
ngx_er_console_wanted(ngx_http_request_t *r)
{
    ngx_uint_t        i, html, json;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    html = 0;
    json = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != sizeof("Accept") - 1
                || ngx_strncasecmp(h[i].key.data, (u_char *) "Accept",
                                   h[i].key.len)
                   != 0)
            {
                continue;
            }

            html = ngx_max(html, ngx_er_console_weight(&h[i].value,
                                                       "text/html"));
            json = ngx_max(json, ngx_er_console_weight(&h[i].value,
                                                       "application/json"));
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router console: html:%ui json:%ui", html, json);

    return html && html >= json;
}


/* in thousandths; 0: Accept does not name the type */

static ngx_uint_t
ngx_er_console_weight(ngx_str_t *accept, const char *type)
{
    u_char  *p, *end, *last;
    size_t   len;

    len = ngx_strlen(type);
    last = accept->data + accept->len;

    for (p = accept->data; p < last; p = end + 1) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) >= len
            && ngx_strncasecmp(p, (u_char *) type, len) == 0
            && (p + len == end || p[len] == ';' || p[len] == ' '))
        {
            return ngx_er_console_quality(p + len, end);
        }
    }

    return 0;
}


/* of the parameters of a type: ";q=0.9" */

static ngx_uint_t
ngx_er_console_quality(u_char *p, u_char *last)
{
    ngx_int_t  n;

    for ( /* void */ ; p < last; p++) {

        if (*p != ';') {
            continue;
        }

        while (p + 1 < last && p[1] == ' ') {
            p++;
        }

        if (last - p > 3 && (p[1] == 'q' || p[1] == 'Q') && p[2] == '=') {
            p += 3;

            while (last > p && last[-1] == ' ') {
                last--;
            }

            n = ngx_atofp(p, last - p, 3);

            return (n == NGX_ERROR) ? 0 : ngx_min(n, 1000);
        }
    }

    return 1000;
}


ngx_int_t
ngx_er_console_admin(ngx_http_request_t *r)
{
    static ngx_er_header_t  allow = {
        ngx_string("Allow"), ngx_string("GET, HEAD")
    };

    if (!ngx_er_console_own(r) || !ngx_er_console_wanted(r)) {
        return NGX_DECLINED;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_er_reply_problem(r, NGX_HTTP_NOT_ALLOWED,
                                    "this is read with GET", &allow);
    }

    return ngx_er_console_send(r, ngx_er_page_admin);
}


ngx_int_t
ngx_er_console_status(ngx_http_request_t *r)
{
    return ngx_er_console_send(r, ngx_er_page_status);
}


/* with a slash at the end and without; what a regular expression takes has no
   address of its own, there each path is one */

static ngx_uint_t
ngx_er_console_own(ngx_http_request_t *r)
{
    ngx_str_t                  name, uri;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    name = clcf->name;
    uri = r->uri;

    if (name.len == 0 || uri.len < name.len
        || ngx_strncmp(uri.data, name.data, name.len) != 0)
    {
        return 1;
    }

    if (uri.len == name.len) {
        return 1;
    }

    return uri.len == name.len + 1 && uri.data[name.len] == '/';
}


static ngx_int_t
ngx_er_console_send(ngx_http_request_t *r, ngx_str_t *page)
{
    u_char          *p;
    ngx_str_t       *gzip;
    ngx_uint_t       packed;
    ngx_er_answer_t  answer;
    ngx_er_unpack_t  unpack;

    ngx_er_header_t  headers[] = {
        { ngx_string("Content-Type"), ngx_string("text/html; charset=utf-8") },
        { ngx_string("ETag"), ngx_null_string },
        { ngx_string("Content-Security-Policy"), ngx_null_string },
        { ngx_string("Cache-Control"), ngx_string("no-cache") },
        { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
        { ngx_string("Vary"), ngx_string("Accept, Accept-Encoding") },
        { ngx_string("Content-Encoding"), ngx_string("gzip") }
    };

    packed = ngx_er_console_packed(r);
    gzip = &page[NGX_ER_CONSOLE_GZIP];

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router console: page of %uz bytes, packed:%ui",
                   gzip->len, packed);

    headers[1].value = page[NGX_ER_CONSOLE_TAG];
    headers[2].value = page[NGX_ER_CONSOLE_POLICY];

    answer.status = NGX_HTTP_OK;
    answer.body = *gzip;
    answer.headers = headers;
    answer.nheaders = sizeof(headers) / sizeof(ngx_er_header_t) - !packed;

    if (!packed) {
        p = gzip->data + gzip->len - NGX_ER_CONSOLE_SIZE;

        ngx_memzero(&unpack, sizeof(ngx_er_unpack_t));
        unpack.pool = r->pool;
        unpack.max = (size_t) p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];

        if (ngx_er_coding_unpack(&unpack, NGX_ER_CODING_GZIP, gzip) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        answer.body = unpack.bytes;
    }

    return ngx_er_reply_page(r, &answer);
}


static ngx_uint_t
ngx_er_console_packed(ngx_http_request_t *r)
{
#if (NGX_HTTP_GZIP)
    return r == r->main && ngx_http_gzip_ok(r) == NGX_OK;
#else
    return 0;
#endif
}
