#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The charset of a content type: those in which each byte of ASCII is that
# character are taken, for JSON as for forms, and their bytes are delivered as
# they came; others are answered with a 415 that says that it is the charset,
# since a quote in them can be half of a character.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $FORM = 'application/x-www-form-urlencoded';

my @TAKEN = ('utf-8', 'UTF8', 'us-ascii', 'ASCII', 'iso-8859-1', 'ISO-8859-15',
    'iso8859-2', 'ISO_8859-5', 'ISO-8859-8-I', 'latin1', 'Latin10',
    (map { "windows-125$_" } 0 .. 8), 'Windows-1252', 'CP1251', 'x-cp1252',
    'windows-874', 'TIS-620', 'koi8-r', 'KOI8-U', 'cp866', 'IBM850',
    'macintosh', 'x-mac-cyrillic', 'EUC-JP', 'euc-kr');

my @REFUSED = ('utf-16', 'UTF-16LE', 'utf-16be', 'utf-32', 'UTF-32BE', 'ucs-2',
    'iso-10646-ucs-2', 'utf-7', 'UTF-7-IMAP', 'cp037', 'IBM037', 'ibm1047',
    'ebcdic-us', 'x-ebcdic', 'shift_jis', 'Shift-JIS', 'sjis', 'windows-31j',
    'cp932', 'ms_kanji', 'gbk', 'GB2312', 'gb18030', 'cp936', 'hz-gb-2312',
    'big5', 'Big5-HKSCS', 'cp950', 'johab', 'iso-2022-jp', 'iso-2022-kr',
    'cp949', 'scsu', 'bocu-1', 'iso-8859-', 'iso-8859-1x', 'iso-8859-100',
    'windows-125', 'windows-12', 'windows-12521', 'windows-125x', 'koi8-',
    'koi7', 'utf', 'utf-88', 'xutf-8', 'binary', '', '*');

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->config(<<"EOC");

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 8; }

    event_source texts { verify off; accept application/json $FORM;
                         dedup off; }
    event_source cloud { verify off; dedup off; }

    event_route every  { from *; to erp; }
    event_route ok     { from *; when data.ok = 1; to erp; }
    event_route rene   { from *; when data.name like 'Ren*'; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /texts   { event_receive texts; }
        location = /cloud   { event_receive cloud; }
        location = /explain { event_explain texts; }
        location = /erp     { event_deliver erp; proxy_pass http://erp; }
    }
EOC

$t->run;

for my $charset (@TAKEN) {
    is(sent('application/json', $charset, qq({"ok":1,"name":"Ren\xe9"})),
        'every ok', "$charset: JSON");
    is(sent($FORM, $charset, 'ok=1&name=Ren%E9'), 'every ok',
        "$charset: a form");
}

for my $charset (@REFUSED) {
    for my $type ('application/json', $FORM) {
        is(sent($type, $charset, '{"ok":1}'), 'the charset',
            qq("$charset": $type is refused));
    }
}

is(sent('application/json', '"windows-1252"', '{"ok":1}'), 'every ok',
    'in quotes');
is(sent('application/json', 'windows-1252; charset=WINDOWS-1252', '{}'),
    'every', 'twice the same');
is(sent('application/json', 'windows-1252; charset=utf-8', '{}'),
    'two charsets', 'two charsets');
is(sent('application/json', '"windows-1252', '{}'), 'cannot be read',
    'a quote that does not end');
is(sent('text/xml', 'windows-1252', '{}'), 'the content type', 'a type');

# a CloudEvent in headers, and one that is the body

is(sent('application/cloudevents+json', 'windows-1252',
        qq({"specversion":"1.0","id":"\xe9","source":"/s","type":"t",)
        . '"data":{"ok":1}}', 'cloud'), 'every ok', 'a CloudEvent');

my $r = $t->post('/explain', '{}',
    [ 'Content-Type' => 'application/json; charset=gbk' ])->json;

is($r->{refused}{status}, 415, 'explained: 415');
like($r->{refused}{detail} // $r->{refused}{reason}, qr/the charset is not/,
    'explained: why');

my $log = $t->read_file('logs/error.log');

like($log, qr/event from source "texts" rejected: the charset is not accepted/,
    'the log says that it is the charset');
unlike($log, qr/gbk/i, 'but nothing that a producer wrote');

$t->done;


# ---- helpers

# the routes, or what the 415 is about

sub sent {
    my ($type, $charset, $body, $to) = @_;

    $erp->forget;

    my $r = $t->post('/' . ($to // 'texts'), $body,
        [ 'Content-Type' => "$type; charset=$charset" ]);

    if ($r->{status} == 200) {
        my ($got) = $erp->requests;

        return 'other bytes' if $got->{body} ne $body;
        return 'another type' if $got->header('Content-Type')
                                 ne "$type; charset=$charset";
        return join ' ', sort @{ $r->json->{routes} };
    }

    return $r->{status} if $r->{status} != 415 || $erp->count;
    return $1 if $r->json->{detail} =~ /^(the charset) is not accepted here: UTF-8 is, and/;
    return $r->json->{detail} =~ /(two charsets|cannot be read|the content type)/
           ? $1 : $r->{body};
}
