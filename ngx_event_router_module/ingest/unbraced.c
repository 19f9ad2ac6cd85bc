
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates without a variable.  "id data.id;" looks right, since rules name
 * fields so, and yet gives all events one id: all but the first one would be
 * duplicates, and lost.  That is refused.  A type or a subject can be a
 * constant, so there is a warning only for what looks like a field or one of
 * nginx's variables; of a time that is constant there always is.  Nor has a
 * path of a template the "[0]" of rules: there it would be a part of a key.
 *
 * Called by source_conf.c for each template of an attribute.  It owns nothing;
 * without memory the sentence names no better template.
 */


#include "unbraced.h"


typedef struct {
    ngx_str_t              prefix;
    const char            *variable;
    ngx_uint_t             sure;       /* no type or subject begins so */
} ngx_er_unbraced_word_t;


static ngx_uint_t ngx_er_unbraced_constant(ngx_er_template_t *template);
static ngx_er_unbraced_word_t *ngx_er_unbraced_word(ngx_str_t *text);
static void ngx_er_unbraced_meant(ngx_conf_t *cf,
    ngx_er_unbraced_word_t *word, ngx_str_t *text, ngx_str_t *meant);
static void ngx_er_unbraced_index(ngx_conf_t *cf, ngx_str_t *line,
    ngx_er_template_t *template, ngx_er_where_t *where);


static ngx_er_unbraced_word_t  ngx_er_unbraced_words[] = {
    { ngx_string("data."), "data", 1 },
    { ngx_string("header."), "header", 1 },
    { ngx_string("arg."), "query", 1 },
    { ngx_string("json:"), "json", 1 },
    { ngx_string("data:"), "data", 1 },
    { ngx_string("item:"), "item", 1 },
    { ngx_string("header:"), "header", 1 },
    { ngx_string("query:"), "query", 1 },
    { ngx_string("form:"), "form", 1 },
    { ngx_string("jwt:"), "jwt", 1 },
    { ngx_string("const:"), "const", 1 },
    { ngx_string("$http_"), "header", 1 },
    { ngx_string("$arg_"), "query", 1 },
    { ngx_string("$"), NULL, 1 },
    { ngx_string("body."), "json", 0 },
    { ngx_string("json."), "json", 0 },
    { ngx_string("item."), "item", 0 },
    { ngx_string("query."), "query", 0 },
    { ngx_string("form."), "form", 0 },
    { ngx_string("jwt."), "jwt", 0 },
    { ngx_null_string, NULL, 0 }
};


ngx_int_t
ngx_er_unbraced(ngx_conf_t *cf, ngx_str_t *line, ngx_er_template_t *template,
    ngx_er_where_t *where)
{
    ngx_str_t               *text, meant;
    ngx_er_unbraced_word_t  *word;

    if (!ngx_er_unbraced_constant(template)) {
        ngx_er_unbraced_index(cf, line, template, where);
        return NGX_OK;
    }

    text = ngx_er_template_text(template);
    word = ngx_er_unbraced_word(text);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cf->log, 0,
                   "event router unbraced: \"%V\" of \"%V\", known:%d",
                   text, line, word != NULL);

    ngx_er_unbraced_meant(cf, word, text, &meant);

    if (ngx_strcmp(line->data, "id") == 0) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "\"id\" \"%V\" is the same for all events, so all "
                         "but the first one would be duplicates: say where "
                         "the id is, as in \"id %V;\", with quotes around "
                         "%V", text, &meant, &meant);
        return NGX_ERROR;
    }

    if ((word && word->sure) || ngx_strcmp(line->data, "time") == 0) {
        ngx_er_where_log(cf, NGX_LOG_WARN, where,
                         "\"%V\" \"%V\" is this text for all events: did you "
                         "mean \"%V %V;\"? Put quotes around %V", line, text,
                         line, &meant, &meant);
    }

    return NGX_OK;
}


/* what "constant" has and the method tell no events apart */

static ngx_uint_t
ngx_er_unbraced_constant(ngx_er_template_t *template)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(template, i)) != NULL; i++) {

        if (ref->kind != NGX_ER_REF_CONST && ref->kind != NGX_ER_REF_METHOD) {
            return 0;
        }
    }

    return 1;
}


static ngx_er_unbraced_word_t *
ngx_er_unbraced_word(ngx_str_t *text)
{
    u_char                  *p;
    ngx_er_unbraced_word_t  *word;

    for (p = text->data; p < text->data + text->len; p++) {
        if (*p <= ' ' || *p == '{' || *p == '}' || *p == '"') {
            return NULL;
        }
    }

    for (word = ngx_er_unbraced_words; word->prefix.len; word++) {

        if (text->len > word->prefix.len
            && ngx_strncasecmp(text->data, word->prefix.data,
                               word->prefix.len)
               == 0)
        {
            return word;
        }
    }

    return NULL;
}


/* "{json:id}" for "data.id", "{header:x-id}" for "$http_x_id" */

static void
ngx_er_unbraced_meant(ngx_conf_t *cf, ngx_er_unbraced_word_t *word,
    ngx_str_t *text, ngx_str_t *meant)
{
    u_char     *p;
    ngx_str_t   rest;

    ngx_str_set(meant, "{json:PATH}");

    if (word == NULL || word->variable == NULL) {
        return;
    }

    rest.data = text->data + word->prefix.len;
    rest.len = text->len - word->prefix.len;

    p = ngx_pnalloc(cf->temp_pool, rest.len + sizeof("{header:}"));
    if (p == NULL) {
        return;
    }

    meant->data = p;
    meant->len = ngx_sprintf(p, "{%s:%V}", word->variable, &rest) - p;

    if (word->prefix.data[0] != '$' || word->variable[0] != 'h') {
        return;
    }

    for ( /* void */ ; *p != '}'; p++) {
        if (*p == '_') {
            *p = '-';
        }
    }
}


/* a key can be called so, but few are: a warning only */

static void
ngx_er_unbraced_index(ngx_conf_t *cf, ngx_str_t *line,
    ngx_er_template_t *template, ngx_er_where_t *where)
{
    u_char        *p, *last;
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(template, i)) != NULL; i++) {

        if (ref->kind != NGX_ER_REF_JSON && ref->kind != NGX_ER_REF_DATA
            && ref->kind != NGX_ER_REF_ITEM)
        {
            continue;
        }

        last = ref->name.data + ref->name.len;
        p = ngx_strlchr(ref->name.data, last, '[');

        if (p == NULL || p + 1 == last
            || (p[1] != '-' && (p[1] < '0' || p[1] > '9')))
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, where,
                         "\"%V\": \"%V\" is a key with brackets in a "
                         "template: write an element of an array as in "
                         "\"items.0.id\", counted from 0", line, &ref->name);
        return;
    }
}
