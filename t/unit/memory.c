
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys in shared memory (store/memory.c), the zone being ordinary
 * memory here: whose a key is, how long each of its states lasts, that keys
 * are told apart by all of their bytes, and that every block is given back.
 */


#include "tap.h"

#include "../../ngx_event_router_module/store/memory.c"


#define WINDOW  60000
#define LEASE   5000


ngx_uint_t              ngx_test_config;
ngx_module_t            ngx_http_event_router_module;

static ngx_pool_t      *pool;
static ngx_slab_pool_t  slab;
static ngx_shm_zone_t   zone;
static ngx_er_memory_t  memory;
static ngx_int_t        blocks, locked;
static u_char           holders;       /* tokens that were given out */


/* ---- stand-ins */


void *
ngx_slab_alloc(ngx_slab_pool_t *p, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_slab_calloc(ngx_slab_pool_t *p, size_t size)
{
    return ngx_pcalloc(pool, size);
}


void *
ngx_slab_alloc_locked(ngx_slab_pool_t *p, size_t size)
{
    void  *block;

    block = ngx_alloc(size, &ngx_er_test_log);
    blocks += (block != NULL);

    return block;
}


void
ngx_slab_free_locked(ngx_slab_pool_t *p, void *block)
{
    blocks--;
    ngx_free(block);
}


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


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    return NULL;
}


void
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t error,
    const char *fmt, ...)
{
}


/* ---- steps */


static void
begin(void)
{
    ngx_er_test_set_time(1700000000);

    ngx_memzero(&zone, sizeof(zone));
    ngx_memzero(&slab, sizeof(slab));
    ngx_memzero(&memory, sizeof(memory));

    zone.shm.log = &ngx_er_test_log;
    zone.shm.addr = (u_char *) &slab;
    zone.shm.size = 1 << 20;
    ngx_str_set(&zone.shm.name, "event_dedup");
    zone.data = &memory;

    blocks = 0;

    is_int(ngx_er_memory_init(&zone, NULL), NGX_OK, "a zone");
}


static void
end(const char *name)
{
    ngx_uint_t             i;
    ngx_er_memory_entry_t *entry;

    /* all of it expires in the end, a few with each call */

    ngx_current_msec += 10 * (WINDOW + LEASE);

    for (i = 0; i < 5000 && memory.sh->entries; i++) {
        ngx_er_memory_lock(&memory);
        ngx_er_memory_unlock(&memory);
    }

    is_int(memory.sh->entries, 0, "%s: no key is left", name);
    is_int(blocks, 0, "%s: nor a block", name);
    is_int(locked, 0, "%s: the lock is open", name);

    for (i = 0; i < memory.sh->nshares; i++) {
        entry = ngx_er_memory_oldest(&memory.sh->shares[i].held, NULL);

        if (entry || memory.sh->shares[i].blocks) {
            ok(0, "%s: a share has something", name);
        }
    }

    ngx_reset_pool(pool);
}


/* another attempt for the key whose last byte is "last" */

static ngx_er_claim_t *
claim(ngx_uint_t last)
{
    ngx_er_claim_t  *c;

    c = ngx_pcalloc(pool, sizeof(ngx_er_claim_t));

    (void) ngx_array_init(&c->settled, pool, 2, sizeof(uint64_t));

    memset(c->key, 7, sizeof(c->key));
    c->key[31] = last;
    c->token[0] = ++holders;
    c->source = 1;
    c->lease = LEASE;
    c->window = WINDOW;

    is_int(ngx_er_memory_claim(&memory, c), NGX_OK, "claimed");

    return c;
}


/* ---- tests */


static void
test_keys(void)
{
    ngx_uint_t       i, bit, wrong;
    ngx_er_claim_t  *c, other;

    begin();
    c = claim(1);
    is_int(c->result, NGX_ER_CLAIM_NEW, "a key");

    for (i = 0, wrong = 0; i < 32 * 8; i++) {
        bit = 1 << (i & 7);
        other = *c;
        other.entry = NULL;
        other.key[i / 8] ^= bit;
        other.token[0] = 0;
        other.token[1] = 1;
        (void) ngx_er_memory_claim(&memory, &other);
        wrong += (other.result != NGX_ER_CLAIM_NEW);
    }

    is_int(wrong, 0, "one with another bit is another key");
    is_int(memory.sh->entries, 1 + 32 * 8, "each is remembered");
    is_int(ngx_er_memory_finalize(&memory, c), NGX_OK, "one is done");
    is_int(claim(1)->result, NGX_ER_CLAIM_DUPLICATE, "it is a duplicate");
    is_int(claim(0)->result, NGX_ER_CLAIM_BUSY, "its neighbour is not");
    end("keys");
}


static void
test_times(void)
{
    ngx_er_claim_t  *a, *b;

    /* the lease, and what is known when it has ended */

    begin();
    a = claim(1);
    is_int(ngx_er_memory_settle(&memory, a, 10), NGX_OK, "one target has it");
    ngx_current_msec += LEASE - 1;
    b = claim(1);
    is_int(b->result, NGX_ER_CLAIM_BUSY, "the lease lasts");
    is_int(b->retry_ms, 1, "so long");
    ngx_current_msec += 1;
    b = claim(1);
    is_int(b->result, NGX_ER_CLAIM_RESUME, "the lease is over");
    is_int(b->settled.nelts, 1, "one target has it");
    is_int(*(uint64_t *) b->settled.elts, 10, "that one");
    is_int(b->attempts, 2, "the second attempt");
    is_int(ngx_er_memory_settle(&memory, a, 11), NGX_DECLINED, "the first is "
           "fenced");
    is_int(ngx_er_memory_finalize(&memory, a), NGX_DECLINED, "and does not "
           "end it");
    is_int(claim(1)->result, NGX_ER_CLAIM_BUSY, "the second has it");
    is_int(ngx_er_memory_finalize(&memory, b), NGX_OK, "the second is done");
    end("lease");

    begin();
    a = claim(1);
    (void) ngx_er_memory_settle(&memory, a, 10);
    ngx_current_msec += LEASE + WINDOW - 1;
    b = claim(1);
    is_int(b->result, NGX_ER_CLAIM_RESUME, "a dead attempt is remembered");
    is_int(b->settled.nelts, 1, "with what it delivered");
    end("a dead attempt");

    begin();
    (void) claim(1);
    ngx_current_msec += LEASE + WINDOW;
    is_int(claim(1)->result, NGX_ER_CLAIM_NEW, "for a window");
    end("a dead attempt's window");

    /* done, and given back */

    begin();
    a = claim(1);
    ngx_current_msec += 1000;
    (void) ngx_er_memory_finalize(&memory, a);
    ngx_current_msec += WINDOW - 1;
    is_int(claim(1)->result, NGX_ER_CLAIM_DUPLICATE, "a duplicate to the end");
    ngx_current_msec += 1;
    is_int(claim(1)->result, NGX_ER_CLAIM_NEW, "of the window");
    end("window");

    begin();
    a = claim(1);
    (void) ngx_er_memory_settle(&memory, a, 10);
    (void) ngx_er_memory_release(&memory, a);
    b = claim(1);
    is_int(b->result, NGX_ER_CLAIM_RESUME, "released: at once");
    is_int(b->settled.nelts, 1, "for the others");
    end("released");
}


/* more targets than one block has room for */

static void
test_targets(void)
{
    ngx_uint_t       i;
    ngx_er_claim_t  *a, *b;

    begin();
    a = claim(1);

    for (i = 0; i < 40; i++) {
        is_int(ngx_er_memory_settle(&memory, a, 100 + i), NGX_OK, "settled");
        is_int(ngx_er_memory_settle(&memory, a, 100 + i), NGX_OK, "twice");
    }

    (void) ngx_er_memory_release(&memory, a);
    b = claim(1);
    is_int(b->settled.nelts, 40, "each is remembered once");
    is_int(blocks, 4, "in blocks");
    (void) ngx_er_memory_finalize(&memory, b);
    is_int(blocks, 1, "which are not needed when it is done");
    end("targets");
}


/* no memory: told, and nothing is half there */

static void
test_memory(void)
{
    ngx_er_claim_t  *a;

    begin();
    a = claim(1);
    a->key[0] = 0;
    a->entry = NULL;
    ngx_er_test_fail_at = ngx_er_test_allocs + 1;
    is_int(ngx_er_memory_settle(&memory, a, 10) == NGX_DECLINED, 0,
           "no memory is nobody's fence");
    ngx_er_test_fail_at = 0;
    end("memory");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    test_keys();
    test_times();
    test_targets();
    test_memory();

    ngx_destroy_pool(pool);

    return done_testing();
}
