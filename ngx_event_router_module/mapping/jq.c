
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "body jq FILE [numbers=string]" of a target, and "event_jq", which says how
 * many processes run such programs and what they may take.
 *
 * body.c calls it when it reads such a line and for each event.  The text of a
 * file is read here, with nginx.conf, and compiled by jq_check.c, which says
 * whether it is a program; targets that name the same file share it.  What
 * runs them is jq_desk.c.
 */


#include "jq.h"
#include "jq_check.h"
#include "jq_desk.h"
#include "../conf/block.h"
#include "../ingest/lexer.h"
#include "../route/pattern/document.h"


static ngx_er_jqs_t *ngx_er_jq_settings(ngx_conf_t *cf);
static char *ngx_er_jq_numbers(ngx_conf_t *cf, ngx_er_jq_t *jq);
static ngx_int_t ngx_er_jq_file(ngx_conf_t *cf, ngx_er_jqs_t *jqs,
    ngx_str_t *name);
static ngx_int_t ngx_er_jq_read(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *text, ngx_er_error_t *err);
static void ngx_er_jq_unix(ngx_str_t *text);


static ngx_er_param_t  ngx_er_jq_rows[] = {
    { "processes=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_jqs_t, processes), "1", "64", NULL },
    { "memory=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_jqs_t, memory), "8m", "4096m", NULL },
    { "timeout=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_jqs_t, timeout), "1ms", "60s", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_jq_params = {
    ngx_er_jq_rows,
    "which takes processes=NUMBER, memory=SIZE and timeout=TIME", 0, 0
};


char *
ngx_er_jq_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_jqs_t  *jqs;

    jqs = ngx_er_jq_settings(cf);
    if (jqs == NULL) {
        return NGX_CONF_ERROR;
    }

    if (jqs->given) {
        return "is duplicate";
    }

    jqs->given = 1;

    return ngx_er_block_params(cf, &ngx_er_jq_params, 1, jqs, NULL);
}


/* those of the configuration, with what holds if nothing is said; NULL: no
   memory */

static ngx_er_jqs_t *
ngx_er_jq_settings(ngx_conf_t *cf)
{
    ngx_er_jqs_t        *jqs;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    if (mcf->jqs) {
        return mcf->jqs;
    }

    jqs = ngx_pcalloc(cf->pool, sizeof(ngx_er_jqs_t));

    if (jqs == NULL
        || ngx_array_init(&jqs->files, cf->pool, 4, sizeof(ngx_er_jq_file_t))
           != NGX_OK)
    {
        return NULL;
    }

    jqs->processes = 1;
    jqs->memory = 64 * 1024 * 1024;
    jqs->timeout = 100;

    mcf->jqs = jqs;

    return jqs;
}


char *
ngx_er_jq_conf(ngx_conf_t *cf, ngx_er_body_t *body)
{
    ngx_int_t     file;
    ngx_str_t    *value;
    ngx_er_jq_t  *jq;

    value = cf->args->elts;

    jq = ngx_pcalloc(cf->pool, sizeof(ngx_er_jq_t));
    if (jq == NULL) {
        return NGX_CONF_ERROR;
    }

    jq->jqs = ngx_er_jq_settings(cf);
    if (jq->jqs == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_jq_numbers(cf, jq) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    file = ngx_er_jq_file(cf, jq->jqs, &value[2]);
    if (file == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    jq->file = file;
    body->data = jq;

    return NGX_CONF_OK;
}


static char *
ngx_er_jq_numbers(ngx_conf_t *cf, ngx_er_jq_t *jq)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts == 3) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[3].data, "numbers=string") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"body jq\": it must "
                           "be \"numbers=string\"", &value[3]);
        return NGX_CONF_ERROR;
    }

    jq->strings = 1;

    return NGX_CONF_OK;
}


/* its index; NGX_ERROR: it cannot be read or is no program, which is logged */

static ngx_int_t
ngx_er_jq_file(ngx_conf_t *cf, ngx_er_jqs_t *jqs, ngx_str_t *name)
{
    ngx_str_t          path;
    ngx_uint_t         i;
    ngx_er_error_t     err;
    ngx_er_jq_file_t  *file;

    path = *name;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    file = jqs->files.elts;

    for (i = 0; i < jqs->files.nelts; i++) {
        if (file[i].path.len == path.len
            && ngx_memcmp(file[i].path.data, path.data, path.len) == 0)
        {
            return i;
        }
    }

    file = ngx_array_push(&jqs->files);
    if (file == NULL) {
        return NGX_ERROR;
    }

    file->name = *name;
    file->path = path;

    if (ngx_er_jq_read(cf->pool, &path, &file->text, &err) != NGX_OK
        || ngx_er_jq_check(file->text.data, &err) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"body jq\": %V%*s",
                           &path, err.len, err.text);
        return NGX_ERROR;
    }

    return i;
}


static ngx_int_t
ngx_er_jq_read(ngx_pool_t *pool, ngx_str_t *name, ngx_str_t *text,
    ngx_er_error_t *err)
{
    size_t          i;
    ngx_uint_t      comment;
    ngx_er_error_t  why;

    if (ngx_er_document_text(pool, name, text, &why) != NGX_OK) {
        ngx_er_error(err, ": %*s", why.len, why.text);
        return NGX_ERROR;
    }

    ngx_er_jq_unix(text);

    comment = 0;

    for (i = 0; i < text->len; i++) {
        comment = (text->data[i] == '#' || (comment && text->data[i] != LF));

        if (!comment && ngx_strchr(" \t\r\n", text->data[i]) == NULL) {
            break;
        }
    }

    if (i == text->len) {
        ngx_er_error(err, ": it is empty, or has only comments; the program "
                     "that changes nothing is a dot");
        return NGX_ERROR;
    }

    if (ngx_strlen(text->data) != text->len) {
        ngx_er_error(err, ": it has a zero byte");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* some editors write a byte order mark, and CR LF at the ends of lines; libjq
   1.6 knows neither.  The zero byte stays behind the text */

static void
ngx_er_jq_unix(ngx_str_t *text)
{
    u_char  *p, *dst, *last;

    p = text->data + ngx_er_lexer_bom(text);
    last = text->data + text->len;

    for (dst = text->data; p < last; p++) {
        if (p[0] != CR || p[1] != LF) {
            *dst++ = *p;
        }
    }

    *dst = '\0';
    text->len = dst - text->data;
}


ngx_int_t
ngx_er_jq_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input)
{
    return ngx_er_jq_desk_run(mapped, body->data);
}


/* only a file in nginx.conf needs processes */

ngx_int_t
ngx_er_jq_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router jq: worker, programs:%ui",
                   mcf->jqs ? mcf->jqs->files.nelts : 0);

    return (mcf->jqs && mcf->jqs->files.nelts)
           ? ngx_er_jq_desk_start(cycle, mcf->jqs) : NGX_OK;
}


void
ngx_er_jq_exit_worker(void)
{
    ngx_er_jq_desk_stop();
}
