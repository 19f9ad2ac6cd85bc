
/*
 * Copyright (C) Event Router contributors
 */


/*
 * success, fail_on and retry_on of event_target, and words like them.
 */


#ifndef _NGX_ER_VERDICT_CONF_H_INCLUDED_
#define _NGX_ER_VERDICT_CONF_H_INCLUDED_


#include "../conf/block.h"
#include "target.h"


/* a line of event_target; row->tag is a verdict, conf the target's draft */
char *ngx_er_verdict_conf(ngx_conf_t *cf, ngx_er_block_row_t *row,
    void *conf);

/* a line of another block: words from the second one on; "lines" is made if it
   is NULL.  NULL: it is logged what is wrong */
ngx_er_verdict_line_t *ngx_er_verdict_conf_line(ngx_conf_t *cf,
    ngx_er_verdict_lines_t **lines, ngx_uint_t kind);

/* the block of a target ends: warns of what hardly can be meant */
void ngx_er_verdict_conf_check(ngx_conf_t *cf, ngx_er_target_draft_t *draft);


#endif /* _NGX_ER_VERDICT_CONF_H_INCLUDED_ */
