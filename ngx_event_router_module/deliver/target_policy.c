
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


#define NGX_ER_TARGET_SECOND   ((uint64_t) 1000)
#define NGX_ER_TARGET_HOUR     (3600 * NGX_ER_TARGET_SECOND)
#define NGX_ER_TARGET_DAY      (24 * NGX_ER_TARGET_HOUR)

#define NGX_ER_TARGET_RATE     1000000  /* at most, of any unit, and burst */


typedef enum {
    NGX_ER_TARGET_NUMBER = 0,
    NGX_ER_TARGET_PERCENT,
    NGX_ER_TARGET_TIME
} ngx_er_target_kind_e;


/* a value of the policy: a parameter "name=", or a line of its own */

typedef struct {
    ngx_str_t                    name;
    ngx_er_target_kind_e         kind;
    size_t                       offset;     /* in ngx_er_policy_t */
    uint64_t                     min;
    uint64_t                     max;
    const char                  *range;      /* the same in words */
} ngx_er_target_param_t;


static ngx_int_t ngx_er_target_params(ngx_conf_t *cf, ngx_er_policy_t *policy,
    ngx_er_target_param_t *param, const char *names, ngx_uint_t *given);
static ngx_int_t ngx_er_target_set(ngx_conf_t *cf, ngx_er_policy_t *policy,
    ngx_er_target_param_t *param, ngx_str_t *word, ngx_str_t *text);
static ngx_int_t ngx_er_target_number(ngx_er_target_kind_e kind,
    ngx_str_t *text);
static ngx_int_t ngx_er_target_reached(ngx_er_source_t *source,
    ngx_er_target_t *target);


static ngx_er_target_param_t  ngx_er_target_retry_params[] = {

    { ngx_string("for="), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, horizon),
      NGX_ER_TARGET_SECOND, 365 * NGX_ER_TARGET_DAY, "from 1s to 365d" },

    { ngx_string("base="), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, base),
      10, NGX_ER_TARGET_DAY, "from 10ms to 24h" },

    { ngx_string("max="), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, max),
      10, 30 * NGX_ER_TARGET_DAY, "from 10ms to 30d" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_er_target_param_t  ngx_er_target_breaker_params[] = {

    { ngx_string("failures="), NGX_ER_TARGET_NUMBER,
      offsetof(ngx_er_policy_t, failures),
      1, 10000, "from 1 to 10000" },

    { ngx_string("ratio="), NGX_ER_TARGET_PERCENT,
      offsetof(ngx_er_policy_t, percent),
      1, 100, "from 1% to 100%" },

    { ngx_string("min="), NGX_ER_TARGET_NUMBER,
      offsetof(ngx_er_policy_t, sample),
      1, 100000, "from 1 to 100000" },

    { ngx_string("window="), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, window),
      NGX_ER_TARGET_SECOND, NGX_ER_TARGET_HOUR, "from 1s to 1h" },

    { ngx_string("open="), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, open),
      100, NGX_ER_TARGET_DAY, "from 100ms to 24h" },

    { ngx_string("max="), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, open_max),
      100, NGX_ER_TARGET_DAY, "from 100ms to 24h" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_er_target_param_t  ngx_er_target_ones[] = {

    { ngx_string("concurrency"), NGX_ER_TARGET_NUMBER,
      offsetof(ngx_er_policy_t, concurrency),
      1, 65536, "from 1 to 65536" },

    { ngx_string("expires"), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, expires),
      NGX_ER_TARGET_SECOND, 365 * NGX_ER_TARGET_DAY, "from 1s to 365d" },

    { ngx_string("dead_for"), NGX_ER_TARGET_TIME,
      offsetof(ngx_er_policy_t, keep),
      NGX_ER_TARGET_SECOND, 3650 * NGX_ER_TARGET_DAY, "from 1s to 3650d" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


static ngx_er_target_param_t  ngx_er_target_burst[] = {

    { ngx_string("burst="), NGX_ER_TARGET_NUMBER,
      offsetof(ngx_er_policy_t, burst),
      1, NGX_ER_TARGET_RATE, "from 1 to 1000000" },

    { ngx_null_string, 0, 0, 0, 0, NULL }
};


char *
ngx_er_target_retry(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_str_t        *value;
    ngx_uint_t        given;
    ngx_er_policy_t  *policy;

    policy = &draft->target->policy;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        policy->horizon = 0;
        return NGX_CONF_OK;
    }

    if (ngx_er_target_params(cf, policy, ngx_er_target_retry_params,
                             "off, or for=TIME, base=TIME and max=TIME",
                             &given)
        != NGX_OK)
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
ngx_er_target_statuses(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_str_t         *value;
    ngx_uint_t         i;
    ngx_er_error_t     err;
    ngx_er_verdict_e   verdict;

    value = cf->args->elts;
    verdict = NGX_ER_VERDICT_FINAL;

    if (ngx_strcmp(value[0].data, "retry_on") == 0) {
        verdict = NGX_ER_VERDICT_RETRY;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_er_policy_statuses(&draft->target->policy, &value[i], verdict,
                                   &err)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", err.len, err.text);
            return NGX_CONF_ERROR;
        }
    }

    draft->statuses = 1;

    return NGX_CONF_OK;
}


/* a line of one value */

char *
ngx_er_target_one(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_str_t              *value;
    ngx_er_target_param_t  *param;

    value = cf->args->elts;
    param = ngx_er_target_ones;

    while (ngx_strcmp(param->name.data, value[0].data) != 0) {
        param++;
    }

    if (ngx_er_target_set(cf, &draft->target->policy, param, &value[1],
                          &value[1])
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_er_target_rate(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    u_char           *unit;
    ngx_int_t         n;
    ngx_str_t        *value, rate;
    ngx_uint_t        given, hour;
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

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    /* the rate is no parameter */

    value[1] = value[2];
    cf->args->nelts = 2;

    if (ngx_er_target_params(cf, policy, ngx_er_target_burst, "burst=NUMBER",
                             &given)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_er_target_breaker(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_str_t        *value;
    ngx_uint_t        given;
    ngx_er_policy_t  *policy;

    policy = &draft->target->policy;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        policy->breaker = 0;
        return NGX_CONF_OK;
    }

    if (ngx_er_target_params(cf, policy, ngx_er_target_breaker_params,
                             "off, or failures=NUMBER, ratio=NUMBER%, "
                             "min=NUMBER, window=TIME, open=TIME and max=TIME",
                             &given)
        != NGX_OK)
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
ngx_er_target_order(ngx_conf_t *cf, ngx_er_target_draft_t *draft)
{
    ngx_int_t        n;
    ngx_str_t       *value, text;
    ngx_er_error_t   err;
    ngx_er_field_t   field;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "by=", 3) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"order\": write "
                           "by=FIELD, as in \"order by=data.order_id;\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    text.data = value[1].data + 3;
    text.len = value[1].len - 3;

    if (ngx_er_field_parse(cf->pool, &text, NULL, &field, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", err.len, err.text);
        return NGX_CONF_ERROR;
    }

    n = ngx_er_fields_add(draft->mcf->fields, &field);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    draft->target->order = n;

    return NGX_CONF_OK;
}


/* "given" has a bit for each parameter that stands in the line */

static ngx_int_t
ngx_er_target_params(ngx_conf_t *cf, ngx_er_policy_t *policy,
    ngx_er_target_param_t *param, const char *names, ngx_uint_t *given)
{
    ngx_str_t   *value, text;
    ngx_uint_t   i, n;

    value = cf->args->elts;
    *given = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        for (n = 0; param[n].name.len; n++) {
            if (ngx_strncmp(value[i].data, param[n].name.data,
                            param[n].name.len)
                == 0)
            {
                break;
            }
        }

        if (param[n].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"%V\", which "
                               "takes %s", &value[i], &value[0], names);
            return NGX_ERROR;
        }

        if (*given & ((ngx_uint_t) 1 << n)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is given twice in \"%V\"",
                               &param[n].name, &value[0]);
            return NGX_ERROR;
        }

        *given |= (ngx_uint_t) 1 << n;

        text.data = value[i].data + param[n].name.len;
        text.len = value[i].len - param[n].name.len;

        if (ngx_er_target_set(cf, policy, &param[n], &value[i], &text)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_target_set(ngx_conf_t *cf, ngx_er_policy_t *policy,
    ngx_er_target_param_t *param, ngx_str_t *word, ngx_str_t *text)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    n = ngx_er_target_number(param->kind, text);

    if (n == NGX_ERROR || (uint64_t) n < param->min
        || (uint64_t) n > param->max)
    {
        value = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\": it is a %s %s",
                           word, &value[0],
                           param->kind == NGX_ER_TARGET_TIME ? "time"
                                                             : "number",
                           param->range);
        return NGX_ERROR;
    }

    if (param->kind == NGX_ER_TARGET_TIME) {
        *(uint64_t *) ((char *) policy + param->offset) = n;

    } else {
        *(ngx_uint_t *) ((char *) policy + param->offset) = n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_target_number(ngx_er_target_kind_e kind, ngx_str_t *text)
{
    switch (kind) {

    case NGX_ER_TARGET_TIME:
        return ngx_parse_time(text, 0);

    case NGX_ER_TARGET_PERCENT:

        if (text->len < 2 || text->data[text->len - 1] != '%') {
            return NGX_ERROR;
        }

        return ngx_atoi(text->data, text->len - 1);

    default: /* NGX_ER_TARGET_NUMBER */
        return ngx_atoi(text->data, text->len);
    }
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
