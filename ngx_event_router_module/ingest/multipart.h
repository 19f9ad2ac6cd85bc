
/*
 * Copyright (C) Event Router contributors
 */


/*
 * multipart/form-data (RFC 7578, RFC 2046): Mailgun's routes, SendGrid's
 * inbound mail, JotForm's answers.
 */


#ifndef _NGX_ER_MULTIPART_H_INCLUDED_
#define _NGX_ER_MULTIPART_H_INCLUDED_


#include "form.h"


#define NGX_ER_MULTIPART_BOUNDARY  70  /* bytes, RFC 2046, 5.1.1 */
#define NGX_ER_MULTIPART_PARTS     1000
#define NGX_ER_MULTIPART_HEAD      8192


/* how its lines end: as the first one that has the boundary */

typedef enum {
    NGX_ER_MULTIPART_UNKNOWN = 0,
    NGX_ER_MULTIPART_CRLF,
    NGX_ER_MULTIPART_LF
} ngx_er_multipart_lines_e;


/* a body that is walked through */

typedef struct {
    u_char                *start;
    u_char                *first;      /* the first boundary, with its "--" */
    u_char                *pos;        /* of the next part, or behind the last
                                          boundary */
    u_char                *last;
    ngx_uint_t             closed;     /* there is no other part */
    u_char                *at;         /* the offending byte */
    ngx_er_scan_error_e    error;
    ngx_er_multipart_lines_e  lines;
    size_t                 len;
    u_char                 mark[3 + NGX_ER_MULTIPART_BOUNDARY];
                                       /* LF, "--" and the boundary */
} ngx_er_multipart_t;


typedef struct {
    ngx_er_pair_t          pair;       /* as it stands in the body */
    u_char                *start;      /* of its headers */
    ngx_uint_t             absent;     /* it is no field: a file, or without a
                                          name */
    unsigned               disposed:1;    /* Content-Disposition is there */
    unsigned               named:1;
    unsigned               file:1;     /* or several of them */
    unsigned               odd:1;      /* of its name readers may differ */
} ngx_er_multipart_part_t;


/* 1: a Content-Type is of such a body */
ngx_uint_t ngx_er_multipart_is(ngx_str_t *type);

/*
 * type: Content-Type as it came, with its boundary.  NGX_OK: pos is at the
 * first part, what is in front of it is skipped; NGX_DECLINED: mp->error and
 * mp->at say why not.
 */
ngx_int_t ngx_er_multipart_begin(ngx_er_multipart_t *mp, ngx_str_t *type,
    ngx_str_t *body);

/* NGX_OK; NGX_DONE: there was none any more; NGX_DECLINED: as above */
ngx_int_t ngx_er_multipart_next(ngx_er_multipart_t *mp,
    ngx_er_multipart_part_t *part);

/*
 * As ngx_er_form_scan().  A part that is a file is not there, one whose value
 * cannot be read meets no rule.
 */
ngx_int_t ngx_er_multipart_scan(ngx_er_scan_t *s, ngx_str_t *type,
    ngx_str_t *body);

/* a form of either kind, by its type */
ngx_int_t ngx_er_multipart_form(ngx_er_scan_t *s, ngx_str_t *type,
    ngx_str_t *body);

/* as ngx_er_form_parse(); NGX_DECLINED: also if a part is no field, which the
   pairs say nothing of */
ngx_int_t ngx_er_multipart_parse(ngx_str_t *type, ngx_str_t *body,
    ngx_array_t *pairs, ngx_uint_t max);

/* as ngx_er_form_second(); 0: there is none */
size_t ngx_er_multipart_second(ngx_str_t *type, ngx_str_t *body,
    ngx_str_t *name);


#endif /* _NGX_ER_MULTIPART_H_INCLUDED_ */
