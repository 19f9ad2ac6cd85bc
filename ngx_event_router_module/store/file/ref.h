
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who needs an event of the file store.
 */


#ifndef _NGX_ER_FILE_REF_H_INCLUDED_
#define _NGX_ER_FILE_REF_H_INCLUDED_


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


/* events live as long as something refers to them; NGX_DECLINED: none does */

ngx_int_t ngx_er_file_ref(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
ngx_int_t ngx_er_file_ref_put(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
ngx_int_t ngx_er_file_refer(ngx_er_file_txn_t *t, uint64_t seq, int n);

/* the same, and writes what else was changed in a row that was read */
ngx_int_t ngx_er_file_ref_add(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref, int n);


#endif /* _NGX_ER_FILE_REF_H_INCLUDED_ */
