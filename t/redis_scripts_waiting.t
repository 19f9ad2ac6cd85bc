#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the scripts of the queue do with entries that wait: they are due now,
# they go to another target, they are forgotten; which ones are meant, and what
# is left because somebody has it; and that what is dry changes nothing.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;

my $t = scripts();
my $S2 = hex16(0x5002);

# four that wait for A: one is leased, one failed, one is in doubt, one is new

my @seq = map { accept_event(parts => [ { target => $A, routes => "r$_,all" } ],
    record => "record $_", $_ == 4 ? (source => $S2) : ())->{seq} } 1 .. 4;

my $l = lease($A, fresh => 3);
my %token = map { ($_->{seq} => $l->{token}) } @{ $l->{entries} };

is(retry($l, $seq[1], $A, 60_000, $past), '1', 'one failed');
is(retry($l, $seq[2], $A, 60_000, $past, 2), '1', 'one is in doubt');


# ---- due now

my $before = state();
my $r = hasten(target => $A, dry => 1);

is(counts($r), '1 1 1 0', 'one would be due, one is leased, one in doubt');
is($r->{oldest}, $r->{newest}, 'it is the only one');
is(state(), $before, 'nothing is changed');

is(counts(hasten(target => $A, status => 500)), '0 0 0 0', 'another status');
is(counts(hasten(target => $A, attempts => 2)), '0 0 0 0', 'more attempts');
is(counts(hasten(target => $A, route => 'r1')), '0 1 0 0', 'another route');
is(counts(hasten(target => $A, source => $S2)), '0 0 0 0', 'another source');
is(counts(hasten(target => $B)), '0 0 0 0', 'another target');
is(counts(hasten(target => $A, reasons => 2)), '0 0 0 0', 'dead ones only');

$r = hasten(target => $A, status => 503, attempts => 1, source => $SOURCE,
    route => 'all');
is(counts($r), '1 0 1 0', 'due');
is(counts(hasten(target => $A)), '0 1 1 0', 'once');

$l = lease($A, fresh => 9, again => 9);
is(join(' ', sort map { $_->{seq} } @{ $l->{entries} }), "$seq[1] $seq[3]",
    'it is given, the one in doubt is not');
retry($l, $seq[1], $A, 60_000, $past);
retry($l, $seq[3], $A, 0, '');


# one that is blocked has its turn when it comes, and then at once

my $order = hex16(0x77);
my @o = map { accept_event(parts => [ { target => $C, order => $order,
    delay => 50_000 } ])->{seq} } 1, 2;

is(hasten(target => $C)->{done}, 2, 'both of an order');
$l = lease($C, fresh => 9);
is(join(' ', map { $_->{seq} } @{ $l->{entries} }), $o[0], 'the first one');
fenced(settle => $H1, $l->{token}, $o[0], $C);
$l = lease($C, fresh => 9);
is(join(' ', map { $_->{seq} } @{ $l->{entries} }), $o[1],
    'then the second one');
fenced(settle => $H1, $l->{token}, $o[1], $C);


# ---- to another target

$before = state();
is(counts(move(target => $A, to => $B, dry => 1)), '3 1 0 0', 'three would go');
is(state(), $before, 'nothing is changed');
is(counts(move(target => $A, to => $A)), '0 0 0 0', 'to itself');

$r = move(target => $A, to => $B, name => 'erp2', limit => 2, command => 5);
is(counts($r), '2 1 0 0', 'two go');
is($r->{more}, 1, 'there is more');
is(counts(move(target => $A, to => $B, name => 'erp2', limit => 2,
    command => 5, after => $r->{after})), '1 0 0 0', 'the third one');
is(counts(move(target => $A, to => $B, name => 'erp2')), '0 1 0 0',
    'no more');

is(scalar @{ list(target => $A)->{entries} }, 1, 'one is left');

my $list = list(target => $B, records => 1)->{entries};

is(join(' ', map { $_->{seq} } @$list), "@seq[1 .. 3]", 'they are there');
is(join(',', map { "$_->{name} $_->{epoch} $_->{attempts} $_->{record} "
    . length $_->{past} } @$list),
    'erp2 1 0 record 2 0,erp2 1 0 record 3 0,erp2 1 0 record 4 0',
    'they begin anew');

is($redis->command(HGET => key('m'), 'n'), 4, 'four entries');
is($redis->command(EXISTS => key("f:$A")), 0, 'none waits here');
is($redis->command(ZCARD => key("k:$A")), 1, 'but the leased one');

$l = lease($B, fresh => 9, again => 9);
is(scalar @{ $l->{entries} }, 3, 'they are given');
fenced(settle => $H1, $l->{token}, $_->{seq}, $B) for @{ $l->{entries} };
is($redis->command(EXISTS => key("e:$seq[1]")), 0, 'and are done');

# what is there already

my $both = accept_event(parts => [ { target => $A }, { target => $B } ])->{seq};
is(counts(move(target => $A, to => $B)), '0 1 0 1', 'it has that already');
$l = lease($B, fresh => 9);
fenced(bury => $H1, $l->{token}, $both, $B, $past, 1, 500, '', 60_000);
is(counts(move(target => $A, to => $B)), '0 1 0 1', 'dead, too');

# from any target; one that moves is not moved again

is(counts(move(to => $C)), '1 1 0 0', 'of all targets');
is(counts(move(to => $C)), '0 1 0 0', 'once');

# an event that is kept and was delivered there once: its next epoch

my $kept = accept_event(parts => [ { target => $B } ], retain => 60_000);
$l = lease($B, fresh => 9, again => 9);
fenced(settle => $H1, $l->{token}, $kept->{seq}, $B);
replay(archive => 1, source => $SOURCE, to => $A, name => 'a', command => 9);
is(counts(move(target => $A, to => $B)), '1 1 0 0', 'to where it was');
is(list(target => $B)->{entries}[0]{epoch}, 2, 'its next epoch there');
purge(target => $B, waiting => 1);


# ---- forgotten

my $known = accept_event(key => 'known', parts => [ { target => $A } ]);

$before = state();
is(counts(purge(target => $A, waiting => 1, dry => 1)), '1 1 0 0',
    'one would go');
is(state(), $before, 'nothing is changed');
is(counts(purge(target => $A)), '0 0 0 0', 'it is no dead letter');
is(counts(purge(target => $A, waiting => 1)), '1 1 0 0', 'it goes');
is($redis->command(EXISTS => key("e:$known->{seq}")), 0, 'with its event');

$r = accept_event(key => 'known', parts => [ { target => $A } ]);
is($r->{code}, 1, 'its repetition is new');
$l = lease($A, fresh => 9, again => 9);
is(scalar @{ $l->{entries} }, 1, 'and delivered');
fenced(settle => $H1, $l->{token}, $_->{seq}, $A) for @{ $l->{entries} };

is(fenced(settle => $H1, $token{ $seq[0] }, $seq[0], $A), 1,
    'the lease was his all the time');


# ---- dead ones, by what became of them

dead_letter($_, 'dead', status => 404) for $A, $B;
dead_letter($A, 'dead', status => 500);

is(counts(purge(status => 404, dry => 1)), '2 0 0 0', 'by status');
is(counts(purge(reasons => 1 << 1, dry => 1)), '1 0 0 0', 'by a reason');
is(counts(purge(reasons => 1 << 2, dry => 1)), '3 0 0 0', 'by another one');
is(counts(purge(reasons => 1 << 1 | 1 << 2, dry => 1)), '4 0 0 0', 'by both');
is(scalar @{ list(dead => 1, status => 500, reasons => 4)->{entries} }, 1,
    'a list');
is(scalar @{ list(dead => 1, source => $S2)->{entries} }, 0,
    'of another source');
is(counts(replay(target => $A, dry => 1)), '2 0 0 0', 'a replay');
is(scalar @{ list(target => $A, dead => 1)->{entries} }, 2, 'that did nothing');
is(counts(replay(target => $A, status => 500)), '1 0 0 0', 'of one of them');

$r = replay(archive => 1, source => $SOURCE, to => $C, dry => 1);
is(counts($r), '1 0 0 0', 'of the archive');
is(list(target => $C, source => $SOURCE)->{entries}[1], undef, 'nor that');

$t->stop;

done_testing();


sub retry {
    my ($l, $seq, $target, $delay, $past, $doubt) = @_;

    return fenced(retry => $H1, $l->{token}, $seq, $target, $delay, $past,
        $doubt);
}


# done, leased, in doubt, there already

sub counts { join ' ', map { $_[0]{$_} } qw(done left doubtful there) }


# all that Redis has, without its clock

sub state {
    my @rows;

    for my $key (sort @{ $redis->command(KEYS => '*') }) {
        next if $key eq key('m');
        push @rows, $key, unpack 'H*', $redis->command(DUMP => $key) // '';
    }

    return join ' ', @rows, $redis->command(HGET => key('m'), 'n');
}
