
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a target answered, as far as rules look at it: response.status,
 * response.header.NAME and response.body.PATH.  Pure.
 */


#ifndef _NGX_ER_RESPONSE_H_INCLUDED_
#define _NGX_ER_RESPONSE_H_INCLUDED_


#include "../route/field.h"


#define NGX_ER_RESPONSE_BODY  65536    /* bytes that are looked at */


typedef enum {
    NGX_ER_RESPONSE_AWAITED = 0,       /* more may come */
    NGX_ER_RESPONSE_WHOLE,
    NGX_ER_RESPONSE_LOST               /* not the whole of it will ever be
                                          known */
} ngx_er_response_e;


typedef struct {
    ngx_pool_t            *pool;       /* for what it is asked for; lives as
                                          long as the answer is looked at */
    ngx_uint_t             status;     /* 0: none came */
    ngx_list_t            *headers;    /* of ngx_table_elt_t; NULL: they are
                                          not known */
    ngx_str_t              body;       /* so far */
    ngx_er_response_e      state;      /* of the body */
    ngx_er_facts_t        *facts;      /* NULL at first */
    unsigned               scanned:1;  /* the body's fields are in facts, */
    unsigned               unreadable:1;  /* or it has some that nobody can
                                             read, */
    unsigned               cut:1;      /* as its end is missing */
    unsigned               open:1;     /* the body ends with its connection: if
                                          that is within its JSON it may be
                                          cut off */
} ngx_er_response_t;


/* a table of fields of answers, or NULL: no memory */
ngx_er_fields_t *ngx_er_response_fields(ngx_pool_t *pool);

/*
 * What the answer says for the fields, made once; with "body" also the body's.
 * A body that is no JSON as RFC 8259 has it, in UTF-8, without the same key
 * twice where it is looked at, has no fields.  NULL: no memory, or the body
 * cannot be read: it is encoded (gzip), said to be JSON and is not, or may be
 * cut off.
 */
ngx_er_facts_t *ngx_er_response_facts(ngx_er_response_t *response,
    ngx_er_fields_t *fields, ngx_uint_t body);


#endif /* _NGX_ER_RESPONSE_H_INCLUDED_ */
