
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Requests that were refused, kept for a while.
 */


#ifndef _NGX_ER_QUARANTINE_H_INCLUDED_
#define _NGX_ER_QUARANTINE_H_INCLUDED_


#include "decision.h"
#include "refused.h"
#include "source_conf.h"


/* "quarantine" of a source */

struct ngx_er_quarantine_s {
    ngx_msec_t               keep;     /* ms that a request is kept */
    off_t                    size;     /* bytes of all of them */
    ngx_er_where_t           where;
    ngx_http_conf_ctx_t     *ctx;      /* of a server that receives for the
                                          source; NULL: none does */
    void                   **location;  /* and of the location in it */
    ngx_array_t              names;    /* of ngx_er_exposed_t: headers */
};


/* the line "quarantine TIME [size=SIZE]" of event_source */
char *ngx_er_quarantine_line(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);

/* a location receives for a source; "cf" is in it */
void ngx_er_quarantine_received(ngx_er_source_t *source,
    ngx_http_conf_ctx_t *ctx, ngx_http_core_loc_conf_t *clcf);

/* postconfiguration; NGX_ERROR, logged unless it is for memory */
ngx_int_t ngx_er_quarantines_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* 1: the body of a request that is refused already is to be read all the
   same */
ngx_uint_t ngx_er_quarantine_reads(ngx_er_receive_t *ctx);

/* a request of a source that has a quarantine was refused, or its events have
   their outcomes: it is kept, if it is one of those that are; never waits */
void ngx_er_quarantine_refused(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
void ngx_er_quarantine_events(ngx_er_receive_t *ctx, ngx_uint_t status);

/*
 * One recheck at a time in this nginx.  NGX_OK: it is the caller's, who says
 * with each step that it goes on, until it is left; NGX_BUSY: somebody else
 * has it.
 */
ngx_int_t ngx_er_quarantine_enter(void);
void ngx_er_quarantine_beat(void);
void ngx_er_quarantine_leave(void);


#endif /* _NGX_ER_QUARANTINE_H_INCLUDED_ */
