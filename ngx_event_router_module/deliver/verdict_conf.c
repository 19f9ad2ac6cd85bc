
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The lines of nginx.conf that say what an answer means: "success", "fail_on"
 * and "retry_on" of event_target, each with statuses or with "when" and a
 * condition, as often as one likes.
 *
 * What they mean is in verdict.c, which reads the words, too; this file knows
 * what of it contradicts itself, and where lines stand, so that a line of the
 * log can name the one that decided.  Runs at configuration time only, all in
 * cf->pool.  target.c has the rows and calls this.
 */


#include "verdict_conf.h"
#include "verdict_void.h"
#include "../route/misread.h"


static char *ngx_er_verdict_conf_statuses(ngx_conf_t *cf,
    ngx_er_target_draft_t *draft, ngx_er_verdict_line_t *line);
static char *ngx_er_verdict_conf_unlike(ngx_conf_t *cf,
    ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line);
static void ngx_er_verdict_conf_void(ngx_conf_t *cf,
    ngx_er_verdict_lines_t *lines);
static ngx_uint_t ngx_er_verdict_conf_2xx(ngx_er_verdict_line_t *line);


char *
ngx_er_verdict_conf(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_er_verdict_line_t  *line;

    line = ngx_er_verdict_conf_line(cf, &draft->target->verdict, row->tag);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    draft->target->verdict->any = 1 << NGX_ER_VERDICT_RETRY
                                  | 1 << NGX_ER_VERDICT_FINAL;

    if (line->condition) {
        return NGX_CONF_OK;
    }

    if (row->tag != NGX_ER_VERDICT_OK && draft->statuses == NULL) {
        draft->statuses = row->name;
    }

    return ngx_er_verdict_conf_statuses(cf, draft, line);
}


ngx_er_verdict_line_t *
ngx_er_verdict_conf_line(ngx_conf_t *cf, ngx_er_verdict_lines_t **lines,
    ngx_uint_t kind)
{
    ngx_str_t              *value;
    ngx_uint_t              n;
    ngx_er_error_t          err;
    ngx_er_where_t          where;
    ngx_er_verdict_line_t  *line;

    if (*lines == NULL) {
        *lines = ngx_er_verdict_lines_create(cf->pool);
        if (*lines == NULL) {
            return NULL;
        }
    }

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    if (ngx_er_verdict_void_words(&value[0], &value[1], n, &err) != NGX_OK) {
        (void) ngx_er_where_error(cf, &err);
        return NULL;
    }

    line = ngx_er_verdict_line(cf->pool, *lines, kind, &value[1], n, &err);
    if (line == NULL) {
        (void) ngx_er_where_error(cf, &err);
        return NULL;
    }

    line->text.len = ngx_er_where_words(cf, NULL);
    line->text.data = ngx_pnalloc(cf->pool, line->text.len);
    if (line->text.data == NULL) {
        return NULL;
    }

    (void) ngx_er_where_words(cf, line->text.data);

    ngx_er_where_set(cf, &where);

    line->file = where.file;
    line->number = where.line;

    if ((line->condition
         && ngx_er_misread(&value[2], n - 1, NGX_ER_MISREAD_WHEN, &err)
            != NGX_OK)
        || ngx_er_verdict_void_status(&value[0], line, &err) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%*s", err.len, err.text);
    }

    return line;
}


static char *
ngx_er_verdict_conf_statuses(ngx_conf_t *cf, ngx_er_target_draft_t *draft,
    ngx_er_verdict_line_t *line)
{
    ngx_str_t       *value;
    ngx_uint_t       i, first, last;
    ngx_er_error_t   err;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_er_verdict_statuses(&value[i], &first, &last, &err)
            != NGX_OK)
        {
            return ngx_er_where_error(cf, &err);
        }

        if (line->kind == NGX_ER_VERDICT_OK && first == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"success\" names \"timeout\": a target that "
                               "did not answer has not said that it took the "
                               "event");
            return NGX_CONF_ERROR;
        }

        if (line->kind != NGX_ER_VERDICT_OK && first < 300 && last >= 200) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" cannot be changed: with 2xx a target "
                               "says that it has the event; if it does not, "
                               "say in \"success\" what it took, or in "
                               "\"%V when response.status = ...\" what not",
                               &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_er_verdict_conf_unlike(cf, draft->target->verdict, line);
}


/* what one line says of a status another one denies */

static char *
ngx_er_verdict_conf_unlike(ngx_conf_t *cf, ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line)
{
    ngx_uint_t              i, status;
    ngx_er_verdict_line_t  *other;

    other = lines->lines.elts;

    for (i = 0; i < lines->lines.nelts; i++) {

        if (other[i].kind == line->kind
            || other[i].kind == NGX_ER_VERDICT_OK
            || line->kind == NGX_ER_VERDICT_OK)
        {
            continue;
        }

        for (status = 0; status < NGX_ER_VERDICT_STATUSES; status++) {

            if (!ngx_er_verdict_lists(line, status)
                || !ngx_er_verdict_lists(&other[i], status))
            {
                continue;
            }

            if (status == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"timeout\" stands in both \"retry_on\" "
                                   "and \"fail_on\": take it out of one");
                return NGX_CONF_ERROR;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "status %ui stands in both \"retry_on\" and "
                               "\"fail_on\": take it out of one, ranges as "
                               "500-502 leave a status out", status);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * Lists are for a queue, which alone tells retries from failures; behind
 * "success" they also say what is none.
 */

void
ngx_er_verdict_conf_check(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_uint_t               i;
    ngx_er_where_t           where;
    ngx_er_verdict_line_t   *line, *success;
    ngx_er_verdict_lines_t  *lines;

    lines = draft->target->verdict;

    if (lines == NULL) {
        return;
    }

    ngx_er_verdict_conf_void(cf, lines);

    if (!ngx_er_verdict_has(lines, NGX_ER_VERDICT_OK)) {
        return;
    }

    draft->statuses = NULL;
    success = NULL;
    line = lines->lines.elts;

    for (i = 0; i < lines->lines.nelts; i++) {

        if (line[i].kind != NGX_ER_VERDICT_OK) {
            continue;
        }

        if (line[i].condition || ngx_er_verdict_conf_2xx(&line[i])) {
            return;
        }

        success = &line[i];
    }

    where.file = success->file;
    where.line = success->number;

    ngx_er_where_log(cf, NGX_LOG_WARN, &where,
                     "\"success\" of event_target \"%V\" names no 2xx, so "
                     "what is answered 200 is sent again: write \"%V 2xx;\" "
                     "unless that is meant", &draft->target->name,
                     &success->text);
}


static void
ngx_er_verdict_conf_void(ngx_conf_t *cf, ngx_er_verdict_lines_t *lines)
{
    ngx_str_t               word;
    ngx_uint_t              i;
    ngx_er_error_t          note;
    ngx_er_where_t          where;
    ngx_er_verdict_line_t  *line;

    line = lines->lines.elts;

    for (i = 0; i < lines->lines.nelts; i++) {
        ngx_str_null(&word);

        where.file = line[i].file;
        where.line = line[i].number;

        while (ngx_er_verdict_void(lines, &line[i], &word, &note) != NGX_OK) {
            ngx_er_where_log(cf, NGX_LOG_WARN, &where, "%*s", note.len,
                             note.text);
        }
    }
}


static ngx_uint_t
ngx_er_verdict_conf_2xx(ngx_er_verdict_line_t *line)
{
    ngx_uint_t  status;

    for (status = 200; status < 300; status++) {
        if (ngx_er_verdict_lists(line, status)) {
            return 1;
        }
    }

    return 0;
}
