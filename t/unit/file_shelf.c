
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The shelf in the file store: what is put is there until its time, in its
 * order and within its bound, and again after the store was opened anew.
 */


#include "queue_file.h"


static ngx_er_shelf_t  shelf;


static ngx_int_t
act(ngx_er_shelf_act_e what)
{
    ngx_er_queue_op_t  *op;

    op = new_op(NGX_ER_QUEUE_SHELF);
    op->shelf = &shelf;
    shelf.act = what;

    return run(op);
}


static void
shelf_of(ngx_er_shelf_kind_e kind, uint64_t name)
{
    ngx_memzero(&shelf, sizeof(shelf));

    shelf.kind = kind;
    shelf.name = name;
    shelf.limit = 100;
}


static uint64_t
put(ngx_er_shelf_kind_e kind, uint64_t name, uint64_t id, const char *text,
    uint64_t bound)
{
    shelf_of(kind, name);

    shelf.id = id;
    shelf.until = NGX_ER_NEVER;
    shelf.bound = bound;
    shelf.value.data = (u_char *) text;
    shelf.value.len = strlen(text);

    return act(NGX_ER_SHELF_PUT) == NGX_OK ? shelf.id : 0;
}


static void
values(const char *expected, const char *what)
{
    char                 text[1024];
    size_t               n;
    ngx_uint_t           i;
    ngx_er_shelf_row_t  *row;

    row = shelf.rows->elts;
    n = 0;
    text[0] = '\0';

    for (i = 0; i < shelf.rows->nelts; i++) {
        n += snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? " " : "",
                      (int) row[i].value.len, (char *) row[i].value.data);
    }

    ok(strcmp(text, expected) == 0, "%s: \"%s\"", what, text);
}


static void
test_rows(void)
{
    uint64_t  one, two;

    one = put(NGX_ER_SHELF_JOBS, 1, 0, "one", 0);
    two = put(NGX_ER_SHELF_JOBS, 1, 0, "two", 0);

    ok(one && two > one, "ids grow while the clock stands still");
    is_int(one >> 20, now, "and are its time");

    (void) put(NGX_ER_SHELF_JOBS, 2, 7, "other name", 0);
    (void) put(NGX_ER_SHELF_ALERTS, 1, 7, "other kind", 0);
    (void) put(NGX_ER_SHELF_JOBS, 1, 0, "three", 0);

    shelf_of(NGX_ER_SHELF_JOBS, 1);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("one two three", "the oldest first");
    is_int(shelf.more, 0, "no more");

    shelf.newest = 1;
    shelf.limit = 2;
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("three two", "the newest first");
    is_int(shelf.more, 1, "more");
    shelf.after = ((ngx_er_shelf_row_t *) shelf.rows->elts)[1].id;
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("one", "behind those");
    is_int(shelf.more, 0, "no more");

    shelf.newest = 0;
    shelf.limit = 100;
    shelf.after = one;
    shelf.bytes = 1;
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("two", "one is given even if it is larger than asked for");
    is_int(shelf.more, 1, "more");

    (void) put(NGX_ER_SHELF_JOBS, 1, two, "TWO", 0);
    is_int(shelf.more, 1, "there was a row");
    (void) put(NGX_ER_SHELF_JOBS, 3, two, "no", 0);
    is_int(shelf.more, 0, "there was none");
    is_int(act(NGX_ER_SHELF_DROP), NGX_OK, "drop");
    shelf_of(NGX_ER_SHELF_JOBS, 1);
    shelf.id = two;
    is_int(act(NGX_ER_SHELF_GET), NGX_OK, "get");
    values("TWO", "put in its place");
    is_int(act(NGX_ER_SHELF_DROP), NGX_OK, "drop");
    is_int(shelf.done, 1, "it was there");
    is_int(act(NGX_ER_SHELF_GET), NGX_DECLINED, "it is gone");
    is_int(act(NGX_ER_SHELF_DROP), NGX_OK, "drop");
    is_int(shelf.done, 0, "it was not there");

    is_int(consistent(), 0, "the databases fit together");
    ngx_er_file_close(file);
    ok(test_open(2) != NULL, "opened anew");

    shelf_of(NGX_ER_SHELF_JOBS, 1);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("one three", "after the store was opened anew");

    shelf.id = 0;
    is_int(act(NGX_ER_SHELF_DROP), NGX_OK, "drop all");
    is_int(shelf.done, 2, "both");
    shelf_of(NGX_ER_SHELF_JOBS, 2);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("other name", "those of another name stay");
    shelf_of(NGX_ER_SHELF_ALERTS, 1);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("other kind", "and of another kind");
}


/* a row is in one place, and who moves it first has moved it */

static void
test_moves(void)
{
    uint64_t  id;

    id = put(NGX_ER_SHELF_JOBS, 21, 0, "here", 0);

    shelf_of(NGX_ER_SHELF_JOBS, 22);
    shelf.id = id;
    shelf.until = now + HOUR;
    shelf.from = 21;
    ngx_str_set(&shelf.value, "there");
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "moved");
    is_int(act(NGX_ER_SHELF_PUT), NGX_DECLINED, "once");

    shelf.from = 0;
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("there", "it is there");
    shelf_of(NGX_ER_SHELF_JOBS, 21);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("", "and not where it was");

    shelf_of(NGX_ER_SHELF_JOBS, 22);
    shelf.id = id;
    shelf.until = NGX_ER_NEVER;
    shelf.from = 22;
    ngx_str_set(&shelf.value, "anew");
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "replaced");
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("anew", "by the new one");
    is_int(act(NGX_ER_SHELF_DROP), NGX_OK, "drop");
    is_int(act(NGX_ER_SHELF_PUT), NGX_DECLINED, "what is gone is not made");

    shelf.id = 0;
    is_int(act(NGX_ER_SHELF_PUT), NGX_DECLINED, "nor is a new one");
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("", "nothing was put");

    shelf_of(NGX_ER_SHELF_JOBS, 21);
    shelf.id = 5;
    shelf.until = now + 1000;
    ngx_str_set(&shelf.value, "short");
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "put");
    now += 1000;
    shelf.from = 21;
    is_int(act(NGX_ER_SHELF_PUT), NGX_DECLINED, "what is over does not move");

    (void) sweep();
    is_int(consistent(), 0, "the databases fit together");
}


static void
test_time(void)
{
    uint64_t  id;

    shelf_of(NGX_ER_SHELF_NUMBERS, 3);
    shelf.id = 1;
    shelf.until = now + 1000;
    ngx_str_set(&shelf.value, "short");
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "put");

    shelf.id = 2;
    ngx_str_set(&shelf.value, "longer");
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "put");
    shelf.until = now + 5000;
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "for longer");

    now += 1000;
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("longer", "what is over is not given");
    shelf.id = 1;
    is_int(act(NGX_ER_SHELF_GET), NGX_DECLINED, "nor by its id");

    id = rows(NGX_ER_FILE_SHELF);
    (void) sweep();
    is_int(rows(NGX_ER_FILE_SHELF), id - 1, "and swept");
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("longer", "that alone");

    now += 4000;
    (void) sweep();
    is_int(rows(NGX_ER_FILE_SHELF), id - 3, "with the sum of all of them");
}


static void
test_bound(void)
{
    char        text[64];
    ngx_uint_t  i, all;

    all = 0;

    for (i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%02d", (int) i);
        all += put(NGX_ER_SHELF_QUARANTINE, 9, 0, text, 3 * (64 + 2)) != 0;
    }

    is_int(all, 100, "all are put");
    is_int(shelf.done, 1, "one goes for one");

    shelf_of(NGX_ER_SHELF_QUARANTINE, 9);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("97 98 99", "the oldest went");

    is_int(put(NGX_ER_SHELF_QUARANTINE, 9, 0, "larger than all", 70), 0,
           "what is larger than the bound is refused");
    shelf_of(NGX_ER_SHELF_QUARANTINE, 9);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("97 98 99", "and nothing goes for it");

    (void) put(NGX_ER_SHELF_QUARANTINE, 9, 0, "aa", 66);
    shelf_of(NGX_ER_SHELF_QUARANTINE, 9);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("aa", "a smaller bound");

    file->full = 1;
    is_int(put(NGX_ER_SHELF_QUARANTINE, 9, 0, "bb", 660), 0,
           "a full store has no room for it");
    ok(put(NGX_ER_SHELF_JOBS, 9, 0, "job", 0) != 0,
       "but for what has no bound");
    file->full = 0;

    shelf_of(NGX_ER_SHELF_QUARANTINE, 9);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("aa", "the old one stays");
}


/* what strangers send takes no room from events, and neither does what is left
   of it when it has gone */

static void
test_room(void)
{
    char        *text;
    size_t       len;
    uint64_t     seq, expiry;
    ngx_uint_t   i, all, few;

    len = 60000;
    text = malloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';

    expiry = rows(NGX_ER_FILE_EXPIRY);

    shelf_of(NGX_ER_SHELF_QUARANTINE, 11);
    shelf.until = now + HOUR;
    shelf.bound = 64 << 20;
    ngx_str_set(&shelf.value, "of another source");
    is_int(act(NGX_ER_SHELF_PUT), NGX_OK, "a request of one source");

    for (i = 0, all = 0; i < 300; i++) {
        shelf_of(NGX_ER_SHELF_QUARANTINE, 10);
        shelf.until = now + HOUR;
        shelf.bound = 64 << 20;
        shelf.value.data = (u_char *) text;
        shelf.value.len = len;
        all += (act(NGX_ER_SHELF_PUT) == NGX_OK);
    }

    is_int(all, 300, "and many of another");
    all = rows(NGX_ER_FILE_SHELF);
    ok(all > 50 && all < 80, "a fourth of the store at most: %d", (int) all);
    ok(rows(NGX_ER_FILE_EXPIRY) - expiry <= all, "what went left nothing");

    shelf_of(NGX_ER_SHELF_QUARANTINE, 11);
    is_int(act(NGX_ER_SHELF_LIST), NGX_OK, "list");
    values("of another source", "who is flooded harms nobody else");

    (void) sweep();
    is_int(file->full, 0, "the store is not full of it");
    ok(file->shelf > 2 << 20 && file->used < 1 << 20,
       "its pages count apart: %d of %d bytes", (int) file->shelf,
       (int) (file->used + file->shelf));

    for (i = 0; i < 100; i++) {
        if (accept_one(5, 0, 0, 100000, &seq) != NGX_OK) {
            break;
        }

    }

    is_int(i, 100, "events have their room");

    few = rows(NGX_ER_FILE_SHELF);
    ok(few < all, "the quarantine gave way: %d", (int) few);
    is_int(consistent(), 0, "the databases fit together");

    for (i = 0; i < 1000; i++) {
        if (accept_one(5, 0, 0, 10000, &seq) != NGX_OK) {
            break;
        }

    }

    ok(file->full, "until the store is full of them");
    is_int(consistent(), 0, "the databases fit together");

    free(text);
}


int
main(void)
{
    begin(16 << 20);

    test_rows();
    test_moves();
    test_time();
    test_bound();
    test_room();

    end();

    return done_testing();
}
