
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What keeps the databases of the file store in step.
 */


#ifndef _NGX_ER_FILE_ENTRY_H_INCLUDED_
#define _NGX_ER_FILE_ENTRY_H_INCLUDED_


#include "row.h"


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


/*
 * add() and take() put a pending entry in and out of all databases, bury()
 * moves one that was read to the dead letters.  Each says what it was to the
 * ledger.  Events live as long as something refers to them.
 */

ngx_int_t ngx_er_file_add(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act);
ngx_int_t ngx_er_file_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act);
ngx_int_t ngx_er_file_bury(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep);
ngx_int_t ngx_er_file_bury_corrupt(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t seq, ngx_msec_t keep);
ngx_int_t ngx_er_file_ref(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
ngx_int_t ngx_er_file_ref_put(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
ngx_int_t ngx_er_file_refer(ngx_er_file_txn_t *t, uint64_t seq, int n);

/* the same, and writes what else was changed in a row that was read */
ngx_int_t ngx_er_file_ref_add(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref, int n);

/* a row for a part of an ACCEPT, not leased */
void ngx_er_file_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_row_t *row);


#endif /* _NGX_ER_FILE_ENTRY_H_INCLUDED_ */
