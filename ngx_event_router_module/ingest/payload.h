
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The document inside a body: "payload form:payload;".  Some producers send
 * JSON as a text in something else; rules, mappings and lists mean that JSON
 * when they say data.
 */


#ifndef _NGX_ER_PAYLOAD_H_INCLUDED_
#define _NGX_ER_PAYLOAD_H_INCLUDED_


#include "form.h"
#include "paths.h"
#include "template.h"


typedef enum {
    NGX_ER_PAYLOAD_FORM = 0,           /* a field of a form */
    NGX_ER_PAYLOAD_JSON,               /* a string of a body of JSON, */
    NGX_ER_PAYLOAD_BASE64              /* which is base64 */
} ngx_er_payload_kind_e;


/* where it is; the same for all bodies of a source */

typedef struct {
    ngx_er_payload_kind_e  kind;
    ngx_str_t              text;       /* as it stands in nginx.conf */
    ngx_str_t              name;       /* behind the colon */
    ngx_uint_t             field;      /* its index in the fields */
    ngx_array_t            steps;      /* of ngx_er_step_t, keys only */
    ngx_er_paths_t        *paths;      /* of it alone, slot 0 */
} ngx_er_payload_t;


/* in one body */

typedef struct {
    ngx_er_value_t        *value;      /* of the place; NULL: it has none */
    unsigned               twice:1;    /* a form has the field again */
    unsigned               raw:1;      /* the value stands there as it is:
                                          multipart/form-data */
    u_char                *start;      /* of the value as it stands, with the
                                          quotes of JSON, */
    u_char                *end;        /* and behind it */
} ngx_er_payload_place_t;


/*
 * Reads "form:NAME", "json:PATH" or "base64:PATH"; the place joins "fields".
 * NULL: err has a sentence (memory shortage too).
 */
ngx_er_payload_t *ngx_er_payload_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_error_t *err);

/* 1: a body of this kind can have one */
ngx_uint_t ngx_er_payload_in(ngx_er_payload_t *payload, ngx_uint_t form);

/*
 * Looks for the place in a body of the kind that can have one; limits and type
 * (Content-Type) are those of the body.  NGX_OK, also if it has none;
 * NGX_DECLINED: the body cannot be read; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_payload_find(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_er_scan_limits_t *limits, ngx_str_t *type, ngx_str_t *body,
    ngx_er_payload_place_t *place);

/* the value of a field of a form, or "value" in a body of JSON that was
   scanned, and where it stands */
ngx_int_t ngx_er_payload_field(ngx_pool_t *pool, ngx_er_pair_t *pair,
    ngx_er_payload_place_t *place);
void ngx_er_payload_string(ngx_str_t *body, ngx_er_value_t *value,
    ngx_er_payload_place_t *place);

/* 1: that field of a form is it */
ngx_uint_t ngx_er_payload_named(ngx_er_payload_t *payload,
    ngx_er_pair_t *pair);

/*
 * The document in a value: *document is in the value or in the pool, without
 * blanks around it, and begins as an object or an array does; whether it is
 * JSON nobody has looked.  NGX_DECLINED: there is none, since the value is
 * NULL, no string, in an array, not readable, no base64, or something else;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_payload_open(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_er_value_t *value, ngx_str_t *document);

/*
 * A document as it stands in such a place; *out is the document or in the
 * pool.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_payload_wrap(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_er_payload_place_t *place, ngx_str_t *document, ngx_str_t *out);

/* 1: a scan that ended so says that this is no JSON at all, which is another
   thing than JSON beyond the limits, or with a key of a rule twice */
ngx_uint_t ngx_er_payload_foreign(ngx_er_scan_error_e error);


#endif /* _NGX_ER_PAYLOAD_H_INCLUDED_ */
