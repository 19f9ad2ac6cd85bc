
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Event patterns against AWS' own event-ruler: the cases of its tests, edge
 * cases that were measured on it, and 6,991 random patterns over real webhook
 * bodies whose verdicts it computed; then quamina, another implementation,
 * where the two languages agree.  Every case goes through the guard, the
 * extractor, the pattern and the matcher.
 *
 * Where this module differs on purpose:
 *   - a key that a pattern names must not come twice in one object (the guard
 *     refuses the body), and nothing may follow the document;
 *   - the body may be an array, which is crossed like every array;
 *   - a number is exact in binary64 if it is the shortest decimal for its
 *     double.  Java before 19 does not always find that one: it writes
 *     706405506930370000 as 7.0640550693037005E17, so event-ruler took that
 *     for a number that it cannot compare (four cases).
 *
 * quamina has regexp and shellstyle beside EventBridge's operators, and reads
 * a pattern although something follows it.
 */


#include "cases.h"


#define EVENTS  400


static struct {
    char    *id;
    json_t  *case_json;
} events[EVENTS];

static ngx_uint_t  nevents;


static int
expected(cases_t *c)
{
    json_t  *expect = json_object_get(c->json, "expect");

    if (json_is_boolean(expect)) {
        return json_is_true(expect) ? CASES_TRUE : CASES_FALSE;
    }

    return strcmp(json_string_value(expect), "invalid-pattern") == 0
           ? CASES_BAD_PATTERN : CASES_BAD_EVENT;
}


static void
test_match(void)
{
    cases_t    c;
    ngx_str_t  pattern, event;

    cases_open(&c, "t/data/rules/event-ruler-match.jsonl");

    while (cases_next(&c)) {
        pattern = cases_either(&c, "pattern");
        event = cases_either(&c, "event");
        cases_verdict(&c, cases_run(&pattern, &event) == expected(&c), NULL);
    }

    cases_close(&c, 832, "event-ruler, match");
}


static void
test_edge(void)
{
    int          want, got;
    cases_t      c;
    ngx_str_t    pattern, event;
    const char  *difference;

    cases_open(&c, "t/data/rules/event-ruler-edge.jsonl");

    while (cases_next(&c)) {
        pattern = cases_either(&c, "pattern");
        event = cases_either(&c, "event");
        want = expected(&c);
        got = cases_run(&pattern, &event);
        difference = NULL;

        if (got == CASES_BAD_EVENT) {
            difference = "a key twice, or something behind the document";
        }

        if (want == CASES_BAD_EVENT && got == CASES_FALSE) {
            difference = "the event is an array";
        }

        cases_verdict(&c, got == want, difference);
    }

    is_int(c.differ, 3, "three edge cases differ");
    cases_close(&c, 48, "event-ruler, edge cases");
}


/* several rules at once, which may have several patterns each */

static void
test_machine(void)
{
    int                  agrees;
    json_t              *rules_json, *patterns, *item, *expect;
    size_t               i;
    cases_t              c;
    rules_t              rules;
    uint64_t             bits;
    ngx_str_t            text;
    ngx_uint_t           n, k, hits, wanted;
    const char          *name, *names[64];
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *conditions[64];

    cases_open(&c, "t/data/rules/event-ruler-machine.jsonl");

    while (cases_next(&c)) {
        rules_create(&rules);
        rules_json = json_object_get(c.json, "rules");
        expect = json_object_get(c.json, "expect");
        n = 0;
        agrees = 1;

        json_object_foreach(rules_json, name, patterns) {
            json_array_foreach(patterns, i, item) {
                text.data = (u_char *) json_string_value(item);
                text.len = json_string_length(item);

                names[n] = name;
                conditions[n] = cases_pattern(&rules, &text,
                                              NGX_ER_PATTERN_BODY);
                agrees &= (conditions[n] != NULL);
                n++;
            }
        }

        text = cases_either(&c, "event");
        facts = rules_facts(&rules, &text);

        if (agrees && facts) {
            bits = cases_match(&rules, conditions, n, facts);
            hits = 0;

            for (k = 0; k < n; k++) {
                wanted = 0;

                json_array_foreach(expect, i, item) {
                    wanted |= (strcmp(json_string_value(item), names[k])
                               == 0);
                }

                /* one pattern of a rule is enough; none may be too many */

                if ((bits >> k) & 1) {
                    hits |= 1;
                    agrees &= wanted;
                }
            }

            json_array_foreach(expect, i, item) {
                wanted = 0;

                for (k = 0; k < n; k++) {
                    wanted |= ((bits >> k) & 1)
                              && strcmp(json_string_value(item), names[k])
                                 == 0;
                }

                agrees &= wanted;
            }

        } else {
            agrees = 0;
        }

        cases_verdict(&c, agrees, NULL);
        rules_destroy(&rules);
    }

    cases_close(&c, 242, "event-ruler, machine");
}


/* strips the quotes that event-ruler keeps around a string; both or none */

static void
test_value(void)
{
    char             pattern[4096], event[4096], *dump;
    json_t          *op, *operand, *value;
    size_t           first, last, olen, vlen;
    cases_t          c;
    ngx_str_t        p, e;
    const char      *name, *o, *v;
    ngx_er_number_t  number;

    cases_open(&c, "t/data/rules/event-ruler-value.jsonl");

    while (cases_next(&c)) {
        op = json_object_get(c.json, "op");
        value = json_object_get(c.json, "value");
        name = json_object_iter_key(json_object_iter(op));
        operand = json_object_get(op, name);

        v = json_string_value(value);
        vlen = strlen(v);
        e.data = (u_char *) v;
        e.len = vlen;

        if (!json_is_string(operand)) {
            p = cases_text(&c, "op");
            snprintf(pattern, sizeof(pattern), "{\"v\":[%.*s]}", (int) p.len,
                     p.data);

        } else {
            o = json_string_value(operand);
            olen = strlen(o);
            first = (strcmp(name, "suffix") != 0);
            last = (strcmp(name, "prefix") != 0);

            if (vlen > 1 && v[0] == '"' && v[vlen - 1] == '"'
                && olen >= first + last && (!first || o[0] == '"')
                && (!last || o[olen - 1] == '"'))
            {
                v++;
                vlen -= 2;
                o += first;
                olen -= first + last;
            }

            operand = json_stringn(o, olen);
            dump = json_dumps(operand, JSON_ENCODE_ANY);
            snprintf(pattern, sizeof(pattern), "{\"v\":[{\"%s\":%s}]}", name,
                     dump);
            free(dump);
            json_decref(operand);
        }

        if ((strcmp(name, "numeric") == 0 || strcmp(name, "anything-but") == 0)
            && ngx_er_number_parse(&e, &number) == NGX_OK)
        {
            snprintf(event, sizeof(event), "{\"v\":%s}", v);

        } else {
            value = json_stringn(v, vlen);
            dump = json_dumps(value, JSON_ENCODE_ANY);
            snprintf(event, sizeof(event), "{\"v\":%s}", dump);
            free(dump);
            json_decref(value);
        }

        p = rules_str(pattern);
        e = rules_str(event);

        cases_verdict(&c, cases_run(&p, &e) == expected(&c), NULL);
    }

    cases_close(&c, 929, "event-ruler, single values");
}


static void
test_compile(const char *file, ngx_uint_t n, ngx_uint_t differ,
    const char *name)
{
    int          valid;
    cases_t      c;
    rules_t      rules;
    ngx_str_t    text;
    const char  *difference;

    cases_open(&c, file);

    while (cases_next(&c)) {
        rules_create(&rules);

        valid = strcmp(json_string_value(json_object_get(c.json, "expect")),
                       "valid") == 0;

        text = cases_text(&c, "pattern_text");
        difference = NULL;

        if (strstr(file, "quamina")
            && (strstr(c.line, "regexp") || strstr(c.line, "shellstyle")))
        {
            difference = "an operator that EventBridge does not have";
        }

        if (strstr(c.line, "not strictly valid JSON")) {
            difference = "something follows the pattern";
        }

        cases_verdict(&c, valid == (cases_pattern(&rules, &text,
                                                  NGX_ER_PATTERN_BODY)
                                    != NULL), difference);
        rules_destroy(&rules);
    }

    is_int(c.differ, differ, "%s: %lu differ", name, (u_long) differ);
    cases_close(&c, n, name);
}


static void
read_events(void)
{
    cases_t  c;

    cases_open(&c, "t/data/rules/events.jsonl");

    while (cases_next(&c)) {
        events[nevents].case_json = json_incref(c.json);
        events[nevents].id = (char *)
            json_string_value(json_object_get(c.json, "event_id"));
        nevents++;
    }

    fclose(c.f);
    free(c.line);
}


static void
test_differential(void)
{
    json_t       *text;
    cases_t       c;
    ngx_str_t     pattern, event;
    ngx_uint_t    i;
    const char   *id;

    read_events();
    cases_open(&c, "t/data/rules/diff-event-ruler.jsonl");

    while (cases_next(&c)) {
        id = json_string_value(json_object_get(c.json, "event_id"));

        for (i = 0; i < nevents && strcmp(events[i].id, id); i++) {
            /* void */
        }

        text = (i < nevents) ? json_object_get(events[i].case_json,
                                               "event_text") : NULL;
        event.data = (u_char *) json_string_value(text);
        event.len = json_string_length(text);

        pattern = cases_either(&c, "pattern");

        cases_verdict(&c, cases_run(&pattern, &event) == expected(&c),
                      (c.number == 19 || c.number == 1332 || c.number == 1334
                       || c.number == 5740) ? "Double.toString()" : NULL);
    }

    is_int(c.differ, 4, "four random patterns differ");
    cases_close(&c, 6991, "event-ruler, random patterns over real bodies");

    while (nevents) {
        json_decref(events[--nevents].case_json);
    }
}


static void
test_quamina(void)
{
    int          got;
    json_t      *expect;
    cases_t      c;
    ngx_str_t    pattern, event;
    const char  *difference;

    cases_open(&c, "t/data/rules/quamina-match.jsonl");

    while (cases_next(&c)) {
        pattern = cases_either(&c, "pattern");
        event = cases_either(&c, "event");
        expect = json_object_get(c.json, "expect");
        difference = NULL;

        got = cases_run(&pattern, &event);

        if (json_is_string(expect)) {
            cases_verdict(&c, got == CASES_BAD_EVENT, NULL);
            continue;
        }

        if (got == CASES_BAD_PATTERN
            && (strstr(c.line, "\"regexp\"")
                || strstr(c.line, "\"shellstyle\"")))
        {
            difference = "an operator that EventBridge does not have";
        }

        cases_verdict(&c, got == json_is_true(expect), difference);
    }

    is_int(c.differ, 255, "255 cases are regexp or shellstyle");
    cases_close(&c, 703, "quamina, match");
}


int
main(void)
{
    test_match();
    test_edge();
    test_machine();
    test_value();
    test_compile("t/data/rules/event-ruler-compile.jsonl", 242, 0,
                 "event-ruler, compile");
    test_differential();
    test_quamina();
    test_compile("t/data/rules/quamina-compile.jsonl", 285, 66,
                 "quamina, compile");

    return done_testing();
}
