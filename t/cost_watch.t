#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What it costs to be watched, counted in instructions: a scrape of the metrics
# a second, with 100 sources, 1,000 routes and 100 targets, an open v1/tail at
# full throughput, and what the console asks for every second, with 200 targets
# and 10,000 routes, are each less than 1 % of what a worker does in a second.
#
#     prove -v t/cost_watch.t               the figures
#
# A second of a worker is 33,000 proxied requests, as on a slow machine; a tail
# makes 1,000 lines a second at most.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time sleep);
use Test::EventRouter;
use Test::EventRouter::Meter;

$ENV{TEST_NGINX_ALARM} ||= 900;

my $why = Test::EventRouter::Meter::missing();

plan(skip_all => $why) if $why;

my ($SECOND, $LINES) = (33_000, 1000);

my $upstream = Test::EventRouter->new(module => 0);
my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());

$upstream->config('access_log off; keepalive_requests 1000000;'
    . 'server { listen 127.0.0.1:%%PORT_8080%%;'
    . ' location / { return 200 "taken\n"; } }');
$upstream->run;
$t->{ports}{8081} = $upstream->port(8080);

my $nouns = join "\n", (map { "event_source s$_ { verify off; deadline 100s; max_batch 2; }" } 2 .. 100),
    (map { "event_target t$_ { }" } 1 .. 100),
    map { "event_route r$_ { from *; when type = x$_; to t"
          . (1 + $_ % 100) . '; }' } 1 .. 1000;
my $receives = join "\n", map { "location = /s$_ { event_receive s$_; }" }
    2 .. 100;
my $delivers = join "\n", map { "location = /deliver/t$_ { event_deliver t$_;"
    . ' proxy_pass http://endpoint; }' } 1 .. 100;

$t->config(<<"EOC");
    event_store file:%%TESTDIR%%/store size=16m;

    upstream endpoint { server 127.0.0.1:%%PORT_8081%%; keepalive 64;
                        keepalive_requests 1000000; }

    event_source s1 { verify off; id "{json:id}"; type "{json:type}";
                      deadline 100s; }
    $nouns
    event_route two { from s1; when type = two; to t1 t2; }

    access_log          off;
    keepalive_requests  1000000;
    proxy_http_version  1.1;
    proxy_set_header    Connection "";

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /mark   { @{[ Test::EventRouter::Meter::mark_location() ]} }
        location = /marked { return 204; }

        location = /proxy  { proxy_pass http://endpoint; }
        location = /s1     { event_receive s1; }
        location /status/  { event_status; }
        location /admin/   { event_admin; }
        $receives
        $delivers
    }
EOC
$t->expect_log(qr/worker_connections|verifies nothing/, 'as it is');
$t->run;

my $serial = 0;
my $order = do {
    open my $f, '<:raw', "$FindBin::Bin/data/shopify/order.json" or die;
    local $/;
    <$f>;
};
my @json = ('Content-Type' => 'application/json');
my $client = $t->connect(timeout => 60);
my $meter = Test::EventRouter::Meter->new($t,
    servers => [ $upstream->workers ], within => qr/^ngx_er_(?:api_)?tail/);

my $unit = each_of($meter, 40, sub {
    $client->request(POST => '/proxy', \@json, $order);
});

note(sprintf 'a proxied request: %.0f', $unit);


# ---- a scrape

my $size = 0;
my $scrape = each_of($meter, 4, sub {
    $size = length $client->request(GET => '/status/metrics')->{body};
});

cmp_ok($size, '>', 500_000, "a scrape has $size bytes");
judge('a scrape a second', $scrape);

my $json = each_of($meter, 4, sub { $client->request(GET => '/status/') });

judge('the same as JSON', $json);


# ---- the series: its samples, and who looks at it once a step

my $answer = each_of($meter, 2, sub {
    $size = length $client->request(GET => '/admin/v1/series?span=hour')->{body};
});

cmp_ok($size, '>', 1_000_000, "the hour of 200 nouns has $size bytes");
judge('v1/series of all, each 10 s', $answer / 10);

my $samples = do {
    local $meter->{idle};
    local $meter->{within} = qr/^ngx_er_series_tick$/;
    $meter->count(sub { sleep 20.5 });
};

cmp_ok($samples->{within}, '>', 20_000, 'samples are taken');
judge('samples', $samples->{within} / $samples->{seconds});


# ---- a tail: lines, what is not told, and ten looks a second

my $event = sub {
    my $r = $client->request(POST => '/s1', \@json,
        '{"id":"e' . ++$serial . '","type":"two"}');

    $r->{status} == 200 or die "$r->{status}\n";
};

# what is counted is what the tail does, for the rest of an event is as it was

my $look = do {
    local $meter->{idle};
    $meter->count(sub { sleep 2.2 });
};
my $bare = each_of($meter, 60, $event);

is($look->{within}, 0, 'without a tail it does nothing');
note(sprintf 'an event to two targets: %.0f', $bare);

my %tail;

for my $kind (qw(any act)) {
    my $s = look($kind eq 'act' ? '?kind=act' : '');
    my $look = do {
        local $meter->{idle};
        $meter->count(sub { sleep 2.2 });
    };

    local $meter->{idle} = $look;

    $event->() for 1 .. 6;

    my $got = $meter->count(sub {
        for (1 .. 60) {
            $event->();
            $meter->quiet;
        }
    });

    $tail{$kind} = $got->{within} / 60;
    $tail{looks} = $look->{within} / $look->{seconds} if $kind eq 'any';
    close $s;
    sleep 1;
}

# three lines an event; a second has as many events as are worth it

my $line = $tail{any} / 3;
my $events = $SECOND * $unit / $bare;

note(sprintf 'a line of the tail: %.0f, an event of which it has none: %.0f, '
    . 'ten looks: %.0f', $line, $tail{act}, $tail{looks});

cmp_ok($line, '>', 100, 'a line is written');
judge("a tail, $LINES lines a second", $LINES * $line + $tail{looks}
    + $events * $tail{act});


# ---- what the console asks for every second

$t->stop;
$t->config(<<"EOC");
    event_store file:%%TESTDIR%%/store size=16m;

    event_source s1 { verify off; id "{json:id}"; type "{json:type}";
                      delivery queued; expect every=1h; }
    @{[ join "\n", map { "event_target t$_ { rate 100r/s; }" } 1 .. 200 ]}
    @{[ join "\n", map { "event_route r$_ { from s1; when type = x$_; to t"
                         . (1 + $_ % 200) . '; }' } 1 .. 10_000 ]}

    access_log          off;
    keepalive_requests  1000000;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /mark   { @{[ Test::EventRouter::Meter::mark_location() ]} }
        location = /marked { return 204; }
        location = /s1     { event_receive s1; }
        location /admin/   { event_admin; }
        @{[ join "\n", map { "location = /deliver/t$_ { event_deliver t$_;"
            . ' proxy_pass http://127.0.0.1:%%PORT_8081%%; }' } 1 .. 200 ]}
    }
EOC
$t->run;
$client = $t->connect(timeout => 60);
$meter = Test::EventRouter::Meter->new($t);
$client->request(POST => '/s1', \@json, '{"id":"p1","type":"x1"}');

my $sum = 0;

for my $what (qw(sources targets), 'routes?sort=matched&limit=50') {
    my $cost = each_of($meter, 4, sub {
        my $r = $client->request(GET => "/admin/v1/$what");

        $r->{status} == 200 or die "$what: $r->{status}\n";
    });

    $sum += $cost;
    judge("v1/$what a second", $cost);
}

judge('an open console', $sum);

$_->_check for $t, $upstream;
done_testing();


# instructions for one, without those of what goes by the clock

sub each_of {
    my ($meter, $times, $what) = @_;

    $what->() for 1 .. 6;

    my $got = $meter->count(sub {
        for (1 .. $times) {
            $what->();
            $meter->quiet;
        }
    });

    return ($got->{instructions} + $got->{crypto}) / $times;
}


sub judge {
    my ($name, $instructions) = @_;

    my $share = 100 * $instructions / ($SECOND * $unit);

    cmp_ok($share, '<', 1, sprintf '%s: %.0f instructions, %.2f %% of a second',
        $name, $instructions, $share);
}


sub look {
    my ($args) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port(8080)) or die "connect: $!\n";

    syswrite $s, "GET /admin/v1/tail$args HTTP/1.1\r\nHost: localhost\r\n\r\n";
    sysread $s, my $head, 4096;
    $head =~ /^HTTP\/1.1 200/ or die "no tail: $head\n";

    return $s;
}
