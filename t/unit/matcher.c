
/*
 * Copyright (C) Event Router contributors
 */


/*
 * route/matcher.c: order, last, fallback, what the index leaves out; against
 * plain evaluation for random rules and events; and what 20,000 rules cost.
 */


#include "rules.h"
#include "../../ngx_event_router_module/route/condition_eval.h"
#include "../../ngx_event_router_module/route/index.h"
#include "../../ngx_event_router_module/route/matcher.h"


#define RULES_MAX  40
#define MOST       600
#define TEXTS      (1 << 18)           /* 16 pairs of them have one hash */


typedef struct {
    const char  *condition;        /* NULL: always */
    const char  *flags;            /* "l"ast, "f"allback */
} rule_t;


typedef struct {
    const char  *what;
    rule_t       rules[8];
    const char  *event;
    const char  *matched;          /* "0 2" */
} case_t;


static void test_cases(void);
static void test_random(void);
static void test_many(void);
static void test_large(void);
static void test_most(void);
static ngx_uint_t expected_most(ngx_er_condition_t **conditions,
    ngx_er_facts_t *facts, ngx_uint_t last, ngx_uint_t *ids);
static void test_hostile(void);
static void test_collision(void);
static uint32_t hash_of(ngx_er_condition_t *condition, const char *text);
static void test_unreadable(void);
static void test_memory(void);
static void test_lookup_memory(void);
static void random_rule(unsigned *seed, char *text);
static void plain(rule_t *rule, ngx_er_condition_t **conditions, ngx_uint_t n,
    ngx_er_facts_t *facts, char *out);
static void match(ngx_er_matcher_t *m, ngx_er_facts_t *facts, char *out);


static case_t  cases[] = {

    { "no rules", { { NULL, NULL } }, "{}", "" },

    { "in their order",
      { { "when data.a = 1;", "" },
        { "when data.b = x;", "" },
        { "when data.a > 0;", "" },
        { NULL, "" } },
      "{\"a\":1,\"b\":\"x\"}", "0 1 2 3" },

    { "some",
      { { "when data.a = 2;", "" },
        { "when data.b = x y;", "" },
        { "when data.a < 0;", "" },
        { "when data.b != x;", "" } },
      "{\"a\":1,\"b\":\"y\"}", "1 3" },

    { "last stops if it matched",
      { { "when data.a = 1;", "" },
        { "when data.a = 1;", "l" },
        { "when data.a = 1;", "" } },
      "{\"a\":1}", "0 1" },

    { "last does not stop if it did not match",
      { { "when data.a = 1;", "" },
        { "when data.a = 2;", "l" },
        { "when data.a = 1;", "" } },
      "{\"a\":1}", "0 2" },

    { "a fallback beside a match",
      { { NULL, "f" },
        { "when data.a = 1;", "" } },
      "{\"a\":1}", "1" },

    { "a fallback alone",
      { { NULL, "f" },
        { "when data.a = 1;", "" } },
      "{\"a\":2}", "0" },

    { "several fallbacks",
      { { "when data.a = 2;", "f" },
        { "when data.a = 1;", "" },
        { "when data.a = 3;", "f" },
        { NULL, "f" } },
      "{\"a\":2}", "0 3" },

    { "a last fallback",
      { { "when data.a = 2;", "fl" },
        { NULL, "f" } },
      "{\"a\":2}", "0" },

    { "a copy does not count for a fallback",
      { { NULL, "c" },
        { "when data.a = 1;", "" },
        { NULL, "f" } },
      "{\"a\":2}", "0 2" },

    { "a copy behind a fallback",
      { { NULL, "f" },
        { "when data.a = 2;", "c" } },
      "{\"a\":2}", "0 1" },

    { "a fallback beside a match and a copy",
      { { NULL, "c" },
        { "when data.a = 1;", "" },
        { NULL, "f" } },
      "{\"a\":1}", "0 1" },

    { "a copy that does not match",
      { { "when data.a = 1;", "c" },
        { NULL, "f" } },
      "{\"a\":2}", "1" },

    { "a copy behind a last",
      { { NULL, "l" },
        { NULL, "c" },
        { NULL, "f" } },
      "{\"a\":2}", "0" },

    { "numbers however they are written",
      { { "when data.a = 5;", "" },
        { "when data.a = 5.0;", "" },
        { "when data.a = 0.5e1;", "" },
        { "when data.a = 50;", "" } },
      "{\"a\":5.00}", "0 1 2" },

    { "a string that is a number is text",
      { { "when data.a = 5;", "" },
        { "when data.a = 5.0;", "" } },
      "{\"a\":\"5\"}", "0" },

    { "true, false and null",
      { { "when data.a = true;", "" },
        { "when data.a = false;", "" },
        { "when data.a = null;", "" } },
      "{\"a\":[true,null]}", "0 2" },

    { "one rule by several values, once",
      { { "when data.a = x y z;", "" },
        { "when data.a = x x;", "" } },
      "{\"a\":[\"x\",\"y\",\"x\",\"z\"]}", "0 1" },

    { "has_all is filed under one of its values",
      { { "when data.a has_all x y;", "" },
        { "when data.a has_all x q;", "" } },
      "{\"a\":[\"y\",\"x\"]}", "0" },

    { "an each by what it asks of an element",
      { { "each data.i { when .s = x; when .n > 1; }", "" },
        { "each data.i { when .s = y; when .n > 1; }", "" } },
      "{\"i\":[{\"s\":\"x\",\"n\":1},{\"s\":\"y\",\"n\":2}]}", "1" },

    { "an any is no test that must hold",
      { { "any { when data.a = 1; when data.b = 1; }", "" },
        { "none { when data.a = 1; }", "" },
        { "when data.a not = 1;", "" } },
      "{\"b\":1}", "0 1 2" },

    { "the empty string",
      { { "when data.a = '';", "" } },
      "{\"a\":\"\"}", "0" },

    { "containers have no text",
      { { "when data.a = [];", "" },
        { "when data.a = '{}';", "" } },
      "{\"a\":[]}", "" },

    { "networks of all bits",
      { { "when data.a cidr 10.1.2.3;", "" },
        { "when data.a cidr ::1;", "" },
        { "when data.a cidr 10.1.2.2;", "" },
        { "when data.a cidr ::2;", "" } },
      "{\"a\":[\"10.1.2.3\",\"::1\"]}", "0 1" },

    { "networks of no bits",
      { { "when data.a cidr 0.0.0.0/0;", "" },
        { "when data.a cidr ::/0;", "" },
        { "when data.a cidr 0.0.0.0/1;", "" } },
      "{\"a\":\"200.1.2.3\"}", "0" },

    { "an address of IPv4 in IPv6",
      { { "when data.a cidr 10.1.2.0/24;", "" },
        { "when data.a cidr ::ffff:10.1.2.3;", "" },
        { "when data.a cidr 10.1.3.0/24;", "" } },
      "{\"a\":\"::ffff:10.1.2.3\"}", "0 1" },

    { "which is another than one that only ends alike",
      { { "when data.a cidr 10.1.2.0/24;", "" },
        { "when data.a cidr ::10.1.2.3;", "" } },
      "{\"a\":\"::10.1.2.3\"}", "1" },

    { "the highest of several numbers comes first",
      { { "when data.a > 50;", "" },
        { "when data.a > 200;", "" } },
      "{\"a\":[100,1]}", "0" },

    { "and last",
      { { "when data.a > 50;", "" },
        { "when data.a < 50;", "" } },
      "{\"a\":[60,70,100]}", "0" },

    { "the lowest of several numbers comes first",
      { { "when data.a < 50;", "" },
        { "when data.a < 0;", "" } },
      "{\"a\":[1,100,90]}", "0" },

    { "the widest of three intervals is the last",
      { { "when data.a between 1 2;", "" },
        { "when data.a between 3 4;", "" },
        { "when data.a between 5 100;", "" } },
      "{\"a\":50}", "2" },

    { "the widest of three intervals is the first",
      { { "when data.a between 1 100;", "" },
        { "when data.a between 3 4;", "" },
        { "when data.a between 5 6;", "" } },
      "{\"a\":50}", "0" },

    { "numbers beyond what binary floating point has",
      { { "when data.a < -1e400;", "" },
        { "when data.a > -1e400;", "" },
        { "when data.a between -1e600 -1e400;", "" },
        { "when data.a < -1e500;", "" } },
      "{\"a\":-1e450}", "0 2" },
};


int
main(void)
{
    test_cases();
    test_random();
    test_many();
    test_large();
    test_most();
    test_hostile();
    test_collision();
    test_unreadable();
    test_memory();
    test_lookup_memory();

    return done_testing();
}


static void
test_cases(void)
{
    char                 got[64];
    rule_t              *rule;
    rules_t              rules;
    ngx_uint_t           i, n;
    ngx_er_error_t       err;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *condition;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rules_create(&rules);
        m = ngx_er_matcher_create(rules.pool, rules.fields, 0);

        for (n = 0; n < 8; n++) {
            rule = &cases[i].rules[n];

            if (rule->flags == NULL) {
                break;
            }

            condition = rule->condition ? rules_read(&rules, rule->condition)
                                        : NULL;

            (void) ngx_er_matcher_add(m, n, condition,
                                      strchr(rule->flags, 'l') != NULL,
                                      strchr(rule->flags, 'f') != NULL,
                                      strchr(rule->flags, 'c') != NULL);
        }

        (void) ngx_er_matcher_compile(m, &err);
        facts = rules_event(&rules, cases[i].event);

        match(m, facts, got);

        if (!ok(strcmp(got, cases[i].matched) == 0, "%s", cases[i].what)) {
            diag("got \"%s\", expected \"%s\"", got, cases[i].matched);
        }

        rules_destroy(&rules);
    }
}


static void
test_random(void)
{
    char                 texts[RULES_MAX][256], json[512], *p;
    char                 got[256], want[256];
    rule_t               rule[RULES_MAX];
    rules_t              rules;
    unsigned             seed;
    ngx_uint_t           i, k, n, event, wrong, pairs;
    ngx_er_error_t       err;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *conditions[RULES_MAX];

    static const char  *scalars[] = {
        "1", "1.0", "2", "\"1\"", "\"a\"", "\"b\"", "true", "null", "\"\"",
        "[\"a\",1]", "[\"b\",\"a\",2.0]", "[]", "{\"x\":1}",
        "[{\"x\":\"a\",\"y\":1},{\"x\":\"b\",\"y\":2}]"
    };

    seed = 3;
    wrong = 0;
    pairs = 0;

    for (i = 0; i < 400; i++) {
        rules_create(&rules);

        n = 1 + rand_r(&seed) % RULES_MAX;
        m = ngx_er_matcher_create(rules.pool, rules.fields, n);

        for (k = 0; k < n; k++) {
            random_rule(&seed, texts[k]);

            rule[k].condition = texts[k];
            rule[k].flags = rand_r(&seed) % 8 == 0 ? "l"
                            : rand_r(&seed) % 6 == 0 ? "f" : "";

            conditions[k] = rules_read(&rules, texts[k]);

            if (conditions[k] == NULL) {
                diag("%s: %s", texts[k], rules.err.text);
                wrong++;
            }

            (void) ngx_er_matcher_add(m, k, conditions[k],
                                      rule[k].flags[0] == 'l',
                                      rule[k].flags[0] == 'f', 0);
        }

        (void) ngx_er_matcher_compile(m, &err);

        for (event = 0; event < 10; event++) {
            p = json;

            for (k = 0; k < 3; k++) {
                p += sprintf(p, "%c\"%c\":%s", k ? ',' : '{', (int) ('a' + k),
                             scalars[rand_r(&seed) % 14]);
            }

            sprintf(p, "}");

            facts = rules_event(&rules, json);

            match(m, facts, got);
            plain(rule, conditions, n, facts, want);

            pairs += n;

            if (strcmp(got, want) != 0) {
                diag("%s: got \"%s\", expected \"%s\"", json, got, want);
                wrong++;
            }
        }

        rules_destroy(&rules);
    }

    is_int(wrong, 0, "%d random pairs of rule and event", (int) pairs);
}


static void
random_rule(unsigned *seed, char *text)
{
    int  i, n;

    static const char  *lines[] = {
        "when data.a = 1;", "when data.a = a b;", "when data.b = 1.0 a;",
        "when data.b = '' true;", "when data.c = b;", "when data.c = 2;",
        "when data.a.x = a;", "when data.c has_all a 1;", "when data.a > 0;",
        "when data.b prefix a;", "when data.b != a;", "when data.c missing;",
        "when data.b not = 1 2;", "any { when data.a = a; when data.b = a; }",
        "all { when data.a = 1; when data.b = 1; }",
        "none { when data.c = a; }",
        "each data.a { when .x = a; when .y = 1; }",
        "each data.b { when .x = b; when .y < 2; }",
        "each data.c { any { when .x = a; when .y = 1; } when . is object; }"
    };

    text[0] = '\0';
    n = 1 + rand_r(seed) % 3;

    for (i = 0; i < n; i++) {
        strcat(text, lines[rand_r(seed) % (sizeof(lines)
                                           / sizeof(lines[0]))]);
    }
}


static void
plain(rule_t *rule, ngx_er_condition_t **conditions, ngx_uint_t n,
    ngx_er_facts_t *facts, char *out)
{
    char        *p;
    ngx_uint_t   i, fallback;

    p = out;
    *p = '\0';

    for (fallback = 0; fallback < 2; fallback++) {

        for (i = 0; i < n; i++) {

            if ((rule[i].flags[0] == 'f') != fallback
                || !ngx_er_condition_holds(conditions[i], facts))
            {
                continue;
            }

            p += sprintf(p, "%s%d", p > out ? " " : "", (int) i);

            if (rule[i].flags[0] == 'l') {
                return;
            }
        }

        if (p > out) {
            return;
        }
    }
}


/* rules of which none can be left out, about as many as are still sorted */

static void
test_many(void)
{
    rules_t              rules;
    ngx_uint_t           i, n, wrong, *id;
    ngx_array_t          matched;
    ngx_er_error_t       err;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *condition;

    wrong = 0;

    for (n = 120; n < 200; n++) {
        rules_create(&rules);
        m = ngx_er_matcher_create(rules.pool, rules.fields, 0);

        /* a fallback, a copy, then what either matches or does not */

        (void) ngx_er_matcher_add(m, 0, NULL, 0, 1, 0);
        (void) ngx_er_matcher_add(m, 1, NULL, 0, 0, 1);

        for (i = 2; i < n; i++) {
            condition = rules_read(&rules, "when data.a != 1;");
            (void) ngx_er_matcher_add(m, i, condition, i == n - 2, 0, 0);
        }

        (void) ngx_er_matcher_compile(m, &err);

        facts = rules_event(&rules, "{\"a\":1}");
        ngx_array_init(&matched, rules.event, 1, sizeof(ngx_uint_t));
        (void) ngx_er_matcher_match(m, facts, &matched);
        id = matched.elts;
        wrong += (matched.nelts != 2 || id[0] != 0 || id[1] != 1);

        facts = rules_event(&rules, "{\"a\":2}");
        ngx_array_init(&matched, rules.event, 1, sizeof(ngx_uint_t));
        (void) ngx_er_matcher_match(m, facts, &matched);
        id = matched.elts;
        wrong += (matched.nelts != n - 2);

        for (i = 0; i < matched.nelts; i++) {
            wrong += (id[i] != i + 1);
        }

        rules_destroy(&rules);
    }

    is_int(wrong, 0, "120 to 199 candidates, in their order");
}


/* shops that have a rule each: few of them are candidates */

static void
test_large(void)
{
    char              *texts;
    rules_t            rules;
    clock_t            start;
    ngx_int_t          rc;
    ngx_uint_t         i, n;
    ngx_array_t        matched;
    ngx_er_error_t     err;
    ngx_er_facts_t    *facts;
    ngx_er_matcher_t  *m;

    n = 20000;

    rules_create(&rules);
    texts = malloc(n * 128);
    m = ngx_er_matcher_create(rules.pool, rules.fields, n);

    for (i = 0; i < n; i++) {
        sprintf(texts + i * 128, "when data.topic = topic-%d; "
                "when data.shop = shop-%d; when data.total > %d;",
                (int) (i % 8), (int) (i / 4), (int) (i % 100));

        (void) ngx_er_matcher_add(m, i, rules_read(&rules, texts + i * 128), 0,
                                  0, 0);
    }

    start = clock();
    rc = ngx_er_matcher_compile(m, &err);
    start = clock() - start;

    ok(rc == NGX_OK && start < CLOCKS_PER_SEC,
       "%d rules compile in %d ms", (int) n,
       (int) (start / (CLOCKS_PER_SEC / 1000)));

    facts = rules_event(&rules, "{\"topic\":\"topic-1\",\"shop\":\"shop-250\","
                                "\"total\":1000}");

    ngx_array_init(&matched, rules.event, 4, sizeof(ngx_uint_t));

    start = clock();

    for (i = 0; i < 1000; i++) {
        matched.nelts = 0;
        ngx_memzero(&facts->budget, sizeof(ngx_er_budget_t));
        (void) ngx_er_matcher_match(m, facts, &matched);
    }

    start = clock() - start;

    ok(matched.nelts == 1 && *(ngx_uint_t *) matched.elts == 1001,
       "the one that matches is found");
    ok(start < CLOCKS_PER_SEC / 5, "in %d ns an event",
       (int) (start / (CLOCKS_PER_SEC / 1000000)));

    free(texts);
    rules_destroy(&rules);
}


/* an event that repeats a value leads to its rules once */

static void
test_hostile(void)
{
    char              *texts, *json, *p;
    rules_t            rules;
    clock_t            start;
    ngx_uint_t         i;
    ngx_array_t        matched;
    ngx_er_error_t     err;
    ngx_er_facts_t    *facts;
    ngx_er_matcher_t  *m;

    rules_create(&rules);
    texts = malloc(5000 * 64);
    json = malloc(9000 * 8);
    m = ngx_er_matcher_create(rules.pool, rules.fields, 0);

    for (i = 0; i < 5000; i++) {
        sprintf(texts + i * 64, "when data.t = same; when data.n > %d;",
                (int) i);
        (void) ngx_er_matcher_add(m, i, rules_read(&rules, texts + i * 64), 0,
                                  0, 0);
    }

    (void) ngx_er_matcher_compile(m, &err);

    p = json + sprintf(json, "{\"n\":2,\"t\":[\"same\"");

    for (i = 0; i < 9000; i++) {
        p += sprintf(p, ",\"same\"");
    }

    sprintf(p, "]}");

    facts = rules_event(&rules, json);
    ngx_array_init(&matched, rules.event, 4, sizeof(ngx_uint_t));

    start = clock();
    (void) ngx_er_matcher_match(m, facts, &matched);
    start = clock() - start;

    is_int(matched.nelts, 2, "two of 5000 rules match");
    ok(start < CLOCKS_PER_SEC / 10, "9001 equal values take %d us",
       (int) (start / (CLOCKS_PER_SEC / 1000000)));

    free(texts);
    free(json);
    rules_destroy(&rules);
}


/* what one field asks for is not taken for what another one does */

static void
test_collision(void)
{
    char                 a[16], b[16], one[64], two[64], json[64], got[64];
    rules_t              rules;
    uint32_t            *texts;
    ngx_uint_t           i, k, found;
    ngx_er_error_t       err;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *first, *second;

    rules_create(&rules);

    first = rules_read(&rules, "when data.a = x;");
    second = rules_read(&rules, "when data.b = x;");
    texts = calloc(TEXTS, sizeof(uint32_t));
    found = 0;

    for (i = 1; i < TEXTS; i++) {
        sprintf(a, "t%d", (int) i);
        texts[hash_of(first, a) % TEXTS] = i;
    }

    for (i = 1; i < 64 * TEXTS && !found; i++) {
        sprintf(b, "t%d", (int) i);
        k = texts[hash_of(second, b) % TEXTS];

        sprintf(a, "t%d", (int) k);
        found = (k && hash_of(first, a) == hash_of(second, b));
    }

    free(texts);

    ok(found, "a = %s and b = %s have one hash", a, b);

    sprintf(one, "when data.a = %s;", a);
    sprintf(two, "when data.b = %s;", b);

    m = ngx_er_matcher_create(rules.pool, rules.fields, 0);
    (void) ngx_er_matcher_add(m, 0, rules_read(&rules, one), 0, 0, 0);
    (void) ngx_er_matcher_add(m, 1, rules_read(&rules, two), 0, 0, 0);
    (void) ngx_er_matcher_compile(m, &err);

    sprintf(json, "{\"a\":\"%s\"}", a);
    match(m, rules_event(&rules, json), got);
    ok(strcmp(got, "0") == 0, "the one is found");

    sprintf(json, "{\"b\":\"%s\"}", b);
    match(m, rules_event(&rules, json), got);
    ok(strcmp(got, "1") == 0, "and the other");

    sprintf(json, "{\"a\":\"%s\",\"b\":\"%s\"}", a, b);
    match(m, rules_event(&rules, json), got);
    ok(strcmp(got, "0 1") == 0, "and both");

    rules_destroy(&rules);
}


/* where from none to all of many rules meet a number: whichever way they are
   looked at, those match that match one by one, in their order; the last but
   one is a fallback, and one of them may be the last */

static void
test_most(void)
{
    char                 json[64];
    rules_t              rules;
    ngx_uint_t           i, k, n, last, wrong, seen, *id;
    ngx_array_t          matched;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    static char          texts[MOST][64];
    static ngx_uint_t    want[MOST];
    ngx_er_condition_t  *conditions[MOST];

    static ngx_uint_t  lasts[] = { MOST, MOST / 2 };

    for (k = 0; k < 2; k++) {
        last = lasts[k];
        rules_create(&rules);
        m = ngx_er_matcher_create(rules.pool, rules.fields, MOST);

        for (i = 0; i < MOST; i++) {
            sprintf(texts[i], i % 8 ? "when data.n > %d;"
                                    : "when data.n > %d; when data.a != 1;",
                    (int) (i * 7 % MOST));
            conditions[i] = rules_read(&rules, texts[i]);

            (void) ngx_er_matcher_add(m, i, conditions[i], i == last,
                                      i == MOST - 2, 0);
        }

        (void) ngx_er_matcher_compile(m, &rules.err);

        wrong = 0;
        seen = 0;

        for (i = 0; i <= MOST; i += 13) {
            sprintf(json, "{\"n\":%d%s}", (int) i, i % 2 ? ",\"a\":1" : "");
            facts = rules_event(&rules, json);
            n = expected_most(conditions, facts, last, want);

            ngx_array_init(&matched, facts->pool, 1, sizeof(ngx_uint_t));
            wrong += ngx_er_matcher_match(m, facts, &matched) != NGX_OK;

            id = matched.elts;
            wrong += (matched.nelts != n
                      || (n && memcmp(id, want, n * sizeof(ngx_uint_t))));
            seen = ngx_max(seen, n);
        }

        ok(wrong == 0 && seen > MOST / 4, "of %d rules none to most, %s last",
           MOST, k ? "with a" : "no");

        rules_destroy(&rules);
    }
}


static ngx_uint_t
expected_most(ngx_er_condition_t **conditions, ngx_er_facts_t *facts,
    ngx_uint_t last, ngx_uint_t *ids)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < MOST; i++) {

        if (i == MOST - 2 || !ngx_er_condition_holds(conditions[i], facts)) {
            continue;
        }

        ids[n++] = i;

        if (i == last) {
            break;
        }
    }

    if (n == 0 && ngx_er_condition_holds(conditions[MOST - 2], facts)) {
        ids[n++] = MOST - 2;
    }

    return n;
}


/* of a text that the only line of a condition asks for */

static uint32_t
hash_of(ngx_er_condition_t *condition, const char *text)
{
    ngx_er_atom_t  atom;

    memset(&atom, 0, sizeof(ngx_er_atom_t));

    atom.kind = NGX_ER_ATOM_TEXT;
    atom.field = condition->u.children.elts[0].field;
    atom.text = rules_str(text);

    return ngx_er_index_hash(&atom);
}


/* what no VALUE can meet is not looked up */

static void
test_unreadable(void)
{
    rules_t              rules;
    ngx_array_t          hits;
    ngx_er_atom_t        atom;
    ngx_er_facts_t      *facts;
    ngx_er_index_t      *ix;
    ngx_er_condition_t  *condition;

    rules_create(&rules);

    condition = rules_read(&rules, "when data.a prefix ab;");
    memset(&atom, 0, sizeof(ngx_er_atom_t));

    atom.kind = NGX_ER_ATOM_PREFIX;
    atom.field = condition->u.children.elts[0].field;
    atom.text = rules_str("ab");

    ix = ngx_er_index_create(rules.pool, rules.fields);
    (void) ngx_er_index_file(ix, 7, &atom, 1);
    (void) ngx_er_index_build(ix);

    facts = rules_event(&rules, "{\"a\":\"abc\"}");
    ngx_array_init(&hits, rules.event, 1, sizeof(ngx_er_hit_t));
    (void) ngx_er_index_find(ix, facts, &hits);
    is_int(hits.nelts, 1, "a text is looked up");

    facts = rules_event(&rules, "{\"a\":\"abc\xff\"}");
    ngx_array_init(&hits, rules.event, 1, sizeof(ngx_er_hit_t));
    (void) ngx_er_index_find(ix, facts, &hits);
    is_int(hits.nelts, 0, "what is none is not");

    rules_destroy(&rules);
}


static void
test_memory(void)
{
    rules_t              rules;
    ngx_int_t            rc;
    ngx_uint_t           n;
    ngx_array_t          matched;
    ngx_er_error_t       err;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *condition;

    rules_create(&rules);
    condition = rules_read(&rules, "when data.a = 1 2; when data.b = x;");
    rc = NGX_ERROR;
    m = NULL;

    for (n = 1; n < 100 && rc != NGX_OK; n++) {
        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = n;
        err.len = 0;

        m = ngx_er_matcher_create(rules.pool, rules.fields, 0);

        rc = (m == NULL
              || ngx_er_matcher_add(m, 7, condition, 0, 0, 0) != NGX_OK)
             ? NGX_ERROR : ngx_er_matcher_compile(m, &err);
    }

    ngx_er_test_fail_at = 0;

    ok(rc == NGX_OK && n > 5, "no memory is an error when it compiles");

    facts = rules_event(&rules, "{\"a\":2,\"b\":\"x\"}");
    ngx_array_init(&matched, rules.event, 1, sizeof(ngx_uint_t));

    ngx_er_test_allocs = 0;
    ngx_er_test_fail_at = 1;
    is_int(ngx_er_matcher_match(m, facts, &matched), NGX_ERROR,
           "and when it matches");
    ngx_er_test_fail_at = 0;

    is_int(ngx_er_matcher_match(m, facts, &matched), NGX_OK,
           "with memory it matches");
    is_int(*(ngx_uint_t *) matched.elts, 7, "its id");

    rules_destroy(&rules);
}


/* without memory for what was looked up no rule is left out in silence */

static void
test_lookup_memory(void)
{
    rules_t              rules;
    ngx_int_t            rc;
    ngx_uint_t           n, wrong;
    ngx_array_t          matched;
    ngx_er_error_t       err;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;

    rules_create(&rules);
    m = ngx_er_matcher_create(rules.pool, rules.fields, 0);
    (void) ngx_er_matcher_add(m, 0, rules_read(&rules, "when data.a > 1;"), 0,
                              0, 0);
    (void) ngx_er_matcher_add(m, 1, rules_read(&rules, "when data.b = x;"), 0,
                              0, 0);
    (void) ngx_er_matcher_compile(m, &err);

    wrong = 0;
    rc = NGX_ERROR;

    for (n = 1; n < 100 && rc != NGX_OK; n++) {
        facts = rules_event(&rules, "{\"a\":2,\"b\":\"x\"}");
        ngx_array_init(&matched, rules.event, 2, sizeof(ngx_uint_t));

        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = n;
        rc = ngx_er_matcher_match(m, facts, &matched);
        ngx_er_test_fail_at = 0;

        wrong += (rc == NGX_OK ? matched.nelts != 2 : rc != NGX_ERROR);
    }

    ok(rc == NGX_OK && n > 2 && wrong == 0,
       "without %d pieces no rule is left out", (int) n - 2);

    rules_destroy(&rules);
}


static void
match(ngx_er_matcher_t *m, ngx_er_facts_t *facts, char *out)
{
    char        *p;
    ngx_uint_t   i, *id;
    ngx_array_t  matched;

    p = out;
    *p = '\0';

    ngx_array_init(&matched, facts->pool, 1, sizeof(ngx_uint_t));

    if (ngx_er_matcher_match(m, facts, &matched) != NGX_OK) {
        sprintf(out, "error");
        return;
    }

    id = matched.elts;

    for (i = 0; i < matched.nelts; i++) {
        p += sprintf(p, "%s%d", i ? " " : "", (int) id[i]);
    }
}
