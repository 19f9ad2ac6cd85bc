
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Charsets: in which ones a body can be read.  The scanners look for quotes,
 * braces, backslashes, ampersands and the names of fields, which are ASCII;
 * what stands between them goes on as it came, and if it is not UTF-8 no VALUE
 * of a rule is met.  So any charset will do in which a byte below 0x80 is that
 * character of ASCII wherever it stands: UTF-8, the charsets of one byte that
 * begin with ASCII, and EUC.
 *
 * In the others a body says something else than it seems to: in Shift_JIS, GBK
 * and Big5 a backslash can be the second half of a character, in UTF-7 and
 * ISO-2022 letters spell other ones, UTF-16 and EBCDIC have no ASCII at all.
 * What is not in the table is refused: a guess would be a guess about where a
 * string ends.
 *
 * parse.c asks once a request that names a charset.  Nothing fails.
 */


#include "charset.h"


static ngx_uint_t ngx_er_charset_is(ngx_str_t *name, const char *pattern);


/*
 * "?" is a digit, "#" one or two.  Names and aliases of IANA's registry
 * (https://www.iana.org/assignments/character-sets) and of the Encoding
 * Standard (https://encoding.spec.whatwg.org/#names-and-labels), but "gb2312",
 * which is GBK where it is met.
 */

static const char  *ngx_er_charset_names[] = {
    "utf-8", "utf8", "unicode-1-1-utf-8",
    "us-ascii", "ascii", "iso646-us", "iso_646.irv:1991", "ansi_x3.4-1968",
    "iso-8859-#", "iso8859-#", "iso_8859-#", "iso8859#", "iso-8859-6-e",
    "iso-8859-6-i", "iso-8859-8-e", "iso-8859-8-i", "latin#", "l?",
    "windows-125?", "cp125?", "x-cp125?", "windows-874", "tis-620",
    "koi8-r", "koi8-u", "koi8-ru", "koi8-t", "koi8",
    "ibm437", "cp437", "ibm85?", "cp85?", "ibm866", "cp866",
    "macintosh", "mac", "x-mac-roman", "x-mac-cyrillic", "x-mac-ukrainian",
    "euc-jp", "euc-kr",
    NULL
};


ngx_uint_t
ngx_er_charset_readable(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_er_charset_names[i]; i++) {
        if (ngx_er_charset_is(name, ngx_er_charset_names[i])) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_charset_is(ngx_str_t *name, const char *pattern)
{
    u_char  *p, *last;

    p = name->data;
    last = p + name->len;

    for ( /* void */ ; *pattern; pattern++) {

        if (p == last) {
            return 0;
        }

        if (*pattern == '#' || *pattern == '?') {

            if (!isdigit(*p)) {
                return 0;
            }

            p++;

            if (*pattern == '#' && p < last && isdigit(*p)) {
                p++;
            }

            continue;
        }

        if (ngx_tolower(*p) != (u_char) *pattern) {
            return 0;
        }

        p++;
    }

    return p == last;
}
