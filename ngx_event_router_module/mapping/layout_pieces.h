
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The pieces of a layout while it is compiled.
 */


#ifndef _NGX_ER_LAYOUT_PIECES_H_INCLUDED_
#define _NGX_ER_LAYOUT_PIECES_H_INCLUDED_


#include "layout.h"


typedef struct {
    ngx_array_t            list;       /* of ngx_er_layout_piece_t */
    u_char                *text;       /* where the next one is written */
    ngx_uint_t             label;      /* something leads to this piece */
} ngx_er_layout_pieces_t;


/* "size": bytes of all texts at most; NGX_ERROR: no memory */
ngx_int_t ngx_er_layout_pieces_init(ngx_er_layout_pieces_t *pieces,
    ngx_pool_t *pool, size_t size);

/* a piece at the end, "what" is in its union, or bytes; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_layout_pieces_add(ngx_er_layout_pieces_t *pieces,
    ngx_er_layout_piece_e kind, void *what);
ngx_int_t ngx_er_layout_pieces_text(ngx_er_layout_pieces_t *pieces,
    const void *text, size_t len);

/* the piece leads to what comes next */
void ngx_er_layout_pieces_lead(ngx_er_layout_pieces_t *pieces,
    ngx_uint_t piece);

/* the last one, a NEXT, leads to its EACH, and that one behind it */
void ngx_er_layout_pieces_back(ngx_er_layout_pieces_t *pieces,
    ngx_uint_t each);

/* a mark that nobody needs */
void ngx_er_layout_pieces_drop(ngx_er_layout_pieces_t *pieces,
    ngx_uint_t mark);

/* sets the layout's pieces and the bytes of its text; NGX_ERROR: no memory */
ngx_int_t ngx_er_layout_pieces_squeeze(ngx_er_layout_pieces_t *pieces,
    ngx_er_layout_t *layout);


#endif /* _NGX_ER_LAYOUT_PIECES_H_INCLUDED_ */
