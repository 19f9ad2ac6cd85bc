
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The scanner: a guard and an extractor in one pass.  parse.c calls it on
 * every JSON body before anything else looks at it; the values that it hands
 * out on the way are all that routes, templates and dedup keys ever see of a
 * body.  It owns nothing: what it makes is in s->pool, what it points to
 * is in the body.
 *
 * The guard is one loop that walks the document with an explicit stack, so
 * depth costs memory that limits->depth bounds and never the C stack.  Where
 * no place stands for the value at hand nothing but the guard's own work is
 * done; that is faster than memchr() from quote to quote, so there is no need
 * for a way to skip what nobody asked for.
 *
 * The extractor follows the loop with the set of places of the trie (paths.h)
 * that stand for the value at hand.  Usually that is one or none; an array
 * leads both into itself ("it is crossed") and, where an index is named, into
 * that element.  Which element an index from the end is, is known when the
 * array ends: then it is walked once more, and these places alone are entered.
 * Nothing is kept for that but where the array began, and an array of which no
 * such element is named is never walked again.
 *
 * Invariants: the places of all open containers lie in sc->places one behind
 * another, those of the value at hand (first, count) on top of them; a node
 * occurs at most once in a set, and no two open objects have a place in
 * common, so one number a node (sc->seen) is enough to know whether an object
 * had its key before; sc->frames[i] describes the container at depth i + 1.
 *
 * What it may cost: a value that is handed out takes 40 bytes, 56 where it is
 * an element's first one, and once more for each other path that leads to it;
 * a string with escapes its text again.  limits->found counts values, not
 * paths.  A source's own is by default as many as its body may have nodes, so
 * that no genuine event is refused for what a rule asks: with "max_size 1m" at
 * most 100,000 values and 5.6 MB, and 5.6 bytes a byte of a larger one, in a
 * body that has nothing else than such values, until its request is answered.
 *
 * What may fail: the body (NGX_DECLINED) and memory (NGX_ERROR).
 */


#include "scan.h"
#include "lexer.h"
#include "paths.h"


#define NGX_ER_SCAN_FRAMES  64
#define NGX_ER_SCAN_PLACES  32
#define NGX_ER_SCAN_OPEN    32
#define NGX_ER_SCAN_TAILS   4
#define NGX_ER_SCAN_SEEN    64
#define NGX_ER_SCAN_SPARSE  10        /* bytes a node in large documents */


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


/* an array that will be walked again */

typedef struct {
    u_char                *start;      /* its first element */
    uint32_t               depth;      /* sc->depth in it */
    uint32_t               total;      /* elements; 0: the first time */
    uint32_t               found;      /* sc->found before it, and behind it
                                          the first time */
    uint32_t               most;
} ngx_er_scan_tail_t;


/* the state of one scan */

typedef struct {
    ngx_er_lexer_t         lexer;      /* error NGX_ER_SCAN_OK after a failure:
                                          no memory */
    ngx_er_scan_t         *s;

    ngx_er_scan_frame_t   *frames;
    ngx_er_scan_place_t   *places;
    ngx_er_value_t       **open;       /* containers' values, their length is
                                          not known yet */
    ngx_er_scan_tail_t    *tails;      /* of the open ones, or NULL */
    ngx_uint_t             aframes;
    ngx_uint_t             aplaces;
    ngx_uint_t             aopen;
    ngx_uint_t             atails;

    ngx_uint_t             depth;
    ngx_uint_t             first;      /* the places of the value at hand */
    ngx_uint_t             count;
    ngx_uint_t             nopen;
    ngx_uint_t             ntails;

    ngx_uint_t             nodes;
    ngx_uint_t             found;
    uint32_t              *seen;       /* by node: the last object that had it
                                          as a key */
    u_char                *scratch;    /* for a key with escapes */
    size_t                 longest;    /* named key */
} ngx_er_scanner_t;


static u_char *ngx_er_scan_document(ngx_er_scanner_t *sc, u_char *p,
    size_t bom);
static ngx_er_inline u_char *ngx_er_scan_run(ngx_er_scanner_t *sc, u_char *p,
    const ngx_uint_t sse2, const ngx_uint_t tails);
static ngx_er_scan_frame_t *ngx_er_extract_push(ngx_er_scanner_t *sc,
    u_char *p);
static void ngx_er_extract_pop(ngx_er_scanner_t *sc, u_char *p,
    ngx_uint_t empty);
static ngx_er_inline ngx_uint_t ngx_er_extract_foreign(ngx_er_scanner_t *sc,
    ngx_er_scan_frame_t *frame, u_char *key, size_t len);
static u_char *ngx_er_extract_key(ngx_er_scanner_t *sc, u_char *start,
    u_char *last);
static ngx_int_t ngx_er_extract_named(ngx_er_scanner_t *sc,
    ngx_er_node_t *node, ngx_str_t *key, uint32_t object, u_char *start);
static u_char *ngx_er_extract_decoded(ngx_er_scanner_t *sc, ngx_str_t *key);
static ngx_int_t ngx_er_extract_enter(ngx_er_scanner_t *sc,
    ngx_er_scan_frame_t *frame, u_char *p);
static ngx_er_outline ngx_int_t ngx_er_extract_tail(ngx_er_scanner_t *sc,
    ngx_er_scan_frame_t *frame, u_char *p);
static ngx_er_outline u_char *ngx_er_extract_again(ngx_er_scanner_t *sc,
    ngx_er_scan_frame_t *frame);
static ngx_er_outline ngx_int_t ngx_er_extract_tails(ngx_er_scanner_t *sc,
    ngx_er_scan_frame_t *frame);
static ngx_int_t ngx_er_extract_place(ngx_er_scanner_t *sc,
    ngx_er_node_t *node, ngx_uint_t crossed);
static u_char *ngx_er_extract_found(ngx_er_scanner_t *sc, ngx_er_type_e type,
    u_char *start, u_char *last);
static ngx_int_t ngx_er_extract_value(ngx_er_scanner_t *sc,
    ngx_er_type_e type, u_char *start, u_char *last, ngx_er_value_t *value);
static ngx_int_t ngx_er_extract_element(ngx_er_scanner_t *sc,
    ngx_er_element_t **element);
static ngx_int_t ngx_er_extract_add(ngx_er_scanner_t *sc, ngx_uint_t slot,
    ngx_er_value_t *value);
static void *ngx_er_extract_grow(ngx_er_scanner_t *sc, void *elts,
    ngx_uint_t *nalloc, size_t size);


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
    "no boundary of 1 to 70 characters in Content-Type",
    ("the boundary is missing, or a line that begins with it goes on or ends "
     "otherwise than the first one"),
    "bad headers of a part",
    "too many parts",
    "the last part does not end",
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

    if (sc->s->portable) {
        p = ngx_er_scan_run(sc, p, 0, 1);

    } else if (sc->s->paths && sc->s->paths->tails) {
        p = ngx_er_scan_run(sc, p, 1, 1);

    } else {
        p = ngx_er_scan_run(sc, p, 1, 0);
    }

    if (p == NULL) {
        return NULL;
    }

    p = ngx_er_lexer_blanks(p, end, 0);

    if (p < end) {
        return ngx_er_lexer_fail(&sc->lexer, *p ? NGX_ER_SCAN_TRAILING
                                                : NGX_ER_SCAN_NUL, p);
    }

    sc->s->odd = (sc->lexer.odd != NULL);

    if (sc->s->strict && sc->lexer.odd) {
        return ngx_er_lexer_fail(&sc->lexer, sc->lexer.oddity,
                                 sc->lexer.odd);
    }

    return p;
}


/*
 * long: the states of one parser.  From the first byte of the document to
 * behind its last; NULL: see sc->lexer.  The labels are what may come next: a
 * value, what follows it, a key, an element.  Where no path has an index from
 * the end ("tails" 0) nothing of it is in the loop.
 */

static ngx_er_inline u_char *
ngx_er_scan_run(ngx_er_scanner_t *sc, u_char *p, const ngx_uint_t sse2,
    const ngx_uint_t tails)
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

look:

#if (__SSE2__)
    if (sse2) {
        ngx_er_lexer_look(&w, p, end);
    }
#endif

    if (frame) {
        goto element;
    }

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

    if (tails && sc->ntails) {
        goto tail;
    }

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

    if (frame->nplaces && ngx_er_extract_enter(sc, frame, p) != NGX_OK) {
        return NULL;
    }

    goto value;

tail:

    start = ngx_er_extract_again(sc, frame);

    if (start == NULL) {
        goto closed;
    }

    p = start;

    goto look;
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


/*
 * The extractor.  All return NULL or NGX_ERROR after a failure: the lexer's
 * error says which.  start and last are the first byte of a token and the one
 * behind it; of a key they are its quotes.
 *
 * p: the bracket.  The value's places become the container's.
 */

static ngx_er_scan_frame_t *
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

static void
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


/* start and last: the quotes of a key in an object that has places */

static u_char *
ngx_er_extract_key(ngx_er_scanner_t *sc, u_char *start, u_char *last)
{
    ngx_str_t             key;
    ngx_uint_t            i, named;
    ngx_er_node_t        *node;
    ngx_er_scan_frame_t  *frame;

    key.data = start + 1;
    key.len = last - key.data;
    named = 1;

    if (sc->lexer.marks & NGX_ER_LEXER_UNREADABLE) {
        return last;
    }

    if (sc->lexer.marks & NGX_ER_LEXER_ESCAPED) {

        if (key.len > 6 * sc->longest) {
            named = 0;

        } else if (ngx_er_extract_decoded(sc, &key) == NULL) {
            return NULL;
        }
    }

    frame = &sc->frames[sc->depth - 1];
    sc->first = frame->places + frame->nplaces;

    for (i = frame->places; i < sc->first; i++) {
        node = sc->places[i].node;

        if (node && node->any
            && ngx_er_extract_place(sc, node->any, 0) != NGX_OK)
        {
            return NULL;
        }

        if (named
            && ngx_er_extract_named(sc, node, &key, frame->object, start)
               != NGX_OK)
        {
            return NULL;
        }
    }

    return last;
}


/* where a key leads from one place of its object */

static ngx_int_t
ngx_er_extract_named(ngx_er_scanner_t *sc, ngx_er_node_t *node,
    ngx_str_t *key, uint32_t object, u_char *start)
{
    if (node) {
        node = ngx_er_node_key(node, key->data, key->len);

    } else if (key->len == sc->s->root.len
               && ngx_memcmp(key->data, sc->s->root.data, key->len) == 0)
    {
        node = sc->s->paths->root;
    }

    if (node == NULL) {
        return NGX_OK;
    }

    if (sc->seen[node->id] == object) {
        sc->s->key = (node == sc->s->paths->root) ? sc->s->root : node->key;

        (void) ngx_er_lexer_fail(&sc->lexer, NGX_ER_SCAN_DUPLICATE, start);

        return NGX_ERROR;
    }

    sc->seen[node->id] = object;

    return ngx_er_extract_place(sc, node, 0);
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


/* the places of the element at hand, which begins at p */

static ngx_int_t
ngx_er_extract_enter(ngx_er_scanner_t *sc, ngx_er_scan_frame_t *frame,
    u_char *p)
{
    ngx_uint_t      i, crossed;
    ngx_er_node_t  *node, *next;

    sc->first = frame->places + frame->nplaces;

    if (sc->ntails && sc->tails[sc->ntails - 1].depth == sc->depth) {

        if (sc->tails[sc->ntails - 1].total) {
            return ngx_er_extract_tails(sc, frame);
        }

    } else if (frame->index == 0 && sc->s->paths->tails
               && ngx_er_extract_tail(sc, frame, p) != NGX_OK)
    {
        return NGX_ERROR;
    }

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

        if ((node->nkeys || node->slots.nelts || node->any)
            && ngx_er_extract_place(sc, node, 1) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* an array begins that is not empty: is an index from its end named?  p: its
   first element */

static ngx_int_t
ngx_er_extract_tail(ngx_er_scanner_t *sc, ngx_er_scan_frame_t *frame,
    u_char *p)
{
    ngx_uint_t            i;
    ngx_er_scan_tail_t   *tail;
    ngx_er_scan_place_t  *place;

    for (i = 0; i < frame->nplaces; i++) {
        place = &sc->places[frame->places + i];

        if (place->node && place->node->tails && !place->crossed) {
            break;
        }
    }

    if (i == frame->nplaces) {
        return NGX_OK;
    }

    if (sc->ntails == sc->atails) {
        sc->atails = ngx_max(2 * sc->atails, NGX_ER_SCAN_TAILS);

        tail = ngx_palloc(sc->s->pool,
                          sc->atails * sizeof(ngx_er_scan_tail_t));
        if (tail == NULL) {
            return NGX_ERROR;
        }

        if (sc->ntails) {
            ngx_memcpy(tail, sc->tails,
                       sc->ntails * sizeof(ngx_er_scan_tail_t));
        }

        sc->tails = tail;
    }

    tail = &sc->tails[sc->ntails++];

    tail->start = p;
    tail->depth = (uint32_t) sc->depth;
    tail->total = 0;
    tail->found = (uint32_t) sc->found;

    return NGX_OK;
}


/*
 * An array or object has ended.  Returns its beginning if it is to be walked
 * again, for its elements that an index from the end leads to, or NULL.  Of
 * what is found there not more than what was not found before counts, so that
 * no document has more than it has values; arrays and objects get the numbers
 * that they had.
 */

static u_char *
ngx_er_extract_again(ngx_er_scanner_t *sc, ngx_er_scan_frame_t *frame)
{
    ngx_er_scan_tail_t  *tail;

    tail = &sc->tails[sc->ntails - 1];

    if (tail->depth != sc->depth) {
        return NULL;
    }

    if (tail->total) {
        sc->found = ngx_max(sc->found, tail->most);
        sc->ntails--;
        return NULL;
    }

    tail->total = frame->index + 1;
    tail->most = (uint32_t) sc->found;

    frame->index = 0;
    frame->element = NULL;

    sc->found = tail->found;
    sc->nodes = frame->array;

    return tail->start;
}


/* the second time; the place of an index, in an array that a path names */

static ngx_int_t
ngx_er_extract_tails(ngx_er_scanner_t *sc, ngx_er_scan_frame_t *frame)
{
    ngx_int_t       total;
    ngx_uint_t      i;
    ngx_er_node_t  *node, *next;

    total = sc->tails[sc->ntails - 1].total;

    for (i = frame->places; i < sc->first; i++) {
        node = sc->places[i].node;

        if (node == NULL || sc->places[i].crossed) {
            continue;
        }

        for (next = node->tails; next; next = next->next) {

            if (next->index + total == (ngx_int_t) frame->index
                && ngx_er_extract_place(sc, next, 0) != NGX_OK)
            {
                return NGX_ERROR;
            }
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

static u_char *
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

        if (value.text.data == NULL) {

            if (++sc->found > sc->s->limits->found) {
                return ngx_er_lexer_fail(&sc->lexer, NGX_ER_SCAN_FOUND, start);
            }

            if (ngx_er_extract_value(sc, type, start, last, &value) != NGX_OK)
            {
                return NULL;
            }
        }

        value.crossed = sc->places[i].crossed;
        slots = node->slots.elts;

        for (k = 0; k < node->slots.nelts; k++) {
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
