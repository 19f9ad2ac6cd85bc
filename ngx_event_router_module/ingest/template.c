
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates: literals and references (reference.c) in their order, and parts
 * of them that are there only with a part of the message: {if NAME}...{end}.
 *
 * They are compiled at configuration time into the configuration's pool, and
 * evaluated for each message by the verifier, the handshakes and the event's
 * attributes.  Evaluation fails on nothing but memory: what is not there, or
 * twice, is undefined, and if one part of a template is, so is the whole.
 *
 * What is signed must be read in one way only.  Amazon SNS signs
 * "...MessageId\nM\nSubject\nS\nTimestamp\n...", and a message without Subject
 * and with the MessageId "M\nSubject\nS" would have the same text: a forger
 * could repeat an event under an id of his own.  So, where "signed" has {if},
 * each text that can stand behind a variable is a mark.  No variable's value
 * has one of its own marks in it, nor one of those of a variable before it, so
 * whoever reads from the left finds one end of each value.
 */


#include "template.h"


#define NGX_ER_TEMPLATE_IFS    16      /* in one template */
#define NGX_ER_TEMPLATE_DEPTH  4       /* of one in another */
#define NGX_ER_TEMPLATE_MARKS  64

#define NGX_ER_TEMPLATE_START  ((ngx_uint_t) -1)


typedef enum {
    NGX_ER_PIECE_TEXT = 0,             /* the last piece */
    NGX_ER_PIECE_VALUE,
    NGX_ER_PIECE_IF,
    NGX_ER_PIECE_END
} ngx_er_piece_kind_e;


typedef struct {
    ngx_str_t              literal;    /* in front of the variable */
    ngx_er_piece_kind_e    kind;
    ngx_er_ref_t           ref;        /* VALUE, IF */
    ngx_uint_t             end;        /* IF: the piece of its END */
    unsigned               optional:1; /* VALUE, "?": undefined is empty */
} ngx_er_piece_t;


/* a text that can stand between a value and the next one, or the end */

typedef struct {
    ngx_uint_t             value;      /* its piece, or START */
    ngx_str_t              text;
    ngx_uint_t             end;        /* no value follows */
} ngx_er_mark_t;


struct ngx_er_template_s {
    ngx_str_t              text;
    ngx_array_t            pieces;     /* of ngx_er_piece_t */
    ngx_uint_t             ifs;        /* how many {if} there are */
    ngx_array_t           *marks;      /* of ngx_er_mark_t; NULL: nobody looks
                                          for them */
};


/* a value in the whole text */

typedef struct {
    ngx_uint_t             piece;
    size_t                 start;
    size_t                 end;
} ngx_er_span_t;


typedef struct {
    ngx_array_t           *parts;      /* of ngx_str_t */
    ngx_array_t           *spans;      /* of ngx_er_span_t; NULL: not asked */
    size_t                 len;
} ngx_er_template_out_t;


static u_char *ngx_er_template_brace(u_char *p, u_char *last);
static ngx_int_t ngx_er_template_piece(ngx_pool_t *pool,
    ngx_er_template_t *t, ngx_str_t *literal, ngx_str_t *variable,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static ngx_uint_t ngx_er_template_word(ngx_str_t *text, const char *word);
static ngx_int_t ngx_er_template_if(ngx_pool_t *pool, ngx_er_template_t *t,
    ngx_er_piece_t *piece, ngx_str_t *text, ngx_er_fields_t *fields,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_template_close(ngx_er_template_t *t,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_template_run(ngx_er_template_t *t,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_er_template_out_t *out);
static ngx_int_t ngx_er_template_holds(ngx_er_piece_t *piece,
    ngx_er_message_t *m, ngx_er_scope_t *scope);
static ngx_int_t ngx_er_template_value(ngx_er_template_t *t, ngx_uint_t n,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_er_template_out_t *out);
static ngx_int_t ngx_er_template_absent(ngx_int_t rc, ngx_er_ref_t *ref,
    ngx_er_message_t *m);
static ngx_int_t ngx_er_template_part(ngx_er_template_out_t *out,
    ngx_str_t *text);
static ngx_int_t ngx_er_template_join(ngx_pool_t *pool, ngx_array_t *parts,
    ngx_str_t *out);
static ngx_int_t ngx_er_template_clear(ngx_er_template_t *t, ngx_pool_t *pool,
    ngx_array_t *parts, ngx_array_t *spans);
static ngx_int_t ngx_er_template_follow(ngx_pool_t *pool,
    ngx_er_template_t *t, ngx_uint_t value, ngx_uint_t from, ngx_str_t *before,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_template_mark(ngx_er_template_t *t, ngx_uint_t value,
    ngx_str_t *text, ngx_uint_t end, ngx_er_error_t *err);
static ngx_uint_t ngx_er_template_alike(ngx_er_mark_t *a, ngx_er_mark_t *b);


ngx_int_t
ngx_er_template_compile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_template_t **template, ngx_er_error_t *err)
{
    u_char             *p, *end, *last;
    ngx_str_t           literal, variable;
    ngx_er_template_t  *t;

    t = ngx_pcalloc(pool, sizeof(ngx_er_template_t));

    if (t == NULL
        || ngx_array_init(&t->pieces, pool, 4, sizeof(ngx_er_piece_t))
           != NGX_OK)
    {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    t->text = *text;

    last = text->data + text->len;
    literal.data = text->data;

    for (p = ngx_er_template_brace(text->data, last);
         p;
         p = ngx_er_template_brace(end + 1, last))
    {
        end = ngx_strlchr(p, last, '}');

        if (end == NULL) {
            ngx_er_error(err, "\"}\" is missing in \"%V\"", text);
            return NGX_ERROR;
        }

        literal.len = p - literal.data;
        variable.data = p + 1;
        variable.len = end - variable.data;

        if (ngx_er_template_piece(pool, t, &literal, &variable, fields, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        literal.data = end + 1;
    }

    literal.len = last - literal.data;

    if (literal.len
        && ngx_er_template_piece(pool, t, &literal, NULL, fields, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *template = t;

    return ngx_er_template_close(t, err);
}


/* the next brace that begins a variable, or NULL */

static u_char *
ngx_er_template_brace(u_char *p, u_char *last)
{
    u_char  c;

    for ( /* void */ ; p < last; p++) {

        if (*p != '{') {
            continue;
        }

        c = (p + 1 < last) ? p[1] : '}';

        if (c == '}' || c == ' '
            || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        {
            return p;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_er_template_piece(ngx_pool_t *pool, ngx_er_template_t *t,
    ngx_str_t *literal, ngx_str_t *variable, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t        text;
    ngx_er_piece_t  *piece;

    piece = ngx_array_push(&t->pieces);
    if (piece == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(piece, sizeof(ngx_er_piece_t));

    piece->literal = *literal;

    if (variable == NULL) {
        return NGX_OK;
    }

    text = *variable;

    if (ngx_er_template_word(&text, "end")) {
        piece->kind = NGX_ER_PIECE_END;
        return NGX_OK;
    }

    if (ngx_er_template_word(&text, "if")
        || (text.len > 3 && ngx_strncmp(text.data, "if ", 3) == 0))
    {
        return ngx_er_template_if(pool, t, piece, &text, fields, err);
    }

    piece->kind = NGX_ER_PIECE_VALUE;

    if (text.len && text.data[text.len - 1] == '?') {
        text.len--;
        piece->optional = 1;
    }

    return ngx_er_ref_parse(pool, &text, fields, &piece->ref, err);
}


static ngx_uint_t
ngx_er_template_word(ngx_str_t *text, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return text->len == len && ngx_strncmp(text->data, word, len) == 0;
}


/* what is always there, or is nothing of the message, is no question */

static ngx_int_t
ngx_er_template_if(ngx_pool_t *pool, ngx_er_template_t *t,
    ngx_er_piece_t *piece, ngx_str_t *text, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t  name;

    piece->kind = NGX_ER_PIECE_IF;

    if (++t->ifs > NGX_ER_TEMPLATE_IFS) {
        ngx_er_error(err, "more than %d {if} in \"%V\"", NGX_ER_TEMPLATE_IFS,
                     &t->text);
        return NGX_ERROR;
    }

    if (ngx_strlchr(text->data, text->data + text->len, ':') == NULL) {
        ngx_er_error(err, "\"{%V}\" does not ask for a part of the message: "
                     "write {if header:NAME}, {if json:PATH}, {if data:PATH}, "
                     "{if item:PATH}, {if query:NAME}, {if form:NAME} or "
                     "{if jwt:CLAIM}, and {end} behind the text", text);
        return NGX_ERROR;
    }

    name.data = text->data + 3;
    name.len = text->len - 3;

    return ngx_er_ref_parse(pool, &name, fields, &piece->ref, err);
}


/* each {if} finds its {end} */

static ngx_int_t
ngx_er_template_close(ngx_er_template_t *t, ngx_er_error_t *err)
{
    ngx_uint_t       i, depth, open[NGX_ER_TEMPLATE_DEPTH];
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;
    depth = 0;

    for (i = 0; i < t->pieces.nelts; i++) {

        if (piece[i].kind == NGX_ER_PIECE_IF) {

            if (depth == NGX_ER_TEMPLATE_DEPTH) {
                ngx_er_error(err, "{if} in {if} more than %d deep in \"%V\"",
                             NGX_ER_TEMPLATE_DEPTH, &t->text);
                return NGX_ERROR;
            }

            open[depth++] = i;

        } else if (piece[i].kind == NGX_ER_PIECE_END) {

            if (depth == 0) {
                ngx_er_error(err, "{end} without {if} in \"%V\"", &t->text);
                return NGX_ERROR;
            }

            piece[open[--depth]].end = i;
        }
    }

    if (depth) {
        ngx_er_error(err, "{end} is missing in \"%V\"", &t->text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_template_eval(ngx_er_template_t *t, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_str_t *out)
{
    ngx_int_t    rc;
    ngx_array_t  parts;

    if (ngx_array_init(&parts, m->pool, 8, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_template_parts(t, m, scope, &parts);

    return (rc == NGX_OK) ? ngx_er_template_join(m->pool, &parts, out) : rc;
}


ngx_int_t
ngx_er_template_parts(ngx_er_template_t *t, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *parts)
{
    ngx_int_t              rc;
    ngx_array_t            spans;
    ngx_er_template_out_t  out;

    out.parts = parts;
    out.spans = NULL;
    out.len = 0;

    if (t->marks == NULL) {
        return ngx_er_template_run(t, m, scope, &out);
    }

    if (ngx_array_init(&spans, m->pool, 8, sizeof(ngx_er_span_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    out.spans = &spans;

    rc = ngx_er_template_run(t, m, scope, &out);

    return (rc == NGX_OK) ? ngx_er_template_clear(t, m->pool, parts, &spans)
                          : rc;
}


static ngx_int_t
ngx_er_template_run(ngx_er_template_t *t, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_er_template_out_t *out)
{
    ngx_int_t        rc;
    ngx_uint_t       i;
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;

    for (i = 0; i < t->pieces.nelts; i++) {

        if (ngx_er_template_part(out, &piece[i].literal) != NGX_OK) {
            return NGX_ERROR;
        }

        switch (piece[i].kind) {

        case NGX_ER_PIECE_VALUE:
            rc = ngx_er_template_value(t, i, m, scope, out);
            break;

        case NGX_ER_PIECE_IF:
            rc = ngx_er_template_holds(&piece[i], m, scope);

            if (rc == NGX_DONE) {
                i = piece[i].end;
                rc = NGX_OK;
            }

            break;

        default:
            rc = NGX_OK;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* NGX_OK: it is there; NGX_DONE: it is not, go on behind {end} */

static ngx_int_t
ngx_er_template_holds(ngx_er_piece_t *piece, ngx_er_message_t *m,
    ngx_er_scope_t *scope)
{
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  turn, turns;

    /* of several values the one is meant that is read behind it */

    turn = m->turn;
    turns = m->turns;

    rc = ngx_er_ref_get(&piece->ref, m, scope, &value);

    m->turn = turn;
    m->turns = turns;

    return ngx_er_template_absent(rc, &piece->ref, m);
}


static ngx_int_t
ngx_er_template_value(ngx_er_template_t *t, ngx_uint_t n, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_er_template_out_t *out)
{
    ngx_int_t        rc;
    ngx_str_t        value;
    ngx_er_span_t   *span;
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;
    piece += n;

    ngx_str_null(&value);

    rc = ngx_er_ref_get(&piece->ref, m, scope, &value);

    if (piece->optional) {
        rc = ngx_er_template_absent(rc, &piece->ref, m);

        if (rc == NGX_DONE) {
            return NGX_OK;
        }
    }

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
    }

    if (out->spans) {
        span = ngx_array_push(out->spans);
        if (span == NULL) {
            return NGX_ERROR;
        }

        span->piece = n;
        span->start = out->len;
        span->end = out->len + value.len;
    }

    return ngx_er_template_part(out, &value);
}


/*
 * NGX_DONE: it is not there.  An object or an array has no text, but whoever
 * takes the event reads it: for a signature that does not count as absent.
 */

static ngx_int_t
ngx_er_template_absent(ngx_int_t rc, ngx_er_ref_t *ref, ngx_er_message_t *m)
{
    if (rc == NGX_OK || rc == NGX_ERROR) {
        return rc;
    }

    if (rc == NGX_ABORT
        || (m->twice == NGX_ER_TWICE_NOTHING && ngx_er_ref_compound(ref, m)))
    {
        return NGX_DECLINED;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_er_template_part(ngx_er_template_out_t *out, ngx_str_t *text)
{
    ngx_str_t  *part;

    if (text->len == 0) {
        return NGX_OK;
    }

    part = ngx_array_push(out->parts);
    if (part == NULL) {
        return NGX_ERROR;
    }

    *part = *text;
    out->len += text->len;

    return NGX_OK;
}


static ngx_int_t
ngx_er_template_join(ngx_pool_t *pool, ngx_array_t *parts, ngx_str_t *out)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *part;
    ngx_uint_t   i;

    part = parts->elts;

    if (parts->nelts == 1) {
        *out = part[0];
        return NGX_OK;
    }

    for (len = 0, i = 0; i < parts->nelts; i++) {
        len += part[i].len;
    }

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->len = len;
    out->data = p;

    for (i = 0; i < parts->nelts; i++) {
        p = ngx_cpymem(p, part[i].data, part[i].len);
    }

    return NGX_OK;
}


/*
 * No value has a mark in it that would end it earlier, or that belongs in
 * front of it.  A body is no value that could end elsewhere: it is all of it.
 */

static ngx_int_t
ngx_er_template_clear(ngx_er_template_t *t, ngx_pool_t *pool,
    ngx_array_t *parts, ngx_array_t *spans)
{
    size_t           last;
    ngx_str_t        text;
    ngx_uint_t       i, k;
    ngx_er_span_t   *span;
    ngx_er_mark_t   *mark;
    ngx_er_piece_t  *piece;

    if (ngx_er_template_join(pool, parts, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    span = spans->elts;
    mark = t->marks->elts;
    piece = t->pieces.elts;

    for (i = 0; i < spans->nelts; i++) {

        if (piece[span[i].piece].ref.kind == NGX_ER_REF_BODY) {
            continue;
        }

        for (k = 0; k < t->marks->nelts; k++) {

            if (mark[k].end || mark[k].value == NGX_ER_TEMPLATE_START
                || mark[k].value > span[i].piece)
            {
                continue;
            }

            /* one that begins in the value may end behind it */

            last = ngx_min(span[i].end + mark[k].text.len - 1, text.len);

            if (memmem(text.data + span[i].start, last - span[i].start,
                       mark[k].text.data, mark[k].text.len))
            {
                return NGX_ABORT;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_template_unambiguous(ngx_pool_t *pool, ngx_er_template_t *t,
    ngx_er_error_t *err)
{
    ngx_str_t        none;
    ngx_uint_t       i;
    ngx_er_piece_t  *piece;

    if (t->ifs == 0 || t->marks) {
        return NGX_OK;
    }

    t->marks = ngx_array_create(pool, 16, sizeof(ngx_er_mark_t));
    if (t->marks == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    piece = t->pieces.elts;
    ngx_str_null(&none);

    if (ngx_er_template_follow(pool, t, NGX_ER_TEMPLATE_START, 0, &none, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < t->pieces.nelts; i++) {
        if (piece[i].kind == NGX_ER_PIECE_VALUE
            && ngx_er_template_follow(pool, t, i, i + 1, &none, err) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* all texts behind the value, with each {if} and without */

static ngx_int_t
ngx_er_template_follow(ngx_pool_t *pool, ngx_er_template_t *t,
    ngx_uint_t value, ngx_uint_t from, ngx_str_t *before, ngx_er_error_t *err)
{
    u_char          *p;
    ngx_str_t        text;
    ngx_uint_t       i;
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;
    text = *before;

    for (i = from; i < t->pieces.nelts; i++) {

        if (piece[i].literal.len) {
            p = ngx_pnalloc(pool, text.len + piece[i].literal.len);
            if (p == NULL) {
                ngx_er_error(err, "no memory");
                return NGX_ERROR;
            }

            ngx_memcpy(ngx_cpymem(p, text.data, text.len),
                       piece[i].literal.data, piece[i].literal.len);

            text.data = p;
            text.len += piece[i].literal.len;
        }

        if (piece[i].kind == NGX_ER_PIECE_VALUE) {
            return ngx_er_template_mark(t, value, &text, 0, err);
        }

        if (piece[i].kind == NGX_ER_PIECE_IF) {

            if (ngx_er_template_follow(pool, t, value, i + 1, &text, err)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            i = piece[i].end;
        }
    }

    return ngx_er_template_mark(t, value, &text, 1, err);
}


static ngx_int_t
ngx_er_template_mark(ngx_er_template_t *t, ngx_uint_t value, ngx_str_t *text,
    ngx_uint_t end, ngx_er_error_t *err)
{
    ngx_uint_t       i, start;
    ngx_er_mark_t   *mark, *other;
    ngx_er_piece_t  *piece;

    if (t->marks->nelts == NGX_ER_TEMPLATE_MARKS) {
        ngx_er_error(err, "there is too much {if} in it");
        return NGX_ERROR;
    }

    mark = ngx_array_push(t->marks);
    if (mark == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    mark->value = value;
    mark->text = *text;
    mark->end = end;

    piece = t->pieces.elts;
    other = t->marks->elts;
    start = (value == NGX_ER_TEMPLATE_START);

    if (!start && !end
        && (text->len == 0 || piece[value].ref.kind == NGX_ER_REF_BODY))
    {
        goto ambiguous;
    }

    for (i = 0; i < t->marks->nelts - 1; i++) {
        if (ngx_er_template_alike(&other[i], mark)) {
            goto ambiguous;
        }
    }

    return NGX_OK;

ambiguous:

    ngx_er_error(err, "two messages could have the same text, and so the same "
                 "signature: with {if}, text must stand between two "
                 "variables, what {if} includes must begin otherwise than "
                 "what stands behind its {end}, and {body} is the last, as in "
                 "\"Id={json:id}&{if json:note}Note={json:note}&{end}"
                 "Type={json:type}\"");

    return NGX_ERROR;
}


/* both could be meant where one of them stands */

static ngx_uint_t
ngx_er_template_alike(ngx_er_mark_t *a, ngx_er_mark_t *b)
{
    if (a->value != b->value || a->end != b->end) {
        return 0;
    }

    return a->end
           || ngx_memcmp(a->text.data, b->text.data,
                         ngx_min(a->text.len, b->text.len))
              == 0;
}


ngx_er_ref_t *
ngx_er_template_ref(ngx_er_template_t *t, ngx_uint_t n)
{
    ngx_uint_t       i;
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;

    if (t->ifs == 0) {
        return (n < t->pieces.nelts && piece[n].kind == NGX_ER_PIECE_VALUE)
               ? &piece[n].ref : NULL;
    }

    for (i = 0; i < t->pieces.nelts; i++) {

        if ((piece[i].kind == NGX_ER_PIECE_VALUE
             || piece[i].kind == NGX_ER_PIECE_IF)
            && n-- == 0)
        {
            return &piece[i].ref;
        }
    }

    return NULL;
}


ngx_str_t *
ngx_er_template_literal(ngx_er_template_t *t, ngx_uint_t n)
{
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;

    return (n < t->pieces.nelts) ? &piece[n].literal : NULL;
}


ngx_uint_t
ngx_er_template_ifs(ngx_er_template_t *t)
{
    return t->ifs;
}


ngx_uint_t
ngx_er_template_always(ngx_er_template_t *t)
{
    ngx_uint_t       i, kinds;
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;
    kinds = 0;

    for (i = 0; i < t->pieces.nelts; i++) {

        if (piece[i].kind == NGX_ER_PIECE_IF) {
            i = piece[i].end;

        } else if (piece[i].kind == NGX_ER_PIECE_VALUE) {
            kinds |= (ngx_uint_t) 1 << piece[i].ref.kind;
        }
    }

    return kinds;
}


ngx_str_t *
ngx_er_template_text(ngx_er_template_t *t)
{
    return &t->text;
}


/*
 * A body's CRC does not cover it: another body of the same CRC is easily made.
 * Nor do the sorted pairs of a form: names and values run together in them.
 *
 * What {if} includes covers only what it asks for: that is signed whenever it
 * is there.  The rest may be left out by whoever leaves that out.
 */

ngx_uint_t
ngx_er_template_covers(ngx_er_template_t *t, ngx_er_ref_t *ref)
{
    ngx_uint_t       i, k, end;
    ngx_er_piece_t  *piece;

    if (ref->kind == NGX_ER_REF_CONST || ref->kind == NGX_ER_REF_SECRET) {
        return 1;
    }

    piece = t->pieces.elts;

    for (i = 0; i < t->pieces.nelts; i++) {

        if (piece[i].kind == NGX_ER_PIECE_VALUE
            && ngx_er_ref_covers(&piece[i].ref, ref))
        {
            return 1;
        }

        if (piece[i].kind != NGX_ER_PIECE_IF) {
            continue;
        }

        end = piece[i].end;

        for (k = i + 1; k < end && ngx_er_ref_equal(&piece[i].ref, ref); k++) {

            if (piece[k].kind == NGX_ER_PIECE_IF) {
                k = piece[k].end;

            } else if (piece[k].kind == NGX_ER_PIECE_VALUE
                       && ngx_er_ref_equal(&piece[k].ref, ref))
            {
                return 1;
            }
        }

        i = end;
    }

    return 0;
}
