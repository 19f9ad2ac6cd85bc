
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The one-pass guard and extractor for JSON (RFC 8259): it stands in front of
 * everything that reads a body.  It checks the whole document and hands out
 * the values of the fields that the configuration names; nothing is allocated
 * for what no field names.
 */


#ifndef _NGX_ER_SCAN_H_INCLUDED_
#define _NGX_ER_SCAN_H_INCLUDED_


#include "../base/base.h"


typedef enum {
    NGX_ER_STRING = 1,
    NGX_ER_NUMBER,
    NGX_ER_BOOLEAN,
    NGX_ER_NULL,
    NGX_ER_ARRAY,
    NGX_ER_OBJECT
} ngx_er_type_e;


/*
 * One element of one array of the document.  There is exactly one such record
 * for an element in a scan, so pointers compare: two values stand in the same
 * line item if and only if their chains share that element.  But elements that
 * an index from the end leads to have one of their own, and so has what is in
 * them: their paths have that index in common.
 */

typedef struct ngx_er_element_s  ngx_er_element_t;

struct ngx_er_element_s {
    ngx_er_element_t      *parent;     /* NULL: in no outer array */
    uint32_t               index;
    uint32_t               array;      /* its number in the document */
};


/* what one document says for one path; it can say several */

typedef struct ngx_er_value_s  ngx_er_value_t;

struct ngx_er_value_s {
    ngx_er_value_t        *next;       /* in document order */
    ngx_str_t              text;       /* STRING: decoded; else as it stands */
    ngx_er_element_t      *element;    /* NULL: in no array */
    unsigned               type:4;     /* ngx_er_type_e */
    unsigned               crossed:1;  /* an element of an array that is itself
                                          a value of this field */
    unsigned               empty:1;    /* "", [] or {} */
    unsigned               unreadable:1;  /* STRING: not UTF-8, or with half of
                                             a surrogate pair: the text is the
                                             producer's bytes, and meets no
                                             VALUE */
    uint32_t               tail;       /* bytes from its first one to the end
                                          of the body, quotes included */
};


#define NGX_ER_STEP_KEY    NGX_MAX_INT_T_VALUE
#define NGX_ER_STEP_ANY    (NGX_MAX_INT_T_VALUE - 1)    /* key */


/* of a path */

typedef struct {
    ngx_str_t              key;
    ngx_int_t              index;      /* of an array, below 0 from its end
                                          (-1: the last element); or
                                          NGX_ER_STEP_KEY, NGX_ER_STEP_ANY */
} ngx_er_step_t;


typedef struct {
    ngx_uint_t             depth;      /* nested arrays and objects: 64 */
    ngx_uint_t             nodes;      /* values in the document: 100000 */
    size_t                 key;        /* bytes of a key as it stands: 1024 */
    size_t                 string;     /* bytes of a string: 0 is no limit */
    size_t                 number;     /* bytes of a number: 128 */
    ngx_uint_t             found;      /* of them, those that are handed out:
                                          10000 */
} ngx_er_scan_limits_t;


typedef enum {
    NGX_ER_SCAN_OK = 0,
    NGX_ER_SCAN_SYNTAX,
    NGX_ER_SCAN_EMPTY,                 /* nothing but blanks */
    NGX_ER_SCAN_TRAILING,              /* something after the document */
    NGX_ER_SCAN_UTF8,                  /* UTF-16; beside strings; strict: in
                                          them too, also lone surrogates */
    NGX_ER_SCAN_BOM,                   /* strict */
    NGX_ER_SCAN_NUL,                   /* raw NUL; strict: \u0000 in a key */
    NGX_ER_SCAN_DEPTH,
    NGX_ER_SCAN_NODES,
    NGX_ER_SCAN_KEY,
    NGX_ER_SCAN_STRING,
    NGX_ER_SCAN_NUMBER,                /* too long; strict: beyond binary64's
                                          range, an integer of over 20
                                          digits */
    NGX_ER_SCAN_DUPLICATE,             /* a named key twice in one object */
    NGX_ER_SCAN_BOUNDARY,              /* multipart: of Content-Type */
    NGX_ER_SCAN_DELIMITER,             /* a line with the boundary */
    NGX_ER_SCAN_PART,                  /* headers of a part */
    NGX_ER_SCAN_PARTS,                 /* too many of them */
    NGX_ER_SCAN_CUT,                   /* the last one does not end */
    NGX_ER_SCAN_FOUND                  /* too many values of named fields */
} ngx_er_scan_error_e;


typedef struct ngx_er_paths_s  ngx_er_paths_t;    /* paths.h */


typedef struct {
    ngx_pool_t            *pool;       /* values and elements come from here */
    ngx_er_scan_limits_t  *limits;
    ngx_er_paths_t        *paths;      /* NULL: guard only */
    ngx_er_value_t       **values;     /* by slot, zeroed by the caller */
    ngx_str_t              root;       /* empty, or the key of the top object
                                          under which the paths begin ("data"
                                          of a structured CloudEvent) */
    ngx_er_scan_error_e    error;      /* out */
    size_t                 offset;     /* out: of the offending byte; of what
                                          is too long or twice, its first */
    ngx_str_t              key;        /* out: of DUPLICATE, as the
                                          configuration has it */
    unsigned               inner:1;    /* parse.c's own: DECLINED for what is
                                          in a document in the body */
    unsigned               odd:1;      /* out: there is what a strict scan
                                          refuses */
    unsigned               portable:1; /* without SSE2; the answers are the
                                          same, tests compare them */
    unsigned               strict:1;   /* refuses what not every reader of JSON
                                          takes: for files of ours, and before
                                          a tree is built */
} ngx_er_scan_t;


void ngx_er_scan_limits_default(ngx_er_scan_limits_t *limits);

/* how many values a body of "size" bytes may have: a document has fewer */
ngx_uint_t ngx_er_scan_nodes(size_t size);

/*
 * NGX_OK; NGX_DECLINED: not acceptable, s->error and s->offset say why;
 * NGX_ERROR: no memory.  Values point into the body, which must outlive them,
 * or, where an escape had to be decoded, into s->pool.  On NGX_DECLINED the
 * values found so far are cleared.  A byte order mark of UTF-8 is skipped.  A
 * string that is not UTF-8 is a value that is unreadable; such a key leads
 * nowhere.
 */
ngx_int_t ngx_er_scan(ngx_er_scan_t *s, ngx_str_t *body);

/*
 * Splits a JSON array into the bytes of its elements, after checking the whole
 * document.  elements: of ngx_str_t.  Returns as ngx_er_scan(); a top-level
 * value other than an array is NGX_ER_SCAN_SYNTAX; more than max elements
 * NGX_ER_SCAN_FOUND.
 */
ngx_int_t ngx_er_scan_split(ngx_er_scan_t *s, ngx_str_t *body,
    ngx_array_t *elements, ngx_uint_t max);

/* for form.c: turns the lists of values round, or clears them */
void ngx_er_scan_finish(ngx_er_scan_t *s, ngx_int_t rc);

/* behind a value inside of a document that was checked before */
u_char *ngx_er_scan_skip(u_char *p);

/* a short phrase without any byte of the body: "bad UTF-8" */
const char *ngx_er_scan_reason(ngx_er_scan_error_e error);


#endif /* _NGX_ER_SCAN_H_INCLUDED_ */
