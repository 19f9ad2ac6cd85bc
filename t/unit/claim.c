
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Claims (store/dedup.c) with stand-ins for Redis and shared memory, which
 * write down what they are asked: answers that are late, lost, unexpected or
 * come when nobody waits any more, and that every claim that was given is
 * given back.
 */


#include "tap.h"

#include "../../ngx_event_router_module/store/dedup.c"
#include "posted.h"


ngx_uint_t                 ngx_process;
ngx_queue_t                ngx_posted_events;
ngx_rbtree_t               ngx_event_timer_rbtree;

static ngx_rbtree_node_t   sentinel;
static ngx_er_main_conf_t  mcf;
static ngx_er_dedup_t      dedup;
static ngx_er_claim_t     *claim;
static char                said[512];   /* what the stand-ins were asked */
static ngx_uint_t          called;      /* the handler */
static ngx_uint_t          ended;       /* "finished" */

static ngx_uint_t          away;        /* Redis refuses */
static ngx_int_t           memory_rc;
static ngx_er_claim_result_e  memory_result;
static ngx_uint_t          consulted;   /* memory knows better */
static uint64_t            known;       /* and knows that target, 0: none */


static void
say(const char *what)
{
    if (strlen(said) + strlen(what) + 2 < sizeof(said)) {
        strcat(said, *said ? " " : "");
        strcat(said, what);
    }
}


ngx_int_t
ngx_er_redis_store_run(ngx_er_redis_store_t *store, ngx_er_claim_t *c,
    ngx_er_verb_e verb)
{
    char         what[32];
    uint64_t    *target;
    ngx_uint_t   i;
    const char  *names[] = { "CLAIM", "SETTLE", "FINALIZE", "RELEASE", "DIE",
                             "LIVE" };

    target = c->settled.elts;
    strcpy(what, names[verb]);

    for (i = c->told; i < c->settled.nelts; i++) {
        sprintf(what + strlen(what), "%c%d", i == c->told ? ':' : ',',
                (int) target[i]);
    }

    say(what);

    if (away) {
        return NGX_DECLINED;
    }

    c->commands++;

    return NGX_OK;
}


ngx_int_t
ngx_er_memory_claim(ngx_er_memory_t *memory, ngx_er_claim_t *c)
{
    say("claim");
    c->result = memory_result;
    c->attempts = 1;
    return memory_rc;
}


ngx_int_t
ngx_er_memory_settle(ngx_er_memory_t *memory, ngx_er_claim_t *c,
    uint64_t target)
{
    say("settle");
    return memory_rc;
}


ngx_int_t
ngx_er_memory_finalize(ngx_er_memory_t *memory, ngx_er_claim_t *c)
{
    say("finalize");
    return memory_rc;
}


ngx_int_t
ngx_er_memory_release(ngx_er_memory_t *memory, ngx_er_claim_t *c)
{
    say("release");
    return memory_rc;
}


void
ngx_er_memory_hold(ngx_er_memory_t *memory, ngx_er_claim_t *c)
{
    say("hold");
}


void
ngx_er_memory_consult(ngx_er_memory_t *memory, ngx_er_claim_t *c)
{
    uint64_t  *target;

    say("consult");

    if (consulted) {
        c->result = memory_result;
    }

    if (known) {
        target = ngx_array_push(&c->settled);
        *target = known;
    }
}


/* of the directives, which claims do not need */

void ngx_cdecl
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t error,
    const char *fmt, ...)
{
    abort();
}


u_char *
ngx_er_memory_secret(ngx_er_memory_t *memory)
{
    return (u_char *) "secret";
}


ngx_er_memory_t *
ngx_er_memory_create(ngx_conf_t *cf, size_t size)
{
    abort();
}


ngx_er_queue_t *
ngx_er_file_queue_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    abort();
}


ngx_er_queue_t *
ngx_er_redis_queue_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    abort();
}


ngx_er_redis_store_t *
ngx_er_redis_store_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    abort();
}


void
ngx_er_redis_store_beside(ngx_er_redis_store_t *store, ngx_uint_t rates)
{
}


ngx_int_t
ngx_er_redis_store_open(ngx_er_redis_store_t *store, ngx_cycle_t *cycle,
    ngx_er_redis_task_pt answer, void (*down)(void *d), void *data)
{
    abort();
}


ngx_uint_t
ngx_er_redis_store_up(ngx_er_redis_store_t *store)
{
    return 1;
}


void
ngx_er_redis_store_close(ngx_er_redis_store_t *store)
{
    say("close");
}


static void
handler(ngx_er_claim_t *c)
{
    called++;
}


static void
finished(ngx_er_claim_t *c)
{
    ended++;
}


static void
create(ngx_er_on_error_e on_error)
{
    claim = ngx_er_claim_create(&dedup, &ngx_er_test_log);

    claim->on_error = on_error;
    claim->handler = handler;
    claim->finished = finished;
}


/* with Redis as the store, asked */

static void
begin(ngx_er_on_error_e on_error)
{
    *said = '\0';
    called = 0;
    ended = 0;
    away = 0;
    memory_rc = NGX_OK;
    memory_result = NGX_ER_CLAIM_NEW;
    consulted = 0;
    known = 0;
    dedup.redis = (ngx_er_redis_store_t *) &dedup;

    create(on_error);
    ngx_er_claim(claim);
}


/* Redis answers; the claim may be gone then */

static void
answer(ngx_er_verb_e verb, ngx_int_t rc)
{
    claim->commands--;
    ngx_er_claim_answer(claim, verb, rc);
}


static void
given(ngx_er_claim_result_e result)
{
    claim->result = result;
    claim->attempts = 1;
    answer(NGX_ER_VERB_CLAIM, NGX_OK);
}


static void
asked(const char *want, const char *name)
{
    if (!ok(strcmp(said, want) == 0, "%s", name)) {
        diag("got \"%s\", expected \"%s\"", said, want);
    }

    *said = '\0';
}


/* so many ms go by */

static void
later(ngx_msec_t ms)
{
    ngx_current_msec += ms;

    if (dedup.timer.timer_set
        && (ngx_msec_int_t) (dedup.timer.timer.key - ngx_current_msec) <= 0)
    {
        ngx_del_timer(&dedup.timer);
        dedup.timer.handler(&dedup.timer);
    }
}


/* nobody has anything in hand any more */

static void
over(const char *name)
{
    turn();
    ok(ngx_queue_empty(&dedup.live) && ngx_queue_empty(&dedup.waiting),
       "%s: no claim is left", name);
}


static void
test_token(void)
{
    u_char  first[16];

    begin(NGX_ER_ON_ERROR_LOCAL);
    ngx_memcpy(first, claim->token, 16);
    given(NGX_ER_CLAIM_DUPLICATE);
    turn();
    ngx_er_claim_done(claim);

    begin(NGX_ER_ON_ERROR_LOCAL);
    ok(memcmp(first, claim->token, 16) != 0, "each claim has its own token");
    given(NGX_ER_CLAIM_DUPLICATE);
    turn();
    ngx_er_claim_done(claim);
}


static void
test_given(void)
{
    begin(NGX_ER_ON_ERROR_LOCAL);
    asked("CLAIM", "Redis is asked");
    given(NGX_ER_CLAIM_NEW);
    is_int(called, 0, "never called from inside");
    asked("consult", "memory is asked as well");
    turn();
    is_int(called, 1, "the handler is called once");

    ngx_er_claim_settle(claim, 1);
    ngx_er_claim_settle(claim, 2);
    asked("", "targets that are settled wait for the end");

    ngx_er_claim_finalize(claim);
    asked("FINALIZE:1,2", "which tells Redis of them, too");
    is_int(ended, 0, "not before Redis has answered");
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    turn();
    is_int(ended, 1, "finished");
    ok(!claim->fenced && !claim->lost, "neither fenced nor lost");
    ngx_er_claim_done(claim);
    asked("", "nothing else was asked");
    over("finalized");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_DUPLICATE);
    turn();
    asked("CLAIM", "who knows a duplicate asks nobody else");
    ngx_er_claim_done(claim);
    over("duplicate");
}


/* a target that answered long before the last one is known to Redis by then */

static void
test_wait(void)
{
    ngx_er_claim_t  *first, *second;

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    *said = '\0';

    ngx_er_claim_settle(claim, 1);
    later(NGX_ER_CLAIM_WAIT - 1);
    ngx_er_claim_settle(claim, 2);
    asked("", "they wait");
    later(1);
    asked("SETTLE:1,2", "then Redis is told of all in one command");
    later(1000);
    asked("", "once");

    ngx_er_claim_settle(claim, 3);
    ngx_er_claim_release(claim);
    asked("RELEASE:3", "the end takes what has come since");
    answer(NGX_ER_VERB_SETTLE, NGX_OK);
    answer(NGX_ER_VERB_RELEASE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    later(1000);
    over("they waited");

    /* one that is told of does not hold up another one's turn */

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    first = claim;
    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    second = claim;
    *said = '\0';

    ngx_er_claim_settle(first, 1);
    later(3);
    ngx_er_claim_settle(second, 2);
    later(NGX_ER_CLAIM_WAIT - 3);
    asked("SETTLE:1", "the first one's time is over");
    later(3);
    asked("SETTLE:2", "then the second one's");

    claim = first;
    ngx_er_claim_finalize(claim);
    answer(NGX_ER_VERB_SETTLE, NGX_OK);
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    claim = second;
    ngx_er_claim_done(claim);
    answer(NGX_ER_VERB_SETTLE, NGX_OK);
    over("one after the other");

    /* a claim that has no end: it was fenced, or its optional targets go on */

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    *said = '\0';
    ngx_er_claim_settle(claim, 1);
    ngx_er_claim_done(claim);
    asked("SETTLE:1", "who goes without an end tells Redis at once");
    answer(NGX_ER_VERB_SETTLE, NGX_DECLINED);
    over("without an end");

    /* what Redis knew is not told again */

    begin(NGX_ER_ON_ERROR_LOCAL);
    *(uint64_t *) ngx_array_push(&claim->settled) = 8;
    given(NGX_ER_CLAIM_RESUME);
    turn();
    *said = '\0';
    ngx_er_claim_settle(claim, 9);
    ngx_er_claim_finalize(claim);
    asked("FINALIZE:9", "what Redis has said it is not told");
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    over("resumed");

    /* a worker that is stopped */

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    *said = '\0';
    ngx_er_claim_settle(claim, 1);
    mcf.dedup = &dedup;
    ngx_er_dedup_exit_worker((ngx_cycle_t *) ngx_cycle, &mcf);
    asked("SETTLE:1 close", "who is stopped tells what waits");
    ngx_er_claim_done(claim);
    answer(NGX_ER_VERB_SETTLE, NGX_ERROR);
    over("stopped");
    dedup.spare.closed = 0;
}


static void
test_mark(void)
{
    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_DUPLICATE);
    turn();
    ngx_er_claim_done(claim);

    create(NGX_ER_ON_ERROR_LOCAL);
    *said = '\0';
    ngx_er_claim_die(claim, 5);
    asked("DIE:5", "it died for a target");
    answer(NGX_ER_VERB_DIE, NGX_OK);
    turn();
    is_int(ended, 1, "the caller hears of it");
    ok(!claim->lost, "that Redis knows");
    ngx_er_claim_done(claim);
    over("died");

    create(NGX_ER_ON_ERROR_LOCAL);
    ngx_er_claim_live(claim, 6);
    ngx_er_claim_done(claim);
    asked("LIVE:6", "it lives again");
    answer(NGX_ER_VERB_LIVE, NGX_OK);
    over("lives");
}


/* memory knows what Redis was not told in an outage */

static void
test_consult(void)
{
    begin(NGX_ER_ON_ERROR_LOCAL);
    consulted = 1;
    memory_result = NGX_ER_CLAIM_DUPLICATE;
    given(NGX_ER_CLAIM_NEW);
    asked("CLAIM consult FINALIZE", "Redis is told that it was done");
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    turn();
    is_int(called, 1, "the handler is called");
    is_int(ended, 0, "the end is nobody's business");
    is_int(claim->result, NGX_ER_CLAIM_DUPLICATE, "with a duplicate");
    ngx_er_claim_done(claim);
    over("done elsewhere");

    begin(NGX_ER_ON_ERROR_LOCAL);
    consulted = 1;
    memory_result = NGX_ER_CLAIM_BUSY;
    given(NGX_ER_CLAIM_NEW);
    asked("CLAIM consult RELEASE", "busy here: what Redis gave is released");
    answer(NGX_ER_VERB_RELEASE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    over("busy");

    begin(NGX_ER_ON_ERROR_LOCAL);
    consulted = 1;
    memory_result = NGX_ER_CLAIM_RESUME;
    known = 7;
    given(NGX_ER_CLAIM_NEW);
    asked("CLAIM consult SETTLE:7", "Redis hears of what was settled");
    answer(NGX_ER_VERB_SETTLE, NGX_OK);
    turn();
    ngx_er_claim_release(claim);
    answer(NGX_ER_VERB_RELEASE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    over("resumed");
}


/* the caller is gone; what comes then is released at once */

static void
test_late(void)
{
    begin(NGX_ER_ON_ERROR_LOCAL);
    ngx_er_claim_done(claim);
    *said = '\0';
    given(NGX_ER_CLAIM_NEW);
    asked("consult RELEASE", "a claim that came too late is released");
    answer(NGX_ER_VERB_RELEASE, NGX_OK);
    is_int(called + ended, 0, "and nobody is called");
    over("late");

    begin(NGX_ER_ON_ERROR_LOCAL);
    ngx_er_claim_done(claim);
    answer(NGX_ER_VERB_CLAIM, NGX_ERROR);
    asked("CLAIM", "one that failed is nobody's");
    over("late and failed");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    *said = '\0';
    ngx_er_claim_done(claim);
    asked("RELEASE", "given, not seen and forgotten: it is released");
    is_int(called, 0, "without a call");
    answer(NGX_ER_VERB_RELEASE, NGX_OK);
    over("unseen");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_done(claim);
    over("forgotten without an end");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_BUSY);
    *said = '\0';
    ngx_er_claim_done(claim);
    asked("", "what was not given is not released");
    over("unseen and busy");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_settle(claim, 1);
    later(NGX_ER_CLAIM_WAIT);
    ngx_er_claim_finalize(claim);
    ngx_er_claim_done(claim);
    answer(NGX_ER_VERB_SETTLE, NGX_OK);
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    is_int(ended, 0, "answers after the caller went");
    over("done before the answers");
}


static void
test_away(void)
{
    ngx_uint_t         i;
    ngx_er_on_error_e  on_error;

    for (i = 0; i < 6; i++) {
        on_error = i % 3;

        begin(on_error);

        if (i < 3) {
            answer(NGX_ER_VERB_CLAIM, NGX_ERROR);

        } else {
            claim->commands--;
            ngx_er_claim_done(claim);
            turn();

            create(on_error);
            *said = '\0';
            called = 0;
            away = 1;
            ngx_er_claim(claim);
        }

        turn();
        is_int(called, 1, "Redis is away, %d: an answer all the same",
               (int) i);

        switch (on_error) {

        case NGX_ER_ON_ERROR_LOCAL:
            asked("CLAIM claim", "local: memory stands in");
            is_int(claim->mode, NGX_ER_DEDUP_LOCAL, "and says so");
            ngx_er_claim_settle(claim, 1);
            ngx_er_claim_finalize(claim);
            asked("settle finalize", "to the end");
            turn();
            is_int(ended, 1, "which comes");
            break;

        case NGX_ER_ON_ERROR_OPEN:
            asked("CLAIM", "open: nobody stands in");
            is_int(claim->result, NGX_ER_CLAIM_NEW, "it is delivered");
            is_int(claim->mode, NGX_ER_DEDUP_NONE, "without dedup");
            ngx_er_claim_settle(claim, 1);
            ngx_er_claim_release(claim);
            asked("", "and nobody is told");
            turn();
            is_int(ended, 1, "the end comes all the same");
            break;

        default:
            asked("CLAIM", "closed: nobody stands in");
            is_int(claim->result, NGX_ER_CLAIM_UNAVAILABLE, "it is refused");
            ok(claim->retry_ms > 0, "for a while");
        }

        ngx_er_claim_done(claim);
        over("away");
    }

    /* what Redis may have said before counts no more */

    begin(NGX_ER_ON_ERROR_OPEN);
    (void) ngx_array_push(&claim->settled);
    answer(NGX_ER_VERB_CLAIM, NGX_ERROR);
    turn();
    is_int(claim->settled.nelts, 0, "nothing is taken for settled");
    ngx_er_claim_done(claim);
    over("half an answer");
}


/* Redis goes while claims are under way: memory takes them over */

static void
test_outage(void)
{
    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    *said = '\0';
    ngx_er_claim_down(&dedup);
    ngx_er_claim_down(&dedup);
    asked("hold", "it is held once");
    away = 1;
    ngx_er_claim_settle(claim, 1);
    asked("settle", "a settled target is in memory at once");
    ngx_er_claim_finalize(claim);
    asked("finalize FINALIZE:1 finalize", "and the end");
    turn();
    is_int(ended, 1, "which comes");
    ok(claim->lost, "Redis does not know");
    ngx_er_claim_done(claim);
    over("outage");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_settle(claim, 1);
    *said = '\0';
    ngx_er_claim_down(&dedup);
    asked("hold", "memory gets a target that waits");
    later(NGX_ER_CLAIM_WAIT);
    asked("SETTLE:1", "and Redis, if it is back so soon");
    answer(NGX_ER_VERB_SETTLE, NGX_OK);
    ngx_er_claim_finalize(claim);
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    over("away while it waits");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    *said = '\0';
    away = 1;
    ngx_er_claim_settle(claim, 1);
    asked("", "a target waits");
    later(NGX_ER_CLAIM_WAIT);
    asked("SETTLE:1 hold", "memory takes over at the first failure");
    ngx_er_claim_settle(claim, 2);
    asked("settle", "and is told of the next one at once");
    ngx_er_claim_release(claim);
    asked("release RELEASE:1,2 release", "and the end");
    turn();
    is_int(ended, 1, "which comes");
    ngx_er_claim_done(claim);
    over("refused");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    *said = '\0';
    ngx_er_claim_settle(claim, 4);
    ngx_er_claim_finalize(claim);
    answer(NGX_ER_VERB_FINALIZE, NGX_ERROR);
    asked("FINALIZE:4 hold finalize", "an end that got lost is in memory");
    turn();
    ok(claim->lost, "and the caller hears of it");
    is_int(ended, 1, "once");
    ngx_er_claim_done(claim);
    over("lost end");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_settle(claim, 1);
    later(NGX_ER_CLAIM_WAIT);
    ngx_er_claim_finalize(claim);
    answer(NGX_ER_VERB_FINALIZE, NGX_OK);
    *said = '\0';
    answer(NGX_ER_VERB_SETTLE, NGX_ERROR);
    asked("hold finalize", "a target that got lost comes behind the end");
    turn();
    ngx_er_claim_done(claim);
    over("lost target behind the end");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_settle(claim, 1);
    later(NGX_ER_CLAIM_WAIT);
    *said = '\0';
    answer(NGX_ER_VERB_SETTLE, NGX_ERROR);
    asked("hold", "a target that got lost before it is kept");
    ngx_er_claim_release(claim);
    answer(NGX_ER_VERB_RELEASE, NGX_OK);
    turn();
    ngx_er_claim_done(claim);
    over("lost target");
}


static void
test_fenced(void)
{
    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_settle(claim, 1);
    later(NGX_ER_CLAIM_WAIT);
    answer(NGX_ER_VERB_SETTLE, NGX_DECLINED);
    ok(claim->fenced, "fenced at a target");
    ngx_er_claim_release(claim);
    answer(NGX_ER_VERB_RELEASE, NGX_DECLINED);
    turn();
    is_int(ended, 1, "the end comes");
    ngx_er_claim_done(claim);
    over("fenced at a target");

    begin(NGX_ER_ON_ERROR_LOCAL);
    given(NGX_ER_CLAIM_NEW);
    turn();
    ngx_er_claim_down(&dedup);
    *said = '\0';
    ngx_er_claim_finalize(claim);
    answer(NGX_ER_VERB_FINALIZE, NGX_DECLINED);
    asked("finalize FINALIZE", "fenced: memory is not told again");
    turn();
    ok(claim->fenced, "fenced at the end");
    ok(!claim->lost, "which is known");
    ngx_er_claim_done(claim);
    over("fenced at the end");

    /* in memory, too */

    begin(NGX_ER_ON_ERROR_LOCAL);
    answer(NGX_ER_VERB_CLAIM, NGX_ERROR);
    turn();
    memory_rc = NGX_DECLINED;
    ngx_er_claim_settle(claim, 1);
    ok(claim->fenced, "fenced in memory");
    ngx_er_claim_finalize(claim);
    turn();
    is_int(ended, 1, "the end comes");
    ngx_er_claim_done(claim);
    over("fenced in memory");
}


static void
test_memory(void)
{
    ngx_uint_t  closed;

    for (closed = 0; closed < 2; closed++) {
        begin(NGX_ER_ON_ERROR_LOCAL);
        claim->commands--;
        ngx_er_claim_done(claim);

        dedup.redis = NULL;
        memory_rc = NGX_ERROR;
        *said = '\0';
        called = 0;

        create(closed ? NGX_ER_ON_ERROR_CLOSED : NGX_ER_ON_ERROR_LOCAL);
        ngx_er_claim(claim);
        is_int(called, 0, "memory: never called from inside");
        turn();
        is_int(called, 1, "memory is full: an answer all the same");
        is_int(claim->mode, NGX_ER_DEDUP_NONE, "without dedup");
        is_int(claim->result, closed ? NGX_ER_CLAIM_UNAVAILABLE
                                     : NGX_ER_CLAIM_NEW,
               closed ? "closed: refused" : "local: delivered");
        ngx_er_claim_done(claim);
        over("memory is full");
    }
}


/* who else finds the keys again must not need it */

static void
test_secret(void)
{
    ngx_er_dedup_t   d;
    ngx_er_source_t  source;

    ngx_memzero(&d, sizeof(d));
    ngx_memzero(&source, sizeof(source));

    ok(ngx_er_dedup_secret(NULL, &source) == NULL, "secret: no dedup");
    ok(ngx_er_dedup_secret(&d, &source) == NULL, "secret: no zone");

    d.memory = (ngx_er_memory_t *) &d;
    ok(ngx_er_dedup_secret(&d, &source) != NULL, "secret: keys in memory");

    source.mode = NGX_ER_MODE_QUEUED;
    ok(ngx_er_dedup_secret(&d, &source) == NULL, "secret: and in a queue");

    source.mode = NGX_ER_MODE_SYNC;
    d.redis = (ngx_er_redis_store_t *) &d;
    ok(ngx_er_dedup_secret(&d, &source) == NULL, "secret: in a Redis");
}


int
main(void)
{
    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&dedup.live);
    ngx_queue_init(&dedup.waiting);
    ngx_rbtree_init(&ngx_event_timer_rbtree, &sentinel,
                    ngx_rbtree_insert_timer_value);

    dedup.dummy.data = &dedup;
    dedup.timer.data = &dedup.dummy;
    dedup.timer.handler = ngx_er_claim_waited;
    dedup.timer.log = &ngx_er_test_log;

    test_token();
    test_given();
    test_wait();
    test_mark();
    test_consult();
    test_late();
    test_away();
    test_outage();
    test_fenced();
    test_memory();
    test_secret();

    return done_testing();
}
