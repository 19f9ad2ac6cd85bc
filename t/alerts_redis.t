#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Alerts where the queue is in a Redis: they are queued there, what was told is
# known after a restart, a Redis that is away is told of without it, and of
# several nginx each tells what it has seen.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Alerts;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $redis = $t->redis(6379);
my $erp = $t->target(8081);
my $slack = $t->target(8082);
my $a = Test::EventRouter::Alerts->new($slack);

$t->workers_may_change('it is started anew');
$t->expect_log(qr/redis /, 'it is stopped');

sub configure {
    my ($n, $q) = @_;

    $q->config(in => 'redis://127.0.0.1:' . $t->port(6379),
        targets => { erp => { lines => 'retry off; breaker off;',
                              port => 8081 } },
        http => 'event_alerts repeat=3s;',
        server => 'location = /deliver/slack { event_deliver slack;'
            . ' proxy_pass http://127.0.0.1:' . $slack->port . '/slack; }',
        more => 'event_target slack { retry for=1h base=200ms max=200ms;'
            . ' breaker off; } event_route alerts { from router; to slack; }');
}

my $q = Test::EventRouter::Queue->new($t);

configure($t, $q);
$erp->answer('/erp/bad', status => 422);
$t->run;


# ---- a dead letter, and a restart

ok($q->send('erp', kind => 'bad'), 'an event');

my $r = $a->wait('router.target.dead', 'begin');

ok($r, 'dead: it begins');
is($a->data($r)->{reason}, 'final', 'reason');
is($r->header('X-Event-Attempt'), 1, 'by the queue');

$q->change(pause => target => 'erp');
ok($a->wait('router.target.paused', 'begin'), 'paused');
ok($a->wait('router.target.dead', 'end'), 'dead: it ends');

$t->stop;
$t->run;
ok($a->wait('router.target.paused', 'repeat', 'erp', 10),
    'after a restart it goes on');
is($a->count('router.target.paused', 'begin'), 1, 'and does not begin');
$q->change(resume => target => 'erp');
ok($a->wait('router.target.resumed', 'end'), 'it ends');


# ---- Redis goes

$a->forget;
$redis->stop;
$r = $a->wait('router.store.lost', 'begin', undef, 20);
ok($r, 'lost: told without it');
like($a->data($r)->{text}, qr/^The event store does not answer since /,
    'text');
unlike($r->{body}, qr/payload-of|secret-of/, 'nothing else');
$redis->restart;
ok($a->wait('router.store.back', 'end', undef, 20), 'back');
is($a->count('router.store.lost', 'begin'), 1, 'lost once');


# ---- two nginx

my $two = Test::EventRouter->new(workers => 1);
my $q2 = Test::EventRouter::Queue->new($two, prefix => 'two');

$two->{ports}{8081} = $erp->port;

$two->expect_log(qr/redis /, 'the first one\'s');
configure($two, $q2);
$two->run;
$a->forget;
ok(wait_until(10, sub { $q2->post(($q2->event('erp'))[1])->{status} == 202 }),
    'a second nginx');

is(ask_again(20, sub { $q->change(pause => target => 'erp') })->{status}, 200,
    'paused, when Redis is back');
ok(wait_until(10, sub { $a->count('router.target.paused', 'begin') == 2 }),
    'a pause that both share is told by both');
isnt($_->[0]->header('Webhook-Id'), $_->[1]->header('Webhook-Id'),
    'with ids of their own')
    for [ $a->all('router.target.paused', 'begin') ];
is(ask_again(20, sub { $q->change(resume => target => 'erp') })->{status},
    200, 'resumed');
ok(wait_until(10, sub { $a->count('router.target.resumed', 'end') == 2 }),
    'and so is its end');

$a->forget;
$q2->send('erp', kind => 'bad');
ok($a->wait('router.target.dead', 'end', 'erp', 15), 'a dead letter');
is($a->count('router.target.dead', 'begin', 'erp'), 1,
    'is told by the one that had it') or diag(join "\n", $a->list);

$two->_check;
$t->done;
