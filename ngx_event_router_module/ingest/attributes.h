
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The attributes of an event, and texts that are made safe to show.
 */


#ifndef _NGX_ER_ATTRIBUTES_H_INCLUDED_
#define _NGX_ER_ATTRIBUTES_H_INCLUDED_


#include "event.h"


/*
 * The attributes: as the source's templates find them in the message, and as
 * a CloudEvent carries them ("values" are those of ngx_er_event_envelope, or
 * NULL: from the ce- headers).  NGX_OK; NGX_DECLINED: a CloudEvent without a
 * required attribute, or more values of the type or the subject than anybody
 * needs; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_event_attributes(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope);
ngx_int_t ngx_er_event_cloudevent(ngx_er_event_t *event,
    ngx_er_value_t **values);

/* the paths of a structured CloudEvent's attributes, for ngx_er_scan() */
#define NGX_ER_ENVELOPE_SLOTS  7
ngx_er_paths_t *ngx_er_event_envelope(ngx_pool_t *pool);

/* the id becomes "id.N": of a copy of another one in the same body, which is
   the N-th; NGX_ERROR: no memory */
ngx_int_t ngx_er_event_id_number(ngx_er_event_t *event);

/*
 * A copy, safe in headers, logs and JSON: bytes below 0x20, 0x7f and what is
 * not UTF-8 are percent-encoded, at most "max" bytes are kept (whole
 * characters).  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_event_attribute(ngx_pool_t *pool, ngx_str_t *value,
    size_t max, ngx_str_t *out);


#endif /* _NGX_ER_ATTRIBUTES_H_INCLUDED_ */
