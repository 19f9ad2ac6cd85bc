
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Targets in nginx.conf: the block event_target.  How they are reached is in
 * location.c.
 *
 * A target without a block has the defaults.  Routes and event_deliver may
 * name a target before or after its block, so the first who does makes it.
 * The lines that say how gently it is treated (policy.h) are for queued
 * deliveries: while a producer waits, its deadline decides.
 *
 * Runs at configuration time only and owns the targets, in cf->pool.  What is
 * wrong is told with file and line as it is read.
 */


#include "auth.h"
#include "doubt_conf.h"
#include "header.h"
#include "order.h"
#include "parcel_conf.h"
#include "publishers.h"
#include "sign.h"
#include "verdict_conf.h"
#include "../mapping/elements.h"


/* the flag of lines that are for queued deliveries only */

#define NGX_ER_TARGET_QUEUED  NGX_ER_BLOCK_NOTED

#define NGX_ER_TARGET_RATE    1000000  /* at most, of any unit */


static char *ngx_er_target_optional(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_method(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_body(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_split(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_int_t ngx_er_target_split_complete(ngx_conf_t *cf,
    ngx_er_target_t *target);
static char *ngx_er_target_forward(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static const char *ngx_er_target_forward_not(ngx_str_t *name);
static char *ngx_er_target_retry(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_rate(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static char *ngx_er_target_breaker(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);
static ngx_int_t ngx_er_target_policy_complete(ngx_conf_t *cf,
    ngx_er_target_draft_t *draft);
static void ngx_er_target_delay_check(ngx_conf_t *cf, ngx_er_route_t *route);
static ngx_int_t ngx_er_target_policy_check(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_er_target_t *target);


static ngx_er_block_row_t  ngx_er_target_rows[] = {

    { "optional", 0, 0, 0,
      "", ngx_er_target_optional, 0 },
    { "method", 1, 1, 0,
      "POST|PUT|PATCH|DELETE|GET", ngx_er_target_method, 0 },
    { "from", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "SOURCE...", ngx_er_publishers_line, 0 },
    { "body", 1, NGX_ER_BLOCK_MORE, 0,
      "original | data | cloudevents | form NAME=FIELD... | template FILE "
      "| jq FILE [numbers=string]", ngx_er_target_body, 0 },
    { "split", 1, 2, NGX_ER_TARGET_QUEUED,
      "FIELD [max=NUMBER]", ngx_er_target_split, 0 },
    { "forward_headers", 1, 100, 0,
      "NAME...", ngx_er_target_forward, 0 },
    { "auth", 2, 11, 0,
      "basic SECRET | bearer SECRET | header NAME SECRET | query NAME SECRET "
      "| oauth2 URI client=SECRET",
      ngx_er_auth_line, 0 },
    { "sign", 2, 3, 0,
      "SCHEME secret=SECRET [secret=SECRET]", ngx_er_sign_line, 0 },

    { "success", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "STATUS... | when FIELD [not] OP VALUE...", ngx_er_verdict_conf,
      NGX_ER_VERDICT_OK },

    { "retry", 1, 3, NGX_ER_TARGET_QUEUED,
      "off | [for=TIME] [base=TIME] [max=TIME]", ngx_er_target_retry, 0 },
    { "retry_on", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "STATUS... | when FIELD [not] OP VALUE...", ngx_er_verdict_conf,
      NGX_ER_VERDICT_RETRY },
    { "fail_on", 1, NGX_ER_BLOCK_MORE, NGX_ER_BLOCK_REPEAT,
      "STATUS... | when FIELD [not] OP VALUE...", ngx_er_verdict_conf,
      NGX_ER_VERDICT_FINAL },
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
    { "in_doubt", 1, 1, NGX_ER_TARGET_QUEUED|NGX_ER_BLOCK_TABLE,
      "URI", ngx_er_doubt_conf, 0 },
    { "order", 1, 4, NGX_ER_TARGET_QUEUED,
      "by=FIELD [version=FIELD] [coalesce] [window=TIME]", ngx_er_order_line,
      0 },
    { "batch", 0, 4, NGX_ER_TARGET_QUEUED,
      "[max=NUMBER] [size=SIZE] [wait=TIME] [form=array|lines|cloudevents]",
      ngx_er_parcel_line, 0 },

    { NULL, 0, 0, 0, NULL, NULL, 0 }
};


static ngx_er_param_t  ngx_er_target_retry_rows[] = {
    { "for=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, horizon), "1s", "365d", NULL },
    { "base=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, base), "10ms", "24h", NULL },
    { "max=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, max), "10ms", "30d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_target_retry_params = {
    ngx_er_target_retry_rows,
    "which takes off, or for=TIME, base=TIME and max=TIME", 0, 0
};


static ngx_er_param_t  ngx_er_target_breaker_rows[] = {
    { "failures=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_policy_t, failures), "1", "10000", NULL },
    { "ratio=", NGX_ER_PARAM_PERCENT,
      ngx_er_param_at(ngx_er_policy_t, percent), "1%", "100%", NULL },
    { "min=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_policy_t, sample), "1", "100000", NULL },
    { "window=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, window), "1s", "1h", NULL },
    { "open=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, open), "100ms", "24h", NULL },
    { "max=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, open_max), "100ms", "24h", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_target_breaker_params = {
    ngx_er_target_breaker_rows,
    "which takes off, or failures=NUMBER, ratio=NUMBER%, min=NUMBER, "
    "window=TIME, open=TIME and max=TIME", 0, 0
};


static ngx_er_param_t  ngx_er_target_rate_rows[] = {
    { "burst=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_policy_t, burst), "1", "1000000", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_target_rate_params = {
    ngx_er_target_rate_rows, "which takes burst=NUMBER", 0, 0
};


/* the lines of one value */

static ngx_er_param_t  ngx_er_target_values[] = {
    { "concurrency", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_policy_t, concurrency), "1", "65536", NULL },
    { "expires", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, expires), "1s", "365d", NULL },
    { "dead_for", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, keep), "1s", "3650d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
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


ngx_er_target_t *
ngx_er_target_hashed(ngx_er_main_conf_t *mcf, uint64_t hash)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (target[i]->hash == hash) {
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
                           "%V:%ui: give this one another name",
                           &target->name, &target->where.file,
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

    ngx_er_verdict_conf_check(cf, &draft);

    target->queued = block.noted ? block.noted->name : draft.statuses;

    ngx_er_auth_complete(cf, target);

    return (ngx_er_target_split_complete(cf, target) == NGX_OK
            && ngx_er_sign_complete(cf, target) == NGX_OK
            && ngx_er_target_policy_complete(cf, &draft) == NGX_OK
            && ngx_er_parcel_complete(cf, target, draft.burst) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
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
ngx_er_target_body(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    return ngx_er_body_conf(cf, &draft->target->body);
}


static char *
ngx_er_target_split(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_er_error_t   err;
    ngx_er_split_t  *split;

    split = ngx_palloc(cf->pool, sizeof(ngx_er_split_t));
    if (split == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_split_parse(cf->pool, cf->args, split, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", err.len, err.text);
        return NGX_CONF_ERROR;
    }

    draft->target->split = split;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_target_split_complete(ngx_conf_t *cf, ngx_er_target_t *target)
{
    if (ngx_er_body_complete(cf, target->body, target->split != NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (target->split == NULL) {
        return NGX_OK;
    }

    if (target->doubt) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->doubt->where,
                         "\"in_doubt\" of event_target \"%V\" asks about an "
                         "event, and with \"split\" an event is several "
                         "calls: take one of them out", &target->name);
        return NGX_ERROR;
    }

    if (target->parcel) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "\"split\" of event_target \"%V\" makes several "
                         "calls of an event, and \"batch\" one of several "
                         "events: take one of them out", &target->name);
        return NGX_ERROR;
    }

    target->body = ngx_er_elements_body(cf->pool, target->split, target->body);

    return target->body ? NGX_OK : NGX_ERROR;
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
        why = ngx_er_target_forward_not(&value[i]);

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

        if (ngx_er_header_kind(&value[i]) == NGX_ER_HEADER_TRACE) {

            /* it is in each delivery if it is valid, and must not be twice */

            continue;
        }

        name = ngx_array_push(target->forward_headers);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* NULL, or why it cannot be */

static const char *
ngx_er_target_forward_not(ngx_str_t *name)
{
    static const char  *whys[] = {
        NULL,
        "it is not the name of a header",
        "it belongs to the producer's connection; nginx makes the target's "
        "own",
        "every delivery has its own",
        "X-Accel-* headers steer nginx and are not the producer's to send",
        NULL
    };

    if (ngx_strchr(name->data, '*')) {
        return "\"*\" stands for nothing here: write the name of each header";
    }

    return whys[ngx_er_header_kind(name)];
}


static char *
ngx_er_target_retry(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t        *value;
    ngx_uint_t        given;
    ngx_er_policy_t  *policy;

    policy = &draft->target->policy;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        policy->horizon = 0;
        return NGX_CONF_OK;
    }

    if (ngx_er_block_params(cf, &ngx_er_target_retry_params, 1, policy,
                            &given)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    draft->horizon = given & 1;

    if (policy->base > policy->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "base= of \"retry\" is longer than max= (by "
                           "default 4h): the delay begins with base= and "
                           "grows up to max=");
        return NGX_CONF_ERROR;
    }

    if (policy->base > policy->horizon) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "base= of \"retry\" is longer than for= (by "
                           "default 72h), so nothing would be tried again: "
                           "write \"retry off;\" if that is meant");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_target_rate(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    u_char           *unit;
    ngx_int_t         n;
    ngx_str_t        *value, rate;
    ngx_uint_t        hour, given;
    ngx_er_policy_t  *policy;

    policy = &draft->target->policy;
    value = cf->args->elts;
    rate = value[1];

    hour = 0;
    n = NGX_ERROR;

    if (rate.len > 3) {
        rate.len -= 3;
        unit = rate.data + rate.len;

        hour = (ngx_strcmp(unit, "r/s") == 0) ? 3600
               : (ngx_strcmp(unit, "r/m") == 0) ? 60
               : (ngx_strcmp(unit, "r/h") == 0) ? 1 : 0;

        n = ngx_atoi(rate.data, rate.len);
    }

    if (hour == 0 || n < 1 || n > NGX_ER_TARGET_RATE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\": it is a number from 1 to %d "
                           "and a unit, as in 50r/s, 100r/m or 1000r/h",
                           &value[1], NGX_ER_TARGET_RATE);
        return NGX_CONF_ERROR;
    }

    policy->rate = (ngx_uint_t) n * hour;

    /* what comes in a tenth of a second: a worker may be as late as that */

    policy->burst = ngx_max(policy->rate / 36000, 1);

    if (ngx_er_block_params(cf, &ngx_er_target_rate_params, 2, policy, &given)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    draft->burst = given & 1;

    return NGX_CONF_OK;
}


static char *
ngx_er_target_breaker(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t        *value;
    ngx_er_policy_t  *policy;

    policy = &draft->target->policy;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        policy->breaker = 0;
        return NGX_CONF_OK;
    }

    if (ngx_er_block_params(cf, &ngx_er_target_breaker_params, 1, policy,
                            NULL)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (policy->open > policy->open_max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "open= of \"breaker\" is longer than max= (by "
                           "default 5m): the breaker is open for open= and, "
                           "each time in a row, twice as long up to max=");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the block ends: lines that contradict one another */

static ngx_int_t
ngx_er_target_policy_complete(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_er_target_t  *target;
    ngx_er_policy_t  *policy;

    target = draft->target;
    policy = &target->policy;

    if (policy->horizon == 0 && draft->statuses) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "event_target \"%V\" has \"retry off\", so "
                         "\"retry_on\" and \"fail_on\" have no meaning: take "
                         "one of them away", &target->name);
        return NGX_ERROR;
    }

    if (draft->horizon && policy->expires
        && policy->expires < policy->horizon)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "event_target \"%V\" expires events before the end "
                         "of \"retry for=\": lower for= or raise \"expires\"",
                         &target->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* an event is as old as its delay when it is first delivered */

static void
ngx_er_target_delay_check(ngx_conf_t *cf, ngx_er_route_t *route)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    target = route->targets.elts;

    for (i = 0; i < route->targets.nelts; i++) {

        if (target[i]->policy.horizon == 0
            || route->delay < target[i]->policy.horizon)
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &route->where,
                         "\"delay\" of event_route \"%V\" is %Mms and \"retry "
                         "for=\" of event_target \"%V\" %uLms, which begins "
                         "when the event comes: there is one attempt and no "
                         "retry; write a longer for=, or \"retry off;\" if "
                         "that is meant", &route->name, route->delay,
                         &target[i]->name, target[i]->policy.horizon);
    }
}


/* all was read: warns of lines that a source without a queue ignores */

static ngx_int_t
ngx_er_target_policy_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    if (target->queued == NULL) {
        return NGX_OK;
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->mode == NGX_ER_MODE_QUEUED
            || !ngx_er_publishers_lead(source[i], target))
        {
            continue;
        }

        ngx_er_where_log(cf, target->split ? NGX_LOG_EMERG : NGX_LOG_WARN,
                         &target->where,
                         "\"%s\" of event_target \"%V\" applies to queued "
                         "deliveries only, and source \"%V\" delivers while "
                         "the producer waits: write \"delivery queued;\" "
                         "there", target->split ? "split" : target->queued,
                         &target->name, &source[i]->name);

        return target->split ? NGX_ERROR : NGX_OK;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_targets_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_route_t   **route;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (ngx_er_target_policy_check(cf, mcf, target[i]) != NGX_OK
            || ngx_er_order_check(cf, mcf, target[i]) != NGX_OK
            || ngx_er_parcel_check(cf, mcf, target[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        ngx_er_target_delay_check(cf, route[i]);
    }

    return NGX_OK;
}
