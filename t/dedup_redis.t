#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Duplicates with keys in a real Redis: shared by several nginx, over TCP, TLS
# and a Unix socket, with every way to log in; and what happens when Redis is
# killed, stopped, full, read-only or emptied, and when nginx reloads or quits
# while commands are under way.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use FakeRedis ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Port qw(wait_until);

my $secret = $Test::EventRouter::Dedup::SECRET;
my $t = Test::EventRouter->new;
my $u = Test::EventRouter->new;

my %target = (one => $t->target(8081), two => $t->target(8082),
              three => $t->target(8083));
my %ports = map { $_ => $target{$_}->port } keys %target;

my $cost = 0;
my $redis = $t->redis(6379);
my $url = 'redis://127.0.0.1:' . $redis->port;

# three sources that differ in what they do without Redis

my @choices = qw(local open closed);

my $sources = join '', map { <<"EOC" } @choices;
    event_source $_ {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        deadline 2s;
        dedup 1h on_error=$_;
    }
    event_route $_ { from $_; to one; }
EOC

my $doors = join '', map { <<"EOC" } @choices;
        location = /$_ {
            event_receive $_;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
        }
EOC

for my $node ($t, $u) {
    $node->secret($secret);
    $node->write_file('secret', "$secret\n");
}

$u->config(conf("$url timeout=5s"));
$u->run;
$t->config(conf($url));
$t->run;


# ---- the ordinary

is(outcome(order($t, 'a')), '200 delivered redis', 'first');
is(outcome(order($t, 'a')), '200 duplicate redis', 'second');
is(attempts($target{one}, 'a'), '1', 'delivered once');
is(outcome(order($u, 'a')), '200 duplicate redis', 'known to the other nginx');
is(outcome(order($t, 'a', uri => '/open')), '200 delivered redis',
    'another source');

my @keys = @{ $redis->command(KEYS => '*') };

is(scalar(@keys), 2, 'two keys');
is(scalar(grep { /^er:\{([0-9a-f]{2})\}:d:\1[0-9a-f]{62}$/ } @keys), 2,
    'made of hashes');
is(scalar(grep { my $ttl = $redis->command(PTTL => $_);
                 $ttl > 3_500_000 && $ttl <= 86400_000 * 7 } @keys), 2,
    'that go when the window ends');

$target{two}->answer('/to/two', [ { status => 500 }, {} ]);
is(order($t, 'b')->{status}, 502, 'one target failed');
is(outcome(order($u, 'b')), '200 delivered redis', 'the other nginx resumes');
is(attempts($target{one}, 'b'), '1', 'not called again');
is(attempts($target{two}, 'b'), '1 2', 'called again');

# the same event at both, at the same time

my %answers;

for my $n (1 .. 10) {
    my @clients = map { $_->connect } ($t, $u) x 5;

    $_->send(order_request("both-$n")) for @clients;
    $answers{outcome($_->response) =~ s/redis//r}++ for @clients;
    $_->close for @clients;
}

is($answers{'200 delivered '}, 10, 'two nginx: each event delivered once');
is(join(', ', grep { !/^200 (delivered|duplicate)|^409 busy/ } keys %answers),
    '', 'the others are duplicates or wait');
is(scalar(grep { attempts($target{one}, "both-$_") ne '1' } 1 .. 10), 0,
    'called once');

# 200 at once on one connection

my $before = connections();
my @clients = map { $t->connect } 1 .. 200;

$_->send(order_request("pipe-$_->{socket}", uri => '/closed')) for @clients;
is(scalar(grep { outcome($_->response) eq '200 delivered redis' } @clients),
    200, '200 at once');
$_->close for @clients;
is(connections(), $before, 'on one connection');

# what an event costs: a claim, and an end that says who has it

is(cheapest({}), 2, 'two targets: two commands');
is(cheapest({ status => 500 }), 2, 'one of them fails: two, too');
is(cheapest({ delay => 0.05 }), 3,
    'one is slow: a third one says who has it meanwhile');

# scripts go, connections go

$redis->command(qw(SCRIPT FLUSH));
is(outcome(order($t, 'a')), '200 duplicate redis', 'scripts flushed');
is(outcome(order($t, 'c')), '200 delivered redis', 'they come again');

kill_clients();
ok($t->wait_log(qr/\[info\].*idle connection closed/), 'connection closed');
is(outcome(order($t, 'a', uri => '/closed')), '200 delivered redis',
    'the next event finds a new one');
is(outcome(order($t, 'a')), '200 duplicate redis', 'and what was known');
is(scalar(grep { /\[error\]/ } $t->log_lines), 0, 'nothing to complain about');


# ---- where Redis is and who may use it

$redis->command(qw(ACL SETUSER router on >hush+/@pw ~er:* resetchannels
    -@all), map { "+$_" } qw(eval evalsha ping select time del hget hmget hset
    hlen hkeys pexpire));
$redis->command(qw(ACL SETUSER weak on >hush-weak ~er:* -@all), map { "+$_" }
    qw(eval evalsha ping select time));
$t->secret($_) for 'hush+/@pw', 'hush%2B/%40pw', 'hush%2B%2F%40pw',
    'hush-weak', 'hush-wrong', 'hush-all';

my $at = '127.0.0.1:' . $redis->port;

store("redis://router:hush%2B%2F%40pw\@$at/0");
is(outcome(order($t, 'acl')), '200 delivered redis', 'a user with just enough');
is(outcome(order($t, 'a')), '200 duplicate redis', 'rights');
$target{two}->answer('/to/two', [ { status => 500 }, {} ]);
is(order($t, 'acl-release')->{status}, 502, 'release');
is(outcome(order($t, 'acl-release')), '200 delivered redis', 'resume');

store("redis://$at/5 prefix=shop.a");
is(outcome(order($t, 'a')), '200 delivered redis', 'another database');
is(outcome(order($t, 'a')), '200 duplicate redis', 'of its own');
$redis->command(SELECT => 5);
like($redis->command(KEYS => '*')->[0], qr/^shop\.a:\{/, 'and another prefix');
$redis->command(SELECT => 0);

$redis->command(qw(CONFIG SET requirepass hush-all));
$redis->command(qw(AUTH hush-all));

store("redis://:hush-all\@$at");
is(outcome(order($t, 'a')), '200 duplicate redis', 'password in the URL');

$t->write_file('redis-password', "hush-all\n");
store("redis://$at password_file=$t->{dir}/redis-password");
is(outcome(order($t, 'a')), '200 duplicate redis', 'password in a file');

$t->expect_log(qr/\[crit\].*redis 127/, 'that is what it tests');

for my $case ([ 'wrong password', "redis://router:hush-wrong\@$at",
                qr/redis \S+: AUTH was refused, check the user and the password of event_store/ ],
              [ 'no password', "redis://$at",
                qr/redis \S+: refused with "NOAUTH.*event_store: check the user, the password/ ],
              [ 'too few rights', "redis://weak:hush-weak\@$at",
                qr/redis \S+: refused with ".*event_store: check the user, the password and the user's rights: .* \+hkeys/ ])
{
    my ($name, $store, $log) = @$case;

    store($store);
    is(outcome(order($t, $name)), '200 delivered local', "$name: memory");
    is(outcome(order($t, $name)), '200 duplicate local', "$name: which knows");
    is(outcome(order($t, $name, uri => '/open')), '200 delivered none',
        "$name: open");
    is(outcome(order($t, $name, uri => '/closed')), '503 unavailable none',
        "$name: closed");
    ok($t->wait_log($log), "$name: log says what to do");
}

$redis->command(qw(CONFIG SET requirepass), '');

# a Unix socket

my $socket = "$t->{dir}/r.sock";

$t->redis(6380, unixsocket => $socket, unixsocketperm => 777);
store("unix:$socket");
is(outcome(order($t, 'unix')), '200 delivered redis', 'Unix socket');
is(outcome(order($t, 'unix')), '200 duplicate redis', 'Unix socket: known');
store("unix:$socket/2");
is(outcome(order($t, 'unix')), '200 delivered redis', 'its database 2');

# TLS

my ($crt, $key) = $t->certificate('redis');
my ($other) = $t->certificate('other');
my $tls = 'localhost:' . $t->port(6390);

SKIP: {
    my $server = eval { $t->redis(6381, 'tls-port' => $t->port(6390),
        'tls-cert-file' => $crt, 'tls-key-file' => $key,
        'tls-ca-cert-file' => $crt, 'tls-auth-clients' => 'no') };

    skip 'this redis-server knows no TLS', 1 if !$server;

    store("rediss://$tls ssl_ca=$crt");
    is(outcome(order($t, 'tls')), '200 delivered redis', 'TLS');
    is(outcome(order($t, 'tls')), '200 duplicate redis', 'TLS: known');
    is(scalar(grep { outcome(order($t, "tls-$_")) eq '200 delivered redis' }
              1 .. 50), 50, 'TLS: many');

    for my $case ([ 'not its CA', "ssl_ca=$other",
                    qr/certificate of Redis is not trusted: .* ssl_ca= of event_store/ ],
                  [ 'no CA', '',
                    qr/certificate of Redis is not trusted/ ],
                  [ 'another name', "ssl_ca=$crt ssl_name=redis.example",
                    qr/does not name "redis\.example"; .* ssl_name= of event_store/ ])
    {
        my ($name, $arguments, $log) = @$case;

        $t->write_file('logs/seen', join "\n", $t->log_lines);
        store("rediss://$tls $arguments");
        is(outcome(order($t, $name, uri => '/closed')), '503 unavailable none',
            "TLS, $name: refused");
        ok($t->wait_log($log), "TLS, $name: log says why");
    }

    store("rediss://$tls ssl_verify=off");
    is(outcome(order($t, 'tls')), '200 duplicate redis', 'TLS, not verified');

    # neither side speaks the other's language

    store("redis://$tls");
    is(outcome(order($t, 'no-tls')), '200 delivered local', 'no TLS');
    store("rediss://$at ssl_verify=off");
    is(outcome(order($t, 'too-much-tls')), '200 delivered local',
        'TLS with a plain Redis');
}

# a replica, a full Redis, somebody else's keys

my $replica = $t->redis(6382, replicaof => [ '127.0.0.1', $redis->port ]);

store('redis://127.0.0.1:' . $replica->port);
is(outcome(order($t, 'replica')), '200 delivered local', 'a replica');
ok($t->wait_log(qr/READONLY.*it is a replica, name the master/),
    'log says so');
$replica->command(qw(REPLICAOF NO ONE));
ok(wait_until(10, sub {
    outcome(order($t, 'promoted-' . rand)) eq '200 delivered redis';
}), 'promoted: it is taken without a restart');
is(outcome(order($t, 'replica')), '200 duplicate redis', 'nothing forgotten');

store($url);
$redis->command(qw(CONFIG SET maxmemory 1));
is(outcome(order($t, 'oom')), '200 delivered local', 'full: memory');
is(outcome(order($t, 'oom', uri => '/closed')), '503 unavailable none',
    'full: closed');
ok($t->wait_log(qr/refused with "OOM.*on_error=/), 'full: log');
$redis->command(qw(CONFIG SET maxmemory 0));
is(outcome(order($t, 'oom')), '200 duplicate redis', 'room again');

# a worker says such things once a minute

store($url);
$redis->command('FLUSHALL');
order($t, 'mine');
@keys = @{ $redis->command(KEYS => '*') };
$redis->command(DEL => $keys[0]);
$redis->command(SADD => $keys[0], 'x');
is(outcome(order($t, 'mine', uri => '/hook')), '200 delivered local',
    'key of another type');
ok($t->wait_log(qr/WRONGTYPE.*choose another prefix=/), 'log says so');


# ---- Redis goes and comes

store("$url timeout=150ms connect_timeout=150ms");

for my $how ('killed', 'stopped') {
    is(outcome(order($t, "$how-before")), '200 delivered redis',
        "$how: before");

    my %was = map { $_ => counters($t, $_) } @choices;

    $how eq 'killed' ? $redis->stop : $redis->pause;

    # the first ones may wait for an answer

    cmp_ok(order($t, "$how-first", uri => '/local')->{seconds}, '<', 1,
        "$how: noticed in time");

    for my $id ("$how-1", "$how-2") {
        is(outcome(order($t, $id, uri => '/local')), '200 delivered local',
            "$how: local delivers");
        is(outcome(order($t, $id, uri => '/local')), '200 duplicate local',
            "$how: local knows");
        is(outcome(order($t, $id, uri => '/open')), '200 delivered none',
            "$how: open delivers") for 1 .. 2;

        my $r = order($t, $id, uri => '/closed');

        is(outcome($r), '503 unavailable none', "$how: closed refuses");
        cmp_ok($r->header('Retry-After'), '>', 0, "$how: for a while");
        cmp_ok($r->{seconds}, '<', 0.1, "$how: at once");
    }

    my %is = map { $_ => counters($t, $_) } @choices;

    is($is{local}{dedup_local} - $was{local}{dedup_local}, 5,
        "$how: local counted");
    is($is{open}{dedup_none} - $was{open}{dedup_none}, 4,
        "$how: open counted");
    is($is{closed}{unavailable} - $was{closed}{unavailable}, 2,
        "$how: closed counted");
    ok($t->wait_log(qr/redis \S+: .*trying again; meanwhile the sources' on_error= holds/),
        "$how: log");

    $how eq 'killed' ? $redis->start : $redis->resume;

    ok(wait_until(10, sub {
        outcome(order($t, "$how-back-" . rand)) eq '200 delivered redis';
    }), "$how: back without a restart");

    is(outcome(order($t, "$how-1", uri => '/local')), '200 duplicate redis',
        "$how: what happened meanwhile is known");
    wait_until(10, sub {
        outcome(order($u, "$how-other-" . rand)) eq '200 delivered redis';
    });
    is(outcome(order($u, "$how-1", uri => '/local')),
        '200 duplicate redis', "$how: and told to the other nginx");
    is(outcome(order($t, "$how-before")),
        $how eq 'killed' ? '200 delivered redis' : '200 duplicate redis',
        "$how: what Redis forgot is new");
    ok($t->wait_log(qr/redis \S+: ready again/), "$how: log: ready again");
}

# down when nginx starts, and nobody is hurried

$redis->stop;
ok($t->reload, 'reload without Redis');
ok($t->wait_old_workers(5), 'old workers left');
is(outcome(order($t, 'start', uri => '/local')), '200 delivered local',
    'started without Redis');
$redis->start;
ok(wait_until(10, sub {
    outcome(order($t, 'start-' . rand)) eq '200 delivered redis';
}), 'it comes later');


# ---- nginx goes while commands are under way

# Redis answers within the time that a command has

store("$url timeout=10s");
order($t, 'warm', uri => '/closed');
$redis->pause;

@clients = map { $t->connect } 1 .. 20;
$clients[$_]->send(order_request("reload-$_", uri => '/closed')) for 0 .. 19;
settle_down();
ok($t->reload, 'reload with commands under way');
cmp_ok(scalar($t->workers(all => 1)), '>', 1, 'the old worker waits');
$redis->resume;
is(scalar(grep { outcome($_->response) eq '200 delivered redis' } @clients),
    20, 'all answered');
$_->close for @clients;
ok($t->wait_old_workers(5), 'then it leaves');
is(outcome(order($t, "reload-$_", uri => '/closed')), '200 duplicate redis',
    'known to the new one') for 0, 19;

# Redis does not: worker_shutdown_timeout comes first

$t->config(conf("$url timeout=30s", "worker_shutdown_timeout 300ms;"));
$t->reload;
$t->wait_old_workers;
order($t, 'warm', uri => '/closed');
$redis->pause;

@clients = map { $t->connect } 1 .. 20;
$clients[$_]->send(order_request("cut-$_", uri => '/closed')) for 0 .. 19;
settle_down();
ok($t->reload, 'reload, and Redis never answers');
ok($t->wait_old_workers(5), 'the old worker is cut');
is(scalar(grep { (($_->response // {})->{status} // 0) == 200 } @clients), 0,
    'no 2xx');
$_->close for @clients;
$redis->resume;

# the keys may have been claimed by what Redis read when it woke up

ok(wait_until(10, sub {
    my $r = order($t, 'cut-0', uri => '/closed');
    return $r->{status} == 200;
}), 'then delivered');

# a settle is under way when nginx quits

store("$url timeout=10s");

my $c = $t->connect;

$target{one}->answer('/to/one', [ { delay => 0.3 }, {} ]);
$c->send(order_request('quit', uri => '/closed'));
wait_until(5, sub { calls($target{one}, 'quit') });
$redis->pause;
$t->signal('QUIT');
wait_until(5, sub { $target{one}->open == 0 });
$redis->resume;
is(outcome($c->response), '200 delivered redis', 'quit: answered');
$c->close;
ok($t->quit(5), 'quit');
is(outcome(order($u, 'quit', uri => '/closed')), '200 duplicate redis',
    'quit: and final');

$u->_check;
$t->done;


# ---- helpers

sub conf {
    my ($store, $main) = @_;

    my $http = router(store => "event_store $store;", http => $sources,
        server => $doors, ports => \%ports, deadline => '2s');

    return $http if !$main;

    return "%%GLOBALS%%\n$main\nhttp {\n%%GLOBALS_HTTP%%\n$http}\n";
}


# how many commands an event takes at least: on a busy machine two targets that
# answer at once may be some ms apart

sub cheapest {
    my ($answer) = @_;
    my $least = 99;

    for (1 .. 20) {
        $target{two}->answer('/to/two', [ $answer, {} ]);
        $redis->command(qw(CONFIG RESETSTAT));
        order($t, 'cost-' . ++$cost);

        my $stats = $redis->command(qw(INFO commandstats));
        my $n = 0;

        $n += $_ for $stats =~ /cmdstat_eval(?:sha)?:calls=(\d+)/g;
        $least = $n if $n < $least;
    }

    return $least;
}


# from now on, the keys are there

sub store {
    my ($store) = @_;

    $t->config(conf($store));
    $t->reload && $t->wait_old_workers
        or die "no reload with $store:\n" . join "\n", $t->log_lines;
}


# connections that Redis has seen

sub connections {
    my ($n) = $redis->command(qw(INFO stats))
              =~ /total_connections_received:(\d+)/;

    return $n;
}


sub kill_clients {
    my ($me) = $redis->command(qw(CLIENT ID));

    $redis->command(qw(CLIENT KILL TYPE normal SKIPME yes));
}


# what clients sent is in the worker: it has answered somebody who came later

sub settle_down {
    $t->get('/status')->{status} == 200 or die "no status\n";
}
