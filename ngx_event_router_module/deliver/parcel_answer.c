
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The answer to a call of several events ("batch" of event_target), as far as
 * it names those that failed:
 *
 *     {"failures": [{"index": 3}, ...]}     or [3, ...]
 *     {"batchItemFailures": [{"itemIdentifier": "ID"}, ...]}
 *
 * An event is named by its place in the call, from 0, or by its Webhook-Id;
 * both lists may be there.  A text may be both, "3" for one: of an "index" it
 * is the place then, else the id.  An empty list, null, false and 0 name none.
 *
 * The answer is hostile.  Whoever names something that is no event of the call
 * has said that one failed, and not which: then it is not known of any, as
 * with a body that begins as an object does and cannot be read.  So an event
 * may be sent twice, and none is lost.  What does not begin so names none.
 *
 * parcel_call.c asks here.  Nothing is owned; only memory fails, and then the
 * answer is not known.
 */


#include "parcel_answer.h"


#define NGX_ER_PARCEL_LISTS  2


/* the slots of a list: itself, and what names an event in its objects */

static const struct {
    ngx_str_t              list;
    ngx_str_t              name;
    ngx_uint_t             place;      /* the name is a place first */
} ngx_er_parcel_lists[NGX_ER_PARCEL_LISTS] = {
    { ngx_string("failures"), ngx_string("index"), 1 },
    { ngx_string("batchItemFailures"), ngx_string("itemIdentifier"), 0 }
};


/* the events of the call */

typedef struct {
    ngx_str_t             *ids;
    ngx_uint_t             n;
    u_char                *failed;
    ngx_uint_t             named;
} ngx_er_parcel_events_t;


static ngx_int_t ngx_er_parcel_path(ngx_er_paths_t *paths, ngx_uint_t list);
static ngx_uint_t ngx_er_parcel_object(ngx_str_t *body);
static ngx_int_t ngx_er_parcel_list(ngx_er_parcel_events_t *events,
    ngx_er_value_t *list, ngx_er_value_t *name, ngx_uint_t place);
static ngx_uint_t ngx_er_parcel_empty(ngx_er_value_t *list);
static uint32_t ngx_er_parcel_index(ngx_er_value_t *value);
static ngx_int_t ngx_er_parcel_named(ngx_er_parcel_events_t *events,
    ngx_er_value_t *value, ngx_uint_t place);
static ngx_uint_t ngx_er_parcel_ids(ngx_er_parcel_events_t *events,
    ngx_er_value_t *value);


ngx_er_paths_t *
ngx_er_parcel_paths(ngx_pool_t *pool)
{
    ngx_uint_t       i;
    ngx_er_paths_t  *paths;

    paths = ngx_er_paths_create(pool);
    if (paths == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_ER_PARCEL_LISTS; i++) {
        if (ngx_er_parcel_path(paths, i) != NGX_OK) {
            return NULL;
        }
    }

    return paths;
}


static ngx_int_t
ngx_er_parcel_path(ngx_er_paths_t *paths, ngx_uint_t list)
{
    ngx_array_t     steps;
    ngx_er_step_t   step[2];

    ngx_memzero(&steps, sizeof(ngx_array_t));

    step[0].key = ngx_er_parcel_lists[list].list;
    step[0].index = NGX_ER_STEP_KEY;
    step[1].key = ngx_er_parcel_lists[list].name;
    step[1].index = NGX_ER_STEP_KEY;

    steps.elts = step;
    steps.size = sizeof(ngx_er_step_t);
    steps.nelts = 1;

    if (ngx_er_paths_add(paths, &steps, list * 2) != NGX_OK) {
        return NGX_ERROR;
    }

    steps.nelts = 2;

    return ngx_er_paths_add(paths, &steps, list * 2 + 1);
}


ngx_er_parcel_says_e
ngx_er_parcel_answer(ngx_pool_t *pool, ngx_er_paths_t *paths, ngx_str_t *body,
    ngx_uint_t whole, ngx_str_t *ids, ngx_uint_t n, u_char *failed)
{
    ngx_uint_t               i;
    ngx_er_scan_t            scan;
    ngx_er_value_t          *values[NGX_ER_PARCEL_LISTS * 2];
    ngx_er_scan_limits_t     limits;
    ngx_er_parcel_events_t   events;

    ngx_memzero(failed, n);

    if (!ngx_er_parcel_object(body)) {
        return NGX_ER_PARCEL_NONE;
    }

    ngx_memzero(values, sizeof(values));
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = paths;
    scan.values = values;

    if (!whole || ngx_er_scan(&scan, body) != NGX_OK) {
        return NGX_ER_PARCEL_UNKNOWN;
    }

    events.ids = ids;
    events.n = n;
    events.failed = failed;
    events.named = 0;

    for (i = 0; i < NGX_ER_PARCEL_LISTS; i++) {
        if (ngx_er_parcel_list(&events, values[i * 2], values[i * 2 + 1],
                               ngx_er_parcel_lists[i].place)
            != NGX_OK)
        {
            return NGX_ER_PARCEL_UNKNOWN;
        }
    }

    return events.named ? NGX_ER_PARCEL_SOME : NGX_ER_PARCEL_NONE;
}


/* 1: the body begins as an object does */

static ngx_uint_t
ngx_er_parcel_object(ngx_str_t *body)
{
    u_char  *p, *last;

    p = body->data;
    last = p + body->len;

    if (body->len >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
        p += 3;
    }

    while (p < last
           && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
    {
        p++;
    }

    return p < last && *p == '{';
}


/* the first value is the list itself, its elements follow; NGX_DECLINED: it
   cannot be told which events it means */

static ngx_int_t
ngx_er_parcel_list(ngx_er_parcel_events_t *events, ngx_er_value_t *list,
    ngx_er_value_t *name, ngx_uint_t place)
{
    ngx_er_value_t  *value;

    if (list == NULL || ngx_er_parcel_empty(list)) {
        return NGX_OK;
    }

    if (list->type != NGX_ER_ARRAY) {
        return NGX_DECLINED;
    }

    for (value = list->next; value; value = value->next) {

        if (value->type != NGX_ER_OBJECT) {

            if (ngx_er_parcel_named(events, value, 0) != NGX_OK) {
                return NGX_DECLINED;
            }

            continue;
        }

        while (name && ngx_er_parcel_index(name) < value->element->index) {
            name = name->next;
        }

        if (name == NULL || name->element != value->element
            || ngx_er_parcel_named(events, name, place) != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* some count what failed, and say 0 */

static ngx_uint_t
ngx_er_parcel_empty(ngx_er_value_t *list)
{
    switch (list->type) {

    case NGX_ER_NULL:
        return 1;

    case NGX_ER_BOOLEAN:
        return list->text.data[0] == 'f';

    case NGX_ER_NUMBER:
        return list->text.len == 1 && list->text.data[0] == '0';

    default: /* NGX_ER_STRING, NGX_ER_ARRAY, NGX_ER_OBJECT */
        return list->empty;
    }
}


/* in which element of the list the value stands */

static uint32_t
ngx_er_parcel_index(ngx_er_value_t *value)
{
    ngx_er_element_t  *element;

    for (element = value->element; element->parent; element = element->parent)
    {
        /* void */
    }

    return element->index;
}


/* the event of that id, or at that place; of what is both, "place" says which
   is meant */

static ngx_int_t
ngx_er_parcel_named(ngx_er_parcel_events_t *events, ngx_er_value_t *value,
    ngx_uint_t place)
{
    ngx_int_t   index;
    ngx_uint_t  is_place;

    if (value->type != NGX_ER_NUMBER && value->type != NGX_ER_STRING) {
        return NGX_DECLINED;
    }

    index = ngx_atoi(value->text.data, value->text.len);
    is_place = (index != NGX_ERROR && (ngx_uint_t) index < events->n);

    if (value->type == NGX_ER_NUMBER || (place && is_place)
        || !ngx_er_parcel_ids(events, value))
    {
        if (!is_place) {
            return NGX_DECLINED;
        }

        events->failed[index] = 1;
    }

    events->named = 1;

    return NGX_OK;
}


/* 1: there is an event of that id; two may have the same */

static ngx_uint_t
ngx_er_parcel_ids(ngx_er_parcel_events_t *events, ngx_er_value_t *value)
{
    ngx_str_t   *text;
    ngx_uint_t   i, found;

    text = &value->text;
    found = 0;

    for (i = 0; i < events->n; i++) {

        if (events->ids[i].len == text->len
            && ngx_memcmp(events->ids[i].data, text->data, text->len) == 0)
        {
            events->failed[i] = 1;
            found = 1;
        }
    }

    return found;
}
