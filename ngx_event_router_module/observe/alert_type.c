
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Types of the router's own events in the conditions of routes.  There are a
 * dozen of them, so of a route that is from router alone "nginx -t" can say
 * that a line asks for none of these: it is misspelt, and who waits for that
 * alert never gets it.
 *
 * Called by alerts_conf.c.  A line is read as it stands in nginx.conf: "when
 * type = NAME..." and "when type prefix NAME..." are looked at, all others are
 * not.  Nothing is owned and nothing fails: it only warns.
 */


#include "alert_type.h"
#include "alert_event.h"
#include "../conf/nearest.h"
#include "../ingest/source.h"
#include "../route/condition.h"


#define NGX_ER_ALERT_TYPE_DEPTH  16    /* blocks in one another */
#define NGX_ER_ALERT_TYPE_TEXT   512   /* bytes of all types */


static ngx_uint_t ngx_er_alert_type_own(ngx_er_route_t *route);
static void ngx_er_alert_type_lines(ngx_conf_t *cf, ngx_er_route_t *route,
    ngx_er_condition_t *c, ngx_uint_t depth);
static void ngx_er_alert_type_line(ngx_conf_t *cf, ngx_er_where_t *where,
    ngx_str_t *text);
static void ngx_er_alert_type_word(ngx_conf_t *cf, ngx_er_where_t *where,
    ngx_str_t *word, ngx_uint_t prefix);


void
ngx_er_alert_types_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        if (route[i]->condition && ngx_er_alert_type_own(route[i])) {
            ngx_er_alert_type_lines(cf, route[i], route[i]->condition, 0);
        }
    }
}


static ngx_uint_t
ngx_er_alert_type_own(ngx_er_route_t *route)
{
    return route->from.nelts == 1
           && ngx_er_source_router(&route->from.elts[0]);
}


/* recursive: as deep as blocks stand in one another */

static void
ngx_er_alert_type_lines(ngx_conf_t *cf, ngx_er_route_t *route,
    ngx_er_condition_t *c, ngx_uint_t depth)
{
    ngx_str_t            text;
    ngx_uint_t           i;
    ngx_er_where_t       where;
    ngx_er_condition_t  *child;

    if (c->kind == NGX_ER_CONDITION_TEST && c->origin) {
        text.data = ngx_er_condition_text(c->origin);
        text.len = c->origin->len;

        where.line = c->origin->line;
        where.file = route->where.file;

        if (c->origin->other) {
            where.file.data = text.data + text.len;
            where.file.len = ngx_strlen(where.file.data);
        }

        ngx_er_alert_type_line(cf, &where, &text);
    }

    if (c->kind < NGX_ER_CONDITION_ALL || c->kind > NGX_ER_CONDITION_EACH
        || depth > NGX_ER_ALERT_TYPE_DEPTH)
    {
        return;
    }

    child = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts; i++) {
        ngx_er_alert_type_lines(cf, route, &child[i], depth + 1);
    }
}


static void
ngx_er_alert_type_line(ngx_conf_t *cf, ngx_er_where_t *where, ngx_str_t *text)
{
    u_char      *p, *last;
    ngx_str_t    word;
    ngx_uint_t   i, prefix;

    static ngx_str_t  begins[] = {
        ngx_string("when type = "), ngx_string("when type prefix ")
    };

    for (i = 0; i < 2; i++) {
        if (text->len > begins[i].len
            && ngx_strncmp(text->data, begins[i].data, begins[i].len) == 0)
        {
            break;
        }
    }

    if (i == 2 || ngx_strlchr(text->data, text->data + text->len, '\'')) {
        return;
    }

    prefix = i;
    p = text->data + begins[i].len;
    last = text->data + text->len;

    for ( /* void */ ; p < last; p += word.len + 1) {
        word.data = p;

        while (p < last && *p != ' ') {
            p++;
        }

        word.len = p - word.data;
        p = word.data;

        ngx_er_alert_type_word(cf, where, &word, prefix);
    }
}


static void
ngx_er_alert_type_word(ngx_conf_t *cf, ngx_er_where_t *where,
    ngx_str_t *word, ngx_uint_t prefix)
{
    size_t       len;
    u_char      *p, text[NGX_ER_ALERT_TYPE_TEXT];
    ngx_uint_t   i;
    const char  *type, *near, *types[2 * NGX_ER_ALERT_LAST + 1];

    p = text;

    for (i = 0; i < 2 * NGX_ER_ALERT_LAST; i++) {
        type = ngx_er_alert_type(i / 2, i % 2);
        types[i] = type;
        len = ngx_strlen(type);

        /* some kinds end with the same type */

        *p = '\0';

        if (ngx_strstr(text, type) == NULL) {
            p = ngx_snprintf(p, text + NGX_ER_ALERT_TYPE_TEXT - 1 - p, "%s%s",
                             p == text ? "" : ", ", type);
        }

        if (ngx_strncmp(type, word->data, ngx_min(len, word->len)) == 0
            && (prefix ? word->len <= len : word->len == len))
        {
            return;
        }
    }

    types[i] = NULL;
    near = prefix ? NULL : ngx_er_nearest(word, types, sizeof(char *));

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_WARN, where,
                         "no event of \"router\" has the type \"%V\": did you "
                         "mean \"%s\"?", word, near);
        return;
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, where,
                     "no event of \"router\" has a type that %s \"%V\": "
                     "there are %*s", prefix ? "begins with" : "is", word,
                     p - text, text);
}
