
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Packs: conditions as they are kept, each in one piece of memory.
 */


#ifndef _NGX_ER_PACK_H_INCLUDED_
#define _NGX_ER_PACK_H_INCLUDED_


#include "condition.h"


#define NGX_ER_PACK_LINE  64           /* bytes that the CPU fetches at once */
#define NGX_ER_PACK_UNIT  32           /* packs begin and end at one */


/* where they are kept, one behind the other */

typedef struct {
    ngx_pool_t            *pool;
    u_char                *pos;        /* free memory */
    u_char                *end;
    size_t                 size;       /* of the next piece of it */
} ngx_er_packs_t;


#define ngx_er_pack_bytes(pack)  ((size_t) (pack)->units * NGX_ER_PACK_UNIT)


void ngx_er_packs_init(ngx_er_packs_t *packs, ngx_pool_t *pool);

/* memory behind what was reserved before, if that is so aligned; NULL: none */
u_char *ngx_er_packs_reserve(ngx_er_packs_t *packs, size_t size);

/*
 * The same condition as a pack, which must not change any more; itself if it
 * is one.  A pack is used as any condition; it shares with its original
 * nothing but what is in the pool of the fields.  NULL: no memory.
 */
ngx_er_condition_t *ngx_er_pack(ngx_er_packs_t *packs,
    ngx_er_condition_t *condition);


#endif /* _NGX_ER_PACK_H_INCLUDED_ */
