#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The durable queue as a user sees it: accepted with 202, delivered at once or
# later, tried again, dead in the end, and nothing lost when nginx goes.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;

# t/queue_redis.t runs this file, too

my $t = Test::EventRouter->new(workers => 2);
my $redis = $ENV{TEST_QUEUE_REDIS} && $t->redis(6379);
my $target = $t->target(8081);

my $serial = 0;


# ---- helpers

# options: store (arguments behind the directory), http, source, erp (lines of
# the target), more (targets beside erp), route

sub config {
    my (%o) = @_;

    $o{$_} //= '' for qw(store http source erp route main);

    my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                       : 'file:%%TESTDIR%%/store size=16m';
    my @targets = ('erp', @{ $o{more} // [] });
    my $retry = $o{erp} =~ /retry/ ? '' : 'retry base=100ms max=400ms for=1h;';
    my $locations = join "\n", map { "
        location = /deliver/$_ {
            event_deliver $_;
            proxy_pass http://target/$_;
        }" } @targets;

    $t->config(<<"EOC");

%%GLOBALS%%

$o{main}

http {
    %%GLOBALS_HTTP%%

    event_store $store $o{store};
    $o{http}

    upstream target {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 16;
    }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        $o{source}
    }

    event_target erp {
        $retry
        breaker off;
        $o{erp}
    }

    event_route x { from a; when type = x; to @targets; $o{route} }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /status { event_status; }
        $locations
    }
}
EOC
}


sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'q' . ++$serial, type => 'x', %o });
}


sub post {
    my ($body) = @_;

    return $t->post('/a', $body, [ 'Content-Type' => 'application/json' ]);
}


# seconds that the workers have used

sub cpu {
    my $ticks = 0;

    for my $pid ($t->workers) {
        open my $f, '<', "/proc/$pid/stat" or die "stat: $!\n";

        my @fields = split ' ', <$f> =~ s/.*\) //r;

        $ticks += $fields[11] + $fields[12];
    }

    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}


sub ids { return sort map { $_->header('Webhook-Id') } $target->requests }


sub called {
    return join ' ', map { $_->header('Webhook-Id') . ':'
                           . $_->header('X-Event-Attempt') }
                     $target->requests;
}


# ---- accepted, delivered, known again

config(more => [ 'crm' ]);
$t->run;

my $body = event();
my $r = post($body);

is($r->{status}, 202, 'accepted');
is($r->json->{outcome}, 'queued', 'the receipt says so');
is(join(' ', map { "$_->{name}=$_->{state}" } @{ $r->json->{targets} }),
    'erp=queued crm=queued', 'for each target');
ok(wait_until(3, sub { $target->count == 2 }), 'both targets are called');

my ($first) = $target->requests;

is($first->{body}, $body, 'with the bytes as they came');
is($first->header('X-Event-Attempt'), 1, 'the first attempt');
is($first->header('ce-id'), 'q1', 'with its attributes');

$r = post($body);
is($r->{status}, 200, 'the same event again');
is($r->json->{outcome}, 'duplicate', 'is a duplicate');
sleep 0.3;
is($target->count, 2, 'and not delivered again');

is(post(event(type => 'y'))->json->{outcome}, 'unrouted', 'no route');


# ---- a target that fails and comes back

$target->forget;
$target->answer('/erp', [ { status => 500 }, { status => 503 },
    { status => 200 } ]);
post(event());
ok(wait_until(5, sub { (() = called() =~ /q3:/g) >= 4 }), 'tried again');
is(join(' ', sort split ' ', called()), 'q3:1 q3:1 q3:2 q3:3',
    'until it is taken; the other target once');


# ---- what is pending survives a stop

$target->forget;
$target->answer('/erp', status => 500);

my @bodies = map { event() } 1 .. 20;

is(post($_)->{status}, 202, 'accepted while the target fails') for @bodies;

$target->answer('/erp', fault => 'hang');
ok($t->stop, 'stopped');
$target->answer_anew('/erp', status => 200);
$t->run;
ok(wait_until(10, sub { my %n; $n{$_}++ for ids(); keys %n == 20 }),
    'after the start all are delivered');
sleep 0.5;
is(scalar(grep { $_->{uri} eq '/erp' } $target->requests), 20, 'each once');


# ---- what is pending survives the death of a worker

$t->workers_may_change('they are killed');
$target->forget;
$target->answer('/erp', fault => 'hang');
post($_) for @bodies = map { event() } 1 .. 5;
ok(wait_until(3, sub { $target->begun >= 5 }), 'in flight');
$t->expect_log(qr/exited on signal 9/, 'workers are killed');
$target->answer('/erp', status => 200);
my $start = time;
kill 9, $t->workers;
ok(wait_until(5, sub { my %n; $n{$_}++ for grep { /^q/ } ids();
    (grep { $_->{uri} eq '/erp' && $_->header('X-Event-Attempt') == 2 }
        $target->requests) == 5 }), 'delivered by the next workers');
cmp_ok(time - $start, '<', 2, 'at once');


# ---- the number of an attempt never comes twice, whoever made it

config();
ok($t->reload, 'one target');
$target->forget;
$target->answer('/erp', fault => 'hang');
post(event());
ok(wait_until(3, sub { $target->begun == 1 }), 'in flight');
$target->answer('/erp', [ { status => 500 }, { status => 500 },
    { status => 200 } ]);
kill 9, $t->workers;
ok(wait_until(5, sub { $target->count >= 4 }), 'tried until it is taken');
is(join(' ', map { $_->header('X-Event-Attempt') } $target->requests),
    '1 2 3 4', 'each has a number of its own');


# ---- what waits costs nothing: both workers, less than 1 % of a core

config(erp => 'retry base=1h max=1h for=72h;');
$target->answer('/erp', status => 500);
ok($t->reload && $t->wait_old_workers, 'it waits for an hour');
$target->forget;
is(post(event())->{status}, 202, 'accepted');
ok(wait_until(5, sub { $target->count == 1 }), 'tried');

sleep 1;

my $cpu = cpu();

sleep 4;
$cpu = cpu() - $cpu;
cmp_ok($cpu, '<', 0.01 * 4, sprintf '%.0f ms of CPU in 4 s', 1000 * $cpu);

$t->done;
