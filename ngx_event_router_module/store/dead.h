
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Why an entry is dead, in words.
 */


#ifndef _NGX_ER_DEAD_H_INCLUDED_
#define _NGX_ER_DEAD_H_INCLUDED_


#include "entry.h"


/* for logs, lists and metrics: "exhausted"; any number */
const char *ngx_er_dead_name(ngx_er_dead_e reason);


#endif /* _NGX_ER_DEAD_H_INCLUDED_ */
