
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The line "auth oauth2" of event_target.
 */


#ifndef _NGX_ER_OAUTH2_H_INCLUDED_
#define _NGX_ER_OAUTH2_H_INCLUDED_


#include "token.h"


/* reads the line, whose second word is "oauth2"; NGX_CONF_ERROR: it was
   logged */
char *ngx_er_oauth2_line(ngx_conf_t *cf, ngx_er_target_t *target);


#endif /* _NGX_ER_OAUTH2_H_INCLUDED_ */
