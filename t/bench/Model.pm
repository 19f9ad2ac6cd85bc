package Model;

# Copyright (C) Event Router contributors

# An installation in numbers: nodes of nginx with workers, a store, targets of
# which some are away for a time.  Events are a fluid that flows in steps: no
# single event is followed, only how many are new, wait, are tried again or were
# taken.  What an operation costs is measured (t/bench/figures.tsv); how long a
# target takes to answer is an assumption of whoever asks.  The same seed gives
# the same numbers.
#
# What a step does, for each node:
#
#     new events are accepted, as far as CPU and store go; others are refused
#     each target gets what waits for it, as far as its places, its rate and
#     its breaker go: first those for which nothing old waits, then, for what
#     is left of CPU and store, the others
#     what failed is due again after base, 3 base, 9 base ... up to max
#
# The breaker is that of docs/directives.md: 5 failures open it, for twice as
# long each time; three probes close it; then 1, 2, 4, 8 ... may run at once,
# from second to second.  Each node has one of its own for each target.  Behind
# an open breaker events lose no attempts.
#
# With "store=file" each node has what it accepted; with "store=redis" all nodes
# deliver what any of them accepted.

use warnings;
use strict;

use List::Util qw(min max sum0);

# What can be asked; times in seconds, "rate" in events a second of all nodes.
# A place is held until the answer, and not until that is stored.

my %defaults = (
    store => 'file', rate => 1000, fanout => 2, bytes => 6000,
    nodes => 1, workers => 2, shards => 1, size => 0,
    answer => 0.05, concurrency => 16, target_rate => 0,
    outage => 0, away => 1, hang => 0, start => 5,
    breaker => 1, open => 5, open_max => 300, base => 5, max => 14400,
    busy => 0.8, seed => 1, horizon => 0, step => 0,
);

my $failures = 5;

# what a connection that is refused takes

my $fast = 0.001;


sub new {
    my ($class, $figures, %o) = @_;

    exists $defaults{$_} or die "no \"$_\"; there is: "
        . join(' ', sort keys %defaults) . "\n" for keys %o;

    my $self = bless { %defaults, %o, cost => undef }, $class;

    $self->{store} =~ /^(?:sync|dedup|file|redis)$/
        or die "store is sync, dedup, file or redis\n";
    $self->{cost} = costs($figures, $self->{store});
    $self->{step} ||= max($self->{outage} / 1800, 0.05);
    $self->{horizon} ||= 12 * $self->{outage} + 600;
    $self->{random} = $self->{seed} * 2654435761 % 4294967296;

    return $self;
}


# ---- what is measured

# lines of mode, case, what, figure, as t/bench/run writes them

sub figures {
    my ($file) = @_;

    my %figures;

    open my $f, '<', $file or die "cannot read $file: $!\n";

    while (<$f>) {
        next if /^#|^$/;
        chomp;

        my ($mode, $case, $what, $figure) = split /\t/;

        $figures{$mode}{$case}{$what} = $figure;
    }

    return \%figures;
}


# microseconds: of a worker to accept an event, to deliver it from memory, to
# deliver it from the store; the same of the store, which is one core of Redis
# or the one thread that writes into a file; bytes of the store for an event
# and for each delivery that waits

sub costs {
    my ($f, $store) = @_;

    my $one = figure($f, sync => '1 target', 'cpu');
    my $send = (figure($f, sync => '10 targets', 'cpu') - $one) / 9;
    my %cost = (accept => $one - $send, send => $send, lease => $send,
        store_accept => 0, store_send => 0, store_lease => 0,
        event => 0, entry => 0);

    return \%cost if $store eq 'sync';

    if ($store eq 'dedup') {
        $cost{accept} = figure($f, sync => 'dedup in Redis, 2', 'cpu')
            - 2 * $send;
        $cost{store_accept} = figure($f, sync => 'dedup in Redis, 2',
            'redis');

        return \%cost;
    }

    my %at = map { $_ => $store eq 'file' ? "file: $_" : "redis always: $_" }
        'queued, 1 target', 'queued, delay 1h';

    $cost{accept} = figure($f, queued => $at{'queued, delay 1h'}, 'cpu');
    $cost{send} = figure($f, queued => $at{'queued, 1 target'}, 'cpu')
        - $cost{accept};
    $cost{$_} = figure($f, drain => $store, $_) for qw(lease event entry);

    if ($store eq 'redis') {
        $cost{store_accept} = figure($f, queued => $at{'queued, delay 1h'},
            'redis');
        $cost{store_send} = figure($f, queued => $at{'queued, 1 target'},
            'redis') - $cost{store_accept};
        $cost{store_lease} = figure($f, drain => $store, 'redis');

    } else {

        # one writer at a time: what is not the event loop's is its work

        my %writer = map { my $case = $_; $case =>
            figure($f, queued => $at{$case}, 'cpu')
            - figure($f, queued => $at{$case}, 'loop') }
            'queued, 1 target', 'queued, delay 1h';

        $cost{store_accept} = $writer{'queued, delay 1h'};
        $cost{store_send} = $writer{'queued, 1 target'}
            - $cost{store_accept};
        $cost{store_lease} = $cost{store_send};
    }

    # a difference of two measurements may be less than nothing

    $_ = max($_, 1) for @cost{qw(send store_send lease store_lease)};

    return \%cost;
}


sub figure {
    my ($figures, $mode, $case, $what) = @_;

    return $figures->{$mode}{$case}{$what}
        // die "nothing was measured for $mode, $case, $what\n";
}


# ---- at rest

# events a second that each part of it can take, for at most "busy" of its time

sub capacity {
    my ($self) = @_;

    my $c = $self->{cost};
    my $f = $self->{fanout};
    my $worker = $c->{accept} + $f * $c->{send};
    my $store = $c->{store_accept} + $f * $c->{store_send};
    my $stores = $self->{store} eq 'file' ? $self->{nodes} : $self->{shards};
    my $places = $self->{nodes} * $self->{concurrency} / $self->{answer};

    return { worker => $self->{nodes} * $self->{workers} * $self->{busy} * 1e6
                       / $worker,
        $store ? (store => $stores * $self->{busy} * 1e6 / $store) : (),
        $self->{store} =~ /^(?:file|redis)$/ ? (places => $places) : (),
        $self->{target_rate} ? ('target rate' => $self->{target_rate}) : () };
}


# the part that is full first

sub bottleneck {
    my ($self) = @_;

    my $all = $self->capacity;

    return (sort { $all->{$a} <=> $all->{$b} || $a cmp $b } keys %$all)[0];
}


# ---- in time

# accepted, refused, delivered (a delivery each), pending at the end; waiting
# (entries when the targets are back) and bytes, what they take in the store;
# storm (attempts a second at a target that is away); drained (seconds from the
# return of the targets until nothing old waits; undef: not within twelve times
# as long as they were away), slowed: what that waited for, and how long

sub run {
    my ($self) = @_;

    my %r = (offered => 0, accepted => 0, refused => 0, delivered => 0,
        waiting => 0, bytes => 0, storm => 0, slowed => {});
    my $back = $self->{start} + $self->{outage};
    my $end = $back + $self->{horizon};

    $self->_prepare;

    for (my $t = 0; $t < $end; $t += $self->{step}) {
        $self->_step($t, \%r);

        last if $t > $back && defined $r{drained};
    }

    $r{pending} = sum0(map { $_->{waiting} } $self->_queues);

    return \%r;
}


# a queue for each place where entries are, and target: how many are due, by
# the number of attempts they had, and which will be, by the step

sub _prepare {
    my ($self) = @_;

    my $places = $self->{store} eq 'redis' ? 1 : $self->{nodes};

    $self->{queue} = [ map { [ map { +{ due => [ 0 ], later => {},
        waiting => 0 } } 1 .. $self->{fanout} ] } 1 .. $places ];
    $self->{lane} = [ map { [ map { +{ failed => 0, opened => 0 } }
        1 .. $self->{fanout} ] } 1 .. $self->{nodes} ];
}


sub _queues {
    my ($self) = @_;

    return map { @$_ } @{ $self->{queue} };
}


sub _step {
    my ($self, $t, $r) = @_;

    my $stores = $self->{store} eq 'file' ? 1
        : $self->{shards} / $self->{nodes};
    my $budget = $self->{busy} * 1e6 * $self->{step};
    my (%slowed, @left);

    $self->_due($t);

    for my $queue ($self->_queues) {
        $queue->{fresh} = sum0(@{ $queue->{due} }) < 1e-6;
    }

    for my $node (0 .. $self->{nodes} - 1) {
        my $left = { worker => $self->{workers} * $budget,
                     store => $stores * $budget };

        $self->_accept($r, $self->{queue}[$node] // $self->{queue}[0], $left);
        push @left, $left;
    }

    my $attempts = 0;

    for my $node (0 .. $self->{nodes} - 1) {
        $attempts += $self->_deliver($r, $node, $t, $left[$node], \%slowed);
    }

    $self->_note($t, $r, $attempts / $self->{step}, \%slowed);
}


# what a node delivers; how many attempts there were at targets that are away

sub _deliver {
    my ($self, $r, $node, $t, $left, $slowed) = @_;

    my $down = $t >= $self->{start}
        && $t < $self->{start} + $self->{outage};
    my $alone = @{ $self->{queue} } > 1 || $self->{nodes} == 1;
    my $queues = $self->{queue}[$node] // $self->{queue}[0];
    my $share = $alone ? 1 : 1 / ($self->{nodes} - $node);
    my @want;

    # what each target could have

    for my $k (0 .. $#$queues) {
        my $lane = $self->{lane}[$node][$k];
        my $up = !$down || $k >= $self->{away};
        my ($n, $why) = $self->_room($lane, $t, $up);
        my $there = sum0(@{ $queues->[$k]{due} }) * $share;

        ($n, $why) = ($there, undef) if $n >= $there;

        push @want, { k => $k, n => $n, why => $why, up => $up,
            lane => $lane };
    }

    # what comes in is delivered from memory; then what waits is leased

    my $attempts = 0;

    for my $how (qw(send lease)) {
        my @these = grep { ($queues->[ $_->{k} ]{fresh} ? 'send' : 'lease')
            eq $how } @want;

        my ($part, $short) = $self->_divide($left, $how,
            sum0(map { $_->{n} } @these));

        for my $want (@these) {
            my $queue = $queues->[ $want->{k} ];
            my $late = $short // $want->{why};

            $slowed->{$late} += 1 / $self->{nodes}
                if defined $late && $want->{k} < $self->{away};

            if ($want->{up}) {
                $r->{delivered} += _take($queue, $want->{n} * $part);

            } else {
                $attempts += $self->_fail($queue, $want->{lane},
                    $want->{n} * $part, $t);
            }
        }
    }

    return $attempts;
}


# the part of n deliveries that CPU and store still allow, and what is short

sub _divide {
    my ($self, $left, $how, $n) = @_;

    my %work = (worker => $n * $self->{cost}{$how},
                store => $n * $self->{cost}{"store_$how"});
    my ($part, $short) = (1, undef);

    for my $what (sort keys %work) {
        next if $work{$what} * $part <= $left->{$what};

        ($part, $short) = ($left->{$what} / $work{$what}, $what);
    }

    $left->{$_} -= $work{$_} * $part for keys %work;

    return ($part, $short);
}


# what comes in is there for every target

sub _accept {
    my ($self, $r, $queues, $left) = @_;

    my $c = $self->{cost};
    my $new = $self->{rate} * $self->{step} / $self->{nodes};
    my $taken = min($new, $left->{worker} / $c->{accept},
        $c->{store_accept} ? $left->{store} / $c->{store_accept} : $new);

    $taken = 0 if $self->{size} && $self->_bytes >= $self->{size};

    $left->{worker} -= $taken * $c->{accept};
    $left->{store} -= $taken * $c->{store_accept};

    for my $queue (@$queues) {
        $queue->{due}[0] += $taken;
        $queue->{waiting} += $taken;
    }

    $r->{offered} += $new;
    $r->{accepted} += $taken;
    $r->{refused} += $new - $taken;
}


# how many attempts may end in this step, and what keeps it from more

sub _room {
    my ($self, $lane, $t, $up) = @_;

    my $held = $up ? $self->{answer} : max($self->{hang}, $fast);
    my $places = $self->{concurrency};
    my $why = 'places';

    if ($self->{breaker} && $lane->{opened}) {
        my $since = $t - ($lane->{closed} // $self->_probe($lane, $t, $up,
            $held) // return (0, 'breaker'));

        return (0, 'breaker') if $since < 0;

        my $ramp = 2 ** min(int $since, 20);

        if ($ramp < $places) {
            ($places, $why) = ($ramp, 'breaker');

        } else {
            $lane->{opened} = 0;
            delete $lane->{closed};
        }
    }

    my $n = $places * $self->{step} / $held;
    my $rate = $self->{target_rate} * $self->{step} / $self->{nodes};

    ($n, $why) = ($rate, 'target rate') if $rate && $rate < $n;

    return ($n, $why);
}


# when an open breaker will be closed, or undef: it stays open

sub _probe {
    my ($self, $lane, $t, $up, $held) = @_;

    return undef if $t < $lane->{until};

    return $lane->{closed} = $t + 3 * $held if $up;

    $self->_open($lane, $t + $held);

    return undef;
}


sub _open {
    my ($self, $lane, $t) = @_;

    my $for = min($self->{open} * 2 ** min($lane->{opened}, 20),
        $self->{open_max});

    $lane->{opened}++;
    $lane->{failed} = 0;
    $lane->{until} = $t + $for * (0.8 + 0.4 * $self->_random);
}


# while new ones wait, what is tried again has at most half

sub _shares {
    my ($q, $n) = @_;

    my ($new, @again) = @{ $q->{due} };
    my $again = sum0(@again);
    my $tried = min($again, max($n - $new, $n / 2));
    my @part = (min($new, $n - $tried));

    push @part, $again ? $_ * $tried / $again : 0 for @again;

    return @part;
}


sub _take {
    my ($q, $n) = @_;

    my @part = _shares($q, $n);
    my $taken = sum0(@part);

    $q->{due}[$_] -= $part[$_] for 0 .. $#part;
    $q->{waiting} -= $taken;

    return $taken;
}


# how many were tried

sub _fail {
    my ($self, $q, $lane, $n, $t) = @_;

    # when it opens no more are tried than it takes

    if ($self->{breaker}) {
        $n = min($n, $failures - $lane->{failed});
        $lane->{failed} += $n;
        $self->_open($lane, $t) if $lane->{failed} > $failures - 1e-6;
    }

    my @part = _shares($q, $n);

    for my $tries (grep { $part[$_] } 0 .. $#part) {
        my $after = min($self->{base} * 3 ** $tries, $self->{max});
        my $steps = int($after * (0.75 + 0.5 * $self->_random)
            / $self->{step}) || 1;

        $q->{due}[$tries] -= $part[$tries];
        $q->{later}{ $self->_number($t) + $steps }{ $tries + 1 }
            += $part[$tries];
    }

    return $n;
}


sub _number {
    my ($self, $t) = @_;

    return int($t / $self->{step} + 0.5);
}


sub _due {
    my ($self, $t) = @_;

    for my $q ($self->_queues) {
        my $due = delete $q->{later}{ $self->_number($t) } or next;

        $q->{due}[$_] += $due->{$_} for keys %$due;
        $_ //= 0 for @{ $q->{due} };
    }
}


# an event is there as long as one of its targets does not have it

sub _bytes {
    my ($self) = @_;

    my $c = $self->{cost};
    my $bytes = 0;

    for my $queues (@{ $self->{queue} }) {
        my @waiting = map { $_->{waiting} } @$queues;

        $bytes += max(@waiting) * ($c->{event} + $self->{bytes})
            + sum0(@waiting) * $c->{entry};
    }

    return $bytes;
}


sub _note {
    my ($self, $t, $r, $attempts, $slowed) = @_;

    my $back = $self->{start} + $self->{outage};
    my $pending = sum0(map { $_->{waiting} } $self->_queues);

    if ($t < $back) {
        @$r{qw(waiting bytes)} = ($pending, $self->_bytes);
        $r->{storm} = max($r->{storm}, $attempts);
        return;
    }

    return if defined $r->{drained};

    $r->{slowed}{$_} += $slowed->{$_} * $self->{step} for keys %$slowed;

    # what is on the way in a step is not old

    $r->{drained} = $t + $self->{step} - $back
        if $pending <= $self->{rate} * $self->{step} * $self->{fanout} + 1;
}


# from 0 to 1, the same for the same seed

sub _random {
    my ($self) = @_;

    $self->{random} = ($self->{random} * 1103515245 + 12345) % 2147483648;

    return $self->{random} / 2147483648;
}


1;
