
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Replays as jobs, and the jobs there are.
 */


#ifndef _NGX_ER_API_JOBS_H_INCLUDED_
#define _NGX_ER_API_JOBS_H_INCLUDED_


#include "api.h"


/* replay, jobs, cancel */
extern ngx_er_api_endpoint_t  ngx_er_api_jobs[];


#endif /* _NGX_ER_API_JOBS_H_INCLUDED_ */
