
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The quarantine of a source, or one request of it, judged again.
 */


#ifndef _NGX_ER_RECHECK_H_INCLUDED_
#define _NGX_ER_RECHECK_H_INCLUDED_


#include "judge.h"
#include "../base/json.h"


#define NGX_ER_RECHECK_RESULTS  1000   /* that are told one by one */


typedef struct ngx_er_recheck_s  ngx_er_recheck_t;

typedef void (*ngx_er_recheck_pt)(ngx_er_recheck_t *recheck);


/*
 * Begins: of one request, or with id 0 of all that are in quarantine now.
 * NULL: no memory, or "busy": another one is under way.  The handler is called
 * when it has ended, never from inside, and then frees it.
 */
ngx_er_recheck_t *ngx_er_recheck_start(ngx_er_source_t *source, uint64_t id,
    ngx_er_recheck_pt handler, void *data, ngx_uint_t *busy);

/* nobody waits any more; it goes on */
void ngx_er_recheck_forget(ngx_er_recheck_t *recheck);

/* when it has ended */
void *ngx_er_recheck_data(ngx_er_recheck_t *recheck);
void ngx_er_recheck_free(ngx_er_recheck_t *recheck);

/* NGX_OK, NGX_DECLINED: there is no such request, or NGX_ERROR: the store did
   not answer, and there may be more */
ngx_int_t ngx_er_recheck_rc(ngx_er_recheck_t *recheck);

/* members of an object */
void ngx_er_recheck_json(ngx_er_recheck_t *recheck, ngx_er_json_t *json);

/* the name of a request for people, NGX_ER_RECHECK_ID bytes */
#define NGX_ER_RECHECK_ID  33
void ngx_er_recheck_id(uint64_t source, uint64_t id, u_char *out);


#endif /* _NGX_ER_RECHECK_H_INCLUDED_ */
