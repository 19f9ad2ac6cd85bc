
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The directory of the file store, who uses it, and how a user of it died.
 */


#ifndef _NGX_ER_FILE_LOCK_H_INCLUDED_
#define _NGX_ER_FILE_LOCK_H_INCLUDED_


#include "db.h"


/*
 * own() takes a share in the directory for conf->owner or says why not; with
 * "probe" it changes nothing and keeps nothing.  alone() lets nobody make
 * LMDB's files who does not have the directory alone: then the lock "owner" is
 * exclusive, and has to be shared afterwards.  alive() makes the file of the
 * holder, unless *alive is it; no other process can be in its way.
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
 * Holders that died, found by their locks: at most n of them; each one is
 * reported until ngx_er_file_forget() was called for it, after ADOPT.  Returns
 * how many.  Also lets LMDB forget readers of dead processes, and takes away
 * what those left that died while they made their file.
 */
ngx_uint_t ngx_er_file_dead(ngx_er_file_t *file, uint64_t *holders,
    ngx_uint_t n);

/* 1: this one died within the store, not of what it had in hand */
ngx_uint_t ngx_er_file_blameless(ngx_er_file_t *file, uint64_t holder);
void ngx_er_file_forget(ngx_er_file_t *file, uint64_t holder);


/* once a process; "crashes" is in shared memory and counts those of all */
void ngx_er_signal(ngx_atomic_t *crashes);

/* the holder's file of this process; -1: it has none */
void ngx_er_signal_holder(int fd);

/* around what LMDB does, in any thread */
ngx_uint_t ngx_er_signal_enter(void);
void ngx_er_signal_leave(ngx_uint_t slot);


#endif /* _NGX_ER_FILE_LOCK_H_INCLUDED_ */
