
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file store in trouble: it is full, rows cannot be read, memory or the
 * disk gives out in any operation, the format is another one, the directory is
 * open to others or in use.  What is answered, and that all databases fit
 * together afterwards; file.c has the operations themselves.
 */


#include "queue_file.h"

#include <sys/file.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <pthread.h>


static void test_full(void);
static void test_marks(void);
static void test_format(void);
static void test_full_map(void);
static void test_full_mixed(void);
static void test_corrupt(void);
static void test_junk(void);
static void test_stale(void);
static void test_failures(void);
static void test_one_fails(void);
static void test_size(void);
static void test_open_rules(void);
static void refused(const char *part, const char *what);
static void test_holders(void);
static void test_young(void);
static void test_many(void);
static ngx_uint_t many_start(uint64_t from, ngx_uint_t n);
static void many_sweep(uint64_t holder);
static void test_two(void);
static void test_beside(void);
static void *beside(void *data);
static void write_file(const char *name, const char *text);


/* after this many calls of pread() a thread commits; 0: none does */

static ngx_uint_t  commit_after;


ssize_t
pread(int fd, void *buf, size_t len, off_t offset)
{
    ssize_t    n;
    pthread_t  thread;

    n = syscall(SYS_pread64, fd, buf, len, offset);

    if (commit_after && --commit_after == 0) {

        if (pthread_create(&thread, NULL, beside, NULL) == 0) {
            (void) pthread_join(thread, NULL);
        }
    }

    return n;
}


int
main(void)
{
    test_full();
    test_marks();
    test_format();
    test_full_map();
    test_full_mixed();
    test_corrupt();
    test_junk();
    test_stale();
    test_failures();
    test_one_fails();
    test_size();
    test_open_rules();
    test_holders();
    test_young();
    test_many();
    test_two();
    test_beside();

    return done_testing();
}


static void
test_full(void)
{
    uint64_t            seq, seqs[1000];
    ngx_int_t           rc;
    ngx_uint_t          i, n, bad;
    ngx_queue_t         ops;
    ngx_er_queue_op_t  *op, *other;

    begin(1 << 20);

    for (n = 0; n < 1000; n++) {
        rc = accept_one(10, 0, 0, 1000, &seqs[n]);

        if (rc != NGX_OK) {
            break;
        }
    }

    diag("%d events of 1000 bytes in 1 MB", (int) n);
    is_int(rc, NGX_BUSY, "the store is full");
    ok(n > 150, "but it took something");
    is_int(ngx_er_file_full(file), 1, "full");
    is_int(accept_one(10, 0, 0, 1000, &seq), NGX_BUSY, "stays full");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->record.len = 10;
    op->record.data = (u_char *) "0123456789";
    op->retain = 1000;
    other = new_op(NGX_ER_QUEUE_LEASE);
    other->target = 10;
    other->token = ++token;
    other->fresh = n;
    ngx_queue_init(&ops);
    ngx_queue_insert_tail(&ops, &op->queue);
    ngx_queue_insert_tail(&ops, &other->queue);
    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_BUSY, "ACCEPT is refused");
    is_int(other->rc, NGX_OK, "LEASE is not");
    is_int(other->entries->nelts, n, "all of them");

    for (i = 0, bad = 0; i < n / 3; i++) {
        bad += (retry(10, seqs[i], token, 1, 0) != NGX_OK);
    }

    for ( /* void */ ; i < n / 2; i++) {
        bad += (bury(10, seqs[i], token, HOUR) != NGX_OK);
    }

    op = new_op(NGX_ER_QUEUE_REPLAY);
    bad += (run(op) != NGX_OK || op->done != n / 2 - n / 3);

    for ( /* void */ ; i < n; i++) {
        bad += (settle(10, seqs[i], token) != NGX_OK);
    }

    is_int(bad, 0, "retries, burials, replays and settles");

    is_int(consistent(), 0, "fits together");

    sweep();
    is_int(ngx_er_file_full(file), 0, "not full any more");
    is_int(accept_one(10, 0, 0, 1000, &seq), NGX_OK, "accepts again");

    is_int(accept_one(10, 0, 0, 2 << 20, &seq), NGX_BUSY,
           "an event larger than the store");

    sweep();

    for (i = 0, bad = 0; i < 3000; i++) {
        rc = accept_one(10, 0, 1, 5000, &seq);

        if (rc == NGX_OK) {
            bad += (settle(10, seq, token) != NGX_OK);

        } else {
            sweep();
            bad += (rc != NGX_BUSY);
        }

        if (i % 500 == 0) {
            ngx_reset_pool(pool);
        }
    }

    is_int(bad, 0, "thousands through a small store");

    end();
}


/* what one transaction accepts counts before it is committed, and a store that
   was full takes events again below the lower mark only */

static void
test_marks(void)
{
    uint64_t            low;
    ngx_uint_t          i, good, busy;
    ngx_queue_t         ops;
    ngx_er_queue_op_t  *op;

    begin(1 << 20);

    ngx_queue_init(&ops);

    for (i = 0; i < 1000; i++) {
        op = new_op(NGX_ER_QUEUE_ACCEPT);
        op->retain = HOUR;
        op->record.len = 3000;
        op->record.data = ngx_pcalloc(pool, 3000);
        ngx_queue_insert_tail(&ops, &op->queue);
    }

    ngx_er_file_run(file, &ops, now);

    good = 0;
    busy = 0;

    while (!ngx_queue_empty(&ops)) {
        op = ngx_queue_data(ngx_queue_head(&ops), ngx_er_queue_op_t, queue);
        ngx_queue_remove(&op->queue);

        good += (op->rc == NGX_OK);
        busy += (op->rc == NGX_BUSY);
    }

    is_int(good + busy, 1000, "1000 at once");
    ok(good > 20 && busy > 500, "as many as there is room for: %d",
       (int) good);
    is_int(rows(NGX_ER_FILE_EVENTS), good, "they are there");

    end();

    begin(1 << 20);

    low = file->low;
    file->full = 1;
    file->low = 0;
    (void) sweep();
    is_int(ngx_er_file_full(file), 1, "above the lower mark it stays full");
    file->low = low;
    (void) sweep();
    is_int(ngx_er_file_full(file), 0, "below it there is room again");

    end();
}


/* what a later version wrote is not touched */

static void
test_format(void)
{
    ngx_er_error_t     err;
    ngx_er_file_txn_t  t;

    begin(1 << 20);

    ngx_memzero(&t, sizeof(t));
    t.file = file;

    is_int(ngx_er_file_begin(&t, 1), NGX_OK, "a transaction");
    (void) ngx_er_file_set_meta(&t, NGX_ER_FILE_FORMAT_WORD,
                                NGX_ER_FILE_FORMAT + 1);
    (void) mdb_txn_commit(t.txn);
    (void) pthread_rwlock_unlock(&file->lock);
    ngx_er_file_close(file);

    file = ngx_er_file_open(&conf, 1, &ngx_er_test_log, &err);

    ok(file == NULL && ngx_strnstr(err.text, "of format", err.len),
       "a database of a later format");

    if (file) {
        ngx_er_file_close(file);
    }

    test_remove();
    ngx_destroy_pool(pool);
}


/* above the mark, as other processes may bring it there: LMDB's own "full" */

static void
test_full_map(void)
{
    uint64_t              seqs[2000], tok;
    ngx_int_t             rc;
    ngx_uint_t            i, n, bad;
    ngx_queue_t           ops;
    ngx_er_queue_op_t    *op, *settles;
    ngx_er_queue_part_t   part;

    begin(1 << 20);

    rc = NGX_OK;
    op = NULL;

    for (n = 0; n < 2000 && rc == NGX_OK; n++) {
        file->high = NGX_ER_NEVER;
        rc = accept_one(10, 0, 0, 1000, &seqs[n]);
    }

    is_int(rc, NGX_BUSY, "no page is left");
    is_int(ngx_er_file_full(file), 1, "full");

    n--;
    tok = lease(10, 2, 0)->token;

    ngx_memzero(&part, sizeof(part));
    part.target = 10;

    for (i = 0, bad = 0; i < 2; i++) {
        settles = new_op(NGX_ER_QUEUE_SETTLE);
        settles->target = 10;
        settles->seq = seqs[i];
        settles->token = tok;
        op = new_op(NGX_ER_QUEUE_ACCEPT);
        op->parts = &part;
        op->nparts = 1;
        op->record.len = 300000;
        op->record.data = ngx_pcalloc(pool, 300000);

        ngx_queue_init(&ops);
        ngx_queue_insert_tail(&ops, &settles->queue);
        ngx_queue_insert_tail(&ops, &op->queue);

        file->full = 0;
        ngx_er_file_run(file, &ops, now);

        bad += (op->rc != NGX_BUSY);
        bad += (settles->rc != NGX_OK);
    }

    is_int(bad, 0, "settled beside an event that has no room");
    is_int(rows(NGX_ER_FILE_EVENTS), n - 2, "the others are there");

    ngx_er_file_close(file);
    ok(test_open(2) != NULL, "it can be opened as it is");
    is_int(list(0, 10)->entries->nelts, n - 2, "all are there");

    end();
}


/*
 * Records of all sizes until the store is full, then everything else that
 * there is to do, again and again: nothing but an event may ever be refused.
 */

static void
test_full_mixed(void)
{
    ngx_int_t           rc;
    ngx_uint_t          i, round, busy, bad, size;
    ngx_er_entry_t     *e;
    ngx_er_queue_op_t  *op;

    begin(2 << 20);

    bad = busy = size = 0;

    for (round = 0; round < 40; round++) {

        for (i = 0; i < 1000; i++) {
            size = (size * 7919 + 1237) % 100003;
            rc = accept_one(10, 0, 0, (i % 5) ? size % 1500 : size % 40000,
                            NULL);

            if (rc != NGX_OK) {
                bad += (rc != NGX_BUSY);
                busy++;
                break;
            }
        }

        op = lease(10, 200, 200);
        bad += (op->rc != NGX_OK);

        for (i = 0; i < op->entries->nelts; i++) {
            e = entry(op, i);
            size = (size * 7919 + 1237) % 100003;

            switch (size % 4) {

            case 0:
                rc = retry(10, e->seq, op->token, 1, 0);
                break;

            case 1:
                rc = bury(10, e->seq, op->token, 5000);
                break;

            default:
                rc = settle(10, e->seq, op->token);
            }

            bad += (rc != NGX_OK);
        }

        now += 1000;
        op = new_op(NGX_ER_QUEUE_REPLAY);
        op->limit = 10;
        bad += (run(op) != NGX_OK);
        bad += (sweep()->rc != NGX_OK);

        ngx_reset_pool(pool);
    }

    is_int(bad, 0, "only events are refused");
    ok(busy > 10, "they were, %d times", (int) busy);

    end();
}


static void
test_corrupt(void)
{
    u_char              junk[8];
    uint64_t            seq[6], key[2];
    ngx_uint_t          i;
    ngx_er_entry_t     *e;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    for (i = 0; i < 5; i++) {
        accept_one(10, (i < 3) ? 7 : 0, 0, 10, &seq[i]);
    }

    accept_one(10, 0, 1, 10, &seq[5]);
    bury(10, seq[5], token, HOUR);

    memset(junk, 0xff, 8);
    ngx_memzero(&t, sizeof(t));
    t.file = file;
    ngx_er_file_begin(&t, 1);

    /* the first and the second of an order, one without, a dead one */

    key[0] = 10;
    key[1] = seq[0];
    ngx_er_file_put(&t, NGX_ER_FILE_PENDING, key, junk, 8);
    key[1] = seq[1];
    ngx_er_file_put(&t, NGX_ER_FILE_PENDING, key, junk, 0);
    key[1] = seq[3];
    ngx_er_file_delete(&t, NGX_ER_FILE_EVENTS, &seq[3]);
    key[1] = seq[5];
    ngx_er_file_put(&t, NGX_ER_FILE_DEAD, key, junk, 8);
    mdb_txn_commit(t.txn);
    pthread_rwlock_unlock(&file->lock);

    op = list(0, 0);
    is_int(op->entries->nelts, 5, "LIST has them all");
    is_int(entry(op, 0)->reason, NGX_ER_DEAD_CORRUPT, "and says so");
    is_int(settle(10, seq[0], 0), NGX_DECLINED, "SETTLE of one");

    op = lease(10, 9, 9);
    is_int(op->rc, NGX_OK, "LEASE with corrupt rows");
    is_int(op->entries->nelts, 2, "gives what can be read");
    is_int(entry(op, 0)->seq, seq[2], "the rest of the order");
    is_int(entry(op, 1)->seq, seq[4], "and one without order");

    op = list(1, 0);
    is_int(op->entries->nelts, 4, "the others are dead");
    e = entry(op, 0);
    is_int(e->seq, seq[0], "the first");
    is_int(e->reason, NGX_ER_DEAD_CORRUPT, "reason");
    is_str(&e->name, "crm", "name");
    is_int(entry(op, 2)->reason, NGX_ER_DEAD_CORRUPT, "without event, too");

    op = new_op(NGX_ER_QUEUE_REPLAY);
    run(op);
    is_int(op->done, 3, "a row that cannot be read is not replayed");
    op = new_op(NGX_ER_QUEUE_PURGE);
    run(op);
    is_int(op->done, 1, "but purged");

    op = lease(10, 9, 9);
    is_int(op->rc, NGX_OK, "LEASE of the event that is lost");
    settle(10, seq[4], token - 1);
    settle(10, seq[2], token - 1);

    now += HOUR;
    sweep();
    is_int(count_of(sweep(), 10)->dead + count_of(sweep(), 10)->pending,
           rows(NGX_ER_FILE_PENDING) + rows(NGX_ER_FILE_DEAD), "counts");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


/* any value of any database may be spoilt: no crash, no endless loop */

static void
test_junk(void)
{
    u_char              copy[NGX_ER_FILE_ROW];
    uint64_t            key[NGX_ER_FILE_WORDS];
    ngx_str_t           v;
    ngx_uint_t          i, k, n, round, bad;
    ngx_er_file_db_e    db;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    srand(1);
    bad = 0;

    for (round = 0; round < 300; round++) {

        for (i = 0; i < 4; i++) {
            accept_one(10, rand() % 3, rand() % 2, 10, NULL);
        }

        ngx_memzero(&t, sizeof(t));
        t.file = file;
        ngx_er_file_begin(&t, 1);

        for (i = 0; i < 4; i++) {
            db = NGX_ER_FILE_EVENTS + rand() % (NGX_ER_FILE_DBS - 1);
            ngx_memzero(key, sizeof(key));
            n = rand() % 10;

            for (k = 0; k < n; k++) {
                ngx_er_file_after(db, key);

                if (ngx_er_file_seek(&t, db, key, &v) != NGX_OK) {
                    break;
                }
            }

            if (n == 0 || k < n || v.len > sizeof(copy)) {
                continue;
            }

            k = (rand() % 2) ? v.len : (size_t) rand() % 100;
            n = ngx_min(v.len, k);
            ngx_memcpy(copy, v.data, n);

            if (n) {
                copy[rand() % n] ^= 1 << rand() % 8;
            }

            if (rand() % 4) {
                ngx_er_file_put(&t, db, key, copy, n);

            } else {
                ngx_er_file_delete(&t, db, key);
            }
        }

        mdb_txn_commit(t.txn);
        pthread_rwlock_unlock(&file->lock);

        op = lease(10, 5, 5);
        bad += (op->rc != NGX_OK);

        for (i = 0; i < op->entries->nelts; i++) {
            if (rand() % 2) {
                settle(10, entry(op, i)->seq, op->token);

            } else {
                bury(10, entry(op, i)->seq, op->token, rand() % 100000);
            }
        }

        op = new_op(NGX_ER_QUEUE_ADOPT);
        op->holder = 1;
        bad += (run(op) != NGX_OK);
        op = new_op((rand() % 2) ? NGX_ER_QUEUE_REPLAY : NGX_ER_QUEUE_PURGE);
        op->limit = 3;
        bad += (run(op) != NGX_OK);
        bad += (list(0, 0)->rc != NGX_OK) + (list(1, 0)->rc != NGX_OK);
        bad += (sweep()->rc != NGX_OK);
        now += 5000;
        ngx_reset_pool(pool);
    }

    is_int(bad, 0, "spoilt values fail nothing else");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);
}


/* an index leads to nothing that its entry does not name */

static void
test_stale(void)
{
    uint64_t            key[4], first, second, mine;
    ngx_er_file_row_t   row;
    ngx_er_file_txn_t   t;
    ngx_er_queue_op_t  *op;

    begin(8 << 20);

    accept_one(10, 7, 0, 10, &first);
    accept_one(10, 7, 0, 10, &second);

    ngx_memzero(&t, sizeof(t));
    t.file = file;
    (void) ngx_er_file_begin(&t, 1);

    /* due, which is blocked; of another worker, who does not have it */

    (void) ngx_er_file_row(&t, NGX_ER_FILE_PENDING, 10, second, &row);

    key[0] = 10;
    key[1] = ngx_er_file_class(&row);
    key[2] = row.e.due;
    key[3] = second;
    (void) ngx_er_file_put(&t, NGX_ER_FILE_DUE, key, "", 0);

    key[0] = 9;
    key[1] = 10;
    key[2] = first;
    (void) ngx_er_file_put(&t, NGX_ER_FILE_LEASES, key, "", 0);

    is_int(mdb_txn_commit(t.txn), 0, "rows that lead astray");
    (void) pthread_rwlock_unlock(&file->lock);

    op = lease(10, 9, 9);
    is_int(op->entries->nelts, 1, "what is blocked is not leased");
    is_int(entry(op, 0)->seq, first, "the first one is");
    mine = op->token;

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = 9;
    is_int(run(op), NGX_OK, "adopted");
    is_int(op->count.pending, 0, "nothing: it is another's");
    is_int(lease(10, 9, 9)->entries->nelts, 0, "who still has it");
    is_int(settle(10, first, mine), NGX_OK, "and settles it");
    is_int(lease(10, 9, 9)->entries->nelts, 1, "then the next");

    end();
}


/* no memory, and a disk that does not take what is written */

static void
test_failures(void)
{
    uint64_t              seq;
    ngx_uint_t            i;
    ngx_queue_t           ops;
    struct rlimit         limit, old;
    ngx_er_queue_op_t    *op, *settles;
    ngx_er_queue_part_t   part;

    begin(8 << 20);

    accept_one(10, 0, 0, 10, &seq);

    for (i = 1; i < 20; i++) {
        op = new_op(NGX_ER_QUEUE_LEASE);
        op->target = 10;
        op->fresh = 1;
        op->token = 500 + i;
        ngx_er_test_fail_at = ngx_er_test_allocs + i;
        run(op);
        ngx_er_test_fail_at = 0;

        if (op->rc == NGX_OK) {
            break;
        }

        is_int(op->rc, NGX_ERROR, "no memory for the answer");
        is_int(entry(list(0, 10), 0)->token, 0, "and nothing changed");
    }

    is_int(op->rc, NGX_OK, "enough memory");

    ngx_memzero(&part, sizeof(part));
    part.target = 10;
    settles = new_op(NGX_ER_QUEUE_SETTLE);
    settles->target = 10;
    settles->seq = seq;
    settles->token = op->token;
    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;

    ngx_queue_init(&ops);
    ngx_queue_insert_tail(&ops, &op->queue);
    ngx_queue_insert_tail(&ops, &settles->queue);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 8192;
    setrlimit(RLIMIT_FSIZE, &limit);
    ngx_er_file_run(file, &ops, now);
    setrlimit(RLIMIT_FSIZE, &old);

    is_int(op->rc, NGX_ERROR, "the disk refuses: ACCEPT");
    is_int(settles->rc, NGX_ERROR, "the disk refuses: SETTLE");
    is_int(rows(NGX_ER_FILE_PENDING), 1, "nothing changed");

    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_OK, "later: ACCEPT");
    is_int(settles->rc, NGX_OK, "later: SETTLE");

    limit.rlim_cur = 16;
    setrlimit(RLIMIT_FSIZE, &limit);
    ngx_queue_remove(&settles->queue);
    ngx_er_file_run(file, &ops, now);
    setrlimit(RLIMIT_FSIZE, &old);
    is_int(op->rc, NGX_ERROR, "not even the first page");
    ngx_er_file_run(file, &ops, now);
    is_int(op->rc, NGX_OK, "later");
    is_int(rows(NGX_ER_FILE_PENDING), 2, "both are there");

    end();
}


/* one that cannot be done takes nothing with it but events that are new */

static void
test_one_fails(void)
{
    uint64_t            seq, tok;
    ngx_uint_t          first;
    ngx_queue_t         ops;
    ngx_er_queue_op_t  *bad, *good, *event;

    begin(8 << 20);

    for (first = 0; first < 2; first++) {
        accept_one(10, 0, 0, 10, NULL);
        accept_one(11, 0, 1, 10, &seq);
        tok = token;

        bad = new_op(NGX_ER_QUEUE_LEASE);
        bad->target = 10;
        bad->fresh = 1;
        bad->token = ++token;

        good = new_op(NGX_ER_QUEUE_SETTLE);
        good->target = 11;
        good->seq = seq;
        good->token = tok;

        event = new_op(NGX_ER_QUEUE_ACCEPT);

        ngx_queue_init(&ops);
        ngx_queue_insert_tail(&ops, &event->queue);
        ngx_queue_insert_tail(&ops, &bad->queue);

        if (first) {
            ngx_queue_insert_head(&ops, &good->queue);

        } else {
            ngx_queue_insert_tail(&ops, &good->queue);
        }

        ngx_er_test_fail_at = ngx_er_test_allocs + 1;
        ngx_er_file_run(file, &ops, now);
        ngx_er_test_fail_at = 0;

        is_int(bad->rc, NGX_ERROR, "LEASE cannot be done");
        is_int(event->rc, NGX_ERROR, "an event is refused with it");
        is_int(good->rc, NGX_OK, "SETTLE %s it can", first ? "before"
                                                           : "behind");
        is_int(list(0, 11)->entries->nelts, 0, "and is done");
        is_int(consistent(), 0, "the databases fit together");
    }

    end();
}


static void
test_size(void)
{
    int             fd;
    ngx_uint_t      i;
    struct stat     st;
    ngx_er_error_t  err;
    char            path[80];

    begin(2 << 20);

    sprintf(path, "%s/data.mdb", dir);
    stat(path, &st);
    is_int(st.st_size, 2 << 20, "the file has its whole size");
    is_int(st.st_mode & 0777, 0600, "and is private");
    ok(st.st_blocks * 512 >= 2 << 20, "on the disk");

    /* as a copy that was made with "cp --sparse", or a restored one */

    ngx_er_file_close(file);
    fd = open(path, O_RDWR);
    is_int(fallocate(fd, FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE, 1 << 20,
                     1 << 20), 0, "(half of it is a hole)");
    fstat(fd, &st);
    ok(st.st_size == 2 << 20 && st.st_blocks * 512 < 2 << 20, "(indeed)");
    test_open(1);
    fstat(fd, &st);
    ok(st.st_blocks * 512 >= 2 << 20, "the hole is filled");
    close(fd);

    for (i = 0; i < 1000; i++) {
        accept_one(10, 0, 0, 1000, NULL);
    }

    ngx_er_file_close(file);

    conf.size = 4 << 20;
    test_open(2);
    stat(path, &st);
    is_int(st.st_size, 4 << 20, "it grows");
    is_int(accept_one(10, 0, 0, 1000, NULL), NGX_OK, "there is room now");
    ngx_er_file_close(file);

    conf.size = 1 << 20;
    file = ngx_er_file_open(&conf, 3, &ngx_er_test_log, &err);
    ok(file == NULL, "smaller than what is in use");
    ok(ngx_strnstr(err.text, "in use", err.len) != NULL, "says so");

    conf.size = 3 << 20;
    ok(test_open(4) != NULL, "smaller, but large enough");
    is_int(accept_one(10, 0, 0, 1000, NULL), NGX_OK, "accepts");

    end();
}


static void
refused(const char *part, const char *what)
{
    ngx_er_error_t  err;

    err.len = 0;

    ok(ngx_er_file_examine(&conf, 0, 0, &err) == NGX_ERROR
       && ngx_strnstr(err.text, (char *) part, err.len), "check: %s", what);

    err.len = 0;

    ok(ngx_er_file_open(&conf, 9, &ngx_er_test_log, &err) == NULL
       && ngx_strnstr(err.text, (char *) part, err.len), "open: %s", what);

    diag("%.*s", (int) err.len, (char *) err.text);
}


/*
 * Threads work in one file side by side.  What another one commits while this
 * one looks whether the file is its own is no sign that it is not.
 */

static void
test_beside(void)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    begin(1 << 20);

    is_int(accept_one(10, 0, 0, 100, NULL), NGX_OK, "a commit");

    for (i = 1; i <= 6; i++) {
        commit_after = i;
        rc = accept_one(10, 0, 0, 100, NULL);

        is_int(rc, NGX_OK, "another thread's after %d reads of the file",
               (int) i);
        is_int(commit_after, 0, "it was made");
    }

    is_int(rows(NGX_ER_FILE_EVENTS), 13, "all are there");

    end();
}


static void *
beside(void *data)
{
    (void) accept_one(11, 0, 0, 100, NULL);

    return NULL;
}


static void
write_file(const char *name, const char *text)
{
    int   fd;
    char  path[80];

    sprintf(path, "%s/%s", dir, name);

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    ok(write(fd, text, strlen(text)) == (ssize_t) strlen(text), "(written)");
    close(fd);
}


static void
test_open_rules(void)
{
    int             to[2], from[2];
    char            c;
    pid_t           pid;
    ngx_er_error_t  err;

    pool = ngx_er_test_pool();
    test_directory(1 << 20);

    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK,
           "an empty directory");
    rmdir(dir);
    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK, "none");
    ok(access(dir, F_OK) == -1, "is not created");
    ok(test_open(1) != NULL, "but by open");
    ngx_er_file_close(file);

    chmod(dir, 0755);
    refused("chmod 700", "mode 0755");
    chmod(dir, 0700);

    ok(pipe(to) == 0 && pipe(from) == 0, "(pipes)");

    pid = fork();

    if (pid == 0) {
        close(to[1]);
        c = test_open(5) ? 'y' : 'n';
        _exit(write(from[1], &c, 1) == 1 ? read(to[0], &c, 1) : 1);
    }

    ok(read(from[0], &c, 1) == 1 && c == 'y', "another process");
    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK,
           "of the same nginx");
    ngx_str_set(&conf.owner, "/run/other.pid");
    refused("in use by another nginx", "a second nginx");

    close(to[1]);
    waitpid(pid, NULL, 0);
    is_int(ngx_er_file_examine(&conf, 0, 0, &err), NGX_OK,
           "when the first is gone");
    ok(test_open(6) != NULL, "the second may have it");
    ngx_er_file_close(file);
    ok(test_open(6) != NULL, "and again");
    ngx_er_file_close(file);

    write_file("owner", "ngx_event_router 2\n/run/other.pid\n");
    refused("format", "a newer format");
    write_file("owner", "");
    refused("format", "an empty owner file beside a database");
    write_file("owner", "ngx_event");
    refused("format", "half a line");

    test_remove();
    mkdir(dir, 0700);
    write_file("data.mdb", "another program's");
    refused("no file \"owner\"", "another program's database");

    test_remove();
    mkdir(dir, 0700);
    write_file("file", "");
    strcat(dir, "/file");
    conf.path.len = strlen(dir);
    refused("not a directory", "a file");
    dir[strlen(dir) - 5] = '\0';
    conf.path.len = strlen(dir);
    test_remove();

    conf.path.data = (u_char *) "/nonexistent/er";
    conf.path.len = sizeof("/nonexistent/er") - 1;
    refused("cannot be created", "no parent");

    ngx_destroy_pool(pool);
}


static void
test_holders(void)
{
    int         from[2];
    char        c;
    pid_t       pid;
    uint64_t    holders[4];
    ngx_uint_t  n;

    pool = ngx_er_test_pool();
    test_directory(1 << 20);
    ok(pipe(from) == 0, "(pipe)");

    pid = fork();

    if (pid == 0) {
        test_open(0xabcdef0123456789);
        accept_one(10, 0, 1, 10, NULL);
        c = 'x';
        _exit(write(from[1], &c, 1) == 1 ? pause() : 1);
    }

    ok(read(from[0], &c, 1) == 1, "(the child is there)");
    test_open(2);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "all are alive");

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    n = ngx_er_file_dead(file, holders, 4);
    is_int(n, 1, "one is dead");
    is_int(holders[0], 0xabcdef0123456789, "this one");
    is_int(ngx_er_file_dead(file, holders, 4), 1, "until it is forgotten");
    ngx_er_file_forget(file, holders[0]);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "forgotten");

    ngx_er_file_close(file);
    test_open(3);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "closed with nothing left");
    accept_one(10, 0, 1, 10, NULL);
    ngx_er_file_close(file);
    test_open(4);
    is_int(ngx_er_file_dead(file, holders, 4), 1, "closed with a lease");
    is_int(holders[0], 3, "this one");

    end();
}


/* the file of a worker that starts, before it has its name */

static void
test_young(void)
{
    int              fd, alive;
    uint64_t         holders[4];
    ngx_er_error_t   err;
    struct timespec  old[2];

    pool = ngx_er_test_pool();
    test_directory(1 << 20);
    test_open(1);

    old[0].tv_sec = time(NULL) - 3600;
    old[0].tv_nsec = 0;
    old[1] = old[0];

    write_file("new.0000000000000002", "");
    write_file("new.0000000000000003", "");
    write_file("new.0000000000000004", "");
    (void) utimensat(file->dir, "new.0000000000000003", old, 0);
    (void) utimensat(file->dir, "new.0000000000000004", old, 0);

    fd = openat(file->dir, "new.0000000000000004", O_RDONLY);
    is_int(flock(fd, LOCK_EX|LOCK_NB), 0, "(locked)");

    is_int(ngx_er_file_dead(file, holders, 4), 0, "none of them is dead");
    is_int(faccessat(file->dir, "new.0000000000000002", F_OK, 0), 0,
           "a young file stays");
    is_int(faccessat(file->dir, "new.0000000000000003", F_OK, 0), -1,
           "an old one goes");
    is_int(faccessat(file->dir, "new.0000000000000004", F_OK, 0), 0,
           "an old one stays while it is locked");

    /* that of a worker which stands still, and another one has it open */

    alive = -1;
    is_int(ngx_er_file_alive(file->dir, 4, &alive, &err), NGX_OK,
           "who starts makes its own file");
    (void) close(fd);
    is_int(ngx_er_file_dead(file, holders, 4), 0, "it is alive");
    is_int(faccessat(file->dir, "new.0000000000000004", F_OK, 0), -1,
           "under its own name");
    (void) close(alive);
    is_int(ngx_er_file_dead(file, holders, 4), 1, "until it has gone");
    is_int(holders[0], 4, "this one");

    /* what cannot be made is told, and nothing is left */

    alive = -1;
    is_int(mkdirat(file->dir, "holder.0000000000000005", 0700), 0, "(mkdir)");
    is_int(ngx_er_file_alive(file->dir, 5, &alive, &err), NGX_ERROR,
           "a folder is in its place");
    is_int(alive, -1, "no file");
    is_int(faccessat(file->dir, "new.0000000000000005", F_OK, 0), -1,
           "none is left");
    is_int(unlinkat(file->dir, "holder.0000000000000005", AT_REMOVEDIR), 0,
           "(rmdir)");

    end();
}


/* workers start while others look for the dead all the time */

static void
test_many(void)
{
    int         status;
    pid_t       sweepers[6], starters[4];
    ngx_uint_t  i, bad;

    pool = ngx_er_test_pool();
    test_directory(1 << 20);
    test_open(1);
    ngx_er_file_close(file);

    for (i = 0; i < 6; i++) {
        sweepers[i] = fork();

        if (sweepers[i] == 0) {
            many_sweep(0x100 + i);
        }
    }

    for (i = 0; i < 4; i++) {
        starters[i] = fork();

        if (starters[i] == 0) {
            _exit(many_start(0x10000 * (i + 1), 500) != 0);
        }
    }

    for (i = 0, bad = 0; i < 4; i++) {
        (void) waitpid(starters[i], &status, 0);
        bad += (status != 0);
    }

    is_int(bad, 0, "all of many could start");

    for (i = 0, bad = 0; i < 6; i++) {
        bad += (kill(sweepers[i], SIGKILL) == -1);
        (void) waitpid(sweepers[i], &status, 0);
        bad += !WIFSIGNALED(status);
    }

    is_int(bad, 0, "the others looked all the time");

    test_open(2);
    end();
}


/* how many of n could not */

static ngx_uint_t
many_start(uint64_t from, ngx_uint_t n)
{
    int             alive, fd;
    char            name[sizeof("holder.0123456789abcdef")];
    ngx_uint_t      i, bad;
    ngx_er_error_t  err;

    fd = open(dir, O_RDONLY|O_DIRECTORY);

    for (i = 0, bad = 0; i < n; i++) {
        alive = -1;

        if (ngx_er_file_alive(fd, from + i, &alive, &err) != NGX_OK) {
            bad++;
            continue;
        }

        (void) ngx_sprintf((u_char *) name, "holder.%016xL%Z", from + i);
        (void) unlinkat(fd, name, 0);
        (void) close(alive);
    }

    return bad;
}


/* until it is killed, but not for ever */

static void
many_sweep(uint64_t holder)
{
    uint64_t  holders[4];

    (void) alarm(100);

    if (test_open(holder) == NULL) {
        _exit(1);
    }

    for ( ;; ) {
        (void) ngx_er_file_dead(file, holders, 4);
    }
}


/* two processes write at once, then another one makes the store larger */

static void
test_two(void)
{
    int         i, bad, status;
    pid_t       pid;
    ngx_uint_t  n;

    pool = ngx_er_test_pool();
    test_directory(4 << 20);

    pid = fork();

    if (pid == 0) {
        test_open(1);

        for (i = 0, bad = 0; i < 500; i++) {
            bad += (accept_one(10, 0, 0, 100, NULL) != NGX_OK);
        }

        _exit(bad != 0);
    }

    test_open(2);

    for (i = 0, bad = 0; i < 500; i++) {
        bad += (accept_one(10, 0, 0, 100, NULL) != NGX_OK);
    }

    waitpid(pid, &status, 0);
    is_int(bad + status, 0, "two processes accept");
    is_int(rows(NGX_ER_FILE_EVENTS), 1000, "all numbers are different");

    pid = fork();

    if (pid == 0) {
        conf.size = 16 << 20;
        test_open(3);
        now += HOUR;

        for (n = 0; n < 6000; n++) {
            bad += (accept_one(11, 0, 0, 1000, NULL) != NGX_OK);
            ngx_reset_pool(pool);
        }

        _exit(bad != 0);
    }

    waitpid(pid, &status, 0);
    is_int(status, 0, "a larger store");
    is_int(list(0, 11)->entries->nelts, 6000, "the old process sees it all");
    is_int(lease(10, 10, 10)->entries->nelts, 10, "and writes");
    is_int(ngx_er_file_clock(file), now + HOUR, "with the other one's clock");

    end();
}
