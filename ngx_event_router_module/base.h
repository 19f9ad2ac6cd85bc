
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What every room knows: values, fields and facts.  This header and the files
 * that include nothing above it are pure: they need nginx's core (pools,
 * strings, arrays), never ngx_http.h, so that they can be unit-tested and
 * fuzzed alone.
 *
 * The words.  A field is something that nginx.conf can ask about an event
 * ("type", "data.line_items.sku", "header.X-Name").  A value is what one event
 * says for one field; arrays are crossed, so a field can have many.  Facts are
 * all values of one event, by the index of the field in the table.
 */


#ifndef _NGX_ER_BASE_H_INCLUDED_
#define _NGX_ER_BASE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ER_ERROR_LEN  512


/* a sentence for a person: what is wrong in nginx.conf and the way out */

typedef struct {
    size_t                 len;
    u_char                 text[NGX_ER_ERROR_LEN];
} ngx_er_error_t;


/* formats as ngx_snprintf() does and cuts at NGX_ER_ERROR_LEN */
void ngx_er_error(ngx_er_error_t *err, const char *fmt, ...);

/* MurmurHash2, for tables in a process: whoever may choose the bytes can make
   collisions */
uint32_t ngx_er_hash(u_char *data, size_t len);

/* the first bytes of a dedup key, for debug logs: "%08xD" shows them as hex */
#define ngx_er_key32(key)                                                     \
    ((uint32_t) (key)[0] << 24 | (uint32_t) (key)[1] << 16                    \
     | (uint32_t) (key)[2] << 8 | (uint32_t) (key)[3])

/* FNV-1a: names of targets and sources in stores, so it never changes */
uint64_t ngx_er_hash64(ngx_str_t *text);

/* a faster one for long texts, never 0; kept in stores.  It tells texts apart
   that nobody made to look alike */
uint64_t ngx_er_print64(ngx_str_t *text);

/* the end of one character of two to four bytes, or NULL: not UTF-8 */
u_char *ngx_er_utf8(u_char *p, u_char *end);


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
 * line item if and only if their chains share that element.
 */

typedef struct ngx_er_element_s  ngx_er_element_t;

struct ngx_er_element_s {
    ngx_er_element_t      *parent;     /* NULL: in no outer array */
    uint32_t               index;
    uint32_t               array;      /* its number in the document */
};


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


typedef enum {
    NGX_ER_FIELD_ID = 0,
    NGX_ER_FIELD_TYPE,
    NGX_ER_FIELD_SOURCE,
    NGX_ER_FIELD_SUBJECT,
    NGX_ER_FIELD_TIME,
    NGX_ER_FIELD_CONTENT_TYPE,
    NGX_ER_FIELD_SPECVERSION,
    NGX_ER_FIELD_DATA,
    NGX_ER_FIELD_HEADER,
    NGX_ER_FIELD_ARG,
    NGX_ER_FIELD_VARIABLE
} ngx_er_field_kind_e;


#define NGX_ER_STEP_KEY    ((ngx_int_t) -1)


typedef struct {
    ngx_str_t              key;
    ngx_int_t              index;      /* of an array, or NGX_ER_STEP_KEY */
} ngx_er_step_t;


typedef struct {
    ngx_er_field_kind_e    kind;
    ngx_str_t              text;       /* normalized: equal text is an
                                          equal field */
    ngx_str_t              name;       /* HEADER, ARG, VARIABLE: without the
                                          "header.", "arg." or "$"; DATA: for
                                          people, if the text is not */
    ngx_array_t            steps;      /* DATA: of ngx_er_step_t, may be empty:
                                          the whole of data */
    ngx_int_t              variable;   /* VARIABLE: index in nginx's table,
                                          filled in by route/link.c */
} ngx_er_field_t;


typedef struct ngx_er_paths_s  ngx_er_paths_t;    /* ingest/scan.h */


/* the fields that the configuration asks of all sources, each of them once */

typedef struct {
    ngx_pool_t            *pool;
    ngx_array_t            list;       /* of ngx_er_field_t */
    ngx_rbtree_t           texts;      /* their indices by text */
    ngx_rbtree_node_t      sentinel;
    ngx_er_paths_t        *paths;      /* its DATA fields, slot = index */
} ngx_er_fields_t;


typedef struct ngx_er_facts_s  ngx_er_facts_t;


/* what the rules of an event may cost: route/budget.h */

typedef struct {
    uint64_t               end;        /* CPU time, ns; 0: not begun */
    uint64_t               seen;       /* the last look at the clock */
    uint64_t               took;       /* from the one before it to that */
    size_t                 work;       /* since then, in units */
    unsigned               spent:1;
} ngx_er_budget_t;


/* fetches a field that is not in the body; NULL: missing */
typedef ngx_er_value_t *(*ngx_er_facts_get_pt)(ngx_er_facts_t *facts,
    ngx_er_field_t *field);


struct ngx_er_facts_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_value_t       **values;     /* by field index, NULL: missing */
    u_char                *known;      /* by field index: get() was asked */
    ngx_er_facts_get_pt    get;        /* for all kinds but DATA */
    void                  *data;       /* get()'s own */
    ngx_er_budget_t        budget;
    unsigned               undecided:1;  /* whether some rule holds could not
                                            be told: no time, no memory */
    unsigned               form:1;     /* the body was a form, not JSON */
};


/*
 * route/field.c
 *
 * ngx_er_field_parse() reads a field as it stands in nginx.conf, for example
 *     type   data.a.b   data.items[0].sku   data."odd.key"   header.X-Name
 *     arg.name   $variable
 * "base", when not NULL, is the DATA field of an enclosing "each": then a
 * FIELD that begins with "." is relative to its element (".sku"; "." alone is
 * the element itself).  Returns NGX_OK, or NGX_ERROR with a sentence in err
 * (memory shortage too).  Strings and steps are in the pool or in "text".
 *
 * route/field.c
 *
 * ngx_er_fields_add() returns the index of the field in the table, adding it
 * if it is new (and its path to fields->paths), or NGX_ERROR: no memory.
 *
 * ngx_er_fact() returns the first value of a field or NULL, asking get() once.
 */

ngx_int_t ngx_er_field_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err);
ngx_er_fields_t *ngx_er_fields_create(ngx_pool_t *pool);
ngx_int_t ngx_er_fields_add(ngx_er_fields_t *fields, ngx_er_field_t *field);
ngx_er_facts_t *ngx_er_facts_create(ngx_pool_t *pool, ngx_er_fields_t *fields);
ngx_er_value_t *ngx_er_fact(ngx_er_facts_t *facts, ngx_uint_t index);


#endif /* _NGX_ER_BASE_H_INCLUDED_ */
