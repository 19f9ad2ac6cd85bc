
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producer's raw bytes, in one piece, in the event's pool.
 */


#ifndef _NGX_ER_UPLOAD_H_INCLUDED_
#define _NGX_ER_UPLOAD_H_INCLUDED_


#include "../event_router.h"


#define NGX_ER_UPLOAD_MEMORY  (64 * 1024 * 1024)

typedef struct ngx_er_upload_s  ngx_er_upload_t;

/* rc: NGX_OK, or an HTTP status (400, 408, 413, 500, 503) */
typedef void (*ngx_er_upload_pt)(ngx_http_request_t *r, ngx_int_t rc);


struct ngx_er_upload_s {
    ngx_pool_t            *pool;       /* where the bytes go */
    size_t                 max;        /* bytes; more is 413 */
    ngx_er_upload_pt       handler;    /* called exactly once, unless the
                                          request dies before */
    ngx_str_t              bytes;      /* out */
    size_t                 size;       /* of the buffer behind bytes.data */
    ngx_er_body_memory_t  *memory;     /* counts it as long as the body is not
                                          verified; more than that is 503 */
    size_t                 counted;    /* bytes of it that are this body's */
    unsigned               shared:1;   /* somebody had read the body before,
                                          and others may need it too */
};


/*
 * Reads the whole body of a main request.  As a content handler returns
 * whatever this returns; the handler finalizes the request, also if it is
 * called from inside.  The record must live as long as the request's pool.
 */
ngx_int_t ngx_er_upload_read(ngx_http_request_t *r, ngx_er_upload_t *body);

/*
 * Gives back what the body took of event_body_memory: it was verified.  If it
 * never is, that happens when its request goes.  May be called again.
 */
void ngx_er_upload_settle(ngx_er_upload_t *body);

/*
 * Counts "size" more bytes as the body's, of what is made of it before it is
 * verified; gives back "size" of them.  NGX_BUSY: there is no room.
 */
ngx_int_t ngx_er_upload_count(ngx_er_upload_t *body, size_t size);
void ngx_er_upload_uncount(ngx_er_upload_t *body, size_t size);

/* the check of the directive event_body_memory (ngx_conf_post_t) */
char *ngx_er_upload_memory(ngx_conf_t *cf, void *post, void *data);


#endif /* _NGX_ER_UPLOAD_H_INCLUDED_ */
