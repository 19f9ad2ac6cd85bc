
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a source has beside its verifier: the handshakes that it answers, which
 * are its preset's unless "handshake" says otherwise, and the warnings of what
 * is allowed and yet hardly meant.  Called by source_conf.c when a block ends
 * and by module.c when the whole configuration was read.
 */


#include "source.h"
#include "../conf/nearest.h"


#if (NGX_ER_METHOD_GET != NGX_HTTP_GET                                        \
     || NGX_ER_METHOD_HEAD != NGX_HTTP_HEAD                                   \
     || NGX_ER_METHOD_POST != NGX_HTTP_POST                                   \
     || NGX_ER_METHOD_OPTIONS != NGX_HTTP_OPTIONS)
#error ingest/handshake.h has other methods than nginx
#endif


typedef struct {
    ngx_conf_t            *cf;
    ngx_er_draft_t        *draft;
} ngx_er_doubts_t;


static ngx_int_t ngx_er_source_asks(ngx_conf_t *cf, ngx_str_t *name,
    ngx_er_where_t *where);
static ngx_int_t ngx_er_source_handshake(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_str_t *name, ngx_er_where_t *where);
static ngx_int_t ngx_er_source_oracle(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_str_t *name, ngx_er_where_t *where);
static ngx_uint_t ngx_er_source_json(ngx_er_source_t *s);
static void ngx_er_source_doubt(ngx_er_warn_t *warn, const char *name,
    ngx_uint_t n, ngx_er_error_t *err);
static ngx_int_t ngx_er_sources_queue(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static void ngx_er_source_warn(ngx_conf_t *cf, ngx_er_source_t *s);
static void ngx_er_source_warn_once(ngx_conf_t *cf, ngx_er_source_t *s);


/* the preset's own, or those that "handshake" names */

ngx_int_t
ngx_er_source_handshakes(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_str_t              name;
    ngx_uint_t             i;
    ngx_er_source_t       *s;
    ngx_er_source_line_t  *line;

    static ngx_str_t  handshake = ngx_string("handshake");

    s = draft->source;
    line = ngx_er_source_find_line(draft, &handshake);

    if (line == NULL && s->preset) {
        name.data = (u_char *) s->preset->name;
        name.len = ngx_strlen(name.data);

        if (ngx_er_source_handshake(cf, draft, &name, &s->where) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (line
               && !(line->nargs == 2
                    && ngx_strcmp(line->args[1].data, "off") == 0))
    {
        for (i = 1; i < line->nargs; i++) {
            if (ngx_er_source_asks(cf, &line->args[i], &line->where) != NGX_OK
                || ngx_er_source_handshake(cf, draft, &line->args[i],
                                           &line->where)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    s->methods |= ngx_er_handshake_methods(&s->handshakes);

    return NGX_OK;
}


/* NGX_OK: the preset has a handshake */

static ngx_int_t
ngx_er_source_asks(ngx_conf_t *cf, ngx_str_t *name, ngx_er_where_t *where)
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

    near = ngx_er_nearest(name, ngx_er_presets, sizeof(ngx_er_preset_t));

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "unknown handshake \"%V\": did you mean \"%s\"?",
                         name, near);

    } else {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "unknown handshake \"%V\": write the name of a "
                         "preset that has one, or \"off\"", name);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_source_handshake(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *name,
    ngx_er_where_t *where)
{
    ngx_er_error_t    err;
    ngx_er_source_t  *s;

    s = draft->source;

    if (ngx_er_handshakes_add(cf->pool, &s->handshakes, name,
                              draft->mcf->fields, s->verify, &err)
        != NGX_OK)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "event_source \"%V\" cannot answer the handshake of "
                         "\"%V\": %*s", &s->name, name, err.len, err.text);
        return NGX_ERROR;
    }

    return ngx_er_source_oracle(cf, s, name, where);
}


/*
 * Whoever asks has words signed with the key of the events (echo.c), and only
 * words that are no JSON: so the source must take nothing else than JSON.
 */

static ngx_int_t
ngx_er_source_oracle(ngx_conf_t *cf, ngx_er_source_t *s, ngx_str_t *name,
    ngx_er_where_t *where)
{
    ngx_str_t            *type;
    ngx_uint_t            i;
    ngx_er_handshake_t  **h;

    h = s->handshakes.elts;

    for (i = 0; i < s->handshakes.nelts; i++) {
        if (ngx_er_handshake_oracle(h[i])) {
            break;
        }
    }

    if (i == s->handshakes.nelts) {
        return NGX_OK;
    }

    type = s->accept.elts;

    for (i = 0; i < s->accept.nelts; i++) {
        if (type[i].len >= 4
            && ngx_strncasecmp(type[i].data + type[i].len - 4,
                               (u_char *) "json", 4)
               == 0)
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "event_source \"%V\" must accept JSON only, since "
                         "anybody may have a word signed by the handshake of "
                         "\"%V\": take \"%V\" out of \"accept\", or write "
                         "\"handshake off;\"", &s->name, name, &type[i]);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what the verifier allows and warns of, at the line that it is about */

void
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
    ngx_er_source_line_t  *line;

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

        if (!s[i]->queued) {
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

    if (s->preset->once && !s->queued) {
        ngx_er_source_warn_once(cf, s);
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
    if (!s->sync) {
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
