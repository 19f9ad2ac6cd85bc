
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The extractor: follows the guard's loop (scan.c) through the document with
 * the set of places of the trie (paths.h) that stand for the value at hand.
 * Usually that is one or none; an array leads both into itself ("it is
 * crossed") and, where an index is named, into that element.
 *
 * Invariants: the places of all open containers lie in sc->places one behind
 * another, those of the value at hand (first, count) on top of them; a node
 * occurs at most once in a set, and no two open objects have a place in
 * common, so one number a node (sc->seen) is enough to know whether an object
 * had its key before; sc->frames[i] describes the container at depth i + 1.
 *
 * Values, elements and decoded strings are in s->pool.  What may fail: memory,
 * limits->depth, limits->found and a named key that comes twice.
 */


#include "extract.h"


static u_char *ngx_er_extract_decoded(ngx_er_scanner_t *sc, ngx_str_t *key);
static ngx_int_t ngx_er_extract_place(ngx_er_scanner_t *sc,
    ngx_er_node_t *node, ngx_uint_t crossed);
static ngx_int_t ngx_er_extract_value(ngx_er_scanner_t *sc,
    ngx_er_type_e type, u_char *start, u_char *last, ngx_er_value_t *value);
static ngx_int_t ngx_er_extract_element(ngx_er_scanner_t *sc,
    ngx_er_element_t **element);
static ngx_int_t ngx_er_extract_add(ngx_er_scanner_t *sc, ngx_uint_t slot,
    ngx_er_value_t *value);
static void *ngx_er_extract_grow(ngx_er_scanner_t *sc, void *elts,
    ngx_uint_t *nalloc, size_t size);


/* p: the bracket.  The value's places become the container's. */

ngx_er_scan_frame_t *
ngx_er_extract_push(ngx_er_scanner_t *sc, u_char *p)
{
    ngx_uint_t            open;
    ngx_er_type_e         type;
    ngx_er_scan_frame_t  *frame;

    if (sc->depth >= sc->s->limits->depth) {
        ngx_er_lexer_fail(&sc->lexer, NGX_ER_SCAN_DEPTH, p);
        return NULL;
    }

    if (sc->depth == sc->aframes) {
        frame = ngx_er_extract_grow(sc, sc->frames, &sc->aframes,
                                 sizeof(ngx_er_scan_frame_t));
        if (frame == NULL) {
            return NULL;
        }

        sc->frames = frame;
    }

    open = sc->nopen;

    if (sc->count) {
        type = (*p == '{') ? NGX_ER_OBJECT : NGX_ER_ARRAY;

        if (ngx_er_extract_found(sc, type, p, p) == NULL) {
            return NULL;
        }
    }

    frame = &sc->frames[sc->depth++];

    frame->element = NULL;
    frame->index = 0;
    frame->object = (*p == '{') ? (uint32_t) sc->nodes : 0;
    frame->array = (*p == '[') ? (uint32_t) sc->nodes : 0;
    frame->places = sc->first;
    frame->nplaces = sc->count;
    frame->open = open;

    return frame;
}


/* p: behind the bracket */

void
ngx_er_extract_pop(ngx_er_scanner_t *sc, u_char *p, ngx_uint_t empty)
{
    ngx_er_value_t       *value;
    ngx_er_scan_frame_t  *frame;

    frame = &sc->frames[--sc->depth];

    while (sc->nopen > frame->open) {
        value = sc->open[--sc->nopen];
        value->text.len = p - value->text.data;
        value->empty = empty;
    }
}


/* start and last: the quotes of a key in an object that has places */

u_char *
ngx_er_extract_key(ngx_er_scanner_t *sc, u_char *start, u_char *last)
{
    ngx_str_t             key;
    ngx_uint_t            i;
    ngx_er_node_t        *node;
    ngx_er_scan_frame_t  *frame;

    key.data = start + 1;
    key.len = last - key.data;

    if (sc->lexer.marks & NGX_ER_LEXER_UNREADABLE) {
        return last;
    }

    if (sc->lexer.marks & NGX_ER_LEXER_ESCAPED) {

        if (key.len > 6 * sc->longest) {
            return last;
        }

        if (ngx_er_extract_decoded(sc, &key) == NULL) {
            return NULL;
        }
    }

    frame = &sc->frames[sc->depth - 1];
    sc->first = frame->places + frame->nplaces;

    for (i = frame->places; i < sc->first; i++) {
        node = sc->places[i].node;

        if (node) {
            node = ngx_er_node_key(node, key.data, key.len);

        } else if (key.len == sc->s->root.len
                   && ngx_memcmp(key.data, sc->s->root.data, key.len) == 0)
        {
            node = sc->s->paths->root;
        }

        if (node == NULL) {
            continue;
        }

        if (sc->seen[node->id] == frame->object) {
            return ngx_er_lexer_fail(&sc->lexer, NGX_ER_SCAN_DUPLICATE,
                                     start);
        }

        sc->seen[node->id] = frame->object;

        if (ngx_er_extract_place(sc, node, 0) != NGX_OK) {
            return NULL;
        }
    }

    return last;
}


/*
 * An escape takes up to six bytes for one of the key, never less than what it
 * stands for: the caller knows that the key fits, and decoded it does too.
 */

static u_char *
ngx_er_extract_decoded(ngx_er_scanner_t *sc, ngx_str_t *key)
{
    u_char  *last;

    if (sc->scratch == NULL) {
        sc->scratch = ngx_pnalloc(sc->s->pool, 6 * sc->longest);
        if (sc->scratch == NULL) {
            return NULL;
        }
    }

    last = ngx_er_lexer_decode(sc->scratch, key->data, key->len);

    key->data = sc->scratch;
    key->len = last - key->data;

    return last;
}


/* the places of the element at hand */

ngx_int_t
ngx_er_extract_enter(ngx_er_scanner_t *sc, ngx_er_scan_frame_t *frame)
{
    ngx_uint_t      i, crossed;
    ngx_er_node_t  *node, *next;

    sc->first = frame->places + frame->nplaces;

    for (i = frame->places; i < sc->first; i++) {
        node = sc->places[i].node;
        crossed = sc->places[i].crossed;

        if (node == NULL) {
            continue;
        }

        /* an index picks of the array that a path names, not of those in it */

        if (!crossed && node->elements) {
            next = ngx_er_node_element(node, frame->index);

            if (next && ngx_er_extract_place(sc, next, 0) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if ((node->nkeys || node->slots.nelts)
            && ngx_er_extract_place(sc, node, 1) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_extract_place(ngx_er_scanner_t *sc, ngx_er_node_t *node,
    ngx_uint_t crossed)
{
    ngx_uint_t            n;
    ngx_er_scan_place_t  *places;

    n = sc->first + sc->count;

    if (n == sc->aplaces) {
        places = ngx_er_extract_grow(sc, sc->places, &sc->aplaces,
                                  sizeof(ngx_er_scan_place_t));
        if (places == NULL) {
            return NGX_ERROR;
        }

        sc->places = places;
    }

    sc->places[n].node = node;
    sc->places[n].crossed = crossed;
    sc->count++;

    return NGX_OK;
}


/* hands out the value at hand to all slots of its places */

u_char *
ngx_er_extract_found(ngx_er_scanner_t *sc, ngx_er_type_e type, u_char *start,
    u_char *last)
{
    ngx_uint_t       i, k, *slots;
    ngx_er_node_t   *node;
    ngx_er_value_t   value;

    value.text.data = NULL;

    for (i = sc->first; i < sc->first + sc->count; i++) {
        node = sc->places[i].node;

        if (node == NULL || node->slots.nelts == 0) {
            continue;
        }

        if (value.text.data == NULL
            && ngx_er_extract_value(sc, type, start, last, &value) != NGX_OK)
        {
            return NULL;
        }

        value.crossed = sc->places[i].crossed;
        slots = node->slots.elts;

        for (k = 0; k < node->slots.nelts; k++) {

            if (++sc->found > sc->s->limits->found) {
                return ngx_er_lexer_fail(&sc->lexer, NGX_ER_SCAN_FOUND, start);
            }

            if (ngx_er_extract_add(sc, slots[k], &value) != NGX_OK) {
                return NULL;
            }
        }
    }

    return last;
}


/* what all slots get; decodes a string once */

static ngx_int_t
ngx_er_extract_value(ngx_er_scanner_t *sc, ngx_er_type_e type, u_char *start,
    u_char *last, ngx_er_value_t *value)
{
    u_char  *p;

    ngx_memzero(value, sizeof(ngx_er_value_t));

    value->type = type;
    value->text.data = start;
    value->text.len = last - start;
    value->tail = (uint32_t) (sc->lexer.end - start);

    if (type == NGX_ER_STRING) {
        value->text.data = start + 1;
        value->text.len -= 2;

        if (sc->lexer.marks & NGX_ER_LEXER_UNREADABLE) {
            value->unreadable = 1;
        }

        if (sc->lexer.marks & NGX_ER_LEXER_ESCAPED) {
            p = ngx_pnalloc(sc->s->pool, value->text.len);
            if (p == NULL) {
                return NGX_ERROR;
            }

            value->text.len = ngx_er_lexer_decode(p, value->text.data,
                                                  value->text.len)
                              - p;
            value->text.data = p;
        }

        value->empty = (value->text.len == 0);
    }

    return ngx_er_extract_element(sc, &value->element);
}


/*
 * The record of the innermost array's element at hand, made now if it is the
 * first that is asked for, and those of the arrays around it.
 */

static ngx_int_t
ngx_er_extract_element(ngx_er_scanner_t *sc, ngx_er_element_t **element)
{
    ngx_uint_t            i;
    ngx_er_element_t     *e;
    ngx_er_scan_frame_t  *frame;

    *element = NULL;

    for (i = sc->depth; i > 0; i--) {
        frame = &sc->frames[i - 1];

        if (frame->object) {
            continue;
        }

        if (frame->element) {
            *element = frame->element;
            return NGX_OK;
        }

        e = ngx_palloc(sc->s->pool, sizeof(ngx_er_element_t));
        if (e == NULL) {
            return NGX_ERROR;
        }

        e->parent = NULL;
        e->index = frame->index;
        e->array = frame->array;

        frame->element = e;
        *element = e;
        element = &e->parent;
    }

    return NGX_OK;
}


/* lists grow at the head and are turned round at the end */

static ngx_int_t
ngx_er_extract_add(ngx_er_scanner_t *sc, ngx_uint_t slot,
    ngx_er_value_t *value)
{
    ngx_er_value_t  *v, **open;

    v = ngx_palloc(sc->s->pool, sizeof(ngx_er_value_t));
    if (v == NULL) {
        return NGX_ERROR;
    }

    *v = *value;

    v->next = sc->s->values[slot];
    sc->s->values[slot] = v;

    if (v->type != NGX_ER_ARRAY && v->type != NGX_ER_OBJECT) {
        return NGX_OK;
    }

    if (sc->nopen == sc->aopen) {
        open = ngx_er_extract_grow(sc, sc->open, &sc->aopen,
                                sizeof(ngx_er_value_t *));
        if (open == NULL) {
            return NGX_ERROR;
        }

        sc->open = open;
    }

    sc->open[sc->nopen++] = v;

    return NGX_OK;
}


static void *
ngx_er_extract_grow(ngx_er_scanner_t *sc, void *elts, ngx_uint_t *nalloc,
    size_t size)
{
    void  *p;

    p = ngx_palloc(sc->s->pool, 2 * *nalloc * size);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, elts, *nalloc * size);
    *nalloc *= 2;

    return p;
}
