#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Many bad events in front of the first good one: it looks like a target that is
# down, but the good ones behind go on.  What is promised is told in
# docs/directives.md (breaker, concurrency), and the bounds below are made of its
# parts.  A target that is down gets its probes and no more, however much waits
# for it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

use constant { SILENCE => 0.4, OPEN => 0.2, MAX => 12 };

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);

my $retry = 'retry for=72h base=200ms max=10m;';
my $breaker = 'breaker failures=5 ratio=50% min=20 window=1s'
    . ' open=' . OPEN * 1000 . 'ms max=' . MAX . 's;';

# how many bad ones are in front, what the target does with them, its lines

my %kind = (
    b40    => [ 40, 500, '' ],
    b100   => [ 100, 500, '' ],
    b300   => [ 300, 500, '' ],
    off    => [ 300, 500, 'breaker off;' ],
    narrow => [ 100, 500, 'concurrency 1;' ],
    hang   => [ 5, 'hang', 'concurrency 1;' ],
    stuck  => [ 5, 'hang', 'concurrency 1; breaker off;' ],
    hang40 => [ 40, 'hang', '' ],
    down   => [ 300, 500, '' ],
    calm   => [ 0, 200, '' ],           # tells how slow this machine is
);

my @kinds = sort keys %kind;


for my $store ('file:%%TESTDIR%%/store size=64m',
               'redis://127.0.0.1:%%PORT_6379%%/0')
{
    my ($name) = $store =~ /^(\w+)/;

    $target->forget;

    my $q = Test::EventRouter::Queue->new($t, prefix => $name);

    $q->config(in => $store, targets => { map { $_ => {
        lines => join("\n", $retry, $kind{$_}[2],
                      $kind{$_}[2] =~ /breaker/ ? () : $breaker),
        location => 'proxy_read_timeout ' . SILENCE * 1000 . 'ms;'
    } } @kinds });

    for my $type (@kinds) {
        my $does = $kind{$type}[1];

        $target->answer("/$type/bad",
                        $does eq 'hang' ? (fault => 'hang')
                                        : (status => $does));
        $target->answer("/$type/good", status => $type eq 'down' ? 500 : 200);
    }

    $t->run;

    $q->send_many($kind{$_}[0], $_, kind => 'bad') for @kinds;

    # good ones for 8 s, and on a slow machine until each type is known

    my $began = time;
    my ($more, $rounds) = (1, 0);

    while (time - $began < 8 || $more && time - $began < 60) {
        for my $type (@kinds) {
            $q->send($type, kind => 'good');
        }

        sleep 0.1;
        $rounds++;
        $more = unknown($q) if time - $began > 8;
    }

    my $pace = (time - $began) / $rounds - 0.1;
    my %good = map { my $type = $_; $type => [ $q->sent($type, 'good') ] }
               grep { $_ ne 'down' } @kinds;

    wait_until(30, sub {
        my $seen = $q->seen($target);

        return !grep { !$seen->{$_} } map { @$_ } values %good;
    });

    # A few steps, each of which takes as long on this machine as a delivery to
    # "calm" at most, or to have an event of each type accepted; and a delivery
    # of each that is in front.

    my @calm = sort { $b <=> $a } $q->waits($target, @{ delete $good{calm} });

    cmp_ok($calm[0], '<', 3, "$name: the machine is not too slow");

    my $slow = 0.3 + 5 * ($calm[0] > $pace ? $calm[0] : $pace);
    my $step = 0;

    $step += $_ / @calm for @calm;
    note(sprintf '%s: slowness of the machine %.2f', $name, $slow);

    my $sent = $q->sent_at;

    for my $type (sort keys %good) {
        my @ids = @{ $good{$type} };
        my @waits = $q->waits($target, @ids);
        my @bounds = bounds($type, map { $sent->{$_} } @ids);
        my @front = in_front(map { [ $sent->{$ids[$_]}, $waits[$_] ] }
                             0 .. $#ids);
        my $over = $slow + SILENCE * timed_out($type);
        my @late = grep { $waits[$_] > $bounds[$_] + $over + $step * $front[$_] }
                   0 .. $#ids;
        my ($worst) = sort { $b <=> $a } @waits;

        note(sprintf "%s: %s: %d good ones, worst %.2f", $name, $type,
             scalar @waits, $worst);
        is(join(' ', map { sprintf '%s %.2f', $ids[$_], $waits[$_] } @late), '',
            "$name, $type: no good one waits too long");

        next if $kind{$type}[1] ne 'hang' || $kind{$type}[2] !~ /concurrency 1/;

        # The breaker has nothing to learn any more.  A good one waits for the
        # bad one that has the place when it comes.  It may be on its way to the
        # store while it is the turn of the good ones, and then for another.

        my $from = tried($type);
        my ($tail) = sort { $b <=> $a }
            $q->waits($target, grep { $sent->{$_} > $from } @ids);

        note(sprintf "%s: %s: when it is known %.2f", $name, $type, $tail);
        cmp_ok($tail, '<', 2 * SILENCE + $over,
            "$name, $type: when it is known");
    }

    my $down = grep { $_->{uri} =~ m{^/down/} } $target->requests;

    # as many as there are places, those until "max=", and then one each time

    note("$name: down: $down");
    cmp_ok($down, '<=', 16 + 10 + (time - $began) / MAX / 0.8,
        "$name: down: its probes and no more");

    $t->quit;
}

$t->done;


# the requests with an event of that type and kind, by their time

sub requests {
    my ($type, $kind) = @_;

    return sort { $a->{begun} <=> $b->{begun} }
           $target->requests(uri => "/$type/$kind");
}


# how many attempts with good ones had no answer in time, as when the machine is
# so slow that the target did not come to it

sub timed_out {
    my ($type) = @_;

    return scalar grep { $_->header('X-Event-Attempt') > 1 }
           requests($type, 'good');
}


# when the last bad one had its first attempt, which has failed since

sub tried {
    my ($type) = @_;

    my %first;

    $first{$_->header('Webhook-Id')} //= $_->{begun}
        for requests($type, 'bad');

    return 9e9 if keys %first < $kind{$type}[0];

    my ($last) = sort { $b <=> $a } values %first;

    return $last + SILENCE;
}


# are there types of which too few good ones came when they were known?

sub unknown {
    my ($q) = @_;

    my $sent = $q->sent_at;

    return scalar grep {
        my $type = $_;
        my $hangs = $kind{$type}[1] eq 'hang'
                    && $kind{$type}[2] =~ /concurrency 1/;
        my ($first) = requests($type, 'good');
        my $from = $hangs ? tried($type) : $first ? $first->{time} : 9e9;

        20 > grep { $sent->{$_} > $from } $q->sent($type, 'good');
    } grep { !/down|calm/ } @kinds;
}


# of each one, [ when it was sent, how long it waited ]: how many that came later
# were delivered before

sub in_front {
    my @all = @_;

    return map {
        my ($sent, $wait) = @$_;

        scalar grep { $_->[0] > $sent && $_->[0] + $_->[1] < $sent + $wait }
               @all;
    } @all;
}


# How long good ones that were sent at these times may wait.
#
# Since the last one that succeeded, or since the first bad one, the breaker was
# open for T at most.  It is open for OPEN, 2 * OPEN, 4 * OPEN..., each a fifth
# shorter or longer.  So it is open for another T / 0.8 + OPEN, at most, and
# a fifth of it; and of two probes one behind the other one may be with another
# event than the newest, which makes it twice as long again.  Twice MAX and a
# fifth is the end of it.
#
# Where the bad ones hang, each of these two probes takes SILENCE, and so do the
# two that have places when the good one comes and when it is its turn.  With
# one place there may be a bad one each time between those that are in front,
# until all of them were tried.

sub bounds {
    my ($type, @times) = @_;

    my %done = map { $_->header('Webhook-Id') => $_->{time} }
               requests($type, 'good');
    my @marks = sort { $a <=> $b } values %done;
    my ($first) = requests($type, 'bad');
    my $hang = $kind{$type}[1] ne 'hang' ? 0
               : $kind{$type}[2] =~ /concurrency 1/
                 ? SILENCE * ($kind{$type}[0] + 1) : 4 * SILENCE;
    my $last = $first->{begun};
    my @bounds;

    for my $time (@times) {
        $last = shift @marks while @marks && $marks[0] < $time;

        my $longer = 1.2 * (($time - $last) / 0.8 + OPEN);
        my $open = $kind{$type}[2] =~ /breaker off/ ? 0
                   : $longer + 2 * $longer;

        $open = 2.4 * MAX if $open > 2.4 * MAX;
        push @bounds, $open + $hang;
    }

    return @bounds;
}
