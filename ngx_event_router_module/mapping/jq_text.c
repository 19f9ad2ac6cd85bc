
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One walk over the text of an event before libjq reads it.  It finds what two
 * readers would read differently: a key that one object has twice (libjq takes
 * the last one, another reader the first), and numbers that a double does not
 * keep (jq_number.c), which become strings if the configuration says so.
 *
 * Runs in the child process, whose time is bounded.  The document was checked
 * by scan.c, so the walk meets no error of syntax.  All keys are in one table,
 * filed under the number of their object by a hash that nobody can foresee:
 * who sends the event must not be able to make the walk slow.
 *
 * Half of a surrogate pair becomes U+FFFD: libjq 1.6 refuses the event, and
 * 1.7 does the same as here.
 *
 * libjq makes U+FFFD of bytes that are no UTF-8, so two keys that differ there
 * may become one.  They are compared as if any row of such bytes were one
 * U+FFFD: what might be the same is taken for the same.
 */


#include "jq_text.h"
#include "jq_number.h"
#include "../base/fingerprint.h"
#include "../ingest/lexer.h"


#define NGX_ER_JQ_KEYS  64             /* of the table at first */
#define NGX_ER_JQ_NAME  64             /* bytes of a key in a log */


/* an object or an array that is open */

typedef struct {
    ngx_str_t              key;        /* of the member at hand, as it
                                          stands */
    ngx_uint_t             object;     /* its number from 1; 0: an array */
    ngx_uint_t             index;      /* array: of the element at hand */
    ngx_uint_t             begins;     /* 1: a member, with its key */
} ngx_er_jq_level_t;


typedef struct {
    uint64_t               hash;
    ngx_uint_t             object;     /* 0: a free place */
    ngx_str_t              key;
} ngx_er_jq_key_t;


typedef struct {
    ngx_er_jq_text_t      *text;
    ngx_array_t            levels;     /* of ngx_er_jq_level_t */
    ngx_array_t            numbers;    /* of ngx_str_t: to be strings */
    ngx_uint_t             objects;    /* so far */
    ngx_er_jq_key_t       *keys;       /* the table */
    ngx_uint_t             nkeys;
    ngx_uint_t             size;       /* a power of two */
} ngx_er_jq_walk_t;


static ngx_int_t ngx_er_jq_text_walk(ngx_er_jq_walk_t *w, ngx_str_t *json);
static ngx_int_t ngx_er_jq_text_open(ngx_er_jq_walk_t *w, ngx_uint_t object);
static ngx_er_jq_level_t *ngx_er_jq_text_level(ngx_er_jq_walk_t *w);
static void ngx_er_jq_text_comma(ngx_er_jq_walk_t *w);
static ngx_int_t ngx_er_jq_text_member(ngx_er_jq_walk_t *w,
    ngx_str_t *string);
static u_char *ngx_er_jq_text_string(u_char *p, ngx_str_t *string);
static u_char *ngx_er_jq_text_escape(u_char *p);
static ngx_int_t ngx_er_jq_text_key(ngx_er_jq_walk_t *w, ngx_str_t *key);
static ngx_int_t ngx_er_jq_text_plain(ngx_pool_t *pool, ngx_str_t *key);
static ngx_int_t ngx_er_jq_text_grow(ngx_er_jq_walk_t *w);
static ngx_er_jq_key_t *ngx_er_jq_text_place(ngx_er_jq_walk_t *w,
    ngx_er_jq_key_t *key);
static u_char *ngx_er_jq_text_number(u_char *p, u_char *last,
    ngx_str_t *number);
static ngx_int_t ngx_er_jq_text_keep(ngx_er_jq_walk_t *w, ngx_str_t *number);
static ngx_int_t ngx_er_jq_text_fault(ngx_er_jq_walk_t *w,
    ngx_er_jq_fault_e fault);
static ngx_int_t ngx_er_jq_text_path(ngx_er_jq_walk_t *w, ngx_uint_t shown,
    ngx_str_t *path);
static u_char *ngx_er_jq_text_name(u_char *p, u_char *last, ngx_str_t *key,
    ngx_uint_t shown);
static ngx_int_t ngx_er_jq_text_quote(ngx_er_jq_walk_t *w, ngx_str_t *json);


ngx_int_t
ngx_er_jq_text_check(ngx_er_jq_text_t *text, ngx_str_t *json)
{
    ngx_int_t         rc;
    ngx_er_jq_walk_t  w;

    ngx_memzero(&w, sizeof(ngx_er_jq_walk_t));

    w.text = text;
    text->fault = NGX_ER_JQ_FAULT_NONE;

    if (ngx_array_init(&w.levels, text->pool, 16, sizeof(ngx_er_jq_level_t))
        != NGX_OK
        || ngx_array_init(&w.numbers, text->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_jq_text_walk(&w, json);

    return (rc == NGX_OK && w.numbers.nelts) ? ngx_er_jq_text_quote(&w, json)
                                             : rc;
}


static ngx_int_t
ngx_er_jq_text_walk(ngx_er_jq_walk_t *w, ngx_str_t *json)
{
    u_char     *p, *last;
    ngx_int_t   rc;
    ngx_str_t   token;

    rc = NGX_OK;
    p = json->data;
    last = json->data + json->len;

    while (p < last && rc == NGX_OK) {

        switch (*p) {

        case '{':
        case '[':
            rc = ngx_er_jq_text_open(w, *p++ == '{');
            break;

        case '}':
        case ']':
            w->levels.nelts--;
            p++;
            break;

        case ',':
            ngx_er_jq_text_comma(w);
            p++;
            break;

        case '"':
            p = ngx_er_jq_text_string(p, &token);
            rc = ngx_er_jq_text_member(w, &token);
            break;

        case '-':
        case '0': case '1': case '2': case '3': case '4':
        case '5': case '6': case '7': case '8': case '9':
            p = ngx_er_jq_text_number(p, last, &token);
            rc = ngx_er_jq_text_keep(w, &token);
            break;

        default:
            /* a blank, a colon, or a letter of true, false and null */
            p++;
        }
    }

    return rc;
}


static ngx_int_t
ngx_er_jq_text_open(ngx_er_jq_walk_t *w, ngx_uint_t object)
{
    ngx_er_jq_level_t  *level;

    level = ngx_array_push(&w->levels);
    if (level == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&level->key);
    level->object = object ? ++w->objects : 0;
    level->index = 0;
    level->begins = object;

    return NGX_OK;
}


/* the innermost one; NULL: the document is no object and no array */

static ngx_er_jq_level_t *
ngx_er_jq_text_level(ngx_er_jq_walk_t *w)
{
    return w->levels.nelts
           ? (ngx_er_jq_level_t *) w->levels.elts + w->levels.nelts - 1 : NULL;
}


static void
ngx_er_jq_text_comma(ngx_er_jq_walk_t *w)
{
    ngx_er_jq_level_t  *level;

    level = ngx_er_jq_text_level(w);

    level->index++;
    level->begins = (level->object != 0);
}


/* a string is a key or a value */

static ngx_int_t
ngx_er_jq_text_member(ngx_er_jq_walk_t *w, ngx_str_t *string)
{
    ngx_er_jq_level_t  *level;

    level = ngx_er_jq_text_level(w);

    if (level == NULL || !level->begins) {
        return NGX_OK;
    }

    level->begins = 0;
    level->key = *string;

    return ngx_er_jq_text_key(w, string);
}


/* p: the opening quote; behind the closing one is returned */

static u_char *
ngx_er_jq_text_string(u_char *p, ngx_str_t *string)
{
    string->data = ++p;

    while (*p != '"') {
        p = (*p == '\\') ? ngx_er_jq_text_escape(p) : p + 1;
    }

    string->len = p - string->data;

    return p + 1;
}


/* p: a backslash; what is behind the escape is returned.  A pair is one */

static u_char *
ngx_er_jq_text_escape(u_char *p)
{
    ngx_int_t  code, low;

    if (p[1] != 'u') {
        return p + 2;
    }

    code = ngx_hextoi(p + 2, 4);

    if (code < 0xd800 || code > 0xdfff) {
        return p + 6;
    }

    if (code <= 0xdbff && p[6] == '\\' && p[7] == 'u') {
        low = ngx_hextoi(p + 8, 4);

        if (low >= 0xdc00 && low <= 0xdfff) {
            return p + 12;
        }
    }

    ngx_memcpy(p + 2, "fffd", 4);

    return p + 6;
}


static ngx_int_t
ngx_er_jq_text_key(ngx_er_jq_walk_t *w, ngx_str_t *name)
{
    u_char              print[NGX_ER_FINGERPRINT];
    ngx_er_jq_key_t     key, *place;
    ngx_er_jq_level_t  *level;

    level = ngx_er_jq_text_level(w);

    key.key = *name;
    key.object = level->object;

    if (ngx_er_jq_text_plain(w->text->pool, &key.key) != NGX_OK
        || (2 * w->nkeys >= w->size && ngx_er_jq_text_grow(w) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_er_fingerprint(w->text->secret, &key.key, print);
    ngx_memcpy(&key.hash, print, sizeof(uint64_t));

    /* the same key in other objects lies somewhere else */

    key.hash += key.object * 0x9e3779b97f4a7c15ull;

    place = ngx_er_jq_text_place(w, &key);

    if (place->object) {
        return ngx_er_jq_text_fault(w, NGX_ER_JQ_FAULT_TWICE);
    }

    *place = key;
    w->nkeys++;

    return NGX_OK;
}


/* as libjq has it, but for U+FFFD: see above */

static ngx_int_t
ngx_er_jq_text_plain(ngx_pool_t *pool, ngx_str_t *key)
{
    u_char      *p, *q, *last, *dst;
    size_t       i;
    ngx_uint_t   odd;

    for (i = 0; i < key->len; i++) {
        if (key->data[i] >= 0x80 || key->data[i] == '\\') {
            break;
        }
    }

    if (i == key->len) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, key->len);
    dst = ngx_pnalloc(pool, 3 * key->len);

    if (p == NULL || dst == NULL) {
        return NGX_ERROR;
    }

    last = ngx_er_lexer_decode(p, key->data, key->len);
    key->data = dst;
    odd = 0;

    while (p < last) {
        q = (*p < 0x80) ? p + 1 : ngx_er_utf8(p, last);

        if (q == NULL || (q - p == 3 && ngx_memcmp(p, "\xef\xbf\xbd", 3) == 0))
        {
            dst = odd ? dst : ngx_cpymem(dst, "\xef\xbf\xbd", 3);
            p = q ? q : p + 1;
            odd = 1;
            continue;
        }

        dst = ngx_cpymem(dst, p, q - p);
        p = q;
        odd = 0;
    }

    key->len = dst - key->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_jq_text_grow(ngx_er_jq_walk_t *w)
{
    ngx_uint_t        i, size;
    ngx_er_jq_key_t  *old;

    old = w->keys;
    size = w->size;

    w->size = size ? 4 * size : NGX_ER_JQ_KEYS;
    w->keys = ngx_pcalloc(w->text->pool, w->size * sizeof(ngx_er_jq_key_t));

    if (w->keys == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < size; i++) {
        if (old[i].object) {
            *ngx_er_jq_text_place(w, &old[i]) = old[i];
        }
    }

    return NGX_OK;
}


/* where it is, or a free place */

static ngx_er_jq_key_t *
ngx_er_jq_text_place(ngx_er_jq_walk_t *w, ngx_er_jq_key_t *key)
{
    ngx_uint_t        i;
    ngx_er_jq_key_t  *place;

    for (i = key->hash; /* void */ ; i++) {

        place = &w->keys[i & (w->size - 1)];

        if (place->object == 0
            || (place->object == key->object && place->hash == key->hash
                && place->key.len == key->key.len
                && ngx_memcmp(place->key.data, key->key.data, key->key.len)
                   == 0))
        {
            return place;
        }
    }
}


static u_char *
ngx_er_jq_text_number(u_char *p, u_char *last, ngx_str_t *number)
{
    number->data = p;

    while (p < last
           && ((*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == '.'
               || (*p | 0x20) == 'e'))
    {
        p++;
    }

    number->len = p - number->data;

    return p;
}


static ngx_int_t
ngx_er_jq_text_keep(ngx_er_jq_walk_t *w, ngx_str_t *number)
{
    ngx_str_t  *string;

    if (ngx_er_jq_number_kept(number)) {
        return NGX_OK;
    }

    if (!w->text->strings) {
        return ngx_er_jq_text_fault(w, NGX_ER_JQ_FAULT_NUMBER);
    }

    string = ngx_array_push(&w->numbers);
    if (string == NULL) {
        return NGX_ERROR;
    }

    *string = *number;

    return NGX_OK;
}


static ngx_int_t
ngx_er_jq_text_fault(ngx_er_jq_walk_t *w, ngx_er_jq_fault_e fault)
{
    w->text->fault = fault;

    return (ngx_er_jq_text_path(w, 0, &w->text->path) == NGX_OK
            && ngx_er_jq_text_path(w, 1, &w->text->shown) == NGX_OK)
           ? NGX_DECLINED : NGX_ERROR;
}


static ngx_int_t
ngx_er_jq_text_path(ngx_er_jq_walk_t *w, ngx_uint_t shown, ngx_str_t *path)
{
    u_char             *p, *last;
    ngx_uint_t          i;
    ngx_er_jq_level_t  *level;

    p = ngx_pnalloc(w->text->pool, NGX_ER_JQ_PATH);
    if (p == NULL) {
        return NGX_ERROR;
    }

    path->data = p;
    last = p + NGX_ER_JQ_PATH;
    level = w->levels.elts;

    for (i = 0; i < w->levels.nelts; i++) {

        if (level[i].object == 0) {
            p = ngx_snprintf(p, last - p, "[%ui]", level[i].index);
            continue;
        }

        if (i) {
            p = ngx_snprintf(p, last - p, ".");
        }

        p = ngx_er_jq_text_name(p, last, &level[i].key, shown);
    }

    path->len = p - path->data;

    return NGX_OK;
}


static u_char *
ngx_er_jq_text_name(u_char *p, u_char *last, ngx_str_t *key,
    ngx_uint_t shown)
{
    u_char      c;
    size_t      i;
    ngx_uint_t  plain;

    plain = (key->len > 0 && key->len <= NGX_ER_JQ_NAME);

    for (i = 0; i < key->len && plain; i++) {
        c = key->data[i];

        plain = (c >= '0' && c <= '9') || c == '_' || c == '-'
                || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    }

    if (plain) {
        return ngx_snprintf(p, last - p, "%V", key);
    }

    return shown ? ngx_snprintf(p, last - p, "*")
                 : ngx_snprintf(p, last - p, "\"%V\"", key);
}


/* each of the numbers between quotes */

static ngx_int_t
ngx_er_jq_text_quote(ngx_er_jq_walk_t *w, ngx_str_t *json)
{
    u_char      *p, *from;
    ngx_str_t   *number, text;
    ngx_uint_t   i;

    text.len = json->len + 2 * w->numbers.nelts;
    text.data = ngx_pnalloc(w->text->pool, text.len);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = text.data;
    from = json->data;
    number = w->numbers.elts;

    for (i = 0; i < w->numbers.nelts; i++) {
        p = ngx_cpymem(p, from, number[i].data - from);
        *p++ = '"';
        p = ngx_cpymem(p, number[i].data, number[i].len);
        *p++ = '"';

        from = number[i].data + number[i].len;
    }

    ngx_memcpy(p, from, json->data + json->len - from);

    *json = text;

    return NGX_OK;
}
