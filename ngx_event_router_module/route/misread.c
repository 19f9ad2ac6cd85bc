
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Misread lines.  All words behind an operator are VALUEs, and nginx drops
 * quotes, so "when type = orders/paid and data.total = 5;" is a line with five
 * VALUEs and no mistake.  Who wrote it meant something else.  Here the words
 * of a line are looked at as a person would: words of other languages that
 * join conditions, operators and fields among the VALUEs, lists with commas,
 * regular expressions and wildcards where there are none (lookalike.c), times
 * and amounts that would be compared as texts.
 *
 * Called by route.c when nginx.conf is read, for a warning: the line is
 * valid, and somebody may mean it.  So a word is suspected only where it
 * hardly ever is a value.  It owns nothing; nothing fails.
 */


#include "misread.h"
#include "comparison.h"
#include "lookalike.h"


#define NGX_ER_MISREAD_EQUAL   1       /* =, !=, has_all */
#define NGX_ER_MISREAD_PREFIX  2
#define NGX_ER_MISREAD_SUFFIX  3
#define NGX_ER_MISREAD_PART    4       /* contains */
#define NGX_ER_MISREAD_LIKE    5
#define NGX_ER_MISREAD_REGEX   6


typedef struct {
    const char            *name;
    ngx_uint_t             kind;
} ngx_er_misread_operator_t;


static ngx_uint_t ngx_er_misread_kind(ngx_str_t *word);
static ngx_int_t ngx_er_misread_joint(ngx_str_t *value, ngx_uint_t n,
    ngx_uint_t i, ngx_er_misread_where_e where, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_line(ngx_str_t *value, ngx_uint_t n,
    ngx_uint_t i, ngx_er_misread_where_e where, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_comma(ngx_str_t *value, ngx_uint_t n,
    ngx_uint_t i, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_list(ngx_str_t *field, ngx_str_t *value,
    ngx_uint_t kind, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_star(ngx_str_t *op, ngx_str_t *value,
    ngx_uint_t kind, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_slashes(ngx_str_t *field, ngx_str_t *op,
    ngx_str_t *value, ngx_uint_t kind, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_glued(ngx_str_t *value, ngx_uint_t kind,
    ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_order(ngx_str_t *op, ngx_str_t *value,
    ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_regex(ngx_str_t *field, ngx_str_t *op,
    ngx_str_t *value, ngx_uint_t kind, ngx_er_error_t *note);
static ngx_int_t ngx_er_misread_quotes(ngx_str_t *value, ngx_uint_t kind,
    ngx_er_error_t *note);
static ngx_uint_t ngx_er_misread_is(ngx_str_t *word, const char **words);
static ngx_uint_t ngx_er_misread_field(ngx_str_t *word);
static ngx_uint_t ngx_er_misread_name(ngx_str_t *word);


static ngx_er_misread_operator_t  ngx_er_misread_operators[] = {
    { "=", NGX_ER_MISREAD_EQUAL },
    { "!=", NGX_ER_MISREAD_EQUAL },
    { "has_all", NGX_ER_MISREAD_EQUAL },
    { "prefix", NGX_ER_MISREAD_PREFIX },
    { "prefix_ci", NGX_ER_MISREAD_PREFIX },
    { "suffix", NGX_ER_MISREAD_SUFFIX },
    { "suffix_ci", NGX_ER_MISREAD_SUFFIX },
    { "contains", NGX_ER_MISREAD_PART },
    { "contains_ci", NGX_ER_MISREAD_PART },
    { "like", NGX_ER_MISREAD_LIKE },
    { "like_ci", NGX_ER_MISREAD_LIKE },
    { "~", NGX_ER_MISREAD_REGEX },
    { "~*", NGX_ER_MISREAD_REGEX },
    { "!~", NGX_ER_MISREAD_REGEX },
    { "!~*", NGX_ER_MISREAD_REGEX },
    { NULL, 0 }
};


static const char  *ngx_er_misread_ands[] = { "and", "&&", "&", NULL };

static const char  *ngx_er_misread_ors[] = { "or", "||", "|", NULL };

static const char  *ngx_er_misread_signs[] = {
    "=", "==", "===", "!=", "!==", "<>", "=>", "=<", "<", "<=", ">", ">=",
    "~", "~*", "!~", "!~*", "=~", NULL
};

/* these can be values; behind a field they are not */

static const char  *ngx_er_misread_words[] = {
    "not", "between", "prefix", "prefix_ci", "suffix", "suffix_ci",
    "contains", "contains_ci", "like", "like_ci", "has_all", "cidr", "exists",
    "missing", "empty", "null", "is", "in", "before", "after", "within", NULL
};

static const char  *ngx_er_misread_attributes[] = {
    "id", "type", "source", "subject", "time", NULL
};


ngx_int_t
ngx_er_misread(ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_misread_where_e where, ngx_er_error_t *note)
{
    ngx_str_t   *op, *value;
    ngx_uint_t   i, n, kind;

    i = 1;

    if (nargs > i && args[i].len == 3
        && ngx_strncmp(args[i].data, "not", 3) == 0)
    {
        i++;
    }

    if (nargs > i && args[i].len == 4
        && ngx_strncmp(args[i].data, "utf8", 4) == 0)
    {
        i++;
    }

    if (nargs <= i + 1) {
        return NGX_OK;
    }

    op = &args[i];
    value = &args[i + 1];
    n = nargs - i - 1;
    kind = ngx_er_misread_kind(op);

    for (i = 0; i < n; i++) {

        if (ngx_er_misread_joint(value, n, i, where, note) != NGX_OK
            || ngx_er_misread_line(value, n, i, where, note) != NGX_OK
            || ngx_er_misread_comma(value, n, i, note) != NGX_OK
            || ngx_er_misread_slashes(&args[0], op, &value[i], kind, note)
               != NGX_OK
            || ngx_er_misread_list(&args[0], &value[i], kind, note) != NGX_OK
            || ngx_er_misread_star(op, &value[i], kind, note) != NGX_OK
            || ngx_er_misread_regex(&args[0], op, &value[i], kind, note)
               != NGX_OK
            || ngx_er_misread_glued(&value[i], kind, note) != NGX_OK
            || ngx_er_misread_order(op, &value[i], note) != NGX_OK
            || ngx_er_misread_quotes(&value[i], kind, note) != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    if (n == 1 && kind == NGX_ER_MISREAD_EQUAL
        && ngx_er_misread_field(&args[0]) && ngx_er_misread_field(value))
    {
        ngx_er_error(note, "\"%V\" is a VALUE, the text that is written here: "
                     "to compare with what the event has in it write "
                     "\"" NGX_ER_COMPARISON_OTHER "%V\"", value, value);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_misread_kind(ngx_str_t *word)
{
    ngx_er_misread_operator_t  *op;

    for (op = ngx_er_misread_operators; op->name; op++) {
        if (word->len == ngx_strlen(op->name)
            && ngx_strncmp(word->data, op->name, word->len) == 0)
        {
            return op->kind;
        }
    }

    return 0;
}


/* between two VALUEs, or behind the last one */

static ngx_int_t
ngx_er_misread_joint(ngx_str_t *value, ngx_uint_t n, ngx_uint_t i,
    ngx_er_misread_where_e where, ngx_er_error_t *note)
{
    if (i == 0) {

        if (n > 1 && value[0].len == 3
            && ngx_strncasecmp(value[0].data, (u_char *) "not", 3) == 0)
        {
            ngx_er_error(note, "\"%V\" is a VALUE here, as \"%V\" is: to "
                         "negate, write the \"not\" before the operator",
                         &value[0], &value[1]);
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (ngx_er_misread_is(&value[i], ngx_er_misread_ands)) {
        ngx_er_error(note, "\"%V\" is a VALUE here, as all words behind the "
                     "operator are: %s", &value[i],
                     where == NGX_ER_MISREAD_IF
                     ? "for two conditions that must hold put an {if} into "
                       "the {if}"
                     : "all lines must hold, so write each condition in a "
                       "\"when\" of its own");
        return NGX_DECLINED;
    }

    if (ngx_er_misread_is(&value[i], ngx_er_misread_ors)) {
        ngx_er_error(note, "\"%V\" is a VALUE here, as all words behind the "
                     "operator are: several VALUEs are alternatives without "
                     "it, and %s", &value[i],
                     where == NGX_ER_MISREAD_IF
                     ? "for another condition put an {if} into the {else}"
                     : "conditions are in \"any { when ...; when ...; }\"");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* another condition that stands in the same line */

static ngx_int_t
ngx_er_misread_line(ngx_str_t *value, ngx_uint_t n, ngx_uint_t i,
    ngx_er_misread_where_e where, ngx_er_error_t *note)
{
    ngx_uint_t  sign, word, field;

    if (i == 0) {
        return NGX_OK;
    }

    sign = ngx_er_misread_is(&value[i], ngx_er_misread_signs);
    word = ngx_er_misread_is(&value[i], ngx_er_misread_words);
    field = ngx_er_misread_field(&value[i - 1])
            || ngx_er_misread_is(&value[i - 1], ngx_er_misread_attributes);

    if ((sign || (word && field)) && where == NGX_ER_MISREAD_IF) {
        ngx_er_error(note, "\"%V\" and \"%V\" are VALUEs here, as all words "
                     "behind the operator are: put an {if %V %V%s} into the "
                     "{if}", &value[i - 1], &value[i], &value[i - 1],
                     &value[i], i + 1 < n ? " ..." : "");
        return NGX_DECLINED;
    }

    if (sign || (word && field)) {
        ngx_er_error(note, "\"%V\" and \"%V\" are VALUEs here, as all words "
                     "behind the operator are: write \"when %V %V%s\" in a "
                     "line of its own", &value[i - 1], &value[i],
                     &value[i - 1], &value[i], i + 1 < n ? " ..." : "");
        return NGX_DECLINED;
    }

    /* a name that looks like a field, behind one that does not */

    if (ngx_er_misread_field(&value[i]) && !ngx_er_misread_field(&value[0])
        && i + 1 == n)
    {
        ngx_er_error(note, "\"%V\" is a VALUE here, as all words behind the "
                     "operator are: %s", &value[i],
                     where == NGX_ER_MISREAD_IF
                     ? "put an {if} about it into the {if}"
                     : "write a condition about it in a \"when\" of its own");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* one that stands alone, or in front of a word: "a , b" and "a ,b" */

static ngx_int_t
ngx_er_misread_comma(ngx_str_t *value, ngx_uint_t n, ngx_uint_t i,
    ngx_er_error_t *note)
{
    if (i == 0 || value[i].len == 0 || value[i].data[0] != ',') {
        return NGX_OK;
    }

    /* among other marks it is meant: = . , ; */

    if (value[i].len == 1 && (i + 1 == n || value[i + 1].len < 2)
        && value[i - 1].len == 1 && !isalnum(value[i - 1].data[0]))
    {
        return NGX_OK;
    }

    ngx_er_error(note, "\"%V\" is a VALUE here, as all words behind the "
                 "operator are: several VALUEs stand apart by blanks",
                 &value[i]);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_misread_list(ngx_str_t *field, ngx_str_t *value, ngx_uint_t kind,
    ngx_er_error_t *note)
{
    u_char  last;

    if (value->len < 2 || kind == NGX_ER_MISREAD_REGEX) {
        return NGX_OK;
    }

    last = value->data[value->len - 1];

    if (last == ',' || last == ';') {
        ngx_er_error(note, "the \"%c\" at the end of \"%V\" is a part of the "
                     "VALUE: several VALUEs stand apart by blanks, and the "
                     "\";\" of the line stands outside of quotes", last,
                     value);
        return NGX_DECLINED;
    }

    if (kind != NGX_ER_MISREAD_EQUAL) {
        return NGX_OK;
    }

    if (ngx_er_misread_name(field)
        ? ngx_strlchr(value->data, value->data + value->len, ' ')
          || ngx_strlchr(value->data, value->data + value->len, ',')
        : ngx_er_lookalike_list(value))
    {
        ngx_er_error(note, "\"%V\" is one VALUE: several stand apart by "
                     "blanks, each in quotes of its own if it needs some",
                     value);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_misread_star(ngx_str_t *op, ngx_str_t *value, ngx_uint_t kind,
    ngx_er_error_t *note)
{
    u_char      first, last;
    ngx_uint_t  star;

    if (value->len == 0) {
        return NGX_OK;
    }

    first = value->data[0];
    last = value->data[value->len - 1];

    switch (kind) {

    case NGX_ER_MISREAD_EQUAL:
        star = (ngx_strlchr(value->data, value->data + value->len, '*')
                != NULL);
        break;

    case NGX_ER_MISREAD_PREFIX:
        star = (last == '*');
        break;

    case NGX_ER_MISREAD_SUFFIX:
        star = (first == '*');
        break;

    case NGX_ER_MISREAD_PART:
        star = (value->len > 2 && (first == '*' || last == '*'));
        break;

    case NGX_ER_MISREAD_LIKE:
        star = (ngx_strlchr(value->data, value->data + value->len, '%')
                && !ngx_strlchr(value->data, value->data + value->len, '*'));

        if (star) {
            ngx_er_error(note, "\"%%\" is no wildcard in \"%V\": write \"*\" "
                         "for any characters", value);
        }

        return star ? NGX_DECLINED : NGX_OK;

    default:
        return NGX_OK;
    }

    if (!star) {
        return NGX_OK;
    }

    if (value->len == 1) {
        ngx_er_error(note, "\"*\" is no wildcard for \"%V\": for any value "
                     "write \"exists\"", op);

    } else {
        ngx_er_error(note, "\"*\" is no wildcard for \"%V\": for \"%V\" with "
                     "anything in its place write \"like\"", op, value);
    }

    return NGX_DECLINED;
}


/*
 * "/.../i".  Names do not stand between slashes, but paths do: there what is
 * between them has to be an expression.
 */

static ngx_int_t
ngx_er_misread_slashes(ngx_str_t *field, ngx_str_t *op, ngx_str_t *value,
    ngx_uint_t kind, ngx_er_error_t *note)
{
    u_char      *slash;
    ngx_str_t    inner;

    slash = kind ? ngx_er_lookalike_slashes(value) : NULL;

    if (slash == NULL) {
        return NGX_OK;
    }

    inner.data = value->data + 1;
    inner.len = slash - inner.data;

    if (!ngx_er_misread_name(field) && inner.data[0] != '^'
        && slash[-1] != '$'
        && (kind != NGX_ER_MISREAD_REGEX
            || slash == value->data + value->len - 1)
        && (kind == NGX_ER_MISREAD_REGEX
            || !ngx_er_lookalike_regex(&inner, 0)))
    {
        return NGX_OK;
    }

    if (kind == NGX_ER_MISREAD_REGEX) {
        ngx_er_error(note, "the slashes of \"%V\" are a part of the regular "
                     "expression: leave them out, and write \"~*\" to ignore "
                     "case", value);

    } else {
        ngx_er_error(note, "the slashes of \"%V\" are a part of the VALUE, "
                     "\"%V\" takes no regular expression: write \"~\", and "
                     "leave them out", value, op);
    }

    return NGX_DECLINED;
}


/* ">=5" behind "=" */

static ngx_int_t
ngx_er_misread_glued(ngx_str_t *value, ngx_uint_t kind, ngx_er_error_t *note)
{
    u_char      *p, *last;
    ngx_str_t    sign;
    ngx_uint_t   word;

    if (kind != NGX_ER_MISREAD_EQUAL) {
        return NGX_OK;
    }

    p = value->data;
    last = p + value->len;

    while (p < last && ngx_strchr("=!<>~", *p)) {
        p++;
    }

    sign.data = value->data;
    sign.len = p - value->data;

    if (p == last || value->data[0] == '~'
        || !ngx_er_misread_is(&sign, ngx_er_misread_signs))
    {
        return NGX_OK;
    }

    /* "<b>" and "=SUM(A1)" are values, so only a number is told there */

    word = (sign.len > 1 && isalnum(*p));

    if (*p == '-' || *p == '.') {
        p++;
    }

    if (!word && (p == last || !isdigit(*p))) {
        return NGX_OK;
    }

    ngx_er_error(note, "\"%V\" is a VALUE, the text that is written here: an "
                 "operator stands alone, in the place of the \"=\"", value);

    return NGX_DECLINED;
}


/* "> 2026-05-01T00:00:00Z", "> 1000EUR": texts, that are compared as such */

static ngx_int_t
ngx_er_misread_order(ngx_str_t *op, ngx_str_t *value, ngx_er_error_t *note)
{
    size_t             i, n;
    ngx_er_instant_t   t;

    static const char  *orders[] = { "<", "<=", ">", ">=", "between", NULL };

    if (!ngx_er_misread_is(op, orders)) {
        return NGX_OK;
    }

    if (ngx_er_instant_rfc3339(value, &t) == NGX_OK) {
        ngx_er_error(note, "\"%V\" is compared as a text, byte by byte, "
                     "whatever the offset of either is: write \"before\", "
                     "\"after\", \"not before\" or \"not after\"", value);
        return NGX_DECLINED;
    }

    for (n = 0; n < value->len && isdigit(value->data[n]); n++) {
        /* void */
    }

    for (i = n; i < value->len && isalpha(value->data[i]); i++) {
        /* void */
    }

    if (n && i > n && i == value->len && i <= n + 3) {
        ngx_er_error(note, "\"%V\" is compared as a text, byte by byte: a "
                     "number has no unit", value);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_misread_regex(ngx_str_t *field, ngx_str_t *op, ngx_str_t *value,
    ngx_uint_t kind, ngx_er_error_t *note)
{
    if (value->len < 2) {
        return NGX_OK;
    }

    switch (kind) {

    case NGX_ER_MISREAD_EQUAL:
        if (ngx_er_lookalike_regex(value, ngx_er_misread_name(field))) {
            break;
        }

        return NGX_OK;

    case NGX_ER_MISREAD_PREFIX:
    case NGX_ER_MISREAD_LIKE:
        if (value->data[0] == '^') {
            break;
        }

        return NGX_OK;

    default:
        return NGX_OK;
    }

    ngx_er_error(note, "\"%V\" takes no regular expression: for \"%V\" "
                 "write \"~\"%s", op, value, value->data[0] == '^'
                 ? ", or \"prefix\" without the \"^\""
                 : ngx_strlchr(value->data, value->data + value->len, '|')
                   ? ", or several VALUEs" : "");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_misread_quotes(ngx_str_t *value, ngx_uint_t kind, ngx_er_error_t *note)
{
    u_char  first;

    if (value->len < 2 || kind == 0 || kind == NGX_ER_MISREAD_LIKE
        || kind == NGX_ER_MISREAD_REGEX)
    {
        return NGX_OK;
    }

    first = value->data[0];

    if ((first == '"' || first == '\'')
        && first == value->data[value->len - 1])
    {
        ngx_er_error(note, "the quotes of %V are a part of the VALUE: one "
                     "pair is enough", value);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_misread_is(ngx_str_t *word, const char **words)
{
    ngx_uint_t  i;

    for (i = 0; words[i]; i++) {
        if (word->len == ngx_strlen(words[i])
            && ngx_strncasecmp(word->data, (u_char *) words[i], word->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* data.PATH, header.NAME, arg.NAME, $variable */

static ngx_uint_t
ngx_er_misread_field(ngx_str_t *word)
{
    ngx_uint_t  i, n;

    static const char  *kinds[] = { "data.", "header.", "arg.", "$", NULL };

    n = sizeof(NGX_ER_COMPARISON_OTHER) - 1;

    if (word->len > n
        && ngx_strncmp(word->data, NGX_ER_COMPARISON_OTHER, n) == 0)
    {
        return 0;
    }

    for (i = 0; kinds[i]; i++) {
        n = ngx_strlen(kinds[i]);

        if (word->len > n && ngx_strncmp(word->data, kinds[i], n) == 0) {
            return i < 3 || (word->data[1] >= 'a' && word->data[1] <= 'z');
        }
    }

    return 0;
}


/* a field whose values are names, without blanks or commas */

static ngx_uint_t
ngx_er_misread_name(ngx_str_t *word)
{
    static const char  *names[] = { "type", "source", NULL };

    return ngx_er_misread_is(word, names);
}
