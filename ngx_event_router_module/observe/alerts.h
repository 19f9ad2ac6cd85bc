
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Alerts: what people should be told of, once when it begins, now and then
 * while it goes on, and once when it is over.
 */


#ifndef _NGX_ER_ALERTS_H_INCLUDED_
#define _NGX_ER_ALERTS_H_INCLUDED_


#include "../event_router.h"


#define NGX_ER_ALERT_WHY     128       /* bytes of a reason */
#define NGX_ER_ALERT_NEVER   ((uint64_t) -1)


/* what there is to tell; kept in stores, so numbers never change */

typedef enum {
    NGX_ER_ALERT_DEAD = 0,             /* a target: dead letters */
    NGX_ER_ALERT_BREAKER = 1,          /* its breaker is open */
    NGX_ER_ALERT_PAUSED = 2,           /* an operator paused it */
    NGX_ER_ALERT_UNACCOUNTED = 3,      /* its numbers do not add up */
    NGX_ER_ALERT_REFUSED = 4,          /* a source: bad signatures */
    NGX_ER_ALERT_SILENT = 5,           /* what it is expected to send does not
                                          come */
    NGX_ER_ALERT_FULL = 6,             /* the store has no room */
    NGX_ER_ALERT_LOST = 7,             /* the store does not answer */
    NGX_ER_ALERT_LAST = 8
} ngx_er_alert_e;

#define NGX_ER_ALERT_TARGET  4         /* kinds that a target has */


typedef enum {
    NGX_ER_ALERT_BEGIN = 0,
    NGX_ER_ALERT_REPEAT,
    NGX_ER_ALERT_END
} ngx_er_alert_phase_e;


/* what is told of an alert; times are ms since 1970 */

typedef struct {
    ngx_er_alert_phase_e   phase;
    uint64_t               stamp;      /* when it was made: no two of an alert
                                          have the same; 0: there is none */
    uint64_t               since;      /* when it began */
    uint64_t               first;      /* of "count"; 0: there is none */
    uint64_t               last;
    uint64_t               count;      /* how often it happened since what was
                                          told before, */
    uint64_t               total;      /* and since it began */
    uint64_t               seq;        /* an example's number; 0: none */
    ngx_uint_t             status;     /* and its last answer, 0: none */
    ngx_uint_t             len;
    u_char                 why[NGX_ER_ALERT_WHY];  /* printable ASCII without
                                          ", \, <, > and & */
} ngx_er_alert_message_t;


/* what outlives nginx of an alert that was told and goes on */

typedef struct {
    uint64_t               hash;       /* of the alert */
    uint64_t               since;
    uint64_t               total;
    uint64_t               stamp;      /* of what was told last */
} ngx_er_alert_kept_t;


typedef struct ngx_er_alert_sh_s   ngx_er_alert_sh_t;
typedef struct ngx_er_alerts_sh_s  ngx_er_alerts_sh_t;


/* one kind of one noun; the configuration's */

struct ngx_er_alert_s {
    ngx_er_alert_e         kind;
    ngx_str_t             *noun;       /* a target's or source's name, or what
                                          the store is called */
    ngx_str_t              type;       /* SILENT: which type, empty: any */
    ngx_msec_t             every;      /* SILENT */
    ngx_uint_t             least;      /* so many within a minute begin it */
    uint64_t               hash;       /* of all that */
    ngx_er_alerts_t       *alerts;
    ngx_er_alert_sh_t     *sh;
};


struct ngx_er_alerts_s {
    ngx_flag_t             enable;
    ngx_msec_t             repeat;
    ngx_uint_t             refused;
    ngx_er_where_t         where;      /* of "event_alerts", if it is there */

    ngx_er_source_t       *source;     /* "router"; NULL: no route is from it,
                                          and nothing is told */
    ngx_array_t            rows;       /* of ngx_er_alert_t * */
    ngx_str_t              host;       /* that nginx runs on */
    uint64_t               name;       /* of this nginx, among those that share
                                          a store */
    ngx_er_queue_t        *queue;      /* NULL: there is none */
    ngx_er_alert_t        *full;       /* NULL: there is no queue */
    ngx_er_alert_t        *lost;

    ngx_er_tenants_t      *tenants;    /* of shared memory */
    ngx_slab_pool_t       *shpool;
    ngx_er_alerts_sh_t    *sh;
};


/*
 * It happened once more: an event's number or 0, a reason or NULL (it is
 * copied), the last answer's status or 0.
 */
void ngx_er_alert(ngx_er_alert_t *alert, uint64_t seq, const char *why,
    ngx_uint_t status);

/* it is so from now on ("on"; again and again counts), or is no more */
void ngx_er_alert_set(ngx_er_alert_t *alert, ngx_uint_t on, uint64_t seq,
    const char *why, ngx_uint_t status);

/* 1: it is so, as far as was said */
ngx_uint_t ngx_er_alert_is(ngx_er_alert_t *alert);

/* a sign of life of what is expected, and ms since the last one, or since it
   was expected first */
void ngx_er_alert_heard(ngx_er_alert_t *alert);
uint64_t ngx_er_alert_quiet(ngx_er_alert_t *alert);

/* of a worker: since it said so last the store has failed, or done, what was
   asked of it */
void ngx_er_alerts_store(ngx_er_alerts_t *alerts, ngx_uint_t failed,
    ngx_uint_t worked);

/*
 * The next one that is to be told and nobody else is telling, and what; NULL:
 * there is none.  The caller has it for "ms" and says by told() what became of
 * it, else it is given again, the same one with the same stamp.
 */
ngx_er_alert_t *ngx_er_alerts_next(ngx_er_alerts_t *alerts, ngx_msec_t ms,
    ngx_er_alert_message_t *message);
void ngx_er_alert_told(ngx_er_alert_t *alert, uint64_t stamp, ngx_uint_t ok);

/*
 * 1: it was told and goes on, "kept" is what there is to keep of it.  And what
 * was kept is so still, as far as is known: it does not begin once more.
 */
ngx_uint_t ngx_er_alert_keep(ngx_er_alert_t *alert,
    ngx_er_alert_kept_t *kept);
void ngx_er_alerts_recall(ngx_er_alerts_t *alerts, ngx_er_alert_kept_t *kept);

/* 1: nobody knows yet what was kept, and for some seconds nothing is told; and
   now it is known, or there is nothing */
ngx_uint_t ngx_er_alerts_new(ngx_er_alerts_t *alerts);
void ngx_er_alerts_known(ngx_er_alerts_t *alerts);

/* 1: it is this worker's turn to look around, nobody else's for "ms" */
ngx_uint_t ngx_er_alerts_turn(ngx_er_alerts_t *alerts, ngx_msec_t ms);

/* this nginx since it started, any number */
uint64_t ngx_er_alerts_node(ngx_er_alerts_t *alerts);

/* postconfiguration: the zone for all rows */
ngx_int_t ngx_er_alerts_zone(ngx_conf_t *cf, ngx_er_alerts_t *alerts);


#endif /* _NGX_ER_ALERTS_H_INCLUDED_ */
