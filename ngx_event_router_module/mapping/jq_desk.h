
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The worker's side of jq: who waits for a child, and who has one.
 */


#ifndef _NGX_ER_JQ_DESK_H_INCLUDED_
#define _NGX_ER_JQ_DESK_H_INCLUDED_


#include "mapping.h"
#include "jq_frame.h"


/* "body jq FILE" of a target */

typedef struct {
    ngx_er_jqs_t          *jqs;
    ngx_uint_t             file;       /* an index in jqs->files */
    ngx_uint_t             strings;    /* numbers=string */
} ngx_er_jq_t;


/* in a worker, before it has anything that a child must not have; NGX_ERROR:
   no memory */
ngx_int_t ngx_er_jq_desk_start(ngx_cycle_t *cycle, ngx_er_jqs_t *jqs);

/* exit_process, when nobody waits any more: the children end */
void ngx_er_jq_desk_stop(void);

/* as run() of a kind of body: NGX_AGAIN, or NGX_OK with AWAY: too many wait */
ngx_int_t ngx_er_jq_desk_run(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq);


#endif /* _NGX_ER_JQ_DESK_H_INCLUDED_ */
