
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Event patterns against events.  A leaf is met if one value of its field is
 * right, but the values of all leaves must agree about arrays: where two of
 * them stand in one array they stand in one element of it ("array
 * consistency").  "exists": false asks that no value agrees with the leaves
 * before it, by name.  Nested arrays of plain values count as one.
 *
 * Most events need none of that: if fewer than two leaves have values in
 * arrays there is nothing to disagree about.  Otherwise the leaves are settled
 * one after the other, and a choice that fails is taken back.  Three things
 * keep that short.  Values stand in document order, so all that cannot agree
 * are skipped by bisection.  What failed is noted by leaf and by the elements
 * that matter to the leaves that follow, so it is never tried again; with the
 * leaves in the order of their names these elements are nearly always one
 * within the other.  And there is a bound to the steps: only documents made
 * for it get there.
 *
 * Called by condition_eval.c.  Memory is freed at the end.  Where there is
 * none, or the steps are used up, it cannot be told whether the pattern holds.
 */


#include "pattern_eval.h"
#include "../budget.h"


#define NGX_ER_CONSISTENCY_STEPS   500000
#define NGX_ER_CONSISTENCY_WORK    32      /* of a step, in units */
#define NGX_ER_CONSISTENCY_LEAVES  32      /* without an allocation */


/* what is known about the values of a leaf */

typedef struct {
    unsigned               known:1;
    unsigned               met:1;      /* one of them is right */
    unsigned               present:1;  /* there are any */
    unsigned               nested:1;   /* one of them is in an array */
} ngx_er_found_t;


/* a value: the elements that it is in, the outermost first */

typedef struct {
    ngx_er_element_t     **chain;
    uint32_t               n;
    uint32_t               met;
} ngx_er_seat_t;


typedef struct {
    ngx_er_seat_t         *seats;
    ngx_uint_t             n;
    ngx_uint_t             missing;    /* the leaf may be missing */
} ngx_er_level_t;


/* in a table with open addressing: an array and the last level that it is
   in, or an element and a level that fails with it; level 0: free */

typedef struct {
    uintptr_t              key;
    uint32_t               level;      /* from 1 */
} ngx_er_note_t;


typedef struct {
    ngx_er_note_t         *notes;
    ngx_uint_t             mask;
    ngx_uint_t             left;       /* free ones that may be taken */
} ngx_er_notes_t;


typedef struct {
    ngx_er_level_t        *levels;
    ngx_uint_t             n;
    ngx_er_element_t     **chosen;     /* all elements of the choices so far */
    ngx_uint_t             steps;
    ngx_er_notes_t         arrays;
    ngx_er_notes_t         failed;
} ngx_er_choice_t;


static ngx_er_found_t *ngx_er_leaf_found(ngx_er_leaf_t *leaf,
    ngx_er_facts_t *facts, ngx_er_found_t *all);
static ngx_int_t ngx_er_branch_holds(ngx_er_branch_t *branch,
    ngx_er_facts_t *facts, ngx_er_found_t *all);
static ngx_int_t ngx_er_branch_agrees(ngx_er_branch_t *branch,
    ngx_er_facts_t *facts);
static void ngx_er_branch_count(ngx_er_branch_t *branch,
    ngx_er_facts_t *facts, ngx_uint_t *seats, ngx_uint_t *links);
static ngx_er_element_t *ngx_er_seat_element(ngx_er_value_t *value);
static ngx_uint_t ngx_er_seat_wanted(ngx_er_leaf_t *leaf,
    ngx_er_facts_t *facts, ngx_er_value_t *value);
static void ngx_er_choice_fill(ngx_er_choice_t *c, ngx_er_branch_t *branch,
    ngx_er_facts_t *facts, ngx_er_seat_t *seat, ngx_er_element_t **chain);
static ngx_uint_t ngx_er_choice_make(ngx_er_choice_t *c, ngx_uint_t k,
    ngx_uint_t nchosen);
static ngx_uint_t ngx_er_choice_take(ngx_er_choice_t *c, ngx_er_seat_t *seat,
    ngx_uint_t nchosen);
static ngx_uint_t ngx_er_choice_next(ngx_er_choice_t *c,
    ngx_er_level_t *level, ngx_uint_t i, ngx_uint_t nchosen);
static ngx_uint_t ngx_er_choice_skip(ngx_er_level_t *level, ngx_uint_t i,
    ngx_uint_t depth, uint32_t index);
static ngx_uint_t ngx_er_choice_key(ngx_er_choice_t *c, ngx_uint_t k,
    ngx_uint_t nchosen, uintptr_t *key);
static ngx_er_note_t *ngx_er_notes_find(ngx_er_notes_t *notes, uintptr_t key,
    uint32_t level);


ngx_int_t
ngx_er_pattern_holds(void *data, ngx_er_facts_t *facts)
{
    ngx_int_t          holds;
    ngx_uint_t         i;
    ngx_er_found_t    *all;
    ngx_er_branch_t   *branch;
    ngx_er_pattern_t  *pattern;
    ngx_er_found_t     few[NGX_ER_CONSISTENCY_LEAVES];

    pattern = data;
    all = few;

    if (pattern->nleaves > NGX_ER_CONSISTENCY_LEAVES) {
        all = ngx_alloc(pattern->nleaves * sizeof(ngx_er_found_t),
                        facts->pool->log);
        if (all == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memzero(all, pattern->nleaves * sizeof(ngx_er_found_t));

    branch = pattern->branches.elts;
    holds = 0;

    for (i = 0; i < pattern->branches.nelts && holds == 0; i++) {
        holds = ngx_er_branch_holds(&branch[i], facts, all);
    }

    if (all != few) {
        ngx_free(all);
    }

    return holds;
}


static ngx_er_found_t *
ngx_er_leaf_found(ngx_er_leaf_t *leaf, ngx_er_facts_t *facts,
    ngx_er_found_t *all)
{
    ngx_er_found_t  *found;
    ngx_er_value_t  *value;

    found = &all[leaf->index];

    if (found->known) {
        return found;
    }

    found->known = 1;

    for (value = ngx_er_fact(facts, leaf->field); value; value = value->next) {

        if (value->type == NGX_ER_ARRAY || value->type == NGX_ER_OBJECT) {
            continue;
        }

        found->present = 1;

        if (ngx_er_seat_element(value)) {
            found->nested = 1;
        }

        if (!found->met && ngx_er_leaf_meets(leaf, facts, value)) {
            found->met = 1;
        }
    }

    return found;
}


static ngx_int_t
ngx_er_branch_holds(ngx_er_branch_t *branch, ngx_er_facts_t *facts,
    ngx_er_found_t *all)
{
    ngx_uint_t       i, nested, simple;
    ngx_er_found_t  *found;

    nested = 0;
    simple = 1;

    for (i = 0; i < branch->n; i++) {
        found = ngx_er_leaf_found(branch->leaves[i], facts, all);
        nested += found->nested;

        if (found->met) {
            continue;
        }

        if (!branch->leaves[i]->missing
            || (found->present && !found->nested))
        {
            return 0;
        }

        /* there, but perhaps not in the element at hand */

        if (found->present) {
            simple = 0;
        }
    }

    return (nested < 2) ? (ngx_int_t) simple
                        : ngx_er_branch_agrees(branch, facts);
}


static ngx_int_t
ngx_er_branch_agrees(ngx_er_branch_t *branch, ngx_er_facts_t *facts)
{
    u_char           *p;
    size_t            size;
    ngx_int_t         holds;
    ngx_uint_t        seats, links, slots;
    ngx_er_choice_t   c;

    ngx_er_branch_count(branch, facts, &seats, &links);

    for (slots = 16; slots < 2 * (links + branch->n); slots *= 2) {
        /* void */
    }

    size = 2 * slots * sizeof(ngx_er_note_t)
           + branch->n * sizeof(ngx_er_level_t)
           + seats * sizeof(ngx_er_seat_t)
           + 2 * links * sizeof(ngx_er_element_t *);

    p = ngx_calloc(size, facts->pool->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    c.n = branch->n;
    c.steps = 0;
    c.arrays.notes = (ngx_er_note_t *) p;
    c.arrays.mask = slots - 1;
    c.arrays.left = slots / 2;
    c.failed.notes = c.arrays.notes + slots;
    c.failed.mask = slots - 1;
    c.failed.left = slots / 2;
    c.levels = (ngx_er_level_t *) (c.failed.notes + slots);
    c.chosen = (ngx_er_element_t **) ((ngx_er_seat_t *) (c.levels + c.n)
                                      + seats);

    ngx_er_choice_fill(&c, branch, facts, (ngx_er_seat_t *) (c.levels + c.n),
                       c.chosen + links);

    holds = ngx_er_choice_make(&c, 0, 0);

    ngx_free(p);

    (void) ngx_er_budget_take(facts, c.steps * NGX_ER_CONSISTENCY_WORK);

    if (!holds && c.steps >= NGX_ER_CONSISTENCY_STEPS) {
        return NGX_ERROR;
    }

    return holds;
}


static void
ngx_er_branch_count(ngx_er_branch_t *branch, ngx_er_facts_t *facts,
    ngx_uint_t *seats, ngx_uint_t *links)
{
    ngx_uint_t         i;
    ngx_er_leaf_t     *leaf;
    ngx_er_value_t    *value;
    ngx_er_element_t  *e;

    *seats = 0;
    *links = 0;

    for (i = 0; i < branch->n; i++) {
        leaf = branch->leaves[i];

        for (value = ngx_er_fact(facts, leaf->field);
             value;
             value = value->next)
        {
            if (!ngx_er_seat_wanted(leaf, facts, value)) {
                continue;
            }

            *seats += 1;

            for (e = ngx_er_seat_element(value); e; e = e->parent) {
                *links += 1;
            }
        }
    }
}


/* the element of the innermost array that counts */

static ngx_er_element_t *
ngx_er_seat_element(ngx_er_value_t *value)
{
    return value->crossed ? value->element->parent : value->element;
}


/* one that may be chosen, or is in the way of being missing */

static ngx_uint_t
ngx_er_seat_wanted(ngx_er_leaf_t *leaf, ngx_er_facts_t *facts,
    ngx_er_value_t *value)
{
    return value->type != NGX_ER_ARRAY && value->type != NGX_ER_OBJECT
           && (leaf->missing || ngx_er_leaf_meets(leaf, facts, value));
}


static void
ngx_er_choice_fill(ngx_er_choice_t *c, ngx_er_branch_t *branch,
    ngx_er_facts_t *facts, ngx_er_seat_t *seat, ngx_er_element_t **chain)
{
    ngx_uint_t         i, n;
    ngx_er_leaf_t     *leaf;
    ngx_er_note_t     *note;
    ngx_er_value_t    *value;
    ngx_er_element_t  *e, *innermost;

    for (i = 0; i < branch->n; i++) {
        leaf = branch->leaves[i];

        c->levels[i].seats = seat;
        c->levels[i].missing = leaf->missing;

        for (value = ngx_er_fact(facts, leaf->field);
             value;
             value = value->next)
        {
            if (!ngx_er_seat_wanted(leaf, facts, value)) {
                continue;
            }

            innermost = ngx_er_seat_element(value);

            for (n = 0, e = innermost; e; e = e->parent) {
                n++;

                note = ngx_er_notes_find(&c->arrays, e->array, 0);
                note->key = e->array;
                note->level = i + 1;
            }

            seat->chain = chain;
            seat->n = n;
            seat->met = !leaf->missing
                        || ngx_er_leaf_meets(leaf, facts, value);

            chain += n;

            for (e = innermost; e; e = e->parent) {
                seat->chain[--n] = e;
            }

            seat++;
        }

        c->levels[i].n = seat - c->levels[i].seats;
    }
}


/*
 * The leaves from the k-th on can be settled.  Recursive: as deep as the
 * branch has leaves.
 */

static ngx_uint_t
ngx_er_choice_make(ngx_er_choice_t *c, ngx_uint_t k, ngx_uint_t nchosen)
{
    uintptr_t         key;
    ngx_uint_t        i, noted;
    ngx_er_note_t    *note;
    ngx_er_seat_t    *seat;
    ngx_er_level_t   *level;

    if (k == c->n) {
        return 1;
    }

    noted = ngx_er_choice_key(c, k, nchosen, &key);

    if (noted && ngx_er_notes_find(&c->failed, key, k + 1)->level) {
        return 0;
    }

    level = &c->levels[k];
    i = ngx_er_choice_next(c, level, 0, nchosen);

    if (i == level->n && level->missing
        && c->steps < NGX_ER_CONSISTENCY_STEPS
        && ngx_er_choice_make(c, k + 1, nchosen))
    {
        return 1;
    }

    for ( /* void */ ;
          i < level->n && c->steps < NGX_ER_CONSISTENCY_STEPS;
          i = ngx_er_choice_next(c, level, i + 1, nchosen))
    {
        seat = &level->seats[i];

        if (!seat->met) {
            continue;
        }

        if (ngx_er_choice_make(c, k + 1,
                               ngx_er_choice_take(c, seat, nchosen)))
        {
            return 1;
        }
    }

    if (noted && c->failed.left && c->steps < NGX_ER_CONSISTENCY_STEPS) {
        note = ngx_er_notes_find(&c->failed, key, k + 1);
        note->key = key;
        note->level = k + 1;
        c->failed.left--;
    }

    return 0;
}


/* adds the elements of the seat that are not chosen yet: those within the
   last one that is; returns how many are chosen now */

static ngx_uint_t
ngx_er_choice_take(ngx_er_choice_t *c, ngx_er_seat_t *seat,
    ngx_uint_t nchosen)
{
    ngx_uint_t  d, n;

    for (d = 0; d < seat->n; d++) {

        for (n = nchosen; n && c->chosen[n - 1] != seat->chain[d]; n--) {
            /* void */
        }

        if (n == 0) {
            break;
        }
    }

    for ( /* void */ ; d < seat->n; d++) {
        c->chosen[nchosen++] = seat->chain[d];
    }

    return nchosen;
}


/* the first value from the i-th on that agrees with all that is chosen */

static ngx_uint_t
ngx_er_choice_next(ngx_er_choice_t *c, ngx_er_level_t *level, ngx_uint_t i,
    ngx_uint_t nchosen)
{
    ngx_uint_t         d, n;
    ngx_er_seat_t     *seat;
    ngx_er_element_t  *e;

again:

    while (i < level->n && c->steps++ < NGX_ER_CONSISTENCY_STEPS) {

        seat = &level->seats[i];

        for (d = 0; d < seat->n; d++) {
            e = seat->chain[d];

            for (n = nchosen; n && c->chosen[n - 1]->array != e->array; n--) {
                /* void */
            }

            /* nobody is in this array, so in none of those within it */

            if (n == 0) {
                break;
            }

            if (c->chosen[n - 1] == e) {
                continue;
            }

            i = ngx_er_choice_skip(level, i, d,
                                   (c->chosen[n - 1]->index > e->index)
                                   ? c->chosen[n - 1]->index : 0xffffffff);
            goto again;
        }

        return i;
    }

    return level->n;
}


/* behind those in the same array before the index */

static ngx_uint_t
ngx_er_choice_skip(ngx_er_level_t *level, ngx_uint_t i, ngx_uint_t depth,
    uint32_t index)
{
    uint32_t        array;
    ngx_uint_t      low, high, m;
    ngx_er_seat_t  *seat;

    array = level->seats[i].chain[depth]->array;
    low = i + 1;
    high = level->n;

    while (low < high) {
        m = low + (high - low) / 2;
        seat = &level->seats[m];

        if (seat->n > depth && seat->chain[depth]->array == array
            && seat->chain[depth]->index < index)
        {
            low = m + 1;

        } else {
            high = m;
        }
    }

    return low;
}


/*
 * The innermost of the chosen elements whose array has values of the k-th leaf
 * or later, 0 for none; returns 0 if they are not all within one another.
 */

static ngx_uint_t
ngx_er_choice_key(ngx_er_choice_t *c, ngx_uint_t k, ngx_uint_t nchosen,
    uintptr_t *key)
{
    ngx_uint_t         i;
    ngx_er_element_t  *e, *inner, *chosen;

    inner = NULL;

    for (i = 0; i < nchosen; i++) {
        chosen = c->chosen[i];

        if (ngx_er_notes_find(&c->arrays, chosen->array, 0)->level <= k) {
            continue;
        }

        for (e = chosen; e && e != inner; e = e->parent) { /* void */ }

        if (e == inner) {
            inner = chosen;
            continue;
        }

        for (e = inner; e && e != chosen; e = e->parent) { /* void */ }

        if (e == NULL) {
            return 0;
        }
    }

    *key = (uintptr_t) inner;

    return 1;
}


/* the note, or a free one; level 0: whatever its level */

static ngx_er_note_t *
ngx_er_notes_find(ngx_er_notes_t *notes, uintptr_t key, uint32_t level)
{
    ngx_uint_t      i;
    ngx_er_note_t  *note;

    i = (key >> 3) * 0x9e3779b1 + key + level * 31;

    for ( ;; i++) {
        note = &notes->notes[i & notes->mask];

        if (note->level == 0
            || (note->key == key && (level == 0 || note->level == level)))
        {
            return note;
        }
    }
}
