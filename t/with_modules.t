#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The module among nginx's own: what stands beside event_deliver and
# event_receive in their locations.  Each case runs in both modes, delivered
# at once and out of the queue: nothing is lost, called twice or told wrongly.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $backup = $t->target(8082);

my $serial = 0;


# ---- servers of other protocols, one request a connection

package Server;

sub new {
    my ($class, $port, $code) = @_;

    my $listen = IO::Socket::INET->new(Proto => 'tcp', Listen => 16,
        ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $port)
        or die "cannot listen on $port: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{PIPE} = 'IGNORE';

        while (1) {
            my $c = $listen->accept or next;

            binmode $c;
            $c->autoflush;
            $code->($c);
            close $c;
        }
    }

    return bless { pid => $pid }, $class;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', $pid;
    waitpid $pid, 0;
}


# what they got is told to the target, by its path

sub tell {
    my ($port, $what, $body) = @_;

    my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or return;

    print $c "POST /$what HTTP/1.0\r\nContent-Length: ", length $body,
        "\r\n\r\n$body";
    () = <$c>;
}


sub bytes {
    my ($c, $n) = @_;

    read $c, my $bytes, $n or return '';

    return $bytes;
}


package main;

my $port = $t->port(8081);

$t->own(Server->new($t->port(8091), sub {
    my ($c) = @_;

    my $length = '';

    while (($length =~ tr/://) == 0) {
        $length .= Server::bytes($c, 1);
    }

    my %param = split /\0/, Server::bytes($c, $length =~ s/://r);

    Server::bytes($c, 1);
    Server::tell($port, 'scgi', Server::bytes($c, $param{CONTENT_LENGTH}));
    print $c "Status: 201 Created\r\n\r\nok";
}));

$t->own(Server->new($t->port(8092), sub {
    my ($c) = @_;

    my ($type, $body) = (0, '');

    while (1) {
        (undef, $type, my $id, my $n, my $pad)
            = unpack 'CCnnC', Server::bytes($c, 8);
        my $bytes = Server::bytes($c, $n + $pad);

        next if $type != 5;
        last if $n == 0;

        $body .= substr $bytes, 0, $n;
    }

    Server::tell($port, 'fastcgi', $body);

    my $answer = "Status: 202 Accepted\r\n\r\nok";

    print $c map { pack('CCnnn', 1, $_->[0], 1, length $_->[1], 0) . $_->[1] }
        [ 6, $answer ], [ 6, '' ], [ 3, "\0" x 8 ];
}));


# ---- locations of targets

# name => [ lines, what becomes of the delivery, how often a target is called ]

my %deliver = (

    # upstreams

    zone => [ 'proxy_pass http://zone/zone;', 'ok:200', 1 ],
    'all-down' => [ 'proxy_pass http://down;', 'failed:502', 0 ],
    hash => [ 'proxy_pass http://hash/hash;', 'ok:200', 1 ],
    'ip-hash' => [ 'proxy_pass http://ip-hash/ip-hash;', 'ok:200', 1 ],
    many => [ 'proxy_pass http://many/many;', 'ok:200', 1 ],
    unix => [ 'proxy_pass http://unix:%%TESTDIR%%/unix.sock:/unix;',
              'ok:200', 1 ],
    variable => [ 'set $up 127.0.0.1:%%PORT_8081%%; proxy_pass http://$up/v;',
                  'ok:200', 1 ],
    unresolved => [ 'resolver 127.0.0.1:9 ipv6=off; resolver_timeout 200ms;
                    set $up none.example; proxy_pass http://$up/v;',
                    'failed:502', 0 ],
    nowhere => [ 'set $up ""; proxy_pass http://$up;', 'failed:500', 0 ],

    # a request that nobody made

    host => [ 'proxy_set_header Host $host;
              proxy_set_header X-Scheme $scheme;
              proxy_set_header X-Http-Host "<$http_host>";
              proxy_pass http://target/host;', 'ok:200', 1 ],

    # other protocols

    scgi => [ 'scgi_pass 127.0.0.1:%%PORT_8091%%;
              scgi_param REQUEST_METHOD $request_method;
              scgi_param CONTENT_LENGTH $content_length;', 'ok:201', 1 ],
    fastcgi => [ 'fastcgi_pass 127.0.0.1:%%PORT_8092%%;
                 fastcgi_param REQUEST_METHOD $request_method;
                 fastcgi_param CONTENT_LENGTH $content_length;', 'ok:202', 1 ],
    grpc => [ 'grpc_pass 127.0.0.1:%%PORT_8083%%;', 'ok:200', 1 ],
    memcached => [ 'set $memcached_key k; memcached_pass 127.0.0.1:1;',
                   'failed:405', 0 ],

    # buffers

    unbuffered => [ 'proxy_pass http://target/big; proxy_buffering off;',
                    'ok:200', 1 ],
    streamed => [ 'proxy_pass http://target/s; proxy_request_buffering off;',
                  'ok:200', 1 ],
    small => [ 'proxy_pass http://target/big; proxy_max_temp_file_size 8k;
               proxy_buffer_size 4k; proxy_buffers 3 4k;
               proxy_temp_file_write_size 8k; proxy_busy_buffers_size 8k;
               proxy_limit_rate 1k; limit_rate 1k;', 'ok:200', 1 ],
    header => [ 'proxy_pass http://target/header; proxy_buffer_size 1k;',
                'ok:200', 1 ],
    body => [ 'proxy_pass http://target/body;
              proxy_set_body "{\"id\":\"$event_id\"}";', 'ok:200', 1 ],

    # caches: none answers for a target

    cached => [ 'proxy_pass http://target/c; proxy_cache_key public;',
                'ok:200', 1, 'GET' ],
    'cached-if' => [ 'if ($request_method = GET) { proxy_pass http://target; }
                     proxy_cache_key public;', 'failed:502', 0, 'GET' ],
    'cached-on' => [ 'rewrite ^ /cached last;', 'failed:502', 0, 'GET' ],
    'cached-bad' => [ 'proxy_pass http://target/bad; proxy_cache_key public;
                      proxy_cache_use_stale http_500;', 'failed:500', 1,
                      'GET' ],
    stored => [ 'proxy_pass http://target/st;
                proxy_store %%TESTDIR%%/html/stored;', 'ok:200', 1 ],

    # what is for clients is not for deliveries

    denied => [ 'deny all; proxy_pass http://target/d;', 'ok:200', 1 ],
    'auth-request' => [ 'auth_request /denied; proxy_pass http://target/d;',
                        'ok:200', 1 ],
    mirrored => [ 'mirror /mirrored; proxy_pass http://target/m;',
                  'ok:200', 1 ],
    'error-page' => [ 'error_page 500 = @named; proxy_intercept_errors on;
                      proxy_pass http://target/bad;', 'failed:500', 1 ],
    changed => [ 'add_before_body /denied; add_after_body /mirrored; ssi on;
                 addition_types *; ssi_types *; gzip on; gzip_types *;
                 sub_filter o 0; sub_filter_types *; charset utf-8;
                 add_header X y always; expires 1h; slice 1k;
                 proxy_pass http://target/ssi;', 'ok:200', 1 ],

    # rewrites

    break => [ 'rewrite ^ /rewritten/$event_id? break;
               proxy_pass http://target;', 'ok:200', 1 ],
    named => [ 'try_files /none @named;', 'ok:200', 1 ],
    'if-return' => [ 'if ($event_type = if-return) { return 204; }
                     proxy_pass http://target;', 'ok:204', 0 ],
    cycle => [ 'rewrite ^ /deliver/cycle last;', 'failed:500', 0 ],
    received => [ 'rewrite ^ /a last;', 'failed:404', 0 ],

    # files

    file => [ 'alias %%TESTDIR%%/html/file;', 'ok:200', 0, 'GET' ],
    threads => [ 'alias %%TESTDIR%%/html/file; aio threads;
                 output_buffers 2 4k;', 'ok:200', 0, 'GET' ],
);

my @names = sort keys %deliver;
my ($targets, $routes, $locations) = ('', '', '');

for my $name (@names) {
    my ($lines, undef, undef, $method) = @{ $deliver{$name} };

    $targets .= "event_target $name { retry off; method "
        . ($method // 'POST') . "; }\n";
    $routes .= "event_route $name { from *; when type = $name; to $name; }\n";
    $locations .= "location = /deliver/$name { event_deliver $name; $lines }\n";
}


# ---- locations of sources

my %receive = (
    basic => 'auth_basic x; auth_basic_user_file %%TESTDIR%%/users;',
    any => 'satisfy any; deny all;
            auth_basic x; auth_basic_user_file %%TESTDIR%%/users;',
    asks => 'auth_request /asked;',
    refused => 'auth_request /denied;',
    'asks-itself' => 'auth_request /a;',
    'limit-except' => 'limit_except GET { deny all; }',
    tiny => 'client_body_buffer_size 1; client_max_body_size 1;
             client_body_in_file_only on;',
    lingering => 'lingering_close always; lingering_timeout 100ms;
                  reset_timedout_connection on; keepalive_timeout 0;',
    page => 'error_page 400 401 403 405 413 502 503 =200 /denied;',
    after => 'post_action /posted;',
    changed => 'add_before_body /fine; add_after_body /a; addition_types *;
                sub_filter delivered sent; sub_filter_types *;
                gzip on; gzip_types *; gzip_min_length 1; ssi on;
                ssi_types *; add_header X-Id $event_id always; slice 1k;
                limit_rate 100k;',
    mirrors => 'mirror /mirrored; mirror /a; client_body_buffer_size 1m;',
    'mirrors-files' => 'mirror /mirrored; client_body_buffer_size 1k;',
);

my $server = '';

for my $name (sort keys %receive) {
    $server .= "location = /$_->[0]$name { event_receive $_->[1];"
        . " $receive{$name} }\n" for [ '', 'a' ], [ 'queued-', 'q' ];
}

my @variables = qw(binary_remote_addr body_bytes_sent bytes_sent connection
    connection_requests connection_time content_length content_type cookie_x
    document_root host http_cookie http_host http_user_agent
    http_x_forwarded_for is_args limit_conn_status limit_rate
    limit_req_status msec pipe proxy_add_x_forwarded_for proxy_host
    proxy_port proxy_protocol_addr query_string realip_remote_addr
    realip_remote_port realpath_root remote_addr remote_port remote_user
    request request_body request_body_file request_completion
    request_filename request_id request_length request_time request_uri
    scheme sent_http_content_type sent_trailer_x server_addr server_name
    server_port server_protocol ssl_cipher ssl_client_s_dn ssl_protocol
    status tcpinfo_rtt upstream_addr upstream_bytes_sent
    upstream_cache_status upstream_connect_time upstream_response_time
    upstream_status uri event_id event_type event_source event_subject
    event_time event_routes event_target event_attempt event_verify
    event_dedup event_status);

my $format = join ' ', map { "$_=\$$_" } @variables;

$t->write_file('users', "user:{PLAIN}word\n");
$t->write_file('html/file', 'x' x 1_000_000);
$t->write_file('html/include.html', '[<!--#include virtual="/a" -->]');

$t->config(<<"EOC");

%%GLOBALS%%

thread_pool default threads=2;

http {
    %%GLOBALS_HTTP%%

    log_format all escape=none 'log \$uri \$status \$event_target $format';
    log_subrequest on;
    access_log %%TESTDIR%%/logs/all.log all;

    event_store file:%%TESTDIR%%/store size=16m;

    # as it may stand in a nginx.conf that has other tasks as well

    proxy_cache_path %%TESTDIR%%/cache keys_zone=cache:1m;
    proxy_cache cache;
    proxy_cache_valid any 1m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
    proxy_connect_timeout 1s;
    proxy_read_timeout 3s;
    proxy_send_timeout 3s;

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 4; }
    upstream down   { server 127.0.0.1:%%PORT_8081%% down; }

    upstream zone {
        zone zone 64k;
        least_conn;
        server 127.0.0.1:%%PORT_8081%% max_conns=10;
        server 127.0.0.1:%%PORT_8082%% backup;
        keepalive 2;
    }

    upstream hash {
        hash \$event_id consistent;
        server 127.0.0.1:%%PORT_8081%%;
        server 127.0.0.1:%%PORT_8082%%;
    }

    upstream ip-hash {
        ip_hash;
        server 127.0.0.1:%%PORT_8081%%;
        server 127.0.0.1:%%PORT_8082%%;
    }

    upstream many {
        server 127.0.0.1:%%PORT_8088%%;
        server 127.0.0.1:%%PORT_8089%%;
        server 127.0.0.1:%%PORT_8081%% backup;
    }

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        max_size 100k;
        deadline 9s;
    }

    event_source q {
        verify off;
        id "{json:id}";
        type "{json:type}";
        max_size 100k;
        delivery queued;
    }

    $targets
    $routes

    event_target plain { retry off; }
    event_route plain { from *; when type = plain; to plain; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name hooks.example other.example;

        location = /a      { event_receive a; }
        location = /q      { event_receive q; }
        location = /status { event_status; }

        location = /asked {
            proxy_pass http://target/asked;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location = /denied   { return 403; }
        location = /fine     { return 200 fine; }
        location = /mirrored { proxy_pass http://target/mirrored; }
        location = /public   { proxy_pass http://target/public;
                               proxy_cache_key public; }
        location = /cached   { proxy_pass http://target/cached;
                               proxy_cache_key public; }
        location = /posted   { proxy_pass http://target/posted\$event_status; }
        location \@named      { proxy_pass http://target; }

        location = /deliver/plain {
            event_deliver plain;
            proxy_pass http://target/plain;
        }

        # ways to a source

        location = /rewritten   { rewrite ^ /a last; }
        location = /tried       { try_files /none \@a; }
        location = /paged       { error_page 404 = \@a; return 404; }
        location = /accelerated { proxy_pass http://target/accelerated; }
        location \@a             { event_receive a; }
        location = /include     { ssi on; rewrite ^ /include.html break; }

        $locations
        $server
    }

    server {
        listen unix:%%TESTDIR%%/unix.sock;
        listen 127.0.0.1:%%PORT_8083%% http2;
        location / { proxy_pass http://target; }
    }
}
EOC

$target->answer('/big', size => 1_000_000);
$target->answer('/header', headers => [ 'X-Big' => 'x' x 5000 ]);
$target->answer('/bad', status => 500);
$target->answer('/ssi', body => '<!--#include virtual="/mirrored" -->ok');
$target->answer('/accelerated', headers => [ 'X-Accel-Redirect' => '@a' ]);

chmod 0755, $t->dir;
$t->run;


# ---- helpers

sub event {
    my ($type, %o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'm' . ++$serial, type => $type, %o });
}


sub post {
    my ($uri, $body, @headers) = @_;

    return $t->post($uri, $body,
        [ 'Content-Type' => 'application/json', @headers ]);
}


sub calls { return $target->count + $backup->count }


# what the counters of a target come to when all n attempts were made

sub attempts {
    my ($name, $n) = @_;

    return wait_until(5, sub {
        my $status = $t->get('/status')->json;
        my $c = $status->{targets}{$name};

        return $c->{ok} + $c->{failed} + $c->{cut} >= $n
               && $status->{queue}{targets}{$name}{in_flight} == 0
               && "ok=$c->{ok} failed=$c->{failed} cut=$c->{cut}";
    });
}


# ---- deliveries

is($t->get('/public')->{status}, 200, 'a client fills the cache');
is($t->get('/public')->{status}, 200, 'a client gets it from there');
is($target->count, 1, 'and the target is asked once');

for my $name (@names) {
    my (undef, $fate, $called) = @{ $deliver{$name} };

    my $before = calls();
    my $r = post('/a', event($name, fill => 'x' x 20_000));
    my $json = $r->json // {};

    is(join(' ', $r->{status},
            map { "$_->{state}:$_->{status}" } @{ $json->{targets} // [] }),
        ($fate =~ /ok/ ? 200 : 502) . " $fate", "$name: at once");
    is(calls() - $before, $called, "$name: calls");

    $before = calls();
    is(post('/q', event($name))->{status}, 202, "$name: queued");
    is(attempts($name, 2),
        $fate =~ /ok/ ? 'ok=2 failed=0 cut=0' : 'ok=0 failed=2 cut=0',
        "$name: out of the queue");
    is(calls() - $before, $called, "$name: calls out of the queue");
}

is(scalar $target->requests(uri => '/mirrored'), 0, 'nothing was mirrored');
ok(!-e $t->dir . '/html/stored', 'nothing was stored');
is(join(' ', map { scalar $target->requests(uri => $_) } '/scgi', '/fastcgi'),
    '2 2', 'bodies for SCGI and FastCGI');
is(length(($target->requests(uri => '/fastcgi'))[0]{body}),
    length event('fastcgi', fill => 'x' x 20_000), 'a whole one');
is(join(' ', map { my $r = $_; map { $r->header($_) // '-' }
                   qw(Host X-Scheme X-Http-Host) }
             $target->requests(uri => '/host')),
    join(' ', ('hooks.example http <hooks.example>') x 2), 'what a delivery seems to be');
is(scalar(grep { ($_->header('X-Forwarded-For') // '') ne 'unix:' }
          $target->requests(uri => '/zone')), 0, 'the address of a delivery');
ok($t->wait_log(qr/a cache answered instead of the target/),
    'an answer out of a cache is logged');
ok($t->wait_file('logs/all.log',
        qr{^log /deliver/zone 200 zone .* event_attempt=1 .*status=200$}m),
    'all variables in a log of deliveries');


# ---- events

# the answers without and with a password and to what is too large, and how
# many there are on one connection, where it is another thing than that

my %told = (
    any             => '401 - 413 2',
    basic           => '401 - 413 2',
    'asks-itself'   => '500 500 500 1',
    'limit-except'  => '403 403 403 2',
    lingering       => '- - 413 1',
    'mirrors-files' => '500 500 413 1',
    refused         => '403 403 403 2',
);

for my $name (sort keys %receive) {
    for my $case ([ "/$name", 200 ], [ "/queued-$name", 202 ]) {
        my ($uri, $taken) = @$case;
        my ($without, $with, $large, $pipelined)
            = map { $_ eq '-' ? $taken : $_ }
                  split ' ', $told{$name} // '- - 413 2';
        my @login = (Authorization => 'Basic dXNlcjp3b3Jk');
        my @json = ('Content-Type' => 'application/json');

        $target->forget;

        my @got = (
            post($uri, event('plain', fill => 'x' x 20_000))->{status},
            post($uri, event('plain', fill => 'x' x 20_000), @login)->{status},
            post($uri, event('plain', fill => 'x' x 200_000), @login)
                ->{status},
        );

        is("@got", "$without $with $large", "$uri: answers");

        # the second one is sent before the first is answered

        my $c = $t->connect;
        my @bodies = map { event('plain', fill => 'x' x 5000) } 1, 2;

        $c->send(POST => $uri, [ @json, @login ], $bodies[0]);
        $c->send(POST => $uri, [ @json, @login ], $bodies[1], chunks => 100);

        my @answers = grep { $_ } map { $c->response } 1, 2;

        is(join(' ', map { $_->{status} } @answers),
            join(' ', ($with) x $pipelined), "$uri: pipelined");

        my $n = grep { $_ == $taken } @got, map { $_->{status} } @answers;

        ok(wait_until(3, sub {
                scalar $target->requests(uri => '/plain') >= $n
            }), "$uri: delivered") or diag("$n are missing");

        my %seen;

        $seen{ $_->json->{id} }++ for $target->requests(uri => '/plain');

        is(join(' ', grep { $seen{$_} > 1 } keys %seen), '', "$uri: once");
        is(scalar keys %seen, $n, "$uri: no other ones");
    }
}

# what a receipt looks like when nginx has changed it

like(post('/changed', event('plain'))->{body},
    qr/^fine\{"id":"m$serial","type":"plain","outcome":"sent",/,
    'a receipt through filters');

$target->forget;
is(post('/after', event('plain'))->{status}, 200, 'post_action: answered');
ok($target->wait_requests(2), 'post_action: called');
is(scalar $target->requests(uri => '/posteddelivered'), 1,
    'post_action: knows the outcome');

# by other ways

for my $way (qw(rewritten tried paged accelerated)) {
    my $r = post("/$way", event('plain'));

    is("$r->{status} " . ($r->json->{outcome} // ''), '200 delivered', $way);
}

# a subrequest brings no event

$target->forget;

is($t->get('/include')->{status}, 200, 'a page that includes');
is(scalar $target->requests(uri => '/plain'), 0, 'a subrequest is no event');
ok($t->wait_log(qr/"event_receive" is in the way of a subrequest/),
    'a subrequest: said in the log');

# requests that never reached the module, in a log with all its variables

for my $bytes ("NO HTTP\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\0\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /a HTTP/1.1\r\n"
    . "Host: a\r\nContent-Length: x\r\n\r\n")
{
    my $c = $t->connect;

    $c->write($bytes);
    is(($c->response // {})->{status}, 400, 'no request');
}

ok($t->wait_file('logs/all.log', qr/^log \S* 400 .*event_status=-?$/m),
    'no request: logged');

$t->done;
