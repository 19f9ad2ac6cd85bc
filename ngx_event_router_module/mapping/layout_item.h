
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One value on its way from an event into a body.
 */


#ifndef _NGX_ER_LAYOUT_ITEM_H_INCLUDED_
#define _NGX_ER_LAYOUT_ITEM_H_INCLUDED_


#include "../ingest/scan.h"


typedef struct {
    ngx_er_type_e          type;
    ngx_str_t              text;       /* STRING: decoded; else as it stands */
    ngx_str_t              raw;        /* the JSON that it still is, as it
                                          stands; data NULL: the text is all
                                          there is */
} ngx_er_layout_item_t;


/* from a value of JSON that was checked, without blanks around it; text and
   raw point into it, but for a text with escapes.  NGX_ERROR: no memory */
ngx_int_t ngx_er_layout_item(ngx_pool_t *pool, ngx_str_t *json,
    ngx_er_layout_item_t *item);

/* p: the first quote; behind the other one, in JSON that was checked */
u_char *ngx_er_layout_item_string(u_char *p);


#endif /* _NGX_ER_LAYOUT_ITEM_H_INCLUDED_ */
