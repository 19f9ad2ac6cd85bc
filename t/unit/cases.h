
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For tests whose cases others wrote: JSON lines in t/data/rules.  A case is
 * read by jansson; what goes to the module, patterns and events, is taken from
 * the line as it stands, so that numbers keep their digits.
 *
 * A suite is one line of TAP: how many cases agree, how many differ for a
 * reason that is written down in the test, and how many fail, with the first
 * of these in diagnostics.
 */


#ifndef _NGX_ER_CASES_H_INCLUDED_
#define _NGX_ER_CASES_H_INCLUDED_


#include "rules.h"
#include <jansson.h>
#include "../../ngx_event_router_module/route/condition_eval.h"
#include "../../ngx_event_router_module/route/matcher.h"
#include "../../ngx_event_router_module/route/pattern/pattern_eval.h"
#include "../../ngx_event_router_module/route/lookup.h"


#define CASES_SHOWN  10


typedef struct {
    const char  *file;
    FILE        *f;
    char        *line;
    size_t       size;
    ngx_uint_t   number;
    json_t      *json;

    ngx_uint_t   agree;
    ngx_uint_t   differ;
    ngx_uint_t   fail;
} cases_t;


/* "expect" of a pattern that is refused, of an event that is */

#define CASES_FALSE          0
#define CASES_TRUE           1
#define CASES_BAD_PATTERN    2
#define CASES_BAD_EVENT      3


static void __attribute__((unused))
cases_open(cases_t *c, const char *file)
{
    memset(c, 0, sizeof(cases_t));

    c->file = file;
    c->f = fopen(file, "r");

    if (c->f == NULL) {
        printf("Bail out! %s cannot be opened\n", file);
        exit(1);
    }
}


static int __attribute__((unused))
cases_next(cases_t *c)
{
    json_error_t  error;

    json_decref(c->json);
    c->json = NULL;

    if (getline(&c->line, &c->size, c->f) < 0) {
        return 0;
    }

    c->number++;
    c->json = json_loads(c->line, JSON_ALLOW_NUL, &error);

    if (c->json == NULL) {
        printf("Bail out! %s:%lu: %s\n", c->file, (u_long) c->number,
               error.text);
        exit(1);
    }

    return 1;
}


/* the bytes of a value, p at its first; returns what is behind it */

static const char *
cases_skip(const char *p)
{
    int  depth = 0;

    do {
        if (*p == '"') {
            for (p++; *p != '"'; p++) {
                p += (*p == '\\');
            }

            p++;

        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;

        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;

        } else if (depth) {
            p++;

        } else {
            p += strcspn(p, ",}] \n");
        }
    } while (depth);

    return p;
}


/* a member of the case: a string is decoded, all else as it stands; what it
   points to lives as long as the case; NULL data: there is none */

static ngx_str_t __attribute__((unused))
cases_text(cases_t *c, const char *name)
{
    size_t       len;
    json_t      *value;
    ngx_str_t    text;
    const char  *p, *key;

    ngx_str_null(&text);

    value = json_object_get(c->json, name);

    if (json_is_string(value)) {
        text.data = (u_char *) json_string_value(value);
        text.len = json_string_length(value);
        return text;
    }

    len = strlen(name);

    for (p = strchr(c->line, '{') + 1; value; /* void */ ) {
        p += strspn(p, ", ");
        key = p + 1;
        p = cases_skip(p);
        p += strspn(p, ": ");

        if ((size_t) (p - key) > len && strncmp(key, name, len) == 0
            && key[len] == '"')
        {
            text.data = (u_char *) p;
            text.len = cases_skip(p) - p;
            break;
        }

        p = cases_skip(p);
    }

    return text;
}


/* the text of a pattern or event: NAME_text, or NAME itself */

static ngx_str_t __attribute__((unused))
cases_either(cases_t *c, const char *name)
{
    char       full[64];
    ngx_str_t  text;

    snprintf(full, sizeof(full), "%s_text", name);

    text = cases_text(c, full);

    return text.data ? text : cases_text(c, name);
}


static void __attribute__((unused))
cases_verdict(cases_t *c, int agrees, const char *difference)
{
    if (agrees) {
        c->agree++;

    } else if (difference) {
        c->differ++;

    } else if (c->fail++ < CASES_SHOWN) {
        diag("%s:%lu: %.300s", c->file, (u_long) c->number, c->line);
    }
}


static void __attribute__((unused))
cases_close(cases_t *c, ngx_uint_t expected, const char *name)
{
    fclose(c->f);
    free(c->line);
    json_decref(c->json);

    ok(c->fail == 0 && c->agree + c->differ == expected,
       "%s: %lu agree, %lu differ as documented, %lu fail", name,
       (u_long) c->agree, (u_long) c->differ, (u_long) c->fail);
}


/* NULL: see rules->err */

static __attribute__((unused)) ngx_er_condition_t *
cases_pattern(rules_t *rules, ngx_str_t *text, ngx_er_pattern_root_e root)
{
    ngx_er_tree_t     *json;
    ngx_er_pattern_t  *pattern;

    json = ngx_er_document_parse(rules->pool, text, &rules->err);

    pattern = json ? ngx_er_pattern_compile(rules->pool, json, root,
                                            rules->fields, &rules->err)
                   : NULL;

    rules->err.text[ngx_min(rules->err.len, NGX_ER_ERROR_LEN - 1)] = '\0';

    return pattern ? ngx_er_condition_whole(rules->pool,
                                            NGX_ER_CONDITION_PATTERN,
                                            ngx_er_pattern_holds,
                                            ngx_er_pattern_accesses, pattern)
                   : NULL;
}


/* n conditions in one matcher: their bits, by index */

static uint64_t __attribute__((unused))
cases_match(rules_t *rules, ngx_er_condition_t **conditions, ngx_uint_t n,
    ngx_er_facts_t *facts)
{
    uint64_t           bits;
    ngx_uint_t         i, *id;
    ngx_array_t        matched;
    ngx_er_error_t     err;
    ngx_er_matcher_t  *m;

    m = ngx_er_matcher_create(rules->pool, rules->fields, n);

    for (i = 0; i < n; i++) {
        (void) ngx_er_matcher_add(m, i, conditions[i], 0, 0, 0);
    }

    (void) ngx_array_init(&matched, facts->pool, 4, sizeof(ngx_uint_t));

    if (ngx_er_matcher_compile(m, &err) != NGX_OK
        || ngx_er_matcher_match(m, facts, &matched) != NGX_OK)
    {
        return ~(uint64_t) 0;
    }

    id = matched.elts;

    for (bits = 0, i = 0; i < matched.nelts; i++) {
        bits |= (uint64_t) 1 << id[i];
    }

    return bits;
}


/* a pattern about the body, through the scanner and a matcher */

static int __attribute__((unused))
cases_run(ngx_str_t *pattern, ngx_str_t *event)
{
    int                  result;
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    rules_create(&rules);

    condition = cases_pattern(&rules, pattern, NGX_ER_PATTERN_BODY);

    if (condition == NULL) {
        result = CASES_BAD_PATTERN;
        goto done;
    }

    facts = rules_facts(&rules, event);

    if (facts == NULL) {
        result = CASES_BAD_EVENT;
        goto done;
    }

    result = cases_match(&rules, &condition, 1, facts);

    if (result != (int) ngx_er_condition_holds(condition, facts)) {
        result = -1;
    }

done:

    rules_destroy(&rules);

    return result;
}


#endif /* _NGX_ER_CASES_H_INCLUDED_ */
