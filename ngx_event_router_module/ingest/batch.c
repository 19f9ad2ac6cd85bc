
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
 * signature), parts.c (an element an event) and template.c.
 *
 * The items are the innermost elements: of an array within an element of
 * another one the elements count and not the outer one.  An outer element that
 * has none of the inner arrays is an item itself, whatever it is, so that
 * nothing of a body is lost when it is split; an inner array that is empty has
 * no event.
 *
 * Slot 0 has the arrays and all that leads to them, slot 1 the arrays alone;
 * each bound reference has one more.  All lists are in the order of the
 * document, and so are the items: whoever asks about one after the other walks
 * along the lists once.
 */


#include "batch.h"
#include "paths.h"


#define NGX_ER_BATCH_WAYS    0
#define NGX_ER_BATCH_ARRAYS  1
#define NGX_ER_BATCH_SLOTS   2


struct ngx_er_batch_conf_s {
    ngx_er_paths_t        *paths;
    ngx_array_t            ways;       /* of ngx_array_t: steps of slot 0 */
    ngx_array_t            arrays;     /* of ngx_array_t: steps of slot 1 */
    ngx_uint_t             slots;
};


static ngx_int_t ngx_er_batch_way(ngx_er_batch_conf_t *conf,
    ngx_array_t *list, ngx_array_t *steps, ngx_uint_t n, ngx_uint_t slot);
static ngx_uint_t ngx_er_batch_begins(ngx_array_t *steps, ngx_array_t *with,
    ngx_uint_t n);
static ngx_int_t ngx_er_batch_within(ngx_er_batch_conf_t *conf,
    ngx_array_t *array, ngx_er_ref_t *ref);
static ngx_int_t ngx_er_batch_items(ngx_er_batch_t *batch, ngx_str_t *body);
static ngx_int_t ngx_er_batch_item(ngx_er_batch_t *batch, ngx_str_t *body,
    ngx_er_value_t *v);
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
        || ngx_array_init(&conf->ways, pool, 8, sizeof(ngx_array_t)) != NGX_OK
        || ngx_array_init(&conf->arrays, pool, 4, sizeof(ngx_array_t))
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

    if (ngx_er_field_parse(pool, text, NULL, field, err) != NGX_OK) {
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
    ngx_uint_t  n;

    for (n = 0; n <= steps->nelts; n++) {
        if (ngx_er_batch_way(conf, &conf->ways, steps, n, NGX_ER_BATCH_WAYS)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_er_batch_way(conf, &conf->arrays, steps, steps->nelts,
                            NGX_ER_BATCH_ARRAYS);
}


/* the first n steps, unless the list has them */

static ngx_int_t
ngx_er_batch_way(ngx_er_batch_conf_t *conf, ngx_array_t *list,
    ngx_array_t *steps, ngx_uint_t n, ngx_uint_t slot)
{
    ngx_uint_t    i;
    ngx_array_t  *way;

    way = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (way[i].nelts == n && ngx_er_batch_begins(steps, &way[i], n)) {
            return NGX_OK;
        }
    }

    way = ngx_array_push(list);
    if (way == NULL) {
        return NGX_ERROR;
    }

    *way = *steps;
    way->nelts = n;

    return ngx_er_paths_add(conf->paths, way, slot);
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

    if (ref->kind != NGX_ER_REF_JSON || !ref->first) {
        return NGX_OK;
    }

    steps = ref->steps;
    steps.nelts = ref->array;

    return ngx_er_batch_array(conf, &steps);
}


ngx_uint_t
ngx_er_batch_arrays(ngx_er_batch_conf_t *conf)
{
    return conf->arrays.nelts;
}


/*
 * A path that takes another element than the first of each array, or the first
 * of an array that has no events, means exactly that one: it has no slot.
 */

ngx_int_t
ngx_er_batch_bind(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref)
{
    ngx_uint_t    i;
    ngx_array_t  *way;

    if (ref->kind == NGX_ER_REF_ITEM) {
        way = conf->arrays.elts;

        for (i = 0; i < conf->arrays.nelts; i++) {
            if (ngx_er_batch_within(conf, &way[i], ref) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        ref->slot = conf->slots++;

        return NGX_OK;
    }

    if (ref->kind != NGX_ER_REF_JSON || (ref->indices && !ref->first)) {
        return NGX_OK;
    }

    way = conf->ways.elts;

    for (i = 0; i < conf->ways.nelts; i++) {

        if ((ref->indices && way[i].nelts != ref->array)
            || !ngx_er_batch_begins(&ref->steps, &way[i], way[i].nelts))
        {
            continue;
        }

        ref->slot = conf->slots++;

        return ngx_er_paths_add(conf->paths, &ref->steps, ref->slot);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_batch_within(ngx_er_batch_conf_t *conf, ngx_array_t *array,
    ngx_er_ref_t *ref)
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

    return ngx_er_paths_add(conf->paths, &steps, conf->slots);
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
        || ngx_er_batch_items(b, body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *batch = b;

    return NGX_OK;
}


/*
 * An element whose next one in the document is within it is no item: arrays
 * stand for their elements here, and for none if they are empty.
 */

static ngx_int_t
ngx_er_batch_items(ngx_er_batch_t *batch, ngx_str_t *body)
{
    ngx_uint_t       depth, inner;
    ngx_er_value_t  *v, *next;

    for (v = batch->values[NGX_ER_BATCH_ARRAYS]; v; v = v->next) {
        if (v->type == NGX_ER_ARRAY && !v->crossed) {
            batch->found = 1;
            break;
        }
    }

    if (!batch->found) {
        return NGX_OK;
    }

    for (v = batch->values[NGX_ER_BATCH_WAYS]; v; v = next) {

        for (next = v->next; next; next = next->next) {
            if (next->type == NGX_ER_ARRAY || next->crossed) {
                break;
            }
        }

        if (v->type == NGX_ER_ARRAY) {
            batch->hollow |= (v->empty && v->element);
            continue;
        }

        if (!v->crossed) {
            continue;
        }

        if (next && next->element) {
            depth = ngx_er_batch_depth(v->element);
            inner = ngx_er_batch_depth(next->element);

            if (inner >= depth
                && ngx_er_batch_order(next->element, inner, v->element, depth)
                   == 0
                && (next->type == NGX_ER_ARRAY || inner > depth))
            {
                continue;
            }
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
    item->bytes = v->text;

    if (v->type == NGX_ER_STRING) {
        item->bytes.data = body->data + body->len - v->tail;
        item->bytes.len = ngx_er_scan_skip(item->bytes.data)
                          - item->bytes.data;
    }

    return NGX_OK;
}


ngx_er_value_t *
ngx_er_batch_value(ngx_er_batch_t *batch, ngx_er_item_t *item,
    ngx_er_ref_t *ref)
{
    ngx_int_t         order;
    ngx_uint_t        depth, own;
    ngx_er_value_t   *v, **cursor;

    if (item != batch->last) {

        if (batch->last == NULL || item < batch->last) {
            ngx_memcpy(batch->cursors, batch->values,
                       (u_char *) batch->cursors - (u_char *) batch->values);
        }

        batch->last = item;
    }

    own = ngx_er_batch_depth(item->element);
    cursor = &batch->cursors[ref->slot];

    for (v = *cursor; v; v = v->next) {

        if (v->element == NULL) {

            if (ref->kind == NGX_ER_REF_JSON) {
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

        if (ref->kind == NGX_ER_REF_JSON ? depth <= own
                                         : depth == own + ref->indices)
        {
            return v;
        }
    }

    return NULL;
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
