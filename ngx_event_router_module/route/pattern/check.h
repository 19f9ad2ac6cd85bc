
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The leaf of an event pattern: a path and what its values may be, in the
 * words of AWS EventBridge.  Compiled by leaf.c.
 */


#ifndef _NGX_ER_CHECK_H_INCLUDED_
#define _NGX_ER_CHECK_H_INCLUDED_


#include "document.h"
#include "../casefold.h"
#include "../field.h"
#include "../number.h"


#define NGX_ER_ADDRESS_LEN  16


typedef enum {
    NGX_ER_CHECK_WORD = 0,             /* true, false, null */
    NGX_ER_CHECK_NUMBER,
    NGX_ER_CHECK_RANGE,
    NGX_ER_CHECK_ADDRESS,              /* also what is an exact address */
    NGX_ER_CHECK_PREFIX,
    NGX_ER_CHECK_SUFFIX,
    NGX_ER_CHECK_WILDCARD,
    NGX_ER_CHECK_EQUAL_CI,
    NGX_ER_CHECK_PREFIX_CI,
    NGX_ER_CHECK_SUFFIX_CI
} ngx_er_check_e;


typedef struct {
    ngx_er_check_e         kind;
    unsigned               binary64:1; /* NUMBER: it is one exactly */
    unsigned               low:1;      /* RANGE: there is a lower bound */
    unsigned               high:1;
    unsigned               above:1;    /* and it is not included */
    unsigned               below:1;
    ngx_str_t              text;

    union {
        ngx_er_number_t    number;
        ngx_array_t        pieces;     /* WILDCARD: of ngx_str_t, what stands
                                          between the "*": one at least */
        ngx_array_t       *letters;    /* of ngx_er_letter_t */

        struct {
            ngx_er_number_t   low;
            ngx_er_number_t   high;
        } range;

        struct {
            u_char            bytes[NGX_ER_ADDRESS_LEN];
            ngx_uint_t        len;     /* 4 or 16 */
            ngx_uint_t        bits;
        } net;
    } u;
} ngx_er_check_t;


/* one of them holds */

typedef struct {
    ngx_array_t            exact;      /* of ngx_str_t, strings; sorted */
    ngx_array_t            list;       /* of ngx_er_check_t, all others */
} ngx_er_checks_t;


typedef struct {
    ngx_str_t              name;       /* keys joined by "." */
    ngx_er_tree_t         *json;       /* where it stands */
    ngx_uint_t             field;      /* in the table */
    ngx_uint_t             index;      /* in its pattern */
    ngx_er_checks_t        checks;
    ngx_array_t            buts;       /* of ngx_er_checks_t: anything but */
    unsigned               exists:1;   /* any value is right */
    unsigned               missing:1;  /* no value is right */
} ngx_er_leaf_t;


/* a value, not an array nor an object, is one of the alternatives */
ngx_uint_t ngx_er_leaf_meets(ngx_er_leaf_t *leaf, ngx_er_facts_t *facts,
    ngx_er_value_t *value);

/* for exact strings: by length, then by bytes */
int ngx_libc_cdecl ngx_er_check_order(const void *one, const void *two);

/* a number that binary64 can hold, which is all that "numeric" compares */
ngx_int_t ngx_er_check_binary64(ngx_str_t *text, ngx_er_number_t *number);

/* the number of bytes, 4 or 16; 0: not an address */
ngx_uint_t ngx_er_check_address(ngx_str_t *text, u_char *bytes);


#endif /* _NGX_ER_CHECK_H_INCLUDED_ */
