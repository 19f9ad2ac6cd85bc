#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "delivery queued wait=": an event is stored, tried at once, and its producer
# hears what became of it if that is known in time: 200, 422 with the target's
# reason, or 202 while the queue goes on.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Port qw(wait_until);
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $erp = $t->target(8081);
my $crm = $t->target(8082);

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');
$t->expect_log(qr/dead letter|answered 503|breaker/, 'failures are what is tested');
$t->expect_log(qr/redis \S+: /, 'a Redis that is away is tested');
$t->expect_log(qr/upstream prematurely closed/, 'a target that closes');


# ---- nginx -t

for my $line ('queued wait=1ms', 'queued wait=1500ms', 'queued wait=9s',
    'queued')
{
    wait_config($line);
    ok(scalar($t->check_config), "fine: delivery $line");
}

wrong('sync wait=1s', 'wait= is for "queued"');
wrong('queued wait=0', 'wait=');
wrong('queued wait=61s', 'wait=');
wrong('queued wait=soon', 'wait=');
wrong('queued wiat=1s', 'which takes sync, or queued and wait=TIME');
wrong('queued wait=10s', 'is not shorter than its deadline');
wrong('queued wait=2s; deadline 2s', 'is not shorter than its deadline');


# ---- files, and Redis

my $redis = $t->redis(6379);

for my $store ('', 'redis://127.0.0.1:%%PORT_6379%%') {
    my $where = $store ? 'redis' : 'file';

    $erp->answer('/erp/ok', status => 201);
    wait_config('queued wait=1500ms', $store ? (in => $store) : ());
    $t->run;

    ok(wait_until(10, sub { post('erp')->{status} == 200 }),
        "$where: delivered in time");

    my $r = post('erp');

    is($r->{status}, 200, "$where: 200");
    is($r->json->{outcome}, 'delivered', "$where: delivered");
    is($r->json->{targets}[0]{state}, 'ok', "$where: by the target");
    is($r->json->{targets}[0]{status}, 201, "$where: with its status");
    empty("$where: and settled");

    # a final failure

    $erp->answer('/erp/bad', status => 400, body => 'hush-words');
    my ($id, $body) = $q->event('erp', kind => 'bad');

    $r = $q->post($body);
    is($r->{status}, 422, "$where: a final failure");
    is($r->header('Content-Type'), 'application/problem+json',
        "$where: a problem");
    is_deeply($r->json, { type => 'about:blank',
        title => 'Unprocessable Content', status => 422,
        detail => 'target "erp" answered 400 and is not asked again: the '
                  . 'event is stored as a dead letter' },
        "$where: with the reason");
    unlike($r->{body}, qr/hush/, "$where: without its words");
    is($r->header('Retry-After'), undef, "$where: not to be repeated");
    is(scalar($q->dead(target => 'erp')), 1, "$where: it is a dead letter");

    # the same event again starts it again, as ever

    $erp->answer('/erp/bad', status => 200);
    $r = $q->post($body);
    is($r->{status}, 202, "$where: a repetition starts it again");
    is($r->json->{outcome}, 'redelivered', "$where: as ever");
    ok(wait_until(10, sub { !$q->dead(target => 'erp') }),
        "$where: and is delivered");

    # one that is tried again

    $erp->answer('/erp/later', [ { status => 503 }, { status => 200 } ]);
    ($id, $body) = $q->event('erp', kind => 'later');
    my $start = time;

    $r = $q->post($body);
    is($r->{status}, 202, "$where: a failure that is tried again");
    cmp_ok(time - $start, '<', 1.2, "$where: is not waited for");
    is($r->json->{outcome}, 'queued', "$where: the queue goes on");
    is($r->json->{targets}[0]{state}, 'queued', "$where: with the target");
    ok(wait_until(10, sub { $q->attempts($erp, $id) == 2 }),
        "$where: and it is");

    # one that is slow

    $erp->answer('/erp/slow', status => 200, delay => 2.5);
    ($id, $body) = $q->event('erp', kind => 'slow');
    $start = time;
    $r = $q->post($body);
    is($r->{status}, 202, "$where: a slow target");
    cmp_ok(time - $start, '>=', 1.4, "$where: is waited for");
    cmp_ok(time - $start, '<', 2.4, "$where: as long as it says");

    # a duplicate while it is under way, and after it

    $r = $q->post($body);
    is($r->{status}, 202, "$where: a duplicate says nothing of targets");
    is($r->json->{outcome}, 'duplicate', "$where: but that it is one");
    empty("$where: it is delivered");
    is(scalar($q->attempts($erp, $id)), 1, "$where: once");
    is($q->post($body)->json->{outcome}, 'duplicate', "$where: and later");

    # clients that go

    $erp->answer('/erp/gone', status => 200, delay => 0.4);

    for my $how ('close', 'reset') {
        my $c = $t->connect;
        ($id, $body) = $q->event('erp', kind => 'gone');

        $c->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
            $body);
        sleep 0.2;
        $c->$how;
        ok(wait_until(10, sub { $q->attempts($erp, $id) == 1 }),
            "$where: $how: delivered");
    }

    empty("$where: all of it");

    # paused: nobody waits for it

    $q->change(pause => target => 'erp');
    sleep 1.2;
    $start = time;
    is(post('erp')->{status}, 202, "$where: paused");
    cmp_ok(time - $start, '<', 1, "$where: and not waited for");
    $q->change(resume => target => 'erp');
    empty("$where: resumed");

    if ($store) {
        $redis->stop;
        sleep 0.3;
        is(post('erp')->{status}, 503, 'Redis is away: nothing is stored');
        $redis->start;
    }

    $t->stop;
}


# ---- several targets

$q->config(delivery => 'queued wait=1500ms', targets => {
        erp => 'retry base=100ms max=100ms;', crm => { lines => '',
        port => 8082 }, maybe => { lines => 'optional;', port => 8083 } },
    more => 'event_route both { from a; when type = both; to erp crm; }'
        . 'event_route opt { from a; when type = opt; to erp maybe; }'
        . 'event_route only { from a; when type = only; to maybe; }'
        . 'event_route slowly { from a; when type = slowly; to erp; '
        . 'delay 500ms; }');
$t->run;

$erp->answer("/erp/$_", status => 200) for 'ok', 'two';
$crm->answer('/crm/ok', status => 200);
$crm->answer('/crm/two', status => 422);

my $r = post('both');
is($r->{status}, 200, 'two targets');
is(join(' ', sort map { "$_->{name}:$_->{state}" } @{ $r->json->{targets} }),
    'crm:ok erp:ok', 'each has it');

$r = post('both', kind => 'two');
is($r->{status}, 422, 'one of them will not take it');
like($r->json->{detail}, qr/^target "crm" answered 422/, 'which one');

$crm->answer('/crm/ok', status => 503);
is(post('both')->{status}, 202, 'one of them is tried again');
$crm->answer('/crm/ok', status => 200);

is(post('opt')->{status}, 200, 'an optional target is not waited for');
is(post('only')->{status}, 202, 'only an optional one: as without a wait');
is(post('slowly')->{status}, 202, 'a delay: as without a wait');
is(post('nobody')->json->{outcome}, 'unrouted', 'no target');

# no answer at all, and no retry

$t->stop;
wait_config('queued wait=1500ms', targets => { erp => 'retry off;' });
$t->run;
$erp->answer('/erp/none', fault => 'close');
$r = post('erp', kind => 'none');
is($r->{status}, 422, 'exhausted with the first attempt');
like($r->json->{detail}, qr/^target "erp" has not taken the event/,
    'without an answer');

# order: what is behind another one is not waited for

$t->stop;
wait_config('queued wait=1500ms',
    targets => { erp => 'order by=data.k; retry base=300ms max=300ms;' });
$t->run;
$erp->answer('/erp/first', [ { status => 503 }, { status => 200 } ]);
is(post('erp', k => 1, kind => 'first')->{status}, 202, 'the first one');
my $start = time;
is(post('erp', k => 1)->{status}, 202, 'the one behind it');
cmp_ok(time - $start, '<', 1, 'is not waited for');
empty('all of them');

my $k = 1;

ok(wait_until(5, sub { post('erp', k => ++$k)->{status} == 200 }),
    'with nothing in front of it it is');

# a batch: the worst of them decides

$t->stop;
wait_config('queued wait=1500ms', targets => { erp => 'retry base=100ms;' },
    more => 'event_source b { verify off; delivery queued wait=1500ms; '
        . 'split data.events; id "{item:id}"; type "{item:type}"; }'
        . 'event_route b { from b; to erp; }',
    server => 'location = /b { event_receive b; }');
$t->run;
$erp->answer('/erp/ok', status => 200);
$erp->answer('/erp/bad', status => 400);
$r = $q->post('{"events":[{"id":"b1","type":"erp","kind":"ok"},'
    . '{"id":"b2","type":"erp","kind":"bad"}]}', '/b');
is($r->{status}, 422, 'a batch');
is(join(' ', map { $_->{outcome} } @{ $r->json->{events} }),
    'delivered dead', 'each with its own');
like($r->json->{events}[1]{detail}, qr/^target "erp" answered 400/,
    'and its reason');

# a worker that is told to go answers, and so does one at a reload

$erp->answer('/erp/slow', status => 200, delay => 1);

my $c = $t->connect;
my ($id, $body) = $q->event('erp', kind => 'slow');

$c->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
    $body);
sleep 0.3;
$t->reload;
is($c->response->{status}, 200, 'a reload');
empty('all is delivered');

is($t->get('/status')->json->{sources}{b}{dead}, 1, 'counted as dead');

$t->done;


sub wait_config {
    my ($line, %o) = @_;

    $o{targets} //= { erp => 'retry base=100ms max=100ms; breaker off;' };

    $q->config(delivery => $line, %o);
}


sub wrong {
    my ($line, $expected) = @_;

    wait_config($line);

    my ($ok, $said) = $t->check_config;

    ok(!$ok && $said =~ /\[emerg\] .*\Q$expected\E.*nginx\.conf:\d+$/m,
        "wrong: delivery $line") or diag($said);
}


sub post { my ($type, %o) = @_; return $q->post(($q->event($type, %o))[1]) }


sub empty {
    my ($name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok(wait_until(15, sub {
        my $targets = $t->get('/status')->json->{targets};

        return !grep { $_->{pending} } values %$targets;
    }), $name);
}
