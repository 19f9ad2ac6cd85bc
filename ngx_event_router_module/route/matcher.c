
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The matcher: all routes of a source in one structure, built by route.c when
 * nginx.conf was read and never changed afterwards, so that workers share it.
 *
 * Most routes ask first of all for an equality (type = orders/paid, a shop, a
 * SKU) that most events do not meet.  So each rule is filed in a hash table
 * under one of its equality tests, the one whose values the fewest rules ask
 * for (the "access predicate"); an event's own values then lead to the rules
 * that may match, and only these are evaluated.  A rule without any equality
 * test is a candidate for every event.  Leaving out the others is exact: such
 * a test is one that must hold.
 *
 * A candidate is a bit, so that candidates come out once and in their order,
 * however many values lead to them.  The hash has no seed: it holds what an
 * administrator wrote, a sender of events cannot add to it.
 *
 * What may fail is memory, which is the event's own in ngx_er_matcher_match().
 */


#include "matcher.h"


#define NGX_ER_MATCHER_WORD  64        /* bits */


typedef struct {
    ngx_uint_t             id;
    ngx_er_condition_t    *condition;  /* NULL: always */
    unsigned               last:1;
    unsigned               fallback:1;
} ngx_er_rule_t;


/* a value of a field by which rules are filed */

typedef struct ngx_er_key_s  ngx_er_key_t;

struct ngx_er_key_s {
    ngx_er_key_t          *next;       /* in its bucket */
    uint32_t               hash;
    uint32_t               index;      /* from 0, the order of making */
    uint32_t               field;
    uint32_t               is_number;  /* numbers by value, all else by text */
    ngx_er_operand_t      *operand;
    ngx_uint_t             count;      /* tests that ask for it */
    ngx_array_t            rules;      /* of uint32_t, indices */
};


struct ngx_er_matcher_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_array_t            rules;      /* of ngx_er_rule_t */

    ngx_array_t            indexed;    /* of ngx_uint_t: fields to look up */
    ngx_er_key_t         **buckets;
    ngx_uint_t             mask;       /* of buckets */
    ngx_uint_t             nkeys;

    uint64_t              *always;     /* a bit for each rule without a key */
    ngx_uint_t             words;      /* of bits for all rules */
    ngx_uint_t             fallbacks;
};


static ngx_int_t ngx_er_matcher_index(ngx_er_matcher_t *m);
static ngx_int_t ngx_er_matcher_buckets(ngx_er_matcher_t *m,
    ngx_array_t *accesses);
static ngx_int_t ngx_er_matcher_count(ngx_er_matcher_t *m,
    ngx_array_t *accesses);
static ngx_int_t ngx_er_matcher_file(ngx_er_matcher_t *m, uint32_t rule,
    ngx_array_t *accesses);
static ngx_er_access_t *ngx_er_matcher_rarest(ngx_er_matcher_t *m,
    ngx_array_t *accesses);
static ngx_int_t ngx_er_matcher_field(ngx_er_matcher_t *m, ngx_uint_t field);
static uint32_t ngx_er_matcher_hash(ngx_uint_t field, ngx_str_t *text,
    ngx_er_number_t *number);
static ngx_er_key_t *ngx_er_matcher_key(ngx_er_matcher_t *m,
    ngx_uint_t field, ngx_str_t *text, ngx_er_number_t *number);
static ngx_er_key_t *ngx_er_matcher_make_key(ngx_er_matcher_t *m,
    ngx_uint_t field, ngx_er_operand_t *operand, ngx_uint_t is_number);
static void ngx_er_matcher_candidates(ngx_er_matcher_t *m,
    ngx_er_facts_t *facts, uint64_t *bits, uint64_t *done);
static ngx_int_t ngx_er_matcher_evaluate(ngx_er_matcher_t *m,
    ngx_er_facts_t *facts, uint64_t *bits, ngx_uint_t fallback,
    ngx_array_t *matched);


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

    if (ngx_array_init(&m->rules, pool, ngx_max(rules, 4),
                       sizeof(ngx_er_rule_t))
        != NGX_OK
        || ngx_array_init(&m->indexed, pool, 4, sizeof(ngx_uint_t)) != NGX_OK)
    {
        return NULL;
    }

    return m;
}


ngx_int_t
ngx_er_matcher_add(ngx_er_matcher_t *m, ngx_uint_t id,
    ngx_er_condition_t *condition, ngx_uint_t last, ngx_uint_t fallback)
{
    ngx_er_rule_t  *rule;

    rule = ngx_array_push(&m->rules);
    if (rule == NULL) {
        return NGX_ERROR;
    }

    rule->id = id;
    rule->condition = condition;
    rule->last = (last != 0);
    rule->fallback = (fallback != 0);

    m->fallbacks |= rule->fallback;

    return NGX_OK;
}


ngx_int_t
ngx_er_matcher_compile(ngx_er_matcher_t *m, ngx_er_error_t *err)
{
    m->words = (m->rules.nelts + NGX_ER_MATCHER_WORD - 1)
               / NGX_ER_MATCHER_WORD;

    m->always = ngx_pcalloc(m->pool, ngx_max(m->words, 1) * sizeof(uint64_t));

    if (m->always == NULL || ngx_er_matcher_index(m) != NGX_OK) {
        ngx_er_error(err, "no memory for the matcher of %ui routes",
                     m->rules.nelts);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* twice over the rules: to count who asks for what, then to file them */

static ngx_int_t
ngx_er_matcher_index(ngx_er_matcher_t *m)
{
    ngx_uint_t      i, pass;
    ngx_array_t     accesses;
    ngx_er_rule_t  *rule;

    if (ngx_array_init(&accesses, m->pool, 16, sizeof(ngx_er_access_t))
        != NGX_OK
        || ngx_er_matcher_buckets(m, &accesses) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rule = m->rules.elts;

    for (pass = 0; pass < 2; pass++) {

        for (i = 0; i < m->rules.nelts; i++) {
            accesses.nelts = 0;

            if (rule[i].condition
                && ngx_er_condition_accesses(rule[i].condition, &accesses)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }

            if (pass == 0) {
                if (ngx_er_matcher_count(m, &accesses) != NGX_OK) {
                    return NGX_ERROR;
                }

            } else if (accesses.nelts) {
                if (ngx_er_matcher_file(m, i, &accesses) != NGX_OK) {
                    return NGX_ERROR;
                }

            } else {
                m->always[i / NGX_ER_MATCHER_WORD] |=
                    (uint64_t) 1 << (i % NGX_ER_MATCHER_WORD);
            }
        }
    }

    return NGX_OK;
}


/* room for a key by text and one by number for each operand */

static ngx_int_t
ngx_er_matcher_buckets(ngx_er_matcher_t *m, ngx_array_t *accesses)
{
    ngx_uint_t        i, n, operands;
    ngx_er_rule_t    *rule;
    ngx_er_access_t  *access;

    rule = m->rules.elts;
    operands = 0;

    for (i = 0; i < m->rules.nelts; i++) {
        accesses->nelts = 0;

        if (rule[i].condition
            && ngx_er_condition_accesses(rule[i].condition, accesses)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        access = accesses->elts;

        for (n = 0; n < accesses->nelts; n++) {
            operands += access[n].noperands;
        }
    }

    for (n = 2; n < operands; n *= 2) { /* void */ }

    m->buckets = ngx_pcalloc(m->pool, n * sizeof(ngx_er_key_t *));
    if (m->buckets == NULL) {
        return NGX_ERROR;
    }

    m->mask = n - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_er_matcher_count(ngx_er_matcher_t *m, ngx_array_t *accesses)
{
    ngx_uint_t        i, n;
    ngx_er_key_t     *key;
    ngx_er_access_t  *access;

    access = accesses->elts;

    for (i = 0; i < accesses->nelts; i++) {

        for (n = 0; n < access[i].noperands; n++) {
            key = ngx_er_matcher_make_key(m, access[i].field,
                                          &access[i].operands[n], 0);
            if (key == NULL) {
                return NGX_ERROR;
            }

            key->count++;
        }
    }

    return NGX_OK;
}


/* a value that is a number is found by it, one that is text by the text */

static ngx_int_t
ngx_er_matcher_file(ngx_er_matcher_t *m, uint32_t rule, ngx_array_t *accesses)
{
    uint32_t          *p;
    ngx_uint_t         i, is_number;
    ngx_er_key_t      *key;
    ngx_er_access_t   *access;
    ngx_er_operand_t  *operand;

    access = ngx_er_matcher_rarest(m, accesses);

    for (i = 0; i < access->noperands; i++) {
        operand = &access->operands[i];

        for (is_number = 0; is_number <= operand->is_number; is_number++) {
            key = ngx_er_matcher_make_key(m, access->field, operand,
                                          is_number);
            if (key == NULL) {
                return NGX_ERROR;
            }

            p = ngx_array_push(&key->rules);
            if (p == NULL) {
                return NGX_ERROR;
            }

            *p = rule;
        }
    }

    return ngx_er_matcher_field(m, access->field);
}


static ngx_er_access_t *
ngx_er_matcher_rarest(ngx_er_matcher_t *m, ngx_array_t *accesses)
{
    ngx_uint_t        i, n, count, least;
    ngx_er_key_t     *key;
    ngx_er_access_t  *access, *rarest;

    access = accesses->elts;
    rarest = access;
    least = NGX_MAX_INT_T_VALUE;

    for (i = 0; i < accesses->nelts; i++) {
        count = 0;

        for (n = 0; n < access[i].noperands; n++) {
            key = ngx_er_matcher_key(m, access[i].field,
                                     &access[i].operands[n].text, NULL);
            count += key ? key->count : 0;
        }

        if (count < least) {
            least = count;
            rarest = &access[i];
        }
    }

    return rarest;
}


static ngx_int_t
ngx_er_matcher_field(ngx_er_matcher_t *m, ngx_uint_t field)
{
    ngx_uint_t  i, *indexed;

    indexed = m->indexed.elts;

    for (i = 0; i < m->indexed.nelts; i++) {
        if (indexed[i] == field) {
            return NGX_OK;
        }
    }

    indexed = ngx_array_push(&m->indexed);
    if (indexed == NULL) {
        return NGX_ERROR;
    }

    *indexed = field;

    return NGX_OK;
}


/* number NULL: by the text */

static uint32_t
ngx_er_matcher_hash(ngx_uint_t field, ngx_str_t *text,
    ngx_er_number_t *number)
{
    uint32_t  hash;

    hash = number ? ngx_er_number_hash(number)
                  : ngx_er_hash(text->data, text->len);

    hash = (hash ^ (uint32_t) field) * 0x9e3779b1;

    return hash ^ (hash >> 15);
}


static ngx_er_key_t *
ngx_er_matcher_key(ngx_er_matcher_t *m, ngx_uint_t field, ngx_str_t *text,
    ngx_er_number_t *number)
{
    uint32_t       hash;
    ngx_er_key_t  *key;

    hash = ngx_er_matcher_hash(field, text, number);

    for (key = m->buckets[hash & m->mask]; key; key = key->next) {

        if (key->hash != hash || key->field != field
            || key->is_number != (number != NULL))
        {
            continue;
        }

        if (number) {
            if (ngx_er_number_compare(number, &key->operand->number) == 0) {
                return key;
            }

            continue;
        }

        if (text->len == key->operand->text.len
            && (text->len == 0
                || ngx_memcmp(text->data, key->operand->text.data, text->len)
                   == 0))
        {
            return key;
        }
    }

    return NULL;
}


static ngx_er_key_t *
ngx_er_matcher_make_key(ngx_er_matcher_t *m, ngx_uint_t field,
    ngx_er_operand_t *operand, ngx_uint_t is_number)
{
    ngx_er_key_t     *key, **bucket;
    ngx_er_number_t  *number;

    number = is_number ? &operand->number : NULL;

    key = ngx_er_matcher_key(m, field, &operand->text, number);
    if (key) {
        return key;
    }

    key = ngx_pcalloc(m->pool, sizeof(ngx_er_key_t));
    if (key == NULL) {
        return NULL;
    }

    if (ngx_array_init(&key->rules, m->pool, 1, sizeof(uint32_t)) != NGX_OK) {
        return NULL;
    }

    key->hash = ngx_er_matcher_hash(field, &operand->text, number);
    key->index = m->nkeys++;
    key->field = field;
    key->is_number = is_number;
    key->operand = operand;

    bucket = &m->buckets[key->hash & m->mask];
    key->next = *bucket;
    *bucket = key;

    return key;
}


ngx_int_t
ngx_er_matcher_match(ngx_er_matcher_t *m, ngx_er_facts_t *facts,
    ngx_array_t *matched)
{
    size_t      size, nkeys;
    uint64_t   *bits, *done;
    ngx_uint_t  before;

    if (m->rules.nelts == 0) {
        return NGX_OK;
    }

    size = m->words * sizeof(uint64_t);
    nkeys = (m->nkeys / NGX_ER_MATCHER_WORD + 1) * sizeof(uint64_t);

    bits = ngx_palloc(facts->pool, size + nkeys);
    if (bits == NULL) {
        return NGX_ERROR;
    }

    done = bits + m->words;

    ngx_memcpy(bits, m->always, size);
    ngx_memzero(done, nkeys);

    ngx_er_matcher_candidates(m, facts, bits, done);

    before = matched->nelts;

    if (ngx_er_matcher_evaluate(m, facts, bits, 0, matched) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!m->fallbacks || matched->nelts > before) {
        return NGX_OK;
    }

    return ngx_er_matcher_evaluate(m, facts, bits, 1, matched);
}


/* sets the bits of all rules to which a value leads, each key once */

static void
ngx_er_matcher_candidates(ngx_er_matcher_t *m, ngx_er_facts_t *facts,
    uint64_t *bits, uint64_t *done)
{
    uint32_t         *rule;
    uint64_t          bit;
    ngx_uint_t        i, n, *field;
    ngx_er_key_t     *key;
    ngx_er_value_t   *value;
    ngx_er_number_t   number, *by;

    field = m->indexed.elts;

    for (i = 0; i < m->indexed.nelts; i++) {

        for (value = ngx_er_fact(facts, field[i]); value; value = value->next)
        {
            if (value->type == NGX_ER_ARRAY || value->type == NGX_ER_OBJECT) {
                continue;
            }

            by = (value->type == NGX_ER_NUMBER
                  && ngx_er_number_parse(&value->text, &number) == NGX_OK)
                 ? &number : NULL;

            key = ngx_er_matcher_key(m, field[i], &value->text, by);
            if (key == NULL) {
                continue;
            }

            bit = (uint64_t) 1 << (key->index % NGX_ER_MATCHER_WORD);

            if (done[key->index / NGX_ER_MATCHER_WORD] & bit) {
                continue;
            }

            done[key->index / NGX_ER_MATCHER_WORD] |= bit;
            rule = key->rules.elts;

            for (n = 0; n < key->rules.nelts; n++) {
                bits[rule[n] / NGX_ER_MATCHER_WORD] |=
                    (uint64_t) 1 << (rule[n] % NGX_ER_MATCHER_WORD);
            }
        }
    }
}


static ngx_int_t
ngx_er_matcher_evaluate(ngx_er_matcher_t *m, ngx_er_facts_t *facts,
    uint64_t *bits, ngx_uint_t fallback, ngx_array_t *matched)
{
    uint64_t        word;
    ngx_uint_t      i, n, *id;
    ngx_er_rule_t  *rule;

    for (i = 0; i < m->words; i++) {

        rule = (ngx_er_rule_t *) m->rules.elts + i * NGX_ER_MATCHER_WORD;

        for (word = bits[i], n = 0; word; word >>= 1, n++) {

            if (!(word & 1) || rule[n].fallback != fallback
                || (rule[n].condition
                    && !ngx_er_condition_holds(rule[n].condition, facts)))
            {
                continue;
            }

            id = ngx_array_push(matched);
            if (id == NULL) {
                return NGX_ERROR;
            }

            *id = rule[n].id;

            if (rule[n].last) {
                return NGX_OK;
            }
        }
    }

    return NGX_OK;
}
