
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "batch" of event_target in nginx.conf: several events of the queue go in one
 * call.
 *
 * What speaks of one event has no meaning for several, and what waits for one
 * would wait for others: so in_doubt, forward_headers and sources that are not
 * queued are errors, each with the way out.  The bucket of "rate" has room for
 * a full call, unless burst= says otherwise.
 *
 * Runs at configuration time only, all in cf->pool.  target.c has the row and
 * says when the block ends and when all was read.
 */


#include "parcel_conf.h"
#include "publishers.h"
#include "../mapping/body.h"


static ngx_uint_t ngx_er_parcel_unlike(ngx_er_target_t *target);
static ngx_int_t ngx_er_parcel_source(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_er_source_t *source);


static ngx_er_word_t  ngx_er_parcel_forms[] = {
    { ngx_string("array"), NGX_ER_PARCEL_ARRAY },
    { ngx_string("lines"), NGX_ER_PARCEL_LINES },
    { ngx_string("cloudevents"), NGX_ER_PARCEL_CLOUDEVENTS },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  ngx_er_parcel_rows[] = {
    { "max=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_parcel_conf_t, max), "2", "1000", NULL },
    { "size=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_parcel_conf_t, size), "1k", "64m", NULL },
    { "wait=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_parcel_conf_t, wait), "0", "10m", NULL },
    { "form=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_parcel_conf_t, form), NULL, NULL,
      ngx_er_parcel_forms },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_parcel_params = {
    ngx_er_parcel_rows,
    "which takes max=NUMBER, size=SIZE, wait=TIME and form=array, lines or "
    "cloudevents", 0, 0
};


char *
ngx_er_parcel_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_er_parcel_conf_t  *parcel;

    parcel = ngx_pcalloc(cf->pool, sizeof(ngx_er_parcel_conf_t));
    if (parcel == NULL) {
        return NGX_CONF_ERROR;
    }

    parcel->max = 100;
    parcel->size = 1024 * 1024;
    parcel->wait = 1000;

    if (ngx_er_block_params(cf, &ngx_er_parcel_params, 1, parcel, NULL)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    parcel->paths = ngx_er_parcel_paths(cf->pool);
    if (parcel->paths == NULL) {
        return NGX_CONF_ERROR;
    }

    draft->target->parcel = parcel;
    draft->target->policy.batch = parcel->max;
    draft->target->policy.gather = parcel->wait;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_parcel_complete(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_uint_t burst)
{
    const char       *why;
    ngx_er_policy_t  *policy;

    if (target->parcel == NULL) {
        return NGX_OK;
    }

    policy = &target->policy;

    why = target->doubt
          ? "\"in_doubt\", which asks about one event, and a call whose "
            "answer is lost had several: take one of the two away"
          : target->forward_headers
          ? "\"forward_headers\", and a call of several events has no "
            "producer whose headers it could have: take one of the two away"
          : ngx_er_parcel_unlike(target)
          ? "form=cloudevents, and its events are none: write \"body "
            "cloudevents;\", too"
          : (policy->expires && policy->expires <= target->parcel->wait)
          ? "\"expires\" that is not longer than wait=, so events expire "
            "while a call waits for more: lower wait= or raise \"expires\""
          : NULL;

    if (why) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "event_target \"%V\" has \"batch\" and %s",
                         &target->name, why);
        return NGX_ERROR;
    }

    if (policy->rate == 0) {
        return NGX_OK;
    }

    if (!burst) {
        policy->burst = ngx_max(policy->burst, target->parcel->max);

    } else if (policy->burst < target->parcel->max) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &target->where,
                         "\"rate\" of event_target \"%V\" counts events and "
                         "has burst=%ui, so a call never has max=%ui of "
                         "\"batch\": raise burst=, or leave it out",
                         &target->name, policy->burst, target->parcel->max);
    }

    return NGX_OK;
}


/* 1: what it has in its calls is no CloudEvents, as form= says */

static ngx_uint_t
ngx_er_parcel_unlike(ngx_er_target_t *target)
{
    return target->parcel->form == NGX_ER_PARCEL_CLOUDEVENTS
           && (target->body == NULL
               || ngx_strcmp(target->body->kind->name, "cloudevents") != 0);
}


ngx_int_t
ngx_er_parcel_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    if (target->parcel == NULL) {
        return NGX_OK;
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (ngx_er_publishers_lead(source[i], target)
            && ngx_er_parcel_source(cf, target, source[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_parcel_source(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_er_source_t *source)
{
    if (source->mode != NGX_ER_MODE_QUEUED) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "event_target \"%V\" has \"batch\", and source "
                         "\"%V\" delivers while the producer waits, who would "
                         "wait for the events of others: write \"delivery "
                         "queued;\" there", &target->name, &source->name);
        return NGX_ERROR;
    }

    if (source->wait && source->wait <= target->parcel->wait
        && !target->optional)
    {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "\"batch\" of event_target \"%V\" gathers events for "
                         "%Mms, and producers of source \"%V\" wait for %Mms, "
                         "so they would never hear how it ended: lower wait= "
                         "of \"batch\" or raise that of \"delivery\"",
                         &target->name, target->parcel->wait, &source->name,
                         source->wait);
        return NGX_ERROR;
    }

    return NGX_OK;
}
