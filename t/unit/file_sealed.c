
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sealing in the file store: what is kept cannot be read in the file, comes
 * out as it went in, and only at its own place; what has no key waits.
 */


#include "queue_file.h"

#include "../../ngx_event_router_module/ingest/crypto.h"
#include "../../ngx_event_router_module/store/file/sealed.h"


#define ERP  1
#define ONE  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TWO  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


static void
keys(const char *text)
{
    ngx_str_t       s;
    ngx_er_error_t  err;

    s.data = (u_char *) text;
    s.len = strlen(text);
    conf.safe = NULL;

    if (text[0]) {
        is_int(ngx_er_safe_create(pool, &s, &conf.safe, &err), NGX_OK, "keys");
    }
}


static uint64_t
came(const char *record)
{
    ngx_er_queue_op_t    *op;
    ngx_er_queue_part_t   part;

    ngx_memzero(&part, sizeof(part));

    part.target = ERP;
    ngx_str_set(&part.name, "erp");
    ngx_str_set(&part.routes, "orders");

    op = new_op(NGX_ER_QUEUE_ACCEPT);
    op->parts = &part;
    op->nparts = 1;
    op->record.data = (u_char *) record;
    op->record.len = strlen(record);

    is_int(run(op), NGX_OK, "accepted");

    return op->seq;
}


/* 1: the bytes are in the file */

static ngx_uint_t
in_file(const char *text)
{
    char         path[128];
    FILE        *f;
    size_t       n;
    u_char      *p;
    ngx_uint_t   found;

    snprintf(path, sizeof(path), "%s/data.mdb", dir);

    f = fopen(path, "r");
    p = malloc(1 << 24);
    n = fread(p, 1, 1 << 24, f);
    fclose(f);

    found = (memmem(p, n, text, strlen(text)) != NULL);
    free(p);

    return found;
}


/* writes over a row of the database, as somebody with access to the file */

static void
forge(ngx_er_file_db_e db, uint64_t *to, uint64_t *from, ngx_int_t flip)
{
    u_char              buf[4096];
    ngx_str_t           value;
    ngx_er_file_txn_t   t;

    ngx_memzero(&t, sizeof(t));
    t.file = file;

    (void) ngx_er_file_begin(&t, 1);

    is_int(ngx_er_file_get(&t, db, from, &value), NGX_OK, "a row");
    ngx_memcpy(buf, value.data, value.len);

    if (flip >= 0) {
        buf[flip] ^= 1;
    }

    is_int(ngx_er_file_put(&t, db, to, buf, value.len), NGX_OK, "is another");
    (void) mdb_txn_commit(t.txn);
}


static void
test_sealed(void)
{
    uint64_t            seq;
    ngx_er_queue_op_t  *op;

    keys(ONE);
    seq = came("a secret order");
    is_int(in_file("secret order"), 0, "it is not to be read in the file");

    op = list(0, ERP);
    is_str(&entry(op, 0)->record, "a secret order", "listed");

    op = lease(ERP, 1, 0);
    is_str(&entry(op, 0)->record, "a secret order", "leased");

    (void) retry(ERP, seq, entry(op, 0)->token, 1, 0);
    op = lease(ERP, 0, 1);
    is_str(&entry(op, 0)->record, "a secret order", "leased again");

    (void) bury(ERP, seq, entry(op, 0)->token, HOUR);
    is_int(in_file("gone"), 0, "nor what the target said");
    op = list(1, ERP);
    is_str(&entry(op, 0)->answer, "gone", "which is listed");
    is_str(&entry(op, 0)->record, "a secret order", "with the record");

    op = new_op(NGX_ER_QUEUE_PURGE);
    (void) run(op);
}


static void
test_answer(void)
{
    u_char              said[NGX_ER_ENTRY_ANSWER];
    uint64_t            seq;
    ngx_er_queue_op_t  *op;

    ngx_memset(said, 'x', sizeof(said));

    seq = came("an order");
    op = lease(ERP, 1, 0);
    token = entry(op, 0)->token;

    op = new_op(NGX_ER_QUEUE_BURY);
    op->target = ERP;
    op->seq = seq;
    op->token = token;
    op->answer.data = said;
    op->answer.len = sizeof(said);
    is_int(run(op), NGX_OK, "a long answer");

    op = list(1, ERP);
    is_int(entry(op, 0)->answer.len, NGX_ER_ENTRY_ANSWER - NGX_ER_SAFE_MORE,
           "is cut");
    is_mem(entry(op, 0)->answer.data, said, 900, "and whole up to there");

    op = new_op(NGX_ER_QUEUE_PURGE);
    (void) run(op);
}


static void
test_forged(void)
{
    uint64_t            one, two;
    ngx_er_queue_op_t  *op;

    one = came("order one");
    two = came("order two");

    forge(NGX_ER_FILE_EVENTS, &one, &two, -1);
    op = list(0, ERP);
    ok(entry(op, 0)->record.len != 9, "what was moved is not opened");
    is_str(&entry(op, 1)->record, "order two", "the other one is whole");

    forge(NGX_ER_FILE_EVENTS, &two, &two, 45);
    op = list(0, ERP);
    ok(entry(op, 1)->record.len != 9, "what was changed is not opened");

    op = lease(ERP, 9, 0);
    is_int(op->entries->nelts, 2, "they are given: the worker buries them");
    ok(entry(op, 0)->record.data[0] != 1, "as what is no record");

    (void) bury(ERP, one, entry(op, 0)->token, HOUR);
    (void) bury(ERP, two, entry(op, 1)->token, HOUR);
    (void) run(new_op(NGX_ER_QUEUE_PURGE));
}


/* what somebody else puts there is not read where all must be sealed */

static void
test_strict(void)
{
    uint64_t            key;
    ngx_er_queue_op_t  *op;
    ngx_er_file_txn_t   t;

    conf.safe = NULL;
    (void) came("a planted order");

    keys(ONE);
    (void) came("a sealed order");
    ngx_er_safe_strict(conf.safe);

    op = lease(ERP, 9, 0);
    is_int(entry(op, 0)->locked, 1, "a plain one is locked");
    is_int(entry(op, 0)->record.len, 0, "and not given away");
    is_str(&entry(op, 1)->record, "a sealed order", "a sealed one is");
    is_int(entry(op, 1)->locked, 0, "as ever");
    (void) settle(ERP, entry(op, 1)->seq, entry(op, 1)->token);
    (void) retry(ERP, entry(op, 0)->seq, entry(op, 0)->token, 0, 0);

    ngx_memzero(&t, sizeof(t));
    t.file = file;
    (void) ngx_er_file_begin(&t, 0);
    is_int(ngx_er_file_sealed_look(&t, &key), NGX_OK, "looked");
    ngx_er_file_abort(&t);
    ok(key == NGX_ER_NEVER, "nginx -t finds it");

    keys(ONE);
    op = lease(ERP, 9, 0);
    is_str(&entry(op, 0)->record, "a planted order", "until it may be read");
    (void) settle(ERP, entry(op, 0)->seq, entry(op, 0)->token);
}


static void
test_rotation(void)
{
    uint64_t            key;
    ngx_er_queue_op_t  *op;
    ngx_er_file_txn_t   t;

    conf.safe = NULL;
    (void) came("a plain order");

    keys(ONE);
    (void) came("sealed with one");

    keys(TWO "\n" ONE "\n");
    (void) came("sealed with two");

    op = list(0, ERP);
    is_str(&entry(op, 0)->record, "a plain order", "older, and plain");
    is_str(&entry(op, 1)->record, "sealed with one", "with the old key");
    is_str(&entry(op, 2)->record, "sealed with two", "with the new one");

    /* the old key is taken out too early */

    keys(TWO);
    ngx_memzero(&t, sizeof(t));
    t.file = file;
    (void) ngx_er_file_begin(&t, 0);
    is_int(ngx_er_file_sealed_look(&t, &key), NGX_OK, "looked");
    ngx_er_file_abort(&t);
    ok(key != 0, "a key is missing: %016llx", (unsigned long long) key);

    op = lease(ERP, 9, 0);
    is_int(entry(op, 0)->locked, 0, "a plain one has no lock");
    is_int(entry(op, 1)->locked, 1, "one is locked");
    is_str(&entry(op, 2)->record, "sealed with two", "and the newest is open");
    (void) settle(ERP, entry(op, 0)->seq, entry(op, 0)->token);
    (void) settle(ERP, entry(op, 2)->seq, entry(op, 2)->token);
    (void) retry(ERP, entry(op, 1)->seq, entry(op, 1)->token, 0, 0);

    keys("");
    op = lease(ERP, 9, 0);
    is_int(entry(op, 0)->locked, 1, "without any key, too");
    (void) retry(ERP, entry(op, 0)->seq, entry(op, 0)->token, 0, 0);

    keys(TWO "\n" ONE "\n");
    op = lease(ERP, 9, 0);
    is_str(&entry(op, 0)->record, "sealed with one", "until its key is back");
    is_int(entry(op, 0)->locked, 0, "it is open");
    is_int(entry(op, 0)->attempts, 0, "with all its attempts");
    (void) settle(ERP, entry(op, 0)->seq, entry(op, 0)->token);
}


static void
test_shelf(void)
{
    uint64_t             one[3], two[3];
    ngx_er_shelf_t       shelf;
    ngx_er_queue_op_t   *op;
    ngx_er_shelf_row_t  *row;

    keys(ONE);
    ngx_memzero(&shelf, sizeof(shelf));
    shelf.kind = NGX_ER_SHELF_QUARANTINE;
    shelf.name = 7;
    shelf.until = NGX_ER_NEVER;
    ngx_str_set(&shelf.value, "a refused request");

    op = new_op(NGX_ER_QUEUE_SHELF);
    op->shelf = &shelf;
    is_int(run(op), NGX_OK, "put");
    is_int(in_file("refused request"), 0, "sealed");
    one[2] = shelf.id;

    shelf.id = 0;
    ngx_str_set(&shelf.value, "another one");
    is_int(run(op), NGX_OK, "put");
    two[2] = shelf.id;

    shelf.act = NGX_ER_SHELF_LIST;
    shelf.limit = 9;
    is_int(run(op), NGX_OK, "list");
    row = shelf.rows->elts;
    is_str(&row[0].value, "a refused request", "opened");
    is_str(&row[1].value, "another one", "both");

    one[0] = two[0] = shelf.kind;
    one[1] = two[1] = shelf.name;
    forge(NGX_ER_FILE_SHELF, one, two, -1);

    is_int(run(op), NGX_OK, "list");
    row = shelf.rows->elts;
    ok(row[0].value.len != 11, "what was moved is not opened");

    shelf.act = NGX_ER_SHELF_PUT;
    shelf.kind = NGX_ER_SHELF_NUMBERS;
    shelf.id = 1;
    ngx_str_set(&shelf.value, "numbers of sources");
    is_int(run(op), NGX_OK, "put");
    is_int(in_file("numbers of sources"), 1, "numbers are plain");
}


int
main(void)
{
    ngx_er_safe_init(ngx_er_crypto_safe());
    begin(16 << 20);

    test_sealed();
    test_answer();
    test_forged();
    test_strict();
    test_rotation();
    test_shelf();

    end();

    return done_testing();
}
