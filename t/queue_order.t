#!/usr/bin/perl

# Copyright (C) Event Router contributors

# order by=: events of one key go one after the other in the order in which
# they were accepted, whichever of two workers has them, also when the target
# fails in between and nginx is reloaded; other keys go beside them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my %target = map { $_ => $t->target($_) } 8081 .. 8085;

my $calm = 'breaker off; retry for=1h base=30ms max=100ms;'
    . 'order by=data.key;';

sub config {
    $q->config(targets => {
        line  => { port => 8081, lines => "$calm concurrency 8;" },
        bumpy => { port => 8082, lines => "$calm concurrency 8;" },
        block => { port => 8083, lines => "$calm concurrency 8;" },
        final => { port => 8084, lines => "$calm concurrency 8;" },
        turn  => { port => 8085, lines => "$calm concurrency 8;" },
    });
}

config();
$t->run;

my @keys = map { "k$_" } 1 .. 4;


# in which order the target took the events of a key: those with 2xx are the
# last request of each

sub order_of {
    my ($target, $key) = @_;

    my (@ids, %last);

    for my $r ($target->requests) {
        my $event = $r->json;

        next if ($event->{key} // '') ne $key;
        push @ids, $event->{id} if !exists $last{$event->{id}};
        $last{$event->{id}} = $r->{time};
    }

    return @ids;
}


# no event of a key begins before the one in front has been answered

sub one_by_one {
    my ($target, $key, $delay) = @_;

    my @r = grep { ($_->json->{key} // '') eq $key } $target->requests;

    return $q->most_at_once($delay, @r) == 1;
}


# ---- one after the other, others beside

$target{8081}->answer('/line/ok', delay => 0.05);

my %sent;

for my $n (1 .. 15) {
    push @{ $sent{$_} }, $q->send('line', key => $_, n => $n) for @keys;
}

ok(wait_until(30, sub { $target{8081}->count >= 60 }), 'all are delivered');
ok($q->wait_drained(10, target => 'line'), 'and settled');
is($target{8081}->count, 60, 'each once');

for my $key (@keys) {
    is(join(' ', order_of($target{8081}, $key)), join(' ', @{ $sent{$key} }),
        "$key: in the order in which they came");
    ok(one_by_one($target{8081}, $key, 0.05), 'one after the other');
}

cmp_ok($q->most_at_once(0.05, $target{8081}->requests), '>', 1,
    'different keys in parallel');


# ---- without the field there is no order

$target{8081}->forget;
$target{8081}->answer('/line/ok', delay => 0.4);
$q->send_many(8, 'line');
ok(wait_until(15, sub { $target{8081}->count >= 8 }), 'without a key');
cmp_ok($q->most_at_once(0.4, $target{8081}->requests), '>', 2,
    'they go in parallel');


# ---- values that look alike

$target{8081}->forget;
$target{8081}->answer('/line/ok', delay => 0.5);
$q->send('line', key => $_) for 7, '7', '07', '', ' 7';
ok(wait_until(15, sub { $target{8081}->count >= 5 }), 'alike');
cmp_ok($q->most_at_once(0.5, $target{8081}->requests), '>=', 4,
    'are not the same');


# ---- failures in between

$target{8082}->answer('/bumpy/ok', [ map { { status => 503 }, { status => 200 },
    { status => 200 }, { fault => 'reset' }, { status => 200 } } 1 .. 40 ]);
%sent = ();

for my $n (1 .. 12) {
    push @{ $sent{$_} }, $q->send('bumpy', key => $_, n => $n) for @keys;
}

ok($q->wait_drained(30, target => 'bumpy'), 'failures in between');
is(scalar $q->dead(target => 'bumpy'), 0, 'none is given up');

for my $key (@keys) {
    is(join(' ', order_of($target{8082}, $key)), join(' ', @{ $sent{$key} }),
        "$key: in order");

    # an event that failed comes again before any other of its key

    my @seen = map { $_->json } grep { $_->json->{key} eq $key }
        $target{8082}->requests;
    my $back = grep { $seen[$_]{n} < $seen[$_ - 1]{n} } 1 .. $#seen;

    is($back, 0, 'none overtakes one that is tried again');
}


# ---- one that hangs holds up its key only

$target{8083}->answer('/block/bad', status => 500);

my $bad = $q->send('block', key => 'stuck', kind => 'bad');
my @behind = map { $q->send('block', key => 'stuck') } 1 .. 5;

ok(wait_until(10, sub { $target{8083}->count >= 3 }), 'one fails for ever');

my @free = map { $q->send('block', key => 'free') } 1 .. 5;

ok(wait_until(10, sub { (order_of($target{8083}, 'free')) == 5 }),
    'others do not wait for it');
is(join(' ', order_of($target{8083}, 'stuck')), $bad, 'those behind it do');
ok(wait_until(5, sub { $q->pending(target => 'block') == 6 }),
    'and are not lost');
$target{8083}->answer('/block/bad', status => 200);
ok($q->wait_drained(15, target => 'block'), 'then they go');
is(join(' ', order_of($target{8083}, 'stuck')), join(' ', $bad, @behind),
    'in order');


# ---- a dead letter lets the next one go, and comes back in front if replayed

$target{8084}->answer('/final/bad', status => 400, delay => 0.2);
$target{8084}->answer('/final/ok', delay => 0.2);
$bad = $q->send('final', key => 'x', kind => 'bad');
@behind = map { $q->send('final', key => 'x') } 1 .. 6;
ok(wait_until(10, sub { $target{8084}->count >= 2 }), 'a dead letter');
is(scalar $q->wait_dead(1, 10), 1, 'is out of the way');
$target{8084}->answer('/final/bad', status => 200, delay => 0.2);
$q->change(replay => target => 'final');
ok($q->wait_drained(20, target => 'final'), 'all are delivered');
ok(one_by_one($target{8084}, 'x', 0.19), 'one by one, the replayed one too');
is(scalar(grep { $_->header('Webhook-Id') eq $bad } $target{8084}->requests),
    2, 'which came back');


# ---- reload in the middle

$target{8085}->answer('/turn/ok', delay => 0.03);
%sent = ();

for my $n (1 .. 20) {
    push @{ $sent{$_} }, $q->send('turn', key => $_, n => $n) for @keys;
    $t->reload if $n == 7 || $n == 14;
}

ok($q->wait_drained(30, target => 'turn'), 'reloads in the middle');
is($target{8085}->count, 80, 'each once');

for my $key (@keys) {
    is(join(' ', order_of($target{8085}, $key)), join(' ', @{ $sent{$key} }),
        "$key: in order");
    ok(one_by_one($target{8085}, $key, 0.03), 'one after the other');
}


# ---- a worker that is killed in the middle

$target{8085}->forget;
%sent = ();

for my $n (1 .. 10) {
    push @{ $sent{$_} }, $q->send('turn', key => $_, n => $n) for @keys;
    $t->kill_worker if $n == 5;
}

ok($q->wait_drained(30, target => 'turn'), 'a worker killed in the middle');

for my $key (@keys) {
    is(join(' ', order_of($target{8085}, $key)), join(' ', @{ $sent{$key} }),
        "$key: in order");
}

$t->done;
