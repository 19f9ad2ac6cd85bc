#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/tail: what happens, as it happens, to whoever looks: which lines, in which
# form, over HTTP/1.0, 1.1 and 2; clients that are slow, that go, that are too
# many; reload and the death of a worker; and nothing at all while nobody looks.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_RCVBUF pack_sockaddr_in inet_aton);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2, level => 'debug');
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $secret = $t->secret('canary-0123456789abcdef');

$t->write_file('conf/token', $secret);
$t->write_file('conf/shop', $secret);
chmod 0600, map { $t->dir . "/conf/$_" } qw(token shop);

$q->config(targets => { erp => 'retry off; breaker off;', crm => '' },
    http => 'event_trace on;',
    more => <<'EOC', server => <<'EOC2');

    event_source shop {
        verify shopify; secret file:%%TESTDIR%%/conf/shop;
    }
    event_source b { verify off; id "{json:id}"; type "{json:type}"; }
    event_route to-b { from b; to crm; }
EOC

        listen 127.0.0.1:%%PORT_8082%% http2;
        listen 127.0.0.1:%%PORT_8083%% sndbuf=8k;

        location = /shop { event_receive shop; }
        location = /b    { event_receive b; }
        location /tok/   {
            event_admin token=file:%%TESTDIR%%/conf/token role=look name=eye;
        }
EOC2

$t->workers_may_change('one is killed, all are replaced');
$t->expect_log(qr/exited on signal 9/, 'a worker is killed');
$t->run;

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

$target->answer('/erp/bad', status => 400);


# ---- nobody looks

$q->send('erp') for 1 .. 3;
ok(wait_until(10, sub { $target->count >= 3 }), 'events are delivered');
is(written(), 0, 'nobody looks: no line is made');


# ---- lines

my $tail = look('/admin/v1/tail');

is($tail->{head}{status}, 200, 'a tail');
is($tail->{head}->header('Content-Type'), 'application/x-ndjson', 'lines');
is($tail->{head}->header('Transfer-Encoding'), 'chunked', 'without an end');
is($tail->{head}->header('Cache-Control'), 'no-store', 'that nobody keeps');
is($tail->{head}->header('Content-Length'), undef, 'of no length');

my $id = $q->send('erp', kind => 'bad');
my @lines = until_lines($tail, sub { grep { $_->{kind} eq 'delivery' } @_ });
my %line = map { $_->{kind} => $_ } @lines;

is($line{event}{id}, $id, 'the event');
is($line{event}{result}, 'queued', 'what became of it');
is($line{event}{routes}, 'to-erp', 'its routes');
is($line{event}{type}, 'erp', 'its type');
like($line{event}{event}, qr/^[0-9a-f]{16}$/, 'its number');
is($line{attempt}{target}, 'erp', 'the attempt');
is($line{attempt}{status}, 400, 'its status');
is($line{attempt}{event}, $line{event}{event}, 'of that event');
is($line{delivery}{result}, 'dead', 'the end of it');

# what event_log says of the same things, under its names

is($line{$_}{number}, $line{$_}{event}, "$_: its number once more"),
    is($line{$_}{outcome}, $line{$_}{result}, "$_: and its outcome"),
    is($line{$_}{routes}, 'to-erp', "$_: and its routes")
    for qw(event attempt delivery);
like($line{event}{ms}, qr/^\d+$/, 'how long the producer waited');
is($line{attempt}{verdict}, 'final', 'what the answer means');
is($line{delivery}{reason}, 'final', 'why it is dead');

$t->post('/shop', '{"id":1}', [ 'Content-Type' => 'application/json' ]);
@lines = until_lines($tail, sub { grep { $_->{kind} eq 'refusal' } @_ });
is($lines[-1]{source}, 'shop', 'a refusal');
is($lines[-1]{result}, 'refused', 'of which kind');
is($lines[-1]{status}, 401, 'its status');
is($lines[-1]{address}, '127.0.0.1', 'who it was');
is($lines[-1]{refused_by}, 'signature', 'which check it was');
is($lines[-1]{reason}, $lines[-1]{why}, 'in words');
like($lines[-1]{ms}, qr/^\d+$/, 'and how long it took');
is($lines[-1]{outcome}, 'refused', 'as event_log says');

my $trace = '0af7651916cd43dd8448eb211c80319c';

$t->post('/b', '{"id":"t1","type":"t"}', [ 'Content-Type' =>
    'application/json', traceparent => "00-$trace-b7ad6b7169203331-01" ]);
@lines = until_lines($tail, sub { grep { $_->{kind} eq 'attempt' } @_ });
%line = map { $_->{kind} => $_ } @lines;
is($line{$_}{trace}, $trace, "$_: its trace") for qw(event attempt);
like($line{attempt}{span}, qr/^[0-9a-f]{16}$/, 'the span of the attempt');

$t->post('/admin/v1/pause?target=crm', '', [ 'X-Event-Admin' => 1 ]);
@lines = until_lines($tail, sub { grep { $_->{kind} eq 'act' } @_ });
is($lines[-1]{act}, 'pause', 'an act');
is($lines[-1]{noun}, 'crm', 'on what');
is($lines[-1]{what}, 'deliveries to target "crm" are paused', 'in words');
is($lines[-1]{text}, $lines[-1]{what}, 'as event_log says');
is_deeply($lines[-1]{who}, { address => '127.0.0.1' }, 'who it was');
$t->post('/admin/resume?target=crm', '', [ 'X-Event-Admin' => 1 ]);
@lines = until_lines($tail, sub { grep { ($_->{act} // '') eq 'resume' } @_ });
is($lines[-1]{act}, 'resume', 'by an old path, too');
close $tail->{socket};

my $r = $t->get('/admin/v1/tail?for=1');

is($r->{status}, 200, 'for=1 ends by itself');
is_deeply([ $api->wrong(GET => '/tail', $r) ], [], 'as described');
is((split /\n/, $r->{body})[-1] =~ s/.*"kind"//r, ':"end"}', 'with "end"');


# ---- which lines

my %looks = map { $_ => look("/admin/v1/tail?$_") }
            qw(source=a target=erp type=x kind=act kind=attempt&target=crm
               type=nothing);

$q->send('erp');
$q->send('crm');
$t->post('/b', '{"id":"b1","type":"x"}',
    [ 'Content-Type' => 'application/json' ]);
$t->post('/admin/v1/probe?target=erp', '', [ 'X-Event-Admin' => 1 ]);

my %got = map { my $how = $_;
                $how => [ until_time($looks{$how}, 1.2) ] } keys %looks;

ok(!(grep { $_->{source} ne 'a' } @{ $got{'source=a'} }), 'of a source');
cmp_ok(scalar @{ $got{'source=a'} }, '>=', 4, 'all of it');
ok(!(grep { ($_->{target} // $_->{noun}) ne 'erp' } @{ $got{'target=erp'} }),
    'of a target');
is(scalar(grep { $_->{kind} eq 'attempt' } @{ $got{'target=erp'} }), 1,
    'its attempt');
is(join(' ', sort map { "$_->{kind}-$_->{id}" } @{ $got{'type=x'} }),
    'attempt-b1 event-b1', 'of a type');
is(join(' ', map { $_->{act} } @{ $got{'kind=act'} }), 'probe', 'of a kind');
is(join(' ', map { "$_->{kind} $_->{target}" }
    @{ $got{'kind=attempt&target=crm'} }), 'attempt crm attempt crm',
    'both must hold');
is(scalar @{ $got{'type=nothing'} }, 0, 'of what does not come');
close $_->{socket} for values %looks;

for my $args ('kind=x', 'for=0', 'for=86401', 'limit=1', 'event=1') {
    is($t->get("/admin/v1/tail?$args")->{status}, 400, "wrong: $args");
}

is($t->get('/tok/v1/tail?for=1')->{status}, 403, 'without a token');
is($t->get('/tok/v1/tail?for=1',
    [ Authorization => "Bearer $secret" ])->{status}, 200, 'with one');
is($t->post('/admin/v1/tail', '')->{status}, 405, 'no POST');

my $head = $t->request(HEAD => '/admin/v1/tail');

is($head->{status}, 200, 'HEAD');
is($head->{body}, '', 'has no body');


# ---- HTTP/1.0 and 2

my $old = look('/admin/v1/tail?for=1', version => '1.0');

is($old->{head}->header('Transfer-Encoding'), undef, 'HTTP/1.0 has no chunks');
$q->send('erp');
ok((grep { $_->{kind} eq 'event' } until_end($old)), 'but the lines');

my $h2;

if (my $pid = open my $f, '-|') {
    sleep 0.5;
    $q->send('crm');
    local $/;
    $h2 = <$f>;
    close $f;

} else {
    print STDOUT $t->h2(GET => '/admin/v1/tail?for=2', [], undef,
        port => 8082)->{body};
    POSIX::_exit(0) if STDOUT->flush || 1;
}

ok((grep { $_->{kind} eq 'attempt' } lines($h2)), 'HTTP/2');
like($h2, qr/"kind":"end"\}\n\z/, 'with its end');


# ---- clients that are slow

my $slow = look('/admin/v1/tail?kind=event', port => 8083, rcvbuf => 4096);
my $c = $t->connect;

for my $n (1 .. 1600) {
    $c->send(POST => '/b', [ 'Content-Type' => 'application/json' ],
        qq({"id":"s$n","type":"t"}));

    next if $n % 50;
    $c->response for 1 .. 50;

    next if $n % 500;
    $c->close;
    $c = $t->connect;
}

$c->close;
ok(wait_until(5, sub { $t->get('/status')->{status} == 200 }),
    'nobody waits for one that does not read');

setsockopt $slow->{socket}, SOL_SOCKET, SO_RCVBUF, 1 << 20;
@lines = until_lines($slow, sub { grep { ($_->{id} // '') eq 's1600' } @_ });
my @skipped = grep { $_->{kind} eq 'skipped' } @lines;

ok(@skipped > 0, 'it is told that it has missed lines');
cmp_ok($skipped[0]{lines} // 0, '>', 100, 'how many');
is($lines[-1]{id}, 's1600', 'and goes on');
is(scalar(grep { $_->{kind} eq 'event' } @lines)
    - keys %{ { map { $_->{id} => 1 } grep { $_->{id} } @lines } }, 0,
    'no line came twice');
close $slow->{socket};


# ---- a flood: what is rare is seen all the same, and nobody makes lines that
# nobody can read

my $all = look('/admin/v1/tail?kind=refusal');
my $rare = look('/admin/v1/tail?kind=act');
my $flood = fork // die "fork: $!\n";

if ($flood == 0) {
    my $end = time + 3;
    my $bad = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
        . "\r\nContent-Length: 1\r\n\r\n{";

    while (time < $end) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $t->port(8080)) or next;

        syswrite $s, $bad x 500;

        my $said = '';

        while (($said =~ tr/\n// < 4000) && sysread $s, my $more, 65536) {
            $said .= $more;
        }

        # several times what a reader may have, and less than the ring holds
        # while a busy machine lets a worker stand still

        sleep 0.1;
    }

    POSIX::_exit(0);
}

for my $n (1 .. 6) {
    sleep 0.4;
    $q->change($n % 2 ? 'pause' : 'resume', target => 'erp');
}

waitpid $flood, 0;

my @acts = until_lines($rare, sub { (grep { $_->{kind} eq 'act' } @_) >= 6 });

is(scalar(grep { $_->{kind} eq 'act' } @acts), 6,
    'none of what is rare is missed');
is(scalar(grep { $_->{kind} eq 'skipped' } @acts), 0, 'and nothing skipped');

my @told = until_lines($all, sub { grep { $_->{kind} eq 'skipped' } @_ });

ok((grep { $_->{kind} eq 'skipped' } @told), 'of the flood lines are missed');
ok((grep { $_->{kind} eq 'refusal' } @told), 'and others are told');
close $_->{socket} for $all, $rare;


# ---- clients that go, and that are too many

for (1 .. 40) {
    my $s = look('/admin/v1/tail');

    close $s->{socket};
}

ok(wait_until(5, sub { my $s = look('/admin/v1/tail?for=1');
                       $s->{head}{status} == 200 }), 'places are given back');
sleep 1.5;

my @many = map { look('/admin/v1/tail') } 1 .. 17;
my @full = grep { $_->{head}{status} == 503 } @many;

ok(@full > 0, 'eight a worker');
is($full[0]{head}->header('Retry-After'), 5, 'come again') if @full;
is(scalar(grep { $_->{head}{status} !~ /^(?:200|503)$/ } @many), 0,
    'nothing else');
close $_->{socket} for @many;


# ---- a worker dies, and all exit

my %of = map { $_ => [] } $t->workers;

for (1 .. 40) {
    my $tail = look('/admin/v1/tail');

    push @{ $of{server_of($tail)} }, $tail;
    last if !grep { !@$_ } values %of;
}

my ($killed, $other) = sort keys %of;
my @both = map { @$_ } values %of;

is(scalar(grep { !@$_ } values %of), 0, 'each worker has one');
$t->kill_worker($killed);
ok(wait_until(10, sub { !grep { more($_, 0.1) } @{ $of{$killed} } }),
    'those of the one that died end');
$q->send('erp');
is(scalar(grep { !until_time($_, 1) } @{ $of{$other} }), 0,
    'those of the other worker go on');
close $_->{socket} for @both;

my $exits = look('/admin/v1/tail');

ok($t->reload, 'reload');
@lines = until_end($exits);
is($lines[-1]{kind}, 'end', 'a worker that exits says so');
ok($exits->{complete}, 'and ends the answer as it should');
ok($t->wait_old_workers, 'and exits');


# ---- nobody looks any more

ok(wait_until(10, sub { my $n = written(); $q->send('crm'); sleep 0.3;
                        $n == written() }), 'no line is made any more');

unlike($t->get('/admin/v1/tail?for=1')->{body}, qr/canary/, 'no secret');

$t->done;


# ---- helpers

# lines that were made

sub written {
    return scalar grep { /event router tail: a line/ } $t->log_lines;
}


# options: port, version, rcvbuf

sub look {
    my ($uri, %o) = @_;

    socket(my $s, Socket::PF_INET(), Socket::SOCK_STREAM(), 0) or die;
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, $o{rcvbuf} if $o{rcvbuf};
    connect($s, pack_sockaddr_in($t->port($o{port} // 8080),
        inet_aton('127.0.0.1'))) or die "connect: $!\n";

    my $text = "GET $uri HTTP/" . ($o{version} // '1.1')
               . "\r\nHost: localhost\r\n\r\n";

    syswrite $s, $text;

    my $self = { socket => $s, raw => '', text => '' };

    wait_until(10, sub { more($self, 0.1); $self->{raw} =~ /\r\n\r\n/ });

    $self->{raw} =~ s/\A(.*?\r\n\r\n)//s;
    $self->{head} = Test::EventRouter::Response->parse($1 // '');
    $self->{chunked} = ($self->{head}->header('Transfer-Encoding') // '')
                       eq 'chunked';

    return $self;
}


# the worker that has it: each says that it writes its first bytes

sub server_of {
    my ($self) = @_;

    my $port = (unpack_sockaddr_in(getsockname $self->{socket}))[0];
    my $pid;

    wait_until(10, sub {
        ($pid) = map { /(\d+)#\d+: \*\d+ accept: 127\.0\.0\.1:$port fd/ }
                 $t->log_lines;
    });

    return $pid;
}


# false: the connection has ended

sub more {
    my ($self, $time) = @_;

    return 1 if !IO::Select->new($self->{socket})->can_read($time);

    my $n = sysread $self->{socket}, $self->{raw}, 65536, length $self->{raw};

    return $n;
}


# the lines that are complete so far

sub taken {
    my ($self) = @_;

    if ($self->{chunked}) {
        while ($self->{raw} =~ /\A([0-9a-f]+)\r\n/) {
            my ($len, $head) = (hex $1, length $1);

            last if length $self->{raw} < $head + 2 + $len + 2;
            $self->{text} .= substr $self->{raw}, $head + 2, $len;
            substr $self->{raw}, 0, $head + 2 + $len + 2, '';
            $self->{complete} = 1 if $len == 0;
        }

    } else {
        $self->{text} .= $self->{raw};
        $self->{raw} = '';
    }

    return () if $self->{text} !~ s/\A(.*\n)//s;

    return lines($1);
}


sub lines {
    return map { JSON::PP->new->utf8->decode($_) } grep { length }
           split /\n/, $_[0];
}


sub until_lines {
    my ($self, $enough) = @_;

    my @lines;

    wait_until(15, sub { my $open = more($self, 0.1);
                         push @lines, taken($self);
                         $enough->(@lines) || !$open });

    return grep { ($_->{kind} // '') ne 'alive' } @lines;
}


sub until_time {
    my ($self, $time) = @_;

    my $end = time + $time;
    my @lines;

    while (time < $end) {
        my $open = more($self, 0.1);

        push @lines, taken($self);
        last if !$open;
    }

    return grep { $_->{kind} ne 'alive' } @lines;
}


sub until_end {
    my ($self) = @_;

    my @lines;

    wait_until(15, sub { my $open = more($self, 0.1);
                         push @lines, taken($self);
                         !$open || $self->{complete} });

    return grep { $_->{kind} ne 'alive' } @lines;
}
