#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A drain: no new attempt of a queued event begins, in any worker of this
# nginx, events are accepted all the same, and the answer comes when nothing is
# under way.  In both stores; over a reload, and ended by a restart.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(sleep time);

my @act = ('X-Event-Admin' => 1);
my $calm = 'breaker off; retry for=1h base=100ms max=100ms;';

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);

$t->workers_may_change('that is what is tested');
$t->expect_log(qr/\[warn\]/, 'acts, and Redis without a file');

sub act { $t->post("/admin/v1/$_[0]?" . ($_[1] // ''), '', \@act) }

sub calls { scalar $q->attempts($target, $_[0]) }

sub comes {
    my ($name, @ids) = @_;

    ok(wait_until(15, sub { !grep { !calls($_) } @ids }), $name);
    is(scalar(grep { calls($_) != 1 } @ids), 0, "$name: once");
}

sub still {
    my ($name, @ids) = @_;

    sleep 1.5;
    is(scalar(grep { calls($_) } @ids), 0, $name);
}

sub queue { $t->get('/status/')->json->{queue} }

for my $store ([ 'file' ],
    [ 'redis', in => 'redis://127.0.0.1:' . $t->port(6379) . '/0 shards=2' ])
{
    my ($name, @in) = @$store;

    subtest $name => sub {
        $q->config(targets => { erp => $calm, other => { lines => $calm,
                port => 8081 } }, @in,
            server => 'location /status/ { event_status; }');
        $t->run;
        $target->answer('/erp/slow', delay => 1.5);

        comes('nothing is drained', $q->send('erp'), $q->send('other'));

        # the answer waits for what is under way

        my $slow = $q->send('erp', kind => 'slow');

        ok(wait_until(5, sub { calls($slow) == 1 }), 'one is under way');

        my $began = time;
        my $r = act('drain', 'timeout=10');

        is($r->{status}, 200, 'drained') or diag $r->{body};
        cmp_ok(time - $began, '>', 0.5, 'when that has ended');
        is_deeply($r->json, { draining => JSON::PP::true(), under_way => 0 },
            'nothing is under way');
        is(queue()->{targets}{erp}{pending}, 0, 'it is settled')
            if wait_until(3, sub { !queue()->{targets}{erp}{pending} });

        my @ids = map { ($q->send('erp'), $q->send('other')) } 1 .. 3;

        still('what comes is accepted and waits', @ids);
        is(act('drain')->json->{under_way}, 0, 'drained once more');

        $r = $t->get('/status/readyz');
        is($r->{status}, 503, 'not ready');
        like($r->{body}, qr/"draining"/, 'and why');
        is($t->get('/status/healthz')->{status}, 200, 'but well');
        is(queue()->{draining}, JSON::PP::true(), 'the status says so');
        is(queue()->{targets}{erp}{draining}, JSON::PP::true(),
            'of each target');
        is(act('probe', 'target=erp')->{status}, 409, 'no probe');
        is(act('undrain', 'target=erp')->{status}, 409, 'all or none');

        ok($t->reload, 'reload');
        still('a reload does not end it', @ids);

        $r = act('undrain');
        is($r->json->{draining}, JSON::PP::false(), 'undrained');
        comes('what waited comes', @ids);
        is($t->get('/status/readyz')->{status}, 200, 'ready');

        # one target

        is(act('drain', 'target=none')->{status}, 404, 'which one');
        $target->answer('/other/slow', delay => 3);

        my $long = $q->send('other', kind => 'slow');

        ok(wait_until(5, sub { calls($long) == 1 }), 'another is busy');
        $began = time;
        $r = act('drain', 'target=erp');
        cmp_ok(time - $began, '<', 2.5, 'for which nobody waits');
        is_deeply($r->json, { draining => JSON::PP::true(), under_way => 0,
                target => 'erp' }, 'one of them');
        @ids = $q->send('erp');
        comes('the other goes on', $q->send('other'));
        still('the one does not', @ids);
        is($t->get('/status/readyz')->{status}, 200, 'nginx is ready');
        act('undrain', 'target=erp');
        comes('undrained', @ids);

        # what takes too long

        $slow = $q->send('erp', kind => 'slow');
        ok(wait_until(5, sub { calls($slow) == 1 }), 'one is under way');
        $r = act('drain', 'timeout=0');
        is($r->{status}, 504, 'the answer does not wait for it');
        like($r->{body}, qr/1 to erp.*v1\/undrain/, 'what is left');
        is(act('drain', 'timeout=9')->{status}, 200, 'now it has ended');

        # a restart

        @ids = $q->send('erp');
        $t->stop;
        $t->run;
        comes('a restart ends it', @ids);
        is(queue()->{draining}, JSON::PP::false(), 'which the status says');

        $t->stop;
    };
}

$t->_check;
$t->done;
