#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The verdict is the status line: a target that said 200 has the event, and one
# that said 400 does not want it, whatever becomes of the bytes behind it.  In
# both modes, for targets that speak HTTP/1.0 or 1.1, with and without
# buffering; and no rest of an answer is ever taken for the next one.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Raw;

my $t = Test::EventRouter->new;

my $evil = "HTTP/1.1 500 Smuggled\r\nContent-Length: 4\r\n\r\nevil";
my $serial = 0;


# ---- what targets say; %s is the status line

my %says = (
    plain     => [ "%s\r\nContent-Length: 2\r\n\r\nok", 'keep' ],
    empty     => [ "%s\r\nContent-Length: 0\r\n\r\n", 'keep' ],
    short     => [ "%s\r\nContent-Length: 100\r\n\r\nshort" ],
    none      => [ "%s\r\nContent-Length: 100\r\n\r\n" ],
    reset     => [ "%s\r\nContent-Length: 100\r\n\r\n", \0.02, 'reset' ],
    hang      => [ "%s\r\nContent-Length: 100\r\n\r\nshort", 'hang' ],
    long      => [ "%s\r\nContent-Length: 2\r\n\r\nok$evil", 'keep' ],
    later     => [ "%s\r\nContent-Length: 2\r\n\r\nok", \0.1, $evil, 'keep' ],
    drip      => [ "%s\r\nContent-Length: 400\r\n\r\n",
                   (map { ($_, \0.2) } split //, $evil), 'keep' ],
    endless   => [ "%s\r\nContent-Length: 10000000\r\n\r\n",
                   (('x' x 10_000, \0.01) x 100), 'keep' ],
    unending  => [ "%s\r\n\r\n", (('x', \0.1) x 40) ],
    chunk     => [ "%s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc" ],
    nochunk   => [ "%s\r\nTransfer-Encoding: chunked\r\n\r\n" ],
    badchunk  => [ "%s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
                   'keep' ],
    lastchunk => [ "%s\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
                   'hang' ],
    gzip      => [ "%s\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n"
                   . "\x1f\x8b\x08garb-x", 'keep' ],
    bighdr    => [ "%s\r\nSet-Cookie: " . 'a' x 5000
                   . "\r\nContent-Length: 2\r\n\r\nok" ],
    hugehdr   => [ "%s\r\nSet-Cookie: " . 'a' x 100_000
                   . "\r\nContent-Length: 2\r\n\r\nok" ],
    cuthdr    => [ "%s\r\nContent-Le" ],
    slowhdr   => [ "%s\r\nContent-Length: 2\r\n", 'hang' ],
    continue  => [ "HTTP/1.1 100 Continue\r\n\r\n%s\r\nContent-Length: 2\r\n"
                   . "\r\nok", 'keep' ],
    twice     => [ "HTTP/1.1 100 Continue\r\n\r\n", \0.02,
                   "HTTP/1.1 102 Processing\r\n", \0.02, "\r\n%s\r", \0.02,
                   "\nContent-Length: 2\r\n\r\nok", 'keep' ],
    hints     => [ "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", \0.02,
                   "%s\r\nContent-Length: 2\r\n\r\nok", 'keep' ],
);

# nothing of these is a status line

my %silent = (
    half      => [ "HTTP/1.1 20" ],
    garbage   => [ "SSH-2.0-OpenSSH_9.2\r\n" ],
    only100   => [ "HTTP/1.1 100 Continue\r\n\r\n" ],
    hang100   => [ "HTTP/1.1 100 Continue\r\n\r\n", 'hang' ],
    bad100    => [ "HTTP/1.1 100 Continue\r\n\r\nnot HTTP\r\n\r\n", 'hang' ],
    flood100  => [ "HTTP/1.1 100 Continue\r\n\r\n" x 10_000 ],
    nothing   => [ 'hang' ],
);

my %line = (
    200 => 'HTTP/1.1 200 OK', 400 => 'HTTP/1.1 400 No', 500 => 'HTTP/1.1 500',
    201 => 'HTTP/1.0 201 Created',
);

my %raw;

for my $status (keys %line) {
    for my $name (keys %says) {
        $raw{"/$status/$name"}
            = [ map { s/%s/$line{$status}/r } @{ $says{$name} } ];
    }
}

$raw{"/0/$_"} = $silent{$_} for keys %silent;
$raw{'/late'} = [ "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n",
    (('y' x 10_000, \0.15) x 3), 'keep' ];
$raw{'/own'} = [ "HTTP/1.1 410 Own\r\nContent-Length: 3\r\n\r\nown", 'keep' ];

my $server = Test::EventRouter::Raw->new($t->port(8081), \%raw);

$t->own($server);


# ---- configuration: a target for each way to read an answer

my %ways = (
    one      => 'proxy_http_version 1.1; proxy_set_header Connection "";',
    zero     => 'proxy_http_version 1.0;',
    straight => 'proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_buffering off;',
    curt     => 'proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_read_timeout 500ms; gzip on;',
);

my ($blocks, $locations) = ('', '');

for my $way (sort keys %ways) {
    for my $mode (qw(sync queued)) {
        $blocks .= "
    event_target $mode-$way {
        retry for=30s base=200ms max=200ms; breaker off; concurrency 8;
    }
    event_route $mode-$way { from $mode; when data.way = $way;
                             to $mode-$way; }\n";

        $locations .= "
        location = /deliver/$mode-$way {
            event_deliver $mode-$way;
            proxy_pass http://raw\$path;
            $ways{$way}
        }\n";
    }
}

$t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;
    event_set \$path data.path;

    upstream raw { server 127.0.0.1:%%PORT_8081%% max_fails=0; keepalive 4; }

    proxy_connect_timeout 1s;
    proxy_read_timeout 1500ms;
    proxy_buffer_size 4k;

    event_source sync   { verify off; id "{json:id}"; deadline 3s; }
    event_source queued { verify off; id "{json:id}"; delivery queued; }

    $blocks

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /sync   { event_receive sync; }
        location = /queued { event_receive queued; }
        location = /status { event_status; }
        location /admin/   { event_admin; }
        $locations
    }
}
EOC

$t->run;


# ---- helpers

sub event {
    my ($way, $path) = @_;

    return JSON::PP->new->canonical->encode(
        { id => 'v' . ++$serial, way => $way, path => $path });
}


sub post {
    my ($uri, $body) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json' ]);
}


sub calls {
    my ($path) = @_;

    return scalar grep { $_->[1] eq $path } $server->requests;
}


sub list {
    my ($which) = @_;

    return @{ $t->get("/admin/$which?limit=1000")->json->{entries} };
}


# ---- at once

# what the producer is told, and after how long

sub sync {
    my ($way, $path) = @_;

    my $body = event($way, $path);
    my $start = time;
    my $r = post('/sync', $body);
    my $json = $r->json // {};

    return ("$r->{status} " . join(' ',
        map { "$_->{state}:$_->{status}" } @{ $json->{targets} // [] }),
        time - $start, $body);
}


# what is judged, of what a target of this way said

sub judge {
    my ($path, $fate) = @_;

    my ($status) = $path =~ m{^/(\d+)/};

    return $fate =~ ($status =~ /^2/ ? qr/^200 ok:$status$/
        : $status ? qr/^502 failed:$status$/ : qr/^502 failed:50[24]$/);
}


for my $way (sort keys %ways) {
    my (@wrong, @slow, @doubled);
    my @paths = sort grep { m{^/(?:200|400|0)/} } keys %raw;

    # one after the other: what comes next on a connection that may be kept

    for my $path (grep { m{^/200/} } @paths) {
        my $before = calls($path);
        my ($fate, $took, $body) = sync($way, $path);

        push @wrong, "$path: $fate" if !judge($path, $fate);
        push @slow, sprintf '%s: %.2f', $path, $took
            if $took > 0.7 && $path !~ /slowhdr/;

        my $r = post('/sync', $body);

        push @wrong, "$path again: $r->{status}" if $r->{status} != 200;

        # nginx must have seen what nobody asked for

        sleep 0.15 if $path =~ /later/;

        ($fate) = sync($way, '/own');
        push @wrong, "after $path: $fate" if $fate ne '502 failed:410';
        push @doubled, $path if calls($path) != $before + 1;
    }

    is_deeply(\@slow, [], "sync, $way: a 2xx is not waited for");

    # all at once, for nothing is as slow as what hangs; but what comes later
    # goes alone, for another event may have taken its connection meanwhile

    my %sent;

    for my $path (grep { !m{^/200/} } @paths) {
        next if $path =~ /later/;

        $sent{$path} = $t->connect;
        $sent{$path}->send(POST => '/sync',
            [ 'Content-Type' => 'application/json' ], event($way, $path));
    }

    for my $path (sort keys %sent) {
        my $r = $sent{$path}->response;
        my $fate = "$r->{status} " . join ' ', map { "$_->{state}:$_->{status}" }
            @{ ($r->json // {})->{targets} // [] };

        push @wrong, "$path: $fate" if !judge($path, $fate);
    }

    my ($fate) = sync($way, '/400/later');

    push @wrong, "/400/later: $fate" if !judge('/400/later', $fate);
    sleep 0.15;

    is_deeply(\@wrong, [], "sync, $way: the status line decides");
    is_deeply(\@doubled, [], "sync, $way: each called once");
}


# ---- a connection survives a body that takes a while, and no more than that

my ($fate, $took) = sync('one', '/late');
is($fate, '200 ok:200', 'a body that comes in pieces');
cmp_ok($took, '<', 0.3, 'is not waited for');

my ($late) = map { $_->[0] } reverse $server->requests;

sleep 0.6;
sync('one', '/own');
is((map { $_->[0] } reverse $server->requests)[0], $late,
    'and its connection is used again');

# ---- out of the queue

# what comes later is what the next one is answered: that is left out

my %id;
my %before = map { ($_ => calls($_)) } keys %raw;

for my $way (sort keys %ways) {
    for my $path (sort grep { !/later/ } keys %raw) {
        post('/queued', event($way, $path));
        $id{"v$serial"} = [ $way, $path ];
    }
}

ok(wait_until(20, sub {
    my @left = list('pending');

    return !grep { $id{$_->{id}}[1] !~ m{^/(500|0)/} } @left;
}), 'queued: all that are taken or final are at an end')
    or diag(map { "@{ $id{$_->{id}} }\n" } list('pending'));

my %dead = map { ($_->{id} => $_) } list('dead');
my (@lost, @answers);

for my $id (sort keys %id) {
    my ($way, $path) = @{ $id{$id} };
    my $dead = $dead{$id};

    if ($path =~ m{^/400/|^/own}) {
        push @lost, "$way $path" if !$dead || $dead->{reason} ne 'final';

        push @answers, "$way $path: $dead->{answer}"
            if $dead && ($dead->{answer} // '') =~ /HTTP|evil/
               && $path !~ m{/(?:drip|long|later)$};

    } elsif ($dead) {
        push @lost, "$way $path: $dead->{reason} $dead->{status}";
    }
}

is_deeply(\@lost, [], 'queued: 400 is final, the others are no dead letters');
is_deeply(\@answers, [], 'queued: what a dead letter says is the body');

my @called = grep {
    m{^/(?:200|201|400)/|^/late} && !/later/ && calls($_) - $before{$_} != keys %ways
} sort keys %raw;

is_deeply(\@called, [], 'queued: each called once');

my @tried = grep { m{^/(?:500|0)/} && !/later/ && calls($_) - $before{$_} <= keys %ways }
    sort keys %raw;

is_deeply(\@tried, [], 'queued: the others are tried again');


$t->done;
