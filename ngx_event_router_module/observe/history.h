
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Writing history: what deliver/ knows of an event goes along with the
 * operation that tells the store, or into the ring in memory.  Without
 * event_history, or without memory, nothing is written.
 */


#ifndef _NGX_ER_HISTORY_WRITE_H_INCLUDED_
#define _NGX_ER_HISTORY_WRITE_H_INCLUDED_


#include "../deliver/fanout.h"
#include "../store/queue.h"


/* why an event is DELIVERED without an attempt: the reason of the STEP */

#define NGX_ER_HISTORY_FOUND   1       /* the target was asked and has it */
#define NGX_ER_HISTORY_COPY    2       /* a copy was delivered elsewhere */


/* bytes that an attempt keeps of any answer, for history; 0: none */
size_t ngx_er_history_answers(void);

/* op is an ACCEPT of the event and has its parts */
void ngx_er_history_accept(ngx_er_queue_op_t *op, ngx_er_event_t *event);

/* op is a SETTLE, RETRY or BURY: an attempt that began at "began", or what
   became of the entry without one */
void ngx_er_history_attempt(ngx_er_queue_op_t *op, ngx_er_attempt_t *attempt,
    uint64_t began);
void ngx_er_history_note(ngx_er_queue_op_t *op, ngx_uint_t state,
    ngx_uint_t reason);

/* op is a BURY: a sentence, why nothing could be sent */
void ngx_er_history_why(ngx_er_queue_op_t *op, ngx_str_t *why);

/* of an event that goes to its targets at once: the attempt of a delivery that
   ended, a delivery that ends without one as its "state" or "error" say, and
   the end of the fan-out */
void ngx_er_history_delivery(ngx_er_delivery_t *d, ngx_er_attempt_t *attempt);
void ngx_er_history_unsent(ngx_er_delivery_t *d);
void ngx_er_history_fanout(ngx_er_fanout_t *fanout);


#endif /* _NGX_ER_HISTORY_WRITE_H_INCLUDED_ */
