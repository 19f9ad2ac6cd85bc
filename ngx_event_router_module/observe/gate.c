
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may ask an event_admin or event_explain location.  Without a parameter
 * only clients on this machine that ask for it by a name of this machine or of
 * the server: a page whose name leads to 127.0.0.1 is in a browser here, too,
 * but that name is its own ("DNS rebinding").  With token= it is whoever has
 * one of them; with access=nginx whomever the location's own rules let in,
 * which nginx has asked before.  What changes something must not be sent by a
 * browser that a page of somebody else made do it: it needs a header that
 * forms cannot send, and no foreign Origin.
 *
 * Each token has a role and a name, which says in the audit who acted.  role=
 * in front of all tokens is of those who come without one.
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


/* one that is asked for */

typedef struct {
    ngx_str_t                  name;
    ngx_str_t                  text;
    ngx_er_role_e              role;
    ngx_uint_t                 words;       /* that were read of it */
} ngx_er_gate_token_t;


#define NGX_ER_GATE_ROLED  0x1         /* role= was read */
#define NGX_ER_GATE_NAMED  0x2         /* name= was */

#define NGX_ER_GATE_LEAST  16          /* bytes of a token, at least */


struct ngx_er_gate_s {
    ngx_str_t                  directive;
    ngx_er_where_t             where;
    ngx_http_core_srv_conf_t  *server;      /* for nginx.conf's time only */
    ngx_http_core_loc_conf_t  *location;    /* the same */

    ngx_array_t                tokens;      /* of ngx_er_gate_token_t; none:
                                               none is asked for */
    ngx_er_role_e              role;        /* without one */
    ngx_uint_t                 words;       /* NGX_ER_GATE_ROLED: of that */
    ngx_array_t                names;       /* of ngx_str_t: the server's,
                                               which may stand in Host */
    ngx_uint_t                 nginx;       /* its own rules decide */
    ngx_uint_t                 basic;       /* and ask for a password */
};


typedef enum {
    NGX_ER_GATE_OPEN = 0,
    NGX_ER_GATE_TOKEN,
    NGX_ER_GATE_AFAR,
    NGX_ER_GATE_NAME,
    NGX_ER_GATE_FOREIGN,
    NGX_ER_GATE_HEADER,
    NGX_ER_GATE_ROLE
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


static ngx_int_t ngx_er_gate_param(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_str_t *word);
static ngx_uint_t ngx_er_gate_acts(ngx_er_gate_t *gate);
static ngx_int_t ngx_er_gate_token_add(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_str_t *word);
static ngx_int_t ngx_er_gate_token_role(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_str_t *word);
static ngx_int_t ngx_er_gate_token_name(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_str_t *word);
static ngx_int_t ngx_er_gate_end(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_int_t ngx_er_gate_pair(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_er_gate_token_t *one, ngx_er_gate_token_t *other);
static ngx_uint_t ngx_er_gate_asks(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_int_t ngx_er_gate_names(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_ruled(ngx_conf_t *cf, ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_basic(ngx_conf_t *cf, void **conf);
static void *ngx_er_gate_conf(ngx_conf_t *cf, void **conf, const char *name);
static ngx_module_t *ngx_er_gate_module(ngx_conf_t *cf, const char *name);
static ngx_er_gate_e ngx_er_gate_ask(ngx_http_request_t *r,
    ngx_er_gate_t *gate, ngx_uint_t change, ngx_er_who_t *who);
static ngx_er_gate_e ngx_er_gate_changes(ngx_http_request_t *r);
static ngx_uint_t ngx_er_gate_local(ngx_connection_t *c);
static ngx_uint_t ngx_er_gate_named(ngx_http_request_t *r,
    ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_loopback(ngx_str_t *name);
static ngx_uint_t ngx_er_gate_server(ngx_str_t *own, ngx_str_t *name);
static ngx_er_gate_token_t *ngx_er_gate_token(ngx_http_request_t *r,
    ngx_er_gate_t *gate);
static ngx_uint_t ngx_er_gate_same(ngx_str_t *one, ngx_str_t *other);
static ngx_uint_t ngx_er_gate_foreign(ngx_http_request_t *r);
static ngx_uint_t ngx_er_gate_elsewhere(ngx_http_request_t *r);
static ngx_uint_t ngx_er_gate_level(ngx_http_request_t *r, ngx_er_gate_e why);
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
      "what changes something is sent with the header \"X-Event-Admin: 1\"" },

    { "this client may look and not act: its role is \"look\"",
      "its role is \"look\"; write \"role=act\" behind the token= of those "
      "who may act" }
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

    if (ngx_array_init(&gate->tokens, cf->pool, 1,
                       sizeof(ngx_er_gate_token_t))
        != NGX_OK)
    {
        return NULL;
    }

    gate->role = NGX_ER_ROLE_ACT;
    gate->directive = *directive;
    gate->server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    gate->location = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);
    ngx_er_where_set(cf, &gate->where);

    return gate;
}


ngx_int_t
ngx_er_gate_params(ngx_conf_t *cf, ngx_er_gate_t *gate, ngx_uint_t from,
    ngx_uint_t *reveal)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = from; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "reveal") == 0) {
            *reveal = 1;
            continue;
        }

        switch (ngx_er_gate_param(cf, gate, &value[i])) {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"%V\", which "
                               "has token=file:PATH%s, access=nginx and "
                               "reveal", &value[i], &gate->directive,
                               ngx_er_gate_acts(gate)
                                   ? " with role=look|act and name=" : "");

            /* fall through */

        default: /* NGX_ERROR */
            return NGX_ERROR;
        }
    }

    return ngx_er_gate_end(cf, gate);
}


/* NGX_DECLINED: it is none of these; NGX_ERROR: after logging */

static ngx_int_t
ngx_er_gate_param(ngx_conf_t *cf, ngx_er_gate_t *gate, ngx_str_t *word)
{
    if (ngx_strcmp(word->data, "access=nginx") == 0) {
        gate->nginx = 1;
        return NGX_OK;
    }

    if (ngx_strncmp(word->data, "token=", 6) == 0) {
        return ngx_er_gate_token_add(cf, gate, word);
    }

    if (!ngx_er_gate_acts(gate)) {
        return NGX_DECLINED;
    }

    if (ngx_strncmp(word->data, "role=", 5) == 0) {
        return ngx_er_gate_token_role(cf, gate, word);
    }

    if (ngx_strncmp(word->data, "name=", 5) == 0) {
        return ngx_er_gate_token_name(cf, gate, word);
    }

    return NGX_DECLINED;
}


/* who may have something explained changes nothing */

static ngx_uint_t
ngx_er_gate_acts(ngx_er_gate_t *gate)
{
    return ngx_strcmp(gate->directive.data, "event_admin") == 0;
}


/* its name is that of its file, or of its variable */

static ngx_int_t
ngx_er_gate_token_add(ngx_conf_t *cf, ngx_er_gate_t *gate, ngx_str_t *word)
{
    u_char               *p, *last;
    ngx_str_t             secret;
    ngx_er_error_t        err, warn;
    ngx_er_gate_token_t  *token;

    token = ngx_array_push(&gate->tokens);
    if (token == NULL) {
        return NGX_ERROR;
    }

    secret.data = word->data + 6;
    secret.len = word->len - 6;

    if (ngx_er_secret_text(cf->pool, &secret, &token->text, &warn, &err)
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

    if (token->text.len < NGX_ER_GATE_LEAST) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "\"%V token=\": the token has "
                           "%uz bytes, so it can be guessed: make one of at "
                           "least %d, for example with \"openssl rand -hex "
                           "24\"", &gate->directive, token->text.len,
                           NGX_ER_GATE_LEAST);
    }

    token->role = NGX_ER_ROLE_ACT;
    token->words = 0;

    if (!ngx_er_secret_named(&secret)) {

        /* who acted is told by the name, so it is not the token itself */

        ngx_str_set(&token->name, "nginx.conf");

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "\"%V token=\": the token "
                           "stands in the configuration, where \"nginx -T\" "
                           "shows it: write \"token=file:PATH\"; if this is "
                           "a path, \"file:\" is missing in front of it",
                           &gate->directive);
        return NGX_OK;
    }

    last = word->data + word->len;

    for (p = last; p[-1] != '/' && p[-1] != ':'; p--) { /* void */ }

    token->name.data = p;
    token->name.len = last - p;

    return NGX_OK;
}


/* of the token in front of it; in front of all: of who comes without one */

static ngx_int_t
ngx_er_gate_token_role(ngx_conf_t *cf, ngx_er_gate_t *gate, ngx_str_t *word)
{
    ngx_uint_t           *words;
    ngx_er_role_e        *role;
    ngx_er_gate_token_t  *token;

    role = &gate->role;
    words = &gate->words;

    if (gate->tokens.nelts) {
        token = gate->tokens.elts;
        token += gate->tokens.nelts - 1;

        role = &token->role;
        words = &token->words;
    }

    if (*words & NGX_ER_GATE_ROLED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V role=\" stands twice: "
                           "one belongs behind each token=",
                           &gate->directive);
        return NGX_ERROR;
    }

    *words |= NGX_ER_GATE_ROLED;

    if (ngx_strcmp(word->data + 5, "look") == 0) {
        *role = NGX_ER_ROLE_LOOK;
        return NGX_OK;
    }

    if (ngx_strcmp(word->data + 5, "act") == 0) {
        *role = NGX_ER_ROLE_ACT;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V role=\" takes look or act, "
                       "not \"%s\"", &gate->directive, word->data + 5);
    return NGX_ERROR;
}


static ngx_int_t
ngx_er_gate_token_name(ngx_conf_t *cf, ngx_er_gate_t *gate, ngx_str_t *word)
{
    ngx_er_gate_token_t  *token;

    if (gate->tokens.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V name=\" belongs behind "
                           "the token= that it names", &gate->directive);
        return NGX_ERROR;
    }

    token = gate->tokens.elts;
    token += gate->tokens.nelts - 1;

    if (word->len == 5 || (token->words & NGX_ER_GATE_NAMED)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V name=\" %s",
                           &gate->directive,
                           word->len == 5 ? "is empty" : "stands twice: one "
                           "belongs behind each token=");
        return NGX_ERROR;
    }

    token->words |= NGX_ER_GATE_NAMED;
    token->name.data = word->data + 5;
    token->name.len = word->len - 5;

    return NGX_OK;
}


/* do they fit together? */

static ngx_int_t
ngx_er_gate_end(ngx_conf_t *cf, ngx_er_gate_t *gate)
{
    ngx_uint_t            i, k;
    ngx_er_gate_token_t  *token;

    token = gate->tokens.elts;

    if (gate->tokens.nelts && (gate->words & NGX_ER_GATE_ROLED)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V role=\" stands in "
                           "front of token=, and nobody comes without one: it "
                           "belongs behind its token=", &gate->directive);
        return NGX_ERROR;
    }

    for (i = 0; i < gate->tokens.nelts; i++) {
        for (k = 0; k < i; k++) {
            if (ngx_er_gate_pair(cf, gate, &token[k], &token[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* who acted, and what he may, must be plain */

static ngx_int_t
ngx_er_gate_pair(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_er_gate_token_t *one, ngx_er_gate_token_t *other)
{
    if (one->text.len == other->text.len
        && ngx_memcmp(one->text.data, other->text.data, one->text.len) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": the tokens \"%V\" "
                           "and \"%V\" are the same: give each its own",
                           &gate->directive, &one->name, &other->name);
        return NGX_ERROR;
    }

    if (one->name.len == other->name.len
        && ngx_memcmp(one->name.data, other->name.data, one->name.len) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": two tokens have the "
                           "name \"%V\": name one of them with name=",
                           &gate->directive, &one->name);
        return NGX_ERROR;
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

        gate[i]->basic = ngx_er_gate_asks(cf, gate[i]);

        if (!gate[i]->nginx || gate[i]->tokens.nelts
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


/*
 * Whether whoever is here had a password that was asked for: by auth_basic, by
 * what auth_request asks, or by a module that cannot be seen, if nothing else
 * can.  Where nginx lets in who satisfies any rule, nobody can tell.
 */

static ngx_uint_t
ngx_er_gate_asks(ngx_conf_t *cf, ngx_er_gate_t *gate)
{
    void       **conf;
    ngx_str_t   *uri;

    if (!gate->nginx || gate->location->satisfy == NGX_HTTP_SATISFY_ANY) {
        return 0;
    }

    conf = gate->location->loc_conf;
    uri = ngx_er_gate_conf(cf, conf, "ngx_http_auth_request_module");

    return ngx_er_gate_basic(cf, conf) || (uri && uri->len)
           || !ngx_er_gate_ruled(cf, gate);
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


ngx_uint_t
ngx_er_gate_tokens(ngx_er_gate_t *gate)
{
    return gate->tokens.nelts != 0;
}


const char *
ngx_er_gate_refused(ngx_http_request_t *r, ngx_er_gate_t *gate,
    ngx_er_role_e role, ngx_uint_t change, ngx_er_who_t *who)
{
    ngx_uint_t     level;
    ngx_er_who_t   unused;
    ngx_er_gate_e  why;

    who = who ? who : &unused;
    ngx_memzero(who, sizeof(ngx_er_who_t));

    why = ngx_er_gate_ask(r, gate, change, who);

    if (why == NGX_ER_GATE_OPEN && who->role < role) {
        why = NGX_ER_GATE_ROLE;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router gate: \"%V\", role:%d change:%ui refused:%d",
                   &gate->directive, role, change, why);

    if (why != NGX_ER_GATE_OPEN) {
        level = ngx_er_gate_level(r, why);

        ngx_log_error(level, r->connection->log, 0,
                      "access forbidden by \"%V\" in %V:%ui: %s",
                      &gate->directive, &gate->where.file, gate->where.line,
                      ngx_er_gate_reasons[why].way);

        return ngx_er_gate_reasons[why].detail;
    }

    return (who != &unused
            && ngx_er_who_request(r, gate->basic, who) != NGX_OK)
           ? "no memory" : NULL;
}


static ngx_er_gate_e
ngx_er_gate_ask(ngx_http_request_t *r, ngx_er_gate_t *gate, ngx_uint_t change,
    ngx_er_who_t *who)
{
    ngx_er_gate_token_t  *token;

    who->role = gate->role;

    if (gate->tokens.nelts) {
        token = ngx_er_gate_token(r, gate);

        if (token == NULL) {
            return NGX_ER_GATE_TOKEN;
        }

        who->role = token->role;
        who->token = token->name;

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

    return change ? ngx_er_gate_changes(r) : NGX_ER_GATE_OPEN;
}


static ngx_er_gate_e
ngx_er_gate_changes(ngx_http_request_t *r)
{
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


/* all are looked at, so that the time does not tell which one it is */

static ngx_er_gate_token_t *
ngx_er_gate_token(ngx_http_request_t *r, ngx_er_gate_t *gate)
{
    ngx_str_t             value;
    ngx_uint_t            i;
    ngx_er_gate_token_t  *token, *found;

    if (r->headers_in.authorization == NULL) {
        return NULL;
    }

    value = r->headers_in.authorization->value;

    if (value.len < sizeof("Bearer ") - 1
        || ngx_strncasecmp(value.data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NULL;
    }

    value.data += sizeof("Bearer ") - 1;
    value.len -= sizeof("Bearer ") - 1;

    found = NULL;
    token = gate->tokens.elts;

    for (i = 0; i < gate->tokens.nelts; i++) {
        if (ngx_er_gate_same(&value, &token[i].text)) {
            found = &token[i];
        }
    }

    return found;
}


/* the time it takes does not tell where the first wrong byte is */

static ngx_uint_t
ngx_er_gate_same(ngx_str_t *one, ngx_str_t *other)
{
    size_t  i;
    u_char  differ;

    if (one->len != other->len) {
        return 0;
    }

    differ = 0;

    for (i = 0; i < one->len; i++) {
        differ |= one->data[i] ^ other->data[i];
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


/* the console, that asks whether a token is wanted: nobody has tried one */

static ngx_uint_t
ngx_er_gate_level(ngx_http_request_t *r, ngx_er_gate_e why)
{
    return (why == NGX_ER_GATE_TOKEN
            && r->headers_in.authorization == NULL
            && ngx_er_gate_header(r, "Sec-Fetch-Site") != NULL
            && !ngx_er_gate_elsewhere(r))
           ? NGX_LOG_INFO : NGX_LOG_ERR;
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
