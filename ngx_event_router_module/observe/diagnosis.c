
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The way to the signature doctor (ingest/doctor.c): all other sources of
 * nginx.conf are told to it, and what it finds is printed.  explain.c asks for
 * a request that was to be explained, api_quarantine.c for one that is kept.
 *
 * Findings have no byte of a secret.  They can have a URL and the name of a
 * header as the client wrote them, which JSON escapes.  What may fail is
 * memory, which the JSON remembers.
 */


#include "diagnosis.h"
#include "../ingest/attributes.h"
#include "../ingest/doctor.h"


static ngx_int_t ngx_er_diagnosis_hide(ngx_er_receive_t *ctx,
    ngx_pool_t *pool, ngx_str_t *text);
static ngx_int_t ngx_er_diagnosis_others(ngx_er_receive_t *ctx,
    ngx_er_doctor_t *doctor);


void
ngx_er_diagnosis(ngx_er_receive_t *ctx, ngx_er_json_t *json)
{
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_er_doctor_t           doctor;
    ngx_er_doctor_finding_t  *finding;

    ngx_memzero(&doctor, sizeof(ngx_er_doctor_t));

    doctor.pool = ctx->request->pool;
    doctor.verify = ctx->source->verify;
    doctor.message = &ctx->message;

    if (ctx->source->preset) {
        doctor.preset.data = (u_char *) ctx->source->preset->name;
        doctor.preset.len = ngx_strlen(ctx->source->preset->name);
    }

    if (ngx_er_diagnosis_others(ctx, &doctor) != NGX_OK
        || ngx_er_doctor(&doctor) != NGX_OK)
    {
        json->failed = 1;
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router diagnosis: request of \"%V\", findings:%ui "
                   "spent:%ui", &ctx->source->name,
                   (ngx_uint_t) doctor.findings.nelts, doctor.spent);

    ngx_er_json_open(json, "doctor", "[");

    finding = doctor.findings.elts;

    for (i = 0; i < doctor.findings.nelts; i++) {

        if (ngx_er_diagnosis_hide(ctx, json->pool, &finding[i].text) != NGX_OK
            || ngx_er_event_attribute(json->pool, &finding[i].text,
                                      finding[i].text.len * 3, &text)
               != NGX_OK)
        {
            json->failed = 1;
            return;
        }

        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_word(json, "what", finding[i].what);
        ngx_er_json_text(json, "text", &text, 0);
        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}


/* a URL in a sentence has arguments: those that the source hides go out */

static ngx_int_t
ngx_er_diagnosis_hide(ngx_er_receive_t *ctx, ngx_pool_t *pool,
    ngx_str_t *text)
{
    size_t      done;
    u_char     *p, *start;
    ngx_str_t   uri, hidden;

    uri = ctx->message.path_query;

    if (ctx->source->redact == NULL) {
        return NGX_OK;
    }

    if (ngx_er_redact_uri(ctx->source->redact, pool, &uri, &hidden) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (hidden.data == uri.data && hidden.len == uri.len) {
        return NGX_OK;
    }

    for (done = 0; /* void */ ; done = p - start + hidden.len) {
        p = memmem(text->data + done, text->len - done, uri.data, uri.len);

        if (p == NULL) {
            return NGX_OK;
        }

        done = p - text->data;

        start = ngx_pnalloc(pool, text->len + hidden.len);
        if (start == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(start, text->data, done);
        ngx_memcpy(ngx_cpymem(p, hidden.data, hidden.len),
                   text->data + done + uri.len, text->len - done - uri.len);

        text->data = start;
        text->len += hidden.len;
        text->len -= uri.len;
    }
}


static ngx_int_t
ngx_er_diagnosis_others(ngx_er_receive_t *ctx, ngx_er_doctor_t *doctor)
{
    ngx_uint_t                i;
    ngx_er_source_t         **s;
    ngx_er_main_conf_t       *mcf;
    ngx_er_doctor_source_t   *other;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    other = ngx_palloc(doctor->pool, mcf->sources.nelts
                                     * sizeof(ngx_er_doctor_source_t));
    if (other == NULL) {
        return NGX_ERROR;
    }

    doctor->others = other;
    s = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        /* one of the router's own has no verifier */

        if (s[i] == ctx->source || s[i]->verify == NULL) {
            continue;
        }

        other[doctor->nothers].name = s[i]->name;
        other[doctor->nothers].verify = s[i]->verify;
        doctor->nothers++;
    }

    return NGX_OK;
}
