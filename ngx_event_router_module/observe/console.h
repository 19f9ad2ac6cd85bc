
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The pages for people: the console of event_admin, the numbers of
 * event_status.
 */


#ifndef _NGX_ER_CONSOLE_H_INCLUDED_
#define _NGX_ER_CONSOLE_H_INCLUDED_


#include "../event_router.h"


/* 1: the client, a browser, would rather have a page than JSON */
ngx_uint_t ngx_er_console_wanted(ngx_http_request_t *r);

/*
 * Answer with a page, of which nothing depends on the request: what a content
 * handler returns.  The console is at the own address of its location:
 * NGX_DECLINED, the request is for another one.
 */
ngx_int_t ngx_er_console_admin(ngx_http_request_t *r);
ngx_int_t ngx_er_console_status(ngx_http_request_t *r);


#endif /* _NGX_ER_CONSOLE_H_INCLUDED_ */
