
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For memory.c: the entries of the zone.
 * Everything here but ngx_er_memory_lock() is done under the zone's mutex.
 */


#ifndef _NGX_ER_MEMORY_ZONE_H_INCLUDED_
#define _NGX_ER_MEMORY_ZONE_H_INCLUDED_


#include "memory.h"


#define NGX_ER_MEMORY_TARGETS  1024    /* settled ones that a key remembers */
#define NGX_ER_MEMORY_CHUNK    15
#define NGX_ER_MEMORY_BLOCK    128     /* bytes of an entry or a chunk */
#define NGX_ER_MEMORY_TRIES    65535   /* attempts that are counted */


typedef enum {
    NGX_ER_MEMORY_CLAIMED = 0,
    NGX_ER_MEMORY_RELEASED,
    NGX_ER_MEMORY_DONE
} ngx_er_memory_state_e;


typedef struct ngx_er_memory_chunk_s  ngx_er_memory_chunk_t;

struct ngx_er_memory_chunk_s {
    ngx_er_memory_chunk_t   *next;
    uint64_t                 targets[NGX_ER_MEMORY_CHUNK];
};


/* begins at "color" of its ngx_rbtree_node_t, whose key is that of the tree:
   the first bytes of the key */

typedef struct {
    u_char                   color;
    u_char                   state;    /* ngx_er_memory_state_e */
    u_short                  settled;  /* how many */
    uint16_t                 attempts;
    uint16_t                 share;    /* whose it is */
    ngx_queue_t              queue;    /* held or idle of the share, last used
                                          first */
    u_char                   key[32];
    u_char                   token[16];
    union {
        ngx_msec_t           lease;    /* until when */
        uint64_t             print;    /* DONE: of the body */
    } u;
    ngx_msec_t               expires;
    ngx_er_memory_chunk_t   *chunks;   /* the first may be partly filled */
} ngx_er_memory_entry_t;


/* what is one source's; several have one if there are very many of them */

typedef struct {
    uint64_t                 source;   /* hash of its name */
    ngx_uint_t               blocks;   /* 0: it is free for another one */
    ngx_queue_t              held;     /* CLAIMED */
    ngx_queue_t              idle;     /* RELEASED and DONE */
} ngx_er_memory_share_t;


struct ngx_er_memory_sh_s {
    ngx_rbtree_t            *trees;    /* of keys */
    ngx_uint_t               mask;     /* of the bits that choose a tree */
    ngx_rbtree_node_t        sentinel; /* of all trees */
    ngx_er_memory_share_t   *shares;
    ngx_uint_t               nshares;  /* a power of two */
    ngx_uint_t               most;     /* the share that had most when they
                                          were last looked at */
    ngx_uint_t               since;    /* evictions since then */
    ngx_uint_t               turn;     /* the share in which what has expired
                                          is looked for next */
    ngx_uint_t               entries;
    ngx_uint_t               evicted;  /* before they had expired */
    ngx_uint_t               forced;   /* of them with a running lease */
    ngx_msec_t               warned;
    unsigned                 warn:1;   /* whoever unlocks says so */
};


#define ngx_er_memory_past(msec)                                              \
    ((ngx_msec_int_t) ((msec) - ngx_current_msec) <= 0)

#define ngx_er_memory_mine(entry, claim)                                      \
    (ngx_memcmp((entry)->token, (claim)->token, sizeof((claim)->token)) == 0)

#define ngx_er_memory_running(entry)                                          \
    ((entry)->state == NGX_ER_MEMORY_CLAIMED                                  \
     && !ngx_er_memory_past((entry)->u.lease))

#define ngx_er_memory_differs(entry, claim)                                   \
    ((entry)->u.print && (claim)->print && (entry)->u.print != (claim)->print)

#define ngx_er_memory_node(entry)                                             \
    ((ngx_rbtree_node_t *)                                                    \
     ((u_char *) (entry) - offsetof(ngx_rbtree_node_t, color)))

#define ngx_er_memory_entry(node)                                             \
    ((ngx_er_memory_entry_t *) &(node)->color)

#define ngx_er_memory_share(memory, entry)                                    \
    (&(memory)->sh->shares[(entry)->share])

#define ngx_er_memory_tree(sh, key)  (&(sh)->trees[(key) & (sh)->mask])


/* begins a call: a few of what has expired are gone */
void ngx_er_memory_lock(ngx_er_memory_t *memory);
void ngx_er_memory_unlock(ngx_er_memory_t *memory);

/* NULL: unknown, or expired and now gone */
ngx_er_memory_entry_t *ngx_er_memory_find(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);

/* the entry of the key, a new one if there is none; NULL: no memory */
ngx_er_memory_entry_t *ngx_er_memory_adopt(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);

/* the same for a key that find() did not find */
ngx_er_memory_entry_t *ngx_er_memory_new(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);

/* gives the key to the claim */
void ngx_er_memory_take(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry, ngx_er_claim_t *claim);

/* a settled target; NGX_ERROR: no memory */
ngx_int_t ngx_er_memory_add(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry, uint64_t target);

/* nobody will ask for its settled targets any more */
void ngx_er_memory_drop_targets(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry);

/* the settled targets, NGX_ER_MEMORY_TARGETS at most */
ngx_uint_t ngx_er_memory_copy(ngx_er_memory_entry_t *entry,
    uint64_t *targets);


#endif /* _NGX_ER_MEMORY_ZONE_H_INCLUDED_ */
