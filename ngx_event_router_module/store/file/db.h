
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The embedded store: LMDB in one directory, opened once per worker after the
 * fork, by all workers of one nginx.  Pure and blocking: it is called in
 * nginx's thread pool, tests call it as it is.
 */


#ifndef _NGX_ER_FILE_DB_H_INCLUDED_
#define _NGX_ER_FILE_DB_H_INCLUDED_


#include "../entry.h"
#include "../../base/histogram.h"
#include "../../base/safe.h"


#define NGX_ER_FILE_FORMAT  1


typedef struct ngx_er_file_s      ngx_er_file_t;
typedef struct ngx_er_file_txn_s  ngx_er_file_txn_t;


typedef struct {
    ngx_str_t              path;       /* the directory, with a zero behind */
    ngx_str_t              owner;      /* who may use it at once: the path of
                                          nginx.conf */
    uint64_t               size;       /* bytes */
    ngx_uint_t             high;       /* percent: ACCEPT is refused above */
    ngx_uint_t             low;        /* percent: and taken again below */
    uint64_t               history_time;  /* ms; 0: no history is kept */
    uint64_t               history_size;  /* bytes of it at most */
    ngx_er_safe_t         *safe;       /* keys; NULL: nothing is sealed */
    ngx_atomic_t          *commits;    /* how long they take; NULL: nobody
                                          asks */
    const ngx_er_histogram_t  *bounds;
} ngx_er_file_conf_t;


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
 * Without "create" there must be a database, and one that was used before.  It
 * is looked into for "ms" at most before it is opened, 0: only at its
 * beginning.  conf must live as long.
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

/* 1: it was empty when it was opened last */
ngx_uint_t ngx_er_file_is_fresh(ngx_er_file_t *file);

/* how many deliveries waited in it then */
ngx_uint_t ngx_er_file_waiting(ngx_er_file_t *file);

/* as if it was lost, for that reason */
void ngx_er_file_lose(ngx_er_file_t *file, ngx_er_error_t *err);

/*
 * 1 while ACCEPTs would be refused: above "high", until below "low".  As of
 * the last transaction; no lock is taken.
 */
ngx_uint_t ngx_er_file_full(ngx_er_file_t *file);

/* the store's clock, ms, as of the last transaction */
uint64_t ngx_er_file_clock(ngx_er_file_t *file);

/*
 * For the files of the store: begins a transaction and ends it without any
 * change.  NGX_ERROR: t->rc says how LMDB failed.
 */
ngx_int_t ngx_er_file_begin(ngx_er_file_txn_t *t, ngx_uint_t write);
void ngx_er_file_abort(ngx_er_file_txn_t *t);

/*
 * Are the files that were opened still the ones at their paths, and whole?
 * NGX_OK, or NGX_ERROR with a sentence.  The lock is held and the environment
 * open; look_txn() is for a transaction of writing that has just begun.
 */
ngx_int_t ngx_er_file_look(ngx_er_file_t *file, ngx_er_error_t *err);
ngx_int_t ngx_er_file_look_txn(ngx_er_file_txn_t *t, ngx_er_error_t *err);


#endif /* _NGX_ER_FILE_DB_H_INCLUDED_ */
