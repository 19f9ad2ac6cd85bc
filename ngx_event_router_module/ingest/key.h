
/*
 * Copyright (C) Event Router contributors
 */


/*
 * By what two events are the same, and two deliveries.
 */


#ifndef _NGX_ER_EVENT_KEY_H_INCLUDED_
#define _NGX_ER_EVENT_KEY_H_INCLUDED_


#include "event.h"
#include "../store/entry.h"


/*
 * The dedup key, 32 bytes: SHA-256 over length-prefixed source, origin and id,
 * and the body, its hash or its fingerprint where the signature does not cover
 * the id or others have it, too; or over the fields of "dedup by=", if the
 * event has one of them.  NGX_DECLINED: nothing to tell events apart by;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_event_key(ngx_er_event_t *event, u_char *key);

/* 1: the key is made of the fields of "dedup by=" */
ngx_uint_t ngx_er_event_by_fields(ngx_er_event_t *event);

/* 1: source, origin and id are enough */
ngx_uint_t ngx_er_event_by_id(ngx_er_event_t *event);

/* a hash of the body, to tell a duplicate that has another one; 0: the key
   covers the body */
uint64_t ngx_er_event_print(ngx_er_event_t *event);

/* the key of one delivery, 32 bytes: by source, id, body, dedup key, target
   and epoch */
void ngx_er_event_delivery_key(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_uint_t epoch, u_char *key);

/* what "order by" tells events apart by: a hash of the field's values, 0: it
   has none */
uint64_t ngx_er_event_order(ngx_er_event_t *event, ngx_uint_t field);

/* key, length and bytes of the version that the event is by a field, of what
   it is about by the field "by"; NGX_DECLINED: that is no number and no time,
   or there are several; NGX_ERROR: no memory */
ngx_int_t ngx_er_event_version(ngx_er_event_t *event, ngx_uint_t by,
    ngx_uint_t field, ngx_er_entry_version_t *version);


#endif /* _NGX_ER_EVENT_KEY_H_INCLUDED_ */
