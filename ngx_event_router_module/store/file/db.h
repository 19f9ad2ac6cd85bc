
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The embedded store: LMDB in one directory, opened once per worker after the
 * fork, by all workers of one nginx.  Pure and blocking: queue.c calls it
 * in nginx's thread pool, tests call it as it is.
 */


#ifndef _NGX_ER_FILE_DB_H_INCLUDED_
#define _NGX_ER_FILE_DB_H_INCLUDED_


#include "../entry.h"


#define NGX_ER_FILE_FORMAT  1


typedef struct ngx_er_file_s  ngx_er_file_t;


typedef struct {
    ngx_str_t              path;       /* the directory, with a zero behind */
    ngx_str_t              owner;      /* who may use it at once: the path of
                                          nginx.conf */
    uint64_t               size;       /* bytes */
    ngx_uint_t             high;       /* percent: ACCEPT is refused above */
    ngx_uint_t             low;        /* percent: and taken again below */
} ngx_er_file_conf_t;


/*
 * NGX_OK with a sentence: the directory has other things in it, or anybody may
 * put some there, and it was never a store.  NGX_DECLINED: it is not so.
 */
ngx_int_t ngx_er_file_shared(ngx_er_file_conf_t *conf, ngx_er_error_t *err);

/*
 * Before any worker: is the directory usable?  A directory that does not
 * exist yet is.  NGX_OK, or NGX_ERROR with a sentence: not a directory, open
 * to others than its owner (mode), on a network file system, not writable, of
 * an unknown format (which is left untouched), or in use by another nginx.
 */
ngx_int_t ngx_er_file_check(ngx_er_file_conf_t *conf, ngx_er_error_t *err);

/*
 * The same, and: can so many workers make their files, and is the database
 * whole, as far as can be seen in "ms"?  By a process that has the rights of a
 * worker and does not have the store open.
 */
ngx_int_t ngx_er_file_examine(ngx_er_file_conf_t *conf, ngx_uint_t holders,
    ngx_msec_t ms, ngx_er_error_t *err);

/*
 * Opens it for this process under the name "holder" (not 0, unique among all
 * workers that ever were), creating what is missing: the files are of the
 * whole size from the beginning, so that the disk cannot fill up below them.
 * NULL with a sentence; further reasons: no room on the disk, the size cannot
 * be had.  The holder is alive until ngx_er_file_close() or the process ends,
 * however that happens.
 */
ngx_er_file_t *ngx_er_file_open(ngx_er_file_conf_t *conf, uint64_t holder,
    ngx_log_t *log, ngx_er_error_t *err);
void ngx_er_file_close(ngx_er_file_t *file);

/*
 * In two steps: create() opens nothing yet, and reopen() may be called again
 * if it failed, or when the store was lost, in any thread but one at a time.
 * Without "create" there must be a database; it is looked into for "ms" at
 * most before it is opened, 0: it is not.  conf must live as long.
 */
ngx_er_file_t *ngx_er_file_create(ngx_er_file_conf_t *conf, uint64_t holder,
    ngx_log_t *log, ngx_er_error_t *err);
ngx_int_t ngx_er_file_reopen(ngx_er_file_t *file, ngx_uint_t create,
    ngx_msec_t ms, ngx_er_error_t *err);

/*
 * 0: it was not opened, or it was lost since, and then "err", unless NULL, is
 * the sentence why: its files were removed, moved, replaced, cut off or
 * damaged.  All operations have failed since then, without any change.
 */
ngx_uint_t ngx_er_file_is_open(ngx_er_file_t *file, ngx_er_error_t *err);

/* as if it was lost, for that reason */
void ngx_er_file_lose(ngx_er_file_t *file, ngx_er_error_t *err);

/*
 * Runs the operations of the list (ngx_er_queue_op_t by "queue"), in order and
 * in one transaction, and returns when it is on the disk; sets op->rc of each.
 * If the transaction fails, ACCEPTs get NGX_ERROR (NGX_BUSY when the store is
 * full) and the others are tried without them, unless the commit failed and
 * not for want of room.  "now" is the wall clock in ms; the store's clock goes
 * on from the last one it saw if that is later.  To be called by one thread at
 * a time.  Handlers are not called.  LIST needs no transaction of its own: it
 * is run with ngx_er_file_read().
 */
void ngx_er_file_run(ngx_er_file_t *file, ngx_queue_t *ops, uint64_t now);

/* LIST, beside a transaction under way in another thread or process */
void ngx_er_file_read(ngx_er_file_t *file, ngx_er_queue_op_t *op);

/*
 * Holders that died, found by their locks: at most n of them; each one is
 * reported until ngx_er_file_forget() was called for it, after ADOPT.  Returns
 * how many.  Also lets LMDB forget readers of dead processes.
 */
ngx_uint_t ngx_er_file_dead(ngx_er_file_t *file, uint64_t *holders,
    ngx_uint_t n);

/* 1: this one died within the store, not of what it had in hand */
ngx_uint_t ngx_er_file_blameless(ngx_er_file_t *file, uint64_t holder);
void ngx_er_file_forget(ngx_er_file_t *file, uint64_t holder);

/*
 * 1 while ACCEPTs would be refused: above "high", until below "low".  As of
 * the last transaction; no lock is taken.
 */
ngx_uint_t ngx_er_file_full(ngx_er_file_t *file);

/* the store's clock, ms, as of the last transaction */
uint64_t ngx_er_file_clock(ngx_er_file_t *file);


#endif /* _NGX_ER_FILE_DB_H_INCLUDED_ */
