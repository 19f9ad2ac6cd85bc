
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event: CloudEvents attributes, raw body and facts, in a pool of its own.
 * It lives as long as somebody holds it: the producer's request while it waits
 * and every delivery, which may outlive the request.
 */


#ifndef _NGX_ER_EVENT_H_INCLUDED_
#define _NGX_ER_EVENT_H_INCLUDED_


#include "../event_router.h"
#include "../base/trace_context.h"


#define NGX_ER_ATTRIBUTE_MAX  256      /* bytes of an attribute */


/* what the events of one request share */

typedef struct {
    ngx_uint_t             holders;
    ngx_uint_t             nheaders;
    ngx_er_header_t       *headers;
    ngx_str_t              args;
} ngx_er_head_t;


/* headers that all deliveries of an event have (deliver/outgoing.c) */

typedef struct ngx_er_outgoing_s  ngx_er_outgoing_t;


/* whoever waits for what becomes of an event of the queue (deliver/await.c) */

typedef struct ngx_er_await_s  ngx_er_await_t;


/* what the producer sent */

typedef enum {
    NGX_ER_CLOUDEVENT_NONE = 0,        /* another event */
    NGX_ER_CLOUDEVENT_STRUCTURED,
    NGX_ER_CLOUDEVENT_BINARY
} ngx_er_cloudevent_e;


/* the document inside its body (ingest/payload.h) */

typedef enum {
    NGX_ER_INNER_UNKNOWN = 0,          /* nobody looked */
    NGX_ER_INNER_PIECE,                /* the body is a piece of data: nobody
                                          is to look */
    NGX_ER_INNER_NONE,                 /* such a body has none */
    NGX_ER_INNER_MISSING,              /* it should have one: data is the body
                                          all the same */
    NGX_ER_INNER_FOUND                 /* it is data */
} ngx_er_inner_e;


/* its trace (ingest/trace.c) */

typedef enum {
    NGX_ER_TRACED_NOT = 0,             /* nobody asked yet */
    NGX_ER_TRACED_LATE,                /* nor can one be made: the event comes
                                          out of a record */
    NGX_ER_TRACED_YES                  /* it is known, or that there is none */
} ngx_er_traced_e;


struct ngx_er_event_s {
    ngx_pool_t            *pool;       /* dies with the last holder */
    ngx_uint_t             holders;
    ngx_er_source_t       *source;

    ngx_str_t              id;         /* attributes: never a byte below 0x20
                                          nor 0x7f: ngx_er_event_attribute() */
    ngx_str_t              type;
    ngx_str_t              subject;    /* empty: none */
    ngx_str_t              time;       /* RFC 3339; empty: none */
    ngx_str_t              origin;     /* ce-source: the producer's own for a
                                          CloudEvent, else the source's name */
    ngx_str_t              given_time; /* as it came: for "by=time" */
    ngx_str_t              given_id;   /* the id without what is added of the
                                          body: for "by=id" */
    ngx_str_t              whole_id;   /* for the dedup key: as they came, */
    ngx_str_t              whole_origin;  /* or hashed: neither cut nor encoded
                                             so that two could look alike */
    ngx_str_t              content_type;
    ngx_str_t              body;       /* the raw bytes, contiguous */
    u_char                *digest;     /* its SHA-256; NULL: nobody asked, see
                                          ngx_er_event_digest() */

    ngx_er_facts_t        *facts;      /* of data */
    ngx_er_facts_t        *outer;      /* of the body, where data is a document
                                          in it; NULL: facts are */
    ngx_er_inner_e         inner;      /* of a source without "payload" it is
                                          not looked at */
    ngx_str_t              document;   /* FOUND: without blanks around it */
    ngx_er_value_t        *types;      /* all of them, if the body has several
                                          events or the request several types;
                                          NULL: type is the only one */
    ngx_er_value_t        *subjects;
    ngx_uint_t             count;      /* events in the body; 0: ask
                                          ngx_er_parts_count() */

    ngx_er_head_t         *head;       /* held; NULL: in the pool */
    ngx_er_header_t       *headers;    /* the producer's, copied */
    ngx_uint_t             nheaders;
    ngx_str_t              args;       /* the producer's query string */
    ngx_array_t           *pairs;      /* of it, of ngx_er_pair_t; NULL: not
                                          parsed yet */

    ngx_array_t            routes;     /* of ngx_er_route_t *: that matched */
    ngx_str_t              route_names;  /* "a,b" */
    ngx_uint_t             hops;       /* routers that it came through */
    ngx_uint_t             copy;       /* with shared_id: how many in front of
                                          it in the body are the same */
    ngx_er_outgoing_t     *outgoing;   /* NULL: no delivery has begun */
    ngx_er_await_t        *await;      /* NULL: nobody waits */
    uint64_t               number;     /* in the queue; 0: it is not there */
    ngx_er_trace_t        *trace;      /* see ngx_er_event_trace() */
    ngx_er_traced_e        traced;
    u_char                *key;        /* of dedup, 32 bytes, of a queued event
                                          whose keys are beside the queue */
    ngx_str_t              edited;     /* ingest/edited.h; empty: it is none */
    ngx_er_cloudevent_e    cloudevent;
    unsigned               has_id:1;   /* the producer gave the id */
    unsigned               part:1;     /* one of several in a body */
    unsigned               shared_id:1;  /* other events may have the id */
    unsigned               test:1;     /* it is none, but a test of a target */
    unsigned               again:1;    /* it was in quarantine */
    unsigned               text:1;     /* text/plain, and no JSON */
    time_t                 received;   /* wall clock, seconds */

    ngx_http_request_t    *request;    /* the producer's, NULL once it is
                                          answered or gone */
};


/* debug lines have the number of the producer's request while it is there */
#define ngx_er_event_log(event)                                               \
    ((event)->request ? (event)->request->connection->log : ngx_cycle->log)

/* one holder; NULL: no memory */
ngx_er_event_t *ngx_er_event_create(ngx_er_source_t *source);

/* one holder, an event of the same request as "whole" with its headers and a
   copy of its own bytes; NULL: no memory */
ngx_er_event_t *ngx_er_event_part(ngx_er_event_t *whole, ngx_str_t *body);

void ngx_er_event_hold(ngx_er_event_t *event);
void ngx_er_event_release(ngx_er_event_t *event);

/* exit_process: no pools are kept for other events any more */
void ngx_er_events_exit_worker(void);

/* copies the request's headers and arguments; NGX_ERROR: no memory */
ngx_int_t ngx_er_event_headers(ngx_er_event_t *event, ngx_http_request_t *r);

/* the body's SHA-256, 32 bytes, made once; NULL: no memory */
u_char *ngx_er_event_digest(ngx_er_event_t *event);

/* the value of the first header of that name in any case, or NULL */
ngx_str_t *ngx_er_event_header(ngx_er_event_t *event, ngx_str_t *name);


#endif /* _NGX_ER_EVENT_H_INCLUDED_ */
