
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys in shared memory: known to all workers of one nginx, kept over a
 * reload, lost when nginx stops.
 */


#ifndef _NGX_ER_MEMORY_H_INCLUDED_
#define _NGX_ER_MEMORY_H_INCLUDED_


#include "dedup.h"


typedef struct ngx_er_memory_sh_s  ngx_er_memory_sh_t;


struct ngx_er_memory_s {
    ngx_er_memory_sh_t      *sh;
    ngx_slab_pool_t         *shpool;
    ngx_shm_zone_t          *zone;
    uint64_t                 victim;   /* of this process, until somebody asks:
                                          the source whose keys went, */
    ngx_uint_t               forgotten;  /* and how many */
};


/* NULL with a message logged; 8 pages at least */
ngx_er_memory_t *ngx_er_memory_create(ngx_conf_t *cf, size_t size);

/* of fingerprints in its keys; the same for all workers, new with the zone */
u_char *ngx_er_memory_secret(ngx_er_memory_t *memory);

/* fills in the claim's result; NGX_OK, or NGX_ERROR: no memory */
ngx_int_t ngx_er_memory_claim(ngx_er_memory_t *memory, ngx_er_claim_t *claim);

/*
 * NGX_OK; NGX_DECLINED: another holder has the key (a settled target is
 * remembered all the same); NGX_ERROR: no memory.  A key that is not there is
 * adopted.
 */
ngx_int_t ngx_er_memory_settle(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim, uint64_t target);
ngx_int_t ngx_er_memory_finalize(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);
ngx_int_t ngx_er_memory_release(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);

/* takes over a claim that Redis gave, with what it has settled, unless another
   holder has the key here */
void ngx_er_memory_hold(ngx_er_memory_t *memory, ngx_er_claim_t *claim);

/*
 * Merges what is known here into NEW, RESUME or BUSY that Redis answered: it
 * can become DUPLICATE, BUSY or RESUME, and "settled" can grow.  BUSY becomes
 * DUPLICATE when Redis was not told the end of the attempt it waits for: then
 * the claim gets the token of that attempt, so that Redis can be told now.
 */
void ngx_er_memory_consult(ngx_er_memory_t *memory, ngx_er_claim_t *claim);


#endif /* _NGX_ER_MEMORY_H_INCLUDED_ */
