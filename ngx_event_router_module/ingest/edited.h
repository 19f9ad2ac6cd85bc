
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A copy of a stored event with another body.
 */


#ifndef _NGX_ER_EDITED_H_INCLUDED_
#define _NGX_ER_EDITED_H_INCLUDED_


#include "record.h"
#include "scan.h"


/* what is to become of a stored event */

typedef struct {
    ngx_er_record_t       *record;
    uint64_t               seq;        /* its number in the queue */
    ngx_str_t              body;       /* the other one, not empty */
    ngx_str_t              content_type;  /* empty: the original's */
    ngx_str_t              who;        /* edits it; safe to show */
    uint64_t               token;      /* a number that no other copy has */

    /* out, with NGX_DECLINED: why not, of which bytes of the body may be the
       cause */

    const char            *why;
    ngx_uint_t             wrong;      /* at "offset" */
    size_t                 offset;
} ngx_er_edited_t;


/* where two bodies differ: from a byte on so many of the old one are gone, and
   so many are new */

typedef struct {
    size_t                 at;
    size_t                 removed;
    size_t                 added;
} ngx_er_edited_bytes_t;


/*
 * The copy, with one holder and copies of all: what the original is, but for
 * the body, an id of its own and no dedup key.  NGX_DECLINED: its target could
 * not read it, though it could the original; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_edited_event(ngx_er_edited_t *edited, ngx_er_event_t **event);

void ngx_er_edited_compare(ngx_str_t *old, ngx_str_t *body,
    ngx_er_edited_bytes_t *bytes);

/* "edited" of an event or a record: of which event it is a copy, and who made
   it, in its memory.  NGX_DECLINED: it is none */
ngx_int_t ngx_er_edited_read(ngx_str_t *edited, uint64_t *seq, ngx_str_t *who);


#endif /* _NGX_ER_EDITED_H_INCLUDED_ */
