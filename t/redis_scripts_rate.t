#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The buckets of "rate" in a real Redis: what may come, when what may not may
# come again, all of a request or none of it, and that nothing stays.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;

my $t = scripts();
my $base = 'er:{r}:00000000000000aa:';
my $SECOND = 1_000_000_000;
my ($one, $two) = ('1' x 32, '2' x 32);


sub take {
    my ($interval, $burst, @takes) = @_;
    my $words = '';

    while (my ($key, $n) = splice @takes, 0, 2) {
        $words .= $key . sprintf '%08x', $n;
    }

    return $redis->command(EVAL => $script{rate_take}, 1, $base, $interval,
        $burst, $words);
}


# one an hour, three at once

my @hour = (3600 * $SECOND, 2 * 3600 * $SECOND);

is(take(@hour, $one, 1), 0, "number $_") for 1 .. 3;

my $wait = take(@hour, $one, 1);

cmp_ok($wait, '>', 3590_000, 'one more waits');
cmp_ok($wait, '<=', 3600_000, 'an hour');
cmp_ok(take(@hour, $one, 1), '<=', $wait, 'and not for longer if it asks again');
is(take(@hour, $two, 1), 0, 'another one does not');

# all of them or none

is(take(@hour, $two, 1), 0, 'the second of the other');
cmp_ok(take(@hour, $two, 1, $one, 1), '>', 0, 'one of two is full');
is(take(@hour, $two, 1), 0, 'the other one has not counted');
cmp_ok(take(@hour, $two, 1), '>', 0, 'until it has');

# many at once: they come, and those behind them wait

my $many = '3' x 32;

is(take(@hour, $many, 100), 0, 'more than the burst');
$wait = take(@hour, $many, 1);
cmp_ok($wait, '>', 97 * 3600_000, 'and then a long time');
cmp_ok($wait, '<=', 98 * 3600_000, 'for all of them');

# the same key twice in one request

my $twice = '4' x 32;

is(take(@hour, $twice, 1, $twice, 1), 0, 'one key twice');
is(take(@hour, $twice, 1), 0, 'has counted twice');
cmp_ok(take(@hour, $twice, 1), '>', 0, 'and no more');

# what is over is gone

my $short = '5' x 32;

is(take(1_000_000, 0, $short, 1), 0, 'a thousand a second');
select undef, undef, undef, 0.05;
is($redis->command(EXISTS => $base . $short), 0, 'is gone soon');
is(take(1_000_000, 0, $short, 1), 0, 'and there again');

is(take(1000, 0, '6' x 32, 1), 0, 'a million a second');

for my $key (@{ $redis->command(KEYS => '*') }) {
    cmp_ok($redis->command(PTTL => $key), '!=', -1, "$key will go");
}

# what somebody else wrote there is none

$redis->command(SET => $base . '7' x 32, 'no number');
is(take(@hour, '7' x 32, 1), 0, 'what is no number');

$t->done;
