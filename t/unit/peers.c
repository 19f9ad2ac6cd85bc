
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The filters of peers, expressed as lines of a route: a converter here turns
 * Hookdeck's (Outpost's simplejsonmatch) and adnanh/webhook's rules into
 * "when", and their own test cases must agree.
 *
 * Hookdeck compares by type and looks into an array only with a plain value
 * or an object; so "5" becomes "when data.a = 5; when data.a is number;", and
 * an object becomes an "each".  Its "$ref" is "$field:", of which Outpost has
 * no cases: there are some here, by its documentation.  Not expressed: "<" of
 * texts that look like numbers.
 *
 * adnanh/webhook: payload is data.PATH, header is header.NAME, url is
 * arg.NAME, ip-whitelist is $remote_addr cidr; payload-hmac-* and
 * payload-hash-* are no conditions but "verify" of the source.  "entire-..."
 * sources and joining of values have no case.
 */


#include "cases.h"


#define TEXT  16384


typedef struct {
    char    text[TEXT];
    size_t  len;
} lines_t;


static void hookdeck(lines_t *l, json_t *schema, const char *path);
static int add_ref(lines_t *l, json_t *value, const char *op,
    const char *path);
static int hookdeck_holds(json_t *filter, ngx_str_t *event, lines_t *lines,
    rules_t *rules);
static void add(lines_t *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static void
add(lines_t *l, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    l->len += vsnprintf(l->text + l->len, TEXT - l->len, fmt, args);
    va_end(args);
}


/* a VALUE as nginx.conf has it */

static void
add_value(lines_t *l, json_t *value)
{
    char  *dump;

    if (json_is_string(value)) {
        add(l, " '%s'", json_string_value(value));
        return;
    }

    dump = json_dumps(value, JSON_ENCODE_ANY);
    add(l, " '%s'", dump);
    free(dump);
}


static const char *
type_of(json_t *value)
{
    return json_is_string(value) ? "string"
           : json_is_number(value) ? "number" : "boolean";
}


/* the value itself is this one, of this type */

static void
add_equal(lines_t *l, const char *path, json_t *value)
{
    if (json_is_null(value)) {
        add(l, "when '%s' null; ", path);
        return;
    }

    add(l, "all { when '%s' =", path);
    add_value(l, value);
    add(l, "; when '%s' is %s; } ", path, type_of(value));
}


/* the value is this one, or an array that has it */

static void
add_contains(lines_t *l, const char *path, json_t *value)
{
    add(l, "any { ");
    add_equal(l, path, value);
    add(l, "each '%s' { ", path);
    add_equal(l, ".", value);
    add(l, "} } ");
}


static void
add_texts(lines_t *l, const char *path, const char *op, json_t *value)
{
    size_t   i;
    json_t  *item;

    add(l, "when '%s' %s", path, op);

    if (json_is_array(value)) {
        json_array_foreach(value, i, item) {
            add_value(l, item);
        }

    } else {
        add_value(l, value);
    }

    add(l, "; when '%s' is string; ", path);
}


/* one of a list, a part of a string, an element of an array */

static void
add_in(lines_t *l, const char *path, json_t *value)
{
    size_t   i;
    json_t  *item;

    add(l, "any { ");

    if (json_is_array(value)) {
        json_array_foreach(value, i, item) {
            add_equal(l, path, item);
        }

    } else {
        add(l, "all { when '%s' contains", path);
        add_value(l, value);
        add(l, "; when '%s' is string; } each '%s' { ", path, path);
        add_equal(l, ".", value);
        add(l, "} ");
    }

    add(l, "} ");
}


static void
add_all(lines_t *l, const char *block, json_t *list, const char *path)
{
    size_t   i;
    json_t  *item;

    add(l, "%s { ", block);

    json_array_foreach(list, i, item) {
        add(l, "all { ");
        hookdeck(l, item, path);
        add(l, "} ");
    }

    add(l, "} ");
}


/* {"$ref": "b.c"}: another field of the body */

static int
add_ref(lines_t *l, json_t *value, const char *op, const char *path)
{
    json_t  *ref;

    ref = json_object_get(value, "$ref");

    if (ref == NULL) {
        return 0;
    }

    add(l, "when '%s' %s '$field:data.%s'; ", path, op,
        json_string_value(ref));

    return 1;
}


static void
operator(lines_t *l, const char *op, json_t *value, const char *path)
{
    static const char  *orders[][2] = {
        { "$gt", ">" }, { "$gte", ">=" }, { "$lt", "<" }, { "$lte", "<=" },
        { NULL, NULL }
    };

    int  i;

    for (i = 0; orders[i][0]; i++) {
        if (strcmp(op, orders[i][0]) == 0
            && !add_ref(l, value, orders[i][1], path))
        {
            add(l, "when '%s' %s", path, orders[i][1]);
            add_value(l, value);
            add(l, "; when '%s' is %s; ", path, type_of(value));
        }
    }

    if (strcmp(op, "$ref") == 0) {
        add(l, "when '%s' = '$field:data.%s'; ", path,
            json_string_value(value));

    } else if (strcmp(op, "$eq") == 0) {
        if (!add_ref(l, value, "=", path)) {
            add_equal(l, path, value);
        }

    } else if (strcmp(op, "$neq") == 0) {
        add(l, "none { ");

        if (!add_ref(l, value, "=", path)) {
            add_equal(l, path, value);
        }

        add(l, "} ");

    } else if (strcmp(op, "$in") == 0) {
        add_in(l, path, value);

    } else if (strcmp(op, "$nin") == 0) {
        add(l, "none { ");
        add_in(l, path, value);
        add(l, "} ");

    } else if (strcmp(op, "$startsWith") == 0) {
        add_texts(l, path, "prefix", value);

    } else if (strcmp(op, "$endsWith") == 0) {
        add_texts(l, path, "suffix", value);

    } else if (strcmp(op, "$exist") == 0) {
        add(l, "when '%s' %s; ", path,
            json_is_true(value) ? "exists" : "missing");

    } else if (strcmp(op, "$or") == 0) {
        add_all(l, "any", value, path);

    } else if (strcmp(op, "$and") == 0) {
        add_all(l, "all", value, path);

    } else if (strcmp(op, "$not") == 0) {
        add(l, "none { all { ");
        hookdeck(l, value, path);
        add(l, "} } ");
    }
}


/* lines that hold if the value at the path is as the schema says */

static void
hookdeck(lines_t *l, json_t *schema, const char *path)
{
    char         key_path[256];
    int          keys;
    size_t       i;
    json_t      *value;
    const char  *key;

    if (json_is_array(schema)) {

        json_array_foreach(schema, i, value) {
            if (json_is_object(value)) {
                add(l, "each '%s' { ", path);
                hookdeck(l, value, ".");
                add(l, "} ");

            } else {
                add_contains(l, path, value);
            }
        }

        return;
    }

    if (!json_is_object(schema)) {
        add_contains(l, path, schema);
        return;
    }

    keys = 0;

    json_object_foreach(schema, key, value) {
        if (key[0] == '$') {
            operator(l, key, value, path);

        } else {
            keys++;
        }
    }

    if (json_object_size(schema) == 0) {
        add(l, "when '%s' is object; ", path);
    }

    if (keys == 0) {
        return;
    }

    /* the root is no array here; any other object may be one of an array */

    if (strcmp(path, "data") != 0 && strcmp(path, ".") != 0) {
        add(l, "each '%s' { ", path);
    }

    json_object_foreach(schema, key, value) {
        if (key[0] != '$') {
            snprintf(key_path, sizeof(key_path), "%s.\"%s\"",
                     strcmp(path, "data") == 0 ? "data" : "", key);
            hookdeck(l, value, key_path);
        }
    }

    if (strcmp(path, "data") != 0 && strcmp(path, ".") != 0) {
        add(l, "} ");
    }
}


static void
test_hookdeck(void)
{
    int         holds;
    cases_t     c;
    rules_t     rules;
    lines_t     lines;
    ngx_str_t   text;

    cases_open(&c, "t/data/rules/hookdeck-simple-json-match.jsonl");

    while (cases_next(&c)) {
        rules_create(&rules);

        text = cases_text(&c, "event");

        if (json_is_string(json_object_get(c.json, "event"))) {
            text.data--;
            text.len += 2;
            text.data = (u_char *) json_dumps(json_object_get(c.json, "event"),
                                              JSON_ENCODE_ANY);
            text.len = strlen((char *) text.data);
        }

        holds = hookdeck_holds(json_object_get(c.json, "filter"), &text,
                               &lines, &rules);

        cases_verdict(&c, holds == json_is_true(json_object_get(c.json,
                                                                "expect")),
                      NULL);

        if (holds == 2) {
            diag("%s: %s", lines.text, rules.err.text);
        }

        if (json_is_string(json_object_get(c.json, "event"))) {
            free(text.data);
        }

        rules_destroy(&rules);
    }

    cases_close(&c, 116, "Hookdeck filters as conditions");
}


static int
hookdeck_holds(json_t *filter, ngx_str_t *event, lines_t *lines,
    rules_t *rules)
{
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    lines->len = 0;
    lines->text[0] = '\0';
    hookdeck(lines, filter, "data");

    condition = rules_read(rules, lines->text);
    facts = condition ? rules_facts(rules, event) : NULL;

    return facts ? (int) cases_match(rules, &condition, 1, facts) : 2;
}


/* filters with "$ref", and with an order of texts */

static void
test_refs(void)
{
    int         got;
    json_t     *filter;
    size_t      i;
    rules_t     rules;
    lines_t     lines;
    ngx_str_t   event;

    static struct {
        const char  *filter;
        const char  *event;
        int          holds;
    } cases[] = {
        { "{\"updated\":{\"$ref\":\"created\"}}",
          "{\"updated\":\"x\",\"created\":\"x\"}", 1 },
        { "{\"updated\":{\"$ref\":\"created\"}}",
          "{\"updated\":\"x\",\"created\":\"y\"}", 0 },
        { "{\"due\":{\"$gt\":{\"$ref\":\"paid\"}}}",
          "{\"due\":5,\"paid\":3}", 1 },
        { "{\"due\":{\"$gt\":{\"$ref\":\"paid\"}}}",
          "{\"due\":3,\"paid\":3}", 0 },
        { "{\"due\":{\"$gte\":{\"$ref\":\"o.paid\"}}}",
          "{\"due\":3,\"o\":{\"paid\":3}}", 1 },
        { "{\"due\":{\"$gt\":{\"$ref\":\"paid\"}}}", "{\"due\":3}", 0 },
        { "{\"updated\":{\"$gt\":{\"$ref\":\"created\"}}}",
          "{\"updated\":\"2026-05-02\",\"created\":\"2026-05-01\"}", 1 },
        { "{\"a\":{\"$neq\":{\"$ref\":\"b\"}}}", "{\"a\":1,\"b\":2}", 1 },
        { "{\"a\":{\"$neq\":{\"$ref\":\"b\"}}}", "{\"a\":1,\"b\":1}", 0 },
        { "{\"a\":{\"$gt\":\"m\"}}", "{\"a\":\"n\"}", 1 },
        { "{\"a\":{\"$gt\":\"m\"}}", "{\"a\":\"a\"}", 0 },
        { "{\"a\":{\"$lte\":\"2026-05-01\"}}", "{\"a\":\"2026-05-01\"}", 1 },
        { "{\"a\":{\"$gt\":\"m\"}}", "{\"a\":5}", 0 },
        { "{\"a\":{\"$not\":{\"$gt\":\"m\"}}}", "{\"a\":\"a\"}", 1 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rules_create(&rules);

        filter = json_loads(cases[i].filter, 0, NULL);
        event = rules_str(cases[i].event);
        got = hookdeck_holds(filter, &event, &lines, &rules);

        is_int(got, cases[i].holds, "%s of %s", cases[i].filter,
               cases[i].event);

        json_decref(filter);
        rules_destroy(&rules);
    }
}


/* "a.b.0.c" of a payload; a number is an index where the value is an array */

static void
payload_path(char *path, size_t size, const char *name, json_t *value)
{
    size_t  n, len;
    char    key[128];

    len = snprintf(path, size, "data");

    while (*name) {
        n = strcspn(name, ".");
        snprintf(key, sizeof(key), "%.*s", (int) n, name);

        if (json_is_array(value)) {
            len += snprintf(path + len, size - len, "[%s]", key);
            value = json_array_get(value, strtoul(key, NULL, 10));

        } else {
            len += snprintf(path + len, size - len, ".\"%s\"", key);
            value = json_object_get(value, key);
        }

        name += n + (name[n] == '.');
    }
}


/* returns 0 for what is no condition */

static int
webhook(lines_t *l, json_t *rule, json_t *payload)
{
    int          known;
    char         path[256];
    size_t       i;
    json_t      *list, *item, *match, *parameter;
    const char  *type, *source, *name;

    list = json_object_get(rule, "and");
    item = json_object_get(rule, "or");

    if (list || item) {
        add(l, "%s { ", list ? "all" : "any");
        known = 1;

        json_array_foreach(list ? list : item, i, match) {
            known &= webhook(l, match, payload);
        }

        add(l, "} ");
        return known;
    }

    item = json_object_get(rule, "not");

    if (item) {
        add(l, "none { ");
        known = webhook(l, item, payload);
        add(l, "} ");
        return known;
    }

    match = json_object_get(rule, "match");

    /* an empty rule is never met there */

    if (match == NULL) {
        add(l, "none { when type exists; when type missing; } ");
        return 1;
    }

    type = json_string_value(json_object_get(match, "type"));
    parameter = json_object_get(match, "parameter");
    source = json_string_value(json_object_get(parameter, "source"));
    name = json_string_value(json_object_get(parameter, "name"));

    if (strncmp(type, "payload-h", 9) == 0) {
        return 0;
    }

    if (strcmp(type, "ip-whitelist") == 0) {
        add(l, "when $remote_addr cidr '%s'; ",
            json_string_value(json_object_get(match, "ip-range")));
        return 1;
    }

    if (strcmp(source, "payload") == 0) {
        payload_path(path, sizeof(path), name, payload);

    } else {
        snprintf(path, sizeof(path), "%s.%s",
                 strcmp(source, "header") == 0 ? "header" : "arg", name);
    }

    if (strcmp(type, "value") == 0) {
        add(l, "when '%s' = '%s'; ", path,
            json_string_value(json_object_get(match, "value")));

    } else {
        add(l, "when '%s' ~ '%s'; ", path,
            json_string_value(json_object_get(match, "regex")));
    }

    return 1;
}


static char *
lower(rules_t *rules, const char *prefix, const char *name)
{
    char  *text, *p;

    text = ngx_palloc(rules->pool, strlen(prefix) + strlen(name) + 1);
    sprintf(text, "%s%s", prefix, name);

    for (p = text; *p; p++) {
        *p = ngx_tolower(*p);
    }

    return text;
}


/* an address as nginx has it in $remote_addr */

static char *
address(rules_t *rules, const char *text)
{
    char        *p, *last;
    ngx_uint_t   colons;
    const char  *s;

    p = ngx_palloc(rules->pool, strlen(text) + 1);
    text += strspn(text, " [");
    strcpy(p, text);

    for (colons = 0, s = p; *s; s++) {
        colons += (*s == ':');
    }

    if (strstr(p, "]:") || colons != 1) {
        p[strcspn(p, "]")] = '\0';
    }

    last = strrchr(p, ':');

    if (last && strchr(p, ':') != last && strlen(last) == 5) {
        *last = '\0';

    } else if (colons == 1) {
        *last = '\0';
    }

    return p;
}


static int
holds(rules_t *rules, lines_t *lines, const char *body)
{
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    condition = rules_read(rules, lines->text);
    facts = condition ? rules_event(rules, *body ? body : "{}") : NULL;

    return facts ? (int) cases_match(rules, &condition, 1, facts) : -1;
}


/* a line for a value that must be this text */

static int
extract(cases_t *c, rules_t *rules, const char *name, const char *field)
{
    int         got, want;
    char        path[256], *body;
    json_t     *payload;
    lines_t     lines;
    ngx_str_t   text;

    payload = json_object_get(c->json, "payload");
    want = json_is_true(json_object_get(c->json, "ok"));
    text = cases_text(c, "payload");
    lines.len = 0;

    if (json_is_string(payload)) {
        text = rules_str("\"a\"");

    } else if (text.data == NULL) {
        text = rules_str("{}");
    }

    body = ngx_palloc(rules->pool, text.len + 1);
    snprintf(body, text.len + 1, "%s", (char *) text.data);

    if (field == NULL) {
        payload_path(path, sizeof(path), name, payload);
        field = path;
    }

    add(&lines, want ? "when '%s' exists; " : "when '%s' missing; ", field);

    if (want && json_is_string(json_object_get(payload, name))) {
        add(&lines, "when '%s' = '%s'; ", field,
            json_string_value(json_object_get(c->json, "value")));
    }

    got = holds(rules, &lines, body);

    return got == 1;
}


static void
test_webhook(void)
{
    int          agrees, expect;
    json_t      *headers, *value;
    cases_t      c;
    rules_t      rules;
    lines_t      lines;
    const char  *kind, *name, *body, *difference, *source;

    cases_open(&c, "t/data/rules/adnanh-webhook.jsonl");

    while (cases_next(&c)) {
        rules_create(&rules);
        lines.len = 0;
        difference = NULL;

        kind = json_string_value(json_object_get(c.json, "kind"));
        expect = json_is_true(json_object_get(c.json, "expect"));
        body = json_string_value(json_object_get(c.json, "body"));
        headers = json_object_get(c.json, "headers");

        json_object_foreach(headers, name, value) {
            rules_field(&rules, lower(&rules, "header.", name),
                        json_string_value(value));
        }

        if (strcmp(kind, "extract") == 0) {
            agrees = extract(&c, &rules,
                             json_string_value(json_object_get(c.json,
                                                               "path")),
                             NULL);

        } else if (strcmp(kind, "argget") == 0) {
            source = json_string_value(json_object_get(c.json, "source"));
            name = json_string_value(json_object_get(c.json, "name"));

            if (strcmp(source, "string") == 0) {
                agrees = 0;
                difference = "a constant is no parameter here";

            } else {
                agrees = extract(&c, &rules, name,
                                 strcmp(source, "header") == 0
                                 ? lower(&rules, "header.", name) : NULL);
            }

        } else if (strcmp(kind, "ip-whitelist") == 0) {
            rules_field(&rules, "$remote_addr",
                        address(&rules,
                                json_string_value(json_object_get(c.json,
                                                                  "addr"))));
            name = json_string_value(json_object_get(c.json, "range"));
            add(&lines, "when $remote_addr cidr %s;", name);
            agrees = (holds(&rules, &lines, "{}") == expect);

        } else {
            value = json_object_get(c.json, "remote");

            if (value) {
                rules_field(&rules, "$remote_addr",
                            address(&rules, json_string_value(value)));
            }

            if (webhook(&lines, json_object_get(c.json, "rule"), NULL)) {

                /* what is an error there is refused or false here */

                agrees = holds(&rules, &lines, body);
                agrees = (agrees == expect || (agrees == -1 && !expect));

            } else {
                agrees = 0;
                difference = "a signature: \"verify\" of the source";
            }
        }

        cases_verdict(&c, agrees, difference);

        if (!agrees && !difference) {
            diag("%s: %s", lines.text, rules.err.text);
        }

        rules_destroy(&rules);
    }

    is_int(c.differ, 6, "five signatures and a constant are no conditions");
    cases_close(&c, 37, "adnanh/webhook's rules as conditions");
}


int
main(void)
{
    test_hookdeck();
    test_refs();
    test_webhook();

    return done_testing();
}
