
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The lines "redact" of event_source.
 */


#ifndef _NGX_ER_REDACT_CONF_H_INCLUDED_
#define _NGX_ER_REDACT_CONF_H_INCLUDED_


#include "redact.h"
#include "source_conf.h"


/* a line */
char *ngx_er_redact_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* the source was completed; NGX_ERROR after logging where the mistake is */
ngx_int_t ngx_er_redact_complete(ngx_conf_t *cf, ngx_er_draft_t *draft);


#endif /* _NGX_ER_REDACT_CONF_H_INCLUDED_ */
