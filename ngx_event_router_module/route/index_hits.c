
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Hits: what an event finds in the index.  Each of its values is looked up in
 * as many ways as the plan of its field asks for.  Prefixes of a value cost
 * one pass over its first bytes and a look for each length that some rule has,
 * however many rules there are; so do suffixes, networks by their lengths, and
 * parts of texts, of which the table knows four bytes each.
 *
 * Called by matcher.c once an event, and it only reads the index, which all
 * workers share; what it needs is in the event's pool.  What may fail is
 * memory, and the budget of the event, past which nothing is looked up.
 */


#include "index_table.h"
#include "budget.h"


#define NGX_ER_INDEX_TREE     0xffffffff  /* no key: a hit of a tree */
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
    ngx_uint_t             failed;
} ngx_er_look_t;


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
static void ngx_er_look_key(ngx_er_look_t *look, ngx_er_plan_t *plan,
    ngx_uint_t kind, uint32_t hash, size_t len);
static ngx_uint_t ngx_er_look_again(ngx_er_look_t *look, uint32_t key);
static ngx_uint_t ngx_er_look_seen(ngx_er_look_t *look, uint32_t key);


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
    look.failed = 0;

    for (i = 0; i < ix->nplans; i++) {
        ngx_er_look_field(&look, &ix->plans[i]);
    }

    if (look.failed) {
        return NGX_ERROR;
    }

    return facts->budget.spent ? NGX_DECLINED : NGX_OK;
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
    double            low, high, l, h;
    ngx_uint_t        n;
    ngx_array_t       rules;
    ngx_er_hit_t     *hit;
    ngx_er_number_t   number;

    low = 0;
    high = 0;
    n = 0;

    for ( /* void */ ; value; value = value->next) {

        if ((value->type != NGX_ER_NUMBER && value->type != NGX_ER_STRING)
            || value->unreadable
            || ngx_er_number_parse(&value->text, &number) != NGX_OK)
        {
            continue;
        }

        if (!ngx_er_budget_take(look->facts, NGX_ER_INDEX_LOOK)) {
            return;
        }

        l = ngx_er_interval_low(&number);
        h = ngx_er_interval_high(&number);

        low = n ? ngx_min(low, l) : l;
        high = n ? ngx_max(high, h) : h;
        n++;
    }

    if (n == 0) {
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


/* "hash" is that of the text alone */

static void
ngx_er_look_key(ngx_er_look_t *look, ngx_er_plan_t *plan, ngx_uint_t kind,
    uint32_t hash, size_t len)
{
    uint32_t         where;
    ngx_uint_t       i;
    ngx_er_hit_t    *hit;
    ngx_er_key_t    *key;
    ngx_er_index_t  *ix;

    ix = look->ix;
    hash = ngx_er_index_mix(hash, plan->field, kind, len);
    where = ngx_er_index_where(plan->field, kind);

    for (i = hash & ix->mask; ix->slots[i].n; i = (i + 1) & ix->mask) {

        key = &ix->slots[i];

        if (key->hash != hash || key->where != where) {
            continue;
        }

        if (ngx_er_look_again(look, i)) {
            return;
        }

        hit = ngx_array_push(look->hits);
        if (hit == NULL) {
            look->failed = 1;
            return;
        }

        hit->rules = (key->n == 1) ? &key->first : ix->rules + key->first;
        hit->n = key->n;
        hit->key = i;

        return;
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
