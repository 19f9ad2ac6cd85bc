
/*
 * Copyright (C) Event Router contributors
 */


/*
 * By what two events are the same: each part of the key of ingest/key.c makes
 * a difference, no two parts can be taken for one another, and an event that
 * is the same has the same key.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/key.c"


#define FIELDS  3


static ngx_pool_t          *pool;
static ngx_er_source_t      source;
static ngx_er_event_t       event;
static u_char               before[32], after[32];

static u_char              *secret;    /* where keys are in this nginx only */

ngx_module_t                ngx_http_module;
ngx_module_t                ngx_http_event_router_module;

static ngx_er_main_conf_t   mcf;
static void                *main_conf[1] = { &mcf };
static ngx_http_conf_ctx_t  http_ctx = { main_conf, NULL, NULL };
static void              ***conf_ctx[1];


u_char *
ngx_er_dedup_secret(ngx_er_dedup_t *dedup, ngx_er_source_t *of)
{
    return secret;
}


static void
text(ngx_str_t *s, const char *value)
{
    s->len = strlen(value);
    s->data = (u_char *) value;
}


static void
begin(void)
{
    ngx_memzero(&source, sizeof(source));
    ngx_memzero(&event, sizeof(event));

    text(&source.name, "shop");
    source.id_covered = 1;

    event.pool = pool;
    event.source = &source;
    event.has_id = 1;

    text(&event.id, "42");
    text(&event.whole_id, "42");
    text(&event.whole_origin, "/eu");
    text(&event.body, "{\"id\":42}");

    (void) ngx_er_event_key(&event, before);
}


/* what was changed since begin() makes another key, or does not */

static void
differs(ngx_uint_t want, const char *name)
{
    is_int(ngx_er_event_key(&event, after), NGX_OK, "%s: has a key", name);
    ok((memcmp(before, after, 32) != 0) == want, "%s: %s key", name,
       want ? "another" : "the same");
}


static void
test_id(void)
{
    begin();
    differs(0, "the same event");

    text(&source.name, "shoe");
    differs(1, "another source");

    begin();
    text(&event.whole_origin, "/us");
    differs(1, "another origin");

    begin();
    text(&event.whole_id, "43");
    differs(1, "another id");

    begin();
    text(&event.id, "cut");
    differs(0, "another spelling of the attribute");

    begin();
    text(&event.body, "{}");
    differs(0, "another body, the id is signed");

    /* the bytes one behind the other are the same: shop/eu42 */

    begin();
    text(&source.name, "shop/");
    text(&event.whole_origin, "eu");
    differs(1, "source and origin cut elsewhere");

    begin();
    text(&event.whole_origin, "/eu4");
    text(&event.whole_id, "2");
    differs(1, "origin and id cut elsewhere");

    begin();
    event.has_id = 0;
    is_int(ngx_er_event_key(&event, after), NGX_DECLINED, "no id, no key");
}


/* who sets up the case is called before and after the body is another one */

static void
test_body(void)
{
    u_char       digest[32];
    ngx_uint_t   i;
    const char  *name[] = { "the id is not signed", "a binary CloudEvent",
                            "an id that others share" };

    for (i = 0; i < 3; i++) {
        begin();

        source.id_covered = (i != 0);
        event.cloudevent = (i == 1) ? NGX_ER_CLOUDEVENT_BINARY
                                    : NGX_ER_CLOUDEVENT_NONE;
        event.shared_id = (i == 2);

        ok(!ngx_er_event_by_id(&event), "%s: the id is not enough", name[i]);

        (void) ngx_er_event_key(&event, before);
        differs(0, name[i]);

        text(&event.body, "{\"id\":42} ");
        differs(1, name[i]);

        /* the id's end and the body's begin */

        text(&event.whole_id, "4");
        text(&event.body, "2{\"id\":42}");
        differs(1, name[i]);

        text(&event.whole_id, "42");
        text(&event.body, "{\"id\":42}");
        /* its hash, where that is known, and which one of equal ones it is */

        memset(digest, 7, sizeof(digest));
        event.digest = digest;
        (void) ngx_er_event_key(&event, before);
        differs(0, name[i]);

        event.copy = 1;
        differs(1, name[i]);

        event.copy = 0;
        digest[31]++;
        differs(1, name[i]);
    }

    begin();
    ok(ngx_er_event_by_id(&event), "a signed id is enough");
}


/* the body by its fingerprint, of any length */

static void
test_secret(void)
{
    u_char       first[NGX_ER_FINGERPRINT_SECRET], body[6000];
    u_char       second[NGX_ER_FINGERPRINT_SECRET];
    ngx_uint_t   i, n, same;

    static const size_t  lengths[] = { 1, 16, 17, 128, 240, 241, 1024, 6000 };

    is_int(ngx_er_fingerprint_secret(first), NGX_OK, "a secret");
    is_int(ngx_er_fingerprint_secret(second), NGX_OK, "and another one");

    for (n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
        begin();
        source.id_covered = 0;

        memset(body, 'x', sizeof(body));
        event.body.data = body;
        event.body.len = lengths[n];

        (void) ngx_er_event_key(&event, before);

        secret = first;
        differs(1, "with a secret");

        (void) ngx_er_event_key(&event, before);
        differs(0, "the same body");

        same = 0;

        for (i = 0; i < event.body.len; i++) {
            body[i] ^= 1;
            (void) ngx_er_event_key(&event, after);
            same += (memcmp(before, after, 32) == 0);
            body[i] ^= 1;
        }

        is_int(same, 0, "%zu bytes: each of them counts", lengths[n]);

        event.body.len--;
        differs(1, "one byte less");
        event.body.len++;

        text(&event.whole_id, "43");
        differs(1, "another id");
        text(&event.whole_id, "42");

        secret = second;
        differs(1, "another secret");

        secret = NULL;
    }

    /* what a secret has no say in */

    begin();
    secret = first;
    differs(0, "a signed id needs no fingerprint");

    secret = NULL;
}


/* ---- "dedup by=" */


static ngx_er_value_t *
value(ngx_er_type_e type, const char *s, ngx_er_value_t *next)
{
    ngx_er_value_t  *v;

    v = ngx_pcalloc(pool, sizeof(ngx_er_value_t));

    text(&v->text, s);
    v->type = type;
    v->empty = (*s == '\0');
    v->next = next;

    return v;
}


static void
begin_fields(void)
{
    ngx_uint_t        i, *index;
    ngx_er_field_t   *field;
    ngx_er_fields_t  *fields;

    begin();

    fields = ngx_er_fields_create(pool);
    source.dedup_by = ngx_array_create(pool, FIELDS, sizeof(ngx_uint_t));

    for (i = 0; i < FIELDS; i++) {
        field = ngx_array_push(&fields->list);
        ngx_memzero(field, sizeof(ngx_er_field_t));
        field->kind = NGX_ER_FIELD_DATA;

        index = ngx_array_push(source.dedup_by);
        *index = i;
    }

    event.facts = ngx_er_facts_create(pool, fields);
    event.facts->values[0] = value(NGX_ER_STRING, "a1", NULL);
    event.facts->values[1] = value(NGX_ER_STRING, "b", NULL);

    (void) ngx_er_event_key(&event, before);
}


static void
test_fields(void)
{
    u_char            joined[10];
    uint64_t          n;
    ngx_er_value_t  **v;

    begin_fields();
    v = event.facts->values;

    differs(0, "fields");

    text(&event.whole_id, "43");
    text(&event.body, "{}");
    differs(0, "fields: what is not among them");

    text(&source.name, "shoe");
    differs(1, "fields: another source");
    text(&source.name, "shop");

    v[0] = value(NGX_ER_STRING, "a2", NULL);
    differs(1, "fields: another value");

    v[0] = value(NGX_ER_STRING, "a", NULL);
    v[1] = value(NGX_ER_STRING, "1b", NULL);
    differs(1, "fields: cut elsewhere");

    v[0] = value(NGX_ER_STRING, "a1", value(NGX_ER_STRING, "b", NULL));
    v[1] = NULL;
    differs(1, "fields: in another field");

    v[0] = value(NGX_ER_STRING, "a1", NULL);
    v[2] = value(NGX_ER_STRING, "b", NULL);
    differs(1, "fields: in the third field");

    v[1] = value(NGX_ER_STRING, "b", NULL);
    v[2] = value(NGX_ER_NULL, "null", NULL);
    differs(1, "fields: and one that is null");

    (void) ngx_er_event_key(&event, before);
    v[2] = value(NGX_ER_STRING, "null", NULL);
    differs(1, "fields: null and \"null\"");

    (void) ngx_er_event_key(&event, before);
    v[2] = value(NGX_ER_STRING, "nul", value(NGX_ER_STRING, "l", NULL));
    differs(1, "fields: two values");

    /* one value that spells what stands between two of them */

    n = (uint64_t) NGX_ER_STRING << 40;
    ngx_memcpy(joined, "x........y", 10);
    ngx_memcpy(joined + 1, &n, 8);

    v[1] = NULL;
    v[2] = NULL;
    v[0] = value(NGX_ER_STRING, "x", value(NGX_ER_STRING, "y", NULL));
    (void) ngx_er_event_key(&event, before);
    v[0] = value(NGX_ER_STRING, "xy", NULL);
    v[0]->text.data = joined;
    v[0]->text.len = 10;
    differs(1, "fields: one value that looks like two");

    begin_fields();
    ngx_er_test_fail_at = ngx_er_test_allocs + 1;
    is_int(ngx_er_event_key(&event, after), NGX_ERROR, "fields: no memory");
    ngx_er_test_fail_at = 0;
}


/* fields that say nothing are the same in all events: the id does it then */

static void
test_no_fields(void)
{
    ngx_uint_t        i;
    ngx_er_value_t  **v;

    static const char  *name[] = {
        "null and an empty one", "an empty one", "null", "nothing"
    };

    for (i = 0; i < 4; i++) {
        begin();
        begin_fields();
        v = event.facts->values;

        v[0] = (i == 0 || i == 2) ? value(NGX_ER_NULL, "null", NULL) : NULL;
        v[1] = (i < 2) ? value(NGX_ER_STRING, "", NULL) : NULL;

        differs(1, name[i]);
        ok(!ngx_er_event_by_fields(&event), "%s: not by fields", name[i]);
        ok(ngx_er_event_print(&event) != 0, "%s: by id, so a print", name[i]);

        (void) ngx_er_event_key(&event, before);
        differs(0, name[i]);

        text(&event.body, "{}");
        differs(0, name[i]);

        text(&event.whole_id, "43");
        differs(1, name[i]);
        text(&event.whole_id, "42");

        source.id_covered = 0;
        ok(ngx_er_event_print(&event) == 0, "%s: the body, no print",
           name[i]);
        (void) ngx_er_event_key(&event, before);
        text(&event.body, "[]");
        differs(1, name[i]);

        event.has_id = 0;
        is_int(ngx_er_event_key(&event, after), NGX_DECLINED,
               "%s: and no id, no key", name[i]);
    }

    begin_fields();
    ok(ngx_er_event_by_fields(&event), "by fields");
}


static void
test_order(void)
{
    uint64_t          hash;
    ngx_er_value_t  **v;

    begin_fields();
    v = event.facts->values;

    is_int(ngx_er_event_order(&event, 2), 0, "order: no value, no order");

    v[2] = value(NGX_ER_NULL, "null", NULL);
    is_int(ngx_er_event_order(&event, 2), 0, "order: null is none");

    hash = ngx_er_event_order(&event, 0);
    ok(hash != 0, "order: a value has one");
    ok(hash == ngx_er_event_order(&event, 0), "order: always the same");
    ok(hash != ngx_er_event_order(&event, 1), "order: another value");

    v[0] = value(NGX_ER_STRING, "x", value(NGX_ER_STRING, "a1", NULL));
    ok(hash != ngx_er_event_order(&event, 0), "order: all values count");
}


/* ---- of one delivery */


static void
delivery(ngx_er_target_t *target, ngx_uint_t epoch, ngx_uint_t want,
    const char *name)
{
    ngx_er_event_delivery_key(&event, target, epoch, after);
    ok((memcmp(before, after, 32) != 0) == want, "delivery: %s", name);
}


static void
test_delivery(void)
{
    ngx_er_target_t  target;

    begin();
    ngx_memzero(&target, sizeof(target));

    text(&target.name, "crm");
    ngx_er_event_delivery_key(&event, &target, 0, before);

    delivery(&target, 0, 0, "the same");
    delivery(&target, 1, 1, "started again");

    text(&target.name, "erp");
    delivery(&target, 0, 1, "another target");

    text(&target.name, "crm{");
    text(&event.body, "\"id\":42}");
    delivery(&target, 0, 1, "target and body cut elsewhere");

    text(&target.name, "crm");
    text(&event.body, "{}");
    delivery(&target, 0, 1, "another body");

    text(&event.body, "{\"id\":42}");
    text(&event.id, "43");
    delivery(&target, 0, 1, "another id");

    text(&event.id, "42");
    text(&source.name, "shoe");
    delivery(&target, 0, 1, "another source");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    conf_ctx[0] = (void ***) &http_ctx;
    ((ngx_cycle_t *) ngx_cycle)->conf_ctx = (void ****) conf_ctx;

    test_id();
    test_body();
    test_secret();
    test_fields();
    test_no_fields();
    test_order();
    test_delivery();

    ngx_destroy_pool(pool);

    return done_testing();
}
