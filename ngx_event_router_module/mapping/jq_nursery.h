
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The process of a worker that makes its children of jq.
 */


#ifndef _NGX_ER_JQ_NURSERY_H_INCLUDED_
#define _NGX_ER_JQ_NURSERY_H_INCLUDED_


#include "jq_frame.h"


/* starts one, which ends when the socket that is returned is closed, or with
   this process; -1: it is logged why not */
ngx_socket_t ngx_er_jq_nursery_start(ngx_er_jqs_t *jqs, ngx_log_t *log);

/* asks it for a child, whose socket is returned: it says READY or OPEN first,
   or the socket ends; -1: it is logged why not */
ngx_socket_t ngx_er_jq_nursery_child(ngx_socket_t nursery, ngx_log_t *log);


#endif /* _NGX_ER_JQ_NURSERY_H_INCLUDED_ */
