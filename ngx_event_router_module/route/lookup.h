
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What must be true of an event for a condition to hold, in words that can be
 * looked up: an access.  An atom is about one value of one field; an access is
 * a list of atoms of which one at least must be true.
 */


#ifndef _NGX_ER_LOOKUP_H_INCLUDED_
#define _NGX_ER_LOOKUP_H_INCLUDED_


#include "condition.h"


#define NGX_ER_ACCESS_NONE  ((uint64_t) -1)

#define NGX_ER_ACCESS_TEXT  32         /* bytes of a prefix or suffix that are
                                          looked up */
#define NGX_ER_ACCESS_GRAM  4          /* and of a text within a text */


typedef enum {
    NGX_ER_ATOM_TEXT = 0,              /* a value is this text or number */
    NGX_ER_ATOM_PREFIX,                /* begins with it, in any case */
    NGX_ER_ATOM_SUFFIX,
    NGX_ER_ATOM_GRAM,                  /* has it somewhere */
    NGX_ER_ATOM_NET,                   /* an address in a network */
    NGX_ER_ATOM_RANGE,                 /* a number */
    NGX_ER_ATOM_PRESENT                /* whatever it is */
} ngx_er_atom_e;


typedef struct {
    ngx_er_atom_e          kind;
    ngx_uint_t             field;
    ngx_str_t              text;       /* TEXT, PREFIX, SUFFIX, GRAM */
    ngx_uint_t             number;     /* TEXT: the text is one, and equal
                                          numbers will do */
    double                 low;        /* RANGE: interval.h */
    double                 high;
    ngx_cidr_t            *cidr;       /* NET */
    unsigned               from:1;     /* RANGE: it has a lower end */
    unsigned               to:1;
} ngx_er_atom_t;


/* who looks for an access says what an atom costs: the cheapest is taken */

struct ngx_er_access_s {
    ngx_array_t            atoms;      /* of ngx_er_atom_t */
    uint64_t             (*cost)(ngx_er_access_t *a, ngx_er_atom_t *atom);
    void                  *data;       /* cost()'s own */
    ngx_uint_t             failed;     /* no memory */
};


/*
 * Appends the atoms of the cheapest access and returns what it costs;
 * NGX_ER_ACCESS_NONE: there is none.  cost() is asked of every atom that might
 * have been taken, once.
 */
uint64_t ngx_er_access(ngx_er_access_t *a, ngx_er_condition_t *condition);

/* the same of an event pattern; of the type that condition.h wants */
uint64_t ngx_er_pattern_accesses(void *pattern, ngx_er_access_t *a);


#endif /* _NGX_ER_LOOKUP_H_INCLUDED_ */
