#
# Copyright (C) Event Router contributors
#
#
# awk -f embed.awk SCRIPT.lua ...
#
# The scripts for Redis as a C file: one ngx_str_t each, ngx_er_lua_SCRIPT, for
# store/redis/command.c.  With -v text=1 the texts themselves.
#
#     --#include lib/NAME.lua     the file, relative to the script's folder, if
#                                 the script does not have it yet
#     local NAME = 1              a name in capitals is a constant, a number or
#                                 a string: its value stands wherever the name
#                                 does, since in Lua a name costs a register, a
#                                 slot in each closure, and time
#
# Comments, empty lines and indentation go.  Long brackets are not understood,
# and refused.

BEGIN {
    if (!text) {
        print "\n/* made by store/redis/embed.awk; do not edit */\n\n"
        print "#include <ngx_config.h>"
        print "#include <ngx_core.h>"
    }

    for (n = 1; n < ARGC; n++) {
        if (ARGV[n] !~ /=/) {
            script(ARGV[n])
        }
    }

    exit 0
}


function script(file,    name, folder)
{
    name = file
    sub(/^.*\//, "", name)
    folder = substr(file, 1, length(file) - length(name))
    sub(/\.lua$/, "", name)

    split("", have)
    split("", constant)

    if (!text) {
        print "\n\nngx_str_t  ngx_er_lua_" name " = ngx_string("
    }

    read(file, folder)

    if (!text) {
        print ");"
    }
}


function read(file, folder,    line, number, got, path)
{
    have[file] = 1

    while ((got = (getline line < file)) > 0) {
        number++
        place = file ":" number ": "

        if (line ~ /[^ -~]/) {
            fail("a tab, or a byte beyond ASCII")
        }

        if (line ~ /^ *--#/) {
            path = line

            if (!sub(/^ *--#include +/, "", path) || path !~ /^[a-z_\/]+\.lua$/) {
                fail("--#include FILE.lua")
            }

            path = folder path

            if (!(path in have)) {
                read(path, folder)
            }

            continue
        }

        line = strip(line)

        if (line ~ /^local [A-Z][A-Z0-9_]* = ([0-9]+|'[^'\\]*')$/) {
            path = line
            sub(/^local /, "", path)
            sub(/ = .*$/, "", path)

            sub(/^[^=]*= /, "", line)
            constant[path] = line

        } else if (line ~ /^local [0-9']/) {
            fail("a constant is there already")

        } else if (line != "") {
            put(line)
        }
    }

    close(file)

    if (got < 0) {
        print file ": cannot be read" > "/dev/stderr"
        exit 1
    }
}


# no comment, no blanks that mean nothing, no names of constants

function strip(line,    out, quote, word)
{
    out = ""

    while (line != "") {

        if (line ~ /^\[=*\[/ || line ~ /^--\[=*\[/) {
            fail("long brackets")
        }

        if (line ~ /^--/) {
            break
        }

        if (line ~ /^["']/) {
            quote = substr(line, 1, 1)

            if (!match(line, quote == "'" ? "^'([^'\\\\]|\\\\.)*'" \
                                          : "^\"([^\"\\\\]|\\\\.)*\""))
            {
                fail("the string does not end")
            }

            out = out substr(line, 1, RLENGTH)

        } else if (match(line, /^[A-Za-z_][A-Za-z0-9_]*/)) {
            word = substr(line, 1, RLENGTH)

            if (word in constant && out !~ /(^|[^.])[.:]$/) {
                out = out constant[word]

            } else {
                out = out word
            }

        } else if (match(line, /^[0-9][0-9A-Za-z.]*/)) {
            out = out substr(line, 1, RLENGTH)

        } else if (match(line, /^ +/)) {
            if (out != "") {
                out = out " "
            }

        } else {
            RLENGTH = 1
            out = out substr(line, 1, 1)
        }

        line = substr(line, RLENGTH + 1)
    }

    sub(/ $/, "", out)

    return out
}


function put(line,    out, i, c)
{
    if (text) {
        print line
        return
    }

    out = ""

    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        out = out (c == "\\" || c == "\"" ? "\\" c : c)
    }

    print "    \"" out "\\n\""
}


function fail(what)
{
    print place what > "/dev/stderr"
    exit 1
}
