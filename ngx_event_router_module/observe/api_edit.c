
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One event again, with another body: POST v1/replay with bytes, which
 * api_jobs.c hands over.  It is no job: the copy is an event of its own
 * (ingest/edited.c), accepted for one target like any other, so whatever holds
 * for those holds for it; the answer comes when it is durable.
 *
 * The original is looked for as a dead letter of the target, as what waits for
 * it, and then as an event that is there for others or retained
 * (api_stored.c).  It stays as it is.  With then=purge it is forgotten, in a
 * step of its own that comes after the copy is durable: if a worker dies
 * between the two there is one letter too many, and none is lost.
 *
 * Whoever got no answer does not know if there is a copy.  With once= the same
 * request may be sent again: once.c says how it is found.  It is an argument,
 * and not the header Idempotency-Key of the IETF's draft, as all that an act
 * takes stands behind the "?": there a misspelt one is refused, and a misspelt
 * header would be a second copy; and openapi.json has it from the table.
 * Without once= each request makes a copy.
 *
 * The accept of a copy that is known does not tell whether it was stale when
 * it came.  Of a target with versions the row of once.c tells, or the copy
 * itself as long as it waits or is dead.  Without both the original stays.
 *
 * What the operator wants is in the API's pool; the copy is in its own, which
 * is held until the queue has it.  What may fail is memory and the store.
 */


#include "api_edit.h"
#include "api_edited.h"
#include "api_filter.h"
#include "api_stored.h"
#include "once.h"
#include "reveal.h"
#include "../base/crash.h"
#include "../deliver/accept.h"
#include "../deliver/publishers.h"
#include "../deliver/target.h"
#include "../ingest/attributes.h"
#include "../ingest/edited.h"
#include "../ingest/redact_back.h"
#include "../ingest/reply.h"
#include "../ingest/source.h"


#define NGX_ER_API_EDIT_JSON    1024
#define NGX_ER_API_EDIT_DETAIL  320

/* how long the row of another request is waited for: tries, and ms between */
#define NGX_ER_API_EDIT_TRIES   20
#define NGX_ER_API_EDIT_PAUSE   50


typedef struct {
    ngx_er_api_stored_t    stored;     /* the original */
    ngx_str_t              sent;       /* as it came, */
    ngx_str_t              body;       /* and with what "***" stands for */
    ngx_str_t              who;
    ngx_er_who_t           whole;      /* the same, for the audit */
    ngx_er_target_t       *to;
    ngx_str_t              target;     /* name, of whose entry */
    ngx_str_t              source;     /* name, or empty: of any */
    ngx_uint_t             preview;
    ngx_uint_t             purge;

    ngx_str_t              routes;
    ngx_str_t              original;   /* the body */
    ngx_er_record_t        record;
    ngx_er_edited_bytes_t  bytes;
    ngx_er_event_t        *event;      /* the copy */
    ngx_uint_t             stale;

    ngx_uint_t             keyed;      /* once= was given */
    ngx_er_once_t          once;       /* without once= but what to answer */

    ngx_uint_t             tries;      /* to find the row of another one */
    ngx_event_t            timer;
    ngx_connection_t       dummy;      /* of the timer */
} ngx_er_api_edit_t;


static const char *ngx_er_api_edit_strange(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_to(ngx_er_api_t *api,
    ngx_er_api_edit_t *edit, ngx_int_t *rc);
static ngx_int_t ngx_er_api_edit_once(ngx_er_api_t *api, ngx_str_t *given);
static ngx_int_t ngx_er_api_edit_look(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_known(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_edit_answered(ngx_er_api_t *api,
    ngx_er_once_t *found);
static ngx_int_t ngx_er_api_edit_other(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_foreign(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_original(ngx_er_api_t *api,
    ngx_er_entry_t *entry);
static const char *ngx_er_api_edit_may(ngx_er_api_edit_t *edit);
static ngx_int_t ngx_er_api_edit_make(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_restore(ngx_er_api_t *api,
    ngx_er_source_t *source, const char **wrong);
static void ngx_er_api_edit_bodies(ngx_er_api_t *api, ngx_er_source_t *source,
    ngx_er_redact_body_t *old, ngx_er_redact_body_t *body);
static ngx_int_t ngx_er_api_edit_compare(ngx_er_api_t *api,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_api_edit_large(ngx_er_api_t *api, size_t max);
static ngx_int_t ngx_er_api_edit_wrong(ngx_er_api_t *api,
    ngx_er_edited_t *edited);
static ngx_int_t ngx_er_api_edit_accept(ngx_er_api_t *api);
static void ngx_er_api_edit_accepted(ngx_er_accept_t *accept);
static ngx_int_t ngx_er_api_edit_safe(ngx_er_api_t *api,
    ngx_er_accept_t *accept);
static ngx_int_t ngx_er_api_edit_sure(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_seek(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_sought(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_edit_copy(ngx_er_api_t *api, ngx_uint_t dead);
static ngx_int_t ngx_er_api_edit_there(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_edit_pause(ngx_er_api_t *api);
static void ngx_er_api_edit_timer(ngx_event_t *ev);
static ngx_int_t ngx_er_api_edit_unsure(ngx_er_api_t *api);
static void ngx_er_api_edit_audit(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_unsafe(ngx_er_api_t *api,
    ngx_er_accept_t *accept);
static ngx_int_t ngx_er_api_edit_keep(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_kept(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_edit_purge(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_purged(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_edit_left(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_edit_told(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_edit_show(ngx_er_api_t *api);
static void ngx_er_api_edit_tell(ngx_er_api_edit_t *edit,
    ngx_er_api_edited_t *told);
static void ngx_er_api_edit_drop(ngx_er_api_edit_t *edit);


/* those of replay that choose among many */

static const char  *ngx_er_api_edit_many[] = {
    "route", "from", "to", "status", "attempts", "reason", "all", "rate", NULL
};


ngx_int_t
ngx_er_api_edit(ngx_er_api_t *api, ngx_str_t *body, ngx_str_t *who)
{
    ngx_int_t           rc;
    ngx_str_t           once;
    const char         *why;
    ngx_er_api_edit_t  *edit;

    why = ngx_er_api_edit_strange(api);

    if (why) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, why);
    }

    edit = ngx_pcalloc(api->pool, sizeof(ngx_er_api_edit_t));

    if (edit == NULL
        || ngx_er_who_copy(api->pool, &api->who, &edit->whole) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->data = edit;

    edit->body = *body;
    edit->who = *who;
    edit->stored.seq = ngx_er_api_event(api, "event");
    edit->preview = ngx_er_api_flag(api, "preview");
    edit->purge = ngx_er_api_flag(api, "then");

    (void) ngx_er_api_arg(api, "source", &edit->source);
    (void) ngx_er_api_arg(api, "archive", &edit->source);

    if (ngx_er_api_edit_to(api, edit, &rc) != NGX_OK) {
        return rc;
    }

    edit->stored.target = ngx_er_hash64(&edit->target);
    edit->stored.found = ngx_er_api_edit_original;

    return (!edit->preview && ngx_er_api_arg(api, "once", &once))
           ? ngx_er_api_edit_once(api, &once) : ngx_er_api_stored(api);
}


/* was it asked for before? */

static ngx_int_t
ngx_er_api_edit_once(ngx_er_api_t *api, ngx_str_t *given)
{
    ngx_str_t           parts[4];
    ngx_er_api_edit_t  *edit;

    edit = api->data;
    edit->keyed = 1;

    ngx_memzero(parts, sizeof(parts));

    parts[0] = edit->body;
    parts[1] = edit->target;
    (void) ngx_er_api_arg(api, "content_type", &parts[2]);
    (void) ngx_er_api_arg(api, "then", &parts[3]);

    ngx_er_once_key(&edit->once, given, edit->stored.seq, &edit->to->name);
    ngx_er_once_print(&edit->once, parts, 4);

    edit->stored.lost = ngx_er_api_edit_look;

    return ngx_er_api_edit_look(api);
}


/* once more if the original has gone: who purged it had put the row before */

static ngx_int_t
ngx_er_api_edit_look(ngx_er_api_t *api)
{
    ngx_er_api_edit_t  *edit;
    ngx_er_queue_op_t  *op;

    edit = api->data;
    op = ngx_er_once_get(&edit->once, api);

    return op ? ngx_er_api_run(api, op, ngx_er_api_edit_known)
              : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_er_api_edit_known(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_uint_t          again;
    ngx_er_once_t       found;
    ngx_er_api_edit_t  *edit;

    if (op->rc == NGX_ERROR) {
        return ngx_er_api_away(api);
    }

    edit = api->data;
    again = (ngx_er_once_read(op, &edit->once, &found) == NGX_OK);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: event %016xL to edit, asked for "
                   "before:%ui rc:%i", edit->stored.seq, again, op->rc);

    return again ? ngx_er_api_edit_answered(api, &found)
                 : ngx_er_api_stored(api);
}


/* "found" is in memory of an operation */

static ngx_int_t
ngx_er_api_edit_answered(ngx_er_api_t *api, ngx_er_once_t *found)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    if (edit->source.len && ngx_er_hash64(&edit->source) != found->source) {
        return ngx_er_api_edit_foreign(api);
    }

    if (found->print != edit->once.print) {
        return ngx_er_api_edit_other(api);
    }

    edit->once = *found;
    edit->once.answer.data = ngx_pstrdup(api->pool, &found->answer);

    if (edit->once.answer.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (found->purge == NGX_ER_ONCE_PURGE) ? ngx_er_api_edit_purge(api)
                                               : ngx_er_api_edit_told(api);
}


static ngx_int_t
ngx_er_api_edit_foreign(ngx_er_api_t *api)
{
    return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                              "the event is of another source");
}


static ngx_int_t
ngx_er_api_edit_other(ngx_er_api_t *api)
{
    return ngx_er_api_problem(api, NGX_HTTP_CONFLICT, "this once= was given "
                              "within a day for this event and target, with "
                              "another body, content_type= or then=: if this "
                              "is to be another copy, give it a key of its "
                              "own");
}


/* NULL, or what is wrong with the arguments */

static const char *
ngx_er_api_edit_strange(ngx_er_api_t *api)
{
    ngx_str_t     value, other;
    const char  **name;

    if (!ngx_er_api_arg(api, "event", &value)
        || (!ngx_er_api_arg(api, "target", &value)
            && !ngx_er_api_arg(api, "deliver_to", &value)))
    {
        return "the request has a body, which is that of one event: say which "
               "with event= and target=";
    }

    for (name = ngx_er_api_edit_many; *name; name++) {
        if (ngx_er_api_arg(api, *name, &value)) {
            return "the request has a body, which is that of one event: "
                   "event= and target= say which, and route=, from=, to=, "
                   "status=, attempts=, reason=, all= and rate= are of many";
        }
    }

    if (ngx_er_api_arg(api, "archive", &value)
        && ngx_er_api_arg(api, "source", &other))
    {
        return "archive= is a source already: leave source= out";
    }

    if (ngx_er_api_arg(api, "content_type", &value)
        && (ngx_strlchr(value.data, value.data + value.len, '/') == NULL
            || value.data[0] == '/'))
    {
        return "content_type= takes a media type: application/json";
    }

    return NULL;
}


/* NGX_OK; NGX_DECLINED: it was answered, with *rc */

static ngx_int_t
ngx_er_api_edit_to(ngx_er_api_t *api, ngx_er_api_edit_t *edit, ngx_int_t *rc)
{
    ngx_str_t  name;

    if (!ngx_er_api_arg(api, "deliver_to", &name)) {
        (void) ngx_er_api_arg(api, "target", &name);
    }

    if (!ngx_er_api_arg(api, "target", &edit->target)) {
        edit->target = name;
    }

    edit->to = ngx_er_target_find(api->mcf, &name);

    if (edit->to == NULL) {
        *rc = ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                 ngx_er_args_unknown(api->pool, "target",
                                                     &api->mcf->targets,
                                                     &name));
        return NGX_DECLINED;
    }

    if (edit->to->location == NULL) {
        *rc = ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                 "no location delivers to the target: there "
                                 "is no event_deliver of it");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* the record is in memory of the operation, which ends with this call */

static ngx_int_t
ngx_er_api_edit_original(ngx_er_api_t *api, ngx_er_entry_t *entry)
{
    const char         *why;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    if (edit->purge && edit->stored.lost
        && edit->stored.place == NGX_ER_API_STORED_KEPT)
    {
        edit->stored.lost = NULL;
        return ngx_er_api_edit_look(api);
    }

    if (ngx_er_record_read(&entry->record, &edit->record) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "the stored event cannot be read");
    }

    if (edit->source.len
        && (edit->source.len != edit->record.source.len
            || ngx_memcmp(edit->source.data, edit->record.source.data,
                          edit->source.len)
               != 0))
    {
        return ngx_er_api_edit_foreign(api);
    }

    edit->once.source = ngx_er_hash64(&edit->record.source);

    edit->routes.len = entry->routes.len;
    edit->routes.data = ngx_pstrdup(api->pool, &entry->routes);

    if (edit->routes.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    why = ngx_er_api_edit_may(edit);

    return why ? ngx_er_api_problem(api, NGX_HTTP_CONFLICT, why)
               : ngx_er_api_edit_make(api);
}


/* NULL, or why not */

static const char *
ngx_er_api_edit_may(ngx_er_api_edit_t *edit)
{
    ngx_uint_t  own;

    if (edit->purge && edit->stored.place == NGX_ER_API_STORED_KEPT) {
        return "then=purge is of a dead letter or of what waits, and of this "
               "event the target has neither";
    }

    /* what a target has had is its own, whoever may send to it today */

    own = (edit->stored.place != NGX_ER_API_STORED_KEPT
           && edit->to->hash == ngx_er_hash64(&edit->target));

    if (!own && edit->to->publishers
        && !ngx_er_publishers_name(edit->to, &edit->record.source))
    {
        return "\"from\" of the target does not name the source of the event: "
               "name it there";
    }

    return NULL;
}


static ngx_int_t
ngx_er_api_edit_make(ngx_er_api_t *api)
{
    size_t              max;
    ngx_int_t           rc;
    ngx_str_t           type;
    const char         *wrong;
    ngx_er_source_t    *source;
    ngx_er_edited_t     edited;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    source = ngx_er_source_find(api->mcf, &edit->record.source);
    max = source ? source->max_size : ngx_er_source_largest(api->mcf);

    rc = ngx_er_api_edit_restore(api, source, &wrong);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, wrong)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (edit->body.len > max) {
        return ngx_er_api_edit_large(api, max);
    }

    ngx_memzero(&edited, sizeof(ngx_er_edited_t));

    edited.record = &edit->record;
    edited.seq = edit->stored.seq;
    edited.body = edit->body;
    edited.who = edit->who;
    edited.token = edit->keyed ? ngx_er_once_token(&edit->once)
                               : ngx_er_queue_token(api->mcf->queue);

    if (ngx_er_api_arg(api, "content_type", &type)
        && ngx_er_event_attribute(api->pool, &type, NGX_ER_ATTRIBUTE_MAX,
                                  &edited.content_type)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_er_edited_event(&edited, &edit->event);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? ngx_er_api_edit_wrong(api, &edited)
                                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    edit->original.len = edit->record.body.len;

    if (ngx_er_api_edit_compare(api, source) != NGX_OK) {
        ngx_er_api_edit_drop(edit);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return edit->preview ? ngx_er_api_edit_show(api)
                         : ngx_er_api_edit_accept(api);
}


/*
 * The operator has seen "***" for what the source hides.  Where that came back
 * the value is the original's again.  NGX_DECLINED: that cannot be, and *wrong
 * says why; NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_api_edit_restore(ngx_er_api_t *api, ngx_er_source_t *source,
    const char **wrong)
{
    u_char                *text;
    ngx_int_t              rc;
    ngx_str_t              whole;
    ngx_er_error_t         err;
    ngx_er_api_edit_t     *edit;
    ngx_er_redact_body_t   old, body;

    static ngx_str_t  mask = ngx_string(NGX_ER_REDACT_MASK);

    edit = api->data;
    edit->sent = edit->body;

    if (api->mcf->redacts && (source == NULL || source->redact)
        && edit->body.len == mask.len
        && ngx_memcmp(edit->body.data, mask.data, mask.len) == 0)
    {
        *wrong = "the body is \"***\", which stands for one that is not shown "
                 "here: write the body itself";
        return NGX_DECLINED;
    }

    if (source == NULL || source->redact == NULL) {
        return NGX_OK;
    }

    ngx_er_api_edit_bodies(api, source, &old, &body);

    rc = ngx_er_redact_restore(source->redact, api->pool, &old, &body, &whole,
                               &err);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, api->request->connection->log, 0,
                   "event router api: hidden values of event %016xL are put "
                   "back, rc:%i", edit->stored.seq, rc);

    if (rc == NGX_OK) {
        edit->body = whole;
        return NGX_OK;
    }

    text = ngx_pnalloc(api->pool, err.len + 1);

    if (text == NULL || rc != NGX_DECLINED) {
        return NGX_ERROR;
    }

    *ngx_cpymem(text, err.text, err.len) = '\0';

    *wrong = (char *) text;

    return NGX_DECLINED;
}


static void
ngx_er_api_edit_bodies(ngx_er_api_t *api, ngx_er_source_t *source,
    ngx_er_redact_body_t *old, ngx_er_redact_body_t *body)
{
    ngx_str_t           type;
    ngx_er_api_edit_t  *edit;

    edit = api->data;
    type = edit->record.content_type;

    old->body = edit->record.body;
    ngx_er_reveal_format(source, &type, old);

    (void) ngx_er_api_arg(api, "content_type", &type);

    body->body = edit->sent;
    ngx_er_reveal_format(source, &type, body);
}


/* whoever may guess as often as he likes must not learn how far a guess goes:
   hidden values are compared as "***", bodies that are not shown not at all */

static ngx_int_t
ngx_er_api_edit_compare(ngx_er_api_t *api, ngx_er_source_t *source)
{
    ngx_int_t              rc;
    ngx_str_t              was, is;
    ngx_uint_t             n;
    const char            *why;
    ngx_er_api_edit_t     *edit;
    ngx_er_redact_body_t   old, body;

    edit = api->data;

    was = edit->record.body;
    is = edit->body;

    if (api->mcf->redacts && source == NULL) {
        rc = NGX_DECLINED;

    } else if (source && source->redact) {
        ngx_er_api_edit_bodies(api, source, &old, &body);

        rc = ngx_er_redact_body(source->redact, api->pool, &old, &was, &n,
                                &why);

        if (rc == NGX_OK) {
            rc = ngx_er_redact_body(source->redact, api->pool, &body, &is, &n,
                                    &why);
        }

    } else {
        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        ngx_er_edited_compare(&was, &is, &edit->bytes);

    } else if (rc == NGX_DECLINED) {
        edit->bytes.at = 0;
        edit->bytes.removed = edit->record.body.len;
        edit->bytes.added = edit->body.len;
        rc = NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_er_api_edit_large(ngx_er_api_t *api, size_t max)
{
    u_char  *text;

    text = ngx_pnalloc(api->request->pool, NGX_ER_API_EDIT_DETAIL);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_snprintf(text, NGX_ER_API_EDIT_DETAIL, "the source of the "
                        "event takes %uz bytes at most (max_size)%Z", max);

    return ngx_er_api_problem(api, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                              (char *) text);
}


static ngx_int_t
ngx_er_api_edit_wrong(ngx_er_api_t *api, ngx_er_edited_t *edited)
{
    u_char  *text;

    if (!edited->wrong) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                  edited->why);
    }

    text = ngx_pnalloc(api->request->pool, NGX_ER_API_EDIT_DETAIL);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_snprintf(text, NGX_ER_API_EDIT_DETAIL, "the body is not what "
                        "its content type says, as the original was: %s at "
                        "byte %uz; content_type= says another type%Z",
                        edited->why, edited->offset);

    return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                              (char *) text);
}


static ngx_int_t
ngx_er_api_edit_accept(ngx_er_api_t *api)
{
    ngx_int_t              rc;
    ngx_er_accept_t       *accept;
    ngx_er_api_edit_t     *edit;
    ngx_er_accept_part_t  *part;

    edit = api->data;

    accept = ngx_er_accept_create(edit->event, NULL);
    part = ngx_pcalloc(edit->event->pool, sizeof(ngx_er_accept_part_t));

    if (accept == NULL || part == NULL) {
        ngx_er_api_edit_drop(edit);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    part->target = edit->to;
    part->routes.len = edit->routes.len;
    part->routes.data = ngx_pstrdup(edit->event->pool, &edit->routes);

    if (part->routes.data == NULL) {
        ngx_er_api_edit_drop(edit);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (edit->keyed) {
        accept->key = edit->once.key;
        accept->print = edit->once.print;
        accept->dedup = NGX_ER_DEDUP_QUEUE;
        accept->window = NGX_ER_ONCE_KEPT;
    }

    accept->parts = part;
    accept->nparts = 1;
    accept->handler = ngx_er_api_edit_accepted;
    accept->data = api;

    ngx_er_crash_point("edit-accept");

    rc = ngx_er_accept(accept);

    if (rc == NGX_OK) {
        return ngx_er_api_hold(api);
    }

    ngx_er_api_edit_drop(edit);

    return (rc == NGX_BUSY)
           ? ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE, "as many "
                                "events as event_backlog allows are on their "
                                "way into the store: try again")
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_er_api_edit_accepted(ngx_er_accept_t *accept)
{
    ngx_int_t      rc;
    ngx_er_api_t  *api;

    api = accept->data;

    if (api->request) {
        ngx_http_set_log_request(api->request->connection->log, api->request);
    }

    rc = ngx_er_api_edit_safe(api, accept);

    if (rc != NGX_DONE) {
        ngx_er_api_finish(api, rc);
    }
}


static ngx_int_t
ngx_er_api_edit_safe(ngx_er_api_t *api, ngx_er_accept_t *accept)
{
    ngx_uint_t          again;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: event %016xL is edited as %016xL, rc:%i "
                   "request:%d", edit->stored.seq, accept->seq, accept->rc,
                   api->request != NULL);

    /* a copy that is known has its key from whoever got no answer; of one that
       is dead the queue starts the dead letter again */

    again = (edit->keyed && !accept->differs
             && (accept->rc == NGX_DECLINED || accept->rc == NGX_DONE));
    edit->once.number = accept->seq;

    if (accept->rc != NGX_OK && !again) {

        if (accept->kept) {
            ngx_er_api_edit_audit(api);
        }

        ngx_er_api_edit_drop(edit);

        return ngx_er_api_edit_unsafe(api, accept);
    }

    ngx_er_crash_point("edit-accepted");

    edit->event->number = accept->seq;
    edit->stale = (accept->rc == NGX_OK && accept->parts->stale);

    return (accept->rc == NGX_DECLINED && edit->to->versions)
           ? ngx_er_api_edit_seek(api) : ngx_er_api_edit_sure(api);
}


/* the target has the copy, or it is stale */

static ngx_int_t
ngx_er_api_edit_sure(ngx_er_api_t *api)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    edit->once.waits = (edit->stored.place == NGX_ER_API_STORED_PENDING);
    edit->once.purge = (edit->purge && !edit->stale) ? NGX_ER_ONCE_PURGE
                                                     : NGX_ER_ONCE_STAYS;

    return ngx_er_api_edit_keep(api);
}


/* what was the first one told? */

static ngx_int_t
ngx_er_api_edit_seek(ngx_er_api_t *api)
{
    ngx_er_api_edit_t  *edit;
    ngx_er_queue_op_t  *op;

    edit = api->data;

    op = ngx_er_once_get(&edit->once, api);

    if (op) {
        return ngx_er_api_run(api, op, ngx_er_api_edit_sought);
    }

    ngx_er_api_edit_drop(edit);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_er_api_edit_sought(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_once_t       found;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: copy %016xL is known, its answer rc:%i "
                   "tries:%ui", edit->once.number, op->rc, edit->tries);

    if (op->rc == NGX_ERROR) {
        ngx_er_api_edit_drop(edit);
        return ngx_er_api_away(api);
    }

    if (ngx_er_once_read(op, &edit->once, &found) == NGX_OK) {
        ngx_er_api_edit_drop(edit);
        return ngx_er_api_edit_answered(api, &found);
    }

    return ngx_er_api_edit_copy(api, 0);
}


static ngx_int_t
ngx_er_api_edit_copy(ngx_er_api_t *api, ngx_uint_t dead)
{
    ngx_er_api_edit_t  *edit;
    ngx_er_queue_op_t  *op;

    edit = api->data;

    op = ngx_er_api_op(api, NGX_ER_QUEUE_LIST);

    if (op == NULL) {
        ngx_er_api_edit_drop(edit);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->filter.seq = edit->once.number;
    op->filter.target = edit->to->hash;
    op->dead = dead;
    op->limit = 1;

    return ngx_er_api_run(api, op, ngx_er_api_edit_there);
}


static ngx_int_t
ngx_er_api_edit_there(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    if (op->rc != NGX_OK) {
        ngx_er_api_edit_drop(edit);
        return ngx_er_api_away(api);
    }

    if (op->entries && op->entries->nelts) {
        return ngx_er_api_edit_sure(api);
    }

    return op->dead ? ngx_er_api_edit_pause(api)
                    : ngx_er_api_edit_copy(api, 1);
}


/* who asked first may be about to write it */

static ngx_int_t
ngx_er_api_edit_pause(ngx_er_api_t *api)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    if (ngx_exiting || edit->tries++ == NGX_ER_API_EDIT_TRIES) {
        return ngx_er_api_edit_unsure(api);
    }

    edit->dummy.fd = (ngx_socket_t) -1;
    edit->dummy.data = api;

    edit->timer.handler = ngx_er_api_edit_timer;
    edit->timer.data = &edit->dummy;
    edit->timer.log = ngx_cycle->log;

    ngx_add_timer(&edit->timer, NGX_ER_API_EDIT_PAUSE);

    return ngx_er_api_hold(api);
}


static void
ngx_er_api_edit_timer(ngx_event_t *ev)
{
    ngx_int_t          rc;
    ngx_er_api_t      *api;
    ngx_connection_t  *dummy;

    dummy = ev->data;
    api = dummy->data;

    if (api->request) {
        ngx_http_set_log_request(api->request->connection->log, api->request);
    }

    rc = ngx_er_api_edit_seek(api);

    if (rc != NGX_DONE) {
        ngx_er_api_finish(api, rc);
    }
}


static ngx_int_t
ngx_er_api_edit_unsure(ngx_er_api_t *api)
{
    u_char             *text;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    ngx_er_api_edit_audit(api);
    ngx_er_api_edit_drop(edit);

    text = ngx_pnalloc(api->pool, NGX_ER_API_EDIT_DETAIL);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_snprintf(text, NGX_ER_API_EDIT_DETAIL, "a copy was made, event "
                        "%016xL, but nobody wrote down whether it was sent, "
                        "or was stale as the target had a newer version: the "
                        "original stays; see v1/events/%016xL, or what the "
                        "target has, before you purge it or edit it again%Z",
                        edit->once.number, edit->once.number);

    return ngx_er_api_problem(api, NGX_HTTP_CONFLICT, (char *) text);
}


static void
ngx_er_api_edit_audit(ngx_er_api_t *api)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    ngx_er_audit(api->request, &edit->whole, "replay", &edit->to->name,
                 "event %016xL goes to target \"%V\" with an edited body, as "
                 "event %016xL", edit->stored.seq, &edit->to->name,
                 edit->once.number);
}


static ngx_int_t
ngx_er_api_edit_unsafe(ngx_er_api_t *api, ngx_er_accept_t *accept)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    if (accept->rc == NGX_BUSY) {
        return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  "the event store is full");
    }

    if (accept->rc != NGX_ERROR) {
        return ngx_er_api_edit_other(api);
    }

    if (accept->kept) {
        return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  "the copy is in the event store, but not as "
                                  "safe as wait= wants it");
    }

    if (edit->keyed) {
        return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  "the event store did not answer, so the "
                                  "copy may be there or not: send it again "
                                  "with the same once=, which makes no second "
                                  "one");
    }

    return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                              "the event store did not answer, so the copy "
                              "may be there or not: look at v1/pending and "
                              "v1/dead for \"edited\" before you send it "
                              "again; with once= you need not");
}


/* the answer, which is made while the copy and the original are there */

static ngx_int_t
ngx_er_api_edit_keep(ngx_er_api_t *api)
{
    ngx_int_t             rc;
    ngx_er_json_t         json;
    ngx_er_api_edit_t    *edit;
    ngx_er_queue_op_t    *op;
    ngx_er_api_edited_t   told;

    edit = api->data;

    ngx_er_api_edit_tell(edit, &told);

    ngx_er_json_begin(&json, api->pool, NGX_ER_API_EDIT_JSON);
    ngx_er_api_edited_json(&json, &told);

    rc = ngx_er_json_end(&json, &edit->once.answer);

    ngx_er_api_edit_drop(edit);

    if (rc != NGX_OK) {
        ngx_er_api_edit_audit(api);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!edit->keyed) {
        ngx_er_api_edit_audit(api);

        return edit->once.purge ? ngx_er_api_edit_purge(api)
                                : ngx_er_api_edit_told(api);
    }

    op = ngx_er_once_put(&edit->once, api);

    if (op == NULL) {
        ngx_er_api_edit_audit(api);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_api_run(api, op, ngx_er_api_edit_kept);
}


static ngx_int_t
ngx_er_api_edit_kept(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    /* of several who ask at the same time one has made the row */

    if (op->rc != NGX_OK || !op->shelf->more) {
        ngx_er_api_edit_audit(api);
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  "the copy is in the event store, and the "
                                  "store does not answer: send it again with "
                                  "the same once=");
    }

    ngx_er_crash_point("edit-kept");

    return (edit->once.purge == NGX_ER_ONCE_PURGE)
           ? ngx_er_api_edit_purge(api) : ngx_er_api_edit_told(api);
}


/* of the original, which is dead or waits */

static ngx_int_t
ngx_er_api_edit_purge(ngx_er_api_t *api)
{
    ngx_er_queue_op_t  *op;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    op = ngx_er_api_op(api, NGX_ER_QUEUE_PURGE);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->filter.target = ngx_er_hash64(&edit->target);
    op->filter.seq = edit->stored.seq;
    op->waiting = edit->once.waits;
    op->limit = 1;

    return ngx_er_api_run(api, op, ngx_er_api_edit_purged);
}


static ngx_int_t
ngx_er_api_edit_purged(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_target_t    *target;
    ngx_er_api_edit_t  *edit;

    edit = api->data;

    if (op->rc != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                                  edit->keyed
                                  ? "the copy is in the event store, and the "
                                    "store does not answer: send it again "
                                    "with the same once="
                                  : "the copy is in the event store, and the "
                                    "original, too: the store does not "
                                    "answer");
    }

    if (op->done) {
        ngx_er_crash_point("edit-purged");

        target = ngx_er_target_find(api->mcf, &edit->target);

        ngx_er_audit(api->request, &edit->whole, "purge",
                     target ? &target->name : NULL,
                     "event %016xL, of which a copy is event %016xL, was "
                     "purged", edit->stored.seq, edit->once.number);
    }

    /* another one who asked the same may have been faster */

    edit->once.purge = (op->done || op->left == 0) ? NGX_ER_ONCE_PURGED
                                                   : NGX_ER_ONCE_LEASED;

    if (edit->keyed && edit->once.purge == NGX_ER_ONCE_LEASED) {
        op = ngx_er_once_put(&edit->once, api);

        return op ? ngx_er_api_run(api, op, ngx_er_api_edit_left)
                  : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_api_edit_told(api);
}


/* if that is not remembered it is tried anew when it is asked for again */

static ngx_int_t
ngx_er_api_edit_left(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: an original was left, rc:%i", op->rc);

    return ngx_er_api_edit_told(api);
}


/* its beginning, and what became of the original */

static ngx_int_t
ngx_er_api_edit_told(ngx_er_api_t *api)
{
    u_char             *p;
    ngx_str_t           text, *end;
    ngx_er_api_edit_t  *edit;

    static ngx_str_t  ends[] = {
        ngx_string("}}\n"), ngx_string("}}\n"),
        ngx_string(",\"purged\":1,\"leased\":0}}\n"),
        ngx_string(",\"purged\":0,\"leased\":1}}\n")
    };

    if (api->request == NULL) {
        return NGX_OK;
    }

    edit = api->data;
    end = &ends[ngx_min((ngx_uint_t) edit->once.purge, NGX_ER_ONCE_LEASED)];

    text.len = edit->once.answer.len + end->len;
    text.data = ngx_pnalloc(api->request->pool, text.len);

    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(text.data, edit->once.answer.data, edit->once.answer.len);
    ngx_memcpy(p, end->data, end->len);

    return ngx_er_reply_text(api->request, "application/json", &text);
}


/* a preview */

static ngx_int_t
ngx_er_api_edit_show(ngx_er_api_t *api)
{
    ngx_er_json_t         json;
    ngx_er_api_edit_t    *edit;
    ngx_er_api_edited_t   told;

    edit = api->data;

    ngx_er_api_edit_tell(edit, &told);

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_EDIT_JSON);
    ngx_er_api_edited_json(&json, &told);
    ngx_er_api_edited_headers(&json, &told);
    ngx_er_json_close(&json, "}");
    ngx_er_json_close(&json, "}\n");

    ngx_er_api_edit_drop(edit);

    return ngx_er_api_json(api, &json);
}


static void
ngx_er_api_edit_tell(ngx_er_api_edit_t *edit, ngx_er_api_edited_t *told)
{
    told->seq = edit->stored.seq;
    told->place = edit->stored.place;
    told->event = edit->event;
    told->to = edit->to;
    told->routes = &edit->routes;
    told->who = &edit->who;
    told->was = edit->original.len;
    told->bytes = &edit->bytes;
    told->preview = edit->preview;
    told->stale = edit->stale;
}


/* the queue has a hold of its own on what it delivers */

static void
ngx_er_api_edit_drop(ngx_er_api_edit_t *edit)
{
    if (edit->event) {
        ngx_er_event_release(edit->event);
        edit->event = NULL;
    }
}
