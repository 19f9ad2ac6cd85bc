
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Guesses about the message: what has become of it on its way.  A newline at
 * its end comes and goes, gzip, a proxy that reads JSON and writes it anew, a
 * terminator of TLS that tells another URL.  Each looks for one of these.
 *
 * doctor.c calls them one after the other.  A body is put into a buffer of
 * the guesses' pool, one for all spellings.  What may fail is memory: then
 * nothing is found.
 */


#include "guess_message.h"
#include "coding.h"
#include "reencode.h"


#define NGX_ER_GUESS_BODY    (256 * 1024)  /* bytes that are re-encoded */
#define NGX_ER_GUESS_GUNZIP  (1024 * 1024)
#define NGX_ER_GUESS_HOSTS   4


static ngx_uint_t ngx_er_guess_message_hosts(ngx_er_guess_t *guess,
    ngx_str_t *host);
static ngx_uint_t ngx_er_guess_message_paths(ngx_er_guess_t *guess,
    const char *scheme, ngx_str_t *host, const char *port);
static void ngx_er_guess_message_reencoded(ngx_er_guess_t *guess);
static ngx_uint_t ngx_er_guess_message_spelling(ngx_er_guess_t *guess,
    ngx_er_reencode_t *how, ngx_str_t *out);
static ngx_uint_t ngx_er_guess_message_with(ngx_er_guess_t *guess,
    u_char *data, size_t len);
static void ngx_er_guess_message_found(ngx_er_guess_t *guess, ngx_str_t *base,
    const char *slash, ngx_uint_t bare);


void
ngx_er_guess_message_lines(ngx_er_guess_t *guess)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *body;

    body = &guess->doctor->message->body;

    for (len = body->len; len && (body->data[len - 1] == LF
                                  || body->data[len - 1] == CR);
         len--)
    {
        /* void */
    }

    if (len < body->len && ngx_er_guess_message_with(guess, body->data, len)) {
        ngx_er_guess_say(guess, "newline", "the body was signed without the "
                         "newline at its end: whoever sends it, or a proxy, "
                         "adds one (of curl take --data-binary)");
        return;
    }

    p = ngx_pnalloc(guess->pool, body->len + 2);
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, body->data, len);
    p[len] = LF;

    if (ngx_er_guess_message_with(guess, p, len + 1)) {
        ngx_er_guess_say(guess, "newline", "the body was signed with a "
                         "newline at its end, which has got lost: whoever "
                         "sends it, or a proxy, takes it off (of curl take "
                         "--data-binary)");
        return;
    }

    p[len] = CR;
    p[len + 1] = LF;

    if (ngx_er_guess_message_with(guess, p, len + 2)) {
        ngx_er_guess_say(guess, "newline", "the body was signed with a "
                         "newline as Windows has it at its end, which has "
                         "got lost");
        return;
    }

    if (body->len > 3 && ngx_memcmp(body->data, "\xef\xbb\xbf", 3) == 0
        && ngx_er_guess_message_with(guess, body->data + 3, body->len - 3))
    {
        ngx_er_guess_say(guess, "bom", "the body was signed without the byte "
                         "order mark at its beginning");
    }
}


void
ngx_er_guess_message_packed(ngx_er_guess_t *guess)
{
    ngx_er_unpack_t  unpack;

    ngx_memzero(&unpack, sizeof(ngx_er_unpack_t));
    unpack.pool = guess->pool;
    unpack.max = NGX_ER_GUESS_GUNZIP;

    if (ngx_er_coding_unpack(&unpack, NGX_ER_CODING_GZIP,
                             &guess->doctor->message->body)
        == NGX_OK
        && ngx_er_guess_message_with(guess, unpack.bytes.data,
                                     unpack.bytes.len))
    {
        ngx_er_guess_say(guess, "gzip", "the body was signed before it was "
                         "packed by gzip, and nothing says that it is: "
                         "whoever packs it, its sender or a proxy, must send "
                         "the header \"Content-Encoding: gzip\" with it, or "
                         "send it as it is");
    }
}


/* scheme, host, port, a slash at the end */

void
ngx_er_guess_message_url(ngx_er_guess_t *guess)
{
    u_char           *p, *last;
    ngx_str_t         host, *url;
    ngx_uint_t        i, n;
    ngx_er_header_t  *h;
    ngx_er_verify_t  *v;

    v = guess->doctor->verify;
    url = &guess->doctor->message->url;

    if (!ngx_er_verify_uses(v, NGX_ER_REF_URL)
        && !ngx_er_verify_uses(v, NGX_ER_REF_DECODED_URL)
        && !ngx_er_verify_uses(v, NGX_ER_REF_PATH_QUERY))
    {
        return;
    }

    p = ngx_strnstr(url->data, "://", url->len);
    last = url->data + url->len;

    if (p == NULL) {
        return;
    }

    host.data = p + 3;

    for (p = host.data; p < last && *p != '/' && *p != '?'; p++) { /* void */ }

    host.len = p - host.data;

    if (ngx_er_guess_message_hosts(guess, &host)) {
        return;
    }

    h = guess->doctor->message->headers;

    for (i = 0, n = 0; i < guess->doctor->message->nheaders
                       && n < NGX_ER_GUESS_HOSTS; i++)
    {
        if ((h[i].name.len == 4
             && ngx_strncasecmp(h[i].name.data, (u_char *) "host", 4) == 0)
            || (h[i].name.len == 16
                && ngx_strncasecmp(h[i].name.data,
                                   (u_char *) "x-forwarded-host", 16)
                   == 0))
        {
            n++;

            if (ngx_er_guess_message_hosts(guess, &h[i].value)) {
                return;
            }
        }
    }
}


static ngx_uint_t
ngx_er_guess_message_hosts(ngx_er_guess_t *guess, ngx_str_t *host)
{
    u_char      *colon;
    ngx_str_t    bare;
    ngx_uint_t   i;

    static const char  *ports[] = { "", ":443", ":80", ":8443", ":8080" };

    bare = *host;
    colon = ngx_strlchr(host->data, host->data + host->len, ':');

    if (colon && *host->data != '[') {

        if (ngx_er_guess_message_paths(guess, "https://", host, "")
            || ngx_er_guess_message_paths(guess, "http://", host, ""))
        {
            return 1;
        }

        bare.len = colon - host->data;
    }

    for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (ngx_er_guess_message_paths(guess, "https://", &bare, ports[i])
            || ngx_er_guess_message_paths(guess, "http://", &bare, ports[i]))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_guess_message_paths(ngx_er_guess_t *guess, const char *scheme,
    ngx_str_t *host, const char *port)
{
    u_char            *p, *start;
    ngx_str_t          path, args, *uri;
    ngx_uint_t         i, slash;
    ngx_er_message_t   m;

    uri = &guess->doctor->message->path_query;

    p = ngx_pnalloc(guess->pool, ngx_strlen(scheme) + host->len
                                 + ngx_strlen(port) + uri->len + 2);
    if (p == NULL) {
        return 0;
    }

    path = *uri;
    args.data = ngx_strlchr(uri->data, uri->data + uri->len, '?');
    args.len = 0;

    if (args.data) {
        path.len = args.data - uri->data;
        args.len = uri->len - path.len;
    }

    slash = (path.len && path.data[path.len - 1] == '/');
    m = *guess->doctor->message;
    m.url.data = p;

    p = ngx_cpymem(p, scheme, ngx_strlen(scheme));
    p = ngx_cpymem(p, host->data, host->len);
    p = ngx_cpymem(p, port, ngx_strlen(port));
    start = p;

    /* as it is, with or without the slash, and each without arguments */

    for (i = 0; i < 4; i++) {
        p = ngx_cpymem(start, path.data, path.len - ((i & 1) && slash));

        if ((i & 1) && !slash) {
            *p++ = '/';
        }

        if (i < 2 && args.len) {
            p = ngx_cpymem(p, args.data, args.len);
        }

        m.url.len = p - m.url.data;
        m.path_query.data = start;
        m.path_query.len = p - start;

        if (ngx_er_guess_fits(guess, guess->doctor->verify, &m)) {
            m.url.len = start - m.url.data;

            ngx_er_guess_message_found(guess, &m.url,
                                       !(i & 1) ? "" : slash ? "without"
                                                             : "with a",
                                       i > 1 && args.len);
            return 1;
        }
    }

    return 0;
}


void
ngx_er_guess_message_body(ngx_er_guess_t *guess)
{
    ngx_er_verify_t  *v;

    v = guess->doctor->verify;

    if (ngx_er_guess_sealed(v)
        && (ngx_er_verify_uses(v, NGX_ER_REF_BODY)
            || ngx_er_verify_uses(v, NGX_ER_REF_BODY_SHA256)
            || v->body_digest.when != NGX_ER_BODY_DIGEST_NONE))
    {
        ngx_er_guess_message_reencoded(guess);
    }
}


static void
ngx_er_guess_message_reencoded(ngx_er_guess_t *guess)
{
    size_t              size;
    ngx_str_t           out;
    ngx_er_doctor_t    *d;
    ngx_er_reencode_t   how;

    d = guess->doctor;

    if (d->message->body.len > NGX_ER_GUESS_BODY) {
        return;
    }

    size = 2 * d->message->body.len + 4096;

    out.data = ngx_pnalloc(guess->pool, size);
    if (out.data == NULL) {
        return;
    }

    for (how.spelling = 0; how.spelling < NGX_ER_REENCODE_SPELLINGS;
         how.spelling++)
    {
        for (how.sorted = 0; how.sorted < 2; how.sorted++) {

            for (how.layout = 0; how.layout < NGX_ER_REENCODE_LAYOUTS;
                 how.layout++)
            {
                out.len = size - 1;

                if (d->spent
                    || ngx_er_guess_message_spelling(guess, &how, &out))
                {
                    return;
                }
            }
        }
    }
}


/* 1: it was that */

static ngx_uint_t
ngx_er_guess_message_spelling(ngx_er_guess_t *guess, ngx_er_reencode_t *how,
    ngx_str_t *out)
{
    static const char  *layouts[] = {
        "without blanks", "with blanks behind commas and colons",
        "a line each, indented by two", "a line each, indented by four"
    };

    static const char  *spellings[] = {
        "", ", with escapes for what is not ASCII", ", with \"\\/\" for \"/\"",
        ", with escapes for what is not ASCII and \"\\/\" for \"/\"",
        ", with escapes for <, > and &",
        ", with numbers without zeros at their end"
    };

    if (ngx_er_reencode(how, guess->pool, &guess->doctor->message->body, out)
        != NGX_OK)
    {
        return 0;
    }

    if (!ngx_er_guess_message_with(guess, out->data, out->len)) {
        out->data[out->len++] = LF;

        if (!ngx_er_guess_message_with(guess, out->data, out->len)) {
            return 0;
        }
    }

    ngx_er_guess_say(guess, "reencoded", "the body was signed in another "
                     "spelling (%s%s%s): something in between, a proxy, a "
                     "gateway or a function, reads the JSON and writes it "
                     "anew; let it pass on the bytes as they came",
                     layouts[how->layout], how->sorted ? ", keys sorted" : "",
                     spellings[how->spelling]);
    return 1;
}


static ngx_uint_t
ngx_er_guess_message_with(ngx_er_guess_t *guess, u_char *data, size_t len)
{
    ngx_er_message_t  m;

    m = *guess->doctor->message;
    m.body.data = data;
    m.body.len = len;
    ngx_str_null(&m.sent);

    return ngx_er_guess_fits(guess, guess->doctor->verify, &m);
}


static void
ngx_er_guess_message_found(ngx_er_guess_t *guess, ngx_str_t *base,
    const char *slash, ngx_uint_t bare)
{
    ngx_er_guess_say(guess, "url", "the producer signs another URL, that of "
                     "%V%s%s%s%s: write \"public_url %V$request_uri;\", or "
                     "enter the URL anew at the producer", base,
                     *slash ? ", " : "", slash,
                     *slash ? " slash at the end of its path" : "",
                     bare ? ", without arguments" : "", base);
}
