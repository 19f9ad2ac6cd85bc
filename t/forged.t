#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A flood of forged requests to a source with a quarantine: what is kept of
# them is bounded, in number and in bytes, genuine events beside it are taken
# in time and delivered once each, and neither workers nor error.log grow.
#
#     FORGED      how many (20000); "make soak" has 1000000

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Test::EventRouter;

my $forged = $ENV{FORGED} || 20000;
my $senders = 2;
my $batch = 50;
my $bound = 4 * 1024 * 1024;

my $t = Test::EventRouter->new(workers => 2, level => 'warn');
my $target = $t->target(8081);
my $secret = $t->secret('the-secret-of-the-genuine-ones');

$t->write_file('conf/secret', $secret);
$t->config(<<'EOC');

    event_store file:%%TESTDIR%%/store size=64m;

    event_source shop {
        verify hmac-sha256;
        secret file:secret;
        signature header:X-Signature;
        signed "{body}";
        id "{json:id}";
        delivery queued;
        quarantine 1h size=4m;
    }

    event_route all { from shop; to erp; }

    keepalive_requests 100000000;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook   { event_receive shop; }
        location = /status { event_status; }
        location /admin/   { event_admin access=nginx; }
        location = /erp    { event_deliver erp;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;


sub rss {
    my $sum = 0;

    for my $pid ($t->workers) {
        open my $f, '<', "/proc/$pid/status" or next;
        /^RssAnon:\s+(\d+)/ and $sum += $1 for <$f>;
    }

    return $sum;
}


sub genuine {
    my ($n) = @_;

    my $body = qq({"id":"g$n"});
    my $begun = time;
    my $r = $t->post('/hook', $body, [ 'Content-Type' => 'application/json',
        'X-Signature' => hmac_sha256_hex($body, $secret) ]);

    return ($r->{status}, time - $begun);
}


# forged ones, many in a packet; the sender says how many were answered

sub flood {
    my ($port, $n) = @_;

    my $pad = 'x' x 300;
    my $body = qq({"id":"forged","pad":"$pad"});
    my $one = "POST /hook HTTP/1.1\r\nHost: a\r\n"
              . "Content-Type: application/json\r\nX-Signature: " . 'ab' x 32
              . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    my ($sent, $answers) = (0, 0);

    while ($sent < $n) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port, Timeout => 10) or next;

        while ($sent < $n) {
            my $k = $n - $sent < $batch ? $n - $sent : $batch;
            my ($got, $buffer) = (0, '');

            last if !syswrite $s, $one x $k;

            $sent += $k;

            while ($got < $k && sysread $s, $buffer, 65536, length $buffer) {
                $got += () = $buffer =~ m{^HTTP/1\.1 401}mg;
                $buffer = substr $buffer, rindex $buffer, "\r\n";
            }

            $answers += $got;
            last if $got < $k;
        }
    }

    return $answers;
}


genuine($_) for 1 .. 50;

my $before = rss();
my $begun = time;
my @pipes;

for (1 .. $senders) {
    my $pid = open my $f, '-|';

    defined $pid or die "fork: $!";

    if ($pid == 0) {
        print flood($t->port(8080), int $forged / $senders), "\n";
        close STDOUT;
        POSIX::_exit(0);
    }

    push @pipes, $f;
}

my ($n, $bad, @times) = (50, 0);
my $running = '';

vec($running, fileno $_, 1) = 1 for @pipes;

# until the first of the senders has ended

while (!select(my $ready = $running, undef, undef, 0.02)) {
    my ($status, $time) = genuine(++$n);

    $bad++ if $status != 202;
    push @times, $time;
}

my $answered = 0;

for (@pipes) {
    $answered += <$_> // 0;
    close $_;
}

my $seconds = time - $begun;

@times = sort { $a <=> $b } @times;

my $p99 = $times[int $#times * 0.99] // 0;

diag(sprintf '%d forged in %.1f s, %d genuine beside them, p99 %.0f ms',
    $forged, $seconds, scalar @times, $p99 * 1000);

cmp_ok($answered, '>=', $forged * 0.99, 'each forged one is answered 401');
is($bad, 0, 'each genuine one 202');
cmp_ok($p99, '<', 1, 'in time');

ok(wait_until(20, sub { $target->count >= $n }), 'and all are delivered');
is($target->count, $n, 'once each');

my $status;

wait_until(10, sub {
    $status = $t->get('/status')->json->{sources}{shop};
    return $status->{quarantined} + $status->{quarantine_lost}
           >= $status->{refused};
});

cmp_ok($status->{quarantined}, '<=', 100 * ($seconds + 2),
    'at most 100 writes a second');
cmp_ok($status->{quarantined}, '>=', 100, 'and as many are kept');
is($status->{refused}, $answered, 'all are counted as refused');
is($status->{quarantined} + $status->{quarantine_lost}, $status->{refused},
    'as kept or lost');

my ($bytes, $rows, $after) = (0, 0, '');

do {
    my $page = $t->get("/admin/v1/quarantine?limit=1000$after")->json;

    $rows += @{ $page->{requests} };
    $bytes += $_->{size} + 400 for @{ $page->{requests} };
    $after = $page->{next} ? "&after=$page->{next}" : '';
} while ($after);

cmp_ok($bytes, '<=', $bound * 1.5, 'what is kept has a bound');
cmp_ok($rows, '>', 0, 'and is there');
cmp_ok(rss() - $before, '<', 30000, 'the workers have not grown (kB)');
cmp_ok(scalar(grep { /refused/ } $t->log_lines), '<=', 8 * ($seconds + 2),
    'nor has error.log');

$t->done;
