#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Records that are sealed for a number, in a real Redis: the event gets that
# number, or nothing is done and the script says for which to seal it.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;

my $t = scripts();
my $now = (accept_raw(parts => [ { target => $A } ]))[1][1];
my $number = sprintf '%011x%05x', $now, 0x1234;


sub sealed {
    my (undef, $r) = accept_raw(parts => [ { target => $A } ], @_);

    return $r->[2];
}


is(sealed(key => 'k', sealed => $number, record => 'for that'),
    "1${number}0", 'it gets its number');
is($redis->command(HGET => key("e:$number"), 'r'), 'for that', 'its record');

is(sealed(sealed => $number, record => 'another'), '3' . hex16(0),
    'which is no other one\'s');
is($redis->command(HGET => key("e:$number"), 'r'), 'for that',
    'nothing was done');

is(sealed(sealed => sprintf('%011x%05x', $now + $_, 1)), '3' . hex16(0),
    "a number of another time: $_ ms")
    for -120_000, 120_000;
like(sealed(sealed => sprintf('%011x%05x', $now + $_, 2 + ($_ > 0))), qr/^1/,
    "a clock that is off a bit: $_ ms")
    for -2000, 2000;

# of two in one command one has a number that is taken

my ($one, $two) = accept_events(
    { parts => [ { target => $B } ], sealed => $number, record => 'a' },
    { parts => [ { target => $B } ],
      sealed => sprintf('%011x%05x', $now, 0x77), record => 'b' });

is("$one->{code} $two->{code}", '3 1', 'each has an answer of its own');
is($redis->command(ZCARD => key("k:$B")), 1, 'one is there');

# what is forgotten of a known event: its record is for the old number

accept_raw(key => 'old', parts => [ { target => $A }, { target => $B } ],
    sealed => my $old = sprintf('%011x%05x', $now, 0x99));

my $l = lease($A, fresh => 9);

fenced(settle => $H1, $l->{token}, $_->{seq}, $A) for @{ $l->{entries} };

$l = lease($B, fresh => 9);
fenced(bury => $H1, $l->{token}, $_->{seq}, $B, $past, 2, 404, '', 60000)
    for grep { $_->{seq} eq $old } @{ $l->{entries} };
purge(target => $B);
is($redis->command(HGET => key("e:$old"), 'r'), undef, 'its record is gone');

my @again = (key => 'old', parts => [ { target => $A }, { target => $B } ]);

is(sealed(@again, sealed => sprintf('%011x%05x', $now, 0x9a), record => 'x'),
    "3$old", 'it is to be sealed for that');
is($redis->command(HGET => key("e:$old"), 'r'), undef, 'nothing was done');
like(sealed(@again, sealed => $old, record => 'for the old one'), qr/^2$old/,
    'then it is started again');
is($redis->command(HGET => key("e:$old"), 'r'), 'for the old one',
    'with that record');

done_testing();
