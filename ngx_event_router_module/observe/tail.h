
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The tail: what happens, as it happens, in shared memory for whoever looks.
 */


#ifndef _NGX_ER_TAIL_H_INCLUDED_
#define _NGX_ER_TAIL_H_INCLUDED_


#include "../deliver/attempt.h"
#include "who.h"


#define NGX_ER_TAIL_LINES  1024        /* that are kept */
#define NGX_ER_TAIL_TEXT   976         /* bytes of one; longer ones are cut */
#define NGX_ER_TAIL_ALIVE  2000        /* ms that a look lasts */
#define NGX_ER_TAIL_LOOKERS  256       /* of all workers */
#define NGX_ER_TAIL_GONE   60000       /* ms, of a look whose worker died */
#define NGX_ER_TAIL_RATE   1000        /* lines a second for one of them, */
#define NGX_ER_TAIL_BURST  2048        /* and so many at once */


/* words of the API: see ngx_er_tail_kind() */

typedef enum {
    NGX_ER_TAIL_ANY = 0,
    NGX_ER_TAIL_EVENT,
    NGX_ER_TAIL_ATTEMPT,
    NGX_ER_TAIL_DELIVERY,
    NGX_ER_TAIL_REFUSAL,
    NGX_ER_TAIL_ACT
} ngx_er_tail_kind_e;


/* which lines; hashes of names, 0: any */

typedef struct {
    ngx_er_tail_kind_e     kind;
    uint64_t               source;
    uint64_t               target;
    uint64_t               type;
} ngx_er_tail_filter_t;


typedef struct {
    ngx_er_tail_filter_t   of;
    size_t                 len;
    u_char                 text[NGX_ER_TAIL_TEXT];
} ngx_er_tail_line_t;


/* who looks; in shared memory */

typedef struct {
    ngx_msec_t             until;      /* ngx_current_msec */
    ngx_msec_t             at;         /* when it got lines to spend, */
    ngx_atomic_t           left;       /* and those that are left, signed */
    ngx_atomic_t           missed;     /* it had none left for so many */
    ngx_uint_t             used;
    ngx_er_tail_filter_t   filter;
} ngx_er_tail_looker_t;


/* in shared memory */

typedef struct {
    ngx_msec_t             until;      /* ngx_current_msec: nobody looks since
                                          then, and nobody writes */
    uint64_t               next;       /* number of the next line */
    ngx_uint_t             n;          /* no looker is behind this one */
    ngx_er_tail_looker_t   lookers[NGX_ER_TAIL_LOOKERS];
    ngx_er_tail_line_t     lines[NGX_ER_TAIL_LINES];
} ngx_er_tail_sh_t;


/* the worker's; NULL: no location has an API */
extern ngx_er_tail_sh_t  *ngx_er_tail;

/* somebody looks: all that it costs if nobody does */
#define ngx_er_tail_wanted()                                                  \
    (ngx_er_tail                                                              \
     && (ngx_msec_int_t) (ngx_er_tail->until - ngx_current_msec) > 0)


/* an event_admin is read: it needs the memory; NGX_ERROR: no memory */
ngx_int_t ngx_er_tail_add(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* init_process; "mcf" may be NULL: there is no http */
void ngx_er_tail_init_worker(ngx_er_main_conf_t *mcf);

/* what account.c hears; "result", "by" and "reason" are words of ours, the
   latter two may be NULL */
void ngx_er_tail_event(ngx_er_event_t *event, const char *result);
void ngx_er_tail_attempt(ngx_er_attempt_t *attempt, const char *result);
void ngx_er_tail_delivery(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, const char *result, const char *reason);
void ngx_er_tail_refusal(ngx_er_source_t *source, ngx_http_request_t *r,
    const char *result, ngx_uint_t status, const char *by, const char *why);
void ngx_er_tail_act(ngx_er_who_t *who, const char *act, ngx_str_t *noun,
    ngx_str_t *text);

/* "event|attempt|..."; ANY: it is none of these */
ngx_er_tail_kind_e ngx_er_tail_kind(ngx_str_t *word);

/*
 * Somebody looks, for lines that pass the filter, for NGX_ER_TAIL_ALIVE from
 * now on: *pos is the number of the next line.  NULL: there are too many.
 * Then it looks on, again and again, which gives it lines to spend; and no
 * more.
 */
ngx_er_tail_looker_t *ngx_er_tail_open(ngx_er_tail_filter_t *filter,
    uint64_t *pos);
void ngx_er_tail_look(ngx_er_tail_looker_t *looker);
void ngx_er_tail_close(ngx_er_tail_looker_t *looker);

/*
 * Lines from number *pos on that pass its filter, with '\n', as many as fit
 * into "size" bytes; *pos is behind the last one that was looked at.  *skipped
 * counts those that were overwritten before, or not made.  Returns bytes.
 */
size_t ngx_er_tail_read(ngx_er_tail_looker_t *looker, uint64_t *pos,
    u_char *buf, size_t size, ngx_uint_t *skipped);


#endif /* _NGX_ER_TAIL_H_INCLUDED_ */
