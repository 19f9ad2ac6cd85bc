
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Targets that requests of the administration name.  One that nginx.conf does
 * not have is a mistake, unless it was there and left entries behind, which
 * only the store knows: its dead letters, and what still waits for it.
 * admin.c asks before it does anything.
 */


#include "admin.h"
#include "../conf/nearest.h"


static ngx_int_t ngx_er_admin_look(ngx_er_admin_t *ctx, ngx_uint_t dead);
static void ngx_er_admin_looked(ngx_er_queue_op_t *op);


const char *
ngx_er_admin_unknown(ngx_pool_t *pool, ngx_er_main_conf_t *mcf,
    ngx_str_t *name)
{
    char        *text;
    const char  *near;

    near = ngx_er_nearest_noun(name, &mcf->targets);

    if (near == NULL) {
        return "there is no target of this name: event_status lists them";
    }

    text = ngx_pnalloc(pool, NGX_ER_NAME_MAX + 64);
    if (text == NULL) {
        return "there is no target of this name";
    }

    (void) ngx_sprintf((u_char *) text, "there is no target of this name: did "
                       "you mean \"%s\"?%Z", near);

    return text;
}


ngx_int_t
ngx_er_admin_search(ngx_er_admin_t *ctx,
    void (*found)(ngx_er_admin_t *ctx, ngx_int_t rc))
{
    ctx->found = found;

    return ngx_er_admin_look(ctx, 1);
}


static ngx_int_t
ngx_er_admin_look(ngx_er_admin_t *ctx, ngx_uint_t dead)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(NGX_ER_QUEUE_LIST, ngx_er_admin_looked, ctx);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->filter.target = ctx->op->filter.target;
    op->dead = dead;
    op->limit = 1;

    ngx_er_queue_run(ctx->queue, op);

    return NGX_OK;
}


static void
ngx_er_admin_looked(ngx_er_queue_op_t *op)
{
    ngx_int_t        rc;
    ngx_uint_t       dead;
    ngx_er_admin_t  *ctx;

    ctx = op->data;
    dead = op->dead;

    /* a store that has not looked at all of them says that there is more */

    rc = (op->rc != NGX_OK) ? NGX_ERROR
         : (op->more || (op->entries && op->entries->nelts)) ? NGX_OK
         : NGX_DECLINED;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router admin: target is looked for, dead:%ui rc:%i",
                   dead, rc);

    ngx_er_queue_op_free(op);

    if (rc == NGX_DECLINED && dead) {
        rc = ngx_er_admin_look(ctx, 0);

        if (rc == NGX_OK) {
            return;
        }
    }

    ctx->found(ctx, rc);
}
