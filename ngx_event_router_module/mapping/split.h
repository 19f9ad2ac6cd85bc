
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The word "split" of event_target: the elements of an array of the event,
 * each of which is a call of its own.
 */


#ifndef _NGX_ER_SPLIT_H_INCLUDED_
#define _NGX_ER_SPLIT_H_INCLUDED_


#include "../route/field.h"
#include "../ingest/paths.h"


#define NGX_ER_SPLIT_MAX   1000        /* elements, if max= does not say */


/* the name is declared in event_router.h, too, which is not pure */
typedef struct ngx_er_split_s  ngx_er_split_t;


struct ngx_er_split_s {
    ngx_str_t              text;       /* the field as it stands in nginx.conf,
                                          for people */
    ngx_er_field_t         field;      /* of data */
    ngx_er_paths_t        *paths;      /* its path, slot 0; NULL: it is the
                                          whole of data */
    ngx_uint_t             max;
};


/* "split" with its arguments, args[0] is the word itself; NGX_ERROR and why.
   What is kept is in the pool, or in the arguments */
ngx_int_t ngx_er_split_parse(ngx_pool_t *pool, ngx_array_t *args,
    ngx_er_split_t *split, ngx_er_error_t *err);

/*
 * The bytes of the elements, in "elements", of ngx_str_t, which is made: they
 * lie in "data", which was not checked before.  Of a field that crosses arrays
 * all elements of all of its arrays come, in the order of the document.
 * NGX_OK; NGX_DECLINED and why: a sentence without any byte of data;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_split_find(ngx_er_split_t *split, ngx_pool_t *pool,
    ngx_er_scan_limits_t *limits, ngx_str_t *data, ngx_array_t *elements,
    ngx_er_error_t *err);


#endif /* _NGX_ER_SPLIT_H_INCLUDED_ */
