#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What an event may cost, counted and not timed: instructions of the worker as
# a multiple of those of one plain proxied request in the same process,
# allocations, system calls, and commands that Redis ran.  t/data/cost.tsv has
# what each may be; who makes an event dearer is told the figure.  libcrypto's
# instructions are counted apart, since a real processor hashes with far fewer.
#
#     prove -v t/cost.t                     all figures, in a table
#     COST_ONLY='redis' prove -v t/cost.t   only the cases that match
#     COST_RECORD=1 prove t/cost.t          what is now is what may be
#     TEST_NGINX_LEAVE=1 prove -v t/cost.t  and names the files of callgrind
#
# "One": events come one at a time, the next when all is quiet again.  "Burst":
# 32 are there before the worker looks.  Each has two targets.  What is counted
# is the same on a busy machine.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Meter;

# a busy machine makes it long, not wrong

$ENV{TEST_NGINX_ALARM} ||= 900;

my $why = Test::EventRouter::Meter::missing();

plan(skip_all => $why) if $why;

my $file = "$FindBin::Bin/data/cost.tsv";
my $secret = 'an-ordinary-secret-of-the-shop';
my $body = slurp("$FindBin::Bin/data/shopify/order.json");
my ($ONE, $BURST, $BURSTS, $TRIES) = (60, 32, 4, 4);

# a figure may be so much higher, as a part of it and at least.  How often a
# worker is woken for events that come one at a time depends on who is quicker,
# and how many commits of the file store its thread makes; so does a little how
# much a queue does in one call.

my %slack = (instructions => [ 0.03, 0 ], crypto => [ 0.03, 0 ],
    allocations => [ 0.03, 0.3 ], syscalls => [ 0.03, 0.5 ],
    commands => [ 0.03, 0.5 ], scripts => [ 0.03, 0.1 ]);
my %slack_of_queue = (%slack, allocations => [ 0.06, 0.5 ],
    commands => [ 0.1, 0.5 ], scripts => [ 0.1, 0.1 ]);
my %slack_of_file = (%slack_of_queue, instructions => [ 0.08, 0 ]);
my %digits = (instructions => 3, crypto => 0, allocations => 2,
    syscalls => 2, commands => 2, scripts => 2);
my %by_chance = map { $_ => 1 } 'sync: one: syscalls',
    'sync, Redis: one: syscalls', 'file: one: syscalls',
    'file: burst: syscalls', 'Redis: one: syscalls';

my @stores = (
    { name => 'sync', delivery => 'sync' },
    { name => 'sync, Redis', delivery => 'sync', redis => 1,
      store => 'event_dedup_store redis://127.0.0.1:%%PORT_6379%%;' },
    { name => 'file', delivery => 'queued',
      store => 'event_store file:%%TESTDIR%%/events size=64m;' },
    { name => 'Redis', delivery => 'queued', redis => 1,
      store => 'event_store redis://127.0.0.1:%%PORT_6379%%;' },
);

my $system = system_name();
my %recorded = recorded();
my (%now, $unit);
my ($serial, $deliveries) = (0, 0);

note("counted on $system");

for my $store (@stores) {
    count_store($store) if $store == $stores[0]
        || wanted("$store->{name}: one") || wanted("$store->{name}: burst");
}

if ($ENV{COST_RECORD}) {
    record();
    note("recorded in $file");
}

done_testing();


# ---- counting

# a process for each store; the first also proxies, which is the unit.  What
# chance does (a timer that ends first, a batch of fewer) makes events dearer,
# so what seems too dear is counted again, and the least figures count.

sub count_store {
    my ($store) = @_;

    my $upstream = Test::EventRouter->new(module => 0);
    my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());

    $upstream->config(upstream_configuration());
    $upstream->run;
    $t->{ports}{8081} = $upstream->port(8080);

    my $redis = $t->redis(6379) if $store->{redis};

    $t->config(configuration($store));
    $t->write_file('secret', $t->secret($secret));
    $t->run;

    my $meter = Test::EventRouter::Meter->new($t,
        servers => [ $upstream->workers, $redis ? $redis->{pid} : () ],
        more => sub { $redis ? commands($redis) : () });

    if (!$unit) {
        $unit = count($t, $meter, '/proxy', 1, $ONE);
        show('proxy_pass', $unit);
    }

    for my $how ([ one => 1, $ONE ], [ burst => $BURST, $BURSTS ]) {
        my $name = "$store->{name}: $how->[0]";

        next if !wanted($name);

        my %least;

        for (1 .. $TRIES) {
            my $got = count($t, $meter, '/hook', @$how[1, 2]);

            show($name, $got);

            for my $what (grep { defined $got->{$_} } keys %slack) {
                my $figure = $what eq 'instructions'
                    ? $got->{$what} / $unit->{$what} : $got->{$what};

                $least{$what} = $figure if $figure
                    < ($least{$what} // 9e9);
            }

            last if !$ENV{COST_RECORD} && !grep { dearer($name, $_,
                $least{$_}) } keys %least;
        }

        judge($name, \%least);
    }

    my ($had) = $upstream->get('/count')->{body}
        =~ /\s\d+ \d+ (\d+) \nReading/;

    cmp_ok($had, '>=', $deliveries, "$store->{name}: delivered");
    $deliveries = 0;
    $_->_check for $t, $upstream;
}


# figures for one request, after some that are not counted

sub count {
    my ($t, $meter, $path, $at_once, $times) = @_;

    my @clients = map { $t->connect(timeout => 60) } 1 .. $at_once;

    round($t, $meter, $path, @clients) for 1 .. 12 / $at_once + 2;

    my $got = $meter->count(sub {
        round($t, $meter, $path, @clients) for 1 .. $times;
    });

    $_->close for @clients;
    $meter->quiet;

    $got->{$_} /= $at_once * $times for grep { $_ ne 'profile' } keys %$got;

    return $got;
}


# one event on each connection, all there before the worker looks; then rest

sub round {
    my ($t, $meter, $path, @clients) = @_;

    kill STOP => $t->workers if @clients > 1;

    for my $client (@clients) {
        $client->send(POST => $path, [ shopify($body, $secret,
            topic => 'orders/paid', id => sprintf 'event-%08d', ++$serial) ],
            $body);
    }

    $deliveries += @clients * ($path eq '/hook' ? 2 : 1);
    kill CONT => $t->workers if @clients > 1;

    for my $client (@clients) {
        my $r = $client->response;

        $r && $r->{status} =~ /^20[02]$/
            or die "$path: $serial: " . ($r ? $r->{head} : 'no answer') . "\n";
    }

    $meter->quiet;
}


# how many Redis has run, and how many of them were sent

sub commands {
    my ($redis) = @_;

    my %calls = $redis->command('INFO', 'commandstats')
        =~ /^cmdstat_(\S+?):calls=(\d+)/mg;
    my ($all, $scripts) = (0, 0);

    for my $name (grep { $_ ne 'info' } keys %calls) {
        $all += $calls{$name};
        $scripts += $calls{$name} if $name =~ /^(?:evalsha|fcall)/;
    }

    return (commands => $all, scripts => $scripts);
}


# ---- what is recorded

sub judge {
    my ($name, $got) = @_;

    for my $what (sort keys %$got) {
        next if $by_chance{"$name: $what"};

        my $figure = sprintf "%.$digits{$what}f", $got->{$what};
        my $may = $recorded{$system}{$name}{$what};

        $now{$name}{$what} = $figure;

        next if $ENV{COST_RECORD};

        SKIP: {
            skip "$name: $what: $figure; nothing is recorded for $system", 1
                if !defined $may;

            ok(!dearer($name, $what, $figure),
                "$name: $what: $figure of $may")
                or diag("$name: $what: an event costs $figure, it may cost "
                    . "$may.\nIf it is worth that: COST_RECORD=1 "
                    . "COST_ONLY='^$name' prove t/cost.t");

            diag("$name: $what: $figure, less than the $may that is "
                . 'recorded: COST_RECORD=1 prove t/cost.t keeps it')
                if $figure < $may - slack($name, $what, $may);
        }
    }

    pass("$name: recorded") if $ENV{COST_RECORD};
}


sub dearer {
    my ($name, $what, $figure) = @_;

    my $may = $recorded{$system}{$name}{$what};

    return defined $may && !$by_chance{"$name: $what"}
           && $figure > $may + slack($name, $what, $may);
}


sub slack {
    my ($name, $what, $may) = @_;

    my $slack = $name =~ /^sync/ ? \%slack
        : $name eq 'file: one' ? \%slack_of_file : \%slack_of_queue;
    my ($part, $least) = @{ $slack->{$what} };

    return $may * $part > $least ? $may * $part : $least;
}


# system, case, what, figure

sub recorded {
    my %recorded;

    for (split /\n/, slurp($file)) {
        next if /^#|^$/;

        my ($system, $name, $what, $figure) = split /\t/;

        $recorded{$system}{$name}{$what} = $figure;
    }

    return %recorded;
}


sub record {
    my ($head) = slurp($file) =~ /\A((?:#.*\n|\n)*)/;

    for my $name (keys %now) {
        $recorded{$system}{$name} = $now{$name};
    }

    open my $f, '>', $file or die "cannot write $file: $!\n";

    print $f $head;

    for my $system (sort keys %recorded) {
        for my $name (sort keys %{ $recorded{$system} }) {
            my $figures = $recorded{$system}{$name};

            print $f join("\t", $system, $name, $_, $figures->{$_}) . "\n"
                for sort keys %$figures;
        }
    }

    close $f or die "cannot write $file: $!\n";
}


# what decides how many instructions there are: nginx, the compiler of the
# module, the processor

sub system_name {
    my ($nginx) = qx(${\ Test::EventRouter::binary() } -v 2>&1)
        =~ m{nginx/(\S+)};
    my $module = $ENV{TEST_NGINX_MODULE} || "$FindBin::Bin/../build/gcc/"
        . 'ngx_http_event_router_module.so';
    my ($gcc) = slurp($module) =~ /GCC: \([^)]*\) (\d+)\./;
    my $clang = slurp($module) =~ /clang version/;

    return sprintf 'nginx %s, %s, %s', $nginx // 'unknown',
        $clang ? 'clang' : 'gcc ' . ($gcc // 'unknown'), (POSIX::uname())[4];
}


# ---- the table

sub show {
    my ($name, $got) = @_;

    note(sprintf '%-20s %7.0f instructions, x %.3f, %7.0f of libcrypto, '
        . '%6.2f allocations, %6.2f syscalls%s', $name, $got->{instructions},
        $got->{instructions} / $unit->{instructions},
        @$got{qw(crypto allocations syscalls)},
        defined $got->{commands} ? sprintf(', %6.2f commands, %.2f scripts',
            $got->{commands}, $got->{scripts}) : '');

    my @calls = sort { $got->{$b} <=> $got->{$a} || $a cmp $b }
        grep { /^sys_/ && $got->{$_} >= 0.01 } keys %$got;

    note('    ' . join ', ', map { sprintf '%s %.2f', s/^sys_//r, $got->{$_} }
        @calls);
    note("    callgrind_annotate $got->{profile}") if $ENV{TEST_NGINX_LEAVE};
}


sub wanted {
    my ($name) = @_;

    return !$ENV{COST_ONLY} || $name =~ /$ENV{COST_ONLY}/;
}


sub slurp {
    my ($path) = @_;

    open my $f, '<:raw', $path or return '';
    local $/;

    return scalar(<$f>) // '';
}


# ---- configurations

sub upstream_configuration {
    return <<'EOC';
    access_log          off;
    keepalive_requests  1000000;

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location /        { return 200 "{\"taken\":true}\n"; }
        location = /count { stub_status; }
    }
EOC
}


sub configuration {
    my ($store) = @_;

    return <<"EOC";
    @{[ $store->{store} // '' ]}

    upstream endpoint {
        server              127.0.0.1:%%PORT_8081%%;
        keepalive           64;
        keepalive_requests  1000000;
    }

    event_source shop {
        verify    shopify;
        secret    file:%%TESTDIR%%/secret;
        deadline  60s;
        delivery  $store->{delivery};
    }

    event_route orders {
        from  shop;
        when  type = orders/create orders/paid;
        to    erp;
    }

    event_route large {
        from  shop;
        when  data.total_price >= 100;
        when  data.line_items.sku prefix VIP-;
        to    crm;
    }

    event_route refunds {
        from  shop;
        when  type = refunds/create;
        to    erp;
    }

    access_log          off;
    keepalive_requests  1000000;

    proxy_http_version  1.1;
    proxy_set_header    Connection "";

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /mark   { @{[ Test::EventRouter::Meter::mark_location() ]} }
        location = /marked { return 204; }

        location = /proxy { proxy_pass http://endpoint; }
        location = /hook  { event_receive shop; }

        location = /erp { event_deliver erp; proxy_pass http://endpoint; }
        location = /crm { event_deliver crm; proxy_pass http://endpoint; }
    }
EOC
}
