
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Mapping: what one event is for one target.  The result is a list of cargos,
 * each of which is what one call brings.
 */


#ifndef _NGX_ER_MAPPING_H_INCLUDED_
#define _NGX_ER_MAPPING_H_INCLUDED_


#include "../ingest/event.h"


typedef struct ngx_er_mapped_s  ngx_er_mapped_t;

typedef void (*ngx_er_mapped_pt)(ngx_er_mapped_t *mapped);
typedef ngx_int_t (*ngx_er_mapped_more_pt)(ngx_er_mapped_t *mapped);


/* what one call brings */

typedef struct {
    ngx_str_t              body;
    ngx_str_t              content_type;  /* empty: none */
    ngx_uint_t             number;     /* of the call, from 1; 0: it is the
                                          only one */
    ngx_uint_t             events;     /* that are in the body; 0: one, and it
                                          is no list of them */
    ngx_uint_t             replaced;   /* U+FFFD in the body, for what is no
                                          UTF-8 in the event */
} ngx_er_cargo_t;


typedef enum {
    NGX_ER_MAPPED_RUNNING = 0,         /* a child works on it: the handler will
                                          be called */
    NGX_ER_MAPPED_DONE,                /* "cargos" has one or more */
    NGX_ER_MAPPED_FILTERED,            /* nothing is to be delivered */
    NGX_ER_MAPPED_FAILED,              /* final: no retry helps; "error" says
                                          why */
    NGX_ER_MAPPED_AWAY                 /* not now (no memory, no child): try
                                          again in "retry" ms */
} ngx_er_mapped_e;


/* what a kind of body reads (body.h) */

typedef struct {
    ngx_er_event_t        *event;
    ngx_str_t              data;       /* the JSON text, or other bytes, that
                                          is "data": the whole body, or "data"
                                          of a structured CloudEvent */
    ngx_str_t              element;    /* with "split": the bytes of the
                                          element; else empty */
    ngx_uint_t             number;     /* with "split": from 1; else 0 */
    ngx_uint_t             json;       /* 1: data is JSON that scan.c has
                                          checked, without blanks around it */
    ngx_uint_t             form;       /* 1: data is a form, of which kind the
                                          content type says */
    ngx_str_t              content_type;  /* of data; empty: unknown */
    const char            *why;        /* there is no telling what data is, a
                                          sentence; or NULL */
} ngx_er_input_t;


struct ngx_er_mapped_s {
    ngx_pool_t            *pool;       /* its own; bodies are in it, or are the
                                          event's own bytes */
    ngx_uint_t             holders;    /* the owner, and each attempt that
                                          sends a cargo of it */
    ngx_er_event_t        *event;      /* held */
    ngx_er_target_t       *target;
    ngx_er_mapped_e        state;
    ngx_array_t            cargos;     /* of ngx_er_cargo_t */
    ngx_str_t              error;      /* FAILED: a sentence without any byte
                                          of the event: for error.log, history
                                          and the dead letter */
    ngx_str_t              said;       /* FAILED: more, which may have values
                                          of the event: for the answer of the
                                          dead letter and explain only; empty:
                                          none */
    ngx_msec_t             retry;      /* AWAY: ms */
    ngx_er_mapped_pt       handler;    /* the owner's; called at most once,
                                          from the event loop, never from
                                          inside of ngx_er_mapping_start() */
    void                  *data;       /* the handler's */

    ngx_er_input_t         input;
    ngx_array_t            elements;   /* with "split": of ngx_str_t */
    void                  *kept;       /* of the kind of body: from one element
                                          of "split" to the next */
    ngx_er_mapped_pt       cancel;     /* RUNNING: of the kind of body: it must
                                          forget the mapped, which goes */
    void                  *child;      /* and that one's data */
    ngx_er_mapped_more_pt  more;       /* what was RUNNING has ended well:
                                          this is asked for the rest, as
                                          run() of the kind; NULL: there is
                                          none */
    ngx_uint_t             numbered;   /* 1: an only cargo has a number, too */
};


/*
 * target->body must be set, else nobody calls it: a target without a mapping
 * costs nothing.  Holds the event.  The state is known on return, but for what
 * a child works on, which is RUNNING.  NULL: no memory.
 */
ngx_er_mapped_t *ngx_er_mapping_start(ngx_er_event_t *event,
    ngx_er_target_t *target, ngx_er_mapped_pt handler, void *data);

/* one without a cargo, for who makes bodies of several events.  It holds the
   event; NULL: no memory */
ngx_er_mapped_t *ngx_er_mapped_create(ngx_er_event_t *event,
    ngx_er_target_t *target);

/* the last one who releases it frees it; what is RUNNING is cancelled then,
   and no handler is called */
void ngx_er_mapped_hold(ngx_er_mapped_t *mapped);
void ngx_er_mapped_release(ngx_er_mapped_t *mapped);


/* for kinds of body: */

#define NGX_ER_MAPPED_AGAIN  1000      /* ms: there was no memory */

/* another cargo, of zeros; NULL: no memory */
ngx_er_cargo_t *ngx_er_mapped_push(ngx_er_mapped_t *mapped);

/* sets FAILED and the error, which is formatted as by ngx_sprintf() and cut at
   NGX_ER_ERROR_LEN; NGX_OK, or NGX_ERROR: no memory */
ngx_int_t ngx_er_mapped_fail(ngx_er_mapped_t *mapped, const char *fmt, ...);

/*
 * What was RUNNING has ended: cargos were pushed, or state and error are set.
 * "rc" as run() of the kind returns it, but not NGX_AGAIN.  Calls the handler;
 * the mapped may be gone afterwards.
 */
void ngx_er_mapped_end(ngx_er_mapped_t *mapped, ngx_int_t rc);


#endif /* _NGX_ER_MAPPING_H_INCLUDED_ */
