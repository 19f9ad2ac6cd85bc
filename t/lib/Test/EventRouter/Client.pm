package Test::EventRouter::Client;

# Copyright (C) Event Router contributors

# An HTTP/1.x client that a test can lead step by step: write bytes, in pieces
# and slowly if asked, read answers one by one, close, half-close or reset.
# Every wait is bounded.
#
#     my $c = Test::EventRouter::Client->new(port => $port);
#     my $r = $c->request(POST => '/hook', [ 'X-A' => 'b' ], $body);
#     $r->{status}; $r->header('Retry-After'); $r->{body}; $r->json;

use warnings;
use strict;

use Errno qw(EINTR);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time sleep);


# options: port, timeout (of every wait, seconds), tls (1, or arguments for
# IO::Socket::SSL)

sub new {
    my ($class, %o) = @_;

    my $s = IO::Socket::INET->new(Proto => 'tcp', PeerAddr => '127.0.0.1',
        PeerPort => $o{port}, Timeout => 5)
        or die "cannot connect to port $o{port}: $!\n";

    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;

    my $self = bless { socket => $s, buffer => '', port => $o{port},
        timeout => $o{timeout} // $ENV{TEST_NGINX_TIMEOUT} // 15 }, $class;

    $self->_start_tls($o{tls}) if $o{tls};

    return $self;
}


sub _start_tls {
    my ($self, $tls) = @_;

    require IO::Socket::SSL;

    IO::Socket::SSL->start_SSL($self->{socket}, SSL_verify_mode => 0,
        SSL_hostname => 'localhost', Timeout => $self->{timeout},
        ref $tls ? %$tls : ())
        or die 'TLS handshake failed: ' . IO::Socket::SSL::errstr() . "\n";
}


# ---- sending

# the text of a request; a Host is added, and a Content-Length if there is a
# body and neither Content-Length nor Transfer-Encoding

sub format_request {
    my ($method, $uri, $headers, $body) = @_;

    my @headers = @{ $headers // [] };
    my %seen;

    for (my $i = 0; $i < @headers; $i += 2) {
        $seen{lc $headers[$i]} = 1;
    }

    unshift @headers, Host => 'localhost' unless $seen{host};

    push @headers, 'Content-Length' => length $body
        if defined $body && !$seen{'content-length'}
           && !$seen{'transfer-encoding'};

    my $text = "$method $uri HTTP/1.1\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n";
    }

    return "$text\r\n" . ($body // '');
}


# the body in chunks of n bytes, with the last one

sub chunked {
    my ($body, $size) = @_;

    my $text = '';

    for (my $i = 0; $i < length $body; $i += $size) {
        my $piece = substr $body, $i, $size;
        $text .= sprintf("%x\r\n", length $piece) . "$piece\r\n";
    }

    return $text . "0\r\n\r\n";
}


# false when the peer is gone

sub write {
    my ($self, $data) = @_;

    my $s = $self->{socket};
    my $end = time() + $self->{timeout};

    local $SIG{PIPE} = 'IGNORE';

    while (length $data) {
        my $left = $end - time();

        return 0 if $left <= 0
            || !IO::Select->new($s)->can_write($left);

        my $n = syswrite $s, $data, 65536;

        if (!defined $n) {
            next if $!{EINTR} || $!{EAGAIN};
            return 0;
        }

        substr $data, 0, $n, '';
    }

    return 1;
}


# n bytes at a time with a pause after each

sub write_slowly {
    my ($self, $data, $size, $pause) = @_;

    for (my $i = 0; $i < length $data; $i += $size) {
        $self->write(substr $data, $i, $size) or return 0;
        sleep $pause if $pause;
    }

    return 1;
}


# options: pieces (bytes per write), pause (seconds between), chunks (bytes per
# chunk of a chunked body)

sub send {
    my ($self, $method, $uri, $headers, $body, %o) = @_;

    if ($o{chunks}) {
        $headers = [ @{ $headers // [] }, 'Transfer-Encoding' => 'chunked' ];
        $body = chunked($body, $o{chunks});
    }

    my $text = format_request($method, $uri, $headers, $body);

    $self->{method} = $method;

    return $o{pieces}
        ? $self->write_slowly($text, $o{pieces}, $o{pause} // 0)
        : $self->write($text);
}


sub request {
    my ($self, @arguments) = @_;

    $self->send(@arguments);

    return $self->response;
}


# ---- reading

# more bytes into the buffer: true, or false at the end, error or time-out

sub _more {
    my ($self, $end) = @_;

    my $s = $self->{socket} or return 0;

    while (1) {
        my $left = $end - time();
        my $pending = $s->can('pending') ? $s->pending : 0;

        if (!$pending && ($left <= 0 || !IO::Select->new($s)->can_read($left)))
        {
            $self->{timed_out} = 1;
            return 0;
        }

        my $n = sysread $s, $self->{buffer}, 65536, length $self->{buffer};

        return 1 if $n;

        next if !defined $n && ($!{EINTR} || $!{EAGAIN});

        $self->{reset} = 1 if !defined $n && $!{ECONNRESET};
        $self->{ended} = 1;
        return 0;
    }
}


# the next answer, or undef: none came.  A cut one has {complete} false.

sub response {
    my ($self, %o) = @_;

    my $end = time() + ($o{timeout} // $self->{timeout});
    my $start = time();
    my $head;

    do {
        $head = $self->_until("\r\n\r\n", $end);
        return undef if !defined $head;
    } while ($head =~ m{^HTTP/1\.1 100});

    my $r = Test::EventRouter::Response->parse($head);

    $self->_body($r, $end);
    $r->{seconds} = time() - $start;

    return $r;
}


sub _body {
    my ($self, $r, $end) = @_;

    $r->{complete} = 1;

    if (($self->{method} // '') eq 'HEAD' || $r->{status} =~ /^(1..|204|304)$/)
    {
        return;
    }

    if (($r->header('Transfer-Encoding') // '') eq 'chunked') {
        while (1) {
            my $line = $self->_until("\r\n", $end);

            return $r->{complete} = 0
                if !defined $line || $line !~ /^[0-9a-f]+/i;

            my $n = hex $line;

            $self->_bytes($n + 2, $end) or return $r->{complete} = 0;
            $r->{body} .= substr $self->{buffer}, 0, $n;
            substr $self->{buffer}, 0, $n + 2, '';

            return if $n == 0;
        }
    }

    if (defined(my $n = $r->header('Content-Length'))) {
        $r->{complete} = $self->_bytes($n, $end);
        $r->{body} = substr $self->{buffer}, 0, $n, '';
        return;
    }

    1 while $self->_more($end);

    $r->{body} = $self->{buffer};
    $self->{buffer} = '';
    $r->{complete} = $self->{ended} ? 1 : 0;
}


# takes what stands before the mark out of the buffer, and the mark

sub _until {
    my ($self, $mark, $end) = @_;

    my $at;

    while (($at = index $self->{buffer}, $mark) < 0) {
        $self->_more($end) or return undef;
    }

    my $text = substr $self->{buffer}, 0, $at, '';
    substr $self->{buffer}, 0, length $mark, '';

    return $text;
}


sub _bytes {
    my ($self, $n, $end) = @_;

    while (length $self->{buffer} < $n) {
        $self->_more($end) or return 0;
    }

    return 1;
}


# true when the peer closes within the time; what it sent before that is lost

sub closed {
    my ($self, $seconds) = @_;

    my $end = time() + ($seconds // $self->{timeout});

    1 while $self->_more($end);

    return $self->{ended} ? 1 : 0;
}


# ---- the end

sub close {
    my ($self) = @_;

    close delete $self->{socket} if $self->{socket};
}


sub half_close {
    my ($self) = @_;

    shutdown $self->{socket}, 1;
}


# RST instead of FIN

sub reset {
    my ($self) = @_;

    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    $self->close;
}


package Test::EventRouter::Response;

# status, reason, headers (a list of pairs in order), body, complete, seconds


sub parse {
    my ($class, $head) = @_;

    my ($line, @lines) = split /\r?\n/, $head;
    my ($status, $reason) = ($line // '') =~ m{^HTTP/[\d.]+ (\d+) ?(.*)};

    return bless { status => $status // 0, reason => $reason // '',
        headers => [ map { [ split /:\s*/, $_, 2 ] } @lines ],
        body => '', complete => 0, head => $head }, $class;
}


# the value, several ones joined with a comma; undef: missing

sub header {
    my ($self, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
                 @{ $self->{headers} };

    return @values ? join(', ', @values) : undef;
}


# the decoded body, or undef: not JSON

sub json {
    my ($self) = @_;

    return scalar eval { JSON::PP->new->utf8->allow_nonref
                                 ->decode($self->{body}) };
}


1;
