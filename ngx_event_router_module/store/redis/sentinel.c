
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a sentinel is asked and what its answers mean.  redis_connect.c asks:
 * AUTH if the sentinels have a password, which is not the master's, and then
 * for the master's address.  It owns nothing; what can go wrong is said once a
 * minute with the way out, each kind by itself.  No answer to AUTH is quoted.
 */


#include "conn.h"


static void ngx_er_redis_sentinel_master(ngx_er_redis_t *redis, u_char *p,
    size_t len, in_port_t port);
static ngx_int_t ngx_er_redis_sentinel_error(ngx_er_redis_t *redis,
    redisReply *reply);
static void ngx_er_redis_sentinel_say(ngx_er_redis_t *redis,
    ngx_er_redis_said_e what, ngx_uint_t level, const char *text);


ngx_uint_t
ngx_er_redis_sentinel_words(ngx_er_redis_conf_t *conf, ngx_uint_t auth,
    ngx_str_t *words)
{
    ngx_uint_t  n;

    if (auth) {
        n = 1;
        ngx_str_set(&words[0], "AUTH");

        if (conf->sentinel_user.len) {
            words[n++] = conf->sentinel_user;
        }

        words[n++] = conf->sentinel_password;
        return n;
    }

    ngx_str_set(&words[0], "SENTINEL");
    ngx_str_set(&words[1], "GET-MASTER-ADDR-BY-NAME");
    words[2] = conf->url.service;

    return 3;
}


ngx_int_t
ngx_er_redis_sentinel_reply(ngx_er_redis_t *redis, redisReply *reply)
{
    u_char     *p;
    size_t      len;
    ngx_int_t   port;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, redis->connection->log, 0,
                   "event router redis: sentinel \"%V\" answers, type:%d to "
                   "come:%ui", &redis->peer->host, reply->type,
                   redis->greetings);

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_er_redis_sentinel_error(redis, reply);
    }

    if (redis->greetings == 2) {
        redis->greetings--;
        return (reply->type == REDIS_REPLY_STATUS) ? NGX_AGAIN : NGX_ERROR;
    }

    if (reply->type == REDIS_REPLY_NIL
        || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0))
    {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_MASTER, NGX_LOG_ERR,
                                  "does not know this master, check the name "
                                  "behind the last \"/\"");
        return NGX_ERROR;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_ODD, NGX_LOG_ERR,
                                  "does not answer as a sentinel does");
        return NGX_ERROR;
    }

    p = (u_char *) reply->element[0]->str;
    len = reply->element[0]->len;
    port = ngx_atoi((u_char *) reply->element[1]->str,
                    reply->element[1]->len);

    if (len == 0 || len > NGX_ER_REDIS_HOST || port < 1 || port > 65535
        || ngx_strlchr(p, p + len, '\0'))
    {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_ODD, NGX_LOG_ERR,
                                  "names no address");
        return NGX_ERROR;
    }

    ngx_er_redis_sentinel_master(redis, p, len, (in_port_t) port);

    return NGX_OK;
}


/* an address, or a name that is looked up */

static void
ngx_er_redis_sentinel_master(ngx_er_redis_t *redis, u_char *p, size_t len,
    in_port_t port)
{
    ngx_er_redis_peer_t  *master;

    master = &redis->master;

    ngx_memcpy(redis->text, p, len);
    master->host.data = redis->text;
    master->host.len = len;
    master->port = port;
    master->naddrs = 0;

    if (ngx_parse_addr(redis->connection->pool, &redis->numeric, p, len)
        == NGX_OK)
    {
        ngx_memcpy(&redis->sockaddr, redis->numeric.sockaddr,
                   redis->numeric.socklen);
        redis->numeric.sockaddr = &redis->sockaddr.sockaddr;
        ngx_inet_set_port(redis->numeric.sockaddr, master->port);
        master->addrs = &redis->numeric;
        master->naddrs = 1;
    }
}


static ngx_int_t
ngx_er_redis_sentinel_error(ngx_er_redis_t *redis, redisReply *reply)
{
    ngx_uint_t  given;

    given = (redis->conf->sentinel_password.len != 0);

    switch (ngx_er_redis_error(reply->str, reply->len)) {

    case NGX_ER_REDIS_DENIED:
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_SECRET,
                                  NGX_LOG_CRIT, given
                                  ? "refuses the password, check "
                                    "sentinel_user= and "
                                    "sentinel_password_file=, and that the "
                                    "user may call sentinel"
                                  : "wants a password, name it by "
                                    "sentinel_password_file=");
        return NGX_ERROR;

    case NGX_ER_REDIS_LATER:
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_STARTS, NGX_LOG_ERR,
                                  "is not ready yet");
        return NGX_ERROR;

    default:
        break;
    }

    if (given && redis->greetings == 2) {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_SECRET,
                                  NGX_LOG_CRIT,
                                  "refuses AUTH; if it has no password, "
                                  "remove sentinel_password_file=");
        return NGX_ERROR;
    }

    if (reply->len >= 9 && ngx_strncmp(reply->str, "IDONTKNOW", 9) == 0) {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_STARTS, NGX_LOG_ERR,
                                  "does not know where the master is yet");
        return NGX_ERROR;
    }

    ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_ODD, NGX_LOG_CRIT,
                              "does not know SENTINEL, it is no sentinel; "
                              "their port is 26379 as a rule");

    return NGX_ERROR;
}


static void
ngx_er_redis_sentinel_say(ngx_er_redis_t *redis, ngx_er_redis_said_e what,
    ngx_uint_t level, const char *text)
{
    if (ngx_er_redis_may_say(&redis->said[what], NGX_ER_REDIS_QUIET)) {
        ngx_log_error(level, redis->connection->log, 0,
                      "redis %V: the sentinel \"%V\" %s (%s)",
                      &redis->conf->url.name, &redis->peer->host, text,
                      redis->conf->directive);
    }
}
