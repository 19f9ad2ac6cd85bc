
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the cases of others (eventbridge.c) do not show: the sentences about
 * bad patterns, the CloudEvent as the root, dots in keys, the bounds, the cost
 * of documents made to be expensive, and memory that runs out.
 */


#include "cases.h"

#include <time.h>


static int
run(const char *pattern, const char *event)
{
    ngx_str_t  p, e;

    p = rules_str(pattern);
    e = rules_str(event);

    return cases_run(&p, &e);
}


static void
refused(const char *pattern, ngx_er_pattern_root_e root, const char *sentence)
{
    rules_t    rules;
    ngx_str_t  text;

    rules_create(&rules);
    text = rules_str(pattern);

    ok(cases_pattern(&rules, &text, root) == NULL
       && strstr((char *) rules.err.text, sentence),
       "refused: %.100s", sentence);

    if (strstr((char *) rules.err.text, sentence) == NULL) {
        diag("%s", rules.err.text);
    }

    rules_destroy(&rules);
}


static void
test_sentences(void)
{
    static const char  *bad[][2] = {
        { "{\"a\": {\"b\": [\"x\", {\"prefi\": \"y\"}]}}",
          "line 1, a.b[1].prefi: this is not an operator: did you mean "
          "\"prefix\"?" },
        { "{\n\"a\": [\n{\"wildcard\": \"a**b\"}]}",
          "line 3, a[0].wildcard: two \"*\" in a row" },
        { "{\"a\": [{\"wildcard\": \"a\\\\b\"}]}",
          "a \"\\\" must stand before" },
        { "{\"a\": [{\"numeric\": [\">\", 5, \"<\", 3]}]}",
          "a[0].numeric: the lower bound must be less than the upper one" },
        { "{\"a\": [{\"numeric\": [\"<\", 5, \">\", 3]}]}",
          "write the lower one first" },
        { "{\"a\": [{\"numeric\": [\">\", 9007199254740993]}]}",
          "a[0].numeric[1]: 9007199254740993 is not exact in binary64" },
        { "{\"a\": [{\"cidr\": \"10.0.0.0/32\"}]}",
          "a[0].cidr: bad network \"10.0.0.0/32\"" },
        { "{\"a\": [{\"anything-but\": [\"x\", 5]}]}",
          "strings and numbers cannot stand in one list" },
        { "{\"a\": [{\"anything-but\": {\"cidr\": \"x\"}}]}",
          "not an operator in \"anything-but\"" },
        { "{\"a\": \"x\"}", "line 1, a: an object or an array of values must "
          "stand here: write [\"x\"]" },
        { "{\"a\": []}", "a: an empty array matches nothing" },
        { "{\"a\": {}}", "a: the object is empty" },
        { "{\"$or\": [{\"a\": [1]}]}", "two objects or more" },
        { "{\"$or\": [{\"a\": [1]}, {\"b\": {\"numeric\": [1]}}]}",
          "$or[1].b.numeric: an operator cannot be a key within \"$or\"" },
        { "[1]", "line 1: an event pattern is an object" },
        { "{\"a\":\n [1,}", "line 2, column 5: not JSON" },
        { "{\"a\": [{\"prefix\": \"x\", \"suffix\": \"y\"}]}",
          "a[0].suffix: only one operator may stand in an object" },
        { NULL, NULL }
    };

    ngx_uint_t  i;

    for (i = 0; bad[i][0]; i++) {
        refused(bad[i][0], NGX_ER_PATTERN_BODY, bad[i][1]);
    }

    refused("{\"detail\": {\"state\": [\"x\"]}}", NGX_ER_PATTERN_EVENT,
            "the event has no \"detail.state\"");
    refused("{\"tipe\": [\"x\"]}", NGX_ER_PATTERN_EVENT,
            "did you mean \"type\"?");
}


static void
test_event(void)
{
    int                  i;
    rules_t              rules;
    ngx_str_t            text;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *c[7];

    static const char  *patterns[] = {
        "{\"type\": [\"order.paid\"], \"source\": [{\"prefix\": \"sh\"}],"
        " \"data\": {\"total\": [{\"numeric\": [\">\", 5]}]}}",
        "{\"type\": [\"order.paid\"], \"subject\": [{\"exists\": false}]}",
        "{\"specversion\": [\"1.0\"], \"datacontenttype\":"
        " [{\"wildcard\": \"*/json\"}]}",
        "{\"data.a.b\": [1]}",
        "{\"data\": {\"a.b\": [1]}}",
        "{\"id\": [{\"exists\": true}]}",
        "{\"data\": [{\"exists\": true}]}"
    };

    rules_create(&rules);
    rules_field(&rules, "type", "order.paid");
    rules_field(&rules, "source", "shop");
    rules_field(&rules, "specversion", "1.0");
    rules_field(&rules, "datacontenttype", "application/json");

    for (i = 0; i < 7; i++) {
        text = rules_str(patterns[i]);
        c[i] = cases_pattern(&rules, &text, NGX_ER_PATTERN_EVENT);
        ok(c[i] != NULL, "pattern %d is one", i);
    }

    text = rules_str("{\"total\": 6, \"a\": {\"b\": 1}}");
    facts = rules_facts(&rules, &text);

    is_int(cases_match(&rules, c, 7, facts), 0x1f,
           "attributes and data of the CloudEvent");

    rules_destroy(&rules);
}


static void
test_dots(void)
{
    char        pattern[256], event[256];
    ngx_uint_t  way, i;

    /* a.b.c.d and a.b.c.d.e.f.g: dots within keys of the event */

    for (way = 0; way < 8; way++) {
        strcpy(event, "{\"a");

        for (i = 0; i < 3; i++) {
            strcat(event, ((way >> i) & 1) ? "\":{\"" : ".");
            sprintf(event + strlen(event), "%c", (int) ('b' + i));
        }

        strcat(event, "\":1");

        for (i = 0; i < 3; i++) {
            strcat(event, ((way >> i) & 1) ? "}" : "");
        }

        strcat(event, "}");

        is_int(run("{\"a\":{\"b\":{\"c\":{\"d\":[1]}}}}", event), 1,
               "dots in keys: %s", event);
    }

    strcpy(pattern, "{\"a\":{\"b\":{\"c.d.e\":{\"f\":{\"g\":[1]}}}}}");

    is_int(run(pattern, "{\"a\":{\"b\":{\"c.d.e\":{\"f\":{\"g\":1}}}}}"), 1,
           "a long path as it is written");
    is_int(run(pattern,
               "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":1}}}}}}}"), 1,
           "a long path of plain keys");
    is_int(run("{\"a.b\":{\"c\":{\"d\":{\"e.f\":{\"g\":[1]}}}}}",
               "{\"a.b\":{\"c\":{\"d\":{\"e.f\":{\"g\":1}}}}}"), 1,
           "a long path with dots in two keys");
    is_int(run("{\"a.b\":[1],\"a\":{\"b\":[2]}}", "{\"a\":{\"b\":2}}"), 1,
           "the last of two equal paths counts");
    is_int(run("{\"a\":{\"b\":[1]},\"a\":{\"c\":[2]}}",
               "{\"a\":{\"b\":1,\"c\":3}}"), 0,
           "a key that comes twice adds its paths");
    is_int(run("{\"$or\":[{\"a\":[1]},{\"a\":[2]}],"
               "\"$or\":[{\"b\":[1]},{\"b\":[2]}]}", "{\"a\":2,\"b\":3}"), 0,
           "two \"$or\" are both asked");
    is_int(run("{\"\":{\"\":[1]}}", "{\"\":{\"\":1}}"), 1, "empty keys");
    is_int(run("{\"a\\\"\\\\b\":[1]}", "{\"a\\\"\\\\b\":1}"), 1,
           "quotes and backslashes in a key");
}


static void
test_letters(void)
{
    is_int(run("{\"a\":[{\"equals-ignore-case\":\"Stra\xc3\x9f" "e\"}]}",
               "{\"a\":\"sTRA\xc3\x9f" "E\"}"), 1, "sharp s is itself");
    is_int(run("{\"a\":[{\"equals-ignore-case\":\"\xc3\x9f\"}]}",
               "{\"a\":\"SS\"}"), 0, "and not two letters");
    is_int(run("{\"a\":[{\"suffix\":{\"equals-ignore-case\":\"\xc3\xa9T\"}}]}",
               "{\"a\":\"\xc3\x89\xc3\x89t\"}"), 1, "suffix of two bytes");
    is_int(run("{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"\xd0\x9f\xd1\x80"
               "\"}}]}", "{\"a\":\"\xd0\xbf\xd0\xa0x\"}"), 1, "Cyrillic");
    is_int(run("{\"a\":[{\"suffix\":{\"equals-ignore-case\":\"abc\"}}]}",
               "{\"a\":\"bc\"}"), 0, "a suffix that is longer");
    is_int(run("{\"a\":[{\"equals-ignore-case\":\"a\"}]}", "{\"a\":\"\"}"), 0,
           "an empty value");
}


static void
test_bounds(void)
{
    int    i, k;
    char  *text, *p;

    text = malloc(1 << 20);

    p = text + sprintf(text, "{");

    for (i = 0; i < 257; i++) {
        p += sprintf(p, "%s\"f%d\":[1]", i ? "," : "", i);
    }

    sprintf(p, "}");
    refused(text, NGX_ER_PATTERN_BODY, "more than 256 paths must hold");

    p = text + sprintf(text, "{");

    for (i = 0; i < 10; i++) {
        p += sprintf(p, "%s\"$or\":[{\"a%d\":[1]},{\"b%d\":[2]}]",
                     i ? "," : "", i, i);
    }

    sprintf(p, "}");
    refused(text, NGX_ER_PATTERN_BODY, "multiply to more than 1000");

    p = text + sprintf(text, "{\"a\":[");

    for (i = 0; i < 20001; i++) {
        p += sprintf(p, "%s%d", i ? "," : "", i);
    }

    sprintf(p, "]}");
    refused(text, NGX_ER_PATTERN_BODY, "more than 20000 values");

    p = text + sprintf(text, "{\"a\":[{\"wildcard\":\"");

    for (i = 0; i < 65; i++) {
        p += sprintf(p, "*a");
    }

    sprintf(p, "\"}]}");
    refused(text, NGX_ER_PATTERN_BODY, "more than 64 \"*\"");

    p = text;

    for (i = 0; i < 33; i++) {
        p += sprintf(p, "{\"a\":");
    }

    p += sprintf(p, "[1]");

    for (i = 0; i < 33; i++) {
        p += sprintf(p, "}");
    }

    refused(text, NGX_ER_PATTERN_BODY, "more than 32 keys");

    p = text + sprintf(text, "{");

    for (k = 0; k < 100; k++) {
        p += sprintf(p, "%s\"k%d", k ? "," : "", k);

        for (i = 0; i < 20; i++) {
            p += sprintf(p, ".a");
        }

        p += sprintf(p, "\":[1]");
    }

    sprintf(p, "}");
    refused(text, NGX_ER_PATTERN_BODY, "too many and too deep");

    free(text);
}


static double
seconds(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return t.tv_sec + t.tv_nsec / 1e9;
}


/* none of these takes long, although all choices have to be tried */

static void
test_cost(void)
{
    int      i, k;
    char    *event, *p;
    double   start;

    event = malloc(1 << 20);
    start = seconds();

    /* one array: a in the even elements, b in the odd ones */

    p = event + sprintf(event, "{\"x\":[");

    for (i = 0; i < 9000; i++) {
        p += sprintf(p, "%s{\"%c\":1,\"y\":1}", i ? "," : "",
                     (i & 1) ? 'a' : 'b');
    }

    sprintf(p, "]}");
    is_int(run("{\"x\":{\"a\":[1],\"b\":[1]}}", event), 0, "no element");

    /* two arrays beside each other: no product of them */

    p = event + sprintf(event, "{");

    for (k = 0; k < 2; k++) {
        p += sprintf(p, "%s\"%c\":[", k ? "," : "", 'p' + k);

        for (i = 0; i < 2000; i++) {
            p += sprintf(p, "%s{\"a\":1,\"b\":%d}", i ? "," : "",
                         k == 0 || (i & 1));
        }

        p += sprintf(p, "]");
    }

    sprintf(p, "}");
    is_int(run("{\"p\":{\"a\":[1],\"b\":[1]},\"q\":{\"a\":[1],\"b\":[2]}}",
               event), 0, "no element of the second array");
    is_int(run("{\"p\":{\"a\":[1],\"b\":[1]},\"q\":{\"a\":[1],\"b\":[0]}}",
               event), 1, "an element of either");

    /* arrays within arrays */

    p = event + sprintf(event, "{\"x\":[");

    for (i = 0; i < 60; i++) {
        p += sprintf(p, "%s{\"m\":[", i ? "," : "");

        for (k = 0; k < 60; k++) {
            p += sprintf(p, "%s{\"a\":1,\"b\":1}", k ? "," : "");
        }

        p += sprintf(p, "],\"n\":[{\"c\":1},{\"d\":1}]}");
    }

    sprintf(p, "]}");
    is_int(run("{\"x\":{\"m\":{\"a\":[1],\"b\":[1]},"
               "\"n\":{\"c\":[1],\"d\":[1]}}}", event), 0,
           "no element within an element");

    /* names that tear the arrays apart, which only a pattern made for it
       does: the bound on steps ends it */

    p = event + sprintf(event, "{");

    for (k = 0; k < 3; k++) {
        p += sprintf(p, "%s\"a%.*s\":[", k ? "," : "", k, "--");

        for (i = 0; i < 500; i++) {
            p += sprintf(p, "%s[1],{\"x\":1}", i ? "," : "");
        }

        p += sprintf(p, "]");
    }

    sprintf(p, "}");
    is_int(run("{\"a\":[1],\"a-\":[1],\"a--\":[1],"
               "\"a--.x\":[1],\"a-.x\":[1],\"a.x\":[1]}", event), -1,
           "a product of three arrays is undecided");

    /* a wildcard that nearly fits everywhere */

    p = event + sprintf(event, "{\"a\":\"");

    for (i = 0; i < 100000; i++) {
        *p++ = 'a';
    }

    sprintf(p, "\"}");
    is_int(run("{\"a\":[{\"wildcard\":\"*aaaaaaaaaaaaaaaaaaaaaaaab*"
               "aaaaaaaaaaaaaaaaaaaaaaab*\"}]}", event), 0, "a wildcard");

    ok(seconds() - start < 5, "it takes %.2f s", seconds() - start);

    free(event);
}


static void
test_consistency(void)
{
    is_int(run("{\"x\":{\"a\":[1],\"b\":[{\"exists\":false}]}}",
               "{\"x\":[{\"a\":2,\"b\":1},{\"a\":1}]}"), 1,
           "missing in the element that another leaf is in");
    is_int(run("{\"x\":{\"a\":[1],\"b\":[{\"exists\":false}]}}",
               "{\"x\":[{\"a\":1,\"b\":1},{\"a\":2}]}"), 0,
           "there in that element");
    is_int(run("{\"t\":[\"a\"],\"u\":[1]}",
               "{\"t\":[\"b\",\"a\"],\"u\":[0,1]}"), 1,
           "plain values of arrays are free");
    is_int(run("{\"x\":[1],\"x.y\":[2]}", "{\"x\":[1,{\"y\":2}]}"), 1,
           "a plain value beside an object");
    is_int(run("{\"a\":[1],\"b\":[2]}", "[{\"a\":1},{\"b\":2}]"), 0,
           "an array as the body is crossed");
    is_int(run("{\"a\":[1],\"b\":[2]}", "[{\"a\":0},{\"a\":1,\"b\":2}]"), 1,
           "one element of it");
}


/* every allocation fails once; nothing leaks and nothing breaks */

static void
test_memory(void)
{
    int                  done;
    rules_t              rules;
    ngx_str_t            text;
    ngx_uint_t           start, n;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *c;

    static const char  *pattern =
        "{\"a\":{\"b.c\":[\"x\",\"1.2.3.4\",5,{\"prefix\":"
        "{\"equals-ignore-case\":\"q\"}},{\"wildcard\":\"a*b\"},"
        "{\"anything-but\":[1,2]},{\"numeric\":[\">\",1]}],"
        "\"$or\":[{\"d\":[1]},{\"e\":[{\"cidr\":\"::1/20\"}]}]}}";

    for (n = 1, done = 0; !done; n++) {
        rules_create(&rules);
        text = rules_str(pattern);

        start = ngx_er_test_allocs;
        ngx_er_test_fail_at = start + n;

        c = cases_pattern(&rules, &text, NGX_ER_PATTERN_BODY);

        done = (ngx_er_test_allocs < ngx_er_test_fail_at);
        ngx_er_test_fail_at = 0;

        if ((c != NULL) != done) {
            break;
        }

        rules_destroy(&rules);
    }

    ok(done, "out of memory at each of %lu allocations", (u_long) n);

    rules_create(&rules);
    text = rules_str("{\"x\":{\"a\":[1],\"b\":[1]}}");
    c = cases_pattern(&rules, &text, NGX_ER_PATTERN_BODY);
    text = rules_str("{\"x\":[{\"a\":1,\"b\":1}]}");
    facts = rules_facts(&rules, &text);

    ngx_er_test_fail_at = ngx_er_test_allocs + 1;
    is_int(ngx_er_condition_holds(c, facts), 0,
           "does not hold without memory");
    ngx_er_test_fail_at = 0;
    is_int(ngx_er_condition_holds(c, facts), 1, "holds with memory");

    rules_destroy(&rules);
}


int
main(void)
{
    test_sentences();
    test_event();
    test_dots();
    test_letters();
    test_consistency();
    test_bounds();
    test_cost();
    test_memory();

    return done_testing();
}
