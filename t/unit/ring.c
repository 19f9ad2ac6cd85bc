
/*
 * Copyright (C) Event Router contributors
 */


/*
 * store/ring.c: what is put in is found, newest first, while older records
 * make room; records of all sizes at all places of the memory; a writer that
 * died in it; and one that writes while others read, of whom none sees half a
 * record.
 */


#include "tap.h"
#include "../../ngx_event_router_module/store/ring.h"

#include <pthread.h>


static ngx_er_ring_t *create(size_t size);
static uint64_t put(ngx_er_ring_t *ring, const char *id, size_t pad);
static ngx_er_history_find_t *find(ngx_er_ring_t *ring,
    ngx_er_history_filter_t *filter, uint64_t before, ngx_uint_t limit);
static ngx_str_t id_of(ngx_er_history_find_t *f, ngx_uint_t i);
static void by_id(ngx_er_history_filter_t *filter, const char *id);
static void any(ngx_er_history_filter_t *filter);
static void order(void);
static void wraps(void);
static void too_large(void);
static void pages(void);
static void dead_writer(void);
static void together(void);
static void *writes(void *data);


static uint64_t       now = 1700000000000;
static ngx_pool_t    *pool;
static volatile int   stop;


int
main(void)
{
    pool = ngx_er_test_pool();

    order();
    wraps();
    too_large();
    pages();
    dead_writer();
    together();

    return done_testing();
}


static ngx_er_ring_t *
create(size_t size)
{
    ngx_er_ring_t  *ring;

    ring = calloc(1, size);
    ngx_er_ring_init(ring, size);

    return ring;
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


/* with an attempt that said "pad" bytes */

static uint64_t
put(ngx_er_ring_t *ring, const char *id, size_t pad)
{
    u_char                  *p;
    uint64_t                 hash;
    ngx_str_t                chunks, name;
    ngx_er_history_chunk_t   chunk;

    static u_char  buf[4096], text[2048];

    ngx_memzero(&chunk, sizeof(chunk));
    chunk.kind = NGX_ER_HISTORY_EVENT;
    chunk.id = str(id);
    p = ngx_er_history_write(buf, &chunk);

    chunk.kind = NGX_ER_HISTORY_ATTEMPT;
    chunk.answer.data = text;
    chunk.answer.len = pad;
    p = ngx_er_history_write(p, &chunk);

    chunks.data = buf;
    chunks.len = p - buf;

    name = str("id");
    hash = ngx_er_history_hash(ngx_er_history_name(&name), &chunk.id);

    return ngx_er_ring_put(ring, now, &hash, 1, &chunks);
}


static void
any(ngx_er_history_filter_t *filter)
{
    ngx_memzero(filter, sizeof(ngx_er_history_filter_t));
    filter->state = NGX_ER_HISTORY_ANY;
}


static void
by_id(ngx_er_history_filter_t *filter, const char *id)
{
    any(filter);
    filter->key.name = str("id");
    filter->key.value = str(id);
    filter->hash = ngx_er_history_hash(ngx_er_history_name(&filter->key.name),
                                       &filter->key.value);
}


static ngx_er_history_find_t *
find(ngx_er_ring_t *ring, ngx_er_history_filter_t *filter, uint64_t before,
    ngx_uint_t limit)
{
    ngx_er_history_find_t  *f;

    f = ngx_pcalloc(pool, sizeof(ngx_er_history_find_t));
    f->filter = *filter;
    f->before = before;
    f->limit = limit;
    f->looks = NGX_ER_HISTORY_LOOKS;

    (void) ngx_er_ring_find(ring, f, 0, pool);

    return f;
}


static ngx_str_t
id_of(ngx_er_history_find_t *f, ngx_uint_t i)
{
    ngx_str_t                 chunks, none;
    ngx_er_history_chunk_t    chunk;
    ngx_er_history_record_t  *record;

    none = str("");
    record = f->records->elts;

    if (i >= f->records->nelts) {
        return none;
    }

    chunks = record[i].chunks;

    return ngx_er_history_read(&chunks, &chunk) == NGX_OK ? chunk.id : none;
}


static void
order(void)
{
    uint64_t                  a, b, c;
    ngx_str_t                 id;
    ngx_er_ring_t            *ring;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    ring = create(4096);
    any(&filter);

    is_int(find(ring, &filter, 0, 10)->records->nelts, 0, "an empty one");

    a = put(ring, "a", 0);
    b = put(ring, "b", 10);
    now += 1000;
    c = put(ring, "c", 20);

    ok(a < b && b < c, "numbers grow");
    is_int(c >> 20, now, "and tell the time");

    f = find(ring, &filter, 0, 10);
    is_int(f->records->nelts, 3, "three records");
    id = id_of(f, 0);
    is_str(&id, "c", "newest first");
    id = id_of(f, 2);
    is_str(&id, "a", "oldest last");

    by_id(&filter, "b");
    f = find(ring, &filter, 0, 10);
    is_int(f->records->nelts, 1, "by a hash");
    is_int(f->looked, 1, "the others are not looked at");

    any(&filter);
    filter.seq = a;
    f = find(ring, &filter, 0, 10);
    id = id_of(f, 0);
    is_str(&id, "a", "by a number");

    any(&filter);
    filter.from = now;
    is_int(find(ring, &filter, 0, 10)->records->nelts, 1, "from a time");
    filter.from = 0;
    filter.to = now;
    is_int(find(ring, &filter, 0, 10)->records->nelts, 2, "to a time");
    filter.from = (uint64_t) 1 << 63;
    filter.to = 0;
    is_int(find(ring, &filter, 0, 10)->records->nelts, 0, "from far away");

    free(ring);
}


/* all sizes, so that records end at all places before the memory's end */

static void
wraps(void)
{
    char                      name[32];
    size_t                    size;
    ngx_str_t                 id;
    ngx_uint_t                i, k, bad, least;
    ngx_er_ring_t            *ring;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    bad = 0;
    least = 1000;
    any(&filter);

    for (size = 1024; size < 1200; size += 8) {
        ring = create(size);

        for (i = 0; i < 400; i++) {
            sprintf(name, "id-%u", (unsigned) i);

            if (put(ring, name, (i * 7 + size) % 150) == 0) {
                bad++;
            }

            f = find(ring, &filter, 0, 100);

            if (i > 20) {
                least = ngx_min(least, f->records->nelts);
            }

            for (k = 0; k < f->records->nelts; k++) {
                sprintf(name, "id-%u", (unsigned) (i - k));
                id = id_of(f, k);

                if (id.len != strlen(name)
                    || memcmp(id.data, name, id.len) != 0)
                {
                    bad++;
                }
            }
        }

        free(ring);
        ngx_reset_pool(pool);
    }

    is_int(bad, 0, "each record is what was put in, and none is left out");
    ok(least >= 2, "there are always some, %d at least", (int) least);
}


static void
too_large(void)
{
    ngx_er_ring_t            *ring;
    ngx_er_history_filter_t   filter;

    ring = create(1024);
    any(&filter);

    (void) put(ring, "a", 0);
    is_int(put(ring, "b", 1000), 0, "one that has no room");
    is_int(find(ring, &filter, 0, 10)->records->nelts, 1,
           "leaves what is there");
    ok(put(ring, "c", 0) != 0, "and the next one has room");
    free(ring);
}


static void
pages(void)
{
    char                      name[32];
    uint64_t                  before;
    ngx_str_t                 id;
    ngx_uint_t                i, n, bad;
    ngx_er_ring_t            *ring;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    ring = create(65536);
    any(&filter);

    for (i = 0; i < 100; i++) {
        sprintf(name, "id-%u", (unsigned) i);
        (void) put(ring, name, 0);
    }

    before = 0;
    bad = 0;
    i = 100;

    do {
        f = find(ring, &filter, before, 7);

        for (n = 0; n < f->records->nelts; n++) {
            sprintf(name, "id-%u", (unsigned) --i);
            id = id_of(f, n);
            bad += (id.len != strlen(name)
                    || memcmp(id.data, name, id.len) != 0);
        }

        before = f->before;

    } while (f->more);

    is_int(i, 0, "page by page all are there");
    is_int(bad, 0, "in their order");
    free(ring);
}


/* it had taken room and written half of a record */

static void
dead_writer(void)
{
    char                      name[32];
    ngx_uint_t                i, n;
    ngx_er_ring_t            *ring;
    ngx_er_history_filter_t   filter;

    ring = create(2048);
    any(&filter);

    for (i = 0; i < 50; i++) {
        sprintf(name, "id-%u", (unsigned) i);
        (void) put(ring, name, 0);
    }

    n = find(ring, &filter, 0, 100)->records->nelts;

    memset((u_char *) (ring + 1) + ring->head % ring->size, 0xa5, 8);
    ring->tail += ring->size / 2;

    ok(find(ring, &filter, 0, 100)->records->nelts <= n, "some are gone");

    for (i = 0; i < 50; i++) {
        sprintf(name, "id-%u", (unsigned) i);
        (void) put(ring, name, i);
    }

    by_id(&filter, "id-49");
    is_int(find(ring, &filter, 0, 100)->records->nelts, 1,
           "others go on writing");
    free(ring);
}


static void *
writes(void *data)
{
    char        name[64];
    unsigned    i;

    for (i = 0; !stop; i++) {
        sprintf(name, "%08x-%08x-%08x-%08x", i, i, i, i);
        (void) put(data, name, i % 200);
    }

    return NULL;
}


static void
together(void)
{
    pthread_t                 thread;
    ngx_str_t                 id;
    ngx_uint_t                i, k, n, bad;
    ngx_er_ring_t            *ring;
    ngx_er_history_find_t    *f;
    ngx_er_history_filter_t   filter;

    ring = create(8192);
    any(&filter);
    n = 0;
    bad = 0;

    if (pthread_create(&thread, NULL, writes, ring) != 0) {
        ok(0, "a thread");
        return;
    }

    for (i = 0; i < 3000; i++) {
        f = find(ring, &filter, 0, 100);

        for (k = 0; k < f->records->nelts; k++) {
            id = id_of(f, k);
            n++;

            if (id.len != 35 || memcmp(id.data, id.data + 9, 8) != 0
                || memcmp(id.data, id.data + 27, 8) != 0)
            {
                bad++;
            }
        }

        ngx_reset_pool(pool);
    }

    stop = 1;
    (void) pthread_join(thread, NULL);

    is_int(bad, 0, "no record is half another one");
    ok(n > 1000, "%d were read", (int) n);
    free(ring);
}
