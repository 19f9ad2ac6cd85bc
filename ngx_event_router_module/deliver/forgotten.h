
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys that the memory forgot before their time.
 */


#ifndef _NGX_ER_FORGOTTEN_H_INCLUDED_
#define _NGX_ER_FORGOTTEN_H_INCLUDED_


#include "../store/dedup.h"


/* after a claim: counts what had to go for it, and says so once a second */
void ngx_er_forgotten_tell(void);


#endif /* _NGX_ER_FORGOTTEN_H_INCLUDED_ */
