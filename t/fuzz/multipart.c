
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Multipart bodies.  The first line is the content type.  Beside memory errors
 * it looks for what must always hold: parts lie one behind the other in the
 * body, no value has a boundary at the begin of a line in it, an error has a
 * place, and whoever scans, lists or walks through the parts sees the same.
 */


#include "../../ngx_event_router_module/ingest/multipart.h"
#include "../../ngx_event_router_module/ingest/paths.h"
#include "../unit/tap.h"


#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the field "a" */

static ngx_er_paths_t *
paths_of(ngx_pool_t *pool)
{
    ngx_array_t      steps;
    ngx_er_step_t    step;
    ngx_er_paths_t  *paths;

    ngx_str_set(&step.key, "a");
    step.index = NGX_ER_STEP_KEY;

    steps.elts = &step;
    steps.nelts = 1;

    paths = ngx_er_paths_create(pool);
    (void) ngx_er_paths_add(paths, &steps, 0);

    return paths;
}


/* how many fields have that name; *rc: how the walk ends */

static ngx_uint_t
walk(ngx_str_t *type, ngx_str_t *body, ngx_int_t *rc, ngx_uint_t *absent)
{
    u_char                   *end;
    ngx_str_t                *value;
    ngx_uint_t                n;
    ngx_er_multipart_t        mp;
    ngx_er_multipart_part_t   part;

    n = 0;
    *absent = 0;
    end = body->data;
    value = &part.pair.value;

    *rc = ngx_er_multipart_begin(&mp, type, body);

    while (*rc == NGX_OK) {
        *rc = ngx_er_multipart_next(&mp, &part);

        if (*rc != NGX_OK) {
            break;
        }

        must(part.start >= end && value->data > part.start);
        end = value->data + value->len;
        must(end <= body->data + body->len);
        must(memmem(value->data, value->len, mp.mark, mp.len) == NULL);
        must(part.pair.name.len == 0
             || (part.pair.name.data > part.start
                 && part.pair.name.data + part.pair.name.len < value->data));
        must(!part.absent || part.file || !part.named);

        *absent += part.absent;

        n += (!part.absent && !part.pair.nameless && part.pair.name.len == 1
              && part.pair.name.data[0] == 'a');
    }

    must(*rc == NGX_DONE || *rc == NGX_DECLINED);
    must((*rc == NGX_DECLINED) == (mp.error != NGX_ER_SCAN_OK));
    must(*rc == NGX_DONE
         || (mp.at >= body->data && mp.at <= body->data + body->len));

    return n;
}


static void
check(ngx_pool_t *pool, ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t              rc, ended;
    ngx_uint_t             n, fields, absent;
    ngx_array_t            pairs;
    ngx_er_scan_t          s;
    ngx_er_value_t        *values[1], *v;
    ngx_er_scan_limits_t   limits;

    fields = walk(type, body, &ended, &absent);

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&s, sizeof(ngx_er_scan_t));

    values[0] = NULL;

    s.pool = pool;
    s.limits = &limits;
    s.paths = paths_of(pool);
    s.values = values;

    rc = ngx_er_multipart_scan(&s, type, body);

    must(rc == NGX_OK || rc == NGX_DECLINED);
    must((rc == NGX_DECLINED) == (s.error != NGX_ER_SCAN_OK));
    must(s.offset <= body->len);
    must(rc == NGX_DECLINED || ended == NGX_DONE);

    for (n = 0, v = values[0]; v; v = v->next) {
        must(v->text.data >= body->data
             && v->text.data + v->text.len <= body->data + body->len);
        n++;
    }

    must(n == (rc == NGX_OK ? fields : 0));
    must((ngx_er_multipart_second(type, body, &(ngx_str_t) ngx_string("a"))
          != 0) == (fields > 1));

    (void) ngx_array_init(&pairs, pool, 4, sizeof(ngx_er_pair_t));

    rc = ngx_er_multipart_parse(type, body, &pairs, NGX_MAX_INT_T_VALUE);
    must((rc == NGX_OK) == (ended == NGX_DONE && absent == 0));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char      *p;
    ngx_str_t    type, body;
    ngx_pool_t  *pool;

    p = memchr(data, '\n', size);

    if (p == NULL) {
        return 0;
    }

    type.data = (u_char *) data;
    type.len = p - data;
    body.data = p + 1;
    body.len = size - type.len - 1;

    pool = ngx_er_test_pool();
    check(pool, &type, &body);
    ngx_destroy_pool(pool);

    return 0;
}
