
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A worker that is told to exit ends as soon as no timer is left, and no
 * module is asked before.  What can be heard is that nginx closes connections
 * that are idle: their read handlers are called.  So there is one without a
 * socket that is idle as long as the worker lives.
 *
 * number_shelf.c and series_shelf.c, which save what was counted last, call
 * it; the struct is theirs.  What may fail is that no connection is free.
 */


#include "farewell.h"


static void ngx_er_farewell_heard(ngx_event_t *rev);


void
ngx_er_farewell_hear(ngx_cycle_t *cycle, ngx_er_farewell_t *farewell)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(0, cycle->log);
    if (c == NULL) {
        return;
    }

    c->shared = 1;
    c->idle = 1;
    c->data = farewell;
    c->read->handler = ngx_er_farewell_heard;
    c->read->log = cycle->log;
    c->write->log = cycle->log;

    farewell->connection = c;
}


static void
ngx_er_farewell_heard(ngx_event_t *rev)
{
    ngx_connection_t   *c;
    ngx_er_farewell_t  *farewell;

    c = rev->data;
    farewell = c->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, rev->log, 0,
                   "event router farewell: the worker is to exit, %p hears it",
                   farewell->data);

    ngx_er_farewell_close(farewell);

    farewell->handler(farewell->data);
}


void
ngx_er_farewell_close(ngx_er_farewell_t *farewell)
{
    if (farewell->connection) {
        ngx_close_connection(farewell->connection);
        farewell->connection = NULL;
    }
}
