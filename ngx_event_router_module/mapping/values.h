
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The values of an event that a body names by fields.
 */


#ifndef _NGX_ER_VALUES_H_INCLUDED_
#define _NGX_ER_VALUES_H_INCLUDED_


#include "mapping.h"


/* the tables of one body; zeros at first */

typedef struct {
    ngx_er_fields_t       *data;       /* DATA fields; NULL: none */
    ngx_er_fields_t       *element;    /* those of the element, of "split" */
} ngx_er_values_t;


/* one field, as the body has it */

typedef struct {
    ngx_er_field_t         field;
    ngx_uint_t             index;      /* DATA: in its table */
    ngx_uint_t             own;        /* 1: that is the element's */
} ngx_er_values_field_t;


/* what was read of one input */

typedef struct {
    ngx_er_input_t        *input;
    ngx_er_value_t       **data;       /* by index */
    ngx_er_value_t       **element;
} ngx_er_values_read_t;


/*
 * At configuration time: a field as a body may name it, which is any of an
 * event but nginx's variables; one that begins with "." is the element's.
 * Headers that are named are kept in records.  NGX_OK, or NGX_ERROR and a
 * sentence.
 */
ngx_int_t ngx_er_values_field(ngx_conf_t *cf, ngx_er_values_t *values,
    ngx_str_t *text, ngx_er_values_field_t *field, ngx_er_error_t *err);

/*
 * Reads all DATA fields of the input, which need not be checked.  NGX_OK;
 * NGX_DECLINED: it cannot be read, or not in one way only: "mapped" has failed
 * and says why; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_values_read(ngx_er_mapped_t *mapped, ngx_er_values_t *values,
    ngx_er_input_t *input, ngx_er_values_read_t *read);

/* the first value of a field, or NULL: it is missing, or there is no memory */
ngx_er_value_t *ngx_er_values_get(ngx_er_values_read_t *read,
    ngx_er_values_field_t *field);


#endif /* _NGX_ER_VALUES_H_INCLUDED_ */
