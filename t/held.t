#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A queued source that an operator paused: its events are accepted and held,
# over a reload, a restart and the death of all workers, in a file store and
# for all nginx that share a Redis; those of other sources go on.  Nothing is
# lost, sent twice or unaccounted for, in order and in time when it is resumed.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(sleep);

my @act = ('X-Event-Admin' => 1);
my $calm = 'breaker off; retry for=2s base=100ms max=100ms;';

sub more {
    my ($b) = @_;

    return "event_source b { verify off; id '{json:id}'; type '{json:type}';"
        . " $b }"
        . ' event_source now { verify off; id "{json:id}";'
        . ' type "{json:type}"; }'
        . ' event_route b { from b now; to erp; }';
}

my %server = (server => 'location = /b { event_receive b; }'
    . ' location = /now { event_receive now; }'
    . ' location = /status/metrics { event_status; }');

sub config {
    my ($q, $b, @in) = @_;

    $q->config(targets => { erp => $calm, other => { lines => $calm,
            port => 8081 },
        row => { lines => "$calm order by=data.key;", port => 8081 } },
        more => more($b), %server, @in);
}

sub act {
    my ($t, $verb, $args) = @_;

    return $t->post("/admin/v1/$verb?$args", '', \@act);
}

sub status { $_[0]->get('/status')->json->{sources}{$_[1] // 'a'} }

sub even {
    my ($t, $name) = @_;

    my $targets = $t->get('/status')->json->{queue}{targets};

    is(join(' ', map { ($_->{unaccounted}, $_->{dead_unaccounted}, $_->{dead}) }
            values %$targets), join(' ', (0) x 9), "$name: accounted for");
}


my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

$t->workers_may_change('that is what is tested');
config($q, 'delivery queued;');
$t->run;

sub calls { scalar $q->attempts($target, $_[0]) }

sub still {
    my ($name, @ids) = @_;

    sleep 1.5;
    is(scalar(grep { calls($_) } @ids), 0, $name);
}

sub comes {
    my ($name, @ids) = @_;

    ok(wait_until(15, sub { !grep { !calls($_) } @ids }), $name);
    is(scalar(grep { calls($_) != 1 } @ids), 0, "$name: once");
}

sub send_b {
    my ($id, $body) = $q->event('erp');

    is($q->post($body, '/b')->{status}, 202, 'an event of another source');
    return $id;
}


# ---- what an operator is told

my $r = act($t, pause => 'source=now');
is($r->{status}, 409, 'a source that delivers at once cannot be paused');
like($r->{body}, qr/delivers at once.*delivery queued/, 'why, and what to do');
is(act($t, pause => 'source=none')->{status}, 404, 'nor one that is not there');
is(act($t, pause => 'source=a&target=erp')->{status}, 400, 'nor two things');
is(act($t, pause => '')->{status}, 400, 'nor nothing');
is($t->get('/admin/v1/pause?source=a')->{status}, 405, 'looking does not');


# ---- a file store

my @was = map { $q->send('other') } 1, 2;

comes('nothing is paused', @was);

$r = act($t, pause => 'source=a');
is($r->{status}, 200, 'paused') or diag $r->{body};
is($r->json->{source}, 'a', 'which one');
is($r->json->{paused}, JSON::PP::true(), 'says so');
is($r->json->{until}, 'resume', 'until when');
is($r->json->{paused_by}, '127.0.0.1', 'by whom');
like($r->json->{paused_since}, qr/^\d{4}-\d\d-\d\dT/, 'since when');
ok($t->wait_log(qr/source "a" is paused by an operator/, 5), 'and in the log');

my @ids = map { $q->send('erp') } 1 .. 5;

still('what comes is held', @ids);
comes('another source goes on', send_b());
is(status($t)->{paused}, JSON::PP::true(), 'the status says so');
is(status($t)->{held}, 5, 'and how many');
is(status($t, 'b')->{paused}, JSON::PP::false(), 'the other one is not');
ok(!exists status($t, 'now')->{paused}, 'the one without a queue cannot be');

my $metrics = $t->get('/status/metrics')->{body};

like($metrics, qr/^event_router_source_paused\{source="a"\} 1$/m, 'metrics');
like($metrics, qr/^event_router_source_held\{source="a"\} 5$/m, 'both');

my ($conf) = grep { $_->{name} eq 'a' }
    @{ $t->get('/admin/v1/config')->json->{sources} };

is("$conf->{held} $conf->{paused_by}", '5 127.0.0.1', 'the configuration, too');
is(scalar(grep { $_->{held} }
        @{ $t->get('/admin/v1/pending')->json->{entries} }), 5,
    'each entry shows it');
is(act($t, retry => 'all=1')->json->{held}, 5, 'they cannot be retried');
even($t, 'held');

my ($id, $body) = $q->event('erp');

is($q->post($body)->{status}, 202, 'one more');
is($q->post($body)->{status}, 200, 'is known when it comes again');
push @ids, $id;

ok($t->reload, 'reload');
push @ids, $q->send('erp');
still('held after a reload', @ids);

$t->stop;
$t->run;
push @ids, $q->send('erp');
still('and after a restart', @ids);
is(status($t)->{held}, scalar @ids, 'all are counted');

$t->_end('KILL', 5);
$t->run;
push @ids, $q->send('erp');
still('and after a crash of all of nginx', @ids);

# order, and what failed before; longer than "retry for="

$target->answer('/other/bad', status => 503);
my $bad = $q->send('other');
my @row = map { $q->send('row', key => 7, kind => "n$_") } 1 .. 4;

sleep 2.5;
even($t, 'held for long');
is(($t->get('/status')->json->{queue}{targets}{erp}{oldest_seconds} // 0), 0,
    'what is held is not late');

$r = act($t, resume => 'source=a');
is($r->json->{paused}, JSON::PP::false(), 'resumed');
is($r->json->{until}, 'pause', 'for good');
comes('all are delivered', @ids, $bad, @row);
is(join(' ', map { $_->{uri} } grep { $_->{uri} =~ m{^/row/} }
        $target->requests), '/row/n1 /row/n2 /row/n3 /row/n4', 'in order');
ok(wait_until(5, sub { status($t)->{held} == 0 }), 'nothing is held');
even($t, 'resumed');


# ---- what was there, and what fails while it is paused

$target->answer('/erp/late', status => 503, delay => 1);
my $late = $q->send('erp', kind => 'late');

ok(wait_until(5, sub { calls($late) == 1 }), 'one is under way');
act($t, pause => 'source=a');
sleep 2.5;
is(calls($late), 1, 'its next attempt waits');
ok(wait_until(5, sub { status($t)->{held} == 1 }), 'it is held');
$target->answer('/erp/late', status => 200);
act($t, resume => 'source=a');
ok(wait_until(8, sub { calls($late) == 2 }), 'and comes when it is resumed');
even($t, 'an attempt under way');


# ---- the source leaves nginx.conf

my ($gone, $text) = $q->event('erp');

act($t, pause => 'source=b');
is($q->post($text, '/b')->{status}, 202, 'held');
still('it waits', $gone);

$t->expect_log(qr/source "b" was paused and is not configured any more/,
    'which is told');
config($q, '');
ok($t->reload, 'it is not queued any more');
comes('what was held is delivered', $gone);

config($q, 'delivery queued;');
ok($t->reload, 'it is again');
comes('and not paused', send_b());
even($t, 'a source came and went');


# ---- killed in the middle of it

for my $round (1 .. 3) {
    act($t, pause => 'source=a');
    $q->load('erp');
    act($t, $_ % 2 ? 'resume' : 'pause', 'source=a') for 1 .. 3 + $round;
    kill 'KILL', ($t->workers)[$round % 2];
    $t->expect_log(qr/exited on signal 9/, 'a worker is killed');
    sleep 0.5;

    my $load = $q->load_end;

    ok(wait_until(10, sub { act($t, resume => 'source=a')->{status} == 200 }),
        'resumed');

    ok(wait_until(20, sub { !grep { !$_ } map { calls($_) }
                            @{ $load->{ids} } }), 'nothing is lost')
        or diag(scalar @{ $load->{ids} });
    ok(wait_until(10, sub { $t->get('/status')->json->{queue}{targets}{erp}
                            {pending} == 0 }), 'nor stuck');
    even($t, 'killed');
}

$t->stop;


# ---- two nginx that share a Redis

my $redis = $t->redis(6379);
my $second = Test::EventRouter->new;
my $q2 = Test::EventRouter::Queue->new($second, prefix => 's');

$second->{ports}{$_} = $t->port($_) for 8081, 6379;
$t->expect_log(qr/\[warn\]/, 'Redis without a file');
$second->workers_may_change('it is started anew');

my @in = (in => 'redis://127.0.0.1:' . $t->port(6379) . '/0 shards=3');

config($q, 'delivery queued;', @in);
config($q2, 'delivery queued;', @in);
$_->run for $t, $second;

comes('both deliver', $q->send('erp'), $q2->send('erp'));

$r = act($t, pause => 'source=a');
is($r->{status}, 200, 'paused in Redis') or diag $r->{body};

# at once, also for the other one: it is the store that holds

@ids = map { ($q->send('erp'), $q2->send('erp')) } 1 .. 6;
still('what comes to either is held', @ids);
ok(wait_until(4, sub { status($second)->{paused} }), 'the other one knows');
ok(wait_until(4, sub { status($second)->{held} == 12 }), 'and how many');
comes('another source goes on', send_b());

$second->stop;
$second->run;
push @ids, $q2->send('erp');
still('held after its restart', @ids);
$t->_end('KILL', 5);
$t->run;
push @ids, $q->send('erp');
still('and after a crash', @ids);
even($t, 'held in Redis');

@row = map { $q->send('row', key => 8, kind => "m$_") } 1 .. 4;

is(act($second, resume => 'source=a')->{status}, 200, 'resumed by the other');
comes('all are delivered', @ids, @row);
is(join(' ', map { $_->{uri} } grep { $_->{uri} =~ m{^/row/m} }
        $target->requests), '/row/m1 /row/m2 /row/m3 /row/m4', 'in order');
ok(wait_until(5, sub { !status($t)->{paused} }), 'the first one knows');
ok(wait_until(5, sub { status($t)->{held} == 0 }), 'and that none is held');
even($t, 'resumed in Redis');

$t->_check;
$second->done;
