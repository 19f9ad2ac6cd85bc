
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "pattern FILE [root=data];", "filter FILE;" and "sample N% [by=FIELD];": the
 * lines of a route beside "when".  route_lines.c calls them and puts the
 * condition where the line stands.
 *
 * Runs at configuration time only.  Names of files begin at the folder of
 * nginx.conf; what is wrong in a file is said with its name, line and path.
 */


#include "line.h"
#include "pattern/filter.h"
#include "pattern/pattern_eval.h"
#include "lookup.h"
#include "sample.h"


static ngx_er_tree_t *ngx_er_line_document(ngx_conf_t *cf, ngx_str_t *name,
    ngx_er_error_t *err);
static void ngx_er_line_error(ngx_conf_t *cf, ngx_er_error_t *err);


ngx_er_condition_t *
ngx_er_line_pattern(ngx_conf_t *cf, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t              *value;
    ngx_er_tree_t          *json;
    ngx_er_pattern_t       *pattern;
    ngx_er_condition_t     *condition;
    ngx_er_pattern_root_e   root;

    value = cf->args->elts;

    if (cf->args->nelts < 2 || cf->args->nelts > 3
        || (cf->args->nelts == 3 && !ngx_er_tree_is(&value[2], "root=data")))
    {
        ngx_er_error(err, "write \"pattern FILE;\" for an event pattern about "
                     "the CloudEvent, or \"pattern FILE root=data;\" for one "
                     "about the body alone");
        return NULL;
    }

    root = (cf->args->nelts == 3) ? NGX_ER_PATTERN_BODY
                                  : NGX_ER_PATTERN_EVENT;

    json = ngx_er_line_document(cf, &value[1], err);
    if (json == NULL) {
        return NULL;
    }

    pattern = ngx_er_pattern_compile(cf->pool, json, root, fields, err);
    if (pattern == NULL) {
        ngx_er_line_error(cf, err);
        return NULL;
    }

    condition = ngx_er_condition_whole(cf->pool, NGX_ER_CONDITION_PATTERN,
                                       ngx_er_pattern_holds,
                                       ngx_er_pattern_accesses, pattern);
    if (condition == NULL) {
        ngx_er_error(err, "no memory for an event pattern");
    }

    return condition;
}


ngx_er_condition_t *
ngx_er_line_filter(ngx_conf_t *cf, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t           *value;
    ngx_er_tree_t       *json;
    ngx_er_condition_t  *condition;

    value = cf->args->elts;

    if (cf->args->nelts != 2) {
        ngx_er_error(err, "write \"filter FILE;\", with a CloudEvents filter "
                     "in the file");
        return NULL;
    }

    json = ngx_er_line_document(cf, &value[1], err);
    if (json == NULL) {
        return NULL;
    }

    condition = ngx_er_filter_compile(cf->pool, json, fields, err);
    if (condition == NULL) {
        ngx_er_line_error(cf, err);
    }

    return condition;
}


ngx_er_condition_t *
ngx_er_line_sample(ngx_conf_t *cf, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t           *value, name, *by;
    ngx_er_sample_t     *sample;
    ngx_er_condition_t  *condition;

    value = cf->args->elts;
    by = NULL;

    if (cf->args->nelts == 3 && value[2].len > 3
        && ngx_strncmp(value[2].data, "by=", 3) == 0)
    {
        name = value[2];
        name.data += 3;
        name.len -= 3;
        by = &name;
    }

    if (cf->args->nelts < 2 || cf->args->nelts > (by ? 3 : 2)) {
        ngx_er_error(err, "write \"sample 10%%;\" for a share by the event's "
                     "id, or \"sample 10%% by=FIELD;\" for one by another "
                     "field");
        return NULL;
    }

    sample = ngx_er_sample_compile(cf->pool, &value[1], by, fields, err);
    if (sample == NULL) {
        return NULL;
    }

    condition = ngx_er_condition_whole(cf->pool, NGX_ER_CONDITION_SAMPLE,
                                       ngx_er_sample_holds, NULL, sample);
    if (condition == NULL) {
        ngx_er_error(err, "no memory for a sample");
    }

    return condition;
}


static ngx_er_tree_t *
ngx_er_line_document(ngx_conf_t *cf, ngx_str_t *name, ngx_er_error_t *err)
{
    ngx_er_tree_t  *json;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        ngx_er_error(err, "no memory for the name of a file");
        return NULL;
    }

    json = ngx_er_document_read(cf->pool, name, err);
    if (json == NULL) {
        ngx_er_line_error(cf, err);
    }

    return json;
}


/* the file's name in front of what is wrong with it */

static void
ngx_er_line_error(ngx_conf_t *cf, ngx_er_error_t *err)
{
    ngx_str_t       *value;
    ngx_er_error_t   what;

    value = cf->args->elts;
    what = *err;

    ngx_er_error(err, "%V \"%V\", %*s", &value[0], &value[1], what.len,
                 what.text);
}
