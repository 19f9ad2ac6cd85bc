
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The inside of the index, for index.c, index_table.c and index_hits.c alone:
 * what it is made of, and the hashes that whoever files a rule and whoever
 * looks for it must compute alike.
 */


#ifndef _NGX_ER_INDEX_TABLE_H_INCLUDED_
#define _NGX_ER_INDEX_TABLE_H_INCLUDED_


#include "index.h"
#include "interval.h"


#define NGX_ER_INDEX_NUMBER   8        /* a kind beside those of atoms */
#define NGX_ER_INDEX_BASIS    0x811c9dc5  /* the fold of nothing */
#define ngx_er_index_where(field, kind)  ((uint32_t) (field) * 16 + (kind))


/*
 * While it grows "first" is the newest of a list of entries, from 1.  Then it
 * is the rule itself, or a place in "rules" where several come with it.
 */

typedef struct {
    uint32_t               hash;
    uint32_t               where;      /* field and kind */
    uint32_t               first;
    uint32_t               n;          /* of rules; 0: a free slot */
} ngx_er_key_t;


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


/* memory that grows, of "size" bytes each; not a pool's */

typedef struct {
    void                  *elts;
    size_t                 size;
    ngx_uint_t             n;
    ngx_uint_t             max;
} ngx_er_grow_t;


struct ngx_er_index_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;

    ngx_er_key_t          *slots;      /* the table */
    ngx_uint_t             mask;
    uint32_t              *rules;
    ngx_er_plan_t         *plans;
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


/* of a key; "hash" is that of its text alone */

static ngx_inline uint32_t
ngx_er_index_mix(uint32_t hash, ngx_uint_t field, ngx_uint_t kind,
    ngx_uint_t len)
{
    hash ^= (uint32_t) (field * 256 + kind * 16 + len) * 0x9e3779b1;
    hash ^= hash >> 16;
    hash *= 0x85ebca6b;

    return hash ^ (hash >> 13);
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


/*
 * index.c.  grow() is one more, of zeros; what was there may move.  keep() is
 * a copy in the pool, with p NULL room only.  NULL: no memory.
 */

void *ngx_er_index_grow(ngx_er_index_t *ix, ngx_er_grow_t *g);
void *ngx_er_index_keep(ngx_er_index_t *ix, void *p, size_t size);


/*
 * index_table.c.  enter() puts a rule under a key.  When all are in, lists()
 * and then slots() make what is kept; after lists() nothing can be entered.
 * net() is the hash of a network, its bytes and how many bits count.
 */

ngx_int_t ngx_er_index_enter(ngx_er_index_t *ix, uint32_t rule, uint32_t hash,
    uint32_t where);
ngx_int_t ngx_er_index_lists(ngx_er_index_t *ix);
ngx_int_t ngx_er_index_slots(ngx_er_index_t *ix);
uint32_t ngx_er_index_net(ngx_er_atom_t *atom, size_t *len, ngx_uint_t *bits);


#endif /* _NGX_ER_INDEX_TABLE_H_INCLUDED_ */
