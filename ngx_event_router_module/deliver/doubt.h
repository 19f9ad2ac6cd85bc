
/*
 * Copyright (C) Event Router contributors
 */


/*
 * in_doubt of event_target: whether a target has an event is asked before it
 * is sent again.
 */


#ifndef _NGX_ER_DOUBT_H_INCLUDED_
#define _NGX_ER_DOUBT_H_INCLUDED_


#include "call.h"
#include "doubt_conf.h"


/* exactly once; the answer, for logs, is gone then */
typedef void (*ngx_er_doubt_pt)(void *data, ngx_er_doubt_e says,
    ngx_er_call_t *call);


/* postconfiguration, when targets have their locations; NGX_ERROR: it was
   logged, with file and line, or no memory */
ngx_int_t ngx_er_doubts_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* asks whether the target has the event; NULL: nobody is asked, and *why says
   what its URI lacks, or is NULL: no memory or connections.  Who waits no more
   drops the call (call.h) */
ngx_er_call_t *ngx_er_doubt_ask(ngx_er_event_t *event,
    ngx_er_target_t *target, ngx_er_doubt_pt handler, void *data,
    const char **why);


#endif /* _NGX_ER_DOUBT_H_INCLUDED_ */
