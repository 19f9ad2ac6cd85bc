
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may administer.  Without a parameter of event_admin only clients on this
 * machine that ask for it by a name of this machine or of the server: a page
 * whose name leads to 127.0.0.1 is in a browser here, too, but that name is
 * its own ("DNS rebinding").  With token= it is whoever has it; with
 * access=nginx whomever the location's own rules let in, which nginx has asked
 * before.  What changes something must not be sent by a browser that a page of
 * somebody else made do it: it needs a header that forms cannot send, and no
 * foreign Origin.
 */


#include "admin.h"


static ngx_uint_t ngx_er_admin_local(ngx_connection_t *c);
static ngx_uint_t ngx_er_admin_named(ngx_http_request_t *r,
    ngx_er_admin_conf_t *conf);
static ngx_uint_t ngx_er_admin_loopback(ngx_str_t *name);
static ngx_uint_t ngx_er_admin_server(ngx_str_t *own, ngx_str_t *name);
static ngx_uint_t ngx_er_admin_token(ngx_http_request_t *r, ngx_str_t *token);
static ngx_uint_t ngx_er_admin_foreign(ngx_http_request_t *r);
static ngx_str_t *ngx_er_admin_header(ngx_http_request_t *r,
    const char *name);


/*
 * nginx keeps the names in a pool that is gone when it runs.  One that is a
 * regular expression may be anybody's, and is not taken.
 */

char *
ngx_er_admin_merge(ngx_conf_t *cf, ngx_er_admin_conf_t *conf)
{
    ngx_str_t                 *own;
    ngx_uint_t                 i;
    ngx_http_server_name_t    *name;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (ngx_array_init(&conf->names, cf->pool,
                       ngx_max(cscf->server_names.nelts, 1),
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    name = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (name[i].regex) {
            continue;
        }
#endif

        own = ngx_array_push(&conf->names);
        if (own == NULL) {
            return NGX_CONF_ERROR;
        }

        *own = name[i].name;
    }

    return NGX_CONF_OK;
}


const char *
ngx_er_admin_refused(ngx_http_request_t *r, ngx_er_admin_conf_t *conf,
    ngx_uint_t change)
{
    if (conf->token.len) {

        if (!ngx_er_admin_token(r, &conf->token)) {
            return "the token of this location is asked for: "
                   "Authorization: Bearer TOKEN";
        }

    } else if (!conf->access) {

        if (!ngx_er_admin_local(r->connection)) {
            return "only clients on this machine may ask; see token= and "
                   "access= of event_admin";
        }

        if (!ngx_er_admin_named(r, conf)) {
            return "ask for localhost, 127.0.0.1, [::1] or a server_name of "
                   "this server; see token= and access= of event_admin";
        }

        if (ngx_er_admin_foreign(r)) {
            return "the page that asks is of another origin";
        }
    }

    if (!change) {
        return NULL;
    }

    if (ngx_er_admin_header(r, "X-Event-Admin") == NULL) {
        return "whoever changes something sends the header X-Event-Admin: 1";
    }

    if (ngx_er_admin_foreign(r)) {
        return "the page that asks is of another origin";
    }

    return NULL;
}


static ngx_uint_t
ngx_er_admin_local(ngx_connection_t *c)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (c->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

    case AF_UNIX:
        return 1;

    default:
        return 0;
    }
}


/* no Host at all is no browser */

static ngx_uint_t
ngx_er_admin_named(ngx_http_request_t *r, ngx_er_admin_conf_t *conf)
{
    ngx_str_t   host, *name;
    ngx_uint_t  i;

    /* in lower case, without the port */

    host = r->headers_in.server;

    if (host.len == 0 || ngx_er_admin_loopback(&host)) {
        return 1;
    }

    name = conf->names.elts;

    for (i = 0; i < conf->names.nelts; i++) {
        if (ngx_er_admin_server(&name[i], &host)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_admin_loopback(ngx_str_t *name)
{
    in_addr_t         addr;
    static ngx_str_t  local = ngx_string("localhost");

    if (ngx_er_admin_server(&local, name)) {
        return 1;
    }

#if (NGX_HAVE_INET6)

    u_char           addr6[16];

    if (name->len > 2 && name->data[0] == '['
        && ngx_inet6_addr(name->data + 1, name->len - 2, addr6) == NGX_OK)
    {
        return IN6_IS_ADDR_LOOPBACK((struct in6_addr *) addr6);
    }

#endif

    addr = ngx_inet_addr(name->data, name->len);

    return addr != INADDR_NONE && (ntohl(addr) >> 24) == 127;
}


/* ".example.com" is example.com, too */

static ngx_uint_t
ngx_er_admin_server(ngx_str_t *own, ngx_str_t *name)
{
    size_t   len;
    u_char  *p;

    p = own->data;
    len = own->len;

    if (len > 1 && p[0] == '*' && p[1] == '.') {
        p++;
        len--;
    }

    if (len > 1 && p[0] == '.') {

        if (name->len >= len
            && ngx_strncasecmp(name->data + name->len - len, p, len) == 0)
        {
            return 1;
        }

        p += (own->data[0] == '.');
        len -= (own->data[0] == '.');
    }

    return len && name->len == len
           && ngx_strncasecmp(name->data, p, len) == 0;
}


/* the time it takes does not tell where the first wrong byte is */

static ngx_uint_t
ngx_er_admin_token(ngx_http_request_t *r, ngx_str_t *token)
{
    size_t      i;
    u_char      differ;
    ngx_str_t  *value;

    value = r->headers_in.authorization
            ? &r->headers_in.authorization->value : NULL;

    if (value == NULL || value->len != token->len + sizeof("Bearer ") - 1
        || ngx_strncasecmp(value->data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return 0;
    }

    differ = 0;

    for (i = 0; i < token->len; i++) {
        differ |= value->data[sizeof("Bearer ") - 1 + i] ^ token->data[i];
    }

    return differ == 0;
}


static ngx_uint_t
ngx_er_admin_foreign(ngx_http_request_t *r)
{
    size_t      i;
    ngx_str_t  *origin, *host;

    origin = ngx_er_admin_header(r, "Origin");

    if (origin == NULL) {
        return 0;
    }

    host = r->headers_in.host ? &r->headers_in.host->value : NULL;

    for (i = 0; i + 2 < origin->len; i++) {
        if (ngx_strncmp(origin->data + i, "://", 3) == 0) {
            break;
        }
    }

    i += 3;

    return host == NULL || i > origin->len || origin->len - i != host->len
           || ngx_strncasecmp(origin->data + i, host->data, host->len) != 0;
}


static ngx_str_t *
ngx_er_admin_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}
