
/*
 * Copyright (C) Event Router contributors
 */


/*
 * in_doubt of event_target, as nginx.conf has it.
 */


#ifndef _NGX_ER_DOUBT_CONF_H_INCLUDED_
#define _NGX_ER_DOUBT_CONF_H_INCLUDED_


#include "../conf/block.h"
#include "target.h"
#include "verdict.h"


typedef enum {
    NGX_ER_DOUBT_UNKNOWN = 0,          /* it is as it was */
    NGX_ER_DOUBT_FOUND,                /* the target has the event */
    NGX_ER_DOUBT_MISSING
} ngx_er_doubt_e;


/* what nginx.conf says; target->doubt, NULL: nothing */

struct ngx_er_doubt_s {
    ngx_str_t                  text;   /* of the URI, */
    ngx_http_complex_value_t   uri;
    ngx_array_t                variables;  /* of ngx_int_t: those in it */
    ngx_er_where_t             where;
    ngx_http_core_loc_conf_t  *location;   /* that it leads to */
    ngx_msec_t                 wait;
    ngx_er_verdict_lines_t    *lines;  /* of the kinds FOUND and MISSING */
    unsigned                   headers:1;  /* a line looks at them, or at the
                                              body */
};


/* a line of event_target; conf is the target's draft */
char *ngx_er_doubt_conf(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);


#endif /* _NGX_ER_DOUBT_CONF_H_INCLUDED_ */
