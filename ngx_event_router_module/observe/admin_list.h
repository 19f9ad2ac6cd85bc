
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries of the queue as an operator sees them.
 */


#ifndef _NGX_ER_ADMIN_LIST_H_INCLUDED_
#define _NGX_ER_ADMIN_LIST_H_INCLUDED_


#include "../base/json.h"
#include "../store/queue.h"


/* the answer to LIST, a whole document; reveal: with bodies */
void ngx_er_admin_list(ngx_er_json_t *json, ngx_er_queue_op_t *op,
    ngx_uint_t reveal);

/* one of them, an object; "dead": it is a dead letter */
void ngx_er_admin_list_entry(ngx_er_json_t *json, ngx_er_entry_t *entry,
    ngx_uint_t dead, ngx_uint_t reveal);

/* a member: it is a copy of this event, made by whom */
void ngx_er_admin_list_edited(ngx_er_json_t *json, uint64_t seq,
    ngx_str_t *who);


#endif /* _NGX_ER_ADMIN_LIST_H_INCLUDED_ */
