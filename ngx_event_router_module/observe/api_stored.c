
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event is in the store under its number, but an operation looks at dead
 * letters, at what waits, or at what is there for others or retained: one
 * after the other is asked for it, and the first that has it counts.
 *
 * api_edit.c and api_explain.c ask, each with this at the beginning of its own
 * data, which it owns.  What may fail is memory and the store.
 */


#include "api_stored.h"


static ngx_int_t ngx_er_api_stored_looked(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_stored_read(ngx_er_api_t *api,
    ngx_er_entry_t *entry);
static ngx_int_t ngx_er_api_stored_nowhere(ngx_er_api_t *api);


ngx_int_t
ngx_er_api_stored(ngx_er_api_t *api)
{
    ngx_er_queue_op_t    *op;
    ngx_er_api_stored_t  *stored;

    stored = api->data;

    op = ngx_er_api_op(api, NGX_ER_QUEUE_LIST);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->filter.seq = stored->seq;
    op->filter.target = (stored->place == NGX_ER_API_STORED_KEPT)
                        ? 0 : stored->target;
    op->dead = (stored->place == NGX_ER_API_STORED_DEAD);
    op->archive = (stored->place == NGX_ER_API_STORED_KEPT);
    op->records = 1;
    op->limit = 1;

    return ngx_er_api_run(api, op, ngx_er_api_stored_looked);
}


static ngx_int_t
ngx_er_api_stored_looked(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_stored_t  *stored;

    stored = api->data;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: event %016xL, place:%d rc:%i found:%ui",
                   stored->seq, stored->place, op->rc,
                   op->entries ? op->entries->nelts : 0);

    if (api->request == NULL) {

        /* nothing was done yet, and nobody is there to say it again */

        return NGX_OK;
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    if (op->entries && op->entries->nelts) {
        return ngx_er_api_stored_read(api, op->entries->elts);
    }

    if (stored->place == NGX_ER_API_STORED_KEPT) {
        return ngx_er_api_stored_nowhere(api);
    }

    stored->place++;

    return ngx_er_api_stored(api);
}


static ngx_int_t
ngx_er_api_stored_read(ngx_er_api_t *api, ngx_er_entry_t *entry)
{
    ngx_er_api_stored_t  *stored;

    stored = api->data;

    if (entry->locked) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT, "the event is "
                                  "sealed with a key that \"encrypt=\" of "
                                  "event_store does not have");
    }

    return stored->found(api, entry);
}


static ngx_int_t
ngx_er_api_stored_nowhere(ngx_er_api_t *api)
{
    ngx_int_t            (*lost)(ngx_er_api_t *api);
    ngx_er_api_stored_t   *stored;

    stored = api->data;
    lost = stored->lost;

    if (lost) {
        stored->lost = NULL;
        return lost(api);
    }

    return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND, "the store has no such "
                              "event: it has those that wait or are dead, and "
                              "with \"retain\" in event_source those that "
                              "were delivered; of a source that delivers at "
                              "once (\"delivery sync\") it has none");
}


const char *
ngx_er_api_stored_name(ngx_er_api_stored_e place)
{
    static const char  *places[] = { "dead", "pending", "kept" };

    return places[place];
}
