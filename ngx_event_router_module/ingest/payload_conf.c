
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Reads "payload" of event_source.  A preset brings one for producers that put
 * their events into something else; the block's own line replaces it, and
 * "off" takes it away.
 *
 * Called by source_conf.c when a block ends, at configuration time only; what
 * is wrong is logged with the file and line where it stands.
 */


#include "payload_conf.h"
#include "verify_check.h"


static ngx_str_t  ngx_er_payload_off = ngx_string("off");


ngx_int_t
ngx_er_payload_conf(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_block_words_t *line)
{
    ngx_str_t         text;
    ngx_er_error_t    err;
    ngx_er_source_t  *s;

    s = draft->source;

    if (line) {
        text = line->args[1];

    } else if (s->preset && s->preset->payload) {
        text.data = (u_char *) s->preset->payload;
        text.len = ngx_strlen(text.data);

    } else {
        return NGX_OK;
    }

    if (text.len == ngx_er_payload_off.len
        && ngx_memcmp(text.data, ngx_er_payload_off.data, text.len) == 0)
    {
        return NGX_OK;
    }

    s->payload = ngx_er_payload_parse(cf->pool, &text, draft->mcf->fields,
                                      &err);
    if (s->payload == NULL) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, line ? &line->where : &s->where,
                         "\"payload\": %*s", err.len, err.text);
        return NGX_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cf->log, 0,
                   "event router payload: source \"%V\", \"%V\"", &s->name,
                   &s->payload->text);

    return NGX_OK;
}


ngx_int_t
ngx_er_payload_fits(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_er_block_words_t *line)
{
    ngx_er_where_t  *where;

    if (s->payload == NULL) {
        return NGX_OK;
    }

    where = line ? &line->where : &s->where;

    /* a signature would be one of elements of the body, and events others */

    if (ngx_er_verify_by_elements(s->verify)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "event_source \"%V\" has \"payload %V\", and its "
                         "producer signs each of several events in the body: "
                         "the events in the document inside it would be "
                         "signed by nobody; take \"payload\" away", &s->name,
                         &s->payload->text);
        return NGX_ERROR;
    }

    if (s->payload->kind != NGX_ER_PAYLOAD_FORM
        && s->payload->name.len > 5
        && ngx_strncmp(s->payload->name.data, "data.", 5) == 0)
    {
        ngx_er_where_log(cf, NGX_LOG_WARN, where,
                         "\"payload %V\" of event_source \"%V\" looks for a "
                         "key \"data\" in the body: a path begins there, and "
                         "not at the data of rules", &s->payload->text,
                         &s->name);
    }

    /* a preset's is for one kind of its bodies, which need not be taken */

    if (line && s->payload->kind == NGX_ER_PAYLOAD_FORM && !s->form) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, where,
                         "event_source \"%V\" has \"payload %V\", and takes "
                         "no forms: add \"accept application/json "
                         "application/x-www-form-urlencoded;\"", &s->name,
                         &s->payload->text);
        return NGX_ERROR;
    }

    return NGX_OK;
}
