
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Events as structured CloudEvents (1.0, JSON format).
 */


#ifndef _NGX_ER_CLOUDEVENTS_H_INCLUDED_
#define _NGX_ER_CLOUDEVENTS_H_INCLUDED_


#include "body.h"


/* "body cloudevents" (body.h) */
char *ngx_er_cloudevents_conf(ngx_conf_t *cf, ngx_er_body_t *body);
ngx_int_t ngx_er_cloudevents_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input);

/*
 * The event of the input, whose data was checked, with the element as its data
 * if there is one.  What came as a structured CloudEvent stays as it is but
 * for that.  The text is in the pool, or is the event's own; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_er_cloudevents_make(ngx_pool_t *pool, ngx_er_input_t *input,
    ngx_str_t *text);


#endif /* _NGX_ER_CLOUDEVENTS_H_INCLUDED_ */
