
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which handshakes a source answers: those of its own, blocks "handshake NAME
 * { ... }", and its preset's, unless "handshake" says otherwise.  The lines of
 * a block are kept until the source's block ends, since what is signed and
 * which constants there are can stand behind it.
 *
 * A handshake that signs what anybody asks must not be able to sign an event:
 * what such a source accepts and what is signed of its events is checked here.
 *
 * Called by source.c for a block and by source_conf.c when the source's block
 * ends, at configuration time only; what is wrong is logged with the file and
 * line where it stands.
 */


#include "handshake_conf.h"
#include "challenges.h"
#include "handshake_rule.h"
#include "verify_check.h"
#include "../conf/nearest.h"


#if (NGX_ER_METHOD_GET != NGX_HTTP_GET                                        \
     || NGX_ER_METHOD_HEAD != NGX_HTTP_HEAD                                   \
     || NGX_ER_METHOD_POST != NGX_HTTP_POST                                   \
     || NGX_ER_METHOD_OPTIONS != NGX_HTTP_OPTIONS)
#error ingest/handshake.h has other methods than nginx
#endif


/* a block, while the block around it is read */

typedef struct {
    ngx_str_t              name;
    ngx_er_where_t         where;
    ngx_array_t            lines;      /* of ngx_er_block_words_t */
} ngx_er_handshake_own_t;


static ngx_er_handshake_own_t *ngx_er_handshake_conf_own(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_str_t *name);
static char *ngx_er_handshake_conf_line(ngx_conf_t *cf,
    ngx_er_block_row_t *row, void *conf);
static ngx_int_t ngx_er_handshake_conf_blocks(ngx_conf_t *cf,
    ngx_er_draft_t *draft);
static ngx_int_t ngx_er_handshake_conf_block(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_er_handshake_own_t *own);
static ngx_int_t ngx_er_handshake_conf_names(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_er_block_words_t *line);
static ngx_int_t ngx_er_handshake_conf_asks(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_str_t *name, ngx_er_where_t *where);
static ngx_er_handshake_own_t *ngx_er_handshake_conf_find(
    ngx_er_draft_t *draft, ngx_str_t *name);
static ngx_int_t ngx_er_handshake_conf_add(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_str_t *name, ngx_er_where_t *where);
static ngx_int_t ngx_er_handshake_conf_oracle(ngx_conf_t *cf,
    ngx_er_source_t *s, ngx_er_handshake_t *h, ngx_str_t *name,
    ngx_er_where_t *where, const char *instead);
static ngx_str_t *ngx_er_handshake_conf_type(ngx_er_source_t *s);


static ngx_er_block_row_t  ngx_er_handshake_rows[] = {

    { "method", 1, 4, 0,
      "GET | HEAD | POST | OPTIONS ...", ngx_er_handshake_conf_line, 0 },
    { "match", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "PLACE [VALUE...]", ngx_er_handshake_conf_line, 0 },
    { "require", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "PLACE [VALUE...]", ngx_er_handshake_conf_line, 0 },
    { "deny", 1, 1, 0,
      "STATUS", ngx_er_handshake_conf_line, 0 },
    { "signed", 1, 1, 0,
      "on | off", ngx_er_handshake_conf_line, 0 },
    { "answer", 1, 3, 0,
      "STATUS [empty | TYPE BODY]", ngx_er_handshake_conf_line, 0 },
    { "header", 2, 2, NGX_ER_BLOCK_REPEAT,
      "NAME TEXT", ngx_er_handshake_conf_line, 0 },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


char *
ngx_er_handshake_block(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_str_t               *value;
    ngx_er_block_t           block;
    ngx_er_handshake_own_t  *own;

    value = cf->args->elts;

    own = ngx_er_handshake_conf_own(cf, draft, &value[1]);
    if (own == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_er_block_init(&block, "handshake", &own->name, ngx_er_handshake_rows,
                      own);

    return ngx_er_block_parse(cf, &block);
}


/* NULL: after logging */

static ngx_er_handshake_own_t *
ngx_er_handshake_conf_own(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *name)
{
    ngx_er_handshake_own_t  **slot, *own;

    if (ngx_er_name_check(cf, "handshake", name) != NGX_OK) {
        return NULL;
    }

    if (ngx_er_preset_find(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is a preset: give the handshake another "
                           "name, or write \"handshake %V;\" if you want the "
                           "preset's", name, name);
        return NULL;
    }

    if (ngx_er_handshake_conf_find(draft, name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate handshake \"%V\": give it another name",
                           name);
        return NULL;
    }

    own = ngx_pcalloc(cf->temp_pool, sizeof(ngx_er_handshake_own_t));
    slot = ngx_array_push(&draft->handshakes);

    if (own == NULL || slot == NULL
        || ngx_array_init(&own->lines, cf->temp_pool, 4,
                          sizeof(ngx_er_block_words_t))
           != NGX_OK)
    {
        return NULL;
    }

    *slot = own;
    own->name = *name;
    ngx_er_where_set(cf, &own->where);

    return own;
}


static ngx_er_handshake_own_t *
ngx_er_handshake_conf_find(ngx_er_draft_t *draft, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_er_handshake_own_t  **own;

    own = draft->handshakes.elts;

    for (i = 0; i < draft->handshakes.nelts; i++) {
        if (ngx_strcmp(own[i]->name.data, name->data) == 0) {
            return own[i];
        }
    }

    return NULL;
}


static char *
ngx_er_handshake_conf_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_handshake_own_t *own = conf;

    return ngx_er_block_keep(cf, row, &own->lines);
}


/* the first that a request asks for is answered: one's own come first */

ngx_int_t
ngx_er_handshakes_conf(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_block_words_t *line)
{
    ngx_er_source_t  *s;

    s = draft->source;

    if (ngx_er_handshake_conf_blocks(cf, draft) != NGX_OK
        || ngx_er_handshake_conf_names(cf, draft, line) != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->methods |= ngx_er_handshake_methods(&s->handshakes);

    return NGX_OK;
}


static ngx_int_t
ngx_er_handshake_conf_blocks(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_uint_t                i;
    ngx_er_source_t          *s;
    ngx_er_handshake_t      **slot;
    ngx_er_handshake_own_t  **own;

    s = draft->source;
    own = draft->handshakes.elts;

    for (i = 0; i < draft->handshakes.nelts; i++) {

        if (ngx_er_handshake_conf_block(cf, draft, own[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        slot = s->handshakes.elts;
        slot += s->handshakes.nelts - 1;

        if (ngx_er_handshake_conf_oracle(cf, s, *slot, &own[i]->name,
                                         &own[i]->where, "signed on")
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_handshake_conf_block(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_handshake_own_t *own)
{
    ngx_uint_t              i;
    ngx_er_rule_t           rule;
    ngx_er_error_t          err;
    ngx_er_where_t         *where;
    ngx_er_handshake_t    **slot;
    ngx_er_block_words_t   *line;

    ngx_memzero(&rule, sizeof(ngx_er_rule_t));

    rule.pool = cf->pool;
    rule.fields = draft->mcf->fields;
    rule.verify = draft->source->verify;
    rule.err = &err;

    where = &own->where;
    line = own->lines.elts;

    if (ngx_er_rule_begin(&rule) != NGX_OK) {
        goto failed;
    }

    for (i = 0; i < own->lines.nelts; i++) {

        if (ngx_er_rule_line(&rule, line[i].args, line[i].nargs) != NGX_OK) {
            where = &line[i].where;
            goto failed;
        }
    }

    if (ngx_er_rule_end(&rule) != NGX_OK) {
        goto failed;
    }

    slot = ngx_array_push(&draft->source->handshakes);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = rule.handshake;

    return NGX_OK;

failed:

    ngx_er_where_log(cf, NGX_LOG_EMERG, where, "handshake \"%V\": %*s",
                     &own->name, err.len, err.text);

    return NGX_ERROR;
}


/* the preset's own, or those that "handshake" names */

static ngx_int_t
ngx_er_handshake_conf_names(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_block_words_t *line)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_er_source_t  *s;

    s = draft->source;

    if (line == NULL) {

        if (s->preset == NULL) {
            return NGX_OK;
        }

        name.data = (u_char *) s->preset->name;
        name.len = ngx_strlen(name.data);

        return ngx_er_handshake_conf_add(cf, draft, &name, &s->where);
    }

    if (line->nargs == 2 && ngx_strcmp(line->args[1].data, "off") == 0) {
        return NGX_OK;
    }

    for (i = 1; i < line->nargs; i++) {

        if (ngx_er_handshake_conf_asks(cf, draft, &line->args[i], &line->where)
            != NGX_OK
            || ngx_er_handshake_conf_add(cf, draft, &line->args[i],
                                         &line->where)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NGX_OK: the preset has a handshake */

static ngx_int_t
ngx_er_handshake_conf_asks(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *name, ngx_er_where_t *where)
{
    const char                 *near;
    ngx_er_preset_handshake_t  *row;

    for (row = ngx_er_preset_handshakes; row->preset; row++) {
        if (ngx_strcmp(row->preset, name->data) == 0) {
            return NGX_OK;
        }
    }

    if (ngx_er_preset_find(name)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "the producer \"%V\" has no handshake: leave the "
                         "line out", name);
        return NGX_ERROR;
    }

    if (ngx_er_handshake_conf_find(draft, name)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "handshake \"%V\" is a block and answered as it is: "
                         "take it out of this line", name);
        return NGX_ERROR;
    }

    near = ngx_er_nearest(name, ngx_er_preset_handshakes,
                          sizeof(ngx_er_preset_handshake_t));

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "unknown handshake \"%V\": did you mean \"%s\"? "
                         "One of your own is a block, \"handshake %V { ... "
                         "}\"", name, near, name);

    } else {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "unknown handshake \"%V\": write the name of a "
                         "preset that has one, or \"off\"; one of your own "
                         "is a block, \"handshake %V { ... }\"", name, name);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_handshake_conf_add(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *name, ngx_er_where_t *where)
{
    ngx_uint_t            i;
    ngx_er_error_t        err;
    ngx_er_source_t      *s;
    ngx_er_handshake_t  **h;

    s = draft->source;
    i = s->handshakes.nelts;

    if (ngx_er_rules_add(cf->pool, &s->handshakes, name, draft->mcf->fields,
                         s->verify, &err)
        != NGX_OK)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "event_source \"%V\" cannot answer the handshake of "
                         "\"%V\": %*s", &s->name, name, err.len, err.text);
        return NGX_ERROR;
    }

    h = s->handshakes.elts;

    for ( /* void */ ; i < s->handshakes.nelts; i++) {
        if (ngx_er_handshake_conf_oracle(cf, s, h[i], name, where,
                                         "handshake off")
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Whoever asks has words signed with the key of the events, and only words
 * that are no JSON: so the source must take nothing else than JSON, and what
 * is signed of its events must be that, or what can be no such word either.  A
 * JWT is such a word.
 */

static ngx_int_t
ngx_er_handshake_conf_oracle(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_er_handshake_t *h, ngx_str_t *name, ngx_er_where_t *where,
    const char *instead)
{
    ngx_str_t          *type;
    ngx_uint_t          forms;
    ngx_er_template_t  *signed_;

    if (!ngx_er_handshake_oracle(h)) {
        return NGX_OK;
    }

    forms = 0;
    signed_ = ngx_er_verify_signed(s->verify);

    if (signed_ && !ngx_er_handshake_apart(h, signed_, &forms)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "anybody may have a word signed by the handshake of "
                         "\"%V\", and of the events of event_source \"%V\" "
                         "more or other is signed than the body: write "
                         "\"signed \\\"{body}\\\";\", or \"%s;\"",
                         name, &s->name, instead);
        return NGX_ERROR;
    }

    if (ngx_er_verify_is_jwt(s->verify)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "anybody may have a word signed by the handshake of "
                         "\"%V\", and the events of event_source \"%V\" are "
                         "verified by a JWT, which is such a word: write "
                         "\"%s;\"", name, &s->name, instead);
        return NGX_ERROR;
    }

    type = forms ? NULL : ngx_er_handshake_conf_type(s);

    if (type) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "event_source \"%V\" must accept JSON only, since "
                         "anybody may have a word signed by the handshake of "
                         "\"%V\": take \"%V\" out of \"accept\", or write "
                         "\"%s;\"", &s->name, name, type, instead);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The first of "accept" that is not JSON, or NULL.  Whoever takes CloudEvents
 * takes any body: that of a binary one has any type.
 */

static ngx_str_t *
ngx_er_handshake_conf_type(ngx_er_source_t *s)
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
            return &type[i];
        }

        if (s->cloudevents
            && type[i].len >= sizeof("application/cloudevents") - 1
            && ngx_strncasecmp(type[i].data,
                               (u_char *) "application/cloudevents",
                               sizeof("application/cloudevents") - 1)
               == 0)
        {
            return &type[i];
        }
    }

    return NULL;
}
