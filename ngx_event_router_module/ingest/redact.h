
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Values of a source that nobody is to see: "redact FIELD...;".  A copy of a
 * body without them is made here, for whoever shows one.
 */


#ifndef _NGX_ER_REDACT_H_INCLUDED_
#define _NGX_ER_REDACT_H_INCLUDED_


#include "../route/field.h"
#include "payload.h"


#define NGX_ER_REDACT_MASK  "***"      /* in the place of a value */


/* how a body is read */

typedef enum {
    NGX_ER_REDACT_JSON = 0,
    NGX_ER_REDACT_DOCUMENT,            /* JSON, and no payload is in it */
    NGX_ER_REDACT_ENVELOPE,            /* of CloudEvents: one, or an array */
    NGX_ER_REDACT_FORM,
    NGX_ER_REDACT_MULTIPART,
    NGX_ER_REDACT_LINES,               /* JSON in each of them */
    NGX_ER_REDACT_OPAQUE               /* nobody reads it */
} ngx_er_redact_format_e;


typedef struct {
    ngx_pool_t            *pool;
    ngx_array_t            fields;     /* of ngx_er_field_t: DATA, HEADER,
                                          ARG */
    ngx_uint_t             data;       /* how many of them are DATA */
    ngx_uint_t             args;       /* and ARG */
    ngx_er_paths_t        *paths;      /* the DATA fields, slot = index */
    ngx_er_paths_t        *envelope;   /* the same in CloudEvents */
    ngx_er_payload_t      *payload;    /* which may have them in it, too; NULL:
                                          bodies have none */
    ngx_er_paths_t        *outer;      /* with one: "paths" and its place */
} ngx_er_redact_t;


/* a body that is read, and how */

typedef struct {
    ngx_str_t              body;
    ngx_str_t              type;       /* MULTIPART: Content-Type */
    ngx_er_redact_format_e  format;
    ngx_er_scan_limits_t  *limits;
} ngx_er_redact_body_t;


/* a value that is hidden, as it stands */

typedef struct {
    u_char                *start;
    u_char                *end;
    ngx_uint_t             slot;       /* the index of its field, or one of
                                          these */
    ngx_str_t              shown;      /* in its place; empty: a mask */
    ngx_uint_t             values;     /* that are hidden in that, or 1 */
} ngx_er_redact_value_t;


#define NGX_ER_REDACT_NONE     ((ngx_uint_t) -1)
#define NGX_ER_REDACT_PAYLOAD  ((ngx_uint_t) -2)


/*
 * At configuration time, in the pool: NULL or NGX_ERROR: no memory.  payload()
 * comes when all fields are there, if bodies have a document in them; then
 * array(), for each array (steps of a path) whose elements are events of their
 * own: in a whole body the fields are in these.
 */
ngx_er_redact_t *ngx_er_redact_create(ngx_pool_t *pool);
ngx_int_t ngx_er_redact_add(ngx_er_redact_t *redact, ngx_er_field_t *field);
ngx_int_t ngx_er_redact_payload(ngx_er_redact_t *redact,
    ngx_er_payload_t *payload);
ngx_int_t ngx_er_redact_array(ngx_er_redact_t *redact, ngx_array_t *steps);

/*
 * What may be shown of a body.  NGX_OK: *out is a copy in which each value of
 * the fields is "***", or the body itself if it has none; *n says how many
 * there are.  A document in the body is written again without them; what is in
 * its place and is none is hidden as a whole.  NGX_DECLINED: the body cannot
 * be read, so nothing of it may be shown: *why is a phrase without any byte of
 * it.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_redact_body(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_str_t *out, ngx_uint_t *n,
    const char **why);

/* what it hides of a body: of ngx_er_redact_value_t, in the order of the body,
   none within another one; returns as above, and initializes the array */
ngx_int_t ngx_er_redact_find(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why);

/* what may be shown of a URI with its arguments; NGX_ERROR: no memory */
ngx_int_t ngx_er_redact_uri(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_str_t *uri, ngx_str_t *out);

/* 1: the value of a header of that name is not shown */
ngx_uint_t ngx_er_redact_header(ngx_er_redact_t *redact, ngx_str_t *name);

/* 1: a value of this field may have one that is not shown */
ngx_uint_t ngx_er_redact_hides(ngx_er_redact_t *redact, ngx_er_field_t *field);

/* the same of a path in data, and of a variable of nginx: "http_x_name" */
ngx_uint_t ngx_er_redact_path(ngx_er_redact_t *redact, ngx_array_t *steps);
ngx_uint_t ngx_er_redact_variable(ngx_er_redact_t *redact, ngx_str_t *name);


#endif /* _NGX_ER_REDACT_H_INCLUDED_ */
