#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Acts whose client goes before the store has answered are done all the same,
# and the audit has each of them once, in error.log and in event_log, with who
# it was.  The store is a Redis that is held up.
#
# nginx lets a request go when the one that it is a part of goes: here a mirror
# of a request that is proxied, whose client nginx looks after.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $t = Test::EventRouter->new(workers => 1);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my @acts = qw(replay cancel retry move purge pause resume purge_quarantine);

$q->config(in => 'redis://127.0.0.1:%%PORT_6379%%/0 timeout=20s',
    http => 'event_log %%TESTDIR%%/logs/events.log;',
    targets => { erp => 'breaker off; retry off;',
                 wait => 'breaker off; retry for=1h base=1h max=1h;' },
    more => <<'EOC',
    event_source signed { verify github; secret 0123456789abcdef0123456789abcdef;
                          delivery queued; quarantine 1h; }
    event_route of-signed { from signed; to wait; }
EOC
    server => join "\n", '
        location = /signed { event_receive signed; }
        location = /slow { proxy_pass http://127.0.0.1:%%PORT_8081%%/slow; }',
        map { "
        location = /gone/$_ {
            mirror /admin/v1/$_;
            mirror_request_body off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/slow;
        }" } @acts);
$t->expect_log(qr/signed/, 'its secret stands in the configuration, and a '
    . 'request is refused');
$t->run;

$target->answer('/slow', delay => 30);
$target->answer('/erp/bad', status => 400);
$target->answer('/wait/bad', status => 503);

$q->send_many(4, 'erp', kind => 'bad');
$q->send_many(4, 'wait', kind => 'bad');
is($t->post('/signed', '{}', [ 'X-Hub-Signature-256' => 'sha256=00' ])
     ->{status}, 401, 'a forged one');
ok(wait_until(10, sub {
    4 == grep({ 1 } $q->dead) && 4 == grep({ $_->{attempts} } $q->pending)
}), 'dead ones, and some that wait');
ok(wait_until(10, sub {
    @{ $t->get('/admin/v1/quarantine')->json->{requests} } == 1
}), 'and a refused one');

$t->post('/admin/v1/pause?target=erp', '', [ 'X-Event-Admin' => 1 ]);
ok($t->wait_file('logs/events.log', qr/are paused/), 'a pause');

gone('retry?target=wait', qr/4 deliveries were made due/);
wait_until(10, sub { !grep { $_->{leased} || $_->{attempts} < 2 } $q->pending });
gone('move?target=wait&deliver_to=erp',
    qr/4 deliveries were moved to target "erp"/);
gone('purge?state=pending&all=1', qr/4 deliveries that waited were purged/);
gone('replay?target=erp&rate=1', qr/job [0-9a-f]{16} is begun, a replay of 4 dead letters/);

my ($job) = map { $_->{job} } @{ $t->get('/admin/v1/jobs')->json->{jobs} };

gone("cancel?job=$job", qr/job $job is to be cancelled/);
ok(wait_until(10, sub {
    $t->get("/admin/v1/jobs/$job")->json->{state} eq 'cancelled'
}), 'which it was');
gone('purge?target=erp&reason=final', qr/\d dead letters? w\w+ purged/);
gone('pause?source=a', qr/source "a" is paused/);
gone('resume?source=a', qr/source "a" is resumed/);
gone('purge_quarantine?source=signed',
    qr/1 refused request of source "signed" was purged/);

done_testing();


sub audits { return grep { / by an operator/ } $t->log_lines }


sub logged {
    return grep { ($_->{kind} // '') eq 'admin' }
           map { JSON::PP->new->utf8->decode($_) }
           split /\n/, $t->read_file('logs/events.log');
}


# its client goes while Redis is held up

sub gone {
    my ($act, $said) = @_;

    my ($before, $logged) = (scalar audits(), scalar logged());
    my $c = $t->connect;

    $redis->pause;
    $c->send(POST => "/gone/$act", [ 'X-Event-Admin' => 1 ], '');
    sleep 0.3;
    $c->close;
    sleep 0.2;
    $redis->resume;

    ok(wait_until(10, sub { audits() > $before && logged() > $logged }),
        "$act: the audit has it");
    sleep 0.3;

    my @told = splice @{ [ audits() ] }, $before;
    my @line = splice @{ [ logged() ] }, $logged;

    is(scalar @told, 1, 'once') or diag(join "\n", @told);
    like($told[0] // '', qr/$said by an operator, client: 127\.0\.0\.1$/,
        'what, and by whom');
    is(scalar @line, 1, 'and event_log');
    is($line[0]{who}{address}, '127.0.0.1', 'has who');
}
