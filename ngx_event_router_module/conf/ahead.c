
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A look ahead in nginx.conf: is the next directive a line, or a block?  nginx
 * knows only when it has read it, and by then it has chosen the command.
 * block.c asks, where a directive may be both.
 *
 * The file is read again behind what nginx has taken of it, by the rules of
 * ngx_conf_read_token(): blanks, comments, quotes, backslashes and "${".
 * Nothing of nginx's own state is changed, and nothing is kept.
 */


#include "ahead.h"


#define NGX_ER_AHEAD_SIZE  1024
#define NGX_ER_AHEAD_END   (-1)


typedef struct {
    ngx_file_t             file;
    off_t                  offset;     /* of what is read next */
    u_char                *pos;
    u_char                *last;
    u_char                 buf[NGX_ER_AHEAD_SIZE];
} ngx_er_ahead_t;


static ngx_uint_t ngx_er_ahead_block(ngx_er_ahead_t *a, const char *name);
static int ngx_er_ahead_token(ngx_er_ahead_t *a, const char *name,
    ngx_uint_t *same);
static int ngx_er_ahead_quoted(ngx_er_ahead_t *a, int quote);
static int ngx_er_ahead_blanks(ngx_er_ahead_t *a);
static int ngx_er_ahead_char(ngx_er_ahead_t *a);


ngx_uint_t
ngx_er_ahead_opens(ngx_conf_t *cf, ngx_str_t *file, const char *name)
{
    ngx_buf_t       *b;
    ngx_uint_t       opens;
    ngx_er_ahead_t   a;

    ngx_memzero(&a.file, sizeof(ngx_file_t));

    a.pos = a.buf;
    a.last = a.buf;
    a.file.log = cf->log;

    if (file) {
        a.offset = 0;
        a.file.name = *file;
        a.file.fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                                  0);

        if (a.file.fd == NGX_INVALID_FILE) {
            return 0;
        }

        opens = ngx_er_ahead_block(&a, name);

        (void) ngx_close_file(a.file.fd);

        return opens;
    }

    if (cf->conf_file->file.fd == NGX_INVALID_FILE) {
        return 0;
    }

    b = cf->conf_file->buffer;

    a.file.name = cf->conf_file->file.name;
    a.file.fd = cf->conf_file->file.fd;
    a.offset = cf->conf_file->file.offset - (b->last - b->pos);

    return ngx_er_ahead_block(&a, name);
}


static ngx_uint_t
ngx_er_ahead_block(ngx_er_ahead_t *a, const char *name)
{
    int         c;
    ngx_uint_t  same;

    c = ngx_er_ahead_token(a, name, &same);

    if (!same) {
        return 0;
    }

    while (c == ' ') {
        c = ngx_er_ahead_token(a, NULL, &same);
    }

    return c == '{';
}


/*
 * The next token, and what ends it: "{", ";", "}", a blank for more tokens, or
 * the end of the file.  *same: it is "name".
 */

static int
ngx_er_ahead_token(ngx_er_ahead_t *a, const char *name, ngx_uint_t *same)
{
    int  c, before;

    c = ngx_er_ahead_blanks(a);
    *same = (name != NULL);

    if (c == '"' || c == '\'') {
        *same = 0;
        return ngx_er_ahead_quoted(a, c);
    }

    for (before = 0; /* void */ ; before = c, c = ngx_er_ahead_char(a)) {

        if (c == ' ' || c == '\t' || c == CR || c == LF) {
            c = ' ';
            break;
        }

        if (c == ';' || c == NGX_ER_AHEAD_END
            || (c == '{' && before != '$') || (c == '}' && before == 0))
        {
            break;
        }

        if (c == '\\') {
            (void) ngx_er_ahead_char(a);
            c = 'x';
            *same = 0;
        }

        if (*same) {
            *same = (*name++ == c);
        }
    }

    *same = *same && *name == '\0';

    return c;
}


/* behind the quote; behind its end there is a blank or the end of the line */

static int
ngx_er_ahead_quoted(ngx_er_ahead_t *a, int quote)
{
    int  c;

    do {
        c = ngx_er_ahead_char(a);

        if (c == '\\') {
            (void) ngx_er_ahead_char(a);
            c = 0;
        }

    } while (c != quote && c != NGX_ER_AHEAD_END);

    c = (c == quote) ? ngx_er_ahead_char(a) : c;

    return (c == '\t' || c == CR || c == LF) ? ' ' : c;
}


/* the first character that is neither a blank nor of a comment */

static int
ngx_er_ahead_blanks(ngx_er_ahead_t *a)
{
    int  c;

    for ( ;; ) {
        c = ngx_er_ahead_char(a);

        if (c == '#') {
            while (c != LF && c != NGX_ER_AHEAD_END) {
                c = ngx_er_ahead_char(a);
            }
        }

        if (c != ' ' && c != '\t' && c != CR && c != LF) {
            return c;
        }
    }
}


static int
ngx_er_ahead_char(ngx_er_ahead_t *a)
{
    ssize_t  n;

    if (a->pos == a->last) {
        n = ngx_read_file(&a->file, a->buf, NGX_ER_AHEAD_SIZE, a->offset);

        if (n <= 0) {
            return NGX_ER_AHEAD_END;
        }

        a->offset += n;
        a->pos = a->buf;
        a->last = a->buf + n;
    }

    return *a->pos++;
}
