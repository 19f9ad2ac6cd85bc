#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What jose says of the tokens in t/data/vectors that were made and checked
# with it: the same as is written there.  t/vendors.t installs it, beside
# others, into build/producers; where it is not there this test is skipped.

use warnings;
use strict;

use FindBin;

use File::Copy qw(copy);
use IPC::Open2;
use JSON::PP;
use Test::More;

my $home = "$FindBin::Bin/../build/producers";
my $json = JSON::PP->new->utf8->canonical;

plan(skip_all => 'no jose: t/vendors.t installs it')
    if !-e "$home/node_modules/jose/package.json";

copy("$FindBin::Bin/interop/producers/tokens.mjs", "$home/tokens.mjs")
    or die "tokens.mjs: $!\n";

my @vectors = grep { $_->{n} =~ /^R/ } vectors();
my %said = ask(@vectors);

cmp_ok(scalar @vectors, '>=', 30, 'tokens');

for my $v (@vectors) {
    is($said{ $v->{n} }, $v->{sdk_says}, "$v->{n} $v->{preset}: $v->{why}");
    is($v->{sdk_says}, $v->{expect}, "$v->{n}: nobody is of another opinion");
}

# a token that is changed is not what it was

my ($valid) = grep { $_->{preset} eq 'plaid' && $_->{expect} eq 'valid' }
              @vectors;

is({ ask({ %$valid, body => 'e30=' }) }->{ $valid->{n} }, 'invalid',
    'another body with the same token');

done_testing();


sub vectors {
    open my $f, '<', "$FindBin::Bin/data/vectors/signatures.jsonl"
        or die "signatures.jsonl: $!\n";

    return map { $json->decode($_) } <$f>;
}


sub ask {
    my (@asked) = @_;

    my $pid = open2(my $out, my $in, 'node', "$home/tokens.mjs", 'check');

    print $in map { $json->encode($_) . "\n" } @asked;
    close $in;

    my $answer = $json->decode(join '', <$out>);

    waitpid $pid, 0;
    is($?, 0, 'it has an answer');

    return map { @$_ } @$answer;
}
