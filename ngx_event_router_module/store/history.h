
/*
 * Copyright (C) Event Router contributors
 */


/*
 * History as bytes, pure: what became of an event is a record of chunks, of
 * which each says one thing.  Whoever knows something writes a chunk; a store
 * only appends chunks to the record of an event, in the transaction that makes
 * them true, files it under the event's number and hashes, and forgets the
 * oldest records.
 *
 * A chunk is a length of 2 bytes, which it does not count itself, a kind of 1
 * byte, and what the kind has.  Numbers are big-endian, "str" is 1 byte of
 * length and text.  What a later version adds stands behind; who does not know
 * a kind skips it.
 *
 *     EVENT    flags 1, time 8, size 4, id str, source str, type str,
 *              subject str, keys 1, and of each key: name str, value str
 *     PART     target 8, delay 4, name str, routes str
 *     ATTEMPT  target 8, time 8, ms 4, status 2, number 2, verdict 1, lost 1,
 *              state 1, next 8, and the rest is the first bytes of the answer
 *     STEP     target 8, time 8, state 1, reason 1, and the rest is the name
 *              of a target that has no PART
 *     EDITED   event 8, and the rest is who made this copy of that event
 *     WHY      target 8, time 8, and the rest is a sentence: why nothing could
 *              be sent of it
 *     CALL     target 8, number 4: which call of the event the next ATTEMPT of
 *              this target is, from 1
 *
 * EVENT, its EDITED and its PARTs are one ACCEPT.  A store writes STEPs by
 * itself for what it decides alone.  A target is named by the hash of its
 * name; times are ms since 1970.  These numbers are in people's files and
 * Redis: what is there never changes its meaning.
 */


#ifndef _NGX_ER_HISTORY_H_INCLUDED_
#define _NGX_ER_HISTORY_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_HISTORY_ANSWER   1024   /* bytes of an answer */
#define NGX_ER_HISTORY_TEXT     255    /* of any other text */
#define NGX_ER_HISTORY_KEYS     16     /* values of one event */
#define NGX_ER_HISTORY_HASHES   (NGX_ER_HISTORY_KEYS + 1)
#define NGX_ER_HISTORY_PARTS    256    /* targets that a record tells of */
#define NGX_ER_HISTORY_STEP     21     /* bytes of one without a name */
#define NGX_ER_HISTORY_LOOKS    10000  /* records that one lookup reads */

#define NGX_ER_HISTORY_SYNC     1      /* flags of EVENT: nobody queued it */


typedef enum {
    NGX_ER_HISTORY_EVENT = 1,
    NGX_ER_HISTORY_PART = 2,
    NGX_ER_HISTORY_ATTEMPT = 3,
    NGX_ER_HISTORY_STEP_KIND = 4,
    NGX_ER_HISTORY_SEALED = 5,         /* in Redis: redis/history.c */
    NGX_ER_HISTORY_EDITED = 6,
    NGX_ER_HISTORY_WHY = 7,
    NGX_ER_HISTORY_CALL = 8
} ngx_er_history_kind_e;


/* what became of an event for a target */

typedef enum {
    NGX_ER_HISTORY_PENDING = 0,        /* of an ATTEMPT: it decided nothing */
    NGX_ER_HISTORY_DELIVERED = 1,
    NGX_ER_HISTORY_DEAD = 2,           /* "reason": ngx_er_dead_e */
    NGX_ER_HISTORY_FILTERED = 3,
    NGX_ER_HISTORY_STALE = 4,          /* a newer version was delivered */
    NGX_ER_HISTORY_COALESCED = 5,      /* a newer version came first */
    NGX_ER_HISTORY_PURGED = 6,
    NGX_ER_HISTORY_MOVED = 7,          /* another target has it now */
    NGX_ER_HISTORY_AGED = 8,           /* a dead letter that is forgotten */
    NGX_ER_HISTORY_FAILED = 9,         /* nothing queues it, so the producer
                                          sends it again */
    NGX_ER_HISTORY_SETTLED = 10,       /* it had it already */
    NGX_ER_HISTORY_UNSENT = 11,        /* nothing was sent */

    /* it is PENDING, and why it is that again */

    NGX_ER_HISTORY_REDELIVERED = 32,   /* its producer sent it once more */
    NGX_ER_HISTORY_REPLAYED = 33,
    NGX_ER_HISTORY_RETURNED = 34,      /* who had it died */
    NGX_ER_HISTORY_LATER = 35          /* in doubt: the target is asked when
                                          some time is over */
} ngx_er_history_state_e;


/* of a filter: these, or a state */

#define NGX_ER_HISTORY_ANY       ((ngx_uint_t) -1)
#define NGX_ER_HISTORY_UNROUTED  ((ngx_uint_t) -2)   /* it has no target */

/* the least number of a ms */
#define ngx_er_history_seq(ms)                                                \
    ((uint64_t) (ms) < ((uint64_t) -1 >> 20) ? (uint64_t) (ms) << 20          \
                                             : (uint64_t) -1)

/* what a STEP or an ATTEMPT leaves behind */
#define ngx_er_history_final(state)                                           \
    ((state) < NGX_ER_HISTORY_REDELIVERED ? (ngx_uint_t) (state)              \
                                          : NGX_ER_HISTORY_PENDING)


/* a value of an "index=" field, another id ("id") or the trace's ("trace"),
   which are no names of fields that "index=" takes */

typedef struct {
    ngx_str_t              name;
    ngx_str_t              value;      /* a record has the first bytes of it */
} ngx_er_history_key_t;


/* one chunk; strings are where it was read from */

typedef struct {
    ngx_uint_t             kind;
    uint64_t               target;
    uint64_t               time;
    uint64_t               next;       /* when the next attempt is due; 0:
                                          there is none */
    uint64_t               event;      /* EDITED: a copy of which */
    uint32_t               ms;         /* PART: the delay */
    ngx_uint_t             size;       /* of the event's body */
    ngx_uint_t             flags;
    ngx_uint_t             status;     /* 0: no answer */
    ngx_uint_t             number;     /* of the attempt, from 1; CALL: of the
                                          call */
    ngx_uint_t             verdict;    /* ngx_er_verdict_e */
    ngx_uint_t             lost;       /* ngx_er_lost_e */
    ngx_uint_t             state;      /* ngx_er_history_state_e */
    ngx_uint_t             reason;     /* ngx_er_dead_e */
    ngx_str_t              id;
    ngx_str_t              source;
    ngx_str_t              type;
    ngx_str_t              subject;
    ngx_str_t              name;       /* of the target; STEP: may be empty;
                                          EDITED: of who did it */
    ngx_str_t              routes;
    ngx_str_t              answer;     /* WHY: the sentence */
    ngx_uint_t             nkeys;
    ngx_er_history_key_t   keys[NGX_ER_HISTORY_KEYS];
} ngx_er_history_chunk_t;


/* an event's record */

typedef struct {
    uint64_t               seq;        /* as in entry.h */
    ngx_str_t              chunks;
} ngx_er_history_record_t;


/* which records; all that is set must hold */

typedef struct {
    uint64_t               seq;        /* 0: any; else exactly this event */
    uint64_t               hash;       /* 0: any; else of "key", see below */
    ngx_er_history_key_t   key;        /* name "id" or "trace": that, or a
                                          value */
    ngx_str_t              source;     /* empty: any; so are the others */
    ngx_str_t              type;
    ngx_str_t              subject;
    ngx_str_t              text;       /* in an id or a value, in any case */
    uint64_t               target;     /* 0: any; else what follows is about
                                          this one */
    ngx_uint_t             state;      /* NGX_ER_HISTORY_ANY: any */
    ngx_uint_t             status;     /* 0: any; of some attempt */
    uint64_t               from;       /* ms, when it was accepted */
    uint64_t               to;         /* exclusive; 0: the end */
} ngx_er_history_filter_t;


/*
 * A lookup, newest first.  A store finds by the number, by the hash, or reads
 * the records of the time range one after the other, and gives those for which
 * ngx_er_history_match() says yes.
 */

typedef struct {
    ngx_er_history_filter_t  filter;
    uint64_t               before;     /* in: only events of lesser numbers; 0:
                                          all.  Out, with "more": the next
                                          page's */
    ngx_uint_t             limit;      /* records that are given, > 0 */
    ngx_uint_t             looks;      /* that are read, > 0 */
    size_t                 bytes;      /* one is given even if it is larger */

    ngx_array_t           *records;    /* out: of ngx_er_history_record_t */
    ngx_uint_t             looked;     /* out: at so many */
    ngx_uint_t             more;       /* out: not all was looked at */
} ngx_er_history_find_t;


/* bytes that write() takes; texts that are too long are cut */
size_t ngx_er_history_size(ngx_er_history_chunk_t *chunk);
u_char *ngx_er_history_write(u_char *p, ngx_er_history_chunk_t *chunk);

/* the same for a STEP, NGX_ER_HISTORY_STEP bytes and those of the name, which
   may be NULL */
u_char *ngx_er_history_step(u_char *p, uint64_t target, uint64_t time,
    ngx_uint_t state, ngx_uint_t reason, ngx_str_t *name);

/* takes the first chunk off.  NGX_DONE: there is none; NGX_DECLINED: of an
   unknown kind, or it cannot be read, it is off all the same */
ngx_int_t ngx_er_history_read(ngx_str_t *chunks,
    ngx_er_history_chunk_t *chunk);

/* big-endian numbers of so many bytes: write and read, which go on behind */
u_char *ngx_er_history_number(u_char *p, uint64_t n, size_t bytes);
uint64_t ngx_er_history_take(u_char **p, size_t bytes);

/* under which a value of a field is filed, never 0: "name" is the field as it
   stands in nginx.conf, "id" for ids.  Kept in stores */
uint64_t ngx_er_history_hash(uint64_t name, ngx_str_t *value);
uint64_t ngx_er_history_name(ngx_str_t *name);

/* 1: the record is one of those that are looked for */
ngx_uint_t ngx_er_history_match(ngx_er_history_filter_t *filter, uint64_t seq,
    ngx_str_t *chunks);

/* "delivered" and the like; "pending" of one that is not known */
const char *ngx_er_history_state_name(ngx_uint_t state);

/* of a filter; NGX_DECLINED: there is no such state */
ngx_int_t ngx_er_history_state(ngx_str_t *name, ngx_uint_t *state);


#endif /* _NGX_ER_HISTORY_H_INCLUDED_ */
