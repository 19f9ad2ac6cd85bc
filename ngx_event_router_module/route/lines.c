
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines of conditions: "when" of routes and "require" of sources, and the
 * blocks any, all, none and each around them.  A line is compiled where it
 * stands (condition.c) and put into the innermost block, with its text and its
 * place for whoever tells people about it later.  While a block is read it is
 * the innermost one, afterwards that around it is again.
 *
 * Called by route.c and ingest/require.c for the rows of their blocks, at
 * configuration time.  Conditions are in cf->pool, their texts where the main
 * configuration keeps them.  What is wrong is logged with file and line.
 */


#include "lines.h"
#include "misread.h"


static char *ngx_er_lines_inner(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_block_row_t *row, ngx_er_condition_t *block);
static ngx_str_t *ngx_er_lines_words(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_er_lines_word(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_str_t *word, ngx_uint_t i);
static ngx_int_t ngx_er_lines_add(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_condition_t *condition, ngx_er_error_t *err);
static ngx_int_t ngx_er_lines_text(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_condition_t *condition);
static ngx_er_condition_origin_t *ngx_er_lines_origin(ngx_conf_t *cf,
    ngx_er_lines_t *lines, size_t len);


void
ngx_er_lines_init(ngx_er_lines_t *lines, ngx_er_main_conf_t *mcf,
    const char *word, ngx_str_t *file)
{
    ngx_memzero(lines, sizeof(ngx_er_lines_t));

    lines->word = word;
    lines->fields = mcf->fields;
    lines->texts = &mcf->texts;
    lines->file = file;
}


char *
ngx_er_lines_test(ngx_conf_t *cf, ngx_er_lines_t *lines)
{
    ngx_str_t           *value;
    ngx_uint_t           n;
    ngx_er_error_t       err;
    ngx_er_condition_t  *condition;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a field is missing behind \"%s\": write for "
                           "example \"%s type = orders/paid\"", lines->word,
                           lines->word);
        return NGX_CONF_ERROR;
    }

    value = ngx_er_lines_words(cf, lines, &value[1], n);
    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    condition = ngx_er_condition_test(cf->pool, value, n, lines->each,
                                      lines->fields, &err);

    if (ngx_er_lines_take(cf, lines, condition, &err) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_misread(value, n, NGX_ER_MISREAD_WHEN, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%*s", err.len, err.text);
    }

    return NGX_CONF_OK;
}


char *
ngx_er_lines_block(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_block_row_t *row)
{
    ngx_str_t           *value;
    ngx_er_error_t       err;
    ngx_er_condition_t  *block;

    value = cf->args->elts;
    value = ngx_er_lines_words(cf, lines, &value[1], cf->args->nelts - 1);

    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    if (lines->depth == NGX_ER_LINES_DEPTH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d blocks of conditions are in one "
                           "another: use several routes", NGX_ER_LINES_DEPTH);
        return NGX_CONF_ERROR;
    }

    block = ngx_er_condition_block(cf->pool, row->tag,
                                   cf->args->nelts > 1 ? value : NULL,
                                   lines->each, lines->fields, &err);
    if (block == NULL) {
        return ngx_er_where_error(cf, &err);
    }

    if (ngx_er_lines_text(cf, lines, block) != NGX_OK
        || ngx_er_lines_inner(cf, lines, row, block) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_lines_add(cf, lines, block, &err) != NGX_OK) {
        return ngx_er_where_error(cf, &err);
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_lines_inner(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_block_row_t *row, ngx_er_condition_t *block)
{
    char            *rv;
    ngx_er_lines_t   outer;

    outer = *lines;

    lines->block = block;
    lines->depth++;
    lines->lines = 0;

    if (row->tag == NGX_ER_CONDITION_EACH) {
        lines->each = block;
    }

    rv = ngx_er_block_parse_inner(cf);

    if (rv == NGX_CONF_OK && lines->lines == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is empty: write a \"%s\" in it or take "
                           "it away", row->name, lines->word);
        rv = NGX_CONF_ERROR;
    }

    *lines = outer;

    return rv;
}


/*
 * Outside of "each" a field that begins with "." is the element's of which a
 * body was split; it is the body of the event, so ".sku" is "data.sku".  It
 * can stand behind "$field:", too.
 */

static ngx_str_t *
ngx_er_lines_words(ngx_conf_t *cf, ngx_er_lines_t *lines, ngx_str_t *value,
    ngx_uint_t n)
{
    ngx_str_t   *words;
    ngx_uint_t   i;

    if (lines->each || n == 0) {
        return value;
    }

    words = ngx_palloc(cf->pool, n * sizeof(ngx_str_t));
    if (words == NULL) {
        return NULL;
    }

    ngx_memcpy(words, value, n * sizeof(ngx_str_t));

    for (i = 0; i < n; i++) {
        if (ngx_er_lines_word(cf, lines, &words[i], i) != NGX_OK) {
            return NULL;
        }
    }

    return words;
}


static ngx_int_t
ngx_er_lines_word(ngx_conf_t *cf, ngx_er_lines_t *lines, ngx_str_t *word,
    ngx_uint_t i)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   field;

    len = i ? sizeof(NGX_ER_COMPARISON_OTHER) - 1 : 0;

    if (word->len <= len || word->data[len] != '.'
        || ngx_strncmp(word->data, NGX_ER_COMPARISON_OTHER, len) != 0)
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, sizeof("data") + word->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    field.data = word->data + len;
    field.len = word->len - len;

    word->data = p;
    p = ngx_cpymem(p, NGX_ER_COMPARISON_OTHER, len);
    p = ngx_cpymem(p, "data", sizeof("data") - 1);

    if (field.len > 1) {
        p = ngx_cpymem(p, field.data, field.len);
    }

    *p = '\0';
    word->len = p - word->data;

    return lines->element(cf, lines->data, &field);
}


char *
ngx_er_lines_take(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_condition_t *condition, ngx_er_error_t *err)
{
    if (condition == NULL) {
        return ngx_er_where_error(cf, err);
    }

    if (ngx_er_lines_text(cf, lines, condition) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_lines_add(cf, lines, condition, err) != NGX_OK) {
        return ngx_er_where_error(cf, err);
    }

    return NGX_CONF_OK;
}


/* to the innermost block; the lines of the noun itself are in an "all" */

static ngx_int_t
ngx_er_lines_add(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_condition_t *condition, ngx_er_error_t *err)
{
    if (lines->block == NULL) {
        lines->block = ngx_er_condition_block(cf->pool, NGX_ER_CONDITION_ALL,
                                              NULL, NULL, lines->fields, err);
        if (lines->block == NULL) {
            return NGX_ERROR;
        }
    }

    lines->lines++;

    if (ngx_er_condition_add(cf->pool, lines->block, condition) != NGX_OK) {
        ngx_er_error(err, "no memory for a condition");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what is written and where, for whoever explains the condition later */

static ngx_int_t
ngx_er_lines_text(ngx_conf_t *cf, ngx_er_lines_t *lines,
    ngx_er_condition_t *condition)
{
    ngx_er_condition_origin_t  *origin;

    origin = ngx_er_lines_origin(cf, lines, ngx_er_where_words(cf, NULL));
    if (origin == NULL) {
        return NGX_ERROR;
    }

    condition->origin = origin;

    (void) ngx_er_where_words(cf, ngx_er_condition_text(origin));

    return NGX_OK;
}


/* of the line that is being read, with room for a text of "len" bytes */

static ngx_er_condition_origin_t *
ngx_er_lines_origin(ngx_conf_t *cf, ngx_er_lines_t *lines, size_t len)
{
    u_char                     *p;
    size_t                      other;
    ngx_er_where_t              where;
    ngx_er_condition_origin_t  *origin;

    ngx_er_where_set(cf, &where);

    /* behind the text: the file, where it is another one than the noun's */

    other = (where.file.len == lines->file->len
             && ngx_memcmp(where.file.data, lines->file->data,
                           where.file.len)
                == 0)
            ? 0 : where.file.len + 1;

    p = ngx_er_packs_reserve(lines->texts,
                             ngx_align(sizeof(ngx_er_condition_origin_t)
                                       + len + other,
                                       sizeof(uint32_t)));
    if (p == NULL) {
        return NULL;
    }

    origin = (ngx_er_condition_origin_t *) p;

    origin->line = where.line;
    origin->len = len;
    origin->other = (other != 0);

    if (other) {
        p = ngx_er_condition_text(origin) + len;
        *ngx_cpymem(p, where.file.data, where.file.len) = '\0';
    }

    return origin;
}
