
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The settings of a Redis store: reads the arguments of event_store and
 * event_dedup_store once, at configuration time.  redis_store.c calls it; what
 * it makes lives as long as the configuration.  All that can be wrong is found
 * here: names are looked up by "nginx -t", and what has no address is warned
 * of, password files are read, TLS is prepared.
 *
 * No message quotes the URL or the password.
 */


#include "redis_conn.h"
#include "../vault.h"


#define NGX_ER_REDIS_SECRET  4096      /* bytes of a password file */
#define NGX_ER_REDIS_MEMORY  (64 * 1024 * 1024)


typedef struct {
    ngx_str_t                ca;
    ngx_str_t                name;
    ngx_str_t                password_file;
    ngx_str_t                sentinel_file;
    ngx_str_t                sentinel_user;
    ngx_str_t                cert;
    ngx_str_t                key;
    ngx_flag_t               verify;
    unsigned                 given:1;
    unsigned                 store:1;  /* event_store, which has a queue */
} ngx_er_redis_args_t;


typedef enum {
    NGX_ER_REDIS_ARG_MSEC = 0,         /* of the conf */
    NGX_ER_REDIS_ARG_NUMBER,
    NGX_ER_REDIS_ARG_SIZE,
    NGX_ER_REDIS_ARG_PREFIX,
    NGX_ER_REDIS_ARG_TEXT,             /* of the args, not empty */
    NGX_ER_REDIS_ARG_SWITCH
} ngx_er_redis_arg_e;


typedef struct {
    ngx_str_t                name;
    ngx_er_redis_arg_e       kind;
    ngx_uint_t               store;    /* of event_store only */
    ngx_uint_t               offset;
    ngx_int_t                min;
    ngx_int_t                max;
    const char              *range;    /* for people */
} ngx_er_redis_arg_t;


static void ngx_er_redis_conf_default(ngx_er_redis_conf_t *conf);
static ngx_int_t ngx_er_redis_conf_arg(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args, ngx_str_t *arg);
static ngx_int_t ngx_er_redis_conf_set(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args,
    ngx_er_redis_arg_t *a, ngx_str_t *arg, ngx_str_t *value);
static ngx_int_t ngx_er_redis_conf_number(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_arg_t *a, ngx_str_t *arg,
    ngx_str_t *value);
static ngx_int_t ngx_er_redis_conf_prefix(ngx_conf_t *cf, ngx_str_t *prefix);
static ngx_int_t ngx_er_redis_conf_password(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *password);
static ngx_int_t ngx_er_redis_conf_auth(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
static ngx_int_t ngx_er_redis_conf_sentinel_auth(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
static ngx_int_t ngx_er_redis_conf_peers(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
static ngx_int_t ngx_er_redis_conf_peer(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_array_t *peers, ngx_str_t *text,
    in_port_t port);
static ngx_int_t ngx_er_redis_conf_tls(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
#if (NGX_SSL)
static ngx_int_t ngx_er_redis_conf_cert(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
static ngx_int_t ngx_er_redis_conf_trust(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
#endif


/* by kind, for people */

static const char  *ngx_er_redis_kinds[] = {
    "time",
    "number",
    "size"
};


static ngx_er_redis_arg_t  ngx_er_redis_args[] = {

    { ngx_string("connect_timeout="), NGX_ER_REDIS_ARG_MSEC, 0,
      offsetof(ngx_er_redis_conf_t, connect_timeout),
      1, 60000, "from 1ms to 60s" },

    { ngx_string("timeout="), NGX_ER_REDIS_ARG_MSEC, 0,
      offsetof(ngx_er_redis_conf_t, timeout),
      1, 60000, "from 1ms to 60s" },

    { ngx_string("prefix="), NGX_ER_REDIS_ARG_PREFIX, 0,
      offsetof(ngx_er_redis_conf_t, prefix), 0, 0, NULL },

    { ngx_string("password_file="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, password_file), 0, 0, NULL },

    { ngx_string("sentinel_user="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, sentinel_user), 0, 0, NULL },

    { ngx_string("sentinel_password_file="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, sentinel_file), 0, 0, NULL },

    { ngx_string("shards="), NGX_ER_REDIS_ARG_NUMBER, 1,
      offsetof(ngx_er_redis_conf_t, shards),
      1, 256, "from 1 to 256" },

    { ngx_string("wait="), NGX_ER_REDIS_ARG_NUMBER, 1,
      offsetof(ngx_er_redis_conf_t, wait),
      0, 16, "from 0 to 16 replicas" },

    { ngx_string("memory="), NGX_ER_REDIS_ARG_SIZE, 1,
      offsetof(ngx_er_redis_conf_t, memory),
      1024 * 1024, NGX_MAX_INT_T_VALUE,
      "1m or more" },

    { ngx_string("ssl_ca="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, ca), 0, 0, NULL },

    { ngx_string("ssl_cert="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, cert), 0, 0, NULL },

    { ngx_string("ssl_key="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, key), 0, 0, NULL },

    { ngx_string("ssl_name="), NGX_ER_REDIS_ARG_TEXT, 0,
      offsetof(ngx_er_redis_args_t, name), 0, 0, NULL },

    { ngx_string("ssl_verify="), NGX_ER_REDIS_ARG_SWITCH, 0,
      offsetof(ngx_er_redis_args_t, verify), 0, 0, NULL },

    { ngx_null_string, 0, 0, 0, 0, 0, NULL }
};


ngx_er_redis_conf_t *
ngx_er_redis_conf_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_er_error_t        err;
    ngx_er_redis_args_t   args;
    ngx_er_redis_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_er_redis_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    value = cf->args->elts;

    ngx_memzero(&args, sizeof(ngx_er_redis_args_t));
    args.verify = 1;
    args.store = (cmd->name.len == sizeof("event_store") - 1);

    conf->directive = (const char *) cmd->name.data;
    ngx_er_redis_conf_default(conf);

    if (ngx_er_redis_url_parse(cf->pool, &value[1], &conf->url, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %*s", &cmd->name,
                           err.len, err.text);
        return NULL;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_er_redis_conf_arg(cf, conf, &args, &value[i]) != NGX_OK) {
            return NULL;
        }
    }

    if (ngx_er_redis_conf_auth(cf, conf, &args) != NGX_OK
        || ngx_er_redis_conf_sentinel_auth(cf, conf, &args) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_er_redis_conf_peers(cf, conf, &args) != NGX_OK
        || ngx_er_redis_conf_tls(cf, conf, &args) != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


/* as dedup keys need it; redis_queue.c changes it for the queue */

static void
ngx_er_redis_conf_default(ngx_er_redis_conf_t *conf)
{
    conf->connect_timeout = 250;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->reply = NGX_ER_REDIS_REPLY;
    conf->elements = NGX_ER_REDIS_ELEMENTS;
    conf->away = "the sources' on_error= holds";
    conf->rights = "+eval +evalsha +ping +select +time +del +hget +hmget "
                   "+hset +hlen +hkeys +pexpire";
    conf->shards = 1;
    conf->memory = NGX_ER_REDIS_MEMORY;
    ngx_str_set(&conf->prefix, "er");
}


static ngx_int_t
ngx_er_redis_conf_arg(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args, ngx_str_t *arg)
{
    u_char              *p;
    ngx_str_t            name, value;
    ngx_er_redis_arg_t  *a;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    name.data = arg->data;
    name.len = p ? (size_t) (p - arg->data) + 1 : 0;
    value.data = arg->data + name.len;
    value.len = arg->len - name.len;

    args->given |= (name.len > 4 && ngx_strncmp(name.data, "ssl_", 4) == 0);

    for (a = ngx_er_redis_args; a->name.len; a++) {

        if (a->name.len == name.len && (args->store || !a->store)
            && ngx_strncmp(a->name.data, name.data, name.len) == 0)
        {
            break;
        }
    }

    if (a->name.len) {

        switch (ngx_er_redis_conf_set(cf, conf, args, a, arg, &value)) {

        case NGX_OK:
            return NGX_OK;

        case NGX_ERROR:
            return NGX_ERROR;

        default: /* NGX_DECLINED */
            break;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"%s\", a Redis store has "
                       "connect_timeout=, timeout=, prefix=, password_file=, "
                       "sentinel_user=, sentinel_password_file=, ssl_ca=, "
                       "ssl_cert=, ssl_key=, ssl_name= and "
                       "ssl_verify=on|off%s",
                       &name, conf->directive,
                       args->store ? ", its queue shards=, wait= and memory="
                                   : "");

    return NGX_ERROR;
}


/* NGX_DECLINED: not a value of this kind, and nothing was said */

static ngx_int_t
ngx_er_redis_conf_set(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args, ngx_er_redis_arg_t *a, ngx_str_t *arg,
    ngx_str_t *value)
{
    ngx_uint_t  on;

    switch (a->kind) {

    case NGX_ER_REDIS_ARG_PREFIX:
        conf->prefix = *value;
        return ngx_er_redis_conf_prefix(cf, value);

    case NGX_ER_REDIS_ARG_TEXT:

        if (value->len == 0) {
            return NGX_DECLINED;
        }

        *(ngx_str_t *) ((u_char *) args + a->offset) = *value;
        return NGX_OK;

    case NGX_ER_REDIS_ARG_SWITCH:
        on = (value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0);

        if (!on && (value->len != 3
                    || ngx_strncmp(value->data, "off", 3) != 0))
        {
            return NGX_DECLINED;
        }

        *(ngx_flag_t *) ((u_char *) args + a->offset) = on;
        return NGX_OK;

    default:
        return ngx_er_redis_conf_number(cf, conf, a, arg, value);
    }
}


static ngx_int_t
ngx_er_redis_conf_number(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_arg_t *a, ngx_str_t *arg, ngx_str_t *value)
{
    ngx_int_t  n;

    n = (a->kind == NGX_ER_REDIS_ARG_MSEC) ? ngx_parse_time(value, 0)
        : (a->kind == NGX_ER_REDIS_ARG_SIZE) ? ngx_parse_size(value)
        : ngx_atoi(value->data, value->len);

    if (n < a->min || n > a->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s in \"%V\", it must be %s",
                           ngx_er_redis_kinds[a->kind], arg, a->range);
        return NGX_ERROR;
    }

    /* ngx_msec_t, ngx_uint_t, size_t: all as large */

    *(ngx_int_t *) ((u_char *) conf + a->offset) = n;

    return NGX_OK;
}


/* braces would move the hash tag of the keys */

static ngx_int_t
ngx_er_redis_conf_prefix(ngx_conf_t *cf, ngx_str_t *prefix)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < prefix->len; i++) {
        c = prefix->data[i];

        if (c <= ' ' || c >= 0x7f || c == '{' || c == '}') {
            break;
        }
    }

    if (i == prefix->len && i >= 1 && i <= 64) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"prefix=%V\", it must be 1 to 64 printable "
                       "characters without blanks and braces", prefix);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_redis_conf_password(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *password)
{
    u_char     *p;
    ssize_t     n;
    ngx_file_t  file;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_er_vault_alloc(cf->pool, NGX_ER_REDIS_SECRET);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = *path;
    file.log = cf->log;
    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open password_file \"%V\"", path);
        return NGX_ERROR;
    }

    n = ngx_read_file(&file, p, NGX_ER_REDIS_SECRET, 0);
    (void) ngx_close_file(file.fd);

    if (n == NGX_ER_REDIS_SECRET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password_file \"%V\" is longer than %d bytes",
                           path, NGX_ER_REDIS_SECRET - 1);
        return NGX_ERROR;
    }

    while (n > 0 && (p[n - 1] == LF || p[n - 1] == CR)) {
        n--;
    }

    if (n <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password_file \"%V\" is empty or cannot be read",
                           path);
        return NGX_ERROR;
    }

    password->data = p;
    password->len = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_conf_auth(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    if (args->password_file.len && conf->url.password.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" has two passwords, remove the one in the "
                           "URL or password_file=", conf->directive);
        return NGX_ERROR;
    }

    if (args->password_file.len
        && ngx_er_redis_conf_password(cf, &args->password_file,
                                      &conf->url.password)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->url.user.len && conf->url.password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" has a user but no password, write "
                           "USER:PASSWORD@ or add password_file=PATH (a "
                           "password alone is :PASSWORD@)", conf->directive);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_conf_sentinel_auth(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    conf->sentinel_user = args->sentinel_user;

    if (args->sentinel_user.len == 0 && args->sentinel_file.len == 0) {
        return NGX_OK;
    }

    if (conf->url.service.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "sentinel_user= and sentinel_password_file= of "
                           "\"%s\" need redis-sentinel://", conf->directive);
        return NGX_ERROR;
    }

    if (args->sentinel_file.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "sentinel_user= of \"%s\" needs "
                           "sentinel_password_file=", conf->directive);
        return NGX_ERROR;
    }

    return ngx_er_redis_conf_password(cf, &args->sentinel_file,
                                      &conf->sentinel_password);
}


/* one Redis, or sentinels, which are asked in turn */

static ngx_int_t
ngx_er_redis_conf_peers(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    u_char       *p, *last, *comma;
    in_port_t     port;
    ngx_str_t     text;
    ngx_array_t   peers;

    if (ngx_array_init(&peers, cf->pool, 1, sizeof(ngx_er_redis_peer_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    text = conf->url.service.len ? conf->url.host : conf->url.name;
    port = conf->url.service.len ? NGX_ER_REDIS_SENTINEL : NGX_ER_REDIS_PORT;

    p = text.data;
    last = p + text.len;

    do {
        comma = conf->url.service.len ? ngx_strlchr(p, last, ',') : NULL;

        text.data = p;
        text.len = (comma ? comma : last) - p;

        if (ngx_er_redis_conf_peer(cf, conf, &peers, &text, port) != NGX_OK) {
            return NGX_ERROR;
        }

        p = comma + 1;

    } while (comma);

    conf->peers = peers.elts;
    conf->npeers = peers.nelts;

#if (NGX_THREADS)

    /* sentinels and the nodes of a cluster may be called by names, too */

    if (conf->peers[0].naddrs == 0 || conf->npeers > 1
        || conf->url.service.len || args->store)
    {
        conf->threads = ngx_thread_pool_add(cf, NULL);

        return conf->threads ? NGX_OK : NGX_ERROR;
    }

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_conf_peer(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_array_t *peers, ngx_str_t *text, in_port_t port)
{
    ngx_url_t             u;
    const char           *why;
    ngx_er_redis_peer_t  *peer;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = *text;
    u.default_port = port;
#if (NGX_THREADS)
    u.no_resolve = 1;
#endif

    if (text->len == 0 || ngx_parse_url(cf->pool, &u) != NGX_OK
        || u.host.len > NGX_ER_REDIS_HOST
        || (u.naddrs == 0 && u.host.len == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\": %s in \"%V\"", conf->directive,
                           u.err ? u.err : "no address", text);
        return NGX_ERROR;
    }

    peer = ngx_array_push(peers);
    if (peer == NULL) {
        return NGX_ERROR;
    }

    peer->host = u.naddrs ? *text : u.host;
    peer->port = u.port;
    peer->addrs = u.addrs;
    peer->naddrs = u.naddrs;

    why = ngx_test_config ? ngx_er_redis_resolvable(peer) : NULL;

    if (why) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%s\": the name \"%V\" cannot be resolved now "
                           "(%s), it is tried again when nginx runs",
                           conf->directive, &peer->host, why);
    }

    return NGX_OK;
}


#if (NGX_SSL)

static ngx_int_t
ngx_er_redis_conf_tls(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    ngx_pool_cleanup_t  *cln;

    if (!conf->url.tls) {

        if (args->given) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "ssl_ca=, ssl_cert=, ssl_key=, ssl_name= and "
                               "ssl_verify= of \"%s\" need rediss://",
                               conf->directive);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    conf->ssl_verify = args->verify;
    conf->ssl_name = args->name.len ? args->name : conf->url.host;

    conf->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (conf->ssl == NULL) {
        return NGX_ERROR;
    }

    conf->ssl->log = cf->log;

    if (ngx_ssl_create(conf->ssl,
                       NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(conf->ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = conf->ssl;

    if (ngx_er_redis_conf_cert(cf, conf, args) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!args->verify) {
        return NGX_OK;
    }

    return ngx_er_redis_conf_trust(cf, conf, args);
}


/* an encrypted key would ask for its passphrase, in the middle of a start */

static ngx_int_t
ngx_er_redis_conf_cert(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    ngx_str_t    *none;
    ngx_array_t  *passwords;

    if (args->cert.len == 0 && args->key.len == 0) {
        return NGX_OK;
    }

    if (args->cert.len == 0 || args->key.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" needs both ssl_cert= and ssl_key=, or "
                           "neither", conf->directive);
        return NGX_ERROR;
    }

    passwords = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    if (passwords == NULL) {
        return NGX_ERROR;
    }

    none = ngx_array_push(passwords);
    if (none == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(none, "");

    if (ngx_ssl_certificate(cf, conf->ssl, &args->cert, &args->key, passwords)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot use ssl_cert= and ssl_key= of \"%s\": they "
                           "must be a certificate and its own key in PEM, the "
                           "key without a passphrase and readable",
                           conf->directive);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_conf_trust(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    if (args->ca.len == 0) {

        if (SSL_CTX_set_default_verify_paths(conf->ssl->ctx) == 0) {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "SSL_CTX_set_default_verify_paths() failed");
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (ngx_ssl_trusted_certificate(cf, conf->ssl, &args->ca, 8) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot use ssl_ca= of \"%s\", it must be a file "
                           "of CA certificates in PEM", conf->directive);
        return NGX_ERROR;
    }

    return NGX_OK;
}

#else

static ngx_int_t
ngx_er_redis_conf_tls(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_er_redis_args_t *args)
{
    if (conf->url.tls || args->given) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" with rediss:// needs an nginx built with "
                           "--with-http_ssl_module", conf->directive);
        return NGX_ERROR;
    }

    return NGX_OK;
}

#endif
