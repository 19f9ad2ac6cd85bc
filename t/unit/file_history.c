
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The history of the file store: what the verbs write into it and what the
 * store writes by itself, that it is found in every way, in pages, newest
 * first, that it is forgotten in time and beyond its share, and that it never
 * takes an event's room.
 */


#include "queue_file.h"

#include "../../ngx_event_router_module/ingest/crypto.h"


#define ERP   11
#define CRM   12


static void with_history(uint64_t size, uint64_t share);
static void keys(const char *text);
static ngx_int_t told(const char *id, const char *order, ngx_uint_t nparts,
    uint64_t *seq);
static ngx_er_history_find_t *find(ngx_er_history_filter_t *filter);
static ngx_er_history_find_t *page(ngx_er_history_filter_t *filter,
    uint64_t before, ngx_uint_t limit, ngx_uint_t looks);
static ngx_uint_t found(ngx_er_history_find_t *f, ngx_uint_t i, uint64_t seq);
static const char *states(uint64_t seq);
static void any(ngx_er_history_filter_t *filter);
static void by(ngx_er_history_filter_t *filter, const char *name,
    const char *value);
static void attempt(ngx_er_queue_op_t *op, ngx_uint_t status,
    ngx_uint_t state);
static void way_of_an_event(void);
static void by_itself(void);
static void replays(void);
static void pages(void);
static void buckets(void);
static void forgets(void);
static void forgets_last(void);
static void share(void);
static void gives_way(void);
static void off(void);
static void reopened(void);
static void rotated(void);


static ngx_uint_t  sealed;


int
main(void)
{
    ngx_er_safe_init(ngx_er_crypto_safe());

    way_of_an_event();
    by_itself();
    replays();
    pages();
    buckets();
    forgets();
    forgets_last();
    share();
    gives_way();
    off();
    reopened();

    sealed = 1;

    way_of_an_event();
    by_itself();
    replays();
    pages();
    buckets();
    forgets();
    reopened();
    rotated();

    return done_testing();
}


static void
with_history(uint64_t size, uint64_t share)
{
    pool = ngx_er_test_pool();
    test_directory(size);
    conf.history_time = 24 * HOUR;
    conf.history_size = share;

    if (sealed) {
        keys("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    }

    (void) test_open(1);
}


static void
keys(const char *text)
{
    ngx_str_t       s;
    ngx_er_error_t  err;

    s.data = (u_char *) text;
    s.len = strlen(text);

    is_int(ngx_er_safe_create(pool, &s, &conf.safe, &err), NGX_OK, "keys");
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


/* an event for so many targets, ERP and those behind it, all leased */

static ngx_int_t
told(const char *id, const char *order, ngx_uint_t nparts, uint64_t *seq)
{
    u_char                  *p;
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_er_queue_op_t       *op;
    ngx_er_queue_part_t     *part;
    ngx_er_history_key_t     name;
    ngx_er_history_chunk_t   chunk;

    op = new_op(NGX_ER_QUEUE_ACCEPT);

    part = ngx_pcalloc(pool, (nparts + 1) * sizeof(ngx_er_queue_part_t));

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_EVENT;
    chunk.time = now;
    chunk.id = str(id);
    chunk.source = str("shopify");
    chunk.type = str("orders/paid");
    chunk.nkeys = 1;
    chunk.keys[0].name = str("data.id");
    chunk.keys[0].value = str(order);

    p = ngx_palloc(pool, 512 + nparts * 64);
    op->history.data = p;
    p = ngx_er_history_write(p, &chunk);

    op->hashes = ngx_palloc(pool, 2 * sizeof(uint64_t));
    name.name = str("id");
    op->hashes[0] = ngx_er_history_hash(ngx_er_history_name(&name.name),
                                        &chunk.id);
    op->hashes[1] = ngx_er_history_hash(
                                   ngx_er_history_name(&chunk.keys[0].name),
                                   &chunk.keys[0].value);
    op->nhashes = 2;

    for (i = 0; i < nparts; i++) {
        part[i].target = ERP + i;
        part[i].name = str(i ? "crm" : "erp");
        part[i].routes = str("all");
        part[i].lease = 1;

        chunk.kind = NGX_ER_HISTORY_PART;
        chunk.target = ERP + i;
        chunk.name = part[i].name;
        chunk.routes = part[i].routes;
        p = ngx_er_history_write(p, &chunk);
    }

    op->history.len = p - op->history.data;
    op->parts = part;
    op->nparts = nparts;
    op->token = ++token;
    op->record.len = 100;
    op->record.data = ngx_pcalloc(pool, 100);

    rc = run(op);

    if (seq) {
        *seq = op->seq;
    }

    return rc;
}


static void
attempt(ngx_er_queue_op_t *op, ngx_uint_t status, ngx_uint_t state)
{
    ngx_er_history_chunk_t  chunk;

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_ATTEMPT;
    chunk.target = op->target;
    chunk.time = now;
    chunk.status = status;
    chunk.number = 1;
    chunk.state = state;
    chunk.answer = str("said");

    op->history.data = ngx_palloc(pool, ngx_er_history_size(&chunk));
    op->history.len = ngx_er_history_write(op->history.data, &chunk)
                      - op->history.data;
}


static ngx_int_t
tell(ngx_er_queue_verb_e verb, uint64_t target, uint64_t seq, uint64_t tok,
    ngx_uint_t status)
{
    ngx_er_queue_op_t  *op;

    op = new_op(verb);
    op->target = target;
    op->seq = seq;
    op->token = tok;
    op->reason = NGX_ER_DEAD_FINAL;
    op->counted = 1;

    attempt(op, status, verb == NGX_ER_QUEUE_SETTLE ? NGX_ER_HISTORY_DELIVERED
                                                    : NGX_ER_HISTORY_PENDING);

    return run(op);
}


static void
any(ngx_er_history_filter_t *filter)
{
    ngx_memzero(filter, sizeof(ngx_er_history_filter_t));
    filter->state = NGX_ER_HISTORY_ANY;
}


static void
by(ngx_er_history_filter_t *filter, const char *name, const char *value)
{
    any(filter);
    filter->key.name = str(name);
    filter->key.value = str(value);
    filter->hash = ngx_er_history_hash(ngx_er_history_name(&filter->key.name),
                                       &filter->key.value);
}


static ngx_er_history_find_t *
page(ngx_er_history_filter_t *filter, uint64_t before, ngx_uint_t limit,
    ngx_uint_t looks)
{
    ngx_er_queue_op_t      *op;
    ngx_er_history_find_t  *f;

    f = ngx_pcalloc(pool, sizeof(ngx_er_history_find_t));
    f->filter = *filter;
    f->before = before;
    f->limit = limit;
    f->looks = looks;
    f->bytes = 1000000;

    op = new_op(NGX_ER_QUEUE_HISTORY);
    op->find = f;

    ngx_er_file_read(file, op);

    is_int(op->rc, NGX_OK, "lookup");

    return f;
}


static ngx_er_history_find_t *
find(ngx_er_history_filter_t *filter)
{
    return page(filter, 0, 100, NGX_ER_HISTORY_LOOKS);
}


static ngx_uint_t
found(ngx_er_history_find_t *f, ngx_uint_t i, uint64_t seq)
{
    ngx_er_history_record_t  *record;

    record = f->records->elts;

    return i < f->records->nelts && record[i].seq == seq;
}


/* "erp delivered, crm dead", as the record tells it */

static const char *
states(uint64_t seq)
{
    ngx_str_t                 chunks;
    ngx_er_history_find_t    *f;
    ngx_er_history_chunk_t    chunk;
    ngx_er_history_filter_t   filter;
    static char               text[1024];

    any(&filter);
    filter.seq = seq;
    f = find(&filter);
    text[0] = '\0';

    if (f->records->nelts != 1) {
        return text;
    }

    chunks = ((ngx_er_history_record_t *) f->records->elts)->chunks;

    while (ngx_er_history_read(&chunks, &chunk) == NGX_OK) {

        switch (chunk.kind) {

        case NGX_ER_HISTORY_EVENT:
            sprintf(text + strlen(text), "event");
            break;

        case NGX_ER_HISTORY_PART:
            sprintf(text + strlen(text), " %d", (int) chunk.target);
            break;

        case NGX_ER_HISTORY_ATTEMPT:
            sprintf(text + strlen(text), ", %d %d %s", (int) chunk.target,
                    (int) chunk.status,
                    ngx_er_history_state_name(chunk.state));
            break;

        default:
            sprintf(text + strlen(text), ", %d %s %d%s", (int) chunk.target,
                    ngx_er_history_state_name(chunk.state),
                    (int) chunk.reason, chunk.name.len ? " named" : "");
        }
    }

    return text;
}


static void
is_states(uint64_t seq, const char *want, const char *name)
{
    ngx_str_t  got;

    got = str(states(seq));
    is_str(&got, want, "%s", name);
}


static void
way_of_an_event(void)
{
    uint64_t                  a, b, first;
    ngx_er_queue_op_t        *op;
    ngx_er_history_filter_t   filter;

    with_history(8 * 1024 * 1024, 1024 * 1024);

    is_int(told("a", "4711", 2, &a), NGX_OK, "an event");
    first = token;
    is_states(a, "event 11 12", "it is there at once");

    is_int(told("b", "4712", 0, &b), NGX_OK, "one that nobody wants");
    is_states(b, "event", "is there, too");

    now += 1000;
    is_int(tell(NGX_ER_QUEUE_RETRY, ERP, a, first, 503), NGX_OK, "retry");
    is_int(tell(NGX_ER_QUEUE_SETTLE, CRM, a, first, 201), NGX_OK, "settle");

    is_states(a, "event 11 12, 11 503 pending, 12 201 delivered",
              "two attempts");

    is_int(tell(NGX_ER_QUEUE_SETTLE, CRM, a, first, 500), NGX_DECLINED,
           "who has no lease");
    is_states(a, "event 11 12, 11 503 pending, 12 201 delivered",
              "has nothing to say");

    op = lease(ERP, 10, 10);
    is_int(op->entries->nelts, 1, "again");
    is_int(tell(NGX_ER_QUEUE_BURY, ERP, a, token, 400), NGX_OK, "bury");
    is_states(a, "event 11 12, 11 503 pending, 12 201 delivered, "
              "11 400 pending, 11 dead 2", "it is dead");

    by(&filter, "id", "a");
    ok(found(find(&filter), 0, a), "by its id");
    by(&filter, "data.id", "4711");
    ok(found(find(&filter), 0, a), "by its order");
    by(&filter, "data.id", "4713");
    is_int(find(&filter)->records->nelts, 0, "another order");
    by(&filter, "id", "4711");
    is_int(find(&filter)->records->nelts, 0, "an order is no id");

    any(&filter);
    filter.state = NGX_ER_HISTORY_DEAD;
    ok(found(find(&filter), 0, a), "what is dead");
    filter.target = CRM;
    is_int(find(&filter)->records->nelts, 0, "nothing is for crm");

    any(&filter);
    ok(found(find(&filter), 0, b), "newest first");
    ok(found(find(&filter), 1, a), "then the other one");

    op = new_op(NGX_ER_QUEUE_PURGE);
    is_int(run(op), NGX_OK, "purge");
    is_states(a, "event 11 12, 11 503 pending, 12 201 delivered, "
              "11 400 pending, 11 dead 2, 11 purged 0", "it is purged");
    end();
}


/* the store decides */

static void
by_itself(void)
{
    uint64_t             seq, known[1];
    ngx_er_queue_op_t   *op;

    with_history(8 * 1024 * 1024, 1024 * 1024);

    (void) told("a", "1", 1, &seq);

    op = new_op(NGX_ER_QUEUE_ADOPT);
    op->holder = 1;
    is_int(run(op), NGX_OK, "its worker died");
    is_states(seq, "event 11, 11 returned 0", "it is due again");

    known[0] = CRM;
    op = new_op(NGX_ER_QUEUE_SWEEP);
    op->known = known;
    op->nknown = 1;
    op->generation = now;
    is_int(run(op), NGX_OK, "its target goes");
    is_states(seq, "event 11, 11 returned 0, 11 dead 5", "removed");

    now += 2 * HOUR;
    is_int(sweep()->rc, NGX_OK, "a dead letter's time is over");
    is_states(seq, "event 11, 11 returned 0, 11 dead 5, 11 aged 0", "aged");
    end();
}


static void
replays(void)
{
    uint64_t            seq;
    ngx_er_queue_op_t  *op;

    with_history(8 * 1024 * 1024, 1024 * 1024);

    (void) told("a", "1", 1, &seq);
    (void) tell(NGX_ER_QUEUE_BURY, ERP, seq, token, 500);

    op = new_op(NGX_ER_QUEUE_REPLAY);
    is_int(run(op), NGX_OK, "replay");
    is_states(seq, "event 11, 11 500 pending, 11 dead 2, 11 replayed 0 named",
              "one record");

    op = lease(ERP, 10, 10);
    is_int(op->entries->nelts, 1, "again");
    (void) tell(NGX_ER_QUEUE_BURY, ERP, seq, token, 501);

    op = new_op(NGX_ER_QUEUE_REPLAY);
    op->to.target = CRM;
    op->to.name = str("crm");
    is_int(run(op), NGX_OK, "replay to another one");
    is_states(seq, "event 11, 11 500 pending, 11 dead 2, 11 replayed 0 named, "
              "11 501 pending, 11 dead 2, 11 moved 0, 12 replayed 0 named",
              "it has moved");
    end();
}


static void
pages(void)
{
    char                      id[32];
    uint64_t                  seq[25], before;
    ngx_uint_t                i, n, ordered;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    with_history(8 * 1024 * 1024, 1024 * 1024);

    for (i = 0; i < 25; i++) {
        sprintf(id, "id-%u", (unsigned) i);
        (void) told(id, "same", 1, &seq[i]);
        now += 5;
    }

    for (n = 0; n < 2; n++) {

        if (n) {
            by(&filter, "data.id", "same");

        } else {
            any(&filter);
        }

        before = 0;
        ordered = 0;
        i = 25;

        do {
            f = page(&filter, before, 7, NGX_ER_HISTORY_LOOKS);
            before = f->before;

            while (i && found(f, ordered, seq[i - 1])) {
                ordered++;
                i--;
            }

            is_int(f->records->nelts, ordered, "all are in order");
            ordered = 0;

        } while (f->more);

        is_int(i, 0, "all were seen once");
    }

    any(&filter);
    filter.text = str("D-3");
    f = page(&filter, 0, 7, 10);
    is_int(f->looked, 10, "no more than it may look at");
    is_int(f->records->nelts, 0, "nothing yet");
    ok(f->more, "there is more");
    f = page(&filter, f->before, 7, 20);
    ok(found(f, 0, seq[3]), "found on the next page");
    ok(!f->more, "and no more");

    f = page(&filter, 0, 7, 25);
    ok(!f->more, "all were looked at");

    any(&filter);
    filter.from = seq[10] >> 20;
    filter.to = seq[12] >> 20;
    f = find(&filter);
    is_int(f->records->nelts, 2, "a time range");
    ok(found(f, 0, seq[11]), "its end is not in it");

    by(&filter, "data.id", "same");
    filter.from = seq[10] >> 20;
    filter.to = seq[12] >> 20;
    f = find(&filter);
    is_int(f->records->nelts, 2, "a time range of a key");
    ok(found(f, 1, seq[10]), "its beginning is");

    any(&filter);
    filter.seq = seq[3] + 1;
    is_int(find(&filter)->records->nelts, 0, "no such number");
    end();
}


/* what is filed under other hours is found, and events that nobody sees are
   not between */

static void
buckets(void)
{
    uint64_t                  a, b, c;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    with_history(8 * 1024 * 1024, 1024 * 1024);
    conf.history_time = 30ULL * 24 * HOUR;

    (void) told("x", "4711", 1, &a);
    now += 30 * HOUR;
    (void) told("y", "4711", 1, &b);
    (void) told("y2", "4712", 1, NULL);
    now += 200 * HOUR;
    (void) told("z", "0815", 1, &c);
    now += 3 * HOUR;

    by(&filter, "data.id", "4711");
    f = find(&filter);
    is_int(f->records->nelts, 2, "over days");
    ok(found(f, 0, b) && found(f, 1, a), "newest first");

    f = page(&filter, 0, 1, 10);
    ok(found(f, 0, b) && f->more, "the first page");
    f = page(&filter, f->before, 1, 10);
    ok(found(f, 0, a) && !f->more, "the second one");

    by(&filter, "data.id", "0815");
    ok(found(find(&filter), 0, c), "a young one");
    filter.to = c >> 20;
    is_int(find(&filter)->records->nelts, 0, "not before it came");
    end();
}


static void
forgets(void)
{
    uint64_t                  seq, young;
    ngx_uint_t                i;
    ngx_er_queue_op_t        *op;
    ngx_er_history_filter_t   filter;

    with_history(16 * 1024 * 1024, 2 * 1024 * 1024);

    (void) told("old", "4711", 1, &seq);

    for (i = 0; i < 1500; i++) {
        (void) told("many", "4712", 1, NULL);
    }

    now += 23 * HOUR;
    (void) told("young", "4713", 1, &young);
    now += 2 * HOUR;

    op = new_op(NGX_ER_QUEUE_SWEEP);
    is_int(run(op), NGX_OK, "sweep");
    is_int(op->more, 1, "in steps");
    is_states(seq, "", "the oldest one is forgotten");

    for (i = 0; i < 20 && op->more; i++) {
        (void) run(op);
    }

    is_int(op->more, 0, "all of them");
    is_int(rows(NGX_ER_FILE_HISTORY), 1, "one record is left");
    is_int(rows(NGX_ER_FILE_HASHES), 2, "and its hashes");
    is_states(young, "event 11", "it is the young one");

    by(&filter, "data.id", "4712");
    is_int(find(&filter)->records->nelts, 0, "others are not found");

    op = lease(ERP, 1, 1);
    is_int(entry(op, 0)->seq, seq, "the old one is pending still");
    is_int(tell(NGX_ER_QUEUE_SETTLE, ERP, seq, token, 200), NGX_OK, "settle");
    is_states(seq, "", "but has no history any more");
    is_int(rows(NGX_ER_FILE_HISTORY), 1, "nor rows");
    end();
}


/* beyond the share the oldest go, and no hash is left of what has gone */

/* the newest one of those that are forgotten has no history any more, too */

static void
forgets_last(void)
{
    uint64_t            seq;
    ngx_er_queue_op_t  *op;

    with_history(16 * 1024 * 1024, 2 * 1024 * 1024);

    (void) told("last", "4711", 1, &seq);
    now += 25 * HOUR;

    op = new_op(NGX_ER_QUEUE_SWEEP);
    is_int(run(op), NGX_OK, "sweep");
    is_int(rows(NGX_ER_FILE_HISTORY), 0, "it is forgotten");

    op = lease(ERP, 1, 1);
    is_int(entry(op, 0)->seq, seq, "and pending still");
    is_int(tell(NGX_ER_QUEUE_SETTLE, ERP, seq, token, 200), NGX_OK, "settle");
    is_int(rows(NGX_ER_FILE_HISTORY), 0, "which is not written any more");
    end();
}


static void
share(void)
{
    char                      id[32];
    uint64_t                  seq, first, bytes, most;
    ngx_uint_t                i, missing;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    with_history(64 * 1024 * 1024, 256 * 1024);

    missing = 0;
    first = 0;
    most = 0;

    for (i = 0; i < 6000; i++) {
        sprintf(id, "id-%u", (unsigned) i);
        (void) told(id, id, 1, &seq);
        (void) tell(NGX_ER_QUEUE_SETTLE, ERP, seq, token, 200);

        if (i == 0) {
            first = seq;
        }

        if (i % 100 == 0) {
            by(&filter, "id", id);
            missing += (find(&filter)->records->nelts != 1);

            bytes = file->history;
            most = ngx_max(most, bytes);
        }
    }

    is_int(missing, 0, "the latest one is always there");
    is_states(first, "", "the first one is not");
    ok(most && most <= 256 * 1024 + 65536, "%d bytes at most", (int) most);
    ok(rows(NGX_ER_FILE_HASHES) < 4 * rows(NGX_ER_FILE_HISTORY),
       "hashes go with their records");

    any(&filter);
    f = page(&filter, 0, 10000, 10000);
    ok(f->records->nelts > 300, "%d records have room",
       (int) f->records->nelts);
    ok(found(f, 0, seq), "the last one first");
    end();
}


/* as many events as without history */

static void
gives_way(void)
{
    uint64_t    seq;
    ngx_int_t   rc;
    ngx_uint_t  i, k, n[2];

    for (k = 0; k < 2; k++) {
        with_history(2 * 1024 * 1024, 512 * 1024);

        if (k == 0) {
            conf.history_time = 0;
        }

        /* history is as large as it may be */

        for (i = 0; i < 3000; i++) {
            rc = told("before", "4711", 1, &seq);

            if (rc != NGX_OK) {
                break;
            }

            (void) tell(NGX_ER_QUEUE_SETTLE, ERP, seq, token, 200);
        }

        is_int(i, 3000, "none is refused");

        for (n[k] = 0; n[k] < 20000; n[k]++) {
            if (told("full", "4712", 1, &seq) != NGX_OK) {
                break;
            }
        }

        end();
    }

    ok(n[1] >= n[0] - n[0] / 50, "%d events have room, %d without history",
       (int) n[1], (int) n[0]);
}


/* what is left of another configuration goes */

static void
off(void)
{
    uint64_t             seq;
    ngx_uint_t           i;
    ngx_er_queue_op_t   *op;

    with_history(8 * 1024 * 1024, 1024 * 1024);

    for (i = 0; i < 1500; i++) {
        (void) told("a", "1", 1, &seq);
    }

    conf.history_time = 0;
    (void) tell(NGX_ER_QUEUE_SETTLE, ERP, seq, token, 200);

    op = new_op(NGX_ER_QUEUE_SWEEP);

    for (i = 0; i < 20; i++) {
        is_int(run(op), NGX_OK, "sweep");

        if (!op->more) {
            break;
        }
    }

    is_int(rows(NGX_ER_FILE_HISTORY), 0, "no record is left");
    is_int(rows(NGX_ER_FILE_HASHES), 0, "nor a hash");
    ok(i > 0, "in steps");

    conf.history_time = 24 * HOUR;
    now += 10;
    (void) told("b", "1", 1, &seq);
    is_states(seq, "event 11", "on again");
    end();
}


static void
reopened(void)
{
    uint64_t  seq;

    with_history(8 * 1024 * 1024, 1024 * 1024);

    (void) told("a", "1", 1, &seq);
    ngx_er_file_close(file);
    (void) test_open(2);
    is_states(seq, "event 11", "it is there after a restart");
    end();
}


/* what was filed under another key, or under none, is found as well */

static void
rotated(void)
{
    uint64_t                  plain, one, two;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    sealed = 0;
    with_history(16 << 20, 4 << 20);

    (void) told("e1", "4711", 1, &plain);

    keys("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    (void) told("e2", "4711", 1, &one);

    keys("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    (void) told("e3", "4711", 1, &two);

    any(&filter);
    by(&filter, "data.id", "4711");
    f = find(&filter);

    is_int(f->records->nelts, 3, "under each key, and under none");
    ok(found(f, 0, two) && found(f, 1, one) && found(f, 2, plain),
       "the newest first");

    f = page(&filter, two, 1, 100);
    ok(found(f, 0, one), "and in pages");

    keys("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    f = find(&filter);
    is_int(f->records->nelts, 2, "not what has no key any more");

    end();
    conf.safe = NULL;
}
