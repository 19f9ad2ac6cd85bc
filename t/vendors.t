#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What producers' own libraries say of the requests in t/data/vectors that were
# made and checked with them: the same as is written there, so that the vectors
# are what the libraries take, and not what somebody believes that they do.
# t/interop/producers has the list of them; npm and pip install them into
# build/producers at the first run, and where they cannot this test is skipped.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA;
use File::Copy qw(copy);
use File::Path qw(make_path);
use IPC::Open2;
use JSON::PP;
use Test::More;

my $from = "$FindBin::Bin/interop/producers";
my $home = "$FindBin::Bin/../build/producers";
my @files = qw(package.json package-lock.json requirements.txt producers.mjs
               producers.py);
my $json = JSON::PP->new->utf8->canonical;

install();

my %package = map { $_ => 1 } packages();
my @vectors = grep { $package{ library($_) } } vectors();
my %said = map { $_->[0] => $_->[1] } @{ ask(@vectors) };

cmp_ok(scalar @vectors, '>=', 180, 'vectors made with these libraries');

for my $name (sort keys %package) {
    my @own = grep { library($_) eq $name } @vectors;

    if (!@own) {
        is($name, 'standardwebhooks', "$name: it is inside the others");
        next;
    }

    my %expect;
    $expect{ $_->{expect} }++ for @own;

    ok($expect{valid} && $expect{invalid},
        "$name: takes some and refuses some");
    is(join("\n", map { "$_->{n} ($_->{why}): $said{ $_->{n} }, not "
                        . $_->{sdk_says} }
                  grep { $said{ $_->{n} } ne $_->{sdk_says} } @own), '',
        "$name: says what is written");
    is(join("\n", map { $_->{n} } grep { $_->{sdk_says} ne $_->{expect}
                                         && !$_->{note} } @own), '',
        "$name: where it is of another opinion, a note says why");
}

# a vector that is changed is not what it was

my ($valid) = grep { $_->{preset} eq 'notion' && $_->{expect} eq 'valid' }
              @vectors;

is(ask({ %$valid, body => 'e30=' })->[0][1], 'invalid',
    'another body with the same signature');

done_testing();


sub vectors {
    open my $f, '<', "$FindBin::Bin/data/vectors/signatures.jsonl"
        or die "signatures.jsonl: $!\n";

    return map { $json->decode($_) } <$f>;
}


# "name" of "name@version (licence)"

sub library {
    my ($v) = @_;

    return ($v->{sdk} // '') =~ /^(.+?)@[\d.]+ \((?:MIT|Apache-2\.0)\)$/
        ? $1 : '';
}


sub packages {
    my $list = $json->decode(slurp("$from/package.json"));

    return (sort keys %{ $list->{dependencies} },
            slurp("$from/requirements.txt") =~ /^([\w-]+)==/mg);
}


sub ask {
    my (@list) = @_;

    local $ENV{PYTHON} = "$home/venv/bin/python3";

    my $pid = open2(my $out, my $in,
        "cd '$home' && exec timeout 120 node producers.mjs check");

    print $in map { $json->encode($_) . "\n" } @list;
    close $in;

    my $said = do { local $/; <$out> };

    waitpid $pid, 0;
    is($?, 0, 'the libraries were asked') or BAIL_OUT('producers.mjs');

    return $json->decode($said);
}


sub install {
    plan(skip_all => 'there is no node and npm')
        if system('node --version >/dev/null 2>&1 && npm --version '
                  . '>/dev/null 2>&1') != 0;

    make_path($home);
    copy("$from/$_", "$home/$_") or die "$_: $!\n" for @files;

    my $sum = Digest::SHA->new(256);
    $sum->addfile("$from/$_") for @files[0 .. 2];
    $sum = $sum->hexdigest;

    return if -e "$home/installed.$sum";

    my $said = `cd '$home' && rm -rf venv installed.* \\
        && timeout 300 npm ci --ignore-scripts --no-audit --no-fund \\
           --fetch-retries=1 2>&1 \\
        && timeout 60 python3 -m venv venv 2>&1 \\
        && timeout 120 venv/bin/pip -q install --retries 1 \\
           --disable-pip-version-check -r requirements.txt 2>&1`;

    plan(skip_all => 'npm or pip cannot install the producers\' libraries: '
        . ($said =~ s/\s+/ /gr)) if $? != 0;

    open my $f, '>', "$home/installed.$sum" or die "installed: $!\n";
}


sub slurp {
    open my $f, '<', $_[0] or die "$_[0]: $!\n";
    local $/;

    return <$f>;
}
