
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Space in the file store, and in memory.
 */


#ifndef _NGX_ER_FILE_SPACE_H_INCLUDED_
#define _NGX_ER_FILE_SPACE_H_INCLUDED_


#include "types.h"


/* how far it may grow in an emergency */
#define ngx_er_file_limit(size)  ((size) + (size) / 8 + 262144)

/* the file gets its whole size on the disk; NGX_ERROR with a sentence */
ngx_int_t ngx_er_file_space_reserve(ngx_er_file_t *file, ngx_er_error_t *err);

/*
 * An event with a record of so many bytes and so many entries: NGX_OK, and it
 * is in the estimate, or NGX_BUSY: it would pass the mark.
 */
ngx_int_t ngx_er_file_space_admit(ngx_er_file_txn_t *t, size_t record,
    ngx_uint_t parts);

/*
 * Bytes of an event for which there is always room in one piece, unless the
 * store is full.  misfit() is 1, and then the log is told now and then, if a
 * record is larger than that and it is not the store that is full.
 */
uint64_t ngx_er_file_space_piece(uint64_t size, ngx_uint_t high);
ngx_uint_t ngx_er_file_space_misfit(ngx_er_file_t *file, size_t record);

/*
 * count() looks what is used, inside a transaction of writing that has
 * accepted "grown" bytes already; old() is 1 when it is time for that.
 */
ngx_uint_t ngx_er_file_space_old(ngx_er_file_t *file);
void ngx_er_file_space_count(ngx_er_file_t *file, uint64_t grown);

/* bytes that history may have now, and those of its pages, as the transaction
   sees them */
uint64_t ngx_er_file_space_history(ngx_er_file_t *file);
uint64_t ngx_er_file_space_taken(ngx_er_file_t *file, MDB_txn *txn);

/* those of the shelf */
uint64_t ngx_er_file_space_shelf(ngx_er_file_t *file, MDB_txn *txn);

/* an emergency: the map grows, outside of any transaction; NGX_DECLINED: it
   did already */
ngx_int_t ngx_er_file_space_grow(ngx_er_file_t *file);

/* lets go of the map's pages in memory, now and then */
void ngx_er_file_space_unmap(ngx_er_file_t *file);


#endif /* _NGX_ER_FILE_SPACE_H_INCLUDED_ */
