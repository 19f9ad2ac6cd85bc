
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The table of producers: every row must be something that the verifier, the
 * templates and the handshakes accept.  docs/producers.md must show all that a
 * row says, in three tables: "members" below has the members of a row, so that
 * a new one is asked for.
 * "presets --table" prints the tables for that page (t/bin/producers puts them
 * into it), "presets --rows" what t/presets.t needs of each row to sign as its
 * producer does.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/challenges.h"
#include "../../ngx_event_router_module/ingest/presets.h"
#include "../../ngx_event_router_module/ingest/presets_hmac.h"
#include "../../ngx_event_router_module/ingest/presets_keys.h"
#include "../../ngx_event_router_module/ingest/verify.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"
#include "../../ngx_event_router_module/ingest/verifier.h"


#define TEST_DOCS       "docs/producers.md"
#define TEST_DOCS_SIZE  262144

#define TEST_ECDSA                                                            \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwFVWUtwokxpX1TzEcDqge2j1bpNPBnMdq7D" \
    "RNPCAmnkyRgvPW+eHp1fKUHZoSGYOfgRnhFPuOqr9IIJ8uD97LA=="

#define TEST_EC                                                               \
    "-----BEGIN PUBLIC KEY-----\n"                                            \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwFVWUtwokxpX1TzEcDqge2j1bpNP\n"      \
    "BnMdq7DRNPCAmnkyRgvPW+eHp1fKUHZoSGYOfgRnhFPuOqr9IIJ8uD97LA==\n"          \
    "-----END PUBLIC KEY-----\n"

#define TEST_RSA                                                              \
    "-----BEGIN PUBLIC KEY-----\n"                                            \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAspsD/BhKCwXR0ZUgd4yJ\n"      \
    "I09ZUb4a39QI3JNmCw719fC5dSRtI4WzC/umFJFClhsrFxf9fXWVG/BEnIpk/zrD\n"      \
    "LDdNmCJHFodBQkXGV8CNyCrlYxkJeSWdaY03cazbNFcCUwJEtl4q/OsA78+mSY8H\n"      \
    "lnDU49xJFry7ZvRLLy/7iQidFJStNmU1uKqfZxmHA6u49P+lOwDTJJYEWp+tuE+c\n"      \
    "iT1fRtlZZnI69VuRsNO7d4bbSogEf36Dbor9Ypd8vr0RabWDAowajcjEnRponJSg\n"      \
    "Qkrl1r8POjL7kyCe+0bFxa57zhqBgg7oGbs7BKraS7fdcTcJTw57R7RFA5CgyUEs\n"      \
    "twIDAQAB\n"                                                              \
    "-----END PUBLIC KEY-----\n"


/*
 * The members of a row, one behind the other as in ngx_er_preset_t.  Where the
 * page shows them: under a heading of the third table, or, without one, in the
 * other two.
 */

typedef struct {
    const char            *name;
    size_t                 offset;
    size_t                 end;
    const char            *heading;
} member_t;

#define MEMBER(name, heading)                                                 \
    { #name, offsetof(ngx_er_preset_t, name),                                 \
      offsetof(ngx_er_preset_t, name)                                         \
      + sizeof(((ngx_er_preset_t *) NULL)->name), heading }

static member_t  members[] = {
    MEMBER(name, NULL),
    MEMBER(verify, NULL),
    MEMBER(key, "key"),
    MEMBER(signed_, NULL),
    MEMBER(signature, NULL),
    MEMBER(timestamp, NULL),
    MEMBER(body_digest, NULL),
    MEMBER(jwt, NULL),
    MEMBER(ports, NULL),
    MEMBER(id, NULL),
    MEMBER(type, NULL),
    MEMBER(subject, NULL),
    MEMBER(time, NULL),
    MEMBER(payload, "payload"),
    MEMBER(split, "split on"),
    MEMBER(max_batch, NULL),
    MEMBER(accept, "accept"),
    MEMBER(deadline, NULL),
    MEMBER(retries, NULL),
    MEMBER(window, NULL),
    MEMBER(max_size, NULL),
    MEMBER(answer, "answer")
};

/* and its flags, which have no address */

static ngx_er_preset_t  flags = {
    .bare = 1,
    .once = 1,
    .coarse = 1,
    .own_body = 1
};


static void test_members(void);
static void test_rows(void);
static ngx_uint_t test_table(ngx_er_preset_t *table);
static void test_row(ngx_er_preset_t *p);
static ngx_er_verify_t *test_verifier(ngx_pool_t *pool,
    ngx_er_fields_t *fields, ngx_er_preset_t *p, ngx_er_error_t *err);
static ngx_int_t test_param(ngx_pool_t *pool, ngx_er_verify_t *v,
    const char *name, const char *text, ngx_uint_t whole,
    ngx_er_error_t *err);
static void test_templates(ngx_pool_t *pool, ngx_er_fields_t *fields,
    ngx_er_preset_t *p, const char **list, const char *name);
static void test_timestamp(ngx_pool_t *pool, ngx_er_preset_t *p,
    ngx_er_verify_t *v);
static const char *test_secret(ngx_er_preset_t *p);
static void test_behaviour(void);
static void test_handshakes(void);
static void test_words(void);
static void test_docs(void);
static void test_table_shown(const char *docs);
static void table(void);
static void table_row(ngx_er_preset_t *p, u_char *buf, size_t size);
static void table_third_head(u_char *buf, size_t size);
static void table_third_row(ngx_er_preset_t *p, u_char *buf, size_t size);
static void table_age_row(ngx_er_preset_t *p, u_char *buf, size_t size);
static u_char *table_age(u_char *p, u_char *last, ngx_er_preset_t *preset);
static ngx_uint_t table_whole(ngx_er_preset_t *p);
static void rows(void);
static u_char *table_code(u_char *p, u_char *last, const char *text);
static u_char *table_list(u_char *p, u_char *last, const char **list);
static u_char *table_time(u_char *p, u_char *last, ngx_msec_t ms);
static u_char *table_handshake(u_char *p, u_char *last, const char *name);


int
main(int argc, char **argv)
{
    if (argc == 2 && ngx_strcmp(argv[1], "--table") == 0) {
        table();
        return 0;
    }

    if (argc == 2 && ngx_strcmp(argv[1], "--rows") == 0) {
        rows();
        return 0;
    }

    test_words();
    test_members();
    test_rows();
    test_behaviour();
    test_handshakes();
    test_docs();

    return done_testing();
}


static void
test_words(void)
{
    ngx_str_t    *w, name;
    ngx_pool_t   *pool;
    ngx_array_t   words;

    pool = ngx_er_test_pool();
    ngx_array_init(&words, pool, 1, sizeof(ngx_str_t));

    is_int(ngx_er_preset_words("  a  bc=d ", &words), NGX_OK, "words");
    is_int(words.nelts, 2, "blanks are no words");

    w = words.elts;
    is_str(&w[0], "a", "first word");
    is_str(&w[1], "bc=d", "second word");

    words.nelts = 0;
    is_int(ngx_er_preset_words("", &words), NGX_OK, "no words");
    is_int(words.nelts, 0, "none found");

    ngx_str_set(&name, "shopif");
    ok(ngx_er_preset_find(&name) == NULL, "a part of a name is no name");

    ngx_str_set(&name, "");
    ok(ngx_er_preset_find(&name) == NULL, "nor is nothing");

    ngx_str_set(&name, "shopif");
    ok(strcmp(ngx_er_preset_nearest(&name), "shopify") == 0,
       "a misspelt one of the first table");

    ngx_str_set(&name, "telnix");
    ok(strcmp(ngx_er_preset_nearest(&name), "telnyx") == 0,
       "and of the second");

    ngx_str_set(&name, "nobody-has-this-name");
    ok(ngx_er_preset_nearest(&name) == NULL, "none is near");

    ngx_destroy_pool(pool);
}


/*
 * No member is left out of the list, nor one of the flags that rows set.  What
 * to do: add it to the list and, with a heading or in one of the functions
 * below, to the page; t/bin/producers writes it.
 */

static void
test_members(void)
{
    size_t            at, first;
    ngx_uint_t        i;
    const u_char     *row, *known;
    ngx_er_preset_t  *p;

    at = 0;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        is_int(members[i].offset, at, "members[]: nothing before .%s",
               members[i].name);
        at = members[i].end;
    }

    /* the flags are one word, and the structure ends as pointers do */

    first = at;
    ok(sizeof(ngx_er_preset_t) - first <= sizeof(void *),
       "members[]: nothing behind the last one");

    known = (const u_char *) &flags;

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        row = (const u_char *) p;

        for (at = first; at < first + sizeof(unsigned); at++) {

            if (row[at] & ~known[at]) {
                break;
            }
        }

        ok(at == first + sizeof(unsigned), "%s: its flags are all known",
           p->name);
    }
}


static void
test_rows(void)
{
    size_t            n;
    ngx_str_t         name;
    ngx_uint_t        count;
    ngx_er_preset_t  *p;

    count = 0;

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        name.data = (u_char *) p->name;
        name.len = ngx_strlen(p->name);

        ok(ngx_er_preset_find(&name) == p, "%s: its name is its own",
           p->name);

        n = strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-");
        is_int(n, name.len, "%s: a plain name", p->name);

        count++;

        test_row(p);
    }

    is_int(count, test_table(ngx_er_presets_hmac)
                  + test_table(ngx_er_presets_keys),
           "those of both tables are met, each once");

    ok(count >= 50, "all producers are there");
    ok(count <= 256, "and there is room for their names");
}


/* how many rows it has */

static ngx_uint_t
test_table(ngx_er_preset_t *table)
{
    ngx_uint_t  n;

    for (n = 0; table[n].name; n++) {

        if (n) {
            ok(strcmp(table[n - 1].name, table[n].name) < 0,
               "%s: in its place", table[n].name);
        }
    }

    return n;
}


static void
test_row(ngx_er_preset_t *p)
{
    ngx_pool_t       *pool;
    ngx_er_error_t    err;
    ngx_er_verify_t  *v;
    ngx_er_fields_t  *fields;

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);

    test_templates(pool, fields, p, p->id, "id");
    test_templates(pool, fields, p, p->type, "type");
    test_templates(pool, fields, p, p->subject, "subject");
    test_templates(pool, fields, p, p->time, "time");

    /* Dropbox says twice the same of two changes: both must be told */

    ok(p->id[0] != NULL || p->own_body || ngx_strcmp(p->name, "dropbox") == 0,
       "%s: has an id", p->name);

    v = test_verifier(pool, fields, p, &err);

    ok(v != NULL, "%s: verifier: %.*s", p->name, (int) err.len, err.text);

    if (v) {
        test_timestamp(pool, p, v);
    }

    ngx_destroy_pool(pool);
}


/* "timestamp tolerance=1m;" beside a preset enforces the time, where it has */

static void
test_timestamp(ngx_pool_t *pool, ngx_er_preset_t *p, ngx_er_verify_t *v)
{
    ngx_er_error_t  err;

    if (v->timestamp.origins.nelts == 0) {
        return;
    }

    ngx_memzero(&err, sizeof(ngx_er_error_t));

    ok(test_param(pool, v, "timestamp", "tolerance=60s", 0, &err) == NGX_OK
       && ngx_er_verify_init(v, &err) == NGX_OK
       && v->timestamp.origins.nelts && v->timestamp.tolerance == 60
       && v->timestamp.future == 60,
       "%s: its time can be enforced: %.*s", p->name, (int) err.len,
       err.text);
}


/* as source_conf.c makes it; NULL: refused, err says why */

static ngx_er_verify_t *
test_verifier(ngx_pool_t *pool, ngx_er_fields_t *fields, ngx_er_preset_t *p,
    ngx_er_error_t *err)
{
    ngx_str_t         words[NGX_ER_PRESET_ALTERNATIVES + 1];
    ngx_uint_t        i, secret;
    ngx_er_verify_t  *v;

    ngx_memzero(err, sizeof(ngx_er_error_t));
    v = ngx_er_verify_create(pool, fields);

    ngx_str_set(&words[0], "id");

    for (i = 0; i < NGX_ER_PRESET_ALTERNATIVES && p->id[i]; i++) {
        words[i + 1].data = (u_char *) p->id[i];
        words[i + 1].len = ngx_strlen(p->id[i]);
    }

    if (test_param(pool, v, "verify", p->verify, 0, err) != NGX_OK
        || test_param(pool, v, "key", p->key, 0, err) != NGX_OK
        || test_param(pool, v, "signed", p->signed_, 1, err) != NGX_OK
        || test_param(pool, v, "signature", p->signature, 0, err) != NGX_OK
        || test_param(pool, v, "timestamp", p->timestamp, 0, err) != NGX_OK
        || test_param(pool, v, "body_digest", p->body_digest, 0, err)
           != NGX_OK
        || test_param(pool, v, "jwt", p->jwt, 0, err) != NGX_OK
        || test_param(pool, v, "ports", p->ports, 0, err) != NGX_OK
        || (i && ngx_er_verify_set(v, words, i + 1, &secret, err) != NGX_OK))
    {
        return NULL;
    }

    ngx_str_set(&words[0], "secret");
    words[1].data = (u_char *) test_secret(p);
    words[1].len = ngx_strlen(words[1].data);

    if (ngx_er_verify_set(v, words, 2, &secret, err) != NGX_OK
        || ngx_er_verify_init(v, err) != NGX_OK)
    {
        return NULL;
    }

    return v;
}


static ngx_int_t
test_param(ngx_pool_t *pool, ngx_er_verify_t *v, const char *name,
    const char *text, ngx_uint_t whole, ngx_er_error_t *err)
{
    ngx_str_t    *word;
    ngx_uint_t    secret;
    ngx_array_t   words;

    if (text == NULL) {
        return NGX_OK;
    }

    ngx_array_init(&words, pool, 8, sizeof(ngx_str_t));

    word = ngx_array_push(&words);
    word->data = (u_char *) name;
    word->len = ngx_strlen(name);

    if (whole) {
        word = ngx_array_push(&words);
        word->data = (u_char *) text;
        word->len = ngx_strlen(text);

    } else {
        ngx_er_preset_words(text, &words);
    }

    return ngx_er_verify_set(v, words.elts, words.nelts, &secret, err);
}


static void
test_templates(ngx_pool_t *pool, ngx_er_fields_t *fields, ngx_er_preset_t *p,
    const char **list, const char *name)
{
    ngx_str_t           text;
    ngx_uint_t          i;
    ngx_er_error_t      err;
    ngx_er_template_t  *template;

    for (i = 0; i < NGX_ER_PRESET_ALTERNATIVES && list[i]; i++) {

        text.data = (u_char *) list[i];
        text.len = ngx_strlen(list[i]);

        ngx_memzero(&err, sizeof(ngx_er_error_t));

        ok(ngx_er_template_compile(pool, &text, fields, &template, &err)
           == NGX_OK,
           "%s: %s %s%.*s", p->name, name, list[i], (int) err.len, err.text);
    }
}


/* something that the row's "key" can read */

static const char *
test_secret(ngx_er_preset_t *p)
{
    if (ngx_strcmp(p->verify, "ed25519") == 0) {

        return ngx_strncmp(p->key, "hex", 3) == 0
               ? "d75a980182b10ab7d54bfed3c964073a"
                 "0ee172f3daa62325af021a68f707511a"
               : "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    }

    if (p->key && ngx_strncmp(p->key, "pem", 3) == 0) {
        return p->jwt && ngx_strstr(p->jwt, "ES256") ? TEST_EC : TEST_RSA;
    }

    if (p->key && ngx_strncmp(p->key, "spki", 4) == 0) {
        return TEST_ECDSA;
    }

    if (ngx_strcmp(p->verify, "basic") == 0) {
        return "user:password";
    }

    if (p->key && ngx_strncmp(p->key, "base64", 6) == 0) {
        return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    }

    return "44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056";
}


/*
 * A window covers the retries, where there are any, with an hour to spare; no
 * deadline is absurd.
 */

static void
test_behaviour(void)
{
    ngx_msec_t        window;
    ngx_er_preset_t  *p;

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        window = p->window ? p->window : NGX_ER_WINDOW;

        ok(p->once || window >= p->retries + 3600000,
           "%s: window covers the retries", p->name);
        ok(p->deadline <= NGX_ER_DEADLINE, "%s: deadline", p->name);
        ok(!(p->once && p->retries), "%s: once or retries", p->name);
    }
}


static void
test_handshakes(void)
{
    ngx_str_t                   name;
    ngx_er_preset_handshake_t  *h;

    for (h = ngx_er_preset_handshakes; h->preset; h++) {
        name.data = (u_char *) h->preset;
        name.len = ngx_strlen(h->preset);

        ok(ngx_er_preset_find(&name) != NULL, "%s: handshake has a preset",
           h->preset);
        ok((h->status >= 200 && h->status < 300)
           || (h->status == 400 && h->type == NULL), "%s: status", h->preset);
        ok(h->deny == 0 || h->deny >= 400, "%s: deny", h->preset);
        ok(h->match || ngx_strcmp(h->method, "POST") != 0,
           "%s: a POST must say more to be a challenge", h->preset);
        ok((h->body == NULL) == (h->type == NULL), "%s: a body has a type",
           h->preset);
    }
}


static void
test_docs(void)
{
    FILE         *f;
    size_t        n;
    static char   docs[TEST_DOCS_SIZE];

    f = fopen(TEST_DOCS, "r");

    if (f == NULL) {
        diag("no " TEST_DOCS " here, not compared");
        return;
    }

    n = fread(docs, 1, sizeof(docs) - 1, f);
    docs[n] = '\0';
    fclose(f);

    test_table_shown(docs);
}


static void
test_table_shown(const char *docs)
{
    u_char            buf[4096];
    ngx_er_preset_t  *p;

    table_third_head(buf, sizeof(buf));

    ok(strstr(docs, (char *) buf) != NULL, TEST_DOCS " has these headings: "
       "t/bin/producers writes them: %s", (char *) buf);

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        table_row(p, buf, sizeof(buf));

        ok(strstr(docs, (char *) buf) != NULL, "%s: " TEST_DOCS " shows it",
           p->name);

        table_age_row(p, buf, sizeof(buf));

        ok(strstr(docs, (char *) buf) != NULL, "%s: and how old its signature "
           "may be", p->name);

        table_third_row(p, buf, sizeof(buf));

        ok(strstr(docs, (char *) buf) != NULL, "%s: and what it takes",
           p->name);
    }
}


static void
table(void)
{
    u_char            buf[4096];
    ngx_er_preset_t  *p;

    printf("| preset | verified by | `id` | told apart by | `type` | "
           "deadline | dedup window | max_size | handshake |\n"
           "|---|---|---|---|---|---|---|---|---|\n");

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        table_row(p, buf, sizeof(buf));
        printf("%s\n", buf);
    }

    printf("\n| preset | `subject` | `time` | age of a signature |\n"
           "|---|---|---|---|\n");

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        table_age_row(p, buf, sizeof(buf));
        printf("%s", buf);
    }

    table_third_head(buf, sizeof(buf));
    printf("\n%s", buf);

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        table_third_row(p, buf, sizeof(buf));
        printf("%s", buf);
    }
}


static void
table_row(ngx_er_preset_t *p, u_char *buf, size_t size)
{
    u_char  *last;

    last = buf + size - 1;

    buf = ngx_slprintf(buf, last, "| `%s` | `%s`", p->name, p->verify);

    if (p->signed_) {
        buf = ngx_slprintf(buf, last, " of ");
        buf = table_code(buf, last, p->signed_);
    }

    if (p->signature) {
        buf = ngx_slprintf(buf, last, " in ");
        buf = table_code(buf, last, p->signature);
    }

    if (p->jwt) {
        buf = ngx_slprintf(buf, last, ", ");
        buf = table_code(buf, last, p->jwt);
    }

    if (p->body_digest) {
        buf = ngx_slprintf(buf, last, ", the body by ");
        buf = table_code(buf, last, p->body_digest);
    }

    if (p->ports) {
        buf = ngx_slprintf(buf, last, ", `ports %s`", p->ports);
    }

    buf = ngx_slprintf(buf, last, " | ");
    buf = table_list(buf, last, p->id);
    buf = ngx_slprintf(buf, last, " | %s | ",
                       p->id[0] == NULL ? (p->own_body ? "body" : "nothing")
                       : table_whole(p) ? "`id`" : "`id` and body");
    buf = table_list(buf, last, p->type);
    buf = ngx_slprintf(buf, last, " | ");
    buf = table_time(buf, last, p->deadline ? p->deadline : NGX_ER_DEADLINE);
    buf = ngx_slprintf(buf, last, " | ");
    buf = table_time(buf, last, p->window ? p->window : NGX_ER_WINDOW);
    buf = ngx_slprintf(buf, last, " | %uzm | ",
                       (p->max_size ? p->max_size : NGX_ER_MAX_SIZE)
                       / (1024 * 1024));
    buf = table_handshake(buf, last, p->name);
    buf = ngx_slprintf(buf, last, " |");

    *buf = '\0';
}


static void
table_third_head(u_char *buf, size_t size)
{
    u_char      *last;
    ngx_uint_t   i, n;

    last = buf + size - 1;
    n = 1;

    buf = ngx_slprintf(buf, last, "| preset |");

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].heading) {
            buf = ngx_slprintf(buf, last, " `%s` |", members[i].heading);
            n++;
        }
    }

    buf = ngx_slprintf(buf, last, "\n|");

    while (n--) {
        buf = ngx_slprintf(buf, last, "---|");
    }

    buf = ngx_slprintf(buf, last, "\n");

    *buf = '\0';
}


/* "JSON" is what most take */

static void
table_third_row(ngx_er_preset_t *p, u_char *buf, size_t size)
{
    u_char      *last;
    ngx_uint_t   i;
    const char  *text;

    last = buf + size - 1;

    buf = ngx_slprintf(buf, last, "| `%s` |", p->name);

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        if (members[i].heading == NULL) {
            continue;
        }

        text = *(const char **) ((u_char *) p + members[i].offset);

        buf = ngx_slprintf(buf, last, " ");

        if (text) {
            buf = table_code(buf, last, text);
            buf = ngx_slprintf(buf, last, " ");

        } else if (members[i].offset == offsetof(ngx_er_preset_t, accept)) {
            buf = ngx_slprintf(buf, last, "JSON ");
        }

        if (members[i].offset == offsetof(ngx_er_preset_t, split)
            && p->max_batch)
        {
            buf = ngx_slprintf(buf, last, "(%ui at most) ", p->max_batch);
        }

        if (members[i].offset == offsetof(ngx_er_preset_t, answer)
            && p->bare)
        {
            buf = ngx_slprintf(buf, last, "`refusal empty` ");
        }

        buf = ngx_slprintf(buf, last, "|");
    }

    buf = ngx_slprintf(buf, last, "\n");

    *buf = '\0';
}


static void
table_age_row(ngx_er_preset_t *p, u_char *buf, size_t size)
{
    u_char  *last;

    last = buf + size - 1;

    buf = ngx_slprintf(buf, last, "| `%s` | ", p->name);
    buf = table_list(buf, last, p->subject);
    buf = ngx_slprintf(buf, last, " | ");
    buf = table_list(buf, last, p->time);
    buf = ngx_slprintf(buf, last, " | ");
    buf = table_age(buf, last, p);
    buf = ngx_slprintf(buf, last, " |\n");

    *buf = '\0';
}


/* as the verifier has it; nothing: its producer signs no time of sending */

static u_char *
table_age(u_char *p, u_char *last, ngx_er_preset_t *preset)
{
    ngx_pool_t       *pool;
    ngx_er_error_t    err;
    ngx_er_verify_t  *v;

    pool = ngx_er_test_pool();
    v = test_verifier(pool, ngx_er_fields_create(pool), preset, &err);

    if (v == NULL) {
        p = ngx_slprintf(p, last, "no verifier");

    } else if (ngx_strcmp(preset->verify, "jwt") == 0) {
        p = ngx_slprintf(p, last, "until `exp`");

        if (v->jwt.expires) {
            p = ngx_slprintf(p, last, ", else ");
            p = table_time(p, last, v->jwt.expires * 1000);
            p = ngx_slprintf(p, last, " from `iat`");
        }

        if (v->jwt.max_age) {
            p = ngx_slprintf(p, last, ", at most ");
            p = table_time(p, last, v->jwt.max_age * 1000);
            p = ngx_slprintf(p, last, " from `iat`");
        }

        p = ngx_slprintf(p, last, "; leeway ");
        p = table_time(p, last, v->jwt.leeway * 1000);

    } else if (v->timestamp.origins.nelts && v->timestamp.tolerance == 0) {
        p = ngx_slprintf(p, last, "not enforced");

    } else if (v->timestamp.origins.nelts) {
        p = table_time(p, last, v->timestamp.tolerance * 1000);

        if (v->timestamp.future != v->timestamp.tolerance) {
            p = ngx_slprintf(p, last, ", ahead ");
            p = table_time(p, last, v->timestamp.future * 1000);
        }
    }

    ngx_destroy_pool(pool);

    return p;
}


/* the id alone: it is signed, and no other event has it */

static ngx_uint_t
table_whole(ngx_er_preset_t *p)
{
    ngx_str_t           text;
    ngx_uint_t          i, whole;
    ngx_pool_t         *pool;
    ngx_er_error_t      err;
    ngx_er_fields_t    *fields;
    ngx_er_verify_t    *v;
    ngx_er_template_t  *t;

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);
    v = test_verifier(pool, fields, p, &err);
    whole = !p->coarse;

    for (i = 0; v && i < NGX_ER_PRESET_ALTERNATIVES && p->id[i]; i++) {
        text.data = (u_char *) p->id[i];
        text.len = ngx_strlen(p->id[i]);

        if (ngx_er_template_compile(pool, &text, fields, &t, &err) != NGX_OK
            || !ngx_er_verify_covers(v, t))
        {
            whole = 0;
        }
    }

    ngx_destroy_pool(pool);

    return whole;
}


/* in Markdown's tables a bar ends the cell, in code too */

static u_char *
table_code(u_char *p, u_char *last, const char *text)
{
    p = ngx_slprintf(p, last, "`");

    for ( /* void */ ; *text; text++) {
        p = (*text == '\n') ? ngx_slprintf(p, last, "\\n")
            : (*text == '|') ? ngx_slprintf(p, last, "\\|")
                             : ngx_slprintf(p, last, "%c", *text);
    }

    return ngx_slprintf(p, last, "`");
}


static u_char *
table_list(u_char *p, u_char *last, const char **list)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_PRESET_ALTERNATIVES && list[i]; i++) {
        p = ngx_slprintf(p, last, "%s", i ? " or " : "");
        p = table_code(p, last, list[i]);
    }

    return p;
}


static u_char *
table_time(u_char *p, u_char *last, ngx_msec_t ms)
{
    if (ms % 3600000 == 0) {
        return ngx_slprintf(p, last, "%Mh", ms / 3600000);
    }

    if (ms % 1000 == 0) {
        return ngx_slprintf(p, last, "%Ms", ms / 1000);
    }

    return ngx_slprintf(p, last, "%Mms", ms);
}


static u_char *
table_handshake(u_char *p, u_char *last, const char *name)
{
    ngx_uint_t                  more;
    ngx_er_preset_handshake_t  *h;

    more = 0;

    for (h = ngx_er_preset_handshakes; h->preset; h++) {

        if (ngx_strcmp(h->preset, name) != 0 || h->status >= 300) {
            continue;
        }

        p = ngx_slprintf(p, last, "%s%s%s", more ? "; " : "", h->method,
                         h->signed_ ? ", signed" : "");
        more = 1;
    }

    return p;
}


/* a line a row: what its producer signs, separated by tabs */

static void
rows(void)
{
    ngx_uint_t        i;
    const char       *text;
    ngx_er_preset_t  *p;

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {
        const char  *members[] = {
            p->name, p->verify, p->key, p->signed_, p->signature,
            p->timestamp, p->body_digest, p->jwt, p->accept
        };

        for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            printf("%s", i ? "\t" : "");

            for (text = members[i] ? members[i] : ""; *text; text++) {
                if (*text == '\n') {
                    printf("\\n");

                } else {
                    printf("%c", *text);
                }
            }
        }

        printf("\n");
    }
}
