
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_source NAME { ... }": who may publish events.  The block is read with
 * a handler of its own, as nginx reads "map" and "geo"; module.c names
 * ngx_er_source_block() for it.  Directives that stand alone are set at their
 * line (source_set.c).  Those that a preset can bring along are kept here and
 * completed by source_conf.c when the block ends, so that their order does not
 * matter.
 *
 * Sources are in the configuration's pool and belong to the main
 * configuration; nothing changes them after the configuration was read.
 */


#include "source.h"


#if (NGX_ER_PRESET_ALTERNATIVES != 8)
#error presets may have more templates than ngx_er_source_rows
#endif


static char *ngx_er_source_keep(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_er_source_t *ngx_er_source_create(ngx_conf_t *cf, ngx_str_t *name);


static ngx_er_block_row_t  ngx_er_source_rows[] = {

    { "verify", 1, 5, 0,
      "PRESET | ALGORITHM [DIGEST...] | off", ngx_er_source_keep, 0 },
    { "secret", 1, 1, NGX_ER_LINE_PARAM|NGX_ER_BLOCK_REPEAT,
      "file:PATH | env:NAME | VALUE", ngx_er_source_keep, 0 },
    { "key", 1, 2, NGX_ER_LINE_PARAM,
      "utf8 | base64 | hex | pem | spki-base64 [strip=PREFIX]",
      ngx_er_source_keep, 0 },
    { "signed", 1, 1, NGX_ER_LINE_PARAM,
      "TEMPLATE", ngx_er_source_keep, 0 },
    { "signature", 1, 16, NGX_ER_LINE_PARAM,
      "PART... [separator=CHARS] [prefix=STRING] [encoding=NAME]",
      ngx_er_source_keep, 0 },
    { "timestamp", 1, 16, NGX_ER_LINE_PARAM,
      "PART... [unit=s|ms|rfc3339] [tolerance=TIME] [future=TIME]",
      ngx_er_source_keep, 0 },
    { "body_digest", 3, 4, NGX_ER_LINE_PARAM,
      "PART ALGORITHM ENCODING [when=present]", ngx_er_source_keep, 0 },
    { "jwt", 1, 5, NGX_ER_LINE_PARAM,
      "[algorithms=A,B] [leeway=TIME] [expires=TIME|off] [audience=NAME] "
      "[issuer=NAME]", ngx_er_source_keep, 0 },
    { "constant", 2, 2, NGX_ER_LINE_PARAM|NGX_ER_BLOCK_REPEAT,
      "NAME VALUE", ngx_er_source_keep, 0 },
    { "ports", 1, 1, NGX_ER_LINE_PARAM,
      "asis | both", ngx_er_source_keep, 0 },
    { "public_url", 1, 1, 0,
      "URL", ngx_er_source_public_url, 0 },

    { "id", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "type", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "subject", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "time", 1, 8, 0,
      "TEMPLATE...", ngx_er_source_keep, 0 },
    { "split", 1, 8, 0,
      "on | off | FIELD...", ngx_er_source_keep, 0 },
    { "handshake", 1, 4, 0,
      "PRESET... | off", ngx_er_source_keep, 0 },

    { "accept", 1, 16, 0,
      "TYPE...", ngx_er_source_accept, 0 },
    { "max_size", 1, 1, 0,
      "SIZE", NULL, 0 },
    { "max_batch", 1, 1, 0,
      "NUMBER", NULL, 0 },
    { "max_hops", 1, 1, 0,
      "NUMBER", NULL, 0 },
    { "limits", 1, 5, 0,
      "[depth=NUMBER] [nodes=NUMBER] [key=NUMBER] [string=SIZE] "
      "[number=NUMBER]", ngx_er_source_limits, 0 },

    { "deadline", 1, 1, 0,
      "TIME", NULL, 0 },
    { "unrouted", 1, 1, 0,
      "STATUS", ngx_er_source_unrouted, 0 },
    { "dedup", 1, 10, 0,
      "off | [WINDOW] [by=FIELD]... [on_error=local|open|closed]",
      ngx_er_source_dedup, 0 },
    { "delivery", 1, 1, 0,
      "sync | queued", ngx_er_source_delivery, 0 },
    { "retain", 1, 1, 0,
      "TIME", NULL, 0 },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


char *
ngx_er_source_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    char              *rv;
    ngx_str_t         *value;
    ngx_er_block_t     block;
    ngx_er_draft_t     draft;
    ngx_er_source_t  **slot;

    ngx_memzero(&draft, sizeof(ngx_er_draft_t));

    value = cf->args->elts;

    if (ngx_er_name_check(cf, "event_source", &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_source_find(mcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate event_source \"%V\": give it another "
                           "name", &value[1]);
        return NGX_CONF_ERROR;
    }

    draft.mcf = mcf;
    draft.source = ngx_er_source_create(cf, &value[1]);

    if (draft.source == NULL
        || ngx_array_init(&draft.lines, cf->temp_pool, 8,
                          sizeof(ngx_er_source_line_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_er_block_init(&block, "event_source", &draft.source->name,
                      ngx_er_source_rows, &draft);

    block.values = ngx_er_source_values;
    block.base = draft.source;

    rv = ngx_er_block_parse(cf, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_er_source_complete(cf, &draft) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&mcf->sources);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = draft.source;
    draft.source->index = mcf->sources.nelts - 1;

    return NGX_CONF_OK;
}


static ngx_er_source_t *
ngx_er_source_create(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_er_source_t  *s;

    s = ngx_pcalloc(cf->pool, sizeof(ngx_er_source_t));
    if (s == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     s->public_url = NULL;
     *     s->deadline = 0;          the preset's
     *     s->window = 0;            the preset's
     *     s->max_size = 0;          the preset's
     *     s->max_batch = 0;         the preset's
     *     s->dedup_by = NULL;
     *     s->queued = 0;
     *     s->retain = 0;
     *     s->split = 0;
     *     s->on_error = NGX_ER_ON_ERROR_LOCAL;
     *     s->accept.nelts = 0;      the preset's
     */

    s->name = *name;
    s->hash = ngx_er_hash64(name);
    s->unused = 1;
    s->methods = NGX_HTTP_POST;
    s->max_hops = 3;
    s->unrouted = NGX_HTTP_OK;
    s->dedup = 1;

    ngx_er_scan_limits_default(&s->limits);
    s->limits.nodes = 0;
    ngx_er_where_set(cf, &s->where);

    if (ngx_array_init(&s->handshakes, cf->pool, 1, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->id, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->type, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->subject, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->time, cf->pool, 2, sizeof(void *)) != NGX_OK
        || ngx_array_init(&s->accept, cf->pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&s->routes, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    return s;
}


ngx_er_source_t *
ngx_er_source_find(ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_uint_t         i;
    ngx_er_source_t  **s;

    s = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (s[i]->name.len == name->len
            && ngx_memcmp(s[i]->name.data, name->data, name->len) == 0)
        {
            return s[i];
        }
    }

    return NULL;
}


/* the words are in the configuration's pool, only their array is reused */

static char *
ngx_er_source_keep(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_er_source_line_t  *line;

    line = ngx_array_push(&draft->lines);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    line->flags = row->flags;
    line->nargs = cf->args->nelts;
    line->args = ngx_palloc(cf->temp_pool, line->nargs * sizeof(ngx_str_t));

    if (line->args == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(line->args, cf->args->elts, line->nargs * sizeof(ngx_str_t));
    ngx_er_where_set(cf, &line->where);

    return NGX_CONF_OK;
}
