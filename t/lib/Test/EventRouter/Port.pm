package Test::EventRouter::Port;

# Copyright (C) Event Router contributors

# Free ports on loopback.  A port is ours while we hold a UDP socket on it: test
# files that run side by side agree by that.  The range lies below the one from
# which the kernel takes ports for outgoing connections.

use warnings;
use strict;

use Exporter qw(import);
use IO::Socket::INET;

our @EXPORT_OK = qw(ask_again free_port port_open wait_until);

use constant { FIRST => 20000, COUNT => 10000 };

my %locks;


sub free_port {
    my $start = ($$ * 61 + scalar keys %locks) % COUNT;

    for my $i (0 .. COUNT - 1) {
        my $port = FIRST + ($start + $i) % COUNT;

        next if $locks{$port};

        my $lock = IO::Socket::INET->new(Proto => 'udp',
            LocalAddr => '127.0.0.1', LocalPort => $port) or next;

        IO::Socket::INET->new(Proto => 'tcp', Listen => 1, ReuseAddr => 1,
            LocalAddr => '127.0.0.1', LocalPort => $port) or next;

        $locks{$port} = $lock;
        return $port;
    }

    die "no free port from " . FIRST . "\n";
}


sub port_open {
    my ($port) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        Proto => 'tcp', Timeout => 1);

    return defined $s;
}


# polls until the code says yes; its answer, or false when time is up

sub wait_until {
    my ($seconds, $code) = @_;

    my $end = Time::HiRes::time() + $seconds;

    while (1) {
        my $rv = $code->();

        return $rv if $rv || Time::HiRes::time() > $end;

        select undef, undef, undef, 0.01;
    }
}


# A store that was away is back for one worker before it is for another: asks
# again as long as the answer is 503, and returns the last one.

sub ask_again {
    my ($seconds, $ask) = @_;

    my $r;

    wait_until($seconds, sub { ($r = $ask->())->{status} != 503 });

    return $r;
}


use Time::HiRes ();

1;
