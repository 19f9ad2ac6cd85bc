
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_NEAREST_H_INCLUDED_
#define _NGX_ER_NEAREST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The name of a table that differs least from a misspelt word, or NULL if none
 * is near.  A table is an array of elements of "size" bytes whose first member
 * is the name, a const char *, and that ends with a name that is NULL.
 */
const char *ngx_er_nearest(ngx_str_t *word, const void *table, size_t size);

/* the same among nouns of nginx.conf: pointers to structures whose first
   member is the name, an ngx_str_t that ends with a zero byte */
const char *ngx_er_nearest_noun(ngx_str_t *word, ngx_array_t *nouns);


#endif /* _NGX_ER_NEAREST_H_INCLUDED_ */
