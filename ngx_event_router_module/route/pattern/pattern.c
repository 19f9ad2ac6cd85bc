
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Event patterns, compiled.  A pattern is taken apart into branches: the
 * leaves that must all be met.  Without "$or" there is one branch; each "$or"
 * multiplies those there are by its objects.  Branches share leaves; a path
 * that comes again replaces the one before it, as in event-ruler.
 *
 * Dotted names: to EventBridge {"a": {"b": ...}} and {"a.b": ...} are one
 * field, in patterns as in events.  So a leaf's name, its keys joined by ".",
 * is one field of the table that has a path for each way of having the dots
 * between keys or within them; the scanner files all values under one slot.
 * There are 2 ^ dots ways.  With up to four dots all of them are paths; with
 * more, those in which one key has dots (and the pattern's own way), which is
 * what events have: labels such as "app.kubernetes.io/name".
 *
 * Called by route.c when nginx.conf is read; pattern_eval.c asks the pattern
 * about events.  Everything is in the pool or points into the document, and
 * nothing changes afterwards.  A pattern that would grow beyond the bounds
 * below is an error with line and path, like all others that it may have.
 */


#include "pattern.h"
#include "leaf.h"
#include "../../conf/nearest.h"
#include "../../ingest/paths.h"


#define NGX_ER_PATTERN_LEAVES    256       /* of a branch, as in event-ruler */
#define NGX_ER_PATTERN_BRANCHES  1000
#define NGX_ER_PATTERN_ENTRIES   65536     /* leaves of all branches */
#define NGX_ER_PATTERN_VALUES    20000     /* alternatives of all leaves */
#define NGX_ER_PATTERN_PATHS     10000     /* of dotted names */
#define NGX_ER_PATTERN_NAME      1024


#define NGX_ER_DOTTED_ALL  4           /* dots: up to these all ways */
#define NGX_ER_DOTTED_MAX  31
#define NGX_ER_DOTTED_KEY  1024        /* bytes, as in field.c */


/* the keys so far */

typedef struct {
    size_t                   len;        /* of them joined by "." */
    ngx_uint_t               keys;
    ngx_uint_t               dots;
    uint32_t                 written;    /* bit i: the i-th joins two keys */
} ngx_er_pattern_place_t;


typedef struct {
    ngx_pool_t              *pool;
    ngx_er_pattern_t        *pattern;
    ngx_er_fields_t         *fields;
    ngx_er_pattern_root_e    root;
    ngx_er_error_t          *err;

    ngx_array_t              branches;   /* of ngx_array_t of leaves */
    ngx_uint_t               values;
    ngx_uint_t               paths;
    ngx_uint_t               or;         /* within how many "$or" */

    ngx_er_pattern_place_t   at;
    u_char                   name[NGX_ER_PATTERN_NAME];
} ngx_er_pattern_compiler_t;


static ngx_int_t ngx_er_pattern_object(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_pattern_member(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_pattern_key(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_pattern_or(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_pattern_fork(ngx_er_pattern_compiler_t *c,
    ngx_array_t *from, ngx_array_t *to, ngx_er_tree_t *json);
static ngx_int_t ngx_er_pattern_leaf(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_pattern_set(ngx_array_t *branch, ngx_er_leaf_t *leaf);
static ngx_int_t ngx_er_pattern_field(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json, ngx_er_leaf_t *leaf);
static ngx_int_t ngx_er_pattern_attribute(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json, ngx_er_leaf_t *leaf);
static ngx_int_t ngx_er_pattern_branches(ngx_er_pattern_compiler_t *c,
    ngx_er_tree_t *json);
static int ngx_libc_cdecl ngx_er_pattern_order(const void *one,
    const void *two);
static ngx_int_t ngx_er_pattern_memory(ngx_er_pattern_compiler_t *c);
static ngx_int_t ngx_er_dotted_plain(ngx_er_fields_t *fields,
    ngx_str_t *name);
static ngx_int_t ngx_er_dotted_text(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t own, ngx_er_field_t *field);
static ngx_int_t ngx_er_dotted_steps(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t way, ngx_array_t *steps);
static ngx_int_t ngx_er_dotted_add(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t way, ngx_uint_t index);
static ngx_int_t ngx_er_dotted_ways(ngx_er_fields_t *fields, ngx_str_t *name,
    ngx_uint_t dots, ngx_uint_t index, ngx_uint_t *paths);
static ngx_uint_t ngx_er_dotted_odd(uint32_t way, ngx_uint_t dots);
static ngx_int_t ngx_er_dotted_field(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t written, ngx_uint_t *paths);


/* what cannot be a key within "$or": there it is an operator out of place */

static const char  *ngx_er_pattern_reserved[] = {
    "exactly", "equals-ignore-case", "prefix", "suffix", "anything-but",
    "exists", "wildcard", "numeric", "cidr", "=", "<", "<=", ">", ">=",
    "regex", "not-wildcard", "not-equals-ignore-case", "date-after",
    "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
    "ip-address-in-range", "ip-address-not-in-range", NULL
};


static const char  *ngx_er_pattern_attributes[] = {
    "id", "source", "type", "subject", "time", "datacontenttype",
    "specversion", "data", NULL
};


ngx_er_pattern_t *
ngx_er_pattern_compile(ngx_pool_t *pool, ngx_er_tree_t *json,
    ngx_er_pattern_root_e root, ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_array_t                *branch;
    ngx_er_pattern_compiler_t   c;

    ngx_memzero(&c, offsetof(ngx_er_pattern_compiler_t, name));

    c.pool = pool;
    c.fields = fields;
    c.root = root;
    c.err = err;

    c.pattern = ngx_pcalloc(pool, sizeof(ngx_er_pattern_t));

    if (c.pattern == NULL
        || ngx_array_init(&c.branches, pool, 1, sizeof(ngx_array_t)) != NGX_OK)
    {
        (void) ngx_er_pattern_memory(&c);
        return NULL;
    }

    branch = ngx_array_push(&c.branches);

    if (branch == NULL
        || ngx_array_init(branch, pool, 4, sizeof(ngx_er_leaf_t *)) != NGX_OK)
    {
        (void) ngx_er_pattern_memory(&c);
        return NULL;
    }

    if (json->type != NGX_ER_OBJECT) {
        (void) ngx_er_document_error(json, err, "an event pattern is an "
                                     "object, such as {\"type\": [\"a\"]}");
        return NULL;
    }

    if (ngx_er_pattern_object(&c, json) != NGX_OK
        || ngx_er_pattern_branches(&c, json) != NGX_OK)
    {
        return NULL;
    }

    return c.pattern;
}


/* recursive: as deep as the document */

static ngx_int_t
ngx_er_pattern_object(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_int_t                rc;
    ngx_er_tree_t           *child;
    ngx_er_pattern_place_t   at;

    if (json->child == NULL) {
        return ngx_er_document_error(json, c->err, "the object is empty: "
                                     "write a path and its values in it");
    }

    for (child = json->child; child; child = child->next) {

        if (ngx_er_tree_is(&child->key, "$or")) {
            if (ngx_er_pattern_or(c, child) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        at = c->at;
        rc = ngx_er_pattern_member(c, child);
        c->at = at;

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_pattern_member(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_uint_t  i;

    for (i = 0; c->or && ngx_er_pattern_reserved[i]; i++) {
        if (ngx_er_tree_is(&json->key, ngx_er_pattern_reserved[i])) {
            return ngx_er_document_error(json, c->err, "an operator cannot be "
                                         "a key within \"$or\": write a path "
                                         "and in its array the operator");
        }
    }

    if (ngx_er_pattern_key(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    if (json->type == NGX_ER_OBJECT) {
        return ngx_er_pattern_object(c, json);
    }

    if (json->type == NGX_ER_ARRAY) {
        return ngx_er_pattern_leaf(c, json);
    }

    return ngx_er_document_error(json, c->err, "an object or an array of "
                                 "values must stand here: write [%s%V%s]",
                                 json->type == NGX_ER_STRING ? "\"" : "",
                                 &json->text,
                                 json->type == NGX_ER_STRING ? "\"" : "");
}


/* appends the key to the name */

static ngx_int_t
ngx_er_pattern_key(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json)
{
    size_t                   i;
    ngx_er_pattern_place_t  *at;

    at = &c->at;

    if (at->len + json->key.len + 1 > NGX_ER_PATTERN_NAME) {
        return ngx_er_document_error(json, c->err, "the path is longer than "
                                     "%d bytes", NGX_ER_PATTERN_NAME);
    }

    if (at->keys++) {
        if (at->dots < 32) {
            at->written |= (uint32_t) 1 << at->dots;
        }

        c->name[at->len++] = '.';
        at->dots++;
    }

    for (i = 0; i < json->key.len; i++) {
        c->name[at->len++] = json->key.data[i];
        at->dots += (json->key.data[i] == '.');
    }

    return NGX_OK;
}


/* each of its objects goes on with what there is, next to the others */

static ngx_int_t
ngx_er_pattern_or(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_uint_t      i;
    ngx_array_t     before, all, *branch, *slot;
    ngx_er_tree_t  *item;

    if (json->type != NGX_ER_ARRAY || json->child == NULL
        || json->child->next == NULL)
    {
        return ngx_er_document_error(json, c->err, "\"$or\" is an array of "
                                     "two objects or more");
    }

    before = c->branches;

    if (ngx_array_init(&all, c->pool, 4, sizeof(ngx_array_t)) != NGX_OK) {
        return ngx_er_pattern_memory(c);
    }

    c->or++;

    for (item = json->child; item; item = item->next) {

        if (item->type != NGX_ER_OBJECT) {
            return ngx_er_document_error(item, c->err, "\"$or\" is an array "
                                         "of objects");
        }

        if (ngx_er_pattern_fork(c, &before, &all, item) != NGX_OK
            || ngx_er_pattern_object(c, item) != NGX_OK)
        {
            return NGX_ERROR;
        }

        branch = c->branches.elts;

        for (i = 0; i < c->branches.nelts; i++) {
            slot = ngx_array_push(&all);
            if (slot == NULL) {
                return ngx_er_pattern_memory(c);
            }

            *slot = branch[i];
        }
    }

    c->or--;
    c->branches = all;

    return NGX_OK;
}


/* c->branches becomes a copy of "from"; "to" is what there is beside it */

static ngx_int_t
ngx_er_pattern_fork(ngx_er_pattern_compiler_t *c, ngx_array_t *from,
    ngx_array_t *to, ngx_er_tree_t *json)
{
    void         *p;
    ngx_uint_t    i, entries;
    ngx_array_t  *branch, *copy;

    if (ngx_array_init(&c->branches, c->pool, from->nelts,
                       sizeof(ngx_array_t))
        != NGX_OK)
    {
        return ngx_er_pattern_memory(c);
    }

    branch = to->elts;
    entries = 0;

    for (i = 0; i < to->nelts; i++) {
        entries += branch[i].nelts;
    }

    branch = from->elts;

    for (i = 0; i < from->nelts; i++) {
        entries += branch[i].nelts;
    }

    if (to->nelts + from->nelts > NGX_ER_PATTERN_BRANCHES
        || entries > NGX_ER_PATTERN_ENTRIES)
    {
        return ngx_er_document_error(json, c->err, "the \"$or\" lists "
                                     "multiply to more than %d combinations "
                                     "or %d paths in all of them: use several "
                                     "routes", NGX_ER_PATTERN_BRANCHES,
                                     NGX_ER_PATTERN_ENTRIES);
    }

    for (i = 0; i < from->nelts; i++) {
        copy = ngx_array_push(&c->branches);

        if (copy == NULL
            || ngx_array_init(copy, c->pool, branch[i].nelts + 4,
                              sizeof(ngx_er_leaf_t *))
               != NGX_OK)
        {
            return ngx_er_pattern_memory(c);
        }

        if (branch[i].nelts == 0) {
            continue;
        }

        p = ngx_array_push_n(copy, branch[i].nelts);
        if (p == NULL) {
            return ngx_er_pattern_memory(c);
        }

        ngx_memcpy(p, branch[i].elts,
                   branch[i].nelts * sizeof(ngx_er_leaf_t *));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_pattern_leaf(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_uint_t      i;
    ngx_array_t    *branch;
    ngx_er_leaf_t  *leaf;
    ngx_er_tree_t  *item;

    leaf = ngx_pcalloc(c->pool, sizeof(ngx_er_leaf_t) + c->at.len);
    if (leaf == NULL) {
        return ngx_er_pattern_memory(c);
    }

    leaf->index = c->pattern->nleaves++;
    leaf->name.len = c->at.len;
    leaf->name.data = (u_char *) (leaf + 1);
    ngx_memcpy(leaf->name.data, c->name, c->at.len);

    for (item = json->child; item; item = item->next) {
        c->values++;
    }

    if (c->values > NGX_ER_PATTERN_VALUES) {
        return ngx_er_document_error(json, c->err, "the pattern has more than "
                                     "%d values: use several routes",
                                     NGX_ER_PATTERN_VALUES);
    }

    if (ngx_er_leaf_compile(c->pool, json, leaf, c->err) != NGX_OK
        || ngx_er_pattern_field(c, json, leaf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    branch = c->branches.elts;

    for (i = 0; i < c->branches.nelts; i++) {

        if (ngx_er_pattern_set(&branch[i], leaf) != NGX_OK) {
            return ngx_er_pattern_memory(c);
        }

        if (branch[i].nelts > NGX_ER_PATTERN_LEAVES) {
            return ngx_er_document_error(json, c->err, "more than %d paths "
                                         "must hold together",
                                         NGX_ER_PATTERN_LEAVES);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_pattern_set(ngx_array_t *branch, ngx_er_leaf_t *leaf)
{
    ngx_uint_t       i;
    ngx_er_leaf_t  **slot;

    slot = branch->elts;

    for (i = 0; i < branch->nelts; i++) {
        if (slot[i]->name.len == leaf->name.len
            && (leaf->name.len == 0
                || ngx_memcmp(slot[i]->name.data, leaf->name.data,
                              leaf->name.len)
                   == 0))
        {
            slot[i] = leaf;
            return NGX_OK;
        }
    }

    slot = ngx_array_push(branch);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = leaf;

    return NGX_OK;
}


static ngx_int_t
ngx_er_pattern_field(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json,
    ngx_er_leaf_t *leaf)
{
    uint32_t   written;
    ngx_int_t  index;
    ngx_str_t  name;

    name = leaf->name;
    written = c->at.written;

    if (c->root == NGX_ER_PATTERN_EVENT) {

        if (name.len < 5 || ngx_strncmp(name.data, "data.", 5) != 0) {
            return ngx_er_pattern_attribute(c, json, leaf);
        }

        name.data += 5;
        name.len -= 5;
        written >>= 1;
    }

    index = ngx_er_dotted_field(c->fields, &name, written, &c->paths);

    if (index == NGX_DECLINED) {
        return ngx_er_document_error(json, c->err, "the path has more than 32 "
                                     "keys or more than %d bytes",
                                     NGX_ER_PATTERN_NAME);
    }

    if (index == NGX_ERROR) {
        return ngx_er_pattern_memory(c);
    }

    if (c->paths > NGX_ER_PATTERN_PATHS) {
        return ngx_er_document_error(json, c->err, "the paths of the pattern "
                                     "are too many and too deep, for each "
                                     "\".\" may also stand in a key: use "
                                     "several routes");
    }

    leaf->field = index;

    return NGX_OK;
}


/* of the CloudEvent; "data" alone is the body, if that is no object */

static ngx_int_t
ngx_er_pattern_attribute(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json,
    ngx_er_leaf_t *leaf)
{
    ngx_int_t        index;
    const char      *near;
    ngx_uint_t       i;
    ngx_er_field_t   field;

    for (i = 0; ngx_er_pattern_attributes[i]; i++) {
        if (ngx_er_tree_is(&leaf->name, ngx_er_pattern_attributes[i])) {
            break;
        }
    }

    if (ngx_er_pattern_attributes[i] == NULL) {
        near = ngx_er_nearest(&leaf->name, ngx_er_pattern_attributes,
                              sizeof(char *));

        return ngx_er_document_error(json, c->err, "the event has no \"%V\"%s"
                                     "%s%s: it has id, source, type, subject, "
                                     "time, datacontenttype, specversion and "
                                     "data, which is the body; if the pattern "
                                     "is about the body alone write "
                                     "\"root=data\" behind the file",
                                     &leaf->name,
                                     near ? ", did you mean \"" : "",
                                     near ? near : "", near ? "\"?" : "");
    }

    if (ngx_er_field_parse(c->pool, &leaf->name, NULL, &field, c->err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    index = ngx_er_fields_add(c->fields, &field);
    if (index == NGX_ERROR) {
        return ngx_er_pattern_memory(c);
    }

    leaf->field = index;

    return NGX_OK;
}


static ngx_int_t
ngx_er_pattern_branches(ngx_er_pattern_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_uint_t        i, entries;
    ngx_array_t      *from;
    ngx_er_branch_t  *branch;

    if (ngx_array_init(&c->pattern->branches, c->pool, c->branches.nelts,
                       sizeof(ngx_er_branch_t))
        != NGX_OK)
    {
        return ngx_er_pattern_memory(c);
    }

    from = c->branches.elts;
    entries = 0;

    for (i = 0; i < c->branches.nelts; i++) {

        branch = ngx_array_push(&c->pattern->branches);
        if (branch == NULL) {
            return ngx_er_pattern_memory(c);
        }

        branch->leaves = from[i].elts;
        branch->n = from[i].nelts;
        entries += branch->n;

        ngx_qsort(branch->leaves, branch->n, sizeof(ngx_er_leaf_t *),
                  ngx_er_pattern_order);
    }

    if (entries > NGX_ER_PATTERN_ENTRIES) {
        return ngx_er_document_error(json, c->err, "the \"$or\" lists have "
                                     "more than %d paths in all their "
                                     "combinations: use several routes",
                                     NGX_ER_PATTERN_ENTRIES);
    }

    return NGX_OK;
}


/* by name: the order in which array elements are settled (pattern_eval.c) */

static int ngx_libc_cdecl
ngx_er_pattern_order(const void *one, const void *two)
{
    int             rc;
    ngx_er_leaf_t  *a, *b;

    a = *(ngx_er_leaf_t **) one;
    b = *(ngx_er_leaf_t **) two;

    rc = ngx_memcmp(a->name.data, b->name.data,
                    ngx_min(a->name.len, b->name.len));

    return rc ? rc : (int) a->name.len - (int) b->name.len;
}


static ngx_int_t
ngx_er_pattern_memory(ngx_er_pattern_compiler_t *c)
{
    ngx_er_error(c->err, "no memory for an event pattern");
    return NGX_ERROR;
}


/*
 * The field of keys joined by ".", in which every "." may also stand
 * in a key of the event.  Bit i of "written" is set if the i-th "." stands
 * between two keys of the pattern.  Adds to "paths" how many ways there are;
 * NGX_ERROR: no memory; NGX_DECLINED: more than 32 keys or one is too long.
 */

static ngx_int_t
ngx_er_dotted_field(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t written, ngx_uint_t *paths)
{
    size_t           i;
    uint32_t         all, own;
    ngx_int_t        index;
    ngx_uint_t       dots, known;
    ngx_er_field_t   field;

    dots = 0;

    for (i = 0; i < name->len; i++) {
        dots += (name->data[i] == '.');
    }

    if (dots > NGX_ER_DOTTED_MAX || name->len > NGX_ER_DOTTED_KEY) {
        return NGX_DECLINED;
    }

    *paths += 1;

    if (dots == 0) {
        return ngx_er_dotted_plain(fields, name);
    }

    all = ((uint32_t) 1 << dots) - 1;
    own = ngx_er_dotted_odd(written, dots) ? written : all;

    ngx_memzero(&field, sizeof(ngx_er_field_t));

    field.kind = NGX_ER_FIELD_DATA;
    field.variable = NGX_ERROR;

    if (ngx_er_dotted_text(fields, name, own, &field) != NGX_OK
        || ngx_er_dotted_steps(fields, name, all, &field.steps) != NGX_OK)
    {
        return NGX_ERROR;
    }

    known = fields->list.nelts;

    index = ngx_er_fields_add(fields, &field);

    if (index == NGX_ERROR || (ngx_uint_t) index < known) {
        return index;
    }

    if (own != all
        && ngx_er_dotted_add(fields, name, own, index) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_dotted_ways(fields, name, dots, index, paths) != NGX_OK) {
        return NGX_ERROR;
    }

    return index;
}


/* one key: the same field as in "when data.key" */

static ngx_int_t
ngx_er_dotted_plain(ngx_er_fields_t *fields, ngx_str_t *name)
{
    size_t           i;
    u_char          *p;
    ngx_str_t        text;
    ngx_er_field_t   field;
    ngx_er_error_t   err;

    p = ngx_pnalloc(fields->pool, sizeof("data.\"\"") + 2 * name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    p = ngx_cpymem(p, "data.\"", sizeof("data.\"") - 1);

    for (i = 0; i < name->len; i++) {
        if (name->data[i] == '"' || name->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = name->data[i];
    }

    *p++ = '"';
    text.len = p - text.data;

    if (ngx_er_field_parse(fields->pool, &text, NULL, &field, &err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_fields_add(fields, &field);
}


/* data{a.b.c}, which no field of nginx.conf can be; for people data.a.b.c */

static ngx_int_t
ngx_er_dotted_text(ngx_er_fields_t *fields, ngx_str_t *name, uint32_t own,
    ngx_er_field_t *field)
{
    u_char  *p, *last;

    p = ngx_pnalloc(fields->pool, sizeof("data{}#data.") + 2 * sizeof(uint32_t)
                                  + 2 * name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(p, "data{%V}#%xD", name, own);

    field->text.data = p;
    field->text.len = last - p;

    field->name.data = last;
    field->name.len = ngx_sprintf(last, "data.%V", name) - last;

    return NGX_OK;
}


static ngx_int_t
ngx_er_dotted_steps(ngx_er_fields_t *fields, ngx_str_t *name, uint32_t way,
    ngx_array_t *steps)
{
    u_char         *p, *last;
    ngx_er_step_t  *step;

    if (ngx_array_init(steps, fields->pool, 4, sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = name->data;
    last = p + name->len;

    for ( ;; ) {
        step = ngx_array_push(steps);
        if (step == NULL) {
            return NGX_ERROR;
        }

        step->index = NGX_ER_STEP_KEY;
        step->key.data = p;

        for ( /* void */ ; p < last; p++) {
            if (*p == '.') {
                if (way & 1) {
                    break;
                }

                way >>= 1;
            }
        }

        step->key.len = p - step->key.data;

        if (p == last) {
            return NGX_OK;
        }

        way >>= 1;
        p++;
    }
}


static ngx_int_t
ngx_er_dotted_add(ngx_er_fields_t *fields, ngx_str_t *name, uint32_t way,
    ngx_uint_t index)
{
    ngx_array_t  steps;

    if (ngx_er_dotted_steps(fields, name, way, &steps) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_paths_add(fields->paths, &steps, index);
}


/* all but the one that the field has already */

static ngx_int_t
ngx_er_dotted_ways(ngx_er_fields_t *fields, ngx_str_t *name, ngx_uint_t dots,
    ngx_uint_t index, ngx_uint_t *paths)
{
    uint32_t    all, way;
    ngx_uint_t  first, n;

    all = ((uint32_t) 1 << dots) - 1;

    if (dots <= NGX_ER_DOTTED_ALL) {

        for (way = 0; way < all; way++, *paths += 1) {
            if (ngx_er_dotted_add(fields, name, way, index) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        return NGX_OK;
    }

    for (first = 0; first < dots; first++) {

        for (n = 1; first + n <= dots; n++, *paths += 1) {
            way = all & ~((((uint32_t) 1 << n) - 1) << first);

            if (ngx_er_dotted_add(fields, name, way, index) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* the way is none of those above */

static ngx_uint_t
ngx_er_dotted_odd(uint32_t way, ngx_uint_t dots)
{
    uint32_t  within;

    within = ~way & (((uint32_t) 1 << dots) - 1);

    if (dots <= NGX_ER_DOTTED_ALL || within == 0) {
        return 0;
    }

    while ((within & 1) == 0) {
        within >>= 1;
    }

    return (within & (within + 1)) != 0;
}
