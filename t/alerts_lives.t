#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Alerts go on: the worker that tells one dies, nginx reloads and starts anew,
# the store is full or away, there is none, and the target of the alerts itself
# is down.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Alerts;
use Test::EventRouter::Queue;

my $crash = "$FindBin::Bin/../build/crash/ngx_http_event_router_module.so";


# the queue's harness, with two targets that get alerts, and one that fails

sub harness {
    my (%o) = @_;

    my $t = Test::EventRouter->new(workers => 2, %{ $o{new} // {} });
    my $q = Test::EventRouter::Queue->new($t);
    my $erp = $t->target(8081);
    my $slack = $t->target(8082);

    $q->config(
        targets => { erp => 'retry off; breaker off;' },
        server => "location = /deliver/slack { event_deliver slack;"
            . " proxy_pass http://127.0.0.1:%%PORT_8082%%/slack; }"
            . ($o{server} // ''),
        http => $o{http} // 'event_alerts repeat=2s;',
        more => 'event_target slack { '
            . ($o{slack} // 'retry for=1h base=200ms max=200ms; breaker off;')
            . ' } event_route alerts { from router; to slack; }'
            . ($o{more} // ''),
        map { $_ => $o{$_} } grep { exists $o{$_} } qw(in store main source));

    $erp->answer('/erp/bad', status => 422);

    return ($t, $q, $erp, Test::EventRouter::Alerts->new($slack), $slack);
}


subtest 'a reload and a restart tell nothing once more' => sub {
    my ($t, $q, $erp, $a, $slack) = harness(http => 'event_alerts repeat=4s;');

    $t->run;
    $q->change(pause => target => 'erp');
    ok($a->wait('router.target.paused', 'begin'), 'paused');

    ok($t->reload, 'reload');
    sleep 1.5;
    is($a->count('router.target.paused', 'begin'), 1, 'not told again');

    $t->stop;
    $t->run;
    sleep 2;
    is($a->count('router.target.paused', 'begin'), 1,
        'nor after a restart');
    ok($a->wait('router.target.paused', 'repeat'), 'but that it goes on');
    $q->change(resume => target => 'erp');
    ok($a->wait('router.target.resumed', 'end'), 'and that it ends');
    is($a->count('router.target.paused', 'begin'), 1, 'it began once');

    # what has ended begins anew

    $t->stop;
    $t->run;
    $q->change(pause => target => 'erp');
    ok(wait_until(8, sub { $a->count('router.target.paused', 'begin') == 2 }),
        'what ended before begins');
    $q->change(resume => target => 'erp');
    $t->_check;
};


for my $at ('alert', 'alert-told') {
    subtest "the worker dies at $at" => sub {
        plan skip_all => 'no build with crash points'
            if !-f $crash && !$ENV{TEST_NGINX_STATIC};

        my ($t, $q, $erp, $a, $slack) = harness(
            new => { module_path => $crash },
            main => "env EVENT_ROUTER_CRASH_AT;"
                . " env EVENT_ROUTER_CRASH_ONCE;");

        $t->workers_may_change('it dies');
        $t->expect_log(qr/exited on signal 9/, 'it dies');

        local $ENV{EVENT_ROUTER_CRASH_AT} = $at;
        local $ENV{EVENT_ROUTER_CRASH_ONCE} = $t->dir . '/once';

        $t->run;
        $q->send('erp', kind => 'bad');

        ok(wait_until(10, sub { -e $t->dir . '/once' }), 'it died');
        ok($a->wait('router.target.dead', 'begin', 'erp', 30),
            'another one tells it');
        ok($a->wait('router.target.dead', 'end', 'erp', 30), 'and its end');
        is($a->count('router.target.dead', 'begin'), 1, 'one alert');
        is(scalar(() = grep { $_->json->{state} eq 'begin' }
                  $slack->requests(uri => '/slack')), 1, 'sent once');
        $t->_check;
    };
}


subtest 'its own target is down' => sub {
    my ($t, $q, $erp, $a, $slack) = harness(http => 'event_alerts repeat=1s;',
        slack => 'retry off; breaker failures=3 open=300ms;');

    $slack->answer('/slack', status => 500);
    $t->run;

    for (1 .. 8) {
        $q->send('erp', kind => 'bad');
        sleep 0.5;
    }

    wait_until(5, sub { !$q->pending });

    my @about = map { $_->json->{target} } $slack->requests;

    cmp_ok(scalar(@about), '<=', 10, 'few of them');
    is(scalar(grep { $_ ne 'erp' } @about), 0, 'none about itself')
        or diag(join "\n", $a->list);
    cmp_ok(scalar($q->dead(target => 'slack')), '>=', 1,
        'those are dead letters as others are');

    # a second one that does work hears nothing of slack from slack's alerts

    $t->_check;
};


subtest 'what a target gets of others is told, alerts of it are not' => sub {
    my ($t, $q, $erp, $a, $slack) = harness(http => 'event_alerts repeat=1s;',
        slack => 'retry off; breaker off;',
        more => 'event_route real { from a; when type = slack; to slack; }');

    $slack->answer('/slack', status => 500);
    $t->run;
    $q->send('slack');
    sleep 4;

    my @dead = grep { $_->json && ($_->json->{state} // '') }
               $slack->requests;
    my @count = map { $_->json->{count} } @dead;

    is($count[0], 1, 'one dead letter of slack is told');
    is($dead[0]->json->{target}, 'slack', 'though to itself');
    is($dead[0]->json->{state}, 'begin', 'as it begins');
    is($dead[1]->json->{state}, 'end', 'and it ends');
    is(scalar(@dead), 2, 'and what became of these is not told');
    $t->_check;
};


subtest 'a full store' => sub {
    my ($t, $q, $erp, $a, $slack) = harness(store => 'size=1m',
        http => 'event_alerts repeat=1s;');

    $t->expect_log(qr/full/, 'that is what is tested');
    $t->run;
    $q->change(pause => target => 'erp');
    ok($a->wait('router.target.paused', 'begin'), 'paused');

    my $full = wait_until(20, sub {
        my ($id, $body) = $q->event('erp', fill => 'x' x 30000);

        return $q->post($body)->{status} == 503;
    });

    ok($full, 'it is full');

    my $r = $a->wait('router.store.full', 'begin');

    ok($r, 'told, though no event can be stored');
    is($a->data($r)->{severity}, 'critical', 'critical');
    like($a->data($r)->{text}, qr/^The event store is full, /, 'text');
    ok($a->wait('router.store.full', 'repeat'), 'and again');
    $q->change(resume => target => 'erp');
    ok(wait_until(15, sub { $q->post(($q->event('erp'))[1]); sleep 0.3;
        $a->count('router.store.back', 'end') }), 'and when it has room');
    is($a->count('router.store.full', 'begin'), 1, 'it began once');
    $t->_check;
};


subtest 'a store that is away' => sub {
    my ($t, $q, $erp, $a, $slack) = harness(http => 'event_alerts repeat=1s;');
    my $store = $t->dir . '/store';

    $t->expect_log(qr/event store/, 'it is moved away');
    $t->run;
    ok(wait_until(8, sub { $q->post(($q->event('erp'))[1])->{status} == 202 }),
        'it is there');
    sleep 1;
    rename $store, "$store.aside";

    my $r = $a->wait('router.store.lost', 'begin', undef, 15);

    ok($r, 'told');
    like($a->data($r)->{text}, qr/^The event store does not answer since /,
        'text');
    ok($a->wait('router.store.lost', 'repeat'), 'and again');
    rename "$store.aside", $store;
    $r = $a->wait('router.store.back', 'end', undef, 20);
    ok($r, 'and that it is back');
    is($a->data($r)->{event_action}, 'resolve', 'resolved');
    is($a->count('router.store.lost', 'begin'), 1, 'it began once');
    $t->_check;
};


subtest 'without a queue' => sub {
    my $t = Test::EventRouter->new(workers => 2);
    my $slack = $t->target(8082);
    my $a = Test::EventRouter::Alerts->new($slack);

    $t->config(<<'EOC');
    event_alerts refused=1 repeat=1s;
    event_source shop { verify shopify; secret file:%%TESTDIR%%/secret-shop; }
    event_route shop { from *; to slack; }
    event_route alerts { from router; to slack; }
    event_route rest { from *; fallback; to slack; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /shop { event_receive shop; }
        location = /slack { event_deliver slack;
            proxy_pass http://127.0.0.1:%%PORT_8082%%/slack; }
    }
EOC

    $t->write_file('secret-shop', $t->secret('topsecretofshop'));
    $slack->answer('/slack', [ { status => 500 }, { status => 500 },
        { status => 200 } ]);
    $t->run;
    $t->post('/shop', '{}', [ shopify('{}', 'wrong') ]);

    ok($a->wait('router.source.refused', 'begin'), 'told at once');
    ok(wait_until(10, sub { 3 <= grep { $_->json->{state} eq 'begin' }
        $slack->requests }), 'and again until the target takes it');
    ok($a->wait('router.source.refused', 'end', undef, 10), 'then its end');
    is($a->count('router.source.refused', 'begin'), 1, 'of the same id');
    is(scalar(() = grep { $_->header('X-Event-Route') ne 'alerts' }
              $slack->requests), 0, 'neither from * nor a fallback means them');
    $t->_check;
};


done_testing();
