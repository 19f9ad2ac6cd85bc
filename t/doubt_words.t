#!/usr/bin/perl

# Copyright (C) Event Router contributors

# An answer that does not say whether the target took the event: it is "doubt"
# in the list of what waits, in event_log and in the history of the event, in
# the same words, also where the target has no "in_doubt".

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP qw(decode_json);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 1);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $api;

my $cut = 'the body was cut off';

$t->expect_log(qr/upstream prematurely closed/, 'answers are cut off');
$target->answer('/erp/cut', headers => [ 'Content-Type' => 'application/json' ],
    body => '{"ok":true}', fault => 'truncate');
$target->answer('/erp/no', status => 503, body => 'busy');

sub config {
    my ($store, $history) = @_;

    $q->config(in => $store, admin => 'reveal',
        http => "event_log %%TESTDIR%%/logs/event.log flush=10ms; $history",
        targets => { erp => 'breaker off; retry for=1h base=300ms max=300ms;'
                          . ' success when response.body.ok = true;' });
}

sub waits {
    my ($id) = @_;

    my $r = $t->get("/admin/v1/pending?id=$id");

    is_deeply([ $api->wrong(GET => '/pending', $r) ], [],
        'as the API describes it');

    return $r->json->{entries}[0];
}

sub tried {
    my ($id) = @_;

    my $e;

    ok(wait_until(10, sub { $e = waits($id); $e && @{ $e->{history} } }),
        "$id was tried");

    return $e->{history}[0];
}

sub logged {
    my ($id) = @_;

    my @lines;

    ok(wait_until(10, sub {
        @lines = grep { $_->{kind} eq 'attempt' && $_->{id} eq $id }
            map { decode_json($_) }
            split /\n/, $t->read_file('logs/event.log');
    }), "$id is in event_log");

    return $lines[0];
}

my $file = 'file:%%TESTDIR%%/store size=16m';

config($file, 'event_history 1h;');
$t->run;

$api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

for my $store ($file, 'redis://127.0.0.1:%%PORT_6379%%') {
    my ($name) = $store =~ /^(\w+)/;

    if ($store ne $file) {
        config($store, '');
        ok($t->reload, 'another store');
    }

    my $doubt = $q->send('erp', kind => 'cut');
    my $no = $q->send('erp', kind => 'no');
    my $past = tried($doubt);

    is($past->{verdict}, 'doubt', "$name: listed as in doubt");
    is($past->{status}, 200, 'with its status');
    cmp_ok($past->{ms}, '<', 10000, 'and its time');
    ok(!exists tried($no)->{verdict}, 'what was answered is not');

    my $line = logged($doubt);

    is($line->{verdict}, 'doubt', 'event_log says so, too');
    is(logged($no)->{verdict}, 'retry', 'what was answered');

    next if $store ne $file;

    my $e = $t->get("/admin/v1/events?id=$doubt")->json->{events}[0];
    my $step = $t->get("/admin/v1/events/$e->{event}")
        ->json->{targets}[0]{history}[0];

    is($step->{verdict}, 'doubt', 'history says so, too');
    is($step->{lost}, $cut, 'and what is missing');
}

$t->done;
