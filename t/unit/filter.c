
/*
 * Copyright (C) Event Router contributors
 */


/*
 * CloudEvents filters and samples.  Knative's filter tests run through the
 * guard and a matcher; where this module differs on purpose:
 *   - "sql" is refused, with a sentence that says what to write (5 cases);
 *   - an empty "all" is refused; to Knative it is "no filter" (1 case).
 */


#include "cases.h"
#include "../../ngx_event_router_module/route/pattern/filter.h"
#include "../../ngx_event_router_module/route/sample.h"


static ngx_er_condition_t *
filter(rules_t *rules, ngx_str_t *text)
{
    ngx_er_tree_t       *json;
    ngx_er_condition_t  *condition;

    json = ngx_er_document_parse(rules->pool, text, &rules->err);

    condition = json ? ngx_er_filter_compile(rules->pool, json, rules->fields,
                                             &rules->err)
                     : NULL;

    rules->err.text[ngx_min(rules->err.len, NGX_ER_ERROR_LEN - 1)] = '\0';

    return condition;
}


/* attributes are fields, extensions are ce- headers */

static void
attributes(rules_t *rules, json_t *event)
{
    char        *full;
    json_t      *value;
    const char  *name;

    json_object_foreach(event, name, value) {

        if (!json_is_string(value)) {
            continue;
        }

        full = (char *) name;

        if (strcmp(name, "id") && strcmp(name, "type")
            && strcmp(name, "source") && strcmp(name, "subject")
            && strcmp(name, "time") && strcmp(name, "specversion")
            && strcmp(name, "datacontenttype"))
        {
            full = ngx_palloc(rules->pool, strlen(name) + 11);
            sprintf(full, "header.ce-%s", name);
        }

        rules_field(rules, full, json_string_value(value));
    }
}


static void
test_knative(void)
{
    int                  got;
    json_t              *expect;
    cases_t              c;
    rules_t              rules;
    ngx_str_t            text;
    const char          *difference;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    cases_open(&c, "t/data/rules/knative-filters.jsonl");

    while (cases_next(&c)) {
        rules_create(&rules);
        attributes(&rules, json_object_get(c.json, "event"));

        text = cases_text(&c, "filter");
        condition = filter(&rules, &text);
        expect = json_object_get(c.json, "expect");
        difference = NULL;
        got = -1;

        if (condition) {
            text = rules_str("{}");
            facts = rules_facts(&rules, &text);
            got = cases_match(&rules, &condition, 1, facts);

        } else if (strstr((char *) rules.err.text, "write \"when\" lines")) {
            difference = "sql";

        } else if (strstr((char *) rules.err.text, "all: an array of filt")) {
            difference = "an empty list";
        }

        cases_verdict(&c, got == json_is_true(expect), difference);
        rules_destroy(&rules);
    }

    is_int(c.differ, 6, "five sql filters and an empty one differ");
    cases_close(&c, 40, "knative filters");
}


static void
test_sentences(void)
{
    static const char  *bad[][2] = {
        { "{\"exat\": {\"type\": \"a\"}}", "line 1, exat: unknown filter, did "
          "you mean \"exact\"?" },
        { "{\"exact\": {\"id\": \"\"}}", "exact.id: a string that is not" },
        { "{\"exact\": {\"type\": 5}}", "exact.type: a string that is not" },
        { "{\"exact\": {\"data\": \"x\"}}", "the event's attributes only" },
        { "{\"exact\": {\"Type\": \"x\"}}", "lower-case letters" },
        { "{\"exact\": {}}", "exact: an object of attributes" },
        { "{\"any\": [{\"not\": [1]}]}", "any[0].not: a filter is an object" },
        { "{\"exact\": {\"id\": \"a\"}, \"prefix\": {\"id\": \"a\"}}",
          "a filter is an object with one of" },
        { "[]", "an array of filters" },
        { "3", "a filter is an object" },
        { NULL, NULL }
    };

    rules_t     rules;
    ngx_str_t   text;
    ngx_uint_t  i;

    for (i = 0; bad[i][0]; i++) {
        rules_create(&rules);
        text = rules_str(bad[i][0]);

        if (!ok(filter(&rules, &text) == NULL
                && strstr((char *) rules.err.text, bad[i][1]),
                "refused: %s", bad[i][1]))
        {
            diag("%s", rules.err.text);
        }

        rules_destroy(&rules);
    }
}


static ngx_uint_t
sampled(rules_t *rules, const char *share, const char *by, ngx_uint_t n)
{
    char                 id[32];
    ngx_str_t            s, b;
    ngx_uint_t           i, hits, again;
    ngx_er_facts_t      *facts;
    ngx_er_sample_t     *sample;

    s = rules_str(share);
    b = rules_str(by ? by : "");

    sample = ngx_er_sample_compile(rules->pool, &s, by ? &b : NULL,
                                   rules->fields, &rules->err);
    if (sample == NULL) {
        return NGX_MAX_UINT32_VALUE;
    }

    rules->nfields = 0;
    rules_field(rules, "id", id);
    hits = 0;

    for (i = 0; i < n; i++) {
        snprintf(id, sizeof(id), "evt-%lu", (u_long) i);

        facts = rules_event(rules, "{\"shop\": 17, \"list\": [1, 2],"
                                   " \"box\": {\"a\": 1}}");
        again = ngx_er_sample_holds(sample, facts);
        hits += again;

        if ((ngx_int_t) again != ngx_er_sample_holds(sample, facts)) {
            return NGX_MAX_UINT32_VALUE;
        }
    }

    return hits;
}


static void
test_sample(void)
{
    rules_t      rules;
    ngx_uint_t   hits, i;

    static const char  *bad[] = {
        "10", "%", "0%", "0.001%", "100.01%", "-1%", "a%", "10%%", NULL
    };

    rules_create(&rules);

    hits = sampled(&rules, "10%", NULL, 20000);
    ok(hits > 1800 && hits < 2200, "10%% of 20000 are %lu", (u_long) hits);

    hits = sampled(&rules, "0.25%", NULL, 20000);
    ok(hits > 25 && hits < 80, "0.25%% of 20000 are %lu", (u_long) hits);

    is_int(sampled(&rules, "100%", NULL, 1000), 1000, "100%% are all");

    hits = sampled(&rules, "50%", "data.shop", 100);
    ok(hits == 0 || hits == 100, "by a field that is the same in all");

    is_int(sampled(&rules, "100%", "data.none", 10), 0, "by a missing field");
    is_int(sampled(&rules, "100%", "data.list", 10), 10, "by an array");
    is_int(sampled(&rules, "100%", "data.box", 10), 0, "by an object");

    for (i = 0; bad[i]; i++) {
        is_int(sampled(&rules, bad[i], NULL, 1), NGX_MAX_UINT32_VALUE,
               "bad share %s", bad[i]);
    }

    rules_destroy(&rules);
}


int
main(void)
{
    test_knative();
    test_sentences();
    test_sample();

    return done_testing();
}
