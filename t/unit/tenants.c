
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Places of shared memory, and who has them: configurations that come and go,
 * those that nginx refuses, and workers that end late or never say so.
 */


#include "tap.h"
#include "../../ngx_event_router_module/base/tenants.c"


#define LIVES   1                      /* process ids: init, */
#define DEAD    0x3fffffff             /* and none */


ngx_int_t                   ngx_process_slot;
ngx_pid_t                   ngx_pid;

static ngx_er_tenants_sh_t  sh;
static ngx_slab_pool_t      pool;
static ngx_shm_zone_t       zone;
static ngx_er_tenants_t     config[64];
static ngx_er_tenants_t    *running;
static ngx_uint_t           configs;


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    return NULL;
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    return &sh;
}


/* the next configuration is read */

static ngx_er_tenants_t *
reads(void)
{
    zone.data = &config[configs++];
    zone.shm.addr = (u_char *) &pool;

    is_int(ngx_er_tenants_zone(&zone, running), NGX_OK, "read");

    return zone.data;
}


static void
enters(ngx_er_tenants_t *tenants, ngx_int_t slot, ngx_pid_t pid)
{
    ngx_process_slot = slot;
    ngx_pid = pid;

    ngx_er_tenants_enter(tenants);
}


static void
leaves(ngx_er_tenants_t *tenants, ngx_int_t slot, ngx_pid_t pid)
{
    ngx_process_slot = slot;
    ngx_pid = pid;

    ngx_er_tenants_leave(tenants);
}


static void
begin(void)
{
    ngx_memzero(&sh, sizeof(sh));
    ngx_memzero(config, sizeof(config));

    pool.data = NULL;
    zone.shm.log = ngx_cycle->log;
    running = NULL;
    configs = 0;
}


static void
renames(void)
{
    ngx_er_tenancy_t   a, b;
    ngx_er_tenants_t  *c;

    begin();

    ngx_memzero(&a, sizeof(a));
    ngx_memzero(&b, sizeof(b));

    running = reads();
    is_int(ngx_er_tenants_free(running, &a), 1, "nobody had it yet");
    is_int(ngx_er_tenants_take(running, &a), 1, "so it is new");
    is_int(ngx_er_tenants_free(running, &a), 0, "and is not free");
    is_int(ngx_er_tenants_take(running, &a), 0, "nor new once more");

    enters(running, 0, LIVES);

    c = reads();
    is_int(ngx_er_tenants_free(c, &a), 0, "it runs");
    is_int(ngx_er_tenants_take(c, &b), 1, "another one");

    enters(c, 1, LIVES);
    running = c;

    c = reads();
    is_int(ngx_er_tenants_free(c, &a), 0, "a worker shuts down");

    leaves(&config[0], 0, LIVES);
    is_int(ngx_er_tenants_free(c, &a), 1, "it has ended");
    is_int(ngx_er_tenants_free(c, &b), 0, "that of others is not free");
    is_int(ngx_er_tenants_take(c, &a), 1, "it is another's");
    is_int(a.first, 3, "from now on");

    is_int(ngx_er_tenants_take(c, &b), 0, "who keeps it has it as it is");
    is_int(b.first, 2, "since then");
    is_int(b.last, 3, "until now");
}


static void
refuses(void)
{
    ngx_uint_t         i;
    ngx_er_tenancy_t   a, b;
    ngx_er_tenants_t  *c;

    begin();

    ngx_memzero(&a, sizeof(a));
    ngx_memzero(&b, sizeof(b));

    running = reads();
    (void) ngx_er_tenants_take(running, &a);
    enters(running, 0, LIVES);

    for (i = 0; i < 5; i++) {
        c = reads();
        is_int(ngx_er_tenants_free(c, &a), 0, "it runs still");
        is_int(ngx_er_tenants_take(c, &b), 1, "the refused one's is free");
    }

    c = reads();
    (void) ngx_er_tenants_take(c, &a);
    c = reads();
    is_int(ngx_er_tenants_free(c, &a), 0, "one that was refused had it, too");

    /* nothing has begun yet, and the next one is read */

    begin();
    ngx_memzero(&a, sizeof(a));
    running = reads();
    (void) ngx_er_tenants_take(running, &a);
    c = reads();
    is_int(ngx_er_tenants_free(c, &a), 0, "its workers have not begun");
}


static void
dies(void)
{
    ngx_er_tenancy_t   a;
    ngx_er_tenants_t  *c;

    begin();
    ngx_memzero(&a, sizeof(a));

    c = reads();
    (void) ngx_er_tenants_take(c, &a);
    enters(c, NGX_MAX_PROCESSES - 1, DEAD);
    running = reads();
    enters(running, 0, LIVES);

    c = reads();
    is_int(ngx_er_tenants_free(c, &a), 1, "a worker that was killed");

    sh.tenants[NGX_MAX_PROCESSES - 1].pid = LIVES;
    is_int(ngx_er_tenants_free(c, &a), 0, "at the last slot, too");

    enters(running, NGX_MAX_PROCESSES - 1, LIVES);
    is_int(ngx_er_tenants_free(c, &a), 1, "the next one has the slot");

    leaves(running, NGX_MAX_PROCESSES - 1, DEAD);
    is_int(sh.tenants[NGX_MAX_PROCESSES - 1].pid, LIVES,
           "which one that ends late leaves alone");

    enters(running, NGX_MAX_PROCESSES, LIVES);
    enters(running, -1, LIVES);
    leaves(running, -1, LIVES);

    ngx_memzero(&config[63], sizeof(config[63]));
    enters(&config[63], 0, LIVES);
    is_int(ngx_er_tenants_free(&config[63], &a), 0, "nothing is known");
}


int
main(void)
{
    renames();
    refuses();
    dies();

    return done_testing();
}
