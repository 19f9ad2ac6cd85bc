
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The inside of the file store: its databases, rows and what file_*.c call of
 * each other.  Nobody else includes this.
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
 *     order     target, order, seq            -> nothing
 *               target, order, 0              -> seq of the one that may go
 *     dead      target, seq                   -> row
 *     done      seq, target                   -> row, of retained events
 *     archive   source, seq                   -> until
 *     keys      the key's four words          -> expires, seq; and the hash
 *                                                of the body, if it is needed
 *     lapsed    seq, target                   -> expires, epoch, delivered
 *     expiry    until, kind, four words       -> nothing
 *     counts    target                        -> pending, dead, name
 *     paused    target                        -> nothing
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
#define NGX_ER_FILE_ROW     2560       /* bytes of the largest row */


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
    NGX_ER_FILE_DBS
} ngx_er_file_db_e;


/* words of META; in the file, so numbers never change */

typedef enum {
    NGX_ER_FILE_FORMAT_WORD = 1,
    NGX_ER_FILE_CLOCK = 2,
    NGX_ER_FILE_SEQ = 3,
    NGX_ER_FILE_GENERATION = 4
} ngx_er_file_meta_e;


/* kinds of EXPIRY; in the file, too */

typedef enum {
    NGX_ER_FILE_EXPIRY_KEY = 1,        /* the four words of a key */
    NGX_ER_FILE_EXPIRY_DEAD = 2,       /* target, seq */
    NGX_ER_FILE_EXPIRY_ARCHIVE = 3,    /* source, seq */
    NGX_ER_FILE_EXPIRY_LAPSED = 4        /* seq, target */
} ngx_er_file_expiry_e;


/* classes of DUE */

typedef enum {
    NGX_ER_FILE_FRESH = 0,
    NGX_ER_FILE_AGAIN = 1
} ngx_er_file_class_e;


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

    /* see db.c */

    ngx_er_file_id_t       data_id;
    ngx_er_file_id_t       locks_id;
    size_t                 committed;  /* the last transaction of this
                                          process */
    ngx_er_file_id_t       damaged;    /* not looked into again */
    ngx_atomic_t           lost;       /* it was open and is not any more, */
    ngx_er_error_t         why;        /* set before that */

    uint64_t               suspect[2]; /* target, seq: given last, one crash
                                          short of poison */

    uint64_t               complained; /* when; 0: never */

    ngx_atomic_t           clock;      /* of the last transaction, ms */
    uint64_t               wall;       /* its "now" */

    /* space, see space.c */

    ngx_atomic_t           full;
    uint64_t               size;
    uint64_t               high;       /* bytes */
    uint64_t               low;
    uint64_t               used;       /* when it was counted */
    uint64_t               grown;      /* since then, estimated */
    uint64_t               counted;    /* ms, monotonic; 0: never */
    size_t                 txnid;      /* the last one that is counted */
    uint64_t               unmapped;   /* ms, monotonic: when pages were let
                                          go */
};


/* one transaction; on the stack of who runs it */

typedef struct {
    ngx_er_file_t         *file;
    MDB_txn               *txn;
    uint64_t               now;        /* the store's clock */
    uint64_t               grown;      /* bytes that it accepted, estimated */
    uint64_t               suspects;   /* that have to wait for another one */
    int                    rc;         /* LMDB's, behind an NGX_ERROR; 0: no
                                          memory */
    unsigned               changed:1;
} ngx_er_file_txn_t;


/* a row of PENDING, DEAD or DONE; its strings are in "text" */

typedef struct {
    ngx_er_entry_t         e;
    uint64_t               holder;     /* 0: not leased */
    uint64_t               command;    /* that replayed it last, 0: none */
    uint64_t               until;      /* of a dead letter */
    unsigned               blocked:1;  /* another one of its order goes first:
                                          it is not in DUE */
    unsigned               corrupt:1;  /* could not be read: all is 0 but the
                                          key and the reason */
    u_char                 text[NGX_ER_FILE_ROW];
} ngx_er_file_row_t;


/* a row of REFS */

typedef struct {
    uint32_t               count;
    unsigned               guard:1;
    unsigned               delivered:1;  /* a target has it */
    unsigned               lapsed:1;   /* LAPSED has rows of it */
    uint32_t               window;     /* minutes that its key is known from
                                          when it was accepted, 29 bits; 0: it
                                          has none */
    uint64_t               source;
    uint64_t               until;      /* retained; 0: it is not */
} ngx_er_file_ref_t;


/* a row of KEYS */

typedef struct {
    uint64_t               words[4];
    uint64_t               until;
    uint64_t               seq;        /* of the first event that had it */
    uint64_t               print;      /* of its body; 0: unknown */
} ngx_er_file_key_t;


/*
 * A row of LAPSED: a dead letter that was forgotten, purged or too old, while
 * the key of its event was known: for this target the event is new again.
 */

typedef struct {
    uint64_t               until;
    uint32_t               epoch;
    uint32_t               delivered;  /* another target has the event */
} ngx_er_file_lapsed_t;


/* what is replayed has had its attempts, though they count no more */

#define ngx_er_file_class(row)                                                \
    (((row)->e.attempts || (row)->e.crashes || (row)->e.epoch)                \
     ? NGX_ER_FILE_AGAIN : NGX_ER_FILE_FRESH)

/* a + b, never beyond NGX_ER_NEVER - 1 */
#define ngx_er_file_later(a, b)                                               \
    (((uint64_t) (b) < NGX_ER_NEVER - 1 - (a)) ? (a) + (uint64_t) (b)         \
                                               : NGX_ER_NEVER - 1)


/*
 * row.c.  NGX_ERROR: LMDB failed, t->rc says how, and the transaction
 * must be aborted.  NGX_DECLINED: there is no such row.  NGX_ABORT: there is,
 * but it cannot be read; "row" is usable and says CORRUPT.  A value is valid
 * until the next change.  seek() finds the first key that is not less,
 * seek_back() the last one that is not greater.
 */

ngx_int_t ngx_er_file_get(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, ngx_str_t *value);
ngx_int_t ngx_er_file_seek(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, ngx_str_t *value);
ngx_int_t ngx_er_file_seek_back(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key);
ngx_int_t ngx_er_file_put(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, void *data, size_t len);
ngx_int_t ngx_er_file_delete(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key);
void ngx_er_file_after(ngx_er_file_db_e db, uint64_t *key);
ngx_int_t ngx_er_file_meta(ngx_er_file_txn_t *t, ngx_er_file_meta_e what,
    uint64_t *word);
ngx_int_t ngx_er_file_set_meta(ngx_er_file_txn_t *t, ngx_er_file_meta_e what,
    uint64_t word);
u_char *ngx_er_file_write(u_char *p, uint64_t n, size_t bytes);
uint64_t ngx_er_file_number(u_char *p, size_t bytes);
void ngx_er_file_row_init(ngx_er_file_row_t *row, uint64_t target,
    uint64_t seq);
void ngx_er_file_row_text(ngx_er_file_row_t *row, ngx_str_t *name,
    ngx_str_t *routes, ngx_str_t *answer);
ngx_int_t ngx_er_file_row_decode(ngx_er_file_row_t *row, ngx_str_t *value);
ngx_int_t ngx_er_file_row(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t target, uint64_t seq, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_row_put(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    ngx_er_file_row_t *row);


/*
 * entry.c: what keeps the databases in step.  add() and take() put a
 * pending entry in and out of all of them, bury() moves one that was read to
 * the dead letters and exhume() takes one from there.  Between unindex() and
 * index() an entry may be changed.  Events live as long as something refers to
 * them.
 */

ngx_int_t ngx_er_file_add(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_unindex(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_index(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_bury(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep);
ngx_int_t ngx_er_file_bury_corrupt(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t seq, ngx_msec_t keep);
ngx_int_t ngx_er_file_exhume(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_ref(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
ngx_int_t ngx_er_file_ref_put(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
ngx_int_t ngx_er_file_refer(ngx_er_file_txn_t *t, uint64_t seq, int n);

/* a row for a part of an ACCEPT, not leased */
void ngx_er_file_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_row_t *row);


/*
 * key.c: what is known of events after they came.  key_put() also says
 * in the reference of the event, if there is one, for how long; key_drop()
 * only forgets when it ends, the key is put again or deleted.
 */

ngx_int_t ngx_er_file_key_get(ngx_er_file_txn_t *t, ngx_er_file_key_t *key);
ngx_int_t ngx_er_file_key_put(ngx_er_file_txn_t *t, ngx_er_file_key_t *key);
ngx_int_t ngx_er_file_key_drop(ngx_er_file_txn_t *t, ngx_er_file_key_t *key);
uint32_t ngx_er_file_key_window(uint64_t seq, uint64_t until);

/* "row" was a dead letter and is forgotten now; its event is still there */
ngx_int_t ngx_er_file_lapsed_put(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_lapsed(ngx_er_file_txn_t *t, uint64_t seq,
    uint64_t target, ngx_er_file_lapsed_t *lapsed);
/* the next one of the event, from *target on */
ngx_int_t ngx_er_file_lapsed_next(ngx_er_file_txn_t *t, uint64_t seq,
    uint64_t *target, ngx_er_file_lapsed_t *lapsed);
ngx_int_t ngx_er_file_lapsed_delete(ngx_er_file_txn_t *t, uint64_t seq,
    uint64_t target, ngx_er_file_lapsed_t *lapsed);
/* a target has the event: what is forgotten of it does not make it new */
ngx_int_t ngx_er_file_lapsed_delivered(ngx_er_file_txn_t *t, uint64_t seq);


/*
 * list.c: an event comes again whose key is known.  NGX_DONE: what is
 * dead or lapsed of it was started again, op->counts names the targets;
 * NGX_DECLINED: a duplicate; NGX_OK: nobody has it and nothing is left of it,
 * it is new; NGX_BUSY: there is no room, nothing was changed.
 */

ngx_int_t ngx_er_file_repeat(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key);


/* entry.c: the next one of an order may go, when a lease of "row" ended
   and it is not indexed */

ngx_int_t ngx_er_file_order_release(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);


/* entry.c */

ngx_int_t ngx_er_file_count(ngx_er_file_txn_t *t, uint64_t target,
    ngx_str_t *name, int pending, int dead);
ngx_int_t ngx_er_file_count_get(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_queue_count_t *count);
ngx_int_t ngx_er_file_counts(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_next_due(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_file_class_e class, ngx_er_queue_op_t *lease, uint64_t *due);


/*
 * The verbs: verbs.c, verbs.c, verbs.c, list.c,
 * list.c, sweep.c.  They return op->rc, or NGX_ERROR if the
 * transaction must be aborted.
 */

ngx_int_t ngx_er_file_accept(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_lease(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_extend(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_adopt(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_settle(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_retry(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_give_up(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_replay(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_purge(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_list(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_sweep(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_pause(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);

/*
 * list.c, also for list.c: the dead letter is pending again, for
 * its own target or op->to.  NGX_DECLINED: it cannot be.
 */
ngx_int_t ngx_er_file_again(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);

/*
 * The entry of an operation that names a lease, out of DUE and LEASES: the
 * caller changes and indexes it again.  NGX_DECLINED: the lease is another's.
 */
ngx_int_t ngx_er_file_mine(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);


/* list.c */

typedef ngx_int_t (*ngx_er_file_walk_pt)(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);

ngx_int_t ngx_er_file_walk(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, ngx_er_file_walk_pt handler);
ngx_int_t ngx_er_file_result(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_str_t *record);
ngx_uint_t ngx_er_file_has_route(ngx_str_t *routes, ngx_str_t *route);


/* space.c */

ngx_int_t ngx_er_file_space_reserve(ngx_er_file_t *file, ngx_er_error_t *err);
ngx_int_t ngx_er_file_room(ngx_er_file_conf_t *conf, int dir,
    ngx_er_error_t *err);
ngx_int_t ngx_er_file_space_admit(ngx_er_file_txn_t *t, size_t record,
    ngx_uint_t parts);
void ngx_er_file_space_count(ngx_er_file_t *file, uint64_t grown);
ngx_uint_t ngx_er_file_space_old(ngx_er_file_t *file);
ngx_int_t ngx_er_file_space_grow(ngx_er_file_t *file);
ngx_uint_t ngx_er_file_space_failed(int rc);
void ngx_er_file_space_unmap(ngx_er_file_t *file);


/*
 * lock.c.  own() takes a share in the directory for conf->owner or says
 * why not; with "probe" it changes nothing and keeps nothing.  alone() lets
 * nobody make LMDB's files who does not have the directory alone: then the
 * lock "owner" is exclusive, and has to be shared afterwards.  alive() makes
 * the holder's file, unless *alive is it.
 */

ngx_int_t ngx_er_file_directory(ngx_er_file_conf_t *conf, ngx_uint_t probe,
    int *dir, ngx_er_error_t *err);
ngx_int_t ngx_er_file_own(ngx_er_file_conf_t *conf, int dir, ngx_uint_t probe,
    int *owner, ngx_er_error_t *err);
ngx_int_t ngx_er_file_alone(ngx_er_file_conf_t *conf, int dir, int owner,
    ngx_er_error_t *err);
ngx_int_t ngx_er_file_alive(int dir, uint64_t holder, int *alive,
    ngx_er_error_t *err);
void ngx_er_file_gone(ngx_er_file_t *file, ngx_uint_t remove);


/*
 * db.c.  remember() says which files were opened, look() if they are
 * still the ones at their paths, and whole: NGX_OK, or NGX_ERROR with a
 * sentence.  Both are called with the lock held and the environment open.
 */

ngx_int_t ngx_er_file_remember(ngx_er_file_t *file, ngx_er_error_t *err);
ngx_int_t ngx_er_file_look(ngx_er_file_t *file, ngx_er_error_t *err);
ngx_int_t ngx_er_file_look_txn(ngx_er_file_txn_t *t, ngx_er_error_t *err);
ngx_uint_t ngx_er_file_damage(int rc);


/*
 * check.c: nothing of the database is damaged, as far as could be seen in
 * "ms".  No environment of it may be open in this process.
 */
ngx_int_t ngx_er_file_sound(const char *data, const char *locks,
    const char *path, ngx_msec_t ms, ngx_er_error_t *err);


/* file.c */

ngx_int_t ngx_er_file_open_env(ngx_er_file_t *file, ngx_er_error_t *err);
ngx_int_t ngx_er_file_begin(ngx_er_file_txn_t *t, ngx_uint_t write);
void ngx_er_file_abort(ngx_er_file_txn_t *t);


#endif /* _NGX_ER_FILE_TYPES_H_INCLUDED_ */
