
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What this process may do with the directory of the file store.
 */


#ifndef _NGX_ER_FILE_RIGHTS_H_INCLUDED_
#define _NGX_ER_FILE_RIGHTS_H_INCLUDED_


#include "db.h"


/*
 * NGX_OK: the directory is there, and it and the files in it may be used, or
 * it is none or open to others, which lock.c refuses;
 * NGX_DECLINED: it is not there, but what is of its path may be entered;
 * NGX_ERROR, with a sentence that says what may not be used and the way out.
 */
ngx_int_t ngx_er_file_rights(ngx_er_file_conf_t *conf, ngx_er_error_t *err);


#endif /* _NGX_ER_FILE_RIGHTS_H_INCLUDED_ */
