
/*
 * Copyright (C) Event Router contributors
 */


/*
 * References to one part of a message.  Their text is one of
 *     body ts id url decoded_url method path_query body_sha256 body_crc32
 *     form_sorted secret header:NAME json:PATH query:NAME form:NAME jwt:CLAIM
 *     const:NAME item:PATH data:PATH
 * json:PATH is dotted, a number is an index of an array ("0.eventId");
 * data:PATH is the same in what rules call data: the document inside the body
 * where there is one, else the body, which may be a form, too; item:PATH
 * begins at one of several events in the body (batch.h).
 */


#ifndef _NGX_ER_REFERENCE_H_INCLUDED_
#define _NGX_ER_REFERENCE_H_INCLUDED_


#include "message.h"


typedef struct {
    ngx_str_t              name;
    ngx_str_t              value;
} ngx_er_constant_t;


/* what a template needs beside the message; empty members are undefined */

typedef struct {
    ngx_str_t              ts;         /* as the producer wrote it */
    ngx_str_t              id;
    ngx_str_t              url;        /* overrides the message's if set */
    ngx_str_t              secret;
    ngx_array_t           *constants;  /* of ngx_er_constant_t */
    void                  *claims;     /* of a verified JWT, verify.c's own */
} ngx_er_scope_t;


/* a reference to one part of a message: "body", "header:X-GitHub-Event" */

typedef enum {
    NGX_ER_REF_BODY = 0,
    NGX_ER_REF_TS,
    NGX_ER_REF_ID,
    NGX_ER_REF_URL,
    NGX_ER_REF_DECODED_URL,
    NGX_ER_REF_METHOD,
    NGX_ER_REF_PATH_QUERY,
    NGX_ER_REF_BODY_SHA256,
    NGX_ER_REF_BODY_CRC32,
    NGX_ER_REF_FORM_SORTED,
    NGX_ER_REF_SECRET,
    NGX_ER_REF_HEADER,
    NGX_ER_REF_JSON,
    NGX_ER_REF_DATA,
    NGX_ER_REF_ITEM,
    NGX_ER_REF_QUERY,
    NGX_ER_REF_FORM,
    NGX_ER_REF_JWT,
    NGX_ER_REF_CONST
} ngx_er_ref_kind_e;


typedef struct {
    ngx_er_ref_kind_e      kind;
    ngx_str_t              name;       /* behind the colon */
    ngx_uint_t             field;      /* JSON, DATA, FORM: index in the
                                          fields */
    ngx_uint_t             indices;    /* JSON, DATA, ITEM: array indices in
                                          the path */
    ngx_array_t            steps;      /* JSON, DATA, ITEM: of ngx_er_step_t;
                                          of the first two those without an
                                          index */
    ngx_uint_t             array;      /* JSON, DATA: how many of them lead to
                                          the array of the last index */
    ngx_uint_t             first;      /* JSON, DATA: it has indices, and all
                                          are 0: the first event of several */
    ngx_uint_t             slot;       /* in a batch, from 1; 0: in none */
} ngx_er_ref_t;


/*
 * "text" is a variable without braces and "?".  NGX_OK, or NGX_ERROR with a
 * sentence in err.
 */
ngx_int_t ngx_er_ref_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_ref_t *ref, ngx_er_error_t *err);

/*
 * NGX_OK: *out is in m->pool or points into the message or scope;
 * NGX_DECLINED: undefined; NGX_ABORT: the message has it more than once, so
 * that two readers could take different ones, and m->twice asks for none;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_ref_get(ngx_er_ref_t *ref, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_str_t *out);

/* 1: equal references have equal values in every message */
ngx_uint_t ngx_er_ref_equal(ngx_er_ref_t *a, ngx_er_ref_t *b);

/* 1: whoever knows a digest of the first cannot change the second */
ngx_uint_t ngx_er_ref_covers(ngx_er_ref_t *ref, ngx_er_ref_t *of);

/* 1: an object or an array stands where its value is looked for */
ngx_uint_t ngx_er_ref_compound(ngx_er_ref_t *ref, ngx_er_message_t *m);

/* 1: the body, a value in it or something computed from it */
ngx_uint_t ngx_er_ref_of_body(ngx_er_ref_t *ref);


#endif /* _NGX_ER_REFERENCE_H_INCLUDED_ */
