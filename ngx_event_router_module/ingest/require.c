
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an event of a source must be.  "require" stands in event_source as
 * "when" does in event_route, in the same words and blocks (route/lines.c):
 * all lines must hold, else the event is answered 422 and the producer reads
 * which line does not.  It is for what can only be a mistake of the producer;
 * what is right and unwanted is a matter of routes, since many a producer
 * gives up a subscription that is refused.
 *
 * The lines are read while the block of the source is, and packed when it
 * ends; nothing changes them afterwards.  turns.c asks of each event, after it
 * was verified and parsed and before its key is claimed.  To evaluate is a
 * part of the event's budget (route/budget.c): one whose lines took too long
 * is undecided, as one whose routes did.
 *
 * A sentence about a line has the line's text and place, never what the event
 * has in its fields.
 */


#include "require.h"
#include "../route/budget.h"
#include "../route/condition_eval.h"


static ngx_int_t ngx_er_require_element(ngx_conf_t *cf, void *data,
    ngx_str_t *text);
static void ngx_er_require_undecided(ngx_er_event_t *event,
    ngx_er_condition_t *line);
static u_char *ngx_er_require_file(ngx_er_source_t *source,
    ngx_er_condition_t *line);


/* when an undecided event was told */

static time_t  ngx_er_require_told;


void
ngx_er_require_begin(ngx_er_draft_t *draft)
{
    ngx_er_lines_init(&draft->require, draft->mcf, "require",
                      &draft->source->where.file);

    draft->require.element = ngx_er_require_element;
    draft->require.data = draft;
}


char *
ngx_er_require_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    return ngx_er_lines_test(cf, &draft->require);
}


/* in a block of conditions it is the same; outside it is a route's word */

char *
ngx_er_require_when(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    if (draft->require.depth == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"when\" is a line of event_route, about the "
                           "events that a route takes: what all events of "
                           "event_source \"%V\" must be is written "
                           "\"require FIELD [not] OP VALUE...;\"",
                           &draft->source->name);
        return NGX_CONF_ERROR;
    }

    return ngx_er_lines_test(cf, &draft->require);
}


char *
ngx_er_require_block(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    return ngx_er_lines_block(cf, &draft->require, row);
}


/* whether the source is split is known when its block ends */

static ngx_int_t
ngx_er_require_element(ngx_conf_t *cf, void *data, ngx_str_t *text)
{
    ngx_er_draft_t *draft = data;

    if (draft->element.text.data == NULL) {
        draft->element.text = *text;
        ngx_er_where_set(cf, &draft->element.where);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_require_complete(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    ngx_er_source_t  *s;

    s = draft->source;

    if (draft->element.text.data && !s->split) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &draft->element.where,
                         "the field \"%V\" begins with \".\", which stands "
                         "for the element of an \"each\" block or of a body "
                         "that is split, but event_source \"%V\" has no "
                         "\"split\": write \"data%V\"", &draft->element.text,
                         &s->name, &draft->element.text);
        return NGX_ERROR;
    }

    if (draft->require.block == NULL) {
        return NGX_OK;
    }

    s->require = ngx_er_pack(&draft->mcf->packs, draft->require.block);

    return s->require ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_er_require_check(ngx_er_event_t *event, ngx_er_condition_t **unmet)
{
    ngx_uint_t           i, holds;
    ngx_er_condition_t  *all, *line;

    all = event->source->require;
    line = all->u.children.elts;

    for (i = 0; i < all->u.children.nelts; i++) {
        holds = ngx_er_condition_holds(&line[i], event->facts);

        if (event->facts->undecided) {
            ngx_er_require_undecided(event, &line[i]);
            return NGX_DECLINED;
        }

        if (!holds) {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                           "event router require: event \"%V\", line %ui does "
                           "not hold", &event->id, i + 1);

            *unmet = &line[i];
            return NGX_ABORT;
        }
    }

    return NGX_OK;
}


/* once a second: whoever sends one such event can send many */

static void
ngx_er_require_undecided(ngx_er_event_t *event, ngx_er_condition_t *line)
{
    if (ngx_er_require_told == ngx_time()) {
        return;
    }

    ngx_er_require_told = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "event \"%V\" from source \"%V\" answered 503: what it must "
                  "be took more than %d ms of CPU at \"require\" in %s:%uD: "
                  "make the regular expressions there simpler, or let other "
                  "lines stand before them",
                  &event->id, &event->source->name, NGX_ER_BUDGET_TIME,
                  ngx_er_require_file(event->source, line),
                  line->origin->line);
}


const char *
ngx_er_require_detail(ngx_pool_t *pool, ngx_er_source_t *source,
    ngx_er_condition_t *unmet)
{
    size_t   len;
    u_char  *p, *name, *file, *text;

    static const char  what[] = "the event is not what this source requires: ";

    text = ngx_er_condition_text(unmet->origin);
    file = ngx_er_require_file(source, unmet);

    /* where nginx's folders are is nothing for producers */

    name = (u_char *) strrchr((char *) file, '/');
    name = name ? name + 1 : file;

    len = sizeof(what) + unmet->origin->len + ngx_strlen(name)
          + sizeof("\"\" in :") + NGX_INT32_LEN;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NULL;
    }

    (void) ngx_sprintf(p, "%s\"%*s\" in %s:%uD%Z", what,
                       (size_t) unmet->origin->len, text, name,
                       unmet->origin->line);

    return (const char *) p;
}


static u_char *
ngx_er_require_file(ngx_er_source_t *source, ngx_er_condition_t *line)
{
    return line->origin->other
           ? ngx_er_condition_text(line->origin) + line->origin->len
           : source->where.file.data;
}
