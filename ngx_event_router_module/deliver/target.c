
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Targets in nginx.conf: the block event_target.  A target without a block
 * has the defaults.  Routes and event_deliver (location.c) may name a target
 * before or after its block, so the first who does makes it.
 *
 * Runs at configuration time only and owns the targets, in cf->pool.  What is
 * wrong is told with file and line as it is read.
 */


#include "target.h"
#include "../conf/nearest.h"


static char *ngx_er_target_optional(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_method(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_forward(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static const char *ngx_er_target_refused(ngx_str_t *name);


static ngx_er_block_row_t  ngx_er_target_rows[] = {

    { "optional", 0, 0, 0,
      "", ngx_er_target_optional, 0 },
    { "method", 1, 1, 0,
      "POST|PUT|PATCH|DELETE|GET", ngx_er_target_method, 0 },
    { "forward_headers", 1, 100, 0,
      "NAME...", ngx_er_target_forward, 0 },

    { "retry", 1, 3, NGX_ER_TARGET_QUEUED,
      "off | [for=TIME] [base=TIME] [max=TIME]", ngx_er_target_retry, 0 },
    { "retry_on", 1, 100, NGX_ER_TARGET_QUEUED,
      "STATUS...", ngx_er_target_statuses, NGX_ER_VERDICT_RETRY },
    { "fail_on", 1, 100, NGX_ER_TARGET_QUEUED,
      "STATUS...", ngx_er_target_statuses, NGX_ER_VERDICT_FINAL },
    { "concurrency", 1, 1, NGX_ER_TARGET_QUEUED,
      "NUMBER", NULL, 0 },
    { "rate", 1, 2, NGX_ER_TARGET_QUEUED,
      "NUMBERr/s|NUMBERr/m|NUMBERr/h [burst=NUMBER]", ngx_er_target_rate, 0 },
    { "breaker", 1, 6, NGX_ER_TARGET_QUEUED,
      "off | [failures=NUMBER] [ratio=NUMBER%] [min=NUMBER] [window=TIME] "
      "[open=TIME] [max=TIME]", ngx_er_target_breaker, 0 },
    { "expires", 1, 1, NGX_ER_TARGET_QUEUED,
      "TIME", NULL, 0 },
    { "dead_for", 1, 1, NGX_ER_TARGET_QUEUED,
      "TIME", NULL, 0 },
    { "order", 1, 1, NGX_ER_TARGET_QUEUED,
      "by=FIELD", ngx_er_target_order, 0 },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


ngx_er_target_t *
ngx_er_target_find(ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target[i]->name.len == name->len
            && ngx_memcmp(target[i]->name.data, name->data, name->len) == 0)
        {
            return target[i];
        }
    }

    return NULL;
}


/* "optional" is unset until the block of the target was read */

ngx_er_target_t *
ngx_er_target_get(ngx_conf_t *cf, ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_er_target_t  *target, **slot;

    target = ngx_er_target_find(mcf, name);
    if (target) {
        return target;
    }

    target = ngx_pcalloc(cf->pool, sizeof(ngx_er_target_t));
    if (target == NULL) {
        return NULL;
    }

    slot = ngx_array_push(&mcf->targets);
    if (slot == NULL) {
        return NULL;
    }

    *slot = target;

    target->name = *name;
    target->hash = ngx_er_hash64(name);
    target->index = mcf->targets.nelts - 1;
    target->method = NGX_HTTP_POST;
    ngx_str_set(&target->method_name, "POST");
    target->optional = NGX_CONF_UNSET;
    target->order = NGX_CONF_UNSET;

    ngx_er_policy_default(&target->policy);

    ngx_er_where_set(cf, &target->where);

    return target;
}


char *
ngx_er_target_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                   *rv;
    ngx_str_t              *value;
    ngx_er_block_t          block;
    ngx_er_target_t        *target;
    ngx_er_main_conf_t     *mcf;
    ngx_er_target_draft_t   draft;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    value = cf->args->elts;

    if (ngx_er_name_check(cf, "event_target", &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    target = ngx_er_target_get(cf, mcf, &value[1]);
    if (target == NULL) {
        return NGX_CONF_ERROR;
    }

    if (target->optional != NGX_CONF_UNSET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate event_target \"%V\", the first is in "
                           "%V:%ui", &target->name, &target->where.file,
                           target->where.line);
        return NGX_CONF_ERROR;
    }

    target->optional = 0;
    ngx_er_where_set(cf, &target->where);

    ngx_memzero(&draft, sizeof(ngx_er_target_draft_t));

    draft.target = target;
    draft.mcf = mcf;

    ngx_er_block_init(&block, "event_target", &target->name,
                      ngx_er_target_rows, &draft);

    block.values = ngx_er_target_values;
    block.base = &target->policy;

    rv = ngx_er_block_parse(cf, &block);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    target->queued = block.noted ? block.noted->name : NULL;

    if (ngx_er_target_policy_complete(cf, &draft) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_target_optional(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    draft->target->optional = 1;

    return NGX_CONF_OK;
}


static char *
ngx_er_target_method(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    static struct {
        ngx_str_t   name;
        ngx_uint_t  method;
    } methods[] = {
        { ngx_string("POST"), NGX_HTTP_POST },
        { ngx_string("PUT"), NGX_HTTP_PUT },
        { ngx_string("PATCH"), NGX_HTTP_PATCH },
        { ngx_string("DELETE"), NGX_HTTP_DELETE },
        { ngx_string("GET"), NGX_HTTP_GET },
        { ngx_null_string, 0 }
    };

    value = cf->args->elts;

    for (i = 0; methods[i].method; i++) {

        if (value[1].len == methods[i].name.len
            && ngx_strcmp(value[1].data, methods[i].name.data) == 0)
        {
            draft->target->method = methods[i].method;
            draft->target->method_name = methods[i].name;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid method \"%V\": use POST, PUT, PATCH, DELETE "
                       "or GET", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_er_target_forward(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t        *value, *name;
    ngx_uint_t        i, j;
    const char       *why;
    ngx_er_target_t  *target;

    target = draft->target;
    value = cf->args->elts;

    target->forward_headers = ngx_array_create(cf->pool, cf->args->nelts,
                                               sizeof(ngx_str_t));
    if (target->forward_headers == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        why = ngx_er_target_refused(&value[i]);

        for (j = 1; j < i && why == NULL; j++) {
            if (value[i].len == value[j].len
                && ngx_strcasecmp(value[i].data, value[j].data) == 0)
            {
                why = "it is listed twice";
            }
        }

        if (why) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "header \"%V\" cannot be forwarded: %s",
                               &value[i], why);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(target->forward_headers);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* NULL, or why a header of the producer must not reach the target */

static const char *
ngx_er_target_refused(ngx_str_t *name)
{
    size_t        i;
    const char  **word;

    static const char  *hop[] = {
        "connection", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "host", "content-length", "expect",
        NULL
    };

    static const char  *own[] = {
        "content-type", "webhook-id", "webhook-timestamp", "ce-specversion",
        "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time",
        "x-event-route", "x-event-attempt", "x-event-hops", NULL
    };

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] >= 0x7f
            || ngx_strchr("\"(),/:;<=>?@[\\]{}", name->data[i]))
        {
            return "it is not the name of a header";
        }
    }

    if (name->len == 0) {
        return "it is not the name of a header";
    }

    for (word = hop; *word; word++) {
        if (ngx_strcasecmp(name->data, (u_char *) *word) == 0) {
            return "it belongs to the producer's connection; nginx makes the "
                   "target's own";
        }
    }

    for (word = own; *word; word++) {
        if (ngx_strcasecmp(name->data, (u_char *) *word) == 0) {
            return "every delivery has its own";
        }
    }

    if (ngx_strncasecmp(name->data, (u_char *) "x-accel-",
                        sizeof("x-accel-") - 1)
        == 0)
    {
        return "X-Accel-* headers steer nginx and are not the producer's to "
               "send";
    }

    return NULL;
}
