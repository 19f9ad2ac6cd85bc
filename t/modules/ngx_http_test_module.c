
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For tests: a location whose answer is made of those of subrequests, as those
 * of scripting modules are.
 *
 *     test_subrequest /one [/two];
 *
 * asks both at once and answers with what /one answered, and with 502 if that
 * had no body.
 *
 *     test_stall 300;
 *
 * blocks the worker for so many ms, lets nginx see that the time is over, as
 * modules do that know that they blocked, and answers 204.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_str_t              uri[2];
    ngx_uint_t             n;
    ngx_msec_t             stall;
} ngx_http_test_loc_conf_t;


typedef struct {
    ngx_http_request_t    *subrequest[2];
    ngx_uint_t             left;
} ngx_http_test_ctx_t;


static char *ngx_http_test_subrequest(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_test_stall(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_test_create_loc_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_test_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_test_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static void ngx_http_test_wake(ngx_http_request_t *r);
static ngx_int_t ngx_http_test_stall_handler(ngx_http_request_t *r);


static ngx_command_t  ngx_http_test_commands[] = {

    { ngx_string("test_subrequest"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_test_subrequest,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("test_stall"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_test_stall,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_test_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_test_create_loc_conf,         /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_test_module = {
    NGX_MODULE_V1,
    &ngx_http_test_module_ctx,             /* module context */
    ngx_http_test_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_test_subrequest(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_test_loc_conf_t *tlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_test_handler;

    value = cf->args->elts;

    for (tlcf->n = 0; tlcf->n < cf->args->nelts - 1; tlcf->n++) {
        tlcf->uri[tlcf->n] = value[tlcf->n + 1];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_test_stall(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_test_loc_conf_t *tlcf = conf;

    ngx_int_t                  n;
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);
    if (n == NGX_ERROR) {
        return "needs a number of ms";
    }

    tlcf->stall = n;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_test_stall_handler;

    return NGX_CONF_OK;
}


static void *
ngx_http_test_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_test_loc_conf_t));
}


static ngx_int_t
ngx_http_test_handler(ngx_http_request_t *r)
{
    ngx_uint_t                   i;
    ngx_http_test_ctx_t         *ctx;
    ngx_http_test_loc_conf_t    *tlcf;
    ngx_http_post_subrequest_t  *ps;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_test_module);

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_test_ctx_t));
    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));

    if (ctx == NULL || ps == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ps->handler = ngx_http_test_done;
    ps->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_test_module);

    for (i = 0; i < tlcf->n; i++) {

        if (ngx_http_subrequest(r, &tlcf->uri[i], NULL, &ctx->subrequest[i],
                                ps, NGX_HTTP_SUBREQUEST_IN_MEMORY
                                    |NGX_HTTP_SUBREQUEST_WAITED)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx->left = tlcf->n;

    r->write_event_handler = ngx_http_test_wake;
    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_test_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_test_ctx_t *ctx = data;

    /* nginx may end a subrequest twice */

    if (ctx->left) {
        ctx->left--;
    }

    return rc;
}


static void
ngx_http_test_wake(ngx_http_request_t *r)
{
    ngx_chain_t               *out;
    ngx_http_test_ctx_t       *ctx;
    ngx_http_complex_value_t   cv;

    static ngx_str_t  type = ngx_string("text/plain");

    ctx = ngx_http_get_module_ctx(r, ngx_http_test_module);

    if (ctx->left) {
        return;
    }

    out = ctx->subrequest[0]->out;

    if (out == NULL || out->buf == NULL || out->buf->last == out->buf->pos) {
        ngx_http_finalize_request(r, NGX_HTTP_BAD_GATEWAY);
        return;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.data = out->buf->pos;
    cv.value.len = out->buf->last - out->buf->pos;

    ngx_http_finalize_request(r, ngx_http_send_response(r, NGX_HTTP_OK, &type,
                                                        &cv));
}


static ngx_int_t
ngx_http_test_stall_handler(ngx_http_request_t *r)
{
    ngx_http_test_loc_conf_t  *tlcf;

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_test_module);

    ngx_msleep(tlcf->stall);
    ngx_time_update();

    return NGX_HTTP_NO_CONTENT;
}
