
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The posted events of nginx's loop: one after the other until none is left.
 */


#ifndef _NGX_ER_TEST_POSTED_H_INCLUDED_
#define _NGX_ER_TEST_POSTED_H_INCLUDED_


static void
turn(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    while (!ngx_queue_empty(&ngx_posted_events)) {
        q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);
        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}


#endif /* _NGX_ER_TEST_POSTED_H_INCLUDED_ */
