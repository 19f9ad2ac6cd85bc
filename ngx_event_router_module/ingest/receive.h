
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producer's request, from its first check to its answer.
 */


#ifndef _NGX_ER_RECEIVE_H_INCLUDED_
#define _NGX_ER_RECEIVE_H_INCLUDED_


#include "coding.h"
#include "event.h"
#include "keyset.h"
#include "refused.h"
#include "upload.h"
#include "../deliver/fanout.h"


/* one event of a request: a batch of CloudEvents has several */

typedef struct ngx_er_part_s  ngx_er_part_t;

struct ngx_er_part_s {
    ngx_er_event_t        *event;      /* held */
    ngx_er_fanout_t       *fanout;     /* NULL: not started, or forgotten */
    ngx_er_part_t         *first;      /* the one of this request that is the
                                          same event; its fate is shared */
    ngx_er_outcome_e       outcome;    /* of one without a fan-out */
    ngx_er_condition_t    *unmet;      /* a line of "require" that does not
                                          hold, or NULL */
};


typedef struct ngx_er_receive_s  ngx_er_receive_t;

typedef struct ngx_er_rate_ask_s  ngx_er_rate_ask_t;   /* rate.c */
typedef struct ngx_er_decision_s  ngx_er_decision_t;   /* decision.h */

/* what a request is answered that is refused */

typedef struct {
    ngx_uint_t             status;     /* HTTP */
    ngx_uint_t             metric;     /* ngx_er_source_metric_e */
    ngx_er_reason_e       reason;
    const char            *detail;
    ngx_uint_t             retry;      /* with 503: seconds; 0: as always */
} ngx_er_refusal_t;

typedef void (*ngx_er_receive_pt)(ngx_er_receive_t *ctx);


struct ngx_er_receive_s {
    ngx_http_request_t    *request;
    ngx_er_source_t       *source;
    ngx_er_upload_t        body;
    ngx_er_event_t        *event;      /* held: its pool has the body */
    ngx_er_coding_e        coding;     /* of the bytes that came; the event's
                                          body is unpacked */
    ngx_uint_t             ncodings;   /* headers that say so, behind those of
                                          the event, which has them no more */
    ngx_er_message_t       message;
    ngx_er_verdict_t       verdict;
    ngx_array_t            parts;      /* of ngx_er_part_t */
    ngx_uint_t             explain;    /* tell what would be done, do nothing:
                                          event_explain */
    ngx_er_receive_pt      done;       /* called when there are none more */
    void                  *data;       /* of "done", if it has any */
    ngx_er_refusal_t       refusal;    /* known before the body is read, which
                                          goes into quarantine with it; status
                                          0: none */
    ngx_er_refused_t      *kept;       /* it is judged again (judge.c); NULL:
                                          it comes from its producer */
    ngx_er_keyset_wait_t   keyset;     /* it needs keys, or has needed some */
    ngx_er_decision_t     *decision;   /* so far, while it waits for them */
    ngx_er_rate_ask_t     *ask;        /* rate.c: Redis is asked; or NULL */
    ngx_event_t            turn;       /* turns.c: routes the next part */
    ngx_uint_t             routed;     /* parts that had their turn */
    uint64_t               cpu;        /* ns that these took */
    ngx_rbtree_t           keys;       /* turns.c: dedup keys of the parts */
    ngx_rbtree_node_t      sentinel;
    ngx_uint_t             pending;    /* parts whose outcome is awaited */
    const char            *detail;     /* what is wrong with the events */
    const char            *verify;     /* $event_verify */
    const char            *status;     /* $event_status */
};


/* the directives event_receive and event_explain */
char *ngx_er_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* merge_loc_conf: "if" and "limit_except" in a location that receives */
char *ngx_er_receive_merge(ngx_conf_t *cf, void *parent, void *child);

/* all receivers know their sources; NGX_OK, or NGX_ERROR after logging where
   the mistake is */
ngx_int_t ngx_er_receivers_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* what a request is while it is received: it is in a location that receives,
   and ends with it; NULL: no memory */
ngx_er_receive_t *ngx_er_receive_create(ngx_http_request_t *r);

/* of a producer's request, also behind an error_page redirect; or NULL */
ngx_er_receive_t *ngx_er_receive_of(ngx_http_request_t *r);


#endif /* _NGX_ER_RECEIVE_H_INCLUDED_ */
