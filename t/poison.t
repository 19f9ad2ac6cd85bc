#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A few events that a healthy target cannot stand: they do not keep it from the
# others, in files and in Redis, whatever the target does with them; and a
# target that is down gets no more than its probes.  The times of "retry" and
# "breaker" are the defaults divided by 25, and so is the aim: of the good
# events 95 % within 30 s / 25 of being accepted.  "make soak" runs it with the
# defaults themselves (POISON_SCALE=1).

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw(min);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

use constant SCALE => $ENV{POISON_SCALE} || 25;
use constant AIM => 30 / SCALE;

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $q;

my $retry = sprintf 'retry for=72h base=%dms max=%dms;', 5_000 / SCALE,
    14_400_000 / SCALE;
my $breaker = sprintf 'breaker failures=5 ratio=50%% min=20 window=%dms'
    . ' open=%dms max=%dms;', SCALE > 10 ? 1000 : 10_000 / SCALE,
    5_000 / SCALE, 300_000 / SCALE;
my $silence = int(50_000 / SCALE) . 'ms';

# name => lines of the target

my %kind = (
    refuse => '',
    hang   => '',
    half   => '',
    narrow => 'concurrency 1;',
    paced  => 'rate 20r/s burst=5;',
    order  => 'order by=data.group;',
    down   => '',
    gone   => '',
    asked  => 'breaker failures=5 open=1h max=1h; retry base=1h max=1h;',
    replay => 'rate 20r/s burst=1; breaker off; retry off;',
);


# an event; those of a target with an order have seven keys

sub send_event {
    my ($type, $kind) = @_;

    return $q->send($type, kind => $kind,
        group => $kind . scalar($q->sent($type, $kind)) % 7);
}


# the share of the good ones that was taken in time, percent

sub in_time {
    my ($type, $allowed) = @_;

    my @waits = $q->waits($target, $q->sent($type, 'good'));

    return @waits ? 100 * (grep { $_ <= $allowed } @waits) / @waits : 0;
}


# five events have failed: when the last of them was sent

sub opened {
    my @r = @_;

    my %seen;
    my @first = grep { !$seen{ $_->header('Webhook-Id') }++ } @r;

    return @first >= 5 ? $first[4]{begun} : time;
}


# how many can have been made since, which is longer on a slow machine

sub probes {
    my ($seconds) = @_;

    my $n = 0;
    my $wait = 0.8 * 5 / SCALE;

    while ($seconds >= $wait) {
        $seconds -= $wait;
        $wait = min(2 * $wait, 0.8 * 300 / SCALE);
        $n++;
    }

    return $n;
}


sub change { return $q->change(@_)->{status} }


for my $store ('file:%%TESTDIR%%/store size=32m',
               'redis://127.0.0.1:%%PORT_6379%%/0')
{
    my ($name) = $store =~ /^(\w+)/;

    $target->forget;
    $q = Test::EventRouter::Queue->new($t, prefix => $name);
    $q->config(in => $store, targets => { map { $_ => {
        lines => join("\n", $kind{$_}, $kind{$_} =~ /retry/ ? () : $retry,
                      $kind{$_} =~ /breaker/ ? () : $breaker),
        location => "proxy_read_timeout $silence;"
    } } keys %kind });

    for my $type (qw(refuse half narrow paced order)) {
        $target->answer("/$type/bad", status => 500);
        $target->answer("/$type/good", status => 200);
    }

    $target->answer('/hang/bad', fault => 'hang');
    $target->answer("/$_/good", status => 500) for qw(down asked replay);
    $target->answer('/gone/good', fault => 'hang');

    $t->run;


    # ---- five bad ones, then good ones every few seconds; all kinds at once

    my @bad = qw(refuse hang narrow paced order);

    for my $type (@bad) {
        send_event($type, 'bad') for 1 .. 5;
    }

    my $began = time;
    my $n = 0;

    while (time - $began < 275 / SCALE) {
        my $now = time - $began;

        for my $type (@bad) {
            send_event($type, 'good') if $now > 75 / SCALE;
        }

        send_event('half', $n % 2 ? 'bad' : 'good');
        send_event($_, 'good') for qw(down gone);
        $n++;
        sleep 3.75 / SCALE;
    }

    sleep AIM;

    for my $type (@bad, 'half') {
        cmp_ok(in_time($type, AIM), '>=', 95, "$name, $type: good ones in time")
            or diag(in_time($type, AIM) . ' %, ' . in_time($type, 2 * AIM)
                    . ' %');
    }


    # ---- a target that is down: 5 + 10 + ... + 160 s, a fifth less

    my @r = sort { $a->{begun} <=> $b->{begun} }
        grep { $_->{uri} eq '/down/good' } $target->requests;
    my $open = opened(@r);
    my @probes = grep { $_->{begun} > $open + 0.8 * 5 / SCALE } @r;

    cmp_ok(scalar @probes, '<=', probes(time - $open) + 2,
        "$name: down: no more than its probes")
        or diag(join ' ', map { sprintf '%.2f', $_->{begun} - $open } @r);
    cmp_ok(scalar @probes, '>=', 3, "$name: down: but these");

    @r = grep { $_->{uri} eq '/gone/good' } $target->requests;
    cmp_ok(scalar @r, '<=', 16 + 2 * 8, "$name: silent: nor there");


    # ---- an operator asks

    $target->forget;
    send_event('asked', 'good') for 1 .. 8;
    ok(wait_until(5, sub {
        (grep { $_->{uri} eq '/asked/good' } $target->requests) >= 5 }),
        "$name: a breaker opens");
    sleep 0.5;

    my $count = sub {
        scalar grep { $_->{uri} eq '/asked/good' } $target->requests };
    my $before = $count->();

    is(change(probe => target => 'asked'), 200, "$name: a probe is asked for");
    ok(wait_until(2, sub { $count->() == $before + 1 }), "$name: it is made");
    $target->answer('/asked/good', status => 200);
    is(change(probe => target => 'asked'), 200, "$name: and another one");
    ok(wait_until(2, sub { $count->() >= $before + 2 }), "$name: made as well");
    change(probe => target => 'asked'), sleep 0.2 for 1 .. 8;
    ok(wait_until(3, sub { $count->() >= $before + 5 }),
        "$name: well again, it goes on");
    is(change(probe => target => 'nobody'), 404, "$name: of no target");
    change(pause => target => 'asked');
    is(change(probe => target => 'asked'), 409, "$name: of one that is paused");


    # ---- replays have half of the rate

    send_event('replay', 'good') for 1 .. 60;
    is(scalar($q->wait_dead(60, 10, target => 'replay', limit => 1000)), 60,
        "$name: sixty dead letters");

    $target->answer('/replay/good', status => 200);
    $target->forget;
    is(change(replay => target => 'replay'), 200, "$name: replayed");
    sleep 0.5;

    my @new = map { send_event('replay', 'good') } 1 .. 5;

    ok(wait_until(5, sub { !grep { $_ == 9e9 } $q->waits($target, @new) }),
        "$name: new ones are delivered");

    my ($worst) = sort { $b <=> $a } $q->waits($target, @new);

    cmp_ok($worst, '<', 1.2, "$name: with half of the rate at least");
    ok(wait_until(10, sub {
        (grep { $_->{uri} eq '/replay/good' } $target->requests) == 65 }),
        "$name: and the replayed ones, each once");

    $t->quit;
}

$t->done;
