
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The vault: what is read of secrets and what is made of them (decoded bytes,
 * the pads of HMAC) lies here and nowhere else.  secret.c, crypto.c and the
 * readers of passwords call it while the configuration is read, token.c and
 * grant.c for what is fetched and sent later.
 *
 * Its memory is mapped by itself, left out of core dumps (a worker inherits
 * that from the master), and overwritten when the pool of its configuration
 * goes: at the end of the cycle, or at once if the configuration was refused.
 * A worker leaves it out of the processes that it makes itself, too, before it
 * makes one (jq_nursery.c).
 * All secrets of a cycle share few mappings; a page of them is touched when it
 * is needed.  Where the system cannot leave memory out of core dumps, they are
 * there as they would be in a pool.
 */


#include <sys/mman.h>

#include "vault.h"


#define NGX_ER_VAULT_SIZE  (1024 * 1024)


typedef struct ngx_er_vault_s  ngx_er_vault_t;

struct ngx_er_vault_s {
    ngx_pool_t            *pool;
    ngx_er_vault_t        *next;       /* of another configuration, or one
                                          that is full */
    u_char                *start;
    u_char                *pos;
    u_char                *end;
};


static ngx_er_vault_t *ngx_er_vault_create(ngx_pool_t *pool, size_t size);
static void ngx_er_vault_keep(ngx_er_vault_t *vault, ngx_log_t *log);
static void ngx_er_vault_destroy(void *data);


/* those of the configurations that live: two while one is reloaded */

static ngx_er_vault_t  *ngx_er_vaults;

/* 1: processes that this one makes have none of them */

static ngx_uint_t       ngx_er_vault_closed;


u_char *
ngx_er_vault_alloc(ngx_pool_t *pool, size_t size)
{
    u_char          *p;
    ngx_er_vault_t  *vault;

    for (vault = ngx_er_vaults; vault; vault = vault->next) {
        if (vault->pool == pool && (size_t) (vault->end - vault->pos) >= size)
        {
            break;
        }
    }

    if (vault == NULL) {
        vault = ngx_er_vault_create(pool, size);

        if (vault == NULL) {
            return NULL;
        }
    }

    p = vault->pos;
    vault->pos += size;

    return p;
}


static ngx_er_vault_t *
ngx_er_vault_create(ngx_pool_t *pool, size_t size)
{
    void                *p;
    ngx_er_vault_t      *vault;
    ngx_pool_cleanup_t  *cln;

    size = ngx_align(ngx_max(size, NGX_ER_VAULT_SIZE), ngx_pagesize);

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_er_vault_t));
    if (cln == NULL) {
        return NULL;
    }

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANON, -1, 0);

    if (p == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ALERT, pool->log, ngx_errno,
                      "mmap() for secrets failed");
        return NULL;
    }

    ngx_er_vault_hide(p, size, pool->log);

    vault = cln->data;

    vault->pool = pool;
    vault->start = p;
    vault->pos = p;
    vault->end = vault->start + size;
    vault->next = ngx_er_vaults;
    ngx_er_vaults = vault;

    cln->handler = ngx_er_vault_destroy;

    if (ngx_er_vault_closed) {
        ngx_er_vault_keep(vault, pool->log);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, pool->log, 0,
                   "event router vault of %uz bytes", size);

    return vault;
}


void
ngx_er_vault_close(ngx_log_t *log)
{
    ngx_er_vault_t  *vault;

    for (vault = ngx_er_vaults; vault; vault = vault->next) {
        ngx_er_vault_keep(vault, log);
    }

    ngx_er_vault_closed = 1;
}


static void
ngx_er_vault_keep(ngx_er_vault_t *vault, ngx_log_t *log)
{
#ifdef MADV_DONTFORK

    if (madvise(vault->start, vault->end - vault->start, MADV_DONTFORK) == -1)
    {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "processes of jq would have the secrets, "
                      "madvise(MADV_DONTFORK) failed");
    }

#endif
}


void
ngx_er_vault_hide(void *p, size_t size, ngx_log_t *log)
{
#ifdef MADV_DONTDUMP

    if (madvise(p, size, MADV_DONTDUMP) == -1) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "secrets would be part of a core dump, "
                      "madvise(MADV_DONTDUMP) failed");
    }

#endif
}


static void
ngx_er_vault_destroy(void *data)
{
    ngx_er_vault_t *vault = data;

    ngx_er_vault_t  **v;

    for (v = &ngx_er_vaults; *v; v = &(*v)->next) {
        if (*v == vault) {
            *v = vault->next;
            break;
        }
    }

    ngx_explicit_memzero(vault->start, vault->pos - vault->start);

    (void) munmap(vault->start, vault->end - vault->start);
}
