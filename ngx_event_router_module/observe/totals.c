
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Totals of the shared zone as rows of a store.  A noun has a row with all its
 * numbers; routes, of which there can be 100,000, have one a part, those whose
 * keys begin alike.  What is 0 is left out.
 *
 * To add a row and to mark it as added is one thing, under the lock of the
 * zone.  number_shelf.c calls it; nothing but the names of numbers is owned.
 */


#include "totals.h"
#include "number_row.h"


/* the slots of a part are beside each other, the last ones a little behind */

#define ngx_er_totals_slots(counters)                                         \
    ((counters)->nslots / NGX_ER_COUNTERS_PARTS + NGX_ER_COUNTERS_REACH)

#define ngx_er_totals_slot(counters, part, i)                                 \
    (&(counters)->slots[((part) * ((counters)->nslots / NGX_ER_COUNTERS_PARTS)\
                         + (i))                                               \
                        & ((counters)->nslots - 1)])

#define ngx_er_totals_counted(slot, n)                                        \
    ((slot)->key && (slot)->matched                                           \
     && ngx_er_counters_part((slot)->key) == (n))


static ngx_int_t ngx_er_totals_take_noun(ngx_er_counter_set_t *set,
    ngx_pool_t *pool, ngx_er_number_row_t *row);
static ngx_int_t ngx_er_totals_take_routes(ngx_er_counters_t *counters,
    ngx_uint_t part, ngx_pool_t *pool, ngx_er_number_row_t *row);
static uint64_t ngx_er_totals_print_routes(ngx_er_counters_t *counters,
    ngx_uint_t part);
static uint64_t ngx_er_totals_id(ngx_er_number_row_t *row);
static void ngx_er_totals_add_noun(ngx_er_counters_t *counters,
    ngx_er_number_row_t *row);
static void ngx_er_totals_add_routes(ngx_er_counters_t *counters,
    ngx_er_number_row_t *row);


/* of each noun's numbers, the worker's */

static uint64_t  *ngx_er_totals_names[NGX_ER_NOUN_ROUTES];


ngx_int_t
ngx_er_totals_init(ngx_pool_t *pool)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_NOUN_ROUTES; i++) {
        ngx_er_totals_names[i] = ngx_palloc(pool, ngx_er_noun_numbers(i)
                                                  * sizeof(uint64_t));
        if (ngx_er_totals_names[i] == NULL) {
            return NGX_ERROR;
        }

        ngx_er_metric_names(i, ngx_er_totals_names[i]);
    }

    return NGX_OK;
}


uint64_t
ngx_er_totals_print(ngx_er_counters_t *counters, ngx_er_totals_t *totals)
{
    ngx_str_t              text;
    ngx_uint_t             i, n;
    ngx_er_counter_set_t  *set;

    set = totals->set;

    if (set == NULL) {
        return ngx_er_totals_print_routes(counters, totals->part);
    }

    n = ngx_er_noun_numbers(set->noun);

    for (i = 0; i < n; i++) {
        if (set->numbers[i]) {
            text.data = (u_char *) set->numbers;
            text.len = n * sizeof(ngx_atomic_t);

            return ngx_er_print64(&text);
        }
    }

    return 0;
}


static uint64_t
ngx_er_totals_print_routes(ngx_er_counters_t *counters, ngx_uint_t part)
{
    uint64_t               print;
    ngx_uint_t             i;
    ngx_er_slot_number_t  *slot;

    print = 0;

    for (i = 0; i < ngx_er_totals_slots(counters); i++) {
        slot = ngx_er_totals_slot(counters, part, i);

        if (ngx_er_totals_counted(slot, part)) {
            print = (print ^ slot->key) * NGX_ER_METRIC_MIX + slot->matched;
            print |= 1;
        }
    }

    return print;
}


ngx_int_t
ngx_er_totals_take(ngx_er_counters_t *counters, ngx_er_totals_t *totals,
    ngx_pool_t *pool, uint64_t *id, ngx_str_t *value)
{
    u_char               part;
    ngx_int_t            rc;
    ngx_er_number_row_t  row;

    if (totals->set) {
        rc = ngx_er_totals_take_noun(totals->set, pool, &row);

    } else {
        part = (u_char) totals->part;
        row.name.data = &part;
        row.name.len = 1;

        rc = ngx_er_totals_take_routes(counters, totals->part, pool, &row);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    *id = ngx_er_totals_id(&row);

    return ngx_er_number_row_write(&row, pool, value);
}


static ngx_int_t
ngx_er_totals_take_noun(ngx_er_counter_set_t *set, ngx_pool_t *pool,
    ngx_er_number_row_t *row)
{
    ngx_uint_t             i, n;
    ngx_er_number_pair_t  *number;

    n = ngx_er_noun_numbers(set->noun);

    row->noun = set->noun;
    row->name.data = set->name;
    row->name.len = set->len;
    row->n = 0;

    row->numbers = ngx_palloc(pool, n * sizeof(ngx_er_number_pair_t));
    if (row->numbers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        number = &row->numbers[row->n];

        number->name = ngx_er_totals_names[set->noun][i];
        number->value = set->numbers[i];

        row->n += (number->name && number->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_totals_take_routes(ngx_er_counters_t *counters, ngx_uint_t part,
    ngx_pool_t *pool, ngx_er_number_row_t *row)
{
    ngx_uint_t             i, n;
    ngx_er_slot_number_t  *slot;

    n = ngx_min(ngx_er_totals_slots(counters), NGX_ER_NUMBER_ROW_MOST);

    row->noun = NGX_ER_NOUN_ROUTES;
    row->n = 0;

    row->numbers = ngx_palloc(pool, n * sizeof(ngx_er_number_pair_t));
    if (row->numbers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ngx_er_totals_slots(counters) && row->n < n; i++) {
        slot = ngx_er_totals_slot(counters, part, i);

        if (ngx_er_totals_counted(slot, part)) {
            row->numbers[row->n].name = slot->key;
            row->numbers[row->n].value = slot->matched;
            row->n++;
        }
    }

    return NGX_OK;
}


/* of the row in the store */

static uint64_t
ngx_er_totals_id(ngx_er_number_row_t *row)
{
    uint64_t  id;

    id = ngx_er_hash64(&row->name) * NGX_ER_METRIC_MIX + row->noun;

    return (id == 0 || id == NGX_ER_NEVER) ? 1 : id;
}


ngx_int_t
ngx_er_totals_add(ngx_slab_pool_t *shpool, uint64_t id, ngx_str_t *value,
    ngx_pool_t *pool)
{
    ngx_int_t            rc;
    ngx_er_number_row_t  row;

    rc = ngx_er_number_row_read(value, pool, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    if (id != ngx_er_totals_id(&row)) {
        return NGX_DECLINED;
    }

    ngx_shmtx_lock(&shpool->mutex);

    if (row.noun == NGX_ER_NOUN_ROUTES) {
        ngx_er_totals_add_routes(shpool->data, &row);

    } else {
        ngx_er_totals_add_noun(shpool->data, &row);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return NGX_OK;
}


/* numbers stand in the order in which they are looked for, as a rule */

static void
ngx_er_totals_add_noun(ngx_er_counters_t *counters,
    ngx_er_number_row_t *row)
{
    uint64_t              *names;
    ngx_uint_t             i, k, n, tries;
    ngx_atomic_t          *number;
    ngx_er_counter_set_t  *set;

    if (row->noun > NGX_ER_NOUN_GLOBAL) {
        return;
    }

    set = ngx_er_counters_find(counters, row->noun, &row->name);

    if (set == NULL || set->restored) {
        return;
    }

    names = ngx_er_totals_names[row->noun];
    n = ngx_er_noun_numbers(row->noun);
    k = 0;

    for (i = 0; i < row->n; i++) {

        for (tries = 0; tries < n && names[k] != row->numbers[i].name; tries++)
        {
            k = (k + 1) % n;
        }

        if (tries == n) {
            continue;
        }

        number = &set->numbers[k];

        if (!ngx_er_metric_is_time(row->noun, k)) {
            (void) ngx_atomic_fetch_add(number, (ngx_atomic_int_t)
                                                row->numbers[i].value);

        } else if (*number < row->numbers[i].value) {
            *number = (ngx_atomic_uint_t) row->numbers[i].value;
        }
    }

    set->added = 1;
    set->restored = 1;
}


static void
ngx_er_totals_add_routes(ngx_er_counters_t *counters,
    ngx_er_number_row_t *row)
{
    uint64_t       bit;
    ngx_uint_t     i, part;
    ngx_atomic_t  *matched;

    part = row->name.len == 1 ? row->name.data[0] : NGX_ER_COUNTERS_PARTS;

    if (part >= NGX_ER_COUNTERS_PARTS) {
        return;
    }

    bit = (uint64_t) 1 << part;

    if (counters->parts & bit) {
        return;
    }

    for (i = 0; i < row->n; i++) {

        if (ngx_er_counters_part(row->numbers[i].name) != part) {
            continue;
        }

        matched = ngx_er_counters_slot(counters, row->numbers[i].name);

        if (matched) {
            (void) ngx_atomic_fetch_add(matched, (ngx_atomic_int_t)
                                                 row->numbers[i].value);
        }
    }

    counters->parts |= bit;
}
