
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fields and facts.  A field is something that nginx.conf can ask about an
 * event ("type", "data.line_items.sku", "header.X-Name").  A value is what one
 * event says for one field; arrays are crossed, so a field can have many.
 * Facts are all values of one event, by the index of the field in the table.
 */


#ifndef _NGX_ER_FIELD_H_INCLUDED_
#define _NGX_ER_FIELD_H_INCLUDED_


#include "../ingest/scan.h"


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
    NGX_ER_FIELD_VARIABLE,
    NGX_ER_FIELD_STATUS                /* of a target's answer */
} ngx_er_field_kind_e;


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
                                          filled in by route_bind.c */
} ngx_er_field_t;


/* reads a field as ngx_er_field_parse() does */
typedef ngx_int_t (*ngx_er_field_parse_pt)(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err);


/* the fields that the configuration asks of all sources, each of them once;
   or those that it asks of the answers of one target */

typedef struct {
    ngx_pool_t            *pool;
    ngx_er_field_parse_pt  parse;      /* which fields there are */
    ngx_array_t            list;       /* of ngx_er_field_t */
    ngx_rbtree_t           texts;      /* their indices by text */
    ngx_rbtree_node_t      sentinel;
    ngx_er_paths_t        *paths;      /* its DATA fields, slot = index */
} ngx_er_fields_t;


typedef struct ngx_er_facts_s  ngx_er_facts_t;


/* what the rules of an event may cost: budget.h */

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
    time_t                *received;   /* when the event came; NULL: now */
    ngx_er_budget_t        budget;
    unsigned               undecided:1;  /* whether some rule holds could not
                                            be told: no time, no memory */
    unsigned               form:1;     /* the body was a form, not JSON */
    unsigned               exact:1;    /* undecided also by a text that is too
                                          long for a regular expression */
};


/*
 * Reads a field as it stands in nginx.conf, for example
 *     type   data.a.b   data.items[0].sku   data."odd.key"   header.X-Name
 *     arg.name   $variable
 * "base", when not NULL, is the DATA field of an enclosing "each": then a
 * FIELD that begins with "." is relative to its element (".sku"; "." alone is
 * the element itself).  Returns NGX_OK, or NGX_ERROR with a sentence in err
 * (memory shortage too).  Strings and steps are in the pool or in "text".
 */
ngx_int_t ngx_er_field_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err);

/*
 * The same where variables are refused, because an event may be stored in
 * between: its sentences do not name them.  The caller refuses them.
 */
ngx_int_t ngx_er_field_stored(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err);

/*
 * The parts of it, for other roots than an event's: a path behind the first
 * "prefix" bytes of the text, which are its root, and a name behind them; the
 * caller has set field->kind for the latter.
 */
ngx_int_t ngx_er_field_path(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *field, ngx_er_error_t *err);
ngx_int_t ngx_er_field_named(ngx_pool_t *pool, ngx_str_t *text,
    size_t prefix, ngx_er_field_t *field, ngx_er_error_t *err);

/* 1: it looks like a field that is no attribute: "data.x", "$x" */
ngx_uint_t ngx_er_field_begins(ngx_str_t *text);

/*
 * For who needs one place of the body, or an array: NGX_ERROR with a sentence
 * if the field has a "*" in its path, or, without "tails", an index from the
 * end.  "who" is what cannot take it.
 */
ngx_int_t ngx_er_field_definite(ngx_er_field_t *field, ngx_uint_t tails,
    const char *who, ngx_er_error_t *err);

/* the text of a DATA field, from its steps; NGX_ERROR with a sentence */
ngx_int_t ngx_er_field_write(ngx_pool_t *pool, ngx_er_field_t *field,
    ngx_er_error_t *err);

/* an empty table of fields of events, or NULL: no memory */
ngx_er_fields_t *ngx_er_fields_create(ngx_pool_t *pool);

/* the index of a field that has this text as it stands in nginx.conf, outside
   of "each"; NGX_DECLINED: none so far, or another text of it is known */
ngx_int_t ngx_er_fields_find(ngx_er_fields_t *fields, ngx_str_t *text);

/* returns the index of the field in the table, adding a copy of it if it is
   new (and its path to fields->paths), or NGX_ERROR: no memory */
ngx_int_t ngx_er_fields_add(ngx_er_fields_t *fields, ngx_er_field_t *field);

/* facts of which none is known yet, or NULL: no memory */
ngx_er_facts_t *ngx_er_facts_create(ngx_pool_t *pool, ngx_er_fields_t *fields);

/* the first value of a field or NULL, asking get() once */
ngx_er_value_t *ngx_er_fact(ngx_er_facts_t *facts, ngx_uint_t index);

/* the time that rules call "now", in seconds: the same for an event whenever
   it is looked at */
time_t ngx_er_facts_now(ngx_er_facts_t *facts);


#endif /* _NGX_ER_FIELD_H_INCLUDED_ */
