
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The bare stores, driven as nginx drives them but without nginx:
 *
 *     store file DIR SECONDS CLIENTS BYTES settle|keep
 *     store redis PORT SECONDS CLIENTS BYTES settle|keep
 *
 * accepts records as so many clients would send them of which each waits for
 * its answer.  In the file store a transaction has what came while the last
 * one ran, so half of the clients wait for one and half for the next.  Redis
 * is sent the same script by one connection, with as many of them on the way
 * as there are clients.  With "settle" every entry is leased when it is
 * accepted and settled with what is next, as that of a target that is well;
 * with "keep" it stays.  One line says what came of it.
 *
 *     store clone DIR OWNER COUNT [TARGET]
 *
 * fills a file store with copies of the entries that it has, one event each.
 * OWNER is the configuration of the nginx that made it.
 */


#include "../unit/tap.h"
#include "../../ngx_event_router_module/store/file/run.h"
#include "../../ngx_event_router_module/store/redis/command.h"
#include "../../ngx_event_router_module/store/redis/reply.h"

#include <sys/resource.h>


#define BATCH     1000                 /* of clones in a transaction */
#define CLIENTS   1024
#define SIZE      (8ull * 1024 * 1024 * 1024)


typedef struct {
    ngx_er_queue_op_t      op;
    ngx_er_queue_part_t    part;
    ngx_er_redis_walk_t    walk;
    double                 start;
} job_t;


static int run_file(char **argv);
static int run_redis(char **argv);
static int run_clone(char **argv);
static ngx_er_file_t *open_file(char *path, char *owner);
static void arguments(char **argv);
static job_t *new_accept(void);
static job_t *new_settle(job_t *accepted);
static void free_job(job_t *job);
static void send_job(redisContext *c, job_t *job);
static void load_script(redisContext *c, ngx_uint_t verb);
static uint64_t wall(void);
static double seconds(void);
static double used(void);
static uint64_t chance(void);
static void answered(double ms);
static int compare(const void *a, const void *b);
static int report(double start, double cpu);
static int fail(const char *what);


static ngx_str_t    record;
static ngx_str_t    name = ngx_string("t1");
static ngx_str_t    routes = ngx_string("queued-orders");
static ngx_uint_t   clients;
static ngx_uint_t   settled;
static double       duration;
static uint64_t     tokens;

static float       *answers;           /* ms */
static ngx_uint_t   nanswers;
static ngx_uint_t   room;

static ngx_er_redis_clock_t   redis_clock;

static ngx_er_redis_layout_t  layout = {
    .prefix = ngx_string("bare"),
    .shards = 1,
    .gap = 10000,
    .holder = 1,
    .clocks = &redis_clock
};


int
main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "file") == 0) {
        arguments(argv);
        return run_file(argv);
    }

    if (argc == 7 && strcmp(argv[1], "redis") == 0) {
        arguments(argv);
        return run_redis(argv);
    }

    if ((argc == 5 || argc == 6) && strcmp(argv[1], "clone") == 0) {
        return run_clone(argv);
    }

    return fail("usage: store file|redis|clone ...");
}


static void
arguments(char **argv)
{
    ngx_uint_t  i;

    duration = atof(argv[3]);
    clients = atoi(argv[4]);
    clients = ngx_max(2, ngx_min(clients, CLIENTS));
    settled = (strcmp(argv[6], "settle") == 0);

    record.len = atoi(argv[5]);
    record.data = malloc(record.len);

    for (i = 0; i < record.len; i++) {
        record.data[i] = 'a' + i % 26;
    }
}


static int
run_file(char **argv)
{
    job_t          *next[CLIENTS], *last[CLIENTS];
    double          start, cpu, began, done;
    ngx_uint_t      i, n, nlast;
    ngx_queue_t     ops;
    ngx_er_file_t  *file;

    file = open_file(argv[2], "/run/store.pid");

    start = seconds();
    cpu = used();
    began = start;
    nlast = 0;
    n = clients / 2;

    for (done = start; done - start < duration; /* void */ ) {
        ngx_queue_init(&ops);

        for (i = 0; i < nlast; i++) {
            ngx_queue_insert_tail(&ops, &last[i]->op.queue);
        }

        for (i = 0; i < n; i++) {
            next[i] = new_accept();
            next[i]->start = began;
            ngx_queue_insert_tail(&ops, &next[i]->op.queue);
        }

        /* the other half comes while this one is written */

        began = done;

        ngx_er_file_run(file, &ops, wall());

        done = seconds();

        for (i = 0; i < nlast; i++) {

            if (last[i]->op.rc != NGX_OK) {
                return fail("an event was not settled");
            }

            free_job(last[i]);
        }

        nlast = settled ? n : 0;

        for (i = 0; i < n; i++) {

            if (next[i]->op.rc != NGX_OK) {
                return fail("an event was refused");
            }

            answered((done - next[i]->start) * 1000);

            if (settled) {
                last[i] = new_settle(next[i]);
            }

            free_job(next[i]);
        }
    }

    ngx_er_file_close(file);

    return report(start, cpu);
}


static int
run_redis(char **argv)
{
    job_t         *jobs[2 * CLIENTS], *job;
    double         start, cpu, now;
    ngx_uint_t     first, n, accepts;
    redisReply    *reply;
    redisContext  *c;

    c = redisConnect("127.0.0.1", atoi(argv[2]));

    if (c == NULL || c->err) {
        return fail("no Redis");
    }

    layout.holder = chance() | 1;
    layout.count = chance();

    ngx_er_redis_script_init();
    load_script(c, NGX_ER_QUEUE_ACCEPT);
    load_script(c, NGX_ER_QUEUE_SETTLE);

    start = seconds();
    cpu = used();
    first = 0;
    n = 0;
    accepts = 0;

    for ( ;; ) {
        now = seconds();

        while (accepts < clients && now - start < duration) {
            job = new_accept();
            job->start = now;
            send_job(c, job);
            jobs[(first + n++) % (2 * CLIENTS)] = job;
            accepts++;
        }

        if (n == 0) {
            break;
        }

        if (redisGetReply(c, (void **) &reply) != REDIS_OK) {
            return fail("Redis is gone");
        }

        job = jobs[first];
        first = (first + 1) % (2 * CLIENTS);
        n--;

        if (reply->type == REDIS_REPLY_ERROR) {
            return fail(reply->str);
        }

        if (ngx_er_redis_queue_reply(&job->walk, reply) != NGX_OK
            || job->op.rc != NGX_OK)
        {
            return fail("an operation was refused");
        }

        freeReplyObject(reply);

        if (job->op.verb == NGX_ER_QUEUE_ACCEPT) {
            accepts--;
            answered((seconds() - job->start) * 1000);

            if (settled) {
                jobs[(first + n++) % (2 * CLIENTS)] = new_settle(job);
                send_job(c, jobs[(first + n - 1) % (2 * CLIENTS)]);
            }
        }

        free_job(job);
    }

    redisFree(c);

    return report(start, cpu);
}


static int
run_clone(char **argv)
{
    job_t              *jobs[BATCH];
    ngx_uint_t          i, k, n, count;
    ngx_queue_t         ops;
    ngx_er_file_t      *file;
    ngx_er_entry_t     *entry;
    ngx_er_queue_op_t   list;

    file = open_file(argv[2], argv[3]);
    count = atoi(argv[4]);

    ngx_memzero(&list, sizeof(ngx_er_queue_op_t));
    list.verb = NGX_ER_QUEUE_LIST;
    list.pool = ngx_create_pool(4096, &ngx_er_test_log);
    list.limit = 1000;
    list.bytes = 100000000;
    list.records = 1;

    ngx_er_file_read(file, &list);

    entry = list.entries->elts;
    n = 0;

    for (i = 0; i < list.entries->nelts; i++) {
        if (argv[5] == NULL
            || (entry[i].name.len == strlen(argv[5])
                && ngx_strncmp(entry[i].name.data, argv[5], entry[i].name.len)
                   == 0))
        {
            entry[n++] = entry[i];
        }
    }

    if (list.rc != NGX_OK || n == 0) {
        return fail("nothing to clone");
    }

    for (i = 0; i < count; i += k) {
        ngx_queue_init(&ops);

        for (k = 0; k < BATCH && i + k < count; k++) {
            jobs[k] = new_accept();
            jobs[k]->op.dedup = 0;
            jobs[k]->op.record = entry[(i + k) % n].record;
            jobs[k]->part.target = entry[(i + k) % n].target;
            jobs[k]->part.name = entry[(i + k) % n].name;
            jobs[k]->part.routes = entry[(i + k) % n].routes;
            jobs[k]->part.lease = 0;
            ngx_queue_insert_tail(&ops, &jobs[k]->op.queue);
        }

        ngx_er_file_run(file, &ops, wall());

        for (k = 0; k < BATCH && i + k < count; k++) {

            if (jobs[k]->op.rc != NGX_OK) {
                return fail("a clone was refused");
            }

            free_job(jobs[k]);
        }
    }

    printf("events=%lu targets=%lu bytes=%lu\n", (unsigned long) count,
           (unsigned long) n, (unsigned long) entry[0].record.len);

    ngx_er_file_close(file);

    return 0;
}


static ngx_er_file_t *
open_file(char *path, char *owner)
{
    ngx_er_file_t       *file;
    ngx_er_error_t       err;
    ngx_er_file_conf_t   conf;

    ngx_memzero(&conf, sizeof(ngx_er_file_conf_t));

    conf.path.data = (u_char *) path;
    conf.path.len = strlen(path);
    conf.owner.data = (u_char *) owner;
    conf.owner.len = strlen(owner);
    conf.size = SIZE;
    conf.high = 95;
    conf.low = 85;

    file = ngx_er_file_open(&conf, chance() | 1, ngx_cycle->log, &err);

    if (file == NULL) {
        fprintf(stderr, "%.*s\n", (int) err.len, (char *) err.text);
        exit(1);
    }

    return file;
}


static job_t *
new_accept(void)
{
    job_t       *job;
    uint64_t     key[4];
    ngx_uint_t   i;

    job = calloc(1, sizeof(job_t));

    job->op.verb = NGX_ER_QUEUE_ACCEPT;
    job->op.pool = ngx_create_pool(4096, &ngx_er_test_log);
    job->op.window = 72 * 3600 * 1000;
    job->op.dedup = 1;
    job->op.record = record;
    job->op.parts = &job->part;
    job->op.nparts = 1;
    job->op.token = ++tokens;
    job->op.lease = 30000;

    job->part.target = 0x1234567812345678;
    job->part.name = name;
    job->part.routes = routes;
    job->part.lease = settled;

    for (i = 0; i < 4; i++) {
        key[i] = chance();
    }

    ngx_memcpy(job->op.key, key, sizeof(key));

    return job;
}


static job_t *
new_settle(job_t *accepted)
{
    job_t  *job;

    job = calloc(1, sizeof(job_t));

    job->op.verb = NGX_ER_QUEUE_SETTLE;
    job->op.pool = ngx_create_pool(4096, &ngx_er_test_log);
    job->op.target = accepted->part.target;
    job->op.seq = accepted->op.seq;
    job->op.token = accepted->op.token;

    return job;
}


static void
free_job(job_t *job)
{
    ngx_destroy_pool(job->op.pool);
    free(job);
}


static void
send_job(redisContext *c, job_t *job)
{
    size_t       lens[NGX_ER_REDIS_ARGS];
    ngx_str_t    words[NGX_ER_REDIS_ARGS];
    ngx_uint_t   i, n;
    const char  *argv[NGX_ER_REDIS_ARGS];

    ngx_er_redis_queue_walk(&job->walk, &layout, &job->op);

    ngx_er_redis_script_words(ngx_er_redis_queue_script(job->op.verb), 0,
                              words);

    if (ngx_er_redis_queue_words(&job->walk, job->op.pool, words + 2, &n)
        != NGX_OK)
    {
        exit(fail("no words"));
    }

    for (i = 0; i < n + 2; i++) {
        argv[i] = (char *) words[i].data;
        lens[i] = words[i].len;
    }

    redisAppendCommandArgv(c, n + 2, argv, lens);
}


static void
load_script(redisContext *c, ngx_uint_t verb)
{
    ngx_str_t   *text;
    redisReply  *reply;

    text = ngx_er_redis_queue_script(verb)->text;

    reply = redisCommand(c, "SCRIPT LOAD %b", text->data, text->len);

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        exit(fail("the script is refused"));
    }

    freeReplyObject(reply);
}


static uint64_t
wall(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static double
seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static double
used(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* no two runs have the same keys */

static uint64_t
chance(void)
{
    static uint64_t  x;

    if (x == 0) {
        x = (uint64_t) (seconds() * 1e9) ^ (uint64_t) getpid() << 40;
    }

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    return x;
}


static void
answered(double ms)
{
    if (nanswers == room) {
        room = room ? 2 * room : 65536;
        answers = realloc(answers, room * sizeof(float));
    }

    answers[nanswers++] = ms;
}


static int
compare(const void *a, const void *b)
{
    float  x, y;

    x = *(const float *) a;
    y = *(const float *) b;

    return (x > y) - (x < y);
}


static int
report(double start, double cpu)
{
    double  us, cpu_us;

    us = (seconds() - start) * 1e6;
    cpu_us = (used() - cpu) * 1e6;

    qsort(answers, nanswers, sizeof(float), compare);

    printf("events=%lu us=%.0f cpu=%.0f p50=%.0f p99=%.0f\n",
           (unsigned long) nanswers, us, cpu_us,
           1000 * answers[nanswers / 2], 1000 * answers[nanswers * 99 / 100]);

    return 0;
}


static int
fail(const char *what)
{
    fprintf(stderr, "store: %s\n", what);

    return 1;
}
