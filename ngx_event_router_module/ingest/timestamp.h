
/*
 * Copyright (C) Event Router contributors
 */


/*
 * When a message was signed.
 */


#ifndef _NGX_ER_TIMESTAMP_H_INCLUDED_
#define _NGX_ER_TIMESTAMP_H_INCLUDED_


#include "candidates.h"


/*
 * Sets verdict->scope.ts, of several times in the signature's list to the
 * first.  Where the list has no say c->ntimes becomes 0.  NGX_OK: found, or
 * none is asked for; NGX_DECLINED: verdict->reason says why not; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_er_timestamp_find(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict);

/*
 * NGX_OK: verdict->scope.ts is near enough to now; NGX_DECLINED: it is not
 * (verdict->late), or no time at all.
 */
ngx_int_t ngx_er_timestamp_judge(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);


#endif /* _NGX_ER_TIMESTAMP_H_INCLUDED_ */
