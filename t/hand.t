#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What a worker has in hand of a target beyond its places: how many accepted
# events are delivered without asking the store for them again, that there are
# never more deliveries than places, and what becomes of those that wait when
# no place comes, when the worker is replaced, and when it dies.

use warnings;
use strict;

BEGIN { $ENV{TEST_NGINX_DEBUG} = 1 }       # questions are counted in the log

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 1);
my $q = Test::EventRouter::Queue->new($t);
my %target = map { $_ => $t->target($_) } 8083 .. 8085;

my $calm = 'breaker off; retry for=1h base=50ms max=100ms;';

# accepts wait for company, so that a burst is one transaction or two

$q->config(
    store => 'size=64m window=300ms',
    targets => {
        prompt => { lines => $calm, location => 'return 204;' },
        single => { lines => "$calm concurrency 1;",
            location => 'return 204;' },
        slow   => { port => 8083, lines => "$calm concurrency 2;" },
        behind => { port => 8084, lines => "$calm concurrency 2;" },
        paced  => { port => 8085, lines => "$calm rate 10r/s burst=3;" },
    });

$t->run;

plan(skip_all => 'nginx is built without --with-debug')
    if !grep { /\[debug\]/ } $t->log_lines;


# ---- a target that is known to be fast takes all from memory

burst('prompt', 1) for 1 .. 3;
ok($q->wait_drained(10, target => 'prompt'), 'it answers');

my $before = asked('prompt');

burst('prompt', 64);
ok($q->wait_drained(20, target => 'prompt'), 'all are delivered');
is(attempts('prompt'), 67, 'each once');
is(asked('prompt'), $before, 'four times as many as it has places, and the store is'
    . ' not asked for any');


# ---- with an only place, too

burst('single', 1) for 1 .. 3;
ok($q->wait_drained(10, target => 'single'), 'it is fast');

$before = asked('single');

burst('single', 20);
ok($q->wait_drained(20, target => 'single'), 'twenty are delivered');
is(asked('single'), $before, 'and the store is not asked');


# ---- one that hangs keeps only what it has

burst('slow', 2);
ok($q->wait_drained(10, target => 'slow'), 'it is fast');
$target{8083}->forget;
$target{8083}->answer('/slow/ok', fault => 'hang');
burst('slow', 12);
ok(wait_until(10, sub { $target{8083}->count == 2 }), 'two hang');
ok(wait_until(10, sub { gone_back('slow') >= 10 }), 'ten are handed back');
burst('slow', 3);
is(gone_back('slow'), 10, 'the next ones do not get so far');
is($target{8083}->count, 2, 'still two hang');

$target{8083}->answer('/slow/ok', status => 200);
$t->kill_worker;
ok(wait_until(10, sub {
    (grep { $_->{crashes} } $q->pending(target => 'slow')) <= 2 }),
    'the worker dies: of the two, and not of those that waited');
ok($q->wait_drained(20, target => 'slow'), 'all are delivered');

my $seen = $q->seen($target{8083});

is(scalar keys %$seen, 15, 'each');
is((grep { $_ > 1 } values %$seen), 2, 'twice the two that hung');


# ---- the next worker has what waits in the hand of one that is replaced

$target{8084}->answer('/behind/ok', delay => 1);
burst('behind', 8);
ok(wait_until(10, sub { $target{8084}->count >= 2 }), 'two are slow');
ok($t->reload, 'reload');
ok($q->wait_drained(30, target => 'behind'), 'all are delivered');
$seen = $q->seen($target{8084});
is(scalar keys %$seen, 8, 'each');
is((grep { $_ > 1 } values %$seen), 0, 'once');
is($q->most_at_once(1, $target{8084}->requests), 2, 'two at a time');


# ---- the rate counts when an attempt starts

burst('paced', 9);
ok($q->wait_drained(20, target => 'paced'), 'all are delivered');
my @r = sort { $a->{begun} <=> $b->{begun} } $target{8085}->requests;
is(scalar @r, 9, 'each once');
cmp_ok($r[-1]{begun} - $r[0]{begun}, '>=', 6 / 10 - 0.15, 'not faster');

$t->stop;


# ---- what is delivered and not settled yet, for the disk is slow, takes room

SKIP: {
    my $library = "$t->{dir}/fsync.so";

    skip('there is no compiler', 5)
        if system("cc -shared -fPIC -o $library $FindBin::Bin/fault/fsync.c"
                  . ' -ldl');

    $t = Test::EventRouter->new(workers => 1);
    $q = Test::EventRouter::Queue->new($t);
    $q->config(store => 'size=64m',
        targets => { prompt => { lines => $calm, location => 'return 204;' } });
    $t->{environment} = { LD_PRELOAD => $library,
        ER_FAULT_FSYNC => $t->write_file('fsync', pack 'q', 0) };
    $t->run;

    burst('prompt', 1) for 1 .. 3;
    ok($q->wait_drained(10, target => 'prompt'), 'it answers');
    slow(500);

    burst('prompt', 150) for 1 .. 3;

    my ($most) = sort { $b <=> $a }
                 map { /hand: "prompt" waiting:(\d+) coming:(\d+) telling:(\d+)/
                       ? $1 + $2 + $3 : 0 } $t->log_lines;

    cmp_ok($most, '>=', 100, 'many wait for the disk');
    cmp_ok($most, '<=', 256 + 16, 'and no more than a hand and places have');

    slow(0);
    ok($q->wait_drained(20, target => 'prompt'), 'all are delivered');
    is(attempts('prompt'), 453, 'each once');
    $t->stop;
}

done_testing();


# n events at the same time, each by a connection of its own

sub burst {
    my ($type, $n) = @_;

    my @clients = map { $t->connect } 1 .. $n;

    for my $c (@clients) {
        my ($id, $body) = $q->event($type);

        $c->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
            $body);
    }

    my $accepted = grep { my $r = $_->response; $r && $r->{status} == 202 }
                   @clients;

    is($accepted, $n, "$n events for $type are accepted");
    $_->close for @clients;
}


# how long the disk takes; nginx has the file mapped, so it stays as long

sub slow {
    my ($ms) = @_;

    open my $f, '+<', "$t->{dir}/fsync" or die "fsync: $!\n";
    binmode $f;
    syswrite $f, pack 'q', $ms;
    close $f;
}


# how often the store was asked for entries of the target

sub asked {
    my ($name) = @_;

    return scalar grep { /dispatch: "$name", store is asked/ } $t->log_lines;
}


# how many attempts have ended

sub attempts {
    my ($name) = @_;

    return scalar grep { /lease: event \S+ to "$name", status:204/ }
                  $t->log_lines;
}


# how many were handed back without an attempt

sub gone_back {
    my ($name) = @_;

    return scalar grep { /settle: event \S+ to "$name" goes back for 0ms/ }
                  $t->log_lines;
}
