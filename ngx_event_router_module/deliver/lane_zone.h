
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Between lane.c and lane_zone.c.
 */


#ifndef _NGX_ER_LANE_ZONE_H_INCLUDED_
#define _NGX_ER_LANE_ZONE_H_INCLUDED_


#include "lane.h"


typedef struct {
    ngx_pid_t              pid;        /* 0: it is dead, or nobody's */
    ngx_pid_t              master;
    ngx_int_t              slot;
    uint64_t               holder;     /* in the store; 0: nobody's */
} ngx_er_lane_worker_t;


typedef struct {
    ngx_er_lane_sh_t      *lanes;
    uint64_t               turn;       /* no sweep before */
    uint64_t               used;       /* bytes of the store */
    uint64_t               size;
    uint64_t               node;       /* this nginx in the store */
    ngx_uint_t             nodes;      /* that share it */
    uint64_t               generation;  /* the newest one here */
    ngx_er_lane_worker_t   workers[NGX_ER_LANE_WORKERS];
} ngx_er_lanes_sh_t;


/* this worker's places in every lane; NGX_ER_LANE_WORKERS: it has none */
extern ngx_uint_t  ngx_er_lane_column;


#endif /* _NGX_ER_LANE_ZONE_H_INCLUDED_ */
