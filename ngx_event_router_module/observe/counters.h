
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The shared zone in which numbers are counted: a set for each source and
 * target and one for the whole nginx, and a slot for each route.
 */


#ifndef _NGX_ER_COUNTERS_H_INCLUDED_
#define _NGX_ER_COUNTERS_H_INCLUDED_


#include "metrics.h"


#define NGX_ER_COUNTERS_PARTS  64      /* of routes, by the first bits of their
                                          keys; kept in stores, so it never
                                          changes */
#define NGX_ER_COUNTERS_REACH  64      /* slots that are looked at for one */


typedef struct {
    ngx_er_place_t         place;
    u_char                 noun;       /* ngx_er_noun_e */
    u_char                 len;
    u_char                 restored;   /* what was saved of it is in it, */
    u_char                 added;      /* and that was something */
    u_char                 name[NGX_ER_NAME_MAX];
    ngx_atomic_t           numbers[];
} ngx_er_counter_set_t;


/* of a route */

typedef struct {
    uint64_t               key;        /* 0: it is free */
    ngx_atomic_t           matched;
} ngx_er_slot_number_t;


/* the head of the zone; its lock is for what is restored, and for nothing
   that is counted */

typedef struct {
    void                  *sets;       /* ngx_er_counter_set_t: the master adds
                                          and takes away */
    ngx_er_slot_number_t  *slots;
    u_char                *seen;       /* of each slot: in which configuration
                                          its route was last */
    ngx_uint_t             nslots;     /* a power of two */
    ngx_uint_t             shift;      /* 64 less its logarithm */
    u_char                 generation;  /* counts configurations */

    time_t                 start;      /* of this nginx */
    ngx_atomic_t           keeper;     /* the worker that saves, its pid; 0:
                                          nobody */
    ngx_atomic_t           left;       /* another zone has taken its place */
    uint64_t               parts;      /* bits: routes whose numbers were
                                          restored */
    ngx_uint_t             restored;   /* all was asked for once */
} ngx_er_counters_t;


/* a part has the keys that begin with it */
#define ngx_er_counters_part(key)  ((ngx_uint_t) ((key) >> 58))


/* postconfiguration: adds the shared zone and gives every noun its counters */
ngx_int_t ngx_er_counters_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* init_module: what the workers that run have counted goes on */
void ngx_er_counters_inherit(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);

/* of this name, or NULL */
ngx_er_counter_set_t *ngx_er_counters_find(ngx_er_counters_t *counters,
    ngx_er_noun_e noun, ngx_str_t *name);

/* how often the route of this key matched; it has a slot from now on.  NULL:
   there are too many near it */
ngx_atomic_t *ngx_er_counters_slot(ngx_er_counters_t *counters, uint64_t key);

/* 0: what was counted before this nginx started may still come */
ngx_uint_t ngx_er_counters_told(ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_COUNTERS_H_INCLUDED_ */
