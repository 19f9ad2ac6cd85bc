
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One event that is in the store, wherever it is there.
 */


#ifndef _NGX_ER_API_STORED_H_INCLUDED_
#define _NGX_ER_API_STORED_H_INCLUDED_


#include "api.h"


/* where it was found: the next place is looked at if it is not there */

typedef enum {
    NGX_ER_API_STORED_DEAD = 0,        /* a dead letter of the target */
    NGX_ER_API_STORED_PENDING,         /* it waits for the target */
    NGX_ER_API_STORED_KEPT             /* for others, or retained */
} ngx_er_api_stored_e;


typedef struct ngx_er_api_stored_s  ngx_er_api_stored_t;

/* as a content handler; the entry has its record, whose bytes can be read (it
   is sealed with no unknown key), and is there for this call only */
typedef ngx_int_t (*ngx_er_api_stored_pt)(ngx_er_api_t *api,
    ngx_er_entry_t *entry);


/* the first in what api->data is */

struct ngx_er_api_stored_s {
    uint64_t               seq;        /* which event */
    uint64_t               target;     /* hash of a name; 0: of any */
    ngx_er_api_stored_e    place;      /* DEAD at first; then where it is */
    ngx_er_api_stored_pt   found;
    ngx_int_t            (*lost)(ngx_er_api_t *api);   /* called once before
                                          404 is the answer; or NULL */
};


/* looks for it, and answers if it is not there: for a handler to return.
   Whoever asks has to be there when it is found */
ngx_int_t ngx_er_api_stored(ngx_er_api_t *api);

/* "dead", "pending", "kept" */
const char *ngx_er_api_stored_name(ngx_er_api_stored_e place);


#endif /* _NGX_ER_API_STORED_H_INCLUDED_ */
