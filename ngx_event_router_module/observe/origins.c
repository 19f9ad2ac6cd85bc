
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where entries come from.  A target whose "from" names sources gets those of
 * no other by a route, nor shall it by "deliver_to=".  Only the record of an
 * event has its source, so they are listed, a page at a time, before the first
 * one is replayed or moved: all of them go or none.  Whether one comes between
 * the look and the act nobody can know who does not say which ones are meant.
 *
 * Called by admin.c and api_origins.c.  A page is an operation of its own and
 * owns what is known of the whole.  What may fail is memory and the store.
 */


#include "origins.h"
#include "../ingest/record.h"


#define NGX_ER_ORIGINS_PAGE  100       /* entries */


typedef struct {
    ngx_er_queue_t        *queue;
    ngx_er_target_t       *to;
    ngx_er_origins_pt      handler;
    void                  *data;
} ngx_er_origins_t;


static ngx_int_t ngx_er_origins_page(ngx_er_origins_t *origins,
    ngx_er_queue_filter_t *filter, ngx_uint_t dead, uint64_t *after);
static void ngx_er_origins_handler(ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_origins_may(ngx_er_target_t *to,
    ngx_array_t *entries);


ngx_int_t
ngx_er_origins(ngx_er_queue_t *queue, ngx_er_queue_filter_t *filter,
    ngx_uint_t dead, ngx_er_target_t *to, ngx_er_origins_pt handler,
    void *data)
{
    uint64_t          after[2];
    ngx_er_origins_t  origins;

    origins.queue = queue;
    origins.to = to;
    origins.handler = handler;
    origins.data = data;

    after[0] = 0;
    after[1] = 0;

    return ngx_er_origins_page(&origins, filter, dead, after);
}


static ngx_int_t
ngx_er_origins_page(ngx_er_origins_t *origins, ngx_er_queue_filter_t *filter,
    ngx_uint_t dead, uint64_t *after)
{
    ngx_er_origins_t   *copy;
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(NGX_ER_QUEUE_LIST, ngx_er_origins_handler, NULL);
    if (op == NULL) {
        return NGX_ERROR;
    }

    copy = ngx_palloc(op->pool, sizeof(ngx_er_origins_t));
    if (copy == NULL) {
        ngx_er_queue_op_free(op);
        return NGX_ERROR;
    }

    *copy = *origins;

    op->data = copy;
    op->filter = *filter;
    op->dead = (dead != 0);
    op->records = 1;
    op->limit = NGX_ER_ORIGINS_PAGE;
    op->after[0] = after[0];
    op->after[1] = after[1];

    ngx_er_queue_run(origins->queue, op);

    return NGX_OK;
}


static void
ngx_er_origins_handler(ngx_er_queue_op_t *op)
{
    void               *data;
    ngx_int_t           rc;
    ngx_er_origins_t   *origins;
    ngx_er_origins_pt   handler;

    origins = op->data;

    rc = (op->rc == NGX_OK) ? ngx_er_origins_may(origins->to, op->entries)
                            : NGX_ERROR;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router origins: entries to \"%V\", rc:%i "
                   "more:%ui", &origins->to->name, rc, op->more);

    if (rc == NGX_OK && op->more) {

        rc = ngx_er_origins_page(origins, &op->filter, op->dead, op->after);

        if (rc == NGX_OK) {
            ngx_er_queue_op_free(op);
            return;
        }
    }

    handler = origins->handler;
    data = origins->data;

    ngx_er_queue_op_free(op);

    handler(data, rc);
}


/* what cannot be read will not be sent; but for what only lacks its key */

static ngx_int_t
ngx_er_origins_may(ngx_er_target_t *to, ngx_array_t *entries)
{
    ngx_uint_t        i;
    ngx_er_entry_t   *entry;
    ngx_er_record_t   record;

    if (entries == NULL) {
        return NGX_OK;
    }

    entry = entries->elts;

    for (i = 0; i < entries->nelts; i++) {

        if (entry[i].locked) {
            return NGX_DECLINED;
        }

        if (ngx_er_record_read(&entry[i].record, &record) == NGX_OK
            && !ngx_er_publishers_name(to, &record.source))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
