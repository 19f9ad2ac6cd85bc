
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Key sets.  A source with "jwt keys=" has one, which all workers share and
 * one of them fetches (keyset_fetch.c).  decision.c asks here before and
 * behind the verification, and waits if need be.
 *
 * In shared memory there is a state for each such source: the keys as jwks.c
 * writes them, when they were asked for, until when they are good, and who
 * fetches.  It survives reload as long as the line is unchanged; if anything
 * else of the configuration is another, the keys are asked for once more, for
 * the location may lead elsewhere.  Each worker has the keys made of that
 * text, so the usual way is a look at two numbers, without a lock.
 *
 * However many tokens of unknown keys come, the set is fetched once a minute
 * at most: a minute must have passed since the last time it was asked for.
 * From three quarters of its age on it is renewed while the old keys are used.
 * Beyond its age requests wait for the new one; if that cannot be had, the old
 * keys are used.  While none is known requests wait, too.
 *
 * What becomes of a token whose key is unknown depends on when the set was
 * asked for.  Since the token came: then its key is none of this producer's.
 * Before: a newer set may have it, so one is fetched, or the producer is told
 * to come again when that is allowed.  So a key that is new loses no event,
 * also if it is used in the very second in which it is published.
 *
 * With "by=kid" an answer has one key, that of the token, which joins those
 * that are known; then only an answer about this key says that there is none.
 * Beyond their age these keys are forgotten, since nothing renews them.
 *
 * Nothing here is secret.  What may fail is memory: then it is as if the set
 * could not be fetched.
 */


#include "keyset.h"
#include "keyset_fetch.h"
#include "crypto.h"
#include "../deliver/location.h"


#define NGX_ER_KEYSETS_ZONE   262144   /* bytes, doubled until all fit */

#define NGX_ER_KEYSET_EVERY   60000    /* ms between two fetches, at least */
#define NGX_ER_KEYSET_GRACE   2000     /* ms behind a fetch's own end */
#define NGX_ER_KEYSET_LOOK    50       /* ms */
#define NGX_ER_KEYSET_KNOWN   16       /* keys that "by=kid" keeps */


typedef struct ngx_er_keyset_state_s  ngx_er_keyset_state_t;

struct ngx_er_keyset_state_s {
    ngx_er_keyset_state_t  *next;
    u_char                  name[NGX_ER_NAME_MAX];     /* of the source */
    size_t                  namelen;
    u_char                  print[32];
    u_char                  config[32];
    ngx_uint_t              generation;    /* of the configuration that had
                                              the source last, from 1 */

    ngx_uint_t              serial;    /* counts sets; 0: there was none */
    ngx_msec_t              asked;     /* ngx_current_msec, which is the same
                                          in all workers: of this set */
    ngx_msec_t              renew;
    ngx_msec_t              ends;
    ngx_uint_t              tried;     /* 1: "began" is a time */
    ngx_msec_t              began;     /* the last fetch */
    ngx_pid_t               owner;     /* who fetches; 0: nobody */
    ngx_msec_t              until;     /* and until when */
    uint64_t                lacks;     /* by=kid: the last name that there is
                                          no key of, hashed, and the fetch */
    ngx_msec_t              lacked;    /* that said so; "lacks" 0: none did */
    size_t                  len;       /* of text; 0: no key is known */
    u_char                  text[NGX_ER_JWKS_KEPT];
};


/* the part below "shared" is the worker's */

struct ngx_er_keyset_s {
    ngx_er_source_t           *source;
    ngx_str_t                  uri;
    ngx_uint_t                 by;
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *location;
    u_char                     print[32];
    u_char                     config[32];

    ngx_slab_pool_t           *shpool;
    ngx_er_keyset_state_t     *shared;
    ngx_er_keyset_state_t     *own;    /* after a reload that changed the
                                          line; NULL: not needed so far */

    ngx_pool_t                *pool;   /* of "set" */
    ngx_er_jwks_t             *set;    /* NULL: none was read so far */
    ngx_er_keyset_state_t     *state;  /* of which it is, */
    ngx_uint_t                 serial; /* with this number */
    ngx_msec_t                 renew;
    ngx_msec_t                 ends;

    ngx_er_keyset_fetch_t     *fetch;  /* that is under way, or NULL */
    ngx_queue_t                waits;  /* of ngx_er_keyset_wait_t */
    ngx_event_t                timer;  /* looks what another worker fetched */
    ngx_connection_t           dummy;  /* its data: debug logs its fd */
};


static ngx_int_t ngx_er_keyset_create(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source);
static ngx_er_receiver_t *ngx_er_keyset_receiver(ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_keysets_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_keyset_state_t *ngx_er_keyset_find(ngx_slab_pool_t *pool,
    ngx_str_t *name, ngx_uint_t generation);
static void ngx_er_keyset_adopt(ngx_er_keyset_t *keyset,
    ngx_er_keyset_state_t *state);
static void ngx_er_keyset_begin(ngx_er_keyset_t *keyset,
    ngx_er_keyset_wait_t *wait);
static ngx_uint_t ngx_er_keyset_passed(ngx_msec_t when);
static ngx_er_keyset_state_t *ngx_er_keyset_state(ngx_er_keyset_t *keyset);
static ngx_int_t ngx_er_keyset_copy(ngx_er_keyset_t *keyset,
    ngx_er_keyset_state_t *state);
static void ngx_er_keyset_drop(ngx_er_keyset_t *keyset);
static ngx_int_t ngx_er_keyset_due(ngx_er_keyset_t *keyset,
    ngx_er_keyset_state_t *state, ngx_msec_t *pause);
static ngx_uint_t ngx_er_keyset_busy(ngx_er_keyset_t *keyset,
    ngx_er_keyset_state_t *state);
static ngx_int_t ngx_er_keyset_fetch_begin(ngx_er_keyset_t *keyset,
    ngx_str_t *kid);
static ngx_int_t ngx_er_keyset_wait(ngx_er_keyset_t *keyset,
    ngx_er_keyset_wait_t *wait);
static ngx_uint_t ngx_er_keyset_newer(ngx_er_keyset_t *keyset,
    ngx_er_keyset_state_t *state);
static ngx_uint_t ngx_er_keyset_lacks(ngx_er_keyset_t *keyset,
    ngx_er_keyset_state_t *state, ngx_er_keyset_wait_t *wait, ngx_str_t *kid);
static void ngx_er_keyset_fetched(ngx_er_keyset_fetch_t *fetch);
static ngx_int_t ngx_er_keyset_put(ngx_er_keyset_t *keyset,
    ngx_er_keyset_fetch_t *fetch);
static void ngx_er_keyset_stamp(ngx_er_keyset_t *keyset,
    ngx_er_keyset_fetch_t *fetch, ngx_er_keyset_state_t *state);
static void ngx_er_keyset_failed(ngx_er_keyset_t *keyset, ngx_str_t *kid);
static void ngx_er_keyset_wake(ngx_er_keyset_t *keyset);
static void ngx_er_keyset_timer(ngx_event_t *ev);


ngx_int_t
ngx_er_keysets_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size, needed;
    ngx_uint_t         i, n;
    ngx_shm_zone_t    *zone;
    ngx_er_source_t  **source;

    static ngx_str_t  name = ngx_string("ngx_event_router_keys");

    n = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (ngx_er_verify_keys(source[i]->verify) == NULL) {
            continue;
        }

        if (ngx_er_keyset_create(cf, mcf, source[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        n += (source[i]->keyset != NULL);
    }

    if (n == 0) {
        return NGX_OK;
    }

    /* twice what is needed now, as those of tokens (deliver/token.c) */

    needed = 2 * n * ngx_align(sizeof(ngx_er_keyset_state_t), ngx_pagesize);
    needed += needed / 128 + 8 * ngx_pagesize;

    for (size = NGX_ER_KEYSETS_ZONE; size < needed; size *= 2) { /* void */ }

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_keysets_zone;
    zone->data = mcf;

    return NGX_OK;
}


static ngx_int_t
ngx_er_keyset_create(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source)
{
    ngx_str_t           parts[3], *uri;
    ngx_er_keyset_t    *keyset;
    ngx_er_receiver_t  *receiver;

    uri = ngx_er_verify_keys(source->verify);
    receiver = ngx_er_keyset_receiver(mcf, source);

    if (receiver == NULL) {
        return NGX_OK;
    }

    keyset = ngx_pcalloc(cf->pool, sizeof(ngx_er_keyset_t));
    if (keyset == NULL) {
        return NGX_ERROR;
    }

    keyset->source = source;
    keyset->uri = *uri;
    keyset->by = ngx_er_verify_keys_by(source->verify);
    keyset->ctx = receiver->ctx;
    keyset->location = ngx_er_location_called(cf, receiver->ctx, uri);

    if (keyset->location == NULL) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &source->where,
                         "\"jwt keys=%V\" of event_source \"%V\" calls "
                         "\"%V\", and in the server of \"%V %V\" there is no "
                         "internal location for that: add \"location = %V { "
                         "internal; proxy_pass ...; }\" with the URL of the "
                         "key set", uri, &source->name, uri,
                         &receiver->directive, &source->name, uri);
        return NGX_ERROR;
    }

    parts[0] = *uri;
    parts[1].len = 1;
    parts[1].data = (u_char *) (keyset->by ? "k" : "s");

    ngx_er_sha256(keyset->print, parts, 2);
    ngx_er_sha256(keyset->config, &mcf->hash, 1);

    ngx_queue_init(&keyset->waits);
    source->keyset = keyset;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, cf->log, 0,
                   "event router keyset: of \"%V\" is at \"%V\", by kid:%ui",
                   &source->name, uri, keyset->by);

    return NGX_OK;
}


/* the first location that receives for the source, or explains */

static ngx_er_receiver_t *
ngx_er_keyset_receiver(ngx_er_main_conf_t *mcf, ngx_er_source_t *source)
{
    ngx_uint_t          i;
    ngx_er_receiver_t  *receiver, *found;

    found = NULL;
    receiver = mcf->receivers.elts;

    for (i = 0; i < mcf->receivers.nelts; i++) {

        if (receiver[i].lcf->source != source) {
            continue;
        }

        if (receiver[i].lcf->does == NGX_ER_LOCATION_RECEIVE) {
            return &receiver[i];
        }

        found = found ? found : &receiver[i];
    }

    return found;
}


static ngx_int_t
ngx_er_keysets_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t              i, generation;
    ngx_slab_pool_t        *pool;
    ngx_er_keyset_t        *keyset;
    ngx_er_source_t       **source;
    ngx_er_main_conf_t     *mcf;
    ngx_er_keyset_state_t  *state;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    generation = 1;

    for (state = pool->data; state; state = state->next) {
        generation = ngx_max(generation, state->generation + 1);
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        keyset = source[i]->keyset;

        if (keyset == NULL) {
            continue;
        }

        state = ngx_er_keyset_find(pool, &source[i]->name, generation);

        if (state == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "no memory for the key set of source \"%V\"",
                          &source[i]->name);
            return NGX_ERROR;
        }

        keyset->shpool = pool;
        keyset->shared = state;

        ngx_shmtx_lock(&pool->mutex);
        ngx_er_keyset_adopt(keyset, state);
        ngx_shmtx_unlock(&pool->mutex);
    }

    return NGX_OK;
}


/*
 * As it was before a reload; else one that neither this configuration has had
 * a use for nor the one before, or a new one.  NULL: no memory.
 */

static ngx_er_keyset_state_t *
ngx_er_keyset_find(ngx_slab_pool_t *pool, ngx_str_t *name,
    ngx_uint_t generation)
{
    ngx_er_keyset_state_t  *state, *free;

    free = NULL;

    for (state = pool->data; state; state = state->next) {

        if (state->namelen == name->len
            && ngx_memcmp(state->name, name->data, name->len) == 0)
        {
            state->generation = generation;
            return state;
        }

        if (state->generation + 1 < generation) {
            free = state;
        }
    }

    state = free;

    if (state == NULL) {
        state = ngx_slab_calloc(pool, sizeof(ngx_er_keyset_state_t));
        if (state == NULL) {
            return NULL;
        }

        state->next = pool->data;
        pool->data = state;
    }

    ngx_shmtx_lock(&pool->mutex);
    ngx_memzero(state->print, sizeof(state->print));
    ngx_shmtx_unlock(&pool->mutex);

    state->generation = generation;
    state->namelen = name->len;
    ngx_memcpy(state->name, name->data, name->len);

    return state;
}


/* locked */

static void
ngx_er_keyset_adopt(ngx_er_keyset_t *keyset, ngx_er_keyset_state_t *state)
{
    if (ngx_memcmp(state->print, keyset->print, 32) != 0) {

        /* another line: its keys are another one's */

        ngx_memcpy(state->print, keyset->print, 32);

        state->len = 0;
        state->owner = 0;
        state->tried = 0;
        state->lacks = 0;
        state->serial++;

    } else if (ngx_memcmp(state->config, keyset->config, 32) != 0) {

        /* what is fetched now may come from where the keys were before */

        state->owner = 0;
        state->tried = 0;
        state->lacks = 0;
        state->renew = ngx_current_msec;
        state->serial++;
    }

    ngx_memcpy(state->config, keyset->config, 32);
}


ngx_int_t
ngx_er_keyset_ready(ngx_er_keyset_t *keyset, ngx_er_keyset_wait_t *wait)
{
    ngx_int_t               rc;
    ngx_uint_t              ended;
    ngx_msec_t              pause;
    ngx_er_keyset_state_t  *state;

    ngx_er_keyset_begin(keyset, wait);

    if (keyset->set && keyset->serial == keyset->state->serial
        && !ngx_er_keyset_passed(keyset->renew))
    {
        return NGX_OK;
    }

    rc = NGX_DECLINED;
    ended = 0;

    ngx_shmtx_lock(&keyset->shpool->mutex);

    state = ngx_er_keyset_state(keyset);

    if (state && state->len) {
        ended = ngx_er_keyset_passed(state->ends);

        if (ended && keyset->by) {
            ngx_er_keyset_drop(keyset);

        } else if (ngx_er_keyset_copy(keyset, state) == NGX_OK
                   && ngx_er_keyset_passed(state->renew)
                   && wait->handler && !keyset->by)
        {
            rc = ngx_er_keyset_due(keyset, state, &pause);
        }
    }

    ngx_shmtx_unlock(&keyset->shpool->mutex);

    if (rc == NGX_OK) {
        rc = ngx_er_keyset_fetch_begin(keyset, NULL);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router keyset: of \"%V\", rc:%i ended:%ui",
                   &keyset->source->name, rc, ended);

    return (rc == NGX_AGAIN && ended) ? ngx_er_keyset_wait(keyset, wait)
                                      : NGX_OK;
}


/* the worker's part, the first time; and when the message came */

static void
ngx_er_keyset_begin(ngx_er_keyset_t *keyset, ngx_er_keyset_wait_t *wait)
{
    if (!wait->known) {
        wait->known = 1;
        wait->came = ngx_current_msec;
    }

    if (keyset->timer.handler) {
        return;
    }

    ngx_queue_init(&keyset->waits);

    keyset->dummy.fd = (ngx_socket_t) -1;
    keyset->dummy.data = keyset;

    keyset->timer.handler = ngx_er_keyset_timer;
    keyset->timer.data = &keyset->dummy;
    keyset->timer.log = ngx_cycle->log;
}


static ngx_uint_t
ngx_er_keyset_passed(ngx_msec_t when)
{
    return (ngx_msec_int_t) (ngx_current_msec - when) >= 0;
}


/* locked; NULL: no memory */

static ngx_er_keyset_state_t *
ngx_er_keyset_state(ngx_er_keyset_t *keyset)
{
    if (ngx_memcmp(keyset->shared->print, keyset->print, 32) == 0
        && ngx_memcmp(keyset->shared->config, keyset->config, 32) == 0)
    {
        return keyset->shared;
    }

    if (keyset->own == NULL) {
        keyset->own = ngx_pcalloc(ngx_cycle->pool,
                                  sizeof(ngx_er_keyset_state_t));
    }

    return keyset->own;
}


/* locked; the state has keys; NGX_OK: they are this worker's */

static ngx_int_t
ngx_er_keyset_copy(ngx_er_keyset_t *keyset, ngx_er_keyset_state_t *state)
{
    ngx_str_t       text;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_jwks_t  *set;

    if (keyset->set && keyset->state == state
        && keyset->serial == state->serial)
    {
        return NGX_OK;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    text.data = state->text;
    text.len = state->len;

    if (ngx_er_jwks_read(pool, &text, &set, &why) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    ngx_er_keyset_drop(keyset);

    keyset->pool = pool;
    keyset->set = set;
    keyset->state = state;
    keyset->serial = state->serial;
    keyset->renew = state->renew;
    keyset->ends = state->ends;

    ngx_er_verify_keys_set(keyset->source->verify, set);

    return NGX_OK;
}


static void
ngx_er_keyset_drop(ngx_er_keyset_t *keyset)
{
    ngx_er_verify_keys_set(keyset->source->verify, NULL);

    if (keyset->pool) {
        ngx_destroy_pool(keyset->pool);
    }

    keyset->pool = NULL;
    keyset->set = NULL;
}


/*
 * Locked.  NGX_OK: this worker is to fetch the set; NGX_AGAIN: somebody does;
 * NGX_DECLINED: nobody may for "pause" ms.
 */

static ngx_int_t
ngx_er_keyset_due(ngx_er_keyset_t *keyset, ngx_er_keyset_state_t *state,
    ngx_msec_t *pause)
{
    if (ngx_er_keyset_busy(keyset, state)) {
        return NGX_AGAIN;
    }

    if (state->tried
        && !ngx_er_keyset_passed(state->began + NGX_ER_KEYSET_EVERY))
    {
        *pause = state->began + NGX_ER_KEYSET_EVERY - ngx_current_msec;
        return NGX_DECLINED;
    }

    state->tried = 1;
    state->began = ngx_current_msec;
    state->owner = ngx_pid;
    state->until = ngx_current_msec + NGX_ER_KEYSET_TIMEOUT
                   + NGX_ER_KEYSET_GRACE;
    return NGX_OK;
}


/* locked; 1: somebody fetches the set and is alive */

static ngx_uint_t
ngx_er_keyset_busy(ngx_er_keyset_t *keyset, ngx_er_keyset_state_t *state)
{
    if (keyset->fetch) {
        return 1;
    }

    if (state->owner == 0 || state->owner == ngx_pid
        || ngx_er_keyset_passed(state->until))
    {
        return 0;
    }

    return kill(state->owner, 0) == 0 || ngx_errno != ESRCH;
}


/* NGX_AGAIN: it is under way; NGX_DECLINED: it could not be begun */

static ngx_int_t
ngx_er_keyset_fetch_begin(ngx_er_keyset_t *keyset, ngx_str_t *kid)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router keyset: of \"%V\" is fetched, by kid:%d",
                   &keyset->source->name, kid != NULL);

    keyset->fetch = ngx_er_keyset_fetch(keyset->source, keyset->ctx,
                                        keyset->location, kid,
                                        ngx_er_keyset_fetched, keyset);
    if (keyset->fetch) {
        return NGX_AGAIN;
    }

    ngx_log_error(NGX_LOG_ERR, keyset->location->error_log, 0,
                  "no key set for source \"%V\": \"%V\" could not be asked, "
                  "it is asked again in a minute", &keyset->source->name,
                  &keyset->uri);

    ngx_er_keyset_failed(keyset, NULL);

    return NGX_DECLINED;
}


/* what another worker fetches is looked for, which keeps this one alive */

static ngx_int_t
ngx_er_keyset_wait(ngx_er_keyset_t *keyset, ngx_er_keyset_wait_t *wait)
{
    ngx_queue_insert_tail(&keyset->waits, &wait->queue);

    if (keyset->fetch == NULL && !keyset->timer.timer_set) {
        ngx_add_timer(&keyset->timer, NGX_ER_KEYSET_LOOK);
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_er_keyset_more(ngx_er_keyset_t *keyset, ngx_er_keyset_wait_t *wait,
    ngx_str_t *kid)
{
    ngx_int_t               rc;
    ngx_uint_t              newer;
    ngx_er_keyset_state_t  *state;

    rc = NGX_DECLINED;
    newer = 0;
    wait->pause = NGX_ER_KEYSET_EVERY;

    ngx_shmtx_lock(&keyset->shpool->mutex);

    state = ngx_er_keyset_state(keyset);

    if (state) {
        newer = ngx_er_keyset_newer(keyset, state);

        if (newer) {
            rc = ngx_er_keyset_copy(keyset, state);

        } else if (ngx_er_keyset_lacks(keyset, state, wait, kid)) {
            rc = NGX_ABORT;

        } else if (wait->handler) {
            rc = ngx_er_keyset_due(keyset, state, &wait->pause);
        }
    }

    ngx_shmtx_unlock(&keyset->shpool->mutex);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router keyset: of \"%V\" lacks a key, rc:%i "
                   "newer:%ui pause:%M", &keyset->source->name, rc, newer,
                   wait->pause);

    if (newer) {
        return (rc == NGX_OK) ? NGX_OK : NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        rc = ngx_er_keyset_fetch_begin(keyset, keyset->by ? kid : NULL);
    }

    return (rc == NGX_AGAIN) ? ngx_er_keyset_wait(keyset, wait) : rc;
}


/* locked; 1: the state has keys that this worker has not seen */

static ngx_uint_t
ngx_er_keyset_newer(ngx_er_keyset_t *keyset, ngx_er_keyset_state_t *state)
{
    if (state->len == 0 || (keyset->by && ngx_er_keyset_passed(state->ends))) {
        return 0;
    }

    return keyset->set == NULL || keyset->state != state
           || keyset->serial != state->serial;
}


/* locked; 1: whoever publishes the keys was asked since the message came */

static ngx_uint_t
ngx_er_keyset_lacks(ngx_er_keyset_t *keyset, ngx_er_keyset_state_t *state,
    ngx_er_keyset_wait_t *wait, ngx_str_t *kid)
{
    if (!keyset->by) {
        return state->len
               && (ngx_msec_int_t) (state->asked - wait->came) >= 0;
    }

    /* what has no name that can be asked for has no key, either */

    if (!ngx_er_keyset_fetch_plain(kid)) {
        return 1;
    }

    return state->lacks && state->lacks == ngx_er_hash64(kid)
           && (ngx_msec_int_t) (state->lacked - wait->came) >= 0;
}


void
ngx_er_keyset_leave(ngx_er_keyset_wait_t *wait)
{
    if (wait->queue.next) {
        ngx_queue_remove(&wait->queue);
        wait->queue.next = NULL;
    }
}


static void
ngx_er_keyset_fetched(ngx_er_keyset_fetch_t *fetch)
{
    ngx_er_keyset_t *keyset = fetch->data;

    ngx_int_t  rc;

    keyset->fetch = NULL;

    rc = fetch->set ? ngx_er_keyset_put(keyset, fetch) : NGX_ERROR;

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, keyset->location->error_log, 0,
                      "the key set of source \"%V\" was fetched: %ui keys, "
                      "and %ui that are for something else, it is good for "
                      "%Ms", &keyset->source->name,
                      (ngx_uint_t) fetch->set->keys.nelts, fetch->set->others,
                      fetch->age / 1000);

    } else {
        ngx_er_keyset_failed(keyset, fetch->status == NGX_HTTP_NOT_FOUND
                                     ? &fetch->kid : NULL);

        ngx_log_error(NGX_LOG_ERR, keyset->location->error_log, 0,
                      "no key set for source \"%V\": \"%V\" %*s, it is asked "
                      "again in a minute", &keyset->source->name,
                      &keyset->uri, fetch->len, fetch->why);
    }

    ngx_er_keyset_wake(keyset);
}


/* for all workers; and this one's copy */

static ngx_int_t
ngx_er_keyset_put(ngx_er_keyset_t *keyset, ngx_er_keyset_fetch_t *fetch)
{
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_er_jwks_t          *old;
    ngx_er_keyset_state_t  *state;

    ngx_shmtx_lock(&keyset->shpool->mutex);

    state = ngx_er_keyset_state(keyset);
    old = NULL;

    if (state && keyset->by && state->len
        && !ngx_er_keyset_passed(state->ends)
        && ngx_er_keyset_copy(keyset, state) == NGX_OK)
    {
        old = keyset->set;
    }

    rc = state ? ngx_er_jwks_write(fetch->pool, fetch->set, old,
                                   NGX_ER_KEYSET_KNOWN, &text)
               : NGX_ERROR;

    if (rc == NGX_OK) {
        state->len = text.len;
        ngx_memcpy(state->text, text.data, text.len);

        ngx_er_keyset_stamp(keyset, fetch, state);

        rc = ngx_er_keyset_copy(keyset, state);
    }

    ngx_shmtx_unlock(&keyset->shpool->mutex);

    if (rc != NGX_OK) {
        fetch->len = ngx_sprintf(fetch->why, "answered, and its keys %s",
                                 rc == NGX_DECLINED
                                 ? "are more than 64 KB"
                                 : "cannot be kept: there is no memory")
                     - fetch->why;
    }

    return rc;
}


/* locked; keys that came one by one have the age of the first of them */

static void
ngx_er_keyset_stamp(ngx_er_keyset_t *keyset, ngx_er_keyset_fetch_t *fetch,
    ngx_er_keyset_state_t *state)
{
    ngx_uint_t     named;
    ngx_msec_t     ends;
    ngx_er_key_t  *keys[NGX_ER_JWKS_SAME];

    ends = ngx_current_msec + fetch->age;

    state->asked = state->began;
    state->renew = ngx_current_msec + fetch->age / 4 * 3;

    if (keyset->by) {

        if (keyset->set && !ngx_er_keyset_passed(keyset->ends)
            && (ngx_msec_int_t) (keyset->ends - ends) < 0)
        {
            ends = keyset->ends;
        }

        state->renew = ends;

        (void) ngx_er_jwks_find(fetch->set, &fetch->kid, 0, keys, &named);

        if (named == 0) {
            state->lacks = ngx_er_hash64(&fetch->kid);
            state->lacked = state->began;
        }
    }

    state->ends = ends;
    state->serial++;

    if (state->owner == ngx_pid) {
        state->owner = 0;
    }
}


/* "kid": there is no key of that name; or NULL */

static void
ngx_er_keyset_failed(ngx_er_keyset_t *keyset, ngx_str_t *kid)
{
    ngx_er_keyset_state_t  *state;

    ngx_shmtx_lock(&keyset->shpool->mutex);

    state = ngx_er_keyset_state(keyset);

    if (state) {

        if (keyset->by && kid) {
            state->lacks = ngx_er_hash64(kid);
            state->lacked = state->began;
        }

        if (state->owner == ngx_pid) {
            state->owner = 0;
        }
    }

    ngx_shmtx_unlock(&keyset->shpool->mutex);
}


/* who waits again meanwhile stands in another line */

static void
ngx_er_keyset_wake(ngx_er_keyset_t *keyset)
{
    ngx_queue_t            waits, *q;
    ngx_er_keyset_wait_t  *wait;

    if (ngx_queue_empty(&keyset->waits)) {
        return;
    }

    ngx_queue_init(&waits);
    ngx_queue_add(&waits, &keyset->waits);
    ngx_queue_init(&keyset->waits);

    while (!ngx_queue_empty(&waits)) {
        q = ngx_queue_head(&waits);
        wait = ngx_queue_data(q, ngx_er_keyset_wait_t, queue);

        ngx_er_keyset_leave(wait);
        wait->handler(wait);
    }
}


static void
ngx_er_keyset_timer(ngx_event_t *ev)
{
    ngx_uint_t              busy;
    ngx_er_keyset_t        *keyset;
    ngx_connection_t       *dummy;
    ngx_er_keyset_state_t  *state;

    dummy = ev->data;
    keyset = dummy->data;

    if (ngx_queue_empty(&keyset->waits) || keyset->fetch) {
        return;
    }

    ngx_shmtx_lock(&keyset->shpool->mutex);

    state = ngx_er_keyset_state(keyset);
    busy = state && ngx_er_keyset_busy(keyset, state);

    ngx_shmtx_unlock(&keyset->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router keyset: of \"%V\" is waited for, busy:%ui",
                   &keyset->source->name, busy);

    if (busy) {
        ngx_add_timer(ev, NGX_ER_KEYSET_LOOK);
        return;
    }

    ngx_er_keyset_wake(keyset);
}


void
ngx_er_keysets_exit_worker(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_keyset_t   *keyset;
    ngx_er_source_t  **source;

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        keyset = source[i]->keyset;

        if (keyset == NULL) {
            continue;
        }

        if (keyset->timer.timer_set) {
            ngx_del_timer(&keyset->timer);
        }

        if (keyset->fetch) {
            ngx_er_keyset_fetch_drop(keyset->fetch);
            keyset->fetch = NULL;

            ngx_er_keyset_failed(keyset, NULL);
        }

        ngx_er_keyset_drop(keyset);
    }
}
