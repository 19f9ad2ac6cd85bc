#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Redis behind a sentinel: the master is found, and found again after a
# failover; a sentinel that is away, knows nothing or says nonsense.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use FakeRedis;
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Port qw(wait_until);

my $secret = $Test::EventRouter::Dedup::SECRET;
my $t = Test::EventRouter->new;

my %target = (one => $t->target(8081), two => $t->target(8082),
              three => $t->target(8083));
my %ports = map { $_ => $target{$_}->port } keys %target;

$t->secret($secret);
$t->write_file('secret', "$secret\n");

my $first = $t->redis(6379, requirepass => 'pw', masterauth => 'pw',
    'repl-diskless-sync-delay' => 0);
my $second = $t->redis(6380, requirepass => 'pw', masterauth => 'pw',
    'repl-diskless-sync-delay' => 0,
    replicaof => [ '127.0.0.1', $first->port ]);

# a sentinel writes into its own file

my $port = $t->port(6390);

$t->write_file('sentinel.conf', <<"EOC");
port $port
bind 127.0.0.1
dir @{[ $t->dir ]}
sentinel monitor main 127.0.0.1 @{[ $first->port ]} 1
sentinel auth-pass main pw
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 3000
EOC

my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    open STDOUT, '>', '/dev/null';
    exec $ENV{TEST_REDIS_SERVER} || 'redis-server',
        $t->dir . '/sentinel.conf', '--sentinel';
    die "exec: $!\n";
}

$t->own(bless { pid => $pid }, 'Sentinel');

my $sentinel = bless { port => $port }, 'Test::EventRouter::Redis';

ok(wait_until(10, sub { my $r = eval { $sentinel->command(
       SENTINEL => 'replicas', 'main') }; $r && @$r == 1 }),
    'the sentinel knows both') or BAIL_OUT('no sentinel');

my $away = $t->port(6391);
my $lost = FakeRedis->start(commands => {
    SENTINEL => sub { "*-1\r\n" } });
my $odd = FakeRedis->start(commands => {
    SENTINEL => sub { "*2\r\n\$4\r\nhost\r\n\$2\r\n99\r\n" } });

my @bad = map { "127.0.0.1:$_" } $away, $lost->port, $odd->port;

$t->config(router(
    store => 'event_store redis-sentinel://:pw@' . join(',', @bad,
             "127.0.0.1:$port") . '/main connect_timeout=2s timeout=2s;',
    http => <<"EOC", server => <<"EOC2", ports => \%ports));
    event_source closed {
        verify shopify;
        secret file:%%TESTDIR%%/secret;
        dedup 1h on_error=closed;
    }
    event_route closed { from closed; to one; }

    event_source queued {
        verify off;
        id "{json:id}";
        delivery queued;
    }
    event_route queued { from queued; to two; }
    event_target two { retry base=3s max=3s for=1h; breaker off; }
EOC
        location = /closed {
            event_receive closed;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
        }
        location = /queued { event_receive queued; }
EOC2
$t->run;

ok(wait_until(15, sub { outcome(order($t, 'a' . rand, uri => '/closed'))
                        eq '200 delivered redis' }),
    'the master is found in the end');
is(outcome(order($t, 'b', uri => '/closed')), '200 delivered redis', 'first');
is(outcome(order($t, 'b', uri => '/closed')), '200 duplicate redis', 'second');
unlike(join('', $t->log_lines), qr/:pw\@/, 'no password in the log');

# the queue is there as well

ok(wait_until(20, sub { queued('q1') == 202 }), 'queued');
ok(wait_until(10, sub { attempts($target{two}, 'q1') eq '1' }), 'delivered');
is(queued('q1'), 200, 'known');
$target{two}->answer('/to/two', status => 500);
is(queued('q2'), 202, 'queued while its target fails');
ok(wait_until(5, sub { attempts($target{two}, 'q2') }), 'tried');

# the master dies: its replica takes over

$first->command(AUTH => 'pw');
$first->command(SET => 'x', 'y');
is($first->command(WAIT => 1, 4000), 1, 'the replica has it all');
$first->stop;
ok(wait_until(20, sub { my $r = $sentinel->command(
       SENTINEL => 'get-master-addr-by-name', 'main');
       $r->[1] == $second->port }), 'failover');
ok(wait_until(20, sub { outcome(order($t, 'c' . rand, uri => '/closed'))
                        eq '200 delivered redis' }),
    'the new master is found');
is(outcome(order($t, 'b', uri => '/closed')), '200 duplicate redis',
    'it knows what the old one knew');
ok(wait_until(20, sub { queued('q1') == 200 }), 'also of the queue');
is(queued('q3'), 202, 'queued by the new one');
$target{two}->forget;
$target{two}->answer('/to/two', status => 200);
ok(wait_until(20, sub {
    attempts($target{two}, 'q2') && attempts($target{two}, 'q3') }),
    'delivered by the new one');

# the old one comes back as a replica, and they change places

$first->start;
ok(wait_until(20, sub {
    $second->{socket} or $second->command(AUTH => 'pw');
    $second->command(INFO => 'replication') =~ /connected_slaves:1/
        && $second->command(INFO => 'replication') =~ /state=online/ }),
    'the old one is a replica');
ok(wait_until(20, sub {
    eval { $sentinel->command(SENTINEL => 'failover', 'main') };
    my $r = $sentinel->command(SENTINEL => 'get-master-addr-by-name', 'main');
    $r->[1] == $first->port }), 'failover by hand');
ok(wait_until(20, sub { outcome(order($t, 'd' . rand, uri => '/closed'))
                        eq '200 delivered redis' }),
    'found again');

# what cannot be

for my $case (
    [ 'redis-sentinel://h', 'the master\'s name is missing' ],
    [ 'redis-sentinel://h/', 'the master\'s name is missing' ],
    [ 'redis-sentinel:///main', 'no host' ],
    [ 'redis-sentinel://127.0.0.1,,127.0.0.2/main', 'no address in' ],
    [ 'redis-sentinel://127.0.0.1/main/x', 'the database' ],
    [ 'redis-sentinel://127.0.0.1/main ssl_verify=off', 'need rediss://' ])
{
    my ($store, $says) = @$case;
    my $bad = Test::EventRouter->new;

    $bad->config(router(store => "event_store $store;", ports => \%ports));
    like(join('', $bad->check_config), qr/\Q$says/, $store);
}

$_->stop for $lost, $odd;

done_testing();


sub queued {
    my ($id) = @_;

    return $t->post('/queued', qq({"id":"$id","type":"x"}),
        [ 'Content-Type' => 'application/json' ])->{status};
}


package Sentinel;

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    local $?;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}
