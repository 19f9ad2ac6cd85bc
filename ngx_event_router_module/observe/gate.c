
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may ask an event_admin or event_explain location.  Without a parameter
 * only clients on this machine that ask for it by a name of this machine or of
 * the server: a page whose name leads to 127.0.0.1 is in a browser here, too,
 * but that name is its own ("DNS rebinding").  With token= it is whoever has
 * it; with access=nginx whomever the location's own rules let in, which nginx
 * has asked before.  What changes something must not be sent by a browser that
 * a page of somebody else made do it: it needs a header that forms cannot
 * send, and no foreign Origin.
 *
 * Who is refused is told in a problem; what to write in nginx.conf stands in
 * error.log, which is the operator's.
 *
 * A location with access=nginx where nginx has no rule of access lets
 * everybody in, and "nginx -t" warns of it, after all locations were merged.
 * What can be seen are the rules of nginx's own modules: allow and deny,
 * auth_basic, auth_request, ssl_verify_client.  Their configurations are
 * private to them, so the heads of the structures are repeated here; modules
 * are found by name, for nginx may have been built without them.  Rules of
 * other modules cannot be seen: an "allow all" says that somebody thought of
 * it.
 *
 * Gates are in the configuration's pool.  Asking one owns nothing and cannot
 * fail.
 */


#include "gate.h"
#include "../ingest/secret.h"


struct ngx_er_gate_s {
    ngx_str_t                  directive;
    ngx_er_where_t             where;
    ngx_http_core_srv_conf_t  *server;      /* for nginx.conf's time only */
    ngx_http_core_loc_conf_t  *location;    /* the same */

    ngx_str_t                  token;       /* empty: none is asked for */
    ngx_array_t                names;       /* of ngx_str_t: the server's,
                                               which may stand in Host */
    ngx_uint_t                 nginx;       /* its own rules decide */
};


typedef enum {
    NGX_ER_GATE_OPEN = 0,
    NGX_ER_GATE_TOKEN,
    NGX_ER_GATE_AFAR,
    NGX_ER_GATE_NAME,
    NGX_ER_GATE_FOREIGN,
    NGX_ER_GATE_HEADER
} ngx_er_gate_e;


/* ngx_http_access_module.c */

typedef struct {
    ngx_array_t               *rules;
#if (NGX_HAVE_INET6)
    ngx_array_t               *rules6;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    ngx_array_t               *rules_un;
#endif
} ngx_er_gate_access_t;


static ngx_int_t ngx_er_gate_names(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_ruled(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_basic(ngx_conf_t *cf, void **conf);
static void *ngx_er_gate_conf(ngx_conf_t *cf, void **conf, const char *name);
static ngx_module_t *ngx_er_gate_module(ngx_conf_t *cf, const char *name);
static ngx_er_gate_e ngx_er_gate_ask(ngx_http_request_t *r,
    ngx_er_gate_t *gate, ngx_uint_t change);
static ngx_uint_t ngx_er_gate_local(ngx_connection_t *c);
static ngx_uint_t ngx_er_gate_named(ngx_http_request_t *r,
    ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_loopback(ngx_str_t *name);
static ngx_uint_t ngx_er_gate_server(ngx_str_t *own, ngx_str_t *name);
static ngx_uint_t ngx_er_gate_token(ngx_http_request_t *r, ngx_str_t *token);
static ngx_uint_t ngx_er_gate_foreign(ngx_http_request_t *r);
static ngx_uint_t ngx_er_gate_elsewhere(ngx_http_request_t *r);
static ngx_str_t *ngx_er_gate_header(ngx_http_request_t *r, const char *name);


/* to the client, and what it takes, to the operator */

static struct {
    const char  *detail;
    const char  *way;
} ngx_er_gate_reasons[] = {
    { NULL, NULL },

    { "the token of this location is asked for: Authorization: Bearer TOKEN",
      "the token of its token= is asked for in \"Authorization: Bearer\"" },

    { "only clients on this machine may ask; see token= and access= of the "
      "directive",
      "the client is not on this machine; to let others in write "
      "\"token=file:PATH\", or \"access=nginx\" and allow, deny or "
      "auth_basic" },

    { "ask for localhost, 127.0.0.1, [::1] or a server_name of this server; "
      "see token= and access= of the directive",
      "it asks for a name in Host that is not this machine's; write it in "
      "\"server_name\", or \"token=file:PATH\", or \"access=nginx\" and "
      "allow, deny or auth_basic" },

    { "the page that asks is of another origin",
      "a page of another origin asks; scripts send no \"Origin\", for a page "
      "elsewhere write \"token=file:PATH\"" },

    { "whoever changes something sends the header X-Event-Admin: 1",
      "what changes something is sent with the header \"X-Event-Admin: 1\"" }
};


ngx_er_gate_t *
ngx_er_gate_create(ngx_conf_t *cf, ngx_str_t *directive)
{
    ngx_er_gate_t       *gate, **slot;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    gate = ngx_pcalloc(cf->pool, sizeof(ngx_er_gate_t));
    slot = ngx_array_push(&mcf->gates);

    if (gate == NULL || slot == NULL) {
        return NULL;
    }

    *slot = gate;

    gate->directive = *directive;
    gate->server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    gate->location = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);
    ngx_er_where_set(cf, &gate->where);

    return gate;
}


ngx_int_t
ngx_er_gate_param(ngx_conf_t *cf, ngx_er_gate_t *gate, ngx_str_t *word)
{
    ngx_str_t       secret;
    ngx_er_error_t  err, warn;

    if (ngx_strcmp(word->data, "access=nginx") == 0) {
        gate->nginx = 1;
        return NGX_OK;
    }

    if (ngx_strncmp(word->data, "token=", 6) != 0) {
        return NGX_DECLINED;
    }

    secret.data = word->data + 6;
    secret.len = word->len - 6;

    if (ngx_er_secret_text(cf->pool, &secret, &gate->token, &warn, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V token=\": %*s",
                           &gate->directive, err.len, err.text);
        return NGX_ERROR;
    }

    if (warn.len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "\"%V token=\": %*s",
                           &gate->directive, warn.len, warn.text);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_gates_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t       i;
    ngx_er_gate_t  **gate;

    gate = mcf->gates.elts;

    for (i = 0; i < mcf->gates.nelts; i++) {

        if (ngx_er_gate_names(cf, gate[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!gate[i]->nginx || gate[i]->token.len
            || gate[i]->location->internal || ngx_er_gate_ruled(cf, gate[i]))
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &gate[i]->where,
                         "\"%V access=nginx\" lets everybody in, for nginx "
                         "has no rule here: add allow and deny, auth_basic, "
                         "auth_request or \"ssl_verify_client on\"; if "
                         "something else protects the location, \"allow "
                         "all\" says so", &gate[i]->directive);
    }

    return NGX_OK;
}


/*
 * nginx keeps the names in a pool that is gone when it runs.  One that is a
 * regular expression may be anybody's, and is not taken.
 */

static ngx_int_t
ngx_er_gate_names(ngx_conf_t *cf, ngx_er_gate_t *gate)
{
    ngx_str_t               *own;
    ngx_uint_t               i;
    ngx_http_server_name_t  *name;

    if (ngx_array_init(&gate->names, cf->pool,
                       ngx_max(gate->server->server_names.nelts, 1),
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = gate->server->server_names.elts;

    for (i = 0; i < gate->server->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (name[i].regex) {
            continue;
        }
#endif

        own = ngx_array_push(&gate->names);
        if (own == NULL) {
            return NGX_ERROR;
        }

        *own = name[i].name;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_gate_ruled(ngx_conf_t *cf, ngx_er_gate_t *gate)
{
    void                  **conf;
    ngx_str_t              *uri;
    ngx_er_gate_access_t   *access;
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t  *ssl;
#endif

    conf = gate->location->loc_conf;

    access = ngx_er_gate_conf(cf, conf, "ngx_http_access_module");

    if (access && (access->rules
#if (NGX_HAVE_INET6)
                   || access->rules6
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
                   || access->rules_un
#endif
                   ))
    {
        return 1;
    }

    if (ngx_er_gate_basic(cf, conf)) {
        return 1;
    }

    /* the URI is the first there, too */

    uri = ngx_er_gate_conf(cf, conf, "ngx_http_auth_request_module");

    if (uri && uri->len) {
        return 1;
    }

#if (NGX_HTTP_SSL)

    ssl = ngx_er_gate_conf(cf, gate->server->ctx->srv_conf,
                           "ngx_http_ssl_module");

    if (ssl && ssl->verify == 1) {
        return 1;
    }

#endif

    return 0;
}


/* the directive says where its value is, which may be "off" */

static ngx_uint_t
ngx_er_gate_basic(ngx_conf_t *cf, void **conf)
{
    ngx_module_t              *module;
    ngx_command_t             *cmd;
    ngx_http_complex_value_t  *realm;

    module = ngx_er_gate_module(cf, "ngx_http_auth_basic_module");

    if (module == NULL) {
        return 0;
    }

    for (cmd = module->commands; cmd->name.len; cmd++) {

        if (ngx_strcmp(cmd->name.data, "auth_basic") != 0) {
            continue;
        }

        realm = *(ngx_http_complex_value_t **)
                      ((u_char *) conf[module->ctx_index] + cmd->offset);

        return realm && (realm->value.len != 3
                         || ngx_strncmp(realm->value.data, "off", 3) != 0);
    }

    return 0;
}


static void *
ngx_er_gate_conf(ngx_conf_t *cf, void **conf, const char *name)
{
    ngx_module_t  *module;

    module = ngx_er_gate_module(cf, name);

    return module ? conf[module->ctx_index] : NULL;
}


static ngx_module_t *
ngx_er_gate_module(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, name) == 0) {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


const char *
ngx_er_gate_refused(ngx_http_request_t *r, ngx_er_gate_t *gate,
    ngx_uint_t change)
{
    ngx_er_gate_e  why;

    why = ngx_er_gate_ask(r, gate, change);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router gate: \"%V\", change:%ui refused:%d",
                   &gate->directive, change, why);

    if (why != NGX_ER_GATE_OPEN) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "access forbidden by \"%V\" in %V:%ui: %s",
                      &gate->directive, &gate->where.file, gate->where.line,
                      ngx_er_gate_reasons[why].way);
    }

    return ngx_er_gate_reasons[why].detail;
}


static ngx_er_gate_e
ngx_er_gate_ask(ngx_http_request_t *r, ngx_er_gate_t *gate, ngx_uint_t change)
{
    if (gate->token.len) {

        if (!ngx_er_gate_token(r, &gate->token)) {
            return NGX_ER_GATE_TOKEN;
        }

    } else if (!gate->nginx) {

        if (!ngx_er_gate_local(r->connection)) {
            return NGX_ER_GATE_AFAR;
        }

        if (!ngx_er_gate_named(r, gate)) {
            return NGX_ER_GATE_NAME;
        }

        if (ngx_er_gate_foreign(r) || ngx_er_gate_elsewhere(r)) {
            return NGX_ER_GATE_FOREIGN;
        }
    }

    if (!change) {
        return NGX_ER_GATE_OPEN;
    }

    if (ngx_er_gate_header(r, "X-Event-Admin") == NULL) {
        return NGX_ER_GATE_HEADER;
    }

    return ngx_er_gate_foreign(r) ? NGX_ER_GATE_FOREIGN : NGX_ER_GATE_OPEN;
}


static ngx_uint_t
ngx_er_gate_local(ngx_connection_t *c)
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
ngx_er_gate_named(ngx_http_request_t *r, ngx_er_gate_t *gate)
{
    ngx_str_t   host, *name;
    ngx_uint_t  i;

    /* in lower case, without the port */

    host = r->headers_in.server;

    if (host.len == 0 || ngx_er_gate_loopback(&host)) {
        return 1;
    }

    name = gate->names.elts;

    for (i = 0; i < gate->names.nelts; i++) {
        if (ngx_er_gate_server(&name[i], &host)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_gate_loopback(ngx_str_t *name)
{
    in_addr_t         addr;
    static ngx_str_t  local = ngx_string("localhost");

    if (ngx_er_gate_server(&local, name)) {
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
ngx_er_gate_server(ngx_str_t *own, ngx_str_t *name)
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
ngx_er_gate_token(ngx_http_request_t *r, ngx_str_t *token)
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
ngx_er_gate_foreign(ngx_http_request_t *r)
{
    size_t      i;
    ngx_str_t  *origin, *host;

    origin = ngx_er_gate_header(r, "Origin");

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


/* a page makes the browser ask without Origin, for a picture for example */

static ngx_uint_t
ngx_er_gate_elsewhere(ngx_http_request_t *r)
{
    ngx_str_t  *site;

    site = ngx_er_gate_header(r, "Sec-Fetch-Site");

    if (site == NULL) {
        return 0;
    }

    return !(site->len == sizeof("none") - 1
             && ngx_strncasecmp(site->data, (u_char *) "none", site->len)
                == 0)
           && !(site->len == sizeof("same-origin") - 1
                && ngx_strncasecmp(site->data, (u_char *) "same-origin",
                                   site->len)
                   == 0);
}


static ngx_str_t *
ngx_er_gate_header(ngx_http_request_t *r, const char *name)
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
