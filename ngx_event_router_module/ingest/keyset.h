
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The key set of a source with "jwt keys=": shared by all workers, fetched by
 * one of them.
 */


#ifndef _NGX_ER_KEYSET_H_INCLUDED_
#define _NGX_ER_KEYSET_H_INCLUDED_


#include "../event_router.h"


typedef struct ngx_er_keyset_wait_s  ngx_er_keyset_wait_t;

typedef void (*ngx_er_keyset_pt)(ngx_er_keyset_wait_t *wait);


/* a request that needs keys; its own part is zeroed by whoever makes it */

struct ngx_er_keyset_wait_s {
    ngx_queue_t            queue;      /* queue.next NULL: it does not wait */
    ngx_er_keyset_pt       handler;    /* NULL: it does not wait for keys, and
                                          none are fetched for it */
    void                  *data;       /* of the handler */
    ngx_msec_t             came;       /* when it asked first, */
    unsigned               known:1;    /* which is known */
    ngx_msec_t             pause;      /* out, with NGX_DECLINED: ms */
};


/* postconfiguration, when sources know their locations: the location of each
   key set, and the zone; NGX_ERROR: it was logged, or no memory */
ngx_int_t ngx_er_keysets_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* exit_process, when nothing waits any more */
void ngx_er_keysets_exit_worker(ngx_er_main_conf_t *mcf);

/*
 * Before a message is verified: the verifier gets the newest keys.  NGX_OK, or
 * NGX_AGAIN: these are too old, the handler will be called when others are
 * there or cannot be had, unless the caller leaves; then call it again.
 */
ngx_int_t ngx_er_keyset_ready(ngx_er_keyset_t *keyset,
    ngx_er_keyset_wait_t *wait);

/*
 * Behind a message whose key is not known; "kid" may be empty.  NGX_OK: the
 * verifier has newer keys now; NGX_AGAIN: as above; NGX_DECLINED: nothing is
 * fetched for wait->pause ms; NGX_ABORT: a set that was fetched since the
 * message came lacks it.
 */
ngx_int_t ngx_er_keyset_more(ngx_er_keyset_t *keyset,
    ngx_er_keyset_wait_t *wait, ngx_str_t *kid);

void ngx_er_keyset_leave(ngx_er_keyset_wait_t *wait);


#endif /* _NGX_ER_KEYSET_H_INCLUDED_ */
