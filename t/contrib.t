#!/usr/bin/perl

# Copyright (C) Event Router contributors

# contrib/: what event_status tells Prometheus passes promtool's check, and the
# alerts and the dashboard ask for metrics and labels that it has.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $contrib = "$FindBin::Bin/../contrib";
my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};

my $t = Test::EventRouter->new;
my $redis = $t->redis(6379);
my $target = $t->target(8081);

$t->config(<<'EOC');
    event_store file:%%TESTDIR%%/store size=16m;
    event_dedup_store redis://127.0.0.1:%%PORT_6379%%;

    event_source a { verify off; id "{json:id}"; type "{json:type}";
                     delivery queued; }
    event_target one { rate 10r/s; }
    event_route one { from a; to one; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a    { event_receive a; }
        location /status { event_status; }
        location = /d    { event_deliver one;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%/; }
    }
EOC
$t->run;

$t->post('/a', '{"id":1,"type":"x"}', [ 'Content-Type' => 'application/json' ]);
ok(wait_until(5, sub { $target->count }), 'an event is delivered');

my $text = $t->get('/status/metrics')->{body};
my $routes = $t->get('/status/metrics/routes')->{body};

like($routes, qr/^event_router_route_matched_total\{route="one"\} 1$/m,
    'routes by themselves');
like($text, qr/^event_router_route_matched_total\{route="one"\} 1$/m,
    'and, since they are few, with all the rest');

my %metric;

for (split /\n/, $text) {
    my ($name, $labels) = /^(\w+)(?:\{(.*)\})? / or next;

    $metric{$name}{$_} = 1 for 'instance', 'job', ($labels // '') =~ /(\w+)=/g;
}

# what else promtool has to say of these

SKIP: {
    skip 'no promtool: apt-get install prometheus', 4 if !$promtool;

    is(promtool('check metrics', $text), '', 'metrics');
    is(promtool('check metrics', $routes), '', 'metrics of routes');
    like(promtool("check rules $contrib/alerts.yml"), qr/SUCCESS: 5 rules/,
        'alerts');
    like(promtool("test rules $contrib/alerts_test.yml"), qr/SUCCESS/,
        'and when they fire');
}

my $alerts = slurp('alerts.yml');
my $dashboard = JSON::PP->new->decode(slurp('grafana.json'));
my @panels = @{ $dashboard->{panels} };
my @expr = map { $_->{expr} } map { @{ $_->{targets} } } @panels;

cmp_ok(scalar(@panels), '>', 10, 'panels of the dashboard');
is(scalar(grep { !$_->{title} || !@{ $_->{targets} } } @panels), 0,
    'each has a title and something to show');

for my $text ((join "\n", @expr), $alerts) {
    my @names = $text =~ /\b(event_router_\w+)/g;

    cmp_ok(scalar(@names), '>', 5, 'metrics are asked for');
    is(join(' ', grep { !$metric{$_} } @names), '', 'that are there');

    while ($text =~ /\b(event_router_\w+)\{([^}]*)\}/g) {
        my ($name, $labels) = ($1, $2);

        is(join(' ', grep { !$metric{$name}{$_} } $labels =~ /(\w+)=/g), '',
            "labels of $name");
    }
}

$t->done;


sub slurp {
    my ($name) = @_;

    open my $f, '<', "$contrib/$name" or die "$name: $!\n";
    local $/;

    return scalar <$f>;
}


# what it says; exit status and all

sub promtool {
    my ($args, $input) = @_;

    my $file = $t->write_file('promtool.in', $input // '');
    my $said = qx($promtool $args <$file 2>&1);

    return $said . ($? ? "status $?" : '');
}
