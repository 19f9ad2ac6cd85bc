#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A Redis that is broken or hostile: it answers with errors, with garbage, with
# too much, in pieces, twice, unasked or not at all.  The worker lives, no
# answer of that kind is taken for a claim, and the producer gets what
# "on_error=" of its source says.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use FakeRedis qw(:all);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Port qw(wait_until);

my $secret = $Test::EventRouter::Dedup::SECRET;
my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $slow = $t->target(8082);


# ---- what it answers

my %errors = map { (/^(\w+)/ ? $1 : 'empty', $_) } (
    'LOADING Redis is loading the dataset in memory',
    'BUSY Redis is busy running a script',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'CLUSTERDOWN The cluster is down',
    'MASTERDOWN Link with MASTER is down',
    'READONLY You can\'t write against a read only replica.',
    'MISCONF Redis is configured to save RDB snapshots',
    'OOM command not allowed when used memory > \'maxmemory\'.',
    'NOREPLICAS Not enough good replicas to write.',
    'NOAUTH Authentication required.',
    'NOPERM this user has no permissions',
    'WRONGPASS invalid username-password pair',
    'DENIED Redis is running in protected mode',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'MOVED 3999 127.0.0.1:6381',
    'ASK 3999 127.0.0.1:6381',
    'CROSSSLOT Keys in request don\'t hash to the same slot',
    'NOSCRIPT No matching script. Please use EVAL.',
    'EXECABORT Transaction discarded',
    'ERR Error running script (call to f_1): @user_script:1: -OOM no room',
    "WEIRD \x01\x1b[31m\x7f\xff \$x %s %n",
    'lower',
    '',
);

my $big = 'x' x 70_000;

my %garbage = (
    'no type' => "\@bad\r\n",
    'HTTP' => "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    'zeros' => "\0" x 64,
    'line ends' => "\r\n\r\n",
    'RESP3 map' => "%1\r\n+a\r\n:1\r\n",
    'RESP3 set' => "~1\r\n:1\r\n",
    'RESP3 null' => "_\r\n",
    'RESP3 number' => ",1.5\r\n",
    'RESP3 boolean' => "#t\r\n",
    'RESP3 push' => ">2\r\n+message\r\n+x\r\n",
    'RESP3 attribute' => "|1\r\n+a\r\n+b\r\n:1\r\n",
    'array of 2^31' => "*2147483648\r\n",
    'array of 10^7' => "*9999999\r\n:1\r\n",
    'array of -5' => "*-5\r\n",
    'null array' => "*-1\r\n",
    'empty array' => "*0\r\n",
    'string of -2' => "\$-2\r\n",
    'string of 10^11' => "\$99999999999\r\nx",
    'string too long' => "\$70000\r\n$big\r\n",
    'line too long' => "+$big\r\n",
    'error too long' => "-ERR $big\r\n",
    'string without an end' => "\$2\r\nabcd",
    'not a number' => ":1x\r\n",
    'number too big' => ":99999999999999999999999\r\n",
    'nested' => array(array(array(integer(1)))),
    'nested 9 levels' => "*1\r\n" x 9 . ":1\r\n",
    'status' => status('OK'),
    'integer' => integer(0),
    'null' => null(),
    'string' => bulk('0'),
    'two elements' => array(integer(0), integer(1)),
    'three elements' => array(integer(0), integer(1), bulk('')),
    'five elements' => array(integer(0), integer(1), bulk(''), bulk(''),
        integer(1)),
    'a number' => array(integer(0), integer(1), bulk(''), integer(1)),
    'strings' => array(bulk('0'), bulk('1'), bulk('')),
    'nulls' => array(integer(0), integer(1), null(), bulk('')),
    'code 5' => array(integer(5), integer(1), bulk(''), bulk('')),
    'half of a body' => array(integer(3), integer(0), bulk(''),
        bulk('0123456')),
    'no body' => array(integer(3), integer(0), bulk(''),
        bulk('0123456789abcdeg')),
    'half of a dead one' => array(integer(4), integer(2), bulk('0123456'),
        bulk('')),
    'no dead one' => array(integer(4), integer(2), bulk('0123456789abcdeg'),
        bulk('')),
    'code -1' => array(integer(-1), integer(1), bulk(''), bulk('')),
    'code 2^32' => array(integer(2 ** 32), integer(1), bulk(''), bulk('')),
    'half a hash' => array(integer(1), integer(2), bulk('0123456'), bulk('')),
    'no hash' => array(integer(1), integer(2), bulk('0123456789abcdeg'),
        bulk('')),
    'nothing' => '',
);

my %leaving = (
    'close' => [ drop() ],
    'reset' => [ reset_it() ],
    'close in a reply' => [ "*3\r\n:0\r\n", drop() ],
    'reset in a reply' => [ "*3\r\n:0\r\n:1\r\n\$", reset_it() ],
    'close behind half a line' => [ '*', drop() ],
);

# what is unusual, but right

my %good = (
    'byte by byte' => sub { drip(claim('NEW', 1), 0.002) },
    'in two parts' => sub { my $reply = claim('NEW', 1);
        (substr($reply, 0, 7), wait_s(0.02), substr $reply, 7) },
    'late' => sub { (wait_s(0.1), claim('NEW', 1)) },
    'many settled' => sub { claim('RESUME', 2, 1 .. 1024) },
    'attempt 0' => sub { claim('NEW', 0) },
    'attempt -1' => sub { claim('NEW', -1) },
);

my %replies = ((map { ("error $_" => [ err($errors{$_}) ]) } keys %errors),
               (map { ("garbage $_" => [ $garbage{$_} ]) } keys %garbage),
               (map { ("leaving $_" => $leaving{$_}) } keys %leaving),
               (map { ("good $_" => $good{$_}) } keys %good),
               'busy for ever' => [ claim('BUSY', '9223372036854775807') ],
               'busy never' => [ claim('BUSY', -5) ],
               'twice' => [ claim('NEW', 1) x 2 ],
               'and one' => [ claim('NEW', 1), integer(1) ],
               'and garbage' => [ claim('NEW', 1), "\@bad\r\n" ]);


# The mode says "VERB REPLY": what that verb is answered with.  Of "VERB
# REPLY|REPLY" the replies take turns.  "claim cut N" cuts the connection
# behind N bytes of the right reply, once.

my $fake = $t->own(FakeRedis->start(
    port => $t->port(6380),
    accept => sub {
        my ($conn) = @_;
        my $mode = $conn->{redis}->mode;

        return $mode eq 'accept close' ? drop()
             : $mode eq 'accept reset' ? reset_it()
             : $mode eq 'accept speak' ? status('OK')
             : $mode eq 'accept garbage' ? $garbage{zeros} : ();
    },
    commands => { map { $_ => \&script } qw(PING EVAL EVALSHA) }));


sub script {
    my ($conn, @args) = @_;

    my ($verb, $reply) = split ' ', $conn->{redis}->mode, 2;
    my $mine = uc $args[0] eq 'PING' ? 'greeting' : verb_of(@args);
    my $mode = $conn->{redis}->mode;

    $verb //= '';

    # a connection that was greeted before the greetings changed

    $conn->{greeted} = $mode if $mine eq 'greeting';

    return drop() if $verb =~ /^(idle|accept|greeting)$/
                     && ($conn->{greeted} // '') ne $mode;

    if ($verb ne '' && $verb eq $mine) {
        my @turns = split /\|/, $reply;

        $reply = $turns[$conn->{redis}{turn}++ % @turns];

        if ($reply =~ /^cut (\d+)/) {
            $conn->{redis}->mode('');
            return (substr(claim('NEW', 1), 0, $1), drop());
        }

        my $said = $replies{$reply};

        return ref $said eq 'CODE' ? $said->() : @$said;
    }

    return $mine eq 'greeting' && $verb eq 'idle'
               ? (status('PONG'), wait_s(0.03), $replies{$reply}[0])
         : $mine eq 'greeting' ? status('PONG')
         : $mine eq 'claim' ? claim('NEW', 1)
         : $mine eq '' ? err('NOSCRIPT No matching script.')
         : integer(1);
}


# ---- nginx

my @choices = qw(local open closed);

my $sources = join '', map { <<"EOC" } @choices;
    event_source $_ {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline 2s;
        dedup 24h on_error=$_;
    }
    event_route $_ { from $_; to one; }
EOC

$sources .= <<'EOC';
    event_source both {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
    }
    event_route both { from both; to one two; }
EOC

my $doors = join '', map { <<"EOC" } @choices, 'both';
        location = /$_ {
            event_receive $_;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
        }
EOC

$t->secret($secret);
$t->write_file('secret', "$secret\n");
$t->config(router(to => [ 'one' ], http => $sources, server => $doors,
    store => 'event_store redis://127.0.0.1:' . $fake->port
             . ' timeout=500ms connect_timeout=500ms;'));
$t->run;
$t->expect_log(qr/\[crit\].*redis 127\.0\.0\.1:\d+: refused with/,
    'that is what it tests');

ready();

my $memory = resident();
my $n = 0;
my %delivered = (local => '200 delivered local', open => '200 delivered none',
                 closed => '503 unavailable none');


# ---- the claim: every error, every choice

for my $error (sort keys %errors) {
    my $id = 'error-' . ++$n;

    ready();
    $fake->mode("claim error $error");

    my @got = map { outcome(order($t, $id, uri => "/$_")) } @choices;

    is(join(', ', @got), join(', ', @delivered{@choices}),
        "claim: error $error");
    is(outcome(order($t, $id, uri => '/local')), '200 duplicate local',
        'and memory knows');
    is(attempts($target, $id), '1 1', 'closed calls nobody');
}

# Everything that is no answer to a claim.  A claim is sent twice, so two kinds
# go at a time.

my @bad = ((map { "garbage $_" } sort keys %garbage),
           (map { "leaving $_" } sort keys %leaving));

while (my @pair = splice @bad, 0, 2) {
    my $id = 'garbage-' . ++$n;

    ready();
    $fake->mode('claim ' . join '|', @pair);

    is(outcome(order($t, $id, uri => '/closed')), '503 unavailable none',
        'claim: ' . join ', ', @pair);
    is(attempts($target, $id), '', 'nobody is called');
}

# a connection that breaks at any byte of the reply: asked again

for my $bytes (0 .. length(claim('NEW', 1)) - 1) {
    my $id = "cut-$bytes";

    ready();
    $fake->mode("claim cut $bytes");
    is(outcome(order($t, $id, uri => '/closed')), '200 delivered redis',
        "claim: cut behind $bytes bytes");
    is(attempts($target, $id), '1', 'called once');
}

for my $reply ('garbage no type', 'garbage nothing', 'leaving close') {
    for my $choice (qw(local open)) {
        my $id = 'choice-' . ++$n;

        ready();
        $fake->mode("claim $reply");
        is(outcome(order($t, $id, uri => "/$choice")), $delivered{$choice},
            "claim: $reply, on_error=$choice");
    }
}

# answers that are odd and right

for my $reply (sort keys %good) {
    my $id = 'good-' . ++$n;

    ready();
    $fake->mode("claim good $reply");
    is(outcome(order($t, $id, uri => '/closed')), '200 delivered redis',
        "claim: $reply");
    like(attempts($target, $id), qr/^[12]$/, 'called once');
}

ready();
$fake->mode('claim busy for ever');

my $r = order($t, 'busy', uri => '/closed');

is(outcome($r), '409 busy redis', 'busy for ever');
cmp_ok($r->header('Retry-After'), '<=', 5, 'but not beyond a lease');

$fake->mode('claim busy never');
$r = order($t, 'busy', uri => '/closed');
is(outcome($r), '409 busy redis', 'busy for a negative time');
is($r->header('Retry-After'), 1, 'is one second');

for my $reply ('twice', 'and one', 'and garbage') {
    my $id = 'more-' . ++$n;

    ready();
    $fake->mode("claim $reply");
    is(outcome(order($t, $id, uri => '/closed')), '200 delivered redis',
        "a claim's reply $reply");
    is(attempts($target, $id), '1', 'called once');
}


# ---- the other verbs: the target has the event, whatever Redis says; it is
# settled apart from the end if another target takes its time

for my $verb (qw(settle finalize release)) {
    for my $reply ('error OOM', 'error NOSCRIPT', 'garbage no type',
                   'garbage nothing', 'garbage array of 2^31', 'leaving close')
    {
        my $id = 'verb-' . ++$n;
        my $failed = $verb eq 'release';

        ready();
        $slow->answer('/to/two', [ { status => $failed ? 500 : 200,
            delay => $verb eq 'settle' ? 0.1 : 0 }, {} ]);
        $fake->mode("$verb $reply");

        $r = order($t, $id, uri => '/both');
        is($r->{status}, $failed ? 502 : 200, "$verb: $reply");

        ready();
        $r = order($t, $id, uri => '/both');
        is(outcome($r), $failed ? '200 delivered redis'
                                : '200 duplicate redis', 'not forgotten');
        is(attempts($target, $id), '1', 'called once');
        is(attempts($slow, $id), $failed ? '1 2' : '1', 'the other');
    }
}


# ---- unasked, and before anything was asked

ready();

for my $reply ('garbage status', 'garbage no type', 'garbage array of 2^31') {
    $fake->mode("idle $reply");
    next_connection();

    my $pings = greetings();

    ok(wait_until(15, sub { greetings() > $pings }),
        "unasked: $reply: costs the connection");
    like(outcome(order($t, 'idle-' . ++$n, uri => '/local')),
        qr/^200 delivered (redis|local)$/, 'and nothing else');
}

for my $mode ('accept close', 'accept reset', 'accept speak',
              'accept garbage', (map { "greeting $_" }
              'error NOAUTH', 'error LOADING', 'error WRONGPASS',
              'garbage nothing', 'garbage integer', 'garbage RESP3 map',
              'garbage string of 10^11', 'leaving close', 'leaving reset'))
{
    ready();
    $fake->mode($mode);
    next_connection();

    is(outcome(order($t, 'greeting-' . ++$n, uri => '/closed')),
        '503 unavailable none', $mode);
}


# ---- afterwards

ready();

SKIP: {
    skip 'a sanitizer keeps what is freed', 1 if $ENV{TEST_NGINX_STATIC};

    cmp_ok(resident() - $memory, '<', 8192, 'memory did not grow');
}

is(scalar(grep { /[^\x09\x20-\x7e]/ } $t->log_lines), 0,
    'no odd byte in the log');
cmp_ok(scalar(grep { /redis 127/ } $t->log_lines), '<', 400,
    'the log is not flooded');

$t->done;


# ---- helpers

# the fake behaves, and the worker has noticed

sub ready {
    $fake->mode('');

    wait_until(15, sub {
        return outcome(order($t, 'ready-' . ++$n, uri => '/closed'))
               eq '200 delivered redis';
    }) or die "Redis is not taken back\n";
}


# a connection that knows the new mode: the worker loses the present one

sub next_connection {
    my $pings = greetings();

    order($t, 'next-' . ++$n, uri => '/closed');
    wait_until(5, sub { greetings() > $pings })
        if $fake->mode !~ /^accept (close|reset)/;
}


sub greetings {
    return scalar grep { uc $_->[0] eq 'PING' } $fake->commands;
}


sub resident {
    my ($pid) = $t->workers;

    open my $f, '<', "/proc/$pid/status" or return 0;
    my ($kb) = join('', <$f>) =~ /^VmRSS:\s+(\d+)/m;

    return $kb;
}

