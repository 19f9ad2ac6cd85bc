
/*
 * Copyright (C) Event Router contributors
 */


/*
 * route/condition.c and comparison.c: every operator against every
 * kind of value, blocks, each, errors; negations as exact complements for
 * random conditions and events; events come through the real scanner, and
 * once by hand.
 */


#include "rules.h"
#include "../../ngx_event_router_module/route/condition_eval.h"
#include "../../ngx_event_router_module/route/pack.h"


typedef struct {
    const char  *line;             /* OP VALUE... */
    const char  *holds;            /* by values[] */
} table_t;


typedef struct {
    const char  *event;
    const char  *condition;
    int          holds;
} case_t;


typedef struct {
    const char  *condition;
    const char  *error;            /* a part of it */
} bad_t;


static void test_table(void);
static void test_cases(case_t *cases, const char *what);
static void test_attributes(void);
static void test_bad(void);
static void test_by_hand(void);
static void test_many(void);
static void test_hostile(void);
static void test_work(void);
static ngx_uint_t work(ngx_er_condition_t *condition, rules_t *rules,
    ngx_uint_t n);
static void test_random(void);
static void test_far(void);
static void test_memory(void);
static int holds(const char *event, const char *condition);
static int packed(ngx_er_condition_t *c, ngx_er_facts_t *facts);
static void forget(ngx_er_condition_t *c);


static const char  *values[] = {
    "{\"v\":\"5\"}",
    "{\"v\":\"\"}",
    "{\"v\":\"abc\"}",
    "{\"v\":5.0}",
    "{\"v\":true}",
    "{\"v\":null}",
    "{\"v\":[]}",
    "{\"v\":[\"abc\",5]}",
    "{\"v\":{}}",
    "{\"v\":{\"x\":1}}",
    "{\"w\":1}",
    NULL
};


static table_t  table[] = {
             /* "5" ""  abc 5.0 true null [] [abc,5] {} {x} missing */
    { "= 5",                "10010001000" },
    { "= 5.0",              "00010001000" },
    { "= 0.5e1",            "00010001000" },
    { "= abc",              "00100001000" },
    { "= ABC",              "00000000000" },
    { "= ''",               "01000000000" },
    { "= true",             "00001000000" },
    { "= false",            "00000000000" },
    { "= null",             "00000100000" },
    { "= 5 abc",            "10110001000" },
    { "= 1",                "00000000000" },
    { "= []",               "00000000000" },
    { "!= 5",               "01101110111" },
    { "!= 5 abc",           "01001110111" },
    { "~ ^a",               "00100001000" },
    { "~ ^A",               "00000000000" },
    { "~* ^A",              "00100001000" },
    { "~ .",                "10111101000" },
    { "~ ^$",               "01000000000" },
    { "~ x ^a y",           "00100001000" },
    { "!~ ^a",              "11011110111" },
    { "!~* ^A",             "11011110111" },
    { "< 6",                "10010001000" },
    { "< 5",                "00000000000" },
    { "<= 5",               "10010001000" },
    { "<= 4.999",           "00000000000" },
    { "> 4",                "10010001000" },
    { "> 5",                "00000000000" },
    { ">= 5",               "10010001000" },
    { ">= 5.01",            "00000000000" },
    { "between 5 6",        "10010001000" },
    { "between 4 5",        "10010001000" },
    { "between 5 5.0",      "10010001000" },
    { "between 6 7",        "00000000000" },
    { "between -1 4",       "00000000000" },
    { "prefix a",           "00100001000" },
    { "prefix A",           "00000000000" },
    { "prefix 5",           "10010001000" },
    { "prefix 5.",          "00010000000" },
    { "prefix abcd",        "00000000000" },
    { "prefix x a",         "00100001000" },
    { "prefix_ci A",        "00100001000" },
    { "prefix_ci a",        "00100001000" },
    { "suffix bc",          "00100001000" },
    { "suffix BC",          "00000000000" },
    { "suffix_ci BC",       "00100001000" },
    { "suffix .0",          "00010000000" },
    { "contains b",         "00100001000" },
    { "contains B",         "00000000000" },
    { "contains_ci B",      "00100001000" },
    { "contains u",         "00001100000" },
    { "contains abc",       "00100001000" },
    { "contains abcd",      "00000000000" },
    { "like a*",            "00100001000" },
    { "like A*",            "00000000000" },
    { "like_ci A*C",        "00100001000" },
    { "like_ci ABC",        "00100001000" },
    { "like *",             "11111101000" },
    { "like ''",            "01000000000" },
    { "like *b*",           "00100001000" },
    { "has_all abc 5",      "00000001000" },
    { "has_all 5",          "10010001000" },
    { "has_all abc abc",    "00100001000" },
    { "has_all abc 5 x",    "00000000000" },
    { "cidr 0.0.0.0/0 ::/0", "00000000000" },
    { "exists",             "11111111110" },
    { "missing",            "00000000001" },
    { "empty",              "01000010100" },
    { "null",               "00000100000" },
    { "is string",          "11100000000" },
    { "is number",          "00010000000" },
    { "is boolean",         "00001000000" },
    { "is null",            "00000100000" },
    { "is array",           "00000011000" },
    { "is object",          "00000000110" },
    { "is string number",   "11110000000" },
    { "is array object",    "00000011110" },
    { NULL, NULL }
};


static case_t  equality[] = {
    { "{\"v\":9007199254740993}", "when data.v = 9007199254740993;", 1 },
    { "{\"v\":9007199254740993}", "when data.v = 9007199254740992;", 0 },
    { "{\"v\":1e3}", "when data.v = 1000;", 1 },
    { "{\"v\":0.1}", "when data.v = 0.10;", 1 },
    { "{\"v\":-0}", "when data.v = 0;", 1 },
    { "{\"v\":12345678901234567890}", "when data.v = 12345678901234567890;",
      1 },
    { "{\"v\":5}", "when data.v = 05;", 0 },
    { "{\"v\":\"05\"}", "when data.v = 05;", 1 },
    { "{\"v\":\"5\"}", "when data.v = 5.0;", 0 },
    { "{\"v\":\"true\"}", "when data.v = true;", 1 },
    { "{\"v\":\"null\"}", "when data.v = null;", 1 },
    { "{\"v\":\"null\"}", "when data.v null;", 0 },
    { "{\"v\":\"caf\\u00e9\"}", "when data.v = caf\xc3\xa9;", 1 },
    { "{\"v\":\"a\\nb\"}", "when data.v = 'a\nb';", 1 },
    { "{\"v\":\"1000.50\"}", "when data.v >= 1000.5;", 1 },
    { "{\"v\":\"1000.50\"}", "when data.v < 1000.51;", 1 },
    { "{\"v\":\" 1000\"}", "when data.v > 1;", 0 },
    { "{\"v\":\"1,000\"}", "when data.v > 0;", 0 },
    { "{\"v\":\"1000 EUR\"}", "when data.v > 0;", 0 },
    { "{\"v\":\"0x10\"}", "when data.v > 0;", 0 },
    { "{\"v\":\"\"}", "when data.v < 1;", 0 },
    { "{\"v\":true}", "when data.v >= 0;", 0 },
    { "{\"v\":\"1e3\"}", "when data.v = 1000;", 0 },
    { "{\"v\":\"1e3\"}", "when data.v between 1000 1000;", 1 },
    { "{\"v\":-5}", "when data.v < -4.9;", 1 },
    { "{\"v\":9007199254740993}", "when data.v > 9007199254740992;", 1 },
    { NULL, NULL, 0 }
};


static case_t  text[] = {
    { "{\"v\":\"abcabd\"}", "when data.v like *abd;", 1 },
    { "{\"v\":\"abcabd\"}", "when data.v like ab*ab*;", 1 },
    { "{\"v\":\"ab\"}", "when data.v like ab*ab;", 0 },
    { "{\"v\":\"aba\"}", "when data.v like ab*ba;", 0 },
    { "{\"v\":\"abab\"}", "when data.v like ab*ab;", 1 },
    { "{\"v\":\"aXbXc\"}", "when data.v like a*b*c;", 1 },
    { "{\"v\":\"aXcXb\"}", "when data.v like a*b*c;", 0 },
    { "{\"v\":\"a**b\"}", "when data.v like a\\*\\*b;", 1 },
    { "{\"v\":\"axxb\"}", "when data.v like a\\*\\*b;", 0 },
    { "{\"v\":\"a\\\\b\"}", "when data.v like a\\\\b;", 1 },
    { "{\"v\":\"a\\\\b\"}", "when data.v like a\\b;", 1 },
    { "{\"v\":\"a\\\\xb\"}", "when data.v like a\\\\*b;", 1 },
    { "{\"v\":\"ab\"}", "when data.v like a**b;", 1 },
    { "{\"v\":\"\"}", "when data.v like **;", 1 },
    { "{\"v\":\"Abc\"}", "when data.v like_ci *BC;", 1 },
    { "{\"v\":\"xAbCx\"}", "when data.v like_ci *aBc*;", 1 },
    { "{\"v\":\"\\u00c9\"}", "when data.v prefix_ci \xc3\xa9;", 0 },
    { "{\"v\":\"STRASSE\"}", "when data.v contains_ci rass;", 1 },
    { "{\"v\":\"aaab\"}", "when data.v contains aab;", 1 },
    { "{\"v\":\"refs/tags/v1.2.3\"}",
      "when data.v ~ '^refs/tags/v\\d+\\.\\d+\\.\\d{1,3}$';", 1 },
    { "{\"v\":\"x\"}", "when data.v ~ '^(?:a|b)$';", 0 },
    { "{\"v\":\"dependabot[bot]\"}", "when data.v !~ '\\[bot\\]$';", 0 },
    { "{\"v\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
      "when data.v ~ '^(a+)+$';", 1 },
    { NULL, NULL, 0 }
};


static case_t  networks[] = {
    { "{\"v\":\"192.0.2.7\"}", "when data.v cidr 192.0.2.0/24;", 1 },
    { "{\"v\":\"192.0.3.7\"}", "when data.v cidr 192.0.2.0/24;", 0 },
    { "{\"v\":\"192.0.3.7\"}", "when data.v cidr 10.0.0.0/8 192.0.3.7;", 1 },
    { "{\"v\":\"192.0.3.7\"}", "when data.v not cidr 10.0.0.0/8;", 1 },
    { "{\"v\":\"2001:db8::1\"}", "when data.v cidr 2001:db8::/32;", 1 },
    { "{\"v\":\"2001:DB8:0:0::1\"}", "when data.v cidr 2001:db8::/32;", 1 },
    { "{\"v\":\"2001:db9::1\"}", "when data.v cidr 2001:db8::/32;", 0 },
    { "{\"v\":\"::ffff:192.0.2.7\"}", "when data.v cidr 192.0.2.0/24;", 1 },
    { "{\"v\":\"::ffff:c000:207\"}", "when data.v cidr 192.0.2.0/24;", 1 },
    { "{\"v\":\"192.0.2.7\"}", "when data.v cidr ::/0;", 0 },
    { "{\"v\":\"::1\"}", "when data.v cidr 0.0.0.0/0;", 0 },
    { "{\"v\":\"255.255.255.255\"}", "when data.v cidr 0.0.0.0/0;", 1 },
    { "{\"v\":\"...\"}", "when data.v cidr 0.0.0.0/0;", 0 },
    { "{\"v\":\"1.2.3\"}", "when data.v cidr 0.0.0.0/0;", 0 },
    { "{\"v\":\"1.2.3.4:80\"}", "when data.v cidr 0.0.0.0/0;", 0 },
    { "{\"v\":\"unix:\"}", "when data.v cidr 0.0.0.0/0 ::/0;", 0 },
    { "{\"v\":\"1.2.3.4\\u0000\"}", "when data.v cidr 0.0.0.0/0;", 0 },
    { NULL, NULL, 0 }
};


#define ORDER                                                                 \
    "{\"items\":["                                                            \
    "{\"sku\":\"A-1\",\"n\":2,\"tax\":[{\"r\":5},{\"r\":19}],\"tags\":[]},"   \
    "{\"sku\":\"B-1\",\"n\":20,\"tax\":[{\"r\":19}],\"tags\":[\"x\",\"y\"]}," \
    "{\"sku\":\"A-2\",\"n\":1,\"note\":null}],"                               \
    "\"one\":{\"sku\":\"A-1\",\"n\":30},"                                     \
    "\"tags\":[\"vip\",\"eu\"],\"none\":[],\"empty\":{},\"null\":null,"       \
    "\"deep\":[[{\"a\":1,\"b\":2}],[{\"a\":3,\"b\":4},{\"a\":5}]],"           \
    "\"s\":\"text\"}"


static case_t  arrays[] = {
    { ORDER, "when data.items.sku = B-1;", 1 },
    { ORDER, "when data.items.sku prefix A-;", 1 },
    { ORDER, "when data.items.sku != A-1;", 0 },
    { ORDER, "when data.items.sku != C;", 1 },
    { ORDER, "when data.items[1].sku = A-1;", 0 },
    { ORDER, "when data.items[1].sku = B-1;", 1 },
    { ORDER, "when data.items[7].sku missing;", 1 },
    { ORDER, "when data.items.tax.r > 18;", 1 },
    { ORDER, "when data.items[0].tax[1].r = 19;", 1 },
    { ORDER, "when data.tags has_all eu vip;", 1 },
    { ORDER, "when data.tags has_all eu us;", 0 },
    { ORDER, "when data.tags not has_all eu us;", 1 },
    { ORDER, "when data.tags is array;", 1 },
    { ORDER, "when data.tags is string;", 0 },
    { ORDER, "when data.tags[0] is string;", 1 },
    { ORDER, "when data.tags empty;", 0 },
    { ORDER, "when data.none empty;", 1 },
    { ORDER, "when data.none exists;", 1 },
    { ORDER, "when data.none.x missing;", 1 },
    { ORDER, "when data.null exists;", 1 },
    { ORDER, "when data.null null;", 1 },
    { ORDER, "when data.items.note null;", 1 },
    { ORDER, "when data.items.tags empty;", 1 },
    { ORDER, "when data.deep.a = 5;", 1 },
    { ORDER, "when data.deep is array;", 1 },
    { ORDER, "when data.deep is object;", 0 },
    { ORDER, "when data is object;", 1 },
    { ORDER, "when data exists;", 1 },
    { "[1,2]", "when data = 2; when data is array;", 1 },
    { "7", "when data = 7;", 1 },
    { "7", "when data.x missing;", 1 },
    { NULL, NULL, 0 }
};


static case_t  blocks[] = {
    { ORDER, "when data.s = text; when data.tags = vip;", 1 },
    { ORDER, "when data.s = text; when data.tags = x;", 0 },
    { ORDER, "any { when data.s = x; when data.s = text; }", 1 },
    { ORDER, "any { when data.s = x; when data.s = y; }", 0 },
    { ORDER, "none { when data.s = x; when data.s = y; }", 1 },
    { ORDER, "none { when data.s = x; when data.s = text; }", 0 },
    { ORDER, "all { when data.s = text; when data.tags = eu; }", 1 },
    { ORDER, "any { all { when data.s = x; } all { when data.s = text; "
             "none { when data.tags = us; } } }", 1 },
    { ORDER, "none { any { when data.s = text; } }", 0 },
    { ORDER, "none { none { when data.s = text; } }", 1 },
    { ORDER, "none { all { when data.s = text; when data.s = x; } }", 1 },
    { ORDER, "any { none { when data.s = text; } when data.s = x; }", 0 },
    { "{}", "all { }", 1 },
    { "{}", "any { }", 0 },
    { "{}", "none { }", 1 },
    { NULL, NULL, 0 }
};


static case_t  each[] = {
    { ORDER, "each data.items { when .sku prefix A-; when .n > 10; }", 0 },
    { ORDER, "each data.items { when .sku prefix B-; when .n > 10; }", 1 },
    { ORDER, "when data.items.sku prefix A-; when data.items.n > 10;", 1 },
    { ORDER, "each data.items { when .sku prefix A-; when .n = 1; }", 1 },
    { ORDER, "each data.items { when .tax missing; when .sku = A-2; }", 1 },
    { ORDER, "each data.items { when .tax missing; when .sku = A-1; }", 0 },
    { ORDER, "each data.items { when .note null; when .n = 1; }", 1 },
    { ORDER, "each data.items { when .tags empty; when .n = 2; }", 1 },
    { ORDER, "each data.items { when .tags empty; when .n = 20; }", 0 },
    { ORDER, "each data.items { when .tags has_all x y; }", 1 },
    { ORDER, "each data.items { when .tags not has_all x y; when .n = 20; }",
      0 },
    { ORDER, "each data.items { when .sku != A-1; when .sku != A-2; }", 1 },
    { ORDER, "each data.items { when .sku = A-1; when data.tags = vip; }", 1 },
    { ORDER, "each data.items { when .sku = A-1; when data.tags = no; }", 0 },
    { ORDER, "each data.items { when . is object; }", 1 },
    { ORDER, "each data.items { when . is array; }", 0 },
    { ORDER, "each data.tags { when . = eu; }", 1 },
    { ORDER, "each data.tags { when . prefix e; when . suffix p; }", 0 },
    { ORDER, "each data.tags { when . prefix v; when . suffix p; }", 1 },
    { ORDER, "each data.tags { when . exists; when . is string; }", 1 },
    { ORDER, "each data.none { when . exists; }", 0 },
    { ORDER, "each data.none { when .x missing; }", 0 },
    { ORDER, "each data.nowhere { when .x missing; }", 0 },
    { ORDER, "each data.null { when .x missing; }", 0 },
    { ORDER, "each data.s { when . = text; }", 0 },
    { ORDER, "each data.one { when .sku = A-1; when .n > 10; }", 1 },
    { ORDER, "each data.one { when .sku = A-1; when .n < 10; }", 0 },
    { ORDER, "each data.one { when . is object; }", 1 },
    { ORDER, "each data.empty { when . empty; when .x missing; }", 1 },
    { ORDER, "each data.items[1] { when .sku = B-1; when .n = 20; }", 1 },
    { ORDER, "each data { when .s = text; when .tags = vip; }", 1 },
    { ORDER, "each data.deep { when .a = 1; when .b = 2; }", 1 },
    { ORDER, "each data.deep { when .a = 5; when .b = 4; }", 0 },
    { ORDER, "each data.deep { when .a = 5; when .b missing; }", 1 },
    { ORDER, "each data.items { any { when .n > 10; when .sku = A-2; } "
             "when .note null; }", 1 },
    { ORDER, "each data.items { any { when .n > 10; when .sku = A-2; } "
             "none { when .note exists; when .sku = B-1; } }", 0 },
    { ORDER, "each data.items { none { when .sku = A-1; when .n > 10; } }",
      1 },
    { ORDER, "each data.items { none { any { when .n > 0; } } }", 0 },
    { ORDER, "each data.items { all { when .n = 2; when .sku = A-1; } }", 1 },
    { ORDER, "each data.items { none { all { when .n > 1; "
             "when .sku exists; } } }", 1 },
    { ORDER, "each data.items { when .sku = A-1; "
             "each .tax { when .r = 19; } }", 1 },
    { ORDER, "each data.items { when .sku = A-2; "
             "each .tax { when .r = 19; } }", 0 },
    { ORDER, "each data.items { when .sku = A-2; "
             "none { each .tax { when .r = 19; } } }", 1 },
    { ORDER, "each data.items { when .sku = B-1; "
             "none { each .tax { when .r = 5; } } }", 1 },
    { ORDER, "each data.items { when .n = 20; each .tax { when .r = 5; } }",
      0 },
    { ORDER, "each data.items { when .n = 20; "
             "each data.one { when .n = 30; } }", 1 },
    { ORDER, "each data.items { when .n = 20; "
             "each data.one { when .n = 20; } }", 0 },
    { ORDER, "each data.items { each . { when .n = 20; } when .sku = B-1; }",
      1 },
    { ORDER, "each data.items { each . { when .n = 20; } when .sku = A-1; }",
      0 },
    { ORDER, "none { each data.items { when .n > 100; } }", 1 },
    { ORDER, "none { each data.items { when .n > 10; } }", 0 },
    { ORDER, "any { each data.items { when .n > 100; } "
             "each data.one { when .n = 30; } }", 1 },
    { "[{\"a\":1,\"b\":1},{\"a\":2}]", "each data { when .a = 2; "
      "when .b missing; }", 1 },
    { "[{\"a\":1,\"b\":1},{\"a\":2}]", "each data { when .a = 2; "
      "when .b = 1; }", 0 },
    { "{\"o\":[{\"i\":{\"x\":1,\"y\":1}},{\"i\":[{\"x\":2,\"y\":1},"
      "{\"x\":1,\"y\":3}]}]}", "each data.o.i { when .x = 1; when .y = 3; }",
      1 },
    { "{\"o\":[{\"i\":{\"x\":1,\"y\":1}},{\"i\":[{\"x\":2,\"y\":1},"
      "{\"x\":1,\"y\":3}]}]}", "each data.o.i { when .x = 2; when .y = 3; }",
      0 },
    { "{\"o\":[{\"i\":{\"x\":1,\"y\":1}},{\"i\":[{\"x\":2,\"y\":1},"
      "{\"x\":1,\"y\":3}]}]}", "each data.o { each .i { when .x = 1; "
      "when .y = 1; } }", 1 },
    { NULL, NULL, 0 }
};


/* a string that is not UTF-8, or is cut off in a character */

static case_t  unreadable[] = {
    { "{\"v\":\"abc\xff\"}", "when data.v = 'abc\xff';", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v = x 'abc\xff';", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v != 'abc\xff';", 1 },
    { "{\"v\":\"abc\xff\"}", "when data.v has_all 'abc\xff';", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v prefix abc;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v prefix x abc;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v not prefix abc;", 1 },
    { "{\"v\":\"abc\xff\"}", "when data.v prefix_ci ABC;", 0 },
    { "{\"v\":\"\xff" "abc\"}", "when data.v suffix bc;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v contains b;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v like a*;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v ~ b;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v !~ b;", 1 },
    { "{\"v\":\"abc\\ud83d\"}", "when data.v prefix abc;", 0 },
    { "{\"v\":\"abc\\ud83d\"}", "when data.v contains b;", 0 },
    { "{\"v\":\"abc\xff\"}", "when data.v is string;", 1 },
    { "{\"v\":\"abc\xff\"}", "when data.v exists;", 1 },
    { "{\"v\":\"abc\xff\"}", "when data.v empty;", 0 },
    { "{\"v\":[\"abc\xff\",\"abd\"]}", "when data.v prefix abc;", 0 },
    { "{\"v\":[\"abc\xff\",\"abd\"]}", "when data.v prefix ab;", 1 },
    { "{\"v\":[\"abc\xff\",\"abd\"]}", "each data.v { when . suffix d; }",
      1 },
    { "{\"v\":[\"abc\xff\",\"abd\"]}",
      "each data.v { when . contains c; }", 0 },
    { NULL, NULL, 0 }
};


static bad_t  bad[] = {
    { "when ;", "a field is missing" },
    { "when type;", "an operator is missing behind \"type\"" },
    { "when type not;", "an operator is missing behind \"type not\"" },
    { "when type orders/paid;", "to compare write \"type = orders/paid\"" },
    { "when type prefx a;", "did you mean \"prefix\"" },
    { "when type == a;", "use \"=\"" },
    { "when type IN a b;", "use \"=\" with several values" },
    { "when type starts_with a;", "use \"prefix\"" },
    { "when type not not = a;", "unknown operator \"not\"" },
    { "when type =;", "a value is missing behind \"=\"" },
    { "when type not =;", "a value is missing behind \"=\"" },
    { "when type ~;", "a value is missing behind \"~\"" },
    { "when data.a <;", "a value is missing behind \"<\"" },
    { "when data.a < 1 2;", "\"<\" takes one value" },
    { "when data.a between 1;", "takes two values" },
    { "when data.a between 1 2 3;", "takes two values" },
    { "when data.a between 2 1;", "write the lower number first" },
    { "when data.a > +5;", "\"+5\" is not a number" },
    { "when data.a > $5;", "\"$5\" is not a number" },
    { "when data.a > 1.2.3;", "\"1.2.3\" is not a number" },
    { "when data.a > '1 000';", "\"1 000\" is not a number" },
    { "when data.a > '';", "the value is empty" },
    { "when data.a > data.b;", "write \"$field:data.b\"" },
    { "when data.a < header.X-A;", "write \"$field:header.X-A\"" },
    { "when data.a < $host;", "write \"$field:$host\"" },
    { "when data.a before data.b;", "write \"$field:data.b\"" },
    { "each data.a { when .x > .y; }", "write \"$field:.y\"" },
    { "when data.a between b a;", "write the lower text first" },
    { "when data.a between a 1;", "\"a\" is not a number" },
    { "when data.a > $field:;", "a field is empty" },
    { "when data.a > $field:b;", "unknown field \"b\"" },
    { "when data.a > $field:.b;", "outside of one" },
    { "when data.a > $field:data.a;", "compared with itself" },
    { "when data.a = $field:data.b x;", "is the only VALUE" },
    { "when data.a = $field: data.b;", "stands the field, without a blank" },
    { "when data.a utf8 not ~ x;", "write \"data.a not utf8 ~ ...\"" },
    { "when data.a before now - 1h;", "in one word: write it as" },
    { "when data.a = x $field:data.b;", "is the only VALUE" },
    { "when data.a has_all $field:data.b;", "takes no \"$field:\"" },
    { "when data.a between 1 $field:data.b;", "takes no \"$field:\"" },
    { "when data.a ~ $field:data.b;", "takes no \"$field:\"" },
    { "when data.a within $field:data.b;", "takes no \"$field:\"" },
    { "when data.a before;", "a value is missing behind \"before\"" },
    { "when data.a before yesterday;", "is no time: write it as" },
    { "when data.a before 2026-05-01;", "is no time: write it as" },
    { "when data.a before 2026-05-01 10:00;", "takes one time, in one word" },
    { "when data.a before 2026-05-01T00:00:00;", "is no time" },
    { "when data.a before now1h;", "is no time" },
    { "when data.a before now-1;", "is no time" },
    { "when data.a before now-;", "is no time" },
    { "when data.a since now;", "use \"not before\"" },
    { "when data.a within 60;", "is no span of time" },
    { "when data.a within 1x;", "is no span of time" },
    { "when data.a within 200y;", "is no span of time" },
    { "when data.a within '';", "is no span of time" },
    { "when data.a utf8;", "an operator is missing behind \"data.a utf8\"" },
    { "when data.a utf8 = x;", "is about regular expressions" },
    { "when data.a not utf8 like x;", "is about regular expressions" },
    { "when data.a utf8 ~ '\xff';", "bad regular expression" },
    { "when data.a utf8 ~ '\\C';", "bad regular expression" },
    { "when data.a > 01;", "\"01\" is not a number" },
    { "when data.a > 1,000;", "is not a number" },
    { "when data.a between 1 x;", "\"x\" is not a number" },
    { "when data.a exists 1;", "\"exists\" takes no value" },
    { "when data.a null null;", "\"null\" takes no value" },
    { "when data.a prefix '';", "the value is empty" },
    { "when data.a contains x '';", "the value is empty" },
    { "when data.a ~ '';", "the regular expression is empty" },
    { "when data.a ~ '(';", "bad regular expression" },
    { "when data.a ~ a 'b[';", "in \"b[\"" },
    { "when data.a cidr 10.0.0.0/33;", "bad network \"10.0.0.0/33\"" },
    { "when data.a cidr nonsense;", "bad network \"nonsense\"" },
    { "when data.a is text;", "unknown type \"text\"" },
    { "when dta.a = 1;", "did you mean \"data.a\"" },
    { "when .sku = 1;", "outside of one" },
    { "each type { when . = 1; }", "write \"each data.PATH\"" },
    { "each .items { when .a = 1; }", "outside of one" },
    { "each data.a. { when .a = 1; }", "ends with a \".\"" },
    { NULL, NULL }
};


int
main(void)
{
    test_table();

    test_cases(equality, "equality and numbers");
    test_cases(text, "text");
    test_cases(networks, "networks");
    test_cases(arrays, "arrays");
    test_cases(blocks, "blocks");
    test_cases(each, "each");
    test_cases(unreadable, "what cannot be read");

    test_attributes();
    test_bad();
    test_by_hand();
    test_many();
    test_hostile();
    test_work();
    test_random();
    test_far();
    test_memory();

    return done_testing();
}


static void
test_table(void)
{
    int         i, k, want;
    char        line[128];

    static const char  *forms[] = {
        "when data.v %s;", "all { when data.v %s; }",
        "any { when data.v %s; }",
        "each data { when .v %s; }", "none { when data.v %s; }",
        "none { any { when data.v %s; } }",
        "each data { none { when .v %s; } }", NULL
    };

    char        opposite[256];
    ngx_uint_t  f;

    for (i = 0; table[i].line; i++) {

        for (k = 0; values[k]; k++) {
            want = (table[i].holds[k] == '1');

            for (f = 0; forms[f]; f++) {
                sprintf(opposite, forms[f], table[i].line);

                if (holds(values[k], opposite) != (want ^ (f >= 4))) {
                    ok(0, "%s: %s", values[k], opposite);
                }
            }

            sprintf(line, "when data.v not %s;", table[i].line);

            if (holds(values[k], line) != !want) {
                ok(0, "%s: %s", values[k], line);
            }
        }

        ok(1, "data.v %s", table[i].line);
    }
}


static void
test_cases(case_t *cases, const char *what)
{
    char        opposite[512];
    ngx_uint_t  i;

    for (i = 0; cases[i].event; i++) {
        is_int(holds(cases[i].event, cases[i].condition), cases[i].holds,
               "%s: %s", what, cases[i].condition);

        sprintf(opposite, "none { all { %s } }", cases[i].condition);

        is_int(holds(cases[i].event, opposite), !cases[i].holds,
               "and its opposite");
    }
}


static void
test_attributes(void)
{
    rules_t          rules;
    ngx_uint_t       i;
    ngx_er_facts_t  *facts;

    static case_t  cases[] = {
        { "", "when type = orders/paid;", 1 },
        { "", "when type = orders/create orders/paid;", 1 },
        { "", "when type prefix orders/;", 1 },
        { "", "when subject missing;", 1 },
        { "", "when subject != shop;", 1 },
        { "", "when subject = shop;", 0 },
        { "", "when header.X-Topic = b;", 1 },
        { "", "when header.x-topic has_all a b;", 1 },
        { "", "when header.x-topic = c;", 0 },
        { "", "when header.x-none missing;", 1 },
        { "", "when arg.empty empty;", 1 },
        { "", "when arg.empty exists;", 1 },
        { "", "when $remote_addr cidr 192.0.2.0/24 2001:db8::/32;", 1 },
        { "", "when $remote_addr cidr 10.0.0.0/8;", 0 },
        { "", "when type is string;", 1 },
        { "", "when arg.n > 4;", 1 },
        { NULL, NULL, 0 }
    };

    for (i = 0; cases[i].event; i++) {
        ngx_er_condition_t  *condition;

        rules_create(&rules);
        condition = rules_read(&rules, cases[i].condition);

        rules_field(&rules, "type", "orders/paid");
        rules_field(&rules, "header.x-topic", "a");
        rules_field(&rules, "header.x-topic", "b");
        rules_field(&rules, "arg.empty", "");
        rules_field(&rules, "arg.n", "5");
        rules_field(&rules, "$remote_addr", "192.0.2.7");

        facts = rules_event(&rules, "{}");

        is_int(condition && ngx_er_condition_holds(condition, facts),
               cases[i].holds, "%s", cases[i].condition);

        rules_destroy(&rules);
    }
}


static void
test_bad(void)
{
    rules_t     rules;
    ngx_uint_t  i;

    for (i = 0; bad[i].condition; i++) {
        rules_create(&rules);

        ok(rules_read(&rules, bad[i].condition) == NULL, "refused: %s",
           bad[i].condition);

        if (!ok(strstr((char *) rules.err.text, bad[i].error) != NULL,
                "because: %s", bad[i].error))
        {
            diag("%s", rules.err.text);
        }

        rules_destroy(&rules);
    }
}


/* facts that no scanner made */

static void
test_by_hand(void)
{
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_value_t       array, first, second, sku1, sku2;
    ngx_er_element_t     one, two;
    ngx_er_condition_t  *same, *split;

    rules_create(&rules);

    same = rules_read(&rules, "each data.i { when . is object; "
                              "when .sku = b; when .sku != a; }");
    split = rules_read(&rules, "each data.i { when .sku = a; when .sku = b; "
                               "}");

    facts = ngx_er_facts_create(rules.pool, rules.fields);

    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));
    two.index = 1;

    memset(&array, 0, sizeof(array));
    array.type = NGX_ER_ARRAY;
    array.next = &first;

    memset(&first, 0, sizeof(first));
    first.type = NGX_ER_OBJECT;
    first.crossed = 1;
    first.element = &one;
    first.next = &second;

    second = first;
    second.element = &two;
    second.next = NULL;

    memset(&sku1, 0, sizeof(sku1));
    sku1.type = NGX_ER_STRING;
    sku1.text = rules_str("a");
    sku1.element = &one;
    sku1.next = &sku2;

    sku2 = sku1;
    sku2.text = rules_str("b");
    sku2.element = &two;
    sku2.next = NULL;

    facts->values[0] = &array;
    facts->values[1] = &sku1;

    is_int(ngx_er_condition_holds(same, facts), 1, "one element has it all");
    is_int(ngx_er_condition_holds(split, facts), 0, "two elements do not");

    rules_destroy(&rules);
}


/* 64 values on a line, and blocks 16 deep */

static void
test_many(void)
{
    char        line[2048], *p;
    ngx_uint_t  i;

    p = line + sprintf(line, "when data.v =");

    for (i = 0; i < 64; i++) {
        p += sprintf(p, " value-%d", (int) i);
    }

    sprintf(p, ";");

    is_int(holds("{\"v\":\"value-63\"}", line), 1, "the last of 64 values");
    is_int(holds("{\"v\":\"value-64\"}", line), 0, "none of 64 values");

    p = line;

    for (i = 0; i < 16; i++) {
        p += sprintf(p, "%s { ", i % 2 ? "none" : "each data");
    }

    p += sprintf(p, "when .v = 1; ");

    for (i = 0; i < 16; i++) {
        p += sprintf(p, "} ");
    }

    is_int(holds("{\"v\":1}", line), 1, "16 blocks in one another");
    is_int(holds("{\"v\":2}", line), 0, "and the other way");
}


/* thousands of elements and of values cost their sum, not their product */

static void
test_hostile(void)
{
    char                *json, *p;
    rules_t              rules;
    clock_t              start;
    ngx_int_t            i;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    rules_create(&rules);

    condition = rules_read(&rules, "each data.i { when .a = 1; when .b = 2; "
                                   "when .c missing; when .a = 3; }");

    json = malloc(400000);
    p = json + sprintf(json, "{\"i\":[");

    for (i = 0; i < 3000; i++) {
        p += sprintf(p, "{\"a\":1,\"b\":2},");
    }

    for (i = 0; i < 900; i++) {
        p += sprintf(p, "{},");
    }

    sprintf(p, "{\"a\":1,\"b\":2,\"c\":1}]}");

    facts = rules_event(&rules, json);

    start = clock();

    for (i = 0; i < 10; i++) {
        (void) ngx_er_condition_holds(condition, facts);
    }

    start = clock() - start;

    ok(facts && start < CLOCKS_PER_SEC / 2,
       "an each over 3901 elements takes %d us",
       (int) (start / 10 / (CLOCKS_PER_SEC / 1000000)));

    free(json);
    rules_destroy(&rules);
}


/* not OP is the exact complement of OP, none that of any */

/* nobody looks into an element for which an earlier line does not hold */

static void
test_work(void)
{
    rules_t              rules;
    ngx_er_condition_t  *condition;

    rules_create(&rules);

    condition = rules_read(&rules, "each data.i { when .a = 1; "
                                   "each .x { when .b = 1; when .c = 1; } }");

    is_int(work(condition, &rules, 200), work(condition, &rules, 1),
           "an element that is out costs nothing");

    rules_destroy(&rules);
}


/* units, with n elements in one that is out */

static ngx_uint_t
work(ngx_er_condition_t *condition, rules_t *rules, ngx_uint_t n)
{
    char             json[8192], *p;
    ngx_er_facts_t  *facts;

    p = json + sprintf(json, "{\"i\":[{\"a\":1,\"x\":{\"b\":2}},"
                             "{\"a\":2,\"x\":[{}");

    for ( /* void */ ; n; n--) {
        p += sprintf(p, ",{\"b\":1,\"c\":2}");
    }

    sprintf(p, "]}]}");

    facts = rules_event(rules, json);

    return ngx_er_condition_holds(condition, facts) ? 0 : facts->budget.work;
}


static void
test_random(void)
{
    int          a, b;
    char         line[256], opposite[512], json[512];
    unsigned     seed;
    ngx_uint_t   i, k, n, wrong;

    static const char  *events[] = {
        "1", "5", "-1.5", "1e2", "\"\"", "\"a\"", "\"5\"", "\"abc\"",
        "\"1.5e0\"", "\"10.0.0.1\"", "true", "false", "null", "[]", "{}",
        "[1,\"a\",null]", "[[1],[\"b\",{}]]", "{\"x\":\"a\"}",
        "[{\"x\":1},{\"x\":\"abc\"}]", "[{\"x\":[1,5]},{}]"
    };

    static const char  *ops[] = {
        "= 1", "= a 5", "= 100", "~ ^a", "~* B", "< 5", "<= 1.5", "> 0",
        ">= 100", "between 0 1.5", "prefix a", "suffix_ci C", "contains b",
        "like a*c", "like_ci *", "has_all 1 a", "cidr 10.0.0.0/8", "exists",
        "missing", "empty", "null", "is string null", "is array",
        "!= 1", "!~ b"
    };

    static const char  *paths[] = { "data.v", "data.v.x", "data.w", "data",
                                    "data.v[0]", "data.v[1].x" };
    static const char  *inner[] = { ".", ".x", ".y", "data.w", ".x[1]",
                                    "data.v.x" };

    seed = 7;
    wrong = 0;

    for (i = 0; i < 20000; i++) {
        n = sizeof(events) / sizeof(events[0]);
        sprintf(json, "{\"v\":%s,\"w\":%s}", events[rand_r(&seed) % n],
                events[rand_r(&seed) % n]);

        n = sizeof(ops) / sizeof(ops[0]);
        k = rand_r(&seed) % 6;

        if (rand_r(&seed) % 2) {
            sprintf(line, "when %s %s;", paths[k], ops[i % n]);
            sprintf(opposite, "when %s not %s;", paths[k], ops[i % n]);

        } else {
            a = rand_r(&seed) % 6;
            b = rand_r(&seed) % n;

            sprintf(line, "each %s { %s { when %s %s; when %s %s; } }",
                    paths[k], rand_r(&seed) % 2 ? "any" : "none", inner[a],
                    ops[i % n], inner[rand_r(&seed) % 6], ops[b]);

            sprintf(opposite, "none { %s }", line);
        }

        a = holds(json, line);
        b = holds(json, opposite);

        if (a < 0 || b < 0 || a == b) {
            diag("%s: %s is %d, %s is %d", json, line, a, opposite, b);
            wrong++;
        }
    }

    is_int(wrong, 0, "20000 random conditions and their opposites");
}


/* every allocation in turn fails: an error, or nothing holds */

/* a long text is searched piece by piece: wherever the VALUE stands in it */

static void
test_far(void)
{
    char    *json;
    size_t   i, k, at, wrong;

    static const char  *lines[] = {
        "when data.v contains needle;", "when data.v contains_ci NEEDLE;",
        "when data.v like '*nee*dle*';", "when data.v like_ci '*NEEDLE*';"
    };

    json = malloc(70100);
    wrong = 0;

    for (i = 0; i < 40; i++) {
        at = (i < 20) ? 32755 + i : (i < 39) ? 65525 + i - 20 : 0;

        memcpy(json, "{\"v\":\"", 6);
        memset(json + 6, 'n', 70000);
        memcpy(json + 6 + at, "needle", 6);
        strcpy(json + 70006, "\"}");

        for (k = 0; k < 4; k++) {
            wrong += (holds(json, lines[k]) != 1);
        }

        json[6 + at + 5] = 'f';

        for (k = 0; k < 4; k++) {
            wrong += (holds(json, lines[k]) != 0);
        }
    }

    is_int((int) wrong, 0, "in a long text at 40 places");

    free(json);
}


static void
test_memory(void)
{
    rules_t              rules;
    ngx_uint_t           i, n, wrong, met;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    static const char  text[] =
        "when type = a b; any { when data.x like a*b*; when data.x ~ ^a; } "
        "each data.items { none { when .sku prefix_ci A; } }";

    static const char  *negations[] = {
        "any { each data.v { when . = 2; } }",
        "none { each data.v { when . = 2; } }",
        "none { none { each data.v { when . = 1; } } }",
        "none { each data.v { any { when . = 2; } } }",
        "none { each data.v { all { none { any { when . = 2; } } } } }",
        "each data.v { none { when . = 2; } }", NULL
    };

    wrong = 0;
    condition = NULL;

    for (n = 1; n < 200 && condition == NULL; n++) {
        rules_create(&rules);

        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = n;

        condition = rules_read(&rules, text);

        ngx_er_test_fail_at = 0;

        if (condition == NULL && rules.err.len == 0) {
            diag("allocation %d", (int) n);
            wrong++;
        }

        rules_destroy(&rules);
    }

    ok(condition && n > 10 && wrong == 0, "no memory is always an error");

    rules_create(&rules);
    condition = rules_read(&rules, "none { each data.v { none { when . = 1; } "
                                   "} }");
    facts = rules_event(&rules, "{\"v\":[1,1,1]}");

    is_int(ngx_er_condition_holds(condition, facts), 1,
           "with memory it holds");

    for (n = 1; n < 3; n++) {
        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = n;
        is_int(ngx_er_condition_holds(condition, facts), n > 1,
               "without the %d. piece it is safe", (int) n);
        ngx_er_test_fail_at = 0;
    }

    for (i = 0; negations[i]; i++) {
        condition = rules_read(&rules, negations[i]);
        wrong = 0;
        n = 0;

        do {
            n++;
            facts = rules_event(&rules, "{\"v\":[1,1,1]}");

            ngx_er_test_allocs = 0;
            ngx_er_test_fail_at = n;
            met = ngx_er_condition_holds(condition, facts);
            ngx_er_test_fail_at = 0;

            wrong += (ngx_er_test_allocs >= n && met);

        } while (ngx_er_test_allocs >= n);

        ok(n > 1 && wrong == 0, "nor is it a negation: %s", negations[i]);
    }

    rules_destroy(&rules);
}


/* -1: the condition or the event is refused */

static int
holds(const char *event, const char *condition)
{
    int                  rc;
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *c;

    rules_create(&rules);
    c = rules_read(&rules, condition);

    if (c == NULL) {
        diag("%s: %s", condition, rules.err.text);
        rules_destroy(&rules);
        return -1;
    }

    facts = rules_event(&rules, event);
    rc = facts ? (int) ngx_er_condition_holds(c, facts) : -1;

    if (facts && packed(c, facts) != rc) {
        diag("%s: its pack says something else", condition);
        rc = -2;
    }

    rules_destroy(&rules);

    return rc;
}


/* what a condition's pack says, when what it was made of is gone; -1: it is
   none */

static int
packed(ngx_er_condition_t *c, ngx_er_facts_t *facts)
{
    int                  rc;
    ngx_pool_t          *pool;
    ngx_er_packs_t       packs;
    ngx_er_condition_t  *pack;

    pool = ngx_er_test_pool();
    ngx_er_packs_init(&packs, pool);

    pack = ngx_er_pack(&packs, c);
    forget(c);

    rc = (pack != NULL && pack != c && ngx_er_pack_bytes(pack) != 0
          && ngx_er_pack(&packs, pack) == pack)
         ? (int) ngx_er_condition_holds(pack, facts) : -1;

    ngx_destroy_pool(pool);

    return rc;
}


/* what a pack must not share with it */

static void
forget(ngx_er_condition_t *c)
{
    ngx_uint_t         i, n;
    ngx_er_operand_t  *operand;

    if (c->kind != NGX_ER_CONDITION_TEST) {

        for (i = 0; i < c->u.children.nelts; i++) {
            forget(&c->u.children.elts[i]);
        }

        memset(c->u.children.elts, 0xa5,
               c->u.children.nelts * sizeof(ngx_er_condition_t));
        return;
    }

    operand = c->u.comparison.operands;
    n = c->u.comparison.noperands
        + (c->u.comparison.op == NGX_ER_OPERATOR_BETWEEN);

    for (i = 0; i < n; i++) {

        if (c->u.comparison.op == NGX_ER_OPERATOR_LIKE) {
            memset(operand[i].u.pieces->elts, 0xa5,
                   operand[i].u.pieces->nelts * sizeof(ngx_str_t));
        }

        if (c->u.comparison.op == NGX_ER_OPERATOR_CIDR) {
            memset(operand[i].u.cidr, 0xa5, sizeof(ngx_cidr_t));
        }
    }

    memset(operand, 0xa5, n * sizeof(ngx_er_operand_t));
}
