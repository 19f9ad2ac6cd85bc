
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a producer wants to hear: the lines "answer" and "refusal" of
 * event_source.
 */


#ifndef _NGX_ER_ACK_H_INCLUDED_
#define _NGX_ER_ACK_H_INCLUDED_


#include "receive.h"
#include "../conf/block.h"


typedef enum {
    NGX_ER_ACK_RECEIPT = 0,            /* as without the line, with its status
                                          */
    NGX_ER_ACK_EMPTY,
    NGX_ER_ACK_TEXT
} ngx_er_ack_e;


#define NGX_ER_UNROUTED_UNSET  0       /* until the block is over */


/* of a source */

struct ngx_er_ack_s {
    ngx_uint_t                 status;       /* 2xx */
    ngx_er_ack_e               kind;
    ngx_str_t                  type;         /* TEXT: Content-Type */
    ngx_http_complex_value_t  *body;         /* TEXT */
    ngx_uint_t                 unrouted;     /* 1: also for events that no
                                                route takes: "unrouted" is not
                                                written */
};


/* the lines; NGX_CONF_ERROR after logging what is wrong */
char *ngx_er_ack_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);
char *ngx_er_ack_refusal(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* the block is over: what its preset says where it says nothing; NGX_ERROR: no
   memory, or after logging what is wrong */
ngx_int_t ngx_er_ack_complete(ngx_conf_t *cf, ngx_er_source_t *s);

/*
 * What became of all events of the request is well: they were taken before or
 * now.  NGX_OK: *answer is complete; NGX_DECLINED: its status is set, and the
 * receipt goes with it; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_ack(ngx_pool_t *pool, ngx_er_receive_t *ctx,
    ngx_er_answer_t *answer);


#endif /* _NGX_ER_ACK_H_INCLUDED_ */
