
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a worker has in hand of each target beyond what is being sent.
 *
 * An entry takes a place of its target when its attempt starts, and not while
 * a transaction makes it durable and leases it: a place that waits for the
 * disk delivers nothing.  So more are leased than there are places, and they
 * wait here, first come, first served, until dispatch.c has a place for one.
 * How many may is the lane's to say (policy.c): about what starts within 100
 * ms.  So a target that answers at once has many, one that is slow has hardly
 * any, and what waits much longer than that is handed back (lease.c).  What
 * was delivered and is not settled yet takes room as well: a worker that dies
 * has it delivered again, and a disk that is slow must not make that more.
 *
 * What is gathered for a call of several events ("batch") may wait for
 * minutes, and the worker's memory is everybody's.  So half of it is for what
 * is gathered, with equal parts for all such targets.
 *
 * accept.c and dispatch.c ask for room before they have the store lease an
 * entry, and say when it has answered; lease.c puts entries here and takes
 * them out.  The counts and lists are the worker's, in its cycle's pool, by
 * the target's index; the entries are lease.c's.  Nothing fails after the
 * start.
 */


#include "hand.h"


typedef struct {
    ngx_queue_t            waiting;    /* of lease.c's links */
    ngx_uint_t             nwaiting;
    size_t                 bytes;      /* of them */
    ngx_uint_t             coming;     /* the store is being asked */
    ngx_uint_t             telling;    /* it is told what became of them */
    ngx_uint_t             starves;    /* the lane was told that some wait */
} ngx_er_hand_t;


static ngx_er_hand_t  *ngx_er_hands;   /* of the worker */
static size_t          ngx_er_hand_part;  /* bytes for each target that
                                             gathers */


ngx_uint_t
ngx_er_hand_room(ngx_er_target_t *target, ngx_er_lane_due_t *due)
{
    ngx_uint_t      used;
    ngx_er_hand_t  *hand;

    hand = &ngx_er_hands[target->index];
    used = hand->nwaiting + hand->coming + hand->telling;

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router hand: \"%V\" waiting:%ui coming:%ui "
                   "telling:%ui of %ui", &target->name, hand->nwaiting,
                   hand->coming, hand->telling, due->room);

    if (ngx_er_hand_full(target)) {
        return 0;
    }

    return (due->room > used) ? due->room - used : 0;
}


void
ngx_er_hand_expect(ngx_er_target_t *target, ngx_uint_t n)
{
    ngx_er_hands[target->index].coming += n;
}


void
ngx_er_hand_came(ngx_er_target_t *target, ngx_uint_t n)
{
    ngx_er_hands[target->index].coming -= n;
}


void
ngx_er_hand_tell(ngx_er_target_t *target)
{
    ngx_er_hands[target->index].telling++;
}


void
ngx_er_hand_told(ngx_er_target_t *target)
{
    ngx_er_hands[target->index].telling--;
}


void
ngx_er_hand_put(ngx_er_target_t *target, ngx_queue_t *link, size_t bytes)
{
    ngx_er_hand_t  *hand;

    hand = &ngx_er_hands[target->index];

    ngx_queue_insert_tail(&hand->waiting, link);
    hand->nwaiting++;
    hand->bytes += bytes;
}


void
ngx_er_hand_return(ngx_er_target_t *target, ngx_queue_t *link, size_t bytes)
{
    ngx_er_hand_t  *hand;

    hand = &ngx_er_hands[target->index];

    ngx_queue_insert_head(&hand->waiting, link);
    hand->nwaiting++;
    hand->bytes += bytes;
}


void
ngx_er_hand_remove(ngx_er_target_t *target, ngx_queue_t *link, size_t bytes)
{
    ngx_queue_remove(link);
    ngx_er_hands[target->index].nwaiting--;
    ngx_er_hands[target->index].bytes -= bytes;
}


ngx_queue_t *
ngx_er_hand_first(ngx_er_target_t *target)
{
    ngx_er_hand_t  *hand;

    hand = &ngx_er_hands[target->index];

    return hand->nwaiting ? ngx_queue_head(&hand->waiting) : NULL;
}


ngx_uint_t
ngx_er_hand_waiting(ngx_er_target_t *target)
{
    return ngx_er_hands[target->index].nwaiting;
}


size_t
ngx_er_hand_bytes(ngx_er_target_t *target)
{
    return ngx_er_hands[target->index].bytes;
}


ngx_uint_t
ngx_er_hand_full(ngx_er_target_t *target)
{
    return target->parcel
           && ngx_er_hands[target->index].bytes >= ngx_er_hand_part;
}


void
ngx_er_hand_starve(ngx_er_target_t *target, ngx_uint_t starves)
{
    ngx_er_hand_t  *hand;

    hand = &ngx_er_hands[target->index];

    if (hand->starves != starves) {
        hand->starves = starves;
        ngx_er_lane_wait(target, starves);
    }
}


ngx_int_t
ngx_er_hands_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, n;
    ngx_er_target_t  **target;

    ngx_er_hands = ngx_pcalloc(cycle->pool, (mcf->targets.nelts + 1)
                                            * sizeof(ngx_er_hand_t));
    if (ngx_er_hands == NULL) {
        return NGX_ERROR;
    }

    target = mcf->targets.elts;
    n = 0;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_queue_init(&ngx_er_hands[i].waiting);
        n += (target[i]->parcel != NULL);
    }

    ngx_er_hand_part = mcf->queue ? mcf->queue->memory / 2 / ngx_max(n, 1) : 0;

    return NGX_OK;
}
