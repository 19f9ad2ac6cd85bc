
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Could a worker use the store?
 */


#ifndef _NGX_ER_FILE_CHECK_H_INCLUDED_
#define _NGX_ER_FILE_CHECK_H_INCLUDED_


#include "db.h"


/*
 * NGX_OK with a sentence: the directory has other things in it, or anybody may
 * put some there, and it was never a store.  NGX_DECLINED: it is not so.
 */
ngx_int_t ngx_er_file_shared(ngx_er_file_conf_t *conf, ngx_er_error_t *err);

/*
 * Before any worker: is the directory usable?  A directory that does not exist
 * yet is.  NGX_OK, or NGX_ERROR with a sentence: not a directory, open to
 * others than its owner (mode), on a network file system, not writable, of an
 * unknown format (which is left untouched), or in use by another nginx.  Can
 * so many workers ("holders") make their files?  And unless "ms" is 0, is the
 * database whole, as far as can be seen in that time?  Both are asked by a
 * process that has the rights of a worker and does not have the store open.
 * NGX_ABORT with a sentence: it is whole, but a key of it is missing.
 */
ngx_int_t ngx_er_file_examine(ngx_er_file_conf_t *conf, ngx_uint_t holders,
    ngx_msec_t ms, ngx_er_error_t *err);

/*
 * Its first pages are in order, and it is as long as they say; one that is not
 * there or empty is, too.
 */
ngx_int_t ngx_er_file_beginning(const char *data, ngx_er_error_t *err);

/*
 * Nothing of the database is damaged, as far as could be seen in "ms".  No
 * environment of it may be open in this process.
 */
ngx_int_t ngx_er_file_sound(const char *data, const char *locks,
    const char *path, ngx_msec_t ms, ngx_er_error_t *err);


#endif /* _NGX_ER_FILE_CHECK_H_INCLUDED_ */
