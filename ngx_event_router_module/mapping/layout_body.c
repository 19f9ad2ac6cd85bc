
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "body template FILE": between nginx.conf and events on one side and layouts,
 * which know neither, on the other.  The file and the code tables that it
 * names are read when nginx.conf is; relative names begin at its directory.
 *
 * body.c has the row, mapping.c calls run() for each event, and with "split"
 * for each element: what was found in the whole event is kept for the next
 * one.  The layout is in cf->pool, bodies are in the mapped's.
 */


#include "layout_body.h"
#include "input.h"
#include "layout_print.h"
#include "../route/pattern/document.h"


static ngx_int_t ngx_er_layout_body_file(void *data, ngx_str_t *name,
    ngx_str_t *text, ngx_er_error_t *err);
static ngx_int_t ngx_er_layout_body_headers(ngx_conf_t *cf,
    ngx_er_fields_t *fields);
static ngx_er_layout_print_t *ngx_er_layout_body_print(
    ngx_er_mapped_t *mapped, ngx_er_layout_t *layout, ngx_er_input_t *input);


char *
ngx_er_layout_body_conf(ngx_conf_t *cf, ngx_er_body_t *body)
{
    ngx_str_t        *value, text;
    ngx_uint_t        i;
    ngx_er_error_t    err;
    ngx_er_layout_t  *layout;

    value = cf->args->elts;

    if (ngx_er_layout_body_file(cf, &value[2], &text, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the template \"%V\": %*s", &value[2], err.len,
                           err.text);
        return NGX_CONF_ERROR;
    }

    layout = ngx_er_layout_compile(cf->pool, &value[2], &text,
                                   ngx_er_layout_body_file, cf, &err);
    if (layout == NULL) {
        return ngx_er_where_error(cf, &err);
    }

    if (layout->note.len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%V", &layout->note);
    }

    for (i = 0; i < NGX_ER_LAYOUT_DOCUMENTS; i++) {
        if (ngx_er_layout_body_headers(cf, layout->fields[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    body->data = layout;
    body->relative = layout->relative;

    return NGX_CONF_OK;
}


/* headers that the main configuration names are stored with queued events
   (record.c) */

static ngx_int_t
ngx_er_layout_body_headers(ngx_conf_t *cf, ngx_er_fields_t *fields)
{
    ngx_uint_t           i;
    ngx_er_field_t      *field;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);
    field = fields->list.elts;

    for (i = 0; i < fields->list.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_HEADER
            && ngx_er_fields_add(mcf->fields, &field[i]) == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_body_file(void *data, ngx_str_t *name, ngx_str_t *text,
    ngx_er_error_t *err)
{
    ngx_conf_t *cf = data;

    ngx_str_t       path;
    ngx_er_error_t  said;

    path.len = name->len;

    path.data = ngx_pnalloc(cf->pool, name->len + 1);
    if (path.data == NULL) {
        ngx_er_error(err, "there is no memory");
        return NGX_ERROR;
    }

    *ngx_cpymem(path.data, name->data, name->len) = '\0';

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        ngx_er_error(err, "there is no memory");
        return NGX_ERROR;
    }

    if (ngx_er_document_text(cf->pool, &path, text, &said) != NGX_OK) {
        ngx_er_error(err, "%*s: the file is \"%V\"", said.len, said.text,
                     &path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_layout_body(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input)
{
    ngx_int_t               rc;
    ngx_er_cargo_t         *cargo;
    ngx_er_layout_print_t  *print;

    print = mapped->kept;

    if (print == NULL) {
        print = ngx_er_layout_body_print(mapped, body->data, input);
        if (print == NULL) {
            return NGX_ERROR;
        }

        mapped->kept = print;
    }

    rc = ngx_er_layout_print(print, input->number ? &input->element : NULL);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_er_event_log(mapped->event), 0,
                   "event router layout: \"%V\", rc:%i bytes:%uz replaced:%ui",
                   &print->layout->name, rc, print->body.len, print->replaced);

    if (rc == NGX_DECLINED) {
        return ngx_er_mapped_fail(mapped, "%*s", print->err.len,
                                  print->err.text);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    cargo = ngx_er_mapped_push(mapped);
    if (cargo == NULL) {
        return NGX_ERROR;
    }

    cargo->number = input->number;
    cargo->body = print->body;
    cargo->replaced = print->replaced;
    ngx_str_set(&cargo->content_type, "application/json");

    return NGX_OK;
}


/* NULL: no memory */

static ngx_er_layout_print_t *
ngx_er_layout_body_print(ngx_er_mapped_t *mapped, ngx_er_layout_t *layout,
    ngx_er_input_t *input)
{
    ngx_er_layout_print_t  *print;

    print = ngx_pcalloc(mapped->pool, sizeof(ngx_er_layout_print_t)
                                      + sizeof(ngx_er_scan_limits_t));
    if (print == NULL) {
        return NULL;
    }

    print->limits = (ngx_er_scan_limits_t *) (print + 1);
    ngx_er_input_limits(mapped->event, print->limits);

    print->pool = mapped->pool;
    print->layout = layout;
    print->data = input->data;
    print->get = mapped->event->facts->get;
    print->facts = mapped->event;
    print->received = &mapped->event->received;

    print->format = input->json ? NGX_ER_LAYOUT_JSON
                    : input->form ? NGX_ER_LAYOUT_FORM : NGX_ER_LAYOUT_OPAQUE;
    print->type = input->content_type;

    return print;
}
