#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The API of event_admin, below v1/: what a request is checked against and what
# it is told, who may look and who may act, who did it, and that each answer is
# what v1/openapi.json says.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha1_hex);
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my ($look, $act) = map { $t->secret("canary-of-$_-0123456789") } qw(look act);
my @act = ('X-Event-Admin' => 1);
my $dir = $t->dir;

$t->write_file('conf/looker', $look);
$t->write_file('conf/actor', $act);
$t->write_file('conf/users', 'joe:{PLAIN}secret-of-joe' . "\n");
$t->certificate('server');
$t->certificate('client');

$q->config(admin => 'reveal',
    targets => { erp => 'breaker off; retry off;', crm => '',
                 late => 'retry base=1h;' },
    server => <<'EOC');

        listen 127.0.0.1:%%PORT_8443%% ssl;
        ssl_certificate         %%TESTDIR%%/server.crt;
        ssl_certificate_key     %%TESTDIR%%/server.key;
        ssl_client_certificate  %%TESTDIR%%/client.crt;
        ssl_verify_client       optional;

        location /two/ {
            event_admin token=file:%%TESTDIR%%/conf/looker role=look
                        token=file:%%TESTDIR%%/conf/actor role=act name=boss;
        }

        location /basic/ {
            event_admin access=nginx;
            auth_basic on;
            auth_basic_user_file %%TESTDIR%%/conf/users;
        }

        location /rules/   { event_admin access=nginx; allow 127.0.0.1; deny all; }
        location /looking/ { event_admin role=look; }
        location /v1/own/  { event_admin; }
        location ~ ^/re/   { event_admin; }
        location ~ ^/any/  { event_receive a; }
        location /inner/   { internal; event_receive a; }
        location @named    { event_receive a; }
        location /some/    { event_receive a; if ($arg_x) { set $y 1; } }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        location = /there  { event_receive a; }
EOC

$t->run;

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

$target->answer('/erp/ok', status => 400, body => '{"no":"way"}');
$target->answer('/late/ok', status => 503);
$q->send('erp') for 1 .. 3;
$q->send('late', subject => 'x') for 1 .. 2;
is(scalar $q->wait_dead(3, 10), 3, 'three dead letters');
ok(wait_until(10, sub { $target->count >= 5 }), 'two that wait');


# ---- paths and methods

for my $path ('', '/', '/nothing', '/dead/', '/dead/1', '/Dead', '/events/x/y',
              '/openapi', '/pending%20')
{
    my $r = $t->get("/admin/v1$path");

    is($r->{status}, 404, "v1$path is not there");
    like($r->json->{detail}, qr/pending, dead, .*openapi\.json/,
        'and what is there') if $r->{body} =~ /^\{/;
    is($t->post("/admin/v1$path", 'x', [ @act ])->{status}, 404,
        "nor to be posted");
}

is($t->get('/v1/own/dead')->{status}, 200, 'a location may have v1 itself');
is($t->get('/v1/own/v1/dead')->{status}, 200, 'and the API');
is($t->get('/v1/own/v1/x')->{status}, 404, 'only that');
is($t->get('/re/v1/dead?nothing=x')->{status}, 400, 'a regular expression');
is($t->get('/re/dead')->{status}, 200, 'has the old paths, too');

for my $operation ($api->operations) {
    my ($method, $path) = @$operation;
    my $other = $method eq 'GET' ? 'POST' : 'GET';

    next if $api->doc->{paths}{$path}{lc $other} || $path =~ /\{/;

    for my $how ($other, 'PUT', 'DELETE', 'PATCH', 'OPTIONS') {
        my $r = $t->request($how => "/admin/v1$path", [ @act ]);

        is($r->{status}, 405, "$how $path");
        is($r->header('Allow'), $method eq 'GET' ? 'GET, HEAD' : 'POST',
            'what is allowed');
    }
}

my $whole = $t->get('/admin/v1/dead');
my $head = $t->request(HEAD => '/admin/v1/dead');

is($head->{status}, 200, 'HEAD');
is($head->header('Content-Length'), length $whole->{body}, 'its length');
is($head->{body}, '', 'without a body');
is($t->request(HEAD => '/admin/v1/dead?x=1')->{status}, 400, 'HEAD is checked');


# ---- arguments

my @wrong = (
    'x=1'              => qr/there are: target=, .*limit=/,
    'limit=1&limit=2'  => qr/twice/,
    'limit='           => qr/without a value/,
    'limit'            => qr/without a value/,
    '=1'               => qr/not known/,
    'limit=0'          => qr/limit= takes a number, 1\.\.1000/,
    'limit=1001'       => qr/limit= takes/,
    'limit=-1'         => qr/limit= takes/,
    'limit=1e2'        => qr/limit= takes/,
    'limit=%31%'       => qr/percent/,
    'limit=99999999999999999999' => qr/limit= takes/,
    'event=1'          => qr/event= takes .*16 hex/,
    'event=0000000000000000'  => qr/event= takes/,
    'event=000000000000000g'  => qr/event= takes/,
    'from=yesterday'   => qr/from= takes a time/,
    'from=0'           => qr/from= takes/,
    'to=2026-13-01T00:00:00Z' => qr/to= takes/,
    'to=2026-01-01'    => qr/to= takes/,
    'to=253402300800'  => qr/to= takes/,
    'after=1'          => qr/after= takes/,
    'after=' . 'x' x 33 => qr/after= takes/,
    'body=2'           => qr/body= takes 1/,
    'body=true'        => qr/body= takes 1/,
    'target=%0a'       => qr/percent/,
    'target=%zz'       => qr/percent/,
    'target=%ff'       => qr/target= takes/,
    'target=' . 'x' x 1025 => qr/longer/,
    'Limit=1'          => qr/not known/,
    'limit=1;x=2'      => qr/limit= takes/,
);

while (my ($args, $why) = splice @wrong, 0, 2) {
    my $r = $t->get("/admin/v1/dead?$args");

    is($r->{status}, 400, 'wrong: ' . substr $args, 0, 40);
    like($r->json->{detail} // '', $why, 'and why');
    is_deeply([ $api->wrong(GET => '/dead', $r) ], [], 'a problem');
}

for my $args ('limit=1', 'limit=%31', 'target=erp', 'target=e%72p',
              'from=1&to=253402300799', 'from=1970-01-02T00:00:00Z',
              'from=2020-01-01T00:00:00%2B02:00',
              'from=2020-01-01T00:00:00+02:00', '', 'body=1', '&')
{
    next if $args eq '&';

    my $r = $t->get("/admin/v1/dead?$args");

    is($r->{status}, 200, "right: $args");
    ok(scalar @{ ($r->json // {})->{entries} // [] }, 'some are found');
    is_deeply([ $api->wrong(GET => '/dead', $r) ], [], 'as described');
}

# a name that nobody knows is a mistake, wherever it stands; what was found of
# one that is not configured any more is shown (t/move.t)

for my $case (map { my $list = $_;
                    [ "$list?target=epr", 'target', 'erp' ],
                    [ "$list?source=A", 'source', 'a' ],
                    [ "$list?source=a&target=Erp", 'target', 'erp' ] }
              qw(pending dead config tail))
{
    my ($query, $noun, $near) = @$case;
    my $r = $t->get("/admin/v1/$query");

    is($r->{status}, 404, "$query is not there");
    is($r->json->{detail},
        qq{there is no $noun of this name: did you mean "$near"?},
        "$query: the nearest one");
}

# what is wrong is named

for my $case ([ 'dead?traget=erp', 'traget= is not known here; there are: t' ],
    [ 'dead?target=erp&target=erp', 'target= stands twice' ],
    [ 'dead?target=%zz', 'target= is not percent-encoded text' ],
    [ 'dead?id=' . 'x' x 1025, 'id= is longer than 1024 bytes' ],
    [ 'dead?%3Cb%3E=1', 'an argument is not known here; there are: t' ],
    [ 'dead?' . 'x' x 33 . '=1', 'an argument is not known here; there ' ],
    [ 'status?a=1', 'a= is not known here; there are none' ],
    [ 'dead?event=12',
      'event= takes the number of an event: 16 hexadecimal digits' ],
    [ 'jobs/12', 'job= takes the number of a job: 16 hexadecimal digits' ])
{
    my ($query, $detail) = @$case;
    my $r = $t->get("/admin/v1/$query");

    is($r->{status}, 400, "$query is refused");
    is(substr($r->json->{detail}, 0, length $detail), $detail, 'and named');
}

is(entries('dead?from=2100-01-01T00:00:00Z'), 0, 'none of the future');
is(entries('pending?target=late'), 2, 'two wait');
is(entries('pending?target=erp'), 0, 'of one target only');

# what the store does not know of an event

is(entries('dead?source=a'), 3, 'of a source');
is($t->get('/admin/v1/dead?source=b')->{status}, 404, 'there is no other');
is(entries('dead?type=erp'), 3, 'of a type');
is(entries('dead?type=er'), 0, 'all of it');
is(entries('pending?subject=x'), 0, 'of a subject');

my $one = json_of('/admin/v1/dead?limit=1')->{entries}[0];

is(entries("dead?id=$one->{id}"), 1, 'of an id');
is(entries("dead?id=$one->{id}&type=late"), 0, 'both must hold');
is(entries('dead?text=' . substr $one->{id}, 0, 1), 3, 'a part of the id');
is(entries('dead?text=' . uc $one->{id}), 1, 'in any case');
is(entries("dead?text=$one->{id}x"), 0, 'which it must have');
is(entries('dead?reason=final'), 3, 'for a reason');
is(entries('dead?reason=expired'), 0, 'for no other');
is(entries('dead?status=400&target=erp'), 3, 'of a status');
is(entries('dead?status=500'), 0, 'of another one');
is($t->get('/admin/v1/dead?reason=x')->{status}, 400, 'no such reason');
is($t->get('/admin/v1/pending?reason=final')->{status}, 400,
    'what waits has none');

my ($piece, @some) = ('limit=2&type=erp');

for (1 .. 3) {
    my $r = $t->get("/admin/v1/dead?$piece")->json;

    push @some, map { $_->{event} } @{ $r->{entries} };
    last if !$r->{next};
    $piece = "limit=2&type=erp&after=$r->{next}";
}

is(scalar(@some), 3, 'pages of those that are wanted');
is(scalar(keys %{ { map { $_ => 1 } @some } }), 3, 'each once');

my ($page, @seen) = ('limit=1');

for (1 .. 3) {
    my $r = $t->get("/admin/v1/dead?$page")->json;

    push @seen, map { $_->{event} } @{ $r->{entries} };
    last if !$r->{next};
    $page = "limit=1&after=$r->{next}";
}

is(scalar(keys %{ { map { $_ => 1 } @seen } }), 3, 'a page at a time');
is(entries("dead?event=$seen[1]"), 1, 'one by its number');
like($t->get('/admin/v1/dead?body=1')->{body}, qr/"body":"\{/, 'with bodies');
unlike($t->get('/admin/v1/dead')->{body}, qr/"body":/, 'without');
unlike($t->get('/rules/v1/dead?body=1')->{body}, qr/"body":/,
    'no bodies without "reveal"');


# ---- each answer is what the description says

is($api->doc->{openapi}, '3.1.0', 'OpenAPI 3.1');
is($api->doc->{servers}[0]{url}, '/admin/v1', 'where the paths begin');
is(json_of('/v1/own/v1/openapi.json')->{servers}[0]{url}, '/v1/own/v1',
    'of another location');

for my $path (keys %{ $api->doc->{paths} }) {
    my $n = () = $api->text =~ /"\Q$path\E":\{/g;

    is($n, 1, "$path is described once");
}

my %schemas;

$schemas{$_}++ for $api->text =~ /"(\w+)":\{"type":"object","description"/g;
is(join(' ', grep { $schemas{$_} > 1 } sort keys %schemas), '',
    'names of schemas differ');

my %ids = map { $_->[2]{operationId} => 1 } $api->operations;

is(scalar keys %ids, scalar(my @all = $api->operations), 'names differ');

for my $operation ($api->operations) {
    my ($method, $path, $o) = @$operation;
    my %in = map { $_->{name} => $_ } @{ $o->{parameters} };

    ok(length $o->{summary} && $o->{summary} =~ /^[A-Z].*[^.]$/,
        "$method $path: $o->{summary}");
    is($_->{in}, 'path', "{$_->{name}} stands in the path")
        for map { $in{$_} // { name => $_, in => 'nothing' } }
            $path =~ /\{(\w+)\}/g;
    ok(!(grep { !length($_->{description} // '') } values %in),
        'each argument is told');
    is($in{'X-Event-Admin'}{required} // 0, $method eq 'POST' ? 1 : 0,
        'the header');
}

for my $case ([ GET => '/pending' ], [ GET => '/dead' ], [ GET => '/status' ],
              [ GET => '/openapi.json' ], [ GET => '/config' ],
              [ POST => '/pause?target=erp' ],
              [ POST => '/resume?target=erp' ], [ POST => '/probe?target=crm' ],
              [ POST => '/test?target=erp' ])
{
    my ($method, $uri) = @$case;
    my $r = $t->request($method => "/admin/v1$uri", [ @act ]);

    is($r->{status}, 200, "$method $uri");
    is_deeply([ $api->wrong($method, $uri =~ s/\?.*//r, $r) ], [],
        'as described');
}

is($t->get('/admin/v1/status')->json->{version},
    $t->get('/status')->json->{version}, 'status is that of event_status');
is(ask(probe => 'target=late&x=1')->{status}, 400, 'more than there is');

for my $verb (qw(pause resume probe test)) {
    is(ask($verb)->{status}, 400, "$verb wants a target");
    is(ask($verb, 'target=epr')->{status}, 404, "$verb: no such one");
    like(ask($verb, 'target=epr')->json->{detail}, qr/"erp"\?/, 'the nearest');
}

ask(pause => 'target=late');
is(ask(probe => 'target=late')->{status}, 409, 'a paused one is not probed');
is(ask(probe => 'target=late')->json->{title}, 'Conflict', 'which is told');
ask(resume => 'target=late');


# ---- the configuration as it runs

my $config = json_of('/admin/v1/config');
my $conf = $t->read_file('conf/nginx.conf');

is($config->{hash}, sha1_hex($conf), 'the hash of nginx.conf');
is($config->{store}, 'file', 'what keeps the queue');
is_deeply([ map { $_->{name} } grep { $_->{file} } @{ $config->{sources} } ],
    [ 'a' ], 'sources');
is_deeply([ sort map { $_->{name} } @{ $config->{targets} } ],
    [ qw(crm erp late) ], 'targets');
is_deeply([ map { $_->{name} } @{ $config->{routes} } ],
    [ qw(to-crm to-erp to-late) ], 'routes');

my @lines = split /\n/, $conf;

for my $noun (map({ [ event_source => $_ ] } grep { $_->{file} }
                                             @{ $config->{sources} }),
              map({ [ event_route => $_ ] } @{ $config->{routes} }))
{
    my ($word, $it) = @$noun;

    like($lines[$it->{line} - 1], qr/\b$word $it->{name}\b/,
        "$word $it->{name} stands there");
    is($it->{file}, "$dir/conf/nginx.conf", 'in that file');
}

my %targets = map { $_->{name} => $_ } @{ $config->{targets} };

is($targets{erp}{retry_for_ms}, 0, 'retry off');
is($targets{late}{retry_base_ms}, 3600_000, 'base=1h');
is($targets{erp}{breaker}, JSON::PP::false, 'breaker off');
like($lines[$targets{erp}{location_line} - 1], qr/event_deliver erp;/,
    'where it is delivered');
my %receivers = map { $_->{path} => $_ } @{ $config->{receivers} };

is(scalar @{ $config->{receivers} }, 3,
    'receivers with an address, each once');
is(join(' ', map { "$_ $receivers{$_}{source}"
                   . ($receivers{$_}{here} ? ' here' : '') }
             sort keys %receivers),
    '/a a here /some/ a here /there a', 'of this server, and of others');
like($lines[$receivers{'/some/'}{line} - 1], qr/event_receive a;/,
    'where one stands');
is($config->{routes}[1]{when}[0]{line}, 'when type = erp', 'its condition');

my ($at, @names) = ('limit=1');

for (1 .. 5) {
    my $r = $t->get("/admin/v1/config?$at");

    is_deeply([ $api->wrong(GET => '/config', $r) ], [], 'a page as described');
    push @names, map { $_->{name} } @{ $r->json->{routes} };
    last if !$r->json->{next};
    $at = 'limit=1&after=' . $r->json->{next};
}

is("@names", 'to-crm to-erp to-late', 'a page at a time');
is(join(' ', map { $_->{name} }
    @{ json_of('/admin/v1/config?target=erp&source=a')->{routes} }), 'to-erp',
    'of a target');
is(scalar @{ json_of('/admin/v1/config?source=b')->{routes} }, 0, 'of none');
is($t->get('/admin/v1/config?after=x')->{status}, 400, 'no such page');
is(scalar @{ json_of('/admin/v1/config?after=99999')->{routes} }, 0,
    'behind the last one');


# ---- roles

for my $operation ($api->operations) {
    my ($method, $path, $o) = @$operation;

    my $uri = '/two/v1' . $path =~ s/\{\w+\}/0000000000000001/r;

    for my $case ([ 'nobody' ], [ 'a wrong token', bearer('x' x length $look) ],
                  [ 'half a token', bearer(substr $act, 0, -1) ],
                  [ 'more than a token', bearer("${act}x") ],
                  [ 'another scheme', Authorization => "Basic $act" ])
    {
        my ($who, @headers) = @$case;

        is($t->request($method => $uri, [ @act, @headers ])->{status}, 403,
            "$who: $method $path");
    }

    if ($o->{'x-role'} eq 'act') {
        my $r = $t->request($method => $uri, [ @act, bearer($look) ]);

        is($r->{status}, 403, "who looks: $method $path");
        like($r->json->{detail}, qr/may look and not act/, 'which is told');
    }

    next if $method ne 'POST';

    is($t->post($uri, '', [ bearer($act) ])->{status}, 403,
        "without the header: $path");
    is($t->post($uri, '', [ @act, bearer($act),
        Origin => 'http://evil.example' ])->{status}, 403, 'of another page');
}

is($t->get('/two/v1/dead', [ bearer($_) ])->{status}, 200, 'who looks')
    for $look, $act;
is($t->post('/two/v1/pause?target=erp', '', [ @act, bearer($act) ])->{status},
    200, 'who acts');
is($t->post('/two/resume?target=erp', '', [ @act, bearer($look) ])->{status},
    403, 'the old paths have roles, too');
is($t->get('/two/dead', [ bearer($look) ])->{status}, 200, 'and are looked at');
is($t->post('/two/resume?target=erp', '', [ @act, bearer($act) ])->{status},
    200, 'and are done');
is($t->get('/looking/v1/dead')->{status}, 200, 'a location to look at');
is($t->post('/looking/v1/pause?target=erp', '', [ @act ])->{status}, 403,
    'and not to act in');
is($t->post('/looking/pause?target=erp', '', [ @act ])->{status}, 403,
    'by the old path, either');


# ---- who acted

ok($t->wait_log(qr/"erp" are paused by an operator: token "boss", client: /),
    'a token has a name');
is($t->post('/basic/v1/pause?target=crm', '', [ @act,
    Authorization => 'Basic am9lOnNlY3JldC1vZi1qb2U=' ])->{status}, 200, 'joe');
ok($t->wait_log(qr/"crm" are paused by an operator: user "joe", client: /),
    'a user that nginx asked for');
is($t->post('/rules/v1/resume?target=crm', '', [ @act,
    Authorization => 'Basic cm9vdDp4' ])->{status}, 200, 'root, he says');
ok($t->wait_log(qr/"crm" are resumed by an operator, client: /),
    'whom nobody asked is nobody');

is($t->post('/admin/v1/pause?target=crm', '', [ @act ], port => 8443, tls => {
    SSL_use_cert => 1, SSL_cert_file => "$dir/client.crt",
    SSL_key_file => "$dir/client.key" })->{status}, 200, 'a certificate');
ok($t->wait_log(qr/paused by an operator: certificate "[^"]*CN=/),
    'a certificate has a subject');
ask(resume => 'target=crm');


# ---- clients that go away

for my $uri ('/admin/v1/dead?limit=1000', '/admin/v1/pending', '/admin/dead') {
    for (1 .. 20) {
        my $c = $t->connect;

        $c->send(GET => $uri, [], undef);
        $c->close;
    }
}

for (1 .. 10) {
    my $c = $t->connect;

    $c->send(POST => '/admin/v1/' . ($_ % 2 ? 'pause' : 'resume')
        . '?target=crm', [ @act ], '');
    $c->close;
}

is($t->get('/admin/v1/dead')->{status}, 200, 'nothing is wrong after that');


# ---- nginx.conf

my @conf = (
    'token=file:conf/looker role=x'           => qr/takes look or act, not "x"/,
    'token=file:conf/looker role=look role=act' => qr/"event_admin role=" stands twice/,
    'role=look token=file:conf/looker'        => qr/in front of token=/,
    'name=x'                                  => qr/behind the token=/,
    'token=file:conf/looker name='            => qr/is empty/,
    'token=file:conf/looker token=file:conf/looker' => qr/are the same/,
    'token=file:conf/looker name=x token=file:conf/actor name=x'
        => qr/two tokens have the name "x"/,
    'token=file:conf/looker name=x name=y'    => qr/stands twice/,
    'roles=look'                              => qr/invalid parameter/,
    'role=look role=look'                     => qr/stands twice/,
);

my $other = Test::EventRouter->new;

while (my ($params, $why) = splice @conf, 0, 2) {
    $params =~ s/file:/file:$dir\//g;

    my ($ok, $output) = $other->config(<<"EOC")->check_config;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location /admin/ { event_admin $params; }
    }
EOC
    ok(!$ok, "wrong: $params");
    like($output, $why, 'and why');
    unlike($output, qr/canary/, 'without a secret');
}

unlike($api->text . $t->get('/admin/v1/status')->{body}, qr/canary/,
    'no secret in an answer');

$t->done;


# ---- helpers

sub bearer {
    my ($token) = @_;

    return (Authorization => "Bearer $token");
}


sub ask {
    my ($verb, $args) = @_;

    return $t->post("/admin/v1/$verb" . ($args ? "?$args" : ''), '', [ @act ]);
}


sub json_of { return $t->get($_[0])->json }


sub entries {
    my ($uri) = @_;

    return scalar @{ json_of("/admin/v1/$uri")->{entries} };
}
