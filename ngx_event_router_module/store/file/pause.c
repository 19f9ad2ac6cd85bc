
/*
 * Copyright (C) Event Router contributors
 */


/*
 * PAUSE: which targets an operator has paused, so that it outlives nginx.  A
 * row for each of them, and no row is no pause.  The store does not act on it:
 * the lanes do (deliver/pause.c).  Called by ngx_er_file_run().
 */


#include "types.h"


ngx_int_t
ngx_er_file_pause(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key, *target;
    ngx_int_t   rc;

    rc = NGX_OK;

    if (op->target && op->held) {
        rc = ngx_er_file_put(t, NGX_ER_FILE_PAUSED, &op->target,
                             (u_char *) "", 0);

    } else if (op->target) {
        rc = ngx_er_file_delete(t, NGX_ER_FILE_PAUSED, &op->target);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    op->paused = ngx_array_create(op->pool, 4, sizeof(uint64_t));
    if (op->paused == NULL) {
        return NGX_ERROR;
    }

    for (key = 0; /* void */ ; key++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_PAUSED, &key, NULL);

        if (rc != NGX_OK) {
            return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
        }

        target = ngx_array_push(op->paused);
        if (target == NULL) {
            return NGX_ERROR;
        }

        *target = key;

        if (key == NGX_ER_NEVER) {
            return NGX_OK;
        }
    }
}
