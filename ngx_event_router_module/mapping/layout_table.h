
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Code tables: what {map FILE x} of a template looks up.
 */


#ifndef _NGX_ER_LAYOUT_TABLE_H_INCLUDED_
#define _NGX_ER_LAYOUT_TABLE_H_INCLUDED_


#include "layout_item.h"


typedef struct ngx_er_layout_table_s  ngx_er_layout_table_t;


/*
 * Reads a table: one object of JSON, or lines of "KEY VALUE".  "text" is the
 * file's and is kept.  NULL: what is wrong is in err, with "line N".
 */
ngx_er_layout_table_t *ngx_er_layout_table_read(ngx_pool_t *pool,
    ngx_str_t *text, ngx_er_error_t *err);

/* what the table has for this key, or NULL */
ngx_er_layout_item_t *ngx_er_layout_table_find(ngx_er_layout_table_t *table,
    ngx_str_t *key);


#endif /* _NGX_ER_LAYOUT_TABLE_H_INCLUDED_ */
