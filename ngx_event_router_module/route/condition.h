
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Conditions: what stands behind "when", and how lines combine in "any",
 * "all", "none" and "each".  A condition is compiled at configuration time and
 * never changed afterwards.
 */


#ifndef _NGX_ER_CONDITION_H_INCLUDED_
#define _NGX_ER_CONDITION_H_INCLUDED_


#include "comparison.h"
#include "field.h"


#define NGX_ER_CONDITION_LINE  64      /* bytes that the CPU fetches at once */


typedef struct ngx_er_condition_s  ngx_er_condition_t;
typedef struct ngx_er_access_s     ngx_er_access_t;     /* lookup.h */


typedef enum {
    NGX_ER_CONDITION_TEST = 0,
    NGX_ER_CONDITION_ALL,
    NGX_ER_CONDITION_ANY,
    NGX_ER_CONDITION_NONE,
    NGX_ER_CONDITION_EACH,
    NGX_ER_CONDITION_PATTERN,
    NGX_ER_CONDITION_SAMPLE
} ngx_er_condition_kind_e;


/* of a condition that is made elsewhere and is about the event as a whole: 1
   or 0; NGX_ERROR: it cannot be told, so nothing around it holds */

typedef ngx_int_t (*ngx_er_condition_holds_pt)(void *data,
    ngx_er_facts_t *facts);
typedef uint64_t (*ngx_er_condition_accesses_pt)(void *data,
    ngx_er_access_t *a);


/* in the order in which they are evaluated */

typedef struct {
    ngx_er_condition_t       **elts;
    uint32_t                   nelts;
    uint32_t                   nalloc;
    ngx_er_field_t            *path;       /* EACH: the base of its lines */
} ngx_er_condition_children_t;


/* made elsewhere, about the event as a whole */

typedef struct {
    ngx_er_condition_holds_pt     holds;
    ngx_er_condition_accesses_pt  accesses;  /* or NULL */
    void                         *data;
} ngx_er_condition_whole_t;


/* as it stands in nginx.conf */

typedef struct {
    ngx_str_t                  text;
    u_char                    *file;
    ngx_uint_t                 line;
} ngx_er_condition_origin_t;


/* small: with many routes the CPU must fetch it from memory */

struct ngx_er_condition_s {
    ngx_er_condition_kind_e    kind;
    uint32_t                   field;      /* TEST, EACH */
    uint32_t                   bytes;      /* of a pack: all of it */
    unsigned                   relative:1; /* the field begins with "." */
    unsigned                   element:1;  /* it is "." alone */

    union {
        ngx_er_comparison_t          comparison;  /* TEST */
        ngx_er_condition_children_t  children;    /* ALL, ANY, NONE, EACH */
        ngx_er_condition_whole_t     whole;       /* PATTERN, SAMPLE */
    } u;

    ngx_er_condition_t        *pack;       /* NULL: there is none yet */
    ngx_er_condition_origin_t *origin;     /* NULL: it is part of one that has
                                              an origin, or of none */
};


/*
 * A block; children are added to it.  For EACH, "path" is the text of its
 * field (relative to "outer", an enclosing EACH, or NULL).
 */
ngx_er_condition_t *ngx_er_condition_block(ngx_pool_t *pool,
    ngx_er_condition_kind_e kind, ngx_str_t *path, ngx_er_condition_t *outer,
    ngx_er_fields_t *fields, ngx_er_error_t *err);

/*
 * One line: args are the words behind "when" (FIELD [not] OP VALUE ...);
 * "each" is the innermost enclosing EACH or NULL.  NULL with a sentence in err
 * if it cannot be compiled.
 */
ngx_er_condition_t *ngx_er_condition_test(ngx_pool_t *pool, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_condition_t *each, ngx_er_fields_t *fields,
    ngx_er_error_t *err);

/* PATTERN, SAMPLE; NULL: no memory */
ngx_er_condition_t *ngx_er_condition_whole(ngx_pool_t *pool,
    ngx_er_condition_kind_e kind, ngx_er_condition_holds_pt holds,
    ngx_er_condition_accesses_pt accesses, void *data);

ngx_int_t ngx_er_condition_add(ngx_pool_t *pool, ngx_er_condition_t *block,
    ngx_er_condition_t *child);

/* where it stands, to be filled in; NULL: no memory */
ngx_er_condition_origin_t *ngx_er_condition_origin(ngx_pool_t *pool,
    ngx_er_condition_t *condition);

/*
 * The same condition in one piece of memory, at p, which is aligned to a line
 * and has room for pack_size(); returns what is behind it.  From then on
 * neither may change.  A condition has one pack: then its
 * size is 0, and pack() does nothing.
 */
size_t ngx_er_condition_pack_size(ngx_er_condition_t *condition);
u_char *ngx_er_condition_pack(ngx_er_condition_t *condition, u_char *p);


#endif /* _NGX_ER_CONDITION_H_INCLUDED_ */
