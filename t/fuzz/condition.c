
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any text as the conditions of a route, a line that is only "--", and any
 * bytes as the event.  Beside memory errors it looks for what must always
 * hold: what is refused has a sentence; the matcher agrees with the condition
 * asked by itself; "none" around a condition is its opposite; asking twice
 * gives one answer.
 */


#include "../unit/rules.h"
#include "../../ngx_event_router_module/route/condition_eval.h"
#include "../../ngx_event_router_module/route/matcher.h"
#include "../../ngx_event_router_module/route/reason.h"

#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
ask(rules_t *rules, ngx_er_condition_t *condition, const char *event)
{
    ngx_uint_t           holds;
    ngx_array_t          matched;
    ngx_er_facts_t      *facts;
    ngx_er_reason_t      reason;
    ngx_er_matcher_t    *m;
    ngx_er_condition_t  *none;

    none = ngx_er_condition_block(rules->pool, NGX_ER_CONDITION_NONE, NULL,
                                  NULL, rules->fields, &rules->err);
    must(none && ngx_er_condition_add(rules->pool, none, condition) == NGX_OK);

    m = ngx_er_matcher_create(rules->pool, rules->fields, 2);

    (void) ngx_er_matcher_add(m, 0, condition, 0, 0, 0);
    (void) ngx_er_matcher_add(m, 1, none, 0, 0, 0);
    must(ngx_er_matcher_compile(m, &rules->err) == NGX_OK);

    facts = rules_event(rules, event);

    if (facts == NULL) {
        return;
    }

    holds = ngx_er_condition_holds(condition, facts);

    if (facts->undecided) {
        return;
    }

    must(holds == ngx_er_condition_holds(condition, facts));
    must(holds != ngx_er_condition_holds(none, facts));

    /* all of this is one event for its budget */

    ngx_memzero(&facts->budget, sizeof(ngx_er_budget_t));

    must(holds == ngx_er_reason(condition, facts, &reason)
         || facts->undecided);
    must(holds || reason.note.len > 0 || facts->undecided);

    (void) ngx_array_init(&matched, facts->pool, 4, sizeof(ngx_uint_t));

    if (ngx_er_matcher_match(m, facts, &matched) == NGX_DECLINED) {
        return;
    }

    must(matched.nelts == 1 && *(ngx_uint_t *) matched.elts == !holds);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                *text, *event;
    rules_t              rules;
    ngx_er_condition_t  *condition;

    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';

    event = strstr(text, "\n--\n");

    if (event) {
        *event = '\0';
        event += 4;
    }

    rules_create(&rules);
    rules_field(&rules, "type", "order.paid");
    rules_field(&rules, "id", "evt-1");

    condition = rules_read(&rules, text);

    if (condition) {
        ask(&rules, condition, event ? event : "{\"a\":[1,{\"b\":\"x\"}]}");

    } else {
        must(rules.err.len > 0);
    }

    rules_destroy(&rules);
    free(text);

    return 0;
}
