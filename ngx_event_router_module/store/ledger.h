
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The ledger of a target: how many of its entries came, and which end they
 * had.  The same in every store, and pure.
 */


#ifndef _NGX_ER_LEDGER_H_INCLUDED_
#define _NGX_ER_LEDGER_H_INCLUDED_


#include "../base/base.h"


/*
 * What is counted; each of them only grows.  They stand in people's stores in
 * this order (Redis: by the letter that ledger.c has for each), so what is
 * there never changes its place.  What comes is accepted or replayed; ends of
 * what was pending are the next seven; the rest are ends of dead letters.
 */

typedef enum {
    NGX_ER_LEDGER_ACCEPTED = 0,        /* from a producer */
    NGX_ER_LEDGER_REPLAYED,            /* started again, or moved here */
    NGX_ER_LEDGER_DELIVERED,
    NGX_ER_LEDGER_BURIED,              /* it is a dead letter */
    NGX_ER_LEDGER_FILTERED,            /* the target does not want it */
    NGX_ER_LEDGER_STALE,               /* a newer version was delivered */
    NGX_ER_LEDGER_COALESCED,           /* a newer version came */
    NGX_ER_LEDGER_PURGED,              /* while it was pending */
    NGX_ER_LEDGER_MOVED,               /* to another target */
    NGX_ER_LEDGER_DEAD_REPLAYED,
    NGX_ER_LEDGER_DEAD_PURGED,
    NGX_ER_LEDGER_DEAD_AGED,           /* kept long enough */
    NGX_ER_LEDGER_WORDS
} ngx_er_ledger_word_e;


/* one thing that happens to an entry, see the table in ledger.c */

typedef enum {
    NGX_ER_ACT_ACCEPT = 0,
    NGX_ER_ACT_REPLAY,                 /* also: moved here */
    NGX_ER_ACT_DELIVER,
    NGX_ER_ACT_BURY,
    NGX_ER_ACT_FILTER,
    NGX_ER_ACT_STALE,
    NGX_ER_ACT_COALESCE,
    NGX_ER_ACT_PURGE,
    NGX_ER_ACT_MOVE,                   /* away */
    NGX_ER_ACT_ACCEPT_STALE,           /* it was so when it came, */
    NGX_ER_ACT_REPLAY_STALE,           /* or was started again */
    NGX_ER_ACT_DEAD_REPLAY,
    NGX_ER_ACT_DEAD_PURGE,
    NGX_ER_ACT_DEAD_AGE,
    NGX_ER_ACTS
} ngx_er_act_e;


typedef struct {
    int                    pending;    /* so many more */
    int                    dead;
    ngx_uint_t             words;      /* bits: these grow by one */
} ngx_er_act_t;


/* what an act does */
const ngx_er_act_t *ngx_er_act(ngx_er_act_e act);

/* grows by "n" what an act grows */
void ngx_er_ledger_act(uint64_t *words, ngx_er_act_e act, uint64_t n);

/*
 * Entries that came, had no end and are not there: must be 0.  Below 0: more
 * are there than came.
 */
int64_t ngx_er_ledger_unaccounted(uint64_t *words, uint64_t pending);
int64_t ngx_er_ledger_dead_unaccounted(uint64_t *words, uint64_t dead);

/*
 * Somebody who keeps no ledger was at work: since it was kept there are so
 * many more pending and dead ones.  What was even is even again.
 */
void ngx_er_ledger_catch_up(uint64_t *words, int64_t pending, int64_t dead);

/* the name of a word, as status and metrics have it */
const char *ngx_er_ledger_name(ngx_uint_t word);


#endif /* _NGX_ER_LEDGER_H_INCLUDED_ */
