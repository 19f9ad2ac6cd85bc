
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Interim answers (1xx) in front of an answer of HTTP/1.  Pure.
 */


#ifndef _NGX_ER_INTERIM_H_INCLUDED_
#define _NGX_ER_INTERIM_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_INTERIM_LINE  16        /* bytes of a status line that count */


typedef enum {
    NGX_ER_INTERIM_NONE = 0,           /* there was none, nothing is read */
    NGX_ER_INTERIM_LINE_IN,            /* within a status line */
    NGX_ER_INTERIM_HEADER,             /* within the header behind it */
    NGX_ER_INTERIM_BODY,               /* of the final answer */
    NGX_ER_INTERIM_BROKEN              /* it is not HTTP */
} ngx_er_interim_state_e;


typedef struct {
    ngx_er_interim_state_e  state;
    ngx_uint_t              status;    /* the final one, 0: not yet known */
    ngx_uint_t              blank;     /* the line has been empty so far */
    ngx_uint_t              len;
    u_char                  line[NGX_ER_INTERIM_LINE];
} ngx_er_interim_t;


/* 1: an answer of this status is followed by another one */
#define ngx_er_interim(status)                                                \
    ((status) >= 100 && (status) < 200 && (status) != 101)


/* the header of an interim answer was read: what follows is the next one */
void ngx_er_interim_begin(ngx_er_interim_t *in);

/*
 * Reads on, in pieces of any size.  "status" is set as soon as the final
 * status line is complete; returns where its body begins, "last" until then.
 */
u_char *ngx_er_interim_read(ngx_er_interim_t *in, u_char *pos, u_char *last);


#endif /* _NGX_ER_INTERIM_H_INCLUDED_ */
