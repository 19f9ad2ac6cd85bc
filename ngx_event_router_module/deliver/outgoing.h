
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a target gets.
 */


#ifndef _NGX_ER_OUTGOING_H_INCLUDED_
#define _NGX_ER_OUTGOING_H_INCLUDED_


#include "attempt.h"


/* request line, body and headers of the carrier's request; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_outgoing_fill(ngx_er_attempt_t *attempt);

/*
 * For people: the headers that a delivery of the event would have, to an array
 * of ngx_er_outgoing_shown_t in the event's memory.  No value is shown of what
 * the producer sent, signs or is a secret.  What the location changes is not
 * known here.  "cargo": of a target with a body of its own, or NULL.
 * NGX_ERROR: no memory.
 */

typedef struct {
    ngx_str_t              name;
    ngx_str_t              value;
    ngx_uint_t             hidden;     /* 1: the value is not shown */
} ngx_er_outgoing_shown_t;


ngx_int_t ngx_er_outgoing_show(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_str_t *routes, ngx_er_cargo_t *cargo, ngx_array_t *shown);

/* at configuration time, when the target knows its location; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_outgoing_target(ngx_conf_t *cf, ngx_er_target_t *target);


#endif /* _NGX_ER_OUTGOING_H_INCLUDED_ */
