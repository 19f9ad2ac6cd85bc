
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Attempts that failed, told once a minute (deliver/tally.c): each is told
 * once, of each target, with what the last one was answered; a worker that
 * exits tells the rest.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/tally.c"


ngx_uint_t                       ngx_exiting;
ngx_rbtree_t                     ngx_event_timer_rbtree;

static ngx_rbtree_node_t         sentinel;
static ngx_er_target_t           target[2];
static ngx_http_core_loc_conf_t  location;
static FILE                     *told;   /* stderr, where core.c logs */
static ngx_uint_t                lines;
static char                      last[512];


/* what was told since it was asked last */

static void
listen_to(void)
{
    static long  at;

    lines = 0;

    (void) fseek(told, at, SEEK_SET);

    while (fgets(last, sizeof(last), told)) {
        lines++;
    }

    at = ftell(told);
}


static void
begin(void)
{
    ngx_uint_t          i;
    ngx_er_main_conf_t  mcf;

    ngx_rbtree_init(&ngx_event_timer_rbtree, &sentinel,
                    ngx_rbtree_insert_timer_value);

    told = tmpfile();
    (void) dup2(fileno(told), STDERR_FILENO);

    location.error_log = &ngx_er_test_log;

    for (i = 0; i < 2; i++) {
        target[i].index = i;
        target[i].location = &location;
        ngx_str_set(&target[i].name, "erp");
    }

    ngx_memzero(&mcf, sizeof(mcf));
    mcf.targets.nelts = 2;

    is_int(ngx_er_tally_init_worker((ngx_cycle_t *) ngx_cycle, &mcf), NGX_OK,
           "a worker begins");
}


static void
minute(void)
{
    ngx_event_t  *ev;

    ev = &ngx_er_tally_worker.timer;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ev->handler(ev);
    listen_to();
}


static void
said(const char *text)
{
    ok(strstr(last, text) != NULL, "%s", text);
}


int
main(void)
{
    ngx_pool_t  *pool;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    ((ngx_cycle_t *) ngx_cycle)->pool = pool;

    begin();
    minute();
    is_int(lines, 0, "nothing failed");

    ngx_er_tally(&target[0], 503);
    ok(ngx_er_tally_worker.timer.timer_set, "a minute begins");
    ngx_er_tally(&target[0], 503);
    ngx_er_tally(&target[0], 429);
    listen_to();
    is_int(lines, 0, "nothing is told before");
    minute();
    is_int(lines, 1, "one line");
    said("3 attempts to deliver to target \"erp\" failed");
    said("the last one: answered 429");

    minute();
    is_int(lines, 0, "which is told once");

    ngx_er_tally(&target[0], 0);
    minute();
    is_int(lines, 1, "counted anew");
    said("1 attempt to deliver to target \"erp\" failed");
    said("the last one: no answer");

    ngx_er_tally(&target[0], 500);
    ngx_er_tally(&target[1], 500);
    minute();
    is_int(lines, 2, "of each target");

    ngx_er_tally(&target[1], 500);
    ngx_er_tally_exit_worker();
    listen_to();
    is_int(lines, 1, "a worker that exits tells the rest");
    ok(!ngx_er_tally_worker.timer.timer_set, "and has no timer");

    ngx_er_tally(&target[1], 500);
    ngx_er_tally_exit_worker();
    listen_to();
    is_int(lines, 0, "nothing is counted after that");

    ngx_destroy_pool(pool);

    return done_testing();
}
