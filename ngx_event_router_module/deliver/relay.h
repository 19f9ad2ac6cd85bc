
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Relays: the answer of a target that is handed on to the producer, "reply" of
 * event_source.
 */


#ifndef _NGX_ER_RELAY_H_INCLUDED_
#define _NGX_ER_RELAY_H_INCLUDED_


#include "attempt.h"


#define NGX_ER_RELAY_HEADERS  4        /* as a rule */


/* of a source */

struct ngx_er_relay_s {
    ngx_str_t              name;       /* of the target */
    ngx_er_target_t       *target;
    ngx_array_t            headers;    /* of ngx_str_t: those that are named */
    size_t                 max;        /* bytes of the body */
    ngx_er_where_t         where;
};


/* what the target said; all of it is in the event's pool */

struct ngx_er_relayed_s {
    ngx_array_t            headers;    /* of ngx_er_header_t: Content-Type,
                                          Content-Encoding and those that are
                                          named */
    ngx_str_t              body;
    const char            *lost;       /* why it cannot be handed on, or
                                          NULL */
};


/* postconfiguration, when routes know their sources and targets: NGX_ERROR
   after logging what is wrong */
ngx_int_t ngx_er_relays_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* of an attempt that is about to start: keeps its answer if the producer is to
   get it, and if there is memory; else it gets a receipt */
void ngx_er_relay_begin(ngx_er_attempt_t *attempt);

/* the headers of its answer are there, then it has ended; nothing fails that
   the answer would not tell */
void ngx_er_relay_answered(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r);
void ngx_er_relay_end(ngx_er_attempt_t *attempt);


#endif /* _NGX_ER_RELAY_H_INCLUDED_ */
