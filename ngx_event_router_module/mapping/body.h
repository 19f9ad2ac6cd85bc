
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The word "body" of event_target: which kinds of bodies there are.
 */


#ifndef _NGX_ER_BODY_H_INCLUDED_
#define _NGX_ER_BODY_H_INCLUDED_


#include "mapping.h"


/*
 * A kind is a row of the table in body.c and a file of its own.
 *
 * conf() reads cf->args from [2] on and sets body->data; it returns
 * NGX_CONF_OK, NGX_CONF_ERROR after logging, or what is wrong.  NULL: the kind
 * takes no arguments.
 *
 * run() makes of one input, or of one element of it, cargos of "mapped", or
 * sets its state and error.  NGX_OK: that is done, and without a cargo and a
 * state nothing is to be delivered; NGX_ERROR: no memory; NGX_AGAIN: it runs,
 * mapped->cancel is set, and ngx_er_mapped_end() will be called.
 */

typedef struct {
    const char            *name;       /* "template"; NULL ends the table */
    ngx_uint_t             min;        /* arguments behind it */
    ngx_uint_t             max;
    const char            *syntax;     /* "FILE", for people */
    char                *(*conf)(ngx_conf_t *cf, ngx_er_body_t *body);
    ngx_int_t            (*run)(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
                             ngx_er_input_t *input);
    ngx_uint_t             unchecked;  /* 1: run() does not ask whether data is
                                          JSON, or scans it itself: "json" of
                                          its input says what it should be */
} ngx_er_body_kind_t;


struct ngx_er_body_s {
    ngx_er_body_kind_t    *kind;
    void                  *data;       /* the kind's own */
    ngx_str_t              text;       /* as it stands in nginx.conf */
    ngx_str_t              relative;   /* the first field that begins with ".",
                                          of an element of "split"; empty:
                                          none */
    ngx_er_where_t         where;
};


/* the block ends: NGX_ERROR after logging that fields are of elements which
   the target, without "split", does not have.  body may be NULL */
ngx_int_t ngx_er_body_complete(ngx_conf_t *cf, ngx_er_body_t *body,
    ngx_uint_t split);

/* the line "body" of event_target; *body is NULL for "original".
   NGX_CONF_OK, NGX_CONF_ERROR after logging, or what is wrong */
char *ngx_er_body_conf(ngx_conf_t *cf, ngx_er_body_t **body);


#endif /* _NGX_ER_BODY_H_INCLUDED_ */
