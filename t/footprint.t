#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the module takes of memory, by what Linux says of a worker
# (/proc/PID/smaps_rollup): a worker that has nothing to do, beside that of an
# nginx without the module; an event that waits for slow targets, and each of
# its deliveries, beside a request that nginx proxies.  docs/performance.md has
# the figures.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

plan skip_all => 'no /proc/PID/smaps_rollup'
    if !-r "/proc/$$/smaps_rollup";
plan skip_all => 'sanitizers take memory of their own'
    if $ENV{TEST_NGINX_STATIC};

my $KB = 1024;
my $MB = 1024 * 1024;

my $EVENTS = 1000;                     # that wait at once
my $BODY = 1 * $KB;
my $LARGE = 60 * $KB;
my $ROUTES = 100_000;
my $SERVER = <<'EOC';
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /shop { event_receive shop; }
        location = /erp  { event_deliver erp;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%;
                           proxy_read_timeout 5s; }
    }
EOC


# ---- a worker that has nothing to do

my $plain = idle(module => 0, text => '');

for my $store ('', 'event_store memory:4m;', 'event_store file:%%DIR%%/q;') {
    my $more = idle(text => <<"EOC") - $plain;
    $store
    event_source shop { verify off; }
    event_route all { from shop; to erp; }
$SERVER
EOC

    at_most($more, 10 * $MB, 'a worker that has nothing to do: '
        . ($store || 'no store'));
}


# ---- events that wait

# nginx's own part is that of a request to it and one to a target, each of them
# about what a request takes that it proxies

{
    my $proxied = waiting(deliveries => 0);
    my $one = waiting(deliveries => 1);
    my $delivery = waiting(deliveries => 2) - $one;
    my $event = $one - $delivery;
    my $large = waiting(deliveries => 1, body => $LARGE) - $delivery;

    diag(sprintf 'in flight: a proxied request %.1f KB, an event %.1f, '
        . 'a large one %.1f, a delivery %.1f',
        map { $_ / $KB } $proxied, $event, $large, $delivery);

    at_most($event - $proxied, 8 * $KB,
        'an event in flight, above a request that nginx proxies');
    at_most($delivery - $proxied, 4 * $KB, 'and each of its deliveries');
    at_most($large - $LARGE - ($proxied - $BODY), 8 * $KB,
        'a large event, without its body');
}


# ---- many routes

# nginx that was built with debugging keeps the text of nginx.conf, so the same
# bytes stand in a comment

{
    my $text = join '', map { <<"EOC" } 0 .. $ROUTES - 1;
event_route r$_ {
    from shop;
    when data.topic = topic-@{[ $_ % 8 ]};
    when data.shop = shop-@{[ sprintf '%06d', $_ ]};
    when data.total >= @{[ $_ % 100 ]};
    @{[ $_ % 3 ? '' : 'when data.tags != test;' ]}
    to erp;
}
EOC
    my $comment = $text;

    $comment =~ s/^/#/mg;

    at_most(routes($text) - routes($comment), 64 * $MB, "$ROUTES routes");
}

done_testing();


# ---- tools

# of a process, in bytes: what it does not share with others, or what is said

sub memory {
    my ($pid, $what) = @_;

    $what //= 'Private_(?:Clean|Dirty)';

    open my $f, '<', "/proc/$pid/smaps_rollup" or die "smaps_rollup: $!\n";

    my $said = join '', <$f>;
    my $kb = 0;

    $kb += $1 while $said =~ /^$what:\s+(\d+) kB/mg;

    return $kb * $KB;
}


sub idle {
    my (%o) = @_;

    my $t = Test::EventRouter->new(module => $o{module} // 1);

    $t->write_file('q/x', '');
    $t->config($o{text} || <<'EOC');
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location / { proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

    $t->run;
    sleep 1.5;

    my $memory = memory($t->workers);

    $t->stop;

    return $memory;
}


# bytes that each of the events takes which wait for targets that do not answer;
# without deliveries: each request that an nginx without the module proxies

sub waiting {
    my (%o) = @_;

    my $n = $o{deliveries};
    my $size = $o{body} // $BODY;
    my $t = Test::EventRouter->new(connections => 8 * $EVENTS,
        module => $n > 0);
    my @names = map { "t$_" } 1 .. $o{deliveries};
    my $target = $t->target(8081, record => 0);

    $target->answer('/', fault => 'hang');

    $t->config($n == 0 ? <<"EOP" : <<"EOC" . join '', map { <<"EOL" } @names);
    access_log off;

    server {
        listen 127.0.0.1:%%PORT_8080%% backlog=2000;
        location = /shop { proxy_pass http://127.0.0.1:%%PORT_8081%%/; }
    }
EOP
    event_concurrency 4096;
    access_log off;

    event_source shop { verify off; dedup off; accept application/json;
                        deadline 60s; }
    event_route all { from shop; to @names; }

    server {
        listen 127.0.0.1:%%PORT_8080%% backlog=2000;
        location = /shop { event_receive shop; }
    }
EOC
    server {
        listen 127.0.0.1:%%PORT_8083%%;
        location = /$_ { event_deliver $_;
                         proxy_pass http://127.0.0.1:%%PORT_8081%%/;
                         proxy_read_timeout 50s; }
    }
EOL

    $t->run;

    my $body = '{"fill":"' . 'x' x ($size - 11) . '"}';
    my ($worker) = $t->workers;
    my @clients = map { event($t, $body) } 1 .. 50;

    wait_until(20, sub { $target->count >= 50 * ($n || 1) });

    my $before = memory($worker);

    push @clients, map { event($t, $body) } 1 .. $EVENTS;

    wait_until(60, sub { $target->count >= @clients * ($n || 1) })
        or diag('not all deliveries run');

    my $after = memory($worker);

    $target->stop;
    $t->stop;

    return ($after - $before) / $EVENTS;
}


# bytes of the master, which has read them, and shares them with its workers

sub routes {
    my ($text) = @_;

    my $t = Test::EventRouter->new;

    $t->write_file('conf/routes.conf', $text);
    $t->config(<<"EOC");
    event_source shop { verify off; }
    include routes.conf;
    event_route rest { from shop; to erp; }
$SERVER
EOC
    $t->run;

    my $memory = memory($t->read_file('nginx.pid') + 0, 'Anonymous');

    $t->stop;

    return $memory;
}


sub event {
    my ($t, $body) = @_;

    my $client = $t->connect(port => 8080);

    $client->send(POST => '/shop', [ 'Content-Type' => 'application/json' ],
        $body);

    return $client;
}


sub at_most {
    my ($got, $aim, $what) = @_;

    cmp_ok($got, '<=', $aim, sprintf '%s: %.1f KB, at most %d', $what,
        $got / $KB, $aim / $KB);
}
