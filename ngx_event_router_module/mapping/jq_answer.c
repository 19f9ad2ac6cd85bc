
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Answers of a child of jq: outputs become cargos, everything else a final
 * failure with a sentence.  jq_desk.c calls it when an answer is complete.
 *
 * Messages of jq have values of the event in them, so they go to mapped->said,
 * which no log gets.  Sentences are the worker's own, with the name of the
 * file as it stands in nginx.conf; of the child they have the path of a number
 * or a key at most, and that has only letters, digits and "_-.[]*", whatever
 * the child sent.  A path into what "redact" hides is not told: its keys are
 * hidden, too.  An answer that makes no sense is one of a child that crashed.
 */


#include "jq_answer.h"


#define NGX_ER_JQ_SHOWN  512           /* bytes of a path in a sentence */


static ngx_int_t ngx_er_jq_answer_outputs(ngx_er_mapped_t *mapped,
    ngx_er_jq_t *jq, ngx_er_jq_head_t *head, u_char *p);
static ngx_int_t ngx_er_jq_answer_path(ngx_er_mapped_t *mapped,
    ngx_er_jq_t *jq, ngx_er_jq_head_t *head, u_char *p);
static ngx_int_t ngx_er_jq_answer_hidden(ngx_er_mapped_t *mapped,
    ngx_str_t *path);
static ngx_int_t ngx_er_jq_answer_crash(ngx_er_mapped_t *mapped,
    ngx_er_jq_t *jq);
static u_char *ngx_er_jq_answer_text(u_char *p, u_char *last,
    ngx_str_t *text);
static ngx_str_t *ngx_er_jq_answer_file(ngx_er_jq_t *jq);


/* long: one switch over what a child may say */

ngx_int_t
ngx_er_jq_answer(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq,
    ngx_er_jq_head_t *head, u_char *p)
{
    u_char     *last;
    ngx_str_t  *file;

    file = ngx_er_jq_answer_file(jq);
    last = p + head->size;

    switch (head->answer) {

    case NGX_ER_JQ_GIVEN:
        return ngx_er_jq_answer_outputs(mapped, jq, head, p);

    case NGX_ER_JQ_FAILED:
        if (head->count
            && ngx_er_jq_answer_text(p, last, &mapped->said) == NULL)
        {
            return ngx_er_jq_answer_crash(mapped, jq);
        }

        return ngx_er_mapped_fail(mapped, "the program \"%V\" failed on this "
                                  "event", file);

    case NGX_ER_JQ_NUMBER:
    case NGX_ER_JQ_TWICE:
        return ngx_er_jq_answer_path(mapped, jq, head, p);

    case NGX_ER_JQ_MANY:
        return ngx_er_mapped_fail(mapped, "the program \"%V\" gives more "
                                  "than %d outputs for this event", file,
                                  NGX_ER_JQ_OUTPUTS);

    case NGX_ER_JQ_LARGE:
        return ngx_er_mapped_fail(mapped, "the outputs of the program \"%V\" "
                                  "have more than %d bytes for this event",
                                  file, NGX_ER_JQ_OUTPUT);

    case NGX_ER_JQ_DEEP:
        return ngx_er_mapped_fail(mapped, "an output of the program \"%V\" is "
                                  "nested deeper than %d levels", file,
                                  NGX_ER_JQ_DEPTH);

    case NGX_ER_JQ_TIME:
        return ngx_er_mapped_fail(mapped, "the program \"%V\" took longer "
                                  "than %Mms on this event, see \"timeout\" "
                                  "of \"event_jq\"",
                                  file, jq->jqs->timeout);

    case NGX_ER_JQ_MEMORY:
        return ngx_er_mapped_fail(mapped, "the program \"%V\" needed more "
                                  "than %uz bytes of memory for this event, "
                                  "see \"memory\" of \"event_jq\"",
                                  file, jq->jqs->memory);

    default: /* NGX_ER_JQ_CRASH */
        return ngx_er_jq_answer_crash(mapped, jq);
    }
}


static ngx_int_t
ngx_er_jq_answer_outputs(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq,
    ngx_er_jq_head_t *head, u_char *p)
{
    u_char          *last;
    ngx_str_t        text;
    ngx_uint_t       i;
    ngx_er_cargo_t  *cargo;

    if (head->count > NGX_ER_JQ_OUTPUTS) {
        return ngx_er_jq_answer_crash(mapped, jq);
    }

    last = p + head->size;

    for (i = 0; i < head->count; i++) {

        p = ngx_er_jq_answer_text(p, last, &text);

        if (p == NULL) {
            mapped->cargos.nelts = 0;
            return ngx_er_jq_answer_crash(mapped, jq);
        }

        cargo = ngx_er_mapped_push(mapped);
        if (cargo == NULL) {
            return NGX_ERROR;
        }

        cargo->body = text;
        ngx_str_set(&cargo->content_type, "application/json");

        cargo->number = (head->count > 1) ? i + 1 : mapped->input.number;
    }

    if (head->count > 1 && mapped->input.number) {
        mapped->cargos.nelts = 0;
        return ngx_er_mapped_fail(mapped, "the program \"%V\" gives %uD "
                                  "outputs for an element of \"split\", and "
                                  "one is a call", ngx_er_jq_answer_file(jq),
                                  head->count);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_jq_answer_path(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq,
    ngx_er_jq_head_t *head, u_char *p)
{
    u_char      c, *last;
    size_t      i;
    ngx_int_t   rc;
    ngx_str_t   shown;

    last = p + head->size;

    p = ngx_er_jq_answer_text(p, last, &shown);
    p = p ? ngx_er_jq_answer_text(p, last, &mapped->said) : NULL;

    if (p == NULL || shown.len > NGX_ER_JQ_SHOWN) {
        return ngx_er_jq_answer_crash(mapped, jq);
    }

    for (i = 0; i < shown.len; i++) {
        c = shown.data[i];

        if (!isalnum(c) && ngx_strchr("_-.[]", c) == NULL) {
            shown.data[i] = '*';
        }
    }

    rc = ngx_er_jq_answer_hidden(mapped, &shown);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_str_set(&shown, "data.***");
    }

    if (head->answer == NGX_ER_JQ_TWICE) {
        return ngx_er_mapped_fail(mapped, "the key %V is given twice in its "
                                  "object, and \"%V\" would see one of them",
                                  &shown, ngx_er_jq_answer_file(jq));
    }

    return ngx_er_mapped_fail(mapped, "the number %V would be another one "
                              "behind \"%V\", whose numbers are doubles; "
                              "\"numbers=string\" gives it as a string",
                              &shown, ngx_er_jq_answer_file(jq));
}


/*
 * NGX_OK: nothing of the path is hidden; NGX_DECLINED: it is, or that is not
 * known, as of a key that is not shown and of an element of "split"
 */

static ngx_int_t
ngx_er_jq_answer_hidden(ngx_er_mapped_t *mapped, ngx_str_t *path)
{
    u_char           *p, *last;
    ngx_array_t       steps;
    ngx_er_step_t    *step;
    ngx_er_redact_t  *redact;

    redact = mapped->event->source->redact;

    if (redact == NULL || redact->data == 0) {
        return NGX_OK;
    }

    if (mapped->input.number || path->len < 4
        || ngx_memcmp(path->data, "data", 4) != 0)
    {
        return NGX_DECLINED;
    }

    if (ngx_array_init(&steps, mapped->pool, 8, sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = path->data + 4;
    last = path->data + path->len;
    step = NULL;

    for ( /* void */ ; p < last; p++) {

        if (*p == '*') {
            return NGX_DECLINED;
        }

        if (*p == '.') {
            step = ngx_array_push(&steps);
            if (step == NULL) {
                return NGX_ERROR;
            }

            step->key.data = p + 1;
            step->key.len = 0;
            step->index = NGX_ER_STEP_KEY;

        } else if (*p == '[') {
            step = NULL;

        } else if (step) {
            step->key.len++;
        }
    }

    return ngx_er_redact_path(redact, &steps) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_er_jq_answer_crash(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq)
{
    ngx_str_null(&mapped->said);

    return ngx_er_mapped_fail(mapped, "libjq crashed when \"%V\" ran on this "
                              "event", ngx_er_jq_answer_file(jq));
}


/* p: its length; behind it is returned, or NULL: there is not so much */

static u_char *
ngx_er_jq_answer_text(u_char *p, u_char *last, ngx_str_t *text)
{
    uint32_t  len;

    if ((size_t) (last - p) < sizeof(uint32_t)) {
        return NULL;
    }

    ngx_memcpy(&len, p, sizeof(uint32_t));
    p += sizeof(uint32_t);

    if (len > (size_t) (last - p)) {
        return NULL;
    }

    text->data = p;
    text->len = len;

    return p + len;
}


static ngx_str_t *
ngx_er_jq_answer_file(ngx_er_jq_t *jq)
{
    ngx_er_jq_file_t  *file;

    file = jq->jqs->files.elts;

    return &file[jq->file].name;
}
