#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the scripts of the queue do with sources that are paused: nothing of
# them is leased, nothing is lost or out of order, what is held gets no older;
# and how the shards agree.  t/unit/file_hold.c has the same of the file store.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();
my ($SHOP, $OTHER) = ($SOURCE, hex16(0x5002));
my $order = hex16(0x77);

sub event {
    my ($source, %part) = @_;

    return accept_event(source => $source, record => 'r',
        parts => [ { target => $A, name => 'a', %part } ]);
}

# what is given, which is given back at once

sub given {
    my ($target, $holder) = @_;

    my $l = lease($target // $A, fresh => 50, again => 50);
    my @seq = map { $_->{seq} } @{ $l->{entries} };

    fenced(retry => $H1, $l->{token}, $_, $target // $A, 0, '') for @seq;

    return scalar @seq;
}

sub settle_all {
    my ($target) = @_;
    my $n;

    do {
        my $l = lease($target // $A, fresh => 50, again => 50);

        $n = @{ $l->{entries} };
        fenced(settle => $H1, $l->{token}, $_->{seq}, $target // $A)
            for @{ $l->{entries} };
    } while $n;
}

sub entries_of { return hold()->{held}{ $_[0] // $SHOP }{entries} }

# each pending entry is in one of the two lists, and in that of its source if
# its time is far away

sub fits {
    my ($name) = @_;

    my (%far, %held);
    my $faults = 0;

    for my $target ($A, $B) {
        my $n = 0;

        for my $list ('f', 'a') {
            my @list = @{ $redis->command(ZRANGE => key("$list:$target"), 0,
                -1, 'WITHSCORES') };

            while (my ($event, $due) = splice @list, 0, 2) {
                $n++;

                my $e = list(target => $target, seq => $event)->{entries}[0];

                $far{"$target$event"} = 1 if $e && $e->{guard} & 2;
                $faults++ if !$e;
                $faults++ if $e && $due ne 'inf'
                    && ($due >= 2e14) != (($e->{guard} & 2) == 2);
            }
        }

        $faults++ if $n != $redis->command(ZCARD => key("k:$target"));
    }

    $held{$_} = 1 for map { @{ $redis->command(ZRANGE => key("q:$_"), 0, -1) } }
        $SHOP, $OTHER;

    is("$faults @{[ sort keys %held ]}", "0 @{[ sort keys %far ]}", $name);

    my $c = sweep(known => [ $A, $B ], node => hex16(0xb1));

    for my $row (@{ $c->{counts} }) {
        my $left = $row->{accepted} + $row->{replayed};

        $left -= $row->{$_} for qw(delivered buried filtered stale coalesced
                                   purged moved);
        is($left, $row->{pending}, "$name: accounted for");
    }
}


# ---- what comes

my $r = hold($SHOP, 1);
my $act = $r->{held}{$SHOP}{act};

is($r->{held}{$SHOP}{state}, 1, 'paused');
is($act, $r->{now}, 'since when');
is($r->{held}{$SHOP}{by}, 'ann', 'by whom');
is($r->{held}{$SHOP}{name}, 'shop', 'its name');

is(event($SHOP, lease => 1)->{leased}, '3', 'what comes is held');
is(event($OTHER, lease => 1)->{leased}, '1', "another source's is leased");
is(given(), 0, 'nothing is given');
is(entries_of(), 1, 'one is held');
is(lease($A, fresh => 1)->{fresh}, -1, 'and never due');
fits('held');

sleep 0.05;
is(hold($SHOP, 1, by => 'bob')->{held}{$SHOP}{act}, $act,
    'paused once more: since the first time');

my $e = list(target => $A)->{entries}[0];

$r = hold($SHOP, 0);
is($r->{held}{$SHOP}{state}, 0, 'resumed');
cmp_ok($r->{held}{$SHOP}{act}, '>', $act, 'later');
is($r->{held}{$SHOP}{entries}, 0, 'nothing is held');

my $f = list(target => $A, seq => $e->{seq})->{entries}[0];

cmp_ok($f->{accepted} - $e->{accepted}, '>=', 50, 'it is no older');
is($f->{due}, $e->{due}, 'and due as it was');
is(given(), 1, 'given');
is(event($SHOP, lease => 1)->{leased}, '1', 'what comes is leased');
fits('resumed');
run('adopt', $H1, 200, 0);
settle_all();


# ---- what was there, and what is under way

my @seq = map { event($SHOP, delay => $_)->{seq} } 0, 0, 5000;

event($OTHER);

my $l = lease($A, fresh => 1);
is($l->{entries}[0]{seq}, $seq[0], 'one is under way');

is(hold($SHOP, 1)->{held}{$SHOP}{entries}, 2, 'what waits is held');
is(given(), 1, 'the other one is given');
fits('what was there');

fenced(retry => $H1, $l->{token}, $seq[0], $A, 0, $past);
is(given(), 1, 'what failed is not given again');
is(entries_of(), 3, 'but held');
is(hasten(target => $A)->{there}, 3, 'none of them can be made due');

settle_all();
$l = lease($A, again => 1, pick => 2);
is(@{ $l->{entries} }, 0, 'nor is it tried early');

hold($SHOP, 0);
is(given(), 2, 'resumed, but for what is delayed');
is(hasten(target => $A)->{done}, 1, 'that can be made due');

# a lease that ends by itself

$l = lease($A, again => 50, fresh => 50, lease => 1);
sleep 0.01;
hold($SHOP, 1);
is(given(), 0, 'a lease has ended: not given');
is(entries_of(), 3, 'but held');

$e = list(target => $A)->{entries}[0];
is("$e->{crashes} $e->{token}", '1 ', 'one crash more, nobody has it');
cmp_ok($e->{guard}, '>=', 240, 'in doubt');
is($redis->command(SCARD => key("h:$H1")), 0, 'nor seems to');
fits('after the end of a lease');

hold($SHOP, 0);
is(given(), 3, 'resumed');
settle_all();


# ---- order

@seq = map { event($SHOP, order => $order)->{seq} } 1, 2;
hold($SHOP, 1);
push @seq, event($SHOP, order => $order)->{seq},
           event($OTHER, order => $order)->{seq};

is(entries_of(), 3, 'all of an order are held');
is(given(), 0, 'and nobody overtakes them');
fits('an order');

hold($SHOP, 0);
push @seq, event($SHOP, order => $order)->{seq};

for my $seq (@seq) {
    $l = lease($A, fresh => 9, again => 9);
    is(join(' ', map { $_->{seq} } @{ $l->{entries} }), $seq, 'as they came');
    fenced(settle => $H1, $l->{token}, $seq, $A);
}

fits('delivered');


# ---- what an operator does

hold($SHOP, 1);
my ($one, $two) = map { event($SHOP)->{seq} } 1, 2;

is(move(target => $A, seq => $one, to => $B)->{done}, 1, 'one moves');
is(given($B), 0, 'and is not given');
is(entries_of(), 2, 'both are held');
fits('moved');
is(purge(target => $B, waiting => 1)->{done}, 1, 'purged');
is(entries_of(), 1, 'one is held');
fits('purged');

is(sweep(known => [ $B ], generation => 5, node => hex16(0xb1))->{removed}, 1,
    'the target goes');
is(entries_of(), 0, 'none is held');

$e = list(target => $A, dead => 1)->{entries}[0];
is($e->{guard} & 2, 0, 'nor the dead letter');
is(replay(target => $A, command => 9)->{done}, 1, 'replayed');
is(given(), 0, 'not given');
is(entries_of(), 1, 'but held');

my $c = sweep(known => [ $A, $B ], generation => 6, node => hex16(0xb1));
my ($row) = grep { $_->{target} eq $A } @{ $c->{counts} };
is("$row->{oldest} $row->{again}", '-1 -1', 'neither old nor due');

hold($SHOP, 0);
settle_all();


# ---- a source that nobody has

hold($SHOP, 1);
event($SHOP);

my $N = hex16(0xb1);

sweep(known => [ $A ], generation => 7, node => hex16(0xb2));
$r = hold(undef, 0, sources => [ $OTHER ], generation => 7, node => $N);
is($r->{held}{$SHOP}{state}, 1, 'another nginx may have it');

hold(undef, 0, sources => [ $SHOP ], generation => 7, node => hex16(0xb2));
$r = hold(undef, 0, sources => [ $OTHER ], generation => 7, node => $N);
is($r->{held}{$SHOP}{state}, 1, 'it has');

$r = hold(undef, 0, sources => [ $OTHER ], generation => 5, node => hex16(0xb2));
is($r->{held}{$SHOP}{state}, 1, 'an older configuration does not count');
$r = hold(undef, 0, sources => [ $OTHER ], generation => 7, node => hex16(0xb2));
is($r->{held}{$SHOP}{state}, 2, 'nobody has it');
is(hold()->{held}{$SHOP}{state}, 0, 'which is told once');
is(given(), 1, 'what was held goes');
settle_all();


# ---- step by step

event($SHOP) for 1 .. 30;
$r = hold($SHOP, 1, batch => 10);
is("$r->{more} $r->{held}{$SHOP}{entries}", '1 10', 'a part is held');
is(given(), 0, 'nothing is given');

$r = hold(undef, 0, batch => 10) for 1 .. 5;
is("$r->{more} $r->{held}{$SHOP}{entries}", '0 30', 'all are held');
fits('all of many');

$r = hold($SHOP, 0, batch => 10);
is("$r->{more} $r->{held}{$SHOP}{entries}", '1 20', 'a part is let go');
$r = hold(undef, 0, batch => 10) for 1 .. 6;
is("$r->{more} $r->{held}{$SHOP}{entries}", '0 0', 'all are');
is(given(), 30, 'and given');
settle_all();


# the list of what is held is gone

hold($SHOP, 1);
event($SHOP) for 1 .. 3;
$redis->command(DEL => key("q:$SHOP"));
hold($SHOP, 0);
is(given(), 3, 'nothing is forgotten');
settle_all();

# so are the lists of a target

hold($SHOP, 1);
event($SHOP) for 1 .. 3;
event($SHOP, order => $order) for 1 .. 2;
$redis->command(DEL => key("f:$A"));
sweep(known => [ $A, $B ], node => hex16(0xb1));
is(given(), 0, 'made anew, and still held');
fits('made anew');
hold($SHOP, 0);
is(given(), 4, 'resumed');
settle_all();


# ---- another shard

my $said = hold($SHOP, 1)->{held}{$SHOP};

sub told {
    my ($source, $row) = @_;

    return $source . hex16($row->{act}) . pack 'CC/a*C/a*', @$row{qw(state name
        by)};
}

{
    local $shard = 1;
    local $layout = '1 1';

    $r = hold(undef, 0, told => told($SHOP, $said))->{held}{$SHOP};
    is("@$r{qw(act state by)}", "@$said{qw(act state by)}", 'takes it over');
    is(event($SHOP, lease => 1)->{leased}, '3', 'and holds');

    $r = hold(undef, 0, told => told($SHOP, { %$said, state => 0 }));
    is($r->{held}{$SHOP}{state}, 1, 'the same act changes nothing');

    $r = hold(undef, 0, told => told($SHOP, { %$said, state => 0,
        act => $said->{act} - 1 }));
    is($r->{held}{$SHOP}{state}, 1, 'nor an older one');

    $r = hold(undef, 0, told => told($SHOP, { %$said, state => 0,
        act => $said->{act} + 1 }));
    is($r->{held}{$SHOP}{state}, 0, 'a newer one does');
    is(given(), 1, 'what was held goes');
}


done_testing();
