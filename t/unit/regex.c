
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Regular expressions: the operators give what PCRE alone gives, and whatever
 * the expression and the event are, the time is bounded.
 */


#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>
#include <time.h>

#include "rules.h"


static void test_same(void);
static void test_refused(void);
static void test_text(void);
static void test_event(void);
static int plain(const char *pattern, const char *text);
static int matches(const char *pattern, const char *text);
static void fill(char *text, size_t len, const char *unit, size_t every);


int
main(void)
{
    test_same();
    test_refused();
    test_text();
    test_event();

    return done_testing();
}


/* -1 is an error of the expression */

static void
test_same(void)
{
    size_t       i, k, n, wrong;
    char         text[9], pattern[9];
    unsigned     seed;

    static const char  *patterns[] = {
        "a", "^a", "a$", "^a$", "^", "$", "a|b", "^a|b", "a|^b|c$", "", "(",
        ")", "a)|(?:b", "a)", "(a", "[", "a\\", "a{2}", "(a)(b)\\2\\1", "\\Ab",
        "b\\z", "\\Gb", "(?i)B", "a(?i)b", "(?m)^b$", "(?s)a.b", "a.b",
        "(?=b)", "(?<=a)b", "(?<!a)b", "\\bb", "(?>a+)b", "a++b",
        "(?<x>a)\\k<x>",
        "(a)?b\\1", "((a)|b)\\2", "(?|(a)|(b))\\1", "(?:a|(b))(?(1)a|b)",
        "(a(?1)?b)", "(?#c)a", "a # b", "\\x61\\d*", "[^a]+$", "(ab)*$", NULL
    };

    static const char  *texts[] = {
        "a", "b", "ab", "ba", "aa", "abba", "b\na", "a\nb", "\nb\n", "AB", "c",
        "aab", "x a", "abab", "a b", "aaabbb", "ab\n", NULL
    };

    wrong = 0;
    n = 0;

    for (i = 0; patterns[i]; i++) {
        for (k = 0; texts[k]; k++) {
            if (matches(patterns[i], texts[k])
                != plain(patterns[i][0] ? patterns[i] : "(", texts[k]))
            {
                diag("%s on %s", patterns[i], texts[k]);
                wrong++;
            }

            n++;
        }
    }

    ok(wrong == 0 && n > 700, "written ones match as PCRE says");

    seed = 1;
    wrong = 0;

    for (i = 0; i < 20000; i++) {

        for (k = 0; k < sizeof(pattern) - 1; k++) {
            seed = seed * 1103515245 + 12345;
            pattern[k] = "ab^$.*+?|()"[(seed >> 16) % 11];
        }

        pattern[1 + i % (sizeof(pattern) - 1)] = '\0';
        pattern[sizeof(pattern) - 1] = '\0';

        for (k = 0; k < sizeof(text) - 1; k++) {
            seed = seed * 1103515245 + 12345;
            text[k] = "ab\n"[(seed >> 16) % 3];
        }

        text[1 + i % 7] = '\0';

        if (strncmp(pattern, "(*", 2) == 0) {
            continue;
        }

        if (matches(pattern, text) != plain(pattern, text)) {
            diag("%s on %s", pattern, text);
            wrong++;
        }
    }

    is_int((int) wrong, 0, "20000 random ones match as PCRE says");
}


static void
test_refused(void)
{
    int      refused;
    char     line[128];
    size_t   i;
    rules_t  rules;

    static const struct {
        const char  *pattern;
        const char  *text;
    } cases[] = {
        { "(*UTF)a", "\"(*\"" },
        { "(*LIMIT_MATCH=1000000)a", "\"(*\"" },
        { "(?x)a #b", "comment" },
        { "\\Qa", "\\Q" },
        { "(a|\\((?R)\\))", "(?1)" },
        { "(a|\\((?0)\\))", "(?1)" },
        { "(a|\\(\\g<0>\\))", "(?1)" },
        { "a)|(?:b", "unmatched" },
        { "[a", "missing terminating ]" },
        { "a{2,1}", "at \"" },
        { NULL, NULL }
    };

    for (i = 0; cases[i].pattern; i++) {
        rules_create(&rules);
        sprintf(line, "when data.s ~ '%s';", cases[i].pattern);

        refused = (rules_read(&rules, line) == NULL);

        ok(refused && strstr((char *) rules.err.text, cases[i].text),
           "%s: %.*s", cases[i].pattern, (int) rules.err.len, rules.err.text);

        rules_destroy(&rules);
    }
}


/* the worst that is known to be, each over a text of the longest length */

static void
test_text(void)
{
    char     *text;
    size_t    i;
    clock_t   start;

    static const struct {
        const char  *pattern;
        const char  *unit;
        size_t       every;            /* a "!" behind so many */
    } cases[] = {
        { "(a+)+$", "a", 0 }, { "(a+)+$", "a", 15 }, { "(a+)+$", "a", 11 },
        { "(x+x+)+[yz]", "x", 14 }, { "(a|aa)+$", "a", 0 },
        { "\\s+$", " ", 0 }, { "[a-z]+@[a-z]+", "a", 0 },
        { ".*.*=.*", "a", 0 }, { "(.*)(.*)(.*)(.*)x\\d", "a", 0 },
        { "(\\w+\\s?)*$", "ab", 0 }, { "(?:(?=[^=]*=)|a)+\\d", "a", 0 },
        { "(?=.*a)(?=.*b)(?=.*=)", "a", 0 }, { "(a?){40}a{40}", "a", 39 },
        { NULL, NULL, 0 }
    };

    text = malloc(16384 + 1);

    for (i = 0; cases[i].pattern; i++) {
        fill(text, 16384, cases[i].unit, cases[i].every);

        start = clock();
        (void) matches(cases[i].pattern, text);
        start = clock() - start;

        ok(start < CLOCKS_PER_SEC / 2, "%s takes %d ms", cases[i].pattern,
           (int) (start / (CLOCKS_PER_SEC / 1000)));
    }

    memset(text, 'a', 16384);
    text[16384] = '\0';
    is_int(matches("^a+$", text), 1, "16384 bytes are looked at");
    free(text);

    text = malloc(16385 + 1);
    memset(text, 'a', 16385);
    text[16385] = '\0';
    is_int(matches("^a+$", text), 0, "16385 bytes are not");
    free(text);
}


/* many texts, each of which is nearly too much */

static void
test_event(void)
{
    int                  i, holds;
    char                *json, *p;
    rules_t              rules;
    clock_t              start;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *slow, *quick;

    holds = 0;

    rules_create(&rules);
    slow = rules_read(&rules, "when data.s ~ '(a+)+$';");
    quick = rules_read(&rules, "when data.q ~ '^q$';");

    json = malloc(300000);
    p = json + sprintf(json, "{\"q\":\"q\",\"s\":[\"\"");

    for (i = 0; i < 9000; i++) {
        p += sprintf(p, ",\"aaaaaaaaaaaa%.*s!\"", i % 12, "aaaaaaaaaaaa");
    }

    sprintf(p, "]}");

    facts = rules_event(&rules, json);
    is_int(ngx_er_condition_holds(quick, facts), 1, "before");

    start = clock();

    for (i = 0; i < 100; i++) {
        holds = ngx_er_condition_holds(slow, facts);
    }

    start = clock() - start;

    is_int(holds, 0, "100 times 9000 texts are given up");

    ok(start < CLOCKS_PER_SEC, "in %d ms",
       (int) (start / (CLOCKS_PER_SEC / 1000)));

    is_int(ngx_er_condition_holds(quick, facts), 0, "no time is left");

    facts = rules_event(&rules, json);
    is_int(ngx_er_condition_holds(quick, facts), 1, "the next event has all");

    /* what is not slow takes little of it, with sanitizers on a busy machine
       too */

    p = json + sprintf(json, "{\"q\":\"q\",\"s\":[\"\"");

    for (i = 0; i < 1000; i++) {
        p += sprintf(p, ",\"%d bags\"", i);
    }

    sprintf(p, "]}");

    slow = rules_read(&rules, "when data.s ~ '^999 bags$';");
    facts = rules_event(&rules, json);

    is_int(ngx_er_condition_holds(slow, facts), 1, "1000 texts are no matter");
    is_int(ngx_er_condition_holds(quick, facts), 1, "nor for what follows");

    free(json);
    rules_destroy(&rules);
}


static int
plain(const char *pattern, const char *text)
{
    int                rc;
    size_t             offset;
    pcre2_code        *re;
    pcre2_match_data  *md;

    re = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED, 0, &rc,
                       &offset, NULL);
    if (re == NULL) {
        return -1;
    }

    md = pcre2_match_data_create_from_pattern(re, NULL);
    rc = pcre2_match(re, (PCRE2_SPTR) text, strlen(text), 0, 0, md, NULL);

    pcre2_match_data_free(md);
    pcre2_code_free(re);

    return rc >= 0;
}


static int
matches(const char *pattern, const char *text)
{
    int                  rc;
    ngx_str_t            args[3];
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    rules_create(&rules);
    rules_field(&rules, "header.s", text);

    args[0] = rules_str("header.s");
    args[1] = rules_str("~");
    args[2] = rules_str(pattern);

    condition = ngx_er_condition_test(rules.pool, args, 3, NULL, rules.fields,
                                      &rules.err);

    if (condition == NULL) {
        rules_destroy(&rules);
        return -1;
    }

    facts = rules_event(&rules, "{}");
    rc = (int) ngx_er_condition_holds(condition, facts);

    rules_destroy(&rules);

    return rc;
}


/* ends with a "!" */

static void
fill(char *text, size_t len, const char *unit, size_t every)
{
    size_t  i, n;

    n = strlen(unit);

    for (i = 0; i < len; i++) {
        text[i] = (every && i % (every + 1) == every) ? '!' : unit[i % n];
    }

    text[len - 1] = '!';
    text[len] = '\0';
}
