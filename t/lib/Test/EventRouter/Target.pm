package Test::EventRouter::Target;

# Copyright (C) Event Router contributors

# A recording HTTP server that does what a test tells it: a process of its own,
# one select loop, any number of connections.
#
#     my $erp = $t->target(8081);               # listens on %%PORT_8081%%
#     $erp->answer('/orders', status => 500);   # from now on
#     $erp->answer('/orders', [ { status => 503 }, { status => 200 } ]);
#     $erp->requests;                           # all of them, in order
#
# What a path does (nothing said: 200 with the body "ok"):
#     status, headers [ name, value ... ], body
#     delay SECONDS     before the answer
#     size N            a body of N bytes, made as it is sent
#     drip [ N, S ]     N bytes every S seconds
#     then WORD         after the answer: keep (default), close, half (close
#                       our sending side only), reset
#     fault WORD        instead of an answer: hang, close, reset, half; or
#                       truncate (half of it, then close), garbage (no HTTP),
#                       early (answer when the head is there, before the body),
#                       early_reset (RST when the head is there)

use warnings;
use strict;

use Errno qw(EINTR EAGAIN);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY AF_UNIX SOCK_STREAM
              PF_UNSPEC);
use Storable qw(nfreeze thaw);
use Time::HiRes qw(time);

use Test::EventRouter::Port qw(wait_until);


# ---- the test's side

# options: port; record (0: count only)

sub new {
    my ($class, %o) = @_;

    my $self = bless { port => $o{port}, record => $o{record} // 1 }, $class;

    return $self->start;
}


sub start {
    my ($self) = @_;

    my $listen = IO::Socket::INET->new(Proto => 'tcp', Listen => 511,
        ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $self->{port})
        or die "cannot listen on $self->{port}: $!\n";

    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        keep_only(fileno $listen, fileno $theirs);
        $SIG{$_} = 'DEFAULT' for qw(TERM INT ALRM);
        eval { $self->server->new($listen, $theirs, $self->{record})->run };
        print STDERR "target $self->{port}: $@" if $@;
        POSIX::_exit($@ ? 1 : 0);
    }

    close $theirs;

    @$self{qw(pid control)} = ($pid, $ours);

    $self->_ask(script => %{ $self->{script} }) if $self->{script};

    return $self;
}


# the class of the server's side

sub server { 'Test::EventRouter::Target::Server' }


# a sibling that held our end of a control socket would keep a server alive
# after the test has died.  The numbers stay taken: Perl counts users of each,
# and would not close a new socket on one that it believes to have another.

sub keep_only {
    my %keep = map { $_ => 1 } 0 .. 2, @_;

    opendir my $dir, '/proc/self/fd' or return;
    my @fds = grep { /^\d+$/ && !$keep{$_} } readdir $dir;
    closedir $dir;

    my $null = POSIX::open('/dev/null') // return;

    POSIX::dup2($null, $_) for grep { $_ != $null } @fds;
}


# a target that is stopped refuses connections; start() brings it back with its
# answers but without what it recorded

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    close delete $self->{control};
}


sub port { $_[0]{port} }


# sets what a path does; a list is gone through, its last entry stays

sub answer {
    my ($self, $path, @what) = @_;

    $self->_say(script => $path, @what);
}


# the same, and forgets all that was asked before, in one step: what is sent
# again meanwhile is either answered as before or remembered

sub answer_anew {
    my ($self, $path, @what) = @_;

    $self->_say(anew => $path, @what);
}


sub _say {
    my ($self, $command, $path, @what) = @_;

    my $list = ref $what[0] eq 'ARRAY' ? $what[0] : [ { @what } ];

    $self->{script}{$path} = $list;
    $self->_ask($command => $path => $list);
}


# the complete requests so far, in the order in which they were complete;
# options: uri

sub requests {
    my ($self, %o) = @_;

    my @requests = map { bless $_, 'Test::EventRouter::Request' }
                   @{ $self->_ask('requests') };

    @requests = grep { $_->{uri} eq $o{uri} } @requests if defined $o{uri};

    return @requests;
}


# waits until there are n requests and returns all

sub wait_requests {
    my ($self, $n, $seconds) = @_;

    wait_until($seconds // 10, sub { $self->count >= $n });

    return $self->requests;
}


# complete requests; begun ones too; connections accepted; open now

sub count       { $_[0]->_ask('counts')->{complete} }
sub begun       { $_[0]->_ask('counts')->{begun} }
sub connections { $_[0]->_ask('counts')->{accepted} }
sub open        { $_[0]->_ask('counts')->{open} }


sub forget {
    my ($self) = @_;

    $self->_ask('forget');
}


sub _ask {
    my ($self, @command) = @_;

    my $c = $self->{control} or die "target $self->{port} is stopped\n";

    send_message($c, \@command);

    my $answer = read_message($c)
        // die "target $self->{port} died\n";

    return $answer->[0];
}


sub send_message {
    my ($socket, $data) = @_;

    my $text = nfreeze($data);
    $text = pack('N', length $text) . $text;

    while (length $text) {
        my $n = syswrite $socket, $text;

        if (!defined $n) {
            next if $!{EINTR};
            return;
        }

        substr $text, 0, $n, '';
    }
}


sub read_message {
    my ($socket) = @_;

    my $read = sub {
        my ($n) = @_;

        my $text = '';

        while (length $text < $n) {
            my $got = sysread $socket, $text, $n - length $text, length $text;

            next if !defined $got && $!{EINTR};
            return undef if !$got;
        }

        return $text;
    };

    my $head = $read->(4) // return undef;

    return thaw($read->(unpack 'N', $head) // return undef);
}


package Test::EventRouter::Request;

# method, uri, headers (pairs in order), body, connection (its number), number
# (within the connection), begun and time (when it was complete)

use warnings;
use strict;

use JSON::PP ();


sub header {
    my ($self, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
                 @{ $self->{headers} };

    return @values ? join(', ', @values) : undef;
}


sub json {
    my ($self) = @_;

    return scalar eval { JSON::PP->new->utf8->allow_nonref
                                 ->decode($self->{body}) };
}


package Test::EventRouter::Target::Server;

# The server's side.  A connection is a hash: socket, in (bytes not yet taken),
# out (bytes to send), more (bytes of a made-up body still to come), state:
# head, body, wait (for the delay) or send.

use warnings;
use strict;

use Errno qw(EINTR EAGAIN);
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use constant BLOCK => 65536;

my $filler = 'x' x BLOCK;


sub new {
    my ($class, $listen, $control, $record) = @_;

    $listen->blocking(0);

    return bless { listen => $listen, control => $control, record => $record,
        script => {}, requests => [], connections => {},
        counts => { complete => 0, begun => 0, accepted => 0 } }, $class;
}


sub run {
    my ($self) = @_;

    $SIG{PIPE} = 'IGNORE';

    while (1) {
        my ($read, $write, $timeout) = $self->_interests;

        my ($readable, $writable) = IO::Select::select($read, $write, undef,
                                                       $timeout);

        for my $s (@{ $readable // [] }) {
            if ($s == $self->{control}) {
                $self->_control or return;

            } elsif ($s == $self->{listen}) {
                $self->_accept;

            } else {
                my $c = $self->{connections}{fileno $s} or next;
                $self->_read($c) if $c->{socket} == $s;
            }
        }

        for my $s (@{ $writable // [] }) {
            my $fd = fileno $s // next;
            my $c = $self->{connections}{$fd} or next;
            $self->_write($c);
        }

        $self->_clock;
    }
}


# whom to wait for, and how long

sub _interests {
    my ($self) = @_;

    my $read = IO::Select->new($self->{listen}, $self->{control});
    my $write = IO::Select->new;
    my $now = time;
    my $timeout;

    for my $c (values %{ $self->{connections} }) {
        $read->add($c->{socket}) if !$c->{deaf};

        if (defined $c->{due}) {
            my $left = $c->{due} > $now ? $c->{due} - $now : 0;
            $timeout = $left if !defined $timeout || $left < $timeout;

        } elsif (length $c->{out} || $c->{more}) {
            $write->add($c->{socket});
        }
    }

    return ($read, $write, $timeout);
}


# timers: an answer's delay, or the next drop of a drip

sub _clock {
    my ($self) = @_;

    my $now = time;

    for my $c (values %{ $self->{connections} }) {
        next if !defined $c->{due} || $c->{due} > $now;

        delete $c->{due};

        if ($c->{state} eq 'wait') {
            $self->_answer($c);

        } else {
            $self->_write($c);
        }
    }
}


sub _control {
    my ($self) = @_;

    my $message
        = Test::EventRouter::Target::read_message($self->{control});

    return 0 if !$message;

    my ($command, @arguments) = @$message;
    my $answer = 1;

    if ($command eq 'script' || $command eq 'anew') {
        my %script = @arguments;
        @{ $self->{script} }{keys %script} = values %script;
        $self->_forget if $command eq 'anew';

    } elsif ($command eq 'requests') {
        $answer = $self->{requests};

    } elsif ($command eq 'counts') {
        $answer = { %{ $self->{counts} },
            open => scalar keys %{ $self->{connections} } };

    } elsif ($command eq 'forget') {
        $self->_forget;

    } else {
        $answer = $self->command($command, @arguments);
    }

    Test::EventRouter::Target::send_message($self->{control}, [ $answer ]);

    return 1;
}


# of those that can do more

sub command { die "no command $_[1]\n" }


sub _forget {
    my ($self) = @_;

    $self->{requests} = [];
    @{ $self->{counts} }{qw(complete begun accepted)} = (0, 0, 0);
}


sub _accept {
    my ($self) = @_;

    while (my $s = $self->{listen}->accept) {
        $s->blocking(0);
        setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;

        $self->{connections}{fileno $s} = { socket => $s, in => '', out => '',
            more => 0, state => 'head', requests => 0,
            id => ++$self->{counts}{accepted} };
    }
}


sub _read {
    my ($self, $c) = @_;

    my $n = sysread $c->{socket}, $c->{in}, BLOCK, length $c->{in};

    if (!defined $n) {
        return if $!{EINTR} || $!{EAGAIN};
        return $self->_close($c);
    }

    if ($n == 0) {

        # the peer may have closed its side only, and still wait

        return $self->_close($c)
            if $c->{state} eq 'head' || $c->{state} eq 'body' || $c->{hung};

        $c->{deaf} = 1;
        return;
    }

    $self->_parse($c);
}


# takes as many requests out of the input as are complete and may be answered

sub _parse {
    my ($self, $c) = @_;

    if ($c->{state} eq 'head') {
        my $at = index $c->{in}, "\r\n\r\n";

        return if $at < 0;

        my $head = substr $c->{in}, 0, $at + 4, '';

        $self->_head($c, $head) or return;
    }

    if ($c->{state} eq 'body') {
        $self->_body($c) or return;

        $self->_complete($c);
    }
}


sub _head {
    my ($self, $c, $head) = @_;

    my ($line, @lines) = split /\r\n/, $head;
    my ($method, $uri) = split / /, $line;

    my $r = { method => $method, uri => $uri, body => '', begun => time,
        headers => [ map { [ split /:\s*/, $_, 2 ] } @lines ],
        connection => $c->{id}, number => ++$c->{requests} };

    my %headers = map { lc $_->[0] => $_->[1] } @{ $r->{headers} };

    $c->{request} = $r;
    $c->{chunked} = lc($headers{'transfer-encoding'} // '') eq 'chunked';
    $c->{length} = $headers{'content-length'} // 0;
    $c->{last} = lc($headers{connection} // '') eq 'close'
                 || $line =~ m{HTTP/1\.0};
    $c->{state} = 'body';
    $c->{what} = $self->_next($uri);

    $self->{counts}{begun}++;

    my $fault = $c->{what}{fault} // '';

    if ($fault eq 'early_reset') {
        $self->_reset($c);
        return 0;
    }

    if ($fault eq 'early') {
        $self->_begin($c);
        return 0;
    }

    return 1;
}


# what the path does this time

sub _next {
    my ($self, $uri) = @_;

    my ($path) = split /\?/, $uri;
    my $list = $self->{script}{$path} // $self->{script}{'*'} // [ {} ];

    return @$list > 1 ? shift @$list : $list->[0] // {};
}


# 1: the body is there

sub _body {
    my ($self, $c) = @_;

    my $r = $c->{request};

    if (!$c->{chunked}) {
        my $left = $c->{length} - length $r->{body};

        $r->{body} .= substr $c->{in}, 0, $left, '' if $left > 0;

        return length $r->{body} == $c->{length};
    }

    while (1) {
        my ($line, $size) = $c->{in} =~ /\A(([0-9a-fA-F]+)[^\n]*\n)/
            or return 0;

        my $n = hex $size;

        return 0 if length $c->{in} < length($line) + $n + 2;

        $r->{body} .= substr $c->{in}, length $line, $n;
        substr $c->{in}, 0, length($line) + $n + 2, '';

        return 1 if $n == 0;
    }
}


sub _complete {
    my ($self, $c) = @_;

    my $r = $c->{request};

    $r->{time} = time;
    $self->{counts}{complete}++;
    push @{ $self->{requests} }, $r if $self->{record};

    $self->_begin($c);
}


sub _begin {
    my ($self, $c) = @_;

    my $what = $c->{what};

    $c->{state} = 'wait';

    if ($what->{delay}) {
        $c->{due} = time + $what->{delay};

    } else {
        $self->_answer($c);
    }
}


sub _answer {
    my ($self, $c) = @_;

    my $what = $c->{what};
    my $fault = $what->{fault} // '';

    $c->{state} = 'send';

    if ($fault eq 'hang' || $fault eq 'half') {
        $c->{hung} = 1;
        shutdown $c->{socket}, 1 if $fault eq 'half';
        return;
    }

    return $self->_close($c) if $fault eq 'close';
    return $self->_reset($c) if $fault eq 'reset';

    if ($fault eq 'garbage') {
        $c->{out} = "\0\1\2 this is not HTTP\r\n\r\n";
        $c->{then} = 'close';
        return $self->_write($c);
    }

    $self->_format($c, $what);

    if ($fault eq 'truncate') {
        $c->{then} = 'close';

        if ($c->{more}) {
            $c->{more} = int($c->{more} / 2);

        } else {
            substr $c->{out}, -(int(length($what->{body} // 'ok') / 2) || 1),
                   length $c->{out}, '';
        }
    }

    $self->_write($c);
}


sub _format {
    my ($self, $c, $what) = @_;

    my $status = $what->{status} // 200;
    my @headers = @{ $what->{headers} // [ 'Content-Type' => 'text/plain' ] };
    my $bare = $status == 204 || $status == 304;
    my $body = $bare ? '' : $what->{body} // 'ok';
    my $length = $what->{size} // length $body;
    my %seen;

    for (my $i = 0; $i < @headers; $i += 2) {
        $seen{lc $headers[$i]} = 1;
    }

    # with unread bytes in the socket close() would be a reset

    $c->{then} = $what->{then} // (($what->{fault} // '') eq 'early' ? 'half'
                                   : $c->{last} ? 'close' : 'keep');

    push @headers, 'Content-Length' => $length
        unless $bare || $seen{'content-length'} || $seen{'transfer-encoding'};
    push @headers, Connection => 'close' if $c->{then} ne 'keep';

    $c->{out} = "HTTP/1.1 $status " . ($what->{reason} // 'Said') . "\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $c->{out} .= "$name: $value\r\n";
    }

    $c->{out} .= "\r\n";

    if (defined $what->{size}) {
        $c->{more} = $what->{size};

    } else {
        $c->{out} .= $body;
    }
}


sub _write {
    my ($self, $c) = @_;

    my $drip = $c->{what}{drip};

    while (length $c->{out} || $c->{more}) {
        if ($c->{more} && length $c->{out} < BLOCK) {
            my $n = $c->{more} < BLOCK ? $c->{more} : BLOCK;

            $c->{out} .= $n == BLOCK ? $filler : substr $filler, 0, $n;
            $c->{more} -= $n;
        }

        my $n = syswrite $c->{socket}, $c->{out},
                         $drip ? $drip->[0] : length $c->{out};

        if (!defined $n) {
            return if $!{EINTR} || $!{EAGAIN};
            return $self->_close($c);
        }

        substr $c->{out}, 0, $n, '';

        if ($drip && (length $c->{out} || $c->{more})) {
            $c->{due} = time + $drip->[1];
            return;
        }
    }

    $self->_sent($c);
}


sub _sent {
    my ($self, $c) = @_;

    return if $c->{state} ne 'send' || $c->{hung};

    my $then = $c->{then};

    return $self->_reset($c) if $then eq 'reset';
    return $self->_close($c) if $then eq 'close' || $c->{deaf};

    if ($then eq 'half') {
        shutdown $c->{socket}, 1;
        $c->{hung} = 1;
        return;
    }

    $c->{state} = 'head';
    $self->_parse($c);
}


sub _close {
    my ($self, $c) = @_;

    delete $self->{connections}{fileno $c->{socket}};
    close $c->{socket};
}


sub _reset {
    my ($self, $c) = @_;

    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $self->_close($c);
}


1;
