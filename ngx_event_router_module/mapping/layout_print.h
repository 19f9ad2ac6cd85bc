
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A layout and an event make a body.
 */


#ifndef _NGX_ER_LAYOUT_PRINT_H_INCLUDED_
#define _NGX_ER_LAYOUT_PRINT_H_INCLUDED_


#include "layout.h"
#include "layout_out.h"


/*
 * A body may have this many bytes for each byte of what it is made of, and a
 * megabyte more; and as many values may be looked at for it.
 */

#define NGX_ER_LAYOUT_TIMES  16
#define NGX_ER_LAYOUT_MORE   (1024 * 1024)


/* what the bytes of an event are */

typedef enum {
    NGX_ER_LAYOUT_JSON = 0,
    NGX_ER_LAYOUT_FORM,
    NGX_ER_LAYOUT_OPAQUE               /* they have no fields */
} ngx_er_layout_format_e;


/* what is known of one document */

typedef struct {
    ngx_er_facts_t            *facts;
    u_char                    *start;
    u_char                    *end;
    ngx_uint_t                 odd;    /* it has what is no UTF-8, or so */
} ngx_er_layout_known_t;


typedef struct ngx_er_layout_states_s  ngx_er_layout_states_t;


/*
 * Zeroed and filled in by the caller; may be used for all elements of one
 * event, one after the other.
 */

typedef struct {
    ngx_pool_t                *pool;   /* all is in it */
    ngx_er_layout_t           *layout;
    ngx_str_t                  data;   /* of the event, which was checked */
    ngx_er_layout_format_e     format; /* of it */
    ngx_str_t                  type;   /* of a form: its content type */
    ngx_er_scan_limits_t      *limits; /* NULL: as many as there are */
    ngx_er_facts_get_pt        get;    /* for fields that are not in it */
    void                      *facts;  /* get()'s own */
    time_t                    *received;  /* when the event came, or NULL */

    ngx_str_t                  body;   /* out */
    ngx_uint_t                 replaced;  /* out: how many U+FFFD are in it for
                                             what is no UTF-8 */
    ngx_er_error_t             err;    /* out: without a byte of the event */

    ngx_er_layout_known_t      known[NGX_ER_LAYOUT_DOCUMENTS];
    ngx_er_layout_states_t    *states;
    ngx_er_layout_out_t        out;
    size_t                     turns;  /* values that were looked at */
    ngx_uint_t                 epoch;  /* of lists that were begun */
    ngx_uint_t                 round;  /* of elements, from 1 */
} ngx_er_layout_print_t;


/*
 * Makes the body of the event or, with "split", of this element of it, which
 * else is NULL.  NGX_OK; NGX_DECLINED: it can never be made, print->err says
 * why; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_layout_print(ngx_er_layout_print_t *print,
    ngx_str_t *element);


#endif /* _NGX_ER_LAYOUT_PRINT_H_INCLUDED_ */
