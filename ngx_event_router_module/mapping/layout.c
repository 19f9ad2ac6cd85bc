
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates of JSON, compiled.  The reader here is a parser of JSON with a few
 * words more, so a template that it takes makes JSON whatever an event says:
 * where a value belongs stands one, in both branches of an {if} too, and what
 * a place writes is a value, or a part of a string.
 *
 * Commas are the only thing that depends on the event, because members and
 * elements may vanish.  A comma that is certain is text; one that is not is a
 * piece that looks whether something stands in front of it.  Around {if},
 * {each}, {else} and {end} commas may be written or not.
 *
 * What comes out is one list of pieces, in the order in which they are
 * written.  {if} and {each} are jumps in it, and so is a member that vanishes:
 * in front of it stands a mark, to which the printer goes back.  Marks that
 * nobody needs are taken out again, and texts side by side become one.
 *
 * Called by layout_body.c while nginx.conf is read.  Pure.  What is wrong is a
 * sentence with file, line and column; nothing can fail later on.
 */


#include "layout.h"
#include "layout_pieces.h"
#include "layout_place.h"
#include "../ingest/lexer.h"


/* of a list: whether something stands in front of what comes */

typedef enum {
    NGX_ER_LAYOUT_FIRST = 0,           /* certainly not */
    NGX_ER_LAYOUT_MAYBE,
    NGX_ER_LAYOUT_BEHIND               /* certainly */
} ngx_er_layout_comma_e;


/* of a list: what was read last */

typedef enum {
    NGX_ER_LAYOUT_OPENED = 0,
    NGX_ER_LAYOUT_ITEM,
    NGX_ER_LAYOUT_TAG,
    NGX_ER_LAYOUT_COMMA_READ
} ngx_er_layout_last_e;


/* a list of members or elements */

typedef struct {
    ngx_er_layout_comma_e      comma;
    u_char                     close;      /* "}" or "]" */
    u_char                    *group;      /* the tag that it is in; NULL: it
                                              is in none */
    ngx_uint_t                 keys;       /* the first of it in p->keys */
} ngx_er_layout_list_t;


typedef struct {
    ngx_er_layout_reader_t     r;
    ngx_er_layout_pieces_t     pieces;
    ngx_array_t                vanishing;  /* of uint32_t: pieces that go to
                                              the end of the item at hand */
    ngx_array_t                keys;       /* of ngx_str_t: of the objects that
                                              are open */
    ngx_uint_t                 depth;
    ngx_uint_t                 item;       /* in a member or an element */
} ngx_er_layout_parser_t;


static ngx_int_t ngx_er_layout_parser_init(ngx_er_layout_parser_t *p,
    ngx_pool_t *pool, ngx_str_t *name, ngx_str_t *text);
static ngx_int_t ngx_er_layout_document(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_value(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_value_tag(ngx_er_layout_parser_t *p,
    ngx_er_layout_tag_e tag);
static ngx_int_t ngx_er_layout_value_if(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_bare_value(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_container(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_items(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list);
static ngx_int_t ngx_er_layout_items_end(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list, ngx_er_layout_last_e last);
static ngx_int_t ngx_er_layout_entry(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list);
static void ngx_er_layout_entry_end(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list, ngx_uint_t mark, ngx_uint_t base);
static ngx_int_t ngx_er_layout_key(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list);
static ngx_int_t ngx_er_layout_key_add(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list, u_char *at, ngx_str_t *key);
static ngx_int_t ngx_er_layout_group_if(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list);
static ngx_int_t ngx_er_layout_group_else(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list, ngx_uint_t keys);
static ngx_int_t ngx_er_layout_group_each(ngx_er_layout_parser_t *p,
    ngx_er_layout_list_t *list);
static ngx_int_t ngx_er_layout_string(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_string_part(ngx_er_layout_parser_t *p,
    u_char *group);
static ngx_int_t ngx_er_layout_string_brace(ngx_er_layout_parser_t *p,
    u_char *group);
static ngx_int_t ngx_er_layout_string_if(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_string_each(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_escape(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_put_place(ngx_er_layout_parser_t *p,
    ngx_uint_t string);
static ngx_int_t ngx_er_layout_deeper(ngx_er_layout_parser_t *p);
static ngx_er_layout_tag_e ngx_er_layout_next_tag(ngx_er_layout_parser_t *p);
static ngx_int_t ngx_er_layout_end_tag(ngx_er_layout_parser_t *p,
    u_char *group);
static ngx_int_t ngx_er_layout_put(ngx_er_layout_parser_t *p,
    ngx_er_layout_piece_e kind, void *what);
static ngx_int_t ngx_er_layout_put_text(ngx_er_layout_parser_t *p,
    const void *text, size_t len);
static ngx_int_t ngx_er_layout_vanishes(ngx_er_layout_parser_t *p);
static void ngx_er_layout_blanks(ngx_er_layout_parser_t *p);


ngx_er_layout_t *
ngx_er_layout_compile(ngx_pool_t *pool, ngx_str_t *name, ngx_str_t *text,
    ngx_er_layout_file_pt file, void *data, ngx_er_error_t *err)
{
    ngx_er_layout_parser_t  p;

    ngx_memzero(&p, sizeof(ngx_er_layout_parser_t));

    p.r.file = file;
    p.r.data = data;
    p.r.err = err;

    if (ngx_er_layout_parser_init(&p, pool, name, text) != NGX_OK) {
        ngx_er_error(err, "%V: no memory for a template", name);
        return NULL;
    }

    if (ngx_er_layout_document(&p) != NGX_OK) {
        return NULL;
    }

    if (ngx_er_layout_pieces_squeeze(&p.pieces, p.r.layout) != NGX_OK) {
        ngx_er_error(err, "%V: no memory for a template", name);
        return NULL;
    }

    return p.r.layout;
}


static ngx_int_t
ngx_er_layout_parser_init(ngx_er_layout_parser_t *p, ngx_pool_t *pool,
    ngx_str_t *name, ngx_str_t *text)
{
    ngx_uint_t        i;
    ngx_er_layout_t  *layout;

    layout = ngx_pcalloc(pool, sizeof(ngx_er_layout_t));
    if (layout == NULL) {
        return NGX_ERROR;
    }

    layout->name = *name;

    for (i = 0; i < NGX_ER_LAYOUT_DOCUMENTS; i++) {
        layout->fields[i] = ngx_er_fields_create(pool);
        if (layout->fields[i] == NULL) {
            return NGX_ERROR;
        }

        layout->fields[i]->parse = ngx_er_field_stored;
    }

    p->r.pool = pool;
    p->r.layout = layout;
    p->r.start = text->data;
    p->r.p = text->data + ngx_er_lexer_bom(text);
    p->r.last = text->data + text->len;

    /* a text that is written is never longer than what it stands for: a comma
       that is not in the template stands for a tag */

    if (ngx_er_layout_pieces_init(&p->pieces, pool, text->len + 1) != NGX_OK
        || ngx_array_init(&p->vanishing, pool, 4, sizeof(uint32_t)) != NGX_OK
        || ngx_array_init(&p->keys, pool, 16, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&p->r.tables, pool, 1, 2 * sizeof(ngx_str_t));
}


static ngx_int_t
ngx_er_layout_document(ngx_er_layout_parser_t *p)
{
    ngx_str_t  text;

    text.data = p->r.p;
    text.len = p->r.last - p->r.p;

    if (text.len > NGX_ER_LAYOUT_MAX) {
        return ngx_er_layout_fail(&p->r, p->r.start, "a template has at most "
                                  "%d bytes", NGX_ER_LAYOUT_MAX);
    }

    if (!ngx_er_is_utf8(&text)) {
        return ngx_er_layout_fail(&p->r, p->r.start, "the template is not "
                                  "UTF-8: save it as such");
    }

    if (ngx_er_layout_value(p) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_layout_blanks(p);

    if (p->r.p < p->r.last) {
        return ngx_er_layout_fail(&p->r, p->r.p, "something stands behind the "
                                  "template's value: a body is one object, "
                                  "one array or one place");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_value(ngx_er_layout_parser_t *p)
{
    u_char                 c;
    ngx_int_t              rc;
    ngx_er_layout_tag_e    tag;

    ngx_er_layout_blanks(p);

    if (p->r.p == p->r.last) {
        return ngx_er_layout_fail(&p->r, p->r.p, "the template ends where a "
                                  "value is missing");
    }

    if (ngx_er_layout_deeper(p) != NGX_OK) {
        return NGX_ERROR;
    }

    c = *p->r.p;
    tag = ngx_er_layout_next_tag(p);

    if (tag != NGX_ER_LAYOUT_TAG_NONE) {
        rc = ngx_er_layout_value_tag(p, tag);

    } else if (c == '{' || c == '[') {
        rc = ngx_er_layout_container(p);

    } else if (c == '"') {
        rc = ngx_er_layout_string(p);

    } else {
        rc = ngx_er_layout_bare_value(p);
    }

    p->depth--;

    return rc;
}


static ngx_int_t
ngx_er_layout_value_tag(ngx_er_layout_parser_t *p, ngx_er_layout_tag_e tag)
{
    switch (tag) {

    case NGX_ER_LAYOUT_TAG_PLACE:
        return ngx_er_layout_put_place(p, 0);

    case NGX_ER_LAYOUT_TAG_IF:
        return ngx_er_layout_value_if(p);

    case NGX_ER_LAYOUT_TAG_EACH:
        return ngx_er_layout_fail(&p->r, p->r.p, "{each} makes elements, so "
                                  "it stands in an array: write [ {each ...} "
                                  "... {end} ]");

    default: /* {else}, {end} */
        return ngx_er_layout_fail(&p->r, p->r.p, "a value is missing in front "
                                  "of this");
    }
}


/* one value in either case; without {else} the member vanishes */

static ngx_int_t
ngx_er_layout_value_if(ngx_er_layout_parser_t *p)
{
    u_char                *group;
    ngx_uint_t             test, jump;
    ngx_er_layout_test_t  *condition;

    group = p->r.p;

    condition = ngx_er_layout_test(&p->r);
    if (condition == NULL) {
        return NGX_ERROR;
    }

    test = p->pieces.list.nelts;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_IF, condition) != NGX_OK
        || ngx_er_layout_value(p) != NGX_OK)
    {
        return NGX_ERROR;
    }

    jump = p->pieces.list.nelts;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_JUMP, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_layout_pieces_lead(&p->pieces, test);
    ngx_er_layout_blanks(p);

    if (ngx_er_layout_next_tag(p) == NGX_ER_LAYOUT_TAG_ELSE) {

        if (ngx_er_layout_bare(&p->r) != NGX_OK
            || ngx_er_layout_value(p) != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (!p->item) {
        return ngx_er_layout_fail(&p->r, group, "{if} needs an {else} here: "
                                  "without it there would be no body at all");

    } else if (ngx_er_layout_put(p, NGX_ER_LAYOUT_VANISH, NULL) != NGX_OK
               || ngx_er_layout_vanishes(p) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_layout_pieces_lead(&p->pieces, jump);
    ngx_er_layout_blanks(p);

    return ngx_er_layout_end_tag(p, group);
}


/* a number, true, false, null */

static ngx_int_t
ngx_er_layout_bare_value(ngx_er_layout_parser_t *p)
{
    u_char                *end;
    ngx_str_t              text;
    ngx_er_scan_t          guard;
    ngx_er_scan_limits_t   limits;

    for (end = p->r.p;
         end < p->r.last && ngx_strchr(" \t\r\n,{}[]\":", *end) == NULL;
         end++)
    {
        /* void */
    }

    text.data = p->r.p;
    text.len = end - p->r.p;

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&guard, sizeof(ngx_er_scan_t));

    guard.pool = p->r.pool;
    guard.limits = &limits;
    guard.strict = 1;

    if (ngx_er_scan(&guard, &text) != NGX_OK) {
        return ngx_er_layout_fail(&p->r, p->r.p, "here must be a value of "
                                  "JSON, or a place: a text stands in double "
                                  "quotes, a place in braces");
    }

    p->r.p = end;

    return ngx_er_layout_put_text(p, text.data, text.len);
}


static ngx_int_t
ngx_er_layout_container(ngx_er_layout_parser_t *p)
{
    ngx_uint_t            item;
    ngx_er_layout_list_t  list;

    ngx_memzero(&list, sizeof(ngx_er_layout_list_t));

    list.close = (*p->r.p == '{') ? '}' : ']';
    list.keys = p->keys.nelts;

    item = p->item;
    p->item = 1;

    if (ngx_er_layout_put_text(p, p->r.p++, 1) != NGX_OK
        || ngx_er_layout_items(p, &list) != NGX_OK
        || ngx_er_layout_put_text(p, p->r.p++, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p->item = item;
    p->keys.nelts = list.keys;

    return NGX_OK;
}


/* up to the bracket that closes it, or to {else} or {end} of its group */

static ngx_int_t
ngx_er_layout_items(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list)
{
    ngx_int_t             rc;
    ngx_er_layout_tag_e   tag;
    ngx_er_layout_last_e  last;

    last = list->group ? NGX_ER_LAYOUT_TAG : NGX_ER_LAYOUT_OPENED;

    for ( ;; ) {

        ngx_er_layout_blanks(p);
        tag = ngx_er_layout_next_tag(p);

        if (p->r.p == p->r.last || *p->r.p == '}' || *p->r.p == ']'
            || tag == NGX_ER_LAYOUT_TAG_ELSE || tag == NGX_ER_LAYOUT_TAG_END)
        {
            return ngx_er_layout_items_end(p, list, last);
        }

        if (*p->r.p == ',') {

            if (last == NGX_ER_LAYOUT_OPENED
                || last == NGX_ER_LAYOUT_COMMA_READ)
            {
                return ngx_er_layout_fail(&p->r, p->r.p, "a comma stands here "
                                          "without something in front of it");
            }

            p->r.p++;
            last = NGX_ER_LAYOUT_COMMA_READ;
            continue;
        }

        if (tag == NGX_ER_LAYOUT_TAG_IF || tag == NGX_ER_LAYOUT_TAG_EACH) {
            rc = (tag == NGX_ER_LAYOUT_TAG_IF)
                 ? ngx_er_layout_group_if(p, list)
                 : ngx_er_layout_group_each(p, list);

            last = NGX_ER_LAYOUT_TAG;

        } else if (last == NGX_ER_LAYOUT_ITEM) {
            rc = ngx_er_layout_fail(&p->r, p->r.p, "a comma is missing in "
                                    "front of this");

        } else {
            rc = ngx_er_layout_entry(p, list);
            last = NGX_ER_LAYOUT_ITEM;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_er_layout_items_end(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list,
    ngx_er_layout_last_e last)
{
    if (list->group) {

        if (p->r.p < p->r.last && *p->r.p == '{') {
            return NGX_OK;
        }

        return ngx_er_layout_fail(&p->r, list->group, "this has no {end}, or "
                                  "stands with one foot in another list: what "
                                  "is between it and its {end} are whole "
                                  "members or elements");
    }

    if (p->r.p == p->r.last) {
        return ngx_er_layout_fail(&p->r, p->r.p, "the template ends where "
                                  "\"%c\" is missing", list->close);
    }

    if (*p->r.p == '{') {
        return ngx_er_layout_fail(&p->r, p->r.p, "this belongs to no {if} or "
                                  "{each} of the same list");
    }

    if (*p->r.p != list->close) {
        return ngx_er_layout_fail(&p->r, p->r.p, "here \"%c\" is missing",
                                  list->close);
    }

    if (last == NGX_ER_LAYOUT_COMMA_READ) {
        return ngx_er_layout_fail(&p->r, p->r.p, "a comma stands in front of "
                                  "this, with nothing behind it");
    }

    return NGX_OK;
}


/* a member or an element */

static ngx_int_t
ngx_er_layout_entry(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list)
{
    ngx_uint_t  mark, base;

    mark = p->pieces.list.nelts;
    base = p->vanishing.nelts;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_MARK, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    if (list->comma == NGX_ER_LAYOUT_BEHIND
        && ngx_er_layout_put_text(p, ",", 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (list->comma == NGX_ER_LAYOUT_MAYBE
        && ngx_er_layout_put(p, NGX_ER_LAYOUT_COMMA, NULL) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (list->close == '}' && ngx_er_layout_key(p, list) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_layout_value(p) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_layout_entry_end(p, list, mark, base);

    return NGX_OK;
}


static void
ngx_er_layout_entry_end(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list,
    ngx_uint_t mark, ngx_uint_t base)
{
    uint32_t  *vanishing;

    vanishing = p->vanishing.elts;

    if (p->vanishing.nelts == base) {
        ngx_er_layout_pieces_drop(&p->pieces, mark);
        list->comma = NGX_ER_LAYOUT_BEHIND;
        return;
    }

    while (p->vanishing.nelts > base) {
        ngx_er_layout_pieces_lead(&p->pieces, vanishing[--p->vanishing.nelts]);
    }

    if (list->comma == NGX_ER_LAYOUT_FIRST) {
        list->comma = NGX_ER_LAYOUT_MAYBE;
    }
}


/* "key": */

static ngx_int_t
ngx_er_layout_key(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list)
{
    u_char     *at, *text;
    ngx_str_t   key;

    at = p->r.p;

    if (*at != '"') {
        return ngx_er_layout_fail(&p->r, at, (*at == '{')
                                  ? "here must be a key in double quotes: a "
                                    "place has one brace, {data.x}, and is a "
                                    "value"
                                  : "here must be a key in double quotes");
    }

    text = p->pieces.text;

    if (ngx_er_layout_put_text(p, p->r.p++, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    while (p->r.p < p->r.last && *p->r.p != '"') {

        if (ngx_er_layout_next_tag(p) != NGX_ER_LAYOUT_TAG_NONE) {
            return ngx_er_layout_fail(&p->r, p->r.p, "a key cannot have a "
                                      "place: two of them could become the "
                                      "same key.  A brace that is meant is "
                                      "written \"\\{\"");
        }

        if (ngx_er_layout_escape(p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (p->r.p == p->r.last) {
        return ngx_er_layout_fail(&p->r, at, "this quote has no other end");
    }

    key.data = text + 1;
    key.len = p->pieces.text - key.data;

    p->r.p++;
    ngx_er_layout_blanks(p);

    if (p->r.p == p->r.last || *p->r.p != ':') {
        return ngx_er_layout_fail(&p->r, p->r.p, "\":\" is missing behind the "
                                  "key");
    }

    p->r.p++;

    if (ngx_er_layout_put_text(p, "\":", 2) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_layout_key_add(p, list, at, &key);
}


/* key: as it is written */

static ngx_int_t
ngx_er_layout_key_add(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list,
    u_char *at, ngx_str_t *key)
{
    u_char      *dst;
    ngx_str_t   *keys;
    ngx_uint_t   i;

    dst = ngx_pnalloc(p->r.pool, ngx_max(key->len, 1));
    if (dst == NULL) {
        return ngx_er_layout_fail(&p->r, at, "no memory for a key");
    }

    key->len = ngx_er_lexer_decode(dst, key->data, key->len) - dst;
    key->data = dst;

    keys = p->keys.elts;

    for (i = list->keys; i < p->keys.nelts; i++) {
        if (keys[i].len == key->len
            && ngx_memcmp(keys[i].data, key->data, key->len) == 0)
        {
            return ngx_er_layout_fail(&p->r, at, "the object has the key "
                                      "\"%V\" already", key);
        }
    }

    keys = ngx_array_push(&p->keys);
    if (keys == NULL) {
        return ngx_er_layout_fail(&p->r, at, "no memory for a key");
    }

    *keys = *key;

    return NGX_OK;
}


/* members or elements that are there or not */

static ngx_int_t
ngx_er_layout_group_if(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list)
{
    ngx_uint_t             test, jump, keys;
    ngx_er_layout_list_t   branch, other;
    ngx_er_layout_test_t  *condition;

    branch = *list;
    branch.group = p->r.p;
    other = branch;
    keys = p->keys.nelts;

    condition = ngx_er_layout_test(&p->r);
    if (condition == NULL || ngx_er_layout_deeper(p) != NGX_OK) {
        return NGX_ERROR;
    }

    test = p->pieces.list.nelts;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_IF, condition) != NGX_OK
        || ngx_er_layout_items(p, &branch) != NGX_OK)
    {
        return NGX_ERROR;
    }

    jump = p->pieces.list.nelts;

    if (ngx_er_layout_next_tag(p) == NGX_ER_LAYOUT_TAG_ELSE) {

        if (ngx_er_layout_put(p, NGX_ER_LAYOUT_JUMP, NULL) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_layout_pieces_lead(&p->pieces, test);

        if (ngx_er_layout_group_else(p, &other, keys) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_layout_pieces_lead(&p->pieces, jump);

    } else {
        ngx_er_layout_pieces_lead(&p->pieces, test);
    }

    list->comma = (branch.comma == other.comma) ? other.comma
                                                : NGX_ER_LAYOUT_MAYBE;

    p->depth--;

    return ngx_er_layout_end_tag(p, branch.group);
}


/* the keys from "keys" on are those of the other branch */

static ngx_int_t
ngx_er_layout_group_else(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list,
    ngx_uint_t keys)
{
    size_t      size;
    ngx_str_t  *other, *slot;
    ngx_uint_t  n;

    n = p->keys.nelts - keys;
    size = n * sizeof(ngx_str_t);

    other = ngx_palloc(p->r.pool, ngx_max(size, 1));
    if (other == NULL) {
        return ngx_er_layout_fail(&p->r, p->r.p, "no memory for keys");
    }

    if (n) {
        ngx_memcpy(other, (ngx_str_t *) p->keys.elts + keys, size);
    }

    p->keys.nelts = keys;

    if (ngx_er_layout_bare(&p->r) != NGX_OK
        || ngx_er_layout_items(p, list) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    slot = ngx_array_push_n(&p->keys, n);
    if (slot == NULL) {
        return ngx_er_layout_fail(&p->r, p->r.p, "no memory for keys");
    }

    ngx_memcpy(slot, other, size);

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_group_each(ngx_er_layout_parser_t *p, ngx_er_layout_list_t *list)
{
    ngx_uint_t             start;
    ngx_er_layout_each_t  *each, *outer;
    ngx_er_layout_list_t   inner;

    if (list->close == '}') {
        return ngx_er_layout_fail(&p->r, p->r.p, "{each} makes elements, so "
                                  "it stands in an array: in an object its "
                                  "keys would come again and again");
    }

    inner = *list;
    inner.group = p->r.p;

    if (inner.comma == NGX_ER_LAYOUT_FIRST) {
        inner.comma = NGX_ER_LAYOUT_MAYBE;
    }

    each = ngx_er_layout_each(&p->r);
    if (each == NULL || ngx_er_layout_deeper(p) != NGX_OK) {
        return NGX_ERROR;
    }

    start = p->pieces.list.nelts;
    outer = p->r.each;
    p->r.each = each;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_EACH, each) != NGX_OK
        || ngx_er_layout_items(p, &inner) != NGX_OK
        || ngx_er_layout_put(p, NGX_ER_LAYOUT_NEXT, each) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_layout_pieces_back(&p->pieces, start);

    p->r.each = outer;
    p->depth--;

    if (list->comma == NGX_ER_LAYOUT_FIRST) {
        list->comma = NGX_ER_LAYOUT_MAYBE;
    }

    return ngx_er_layout_end_tag(p, inner.group);
}


static ngx_int_t
ngx_er_layout_string(ngx_er_layout_parser_t *p)
{
    u_char  *at;

    at = p->r.p;

    if (ngx_er_layout_put_text(p, p->r.p++, 1) != NGX_OK
        || ngx_er_layout_string_part(p, NULL) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (p->r.p == p->r.last) {
        return ngx_er_layout_fail(&p->r, at, "this quote has no other end");
    }

    return ngx_er_layout_put_text(p, p->r.p++, 1);
}


/* up to the quote, or to {else} or {end} of the group that it is in */

static ngx_int_t
ngx_er_layout_string_part(ngx_er_layout_parser_t *p, u_char *group)
{
    ngx_int_t  rc;

    while (p->r.p < p->r.last && *p->r.p != '"') {

        if (*p->r.p != '{') {
            rc = ngx_er_layout_escape(p);

        } else {
            rc = ngx_er_layout_string_brace(p, group);
        }

        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (group) {
        return ngx_er_layout_fail(&p->r, group, "this has no {end} in the "
                                  "same string");
    }

    return NGX_OK;
}


/* NGX_DONE: it is the {else} or {end} of the group */

static ngx_int_t
ngx_er_layout_string_brace(ngx_er_layout_parser_t *p, u_char *group)
{
    ngx_er_layout_reader_t  r;

    switch (ngx_er_layout_next_tag(p)) {

    case NGX_ER_LAYOUT_TAG_PLACE:
        return ngx_er_layout_put_place(p, 1);

    case NGX_ER_LAYOUT_TAG_IF:
        return ngx_er_layout_string_if(p);

    case NGX_ER_LAYOUT_TAG_EACH:
        return ngx_er_layout_string_each(p);

    case NGX_ER_LAYOUT_TAG_ELSE:
    case NGX_ER_LAYOUT_TAG_END:

        if (group) {
            return NGX_DONE;
        }

        return ngx_er_layout_fail(&p->r, p->r.p, "this belongs to no {if} or "
                                  "{each} of the same string");

    default:
        break;
    }

    r = p->r;
    r.p++;

    if (r.p < r.last && *r.p == '{'
        && ngx_er_layout_tag(&r) != NGX_ER_LAYOUT_TAG_NONE)
    {
        return ngx_er_layout_fail(&p->r, p->r.p, "a place has one brace: "
                                  "write {data.x}; a brace that is meant in "
                                  "front of it is written \"\\{\"");
    }

    return ngx_er_layout_put_text(p, p->r.p++, 1);
}


static ngx_int_t
ngx_er_layout_string_if(ngx_er_layout_parser_t *p)
{
    u_char                *group;
    ngx_uint_t             test, jump;
    ngx_er_layout_test_t  *condition;

    group = p->r.p;

    condition = ngx_er_layout_test(&p->r);
    if (condition == NULL || ngx_er_layout_deeper(p) != NGX_OK) {
        return NGX_ERROR;
    }

    test = p->pieces.list.nelts;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_IF, condition) != NGX_OK
        || ngx_er_layout_string_part(p, group) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_layout_next_tag(p) == NGX_ER_LAYOUT_TAG_ELSE) {
        jump = p->pieces.list.nelts;

        if (ngx_er_layout_put(p, NGX_ER_LAYOUT_JUMP, NULL) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_layout_pieces_lead(&p->pieces, test);

        if (ngx_er_layout_bare(&p->r) != NGX_OK
            || ngx_er_layout_string_part(p, group) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_er_layout_pieces_lead(&p->pieces, jump);

    } else {
        ngx_er_layout_pieces_lead(&p->pieces, test);
    }

    p->depth--;

    return ngx_er_layout_end_tag(p, group);
}


static ngx_int_t
ngx_er_layout_string_each(ngx_er_layout_parser_t *p)
{
    u_char                *group;
    ngx_uint_t             start;
    ngx_er_layout_each_t  *each, *outer;

    group = p->r.p;

    each = ngx_er_layout_each(&p->r);
    if (each == NULL || ngx_er_layout_deeper(p) != NGX_OK) {
        return NGX_ERROR;
    }

    start = p->pieces.list.nelts;
    outer = p->r.each;
    p->r.each = each;

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_EACH, each) != NGX_OK
        || ngx_er_layout_string_part(p, group) != NGX_OK
        || ngx_er_layout_put(p, NGX_ER_LAYOUT_NEXT, each) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_layout_pieces_back(&p->pieces, start);

    p->r.each = outer;
    p->depth--;

    return ngx_er_layout_end_tag(p, group);
}


/* one character of a string as JSON writes it, and "\{" */

static ngx_int_t
ngx_er_layout_escape(ngx_er_layout_parser_t *p)
{
    u_char     *at, *last;
    ngx_int_t   code, low;

    at = p->r.p;
    last = p->r.last;

    if (*at < 0x20) {
        return ngx_er_layout_fail(&p->r, at, "a string goes on behind the end "
                                  "of its line, or has a tab in it: write "
                                  "\\n or \\t");
    }

    if (*at != '\\') {
        p->r.p++;
        return ngx_er_layout_put_text(p, at, 1);
    }

    if (last - at >= 2 && at[1] == '{') {
        p->r.p += 2;
        return ngx_er_layout_put_text(p, "{", 1);
    }

    if (last - at >= 2 && at[1] && ngx_strchr("\"\\/bfnrt", at[1])) {
        p->r.p += 2;
        return ngx_er_layout_put_text(p, at, 2);
    }

    code = (last - at >= 6 && at[1] == 'u') ? ngx_hextoi(at + 2, 4)
                                            : NGX_ERROR;
    p->r.p += 6;

    if (code >= 0xd800 && code <= 0xdbff) {
        low = (last - at >= 12 && at[6] == '\\' && at[7] == 'u')
              ? ngx_hextoi(at + 8, 4) : NGX_ERROR;

        code = (low >= 0xdc00 && low <= 0xdfff) ? low : NGX_ERROR;
        p->r.p += 6;

    } else if (code >= 0xdc00 && code <= 0xdfff) {
        code = NGX_ERROR;
    }

    if (code == NGX_ERROR) {
        return ngx_er_layout_fail(&p->r, at, "this escape is none of JSON: "
                                  "there are \\\" \\\\ \\/ \\b \\f \\n "
                                  "\\r \\t and \\uXXXX, in pairs beyond "
                                  "\\uffff; and \\{ for a brace of which no "
                                  "place begins");
    }

    return ngx_er_layout_put_text(p, at, p->r.p - at);
}


static ngx_int_t
ngx_er_layout_put_place(ngx_er_layout_parser_t *p, ngx_uint_t string)
{
    u_char                 *at;
    ngx_er_layout_place_t  *place;

    at = p->r.p;

    place = ngx_er_layout_place(&p->r, string);
    if (place == NULL) {
        return NGX_ERROR;
    }

    if (place->optional && !p->item) {
        return ngx_er_layout_fail(&p->r, at, "\"?\" lets a member of an "
                                  "object or an element of an array vanish, "
                                  "which this is not in: give it a default, "
                                  "{%V|null}", &place->text);
    }

    if (ngx_er_layout_put(p, NGX_ER_LAYOUT_PLACE, place) != NGX_OK) {
        return NGX_ERROR;
    }

    return place->optional ? ngx_er_layout_vanishes(p) : NGX_OK;
}


static ngx_int_t
ngx_er_layout_deeper(ngx_er_layout_parser_t *p)
{
    if (++p->depth > NGX_ER_LAYOUT_DEPTH) {
        return ngx_er_layout_fail(&p->r, p->r.p, "more than %d objects, "
                                  "arrays and words are in one another",
                                  NGX_ER_LAYOUT_DEPTH);
    }

    return NGX_OK;
}


static ngx_er_layout_tag_e
ngx_er_layout_next_tag(ngx_er_layout_parser_t *p)
{
    return (p->r.p < p->r.last && *p->r.p == '{')
           ? ngx_er_layout_tag(&p->r) : NGX_ER_LAYOUT_TAG_NONE;
}


static ngx_int_t
ngx_er_layout_end_tag(ngx_er_layout_parser_t *p, u_char *group)
{
    if (ngx_er_layout_next_tag(p) != NGX_ER_LAYOUT_TAG_END) {
        return ngx_er_layout_fail(&p->r, group, "this has no {end} where it "
                                  "should have one, in line %ui",
                                  ngx_er_layout_line(&p->r, p->r.p));
    }

    return ngx_er_layout_bare(&p->r);
}


static ngx_int_t
ngx_er_layout_put(ngx_er_layout_parser_t *p, ngx_er_layout_piece_e kind,
    void *what)
{
    if (ngx_er_layout_pieces_add(&p->pieces, kind, what) != NGX_OK) {
        return ngx_er_layout_fail(&p->r, p->r.p, "no memory for a template");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_put_text(ngx_er_layout_parser_t *p, const void *text, size_t len)
{
    if (ngx_er_layout_pieces_text(&p->pieces, text, len) != NGX_OK) {
        return ngx_er_layout_fail(&p->r, p->r.p, "no memory for a template");
    }

    return NGX_OK;
}


/* the last piece leads to the end of the member or element at hand */

static ngx_int_t
ngx_er_layout_vanishes(ngx_er_layout_parser_t *p)
{
    uint32_t  *slot;

    slot = ngx_array_push(&p->vanishing);
    if (slot == NULL) {
        return ngx_er_layout_fail(&p->r, p->r.p, "no memory for a template");
    }

    *slot = p->pieces.list.nelts - 1;

    return NGX_OK;
}


static void
ngx_er_layout_blanks(ngx_er_layout_parser_t *p)
{
    p->r.p = ngx_er_lexer_blanks(p->r.p, p->r.last, 0);
}
