
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Notes when the process dies within the file store.
 */


#ifndef _NGX_ER_FILE_SIGNAL_H_INCLUDED_
#define _NGX_ER_FILE_SIGNAL_H_INCLUDED_


#include "../../base/base.h"


#define NGX_ER_FILE_BLAMELESS  0400    /* mode of a holder's file whose worker
                                          died within the store */
#define NGX_ER_SIGNAL_THREADS   64


/* once a process; "crashes" is in shared memory and counts those of all */
void ngx_er_signal(ngx_atomic_t *crashes);

/* the holder's file of this process; -1: it has none */
void ngx_er_signal_holder(int fd);

/* around what LMDB does, in any thread */
ngx_uint_t ngx_er_signal_enter(void);
void ngx_er_signal_leave(ngx_uint_t slot);


#endif /* _NGX_ER_FILE_SIGNAL_H_INCLUDED_ */
