
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The index: rules by the texts, numbers, prefixes, suffixes, parts of texts
 * and networks that they ask for, all in one hash table (index_table.c), and
 * by intervals, in a tree for each field (interval.c).  A plan for each field
 * says what is worth looking up: the lengths of prefixes that some rule has,
 * say.  What an event finds in it is up to index_hits.c.
 *
 * Built by matcher.c at configuration time: while rules come in, keys, plans
 * and lists grow in memory of their own; at the end they are packed into the
 * configuration's pool and never change.  Memory is in proportion to what was
 * filed, and there is a bound to that.  What may fail is memory.
 */


#include "index_table.h"


#define NGX_ER_INDEX_ENTRIES  2000000  /* rules in all keys */


static ngx_int_t ngx_er_index_number(ngx_er_index_t *ix, ngx_er_plan_t *plan,
    uint32_t rule, ngx_er_atom_t *atom);
static ngx_int_t ngx_er_index_interval(ngx_er_index_t *ix,
    ngx_er_plan_t *plan, uint32_t rule, ngx_er_atom_t *atom);
static ngx_er_plan_t *ngx_er_index_plan(ngx_er_index_t *ix, ngx_uint_t field);
static void ngx_er_index_note(ngx_er_plan_t *plan, ngx_er_atom_t *atom);
static ngx_int_t ngx_er_index_pack(ngx_er_index_t *ix);
static ngx_int_t ngx_er_index_trees(ngx_er_index_t *ix);


ngx_er_index_t *
ngx_er_index_create(ngx_pool_t *pool, ngx_er_fields_t *fields)
{
    ngx_er_index_t  *ix;

    ix = ngx_pcalloc(pool, sizeof(ngx_er_index_t));
    if (ix == NULL) {
        return NULL;
    }

    ix->pool = pool;
    ix->fields = fields;
    ix->new_keys.size = sizeof(ngx_er_key_t);
    ix->new_plans.size = sizeof(ngx_er_plan_t);
    ix->entries.size = sizeof(ngx_er_entry_t);
    ix->trees.size = sizeof(ngx_er_interval_t);
    ix->by_field.size = sizeof(uint32_t);

    return ix;
}


void *
ngx_er_index_grow(ngx_er_index_t *ix, ngx_er_grow_t *g)
{
    void        *elts;
    ngx_uint_t   max;

    if (g->n == g->max) {
        max = g->max ? g->max * 2 : 64;

        elts = ngx_calloc(max * g->size, ix->pool->log);
        if (elts == NULL) {
            return NULL;
        }

        if (g->n) {
            ngx_memcpy(elts, g->elts, g->n * g->size);
            ngx_free(g->elts);
        }

        g->elts = elts;
        g->max = max;
    }

    return (u_char *) g->elts + g->n++ * g->size;
}


ngx_int_t
ngx_er_index_file(ngx_er_index_t *ix, uint32_t rule, ngx_er_atom_t *atoms,
    ngx_uint_t n)
{
    uint32_t        where;
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_er_plan_t  *plan;

    for (i = 0; i < n; i++) {

        if (ix->entries.n + ix->trees.n >= NGX_ER_INDEX_ENTRIES) {
            return NGX_DECLINED;
        }

        plan = ngx_er_index_plan(ix, atoms[i].field);
        if (plan == NULL) {
            return NGX_ERROR;
        }

        if (atoms[i].kind == NGX_ER_ATOM_RANGE) {
            rc = ngx_er_index_interval(ix, plan, rule, &atoms[i]);

        } else {
            ngx_er_index_note(plan, &atoms[i]);
            where = ngx_er_index_where(atoms[i].field, atoms[i].kind);
            rc = ngx_er_index_enter(ix, rule, ngx_er_index_hash(&atoms[i]),
                                    where);

            if (rc == NGX_OK && atoms[i].number) {
                rc = ngx_er_index_number(ix, plan, rule, &atoms[i]);
            }
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a value that is a number is found by it, one that is text by the text */

static ngx_int_t
ngx_er_index_number(ngx_er_index_t *ix, ngx_er_plan_t *plan, uint32_t rule,
    ngx_er_atom_t *atom)
{
    uint32_t         hash;
    ngx_er_number_t  number;

    if (ngx_er_number_parse(&atom->text, &number) != NGX_OK) {
        return NGX_OK;
    }

    hash = ngx_er_index_mix(ngx_er_number_hash(&number), atom->field,
                            NGX_ER_INDEX_NUMBER, 0);
    plan->number = 1;

    return ngx_er_index_enter(ix, rule, hash,
                              ngx_er_index_where(atom->field,
                                                 NGX_ER_INDEX_NUMBER));
}


static ngx_int_t
ngx_er_index_interval(ngx_er_index_t *ix, ngx_er_plan_t *plan, uint32_t rule,
    ngx_er_atom_t *atom)
{
    ngx_er_interval_t  *interval;

    interval = ngx_er_index_grow(ix, &ix->trees);
    if (interval == NULL) {
        return NGX_ERROR;
    }

    interval->low = ngx_er_interval_low(atom->low);
    interval->high = ngx_er_interval_high(atom->high);
    interval->rule = rule;
    interval->owner = plan - (ngx_er_plan_t *) ix->new_plans.elts;

    plan->intervals++;

    return NGX_OK;
}


/* of a field; it may move when the next one is made */

static ngx_er_plan_t *
ngx_er_index_plan(ngx_er_index_t *ix, ngx_uint_t field)
{
    uint32_t       *by_field;
    ngx_er_plan_t  *plan;

    while (ix->by_field.n <= field) {
        if (ngx_er_index_grow(ix, &ix->by_field) == NULL) {
            return NULL;
        }
    }

    by_field = ix->by_field.elts;

    if (by_field[field] == 0) {
        plan = ngx_er_index_grow(ix, &ix->new_plans);
        if (plan == NULL) {
            return NULL;
        }

        plan->field = field;
        by_field[field] = ix->new_plans.n;
    }

    return (ngx_er_plan_t *) ix->new_plans.elts + by_field[field] - 1;
}


static void
ngx_er_index_note(ngx_er_plan_t *plan, ngx_er_atom_t *atom)
{
    size_t       len;
    uint64_t    *nets;
    ngx_uint_t   bits;

    switch (atom->kind) {

    case NGX_ER_ATOM_PREFIX:
        plan->prefixes |= (uint32_t) 1 << (atom->text.len - 1);
        break;

    case NGX_ER_ATOM_SUFFIX:
        plan->suffixes |= (uint32_t) 1 << (atom->text.len - 1);
        break;

    case NGX_ER_ATOM_GRAM:
        plan->grams |= (uint32_t) 1 << (atom->text.len - 1);
        break;

    case NGX_ER_ATOM_NET:
        (void) ngx_er_index_net(atom, &len, &bits);
        nets = &plan->nets[len == 4 ? 0 : 1];
        nets[bits / 64] |= (uint64_t) 1 << (bits % 64);
        plan->net = 1;
        break;

    case NGX_ER_ATOM_PRESENT:
        plan->present = 1;
        break;

    default: /* NGX_ER_ATOM_TEXT */
        plan->text = 1;
    }
}


ngx_int_t
ngx_er_index_build(ngx_er_index_t *ix)
{
    ngx_int_t  rc;

    ix->nkeys = ix->new_keys.n;
    ix->nplans = ix->new_plans.n;
    ix->nentries = ix->entries.n + ix->trees.n;

    rc = ngx_er_index_pack(ix);

    ngx_er_index_abort(ix);

    return rc;
}


void
ngx_er_index_abort(ngx_er_index_t *ix)
{
    ngx_uint_t      i;
    ngx_er_grow_t  *grown[] = {
        &ix->new_keys, &ix->new_plans, &ix->entries, &ix->trees, &ix->by_field
    };

    for (i = 0; i < sizeof(grown) / sizeof(grown[0]); i++) {
        if (grown[i]->elts) {
            ngx_free(grown[i]->elts);
            grown[i]->elts = NULL;
        }
    }

    if (ix->table) {
        ngx_free(ix->table);
        ix->table = NULL;
    }
}


static ngx_int_t
ngx_er_index_pack(ngx_er_index_t *ix)
{
    ix->plans = ngx_er_index_keep(ix, ix->new_plans.elts,
                                  ix->nplans * sizeof(ngx_er_plan_t));

    if (ix->plans == NULL
        || ngx_er_index_lists(ix) != NGX_OK
        || ngx_er_index_trees(ix) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_index_slots(ix);
}


void *
ngx_er_index_keep(ngx_er_index_t *ix, void *p, size_t size)
{
    void  *kept;

    kept = ngx_palloc(ix->pool, ngx_max(size, 1));
    if (kept == NULL) {
        return NULL;
    }

    if (p && size) {
        ngx_memcpy(kept, p, size);
    }

    ix->bytes += size;

    return kept;
}


static ngx_int_t
ngx_er_index_trees(ngx_er_index_t *ix)
{
    ngx_uint_t          i;
    ngx_er_plan_t      *plan;
    ngx_er_interval_t  *tree;

    if (ix->trees.n == 0) {
        return NGX_OK;
    }

    ngx_qsort(ix->trees.elts, ix->trees.n, sizeof(ngx_er_interval_t),
              ngx_er_interval_order);

    tree = ngx_er_index_keep(ix, ix->trees.elts,
                             ix->trees.n * sizeof(ngx_er_interval_t));
    if (tree == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ix->nplans; i++) {
        plan = &ix->plans[i];

        if (plan->intervals) {
            plan->tree = tree;
            (void) ngx_er_interval_tree(tree, plan->intervals);
            tree += plan->intervals;
        }
    }

    return NGX_OK;
}


void
ngx_er_index_size(ngx_er_index_t *ix, ngx_er_index_size_t *size)
{
    size->fields = ix->nplans;
    size->keys = ix->nkeys;
    size->entries = ix->nentries;
    size->bytes = ix->bytes + sizeof(ngx_er_index_t);
}
