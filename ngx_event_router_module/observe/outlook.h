
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What targets would get of an event that is explained.
 */


#ifndef _NGX_ER_OUTLOOK_H_INCLUDED_
#define _NGX_ER_OUTLOOK_H_INCLUDED_


#include "../base/json.h"
#include "../mapping/mapping.h"


typedef struct ngx_er_outlook_s  ngx_er_outlook_t;

/* the bodies are known, or there was no time for all */
typedef void (*ngx_er_outlook_pt)(void *data);

/* 1: there is a secret in the text, so it may not be shown */
typedef ngx_uint_t (*ngx_er_outlook_secret_pt)(void *data, ngx_str_t *text);


/* how it is written */

typedef struct {
    ngx_er_json_t         *json;
    size_t                *room;       /* bytes of bodies that may still be
                                          shown */
    ngx_er_outlook_secret_pt  secret;
    void                  *data;       /* of secret() */
} ngx_er_outlook_print_t;


/*
 * Of one event, which is held; in the pool, with which all goes that is not
 * closed before.  "reveal": with bodies, else only what they are like.  NULL:
 * no memory.
 */
ngx_er_outlook_t *ngx_er_outlook_create(ngx_pool_t *pool,
    ngx_er_event_t *event, ngx_uint_t reveal);

/* the event would go to that target, which is named once.  NGX_ERROR: no
   memory */
ngx_int_t ngx_er_outlook_add(ngx_er_outlook_t *outlook,
    ngx_er_target_t *target);

/* NGX_OK: all is known; NGX_AGAIN: the handler will be called, once, from the
   event loop, unless the outlook is closed before */
ngx_int_t ngx_er_outlook_wait(ngx_er_outlook_t *outlook,
    ngx_er_outlook_pt handler, void *data);

/* the member "bodies" */
void ngx_er_outlook_json(ngx_er_outlook_t *outlook,
    ngx_er_outlook_print_t *print);

void ngx_er_outlook_close(ngx_er_outlook_t *outlook);


#endif /* _NGX_ER_OUTLOOK_H_INCLUDED_ */
