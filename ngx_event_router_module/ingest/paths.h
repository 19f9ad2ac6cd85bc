
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The paths that the configuration names, as a trie: a node is a place in a
 * document.  Built at configuration time, only read afterwards.  The nodes are
 * for scan.c and form.c alone.
 */


#ifndef _NGX_ER_PATHS_H_INCLUDED_
#define _NGX_ER_PATHS_H_INCLUDED_


#include "scan.h"


typedef struct ngx_er_node_s  ngx_er_node_t;

struct ngx_er_node_s {
    ngx_er_node_t         *next;       /* in its bucket, or of the elements */
    ngx_str_t              key;
    uint32_t               hash;
    uint32_t               id;         /* from 0: the root */
    ngx_int_t              index;      /* or NGX_ER_STEP_KEY, _ANY */

    ngx_er_node_t        **buckets;    /* of the keys that go on from here */
    ngx_uint_t             nbuckets;   /* a power of 2, or 0: no keys */
    ngx_uint_t             nkeys;
    uint64_t               filter;     /* ngx_er_node_bit() of the keys; all
                                          bits if any key goes on */
    ngx_er_node_t         *any;        /* where every key leads, or NULL */

    ngx_er_node_t         *elements;   /* the indices that go on from here */
    ngx_er_node_t         *tails;      /* those from the end */
    ngx_array_t            slots;      /* of ngx_uint_t; empty: on the way
                                          only */
};


struct ngx_er_paths_s {
    ngx_pool_t            *pool;
    ngx_er_node_t         *root;
    uint32_t               nodes;
    ngx_uint_t             slots;      /* the highest one and 1 */
    size_t                 longest;    /* of the keys, in bytes */
    ngx_uint_t             tails;      /* 1: there are indices from the end */
};


/* most keys of a document are told apart from the named ones by this bit */

static ngx_inline uint64_t
ngx_er_node_bit(u_char *key, size_t len)
{
    return (uint64_t) 1 << ((len ? len * 5 + key[0] : 0) & 63);
}


/* an empty trie, or NULL: no memory */
ngx_er_paths_t *ngx_er_paths_create(ngx_pool_t *pool);

/* a path of "steps" (of ngx_er_step_t): what it leads to goes to the slot;
   NGX_ERROR: no memory */
ngx_int_t ngx_er_paths_add(ngx_er_paths_t *paths, ngx_array_t *steps,
    ngx_uint_t slot);

/* where a key (decoded) or an element leads, or NULL */
ngx_er_node_t *ngx_er_node_key(ngx_er_node_t *node, u_char *key, size_t len);
ngx_er_node_t *ngx_er_node_element(ngx_er_node_t *node, ngx_uint_t index);


#endif /* _NGX_ER_PATHS_H_INCLUDED_ */
