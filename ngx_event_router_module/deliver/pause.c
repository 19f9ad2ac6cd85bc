
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A pause is a row in the store, so that it outlives nginx, and all nginx that
 * share a Redis have it.  Workers go by the lanes (lane.c), which are asked
 * for each place; this file keeps lanes and store in step.  An operator's act
 * is in the lane at once and in the store as soon as that answers; once a
 * second, with the sweep, the store is asked which targets are paused.  What
 * is news is told to a handler: who looks at the lanes is not known here.
 *
 * Whoever asked before an operator acted does not count: acts have numbers.
 * While the store has not said a word since nginx started, nothing is
 * delivered.  What fails is tried with the next sweep.
 */


#include "pause.h"
#include "../observe/account.h"


/* an answer, and the number of the last act of each target before it */

typedef struct {
    ngx_er_main_conf_t    *mcf;
    ngx_er_pause_pt        news;
    ngx_uint_t             acts[1];
} ngx_er_pause_ask_t;


static ngx_er_pause_ask_t *ngx_er_pause_acts(ngx_er_queue_op_t *op,
    ngx_er_main_conf_t *mcf);
static void ngx_er_pause_tell(ngx_er_queue_t *queue, ngx_er_target_t *target,
    ngx_uint_t paused, ngx_uint_t act);
static void ngx_er_pause_taken(ngx_er_queue_op_t *op);
static void ngx_er_pause_answered(ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_pause_has(ngx_er_queue_op_t *op,
    ngx_er_target_t *target);


ngx_er_queue_op_t *
ngx_er_pause(ngx_er_target_t *target, ngx_uint_t paused, ngx_er_who_t *who,
    ngx_er_queue_op_pt handler, void *data)
{
    u_char              text[NGX_ER_HOLD_BY];
    ngx_str_t           by;
    ngx_uint_t          act;
    ngx_er_queue_op_t  *op;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router pause: target \"%V\", paused:%ui",
                   &target->name, paused);

    by.data = text;
    by.len = ngx_er_who_brief(who, text, sizeof(text)) - text;

    act = ngx_er_lane_hold(target, paused, ngx_er_queue_now(), &by);
    ngx_er_account_paused(target, paused);

    op = ngx_er_queue_op(NGX_ER_QUEUE_PAUSE, handler, data);

    if (op) {
        op->target = target->hash;
        op->held = (paused != 0);
        op->command = act;
    }

    return op;
}


void
ngx_er_pause_told(ngx_er_target_t *target, ngx_er_queue_op_t *op)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router pause: target \"%V\" told: %i",
                   &target->name, op->rc);

    if (op->rc == NGX_OK) {
        ngx_er_lane_told(target, (ngx_uint_t) op->command);
    }
}


void
ngx_er_pause_ask(ngx_er_queue_t *queue, ngx_er_main_conf_t *mcf,
    ngx_er_pause_pt news)
{
    ngx_uint_t            i, act, paused, untold;
    ngx_er_target_t     **target;
    ngx_er_queue_op_t    *op;
    ngx_er_pause_ask_t   *ask;

    op = ngx_er_queue_op(NGX_ER_QUEUE_PAUSE, ngx_er_pause_answered, NULL);
    if (op == NULL) {
        return;
    }

    ask = ngx_er_pause_acts(op, mcf);

    if (ask == NULL) {
        ngx_er_queue_op_free(op);
        return;
    }

    ask->news = news;

    op->data = ask;
    ngx_er_queue_run(queue, op);

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        act = ngx_er_lane_acts(target[i], &untold, &paused);

        if (untold) {
            ngx_er_pause_tell(queue, target[i], paused, act);
        }
    }
}


static ngx_er_pause_ask_t *
ngx_er_pause_acts(ngx_er_queue_op_t *op, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t            i, paused, untold;
    ngx_er_target_t     **target;
    ngx_er_pause_ask_t   *ask;

    ask = ngx_pcalloc(op->pool, sizeof(ngx_er_pause_ask_t)
                                + mcf->targets.nelts * sizeof(ngx_uint_t));
    if (ask == NULL) {
        return NULL;
    }

    ask->mcf = mcf;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ask->acts[i] = ngx_er_lane_acts(target[i], &untold, &paused);
    }

    return ask;
}


/* what the store could not be told when it happened */

static void
ngx_er_pause_tell(ngx_er_queue_t *queue, ngx_er_target_t *target,
    ngx_uint_t paused, ngx_uint_t act)
{
    ngx_er_queue_op_t  *op;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router pause: target \"%V\", store is told again: "
                   "%ui", &target->name, paused);

    op = ngx_er_queue_op(NGX_ER_QUEUE_PAUSE, ngx_er_pause_taken, target);
    if (op == NULL) {
        return;
    }

    op->target = target->hash;
    op->held = (paused != 0);
    op->command = act;

    ngx_er_queue_run(queue, op);
}


static void
ngx_er_pause_taken(ngx_er_queue_op_t *op)
{
    ngx_er_pause_told(op->data, op);
    ngx_er_queue_op_free(op);
}


static void
ngx_er_pause_answered(ngx_er_queue_op_t *op)
{
    ngx_uint_t            i, paused;
    ngx_er_target_t     **target;
    ngx_er_pause_ask_t   *ask;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router pause: store says rc:%i", op->rc);

    ask = op->data;
    target = ask->mcf->targets.elts;

    if (op->rc != NGX_OK || op->paused == NULL) {
        ngx_er_queue_op_free(op);
        return;
    }

    for (i = 0; i < ask->mcf->targets.nelts; i++) {

        paused = ngx_er_pause_has(op, target[i]);

        if (ngx_er_lane_heard(target[i], ask->acts[i], paused)) {
            ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                           "event router pause: news of target \"%V\"",
                           &target[i]->name);

            ngx_er_account_paused(target[i], paused);
            ask->news(target[i]);
        }
    }

    ngx_er_queue_op_free(op);
}


static ngx_uint_t
ngx_er_pause_has(ngx_er_queue_op_t *op, ngx_er_target_t *target)
{
    uint64_t    *paused;
    ngx_uint_t   i;

    paused = op->paused->elts;

    for (i = 0; i < op->paused->nelts; i++) {
        if (paused[i] == target->hash) {
            return 1;
        }
    }

    return 0;
}
