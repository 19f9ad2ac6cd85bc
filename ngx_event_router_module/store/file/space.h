
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Space in the file store, and in memory.
 */


#ifndef _NGX_ER_FILE_SPACE_H_INCLUDED_
#define _NGX_ER_FILE_SPACE_H_INCLUDED_


#include "types.h"


ngx_int_t ngx_er_file_space_reserve(ngx_er_file_t *file, ngx_er_error_t *err);
ngx_int_t ngx_er_file_space_admit(ngx_er_file_txn_t *t, size_t record,
    ngx_uint_t parts);
void ngx_er_file_space_count(ngx_er_file_t *file, uint64_t grown);
ngx_uint_t ngx_er_file_space_old(ngx_er_file_t *file);
ngx_int_t ngx_er_file_space_grow(ngx_er_file_t *file);
ngx_uint_t ngx_er_file_space_failed(int rc);
void ngx_er_file_space_unmap(ngx_er_file_t *file);


#endif /* _NGX_ER_FILE_SPACE_H_INCLUDED_ */
