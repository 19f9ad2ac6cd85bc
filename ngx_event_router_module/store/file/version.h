
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Versions of the file store: which one of a key was delivered last.
 */


#ifndef _NGX_ER_FILE_VERSION_H_INCLUDED_
#define _NGX_ER_FILE_VERSION_H_INCLUDED_


#include "row.h"


/* of a pending entry that is versioned: reads it, while it is in its order */
ngx_int_t ngx_er_file_version_load(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);

/* NGX_OK: the version of "a" is less than that of "b", which is of the same
   key; else NGX_DECLINED */
ngx_int_t ngx_er_file_version_less(ngx_er_entry_version_t *a,
    ngx_er_entry_version_t *b);

/* NGX_OK: a newer version of what "row" brings was delivered; NGX_DECLINED: as
   far as is known none was */
ngx_int_t ngx_er_file_version_overtaken(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);

/* what "row" brings is delivered */
ngx_int_t ngx_er_file_version_delivered(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);

/* a row of EXPIRY has come */
ngx_int_t ngx_er_file_version_sweep(ngx_er_file_txn_t *t, uint64_t *key);


#endif /* _NGX_ER_FILE_VERSION_H_INCLUDED_ */
