
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A time for people, RFC 3339 in UTC with ms.
 */


#ifndef _NGX_ER_WHEN_H_INCLUDED_
#define _NGX_ER_WHEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes at most: years can have more than four digits */
#define NGX_ER_WHEN  (sizeof("2026-01-01T00:00:00.000Z") + 16)


/* writes ms since 1970, returns the end.  Of the event loop only */
u_char *ngx_er_when(u_char *p, uint64_t ms);


#endif /* _NGX_ER_WHEN_H_INCLUDED_ */
