
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines about answers that are valid and void.  "success 2xx; success when
 * response.body.Success = true;" reads as if both had to hold, and the first
 * takes every answer of the second; the 409 of "success 2xx 409" is never
 * asked beside "fail_on 409".  Who wrote them loses events, or gets them as
 * dead letters, and nothing says why.
 *
 * It is a matter of statuses.  Each line has those for which it surely holds:
 * a list its own, a condition over response.status those that verdict.c found.
 * A condition over a header or the body surely holds for none; it may hold for
 * those that it is about.  A line is void if for all its statuses others are
 * asked first (fail_on before retry_on before success) or, for a condition,
 * are enough.  Only what is written counts, not the defaults; a class that has
 * an exception is not void, as most of it is left.
 *
 * verdict_conf.c calls this when nginx.conf is read.  It owns nothing.
 */


#include "verdict_void.h"
#include "../route/number.h"


#define NGX_ER_VOID_FIRST  100         /* statuses that are looked at */


static void ngx_er_void_example(ngx_str_t *name, ngx_str_t *word,
    ngx_str_t *example);
static ngx_uint_t ngx_er_void_is_number(ngx_str_t *word);
static ngx_uint_t ngx_er_void_compares(ngx_str_t *op);
static ngx_int_t ngx_er_void_range(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_str_t *word, ngx_uint_t first,
    ngx_uint_t last, ngx_er_error_t *note);
static ngx_uint_t ngx_er_void_may(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_uint_t status);
static ngx_er_verdict_line_t *ngx_er_void_before(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_uint_t status);
static ngx_uint_t ngx_er_void_rank(ngx_uint_t kind);
static void ngx_er_void_say(ngx_er_verdict_line_t *line, ngx_str_t *word,
    ngx_er_verdict_line_t *other, ngx_er_error_t *note);
static void ngx_er_void_next(ngx_str_t *text, ngx_str_t *word);
static ngx_uint_t ngx_er_void_is(ngx_str_t *name, const char *word);


ngx_int_t
ngx_er_verdict_void_words(ngx_str_t *name, ngx_str_t *words, ngx_uint_t n,
    ngx_er_error_t *err)
{
    ngx_str_t   example;
    ngx_uint_t  i, k, op;

    op = (n > 2 && ngx_er_void_is(&words[2], "not")) ? 3 : 2;

    if (n <= op
        || !ngx_er_void_is(&words[0], "when")
        || !ngx_er_void_is(&words[1], "response.status")
        || !ngx_er_void_compares(&words[op]))
    {
        return NGX_OK;
    }

    for (i = op + 1; i < n && ngx_er_void_is_number(&words[i]); i++) {
        /* void */
    }

    for (k = i; k < n; k++) {

        /* a second condition, of which verdict.c has more to say */

        if (words[k].len > 9
            && ngx_strncmp(words[k].data, "response.", 9) == 0)
        {
            return NGX_OK;
        }
    }

    if (i == n) {
        return NGX_OK;
    }

    ngx_er_void_example(name, &words[i], &example);

    ngx_er_error(err, "\"%V\" is not a number, and response.status is one: "
                 "classes and lists of statuses stand without \"when\", as in "
                 "\"%V %V\", and a condition has numbers, as in \"when "
                 "response.status between 200 299\"", &words[i], name,
                 &example);

    return NGX_ERROR;
}


/* what can stand behind the name: the word, if it can, or another one */

static void
ngx_er_void_example(ngx_str_t *name, ngx_str_t *word, ngx_str_t *example)
{
    ngx_uint_t      first, last, failure;
    ngx_er_error_t  ignore;

    failure = ngx_er_void_is(name, "fail_on")
              || ngx_er_void_is(name, "retry_on");

    if (ngx_er_verdict_statuses(word, &first, &last, &ignore) == NGX_OK
        && (failure ? first >= 300 || last < 200 : first != 0))
    {
        *example = *word;

    } else if (failure) {
        ngx_str_set(example, "5xx");

    } else if (ngx_er_void_is(name, "missing")) {
        ngx_str_set(example, "404");

    } else {
        ngx_str_set(example, "2xx");
    }
}


static ngx_uint_t
ngx_er_void_is_number(ngx_str_t *word)
{
    ngx_er_number_t  number;

    return ngx_er_number_parse(word, &number) == NGX_OK;
}


static ngx_uint_t
ngx_er_void_compares(ngx_str_t *op)
{
    ngx_uint_t  i;

    static const char  *ops[] = {
        "=", "!=", "has_all", "<", "<=", ">", ">=", "between"
    };

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (ngx_er_void_is(op, ops[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_verdict_void_status(ngx_str_t *name, ngx_er_verdict_line_t *line,
    ngx_er_error_t *note)
{
    ngx_uint_t  status, n, all;

    if (line->condition == NULL || !line->status) {
        return NGX_OK;
    }

    n = 0;
    all = NGX_ER_VERDICT_STATUSES - NGX_ER_VOID_FIRST;

    for (status = NGX_ER_VOID_FIRST; status < NGX_ER_VERDICT_STATUSES;
         status++)
    {
        n += ngx_er_verdict_sure(line, status);
    }

    if (n != 0 && n != all) {
        return NGX_OK;
    }

    ngx_er_error(note, "this condition of \"%V\" holds for %s status from 100 "
                 "to 599: write statuses, as in \"%V %s\", or numbers, as in "
                 "\"when response.status between 200 299\"", name,
                 n ? "each" : "no", name,
                 ngx_er_void_is(name, "success")
                 || ngx_er_void_is(name, "found") ? "2xx" : "404 410");

    return NGX_DECLINED;
}


ngx_int_t
ngx_er_verdict_void(ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line,
    ngx_str_t *word, ngx_er_error_t *note)
{
    ngx_uint_t      first, last;
    ngx_er_error_t  ignore;

    if (line->condition) {

        if (word->data) {
            return NGX_OK;
        }

        *word = line->text;

        return ngx_er_void_range(lines, line, NULL, NGX_ER_VOID_FIRST,
                                 NGX_ER_VERDICT_STATUSES - 1, note);
    }

    if (word->data == NULL) {
        ngx_er_void_next(&line->text, word);
    }

    for ( ;; ) {
        ngx_er_void_next(&line->text, word);

        if (word->len == 0) {
            return NGX_OK;
        }

        if (ngx_er_verdict_statuses(word, &first, &last, &ignore) == NGX_OK
            && ngx_er_void_range(lines, line, word, first, last, note)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }
}


/* whether others decide for all these statuses; word NULL: the condition */

static ngx_int_t
ngx_er_void_range(ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line,
    ngx_str_t *word, ngx_uint_t first, ngx_uint_t last, ngx_er_error_t *note)
{
    ngx_uint_t              status;
    ngx_er_verdict_line_t  *other, *before;

    other = NULL;

    for (status = first; status <= last; status++) {

        if (!ngx_er_void_may(lines, line, status)) {
            continue;
        }

        before = ngx_er_void_before(lines, line, status);

        if (before == NULL) {
            return NGX_OK;
        }

        /* the one that is nearer to what was meant */

        if (other == NULL
            || ngx_er_void_rank(before->kind) > ngx_er_void_rank(other->kind))
        {
            other = before;
        }
    }

    if (other == NULL) {
        return NGX_OK;
    }

    ngx_er_void_say(line, word, other, note);

    return NGX_DECLINED;
}


/* 1: the line may hold for an answer of this status */

static ngx_uint_t
ngx_er_void_may(ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line,
    ngx_uint_t status)
{
    if (line->condition == NULL || line->status) {
        return ngx_er_verdict_sure(line, status);
    }

    return ((lines->any >> line->kind) & 1)
           || (status >= 200 && status < 300);
}


/* a line that decides, whatever this one says */

static ngx_er_verdict_line_t *
ngx_er_void_before(ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line,
    ngx_uint_t status)
{
    ngx_uint_t              i;
    ngx_er_verdict_line_t  *other;

    other = lines->lines.elts;

    for (i = 0; i < lines->lines.nelts; i++) {

        if (!ngx_er_verdict_sure(&other[i], status)) {
            continue;
        }

        if (ngx_er_void_rank(other[i].kind) < ngx_er_void_rank(line->kind)) {
            return &other[i];
        }

        /* two conditions over the status do not make each other void */

        if (other[i].kind == line->kind && line->condition
            && (other[i].condition == NULL || !line->status))
        {
            return &other[i];
        }
    }

    return NULL;
}


/* which is asked first, as ngx_er_verdict() has it */

static ngx_uint_t
ngx_er_void_rank(ngx_uint_t kind)
{
    switch (kind) {

    case NGX_ER_VERDICT_FINAL:
        return 0;

    case NGX_ER_VERDICT_RETRY:
        return 1;

    default: /* NGX_ER_VERDICT_OK */
        return 2;
    }
}


static void
ngx_er_void_say(ngx_er_verdict_line_t *line, ngx_str_t *word,
    ngx_er_verdict_line_t *other, ngx_er_error_t *note)
{
    size_t  len;

    if (other->kind == line->kind) {
        ngx_er_error(note, "\"%V\" never decides: of several such lines one "
                     "is enough, and \"%V\" is about each of its answers: "
                     "take the one away that is not meant", &line->text,
                     &other->text);
        return;
    }

    if (word == NULL) {
        ngx_er_error(note, "\"%V\" never decides: \"%V\" is asked first, and "
                     "no answer is left for it: take one of them away",
                     &line->text, &other->text);
        return;
    }

    for (len = 0; len < line->text.len && line->text.data[len] != ' '; len++) {
        /* void */
    }

    ngx_er_error(note, "\"%V\" in \"%*s\" never decides: \"%V\" is asked "
                 "first: take it out of one of them", word, len,
                 line->text.data, &other->text);
}


/* the word behind this one, or the first; of no length: there is none */

static void
ngx_er_void_next(ngx_str_t *text, ngx_str_t *word)
{
    u_char  *p, *last;

    p = word->data ? word->data + word->len : text->data;
    last = text->data + text->len;

    while (p < last && *p == ' ') {
        p++;
    }

    word->data = p;

    while (p < last && *p != ' ') {
        p++;
    }

    word->len = p - word->data;
}


static ngx_uint_t
ngx_er_void_is(ngx_str_t *name, const char *word)
{
    return name->len == ngx_strlen(word)
           && ngx_memcmp(name->data, word, name->len) == 0;
}
