
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "order" of a target: which of its deliveries go one after the other, and,
 * with "version=", which of them a newer one makes needless.  target.c reads
 * the line by this, and accept.c asks which order an event has.
 *
 * What is decided is the store's (store/file/version.c, store/redis/lib/
 * version.lua): only there it is known what was delivered.  Here a version is
 * brought into bytes that it can compare.  An event without one, or with one
 * that cannot be compared, is delivered as if there were no versions; that is
 * said now and then.
 *
 * Configuration is in cf->pool, and a part's version in its operation's.  What
 * may fail is memory.
 */


#include "order.h"
#include "target.h"
#include "../ingest/key.h"


#define NGX_ER_ORDER_WINDOW  604800000 /* ms */
#define NGX_ER_ORDER_QUIET   60        /* seconds from one line to the next */


struct ngx_er_versions_s {
    ngx_uint_t             field;
    ngx_msec_t             window;
    ngx_uint_t             coalesce;

    /* the worker's */

    u_char                 kind;       /* of the last version; 0: none yet */
    time_t                 told;       /* when it said something of them */
};


/* the line as it is written */

typedef struct {
    ngx_str_t              by;
    ngx_str_t              version;
    ngx_msec_t             window;
} ngx_er_order_args_t;


static const char *ngx_er_order_wrong(ngx_er_order_args_t *args,
    ngx_uint_t more);
static char *ngx_er_order_coalesce(ngx_conf_t *cf, ngx_uint_t *coalesce);
static ngx_int_t ngx_er_order_field(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *text);
static void ngx_er_order_kind(ngx_er_target_t *target, ngx_er_event_t *event,
    u_char kind);


static ngx_er_param_t  ngx_er_order_rows[] = {
    { "by=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_order_args_t, by), NULL, NULL, NULL },
    { "version=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_order_args_t, version), NULL, NULL, NULL },
    { "window=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_order_args_t, window), "1s", "3650d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_order_params = {
    ngx_er_order_rows,
    "which takes by=FIELD, as in \"order by=data.order_id;\", and "
    "version=FIELD, coalesce and window=TIME", 0, 0
};


char *
ngx_er_order_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_int_t             n;
    ngx_uint_t            given, coalesce;
    const char           *why;
    ngx_er_versions_t    *versions;
    ngx_er_order_args_t   args;

    ngx_memzero(&args, sizeof(ngx_er_order_args_t));
    args.window = NGX_ER_ORDER_WINDOW;
    given = 0;

    if (ngx_er_order_coalesce(cf, &coalesce) != NGX_CONF_OK
        || ngx_er_block_params(cf, &ngx_er_order_params, 1, &args, &given)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    why = ngx_er_order_wrong(&args, coalesce || (given & 4));

    if (why) {
        return (char *) why;
    }

    n = ngx_er_order_field(cf, draft->mcf, &args.by);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    draft->target->order = n;

    if (args.version.len == 0) {
        return NGX_CONF_OK;
    }

    n = ngx_er_order_field(cf, draft->mcf, &args.version);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (n == draft->target->order) {
        return "has the same field in by= and version=: what has another "
               "version would be something else";
    }

    versions = ngx_pcalloc(cf->pool, sizeof(ngx_er_versions_t));
    if (versions == NULL) {
        return NGX_CONF_ERROR;
    }

    versions->field = n;
    versions->window = args.window;
    versions->coalesce = coalesce;

    draft->target->versions = versions;

    return NGX_CONF_OK;
}


/* NULL, or what is missing; "more": something that needs a version is there */

static const char *
ngx_er_order_wrong(ngx_er_order_args_t *args, ngx_uint_t more)
{
    if (args->by.len == 0) {
        return "has no by=: write which events go one after the other, as in "
               "\"order by=data.order_id;\"";
    }

    if (args->version.len == 0 && more) {
        return "has coalesce or window=, but no version=FIELD, which says "
               "what is newer";
    }

    return NULL;
}


/* takes the word out of the line, which has NAME=VALUE only then */

static char *
ngx_er_order_coalesce(ngx_conf_t *cf, ngx_uint_t *coalesce)
{
    ngx_str_t   *value;
    ngx_uint_t   i, n;

    value = cf->args->elts;
    *coalesce = 0;

    for (i = 1, n = 1; i < cf->args->nelts; i++) {

        if (value[i].len != sizeof("coalesce") - 1
            || ngx_strncmp(value[i].data, "coalesce", value[i].len) != 0)
        {
            value[n++] = value[i];
            continue;
        }

        if (*coalesce) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"coalesce\" stands twice in \"order\"");
            return NGX_CONF_ERROR;
        }

        *coalesce = 1;
    }

    cf->args->nelts = n;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_order_field(ngx_conf_t *cf, ngx_er_main_conf_t *mcf, ngx_str_t *text)
{
    ngx_er_error_t  err;
    ngx_er_field_t  field;

    if (ngx_er_field_parse(cf->pool, text, NULL, &field, &err) != NGX_OK) {
        (void) ngx_er_where_error(cf, &err);
        return NGX_ERROR;
    }

    return ngx_er_fields_add(mcf->fields, &field);
}


/* parts of a queue do not know of each other's entries */

ngx_int_t
ngx_er_order_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target)
{
    if (target->order == NGX_CONF_UNSET || mcf->queue == NULL
        || mcf->queue->parts < 2)
    {
        return NGX_OK;
    }

    if (target->versions) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &target->where,
                         "event_target \"%V\" has \"order\" with version=, "
                         "and the queue has shards=%ui: events of one key may "
                         "be in several shards, of which none knows what the "
                         "others have delivered; take shards=1",
                         &target->name, mcf->queue->parts);
        return NGX_ERROR;
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, &target->where,
                     "\"order\" of event_target \"%V\" is kept inside each "
                     "of the %ui shards of the queue only: take shards=1",
                     &target->name, mcf->queue->parts);

    return NGX_OK;
}


ngx_int_t
ngx_er_order_part(ngx_er_target_t *target, ngx_er_event_t *event,
    ngx_pool_t *pool, ngx_er_queue_part_t *part)
{
    ngx_int_t                rc;
    ngx_er_versions_t       *versions;
    ngx_er_entry_version_t  *version;

    part->order = ngx_er_event_order(event, target->order);
    versions = target->versions;

    if (versions == NULL || part->order == 0) {
        return NGX_OK;
    }

    version = ngx_pcalloc(pool, sizeof(ngx_er_entry_version_t));
    if (version == NULL) {
        return NGX_ERROR;
    }

    version->window = versions->window;
    version->coalesce = versions->coalesce;

    rc = ngx_er_event_version(event, target->order, versions->field, version);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router order: event \"%V\" to \"%V\", version of "
                   "%uz bytes, rc:%i", &event->id, &target->name, version->len,
                   rc);

    if (rc == NGX_OK) {
        part->version = version;
    }

    ngx_er_order_kind(target, event, part->version ? version->data[0] : 0);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* what does not compare is told now and then */

static void
ngx_er_order_kind(ngx_er_target_t *target, ngx_er_event_t *event, u_char kind)
{
    time_t              now;
    ngx_uint_t          mixed;
    ngx_er_versions_t  *versions;

    versions = target->versions;
    mixed = (kind && versions->kind && kind != versions->kind);

    if (kind) {
        versions->kind = kind;
    }

    now = ngx_time();

    if ((kind && !mixed) || now < versions->told) {
        return;
    }

    versions->told = now + NGX_ER_ORDER_QUIET;

    ngx_log_error(NGX_LOG_INFO, ngx_er_event_log(event), 0,
                  "event \"%V\" for target \"%V\" %s: it goes in the order in "
                  "which it came", &event->id, &target->name,
                  mixed ? "has a version that cannot be compared with those "
                          "before it, numbers and times are mixed"
                        : "has no version that is a number or a time");
}
