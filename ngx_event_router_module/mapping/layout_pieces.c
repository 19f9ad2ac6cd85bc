
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The list of pieces that a template becomes.  The reader of the template adds
 * them in the order in which they are written, also such as it may not need;
 * at the end those go and texts side by side become one.  All texts are in one
 * buffer, one behind another, so that is a matter of their lengths.
 *
 * A piece that leads to another one has its index.  While the list grows the
 * index is known when what it leads to is added; when it shrinks, all are
 * moved.
 *
 * Called by layout.c.  Pure.  Only memory can fail.
 */


#include "layout_pieces.h"


static ngx_int_t ngx_er_layout_pieces_move(ngx_er_layout_pieces_t *pieces,
    ngx_er_layout_t *layout, u_char *led, uint32_t *now);
static ngx_uint_t ngx_er_layout_pieces_leads(ngx_er_layout_piece_t *piece);


ngx_int_t
ngx_er_layout_pieces_init(ngx_er_layout_pieces_t *pieces, ngx_pool_t *pool,
    size_t size)
{
    pieces->text = ngx_pnalloc(pool, size);
    if (pieces->text == NULL) {
        return NGX_ERROR;
    }

    pieces->label = 0;

    return ngx_array_init(&pieces->list, pool, 16,
                          sizeof(ngx_er_layout_piece_t));
}


ngx_int_t
ngx_er_layout_pieces_add(ngx_er_layout_pieces_t *pieces,
    ngx_er_layout_piece_e kind, void *what)
{
    ngx_er_layout_piece_t  *piece;

    piece = ngx_array_push(&pieces->list);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(piece, sizeof(ngx_er_layout_piece_t));

    piece->kind = kind;

    if (what) {
        piece->u.place = what;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_layout_pieces_text(ngx_er_layout_pieces_t *pieces, const void *text,
    size_t len)
{
    ngx_uint_t              n;
    ngx_er_layout_piece_t  *piece;

    n = pieces->list.nelts;
    piece = pieces->list.elts;

    if (n == 0 || piece[n - 1].kind != NGX_ER_LAYOUT_TEXT
        || pieces->label == n)
    {
        if (ngx_er_layout_pieces_add(pieces, NGX_ER_LAYOUT_TEXT, NULL)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        piece = pieces->list.elts;
        piece[n].u.text.data = pieces->text;
        n++;
    }

    piece[n - 1].u.text.len += len;

    pieces->text = ngx_cpymem(pieces->text, text, len);

    return NGX_OK;
}


void
ngx_er_layout_pieces_lead(ngx_er_layout_pieces_t *pieces, ngx_uint_t piece)
{
    pieces->label = pieces->list.nelts;
    ((ngx_er_layout_piece_t *) pieces->list.elts)[piece].to = pieces->label;
}


void
ngx_er_layout_pieces_back(ngx_er_layout_pieces_t *pieces, ngx_uint_t each)
{
    ngx_er_layout_piece_t  *piece;

    piece = pieces->list.elts;
    piece[pieces->list.nelts - 1].to = each;

    ngx_er_layout_pieces_lead(pieces, each);
}


/* an empty text goes with the others */

void
ngx_er_layout_pieces_drop(ngx_er_layout_pieces_t *pieces, ngx_uint_t mark)
{
    ngx_er_layout_piece_t  *piece;

    piece = pieces->list.elts;
    piece[mark].kind = NGX_ER_LAYOUT_TEXT;
}


ngx_int_t
ngx_er_layout_pieces_squeeze(ngx_er_layout_pieces_t *pieces,
    ngx_er_layout_t *layout)
{
    u_char                 *led;
    uint32_t               *now;
    ngx_uint_t              i, n;
    ngx_pool_t             *pool;
    ngx_er_layout_piece_t  *piece;

    pool = pieces->list.pool;
    piece = pieces->list.elts;
    n = pieces->list.nelts;

    led = ngx_pcalloc(pool, n + 1);
    now = ngx_palloc(pool, (n + 1) * sizeof(uint32_t));

    if (led == NULL || now == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_er_layout_pieces_leads(&piece[i])) {
            led[piece[i].to] = 1;
        }
    }

    if (ngx_er_layout_pieces_move(pieces, layout, led, now) != NGX_OK) {
        return NGX_ERROR;
    }

    piece = layout->pieces.elts;

    for (i = 0; i < layout->pieces.nelts; i++) {
        piece[i].to = now[piece[i].to];
    }

    return NGX_OK;
}


/* led: to which pieces something leads; now: out, where each of them is */

static ngx_int_t
ngx_er_layout_pieces_move(ngx_er_layout_pieces_t *pieces,
    ngx_er_layout_t *layout, u_char *led, uint32_t *now)
{
    ngx_uint_t              i, n, apart;
    ngx_er_layout_piece_t  *piece, *last;

    piece = pieces->list.elts;
    n = pieces->list.nelts;

    if (ngx_array_init(&layout->pieces, pieces->list.pool, n,
                       sizeof(ngx_er_layout_piece_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    last = NULL;
    apart = 0;

    for (i = 0; i < n; i++) {
        now[i] = layout->pieces.nelts;
        apart |= led[i];

        if (piece[i].kind == NGX_ER_LAYOUT_TEXT) {
            layout->text += piece[i].u.text.len;

            if (piece[i].u.text.len == 0) {
                continue;
            }

            if (last && last->kind == NGX_ER_LAYOUT_TEXT && !apart) {
                last->u.text.len += piece[i].u.text.len;
                continue;
            }
        }

        /* there is room for all of them */

        last = (ngx_er_layout_piece_t *) layout->pieces.elts
               + layout->pieces.nelts++;
        *last = piece[i];
        apart = 0;
    }

    now[n] = layout->pieces.nelts;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_layout_pieces_leads(ngx_er_layout_piece_t *piece)
{
    switch (piece->kind) {

    case NGX_ER_LAYOUT_VANISH:
    case NGX_ER_LAYOUT_IF:
    case NGX_ER_LAYOUT_JUMP:
    case NGX_ER_LAYOUT_EACH:
    case NGX_ER_LAYOUT_NEXT:
        return 1;

    case NGX_ER_LAYOUT_PLACE:
        return piece->u.place->optional;

    default:
        return 0;
    }
}
