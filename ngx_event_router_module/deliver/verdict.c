
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Verdicts: whether a target took an event.
 *
 * As a rule the status line says so: 2xx is taken, what may be otherwise later
 * is tried again, the rest is final.  Lines of event_target say more: lists of
 * statuses, and conditions in the language of routes over status, headers and
 * body.  A kind of lines is asked after the other (fail_on, retry_on,
 * success), so that a rule for failures is never outdone by a wide rule for
 * success; within a kind the order makes no difference, so those that need no
 * body are asked first, and a body that decides nothing is not waited for.
 *
 * Who writes "success" lines says all that is one.  So a 2xx that none of them
 * names is no success: it is tried again, and says nothing about the target
 * (policy.c), which may be down behind a page that says 200, or busy.
 *
 * A condition that reads no status and says that something was done is about
 * a 2xx: a field that is missing in a 401 or in the page of a gateway proves
 * nothing.  One about failures holds whatever the status is.
 *
 * A body that decides and cannot be read as a whole leaves the answer in
 * doubt.  An answer that never came has no fields: only lists, by "timeout",
 * are about it, since a negated condition would hold for what is missing.
 *
 * attempt.c asks, verdict_conf.c reads the lines.  Lines are in the pool of
 * the configuration; what is needed to evaluate them is in the answer's.
 */


#include "verdict.h"
#include "../route/condition_eval.h"


static ngx_int_t ngx_er_verdict_list(ngx_er_verdict_line_t *line,
    ngx_str_t *words, ngx_uint_t n, ngx_er_error_t *err);
static ngx_int_t ngx_er_verdict_when(ngx_pool_t *pool,
    ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line,
    ngx_str_t *words, ngx_uint_t n, ngx_er_error_t *err);
static ngx_int_t ngx_er_verdict_operand(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_str_t *word, ngx_er_error_t *err);
static ngx_int_t ngx_er_verdict_holding(ngx_pool_t *pool,
    ngx_er_verdict_lines_t *lines, ngx_er_verdict_line_t *line,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verdict_meets(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_er_response_t *response);
static ngx_uint_t ngx_er_verdict_about(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_er_response_t *response);
static ngx_int_t ngx_er_verdict_single(ngx_str_t *words, ngx_uint_t n,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verdict_memory(ngx_er_error_t *err);


ngx_er_verdict_lines_t *
ngx_er_verdict_lines_create(ngx_pool_t *pool)
{
    ngx_er_verdict_lines_t  *lines;

    lines = ngx_pcalloc(pool, sizeof(ngx_er_verdict_lines_t));
    if (lines == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lines->lines, pool, 4, sizeof(ngx_er_verdict_line_t))
        != NGX_OK)
    {
        return NULL;
    }

    return lines;
}


ngx_er_verdict_line_t *
ngx_er_verdict_line(ngx_pool_t *pool, ngx_er_verdict_lines_t *lines,
    ngx_uint_t kind, ngx_str_t *words, ngx_uint_t n, ngx_er_error_t *err)
{
    ngx_int_t               rc;
    ngx_er_verdict_line_t  *line;

    line = ngx_array_push(&lines->lines);
    if (line == NULL) {
        (void) ngx_er_verdict_memory(err);
        return NULL;
    }

    ngx_memzero(line, sizeof(ngx_er_verdict_line_t));

    line->kind = kind;

    if (n && words->len == 4 && ngx_memcmp(words->data, "when", 4) == 0) {
        rc = ngx_er_verdict_when(pool, lines, line, words + 1, n - 1, err);

    } else {
        rc = ngx_er_verdict_list(line, words, n, err);
    }

    if (rc != NGX_OK) {
        lines->lines.nelts--;
        return NULL;
    }

    lines->kinds[line->body] |= (uint32_t) 1 << kind;

    return line;
}


static ngx_int_t
ngx_er_verdict_list(ngx_er_verdict_line_t *line, ngx_str_t *words,
    ngx_uint_t n, ngx_er_error_t *err)
{
    ngx_uint_t  i, status, last;

    for (i = 0; i < n; i++) {

        if (ngx_er_verdict_statuses(&words[i], &status, &last, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for ( /* void */ ; status <= last; status++) {
            line->statuses[status / 8] |= 1 << status % 8;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verdict_when(ngx_pool_t *pool, ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_str_t *words, ngx_uint_t n,
    ngx_er_error_t *err)
{
    ngx_er_field_t  *field;

    if (n == 0) {
        ngx_er_error(err, "a field is missing behind \"when\": write for "
                     "example \"when response.body.Success = true\"");
        return NGX_ERROR;
    }

    if (lines->fields == NULL) {
        lines->fields = ngx_er_response_fields(pool);
        if (lines->fields == NULL) {
            return ngx_er_verdict_memory(err);
        }
    }

    line->condition = ngx_er_condition_test(pool, words, n, NULL,
                                            lines->fields, err);
    if (line->condition == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_verdict_single(words, n, err) != NGX_OK) {
        return NGX_ERROR;
    }

    field = (ngx_er_field_t *) lines->fields->list.elts
            + line->condition->field;

    line->body = (field->kind == NGX_ER_FIELD_DATA);
    line->status = (field->kind == NGX_ER_FIELD_STATUS);
    line->response = !line->status;

    if (ngx_er_verdict_operand(lines, line, &words[n - 1], err) != NGX_OK) {
        return NGX_ERROR;
    }

    return line->status ? ngx_er_verdict_holding(pool, lines, line, err)
                        : NGX_OK;
}


/* what the field is compared with: a status with numbers alone */

static ngx_int_t
ngx_er_verdict_operand(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_str_t *word, ngx_er_error_t *err)
{
    ngx_uint_t            status;
    ngx_er_field_t       *field;
    ngx_er_comparison_t  *c;

    c = &line->condition->u.comparison;
    status = line->status
             && (c->op >= NGX_ER_OPERATOR_BEFORE
                 || c->with == NGX_ER_WITH_FIELD
                 || (c->op >= NGX_ER_OPERATOR_LESS
                     && c->op <= NGX_ER_OPERATOR_BETWEEN
                     && !c->operands->is_number));

    if (c->with == NGX_ER_WITH_FIELD) {
        field = (ngx_er_field_t *) lines->fields->list.elts
                + c->operands->u.other.index;

        line->body |= (field->kind == NGX_ER_FIELD_DATA);
        status |= (field->kind == NGX_ER_FIELD_STATUS);
    }

    if (status) {
        ngx_er_error(err, "\"%V\" is not a number, and response.status is "
                     "one: write for example \"when response.status >= "
                     "500\"", word);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* for which statuses a condition over the status holds */

static ngx_int_t
ngx_er_verdict_holding(ngx_pool_t *pool, ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_er_error_t *err)
{
    ngx_pool_t         *temp;
    ngx_er_response_t   response;

    temp = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, pool->log);
    if (temp == NULL) {
        return ngx_er_verdict_memory(err);
    }

    ngx_memzero(&response, sizeof(ngx_er_response_t));

    response.pool = temp;

    for (response.status = 100; response.status < NGX_ER_VERDICT_STATUSES;
         response.status++)
    {
        response.facts = NULL;

        if (ngx_er_verdict_meets(lines, line, &response) == NGX_OK) {
            line->statuses[response.status / 8] |= 1 << response.status % 8;
        }

        ngx_reset_pool(temp);
    }

    ngx_destroy_pool(temp);

    return NGX_OK;
}


/*
 * There are no lines that must hold together here, so a second condition among
 * the VALUEs is an error: in lines of their own one of them would be enough.
 */

static ngx_int_t
ngx_er_verdict_single(ngx_str_t *words, ngx_uint_t n, ngx_er_error_t *err)
{
    ngx_uint_t  i;

    for (i = 2; i < n; i++) {

        if (words[i].len > 9
            && ngx_strncmp(words[i].data, "response.", 9) == 0)
        {
            ngx_er_error(err, "\"%V\" stands among the VALUEs: a line has one "
                         "condition, and of several lines one that holds is "
                         "enough.  Say in \"fail_on when\" or \"retry_on "
                         "when\" what must not be, which is asked first",
                         &words[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verdict_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory for a line about answers");
    return NGX_ERROR;
}


ngx_int_t
ngx_er_verdict_statuses(ngx_str_t *word, ngx_uint_t *first, ngx_uint_t *last,
    ngx_er_error_t *err)
{
    ngx_int_t  from, to;

    from = NGX_ERROR;
    to = NGX_ERROR;

    if (word->len == 7 && ngx_memcmp(word->data, "timeout", 7) == 0) {
        *first = 0;
        *last = 0;
        return NGX_OK;
    }

    if (word->len == 3 && ngx_memcmp(word->data + 1, "xx", 2) == 0) {
        from = ngx_atoi(word->data, 1);
        to = from * 100 + 99;
        from *= 100;

    } else if (word->len == 7 && word->data[3] == '-') {
        from = ngx_atoi(word->data, 3);
        to = ngx_atoi(word->data + 4, 3);

    } else if (word->len == 3) {
        from = ngx_atoi(word->data, 3);
        to = from;
    }

    if (from < 100 || to < from || to >= NGX_ER_VERDICT_STATUSES) {
        ngx_er_error(err, "invalid status \"%V\": write a status from 100 to "
                     "599 (404), a class (5xx), a range (500-503), or "
                     "\"when\" and a condition; of failures also "
                     "\"timeout\", which is no answer at all", word);
        return NGX_ERROR;
    }

    *first = from;
    *last = to;

    return NGX_OK;
}


ngx_int_t
ngx_er_verdict_find(ngx_er_verdict_lines_t *lines, ngx_uint_t kind,
    ngx_er_response_t *response, ngx_er_verdict_line_t **found)
{
    ngx_int_t               rc, body;
    ngx_uint_t              i, pass;
    ngx_er_verdict_line_t  *line;

    line = lines->lines.elts;
    body = NGX_DECLINED;

    for (pass = 0; pass < 2; pass++) {

        if (((lines->kinds[pass] >> kind) & 1) == 0) {
            continue;
        }

        for (i = 0; i < lines->lines.nelts; i++) {

            if (line[i].kind != kind || line[i].body != pass) {
                continue;
            }

            rc = ngx_er_verdict_meets(lines, &line[i], response);

            if (rc == NGX_OK) {
                *found = &line[i];
                return NGX_OK;
            }

            if (rc != NGX_DECLINED) {
                body = rc;
            }
        }
    }

    return body;
}


static ngx_int_t
ngx_er_verdict_meets(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_er_response_t *response)
{
    ngx_uint_t       holds;
    ngx_er_facts_t  *facts;

    if (line->condition == NULL) {
        return ngx_er_verdict_lists(line, response->status) ? NGX_OK
                                                            : NGX_DECLINED;
    }

    if (response->status == 0) {
        return NGX_DECLINED;
    }

    if (!ngx_er_verdict_about(lines, line, response)) {
        return NGX_DECLINED;
    }

    if (line->body && response->state == NGX_ER_RESPONSE_AWAITED) {
        return NGX_AGAIN;
    }

    if ((line->body && response->state == NGX_ER_RESPONSE_LOST)
        || (line->response && response->headers == NULL))
    {
        return NGX_ABORT;
    }

    facts = ngx_er_response_facts(response, lines->fields, line->body);
    if (facts == NULL) {
        return NGX_ABORT;
    }

    /* of this line; a budget that is spent is told again */

    facts->undecided = facts->budget.spent;

    holds = ngx_er_condition_holds(line->condition, facts);

    if (facts->undecided) {
        return NGX_ABORT;
    }

    return holds ? NGX_OK : NGX_DECLINED;
}


/* 1: the line is about an answer of this status */

static ngx_uint_t
ngx_er_verdict_about(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_er_response_t *response)
{
    return line->status
           || (response->status >= 200 && response->status < 300)
           || ((lines->any >> line->kind) & 1);
}


ngx_er_verdict_e
ngx_er_verdict(ngx_er_verdict_lines_t *lines, ngx_er_response_t *response,
    ngx_er_verdict_line_t **line)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    static ngx_er_verdict_e  kinds[] = {
        NGX_ER_VERDICT_FINAL, NGX_ER_VERDICT_RETRY, NGX_ER_VERDICT_OK
    };

    *line = NULL;

    if (lines == NULL) {
        return ngx_er_verdict_default(response->status);
    }

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        rc = ngx_er_verdict_find(lines, kinds[i], response, line);

        if (rc == NGX_OK) {
            return kinds[i];
        }

        if (rc == NGX_AGAIN) {
            return NGX_ER_VERDICT_NONE;
        }

        if (rc == NGX_ABORT) {
            return NGX_ER_VERDICT_DOUBT;
        }
    }

    if (response->status >= 200 && response->status < 300
        && ngx_er_verdict_has(lines, NGX_ER_VERDICT_OK))
    {
        return NGX_ER_VERDICT_RETRY;
    }

    return ngx_er_verdict_default(response->status);
}


ngx_er_verdict_e
ngx_er_verdict_default(ngx_uint_t status)
{
    ngx_uint_t  i;

    static ngx_uint_t  retry[] = { 0, 404, 408, 409, 425, 429 };

    if (status >= 200 && status < 300) {
        return NGX_ER_VERDICT_OK;
    }

    if (status >= 500 && status < NGX_ER_VERDICT_STATUSES) {
        return NGX_ER_VERDICT_RETRY;
    }

    for (i = 0; i < sizeof(retry) / sizeof(retry[0]); i++) {
        if (retry[i] == status) {
            return NGX_ER_VERDICT_RETRY;
        }
    }

    return NGX_ER_VERDICT_FINAL;
}


/*
 * 429 says that the target lives, but not that it can take more; a 2xx that is
 * no success says neither.  What a target answers for good it answered.
 */

ngx_er_evidence_e
ngx_er_verdict_evidence(ngx_er_verdict_e verdict, ngx_uint_t status,
    ngx_uint_t known, time_t retry_after)
{
    if (verdict == NGX_ER_VERDICT_OK) {
        return NGX_ER_EVIDENCE_GOOD;
    }

    if ((status == 429 || status == 503) && retry_after >= 0) {
        return NGX_ER_EVIDENCE_PAUSE;
    }

    if (status == 429) {
        return NGX_ER_EVIDENCE_NONE;
    }

    if (status == 0 || status == 408 || status >= 500 || !known) {
        return NGX_ER_EVIDENCE_BAD;
    }

    return (status >= 200 && status < 300 && verdict != NGX_ER_VERDICT_FINAL)
           ? NGX_ER_EVIDENCE_NONE : NGX_ER_EVIDENCE_GOOD;
}


const char *
ngx_er_verdict_name(ngx_er_verdict_e verdict)
{
    static const char  *names[] = { "none", "ok", "retry", "final", "doubt" };

    return ((ngx_uint_t) verdict < sizeof(names) / sizeof(char *))
           ? names[verdict] : "unknown";
}


const char *
ngx_er_lost_name(ngx_er_lost_e lost)
{
    static const char  *names[] = {
        NULL, "the answer was lost", "the body was cut off",
        "the body is longer than 64 KB", "the body took too long",
        "what it means could not be told", "the body cannot be read"
    };

    return ((ngx_uint_t) lost < sizeof(names) / sizeof(char *))
           ? names[lost] : "unknown";
}
