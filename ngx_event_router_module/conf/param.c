
/*
 * Copyright (C) Event Router contributors
 */


/*
 * NAME=VALUE in nginx.conf, from tables of rows (param.h).  Targets, sources,
 * routes, stores and verifiers have such tables; what the parameters of one
 * directive have to do with each other is checked by the room behind them.
 *
 * Runs at configuration time only.  Pure, allocates nothing, owns nothing.
 */


#include "param.h"


static off_t ngx_er_param_parse(ngx_er_param_kind_e kind, ngx_str_t *text);
static off_t ngx_er_param_bound(ngx_er_param_t *row, const char *bound);
static void ngx_er_param_store(ngx_er_param_t *row, void *base, off_t n);
static void ngx_er_param_refuse(ngx_er_param_t *row, ngx_str_t *directive,
    ngx_str_t *word, ngx_er_error_t *err);
static void ngx_er_param_list(ngx_er_word_t *words, ngx_er_error_t *list);
static void ngx_er_params_unknown(ngx_er_params_t *params,
    ngx_str_t *directive, ngx_str_t *word, ngx_er_error_t *err);


/* by kind, for people; behind the numbers are words and texts */

static const char  *ngx_er_param_kinds[] = {
    "number", "number", "number", "size", "size", "time", "time"
};


ngx_int_t
ngx_er_params_set(ngx_er_params_t *params, ngx_array_t *args, ngx_uint_t from,
    void *base, ngx_uint_t *given, ngx_er_error_t *err)
{
    ngx_str_t       *word, value;
    ngx_uint_t       i, seen, bit;
    ngx_er_param_t  *row;

    word = args->elts;
    seen = 0;

    for (i = from; i < args->nelts; i++) {

        row = ngx_er_param_find(params->rows, &word[i], &value);

        if (row == NULL) {
            ngx_er_params_unknown(params, &word[0], &word[i], err);
            return NGX_ERROR;
        }

        bit = (ngx_uint_t) 1 << (row - params->rows);

        if ((seen & bit) && !params->repeat) {
            ngx_er_error(err, "\"%s\" is given twice in \"%V\"", row->name,
                         &word[0]);
            return NGX_ERROR;
        }

        seen |= bit;

        if (ngx_er_param_set(row, &word[0], &word[i], &value, base, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (given) {
        *given = seen;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_param_set(ngx_er_param_t *row, ngx_str_t *directive, ngx_str_t *word,
    ngx_str_t *value, void *base, ngx_er_error_t *err)
{
    if (ngx_er_param_read(row, value, base) != NGX_OK) {
        ngx_er_param_refuse(row, directive, word, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_param_read(ngx_er_param_t *row, ngx_str_t *value, void *base)
{
    off_t       n;
    ngx_uint_t  meaning;

    switch (row->kind) {

    case NGX_ER_PARAM_TEXT:

        if (value->len == 0) {
            return NGX_ERROR;
        }

        /* fall through */

    case NGX_ER_PARAM_STRING:
        *(ngx_str_t *) ((u_char *) base + row->offset) = *value;
        return NGX_OK;

    case NGX_ER_PARAM_WORD:

        if (ngx_er_param_word(row->words, value, &meaning) != NGX_OK) {
            return NGX_ERROR;
        }

        n = meaning;
        break;

    default:
        n = ngx_er_param_parse(row->kind, value);

        if (n == NGX_ERROR
            || (row->min && n < ngx_er_param_bound(row, row->min))
            || (row->max && n > ngx_er_param_bound(row, row->max)))
        {
            return NGX_ERROR;
        }
    }

    ngx_er_param_store(row, base, n);

    return NGX_OK;
}


ngx_er_param_t *
ngx_er_param_find(ngx_er_param_t *rows, ngx_str_t *word, ngx_str_t *value)
{
    for ( /* void */ ; rows->name; rows++) {
        if (ngx_er_param_named(word, rows->name, value)) {
            return rows;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_er_param_named(ngx_str_t *word, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (word->len < len || ngx_strncmp(word->data, name, len) != 0) {
        return 0;
    }

    value->len = word->len - len;
    value->data = word->data + len;

    return 1;
}


ngx_int_t
ngx_er_param_word(ngx_er_word_t *words, ngx_str_t *word, ngx_uint_t *value)
{
    for ( /* void */ ; words->name.len; words++) {

        if (words->name.len == word->len
            && ngx_memcmp(words->name.data, word->data, word->len) == 0)
        {
            *value = words->value;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static off_t
ngx_er_param_bound(ngx_er_param_t *row, const char *bound)
{
    ngx_str_t  text;

    text.data = (u_char *) bound;
    text.len = ngx_strlen(bound);

    return ngx_er_param_parse(row->kind, &text);
}


/* NGX_ERROR: it is no number of its kind */

static off_t
ngx_er_param_parse(ngx_er_param_kind_e kind, ngx_str_t *text)
{
    switch (kind) {

    case NGX_ER_PARAM_MSEC:
        return ngx_parse_time(text, 0);

    case NGX_ER_PARAM_SEC:
        return ngx_parse_time(text, 1);

    case NGX_ER_PARAM_OFFSET:
        return ngx_parse_offset(text);

    case NGX_ER_PARAM_SIZE:
    case NGX_ER_PARAM_SCALED:
        return ngx_parse_size(text);

    case NGX_ER_PARAM_PERCENT:

        if (text->len < 2 || text->data[text->len - 1] != '%') {
            return NGX_ERROR;
        }

        return ngx_atoi(text->data, text->len - 1);

    default: /* NGX_ER_PARAM_NUMBER */
        return ngx_atoi(text->data, text->len);
    }
}


/* ngx_uint_t, ngx_msec_t, size_t, off_t, time_t, uint64_t, an enum */

static void
ngx_er_param_store(ngx_er_param_t *row, void *base, off_t n)
{
    u_char  *p;

    p = (u_char *) base + row->offset;

    if (row->size == sizeof(uint32_t)) {
        *(uint32_t *) p = (uint32_t) n;

    } else {
        *(uint64_t *) p = (uint64_t) n;
    }
}


static void
ngx_er_param_refuse(ngx_er_param_t *row, ngx_str_t *directive, ngx_str_t *word,
    ngx_er_error_t *err)
{
    ngx_er_error_t  want;

    switch (row->kind) {

    case NGX_ER_PARAM_TEXT:
    case NGX_ER_PARAM_STRING:
        ngx_er_error(&want, "empty");
        break;

    case NGX_ER_PARAM_WORD:
        ngx_er_param_list(row->words, &want);
        break;

    default:
        ngx_er_error(&want, "a %s%s%s%s%s%s", ngx_er_param_kinds[row->kind],
                     row->min && row->max ? " from " : row->min ? " of "
                     : row->max ? " of at most " : "",
                     row->min ? row->min : "",
                     row->min && row->max ? " to " : "",
                     row->max ? row->max : "",
                     row->min && !row->max ? " or more" : "");
    }

    ngx_er_error(err, "invalid value \"%V\" in \"%V\": it is %*s", word,
                 directive, want.len, want.text);
}


/* "a", "b" or "c" */

static void
ngx_er_param_list(ngx_er_word_t *words, ngx_er_error_t *list)
{
    u_char  *p, *last;

    p = list->text;
    last = list->text + NGX_ER_ERROR_LEN;

    for ( /* void */ ; words->name.len; words++) {
        p = ngx_slprintf(p, last, "\"%V\"%s", &words->name,
                         words[1].name.len == 0 ? ""
                         : words[2].name.len == 0 ? " or " : ", ");
    }

    list->len = p - list->text;
}


/* of a secret, whatever it was meant to be, nothing but a name is shown */

static void
ngx_er_params_unknown(ngx_er_params_t *params, ngx_str_t *directive,
    ngx_str_t *word, ngx_er_error_t *err)
{
    u_char     *p;
    ngx_str_t   name;

    name = *word;

    if (params->quiet) {
        p = ngx_strlchr(word->data, word->data + word->len, '=');
        name.len = p ? (size_t) (p - word->data) + 1 : 0;
    }

    ngx_er_error(err, "invalid parameter \"%V\" of \"%V\", %s", &name,
                 directive, params->takes);
}
