#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "in_doubt" costs where nothing is in doubt, counted and not timed:
# instructions of the worker for a queued event, beside one without it.  It is
# some tens of 188,000; a count of queued events is right to about a hundredth.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Meter;

$ENV{TEST_NGINX_ALARM} ||= 600;

my $why = Test::EventRouter::Meter::missing();

plan(skip_all => $why) if $why;

my $secret = 'an-ordinary-secret-of-the-shop';
my $TIMES = 150;
my $serial = 0;

# at most so many instructions as a part of the plain event's

my %bounds = (
    doubt => [ 0.03, 'in_doubt /has?id=$order { missing 404; }' ],
);

open my $f, '<:raw', "$FindBin::Bin/data/shopify/order.json" or die;
my $body = do { local $/; <$f> };
close $f;

my ($blocks, $hooks) = ('', '');

for my $name (plain => sort keys %bounds) {
    my $rules = $name eq 'plain' ? '' : $bounds{$name}[1];

    $blocks .= "
    event_source $name {
        verify shopify; secret file:%%TESTDIR%%/secret; delivery queued;
    }
    event_route $name { from $name; to $name; }
    event_target $name { $rules }\n";
    $hooks .= "
        location = /hook/$name { event_receive $name; }
        location = /to/$name {
            event_deliver $name;
            proxy_pass http://endpoint/$name;
            proxy_next_upstream off;
        }\n";
}

my $upstream = Test::EventRouter->new(module => 0);
my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());

$upstream->config(<<"EOC");
    access_log          off;
    keepalive_requests  1000000;

    server {
        listen      127.0.0.1:%%PORT_8080%%;

        location / { return 204; }
    }
EOC

$upstream->run;
$t->{ports}{8081} = $upstream->port(8080);
$t->write_file('secret', $t->secret($secret));

$t->config(<<"EOC");
    upstream endpoint {
        server              127.0.0.1:%%PORT_8081%%;
        keepalive           64;
        keepalive_requests  1000000;
    }

    event_store file:%%TESTDIR%%/store size=64m;
    event_set \$order data.id uri;

    $blocks

    access_log          off;
    keepalive_requests  1000000;

    proxy_http_version  1.1;
    proxy_set_header    Connection "";

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /mark   { @{[ Test::EventRouter::Meter::mark_location() ]} }
        location = /marked { return 204; }
        location = /has    { internal; proxy_pass http://endpoint; }
        $hooks
    }
EOC

$t->run;

my $meter = Test::EventRouter::Meter->new($t,
    servers => [ $upstream->workers ]);
my %cost = map { $_ => count($_) } 'plain', sort keys %bounds;

for my $name (sort keys %bounds) {
    my $more = $cost{$name} / $cost{plain} - 1;

    cmp_ok($more, '<=', $bounds{$name}[0], sprintf '%s: %.0f instructions '
        . 'beside %.0f, %.2f %% more', $name, $cost{$name}, $cost{plain},
        100 * $more);
}

done_testing();


# instructions for one event, the least of some tries

sub count {
    my ($name) = @_;

    my $client = $t->connect(timeout => 60);
    my $least;

    round($client, $name) for 1 .. 10;

    for (1 .. 3) {
        my $got = $meter->count(sub { round($client, $name) for 1 .. $TIMES });
        my $figure = $got->{instructions} / $TIMES;

        $least = $figure if $figure < ($least // 9e9);
    }

    $client->close;
    $meter->quiet;

    return $least;
}


sub round {
    my ($client, $name) = @_;

    $client->send(POST => "/hook/$name", [ shopify($body, $secret,
        topic => 'orders/paid', id => sprintf 'event-%08d', ++$serial) ],
        $body);

    my $r = $client->response;

    die "$name: " . ($r ? $r->{head} : 'no answer') . "\n"
        if !$r || $r->{status} != 202;

    $meter->quiet;
}
