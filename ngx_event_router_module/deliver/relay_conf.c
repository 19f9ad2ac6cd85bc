
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "reply from=TARGET" of event_source while nginx.conf is read: which headers
 * may be handed on, and how large a body.  Whose answer it is is looked up
 * when all was read (relay.c).
 *
 * Never handed on are headers of the connection and those that nginx makes
 * itself.  Called by source.c for the line; what is wrong is logged with file
 * and line.
 */


#include "relay_conf.h"
#include "../conf/block.h"


#define NGX_ER_RELAY_MAX      65536    /* bytes: max= */


typedef struct {
    ngx_str_t              from;
    ngx_str_t              headers;
    size_t                 max;
} ngx_er_relay_params_t;


static char *ngx_er_relay_headers(ngx_conf_t *cf, ngx_er_relay_t *relay,
    ngx_str_t *list);
static const char *ngx_er_relay_refused(ngx_str_t *name);


static ngx_er_param_t  ngx_er_relay_rows[] = {
    { "from=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_relay_params_t, from), NULL, NULL, NULL },
    { "headers=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_relay_params_t, headers), NULL, NULL, NULL },
    { "max=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_relay_params_t, max), "1", "1m", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_relay_params = {
    ngx_er_relay_rows,
    "which takes from=TARGET, headers=NAME,... and max=SIZE", 0, 0
};


char *
ngx_er_relay_line(ngx_conf_t *cf, ngx_er_source_t *source)
{
    ngx_er_relay_t         *relay;
    ngx_er_relay_params_t   params;

    ngx_memzero(&params, sizeof(ngx_er_relay_params_t));

    params.max = NGX_ER_RELAY_MAX;

    if (ngx_er_block_params(cf, &ngx_er_relay_params, 1, &params, NULL)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (params.from.len == 0) {
        return "does not say whose answer the producer gets: write "
               "from=TARGET";
    }

    relay = ngx_pcalloc(cf->pool, sizeof(ngx_er_relay_t));
    if (relay == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&relay->headers, cf->pool, NGX_ER_RELAY_HEADERS,
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    relay->name = params.from;
    relay->max = params.max;
    ngx_er_where_set(cf, &relay->where);

    source->relay = relay;

    return ngx_er_relay_headers(cf, relay, &params.headers);
}


static char *
ngx_er_relay_headers(ngx_conf_t *cf, ngx_er_relay_t *relay, ngx_str_t *list)
{
    u_char      *p, *last, *comma;
    ngx_str_t   *name;
    const char  *why;

    last = list->data + list->len;

    for (p = list->data; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        name = ngx_array_push(&relay->headers);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        name->data = p;
        name->len = comma - p;

        why = ngx_er_relay_refused(name);

        if (why) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "header \"%V\" of \"reply\" cannot be handed "
                               "on: %s", name, why);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* NULL, or why a header of the target must not reach the producer */

static const char *
ngx_er_relay_refused(ngx_str_t *name)
{
    size_t       i;
    ngx_uint_t   n;

    static ngx_str_t  own[] = {
        ngx_string("connection"), ngx_string("keep-alive"),
        ngx_string("proxy-connection"), ngx_string("te"),
        ngx_string("trailer"), ngx_string("transfer-encoding"),
        ngx_string("upgrade"), ngx_string("content-length"),
        ngx_string("proxy-authenticate"), ngx_string("server"),
        ngx_string("date"), ngx_string("x-content-type-options")
    };

    if (name->len == 0) {
        return "it has no name";
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] >= 0x7f
            || ngx_strchr("\"(),/:;<=>?@[\\]{}", name->data[i]))
        {
            return "it is not the name of a header";
        }
    }

    for (n = 0; n < sizeof(own) / sizeof(own[0]); n++) {
        if (name->len == own[n].len
            && ngx_strncasecmp(name->data, own[n].data, name->len) == 0)
        {
            return "it belongs to the target's connection; nginx makes the "
                   "producer's own";
        }
    }

    if (name->len >= sizeof("x-accel-") - 1
        && ngx_strncasecmp(name->data, (u_char *) "x-accel-",
                           sizeof("x-accel-") - 1)
           == 0)
    {
        return "X-Accel-* headers steer nginx";
    }

    return NULL;
}
