
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sealed texts: opened where they belong, and nowhere else; each byte that is
 * changed is noticed; a key is found again after others were put before it.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/crypto.h"


#define RECORDS  10000


static ngx_pool_t  *pool;


static ngx_er_safe_t *
keys(const char *text)
{
    ngx_str_t        s;
    ngx_er_safe_t   *safe;
    ngx_er_error_t   err;

    s.data = (u_char *) text;
    s.len = strlen(text);

    err.len = 0;

    if (ngx_er_safe_create(pool, &s, &safe, &err) != NGX_OK) {
        diag("%.*s", (int) err.len, (char *) err.text);
        return NULL;
    }

    return safe;
}


static void
wrong(const char *text, const char *expected)
{
    ngx_str_t        s;
    ngx_er_safe_t   *safe;
    ngx_er_error_t   err;

    s.data = (u_char *) text;
    s.len = strlen(text);

    is_int(ngx_er_safe_create(pool, &s, &safe, &err), NGX_ERROR, "%s",
           expected);

    err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';

    ok(strstr((char *) err.text, expected) != NULL, "and says so: %s",
       (char *) err.text);
    ok(text[0] == '\0' || strstr((char *) err.text, "AAAAAAAA") == NULL,
       "without the key");
}


#define ONE  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TWO  "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdef"


static void
test_keys(void)
{
    ngx_er_safe_t  *safe;

    safe = keys("# keys\n\n" ONE "\r\n" TWO "  \n");
    ok(safe != NULL, "base64 and hex, with a comment and blanks");
    is_int(ngx_er_safe_count(safe), 2, "two keys");

    safe = keys(ONE);
    ok(safe != NULL, "no newline at the end");

    wrong("", "there is no key in it");
    wrong("# nothing\n\n", "there is no key in it");
    wrong("AAAAAAAAAAAAAAAAAAAAAA==\n", "line 1 is no key of 32 bytes");
    wrong(ONE "\nAAAAAAAA!\n", "line 2 is no key of 32 bytes");
    wrong(ONE ONE "\n", "line 1 is no key of 32 bytes");
    wrong(ONE "\n\n" ONE "\n", "the key of line 3 is there twice");
}


static void
test_places(void)
{
    u_char               a[200], b[200];
    uint64_t             i;
    ngx_str_t            in, out, text;
    ngx_er_safe_t       *one, *two, *both;
    ngx_er_safe_place_t  place, other;

    one = keys(ONE);
    two = keys(TWO);
    both = keys(TWO "\n" ONE "\n");

    ngx_memzero(&place, sizeof(place));
    place.kind = 'r';
    place.number[0] = 5;

    ngx_str_set(&text, "what was kept");
    in.data = a;
    in.len = text.len + NGX_ER_SAFE_MORE;
    out.data = b;

    is_int(ngx_er_safe_seal(one, &place, &text, a), NGX_OK, "sealed");
    ok(memmem(a, in.len, "kept", 4) == NULL, "it cannot be read");
    is_int(ngx_er_safe_open(one, &place, &in, &out), NGX_OK, "opened");
    is_str(&out, "what was kept", "the text");

    is_int(ngx_er_safe_open(two, &place, &in, &out), NGX_BUSY, "another key");
    is_int(ngx_er_safe_open(NULL, &place, &in, &out), NGX_BUSY, "no keys");
    is_int(ngx_er_safe_open(both, &place, &in, &out), NGX_OK,
           "a key that is not the first one any more");
    ok(ngx_er_safe_key(&in) == ngx_er_safe_first(one), "it says which key");
    is_int(ngx_er_safe_has(both, ngx_er_safe_key(&in)), 2,
           "that is there, the second one");
    is_int(ngx_er_safe_has(two, ngx_er_safe_key(&in)), 0, "or not");

    for (i = 0; i < 3; i++) {
        other = place;
        other.number[i]++;
        is_int(ngx_er_safe_open(one, &other, &in, &out), NGX_ABORT,
               "another number %d", (int) i);
        is_int(out.len, 0, "gives nothing");
    }

    other = place;
    other.kind = 's';
    is_int(ngx_er_safe_open(one, &other, &in, &out), NGX_ABORT,
           "another kind");

    is_int(ngx_er_safe_open(one, &place, &text, &out), NGX_DECLINED,
           "what is not sealed");

    text.len = 0;
    in.len = NGX_ER_SAFE_MORE;
    is_int(ngx_er_safe_seal(one, &place, &text, a), NGX_OK, "nothing, sealed");
    is_int(ngx_er_safe_open(one, &place, &in, &out), NGX_OK, "opened");
    is_int(out.len, 0, "nothing");
}


/* of each byte another bit in each record */

static void
test_bytes(void)
{
    u_char               text[64], kept[64 + NGX_ER_SAFE_MORE];
    u_char               opened[64 + NGX_ER_SAFE_MORE];
    ngx_int_t            rc;
    ngx_str_t            plain, in, out;
    ngx_uint_t           i, n, wrong, lost;
    ngx_er_safe_t       *safe;
    ngx_er_safe_place_t  place;

    safe = keys(ONE);
    ngx_memzero(&place, sizeof(place));
    place.kind = 'r';
    wrong = 0;
    lost = 0;

    for (i = 0; i < RECORDS; i++) {
        plain.data = text;
        plain.len = 1 + i % 24;
        ngx_memset(text, (int) i, sizeof(text));
        place.number[0] = i;

        in.data = kept;
        in.len = plain.len + NGX_ER_SAFE_MORE;
        out.data = opened;

        (void) ngx_er_safe_seal(safe, &place, &plain, kept);

        lost += (ngx_er_safe_open(safe, &place, &in, &out) != NGX_OK
                 || out.len != plain.len
                 || ngx_memcmp(opened, text, out.len) != 0);

        for (n = 0; n < in.len; n++) {
            kept[n] ^= 1 << (i + n) % 8;

            rc = ngx_er_safe_open(safe, &place, &in, &out);
            wrong += (rc == NGX_OK);

            kept[n] ^= 1 << (i + n) % 8;
        }

        in.len--;
        wrong += (ngx_er_safe_open(safe, &place, &in, &out) == NGX_OK);
    }

    is_int(lost, 0, "each of %d records is opened", RECORDS);
    is_int(wrong, 0, "none with a byte that was changed, or cut off");
}


/* no two records are sealed with the same key and number, also by another
   process that has the keys since a fork: what is the same looks different */

#define ROOM  64                       /* bytes of a record */


static void
test_numbers(void)
{
    int                  fd[2];
    pid_t                pid;
    u_char               kept[6 * ROOM];
    ngx_str_t            text;
    ngx_uint_t           i, n, same;
    ngx_er_safe_t       *safe;
    ngx_er_safe_place_t  place;

    safe = keys(ONE);
    ngx_memzero(&place, sizeof(place));
    ngx_memzero(kept, sizeof(kept));
    ngx_str_set(&text, "the same");

    (void) ngx_er_safe_seal(safe, &place, &text, kept);

    is_int(pipe(fd), 0, "a pipe");

    pid = fork();

    if (pid == 0) {

        for (i = 3; i < 6; i++) {
            (void) ngx_er_safe_seal(safe, &place, &text, &kept[i * ROOM]);
        }

        _exit(write(fd[1], &kept[3 * ROOM], 3 * ROOM) < 0);
    }

    for (i = 1; i < 3; i++) {
        (void) ngx_er_safe_seal(safe, &place, &text, &kept[i * ROOM]);
    }

    is_int(read(fd[0], &kept[3 * ROOM], 3 * ROOM), 3 * ROOM,
           "what another process has sealed");
    (void) waitpid(pid, NULL, 0);
    (void) close(fd[0]);
    (void) close(fd[1]);

    same = 0;

    for (i = 0; i < 6; i++) {
        for (n = i + 1; n < 6; n++) {
            same += (ngx_memcmp(&kept[i * ROOM + NGX_ER_SAFE_HEAD],
                                &kept[n * ROOM + NGX_ER_SAFE_HEAD], text.len)
                     == 0);
        }
    }

    is_int(same, 0, "none is as another one");
}


static void
test_hash(void)
{
    u_char          a[NGX_ER_SAFE_HASH], b[NGX_ER_SAFE_HASH];
    ngx_str_t       text;
    ngx_er_safe_t  *one, *both;

    one = keys(ONE);
    both = keys(TWO "\n" ONE "\n");

    ngx_str_set(&text, "order-4711");

    ngx_er_safe_hash(one, 0, &text, a);
    ngx_er_safe_hash(both, 1, &text, b);
    is_mem(a, b, NGX_ER_SAFE_HASH, "the hash of a key stays");
    ngx_er_safe_hash(both, 0, &text, b);
    ok(memcmp(a, b, NGX_ER_SAFE_HASH) != 0, "another key has another one");
}


int
main(void)
{
    ngx_er_safe_init(ngx_er_crypto_safe());

    pool = ngx_er_test_pool();

    test_keys();
    test_places();
    test_bytes();
    test_numbers();
    test_hash();

    ngx_destroy_pool(pool);

    return done_testing();
}
