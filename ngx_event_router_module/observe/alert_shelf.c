
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A restart does not tell everything once more.  Each alert that was told and
 * goes on has a row on the store's shelf, written when it is told and dropped
 * when its end is; after a start they are read before anything is told.  Rows
 * are those of one nginx: its host and the name of its configuration.
 *
 *     version 1, since 8, total 8, stamp 8; the row's id is the alert's hash
 *
 * Numbers are in the order of the machine.  A row that is not written again
 * goes by itself, for then its nginx is no more.  Called by alert_turn.c; if
 * the store fails, something is told twice.
 */


#include "alert_shelf.h"


#define NGX_ER_ALERT_SHELF_VERSION  1
#define NGX_ER_ALERT_SHELF_ROW      25
#define NGX_ER_ALERT_SHELF_KEEP     86400000  /* ms beyond two "repeat" */
#define NGX_ER_ALERT_SHELF_ROWS     1000      /* in one answer */


static void ngx_er_alert_shelf_ended(ngx_er_queue_op_t *op);
static void ngx_er_alert_shelf_list(ngx_er_queue_op_t *op);
static void ngx_er_alert_shelf_row(ngx_er_alerts_t *alerts,
    ngx_er_shelf_row_t *row);


void
ngx_er_alert_shelf_put(ngx_er_alert_t *alert)
{
    u_char               *p;
    ngx_uint_t            told;
    ngx_er_shelf_t       *shelf;
    ngx_er_queue_op_t    *op;
    ngx_er_alert_kept_t   kept;

    told = ngx_er_alert_keep(alert, &kept);

    op = ngx_er_queue_shelf_op(told ? NGX_ER_SHELF_PUT : NGX_ER_SHELF_DROP,
                               NGX_ER_SHELF_ALERTS, alert->alerts->name,
                               ngx_er_alert_shelf_ended, alert->alerts);
    if (op == NULL) {
        return;
    }

    shelf = op->shelf;
    shelf->id = kept.hash;

    if (told) {
        p = ngx_pnalloc(op->pool, NGX_ER_ALERT_SHELF_ROW);
        if (p == NULL) {
            ngx_er_queue_op_free(op);
            return;
        }

        shelf->value.data = p;
        shelf->value.len = NGX_ER_ALERT_SHELF_ROW;
        shelf->until = kept.stamp + 2 * (uint64_t) alert->alerts->repeat
                       + NGX_ER_ALERT_SHELF_KEEP;

        *p++ = NGX_ER_ALERT_SHELF_VERSION;
        p = ngx_cpymem(p, &kept.since, 8);
        p = ngx_cpymem(p, &kept.total, 8);
        (void) ngx_cpymem(p, &kept.stamp, 8);
    }

    ngx_er_queue_run(alert->alerts->queue, op);
}


static void
ngx_er_alert_shelf_ended(ngx_er_queue_op_t *op)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: %016xL is kept, rc:%i", op->shelf->id,
                   op->rc);

    ngx_er_queue_op_free(op);
}


void
ngx_er_alert_shelf_read(ngx_er_alerts_t *alerts)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_LIST, NGX_ER_SHELF_ALERTS,
                               alerts->name, ngx_er_alert_shelf_list, alerts);
    if (op == NULL) {
        return;
    }

    op->shelf->limit = NGX_ER_ALERT_SHELF_ROWS;

    ngx_er_queue_run(alerts->queue, op);
}


static void
ngx_er_alert_shelf_list(ngx_er_queue_op_t *op)
{
    ngx_uint_t           i;
    ngx_er_alerts_t     *alerts;
    ngx_er_shelf_row_t  *row;

    alerts = op->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alert: those that were told before, rc:%i "
                   "new:%ui", op->rc, ngx_er_alerts_new(alerts));

    if (op->rc == NGX_OK && ngx_er_alerts_new(alerts)) {

        row = op->shelf->rows ? op->shelf->rows->elts : NULL;

        for (i = 0; row && i < op->shelf->rows->nelts; i++) {
            ngx_er_alert_shelf_row(alerts, &row[i]);
        }

        if (op->shelf->more && i) {
            op->shelf->after = row[i - 1].id;
            op->shelf->rows = NULL;
            ngx_er_queue_run(alerts->queue, op);
            return;
        }

        ngx_er_alerts_known(alerts);
    }

    ngx_er_queue_op_free(op);
}


/* bytes from a store are not trusted */

static void
ngx_er_alert_shelf_row(ngx_er_alerts_t *alerts, ngx_er_shelf_row_t *row)
{
    u_char               *p;
    ngx_er_alert_kept_t   kept;

    p = row->value.data;

    if (row->value.len != NGX_ER_ALERT_SHELF_ROW
        || *p++ != NGX_ER_ALERT_SHELF_VERSION)
    {
        return;
    }

    kept.hash = row->id;

    ngx_memcpy(&kept.since, p, 8);
    ngx_memcpy(&kept.total, p + 8, 8);
    ngx_memcpy(&kept.stamp, p + 16, 8);

    if (kept.stamp > ngx_er_queue_now()) {
        kept.stamp = ngx_er_queue_now();
    }

    ngx_er_alerts_recall(alerts, &kept);
}
