
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who acts: what is known of an administrator, and what he may.
 */


#ifndef _NGX_ER_WHO_H_INCLUDED_
#define _NGX_ER_WHO_H_INCLUDED_


#include "../event_router.h"


typedef enum {
    NGX_ER_ROLE_LOOK = 0,              /* reads */
    NGX_ER_ROLE_ACT                    /* and changes */
} ngx_er_role_e;


/* texts are safe to show, and empty where nothing is known */

typedef struct {
    ngx_er_role_e          role;
    ngx_str_t              token;      /* the name of it, never the token */
    ngx_str_t              subject;    /* of the client's certificate, which
                                          nginx verified: its DN */
    ngx_str_t              user;       /* $remote_user, if nginx asked for a
                                          password */
    ngx_str_t              address;    /* of the client */
} ngx_er_who_t;


/* what the request says; "basic": nginx asked for user and password.  The
   texts are in its pool or the configuration's; NGX_ERROR: no memory */
ngx_int_t ngx_er_who_request(ngx_http_request_t *r, ngx_uint_t basic,
    ngx_er_who_t *who);

/* a copy of all of it in another pool; NGX_ERROR: no memory */
ngx_int_t ngx_er_who_copy(ngx_pool_t *pool, ngx_er_who_t *who,
    ngx_er_who_t *copy);

/* what is known beside the address, for a line: ': token "a", user "b"', or
   nothing.  Returns where it ends in the buffer, in which it is cut */
u_char *ngx_er_who_text(ngx_er_who_t *who, u_char *buf, size_t size);

/* the same for a member of JSON: 'token "a", user "b"', or the address */
u_char *ngx_er_who_brief(ngx_er_who_t *who, u_char *buf, size_t size);


#endif /* _NGX_ER_WHO_H_INCLUDED_ */
