
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an event of a source must be: the lines "require" of event_source.
 */


#ifndef _NGX_ER_REQUIRE_H_INCLUDED_
#define _NGX_ER_REQUIRE_H_INCLUDED_


#include "event.h"
#include "source_conf.h"


/* the lines "require" and "when", and blocks of them */
char *ngx_er_require_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);
char *ngx_er_require_when(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);
char *ngx_er_require_block(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);

/* the event_source begins, and was completed; NGX_ERROR after logging where
   the mistake is */
void ngx_er_require_begin(ngx_er_draft_t *draft);
ngx_int_t ngx_er_require_complete(ngx_conf_t *cf, ngx_er_draft_t *draft);

/*
 * Of an event whose source requires something.  NGX_OK: it is what it must be;
 * NGX_ABORT: it is not, "unmet" is a line that does not hold; NGX_DECLINED: it
 * is undecided (route/budget.h), which was logged.
 */
ngx_int_t ngx_er_require_check(ngx_er_event_t *event,
    ngx_er_condition_t **unmet);

/* a sentence about a line that does not hold, without a value of the event; it
   ends with a zero byte.  NULL: no memory */
const char *ngx_er_require_detail(ngx_pool_t *pool, ngx_er_source_t *source,
    ngx_er_condition_t *unmet);


#endif /* _NGX_ER_REQUIRE_H_INCLUDED_ */
