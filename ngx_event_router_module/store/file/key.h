
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the file store knows of events after they came.
 */


#ifndef _NGX_ER_FILE_KEY_H_INCLUDED_
#define _NGX_ER_FILE_KEY_H_INCLUDED_


#include "row.h"


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


/*
 * key_put() also says in the reference of the event, if there is one, for how
 * long; key_drop() only forgets when it ends, the key is put again or deleted.
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


#endif /* _NGX_ER_FILE_KEY_H_INCLUDED_ */
