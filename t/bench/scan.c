
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How fast the scanner is, beside jansson and memchr() on the same bytes in
 * the same run: MB/s and microseconds a document, the best of several rounds.
 * Bodies are files given as arguments (one document each), or else made here
 * in the likeness of a GitHub event, a Shopify order and the worst we know.
 * The pools are nginx's.  "make bench" builds and runs it.
 */


#include <jansson.h>

#include "../unit/tap.h"
#include "../../ngx_event_router_module/ingest/paths.h"


#define BODY    (512 * 1024)
#define ROUNDS  15


typedef void (*work_pt)(ngx_str_t *body);


static double seconds(void);
static double measure(work_pt work, ngx_str_t *body);
static void report(const char *name, ngx_str_t *body);
static void work_memchr(ngx_str_t *body);
static void work_jansson(ngx_str_t *body);
static void work_scan(ngx_str_t *body);
static ngx_int_t name_path(ngx_pool_t *pool, const char *text,
    ngx_uint_t slot);
static void make_github(ngx_str_t *body, const char *blank);
static void make_shopify(ngx_str_t *body);
static void make_worst(ngx_str_t *body);
static ngx_int_t read_file(ngx_str_t *body, const char *name);


static ngx_uint_t             portable;
static volatile ngx_uint_t    sink;
static ngx_er_paths_t        *paths;
static ngx_er_paths_t        *named;
static ngx_er_value_t        *values[16];
static ngx_er_scan_limits_t   limits;

/* what twelve fields of routes ask of either body */

static const char  *names[] = {
    "action", "repository.full_name", "pull_request.user.login",
    "pull_request.base.ref", "sender.login", "pull_request.labels.name",
    "topic", "total_price", "line_items.sku", "line_items.quantity",
    "customer.email", "shipping_address.country_code"
};


int
main(int argc, char **argv)
{
    int          i;
    ngx_str_t    body;
    ngx_uint_t   k;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(4096, &ngx_er_test_log);
    named = ngx_er_paths_create(pool);
    body.data = malloc(BODY);

    if (named == NULL || body.data == NULL) {
        return 1;
    }

    for (k = 0; k < 12; k++) {
        if (name_path(pool, names[k], k) != NGX_OK) {
            return 1;
        }
    }

    ngx_er_scan_limits_default(&limits);
    limits.nodes = 1000000;

    printf("%-16s %8s  %-18s %8s %9s %10s\n", "body", "bytes", "reader",
           "MB/s", "us", "x jansson");

    for (i = 1; i < argc; i++) {
        if (read_file(&body, argv[i]) == NGX_OK) {
            report(argv[i], &body);
        }
    }

    if (argc == 1) {
        make_github(&body, "");
        report("github", &body);

        make_github(&body, "\n          ");
        report("github, pretty", &body);

        make_shopify(&body);
        report("shopify", &body);

        make_worst(&body);
        report("[{},{},...]", &body);
    }

    free(body.data);
    ngx_destroy_pool(pool);

    return 0;
}


static void
report(const char *name, ngx_str_t *body)
{
    double      t, reference;
    ngx_uint_t  i;

    static struct {
        const char      *name;
        work_pt          work;
        ngx_er_paths_t **paths;
        ngx_uint_t       portable;
    } readers[] = {
        { "jansson", work_jansson, NULL, 0 },
        { "memchr", work_memchr, NULL, 0 },
        { "scan", work_scan, NULL, 0 },
        { "scan, 12 fields", work_scan, &named, 0 },
        { "portable, 12 f.", work_scan, &named, 1 }
    };

    reference = 0;

    for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        paths = readers[i].paths ? *readers[i].paths : NULL;
        portable = readers[i].portable;

        t = measure(readers[i].work, body);
        reference = (i == 0) ? t : reference;

        printf("%-16s %8lu  %-18s %8.0f %9.2f %10.1f\n", i ? "" : name,
               (unsigned long) body->len, readers[i].name,
               body->len / t / 1e6, t * 1e6, reference / t);
    }
}


/* seconds a call, in the best round */

static double
measure(work_pt work, ngx_str_t *body)
{
    double      start, t, best;
    ngx_uint_t  i, k, n;

    start = seconds();
    work(body);
    t = seconds() - start;

    n = (t < 0.004) ? (ngx_uint_t) (0.004 / (t + 1e-7)) : 1;
    best = 1e9;

    for (i = 0; i < ROUNDS; i++) {
        start = seconds();

        for (k = 0; k < n; k++) {
            work(body);
        }

        t = (seconds() - start) / n;
        best = ngx_min(best, t);
    }

    return best;
}


static double
seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* from quote to quote: the least that a reader could do */

static void
work_memchr(ngx_str_t *body)
{
    u_char      *p, *last;
    ngx_uint_t   n;

    last = body->data + body->len;

    for (n = 0, p = body->data; p; n++) {
        p = memchr(p, '"', last - p);
        p = p ? p + 1 : NULL;
    }

    sink += n;
}


static void
work_jansson(ngx_str_t *body)
{
    json_t  *json;

    json = json_loadb((char *) body->data, body->len, 0, NULL);

    sink += (json != NULL);

    json_decref(json);
}


static void
work_scan(ngx_str_t *body)
{
    ngx_er_scan_t  s;

    ngx_memzero(&s, sizeof(ngx_er_scan_t));
    ngx_memzero(values, sizeof(values));

    s.limits = &limits;
    s.paths = paths;
    s.values = values;
    s.portable = portable;
    s.pool = ngx_create_pool(4096, &ngx_er_test_log);

    if (ngx_er_scan(&s, body) != NGX_OK) {
        printf("refused: %s at %lu\n", ngx_er_scan_reason(s.error),
               (unsigned long) s.offset);
        exit(1);
    }

    ngx_destroy_pool(s.pool);
}


static ngx_int_t
name_path(ngx_pool_t *pool, const char *text, ngx_uint_t slot)
{
    size_t          len;
    ngx_array_t     steps;
    ngx_er_step_t  *step;

    if (ngx_array_init(&steps, pool, 4, sizeof(ngx_er_step_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( /* void */ ; *text; text += len + (text[len] == '.')) {
        len = strcspn(text, ".");

        step = ngx_array_push(&steps);
        if (step == NULL) {
            return NGX_ERROR;
        }

        step->key.data = (u_char *) text;
        step->key.len = len;
        step->index = NGX_ER_STEP_KEY;
    }

    return ngx_er_paths_add(named, &steps, slot);
}


/*
 * A pull request: mostly the addresses of a repository's parts and numbers,
 * the description in prose with escapes.
 */

static void
make_github(ngx_str_t *body, const char *blank)
{
    u_char      *p;
    ngx_uint_t   i, k;

    static const char  *parts[] = {
        "forks", "keys", "collaborators", "teams", "hooks", "issue_events",
        "events", "assignees", "branches", "tags", "blobs", "git_tags",
        "git_refs", "trees", "statuses", "languages", "stargazers",
        "contributors", "subscribers", "subscription", "commits",
        "git_commits", "comments", "issue_comment", "contents", "compare",
        "merges", "archive", "downloads", "issues", "pulls", "milestones",
        "notifications", "labels", "releases", "deployments"
    };

    p = ngx_sprintf(body->data, "{%s\"action\":\"opened\",%s\"number\":2,"
                    "%s\"pull_request\":{\"id\":279147437,\"body\":\"This is "
                    "a pretty simple change that we need to pull into "
                    "master.\\r\\n\\r\\n- one\\r\\n- two \\u2603\",\"state\":"
                    "\"open\",\"merged\":false,\"merged_at\":null,"
                    "\"user\":{\"login\":\"Codertocat\",\"id\":21031067},"
                    "\"labels\":[{\"id\":1,\"name\":\"bug\"},{\"id\":2,"
                    "\"name\":\"help wanted\"}],\"base\":{\"ref\":\"master\","
                    "\"sha\":\"f95f852bd8fca8fcc58a9a2d6c842781e32a215e\"}",
                    blank, blank, blank);

    for (k = 0; k < 3; k++) {
        p = ngx_sprintf(p, "%s,%s\"%s\":{%s\"id\":18622169%ui,"
                        "\"full_name\":\"Codertocat/Hello-World\"",
                        (k == 2) ? "}" : "", blank,
                        (k == 0) ? "head" : (k == 1) ? "other" : "repository",
                        blank, k);

        for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
            p = ngx_sprintf(p, ",%s\"%s_url\": \"https://api.github.com/repos"
                            "/Codertocat/Hello-World/%s{/sha}\",%s"
                            "\"%s_count\":%ui,%s\"has_%s\":%s", blank,
                            parts[i], parts[i], blank, parts[i], i * 7, blank,
                            parts[i], (i & 1) ? "true" : "false");
        }

        p = ngx_sprintf(p, "}");
    }

    p = ngx_sprintf(p, ",%s\"sender\":{\"login\":\"Codertocat\"}}", blank);

    body->len = p - body->data;
}


static void
make_shopify(ngx_str_t *body)
{
    u_char      *p;
    ngx_uint_t   i;

    p = ngx_sprintf(body->data, "{\"id\":820982911946154508,\"email\":"
                    "\"jon@example.com\",\"closed_at\":null,\"created_at\":"
                    "\"2021-12-31T19:00:00-05:00\",\"currency\":\"USD\","
                    "\"total_price\":\"398.00\",\"confirmed\":false,\"tags\":"
                    "\"\",\"customer\":{\"id\":115310627314723954,\"email\":"
                    "\"john@example.com\",\"first_name\":\"J\xc3\xb6rn\"},"
                    "\"shipping_address\":{\"city\":\"K\xc3\xb6ln\",\"zip\":"
                    "\"40202\",\"country_code\":\"DE\",\"latitude\":null},"
                    "\"line_items\":[");

    for (i = 0; i < 5; i++) {
        p = ngx_sprintf(p, "%s{\"id\":86697666019%ui,\"gift_card\":false,"
                        "\"grams\":567,\"name\":\"IPod Nano - 8GB\",\"price\""
                        ":\"199.00\",\"price_set\":{\"shop_money\":{\"amount\""
                        ":\"199.00\",\"currency_code\":\"USD\"}},\"quantity\""
                        ":%ui,\"sku\":\"VIP-%ui\",\"taxable\":true,\"vendor\":"
                        "null,\"tax_lines\":[],\"duties\":[]}",
                        i ? "," : "", i, i + 1, i);
    }

    p = ngx_sprintf(p, "]}");

    body->len = p - body->data;
}


static void
make_worst(ngx_str_t *body)
{
    u_char      *p;
    ngx_uint_t   i;

    p = body->data;
    *p++ = '[';

    for (i = 0; i < 80000; i++) {
        p = ngx_cpymem(p, "{},", 3);
    }

    p[-1] = ']';

    body->len = p - body->data;
}


static ngx_int_t
read_file(ngx_str_t *body, const char *name)
{
    FILE  *f;

    f = fopen(name, "rb");
    if (f == NULL) {
        perror(name);
        return NGX_ERROR;
    }

    body->len = fread(body->data, 1, BODY, f);

    return fclose(f) == 0 ? NGX_OK : NGX_ERROR;
}
