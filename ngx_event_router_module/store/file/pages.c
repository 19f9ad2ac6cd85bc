
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Is a database in order?  LMDB maps its file and trusts what it finds there,
 * so a page that rotted, or a file that is too short, kills whoever looks at
 * it (SIGSEGV, SIGBUS), or is freed and written over.  This file reads the
 * pages itself, with pread(), and believes nothing: it walks the trees of one
 * transaction from their roots and holds each page against what the tree says
 * of it.  check.c calls it before LMDB may map the file.
 *
 * The format is that of LMDB 0.9 (data version 1): two meta pages, then pages
 * of trees, whose first words tell what they are.  A tree of unnamed databases
 * is that of free pages, the other one has the named ones in its leaves.  No
 * page may be met twice, nor be free and in a tree.  What is read are the
 * pages of the trees and the first page of each large value.  An unknown
 * format is left to LMDB.
 *
 * It owns its buffers for the time of the call.  What can fail is memory and
 * reading, and then there is a sentence.
 */


#include "pages.h"


#define NGX_ER_PAGES_MAGIC     0xbeefc0de
#define NGX_ER_PAGES_VERSION   1
#define NGX_ER_PAGES_DEPTH     32     /* of a tree, at most */
#define NGX_ER_PAGES_METAS     2
#define NGX_ER_PAGES_LOOKS     3       /* at both */
#define NGX_ER_PAGES_PAGE      65536  /* bytes, at most */
#define NGX_ER_PAGES_CLOCK     256    /* pages between looks at it */
#define NGX_ER_PAGES_NONE      ((size_t) -1)

#define NGX_ER_PAGES_WAY                                                      \
    ": restore a back-up, or move the directory away and reload nginx to "    \
    "begin with an empty one"

#define NGX_ER_PAGES_BRANCH    0x01   /* kinds of pages */
#define NGX_ER_PAGES_LEAF      0x02
#define NGX_ER_PAGES_OVERFLOW  0x04
#define NGX_ER_PAGES_META      0x08

/* of a branch; on 32 bits nothing is left of the upper half */
#define ngx_er_pages_child(node)                                              \
    ((size_t) ((uint64_t) (node)->low | (uint64_t) (node)->high << 32))

#define NGX_ER_PAGES_BIG       0x01   /* kinds of nodes */
#define NGX_ER_PAGES_SUB       0x02

#define NGX_ER_PAGES_NUMBERS   0x08    /* of a tree: keys are numbers */


/* as they are in the file, in the machine's order */

typedef struct {
    size_t                 number;
    uint16_t               pad;
    uint16_t               kind;
    uint16_t               lower;      /* or, of a large value, how many pages
                                          it has: lower and upper together */
    uint16_t               upper;
} ngx_er_pages_page_t;


typedef struct {
    uint32_t               size;       /* of the words, or of all pages */
    uint16_t               flags;
    uint16_t               depth;
    size_t                 branches;
    size_t                 leaves;
    size_t                 overflows;
    size_t                 entries;
    size_t                 root;
} ngx_er_pages_tree_t;


typedef struct {
    uint32_t               magic;
    uint32_t               version;
    void                  *address;
    size_t                 mapsize;
    ngx_er_pages_tree_t   trees[2];   /* of free pages, and the other one */
    size_t                 last;       /* page */
    size_t                 txnid;
} ngx_er_pages_meta_t;


typedef struct {
    uint32_t               low;        /* size of the value; or, of a branch,
                                          the low bits of a page */
    uint16_t               high;       /* flags; or its high bits */
    uint16_t               key;        /* size */
} ngx_er_pages_node_t;


typedef struct {
    int                    fd;
    size_t                 size;       /* of a page */
    size_t                 pages;      /* that may be in use */
    u_char                *seen;       /* a bit for each of them */
    u_char                *buffers;    /* a page for each level */
    uint64_t               until;      /* ms, monotonic */
    ngx_uint_t             count;      /* pages that were read */
    ngx_er_pages_tree_t  *tree;       /* what it says of itself, */
    ngx_er_pages_tree_t   found;      /* and what was met */
    ngx_array_t           *subs;       /* of ngx_er_pages_tree_t, or NULL */
    ngx_er_error_t        *err;
} ngx_er_pages_t;


static ngx_int_t ngx_er_pages_txnid(int fd, size_t *size, ngx_uint_t n,
    size_t *txnid);
static ngx_int_t ngx_er_pages_meta(int fd, size_t txnid,
    ngx_er_pages_meta_t *meta, ngx_er_error_t *err);
static ngx_uint_t ngx_er_pages_same(int fd, size_t size,
    ngx_er_pages_meta_t *meta);
static ngx_int_t ngx_er_pages_trees(ngx_er_pages_t *v,
    ngx_er_pages_meta_t *meta);
static ngx_int_t ngx_er_pages_tree(ngx_er_pages_t *v,
    ngx_er_pages_tree_t *tree);
static ngx_int_t ngx_er_pages_page(ngx_er_pages_t *v, size_t number,
    ngx_uint_t level);
static ngx_int_t ngx_er_pages_nodes(ngx_er_pages_t *v, size_t number,
    ngx_uint_t level, ngx_uint_t leaf);
static ngx_int_t ngx_er_pages_header(ngx_er_pages_t *v, u_char *buf,
    size_t number, ngx_uint_t leaf);
static u_char *ngx_er_pages_node(ngx_er_pages_t *v, u_char *buf,
    ngx_uint_t n, ngx_uint_t leaf, ngx_er_pages_node_t *node);
static ngx_int_t ngx_er_pages_order(ngx_er_pages_t *v, u_char *before,
    size_t len, u_char *key, size_t size);
static ngx_int_t ngx_er_pages_value(ngx_er_pages_t *v,
    ngx_er_pages_node_t *node, u_char *data);
static ngx_int_t ngx_er_pages_large(ngx_er_pages_t *v, size_t number,
    size_t size);
static ngx_int_t ngx_er_pages_list(ngx_er_pages_t *v, size_t number,
    size_t size);
static ngx_int_t ngx_er_pages_free(ngx_er_pages_t *v, u_char *data,
    size_t size);
static ngx_int_t ngx_er_pages_take(ngx_er_pages_t *v, size_t number);
static ngx_int_t ngx_er_pages_read(ngx_er_pages_t *v, size_t number,
    u_char *buf, size_t size);
static ngx_int_t ngx_er_pages_wrong(ngx_er_pages_t *v, size_t number);
static uint64_t ngx_er_pages_clock(void);


ngx_int_t
ngx_er_pages(int fd, size_t txnid, ngx_msec_t ms, ngx_er_error_t *err)
{
    size_t               bytes;
    ngx_int_t            rc;
    ngx_log_t            log;
    struct stat          st;
    ngx_er_pages_t       v;
    ngx_er_pages_meta_t  meta;

    rc = ngx_er_pages_meta(fd, txnid, &meta, err);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    ngx_memzero(&log, sizeof(ngx_log_t));
    ngx_memzero(&v, sizeof(ngx_er_pages_t));

    v.fd = fd;
    v.size = meta.trees[0].size;
    v.pages = meta.last + 1;
    v.until = ngx_er_pages_clock() + ms;
    v.err = err;

    if (fstat(fd, &st) == -1
        || (uint64_t) st.st_size / v.size < (uint64_t) v.pages)
    {
        ngx_er_error(err, "data.mdb is cut off: it has %O bytes and needs "
                     "%uL" NGX_ER_PAGES_WAY, (off_t) st.st_size,
                     (uint64_t) v.pages * v.size);
        return NGX_ERROR;
    }

    if (ms == 0) {
        return NGX_OK;
    }

    bytes = v.pages / 8 + 1;

    v.seen = ngx_alloc(bytes, &log);
    v.buffers = ngx_alloc((NGX_ER_PAGES_DEPTH + 1) * v.size, &log);

    if (v.seen && v.buffers) {
        ngx_memzero(v.seen, bytes);
        rc = ngx_er_pages_trees(&v, &meta);

    } else {
        ngx_er_error(err, "no memory");
        rc = NGX_ERROR;
    }

    if (v.seen) {
        ngx_free(v.seen);
    }

    if (v.buffers) {
        ngx_free(v.buffers);
    }

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/*
 * The second one is read later, and others may have written any number of
 * transactions in between.  They write into both in turn; so if the first one
 * is still the same there was one transaction at most.  If it never is the
 * same others are at it, and they have looked.
 */

ngx_int_t
ngx_er_pages_last(int fd, size_t *txnid)
{
    size_t       size, first, second, again;
    ngx_uint_t   n;

    size = 0;

    for (n = 0; n < NGX_ER_PAGES_LOOKS; n++) {

        if (ngx_er_pages_txnid(fd, &size, 0, &first) != NGX_OK
            || ngx_er_pages_txnid(fd, &size, 1, &second) != NGX_OK
            || ngx_er_pages_txnid(fd, &size, 0, &again) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        *txnid = ngx_max(again, second);

        if (again == first) {
            return (*txnid - ngx_min(again, second) <= 1) ? NGX_OK : NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* "size" is that of a page, as the first one says */

static ngx_int_t
ngx_er_pages_txnid(int fd, size_t *size, ngx_uint_t n, size_t *txnid)
{
    u_char               buf[sizeof(ngx_er_pages_page_t)
                             + sizeof(ngx_er_pages_meta_t)];
    ngx_er_pages_meta_t  meta;

    if (pread(fd, buf, sizeof(buf), n * *size) != (ssize_t) sizeof(buf)) {
        return NGX_ERROR;
    }

    ngx_memcpy(&meta, buf + sizeof(ngx_er_pages_page_t),
               sizeof(ngx_er_pages_meta_t));

    if (meta.magic != NGX_ER_PAGES_MAGIC
        || meta.version != NGX_ER_PAGES_VERSION)
    {
        return NGX_ERROR;
    }

    *size = meta.trees[0].size;
    *txnid = meta.txnid;

    return NGX_OK;
}


/*
 * That of the transaction; NGX_AGAIN: it is not there, NGX_DECLINED: they are
 * not of a format that is known.
 */

static ngx_int_t
ngx_er_pages_meta(int fd, size_t txnid, ngx_er_pages_meta_t *meta,
    ngx_er_error_t *err)
{
    u_char               buf[sizeof(ngx_er_pages_page_t)
                             + sizeof(ngx_er_pages_meta_t)];
    size_t               size;
    ngx_uint_t           i, found;
    ngx_er_pages_meta_t  one;
    ngx_er_pages_page_t  page;

    found = 0;
    size = 0;

    for (i = 0; i < NGX_ER_PAGES_METAS; i++) {

        if (pread(fd, buf, sizeof(buf), i * size) != (ssize_t) sizeof(buf)) {
            ngx_er_error(err, "data.mdb has no beginning"
                         NGX_ER_PAGES_WAY);
            return NGX_ERROR;
        }

        ngx_memcpy(&page, buf, sizeof(ngx_er_pages_page_t));
        ngx_memcpy(&one, buf + sizeof(ngx_er_pages_page_t),
                   sizeof(ngx_er_pages_meta_t));

        if (page.kind != NGX_ER_PAGES_META
            || one.magic != NGX_ER_PAGES_MAGIC)
        {
            ngx_er_error(err, "the beginning of data.mdb is damaged"
                         NGX_ER_PAGES_WAY);
            return NGX_ERROR;
        }

        if (one.version != NGX_ER_PAGES_VERSION) {
            return NGX_DECLINED;
        }

        size = one.trees[0].size;

        if (size < 512 || size > NGX_ER_PAGES_PAGE || (size & (size - 1))
            || one.last < NGX_ER_PAGES_METAS - 1
            || one.last >= NGX_ER_PAGES_NONE / size)
        {
            ngx_er_error(err, "the beginning of data.mdb is damaged"
                         NGX_ER_PAGES_WAY);
            return NGX_ERROR;
        }

        if (one.txnid == txnid || (txnid == 0 && one.txnid >= found)) {
            *meta = one;
            found = one.txnid + 1;
        }
    }

    if (found == 0 || (txnid && !ngx_er_pages_same(fd, size, meta))) {
        ngx_er_error(err, "data.mdb is not the file that its locks are of: "
                     "it does not have transaction %uz", txnid);
        return NGX_AGAIN;
    }

    return NGX_OK;
}


/*
 * What is being written over may have the number of one transaction and the
 * roots of another.  1: it was not.
 */

static ngx_uint_t
ngx_er_pages_same(int fd, size_t size, ngx_er_pages_meta_t *meta)
{
    u_char  buf[sizeof(ngx_er_pages_meta_t)];
    off_t   offset;

    offset = (meta->txnid & 1) * size + sizeof(ngx_er_pages_page_t);

    return pread(fd, buf, sizeof(buf), offset) == (ssize_t) sizeof(buf)
           && ngx_memcmp(buf, meta, sizeof(buf)) == 0;
}


/* named databases are met in the second tree; NGX_DONE: the time is over */

static ngx_int_t
ngx_er_pages_trees(ngx_er_pages_t *v, ngx_er_pages_meta_t *meta)
{
    ngx_int_t             rc;
    ngx_log_t             log;
    ngx_uint_t            i;
    ngx_pool_t           *pool;
    ngx_array_t           subs;
    ngx_er_pages_tree_t  *sub;

    ngx_memzero(&log, sizeof(ngx_log_t));

    pool = ngx_create_pool(4096, &log);

    if (pool == NULL
        || ngx_array_init(&subs, pool, 16, sizeof(ngx_er_pages_tree_t))
           != NGX_OK)
    {
        if (pool) {
            ngx_destroy_pool(pool);
        }

        ngx_er_error(v->err, "no memory");
        return NGX_ERROR;
    }

    v->subs = &subs;

    rc = ngx_er_pages_tree(v, &meta->trees[1]);

    v->subs = NULL;

    sub = subs.elts;

    for (i = 0; rc == NGX_OK && i < subs.nelts; i++) {
        rc = ngx_er_pages_tree(v, &sub[i]);
    }

    /* last, when all that is in use was seen */

    if (rc == NGX_OK) {
        rc = ngx_er_pages_tree(v, &meta->trees[0]);
    }

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_int_t
ngx_er_pages_tree(ngx_er_pages_t *v, ngx_er_pages_tree_t *tree)
{
    ngx_int_t  rc;

    v->tree = tree;
    ngx_memzero(&v->found, sizeof(ngx_er_pages_tree_t));

    if (tree->root == NGX_ER_PAGES_NONE) {
        return NGX_OK;
    }

    if (tree->depth == 0 || tree->depth > NGX_ER_PAGES_DEPTH) {
        return ngx_er_pages_wrong(v, tree->root);
    }

    rc = ngx_er_pages_page(v, tree->root, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    if (v->found.branches != tree->branches
        || v->found.leaves != tree->leaves
        || v->found.overflows != tree->overflows
        || v->found.entries != tree->entries)
    {
        return ngx_er_pages_wrong(v, tree->root);
    }

    return NGX_OK;
}


/* and all below it; a level of the tree is a level of calls */

static ngx_int_t
ngx_er_pages_page(ngx_er_pages_t *v, size_t number, ngx_uint_t level)
{
    u_char      *buf;
    ngx_int_t    rc;
    ngx_uint_t   leaf;

    if (v->count++ % NGX_ER_PAGES_CLOCK == NGX_ER_PAGES_CLOCK - 1
        && ngx_er_pages_clock() > v->until)
    {
        return NGX_DONE;
    }

    leaf = (level + 1 == v->tree->depth);
    buf = v->buffers + level * v->size;

    if (ngx_er_pages_take(v, number) != NGX_OK
        || ngx_er_pages_read(v, number, buf, v->size) != NGX_OK
        || ngx_er_pages_header(v, buf, number, leaf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_pages_nodes(v, number, level, leaf);

    if (leaf) {
        v->found.leaves++;

    } else {
        v->found.branches++;
    }

    return rc;
}


/* the first key of a branch stands for all that are less */

static ngx_int_t
ngx_er_pages_nodes(ngx_er_pages_t *v, size_t number, ngx_uint_t level,
    ngx_uint_t leaf)
{
    u_char               *buf, *p, *before;
    size_t                len;
    ngx_int_t             rc;
    ngx_uint_t            i, n;
    ngx_er_pages_node_t   node;

    buf = v->buffers + level * v->size;
    n = (((ngx_er_pages_page_t *) buf)->lower - sizeof(ngx_er_pages_page_t))
        / 2;

    before = NULL;
    len = 0;

    for (i = 0; i < n; i++) {
        p = ngx_er_pages_node(v, buf, i, leaf, &node);

        if (p == NULL) {
            return ngx_er_pages_wrong(v, number);
        }

        if (leaf || i) {

            if (ngx_er_pages_order(v, before, len, p, node.key) != NGX_OK) {
                return ngx_er_pages_wrong(v, number);
            }

            before = p;
            len = node.key;
        }

        rc = leaf ? ngx_er_pages_value(v, &node, p + node.key)
                  : ngx_er_pages_page(v, ngx_er_pages_child(&node), level + 1);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (leaf) {
        v->found.entries += n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_pages_header(ngx_er_pages_t *v, u_char *buf, size_t number,
    ngx_uint_t leaf)
{
    ngx_er_pages_page_t  *page;

    page = (ngx_er_pages_page_t *) buf;

    if (page->number != number
        || page->kind != (leaf ? NGX_ER_PAGES_LEAF : NGX_ER_PAGES_BRANCH)
        || page->lower < sizeof(ngx_er_pages_page_t) + 2
        || (page->lower & 1)
        || page->lower > page->upper
        || page->upper > v->size)
    {
        return ngx_er_pages_wrong(v, number);
    }

    return NGX_OK;
}


/* the n-th of the page: its key; NULL: it is not within the page */

static u_char *
ngx_er_pages_node(ngx_er_pages_t *v, u_char *buf, ngx_uint_t n,
    ngx_uint_t leaf, ngx_er_pages_node_t *node)
{
    size_t                size;
    uint16_t              offset;
    ngx_er_pages_page_t  *page;

    page = (ngx_er_pages_page_t *) buf;

    ngx_memcpy(&offset, buf + sizeof(ngx_er_pages_page_t) + 2 * n, 2);

    if (offset < page->upper
        || offset > v->size - sizeof(ngx_er_pages_node_t))
    {
        return NULL;
    }

    ngx_memcpy(node, buf + offset, sizeof(ngx_er_pages_node_t));

    size = node->key;

    if (leaf) {

        if (node->high & ~(NGX_ER_PAGES_BIG|NGX_ER_PAGES_SUB)) {
            return NULL;
        }

        size += (node->high & NGX_ER_PAGES_BIG) ? sizeof(size_t) : node->low;
    }

    if (size > v->size - sizeof(ngx_er_pages_node_t) - offset) {
        return NULL;
    }

    return buf + offset + sizeof(ngx_er_pages_node_t);
}


/* free pages are filed under numbers, all else under bytes */

static ngx_int_t
ngx_er_pages_order(ngx_er_pages_t *v, u_char *before, size_t len,
    u_char *key, size_t size)
{
    int     rc;
    size_t  a, b;

    if (v->tree->flags & NGX_ER_PAGES_NUMBERS) {

        if (size != sizeof(size_t)) {
            return NGX_ERROR;
        }

        if (before == NULL) {
            return NGX_OK;
        }

        ngx_memcpy(&a, before, sizeof(size_t));
        ngx_memcpy(&b, key, sizeof(size_t));

        return (a < b) ? NGX_OK : NGX_ERROR;
    }

    if (size == 0) {
        return NGX_ERROR;
    }

    if (before == NULL) {
        return NGX_OK;
    }

    rc = ngx_memcmp(before, key, ngx_min(len, size));

    return (rc < 0 || (rc == 0 && len < size)) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_pages_value(ngx_er_pages_t *v, ngx_er_pages_node_t *node,
    u_char *data)
{
    size_t                number;
    ngx_er_pages_tree_t  *sub;

    if (node->high & NGX_ER_PAGES_SUB) {

        if (v->subs == NULL || node->low != sizeof(ngx_er_pages_tree_t)
            || (node->high & NGX_ER_PAGES_BIG))
        {
            return ngx_er_pages_wrong(v, v->tree->root);
        }

        sub = ngx_array_push(v->subs);
        if (sub == NULL) {
            ngx_er_error(v->err, "no memory");
            return NGX_ERROR;
        }

        ngx_memcpy(sub, data, sizeof(ngx_er_pages_tree_t));

        return NGX_OK;
    }

    if (!(node->high & NGX_ER_PAGES_BIG)) {
        return (v->tree->flags & NGX_ER_PAGES_NUMBERS)
               ? ngx_er_pages_free(v, data, node->low) : NGX_OK;
    }

    ngx_memcpy(&number, data, sizeof(size_t));

    if (ngx_er_pages_large(v, number, node->low) != NGX_OK) {
        return NGX_ERROR;
    }

    return (v->tree->flags & NGX_ER_PAGES_NUMBERS)
           ? ngx_er_pages_list(v, number, node->low) : NGX_OK;
}


/*
 * Its pages stand one behind the other, and the first one says how many: more
 * than it takes if the value before it was larger.
 */

static ngx_int_t
ngx_er_pages_large(ngx_er_pages_t *v, size_t number, size_t size)
{
    size_t               i, pages;
    uint32_t             told;
    ngx_er_pages_page_t  page;

    pages = (sizeof(ngx_er_pages_page_t) + size - 1) / v->size + 1;

    if (ngx_er_pages_read(v, number, (u_char *) &page,
                           sizeof(ngx_er_pages_page_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(&told, &page.lower, sizeof(uint32_t));

    if (page.number != number || page.kind != NGX_ER_PAGES_OVERFLOW
        || told < pages || told > v->pages)
    {
        return ngx_er_pages_wrong(v, number);
    }

    for (i = 0; i < told; i++) {
        if (ngx_er_pages_take(v, number + i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    v->found.overflows += told;

    return NGX_OK;
}


/* of free pages, in pages of its own */

static ngx_int_t
ngx_er_pages_list(ngx_er_pages_t *v, size_t number, size_t size)
{
    u_char     *list;
    ngx_int_t   rc;
    ngx_log_t   log;

    ngx_memzero(&log, sizeof(ngx_log_t));

    list = ngx_alloc(size + 1, &log);
    if (list == NULL) {
        ngx_er_error(v->err, "no memory");
        return NGX_ERROR;
    }

    if (pread(v->fd, list, size,
              (off_t) number * v->size + sizeof(ngx_er_pages_page_t))
        == (ssize_t) size)
    {
        rc = ngx_er_pages_free(v, list, size);

    } else {
        rc = ngx_er_pages_wrong(v, number);
    }

    ngx_free(list);

    return rc;
}


/* a list of pages, the largest first, with its length in front */

static ngx_int_t
ngx_er_pages_free(ngx_er_pages_t *v, u_char *data, size_t size)
{
    size_t  i, n, number, before;

    n = 0;

    if (size >= sizeof(size_t)) {
        ngx_memcpy(&n, data, sizeof(size_t));
    }

    if (size < sizeof(size_t) || n > size / sizeof(size_t) - 1) {
        return ngx_er_pages_wrong(v, v->tree->root);
    }

    before = v->pages;

    for (i = 1; i <= n; i++) {
        ngx_memcpy(&number, data + i * sizeof(size_t), sizeof(size_t));

        if (number >= before) {
            return ngx_er_pages_wrong(v, v->tree->root);
        }

        if (ngx_er_pages_take(v, number) != NGX_OK) {
            return NGX_ERROR;
        }

        before = number;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_pages_take(ngx_er_pages_t *v, size_t number)
{
    if (number < NGX_ER_PAGES_METAS || number >= v->pages
        || (v->seen[number / 8] & (1 << (number % 8))))
    {
        return ngx_er_pages_wrong(v, number);
    }

    v->seen[number / 8] |= 1 << (number % 8);

    return NGX_OK;
}


static ngx_int_t
ngx_er_pages_read(ngx_er_pages_t *v, size_t number, u_char *buf,
    size_t size)
{
    ssize_t  n;

    if (number >= v->pages) {
        return ngx_er_pages_wrong(v, number);
    }

    n = pread(v->fd, buf, size, (off_t) number * v->size);

    if (n == (ssize_t) size) {
        return NGX_OK;
    }

    ngx_er_error(v->err, "page %uz of data.mdb cannot be read: %s", number,
                 n == -1 ? strerror(ngx_errno) : "it is cut off");

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_pages_wrong(ngx_er_pages_t *v, size_t number)
{
    ngx_er_error(v->err, "data.mdb is damaged (page %uz)" NGX_ER_PAGES_WAY,
                 number);

    return NGX_ERROR;
}


static uint64_t
ngx_er_pages_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
