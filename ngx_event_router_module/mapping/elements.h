
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The body of a target that has an event as several calls, by the word
 * "split": what its kind of body makes of each of the elements.
 */


#ifndef _NGX_ER_ELEMENTS_H_INCLUDED_
#define _NGX_ER_ELEMENTS_H_INCLUDED_


#include "body.h"
#include "split.h"


/*
 * Configuration: the body of a target with "split", in the place of "body",
 * which its line "body" made for an element; NULL: there is no such line, and
 * an element is sent as it is.  NULL: no memory.
 */
ngx_er_body_t *ngx_er_elements_body(ngx_pool_t *pool, ngx_er_split_t *split,
    ngx_er_body_t *body);


#endif /* _NGX_ER_ELEMENTS_H_INCLUDED_ */
