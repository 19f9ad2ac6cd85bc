#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Scripts of several items: each has its own answer, what is wrong with one
# harms no other, all of them can be sent twice, and they cost a few commands
# each and a few a call.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;

my $t = scripts();
my ($T1, $T2, $T3) = map { hex16($_) } 0x3001 .. 0x3003;
my $k = 0;


# ---- ACCEPT

my @asked = map { event($_, $T1, $T2) } 1 .. 5;
my @got = accept_events(@asked);

is(join(' ', map { "$_->{code}/$_->{leased}" } @got), '1/11 ' x 4 . '1/11',
    'all are accepted');
is(scalar(keys %{{ map { $_->{seq} => 1 } @got }}), 5, 'as five events');
is("@{[ map { $_->{seq} } @got ]}", "@{[ sort map { $_->{seq} } @got ]}",
    'in their order');
is($redis->command(HGET => key("e:$got[3]{seq}"), 'r'), 'record 4',
    'each with its record');
is($redis->command(ZCARD => key("$_:$T1")), 5, "filed in $_") for qw(a k);
is($redis->command(SCARD => key("h:$H1")), 10, 'and in hand');
is(entries_left(), 10, 'counted');

$_->{same} = 1 for @asked;
is_deeply([ accept_events(@asked) ], \@got, 'sent twice: the same answers');
is(entries_left(), 10, 'and nothing more is there');

# a duplicate, a new one, the same one twice, one that must be known

my @mixed = ({ %{ event(0, $T1) }, key => 'key 1' }, event(6, $T1),
    ({ %{ event(7, $T1) }, key => 'twice' }) x 2,
    { %{ event(8, $T1) }, known => 1 });

$_ = { %$_, same => undef, token => undef, nonce => undef } for @mixed;

my @r = accept_events(@mixed);

is(join(' ', map { $_->{code} } @r), '0 1 1 0 0', 'each its own answer');
is($r[0]{seq}, $got[0]{seq}, 'a duplicate of one that was there');
is($r[3]{seq}, $r[2]{seq}, 'and of one beside it');
is($r[4]{seq}, hex16(0), 'one that nobody knows');
is(entries_left(), 12, 'two are new');

# of the same order: only the first one goes

@r = accept_events(map { { parts => [ { target => $T3, lease => 1,
    order => hex16(9) } ] } } 1 .. 3);
is(join(' ', map { $_->{leased} } @r), '1 0 0', 'one behind the other');
is($redis->command(ZSCORE => key("f:$T3"), $r[1]{seq}), 'inf', 'it waits');
like(ended('settle', $H1, [ $r[0]{token}, $r[0]{seq}, $T3 ])->[2], qr/^1$/,
    'settled');
isnt($redis->command(ZSCORE => key("f:$T3"), $r[1]{seq}), 'inf',
    'the next one may go');
purge_all($T3);

# a target that is twice in an event, and one that nobody wants at all

@r = accept_events(event(9, $T1, $T1), { key => 'none', parts => [] },
    { key => 'kept', retain => 60000, parts => [] });
is(join(' ', map { "$_->{code}/$_->{leased}" } @r), '1/10 1/ 1/', 'odd ones');
is($redis->command(EXISTS => key("e:$r[1]{seq}")), 0, 'no event without use');
is($redis->command(ZSCORE => key('u'), $r[2]{seq}) > 1e12, 1, 'one is kept');

# somebody's string where a list of one target was

overwrite("k:$T2");

my @broken = (event(11, $T1), event(12, $T1, $T2), event(13, $T2),
    event(14, $T1));

@r = accept_events(@broken);
is(join(' ', map { $_->{code} } @r), '1 error error 1',
    'what is wrong with one target harms no other');
like($r[1]{error}, qr/^WRONGTYPE/, 'and is said');
is($redis->command(EXISTS => mark("key $_")), $_ == 11 || $_ == 14 ? 1 : 0,
    "event $_ is known or not") for 11 .. 14;

# somebody's list where a key was

$redis->command(RPUSH => mark('key 22'), 'x');
@r = accept_events(event(21, $T1), event(22, $T1), event(23, $T1));
is(join(' ', map { $_->{code} } @r), '1 error 1', 'nor one key');

$redis->command(DEL => key("k:$T2"), mark('key 22'));
$_->{same} = 1 for @broken;
@r = accept_events(@broken);
is(join(' ', map { $_->{code} } @r), '1 1 1 1', 'sent again: accepted');

$redis->command('FLUSHALL');


# ---- SETTLE

@got = accept_events(map { event($_, $T1, $T2) } 31 .. 34);

sub of { my ($n, $target) = @_; [ $got[$n]{token}, $got[$n]{seq}, $target ] }

my $r = ended('settle', $H1, of(0, $T1), of(0, $T2), of(1, $T1),
    [ hex16(99), $got[2]{seq}, $T1 ], of(1, $T1), [ hex16(1), hex16(7), $T1 ]);

is($r->[2], '1110--', 'each its own letter');
is($redis->command(EXISTS => key("e:$got[0]{seq}")), 0, 'one has both');
is($redis->command(HEXISTS => key("e:$got[1]{seq}"), "p$T1"), 0,
    'one has one');
is($redis->command(HGET => key("e:$got[1]{seq}"), 'l'), 1, 'and remembers it');
is($redis->command(HEXISTS => key("e:$got[2]{seq}"), 'l'), 0, 'one has none');
is(entries_left(), 5, 'counted');
is($redis->command(HGET => key('m'), 'l') // 0, 0, 'nothing is lost');
is($redis->command(SCARD => key("h:$H1")), 5, 'in hand');
is(ended('settle', $H1, of(0, $T1), of(0, $T2), of(1, $T1))->[2], '---',
    'sent twice: gone');
is(entries_left(), 5, 'counted once');

my %book = $redis->command(HGETALL => key("c:$T1"))->@*;
my @some = accept_events(map { event($_, $T1) } 91 .. 93);

is(ended('settle', $H1, map { [ $_->{token}, $_->{seq}, $T1,
    $_ == $some[1] ? 1 : 0 ] } @some)->[2], '111', 'one is filtered');

my %then = $redis->command(HGETALL => key("c:$T1"))->@*;

is($then{f} - ($book{f} // 0), 1, 'the ledger says so');
is($then{d} - $book{d}, 2, 'and that the others are delivered');
is(entries_left(), 5, 'none is left');

overwrite("a:$T2");
$r = ended('settle', $H1, of(2, $T2), of(2, $T1), of(3, $T1));
is($r->[2], 'e11', 'a list that is none harms its target alone');
like(${ $r->[3] }, qr/^WRONGTYPE/, 'and is said');
$redis->command(DEL => key("a:$T2"));

# what is remembered of an event that cannot be written harms it alone

@got = accept_events(map { event($_, $T1) } 35 .. 37);
$redis->command(HSET => key("e:$got[1]{seq}"), 'w', 1);
$redis->command(SET => key("w:$got[1]{seq}"), 'x');
is(ended('settle', $H1, map { of($_, $T1) } 0 .. 2)->[2], '1e1', 'nor so');
is($redis->command(ZSCORE => key("k:$T1"), $got[1]{seq}), 0, 'it stays filed');
$redis->command(DEL => key("w:$got[1]{seq}"));
is(ended('settle', $H1, map { of($_, $T1) } 0 .. 2)->[2], '-1-', 'told again');

# one that was taken for lost is found

@got = accept_events(map { event($_, $T1) } 41 .. 43);
$redis->command(DEL => map { key("$_:$T1") } qw(a k));
$redis->command(HINCRBY => key('m'), 'n', -3);

my $lost = $redis->command(HINCRBY => key('m'), 'l', 3);

is(ended("settle", $H1, map { of($_, $T1) } 0 .. 2)->[2], "111", "settled");
is($redis->command(HGET => key('m'), 'l'), $lost - 3, 'they were not lost');

# what is kept

@got = accept_events(map { { %{ event($_, $T1) }, retain => 60000 } } 51, 52);
ended('settle', $H1, of(0, $T1), of(1, $T1));
is($redis->command(HGET => key("e:$got[1]{seq}"), "o$T1"),
    packed(0, '', ''), 'done and kept');

$redis->command('FLUSHALL');


# ---- RETRY

@got = accept_events(map { event($_, $T1, $T2) } 61 .. 63);

my @back = ([ @{ of(0, $T1) }, 60000, $past ], [ @{ of(1, $T1) }, 0, '' ],
    [ hex16(99), $got[2]{seq}, $T1, 0, '' ], [ @{ of(0, $T2) }, 60000, $past ],
    [ hex16(1), hex16(7), $T2, 0, '' ]);

for my $what ('tried again', 'sent twice') {
    $r = ended('retry', $H1, @back);
    is($r->[2], '1101-', "$what: each its own letter");
    cmp_ok($redis->command(ZSCORE => key("a:$T1"), $got[0]{seq}), '>',
        $r->[1] + 50000, 'due later');
    cmp_ok($redis->command(ZSCORE => key("f:$T1"), $got[1]{seq}), '<=',
        $r->[1], 'given back: due at once, without an attempt');
    is($redis->command(ZSCORE => key("a:$T1"), $got[1]{seq}), undef,
        'and not filed twice');
    is($redis->command(SCARD => key("h:$H1")), 3, 'in hand');
    is(entries_left(), 6, 'counted');
}

is(scalar @{ list(target => $T1)->{entries} }, 3, 'three of them');
is((grep { $_->{seq} eq $got[0]{seq} } @{ list(target => $T1)->{entries} })[0]
   {attempts}, 1, 'one attempt, counted once');

overwrite("f:$T1");
$r = ended('retry', $H1, map { [ @{ of(2, $_) }, 0, '' ] } $T1, $T2);
is($r->[2], 'e1', 'a list that is none harms its target alone');

$redis->command('FLUSHALL');


# ---- LEASE: what is one crash short of poison is given alone, also in a row

accept_event(parts => [ { target => $T1 } ]) for 1 .. 4;

for (1, 2) {
    my $l = lease($T1, fresh => 9, again => 9, holder => $H2);

    is(scalar @{ $l->{entries} }, 4, 'in hand');
    run('adopt', $H2, 9, 1);
}

is(scalar @{ lease($T1, again => 9)->{entries} }, 1, 'one at a time');

$redis->command('FLUSHALL');


# ---- what it costs

accept_event(key => 'first', parts => [ { target => $T1 } ]);

my @all = map { event($_, $T1, $T2) } 101 .. 132;

cmp_ok(cost(sub { @got = accept_events(@all) }), '<=', 3 * 32 + 17,
    'ACCEPT: three commands an event, and a few a call');

my @both = map { (of($_, $T1), of($_, $T2)) } 0 .. 15;
my @first = map { of($_, $T1) } 16 .. 31;
my @again = map { [ @{ of($_, $T2) }, 0, $past ] } 16 .. 31;

cmp_ok(cost(sub { ended('settle', $H1, @both) }), '<=', 4 * 16 + 17,
    'SETTLE: four an event of two targets');
cmp_ok(cost(sub { ended('settle', $H1, @first) }), '<=', 4 * 16 + 15,
    'and for the first one of two');
cmp_ok(cost(sub { ended('retry', $H1, @again) }), '<=', 2 * 16 + 12,
    'RETRY: two an entry');
cmp_ok(cost(sub { lease($T2, again => 16) }), '<=', 2 * 16 + 15,
    'LEASE: two an entry');
is(entries_left(), 17, 'they all did their work');

done_testing();


sub event {
    my ($n, @targets) = @_;

    return { key => "key $n", record => "record $n",
             parts => [ map { { target => $_, lease => 1 } } @targets ] };
}


# somebody's string where a list was

sub overwrite {
    my ($list) = @_;

    $redis->command(DEL => key($list));
    $redis->command(SET => key($list), 'x');
}


sub mark { key('d:' . unpack 'H*', pad($_[0])) }

sub entries_left { $redis->command(HGET => key('m'), 'n') // 0 }


sub purge_all {
    my ($target) = @_;

    my $l = lease($target, fresh => 9, again => 9);
    fenced(settle => $H1, $l->{token}, $_->{seq}, $target)
        for @{ $l->{entries} };
}


# how many commands the scripts ran in it

sub cost {
    my ($what) = @_;

    $redis->command(CONFIG => 'RESETSTAT');
    $what->();

    my $n = 0;

    for ($redis->command(INFO => 'commandstats') =~ /^(cmdstat_.*)$/mg) {
        $n += $1 if !/^cmdstat_(?:eval|config|info)/ && /calls=(\d+)/;
    }

    note("$n commands");

    return $n;
}
