
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where secrets lie: memory that no core dump contains.
 */


#ifndef _NGX_ER_VAULT_H_INCLUDED_
#define _NGX_ER_VAULT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * "size" bytes for a secret of the configuration that "pool" belongs to; they
 * are overwritten and given back with the pool.  NULL: no memory.
 */
u_char *ngx_er_vault_alloc(ngx_pool_t *pool, size_t size);

/* from now on no process that this one makes by fork() has a byte of it: not
   for the master, whose workers need the secrets */
void ngx_er_vault_close(ngx_log_t *log);

/* leaves whole pages that are somebody else's out of core dumps, too */
void ngx_er_vault_hide(void *p, size_t size, ngx_log_t *log);


#endif /* _NGX_ER_VAULT_H_INCLUDED_ */
