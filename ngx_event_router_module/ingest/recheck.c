
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Rechecks.  The rows of a source's quarantine are read in steps, the oldest
 * first, and each is judged again (judge.c).  What is safe (its targets have
 * it, or the queue) leaves the quarantine, and nothing else does: who dies
 * between the two has judged it once more the next time, and it is a
 * duplicate then.  What comes into quarantine meanwhile is not looked at, or
 * it could last for ever.
 *
 * Events that are queued are judged side by side, so that one commit has many
 * of them; those that wait for targets one after the other.  One recheck runs
 * at a time in this nginx.
 *
 * Whoever asks may go away.  observe/api_quarantine.c asks, and prints what
 * came of it; the recheck has a pool of its own.  It fails if the store does.
 */


#include "recheck.h"
#include "../store/queue.h"


#define NGX_ER_RECHECK_STEP   32       /* rows */
#define NGX_ER_RECHECK_BYTES  (1024 * 1024)
#define NGX_ER_RECHECK_WIDTH  16       /* of queued ones, at once */
#define NGX_ER_RECHECK_POOL   4096


/* what came of one */

typedef struct {
    uint64_t                 id;
    uint64_t                 received;
    ngx_er_judge_verdict_e   verdict;
    const char              *why;
    ngx_array_t              events;   /* of ngx_er_judge_event_t */
} ngx_er_recheck_result_t;


typedef struct {
    ngx_er_judge_t           judge;
    ngx_er_recheck_t        *recheck;
    uint64_t                 id;
    uint64_t                 until;
    ngx_uint_t               inside;   /* nobody waits for its handler */
} ngx_er_recheck_one_t;


struct ngx_er_recheck_s {
    ngx_pool_t              *pool;
    ngx_er_source_t         *source;
    ngx_er_recheck_pt        handler;  /* NULL: nobody waits */
    void                    *data;
    uint64_t                 id;       /* 0: all */
    uint64_t                 start;    /* ms on the store's clock */
    uint64_t                 after;
    ngx_int_t                rc;
    ngx_er_queue_op_t       *rows;     /* of this step, or NULL */
    ngx_uint_t               next;     /* of them */
    ngx_uint_t               running;  /* judges and drops under way */
    ngx_uint_t               last;     /* there are no more steps */
    ngx_array_t              results;  /* of ngx_er_recheck_result_t */
    ngx_uint_t               looked;
    ngx_uint_t               counts[NGX_ER_JUDGE_LAST];
};


static ngx_int_t ngx_er_recheck_list(ngx_er_recheck_t *recheck);
static void ngx_er_recheck_listed(ngx_er_queue_op_t *op);
static void ngx_er_recheck_run(ngx_er_recheck_t *recheck);
static ngx_uint_t ngx_er_recheck_width(ngx_er_recheck_t *recheck);
static ngx_int_t ngx_er_recheck_row(ngx_er_recheck_t *recheck,
    ngx_er_shelf_row_t *row);
static void ngx_er_recheck_judged(ngx_er_judge_t *judge);
static void ngx_er_recheck_result(ngx_er_recheck_one_t *one);
static ngx_int_t ngx_er_recheck_keep(ngx_er_recheck_one_t *one);
static void ngx_er_recheck_kept(ngx_er_queue_op_t *op);
static void ngx_er_recheck_end(ngx_er_recheck_t *recheck);


ngx_er_recheck_t *
ngx_er_recheck_start(ngx_er_source_t *source, uint64_t id,
    ngx_er_recheck_pt handler, void *data, ngx_uint_t *busy)
{
    ngx_pool_t        *pool;
    ngx_er_recheck_t  *recheck;

    *busy = (ngx_er_quarantine_enter() != NGX_OK);

    if (*busy) {
        return NULL;
    }

    pool = ngx_create_pool(NGX_ER_RECHECK_POOL, ngx_cycle->log);
    if (pool == NULL) {
        ngx_er_quarantine_leave();
        return NULL;
    }

    recheck = ngx_pcalloc(pool, sizeof(ngx_er_recheck_t));

    if (recheck == NULL
        || ngx_array_init(&recheck->results, pool, 16,
                          sizeof(ngx_er_recheck_result_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        ngx_er_quarantine_leave();
        return NULL;
    }

    recheck->pool = pool;
    recheck->source = source;
    recheck->id = id;
    recheck->handler = handler;
    recheck->data = data;
    recheck->start = ngx_er_queue_now();

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router recheck: of \"%V\" begins, request %016xL",
                   &source->name, id);

    if (ngx_er_recheck_list(recheck) != NGX_OK) {
        ngx_er_quarantine_leave();
        ngx_er_recheck_free(recheck);
        return NULL;
    }

    return recheck;
}


void
ngx_er_recheck_forget(ngx_er_recheck_t *recheck)
{
    recheck->handler = NULL;
}


void *
ngx_er_recheck_data(ngx_er_recheck_t *recheck)
{
    return recheck->data;
}


ngx_int_t
ngx_er_recheck_rc(ngx_er_recheck_t *recheck)
{
    return recheck->rc;
}


void
ngx_er_recheck_free(ngx_er_recheck_t *recheck)
{
    ngx_destroy_pool(recheck->pool);
}


/* NGX_ERROR: no memory */

static ngx_int_t
ngx_er_recheck_list(ngx_er_recheck_t *recheck)
{
    ngx_er_queue_op_t   *op;
    ngx_er_main_conf_t  *mcf;

    op = ngx_er_queue_shelf_op(recheck->id ? NGX_ER_SHELF_GET
                                           : NGX_ER_SHELF_LIST,
                               NGX_ER_SHELF_QUARANTINE, recheck->source->hash,
                               ngx_er_recheck_listed, recheck);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->shelf->id = recheck->id;
    op->shelf->after = recheck->after;
    op->shelf->limit = NGX_ER_RECHECK_STEP;
    op->shelf->bytes = NGX_ER_RECHECK_BYTES;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    ngx_er_queue_run(mcf->queue, op);

    return NGX_OK;
}


static void
ngx_er_recheck_listed(ngx_er_queue_op_t *op)
{
    ngx_er_recheck_t *recheck = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router recheck: of \"%V\", rows:%ui rc:%i",
                   &recheck->source->name,
                   (ngx_uint_t) (op->shelf->rows ? op->shelf->rows->nelts : 0),
                   op->rc);

    if (op->rc != NGX_OK || op->shelf->rows == NULL) {
        recheck->rc = op->rc;
        ngx_er_queue_op_free(op);
        ngx_er_recheck_end(recheck);
        return;
    }

    recheck->rows = op;
    recheck->next = 0;
    recheck->last = (recheck->id || !op->shelf->more);

    ngx_er_recheck_run(recheck);
}


/* as many as there is room for, and the next step when all have ended */

static void
ngx_er_recheck_run(ngx_er_recheck_t *recheck)
{
    ngx_array_t         *rows;
    ngx_er_shelf_row_t  *row;

    ngx_er_quarantine_beat();

    rows = recheck->rows->shelf->rows;

    while (recheck->next < rows->nelts
           && recheck->running < ngx_er_recheck_width(recheck))
    {
        row = rows->elts;
        row += recheck->next++;

        recheck->after = row->id;

        /* what came later, and a worker that is to end, end it here */

        if (!recheck->id && row->id >> 20 > recheck->start) {
            recheck->last = 1;
            recheck->next = rows->nelts;
            break;
        }

        if (ngx_exiting || ngx_terminate
            || ngx_er_recheck_row(recheck, row) == NGX_ERROR)
        {
            recheck->rc = NGX_ERROR;
            recheck->last = 1;
            recheck->next = rows->nelts;
        }
    }

    if (recheck->running || recheck->next < rows->nelts) {
        return;
    }

    ngx_er_queue_op_free(recheck->rows);
    recheck->rows = NULL;

    if (!recheck->last && ngx_er_recheck_list(recheck) == NGX_OK) {
        return;
    }

    ngx_er_recheck_end(recheck);
}


static ngx_uint_t
ngx_er_recheck_width(ngx_er_recheck_t *recheck)
{
    return (recheck->source->mode == NGX_ER_MODE_QUEUED)
           ? NGX_ER_RECHECK_WIDTH : 1;
}


/* NGX_OK: it is judged, or being judged; NGX_ERROR: no memory */

static ngx_int_t
ngx_er_recheck_row(ngx_er_recheck_t *recheck, ngx_er_shelf_row_t *row)
{
    ngx_int_t              rc;
    ngx_er_recheck_one_t  *one;

    one = ngx_pcalloc(recheck->rows->pool, sizeof(ngx_er_recheck_one_t));
    if (one == NULL) {
        return NGX_ERROR;
    }

    one->recheck = recheck;
    one->id = row->id;
    one->until = row->until;
    one->judge.source = recheck->source;
    one->judge.pool = (recheck->results.nelts < NGX_ER_RECHECK_RESULTS)
                      ? recheck->pool : recheck->rows->pool;
    one->judge.handler = ngx_er_recheck_judged;
    one->judge.data = one;

    recheck->looked++;

    rc = ngx_er_refused_read(&row->value, recheck->rows->pool,
                             &one->judge.refused);

    if (rc == NGX_DECLINED) {
        one->judge.verdict = NGX_ER_JUDGE_UNFIT;
        one->judge.why = "what the store has of it cannot be read";
        ngx_er_recheck_result(one);
        return NGX_OK;
    }

    if (rc == NGX_OK) {
        one->inside = 1;
        recheck->running++;

        rc = ngx_er_judge(&one->judge);

        if (rc == NGX_OK) {
            ngx_er_recheck_judged(&one->judge);
        }

        if (rc == NGX_ERROR) {
            recheck->running--;
        }

        one->inside = 0;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static void
ngx_er_recheck_judged(ngx_er_judge_t *judge)
{
    ngx_er_recheck_t      *recheck;
    ngx_er_recheck_one_t  *one;

    one = judge->data;
    recheck = one->recheck;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router recheck: request %016xL is %s", one->id,
                   ngx_er_judge_name(judge->verdict));

    ngx_er_recheck_result(one);

    if ((judge->verdict == NGX_ER_JUDGE_ADMITTED
         || judge->verdict == NGX_ER_JUDGE_DUPLICATE || judge->part)
        && ngx_er_recheck_keep(one) == NGX_OK)
    {
        return;
    }

    recheck->running--;

    if (!one->inside) {
        ngx_er_recheck_run(recheck);
    }
}


/* the first thousand are told one by one; no memory: one fewer */

static void
ngx_er_recheck_result(ngx_er_recheck_one_t *one)
{
    ngx_er_recheck_t         *recheck;
    ngx_er_recheck_result_t  *result;

    recheck = one->recheck;
    recheck->counts[one->judge.verdict]++;

    if (recheck->results.nelts == NGX_ER_RECHECK_RESULTS) {
        return;
    }

    result = ngx_array_push(&recheck->results);
    if (result == NULL) {
        return;
    }

    result->id = one->id;
    result->received = one->judge.refused.received;
    result->verdict = one->judge.verdict;
    result->why = one->judge.why;
    result->events = one->judge.events;
}


/* what is safe goes; of a request that is so in part the rest stays */

static ngx_int_t
ngx_er_recheck_keep(ngx_er_recheck_one_t *one)
{
    ngx_er_queue_op_t   *op;
    ngx_er_main_conf_t  *mcf;

    op = ngx_er_queue_shelf_op(one->judge.part ? NGX_ER_SHELF_PUT
                                               : NGX_ER_SHELF_DROP,
                               NGX_ER_SHELF_QUARANTINE,
                               one->recheck->source->hash,
                               ngx_er_recheck_kept, one->recheck);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->shelf->id = one->id;
    op->shelf->until = one->until;

    if (one->judge.part
        && ngx_er_refused_write(&one->judge.refused, op->pool,
                                &op->shelf->value)
           != NGX_OK)
    {
        ngx_er_queue_op_free(op);
        return NGX_ERROR;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    ngx_er_queue_run(mcf->queue, op);

    return NGX_OK;
}


static void
ngx_er_recheck_kept(ngx_er_queue_op_t *op)
{
    ngx_er_recheck_t *recheck = op->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router recheck: request %016xL has left: %i",
                   op->shelf->id, op->rc);

    if (op->rc != NGX_OK) {
        recheck->rc = NGX_ERROR;
    }

    ngx_er_queue_op_free(op);

    recheck->running--;
    ngx_er_recheck_run(recheck);
}


static void
ngx_er_recheck_end(ngx_er_recheck_t *recheck)
{
    ngx_uint_t  *n;

    n = recheck->counts;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "%ui requests of source \"%V\" were judged again: %ui "
                  "admitted, %ui duplicates, %ui still refused, %ui failed, "
                  "%ui unfit", recheck->looked, &recheck->source->name,
                  n[NGX_ER_JUDGE_ADMITTED], n[NGX_ER_JUDGE_DUPLICATE],
                  n[NGX_ER_JUDGE_REFUSED], n[NGX_ER_JUDGE_FAILED],
                  n[NGX_ER_JUDGE_UNFIT]);

    /* whoever reads the answer may ask for the next one at once */

    ngx_er_quarantine_leave();

    if (recheck->handler) {
        recheck->handler(recheck);

    } else {
        ngx_er_recheck_free(recheck);
    }
}


void
ngx_er_recheck_json(ngx_er_recheck_t *recheck, ngx_er_json_t *json)
{
    ngx_str_t                 text;
    ngx_uint_t                i, k;
    ngx_er_judge_event_t     *event;
    ngx_er_recheck_result_t  *result;
    u_char                    id[NGX_ER_RECHECK_ID];

    ngx_er_json_number(json, "judged", recheck->looked);

    for (i = 0; i < NGX_ER_JUDGE_LAST; i++) {
        ngx_er_json_number(json, ngx_er_judge_name(i), recheck->counts[i]);
    }

    ngx_er_json_open(json, "requests", "[");

    result = recheck->results.elts;
    text.data = id;
    text.len = NGX_ER_RECHECK_ID;

    for (i = 0; i < recheck->results.nelts; i++) {
        ngx_er_recheck_id(recheck->source->hash, result[i].id, id);

        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_text(json, "id", &text, 0);
        ngx_er_json_word(json, "verdict",
                         ngx_er_judge_name(result[i].verdict));

        if (result[i].why) {
            ngx_er_json_word(json, "why", result[i].why);
        }

        ngx_er_json_open(json, "events", "[");
        event = result[i].events.elts;

        for (k = 0; k < result[i].events.nelts; k++) {
            ngx_er_json_open(json, NULL, "{");
            ngx_er_json_text(json, "id", &event[k].id, 0);
            ngx_er_json_word(json, "outcome", event[k].outcome);
            ngx_er_json_close(json, "}");
        }

        ngx_er_json_close(json, "]}");
    }

    ngx_er_json_close(json, "]");
}


void
ngx_er_recheck_id(uint64_t source, uint64_t id, u_char *out)
{
    (void) ngx_sprintf(out, "%016xL-%016xL", source, id);
}
