#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Tests for "make run": the example, delivered and checked by t/bin/demo, in a
# folder and on ports of its own, and the traffic that goes on behind it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use Test::More;
use Test::EventRouter::Port qw(free_port wait_until);

plan skip_all => 'the module is inside this nginx'
    if $ENV{TEST_NGINX_STATIC};

my $demo = "$FindBin::Bin/bin/demo";
my $dir = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

$ENV{RUN_DIR} = $dir;
$ENV{TRAFFIC} = 60;
$ENV{$_} = free_port() for qw(PORT PORT_ORDERS PORT_FINANCE PORT_CUSTOMERS);

my $said = qx(timeout 60 $demo start 2>&1);

is($?, 0, 'runs') or diag($said);

like($said, qr/^HTTP 202\n.*^orders has got 1 .*^finance has got 1 /ms,
    'delivered');
like($said, qr/again.*?^HTTP 20[02]\n.*?duplicate/ms, 'recognized');
like($said, qr/wrong secret.*?^HTTP 401\n/ms, 'refused');
like($said, qr/"body":"\{\\"id\\":5678901234567/, 'the body arrived');
unlike($said, qr/\[warn\]/, 'no warnings');


# ---- the console, and who may ask

my ($url, $token) = $said =~ m{^\s+(http://\S+/events/admin/)\n
                               \s+token\s+(\w{32})\n}mx;

ok($token, 'it ends with an address and a token')
    or BAIL_OUT("no token in:\n$said");
is((stat "$dir/secrets/operator")[2] & 07777, 0600, 'only ours to read');
is(asked('')->{status}, 403, 'without the token nothing is told');

my $http = HTTP::Tiny->new(default_headers =>
    { Authorization => "Bearer $token", 'X-Event-Admin' => 1 });

is($http->post($url . 'v1/pause?target=orders')->{status}, 200, 'it may act');
is($http->post($url . 'v1/resume?target=orders')->{status}, 200, 'and again');


# ---- the traffic

my $traffic = slurp("$dir/traffic.pid");

ok(wait_until(30, sub {
    my %got = map { $_->{name} => $_->{delivered} } @{ targets() };
    return 3 == grep { ($got{$_} // 0) > 1 } qw(orders finance customers);
}), 'each target gets some');
ok(kill(0, $traffic), 'it goes on');
is(slurp("$dir/logs/traffic.log"), '', 'without a word');

# what is away is said by a file, and a dead letter is one when it is refused

touch("$dir/state/orders.refuses");
ok(wait_until(30, sub { asked('v1/dead?target=orders')->{entries}[0] }),
    'dead letters');
unlink "$dir/state/orders.refuses";

ok(wait_until(30, sub { slurp("$dir/logs/finance.log") =~ /ce_id":"evt_/ }),
    'of both producers');

my $log = slurp("$dir/logs/error.log");

my $expected = qr/refused|answered (?:422|503)|breaker|forbidden|operator/;

unlike($log =~ s/^.*$expected.*\n//mgr,
    qr/\[(?:warn|error|crit|alert|emerg)\]/, 'clean log');


# ---- once more, and the end

$said = qx(timeout 60 $demo start 2>&1);

is($?, 0, 'a second one starts') or diag($said);
ok(!kill(0, $traffic), 'the traffic of the first one is over');
unlike($said, qr/\b$token\b/, 'with another token');

$traffic = slurp("$dir/traffic.pid");
is(qx($demo stop 2>&1), "stopped\n", 'stops');
ok(!kill(0, $traffic), 'and so does the traffic');
is_deeply([ glob "$dir/*.pid $dir/state/*" ], [], 'it leaves nothing behind');
is(qx($demo stop 2>&1), "nothing runs\n", 'once');


# it ends by itself, and when nobody answers

touch("$dir/state/finance.away");
is(system("timeout 20 $FindBin::Bin/bin/traffic $dir http://127.0.0.1:1 0"),
    0, 'when its time is over');
ok(!-e "$dir/state/finance.away", 'and tidies up');

END {
    my $status = $?;
    qx($demo stop 2>&1) if $demo;
    $? = $status;
}

done_testing();


sub asked {
    my ($what) = @_;

    my $r = ($http // HTTP::Tiny->new)->get($url . ($what || 'v1/status'));

    return $r->{success} ? decode_json($r->{content}) : $r;
}


sub targets {
    my $all = asked('v1/status')->{queue}{targets} // {};

    return [ map { { name => $_, %{ $all->{$_} } } } keys %$all ];
}


sub touch {
    my ($path) = @_;

    open my $f, '>', $path or die "$path: $!\n";
}


sub slurp {
    my ($path) = @_;

    open my $f, '<', $path or return '';
    local $/;

    return scalar(<$f>) // '';
}
