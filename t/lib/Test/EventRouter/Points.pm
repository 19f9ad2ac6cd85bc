package Test::EventRouter::Points;

# Copyright (C) Event Router contributors

# The nginx of the tests of crash points.  The rows about workers run with keys
# in shared memory ($m), those about Redis with a real Redis and two nginx: $r1
# sees it through $fake, which holds a command or loses a reply when told so,
# $r2 sees it as it is.  All have the targets "one", "two" and "three".
#
# Where a lease in Redis has to end, its beginning is moved into the past: as
# far as the script can tell that is the same as waiting.

use warnings;
use strict;

use Exporter qw(import);
use FakeRedis qw(:all);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;

our @EXPORT = qw($m $r1 $r2 $redis $fake %target %ports %memory %redis $slow
    $wait node lease_ends points_done);

my $secret = $Test::EventRouter::Dedup::SECRET;


# ---- one nginx with keys in shared memory

our $m = Test::EventRouter->new;

our %target = (one => $m->target(8081), two => $m->target(8082),
              three => $m->target(8083));
our %ports = map { $_ => $target{$_}->port } keys %target;

our $slow = <<'EOC';
    event_source slow {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline 10s;
    }
    event_source strict {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        unrouted 422;
    }
    event_source brief {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        dedup 1s;
    }
    event_source long {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline 10s;
    }
    event_route slow { from slow; to one; }
    event_route long { from long; to one two three; }
    event_route brief { from brief; to one; }
    event_route strict { from strict; when data.id = 99; to one; }
EOC

my $doors = join '', map { <<"EOC" } qw(slow strict brief long);
        location = /$_ {
            event_receive $_;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
        }
EOC

our %memory = (deadline => '300ms', http => $slow, server => $doors,
    listen => 'listen 127.0.0.1:%%PORT_8090%% http2;');

node($m, router(%memory));


# ---- two with one Redis; the first one sees it through a fake

our $r1 = Test::EventRouter->new;
our $r2 = Test::EventRouter->new;

our $redis = $r1->redis(6379);
our $fake = $r1->own(FakeRedis->start(port => $r1->port(6380),
    backend => $redis->port,
    accept => sub { $_[0]{redis}->mode eq 'dead' ? drop() : () },
    commands => { map { $_ => \&between } qw(PING EVAL EVALSHA) }));

our $wait = 'timeout=10s connect_timeout=10s';

our %redis = (%memory, ports => \%ports, deadline => '1s', listen => '');

node($r1, router(%redis, http => "$slow event_concurrency 1;",
    store => 'event_store redis://127.0.0.1:' . $fake->port . " $wait;"));
node($r2, router(%redis,
    store => 'event_store redis://127.0.0.1:' . $redis->port . " $wait;"));

# all four scripts pass once, so that the fake can tell them; a target is
# settled apart from the rest only if another one takes longer

$target{two}->answer('/to/two', [ { status => 500, delay => 0.1 }, {} ]);
order($r1, 'first') for 1 .. 2;

is(join(' ', sort keys %{ { map { $_->{verb} => 1 } verbs($fake) } }),
    'claim finalize release settle', 'scripts are known');


sub node {
    my ($t, $config) = @_;

    $t->secret($secret);
    $t->write_file('secret', "$secret\n");
    $t->config($config);
    $t->run;
}


# what stands between the first nginx and Redis; "mode" says "VERB ACTION":
#     drop   not executed, the connection is closed; once
#     lose   executed, the connection is closed instead of a reply; once
#     hold   not executed, no reply
#     mute   executed, no reply
#     die    not executed, from now on Redis is away ("dead")
#     bad    executed, then bytes that are no Redis; once
#     garbage  the same, every time

sub between {
    my ($conn, @args) = @_;

    my $fake = $conn->{redis};
    my ($verb, $action) = split ' ', $fake->mode;
    my $mine = uc $args[0] eq 'PING' ? 'greeting' : verb_of(@args);

    $verb //= '';

    return drop() if $verb eq 'dead';
    return nothing() if $conn->{held};
    return $conn->forward(@args) if $verb eq '' || $mine ne $verb;

    # nor is what comes behind it on this connection

    $conn->{held} = 1 if $action =~ /^(hold|mute)$/;

    return nothing() if $action eq 'hold';

    if ($action eq 'die') {
        $fake->mode('dead');
        return drop();
    }

    $fake->mode('') if $action =~ /^(drop|lose|bad)$/;

    return drop() if $action eq 'drop';

    my $reply = $conn->forward(@args);

    return $action eq 'lose' ? drop()
         : $action =~ /^(bad|garbage)$/ ? "\@bad\r\n" : nothing();
}


# as far as Redis' clock can tell, the lease began a minute ago

sub lease_ends {
    my ($key) = @_;

    $redis->command(HINCRBY => $key, 'b', -60_000);
}


# their implicit checks, and the end of the plan

sub points_done {
    $r1->_check;
    $r2->_check;
    $m->done;
}


1;
