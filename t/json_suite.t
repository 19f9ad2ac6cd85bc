#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The 318 files of JSONTestSuite as bodies of genuine events, alone and as a
# value in an object: what t/data/json-suite/EXPECTED.tsv calls OK is accepted
# and delivered byte for byte, everything else is a 400 that says why, and the
# worker lives on.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $TOKEN = 'a-token-of-this-test';

# EXPECTED.tsv names the reasons, an answer has a phrase for each

my %phrase = (utf8 => 'bad UTF-8', dup => 'duplicate key "a"',
              depth => 'nested too deeply',
              num => 'number too long or out of range');

# at the start of a body only

my $BOM = 'i_structure_UTF-8_BOM_empty_object.json';

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($TOKEN);
$t->write_file('secret', $TOKEN);

$t->config(<<'EOC');

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 4; }

    event_source suite { verify token; signature header:X-Token;
                         secret file:%%TESTDIR%%/secret; dedup off; }

    event_route all    { from suite; to erp; }
    event_route named  { from suite; when data.a = "no such value"; to erp; }
    event_route nested { from suite; when data.x.a = "no such value"; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_requests 2000;
        location = /suite { event_receive suite; }
        location = /erp   { event_deliver erp; proxy_pass http://erp;
                            proxy_http_version 1.1;
                            proxy_set_header Connection ""; }
    }
EOC

$t->run;

my ($worker) = $t->workers;
my %expected = expectations();

is(scalar keys %expected, 318, 'files');

# alone

my $c = $t->connect;
my (@wrong, @phrases, @sent);
my %count;

for my $file (sort keys %expected) {
    my $text = slurp($file);
    my ($r) = send_text($text);

    $count{$r->{status}}++;
    push @sent, $text if $r->{status} == 200;
    push @wrong, "$file: $r->{status}, expected $expected{$file}"
        if $r->{status} != ($expected{$file} eq 'OK' ? 200 : 400);

    my ($reason) = $expected{$file} =~ /^FAIL\((\w+)\)/ or next;
    my $detail = ($r->json // {})->{detail} // '';

    push @phrases, "$file: $detail, expected $reason"
        if $detail ne ($phrase{$reason} // $reason);
}

is(join("\n", @wrong), '', 'verdicts');
is(join("\n", @phrases), '', 'reasons');
is_deeply(\%count, { 200 => 123, 400 => 195 }, 'as many as there should be');
delivered('delivered as they came');

# in chunks

(@wrong, @sent) = ();

for my $file (sort keys %expected) {
    my $text = slurp($file);
    my $r = send_text($text, chunks => length $text > 1000 ? 4099 : 3);

    push @sent, $text if $r->{status} == 200;
    push @wrong, "$file: $r->{status}"
        if $r->{status} != ($expected{$file} eq 'OK' ? 200 : 400);
}

is(join("\n", @wrong), '', 'verdicts in chunks');
delivered('delivered as they came in chunks');

# as a value in an object

(@wrong, @sent) = ();

for my $file (sort keys %expected) {
    my $text = '{"x":' . slurp($file) . "}\n";
    my $ok = ($expected{$file} eq 'OK' && $file ne $BOM);
    my $r = send_text($text);

    push @sent, $text if $r->{status} == 200;
    push @wrong, "$file: $r->{status}" if $r->{status} != ($ok ? 200 : 400);
}

is(join("\n", @wrong), '', 'verdicts as a value');
delivered('delivered as a value');

is(($t->workers)[0], $worker, 'the same worker');

$t->done;


# ---- helpers

sub expectations {
    my %expected;

    open my $f, '<', path('EXPECTED.tsv') or die "EXPECTED.tsv: $!\n";

    while (<$f>) {
        chomp;
        my @column = split /\t/;
        $expected{$column[0]} = $column[8] if $column[0] =~ /\.json$/;
    }

    return %expected;
}


sub path {
    return $t->root . "/t/data/json-suite/$_[0]";
}


sub slurp {
    my ($file) = @_;

    open my $f, '<', path("test_parsing/$file") or die "$file: $!\n";
    binmode $f;
    local $/;

    return scalar(<$f>) // '';
}


# all on one connection: a refused body must not disturb the next one

sub send_text {
    my ($text, @options) = @_;

    return $c->request(POST => '/suite', [ 'X-Token' => $TOKEN,
               'Content-Type' => 'application/json' ], $text, @options)
           // die "no answer\n";
}


sub delivered {
    my ($name) = @_;

    my @got = map { $_->{body} } $erp->requests;
    my @odd = grep { !defined $got[$_] || $got[$_] ne $sent[$_] } 0 .. $#sent;

    is("@odd", '', $name);
    is(scalar @got, scalar @sent, "$name: nothing else");

    $erp->forget;
}
