
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The events of the router itself.
 */


#ifndef _NGX_ER_ALERT_EVENT_H_INCLUDED_
#define _NGX_ER_ALERT_EVENT_H_INCLUDED_


#include "alerts.h"
#include "../ingest/event.h"


/* what is to be told, as an event of "source" with one holder, whose routes
   are not known yet; NULL: no memory */
ngx_er_event_t *ngx_er_alert_event(ngx_er_source_t *source,
    ngx_er_alert_t *alert, ngx_er_alert_message_t *m);

/* the type of what is told while it goes on, or of its end */
const char *ngx_er_alert_type(ngx_er_alert_e kind, ngx_uint_t end);


#endif /* _NGX_ER_ALERT_EVENT_H_INCLUDED_ */
