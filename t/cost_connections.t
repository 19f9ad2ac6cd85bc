#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "auth" and "sign" cost, counted and not timed: instructions of the
# worker for an event with one target, beside one whose target has neither.
# libcrypto's are counted apart, as they are without SHA instructions: to sign
# takes no more of them than to verify does.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
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
    basic  => [ 0.02, 'auth basic file:secrets/user;' ],
    bearer => [ 0.02, 'auth bearer file:secrets/shop;' ],
    header => [ 0.02, 'auth header X-Api-Key file:secrets/shop;' ],
    query  => [ 0.02, 'auth query key file:secrets/shop;' ],
    github => [ 0.06, 'sign github secret=file:secrets/shop;' ],
    stripe => [ 0.06, 'sign stripe secret=file:secrets/shop;' ],
    standardwebhooks => [ 0.06, 'sign standardwebhooks '
                                . 'secret=file:secrets/whsec;' ],
);

open my $f, '<:raw', "$FindBin::Bin/data/shopify/order.json" or die;
my $body = do { local $/; <$f> };
close $f;

my ($blocks, $hooks) = ('', '');

for my $name (qw(off plain), sort keys %bounds) {
    my $lines = $bounds{$name} ? $bounds{$name}[1] : '';
    my $verify = $name eq 'off'
        ? 'verify off; id "{header:X-Shopify-Webhook-Id}"; accept */*;'
        : 'verify shopify; secret file:secrets/shop;';

    $blocks .= "
    event_source $name { $verify }
    event_route $name { from $name; to $name; }
    event_target $name { $lines }\n";
    $hooks .= "
        location = /hook/$name { event_receive $name; }
        location = /to/$name {
            event_deliver $name;
            proxy_pass http://endpoint/$name;
        }\n";
}

my $upstream = Test::EventRouter->new(module => 0);
my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());

$upstream->config(<<'EOC');
    access_log          off;
    keepalive_requests  1000000;

    server {
        listen      127.0.0.1:%%PORT_8080%%;
        location /  { return 200 "ok"; }
    }
EOC

$upstream->run;
$t->{ports}{8081} = $upstream->port(8080);
$t->write_file('conf/secrets/shop', $t->secret($secret));
$t->write_file('conf/secrets/user', "joe:$secret");
$t->write_file('conf/secrets/whsec', 'whsec_' . encode_base64($secret, ''));

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
my %cost = map { $_ => count($_) } qw(off plain), sort keys %bounds;
my $verifies = $cost{plain}{crypto} - $cost{off}{crypto};

for my $name (sort keys %bounds) {
    my $more = $cost{$name}{instructions} / $cost{plain}{instructions} - 1;
    my $crypto = $cost{$name}{crypto} - $cost{plain}{crypto};

    cmp_ok($more, '<=', $bounds{$name}[0], sprintf '%s: %.0f instructions '
        . 'beside %.0f, %.2f %% more', $name, $cost{$name}{instructions},
        $cost{plain}{instructions}, 100 * $more);
    cmp_ok($crypto, '<=', $bounds{$name}[1] =~ /^sign/ ? 1.01 * $verifies : 0,
        sprintf '%s: %.0f of libcrypto, to verify takes %.0f', $name, $crypto,
        $verifies);
}

done_testing();


# instructions for one event, the least of some tries

sub count {
    my ($name) = @_;

    my $client = $t->connect(timeout => 60);
    my %least;

    round($client, $name) for 1 .. 10;

    for (1 .. 3) {
        my $got = $meter->count(sub { round($client, $name) for 1 .. $TIMES });

        for my $what (qw(instructions crypto)) {
            my $figure = $got->{$what} / $TIMES;

            $least{$what} = $figure if $figure < ($least{$what} // 9e9);
        }
    }

    $client->close;
    $meter->quiet;

    return \%least;
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
