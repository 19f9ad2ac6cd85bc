#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The answer of a target that is handed on to the producer: "reply" of
# event_source.  Which of them is, its status, headers and bytes, and what the
# producer gets where there is none.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Compress::Gzip qw(gzip);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Port qw(wait_until);
use Test::EventRouter::Raw;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $crm = $t->target(8082);
my $serial = 0;

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');
$t->expect_log(qr/upstream prematurely closed|upstream timed out|connect\(\) failed|sent invalid header/,
    'targets that fail are tested');


# ---- nginx -t

fine($_) for 'reply from=erp;', 'reply from=erp max=1;', 'reply from=erp max=1m;',
    'reply from=erp headers=X-Id,Set-Cookie max=128k;',
    'delivery sync; reply from=erp;';

wrong('reply;', 'write "reply from=TARGET');
wrong('reply erp;', 'from=TARGET');
wrong('reply max=1k;', 'write from=TARGET');
wrong('reply from=;', 'from=');
wrong('reply from=erp max=2m;', 'max=');
wrong('reply from=erp max=0;', 'max=');
wrong('reply from=erb;', 'is from an unknown target "erb": did you mean "erp"?');
wrong('reply from=warehouse;', 'is from an unknown target "warehouse"');
wrong('reply from=unled;', 'no event_route leads from the source to it');
wrong('reply from=maybe;', 'it is "optional", and not waited for');
wrong('delivery queued; reply from=erp;', 'write "delivery sync;"',
    'event_store file:%%TESTDIR%%/q size=1m;');
wrong('split data; reply from=erp;', 'the source has "split"');
wrong(qq(reply from=erp "headers=$_";), 'cannot be handed on')
    for 'Connection', 'transfer-encoding', 'X-Id,Content-Length',
        'X-Accel-Redirect', 'X(Id', 'X Id', 'A,,B', 'Server', 'Keep-Alive';
wrong('reply from=erp; reply from=crm;', 'directive is duplicate');


# ---- what is handed on

start('reply from=erp headers=X-Id,Set-Cookie,Retry-After;');

my $r;

$r = answered(status => 200, body => '{"response_type":"in_channel","text":"hi"}',
    headers => [ 'Content-Type' => 'application/json; charset=utf-8' ]);

is($r->{status}, 200, 'a command of Slack');
is($r->header('Content-Type'), 'application/json; charset=utf-8', 'its type');
is($r->{body}, '{"response_type":"in_channel","text":"hi"}', 'its body');
is($r->header('X-Content-Type-Options'), 'nosniff', 'no browser guesses');

$r = answered(body => "<?xml version=\"1.0\"?>\n<Response><Say>Hi</Say></Response>",
    headers => [ 'Content-Type' => 'text/xml' ]);
is($r->{body}, "<?xml version=\"1.0\"?>\n<Response><Say>Hi</Say></Response>",
    'TwiML');
is($r->header('Content-Type'), 'text/xml', 'its type');

my $binary = join '', map { chr } 0 .. 255;
is(answered(body => $binary)->{body}, $binary, 'bytes');
is(answered(body => '')->{body}, '', 'nothing');

$r = answered(body => 'x', headers => [ 'X-Id' => '17', 'x-other' => 'no',
    'Set-Cookie' => 'a=1', 'Set-Cookie' => 'b=2', Server => 'erp',
    'Keep-Alive' => '5', 'Retry-After' => '7' ]);
is($r->header('X-Id'), '17', 'a header that is named');
is($r->header('X-Other'), undef, 'one that is not');
is($r->header('Keep-Alive'), undef, 'one of the connection');
like($r->header('Server'), qr/^nginx/, 'nginx\'s own stays');
is($r->header('Retry-After'), '7', 'another one that is named');
like($r->{head} // join("\n", map { "@$_" } @{ $r->{headers} // [] }),
    qr/a=1.*b=2/s, 'one that comes twice');

for my $status (201, 202, 400, 404, 409, 422, 500, 503) {
    $r = answered(status => $status, body => "says $status");
    is($r->{status}, $status, "status $status");
    is($r->{body}, "says $status", 'and its body');
}

$r = answered(status => 204, body => '');
is($r->{status}, 204, 'no content');
is($r->{body}, '', 'and no body');

$r = answered(status => 304, body => '');
is($r->{status}, 502, '304 is no answer to an event');
is($r->json->{outcome}, 'failed', 'but a failure');

gzip(\('a' x 5000), \my $packed);
$r = answered(body => $packed, headers => [ 'Content-Encoding' => 'gzip' ]);
is($r->header('Content-Encoding'), 'gzip', 'compressed');
is($r->{body}, $packed, 'and not once more');

ok(wait_until(5, sub { status_log() eq 'delivered' }), '$event_status');


# ---- how large

is(length(answered(size => 65536)->{body}), 65536, '64 KB');
$r = answered(size => 65537);
is($r->{status}, 502, 'and one more');
is($r->header('Content-Type'), 'application/problem+json', 'is a problem');
is_deeply($r->json, { type => 'about:blank', title => 'Bad Gateway',
    status => 502, detail => 'target "erp" answered, but the answer cannot be '
    . 'handed on: it is larger than max= of "reply"' }, 'that says why');
is(answered(size => 10_000_000)->{status}, 502, 'much more');

$r = $t->post('/hook', event());
is($r->{status}, 502, 'it is so still');
$erp->answer('/deliver/erp', status => 200, body => 'small');


# ---- other clients

is($t->post('/hook', event(), json(), version => '1.0')->{body}, 'small',
    'HTTP/1.0');
is($t->h2(POST => '/hook', json(), event(), port => 8443)->{body}, 'small',
    'HTTP/2') or diag('curl without HTTP/2?');

# a duplicate gets a receipt

my $event = event();
is($t->post('/hook', $event, json())->{body}, 'small', 'the first one');
$r = $t->post('/hook', $event, json());
is($r->{status}, 200, 'a duplicate');
is($r->header('X-Event-Duplicate'), 1, 'says so');
is($r->json->{outcome}, 'duplicate', 'in a receipt');

# an event that no route brings to that target

$r = $t->post('/hook', event(type => 'crm'), json());
is($r->json->{outcome}, 'delivered', 'another target: a receipt');
$r = $t->post('/hook', event(type => 'none'), json());
is($r->json->{outcome}, 'unrouted', 'no target: a receipt');

# both

$crm->answer('/deliver/crm', status => 200, body => 'of crm');
is($t->post('/hook', event(type => 'both'), json())->{body}, 'small',
    'of two targets the one that is named');

$crm->answer('/deliver/crm', status => 503, body => 'of crm');
$event = event(type => 'both');
$r = $t->post('/hook', $event, json());
is($r->{status}, 502, 'while the other one has it not');
is($r->json->{outcome}, 'failed', 'the producer sends it again');

$crm->answer('/deliver/crm', status => 200, body => 'of crm');
$r = $t->post('/hook', $event, json());
is($r->{status}, 200, 'and then it is well');
is($r->json->{targets}[0]{state}, 'settled', 'without what is not kept');

$erp->answer('/deliver/erp', status => 404, body => 'no such thing');
$crm->answer('/deliver/crm', status => 503, body => 'of crm');
$r = $t->post('/hook', event(type => 'both'), json());
is($r->{status}, 404, 'a refusal is handed on in any case');
$crm->answer('/deliver/crm', status => 200);


# ---- no answer

$erp->answer('/deliver/erp', fault => 'close');
$r = $t->post('/hook', event(), json());
is($r->{status}, 502, 'none');
is($r->json->{outcome}, 'failed', 'a receipt says so');

$erp->answer('/deliver/erp', fault => 'hang');
$r = $t->post('/hook', event(), json());
is($r->{status}, 502, 'a time-out');
is($r->json->{outcome}, 'failed', 'a receipt says so');

$erp->answer('/deliver/erp', fault => 'truncate', body => 'x' x 1000);
$r = $t->post('/hook', event(), json());
is($r->{status}, 502, 'half of it');
like($r->json->{detail}, qr/it was cut off/, 'a problem says so');

$erp->answer('/deliver/erp', body => 'slow', delay => 0.3);
is($t->post('/hook', event(), json())->{body}, 'slow', 'a slow one');

$erp->answer('/deliver/erp', size => 3000, drip => [ 1000, 0.6 ]);
is(length($t->post('/hook', event(), json())->{body}), 3000,
    'a body that drips');

# chunked, and without a length

my $raw = Test::EventRouter::Raw->new($t->port(8083), {
    '/deliver/raw' => [ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        \0.1, "4\r\ndefg\r\n0\r\n\r\n" ],
});
$t->own($raw);

is($t->post('/hook', event(type => 'raw'), json())->json->{outcome},
    'delivered', 'another target still');
$t->stop;

start('reply from=raw;');
$r = $t->post('/hook', event(type => 'raw'), json());
is($r->{body}, 'abcdefg', 'chunked');
is($r->header('Content-Type'), 'text/plain', 'its type');

# a client that goes, and the next one

for my $how ('close', 'reset') {
    my $c = $t->connect;

    $c->send(POST => '/hook', json(), event(type => 'raw'));
    select undef, undef, undef, 0.02;
    $c->$how;
}

select undef, undef, undef, 0.3;
is($t->post('/hook', event(type => 'raw'), json())->{body}, 'abcdefg',
    'the next one');
$t->stop;

# a location that answers by itself

start('reply from=own headers=X-Own;');
$r = $t->post('/hook', event(type => 'own'), json());
is($r->{status}, 201, 'a location of nginx\'s own');
is($r->{body}, 'made here', 'its body');
is($r->header('Content-Type'), 'text/plain', 'its type');
$t->stop;

# more than 64 KB, and less

start('reply from=erp max=300k;');
$erp->answer('/deliver/erp', size => 300 * 1024);
is(length($t->post('/hook', event(), json())->{body}), 300 * 1024,
    'max=300k');
$erp->answer('/deliver/erp', size => 300 * 1024 + 1);
is($t->post('/hook', event(), json())->{status}, 502, 'and one more');
$t->stop;

start('reply from=erp max=4;');
$erp->answer('/deliver/erp', status => 200, body => 'four');
is($t->post('/hook', event(), json())->{body}, 'four', 'max=4');
$erp->answer('/deliver/erp', status => 200, body => 'fives');
is($t->post('/hook', event(), json())->{status}, 502, 'and one more');
$erp->answer('/deliver/erp', status => 400, body => 'fives');
is($t->post('/hook', event(), json())->{status}, 502, 'of a failure, too');

# a secret that the target repeats is not for the producer

my $key = $t->secret('a-canary "of" replies/+');

chmod 0600, $t->write_file('key', $key);
$t->stop;
start('reply from=erp headers=X-Id,X-Own;',
    "event_target erp { auth header X-Key file:%%TESTDIR%%/key; }");

$r = answered(body => "you sent $key.", headers => [ 'X-Id' => "key $key, 17",
    'X-Own' => 'a-canary%20%22of%22%20replies%2F%2B', 'Content-Type' => $key ]);
my $stars = '*' x length $key;
is($r->{status}, 200, 'a target that repeats its key');
is($r->{body}, "you sent $stars.", 'its body');
is($r->header('X-Id'), "key $stars, 17", 'a header');
is($r->header('X-Own'), '*' x 35, 'another one, encoded');
is($r->header('Content-Type'), $stars, 'the type');
$t->stop;

start('reply from=erp headers=X-Id;', "event_target erp { auth basic"
    . ' file:%%TESTDIR%%/pair; }') if chmod 0600, $t->write_file('pair',
    'erp:' . $t->secret('a-canary-password'));

$r = answered(body => '', headers => [ 'X-Id' =>
    encode_base64('erp:a-canary-password', '') . ' a-canary-password' ]);
is($r->header('X-Id'), '*' x 28 . ' ' . '*' x 17, 'the header of Basic');

$t->done;


sub conf {
    my ($lines, $http) = @_;

    $http //= '';

    return <<"EOC";
$http
log_format s '\$event_status';
access_log logs/status.log s;

event_source shop {                    # block of source
    verify off;
    id "{json:id}";
    type "{json:type}";
    deadline 5s;
    $lines
}

event_target maybe { optional; }

event_route erp { from shop; when type = erp both; to erp; }
event_route crm { from shop; when type = crm both; to crm; }
event_route raw { from shop; when type = raw; to raw; }
event_route own { from shop; when type = own; to own; }
event_route maybe { from shop; when type = maybe; to maybe; }
event_source other { verify off; }
event_route other { from other; to unled; }

proxy_connect_timeout 2s;
proxy_send_timeout 2s;
proxy_read_timeout 2s;

server {
    listen  127.0.0.1:%%PORT_8080%%;
    listen  127.0.0.1:%%PORT_8443%% http2;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    gzip_http_version 1.0;

    location = /hook { event_receive  shop; }
    location = /other { event_receive  other; }

    location = /deliver/erp { event_deliver erp; proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    location = /deliver/crm { event_deliver crm; proxy_pass http://127.0.0.1:%%PORT_8082%%; }
    location = /deliver/raw { event_deliver raw; proxy_pass http://127.0.0.1:%%PORT_8083%%; proxy_http_version 1.1; }
    location = /deliver/unled { event_deliver unled; proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    location = /deliver/maybe { event_deliver maybe; proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    location = /deliver/own {
        event_deliver own;
        default_type text/plain;
        return 201 'made here';
    }
}
EOC
}


sub start {
    $t->config(conf(@_));
    $t->run;
}


sub json { [ 'Content-Type' => 'application/json' ] }


sub event {
    return JSON::PP->new->encode({ id => 'e' . ++$serial, type => 'erp', @_ });
}


# what the producer gets if the target answers so

sub answered {
    my (%answer) = @_;

    $erp->answer('/deliver/erp', %answer);

    return $t->post('/hook', event(), json());
}


sub status_log { return (split /\n/, $t->read_file('logs/status.log'))[-1] }


sub fine {
    my ($line) = @_;

    $t->config(conf($line));

    my ($ok, $said) = $t->check_config;

    ok($ok, "fine: $line") or diag($said);
}


sub wrong {
    my ($line, $expected, $http) = @_;

    $t->config(conf($line, $http));

    my ($ok, $said) = $t->check_config;

    ok(!$ok && $said =~ /\[emerg\] .*\Q$expected\E.*nginx\.conf:\d+$/m,
        "wrong: $line") or diag($said);
}
