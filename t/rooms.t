#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What a page looks at every second: v1/me, v1/sources, v1/targets and
# v1/routes.  Each number is compared with what really happened, with several
# workers, after a reload, with a file store, with Redis and without a queue.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

# as long as a name may be with "to-", with each kind of character

my $odd = 'Z9.a-b_c' . 'x' x 53;
my $hostile = q(<b>"o'ps"\\);

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my %token = map { $_ => $t->secret("canary-$_-0123456789") }
            qw(look act);

$t->write_file("conf/$_", $token{$_}) for sort keys %token;
chmod 0600, map { $t->dir . "/conf/$_" } keys %token;
$t->write_file('conf/users', "joe:{PLAIN}secret-of-joe\n");

my %targets = (
    erp => 'retry for=1h base=1h max=1h; breaker off;',
    once => 'retry off; breaker off;',
    shut => 'retry for=1h base=50ms max=100ms; '
            . 'breaker failures=2 open=40s;',
    slow => 'rate 600r/m burst=5;',
    $odd => '',
);

sub config {
    my (%o) = @_;

    $q->config(targets => \%targets, admin => 'reveal', more => <<"EOC",
        event_source now   { verify off; expect every=1s; id "{json:id}";
                             type "{json:type}"; deadline 1s; }
        event_source quiet { verify off; expect every=1h type=x;
                             expect every=30m type=y; }
        event_source shop  { verify shopify; secret hush; }
        event_source strict { verify off; require data.paid = true; }
        event_target plain { optional; }
        event_route always { from *; when type = always; to plain slow; }
        event_route now    { from now; when type = now; to plain; }
        event_route $odd   { from now; when type = never; to $odd; }
EOC
        server => <<'EOC', %o);
        location = /now   { event_receive now; }
        location = /quiet { event_receive quiet; }
        location = /shop  { event_receive shop; }
        location = /strict { event_receive strict; }
        location = /deliver/plain {
            event_deliver plain;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/plain;
        }
        location /api/ {
            event_admin token=file:%%TESTDIR%%/conf/look role=look
                        token=file:%%TESTDIR%%/conf/act
                        'name=<b>"o\'ps"\\';
        }
        location /basic/ {
            event_admin access=nginx role=look;
            auth_basic on;
            auth_basic_user_file %%TESTDIR%%/conf/users;
        }
EOC
}

$t->expect_log(qr/expect.*nobody is told/, 'so it is here');
config();
$t->run;

$target->answer('/once/bad', status => 422, body => 'no');
$target->answer('/erp/bad', status => 503);
$target->answer('/shut/bad', status => 500);

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');


# the rows of an answer by name, which is what the description says

sub rows {
    my ($noun, $query) = @_;

    my $r = $t->get("/admin/v1/$noun" . ($query // ''));
    my @wrong = $api->wrong(GET => "/$noun", $r);

    is_deeply(\@wrong, [], "v1/$noun is as described") if @wrong;

    return { map { $_->{name} => $_ } @{ $r->json->{$noun} } };
}


# ---- who asks

sub me {
    my ($at, @headers) = @_;

    my $r = $t->get("/$at/v1/me", [ @headers ]);

    return $r->{status} if $r->{status} != 200;

    my @wrong = $api->wrong(GET => '/me', $r);
    my %me = %{ $r->json };

    is_deeply(\@wrong, [], "v1/me of /$at is as described") if @wrong;
    like($me{version}, qr/^\d+\.\d+\.\d+$/, 'the version');
    like($me{nginx}, qr/^\d+\.\d+\.\d+$/, 'that of nginx');
    delete @me{qw(version nginx)};

    return \%me;
}

my %bearer = map { $_ => [ Authorization => "Bearer $token{$_}" ] }
             keys %token;

is_deeply(me('admin'), { role => 'act', reveal => $true, tokens => $false },
    'who needs no token');
is_deeply(me(api => @{ $bearer{look} }), { name => 'look', role => 'look',
    reveal => $false, tokens => $true }, 'a token that may look');
is_deeply(me(api => @{ $bearer{act} }), { name => $hostile, role => 'act',
    reveal => $false, tokens => $true }, 'one that may act, of any name');
is(me(api => Authorization => 'Bearer other'), 403, 'no other one');
is_deeply(me(basic => Authorization => 'Basic am9lOnNlY3JldC1vZi1qb2U='),
    { name => 'joe', role => 'look', reveal => $false, tokens => $false },
    'a user of nginx');


# ---- nothing happened yet

my ($source, $at) = (rows('sources'), rows('targets'));

is_deeply([ map { $_->{name} } @{ $t->get('/admin/v1/sources')->json
    ->{sources} } ], [qw(a now quiet shop strict)], 'the sources in their order');
is(join(' ', map { "$_:$source->{$_}{delivery}" } sort keys %$source),
    'a:queued now:sync quiet:sync shop:sync strict:sync', 'and how they deliver');
ok(!exists $source->{a}{last_seconds}, 'no event came yet');
is($source->{quiet}{expect_seconds}, 1800, 'the shortest time');
ok(!grep({ exists $source->{$_}{silent} } qw(a shop)),
    'of whom nothing is expected');
is_deeply($at->{erp}{latency}, {}, 'nothing took any time');
is($at->{$_}{breaker}, $_ eq 'erp' || $_ eq 'once' ? 'none' : 'closed',
    "the breaker of $_") for sort keys %$at;
is_deeply($at->{slow}{rate}, { limit => 36000, burst => 5, tokens => 5 },
    'the rate is full');
ok(!exists $at->{erp}{rate}, 'who has none');

my $now = $t->get('/admin/v1/targets')->json->{now};

like($now, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "now is $now");


# ---- what really happened

my @paid = $q->send_many(6, 'erp');

$q->send('once', kind => 'bad') for 1 .. 3;
$q->send('erp', kind => 'bad');
$q->send('shut', kind => 'bad') for 1 .. 2;
$q->post(($q->event('none'))[1]);

my (undef, $twice) = $q->event('erp');

$q->post($twice) for 1 .. 2;
$t->post('/shop', '{}', [ 'X-Shopify-Hmac-Sha256' => 'none' ]);
$t->post('/strict', '{"paid":false}', [ 'Content-Type' => 'application/json' ]);
$t->post('/now', '{"id":"n1","type":"now"}',
    [ 'Content-Type' => 'application/json' ]);

ok(wait_until(15, sub {
    $at = rows('targets');
    return $at->{erp}{delivered} == 7 && $at->{once}{dead_now} == 3
           && $at->{shut}{breaker} eq 'open' && $at->{erp}{pending} == 1
           && $at->{shut}{pending} == 2;
}), 'it is told');

my $answered = 0;

$answered++ for $target->requests;

sub sum { my $n = 0; $n += $_ for values %{ $_[0] }; return $n }

is(sum($at->{erp}{failed}), 1, 'an attempt failed');
is($at->{erp}{failed}{'5xx'}, 1, 'by what was answered');
is($at->{erp}{retried}, 1, 'and is to be made again');
is($at->{once}{failed}{'4xx'}, 3, 'others by 4xx');
is($at->{once}{dead}{final}, 3, 'which are final');
is(sum($at->{once}{dead}), 3, 'and no others');
is($at->{once}{delivered}, 0, 'none was delivered');
is($at->{plain}{delivered}, 1, 'one that was not queued');
is($at->{shut}{breaker_seconds} > 0 && $at->{shut}{breaker_seconds} <= 50, 1,
    "the breaker tries again in $at->{shut}{breaker_seconds} s");
is(sum($at->{shut}{failed}), scalar(grep { $_->{uri} =~ /shut/ }
    $target->requests), 'of which all attempts are known');
ok($at->{erp}{oldest_seconds} < 20, 'the oldest waits for seconds');
is($at->{$_}{unaccounted}, 0, "nothing is lost on the way to $_"),
    is($at->{$_}{dead_unaccounted}, 0, 'nor of what died') for qw(erp once);
is($at->{erp}{in_flight} + $at->{erp}{leases}, 0, 'nothing is under way');
ok($at->{erp}{latency}{attempt_p50} <= $at->{erp}{latency}{attempt_p99},
    'an attempt takes ms');
ok($at->{erp}{latency}{delivered_p99} < 15000, 'and a delivery');
ok(!exists $at->{shut}{latency}{delivered_p50}, 'where there was one');

$source = rows('sources');

is($source->{a}{received}{queued}, 13, 'what was queued');
is($source->{a}{received}{duplicate}, 1, 'what came twice');
is($source->{a}{received}{unrouted}, 1, 'what has no route');
is($source->{shop}{received}{refused}, 1, 'what was refused');
is($source->{shop}{refused}{signature}, 1, 'and why');
is(sum($source->{shop}{refused}), 1, 'and nothing else');
is($source->{strict}{received}{unmet}, 1, 'what is not as required');
is($source->{strict}{refused}{require}, 1, 'which is a reason, too');
is($source->{now}{received}{delivered}, 1, 'what was delivered at once');
is($source->{now}{bytes}, length '{"id":"n1","type":"now"}', 'the bytes');
ok($source->{a}{last_seconds} < 20, 'and when the last one came');
ok(!exists $source->{shop}{last_seconds}, 'one that was refused is none');
ok(!exists $source->{now}{paused}, 'what is not queued is not held');
ok(wait_until(10, sub { rows('sources')->{now}{silent} }),
    'a source is silent');
ok(!rows('sources')->{quiet}{silent}, 'of others it is not known');


# ---- a slow answer: in flight

$target->answer('/erp/slow', delay => 3);
$q->send('erp', kind => 'slow');
ok(wait_until(5, sub { $at = rows('targets')->{erp};
                       return $at->{in_flight} == 1 && $at->{leases} >= 1 }),
    'one is under way');
is($at->{concurrency}, 16, 'of so many');
ok(wait_until(10, sub { rows('targets')->{erp}{delivered} == 8 }),
    'then it is delivered');
ok(rows('targets')->{erp}{latency}{attempt_p99} >= 2500,
    'and a long time is told');


# ---- the rate

$q->send('slow') for 1 .. 5;
ok(wait_until(5, sub { rows('targets')->{slow}{delivered} == 5 }), 'five');
cmp_ok(rows('targets')->{slow}{rate}{tokens}, '<=', 5, 'tokens are there');


# ---- an operator

sub act {
    my ($verb) = @_;

    return $t->post("/api/v1/$verb", '',
        [ 'X-Event-Admin' => 1, @{ $bearer{act} } ])->{status};
}

is($at->{paused}, $false, 'nothing is paused');
is(act('pause?target=erp'), 200, 'a target is paused');

my $row = rows('targets')->{erp};

is($row->{paused}, $true, 'which is told');
is($row->{paused_by}, qq(token "$hostile"), 'and by whom');
like($row->{paused_since}, qr/^20.*Z$/, 'and since when');

is(act('pause?source=a'), 200, 'a source is paused');
$q->send('once');
ok(wait_until(10, sub { ($source = rows('sources')->{a})->{held} }),
    'what comes is held');
is($source->{paused_by}, qq(token "$hostile"), 'by whom is told');
ok(wait_until(5, sub { rows('targets')->{once}{pending} == 1 }),
    'it is pending');
is(act('drain?target=shut'), 200, 'a target is drained');
is(rows('targets')->{shut}{drained}, $true, 'which is told');
is(rows('targets')->{erp}{drained}, $false, 'of it alone');

my $before = rows('targets');

ok($t->reload, 'a reload');
$at = rows('targets');
is($at->{erp}{$_}, $before->{erp}{$_}, "after it $_ is the same")
    for qw(delivered retried paused paused_by paused_since);
is_deeply($at->{once}{dead}, $before->{once}{dead}, 'and what died');
is($at->{shut}{breaker}, 'open', 'the breaker is still open');
is(rows('sources')->{a}{received}{queued}, 20, 'and what came');

is(act('resume?target=erp'), 200, 'the target is resumed');
$row = rows('targets')->{erp};
is($row->{paused}, $false, 'which is told');
ok(!exists $row->{paused_by} && !exists $row->{paused_since},
    'and nobody is named any more');
is(act('resume?source=a'), 200, 'and the source');
ok(!exists rows('sources')->{a}{paused_by}, 'which names nobody, too');

$q->change('pause', target => 'erp');
is(rows('targets')->{erp}{paused_by}, '127.0.0.1',
    'who has no name is an address');
$q->change('resume', target => 'erp');
act('undrain?target=shut');


# ---- routes

sub routes {
    my ($query) = @_;

    my $r = $t->get("/admin/v1/routes$query");
    my @wrong = $api->wrong(GET => '/routes', $r);

    is_deeply(\@wrong, [], "routes$query as described") if @wrong;

    return $r;
}

sub names { join ' ', map { $_->{name} } @{ routes($_[0])->json->{routes} } }

my $all = routes('')->json;

is($all->{nroutes}, 8, 'the routes');
is(names(''), "to-$odd to-erp to-once to-shut to-slow always now $odd",
    'in their order');

my %route = map { $_->{name} => $_ } @{ $all->{routes} };

is($route{'to-erp'}{matched}, 10, 'how often one matched, also what came twice');
is($route{now}{matched}, 1, 'and another');
is($route{always}{matched}, 0, 'and one that never did');
is_deeply([ @{ $route{always} }{qw(from to)} ], [ ['*'], [qw(plain slow)] ],
    'what it connects');
like($route{now}{file}, qr/nginx\.conf$/, 'where it stands');

my @lines = split /\n/, $t->read_file('conf/nginx.conf');

like($lines[ $route{now}{line} - 1 ], qr/event_route now /, 'the line');

is(names('?source=now'), "always now $odd", 'of a source');
is(names('?target=slow'), 'to-slow always', 'to a target');
is(names('?source=now&target=plain'), 'always now', 'of both');
is(names('?text=SLO'), 'to-slow', 'by a part of the name');
is(names('?text=nothing'), '', 'by what none has');
is(names('?sort=name'), join(' ', sort map { $_->{name} }
    @{ $all->{routes} }), 'by name');
is(names('?sort=matched&limit=2'), 'to-erp to-slow',
    'those that matched most') if $route{'to-slow'}{matched} > 4;
ok(!exists routes('?sort=matched&limit=2')->json->{next},
    'which have no next page');

for my $sort ('', '&sort=name') {
    my ($next, @got) = ('');

    for (1 .. 5) {
        my $page = routes("?limit=3$sort$next")->json;

        push @got, map { $_->{name} } @{ $page->{routes} };
        $next = '&after=' . ($page->{next} // last);
    }

    is("@got", names($sort =~ s/&/?/r), "pages$sort have each route once");
}

is(routes('?source=nix')->{status}, 404, 'a source that is none');
is(routes('?target=nix')->{status}, 404, 'a target that is none');
is(routes('?after=99')->{status}, 400, 'a page that is none');
is(routes('?sort=matched&after=1')->{status}, 400,
    'pages do not go with matched');
is(routes('?sort=from')->{status}, 400, 'nor is there another order');


# ---- who may look

is($t->get("/api/v1/$_", $bearer{look})->{status}, 200, "v1/$_ to look at"),
    is($t->get("/api/v1/$_")->{status}, 403, 'not without a token'),
    is($t->post("/api/v1/$_", '', [ 'X-Event-Admin' => 1,
        @{ $bearer{act} } ])->{status}, 405, 'nor with POST')
    for qw(me sources targets routes);

my $told = join '', map { $t->get("/admin/v1/$_")->{body} }
           qw(me sources targets routes);

unlike($told, qr/canary|hush|e1\b/, 'no secret and no event is in it');


# ---- Redis

SKIP: {
    skip 'no redis-server', 8 if !grep { -x "$_/redis-server" }
                                 split /:/, "$ENV{PATH}:/usr/sbin";

    my $redis = $t->redis(6379);

    $t->stop;
    config(in => 'redis://127.0.0.1:' . $redis->port);
    $t->run;

    $q->send('erp') for 1 .. 3;
    $q->send('once', kind => 'bad');
    ok(wait_until(15, sub {
        $at = rows('targets');
        return $at->{erp}{delivered} == 3 && $at->{once}{dead_now} == 1;
    }), 'with Redis it is told');
    is($at->{once}{dead}{final}, 1, 'what died');
    is($at->{erp}{unaccounted}, 0, 'nothing is lost');
    is(rows('sources')->{a}{received}{queued}, 4, 'what was queued');
    is(act('pause?target=erp'), 200, 'a pause');
    is(rows('targets')->{erp}{paused_by}, qq(token "$hostile"), 'by whom');
    act('resume?target=erp');
}


# ---- no store at all

$t->stop;
$t->config(<<'EOC');
    event_source now { verify off; id "{json:id}"; type "{json:type}";
                       expect every=2s; expect every=1h type=never; }
    event_route now { from now; to plain; }
    event_route all { from *; when type = nothing; to plain; }
    event_route own { from router; when type = nothing; to plain; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /now { event_receive now; }
        location = /deliver/plain {
            event_deliver plain;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/plain;
        }
        location /admin/ { event_admin reveal; }
    }
EOC
$t->run;

$target->answer('/plain', [ { status => 500 }, { status => 200 } ]);
$t->post('/now', qq({"id":"s$_","type":"now"}),
    [ 'Content-Type' => 'application/json' ]) for 1 .. 2;

$at = rows('targets')->{plain};

is($at->{delivered}, 1, 'without a store: delivered');
is($at->{failed}{'5xx'}, 1, 'failed');
is($at->{breaker}, 'none', 'there is no breaker');
ok(!grep({ exists $at->{$_} } qw(pending in_flight dead_now paused leases
    concurrency unaccounted oldest_seconds drained)),
    'what only a queue knows is left out');

$source = rows('sources')->{now};

is($source->{received}{delivered}, 1, 'of the source, too');
is($source->{received}{failed}, 1, 'both');
ok(!exists $source->{held}, 'nothing could be held');
is(routes('')->json->{routes}[0]{matched}, 2, 'and of the route');
is(names('?source=router'), 'own', 'which are of the own events');
is($t->get('/admin/v1/config?source=router')->json->{routes}[0]{name}, 'own',
    'as v1/config says');
is($source->{expect_seconds}, 2, 'the shorter time');
ok(wait_until(20, sub { rows('sources')->{now}{silent} }),
    'its silence is told, as the alerts have it');
$t->post('/now', '{"id":"s3","type":"now"}',
    [ 'Content-Type' => 'application/json' ]);
ok(wait_until(5, sub { !rows('sources')->{now}{silent} }),
    'and that it is over');
is_deeply(me('admin'), { role => 'act', reveal => $true, tokens => $false },
    'and who asks');


# ---- 200 targets: what an answer takes of the processor

$t->stop;
$t->{workers} = 1;
$t->config(<<"EOC");
    event_store file:%%TESTDIR%%/many size=16m;
    event_source a { verify off; delivery queued; }
    @{[ join ' ', map { "event_target t$_ { rate 100r/s; }" } 1 .. 200 ]}
    event_route all { from a; to @{[ map { "t$_" } 1 .. 200 ]}; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /a    { event_receive a; }
        location /admin/ { event_admin; }
        @{[ map { "location = /deliver/t$_ { event_deliver t$_;"
            . " proxy_pass http://127.0.0.1:%%PORT_8081%%; }" } 1 .. 200 ]}
    }
EOC
$t->run;

my $client = $t->connect;
my ($worker) = $t->workers;
my $size = 0;

sub used {
    open my $f, '<', "/proc/$worker/stat" or die "stat: $!\n";

    my @field = split / /, (<$f> =~ s/^.*\) //r);

    return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

my $took = -used();

$size = length $client->request(GET => '/admin/v1/targets')->{body}
    for 1 .. 300;
$took = 1000 * ($took + used()) / 300;

is(scalar keys %{ rows('targets') }, 200, "200 targets, $size bytes");

SKIP: {
    skip 'a sanitizer is slow', 1 if $t->binary =~ /asan/;

    cmp_ok($took, '<', 2, sprintf 'each takes %.2f ms of a processor', $took);
}

$t->done;
