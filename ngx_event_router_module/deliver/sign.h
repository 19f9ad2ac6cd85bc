
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Signatures of deliveries: "sign" of event_target.
 */


#ifndef _NGX_ER_SIGN_H_INCLUDED_
#define _NGX_ER_SIGN_H_INCLUDED_


#include "attempt.h"
#include "../conf/block.h"
#include "../ingest/signer.h"


struct ngx_er_sign_s {
    ngx_er_signer_t       *signer;
    ngx_er_where_t         where;
    ngx_uint_t             n;
    ngx_table_elt_t        headers[NGX_ER_SIGNER_HEADERS];  /* without their
                                                               values */
};


/* the line "sign" of event_target */
char *ngx_er_sign_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* the block ends: NGX_ERROR after logging what "sign" contradicts; warns of
   what it makes void */
ngx_int_t ngx_er_sign_complete(ngx_conf_t *cf, ngx_er_target_t *target);

/*
 * Signs the body of the carrier's request, whose list of headers has room for
 * NGX_ER_SIGNER_HEADERS more; the target has a "sign".  NGX_ERROR: no memory,
 * or OpenSSL failed, which is logged.
 */
ngx_int_t ngx_er_sign_add(ngx_er_attempt_t *attempt);


#endif /* _NGX_ER_SIGN_H_INCLUDED_ */
