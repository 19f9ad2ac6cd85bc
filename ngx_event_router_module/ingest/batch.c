
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Batches: bodies in which a producer puts several events, as elements of an
 * array ([{...}, {...}]; entry[].changes[].value.messages[]).  A source or a
 * verifier has one configuration of them; it names the arrays, and everything
 * that templates ask of an element joins the same trie of paths, so that one
 * more pass of the scanner finds the elements and their values, each value
 * with the element in which it stands.  Callers are the verifier (an element a
 * signature), parts.c (an element an event) and reference.c.
 *
 * The items are the innermost elements: of an array within an element of
 * another one the elements count and not the outer one.  An outer element in
 * which none is found is an item itself, whatever it is: it has none of the
 * inner arrays, or they are empty.  So nothing of a body is lost when it is
 * split.
 *
 * A way is an array that was named, or what leads to it: a document can have
 * an array there, too, or an object instead.  Slot 0 has the values of all
 * ways, and each way has a slot of its own, which tells of which array an
 * element is.  A reference to an item's value has a slot for each array that
 * was named: what is asked of an element of one of them must not be answered
 * by a path of another, which an object in an array's place makes the same.
 *
 * All lists are in the order of the document, and so are the items: whoever
 * asks about one after the other walks along the lists once.
 */


#include "batch.h"
#include "paths.h"


#define NGX_ER_BATCH_WAYS    0
#define NGX_ER_BATCH_SLOTS   1


struct ngx_er_way_s {
    ngx_array_t            steps;      /* of ngx_er_step_t */
    ngx_uint_t             slot;
    ngx_uint_t             array;      /* its number of those that were named,
                                          from 1; 0: it only leads there */
};


struct ngx_er_batch_conf_s {
    ngx_er_paths_t        *paths;
    ngx_array_t            ways;       /* of ngx_er_way_t */
    ngx_uint_t             arrays;     /* ways that were named */
    ngx_uint_t             slots;
    unsigned               inner:1;    /* they are in a document in the body */
};


/* which way an array of the document has */

typedef struct {
    uint32_t               array;      /* as in ngx_er_element_t */
    ngx_er_way_t          *way;
} ngx_er_batch_array_t;


static ngx_er_way_t *ngx_er_batch_way(ngx_er_batch_conf_t *conf,
    ngx_array_t *steps, ngx_uint_t n);
static ngx_uint_t ngx_er_batch_whole(ngx_er_batch_conf_t *conf,
    ngx_er_ref_t *ref);
static ngx_uint_t ngx_er_batch_begins(ngx_array_t *steps, ngx_array_t *with,
    ngx_uint_t n);
static ngx_int_t ngx_er_batch_bind_item(ngx_er_batch_conf_t *conf,
    ngx_er_ref_t *ref);
static ngx_int_t ngx_er_batch_within(ngx_er_batch_conf_t *conf,
    ngx_array_t *array, ngx_er_ref_t *ref, ngx_uint_t slot);
static ngx_int_t ngx_er_batch_ways(ngx_er_batch_t *batch, ngx_pool_t *pool);
static ngx_er_way_t *ngx_er_batch_way_of(ngx_er_batch_t *batch,
    ngx_er_value_t *v);
static ngx_int_t ngx_er_batch_items(ngx_er_batch_t *batch, ngx_str_t *body);
static ngx_int_t ngx_er_batch_item(ngx_er_batch_t *batch, ngx_str_t *body,
    ngx_er_value_t *v);
static ngx_uint_t ngx_er_batch_inside(ngx_er_element_t *inner,
    ngx_er_element_t *outer);
static ngx_er_way_t *ngx_er_batch_array_way(ngx_er_batch_t *batch,
    uint32_t array);
static ngx_int_t ngx_er_batch_slot(ngx_er_batch_t *batch, ngx_er_item_t *item,
    ngx_er_ref_t *ref);
static ngx_uint_t ngx_er_batch_of(ngx_er_batch_t *batch, ngx_er_value_t *v,
    ngx_er_ref_t *ref);
static ngx_uint_t ngx_er_batch_depth(ngx_er_element_t *e);
static ngx_int_t ngx_er_batch_order(ngx_er_element_t *a, ngx_uint_t adepth,
    ngx_er_element_t *b, ngx_uint_t bdepth);


ngx_er_batch_conf_t *
ngx_er_batch_create(ngx_pool_t *pool)
{
    ngx_er_batch_conf_t  *conf;

    conf = ngx_pcalloc(pool, sizeof(ngx_er_batch_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->paths = ngx_er_paths_create(pool);
    conf->slots = NGX_ER_BATCH_SLOTS;

    if (conf->paths == NULL
        || ngx_array_init(&conf->ways, pool, 8, sizeof(ngx_er_way_t))
           != NGX_OK)
    {
        return NULL;
    }

    return conf;
}


ngx_int_t
ngx_er_batch_field(ngx_pool_t *pool, ngx_str_t *text, ngx_er_field_t *field,
    ngx_er_error_t *err)
{
    ngx_uint_t      i;
    ngx_er_step_t  *step;

    if (ngx_er_field_parse(pool, text, NULL, field, err) != NGX_OK
        || ngx_er_field_definite(field, 1, "an array of elements", err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (field->kind != NGX_ER_FIELD_DATA) {
        ngx_er_error(err, "\"%V\" is no array of the body: write "
                     "\"data.PATH\", or \"data\" if the body is an array",
                     text);
        return NGX_ERROR;
    }

    step = field->steps.elts;

    for (i = 0; i < field->steps.nelts; i++) {
        if (step[i].index != NGX_ER_STEP_KEY) {
            ngx_er_error(err, "\"%V\" names one element of an array: leave "
                         "the index out, arrays are crossed by themselves",
                         text);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_batch_array(ngx_er_batch_conf_t *conf, ngx_array_t *steps)
{
    ngx_uint_t     n;
    ngx_er_way_t  *way;

    for (way = NULL, n = 0; n <= steps->nelts; n++) {
        way = ngx_er_batch_way(conf, steps, n);

        if (way == NULL) {
            return NGX_ERROR;
        }
    }

    if (way->array == 0) {
        way->array = ++conf->arrays;
    }

    return NGX_OK;
}


/* that of the first n steps */

static ngx_er_way_t *
ngx_er_batch_way(ngx_er_batch_conf_t *conf, ngx_array_t *steps, ngx_uint_t n)
{
    ngx_uint_t     i;
    ngx_er_way_t  *way;

    way = conf->ways.elts;

    for (i = 0; i < conf->ways.nelts; i++) {
        if (way[i].steps.nelts == n
            && ngx_er_batch_begins(steps, &way[i].steps, n))
        {
            return &way[i];
        }
    }

    way = ngx_array_push(&conf->ways);
    if (way == NULL) {
        return NULL;
    }

    way->steps = *steps;
    way->steps.nelts = n;
    way->slot = conf->slots++;
    way->array = 0;

    if (ngx_er_paths_add(conf->paths, &way->steps, NGX_ER_BATCH_WAYS)
        != NGX_OK
        || ngx_er_paths_add(conf->paths, &way->steps, way->slot) != NGX_OK)
    {
        return NULL;
    }

    return way;
}


static ngx_uint_t
ngx_er_batch_begins(ngx_array_t *steps, ngx_array_t *with, ngx_uint_t n)
{
    ngx_uint_t      i;
    ngx_er_step_t  *a, *b;

    a = steps->elts;
    b = with->elts;

    if (n > steps->nelts || n > with->nelts) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (a[i].index != b[i].index || a[i].key.len != b[i].key.len
            || ngx_memcmp(a[i].key.data, b[i].key.data, a[i].key.len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_er_batch_derive(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref)
{
    ngx_array_t  steps;

    if (!ngx_er_batch_whole(conf, ref) || !ref->first) {
        return NGX_OK;
    }

    steps = ref->steps;
    steps.nelts = ref->array;

    return ngx_er_batch_array(conf, &steps);
}


void
ngx_er_batch_inner(ngx_er_batch_conf_t *conf)
{
    conf->inner = 1;
}


/* 1: its path begins where the paths of the arrays do */

static ngx_uint_t
ngx_er_batch_whole(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref)
{
    return ref->kind == NGX_ER_REF_DATA
           || (ref->kind == NGX_ER_REF_JSON && !conf->inner);
}


ngx_uint_t
ngx_er_batch_arrays(ngx_er_batch_conf_t *conf)
{
    return conf->arrays;
}


ngx_array_t *
ngx_er_batch_steps(ngx_er_batch_conf_t *conf, ngx_uint_t n)
{
    ngx_uint_t     i;
    ngx_er_way_t  *way;

    way = conf->ways.elts;

    for (i = 0; i < conf->ways.nelts; i++) {
        if (way[i].array == n + 1) {
            return &way[i].steps;
        }
    }

    return NULL;
}


/*
 * A path that takes another element than the first of each array, or the first
 * of an array that has no events, means exactly that one: it has no slot.  One
 * without an index that goes through an array that was named means that
 * array's elements.
 */

ngx_int_t
ngx_er_batch_bind(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref)
{
    ngx_uint_t     i, begins;
    ngx_er_way_t  *way;

    if (ref->kind == NGX_ER_REF_ITEM) {
        return ngx_er_batch_bind_item(conf, ref);
    }

    if (!ngx_er_batch_whole(conf, ref) || (ref->indices && !ref->first)) {
        return NGX_OK;
    }

    way = conf->ways.elts;

    for (begins = 0, i = 0; i < conf->ways.nelts; i++) {

        if ((ref->indices && way[i].steps.nelts != ref->array)
            || !ngx_er_batch_begins(&ref->steps, &way[i].steps,
                                    way[i].steps.nelts))
        {
            continue;
        }

        begins = 1;

        if (way[i].array) {
            ref->array = ngx_max(ref->array, way[i].steps.nelts);
        }
    }

    if (!begins) {
        return NGX_OK;
    }

    ref->slot = conf->slots++;

    return ngx_er_paths_add(conf->paths, &ref->steps, ref->slot);
}


/* by the array's number, from ref->slot */

static ngx_int_t
ngx_er_batch_bind_item(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref)
{
    ngx_uint_t     i;
    ngx_er_way_t  *way;

    ref->slot = conf->slots;
    conf->slots += conf->arrays;

    way = conf->ways.elts;

    for (i = 0; i < conf->ways.nelts; i++) {

        if (way[i].array
            && ngx_er_batch_within(conf, &way[i].steps, ref,
                                   ref->slot + way[i].array - 1)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_batch_within(ngx_er_batch_conf_t *conf, ngx_array_t *array,
    ngx_er_ref_t *ref, ngx_uint_t slot)
{
    ngx_array_t     steps;
    ngx_er_step_t  *step;

    if (ngx_array_init(&steps, array->pool, array->nelts + ref->steps.nelts,
                       sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    step = ngx_array_push_n(&steps, array->nelts + ref->steps.nelts);
    if (step == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(step, array->elts, array->nelts * sizeof(ngx_er_step_t));
    ngx_memcpy(step + array->nelts, ref->steps.elts,
               ref->steps.nelts * sizeof(ngx_er_step_t));

    return ngx_er_paths_add(conf->paths, &steps, slot);
}


ngx_int_t
ngx_er_batch_scan(ngx_er_batch_conf_t *conf, ngx_pool_t *pool,
    ngx_er_scan_limits_t *limits, ngx_str_t *body, ngx_uint_t max,
    ngx_er_batch_t **batch, ngx_er_scan_error_e *error)
{
    ngx_int_t              rc;
    ngx_er_scan_t          scan;
    ngx_er_batch_t        *b;
    ngx_er_scan_limits_t   own;

    if (limits) {
        own = *limits;

    } else {
        ngx_er_scan_limits_default(&own);
    }

    own.found = max ? max : own.nodes * conf->slots;

    b = ngx_pcalloc(pool, sizeof(ngx_er_batch_t)
                          + 2 * conf->slots * sizeof(ngx_er_value_t *));
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->conf = conf;
    b->values = (ngx_er_value_t **) (b + 1);
    b->cursors = b->values + conf->slots;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = &own;
    scan.paths = conf->paths;
    scan.values = b->values;

    rc = ngx_er_scan(&scan, body);

    *error = scan.error;

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_array_init(&b->items, pool, 8, sizeof(ngx_er_item_t)) != NGX_OK
        || ngx_er_batch_ways(b, pool) != NGX_OK
        || ngx_er_batch_items(b, body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *batch = b;

    return NGX_OK;
}


/*
 * The arrays that the document has on the ways, by their numbers: an array's
 * number is less than those of the arrays behind its first byte.
 */

static ngx_int_t
ngx_er_batch_ways(ngx_er_batch_t *batch, ngx_pool_t *pool)
{
    ngx_er_way_t          *way;
    ngx_er_value_t        *v;
    ngx_er_batch_array_t  *array;

    if (ngx_array_init(&batch->arrays, pool, 8, sizeof(ngx_er_batch_array_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(batch->cursors, batch->values,
               batch->conf->slots * sizeof(ngx_er_value_t *));

    array = NULL;

    for (v = batch->values[NGX_ER_BATCH_WAYS]; v; v = v->next) {
        way = ngx_er_batch_way_of(batch, v);

        if (v->type == NGX_ER_ARRAY && !v->crossed && way->array) {
            batch->found = 1;
        }

        batch->hollow |= (v->type == NGX_ER_ARRAY && v->empty && v->element);

        if (!v->crossed || (array && v->element->array <= array->array)) {
            continue;
        }

        array = ngx_array_push(&batch->arrays);
        if (array == NULL) {
            return NGX_ERROR;
        }

        array->array = v->element->array;
        array->way = way;
    }

    return NGX_OK;
}


/* one of them has the same value; asked in the order of the document */

static ngx_er_way_t *
ngx_er_batch_way_of(ngx_er_batch_t *batch, ngx_er_value_t *v)
{
    ngx_uint_t       i;
    ngx_er_way_t    *way;
    ngx_er_value_t  *own;

    way = batch->conf->ways.elts;

    for (i = 0; i < batch->conf->ways.nelts - 1; i++) {
        own = batch->cursors[way[i].slot];

        if (own && own->tail == v->tail) {
            batch->cursors[way[i].slot] = own->next;
            break;
        }
    }

    return &way[i];
}


/*
 * An element with another one in it is no item: each of those that are in it
 * is one, or has one in it.  An array stands for its elements.
 */

static ngx_int_t
ngx_er_batch_items(ngx_er_batch_t *batch, ngx_str_t *body)
{
    ngx_er_value_t  *v, *next;

    if (!batch->found) {
        return NGX_OK;
    }

    for (v = batch->values[NGX_ER_BATCH_WAYS]; v; v = next) {
        next = v->next;

        if (v->type == NGX_ER_ARRAY || !v->crossed) {
            continue;
        }

        while (next && (next->type == NGX_ER_ARRAY || !next->crossed)) {
            next = next->next;
        }

        if (next && ngx_er_batch_inside(next->element, v->element)) {
            continue;
        }

        if (ngx_er_batch_item(batch, body, v) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_batch_item(ngx_er_batch_t *batch, ngx_str_t *body, ngx_er_value_t *v)
{
    ngx_er_item_t  *item;

    item = ngx_array_push(&batch->items);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->element = v->element;
    item->way = ngx_er_batch_array_way(batch, v->element->array);
    item->bytes = v->text;

    if (v->type == NGX_ER_STRING) {
        item->bytes.data = body->data + body->len - v->tail;
        item->bytes.len = ngx_er_scan_skip(item->bytes.data)
                          - item->bytes.data;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_batch_inside(ngx_er_element_t *inner, ngx_er_element_t *outer)
{
    ngx_uint_t  depth, own;

    depth = ngx_er_batch_depth(inner);
    own = ngx_er_batch_depth(outer);

    return depth > own && ngx_er_batch_order(inner, depth, outer, own) == 0;
}


/* NULL: the array is on none of the ways */

static ngx_er_way_t *
ngx_er_batch_array_way(ngx_er_batch_t *batch, uint32_t array)
{
    ngx_uint_t             i, left, right;
    ngx_er_batch_array_t  *a;

    a = batch->arrays.elts;
    left = 0;
    right = batch->arrays.nelts;

    while (left < right) {
        i = (left + right) / 2;

        if (a[i].array == array) {
            return a[i].way;
        }

        if (a[i].array < array) {
            left = i + 1;

        } else {
            right = i;
        }
    }

    return NULL;
}


ngx_er_value_t *
ngx_er_batch_value(ngx_er_batch_t *batch, ngx_er_item_t *item,
    ngx_er_ref_t *ref)
{
    ngx_int_t         order, slot;
    ngx_uint_t        depth, own;
    ngx_er_value_t   *v, **cursor;

    slot = ngx_er_batch_slot(batch, item, ref);

    if (slot == NGX_DECLINED) {
        return NULL;
    }

    own = ngx_er_batch_depth(item->element);
    cursor = &batch->cursors[slot];

    for (v = *cursor; v; v = v->next) {

        if (v->element == NULL) {

            if (ngx_er_batch_of(batch, v, ref)) {
                return v;
            }

            continue;
        }

        depth = ngx_er_batch_depth(v->element);
        order = ngx_er_batch_order(v->element, depth, item->element, own);

        if (order > 0) {
            break;
        }

        if (order < 0) {
            *cursor = v->next;
            continue;
        }

        if (ref->kind != NGX_ER_REF_ITEM
            ? (depth <= own && ngx_er_batch_of(batch, v, ref))
            : depth == own + ref->indices)
        {
            return v;
        }
    }

    return NULL;
}


/*
 * Where the values for this item are.  NGX_DECLINED: the reference is about
 * the elements of other arrays than the one in which the item stands.
 */

static ngx_int_t
ngx_er_batch_slot(ngx_er_batch_t *batch, ngx_er_item_t *item,
    ngx_er_ref_t *ref)
{
    if (item != batch->last) {

        if (batch->last == NULL || item < batch->last) {
            ngx_memcpy(batch->cursors, batch->values,
                       batch->conf->slots * sizeof(ngx_er_value_t *));
        }

        batch->last = item;
    }

    if (ref->kind == NGX_ER_REF_ITEM) {
        return item->way->array ? (ngx_int_t) (ref->slot + item->way->array
                                               - 1)
                                : NGX_DECLINED;
    }

    return ngx_er_batch_begins(&ref->steps, &item->way->steps, ref->array)
           ? (ngx_int_t) ref->slot : NGX_DECLINED;
}


/* a path with indices is about the elements of the array of its last one */

static ngx_uint_t
ngx_er_batch_of(ngx_er_batch_t *batch, ngx_er_value_t *v, ngx_er_ref_t *ref)
{
    ngx_er_way_t  *way;

    if (ref->indices == 0) {
        return 1;
    }

    way = v->element ? ngx_er_batch_array_way(batch, v->element->array) : NULL;

    return way && way->steps.nelts == ref->array
           && ngx_er_batch_begins(&ref->steps, &way->steps, ref->array);
}


static ngx_uint_t
ngx_er_batch_depth(ngx_er_element_t *e)
{
    ngx_uint_t  n;

    for (n = 0; e; e = e->parent) {
        n++;
    }

    return n;
}


/* a before b: negative; behind it: positive; one within the other: 0 */

static ngx_int_t
ngx_er_batch_order(ngx_er_element_t *a, ngx_uint_t adepth, ngx_er_element_t *b,
    ngx_uint_t bdepth)
{
    for ( /* void */ ; adepth > bdepth; adepth--) {
        a = a->parent;
    }

    for ( /* void */ ; bdepth > adepth; bdepth--) {
        b = b->parent;
    }

    if (a == b) {
        return 0;
    }

    while (a->parent != b->parent) {
        a = a->parent;
        b = b->parent;
    }

    if (a->array != b->array) {
        return (a->array < b->array) ? -1 : 1;
    }

    return (a->index < b->index) ? -1 : 1;
}
