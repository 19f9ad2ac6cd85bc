#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The variables of ordinary headers, inside a delivery: what nginx makes of the
# headers of a request is there too.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my ($version) = version();
my @names = qw(http_host http_user_agent content_type content_length
    http_content_type http_content_length http_authorization remote_user
    http_referer http_via http_cookie cookie_b http_x_forwarded_for
    proxy_add_x_forwarded_for http_webhook_id http_ce_id host http_x_none);

$t->write_file('conf/secrets/joe', 'joe:' . $t->secret('a-pass-word-0123'));

my $set = join "\n", map { qq(proxy_set_header X-V-$_ "<\$$_>";) } @names;

$t->config(<<'EOC' =~ s/SET/$set/r);

    event_store file:%%TESTDIR%%/store size=16m;
    proxy_read_timeout 5s;
    proxy_connect_timeout 5s;
    proxy_send_timeout 5s;

    event_source now   { verify off; id "{json:id}"; }
    event_source later { verify off; id "{json:id}"; delivery queued; }

    event_target plain   { retry base=50ms max=50ms; breaker off; }
    event_target named   { auth basic file:secrets/joe; }
    event_target forward { forward_headers User-Agent Referer Via Cookie
                                           X-Forwarded-For Authorization
                                           Range If-None-Match; }
    event_target set     { }

    event_route all   { from now; to plain named forward set; }
    event_route later { from later; to plain; }

    SET

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /now     { event_receive now; }
        location = /later   { event_receive later; }
        location = /plain   { event_deliver plain;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /forward { event_deliver forward;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /set     { event_deliver set;
                              proxy_set_header User-Agent "mine";
                              proxy_set_header X-Agent $http_user_agent;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        server_name shop.example other.example;
        location = /named   { event_deliver named;
                              proxy_set_header Host $http_host;
                              proxy_set_header X-User $remote_user;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

my $body = '{"id":"i 1"}';

is($t->post('/now', $body, [ 'Content-Type' => 'application/json; a=b',
    'User-Agent' => 'producer/1', Referer => 'http://r.example/', Via => '1.1 v',
    Cookie => 'a=1; b=2', 'X-Forwarded-For' => '192.0.2.1',
    Authorization => 'Basic ' . encode_base64('pro:ducer', ''),
    Range => 'bytes=0-1', 'If-None-Match' => '*' ])->{status}, 200, 'taken');

my %got = map { $_->{uri} =~ m{^/(\w+)} ? ($1 => $_) : () }
          $erp->wait_requests(4);

my %value = (http_user_agent => "event-router/$version",
    content_type => 'application/json; a=b', content_length => length $body,
    http_content_type => 'application/json; a=b',
    http_content_length => length $body, http_webhook_id => 'i 1',
    http_ce_id => 'i%201', proxy_add_x_forwarded_for => 'unix:');

check('plain', 'plain', %value);
unlike($got{plain}->header('X-V-http_host'), qr/<>/, 'plain: $http_host');
is($got{plain}->header('User-Agent'), "event-router/$version",
    'User-Agent of our own');

check('forward', 'forward', %value, http_user_agent => 'producer/1',
    http_referer => 'http://r.example/', http_via => '1.1 v',
    http_cookie => 'a=1; b=2', cookie_b => 2,
    http_x_forwarded_for => '192.0.2.1',
    proxy_add_x_forwarded_for => '192.0.2.1, unix:',
    http_authorization => 'Basic ' . encode_base64('pro:ducer', ''),
    remote_user => 'pro');
is($got{forward}->header('User-Agent'), 'producer/1', 'User-Agent forwarded');

is($got{set}->header('User-Agent'), 'mine', 'proxy_set_header wins');
is($got{set}->header('X-Agent'), "event-router/$version", 'and knows ours');
is($got{named}->header('Host'), 'shop.example', 'the name of the server');
is($got{named}->header('X-User'), 'joe', 'the user of "auth basic"');


# ---- out of the queue, each attempt

$erp->forget;
$erp->answer('/plain', [ { status => 503 }, { status => 200 } ]);
is($t->post('/later', $body, [ 'Content-Type' => 'application/json' ])->{status},
    202, 'queued');

for my $n (1, 2) {
    $got{"try $n"} = ($erp->wait_requests(2))[$n - 1];
    check("attempt $n", "try $n", %value, content_type => 'application/json',
        http_content_type => 'application/json');
}


$t->done;


sub check {
    my ($name, $request, %want) = @_;

    for my $variable (grep { !/^(?:host|http_host)$/ } @names) {
        is($got{$request}->header("X-V-$variable"),
            '<' . ($want{$variable} // '') . '>', "$name: \$$variable");
    }
}


sub version {
    open my $f, '<', $t->root . '/ngx_event_router_module/event_router.h'
        or die "event_router.h: $!\n";
    local $/;

    return <$f> =~ /NGX_ER_VERSION\s+"(.*)"/;
}
