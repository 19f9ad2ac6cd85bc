
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Calls in the file store: who has the lease says which are made, and that
 * stays over retries, crashes, dead letters and replays, and goes with the
 * entry; rows that a version before has left behind say nothing and are swept
 * away.
 */


#include "queue_file.h"

#include "../../ngx_event_router_module/store/calls.h"


#define ERP  1
#define CRM  2


static void begins(ngx_uint_t n);
static void done(ngx_uint_t i);
static ngx_int_t tells(ngx_er_queue_verb_e verb, uint64_t tok);
static void gives(const char *what);
static void are(ngx_str_t *kept, const char *wanted, const char *what);
static ngx_uint_t replay(uint64_t to);
static void test_way(void);
static void test_crash(void);
static void test_replay(void);
static void test_changed(void);
static void test_repeated(void);
static void test_moved(void);
static void test_purged(void);
static void test_before(void);
static void test_restart(void);


static u_char     blob[64];
static ngx_str_t  calls = { 0, blob };
static uint64_t   seq, lent, commands;
static uint64_t   keys;


int
main(void)
{
    begin(16 << 20);

    test_way();
    test_crash();
    test_replay();
    test_changed();
    test_repeated();
    test_moved();
    test_purged();
    test_before();
    test_restart();

    end();

    return done_testing();
}


/* an event for ERP, leased, of n calls */

static void
begins(ngx_uint_t n)
{
    is_int(accept_one(ERP, 0, 0, 100, &seq), NGX_OK, "an event");
    gives("");

    ngx_er_calls_init(blob, n);
    calls.len = ngx_er_calls_size(n);
}


static void
done(ngx_uint_t i)
{
    ngx_er_calls_set(blob, i, NGX_ER_CALL_DONE);
    is_int(tells(NGX_ER_QUEUE_EXTEND, lent), NGX_OK, "call %d is done",
           (int) i + 1);
}


static ngx_int_t
tells(ngx_er_queue_verb_e verb, uint64_t tok)
{
    ngx_er_queue_op_t  *op;

    op = new_op(verb);
    op->target = ERP;
    op->seq = seq;
    op->token = tok;
    op->calls = calls;
    op->counted = (verb != NGX_ER_QUEUE_EXTEND);
    op->reason = NGX_ER_DEAD_FINAL;
    op->keep = HOUR;

    return run(op);
}


/* leased, with these calls */

static void
gives(const char *wanted)
{
    ngx_er_queue_op_t  *op;

    op = lease(ERP, 1, 1);

    is_int(op->entries->nelts, 1, "it is given");

    if (op->entries->nelts) {
        lent = entry(op, 0)->token;
        are(&entry(op, 0)->calls, wanted, "with what is known of its calls");
    }
}


/* "t": to do, "d": done, "x": dead */

static void
are(ngx_str_t *kept, const char *wanted, const char *what)
{
    char        text[64];
    u_char      p[64];
    ngx_uint_t  i, n;

    n = 0;

    if (kept->len && ngx_er_calls_read(p, kept) == NGX_OK) {
        n = ngx_er_calls_number(p);
    }

    for (i = 0; i < n; i++) {
        text[i] = "tdx"[ngx_er_calls_get(p, i)];
    }

    text[n] = '\0';

    ok(strcmp(text, wanted) == 0, "%s: \"%s\", \"%s\"", what, text, wanted);
}


static ngx_uint_t
replay(uint64_t to)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->command = ++commands;
    op->to.target = to;
    ngx_str_set(&op->to.name, "crm");

    is_int(run(op), NGX_OK, "a replay");

    return op->done;
}


static void
test_way(void)
{
    ngx_er_queue_op_t  *op;

    begins(5);

    is_int(rows(NGX_ER_FILE_CALLS), 0, "nothing is kept before the first one");
    is_int(tells(NGX_ER_QUEUE_EXTEND, lent + 1), NGX_DECLINED,
           "who has no lease");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "changes nothing");

    done(0);
    op = list(0, ERP);
    are(&entry(op, 0)->calls, "dtttt", "listed");

    done(2);
    ngx_er_calls_set(blob, 3, NGX_ER_CALL_DEAD);
    is_int(tells(NGX_ER_QUEUE_RETRY, lent), NGX_OK, "the others later");
    gives("dtdxt");

    is_int(retry(ERP, seq, lent, 1, 0), NGX_OK, "a retry that says nothing");
    gives("dtdxt");

    is_int(settle(ERP, seq, lent), NGX_OK, "at its end");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "nothing is left");
    is_int(consistent(), 0, "and all fits together");
}


static void
test_crash(void)
{
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    begins(3);

    for (i = 0; i < 3; i++) {
        op = new_op(NGX_ER_QUEUE_ADOPT);
        op->holder = 1;
        is_int(run(op), NGX_OK, "who had it died");
        is_int(op->count.pending, 1, "with it");

        gives((const char *[]) { "", "dtt", "ddt" }[i]);
        done(i);

        op = list(0, ERP);
        is_int(entry(op, 0)->crashes, 0, "it goes on, so it is no poison");
    }

    is_int(settle(ERP, seq, lent), NGX_OK, "at its end");
}


static void
test_replay(void)
{
    ngx_er_queue_op_t  *op;

    begins(4);
    done(1);
    ngx_er_calls_set(blob, 2, NGX_ER_CALL_DEAD);
    is_int(tells(NGX_ER_QUEUE_BURY, lent), NGX_OK, "buried");

    op = list(1, ERP);
    are(&entry(op, 0)->calls, "tdxt", "the dead letter has them");
    is_int(rows(NGX_ER_FILE_CALLS), 1, "once");

    is_int(replay(0), 1, "one is replayed");
    gives("tdtt");

    is_int(bury(ERP, seq, lent, HOUR), NGX_OK, "buried again");
    is_int(replay(CRM), 1, "for another target");
    op = lease(CRM, 1, 1);
    are(&entry(op, 0)->calls, "", "which has got nothing");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "and nothing is left behind");
    is_int(settle(CRM, seq, entry(op, 0)->token), NGX_OK, "at its end");
}


static void
test_changed(void)
{
    u_char              p[64];
    ngx_er_queue_op_t  *op;

    begins(4);
    done(1);

    op = new_op(NGX_ER_QUEUE_BURY);
    op->target = ERP;
    op->seq = seq;
    op->token = lent;
    op->reason = NGX_ER_DEAD_MAPPING;
    is_int(run(op), NGX_OK, "the mapping has changed");

    op = list(1, ERP);
    is_int(entry(op, 0)->reason, NGX_ER_DEAD_MAPPING, "which it says");
    are(&entry(op, 0)->calls, "tdtt", "its calls stay");

    is_int(replay(0), 1, "replayed");
    op = lease(ERP, 1, 1);
    lent = entry(op, 0)->token;
    is_int(ngx_er_calls_read(p, &entry(op, 0)->calls), NGX_OK, "still there");
    is_int(ngx_er_calls_anew(p), 1, "and may begin anew");
    is_int(settle(ERP, seq, lent), NGX_OK, "at its end");
}


/* of an event with a key */

static void
test_repeated(void)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part;

    ngx_memzero(&part, sizeof(part));
    part.target = ERP;
    ngx_str_set(&part.name, "erp");
    keys++;

    for (i = 0; i < 2; i++) {
        op = new_op(NGX_ER_QUEUE_ACCEPT);
        op->parts = &part;
        op->nparts = 1;
        op->dedup = 1;
        op->key[0] = (u_char) keys;
        op->token = ++token;
        ngx_str_set(&op->record, "record");

        rc = run(op);
        is_int(rc, i ? NGX_DONE : NGX_OK, "its producer sends it");

        if (i == 0) {
            seq = op->seq;
            gives("");
            ngx_er_calls_init(blob, 3);
            calls.len = ngx_er_calls_size(3);
            done(0);
            is_int(bury(ERP, seq, lent, HOUR), NGX_OK, "buried");
        }
    }

    gives("dtt");
    is_int(settle(ERP, seq, lent), NGX_OK, "at its end");
}


static void
test_moved(void)
{
    ngx_er_queue_op_t  *op;

    begins(2);
    done(0);
    is_int(retry(ERP, seq, lent, 1, 0), NGX_OK, "later");

    op = new_op(NGX_ER_QUEUE_MOVE);
    op->filter.target = ERP;
    op->to.target = CRM;
    ngx_str_set(&op->to.name, "crm");
    is_int(run(op), NGX_OK, "moved");
    is_int(op->done, 1, "one");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "its calls are not");

    op = lease(CRM, 1, 1);
    are(&entry(op, 0)->calls, "", "all are to do there");
    is_int(settle(CRM, seq, entry(op, 0)->token), NGX_OK, "at its end");
}


static void
test_purged(void)
{
    ngx_er_queue_op_t  *op;

    begins(2);
    done(0);
    is_int(bury(ERP, seq, lent, HOUR), NGX_OK, "buried");

    op = new_op(NGX_ER_QUEUE_PURGE);
    is_int(run(op), NGX_OK, "purged");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "with its calls");

    begins(2);
    done(1);
    is_int(bury(ERP, seq, lent, 1000), NGX_OK, "buried for a second");
    now += 2000;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_DEAD), 0, "it is forgotten");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "with its calls");
}


/* a version before ends and replays entries without a look at CALLS */

static void
test_before(void)
{
    uint64_t           key[2];
    ngx_er_file_txn_t  t;

    begins(2);

    ngx_memzero(&t, sizeof(t));
    t.file = file;
    t.now = now;
    ngx_er_file_begin(&t, 1);

    ngx_er_calls_set(blob, 0, NGX_ER_CALL_DONE);

    key[0] = ERP;
    key[1] = seq;
    ngx_er_file_put(&t, NGX_ER_FILE_CALLS, key,
                    "\0\0\0\11\1\0\0\2\0\0\0\0\1", 13);
    key[1] = 77;
    ngx_er_file_put(&t, NGX_ER_FILE_CALLS, key,
                    "\0\0\0\0\1\0\0\2\0\0\0\0\1", 13);

    ok(mdb_txn_commit(t.txn) == 0, "rows that it left behind");
    (void) pthread_rwlock_unlock(&file->lock);

    is_int(retry(ERP, seq, lent, 0, 0), NGX_OK, "handed back");
    gives("");

    (void) sweep();
    is_int(rows(NGX_ER_FILE_CALLS), 1, "what has no entry is swept away");

    is_int(settle(ERP, seq, lent), NGX_OK, "and the rest goes with its entry");
    is_int(rows(NGX_ER_FILE_CALLS), 0, "all of it");
}


static void
test_restart(void)
{
    begins(3);
    done(2);

    ngx_er_file_close(file);
    now += 60000;
    ok(test_open(8) != NULL, "opened again");
    gives("ttd");
    is_int(settle(ERP, seq, lent), NGX_OK, "at its end");
}
