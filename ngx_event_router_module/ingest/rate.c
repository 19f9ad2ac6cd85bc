
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How many events a source may publish: "rate" of event_source.  A request is
 * counted when it was verified and its events are known, and before anything
 * is done for them: what is refused (429) has claimed no key and called no
 * target, so the producer sends it again and nothing is lost.  What is known
 * as a duplicate later has counted, too.  For requests that are not verified
 * there is nginx's limit_req.
 *
 * All events of a request are let through or none is; each counts, and with
 * "by=" each in the bucket of what it has in that field, known by its hash.
 * The buckets are those of Redis where keys of duplicates are (redis/rate.c),
 * so that several nginx share them, else and while Redis is away those of this
 * nginx (store/bucket.c).
 *
 * receive.c calls ngx_er_rate_ask() and, when the request goes, forget().
 * What Redis is asked lives in a pool of its own until the answer is there.
 * What may fail is memory.
 */


#include "rate.h"
#include "attributes.h"
#include "crypto.h"
#include "../store/bucket.h"
#include "../store/dedup.h"
#include "../store/redis/rate.h"


#define NGX_ER_RATE_MAX   1000000      /* of any unit, and of burst= */
#define NGX_ER_RATE_VALUE  64          /* bytes of one that is named */
#define NGX_ER_RATE_LONG  366          /* days that a burst lasts, at most */


struct ngx_er_rate_s {
    ngx_er_buckets_t       buckets;
    ngx_int_t              field;      /* of by=, or NGX_CONF_UNSET */
    ngx_str_t              text;
};


/* Redis is asked */

struct ngx_er_rate_ask_s {
    ngx_pool_t            *pool;
    ngx_er_receive_t      *ctx;        /* NULL: the request has gone */
    ngx_er_rate_pt         handler;
    ngx_er_bucket_take_t  *take;
    ngx_uint_t             n;
};


typedef struct {
    ngx_uint_t             burst;      /* 0: not written */
    ngx_str_t              by;
} ngx_er_rate_params_t;


static ngx_uint_t ngx_er_rate_unit(ngx_str_t *word, ngx_int_t *n);
static char *ngx_er_rate_burst(ngx_er_rate_t *rate, ngx_uint_t unit,
    ngx_uint_t n, ngx_uint_t burst);
static char *ngx_er_rate_by(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *by);
static ngx_int_t ngx_er_rate_text_set(ngx_conf_t *cf, ngx_er_rate_t *rate,
    ngx_str_t *word, ngx_str_t *by);
static ngx_er_bucket_take_t *ngx_er_rate_takes(ngx_er_receive_t *ctx,
    ngx_pool_t *pool, ngx_uint_t *n);
static void ngx_er_rate_key(ngx_er_event_t *event, ngx_int_t field,
    u_char *key);
static void ngx_er_rate_answer(void *data, ngx_int_t wait);
static ngx_uint_t ngx_er_rate_shown(ngx_er_receive_t *ctx, ngx_int_t field);
static ngx_uint_t ngx_er_rate_seconds(ngx_msec_t wait);


static ngx_er_param_t  ngx_er_rate_rows[] = {
    { "burst=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_rate_params_t, burst), "1", "1000000", NULL },
    { "by=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_rate_params_t, by), NULL, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_rate_params = {
    ngx_er_rate_rows, "which takes by=FIELD and burst=NUMBER", 0, 0
};


char *
ngx_er_rate_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    char                  *rv;
    ngx_int_t              n;
    ngx_str_t             *value;
    ngx_uint_t             unit;
    ngx_er_rate_t         *rate;
    ngx_er_rate_params_t   params;

    value = cf->args->elts;
    unit = ngx_er_rate_unit(&value[1], &n);

    if (unit == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\": it is a number from 1 to %d "
                           "and a unit, as in 50r/s, 100r/m, 1000r/h or "
                           "5000r/d", &value[1], NGX_ER_RATE_MAX);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&params, sizeof(ngx_er_rate_params_t));

    if (ngx_er_block_params(cf, &ngx_er_rate_params, 2, &params, NULL)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    rate = ngx_pcalloc(cf->pool, sizeof(ngx_er_rate_t));
    if (rate == NULL) {
        return NGX_CONF_ERROR;
    }

    rate->field = NGX_CONF_UNSET;
    draft->source->rate = rate;

    rv = ngx_er_rate_burst(rate, unit, n, params.burst);

    if (rv == NGX_CONF_OK && params.by.len) {
        rv = ngx_er_rate_by(cf, draft, &params.by);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_er_rate_text_set(cf, rate, &value[1], &params.by) != NGX_OK
        || ngx_er_buckets_create(cf, &rate->buckets, &draft->source->name)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* by default may come at once what comes in the time that the rate names */

static char *
ngx_er_rate_burst(ngx_er_rate_t *rate, ngx_uint_t unit, ngx_uint_t n,
    ngx_uint_t burst)
{
    burst = burst ? burst : n;

    rate->buckets.interval = (uint64_t) unit * 1000000000 / n;

    if (burst > (uint64_t) NGX_ER_RATE_LONG * 86400 * 1000000000
                / rate->buckets.interval)
    {
        return "has a burst= that takes more than a year to come again";
    }

    rate->buckets.burst = (burst - 1) * rate->buckets.interval;

    return NGX_CONF_OK;
}


static char *
ngx_er_rate_by(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *by)
{
    ngx_er_rate_t   *rate;
    ngx_er_error_t   err;
    ngx_er_field_t   field;

    rate = draft->source->rate;

    if (ngx_er_field_parse(cf->pool, by, NULL, &field, &err) != NGX_OK) {
        return ngx_er_where_error(cf, &err);
    }

    rate->field = ngx_er_fields_add(draft->mcf->fields, &field);
    rate->buckets.many = 1;

    return (rate->field == NGX_ERROR) ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/* seconds, 0: it is no rate */

static ngx_uint_t
ngx_er_rate_unit(ngx_str_t *word, ngx_int_t *n)
{
    ngx_uint_t  i;

    static struct {
        const char  *name;
        ngx_uint_t   seconds;
    } units[] = {
        { "r/s", 1 }, { "r/m", 60 }, { "r/h", 3600 }, { "r/d", 86400 }
    };

    if (word->len <= 3) {
        return 0;
    }

    *n = ngx_atoi(word->data, word->len - 3);

    if (*n < 1 || *n > NGX_ER_RATE_MAX) {
        return 0;
    }

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ngx_strcmp(word->data + word->len - 3, units[i].name) == 0) {
            return units[i].seconds;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_rate_text_set(ngx_conf_t *cf, ngx_er_rate_t *rate, ngx_str_t *word,
    ngx_str_t *by)
{
    u_char  *p;

    rate->text = *word;

    if (by->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, word->len + sizeof(" by=") + by->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    rate->text.data = p;
    rate->text.len = ngx_sprintf(p, "%V by=%V", word, by) - p;

    return NGX_OK;
}


/* "data" alone has no rest, it is the element already */

void
ngx_er_rate_split(ngx_conf_t *cf, ngx_er_source_t *source, ngx_str_t *array)
{
    u_char     *p;
    ngx_str_t   by;

    by = source->rate->text;
    p = ngx_strnstr(by.data, " by=", by.len);

    if (p == NULL || ngx_strlchr(array->data, array->data + array->len, '.')
                     == NULL)
    {
        return;
    }

    by.len -= p + sizeof(" by=") - 1 - by.data;
    by.data = p + sizeof(" by=") - 1;

    if (by.len <= array->len + 1
        || ngx_strncmp(by.data, array->data, array->len) != 0
        || by.data[array->len] != '.')
    {
        return;
    }

    by.data += array->len;
    by.len -= array->len;

    ngx_er_where_log(cf, NGX_LOG_WARN, &source->where,
                     "\"rate\" of event_source \"%V\" is by \"%V%V\", but the "
                     "body is split by \"%V\": \"data\" is the element then, "
                     "write \"by=data%V\"", &source->name, array, &by, array,
                     &by);
}


ngx_str_t *
ngx_er_rate_text(ngx_er_source_t *source)
{
    return &source->rate->text;
}


u_char *
ngx_er_rate_value(ngx_er_receive_t *ctx, u_char *buf, size_t size)
{
    ngx_str_t        text;
    ngx_int_t        field;
    ngx_er_part_t   *part;
    ngx_er_value_t  *value;

    field = ctx->source->rate->field;

    if (field == NGX_CONF_UNSET || !ngx_er_rate_shown(ctx, field)) {
        return buf;
    }

    part = ctx->parts.elts;

    if (ctx->parts.nelts != 1) {
        return ngx_snprintf(buf, size, " for one of its values");
    }

    value = ngx_er_fact(part->event->facts, field);

    if (value == NULL) {
        return ngx_snprintf(buf, size, " for events without that field");
    }

    if (ngx_er_event_attribute(ctx->request->pool, &value->text,
                               NGX_ER_RATE_VALUE, &text)
        != NGX_OK)
    {
        return buf;
    }

    return ngx_snprintf(buf, size, " for \"%V%s\"", &text,
                        value->text.len > NGX_ER_RATE_VALUE ? "..." : "");
}


/* a header, an argument or a variable can be a secret, and what is hidden is
   not shown */

static ngx_uint_t
ngx_er_rate_shown(ngx_er_receive_t *ctx, ngx_int_t field)
{
    ngx_er_field_t      *fields;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(ctx->request,
                                        ngx_http_event_router_module);
    fields = mcf->fields->list.elts;

    if (ctx->source->redact
        && ngx_er_redact_hides(ctx->source->redact, &fields[field]))
    {
        return 0;
    }

    switch (fields[field].kind) {

    case NGX_ER_FIELD_HEADER:
    case NGX_ER_FIELD_ARG:
    case NGX_ER_FIELD_VARIABLE:
        return 0;

    default:
        return 1;
    }
}


ngx_int_t
ngx_er_rate_field(ngx_er_source_t *source)
{
    return source->rate->field;
}


ngx_int_t
ngx_er_rate_ask(ngx_er_receive_t *ctx, ngx_er_rate_pt handler,
    ngx_uint_t *retry)
{
    ngx_uint_t             n;
    ngx_pool_t            *pool;
    ngx_er_dedup_t        *dedup;
    ngx_er_rate_ask_t     *ask;
    ngx_er_main_conf_t    *mcf;
    ngx_er_bucket_take_t  *take;

    mcf = ngx_http_get_module_main_conf(ctx->request,
                                        ngx_http_event_router_module);
    dedup = mcf->dedup;
    pool = ctx->request->pool;

    if (dedup->redis) {
        pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
        if (pool == NULL) {
            return NGX_ERROR;
        }
    }

    take = ngx_er_rate_takes(ctx, pool, &n);

    if (take && dedup->redis) {
        ask = ngx_palloc(pool, sizeof(ngx_er_rate_ask_t));

        if (ask) {
            ask->pool = pool;
            ask->ctx = ctx;
            ask->handler = handler;
            ask->take = take;
            ask->n = n;

            if (ngx_er_redis_rate(dedup->redis, pool, ctx->source->hash,
                                  &ctx->source->rate->buckets, take, n,
                                  ngx_er_rate_answer, ask)
                == NGX_OK)
            {
                ctx->ask = ask;
                return NGX_AGAIN;
            }
        }
    }

    if (take) {
        *retry = ngx_er_rate_seconds(
                     ngx_er_buckets_take(&ctx->source->rate->buckets, take,
                                         n));
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router rate: %ui buckets of \"%V\", retry:%ui",
                   n, &ctx->source->name, take ? *retry : 0);

    if (dedup->redis) {
        ngx_destroy_pool(pool);
    }

    return take ? NGX_OK : NGX_ERROR;
}


void
ngx_er_rate_forget(ngx_er_receive_t *ctx)
{
    if (ctx->ask) {
        ctx->ask->ctx = NULL;
        ctx->ask = NULL;
    }
}


/* which buckets the events are taken from, and how many of each */

static ngx_er_bucket_take_t *
ngx_er_rate_takes(ngx_er_receive_t *ctx, ngx_pool_t *pool, ngx_uint_t *n)
{
    ngx_uint_t             i;
    ngx_er_part_t         *part;
    ngx_er_rate_t         *rate;
    ngx_er_bucket_take_t  *take;

    rate = ctx->source->rate;
    *n = rate->buckets.many ? ctx->parts.nelts : 1;

    take = ngx_pcalloc(pool, ngx_max(*n, 1) * sizeof(ngx_er_bucket_take_t));
    if (take == NULL) {
        return NULL;
    }

    if (!rate->buckets.many) {
        take->n = ctx->parts.nelts;
        return take;
    }

    part = ctx->parts.elts;

    for (i = 0; i < *n; i++) {
        ngx_er_rate_key(part[i].event, rate->field, take[i].key);
        take[i].n = 1;
    }

    return take;
}


/* of the first value; those without one are one key, too */

static void
ngx_er_rate_key(ngx_er_event_t *event, ngx_int_t field, u_char *key)
{
    u_char           hash[32];
    ngx_str_t        parts[2];
    ngx_er_value_t  *value;

    value = ngx_er_fact(event->facts, field);

    ngx_str_set(&parts[0], "-");
    ngx_str_null(&parts[1]);

    if (value) {
        ngx_str_set(&parts[0], "+");
        parts[1] = value->text;
    }

    ngx_er_sha256(hash, parts, 2);
    ngx_memcpy(key, hash, NGX_ER_BUCKET_KEY);
}


/* "wait" in ms; NGX_ERROR: this nginx counts by itself */

static void
ngx_er_rate_answer(void *data, ngx_int_t wait)
{
    ngx_er_rate_ask_t *ask = data;

    ngx_er_receive_t  *ctx;

    ctx = ask->ctx;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router rate: redis answers %i ms, request:%d",
                   wait, ctx != NULL);

    if (ctx == NULL) {
        ngx_destroy_pool(ask->pool);
        return;
    }

    if (wait == NGX_ERROR) {
        wait = ngx_er_buckets_take(&ctx->source->rate->buckets, ask->take,
                                   ask->n);
    }

    ctx->ask = NULL;
    ask->handler(ctx, ngx_er_rate_seconds(wait));

    ngx_destroy_pool(ask->pool);
}


/* rounded up: who comes earlier is refused again */

static ngx_uint_t
ngx_er_rate_seconds(ngx_msec_t wait)
{
    return (wait + 999) / 1000;
}
