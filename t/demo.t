#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Tests for "make run": the example, delivered and checked by t/bin/demo, in a
# folder and on ports of its own.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use Test::More;
use Test::EventRouter::Port qw(free_port);

plan skip_all => 'the module is inside this nginx'
    if $ENV{TEST_NGINX_STATIC};

my $demo = "$FindBin::Bin/bin/demo";

$ENV{RUN_DIR} = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
$ENV{$_} = free_port() for qw(PORT PORT_ORDERS PORT_FINANCE);

my $said = qx(timeout 60 $demo start 2>&1);

is($?, 0, 'runs') or diag($said);

like($said, qr/^HTTP 200\n.*^orders has got 1 .*^finance has got 1 /ms,
    'delivered');
like($said, qr/again.*?^HTTP 200\n.*?duplicate/ms, 'recognized');
like($said, qr/wrong secret.*?^HTTP 401\n/ms, 'refused');
like($said, qr/"body":"\{\\"id\\":5678901234567/, 'the body arrived');
unlike($said, qr/\[warn\]/, 'no warnings');

my $log = do { local (@ARGV, $/) = "$ENV{RUN_DIR}/logs/error.log"; <> } // '';

unlike($log =~ s/^.* refused: .*\n//mgr,
    qr/\[(?:warn|error|crit|alert|emerg)\]/, 'clean log');

is(qx($demo stop 2>&1), "stopped\n", 'stops');
is(qx($demo stop 2>&1), "nothing runs\n", 'once');

END {
    my $status = $?;
    qx($demo stop 2>&1) if $demo;
    $? = $status;
}

done_testing();
