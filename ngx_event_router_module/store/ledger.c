
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The ledger says that no entry vanishes: of each target
 *
 *     accepted + replayed - delivered - buried - filtered - stale - coalesced
 *         - purged - moved = pending
 *     buried - dead_replayed - dead_purged - dead_aged = dead
 *
 * at any time, over crashes and restarts.  A store changes the words in the
 * transaction (the script) that changes the entry, each by the act that the
 * table below names, and takes pending and dead from a count of what is there:
 * file/ledger.c, redis/lib/ledger.lua.  What is missing on the right side is
 * unaccounted.
 *
 * An entry that a producer sends again though it is a dead letter was replayed
 * (the dead letter, too).  What is stale as soon as it comes has come and has
 * gone.  One that moves to another target leaves the one as moved and comes to
 * the other as replayed: a sum over all targets counts it as accepted once.
 *
 * Called by the stores, status.c and dispatch.c.  Nothing is owned, nothing
 * can fail.
 */


#include "ledger.h"


#define ngx_er_word(word)  ((ngx_uint_t) 1 << NGX_ER_LEDGER_##word)


static const ngx_er_act_t  ngx_er_acts[NGX_ER_ACTS] = {
    {  1,  0, ngx_er_word(ACCEPTED) },
    {  1,  0, ngx_er_word(REPLAYED) },
    { -1,  0, ngx_er_word(DELIVERED) },
    { -1,  1, ngx_er_word(BURIED) },
    { -1,  0, ngx_er_word(FILTERED) },
    { -1,  0, ngx_er_word(STALE) },
    { -1,  0, ngx_er_word(COALESCED) },
    { -1,  0, ngx_er_word(PURGED) },
    { -1,  0, ngx_er_word(MOVED) },
    {  0,  0, ngx_er_word(ACCEPTED) | ngx_er_word(STALE) },
    {  0,  0, ngx_er_word(REPLAYED) | ngx_er_word(STALE) },
    {  0, -1, ngx_er_word(DEAD_REPLAYED) },
    {  0, -1, ngx_er_word(DEAD_PURGED) },
    {  0, -1, ngx_er_word(DEAD_AGED) }
};


static const char  *ngx_er_ledger_names[NGX_ER_LEDGER_WORDS] = {
    "accepted", "replayed", "delivered", "buried", "filtered", "stale",
    "coalesced", "purged", "moved", "dead_replayed", "dead_purged",
    "dead_aged"
};


const ngx_er_act_t *
ngx_er_act(ngx_er_act_e act)
{
    return &ngx_er_acts[act];
}


void
ngx_er_ledger_act(uint64_t *words, ngx_er_act_e act, uint64_t n)
{
    ngx_uint_t  bits, i;

    bits = ngx_er_acts[act].words;

    for (i = 0; bits; bits >>= 1, i++) {
        words[i] += (bits & 1) ? n : 0;
    }
}


int64_t
ngx_er_ledger_unaccounted(uint64_t *words, uint64_t pending)
{
    uint64_t    left;
    ngx_uint_t  i;

    left = words[NGX_ER_LEDGER_ACCEPTED] + words[NGX_ER_LEDGER_REPLAYED];

    for (i = NGX_ER_LEDGER_DELIVERED; i <= NGX_ER_LEDGER_MOVED; i++) {
        left -= words[i];
    }

    return (int64_t) (left - pending);
}


int64_t
ngx_er_ledger_dead_unaccounted(uint64_t *words, uint64_t dead)
{
    uint64_t    left;
    ngx_uint_t  i;

    left = words[NGX_ER_LEDGER_BURIED];

    for (i = NGX_ER_LEDGER_DEAD_REPLAYED; i < NGX_ER_LEDGER_WORDS; i++) {
        left -= words[i];
    }

    return (int64_t) (left - dead);
}


void
ngx_er_ledger_catch_up(uint64_t *words, int64_t pending, int64_t dead)
{
    if (dead > 0) {
        words[NGX_ER_LEDGER_BURIED] += dead;
        pending += dead;

    } else {
        words[NGX_ER_LEDGER_DEAD_AGED] += -dead;
    }

    if (pending > 0) {
        words[NGX_ER_LEDGER_ACCEPTED] += pending;

    } else {
        words[NGX_ER_LEDGER_DELIVERED] += -pending;
    }
}


const char *
ngx_er_ledger_name(ngx_uint_t word)
{
    return ngx_er_ledger_names[word];
}
