
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Stand-ins for the queue's operations and its clock.  Included once in a test
 * that has "pool", in which an operation finds room, and "ops", which is 0
 * again when all of them were freed.
 */


uint64_t
ngx_er_queue_now(void)
{
    return ngx_current_msec;
}


ngx_er_queue_op_t *
ngx_er_queue_op(ngx_er_queue_verb_e verb, ngx_er_queue_op_pt handler,
    void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_calloc(sizeof(ngx_er_queue_op_t), &ngx_er_test_log);
    if (op == NULL) {
        return NULL;
    }

    op->verb = verb;
    op->handler = handler;
    op->data = data;
    op->pool = pool;
    ops++;

    return op;
}


void
ngx_er_queue_op_free(ngx_er_queue_op_t *op)
{
    ops--;
    ngx_free(op);
}
