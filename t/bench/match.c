
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What routing costs: from the bytes of a body to the routes that match, for
 * one route and for 100,000, and what it saves beside evaluating them one by
 * one.  Times are CPU time, of the best of several rounds, on one core.
 *
 *     build/bench/match [part...]      sizes kinds hard citylots
 */


#include <malloc.h>
#include <time.h>

#include "../unit/rules.h"
#include "../../ngx_event_router_module/route/condition_eval.h"
#include "../../ngx_event_router_module/route/pattern/document.h"
#include "../../ngx_event_router_module/route/matcher.h"
#include "../../ngx_event_router_module/route/pattern/pattern_eval.h"
#include "../../ngx_event_router_module/route/lookup.h"


#define ROUNDS     7
#define SIZES      6
#define POOL       4096
#define LINE       192                 /* bytes of a rule's text */
#define RECORDS    20000
#define RECORD     1024                /* bytes of one, at most */
#define CITYLOTS   "t/data/rules/citylots2-bench.jsonl"


typedef struct {
    rules_t                rules;
    ngx_er_matcher_t      *m;
    ngx_er_condition_t   **conditions;
    char                  *texts;
    ngx_uint_t             n;
    size_t                 memory;     /* of the conditions */
    double                 compile;    /* seconds */
} set_t;


typedef void (*text_pt)(char *text, ngx_uint_t i, ngx_uint_t n);
typedef void (*work_pt)(set_t *set);


static void sizes(void);
static void next_event(ngx_uint_t routes);
static void rounds(set_t *set, ngx_uint_t *routes, ngx_uint_t in,
    ngx_uint_t times, double *best);
static void kinds(void);
static void hard(void);
static void citylots(void);
static void group(const char *name, set_t *set);
static ngx_er_condition_t *pattern_of(set_t *set, char *line);
static void record(char *p, unsigned *seed);
static void make(set_t *set, ngx_uint_t n, text_pt text);
static void compile(set_t *set);
static void unmake(set_t *set);
static double measure(work_pt work, set_t *set);
static double seconds(void);
static ngx_uint_t heap(void);
static void make_body(ngx_str_t *b, size_t size);
static void work_event(set_t *set);
static void work_match(set_t *set);
static void work_plain(set_t *set);
static void work_records(set_t *set);
static void work_records_plain(set_t *set);
static ngx_er_facts_t *read_event(set_t *set, ngx_str_t *b);


static ngx_str_t         body;
static u_char           *topic_at;     /* in it, to be changed */
static u_char           *shop_at;
static ngx_str_t         records[RECORDS];
static ngx_er_facts_t   *facts;        /* for work_match and work_plain */
static ngx_uint_t        matches;


int
main(int argc, char **argv)
{
    int  i;

    static struct {
        const char  *name;
        void       (*run)(void);
    } parts[] = {
        { "sizes", sizes }, { "kinds", kinds }, { "hard", hard },
        { "citylots", citylots }
    };

    for (i = 0; i < 4; i++) {
        if (argc == 1 || strcmp(argv[1], parts[i].name) == 0) {
            parts[i].run();
        }
    }

    return 0;
}


/* ---- by the number of routes and the size of the body */

/* each event is for another one of the routes, and for that alone */

static void
text_sizes(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.topic = topic-%d; when data.shop = shop-%06d; "
            "when data.total >= %d;%s", (int) (i % 8), (int) i,
            (int) (i % 100), i % 3 ? "" : " when data.tags != test;");
}


static void
next_event(ngx_uint_t routes)
{
    int              i;
    ngx_uint_t       n;
    static uint32_t  seed;

    seed = seed * 1664525 + 1013904223;
    n = (seed >> 8) % routes;

    *topic_at = '0' + n % 8;

    for (i = 5; i >= 0; i--, n /= 10) {
        shop_at[i] = '0' + n % 10;
    }
}


/* one set after the other, so that what else runs here hits all alike; "in" is
   how many of the routes get events */

static void
rounds(set_t *set, ngx_uint_t *routes, ngx_uint_t in, ngx_uint_t times,
    double *best)
{
    double      start, t;
    ngx_uint_t  i, n, round;

    for (i = 0; i < SIZES; i++) {
        best[i] = 1e9;
    }

    for (round = 0; round < 5 * ROUNDS; round++) {
        for (i = 0; i < SIZES; i++) {
            start = seconds();

            for (n = 0; n < times; n++) {
                next_event(ngx_min(routes[i], in));
                work_event(&set[i]);
            }

            t = (seconds() - start) / n;
            best[i] = ngx_min(best[i], t);

            if (matches != 1) {
                printf("%lu routes match\n", (unsigned long) matches);
                exit(1);
            }
        }
    }
}


static void
sizes(void)
{
    set_t                  set[SIZES];
    double                 match[SIZES], few[SIZES], any[SIZES];
    ngx_uint_t             i, k;
    ngx_er_matcher_size_t  size;

    static size_t      bytes[] = { 1024, 6 * 1024, 60 * 1024 };
    static ngx_uint_t  routes[SIZES] = { 1, 10, 100, 1000, 10000, 100000 };

    for (i = 0; i < SIZES; i++) {
        make(&set[i], routes[i], text_sizes);
    }

    printf("one route matches; events for 10 of the routes, for any of them\n"
           "%8s %9s %9s %9s %6s %12s %9s %6s\n", "body", "routes", "match ns",
           "event ns", "x 10", "events/s", "any: ns", "x 10");

    for (k = 0; k < 3; k++) {
        make_body(&body, bytes[k]);

        next_event(1);

        for (i = 0; i < SIZES; i++) {
            facts = read_event(&set[i], &body);
            match[i] = measure(work_match, &set[i]);

            ngx_destroy_pool(facts->pool);
            facts = NULL;
        }

        rounds(set, routes, 10, 20000000 / bytes[k] / 32, few);
        rounds(set, routes, 100000, 20000000 / bytes[k] / 32, any);

        for (i = 0; i < SIZES; i++) {
            printf("%5lu KB %9lu %9.0f %9.0f %6.2f %12.0f %9.0f %6.2f\n",
                   (unsigned long) bytes[k] / 1024,
                   (unsigned long) routes[i], match[i] * 1e9, few[i] * 1e9,
                   few[i] / few[1], 1 / few[i], any[i] * 1e9,
                   any[i] / any[1]);
        }
    }

    ngx_er_matcher_size(set[SIZES - 1].m, &size);

    printf("\n100,000 routes: index %.1f MiB, built in %.0f ms; conditions "
           "%.1f MiB\n\n", size.bytes / 1048576.0,
           set[SIZES - 1].compile * 1e3, set[SIZES - 1].memory / 1048576.0);

    for (i = 0; i < SIZES; i++) {
        unmake(&set[i]);
    }
}


/* ---- by what routes ask, beside one after the other */

static void
text_prefix(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.sku prefix sku-%05d;", (int) i);
}


static void
text_suffix(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.mail suffix_ci @host-%d.example;", (int) i);
}


static void
text_contains(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.note contains order%05d;", (int) i);
}


static void
text_like(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.sku like *-%05d-*;", (int) i);
}


static void
text_between(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.total between %d %d;", (int) i, (int) i + 9);
}


static void
text_two(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.total >= %d; when data.total < %d.5;", (int) i,
            (int) i + 9);
}


/* the prototype's "mixed": a prefix and an open range */

static void
text_mixed(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.sku prefix sku-%03d; when data.total > %d;",
            (int) (i % 1000), (int) (i % 10000));
}


static void
text_cidr(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.ip cidr 10.%d.%d.0/24;", (int) (i / 256 % 256),
            (int) (i % 256));
}


static void
text_any(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "any { when data.shop = shop-%d; when data.sku prefix "
            "s-%d-; all { when data.total between %d %d; } }", (int) i,
            (int) i, (int) i, (int) i + 1);
}


static void
kinds(void)
{
    set_t        set;
    double       match, plain;
    ngx_uint_t   i;

    static struct {
        const char  *name;
        text_pt      text;
    } all[] = {
        { "prefix", text_prefix }, { "suffix_ci", text_suffix },
        { "contains", text_contains }, { "like *-x-*", text_like },
        { "between", text_between }, { ">= and <", text_two },
        { "prefix and >", text_mixed }, { "cidr", text_cidr },
        { "any of three", text_any }
    };

    make_body(&body, 1024);

    printf("%-16s %8s %10s %14s %10s %10s\n", "10,000 routes", "matches",
           "match ns", "one by one ns", "x faster", "build ms");

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        make(&set, 10000, all[i].text);

        facts = read_event(&set, &body);
        match = measure(work_match, &set);
        plain = measure(work_plain, &set);

        printf("%-16s %8lu %10.0f %14.0f %10.0f %10.1f\n", all[i].name,
               (unsigned long) matches, match * 1e9, plain * 1e9,
               plain / match, set.compile * 1e3);

        unmake(&set);
    }

    printf("\n");
}


/* ---- what no index helps */

static void
text_not(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.shop != shop-%d; when data.total < 0;", (int) i);
}


static void
text_never(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.topic != topic-0; when data.shop != shop-%d;",
            (int) i);
}


static void
text_half(char *text, ngx_uint_t i, ngx_uint_t n)
{
    sprintf(text, "when data.total > %d.5;", (int) i - 4950);
}


static void
hard(void)
{
    set_t        set;
    double       match, plain;
    ngx_uint_t   i;

    static struct {
        const char  *name;
        text_pt      text;
    } all[] = {
        { "!= and <", text_not }, { "!= only", text_never },
        { "half match", text_half }
    };

    make_body(&body, 1024);

    printf("%-16s %8s %10s %14s %10s\n", "10,000 routes", "matches",
           "match ns", "one by one ns", "x faster");

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        make(&set, 10000, all[i].text);

        facts = read_event(&set, &body);
        match = measure(work_match, &set);
        plain = measure(work_plain, &set);

        printf("%-16s %8lu %10.0f %14.0f %10.1f\n", all[i].name,
               (unsigned long) matches, match * 1e9, plain * 1e9,
               plain / match);

        unmake(&set);
    }

    printf("\n");
}


/* ---- the benchmark of event-ruler, with records made alike */

static void
citylots(void)
{
    FILE        *f;
    char         line[2048], name[64], last[64], *p, *bytes;
    set_t        set, all;
    unsigned     seed;
    ngx_uint_t   i;

    f = fopen(CITYLOTS, "rb");
    if (f == NULL) {
        perror(CITYLOTS);
        return;
    }

    seed = 1;
    bytes = malloc(RECORDS * RECORD);

    for (i = 0; i < RECORDS; i++) {
        record(bytes + i * RECORD, &seed);
        records[i] = rules_str(bytes + i * RECORD);
    }

    printf("%-28s %6s %10s %12s %10s %10s\n", "CityLots", "rules", "event ns",
           "events/s", "matches", "x faster");

    make(&all, 0, NULL);
    make(&set, 0, NULL);
    last[0] = '\0';

    while (fgets(line, sizeof(line), f)) {

        p = strstr(line, "\"group\": \"");

        if (p == NULL || sscanf(p + 10, "%63[A-Z_]", name) != 1) {
            continue;
        }

        if (last[0] && strcmp(name, last) != 0) {
            group(last, &set);
            unmake(&set);
            make(&set, 0, NULL);
        }

        strcpy(last, name);

        if (pattern_of(&set, line) == NULL || pattern_of(&all, line) == NULL) {
            exit(1);
        }
    }

    fclose(f);

    group(last, &set);
    group("all rules at once", &all);

    unmake(&set);
    unmake(&all);
    free(bytes);
}


static void
group(const char *name, set_t *set)
{
    double      match, plain;
    ngx_uint_t  n;

    compile(set);

    match = measure(work_records, set) / RECORDS;
    n = matches;
    plain = measure(work_records_plain, set) / RECORDS;

    if (n != matches) {
        printf("%s: %lu matches, one by one %lu\n", name, (unsigned long) n,
               (unsigned long) matches);
        exit(1);
    }

    printf("%-28s %6lu %10.0f %12.0f %10lu %10.1f\n", name,
           (unsigned long) set->n, match * 1e9, 1 / match, (unsigned long) n,
           plain / match);
}


static ngx_er_condition_t *
pattern_of(set_t *set, char *line)
{
    int                  depth;
    char                *p, *text;
    ngx_str_t            s;
    ngx_er_tree_t       *json;
    ngx_er_pattern_t    *pattern;
    ngx_er_condition_t  *condition;

    p = strstr(line, "\"pattern\": ") + 11;
    s.data = (u_char *) p;

    for (depth = 0; *p; p++) {
        depth += (*p == '{') - (*p == '}');

        if (depth == 0) {
            break;
        }
    }

    s.len = (u_char *) p + 1 - s.data;
    text = (char *) ngx_pstrdup(set->rules.pool, &s);
    s.data = (u_char *) text;

    json = ngx_er_document_parse(set->rules.pool, &s, &set->rules.err);
    pattern = json ? ngx_er_pattern_compile(set->rules.pool, json,
                                            NGX_ER_PATTERN_BODY,
                                            set->rules.fields, &set->rules.err)
                   : NULL;

    if (pattern == NULL) {
        printf("%.*s\n", (int) set->rules.err.len, set->rules.err.text);
        return NULL;
    }

    condition = ngx_er_condition_whole(set->rules.pool,
                                       NGX_ER_CONDITION_PATTERN,
                                       ngx_er_pattern_holds,
                                       ngx_er_pattern_accesses, pattern);

    set->conditions = realloc(set->conditions,
                              (set->n + 1) * sizeof(ngx_er_condition_t *));
    set->conditions[set->n] = condition;

    (void) ngx_er_matcher_add(set->m, set->n++, condition, 0, 0, 0);

    return condition;
}


/* a lot of San Francisco: the form of the real ones, values made up */

static void
record(char *p, unsigned *seed)
{
    int  i, block, lot, number;

    static const char  *streets[] = {
        "MASON", "CHESTNUT", "FULTON", "JEFFERSON", "RHODE ISLAND",
        "HUNTINGTON", "DRUMM", "BLAIR", "ACADIA", "LAKE", "LYON", "POWELL",
        "UNION", "GREEN", "STERLING", "03RD", "25TH", "GEARY", "MISSION",
        "CLEMENT", "JACKSON", "LEAVENWORTH"
    };
    static const char  *types[] = {
        "\"ST\"", "\"ST\"", "\"ST\"", "\"AVE\"", "\"AVE\"", "\"BLVD\"",
        "\"WAY\"", "null"
    };

    block = rand_r(seed) % 6000;
    lot = rand_r(seed) % 200;
    number = rand_r(seed) % 3000;

    p += sprintf(p, "{ \"type\": \"Feature\", \"properties\": { "
                 "\"MAPBLKLOT\": \"%04d%03d\", \"BLKLOT\": \"%04d%03d\", "
                 "\"BLOCK_NUM\": \"%04d\", \"LOT_NUM\": \"%03d\", "
                 "\"FROM_ST\": \"%d\", \"TO_ST\": \"%d\", \"STREET\": \"%s\", "
                 "\"ST_TYPE\": %s, \"ODD_EVEN\": \"%s\" }, \"geometry\": { "
                 "\"type\": \"Polygon\", \"firstCoordinates\": { \"x\": "
                 "-122.4%d, \"y\": 37.7%d, \"z\": 0 }, \"coordinates\": [ ",
                 block, lot, block, lot, block, lot, number, number,
                 streets[rand_r(seed) % 22], types[rand_r(seed) % 8],
                 number & 1 ? "O" : "E", rand_r(seed), rand_r(seed));

    for (i = 0; i < 5; i++) {
        p += sprintf(p, "%s{ \"x\": -122.4%d, \"y\": 37.7%d, \"z\": 0 }",
                     i ? ", " : "", rand_r(seed), rand_r(seed));
    }

    sprintf(p, " ] } }");
}


/* ---- tools */

static void
make(set_t *set, ngx_uint_t n, text_pt text)
{
    size_t      before;
    ngx_uint_t  i;

    memset(set, 0, sizeof(set_t));

    set->rules.pool = ngx_create_pool(POOL * 4, &ngx_er_test_log);
    set->rules.fields = ngx_er_fields_create(set->rules.pool);
    set->m = ngx_er_matcher_create(set->rules.pool, set->rules.fields, n);

    if (n == 0) {
        return;
    }

    set->n = n;
    set->texts = malloc(n * LINE);
    set->conditions = malloc(n * sizeof(ngx_er_condition_t *));
    before = heap();

    for (i = 0; i < n; i++) {
        text(set->texts + i * LINE, i, n);

        set->conditions[i] = rules_read(&set->rules, set->texts + i * LINE);

        if (set->conditions[i] == NULL) {
            printf("%s: %s\n", set->texts + i * LINE, set->rules.err.text);
            exit(1);
        }

        (void) ngx_er_matcher_add(set->m, i, set->conditions[i], 0, 0, 0);
    }

    set->memory = heap() - before;

    compile(set);
}


static void
compile(set_t *set)
{
    double  start;

    start = seconds();

    if (ngx_er_matcher_compile(set->m, &set->rules.err) != NGX_OK) {
        printf("%.*s\n", (int) set->rules.err.len, set->rules.err.text);
        exit(1);
    }

    set->compile = seconds() - start;
}


static void
unmake(set_t *set)
{
    if (facts) {
        ngx_destroy_pool(facts->pool);
        facts = NULL;
    }

    ngx_destroy_pool(set->rules.pool);
    free(set->conditions);
    free(set->texts);
}


static ngx_uint_t
heap(void)
{
    struct mallinfo2  info;

    info = mallinfo2();

    return info.uordblks + info.hblkhd;
}


/* seconds a call, in the best round */

static double
measure(work_pt work, set_t *set)
{
    double      start, t, best;
    ngx_uint_t  i, k, n;

    start = seconds();
    work(set);
    t = seconds() - start;

    n = (t < 0.02) ? (ngx_uint_t) (0.02 / (t + 1e-7)) : 1;
    best = 1e9;

    for (i = 0; i < ROUNDS; i++) {
        start = seconds();

        for (k = 0; k < n; k++) {
            work(set);
        }

        t = (seconds() - start) / n;
        best = ngx_min(best, t);
    }

    return best;
}


static double
seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static ngx_er_facts_t *
read_event(set_t *set, ngx_str_t *b)
{
    ngx_pool_t            *pool;
    ngx_er_scan_t          scan;
    ngx_er_facts_t        *f;
    ngx_er_scan_limits_t   limits;

    pool = ngx_create_pool(POOL, &ngx_er_test_log);
    f = ngx_er_facts_create(pool, set->rules.fields);

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = set->rules.fields->paths;
    scan.values = f->values;

    if (ngx_er_scan(&scan, b) != NGX_OK) {
        printf("refused: %s at %lu\n", ngx_er_scan_reason(scan.error),
               (unsigned long) scan.offset);
        exit(1);
    }

    return f;
}


/* what an event costs: its pool, the scan, the match */

static void
work_event(set_t *set)
{
    ngx_array_t      matched;
    ngx_er_facts_t  *f;

    f = read_event(set, &body);

    (void) ngx_array_init(&matched, f->pool, 4, sizeof(ngx_uint_t));
    (void) ngx_er_matcher_match(set->m, f, &matched);

    matches = matched.nelts;

    ngx_destroy_pool(f->pool);
}


/* the match alone, in a pool of its own that is there already */

static void
work_match(set_t *set)
{
    ngx_pool_t   *pool, *keep;
    ngx_array_t   matched;

    pool = ngx_create_pool(POOL, &ngx_er_test_log);
    keep = facts->pool;
    facts->pool = pool;
    ngx_memzero(&facts->budget, sizeof(ngx_er_budget_t));

    (void) ngx_array_init(&matched, pool, 4, sizeof(ngx_uint_t));
    (void) ngx_er_matcher_match(set->m, facts, &matched);

    matches = matched.nelts;

    facts->pool = keep;
    ngx_destroy_pool(pool);
}


static void
work_plain(set_t *set)
{
    ngx_uint_t  i, n;

    ngx_memzero(&facts->budget, sizeof(ngx_er_budget_t));

    for (n = 0, i = 0; i < set->n; i++) {
        n += ngx_er_condition_holds(set->conditions[i], facts);
    }

    matches = n;
}


static void
work_records(set_t *set)
{
    ngx_uint_t       i, n;
    ngx_array_t      matched;
    ngx_er_facts_t  *f;

    for (n = 0, i = 0; i < RECORDS; i++) {
        f = read_event(set, &records[i]);

        (void) ngx_array_init(&matched, f->pool, 4, sizeof(ngx_uint_t));
        (void) ngx_er_matcher_match(set->m, f, &matched);

        n += matched.nelts;

        ngx_destroy_pool(f->pool);
    }

    matches = n;
}


static void
work_records_plain(set_t *set)
{
    ngx_uint_t       i, k, n;
    ngx_er_facts_t  *f;

    for (n = 0, i = 0; i < RECORDS; i++) {
        f = read_event(set, &records[i]);

        for (k = 0; k < set->n; k++) {
            n += ngx_er_condition_holds(set->conditions[k], f);
        }

        ngx_destroy_pool(f->pool);
    }

    matches = n;
}


/* an order of about that many bytes; the fields that routes name stand among
   others, some behind all of them */

static void
make_body(ngx_str_t *b, size_t size)
{
    u_char      *p;
    ngx_uint_t   i;

    free(b->data);
    b->data = malloc(size + 2048);

    p = ngx_sprintf(b->data, "{\"id\":820982911946154508,"
                    "\"topic\":\"topic-0\",\"mail\":\"jon@host-4711.example\","
                    "\"ip\":\"10.18.52.86\","
                    "\"note\":\"please put order04711 on the pallet of the "
                    "other one\",\"total\":4711,\"tags\":[\"vip\",\"eu\"],"
                    "\"line_items\":[");

    for (i = 0; p < b->data + size - 320 || i == 0; i++) {
        p = ngx_sprintf(p, "%s{\"id\":86697666019%ui,\"grams\":567,\"name\":"
                        "\"IPod Nano - 8GB\",\"price\":\"199.00\","
                        "\"price_set\":{\"shop_money\":{\"amount\":\"199.00\","
                        "\"currency_code\":\"USD\"}},\"quantity\":%ui,"
                        "\"vendor\":null,\"tax_lines\":[]}",
                        i ? "," : "", i, i + 1);
    }

    p = ngx_sprintf(p, "],\"sku\":\"sku-04711-x\",\"shop\":\"shop-000000\"}");

    topic_at = ngx_strnstr(b->data, "topic-", p - b->data) + 6;
    shop_at = p - sizeof("000000\"}") + 1;

    b->len = p - b->data;
}
