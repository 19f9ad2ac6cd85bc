
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the log says about Redis, and how often: once a minute what it
 * complains about, with the way out.  The connection calls it; it owns
 * nothing.
 */


#include "report.h"


#define NGX_ER_REDIS_RIGHTS  1024      /* bytes: a sentence with the names of
                                          all commands that are needed */


static const char *ngx_er_redis_advice(ngx_er_redis_t *redis,
    ngx_er_redis_error_e error, u_char rights[NGX_ER_REDIS_RIGHTS],
    ngx_uint_t *level);


/*
 * Says once a minute what Redis complains about, with the way out.  Redis may
 * repeat the arguments of a command that it does not know, and AUTH has the
 * password: what stands behind the first comma stays unsaid.
 */

ngx_er_redis_error_e
ngx_er_redis_judge(ngx_er_redis_t *redis, redisReply *reply)
{
    size_t                 i, len;
    u_char                 rights[NGX_ER_REDIS_RIGHTS], text[200];
    ngx_uint_t             level;
    const char            *advice;
    ngx_er_redis_error_e   error;

    error = ngx_er_redis_error(reply->str, reply->len);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V complains, kind:%d",
                   &redis->conf->url.name, error);

    if (error == NGX_ER_REDIS_NOSCRIPT) {
        return error;
    }

    advice = ngx_er_redis_advice(redis, error, rights, &level);

    if (!ngx_er_redis_may_say(&redis->said[NGX_ER_REDIS_SAID_ERROR + error],
                              NGX_ER_REDIS_QUIET))
    {
        return error;
    }

    len = ngx_min((size_t) reply->len, sizeof(text));

    for (i = 0; i < len && reply->str[i] != ','; i++) {
        text[i] = (u_char) reply->str[i];

        if (text[i] < 0x20 || text[i] > 0x7e) {
            text[i] = '.';
        }
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "redis %V: refused with \"%*s\"; %s: %s",
                  &redis->conf->url.name, i, text,
                  redis->conf->directive, advice);

    return error;
}


/* the way out, some of it in "rights" */

static const char *
ngx_er_redis_advice(ngx_er_redis_t *redis, ngx_er_redis_error_e error,
    u_char rights[NGX_ER_REDIS_RIGHTS], ngx_uint_t *level)
{
    switch (error) {

    case NGX_ER_REDIS_DENIED:
        *level = NGX_LOG_CRIT;
        (void) ngx_snprintf(rights, NGX_ER_REDIS_RIGHTS,
                            "check the user, the password and the user's "
                            "rights: the keys' prefix and %s%Z",
                            redis->conf->rights);
        return (const char *) rights;

    case NGX_ER_REDIS_CLUSTER:
        *level = NGX_LOG_CRIT;
        return "a Redis Cluster is not supported, name a single Redis";

    case NGX_ER_REDIS_WRONGTYPE:
        *level = NGX_LOG_CRIT;
        return "somebody else uses these keys, choose another prefix=";

    case NGX_ER_REDIS_READONLY:
        *level = NGX_LOG_ERR;
        return "it is a replica, name the master";

    default:
        *level = NGX_LOG_ERR;
        return redis->conf->queue
               ? "events of queued sources are answered 503 meanwhile"
               : "the sources' on_error= decides what happens meanwhile";
    }
}


ngx_uint_t
ngx_er_redis_may_say(ngx_msec_t *said, ngx_msec_t quiet)
{
    if (*said && ngx_current_msec - *said < quiet) {
        return 0;
    }

    *said = ngx_current_msec;

    return 1;
}
