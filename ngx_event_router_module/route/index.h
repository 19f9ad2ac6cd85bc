
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Rules by what must be true of an event: the structure behind the matcher.
 */


#ifndef _NGX_ER_INDEX_H_INCLUDED_
#define _NGX_ER_INDEX_H_INCLUDED_


#include "lookup.h"


typedef struct ngx_er_index_s  ngx_er_index_t;


/* rules that come with a key of the index: those of rules[0 .. n - 1] */

typedef struct {
    uint32_t              *rules;
    uint32_t               n;
    uint32_t               key;        /* index.c's own */
} ngx_er_hit_t;


typedef struct {
    ngx_uint_t             fields;     /* that are looked at */
    ngx_uint_t             keys;
    ngx_uint_t             entries;    /* rules in all keys and intervals */
    size_t                 bytes;
} ngx_er_index_size_t;


/* in "pool" is what is left after ngx_er_index_build(); NULL: no memory */
ngx_er_index_t *ngx_er_index_create(ngx_pool_t *pool,
    ngx_er_fields_t *fields);

/* the memory that evaluating a rule begins with; it is fetched when a key
   leads to that rule alone.  To be set before ngx_er_index_build(), if at all
   */

typedef u_char *(*ngx_er_index_ahead_pt)(void *data, uint32_t rule);

void ngx_er_index_ahead(ngx_er_index_t *ix, ngx_er_index_ahead_pt ahead,
    void *data);

/* under all of these atoms.  NGX_ERROR: no memory; NGX_DECLINED: too many */
ngx_int_t ngx_er_index_file(ngx_er_index_t *ix, uint32_t rule,
    ngx_er_atom_t *atoms, ngx_uint_t n);

/* after the last one, or if one failed: what was only needed until now goes */
ngx_int_t ngx_er_index_build(ngx_er_index_t *ix);
void ngx_er_index_abort(ngx_er_index_t *ix);

/*
 * What an event leads to is pushed to "hits" (of ngx_er_hit_t),
 * each key once; a rule can be in several.  NGX_DONE: it meets about all rules
 * that there are, "hits" do not say which; NGX_ERROR: no memory; NGX_DECLINED:
 * the budget of the event is spent.
 */
ngx_int_t ngx_er_index_find(ngx_er_index_t *ix, ngx_er_facts_t *facts,
    ngx_array_t *hits);

void ngx_er_index_size(ngx_er_index_t *ix, ngx_er_index_size_t *size);

/* a number for what an atom looks up; equal atoms have equal ones */
uint32_t ngx_er_index_hash(ngx_er_atom_t *atom);


#endif /* _NGX_ER_INDEX_H_INCLUDED_ */
