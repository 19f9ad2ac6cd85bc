
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the log says about Redis, and how often.
 */


#ifndef _NGX_ER_REDIS_REPORT_H_INCLUDED_
#define _NGX_ER_REDIS_REPORT_H_INCLUDED_


#include "conn.h"


/* what an error reply means; says it, too */
ngx_er_redis_error_e ngx_er_redis_judge(ngx_er_redis_t *redis,
    redisReply *reply);

/* 1, at most once in "quiet" ms; *said is when that was, 0: never */
ngx_uint_t ngx_er_redis_may_say(ngx_msec_t *said, ngx_msec_t quiet);


#endif /* _NGX_ER_REDIS_REPORT_H_INCLUDED_ */
