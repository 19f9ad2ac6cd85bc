
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Programs of jq: the only place that knows libjq.  Pure, but never in the
 * worker: see jq_program.c.
 */


#ifndef _NGX_ER_JQ_PROGRAM_H_INCLUDED_
#define _NGX_ER_JQ_PROGRAM_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_JQ_SAID  1024           /* bytes of a message at most */


typedef struct ngx_er_jq_program_s  ngx_er_jq_program_t;


/* what libjq said, in lines of its own */

typedef struct {
    size_t                 len;
    u_char                 text[NGX_ER_JQ_SAID];
} ngx_er_jq_said_t;


/* gets one output as JSON, NGX_ABORT: no more, please */
typedef ngx_int_t (*ngx_er_jq_output_pt)(void *data, ngx_str_t *json);


/*
 * Compiles the text, which ends with a zero byte; what it takes goes with the
 * pool.  NULL, and what libjq said:
 * it is no program, or there was no memory.  A library cannot be read, and the
 * program sees the environment as it is at this moment.
 */
ngx_er_jq_program_t *ngx_er_jq_program_compile(ngx_pool_t *pool,
    u_char *text, ngx_er_jq_said_t *said);

/* called instead of abort() when there is no memory; must not return */
void ngx_er_jq_program_nomem(ngx_er_jq_program_t *program,
    void (*handler)(void *data));

/*
 * Runs it on one document.  NGX_OK; NGX_DECLINED: it failed, "said" has the
 * message, which may have values of the document; NGX_ABORT: output() wants no
 * more.  Outputs before a failure have been given to output().
 */
ngx_int_t ngx_er_jq_program_run(ngx_er_jq_program_t *program,
    ngx_str_t *json, ngx_er_jq_output_pt output, void *data,
    ngx_er_jq_said_t *said);


#endif /* _NGX_ER_JQ_PROGRAM_H_INCLUDED_ */
