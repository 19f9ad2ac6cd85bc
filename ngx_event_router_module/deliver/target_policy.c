
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The lines of event_target that say how gently the target is treated
 * (policy.h).  They are for queued deliveries: while a producer waits, its
 * deadline decides.
 *
 * Runs at configuration time only.  What is wrong is told with file and line.
 */


#include "target.h"


#define NGX_ER_TARGET_RATE     1000000  /* at most, of any unit */


static ngx_int_t ngx_er_target_reached(ngx_er_source_t *source,
    ngx_er_target_t *target);


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

ngx_er_param_t  ngx_er_target_values[] = {
    { "concurrency", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_policy_t, concurrency), "1", "65536", NULL },
    { "expires", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, expires), "1s", "365d", NULL },
    { "dead_for", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_policy_t, keep), "1s", "3650d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


char *
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
        return "base= of \"retry\" is longer than max= (by default 4h): the "
               "delay begins with base= and grows up to max=";
    }

    if (policy->base > policy->horizon) {
        return "base= of \"retry\" is longer than for= (by default 72h), so "
               "nothing would be tried again: write \"retry off;\" if that is "
               "meant";
    }

    return NGX_CONF_OK;
}


char *
ngx_er_target_statuses(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t         *value;
    ngx_uint_t         i;
    ngx_er_error_t     err;

    value = cf->args->elts;
    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_er_policy_statuses(&draft->target->policy, &value[i], row->tag,
                                   &err)
            != NGX_OK)
        {
            return ngx_er_where_error(cf, &err);
        }
    }

    draft->statuses = 1;

    return NGX_CONF_OK;
}


char *
ngx_er_target_rate(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    u_char           *unit;
    ngx_int_t         n;
    ngx_str_t        *value, rate;
    ngx_uint_t        hour;
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

    return ngx_er_block_params(cf, &ngx_er_target_rate_params, 2, policy,
                               NULL);
}


char *
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
        return "open= of \"breaker\" is longer than max= (by default 5m): the "
               "breaker is open for open= and, each time in a row, twice as "
               "long up to max=";
    }

    return NGX_CONF_OK;
}


char *
ngx_er_target_order(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_int_t        n;
    ngx_str_t       *value, text;
    ngx_er_error_t   err;
    ngx_er_field_t   field;

    value = cf->args->elts;

    if (!ngx_er_param_named(&value[1], "by=", &text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"order\": write "
                           "by=FIELD, as in \"order by=data.order_id;\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_er_field_parse(cf->pool, &text, NULL, &field, &err) != NGX_OK) {
        return ngx_er_where_error(cf, &err);
    }

    n = ngx_er_fields_add(draft->mcf->fields, &field);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    draft->target->order = n;

    return NGX_CONF_OK;
}


ngx_int_t
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


void
ngx_er_target_policy_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    if (target->queued == NULL) {
        return;
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->queued
            || ngx_er_target_reached(source[i], target) != NGX_OK)
        {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &target->where,
                         "\"%s\" of event_target \"%V\" applies to queued "
                         "deliveries only, and source \"%V\" delivers while "
                         "the producer waits: write \"delivery queued;\" "
                         "there", target->queued, &target->name,
                         &source[i]->name);
        return;
    }
}


/* NGX_OK: a route of the source leads to the target */

static ngx_int_t
ngx_er_target_reached(ngx_er_source_t *source, ngx_er_target_t *target)
{
    ngx_uint_t         i, j;
    ngx_er_route_t   **route;
    ngx_er_target_t  **targets;

    route = source->routes.elts;

    for (i = 0; i < source->routes.nelts; i++) {
        targets = route[i]->targets.elts;

        for (j = 0; j < route[i]->targets.nelts; j++) {
            if (targets[j] == target) {
                return NGX_OK;
            }
        }
    }

    return NGX_DECLINED;
}
