
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Operators about texts: exactly, prefix, suffix, equals-ignore-case and
 * wildcard.  Called by leaf.c, for the leaf itself and for "anything-but".
 * Texts point into the document; what is wrong is a sentence with line and
 * path.
 */


#include "leaf.h"


#define NGX_ER_LEAF_STARS     64       /* "*" of one wildcard */
#define NGX_ER_LEAF_WILDCARD  1024     /* bytes of one */


static ngx_int_t ngx_er_leaf_ends(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json, ngx_er_check_e kind,
    ngx_er_check_e kind_ci);
static ngx_int_t ngx_er_leaf_folded(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json, ngx_er_check_e kind);
static ngx_int_t ngx_er_leaf_pieces(ngx_er_compiler_t *c,
    ngx_er_check_t *check, ngx_er_tree_t *json);


ngx_int_t
ngx_er_leaf_exactly(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_leaf_text(c, checks, json);
}


ngx_int_t
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


ngx_int_t
ngx_er_leaf_prefix(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    return ngx_er_leaf_ends(c, checks, json, NGX_ER_CHECK_PREFIX,
                            NGX_ER_CHECK_PREFIX_CI);
}


ngx_int_t
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


ngx_int_t
ngx_er_leaf_equal(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    return ngx_er_leaf_folded(c, checks, json, NGX_ER_CHECK_EQUAL_CI);
}


ngx_int_t
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
