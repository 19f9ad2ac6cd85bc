
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the Redis client knows without a connection: URLs, the meaning of error
 * replies, the pause between tries, commands that hold any byte, and a reader
 * that gives the same replies however the bytes are cut and gives up on what
 * is no Redis, or too big.
 */


#include "tap.h"

#include "../../ngx_event_router_module/store/redis/redis.h"


typedef struct {
    const char            *text;
    const char            *host;       /* NULL: must be refused */
    const char            *name;       /* or a part of the sentence */
    ngx_uint_t             port;
    const char            *user;
    const char            *password;
    ngx_uint_t             database;
    ngx_uint_t             tls;
    ngx_uint_t             local;
} url_case_t;


typedef struct {
    const char            *text;
    ngx_er_redis_error_e   error;
} error_case_t;


typedef struct {
    const char            *what;
    const char            *bytes;
    size_t                 len;
} garbage_case_t;


static void test_urls(ngx_pool_t *pool);
static void test_url(ngx_pool_t *pool, url_case_t *c);
static void test_errors(void);
static void test_backoff(void);
static void test_commands(void);
static void test_replies(void);
static void test_cut(const char *bytes, size_t len, size_t step);
static void test_garbage(void);
static void test_big(void);
static void test_random(void);


#define bytes(s)  s, sizeof(s) - 1


static url_case_t  urls[] = {
    { "redis://localhost", "localhost", "localhost:6379", 6379, "", "",
      0, 0, 0 },
    { "redis://10.0.0.5:7000/3", "10.0.0.5", "10.0.0.5:7000", 7000, "", "",
      3, 0, 0 },
    { "redis://10.0.0.5/", "10.0.0.5", "10.0.0.5:6379", 6379, "", "",
      0, 0, 0 },
    { "rediss://r.example:6380", "r.example", "r.example:6380", 6380, "", "",
      0, 1, 0 },
    { "redis://bob:secret@h:1/15", "h", "h:1", 1, "bob", "secret", 15, 0, 0 },
    { "redis://:secret@h", "h", "h:6379", 6379, "", "secret", 0, 0, 0 },
    { "redis://bob@h", "h", "h:6379", 6379, "bob", "", 0, 0, 0 },
    { "redis://b%40b:p%3a%2F%25@h", "h", "h:6379", 6379, "b@b", "p:/%",
      0, 0, 0 },
    { "redis://bob:a:b@h", "h", "h:6379", 6379, "bob", "a:b", 0, 0, 0 },
    { "redis://bob:a@b@h", "h", "h:6379", 6379, "bob", "a@b", 0, 0, 0 },
    { "redis-sentinel://:p@s1,s2:7/main/2", "s1,s2:7", "s1,s2:7/main", 0, "",
      "p", 2, 0, 0 },
    { "redis-sentinel://s1/main", "s1", "s1/main", 0, "", "", 0, 0, 0 },
    { "redis-sentinel://s1", NULL, "the master's name is missing", 0, "", "",
      0, 0, 0 },
    { "redis-sentinel:///main", NULL, "no host", 0, "", "", 0, 0, 0 },
    { "redis-sentinel://s1//2", NULL, "name is empty", 0, "", "", 0, 0, 0 },
    { "redis-sentinel://s1/main/x", NULL, "the database", 0, "", "",
      0, 0, 0 },
    { "redis://[::1]:7000/1", "[::1]", "[::1]:7000", 7000, "", "", 1, 0, 0 },
    { "redis://[fe80::1]", "[fe80::1]", "[fe80::1]:6379", 6379, "", "",
      0, 0, 0 },
    { "unix:/run/redis.sock", "/run/redis.sock", "unix:/run/redis.sock", 0,
      "", "", 0, 0, 1 },
    { "unix:/run/redis.sock/12", "/run/redis.sock", "unix:/run/redis.sock", 0,
      "", "", 12, 0, 1 },
    { "unix:/run/redis6", "/run/redis6", "unix:/run/redis6", 0, "", "",
      0, 0, 1 },
    { "unix:/7", "/7", "unix:/7", 0, "", "", 0, 0, 1 },

    { "", NULL, "must be", 0, NULL, NULL, 0, 0, 0 },
    { "redis:", NULL, "must be", 0, NULL, NULL, 0, 0, 0 },
    { "redis://", NULL, "must be", 0, NULL, NULL, 0, 0, 0 },
    { "http://h", NULL, "must be", 0, NULL, NULL, 0, 0, 0 },
    { "unix:", NULL, "must be", 0, NULL, NULL, 0, 0, 0 },
    { "unix:run/redis.sock", NULL, "must begin", 0, NULL, NULL, 0, 0, 0 },
    { "unix:/run/redis.sock/99999", NULL, "database", 0, NULL, NULL, 0, 0, 0 },
    { "redis:///0", NULL, "no host", 0, NULL, NULL, 0, 0, 0 },
    { "redis://:6379", NULL, "no host", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h:", NULL, "port", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h:0", NULL, "port", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h:65536", NULL, "port", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h:6379x", NULL, "port", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h/x", NULL, "database", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h/-1", NULL, "database", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h/1/2", NULL, "database", 0, NULL, NULL, 0, 0, 0 },
    { "redis://h/0?x=1", NULL, "database", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bob:se/cret@h", NULL, "%2F", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bob:@h", NULL, "empty", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bob:secret%4@h", NULL, "encoded", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bob:secret%zz@h", NULL, "encoded", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bo%b:secret@h", NULL, "encoded", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bob:secret@", NULL, "no host", 0, NULL, NULL, 0, 0, 0 },
    { "redis://bob:secret@h:99999", NULL, "port", 0, NULL, NULL, 0, 0, 0 },
    { "redis://[::1", NULL, "]", 0, NULL, NULL, 0, 0, 0 }
};


static error_case_t  errors[] = {
    { "LOADING Redis is loading the dataset in memory", NGX_ER_REDIS_LATER },
    { "BUSY Redis is busy running a script", NGX_ER_REDIS_LATER },
    { "TRYAGAIN Multiple keys request during rehashing", NGX_ER_REDIS_LATER },
    { "CLUSTERDOWN The cluster is down", NGX_ER_REDIS_LATER },
    { "MASTERDOWN Link with MASTER is down", NGX_ER_REDIS_LATER },
    { "OOM command not allowed when used memory > 'maxmemory'.",
      NGX_ER_REDIS_REFUSED },
    { "MISCONF Redis is configured to save RDB snapshots",
      NGX_ER_REDIS_REFUSED },
    { "NOREPLICAS Not enough good replicas to write.", NGX_ER_REDIS_REFUSED },
    { "READONLY You can't write against a read only replica.",
      NGX_ER_REDIS_READONLY },
    { "NOSCRIPT No matching script. Please use EVAL.", NGX_ER_REDIS_NOSCRIPT },
    { "NOAUTH Authentication required.", NGX_ER_REDIS_DENIED },
    { "NOPERM this user has no permissions", NGX_ER_REDIS_DENIED },
    { "WRONGPASS invalid username-password pair", NGX_ER_REDIS_DENIED },
    { "DENIED Redis is running in protected mode", NGX_ER_REDIS_DENIED },
    { "ERR The user executing the script can't run this command",
      NGX_ER_REDIS_DENIED },
    { "MOVED 3999 127.0.0.1:6381", NGX_ER_REDIS_CLUSTER },
    { "ASK 3999 127.0.0.1:6381", NGX_ER_REDIS_CLUSTER },
    { "CROSSSLOT Keys in request don't hash to the same slot",
      NGX_ER_REDIS_CLUSTER },
    { "WRONGTYPE Operation against a key", NGX_ER_REDIS_WRONGTYPE },
    { "ERR Error running script (call to f_1): @user_script:1: "
      "@user_script: 1: -OOM command not allowed", NGX_ER_REDIS_REFUSED },
    { "ERR Error running script (call to f_1): @user_script:1: "
      "@user_script: 1: -READONLY You can't write", NGX_ER_REDIS_READONLY },
    { "ERR unknown command `EVALSHA`", NGX_ER_REDIS_OTHER },
    { "ERR max number of clients reached", NGX_ER_REDIS_OTHER },
    { "OOMPH", NGX_ER_REDIS_OTHER },
    { "oom", NGX_ER_REDIS_OTHER },
    { "BUSYGROUP Consumer Group name already exists", NGX_ER_REDIS_OTHER },
    { "ERR -", NGX_ER_REDIS_OTHER },
    { "ERR", NGX_ER_REDIS_OTHER },
    { "", NGX_ER_REDIS_OTHER }
};


static garbage_case_t  garbage[] = {
    { "a length beyond int", bytes("*2147483648\r\n") },
    { "a negative length", bytes("*-5\r\n") },
    { "more elements than ever asked for", bytes("*9999999\r\n") },
    { "one element too many", bytes("*17\r\n") },
    { "an array in an array", bytes("*1\r\n*1\r\n:1\r\n") },
    { "nine levels", bytes("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
                           "*1\r\n:1\r\n") },
    { "a negative string", bytes("$-2\r\n") },
    { "a map of RESP3", bytes("%1\r\n+a\r\n+b\r\n") },
    { "a push of RESP3", bytes(">1\r\n+a\r\n") },
    { "a set of RESP3", bytes("~1\r\n+a\r\n") },
    { "an attribute of RESP3", bytes("|1\r\n+a\r\n+b\r\n") },
    { "a double of RESP3", bytes(",1.5\r\n") },
    { "a boolean of RESP3", bytes("#t\r\n") },
    { "a big number of RESP3", bytes("(123\r\n") },
    { "a verbatim string of RESP3", bytes("=5\r\ntxt:a\r\n") },
    { "a double in an array", bytes("*2\r\n:1\r\n,1.5\r\n") },
    { "a boolean in an array", bytes("*1\r\n#f\r\n") },
    { "a map in an array", bytes("*1\r\n%1\r\n+a\r\n+b\r\n") },
    { "an unknown type", bytes("@bad\r\n") },
    { "HTTP", bytes("HTTP/1.1 400 Bad Request\r\n") },
    { "a blank line", bytes("\r\n") },
    { "NULs", bytes("\0\0\0\0") }
};


int
main(void)
{
    ngx_pool_t  *pool;

    pool = ngx_er_test_pool();

    test_urls(pool);
    test_errors();
    test_backoff();
    test_commands();
    test_replies();
    test_garbage();
    test_big();
    test_random();

    ngx_destroy_pool(pool);

    return done_testing();
}


static void
test_urls(ngx_pool_t *pool)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        test_url(pool, &urls[i]);
    }
}


static void
test_url(ngx_pool_t *pool, url_case_t *c)
{
    ngx_int_t            rc;
    ngx_str_t            text;
    ngx_er_error_t       err;
    ngx_er_redis_url_t   url;

    text.data = (u_char *) c->text;
    text.len = strlen(c->text);
    err.len = 0;

    rc = ngx_er_redis_url_parse(pool, &text, &url, &err);

    if (c->host == NULL) {
        is_int(rc, NGX_ERROR, "\"%s\" is refused", c->text);
        ok(ngx_strlcasestrn(err.text, err.text + err.len,
                            (u_char *) c->name, strlen(c->name) - 1) != NULL,
           "\"%s\": \"%.*s\"", c->text, (int) err.len, err.text);
        ok(ngx_strlcasestrn(err.text, err.text + err.len,
                            (u_char *) "cret", 3) == NULL,
           "\"%s\": no password in it", c->text);
        return;
    }

    is_int(rc, NGX_OK, "\"%s\" is read", c->text);

    if (rc != NGX_OK) {
        return;
    }

    is_str(&url.host, c->host, "\"%s\": host", c->text);
    is_str(&url.name, c->name, "\"%s\": name", c->text);
    is_str(&url.user, c->user, "\"%s\": user", c->text);
    is_str(&url.password, c->password, "\"%s\": password", c->text);
    is_int(url.port, c->port, "\"%s\": port", c->text);
    is_int(url.database, c->database, "\"%s\": database", c->text);
    is_int(url.tls, c->tls, "\"%s\": TLS", c->text);
    is_int(url.local, c->local, "\"%s\": local", c->text);
}


static void
test_errors(void)
{
    char         *copy;
    size_t        len;
    ngx_uint_t    i;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {

        /* not terminated, so that a read beyond the end is seen */

        len = strlen(errors[i].text);
        copy = malloc(len ? len : 1);
        memcpy(copy, errors[i].text, len);

        is_int(ngx_er_redis_error(copy, len), errors[i].error, "\"%s\"",
               errors[i].text);

        free(copy);
    }
}


static void
test_backoff(void)
{
    uint32_t    n;
    ngx_uint_t  tries, bad, random;
    ngx_msec_t  ms, max[12];

    bad = 0;
    n = 1;

    for (tries = 0; tries < 12; tries++) {
        max[tries] = 0;

        for (random = 0; random < 20000; random++) {
            n = n * 1664525 + 1013904223;
            ms = ngx_er_redis_backoff(tries, n >> 8);
            max[tries] = ngx_max(max[tries], ms);

            if (ms < NGX_ER_REDIS_BACKOFF_MIN
                || ms > NGX_ER_REDIS_BACKOFF_MAX)
            {
                bad++;
            }
        }
    }

    is_int(bad, 0, "every pause is between the bounds");
    is_int(ngx_er_redis_backoff(0, 0), 50, "the shortest pause");
    ok(max[0] <= 100, "the first pause is at most 100 ms");
    ok(max[3] > 600 && max[3] <= 800, "the fourth is at most 800 ms");
    ok(max[6] > 4900, "the seventh may be 5 s");
    ok(ngx_er_redis_backoff((ngx_uint_t) -1, 4294967295u) <= 5000,
       "no number of tries is too big");
}


static void
test_commands(void)
{
    size_t      size, len;
    u_char     *p;
    ngx_str_t   words[4];
    ngx_uint_t  i;

    static const char  want[] = "*4\r\n$3\r\nSET\r\n$8\r\na\r\n*1\r\nb\r\n"
                                "$0\r\n\r\n$5\r\n\0%s%b\r\n";

    ngx_str_set(&words[0], "SET");
    ngx_str_set(&words[1], "a\r\n*1\r\nb");
    ngx_str_null(&words[2]);
    ngx_str_set(&words[3], "\0%s%b");

    size = ngx_er_redis_command_size(words, 4);
    p = malloc(size);
    len = ngx_er_redis_command(p, words, 4) - p;

    is_int(len, sizeof(want) - 1, "a command of any bytes: its length");
    is_mem(p, want, ngx_min(len, sizeof(want) - 1), "its bytes");
    ok(size >= len, "it fits");
    free(p);

    /* lengths of one digit and more, and no word */

    for (i = 0; i < 6; i++) {
        words[0].len = i * i * i * i * i * i * i * 13;
        words[0].data = malloc(words[0].len + 1);
        memset(words[0].data, 'x', words[0].len);

        size = ngx_er_redis_command_size(words, 1);
        p = malloc(size + 64);
        len = ngx_er_redis_command(p, words, 1) - p;

        is_int(len, (size_t) snprintf((char *) p + size, 64,
                                      "*1\r\n$%zu\r\n\r\n", words[0].len)
                    + words[0].len, "%d bytes", (int) words[0].len);
        ok(memcmp(p, p + size, len - words[0].len - 2) == 0 && size >= len,
           "said so");

        free(p);
        free(words[0].data);
    }

    p = malloc(ngx_er_redis_command_size(words, 0));
    is_int(ngx_er_redis_command(p, words, 0) - p, 4, "no word");
    free(p);
}


static void
test_replies(void)
{
    size_t  step;

    static const char  replies[] = "+OK\r\n-NOSCRIPT no\r\n:-42\r\n$-1\r\n"
                                   "$0\r\n\r\n$5\r\na\r\nb\0\r\n*-1\r\n*0\r\n"
                                   "*3\r\n:1\r\n:7\r\n$16\r\n"
                                   "00000000deadbeef\r\n";

    for (step = 1; step < sizeof(replies); step++) {
        test_cut(bytes(replies), step);
    }
}


static void
test_cut(const char *bytes, size_t len, size_t step)
{
    char                   seen[256], *p;
    size_t                 i, n;
    u_char                *piece;
    ngx_int_t              rc;
    redisReply            *reply;
    ngx_er_redis_reader_t  reader;

    rc = NGX_AGAIN;
    p = seen;

    if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
        ok(0, "the reader opens");
        return;
    }

    for (i = 0; i < len && rc == NGX_AGAIN; i += step) {
        n = ngx_min(step, len - i);

        piece = malloc(n);
        memcpy(piece, bytes + i, n);
        rc = ngx_er_redis_feed(&reader, piece, n);
        free(piece);

        while (rc == NGX_OK) {
            rc = ngx_er_redis_read(&reader, &reply);

            if (rc != NGX_OK) {
                break;
            }

            p += sprintf(p, "%d/%d/%d ", reply->type, (int) reply->integer,
                         (int) (reply->type == REDIS_REPLY_ARRAY
                                ? reply->elements : (size_t) reply->len));
        }
    }

    *p = '\0';
    ngx_er_redis_reader_close(&reader);
    ngx_er_redis_reader_close(&reader);

    ok(strcmp(seen, "5/0/2 6/0/11 3/-42/0 4/0/0 1/0/0 1/0/5 4/0/0 2/0/0 "
                    "2/0/3 ") == 0
       && rc == NGX_AGAIN,
       "replies in pieces of %d bytes: %s", (int) step, seen);
}


static void
test_garbage(void)
{
    u_char                 byte;
    size_t                 k;
    ngx_int_t              rc;
    ngx_uint_t             i;
    redisReply            *reply;
    ngx_er_redis_reader_t  reader;

    for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {

        if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
            ok(0, "the reader opens");
            return;
        }

        rc = NGX_AGAIN;

        for (k = 0; k < garbage[i].len && rc == NGX_AGAIN; k++) {
            byte = (u_char) garbage[i].bytes[k];

            rc = ngx_er_redis_feed(&reader, &byte, 1);

            if (rc == NGX_OK) {
                rc = ngx_er_redis_read(&reader, &reply);
            }

            if (rc == NGX_OK) {
            }
        }

        is_int(rc, NGX_ERROR, "%s is refused", garbage[i].what);

        ngx_er_redis_reader_close(&reader);
    }
}


/* a reply that never ends; 1000 replies at once */

static void
test_big(void)
{
    u_char                 block[5000];
    size_t                 fed;
    ngx_int_t              rc;
    ngx_uint_t             i, n;
    redisReply            *reply;
    ngx_er_redis_reader_t  reader;

    static u_char  promise[] = "$99999999999\r\n";

    if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
        ok(0, "the reader opens");
        return;
    }

    memset(block, 'x', sizeof(block));
    fed = 0;

    rc = ngx_er_redis_feed(&reader, promise, sizeof(promise) - 1);

    while (rc == NGX_OK && fed < 1000000) {
        rc = ngx_er_redis_read(&reader, &reply);

        if (rc == NGX_AGAIN) {
            rc = ngx_er_redis_feed(&reader, block, sizeof(block));
            fed += sizeof(block);
        }
    }

    is_int(rc, NGX_ERROR, "a reply that never ends is refused");
    ok(fed <= NGX_ER_REDIS_REPLY + sizeof(block), "after %d bytes",
       (int) fed);

    ngx_er_redis_reader_close(&reader);

    if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
        ok(0, "the reader opens");
        return;
    }

    n = 0;

    for (i = 0; i < 1000; i++) {
        memcpy(block + i * 5, "+OK\r\n", 5);
    }

    for (i = 0; i < 100; i++) {
        rc = ngx_er_redis_feed(&reader, block, sizeof(block));

        while (rc == NGX_OK) {
            rc = ngx_er_redis_read(&reader, &reply);

            if (rc == NGX_OK) {
                n++;
            }
        }
    }

    is_int(n, 100000, "many replies at once are no big reply");
    is_int(rc, NGX_AGAIN, "and none is left");

    ngx_er_redis_reader_close(&reader);
}


/* letters that replies are made of, in any order: no crash, no leak */

static void
test_random(void)
{
    u_char                 text[64];
    uint32_t               n;
    ngx_int_t              rc;
    ngx_uint_t             i, k, replies;
    redisReply            *reply;
    ngx_er_redis_reader_t  reader;

    static const char  letters[] = "*$:+-0123\r\n\r\n\r\na";

    n = 7;
    replies = 0;

    for (i = 0; i < 20000; i++) {

        if (ngx_er_redis_reader_open(&reader) != NGX_OK) {
            ok(0, "the reader opens");
            return;
        }

        for (k = 0; k < sizeof(text); k++) {
            n = n * 1664525 + 1013904223;
            text[k] = (u_char) letters[(n >> 16) % (sizeof(letters) - 1)];
        }

        rc = ngx_er_redis_feed(&reader, text, sizeof(text));

        while (rc == NGX_OK) {
            rc = ngx_er_redis_read(&reader, &reply);

            if (rc == NGX_OK) {
                replies++;
            }
        }

        ngx_er_redis_reader_close(&reader);
    }

    ok(replies > 100, "random bytes made %d replies", (int) replies);
}
