
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Completes a source when its block ends.  A preset's parameters come first
 * and what the block says itself replaces them, a directive at a time and in
 * directives with parameters of their own ("jwt audience=") a parameter at a
 * time, wherever it stands.  Called by source.c, at configuration time only;
 * what is wrong is logged with the file and line where it stands.
 */


#include "source.h"
#include "../conf/nearest.h"


typedef struct {
    ngx_str_t              name;
    size_t                 offset;     /* in ngx_er_preset_t */
    ngx_uint_t             whole;      /* a template: one word */
    ngx_uint_t             merge;      /* the block's line says what differs */
} ngx_er_source_param_t;


typedef struct {
    ngx_str_t              name;
    size_t                 preset;     /* offset in ngx_er_preset_t */
    size_t                 source;     /* offset in ngx_er_source_t */
} ngx_er_source_attribute_t;


static void ngx_er_source_unset(ngx_er_source_t *s);
static ngx_int_t ngx_er_source_preset(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_defaults(ngx_conf_t *cf,
    ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_default(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_param_t *param, const char *text);
static ngx_int_t ngx_er_source_params(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_attributes(ngx_conf_t *cf,
    ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_templates(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_er_source_attribute_t *a,
    ngx_er_source_line_t *line);
static ngx_int_t ngx_er_source_check(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_attribute_t *a, ngx_er_template_t *template,
    ngx_er_source_line_t *line);
static ngx_int_t ngx_er_source_types(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_covered(ngx_conf_t *cf,
    ngx_er_draft_t *draft);
static ngx_uint_t ngx_er_source_type_is(ngx_str_t *type, const char *word);


static ngx_er_source_param_t  ngx_er_source_param_list[] = {

    { ngx_string("verify"), offsetof(ngx_er_preset_t, verify), 0, 0 },
    { ngx_string("key"), offsetof(ngx_er_preset_t, key), 0, 0 },
    { ngx_string("signed"), offsetof(ngx_er_preset_t, signed_), 1, 0 },
    { ngx_string("signature"), offsetof(ngx_er_preset_t, signature), 0, 1 },
    { ngx_string("timestamp"), offsetof(ngx_er_preset_t, timestamp), 0, 1 },
    { ngx_string("body_digest"), offsetof(ngx_er_preset_t, body_digest),
      0, 0 },
    { ngx_string("jwt"), offsetof(ngx_er_preset_t, jwt), 0, 1 },
    { ngx_string("ports"), offsetof(ngx_er_preset_t, ports), 0, 0 },

    { ngx_null_string, 0, 0, 0 }
};


static ngx_er_source_attribute_t  ngx_er_source_attribute_list[] = {

    { ngx_string("id"), offsetof(ngx_er_preset_t, id),
      offsetof(ngx_er_source_t, id) },
    { ngx_string("type"), offsetof(ngx_er_preset_t, type),
      offsetof(ngx_er_source_t, type) },
    { ngx_string("subject"), offsetof(ngx_er_preset_t, subject),
      offsetof(ngx_er_source_t, subject) },
    { ngx_string("time"), offsetof(ngx_er_preset_t, time),
      offsetof(ngx_er_source_t, time) },

    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_er_source_complete(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_error_t    err;
    ngx_er_source_t  *s;

    s = draft->source;

    s->verify = ngx_er_verify_create(cf->pool, draft->mcf->fields);
    if (s->verify == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_source_preset(cf, draft) != NGX_OK
        || ngx_er_source_params(cf, draft) != NGX_OK
        || ngx_er_source_arrays(cf, draft) != NGX_OK
        || ngx_er_source_attributes(cf, draft) != NGX_OK
        || ngx_er_source_items(cf, draft) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_verify_init(s->verify, &err) != NGX_OK) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &s->where,
                         "event_source \"%V\" cannot verify events: %*s",
                         &s->name, err.len, err.text);
        return NGX_ERROR;
    }

    if (ngx_er_source_types(cf, draft) != NGX_OK
        || ngx_er_source_covered(cf, draft) != NGX_OK
        || ngx_er_source_handshakes(cf, draft) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_source_doubts(cf, draft);

    if (s->retain && !s->queued) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &s->where,
                         "event_source \"%V\" has \"retain\", which keeps "
                         "events of the queue: add \"delivery queued;\" or "
                         "take it away", &s->name);
        return NGX_ERROR;
    }

    ngx_er_source_unset(s);

    return NGX_OK;
}


/* what neither the block nor source.c's defaults said */

static void
ngx_er_source_unset(ngx_er_source_t *s)
{
    if (s->deadline == 0) {
        s->deadline = (s->preset && s->preset->deadline) ? s->preset->deadline
                                                         : NGX_ER_DEADLINE;
    }

    if (s->window == 0) {
        s->window = (s->preset && s->preset->window) ? s->preset->window
                                                     : NGX_ER_WINDOW;
    }

    if (s->max_size == 0) {
        s->max_size = (s->preset && s->preset->max_size) ? s->preset->max_size
                                                         : NGX_ER_MAX_SIZE;
    }

    if (s->limits.nodes == 0) {
        s->limits.nodes = ngx_er_scan_nodes(s->max_size);
    }

    /* what is asked of an element is asked of all of them in the body, too */

    if (s->split) {
        s->limits.found = ngx_max(s->limits.found, s->limits.nodes);
    }
}


ngx_er_source_line_t *
ngx_er_source_find_line(ngx_er_draft_t *draft, ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_er_source_line_t  *line;

    line = draft->lines.elts;

    for (i = 0; i < draft->lines.nelts; i++) {
        if (line[i].args[0].len == name->len
            && ngx_memcmp(line[i].args[0].data, name->data, name->len) == 0)
        {
            return &line[i];
        }
    }

    return NULL;
}


/* "verify" names a preset or an algorithm; a preset's parameters are set */

static ngx_int_t
ngx_er_source_preset(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    const char            *near;
    ngx_er_error_t         err;
    ngx_er_source_t       *s;
    ngx_er_source_line_t  *line;

    s = draft->source;

    line = ngx_er_source_find_line(draft, &ngx_er_source_param_list[0].name);
    if (line == NULL) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &s->where,
                         "event_source \"%V\" does not say how to verify "
                         "events: add \"verify PRESET;\" or, if anybody may "
                         "send, \"verify off;\"", &s->name);
        return NGX_ERROR;
    }

    s->preset = ngx_er_preset_find(&line->args[1]);

    if (s->preset && line->nargs > 2) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                         "invalid parameter \"%V\": a preset takes none, "
                         "write \"verify %V;\" and what differs from it in "
                         "lines of its own", &line->args[2], &line->args[1]);
        return NGX_ERROR;
    }

    if (s->preset) {
        return ngx_er_source_defaults(cf, draft);
    }

    if (ngx_er_verify_set(s->verify, line->args, line->nargs, NULL, &err)
        == NGX_OK)
    {
        return NGX_OK;
    }

    near = ngx_er_nearest(&line->args[1], ngx_er_presets,
                          sizeof(ngx_er_preset_t));

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                         "unknown preset \"%V\": did you mean \"%s\"?",
                         &line->args[1], near);

    } else {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                         "\"%V\" is no preset and: %*s",
                         &line->args[1], err.len, err.text);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_source_defaults(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_uint_t              i;
    const char             *text;
    ngx_er_source_param_t  *param;

    for (i = 0; ngx_er_source_param_list[i].name.len; i++) {
        param = &ngx_er_source_param_list[i];

        text = *(const char **) ((char *) draft->source->preset
                                 + param->offset);

        if (text == NULL
            || (i > 0 && !param->merge
                && ngx_er_source_find_line(draft, &param->name)))
        {
            continue;
        }

        if (ngx_er_source_default(cf, draft, param, text) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_source_default(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_param_t *param, const char *text)
{
    ngx_str_t       *word;
    ngx_array_t      words;
    ngx_er_error_t   err;

    if (ngx_array_init(&words, cf->temp_pool, 8, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    word = ngx_array_push(&words);
    if (word == NULL) {
        return NGX_ERROR;
    }

    *word = param->name;

    if (param->whole) {
        word = ngx_array_push(&words);
        if (word == NULL) {
            return NGX_ERROR;
        }

        word->data = (u_char *) text;
        word->len = ngx_strlen(text);

    } else if (ngx_er_preset_words(text, &words) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_verify_set(draft->source->verify, words.elts, words.nelts, NULL,
                          &err)
        != NGX_OK)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &draft->source->where,
                         "preset \"%s\": %*s", draft->source->preset->name,
                         err.len, err.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the block's own parameters; "verify" was first */

static ngx_int_t
ngx_er_source_params(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_uint_t             i, inline_secret;
    ngx_er_error_t         err;
    ngx_er_source_line_t  *line;

    line = draft->lines.elts;

    for (i = 0; i < draft->lines.nelts; i++) {

        if (!(line[i].flags & NGX_ER_LINE_PARAM)) {
            continue;
        }

        inline_secret = 0;

        if (ngx_er_verify_set(draft->source->verify, line[i].args,
                              line[i].nargs, &inline_secret, &err)
            != NGX_OK)
        {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &line[i].where, "%*s",
                             err.len, err.text);
            return NGX_ERROR;
        }

        if (inline_secret) {

            /* its copy is in the vault */

            ngx_explicit_memzero(line[i].args[1].data, line[i].args[1].len);

            ngx_er_where_log(cf, NGX_LOG_WARN, &line[i].where,
                             "the secret of event_source \"%V\" stands in the "
                             "configuration, where \"nginx -T\" shows it: "
                             "write \"secret file:PATH;\" or \"secret "
                             "env:NAME;\"", &draft->source->name);
        }
    }

    return NGX_OK;
}


/* where id, type, subject and time are */

static ngx_int_t
ngx_er_source_attributes(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_uint_t                  i, n;
    ngx_str_t                   words[NGX_ER_PRESET_ALTERNATIVES + 1];
    const char                **text;
    ngx_er_source_line_t       *line, preset;
    ngx_er_source_attribute_t  *a;

    for (i = 0; ngx_er_source_attribute_list[i].name.len; i++) {
        a = &ngx_er_source_attribute_list[i];

        line = ngx_er_source_find_line(draft, &a->name);

        if (line == NULL && draft->source->preset == NULL) {
            continue;
        }

        if (line == NULL) {
            text = (const char **) ((char *) draft->source->preset
                                    + a->preset);
            words[0] = a->name;

            for (n = 0; n < NGX_ER_PRESET_ALTERNATIVES && text[n]; n++) {
                words[n + 1].data = (u_char *) text[n];
                words[n + 1].len = ngx_strlen(text[n]);
            }

            preset.args = words;
            preset.nargs = n + 1;
            preset.flags = 0;
            preset.where = draft->source->where;

            line = &preset;
        }

        if (line->nargs > 1
            && ngx_er_source_templates(cf, draft, a, line) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_source_templates(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_attribute_t *a, ngx_er_source_line_t *line)
{
    ngx_uint_t            i;
    ngx_array_t          *templates;
    ngx_er_error_t        err;
    ngx_er_template_t   **t;

    templates = (ngx_array_t *) ((char *) draft->source + a->source);

    for (i = 1; i < line->nargs; i++) {

        t = ngx_array_push(templates);
        if (t == NULL) {
            return NGX_ERROR;
        }

        if (ngx_er_template_compile(cf->pool, &line->args[i],
                                    draft->mcf->fields, t, &err)
            != NGX_OK)
        {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where, "\"%V\": %*s",
                             &a->name, err.len, err.text);
            return NGX_ERROR;
        }

        if (ngx_er_source_check(cf, draft, a, *t, line) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* {id} in "signed" */

    if (a == ngx_er_source_attribute_list
        && ngx_er_verify_set(draft->source->verify, line->args, line->nargs,
                             NULL, &err)
           != NGX_OK)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where, "%*s",
                         err.len, err.text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* attributes go to logs and targets, a secret must not */

static ngx_int_t
ngx_er_source_check(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_attribute_t *a, ngx_er_template_t *template,
    ngx_er_source_line_t *line)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(template, i)) != NULL; i++) {

        if (ref->kind == NGX_ER_REF_SECRET) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                             "{secret} cannot be a part of \"%V\": it would "
                             "be sent to targets and written to logs",
                             &a->name);
            return NGX_ERROR;
        }

        if (ref->kind == NGX_ER_REF_ITEM && draft->source->batch == NULL) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                             "{item:%V} in \"%V\" is a part of one of several "
                             "events in a body, but their array is not known: "
                             "add \"split FIELD;\", as in \"split "
                             "data.events;\", or write {json:%V}",
                             &ref->name, &a->name, &ref->name);
            return NGX_ERROR;
        }

        if (ref->kind == NGX_ER_REF_ID && a == ngx_er_source_attribute_list) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where,
                             "{id} cannot be a part of \"id\": say where it "
                             "is, for example \"{header:X-Request-Id}\"");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what may be received, unless "accept" said it */

static ngx_int_t
ngx_er_source_types(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_str_t             *type;
    ngx_uint_t             i;
    const char            *text;
    ngx_er_source_t       *s;
    ngx_er_source_line_t  *line;

    s = draft->source;

    if (s->accept.nelts == 0) {

        text = NGX_ER_ACCEPT_JSON;

        if (s->preset) {
            text = s->preset->accept ? s->preset->accept : NGX_ER_ACCEPT_JSON;

        } else {
            line = ngx_er_source_find_line(draft,
                                           &ngx_er_source_param_list[0].name);

            if (ngx_er_verify_is_off(s->verify)
                || ngx_strcmp(line->args[1].data, "token") == 0)
            {
                text = NGX_ER_ACCEPT_EVENTS;
            }
        }

        if (ngx_er_preset_words(text, &s->accept) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    type = s->accept.elts;

    for (i = 0; i < s->accept.nelts; i++) {

        if (ngx_er_source_type_is(&type[i],
                                  "application/x-www-form-urlencoded")
            || ngx_er_source_type_is(&type[i], "*/*"))
        {
            s->form = 1;
        }

        if (ngx_er_source_type_is(&type[i], "application/cloudevents+json")
            || ngx_er_source_type_is(&type[i],
                                     "application/cloudevents-batch+json"))
        {
            s->cloudevents = 1;
        }
    }

    return NGX_OK;
}


/*
 * 1: whatever the id of an event is, nobody could have forged it, and no other
 * event has it.  An event without templates, or a binary CloudEvent, has it
 * from the header ce-id.
 */

static ngx_int_t
ngx_er_source_covered(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_uint_t            i;
    ngx_er_error_t        err;
    ngx_er_source_t      *s;
    ngx_er_template_t   **t, *header;

    static ngx_str_t  ce_id = ngx_string("{header:ce-id}");

    s = draft->source;
    s->id_covered = 1;

    if (s->preset && s->preset->coarse
        && ngx_er_source_find_line(draft,
                                   &ngx_er_source_attribute_list[0].name)
           == NULL)
    {
        s->coarse = 1;
        s->id_covered = 0;
    }

    if (s->cloudevents || s->id.nelts == 0) {

        if (ngx_er_template_compile(cf->temp_pool, &ce_id, draft->mcf->fields,
                                    &header, &err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (!ngx_er_verify_covers(s->verify, header)) {
            s->id_covered = 0;
        }
    }

    t = s->id.elts;

    for (i = 0; i < s->id.nelts; i++) {
        if (!ngx_er_verify_covers(s->verify, t[i])) {
            s->id_covered = 0;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_source_type_is(ngx_str_t *type, const char *word)
{
    return type->len == ngx_strlen(word)
           && ngx_memcmp(type->data, word, type->len) == 0;
}
