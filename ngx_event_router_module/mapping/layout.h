
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A layout: a template of JSON with places, compiled into one list of pieces.
 * Its language is in docs/mapping.md.
 */


#ifndef _NGX_ER_LAYOUT_H_INCLUDED_
#define _NGX_ER_LAYOUT_H_INCLUDED_


#include "layout_filter.h"
#include "layout_table.h"
#include "../route/condition.h"


#define NGX_ER_LAYOUT_MAX      (1024 * 1024)  /* bytes of a template */
#define NGX_ER_LAYOUT_DEPTH    64      /* of it, nested: arrays, objects, if */
#define NGX_ER_LAYOUT_EACHES   8       /* each in each */


/* whose bytes a field is in */

typedef enum {
    NGX_ER_LAYOUT_DATA = 0,            /* "data" of the event */
    NGX_ER_LAYOUT_ELEMENT,             /* the element of "split" */
    NGX_ER_LAYOUT_DOCUMENTS
} ngx_er_layout_document_e;


typedef struct ngx_er_layout_each_s  ngx_er_layout_each_t;

struct ngx_er_layout_each_s {
    ngx_er_layout_document_e   document;
    ngx_uint_t                 number;     /* of all, from 0 */
    ngx_uint_t                 depth;      /* how many are around it */
    ngx_er_condition_t        *condition;  /* an EACH without lines: its field
                                              and what "." means in it */
    ngx_er_layout_each_t      *outer;      /* whose element it is in; NULL: it
                                              is of the whole document */
};


typedef struct {
    ngx_er_layout_document_e   document;
    ngx_uint_t                 number;     /* of all, from 0 */
    ngx_uint_t                 line;
    ngx_er_condition_t        *condition;
    ngx_er_layout_each_t      *each;       /* it is about this one's element;
                                              NULL: about the event */
} ngx_er_layout_test_t;


typedef struct {
    ngx_str_t                  text;       /* for people */
    ngx_uint_t                 line;
    ngx_er_layout_document_e   document;
    ngx_uint_t                 number;     /* of all, from 0 */
    ngx_uint_t                 field;      /* in the fields of the document */
    ngx_uint_t                 base;       /* steps of the field that lead to
                                              the element of the each */
    ngx_uint_t                 indices;    /* steps behind them that are an
                                              index: what they pick out is not
                                              crossed */
    ngx_array_t                arrays;     /* of ngx_uint_t: fields on the way
                                              to it that a key follows: if one
                                              is an array, it is crossed; of a
                                              place that is in no each */
    ngx_er_layout_each_t      *each;       /* it is in its element, or NULL */
    ngx_er_layout_table_t     *table;      /* NULL: none */
    ngx_array_t                filters;    /* of ngx_er_layout_filter_t */
    ngx_er_layout_item_t      *preset;     /* the default; NULL: none */
    ngx_str_t                  written;    /* it, as it stands in a body */
    unsigned                   self:1;     /* the element itself */
    unsigned                   optional:1; /* "?" */
    unsigned                   string:1;   /* in a string */
} ngx_er_layout_place_t;


/* what a piece does */

typedef enum {
    NGX_ER_LAYOUT_TEXT = 0,            /* writes bytes */
    NGX_ER_LAYOUT_MARK,                /* a member or element begins that may
                                          vanish */
    NGX_ER_LAYOUT_COMMA,               /* unless it is the first one */
    NGX_ER_LAYOUT_PLACE,               /* "to" if it vanishes */
    NGX_ER_LAYOUT_VANISH,              /* back to the mark, and on at "to" */
    NGX_ER_LAYOUT_IF,                  /* "to" if it does not hold */
    NGX_ER_LAYOUT_JUMP,                /* on at "to" */
    NGX_ER_LAYOUT_EACH,                /* "to" if there is none any more */
    NGX_ER_LAYOUT_NEXT                 /* to the EACH at "to" */
} ngx_er_layout_piece_e;


typedef struct {
    ngx_er_layout_piece_e      kind;
    uint32_t                   to;         /* an index in the pieces */

    union {
        ngx_str_t              text;
        ngx_er_layout_place_t *place;
        ngx_er_layout_test_t  *test;
        ngx_er_layout_each_t  *each;
    } u;
} ngx_er_layout_piece_t;


typedef struct {
    ngx_str_t                  name;       /* of the file, for people */
    ngx_str_t                  relative;   /* the first field that begins with
                                              "." and is not in an each: the
                                              target must have "split"; empty:
                                              none */
    ngx_str_t                  note;       /* of an {if} that says something
                                              else than it seems to: its place
                                              and a sentence; empty: none */
    ngx_array_t                pieces;     /* of ngx_er_layout_piece_t */
    ngx_er_fields_t           *fields[NGX_ER_LAYOUT_DOCUMENTS];
    ngx_uint_t                 places;     /* how many there are */
    ngx_uint_t                 tests;
    ngx_uint_t                 eaches;
    size_t                     text;       /* bytes of what is written as it
                                              stands */
} ngx_er_layout_t;


/* the text of a file that a template names; NGX_ERROR: a sentence in err */
typedef ngx_int_t (*ngx_er_layout_file_pt)(void *data, ngx_str_t *name,
    ngx_str_t *text, ngx_er_error_t *err);


/*
 * Compiles the text of a template, which must outlive the layout.  All is in
 * the pool, which must live as long as the configuration.  NULL: err has
 * "NAME:LINE:COLUMN: what is wrong".
 */
ngx_er_layout_t *ngx_er_layout_compile(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *text, ngx_er_layout_file_pt file, void *data,
    ngx_er_error_t *err);


#endif /* _NGX_ER_LAYOUT_H_INCLUDED_ */
