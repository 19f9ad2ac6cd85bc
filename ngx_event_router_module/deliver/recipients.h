
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who gets an event.
 */


#ifndef _NGX_ER_RECIPIENTS_H_INCLUDED_
#define _NGX_ER_RECIPIENTS_H_INCLUDED_


#include "fanout.h"


/* fills in the deliveries of a fan-out, and how many there are; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_recipients(ngx_er_fanout_t *fanout);


#endif /* _NGX_ER_RECIPIENTS_H_INCLUDED_ */
