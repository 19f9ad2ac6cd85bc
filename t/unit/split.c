
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "split": which elements an event has, and what is said of one that has
 * none.
 */


#include "tap.h"

#include "../../ngx_event_router_module/mapping/split.h"


static ngx_int_t parse(const char *words);
static void elements_are(const char *data, const char *wanted);
static void fails(const char *data, const char *wanted);


static ngx_pool_t      *pool;
static ngx_er_split_t   split;
static ngx_er_error_t   err;
static ngx_str_t        words[8];
static ngx_array_t      args = { words, 0, sizeof(ngx_str_t), 8, NULL };


int
main(void)
{
    pool = ngx_er_test_pool();

    /* lines */

    is_int(parse("split data.items"), NGX_OK, "a field");
    is_int(split.max, 1000, "its bound");
    is_int(parse("split data.items max=4000"), NGX_OK, "another bound");
    is_int(split.max, 4000, "which counts");
    is_int(parse("split data.items max=4001"), NGX_ERROR, "too much");
    is_int(parse("split data.items min=1"), NGX_ERROR, "no such word");
    is_int(parse("split type"), NGX_ERROR, "no array");
    ok(ngx_strnstr(err.text, "data.line_items", err.len) != NULL,
       "which it says: %.*s", (int) err.len, (char *) err.text);
    is_int(parse("split header.X"), NGX_ERROR, "a header");
    is_int(parse("split .items"), NGX_ERROR, "relative to nothing");
    is_int(parse("split data."), NGX_ERROR, "no field");

    /* elements, as they stand */

    (void) parse("split data.items");

    elements_are("{\"items\":[1.10,\"\\u0041\", {\"a\" : [1]},[],null]}",
                 "1.10|\"\\u0041\"|{\"a\" : [1]}|[]|null");
    elements_are("{\"items\":[]}", "");
    elements_are("{\"a\":{\"items\":[3]},\"items\": [ 1 , 2 ] }", "1|2");
    elements_are("{\"items\":[[1,2],[3]]}", "[1,2]|[3]");
    elements_are("[{\"items\":[1]},{\"items\":[]},{},{\"items\":null},"
                 "{\"items\":[2,3]}]", "1|2|3");

    fails("{}", "there is no array \"data.items\" to be split");
    fails("{\"items\":null}", "there is no array \"data.items\" to be split");
    fails("{\"items\":{}}", "\"data.items\" is not an array, so it cannot be "
          "split");
    fails("[{\"items\":[1]},{\"items\":7}]", "\"data.items\" is not an array, "
          "so it cannot be split");
    fails("{\"items\":[1],\"items\":[2]}", "the key \"items\" is given twice "
          "on the way to \"data.items\", so there are two of it");
    fails("{\"items\":[1}", "data is no JSON of which \"data.items\" could be "
          "split: not JSON at byte 11");
    fails("", "data is no JSON of which \"data.items\" could be split: the "
          "body is empty at byte 0");

    /* crossed arrays, and the whole */

    (void) parse("split data.orders.items");
    elements_are("{\"orders\":[{\"items\":[1,2]},{\"items\":[3]}]}", "1|2|3");
    fails("{\"orders\":[]}", "there is no array \"data.orders.items\" to be "
          "split");

    (void) parse("split data.orders[1].items");
    elements_are("{\"orders\":[{\"items\":[1,2]},{\"items\":[3]}]}", "3");

    (void) parse("split data.\"odd.key\"");
    elements_are("{\"odd.key\":[7]}", "7");

    (void) parse("split data");
    elements_are("[1,{\"a\":2}]", "1|{\"a\":2}");
    elements_are("[]", "");
    fails("{\"a\":1}", "\"data\" is not an array, so it cannot be split");
    fails("[1", "data is no JSON of which \"data\" could be split: not JSON "
          "at byte 2");

    /* how many */

    (void) parse("split data.items max=3");
    elements_are("{\"items\":[1,2,3]}", "1|2|3");
    fails("{\"items\":[1,2,3,4]}", "\"data.items\" has 4 elements or "
          "more, and \"split\" takes 3 at most (max=)");
    fails("[{\"items\":[1,2]},{\"items\":[3,4]}]", "\"data.items\" has 4 "
          "elements or more, and \"split\" takes 3 at most (max=)");

    ngx_destroy_pool(pool);

    return done_testing();
}


static ngx_int_t
parse(const char *text)
{
    char  *word, *copy;

    copy = strdup(text);
    args.nelts = 0;

    for (word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        words[args.nelts].len = strlen(word);
        words[args.nelts].data = ngx_pnalloc(pool, strlen(word) + 1);
        memcpy(words[args.nelts].data, word, strlen(word) + 1);
        args.nelts++;
    }

    free(copy);

    return ngx_er_split_parse(pool, &args, &split, &err);
}


static ngx_int_t
find(const char *text, ngx_array_t *elements)
{
    ngx_str_t             data;
    ngx_er_scan_limits_t  limits;

    ngx_er_scan_limits_default(&limits);

    /* of malloc(), so that a byte too many is noticed */

    data.len = strlen(text);
    data.data = ngx_pnalloc(pool, data.len ? data.len : 1);
    memcpy(data.data, text, data.len);

    return ngx_er_split_find(&split, pool, &limits, &data, elements, &err);
}


static void
elements_are(const char *data, const char *wanted)
{
    char         text[256];
    size_t       n;
    ngx_str_t   *element;
    ngx_uint_t   i;
    ngx_array_t  elements;

    is_int(find(data, &elements), NGX_OK, "%s", data);

    element = elements.elts;

    for (i = 0, n = 0; i < elements.nelts; i++) {
        n += snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? "|" : "",
                      (int) element[i].len, (char *) element[i].data);
    }

    text[n] = '\0';

    ok(strcmp(text, wanted) == 0, "is split into %s", text);
}


static void
fails(const char *data, const char *wanted)
{
    ngx_array_t  elements;

    is_int(find(data, &elements), NGX_DECLINED, "%s", data);

    ok(err.len == strlen(wanted)
       && ngx_memcmp(err.text, wanted, err.len) == 0,
       "fails, for %.*s", (int) err.len, (char *) err.text);
}
