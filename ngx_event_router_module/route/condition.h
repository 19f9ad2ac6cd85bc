
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
    ngx_er_condition_t        *elts;
    uint32_t                   nelts;
    uint32_t                   nalloc;
} ngx_er_condition_children_t;


/* made elsewhere, about the event as a whole */

typedef struct {
    ngx_er_condition_holds_pt     holds;
    ngx_er_condition_accesses_pt  accesses;  /* or NULL */
    void                         *data;
} ngx_er_condition_whole_t;


/* as it stands in nginx.conf; its text is behind this, and the name of its
   file, with a '\0', if that is another one than the route's */

typedef struct {
    uint32_t                   line;       /* 0: the text says where */
    unsigned                   len:31;     /* of the text */
    unsigned                   other:1;
} ngx_er_condition_origin_t;


#define ngx_er_condition_text(origin)  ((u_char *) ((origin) + 1))


/* small: with many routes the CPU must fetch it from memory */

struct ngx_er_condition_s {
    unsigned                   kind:3;     /* ngx_er_condition_kind_e */
    unsigned                   relative:1; /* the field begins with "." */
    unsigned                   element:1;  /* it is "." alone */
    unsigned                   plain:1;    /* of a pack: no each is in it */
    unsigned                   units:26;   /* of memory of a pack (pack.h); 0:
                                              this is none, or part of one */
    uint32_t                   field;      /* TEST, EACH */

    union {
        ngx_er_comparison_t          comparison;  /* TEST */
        ngx_er_condition_children_t  children;    /* ALL, ANY, NONE, EACH */
        ngx_er_condition_whole_t    *whole;       /* PATTERN, SAMPLE */
    } u;

    ngx_er_condition_origin_t *origin;     /* NULL: it is part of one that has
                                              an origin, or of none */
};


/*
 * A block; children are added to it when they are complete.  For EACH, "path"
 * is the text of its field (relative to "outer", an enclosing EACH, or NULL).
 * Conditions are in "pool" and point into their words, but for what a pack
 * shares with them: that is in the pool of the fields.
 */
ngx_er_condition_t *ngx_er_condition_block(ngx_pool_t *pool,
    ngx_er_condition_kind_e kind, ngx_str_t *path, ngx_er_condition_t *outer,
    ngx_er_fields_t *fields, ngx_er_error_t *err);

/*
 * One line: args are the words behind "when" (FIELD [not] [utf8] OP VALUE
 * ...);
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

/* a copy of the child, which must not change any more */
ngx_int_t ngx_er_condition_add(ngx_pool_t *pool, ngx_er_condition_t *block,
    ngx_er_condition_t *child);

/* where it stands, with room for a text of "len" bytes, which is to be filled
   in; in "pool" as long as packs of it are.  NULL: no memory */
ngx_er_condition_origin_t *ngx_er_condition_origin(ngx_pool_t *pool,
    ngx_er_condition_t *condition, size_t len);


#endif /* _NGX_ER_CONDITION_H_INCLUDED_ */
