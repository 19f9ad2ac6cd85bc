#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Tests for the build: clang takes what gcc takes, nginx loads the result
# without a word, a missing library is named with its package, and nothing is
# built twice at a time.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use Test::More;
use Test::EventRouter;

chdir "$FindBin::Bin/.." or die;
delete @ENV{qw(MAKEFLAGS MAKELEVEL)};

my $module = 'ngx_http_event_router_module.so';

# both compilers

for my $cc (qw(gcc clang)) {
    SKIP: {
        skip "no $cc", 2 if system("command -v $cc >/dev/null") != 0;

        my $said = qx(make -s build/$cc/$module 2>&1);

        is($?, 0, "$cc builds the module") or diag($said);
        unlike($said, qr/warning/i, "$cc has nothing to say");
    }
}

# nginx with it

SKIP: {
    skip 'the module is inside this nginx', 4 if $ENV{TEST_NGINX_STATIC};

    for my $cc (qw(gcc clang)) {
        skip "no module by $cc", 2 if !-f "build/$cc/$module";

        local $ENV{TEST_NGINX_MODULE} = "$FindBin::Bin/../build/$cc/$module";

        my $t = Test::EventRouter->new;

        $t->config('');

        my ($ok, $said) = $t->check_config;

        ok($ok, "nginx loads what $cc built");
        unlike($said, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'in silence');
    }
}

# a library that is not there: a compiler that cannot find its header

my $dir = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

for my $case ([ 'jansson.h', 'libjansson-dev' ],
              [ 'hiredis/hiredis.h', 'libhiredis-dev' ],
              [ 'lmdb.h', 'liblmdb-dev' ],
              [ 'zlib.h', 'zlib1g-dev' ],
              [ 'openssl/evp.h', 'libssl-dev' ])
{
    my ($header, $package) = @$case;

    my $said = qx(sh t/bin/probe "$header" "$dir" 2>&1);

    isnt($?, 0, "no configuration without $header");
    like($said, qr/apt-get install $package\n/, "$package is named");
}

is(system("sh t/bin/probe none '$dir' >/dev/null 2>&1"), 0,
    'with all of them it goes on');

# from nothing and with jobs: each folder is configured once, packages first

my $clean = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

symlink "$FindBin::Bin/../$_", "$clean/$_" or die
    for qw(Makefile config ngx_event_router_module t);

for my $goals ('build units', 'build-clang units build', 'test', 'asan',
               'fuzz static', 'bench soak', 'run test') {
    # what is planned only cannot be made within: -k

    my $plan = qx(make -nk -j4 -C $clean $goals 2>&1);
    my @configured = $plan =~ /^echo "  configure  (.+)"$/mg;
    my @linked = $plan =~ /^echo "  build      (.+)"$/mg;

    cmp_ok(@configured, '>', 0, "make -j4 $goals") or diag($plan);
    is("@{[ twice(@configured) ]}", '', 'nothing is configured twice');
    is("@{[ twice(@linked) ]}", '', 'nor linked');
    like($plan, qr/\A(?!.*configure.*deps gcc ).*deps gcc .*configure/s,
        'packages come first');
}

done_testing();


sub twice {
    my %n;

    return grep { $n{$_}++ } @_;
}
