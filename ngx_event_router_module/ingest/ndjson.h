
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Newline-delimited JSON (https://github.com/ndjson/ndjson-spec,
 * https://jsonlines.org): a document a line.
 */


#ifndef _NGX_ER_NDJSON_H_INCLUDED_
#define _NGX_ER_NDJSON_H_INCLUDED_


#include "../base/base.h"


typedef struct {
    ngx_str_t              text;       /* without blanks around it */
    ngx_uint_t             number;     /* in the body, from 1 */
} ngx_er_ndjson_t;


/* 1: a media type is one of those that senders of lines give */
ngx_uint_t ngx_er_ndjson_type(ngx_str_t *type);

/*
 * Finds the lines that are not blank; they point into the body.  lines: of
 * ngx_er_ndjson_t, initialised by the caller.  NGX_OK; NGX_DECLINED: there are
 * more than max; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_ndjson_lines(ngx_str_t *body, ngx_array_t *lines,
    ngx_uint_t max);


#endif /* _NGX_ER_NDJSON_H_INCLUDED_ */
