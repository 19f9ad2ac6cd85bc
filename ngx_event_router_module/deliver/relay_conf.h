
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A relay while nginx.conf is read.
 */


#ifndef _NGX_ER_RELAY_CONF_H_INCLUDED_
#define _NGX_ER_RELAY_CONF_H_INCLUDED_


#include "relay.h"


/* the line "reply" of event_source */
char *ngx_er_relay_line(ngx_conf_t *cf, ngx_er_source_t *source);


#endif /* _NGX_ER_RELAY_CONF_H_INCLUDED_ */
