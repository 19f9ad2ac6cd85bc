#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "body" of event_target: what a target gets of an event, from a source that
# delivers at once and from one that queues.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

# t/body_redis.t runs this file, too

my $t = Test::EventRouter->new;
my $redis = $ENV{TEST_BODY_REDIS} && $t->redis(6379);
my $target = $t->target(8081);

my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                   : 'file:%%TESTDIR%%/store size=16m';
my $JSON = 'application/json';
my $CE = 'application/cloudevents+json';


# ---- helpers

# targets by name, each the lines of its block; each source goes to all of them

sub config {
    my (%o) = @_;

    my %target = %{ $o{targets} };
    my @names = sort keys %target;

    my $targets = join "\n", map { "
        event_target $_ { breaker off; retry base=100ms for=1h;
                          $target{$_} }" } @names;
    my $locations = join "\n", map { "
        location = /deliver/$_ { event_deliver $_;
                                 proxy_pass http://target/$_; }" } @names;

    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    event_history 1d;

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 16; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";

    event_source now   { verify off; accept application/json $CE application/x-www-form-urlencoded image/*;
                         id "{json:id?}"; type "{json:type?}"; dedup off; }
    event_source later { verify off; accept application/json $CE application/x-www-form-urlencoded image/*;
                         id "{json:id?}"; type "{json:type?}"; dedup off;
                         delivery queued; }

    $targets

    event_route all { from now later; to @names; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /now    { event_receive now; }
        location = /later  { event_receive later; }
        location = /status { event_status; }
        location /admin    { event_admin reveal; allow all; }
        $locations
    }
}
EOC
}


# the requests that an event leads to, by target

sub sent {
    my ($source, $body, $type, @headers) = @_;

    $target->forget;

    my $r = $t->post("/$source", $body,
        [ ($type ? ('Content-Type' => $type) : ()), @headers ]);
    my $n = $target->{expected} // 1;

    wait_until(3, sub { $target->count >= $n });

    return ($r, { map { (split m{/}, $_->{uri})[-1] => $_ }
                  $target->requests });
}


# ---- data

config(targets => { whole => '', same => 'body original;',
                    data => 'body data;' });
$target->{expected} = 3;
$t->run;

my $text = '{"id":"e1","type":"t","n":12345678901234567890,"d":1.10}';

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, $text, $JSON);

    is($r->{status}, $source eq 'now' ? 200 : 202, "$source: taken");
    is($got->{$_}{body}, $text, "$source: $_, the bytes that came")
        for qw(whole same data);
    is($got->{data}->header('Content-Type'), $JSON, "$source: its type");
    is($got->{data}->header('ce-type'), 't', "$source: attributes beside it");

    # out of an envelope

    my $ce = '{"specversion":"1.0","id":"c1","source":"/s","type":"t",'
             . '"subject":"a b","data" : {"a":[1, 2.50]} ,"ext":"x"}';

    ($r, $got) = sent($source, $ce, $CE);

    is($got->{whole}{body}, $ce, "$source: a CloudEvent as it came");
    is($got->{whole}->header('ce-id'), undef, "$source: it has all inside");
    is($got->{data}{body}, '{"a":[1, 2.50]}', "$source: its data");
    is($got->{data}->header('Content-Type'), $JSON, "$source: of this type");
    is($got->{data}->header('Content-Length'), 15, "$source: of this length");
    is($got->{data}->header('ce-id'), 'c1', "$source: attributes beside it");
    is($got->{data}->header('ce-subject'), 'a%20b', "$source: as headers");
}

$t->done;
