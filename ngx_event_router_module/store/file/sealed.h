
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the file store seals, if it has keys: records, answers, and what lies
 * on the shelf.
 */


#ifndef _NGX_ER_FILE_SEALED_H_INCLUDED_
#define _NGX_ER_FILE_SEALED_H_INCLUDED_


#include "types.h"


/*
 * A text as it is kept at a place: itself without keys, else sealed, in the
 * pool.  NGX_ERROR: no memory, as below.
 */
ngx_int_t ngx_er_file_seal(ngx_er_file_t *file, ngx_er_safe_place_t *place,
    ngx_str_t *text, ngx_pool_t *pool, ngx_str_t *kept);

/*
 * A copy of what is kept, opened; what cannot be opened is copied as it is:
 * it is no record, and who reads it finds that out.  It is told in the log.
 * NGX_BUSY: so it is for want of its key.
 */
ngx_int_t ngx_er_file_unseal(ngx_er_file_t *file, ngx_er_safe_place_t *place,
    ngx_str_t *kept, ngx_pool_t *pool, ngx_str_t *text);

/* places */
void ngx_er_file_place_record(ngx_er_safe_place_t *place, uint64_t seq);
void ngx_er_file_place_answer(ngx_er_safe_place_t *place, uint64_t target,
    uint64_t seq);

void ngx_er_file_place_history(ngx_er_safe_place_t *place, uint64_t seq,
    uint64_t n);

/* ngx_er_safe_found() of its keys */
uint64_t ngx_er_file_sealed_hash(ngx_er_file_t *file, ngx_uint_t i,
    uint64_t hash);

/* in how many ways a hash may be kept, for those who look for it */
ngx_uint_t ngx_er_file_sealed_hashes(ngx_er_file_t *file);

/* an event's record is put; NGX_ERROR: the transaction must be aborted */
ngx_int_t ngx_er_file_record_put(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_str_t *record, ngx_pool_t *pool);

/*
 * Looks at records of a store, those of the first and the last events and some
 * between, and so at history and rows of the shelf, for the key of one that is
 * not there; 0: none was found, NGX_ER_NEVER: one is not sealed and must be.
 * NGX_ERROR as with all that reads.
 */

#define NGX_ER_FILE_SHELF_HEAD  8      /* bytes of a row of the shelf before
                                          its value */

ngx_int_t ngx_er_file_sealed_look(ngx_er_file_txn_t *t, uint64_t *key);


#endif /* _NGX_ER_FILE_SEALED_H_INCLUDED_ */
