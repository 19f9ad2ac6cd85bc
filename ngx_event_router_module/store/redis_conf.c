
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The settings of a Redis store: reads the arguments of event_store and
 * event_dedup_store once, at configuration time.  redis_store.c calls it; what
 * it makes lives as long as the configuration.  All that can be wrong is found
 * here: names are resolved, the password file is read, TLS is prepared.
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
static ngx_int_t ngx_er_redis_conf_password(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_str_t *path);
static ngx_int_t ngx_er_redis_conf_resolve(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf);
static ngx_int_t ngx_er_redis_conf_tls(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf, ngx_er_redis_args_t *args);
static ngx_int_t ngx_er_redis_conf_sentinels(ngx_conf_t *cf,
    ngx_er_redis_conf_t *conf);
#if (NGX_SSL)
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

    if (args.password_file.len
        && ngx_er_redis_conf_password(cf, conf, &args.password_file)
           != NGX_OK)
    {
        return NULL;
    }

    if (conf->url.user.len && conf->url.password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has a user but no password, write "
                           "USER:PASSWORD@ or add password_file=PATH (a "
                           "password alone is :PASSWORD@)", &cmd->name);
        return NULL;
    }

    if (ngx_er_redis_conf_resolve(cf, conf) != NGX_OK
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
                       "ssl_ca=, ssl_name= and ssl_verify=on|off%s",
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
ngx_er_redis_conf_password(ngx_conf_t *cf, ngx_er_redis_conf_t *conf,
    ngx_str_t *path)
{
    u_char     *p;
    ssize_t     n;
    ngx_str_t  *password;
    ngx_file_t  file;

    password = &conf->url.password;

    if (password->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" has two passwords, remove the one in the "
                           "URL or password_file=", conf->directive);
        return NGX_ERROR;
    }

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


/* names are resolved here, once: nothing may block a worker */

static ngx_int_t
ngx_er_redis_conf_resolve(ngx_conf_t *cf, ngx_er_redis_conf_t *conf)
{
    ngx_url_t  u;

    if (conf->url.service.len) {
        return ngx_er_redis_conf_sentinels(cf, conf);
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = conf->url.name;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\": %s in \"%V\"", conf->directive,
                           u.err ? u.err : "no address", &u.url);
        return NGX_ERROR;
    }

    conf->addrs = u.addrs;
    conf->naddrs = u.naddrs;

    return NGX_OK;
}


/* all addresses of all sentinels: they are asked in turn */

static ngx_int_t
ngx_er_redis_conf_sentinels(ngx_conf_t *cf, ngx_er_redis_conf_t *conf)
{
    u_char       *p, *last, *comma;
    ngx_url_t     u;
    ngx_uint_t    i;
    ngx_addr_t   *addr;
    ngx_array_t   addrs;

    if (ngx_array_init(&addrs, cf->pool, 4, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    p = conf->url.host.data;
    last = p + conf->url.host.len;

    for ( ;; ) {
        comma = ngx_strlchr(p, last, ',');

        ngx_memzero(&u, sizeof(ngx_url_t));
        u.url.data = p;
        u.url.len = (comma ? comma : last) - p;
        u.default_port = NGX_ER_REDIS_SENTINEL;

        if (u.url.len == 0 || ngx_parse_url(cf->pool, &u) != NGX_OK
            || u.naddrs == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\": %s in \"%V\", the sentinel \"%V\"",
                               conf->directive, u.err ? u.err : "no address",
                               &conf->url.name, &u.url);
            return NGX_ERROR;
        }

        for (i = 0; i < u.naddrs; i++) {
            addr = ngx_array_push(&addrs);
            if (addr == NULL) {
                return NGX_ERROR;
            }

            *addr = u.addrs[i];
        }

        if (comma == NULL) {
            break;
        }

        p = comma + 1;
    }

    conf->addrs = addrs.elts;
    conf->naddrs = addrs.nelts;

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
                               "ssl_ca=, ssl_name= and ssl_verify= of \"%s\" "
                               "need rediss://", conf->directive);
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

    if (!args->verify) {
        return NGX_OK;
    }

    return ngx_er_redis_conf_trust(cf, conf, args);
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
