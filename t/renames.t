#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A hundred reloads, each with other names for sources, targets and routes:
# shared memory has a place for each of them, and gives it back.  What nobody
# has any more is not in the way of what is new, what is new begins with
# nothing, and what a worker that shuts down still has is nobody else's.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

use constant ROUNDS => $ENV{RENAMES} // 100;
use constant EACH   => 4;              # sources, targets and routes

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

sub names {
    my ($round) = @_;

    return map { "n$round-$_" } 1 .. EACH;
}

sub noun {
    my ($name, $port) = @_;

    return "
    event_source s$name { verify off; id \"{json:id}\"; type \"{json:type}\";
        delivery queued; rate 1000r/s; quarantine 1h;
        expect every=1h; }
    event_target t$name { retry for=1h base=50ms max=50ms;
        auth oauth2 /token client=file:client; }
    event_route r$name { from s$name; to t$name; }", "
        location = /s$name { event_receive s$name; }
        location = /t$name { event_deliver t$name;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/$name; }";
}

sub config {
    my ($wrong, @names) = @_;

    my @nouns = map { [ noun($_) ] } @names;

    $q->config(store => 'size=32m', http => 'event_history 1h index=type;
    event_alerts repeat=1h;',
        targets => { erp => 'breaker off; retry for=1h base=50ms max=50ms;' },
        more => 'event_route alerts { from router; to erp; }'
            . ($wrong && "server { $wrong; }")
            . join('', map { $_->[0] } @nouns),
        server => 'location = /token { internal;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/token; }'
            . join('', map { $_->[1] } @nouns));
}

sub status {
    return $t->get('/status')->json;
}

sub received {
    my ($s, $name) = @_;

    my $source = $s->{sources}{"s$name"};

    return join ' ', map { "$_:" . ($source->{$_} // '?') }
        qw(queued duplicate refused);
}

sub said {
    my ($s, $name) = @_;

    my $of = $s->{targets}{"t$name"};

    return join ' ', map { "$_:" . ($of->{$_} // '?') } qw(ok failed dead);
}

sub send_all {
    my (@names) = @_;

    for my $name (@names) {
        my (undef, $body) = $q->event('x');

        is($q->post($body, "/s$name")->{status}, 202, "$name: accepted");
        is($q->post($body, "/s$name")->{status}, 200, "$name: a duplicate");
    }
}

$target->answer('/token', status => 200,
    headers => [ 'Content-Type' => 'application/json' ],
    body => '{"access_token":"abc","token_type":"Bearer","expires_in":3600}');

chmod 0600, $t->write_file('conf/client', 'c:' . $t->secret('very-secret'));
config('', names(0));
$t->workers_may_change('that is what is tested');
$t->run;
send_all(names(0));
ok($q->wait_drained(15), 'delivered');


# ---- a hundred times everything is another

my $refused = 0;

for my $round (1 .. ROUNDS) {
    config('', names($round));

    if (!$t->reload) {
        $refused = $round;
        last;
    }
}

is($refused, 0, ROUNDS . ' reloads with other names, none is refused')
    or diag(grep { /emerg/ } $t->log_lines);

my @now = names(ROUNDS);
my $s = status();

is(received($s, $_), 'queued:0 duplicate:0 refused:0', "$_: begins with none")
    for @now;
is(said($s, $_), 'ok:0 failed:0 dead:0', "$_: nor has its target")
    for @now;

send_all(@now);
ok($q->wait_drained(15), 'delivered');

# two workers count together

for my $n (1 .. 6) {
    $s = status();
    is(received($s, $_), 'queued:1 duplicate:1 refused:0', "$_: counted")
        for @now;
    is(said($s, $_), 'ok:1 failed:0 dead:0', "$_: its target") for @now;
}


# ---- a configuration that nginx refuses takes nothing away

for my $round (1 .. 20) {
    config('listen 203.0.113.7:1', names("x$round"));
    $t->signal('HUP');
    last if !ok(wait_until(10, sub {
        $round == grep { /bind\(\) to 203\.0\.113\.7/ && /emerg/ }
            $t->log_lines }), "refused $round");
}

$t->expect_log(qr/203\.0\.113\.7|still could not bind/,
    'an address of another machine');

send_all(@now);
ok($q->wait_drained(15), 'delivered');

$s = status();
is(received($s, $_), 'queued:2 duplicate:2 refused:0', "$_: goes on")
    for @now;


# ---- what a worker that shuts down has in hand

$target->answer("/$_", delay => 4) for @now;
send_all(@now);
ok(wait_until(5, sub { 4 == grep { $_->{in_flight} }
    values %{ status()->{queue}{targets} } }), 'four are out');

for my $round (1 .. 4) {
    config('', names("y$round"));
    ok($t->reload, 'a reload');
}

is(said(status(), $_), 'ok:0 failed:0 dead:0', "$_: begins with none")
    for names('y4');
ok($t->wait_old_workers, 'the others have ended');

$s = status();
is(said($s, $_), 'ok:0 failed:0 dead:0', "$_: is nobody else's")
    for names('y4');

is($s->{queue}{targets}{"t$_"}{in_flight}, 0, "$_: has all of its places") for names('y4');

$t->done;
