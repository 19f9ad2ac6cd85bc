
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Completes a source when its block ends.  A preset's parameters come first
 * and what the block says itself replaces them, a directive at a time and in
 * directives with parameters of their own ("jwt audience=") a parameter at a
 * time, wherever it stands.
 *
 * Several events in one body: "split", or the arrays of its preset, which
 * count even if they are not split: then type and subject have several values,
 * and the first one's id alone tells no body apart.  A source that names no
 * array has those of which its templates take the first element.
 *
 * Handshakes are completed by handshake_conf.c.  And there are warnings of
 * what is allowed and yet hardly meant.
 *
 * Called by source.c when a block ends and by module.c when the whole
 * configuration was read, at configuration time only; what is wrong is logged
 * with the file and line where it stands.
 */


#include "source_conf.h"
#include "handshake_conf.h"
#include "ndjson.h"
#include "payload_conf.h"
#include "rate.h"
#include "unbraced.h"
#include "verify_check.h"
#include "verify_conf.h"


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


typedef struct {
    ngx_conf_t            *cf;
    ngx_er_draft_t        *draft;
} ngx_er_doubts_t;


static void ngx_er_source_unset(ngx_er_source_t *s);
static ngx_er_block_words_t *ngx_er_source_find_line(ngx_er_draft_t *draft,
    ngx_str_t *name);
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
    ngx_er_block_words_t *line);
static ngx_int_t ngx_er_source_check(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_attribute_t *a, ngx_er_template_t *template,
    ngx_er_block_words_t *line);
static ngx_int_t ngx_er_source_types(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_covered(ngx_conf_t *cf,
    ngx_er_draft_t *draft);
static ngx_uint_t ngx_er_source_type_is(ngx_str_t *type, const char *word);
static ngx_int_t ngx_er_source_arrays(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_fields(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_array_t *words, ngx_er_error_t *err);
static ngx_int_t ngx_er_source_array_words(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_er_block_words_t *line, ngx_array_t *words);
static ngx_int_t ngx_er_source_items(ngx_conf_t *cf, ngx_er_draft_t *draft);
static ngx_int_t ngx_er_source_derive(ngx_conf_t *cf, ngx_er_source_t *s);
static ngx_int_t ngx_er_source_each(ngx_er_source_t *s,
    ngx_int_t (*each)(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref));
static void ngx_er_source_doubts(ngx_conf_t *cf, ngx_er_draft_t *draft);
static void ngx_er_source_doubt(ngx_er_warn_t *warn, const char *name,
    ngx_uint_t n, ngx_er_error_t *err);
static ngx_uint_t ngx_er_source_json(ngx_er_source_t *s);
static ngx_int_t ngx_er_sources_queue(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static void ngx_er_source_warn(ngx_conf_t *cf, ngx_er_source_t *s);
static void ngx_er_source_warn_once(ngx_conf_t *cf, ngx_er_source_t *s);


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
    ngx_er_error_t         err;
    ngx_er_source_t       *s;
    ngx_er_block_words_t  *payload;

    static ngx_str_t  handshake = ngx_string("handshake");
    static ngx_str_t  inner = ngx_string("payload");

    s = draft->source;
    payload = ngx_er_source_find_line(draft, &inner);

    s->verify = ngx_er_verify_create(cf->pool, draft->mcf->fields);
    if (s->verify == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_source_preset(cf, draft) != NGX_OK
        || ngx_er_source_params(cf, draft) != NGX_OK
        || ngx_er_payload_conf(cf, draft, payload) != NGX_OK
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
        || ngx_er_payload_fits(cf, s, payload) != NGX_OK
        || ngx_er_source_covered(cf, draft) != NGX_OK
        || ngx_er_handshakes_conf(cf, draft, ngx_er_source_find_line(draft,
                                                          &handshake))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_source_doubts(cf, draft);

    if (s->retain && s->mode != NGX_ER_MODE_QUEUED) {
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

    if (s->limits.found == 0) {
        s->limits.found = s->limits.nodes;
    }
}


static ngx_er_block_words_t *
ngx_er_source_find_line(ngx_er_draft_t *draft, ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_er_block_words_t  *line;

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
    ngx_int_t              rc;
    const char            *near;
    ngx_er_error_t         err;
    ngx_er_source_t       *s;
    ngx_er_block_words_t  *line;

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

    rc = ngx_er_verify_set(s->verify, line->args, line->nargs, NULL, &err);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &line->where, "%*s", err.len,
                         err.text);
        return NGX_ERROR;
    }

    near = ngx_er_preset_nearest(&line->args[1]);

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
    ngx_er_block_words_t  *line;

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
    ngx_er_block_words_t       *line, preset;
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
    ngx_er_source_attribute_t *a, ngx_er_block_words_t *line)
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

        if (ngx_er_source_check(cf, draft, a, *t, line) != NGX_OK
            || ngx_er_unbraced(cf, &a->name, *t, &line->where) != NGX_OK)
        {
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
    ngx_er_block_words_t *line)
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
    ngx_er_block_words_t  *line;

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
            || ngx_er_source_type_is(&type[i], "multipart/form-data")
            || ngx_er_source_type_is(&type[i], "*/*"))
        {
            s->form = 1;
        }

        if (ngx_er_ndjson_type(&type[i])) {
            s->lines = 1;
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


static ngx_int_t
ngx_er_source_arrays(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_str_t             *word;
    ngx_array_t            words;
    ngx_er_error_t         err;
    ngx_er_where_t        *where;
    ngx_er_source_t       *s;
    ngx_er_block_words_t  *line;

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

    if (s->payload) {
        ngx_er_batch_inner(s->batch);
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

        if (s->rate && s->split) {
            ngx_er_rate_split(cf, s, &word[i]);
        }
    }

    return NGX_OK;
}


/* the fields that "split" names, or those of the preset */

static ngx_int_t
ngx_er_source_array_words(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_block_words_t *line, ngx_array_t *words)
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


static ngx_int_t
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

    if (s->batch && s->payload) {
        ngx_er_batch_inner(s->batch);
    }

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


/* what the verifier allows and warns of, at the line that it is about */

static void
ngx_er_source_doubts(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_warn_t    warn;
    ngx_er_doubts_t  doubts;

    doubts.cf = cf;
    doubts.draft = draft;

    warn.say = ngx_er_source_doubt;
    warn.data = &doubts;
    warn.url = (draft->source->public_url != NULL);
    warn.json = ngx_er_source_json(draft->source);

    ngx_er_verify_warn(draft->source->verify, &warn);
}


/* a preset's line stands where the source begins */

static void
ngx_er_source_doubt(ngx_er_warn_t *warn, const char *name, ngx_uint_t n,
    ngx_er_error_t *err)
{
    ngx_er_doubts_t *doubts = warn->data;

    ngx_uint_t             i;
    ngx_er_where_t        *where;
    ngx_er_block_words_t  *line;

    where = &doubts->draft->source->where;
    line = doubts->draft->lines.elts;

    for (i = 0; i < doubts->draft->lines.nelts; i++) {

        if (ngx_strcmp(line[i].args[0].data, name) == 0 && n-- == 0) {
            where = &line[i].where;
            break;
        }
    }

    ngx_er_where_log(doubts->cf, NGX_LOG_WARN, where, "event_source \"%V\": "
                     "%*s", &doubts->draft->source->name, err->len, err->text);
}


/* 1: a body of this source is JSON, or it is refused */

static ngx_uint_t
ngx_er_source_json(ngx_er_source_t *s)
{
    ngx_str_t   *type;
    ngx_uint_t   i;

    type = s->accept.elts;

    for (i = 0; i < s->accept.nelts; i++) {
        if (type[i].len < 4
            || ngx_strncasecmp(type[i].data + type[i].len - 4,
                               (u_char *) "json", 4)
               != 0)
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_er_sources_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_source_t  **s;

    s = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_source_warn(cf, s[i]);

        if (s[i]->max_size > mcf->bodies.size && !s[i]->unused) {
            ngx_er_where_log(cf, NGX_LOG_WARN, &s[i]->where,
                             "events of source \"%V\" may have %uz bytes, "
                             "\"max_size\", and \"event_body_memory\" is %uz: "
                             "larger ones are answered 503; make it as large "
                             "as the events of all clients at once",
                             &s[i]->name, s[i]->max_size, mcf->bodies.size);
        }
    }

    return ngx_er_sources_queue(cf, mcf);
}


/* what was stored for later must not be gone with the memory of this nginx */

static ngx_int_t
ngx_er_sources_queue(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_source_t  **s;

    if (mcf->queue && mcf->waiting) {
        return NGX_OK;
    }

    s = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (s[i]->mode != NGX_ER_MODE_QUEUED) {
            continue;
        }

        if (mcf->queue) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &s[i]->where,
                             "event_source \"%V\" has \"delivery queued\", "
                             "and \"event_backlog 0\" leaves no place for an "
                             "event that waits for the store: make it larger",
                             &s[i]->name);
            return NGX_ERROR;
        }

        ngx_er_where_log(cf, NGX_LOG_EMERG, &s[i]->where,
                         "event_source \"%V\" has \"delivery queued\", but no "
                         "event_store keeps a queue: add \"event_store "
                         "file:/var/lib/nginx/events size=1g;\"",
                         &s[i]->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what is allowed and yet hardly meant */

static void
ngx_er_source_warn(ngx_conf_t *cf, ngx_er_source_t *s)
{
    if (s->unused) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &s->where,
                         "event_source \"%V\" is not used: no location has "
                         "\"event_receive %V;\"", &s->name, &s->name);
    }

    if (ngx_er_verify_is_off(s->verify)) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &s->where,
                         "event_source \"%V\" verifies nothing: whoever can "
                         "reach its location can send events", &s->name);
    }

    if (s->preset == NULL) {
        return;
    }

    if (s->preset->once && s->mode != NGX_ER_MODE_QUEUED) {
        ngx_er_source_warn_once(cf, s);
    }

    if (s->preset->once && s->rate) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &s->where,
                         "the producer of event_source \"%V\" sends an event "
                         "only once: what is more than its \"rate\" is lost",
                         &s->name);
    }

    if (s->dedup && s->window < s->preset->retries) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &s->where,
                         "the dedup window of event_source \"%V\" is %Ms, its "
                         "producer retries for %Ms: a late retry is delivered "
                         "again", &s->name, s->window / 1000,
                         s->preset->retries / 1000);
    }
}


/*
 * No second chance: each way to lose an event is told once.  Who writes
 * "delivery sync" knows of the first.
 */

static void
ngx_er_source_warn_once(ngx_conf_t *cf, ngx_er_source_t *s)
{
    if (s->mode != NGX_ER_MODE_SYNC) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &s->where,
                         "the producer of event_source \"%V\" sends an event "
                         "only once: with sync delivery an event is lost if a "
                         "target does not take it in time, write \"delivery "
                         "sync;\" if that may be", &s->name);
    }

    if (s->dedup && s->on_error == NGX_ER_ON_ERROR_CLOSED) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &s->where,
                         "the producer of event_source \"%V\" sends an event "
                         "only once: with \"on_error=closed\" it is lost "
                         "while the dedup store is away, write "
                         "\"on_error=local\"", &s->name);
    }
}
