
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The arguments of the administration: which entries (target=, event=,
 * route=, from=, to=, all=1), which page (limit=, after=, body=1) and where a
 * replay goes (deliver_to=, archive=).  admin.c calls it; what is wrong comes
 * back as a sentence for a problem, so it has no byte of the request.
 *
 * An argument that is misspelt, empty or not meant for the verb is refused:
 * to ignore one that should narrow a purge would purge too much.
 */


#include "admin.h"


#define NGX_ER_ADMIN_PAGE   50
#define NGX_ER_ADMIN_PAGES  1000

/* the end of the year 9999, which is as many milliseconds as 64 bits hold */
#define NGX_ER_ADMIN_LATEST  253402300799

#define NGX_ER_ADMIN_ANY    ((ngx_uint_t) -1)  /* of all verbs */


static const char *ngx_er_admin_known(ngx_http_request_t *r,
    ngx_er_queue_verb_e verb);
static const char *ngx_er_admin_filter(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op, ngx_er_admin_t *ctx);
static const char *ngx_er_admin_page(ngx_http_request_t *r,
    ngx_er_queue_op_t *op);
static const char *ngx_er_admin_replay(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_admin_when(ngx_str_t *text, uint64_t *ms);
static ngx_int_t ngx_er_admin_hex(ngx_str_t *text, uint64_t *n);


static struct {
    ngx_str_t    name;
    ngx_uint_t   verbs;
} ngx_er_admin_arguments[] = {
    { ngx_string("target"), NGX_ER_ADMIN_ANY },
    { ngx_string("event"), NGX_ER_ADMIN_ANY },
    { ngx_string("route"), NGX_ER_ADMIN_ANY },
    { ngx_string("from"), NGX_ER_ADMIN_ANY },
    { ngx_string("to"), NGX_ER_ADMIN_ANY },
    { ngx_string("all"), 1 << NGX_ER_QUEUE_REPLAY | 1 << NGX_ER_QUEUE_PURGE },
    { ngx_string("limit"), 1 << NGX_ER_QUEUE_LIST },
    { ngx_string("after"), 1 << NGX_ER_QUEUE_LIST },
    { ngx_string("body"), 1 << NGX_ER_QUEUE_LIST },
    { ngx_string("deliver_to"), 1 << NGX_ER_QUEUE_REPLAY },
    { ngx_string("archive"), 1 << NGX_ER_QUEUE_REPLAY },
    { ngx_null_string, 0 }
};


const char *
ngx_er_admin_args(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    ngx_str_t            value;
    const char          *why;
    ngx_er_main_conf_t  *mcf;
    ngx_http_request_t  *r;

    r = ctx->request;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    why = ngx_er_admin_known(r, op->verb);

    if (why) {
        return why;
    }

    ctx->reveal = (ctx->reveal && ngx_er_admin_arg(r, "body", &value));

    why = ngx_er_admin_filter(r, mcf, op, ctx);

    if (why) {
        return why;
    }

    ngx_log_debug6(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: filter, target:%016xL event:%016xL "
                   "from:%uL to:%uL route:%uz reveal:%ui", op->filter.target,
                   op->filter.seq, op->filter.from, op->filter.to,
                   op->filter.route.len, ctx->reveal);

    switch (op->verb) {

    case NGX_ER_QUEUE_LIST:
        return ngx_er_admin_page(r, op);

    case NGX_ER_QUEUE_REPLAY:
        return ngx_er_admin_replay(r, mcf, op);

    default: /* NGX_ER_QUEUE_PURGE */
        return NULL;
    }
}


static const char *
ngx_er_admin_known(ngx_http_request_t *r, ngx_er_queue_verb_e verb)
{
    u_char      *p, *last, *end, *equal;
    ngx_str_t    name, value;
    ngx_uint_t   i, seen;

    p = r->args.data;
    last = p + r->args.len;
    seen = 0;

    for ( /* void */ ; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;

        equal = ngx_strlchr(p, end, '=');

        if (equal == NULL || equal == end - 1) {
            return "an argument is without a value";
        }

        name.data = p;
        name.len = equal - p;
        value.data = equal + 1;
        value.len = end - value.data;

        for (i = 0; ngx_er_admin_arguments[i].name.len; i++) {
            if (ngx_er_admin_arguments[i].name.len == name.len
                && ngx_strncmp(ngx_er_admin_arguments[i].name.data, name.data,
                               name.len)
                   == 0)
            {
                break;
            }
        }

        if (!(ngx_er_admin_arguments[i].verbs & 1 << verb)) {
            return "an argument is not known here; there are target=, event=, "
                   "route=, from= and to=, for lists limit=, after= and "
                   "body=, to replay and purge all=, to replay deliver_to= "
                   "and archive=";
        }

        if (seen & 1 << i) {
            return "an argument stands twice";
        }

        seen |= 1 << i;

        if ((name.len == 3 && ngx_strncmp(name.data, "all", 3) == 0)
            || (name.len == 4 && ngx_strncmp(name.data, "body", 4) == 0))
        {
            if (value.len != 1 || value.data[0] != '1') {
                return "all= and body= take 1";
            }
        }
    }

    return NULL;
}


/* target, event, route, from, to */

static const char *
ngx_er_admin_filter(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_queue_op_t *op, ngx_er_admin_t *ctx)
{
    ngx_str_t               value;
    ngx_er_queue_filter_t  *f;

    f = &op->filter;

    if (ngx_er_admin_arg(r, "target", &value)) {

        /* one that is not configured can have dead letters, too */

        f->target = ngx_er_hash64(&value);
        ctx->target = ngx_er_target_find(mcf, &value);
    }

    if (ngx_er_admin_arg(r, "event", &value)
        && (ngx_er_admin_hex(&value, &f->seq) != NGX_OK || f->seq == 0))
    {
        return "event= takes the 16 hexadecimal digits of an event in a list";
    }

    if (ngx_er_admin_arg(r, "from", &value)
        && ngx_er_admin_when(&value, &f->from) != NGX_OK)
    {
        return "from= takes seconds since 1970";
    }

    if (ngx_er_admin_arg(r, "to", &value)
        && ngx_er_admin_when(&value, &f->to) != NGX_OK)
    {
        return "to= takes seconds since 1970";
    }

    if (ngx_er_admin_arg(r, "route", &value)) {
        f->route.len = value.len;
        f->route.data = ngx_pstrdup(op->pool, &value);

        if (f->route.data == NULL) {
            return "no memory";
        }
    }

    if (op->verb != NGX_ER_QUEUE_LIST && f->target == 0 && f->seq == 0
        && f->route.len == 0 && f->from == 0 && f->to == 0
        && !ngx_er_admin_arg(r, "all", &value)
        && !ngx_er_admin_arg(r, "archive", &value))
    {
        return "say which: target=, event=, route=, from=, to=, or all=1";
    }

    return NULL;
}


static const char *
ngx_er_admin_page(ngx_http_request_t *r, ngx_er_queue_op_t *op)
{
    ngx_int_t  n;
    ngx_str_t  value, half;

    op->limit = NGX_ER_ADMIN_PAGE;

    if (ngx_er_admin_arg(r, "limit", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_ER_ADMIN_PAGES) {
            return "limit= takes a number from 1 to 1000";
        }

        op->limit = n;
    }

    if (ngx_er_admin_arg(r, "after", &value)) {
        half.len = 16;
        half.data = value.data;

        if (value.len != 33 || value.data[16] != '-'
            || ngx_er_admin_hex(&half, &op->after[0]) != NGX_OK)
        {
            return "after= takes the \"next\" of the page before";
        }

        half.data = value.data + 17;

        if (ngx_er_admin_hex(&half, &op->after[1]) != NGX_OK) {
            return "after= takes the \"next\" of the page before";
        }
    }

    return NULL;
}


static const char *
ngx_er_admin_replay(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_queue_op_t *op)
{
    ngx_str_t         value;
    ngx_er_target_t  *to;

    op->command = ngx_er_queue_token(mcf->queue);

    if (ngx_er_admin_arg(r, "deliver_to", &value)) {
        to = ngx_er_target_find(mcf, &value);

        if (to == NULL) {
            return ngx_er_admin_unknown(r->pool, mcf, &value);
        }

        op->to.target = to->hash;
        op->to.name = to->name;
    }

    if (ngx_er_admin_arg(r, "archive", &value)) {
        op->archive = 1;
        op->filter.source = ngx_er_hash64(&value);

        if (op->to.target == 0) {
            return "archive=SOURCE needs deliver_to=TARGET";
        }
    }

    return NULL;
}


ngx_uint_t
ngx_er_admin_arg(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    return ngx_http_arg(r, (u_char *) name, ngx_strlen(name), value) == NGX_OK
           && value->len;
}


static ngx_int_t
ngx_er_admin_when(ngx_str_t *text, uint64_t *ms)
{
    time_t  t;

    t = ngx_atotm(text->data, text->len);

    if (t == NGX_ERROR || t == 0 || t > NGX_ER_ADMIN_LATEST) {
        return NGX_ERROR;
    }

    *ms = (uint64_t) t * 1000;

    return NGX_OK;
}


static ngx_int_t
ngx_er_admin_hex(ngx_str_t *text, uint64_t *n)
{
    size_t     i;
    ngx_int_t  digit;

    *n = 0;

    if (text->len != 16) {
        return NGX_ERROR;
    }

    for (i = 0; i < 16; i++) {
        digit = ngx_hextoi(text->data + i, 1);

        if (digit == NGX_ERROR) {
            return NGX_ERROR;
        }

        *n = *n << 4 | (uint64_t) digit;
    }

    return NGX_OK;
}
