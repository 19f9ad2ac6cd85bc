
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates twice: random templates and events, of which a plain evaluator and
 * the real thing (reader, scanner, printer) must say the same.  The evaluator
 * is written from docs/mapping.md and shares no code with the module: an event
 * is a tree here, that is printed for the scanner, and a template is a tree,
 * that is printed for the reader.  What it makes is a tree of jansson; what
 * the printer writes must parse with jansson and be equal to that.
 *
 * Numbers are such that binary64 has them as they are written, since jansson
 * does not keep digits; t/unit/layout.c looks at these.
 *
 *     build/unit/layout_random [pairs [seed]]
 */


#include <jansson.h>

#include "layout.h"


#define PAIRS   10000
#define EVENTS  8                      /* for each template */
#define DEPTH   5
#define MEMORY  (8 << 20)


typedef struct {
    char           *data;
    size_t          len;
    size_t          size;
} text_t;


/* a value of an event */

typedef struct node_s  node_t;

struct node_s {
    int             type;              /* ngx_er_type_e */
    const char     *key;
    char           *text;              /* of a string, decoded; of others */
    size_t          len;
    size_t          start;             /* in the event without odd bytes */
    size_t          end;
    node_t         *child;
    node_t         *next;
};


/* values of a field */

typedef struct {
    node_t         *node[512];
    int             n;
    int             crossed;
} values_t;


typedef struct {
    char            text[64];          /* "data.a[0]", ".b", "." */
    char            step[4];           /* a letter, or the digit of an index */
    int             n;
    int             relative;
} field_t;


typedef struct {
    field_t         field;
    int             negated;
    const char     *op;                /* "exists", "=" */
    const char     *word;
} test_t;


typedef struct {
    field_t         field;
    int             optional;
    const char     *preset;            /* JSON, or NULL */
    const char     *filter[3];
    int             nfilters;
    const char     *map;               /* a table, or NULL */
} place_t;


/* of a template: v(alue) l(iteral), o(bject), a(rray), s(tring), p(lace),
   i(f), e(ach), t(ext) */

typedef struct part_s  part_t;

struct part_s {
    char            kind;
    const char     *text;              /* l, t: as it is written; key */
    char            key[16];
    place_t         place;
    test_t          test;
    field_t         each;
    part_t         *child;             /* o, a: items; s: parts; i: then; e */
    part_t         *other;             /* i: else, or NULL */
    part_t         *next;
};


typedef enum {
    OK = 0,
    VANISHES,
    FAILS
} result_t;


static void make_event(void);
static node_t *make_node(int depth);
static void make_string(node_t *node);
static void print_node(node_t *node);
static part_t *make_value(int depth, int each, int item, int string);
static part_t *make_items(int depth, int each, int object);
static part_t *make_parts(int depth, int each, int item);
static void make_place(place_t *place, int each, int item);
static void make_field(field_t *field, int each);
static void make_each(field_t *field, int each);
static void make_test(test_t *test, int each);
static void print_part(part_t *part, int string);
static void print_list(part_t *part, int string, const char *comma);
static result_t value(part_t *part, node_t *element, json_t **json);
static result_t items(part_t *part, node_t *element, json_t *list);
static result_t parts(part_t *part, node_t *element, text_t *text);
static result_t place(place_t *place, node_t *element, json_t **json);
static result_t filtered(place_t *place, values_t *v, json_t **json);
static json_t *filter(const char *name, json_t *item);
static json_t *joined(json_t *list, const char *with);
static void as_text(text_t *text, json_t *json);
static json_t *looked_up(const char *map, json_t *item);
static int holds(test_t *test, node_t *element);
static void look(values_t *v, field_t *field, node_t *element);
static void follow(values_t *v, node_t *node, const char *step, int n);
static void elements(values_t *v, field_t *field, node_t *element);
static void flatten(values_t *v, node_t *node, int crossed);
static json_t *tree(node_t *node);
static int one_pair(ngx_er_layout_t *layout, part_t *template);
static void put(text_t *text, const char *data, size_t len);
static void puts_(text_t *text, const char *data);
static unsigned pick(unsigned n);
static void *get(size_t size);


static unsigned long long  seed;
static char               *memory, *memory_start;
static text_t              event, clean, printed;
static node_t             *body;
static int                 keys, made, failed, vanished;
static int                 plain;      /* the event is as jansson writes it */
static int                 loose;      /* the text of an object or an array is
                                          in a string, and is not: its bytes
                                          are the event's */


static const char  *words[] = { "a", "b", "c" };

static const char  *presets[] = {
    "0", "null", "\"none\"", "'it\"s'", "[]", "true", "{\"p\":[1]}", "\"\""
};

static const char  *filters[] = {
    "upper", "lower", "trim", "string", "number", "join", "join(\", \")"
};

static const char  *literals[] = {
    "1", "-2.5", "true", "null", "\"x\"", "[]", "{}", "\"\\{data.a}\"",
    "\"[\"", "\"{\"", "[1,[2]]"
};

static const char  *texts[] = {
    "x", " ", "{}", "\\\"", "\\{", "caf\xc3\xa9", "\\u0041", "\\n", "[", ","
};


int
main(int argc, char **argv)
{
    int               i, pairs, want, wrong;
    part_t           *template;
    ngx_str_t         name, text;
    ngx_pool_t       *pool;
    ngx_er_error_t    err;
    ngx_er_layout_t  *layout;

    want = (argc > 1) ? atoi(argv[1]) : PAIRS;
    seed = (argc > 2) ? strtoull(argv[2], NULL, 0) : 20261130;
    memory_start = malloc(MEMORY);

    diag("seed %llu", seed);

    ngx_str_set(&name, "t");
    pairs = 0;
    wrong = 0;

    while (pairs < want && wrong < 10) {
        memory = memory_start;
        keys = 0;

        template = make_value(0, 0, 0, 0);
        printed.len = 0;
        print_part(template, 0);

        pool = ngx_er_test_pool();
        text.data = (u_char *) printed.data;
        text.len = printed.len;

        layout = ngx_er_layout_compile(pool, &name, &text, layout_file, NULL,
                                       &err);
        if (layout == NULL) {
            diag("%.*s: %.*s", (int) printed.len, printed.data, (int) err.len,
                 (char *) err.text);
            wrong++;
        }

        for (i = 0; layout && i < EVENTS; i++) {
            pairs++;
            wrong += one_pair(layout, template);
        }

        ngx_destroy_pool(pool);
    }

    is_int(wrong, 0, "%d pairs of template and event: %d bodies, %d failures",
           pairs, made, failed);
    ok(made > pairs / 4 && failed > pairs / 20 && vanished > pairs / 20,
       "some of each");

    free(event.data);
    free(clean.data);
    free(printed.data);
    free(memory_start);

    return done_testing();
}


/* 1: they differ */

static int
one_pair(ngx_er_layout_t *layout, part_t *template)
{
    int                     differs;
    char                   *kept;
    json_t                 *want, *have;
    result_t                result;
    ngx_int_t               rc;
    json_error_t            error;
    ngx_er_layout_print_t   print;

    kept = memory;
    make_event();

    want = NULL;
    loose = 0;
    result = value(template, NULL, &want);

    ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

    print.pool = ngx_er_test_pool();
    print.layout = layout;
    print.data.data = malloc(event.len);
    print.data.len = event.len;
    memcpy(print.data.data, event.data, event.len);

    rc = ngx_er_layout_print(&print, NULL);

    have = (rc == NGX_OK)
           ? json_loadb((char *) print.body.data, print.body.len,
                        JSON_DECODE_ANY|JSON_ALLOW_NUL, &error)
           : NULL;

    differs = (result == OK) ? (rc != NGX_OK || have == NULL
                                || (!loose && !json_equal(want, have)))
                             : (rc != NGX_DECLINED || print.err.len == 0);
    made += (result == OK);
    failed += (result == FAILS);

    if (differs) {
        diag("template %.*s", (int) printed.len, printed.data);
        diag("event    %.*s", (int) event.len, event.data);
        diag("got      %ld %.*s %.*s", (long) rc,
             (int) print.body.len, (char *) print.body.data,
             (int) print.err.len, (char *) print.err.text);
        diag("expected %d %s", (int) result,
             want ? json_dumps(want, JSON_COMPACT|JSON_ENCODE_ANY) : "");
    }

    json_decref(want);
    json_decref(have);

    free(print.data.data);
    ngx_destroy_pool(print.pool);

    memory = kept;

    return differs;
}


/* ---- events */

static void
make_event(void)
{
    event.len = 0;
    clean.len = 0;
    plain = pick(2);

    body = make_node(0);
    print_node(body);
}


static node_t *
make_node(int depth)
{
    int      i, n;
    node_t  *node, *child, **last;

    node = get(sizeof(node_t));

    switch (pick(depth == 0 ? 2 : depth < DEPTH ? 9 : 6)) {

    case 0:
    case 6:
        node->type = (depth < DEPTH) ? NGX_ER_OBJECT : NGX_ER_NULL;
        break;

    case 1:
        node->type = (depth < DEPTH) ? (depth || pick(3) == 0)
                                       ? NGX_ER_ARRAY : NGX_ER_OBJECT
                                     : NGX_ER_NULL;
        break;

    case 2:
        node->type = NGX_ER_NUMBER;
        break;

    case 3:
        node->type = NGX_ER_BOOLEAN;
        break;

    case 7:
        node->type = NGX_ER_OBJECT;
        break;

    case 8:
        node->type = NGX_ER_ARRAY;
        break;

    default:
        node->type = NGX_ER_STRING;
    }

    if (node->type != NGX_ER_OBJECT && node->type != NGX_ER_ARRAY) {
        return node;
    }

    last = &node->child;
    n = (node->type == NGX_ER_ARRAY) ? (int) pick(4) : 3;

    for (i = 0; i < n; i++) {

        if (node->type == NGX_ER_OBJECT && depth && pick(4) == 0) {
            continue;
        }

        child = make_node(depth + 1);
        child->key = (node->type == NGX_ER_OBJECT) ? words[i] : NULL;

        *last = child;
        last = &child->next;
    }

    return node;
}


/* both the event and what it is without odd bytes */

static void
both(const char *text)
{
    puts_(&event, text);
    puts_(&clean, text);
}


static void
print_node(node_t *node)
{
    char         number[32];
    node_t      *child;
    const char  *blank;

    static const char  *literal[] = { "true", "false" };

    node->start = clean.len;
    blank = (plain || pick(4)) ? "" : " \n";

    switch (node->type) {

    case NGX_ER_OBJECT:
    case NGX_ER_ARRAY:
        both(node->type == NGX_ER_OBJECT ? "{" : "[");
        both(blank);

        for (child = node->child; child; child = child->next) {

            if (child->key) {

                if (!plain && pick(8) == 0) {
                    snprintf(number, sizeof(number), "\"\\u00%02x\"",
                             child->key[0]);

                } else {
                    snprintf(number, sizeof(number), "\"%s\"", child->key);
                }

                both(number);
                both(blank);
                both(":");
            }

            print_node(child);
            both(child->next ? "," : "");
            both(blank);
        }

        both(node->type == NGX_ER_OBJECT ? "}" : "]");
        break;

    case NGX_ER_STRING:
        make_string(node);
        break;

    case NGX_ER_NUMBER:
        snprintf(number, sizeof(number), "%s%d%s", pick(4) ? "" : "-",
                 (int) pick(3) + 1, pick(3) ? "" : ".5");
        both(number);
        break;

    case NGX_ER_BOOLEAN:
        both(literal[pick(2)]);
        break;

    default:
        both("null");
    }

    node->end = clean.len;

    if (node->type != NGX_ER_STRING) {
        node->len = node->end - node->start;
        node->text = get(node->len + 1);
        memcpy(node->text, clean.data + node->start, node->len);
    }
}


/* a string is made of whole pieces, so that halves of pairs stay halves */

static void
make_string(node_t *node)
{
    int     i, n;
    text_t  text;

    static const struct {
        const char  *raw;
        const char  *clean;
        const char  *text;
        size_t       len;
    } pieces[] = {
        { "a", "a", "a", 1 }, { "b", "b", "b", 1 }, { "B", "B", "B", 1 },
        { " ", " ", " ", 1 }, { "1", "1", "1", 1 }, { "{", "{", "{", 1 },
        { "\\n", "\\n", "\n", 1 }, { "\\\"", "\\\"", "\"", 1 },
        { "\\\\", "\\\\", "\\", 1 }, { "\\u0000", "\\u0000", "\0", 1 },
        { "\xc3\xa9", "\xc3\xa9", "\xc3\xa9", 2 },

        /* jansson writes these in another way */

        { "\\/", "\\/", "/", 1 }, { "\\u0061", "\\u0061", "a", 1 },
        { "\\u00e9", "\\u00e9", "\xc3\xa9", 2 },
        { "\\ud83d\\ude00", "\\ud83d\\ude00", "\xf0\x9f\x98\x80", 4 },
        { "\\ud83dx", "\xef\xbf\xbdx", "\xef\xbf\xbdx", 4 },
        { "y\\ude00z", "y\xef\xbf\xbdz", "y\xef\xbf\xbdz", 5 },
        { "\xff", "\xef\xbf\xbd", "\xef\xbf\xbd", 3 },
        { "\xed\xa0\xbdz", "\xef\xbf\xbdz", "\xef\xbf\xbdz", 4 }
    };

    memset(&text, 0, sizeof(text_t));

    both("\"");

    /* few of them are odd: most documents have none at all */

    n = pick(4);

    for (i = 0; i < n; i++) {
        int  k = pick((plain || pick(12)) ? 11 : sizeof(pieces)
                                                 / sizeof(pieces[0]));

        puts_(&event, pieces[k].raw);
        puts_(&clean, pieces[k].clean);
        put(&text, pieces[k].text, pieces[k].len);
    }

    both("\"");

    node->text = get(text.len + 1);
    node->len = text.len;

    if (text.len) {
        memcpy(node->text, text.data, text.len);
    }

    free(text.data);
}


/* ---- templates */

static part_t *
new_part(char kind)
{
    part_t  *part;

    part = get(sizeof(part_t));
    part->kind = kind;

    return part;
}


/* item: it can vanish; string: in one */

static part_t *
make_value(int depth, int each, int item, int string)
{
    part_t  *part;

    switch (pick(depth < DEPTH ? 12 : 6)) {

    case 0:
        part = new_part('l');
        part->text = literals[pick(sizeof(literals) / sizeof(literals[0]))];
        return part;

    case 1:
        part = new_part('s');
        part->child = make_parts(depth + 1, each, item);
        return part;

    case 6:
    case 7:
    case 8:
        part = new_part('o');
        part->child = make_items(depth + 1, each, 1);
        return part;

    case 9:
    case 10:
        part = new_part('a');
        part->child = make_items(depth + 1, each, 0);
        return part;

    case 11:
        part = new_part('i');
        make_test(&part->test, each);
        part->child = make_value(depth + 1, each, item, string);

        if (!item || pick(2)) {
            part->other = make_value(depth + 1, each, item, string);
        }

        return part;

    default:
        part = new_part('p');
        make_place(&part->place, each, item);
        return part;
    }
}


static part_t *
make_items(int depth, int each, int object)
{
    int      n;
    part_t  *first, *part, **last;

    first = NULL;
    last = &first;

    for (n = pick(5); n; n--) {

        if (depth < DEPTH && pick(5) == 0) {
            part = new_part('I');
            make_test(&part->test, each);
            part->child = make_items(depth + 1, each, object);
            part->other = pick(2) ? make_items(depth + 1, each, object) : NULL;

        } else if (depth < DEPTH && !object && pick(4) == 0) {
            part = new_part('E');
            make_each(&part->each, each);
            part->child = make_items(depth + 1, 1, object);

        } else {
            part = make_value(depth + 1, each, 1, 0);

            if (object) {
                snprintf(part->key, sizeof(part->key), "k%d", keys++);
            }
        }

        *last = part;
        last = &part->next;
    }

    return first;
}


static part_t *
make_parts(int depth, int each, int item)
{
    int      n;
    part_t  *first, *part, **last;

    first = NULL;
    last = &first;

    for (n = pick(4); n; n--) {

        if (depth < DEPTH && pick(6) == 0) {
            part = new_part('I');
            make_test(&part->test, each);
            part->child = make_parts(depth + 1, each, item);
            part->other = pick(2) ? make_parts(depth + 1, each, item) : NULL;

        } else if (depth < DEPTH && pick(6) == 0) {
            part = new_part('E');
            make_each(&part->each, each);
            part->child = make_parts(depth + 1, 1, item);

        } else if (pick(2)) {
            part = new_part('t');
            part->text = texts[pick(sizeof(texts) / sizeof(texts[0]))];

        } else {
            part = new_part('p');
            make_place(&part->place, each, item);
        }

        *last = part;
        last = &part->next;
    }

    return first;
}


static void
make_place(place_t *place, int each, int item)
{
    make_field(&place->field, each);

    if (pick(8) == 0) {
        place->map = pick(2) ? "codes" : "codes.json";
    }

    while (place->nfilters < 3 && pick(4) == 0) {
        place->filter[place->nfilters++] = filters[pick(sizeof(filters)
                                                   / sizeof(filters[0]))];
    }

    if (item && pick(2)) {
        place->optional = 1;

    } else if (pick(10)) {
        place->preset = presets[pick(sizeof(presets) / sizeof(presets[0]))];
    }
}


static void
make_field(field_t *field, int each)
{
    int    i;
    char  *p;

    field->relative = each && pick(3);
    field->n = pick(field->relative ? 3 : 4);

    p = stpcpy(field->text, field->relative ? "" : "data");

    for (i = 0; i < field->n; i++) {

        if (pick(5) == 0 && (i || !field->relative)) {
            field->step[i] = '0' + pick(2);
            p += sprintf(p, "[%c]", field->step[i]);

        } else {
            field->step[i] = *words[pick(3)];
            p += sprintf(p, ".%c", field->step[i]);
        }
    }

    if (field->relative && field->n == 0) {
        strcpy(p, ".");
    }
}


/* an element is none of its own arrays */

static void
make_each(field_t *field, int each)
{
    do {
        memset(field, 0, sizeof(field_t));
        make_field(field, each);
    } while (field->relative && field->n == 0);
}


static void
make_test(test_t *test, int each)
{
    make_field(&test->field, each);

    test->negated = (pick(3) == 0);
    test->op = pick(2) ? "exists" : "=";
    test->word = pick(2) ? "a" : "b";
}


static void
print_place(place_t *p)
{
    int  i;

    puts_(&printed, pick(8) ? "{" : "{ ");

    if (p->map) {
        puts_(&printed, "map ");
        puts_(&printed, p->map);
        puts_(&printed, " ");
    }

    puts_(&printed, p->field.text);
    puts_(&printed, p->optional ? "?" : "");

    for (i = 0; i < p->nfilters; i++) {
        puts_(&printed, pick(2) ? "|" : " | ");
        puts_(&printed, p->filter[i]);
    }

    if (p->preset) {
        puts_(&printed, pick(2) ? "|" : " | ");
        puts_(&printed, p->preset);
    }

    puts_(&printed, pick(8) ? "}" : " }");
}


static void
print_test(test_t *test)
{
    puts_(&printed, "{if ");
    puts_(&printed, test->field.text);
    puts_(&printed, test->negated ? " not " : " ");
    puts_(&printed, test->op);

    if (test->op[0] == '=') {
        puts_(&printed, pick(2) ? " '" : " \"");
        puts_(&printed, test->word);
        puts_(&printed, printed.data[printed.len - 2] == '\'' ? "'" : "\"");
    }

    puts_(&printed, "}");
}


static void
print_part(part_t *part, int string)
{
    const char  *comma;

    if (part->key[0]) {
        puts_(&printed, "\"");
        puts_(&printed, part->key);
        puts_(&printed, "\":");
    }

    comma = string ? "" : ",";

    switch (part->kind) {

    case 'l':
    case 't':
        puts_(&printed, part->text);
        break;

    case 'p':
        print_place(&part->place);
        break;

    case 's':
        puts_(&printed, "\"");
        print_list(part->child, 1, "");
        puts_(&printed, "\"");
        break;

    case 'o':
        puts_(&printed, "{ ");
        print_list(part->child, 0, ",");
        puts_(&printed, "}");
        break;

    case 'a':
        puts_(&printed, "[");
        print_list(part->child, 0, ",");
        puts_(&printed, "]");
        break;

    case 'i':
        print_test(&part->test);
        print_part(part->child, string);

        if (part->other) {
            puts_(&printed, "{else}");
            print_part(part->other, string);
        }

        puts_(&printed, "{end}");
        break;

    case 'I':
        print_test(&part->test);
        print_list(part->child, string, comma);

        if (part->other) {
            puts_(&printed, "{else}");
            print_list(part->other, string, comma);
        }

        puts_(&printed, "{end}");
        break;

    default: /* E */
        puts_(&printed, "{each ");
        puts_(&printed, part->each.text);
        puts_(&printed, "}");
        print_list(part->child, string, comma);
        puts_(&printed, "{end}");
    }
}


/* commas beside words may be there or not */

static void
print_list(part_t *part, int string, const char *comma)
{
    int  group;

    for ( /* void */ ; part; part = part->next) {
        print_part(part, string);

        if (part->next) {
            group = (part->kind == 'I' || part->kind == 'E'
                     || part->next->kind == 'I' || part->next->kind == 'E');

            puts_(&printed, (group && pick(2)) ? "" : comma);
        }
    }
}


/* ---- the plain evaluator */

static result_t
value(part_t *part, node_t *element, json_t **json)
{
    text_t        text;
    result_t      result;
    json_error_t  error;

    switch (part->kind) {

    case 'l':
        *json = json_loads(strcmp(part->text, "\"\\{data.a}\"")
                           ? part->text : "\"{data.a}\"", JSON_DECODE_ANY,
                           &error);
        return OK;

    case 'o':
    case 'a':
        *json = (part->kind == 'o') ? json_object() : json_array();
        return items(part->child, element, *json);

    case 's':
        memset(&text, 0, sizeof(text_t));
        result = parts(part->child, element, &text);

        if (result == OK) {
            *json = json_stringn(text.len ? text.data : "", text.len);
        }

        free(text.data);
        return result;

    case 'i':

        if (holds(&part->test, element)) {
            return value(part->child, element, json);
        }

        return part->other ? value(part->other, element, json) : VANISHES;

    default: /* p */
        return place(&part->place, element, json);
    }
}


static result_t
items(part_t *part, node_t *element, json_t *list)
{
    int        i;
    json_t    *json;
    result_t   result;
    values_t  *v;

    for ( /* void */ ; part; part = part->next) {
        result = OK;

        if (part->kind == 'I') {
            result = items(holds(&part->test, element) ? part->child
                                                       : part->other,
                           element, list);

        } else if (part->kind == 'E') {
            v = malloc(sizeof(values_t));
            elements(v, &part->each, element);

            for (i = 0; i < v->n && result == OK; i++) {
                result = items(part->child, v->node[i], list);
            }

            free(v);

        } else {
            json = NULL;
            result = value(part, element, &json);

            if (result == VANISHES) {
                json_decref(json);
                vanished++;
                continue;
            }

            if (result == FAILS) {
                json_decref(json);

            } else if (part->key[0]) {
                json_object_set_new_nocheck(list, part->key, json);

            } else {
                json_array_append_new(list, json);
            }
        }

        if (result != OK) {
            return result;
        }
    }

    return OK;
}


static result_t
parts(part_t *part, node_t *element, text_t *text)
{
    int            i;
    char           quoted[64];
    json_t        *json;
    result_t       result;
    values_t      *v;
    json_error_t   error;

    for ( /* void */ ; part; part = part->next) {
        result = OK;
        json = NULL;

        if (part->kind == 'I') {
            result = parts(holds(&part->test, element) ? part->child
                                                       : part->other,
                           element, text);

        } else if (part->kind == 'E') {
            v = malloc(sizeof(values_t));
            elements(v, &part->each, element);

            for (i = 0; i < v->n && result == OK; i++) {
                result = parts(part->child, v->node[i], text);
            }

            free(v);

        } else if (part->kind == 't') {
            sprintf(quoted, "\"%s\"", strcmp(part->text, "\\{") ? part->text
                                                                : "{");
            json = json_loads(quoted, JSON_DECODE_ANY, &error);
            as_text(text, json);

        } else {
            result = place(&part->place, element, &json);

            if (result == OK) {
                loose |= (json_is_object(json) || json_is_array(json))
                         && (!plain || part->place.map);
                as_text(text, json);
            }
        }

        json_decref(json);

        if (result != OK) {
            return result;
        }
    }

    return OK;
}


/* what stands for it outside of a string */

static result_t
place(place_t *place, node_t *element, json_t **json)
{
    int            i;
    char           preset[64];
    result_t       result;
    values_t      *v;
    json_error_t   error;

    v = malloc(sizeof(values_t));
    look(v, &place->field, element);

    result = OK;

    if (v->n == 0 && !v->crossed) {
        result = VANISHES;

    } else if (place->nfilters || place->map) {
        result = filtered(place, v, json);

    } else if (v->crossed) {
        *json = json_array();

        for (i = 0; i < v->n; i++) {
            json_array_append_new(*json, tree(v->node[i]));
        }

    } else {
        *json = tree(v->node[0]);
    }

    free(v);

    if (result != VANISHES || place->optional) {
        return result;
    }

    if (place->preset == NULL) {
        return FAILS;
    }

    strcpy(preset, place->preset);

    if (preset[0] == '\'') {
        strcpy(preset, "\"it\\\"s\"");
    }

    *json = json_loads(preset, JSON_DECODE_ANY, &error);

    return OK;
}


static result_t
filtered(place_t *place, values_t *v, json_t **json)
{
    int            i, array;
    size_t         k;
    char           preset[64];
    json_t        *list, *item;
    node_t        *child;
    json_error_t   error;

    list = json_array();
    array = v->crossed;

    if (!array && v->node[0]->type == NGX_ER_ARRAY) {
        array = 1;

        for (child = v->node[0]->child; child; child = child->next) {
            json_array_append_new(list, tree(child));
        }

    } else {
        for (i = 0; i < v->n; i++) {
            json_array_append_new(list, tree(v->node[i]));
        }
    }

    for (k = 0; place->map && k < json_array_size(list); k++) {
        item = json_array_get(list, k);

        if (json_is_object(item) || json_is_array(item)) {
            json_decref(list);
            return FAILS;
        }

        if (json_is_null(item)) {
            continue;
        }

        item = looked_up(place->map, item);

        if (item) {
            json_array_set_new(list, k, item);

        } else if (!array) {
            json_decref(list);
            return VANISHES;

        } else if (place->optional) {
            json_array_remove(list, k--);

        } else if (place->preset == NULL) {
            json_decref(list);
            return FAILS;

        } else {
            strcpy(preset, place->preset[0] == '\'' ? "\"it\\\"s\""
                                                    : place->preset);
            json_array_set_new(list, k, json_loads(preset, JSON_DECODE_ANY,
                                                   &error));
        }
    }

    for (i = 0; i < place->nfilters; i++) {

        for (k = 0; k < json_array_size(list); k++) {
            item = filter(place->filter[i], json_array_get(list, k));

            if (item == NULL) {
                json_decref(list);
                return FAILS;
            }

            json_array_set_new(list, k, item);
        }

        if (place->filter[i][0] == 'j'
            && (array || !json_is_null(json_array_get(list, 0))))
        {
            item = joined(list, place->filter[i][4] ? ", " : ",");

            json_array_clear(list);
            json_array_append_new(list, item);
            array = 0;
        }
    }

    if (array) {
        *json = list;

    } else {
        *json = json_incref(json_array_get(list, 0));
        json_decref(list);
    }

    return OK;
}


/* one element; NULL: it cannot be done */

static json_t *
filter(const char *name, json_t *item)
{
    char          *s;
    size_t         i, first, last;
    text_t         text;
    json_t        *json;
    json_error_t   error;

    if (json_is_object(item) || json_is_array(item)) {
        return NULL;
    }

    if (json_is_null(item) || name[0] == 'j') {
        return json_incref(item);
    }

    memset(&text, 0, sizeof(text_t));
    as_text(&text, item);
    s = text.data;

    first = 0;
    last = text.len;

    switch (name[0]) {

    case 'u':
    case 'l':
        for (i = 0; i < text.len; i++) {

            if (name[0] == 'u' && s[i] >= 'a' && s[i] <= 'z') {
                s[i] -= 32;
            }

            if (name[0] == 'l' && s[i] >= 'A' && s[i] <= 'Z') {
                s[i] += 32;
            }
        }

        break;

    case 't':
        while (first < last && memchr(" \t\n\v\f\r", s[first], 6)) {
            first++;
        }

        while (last > first && memchr(" \t\n\v\f\r", s[last - 1], 6)) {
            last--;
        }

        break;

    case 'n':
        json = json_is_boolean(item) ? NULL
               : json_loadb(text.len ? s : "", text.len, JSON_DECODE_ANY,
                            &error);

        /* jansson lets blanks and a NUL stand around it */

        if (!json_is_number(json) || memchr("-0123456789", s[0], 11) == NULL
            || memchr("0123456789", s[text.len - 1], 10) == NULL)
        {
            json_decref(json);
            json = NULL;
        }

        free(text.data);
        return json;

    default: /* string */
        break;
    }

    json = json_stringn(text.len ? s + first : "", last - first);
    free(text.data);

    return json;
}


static json_t *
joined(json_t *list, const char *with)
{
    size_t   i;
    text_t   text;
    json_t  *json;

    memset(&text, 0, sizeof(text_t));

    for (i = 0; i < json_array_size(list); i++) {
        puts_(&text, i ? with : "");
        as_text(&text, json_array_get(list, i));
    }

    json = json_stringn(text.len ? text.data : "", text.len);
    free(text.data);

    return json;
}


/* in a string: a text as it is, null is nothing, a container is JSON */

static void
as_text(text_t *text, json_t *json)
{
    char  *dump;

    if (json_is_string(json)) {
        put(text, json_string_value(json), json_string_length(json));
        return;
    }

    if (json_is_null(json)) {
        return;
    }

    dump = json_dumps(json, JSON_COMPACT|JSON_ENCODE_ANY);
    puts_(text, dump);
    free(dump);
}


static json_t *
looked_up(const char *map, json_t *item)
{
    text_t         text;
    json_t        *json, *found;
    json_error_t   error;

    memset(&text, 0, sizeof(text_t));
    as_text(&text, item);
    put(&text, "", 1);

    found = NULL;

    /* the table has lines for texts that events have here */

    if (strcmp(map, "codes.json") == 0) {
        json = json_loads(layout_codes_json, 0, &error);

        if (strlen(text.data) + 1 == text.len) {
            found = json_incref(json_object_get(json, text.data));
        }

        json_decref(json);

    } else if (text.len == 2) {
        found = (text.data[0] == 'a') ? json_string("1")
                : (text.data[0] == 'b') ? json_string("2")
                : (text.data[0] == '1') ? json_string("one") : NULL;

    } else if (strcmp(text.data, "true") == 0 && text.len == 5) {
        found = json_string("yes");
    }

    free(text.data);

    return found;
}


/* exists: the field has a value of its own; "=": one that is no container, in
   arrays or not, is this text */

static int
holds(test_t *test, node_t *element)
{
    int        i, n, found;
    values_t  *v, *flat;

    v = malloc(sizeof(values_t));
    flat = malloc(sizeof(values_t));

    look(v, &test->field, element);

    found = 0;

    if (test->op[0] == 'e') {
        found = (v->n > 0);

    } else {
        for (i = 0; i < v->n && !found; i++) {
            flat->n = 0;

            if (v->node[i]->type == NGX_ER_ARRAY) {
                flatten(flat, v->node[i], 0);

            } else {
                flat->node[flat->n++] = v->node[i];
            }

            for (n = 0; n < flat->n; n++) {
                found |= (flat->node[n]->type == NGX_ER_STRING
                          && flat->node[n]->len == 1
                          && flat->node[n]->text[0] == test->word[0]);
            }
        }
    }

    free(v);
    free(flat);

    return found != test->negated;
}


static void
look(values_t *v, field_t *field, node_t *element)
{
    v->n = 0;
    v->crossed = 0;

    follow(v, field->relative ? element : body, field->step, field->n);
}


static void
follow(values_t *v, node_t *node, const char *step, int n)
{
    int      i;
    node_t  *child;

    if (n == 0) {

        if (v->n < 512) {
            v->node[v->n++] = node;
        }

        return;
    }

    if (*step >= 'a' && node->type == NGX_ER_ARRAY) {
        v->crossed = 1;

        for (child = node->child; child; child = child->next) {
            follow(v, child, step, n);
        }

    } else if (*step >= 'a') {
        for (child = node->child; child; child = child->next) {
            if (child->key && child->key[0] == *step) {
                follow(v, child, step + 1, n - 1);
            }
        }

    } else if (node->type == NGX_ER_ARRAY) {
        i = *step - '0';

        for (child = node->child; child; child = child->next) {
            if (i-- == 0) {
                follow(v, child, step + 1, n - 1);
            }
        }
    }
}


/* arrays are crossed, an object where an array might have been is one */

static void
elements(values_t *v, field_t *field, node_t *element)
{
    int        i;
    values_t  *found;

    found = malloc(sizeof(values_t));
    look(found, field, element);

    v->n = 0;

    for (i = 0; i < found->n; i++) {
        flatten(v, found->node[i], 0);
    }

    free(found);
}


static void
flatten(values_t *v, node_t *node, int crossed)
{
    node_t  *child;

    if (node->type == NGX_ER_ARRAY) {
        for (child = node->child; child; child = child->next) {
            flatten(v, child, 1);
        }

    } else if ((crossed || node->type == NGX_ER_OBJECT) && v->n < 512) {
        v->node[v->n++] = node;
    }
}


static json_t *
tree(node_t *node)
{
    json_t        *json;
    json_error_t   error;

    json = json_loadb(clean.data + node->start, node->end - node->start,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);
    if (json == NULL) {
        diag("%s", error.text);
        abort();
    }

    return json;
}


/* ---- tools */

static void
put(text_t *text, const char *data, size_t len)
{
    if (text->len + len > text->size) {
        text->size = 2 * text->size + len + 64;
        text->data = realloc(text->data, text->size);
    }

    memcpy(text->data + text->len, data, len);
    text->len += len;
}


static void
puts_(text_t *text, const char *data)
{
    put(text, data, strlen(data));
}


static unsigned
pick(unsigned n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;

    return (unsigned) (seed >> 33) % n;
}


static void *
get(size_t size)
{
    char  *p;

    p = memory;
    memory += (size + 15) & ~(size_t) 15;

    if (memory > memory_start + MEMORY) {
        abort();
    }

    memset(p, 0, size);

    return p;
}
