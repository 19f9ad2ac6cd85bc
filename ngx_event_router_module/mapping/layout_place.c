
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What stands between the braces of a template:
 *
 *     {FIELD}  {FIELD?}  {FIELD|DEFAULT}  {FIELD|filter|filter("x")|DEFAULT}
 *     {map FILE FIELD}                     "?", filters, a default as above
 *     {if FIELD [not] OP VALUE...} {else} {each FIELD} {end}
 *
 * A brace begins one of these if a letter, "." or "$" follows it, with blanks
 * in between or not: no text of JSON has that outside of its strings.  Behind
 * "|" a value of JSON is the default, and a bare word is a filter, so the two
 * are never taken for each other.
 *
 * Fields and conditions are those of routes.  Those that begin with "." are
 * about the element of the each around them or, outside of one, of the element
 * of "split", which is a document of its own with fields of its own.
 *
 * Called by layout.c while nginx.conf is read.  Pure: files that "map" names
 * come from a function of the caller.  What is wrong is a sentence in err,
 * with its place.
 */


#include "layout_place.h"
#include "layout_out.h"
#include "../conf/nearest.h"
#include "../route/misread.h"


#define NGX_ER_LAYOUT_WORDS  256       /* of a condition */


/* a table that was read */

typedef struct {
    ngx_str_t                  name;
    ngx_er_layout_table_t     *table;
} ngx_er_layout_file_t;


static u_char *ngx_er_layout_blanks(u_char *p, u_char *last);
static ngx_uint_t ngx_er_layout_begins(u_char *p, u_char *last,
    const char *word);
static ngx_int_t ngx_er_layout_field(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_field_text(ngx_er_layout_reader_t *r,
    ngx_str_t *text);
static u_char *ngx_er_layout_quoted(u_char *p, u_char *last);
static ngx_int_t ngx_er_layout_field_use(ngx_er_layout_reader_t *r,
    ngx_str_t *text, ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_field_steps(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_field_array(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place, ngx_uint_t n);
static ngx_int_t ngx_er_layout_rooted(ngx_er_layout_reader_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_er_layout_not_variable(ngx_er_layout_reader_t *r,
    u_char *at, ngx_str_t *text);
static ngx_int_t ngx_er_layout_map(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_table(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *name, ngx_er_layout_table_t **table);
static ngx_int_t ngx_er_layout_pipe(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_filter(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *name, ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_preset(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place);
static u_char *ngx_er_layout_literal(u_char *p, u_char *last);
static ngx_int_t ngx_er_layout_preset_text(ngx_er_layout_reader_t *r,
    ngx_str_t *json, ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_words(ngx_er_layout_reader_t *r,
    ngx_str_t *words);
static ngx_int_t ngx_er_layout_not_first(ngx_er_layout_reader_t *r,
    u_char *at, ngx_str_t *word);
static ngx_int_t ngx_er_layout_other(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *word, ngx_er_layout_test_t *test, ngx_er_layout_each_t **each);
static ngx_int_t ngx_er_layout_misread(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *words, ngx_uint_t n);
static ngx_int_t ngx_er_layout_about(ngx_er_layout_reader_t *r,
    ngx_str_t *text, ngx_er_layout_document_e *document,
    ngx_er_layout_each_t **each);
static ngx_int_t ngx_er_layout_each_field(ngx_er_layout_reader_t *r,
    u_char *at, ngx_str_t *text);
static ngx_int_t ngx_er_layout_word(ngx_er_layout_reader_t *r,
    ngx_str_t *word);
static ngx_int_t ngx_er_layout_close(ngx_er_layout_reader_t *r);


static const char  *ngx_er_layout_keywords[] = {
    "if", "else", "each", "end", "map", NULL
};


ngx_er_layout_tag_e
ngx_er_layout_tag(ngx_er_layout_reader_t *r)
{
    u_char      *p;
    ngx_uint_t   i;

    static const struct {
        const char           *word;
        ngx_er_layout_tag_e   tag;
    } tags[] = {
        { "if", NGX_ER_LAYOUT_TAG_IF },
        { "else", NGX_ER_LAYOUT_TAG_ELSE },
        { "each", NGX_ER_LAYOUT_TAG_EACH },
        { "end", NGX_ER_LAYOUT_TAG_END }
    };

    p = ngx_er_layout_blanks(r->p + 1, r->last);

    if (p == r->last
        || !((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
             || *p == '.' || *p == '$'))
    {
        return NGX_ER_LAYOUT_TAG_NONE;
    }

    for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (ngx_er_layout_begins(p, r->last, tags[i].word)) {
            return tags[i].tag;
        }
    }

    return NGX_ER_LAYOUT_TAG_PLACE;
}


/* the word stands there, and ends there */

static ngx_uint_t
ngx_er_layout_begins(u_char *p, u_char *last, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return (size_t) (last - p) > len && ngx_strncmp(p, word, len) == 0
           && (p[len] == '}' || ngx_er_layout_blanks(p + len, last)
                                != p + len);
}


static u_char *
ngx_er_layout_blanks(u_char *p, u_char *last)
{
    while (p < last
           && (*p == ' ' || *p == '\t' || *p == CR || *p == LF))
    {
        p++;
    }

    return p;
}


ngx_er_layout_place_t *
ngx_er_layout_place(ngx_er_layout_reader_t *r, ngx_uint_t string)
{
    u_char                 *start;
    ngx_er_layout_place_t  *place;

    place = ngx_pcalloc(r->pool, sizeof(ngx_er_layout_place_t));

    if (place == NULL
        || ngx_array_init(&place->arrays, r->pool, 1, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_array_init(&place->filters, r->pool, 1,
                          sizeof(ngx_er_layout_filter_t))
           != NGX_OK)
    {
        (void) ngx_er_layout_fail(r, r->p, "no memory for a place");
        return NULL;
    }

    start = r->p;

    place->line = ngx_er_layout_line(r, start);
    place->string = string;
    place->number = r->layout->places++;

    r->p = ngx_er_layout_blanks(r->p + 1, r->last);

    if (ngx_er_layout_begins(r->p, r->last, "map")
        && ngx_er_layout_map(r, place) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_er_layout_field(r, place) != NGX_OK) {
        return NULL;
    }

    if (r->p < r->last && *r->p == '?') {
        place->optional = 1;
        r->p = ngx_er_layout_blanks(r->p + 1, r->last);
    }

    while (r->p < r->last && *r->p == '|') {
        r->p = ngx_er_layout_blanks(r->p + 1, r->last);

        if (ngx_er_layout_pipe(r, place) != NGX_OK) {
            return NULL;
        }
    }

    if (ngx_er_layout_close(r) != NGX_OK) {
        return NULL;
    }

    if (place->optional && place->preset) {
        (void) ngx_er_layout_fail(r, start, "a place has \"?\" and a default: "
                                  "one of them is enough, for what is missing "
                                  "either vanishes or is the default");
        return NULL;
    }

    return place;
}


/* the field at r->p, and the blanks behind it */

static ngx_int_t
ngx_er_layout_field(ngx_er_layout_reader_t *r, ngx_er_layout_place_t *place)
{
    u_char      *at;
    ngx_str_t    text;
    const char  *near;

    at = r->p;

    if (ngx_er_layout_field_text(r, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0) {
        return ngx_er_layout_fail(r, at, "a field is missing: write for "
                                  "example {data.total}");
    }

    if (ngx_er_layout_field_use(r, &text, place) == NGX_OK) {
        r->p = ngx_er_layout_blanks(r->p, r->last);
        return NGX_OK;
    }

    /* a word behind it: it was to be a keyword */

    r->p = ngx_er_layout_blanks(r->p, r->last);
    near = ngx_er_nearest(&text, ngx_er_layout_keywords, sizeof(char *));

    if (near && r->p < r->last && ngx_strchr("}|?", *r->p) == NULL) {
        return ngx_er_layout_fail(r, at, "unknown word \"%V\": did you mean "
                                  "{%s ...}?", &text, near);
    }

    return NGX_ERROR;
}


/* up to a blank, "?", "|" or "}", but for what is in quotes or brackets */

static ngx_int_t
ngx_er_layout_field_text(ngx_er_layout_reader_t *r, ngx_str_t *text)
{
    u_char  *p;

    text->data = r->p;

    for (p = r->p; p < r->last; p++) {

        if (*p == '"') {
            p = ngx_er_layout_quoted(p, r->last);

            if (p == NULL) {
                return ngx_er_layout_fail(r, r->p, "a key has no closing "
                                          "quote: write data.\"odd.key\"");
            }

            p--;

        } else if (ngx_er_layout_blanks(p, r->last) != p || *p == '?'
                   || *p == '|' || *p == '}' || *p == '{')
        {
            break;
        }
    }

    text->len = p - r->p;
    r->p = p;

    return NGX_OK;
}


/* p: the quote; behind the other one, or NULL */

static u_char *
ngx_er_layout_quoted(u_char *p, u_char *last)
{
    u_char  quote;

    quote = *p;

    for (p++; p < last && *p != LF; p++) {

        if (*p == quote) {
            return p + 1;
        }

        if (*p == '\\' && quote == '"') {
            p++;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_er_layout_field_use(ngx_er_layout_reader_t *r, ngx_str_t *text,
    ngx_er_layout_place_t *place)
{
    u_char           *at;
    ngx_int_t         index;
    ngx_str_t         rooted;
    ngx_er_error_t    err;
    ngx_er_field_t    field, *base;
    ngx_er_fields_t  *fields;

    at = text->data;
    place->text = *text;
    rooted = *text;
    base = NULL;

    place->self = (text->len == 1 && *at == '.');

    if (ngx_er_layout_not_variable(r, at, text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_layout_about(r, &rooted, &place->document, &place->each)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    fields = r->layout->fields[place->document];

    if (place->each) {
        base = (ngx_er_field_t *) fields->list.elts
               + place->each->condition->field;
    }

    if (ngx_er_field_stored(r->pool, &rooted, base, &field, &err) != NGX_OK
        || ngx_er_field_definite(&field, 1, "a place of a template", &err)
           != NGX_OK)
    {
        return ngx_er_layout_fail(r, at, "%*s", err.len, err.text);
    }

    index = ngx_er_fields_add(fields, &field);
    place->field = index;

    if (index == NGX_ERROR || ngx_er_layout_field_steps(r, place) != NGX_OK) {
        return ngx_er_layout_fail(r, at, "no memory for a field");
    }

    return NGX_OK;
}


/* what the printer needs to know of its steps */

static ngx_int_t
ngx_er_layout_field_steps(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place)
{
    ngx_uint_t        i, n;
    ngx_er_step_t    *step;
    ngx_er_field_t   *field;
    ngx_er_fields_t  *fields;

    fields = r->layout->fields[place->document];
    field = (ngx_er_field_t *) fields->list.elts + place->field;

    if (field->kind != NGX_ER_FIELD_DATA) {
        return NGX_OK;
    }

    if (place->each) {
        place->base = ((ngx_er_field_t *) fields->list.elts
                       + place->each->condition->field)->steps.nelts;
    }

    step = field->steps.elts;
    n = field->steps.nelts;

    for (i = place->base; i < n; i++) {
        place->indices += (step[i].index != NGX_ER_STEP_KEY);
    }

    for (i = 1; i < n && place->each == NULL; i++) {

        if (step[i].index == NGX_ER_STEP_KEY
            && ngx_er_layout_field_array(r, place, i) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the field of its first n steps */

static ngx_int_t
ngx_er_layout_field_array(ngx_er_layout_reader_t *r,
    ngx_er_layout_place_t *place, ngx_uint_t n)
{
    ngx_int_t         index;
    ngx_uint_t       *array;
    ngx_er_error_t    err;
    ngx_er_field_t    field;
    ngx_er_fields_t  *fields;

    fields = r->layout->fields[place->document];
    field = ((ngx_er_field_t *) fields->list.elts)[place->field];
    field.steps.nelts = n;

    if (ngx_er_field_write(r->pool, &field, &err) != NGX_OK) {
        return NGX_ERROR;
    }

    index = ngx_er_fields_add(fields, &field);
    array = ngx_array_push(&place->arrays);

    if (index == NGX_ERROR || array == NULL) {
        return NGX_ERROR;
    }

    *array = index;

    return NGX_OK;
}


/* ".sku" outside of each is a field of the element of which "split" makes a
   document: "data.sku" of that one */

static ngx_int_t
ngx_er_layout_rooted(ngx_er_layout_reader_t *r, ngx_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, sizeof("data") + text->len);
    if (p == NULL) {
        return ngx_er_layout_fail(r, r->p, "no memory for a field");
    }

    if (r->layout->relative.len == 0) {
        r->layout->relative = *text;
    }

    ngx_memcpy(p, "data", 4);

    if (text->len > 1) {
        ngx_memcpy(p + 4, text->data, text->len);
    }

    text->len = (text->len > 1) ? text->len + 4 : 4;
    text->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_not_variable(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *text)
{
    if (text->len == 0 || text->data[0] != '$') {
        return NGX_OK;
    }

    if (text->len > 1 && text->data[1] == '.') {
        return ngx_er_layout_fail(r, at, "templates have no \"%V\" of "
                                  "JSONPath: write \"data%*s\"", text,
                                  text->len - 1, text->data + 1);
    }

    return ngx_er_layout_fail(r, at, "\"%V\" is a variable of the request "
                              "that brought the event, which is over when a "
                              "target gets it: take header.NAME, arg.NAME or "
                              "a field of the event", text);
}


/* "map FILE", and the blanks behind it */

static ngx_int_t
ngx_er_layout_map(ngx_er_layout_reader_t *r, ngx_er_layout_place_t *place)
{
    u_char     *at;
    ngx_str_t   name;

    r->p = ngx_er_layout_blanks(r->p + 3, r->last);
    at = r->p;

    if (ngx_er_layout_word(r, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.len == 0) {
        return ngx_er_layout_fail(r, at, "\"map\" needs the file of its table "
                                  "and a field: write {map countries.map "
                                  "data.country}");
    }

    r->p = ngx_er_layout_blanks(r->p, r->last);

    return ngx_er_layout_table(r, at, &name, &place->table);
}


static ngx_int_t
ngx_er_layout_table(ngx_er_layout_reader_t *r, u_char *at, ngx_str_t *name,
    ngx_er_layout_table_t **table)
{
    ngx_str_t              text;
    ngx_uint_t             i;
    ngx_er_error_t         err;
    ngx_er_layout_file_t  *file;

    file = r->tables.elts;

    for (i = 0; i < r->tables.nelts; i++) {
        if (file[i].name.len == name->len
            && ngx_memcmp(file[i].name.data, name->data, name->len) == 0)
        {
            *table = file[i].table;
            return NGX_OK;
        }
    }

    file = ngx_array_push(&r->tables);
    if (file == NULL) {
        return ngx_er_layout_fail(r, at, "no memory for a code table");
    }

    file->name = *name;

    if (r->file(r->data, name, &text, &err) != NGX_OK) {
        return ngx_er_layout_fail(r, at, "the code table \"%V\": %*s", name,
                                  err.len, err.text);
    }

    file->table = ngx_er_layout_table_read(r->pool, &text, &err);

    if (file->table == NULL) {
        return ngx_er_layout_fail(r, at, "the code table \"%V\": %*s", name,
                                  err.len, err.text);
    }

    *table = file->table;

    return NGX_OK;
}


/* what stands behind "|", and the blanks behind it */

static ngx_int_t
ngx_er_layout_pipe(ngx_er_layout_reader_t *r, ngx_er_layout_place_t *place)
{
    u_char     *p;
    ngx_str_t   name;

    name.data = r->p;

    for (p = r->p;
         p < r->last && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
                         || *p == '_' || (p > r->p && *p >= '0' && *p <= '9'));
         p++)
    {
        /* void */
    }

    name.len = p - r->p;

    if (name.len == 0
        || (name.len == 4 && (ngx_strncmp(name.data, "true", 4) == 0
                              || ngx_strncmp(name.data, "null", 4) == 0))
        || (name.len == 5 && ngx_strncmp(name.data, "false", 5) == 0))
    {
        return ngx_er_layout_preset(r, place);
    }

    if (place->preset) {
        return ngx_er_layout_fail(r, r->p, "the filter \"%V\" stands behind "
                                  "the default, which comes last and goes "
                                  "through no filter", &name);
    }

    r->p = p;

    return ngx_er_layout_filter(r, name.data, &name, place);
}


static ngx_int_t
ngx_er_layout_filter(ngx_er_layout_reader_t *r, u_char *at, ngx_str_t *name,
    ngx_er_layout_place_t *place)
{
    u_char                  *p;
    ngx_str_t                argument;
    ngx_er_error_t           err;
    ngx_er_layout_filter_t  *filter;

    ngx_str_null(&argument);

    if (r->p < r->last && *r->p == '(') {
        p = ngx_er_layout_blanks(r->p + 1, r->last);
        argument.data = p + 1;

        p = (p < r->last && (*p == '"' || *p == '\''))
            ? ngx_er_layout_quoted(p, r->last) : NULL;

        if (p) {
            argument.len = p - 1 - argument.data;
            p = ngx_er_layout_blanks(p, r->last);
        }

        if (p == NULL || p == r->last || *p != ')'
            || ngx_strlchr(argument.data, argument.data + argument.len, '\\'))
        {
            return ngx_er_layout_fail(r, r->p, "the parentheses of \"%V\" "
                                      "must have one text in quotes, without "
                                      "a backslash: %V(\", \")", name, name);
        }

        r->p = p + 1;
    }

    filter = ngx_array_push(&place->filters);
    if (filter == NULL) {
        return ngx_er_layout_fail(r, at, "no memory for a filter");
    }

    if (ngx_er_layout_filter_find(name, &argument, filter, &err) != NGX_OK) {
        return ngx_er_layout_fail(r, at, "%*s", err.len, err.text);
    }

    r->p = ngx_er_layout_blanks(r->p, r->last);

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_preset(ngx_er_layout_reader_t *r, ngx_er_layout_place_t *place)
{
    u_char                *p, *at;
    ngx_str_t              json;
    ngx_er_scan_t          guard;
    ngx_er_layout_out_t    out;
    ngx_er_scan_limits_t   limits;

    at = r->p;

    if (place->preset) {
        return ngx_er_layout_fail(r, at, "a place has two defaults");
    }

    p = ngx_er_layout_literal(r->p, r->last);

    if (p == NULL || p == at) {
        return ngx_er_layout_fail(r, at, "behind \"|\" stands a filter or a "
                                  "default, which is a value of JSON, a text "
                                  "also in single quotes: {data.note|\"none\"}"
                                  " or {data.count|0}");
    }

    json.data = at;
    json.len = p - at;

    if (*at == '\'') {
        json.data++;
        json.len -= 2;

        if (ngx_er_layout_out_begin(&out, r->pool, json.len + 2,
                                    NGX_MAX_SIZE_T_VALUE)
            != NGX_OK
            || ngx_er_layout_out_byte(&out, '"') != NGX_OK
            || ngx_er_layout_out_escape(&out, &json) != NGX_OK
            || ngx_er_layout_out_byte(&out, '"') != NGX_OK)
        {
            return ngx_er_layout_fail(r, at, "no memory for a default");
        }

        json.data = out.start;
        json.len = out.pos - out.start;
    }

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&guard, sizeof(ngx_er_scan_t));

    guard.pool = r->pool;
    guard.limits = &limits;
    guard.strict = 1;

    if (ngx_er_scan(&guard, &json) != NGX_OK) {
        return ngx_er_layout_fail(r, at, "the default is no value of JSON: "
                                  "%s", ngx_er_scan_reason(guard.error));
    }

    r->p = ngx_er_layout_blanks(p, r->last);

    return ngx_er_layout_preset_text(r, &json, place);
}


/* what may be a value of JSON: behind it, or NULL */

static u_char *
ngx_er_layout_literal(u_char *p, u_char *last)
{
    ngx_uint_t  depth;

    depth = 0;

    while (p < last) {

        if (*p == '"' || (*p == '\'' && depth == 0)) {
            p = ngx_er_layout_quoted(p, last);

            if (p == NULL || depth == 0) {
                return p;
            }

            continue;
        }

        if (*p == '{' || *p == '[') {
            depth++;

        } else if (depth && (*p == '}' || *p == ']')) {

            if (--depth == 0) {
                return p + 1;
            }

        } else if (depth == 0
                   && (*p == '}' || *p == '|'
                       || ngx_er_layout_blanks(p, last) != p))
        {
            return p;
        }

        p++;
    }

    return NULL;
}


/* as it is written into the body: in a string it is a text */

static ngx_int_t
ngx_er_layout_preset_text(ngx_er_layout_reader_t *r, ngx_str_t *json,
    ngx_er_layout_place_t *place)
{
    ngx_er_layout_out_t  out;

    place->preset = ngx_palloc(r->pool, sizeof(ngx_er_layout_item_t));

    if (place->preset == NULL
        || ngx_er_layout_item(r->pool, json, place->preset) != NGX_OK)
    {
        return ngx_er_layout_fail(r, r->p, "no memory for a default");
    }

    place->written = *json;

    if (!place->string) {
        return NGX_OK;
    }

    if (place->preset->type == NGX_ER_STRING) {
        place->written.data++;
        place->written.len -= 2;
        return NGX_OK;
    }

    if (place->preset->type == NGX_ER_NULL) {
        place->written.len = 0;
        return NGX_OK;
    }

    if (ngx_er_layout_out_begin(&out, r->pool, json->len,
                                NGX_MAX_SIZE_T_VALUE)
        != NGX_OK
        || ngx_er_layout_out_escape(&out, json) != NGX_OK)
    {
        return ngx_er_layout_fail(r, r->p, "no memory for a default");
    }

    place->written.data = out.start;
    place->written.len = out.pos - out.start;

    return NGX_OK;
}


ngx_er_layout_test_t *
ngx_er_layout_test(ngx_er_layout_reader_t *r)
{
    u_char                *at;
    ngx_int_t              n;
    ngx_str_t             *words;
    ngx_er_error_t         err;
    ngx_er_layout_test_t  *test;
    ngx_er_layout_each_t  *each;

    at = r->p;

    test = ngx_pcalloc(r->pool, sizeof(ngx_er_layout_test_t));
    words = ngx_palloc(r->pool, NGX_ER_LAYOUT_WORDS * sizeof(ngx_str_t));

    if (test == NULL || words == NULL) {
        (void) ngx_er_layout_fail(r, at, "no memory for a condition");
        return NULL;
    }

    r->p = ngx_er_layout_blanks(r->p + 1, r->last) + 2;
    n = ngx_er_layout_words(r, words);

    if (n == 0) {
        (void) ngx_er_layout_fail(r, at, "\"if\" needs a condition: write for "
                                  "example {if data.total > 100}");
    }

    if (n <= 0 || ngx_er_layout_close(r) != NGX_OK
        || ngx_er_layout_not_first(r, at, words) != NGX_OK
        || ngx_er_layout_not_variable(r, at, words) != NGX_OK
        || ngx_er_layout_about(r, words, &test->document, &each) != NGX_OK
        || ngx_er_layout_other(r, at, &words[n - 1], test, &each) != NGX_OK)
    {
        return NULL;
    }

    test->each = each;
    test->line = ngx_er_layout_line(r, at);
    test->number = r->layout->tests++;
    test->condition = ngx_er_condition_test(r->pool, words, n,
                                            each ? each->condition : NULL,
                                            r->layout->fields[test->document],
                                            &err);
    if (test->condition == NULL) {
        (void) ngx_er_layout_fail(r, at, "%*s", err.len, err.text);
        return NULL;
    }

    return (ngx_er_layout_misread(r, at, words, n) == NGX_OK) ? test : NULL;
}


/* a field that a condition compares with is of the same document */

static ngx_int_t
ngx_er_layout_other(ngx_er_layout_reader_t *r, u_char *at, ngx_str_t *word,
    ngx_er_layout_test_t *test, ngx_er_layout_each_t **each)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                  field;
    ngx_er_layout_each_t      *inner;
    ngx_er_layout_document_e   document;

    len = sizeof(NGX_ER_COMPARISON_OTHER) - 1;

    if (word->len <= len
        || ngx_strncmp(word->data, NGX_ER_COMPARISON_OTHER, len) != 0)
    {
        return NGX_OK;
    }

    field.data = word->data + len;
    field.len = word->len - len;

    if (ngx_er_layout_not_variable(r, at, &field) != NGX_OK
        || ngx_er_layout_about(r, &field, &document, &inner) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (document != test->document) {
        return ngx_er_layout_fail(r, at, "one of the fields is of the element "
                                  "of \"split\" and \"%V\" is not, or the "
                                  "other way round: they cannot be compared",
                                  word);
    }

    p = ngx_pnalloc(r->pool, len + field.len);
    if (p == NULL) {
        return ngx_er_layout_fail(r, at, "no memory for a condition");
    }

    word->data = p;
    word->len = len + field.len;

    p = ngx_cpymem(p, NGX_ER_COMPARISON_OTHER, len);
    ngx_memcpy(p, field.data, field.len);

    *each = *each ? *each : inner;

    return NGX_OK;
}


/* of a condition: it begins with its field */

static ngx_int_t
ngx_er_layout_not_first(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *word)
{
    if ((word->len && word->data[0] == '!')
        || (word->len == 3 && ngx_strncmp(word->data, "not", 3) == 0))
    {
        return ngx_er_layout_fail(r, at, "\"%V\" stands where the field is: "
                                  "to negate, write {if FIELD not OP VALUE}, "
                                  "for example {if data.total not > 100}",
                                  word);
    }

    return NGX_OK;
}


/* the first condition that says something else than it seems to */

static ngx_int_t
ngx_er_layout_misread(ngx_er_layout_reader_t *r, u_char *at, ngx_str_t *words,
    ngx_uint_t n)
{
    ngx_str_t       *note;
    ngx_er_error_t   err;

    note = &r->layout->note;

    if (note->len
        || ngx_er_misread(words, n, NGX_ER_MISREAD_IF, &err) == NGX_OK)
    {
        return NGX_OK;
    }

    (void) ngx_er_layout_fail(r, at, "%*s", err.len, err.text);

    note->data = ngx_pnalloc(r->pool, r->err->len);
    if (note->data == NULL) {
        return ngx_er_layout_fail(r, at, "no memory for a condition");
    }

    ngx_memcpy(note->data, r->err->text, r->err->len);
    note->len = r->err->len;

    return NGX_OK;
}


/* how many there are, or NGX_ERROR */

static ngx_int_t
ngx_er_layout_words(ngx_er_layout_reader_t *r, ngx_str_t *words)
{
    ngx_uint_t  n;

    for (n = 0; n < NGX_ER_LAYOUT_WORDS; n++) {
        r->p = ngx_er_layout_blanks(r->p, r->last);

        if (ngx_er_layout_word(r, &words[n]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (words[n].data == NULL) {
            return n;
        }
    }

    return ngx_er_layout_fail(r, r->p, "a condition has at most %d words",
                              NGX_ER_LAYOUT_WORDS);
}


/*
 * What a field is about: an each, if it begins with "." in one, and whose
 * bytes it is in.  Of "split" its text becomes one of the element.
 */

static ngx_int_t
ngx_er_layout_about(ngx_er_layout_reader_t *r, ngx_str_t *text,
    ngx_er_layout_document_e *document, ngx_er_layout_each_t **each)
{
    *document = NGX_ER_LAYOUT_DATA;
    *each = NULL;

    if (text->len == 0 || text->data[0] != '.') {
        return NGX_OK;
    }

    if (r->each) {
        *document = r->each->document;
        *each = r->each;
        return NGX_OK;
    }

    *document = NGX_ER_LAYOUT_ELEMENT;

    return ngx_er_layout_rooted(r, text);
}


ngx_er_layout_each_t *
ngx_er_layout_each(ngx_er_layout_reader_t *r)
{
    u_char                *at;
    ngx_str_t              text;
    ngx_er_error_t         err;
    ngx_er_layout_each_t  *each;

    at = r->p;

    each = ngx_pcalloc(r->pool, sizeof(ngx_er_layout_each_t));
    if (each == NULL) {
        (void) ngx_er_layout_fail(r, at, "no memory for \"each\"");
        return NULL;
    }

    r->p = ngx_er_layout_blanks(r->p + 1, r->last) + 4;
    r->p = ngx_er_layout_blanks(r->p, r->last);

    if (ngx_er_layout_each_field(r, at, &text) != NGX_OK
        || ngx_er_layout_close(r) != NGX_OK
        || ngx_er_layout_about(r, &text, &each->document, &each->outer)
           != NGX_OK)
    {
        return NULL;
    }

    each->depth = r->each ? r->each->depth + 1 : 0;
    each->number = r->layout->eaches++;

    if (each->depth == NGX_ER_LAYOUT_EACHES) {
        (void) ngx_er_layout_fail(r, at, "more than %d \"each\" are in one "
                                  "another", NGX_ER_LAYOUT_EACHES);
        return NULL;
    }

    each->condition = ngx_er_condition_block(r->pool, NGX_ER_CONDITION_EACH,
                                      &text,
                                      each->outer ? each->outer->condition
                                                  : NULL,
                                      r->layout->fields[each->document], &err);
    if (each->condition == NULL) {
        (void) ngx_er_layout_fail(r, at, "%*s", err.len, err.text);
        return NULL;
    }

    return each;
}


/* and the blanks behind it; at: the tag */

static ngx_int_t
ngx_er_layout_each_field(ngx_er_layout_reader_t *r, u_char *at,
    ngx_str_t *text)
{
    if (ngx_er_layout_field_text(r, text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text->len == 0) {
        return ngx_er_layout_fail(r, at, "\"each\" needs an array: write for "
                                  "example {each data.line_items}");
    }

    if (text->len == 1 && text->data[0] == '.' && r->each) {
        return ngx_er_layout_fail(r, at, "{each .} in an {each} is the "
                                  "element once more: write the field of it "
                                  "that has an array, {each .items}");
    }

    r->p = ngx_er_layout_blanks(r->p, r->last);

    return NGX_OK;
}


ngx_int_t
ngx_er_layout_bare(ngx_er_layout_reader_t *r)
{
    r->p = ngx_er_layout_blanks(r->p + 1, r->last);

    while (r->p < r->last && *r->p >= 'a' && *r->p <= 'z') {
        r->p++;
    }

    r->p = ngx_er_layout_blanks(r->p, r->last);

    return ngx_er_layout_close(r);
}


/*
 * A word as in nginx.conf, up to a blank or "}", or in quotes; a backslash
 * goes in front of a quote and of itself.  data NULL: there is none.
 */

static ngx_int_t
ngx_er_layout_word(ngx_er_layout_reader_t *r, ngx_str_t *word)
{
    u_char  *p, *src, *dst, quote;

    ngx_str_null(word);

    if (r->p == r->last || *r->p == '}') {
        return NGX_OK;
    }

    quote = (*r->p == '"' || *r->p == '\'') ? *r->p : '\0';

    for (p = r->p + (quote != '\0'); p < r->last; p++) {

        if (quote ? *p == quote
                  : *p == '}' || ngx_er_layout_blanks(p, r->last) != p)
        {
            break;
        }

        p += (*p == '\\' && p + 1 < r->last);
    }

    if (quote && p == r->last) {
        return ngx_er_layout_fail(r, r->p, "a quote has no other end");
    }

    dst = ngx_pnalloc(r->pool, p - r->p + 1);
    if (dst == NULL) {
        return ngx_er_layout_fail(r, r->p, "no memory for a word");
    }

    word->data = dst;

    for (src = r->p + (quote != '\0'); src < p; src++) {

        if (*src == '\\' && src + 1 < p
            && ngx_strchr("\"'\\", src[1]) != NULL)
        {
            src++;
        }

        *dst++ = *src;
    }

    word->len = dst - word->data;
    r->p = p + (quote != '\0');

    return NGX_OK;
}


/* the "}" at r->p */

static ngx_int_t
ngx_er_layout_close(ngx_er_layout_reader_t *r)
{
    if (r->p == r->last) {
        return ngx_er_layout_fail(r, r->p, "the template ends where \"}\" is "
                                  "missing");
    }

    if (*r->p != '}') {
        return ngx_er_layout_fail(r, r->p, "\"}\" is missing here: a place is "
                                  "{FIELD}, {FIELD?} or {FIELD|DEFAULT}, with "
                                  "filters behind \"|\"");
    }

    r->p++;

    return NGX_OK;
}


ngx_uint_t
ngx_er_layout_line(ngx_er_layout_reader_t *r, u_char *at)
{
    u_char      *p;
    ngx_uint_t   line;

    line = 1;

    for (p = r->start; p < at; p++) {
        line += (*p == LF);
    }

    return line;
}


ngx_int_t
ngx_er_layout_fail(ngx_er_layout_reader_t *r, u_char *at, const char *fmt, ...)
{
    u_char   *p, *start;
    va_list   args;
    u_char    text[NGX_ER_ERROR_LEN];

    for (start = at; start > r->start && start[-1] != LF; start--) {
        /* void */
    }

    /* the sentence may have r->err's own text */

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + NGX_ER_ERROR_LEN, fmt, args);
    va_end(args);

    ngx_er_error(r->err, "%V:%ui:%ui: %*s", &r->layout->name,
                 ngx_er_layout_line(r, at), (ngx_uint_t) (at - start) + 1,
                 (size_t) (p - text), text);

    return NGX_ERROR;
}
