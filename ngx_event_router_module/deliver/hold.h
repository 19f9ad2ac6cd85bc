
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sources that an operator has paused.
 */


#ifndef _NGX_ER_DELIVER_HOLD_H_INCLUDED_
#define _NGX_ER_DELIVER_HOLD_H_INCLUDED_


#include "../store/queue.h"


/* what is known of a source, as of the store's last answer */

typedef struct {
    ngx_uint_t             paused;
    uint64_t               since;      /* ms */
    uint64_t               entries;    /* that are held; the last ones may be
                                          let go still when it is resumed */
    ngx_str_t              by;         /* who did it, in "text" */
    u_char                 text[NGX_ER_HOLD_BY];
} ngx_er_hold_view_t;


/* postconfiguration: the zone, and what each queued source has there */
ngx_int_t ngx_er_holds_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* 1: nothing of it is to be sent; NULL, or a source that is not queued: 0 */
ngx_uint_t ngx_er_hold_paused(ngx_er_source_t *source);

/* NGX_DECLINED: it is not queued */
ngx_int_t ngx_er_hold_view(ngx_er_source_t *source, ngx_er_hold_view_t *view);

/*
 * An operator pauses or resumes a queued source: the operation for the store,
 * not yet run, whose handler calls told(); nothing is changed until the store
 * says so.  "by" lives as long as that.
 */
ngx_er_queue_op_t *ngx_er_hold(ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source, ngx_uint_t paused, ngx_str_t *by,
    ngx_er_queue_op_pt handler, void *data);
void ngx_er_hold_told(ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op);

/* with each sweep: what the store says, and what is to do there */
void ngx_er_hold_ask(ngx_er_queue_t *queue, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_DELIVER_HOLD_H_INCLUDED_ */
