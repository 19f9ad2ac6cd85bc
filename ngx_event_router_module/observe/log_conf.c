
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Reads event_log.  A string of one's own becomes a list of texts and indices
 * of variables (ngx_er_log_op_t), so that each value can be escaped by itself,
 * as log_format does it.  All is in the pool of the configuration; what is
 * wrong is logged with file and line.
 */


#include "log_conf.h"
#include "log_file.h"
#include "variables.h"
#include "../conf/block.h"


#define NGX_ER_LOG_BUFFER  65536
#define NGX_ER_LOG_FLUSH   1000


typedef struct {
    size_t                 buffer;
    ngx_msec_t             flush;
    ngx_uint_t             escape;
    ngx_str_t              filter;
    ngx_str_t             *format;     /* or NULL */
} ngx_er_log_given_t;


static ngx_int_t ngx_er_log_conf_read(ngx_conf_t *cf,
    ngx_er_log_given_t *given);
static ngx_int_t ngx_er_log_conf_set(ngx_conf_t *cf, ngx_er_log_t *log,
    ngx_er_log_given_t *given);
static void ngx_er_log_conf_twice(ngx_conf_t *cf, ngx_array_t *logs,
    ngx_er_log_t *log);
static ngx_int_t ngx_er_log_conf_format(ngx_conf_t *cf, ngx_er_log_t *log,
    ngx_str_t *format);
static ngx_int_t ngx_er_log_conf_variable(ngx_conf_t *cf, ngx_str_t *rest,
    ngx_er_log_op_t *op);
static ngx_uint_t ngx_er_log_conf_character(u_char c);
static ngx_int_t ngx_er_log_conf_filter(ngx_conf_t *cf, ngx_er_log_t *log,
    ngx_str_t *text);


static ngx_er_word_t  ngx_er_log_escapes[] = {
    { ngx_string("json"), NGX_ER_LOG_ESCAPE_JSON },
    { ngx_string("default"), NGX_ER_LOG_ESCAPE_DEFAULT },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  ngx_er_log_rows[] = {
    { "buffer=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_log_given_t, buffer), "4k", "16m", NULL },
    { "flush=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_log_given_t, flush), "10ms", "1h", NULL },
    { "escape=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_log_given_t, escape), NULL, NULL,
      ngx_er_log_escapes },
    { "if=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_log_given_t, filter), NULL, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_log_params = {
    ngx_er_log_rows,
    "which takes a string of variables, buffer=SIZE, flush=TIME, "
    "escape=json|default and if=VARIABLE", 0, 0
};


char *
ngx_er_log_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_str_t           *value;
    ngx_er_log_t        *log, **place;
    ngx_er_log_given_t   given;

    value = cf->args->elts;

    if (mcf->log_off
        || (mcf->logs && ngx_strcmp(value[1].data, "off") == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"event_log off\" stands beside another "
                           "\"event_log\": write one of them");
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        mcf->log_off = 1;
        return NGX_CONF_OK;
    }

    if (mcf->logs == NULL) {
        mcf->logs = ngx_array_create(cf->pool, 2, sizeof(ngx_er_log_t *));
        if (mcf->logs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    log = ngx_pcalloc(cf->pool, sizeof(ngx_er_log_t));

    if (log == NULL
        || ngx_er_log_conf_read(cf, &given) != NGX_OK
        || ngx_er_log_conf_set(cf, log, &given) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    place = ngx_array_push(mcf->logs);
    if (place == NULL) {
        return NGX_CONF_ERROR;
    }

    *place = log;

    ngx_er_log_conf_twice(cf, mcf->logs, log);

    return NGX_CONF_OK;
}


/* "event_set" may stand behind "event_log" */

void
ngx_er_log_conf_fields(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, n;
    ngx_er_log_t     **log;
    ngx_er_log_op_t   *op;

    log = mcf->logs ? mcf->logs->elts : NULL;

    for (i = 0; log && i < mcf->logs->nelts; i++) {
        op = log[i]->ops ? log[i]->ops->elts : NULL;

        for (n = 0; op && n < log[i]->ops->nelts; n++) {
            if (op[n].index != NGX_CONF_UNSET) {
                op[n].field = ngx_er_variables_shows(cf, mcf, &op[n].text);
            }
        }
    }
}


/* with if= it is a choice, of which both may be */

static void
ngx_er_log_conf_twice(ngx_conf_t *cf, ngx_array_t *logs, ngx_er_log_t *log)
{
    ngx_uint_t      i;
    ngx_er_log_t  **other;

    other = logs->elts;

    for (i = 0; i < logs->nelts; i++) {

        if (other[i] != log && log->file && other[i]->file == log->file
            && log->filter == NULL && other[i]->filter == NULL)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"event_log\" has \"%V\" twice, so all is "
                               "there twice: take one line away, or give "
                               "both an if=", &log->file->name);
            return;
        }
    }
}


static ngx_int_t
ngx_er_log_conf_set(ngx_conf_t *cf, ngx_er_log_t *log,
    ngx_er_log_given_t *given)
{
    ngx_str_t  *value;

    value = cf->args->elts;
    log->escape = given->escape;

    if (given->format
        && ngx_er_log_conf_format(cf, log, given->format) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (given->filter.len
        && ngx_er_log_conf_filter(cf, log, &given->filter) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_strncmp(value[1].data, "syslog:", sizeof("syslog:") - 1) == 0) {
        return ngx_er_log_syslog_open(cf, log);
    }

    return ngx_er_log_file_open(cf, log, &value[1], given->buffer,
                                given->flush);
}


/* a string is the second word, if that has a "$" and is no parameter */

static ngx_int_t
ngx_er_log_conf_read(ngx_conf_t *cf, ngx_er_log_given_t *given)
{
    ngx_str_t   *value, rest;
    ngx_uint_t   from, bits;

    ngx_memzero(given, sizeof(ngx_er_log_given_t));

    given->buffer = NGX_ER_LOG_BUFFER;
    given->flush = NGX_ER_LOG_FLUSH;

    from = 2;
    value = cf->args->elts;

    if (ngx_strchr(value[1].data, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path of \"event_log\" has no variables: the "
                           "file is opened when nginx starts");
        return NGX_ERROR;
    }

    if (cf->args->nelts > 2
        && ngx_er_param_find(ngx_er_log_rows, &value[2], &rest) == NULL)
    {
        if (ngx_strchr(value[2].data, '$')) {
            given->format = &value[2];
            from = 3;

        } else if (ngx_strchr(value[2].data, '=') == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" of \"event_log\" has no variable: it "
                               "is the line itself, as in '$event_log_kind "
                               "$event_id', not the name of a \"log_format\"",
                               &value[2]);
            return NGX_ERROR;
        }
    }

    if (ngx_er_block_params(cf, &ngx_er_log_params, from, given, &bits)
        != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    if ((bits & 3)
        && ngx_strncmp(value[1].data, "syslog:", sizeof("syslog:") - 1) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"buffer\" and \"flush\" of \"event_log\" are for "
                           "files: a line goes to syslog at once");
        return NGX_ERROR;
    }

    if ((bits & 4) && given->format == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"escape\" of \"event_log\" is for a string of "
                           "variables, and there is none");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_log_conf_format(ngx_conf_t *cf, ngx_er_log_t *log, ngx_str_t *format)
{
    size_t            i;
    ngx_str_t         rest;
    ngx_er_log_op_t  *op;

    for (i = 0; i < format->len; i++) {
        if (format->data[i] < ' ' || format->data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the string of \"event_log\" has a line break "
                               "or another control character: write it in "
                               "one line");
            return NGX_ERROR;
        }
    }

    rest = *format;

    log->ops = ngx_array_create(cf->pool, 8, sizeof(ngx_er_log_op_t));
    if (log->ops == NULL) {
        return NGX_ERROR;
    }

    while (rest.len) {
        op = ngx_array_push(log->ops);
        if (op == NULL) {
            return NGX_ERROR;
        }

        if (rest.data[0] == '$') {

            if (ngx_er_log_conf_variable(cf, &rest, op) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        for (i = 0; i < rest.len && rest.data[i] != '$'; i++) { /* void */ }

        op->foreign = 0;
        op->index = NGX_CONF_UNSET;
        op->field = NGX_CONF_UNSET;
        op->text.data = rest.data;
        op->text.len = i;

        rest.data += i;
        rest.len -= i;
    }

    return NGX_OK;
}


/* "$name" or "${name}" at the beginning of the rest, which it is taken off */

static ngx_int_t
ngx_er_log_conf_variable(ngx_conf_t *cf, ngx_str_t *rest, ngx_er_log_op_t *op)
{
    size_t      i;
    ngx_str_t   name;
    ngx_uint_t  braces;

    i = 1;
    braces = (rest->len > 1 && rest->data[1] == '{');
    i += braces;

    name.data = rest->data + i;

    while (i < rest->len && ngx_er_log_conf_character(rest->data[i])) {
        i++;
    }

    name.len = rest->data + i - name.data;

    if (name.len == 0
        || (braces && (i == rest->len || rest->data[i] != '}')))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable at \"%V\" in the string of "
                           "\"event_log\"", rest);
        return NGX_ERROR;
    }

    i += braces;

    rest->data += i;
    rest->len -= i;

    op->text = name;
    op->field = NGX_CONF_UNSET;
    op->foreign = (ngx_strncmp(name.data, "event_", sizeof("event_") - 1)
                   != 0);
    op->index = ngx_http_get_variable_index(cf, &name);

    return (op->index == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_uint_t
ngx_er_log_conf_character(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
}


static ngx_int_t
ngx_er_log_conf_filter(ngx_conf_t *cf, ngx_er_log_t *log, ngx_str_t *text)
{
    ngx_http_compile_complex_value_t  ccv;

    log->filter = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (log->filter == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = log->filter;

    return ngx_http_compile_complex_value(&ccv);
}
