
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The index: rules by the texts, numbers, prefixes, suffixes, parts of texts
 * and networks that they ask for, all in one hash table, and by intervals, in
 * a tree for each field (interval.c).  A plan for each field says what is
 * worth looking up: the lengths of prefixes that some rule has, say.
 *
 * The table has keys, and the rules that are filed under each.  A key is a
 * hash of a text, the field and how it is looked up; nothing else of it is
 * kept.  What has one hash leads to each other's rules, which are then found
 * not to match.  The hash has no seed: the table holds what an administrator
 * wrote, a sender of events cannot add to it.
 *
 * Hits are what an event finds.  Each of its values is looked up in as many
 * ways as the plan of its field asks for.  Prefixes of a value cost one pass
 * over its first bytes and a look for each length that some rule has, however
 * many rules there are; so do suffixes, networks by their lengths, and parts
 * of texts, of which the table knows four bytes each.  A large table is in no
 * cache, so looks are put off until there are some, and wait for memory
 * together.  Where a number meets most of the intervals that there are, and
 * these are most rules, they are not collected: then it is cheaper to evaluate
 * all rules as they stand.
 *
 * Built by matcher.c at configuration time: while rules come in, keys, plans
 * and lists grow in memory of their own; at the end they are packed into the
 * configuration's pool and never change.  Memory is in proportion to what was
 * filed, and there is a bound to that.  matcher.c asks for the hits once an
 * event; they only read the index, which all workers share, and what they need
 * is in the event's pool.  What may fail is memory, and the budget of the
 * event, past which nothing is looked up.
 */


#include "index.h"
#include "grow.h"
#include "pack.h"
#include "interval.h"
#include "budget.h"


#define NGX_ER_INDEX_NUMBER   8        /* a kind beside those of atoms */
#define NGX_ER_INDEX_BASIS    0x811c9dc5  /* the fold of nothing */
#define ngx_er_index_where(field, kind)  ((uint32_t) (field) * 16 + (kind))


/* until it is built */

typedef struct {
    uint32_t               hash;
    uint32_t               where;      /* field and kind */
    uint32_t               first;      /* the newest of its entries, from 1 */
    uint32_t               n;          /* of them */
} ngx_er_key_t;


/* small: a look is one line of memory */

typedef struct {
    uint32_t               hash;       /* 0: free */
    uint32_t               rule;       /* or LIST and a place in "rules", which
                                          has how many they are before them */
    u_char                *ahead;      /* what is needed next, or NULL */
} ngx_er_slot_t;


typedef struct {
    uint32_t               rule;
    uint32_t               next;       /* from 1, 0: none */
} ngx_er_entry_t;


typedef struct {
    uint32_t               field;
    uint32_t               prefixes;   /* bit i: there are some of i + 1 bytes
                                          */
    uint32_t               suffixes;
    uint32_t               grams;
    uint64_t               nets[1 + 3];  /* of IPv4; of IPv6: bit i, some of i
                                            bits */
    ngx_er_interval_t     *tree;
    uint32_t               intervals;
    unsigned               text:1;
    unsigned               number:1;
    unsigned               present:1;
    unsigned               net:1;
} ngx_er_plan_t;


struct ngx_er_index_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;

    ngx_er_slot_t         *slots;      /* the table */
    ngx_uint_t             mask;
    uint32_t              *rules;
    ngx_er_plan_t         *plans;
    ngx_uint_t             nrules;     /* the last one, from 1 */
    ngx_er_index_ahead_pt  ahead;      /* NULL: nobody knows */
    void                  *data;       /* its own */
    ngx_uint_t             nkeys;
    ngx_uint_t             nplans;
    ngx_uint_t             nentries;
    size_t                 bytes;

    ngx_er_grow_t          new_keys;   /* until it is built */
    uint32_t              *table;      /* of them: an index from 1; 0: free */
    ngx_uint_t             size;       /* of the table */
    ngx_er_grow_t          new_plans;
    ngx_er_grow_t          entries;
    ngx_er_grow_t          trees;
    ngx_er_grow_t          by_field;   /* of uint32_t: index of a plan, from
                                          1 */
};


/* of a key, never 0; "hash" is that of its text alone */

static ngx_inline uint32_t
ngx_er_index_mix(uint32_t hash, ngx_uint_t field, ngx_uint_t kind,
    ngx_uint_t len)
{
    hash ^= (uint32_t) (field * 256 + kind * 16 + len) * 0x9e3779b1;
    hash ^= hash >> 16;
    hash *= 0x85ebca6b;

    hash ^= hash >> 13;

    return hash ? hash : 1;
}


/* letters of ASCII in lower case, from the first or from the last byte on */

#define ngx_er_index_step(hash, c)                                            \
    (((hash) ^ ngx_tolower(c)) * 0x01000193)


static ngx_inline uint32_t
ngx_er_index_fold(u_char *p, size_t len, ngx_uint_t back)
{
    u_char    c;
    size_t    i;
    uint32_t  hash;

    hash = NGX_ER_INDEX_BASIS;

    for (i = 0; i < len; i++) {
        c = back ? p[len - 1 - i] : p[i];
        hash = ngx_er_index_step(hash, c);
    }

    return hash;
}


/* an address of which only the first bits are left */

static ngx_inline uint32_t
ngx_er_index_masked(u_char *address, size_t len, ngx_uint_t bits)
{
    return ngx_er_hash(address, len) + bits;
}


#define NGX_ER_INDEX_ENTRIES  2000000  /* rules in all keys */
#define NGX_ER_INDEX_MANY     256      /* intervals that are worth a look at
                                          how many of them are met */


#define NGX_ER_INDEX_LIST     0x80000000  /* in a slot: several rules */
#define NGX_ER_INDEX_TREE     0xffffffff  /* no key: a hit of a tree */
#define NGX_ER_INDEX_AHEAD    16       /* looks that wait together */
#define NGX_ER_INDEX_LINES    4        /* of memory behind a key, fetched
                                          ahead */
#define NGX_ER_INDEX_SEEN     32       /* hits that are compared one by one */
#define NGX_ER_INDEX_LOOK     64       /* units of work for a value */
#define NGX_ER_INDEX_GRAMS    4096     /* parts of a text between two looks at
                                          the budget */


/* a look into the table */

typedef struct {
    ngx_er_index_t        *ix;
    ngx_er_facts_t        *facts;
    ngx_array_t           *hits;
    uint64_t              *seen;       /* a bit for each slot, or NULL */
    uint32_t               ahead[NGX_ER_INDEX_AHEAD];  /* hashes that were not
                                                          looked up yet */
    ngx_uint_t             n;          /* of them */
    ngx_uint_t             most;       /* most rules are met */
    ngx_uint_t             failed;
} ngx_er_look_t;


static ngx_int_t ngx_er_index_number(ngx_er_index_t *ix, ngx_er_plan_t *plan,
    uint32_t rule, ngx_er_atom_t *atom);
static ngx_int_t ngx_er_index_interval(ngx_er_index_t *ix,
    ngx_er_plan_t *plan, uint32_t rule, ngx_er_atom_t *atom);
static ngx_er_plan_t *ngx_er_index_plan(ngx_er_index_t *ix, ngx_uint_t field);
static void ngx_er_index_note(ngx_er_plan_t *plan, ngx_er_atom_t *atom);
static ngx_int_t ngx_er_index_pack(ngx_er_index_t *ix);
static ngx_int_t ngx_er_index_trees(ngx_er_index_t *ix);
static ngx_int_t ngx_er_index_table(ngx_er_index_t *ix, ngx_uint_t n);
static void ngx_er_look_field(ngx_er_look_t *look, ngx_er_plan_t *plan);
static void ngx_er_look_value(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_er_value_t *value);
static void ngx_er_look_ends(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_str_t *text, ngx_uint_t back);
static void ngx_er_look_grams(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_str_t *text);
static void ngx_er_look_address(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_str_t *text);
static void ngx_er_look_nets(ngx_er_look_t *look, ngx_er_plan_t *plan,
    u_char *address, size_t len, uint64_t *nets);
static void ngx_er_look_intervals(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_er_value_t *value);
static ngx_uint_t ngx_er_look_span(ngx_er_look_t *look,
    ngx_er_value_t *value, double *low, double *high);
static void ngx_er_look_key(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_uint_t kind, uint32_t hash, size_t len);
static void ngx_er_look_up(ngx_er_look_t *look);
static void ngx_er_look_slots(ngx_er_look_t *look, uint32_t hash);
static void ngx_er_index_fetch(u_char *p);
static ngx_uint_t ngx_er_look_again(ngx_er_look_t *look, uint32_t key);
static ngx_uint_t ngx_er_look_seen(ngx_er_look_t *look, uint32_t key);
static void *ngx_er_index_keep(ngx_er_index_t *ix, void *p, size_t size);
static ngx_int_t ngx_er_index_enter(ngx_er_index_t *ix, uint32_t rule,
    uint32_t hash, uint32_t where);
static ngx_int_t ngx_er_index_lists(ngx_er_index_t *ix);
static ngx_int_t ngx_er_index_slots(ngx_er_index_t *ix);
static uint32_t ngx_er_index_net(ngx_er_atom_t *atom, size_t *len,
    ngx_uint_t *bits);


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


void
ngx_er_index_ahead(ngx_er_index_t *ix, ngx_er_index_ahead_pt ahead, void *data)
{
    ix->ahead = ahead;
    ix->data = data;
}


ngx_int_t
ngx_er_index_file(ngx_er_index_t *ix, uint32_t rule, ngx_er_atom_t *atoms,
    ngx_uint_t n)
{
    uint32_t        where;
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_er_plan_t  *plan;

    ix->nrules = ngx_max(ix->nrules, (ngx_uint_t) rule + 1);

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

    interval = ngx_er_grow(&ix->trees, ix->pool->log);
    if (interval == NULL) {
        return NGX_ERROR;
    }

    interval->low = atom->low;
    interval->high = atom->high;
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
        if (ngx_er_grow(&ix->by_field, ix->pool->log) == NULL) {
            return NULL;
        }
    }

    by_field = ix->by_field.elts;

    if (by_field[field] == 0) {
        plan = ngx_er_grow(&ix->new_plans, ix->pool->log);
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
        ngx_er_grow_free(grown[i]);
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


/* a copy in the pool, with p NULL room only.  NULL: no memory */

static void *
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


/*
 * What is equal has one hash.  What is not may have the same: then it leads to
 * rules that do not match, which is found out when they are evaluated.
 */

uint32_t
ngx_er_index_hash(ngx_er_atom_t *atom)
{
    size_t      len;
    uint32_t    hash;
    ngx_uint_t  bits;

    len = atom->text.len;

    switch (atom->kind) {

    case NGX_ER_ATOM_TEXT:
        hash = ngx_er_hash(atom->text.data, len);
        break;

    case NGX_ER_ATOM_PREFIX:
    case NGX_ER_ATOM_GRAM:
        hash = ngx_er_index_fold(atom->text.data, len, 0);
        break;

    case NGX_ER_ATOM_SUFFIX:
        hash = ngx_er_index_fold(atom->text.data, len, 1);
        break;

    case NGX_ER_ATOM_NET:
        hash = ngx_er_index_net(atom, &len, &bits);
        break;

    default: /* NGX_ER_ATOM_RANGE, NGX_ER_ATOM_PRESENT */
        len = 0;
        hash = 0;
    }

    return ngx_er_index_mix(hash, atom->field, atom->kind, len);
}


/* the hash of a network, its bytes and how many bits count */

static uint32_t
ngx_er_index_net(ngx_er_atom_t *atom, size_t *len, ngx_uint_t *bits)
{
    u_char      *addr, *mask;
    ngx_uint_t   i;

    addr = (u_char *) &atom->cidr->u.in.addr;
    mask = (u_char *) &atom->cidr->u.in.mask;
    *len = 4;

#if (NGX_HAVE_INET6)
    if (atom->cidr->family == AF_INET6) {
        addr = atom->cidr->u.in6.addr.s6_addr;
        mask = atom->cidr->u.in6.mask.s6_addr;
        *len = 16;
    }
#endif

    *bits = 0;

    for (i = 0; i < *len * 8; i++) {
        *bits += (mask[i / 8] >> (7 - i % 8)) & 1;
    }

    return ngx_er_index_masked(addr, *len, *bits);
}


/* a rule under a key; nothing can be entered after lists() */

static ngx_int_t
ngx_er_index_enter(ngx_er_index_t *ix, uint32_t rule, uint32_t hash,
    uint32_t where)
{
    ngx_uint_t       i;
    ngx_er_key_t    *key;
    ngx_er_entry_t  *entry;

    if (ix->new_keys.n * 2 >= ix->size
        && ngx_er_index_table(ix, ix->size * 4) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = hash & (ix->size - 1); ix->table[i]; i = (i + 1) & (ix->size - 1))
    {
        key = (ngx_er_key_t *) ix->new_keys.elts + ix->table[i] - 1;

        if (key->hash == hash && key->where == where) {
            break;
        }
    }

    if (ix->table[i] == 0) {
        key = ngx_er_grow(&ix->new_keys, ix->pool->log);
        if (key == NULL) {
            return NGX_ERROR;
        }

        key->hash = hash;
        key->where = where;
        ix->table[i] = ix->new_keys.n;
    }

    entry = ngx_er_grow(&ix->entries, ix->pool->log);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    key = (ngx_er_key_t *) ix->new_keys.elts + ix->table[i] - 1;

    entry->rule = rule;
    entry->next = key->first;
    key->first = ix->entries.n;
    key->n++;

    return NGX_OK;
}


/* a table of at least n slots with all keys in it, which is not kept */

static ngx_int_t
ngx_er_index_table(ngx_er_index_t *ix, ngx_uint_t n)
{
    uint32_t      *table;
    ngx_uint_t     i, k, size;
    ngx_er_key_t  *key;

    for (size = 64; size < n; size *= 2) { /* void */ }

    table = ngx_calloc(size * sizeof(uint32_t), ix->pool->log);
    if (table == NULL) {
        return NGX_ERROR;
    }

    key = ix->new_keys.elts;

    for (i = 0; i < ix->new_keys.n; i++) {

        for (k = key[i].hash & (size - 1); table[k]; k = (k + 1) & (size - 1))
        {
            /* void */
        }

        table[k] = i + 1;
    }

    if (ix->table) {
        ngx_free(ix->table);
    }

    ix->table = table;
    ix->size = size;

    return NGX_OK;
}


/* lists of more than one entry become pieces of one array, in the order of
   rules; "first" is then what the slot says of the key */

static ngx_int_t
ngx_er_index_lists(ngx_er_index_t *ix)
{
    uint32_t         e, at;
    ngx_uint_t       i, n;
    ngx_er_key_t    *key;
    ngx_er_entry_t  *entry;

    key = ix->new_keys.elts;
    entry = ix->entries.elts;
    n = 0;

    for (i = 0; i < ix->nkeys; i++) {
        n += (key[i].n == 1) ? 0 : key[i].n + 1;
    }

    ix->rules = ngx_er_index_keep(ix, NULL, n * sizeof(uint32_t));

    if (ix->rules == NULL) {
        return NGX_ERROR;
    }

    at = 0;

    for (i = 0; i < ix->nkeys; i++) {
        e = key[i].first;

        if (key[i].n == 1) {
            key[i].first = entry[e - 1].rule;
            continue;
        }

        key[i].first = NGX_ER_INDEX_LIST | at;
        ix->rules[at++] = key[i].n;

        for (n = key[i].n; n; n--) {
            ix->rules[at + n - 1] = entry[e - 1].rule;
            e = entry[e - 1].next;
        }

        at += key[i].n;
    }

    return NGX_OK;
}


/* the table that is kept: keys stand in it, so a look is one line of memory */

static ngx_int_t
ngx_er_index_slots(ngx_er_index_t *ix)
{
    ngx_uint_t     i, k, size;
    ngx_er_key_t  *key;

    for (size = 2; size < ix->nkeys * 2; size *= 2) { /* void */ }

    ix->mask = size - 1;
    ix->slots = ngx_er_index_keep(ix, NULL, size * sizeof(ngx_er_slot_t));

    if (ix->slots == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(ix->slots, size * sizeof(ngx_er_slot_t));

    key = ix->new_keys.elts;

    for (i = 0; i < ix->nkeys; i++) {

        for (k = key[i].hash & ix->mask;
             ix->slots[k].hash;
             k = (k + 1) & ix->mask)
        {
            /* void */
        }

        ix->slots[k].hash = key[i].hash;
        ix->slots[k].rule = key[i].first;

        if (ix->ahead && key[i].n == 1) {
            ix->slots[k].ahead = ix->ahead(ix->data, key[i].first);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_index_find(ngx_er_index_t *ix, ngx_er_facts_t *facts,
    ngx_array_t *hits)
{
    ngx_uint_t     i;
    ngx_er_look_t  look;

    look.ix = ix;
    look.facts = facts;
    look.hits = hits;
    look.seen = NULL;
    look.n = 0;
    look.most = 0;
    look.failed = 0;

    for (i = 0; i < ix->nplans && !look.most; i++) {
        ngx_er_look_field(&look, &ix->plans[i]);
    }

    ngx_er_look_up(&look);

    if (look.failed) {
        return NGX_ERROR;
    }

    if (facts->budget.spent) {
        return NGX_DECLINED;
    }

    return look.most ? NGX_DONE : NGX_OK;
}


static void
ngx_er_look_field(ngx_er_look_t *look, ngx_er_plan_t *plan)
{
    ngx_er_value_t  *value, *first;

    first = ngx_er_fact(look->facts, plan->field);

    if (first == NULL) {
        return;
    }

    if (plan->present) {
        ngx_er_look_key(look, plan, NGX_ER_ATOM_PRESENT, 0, 0);
    }

    if (plan->intervals) {
        ngx_er_look_intervals(look, plan, first);
    }

    for (value = first; value; value = value->next) {
        if (value->type != NGX_ER_ARRAY && value->type != NGX_ER_OBJECT
            && !value->unreadable)
        {
            ngx_er_look_value(look, plan, value);
        }
    }
}


static void
ngx_er_look_value(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_er_value_t *value)
{
    ngx_er_number_t  number;

    if (!ngx_er_budget_take(look->facts, NGX_ER_INDEX_LOOK
                                         + value->text.len))
    {
        return;
    }

    if (plan->text || plan->number) {

        if (value->type == NGX_ER_NUMBER
            && ngx_er_number_parse(&value->text, &number) == NGX_OK)
        {
            if (plan->number) {
                ngx_er_look_key(look, plan, NGX_ER_INDEX_NUMBER,
                                ngx_er_number_hash(&number), 0);
            }

        } else if (plan->text) {
            ngx_er_look_key(look, plan, NGX_ER_ATOM_TEXT,
                            ngx_er_hash(value->text.data, value->text.len),
                            value->text.len);
        }
    }

    if (plan->prefixes) {
        ngx_er_look_ends(look, plan, &value->text, 0);
    }

    if (plan->suffixes) {
        ngx_er_look_ends(look, plan, &value->text, 1);
    }

    if (plan->grams) {
        ngx_er_look_grams(look, plan, &value->text);
    }

    if (plan->net) {
        ngx_er_look_address(look, plan, &value->text);
    }
}


static void
ngx_er_look_ends(ngx_er_look_t *look, ngx_er_plan_t *plan, ngx_str_t *text,
    ngx_uint_t back)
{
    size_t    i;
    u_char    c;
    uint32_t  hash, lengths;

    lengths = back ? plan->suffixes : plan->prefixes;
    hash = NGX_ER_INDEX_BASIS;

    for (i = 0; i < text->len && lengths; i++, lengths >>= 1) {

        c = text->data[back ? text->len - 1 - i : i];
        hash = ngx_er_index_step(hash, c);

        if (lengths & 1) {
            ngx_er_look_key(look, plan, back ? NGX_ER_ATOM_SUFFIX
                                             : NGX_ER_ATOM_PREFIX,
                            hash, i + 1);
        }
    }
}


static void
ngx_er_look_grams(ngx_er_look_t *look, ngx_er_plan_t *plan, ngx_str_t *text)
{
    size_t  i, len;

    for (len = 1; len <= NGX_ER_ACCESS_GRAM; len++) {

        if (!(plan->grams & ((uint32_t) 1 << (len - 1)))) {
            continue;
        }

        for (i = 0; i + len <= text->len; i++) {

            if (i % NGX_ER_INDEX_GRAMS == 0
                && !ngx_er_budget_take(look->facts,
                                       4 * ngx_min(text->len - i,
                                                   NGX_ER_INDEX_GRAMS)))
            {
                return;
            }

            ngx_er_look_key(look, plan, NGX_ER_ATOM_GRAM,
                            ngx_er_index_fold(text->data + i, len, 0),
                            len);
        }
    }
}


/* as comparison.c reads addresses; one of IPv4 can be written in IPv6 */

static void
ngx_er_look_address(ngx_er_look_t *look, ngx_er_plan_t *plan, ngx_str_t *text)
{
    char    name[NGX_INET6_ADDRSTRLEN + 1];
    u_char  address[16];

    if (text->len == 0 || text->len > NGX_INET6_ADDRSTRLEN) {
        return;
    }

    (void) ngx_cpystrn((u_char *) name, text->data, text->len + 1);

    if (inet_pton(AF_INET, name, address) == 1) {
        ngx_er_look_nets(look, plan, address, 4, plan->nets);
        return;
    }

#if (NGX_HAVE_INET6)

    if (inet_pton(AF_INET6, name, address) == 1) {
        ngx_er_look_nets(look, plan, address, 16, plan->nets + 1);

        if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *) address)) {
            ngx_er_look_nets(look, plan, address + 12, 4, plan->nets);
        }
    }

#endif
}


/* from the longest to the shortest, in which bits of the address go away */

static void
ngx_er_look_nets(ngx_er_look_t *look, ngx_er_plan_t *plan, u_char *address,
    size_t len, uint64_t *nets)
{
    u_char      masked[16];
    ngx_uint_t  bits;

    ngx_memcpy(masked, address, len);

    for (bits = len * 8; ; bits--) {

        if (bits < len * 8) {
            masked[bits / 8] &= (u_char) ~(0x80 >> (bits % 8));
        }

        if (nets[bits / 64] & ((uint64_t) 1 << (bits % 64))) {
            ngx_er_look_key(look, plan, NGX_ER_ATOM_NET,
                            ngx_er_index_masked(masked, len, bits), len);
        }

        if (bits == 0) {
            return;
        }
    }
}


/* one look for all values: those of the rules that meet from the least of them
   to the greatest */

static void
ngx_er_look_intervals(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_er_value_t *value)
{
    double         low, high;
    ngx_array_t    rules;
    ngx_er_hit_t  *hit;

    if (ngx_er_look_span(look, value, &low, &high) == 0) {
        return;
    }

    if (plan->intervals >= NGX_ER_INDEX_MANY
        && plan->intervals >= look->ix->nrules / 4 * 3
        && ngx_er_interval_most(plan->tree, plan->intervals, low, high))
    {
        look->most = 1;
        return;
    }

    if (ngx_array_init(&rules, look->facts->pool, 16, sizeof(uint32_t))
        != NGX_OK
        || ngx_er_interval_find(plan->tree, plan->intervals, low, high,
                                &rules)
           != NGX_OK)
    {
        look->failed = 1;
        return;
    }

    if (rules.nelts == 0) {
        return;
    }

    hit = ngx_array_push(look->hits);
    if (hit == NULL) {
        look->failed = 1;
        return;
    }

    hit->rules = rules.elts;
    hit->n = rules.nelts;
    hit->key = NGX_ER_INDEX_TREE;
}


/* how many of the values are numbers, and from where to where; 0 also past the
   budget */

static ngx_uint_t
ngx_er_look_span(ngx_er_look_t *look, ngx_er_value_t *value, double *low,
    double *high)
{
    double           l, h;
    ngx_uint_t       n;
    ngx_er_number_t  number;

    n = 0;

    for ( /* void */ ; value; value = value->next) {

        if ((value->type != NGX_ER_NUMBER && value->type != NGX_ER_STRING)
            || value->unreadable
            || ngx_er_number_parse(&value->text, &number) != NGX_OK)
        {
            continue;
        }

        if (!ngx_er_budget_take(look->facts, NGX_ER_INDEX_LOOK)) {
            return 0;
        }

        l = ngx_er_interval_low(&number);
        h = ngx_er_interval_high(&number);

        *low = n ? ngx_min(*low, l) : l;
        *high = n ? ngx_max(*high, h) : h;
        n++;
    }

    return n;
}


/* to be looked up; "hash" is that of the text alone */

static void
ngx_er_look_key(ngx_er_look_t *look, ngx_er_plan_t *plan, ngx_uint_t kind,
    uint32_t hash, size_t len)
{
    hash = ngx_er_index_mix(hash, plan->field, kind, len);

    ngx_er_prefetch(&look->ix->slots[hash & look->ix->mask]);

    look->ahead[look->n++] = hash;

    if (look->n == NGX_ER_INDEX_AHEAD) {
        ngx_er_look_up(look);
    }
}


static void
ngx_er_look_up(ngx_er_look_t *look)
{
    ngx_uint_t  i;

    for (i = 0; i < look->n; i++) {
        ngx_er_look_slots(look, look->ahead[i]);
    }

    look->n = 0;
}


/* the lines that most have */

static void
ngx_er_index_fetch(u_char *p)
{
    ngx_uint_t  i;

    for (i = 0; p && i < NGX_ER_INDEX_LINES; i++) {
        ngx_er_prefetch(p + i * NGX_ER_PACK_LINE);
    }
}


/* keys of another field or kind can have the same hash: all of them */

static void
ngx_er_look_slots(ngx_er_look_t *look, uint32_t hash)
{
    uint32_t        *list;
    ngx_uint_t       i;
    ngx_er_hit_t    *hit;
    ngx_er_slot_t   *slot;
    ngx_er_index_t  *ix;

    ix = look->ix;

    for (i = hash & ix->mask; ix->slots[i].hash; i = (i + 1) & ix->mask) {

        slot = &ix->slots[i];

        if (slot->hash == hash) {
            ngx_er_index_fetch(slot->ahead);
        }

        if (slot->hash != hash || ngx_er_look_again(look, i)) {
            continue;
        }

        hit = ngx_array_push(look->hits);
        if (hit == NULL) {
            look->failed = 1;
            return;
        }

        hit->rules = &slot->rule;
        hit->n = 1;
        hit->key = i;

        if (slot->rule & NGX_ER_INDEX_LIST) {
            list = ix->rules + (slot->rule & ~NGX_ER_INDEX_LIST);
            hit->n = list[0];
            hit->rules = list + 1;
        }
    }
}


/* several values, or places in one, lead to the same key */

static ngx_uint_t
ngx_er_look_again(ngx_er_look_t *look, uint32_t key)
{
    ngx_uint_t     i;
    ngx_er_hit_t  *hit;

    if (look->seen) {
        return ngx_er_look_seen(look, key);
    }

    hit = look->hits->elts;

    for (i = 0; i < look->hits->nelts; i++) {
        if (hit[i].key == key) {
            return 1;
        }
    }

    if (i < NGX_ER_INDEX_SEEN) {
        return 0;
    }

    /* more than that: a bit for each key, of those too that were there */

    look->seen = ngx_pcalloc(look->facts->pool,
                             (look->ix->mask / 64 + 1) * sizeof(uint64_t));
    if (look->seen == NULL) {
        look->failed = 1;
        return 1;
    }

    for (i = 0; i < look->hits->nelts; i++) {
        if (hit[i].key != NGX_ER_INDEX_TREE) {
            (void) ngx_er_look_seen(look, hit[i].key);
        }
    }

    return ngx_er_look_seen(look, key);
}


/* sets the bit and returns what it was */

static ngx_uint_t
ngx_er_look_seen(ngx_er_look_t *look, uint32_t key)
{
    uint64_t    bit;
    ngx_uint_t  seen;

    bit = (uint64_t) 1 << (key % 64);
    seen = ((look->seen[key / 64] & bit) != 0);

    look->seen[key / 64] |= bit;

    return seen;
}
