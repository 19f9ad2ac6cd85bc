package Test::EventRouter::Broken;

# Copyright (C) Event Router contributors

# What the tests of the crash points of the queue in Redis share, beside the
# nodes of Test::EventRouter::Nodes: a part of a real Redis for each row, and
# t/lib/FakeRedis.pm before it where a reply has to get lost or be late.
#
#     begin($t, store => $queue . fresh());
#     warm($t);                            # all workers have talked to Redis
#     ...
#     ok(said($t, qr/redis/), 'the log says so');
#     finish($t);
#
# $t is the nginx, $target its target, $redis the Redis, $queue its URL; $prefix
# is that of fresh().

use warnings;
use strict;

use Exporter qw(import);
use FakeRedis qw(:all);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;

our @EXPORT = qw($t $target $redis $queue $prefix breakable fresh begin finish
    said warm proxy is_accept file_survives);

our $prefix;
our $t = breakable(points => 1);
our $target = target($t);
our $redis = $t->redis(6379);
our $queue = 'redis://127.0.0.1:' . $redis->port;

my $serial = 0;


# an nginx whose workers are killed

sub breakable {
    my $node = node(@_);

    $node->workers_may_change('they are killed');
    $node->expect_log(qr/exited on signal 9/, 'workers are killed');

    return $node;
}


# a part of Redis of a row's own

sub fresh {
    $prefix = 'r' . ++$serial;

    return " prefix=$prefix";
}


# keep: the target keeps its answers and what it recorded

sub begin {
    my ($node, %o) = @_;

    if (!$o{keep}) {
        $target->answer_anew('/erp', status => 200);
    }

    $node->stop;
    $node->{from} = length $node->read_file('logs/error.log');
    start($node, %o);
}


sub finish { ok($_->stop, 'nginx ends') for @_ }


# a line of the log since begin(), waiting for it

sub said {
    my ($node, $re, $seconds) = @_;

    return wait_until($seconds // 2, sub {
        my $log = substr $node->read_file('logs/error.log'), $node->{from};
        my ($line) = grep { /$re/ } split /\n/, $log;

        return $line // '';
    });
}


# all workers have talked to Redis

sub warm {
    my ($node) = @_;

    my @e = map { event() } 1 .. 8;
    my @clients = map { $node->connect } @e;

    $clients[$_]->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
        $e[$_]) for 0 .. $#e;

    # on a busy machine one may come before its worker has a connection

    my $n = grep {
        my ($r, $e) = ($clients[$_]->response, $e[$_]);

        $r && $r->{status} == 202
        || wait_until(10, sub { post($node, $e)->{status} =~ /^20[02]$/ });
    } 0 .. $#e;

    is($n, scalar(@e), 'some events before');
    drained($node);
}


# passes all on to Redis; "lose once": what ACCEPT returns is lost the first
# time, "lose twice": also the second one; "late": Redis finds ACCEPT too late;
# "slow"

sub proxy {
    my $script = sub {
        my ($conn, @args) = @_;

        my $fake = $conn->{redis};
        my $mode = $fake->mode;
        my $times = { 'lose once' => 1, 'lose twice' => 2 }->{$mode} // 0;
        my $accept = is_accept(@args);

        return array(integer(-2), integer(int(time() * 1000)))
            if $accept && $mode eq 'late';

        my $reply = $conn->forward(@args);
        my $accepted = $accept && $reply !~ /^-NOSCRIPT/;

        return $accepted && $fake->{lost}{$mode}++ < $times ? drop()
             : $mode eq 'slow' ? (wait_s(0.2), $reply) : $reply;
    };

    return $t->own(FakeRedis->start(backend => $redis->port,
        commands => { EVAL => $script, EVALSHA => $script },
        other => sub { my ($conn, @args) = @_; $conn->forward(@args) }));
}


# no other script of the queue has so long a word there: its items, behind as
# many keys as it has

sub is_accept { return length($_[9 + ($_[2] || 1)] // '') >= 95 }


# a queue in files loses nothing, whatever happens to the keys in Redis

sub file_survives {
    my ($break) = @_;

    begin($t, store => "file:$t->{dir}/store-" . ++$serial . ' size=16m',
        dedup => $queue . fresh(), source => 'dedup 1h on_error=local;');
    $target->answer('/erp', status => 500);

    my @e = map { event() } 1 .. 3;

    is(told(post($t, $_)), '202', 'a file: accepted') for @e[0, 1];
    $break->();
    is(told(post($t, $e[2])), '202', 'a file: accepted meanwhile');
    $target->answer('/erp', status => 200);
    drained($t);
    is(scalar(grep { attempts($_) ne '' } @e), 3, 'a file: all delivered');
    finish($t);
}


1;
