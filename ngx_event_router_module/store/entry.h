
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The queue's words, pure.  An entry is one event for one target.  It has a
 * due time: leasing moves it forward, a retry sets it, success deletes the
 * entry, exhaustion moves it to the dead letters.  What a crashed worker had
 * comes due again, when its lease is over or as soon as its death is known.
 *
 * An operation is one thing asked of a store.  The same operations mean the
 * same in every store: file/ (LMDB) and redis/.
 *
 * Times are ms since 1970 on the store's clock, which never runs backwards.
 */


#ifndef _NGX_ER_ENTRY_H_INCLUDED_
#define _NGX_ER_ENTRY_H_INCLUDED_


#include "history.h"
#include "ledger.h"
#include "shelf.h"


/*
 * How the state of an entry is kept, in every store.  It is in people's files
 * and Redis: what is there never changes its place or its meaning.
 *
 * Redis: elements of an array, counted from 1, packed by cmsgpack, in the hash
 * of the event (redis/lib/entry.lua); a pending entry ends with its routes.
 * LMDB: offset and bytes in a row (file/row.c), numbers are big-endian.
 *
 *                 Redis   LMDB
 *     version      -       0 1    of the row
 *     epoch        1      12 4
 *     attempts     2      16 4
 *     crashes      3      20 4
 *     accepted     4      32 8
 *     due          5      24 8    leased: when the lease ends
 *     holder       6      40 8    who has it; none: '', 0
 *     token        7      48 8    stays when it is given back
 *     order        8      56 8
 *     guard        9       1      bit 0
 *     blocked      -       1      bit 1: another one of its order goes first;
 *                                 in Redis it is due never in its list then
 *     held         -       1      bit 2, in Redis bit 1 of guard: its source
 *                                 is paused; it is not due
 *     doubt        -       1      bits 4 to 7; in Redis also those of guard
 *     command     10      64 8    the REPLAY that made it; none: '', 0
 *     past        11      88      16 bytes an attempt: time 8, ms 4, status 2,
 *                                 number 2; how many: 3 1; the highest bit
 *                                 of ms: what the answer means is in doubt
 *     name        12       6 2    its length; text stands behind past
 *     routes      13       8 2    the same, behind name
 *     reason      14       2 1    this and the rest: of a dead letter
 *     died        15      72 8
 *     status      16       4 2
 *     answer      17      10 2    the same, behind routes
 *     until        -      80 8    when it is forgotten; Redis: in zset z
 *     version      -       1      bit 3: it has one, see below
 *     calls       18       -      which of its calls are made, calls.c; none:
 *                                 it is one call, and there is no such element
 *
 * A version is coalesce 1, window 8, key 16 and its own bytes.  Redis: behind
 * the order, in a field of the event of its own (lib/version.lua).  LMDB: of a
 * pending entry the value of its row in ORDER; of another one behind answer.
 *
 * Calls: in LMDB they have a database of their own, with the epoch 4 in front
 * (file/calls.c).  What a version of the module before has ended, or replayed,
 * leaves them behind there; of another epoch they say nothing.  A pending
 * entry that has them in Redis has the elements of a dead letter before them,
 * without a meaning.
 *
 * Ids are 16 digits in hex in Redis, numbers of 64 bits in LMDB.
 */

#define NGX_ER_ENTRY_PAST      16      /* attempts that are remembered */
#define NGX_ER_ENTRY_ANSWER    1024    /* bytes of the target's last answer */
#define NGX_ER_ENTRY_NAME      64      /* bytes of a target's name */
#define NGX_ER_ENTRY_ROUTES    1024
#define NGX_ER_ENTRY_CRASHES   3       /* this many make it poison */
#define NGX_ER_ENTRY_LOOKS     64      /* entries, for the oldest one */

#define NGX_ER_ENTRY_VERSION   64      /* bytes of route/version.h */
#define NGX_ER_ENTRY_KEY       16

#define NGX_ER_NEVER           ((uint64_t) -1)

/*
 * "doubt": the target may have it, though nobody knows.  0: no; 1 to ASKED:
 * one more than the questions that were put to it; NEW: it came back by itself
 * (its lease ended, or who had it died), and nobody has waited yet.  Who is
 * not asked (no in_doubt) does not care.
 */

#define NGX_ER_DOUBT_ASKED     14
#define NGX_ER_DOUBT_NEW       15

/* an event's number: ms on the store's clock, and 20 bits of a count */
#define ngx_er_entry_accepted(seq)  ((seq) >> 20)


/* why an entry is dead; kept in stores, so numbers never change */

typedef enum {
    NGX_ER_DEAD_NOT = 0,
    NGX_ER_DEAD_EXHAUSTED = 1,         /* the retries' horizon is over */
    NGX_ER_DEAD_FINAL = 2,             /* an answer that no retry changes */
    NGX_ER_DEAD_EXPIRED = 3,           /* too old to be of use */
    NGX_ER_DEAD_POISON = 4,            /* it was in hand in 3 crashes */
    NGX_ER_DEAD_REMOVED = 5,           /* its target is not configured */
    NGX_ER_DEAD_CORRUPT = 6,           /* the stored event cannot be read */
    NGX_ER_DEAD_DOUBT = 7,             /* nobody knows whether its target has
                                          it */
    NGX_ER_DEAD_MAPPING = 8            /* its mapping makes another number of
                                          calls of it than it began with */
} ngx_er_dead_e;


/* one attempt of the past; kept in stores as it is, with DOUBT */

#define NGX_ER_PAST_DOUBT  0x80000000U

typedef struct {
    uint64_t               time;       /* when it began */
    uint32_t               ms;         /* how long it took, and DOUBT */
    uint16_t               status;     /* 0: no answer */
    uint16_t               number;     /* from 1 */
} ngx_er_past_t;


/*
 * Which version of which key an entry brings to its target.  Two that have the
 * same first byte compare as memcmp() says, and where one is the beginning of
 * the other the shorter one is less.  The store keeps the highest one of a key
 * that was delivered, of each first byte, for "window" after the last
 * delivery; an entry with a lesser one is stale.
 */

typedef struct {
    ngx_msec_t             window;
    ngx_uint_t             coalesce;   /* one that comes ends lesser ones that
                                          wait */
    u_char                 key[NGX_ER_ENTRY_KEY];  /* a hash of the value of
                                          "order by" that no two share */
    size_t                 len;
    u_char                 data[NGX_ER_ENTRY_VERSION];
} ngx_er_entry_version_t;


typedef struct {
    uint64_t               seq;        /* of the event: accepted ms << 20, and
                                          a count; unique in the store */
    uint64_t               target;     /* hash of its name */
    uint64_t               token;      /* of the lease that gave it */
    uint64_t               accepted;   /* or replayed */
    uint64_t               due;
    uint64_t               order;      /* hash of the value of "order by",
                                          0: none */
    uint32_t               epoch;      /* 0, one more with every replay */
    uint32_t               attempts;   /* that were made in this epoch */
    uint32_t               crashes;    /* leases that ended by themselves since
                                          the last attempt was recorded */
    unsigned               guard:1;    /* ask the dedup store before each
                                          attempt */
    unsigned               doubt:4;    /* see above; a dead letter that is
                                          replayed has it still */
    unsigned               locked:1;   /* the record is sealed, and its key is
                                          not there */
    unsigned               held:1;     /* LIST: its source is paused */

    ngx_uint_t             npast;
    ngx_er_past_t          past[NGX_ER_ENTRY_PAST];   /* the latest last */

    /* LIST of dead letters only */

    ngx_er_dead_e          reason;
    uint64_t               died;
    ngx_uint_t             status;     /* of the last answer, 0: none */
    ngx_str_t              answer;     /* its first bytes */

    ngx_str_t              name;       /* of the target */
    ngx_str_t              routes;     /* "a,b": that named it */
    ngx_str_t              record;     /* the event: ingest/record.h */
    ngx_str_t              calls;      /* which are made: calls.h; empty: it is
                                          one call, or none was made */

    ngx_queue_t            queue;      /* the holder's */
    void                  *data;
} ngx_er_entry_t;


typedef enum {
    NGX_ER_QUEUE_ACCEPT = 0,
    NGX_ER_QUEUE_LEASE,
    NGX_ER_QUEUE_EXTEND,
    NGX_ER_QUEUE_SETTLE,
    NGX_ER_QUEUE_RETRY,
    NGX_ER_QUEUE_BURY,
    NGX_ER_QUEUE_ADOPT,
    NGX_ER_QUEUE_SWEEP,
    NGX_ER_QUEUE_LIST,
    NGX_ER_QUEUE_REPLAY,
    NGX_ER_QUEUE_PURGE,
    NGX_ER_QUEUE_PAUSE,
    NGX_ER_QUEUE_SHELF,
    NGX_ER_QUEUE_HASTEN,
    NGX_ER_QUEUE_MOVE,
    NGX_ER_QUEUE_HOLD,
    NGX_ER_QUEUE_VERBS,
    NGX_ER_QUEUE_HISTORY               /* only asks, beside all that counts
                                          verbs */
} ngx_er_queue_verb_e;


/* LEASE: which entries with an attempt */

typedef enum {
    NGX_ER_QUEUE_PICK_DUE = 0,         /* those that are due first */
    NGX_ER_QUEUE_PICK_LEAST,           /* of the first NGX_ER_ENTRY_LOOKS due
                                          ones the one that failed least, of
                                          such ones the oldest */
    NGX_ER_QUEUE_PICK_EARLY,           /* the same, due or not */
    NGX_ER_QUEUE_PICK_ENDS             /* none of these: more without one, from
                                          the other end, after the first */
} ngx_er_queue_pick_e;


/* LEASE: which entries without one: 0: those that are due first; else those
   that are due last, at the latest when such a share of the time between the
   first and the last of them was over */

#define NGX_ER_ENTRY_NEWEST    1024    /* all of it */


/* ACCEPT: one target of the event */

typedef struct {
    uint64_t               target;
    ngx_str_t              name;
    ngx_str_t              routes;
    uint64_t               order;
    ngx_msec_t             delay;      /* ms until it is due */
    ngx_er_entry_version_t  *version;  /* NULL: it has none */
    unsigned               lease:1;    /* leased to who accepts it, unless an
                                          earlier one of the same order waits:
                                          then 0 comes back */
    unsigned               stale:1;    /* out: there is no entry, a newer
                                          version was delivered */
    unsigned               held:1;     /* out: its source is paused */
} ngx_er_queue_part_t;


/* an entry that a newer version has overtaken, which is gone now */

typedef struct {
    uint64_t               target;
    uint64_t               seq;
    ngx_uint_t             coalesced;  /* it waited; 0: it is stale */
} ngx_er_overtaken_t;


/* a dead letter that a store made by itself: its entry cannot be read, or its
   target is not configured */

typedef struct {
    uint64_t               target;
    uint64_t               seq;
    ngx_er_dead_e          reason;
} ngx_er_grave_t;


/*
 * What a target has in the store.  NGX_ER_NEVER: nothing is due.
 */

typedef struct {
    uint64_t               target;
    ngx_uint_t             pending;    /* entries, those in flight included */
    ngx_uint_t             dead;
    uint64_t               oldest;     /* accepted, of the oldest pending one;
                                          behind NGX_ER_ENTRY_LOOKS replayed
                                          ones: of theirs; NGX_ER_NEVER: none
                                          */
    uint64_t               fresh;      /* when the first one without an attempt
                                          is due */
    uint64_t               again;      /* when the first one with an attempt or
                                          a replayed one is due, or a lease
                                          ends */
    uint64_t               words[NGX_ER_LEDGER_WORDS];  /* SWEEP only */
    ngx_str_t              name;
} ngx_er_queue_count_t;


/* of a source that was ever paused; kept in stores, so numbers never change */

typedef enum {
    NGX_ER_HOLD_OVER = 0,              /* it is resumed */
    NGX_ER_HOLD_ON = 1,
    NGX_ER_HOLD_GONE = 2               /* the same, and it was the store: no
                                          nginx has such a queued source; never
                                          kept */
} ngx_er_hold_e;


typedef struct {
    uint64_t               source;     /* hash of its name */
    ngx_er_hold_e          state;
    uint64_t               act;        /* since when, ms; the later act is the
                                          greater one, whatever the clock does
                                          */
    uint64_t               entries;    /* that are held */
    ngx_str_t              name;
    ngx_str_t              by;         /* who did it */
} ngx_er_queue_hold_t;

#define NGX_ER_HOLD_BY  128            /* bytes */


/* LIST, REPLAY, PURGE, HASTEN, MOVE: which entries; all that is set must
   hold */

typedef struct {
    uint64_t               target;     /* 0: any */
    uint64_t               seq;        /* 0: any; else exactly this event */
    uint64_t               from;       /* accepted, ms; 0: the beginning */
    uint64_t               to;         /* exclusive; 0: the end */
    ngx_str_t              route;      /* empty: any */
    uint64_t               source;     /* hash of the name of the event's
                                          source; 0: any, but for REPLAY of
                                          the archive */
    ngx_uint_t             reasons;    /* of dead letters, of each the bit
                                          1 << reason; 0: any */
    ngx_uint_t             status;     /* of the last answer; 0: any */
    ngx_uint_t             attempts;   /* at least so many were made */
} ngx_er_queue_filter_t;


typedef struct ngx_er_queue_op_s  ngx_er_queue_op_t;

/* called in the event loop, exactly once, never from inside the call that
   asked; the operation is its owner's again and may be freed in it */
typedef void (*ngx_er_queue_op_pt)(ngx_er_queue_op_t *op);


/*
 * One operation.  It and all that it points to is the caller's and must stay
 * until the handler is called; nobody but the store touches it meanwhile (it
 * may be in a thread).  What comes out is in op->pool, which the caller makes.
 *
 * rc: NGX_OK      done, durable as the store promises
 *     NGX_DONE    ACCEPT: the event is known, and for some targets it was
 *                 started again; op->counts has their hashes and names
 *     NGX_DECLINED  ACCEPT: a duplicate; EXTEND, SETTLE, RETRY, BURY: another
 *                 has the lease now or the entry is gone (fenced); nothing was
 *                 changed
 *     NGX_BUSY    ACCEPT: the store is full to its high-water mark
 *     NGX_ERROR   the store is away or failed; nothing was changed, or with
 *                 Redis it is unknown
 */

struct ngx_er_queue_op_s {
    ngx_queue_t            queue;      /* the store's */
    ngx_er_queue_verb_e    verb;
    ngx_er_queue_op_pt     handler;
    void                  *data;
    ngx_pool_t            *pool;       /* for results */
    void                  *store;      /* the store's own */
    ngx_int_t              rc;

    /*
     * ACCEPT: key, window, record, parts, retain, source, known.  An event
     * whose key is known is a duplicate, but for targets that hold a dead
     * letter of it that is EXHAUSTED, FINAL or DOUBT and are configured
     * ("known", if it is set, or of another nginx): these get the stored event
     * again, from the first attempt on.  What was forgotten of its dead
     * letters (purged, or kept long enough) makes it new for those targets
     * among the parts, in doubt.  None of these is leased, and the key is
     * remembered from now on anew.
     */

    u_char                 key[32];
    ngx_flag_t             dedup;      /* key is set */
    ngx_msec_t             window;     /* ms that the key is remembered */
    ngx_str_t              record;
    ngx_er_queue_part_t   *parts;
    ngx_uint_t             nparts;     /* may be 0 if it is retained */
    ngx_msec_t             retain;     /* ms that it is kept for replay; 0:
                                          only until all targets have it */
    uint64_t               source;     /* hash of the source's name */
    unsigned               guard:1;    /* for its entries */
    unsigned               kept:1;     /* out, with NGX_ERROR: it is there and
                                          leased as with NGX_OK, but not as
                                          safe as wait= wants it */
    uint64_t               print;      /* a hash of the event's body; 0: the
                                          key covers it */
    unsigned               repeat:1;   /* it is known somewhere: NGX_DECLINED
                                          if its key is not known here */
    unsigned               differs:1;  /* out, with NGX_DECLINED and NGX_DONE:
                                          the first one had another body */
    uint64_t               seq;        /* out: the event's, also that of the
                                          first one if it is a duplicate;
                                          in: EXTEND, SETTLE, RETRY, BURY */

    /* ACCEPT, LEASE, EXTEND, SETTLE, RETRY, BURY */

    uint64_t               token;      /* of the lease, the caller's choice: no
                                          two leases have the same */
    ngx_msec_t             lease;      /* ms */

    /* LEASE: at most so many; out: entries, count.fresh and count.again.  One
       whose lease ended by itself gets crashes + 1; poison and what cannot be
       read is buried (keep) and not given */

    uint64_t               target;     /* also EXTEND, SETTLE, RETRY, BURY */
    ngx_uint_t             fresh;      /* entries without an attempt */
    ngx_uint_t             again;      /* entries with one, and replayed ones:
                                          they never go before all new ones */
    ngx_er_queue_pick_e    pick;       /* of again; LEAST and EARLY: one */
    ngx_uint_t             reach;      /* of fresh */
    size_t                 bytes;      /* of records; one entry is given even
                                          if it is larger */
    ngx_array_t           *entries;    /* of ngx_er_entry_t; LIST, too */
    ngx_er_queue_count_t   count;

    /* ACCEPT, LEASE, REPLAY, out: of ngx_er_overtaken_t; NULL: none.  Parts of
       the event that are stale are not among them */

    ngx_array_t           *overtaken;

    /* out, of any operation: of ngx_er_grave_t; NULL: none.  What SWEEP buried
       as REMOVED is in "done" instead */

    ngx_array_t           *graves;

    /*
     * EXTEND, RETRY, BURY: which of its calls are made from now on; empty: as
     * it was.  With EXTEND, one was made: the entry is no poison by what was
     * before it.  A dead letter keeps them: one that is replayed for its own
     * target goes on, with those that died.  MOVE, and REPLAY for another
     * target, begin with the first one.
     */

    ngx_str_t              calls;

    /* SETTLE, RETRY, BURY */

    unsigned               filtered:1; /* SETTLE: the target does not want it,
                                          and has not got it */
    ngx_msec_t             delay;      /* RETRY: ms from now */
    ngx_er_past_t          past;       /* status, ms, time: the attempt */
    unsigned               counted:1;  /* past is set: an attempt was made */
    unsigned               doubt:4;    /* what the entry's is from now on */
    ngx_er_dead_e          reason;     /* BURY */
    ngx_str_t              answer;
    ngx_msec_t             keep;       /* BURY, SWEEP, LEASE: ms that a dead
                                          letter is kept */

    /* ADOPT: this holder is dead; its entries are due now, crashes + 1.
       count.pending: how many */

    uint64_t               holder;
    unsigned               leaves:1;   /* it gives them back, or did not die
                                          of them: no crash */

    /*
     * SWEEP: forgets what is over (keys, dead letters, the archive), buries
     * the entries of targets that "known" does not have, nor that of another
     * nginx, with REMOVED, unless they are leased or another generation of the
     * configuration came since.
     * Out: counts (of ngx_er_queue_count_t), used, size and, of those that
     * were buried, how many ("done").
     */

    uint64_t               node;       /* this nginx, among those that share
                                          the store; 0: the worker exits and
                                          says that it is alive, no more */
    ngx_uint_t             nodes;      /* out: how many there are; 0: one */
    uint64_t              *known;      /* hashes of all targets */
    ngx_uint_t             nknown;
    uint64_t               generation;
    ngx_array_t           *counts;
    uint64_t               used;       /* bytes */
    uint64_t               size;
    ngx_uint_t             more;       /* there is more to do: come again at
                                          once; LIST, REPLAY, PURGE: too */
    unsigned               partial:1;  /* a part of the store was not to be
                                          asked; ADOPT: too */

    /*
     * PAUSE: an operator stops ("held") or starts the deliveries of "target";
     * 0: it only asks.  Out: all targets that are paused, as of now.
     */

    unsigned               held:1;
    ngx_array_t           *paused;     /* of uint64_t */

    /*
     * HOLD: an operator pauses (ON) or resumes (OVER) the source "hold"; its
     * source 0: it only asks.  As long as it is paused none of its entries is
     * leased: what comes is held, what is there when its time has come, or
     * when a HOLD finds it.  Held entries are in no LEASE, not early either,
     * and no HASTEN; they keep their order, and those of the same order that
     * came later wait behind them.  When it is resumed they become due as they
     * were, and "accepted" is later by the time that they were held.
     *
     * It also does a part of what there is to do: it finds and holds entries
     * of sources that are paused, lets go those of others, and resumes sources
     * that neither "sources" has nor another nginx, unless a newer generation
     * of the configuration came.  Out: holds, with what it has just resumed as
     * GONE, and "more".
     */

    ngx_er_queue_hold_t    hold;
    uint64_t              *sources;    /* hashes of all queued sources */
    ngx_uint_t             nsources;
    ngx_array_t           *holds;      /* of ngx_er_queue_hold_t */

    ngx_er_shelf_t        *shelf;      /* SHELF: what is asked, and what comes
                                          of it */

    /*
     * LIST: "dead" or pending ones after the cursor, oldest first, target by
     * target.  REPLAY: dead letters become pending (epoch + 1, no attempts,
     * accepted now) for their own target or for "to"; with "archive" the
     * retained events of filter.source go to target "to" (required).  No
     * command does it twice to one entry.  PURGE: dead letters are forgotten,
     * or, if it is "waiting", pending entries.
     *
     * HASTEN: pending entries whose time has not come are due now.  MOVE:
     * pending entries begin anew (epoch + 1, no attempts, accepted now) for
     * target "to" (required) instead of their own.
     *
     * What somebody has leased is left by them all, and what is in doubt or
     * held by HASTEN.
     */

    ngx_er_queue_filter_t  filter;
    unsigned               dead:1;
    unsigned               archive:1;
    unsigned               records:1;  /* LIST: with the record; and with
                                          "archive": the event "filter.seq", if
                                          it is there for whomever, as an entry
                                          without a target */
    ngx_uint_t             waiting;    /* PURGE */
    ngx_uint_t             dry;        /* REPLAY, PURGE, HASTEN, MOVE: nothing
                                          is done but counted */
    uint64_t               command;    /* REPLAY: the caller's number for it */
    ngx_er_queue_part_t    to;         /* REPLAY: target and name, or 0 */
    ngx_uint_t             limit;      /* entries at most, > 0; dry: any */
    uint64_t               after[2];   /* cursor, in and out: target and seq of
                                          the last one seen; 0, 0: begin */
    ngx_uint_t             done;       /* out: REPLAY, PURGE, HASTEN, MOVE: how
                                          many */
    ngx_uint_t             stale;      /* out: REPLAY: besides, how many were
                                          not started: a newer version was
                                          delivered; they are dead no more */
    ngx_uint_t             left;       /* out, all with "dry": how many are
                                          leased, */
    ngx_uint_t             doubtful;   /* HASTEN: in doubt, */
    ngx_uint_t             withheld;   /* HASTEN: held, */
    ngx_uint_t             there;      /* MOVE: at that target already, */
    uint64_t               oldest;     /* and when the first and the last of
                                          those that are "done" were accepted;
                                          NGX_ER_NEVER, 0: there is none */
    uint64_t               newest;

    /*
     * ACCEPT, EXTEND with calls, SETTLE, RETRY, BURY: chunks of history.h that
     * are appended to the record of the event, if there is one and the
     * operation is done; empty: none.  ACCEPT begins it and has the hashes
     * under which it is found.  What the store does by itself it appends by
     * itself: STALE, COALESCED, DEAD (all that is buried), REDELIVERED,
     * REPLAYED, MOVED, PURGED, AGED and RETURNED.  A store that keeps no
     * history ignores them.
     */

    ngx_str_t              history;
    uint64_t              *hashes;
    ngx_uint_t             nhashes;    /* NGX_ER_HISTORY_HASHES at most */

    /* HISTORY: which records, and what was found */

    ngx_er_history_find_t  *find;
};


#endif /* _NGX_ER_ENTRY_H_INCLUDED_ */
