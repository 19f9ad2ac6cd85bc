
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How many events a source may publish: "rate" of event_source.
 */


#ifndef _NGX_ER_RATE_H_INCLUDED_
#define _NGX_ER_RATE_H_INCLUDED_


#include "receive.h"
#include "source_conf.h"


/* the line "rate" */
char *ngx_er_rate_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* a request that is refused comes again after "retry" seconds, 0: it may be
   taken */
typedef void (*ngx_er_rate_pt)(ngx_er_receive_t *ctx, ngx_uint_t retry);

/*
 * Counts the events of ctx->parts, whose source has a rate.  NGX_OK and
 * "retry" as above; NGX_AGAIN: the handler will be called, from an event of
 * the loop, unless ngx_er_rate_forget() is; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_rate_ask(ngx_er_receive_t *ctx, ngx_er_rate_pt handler,
    ngx_uint_t *retry);

/* the request goes */
void ngx_er_rate_forget(ngx_er_receive_t *ctx);

/* for people: "100r/s by=subject" */
ngx_str_t *ngx_er_rate_text(ngx_er_source_t *source);

/* which value of "by=" a request has, for people, who are refused: ' for
   "acme"', or nothing; its end */
#define NGX_ER_RATE_TEXT  256

u_char *ngx_er_rate_value(ngx_er_receive_t *ctx, u_char *buf, size_t size);

/* the source has a rate and is split by this field: a "by=" of what is around
   the elements is warned of */
void ngx_er_rate_split(ngx_conf_t *cf, ngx_er_source_t *source,
    ngx_str_t *array);

/* the field of "by=", or NGX_CONF_UNSET */
ngx_int_t ngx_er_rate_field(ngx_er_source_t *source);


#endif /* _NGX_ER_RATE_H_INCLUDED_ */
