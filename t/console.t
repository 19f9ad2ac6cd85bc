#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The console in a browser: runs each t/console/*.test.js, see t/console/lib.js.
# Chromium and playwright-core are large, so it does so where "make
# test-console" or continuous integration (CI=true) asks for it.  There a
# package that is missing is a failure; only a registry of npm that is away,
# which the Makefile found, is not.
#
# TEST_CONSOLE names the files, parted by blanks, if it is not just 1.

use warnings;
use strict;

use File::Basename qw(basename);
use FindBin;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'the console is tried in a browser where CI=true, and by'
                 . ' "make test-console"'
    if ($ENV{CI} // '') ne 'true' && !$ENV{TEST_CONSOLE};
plan skip_all => 'the module is inside this nginx' if $ENV{TEST_NGINX_STATIC};

my $root = "$FindBin::Bin/..";
my $away = -e "$root/build/console/away" && slurp("$root/build/console/away");

plan skip_all => "the registry of npm is away: $away" if $away;

my ($names) = grep { /\w{2}/ } $ENV{TEST_CONSOLE} // '';
my @files = $names ? map { "$root/t/console/$_.test.js" } split ' ', $names
                   : sort glob "$root/t/console/*.test.js";

cmp_ok(scalar(@files), '>', 0, 'there are tests');

for my $file (@files) {
    my $name = basename($file, '.test.js');
    my $began = time;
    my $said = qx(timeout -k 10 240 node --test-reporter=tap $file 2>&1 </dev/null);
    my $status = $?;
    my @ran = $said =~ /^(?:not )?ok \d+ - /mg;

    ok($status == 0 && @ran > 0, sprintf '%s: %d tests, %d s', $name,
        scalar(@ran), time - $began) or diag($said);
}

done_testing();


sub slurp {
    my ($path) = @_;

    open my $f, '<', $path or return '';
    local $/;

    return (scalar(<$f>) // '') =~ s/\s+/ /gr;
}
