#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What one turn of the event loop brings is told to Redis by one command: how
# many these are for a burst, and that each event of it is answered and
# delivered as if it had been alone, also when the reply is lost, when one of
# them is refused or known, and when there are more than fit.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Broken;
use Test::EventRouter::Nodes;

my $u = node(workers => 1);
my $fake = proxy();
my $N = 40;
my @clients;

$u->expect_log(qr/WRONGTYPE|it closed the connection/, 'of the test');
$u->expect_log(qr/exited on signal 9/, 'a worker is killed');
$u->workers_may_change('it is killed');

begin($u, store => 'redis://127.0.0.1:' . $fake->port . fresh(),
    erp => 'concurrency 64;',
    http => 'event_target crm { breaker off; concurrency 64;'
        . 'retry base=50ms max=200ms for=1h; }'
        . 'event_route y { from a; when type = x; to crm; }',
    server => 'location = /deliver/crm { event_deliver crm;'
        . 'proxy_pass http://127.0.0.1:' . $target->port . '/crm; }');
connect_all();

# a worker that has just begun may not have its Redis yet

ok(wait_until(10, sub { post($u, event())->{status} == 202 }), 'it has begun');
drained($u);


# ---- one command for all

my @e = events($N);

is(burst(@e), "202 x $N", 'accepted');
drained($u);
is(seen(@e), "1 1 x $N", 'each delivered once to both targets');

@e = events($N);
$redis->command(CONFIG => 'RESETSTAT');
burst(@e);
drained($u);

my %n = ran();

note("$n{evalsha} scripts, $n{all} commands");

# one by one they would be 120 scripts and 60 commands an event; a machine that
# is busy cuts the burst into more turns

cmp_ok($n{evalsha}, '<=', 60, 'scripts for 40 events and 80 deliveries');
cmp_ok($n{all} / $N, '<=', 35, 'commands an event, all in all');
is(seen(@e), "1 1 x $N", 'delivered');

# duplicates among them

my @new = events(9);

is(burst(@e[0 .. 9], @new, ($e[12]) x 3), '200 x 13, 202 x 9',
    'known ones and new ones');
is(burst(($new[0] = event()) x 5), '200 x 4, 202 x 1',
    'the same one five times');
drained($u);
is(seen(@e, @new), '1 1 x ' . ($N + 9), 'each delivered once');


# ---- the reply is lost

@e = events($N);
$fake->mode('lose once');
is(burst(@e), "202 x $N", 'lost once: accepted');
drained($u);
is(seen(@e), "1 1 x $N", 'delivered once');

@e = events($N);
$fake->mode('lose twice');
is(burst(@e), "503 x $N", 'lost twice: not accepted');
$fake->mode('');
ok(wait_until(10, sub { post($u, $e[0])->{status} == 200 }), 'but known');
is(burst(@e), "200 x $N", 'all of them');

# leased to the worker that was not told so

kill_workers($u);
connect_all();
drained($u);
like(seen(@e), qr/^(?:1 1 x \d+, )?2 2 x \d+$/, 'delivered once');


# ---- one of them is refused

my ($bad) = grep { $redis->command(HGET => "$prefix:{q0}:t", $_) eq 'crm' }
    @{ $redis->command(HKEYS => "$prefix:{q0}:t") };

$redis->command(SET => "$prefix:{q0}:k:$bad", 'x');
@e = map { event(type => $_ % 4 ? 'z' : 'x') } 1 .. 20;
is(burst(@e), '202 x 15, 503 x 5', 'a target is broken: the others go on');
$redis->command(DEL => "$prefix:{q0}:k:$bad");
is(burst(@e), '200 x 15, 202 x 5', 'sent again: accepted');
drained($u);
is(seen(grep { /"z"/ } @e), '1 x 15', 'delivered once');


# ---- more than fit in one command

is(burst(map { event(pad => 'x' x 60_000) } 1 .. 6), '202 x 6', 'large ones');
@e = events(80);
is(burst(@e), '202 x 80', 'many');
drained($u);
is(seen(@e), '1 1 x 80', 'delivered once');

my @commands = grep { is_accept(@$_) } $fake->commands;

is(scalar(grep { @$_ - 11 >= $N / 2 } @commands) >= 5, 1,
    'bursts go by one command or two');
is(most(map { @$_ - 11 } @commands), 64, '64 are the most');
cmp_ok(most(map { length join '', @$_ } @commands), '<', 300_000,
    'and 256 KB');


# ---- retries go together, too

$target->answer('/erp', status => 503);
$target->answer('/crm', status => 503);
@e = events($N);

my $before = $target->count;

$redis->command(CONFIG => 'RESETSTAT');
is(burst(@e), "202 x $N", 'accepted');
ok(wait_until(20, sub { $target->count - $before >= 6 * 2 * $N }),
    'tried again');
%n = ran();
note("$n{evalsha} scripts, $n{all} commands, ", $target->count - $before);
# 14 to 16 of them; a busy machine cuts what comes due into more turns

cmp_ok($n{all} / ($target->count - $before), '<=', 20, 'commands an attempt');
$target->answer('/erp', status => 200);
$target->answer('/crm', status => 200);
drained($u);

finish($u);
nodes_done();


sub events { return map { event() } 1 .. $_[0] }


# connections that the worker has taken

sub connect_all {
    @clients = map { $u->connect } 1 .. 80;

    for my $c (@clients) {
        $c->send(POST => '/a', [ 'Content-Type' => 'application/json' ], '{}');
    }

    $_->response for @clients;
}


# all events at once, as one turn of the event loop: "202 x 3, 503 x 1"

sub burst {
    my (@events) = @_;

    kill STOP => $u->workers;

    $clients[$_]->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
        $events[$_]) for 0 .. $#events;

    kill CONT => $u->workers;

    return count(map { $clients[$_]->response->{status} } 0 .. $#events);
}


# as which attempts the targets got them, in one look at all requests

sub seen {
    my %got;

    for ($target->requests) {
        push @{ $got{ $_->header("Webhook-Id") } },
            $_->header("X-Event-Attempt");
    }

    return count(map { join ' ', @{ $got{ id_of($_) } // [] } } @_);
}


sub count {
    my %n;

    $n{$_}++ for @_;

    return join ', ', map { "$_ x $n{$_}" } sort keys %n;
}


sub most { return (sort { $a <=> $b } @_)[-1] }


# scripts, and commands that they ran

sub ran {
    my %n = (all => 0);

    for (split /\r\n/, $redis->command(INFO => 'commandstats')) {
        my ($name, $calls) = /^cmdstat_(\w+):calls=(\d+)/ or next;

        $n{$name} = $calls;
        $n{all} += $calls if $name !~ /eval|info|config/;
    }

    return %n;
}
