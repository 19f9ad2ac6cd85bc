
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The access token of a target with "auth oauth2": shared by all workers,
 * fetched by one of them.
 */


#ifndef _NGX_ER_TOKEN_H_INCLUDED_
#define _NGX_ER_TOKEN_H_INCLUDED_


#include "call.h"
#include "grant.h"


typedef struct ngx_er_token_state_s  ngx_er_token_state_t;


/* as this worker has it; in the vault, as long as it is held */

typedef struct {
    ngx_pool_t            *pool;
    ngx_er_token_state_t  *state;      /* whose it is */
    ngx_uint_t             refs;
    ngx_uint_t             serial;
    ngx_msec_t             renew;      /* from then on a new one is fetched */
    ngx_uint_t             accepted;   /* 1: a target took it */
    ngx_str_t              value;      /* "Bearer ..." */
} ngx_er_token_t;


/* what waits for a token */

typedef struct ngx_er_token_wait_s  ngx_er_token_wait_t;

/* "token" is held for it; NULL: there is none, nor before "pause" ms */
typedef void (*ngx_er_token_pt)(ngx_er_token_wait_t *wait,
    ngx_er_token_t *token);

struct ngx_er_token_wait_s {
    ngx_queue_t            queue;      /* queue.next NULL: it does not wait */
    ngx_er_token_pt        handler;    /* at most once */
    void                  *data;
    ngx_msec_t             pause;
};


/* "auth oauth2" of a target; the part below is token.c's, in each worker */

struct ngx_er_oauth2_s {
    ngx_er_target_t           *target;
    ngx_er_where_t             where;
    ngx_er_grant_t             grant;
    ngx_str_t                  uri;
    ngx_http_core_loc_conf_t  *location;
    ngx_msec_t                 leeway; /* ms before its end */
    u_char                     print[32];      /* of all parameters */

    ngx_slab_pool_t           *shpool;
    ngx_er_token_state_t      *shared;
    ngx_er_token_state_t      *own;    /* after a reload that changed the
                                          line; NULL: not needed so far */
    ngx_er_token_t            *token;  /* held; NULL: none yet */
    ngx_er_call_t             *call;   /* that fetches one, or NULL */
    ngx_queue_t                waits;  /* of ngx_er_token_wait_t */
    ngx_event_t                timer;  /* looks what another worker fetched */
    ngx_connection_t           dummy;  /* its data: debug logs its fd */
};


/* postconfiguration, when targets know their locations: that of each "auth
   oauth2", and the zone; NGX_ERROR: it was logged, or no memory */
ngx_int_t ngx_er_tokens_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* exit_process, when nothing waits any more */
void ngx_er_tokens_exit_worker(ngx_er_main_conf_t *mcf);

/*
 * NGX_OK: *token, held for the caller; NGX_AGAIN: the handler will be called,
 * unless the caller leaves; NGX_DECLINED: there is none, nor before
 * wait->pause ms; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_token_get(ngx_er_oauth2_t *oauth2, ngx_er_token_wait_t *wait,
    ngx_er_token_t **token);
void ngx_er_token_leave(ngx_er_token_wait_t *wait);
void ngx_er_token_release(ngx_er_token_t *token);

/*
 * What the target made of the token.  refused(): NGX_OK, another one is to be
 * had; NGX_DECLINED: that has not helped lately.
 */
ngx_int_t ngx_er_token_refused(ngx_er_oauth2_t *oauth2, ngx_er_token_t *token);
void ngx_er_token_accepted(ngx_er_oauth2_t *oauth2, ngx_er_token_t *token);


#endif /* _NGX_ER_TOKEN_H_INCLUDED_ */
