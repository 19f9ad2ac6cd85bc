package Test::EventRouter::Redis;

# Copyright (C) Event Router contributors

# A real redis-server on a free port, in a folder of its own, that a test can
# stop, pause, resume and restart, and ask by a small client.
#
#     my $redis = $t->redis(6379, requirepass => 's3cret');
#     $redis->command(KEYS => '*');

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time);

use Test::EventRouter::Port qw(wait_until);


# options: port, dir, options (a list for the command line, without "--"); a
# name that stands there twice is passed twice

sub new {
    my ($class, %o) = @_;

    my $self = bless { %o, log => "$o{dir}/redis.log" }, $class;

    return $self->start;
}


sub start {
    my ($self) = @_;

    my @options = (port => $self->{port}, bind => '127.0.0.1',
        dir => $self->{dir}, save => '', appendonly => 'no',
        daemonize => 'no', logfile => $self->{log}, @{ $self->{options} });

    my @command = ($ENV{TEST_REDIS_SERVER} || 'redis-server');

    while (my ($name, $value) = splice @options, 0, 2) {
        push @command, "--$name", ref $value ? @$value : $value;
    }

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec @command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    wait_until(10, sub { $self->_answers })
        or die "redis-server did not start, see $self->{log}:\n"
               . _tail($self->{log});

    return $self;
}


sub _answers {
    my ($self) = @_;

    return 1 if !$self->{port};

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}, Timeout => 1) or return 0;

    return 1 if $self->{blind};

    print $s "PING\r\n";
    return 0 if !IO::Select->new($s)->can_read(1);

    sysread $s, my $line, 64;
    return ($line // '') =~ /^(\+PONG|-NOAUTH|-ERR|-DENIED)/;
}


sub _tail {
    my ($file) = @_;

    open my $f, '<', $file or return '';
    my @lines = <$f>;

    return join '', @lines > 10 ? @lines[-10 .. -1] : @lines;
}


sub port { $_[0]{port} }


# kills it at once, as a power cut would; start() brings it back empty unless
# its options keep the data

sub stop {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return;

    local $?;

    close delete $self->{socket} if $self->{socket};

    kill 'CONT', $pid;
    kill $signal // 'KILL', $pid;
    waitpid $pid, 0;
}


# a paused server takes connections and does not answer

sub pause  { kill 'STOP', $_[0]{pid} }
sub resume { kill 'CONT', $_[0]{pid} }


sub restart {
    my ($self) = @_;

    $self->stop('TERM');
    $self->start;
}


# one command: a string, a list reference, undef (nil), or dies with the error;
# one within a list is a reference to its text

sub command {
    my ($self, @words) = @_;

    my $s = $self->{socket} ||= IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 2)
        or die "cannot connect to redis: $!\n";

    my $text = '*' . @words . "\r\n";
    $text .= '$' . length($_) . "\r\n$_\r\n" for @words;

    syswrite $s, $text;
    $self->{end} = time() + 5;

    return $self->_reply;
}


sub _reply {
    my ($self, $inner) = @_;

    my $line = $self->_line;
    my ($kind, $rest) = $line =~ /^(.)(.*)/s;

    return $rest if $kind eq '+' || $kind eq ':';

    return \$rest if $kind eq '-' && $inner;

    die "redis: $rest\n" if $kind eq '-';

    return undef if $rest < 0;

    return [ map { $self->_reply(1) } 1 .. $rest ] if $kind eq '*';

    my $text = $self->_bytes($rest + 2);

    return substr $text, 0, $rest;
}


sub _line {
    my ($self) = @_;

    my $at;

    while (($at = index $self->{buffer} //= '', "\r\n") < 0) {
        $self->_more;
    }

    return substr $self->_bytes($at + 2), 0, $at;
}


sub _bytes {
    my ($self, $n) = @_;

    $self->{buffer} //= '';
    $self->_more while length $self->{buffer} < $n;

    return substr $self->{buffer}, 0, $n, '';
}


sub _more {
    my ($self) = @_;

    my $s = $self->{socket};
    my $left = $self->{end} - time();

    die "redis did not answer in time\n"
        if $left <= 0 || !IO::Select->new($s)->can_read($left);

    sysread $s, $self->{buffer}, 65536, length $self->{buffer}
        or die "redis closed the connection\n";
}


1;
