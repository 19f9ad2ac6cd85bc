
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Keys and rows of the file store.
 */


#ifndef _NGX_ER_FILE_ROW_H_INCLUDED_
#define _NGX_ER_FILE_ROW_H_INCLUDED_


#include "types.h"


/* bytes of an entry's version at most */
#define NGX_ER_FILE_VERSION  (1 + 8 + NGX_ER_ENTRY_KEY + NGX_ER_ENTRY_VERSION)


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
    unsigned               versioned:1;
    ngx_er_entry_version_t  version;   /* its length is 0 until it was read: of
                                          a pending one see version.h */
    u_char                 text[NGX_ER_FILE_ROW];
} ngx_er_file_row_t;


/* what is replayed has had its attempts, though they count no more */

#define ngx_er_file_class(row)                                                \
    (((row)->e.attempts || (row)->e.crashes || (row)->e.epoch)                \
     ? NGX_ER_FILE_AGAIN : NGX_ER_FILE_FRESH)


/*
 * NGX_ERROR: LMDB failed, t->rc says how, and the transaction must be aborted.
 * NGX_DECLINED: there is no such row.  NGX_ABORT: there is, but it cannot be
 * read; "row" is usable and says CORRUPT.  A value is valid until the next
 * change.  seek() finds the first key that is not less, seek_back() the last
 * one that is not greater.  put_new() leaves a row that is there, and says
 * NGX_DECLINED.
 */

ngx_int_t ngx_er_file_get(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, ngx_str_t *value);
ngx_int_t ngx_er_file_seek(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, ngx_str_t *value);
ngx_int_t ngx_er_file_seek_back(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key);

/* NGX_OK: there may be more rows that begin with key[0] behind those "*n" (at
   most, in and out) that follow "key", which is the last of them then;
   NGX_DECLINED: these are all; of databases with keys of two words */
ngx_int_t ngx_er_file_measure(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, ngx_uint_t *n);

ngx_int_t ngx_er_file_put(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key, void *data, size_t len);
ngx_int_t ngx_er_file_put_new(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
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
ngx_int_t ngx_er_file_has(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t target, uint64_t seq);
ngx_int_t ngx_er_file_row_put(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    ngx_er_file_row_t *row);

/* a version as it is kept; write() returns the end of NGX_ER_FILE_VERSION
   bytes at most, read() NGX_DECLINED for what is none */
u_char *ngx_er_file_version_write(u_char *p, ngx_er_entry_version_t *version);
ngx_int_t ngx_er_file_version_read(ngx_er_entry_version_t *version, u_char *p,
    size_t len);


#endif /* _NGX_ER_FILE_ROW_H_INCLUDED_ */
