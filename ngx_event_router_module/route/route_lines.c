
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The conditions of a route: its lines, and the blocks (any, all, none, each)
 * that they stand in.  nginx calls in here by the table of route.c, for each
 * line when it was read; condition.c and line.c compile it, and it is put into
 * the innermost block, with its text and place for whoever explains it later.
 *
 * Runs at configuration time only.  Conditions are in the configuration's pool
 * and are their route's.  While a block is read it is the parser's innermost
 * one, afterwards that around it is again.  What is wrong is logged with file
 * and line.
 */


#include "route_lines.h"
#include "misread.h"


#define NGX_ER_ROUTE_DEPTH   16            /* blocks in one another */


static ngx_str_t *ngx_er_route_words(ngx_conf_t *cf,
    ngx_er_route_parser_t *parser, ngx_str_t *value, ngx_uint_t n);
static char *ngx_er_route_take(ngx_conf_t *cf,
    ngx_er_route_parser_t *parser, ngx_er_condition_t *condition,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_route_add(ngx_conf_t *cf,
    ngx_er_route_parser_t *parser, ngx_er_condition_t *condition,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_route_text(ngx_conf_t *cf,
    ngx_er_condition_t *condition);
static ngx_uint_t ngx_er_route_quote(ngx_str_t *word);


char *
ngx_er_route_when(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_str_t           *value;
    ngx_uint_t           n;
    ngx_er_error_t       err;
    ngx_er_condition_t  *condition;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    value = ngx_er_route_words(cf, parser, &value[1], n);
    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    condition = ngx_er_condition_test(cf->pool, value, n, parser->each,
                                      parser->mcf->fields, &err);

    if (ngx_er_route_take(cf, parser, condition, &err) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_misread(value, n, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%*s", err.len, err.text);
    }

    return NGX_CONF_OK;
}


/*
 * Outside of "each" a field that begins with "." is the element's of which a
 * body was split; it is the body of the event, so ".sku" is "data.sku".
 */

static ngx_str_t *
ngx_er_route_words(ngx_conf_t *cf, ngx_er_route_parser_t *parser,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char     *p;
    ngx_str_t  *words;

    if (parser->each || n == 0 || value->len == 0 || value->data[0] != '.') {
        return value;
    }

    words = ngx_palloc(cf->pool, n * sizeof(ngx_str_t));
    p = ngx_pnalloc(cf->pool, sizeof("data") + value->len);

    if (words == NULL || p == NULL) {
        return NULL;
    }

    ngx_memcpy(words, value, n * sizeof(ngx_str_t));

    words->data = p;
    p = ngx_cpymem(p, "data", sizeof("data") - 1);

    if (value->len > 1) {
        p = ngx_cpymem(p, value->data, value->len);
    }

    *p = '\0';
    words->len = p - words->data;

    if (parser->route->element.len == 0) {
        parser->route->element = *value;
        ngx_er_where_set(cf, &parser->route->element_where);
    }

    return words;
}


/* a line that was compiled, or NULL and why it was not */

static char *
ngx_er_route_take(ngx_conf_t *cf, ngx_er_route_parser_t *parser,
    ngx_er_condition_t *condition, ngx_er_error_t *err)
{
    if (condition == NULL
        || ngx_er_route_add(cf, parser, condition, err) != NGX_OK)
    {
        return ngx_er_where_error(cf, err);
    }

    return NGX_CONF_OK;
}


/* pattern, filter, sample: made in line.c */

char *
ngx_er_route_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    ngx_er_error_t       err;
    ngx_er_condition_t  *condition;

    static ngx_er_line_pt  lines[] = {
        ngx_er_line_pattern, ngx_er_line_filter, ngx_er_line_sample
    };

    condition = lines[row->tag](cf, parser->mcf->fields, &err);

    return ngx_er_route_take(cf, parser, condition, &err);
}


/* any, all, none, each: its lines are read while it is the innermost block */

char *
ngx_er_route_lines(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_route_parser_t *parser = conf;

    char                   *rv;
    ngx_str_t              *value;
    ngx_er_error_t          err;
    ngx_er_condition_t     *block;
    ngx_er_route_parser_t   outer;

    value = cf->args->elts;
    value = ngx_er_route_words(cf, parser, &value[1], cf->args->nelts - 1);

    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    if (parser->depth == NGX_ER_ROUTE_DEPTH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d blocks of conditions are in one "
                           "another: use several routes", NGX_ER_ROUTE_DEPTH);
        return NGX_CONF_ERROR;
    }

    block = ngx_er_condition_block(cf->pool, row->tag,
                                   cf->args->nelts > 1 ? value : NULL,
                                   parser->each, parser->mcf->fields, &err);

    if (block == NULL || ngx_er_route_add(cf, parser, block, &err) != NGX_OK) {
        return ngx_er_where_error(cf, &err);
    }

    outer = *parser;

    parser->block = block;
    parser->depth++;
    parser->lines = 0;

    if (row->tag == NGX_ER_CONDITION_EACH) {
        parser->each = block;
    }

    rv = ngx_er_block_parse_inner(cf);

    if (rv == NGX_CONF_OK && parser->lines == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is empty: write a \"when\" in it or take "
                           "it away", row->name);
        rv = NGX_CONF_ERROR;
    }

    *parser = outer;

    return rv;
}


/* to the innermost block; the lines of the route itself are in an "all" */

static ngx_int_t
ngx_er_route_add(ngx_conf_t *cf, ngx_er_route_parser_t *parser,
    ngx_er_condition_t *condition, ngx_er_error_t *err)
{
    if (parser->block == NULL) {
        parser->block = ngx_er_condition_block(cf->pool, NGX_ER_CONDITION_ALL,
                                               NULL, NULL, parser->mcf->fields,
                                               err);
        if (parser->block == NULL) {
            return NGX_ERROR;
        }
    }

    parser->lines++;

    if (ngx_er_condition_add(cf->pool, parser->block, condition) != NGX_OK
        || ngx_er_route_text(cf, condition) != NGX_OK)
    {
        ngx_er_error(err, "no memory for a condition");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what is written and where, for whoever explains the condition later */

static ngx_int_t
ngx_er_route_text(ngx_conf_t *cf, ngx_er_condition_t *condition)
{
    size_t                      len;
    u_char                     *p;
    ngx_str_t                  *value;
    ngx_uint_t                  i, quote;
    ngx_er_where_t              where;
    ngx_er_condition_origin_t  *origin;

    origin = ngx_er_condition_origin(cf->pool, condition);
    if (origin == NULL) {
        return NGX_ERROR;
    }

    len = 0;
    value = cf->args->elts;

    for (i = 0; i < cf->args->nelts; i++) {
        len += value[i].len + sizeof("'' ") - 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    origin->text.data = p;

    for (i = 0; i < cf->args->nelts; i++) {
        quote = ngx_er_route_quote(&value[i]);

        if (i) {
            *p++ = ' ';
        }

        if (quote) {
            *p++ = '\'';
        }

        p = ngx_cpymem(p, value[i].data, value[i].len);

        if (quote) {
            *p++ = '\'';
        }
    }

    origin->text.len = p - origin->text.data;

    ngx_er_where_set(cf, &where);

    origin->file = where.file.data;
    origin->line = where.line;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_route_quote(ngx_str_t *word)
{
    size_t  i;

    for (i = 0; i < word->len; i++) {
        if (ngx_strchr(" \t\r\n;{}'\"", word->data[i])) {
            return 1;
        }
    }

    return word->len == 0;
}
