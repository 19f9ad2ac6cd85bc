
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How a target is told who calls: "auth" of event_target.
 */


#ifndef _NGX_ER_AUTH_H_INCLUDED_
#define _NGX_ER_AUTH_H_INCLUDED_


#include "attempt.h"
#include "../conf/block.h"


typedef enum {
    NGX_ER_AUTH_BASIC = 0,             /* Authorization: Basic ... */
    NGX_ER_AUTH_BEARER,                /* Authorization: Bearer ... */
    NGX_ER_AUTH_HEADER,                /* a header of the target's own */
    NGX_ER_AUTH_QUERY,                 /* an argument of the request */
    NGX_ER_AUTH_OAUTH2                 /* Authorization: the attempt's token */
} ngx_er_auth_kind_e;


struct ngx_er_auth_s {
    ngx_er_auth_kind_e     kind;
    ngx_er_where_t         where;
    ngx_table_elt_t        header;     /* of all but QUERY: the line as it is
                                          sent; of OAUTH2 without a value */
    ngx_str_t              args;       /* QUERY: NAME=SECRET, encoded */
    ngx_str_t              secret;     /* as it was read */
    ngx_str_t              sent;       /* as it is encoded, or empty */
    ngx_str_t              password;   /* BASIC, OAUTH2: the secret's part, or
                                          empty */
};


/* the line "auth" of event_target */
char *ngx_er_auth_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* the block ends: warns of what "auth" makes void */
void ngx_er_auth_complete(ngx_conf_t *cf, ngx_er_target_t *target);

/*
 * Adds the secret to the carrier's request, whose list of headers has room for
 * one more; the target has an "auth".
 */
ngx_int_t ngx_er_auth_add(ngx_er_attempt_t *attempt);

/* of a target with "auth oauth2": a 401 that no line is about is not for good,
   since another token may come to be accepted */
void ngx_er_auth_judge(ngx_er_attempt_t *attempt);

/*
 * What was said of a delivery goes to error.log, to dead letters, to operators
 * and producers: the secret, which some targets repeat, is made unreadable in
 * the "len" bytes of it at "p".  "token": that was sent, or NULL.
 */
void ngx_er_auth_hide(ngx_er_target_t *target, ngx_er_token_t *token,
    u_char *p, size_t len);


#endif /* _NGX_ER_AUTH_H_INCLUDED_ */
