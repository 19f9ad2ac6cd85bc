#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the lines of a target cost that say how it is called and when it took
# the event, counted and not timed: instructions of the worker for an event
# with one target, beside one whose target has none of them.  libcrypto's are
# counted apart, as they are without SHA instructions: to sign takes no more of
# them than to verify does.
#
# Answers that rules look into have 1 KB: a record of 45 members, or a few with
# long texts.  What that costs is the guard's work on the body, about a hundred
# instructions for each member.
#
# What a target gets is mapped from an order of 6 KB: to a record of 1 KB by a
# template, to a form, to a CloudEvent around it, and to a call for each of its
# two line items.  Most of it is a second scan of the order.  A batch is of one
# event here.  A program of jq runs in another process, whose instructions are
# not counted.
#
# "in_doubt" is for queued events, where nothing is in doubt.  A count of these
# is right to about a hundredth.

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
my $serial = 0;

# "more": at most so many instructions as a part of the plain event's; "signs":
# libcrypto has work, as much as to verify; "answer": the target's

my %sync = (
    basic => { more => 0.02, lines => 'auth basic file:secrets/user;' },
    bearer => { more => 0.02, lines => 'auth bearer file:secrets/shop;' },
    header => { more => 0.02,
        lines => 'auth header X-Api-Key file:secrets/shop;' },
    query => { more => 0.02, lines => 'auth query key file:secrets/shop;' },
    oauth2 => { more => 0.03,
        lines => 'auth oauth2 /token client=file:secrets/user;' },

    github => { more => 0.06, signs => 1,
        lines => 'sign github secret=file:secrets/shop;' },
    stripe => { more => 0.06, signs => 1,
        lines => 'sign stripe secret=file:secrets/shop;' },
    standardwebhooks => { more => 0.06, signs => 1,
        lines => 'sign standardwebhooks secret=file:secrets/whsec;' },

    lists => { more => 0.005, lines => 'success 2xx 409; fail_on 404;' },
    named => { more => 0.02,
        lines => 'success when response.header.X-Result = ok;' },
    texts => { more => 0.08, answer => 'texts',
        lines => 'success when response.body.Success = true;' },
    record => { more => 0.11, answer => 'record',
        lines => 'success when response.body.Success = true;' },
    several => { more => 0.15, answer => 'record',
        lines => 'fail_on when response.body.Error exists;
                  retry_on when response.body.Order.Lines.State = busy;
                  success when response.body.Success = true;' },
);

my %queued = (
    doubt => { more => 0.03,
        lines => 'in_doubt /has?id=$order { missing 404; }' },
);

# mapped at once, and from the queue

my %mapped = (
    cloudevents => { more => 0.49, lines => 'body cloudevents;' },
    form => { more => 0.53, lines => 'body form id=data.id '
                . 'total=data.total_price sku=data.line_items.sku;' },
    template => { more => 0.76, lines => 'body template order.json;' },
);

my %mapped_later = (
    batch => { more => 0.31, lines => 'batch max=100 wait=0;' },
    split => { more => 0.82, lines => 'split data.line_items;' },
    template => { more => 0.49, lines => 'body template order.json;' },
);

# name, lines of http, what they may cost an event in sync mode and a queued
# one: 3 % and 8 %, and a hundredth for the count

my @whole = (
    [ history => 'event_history 1h size=4m index=data.id;', 0.04, 0.09 ],
);

my %answers = (record => record(), texts => texts());

open my $f, '<:raw', "$FindBin::Bin/data/shopify/order.json" or die;
my $body = do { local $/; <$f> };
close $f;

# the template of build/bench/layout

open $f, '<:raw', "$FindBin::Bin/bench/record.json" or die;
my $template = do { local $/; <$f> };
close $f;

for my $name (sort keys %answers) {
    my $length = length $answers{$name} =~ s/\\//gr;

    ok($length > 1000 && $length < 1200, "$name: the answer has 1 KB")
        or diag($length);
}

my $upstream = Test::EventRouter->new(module => 0);
my $redis = $upstream->redis(6379);
my $token = 'x' x 800;

$upstream->config(<<"EOC");
    access_log          off;
    keepalive_requests  1000000;

    server {
        listen      127.0.0.1:%%PORT_8080%%;
        add_header  X-Result ok;

        location /       { return 200 "ok"; }
        location /record { return 200 "$answers{record}"; }
        location /texts  { return 200 "$answers{texts}"; }
        location = /token {
            return 200 '{"access_token":"$token","token_type":"Bearer"}';
        }
    }
EOC

$upstream->run;

my $cost = costs({ plain => {}, %sync,
    unsigned => { verify => 'verify off; accept */*; '
                            . 'id "{header:X-Shopify-Webhook-Id}";' } },
    times => 60);

compare($cost, \%sync);

my $verifies = $cost->{plain}{crypto} - $cost->{unsigned}{crypto};

for my $name (sort keys %sync) {
    my $crypto = $cost->{$name}{crypto} - $cost->{plain}{crypto};

    cmp_ok($crypto, '<=', $sync{$name}{signs} ? 1.01 * $verifies : 0,
        sprintf '%s: %.0f of libcrypto, to verify takes %.0f', $name, $crypto,
        $verifies);
}

my @queue = (times => 150, source => 'delivery queued;',
    http => 'event_store file:%%TESTDIR%%/store size=64m;
             event_set $order data.id uri;');
my $queued = costs({ plain => {}, %queued }, @queue);

compare($queued, \%queued);


# in nginx of their own

compare(costs({ plain => {}, %mapped }, times => 60), \%mapped);
compare(costs({ plain => {}, %mapped_later }, @queue), \%mapped_later,
    ', queued');


# what is for all sources: another nginx has it

for my $feature (@whole) {
    my ($name, $http, $sync, $later) = @$feature;
    my $with = costs({ plain => {} }, times => 60, http => $http);

    beside($name, $with->{plain}, $cost->{plain}, $sync);

    my %o = @queue;

    $o{http} .= " $http";
    $with = costs({ plain => {} }, %o);

    beside("$name, queued", $with->{plain}, $queued->{plain}, $later);

    my ($on, $off) = map {
        $o{http} = 'event_store redis://127.0.0.1:' . $redis->port
            . " prefix=$_->[0]; $_->[1]";
        costs({ plain => {} }, %o)->{plain};
    } [ on => $http ], [ off => '' ];

    beside("$name, queued in Redis", $on, $off, $later);
}

done_testing();


sub compare {
    my ($cost, $features, $how) = @_;

    for my $name (sort keys %$features) {
        beside($name . ($how // ''), $cost->{$name}, $cost->{plain},
            $features->{$name}{more});
    }
}


sub beside {
    my ($name, @cost) = @_;

    my $most = pop @cost;
    my ($with, $plain) = map { $_->{instructions} } @cost;
    my $more = $with / $plain - 1;

    cmp_ok($more, '<=', $most,
        sprintf '%s: %.0f instructions beside %.0f, %.2f %% more', $name,
        $with, $plain, 100 * $more);
}


# figures of an event, by the name of the feature, in one nginx that has a
# source, a route and a target for each

sub costs {
    my ($features, %o) = @_;

    my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());
    my ($blocks, $hooks) = ('', '');

    for my $name (sort keys %$features) {
        my $is = $features->{$name};
        my $verify = $is->{verify}
            // 'verify shopify; secret file:secrets/shop;';

        $blocks .= "
    event_source $name { $verify @{[ $o{source} // '' ]} }
    event_route $name { from $name; to $name; }
    event_target $name { @{[ $is->{lines} // '' ]} }\n";
        $hooks .= "
        location = /hook/$name { event_receive $name; }
        location = /to/$name {
            event_deliver $name;
            proxy_pass http://endpoint/@{[ $is->{answer} // '' ]};
        }\n";
    }

    $t->{ports}{8081} = $upstream->port(8080);
    $t->write_file('conf/secrets/shop', $t->secret($secret));
    $t->write_file('conf/secrets/user', "joe:$secret");
    $t->write_file('conf/order.json', $template);
    $t->write_file('conf/secrets/whsec',
        'whsec_' . encode_base64($secret, ''));

    $t->config(<<"EOC");
    upstream endpoint {
        server              127.0.0.1:%%PORT_8081%%;
        keepalive           64;
        keepalive_requests  1000000;
    }

    @{[ $o{http} // '' ]}
    $blocks

    access_log          off;
    keepalive_requests  1000000;

    proxy_http_version   1.1;
    proxy_set_header     Connection "";
    proxy_next_upstream  off;

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /mark   { @{[ Test::EventRouter::Meter::mark_location() ]} }
        location = /marked { return 204; }
        location = /token  { internal; proxy_pass http://endpoint/token; }
        location = /has    { internal; proxy_pass http://endpoint; }
        $hooks
    }
EOC

    $t->run;

    my $meter = Test::EventRouter::Meter->new($t,
        servers => [ $upstream->workers, $redis->{pid} ]);
    my %cost = map { $_ => count($t, $meter, $_, $o{times}) }
               sort keys %$features;

    $t->stop;

    return \%cost;
}


# figures of one event, the least of some tries

sub count {
    my ($t, $meter, $name, $times) = @_;

    my $client = $t->connect(timeout => 60);
    my %least;

    event($client, $meter, $name) for 1 .. 10;

    for (1 .. 3) {
        my $got = $meter->count(sub {
            event($client, $meter, $name) for 1 .. $times;
        });

        for my $what (qw(instructions crypto)) {
            my $figure = $got->{$what} / $times;

            $least{$what} = $figure if $figure < ($least{$what} // 9e9);
        }
    }

    $client->close;
    $meter->quiet;

    return \%least;
}


sub event {
    my ($client, $meter, $name) = @_;

    $client->send(POST => "/hook/$name", [ shopify($body, $secret,
        topic => 'orders/paid', id => sprintf 'event-%08d', ++$serial) ],
        $body);

    my $r = $client->response;

    die "$name: " . ($r ? $r->{head} : 'no answer') . "\n"
        if !$r || $r->{status} !~ /^20[02]$/;

    $meter->quiet;
}


# as an exposed REST API answers an order: what it has stored

sub record {
    return '{\"Success\":true,\"ErrorMessage\":\"\",\"Order\":{'
        . '\"Id\":820982911946154508,\"Number\":\"OR-2026-004711\",'
        . '\"Status\":\"Created\",\"CreatedOn\":\"2026-11-29T10:00:00Z\",'
        . '\"CustomerId\":115310627314723954,\"Email\":\"jon@example.com\",'
        . '\"FirstName\":\"John\",\"LastName\":\"Norman\",'
        . '\"Street\":\"123 Elm St.\",\"City\":\"Ottawa\",\"Country\":\"CA\",'
        . '\"Currency\":\"USD\",\"Total\":403.00,\"Tax\":0.00,\"Note\":\"'
        . 'Please leave the parcel with the neighbour on the ground floor if '
        . 'nobody is at home before six in the evening.\",\"Lines\":['
        . join(',', map { "{\\\"Id\\\":$_,\\\"Sku\\\":\\\"IPOD2008PINK-$_\\\","
                          . '\"Description\":\"IPod Nano - 8GB, pink, '
                          . 'refurbished by the manufacturer\",'
                          . '\"Quantity\":1,\"Price\":199.00,'
                          . '\"State\":\"ordered\"}' } 1 .. 4)
        . ']}}';
}


sub texts {
    return '{\"Success\":true,\"ErrorMessage\":\"\",\"OrderId\":4711,'
        . '\"Status\":\"Created\",\"Messages\":['
        . join(',', map { '{\"Code\":\"W' . $_ . '\",\"Text\":\"The quantity '
                          . 'of the article was raised to the least that is '
                          . 'sold at once, and the price that was agreed upon '
                          . 'is that of the list in force on the day of the '
                          . 'order.\"}' }
                    1 .. 5) . ']}';
}
