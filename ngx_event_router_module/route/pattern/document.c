
/*
 * Copyright (C) Event Router contributors
 */


/*
 * JSON files of the configuration.  The guard of all bodies (ingest/scan.c)
 * checks the whole text first, so what is read here is known to be JSON within
 * bounds, and reading it is a walk without a single syntax error to think of;
 * the recursion is as deep as the guard allows.
 *
 * It is a reader of its own because trees of jansson lack what patterns mean
 * and what their errors say: a number as it is written (one that binary64
 * cannot hold is an error, jansson has rounded it already), a key that comes
 * twice (both are asked, jansson keeps the last), and the line of each value.
 * It is short because it meets no error.
 *
 * Called by pattern.c and filter.c when nginx.conf is read; templates of
 * bodies have it read their files, too.  Everything is in the pool or in the
 * text.  What may fail: the file, the guard and memory, each a sentence in
 * err.
 */


#include "document.h"
#include "../../ingest/lexer.h"


#define NGX_ER_DOCUMENT_MAX   (1024 * 1024)
#define NGX_ER_DOCUMENT_PATH  200      /* bytes of a path in an error */


typedef struct {
    ngx_pool_t            *pool;
    u_char                *p;
    u_char                *last;
    ngx_uint_t             line;
} ngx_er_reader_t;


static ngx_int_t ngx_er_document_load(ngx_pool_t *pool, ngx_fd_t fd,
    ngx_str_t *text);
static void ngx_er_document_where(ngx_str_t *text, size_t offset,
    ngx_uint_t *line, ngx_uint_t *column);
static ngx_er_tree_t *ngx_er_document_value(ngx_er_reader_t *r,
    ngx_er_tree_t *parent);
static ngx_int_t ngx_er_document_children(ngx_er_reader_t *r,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_document_string(ngx_er_reader_t *r, ngx_str_t *text);
static void ngx_er_document_bare(ngx_er_reader_t *r, ngx_str_t *text);
static void ngx_er_document_blanks(ngx_er_reader_t *r);
static u_char *ngx_er_document_path(ngx_er_tree_t *json, u_char *p,
    u_char *last);


ngx_er_tree_t *
ngx_er_document_read(ngx_pool_t *pool, ngx_str_t *name, ngx_er_error_t *err)
{
    ngx_str_t  text;

    if (ngx_er_document_text(pool, name, &text, err) != NGX_OK) {
        return NULL;
    }

    return ngx_er_document_parse(pool, &text, err);
}


ngx_int_t
ngx_er_document_text(ngx_pool_t *pool, ngx_str_t *name, ngx_str_t *text,
    ngx_er_error_t *err)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    /* not blocking: a FIFO would hang the whole start */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY | O_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_er_error(err, "it cannot be opened (%s)", strerror(ngx_errno));
        return NGX_ERROR;
    }

    rc = ngx_er_document_load(pool, fd, text);

    (void) ngx_close_file(fd);

    if (rc != NGX_OK) {
        ngx_er_error(err, "it cannot be read: it must be a regular file of at "
                     "most %d bytes", NGX_ER_DOCUMENT_MAX);
    }

    return rc;
}


static ngx_int_t
ngx_er_document_load(ngx_pool_t *pool, ngx_fd_t fd, ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)
        || ngx_file_size(&fi) > NGX_ER_DOCUMENT_MAX)
    {
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    text->len = 0;
    text->data = ngx_pnalloc(pool, size + 1);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    do {
        n = ngx_read_fd(fd, text->data + text->len, size - text->len);
        if (n < 0) {
            return NGX_ERROR;
        }

        text->len += n;
    } while (n > 0);

    text->data[text->len] = '\0';

    return NGX_OK;
}


ngx_er_tree_t *
ngx_er_document_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_er_error_t *err)
{
    ngx_int_t              rc;
    ngx_uint_t             line, column;
    ngx_er_tree_t         *json;
    ngx_er_scan_t          guard;
    ngx_er_reader_t        r;
    ngx_er_scan_limits_t   limits;

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&guard, sizeof(ngx_er_scan_t));

    guard.pool = pool;
    guard.limits = &limits;
    guard.strict = 1;

    rc = ngx_er_scan(&guard, text);

    if (rc == NGX_DECLINED) {
        ngx_er_document_where(text, guard.offset, &line, &column);
        ngx_er_error(err, "line %ui, column %ui: %s", line, column,
                     ngx_er_scan_reason(guard.error));
        return NULL;
    }

    r.pool = pool;
    r.p = text->data;
    r.last = text->data + text->len;
    r.line = 1;

    json = (rc == NGX_OK) ? ngx_er_document_value(&r, NULL) : NULL;

    if (json == NULL) {
        ngx_er_error(err, "no memory for it");
    }

    return json;
}


static void
ngx_er_document_where(ngx_str_t *text, size_t offset, ngx_uint_t *line,
    ngx_uint_t *column)
{
    size_t  i;

    *line = 1;
    *column = 1;

    for (i = 0; i < offset && i < text->len; i++) {
        if (text->data[i] == LF) {
            *line += 1;
            *column = 0;
        }

        *column += 1;
    }
}


/* recursive: as deep as the guard allows; NULL: no memory */

static ngx_er_tree_t *
ngx_er_document_value(ngx_er_reader_t *r, ngx_er_tree_t *parent)
{
    ngx_int_t       rc;
    ngx_er_tree_t  *json;

    json = ngx_pcalloc(r->pool, sizeof(ngx_er_tree_t));
    if (json == NULL) {
        return NULL;
    }

    ngx_er_document_blanks(r);

    json->parent = parent;
    json->line = r->line;
    rc = NGX_OK;

    switch (*r->p) {

    case '{':
        json->type = NGX_ER_OBJECT;
        rc = ngx_er_document_children(r, json);
        break;

    case '[':
        json->type = NGX_ER_ARRAY;
        rc = ngx_er_document_children(r, json);
        break;

    case '"':
        json->type = NGX_ER_STRING;
        rc = ngx_er_document_string(r, &json->text);
        break;

    case 't':
    case 'f':
        json->type = NGX_ER_BOOLEAN;
        ngx_er_document_bare(r, &json->text);
        break;

    case 'n':
        json->type = NGX_ER_NULL;
        ngx_er_document_bare(r, &json->text);
        break;

    default:
        json->type = NGX_ER_NUMBER;
        ngx_er_document_bare(r, &json->text);
    }

    return (rc == NGX_OK) ? json : NULL;
}


static ngx_int_t
ngx_er_document_children(ngx_er_reader_t *r, ngx_er_tree_t *json)
{
    u_char           close;
    ngx_str_t        key;
    ngx_uint_t       index;
    ngx_er_tree_t   *child, **slot;

    close = (*r->p == '{') ? '}' : ']';
    slot = &json->child;

    ngx_str_null(&key);

    for (index = 0; /* void */ ; index++) {

        /* behind "{", "[" or "," */

        r->p++;
        ngx_er_document_blanks(r);

        if (*r->p == close) {
            r->p++;
            return NGX_OK;
        }

        if (close == '}') {
            if (ngx_er_document_string(r, &key) != NGX_OK) {
                return NGX_ERROR;
            }

            ngx_er_document_blanks(r);
            r->p++;
        }

        child = ngx_er_document_value(r, json);
        if (child == NULL) {
            return NGX_ERROR;
        }

        child->key = key;
        child->index = index;

        *slot = child;
        slot = &child->next;

        ngx_er_document_blanks(r);

        if (*r->p == close) {
            r->p++;
            return NGX_OK;
        }
    }
}


static ngx_int_t
ngx_er_document_string(ngx_er_reader_t *r, ngx_str_t *text)
{
    u_char      *start, *dst;
    ngx_uint_t   escaped;

    start = ++r->p;

    for (escaped = 0; *r->p != '"'; r->p++) {
        if (*r->p == '\\') {
            escaped = 1;
            r->p++;
        }
    }

    text->data = start;
    text->len = r->p++ - start;

    if (!escaped) {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, text->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_er_lexer_decode(dst, start, text->len) - dst;
    text->data = dst;

    return NGX_OK;
}


/* a number, true, false, null */

static void
ngx_er_document_bare(ngx_er_reader_t *r, ngx_str_t *text)
{
    text->data = r->p;

    while (r->p < r->last && ngx_strchr(" \t\r\n,]}", *r->p) == NULL) {
        r->p++;
    }

    text->len = r->p - text->data;
}


static void
ngx_er_document_blanks(ngx_er_reader_t *r)
{
    for ( /* void */ ; r->p < r->last; r->p++) {

        if (*r->p == LF) {
            r->line++;

        } else if (*r->p != ' ' && *r->p != '\t' && *r->p != CR) {
            return;
        }
    }
}


ngx_int_t
ngx_er_document_error(ngx_er_tree_t *json, ngx_er_error_t *err,
    const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    last = err->text + NGX_ER_ERROR_LEN;

    p = ngx_slprintf(err->text, last, "line %ui", json->line);

    if (json->parent) {
        p = ngx_cpymem(p, ", ", 2);
        p = ngx_er_document_path(json, p, err->text + NGX_ER_DOCUMENT_PATH);
    }

    p = ngx_cpymem(p, ": ", 2);

    va_start(args, fmt);
    p = ngx_vslprintf(p, last, fmt, args);
    va_end(args);

    err->len = p - err->text;

    return NGX_ERROR;
}


static u_char *
ngx_er_document_path(ngx_er_tree_t *json, u_char *p, u_char *last)
{
    if (json->parent->parent) {
        p = ngx_er_document_path(json->parent, p, last);
    }

    if (json->parent->type == NGX_ER_ARRAY) {
        return ngx_slprintf(p, last, "[%ui]", json->index);
    }

    return ngx_slprintf(p, last, "%s%V", json->parent->parent ? "." : "",
                        &json->key);
}


ngx_uint_t
ngx_er_tree_is(ngx_str_t *text, const char *word)
{
    return text->len == ngx_strlen(word)
           && ngx_strncmp(text->data, word, text->len) == 0;
}
