
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any bytes as a JSON body, a batch and a form.  Beside memory errors it looks
 * for what must always hold: SSE2 and the portable way agree on everything;
 * offsets and texts lie inside of the body; what the strict guard accepts
 * jansson accepts, too (but for large integers), and what that refuses and
 * ours does not it refuses for an oddity; a string is marked unless it is
 * UTF-8 when decoded; the elements of a batch are documents of their own.
 * Good seeds are the files of t/data/json-suite/test_parsing.
 */


#include <jansson.h>

#include "../unit/tap.h"
#include "../../ngx_event_router_module/ingest/form.h"
#include "../../ngx_event_router_module/ingest/lexer.h"
#include "../../ngx_event_router_module/ingest/paths.h"


#define SLOTS  7

#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const char  *names[SLOTS][3] = {
    { NULL }, { "a" }, { "a", "b" }, { "a", "[0]", "b" }, { "type" },
    { "[1]" }, { "a" }
};


static ngx_er_paths_t *
make_paths(ngx_pool_t *pool)
{
    ngx_uint_t       i, k;
    ngx_array_t      steps;
    ngx_er_step_t   *step;
    ngx_er_paths_t  *paths;

    paths = ngx_er_paths_create(pool);

    for (i = 0; i < SLOTS; i++) {
        (void) ngx_array_init(&steps, pool, 3, sizeof(ngx_er_step_t));

        for (k = 0; k < 3 && names[i][k]; k++) {
            step = ngx_array_push(&steps);
            step->key.data = (u_char *) names[i][k];
            step->key.len = strlen(names[i][k]);
            step->index = (names[i][k][0] == '[') ? names[i][k][1] - '0'
                                                  : NGX_ER_STEP_KEY;
        }

        (void) ngx_er_paths_add(paths, &steps, i);
    }

    return paths;
}


static void
check_values(ngx_er_value_t *v, ngx_str_t *body)
{
    u_char  *p, *last;

    for ( /* void */ ; v; v = v->next) {

        if (v->type != NGX_ER_STRING) {
            must(v->text.data >= body->data && v->text.len > 0
                 && v->text.data + v->text.len <= body->data + body->len);
            continue;
        }

        must(v->empty == (v->text.len == 0));

        p = v->text.data;
        last = p + v->text.len;

        while (p && p < last) {
            p = (*p < 0x80) ? p + 1 : ngx_er_utf8(p, last);
        }

        must(v->unreadable == (p == NULL));
    }
}


static void
check_agree(ngx_er_value_t *a, ngx_er_value_t *b)
{
    for ( /* void */ ; a && b; a = a->next, b = b->next) {
        must(a->type == b->type && a->crossed == b->crossed
             && a->empty == b->empty && a->unreadable == b->unreadable
             && a->text.len == b->text.len
             && memcmp(a->text.data, b->text.data, a->text.len) == 0
             && !a->element == !b->element
             && (!a->element || a->element->index == b->element->index));
    }

    must(a == NULL && b == NULL);
}


static void
check_split(ngx_er_scan_t *s, ngx_str_t *body)
{
    ngx_int_t       rc;
    ngx_str_t      *e;
    ngx_uint_t      i;
    ngx_array_t     elements;
    ngx_er_scan_t   guard;

    (void) ngx_array_init(&elements, s->pool, 1, sizeof(ngx_str_t));

    guard = *s;
    rc = ngx_er_scan_split(&guard, body, &elements, 100);

    must(rc == NGX_OK || elements.nelts == 0);

    e = elements.elts;
    guard.paths = NULL;

    for (i = 0; i < elements.nelts; i++) {
        must(ngx_er_scan(&guard, &e[i]) == NGX_OK);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t                *json;
    ngx_int_t              rc[2];
    ngx_str_t              body;
    ngx_uint_t             i, k;
    ngx_pool_t            *pool;
    json_error_t           error;
    ngx_er_scan_t          s[2];
    ngx_er_value_t        *v, *values[3][SLOTS];
    ngx_er_scan_limits_t   limits;

    pool = ngx_er_test_pool();

    ngx_er_scan_limits_default(&limits);
    limits.nodes = 5000;
    limits.found = 500;

    ngx_memzero(s, sizeof(s));
    ngx_memzero(values, sizeof(values));

    body.data = (u_char *) data;
    body.len = size;

    for (k = 0; k < 2; k++) {
        s[k].pool = pool;
        s[k].limits = &limits;
        s[k].paths = make_paths(pool);
        s[k].values = values[k];
        s[k].portable = k;

        if (size && (data[size - 1] & 1)) {
            ngx_str_set(&s[k].root, "data");
        }

        rc[k] = ngx_er_scan(&s[k], &body);
    }

    must(rc[0] == rc[1] && s[0].error == s[1].error
         && s[0].offset == s[1].offset && s[0].offset <= size);
    must((rc[0] == NGX_OK) == (s[0].error == NGX_ER_SCAN_OK));

    for (i = 0; i < SLOTS; i++) {
        check_values(values[0][i], &body);
        check_agree(values[0][i], values[1][i]);
    }

    s[1].strict = 1;
    s[1].values = values[1];
    ngx_memzero(values[1], sizeof(values[1]));
    rc[1] = ngx_er_scan(&s[1], &body);

    must(rc[0] == NGX_OK || rc[1] == NGX_DECLINED);
    must(rc[1] == NGX_OK || rc[0] != NGX_OK
         || s[1].error == NGX_ER_SCAN_UTF8 || s[1].error == NGX_ER_SCAN_BOM
         || s[1].error == NGX_ER_SCAN_NUL
         || s[1].error == NGX_ER_SCAN_NUMBER);

    if (rc[1] == NGX_OK) {
        json = json_loadb((char *) data, size, JSON_DECODE_ANY
                          | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
        must(json != NULL);
        json_decref(json);
    }

    check_split(&s[0], &body);

    s[0].values = values[2];
    (void) ngx_er_form_scan(&s[0], &body);

    for (i = 0; i < SLOTS; i++) {
        for (v = values[2][i]; v; v = v->next) {
            must(v->type == NGX_ER_STRING && v->element == NULL);
        }
    }

    ngx_destroy_pool(pool);

    return 0;
}
