
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The language twice: random routes and events, of which a plain evaluator and
 * the real thing (scanner, conditions, matcher) must say the same.  The
 * evaluator is written from docs/routing.md and shares no code with the
 * module: an event is a tree here, that is printed for the scanner, and a rule
 * is a tree, that is printed for the parser.  Numbers are 128-bit integers,
 * and so are times, which timegm() reads.
 *
 *     build/unit/differential [pairs [seed]]
 */


#include <arpa/inet.h>
#include <time.h>

#include "rules.h"
#include "../../ngx_event_router_module/route/matcher.h"


#define PAIRS   20000
#define RULES   24
#define EVENTS  8
#define WORDS   500                    /* rules about parts of one text */
#define NODES   4096
#define VALUES  2048
#define SCALE   1000000                /* of numbers: six decimals */
#define NOW     1777593600             /* 2026-05-01T00:00:00Z */


typedef struct node_s  node_t;

struct node_s {
    ngx_er_type_e   type;
    const char     *text;              /* of what is no container */
    const char     *key;               /* in an object */
    int             torn;              /* the text cannot be read */
    node_t         *child;
    node_t         *next;
};


typedef struct {
    node_t         *node;
    int             crossed;
} found_t;


typedef struct {
    found_t         found[VALUES];
    int             n;
} values_t;


typedef struct rule_s  rule_t;

struct rule_s {
    char            kind;              /* t, a(ll), o(r), n(one), e(ach) */
    const char     *field;             /* "data.a.b", ".b", ".", "type" */
    const char     *op;
    const char     *other;             /* a field, for the words */
    const char     *word[4];
    int             nwords;
    int             negated;
    rule_t         *child;
    rule_t         *next;
};


typedef struct {
    node_t         *body;
    const char     *type;
    node_t          text;              /* the type, as a value */
} event_t;


static void make_event(event_t *event);
static node_t *make_node(int depth);
static char *print_node(char *p, node_t *node);
static char *print_string(char *p, const char *text);
static rule_t *make_rule(int depth, int each);
static rule_t *make_test(int each);
static int is_of_times(const char *op);
static char *print_rules(char *p, rule_t *rule);
static char *print_word(char *p, const char *word);
static int holds(rule_t *rule, event_t *event, node_t *element);
static int each(rule_t *rule, event_t *event, node_t *element);
static int test(rule_t *rule, event_t *event, node_t *element);
static void look(values_t *v, const char *field, event_t *event,
    node_t *element);
static void collect(values_t *v, const char *path, node_t *node);
static void emit(values_t *v, node_t *node, int crossed);
static int meets(rule_t *rule, node_t *node, const char *word);
static int pair_meets(const char *op, node_t *a, node_t *b);
static int ordered(const char *op, int rc);
static int is_time(const char *text, __int128 *t);
static int text_meets(const char *op, const char *text, const char *word);
static int is_number(const char *text, __int128 *n);
static int wildcard(const char *text, const char *like, int fold);
static int in_network(const char *text, const char *network);
static void expected(rule_t **rule, char *flags, int n, event_t *event,
    char *out);
static void got(ngx_er_matcher_t *m, ngx_er_facts_t *facts, char *out);
static int one_set(int *pairs, int *matches);
static void words(void);
static void make_word(char *word, int max);
static void words_in(char (*word)[16], char *text, char *out);
static unsigned pick(unsigned n);
static void *get(size_t size);


static unsigned long long  seed;
static char                *memory, *memory_end, *memory_start;


static const char  *texts[] = {
    "", "a", "b", "A", "ab", "abc", "xabcx", "aabc", "ABC", "VIP-1", "vip-1",
    "orders/paid", "orders/create", "1", "1.0", "10", "-5", "1e3", " 1",
    "true", "null", "10.0.0.7", "10.1.2.3", "192.0.2.1", "::1", "2001:db8::5",
    "::ffff:10.0.0.9", "a*b", "a.b", "caf\xc3\xa9", "0.1", "1000", "01",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "2026-05-01T00:00:00Z", "2026-05-01T02:00:00+02:00",
    "2026-04-30T23:00:00.5Z", "2026-05-01T00:59:59.999-0000",
    "1777593600", "1777590000.000", "1777593600000", "1777597200001",
    "2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00Z", "2026-05-01",
    "2026-05-01T00:00:00", "2026-02-29T00:00:00Z"
};

/* strings of events that cannot be read: no rule is about what is in them */

static const char  *torn[] = {
    "\xff", "a\xff", "abc\xed\xa0\xbd", "\xed\xb8\x80" "abc", "VIP-1\xe9",
    "1\xc3", "10.0.0.7\x80", "orders/\xed\xa0\xbd/paid", "caf\xe9",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\xc0\x80"
};

static const char  *numbers[] = {
    "0", "-0", "1", "1.0", "1e0", "10e-1", "2", "-5", "-5.00", "10", "1e1",
    "0.1", "0.10", "1000", "1e3", "1E+3", "9007199254740992",
    "9007199254740993", "12345678901234567890", "12345678901234567891",
    "0.000001", "1e-6", "99999999999999999999", "1777593600",
    "1777593600.5", "1.7775936e9", "1777593600000", "1777597199999",
    "1777590000"
};

static const char  *moments[] = {
    "2026-05-01T00:00:00Z", "2026-05-01T01:00:00+01:00", "1777593600000",
    "2026-04-30T23:59:59.999Z", "now", "now-1h", "now+1h",
    "2016-12-31T23:59:60Z", "0", "-5"
};

static const char  *spans[] = { "0s", "1s", "1h", "30m", "7d", "60y" };

static const char  *orders[] = {
    "a", "ab", "abc", "VIP-1", "x", "caf\xc3\xa9", "2026-05", "A",
    "2026-05-01T00:00:00Z", "orders/", "true"
};

/* of two fields */

static const char  *pairs_of[] = {
    "=", "!=", "<", "<=", ">", ">=", "before", "after"
};

static const char  *parts[] = {
    "a", "A", "b", "ab", "bc", "abc", "AB", "vip", "VIP-", "orders/", "paid",
    "1", "0", "1.", "e", "\xc3\xa9", "-1", "xabcx",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"
};

static const char  *likes[] = {
    "*", "a*", "*b", "a*b", "*a*", "a*c", "*/*", "a\\*b", "*1*", "ab*bc",
    "A*", "**", "v*-*", "*\xc3\xa9", "abc", "1?"
};

static const char  *networks[] = {
    "10.0.0.0/8", "10.0.0.0/24", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32",
    "::/0", "::1", "::ffff:10.0.0.0/104", "192.0.2.0/31"
};

static const char  *fields[] = {
    "data", "data.a", "data.b", "data.c", "data.a.x", "data.b.x", "data.c.y",
    "data.a.x.y", "data.a[0]", "data.a[1].x", "data.b.x[0]", "type",
    "data.a[-1]", "data.a[-2].x", "data.b.x[-1]", "data[-1]", "data.a[-1].x",
    "data.a[-1][-1]", "data.*", "data.*.x", "data.a.*", "data.*.*",
    "data.*[-1]", "data.*.x[-1].*", "data.b.*.y", "data.a[-1].*"
};

static const char  *inner[] = {
    ".", ".x", ".y", ".x.y", ".x[0]", ".a", ".x[-1]", ".*", ".*.y", ".y[-2]"
};

static const char  *arrays[] = {
    "data.a", "data.b", "data.c", "data.a.x", "data.b.y", "data",
    "data.a[-1]", "data.b.x[-1]", "data.a[-1].x"
};

static const char  *kinds[] = {
    "string", "number", "boolean", "null", "array", "object"
};

static const char  *operators[] = {
    "=", "=", "=", "!=", "<", "<=", ">", ">=", "between", "prefix", "suffix",
    "contains", "like", "prefix_ci", "suffix_ci", "contains_ci", "like_ci",
    "has_all", "cidr", "exists", "missing", "empty", "null", "is", "before",
    "after", "within"
};

#define one_of(list)  list[pick(sizeof(list) / sizeof(list[0]))]


int
main(int argc, char **argv)
{
    int  pairs, want, sets, wrong, matches;

    want = (argc > 1) ? atoi(argv[1]) : PAIRS;
    seed = (argc > 2) ? strtoull(argv[2], NULL, 0) : 20261128;
    memory_start = malloc(1 << 24);
    memory_end = memory_start + (1 << 24);

    diag("seed %llu", seed);

    pairs = 0;
    wrong = 0;
    matches = 0;

    for (sets = 0; pairs < want && wrong < 10; sets++) {
        memory = memory_start;
        wrong += one_set(&pairs, &matches);
    }

    is_int(wrong, 0, "%d pairs of rule and event, of which %d match", pairs,
           matches);
    ok(matches > pairs / 20 && matches < pairs / 2, "neither none nor all");

    words();

    free(memory_start);

    return done_testing();
}


/* rules in one matcher, and events against it: how many events differ */

static int
one_set(int *pairs, int *matches)
{
    char                 flags[RULES], want[256], have[256], *conf, *json;
    int                  i, n, wrong, event;
    char                *text[RULES];
    rule_t              *rule[RULES];
    event_t              e;
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *condition;

    static time_t  now = NOW;

    rules_create(&rules);

    n = 1 + pick(RULES);
    wrong = 0;
    m = ngx_er_matcher_create(rules.pool, rules.fields, 0);

    for (i = 0; i < n; i++) {
        rule[i] = make_rule(0, 0);
        rule[i]->kind = 'a';
        flags[i] = "----------llffcc"[pick(16)];

        text[i] = get(1 << 14);
        conf = print_rules(text[i], rule[i]->child);
        *conf = '\0';

        condition = rules_read(&rules, text[i]);

        if (condition == NULL) {
            diag("%s: %s", text[i], rules.err.text);
            rules_destroy(&rules);
            return 1;
        }

        (void) ngx_er_matcher_add(m, i, condition, flags[i] == 'l',
                                  flags[i] == 'f', flags[i] == 'c');
    }

    if (ngx_er_matcher_compile(m, &rules.err) != NGX_OK) {
        rules_destroy(&rules);
        return 1;
    }

    for (event = 0; event < EVENTS; event++) {
        make_event(&e);

        json = get(1 << 16);
        *print_node(json, e.body) = '\0';

        rules.nfields = 0;

        if (e.type) {
            rules_field(&rules, "type", e.type);
        }

        facts = rules_event(&rules, json);

        if (facts == NULL) {
            diag("not read: %s", json);
            wrong++;
            continue;
        }

        facts->received = &now;

        got(m, facts, have);
        expected(rule, flags, n, &e, want);

        *pairs += n;

        for (i = 0; want[i]; i++) {
            *matches += (want[i] == ' ');
        }

        if (strcmp(want, have) == 0) {
            continue;
        }

        wrong++;
        diag("event %s, type %s: got \"%s\", expected \"%s\"", json,
             e.type ? e.type : "-", have, want);

        for (i = 0; i < n; i++) {
            diag("  %d %c %s", i, flags[i], text[i]);
        }
    }

    rules_destroy(&rules);

    return wrong;
}


/*
 * Many routes that ask for a part of the same text, so that each is looked up
 * by a part of its own: wherever that stands, also at the very end.
 */

static void
words(void)
{
    char               (*word)[16], *line, *want, *have, json[256], text[64];
    int                  i, n, wrong;
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *condition;

    memory = memory_start;
    word = get(WORDS * sizeof(word[0]));
    want = get(1 << 14);
    have = get(1 << 14);
    wrong = 0;

    rules_create(&rules);
    m = ngx_er_matcher_create(rules.pool, rules.fields, 0);

    for (i = 0; i < WORDS; i++) {
        make_word(word[i], 9);

        line = get(64);
        sprintf(line, i % 3 ? "when data.t contains %s;"
                            : "when data.t like '*%s*';", word[i]);

        condition = rules_read(&rules, line);
        (void) ngx_er_matcher_add(m, i, condition, 0, 0, 0);
    }

    if (ngx_er_matcher_compile(m, &rules.err) != NGX_OK) {
        wrong++;
    }

    for (i = 0; i < 4 * WORDS; i++) {

        /* a word of theirs begins the text, ends it or is all of it */

        make_word(text, 20);
        n = pick(4) ? (int) strlen(text) : 0;

        if (pick(3)) {
            strcpy(text + n, word[i % WORDS]);

        } else {
            memmove(text + strlen(word[i % WORDS]), text, n);
            memcpy(text, word[i % WORDS], strlen(word[i % WORDS]));
            text[n + strlen(word[i % WORDS])] = '\0';
        }

        sprintf(json, "{\"t\":\"%s\"}", text);

        facts = rules_event(&rules, json);
        got(m, facts, have);
        words_in(word, text, want);

        if (strcmp(want, have) != 0 || want[0] == '\0') {
            diag("%s: got \"%s\", expected \"%s\"", text, have, want);
            wrong++;
        }
    }

    is_int(wrong, 0, "%d parts of texts, at their beginning and end too",
           WORDS);

    rules_destroy(&rules);
}


static void
make_word(char *word, int max)
{
    int  n;

    for (n = 1 + pick(max); n; n--) {
        *word++ = 'a' + pick(20);
    }

    *word = '\0';
}


static void
words_in(char (*word)[16], char *text, char *out)
{
    int  i;

    *out = '\0';

    for (i = 0; i < WORDS; i++) {
        if (strstr(text, word[i])) {
            out += sprintf(out, "%d ", i);
        }
    }
}


/* ---- events */

static void
make_event(event_t *event)
{
    int       i;
    node_t  **next;

    event->body = get(sizeof(node_t));
    event->body->type = NGX_ER_OBJECT;
    next = &event->body->child;

    if (pick(12) == 0) {
        event->body = make_node(1);
        next = NULL;
    }

    for (i = 0; next && i < 3; i++) {
        if (pick(6)) {
            *next = make_node(0);
            (*next)->key = (const char *[]) { "a", "b", "c" }[i];
            next = &(*next)->next;
        }
    }

    event->type = pick(4) ? one_of(texts) : NULL;
    event->text.type = NGX_ER_STRING;
    event->text.torn = 0;
    event->text.text = event->type;
}


static node_t *
make_node(int depth)
{
    int       i, n;
    node_t   *node, **next;

    node = get(sizeof(node_t));
    next = &node->child;

    switch (pick(depth < 4 ? 12 : 6)) {

    case 0: case 1: case 2:
        node->type = NGX_ER_STRING;
        node->torn = (pick(8) == 0);
        node->text = node->torn ? one_of(torn) : one_of(texts);
        return node;

    case 3: case 4:
        node->type = NGX_ER_NUMBER;
        node->text = one_of(numbers);
        return node;

    case 5:
        i = pick(3);
        node->type = i ? NGX_ER_BOOLEAN : NGX_ER_NULL;
        node->text = (const char *[]) { "null", "true", "false" }[i];
        return node;

    case 6: case 7: case 8:
        node->type = NGX_ER_ARRAY;
        n = pick(4);

        for (i = 0; i < n; i++) {
            *next = make_node(depth + 1);
            next = &(*next)->next;
        }

        return node;

    default:
        node->type = NGX_ER_OBJECT;

        for (i = 0; i < 3; i++) {
            if (pick(2)) {
                *next = make_node(depth + 1);
                (*next)->key = (const char *[]) { "x", "y", "a" }[i];
                next = &(*next)->next;
            }
        }

        return node;
    }
}


static char *
print_node(char *p, node_t *node)
{
    node_t  *child;

    if (node->type == NGX_ER_STRING) {
        return print_string(p, node->text);
    }

    if (node->type != NGX_ER_ARRAY && node->type != NGX_ER_OBJECT) {
        return p + sprintf(p, "%s", node->text);
    }

    *p++ = (node->type == NGX_ER_ARRAY) ? '[' : '{';

    for (child = node->child; child; child = child->next) {

        if (pick(4) == 0) {
            *p++ = " \n\t"[pick(3)];
        }

        if (node->type == NGX_ER_OBJECT) {
            p = print_string(p, child->key);
            *p++ = ':';
        }

        p = print_node(p, child);

        if (child->next) {
            *p++ = ',';
        }
    }

    *p++ = (node->type == NGX_ER_ARRAY) ? ']' : '}';

    return p;
}


static char *
print_string(char *p, const char *text)
{
    *p++ = '"';

    for ( /* void */ ; *text; text++) {

        if ((*text & 0x80) == 0 && pick(24) == 0) {
            p += sprintf(p, "\\u%04x", *text);

        } else if (strncmp(text, "\xed\xa0\xbd", 3) == 0 && pick(2)) {
            p += sprintf(p, "\\ud83d");
            text += 2;

        } else if (strncmp(text, "\xed\xb8\x80", 3) == 0 && pick(2)) {
            p += sprintf(p, "\\ude00");
            text += 2;

        } else {
            *p++ = *text;
        }
    }

    *p++ = '"';

    return p;
}


/* ---- rules */

static rule_t *
make_rule(int depth, int each)
{
    int       i, n;
    rule_t   *rule, **next;

    if (depth && (depth > 3 || pick(3))) {
        return make_test(each);
    }

    rule = get(sizeof(rule_t));
    rule->kind = "aonoe"[pick(5)];

    if (depth == 0) {
        rule->kind = 'a';
    }

    if (rule->kind == 'e') {

        /* "each" goes through an array, not through all keys */

        do {
            rule->field = (each && pick(2)) ? one_of(inner) : one_of(arrays);
        } while (strchr(rule->field, '*'));

        each = 1;
    }

    n = 1 + pick(3);
    next = &rule->child;

    for (i = 0; i < n; i++) {
        *next = make_rule(depth + 1, each);
        next = &(*next)->next;
    }

    return rule;
}


static rule_t *
make_test(int each)
{
    int          i;
    rule_t      *rule;
    const char  *op;

    rule = get(sizeof(rule_t));

    rule->kind = 't';
    rule->field = (each && pick(3)) ? one_of(inner) : one_of(fields);
    rule->op = op = one_of(operators);
    rule->negated = strcmp(op, "!=") && strcmp(op, "missing")
                    && pick(6) == 0;
    rule->nwords = 1 + pick(3);

    if (strchr("<>", op[0]) || is_of_times(op)) {
        rule->nwords = 1;
    }

    if (pick(5) == 0) {
        rule->op = one_of(pairs_of);
        rule->other = (each && pick(2)) ? one_of(inner) : one_of(fields);

        if (strcmp(rule->other, rule->field) != 0) {
            rule->negated = rule->op[0] != '!' && pick(6) == 0;
            rule->nwords = 0;
            return rule;
        }

        rule->op = op;
        rule->other = NULL;
    }

    if (strcmp(op, "exists") == 0 || strcmp(op, "missing") == 0
        || strcmp(op, "empty") == 0 || strcmp(op, "null") == 0)
    {
        rule->nwords = 0;
    }

    for (i = 0; i < rule->nwords; i++) {
        rule->word[i] = strchr("<>", op[0])
                        ? (pick(2) ? one_of(numbers) : one_of(orders))
                        : strcmp(op, "within") == 0 ? one_of(spans)
                        : is_of_times(op) ? one_of(moments)
                        : strcmp(op, "is") == 0 ? one_of(kinds)
                        : strcmp(op, "cidr") == 0 ? one_of(networks)
                        : strncmp(op, "like", 4) == 0 ? one_of(likes)
                        : strchr("psc", op[0]) ? one_of(parts)
                        : pick(2) ? one_of(texts) : one_of(numbers);
    }

    if (strcmp(op, "between") == 0) {
        rule->nwords = 2;
        rule->word[0] = (const char *[]) { "-5", "0", "1", "0.1" }[pick(4)];
        rule->word[1] = (const char *[]) { "1", "2", "1e3", "1e20" }[pick(4)];

        if (pick(3) == 0) {
            rule->word[0] = (const char *[]) { "A", "a", "ab", "2026-05" }
                            [pick(4)];
            rule->word[1] = (const char *[]) { "b", "xabc", "x", "vip" }
                            [pick(4)];
        }
    }

    return rule;
}


static int
is_of_times(const char *op)
{
    return !strcmp(op, "before") || !strcmp(op, "after")
           || !strcmp(op, "within");
}


static char *
print_rules(char *p, rule_t *rule)
{
    int  i;

    for ( /* void */ ; rule; rule = rule->next) {

        if (rule->kind == 't') {
            p += sprintf(p, "when %s%s %s", rule->field,
                         rule->negated ? " not" : "", rule->op);

            for (i = 0; i < rule->nwords; i++) {
                p = print_word(p, rule->word[i]);
            }

            if (rule->other) {
                p += sprintf(p, " $field:%s", rule->other);
            }

            p += sprintf(p, "; ");
            continue;
        }

        p += sprintf(p, "%s", rule->kind == 'a' ? "all"
                              : rule->kind == 'o' ? "any"
                              : rule->kind == 'n' ? "none" : "each ");

        if (rule->kind == 'e') {
            p += sprintf(p, "%s", rule->field);
        }

        p = print_rules(p + sprintf(p, " { "), rule->child);
        p += sprintf(p, "} ");
    }

    return p;
}


static char *
print_word(char *p, const char *word)
{
    return p + sprintf(p, " '%s'", word);
}


/* ---- the evaluator */

static void
expected(rule_t **rule, char *flags, int n, event_t *event, char *out)
{
    int   i, fallback, taken, last;
    char  matched[RULES] = { 0 };

    taken = 0;
    last = 0;

    for (fallback = 0; fallback < 2 && !taken; fallback++) {

        for (i = 0; i < n && !last; i++) {

            if ((flags[i] == 'f') != fallback
                || !holds(rule[i], event, NULL))
            {
                continue;
            }

            matched[i] = 1;
            taken |= (flags[i] != 'c');
            last = (flags[i] == 'l');
        }
    }

    /* in the order of the file, also where a copy has a fallback before it */

    *out = '\0';

    for (i = 0; i < n; i++) {
        if (matched[i]) {
            out += sprintf(out, "%d ", i);
        }
    }
}


static int
holds(rule_t *rule, event_t *event, node_t *element)
{
    int      any, all;
    rule_t  *child;

    if (rule->kind == 't') {
        return test(rule, event, element);
    }

    if (rule->kind == 'e') {
        return each(rule, event, element);
    }

    any = 0;
    all = 1;

    for (child = rule->child; child; child = child->next) {
        if (holds(child, event, element)) {
            any = 1;

        } else {
            all = 0;
        }
    }

    return rule->kind == 'a' ? all : rule->kind == 'o' ? any : !any;
}


/* an element: what is in an array, or an object that might have been */

static int
each(rule_t *rule, event_t *event, node_t *element)
{
    int        i, all;
    rule_t    *child;
    values_t  *v;

    v = malloc(sizeof(values_t));
    v->n = 0;
    all = 0;

    look(v, rule->field, event, element);

    for (i = 0; i < v->n && !all; i++) {

        /* "each ." is the element that we are in, whatever it is */

        if (strcmp(rule->field, ".") != 0
            && (v->found[i].node->type == NGX_ER_ARRAY
                || (!v->found[i].crossed
                    && v->found[i].node->type != NGX_ER_OBJECT)))
        {
            continue;
        }

        all = 1;

        for (child = rule->child; child; child = child->next) {
            all &= holds(child, event, v->found[i].node);
        }
    }

    free(v);

    return all;
}


static int
test(rule_t *rule, event_t *event, node_t *element)
{
    int          i, k, own, any, met, negated;
    values_t    *v, *w;
    const char  *op;

    op = rule->op;
    negated = rule->negated ^ (op[0] == '!') ^ (strcmp(op, "missing") == 0);
    own = !strcmp(op, "exists") || !strcmp(op, "missing")
          || !strcmp(op, "empty") || !strcmp(op, "null") || !strcmp(op, "is");

    v = malloc(sizeof(values_t));
    v->n = 0;
    look(v, rule->field, event, element);

    met = 0;

    if (rule->other) {
        w = malloc(sizeof(values_t));
        w->n = 0;
        look(w, rule->other, event, element);

        for (i = 0; i < v->n; i++) {
            for (k = 0; k < w->n; k++) {
                met |= pair_meets(op, v->found[i].node, w->found[k].node);
            }
        }

        free(v);
        free(w);

        return met != negated;
    }

    for (k = 0; k < (rule->nwords ? rule->nwords : 1); k++) {
        any = 0;

        for (i = 0; i < v->n; i++) {
            node_t  *node = v->found[i].node;

            if (own ? v->found[i].crossed
                : node->type == NGX_ER_ARRAY || node->type == NGX_ER_OBJECT)
            {
                continue;
            }

            any |= meets(rule, node, rule->word[k]);
        }

        met += any;
    }

    free(v);

    any = strcmp(op, "has_all") == 0 ? met == rule->nwords : met > 0;

    return any != negated;
}


static void
look(values_t *v, const char *field, event_t *event, node_t *element)
{
    if (strcmp(field, ".") == 0) {
        v->found[0].node = element;
        v->found[0].crossed = 0;
        v->n = 1;
        return;
    }

    if (field[0] == '.') {
        collect(v, field, element);
        return;
    }

    if (strcmp(field, "type") == 0) {
        if (event->type) {
            emit(v, &event->text, 0);
        }

        return;
    }

    collect(v, field + 4, event->body);
}


/* path: "", ".key...", ".*..." or "[0]...", "[-1]..." */

static void
collect(values_t *v, const char *path, node_t *node)
{
    int      n;
    size_t   len;
    node_t  *child;

    if (*path == '\0') {
        emit(v, node, 0);
        return;
    }

    if (*path == '[') {
        n = atoi(path + 1);

        if (n < 0 && node->type == NGX_ER_ARRAY) {
            for (child = node->child; child; child = child->next) {
                n++;
            }

            if (n < 0) {
                return;
            }
        }

        for (child = node->type == NGX_ER_ARRAY ? node->child : NULL; child;
             child = child->next)
        {
            if (n-- == 0) {
                collect(v, strchr(path, ']') + 1, child);
            }
        }

        return;
    }

    if (node->type == NGX_ER_ARRAY) {
        for (child = node->child; child; child = child->next) {
            collect(v, path, child);
        }

        return;
    }

    len = strcspn(path + 1, ".[");

    for (child = node->type == NGX_ER_OBJECT ? node->child : NULL; child;
         child = child->next)
    {
        if ((len == 1 && path[1] == '*')
            || (strlen(child->key) == len
                && strncmp(child->key, path + 1, len) == 0))
        {
            collect(v, path + 1 + len, child);
        }
    }
}


static void
emit(values_t *v, node_t *node, int crossed)
{
    node_t  *child;

    v->found[v->n].node = node;
    v->found[v->n++].crossed = crossed;

    if (node->type == NGX_ER_ARRAY) {
        for (child = node->child; child; child = child->next) {
            emit(v, child, 1);
        }
    }
}


static int
meets(rule_t *rule, node_t *node, const char *word)
{
    __int128     n, low, high;
    const char  *op;

    op = rule->op;

    if (!strcmp(op, "exists") || !strcmp(op, "missing")) {
        return 1;
    }

    if (!strcmp(op, "null")) {
        return node->type == NGX_ER_NULL;
    }

    if (!strcmp(op, "empty")) {
        return (node->type == NGX_ER_STRING && node->text[0] == '\0')
               || ((node->type == NGX_ER_ARRAY || node->type == NGX_ER_OBJECT)
                   && node->child == NULL);
    }

    if (!strcmp(op, "is")) {
        return strcmp(word, kinds[node->type - 1]) == 0;
    }

    if (node->torn) {
        return 0;
    }

    if (!strcmp(op, "=") || !strcmp(op, "!=") || !strcmp(op, "has_all")) {
        return (node->type == NGX_ER_NUMBER)
               ? is_number(node->text, &n) && is_number(word, &low)
                 && n == low
               : strcmp(node->text, word) == 0;
    }

    if (is_of_times(op)) {

        if ((node->type != NGX_ER_NUMBER && node->type != NGX_ER_STRING)
            || !is_time(node->text, &n))
        {
            return 0;
        }

        if (!strcmp(op, "within")) {
            low = (__int128) atoi(word) * 2000000000
                  * (strchr(word, 'h') ? 3600 : strchr(word, 'm') ? 60
                     : strchr(word, 'd') ? 86400
                     : strchr(word, 'y') ? 31536000 : 1);
            high = (__int128) NOW * 2000000000;

            return n >= high - low && n <= high + low;
        }

        if (!strncmp(word, "now", 3)) {
            low = (__int128) NOW * 2000000000
                  + (__int128) atoi(word + 3) * 3600 * 2000000000;

        } else {
            (void) is_time(word, &low);
        }

        return strcmp(op, "before") ? n > low : n < low;
    }

    if ((!strcmp(op, "between") || strchr("<>", op[0]))
        && !is_number(rule->word[0], &low))
    {
        if (node->type != NGX_ER_STRING) {
            return 0;
        }

        if (!strcmp(op, "between")) {
            return strcmp(node->text, rule->word[0]) >= 0
                   && strcmp(node->text, rule->word[1]) <= 0;
        }

        return ordered(op, strcmp(node->text, word));
    }

    if (!strcmp(op, "between") || strchr("<>", op[0])) {

        if ((node->type != NGX_ER_NUMBER && node->type != NGX_ER_STRING)
            || !is_number(node->text, &n) || !is_number(rule->word[0], &low))
        {
            return 0;
        }

        return !strcmp(op, "<") ? n < low : !strcmp(op, "<=") ? n <= low
               : !strcmp(op, ">") ? n > low : !strcmp(op, ">=") ? n >= low
               : is_number(rule->word[1], &high) && n >= low && n <= high;
    }

    return text_meets(op, node->text, word);
}


static int
pair_meets(const char *op, node_t *a, node_t *b)
{
    int       an, bn;
    __int128  one, two;

    if (a->torn || b->torn || a->type == NGX_ER_ARRAY
        || a->type == NGX_ER_OBJECT || b->type == NGX_ER_ARRAY
        || b->type == NGX_ER_OBJECT)
    {
        return 0;
    }

    an = (a->type == NGX_ER_NUMBER || a->type == NGX_ER_STRING);
    bn = (b->type == NGX_ER_NUMBER || b->type == NGX_ER_STRING);

    if (is_of_times(op)) {
        return an && bn && is_time(a->text, &one) && is_time(b->text, &two)
               && (strcmp(op, "before") ? one > two : one < two);
    }

    an = an && is_number(a->text, &one);
    bn = bn && is_number(b->text, &two);

    if (strchr("=!", op[0])) {
        return (a->type == NGX_ER_NUMBER || b->type == NGX_ER_NUMBER)
               ? an && bn && one == two : strcmp(a->text, b->text) == 0;
    }

    if (an && bn) {
        return ordered(op, (one > two) - (one < two));
    }

    return a->type == NGX_ER_STRING && b->type == NGX_ER_STRING
           && ordered(op, strcmp(a->text, b->text));
}


static int
ordered(const char *op, int rc)
{
    return op[0] == '<' ? (op[1] ? rc <= 0 : rc < 0)
                        : (op[1] ? rc >= 0 : rc > 0);
}


/* half nanoseconds and leap seconds: a second has 2,000,000,000 of them */

static int
is_time(const char *text, __int128 *t)
{
    int          y, mo, d, h, mi, s, n, sign, oh, om, leap;
    time_t       sec;
    __int128     decimal;
    struct tm    tm, back;
    const char  *p;
    long long    nano, unit;

    n = 0;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s,
               &n) != 6 || n != 19)
    {
        if (!is_number(text, &decimal)
            || decimal <= -(__int128) 100000000000000 * SCALE
            || decimal >= (__int128) 100000000000000 * SCALE)
        {
            return 0;
        }

        if (decimal >= (__int128) 100000000000 * SCALE
            || decimal <= -(__int128) 100000000000 * SCALE)
        {
            decimal /= 1000;
        }

        /* SCALE is of microseconds, and a second is twice as long here */

        sec = decimal / SCALE - (decimal % SCALE < 0);
        *t = (__int128) sec * 2000000000 + (decimal - (__int128) sec * SCALE)
                                           * 1000;
        return 1;
    }

    p = text + n;
    nano = 0;

    if (*p == '.') {
        for (p++, unit = 100000000; isdigit((u_char) *p); p++, unit /= 10) {
            nano += unit * (*p - '0');
        }
    }

    sign = 0;
    oh = om = 0;

    if (*p == 'Z') {
        p++;

    } else if (*p == '+' || *p == '-') {
        sign = (*p == '-') ? -1 : 1;

        if (sscanf(p + 1, p[3] == ':' ? "%2d:%2d" : "%2d%2d", &oh, &om) != 2) {
            return 0;
        }

        p += (p[3] == ':') ? 6 : 5;

    } else {
        return 0;
    }

    leap = (s == 60);

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = y - 1900;
    tm.tm_mon = mo - 1;
    tm.tm_mday = d;
    tm.tm_hour = h;
    tm.tm_min = mi;
    tm.tm_sec = s - leap;

    sec = timegm(&tm);
    gmtime_r(&sec, &back);

    if (*p != '\0' || back.tm_mday != d || back.tm_mon != mo - 1) {
        return 0;
    }

    *t = (__int128) (sec - sign * (oh * 3600 + om * 60)) * 2000000000 + nano
         + (leap ? 1000000000 : 0);

    return 1;
}


static int
text_meets(const char *op, const char *text, const char *word)
{
    int     fold;
    size_t  len, wlen, i;

    fold = strstr(op, "_ci") != NULL;
    len = strlen(text);
    wlen = strlen(word);

#define same(p)  (fold ? strncasecmp((p), word, wlen)                         \
                       : strncmp((p), word, wlen)) == 0

    if (!strncmp(op, "like", 4)) {
        return wildcard(text, word, fold);
    }

    if (!strcmp(op, "cidr")) {
        return in_network(text, word);
    }

    if (!strncmp(op, "prefix", 6)) {
        return same(text);
    }

    if (!strncmp(op, "suffix", 6)) {
        return len >= wlen && same(text + len - wlen);
    }

    for (i = 0; i + wlen <= len; i++) {
        if (same(text + i)) {
            return 1;
        }
    }

    return 0;
}


static int
wildcard(const char *text, const char *like, int fold)
{
    if (*like == '\0') {
        return *text == '\0';
    }

    if (*like == '*') {
        return wildcard(text, like + 1, fold)
               || (*text && wildcard(text + 1, like, fold));
    }

    if (*like == '\\' && (like[1] == '*' || like[1] == '\\')) {
        like++;
    }

    return *text && (fold ? strncasecmp(text, like, 1) == 0 : *text == *like)
           && wildcard(text + 1, like + 1, fold);
}


static int
in_network(const char *text, const char *network)
{
    int       i, bits, is4, net4;
    char      name[64], *slash;
    u_char    a[16], b[16];

    static const u_char  mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
                                        0xff };

    snprintf(name, sizeof(name), "%s", network);
    slash = strchr(name, '/');

    if (slash) {
        *slash++ = '\0';
    }

    net4 = (inet_pton(AF_INET, name, b) == 1);

    if (!net4) {
        (void) inet_pton(AF_INET6, name, b);
    }

    bits = slash ? atoi(slash) : net4 ? 32 : 128;
    is4 = (inet_pton(AF_INET, text, a) == 1);

    if (!is4) {
        if (inet_pton(AF_INET6, text, a) != 1) {
            return 0;
        }

        if (net4) {
            if (memcmp(a, mapped, 12) != 0) {
                return 0;
            }

            memmove(a, a + 12, 4);
        }

    } else if (!net4) {
        return 0;
    }

    for (i = 0; i < bits; i++) {
        if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1) {
            return 0;
        }
    }

    return 1;
}


/* a JSON number, times SCALE */

static int
is_number(const char *text, __int128 *n)
{
    int          negative, decimals, exponent, sign;
    const char  *p;

    p = text;
    negative = (*p == '-');
    p += negative;
    *n = 0;
    decimals = 0;
    exponent = 0;

    if (!isdigit((u_char) *p) || (*p == '0' && isdigit((u_char) p[1]))) {
        return 0;
    }

    for ( /* void */ ; isdigit((u_char) *p); p++) {
        *n = *n * 10 + *p - '0';
    }

    if (*p == '.') {
        if (!isdigit((u_char) p[1])) {
            return 0;
        }

        for (p++; isdigit((u_char) *p); p++) {
            *n = *n * 10 + *p - '0';
            decimals++;
        }
    }

    if (*p == 'e' || *p == 'E') {
        p++;
        sign = (*p == '-') ? -1 : 1;
        p += (*p == '-' || *p == '+');

        if (!isdigit((u_char) *p)) {
            return 0;
        }

        for ( /* void */ ; isdigit((u_char) *p); p++) {
            exponent = exponent * 10 + *p - '0';
        }

        exponent *= sign;
    }

    for (exponent += 6 - decimals; exponent > 0; exponent--) {
        *n *= 10;
    }

    for ( /* void */ ; exponent < 0; exponent++) {
        *n /= 10;
    }

    *n = negative ? -*n : *n;

    return *p == '\0';
}


/* ---- the rest */

static void
got(ngx_er_matcher_t *m, ngx_er_facts_t *facts, char *out)
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
        p += sprintf(p, "%d ", (int) id[i]);
    }
}


static unsigned
pick(unsigned n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return (unsigned) (seed >> 33) % n;
}


/* zeros, until the next set */

static void *
get(size_t size)
{
    void  *p;

    size = (size + 15) & ~(size_t) 15;

    if (memory + size > memory_end) {
        printf("Bail out! out of memory\n");
        exit(1);
    }

    p = memory;
    memory += size;

    return memset(p, 0, size);
}
