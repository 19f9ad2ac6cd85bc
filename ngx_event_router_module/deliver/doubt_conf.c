
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "in_doubt" of event_target in nginx.conf: the URI that is asked, and the
 * block that says what its answers mean.  What is written nowhere is what a
 * REST API says of a thing: 2xx, it is there, 404, it is not.
 *
 * Runs at configuration time only, all in cf->pool.  target.c has the row;
 * what can be checked only when all was read is in doubt.c.
 */


#include "doubt_conf.h"
#include "verdict_conf.h"


#define NGX_ER_DOUBT_WAIT  60000       /* ms */


static char *ngx_er_doubt_conf_uri(ngx_conf_t *cf, ngx_er_doubt_t *doubt,
    ngx_str_t *text);
static char *ngx_er_doubt_conf_variable(ngx_conf_t *cf, ngx_er_doubt_t *doubt,
    ngx_str_t *text, size_t *at);
static char *ngx_er_doubt_conf_rule(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_doubt_conf_complete(ngx_conf_t *cf, ngx_er_doubt_t *doubt);
static char *ngx_er_doubt_conf_default(ngx_conf_t *cf, ngx_er_doubt_t *doubt,
    ngx_uint_t kind, const char *status);
static char *ngx_er_doubt_conf_both(ngx_conf_t *cf, ngx_er_doubt_t *doubt);


static ngx_er_block_row_t  ngx_er_doubt_conf_rows[] = {

    { "wait", 1, 1, 0,
      "TIME", NULL, 0 },
    { "found", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "STATUS... | when FIELD [not] OP VALUE...", ngx_er_doubt_conf_rule,
      NGX_ER_DOUBT_FOUND },
    { "missing", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "STATUS... | when FIELD [not] OP VALUE...", ngx_er_doubt_conf_rule,
      NGX_ER_DOUBT_MISSING },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


static ngx_er_param_t  ngx_er_doubt_conf_values[] = {
    { "wait", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_doubt_t, wait), "0", "24h", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


char *
ngx_er_doubt_conf(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    char            *rv;
    ngx_str_t       *value;
    ngx_er_block_t   block;
    ngx_er_doubt_t  *doubt;

    doubt = ngx_pcalloc(cf->pool, sizeof(ngx_er_doubt_t));
    if (doubt == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    draft->target->doubt = doubt;
    doubt->wait = NGX_ER_DOUBT_WAIT;
    ngx_er_where_set(cf, &doubt->where);

    rv = ngx_er_doubt_conf_uri(cf, doubt, &value[1]);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_er_block_init(&block, "in_doubt", &doubt->text,
                      ngx_er_doubt_conf_rows, doubt);

    block.values = ngx_er_doubt_conf_values;
    block.base = doubt;

    rv = ngx_er_block_parse(cf, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_er_doubt_conf_complete(cf, doubt);
}


static char *
ngx_er_doubt_conf_uri(ngx_conf_t *cf, ngx_er_doubt_t *doubt, ngx_str_t *text)
{
    char                              *rv;
    size_t                             i;
    ngx_http_compile_complex_value_t   ccv;

    doubt->text = *text;

    if (text->len == 0 || text->data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"in_doubt\" takes the URI of an internal "
                           "location that is asked, as in \"in_doubt "
                           "/deliver/erp-has?id=$order { ... }\", and \"%V\" "
                           "is none", text);
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&doubt->variables, cf->pool, 2, sizeof(ngx_int_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < text->len; i++) {

        if (text->data[i] != '$') {
            continue;
        }

        rv = ngx_er_doubt_conf_variable(cf, doubt, text, &i);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = &doubt->uri;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


/* at the "$"; nginx says what is wrong with the name */

static char *
ngx_er_doubt_conf_variable(ngx_conf_t *cf, ngx_er_doubt_t *doubt,
    ngx_str_t *text, size_t *at)
{
    u_char      c;
    size_t      i;
    ngx_int_t  *index;
    ngx_str_t   name;

    i = *at + 1;

    if (i < text->len && text->data[i] == '{') {
        i++;
    }

    name.data = text->data + i;

    for ( /* void */ ; i < text->len; i++) {
        c = text->data[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z') && c != '_')
        {
            break;
        }
    }

    name.len = text->data + i - name.data;
    *at = i - 1;

    if (name.len == 0) {
        return NGX_CONF_OK;
    }

    if (name.data[0] >= '0' && name.data[0] <= '9') {
        return "has \"$1\" or the like in the URI, which is nothing there: "
               "name a variable of \"event_set ... uri\"";
    }

    index = ngx_array_push(&doubt->variables);
    if (index == NULL) {
        return NGX_CONF_ERROR;
    }

    *index = ngx_http_get_variable_index(cf, &name);

    return *index == NGX_ERROR ? NGX_CONF_ERROR : NGX_CONF_OK;
}


static char *
ngx_er_doubt_conf_rule(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_doubt_t *doubt = conf;

    ngx_er_verdict_line_t  *line;

    line = ngx_er_verdict_conf_line(cf, &doubt->lines, row->tag);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_verdict_lists(line, 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s timeout\" of \"in_doubt\": who is not "
                           "answered does not know, and asks again",
                           row->name);
        return NGX_CONF_ERROR;
    }

    doubt->headers |= line->response;

    return ngx_er_doubt_conf_both(cf, doubt);
}


static char *
ngx_er_doubt_conf_complete(ngx_conf_t *cf, ngx_er_doubt_t *doubt)
{
    char        *rv;
    ngx_uint_t   found, missing;

    found = doubt->lines
            && ngx_er_verdict_has(doubt->lines, NGX_ER_DOUBT_FOUND);
    missing = doubt->lines
              && ngx_er_verdict_has(doubt->lines, NGX_ER_DOUBT_MISSING);

    if (missing && !found && doubt->headers) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"in_doubt\" says by \"missing when\" what an "
                           "event is that is not there, but not what one is "
                           "that is: write \"found when ...\", too");
        return NGX_CONF_ERROR;
    }

    if (!found) {
        rv = ngx_er_doubt_conf_default(cf, doubt, NGX_ER_DOUBT_FOUND, "2xx");

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (!missing) {
        rv = ngx_er_doubt_conf_default(cf, doubt, NGX_ER_DOUBT_MISSING, "404");

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_er_doubt_conf_both(cf, doubt);
}


static char *
ngx_er_doubt_conf_default(ngx_conf_t *cf, ngx_er_doubt_t *doubt,
    ngx_uint_t kind, const char *status)
{
    ngx_str_t       word;
    ngx_er_error_t  err;

    if (doubt->lines == NULL) {
        doubt->lines = ngx_er_verdict_lines_create(cf->pool);
        if (doubt->lines == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    word.data = (u_char *) status;
    word.len = ngx_strlen(status);

    if (ngx_er_verdict_line(cf->pool, doubt->lines, kind, &word, 1, &err)
        == NULL)
    {
        return ngx_er_where_error(cf, &err);
    }

    return NGX_CONF_OK;
}


/* a status cannot mean both */

static char *
ngx_er_doubt_conf_both(ngx_conf_t *cf, ngx_er_doubt_t *doubt)
{
    ngx_uint_t              i, status, seen, kinds;
    ngx_er_verdict_line_t  *line;

    line = doubt->lines->lines.elts;
    kinds = 1 << NGX_ER_DOUBT_FOUND | 1 << NGX_ER_DOUBT_MISSING;

    for (status = 1; status < NGX_ER_VERDICT_STATUSES; status++) {
        seen = 0;

        for (i = 0; i < doubt->lines->lines.nelts; i++) {
            if (ngx_er_verdict_lists(&line[i], status)) {
                seen |= 1 << line[i].kind;
            }
        }

        if (seen == kinds) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "status %ui means both \"found\" and "
                               "\"missing\" in \"in_doubt\" (if nothing is "
                               "written, 2xx is found and 404 missing): take "
                               "it out of one", status);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
