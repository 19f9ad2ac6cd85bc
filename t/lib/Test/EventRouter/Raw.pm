package Test::EventRouter::Raw;

# Copyright (C) Event Router contributors

# A server that answers byte for byte what it is told, a process for each
# connection.
#
#     my $raw = Test::EventRouter::Raw->new($port, {
#         '/short' => [ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na" ],
#         '/slow'  => [ "HTTP/1.1 200 OK\r\n", \0.5, "\r\n", 'keep' ],
#     });
#     $t->own($raw);
#     $raw->requests;          # [ connection, path, seconds ], as they came
#
# What a path says is written in order; a reference to a number is slept so
# many seconds, "reset" resets, "keep" reads the next request, "hang" waits for
# the other side to close.  At the end the connection is closed.  A path that
# is not known is answered 200.

use warnings;
use strict;

use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time sleep);


my $good = [ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 'keep' ];


sub new {
    my ($class, $port, $says) = @_;

    my $listen = IO::Socket::INET->new(Proto => 'tcp', Listen => 128,
        ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $port)
        or die "cannot listen on $port: $!\n";

    pipe my $reader, my $writer or die "pipe: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        setpgrp 0, 0;
        close $reader;
        _accept($listen, $says, $writer);
        POSIX::_exit(0);
    }

    setpgrp $pid, $pid;
    close $writer;
    $reader->blocking(0);

    return bless { pid => $pid, reader => $reader, seen => [], text => '' },
        $class;
}


sub requests {
    my ($self) = @_;

    my $reader = $self->{reader};

    while (sysread $reader, $self->{text}, 65536, length $self->{text}) { }

    while ($self->{text} =~ s/\A(.*)\n//) {
        push @{ $self->{seen} }, [ split / /, $1 ];
    }

    return @{ $self->{seen} };
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', -$pid;
    waitpid $pid, 0;
}


sub _accept {
    my ($listen, $says, $writer) = @_;

    my $serial = 0;

    $SIG{$_} = 'DEFAULT' for qw(TERM INT ALRM);
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my $c = $listen->accept or next;

        $serial++;

        if ((fork // 0) == 0) {
            alarm 60;
            setsockopt $c, IPPROTO_TCP, TCP_NODELAY, 1;
            _serve($c, $says, $writer, $serial);
            POSIX::_exit(0);
        }
    }
}


sub _serve {
    my ($c, $says, $writer, $serial) = @_;

    my $text = '';

    while (1) {
        my ($path, $length, $body) = $text
            =~ m{\A\S+ (\S+) .*?^Content-Length: (\d+)\r\n.*?\r\n\r\n(.*)}ms;

        if (defined $body && length $body >= $length) {
            $text = substr $body, $length;
            syswrite $writer, sprintf "%d %s %.3f\n", $serial, $path, time;
            _say($c, $says->{$path} // $good) or return;
        }

        sysread($c, $text, 65536, length $text) or return;
    }
}


# true: another request may come

sub _say {
    my ($c, $what) = @_;

    for my $item (@$what) {

        if (ref $item) {
            sleep $$item;
            next;

        } elsif ($item eq 'keep') {
            return 1;

        } elsif ($item eq 'hang') {
            sysread $c, my $rest, 65536;
            return 0;

        } elsif ($item eq 'reset') {
            setsockopt $c, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
            return 0;
        }

        my $bytes = $item;

        while (length $bytes) {
            my $n = syswrite $c, $bytes or return 0;
            substr $bytes, 0, $n, '';
        }
    }

    return 0;
}


1;
