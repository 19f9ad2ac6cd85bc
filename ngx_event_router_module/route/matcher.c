
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The matcher: all routes of a source in one structure, built by route_bind.c
 * when nginx.conf was read and never changed afterwards, so that workers share
 * it.
 *
 * Most routes ask for something that most events do not have: a type, a shop,
 * the beginning of a SKU, a number in a range.  Each rule is filed in an index
 * (index.c) under one such thing that must be true for it to hold (lookup.c),
 * the one that the fewest rules ask for; an event's own values then lead to
 * the rules that may match (index.c), and only these are evaluated.  A
 * rule of which nothing can be looked up is a candidate for every event.
 * Leaving out the others is exact.
 *
 * Candidates are evaluated once and in their order, however many values lead
 * to them: few of them are sorted, for many there is a bit for each rule.  The
 * packs of few (pack.c) are on their way to the CPU before they are needed.
 * Where most rules are candidates, all of them are evaluated as they stand,
 * one behind the other: what no index helps should not pay for one.
 *
 * What may fail is memory, which is the event's own in ngx_er_matcher_match(),
 * and the time that an event has for its rules: then nothing is said of any of
 * them.
 */


#include "matcher.h"
#include "condition_eval.h"
#include "index.h"
#include "pack.h"


#define NGX_ER_MATCHER_WORD   64       /* bits */
#define NGX_ER_MATCHER_FEW    128      /* candidates that are sorted */
#define NGX_ER_MATCHER_COUNT  4096     /* counters, at least */
#define NGX_ER_MATCHER_GRAMS  64       /* parts of texts, some of each text,
                                          that are worth looking for */
#define NGX_ER_MATCHER_DEAR   0xffffffff
#define NGX_ER_MATCHER_PACK   2048     /* bytes of a pack that are fetched
                                          ahead */
#define NGX_ER_MATCHER_AHEAD  4        /* packs */


typedef struct {
    ngx_er_condition_t    *condition;  /* a pack; NULL: always */
    uint32_t               id;
    uint16_t               ahead;      /* bytes of it to fetch ahead */
    unsigned               last:1;
    unsigned               fallback:1;
    unsigned               copy:1;     /* does not count for fallbacks */
} ngx_er_rule_t;


struct ngx_er_matcher_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_array_t            rules;      /* of ngx_er_rule_t */
    ngx_er_index_t        *index;
    size_t                 bytes;      /* of packs */
    ngx_er_packs_t         packs;      /* of conditions that were none */
    ngx_array_t            always;     /* of uint32_t: rules not in the
                                          index */
    ngx_uint_t             fallbacks;
};


/* how many rules ask for the same, by a hash of it: for choosing only */

typedef struct {
    uint32_t              *counters;
    uint32_t               mask;
} ngx_er_count_t;


/* an event at work */

typedef struct {
    ngx_er_matcher_t      *m;
    ngx_er_facts_t        *facts;
    ngx_array_t           *matched;
    ngx_uint_t             fallback;   /* those are looked at now */
    ngx_uint_t             taken;      /* one matched that is no copy */
    ngx_uint_t             done;       /* the last one matched */
} ngx_er_match_t;


static ngx_int_t ngx_er_matcher_memory(ngx_er_matcher_t *m,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_matcher_index(ngx_er_matcher_t *m,
    ngx_er_access_t *a);
static u_char *ngx_er_matcher_ahead(void *data, uint32_t i);
static ngx_int_t ngx_er_matcher_file(ngx_er_matcher_t *m, ngx_uint_t i,
    ngx_er_access_t *a);
static ngx_int_t ngx_er_matcher_pack(ngx_er_matcher_t *m);
static uint64_t ngx_er_matcher_note(ngx_er_access_t *a, ngx_er_atom_t *atom);
static uint64_t ngx_er_matcher_cost(ngx_er_access_t *a, ngx_er_atom_t *atom);
static ngx_int_t ngx_er_matcher_few(ngx_er_match_t *match, ngx_array_t *hits);
static ngx_int_t ngx_er_matcher_many(ngx_er_match_t *match,
    ngx_array_t *hits);
static ngx_int_t ngx_er_matcher_all(ngx_er_match_t *match);
static ngx_int_t ngx_er_matcher_bits(ngx_er_match_t *match, uint64_t *bits,
    ngx_uint_t words);
static void ngx_er_matcher_fetch(ngx_er_matcher_t *m, ngx_uint_t i);
static ngx_int_t ngx_er_matcher_try(ngx_er_match_t *match, ngx_uint_t i);


ngx_er_matcher_t *
ngx_er_matcher_create(ngx_pool_t *pool, ngx_er_fields_t *fields,
    ngx_uint_t rules)
{
    ngx_er_matcher_t  *m;

    m = ngx_pcalloc(pool, sizeof(ngx_er_matcher_t));
    if (m == NULL) {
        return NULL;
    }

    m->pool = pool;
    m->fields = fields;
    ngx_er_packs_init(&m->packs, pool);

    if (ngx_array_init(&m->rules, pool, ngx_max(rules, 4),
                       sizeof(ngx_er_rule_t))
        != NGX_OK
        || ngx_array_init(&m->always, pool, 4, sizeof(uint32_t)) != NGX_OK)
    {
        return NULL;
    }

    return m;
}


ngx_int_t
ngx_er_matcher_add(ngx_er_matcher_t *m, ngx_uint_t id,
    ngx_er_condition_t *condition, ngx_uint_t last, ngx_uint_t fallback,
    ngx_uint_t copy)
{
    ngx_er_rule_t  *rule;

    rule = ngx_array_push(&m->rules);
    if (rule == NULL) {
        return NGX_ERROR;
    }

    rule->id = id;
    rule->condition = condition;
    rule->ahead = 0;
    rule->last = (last != 0);
    rule->fallback = (fallback != 0);
    rule->copy = (copy != 0);

    m->fallbacks |= rule->fallback;

    return NGX_OK;
}


ngx_int_t
ngx_er_matcher_compile(ngx_er_matcher_t *m, ngx_er_error_t *err)
{
    ngx_int_t        rc;
    ngx_uint_t       n;
    ngx_er_count_t   count;
    ngx_er_access_t  a;

    for (n = NGX_ER_MATCHER_COUNT; n < 4 * m->rules.nelts; n *= 2) {
        /* void */
    }

    if (ngx_er_matcher_pack(m) != NGX_OK) {
        return ngx_er_matcher_memory(m, err);
    }

    rc = NGX_ERROR;
    ngx_memzero(&a, sizeof(ngx_er_access_t));

    a.data = &count;
    count.mask = n - 1;
    count.counters = ngx_calloc(n * sizeof(uint32_t), m->pool->log);

    if (count.counters
        && ngx_array_init(&a.atoms, m->pool, 16, sizeof(ngx_er_atom_t))
           == NGX_OK)
    {
        rc = ngx_er_matcher_index(m, &a);
    }

    if (count.counters) {
        ngx_free(count.counters);
    }

    if (rc == NGX_DECLINED) {
        ngx_er_error(err, "the routes of this source have too many values to "
                     "look up, more than 2,000,000: use fewer in each, or a "
                     "\"map\" from the values to a variable");
        return NGX_ERROR;
    }

    return (rc == NGX_OK) ? NGX_OK : ngx_er_matcher_memory(m, err);
}


static ngx_int_t
ngx_er_matcher_memory(ngx_er_matcher_t *m, ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory for the matcher of %ui routes",
                 m->rules.nelts);

    return NGX_ERROR;
}


/* twice over the rules: to count who asks for what, then to file them */

static ngx_int_t
ngx_er_matcher_index(ngx_er_matcher_t *m, ngx_er_access_t *a)
{
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_er_rule_t  *rule;

    m->index = ngx_er_index_create(m->pool, m->fields);
    if (m->index == NULL) {
        return NGX_ERROR;
    }

    rule = m->rules.elts;
    rc = NGX_OK;
    a->cost = ngx_er_matcher_note;

    for (i = 0; i < m->rules.nelts; i++) {
        if (rule[i].condition) {
            a->atoms.nelts = 0;
            (void) ngx_er_access(a, rule[i].condition);
        }
    }

    a->cost = ngx_er_matcher_cost;

    for (i = 0; i < m->rules.nelts && rc == NGX_OK; i++) {
        rc = ngx_er_matcher_file(m, i, a);
    }

    if (rc != NGX_OK) {
        ngx_er_index_abort(m->index);
        return rc;
    }

    ngx_er_index_ahead(m->index, ngx_er_matcher_ahead, m);

    return ngx_er_index_build(m->index);
}


static u_char *
ngx_er_matcher_ahead(void *data, uint32_t i)
{
    ngx_er_matcher_t *m = data;

    ngx_er_rule_t  *rule;

    rule = (ngx_er_rule_t *) m->rules.elts + i;

    return (u_char *) rule->condition;
}


/* what is looked up is read from them, too */

static ngx_int_t
ngx_er_matcher_pack(ngx_er_matcher_t *m)
{
    ngx_uint_t           i;
    ngx_er_rule_t       *rule;
    ngx_er_condition_t  *pack;

    rule = m->rules.elts;

    for (i = 0; i < m->rules.nelts; i++) {

        if (rule[i].condition == NULL) {
            continue;
        }

        pack = ngx_er_pack(&m->packs, rule[i].condition);
        if (pack == NULL) {
            return NGX_ERROR;
        }

        m->bytes += ngx_er_pack_bytes(pack);

        rule[i].condition = pack;
        rule[i].ahead = ngx_min(ngx_er_pack_bytes(pack), NGX_ER_MATCHER_PACK);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_matcher_file(ngx_er_matcher_t *m, ngx_uint_t i, ngx_er_access_t *a)
{
    uint32_t       *always;
    uint64_t        cost;
    ngx_er_rule_t  *rule;

    rule = (ngx_er_rule_t *) m->rules.elts + i;
    cost = NGX_ER_ACCESS_NONE;
    a->atoms.nelts = 0;

    if (rule->condition) {
        cost = ngx_er_access(a, rule->condition);
    }

    if (a->failed) {
        return NGX_ERROR;
    }

    if (cost != NGX_ER_ACCESS_NONE) {
        return ngx_er_index_file(m->index, i, a->atoms.elts, a->atoms.nelts);
    }

    always = ngx_array_push(&m->always);
    if (always == NULL) {
        return NGX_ERROR;
    }

    *always = i;

    return NGX_OK;
}


static uint64_t
ngx_er_matcher_note(ngx_er_access_t *a, ngx_er_atom_t *atom)
{
    ngx_er_atom_t    all;
    ngx_er_count_t  *count;

    count = a->data;
    count->counters[ngx_er_index_hash(atom) & count->mask]++;

    /* and all parts of texts of the field together */

    if (atom->kind == NGX_ER_ATOM_GRAM) {
        all = *atom;
        all.text.len = 0;
        count->counters[ngx_er_index_hash(&all) & count->mask]++;
    }

    return 1;
}


/*
 * About how many rules an event that has it leads to.  Parts of texts and
 * ranges are more often true of an event than a certain value is, and ranges
 * overlap; of those open at one end about one half is met.
 */

static uint64_t
ngx_er_matcher_cost(ngx_er_access_t *a, ngx_er_atom_t *atom)
{
    uint64_t         n;
    ngx_er_atom_t    all;
    ngx_er_count_t  *count;

    count = a->data;
    n = count->counters[ngx_er_index_hash(atom) & count->mask];

    switch (atom->kind) {

    case NGX_ER_ATOM_TEXT:
        return n * 2;

    case NGX_ER_ATOM_GRAM:
        all = *atom;
        all.text.len = 0;

        return (count->counters[ngx_er_index_hash(&all) & count->mask]
                < NGX_ER_MATCHER_GRAMS)
               ? NGX_ER_MATCHER_DEAR : n * 8;

    case NGX_ER_ATOM_RANGE:
        return n * (atom->from && atom->to ? 1 : 8) + 8;

    case NGX_ER_ATOM_PRESENT:
        return n * 16;

    default:
        return n * 4;
    }
}


void
ngx_er_matcher_size(ngx_er_matcher_t *m, ngx_er_matcher_size_t *size)
{
    ngx_er_index_size_t  ix;

    ngx_er_index_size(m->index, &ix);

    size->rules = m->rules.nelts;
    size->always = m->always.nelts;
    size->fields = ix.fields;
    size->keys = ix.keys;
    size->bytes = sizeof(ngx_er_matcher_t) + ix.bytes
                  + m->rules.nelts * sizeof(ngx_er_rule_t)
                  + m->always.nelts * sizeof(uint32_t);
    size->packs = m->bytes;
}


ngx_int_t
ngx_er_matcher_match(ngx_er_matcher_t *m, ngx_er_facts_t *facts,
    ngx_array_t *matched)
{
    ngx_int_t        rc;
    ngx_uint_t       i, n;
    ngx_array_t      hits;
    ngx_er_hit_t    *hit;
    ngx_er_match_t   match;

    if (m->rules.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_array_init(&hits, facts->pool, 8, sizeof(ngx_er_hit_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_index_find(m->index, facts, &hits);

    if (rc == NGX_ERROR || rc == NGX_DECLINED) {
        return rc;
    }

    match.m = m;
    match.facts = facts;
    match.matched = matched;
    match.fallback = 0;
    match.taken = 0;
    match.done = 0;

    hit = hits.elts;
    n = m->always.nelts;

    for (i = 0; i < hits.nelts; i++) {
        n += hit[i].n;
    }

    if (rc == NGX_DONE || n >= NGX_ER_MATCHER_FEW + m->rules.nelts / 4 * 3) {
        return ngx_er_matcher_all(&match);
    }

    return (n <= NGX_ER_MATCHER_FEW) ? ngx_er_matcher_few(&match, &hits)
                                     : ngx_er_matcher_many(&match, &hits);
}


/* a list of the candidates, sorted as it grows */

static ngx_int_t
ngx_er_matcher_few(ngx_er_match_t *match, ngx_array_t *hits)
{
    uint32_t           rule, list[NGX_ER_MATCHER_FEW];
    ngx_int_t          rc;
    ngx_uint_t         i, k, p, n;
    ngx_er_hit_t      *hit;
    ngx_er_matcher_t  *m;

    m = match->m;
    hit = hits->elts;
    n = m->always.nelts;

    if (n) {
        ngx_memcpy(list, m->always.elts, n * sizeof(uint32_t));
    }

    for (i = 0; i < hits->nelts; i++) {

        for (k = 0; k < hit[i].n; k++) {
            rule = hit[i].rules[k];

            ngx_er_prefetch((ngx_er_rule_t *) m->rules.elts + rule);

            for (p = n; p && list[p - 1] > rule; p--) {
                list[p] = list[p - 1];
            }

            list[p] = rule;
            n++;
        }
    }

    for (i = 0; i < n && i < NGX_ER_MATCHER_AHEAD; i++) {
        ngx_er_matcher_fetch(m, list[i]);
    }

    for ( ;; ) {

        for (i = 0; i < n && !match->done; i++) {

            if (i + NGX_ER_MATCHER_AHEAD < n) {
                ngx_er_matcher_fetch(m, list[i + NGX_ER_MATCHER_AHEAD]);
            }

            if (i && list[i] == list[i - 1]) {
                continue;
            }

            rc = ngx_er_matcher_try(match, list[i]);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (!m->fallbacks || match->fallback || match->taken) {
            return NGX_OK;
        }

        match->fallback = 1;
    }
}


static ngx_int_t
ngx_er_matcher_many(ngx_er_match_t *match, ngx_array_t *hits)
{
    uint32_t          *rule;
    uint64_t          *bits;
    ngx_int_t          rc;
    ngx_uint_t         i, k, words;
    ngx_er_hit_t      *hit;
    ngx_er_matcher_t  *m;

    m = match->m;
    words = (m->rules.nelts + NGX_ER_MATCHER_WORD - 1) / NGX_ER_MATCHER_WORD;

    bits = ngx_pcalloc(match->facts->pool, words * sizeof(uint64_t));
    if (bits == NULL) {
        return NGX_ERROR;
    }

    rule = m->always.elts;

    for (k = 0; k < m->always.nelts; k++) {
        bits[rule[k] / NGX_ER_MATCHER_WORD] |=
            (uint64_t) 1 << (rule[k] % NGX_ER_MATCHER_WORD);
    }

    hit = hits->elts;

    for (i = 0; i < hits->nelts; i++) {
        rule = hit[i].rules;

        for (k = 0; k < hit[i].n; k++) {
            bits[rule[k] / NGX_ER_MATCHER_WORD] |=
                (uint64_t) 1 << (rule[k] % NGX_ER_MATCHER_WORD);
        }
    }

    rc = ngx_er_matcher_bits(match, bits, words);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!m->fallbacks || match->taken) {
        return NGX_OK;
    }

    match->fallback = 1;

    return ngx_er_matcher_bits(match, bits, words);
}


/* as one by one: nothing is looked up, collected or sorted */

static ngx_int_t
ngx_er_matcher_all(ngx_er_match_t *match)
{
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_er_matcher_t  *m;

    m = match->m;

    /* room for all of them: to grow is to copy */

    if (ngx_array_init(match->matched, match->matched->pool, m->rules.nelts,
                       sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for ( ;; ) {

        for (i = 0; i < m->rules.nelts && !match->done; i++) {
            rc = ngx_er_matcher_try(match, i);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (!m->fallbacks || match->fallback || match->taken) {
            return NGX_OK;
        }

        match->fallback = 1;
    }
}


static ngx_int_t
ngx_er_matcher_bits(ngx_er_match_t *match, uint64_t *bits, ngx_uint_t words)
{
    uint64_t    word;
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    for (i = 0; i < words; i++) {

        for (word = bits[i], n = 0; word && !match->done; word >>= 1, n++) {

            if (!(word & 1)) {
                continue;
            }

            rc = ngx_er_matcher_try(match, i * NGX_ER_MATCHER_WORD + n);

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


/* all lines of the pack at once, instead of one after the other */

static void
ngx_er_matcher_fetch(ngx_er_matcher_t *m, ngx_uint_t i)
{
    u_char         *p, *last;
    ngx_er_rule_t  *rule;

    rule = (ngx_er_rule_t *) m->rules.elts + i;

    p = (u_char *) rule->condition;
    last = p + rule->ahead;

    for ( /* void */ ; p < last; p += NGX_ER_PACK_LINE) {
        ngx_er_prefetch(p);
    }
}


static ngx_int_t
ngx_er_matcher_try(ngx_er_match_t *match, ngx_uint_t i)
{
    ngx_uint_t     *id, n, holds;
    ngx_array_t    *matched;
    ngx_er_rule_t  *rule;

    rule = (ngx_er_rule_t *) match->m->rules.elts + i;

    if (rule->fallback != match->fallback) {
        return NGX_OK;
    }

    holds = (rule->condition == NULL
             || ngx_er_condition_holds(rule->condition, match->facts));

    if (match->facts->undecided) {
        match->matched->nelts = 0;

    } else if (!holds) {
        return NGX_OK;
    }

    matched = match->matched;

    if (matched->nelts < matched->nalloc) {
        id = (ngx_uint_t *) matched->elts + matched->nelts++;

    } else {
        id = ngx_array_push(matched);
        if (id == NULL) {
            return NGX_ERROR;
        }
    }

    if (match->facts->undecided) {
        *id = rule->id;
        return NGX_DECLINED;
    }

    /* behind a fallback there can be copies, which matched before it */

    for (n = match->matched->nelts - 1; n && id[-1] > rule->id; n--, id--) {
        id[0] = id[-1];
    }

    *id = rule->id;
    match->done = rule->last;
    match->taken |= !rule->copy;

    return NGX_OK;
}
