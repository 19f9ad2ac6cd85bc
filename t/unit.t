#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Runs the unit tests of the pure files, t/unit/*.c, each as a subtest.  They
# are built with AddressSanitizer and UBSan; UNIT_SAN=0 builds them without.

use warnings;
use strict;

use FindBin;
use Test::More;

chdir "$FindBin::Bin/.." or die;

my $san = $ENV{UNIT_SAN} // 1;
my $dir = $san ? 'build/unit' : 'build/unit-plain';

$ENV{UBSAN_OPTIONS} //= 'print_stacktrace=1';
delete @ENV{qw(MAKEFLAGS MAKELEVEL)};

for my $name (map { m{([^/]+)\.c$} } sort glob 't/unit/*.c') {
    next if $name eq 'core';

    subtest $name => sub {
        my $said = qx(make -s UNIT_SAN=$san $dir/$name 2>&1);

        if ($? != 0) {
            fail('builds');
            diag($said);
            return;
        }

        run("$dir/$name");
    };
}

done_testing();


sub run {
    my ($program) = @_;

    my ($plan, $count) = (undef, 0);

    open my $f, '-|', "timeout 120 $program" or die "$program: $!\n";

    while (my $line = <$f>) {
        chomp $line;

        if ($line =~ /^1\.\.(\d+)/) {
            $plan = $1;

        } elsif ($line =~ /^(not )?ok\b\s*\d*(?:\s*-)?\s*(.*)/) {
            my ($failed, $name) = ($1, $2);

            $count++;

            if ($name =~ s/\s*# skip\s*(.*)//i) {
                SKIP: { skip($1 || $name, 1) }

            } else {
                ok(!$failed, $name);
            }

        } elsif ($line =~ /^# ?(.*)/) {
            note($1);

        } else {
            diag($line);
        }
    }

    close $f;

    is($? & 127 ? 'signal ' . ($? & 127) : $? >> 8, 0, 'exit status');
    is($plan // 'none', $count, 'plan');
}
