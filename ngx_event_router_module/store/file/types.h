
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The inside of the file store, for the files of this folder that know LMDB:
 * its databases and what is open of them.
 *
 * Every key is a fixed number of 64-bit words, big-endian, so that keys sort
 * as numbers do:
 *
 *     meta      what (CLOCK, ...)             -> a word
 *     events    seq                           -> the record
 *     refs      seq                           -> how many need the event
 *     pending   target, seq                   -> row
 *     due       target, class, due, seq       -> nothing
 *     leases    holder, target, seq           -> nothing
 *     order     target, order, seq            -> nothing, or its version
 *               target, order, 0              -> seq of the one that may go
 *     dead      target, seq                   -> row
 *     done      seq, target                   -> row, of retained events
 *     archive   source, seq                   -> until
 *     keys      the key's four words          -> expires, seq; and the hash
 *                                                of the body, if it is needed
 *     lapsed    seq, target                   -> expires, epoch, delivered
 *     expiry    until, kind, four words       -> nothing
 *     counts    target                        -> pending, dead, name
 *     ledger    target                        -> see ledger.h
 *     paused    target                        -> nothing
 *     held      source, target, seq           -> since when; 0, 0: see hold.c
 *     versions  target, key, kind             -> until, the rest of the key,
 *                                                the highest one delivered
 *     shelf     kind, name, id                -> until, the row; id 0: bytes
 *                                                of all of them
 *     history   seq, n                        -> chunks of ../history.h
 *     hashes    bucket of seq, hash, seq      -> nothing
 *     calls     target, seq                   -> epoch, and what ../calls.h
 *                                                has of a pending entry or a
 *                                                dead letter
 */


#ifndef _NGX_ER_FILE_TYPES_H_INCLUDED_
#define _NGX_ER_FILE_TYPES_H_INCLUDED_


#include "db.h"

#include <lmdb.h>


#define NGX_ER_FILE_WORDS   6          /* of the longest key */
#define NGX_ER_FILE_STEPS   1000       /* rows that one operation changes */
#define NGX_ER_FILE_SCAN    10000      /* rows that one operation looks at */
#define NGX_ER_FILE_KEEP    604800000  /* ms: dead letters whose bearer did not
                                          say */
#define NGX_ER_FILE_COUNT_HEAD  16     /* bytes of COUNTS before the name */
#define NGX_ER_FILE_ROW     2560       /* bytes of the largest row */
#define NGX_ER_FILE_SLOTS   8          /* targets that are counted at once */


typedef enum {
    NGX_ER_FILE_META = 0,
    NGX_ER_FILE_EVENTS,
    NGX_ER_FILE_REFS,
    NGX_ER_FILE_PENDING,
    NGX_ER_FILE_DUE,
    NGX_ER_FILE_LEASES,
    NGX_ER_FILE_ORDER,
    NGX_ER_FILE_DEAD,
    NGX_ER_FILE_DONE,
    NGX_ER_FILE_ARCHIVE,
    NGX_ER_FILE_KEYS,
    NGX_ER_FILE_EXPIRY,
    NGX_ER_FILE_COUNTS,
    NGX_ER_FILE_LAPSED,
    NGX_ER_FILE_PAUSED,
    NGX_ER_FILE_VERSIONS,
    NGX_ER_FILE_SHELF,
    NGX_ER_FILE_HISTORY,
    NGX_ER_FILE_HASHES,
    NGX_ER_FILE_LEDGER,
    NGX_ER_FILE_HELD,
    NGX_ER_FILE_CALLS,
    NGX_ER_FILE_DBS
} ngx_er_file_db_e;


/* words of META; in the file, so numbers never change */

typedef enum {
    NGX_ER_FILE_FORMAT_WORD = 1,
    NGX_ER_FILE_CLOCK = 2,
    NGX_ER_FILE_SEQ = 3,
    NGX_ER_FILE_GENERATION = 4,
    NGX_ER_FILE_FLOOR = 5,             /* see history.c */
    NGX_ER_FILE_HOLDS = 6              /* how many sources are paused */
} ngx_er_file_meta_e;


/* kinds of EXPIRY; in the file, too */

typedef enum {
    NGX_ER_FILE_EXPIRY_KEY = 1,        /* the four words of a key */
    NGX_ER_FILE_EXPIRY_DEAD = 2,       /* target, seq */
    NGX_ER_FILE_EXPIRY_ARCHIVE = 3,    /* source, seq */
    NGX_ER_FILE_EXPIRY_LAPSED = 4,     /* seq, target */
    NGX_ER_FILE_EXPIRY_VERSION = 5,    /* target, key, kind */
    NGX_ER_FILE_EXPIRY_SHELF = 6       /* kind, name, id */
} ngx_er_file_expiry_e;


/* classes of DUE */

typedef enum {
    NGX_ER_FILE_FRESH = 0,
    NGX_ER_FILE_AGAIN = 1
} ngx_er_file_class_e;


/*
 * What is counted of a target, as it is in LEDGER: the machine's own numbers,
 * as LMDB's pages have them, since it is written with every event.
 */

typedef struct {
    uint64_t               cursor;     /* rows up to this seq were looked at;
                                          0: no walk is under way */
    uint64_t               seen;       /* of these, how many there are now */
    uint64_t               doubt;      /* so many more than were counted the
                                          last walk found; below 0: fewer */
    uint64_t               acts;       /* that there were at its end */
} ngx_er_file_walk_t;


typedef struct {
    uint64_t               format;
    uint64_t               pending;    /* as COUNTS has them */
    uint64_t               dead;
    uint64_t               idle;       /* since when nobody has such a target,
                                          as was noticed; 0: it was not */
    ngx_er_file_walk_t     walks[2];   /* of PENDING, of DEAD */
    uint64_t               words[NGX_ER_LEDGER_WORDS];
} ngx_er_file_ledger_t;


/* of a target that a transaction counts, until it writes that down */

typedef struct {
    uint64_t               target;
    uint64_t               pending;    /* in COUNTS */
    uint64_t               dead;
    ngx_er_file_ledger_t   ledger;
    size_t                 len;        /* of the name */
    unsigned               changed:1;
    unsigned               renamed:1;
    u_char                 name[NGX_ER_ENTRY_NAME];
} ngx_er_file_slot_t;


/* which file it is, and how large it was at least */

typedef struct {
    dev_t                  dev;
    ino_t                  ino;
    off_t                  size;
    time_t                 changed;
} ngx_er_file_id_t;


struct ngx_er_file_s {
    ngx_er_file_conf_t    *conf;
    MDB_env               *env;        /* NULL: closed */
    MDB_dbi                dbi[NGX_ER_FILE_DBS];
    pthread_rwlock_t       lock;       /* shared: in a transaction; exclusive:
                                          the map moves */
    ngx_log_t             *log;
    uint64_t               holder;
    int                    dir;        /* the directory */
    int                    owner;      /* its lock is shared by all users */
    int                    alive;      /* the holder's file: locked by us */
    char                  *path;
    char                  *data;       /* paths of LMDB's files */
    char                  *locks;

    /* which files were opened, see db.c */

    ngx_er_file_id_t       data_id;
    ngx_er_file_id_t       locks_id;
    size_t                 committed;  /* the last transaction of this
                                          process */
    ngx_er_file_id_t       damaged;    /* not looked into again */
    ngx_uint_t             create;     /* one that is not there may be made */
    ngx_uint_t             fresh;      /* it was empty */
    ngx_uint_t             waiting;    /* deliveries that it had then */
    ngx_atomic_t           lost;       /* it was open and is not any more, */
    ngx_er_error_t         why;        /* set before that */

    uint64_t               suspect[2]; /* target, seq: given last, one crash
                                          short of poison */

    uint64_t               complained; /* when; 0: never */
    uint64_t               locked;     /* when a missing key was told */

    uint64_t               walked[2];  /* targets whose rows were counted
                                          last, of PENDING and of DEAD */
    uint64_t               called[2];  /* target, seq: the next row of CALLS
                                          that is looked at */

    ngx_atomic_t           clock;      /* of the last transaction, ms */
    uint64_t               wall;       /* its "now" */

    /* space, see space.c */

    ngx_atomic_t           full;
    uint64_t               size;
    uint64_t               high;       /* bytes */
    uint64_t               low;
    uint64_t               used;       /* when it was counted, without */
    uint64_t               history;    /* what history has */
    uint64_t               shelf;      /* and the shelf */
    uint64_t               grown;      /* since then, estimated */
    uint64_t               counted;    /* ms, monotonic; 0: never */
    size_t                 txnid;      /* the last one that is counted */
    uint64_t               misfit;     /* ms, monotonic: when one was told */
    uint64_t               unmapped;   /* ms, monotonic: when pages were let
                                          go */
};


/* one transaction; on the stack of who runs it */

struct ngx_er_file_txn_s {
    ngx_er_file_t         *file;
    MDB_txn               *txn;
    uint64_t               now;        /* the store's clock */
    uint64_t               grown;      /* bytes that it accepted, estimated */
    uint64_t               suspects;   /* that have to wait for another one */
    uint64_t               seq;        /* the last event's, for META; 0: none
                                          was accepted */
    uint64_t               floor;      /* history.c's */
    ngx_uint_t             told;       /* rows of history that it wrote */
    ngx_er_queue_op_t     *op;         /* that it does now */
    int                    rc;         /* LMDB's, behind an NGX_ERROR; 0: no
                                          memory */
    unsigned               changed:1;
    unsigned               floored:1;  /* floor is known */
    unsigned               asked:1;    /* so is holds */
    uint64_t               holds;      /* hold.c's */

    ngx_uint_t             nslots;     /* see count.c */
    ngx_uint_t             oldest;     /* is the next one to go */
    ngx_er_file_slot_t     slots[NGX_ER_FILE_SLOTS];
};


/* a + b, never beyond NGX_ER_NEVER - 1 */
#define ngx_er_file_later(a, b)                                               \
    (((uint64_t) (b) < NGX_ER_NEVER - 1 - (a)) ? (a) + (uint64_t) (b)         \
                                               : NGX_ER_NEVER - 1)


#endif /* _NGX_ER_FILE_TYPES_H_INCLUDED_ */
