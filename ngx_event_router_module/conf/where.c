
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where nouns stand in nginx.conf, and their names.  What is wrong is often
 * known only after the whole file was read ("route names an unknown source"),
 * when ngx_conf_t no longer stands at the line that is to blame.  So every
 * noun remembers where it is, and errors found late are logged in the form in
 * which nginx itself would have logged them.  Called at configuration time
 * only.
 */


#include "where.h"


static ngx_uint_t ngx_er_where_quote(ngx_str_t *word);


void
ngx_er_where_set(ngx_conf_t *cf, ngx_er_where_t *where)
{
    if (cf->conf_file == NULL || cf->conf_file->file.fd == NGX_INVALID_FILE) {
        ngx_str_set(&where->file, "command line");
        where->line = 0;
        return;
    }

    where->file = cf->conf_file->file.name;
    where->line = cf->conf_file->line;
}


void ngx_cdecl
ngx_er_where_log(ngx_conf_t *cf, ngx_uint_t level, ngx_er_where_t *where,
    const char *fmt, ...)
{
    u_char   text[NGX_MAX_CONF_ERRSTR], *p;
    va_list  args;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    ngx_log_error(level, cf->log, 0, "%*s in %V:%ui",
                  p - text, text, &where->file, where->line);
}


char *
ngx_er_where_error(ngx_conf_t *cf, ngx_er_error_t *err)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", err->len, err->text);

    return NGX_CONF_ERROR;
}


size_t
ngx_er_where_words(ngx_conf_t *cf, u_char *p)
{
    size_t       len;
    ngx_str_t   *value;
    ngx_uint_t   i, quote;

    len = 0;
    value = cf->args->elts;

    for (i = 0; i < cf->args->nelts; i++) {
        quote = ngx_er_where_quote(&value[i]);
        len += (i ? 1 : 0) + value[i].len + 2 * quote;

        if (p == NULL) {
            continue;
        }

        if (i) {
            *p++ = ' ';
        }

        if (quote) {
            *p++ = '\'';
        }

        p = ngx_cpymem(p, value[i].data, value[i].len);

        if (quote) {
            *p++ = '\'';
        }
    }

    return len;
}


static ngx_uint_t
ngx_er_where_quote(ngx_str_t *word)
{
    size_t  i;

    for (i = 0; i < word->len; i++) {
        if (ngx_strchr(" \t\r\n;{}'\"", word->data[i])) {
            return 1;
        }
    }

    return word->len == 0;
}


/*
 * Names become labels, log fields and parts of keys: nothing in them ever
 * needs to be escaped.
 */

ngx_int_t
ngx_er_name_check(ngx_conf_t *cf, const char *noun, ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_ER_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name of an %s has 1 to %d characters",
                           noun, NGX_ER_NAME_MAX);
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || c == '_' || c == '-' || c == '.')
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s name \"%V\": use letters, digits, "
                           "\"_\", \"-\" and \".\"", noun, name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
