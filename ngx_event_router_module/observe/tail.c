
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The tail is a ring of lines in shared memory, which all workers write and
 * api_tail.c reads: each line is JSON, made when it happens, with hashes of
 * names beside it by which it is chosen.  account.c calls it for everything,
 * so what matters is what it costs when nobody looks: one word of shared
 * memory.  Whoever looks says so again and again, for two seconds each, so a
 * worker that dies while it looks leaves nothing behind.
 *
 * A line is made if it passes the filter of somebody who looks and has lines
 * left to spend: each may have NGX_ER_TAIL_RATE a second, for that is what can
 * be read, and what a tail may cost at full throughput.  What it had none left
 * for is counted, and told as skipped.
 *
 * A line that nobody fetched in time is overwritten: nobody ever waits for a
 * reader.  Texts are cut to what a line has room for.  The ring survives
 * reload, as the zone does.  What may fail is memory: then a line is missing.
 */


#include "tail.h"
#include "api.h"
#include "log.h"
#include "log_variables.h"


#define NGX_ER_TAIL_POOL   4096
#define NGX_ER_TAIL_LONG   128         /* bytes of a text that are shown */
#define NGX_ER_TAIL_SHORT  64
#define NGX_ER_TAIL_ZONE   (sizeof(ngx_er_tail_sh_t) + 64 * 1024)


static ngx_int_t ngx_er_tail_zone(ngx_shm_zone_t *zone, void *data);
static void ngx_er_tail_of(ngx_er_tail_filter_t *of, ngx_er_tail_kind_e kind,
    ngx_er_event_t *event, ngx_er_target_t *target);
static ngx_er_json_t *ngx_er_tail_begin(ngx_er_tail_filter_t *of,
    ngx_er_event_t *event);
static ngx_uint_t ngx_er_tail_chosen(ngx_er_tail_filter_t *of,
    ngx_er_event_t *event);
static void ngx_er_tail_type(ngx_er_tail_filter_t *of,
    ngx_er_event_t *event);
static void ngx_er_tail_text(ngx_er_json_t *json, const char *name,
    ngx_str_t *text);
static void ngx_er_tail_tell_event(ngx_er_json_t *json,
    ngx_er_event_t *event);
static void ngx_er_tail_number(ngx_er_json_t *json, uint64_t seq);
static void ngx_er_tail_result(ngx_er_json_t *json, const char *result);
static void ngx_er_tail_end(ngx_er_json_t *json, ngx_er_tail_filter_t *of);
static ngx_uint_t ngx_er_tail_passes(ngx_er_tail_filter_t *filter,
    ngx_er_tail_filter_t *of);


/* by ngx_er_tail_kind_e */

static const char  *ngx_er_tail_kinds[] = {
    "", "event", "attempt", "delivery", "refusal", "act"
};


ngx_er_tail_sh_t  *ngx_er_tail;

/* the worker's */

static ngx_slab_pool_t  *ngx_er_tail_slab;
static ngx_pool_t       *ngx_er_tail_pool;     /* of the line that is made */
static ngx_er_json_t     ngx_er_tail_json;


ngx_int_t
ngx_er_tail_add(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("ngx_event_router_tail");

    zone = ngx_shared_memory_add(cf, &name,
                                 ngx_align(NGX_ER_TAIL_ZONE, ngx_pagesize),
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_tail_zone;
    mcf->tail = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_er_tail_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t   *slab;
    ngx_er_tail_sh_t  *sh;

    slab = (ngx_slab_pool_t *) zone->shm.addr;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = slab->data;
        return NGX_OK;
    }

    sh = ngx_slab_alloc(slab, sizeof(ngx_er_tail_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->until = ngx_current_msec;
    sh->next = 0;
    sh->n = 0;

    ngx_memzero(sh->lookers, sizeof(sh->lookers));

    slab->data = sh;
    zone->data = sh;

    return NGX_OK;
}


void
ngx_er_tail_init_worker(ngx_er_main_conf_t *mcf)
{
    ngx_er_tail = NULL;
    ngx_er_tail_pool = NULL;

    if (mcf && mcf->tail) {
        ngx_er_tail = mcf->tail->data;
        ngx_er_tail_slab = (ngx_slab_pool_t *) mcf->tail->shm.addr;
    }
}


void
ngx_er_tail_event(ngx_er_event_t *event, const char *result)
{
    ngx_er_json_t         *json;
    ngx_er_tail_filter_t   of;

    if (!ngx_er_tail_wanted()) {
        return;
    }

    ngx_er_tail_of(&of, NGX_ER_TAIL_EVENT, event, NULL);
    json = ngx_er_tail_begin(&of, event);

    if (json) {
        ngx_er_tail_tell_event(json, event);
        ngx_er_tail_result(json, result);

        if (event->request) {
            ngx_er_json_number(json, "ms", ngx_er_log_since(event->request));
        }

        ngx_er_tail_text(json, "routes", &event->route_names);
        ngx_er_log_json_trace(json, event, NULL);
        ngx_er_tail_end(json, &of);
    }
}


void
ngx_er_tail_attempt(ngx_er_attempt_t *attempt, const char *result)
{
    ngx_er_json_t         *json;
    ngx_er_tail_filter_t   of;

    if (!ngx_er_tail_wanted()) {
        return;
    }

    ngx_er_tail_of(&of, NGX_ER_TAIL_ATTEMPT, attempt->event, attempt->target);
    json = ngx_er_tail_begin(&of, attempt->event);

    if (json) {
        ngx_er_tail_tell_event(json, attempt->event);
        ngx_er_json_text(json, "target", &attempt->target->name, 0);
        ngx_er_tail_result(json, result);
        ngx_er_json_word(json, "verdict",
                         ngx_er_verdict_name(attempt->verdict));
        ngx_er_json_number(json, "attempt", attempt->number);
        ngx_er_json_number(json, "status", attempt->status);
        ngx_er_json_number(json, "ms", attempt->ms);
        ngx_er_tail_text(json, "routes", &attempt->routes);
        ngx_er_log_json_trace(json, attempt->event, attempt);
        ngx_er_tail_end(json, &of);
    }
}


void
ngx_er_tail_delivery(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, const char *result, const char *reason)
{
    ngx_er_json_t         *json;
    ngx_er_tail_filter_t   of;

    if (!ngx_er_tail_wanted()) {
        return;
    }

    ngx_er_tail_of(&of, NGX_ER_TAIL_DELIVERY, event, target);
    json = ngx_er_tail_begin(&of, event);

    if (json) {
        if (event) {
            ngx_er_tail_tell_event(json, event);
        }

        if (seq && (event == NULL || event->number == 0)) {
            ngx_er_tail_number(json, seq);
        }

        ngx_er_json_text(json, "target", &target->name, 0);
        ngx_er_tail_result(json, result);

        if (reason) {
            ngx_er_json_word(json, "reason", reason);
        }

        if (event) {
            ngx_er_tail_text(json, "routes", &event->route_names);
            ngx_er_log_json_trace(json, event, NULL);
        }

        ngx_er_tail_end(json, &of);
    }
}


void
ngx_er_tail_refusal(ngx_er_source_t *source, ngx_http_request_t *r,
    const char *result, ngx_uint_t status, const char *by, const char *why)
{
    ngx_er_json_t         *json;
    ngx_er_tail_filter_t   of;

    if (!ngx_er_tail_wanted()) {
        return;
    }

    ngx_er_tail_of(&of, NGX_ER_TAIL_REFUSAL, NULL, NULL);
    of.source = source->hash;

    json = ngx_er_tail_begin(&of, NULL);

    if (json) {
        ngx_er_json_text(json, "source", &source->name, 0);
        ngx_er_tail_result(json, result);
        ngx_er_json_number(json, "status", status);
        ngx_er_json_number(json, "ms", ngx_er_log_since(r));
        ngx_er_tail_text(json, "address", &r->connection->addr_text);

        if (by) {
            ngx_er_json_word(json, "refused_by", by);
        }

        if (why) {
            ngx_er_json_word(json, "why", why);
            ngx_er_json_word(json, "reason", why);
        }

        ngx_er_tail_end(json, &of);
    }
}


void
ngx_er_tail_act(ngx_er_who_t *who, const char *act, ngx_str_t *noun,
    ngx_str_t *text)
{
    ngx_er_json_t         *json;
    ngx_er_tail_filter_t   of;

    if (!ngx_er_tail_wanted()) {
        return;
    }

    ngx_er_tail_of(&of, NGX_ER_TAIL_ACT, NULL, NULL);

    /* a source and a target may have the same name */

    of.source = noun ? ngx_er_hash64(noun) : 0;
    of.target = of.source;

    json = ngx_er_tail_begin(&of, NULL);

    if (json) {
        ngx_er_json_word(json, "act", act);

        if (noun) {
            ngx_er_tail_text(json, "noun", noun);
        }

        ngx_er_tail_text(json, "what", text);
        ngx_er_tail_text(json, "token", &who->token);
        ngx_er_tail_text(json, "certificate", &who->subject);
        ngx_er_tail_text(json, "user", &who->user);
        ngx_er_tail_text(json, "address", &who->address);
        ngx_er_tail_text(json, "text", text);
        ngx_er_log_json_who(json, who);
        ngx_er_tail_end(json, &of);
    }
}


static void
ngx_er_tail_of(ngx_er_tail_filter_t *of, ngx_er_tail_kind_e kind,
    ngx_er_event_t *event, ngx_er_target_t *target)
{
    of->kind = kind;
    of->source = event ? event->source->hash : 0;
    of->target = target ? target->hash : 0;
    of->type = 0;
}


/* NULL: nobody wants it, or there is no memory */

static ngx_er_json_t *
ngx_er_tail_begin(ngx_er_tail_filter_t *of, ngx_er_event_t *event)
{
    ngx_er_json_t  *json;

    if (!ngx_er_tail_chosen(of, event)) {
        return NULL;
    }

    ngx_er_tail_type(of, event);

    if (ngx_er_tail_pool == NULL) {
        ngx_er_tail_pool = ngx_create_pool(NGX_ER_TAIL_POOL, ngx_cycle->log);

        if (ngx_er_tail_pool == NULL) {
            return NULL;
        }
    }

    json = &ngx_er_tail_json;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router tail: a line, %s",
                   ngx_er_tail_kinds[of->kind]);

    ngx_er_json_begin(json, ngx_er_tail_pool, NGX_ER_TAIL_TEXT);
    ngx_er_json_open(json, NULL, "{");
    ngx_er_api_when(json, "time", ngx_er_queue_now());
    ngx_er_json_word(json, "kind", ngx_er_tail_kinds[of->kind]);

    return json;
}


/* 1: somebody wants it.  Whoever has no line left to spend misses it, unless
   another one has: then it is there */

static ngx_uint_t
ngx_er_tail_chosen(ngx_er_tail_filter_t *of, ngx_er_event_t *event)
{
    ngx_uint_t             i, chosen;
    ngx_atomic_int_t       left;
    ngx_er_tail_looker_t  *looker;

    chosen = 0;

    for (i = 0; i < ngx_er_tail->n; i++) {
        looker = &ngx_er_tail->lookers[i];

        if (!looker->used
            || (ngx_msec_int_t) (looker->until - ngx_current_msec) <= 0)
        {
            continue;
        }

        if (looker->filter.type) {
            ngx_er_tail_type(of, event);
        }

        if (!ngx_er_tail_passes(&looker->filter, of)) {
            continue;
        }

        left = (ngx_atomic_int_t) looker->left;

        if (left > 0) {
            (void) ngx_atomic_fetch_add(&looker->left, -1);
            chosen = 1;

        } else {
            (void) ngx_atomic_fetch_add(&looker->missed, 1);
        }
    }

    return chosen;
}


/* a hash that most lines are never asked for */

static void
ngx_er_tail_type(ngx_er_tail_filter_t *of, ngx_er_event_t *event)
{
    if (of->type == 0 && event && event->type.len) {
        of->type = ngx_er_hash64(&event->type);
    }
}


/* safe already: an attribute, or a name of nginx.conf */

static void
ngx_er_tail_text(ngx_er_json_t *json, const char *name, ngx_str_t *text)
{
    if (text->len) {
        ngx_er_json_text(json, name, text, NGX_ER_TAIL_LONG);
    }
}


static void
ngx_er_tail_tell_event(ngx_er_json_t *json, ngx_er_event_t *event)
{
    ngx_er_json_text(json, "source", &event->source->name, 0);
    ngx_er_json_text(json, "id", &event->id, NGX_ER_TAIL_LONG);
    ngx_er_tail_text(json, "type", &event->type);

    if (event->subject.len) {
        ngx_er_json_text(json, "subject", &event->subject, NGX_ER_TAIL_SHORT);
    }

    if (event->number) {
        ngx_er_tail_number(json, event->number);
    }
}


/* as the lists of the API call it, and as event_log does */

static void
ngx_er_tail_number(ngx_er_json_t *json, uint64_t seq)
{
    ngx_er_api_seq(json, "event", seq);
    ngx_er_api_seq(json, "number", seq);
}


/* the same */

static void
ngx_er_tail_result(ngx_er_json_t *json, const char *result)
{
    ngx_er_json_word(json, "result", result);
    ngx_er_json_word(json, "outcome", result);
}


/* one that is too long all the same is left out */

static void
ngx_er_tail_end(ngx_er_json_t *json, ngx_er_tail_filter_t *of)
{
    ngx_str_t            text;
    ngx_er_tail_line_t  *line;

    ngx_er_json_close(json, "}\n");

    if (ngx_er_json_end(json, &text) == NGX_OK
        && text.len <= NGX_ER_TAIL_TEXT)
    {
        ngx_shmtx_lock(&ngx_er_tail_slab->mutex);

        line = &ngx_er_tail->lines[ngx_er_tail->next++ % NGX_ER_TAIL_LINES];

        line->of = *of;
        line->len = text.len;
        ngx_memcpy(line->text, text.data, text.len);

        ngx_shmtx_unlock(&ngx_er_tail_slab->mutex);
    }

    ngx_reset_pool(ngx_er_tail_pool);
}


ngx_er_tail_kind_e
ngx_er_tail_kind(ngx_str_t *word)
{
    ngx_uint_t  i;

    for (i = NGX_ER_TAIL_EVENT; i <= NGX_ER_TAIL_ACT; i++) {
        if (ngx_strlen(ngx_er_tail_kinds[i]) == word->len
            && ngx_strncmp(ngx_er_tail_kinds[i], word->data, word->len) == 0)
        {
            return i;
        }
    }

    return NGX_ER_TAIL_ANY;
}


ngx_er_tail_looker_t *
ngx_er_tail_open(ngx_er_tail_filter_t *filter, uint64_t *pos)
{
    ngx_uint_t             i;
    ngx_er_tail_looker_t  *looker;

    if (ngx_er_tail == NULL) {
        return NULL;
    }

    looker = NULL;

    ngx_shmtx_lock(&ngx_er_tail_slab->mutex);

    for (i = 0; i < NGX_ER_TAIL_LOOKERS; i++) {
        looker = &ngx_er_tail->lookers[i];

        /* one whose worker died has not looked for long */

        if (!looker->used
            || (ngx_msec_int_t) (looker->until - ngx_current_msec)
               < -NGX_ER_TAIL_GONE)
        {
            break;
        }
    }

    if (i == NGX_ER_TAIL_LOOKERS) {
        ngx_shmtx_unlock(&ngx_er_tail_slab->mutex);
        return NULL;
    }

    looker->filter = *filter;
    looker->until = ngx_current_msec + NGX_ER_TAIL_ALIVE;
    looker->at = ngx_current_msec;
    looker->left = NGX_ER_TAIL_BURST;
    looker->missed = 0;
    looker->used = 1;

    ngx_er_tail->n = ngx_max(ngx_er_tail->n, i + 1);
    ngx_er_tail->until = looker->until;
    *pos = ngx_er_tail->next;

    ngx_shmtx_unlock(&ngx_er_tail_slab->mutex);

    return looker;
}


void
ngx_er_tail_look(ngx_er_tail_looker_t *looker)
{
    ngx_msec_t        ms;
    ngx_atomic_int_t  more;

    ms = ngx_current_msec - looker->at;
    more = (ngx_atomic_int_t) (ms * NGX_ER_TAIL_RATE / 1000);
    more = ngx_min(more, NGX_ER_TAIL_BURST - (ngx_atomic_int_t) looker->left);

    if (more > 0) {
        (void) ngx_atomic_fetch_add(&looker->left, more);
    }

    looker->at = ngx_current_msec;
    looker->until = ngx_current_msec + NGX_ER_TAIL_ALIVE;
    ngx_er_tail->until = looker->until;
}


void
ngx_er_tail_close(ngx_er_tail_looker_t *looker)
{
    looker->used = 0;
}


size_t
ngx_er_tail_read(ngx_er_tail_looker_t *looker, uint64_t *pos, u_char *buf,
    size_t size, ngx_uint_t *skipped)
{
    size_t               len;
    uint64_t             first;
    ngx_er_tail_line_t  *line;

    len = 0;
    *skipped = looker->missed;

    (void) ngx_atomic_fetch_add(&looker->missed,
                                - (ngx_atomic_int_t) *skipped);

    ngx_shmtx_lock(&ngx_er_tail_slab->mutex);

    first = (ngx_er_tail->next > NGX_ER_TAIL_LINES)
            ? ngx_er_tail->next - NGX_ER_TAIL_LINES : 0;

    if (*pos < first) {
        *skipped += first - *pos;
        *pos = first;
    }

    for ( /* void */ ; *pos < ngx_er_tail->next; (*pos)++) {
        line = &ngx_er_tail->lines[*pos % NGX_ER_TAIL_LINES];

        if (!ngx_er_tail_passes(&looker->filter, &line->of)) {
            continue;
        }

        if (len + line->len > size) {
            break;
        }

        ngx_memcpy(buf + len, line->text, line->len);
        len += line->len;
    }

    ngx_shmtx_unlock(&ngx_er_tail_slab->mutex);

    return len;
}


static ngx_uint_t
ngx_er_tail_passes(ngx_er_tail_filter_t *filter, ngx_er_tail_filter_t *of)
{
    return (filter->kind == NGX_ER_TAIL_ANY || filter->kind == of->kind)
           && (filter->source == 0 || filter->source == of->source)
           && (filter->target == 0 || filter->target == of->target)
           && (filter->type == 0 || filter->type == of->type);
}
