
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Several events in one body, as a source has them: "split", or the arrays of
 * its preset, which count even if they are not split: then type and subject
 * have several values, and the first one's id alone tells no body apart.  A
 * source that names no array has those of which its templates take the first
 * element.  Called by source_conf.c when a block ends, before and behind the
 * templates.
 */


#include "source.h"


static ngx_int_t ngx_er_source_array_words(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_er_source_line_t *line, ngx_array_t *words);
static ngx_int_t ngx_er_source_fields(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_array_t *words, ngx_er_error_t *err);
static ngx_int_t ngx_er_source_derive(ngx_conf_t *cf, ngx_er_source_t *s);
static ngx_int_t ngx_er_source_each(ngx_er_source_t *s,
    ngx_int_t (*each)(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref));


ngx_int_t
ngx_er_source_arrays(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_str_t             *word;
    ngx_array_t            words;
    ngx_er_error_t         err;
    ngx_er_where_t        *where;
    ngx_er_source_t       *s;
    ngx_er_source_line_t  *line;

    static ngx_str_t  split = ngx_string("split");

    s = draft->source;
    line = ngx_er_source_find_line(draft, &split);
    where = line ? &line->where : &s->where;

    if (ngx_array_init(&words, cf->temp_pool, 4, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    word = ngx_array_push(&words);
    if (word == NULL) {
        return NGX_ERROR;
    }

    *word = split;

    if (ngx_er_source_array_words(cf, draft, line, &words) != NGX_OK) {
        return NGX_ERROR;
    }

    if (words.nelts == 1) {
        return NGX_OK;
    }

    s->batch = ngx_er_batch_create(cf->pool);
    if (s->batch == NULL) {
        return NGX_ERROR;
    }

    /* the verifier's, for item: in "signed" and its like, are its own */

    if (ngx_er_source_fields(cf, s, &words, &err) != NGX_OK
        || ngx_er_verify_set(s->verify, words.elts, words.nelts, NULL, &err)
           != NGX_OK)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where, "\"split\": %*s",
                         err.len, err.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_source_fields(ngx_conf_t *cf, ngx_er_source_t *s, ngx_array_t *words,
    ngx_er_error_t *err)
{
    ngx_str_t       *word;
    ngx_uint_t       i;
    ngx_er_field_t   field;

    word = words->elts;

    for (i = 1; i < words->nelts; i++) {

        if (ngx_er_batch_field(cf->pool, &word[i], &field, err) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_batch_array(s->batch, &field.steps) != NGX_OK) {
            ngx_er_error(err, "no memory");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the fields that "split" names, or those of the preset */

static ngx_int_t
ngx_er_source_array_words(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_line_t *line, ngx_array_t *words)
{
    ngx_str_t        *word;
    ngx_uint_t        i;
    const char       *fields;
    ngx_er_source_t  *s;

    s = draft->source;
    fields = s->preset ? s->preset->split : NULL;

    if (line && line->nargs == 2
        && ngx_strcmp(line->args[1].data, "off") == 0)
    {
        line = NULL;
    }

    s->split = (line != NULL);

    if (line == NULL
        || (line->nargs == 2 && ngx_strcmp(line->args[1].data, "on") == 0))
    {
        if (fields) {
            return ngx_er_preset_words(fields, words);
        }

        if (line == NULL) {
            return NGX_OK;
        }

        ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                         "\"split on\" takes the array of a preset, and %s: "
                         "name the array in which the events are, as in "
                         "\"split data.events;\", or \"split data;\" if the "
                         "body is an array", s->preset
                         ? "this one has none, since its producer sends one "
                           "event a body" : "this source has no preset");
        return NGX_ERROR;
    }

    for (i = 1; i < line->nargs; i++) {
        word = ngx_array_push(words);
        if (word == NULL) {
            return NGX_ERROR;
        }

        *word = line->args[i];
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_source_items(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_source_t  *s;

    s = draft->source;

    if (s->max_batch == 0) {
        s->max_batch = (s->preset && s->preset->max_batch)
                       ? s->preset->max_batch : NGX_ER_MAX_BATCH;
    }

    if (s->batch == NULL && ngx_er_source_derive(cf, s) != NGX_OK) {
        return NGX_ERROR;
    }

    return s->batch ? ngx_er_source_each(s, ngx_er_batch_bind) : NGX_OK;
}


static ngx_int_t
ngx_er_source_derive(ngx_conf_t *cf, ngx_er_source_t *s)
{
    s->batch = ngx_er_batch_create(cf->pool);

    if (s->batch == NULL
        || ngx_er_source_each(s, ngx_er_batch_derive) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_batch_arrays(s->batch) == 0) {
        s->batch = NULL;
    }

    return NGX_OK;
}


/* calls for every variable of the templates of attributes */

static ngx_int_t
ngx_er_source_each(ngx_er_source_t *s,
    ngx_int_t (*each)(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref))
{
    ngx_uint_t           i, n, k;
    ngx_array_t         *attributes[4];
    ngx_er_ref_t        *ref;
    ngx_er_template_t  **t;

    attributes[0] = &s->id;
    attributes[1] = &s->type;
    attributes[2] = &s->subject;
    attributes[3] = &s->time;

    for (i = 0; i < 4; i++) {
        t = attributes[i]->elts;

        for (n = 0; n < attributes[i]->nelts; n++) {

            for (k = 0; (ref = ngx_er_template_ref(t[n], k)) != NULL; k++) {
                if (each(s->batch, ref) != NGX_OK) {
                    return NGX_ERROR;
                }
            }
        }
    }

    return NGX_OK;
}
