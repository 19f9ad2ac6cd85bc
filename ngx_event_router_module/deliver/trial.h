
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A trial: one delivery to a target that an operator asks for, to see whether
 * and how it works.  Its event is marked and counts nowhere.
 */


#ifndef _NGX_ER_TRIAL_H_INCLUDED_
#define _NGX_ER_TRIAL_H_INCLUDED_


#include "attempt.h"


#define NGX_ER_TRIAL_LINES  20         /* of the log that are kept */
#define NGX_ER_TRIAL_BODY   1024       /* bytes of the answer */


typedef struct ngx_er_trial_s  ngx_er_trial_t;

typedef void (*ngx_er_trial_pt)(ngx_er_trial_t *trial);


/* of the connection to the target; empty: it was none */

typedef struct {
    ngx_str_t              version;
    ngx_str_t              cipher;
    ngx_str_t              subject;    /* of the target's certificate, */
    ngx_str_t              ends;       /* and when that is over */
} ngx_er_trial_tls_t;


/* in the event's pool */

struct ngx_er_trial_s {
    ngx_er_event_t        *event;      /* its body and content type may be set
                                          until it is started */
    ngx_er_target_t       *target;
    ngx_er_mapped_t       *mapped;     /* while a child makes the body; or
                                          NULL */
    ngx_er_attempt_t      *attempt;    /* NULL: none is running */
    ngx_event_t            end;        /* posted: nothing was sent */
    ngx_er_trial_pt        handler;    /* NULL: nobody waits for it any more */
    void                  *data;

    ngx_uint_t             status;     /* out: 0: there was no answer */
    ngx_msec_t             ms;
    size_t                 bytes;      /* of the answer's body that came */
    ngx_str_t              answer;     /* the first of them */
    ngx_er_verdict_e       verdict;
    ngx_er_verdict_line_t *line;       /* that decided, or NULL */
    ngx_er_lost_e          lost;
    const char            *token;      /* of "auth oauth2": what became of it;
                                          NULL: the target needs none */
    ngx_uint_t             unsent;     /* there was no token */
    ngx_str_t              error;      /* nothing was sent: there is no body,
                                          and why; or empty */
    ngx_str_t              said;       /* more, which may have values of the
                                          body; or empty */
    ngx_uint_t             calls;      /* that a delivery would make, of which
                                          the first was made; 0: there is
                                          nothing to send */
    ngx_er_trial_tls_t     tls;
    ngx_array_t            lines;      /* of ngx_str_t: what nginx logged, from
                                          "warn" on */
    ngx_uint_t             more;       /* lines that are not kept */
};


/* with an event that has no body yet; NULL: no memory, or too many are running
   (*busy is set) */
ngx_er_trial_t *ngx_er_trial_create(ngx_er_target_t *target,
    ngx_uint_t *busy);

/* NGX_OK: the handler will be called, from a posted event; NGX_ERROR: no
   memory or connections */
ngx_int_t ngx_er_trial_start(ngx_er_trial_t *trial);

/* frees it, at the latest when a delivery that runs has ended, which it does
   now */
void ngx_er_trial_free(ngx_er_trial_t *trial);


#endif /* _NGX_ER_TRIAL_H_INCLUDED_ */
