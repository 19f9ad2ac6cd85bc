
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The part of the Redis client that needs no connection: reading its URL at
 * configuration time, turning words into a command and bytes into replies,
 * telling error replies apart and counting the pause before the next try.
 * The other files of the folder call it; it owns nothing but the hiredis
 * reader and the pool of the reply in it.  Pure, so it is tested alone.
 *
 * Of hiredis only the reply reader is used.  It is guarded, because the peer
 * may be anything: an array is refused when it is nested or has more elements
 * than expected (hiredis would allocate what the header of the array
 * promises), and so is a reply that is too long.
 */


#include "redis.h"


#define NGX_ER_REDIS_COUNT  (1 + NGX_INT64_LEN + sizeof(CRLF) - 1)


typedef struct {
    ngx_str_t              code;
    ngx_er_redis_error_e   error;
} ngx_er_redis_code_t;


static ngx_int_t ngx_er_redis_url_unix(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_redis_url_t *url, ngx_er_error_t *err);
static ngx_int_t ngx_er_redis_url_sentinel(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_redis_url_t *url, ngx_er_error_t *err);
static ngx_int_t ngx_er_redis_url_user(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_er_redis_url_t *url, ngx_er_error_t *err);
static ngx_int_t ngx_er_redis_url_host(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_er_redis_url_t *url, ngx_er_error_t *err);
static ngx_int_t ngx_er_redis_url_database(u_char *p, u_char *last,
    ngx_er_redis_url_t *url, ngx_er_error_t *err);
static ngx_int_t ngx_er_redis_decode(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_str_t *out);
static ngx_er_redis_error_e ngx_er_redis_code(const char *p, const char *last);
static u_char *ngx_er_redis_count(u_char *p, u_char type, size_t n);
static redisReply *ngx_er_redis_object(const redisReadTask *task);
static void *ngx_er_redis_string(const redisReadTask *task, char *text,
    size_t len);
static void *ngx_er_redis_array(const redisReadTask *task,
    ngx_er_redis_elements_t elements);
static void *ngx_er_redis_integer(const redisReadTask *task, long long n);
static void *ngx_er_redis_nil(const redisReadTask *task);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_er_redis_double(const redisReadTask *task, double n,
    char *text, size_t len);
static void *ngx_er_redis_bool(const redisReadTask *task, int n);
#endif
static void ngx_er_redis_free(void *reply);
static ngx_int_t ngx_er_redis_reader_clean(ngx_er_redis_reader_t *r);


/* of version 7, which gives it no code of its own */

static const char  ngx_er_redis_rights[] = "ERR The user executing the script";

static ngx_er_redis_code_t  ngx_er_redis_codes[] = {
    { ngx_string("LOADING"), NGX_ER_REDIS_LATER },
    { ngx_string("BUSY"), NGX_ER_REDIS_LATER },
    { ngx_string("TRYAGAIN"), NGX_ER_REDIS_LATER },
    { ngx_string("CLUSTERDOWN"), NGX_ER_REDIS_LATER },
    { ngx_string("MASTERDOWN"), NGX_ER_REDIS_LATER },
    { ngx_string("OOM"), NGX_ER_REDIS_REFUSED },
    { ngx_string("MISCONF"), NGX_ER_REDIS_REFUSED },
    { ngx_string("NOREPLICAS"), NGX_ER_REDIS_REFUSED },
    { ngx_string("READONLY"), NGX_ER_REDIS_READONLY },
    { ngx_string("NOSCRIPT"), NGX_ER_REDIS_NOSCRIPT },
    { ngx_string("NOAUTH"), NGX_ER_REDIS_DENIED },
    { ngx_string("NOPERM"), NGX_ER_REDIS_DENIED },
    { ngx_string("WRONGPASS"), NGX_ER_REDIS_DENIED },
    { ngx_string("DENIED"), NGX_ER_REDIS_DENIED },
    { ngx_string("MOVED"), NGX_ER_REDIS_CLUSTER },
    { ngx_string("ASK"), NGX_ER_REDIS_CLUSTER },
    { ngx_string("CROSSSLOT"), NGX_ER_REDIS_CLUSTER },
    { ngx_string("WRONGTYPE"), NGX_ER_REDIS_WRONGTYPE },
    { ngx_null_string, NGX_ER_REDIS_OTHER }
};


ngx_int_t
ngx_er_redis_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_redis_url_t *url, ngx_er_error_t *err)
{
    u_char  *at, *last, *p, *slash;

    ngx_memzero(url, sizeof(ngx_er_redis_url_t));

    p = text->data;
    last = p + text->len;

    if (text->len > 5 && ngx_strncmp(p, "unix:", 5) == 0) {
        return ngx_er_redis_url_unix(pool, text, url, err);
    }

    if (text->len > 17 && ngx_strncmp(p, "redis-sentinel://", 17) == 0) {
        return ngx_er_redis_url_sentinel(pool, text, url, err);
    }

    if (text->len > 8 && ngx_strncmp(p, "redis://", 8) == 0) {
        p += 8;

    } else if (text->len > 9 && ngx_strncmp(p, "rediss://", 9) == 0) {
        url->tls = 1;
        p += 9;

    } else {
        ngx_er_error(err, "must be redis://HOST:PORT, rediss://HOST:PORT, "
                     "redis-sentinel://HOST,.../NAME or unix:/PATH");
        return NGX_ERROR;
    }

    slash = ngx_strlchr(p, last, '/');

    if (slash == NULL) {
        slash = last;

    } else if (ngx_er_redis_url_database(slash + 1, last, url, err)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (at = slash; at > p; at--) {
        if (at[-1] != '@') {
            continue;
        }

        if (ngx_er_redis_url_user(pool, p, at - 1, url, err) != NGX_OK) {
            return NGX_ERROR;
        }

        p = at;
        break;
    }

    return ngx_er_redis_url_host(pool, p, slash, url, err);
}


/*
 * A last segment that is wholly a number is the database, as in
 * unix:/run/redis/redis.sock/3.
 */

static ngx_int_t
ngx_er_redis_url_unix(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_redis_url_t *url, ngx_er_error_t *err)
{
    u_char  *last, *p, *path;

    path = text->data + sizeof("unix:") - 1;
    last = text->data + text->len;

    if (*path != '/') {
        ngx_er_error(err, "the path behind \"unix:\" must begin with \"/\"");
        return NGX_ERROR;
    }

    for (p = last; p[-1] >= '0' && p[-1] <= '9'; p--) { /* void */ }

    if (p < last && p[-1] == '/' && p - 1 > path) {
        if (ngx_er_redis_url_database(p, last, url, err) != NGX_OK) {
            return NGX_ERROR;
        }

        last = p - 1;
    }

    url->local = 1;
    url->host.len = last - path;
    url->host.data = ngx_pnalloc(pool, url->host.len + 1);
    url->name.len = last - text->data;
    url->name.data = text->data;

    if (url->host.data == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(url->host.data, path, url->host.len + 1);

    return NGX_OK;
}


/* hosts and ports are read when names are resolved */

static ngx_int_t
ngx_er_redis_url_sentinel(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_redis_url_t *url, ngx_er_error_t *err)
{
    u_char  *at, *last, *p, *slash;

    p = text->data + sizeof("redis-sentinel://") - 1;
    last = text->data + text->len;
    slash = ngx_strlchr(p, last, '/');

    if (slash == NULL || slash + 1 == last) {
        ngx_er_error(err, "the master's name is missing, write "
                     "redis-sentinel://HOST,.../NAME");
        return NGX_ERROR;
    }

    for (at = slash; at > p; at--) {
        if (at[-1] != '@') {
            continue;
        }

        if (ngx_er_redis_url_user(pool, p, at - 1, url, err) != NGX_OK) {
            return NGX_ERROR;
        }

        p = at;
        break;
    }

    url->host.data = p;
    url->host.len = slash - p;

    if (url->host.len == 0) {
        ngx_er_error(err, "no host");
        return NGX_ERROR;
    }

    url->service.data = slash + 1;
    slash = ngx_strlchr(slash + 1, last, '/');

    if (slash == NULL) {
        slash = last;

    } else if (ngx_er_redis_url_database(slash + 1, last, url, err)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    url->service.len = slash - url->service.data;

    if (url->service.len == 0) {
        ngx_er_error(err, "the master's name is empty");
        return NGX_ERROR;
    }

    url->name.data = p;
    url->name.len = slash - p;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_url_user(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_er_redis_url_t *url, ngx_er_error_t *err)
{
    u_char  *colon;

    colon = ngx_strlchr(p, last, ':');

    if (colon == NULL) {
        colon = last;

    } else if (colon + 1 == last) {
        ngx_er_error(err, "the password before \"@\" is empty");
        return NGX_ERROR;

    } else if (ngx_er_redis_decode(pool, colon + 1, last, &url->password)
               != NGX_OK)
    {
        ngx_er_error(err, "the password is not percent-encoded properly");
        return NGX_ERROR;
    }

    if (ngx_er_redis_decode(pool, p, colon, &url->user) != NGX_OK) {
        ngx_er_error(err, "the user is not percent-encoded properly");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_url_host(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_er_redis_url_t *url, ngx_er_error_t *err)
{
    u_char     *colon, *end;
    ngx_int_t   port;

    end = p;

    if (p < last && *p == '[') {
        end = ngx_strlchr(p, last, ']');

        if (end == NULL) {
            ngx_er_error(err, "\"]\" is missing behind the IPv6 address");
            return NGX_ERROR;
        }
    }

    colon = ngx_strlchr(end, last, ':');
    url->host.data = p;
    url->host.len = (colon ? colon : last) - p;

    if (url->host.len == 0) {
        ngx_er_error(err, "no host");
        return NGX_ERROR;
    }

    url->port = NGX_ER_REDIS_PORT;

    if (colon) {
        port = ngx_atoi(colon + 1, last - colon - 1);

        if (port < 1 || port > 65535) {
            ngx_er_error(err, "the port must be a number from 1 to 65535");
            return NGX_ERROR;
        }

        url->port = (in_port_t) port;
    }

    url->name.data = ngx_pnalloc(pool, url->host.len + sizeof(":65535") - 1);
    if (url->name.data == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    url->name.len = ngx_sprintf(url->name.data, "%V:%ui", &url->host,
                                (ngx_uint_t) url->port)
                    - url->name.data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_url_database(u_char *p, u_char *last, ngx_er_redis_url_t *url,
    ngx_er_error_t *err)
{
    ngx_int_t  n;

    if (p == last) {
        return NGX_OK;
    }

    n = ngx_atoi(p, last - p);

    if (n < 0 || n > 65535) {
        ngx_er_error(err, "the database behind \"/\" must be a number; a "
                     "\"/\" or \"@\" in a password is written %%2F or %%40");
        return NGX_ERROR;
    }

    url->database = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_decode(ngx_pool_t *pool, u_char *p, u_char *last, ngx_str_t *out)
{
    u_char     *dst;
    ngx_int_t   n;

    dst = ngx_pnalloc(pool, last - p + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    out->data = dst;

    while (p < last) {

        if (*p != '%') {
            *dst++ = *p++;
            continue;
        }

        n = (last - p < 3) ? NGX_ERROR : ngx_hextoi(p + 1, 2);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *dst++ = (u_char) n;
        p += 3;
    }

    out->len = dst - out->data;

    return NGX_OK;
}


/*
 * Usually the first word is the code.  Before version 7 Redis wraps what a
 * script's call was refused with: "ERR Error running script (call to ...):
 * @user_script:7: @user_script: 7: -OOM command not allowed ...".
 */

ngx_er_redis_error_e
ngx_er_redis_error(const char *text, size_t len)
{
    const char            *last, *p;
    ngx_er_redis_error_e   error;

    last = text + len;
    error = ngx_er_redis_code(text, last);

    if (error != NGX_ER_REDIS_OTHER
        || len < 4 || ngx_strncmp(text, "ERR ", 4) != 0)
    {
        return error;
    }

    if (len >= sizeof(ngx_er_redis_rights) - 1
        && ngx_memcmp(text, ngx_er_redis_rights,
                      sizeof(ngx_er_redis_rights) - 1)
           == 0)
    {
        return NGX_ER_REDIS_DENIED;
    }

    for (p = text + 4; p + 1 < last; p++) {

        if (p[0] != ' ' || p[1] != '-') {
            continue;
        }

        error = ngx_er_redis_code(p + 2, last);

        if (error != NGX_ER_REDIS_OTHER) {
            return error;
        }
    }

    return NGX_ER_REDIS_OTHER;
}


static ngx_er_redis_error_e
ngx_er_redis_code(const char *p, const char *last)
{
    size_t                len;
    const char           *end;
    ngx_er_redis_code_t  *code;

    for (end = p; end < last && *end >= 'A' && *end <= 'Z'; end++) {
        /* void */
    }

    len = end - p;

    for (code = ngx_er_redis_codes; code->code.len; code++) {

        if (len == code->code.len
            && ngx_memcmp(p, code->code.data, len) == 0)
        {
            break;
        }
    }

    return code->error;
}


/*
 * Full jitter spreads the workers of many nginx after a restart of Redis; the
 * floor keeps a peer that accepts and closes from being hammered.
 */

ngx_msec_t
ngx_er_redis_backoff(ngx_uint_t tries, uint32_t random)
{
    ngx_msec_t  ceiling;

    ceiling = NGX_ER_REDIS_BACKOFF_MAX;

    if (tries < 6) {
        ceiling = (NGX_ER_REDIS_BACKOFF_MIN * 2) << tries;
    }

    return NGX_ER_REDIS_BACKOFF_MIN
           + random % (ceiling - NGX_ER_REDIS_BACKOFF_MIN + 1);
}


size_t
ngx_er_redis_command_size(ngx_str_t *words, ngx_uint_t n)
{
    size_t      size;
    ngx_uint_t  i;

    size = NGX_ER_REDIS_COUNT;

    for (i = 0; i < n; i++) {
        size += NGX_ER_REDIS_COUNT + words[i].len + sizeof(CRLF) - 1;
    }

    return size;
}


/* hiredis would print each length and allocate the command */

u_char *
ngx_er_redis_command(u_char *p, ngx_str_t *words, ngx_uint_t n)
{
    ngx_uint_t  i;

    p = ngx_er_redis_count(p, '*', n);

    for (i = 0; i < n; i++) {
        p = ngx_er_redis_count(p, '$', words[i].len);
        p = ngx_cpymem(p, words[i].data, words[i].len);

        *p++ = CR;
        *p++ = LF;
    }

    return p;
}


static u_char *
ngx_er_redis_count(u_char *p, u_char type, size_t n)
{
    *p++ = type;
    p = ngx_er_decimal(p, n);

    *p++ = CR;
    *p++ = LF;

    return p;
}


ngx_int_t
ngx_er_redis_reader_open(ngx_er_redis_reader_t *r)
{
    r->fed = 0;
    r->limit = NGX_ER_REDIS_REPLY;
    r->elements = NGX_ER_REDIS_ELEMENTS;
    r->whole = 0;
    r->reader = NULL;

    r->pool = ngx_create_pool(NGX_ER_REDIS_ARENA, ngx_cycle->log);
    if (r->pool == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&r->functions, sizeof(redisReplyObjectFunctions));

    r->functions.createString = ngx_er_redis_string;
    r->functions.createArray = ngx_er_redis_array;
    r->functions.createInteger = ngx_er_redis_integer;
    r->functions.createNil = ngx_er_redis_nil;
    r->functions.freeObject = ngx_er_redis_free;

#if (HIREDIS_MAJOR >= 1)
    r->functions.createDouble = ngx_er_redis_double;
    r->functions.createBool = ngx_er_redis_bool;
#endif

    r->reader = redisReaderCreateWithFunctions(&r->functions);

    if (r->reader == NULL) {
        ngx_er_redis_reader_close(r);
        return NGX_ERROR;
    }

    r->reader->privdata = r;

    return NGX_OK;
}


/*
 * A reply as hiredis itself would make it, but in one pool for all of it.
 * NULL makes the reader fail; that is how what nobody asked for is refused
 * before anything is allocated: large or nested arrays, and what is no type of
 * RESP2.
 */

static redisReply *
ngx_er_redis_object(const redisReadTask *task)
{
    redisReply             *reply, *parent;
    ngx_er_redis_reader_t  *r;

    r = task->privdata;

    reply = ngx_pcalloc(r->pool, sizeof(redisReply));
    if (reply == NULL) {
        return NULL;
    }

    reply->type = task->type;

    if (task->parent) {
        parent = task->parent->obj;
        parent->element[task->idx] = reply;
    }

    return reply;
}


static void *
ngx_er_redis_string(const redisReadTask *task, char *text, size_t len)
{
    redisReply             *reply;
    ngx_er_redis_reader_t  *r;

    r = task->privdata;

    if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_STATUS
        && task->type != REDIS_REPLY_ERROR)
    {
        return NULL;
    }

    reply = ngx_er_redis_object(task);
    if (reply == NULL) {
        return NULL;
    }

    reply->str = ngx_pnalloc(r->pool, len + 1);
    if (reply->str == NULL) {
        return NULL;
    }

    ngx_memcpy(reply->str, text, len);
    reply->str[len] = '\0';
    reply->len = len;

    return reply;
}


static void *
ngx_er_redis_array(const redisReadTask *task, ngx_er_redis_elements_t elements)
{
    redisReply             *reply;
    ngx_er_redis_reader_t  *r;

    r = task->privdata;

    if (task->parent || task->type != REDIS_REPLY_ARRAY
        || (ngx_uint_t) elements > r->elements)
    {
        return NULL;
    }

    reply = ngx_er_redis_object(task);
    if (reply == NULL) {
        return NULL;
    }

    if (elements > 0) {
        reply->element = ngx_pcalloc(r->pool, elements * sizeof(redisReply *));
        if (reply->element == NULL) {
            return NULL;
        }
    }

    reply->elements = elements;

    return reply;
}


static void *
ngx_er_redis_integer(const redisReadTask *task, long long n)
{
    redisReply  *reply;

    reply = ngx_er_redis_object(task);

    if (reply) {
        reply->integer = n;
    }

    return reply;
}


static void *
ngx_er_redis_nil(const redisReadTask *task)
{
    redisReply  *reply;

    reply = ngx_er_redis_object(task);

    if (reply) {

        /* the task is one of a string or an array */

        reply->type = REDIS_REPLY_NIL;
    }

    return reply;
}


#if (HIREDIS_MAJOR >= 1)

static void *
ngx_er_redis_double(const redisReadTask *task, double n, char *text,
    size_t len)
{
    return NULL;
}


static void *
ngx_er_redis_bool(const redisReadTask *task, int n)
{
    return NULL;
}

#endif


/* all of a reply goes at once */

static void
ngx_er_redis_free(void *reply)
{
}


ngx_int_t
ngx_er_redis_feed(ngx_er_redis_reader_t *r, u_char *data, size_t len)
{
    r->fed += len;

    if (redisReaderFeed(r->reader, (const char *) data, len) != REDIS_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_redis_read(ngx_er_redis_reader_t *r, redisReply **reply)
{
    void  *data;

    if (r->whole && ngx_er_redis_reader_clean(r) != NGX_OK) {
        return NGX_ERROR;
    }

    data = NULL;

    if (redisReaderGetReply(r->reader, &data) != REDIS_OK) {
        return NGX_ERROR;
    }

    if (data == NULL) {
        return (r->fed > r->limit) ? NGX_ERROR : NGX_AGAIN;
    }

    r->fed = r->reader->len - r->reader->pos;
    r->whole = 1;
    *reply = data;

    return NGX_OK;
}


/* a reply that was large leaves no large pool behind */

static ngx_int_t
ngx_er_redis_reader_clean(ngx_er_redis_reader_t *r)
{
    r->whole = 0;

    if (r->pool->d.next == NULL) {
        ngx_reset_pool(r->pool);
        return NGX_OK;
    }

    ngx_destroy_pool(r->pool);
    r->pool = ngx_create_pool(NGX_ER_REDIS_ARENA, ngx_cycle->log);

    return r->pool ? NGX_OK : NGX_ERROR;
}


void
ngx_er_redis_reader_close(ngx_er_redis_reader_t *r)
{
    if (r->reader) {
        redisReaderFree(r->reader);
        r->reader = NULL;
    }

    if (r->pool) {
        ngx_destroy_pool(r->pool);
        r->pool = NULL;
    }
}
