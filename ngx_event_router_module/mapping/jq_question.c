
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The input of a program of jq: the event as a CloudEvent, whatever it was
 * when it came.
 *
 *     {"specversion": "1.0", "id": ..., "source": ..., "type": ...,
 *      "subject": ..., "time": ..., "datacontenttype": ..., "data": ...}
 *
 * "data" is JSON as it stands in the body, and is not copied; anything else is
 * "data_base64".  With "split" it is the element.  jq_desk.c asks when a child
 * is free, so what waits takes no memory.
 */


#include "jq_question.h"
#include "../base/json.h"


#define NGX_ER_JQ_PARTS  5             /* of a question */


static ngx_int_t ngx_er_jq_question_head(ngx_er_mapped_t *mapped,
    ngx_str_t *head);
static ngx_int_t ngx_er_jq_question_base64(ngx_pool_t *pool, ngx_str_t *data);
static ngx_chain_t *ngx_er_jq_question_chain(ngx_pool_t *pool,
    ngx_str_t *parts);


ngx_chain_t *
ngx_er_jq_question(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq)
{
    ngx_str_t              parts[NGX_ER_JQ_PARTS], *name, *data, *tail;
    ngx_uint_t             i;
    ngx_er_input_t        *input;
    ngx_er_jq_question_t   question;

    input = &mapped->input;

    name = &parts[2];
    data = &parts[3];
    tail = &parts[4];

    ngx_str_null(name);
    ngx_str_set(tail, "}");

    *data = input->number ? input->element : input->data;

    if (input->number || (input->json && data->len)) {
        ngx_str_set(name, ",\"data\":");

    } else if (data->len) {
        ngx_str_set(name, ",\"data_base64\":\"");
        ngx_str_set(tail, "\"}");

        if (ngx_er_jq_question_base64(mapped->pool, data) != NGX_OK) {
            return NULL;
        }
    }

    if (ngx_er_jq_question_head(mapped, &parts[1]) != NGX_OK) {
        return NULL;
    }

    question.size = 0;
    question.program = jq->file;
    question.strings = jq->strings;

    for (i = 1; i < NGX_ER_JQ_PARTS; i++) {
        question.size += parts[i].len;
    }

    parts[0].len = sizeof(ngx_er_jq_question_t);
    parts[0].data = ngx_pnalloc(mapped->pool, parts[0].len);

    if (parts[0].data == NULL) {
        return NULL;
    }

    ngx_memcpy(parts[0].data, &question, parts[0].len);

    return ngx_er_jq_question_chain(mapped->pool, parts);
}


/* all but data, and without the last bracket */

static ngx_int_t
ngx_er_jq_question_head(ngx_er_mapped_t *mapped, ngx_str_t *head)
{
    ngx_er_json_t    json;
    ngx_er_event_t  *event;
    ngx_er_input_t  *input;

    event = mapped->event;
    input = &mapped->input;

    ngx_er_json_begin(&json, mapped->pool, 512);

    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_word(&json, "specversion", "1.0");
    ngx_er_json_text(&json, "id", &event->id, 0);
    ngx_er_json_text(&json, "source", &event->origin, 0);
    ngx_er_json_text(&json, "type", &event->type, 0);

    if (event->subject.len) {
        ngx_er_json_text(&json, "subject", &event->subject, 0);
    }

    if (event->time.len) {
        ngx_er_json_text(&json, "time", &event->time, 0);
    }

    if (input->number) {
        ngx_er_json_word(&json, "datacontenttype", "application/json");

    } else if (input->content_type.len) {
        ngx_er_json_text(&json, "datacontenttype", &input->content_type, 0);
    }

    return ngx_er_json_end(&json, head);
}


static ngx_int_t
ngx_er_jq_question_base64(ngx_pool_t *pool, ngx_str_t *data)
{
    ngx_str_t  text;

    text.data = ngx_pnalloc(pool, ngx_base64_encoded_length(data->len));
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&text, data);

    *data = text;

    return NGX_OK;
}


static ngx_chain_t *
ngx_er_jq_question_chain(ngx_pool_t *pool, ngx_str_t *parts)
{
    ngx_buf_t    *b;
    ngx_uint_t    i;
    ngx_chain_t  *cl, *out;

    out = NULL;

    for (i = NGX_ER_JQ_PARTS; i-- > 0; /* void */ ) {

        if (parts[i].len == 0) {
            continue;
        }

        cl = ngx_alloc_chain_link(pool);
        b = ngx_calloc_buf(pool);

        if (cl == NULL || b == NULL) {
            return NULL;
        }

        b->pos = parts[i].data;
        b->last = parts[i].data + parts[i].len;
        b->memory = 1;

        cl->buf = b;
        cl->next = out;
        out = cl;
    }

    return out;
}
