
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
#include "../conf/nearest.h"


#if (NGX_ER_PRESET_ALTERNATIVES != 8)
#error presets may have more templates than ngx_er_source_commands
#endif


typedef struct {
    ngx_str_t              name;
    ngx_uint_t             min;        /* words behind the name */
    ngx_uint_t             max;
    ngx_uint_t             flags;
    const char            *syntax;
    char                *(*set)(ngx_conf_t *cf, ngx_er_draft_t *draft,
                                ngx_str_t *value);  /* NULL: kept */
} ngx_er_source_command_t;


static char *ngx_er_source_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_er_source_command_t *ngx_er_source_command(ngx_conf_t *cf,
    ngx_str_t *name);
static char *ngx_er_source_keep(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_uint_t flags);
static ngx_er_source_t *ngx_er_source_create(ngx_conf_t *cf, ngx_str_t *name);


static ngx_er_source_command_t  ngx_er_source_commands[] = {

    { ngx_string("verify"), 1, 5, 0,
      "PRESET | ALGORITHM [DIGEST...] | off", NULL },
    { ngx_string("secret"), 1, 1, NGX_ER_LINE_PARAM|NGX_ER_LINE_REPEAT,
      "file:PATH | env:NAME | VALUE", NULL },
    { ngx_string("key"), 1, 2, NGX_ER_LINE_PARAM,
      "utf8 | base64 | hex | pem | spki-base64 [strip=PREFIX]", NULL },
    { ngx_string("signed"), 1, 1, NGX_ER_LINE_PARAM,
      "TEMPLATE", NULL },
    { ngx_string("signature"), 1, 16, NGX_ER_LINE_PARAM,
      "PART... [separator=CHARS] [prefix=STRING] [encoding=NAME]", NULL },
    { ngx_string("timestamp"), 1, 16, NGX_ER_LINE_PARAM,
      "PART... [unit=s|ms|rfc3339] [tolerance=TIME] [future=TIME]", NULL },
    { ngx_string("body_digest"), 3, 4, NGX_ER_LINE_PARAM,
      "PART ALGORITHM ENCODING [when=present]", NULL },
    { ngx_string("jwt"), 1, 5, NGX_ER_LINE_PARAM,
      "[algorithms=A,B] [leeway=TIME] [expires=TIME|off] [audience=NAME] "
      "[issuer=NAME]", NULL },
    { ngx_string("constant"), 2, 2, NGX_ER_LINE_PARAM|NGX_ER_LINE_REPEAT,
      "NAME VALUE", NULL },
    { ngx_string("ports"), 1, 1, NGX_ER_LINE_PARAM,
      "asis | both", NULL },
    { ngx_string("public_url"), 1, 1, 0,
      "URL", ngx_er_source_public_url },

    { ngx_string("id"), 1, 8, 0, "TEMPLATE...", NULL },
    { ngx_string("type"), 1, 8, 0, "TEMPLATE...", NULL },
    { ngx_string("subject"), 1, 8, 0, "TEMPLATE...", NULL },
    { ngx_string("time"), 1, 8, 0, "TEMPLATE...", NULL },
    { ngx_string("split"), 1, 8, 0,
      "on | off | FIELD...", NULL },
    { ngx_string("handshake"), 1, 4, 0, "PRESET... | off", NULL },

    { ngx_string("accept"), 1, 16, 0,
      "TYPE...", ngx_er_source_accept },
    { ngx_string("max_size"), 1, 1, 0,
      "SIZE", ngx_er_source_max_size },
    { ngx_string("max_batch"), 1, 1, 0,
      "NUMBER", ngx_er_source_max_batch },
    { ngx_string("max_hops"), 1, 1, 0,
      "NUMBER", ngx_er_source_max_hops },
    { ngx_string("limits"), 1, 5, 0,
      "[depth=NUMBER] [nodes=NUMBER] [key=NUMBER] [string=SIZE] "
      "[number=NUMBER]", ngx_er_source_limits },

    { ngx_string("deadline"), 1, 1, 0,
      "TIME", ngx_er_source_deadline },
    { ngx_string("unrouted"), 1, 1, 0,
      "STATUS", ngx_er_source_unrouted },
    { ngx_string("dedup"), 1, 10, 0,
      "off | [WINDOW] [by=FIELD]... [on_error=local|open|closed]",
      ngx_er_source_dedup },
    { ngx_string("delivery"), 1, 1, 0,
      "sync | queued", ngx_er_source_delivery },
    { ngx_string("retain"), 1, 1, 0,
      "TIME", ngx_er_source_retain },

    { ngx_null_string, 0, 0, 0, NULL, NULL }
};


char *
ngx_er_source_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    char              *rv;
    ngx_str_t         *value;
    ngx_conf_t         save;
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

    save = *cf;
    cf->handler = ngx_er_source_directive;
    cf->handler_conf = (char *) &draft;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

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
    s->max_batch = 100;
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


/* one directive of the block */

static char *
ngx_er_source_directive(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_er_draft_t *draft = conf;

    u_char                   *seen;
    ngx_str_t                *value;
    ngx_uint_t                n;
    ngx_er_source_command_t  *command;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    if (ngx_strcmp(value[0].data, "include") == 0) {
        return (n == 1) ? ngx_conf_include(cf, dummy, conf)
                        : "\"include\" takes one file or pattern";
    }

    command = ngx_er_source_command(cf, &value[0]);
    if (command == NULL) {
        return NGX_CONF_ERROR;
    }

    if (n < command->min || n > command->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive: "
                           "write \"%V %s;\"",
                           &value[0], &value[0], command->syntax);
        return NGX_CONF_ERROR;
    }

    seen = &draft->seen[command - ngx_er_source_commands];

    if (*seen && !(command->flags & NGX_ER_LINE_REPEAT)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive is duplicate in event_source "
                           "\"%V\"", &value[0], &draft->source->name);
        return NGX_CONF_ERROR;
    }

    *seen = 1;

    if (command->set) {
        return command->set(cf, draft, value);
    }

    return ngx_er_source_keep(cf, draft, command->flags);
}


static ngx_er_source_command_t *
ngx_er_source_command(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t    i;
    const char   *near, *words[NGX_ER_SOURCE_DIRECTIVES + 1];

    for (i = 0; ngx_er_source_commands[i].name.len; i++) {
        if (ngx_er_source_commands[i].name.len == name->len
            && ngx_memcmp(ngx_er_source_commands[i].name.data, name->data,
                          name->len)
               == 0)
        {
            return &ngx_er_source_commands[i];
        }

        words[i] = (const char *) ngx_er_source_commands[i].name.data;
    }

    words[i] = NULL;
    near = ngx_er_nearest(name, words, sizeof(char *));

    if (near) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in event_source: did you "
                           "mean \"%s\"?", name, near);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in event_source: "
                           "docs/directives.md lists what can stand there",
                           name);
    }

    return NULL;
}


/* the words are in the configuration's pool, only their array is reused */

static char *
ngx_er_source_keep(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_uint_t flags)
{
    ngx_er_source_line_t  *line;

    line = ngx_array_push(&draft->lines);
    if (line == NULL) {
        return NGX_CONF_ERROR;
    }

    line->flags = flags;
    line->nargs = cf->args->nelts;
    line->args = ngx_palloc(cf->temp_pool, line->nargs * sizeof(ngx_str_t));

    if (line->args == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(line->args, cf->args->elts, line->nargs * sizeof(ngx_str_t));
    ngx_er_where_set(cf, &line->where);

    return NGX_CONF_OK;
}
