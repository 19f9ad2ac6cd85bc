
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file of keys that "encrypt=" of event_store names.  It is read when
 * nginx.conf is, by the user that starts nginx; both kinds of store call this,
 * and what comes of it lives as long as the configuration.  A file that every
 * user can read is an error: its keys would keep nothing from anybody.
 *
 * No message has a byte of the file.
 */


#include "keys.h"
#include "../base/vault.h"


static ngx_int_t ngx_er_keys_load(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text);


ngx_int_t
ngx_er_keys_read(ngx_conf_t *cf, ngx_str_t *word, ngx_er_safe_t **safe)
{
    ngx_str_t       path, text;
    ngx_int_t       rc;
    ngx_er_error_t  err;

    *safe = NULL;

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

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK
        || ngx_er_keys_load(cf, &path, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_safe_create(cf->pool, &text, safe, &err);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "file of keys \"%V\": %*s",
                           &path, err.len, err.text);
    }

    return rc;
}


static ngx_int_t
ngx_er_keys_load(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *text)
{
    u_char           *p;
    ssize_t           n;
    ngx_file_t        file;
    ngx_file_info_t   fi;

    p = ngx_er_vault_alloc(cf->pool, NGX_ER_SAFE_FILE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = *path;
    file.log = cf->log;
    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the file of keys \"%V\"", path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file.fd, &fi) != NGX_FILE_ERROR
        && (ngx_file_access(&fi) & (S_IROTH|S_IWOTH)))
    {
        (void) ngx_close_file(file.fd);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "every user of this machine has access to the file "
                           "of keys \"%V\": give it to the user that starts "
                           "nginx and say \"chmod o= %V\"", path, path);
        return NGX_ERROR;
    }

    n = ngx_read_file(&file, p, NGX_ER_SAFE_FILE, 0);
    (void) ngx_close_file(file.fd);

    if (n == NGX_ERROR || n == NGX_ER_SAFE_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file of keys \"%V\" %s", path,
                           n == NGX_ERROR ? "cannot be read"
                                          : "is longer than 8191 bytes");
        return NGX_ERROR;
    }

    text->data = p;
    text->len = n;

    return NGX_OK;
}
