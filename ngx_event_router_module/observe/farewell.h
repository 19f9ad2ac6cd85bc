
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Farewell: who has something to write hears that the worker is to exit, while
 * its event loop still runs.
 */


#ifndef _NGX_ER_FAREWELL_H_INCLUDED_
#define _NGX_ER_FAREWELL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


typedef struct {
    void                 (*handler)(void *data);
    void                  *data;
    ngx_connection_t      *connection;  /* NULL: nothing is heard */
} ngx_er_farewell_t;


/* in a worker: the handler is called once, when the worker is told to exit by
   a reload or by QUIT; what it adds timers for is done before it exits.
   Without a free connection nothing is heard */
void ngx_er_farewell_hear(ngx_cycle_t *cycle, ngx_er_farewell_t *farewell);

/* nothing is heard any more */
void ngx_er_farewell_close(ngx_er_farewell_t *farewell);


#endif /* _NGX_ER_FAREWELL_H_INCLUDED_ */
