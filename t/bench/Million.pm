package Million;

# Copyright (C) Event Router contributors

# A start on a file store with a million events of 1 KB pending, as after a
# long outage: ten targets have a tenth each, all or nine are still away.  How
# long is it from the start of nginx until an event is accepted and until the
# first one is delivered, how much memory do the workers have after ten
# seconds, and how long does event_status take?
#
# The store is filled with copies of one real event by t/bench/store.c.  nginx
# starts several times: first with none of the store in the page cache, as
# after a reboot, then with it there.

use warnings;
use strict;

use Bench;
use JSON::PP qw(decode_json);
use Time::HiRes qw(time);

my $entries = $ENV{BENCH_ENTRIES} || 1_000_000;
my %port = (ROUTER => free_port(), UPSTREAM => free_port(),
    AWAY => free_port());
my ($first, $second);


sub run {
    ($first, $second) = cores();

    fill('million', 'router', %port);
    fill('upstream', 'upstream', %port);

    printf "%s on %s\n", version(), processor();

    # one event for each target, while all are away

    start_nginx('router', "$first,$second", $port{ROUTER});
    my $answer = post('fill');
    $answer =~ /^HTTP\S+ 202/ or die "the first event is refused:\n$answer";
    stop('router');

    my $start = time;
    my $said = `$root/build/bench/store clone $dir/events $dir/router.conf \\
        $entries`;

    $said =~ /events=$entries targets=10 bytes=(\d+)/ or die "not filled\n";

    printf "%d entries, records of %d bytes, filled in %.0f s\n\n", $entries,
        $1, time - $start;

    printf "%-8s %10s %11s  %s\n", 'start', 'accept ms', 'delivery ms',
        'RSS of the workers after 10 s, MiB: anonymous + files + shared';

    measure('all away', 1, 1);

    start_nginx('upstream', $second, $port{UPSTREAM});

    measure('cold', 1);
    measure('cold', 1);
    measure('warm', 0);
    measure('warm', 0);
}


sub measure {
    my ($name, $cold, $away) = @_;

    forget() if $cold;

    my $before = $away ? 0 : count($port{UPSTREAM});
    my $start = time;
    my $accepted;
    my $delivered = $away && 0;

    my $master = start_nginx('router', "$first,$second", undef);

    # a connection that is refused is no answer

    while (!$accepted || !defined $delivered) {
        die "nothing happens\n" if time - $start > 60;

        if (!$accepted && (eval { post('probe') } // '') =~ /^HTTP\S+ 202/) {
            $accepted = time - $start;
        }

        if (!defined $delivered && count($port{UPSTREAM}) > $before) {
            $delivered = time - $start;
        }

        select undef, undef, undef, 0.001;
    }

    select undef, undef, undef, 10 - (time - $start) if time - $start < 10;

    printf "%-8s %10.0f %11s  %s\n", $name, 1000 * $accepted,
        $away ? '-' : sprintf('%.0f', 1000 * $delivered), join '; ', map { memory($_) } workers_of($master, 2);

    my @ms = map { status() } 1 .. 50;
    my $json = decode_json(get('/status') =~ s/.*?\r\n\r\n//sr);
    my $pending = $json->{queue}{targets}{t2}{pending};

    printf "%8s event_status p50 %.2f ms, p99 %.2f ms; t2 has %s pending\n",
        '', median(@ms), percentile(99, @ms), $pending // '?';
    printf "%8s t1 took %.0f events/s of its backlog\n", '',
        (count($port{UPSTREAM}) - $before) / (time - $start) if !$away;

    $start = time;
    stop('router');
    printf "%8s stopped in %.0f ms\n", '', 1000 * (time - $start);
}


# what the store has in the page cache

sub forget {
    system('dd', "of=$dir/events/$_", 'oflag=nocache', 'conv=notrunc,fdatasync',
        'count=0', 'status=none') == 0 or die "dd failed\n"
        for map { m{([^/]+)$} } glob "$dir/events/*.mdb";
}


sub memory {
    my ($pid) = @_;

    my %kb = slurp("/proc/$pid/status") =~ /^Rss(\w+):\s*(\d+) kB/mg;

    return sprintf '%.1f + %.1f + %.1f', map { $kb{$_} / 1024 }
        qw(Anon File Shmem);
}


sub status {
    my $start = time;

    get('/status') =~ m{^HTTP/1.1 200} or die "no status\n";

    return 1000 * (time - $start);
}


sub get {
    return ask($port{ROUTER}, "GET $_[0] HTTP/1.0\r\n\r\n");
}


sub post {
    my ($type) = @_;

    my $body = '{"text":"' . 'x' x 1013 . '"}';

    return ask($port{ROUTER}, "POST /many HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\nX-Id: " . time . "\r\nX-Type: $type\r\n"
        . "Content-Type: application/json\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body");
}


1;
