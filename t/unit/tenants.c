
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


/* a zone with room for so many places */

static ngx_uint_t           room;
static ngx_int_t            locked;


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    locked++;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    locked--;
}


void *
ngx_slab_calloc_locked(ngx_slab_pool_t *pool, size_t size)
{
    is_int(locked, 1, "memory is taken under the lock");

    if (room == 0) {
        return NULL;
    }

    room--;

    return calloc(1, size);
}


void
ngx_slab_free_locked(ngx_slab_pool_t *pool, void *p)
{
    is_int(locked, 1, "and given back under it");

    room++;
    free(p);
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


typedef struct {
    ngx_er_place_t         place;
    ngx_uint_t             value;
} thing_t;


static thing_t *
makes(ngx_er_tenants_t *tenants, void **list, ngx_uint_t value)
{
    thing_t  *thing;

    thing = ngx_er_place_alloc(tenants, &pool, list, sizeof(thing_t));

    if (thing) {
        is_int(thing->value, 0, "a place is empty");
        ok(*list != thing, "and in no list before it is filled");

        thing->value = value;
        ngx_er_place_link(&pool, list, thing);
    }

    return thing;
}


static void
places(void)
{
    void              *list;
    thing_t           *thing;
    ngx_er_tenants_t  *c;

    begin();

    list = NULL;
    room = 3;

    running = reads();
    enters(running, 0, LIVES);

    ok(makes(running, &list, 1) && makes(running, &list, 2)
       && makes(running, &list, 3), "three places");
    ok(makes(running, &list, 4) == NULL, "there is no room for more");

    c = reads();
    thing = list;
    (void) ngx_er_tenants_take(c, &((thing_t *) thing->place.next)
                                       ->place.tenancy);
    ok(makes(c, &list, 5) == NULL, "nor while a worker has them");

    enters(c, 0, LIVES);
    running = c;

    c = reads();
    ok(makes(c, &list, 6) != NULL, "then what nobody has is given back");

    thing = list;
    is_int(thing->value, 6, "the new one is the first");
    thing = thing->place.next;
    is_int(thing->value, 2, "what the running one took is kept");
    ok(thing->place.next == NULL, "in between and behind nothing is left");

    ok(makes(c, &list, 7) != NULL, "all that was free is free");
    ok(makes(c, &list, 8) == NULL, "and no more");

    is_int(locked, 0, "the lock is open");

    while (list) {
        thing = list;
        list = thing->place.next;
        free(thing);
    }
}


int
main(void)
{
    renames();
    refuses();
    dies();
    places();

    return done_testing();
}
