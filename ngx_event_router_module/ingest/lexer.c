
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The rare letters of JSON: escapes, UTF-8, numbers and errors.  Called by
 * scan.c (and for UTF-8 by form.c) on untrusted bytes; pure, allocates
 * nothing, reads nothing at or behind the end of the body.  A string that
 * passed here without a mark is valid UTF-8 when decoded; one with overlong
 * forms, surrogates (also escaped ones that are not a pair) or what is above
 * U+10FFFF is marked as unreadable, and so is every other oddity that one
 * reader of JSON takes and another does not: it is not for us to refuse what
 * no rule asks for.
 */


#include "lexer.h"


static u_char *ngx_er_lexer_escape(ngx_er_lexer_t *lx, u_char *p);
static ngx_uint_t ngx_er_lexer_low(u_char *p, u_char *end, uint32_t *low);
static u_char *ngx_er_lexer_unicode(ngx_er_lexer_t *lx, u_char *p);
static uint32_t ngx_er_lexer_hex4(u_char *p);
static u_char *ngx_er_lexer_digits(ngx_er_lexer_t *lx, u_char *p);
static ngx_uint_t ngx_er_lexer_overflows(u_char *p, u_char *last);
static int64_t ngx_er_lexer_exponent(u_char *p, u_char *last);
static ngx_uint_t ngx_er_lexer_infinite(u_char *p, u_char *last);
static u_char *ngx_er_lexer_encode(u_char *dst, uint32_t code);


/*
 * The least number that rounds to infinity: 2^1024 - 2^970, half a unit in the
 * last place above the greatest binary64.
 */

static const char  ngx_er_lexer_infinity[] =
    "17976931348623158079372897140530341507993413271003782693617377898044"
    "49682927647509466490179775872070963302864166928879109465555478519404"
    "02630657488671505820681908902000708383676273854845817711531764475730"
    "27006985557136695962284291481986083493647529271907416844436551070434"
    "2711559699508093042880177904174497792";


u_char *
ngx_er_lexer_fail(ngx_er_lexer_t *lx, ngx_er_scan_error_e error, u_char *at)
{
    lx->error = error;
    lx->at = at;

    return NULL;
}


u_char *
ngx_er_lexer_unexpected(ngx_er_lexer_t *lx, u_char *p)
{
    if (p < lx->end && *p == '\0') {
        return ngx_er_lexer_fail(lx, NGX_ER_SCAN_NUL, p);
    }

    if (p < lx->end && *p >= 0x80 && ngx_er_utf8(p, lx->end) == NULL) {
        return ngx_er_lexer_fail(lx, NGX_ER_SCAN_UTF8, p);
    }

    return ngx_er_lexer_fail(lx, NGX_ER_SCAN_SYNTAX, p);
}


void
ngx_er_lexer_odd(ngx_er_lexer_t *lx, ngx_er_scan_error_e error, u_char *at)
{
    if (lx->odd == NULL) {
        lx->odd = at;
        lx->oddity = error;
    }
}


size_t
ngx_er_lexer_bom(ngx_str_t *body)
{
    u_char  *p;

    p = body->data;

    return (body->len >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
           ? 3 : 0;
}


void
ngx_er_lexer_trim(ngx_str_t *text)
{
    size_t   bom;
    u_char  *p, *last;

    bom = ngx_er_lexer_bom(text);

    p = text->data + bom;
    last = text->data + text->len;

    while (p < last && (*p == ' ' || *p == '\t' || *p == LF || *p == CR)) {
        p++;
    }

    while (last > p && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == LF
                        || last[-1] == CR))
    {
        last--;
    }

    text->data = p;
    text->len = last - p;
}


ngx_er_scan_error_e
ngx_er_lexer_encoding(ngx_str_t *body)
{
    u_char  *p;

    p = body->data;

    /* UTF-16 in either order, with or without its mark */

    if (body->len >= 2
        && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
    {
        return NGX_ER_SCAN_UTF8;
    }

    if (body->len >= 4
        && ((p[0] && !p[1] && p[2] && !p[3])
            || (!p[0] && p[1] && !p[2] && p[3])))
    {
        return NGX_ER_SCAN_UTF8;
    }

    return NGX_ER_SCAN_OK;
}


#if (__SSE2__)

uint64_t
ngx_er_lexer_rest(u_char *p, u_char *end)
{
    u_char  rest[NGX_ER_LEXER_WINDOW];

    ngx_memset(rest, '"', NGX_ER_LEXER_WINDOW);
    ngx_memcpy(rest, p, end - p);

    return ngx_er_lexer_special64(rest);
}

#endif


u_char *
ngx_er_lexer_special(ngx_er_lexer_t *lx, u_char *p)
{
    u_char  *q;

    if (p == lx->end || *p < 0x20) {
        return ngx_er_lexer_unexpected(lx, p);
    }

    if (*p == '\\') {
        return ngx_er_lexer_escape(lx, p);
    }

    /* few characters that are not ASCII come alone */

    while (p < lx->end && *p >= 0x80) {
        q = ngx_er_utf8(p, lx->end);

        if (q == NULL) {
            lx->marks |= NGX_ER_LEXER_UNREADABLE;
            ngx_er_lexer_odd(lx, NGX_ER_SCAN_UTF8, p);

            q = p + 1;
        }

        p = q;
    }

    return p;
}


static u_char *
ngx_er_lexer_escape(ngx_er_lexer_t *lx, u_char *p)
{
    u_char    *q;
    uint32_t   code, low;

    lx->marks |= NGX_ER_LEXER_ESCAPED;

    if (lx->end - p < 2) {
        return ngx_er_lexer_fail(lx, NGX_ER_SCAN_SYNTAX, lx->end);
    }

    switch (p[1]) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;

    case 'u':
        break;

    default:
        return ngx_er_lexer_unexpected(lx, p + 1);
    }

    q = ngx_er_lexer_unicode(lx, p + 2);
    if (q == NULL) {
        return NULL;
    }

    code = ngx_er_lexer_hex4(p + 2);

    if (code == 0 && (lx->marks & NGX_ER_LEXER_NUL) == 0) {
        lx->marks |= NGX_ER_LEXER_NUL;
        lx->nul = p;
    }

    if (code < 0xd800 || code > 0xdfff) {
        return q;
    }

    /* the first half of a pair, and nothing else, stands before the second */

    if (code <= 0xdbff && ngx_er_lexer_low(q, lx->end, &low)) {
        return q + 6;
    }

    lx->marks |= NGX_ER_LEXER_UNREADABLE;
    ngx_er_lexer_odd(lx, NGX_ER_SCAN_UTF8, p);

    return q;
}


/* whether the second half of a pair stands here */

static ngx_uint_t
ngx_er_lexer_low(u_char *p, u_char *end, uint32_t *low)
{
    ngx_uint_t  i;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return 0;
    }

    for (i = 2; i < 6; i++) {
        if (!isxdigit(p[i])) {
            return 0;
        }
    }

    *low = ngx_er_lexer_hex4(p + 2);

    return *low >= 0xdc00 && *low <= 0xdfff;
}


/* four hexadecimal digits */

static u_char *
ngx_er_lexer_unicode(ngx_er_lexer_t *lx, u_char *p)
{
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        if (p + i == lx->end || !isxdigit(p[i])) {
            return ngx_er_lexer_unexpected(lx, p + i);
        }
    }

    return p + 4;
}


static uint32_t
ngx_er_lexer_hex4(u_char *p)
{
    u_char      c;
    uint32_t    code;
    ngx_uint_t  i;

    for (code = 0, i = 0; i < 4; i++) {
        c = p[i];
        c = (c <= '9') ? c - '0' : (c | 0x20) - 'a' + 10;
        code = code << 4 | c;
    }

    return code;
}


u_char *
ngx_er_lexer_literal(ngx_er_lexer_t *lx, u_char *p)
{
    const char  *word;

    word = (*p == 't') ? "true" : (*p == 'f') ? "false" : "null";

    for ( /* void */ ; *word; word++, p++) {
        if (p == lx->end || *p != (u_char) *word) {
            return ngx_er_lexer_unexpected(lx, p);
        }
    }

    return p;
}


u_char *
ngx_er_lexer_number(ngx_er_lexer_t *lx, u_char *p, size_t max)
{
    size_t       ndigits;
    u_char      *start, *end, *digits;
    ngx_uint_t   integer;

    end = lx->end;
    start = p;
    integer = 1;

    p += (*p == '-');
    digits = p;

    p = ngx_er_lexer_digits(lx, p);
    if (p == NULL) {
        return NULL;
    }

    ndigits = p - digits;

    if (*digits == '0' && ndigits > 1) {
        return ngx_er_lexer_unexpected(lx, digits + 1);
    }

    if (p < end && *p == '.') {
        integer = 0;

        p = ngx_er_lexer_digits(lx, p + 1);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p < end && (*p | 0x20) == 'e') {
        integer = 0;
        p++;
        p += (p < end && (*p == '+' || *p == '-'));

        p = ngx_er_lexer_digits(lx, p);
        if (p == NULL) {
            return NULL;
        }
    }

    if ((size_t) (p - start) > max) {
        return ngx_er_lexer_fail(lx, NGX_ER_SCAN_NUMBER, start);
    }

    /* a rule compares decimals, it can read such a number */

    if (integer ? ndigits > NGX_ER_LEXER_DIGITS
                : ngx_er_lexer_overflows(start, p))
    {
        ngx_er_lexer_odd(lx, NGX_ER_SCAN_NUMBER, start);
    }

    return p;
}


/* one at least */

static u_char *
ngx_er_lexer_digits(ngx_er_lexer_t *lx, u_char *p)
{
    u_char  *start;

    for (start = p; p < lx->end && *p >= '0' && *p <= '9'; p++) {
        /* void */
    }

    return (p > start) ? p : ngx_er_lexer_unexpected(lx, p);
}


/*
 * Whether a number is beyond binary64's range, exactly: it has as many digits
 * before the point as the bound, or more, and is not less, digit by digit.
 */

static ngx_uint_t
ngx_er_lexer_overflows(u_char *p, u_char *last)
{
    u_char      *first, *e;
    int64_t      whole;
    ngx_uint_t   dot;

    static const int64_t  bound = sizeof(ngx_er_lexer_infinity) - 1;

    for (e = p; e < last && (*e | 0x20) != 'e'; e++) { /* void */ }

    if (e == last && last - p < bound) {
        return 0;
    }

    /* "whole" becomes the number of digits before the point, without "e" */

    first = NULL;
    whole = 0;
    dot = 0;

    for ( /* void */ ; p < e; p++) {

        if (*p == '.') {
            dot = 1;

        } else if (*p >= '0' && *p <= '9') {

            if (first == NULL && *p != '0') {
                first = p;
            }

            whole += (first != NULL && !dot);
            whole -= (first == NULL && dot);
        }
    }

    if (first == NULL) {
        return 0;
    }

    whole += ngx_er_lexer_exponent(e, last);

    return (whole == bound) ? ngx_er_lexer_infinite(first, e) : whole > bound;
}


/* of "e-12"; it need not be exact where it is out of all proportion */

static int64_t
ngx_er_lexer_exponent(u_char *p, u_char *last)
{
    int64_t     exponent;
    ngx_uint_t  minus;

    exponent = 0;
    minus = 0;

    for ( /* void */ ; p < last; p++) {
        minus |= (*p == '-');

        if (*p >= '0' && *p <= '9' && exponent < NGX_MAX_INT32_VALUE) {
            exponent = exponent * 10 + (*p - '0');
        }
    }

    return minus ? -exponent : exponent;
}


/* whether digits, from the first that counts on, are not below the bound */

static ngx_uint_t
ngx_er_lexer_infinite(u_char *p, u_char *last)
{
    u_char       c;
    const char  *bound;

    for (bound = ngx_er_lexer_infinity; *bound; p++) {

        if (p < last && *p == '.') {
            continue;
        }

        c = (p < last) ? *p : '0';

        if (c != (u_char) *bound) {
            return c > (u_char) *bound;
        }

        bound++;
    }

    return 1;
}


u_char *
ngx_er_lexer_decode(u_char *dst, u_char *src, size_t len)
{
    u_char    *last;
    uint32_t   code, low;

    last = src + len;

    while (src < last) {

        if (*src != '\\') {
            *dst++ = *src++;
            continue;
        }

        src += 2;

        switch (src[-1]) {

        case 'b':
            *dst++ = '\b';
            continue;

        case 'f':
            *dst++ = '\f';
            continue;

        case 'n':
            *dst++ = '\n';
            continue;

        case 'r':
            *dst++ = '\r';
            continue;

        case 't':
            *dst++ = '\t';
            continue;

        case 'u':
            break;

        default:
            *dst++ = src[-1];
            continue;
        }

        code = ngx_er_lexer_hex4(src);
        src += 4;

        if (code >= 0xd800 && code <= 0xdbff
            && ngx_er_lexer_low(src, last, &low))
        {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            src += 6;
        }

        dst = ngx_er_lexer_encode(dst, code);
    }

    return dst;
}


/* a character as UTF-8 */

static u_char *
ngx_er_lexer_encode(u_char *dst, uint32_t code)
{
    if (code < 0x80) {
        *dst++ = (u_char) code;
        return dst;
    }

    if (code < 0x800) {
        *dst++ = (u_char) (0xc0 | code >> 6);

    } else if (code < 0x10000) {
        *dst++ = (u_char) (0xe0 | code >> 12);
        *dst++ = (u_char) (0x80 | (code >> 6 & 0x3f));

    } else {
        *dst++ = (u_char) (0xf0 | code >> 18);
        *dst++ = (u_char) (0x80 | (code >> 12 & 0x3f));
        *dst++ = (u_char) (0x80 | (code >> 6 & 0x3f));
    }

    *dst++ = (u_char) (0x80 | (code & 0x3f));

    return dst;
}
