
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Files of secrets that lines of a store name: the keys of "encrypt=" and the
 * passwords of a Redis.  They are read when nginx.conf is, by the user that
 * starts nginx; both kinds of store call this, and what comes of it lives as
 * long as the configuration.  Keys that every user can read are an error, for
 * they would keep nothing from anybody; for a password it is a warning.
 *
 * No message has a byte of the file.
 */


#include "keys.h"
#include "../base/vault.h"


ngx_int_t
ngx_er_keys_read(ngx_conf_t *cf, ngx_str_t *word, ngx_uint_t plain,
    ngx_er_safe_t **safe)
{
    ngx_str_t       path, text;
    ngx_int_t       rc;
    ngx_er_error_t  err;

    *safe = NULL;

    if (word->len == 0 && !plain) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"plain=off\" is for what \"encrypt=\" seals: "
                           "add encrypt=file:PATH");
        return NGX_ERROR;
    }

    if (word->len == 0) {
        return NGX_OK;
    }

    if (word->len <= 5 || ngx_strncmp(word->data, "file:", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"encrypt=\" takes a file of keys, a line each: "
                           "encrypt=file:PATH; make one with \"openssl rand "
                           "-base64 32\"");
        return NGX_ERROR;
    }

    path.data = word->data + 5;
    path.len = word->len - 5;

    if (ngx_er_keys_file(cf, NGX_LOG_EMERG, "file of keys", &path,
                         NGX_ER_SAFE_FILE, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_safe_create(cf->pool, &text, safe, &err);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "file of keys \"%V\": %*s",
                           &path, err.len, err.text);

    } else if (!plain) {
        ngx_er_safe_strict(*safe);
    }

    return rc;
}


ngx_int_t
ngx_er_keys_file(ngx_conf_t *cf, ngx_uint_t exposed, const char *what,
    ngx_str_t *path, size_t size, ngx_str_t *text)
{
    u_char           *p;
    ssize_t           n;
    ngx_file_t        file;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_er_vault_alloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = *path;
    file.log = cf->log;
    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open %s \"%V\"", what, path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file.fd, &fi) != NGX_FILE_ERROR
        && (ngx_file_access(&fi) & (S_IROTH|S_IWOTH)))
    {
        ngx_conf_log_error(exposed, cf, 0,
                           "every user of this machine has access to %s "
                           "\"%V\": give it to the user that starts nginx and "
                           "say \"chmod o= %V\"", what, path, path);

        if (exposed == NGX_LOG_EMERG) {
            (void) ngx_close_file(file.fd);
            return NGX_ERROR;
        }
    }

    n = ngx_read_file(&file, p, size, 0);
    (void) ngx_close_file(file.fd);

    if (n == (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"%V\" is longer than %uz bytes", what, path,
                           size - 1);
        return NGX_ERROR;
    }

    if (n <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"%V\" is empty or cannot be read", what,
                           path);
        return NGX_ERROR;
    }

    text->data = p;
    text->len = n;

    return NGX_OK;
}
