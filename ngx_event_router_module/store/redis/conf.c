
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The settings of a Redis store: reads the arguments of event_store and of
 * event_dedup_store once, at configuration time.  queue.c and dedup.c call it;
 * what it makes lives as long as the configuration.  All that can be wrong is
 * found here: names are looked up by "nginx -t", and what has no address is
 * warned of, password files are read, TLS is prepared.
 *
 * No message quotes the URL or the password.
 */


#include "conf.h"
#include "peer.h"
#include "../keys.h"
#include "../../conf/block.h"


#define NGX_ER_REDIS_SECRET  4096      /* bytes of a password file */
#define NGX_ER_REDIS_MEMORY  (64 * 1024 * 1024)


/* what is read from the line; the first member is what stays of it */

typedef struct {
    ngx_er_redis_conf_t      conf;
    ngx_str_t                ca;
    ngx_str_t                name;
    ngx_str_t                password_file;
    ngx_str_t                encrypt;
    ngx_uint_t               plain;
    ngx_str_t                sentinel_file;
    ngx_str_t                sentinel_user;
    ngx_str_t                cert;
    ngx_str_t                key;
    ngx_uint_t               verify;
    unsigned                 tls:1;    /* one of ssl_* was given */
    unsigned                 store:1;  /* event_store, which has a queue */
} ngx_er_redis_args_t;


static void ngx_er_redis_conf_default(ngx_er_redis_conf_t *conf);
static ngx_int_t ngx_er_redis_conf_args(ngx_conf_t *cf,
    ngx_er_redis_args_t *args);
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


static ngx_er_word_t  ngx_er_redis_switch[] = {
    { ngx_string("off"), 0 },
    { ngx_string("on"), 1 },
    { ngx_null_string, 0 }
};


/* the first rows are the queue's */

#define NGX_ER_REDIS_QUEUE_ROWS  4

static ngx_er_param_t  ngx_er_redis_rows[] = {
    { "shards=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_redis_args_t, conf.shards), "1", "256", NULL },
    { "wait=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_redis_args_t, conf.wait), "0", "16", NULL },
    { "memory=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_redis_args_t, conf.memory), "1m", NULL, NULL },
    { "encrypt=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, encrypt), NULL, NULL, NULL },
    { "plain=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_redis_args_t, plain),
      NULL, NULL, ngx_er_redis_switch },
    { "connect_timeout=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_redis_args_t, conf.connect_timeout),
      "1ms", "60s", NULL },
    { "timeout=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_redis_args_t, conf.timeout), "1ms", "60s", NULL },
    { "prefix=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(ngx_er_redis_args_t, conf.prefix), NULL, NULL, NULL },
    { "password_file=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, password_file), NULL, NULL, NULL },
    { "sentinel_user=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, sentinel_user), NULL, NULL, NULL },
    { "sentinel_password_file=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, sentinel_file), NULL, NULL, NULL },
    { "ssl_ca=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, ca), NULL, NULL, NULL },
    { "ssl_cert=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, cert), NULL, NULL, NULL },
    { "ssl_key=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, key), NULL, NULL, NULL },
    { "ssl_name=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_redis_args_t, name), NULL, NULL, NULL },
    { "ssl_verify=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_redis_args_t, verify),
      NULL, NULL, ngx_er_redis_switch },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


#define NGX_ER_REDIS_TAKES                                                    \
    "a Redis store has connect_timeout=, timeout=, prefix=, password_file=, " \
    "sentinel_user=, sentinel_password_file=, ssl_ca=, ssl_cert=, ssl_key=, " \
    "ssl_name= and ssl_verify=on|off"


static ngx_er_params_t  ngx_er_redis_store_params = {
    ngx_er_redis_rows,
    NGX_ER_REDIS_TAKES ", its queue shards=, wait=, memory= and "
    "encrypt=file:KEYS", 1, 1
};


static ngx_er_params_t  ngx_er_redis_dedup_params = {
    ngx_er_redis_rows + NGX_ER_REDIS_QUEUE_ROWS, NGX_ER_REDIS_TAKES, 1, 1
};


ngx_er_redis_conf_t *
ngx_er_redis_conf_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t            *value;
    ngx_er_error_t        err;
    ngx_er_redis_args_t  *args;
    ngx_er_redis_conf_t  *conf;

    args = ngx_pcalloc(cf->pool, sizeof(ngx_er_redis_args_t));
    if (args == NULL) {
        return NULL;
    }

    value = cf->args->elts;
    conf = &args->conf;

    args->plain = 1;
    args->verify = NGX_CONF_UNSET_UINT;
    args->store = (cmd->name.len == sizeof("event_store") - 1);

    conf->directive = (const char *) cmd->name.data;
    ngx_er_redis_conf_default(conf);

    if (ngx_er_redis_url_parse(cf->pool, &value[1], &conf->url, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %*s", &cmd->name,
                           err.len, err.text);
        return NULL;
    }

    if (ngx_er_redis_conf_args(cf, args) != NGX_OK
        || ngx_er_redis_conf_auth(cf, conf, args) != NGX_OK
        || ngx_er_redis_conf_sentinel_auth(cf, conf, args) != NGX_OK
        || ngx_er_redis_conf_peers(cf, conf, args) != NGX_OK
        || ngx_er_redis_conf_tls(cf, conf, args) != NGX_OK
        || ngx_er_keys_read(cf, &args->encrypt, args->plain, &conf->safe)
           != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


/* as dedup keys need it; queue.c changes it for the queue */

static void
ngx_er_redis_conf_default(ngx_er_redis_conf_t *conf)
{
    conf->connect_timeout = 250;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->reply = NGX_ER_REDIS_REPLY;
    conf->elements = NGX_ER_REDIS_ELEMENTS;
    conf->away = "the sources' on_error= holds";
    conf->rights = "+eval +evalsha +ping +select +time +del +exists +hget "
                   "+hmget +hset +hdel +hexists +hlen +hkeys +pexpire";
    conf->shards = 1;
    conf->memory = NGX_ER_REDIS_MEMORY;
    ngx_str_set(&conf->prefix, "er");
}


static ngx_int_t
ngx_er_redis_conf_args(ngx_conf_t *cf, ngx_er_redis_args_t *args)
{
    ngx_er_params_t  *params;

    params = args->store ? &ngx_er_redis_store_params
                         : &ngx_er_redis_dedup_params;

    if (ngx_er_block_params(cf, params, 2, args, NULL) != NGX_CONF_OK) {
        return NGX_ERROR;
    }

    args->tls = (args->ca.len || args->cert.len || args->key.len
                 || args->name.len || args->verify != NGX_CONF_UNSET_UINT);

    ngx_conf_init_uint_value(args->verify, 1);

    return ngx_er_redis_conf_prefix(cf, &args->conf.prefix);
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
    if (ngx_er_keys_file(cf, NGX_LOG_WARN, "password_file", path,
                         NGX_ER_REDIS_SECRET, password)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (password->len
           && (password->data[password->len - 1] == LF
               || password->data[password->len - 1] == CR))
    {
        password->len--;
    }

    if (password->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password_file \"%V\" has no password", path);
        return NGX_ERROR;
    }

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

        if (args->tls) {
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
    if (conf->url.tls || args->tls) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" with rediss:// needs an nginx built with "
                           "--with-http_ssl_module", conf->directive);
        return NGX_ERROR;
    }

    return NGX_OK;
}

#endif
