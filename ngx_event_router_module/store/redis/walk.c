
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A walk from shard to shard.  Pure, owns nothing.
 */


#include "walk.h"


ngx_int_t
ngx_er_redis_walk_next(ngx_er_redis_walk_t *w)
{
    if (w->left == 0) {
        return NGX_OK;
    }

    w->left--;
    w->late = 0;
    w->shard = (w->shard + 1) % w->layout->shards;

    return NGX_AGAIN;
}
