#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about event_history: times, sizes and fields that cannot
# be, and a share that is too large for its store.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();

part('http');

my $takes = 'which takes a time, size=SIZE (64k or more) and index=FIELD';

wrong('without a time', 'event_history;',
    'invalid number of arguments in "event_history" directive');
wrong('twice', "event_history 1d;\nevent_history 2d;  <<<",
    '"event_history" directive is duplicate');

for my $time (qw(soon 7x -1d size=1m index=data.id on)) {
    wrong("time $time", "event_history $time;",
        "invalid time \"$time\" in \"event_history\", $takes");
}

for my $time (qw(0 59s 59999ms 3651d)) {
    wrong("time $time", "event_history $time;",
        "the time \"$time\" of \"event_history\" must be between 1m and 3650d");
}

fine("time $_", "event_history $_;") for qw(1m 60s 24h 7d 3650d);

wrong('size is too small', 'event_history 1d size=63k;', '64k');
wrong('size is no size', 'event_history 1d size=big;', 'size');
wrong('size twice', 'event_history 1d size=1m size=2m;', 'size');
wrong('unknown parameter', 'event_history 1d max=1m;', $takes);
wrong('no parameter', 'event_history 1d data.id;', $takes);

fine('size', 'event_history 1d size=64k;');
fine('size without a queue', 'event_history 1d size=16m;');

wrong('unknown field', 'event_history 1d index=dta.id;', 'dta.id');
wrong('empty field', 'event_history 1d index=;', 'field');
wrong('ids', 'event_history 1d index=id;',
    '"index=id" in "event_history" is not needed: events are found by their '
    . 'ids anyway');
wrong('the whole event', 'event_history 1d index=data;',
    '"index=data" in "event_history" is the whole event: write which field of '
    . 'it, as in "index=data.order.id"');
wrong('a field twice', 'event_history 1d index=data.a index=data.b '
    . 'index=data.a;', '"index=data.a" stands twice in "event_history"');
wrong('a field twice in other words', 'event_history 1d index=data.a '
    . "'index=data.\"a\"';", 'stands twice in "event_history"');
wrong('too many fields', 'event_history 1d '
    . join(' ', map { "index=data.f$_" } 1 .. 9) . ';',
    '"event_history" takes at most 8 index=');

fine('fields', 'event_history 1d index=data.a.b index=header.X-Shop '
    . "index=type index=subject size=1m 'index=data.\"a:b\"' index=data.x[0];");


# ---- its share of a store

wrong('more than a half', "event_history 1d size=9m;\n"
    . 'event_store file:%%TESTDIR%%/store size=16m;',
    '"size" of "event_history" is more than a half of the event_store in '
    . '%%TESTDIR%%/conf/nginx.conf:%%N%%: make "size" larger there, or 8388608 '
    . 'bytes here in');
wrong('the same, the other way round',
    "event_store file:%%TESTDIR%%/store size=1m;\n"
    . 'event_history 1d size=2m;  <<<', 'is more than a half');

fine('a half', 'event_history 1d size=8m;
    event_store file:%%TESTDIR%%/store size=16m;');
fine('nothing said', 'event_history 1d;
    event_store file:%%TESTDIR%%/store size=1m;');
fine('in memory', 'event_history 1d size=2m; event_store memory:1m;');
fine('keys in Redis', 'event_history 1d;
    event_dedup_store redis://127.0.0.1:1;');
fine('Redis without a queue', 'event_history 1d;
    event_store redis://127.0.0.1:1;');
$t->write_file('conf/keys', 'A' x 43 . "=\n");
chmod 0600, "$t->{dir}/conf/keys";
fine('a store that is sealed', 'event_history 1d;
    event_store file:%%TESTDIR%%/sealed size=1m '
    . 'encrypt=file:%%TESTDIR%%/conf/keys;');

# Redis has no size that is known here

my $redis = 'event_store redis://127.0.0.1:1;';
my @queued = (with => { source => 'delivery queued;' });

fine('a queue in Redis', "event_history 1d; $redis", @queued);
fine('with a share', "event_history 1d size=900m; $redis", @queued);
wrong('too small for all shards', "event_history 1d size=255k;\n"
    . 'event_store redis://127.0.0.1:1 shards=4;',
    '"size" of "event_history" is for all 4 shards of the event_store in '
    . '%%TESTDIR%%/conf/nginx.conf:%%N%%, of which each needs 64k: make '
    . '"shards" smaller there, or "size" 256k or more here in',
    @queued);
fine('large enough for them', "event_history 1d size=256k;
    event_store redis://127.0.0.1:1 shards=4;", @queued);
fine('by default, too', "event_history 1d;
    event_store redis://127.0.0.1:1 shards=256;", @queued);
wrong('which is too small', "event_history 1d size=63k; $redis", '64k', @queued);

$t->done;
