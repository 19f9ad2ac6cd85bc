#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The scripts of the queue in a real Redis: which entries are in doubt, that is
# their targets may have them though nobody knows, and for how long.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();
my @new = (key => 'k1', parts => [ { target => $A, name => 'a' } ]);
my $one = accept_event(@new)->{seq};
my $l;

# leased, and how it is in doubt then

sub doubt {
    my ($target, @args) = @_;

    $l = lease($target, fresh => 9, again => 9, @args);

    my $e = $l->{entries}[0] or return 'none';

    return int $e->{guard} / 16;
}

sub back {
    my ($target, $event, $doubt, $delay) = @_;

    return ended('retry', $H1, [ $l->{token}, $event, $target, $delay // 0, '',
                                 $doubt ])->[2];
}

sub buried {
    my ($target, $event, $doubt, $reason) = @_;

    return fenced(bury => $H1, $l->{token}, $event, $target, '', $reason, 0,
                  '', 60000, $doubt);
}

is(doubt($A), 0, 'a new one is not');
is(back($A, $one, 0), 1, 'handed back');
is(doubt($A), 0, 'nor what is handed back');
is(back($A, $one, 3), 1, 'in doubt');
is(back($A, $one, 3), 1, 'sent twice');
is(doubt($A, lease => 30), 3, 'what is said is kept');

sleep 0.06;
is(doubt($A), 15, 'its lease ended by itself: nobody knows');
is(back($A, $one, 0), 1, 'settled that it is not');
is(doubt($A), 0, 'then it is not');

is(run('adopt', $H1, 100, 0)->[2], 1, 'who leaves gives back');
is(doubt($A), 0, 'which is no doubt');
is(run('adopt', $H1, 100, 1)->[2], 1, 'its worker died');
is(doubt($A), 15, 'which is one');

back($A, $one, 1, 400);
is(doubt($A, pick => 2), 'none', 'it is never early');
sleep 0.45;
is(doubt($A, pick => 2), 1, 'but when it is due');


# ---- dead letters

is(buried($A, $one, 14, 7), 1, 'buried');
is(list(target => $A, dead => 1)->{entries}[0]{reason}, 7, 'the reason');
is(replay(target => $A, command => 1)->{done}, 1, 'replayed');
is(doubt($A), 1, 'in doubt, and asked anew');

buried($A, $one, 15, 4);
replay(target => $A, command => 2);
is(doubt($A), 15, 'nobody has waited yet');

buried($A, $one, 2, 7);
is(accept_event(@new)->{code}, 2, 'its producer sends it again');
is(doubt($A), 1, 'it is in doubt still');

buried($A, $one, 2, 7);
is(replay(target => $A, command => 3, to => $B, name => 'b')->{done}, 1,
    'replayed to another target');
is(doubt($B), 0, 'which has not got it');

# a version before kept the crashes alone

buried($B, $one, 0, 4);

my $field = key("e:$one");
my $dead = $redis->command(HGET => $field, "d$B");

substr($dead, 5, 1) = "\2";
$redis->command(HSET => $field, "d$B", $dead);
is(list(target => $B, dead => 1)->{entries}[0]{crashes}, 2, 'crashes');
replay(target => $B, command => 4);
is(doubt($B), 15, 'are doubts');


# ---- forgotten

my @two = (key => 'k2', parts => [ { target => $A, name => 'a' },
                                   { target => $B, name => 'b' } ]);
my $two = accept_event(@two)->{seq};

is(doubt($A), 0, 'another event');
buried($A, $two, 0, 2);
is(purge(target => $A)->{done}, 1, 'purged');
is(accept_event(@two)->{code}, 2, 'its producer sends it again');
is(doubt($A), 1, 'nobody knows how it was');


# ---- beside the other bit

my $C1 = hex16(0x7001);
my $old = accept_event(parts => [ { target => $C1, name => 'c' } ])->{seq};
my $state = packed(0, 0, 0, time() * 1000, 0, '', '', '', 1, '', '', 'c', 'r');

$redis->command(HSET => key("e:$old"), "p$C1", $state);
doubt($C1);
is($l->{entries}[0]{guard}, 1, 'as a version before wrote it');
back($C1, $old, 9);
doubt($C1);
is($l->{entries}[0]{guard}, 1 + 9 * 16, 'both');
back($C1, $old, 0);
doubt($C1);
is($l->{entries}[0]{guard}, 1, 'and one');

done_testing();
