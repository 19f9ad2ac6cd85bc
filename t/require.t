#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What an event of a source must be: lines and blocks of "require", what the
# producer, the log, the counters and event_explain say of an event for which
# one does not hold, and that nothing else is done for it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');

my $serial = 0;

my $rest = <<'EOC';
event_route all { from *; to erp; }

server {
    listen  127.0.0.1:%%PORT_8080%%;

    location = /hook { event_receive  shop; }
    location = /explain { event_explain  shop; }
    location = /status/ { event_status; }

    location = /deliver/erp {
        event_deliver  erp;
        proxy_pass     http://127.0.0.1:%%PORT_8081%%;
        proxy_read_timeout  5s;
    }
}
EOC


# ---- nginx -t

fine('a line', 'require data.id is number;');
fine('several values', 'require type = a b c;');
fine('negated', 'require data.a not exists;');
fine('two lines', "require data.a exists;\nrequire data.b exists;");
fine('a header', 'require header.X-Shop prefix acme;');
fine('a variable', 'require $arg_shop = acme;');
fine('blocks', 'any { require data.a exists; all { require data.b = 1; } '
    . 'none { require data.c = 1; } each data.l { require .n > 0; } }');
fine('"when" in a block', 'any { when data.a exists; when data.b exists; }');
fine('an element of a split body', "split data;\nrequire .id exists;");
fine('before the split', "require .id exists;\nsplit data;");
fine('a URL with variables beside it',
    "public_url https://hooks.example.com\$request_uri;\n"
    . 'require data.a exists;');

wrong('no field', 'require;', 'a field is missing behind "require"');
wrong('unknown operator', 'require data.a excists;', 'did you mean "exists"?');
wrong('unknown field', 'require dat.a exists;', 'data');
wrong('a route\'s word', 'when data.a exists;',
    'is written "require FIELD [not] OP VALUE...;"');
wrong('a pattern', 'pattern rules.json;',
    'unknown directive "pattern" in event_source');
wrong('misspelt', 'requires data.a exists;', 'did you mean "require"?');
wrong('an empty block', 'any { }', '"any" is empty: write a "require" in it');
wrong('another line in a block', 'any { deadline 5s; }', 'deadline');
wrong('a block as a line', 'any;', 'has no opening "{"');
wrong('a line as a block', 'require data.a { }',
    'directive "require" is not terminated by ";"');
wrong('an element, and no split', "deadline 5s;\nrequire .id exists;",
    'has no "split": write "data.id"', 4);
wrong('a bad line in a block', "any {\nrequire data.a between 1;\n}",
    'between', 4);


# ---- one event

start('require data.n is number; require type = order/created;',
    'type "{json:type}";');

my $r = post(id => 1, n => 1, type => 'order/created');

is($r->{status}, 200, 'all lines hold');
is($r->json->{outcome}, 'delivered', 'and it is delivered');

$r = post(id => 3, n => 'hush-value', type => 'order/created');

is($r->{status}, 422, 'the first one does not');
is($r->header('Content-Type'), 'application/problem+json', 'a problem');
is($r->header('Retry-After'), undef, 'that is not to be repeated');
is_deeply($r->json, { type => 'about:blank', status => 422,
    title => 'Unprocessable Content',
    detail => 'the event is not what this source requires: '
              . '"require data.n is number" in nginx.conf:' . line() },
    'it names the line');
unlike($r->{body}, qr/hush-value/, 'not what the event has');

$r = post(id => 2, n => 2, type => 'order/deleted');

is($r->{status}, 422, 'the second one does not');
like($r->json->{detail}, qr/"require type = order\/created"/, 'it is named');

$r = post(type => 'order/created');

is($r->{status}, 422, 'no such field');
is($t->post('/hook', '[]')->{status}, 422, 'another kind of document');
is($t->post('/hook', '{"id":')->{status}, 400, 'no JSON at all');
is(scalar(my @got = $erp->requests), 1, 'the target got the first one');

is(counter('unmet'), 4, 'counted');
is(counter('delivered'), 1, 'beside what was delivered');

ok($t->wait_log(qr/\[warn\] .*event "\S+" from source "shop" rejected: the event is not what this source requires: "require data.n is number" in nginx.conf:\d+/),
    'logged');
unlike($t->read_file('logs/error.log'), qr/hush-value/,
    'without what the event has');

like($t->read_file('logs/status.log'), qr/^200 delivered\n(?:422 unmet\n){4}400 invalid\n/,
    '$event_status');

# what was refused is no duplicate when the line is changed

$r = post(id => 7, type => 'x');
is($r->{status}, 422, 'refused');

$t->config(conf('require data.id is number;', 'type "{json:type}";'));
$t->reload;

is(post(id => 7, type => 'x')->json->{outcome}, 'delivered',
    'and taken when the line has gone');
is(post(id => 7, type => 'x')->json->{outcome}, 'duplicate', 'once');

# what was taken is refused, too: it is asked before duplicates are

$t->config(conf('require data.id is string;', 'type "{json:type}";'));
$t->reload;

is(post(id => 7, type => 'x')->{status}, 422, 'before duplicates');
$t->stop;


# ---- blocks

start(<<'EOC');
any {
    require data.mail exists;
    require data.phone exists;
}
none { require data.test = true; }
each data.lines { require .n > 0; require .sku prefix A; }
EOC

my @lines = (lines => [ { n => 1, sku => 'A1' }, { n => 0, sku => 'B' } ]);

status(200, 'all blocks hold', mail => 'a', @lines);
status(200, 'the other one of any', phone => 'a', @lines);
status(422, 'any does not', @lines)
    =~ /"any" in nginx.conf:\d+/ or fail('any is named');
status(422, 'none does not', mail => 'a', test => JSON::PP::true, @lines)
    =~ /"none" in/ or fail('none is named');
status(422, 'each does not', mail => 'a', lines => [ { n => 1, sku => 'B' } ])
    =~ /"each data.lines" in/ or fail('each is named');
$t->stop;


# ---- several events in a body

start("split data.events;\nid \"{item:id}\";\nrequire .ok = true;");

sub batch { JSON::PP->new->encode({ events => [ map { { id => ++$serial,
    ok => $_ ? JSON::PP::true : JSON::PP::false } } @_ ] }) }

my $before = () = $erp->requests;

$r = $t->post('/hook', batch(1, 1, 1), json());
is($r->{status}, 200, 'all are what they must be');

$r = $t->post('/hook', batch(1, 0, 1), json());
is($r->{status}, 422, 'one is not');
is($r->header('Content-Type'), 'application/problem+json', 'a problem');
like($r->json->{detail}, qr/"require .ok = true"/, 'with the line');
is(join(' ', map { $_->{outcome} } @{ $r->json->{events} }),
    'delivered unmet delivered', 'the others are delivered');
like($r->json->{events}[1]{detail}, qr/"require .ok = true"/,
    'the line beside its event');
ok(!exists $r->json->{events}[0]{detail}, 'and only there');

$r = $t->post('/hook', batch(0, 0), json());
is($r->{status}, 422, 'none is');
is(scalar(() = $erp->requests) - $before, 5, 'what the target got');
is(counter('unmet'), 3, 'counted one by one');

# a target that is down is to be tried again

$erp->answer('/deliver/erp', status => 503);
$r = $t->post('/hook', batch(0, 1), json());
is($r->{status}, 502, 'the one that can be repeated decides');
is(join(' ', map { $_->{outcome} } @{ $r->json->{events} }), 'unmet failed',
    'each has its own');
$erp->answer('/deliver/erp', status => 200);
$t->stop;


# ---- CloudEvents

start('accept application/cloudevents+json '
    . "application/cloudevents-batch+json;\nrequire data.n > 1;");

sub ce { return { specversion => '1.0', id => 'c' . ++$serial, source => 's',
                  type => 't', data => { n => $_[0] } } }

$r = $t->post('/hook', JSON::PP->new->encode(ce(2)),
    [ 'Content-Type' => 'application/cloudevents+json' ]);
is($r->{status}, 200, 'structured');
$r = $t->post('/hook', JSON::PP->new->encode(ce(1)),
    [ 'Content-Type' => 'application/cloudevents+json' ]);
is($r->{status}, 422, 'structured, refused');
$r = $t->post('/hook', JSON::PP->new->encode([ ce(2), ce(1) ]),
    [ 'Content-Type' => 'application/cloudevents-batch+json' ]);
is($r->{status}, 422, 'a batch');
is(join(' ', map { $_->{outcome} } @{ $r->json->{events} }),
    'delivered unmet', 'each by itself');
$t->stop;


# ---- after the signature

my $secret = $t->secret('what-the-partner-signs-with');

$t->write_file('conf/secret', $secret);
start("require data.id is number;", 'verify hmac-sha256; '
    . 'secret file:secret; signed "{body}"; signature header:X-Sign encoding=hex;');

sub signed {
    my ($body, $key) = @_;

    return $t->post('/hook', $body, [ @{ json() },
        'X-Sign' => hmac_sha256_hex($body, $key) ]);
}

is(signed('{"id":1}', $secret)->{status}, 200, 'signed and right');
is(signed('{"id":"1"}', $secret)->{status}, 422, 'signed and not right');
$r = signed('{"id":"1"}', 'another');
is($r->{status}, 401, 'who has not signed');
unlike($r->{body}, qr/require data/, 'reads no line');


# ---- explained

$r = explained('{"id":3}', $secret);
ok($r->{events}[0]{require}{met}, 'explained: it is what it must be');
is($r->{events}[0]{require}{held}[0]{line}, 'require data.id is number',
    'the line that held');

$r = explained('{"id":"3"}', $secret);
is($r->{events}[0]{require}{met}, JSON::PP::false, 'explained: it is not');
is($r->{events}[0]{require}{decided}{line}, 'require data.id is number',
    'the line that decided');
like($r->{events}[0]{require}{decided}{place}, qr{/nginx\.conf:\d+$},
    'its place');
is($r->{events}[0]{require}{decided}{values}[0]{text}, '3', 'what it has');
like($r->{events}[0]{require}{note}, qr/422/, 'what that means');
$t->stop;


# ---- of another file, and what takes too long

$t->write_file('conf/must.conf', "\n\nrequire data.id exists;\n"
    . "require data.s !~ '^(a+)+\$';\n");
start('include must.conf;');

$r = post(x => 1);
is($r->{status}, 422, 'a line of another file');
like($r->json->{detail}, qr/"require data.id exists" in must\.conf:3/,
    'its place');

$t->expect_log(qr/what it must be took more than/, 'it is slow here');
$r = post(id => 1, s => 'a' x 40 . 'b');
is($r->{status}, 503, 'undecided is not refused');
ok($t->wait_log(qr/\[error\] .*answered 503: what it must be took more than 50 ms of CPU at "require" in \S+must\.conf:4/),
    'the line is told');

$t->done;


sub conf {
    my ($require, $more) = @_;

    $more //= '';
    $more = "id \"{json:id}\"; $more" if $require !~ /\bid "/ && $more !~ /verify/;
    $more = "verify off; $more" if $more !~ /verify/;

    return <<"EOC" . $rest =~ s{event_receive  shop;}{event_receive  shop; access_log logs/status.log s;}r;
log_format s '\$status \$event_status';
event_source shop {                    # block of source
$require
    $more
}
EOC
}


sub start {
    $t->config(conf(@_));
    $t->run;
}


# of the first one in the source

sub line {
    my @lines = split /\n/, $t->read_file('conf/nginx.conf');

    return +(grep { $lines[$_] =~ /# block of source/ } 0 .. $#lines)[0] + 2;
}


sub json { [ 'Content-Type' => 'application/json' ] }


sub post {
    my (%event) = @_;

    return $t->post('/hook', JSON::PP->new->canonical->encode(\%event),
        json());
}


sub status {
    my ($status, $name, %event) = @_;

    my $r = post(serial => ++$serial, %event);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, $name) or diag($r->{body});

    return $r->json->{detail} // '';
}


sub explained {
    my ($body, $key) = @_;

    return $t->post('/explain', $body, [ @{ json() },
        'X-Sign' => hmac_sha256_hex($body, $key) ])->json;
}


sub counter {
    my ($name) = @_;

    return $t->get('/status/')->json->{sources}{shop}{$name};
}


sub fine {
    my ($name, $lines) = @_;

    $t->config(conf($lines));

    my ($ok, $said) = $t->check_config;

    ok($ok && $said !~ /\[emerg\]/, "fine: $name") or diag($said);
}


sub wrong {
    my ($name, $lines, $expected, $at) = @_;

    $t->config(conf($lines));

    my ($ok, $said) = $t->check_config;
    my ($line) = grep { /\[emerg\]/ && index($_, $expected) >= 0 }
                 split /\n/, $said;

    ok(!$ok && $line, "wrong: $name") or diag($said);

    like($line // '', qr/nginx\.conf:\d+$/, "$name: its place");
}
