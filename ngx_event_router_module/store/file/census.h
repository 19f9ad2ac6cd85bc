
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the file store holds, read before any worker uses it.
 */


#ifndef _NGX_ER_FILE_CENSUS_H_INCLUDED_
#define _NGX_ER_FILE_CENSUS_H_INCLUDED_


#include "db.h"
#include "../census.h"


/*
 * Both are for a process that may crash, does not have the store open and has
 * found it in order (check.h); nothing is written.
 *
 * fits(): NGX_OK, or NGX_ERROR with a sentence: more is in use than "size"
 * allows, and the store could not be opened.  count() fills in what can be
 * read in "ms".
 */
ngx_int_t ngx_er_file_census_fits(ngx_er_file_conf_t *conf,
    ngx_er_error_t *err);
void ngx_er_file_census_count(ngx_er_file_conf_t *conf,
    ngx_er_census_t *census, ngx_msec_t ms);


#endif /* _NGX_ER_FILE_CENSUS_H_INCLUDED_ */
