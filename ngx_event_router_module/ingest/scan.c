
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The guard (scan.h).  receive.c calls it on every JSON body before anything
 * else looks at it; the values that extract.c hands out on the way are all
 * that routes, templates and dedup keys ever see of a body.  It owns nothing:
 * what it makes is in s->pool, what it points to is in the body.
 *
 * One loop walks the document with an explicit stack, so depth costs memory
 * that limits->depth bounds and never the C stack.  Where no place of the trie
 * stands for the value at hand nothing but the guard's own work is done; that
 * is faster than memchr() from quote to quote, so there is no need for a way
 * to skip what nobody asked for.
 *
 * What may fail: the body (NGX_DECLINED) and memory (NGX_ERROR).
 */


#include "extract.h"


#define NGX_ER_SCAN_FRAMES  64
#define NGX_ER_SCAN_PLACES  32
#define NGX_ER_SCAN_OPEN    32
#define NGX_ER_SCAN_SEEN    64
#define NGX_ER_SCAN_SPARSE  10        /* bytes a node in large documents */


static u_char *ngx_er_scan_document(ngx_er_scanner_t *sc, u_char *p,
    size_t bom);
static ngx_er_inline u_char *ngx_er_scan_run(ngx_er_scanner_t *sc, u_char *p,
    const ngx_uint_t sse2);


static const char  *ngx_er_scan_reasons[] = {
    "acceptable",
    "not JSON",
    "the body is empty",
    "something follows the document",
    "bad UTF-8",
    "byte order mark",
    "NUL byte",
    "nested too deeply",
    "too many values",
    "key too long",
    "string too long",
    "number too long or out of range",
    "duplicate key",
    "too many values of named fields"
};


void
ngx_er_scan_limits_default(ngx_er_scan_limits_t *limits)
{
    limits->depth = 64;
    limits->nodes = 100000;
    limits->key = 1024;
    limits->string = 0;
    limits->number = 128;
    limits->found = 10000;
}


ngx_uint_t
ngx_er_scan_nodes(size_t size)
{
    ngx_er_scan_limits_t  limits;

    ngx_er_scan_limits_default(&limits);

    return ngx_max(size / NGX_ER_SCAN_SPARSE, limits.nodes);
}


const char *
ngx_er_scan_reason(ngx_er_scan_error_e error)
{
    return ngx_er_scan_reasons[error];
}


ngx_int_t
ngx_er_scan(ngx_er_scan_t *s, ngx_str_t *body)
{
    u_char               *p;
    uint32_t              seen[NGX_ER_SCAN_SEEN];
    ngx_int_t             rc;
    ngx_er_value_t       *open[NGX_ER_SCAN_OPEN];
    ngx_er_scanner_t      sc;
    ngx_er_scan_frame_t   frames[NGX_ER_SCAN_FRAMES];
    ngx_er_scan_place_t   places[NGX_ER_SCAN_PLACES];

    ngx_memzero(&sc, sizeof(ngx_er_scanner_t));

    sc.s = s;
    sc.lexer.end = body->len ? body->data + body->len : body->data;
    sc.frames = frames;
    sc.places = places;
    sc.open = open;
    sc.aframes = NGX_ER_SCAN_FRAMES;
    sc.aplaces = NGX_ER_SCAN_PLACES;
    sc.aopen = NGX_ER_SCAN_OPEN;
    sc.seen = seen;

    p = body->data;

    if (s->paths && s->paths->slots) {
        sc.count = 1;
        places[0].node = s->root.len ? NULL : s->paths->root;
        places[0].crossed = 0;
        sc.longest = ngx_max(s->paths->longest, s->root.len);

        if (s->paths->nodes > NGX_ER_SCAN_SEEN) {
            sc.seen = ngx_palloc(s->pool, s->paths->nodes * sizeof(uint32_t));
        }

        if (sc.seen) {
            ngx_memzero(sc.seen, s->paths->nodes * sizeof(uint32_t));
        }
    }

    sc.lexer.error = ngx_er_lexer_encoding(body);
    sc.lexer.at = p;

    if (sc.seen && sc.lexer.error == NGX_ER_SCAN_OK) {
        p = ngx_er_scan_document(&sc, p, ngx_er_lexer_bom(body));

    } else {
        p = NULL;
    }

    if (p) {
        rc = NGX_OK;

    } else {
        rc = (sc.lexer.error == NGX_ER_SCAN_OK) ? NGX_ERROR : NGX_DECLINED;
    }

    s->error = sc.lexer.error;
    s->offset = (rc == NGX_DECLINED) ? (size_t) (sc.lexer.at - body->data) : 0;

    ngx_er_scan_finish(s, rc);

    return rc;
}


/* bom: its length */

static u_char *
ngx_er_scan_document(ngx_er_scanner_t *sc, u_char *p, size_t bom)
{
    u_char  *end;

    end = sc->lexer.end;

    if (bom) {
        ngx_er_lexer_odd(&sc->lexer, NGX_ER_SCAN_BOM, p);
        p += bom;
    }

    p = ngx_er_lexer_blanks(p, end, 0);

    if (p == end) {
        return ngx_er_lexer_fail(&sc->lexer, NGX_ER_SCAN_EMPTY, p);
    }

    p = sc->s->portable ? ngx_er_scan_run(sc, p, 0)
                        : ngx_er_scan_run(sc, p, 1);
    if (p == NULL) {
        return NULL;
    }

    p = ngx_er_lexer_blanks(p, end, 0);

    if (p < end) {
        return ngx_er_lexer_fail(&sc->lexer, *p ? NGX_ER_SCAN_TRAILING
                                                : NGX_ER_SCAN_NUL, p);
    }

    if (sc->s->strict && sc->lexer.odd) {
        return ngx_er_lexer_fail(&sc->lexer, sc->lexer.oddity,
                                 sc->lexer.odd);
    }

    return p;
}


/*
 * long: the states of one parser.  From the first byte of the document to
 * behind its last; NULL: see sc->lexer.  The labels are what may come next: a
 * value, what follows it, a key, an element.
 */

static ngx_er_inline u_char *
ngx_er_scan_run(ngx_er_scanner_t *sc, u_char *p, const ngx_uint_t sse2)
{
    u_char                *start, *end;
    ngx_uint_t             empty;
    ngx_er_type_e          type;
    ngx_er_lexer_t        *lx;
    ngx_er_window_t        w;
    ngx_er_scan_frame_t   *frame;
    ngx_er_scan_limits_t  *limits;

    lx = &sc->lexer;
    end = lx->end;
    limits = sc->s->limits;
    frame = NULL;

#if (__SSE2__)
    if (sse2) {
        ngx_er_lexer_look(&w, p, end);
    }
#endif

value:

    if (p == end) {
        return ngx_er_lexer_unexpected(lx, p);
    }

    if (++sc->nodes > limits->nodes) {
        return ngx_er_lexer_fail(lx, NGX_ER_SCAN_NODES, p);
    }

    start = p;

    switch (*p) {

    case '"':
        type = NGX_ER_STRING;

        p = ngx_er_lexer_string(lx, &w, p + 1, sse2);
        if (p == NULL) {
            return NULL;
        }

        if (limits->string && (size_t) (p - start) > limits->string + 1) {
            return ngx_er_lexer_fail(lx, NGX_ER_SCAN_STRING, start);
        }

        p++;
        break;

    case '{':
    case '[':
        frame = ngx_er_extract_push(sc, p);
        if (frame == NULL) {
            return NULL;
        }

        p = ngx_er_lexer_blanks(p + 1, end, sse2);

        if (p < end && *p == (frame->object ? '}' : ']')) {
            empty = 1;
            goto closed;
        }

        if (frame->object) {
            goto key;
        }

        goto element;

    case 't':
    case 'f':
    case 'n':
        type = (*p == 'n') ? NGX_ER_NULL : NGX_ER_BOOLEAN;

        p = ngx_er_lexer_word(lx, p);
        if (p == NULL) {
            return NULL;
        }

        break;

    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
        type = NGX_ER_NUMBER;

        p = ngx_er_lexer_integer(lx, p, limits->number);
        if (p == NULL) {
            return NULL;
        }

        break;

    default:
        return ngx_er_lexer_unexpected(lx, p);
    }

    if (sc->count && ngx_er_extract_found(sc, type, start, p) == NULL) {
        return NULL;
    }

next:

    if (frame == NULL) {
        return p;
    }

    if (p < end && *p != ',') {
        p = ngx_er_lexer_blanks(p, end, sse2);
    }

    if (p < end && *p == ',') {
        p = ngx_er_lexer_blanks(p + 1, end, sse2);

        if (frame->object) {
            goto key;
        }

        frame->element = NULL;
        frame->index++;

        goto element;
    }

    if (p == end || *p != (frame->object ? '}' : ']')) {
        return ngx_er_lexer_unexpected(lx, p);
    }

    empty = 0;

closed:

    p++;
    ngx_er_extract_pop(sc, p, empty);
    frame = sc->depth ? &sc->frames[sc->depth - 1] : NULL;

    goto next;

key:

    if (p == end || *p != '"') {
        return ngx_er_lexer_unexpected(lx, p);
    }

    start = p;

    p = ngx_er_lexer_string(lx, &w, p + 1, sse2);
    if (p == NULL) {
        return NULL;
    }

    if ((size_t) (p - start) > limits->key + 1) {
        return ngx_er_lexer_fail(lx, NGX_ER_SCAN_KEY, start);
    }

    if (lx->marks & NGX_ER_LEXER_NUL) {
        ngx_er_lexer_odd(lx, NGX_ER_SCAN_NUL, lx->nul);
    }

    sc->count = 0;

    if (!ngx_er_extract_foreign(sc, frame, start + 1, p - start - 1)
        && ngx_er_extract_key(sc, start, p) == NULL)
    {
        return NULL;
    }

    p++;

    if (p < end && *p != ':') {
        p = ngx_er_lexer_blanks(p, end, sse2);
    }

    if (p == end || *p != ':') {
        return ngx_er_lexer_unexpected(lx, p);
    }

    p = ngx_er_lexer_blanks(p + 1, end, sse2);

    goto value;

element:

    sc->count = 0;

    if (frame->nplaces && ngx_er_extract_enter(sc, frame) != NGX_OK) {
        return NULL;
    }

    goto value;
}


void
ngx_er_scan_finish(ngx_er_scan_t *s, ngx_int_t rc)
{
    ngx_uint_t       i;
    ngx_er_value_t  *value, *next, *list;

    for (i = 0; s->paths && i < s->paths->slots; i++) {
        list = NULL;

        for (value = s->values[i]; value && rc == NGX_OK; value = next) {
            next = value->next;
            value->next = list;
            list = value;
        }

        s->values[i] = list;
    }
}


ngx_int_t
ngx_er_scan_split(ngx_er_scan_t *s, ngx_str_t *body, ngx_array_t *elements,
    ngx_uint_t max)
{
    u_char         *p, *last;
    ngx_int_t       rc;
    ngx_str_t      *element;
    ngx_er_scan_t   guard;

    elements->nelts = 0;

    guard = *s;
    guard.paths = NULL;

    rc = ngx_er_scan(&guard, body);

    s->error = guard.error;
    s->offset = guard.offset;

    if (rc != NGX_OK) {
        return rc;
    }

    p = ngx_er_lexer_blanks(body->data + ngx_er_lexer_bom(body),
                            body->data + body->len, 0);

    if (*p != '[') {
        s->error = NGX_ER_SCAN_SYNTAX;
        s->offset = p - body->data;
        return NGX_DECLINED;
    }

    last = body->data + body->len;

    for (p = ngx_er_lexer_blanks(p + 1, last, 0);
         *p != ']';
         p = ngx_er_lexer_blanks(p + (*p == ','), last, 0))
    {
        if (elements->nelts == max) {
            elements->nelts = 0;
            s->error = NGX_ER_SCAN_FOUND;
            s->offset = p - body->data;
            return NGX_DECLINED;
        }

        element = ngx_array_push(elements);
        if (element == NULL) {
            elements->nelts = 0;
            return NGX_ERROR;
        }

        element->data = p;
        p = ngx_er_scan_skip(p);
        element->len = p - element->data;

        p = ngx_er_lexer_blanks(p, last, 0);
    }

    return NGX_OK;
}


u_char *
ngx_er_scan_skip(u_char *p)
{
    ngx_uint_t  depth;

    for (depth = 0; /* void */ ; p++) {

        switch (*p) {

        case '"':
            for (p++; *p != '"'; p++) {
                p += (*p == '\\');
            }

            break;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (depth == 0) {
                return p;
            }

            depth--;
            break;

        case ',':
        case ' ':
        case '\t':
        case '\n':
        case '\r':
            if (depth == 0) {
                return p;
            }
        }
    }
}
