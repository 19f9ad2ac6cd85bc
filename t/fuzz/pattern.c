
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any bytes as an event pattern or a CloudEvents filter, a line that is only
 * "--", and any bytes as the event.  Beside memory errors it looks for what
 * must always hold: a pattern that is refused has a sentence; the matcher,
 * which leaves out what it can, agrees with the pattern asked by itself; both
 * roots can be compiled into one table; asking twice gives one answer.
 */


#include "../unit/tap.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/route/condition_eval.h"
#include "../../ngx_event_router_module/route/pattern/filter.h"
#include "../../ngx_event_router_module/route/matcher.h"
#include "../../ngx_event_router_module/route/pattern/pattern_eval.h"
#include "../../ngx_event_router_module/route/lookup.h"

#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_er_condition_t *
compile(ngx_pool_t *pool, ngx_str_t *text, ngx_uint_t kind,
    ngx_er_fields_t *fields)
{
    ngx_er_tree_t     *json;
    ngx_er_error_t     err;
    ngx_er_pattern_t  *pattern;

    err.len = 0;
    json = ngx_er_document_parse(pool, text, &err);

    if (json == NULL) {
        must(err.len > 0 && err.len <= NGX_ER_ERROR_LEN);
        return NULL;
    }

    if (kind == 2) {
        return ngx_er_filter_compile(pool, json, fields, &err);
    }

    pattern = ngx_er_pattern_compile(pool, json, kind, fields, &err);

    if (pattern == NULL) {
        must(err.len > 0 && err.len <= NGX_ER_ERROR_LEN);
        return NULL;
    }

    return ngx_er_condition_whole(pool, NGX_ER_CONDITION_PATTERN,
                                  ngx_er_pattern_holds,
                                  ngx_er_pattern_accesses, pattern);
}


static void
ask(ngx_pool_t *pool, ngx_er_fields_t *fields, ngx_er_condition_t **conditions,
    ngx_uint_t n, ngx_str_t *event)
{
    uint64_t               bits;
    ngx_uint_t             i, *id;
    ngx_array_t            matched;
    ngx_er_scan_t          scan;
    ngx_er_error_t         err;
    ngx_er_facts_t        *facts;
    ngx_er_matcher_t      *m;
    ngx_er_scan_limits_t   limits;

    m = ngx_er_matcher_create(pool, fields, n);

    for (i = 0; i < n; i++) {
        (void) ngx_er_matcher_add(m, i, conditions[i], 0, 0, 0);
    }

    must(ngx_er_matcher_compile(m, &err) == NGX_OK);

    facts = ngx_er_facts_create(pool, fields);

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = fields->paths;
    scan.values = facts->values;

    (void) ngx_er_scan(&scan, event);

    (void) ngx_array_init(&matched, pool, 4, sizeof(ngx_uint_t));

    if (ngx_er_matcher_match(m, facts, &matched) != NGX_OK) {
        must(facts->undecided);
        return;
    }

    id = matched.elts;

    for (bits = 0, i = 0; i < matched.nelts; i++) {
        bits |= (uint64_t) 1 << id[i];
    }

    for (i = 0; i < n; i++) {
        must(((bits >> i) & 1)
             == ngx_er_condition_holds(conditions[i], facts));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char              *p;
    ngx_str_t            pattern, event;
    ngx_uint_t           kind, n;
    ngx_pool_t          *pool;
    ngx_er_fields_t     *fields;
    ngx_er_condition_t  *conditions[3];

    pattern.data = (u_char *) data;
    pattern.len = size;
    ngx_str_set(&event, "{}");

    p = memmem(data, size, "\n--\n", 4);

    if (p) {
        pattern.len = p - pattern.data;
        event.data = p + 4;
        event.len = size - pattern.len - 4;
    }

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);
    n = 0;

    for (kind = 0; kind < 3; kind++) {
        conditions[n] = compile(pool, &pattern, kind, fields);
        n += (conditions[n] != NULL);
    }

    if (n) {
        ask(pool, fields, conditions, n, &event);
    }

    ngx_destroy_pool(pool);

    return 0;
}
