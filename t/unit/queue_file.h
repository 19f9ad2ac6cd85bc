
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file store in a temporary directory, for its tests: opening it, one line
 * for each operation, and consistent(), which looks into all databases and
 * counts what does not fit together.
 */


#ifndef _NGX_ER_TEST_QUEUE_FILE_H_INCLUDED_
#define _NGX_ER_TEST_QUEUE_FILE_H_INCLUDED_


#include "tap.h"

#include "../../ngx_event_router_module/store/file/check.h"
#include "../../ngx_event_router_module/store/file/count.h"
#include "../../ngx_event_router_module/store/file/entry.h"
#include "../../ngx_event_router_module/store/file/hold.h"
#include "../../ngx_event_router_module/store/file/lock.h"
#include "../../ngx_event_router_module/store/file/row.h"
#include "../../ngx_event_router_module/store/file/run.h"
#include "../../ngx_event_router_module/store/file/space.h"
#include "../../ngx_event_router_module/store/file/verbs.h"

#include <dirent.h>


#define HOUR  3600000


static ngx_er_file_t       *file;
static ngx_er_file_conf_t   conf;
static ngx_pool_t          *pool;
static uint64_t             now = 1700000000000;
static uint64_t             token;
static uint64_t             accept_source;
static char                 dir[64];


static void test_directory(uint64_t size) __attribute__((unused));
static void test_remove(void) __attribute__((unused));
static ngx_er_file_t *test_open(uint64_t holder) __attribute__((unused));
static void begin(uint64_t size) __attribute__((unused));
static void end(void) __attribute__((unused));
static ngx_er_queue_op_t *new_op(ngx_er_queue_verb_e verb)
    __attribute__((unused));
static ngx_int_t run(ngx_er_queue_op_t *op) __attribute__((unused));
static ngx_int_t accept_one(uint64_t target, uint64_t order, ngx_uint_t lease,
    size_t size, uint64_t *seq) __attribute__((unused));
static ngx_er_queue_op_t *lease(uint64_t target, ngx_uint_t fresh,
    ngx_uint_t again) __attribute__((unused));
static ngx_int_t settle(uint64_t target, uint64_t seq, uint64_t tok)
    __attribute__((unused));
static ngx_int_t retry(uint64_t target, uint64_t seq, uint64_t tok,
    ngx_uint_t counted, ngx_msec_t delay) __attribute__((unused));
static ngx_int_t bury(uint64_t target, uint64_t seq, uint64_t tok,
    ngx_msec_t keep) __attribute__((unused));
static ngx_er_queue_op_t *list(ngx_uint_t dead, uint64_t target)
    __attribute__((unused));
static ngx_er_queue_op_t *sweep(void) __attribute__((unused));
static ngx_er_queue_count_t *count_of(ngx_er_queue_op_t *op, uint64_t target)
    __attribute__((unused));
static ngx_er_entry_t *entry(ngx_er_queue_op_t *op, ngx_uint_t i)
    __attribute__((unused));
static ngx_uint_t rows(ngx_er_file_db_e db) __attribute__((unused));
static ngx_uint_t uneven(ngx_uint_t pending, ngx_uint_t dead)
    __attribute__((unused));
static ngx_uint_t held_rows(void);
static ngx_uint_t consistent(void) __attribute__((unused));


/* in memory if possible: there are many commits */

static void
test_directory(uint64_t size)
{
    strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/er.XXXXXX"
                                              : "/tmp/er.XXXXXX");

    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp()");
        exit(1);
    }

    ngx_memzero(&conf, sizeof(conf));

    conf.path.data = (u_char *) dir;
    conf.path.len = strlen(dir);
    ngx_str_set(&conf.owner, "/run/nginx.pid");
    conf.size = size;
    conf.high = 80;
    conf.low = 70;
}


static void
test_remove(void)
{
    int             fd;
    DIR            *d;
    struct dirent  *de;

    fd = open(dir, O_RDONLY|O_DIRECTORY);
    d = fdopendir(fd);

    while (d && (de = readdir(d)) != NULL) {
        unlinkat(fd, de->d_name, 0);
    }

    if (d) {
        closedir(d);
    }

    rmdir(dir);
}


static ngx_er_file_t *
test_open(uint64_t holder)
{
    ngx_er_error_t  err;

    file = ngx_er_file_open(&conf, holder, &ngx_er_test_log, &err);

    if (file == NULL) {
        diag("open: %.*s", (int) err.len, (char *) err.text);
    }

    return file;
}


static ngx_er_queue_op_t *
new_op(ngx_er_queue_verb_e verb)
{
    ngx_er_queue_op_t  *op;

    op = ngx_pcalloc(pool, sizeof(ngx_er_queue_op_t));

    op->verb = verb;
    op->pool = pool;
    op->bytes = 1000000;
    op->limit = 1000;
    op->lease = 30000;
    op->keep = HOUR;
    op->window = HOUR;

    return op;
}


static ngx_int_t
run(ngx_er_queue_op_t *op)
{
    ngx_queue_t  ops;

    ngx_queue_init(&ops);
    ngx_queue_insert_tail(&ops, &op->queue);

    ngx_er_file_run(file, &ops, now);

    return op->rc;
}


static ngx_int_t
accept_one(uint64_t target, uint64_t order, ngx_uint_t lease, size_t size,
    uint64_t *seq)
{
    ngx_int_t             rc;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part;

    ngx_memzero(&part, sizeof(part));

    part.target = target;
    part.order = order;
    part.lease = lease;
    ngx_str_set(&part.name, "crm");
    ngx_str_set(&part.routes, "orders,all");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;
    op->token = ++token;
    op->source = accept_source;
    op->record.len = size;
    op->record.data = ngx_pcalloc(pool, size + 1);

    rc = run(op);

    if (seq) {
        *seq = op->seq;
    }

    return rc;
}


static ngx_er_queue_op_t *
lease(uint64_t target, ngx_uint_t fresh, ngx_uint_t again)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_LEASE);
    op->target = target;
    op->token = ++token;
    op->fresh = fresh;
    op->again = again;

    (void) run(op);

    return op;
}


static ngx_int_t
settle(uint64_t target, uint64_t seq, uint64_t tok)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_SETTLE);
    op->target = target;
    op->seq = seq;
    op->token = tok;

    return run(op);
}


static ngx_int_t
retry(uint64_t target, uint64_t seq, uint64_t tok, ngx_uint_t counted,
    ngx_msec_t delay)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_RETRY);
    op->target = target;
    op->seq = seq;
    op->token = tok;
    op->delay = delay;
    op->counted = counted;
    op->past.status = 503;
    op->past.ms = 7;
    op->past.time = now;

    return run(op);
}


static ngx_int_t
bury(uint64_t target, uint64_t seq, uint64_t tok, ngx_msec_t keep)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_BURY);
    op->target = target;
    op->seq = seq;
    op->token = tok;
    op->keep = keep;
    op->counted = 1;
    op->reason = NGX_ER_DEAD_FINAL;
    op->past.status = 410;
    op->past.time = now;
    ngx_str_set(&op->answer, "gone");

    return run(op);
}


static ngx_er_queue_op_t *
list(ngx_uint_t dead, uint64_t target)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_LIST);
    op->dead = dead;
    op->filter.target = target;
    op->records = 1;
    op->limit = 100000;

    ngx_er_file_read(file, op);

    return op;
}


static ngx_er_queue_op_t *
sweep(void)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_SWEEP);

    (void) run(op);

    return op;
}


static ngx_er_queue_count_t *
count_of(ngx_er_queue_op_t *op, uint64_t target)
{
    ngx_uint_t             i;
    ngx_er_queue_count_t  *count;

    static ngx_er_queue_count_t  none = {
        .oldest = NGX_ER_NEVER, .fresh = NGX_ER_NEVER, .again = NGX_ER_NEVER
    };

    count = op->counts->elts;

    for (i = 0; i < op->counts->nelts; i++) {
        if (count[i].target == target) {
            return &count[i];
        }
    }

    return &none;
}


static ngx_er_entry_t *
entry(ngx_er_queue_op_t *op, ngx_uint_t i)
{
    static ngx_er_entry_t  none;

    if (op->entries == NULL || i >= op->entries->nelts) {
        return &none;
    }

    return (ngx_er_entry_t *) op->entries->elts + i;
}


/* a look into the databases themselves */

static ngx_er_file_txn_t  look;


static ngx_uint_t
rows(ngx_er_file_db_e db)
{
    MDB_stat    stat;
    ngx_uint_t  own;

    own = (look.txn == NULL);

    if (own) {
        look.file = file;
        ngx_er_file_begin(&look, 0);
    }

    mdb_stat(look.txn, file->dbi[db], &stat);

    if (own) {
        ngx_er_file_abort(&look);
        look.txn = NULL;
    }

    return stat.ms_entries;
}


#define wrong(cond, ...)                                                      \
    if (cond) {                                                               \
        faults++;                                                             \
        diag(__VA_ARGS__);                                                    \
    }

#define has(db, ...)                                                          \
    (ngx_er_file_get(&look, db, (uint64_t[]) { __VA_ARGS__, 0, 0, 0, 0 }, &v) \
     == NGX_OK)


/* every target's ledger says what is there, as far as it was kept so far */

static ngx_uint_t
uneven(ngx_uint_t pending, ngx_uint_t dead)
{
    uint64_t               key[NGX_ER_FILE_WORDS];
    ngx_str_t              v;
    ngx_uint_t             faults;
    ngx_er_queue_count_t   count;
    ngx_er_file_ledger_t   ledger;

    faults = 0;
    ngx_memzero(key, sizeof(key));

    while (ngx_er_file_seek(&look, NGX_ER_FILE_LEDGER, key, &v) == NGX_OK) {
        wrong(v.len != sizeof(ledger), "a ledger of %d bytes", (int) v.len);
        ngx_memcpy(&ledger, v.data, ngx_min(v.len, sizeof(ledger)));

        ngx_er_file_count_get(&look, key[0], &count);

        wrong(count.pending != ledger.pending || count.dead != ledger.dead,
              "counts and ledger of %d", (int) key[0]);
        wrong(ngx_er_ledger_unaccounted(ledger.words, count.pending) != 0,
              "%d unaccounted of %d",
              (int) ngx_er_ledger_unaccounted(ledger.words, count.pending),
              (int) key[0]);
        wrong(ngx_er_ledger_dead_unaccounted(ledger.words, count.dead) != 0,
              "%d dead ones unaccounted of %d",
              (int) ngx_er_ledger_dead_unaccounted(ledger.words, count.dead),
              (int) key[0]);

        pending -= count.pending;
        dead -= count.dead;

        ngx_er_file_after(NGX_ER_FILE_LEDGER, key);
    }

    wrong(pending || dead, "targets without a ledger");

    return faults;
}


/* those of sources say how many the others are */

static ngx_uint_t
held_rows(void)
{
    uint64_t    key[NGX_ER_FILE_WORDS];
    ngx_str_t   v;
    ngx_uint_t  n, sources, said;

    n = sources = said = 0;
    ngx_memzero(key, sizeof(key));

    while (ngx_er_file_seek(&look, NGX_ER_FILE_HELD, key, &v) == NGX_OK) {

        if (key[1] == 0 && key[2] == 0) {
            sources++;
            said += v.len > 16 ? ngx_er_file_number(v.data + 8, 8) : 0;
        }

        n++;
        ngx_er_file_after(NGX_ER_FILE_HELD, key);
    }

    n -= sources;

    return n == said ? n : (ngx_uint_t) -1;
}


static ngx_uint_t
consistent(void)
{
    uint64_t              key[NGX_ER_FILE_WORDS], seq;
    ngx_str_t             v;
    ngx_uint_t            faults, due, leases, order, groups, pending, refs;
    ngx_uint_t            shelved, held;
    ngx_er_file_ref_t     ref;
    ngx_er_file_row_t     row;
    ngx_er_queue_count_t  count;

    faults = 0;
    due = leases = order = groups = refs = held = 0;

    ngx_memzero(&look, sizeof(look));
    look.file = file;
    ngx_er_file_begin(&look, 0);

    ngx_memzero(key, sizeof(key));

    while (ngx_er_file_seek(&look, NGX_ER_FILE_PENDING, key, &v) == NGX_OK) {
        ngx_er_file_row_init(&row, key[0], key[1]);

        wrong(ngx_er_file_row_decode(&row, &v) != NGX_OK, "corrupt row");
        wrong((!row.blocked && !row.e.held)
              != has(NGX_ER_FILE_DUE, key[0], ngx_er_file_class(&row),
                     row.e.due, key[1]),
              "due of %llu", (unsigned long long) key[1]);
        wrong(row.e.held && row.holder, "held and leased");
        wrong(row.e.held
              && (ngx_er_file_ref(&look, key[1], &ref) != NGX_OK
                  || !has(NGX_ER_FILE_HELD, ref.source, key[0], key[1])),
              "held, and not in its source's");
        wrong(row.holder && !has(NGX_ER_FILE_LEASES, row.holder, key[0],
                                 key[1]),
              "lease of %llu", (unsigned long long) key[1]);
        wrong(row.e.order && !has(NGX_ER_FILE_ORDER, key[0], row.e.order,
                                  key[1]),
              "order of %llu", (unsigned long long) key[1]);
        wrong(row.blocked && row.holder, "blocked and leased");
        wrong(has(NGX_ER_FILE_DEAD, key[0], key[1]), "pending and dead");
        wrong(!has(NGX_ER_FILE_EVENTS, key[1]), "pending without event");

        if (row.e.order && !row.blocked) {
            groups++;
            seq = has(NGX_ER_FILE_ORDER, key[0], row.e.order, 0) && v.len == 8
                  ? ngx_er_file_number(v.data, 8) : 0;
            wrong(seq != key[1], "not the active one of its order");
        }

        due += (!row.blocked && !row.e.held);
        held += row.e.held;
        leases += row.holder ? 1 : 0;
        order += row.e.order ? 1 : 0;
        refs++;

        ngx_er_file_after(NGX_ER_FILE_PENDING, key);
    }

    wrong(due != rows(NGX_ER_FILE_DUE), "rows of due");
    wrong(held != held_rows(), "rows of held");
    wrong(leases != rows(NGX_ER_FILE_LEASES), "rows of leases");
    wrong(order + groups != rows(NGX_ER_FILE_ORDER), "rows of order");

    ngx_memzero(key, sizeof(key));

    while (ngx_er_file_seek(&look, NGX_ER_FILE_DEAD, key, &v) == NGX_OK) {
        ngx_er_file_row_init(&row, key[0], key[1]);

        wrong(ngx_er_file_row_decode(&row, &v) != NGX_OK, "corrupt dead row");
        wrong(!has(NGX_ER_FILE_EXPIRY, row.until, NGX_ER_FILE_EXPIRY_DEAD,
                   key[0], key[1]), "dead without expiry");
        refs++;

        ngx_er_file_after(NGX_ER_FILE_DEAD, key);
    }

    shelved = 0;
    ngx_memzero(key, sizeof(key));

    while (ngx_er_file_seek(&look, NGX_ER_FILE_SHELF, key, &v) == NGX_OK) {
        shelved += (key[2] != 0
                    && ngx_er_file_number(v.data, 8) != NGX_ER_NEVER);
        ngx_er_file_after(NGX_ER_FILE_SHELF, key);
    }

    wrong(rows(NGX_ER_FILE_EXPIRY)
          != rows(NGX_ER_FILE_DEAD) + rows(NGX_ER_FILE_KEYS)
             + rows(NGX_ER_FILE_ARCHIVE) + rows(NGX_ER_FILE_LAPSED)
             + rows(NGX_ER_FILE_VERSIONS) + shelved,
          "rows of expiry");
    wrong(rows(NGX_ER_FILE_REFS) != rows(NGX_ER_FILE_EVENTS),
          "events and refs");

    ngx_memzero(key, sizeof(key));
    refs += rows(NGX_ER_FILE_ARCHIVE);

    while (ngx_er_file_seek(&look, NGX_ER_FILE_REFS, key, &v) == NGX_OK) {
        wrong(ngx_er_file_ref(&look, key[0], &ref) != NGX_OK
              || ref.count == 0, "bad refs");
        refs -= ref.count;
        ngx_er_file_after(NGX_ER_FILE_REFS, key);
    }

    wrong(refs != 0, "sum of refs");

    ngx_memzero(key, sizeof(key));
    pending = due = 0;

    while (ngx_er_file_seek(&look, NGX_ER_FILE_COUNTS, key, &v) == NGX_OK) {
        ngx_er_file_count_get(&look, key[0], &count);
        pending += count.pending;
        due += count.dead;
        ngx_er_file_after(NGX_ER_FILE_COUNTS, key);
    }

    wrong(pending != rows(NGX_ER_FILE_PENDING), "counts of pending");
    wrong(due != rows(NGX_ER_FILE_DEAD), "counts of dead");

    faults += uneven(pending, due);

    ngx_er_file_abort(&look);
    look.txn = NULL;

    return faults;
}


static void
begin(uint64_t size)
{
    pool = ngx_er_test_pool();
    test_directory(size);
    test_open(1);
}


static void
end(void)
{
    is_int(consistent(), 0, "the databases fit together");
    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


#endif /* _NGX_ER_TEST_QUEUE_FILE_H_INCLUDED_ */
