
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The lane to a target: what all workers of one nginx share about its queue.
 * It survives reload and the death of workers.
 */


#ifndef _NGX_ER_LANE_H_INCLUDED_
#define _NGX_ER_LANE_H_INCLUDED_


#include "../store/queue.h"


#define NGX_ER_LANE_WORKERS  256       /* that can hold places: alive ones and
                                          those on their way out */


/* of one worker: deliveries in flight */

typedef struct {
    uint16_t               fresh;
    uint16_t               again;
    uint16_t               waits;      /* 1: it has leased what finds no place
                                          */
    uint16_t               leases;     /* open ones, with and without a place,
                                          and questions to the store for more;
                                          nobody else writes it */
} ngx_er_lane_places_t;


/* what an operator wants; what the store says of it is asked at the start */

typedef enum {
    NGX_ER_LANE_RUNS = 0,
    NGX_ER_LANE_PAUSED,
    NGX_ER_LANE_UNKNOWN                /* nothing is delivered yet */
} ngx_er_lane_hold_e;


/* in shared memory, under the zone's mutex */

typedef struct ngx_er_lane_sh_s  ngx_er_lane_sh_t;

struct ngx_er_lane_sh_s {
    ngx_er_place_t         place;
    u_char                 name[NGX_ER_NAME_MAX];
    ngx_uint_t             len;

    ngx_er_policy_state_t  policy;
    uint64_t               fresh;      /* when the first one is due, */
    uint64_t               again;      /* NGX_ER_NEVER: none */
    ngx_uint_t             version;    /* counts what was put in */
    ngx_er_lane_hold_e     held;       /* an operator paused it, */
    ngx_uint_t             early;      /* or asked for an attempt at once */
    ngx_uint_t             holds;      /* counts the operators' acts */
    ngx_uint_t             untold;     /* the store does not know of the last
                                          one */
    uint64_t               since;      /* when it was paused here, ms; 0: it is
                                          not known */
    size_t                 len_by;
    u_char                 by[NGX_ER_HOLD_BY];  /* and by whom */
    ngx_uint_t             waiters;    /* workers that wait for places */
    ngx_atomic_t           drains;     /* nothing new begins */

    ngx_uint_t             pending;    /* as of the last sweep */
    ngx_uint_t             dead;
    uint64_t               oldest;
    uint64_t               words[NGX_ER_LEDGER_WORDS];
    int64_t                missing;    /* of pending ones, which must be 0 */
    int64_t                dead_missing;

    ngx_er_lane_places_t   places[NGX_ER_LANE_WORKERS];
};


struct ngx_er_lane_s {
    ngx_er_lane_sh_t      *sh;
    ngx_slab_pool_t       *shpool;
};


/* what is due, for dispatch.c */

typedef struct {
    uint64_t               fresh;
    uint64_t               again;
    ngx_uint_t             version;
    ngx_uint_t             early;
    ngx_uint_t             shut;       /* the breaker is not closed */
    ngx_uint_t             mixed;      /* see policy.h */
    ngx_uint_t             room;       /* see ngx_er_policy_room() */
    ngx_uint_t             events;     /* see ngx_er_policy_events() */
} ngx_er_lane_due_t;


/* postconfiguration: the zone, and a lane for every target */
ngx_int_t ngx_er_lanes_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/*
 * This worker's own column of places.  If there is none it takes no places,
 * which is logged, and tick(), called once a second, tries again.
 */
void ngx_er_lanes_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_lanes_tick(ngx_er_main_conf_t *mcf, ngx_log_t *log);
void ngx_er_lanes_exit_worker(ngx_er_main_conf_t *mcf);

/* gives back the places of workers that are no more */
void ngx_er_lanes_reclaim(ngx_er_main_conf_t *mcf);

/* workers that died and whose entries nobody has adopted yet: the holder that
   comes next after "after", 0: none; and it was adopted */
uint64_t ngx_er_lanes_dead(ngx_er_main_conf_t *mcf, uint64_t after);
void ngx_er_lanes_forget(ngx_er_main_conf_t *mcf, uint64_t holder);

/* this nginx, among those that share a store: any number, not 0 */
uint64_t ngx_er_lanes_node(ngx_er_main_conf_t *mcf);

/* 1: it is this worker's turn to sweep, nobody else's for so many ms */
ngx_uint_t ngx_er_lanes_turn(ngx_er_main_conf_t *mcf, uint64_t now,
    ngx_msec_t ms);

/* places, see policy.h; a target that is paused or drained has none */
void ngx_er_lane_take(ngx_er_target_t *target, uint64_t now,
    ngx_uint_t *fresh, ngx_uint_t *again, uint64_t *wait);
void ngx_er_lane_untake(ngx_er_target_t *target, ngx_uint_t fresh,
    ngx_uint_t again);

/* events that go in a call that has its place, or do not: see policy.h */
ngx_uint_t ngx_er_lane_join(ngx_er_target_t *target, uint64_t now,
    ngx_uint_t n);
void ngx_er_lane_unjoin(ngx_er_target_t *target, ngx_uint_t n);

/* this worker has, or has no more, first attempts that wait for a place: while
   others wait none takes more than an equal part */
void ngx_er_lane_wait(ngx_er_target_t *target, ngx_uint_t waits);

/* NGX_OK: the breaker is closed now, NGX_BUSY: it is open now; NGX_DECLINED:
   it is as it was, or half open */
ngx_int_t ngx_er_lane_end(ngx_er_target_t *target, uint64_t now,
    ngx_uint_t again, uint64_t event, ngx_er_evidence_e evidence,
    time_t retry_after, ngx_msec_t ms);

/* nothing can be sent for so many ms, which says nothing of the target */
void ngx_er_lane_pause(ngx_er_target_t *target, uint64_t now, ngx_msec_t ms);

/* how the next later attempt is chosen: what has taken a place of a target
   whose breaker is half open is a probe; EARLY is asked for once */
ngx_er_queue_pick_e ngx_er_lane_pick(ngx_er_target_t *target);

/* and where the next first ones are, see entry.h */
ngx_uint_t ngx_er_lane_reach(ngx_er_target_t *target, uint64_t now);

/* something was put in that is due then */
void ngx_er_lane_put(ngx_er_target_t *target, ngx_uint_t again, uint64_t due);

/* what is due, and afterwards what the store said of it */
void ngx_er_lane_due(ngx_er_target_t *target, uint64_t now,
    ngx_er_lane_due_t *due);
void ngx_er_lane_seen(ngx_er_target_t *target, ngx_er_lane_due_t *due,
    uint64_t fresh, uint64_t again);

/* the store counted; 1: what is unaccounted is not what it was */
ngx_uint_t ngx_er_lane_count(ngx_er_target_t *target,
    ngx_er_queue_count_t *count);

/*
 * How full the store is, bytes, as of the last sweep, and how many nginx share
 * it: each of them has its part of a target's concurrency and rate.
 */
void ngx_er_lanes_used(ngx_er_main_conf_t *mcf, uint64_t used, uint64_t size,
    ngx_uint_t nodes);
void ngx_er_lanes_usage(ngx_er_main_conf_t *mcf, uint64_t *used,
    uint64_t *size);

/*
 * An operator ("by", of NGX_ER_HOLD_BY bytes at most) stops or starts the
 * deliveries: the number of the act comes back.  told(): the store knows of
 * that one.  heard(): what the store said when that was the last act; 1: it is
 * news.  acts(): the number of the last one, and *untold if the store has to
 * be told.
 */
ngx_uint_t ngx_er_lane_hold(ngx_er_target_t *target, ngx_uint_t paused,
    uint64_t now, ngx_str_t *by);
void ngx_er_lane_told(ngx_er_target_t *target, ngx_uint_t act);
ngx_uint_t ngx_er_lane_heard(ngx_er_target_t *target, ngx_uint_t act,
    ngx_uint_t paused);
ngx_uint_t ngx_er_lane_acts(ngx_er_target_t *target, ngx_uint_t *untold,
    ngx_uint_t *paused);

/* or wants to see at once how the target is: an attempt though the breaker is
   open, the target asked for a pause, or nothing is due.  0: it is paused */
ngx_uint_t ngx_er_lane_probe(ngx_er_target_t *target, uint64_t now);

/*
 * Nothing new begins, for all workers of this nginx, until that is undone or
 * nginx ends; of all targets, or of one.  drains(): 1 if it is so, by the one
 * or the other; draining(): of all targets.
 */
void ngx_er_lanes_drain(ngx_er_main_conf_t *mcf, ngx_er_target_t *target,
    ngx_uint_t drains);
ngx_uint_t ngx_er_lane_drains(ngx_er_target_t *target);
ngx_uint_t ngx_er_lanes_draining(ngx_er_main_conf_t *mcf);

/* this worker opens a lease, or ends one; how many all workers have open */
void ngx_er_lane_open(ngx_er_target_t *target);
void ngx_er_lane_close(ngx_er_target_t *target);
ngx_uint_t ngx_er_lane_leases(ngx_er_target_t *target);

/* a copy to look at */
void ngx_er_lane_copy(ngx_er_target_t *target, ngx_er_lane_sh_t *copy);


#endif /* _NGX_ER_LANE_H_INCLUDED_ */
