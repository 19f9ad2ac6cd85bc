
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The state of one scan, and what the guard's loop calls as it goes: a
 * container begins and ends, a key is read, an element begins, a value was
 * read whose places are not empty.  For scan.c alone.
 */


#ifndef _NGX_ER_EXTRACT_H_INCLUDED_
#define _NGX_ER_EXTRACT_H_INCLUDED_


#include "lexer.h"
#include "paths.h"


/* the value is one of this node's; node NULL: s->root leads to the root */

typedef struct {
    ngx_er_node_t         *node;
    ngx_uint_t             crossed;    /* came here through its own array */
} ngx_er_scan_place_t;


/* an array or object that is not closed yet */

typedef struct {
    ngx_er_element_t      *element;    /* array: the record of the element at
                                          hand, once somebody needed it */
    uint32_t               index;      /* array: of the element at hand */
    uint32_t               object;     /* its number, from 1; 0: an array */
    uint32_t               array;      /* its number, from 1; 0: an object */
    uint32_t               places;     /* in sc->places */
    uint32_t               nplaces;
    uint32_t               open;       /* in sc->open: its values */
} ngx_er_scan_frame_t;


typedef struct {
    ngx_er_lexer_t         lexer;      /* error NGX_ER_SCAN_OK after a failure:
                                          no memory */
    ngx_er_scan_t         *s;

    ngx_er_scan_frame_t   *frames;
    ngx_er_scan_place_t   *places;
    ngx_er_value_t       **open;       /* containers' values, their length is
                                          not known yet */
    ngx_uint_t             aframes;
    ngx_uint_t             aplaces;
    ngx_uint_t             aopen;

    ngx_uint_t             depth;
    ngx_uint_t             first;      /* the places of the value at hand */
    ngx_uint_t             count;
    ngx_uint_t             nopen;

    ngx_uint_t             nodes;
    ngx_uint_t             found;
    uint32_t              *seen;       /* by node: the last object that had it
                                          as a key */
    u_char                *scratch;    /* for a key with escapes */
    size_t                 longest;    /* named key */
} ngx_er_scanner_t;


/*
 * All return NULL or NGX_ERROR after a failure: the lexer's error says which.
 * start and last are the first byte of a token and the one behind it; of a key
 * they are its quotes.  p is the bracket, at the end the byte behind it.
 */

ngx_er_scan_frame_t *ngx_er_extract_push(ngx_er_scanner_t *sc, u_char *p);
void ngx_er_extract_pop(ngx_er_scanner_t *sc, u_char *p, ngx_uint_t empty);
u_char *ngx_er_extract_key(ngx_er_scanner_t *sc, u_char *start, u_char *last);
ngx_int_t ngx_er_extract_enter(ngx_er_scanner_t *sc,
    ngx_er_scan_frame_t *frame);
u_char *ngx_er_extract_found(ngx_er_scanner_t *sc, ngx_er_type_e type,
    u_char *start, u_char *last);


/*
 * Whether a key is certainly none of the named ones: so are nearly all, and
 * ngx_er_extract_key() would have nothing to do.
 */

static ngx_er_inline ngx_uint_t
ngx_er_extract_foreign(ngx_er_scanner_t *sc, ngx_er_scan_frame_t *frame,
    u_char *key, size_t len)
{
    ngx_er_node_t  *node;

    if (frame->nplaces != 1 || sc->lexer.marks) {
        return frame->nplaces == 0;
    }

    node = sc->places[frame->places].node;

    return node && (node->filter & ngx_er_node_bit(key, len)) == 0;
}


#endif /* _NGX_ER_EXTRACT_H_INCLUDED_ */
