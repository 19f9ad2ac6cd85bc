
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fields: what nginx.conf can ask about an event.
 *
 *     id  type  source  subject  time        attributes of the CloudEvent
 *     data.PATH  data                        the body
 *     header.X-Name  arg.name  $variable     the producer's request
 *
 *     data.a.b  data.items[0].sku  data.items[-1].sku  data.*.b
 *     data."odd.key"
 *
 * A path is read into its steps and written again in one form, which reads
 * back as the same steps; a field is normalized to a text.  So equal fields
 * are equal texts, and however many routes ask for one, it is looked up in an
 * event once.
 *
 * The table of fields grows while nginx.conf is read: whoever asks for a field
 * adds it and keeps its index; the table, with copies of all that it has, is
 * in the pool of the configuration.  Facts are what one event says for all of
 * them and live in the event's pool: the scan of the body fills in "data",
 * everything else is asked of the get() of the facts' owner, the first time
 * that somebody wants to know.
 *
 * Conditions, templates and event_set call this when they are compiled.  What
 * cannot be read is a sentence in err, and so is lack of memory; a fact that
 * finds none is missing.
 */


#include "field.h"
#include "../conf/nearest.h"
#include "../ingest/paths.h"


#define NGX_ER_FIELD_NAME  1024


#define NGX_ER_PATH_STEPS  32
#define NGX_ER_PATH_KEY    1024
#define NGX_ER_PATH_INDEX  1000000


typedef struct {
    ngx_str_node_t         text;
    ngx_uint_t             index;
} ngx_er_fields_node_t;


static ngx_int_t ngx_er_field_attribute(ngx_str_t *text,
    ngx_er_field_t *field);
static ngx_int_t ngx_er_field_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *base, ngx_uint_t variables, ngx_er_field_t *field,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_field_unknown(ngx_str_t *text, ngx_uint_t variables,
    ngx_er_error_t *err);
static u_char *ngx_er_path_step(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    ngx_er_field_t *field, ngx_er_error_t *err);
static u_char *ngx_er_path_key(ngx_str_t *text, u_char *p, ngx_str_t *key,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_field_single(ngx_str_t *text, ngx_er_error_t *err);
static u_char *ngx_er_path_quoted(ngx_pool_t *pool, ngx_str_t *text,
    u_char *p, ngx_str_t *key, ngx_er_error_t *err);
static ngx_int_t ngx_er_path_star(ngx_er_step_t *step, ngx_str_t *text,
    ngx_er_error_t *err);
static u_char *ngx_er_path_index(ngx_str_t *text, u_char *p, ngx_int_t *index,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_path_text(ngx_pool_t *pool, ngx_str_t *root,
    ngx_er_field_t *field, ngx_er_error_t *err);
static ngx_uint_t ngx_er_path_plain(ngx_str_t *key);
static ngx_int_t ngx_er_path_memory(ngx_er_error_t *err);
static ngx_int_t ngx_er_field_keep(ngx_pool_t *pool, ngx_er_field_t *field);
static ngx_int_t ngx_er_field_keep_text(ngx_pool_t *pool, ngx_str_t *text);
static ngx_int_t ngx_er_path_parse(ngx_pool_t *pool, ngx_str_t *text,
    size_t prefix, ngx_er_field_t *base, ngx_er_field_t *field,
    ngx_er_error_t *err);


/* in the order of ngx_er_field_kind_e, then the kinds that take a name */

static const char  *ngx_er_field_words[] = {
    "id", "type", "source", "subject", "time", "datacontenttype",
    "specversion", "data", "header", "arg", NULL
};


ngx_int_t
ngx_er_field_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_er_field_t *base,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    return ngx_er_field_read(pool, text, base, 1, field, err);
}


ngx_int_t
ngx_er_field_stored(ngx_pool_t *pool, ngx_str_t *text, ngx_er_field_t *base,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    return ngx_er_field_read(pool, text, base, 0, field, err);
}


static ngx_int_t
ngx_er_field_read(ngx_pool_t *pool, ngx_str_t *text, ngx_er_field_t *base,
    ngx_uint_t variables, ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char  *p;

    ngx_memzero(field, sizeof(ngx_er_field_t));
    field->variable = NGX_ERROR;

    if (text->len == 0) {
        ngx_er_error(err, "a field is empty: write for example \"type\" or "
                     "\"data.total\"");
        return NGX_ERROR;
    }

    if (ngx_er_field_single(text, err) != NGX_OK) {
        return NGX_ERROR;
    }

    p = text->data;

    if (*p == '.') {
        return ngx_er_path_parse(pool, text, 0, base, field, err);
    }

    if (*p == '$') {
        field->kind = NGX_ER_FIELD_VARIABLE;
        return ngx_er_field_named(pool, text, 1, field, err);
    }

    if (text->len >= 7 && ngx_strncmp(p, "header.", 7) == 0) {
        field->kind = NGX_ER_FIELD_HEADER;
        return ngx_er_field_named(pool, text, 7, field, err);
    }

    if (text->len >= 4 && ngx_strncmp(p, "arg.", 4) == 0) {
        field->kind = NGX_ER_FIELD_ARG;
        return ngx_er_field_named(pool, text, 4, field, err);
    }

    if (text->len >= 4 && ngx_strncmp(p, "data", 4) == 0
        && (text->len == 4 || p[4] == '.' || p[4] == '['))
    {
        return ngx_er_path_parse(pool, text, 4, NULL, field, err);
    }

    if (ngx_er_field_attribute(text, field) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_er_field_unknown(text, variables, err);
}


static ngx_int_t
ngx_er_field_attribute(ngx_str_t *text, ngx_er_field_t *field)
{
    ngx_uint_t   kind;
    const char  *word;

    for (kind = NGX_ER_FIELD_ID; kind < NGX_ER_FIELD_DATA; kind++) {
        word = ngx_er_field_words[kind];

        if (text->len == ngx_strlen(word)
            && ngx_strncmp(text->data, word, text->len) == 0)
        {
            field->kind = kind;
            field->text = *text;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* header.NAME and $NAME know no case, as HTTP and nginx; arg.NAME does */

ngx_int_t
ngx_er_field_named(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char      c, *p;
    ngx_uint_t  i;

    if (text->len == prefix || text->len > NGX_ER_FIELD_NAME) {
        ngx_er_error(err, "the name in the field \"%V\" is missing or longer "
                     "than %d bytes", text, NGX_ER_FIELD_NAME);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, text->len);
    if (p == NULL) {
        ngx_er_error(err, "no memory for a field");
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);

    field->text.data = p;
    field->text.len = text->len;
    field->name.data = p + prefix;
    field->name.len = text->len - prefix;

    for (i = prefix; i < text->len; i++) {
        c = p[i];

        if (field->kind != NGX_ER_FIELD_ARG) {
            p[i] = ngx_tolower(c);
        }

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '_')
        {
            continue;
        }

        if (c <= ' ' || c == 0x7f || field->kind == NGX_ER_FIELD_VARIABLE
            || (field->kind == NGX_ER_FIELD_HEADER
                && ngx_strchr("!#$%&'*+-.^`|~", c) == NULL))
        {
            ngx_er_error(err, "the field \"%V\" has a character that cannot "
                         "stand in the name of %s", text,
                         field->kind == NGX_ER_FIELD_VARIABLE ? "a variable"
                         : field->kind == NGX_ER_FIELD_HEADER ? "a header"
                         : "an argument");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_field_unknown(ngx_str_t *text, ngx_uint_t variables,
    ngx_er_error_t *err)
{
    u_char      *p;
    ngx_str_t    word;
    const char  *near, *rest;

    rest = variables ? ", arg.NAME or $variable" : " or arg.NAME";

    if (text->len >= 8 && ngx_strncmp(text->data, "response", 8) == 0
        && (text->len == 8 || text->data[8] == '.'))
    {
        ngx_er_error(err, "the field \"%V\" is of a target's answer, which "
                     "\"success\", \"fail_on\" and \"retry_on\" of "
                     "event_target look at: of an event there are id, type, "
                     "source, subject, time, data.PATH, header.NAME%s", text,
                     variables ? ", arg.NAME and $variable" : " and arg.NAME");
        return NGX_ERROR;
    }

    if (text->data[0] == '!'
        || (text->len == 3 && ngx_strncmp(text->data, "not", 3) == 0))
    {
        ngx_er_error(err, "\"%V\" stands where the field is: to negate, write "
                     "\"when FIELD not OP VALUE\", or \"none { ... }\"",
                     text);
        return NGX_ERROR;
    }

    word.data = text->data;
    word.len = text->len;

    for (p = text->data; p < text->data + text->len; p++) {
        if (*p == '.' || *p == '[') {
            word.len = p - text->data;
            break;
        }
    }

    near = ngx_er_nearest(&word, ngx_er_field_words, sizeof(char *));

    if (near && word.len == ngx_strlen(near)
        && ngx_strncmp(word.data, near, word.len) == 0)
    {
        ngx_er_error(err, "the field \"%V\" is not complete or too long: a "
                     "field is id, type, source, subject, time, data.PATH, "
                     "header.NAME%s", text, rest);
        return NGX_ERROR;
    }

    if (near) {
        ngx_er_error(err, "unknown field \"%V\": did you mean \"%s%*s\"?",
                     text, near, text->len - word.len,
                     text->data + word.len);
        return NGX_ERROR;
    }

    ngx_er_error(err, "unknown field \"%V\": a field is id, type, source, "
                 "subject, time, data.PATH, header.NAME%s; what stands in "
                 "the body is \"data.%V\"", text, rest, text);

    return NGX_ERROR;
}


/* data.a,data.b would be one key, which no event has */

static ngx_int_t
ngx_er_field_single(ngx_str_t *text, ngx_er_error_t *err)
{
    u_char          *p, *last;
    ngx_str_t        rest;
    ngx_uint_t       quoted;
    ngx_er_field_t   attribute;

    last = text->data + text->len;
    quoted = 0;

    for (p = text->data; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;
        }

        if (*p != ',' || quoted) {
            continue;
        }

        rest.data = p + 1;
        rest.len = last - p - 1;

        if (ngx_er_field_begins(&rest)
            || ngx_er_field_attribute(&rest, &attribute) == NGX_OK)
        {
            ngx_er_error(err, "\"%V\" is one field with commas in its name: "
                         "several fields stand each by itself, and a name "
                         "with a comma in quotes, data.\"a,b\"", text);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_field_begins(ngx_str_t *text)
{
    u_char  *p;

    p = text->data;

    return (text->len > 1 && *p == '$')
           || (text->len > 5 && ngx_strncmp(p, "data.", 5) == 0)
           || (text->len > 7 && ngx_strncmp(p, "header.", 7) == 0)
           || (text->len > 4 && ngx_strncmp(p, "arg.", 4) == 0);
}


ngx_int_t
ngx_er_field_path(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    return ngx_er_path_parse(pool, text, prefix, NULL, field, err);
}


/*
 * Reads what stands in the text from "prefix" on, behind "data", or, if prefix
 * is 0, behind the steps of "base", the DATA field of an enclosing "each" or
 * NULL.  Fills in the field's kind, steps and normalized text.
 */

static ngx_int_t
ngx_er_path_parse(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char         *p, *last;
    ngx_str_t       root;
    ngx_er_step_t  *step;

    ngx_str_set(&root, "data");

    if (prefix) {
        root.data = text->data;
        root.len = prefix;
    }

    p = text->data + prefix;
    last = text->data + text->len;

    if (prefix == 0 && base == NULL) {
        ngx_er_error(err, "the field \"%V\" begins with \".\", which stands "
                     "for the element of an \"each\" block: outside of one "
                     "write \"data%V\"", text, text);
        return NGX_ERROR;
    }

    if (ngx_array_init(&field->steps, pool, 4, sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return ngx_er_path_memory(err);
    }

    field->kind = NGX_ER_FIELD_DATA;

    if (base && base->steps.nelts) {
        step = ngx_array_push_n(&field->steps, base->steps.nelts);
        if (step == NULL) {
            return ngx_er_path_memory(err);
        }

        ngx_memcpy(step, base->steps.elts,
                   base->steps.nelts * sizeof(ngx_er_step_t));
    }

    if (prefix == 0 && text->len == 1) {
        p++;
    }

    while (p < last) {
        p = ngx_er_path_step(pool, text, p, field, err);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_er_path_text(pool, &root, field, err);
}


/* .key  .*  ."quoted key"  [0]; returns what is behind it, or NULL */

static u_char *
ngx_er_path_step(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char         *last;
    ngx_er_step_t   step, *slot;

    last = text->data + text->len;

    ngx_str_null(&step.key);
    step.index = NGX_ER_STEP_KEY;

    if (*p == '[') {
        p = ngx_er_path_index(text, p + 1, &step.index, err);

    } else if (*p != '.') {
        ngx_er_error(err, "the field \"%V\" needs a \".\" or a \"[\" before "
                     "\"%*s\"", text, last - p, p);
        return NULL;

    } else if (p + 1 < last && p[1] == '"') {
        p = ngx_er_path_quoted(pool, text, p + 2, &step.key, err);

    } else {
        p = ngx_er_path_key(text, p + 1, &step.key, err);

        if (p && ngx_er_path_star(&step, text, err) != NGX_OK) {
            return NULL;
        }
    }

    if (p == NULL) {
        return NULL;
    }

    if (step.key.len > NGX_ER_PATH_KEY) {
        ngx_er_error(err, "the field \"%V\" has a key of more than %d bytes",
                     text, NGX_ER_PATH_KEY);
        return NULL;
    }

    if (field->steps.nelts == NGX_ER_PATH_STEPS) {
        ngx_er_error(err, "the field \"%V\" has more than %d steps", text,
                     NGX_ER_PATH_STEPS);
        return NULL;
    }

    slot = ngx_array_push(&field->steps);
    if (slot == NULL) {
        (void) ngx_er_path_memory(err);
        return NULL;
    }

    *slot = step;

    return p;
}


static u_char *
ngx_er_path_key(ngx_str_t *text, u_char *p, ngx_str_t *key,
    ngx_er_error_t *err)
{
    u_char  *last;

    last = text->data + text->len;
    key->data = p;

    while (p < last && *p != '.' && *p != '[') {

        if (*p == '"' || *p == ']' || *p == '\\' || *p < ' ') {
            ngx_er_error(err, "the field \"%V\" has a character in a key that "
                         "has a meaning of its own: write the key in double "
                         "quotes and the whole field in single ones, "
                         "'data.\"odd.key\"'", text);
            return NULL;
        }

        p++;
    }

    key->len = p - key->data;

    if (key->len == 0 && p == last) {
        ngx_er_error(err, "the field \"%V\" ends with a \".\"", text);
        return NULL;
    }

    if (key->len == 0 && *p == '[') {
        ngx_er_error(err, "the field \"%V\" has an index behind a \".\": "
                     "write the whole path, or \"[0]\" without the \".\"",
                     text);
        return NULL;
    }

    if (key->len == 0) {
        ngx_er_error(err, "the field \"%V\" has two \".\" in a row: an empty "
                     "key is written \"\" in double quotes", text);
        return NULL;
    }

    return p;
}


/* p is behind the opening quote; only \" and \\ are escapes */

static u_char *
ngx_er_path_quoted(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    ngx_str_t *key, ngx_er_error_t *err)
{
    u_char  *dst, *last;

    last = text->data + text->len;

    dst = ngx_pnalloc(pool, ngx_max(last - p, 1));
    if (dst == NULL) {
        (void) ngx_er_path_memory(err);
        return NULL;
    }

    key->data = dst;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            key->len = dst - key->data;
            return p + 1;
        }

        if (*p == '\\' && p + 1 < last && (p[1] == '"' || p[1] == '\\')) {
            p++;
        }

        *dst++ = *p;
    }

    ngx_er_error(err, "the field \"%V\" has a key without its closing quote: "
                 "write the whole field in single quotes, "
                 "'data.\"odd.key\"'", text);

    return NULL;
}


/* a key without quotes: any key is "*", and who writes more beside it believes
   that more is meant */

static ngx_int_t
ngx_er_path_star(ngx_er_step_t *step, ngx_str_t *text, ngx_er_error_t *err)
{
    ngx_str_t  *key;

    key = &step->key;

    if (ngx_strlchr(key->data, key->data + key->len, '*') == NULL) {
        return NGX_OK;
    }

    if (key->len > 1) {
        ngx_er_error(err, "the field \"%V\" has a \"*\" in the key \"%V\": "
                     "\".*\" is any one key, there is nothing for a part of "
                     "a key or for several levels; a key of that name stands "
                     "in quotes", text, key);
        return NGX_ERROR;
    }

    ngx_str_null(key);
    step->index = NGX_ER_STEP_ANY;

    return NGX_OK;
}


static u_char *
ngx_er_path_index(ngx_str_t *text, u_char *p, ngx_int_t *index,
    ngx_er_error_t *err)
{
    u_char      *end, *last;
    ngx_uint_t   tail;

    last = text->data + text->len;

    for (end = p; end < last && *end != ']'; end++) { /* void */ }

    if (end == p + 1 && *p == '*') {
        ngx_er_error(err, "the field \"%V\" has a \"[*]\": leave it out, "
                     "arrays are crossed by themselves (\"data.items.sku\" is "
                     "every item's sku)", text);
        return NULL;
    }

    tail = (p < end && *p == '-');
    *index = (end == last) ? NGX_ERROR : ngx_atoi(p + tail, end - p - tail);

    if (*index == NGX_ERROR || *index >= NGX_ER_PATH_INDEX
        || (tail && *index == 0))
    {
        ngx_er_error(err, "the field \"%V\" has a bad index: write \"[0]\" "
                     "for the first element, up to \"[%d]\", and \"[-1]\" for "
                     "the last one", text, NGX_ER_PATH_INDEX - 1);
        return NULL;
    }

    *index = tail ? -*index : *index;

    return end + 1;
}


ngx_int_t
ngx_er_field_definite(ngx_er_field_t *field, ngx_uint_t tails,
    const char *who, ngx_er_error_t *err)
{
    ngx_uint_t      i;
    ngx_er_step_t  *step;

    if (field->kind != NGX_ER_FIELD_DATA) {
        return NGX_OK;
    }

    step = field->steps.elts;

    for (i = 0; i < field->steps.nelts; i++) {

        if (step[i].index == NGX_ER_STEP_ANY) {
            ngx_er_error(err, "the field \"%V\" has a \"*\", any key, which "
                         "%s cannot have: write each key; of arrays leave it "
                         "out, they are crossed by themselves", &field->text,
                         who);
            return NGX_ERROR;
        }

        if (step[i].index < 0 && !tails) {
            ngx_er_error(err, "the field \"%V\" has an index from the end, "
                         "which %s cannot have", &field->text, who);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_field_write(ngx_pool_t *pool, ngx_er_field_t *field,
    ngx_er_error_t *err)
{
    ngx_str_t  root;

    ngx_str_set(&root, "data");

    return ngx_er_path_text(pool, &root, field, err);
}


/* the normalised text, which reads back as the same field */

static ngx_int_t
ngx_er_path_text(ngx_pool_t *pool, ngx_str_t *root, ngx_er_field_t *field,
    ngx_er_error_t *err)
{
    size_t          len;
    u_char         *p;
    ngx_uint_t      i, n;
    ngx_er_step_t  *step;

    step = field->steps.elts;
    len = root->len;

    for (i = 0; i < field->steps.nelts; i++) {
        len += 2 * step[i].key.len + sizeof("[]") + NGX_INT_T_LEN;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return ngx_er_path_memory(err);
    }

    field->text.data = p;
    p = ngx_cpymem(p, root->data, root->len);

    for (i = 0; i < field->steps.nelts; i++) {

        if (step[i].index == NGX_ER_STEP_ANY) {
            *p++ = '.';
            *p++ = '*';
            continue;
        }

        if (step[i].index != NGX_ER_STEP_KEY) {
            p = ngx_sprintf(p, "[%i]", step[i].index);
            continue;
        }

        *p++ = '.';

        if (ngx_er_path_plain(&step[i].key)) {
            p = ngx_cpymem(p, step[i].key.data, step[i].key.len);
            continue;
        }

        *p++ = '"';

        for (n = 0; n < step[i].key.len; n++) {
            if (step[i].key.data[n] == '"' || step[i].key.data[n] == '\\') {
                *p++ = '\\';
            }

            *p++ = step[i].key.data[n];
        }

        *p++ = '"';
    }

    field->text.len = p - field->text.data;

    return NGX_OK;
}


/* the key reads back without quotes */

static ngx_uint_t
ngx_er_path_plain(ngx_str_t *key)
{
    ngx_uint_t  i;

    if (key->len == 0) {
        return 0;
    }

    for (i = 0; i < key->len; i++) {
        if (key->data[i] < ' ' || ngx_strchr(".[]\"\\*", key->data[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_er_path_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory for a field");
    return NGX_ERROR;
}


ngx_er_fields_t *
ngx_er_fields_create(ngx_pool_t *pool)
{
    ngx_er_fields_t  *fields;

    fields = ngx_pcalloc(pool, sizeof(ngx_er_fields_t));
    if (fields == NULL) {
        return NULL;
    }

    fields->pool = pool;
    fields->parse = ngx_er_field_parse;

    ngx_rbtree_init(&fields->texts, &fields->sentinel,
                    ngx_str_rbtree_insert_value);

    if (ngx_array_init(&fields->list, pool, 16, sizeof(ngx_er_field_t))
        != NGX_OK)
    {
        return NULL;
    }

    fields->paths = ngx_er_paths_create(pool);
    if (fields->paths == NULL) {
        return NULL;
    }

    return fields;
}


ngx_int_t
ngx_er_fields_find(ngx_er_fields_t *fields, ngx_str_t *text)
{
    uint32_t               hash;
    ngx_er_field_t        *field;
    ngx_er_fields_node_t  *node;

    hash = ngx_er_hash(text->data, text->len);

    node = (ngx_er_fields_node_t *) ngx_str_rbtree_lookup(&fields->texts, text,
                                                          hash);
    if (node == NULL) {
        return NGX_DECLINED;
    }

    field = (ngx_er_field_t *) fields->list.elts + node->index;

    return (field->kind == NGX_ER_FIELD_DATA && field->name.len)
           ? NGX_DECLINED : (ngx_int_t) node->index;
}


ngx_int_t
ngx_er_fields_add(ngx_er_fields_t *fields, ngx_er_field_t *field)
{
    uint32_t               hash;
    ngx_uint_t             index;
    ngx_er_field_t        *slot;
    ngx_er_fields_node_t  *node;

    hash = ngx_er_hash(field->text.data, field->text.len);

    node = (ngx_er_fields_node_t *) ngx_str_rbtree_lookup(&fields->texts,
                                                          &field->text, hash);
    if (node) {
        return node->index;
    }

    index = fields->list.nelts;

    if (field->kind == NGX_ER_FIELD_DATA
        && ngx_er_paths_add(fields->paths, &field->steps, index) != NGX_OK)
    {
        return NGX_ERROR;
    }

    node = ngx_palloc(fields->pool, sizeof(ngx_er_fields_node_t));
    if (node == NULL) {
        return NGX_ERROR;
    }

    slot = ngx_array_push(&fields->list);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = *field;

    if (ngx_er_field_keep(fields->pool, slot) != NGX_OK) {
        fields->list.nelts--;
        return NGX_ERROR;
    }

    node->text.node.key = hash;
    node->text.str = slot->text;
    node->index = index;

    ngx_rbtree_insert(&fields->texts, &node->text.node);

    return index;
}


/* what it points to is copied */

static ngx_int_t
ngx_er_field_keep(ngx_pool_t *pool, ngx_er_field_t *field)
{
    size_t          at;
    u_char         *text;
    ngx_uint_t      i;
    ngx_array_t     steps;
    ngx_er_step_t  *step;

    text = field->text.data;

    if (ngx_er_field_keep_text(pool, &field->text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (field->kind != NGX_ER_FIELD_DATA) {
        at = field->name.len ? field->name.data - text : 0;
        field->name.data = field->text.data + at;
        return NGX_OK;
    }

    if (ngx_er_field_keep_text(pool, &field->name) != NGX_OK
        || ngx_array_init(&steps, pool, ngx_max(field->steps.nelts, 1),
                          sizeof(ngx_er_step_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    step = ngx_array_push_n(&steps, field->steps.nelts);
    if (step == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < steps.nelts; i++) {
        step[i] = ((ngx_er_step_t *) field->steps.elts)[i];

        if (ngx_er_field_keep_text(pool, &step[i].key) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    field->steps = steps;

    return NGX_OK;
}


static ngx_int_t
ngx_er_field_keep_text(ngx_pool_t *pool, ngx_str_t *text)
{
    if (text->len == 0) {
        return NGX_OK;
    }

    text->data = ngx_pstrdup(pool, text);

    return text->data ? NGX_OK : NGX_ERROR;
}


ngx_er_facts_t *
ngx_er_facts_create(ngx_pool_t *pool, ngx_er_fields_t *fields)
{
    size_t           n;
    ngx_er_facts_t  *facts;

    n = fields->list.nelts;

    facts = ngx_pcalloc(pool, sizeof(ngx_er_facts_t)
                              + n * (sizeof(ngx_er_value_t *) + 1));
    if (facts == NULL) {
        return NULL;
    }

    facts->pool = pool;
    facts->fields = fields;
    facts->values = (ngx_er_value_t **) (facts + 1);
    facts->known = (u_char *) (facts->values + n);

    return facts;
}


ngx_er_value_t *
ngx_er_fact(ngx_er_facts_t *facts, ngx_uint_t index)
{
    ngx_er_field_t  *field;

    field = (ngx_er_field_t *) facts->fields->list.elts + index;

    if (field->kind != NGX_ER_FIELD_DATA && !facts->known[index]) {
        facts->known[index] = 1;

        if (facts->get) {
            facts->values[index] = facts->get(facts, field);
        }
    }

    return facts->values[index];
}


time_t
ngx_er_facts_now(ngx_er_facts_t *facts)
{
    return facts->received ? *facts->received : ngx_time();
}
