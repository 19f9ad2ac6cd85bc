
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event as bytes, for the durable queue: what a delivery needs of it, in
 * another worker, after a restart, with another configuration.
 */


#ifndef _NGX_ER_RECORD_H_INCLUDED_
#define _NGX_ER_RECORD_H_INCLUDED_


#include "event.h"
#include "../store/dedup.h"


/* what a record says before all of it is read; in the record's memory */

typedef struct {
    ngx_str_t              source;
    ngx_str_t              id;
    ngx_str_t              type;
    ngx_str_t              subject;
    ngx_str_t              time;
    ngx_str_t              origin;
    ngx_str_t              content_type;
    ngx_str_t              args;
    ngx_str_t              body;
    ngx_str_t              edited;     /* as in event.h */
    u_char                *headers;    /* encoded, up to "last" */
    u_char                *last;
    ngx_uint_t             nheaders;
    time_t                 received;   /* seconds */
    ngx_uint_t             hops;
    ngx_uint_t             flags;
    ngx_er_dedup_mode_e    dedup;
} ngx_er_record_t;


/*
 * Postconfiguration: which headers of producers are kept: those that
 * forward_headers and header. fields name, and the attributes of CloudEvents
 * where a target asks for them; no others, since they can be secrets.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_record_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* the record, in the pool; "dedup" tells who looked for duplicates.
   NGX_ERROR: no memory */
ngx_int_t ngx_er_record_write(ngx_er_event_t *event,
    ngx_er_dedup_mode_e dedup, ngx_pool_t *pool, ngx_str_t *record);

/* NGX_OK, or NGX_DECLINED: these are not the bytes that were written */
ngx_int_t ngx_er_record_read(ngx_str_t *bytes, ngx_er_record_t *record);

/*
 * The event again, with one holder and copies of all; "event_set" variables
 * work, conditions do not.  Its source is the one of that name or, if the
 * configuration has none, a stand-in.  NULL: no memory.
 */
ngx_er_event_t *ngx_er_record_event(ngx_er_record_t *record);

/* what makes conditions work, too, of an event that has just come out of a
   record; NGX_ERROR: no memory */
ngx_int_t ngx_er_record_facts(ngx_er_event_t *event);


#endif /* _NGX_ER_RECORD_H_INCLUDED_ */
