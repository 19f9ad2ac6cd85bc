
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Values of fields for bodies.  The fields are those of the route language,
 * and mean the same here: "data.x" of JSON, of a form and of the data of a
 * CloudEvent.  A body has tables of its own, so what it names costs nothing
 * when events come, and no event is refused for it; data is scanned when the
 * body is made.
 *
 * Attributes are the event's own, not those that a rule may see beside it: a
 * record has one type and one subject.  nginx's variables are refused, since
 * the producer's request is gone when a queued event is sent.
 *
 * What cannot be read is told by the mapped, without a byte of the event: keys
 * in a sentence are those of nginx.conf.
 */


#include "values.h"
#include "input.h"
#include "../ingest/multipart.h"
#include "../ingest/paths.h"


static ngx_int_t ngx_er_values_scan(ngx_er_mapped_t *mapped,
    ngx_er_fields_t *fields, ngx_str_t *text, ngx_str_t *form,
    ngx_er_value_t ***values);
static ngx_int_t ngx_er_values_fail(ngx_er_mapped_t *mapped,
    ngx_er_fields_t *fields, ngx_er_scan_t *scan);
static ngx_str_t *ngx_er_values_twice(ngx_er_fields_t *fields,
    ngx_er_scan_t *scan);
static ngx_str_t *ngx_er_values_attribute(ngx_er_event_t *event,
    ngx_er_field_kind_e kind);


ngx_int_t
ngx_er_values_field(ngx_conf_t *cf, ngx_er_values_t *values, ngx_str_t *text,
    ngx_er_values_field_t *field, ngx_er_error_t *err)
{
    ngx_int_t             index;
    ngx_er_field_t        root;
    ngx_er_fields_t     **fields;
    ngx_er_main_conf_t   *mcf;

    ngx_memzero(field, sizeof(ngx_er_values_field_t));
    ngx_memzero(&root, sizeof(ngx_er_field_t));

    root.kind = NGX_ER_FIELD_DATA;
    ngx_str_set(&root.text, "data");

    field->own = (text->len && text->data[0] == '.');

    if (ngx_er_field_stored(cf->pool, text, field->own ? &root : NULL,
                            &field->field, err)
        != NGX_OK
        || ngx_er_field_definite(&field->field, 1, "a field of a body", err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (field->field.kind == NGX_ER_FIELD_VARIABLE) {
        ngx_er_error(err, "the field \"%V\" is a variable of nginx: it is of "
                     "the producer's request, which is gone when a queued "
                     "event is sent", text);
        return NGX_ERROR;
    }

    fields = field->own ? &values->element : &values->data;

    if (field->field.kind != NGX_ER_FIELD_DATA) {
        mcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_event_router_module);
        fields = &mcf->fields;

    } else if (*fields == NULL) {
        *fields = ngx_er_fields_create(cf->pool);
    }

    index = *fields ? ngx_er_fields_add(*fields, &field->field) : NGX_ERROR;

    if (index == NGX_ERROR) {
        ngx_er_error(err, "there is no memory");
        return NGX_ERROR;
    }

    field->index = index;

    return NGX_OK;
}


ngx_int_t
ngx_er_values_read(ngx_er_mapped_t *mapped, ngx_er_values_t *values,
    ngx_er_input_t *input, ngx_er_values_read_t *read)
{
    ngx_int_t  rc;

    ngx_memzero(read, sizeof(ngx_er_values_read_t));
    read->input = input;

    if (values->data) {

        if (!input->json && !input->form) {
            return ngx_er_mapped_fail(mapped, "a field of \"data\" is asked "
                                      "for, and the event's content is "
                                      "neither JSON nor a form")
                   == NGX_OK ? NGX_DECLINED : NGX_ERROR;
        }

        rc = ngx_er_values_scan(mapped, values->data, &input->data,
                                input->form ? &input->content_type : NULL,
                                &read->data);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return (values->element && input->number)
           ? ngx_er_values_scan(mapped, values->element, &input->element,
                                NULL, &read->element)
           : NGX_OK;
}


/* form: its content type, or NULL */

static ngx_int_t
ngx_er_values_scan(ngx_er_mapped_t *mapped, ngx_er_fields_t *fields,
    ngx_str_t *text, ngx_str_t *form, ngx_er_value_t ***values)
{
    ngx_int_t             rc;
    ngx_er_scan_t         scan;
    ngx_er_scan_limits_t  limits;

    *values = ngx_pcalloc(mapped->pool,
                          fields->list.nelts * sizeof(ngx_er_value_t *));
    if (*values == NULL) {
        return NGX_ERROR;
    }

    ngx_er_input_limits(mapped->event, &limits);

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = mapped->pool;
    scan.limits = &limits;
    scan.paths = fields->paths;
    scan.values = *values;

    rc = form ? ngx_er_multipart_form(&scan, form, text)
              : ngx_er_scan(&scan, text);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_er_values_fail(mapped, fields, &scan) == NGX_OK ? NGX_DECLINED
                                                               : NGX_ERROR;
}


static ngx_int_t
ngx_er_values_fail(ngx_er_mapped_t *mapped, ngx_er_fields_t *fields,
    ngx_er_scan_t *scan)
{
    ngx_str_t  *path;

    if (scan->error != NGX_ER_SCAN_DUPLICATE) {
        return ngx_er_mapped_fail(mapped, "the event's content cannot be "
                                  "read: %s at byte %uz",
                                  ngx_er_scan_reason(scan->error),
                                  scan->offset);
    }

    path = ngx_er_values_twice(fields, scan);

    return ngx_er_mapped_fail(mapped, "\"%V\" of \"%V\" is given twice, at "
                              "byte %uz of \"data\"", &scan->key, path,
                              scan->offset);
}


/* a field that has the key in its path */

static ngx_str_t *
ngx_er_values_twice(ngx_er_fields_t *fields, ngx_er_scan_t *scan)
{
    ngx_uint_t       i, j;
    ngx_er_step_t   *step;
    ngx_er_field_t  *field;

    field = fields->list.elts;

    for (i = 0; i < fields->list.nelts; i++) {
        step = field[i].steps.elts;

        for (j = 0; j < field[i].steps.nelts; j++) {

            if (step[j].index == NGX_ER_STEP_KEY
                && step[j].key.len == scan->key.len
                && ngx_memcmp(step[j].key.data, scan->key.data,
                              scan->key.len)
                   == 0)
            {
                return &field[i].text;
            }
        }
    }

    return &scan->key;
}


ngx_er_value_t *
ngx_er_values_get(ngx_er_values_read_t *read, ngx_er_values_field_t *field)
{
    ngx_str_t       *text;
    ngx_er_event_t  *event;
    ngx_er_value_t  *value;

    event = read->input->event;

    switch (field->field.kind) {

    case NGX_ER_FIELD_DATA:

        if (field->own) {
            return read->element ? read->element[field->index] : NULL;
        }

        return read->data[field->index];

    case NGX_ER_FIELD_HEADER:
    case NGX_ER_FIELD_ARG:
        return event->facts->get(event->facts, &field->field);

    default:
        break;
    }

    text = ngx_er_values_attribute(event, field->field.kind);

    if (text->len == 0) {
        return NULL;
    }

    value = ngx_pcalloc(event->pool, sizeof(ngx_er_value_t));

    if (value) {
        value->type = NGX_ER_STRING;
        value->text = *text;
    }

    return value;
}


static ngx_str_t *
ngx_er_values_attribute(ngx_er_event_t *event, ngx_er_field_kind_e kind)
{
    static ngx_str_t  version = ngx_string("1.0");

    switch (kind) {

    case NGX_ER_FIELD_ID:
        return &event->id;

    case NGX_ER_FIELD_TYPE:
        return &event->type;

    case NGX_ER_FIELD_SOURCE:
        return &event->origin;

    case NGX_ER_FIELD_SUBJECT:
        return &event->subject;

    case NGX_ER_FIELD_TIME:
        return &event->time;

    case NGX_ER_FIELD_CONTENT_TYPE:
        return &event->content_type;

    default: /* NGX_ER_FIELD_SPECVERSION */
        return &version;
    }
}
