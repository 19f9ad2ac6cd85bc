
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The leaf of an event pattern, compiled: the array of alternatives behind a
 * path, such as [ "a", 5, { "prefix": "x" }, { "anything-but": [ 1, 2 ] } ].
 * The language is that of AWS' event-ruler, with its limits: what it refuses
 * is refused here, so that a pattern means the same in both places.  A number
 * that binary64 cannot hold cannot be compared there, so it is refused, too:
 * exact decimals are what "when" has.
 *
 * The operators stand in a table: exactly, prefix, suffix, equals-ignore-case
 * and wildcard for texts, numeric and cidr; those for texts also serve
 * "anything-but".
 *
 * Called by pattern.c when nginx.conf is read.  Texts point into the document,
 * all else is in the pool.  What is wrong is a sentence with line and path.
 */


#include "leaf.h"
#include "../../conf/nearest.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_er_leaf_t         *leaf;
    ngx_er_error_t        *err;
} ngx_er_compiler_t;


#define NGX_ER_LEAF_STARS     64       /* "*" of one wildcard */
#define NGX_ER_LEAF_WILDCARD  1024     /* bytes of one */


typedef ngx_int_t (*ngx_er_leaf_operator_pt)(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);


typedef struct {
    const char               *name;
    ngx_er_leaf_operator_pt   compile;
} ngx_er_leaf_operator_t;


static ngx_int_t ngx_er_leaf_checks(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks);
static ngx_int_t ngx_er_leaf_alternative(ngx_er_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_operator(ngx_er_compiler_t *c,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_exists(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_but(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_but_values(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_but_operator(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_unknown(ngx_er_compiler_t *c,
    ngx_er_tree_t *json, ngx_er_leaf_operator_t *operators,
    const char *where);
static ngx_int_t ngx_er_leaf_ends(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json, ngx_er_check_e kind,
    ngx_er_check_e kind_ci);
static ngx_int_t ngx_er_leaf_folded(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json, ngx_er_check_e kind);
static ngx_int_t ngx_er_leaf_pieces(ngx_er_compiler_t *c,
    ngx_er_check_t *check, ngx_er_tree_t *json);
static ngx_er_tree_t *ngx_er_leaf_bound(ngx_er_compiler_t *c,
    ngx_er_check_t *check, ngx_er_tree_t *op);
static ngx_int_t ngx_er_leaf_only(ngx_er_compiler_t *c, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_string(ngx_er_compiler_t *c, ngx_er_tree_t *json);
static ngx_er_check_t *ngx_er_leaf_add(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_check_e kind, ngx_str_t *text);
static ngx_int_t ngx_er_leaf_memory(ngx_er_compiler_t *c);
static ngx_int_t ngx_er_leaf_text(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_exactly(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_prefix(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_suffix(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_equal(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_wildcard(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_number(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_numeric(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
static ngx_int_t ngx_er_leaf_cidr(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);


static ngx_er_leaf_operator_t  ngx_er_leaf_operators[] = {
    { "exactly", ngx_er_leaf_exactly },
    { "prefix", ngx_er_leaf_prefix },
    { "suffix", ngx_er_leaf_suffix },
    { "equals-ignore-case", ngx_er_leaf_equal },
    { "wildcard", ngx_er_leaf_wildcard },
    { "numeric", ngx_er_leaf_numeric },
    { "cidr", ngx_er_leaf_cidr },
    { "exists", ngx_er_leaf_exists },
    { "anything-but", ngx_er_leaf_but },
    { NULL, NULL }
};


static ngx_er_leaf_operator_t  ngx_er_leaf_but_operators[] = {
    { "prefix", ngx_er_leaf_prefix },
    { "suffix", ngx_er_leaf_suffix },
    { "equals-ignore-case", ngx_er_leaf_equal },
    { "wildcard", ngx_er_leaf_wildcard },
    { NULL, NULL }
};


ngx_int_t
ngx_er_leaf_compile(ngx_pool_t *pool, ngx_er_tree_t *json,
    ngx_er_leaf_t *leaf, ngx_er_error_t *err)
{
    ngx_uint_t          i;
    ngx_er_tree_t      *item;
    ngx_er_checks_t    *but;
    ngx_er_compiler_t   c;

    c.pool = pool;
    c.leaf = leaf;
    c.err = err;

    leaf->json = json;

    if (ngx_er_leaf_checks(&c, &leaf->checks) != NGX_OK
        || ngx_array_init(&leaf->buts, pool, 1, sizeof(ngx_er_checks_t))
           != NGX_OK)
    {
        return ngx_er_leaf_memory(&c);
    }

    if (json->child == NULL) {
        return ngx_er_document_error(json, err, "an empty array matches "
                                     "nothing: write the values in it");
    }

    for (item = json->child; item; item = item->next) {
        if (ngx_er_leaf_alternative(&c, item) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    but = leaf->buts.elts;

    for (i = 0; i < leaf->buts.nelts; i++) {
        ngx_qsort(but[i].exact.elts, but[i].exact.nelts, sizeof(ngx_str_t),
                  ngx_er_check_order);
    }

    ngx_qsort(leaf->checks.exact.elts, leaf->checks.exact.nelts,
              sizeof(ngx_str_t), ngx_er_check_order);

    return NGX_OK;
}


static ngx_int_t
ngx_er_leaf_checks(ngx_er_compiler_t *c, ngx_er_checks_t *checks)
{
    if (ngx_array_init(&checks->exact, c->pool, 2, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&checks->list, c->pool, 1, sizeof(ngx_er_check_t));
}


static ngx_int_t
ngx_er_leaf_alternative(ngx_er_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_uint_t        len;
    ngx_er_check_t   *check;
    ngx_er_checks_t  *checks;
    u_char            bytes[NGX_ER_ADDRESS_LEN];

    checks = &c->leaf->checks;

    switch (json->type) {

    case NGX_ER_OBJECT:
        return ngx_er_leaf_operator(c, json);

    case NGX_ER_STRING:
        len = ngx_er_check_address(&json->text, bytes);

        if (len == 0) {
            return ngx_er_leaf_text(c, checks, json);
        }

        check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_ADDRESS, &json->text);
        if (check == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(check->u.net.bytes, bytes, len);
        check->u.net.len = len;
        check->u.net.bits = 8 * len;

        return NGX_OK;

    case NGX_ER_NUMBER:
        check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_NUMBER, &json->text);
        if (check == NULL) {
            return NGX_ERROR;
        }

        check->binary64 = (ngx_er_check_binary64(&json->text,
                                                 &check->u.number)
                           == NGX_OK);
        return NGX_OK;

    case NGX_ER_BOOLEAN:
    case NGX_ER_NULL:
        check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_WORD, &json->text);
        return check ? NGX_OK : NGX_ERROR;

    default: /* NGX_ER_ARRAY */
        return ngx_er_document_error(json, c->err, "a value must be a string, "
                                     "a number, true, false, null or an "
                                     "operator such as {\"prefix\": \"a\"}");
    }
}


static ngx_int_t
ngx_er_leaf_operator(ngx_er_compiler_t *c, ngx_er_tree_t *json)
{
    ngx_er_tree_t           *op;
    ngx_er_leaf_operator_t  *o;

    if (ngx_er_leaf_only(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    op = json->child;

    for (o = ngx_er_leaf_operators; o->name; o++) {
        if (ngx_er_tree_is(&op->key, o->name)) {
            return o->compile(c, &c->leaf->checks, op);
        }
    }

    return ngx_er_leaf_unknown(c, op, ngx_er_leaf_operators, "an operator");
}


/* an object with one key */

static ngx_int_t
ngx_er_leaf_only(ngx_er_compiler_t *c, ngx_er_tree_t *json)
{
    if (json->child == NULL) {
        return ngx_er_document_error(json, c->err, "the object is empty: "
                                     "write an operator in it, such as "
                                     "{\"prefix\": \"a\"}");
    }

    if (json->child->next) {
        return ngx_er_document_error(json->child->next, c->err, "only one "
                                     "operator may stand in an object: write "
                                     "each in an object of its own");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_leaf_string(ngx_er_compiler_t *c, ngx_er_tree_t *json)
{
    if (json->type != NGX_ER_STRING) {
        return ngx_er_document_error(json, c->err, "a string must stand here");
    }

    return NGX_OK;
}


static ngx_er_check_t *
ngx_er_leaf_add(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_check_e kind, ngx_str_t *text)
{
    ngx_er_check_t  *check;

    check = ngx_array_push(&checks->list);
    if (check == NULL) {
        (void) ngx_er_leaf_memory(c);
        return NULL;
    }

    ngx_memzero(check, sizeof(ngx_er_check_t));

    check->kind = kind;
    check->text = *text;

    return check;
}


static ngx_int_t
ngx_er_leaf_exists(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    if (json->type != NGX_ER_BOOLEAN) {
        return ngx_er_document_error(json, c->err, "true or false must stand "
                                     "here");
    }

    if (json->text.data[0] == 't') {
        c->leaf->exists = 1;

    } else {
        c->leaf->missing = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_leaf_but(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_checks_t  *but;

    but = ngx_array_push(&c->leaf->buts);

    if (but == NULL || ngx_er_leaf_checks(c, but) != NGX_OK) {
        return ngx_er_leaf_memory(c);
    }

    return (json->type == NGX_ER_OBJECT)
           ? ngx_er_leaf_but_operator(c, but, json)
           : ngx_er_leaf_but_values(c, but, json);
}


/* a string, a number, or a list of either */

static ngx_int_t
ngx_er_leaf_but_values(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_int_t       rc;
    ngx_er_tree_t  *item, *last;

    item = (json->type == NGX_ER_ARRAY) ? json->child : json;
    last = (json->type == NGX_ER_ARRAY) ? NULL : json->next;

    if (item == NULL) {
        return ngx_er_document_error(json, c->err, "an empty list leaves out "
                                     "nothing: write {\"exists\": true}");
    }

    for ( /* void */ ; item != last; item = item->next) {

        if (item->type == NGX_ER_STRING) {
            rc = ngx_er_leaf_text(c, checks, item);

        } else if (item->type == NGX_ER_NUMBER) {
            rc = ngx_er_leaf_number(c, checks, item);

        } else {
            return ngx_er_document_error(item, c->err, "a string or a number "
                                         "must stand here, or a list of "
                                         "either");
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (checks->exact.nelts && checks->list.nelts) {
        return ngx_er_document_error(json, c->err, "strings and numbers "
                                     "cannot stand in one list");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_leaf_but_operator(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_tree_t           *op, *item, *last;
    ngx_er_leaf_operator_t  *o;

    if (ngx_er_leaf_only(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    op = json->child;

    for (o = ngx_er_leaf_but_operators; o->name; o++) {
        if (ngx_er_tree_is(&op->key, o->name)) {
            break;
        }
    }

    if (o->name == NULL) {
        return ngx_er_leaf_unknown(c, op, ngx_er_leaf_but_operators,
                                   "an operator in \"anything-but\"");
    }

    item = (op->type == NGX_ER_ARRAY) ? op->child : op;
    last = (op->type == NGX_ER_ARRAY) ? NULL : op->next;

    if (item == NULL) {
        return ngx_er_document_error(op, c->err, "an empty list leaves out "
                                     "nothing: write {\"exists\": true}");
    }

    for ( /* void */ ; item != last; item = item->next) {
        if (o->compile(c, checks, item) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_leaf_unknown(ngx_er_compiler_t *c, ngx_er_tree_t *json,
    ngx_er_leaf_operator_t *operators, const char *where)
{
    const char  *near;

    near = ngx_er_nearest(&json->key, operators,
                          sizeof(ngx_er_leaf_operator_t));

    if (near) {
        return ngx_er_document_error(json, c->err, "this is not %s: did you "
                                     "mean \"%s\"?", where, near);
    }

    return ngx_er_document_error(json, c->err, "this is not %s: there are "
                                 "prefix, suffix, equals-ignore-case and "
                                 "wildcard%s", where,
                                 operators == ngx_er_leaf_operators
                                 ? ", exactly, numeric, cidr, exists and "
                                   "anything-but" : "");
}


/* leaf.c: an object with one key; a string; a check more, NULL: no memory */

static ngx_int_t
ngx_er_leaf_memory(ngx_er_compiler_t *c)
{
    ngx_er_error(c->err, "no memory for an event pattern");
    return NGX_ERROR;
}


static ngx_int_t
ngx_er_leaf_exactly(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_leaf_text(c, checks, json);
}


static ngx_int_t
ngx_er_leaf_text(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_str_t  *text;

    text = ngx_array_push(&checks->exact);
    if (text == NULL) {
        return ngx_er_leaf_memory(c);
    }

    *text = json->text;

    return NGX_OK;
}


static ngx_int_t
ngx_er_leaf_prefix(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    return ngx_er_leaf_ends(c, checks, json, NGX_ER_CHECK_PREFIX,
                            NGX_ER_CHECK_PREFIX_CI);
}


static ngx_int_t
ngx_er_leaf_suffix(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    return ngx_er_leaf_ends(c, checks, json, NGX_ER_CHECK_SUFFIX,
                            NGX_ER_CHECK_SUFFIX_CI);
}


/* within "anything-but" an empty one and ignoring case are not allowed */

static ngx_int_t
ngx_er_leaf_ends(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json, ngx_er_check_e kind, ngx_er_check_e kind_ci)
{
    ngx_uint_t  but;

    but = (checks != &c->leaf->checks);

    if (!but && json->type == NGX_ER_OBJECT) {

        if (ngx_er_leaf_only(c, json) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!ngx_er_tree_is(&json->child->key, "equals-ignore-case")) {
            return ngx_er_document_error(json->child, c->err, "only "
                                         "\"equals-ignore-case\" may stand "
                                         "here");
        }

        return ngx_er_leaf_folded(c, checks, json->child, kind_ci);
    }

    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    if (but && json->text.len == 0) {
        return ngx_er_document_error(json, c->err, "it is empty, which every "
                                     "string begins and ends with: write "
                                     "{\"exists\": false}");
    }

    return ngx_er_leaf_add(c, checks, kind, &json->text) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_leaf_folded(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json, ngx_er_check_e kind)
{
    ngx_er_check_t  *check;

    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    check = ngx_er_leaf_add(c, checks, kind, &json->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    check->u.letters = ngx_er_letters(c->pool, &json->text);

    return check->u.letters ? NGX_OK : ngx_er_leaf_memory(c);
}


static ngx_int_t
ngx_er_leaf_equal(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    return ngx_er_leaf_folded(c, checks, json, NGX_ER_CHECK_EQUAL_CI);
}


static ngx_int_t
ngx_er_leaf_wildcard(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_check_t  *check;

    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    if (json->text.len > NGX_ER_LEAF_WILDCARD) {
        return ngx_er_document_error(json, c->err, "a wildcard of more than "
                                     "%d bytes: use \"prefix\" or \"suffix\"",
                                     NGX_ER_LEAF_WILDCARD);
    }

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_WILDCARD, &json->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    if (ngx_array_init(&check->u.pieces, c->pool, 2, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return ngx_er_leaf_memory(c);
    }

    return ngx_er_leaf_pieces(c, check, json);
}


/* "\*" is a star and "\\" a backslash; the pieces are copied without them */

static ngx_int_t
ngx_er_leaf_pieces(ngx_er_compiler_t *c, ngx_er_check_t *check,
    ngx_er_tree_t *json)
{
    u_char     *p, *dst, *last;
    ngx_str_t  *piece;

    p = json->text.data;
    last = p + json->text.len;

    dst = ngx_pnalloc(c->pool, ngx_max(json->text.len, 1));
    if (dst == NULL) {
        return ngx_er_leaf_memory(c);
    }

    for ( ;; ) {
        piece = ngx_array_push(&check->u.pieces);
        if (piece == NULL) {
            return ngx_er_leaf_memory(c);
        }

        piece->data = dst;

        for ( /* void */ ; p < last && *p != '*'; *dst++ = *p++) {

            if (*p == '\\' && (++p == last || (*p != '*' && *p != '\\'))) {
                return ngx_er_document_error(json, c->err, "a \"\\\" must "
                                             "stand before \"*\" or \"\\\" "
                                             "(in JSON it is written "
                                             "\"\\\\\")");
            }
        }

        piece->len = dst - piece->data;

        if (p == last) {
            return NGX_OK;
        }

        if (++p < last && *p == '*') {
            return ngx_er_document_error(json, c->err, "two \"*\" in a row: "
                                         "one is enough, and a star itself is "
                                         "written \"\\\\*\"");
        }

        if (check->u.pieces.nelts > NGX_ER_LEAF_STARS) {
            return ngx_er_document_error(json, c->err, "more than %d \"*\" in "
                                         "a wildcard", NGX_ER_LEAF_STARS);
        }
    }
}


/* of "anything-but" and of "numeric": must be comparable */

static ngx_int_t
ngx_er_leaf_number(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_check_t  *check;

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_NUMBER, &json->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_check_binary64(&json->text, &check->u.number) != NGX_OK) {
        return ngx_er_document_error(json, c->err, "%V is not exact in "
                                     "binary64, as which numbers are compared "
                                     "here: use \"when\", which compares "
                                     "decimals", &json->text);
    }

    check->binary64 = 1;

    return NGX_OK;
}


/* ["=", n]  [">", n]  [">=", n, "<", m] and so on */

static ngx_int_t
ngx_er_leaf_numeric(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_tree_t   *op;
    ngx_er_check_t  *check;

    op = json->child;

    if (json->type != NGX_ER_ARRAY || op == NULL) {
        return ngx_er_document_error(json, c->err, "an array must stand here, "
                                     "such as [\">=\", 5, \"<\", 10]");
    }

    if (ngx_er_tree_is(&op->text, "=") && op->type == NGX_ER_STRING
        && op->next && op->next->type == NGX_ER_NUMBER
        && op->next->next == NULL)
    {
        return ngx_er_leaf_number(c, checks, op->next);
    }

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_RANGE, &op->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    op = ngx_er_leaf_bound(c, check, op);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (op->next) {
        if (check->high) {
            return ngx_er_document_error(op->next, c->err, "nothing may "
                                         "follow the upper bound: write the "
                                         "lower one first");
        }

        op = ngx_er_leaf_bound(c, check, op->next);
        if (op == NULL) {
            return NGX_ERROR;
        }

        if (op->next || !check->high) {
            return ngx_er_document_error(op, c->err, "a range has one lower "
                                         "and one upper bound, such as "
                                         "[\">=\", 5, \"<\", 10]");
        }
    }

    if (check->low && check->high
        && ngx_er_number_compare(&check->u.range.low, &check->u.range.high)
           >= 0)
    {
        return ngx_er_document_error(json, c->err, "the lower bound must be "
                                     "less than the upper one");
    }

    return NGX_OK;
}


/* an operator and its number, which is returned */

static ngx_er_tree_t *
ngx_er_leaf_bound(ngx_er_compiler_t *c, ngx_er_check_t *check,
    ngx_er_tree_t *op)
{
    u_char            sign;
    ngx_uint_t        open;
    ngx_er_tree_t    *n;
    ngx_er_number_t  *number;

    n = op->next;
    sign = op->text.len ? op->text.data[0] : '\0';
    open = (op->text.len == 1);

    if (op->type != NGX_ER_STRING || (sign != '<' && sign != '>')
        || (!open && !ngx_er_tree_is(&op->text, "<=")
            && !ngx_er_tree_is(&op->text, ">=")))
    {
        (void) ngx_er_document_error(op, c->err, "one of \"=\" \"<\" \"<=\" "
                                     "\">\" \">=\" must stand here, \"=\" "
                                     "alone and before a number");
        return NULL;
    }

    if (n == NULL || n->type != NGX_ER_NUMBER) {
        (void) ngx_er_document_error(n ? n : op, c->err, "a number must stand "
                                     "behind \"%V\"", &op->text);
        return NULL;
    }

    if (sign == '<') {
        check->high = 1;
        check->below = open;
        number = &check->u.range.high;

    } else {
        check->low = 1;
        check->above = open;
        number = &check->u.range.low;
    }

    if (ngx_er_check_binary64(&n->text, number) != NGX_OK) {
        (void) ngx_er_document_error(n, c->err, "%V is not exact in binary64, "
                                     "as which numbers are compared here: use "
                                     "\"when\", which compares decimals",
                                     &n->text);
        return NULL;
    }

    return n;
}


/* the operators; each adds to the checks what the json says */

static ngx_int_t
ngx_er_leaf_cidr(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    u_char          *slash;
    ngx_int_t        bits;
    ngx_str_t        address;
    ngx_er_check_t  *check;

    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_ADDRESS, &json->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    slash = ngx_strlchr(json->text.data, json->text.data + json->text.len,
                        '/');
    bits = NGX_ERROR;

    if (slash) {
        address.data = json->text.data;
        address.len = slash - address.data;

        bits = ngx_atoi(slash + 1, json->text.len - address.len - 1);
        check->u.net.len = ngx_er_check_address(&address, check->u.net.bytes);
    }

    if (bits == NGX_ERROR || check->u.net.len == 0
        || bits >= 8 * (ngx_int_t) check->u.net.len)
    {
        return ngx_er_document_error(json, c->err, "bad network \"%V\": write "
                                     "for example \"10.0.0.0/8\" (up to /31) "
                                     "or \"2001:db8::/32\" (up to /127), and "
                                     "one address as a string without an "
                                     "operator", &json->text);
    }

    check->u.net.bits = bits;

    return NGX_OK;
}
