
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Searching in the texts of events, which can be as long as a body.  Called by
 * comparison.c for "contains" and "like" and by check.c for wildcards.
 *
 * Time is as good as linear for ordinary texts.  Those that are made to be
 * slow cannot keep the event loop: a text is searched piece by piece, and what
 * it took is taken from the budget of the event.  Nothing allocates or fails.
 */


#include "text.h"
#include "budget.h"


#define NGX_ER_TEXT_CHUNK  32768       /* bytes that are searched at once */


static u_char *ngx_er_text_find_folded(ngx_er_facts_t *facts, u_char *p,
    u_char *last, ngx_str_t *piece);
static u_char *ngx_er_text_next(u_char *p, u_char *stop, u_char c);


ngx_uint_t
ngx_er_text_same(u_char *p, ngx_str_t *piece, ngx_uint_t fold)
{
    ngx_uint_t  i;

    if (piece->len == 0) {
        return 1;
    }

    if (!fold) {
        return ngx_memcmp(p, piece->data, piece->len) == 0;
    }

    for (i = 0; i < piece->len; i++) {
        if (ngx_tolower(p[i]) != piece->data[i]) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_er_text_compare(ngx_str_t *a, ngx_str_t *b)
{
    size_t     n;
    ngx_int_t  rc;

    n = ngx_min(a->len, b->len);
    rc = n ? ngx_memcmp(a->data, b->data, n) : 0;

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


u_char *
ngx_er_text_find(ngx_er_facts_t *facts, u_char *p, u_char *last,
    ngx_str_t *piece, ngx_uint_t fold)
{
    size_t   n;
    u_char  *found;

    if (piece->len == 0) {
        return p;
    }

    if (fold) {
        return ngx_er_text_find_folded(facts, p, last, piece);
    }

    while ((size_t) (last - p) >= piece->len) {

        n = ngx_min((size_t) (last - p), NGX_ER_TEXT_CHUNK + piece->len);

        found = memmem(p, n, piece->data, piece->len);

        if (!ngx_er_budget_take(facts, n)) {
            return NULL;
        }

        if (found) {
            return found;
        }

        p += n - piece->len + 1;
    }

    return NULL;
}


/* from one byte that is the first of the piece, in either case, to the next */

static u_char *
ngx_er_text_find_folded(ngx_er_facts_t *facts, u_char *p, u_char *last,
    ngx_str_t *piece)
{
    size_t   i, work;
    u_char  *stop, *lower, *upper, *from;

    if ((size_t) (last - p) < piece->len) {
        return NULL;
    }

    stop = last - piece->len + 1;      /* behind the last place */
    lower = NULL;
    upper = NULL;
    work = 0;

    while (p < stop) {
        from = p;

        if (lower < p) {
            lower = ngx_er_text_next(p, stop, piece->data[0]);
        }

        if (upper < p) {
            upper = ngx_er_text_next(p, stop, ngx_toupper(piece->data[0]));
        }

        p = ngx_min(lower, upper);

        for (i = 0; p < stop && i < piece->len; i++) {
            if (ngx_tolower(p[i]) != piece->data[i]) {
                break;
            }
        }

        work += (p - from) / 8 + i + 1;

        if (work >= NGX_ER_TEXT_CHUNK) {

            if (!ngx_er_budget_take(facts, work)) {
                return NULL;
            }

            work = 0;
        }

        if (i == piece->len) {
            break;
        }

        p++;
    }

    return ngx_er_budget_take(facts, work) && p < stop ? p : NULL;
}


static u_char *
ngx_er_text_next(u_char *p, u_char *stop, u_char c)
{
    u_char  *next;

    next = memchr(p, c, stop - p);

    return next ? next : stop;
}


/*
 * The first piece begins the text, the last one ends it, and those between
 * them follow each other; taking the leftmost place for each is always right.
 */

ngx_uint_t
ngx_er_text_like(ngx_er_facts_t *facts, ngx_str_t *text, ngx_array_t *pieces,
    ngx_uint_t fold)
{
    u_char      *p, *last;
    ngx_str_t   *piece;
    ngx_uint_t   i, n;

    piece = pieces->elts;
    n = pieces->nelts - 1;

    if (text->len < piece[0].len
        || !ngx_er_text_same(text->data, &piece[0], fold))
    {
        return 0;
    }

    if (n == 0) {
        return text->len == piece[0].len;
    }

    p = text->data + piece[0].len;
    last = text->data + text->len;

    for (i = 1; i < n; i++) {
        p = ngx_er_text_find(facts, p, last, &piece[i], fold);
        if (p == NULL) {
            return 0;
        }

        p += piece[i].len;
    }

    return (size_t) (last - p) >= piece[n].len
           && ngx_er_text_same(last - piece[n].len, &piece[n], fold);
}
