
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What can be said about Redis without a connection: its URLs, its commands
 * and replies as bytes, what an error reply means, how long to wait before the
 * next try.  Pure.  Only the files of this folder may include this header,
 * because it shows hiredis.
 */


#ifndef _NGX_ER_REDIS_H_INCLUDED_
#define _NGX_ER_REDIS_H_INCLUDED_


#include "../../base/base.h"

#include <hiredis/hiredis.h>


#define NGX_ER_REDIS_PORT          6379
#define NGX_ER_REDIS_SENTINEL      26379       /* its port */

#define NGX_ER_REDIS_ARGS          96          /* words of a command */
#define NGX_ER_REDIS_ELEMENTS      16          /* of a reply, never nested */
#define NGX_ER_REDIS_REPLY         65536       /* bytes of a reply */

#define NGX_ER_REDIS_BACKOFF_MIN   50          /* ms */
#define NGX_ER_REDIS_BACKOFF_MAX   5000


#define NGX_ER_REDIS_ARENA         4096        /* bytes: what a reply is made
                                                  in */


/* what hiredis's createArray() takes: 0.14 counts in int */

#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_er_redis_elements_t;
#else
typedef int     ngx_er_redis_elements_t;
#endif


/*
 * redis://[user][:password]@host[:port][/database], rediss:// for TLS,
 * unix:/path[/database].  User and password may be percent-encoded.
 *
 * redis-sentinel://[user][:password]@host[:port],.../service[/database]: the
 * hosts are sentinels, user and password are for the master that they name.
 */

typedef struct {
    ngx_str_t              host;       /* or the path of the socket, or all
                                          sentinels */
    ngx_str_t              service;    /* what sentinels call the master */
    ngx_str_t              name;       /* for people: "host:port", never with
                                          the password */
    ngx_str_t              user;
    ngx_str_t              password;
    ngx_uint_t             database;
    in_port_t              port;
    unsigned               tls:1;
    unsigned               local:1;    /* a Unix socket */
} ngx_er_redis_url_t;


typedef enum {
    NGX_ER_REDIS_LATER = 0,            /* LOADING BUSY TRYAGAIN CLUSTERDOWN
                                          MASTERDOWN: away for now */
    NGX_ER_REDIS_REFUSED,              /* OOM MISCONF NOREPLICAS: takes no
                                          writes for now */
    NGX_ER_REDIS_READONLY,             /* a replica: connect again */
    NGX_ER_REDIS_NOSCRIPT,
    NGX_ER_REDIS_DENIED,               /* NOAUTH NOPERM WRONGPASS DENIED */
    NGX_ER_REDIS_CLUSTER,              /* MOVED ASK CROSSSLOT */
    NGX_ER_REDIS_WRONGTYPE,            /* somebody else's key */
    NGX_ER_REDIS_OTHER
} ngx_er_redis_error_e;


typedef struct {
    redisReader               *reader;
    redisReplyObjectFunctions  functions;
    ngx_pool_t                *pool;   /* of the reply that is read */
    ngx_uint_t                 whole;  /* it is not read any more */
    size_t                     fed;    /* bytes since the last whole reply */
    size_t                     limit;  /* bytes of a reply: 64 KiB, or what
                                          was set since it was opened */
    ngx_uint_t                 elements;  /* of a reply: 16, or the same */
} ngx_er_redis_reader_t;


/* NGX_ERROR with a sentence in err, which never quotes the URL */
ngx_int_t ngx_er_redis_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_redis_url_t *url, ngx_er_error_t *err);

/* what the text of an error reply says */
ngx_er_redis_error_e ngx_er_redis_error(const char *text, size_t len);

/* ms before try number "tries" + 1; full jitter, "random" is any number */
ngx_msec_t ngx_er_redis_backoff(ngx_uint_t tries, uint32_t random);

/*
 * A command as bytes; words may hold any byte.  The first function says how
 * many they are at most, the second one writes them and returns their end.
 */
size_t ngx_er_redis_command_size(ngx_str_t *words, ngx_uint_t n);
u_char *ngx_er_redis_command(u_char *p, ngx_str_t *words, ngx_uint_t n);

/*
 * Replies from bytes as they come.  ngx_er_redis_read(): NGX_OK and a reply,
 * which is there until the next call; NGX_AGAIN; or NGX_ERROR: that is no
 * Redis, or a reply is too big; the connection must be closed.
 */
ngx_int_t ngx_er_redis_reader_open(ngx_er_redis_reader_t *r);
ngx_int_t ngx_er_redis_feed(ngx_er_redis_reader_t *r, u_char *data,
    size_t len);
ngx_int_t ngx_er_redis_read(ngx_er_redis_reader_t *r, redisReply **reply);
void ngx_er_redis_reader_close(ngx_er_redis_reader_t *r);


#endif /* _NGX_ER_REDIS_H_INCLUDED_ */
