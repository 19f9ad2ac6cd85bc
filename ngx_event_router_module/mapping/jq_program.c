
/*
 * Copyright (C) Event Router contributors
 */


/*
 * libjq: a program is compiled, and run on one document after another.
 *
 * libjq calls abort() where it has no memory and where it meets a fault of its
 * own ("include" without a path was one), recurses as deep as a document is,
 * and does not end where a program loops.  So nothing here is called in the
 * master or in a worker: jq_check.c calls it in a process that is made for
 * that, jq_nursery.c and jq_child.c are such processes.  There the environment
 * is empty and no file can be opened.
 *
 * A program sees what the command jq would show it if the event was its only
 * input: "input" fails, "inputs" is empty, "debug" and "stderr" say nothing,
 * "env" and "$ENV" have what the process has.  "halt" ends it; "halt_error"
 * and "error" are failures.
 */


#include "jq_program.h"

#include <jq.h>


struct ngx_er_jq_program_s {
    jq_state              *jq;
    jq_util_input_state   *inputs;     /* of which there are none */
};


static void ngx_er_jq_program_free(void *data);
static void ngx_er_jq_program_error(void *data, jv message);
static void ngx_er_jq_program_debug(void *data, jv message);
static void ngx_er_jq_program_say(ngx_er_jq_said_t *said, jv text);
static ngx_int_t ngx_er_jq_program_output(jv value,
    ngx_er_jq_output_pt output, void *data);
static ngx_int_t ngx_er_jq_program_end(jq_state *jq, jv last,
    ngx_er_jq_said_t *said);
static void ngx_er_jq_program_message(ngx_er_jq_said_t *said, jv message);


ngx_er_jq_program_t *
ngx_er_jq_program_compile(ngx_pool_t *pool, u_char *text,
    ngx_er_jq_said_t *said)
{
    ngx_pool_cleanup_t   *cln;
    ngx_er_jq_program_t  *program;

    said->len = 0;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_er_jq_program_t));
    if (cln == NULL) {
        return NULL;
    }

    program = cln->data;

    program->jq = jq_init();
    if (program->jq == NULL) {
        return NULL;
    }

    cln->handler = ngx_er_jq_program_free;

    program->inputs = jq_util_input_init(NULL, NULL);
    jq_util_input_set_parser(program->inputs, jv_parser_new(0), 0);

    jq_set_input_cb(program->jq, jq_util_input_next_input_cb,
                    program->inputs);
    jq_set_debug_cb(program->jq, ngx_er_jq_program_debug, NULL);
    jq_set_error_cb(program->jq, ngx_er_jq_program_error, said);

    /* without them an "include" ends in an assertion of libjq 1.6 */

    jq_set_attr(program->jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_attr(program->jq, jv_string("JQ_ORIGIN"), jv_string("/"));
    jq_set_attr(program->jq, jv_string("PROGRAM_ORIGIN"), jv_string("/"));

    if (jq_compile(program->jq, (char *) text) == 0) {
        return NULL;
    }

    jq_set_error_cb(program->jq, ngx_er_jq_program_debug, NULL);

    return program;
}


static void
ngx_er_jq_program_free(void *data)
{
    ngx_er_jq_program_t *program = data;

    jq_util_input_free(&program->inputs);
    jq_teardown(&program->jq);
}


void
ngx_er_jq_program_nomem(ngx_er_jq_program_t *program,
    void (*handler)(void *data))
{
    jq_set_nomem_handler(program->jq, handler, NULL);
}


static void
ngx_er_jq_program_error(void *data, jv message)
{
    ngx_er_jq_program_say(data, jq_format_error(message));
}


static void
ngx_er_jq_program_debug(void *data, jv message)
{
    jv_free(message);
}


/* adds a string to what was said, and frees it */

static void
ngx_er_jq_program_say(ngx_er_jq_said_t *said, jv text)
{
    size_t  len;

    len = ngx_min((size_t) jv_string_length_bytes(jv_copy(text)),
                  NGX_ER_JQ_SAID - said->len);

    ngx_memcpy(said->text + said->len, jv_string_value(text), len);
    said->len += len;

    if (said->len < NGX_ER_JQ_SAID) {
        said->text[said->len++] = LF;
    }

    jv_free(text);
}


ngx_int_t
ngx_er_jq_program_run(ngx_er_jq_program_t *program, ngx_str_t *json,
    ngx_er_jq_output_pt output, void *data, ngx_er_jq_said_t *said)
{
    jv  value;

    said->len = 0;

    value = jv_parse_sized((char *) json->data, json->len);

    if (!jv_is_valid(value)) {
        ngx_er_jq_program_message(said, jv_invalid_get_msg(value));
        return NGX_DECLINED;
    }

    jq_start(program->jq, value, 0);

    for ( ;; ) {
        value = jq_next(program->jq);

        if (!jv_is_valid(value)) {
            return ngx_er_jq_program_end(program->jq, value, said);
        }

        if (ngx_er_jq_program_output(value, output, data) != NGX_OK) {
            return NGX_ABORT;
        }
    }
}


static ngx_int_t
ngx_er_jq_program_output(jv value, ngx_er_jq_output_pt output, void *data)
{
    jv         text;
    ngx_int_t  rc;
    ngx_str_t  json;

    text = jv_dump_string(value, 0);

    json.data = (u_char *) jv_string_value(text);
    json.len = jv_string_length_bytes(jv_copy(text));

    rc = output(data, &json);

    jv_free(text);

    return rc;
}


static ngx_int_t
ngx_er_jq_program_end(jq_state *jq, jv last, ngx_er_jq_said_t *said)
{
    jv  code;

    if (jq_halted(jq)) {
        jv_free(last);

        /* "halt" has none */

        code = jq_get_exit_code(jq);

        if (!jv_is_valid(code)) {
            jv_free(code);
            return NGX_OK;
        }

        jv_free(code);
        ngx_er_jq_program_message(said, jq_get_error_message(jq));

        return NGX_DECLINED;
    }

    if (!jv_invalid_has_msg(jv_copy(last))) {
        jv_free(last);
        return NGX_OK;
    }

    ngx_er_jq_program_message(said, jv_invalid_get_msg(last));

    return NGX_DECLINED;
}


/* a message is a string as a rule, but a program may throw any value */

static void
ngx_er_jq_program_message(ngx_er_jq_said_t *said, jv message)
{
    if (!jv_is_valid(message)) {
        jv_free(message);
        message = jv_null();
    }

    if (jv_get_kind(message) != JV_KIND_STRING) {
        message = jv_dump_string(message, 0);
    }

    ngx_er_jq_program_say(said, message);

    if (said->len && said->text[said->len - 1] == LF) {
        said->len--;
    }
}
