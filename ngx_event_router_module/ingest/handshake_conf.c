
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which handshakes a source answers: its preset's, unless "handshake" says
 * otherwise.  A handshake that signs what anybody asks must not be able to
 * sign an event: what such a source accepts and what is signed of its events
 * is checked here.
 *
 * Called by source_conf.c when a block ends, at configuration time only; what
 * is wrong is logged with the file and line where it stands.
 */


#include "handshake_conf.h"
#include "challenges.h"
#include "verify_check.h"


#if (NGX_ER_METHOD_GET != NGX_HTTP_GET                                        \
     || NGX_ER_METHOD_HEAD != NGX_HTTP_HEAD                                   \
     || NGX_ER_METHOD_POST != NGX_HTTP_POST                                   \
     || NGX_ER_METHOD_OPTIONS != NGX_HTTP_OPTIONS)
#error ingest/handshake.h has other methods than nginx
#endif


static ngx_int_t ngx_er_handshake_conf_asks(ngx_conf_t *cf, ngx_str_t *name,
    ngx_er_where_t *where);
static ngx_int_t ngx_er_handshake_conf_add(ngx_conf_t *cf,
    ngx_er_draft_t *draft, ngx_str_t *name, ngx_er_where_t *where);
static ngx_int_t ngx_er_handshake_conf_oracle(ngx_conf_t *cf,
    ngx_er_source_t *s, ngx_str_t *name, ngx_er_where_t *where);


/* the preset's own, or those that "handshake" names */

ngx_int_t
ngx_er_handshakes_conf(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_source_line_t *line)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_er_source_t  *s;

    s = draft->source;

    if (line == NULL && s->preset) {
        name.data = (u_char *) s->preset->name;
        name.len = ngx_strlen(name.data);

        if (ngx_er_handshake_conf_add(cf, draft, &name, &s->where) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (line
               && !(line->nargs == 2
                    && ngx_strcmp(line->args[1].data, "off") == 0))
    {
        for (i = 1; i < line->nargs; i++) {
            if (ngx_er_handshake_conf_asks(cf, &line->args[i], &line->where)
                != NGX_OK
                || ngx_er_handshake_conf_add(cf, draft, &line->args[i],
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
ngx_er_handshake_conf_asks(ngx_conf_t *cf, ngx_str_t *name,
    ngx_er_where_t *where)
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

    near = ngx_er_preset_nearest(name);

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
ngx_er_handshake_conf_add(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *name, ngx_er_where_t *where)
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

    return ngx_er_handshake_conf_oracle(cf, s, name, where);
}


/*
 * Whoever asks has words signed with the key of the events, and only words
 * that are no JSON: so the source must take nothing else than JSON, and what
 * is signed of its events must be that, or what can be no such word either.
 */

static ngx_int_t
ngx_er_handshake_conf_oracle(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_str_t *name, ngx_er_where_t *where)
{
    ngx_str_t            *type;
    ngx_uint_t            i;
    ngx_er_template_t    *signed_;
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

    signed_ = ngx_er_verify_signed(s->verify);

    if (signed_ && !ngx_er_handshake_apart(signed_)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "anybody may have a word signed by the handshake of "
                         "\"%V\", and of the events of event_source \"%V\" "
                         "more or other is signed than the body: write "
                         "\"signed \\\"{body}\\\";\", or \"handshake "
                         "off;\"", name, &s->name);
        return NGX_ERROR;
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
