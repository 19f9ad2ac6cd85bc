
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A large history: a file store that is filled with events of a week, each
 * delivered, through the store's own operations, as nginx writes them, and
 * lookups in it.  For t/unit/history_many.c and t/bench/history.c.
 */


#ifndef _NGX_ER_TEST_HISTORY_MANY_H_INCLUDED_
#define _NGX_ER_TEST_HISTORY_MANY_H_INCLUDED_


#include "tap.h"
#include "../../ngx_event_router_module/store/file/history.h"
#include "../../ngx_event_router_module/store/file/run.h"

#include <sys/resource.h>
#include <dirent.h>
#include <sys/statvfs.h>


#define BATCH    1000                  /* events in a transaction */
#define WEEK     (7 * 24 * 3600000ull) /* ms */
#define RECORD   560                   /* bytes of one in the store */


typedef struct {
    ngx_er_queue_op_t      op;
    ngx_er_queue_part_t    part;
    uint64_t               hashes[2];
    u_char                 text[256];
} job_t;


enum { NUMBER, ID, ORDER, MISSING, RANGE, NEWEST, TEXT };


static ngx_str_t            id_name = ngx_string("id");
static ngx_str_t            order_name = ngx_string("data.order.id");
static uint64_t             now, begun, *seqs;
static char                 path[64];
static ngx_er_file_t       *file;
static ngx_er_file_conf_t   conf;


static double processor(void) __attribute__((unused));
static long faults(void) __attribute__((unused));


static int
fail(const char *what)
{
    fprintf(stderr, "%s\n", what);

    return 1;
}


static void
open_store(const char *dir, uint64_t count)
{
    ngx_er_error_t   err;
    struct statvfs   st;

    snprintf(path, sizeof(path), "%s/er-history.XXXXXX", dir);

    if (mkdtemp(path) == NULL) {
        perror(path);
        exit(1);
    }

    conf.path.data = (u_char *) path;
    conf.path.len = strlen(path);
    ngx_str_set(&conf.owner, "/run/nginx.conf");
    conf.high = 90;
    conf.low = 80;
    conf.history_time = 30 * 86400000ull;
    conf.history_size = count * RECORD + (64 << 20);
    conf.size = conf.history_size * 5 / 4;

    if (statvfs(path, &st) == 0
        && (uint64_t) st.f_bavail * st.f_frsize < conf.size)
    {
        (void) rmdir(path);
        printf("%s has no room for %llu MB\n", dir,
               (unsigned long long) conf.size >> 20);
        exit(1);
    }

    file = ngx_er_file_open(&conf, 1, &ngx_er_test_log, &err);

    if (file == NULL) {
        fprintf(stderr, "%.*s\n", (int) err.len, (char *) err.text);
        exit(1);
    }
}


/* with whatever the store keeps beside its data */

static void
close_store(void)
{
    DIR            *dir;
    char            name[sizeof(path) + 256];
    struct dirent  *entry;

    ngx_er_file_close(file);

    dir = opendir(path);

    while (dir && (entry = readdir(dir))) {
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        (void) unlink(name);
    }

    if (dir) {
        (void) closedir(dir);
    }

    if (rmdir(path) != 0) {
        perror(path);
    }

    free(seqs);
}


static ngx_str_t
text_of(char *buf, const char *name, uint64_t i)
{
    ngx_str_t  text;

    text.len = sprintf(buf, "%s-%llu", name, (unsigned long long) i);
    text.data = (u_char *) buf;

    return text;
}


static void
accept_job(job_t *job, uint64_t i)
{
    char                     id[32], order[32];
    u_char                  *p;
    ngx_er_history_chunk_t   chunk;

    ngx_memzero(&job->op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(&job->part, sizeof(ngx_er_queue_part_t));
    ngx_memzero(&chunk, sizeof(chunk));

    job->part.target = 11;
    ngx_str_set(&job->part.name, "erp");
    ngx_str_set(&job->part.routes, "orders");
    job->part.lease = 1;

    job->op.verb = NGX_ER_QUEUE_ACCEPT;
    job->op.parts = &job->part;
    job->op.nparts = 1;
    job->op.token = i + 1;
    job->op.lease = 30000;
    ngx_str_set(&job->op.record, "a record that is gone when it is settled");

    chunk.kind = NGX_ER_HISTORY_EVENT;
    chunk.time = now;
    chunk.id = text_of(id, "event", i);
    ngx_str_set(&chunk.source, "shopify");
    ngx_str_set(&chunk.type, "orders/paid");
    ngx_str_set(&chunk.subject, "acme.myshopify.com");
    chunk.nkeys = 1;
    chunk.keys[0].name = order_name;
    chunk.keys[0].value = text_of(order, "order", i / 3);

    p = ngx_er_history_write(job->text, &chunk);

    chunk.kind = NGX_ER_HISTORY_PART;
    chunk.target = 11;
    chunk.name = job->part.name;
    chunk.routes = job->part.routes;

    job->op.history.data = job->text;
    job->op.history.len = ngx_er_history_write(p, &chunk) - job->text;

    job->hashes[0] = ngx_er_history_hash(ngx_er_history_name(&id_name),
                                         &chunk.id);
    job->hashes[1] = ngx_er_history_hash(ngx_er_history_name(&order_name),
                                         &chunk.keys[0].value);
    job->op.hashes = job->hashes;
    job->op.nhashes = 2;
}


static void
settle_job(job_t *job, job_t *accepted)
{
    ngx_er_history_chunk_t  chunk;

    ngx_memzero(&job->op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(&chunk, sizeof(chunk));

    job->op.verb = NGX_ER_QUEUE_SETTLE;
    job->op.target = 11;
    job->op.seq = accepted->op.seq;
    job->op.token = accepted->op.token;

    chunk.kind = NGX_ER_HISTORY_ATTEMPT;
    chunk.target = 11;
    chunk.time = now;
    chunk.ms = 120;
    chunk.status = 201;
    chunk.number = 1;
    chunk.state = NGX_ER_HISTORY_DELIVERED;
    ngx_str_set(&chunk.answer, "{\"Success\":true,\"Invoice\":\"I-2026-1\"}");

    job->op.history.data = job->text;
    job->op.history.len = ngx_er_history_write(job->text, &chunk) - job->text;
}


static void
fill(uint64_t count)
{
    job_t        *accepted, *settled;
    uint64_t      i, n;
    ngx_uint_t    k;
    ngx_queue_t   ops;

    accepted = calloc(BATCH, sizeof(job_t));
    settled = calloc(BATCH, sizeof(job_t));
    seqs = calloc(count, sizeof(uint64_t));
    begun = 1700000000000;

    for (i = 0; i < count; i += n) {
        n = ngx_min(count - i, BATCH);

        now = begun + WEEK / count * i;

        ngx_queue_init(&ops);

        for (k = 0; k < n; k++) {
            accept_job(&accepted[k], i + k);
            ngx_queue_insert_tail(&ops, &accepted[k].op.queue);
        }

        ngx_er_file_run(file, &ops, now);
        ngx_queue_init(&ops);

        for (k = 0; k < n; k++) {

            if (accepted[k].op.rc != NGX_OK) {
                exit(fail("an event was not accepted"));
            }

            seqs[i + k] = accepted[k].op.seq;
            settle_job(&settled[k], &accepted[k]);
            ngx_queue_insert_tail(&ops, &settled[k].op.queue);
        }

        ngx_er_file_run(file, &ops, now);
    }

    free(accepted);
    free(settled);
}


static void
ask(ngx_er_history_filter_t *filter, ngx_uint_t kind, uint64_t i, char *buf)
{
    ngx_memzero(filter, sizeof(ngx_er_history_filter_t));
    filter->state = NGX_ER_HISTORY_ANY;

    switch (kind) {

    case NUMBER:
        filter->seq = seqs[i];
        break;

    case ID:
        filter->key.name = id_name;
        filter->key.value = text_of(buf, "event", i);
        break;

    case ORDER:
    case MISSING:
        filter->key.name = order_name;
        filter->key.value = text_of(buf, kind == ORDER ? "order" : "none",
                                    i / 3);
        break;

    case RANGE:

        /* ten minutes */

        filter->from = seqs[i] >> 20;
        filter->to = filter->from + 600000;
        break;

    case TEXT:
        ngx_str_set(&filter->text, "NOWHERE");
        break;
    }

    if (filter->key.name.len) {
        filter->hash = ngx_er_history_hash(
                                       ngx_er_history_name(&filter->key.name),
                                       &filter->key.value);
    }
}


static uint64_t
chance(uint64_t n)
{
    static uint64_t  state = 88172645463325252ull;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state % n;
}


/*
 * One lookup of event number "i", into "find"; 1: it found something else than
 * it should.  "op" has a pool then, which the caller destroys.
 */

static ngx_uint_t
lookup(ngx_er_queue_op_t *op, ngx_er_history_find_t *find, ngx_uint_t kind,
    uint64_t i)
{
    char  buf[32];

    ngx_memzero(op, sizeof(ngx_er_queue_op_t));
    ngx_memzero(find, sizeof(ngx_er_history_find_t));

    ask(&find->filter, kind, i, buf);
    find->limit = 50;
    find->looks = NGX_ER_HISTORY_LOOKS;
    find->bytes = 1 << 20;

    op->verb = NGX_ER_QUEUE_HISTORY;
    op->find = find;
    op->pool = ngx_create_pool(4096, &ngx_er_test_log);

    ngx_er_file_read(file, op);

    return op->rc != NGX_OK
           || (kind <= ORDER && find->records->nelts == 0)
           || (kind == MISSING && find->records->nelts)
           || (kind == RANGE && find->records->nelts == 0)
           || (kind == NEWEST && find->records->nelts != 50);
}


/* of this thread: ms on a processor, and pages that it had to ask for */

static double
processor(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return ts.tv_sec * 1000.0 + ts.tv_nsec / 1e6;
}


static long
faults(void)
{
    struct rusage  usage;

    (void) getrusage(RUSAGE_SELF, &usage);

    return usage.ru_minflt + usage.ru_majflt;
}


#endif /* _NGX_ER_TEST_HISTORY_MANY_H_INCLUDED_ */
