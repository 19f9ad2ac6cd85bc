#!/usr/bin/perl

# Copyright (C) Event Router contributors

# How gently targets are treated by two workers together: concurrency, rate,
# shares of new events and retries, the circuit breaker over reload, a bad
# neighbour, and bodies that stay in the store while a target hangs.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

use constant SLOW => 6;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my %target = map { $_ => $t->target($_) } 8081 .. 8088;

my $calm = 'breaker off; retry for=1h base=50ms max=100ms;';

my @many = map { "many$_" } 1 .. 8;

$q->config(
    store => 'size=64m memory=1m',
    http => 'event_concurrency 64;',
    targets => {
        narrow  => { port => 8081, lines => "$calm concurrency 4;" },
        paced   => { port => 8082, lines => "$calm rate 20r/s burst=5;" },
        storm   => { port => 8083, lines => "$calm concurrency 4;",
            location => 'proxy_read_timeout 1s;' },
        broken  => { port => 8084,
            lines => 'retry for=1h base=100ms max=200ms; concurrency 8;'
                     . 'breaker failures=5 open=3s max=3s;' },
        prompt  => { port => 8085, lines => $calm },
        asks    => { port => 8085, lines => 'retry for=1h base=1s max=1h;' },
        stuck   => { port => 8086, lines => "$calm concurrency 16;" },
        heavy   => { port => 8087, lines => "$calm concurrency 64;" },
        map { $_ => { port => 8088, lines => $calm } } @many,
    });

$t->run;


# ---- concurrency, over all workers

$target{8081}->answer('/narrow/ok', delay => 0.2);

my @ids = $q->send_many(50, 'narrow');

ok(wait_until(30, sub { $target{8081}->count >= 50 }), 'all are delivered');
ok($q->wait_drained(10, target => 'narrow'), 'and settled');

my @r = $target{8081}->requests;

is(scalar keys %{ $q->seen($target{8081}) }, 50, 'each');
is(scalar @r, 50, 'once');
is($q->most_at_once(0.2, @r), 4, 'four at once, never more');


# ---- rate

@ids = $q->send_many(45, 'paced');
ok(wait_until(30, sub { $target{8082}->count >= 45 }), 'all are delivered');
@r = sort { $a->{begun} <=> $b->{begun} } $target{8082}->requests;
is(scalar @r, 45, 'each once');

# 5 at once, 40 at 20 a second; a request that was slow on its way may come
# nearer to the next

cmp_ok($r[-1]{begun} - $r[0]{begun}, '>=', 40 / 20 - 0.25, 'not faster');

my $worst = 0;

for my $i (0 .. $#r) {
    for my $j ($i .. $#r) {
        my $more = $j - $i + 1 - 20 * ($r[$j]{begun} - $r[$i]{begun});
        $worst = $more if $more > $worst;
    }
}

cmp_ok($worst, '<=', 5 + 1 + 5, 'nor in any part of the time');


# ---- separate shares

$target{8083}->answer('/storm/bad', status => 500);
$q->send_many(30, 'storm', kind => 'bad');
ok(wait_until(20, sub {
    (grep { $_->{attempts} } $q->pending(target => 'storm')) == 30 }),
    'a storm of retries');
$target{8083}->answer('/storm/bad', fault => 'hang');
$target{8083}->forget;
ok(wait_until(10, sub { $target{8083}->count >= 8 }), 'that time out');

my $start = time;
my @good = $q->send_many(6, 'storm', kind => 'good');

ok(wait_until(20, sub {
    my $seen = $q->seen($target{8083}, uri => '/storm/good');
    return keys %$seen == 6 }), 'new events are delivered');
cmp_ok(time - $start, '<', 5, 'at once: 30 that time out are not waited for');

my @bad = grep { $_->{uri} eq '/storm/bad' } $target{8083}->requests;

cmp_ok($q->most_at_once(0.9, @bad), '<=', 4, 'still within concurrency');
$target{8083}->answer('/storm/bad', status => 200);
ok($q->wait_drained(20, target => 'storm'), 'all end well');


# ---- the circuit breaker

my $broken = $target{8084};

$broken->answer('/broken/ok', status => 500, delay => 0.1);
@ids = $q->send_many(24, 'broken');

my $open = qr/circuit breaker of target "broken" is open for \d+ms\b/;

ok($t->wait_log($open, 10), 'it opens, and says so');
sleep 0.5;

my $before = $broken->count;

# 8 were under way at most when the fifth failed

cmp_ok($before, '<=', 5 + 8, 'after five failures');
sleep 0.7;
is($broken->count, $before, 'then the target is left alone');

$t->reload;
sleep 0.5;
is($broken->count, $before, 'also after a reload');

my @pending = $q->pending(target => 'broken', limit => 100);

is(scalar @pending, 24, 'all wait');
cmp_ok(scalar(grep { $_->{attempts} } @pending), '<=', $before,
    'and lose no attempts');

# the first probe fails, then the target lives again

ok(wait_until(15, sub { $broken->count > $before }), 'a probe');
$broken->answer('/broken/ok', status => 200, delay => 0.1);
sleep 0.3;
is($broken->count, $before + 1, 'one alone');
ok(wait_until(10, sub {
    (grep { $_ =~ $open } $t->log_lines) >= 2 }), 'open again');

$broken->forget;
ok($t->wait_log(qr/circuit breaker of target "broken" is closed/, 15),
    'three that succeed close it');
ok(wait_until(30, sub { !$q->pending(target => 'broken') }),
    'all are delivered');

@r = sort { $a->{begun} <=> $b->{begun} } $broken->requests;
is(scalar @r, 24, 'each once');
is($q->most_at_once(0.1, @r[0 .. 3]), 1, 'the probes one by one');

my @soon = grep { $_->{begun} < $r[2]{time} + 0.1 + 0.9 } @r;

cmp_ok($q->most_at_once(0.1, @soon), '<=', 1, 'slow start: one at a time,');
@soon = grep { $_->{begun} < $r[2]{time} + 0.1 + 1.9 } @r;
cmp_ok($q->most_at_once(0.1, @soon), '<=', 2, 'then two');


# ---- a bad neighbour

$target{8086}->answer('/stuck/ok', fault => 'hang');
$q->send_many(60, 'stuck');
ok(wait_until(10, sub { $target{8086}->begun >= 16 }), 'a target hangs');

my %sent;

for my $i (1 .. 20) {
    my ($id, $body) = $q->event('prompt');

    $sent{$id} = time;
    $q->post($body);
}

ok(wait_until(10, sub { $target{8085}->count >= 20 }), 'others do not');

my @waits = sort { $a <=> $b }
    map { $_->{time} - $sent{$_->header('Webhook-Id')} }
    $target{8085}->requests;

cmp_ok($waits[10], '<', 0.5, 'nor does it delay them');
cmp_ok($waits[-1], '<', SLOW, 'any of them');
is($target{8086}->begun, 16, 'no more than its concurrency hangs');


# ---- bodies stay in the store

sub memory {
    my ($most) = 0;

    for my $pid ($t->workers) {
        open my $f, '<', "/proc/$pid/status" or next;
        my ($kb) = join('', <$f>) =~ /^RssAnon:\s+(\d+) kB/m;
        $most = $kb if ($kb // 0) > $most;
    }

    return $most;
}


$target{8087}->answer('/heavy/ok', fault => 'hang');

my $heavy = 'x' x 100_000;

# buffers of the first ones are there to stay

$q->send_many(8, 'heavy', text => $heavy);

my $kb = memory();

$q->send_many(292, 'heavy', text => $heavy);
sleep 1;

# a worker has 1m in hand, and one more at most where that was not yet full;
# beside them there is what clients and the transaction under way have

cmp_ok($target{8087}->begun, '<=', 2 * 11, 'few of them are in flight');
cmp_ok($target{8087}->begun, '>=', 10, 'but some');

SKIP: {
    skip 'a sanitizer keeps freed memory', 1
        if $t->binary =~ /asan/;

    cmp_ok(memory() - $kb, '<', 8 * 1024, 'the others are not in memory');
}

$target{8087}->answer('/heavy/ok', status => 200);
$target{8087}->stop;
$target{8087}->start;
ok(wait_until(30, sub { !$q->pending(target => 'heavy') }),
    'all are delivered when the target is back');
is(scalar keys %{ $q->seen($target{8087}) }, 300, 'each of them');

$target{8086}->answer('/stuck/ok', status => 200);
$target{8086}->stop;
$target{8086}->start;

ok($q->wait_drained(30), 'nothing is left');


# ---- nor do many targets together fill the memory

$target{8088}->answer("/$_/ok", fault => 'hang') for @many;

for my $name (@many) {
    $q->change(pause => target => $name);
    $q->send_many(16, $name, text => $heavy);
}

is(scalar $q->pending(limit => 1000), 128, 'pending for many targets');
ok($t->quit, 'and nginx is started anew');
$t->run;
$q->change(resume => target => $_) for @many;
ok(wait_until(10, sub { $target{8088}->begun >= 10 }), 'they all hang');
sleep 2.5;

# each target may get one that is larger than what is left

cmp_ok($target{8088}->begun, '<=', 2 * (10 + 8), 'few are in flight');
$target{8088}->answer("/$_/ok", status => 200) for @many;
$target{8088}->stop;
$target{8088}->start;
ok($q->wait_drained(30), 'all are delivered when they are back');


# ---- a pause that the target asked for is to be seen, and an operator ends it

my $asks = $target{8085};

$asks->forget;
$asks->answer('/asks/ok', status => 503, headers => [ 'Retry-After' => 600 ]);
$q->send('asks');
ok($t->wait_log(qr/\[warn\] .*target "asks" asked for a pause of \d+ms/),
    'a pause: the log says so');
$q->send('asks') for 1 .. 3;
$asks->answer('/asks/ok', status => 200);
sleep 1.5;
is($asks->count, 1, 'nothing is sent');
like($t->get('/status')->{body},
    qr/"asks":\{"pending":4,[^}]*"paused":false,[^}]*"pause_seconds":[1-9]/,
    'the status says why');
$q->change(resume => target => 'asks');
ok(wait_until(10, sub { $asks->count >= 4 }), 'resumed by an operator');

$t->done;
