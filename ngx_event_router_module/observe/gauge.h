
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue has for a target, and what nginx has in shared memory: as of
 * now, numbers that may go down again.
 */


#ifndef _NGX_ER_GAUGE_H_INCLUDED_
#define _NGX_ER_GAUGE_H_INCLUDED_


#include "../deliver/lane.h"


#define NGX_ER_GAUGE_NONE  ((uint64_t) -1)


/* of a target: rows of the table */

typedef enum {
    NGX_ER_GAUGE_PENDING = 0,
    NGX_ER_GAUGE_DEAD,
    NGX_ER_GAUGE_OLDEST,
    NGX_ER_GAUGE_FLIGHT,
    NGX_ER_GAUGE_AGAIN,
    NGX_ER_GAUGE_STATE,                /* of the breaker */
    NGX_ER_GAUGE_SHUT,                 /* and for how many seconds yet */
    NGX_ER_GAUGE_PAUSED,
    NGX_ER_GAUGE_DRAINS,
    NGX_ER_GAUGE_LEASES,
    NGX_ER_GAUGE_PAUSE,
    NGX_ER_GAUGE_TOKENS,
    NGX_ER_GAUGES
} ngx_er_gauge_e;


/* how JSON shows it */

typedef enum {
    NGX_ER_GAUGE_NUMBER = 0,
    NGX_ER_GAUGE_FLAG,
    NGX_ER_GAUGE_BREAKER               /* a word */
} ngx_er_gauge_shape_e;


typedef struct {
    const char            *name;       /* in metrics; NULL: in JSON only */
    const char            *type;       /* "gauge" or "counter" */
    const char            *help;       /* rows of one name follow each other */
    const char            *label;      /* what="pending", or NULL */
    const char            *json;       /* NULL: the end of the table */
    ngx_er_gauge_shape_e   shape;
    uint64_t             (*get)(ngx_er_target_t *target,
                                ngx_er_lane_sh_t *lane, uint64_t now);
                                       /* NGX_ER_GAUGE_NONE: it has none; the
                                          lane is a copy */
} ngx_er_gauge_t;


extern const ngx_er_gauge_t  ngx_er_gauges[];


/* all of a target, as of one moment */

typedef struct {
    uint64_t               values[NGX_ER_GAUGES];  /* as in the table */
    uint64_t               words[NGX_ER_LEDGER_WORDS];  /* store/ledger.h */
    int64_t                missing;    /* of pending ones, */
    int64_t                dead_missing;  /* and of dead ones */
    uint64_t               since;      /* paused: since when, ms; 0: it is not
                                          known, nor by whom */
    ngx_str_t              by;         /* in "text" */
    u_char                 text[NGX_ER_HOLD_BY];
} ngx_er_gauges_t;

void ngx_er_gauges_read(ngx_er_target_t *target, ngx_er_gauges_t *gauges);


/* a zone of ours in shared memory */

typedef struct {
    ngx_list_part_t       *part;       /* NULL at first; where it goes on */
    ngx_uint_t             i;
    ngx_str_t              name;       /* without what most of them begin
                                          with */
    size_t                 used;       /* bytes, in whole pages */
    size_t                 size;
} ngx_er_zone_t;

/* the next one: 0: there is none */
ngx_uint_t ngx_er_zone_next(ngx_er_zone_t *zone);


#endif /* _NGX_ER_GAUGE_H_INCLUDED_ */
