
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Why a field has no value.  The scanner says what a path leads to, and of
 * {data.items.sku} it says nothing, whether there are no items or nobody knows
 * an item.  For a body these are two things: the one is "[]", the other is
 * missing.  In an element of an {each} that finds no value the path is walked
 * once more by itself; so it costs nothing where there is one.
 *
 * Called by layout_print.c.  Pure.  The document is one that the scanner has
 * checked, so no step is out of its bounds.
 */


#include "layout_item.h"
#include "layout_walk.h"
#include "../ingest/lexer.h"


static u_char *ngx_er_layout_walk_key(ngx_pool_t *pool, u_char *p,
    u_char *last, ngx_str_t *key);
static u_char *ngx_er_layout_walk_index(u_char *p, u_char *last,
    ngx_int_t index);
static u_char *ngx_er_layout_walk_next(u_char *p, u_char *last);


ngx_uint_t
ngx_er_layout_walk(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_er_step_t *step, ngx_uint_t n)
{
    ngx_uint_t  i;

    p = ngx_er_lexer_blanks(p, last, 0);

    for (i = 0; i < n && p; i++) {

        if (*p == '[') {

            if (step[i].index == NGX_ER_STEP_KEY) {
                return 1;
            }

            p = ngx_er_layout_walk_index(p, last, step[i].index);

        } else if (*p == '{' && step[i].index == NGX_ER_STEP_KEY) {
            p = ngx_er_layout_walk_key(pool, p, last, &step[i].key);

        } else {
            return 0;
        }
    }

    return 0;
}


/* the value of the key, or NULL */

static u_char *
ngx_er_layout_walk_key(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *key)
{
    ngx_str_t             json;
    ngx_er_layout_item_t  item;

    p = ngx_er_lexer_blanks(p + 1, last, 0);

    while (*p != '}') {
        json.data = p;
        p = ngx_er_layout_item_string(p);
        json.len = p - json.data;

        if (ngx_er_layout_item(pool, &json, &item) != NGX_OK) {
            return NULL;
        }

        p = ngx_er_lexer_blanks(p, last, 0);
        p = ngx_er_lexer_blanks(p + 1, last, 0);

        if (item.text.len == key->len
            && ngx_memcmp(item.text.data, key->data, key->len) == 0)
        {
            return p;
        }

        p = ngx_er_scan_skip(p);
        p = ngx_er_lexer_blanks(p, last, 0);

        if (*p == ',') {
            p = ngx_er_lexer_blanks(p + 1, last, 0);
        }
    }

    return NULL;
}


static u_char *
ngx_er_layout_walk_index(u_char *p, u_char *last, ngx_int_t index)
{
    u_char  *end;

    p = ngx_er_lexer_blanks(p + 1, last, 0);

    /* from the end: as far as another walk, which is ahead, has to go */

    for (end = p; index < 0; index++) {

        if (*end == ']') {
            return NULL;
        }

        end = ngx_er_layout_walk_next(end, last);
    }

    if (end > p) {

        while (*end != ']') {
            p = ngx_er_layout_walk_next(p, last);
            end = ngx_er_layout_walk_next(end, last);
        }

        return p;
    }

    while (*p != ']' && index--) {
        p = ngx_er_layout_walk_next(p, last);
    }

    return (*p == ']') ? NULL : p;
}


/* from one element to the next, or to the end */

static u_char *
ngx_er_layout_walk_next(u_char *p, u_char *last)
{
    p = ngx_er_scan_skip(p);
    p = ngx_er_lexer_blanks(p, last, 0);

    return (*p == ',') ? ngx_er_lexer_blanks(p + 1, last, 0) : p;
}
