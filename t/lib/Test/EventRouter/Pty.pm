package Test::EventRouter::Pty;

# Copyright (C) Event Router contributors

# A program in a terminal of its own, as Linux has them: what it prints, and
# keys for it.
#
#     my $pty = Test::EventRouter::Pty->new(rows => 24, columns => 80,
#         env => { ... }, command => [ ... ]);
#
#     $pty->until(qr/name\?/);                  # true if it printed that
#     $pty->type("yes\n");
#     $pty->end;                                # waits: its status
#     $pty->text;                               # all that it printed
#
# Perl's own modules have no pty, so the requests of ioctl stand here.

use warnings;
use strict;

use Fcntl qw(O_RDWR O_NOCTTY);
use IO::Select;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time);

my %request = (TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430,
               TIOCSCTTY => 0x540e, TIOCSWINSZ => 0x5414);


# both ends of a terminal, or nothing: a bare chroot has none

sub pair {
    sysopen my $master, '/dev/ptmx', O_RDWR | O_NOCTTY or return;

    my $unlock = pack 'i', 0;
    my $number = pack 'I', 0;

    ioctl $master, $request{TIOCSPTLCK}, $unlock or return;
    ioctl $master, $request{TIOCGPTN}, $number or return;

    my $slave = '/dev/pts/' . unpack 'I', $number;

    return -c $slave ? ($master, $slave) : ();
}


sub new {
    my ($class, %o) = @_;

    my ($master, $slave) = pair() or die "there is no terminal to be had\n";
    my $self = bless { master => $master, text => '' }, $class;

    $self->size($o{rows} // 24, $o{columns} // 80);

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        POSIX::setsid();
        sysopen my $tty, $slave, O_RDWR or POSIX::_exit(126);
        ioctl $tty, $request{TIOCSCTTY}, 0;
        POSIX::dup2(fileno $tty, $_) for 0 .. 2;
        %ENV = (TERM => 'xterm', %{ $o{env} });
        exec { $o{command}[0] } @{ $o{command} } or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    return $self;
}


sub size {
    my ($self, $rows, $columns) = @_;

    my $size = pack 'S4', $rows, $columns, 0, 0;

    ioctl $self->{master}, $request{TIOCSWINSZ}, $size
        or die "TIOCSWINSZ: $!\n";

    kill 'WINCH', $self->{pid} if $self->{pid};
}


sub type {
    my ($self, $keys) = @_;

    syswrite $self->{master}, $keys;
}


# reads for at most so long; false: it has closed its terminal

sub more {
    my ($self, $seconds) = @_;

    return 1 if !IO::Select->new($self->{master})->can_read($seconds);

    my $n = sysread $self->{master}, $self->{text}, 65536,
                    length $self->{text};

    return $n;
}


# waits until it has printed this, behind what was waited for before

sub until {
    my ($self, $re, $seconds) = @_;

    my $end = time + ($seconds // 15);

    while (1) {
        my $rest = substr $self->{text}, $self->{at} // 0;

        if ($rest =~ /$re/) {
            $self->{at} = ($self->{at} // 0) + $+[0];
            return 1;
        }

        return 0 if time > $end;
        return substr($self->{text}, $self->{at} // 0) =~ $re
            if !$self->more(0.1);
    }
}


sub text { $_[0]{text} }


# its status, -1 if it had to be killed

sub end {
    my ($self) = @_;

    my $end = time + 20;

    while (time < $end && $self->more(0.1)) { }

    for (1 .. 50) {
        return $? & 127 ? 128 + ($? & 127) : $? >> 8
            if waitpid($self->{pid}, WNOHANG) == $self->{pid};
        select undef, undef, undef, 0.1;
    }

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;

    return -1;
}


1;
