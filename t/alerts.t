#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The router's own events: each kind begins, is repeated and ends, whatever
# happens meanwhile; they are about others, not about themselves; and what there
# is to say of them in nginx.conf.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Alerts;
use Test::EventRouter::Queue;

my $alerts = 'event_route alerts { from router; to slack; }';

sub harness {
    my ($more, %o) = @_;

    my $t = Test::EventRouter->new(workers => 2, %{ $o{new} // {} });
    my $q = Test::EventRouter::Queue->new($t);
    my $erp = $t->target(8081);
    my $slack = $t->target(8082);

    $q->config(
        targets => { erp => 'retry off; breaker failures=3 open=300ms;',
                     %{ $o{targets} // {} } },
        server => "location = /deliver/slack { event_deliver slack;"
            . " proxy_pass http://127.0.0.1:%%PORT_8082%%/slack; }"
            . ($o{server} // ''),
        http => $o{http} // 'event_alerts repeat=1s;',
        main => $o{main} // '', source => $o{source} // '',
        store => $o{store} // 'size=16m',
        more => "event_target slack { retry for=1h base=200ms max=200ms;"
            . " breaker off; }\n$alerts\n" . ($more // ''));

    return ($t, $q, $erp, Test::EventRouter::Alerts->new($slack), $slack);
}


# ---- dead letters

my ($t, $q, $erp, $a, $slack) = harness();

$erp->answer('/erp/bad', status => 422, body => 'payload-of-nobody');
$t->run;

my $id = $q->send('erp', kind => 'bad', mail => 'secret-of-the-event');
my $r = $a->wait('router.target.dead', 'begin');

ok($r, 'dead: it begins') or diag(join "\n", $a->list);

my $d = $a->data($r);

is($r->header('ce-source'), 'router', 'source');
is($r->header('ce-subject'), 'erp', 'subject');
like($r->header('ce-time'), qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'time');
is($r->header('Content-Type'), 'application/json', 'content type');
is($d->{target}, 'erp', 'target');
is($d->{count}, 1, 'count');
is($d->{total}, 1, 'total');
is($d->{reason}, 'final', 'reason');
is($d->{status}, 422, 'status');
is($d->{severity}, 'error', 'severity');
is($d->{event_action}, 'trigger', 'PagerDuty: trigger');
like($d->{example}, qr/^[0-9a-f]{16}$/, 'an example');
like($d->{$_}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, $_)
    for qw(since first last);
like($d->{text}, qr/^Target erp has dead letters: 1 since \S+Z, the last: final, status 422$/,
    'text');
unlike($r->{body}, qr/payload-of-nobody|secret-of-the-event|\b\Q$id\E\b/,
    'nothing of events');

my ($dead) = $q->dead(target => 'erp');
is($d->{example}, $dead->{event}, 'the example is in the list');

$r = $a->wait('router.target.dead', 'end');
ok($r, 'dead: it ends by itself');
is($a->data($r)->{event_action}, 'resolve', 'PagerDuty: resolve');
is($a->data($r)->{dedup_key}, $d->{dedup_key}, 'of the same incident');
is($a->count('router.target.dead', 'repeat'), 0, 'and nothing between');

# a flood: one at once, one each repeat with the count, one at the end

$a->forget;
my $n = 0;
my $since = time;

while (time - $since < 2.5) {
    $q->send_many(100, 'erp', kind => 'bad');
    $n += 100;
}

ok($a->wait('router.target.dead', 'end'), "$n dead letters: it ends");
is($a->count('router.target.dead', 'begin'), 1, 'begins once');
cmp_ok($a->count('router.target.dead', 'repeat'), '<=', 4 + (time - $since),
    'few repetitions');
cmp_ok($a->count('router.target.dead', 'repeat'), '>=', 1, 'and some');

my @all = map { $a->data($_) } $a->all('router.target.dead');
my $sum = 0;

$sum += $_->{count} for @all;
is($sum, $n, 'no dead letter is missing');
is($all[-1]{total}, $n, 'and all of them are told at the end');


# ---- a breaker

$a->forget;
$erp->answer('/erp/down', status => 500);
$q->send('erp', kind => 'down') for 1 .. 4;

$r = $a->wait('router.target.breaker.opened', 'begin');
ok($r, 'breaker: opened');
is($a->data($r)->{target}, 'erp', 'whose');

$erp->answer('/erp/down', status => 200);
wait_until(6, sub { $q->send('erp'); sleep 0.2;
    $a->count('router.target.breaker.closed') });
is($a->count('router.target.breaker.closed', 'end'), 1, 'closed');
is($a->data($a->wait('router.target.breaker.closed'))->{dedup_key},
   $a->data($r)->{dedup_key}, 'of the same incident');

# ---- a pause

$a->forget;
$q->change(pause => target => 'erp');
ok($a->wait('router.target.paused', 'begin'), 'paused');
ok($a->wait('router.target.paused', 'repeat'), 'and still');
is($a->count('router.target.paused', 'begin'), 1, 'said once');
$q->change(resume => target => 'erp');
ok($a->wait('router.target.resumed', 'end'), 'resumed');

$t->_check;


# ---- sources: refused requests and silence

($t, $q, $erp, $a) = harness(
    'event_source shop { verify shopify; secret file:%%TESTDIR%%/secret-shop;'
    . ' expect every=2s; expect every=1s type=orders/paid; }'
    . ' event_route shop { from shop; to erp; }',
    http => 'event_alerts repeat=1s refused=5;',
    server => 'location = /shop { event_receive shop; }');

$t->write_file('secret-shop', $t->secret('topsecretofshop'));
$t->run;

sub forged {
    return $t->post('/shop', '{"id":"f"}',
        [ shopify('{"id":"f"}', 'another secret') ]);
}

is(forged()->{status}, 401, 'a forged request') for 1 .. 4;
sleep 1;
is($a->count('router.source.refused'), 0, 'four of them are nobody\'s news');
$t->post('/shop', 'x', [ 'Content-Type' => 'text/html' ]) for 1 .. 6;
sleep 1;
is($a->count('router.source.refused'), 0, 'nor is what is no event');
forged() for 1 .. 3;

$r = $a->wait('router.source.refused', 'begin');
ok($r, 'refused: it begins');
$d = $a->data($r);
is($d->{source}, 'shop', 'which source');
cmp_ok($d->{count}, '>=', 5, 'how many');
like($d->{reason}, qr/\w/, 'and why');
ok($a->wait('router.source.refused', 'end'), 'it ends');

$r = $a->wait('router.source.silent', 'begin');
ok($r, 'silent: a source that never sent anything');
wait_until(5, sub { $a->count('router.source.silent', 'begin') >= 2 });

my ($paid, $any) = map { my $x = $_; grep { defined $_->{expected} == $x }
    map { $a->data($_) } $a->all('router.source.silent', 'begin') } 1, 0;

is($paid->{expected}, 'orders/paid', 'the type that is expected');
like($paid->{text}, qr/^Source shop is silent: no event of type orders\/paid came since \S+Z$/, 'says so');
like($any->{text}, qr/^Source shop is silent: no event came since \S+Z$/,
    'and any');
ok($a->wait('router.source.silent', 'repeat'), 'it goes on');
ok($t->reload, 'reload');
sleep 1.5;
is($a->count('router.source.silent', 'begin'), 2, 'a reload begins nothing');

# an event of another type is a sign of life of the source alone

sub shop {
    my $body = '{"id":"s' . ++$n . '"}';

    return $t->post('/shop', $body, [ shopify($body, 'topsecretofshop') ]);
}

is(shop()->{status}, 200, 'a genuine event');
$r = $a->wait('router.source.silent', 'end');
ok($r, 'it is heard again');
is($a->data($r)->{expected}, undef, 'but not the type');
like($a->data($r)->{text}, qr/^Source shop is heard again: an event came$/,
    'says so');
is($a->count('router.source.silent', 'end'), 1, 'the other goes on');
$t->done;
