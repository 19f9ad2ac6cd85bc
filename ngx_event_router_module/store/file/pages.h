
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Looks at a database of LMDB without trusting it.
 */


#ifndef _NGX_ER_FILE_PAGES_H_INCLUDED_
#define _NGX_ER_FILE_PAGES_H_INCLUDED_


#include "../../base/base.h"


/*
 * fd is data.mdb.  As of the transaction "txnid", which a reader of LMDB's
 * must hold if others may write; 0: of the last one.  Looks for about "ms" at
 * most, 0: at the beginning and the size only.  NGX_OK: nothing wrong was
 * found; with a sentence: NGX_ERROR, or NGX_AGAIN if there is no such
 * transaction (any more).
 */
ngx_int_t ngx_er_pages(int fd, size_t txnid, ngx_msec_t ms,
    ngx_er_error_t *err);

/*
 * The number of the last transaction.  NGX_ERROR: the one before it is not
 * there, so somebody else wrote into the file; NGX_DECLINED: it cannot be
 * read, or is of an unknown format.
 */
ngx_int_t ngx_er_pages_last(int fd, size_t *txnid);


#endif /* _NGX_ER_FILE_PAGES_H_INCLUDED_ */
