
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Records of history as JSON.
 */


#ifndef _NGX_ER_HISTORY_LIST_H_INCLUDED_
#define _NGX_ER_HISTORY_LIST_H_INCLUDED_


#include "../base/json.h"
#include "../event_router.h"
#include "../store/history.h"


/* one record, as an object; "whole": with every attempt; "reveal": with what
   targets answered */
void ngx_er_history_show(ngx_er_json_t *json, ngx_er_main_conf_t *mcf,
    ngx_er_history_record_t *record, ngx_uint_t whole, ngx_uint_t reveal);


#endif /* _NGX_ER_HISTORY_LIST_H_INCLUDED_ */
