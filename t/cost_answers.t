#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What it costs to look at answers, counted and not timed: instructions of the
# worker for an event with one target, beside one whose status line is all that
# is looked at.  Answers have 1 KB: a record of 45 members, or a few with long
# texts.  What it costs to look into a body is the guard's work on it, about a
# hundred instructions for each member.

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
my $TIMES = 60;
my $serial = 0;

# at most so many instructions as a part of the plain event's

my %bounds = (
    lists => [ 0.005, 'success 2xx 409; fail_on 404;' ],
    header => [ 0.02, 'success when response.header.X-Result = ok;' ],
    texts => [ 0.08, 'success when response.body.Success = true;' ],
    record => [ 0.11, 'success when response.body.Success = true;' ],
    several => [ 0.15, 'fail_on when response.body.Error exists;
                        retry_on when response.body.Order.Lines.State = busy;
                        success when response.body.Success = true;' ],
);

open my $f, '<:raw', "$FindBin::Bin/data/shopify/order.json" or die;
my $body = do { local $/; <$f> };
close $f;

# as an exposed REST API answers an order: what it has stored

my %answers;

$answers{record} = '{\"Success\":true,\"ErrorMessage\":\"\",\"Order\":{'
    . '\"Id\":820982911946154508,\"Number\":\"OR-2026-004711\",'
    . '\"Status\":\"Created\",\"CreatedOn\":\"2026-11-29T10:00:00Z\",'
    . '\"CustomerId\":115310627314723954,\"Email\":\"jon@example.com\",'
    . '\"FirstName\":\"John\",\"LastName\":\"Norman\",'
    . '\"Street\":\"123 Elm St.\",\"City\":\"Ottawa\",\"Country\":\"CA\",'
    . '\"Currency\":\"USD\",\"Total\":403.00,\"Tax\":0.00,\"Note\":\"'
    . 'Please leave the parcel with the neighbour on the ground floor if '
    . 'nobody is at home before six in the evening.\",\"Lines\":['
    . join(',', map { "{\\\"Id\\\":$_,\\\"Sku\\\":\\\"IPOD2008PINK-$_\\\","
                      . '\"Description\":\"IPod Nano - 8GB, pink, refurbished '
                      . 'by the manufacturer\",\"Quantity\":1,'
                      . '\"Price\":199.00,\"State\":\"ordered\"}' } 1 .. 4)
    . ']}}';
$answers{texts} = '{\"Success\":true,\"ErrorMessage\":\"\",\"OrderId\":4711,'
    . '\"Status\":\"Created\",\"Messages\":['
    . join(',', map { '{\"Code\":\"W' . $_ . '\",\"Text\":\"The quantity of '
                      . 'the article was raised to the least that is sold at '
                      . 'once, and the price that was agreed upon is that of '
                      . 'the list in force on the day of the order.\"}' }
                1 .. 5) . ']}';

for my $name (sort keys %answers) {
    my $length = length $answers{$name} =~ s/\\//gr;

    ok($length > 1000 && $length < 1200, "$name: the answer has 1 KB")
        or diag($length);
}

my ($blocks, $hooks) = ('', '');

for my $name (plain => sort keys %bounds) {
    my $rules = $name eq 'plain' ? '' : $bounds{$name}[1];

    $blocks .= "
    event_source $name { verify shopify; secret file:%%TESTDIR%%/secret; }
    event_route $name { from $name; to $name; }
    event_target $name { $rules }\n";
    $hooks .= "
        location = /hook/$name { event_receive $name; }
        location = /to/$name {
            event_deliver $name;
            proxy_pass http://endpoint/$name;
        }\n";
}

my $upstream = Test::EventRouter->new(module => 0);
my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());

$upstream->config(<<"EOC");
    access_log          off;
    keepalive_requests  1000000;

    server {
        listen      127.0.0.1:%%PORT_8080%%;
        add_header  X-Result ok;

        location /      { return 200 "$answers{record}"; }
        location /texts { return 200 "$answers{texts}"; }
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

    $blocks

    access_log          off;
    keepalive_requests  1000000;

    proxy_http_version  1.1;
    proxy_set_header    Connection "";

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /mark   { @{[ Test::EventRouter::Meter::mark_location() ]} }
        location = /marked { return 204; }
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
        if !$r || $r->{status} != 200;

    $meter->quiet;
}
