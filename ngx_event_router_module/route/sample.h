
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A share of the events that is always the same one: "sample 10%;".
 */


#ifndef _NGX_ER_SAMPLE_H_INCLUDED_
#define _NGX_ER_SAMPLE_H_INCLUDED_


#include "field.h"


typedef struct {
    ngx_uint_t             field;
    uint64_t               below;      /* of 2 ^ 32: hashes that are in */
} ngx_er_sample_t;


/* share: "12.5%"; by: a field, or NULL: the id.  NULL with a sentence. */
ngx_er_sample_t *ngx_er_sample_compile(ngx_pool_t *pool, ngx_str_t *share,
    ngx_str_t *by, ngx_er_fields_t *fields, ngx_er_error_t *err);

ngx_int_t ngx_er_sample_holds(void *sample, ngx_er_facts_t *facts);


#endif /* _NGX_ER_SAMPLE_H_INCLUDED_ */
