
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Reads "redact FIELD..." of event_source.  A line is checked where it stands;
 * what it has to do with the source's other lines is known when the block
 * ends.  An attribute is shown in every list, log and header, so none may be
 * made of a field that is hidden: that is a mistake of nginx.conf.
 *
 * The table is in the configuration's pool and belongs to the source.
 */


#include "redact_conf.h"
#include "batch.h"


static char *ngx_er_redact_field(ngx_conf_t *cf, ngx_er_redact_t *redact,
    ngx_str_t *text);
static ngx_uint_t ngx_er_redact_twice(ngx_er_redact_t *redact,
    ngx_er_field_t *field);
static ngx_uint_t ngx_er_redact_attribute(ngx_er_field_t *field);
static ngx_int_t ngx_er_redact_arrays(ngx_er_source_t *s);
static ngx_int_t ngx_er_redact_templates(ngx_conf_t *cf, ngx_er_source_t *s,
    const char *name, ngx_array_t *templates);
static ngx_int_t ngx_er_redact_ref(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_er_ref_t *ref);
static ngx_int_t ngx_er_redact_named_field(ngx_er_redact_t *redact,
    ngx_er_field_kind_e kind, ngx_str_t *name);
static ngx_int_t ngx_er_redact_steps(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_er_ref_t *ref);
static ngx_int_t ngx_er_redact_behind(ngx_array_t *array, ngx_er_ref_t *ref,
    ngx_array_t *steps);
static ngx_int_t ngx_er_redact_within(ngx_conf_t *cf, ngx_array_t *array,
    ngx_er_ref_t *ref, ngx_array_t *steps);


char *
ngx_er_redact_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    char             *rv;
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_er_source_t  *s;

    s = draft->source;
    value = cf->args->elts;

    if (s->redact == NULL) {
        s->redact = ngx_er_redact_create(cf->pool);
        if (s->redact == NULL) {
            return NGX_CONF_ERROR;
        }

        draft->mcf->redacts = 1;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_er_redact_field(cf, s->redact, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_redact_field(ngx_conf_t *cf, ngx_er_redact_t *redact, ngx_str_t *text)
{
    ngx_er_error_t  err;
    ngx_er_field_t  field;

    if (ngx_er_field_parse(cf->pool, text, NULL, &field, &err) != NGX_OK
        || ngx_er_field_definite(&field, 0, "\"redact\"", &err) != NGX_OK)
    {
        return ngx_er_where_error(cf, &err);
    }

    if (field.kind != NGX_ER_FIELD_DATA && field.kind != NGX_ER_FIELD_HEADER
        && field.kind != NGX_ER_FIELD_ARG)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redact\" hides fields \"data.NAME\", "
                           "\"header.NAME\" and \"arg.NAME\", and \"%V\" is "
                           "none: attributes stand in every list and log, "
                           "and variables are nginx's own", text);
        return NGX_CONF_ERROR;
    }

    if (ngx_er_redact_attribute(&field)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redact\" cannot hide \"%V\": it is an "
                           "attribute of CloudEvents, and attributes stand "
                           "in every list and log", text);
        return NGX_CONF_ERROR;
    }

    if (ngx_er_redact_twice(redact, &field)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"redact\" has \"%V\" twice: write it once",
                           text);
        return NGX_CONF_ERROR;
    }

    return (ngx_er_redact_add(redact, &field) == NGX_OK) ? NGX_CONF_OK
                                                         : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_er_redact_twice(ngx_er_redact_t *redact, ngx_er_field_t *field)
{
    ngx_uint_t       i;
    ngx_er_field_t  *own;

    own = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {
        if (own[i].text.len == field->text.len
            && ngx_memcmp(own[i].text.data, field->text.data, field->text.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_redact_attribute(ngx_er_field_t *field)
{
    ngx_uint_t  i;

    static const char  *names[] = {
        "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time",
        "ce-specversion", "content-type"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (field->kind == NGX_ER_FIELD_HEADER
            && field->name.len == ngx_strlen(names[i])
            && ngx_strncasecmp(field->name.data, (u_char *) names[i],
                               field->name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_redact_complete(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_source_t  *s;

    s = draft->source;

    if (s->redact == NULL) {
        return NGX_OK;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, cf->log, 0,
                   "event router redact: source \"%V\", fields:%ui data:%ui "
                   "args:%ui", &s->name, (ngx_uint_t) s->redact->fields.nelts,
                   s->redact->data, s->redact->args);

    if ((s->payload
         && ngx_er_redact_payload(s->redact, s->payload) != NGX_OK)
        || ngx_er_redact_arrays(s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_redact_templates(cf, s, "id", &s->id) != NGX_OK
        || ngx_er_redact_templates(cf, s, "type", &s->type) != NGX_OK
        || ngx_er_redact_templates(cf, s, "subject", &s->subject) != NGX_OK
        || ngx_er_redact_templates(cf, s, "time", &s->time) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a body that was not split yet has the fields in its elements */

static ngx_int_t
ngx_er_redact_arrays(ngx_er_source_t *s)
{
    ngx_uint_t    i;
    ngx_array_t  *steps;

    if (s->batch == NULL || !s->split) {
        return NGX_OK;
    }

    for (i = 0; (steps = ngx_er_batch_steps(s->batch, i)) != NULL; i++) {
        if (ngx_er_redact_array(s->redact, steps) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redact_templates(ngx_conf_t *cf, ngx_er_source_t *s, const char *name,
    ngx_array_t *templates)
{
    ngx_int_t             rc;
    ngx_uint_t            i, n;
    ngx_er_ref_t         *ref;
    ngx_er_template_t   **t;

    t = templates->elts;

    for (i = 0; i < templates->nelts; i++) {
        for (n = 0; (ref = ngx_er_template_ref(t[i], n)) != NULL; n++) {
            rc = ngx_er_redact_ref(cf, s, ref);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_DECLINED) {
                continue;
            }

            ngx_er_where_log(cf, NGX_LOG_EMERG, &s->where,
                             "event_source \"%V\" makes \"%s\" of \"%V\", "
                             "which its \"redact\" hides or which has what it "
                             "hides in it: an attribute stands in every list "
                             "and log, so make it of another field, or hide "
                             "another one", &s->name, name,
                             ngx_er_template_text(t[i]));
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NGX_OK: something hidden is in it; NGX_DECLINED: nothing; NGX_ERROR: no
   memory */

static ngx_int_t
ngx_er_redact_ref(ngx_conf_t *cf, ngx_er_source_t *s, ngx_er_ref_t *ref)
{
    switch (ref->kind) {

    case NGX_ER_REF_JSON:
    case NGX_ER_REF_DATA:
    case NGX_ER_REF_ITEM:
        return ngx_er_redact_steps(cf, s, ref);

    case NGX_ER_REF_FORM:
        return ngx_er_redact_named_field(s->redact, NGX_ER_FIELD_DATA,
                                         &ref->name);

    case NGX_ER_REF_QUERY:
        return ngx_er_redact_named_field(s->redact, NGX_ER_FIELD_ARG,
                                         &ref->name);

    case NGX_ER_REF_HEADER:
        return ngx_er_redact_named_field(s->redact, NGX_ER_FIELD_HEADER,
                                         &ref->name);

    case NGX_ER_REF_BODY:
    case NGX_ER_REF_FORM_SORTED:
        return s->redact->data ? NGX_OK : NGX_DECLINED;

    case NGX_ER_REF_URL:
    case NGX_ER_REF_DECODED_URL:
    case NGX_ER_REF_PATH_QUERY:
        return s->redact->args ? NGX_OK : NGX_DECLINED;

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_er_redact_named_field(ngx_er_redact_t *redact, ngx_er_field_kind_e kind,
    ngx_str_t *name)
{
    ngx_er_step_t   step;
    ngx_er_field_t  field;

    ngx_memzero(&field, sizeof(ngx_er_field_t));

    step.key = *name;
    step.index = NGX_ER_STEP_KEY;

    field.kind = kind;
    field.name = *name;
    field.steps.elts = &step;
    field.steps.nelts = 1;

    return ngx_er_redact_hides(redact, &field) ? NGX_OK : NGX_DECLINED;
}


/*
 * Of a body that is split the hidden fields are in its elements, and so are
 * "item:" paths; "json:" and "data:" paths begin at the whole body.
 */

static ngx_int_t
ngx_er_redact_steps(ngx_conf_t *cf, ngx_er_source_t *s, ngx_er_ref_t *ref)
{
    ngx_int_t     rc;
    ngx_uint_t    i;
    ngx_array_t  *array, steps;

    if (ngx_er_redact_path(s->redact, &ref->steps)) {
        return NGX_OK;
    }

    for (i = 0;
         s->batch && (array = ngx_er_batch_steps(s->batch, i)) != NULL;
         i++)
    {
        if ((ref->kind != NGX_ER_REF_ITEM) != s->split) {
            continue;
        }

        rc = s->split ? ngx_er_redact_behind(array, ref, &steps)
                      : ngx_er_redact_within(cf, array, ref, &steps);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK && ngx_er_redact_path(s->redact, &steps)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* what is left of a path from the array's element on */

static ngx_int_t
ngx_er_redact_behind(ngx_array_t *array, ngx_er_ref_t *ref, ngx_array_t *steps)
{
    ngx_uint_t      i, n;
    ngx_er_step_t  *a, *b;

    a = array->elts;
    b = ref->steps.elts;
    n = ngx_min(array->nelts, ref->steps.nelts);

    for (i = 0; i < n; i++) {
        if (a[i].key.len != b[i].key.len
            || ngx_memcmp(a[i].key.data, b[i].key.data, a[i].key.len) != 0)
        {
            return NGX_DECLINED;
        }
    }

    steps->elts = b + n;
    steps->nelts = ref->steps.nelts - n;

    return NGX_OK;
}


/* the path from the whole body on */

static ngx_int_t
ngx_er_redact_within(ngx_conf_t *cf, ngx_array_t *array, ngx_er_ref_t *ref,
    ngx_array_t *steps)
{
    ngx_er_step_t  *step;

    steps->nelts = array->nelts + ref->steps.nelts;

    step = ngx_palloc(cf->temp_pool, (steps->nelts + 1)
                                     * sizeof(ngx_er_step_t));
    if (step == NULL) {
        return NGX_ERROR;
    }

    steps->elts = step;

    if (array->nelts) {
        ngx_memcpy(step, array->elts, array->nelts * sizeof(ngx_er_step_t));
    }

    if (ref->steps.nelts) {
        ngx_memcpy(step + array->nelts, ref->steps.elts,
                   ref->steps.nelts * sizeof(ngx_er_step_t));
    }

    return NGX_OK;
}
