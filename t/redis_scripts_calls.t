#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The scripts of the queue in a real Redis: which calls of an entry are made.
# Who has the lease says so, and that stays over retries, crashes, dead letters
# and replays, and goes with the entry.  t/unit/file_calls.c says the same of
# the file store.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;

my $t = scripts();
my ($one, $l);

# the blob: a letter a call, t to do, d done, x dead

sub blob {
    my ($states, $bits) = @_;

    my ($n, $bytes) = (length $states, '');

    for my $i (0 .. $n - 1) {
        vec($bytes, $i, 2) = index 'tdx', substr($states, $i, 1);
    }

    return pack('CCnnn', 1, $bits // 0, $n, 0, 0) . $bytes;
}

sub begins {
    $one = accept_event(parts => [ { target => $A, name => 'a' } ], @_)->{seq};
    gives('');
}

# leased, and the calls that it has

sub gives {
    my ($wanted, $what, $target) = @_;

    $l = lease($target // $A, fresh => 9, again => 9);
    is($l->{entries}[0]{calls}, $wanted, $what // 'it is given');
}

sub extends {
    my ($calls, %o) = @_;

    return run('extend', $H1, $o{token} // $l->{token}, $one, $A, 10000,
               $calls, 0, $told ? $o{tells} // '' : ())->[0];
}

sub later {
    my ($calls) = @_;

    return ended('retry', $H1, [ $l->{token}, $one, $A, 0, $past, 0, '',
                                 $calls ])->[2];
}

sub buried {
    my ($calls, $reason) = @_;

    return run('bury', $H1, $l->{token}, $one, $A, $past, $reason, 404, 'no',
               60000, 0, $calls, $told ? '' : ())->[0];
}

begins();
is(extends(blob('dtttt'), token => hex16(99)), 0, 'who has no lease');
is(list(target => $A)->{entries}[0]{calls}, '', 'changes nothing');
is(extends(blob('dtttt')), 1, 'one is done');
is(list(target => $A)->{entries}[0]{calls}, blob('dtttt'), 'listed');
is(extends(''), 1, 'more time');
is(list(target => $A)->{entries}[0]{calls}, blob('dtttt'), 'changes nothing');

is(later(blob('dtdxt')), 1, 'the others later');
is(later(blob('dtdxt')), 1, 'sent twice');
gives(blob('dtdxt'));
is(later(''), 1, 'a retry that says nothing');
gives(blob('dtdxt'), 'which changes nothing');

is(run('adopt', $H1, 100, 1)->[2], 1, 'its worker died');
gives(blob('dtdxt'), 'which changes nothing');
is($l->{entries}[0]{crashes}, 1, 'a crash');
is(int $l->{entries}[0]{guard} / 16, 15, 'in doubt');
extends(blob('dddxt'));
is(list(target => $A)->{entries}[0]{crashes}, 0, 'it goes on: no poison');
is(int list(target => $A)->{entries}[0]{guard} / 16, 0, 'and no doubt');

is(buried(blob('dddxd'), 2), 1, 'buried');
my $dead = list(target => $A, dead => 1)->{entries}[0];
is($dead->{calls}, blob('dddxd'), 'the dead letter has them');
is($dead->{reason}, 2, 'and its reason');
is($dead->{answer}, 'no', 'and its answer');
is(replay(target => $A, command => 1)->{done}, 1, 'replayed');
gives(blob('dddxd', 1), 'it says that it was');
is($l->{entries}[0]{reason}, 0, 'and is not dead any more');
is(fenced(settle => $H1, $l->{token}, $one, $A), 1, 'at its end');
is($redis->command(EXISTS => key("e:$one")), 0, 'nothing is left');


# another number of calls

begins();
extends(blob('td'));
is(buried('', 8), 1, 'the mapping has changed');
is(list(target => $A, dead => 1)->{entries}[0]{reason}, 8, 'which it says');
replay(target => $A, command => 2);
gives(blob('td', 3), 'replayed, it says so');
buried('', 2);
replay(target => $A, command => 3, to => $B, name => 'b');
gives('', 'for another target it begins anew', $B);
is(fenced(settle => $H1, $l->{token}, $one, $B), 1, 'at its end');


# moved, and repeated

begins();
extends(blob('td'));
later(blob('td'));
is(move(target => $A, to => $B, name => 'b')->{done}, 1, 'moved');
gives('', 'without its calls', $B);
is(fenced(settle => $H1, $l->{token}, $one, $B), 1, 'at its end');

begins(key => 'k1');
extends(blob('td'));
is(buried('', 2), 1, 'buried');
is(accept_event(key => 'k1', parts => [ { target => $A, name => 'a' } ])
   ->{code}, 2, 'its producer sends it again');
gives(blob('td', 1), 'it goes on');
is(fenced(settle => $H1, $l->{token}, $one, $A), 1, 'at its end');


# as the version before keeps entries

my $state = packed(0, 0, 0, time() * 1000, 0, '', '', '', 0, '', '', 'a', 'r');

$one = accept_event(parts => [ { target => $A, name => 'a' } ])->{seq};
$redis->command(HSET => key("e:$one"), "p$A", $state);
gives('', 'it has none');
is(extends(blob('dt')), 1, 'now it has');
is(list(target => $A)->{entries}[0]{routes}, 'r', 'and the rest');
is(fenced(settle => $H1, $l->{token}, $one, $A), 1, 'at its end');


# history is told of each call, once

$told = 1;
sweep(history => '86400000 1000000');

my $chunk = pack 'n/a*', pack('C', 3) . 'one';

begins(tells => record([ 1 ], pack 'n/a*', pack('C', 1) . 'event'));
extends(blob('dt'), tells => $chunk) for 1, 2;
is(() = lookup(event => $one)->{record}{$one} =~ /one/g, 1,
    'a call that is told twice');
extends(blob('dd'), tells => $chunk);
is(() = lookup(event => $one)->{record}{$one} =~ /one/g, 2, 'and the next');

done_testing();
