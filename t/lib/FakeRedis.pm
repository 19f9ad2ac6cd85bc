package FakeRedis;

# Copyright (C) Event Router contributors

# A scripted Redis for tests: a forked server on loopback that answers each
# command with what a sub says, be it garbage, too late, half or not at all.
#
#     my $redis = FakeRedis->start(
#         # before the first command of a connection; optional
#         accept   => sub { my ($conn) = @_; () },
#         commands => {
#             PING    => sub { my ($conn, @args) = @_; status('PONG') },
#             EVALSHA => sub { my ($conn, @args) = @_;
#                              $conn->{redis}->count('EVALSHA') == 1
#                                  ? drop() : $conn->forward(@args) },
#         },
#         other    => sub { my ($conn, @args) = @_; err('ERR no') },
#         backend  => 6379,     # a real Redis, for forward(); optional
#         path     => '/x.sock' # a Unix socket instead of a port; optional
#     );
#     $redis->port;
#     $redis->mode('broken');   # the subs read it: $conn->{redis}->mode
#     my @commands = $redis->commands;   # [ 'PING' ], [ 'EVALSHA', ... ]
#     $redis->stop;             # also when the object goes away
#
# PING, AUTH and SELECT are answered properly unless told otherwise, all other
# commands with "other", which is an error.  A sub returns a list of bytes to
# send and of these:
#
#     wait_s($seconds)          # before what comes next
#     drip($bytes, $seconds)    # byte by byte
#     drop()                    # close the connection
#     reset_it()                # close it with RST
#     nothing()                 # just for reading
#
# $conn is a hash for the subs' own use as well; it has id (1, 2 ...), n (how
# many commands came on it) and redis.  The subs run in the forked server.

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use IO::Handle;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(status err integer bulk array null claim
                    wait_s drip drop reset_it nothing);
our %EXPORT_TAGS = (all => \@EXPORT_OK);

# replies as bytes

sub status  { return "+$_[0]\r\n" }
sub err     { return "-$_[0]\r\n" }
sub integer { return ":$_[0]\r\n" }
sub null    { return "\$-1\r\n" }
sub bulk    { return '$' . length($_[0]) . "\r\n$_[0]\r\n" }
sub array   { return '*' . scalar(@_) . "\r\n" . join '', @_ }

# the reply of the claim script: claim('RESUME', 2, @hashes)

sub claim {
    my ($result, $n, @settled) = @_;
    my %code = (NEW => 0, RESUME => 1, BUSY => 2, DUPLICATE => 3);

    return array(integer($code{$result}), integer($n // 1),
                 bulk(join '', map { sprintf '%016x', $_ } @settled), bulk(''),
                 $result eq 'DUPLICATE' ? bulk('t' x 16) : ());
}

# actions

sub wait_s   { return [ wait => $_[0] ] }
sub drop     { return [ 'drop' ] }
sub reset_it { return [ 'reset' ] }
sub nothing  { return }

sub drip {
    my ($bytes, $pause) = @_;
    return map { ($_, wait_s($pause)) } split //, $bytes;
}

sub start {
    my ($class, %script) = @_;

    my $dir = File::Temp->newdir;
    my $listen;

    if ($script{path}) {
        unlink $script{path};
        $listen = IO::Socket::UNIX->new(Local => $script{path}, Listen => 16);

    } else {
        $listen = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $script{port} || 0,
            Listen => 16, ReuseAddr => 1);
    }

    die "FakeRedis cannot listen: $!" unless $listen;

    my $self = bless {
        dir      => $dir,
        port     => $script{path} ? undef : $listen->sockport,
        owner    => $$,
        counts   => {},
        script   => \%script,
        conns    => [],
        backend  => $script{backend},
    }, $class;

    my $pid = fork;
    die "FakeRedis cannot fork: $!" unless defined $pid;

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM);
        $SIG{PIPE} = 'IGNORE';
        eval { $self->serve($listen); };
        print STDERR "FakeRedis: $@" if $@;
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;

    return $self;
}

sub port { return $_[0]{port} }

sub stop {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
    unlink $self->{script}{path} if $self->{script}{path};
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop;
}

# a word that the test sets and the subs read

sub mode {
    my ($self, $mode) = @_;
    my $file = "$self->{dir}/mode";

    if (defined $mode) {
        open my $fh, '>', "$file.new" or die "$file.new: $!";
        print $fh $mode;
        close $fh;
        rename "$file.new", $file or die "$file: $!";
        return $mode;
    }

    open my $fh, '<', $file or return '';
    local $/;
    return scalar(<$fh>) // '';
}

# how often a command came, over all connections; in the subs only

sub count { return $_[0]{counts}{$_[1]} || 0 }

# what came so far, in order; each is [ command, args ... ]

sub commands {
    my ($self) = @_;

    open my $fh, '<', "$self->{dir}/commands" or return;
    my @commands = map {
        chomp;
        [ map { pack 'H*', $_ } split / /, $_, -1 ]
    } <$fh>;

    return @commands;
}

# the rest runs in the server

sub serve {
    my ($self, $listen) = @_;

    open $self->{record}, '>>', "$self->{dir}/commands" or die $!;
    $self->{record}->autoflush(1);
    $listen->blocking(0);

    for ( ;; ) {
        my ($read, $write, $pause) = ('', '', 1);

        vec($read, fileno $listen, 1) = 1;

        for my $conn (@{ $self->{conns} }) {
            vec($read, fileno $conn->{socket}, 1) = 1;

            next unless @{ $conn->{out} };
            my $left = $conn->{due} - time;

            if ($left > 0) {
                $pause = $left if $left < $pause;
            } else {
                vec($write, fileno $conn->{socket}, 1) = 1;
            }
        }

        my $n = select($read, $write, undef, $pause);
        next if $n < 0;

        for my $conn (@{ $self->{conns} }) {
            my $fd = fileno $conn->{socket};
            $conn->flush if vec($write, $fd, 1);
            $conn->read if !$conn->{gone} && vec($read, $fd, 1);
        }

        $_->{socket}->close for grep { $_->{gone} } @{ $self->{conns} };
        @{ $self->{conns} } = grep { !$_->{gone} } @{ $self->{conns} };

        next unless vec($read, fileno $listen, 1);

        while (my $socket = $listen->accept) {
            $self->accepted($socket);
        }
    }
}

sub accepted {
    my ($self, $socket) = @_;

    $socket->blocking(0);

    # or a dripped reply comes in lumps

    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1 if defined $self->{port};

    my $conn = bless {
        redis => $self, socket => $socket, id => ++$self->{ids}, n => 0,
        in => '', out => [], due => 0, gone => 0,
    }, 'FakeRedis::Connection';

    push @{ $self->{conns} }, $conn;
    $conn->act($self->{script}{accept}->($conn)) if $self->{script}{accept};
}

sub answer {
    my ($self, $conn, @args) = @_;

    my $name = uc $args[0];
    my $script = $self->{script};
    my %own = (
        PING   => sub { status('PONG') },
        AUTH   => sub { status('OK') },
        SELECT => sub { status('OK') },
    );

    print { $self->{record} } join(' ', map { unpack 'H*', $_ } @args), "\n";

    $self->{counts}{$name}++;
    $conn->{n}++;

    my $sub = $script->{commands}{$name} || $own{$name} || $script->{other}
              || sub { err("ERR unknown command '$name'") };

    $conn->act($sub->($conn, @args));
}


package FakeRedis::Connection;

use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

sub act {
    my ($conn, @actions) = @_;

    push @{ $conn->{out} }, @actions;
    $conn->flush;
}

sub flush {
    my ($conn) = @_;

    while (!$conn->{gone} && @{ $conn->{out} } && $conn->{due} <= time) {
        my $next = shift @{ $conn->{out} };

        if (!ref $next) {
            next if $next eq '';
            my $n = syswrite $conn->{socket}, $next;

            if (!defined $n) {
                $conn->{gone} = 1 unless $!{EAGAIN};
                unshift @{ $conn->{out} }, $next;
                return;
            }

            unshift @{ $conn->{out} }, substr $next, $n if $n < length $next;

        } elsif ($next->[0] eq 'wait') {
            $conn->{due} = time + $next->[1];

        } else {
            setsockopt $conn->{socket}, SOL_SOCKET, SO_LINGER,
                       pack('ii', 1, 0) if $next->[0] eq 'reset';
            $conn->{gone} = 1;
        }
    }
}

sub read {
    my ($conn) = @_;

    my $n = sysread $conn->{socket}, $conn->{in}, 65536, length $conn->{in};

    if (!defined $n) {
        $conn->{gone} = 1 unless $!{EAGAIN};
        return;
    }

    $conn->{gone} = 1 if $n == 0;

    while (!$conn->{gone} && (my @args = $conn->command)) {
        $conn->{redis}->answer($conn, @args);
    }
}

# the next whole command, taken from the bytes read

sub command {
    my ($conn) = @_;

    $conn->{in} =~ /\G\*(\d+)\r\n/gc or return;

    my ($n, @args) = ($1);

    while (@args < $n) {
        last unless $conn->{in} =~ /\G\$(\d+)\r\n/gc;

        my $from = pos $conn->{in};
        last if length($conn->{in}) < $from + $1 + 2;

        push @args, substr $conn->{in}, $from, $1;
        pos($conn->{in}) = $from + $1 + 2;
    }

    my $end = pos $conn->{in};
    pos($conn->{in}) = undef;

    return if @args < $n;

    substr($conn->{in}, 0, $end) = '';

    return @args;
}

# asks the real Redis and returns the bytes of its reply

sub forward {
    my ($conn, @args) = @_;

    my $backend = $conn->{backend} ||= IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $conn->{redis}{backend})
        or return FakeRedis::err('ERR no backend');

    print $backend FakeRedis::array(map { FakeRedis::bulk($_) } @args);
    $backend->flush;

    return reply($backend);
}

sub reply {
    my ($backend) = @_;

    my $line = <$backend> // return '';

    if ($line =~ /^\$(-?\d+)/ && $1 >= 0) {
        CORE::read $backend, my $bytes, $1 + 2;
        return $line . $bytes;
    }

    if ($line =~ /^\*(-?\d+)/ && $1 > 0) {
        return join '', $line, map { reply($backend) } 1 .. $1;
    }

    return $line;
}


1;
