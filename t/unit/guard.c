
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The guard (deliver/guard.c): by which token a copy asks for its delivery.
 * Two copies of an event must never have the same one, and whoever has one of
 * them in hand must always have the same.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/guard.c"


ngx_module_t               ngx_http_module;
ngx_module_t               ngx_http_event_router_module;

static ngx_er_main_conf_t  mcf;
static void               *main_conf[1] = { &mcf };
static ngx_http_conf_ctx_t http_ctx = { main_conf, NULL, NULL };
static void             ***conf_ctx[1];
static ngx_er_source_t     source;
static ngx_er_event_t      event;
static ngx_er_target_t     target;
static ngx_er_entry_t      entry;
static ngx_er_claim_t      claim;
static ngx_uint_t          claimed, finalized, released, done, died, live;
static ngx_uint_t          shared;


void
ngx_er_event_delivery_key(ngx_er_event_t *e, ngx_er_target_t *t,
    ngx_uint_t epoch, u_char *key)
{
    memset(key, 1 + epoch, 32);
}


ngx_er_claim_t *
ngx_er_claim_create(ngx_er_dedup_t *dedup, ngx_log_t *log)
{
    ngx_memzero(&claim, sizeof(claim));

    return &claim;
}


ngx_uint_t
ngx_er_dedup_shared(ngx_er_dedup_t *dedup)
{
    return shared;
}


void
ngx_er_claim(ngx_er_claim_t *c)
{
    claimed++;
}


void
ngx_er_claim_finalize(ngx_er_claim_t *c)
{
    finalized++;
}


void
ngx_er_claim_release(ngx_er_claim_t *c)
{
    released++;
}


void
ngx_er_claim_done(ngx_er_claim_t *c)
{
    done++;
}


void
ngx_er_claim_die(ngx_er_claim_t *c, uint64_t hash)
{
    died++;
}


void
ngx_er_claim_live(ngx_er_claim_t *c, uint64_t hash)
{
    live++;
}


static void
handler(ngx_er_claim_t *c)
{
}


static void
asks(uint64_t seq, const char *host, u_char *token)
{
    ngx_cycle_t  *cycle;

    cycle = (ngx_cycle_t *) ngx_cycle;
    cycle->hostname.data = (u_char *) host;
    cycle->hostname.len = strlen(host);

    entry.seq = seq;
    (void) ngx_er_guard(&event, &target, entry.seq, entry.epoch, 60000,
                        handler, NULL);
    ngx_memcpy(token, claim.token, 16);
}


static void
test_tokens(void)
{
    u_char  a[16], b[16];

    asks(7 << 20, "one", a);
    is_int(claimed, 1, "asked");
    is_int(claim.named, 1, "by a name of its own");
    is_int(claim.lease, 60000, "for so long");
    is_int(claim.window, NGX_ER_GUARD_WINDOW, "remembered for a day");

    asks(7 << 20, "one", b);
    ok(memcmp(a, b, 16) == 0, "the same copy: the same token");
    asks((7 << 20) + 1, "one", b);
    ok(memcmp(a, b, 16) != 0, "another copy in this nginx: another one");
    asks(7 << 20, "two", b);
    ok(memcmp(a, b, 16) != 0, "the same number in another nginx, too");

    entry.token = 5;
    entry.attempts = 3;
    entry.crashes = 1;
    asks(7 << 20, "one", b);
    ok(memcmp(a, b, 16) == 0, "whoever has it in hand");

    source.window = 1000;
    asks(7 << 20, "one", b);
    is_int(claim.window, 1000, "remembered as the source says");
    source.window = 0;

    entry.epoch = 0;
    asks(7 << 20, "one", b);
    is_int(claim.key[0], 1, "the key is the event's and target's");
    entry.epoch = 1;
    asks(7 << 20, "one", b);
    is_int(claim.key[0], 2, "and the epoch's");
}


static void
test_copies(void)
{
    u_char    first[16];
    uint64_t  at;

    at = 1000000;

    asks(at << 20, "one", first);
    ngx_memcpy(claim.holder, first, 16);
    claim.window = 2000;

    is_int(ngx_er_guard_copy(&claim, at << 20), 1, "what was delivered");
    is_int(ngx_er_guard_copy(&claim, (at << 20) + 1), 1, "a copy");
    is_int(ngx_er_guard_copy(&claim, (at - 5000) << 20), 1, "an earlier one");
    is_int(ngx_er_guard_copy(&claim, (at + 1999) << 20), 1,
           "in the window of the key");
    is_int(ngx_er_guard_copy(&claim, (at + 2000) << 20), 0,
           "behind it: another event");

    ngx_memzero(claim.holder, 16);
    is_int(ngx_er_guard_copy(&claim, at << 20), 0,
           "whose is not known: rather twice than never");
}


static void
test_ends(void)
{
    ngx_uint_t  i, delivered;

    for (i = 0; i <= NGX_ER_CLAIM_UNAVAILABLE; i++) {
        for (delivered = 0; delivered < 2; delivered++) {
            finalized = released = done = 0;
            claim.result = i;
            ngx_er_guard_end(&claim, delivered);
            is_int(finalized, i <= NGX_ER_CLAIM_RESUME && delivered,
                   "result %d: finalized if it is ours and delivered",
                   (int) i);
            is_int(released, i <= NGX_ER_CLAIM_RESUME && !delivered,
                   "released if it is ours and not");
            is_int(done, 1, "and given back");
        }
    }
}


static void
test_dead(void)
{
    u_char  key[32];

    memset(key, 9, 32);

    ok(ngx_er_guard_die(&event, &target, handler, NULL) == NULL,
       "no shared keys: nobody to tell");

    shared = 1;
    ok(ngx_er_guard_die(&event, &target, handler, NULL) == NULL,
       "no key: nothing to tell");

    event.key = key;
    done = 0;
    ok(ngx_er_guard_die(&event, &target, handler, NULL) == &claim, "both");
    is_int(died, 1, "told");
    is_int(claim.key[0], 9, "of the event's key");
    ok(claim.finished == handler, "and who waits for it hears");
    is_int(done, 0, "it is the caller's");

    ngx_er_guard_live(&event, &target);
    is_int(live, 1, "it lives");
    is_int(done, 1, "nobody waits for that");
}


int
main(void)
{
    conf_ctx[0] = (void ***) &http_ctx;
    ((ngx_cycle_t *) ngx_cycle)->conf_ctx = (void ****) conf_ctx;
    event.source = &source;

    test_tokens();
    test_copies();
    test_ends();
    test_dead();

    return done_testing();
}
