
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Several events in one body: where their array is, which elements it has in
 * this body, and what a template finds in one of them.
 */


#ifndef _NGX_ER_BATCH_H_INCLUDED_
#define _NGX_ER_BATCH_H_INCLUDED_


#include "scan.h"
#include "template.h"


typedef struct ngx_er_batch_conf_s  ngx_er_batch_conf_t;
typedef struct ngx_er_way_s  ngx_er_way_t;    /* batch.c's own */


/* one of the events */

struct ngx_er_item_s {
    ngx_str_t              bytes;      /* as they stand in the body */
    ngx_er_element_t      *element;
    ngx_er_way_t          *way;        /* to its array */
};


struct ngx_er_batch_s {
    ngx_er_batch_conf_t   *conf;
    ngx_array_t            items;      /* of ngx_er_item_t, in their order */
    unsigned               found:1;    /* the body has one of the arrays; if
                                          not, it is one event itself */
    unsigned               hollow:1;   /* one of the arrays in an element is
                                          empty */

    ngx_array_t            arrays;     /* batch.c's own: their ways */
    ngx_er_value_t       **values;     /* by slot */
    ngx_er_value_t       **cursors;    /* by slot: not behind the item */
    ngx_er_item_t         *last;       /* that was asked about */
};


/*
 * At configuration time.  field() reads an array's name, "data.events", or
 * says in err why it is none; array() adds one (ngx_er_step_t, keys only),
 * derive() the one of which a reference takes the first element, if it does;
 * bind() comes when all arrays are known, and gives a reference its slot.
 * inner() comes in front of these two: the arrays are in a document inside the
 * body, and only data: and item: are about them.  NGX_ERROR: no memory.
 */
ngx_er_batch_conf_t *ngx_er_batch_create(ngx_pool_t *pool);
ngx_int_t ngx_er_batch_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *field, ngx_er_error_t *err);
ngx_int_t ngx_er_batch_array(ngx_er_batch_conf_t *conf, ngx_array_t *steps);
void ngx_er_batch_inner(ngx_er_batch_conf_t *conf);
ngx_int_t ngx_er_batch_derive(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref);
ngx_int_t ngx_er_batch_bind(ngx_er_batch_conf_t *conf, ngx_er_ref_t *ref);
ngx_uint_t ngx_er_batch_arrays(ngx_er_batch_conf_t *conf);

/* the path of the n-th array, from 0, of ngx_er_step_t; NULL: there are not as
   many */
ngx_array_t *ngx_er_batch_steps(ngx_er_batch_conf_t *conf, ngx_uint_t n);

/*
 * The batch of a body of JSON, in the pool; values point into the body.  "max"
 * bounds the values that are taken from it, 0: as many as the body may have.
 * Returns as ngx_er_scan(); on NGX_DECLINED *error says why.
 */
ngx_int_t ngx_er_batch_scan(ngx_er_batch_conf_t *conf, ngx_pool_t *pool,
    ngx_er_scan_limits_t *limits, ngx_str_t *body, ngx_uint_t max,
    ngx_er_batch_t **batch, ngx_er_scan_error_e *error);

/*
 * What a bound reference finds: of ITEM a value of the item itself, of others
 * one of the elements around it or of the document too.  NULL: nothing.  Items
 * that are asked about in their order cost nothing but a step on.
 */
ngx_er_value_t *ngx_er_batch_value(ngx_er_batch_t *batch,
    ngx_er_item_t *item, ngx_er_ref_t *ref);


#endif /* _NGX_ER_BATCH_H_INCLUDED_ */
