
/*
 * Copyright (C) Event Router contributors
 */


/*
 * batch of event_target, as nginx.conf has it.
 */


#ifndef _NGX_ER_PARCEL_CONF_H_INCLUDED_
#define _NGX_ER_PARCEL_CONF_H_INCLUDED_


#include "../conf/block.h"
#include "parcel_answer.h"
#include "parcel_body.h"
#include "target.h"


/* target->parcel, NULL: each event has a call of its own */

struct ngx_er_parcel_conf_s {
    ngx_uint_t             max;        /* events */
    size_t                 size;       /* bytes of the body */
    ngx_msec_t             wait;       /* ms for which they are gathered */
    ngx_er_parcel_form_e   form;
    ngx_er_paths_t        *paths;      /* of answers */

    ngx_event_t            timer;      /* the worker's, parcel.c: the first
                                          one has waited long enough */
    uint64_t               last;       /* the worker's: when a call began */
};


/* a line of event_target; conf is the target's draft */
char *ngx_er_parcel_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* the block ends; NGX_ERROR after logging what cannot be.  "burst": "rate"
   says how many may go at once */
ngx_int_t ngx_er_parcel_complete(ngx_conf_t *cf, ngx_er_target_t *target,
    ngx_uint_t burst);

/* all was read: NGX_ERROR after logging that a source does not fit */
ngx_int_t ngx_er_parcel_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target);


#endif /* _NGX_ER_PARCEL_CONF_H_INCLUDED_ */
