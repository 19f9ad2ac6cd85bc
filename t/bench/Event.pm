package Event;

# Copyright (C) Event Router contributors

# An nginx for each store, as "sync" and "workers" need them, and what one
# second of one kind of request does to it: how many a second, and CPU of its
# workers for each, with the deliveries that come after it.

use warnings;
use strict;

use Bench;
use Exporter 'import';

our @EXPORT = qw(start_upstream prepare measure connections);

# what its http block has, how its source "two" delivers,
# whether a Redis is beside it and keeps a log that it flushes ("always")

my %stores = (
    memory => { delivery => 'sync', store => '' },
    dedup  => { delivery => 'sync', redis => 'no',
                store => 'event_dedup_store redis://127.0.0.1:%s;' },
    file   => { delivery => 'queued',
                store => 'event_store file:%s size=8g high_water=95%;' },
    always => { delivery => 'queued', redis => 'always',
                store => 'event_store redis://127.0.0.1:%s timeout=20s;' },
);

my $connections = $ENV{BENCH_CONNECTIONS} || 32;
my $upstream = free_port();


sub connections { return $connections }


# an nginx that stands for all targets

sub start_upstream {
    my ($core) = @_;

    fill('upstream', 'upstream', UPSTREAM => $upstream);
    start_nginx('upstream', $core, $upstream);
}


# options: core (of the nginx), rest (the core of all else), workers, module

sub prepare {
    my ($name, $store, %o) = @_;

    my %s = %{ $stores{$store} };
    my %nginx = (%o, port => free_port());
    my $where = "$dir/$name-events";

    if ($s{redis}) {
        $where = free_port();
        $nginx{redis} = start_redis("$name-redis", $o{rest}, $where,
            $s{redis});
    }

    spew("$dir/order.jq", '.data | {id, total: .total_price, lines: '
        . '[.line_items[] | {sku, quantity, price}]}');
    fill('router', $name, ROUTER => $nginx{port}, UPSTREAM => $upstream,
        WORKERS => $o{workers} // 1, DELIVERY => $s{delivery},
        STORE => $s{store} =~ s/%s/$where/r,
        $o{module} ? (MODULE => $o{module}) : ());
    $nginx{pids} = [ workers_of(start_nginx($name, $o{core}, $nginx{port}),
        $o{workers} // 1) ];

    post(\%nginx, '/two', 'first') =~ m{^HTTP/1.1 20[02]}
        or die "$name accepts no event\n";

    return \%nginx;
}


# case: name, path, and what it must give: id, forged, deliveries (see Sync.pm)

sub measure {
    my ($case, $nginx, $round) = @_;

    my $path = $case->{path};
    my $id = $case->{id} // "event-$round-" . $path =~ s/\W//gr . '-*';
    my $url = "http://127.0.0.1:$nginx->{port}$path";

    # the key may have been thrown out since the last round

    post($nginx, $path, $id) if $case->{id};

    my $file = order($path, $nginx->{port}, $case->{forged});
    my $deliveries = settled($nginx->{port}, $upstream);
    my ($cpu, $user) = cpu_of($nginx);
    my ($redis) = $nginx->{redis} ? cpu($nginx->{redis}) : 0;
    my $child = children_of($nginx);
    my ($busy, $all) = core_time($nginx->{core} =~ /^(\d+)/);

    my %r = wrk($nginx->{rest}, $connections, $url, $file, $id);
    my ($busy_cpu) = cpu_of($nginx);
    my ($after_busy, $after_all) = core_time($nginx->{core} =~ /^(\d+)/);
    my $n = $r{requests};

    my $wanted = ($case->{deliveries} // 0) * $n;

    # what is delivered later belongs to it, and what wrk did not wait for at
    # its end is in one number only

    wait_until(60, sub { count($upstream) - $deliveries >= $wanted });
    $deliveries = settled($nginx->{port}, $upstream) - $deliveries;

    my ($after, $after_user) = cpu_of($nginx);

    die "$case->{name}: $r{refused} of $n were refused\n"
        if $r{refused} != ($case->{forged} ? $n : 0);
    die "$case->{name}: $r{broken} of $n broke\n" if $r{broken};
    die "$case->{name}: $deliveries deliveries, not $wanted\n"
        if $deliveries < $wanted || $deliveries > $wanted + 1 + $n / 1000
           + ($case->{deliveries} // 0) * $connections;

    return { rate => $n / $r{us} * 1e6,
        cpu => ($after - $cpu) / $n * 1e6,
        child => (children_of($nginx) - $child) / $n * 1e6,
        user => ($after_user - $user) / ($after - $cpu),
        redis => $nginx->{redis}
            ? ((cpu($nginx->{redis}))[0] - $redis) / $n * 1e6 : 0,
        others => ($after_busy - $busy - ($busy_cpu - $cpu))
                  / ($after_all - $all),
        p50 => $r{p50} / 1000, p99 => $r{p99} / 1000 };
}


# of all workers: seconds, and those in user mode

sub cpu_of {
    my ($nginx) = @_;

    my ($all, $user) = (0, 0);

    for my $pid (@{ $nginx->{pids} }) {
        my @cpu = cpu($pid);

        $all += $cpu[0];
        $user += $cpu[1];
    }

    return ($all, $user);
}


# seconds of the processes that run programs of jq

sub children_of {
    my ($nginx) = @_;

    my $all = 0;
    my @pids = @{ $nginx->{pids} };

    while (defined(my $pid = shift @pids)) {
        my @next = map { slurp($_) =~ /(\d+)/g }
                   glob "/proc/$pid/task/*/children";

        $all += (cpu($_))[0] for @next;
        push @pids, @next;
    }

    return $all;
}


sub post {
    my ($nginx, $path, $id) = @_;

    my $request = slurp(order($path, $nginx->{port})) =~ s/%%ID%%/$id/r;

    return ask($nginx->{port},
        $request =~ s/\r\n/\r\nConnection: close\r\n/r);
}


1;
