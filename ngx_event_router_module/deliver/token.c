
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Access tokens.  A target with "auth oauth2" has one, which all workers share
 * and one of them fetches: by a call (call.c) to the location that leads to
 * the token endpoint, with what grant.c says.
 *
 * In shared memory there is a state for each such target: the token, when it
 * ends, who fetches one and until when nobody else does, and when to ask again
 * after a failure.  It survives reload as long as the line is unchanged: a
 * fingerprint of it is kept beside.  A worker whose line was changed by a
 * reload, and which is on its way out, has a state of its own.
 *
 * Each worker has a copy of the token ready to be sent, so the usual way is a
 * look at a number: as long as no other token is there and it is not time to
 * renew, nothing is locked.  "leeway" before its end it is renewed while the
 * old one is still used.
 *
 * Whoever finds that there is no token and nobody fetches one does it himself;
 * others look again every 50 ms, and take over from a worker that died or
 * whose time is over.  After a failure nobody asks for a while, 1 s at first
 * and twice as long each time up to 30 s, and who wants a token meanwhile is
 * told so at once.
 *
 * A token that the target refuses (401) is thrown away, unless another one is
 * there already.  If new ones are refused too, it is not their fault: then the
 * next one is fetched after a while only, as above.
 *
 * What is secret lies in the vault or is overwritten.  Nothing fails but for
 * want of memory.
 */


#include "token.h"
#include "location.h"
#include "../base/vault.h"


#define NGX_ER_TOKENS_ZONE    131072   /* bytes, doubled until all fit */

#define NGX_ER_TOKEN_TIMEOUT  30000    /* ms for the endpoint's answer */
#define NGX_ER_TOKEN_GRACE    2000     /* and then others may try */
#define NGX_ER_TOKEN_LOOK     50       /* ms */
#define NGX_ER_TOKEN_WATCH    500      /* ms */
#define NGX_ER_TOKEN_FIRST    1000     /* ms after the first failure */
#define NGX_ER_TOKEN_MOST     30000
#define NGX_ER_TOKEN_LOG      256
#define NGX_ER_TOKEN_LIFE     1000000  /* s at most: then it is renewed */


struct ngx_er_token_state_s {
    ngx_er_token_state_t  *next;
    u_char                 name[NGX_ER_NAME_MAX];      /* of the target */
    size_t                 namelen;
    u_char                 print[32];
    ngx_uint_t             generation; /* of the configuration that had the
                                          target last, the first one is 1 */

    ngx_uint_t             serial;     /* counts tokens, also none */
    ngx_msec_t             renew;      /* ngx_current_msec, which is the same
                                          in all workers */
    ngx_msec_t             ends;
    ngx_pid_t              owner;      /* who fetches one; 0: nobody */
    ngx_msec_t             until;      /* and until when */
    ngx_uint_t             failures;   /* in a row, to fetch one */
    ngx_msec_t             again;      /* not before, if there were */
    ngx_uint_t             refused;    /* in a row, of tokens by the target */
    ngx_msec_t             refuse;     /* not before, if there were more */
    size_t                 len;        /* of text; 0: there is none */
    u_char                 text[NGX_ER_GRANT_TOKEN];
};


static ngx_int_t ngx_er_tokens_zone(ngx_shm_zone_t *zone, void *data);
static ngx_uint_t ngx_er_token_generation(ngx_slab_pool_t *pool);
static ngx_er_token_state_t *ngx_er_token_find(ngx_slab_pool_t *pool,
    ngx_str_t *name, ngx_uint_t generation);
static ngx_er_token_state_t *ngx_er_token_reuse(ngx_slab_pool_t *pool,
    ngx_uint_t generation);
static ngx_int_t ngx_er_token_look(ngx_er_oauth2_t *oauth2, ngx_msec_t *pause);
static void ngx_er_token_init(ngx_er_oauth2_t *oauth2);
static ngx_er_token_state_t *ngx_er_token_state(ngx_er_oauth2_t *oauth2);
static ngx_uint_t ngx_er_token_begin(ngx_er_token_state_t *state,
    ngx_msec_t *pause);
static ngx_uint_t ngx_er_token_busy(ngx_er_oauth2_t *oauth2,
    ngx_er_token_state_t *state);
static ngx_int_t ngx_er_token_copy(ngx_er_oauth2_t *oauth2,
    ngx_er_token_state_t *state);
static ngx_msec_t ngx_er_token_backoff(ngx_uint_t failures);
static void ngx_er_token_fetch(ngx_er_oauth2_t *oauth2);
static ngx_er_call_t *ngx_er_token_call(ngx_er_oauth2_t *oauth2);
static void ngx_er_token_answered(ngx_er_call_t *call);
static ngx_int_t ngx_er_token_put(ngx_er_oauth2_t *oauth2,
    ngx_er_grant_answer_t *answer);
static ngx_msec_t ngx_er_token_failed(ngx_er_oauth2_t *oauth2);
static void ngx_er_token_tell(ngx_er_oauth2_t *oauth2, ngx_er_call_t *call,
    ngx_er_grant_answer_t *answer, ngx_msec_t pause);
static void ngx_er_token_wake(ngx_er_oauth2_t *oauth2, ngx_int_t rc,
    ngx_msec_t pause);
static void ngx_er_token_timer(ngx_event_t *ev);
static void ngx_er_token_abandon(ngx_er_oauth2_t *oauth2);
static u_char *ngx_er_token_log(ngx_er_call_t *call, u_char *buf, size_t len);


ngx_int_t
ngx_er_tokens_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size, needed;
    ngx_uint_t         i, n;
    ngx_shm_zone_t    *zone;
    ngx_er_target_t  **target;
    ngx_er_oauth2_t   *oauth2;
    static ngx_str_t   name = ngx_string("ngx_event_router_tokens");

    n = 0;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        oauth2 = target[i]->oauth2;

        if (oauth2 == NULL) {
            continue;
        }

        oauth2->location = ngx_er_location_internal(cf, target[i],
                                                    &oauth2->uri, 0,
                                                    &oauth2->where,
                                                    "auth oauth2");
        if (oauth2->location == NULL) {
            return NGX_ERROR;
        }

        n++;
    }

    if (n == 0) {
        return NGX_OK;
    }

    /*
     * Twice what is needed now: targets of the configuration before keep their
     * places, and of another size the zone would be another one.  And what
     * nginx needs for each page.
     */

    needed = 2 * n * ngx_align(sizeof(ngx_er_token_state_t), ngx_pagesize);
    needed += needed / 128 + 8 * ngx_pagesize;

    for (size = NGX_ER_TOKENS_ZONE; size < needed; size *= 2) { /* void */ }

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_tokens_zone;
    zone->data = mcf;

    return NGX_OK;
}


static ngx_int_t
ngx_er_tokens_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t             i, generation;
    ngx_slab_pool_t       *pool;
    ngx_er_target_t      **target;
    ngx_er_oauth2_t       *oauth2;
    ngx_er_main_conf_t    *mcf;
    ngx_er_token_state_t  *state;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_er_vault_hide(zone->shm.addr, zone->shm.size, zone->shm.log);

    target = mcf->targets.elts;
    generation = ngx_er_token_generation(pool);

    for (i = 0; i < mcf->targets.nelts; i++) {
        oauth2 = target[i]->oauth2;

        if (oauth2 == NULL) {
            continue;
        }

        state = ngx_er_token_find(pool, &target[i]->name, generation);

        if (state == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "no memory for the token of target \"%V\"",
                          &target[i]->name);
            return NGX_ERROR;
        }

        oauth2->shpool = pool;
        oauth2->shared = state;

        ngx_shmtx_lock(&pool->mutex);

        if (ngx_memcmp(state->print, oauth2->print, 32) != 0) {

            /* another line: its token is another one's */

            ngx_memcpy(state->print, oauth2->print, 32);

            ngx_explicit_memzero(state->text, state->len);
            state->len = 0;
            state->owner = 0;
            state->failures = 0;
            state->refused = 0;
            state->serial++;
        }

        ngx_shmtx_unlock(&pool->mutex);
    }

    return NGX_OK;
}


/* that of a new configuration; also one that nginx refuses later has one */

static ngx_uint_t
ngx_er_token_generation(ngx_slab_pool_t *pool)
{
    ngx_uint_t             last;
    ngx_er_token_state_t  *state;

    last = 0;

    for (state = pool->data; state; state = state->next) {
        last = ngx_max(last, state->generation);
    }

    return last + 1;
}


/* of a target, as it was before a reload, or a new one; NULL: no memory */

static ngx_er_token_state_t *
ngx_er_token_find(ngx_slab_pool_t *pool, ngx_str_t *name,
    ngx_uint_t generation)
{
    ngx_er_token_state_t  *state;

    for (state = pool->data; state; state = state->next) {
        if (state->namelen == name->len
            && ngx_memcmp(state->name, name->data, name->len) == 0)
        {
            state->generation = generation;
            return state;
        }
    }

    state = ngx_er_token_reuse(pool, generation);

    if (state == NULL) {
        state = ngx_slab_calloc(pool, sizeof(ngx_er_token_state_t));
        if (state == NULL) {
            return NULL;
        }

        state->next = pool->data;
        pool->data = state;
    }

    state->generation = generation;
    state->namelen = name->len;
    ngx_memcpy(state->name, name->data, name->len);

    return state;
}


/*
 * One that neither this configuration has had a use for nor the one before.  A
 * worker that still has the older target sees that the print is another one,
 * and fetches tokens of its own.
 */

static ngx_er_token_state_t *
ngx_er_token_reuse(ngx_slab_pool_t *pool, ngx_uint_t generation)
{
    ngx_er_token_state_t  *state;

    for (state = pool->data; state; state = state->next) {

        if (state->generation + 1 >= generation) {
            continue;
        }

        ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "event router token: place of \"%*s\" is reused",
                       state->namelen, state->name);

        ngx_shmtx_lock(&pool->mutex);
        ngx_memzero(state->print, sizeof(state->print));
        ngx_shmtx_unlock(&pool->mutex);

        return state;
    }

    return NULL;
}


ngx_int_t
ngx_er_token_get(ngx_er_oauth2_t *oauth2, ngx_er_token_wait_t *wait,
    ngx_er_token_t **token)
{
    ngx_int_t        rc;
    ngx_er_token_t  *t;

    t = oauth2->token;

    if (t == NULL || t->serial != t->state->serial
        || (ngx_msec_int_t) (ngx_current_msec - t->renew) >= 0)
    {
        rc = ngx_er_token_look(oauth2, &wait->pause);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "event router token: of \"%V\" is asked for, rc:%i",
                       &oauth2->target->name, rc);

        if (rc == NGX_AGAIN) {
            ngx_queue_insert_tail(&oauth2->waits, &wait->queue);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        t = oauth2->token;
    }

    t->refs++;
    *token = t;

    return NGX_OK;
}


void
ngx_er_token_leave(ngx_er_token_wait_t *wait)
{
    if (wait->queue.next) {
        ngx_queue_remove(&wait->queue);
        wait->queue.next = NULL;
    }
}


void
ngx_er_token_release(ngx_er_token_t *token)
{
    if (--token->refs == 0) {
        ngx_destroy_pool(token->pool);
    }
}


/*
 * What is there, and what is to be done.  NGX_OK: oauth2->token can be used;
 * NGX_AGAIN: one is being fetched, here or elsewhere, and the end of that will
 * be seen; NGX_DECLINED: none for "pause" ms; NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_token_look(ngx_er_oauth2_t *oauth2, ngx_msec_t *pause)
{
    ngx_int_t              rc;
    ngx_uint_t             fetch;
    ngx_msec_t             now;
    ngx_er_token_state_t  *state;

    if (oauth2->waits.next == NULL) {
        ngx_er_token_init(oauth2);
    }

    fetch = 0;
    *pause = NGX_ER_TOKEN_FIRST;
    now = ngx_current_msec;

    ngx_shmtx_lock(&oauth2->shpool->mutex);

    state = ngx_er_token_state(oauth2);

    if (state == NULL) {
        ngx_shmtx_unlock(&oauth2->shpool->mutex);
        return NGX_ERROR;
    }

    rc = NGX_AGAIN;

    if (state->len && (ngx_msec_int_t) (now - state->ends) < 0) {
        rc = ngx_er_token_copy(oauth2, state);
    }

    if ((rc == NGX_AGAIN || (ngx_msec_int_t) (now - state->renew) >= 0)
        && !ngx_er_token_busy(oauth2, state))
    {
        fetch = ngx_er_token_begin(state, pause);

        if (!fetch && rc == NGX_AGAIN) {
            rc = NGX_DECLINED;
        }
    }

    ngx_shmtx_unlock(&oauth2->shpool->mutex);

    if (fetch) {
        ngx_er_token_fetch(oauth2);
    }

    if (rc == NGX_AGAIN && oauth2->call == NULL && !oauth2->timer.timer_set) {
        ngx_add_timer(&oauth2->timer, NGX_ER_TOKEN_LOOK);
    }

    return rc;
}


/*
 * The first time in this worker.  Whoever waits for a token has a timer of his
 * own that keeps a worker alive.
 */

static void
ngx_er_token_init(ngx_er_oauth2_t *oauth2)
{
    ngx_queue_init(&oauth2->waits);

    oauth2->dummy.fd = (ngx_socket_t) -1;
    oauth2->dummy.data = oauth2;

    oauth2->timer.handler = ngx_er_token_timer;
    oauth2->timer.data = &oauth2->dummy;
    oauth2->timer.log = ngx_cycle->log;
    oauth2->timer.cancelable = 1;
}


/* locked; NULL: no memory */

static ngx_er_token_state_t *
ngx_er_token_state(ngx_er_oauth2_t *oauth2)
{
    u_char  *p;

    if (ngx_memcmp(oauth2->shared->print, oauth2->print, 32) == 0) {
        return oauth2->shared;
    }

    if (oauth2->own == NULL) {
        p = ngx_er_vault_alloc(ngx_cycle->pool, sizeof(ngx_er_token_state_t)
                                                + NGX_ALIGNMENT);
        if (p == NULL) {
            return NULL;
        }

        /* the vault has bytes, not structures */

        p = ngx_align_ptr(p, NGX_ALIGNMENT);

        oauth2->own = (ngx_er_token_state_t *) p;
        ngx_memzero(oauth2->own, sizeof(ngx_er_token_state_t));
    }

    return oauth2->own;
}


/* locked; 1: this worker fetches one; 0: nobody does for "pause" ms */

static ngx_uint_t
ngx_er_token_begin(ngx_er_token_state_t *state, ngx_msec_t *pause)
{
    if (state->failures
        && (ngx_msec_int_t) (ngx_current_msec - state->again) < 0)
    {
        *pause = state->again - ngx_current_msec;
        return 0;
    }

    state->owner = ngx_pid;
    state->until = ngx_current_msec + NGX_ER_TOKEN_TIMEOUT
                   + NGX_ER_TOKEN_GRACE;
    return 1;
}


/* locked; 1: somebody fetches a token and is alive */

static ngx_uint_t
ngx_er_token_busy(ngx_er_oauth2_t *oauth2, ngx_er_token_state_t *state)
{
    if (oauth2->call) {
        return 1;
    }

    if (state->owner == 0 || state->owner == ngx_pid
        || (ngx_msec_int_t) (ngx_current_msec - state->until) >= 0)
    {
        return 0;
    }

    return kill(state->owner, 0) == 0 || ngx_errno != ESRCH;
}


/* locked; NGX_OK, or NGX_ERROR: no memory */

static ngx_int_t
ngx_er_token_copy(ngx_er_oauth2_t *oauth2, ngx_er_token_state_t *state)
{
    u_char          *p;
    ngx_pool_t      *pool;
    ngx_er_token_t  *token;

    token = oauth2->token;

    if (token && token->state == state && token->serial == state->serial) {
        return NGX_OK;
    }

    pool = ngx_create_pool(sizeof(ngx_pool_t) + sizeof(ngx_er_token_t)
                           + 256, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    token = ngx_pcalloc(pool, sizeof(ngx_er_token_t));
    p = ngx_er_vault_alloc(pool, sizeof("Bearer ") - 1 + state->len);

    if (token == NULL || p == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    token->pool = pool;
    token->state = state;
    token->refs = 1;
    token->serial = state->serial;
    token->renew = state->renew;
    token->accepted = (state->refused == 0);

    token->value.data = p;
    p = ngx_cpymem(p, "Bearer ", sizeof("Bearer ") - 1);
    p = ngx_cpymem(p, state->text, state->len);
    token->value.len = p - token->value.data;

    if (oauth2->token) {
        ngx_er_token_release(oauth2->token);
    }

    oauth2->token = token;

    return NGX_OK;
}


/* ms, plus or minus a quarter */

static ngx_msec_t
ngx_er_token_backoff(ngx_uint_t failures)
{
    ngx_msec_t  ms;

    ms = NGX_ER_TOKEN_FIRST << ngx_min(failures - 1, 5);
    ms = ngx_min(ms, NGX_ER_TOKEN_MOST);

    return ms - ms / 4 + (ngx_msec_t) ngx_random() % (ms / 2);
}


/* this worker is the owner */

static void
ngx_er_token_fetch(ngx_er_oauth2_t *oauth2)
{
    ngx_er_call_t  *call;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router token: of \"%V\" is fetched",
                   &oauth2->target->name);

    call = ngx_er_token_call(oauth2);

    if (call && ngx_er_call_start(call) == NGX_OK) {
        oauth2->call = call;

        if (!oauth2->timer.timer_set) {
            ngx_add_timer(&oauth2->timer, NGX_ER_TOKEN_WATCH);
        }

        return;
    }

    /* whoever waits sees it at the next look */

    ngx_er_token_tell(oauth2, NULL, NULL, ngx_er_token_failed(oauth2));
}


/* NULL: no memory */

static ngx_er_call_t *
ngx_er_token_call(ngx_er_oauth2_t *oauth2)
{
    ngx_str_t       authorization;
    ngx_er_call_t  *call;

    static ngx_str_t  type = ngx_string("Content-Type"),
        form = ngx_string("application/x-www-form-urlencoded"),
        accept = ngx_string("Accept"), json = ngx_string("application/json"),
        name = ngx_string("Authorization");

    call = ngx_er_call_create(oauth2->target, oauth2->location, NULL);
    if (call == NULL) {
        return NULL;
    }

    call->method = NGX_HTTP_POST;
    ngx_str_set(&call->method_name, "POST");
    call->timeout = NGX_ER_TOKEN_TIMEOUT;
    call->data = oauth2;
    call->handler = ngx_er_token_answered;
    call->log = ngx_er_token_log;
    call->secret = 1;

    if (ngx_er_grant_request(&oauth2->grant, call->pool, ngx_time(),
                             &call->body, &authorization)
        != NGX_OK
        || ngx_er_call_header(call, &type, &form) != NGX_OK
        || ngx_er_call_header(call, &accept, &json) != NGX_OK
        || (authorization.len
            && ngx_er_call_header(call, &name, &authorization) != NGX_OK))
    {
        ngx_er_call_drop(call);
        return NULL;
    }

    return call;
}


static void
ngx_er_token_answered(ngx_er_call_t *call)
{
    ngx_er_oauth2_t *oauth2 = call->data;

    ngx_int_t              rc;
    ngx_str_t              body;
    ngx_msec_t             pause;
    ngx_er_grant_answer_t  answer;

    oauth2->call = NULL;

    body.data = call->answer;
    body.len = call->length;

    ngx_memzero(&answer, sizeof(ngx_er_grant_answer_t));

    rc = NGX_DECLINED;

    if (call->status && !call->silent) {
        rc = ngx_er_grant_read(&oauth2->grant, call->pool, call->status, &body,
                               call->complete, &answer);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_token_put(oauth2, &answer);
    }

    pause = 0;

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, oauth2->location->error_log, 0,
                      "a token for target \"%V\" was fetched, it is good for "
                      "%uLs", &oauth2->target->name, answer.lifetime);

    } else {
        pause = ngx_er_token_failed(oauth2);
        ngx_er_token_tell(oauth2, call, &answer, pause);
    }

    ngx_er_token_wake(oauth2, rc, pause);
}


/* for all workers; and this one's copy */

static ngx_int_t
ngx_er_token_put(ngx_er_oauth2_t *oauth2, ngx_er_grant_answer_t *answer)
{
    ngx_int_t              rc;
    ngx_msec_t             lifetime;
    ngx_er_token_state_t  *state;

    lifetime = (ngx_msec_t) ngx_min(answer->lifetime, NGX_ER_TOKEN_LIFE)
               * 1000;

    ngx_shmtx_lock(&oauth2->shpool->mutex);

    state = ngx_er_token_state(oauth2);

    if (state == NULL) {
        ngx_shmtx_unlock(&oauth2->shpool->mutex);
        return NGX_ERROR;
    }

    ngx_explicit_memzero(state->text, state->len);

    state->len = answer->token.len;
    ngx_memcpy(state->text, answer->token.data, state->len);

    state->serial++;
    state->ends = ngx_current_msec + lifetime;
    state->renew = state->ends - ngx_min(oauth2->leeway, lifetime / 2);
    state->failures = 0;

    if (state->owner == ngx_pid) {
        state->owner = 0;
    }

    rc = ngx_er_token_copy(oauth2, state);

    ngx_shmtx_unlock(&oauth2->shpool->mutex);

    return rc;
}


/* ms until it is tried again */

static ngx_msec_t
ngx_er_token_failed(ngx_er_oauth2_t *oauth2)
{
    ngx_msec_t             pause;
    ngx_er_token_state_t  *state;

    pause = NGX_ER_TOKEN_FIRST;

    ngx_shmtx_lock(&oauth2->shpool->mutex);

    state = ngx_er_token_state(oauth2);

    if (state) {
        state->failures++;
        pause = ngx_er_token_backoff(state->failures);
        state->again = ngx_current_msec + pause;

        if (state->owner == ngx_pid) {
            state->owner = 0;
        }
    }

    ngx_shmtx_unlock(&oauth2->shpool->mutex);

    return pause;
}


/* in error.log; "call" NULL: it could not be made */

static void
ngx_er_token_tell(ngx_er_oauth2_t *oauth2, ngx_er_call_t *call,
    ngx_er_grant_answer_t *answer, ngx_msec_t pause)
{
    u_char      said[NGX_ER_TOKEN_LOG + 2 * NGX_ER_GRANT_SAID], *p, *last;
    ngx_log_t  *log;

    p = said;
    last = said + sizeof(said);
    log = oauth2->location->error_log;

    if (call == NULL || (call->status == 0 && call->carrier)) {
        p = ngx_snprintf(p, last - p, call ? "did not answer in time"
                                           : "could not be asked");

    } else if (call->status == 0 || call->silent) {
        p = ngx_snprintf(p, last - p, "gave no answer");

    } else {
        p = ngx_snprintf(p, last - p, "answered %ui", call->status);

        if (answer->wrong && call->status >= 200 && call->status < 300) {
            p = ngx_snprintf(p, last - p, ", and %s", answer->wrong);
        }

        if (answer->error.len) {
            p = ngx_snprintf(p, last - p, ", error \"%V\"", &answer->error);
        }

        if (answer->said.len) {
            p = ngx_snprintf(p, last - p, ": \"%V\"", &answer->said);
        }
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "no token for target \"%V\": the endpoint behind \"%V\" "
                  "%*s; it is asked again in %Mms", &oauth2->target->name,
                  &oauth2->uri, p - said, said, pause);
}


/* NGX_OK: oauth2->token is there */

static void
ngx_er_token_wake(ngx_er_oauth2_t *oauth2, ngx_int_t rc, ngx_msec_t pause)
{
    ngx_queue_t           waits, *q;
    ngx_er_token_t       *token;
    ngx_er_token_wait_t  *wait;

    if (ngx_queue_empty(&oauth2->waits)) {
        return;
    }

    token = (rc == NGX_OK) ? oauth2->token : NULL;

    if (token) {
        token->refs++;
    }

    /* who asks again meanwhile stands in another line */

    ngx_queue_init(&waits);
    ngx_queue_add(&waits, &oauth2->waits);
    ngx_queue_init(&oauth2->waits);

    while (!ngx_queue_empty(&waits)) {
        q = ngx_queue_head(&waits);
        wait = ngx_queue_data(q, ngx_er_token_wait_t, queue);

        ngx_er_token_leave(wait);

        if (token) {
            token->refs++;
        }

        wait->pause = pause;
        wait->handler(wait, token);
    }

    if (token) {
        ngx_er_token_release(token);
    }
}


/* while a call of ours runs: a worker that exits does not stay for it alone */

static void
ngx_er_token_timer(ngx_event_t *ev)
{
    ngx_int_t          rc;
    ngx_msec_t         pause;
    ngx_er_oauth2_t   *oauth2;
    ngx_connection_t  *dummy;

    dummy = ev->data;
    oauth2 = dummy->data;

    if (oauth2->call) {

        if (ngx_exiting && ngx_queue_empty(&oauth2->waits)) {
            ngx_er_token_abandon(oauth2);
            return;
        }

        ngx_add_timer(ev, NGX_ER_TOKEN_WATCH);
        return;
    }

    if (ngx_queue_empty(&oauth2->waits)) {
        return;
    }

    rc = ngx_er_token_look(oauth2, &pause);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router token: of \"%V\" is waited for, rc:%i",
                   &oauth2->target->name, rc);

    if (rc != NGX_AGAIN) {
        ngx_er_token_wake(oauth2, rc, pause);
    }
}


ngx_int_t
ngx_er_token_refused(ngx_er_oauth2_t *oauth2, ngx_er_token_t *token)
{
    ngx_int_t              rc;
    ngx_msec_t             now;
    ngx_er_token_state_t  *state;

    rc = NGX_OK;
    now = ngx_current_msec;
    state = token->state;

    ngx_shmtx_lock(&oauth2->shpool->mutex);

    if (state->serial == token->serial) {

        if (state->refused > 1
            && (ngx_msec_int_t) (now - state->refuse) < 0)
        {
            rc = NGX_DECLINED;

        } else {
            state->refused++;
            state->refuse = now + ngx_er_token_backoff(state->refused);

            ngx_explicit_memzero(state->text, state->len);
            state->len = 0;
            state->serial++;
        }
    }

    ngx_shmtx_unlock(&oauth2->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router token: of \"%V\" was refused, rc:%i",
                   &oauth2->target->name, rc);

    return rc;
}


/* the first time that a worker hears of it */

void
ngx_er_token_accepted(ngx_er_oauth2_t *oauth2, ngx_er_token_t *token)
{
    if (token->accepted) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router token: of \"%V\" was accepted",
                   &oauth2->target->name);

    token->accepted = 1;

    ngx_shmtx_lock(&oauth2->shpool->mutex);

    if (token->state->serial == token->serial) {
        token->state->refused = 0;
    }

    ngx_shmtx_unlock(&oauth2->shpool->mutex);
}


static u_char *
ngx_er_token_log(ngx_er_call_t *call, u_char *buf, size_t len)
{
    return ngx_snprintf(buf, len, "fetching a token for target \"%V\"",
                        &call->target->name);
}


/* nobody here waits for it; the next worker need not wait, either */

static void
ngx_er_token_abandon(ngx_er_oauth2_t *oauth2)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router token: of \"%V\" is not fetched any more",
                   &oauth2->target->name);

    ngx_er_call_drop(oauth2->call);
    oauth2->call = NULL;

    ngx_shmtx_lock(&oauth2->shpool->mutex);

    if (oauth2->shared->owner == ngx_pid) {
        oauth2->shared->owner = 0;
    }

    ngx_shmtx_unlock(&oauth2->shpool->mutex);
}


void
ngx_er_tokens_exit_worker(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_target_t  **target;
    ngx_er_oauth2_t   *oauth2;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        oauth2 = target[i]->oauth2;

        if (oauth2 == NULL) {
            continue;
        }

        if (oauth2->timer.timer_set) {
            ngx_del_timer(&oauth2->timer);
        }

        if (oauth2->call) {
            ngx_er_token_abandon(oauth2);
        }

        if (oauth2->token) {
            ngx_er_token_release(oauth2->token);
            oauth2->token = NULL;
        }
    }
}
