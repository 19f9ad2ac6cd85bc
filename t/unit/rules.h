
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For the tests of conditions and of the matcher: reads conditions as they
 * stand in nginx.conf and events as JSON.
 *
 *     condition = rules_read(&rules, "when type = a; any { when ...; }");
 *     facts = rules_event(&rules, "{...}");
 *
 * Words stand apart; 'single quotes' hold one together.  Fields other than
 * data come from rules_field(), one or more values each.
 */


#ifndef _NGX_ER_RULES_H_INCLUDED_
#define _NGX_ER_RULES_H_INCLUDED_


#include "tap.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/route/condition.h"


#define RULES_FIELDS  16


typedef struct {
    ngx_pool_t        *pool;       /* of the configuration */
    ngx_pool_t        *event;      /* of the last event */
    ngx_er_fields_t   *fields;
    ngx_er_error_t     err;

    const char        *name[RULES_FIELDS];
    const char        *value[RULES_FIELDS];
    ngx_uint_t         nfields;
} rules_t;


static ngx_str_t
rules_str(const char *s)
{
    ngx_str_t  text;

    text.data = (u_char *) s;
    text.len = strlen(s);

    return text;
}


static void __attribute__((unused))
rules_create(rules_t *rules)
{
    memset(rules, 0, sizeof(rules_t));

    rules->pool = ngx_er_test_pool();
    rules->fields = ngx_er_fields_create(rules->pool);
}


static void __attribute__((unused))
rules_destroy(rules_t *rules)
{
    if (rules->event) {
        ngx_destroy_pool(rules->event);
    }

    ngx_destroy_pool(rules->pool);
}


/* the next word; 1: a mark (one of ; { }), or the end with len 0 */

static int
rules_word(const char **p, ngx_str_t *word)
{
    int  mark;

    while (**p == ' ' || **p == '\n') {
        (*p)++;
    }

    if (**p == '\'') {
        word->data = (u_char *) ++(*p);
        *p += strcspn(*p, "'");
        word->len = (u_char *) *p - word->data;
        *p += (**p != '\0');
        return 0;
    }

    mark = (strchr(";{}", **p) != NULL);

    word->data = (u_char *) *p;
    *p += mark ? (**p != '\0') : (int) strcspn(*p, " ;{}\n");
    word->len = (u_char *) *p - word->data;

    return mark;
}


static int
rules_is(ngx_str_t *word, const char *s)
{
    return word->len == strlen(s) && memcmp(word->data, s, word->len) == 0;
}


static ngx_int_t
rules_lines(rules_t *rules, const char **p, ngx_er_condition_t *block,
    ngx_er_condition_t *each)
{
    ngx_str_t            word, args[80];
    ngx_uint_t           n;
    ngx_er_condition_t  *child;

    for ( ;; ) {
        if (rules_word(p, &word)) {
            return NGX_OK;
        }

        ngx_str_null(&args[0]);

        for (n = 0; n < 79 && rules_word(p, &args[n]) == 0; n++) {
            /* void */
        }

        if (rules_is(&word, "when")) {
            child = ngx_er_condition_test(rules->pool, args, n, each,
                                          rules->fields, &rules->err);

        } else {
            child = ngx_er_condition_block(rules->pool,
                          rules_is(&word, "all") ? NGX_ER_CONDITION_ALL
                          : rules_is(&word, "any") ? NGX_ER_CONDITION_ANY
                          : rules_is(&word, "none") ? NGX_ER_CONDITION_NONE
                          : NGX_ER_CONDITION_EACH,
                          args, each, rules->fields, &rules->err);

            if (child
                && rules_lines(rules, p, child,
                               rules_is(&word, "each") ? child : each)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (child == NULL) {
            return NGX_ERROR;
        }

        if (ngx_er_condition_add(rules->pool, block, child) != NGX_OK) {
            ngx_er_error(&rules->err, "no memory for a condition");
            return NGX_ERROR;
        }
    }
}


/* NULL: see rules->err; the text must outlive the condition */

static __attribute__((unused)) ngx_er_condition_t *
rules_read(rules_t *rules, const char *text)
{
    ngx_er_condition_t  *block;

    rules->err.len = 0;

    block = ngx_er_condition_block(rules->pool, NGX_ER_CONDITION_ALL, NULL,
                                   NULL, rules->fields, &rules->err);

    if (block == NULL || rules_lines(rules, &text, block, NULL) != NGX_OK) {
        rules->err.text[ngx_min(rules->err.len, NGX_ER_ERROR_LEN - 1)] = '\0';
        return NULL;
    }

    return block;
}


static void __attribute__((unused))
rules_field(rules_t *rules, const char *name, const char *value)
{
    rules->name[rules->nfields] = name;
    rules->value[rules->nfields++] = value;
}


static ngx_er_value_t *
rules_get(ngx_er_facts_t *facts, ngx_er_field_t *field)
{
    rules_t *rules = facts->data;

    ngx_uint_t        i;
    ngx_er_value_t   *first, *value, **last;

    first = NULL;
    last = &first;

    for (i = 0; i < rules->nfields; i++) {

        if (!rules_is(&field->text, rules->name[i])) {
            continue;
        }

        value = ngx_pcalloc(facts->pool, sizeof(ngx_er_value_t));
        if (value == NULL) {
            return NULL;
        }

        value->type = NGX_ER_STRING;
        value->text = rules_str(rules->value[i]);
        value->empty = (value->text.len == 0);

        *last = value;
        last = &value->next;
    }

    return first;
}


/* after all conditions were read; NULL: the scanner refuses it */

static __attribute__((unused)) ngx_er_facts_t *
rules_facts(rules_t *rules, ngx_str_t *body)
{
    ngx_er_scan_t          scan;
    ngx_er_facts_t        *facts;
    ngx_er_scan_limits_t   limits;

    if (rules->event) {
        ngx_destroy_pool(rules->event);
    }

    rules->event = ngx_er_test_pool();

    facts = ngx_er_facts_create(rules->event, rules->fields);
    facts->get = rules_get;
    facts->data = rules;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = rules->event;
    scan.limits = &limits;
    scan.paths = rules->fields->paths;
    scan.values = facts->values;

    return ngx_er_scan(&scan, body) == NGX_OK ? facts : NULL;
}


static __attribute__((unused)) ngx_er_facts_t *
rules_event(rules_t *rules, const char *json)
{
    ngx_str_t  body;

    body = rules_str(json);

    return rules_facts(rules, &body);
}


#endif /* _NGX_ER_RULES_H_INCLUDED_ */
