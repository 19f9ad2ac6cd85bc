#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The routes (docs/routing.md) through a running nginx: their order, signed
# orders of Shopify and pull requests of GitHub, hostile texts, a thousand routes
# in included files, a reload, and that nginx reads on as it should behind a
# route.  Which routes matched is what the receipt says; t/operators.t is about
# the lines and blocks in them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Routes;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $secret = $t->secret('routing-is-no-secret');

$t->write_file("conf/routes.d/$_->[0]", $_->[1]) for generated(0);
$t->write_file('conf/lines.conf', "when data.a = 1;\nany {\n"
    . "    include more.conf;\n    when data.c = 3;\n}\n");
$t->write_file('conf/more.conf', "when data.b = 2;\n");

configure();
my ($ok, $said) = $t->check_config;
ok($ok, 'configuration is read') or diag($said);

$t->run;


# ---- routes beside one another

is(routes('/order', '{"a":1,"b":1}'), 'zebra apple mango',
    'order of the file');
is(routes('/order', '{"b":1}'), 'apple mango', 'order without the first');

is(routes('/last', '{"n":0}'), 'last-before last-stop', 'last stops');
is(routes('/last', '{"n":1}'), 'last-before last-after',
    'last that does not match does not');
is(routes('/last', '{"n":2}'), 'last-before last-after',
    'a fallback with last, not needed');
is(routes('/last-fallback', '{"n":2}'), 'fallback-last',
    'last ends the fallbacks');
is(routes('/last-fallback', '{"n":3}'), 'fallback-behind',
    'a later fallback');

is(routes('/fallback', '{"n":1}'), 'usual', 'no fallback needed');
is(routes('/fallback', '{"n":2}'), 'rest-all rest-two',
    'fallbacks match together');
is(routes('/fallback', '{"n":3}'), 'rest-all', 'a fallback has conditions');

is(routes('/copy', '{"n":1}'), 'audit some', 'a copy beside a route');
is(routes('/copy', '{"n":2}'), 'audit nobody', 'a copy does not count');
is(routes('/copy', '{"n":3}'), 'audit nobody twin',
    'nor do two, before and behind the fallback');

is(routes('/order', '{}'), '', 'no route');
is(outcome('/order', '{}'), 'unrouted', 'is said');

# from

is(routes('/order', '{"both":1}'), 'both', 'from the first of two');
is(routes('/last', '{"both":1}'), 'last-before both last-after',
    'from the second of two');
is(routes('/fallback', '{"both":1}'), 'rest-all', 'not from a third');
is(routes("/$_", '{}', [ 'X-Star' => 'yes' ]) =~ /\beverywhere\b/, 1,
    "from * is from $_") for qw(order last fallback plain);

# one delivery for all routes to a target

$erp->forget;
is(routes('/twice', '{"a":1,"b":1}'), 'first second third', 'three routes');

my @requests = $erp->requests;

is(join(' ', map { $_->{uri} } @requests), '/erp', 'one delivery');
is($requests[0]->header('X-Event-Route'), 'first,second',
    'the routes to that target');

$erp->forget;
routes('/twice', '{"b":1}');
is(($erp->requests)[0]->header('X-Event-Route'), 'second', 'one of them');

# include in a route and in a block

is(routes('/include', '{"a":1,"b":2}'), 'included', 'include in a route');
is(routes('/include', '{"a":1,"c":3}'), 'included', 'include in a block');
is(routes('/include', '{"a":1}'), '', 'the block counts');
is(routes('/include', '{"b":2,"c":3}'), '', 'the line counts');


# ---- Shopify and GitHub

my $order = do { local (@ARGV, $/) = "$FindBin::Bin/data/shopify/order.json";
                 <> };

is(shop($order), 'big eur nl fiets', 'a real order');
is(shop($order, shop => 'other.myshopify.com'), 'big eur fiets', 'other shop');
is(shop($order, topic => 'orders/cancelled'), 'nl', 'other topic');
is(shop($order =~ s/"total_price":"\K[\d.]+/999.99/r), 'eur nl fiets',
    'smaller total');
is(shop($order =~ s/"id":567890123456\K7/8/r), 'big eur nl', 'other id');

my $pull = github_pull();

is(hub($pull), 'review labeled', 'a pull request');
is(hub($pull, sub { $_[0]{pull_request}{draft} = JSON::PP::true }), 'labeled',
    'a draft');
is(hub($pull, sub { $_[0]{sender}{login} = 'dependabot[bot]' }), 'labeled',
    'a robot');
is(hub($pull, sub { $_[0]{action} = 'closed' }), 'labeled', 'closed');
is(hub($pull, sub { $_[0]{pull_request}{labels} = [] }), 'review',
    'no labels');
is(hub($pull, sub { $_[0]{pull_request}{labels}[0]{color} = 'ffffff' }),
    'review', 'name and color of two labels');
is(hub('{"ref":"refs/tags/v1.20.3"}', undef, 'push'), 'release', 'a tag');
is(hub('{"ref":"refs/tags/v1.20"}', undef, 'push'), '', 'not a release');


# ---- hostile texts: more in budget.t

# PCRE takes exponential time, and at some of them anew from each byte on

my $start;

for my $n (16_000, 28, 20) {
    my $text = ('a' x $n . '!') x (int(16_000 / ($n + 1)) || 1);

    $start = time;
    is(outcome('/regex', qq({"s":"$text"})), 'undecided', "$n times a");
    cmp_ok(time - $start, '<', 2, 'in time');
}

is(routes('/regex', '{"s":"' . 'a' x 65_535 . '!"}'), 'no-match',
    'a text that is too long does not match');
is(routes('/regex', '{"s":"aaaa"}'), 'match', 'it does match');
is(routes('/regex', '{"s":"aaab"}'), 'no-match', 'it does not');

my $texts = join ',', map { '"' . 'a' x (12 + $_ % 10) . '!"' } 1 .. 9000;

$start = time;
is(outcome('/regex', qq({"s":[$texts]})), 'undecided', '9000 texts');
cmp_ok(time - $start, '<', 3, 'in time');
ok($t->wait_log(qr/\[error\].*its rules took more than 50 ms of CPU at event_route/),
    'the log says why');
is(routes('/regex', '{"s":"aaaa"}'), 'match', 'the next event is as any');


# ---- a thousand routes

is(routes('/many', $_), expected_many(0, $_), "of 1000: $_") for many_events();


# ---- reload

$t->write_file("conf/routes.d/$_->[0]", $_->[1]) for generated(1);
ok($t->reload, 'reload');
is(routes('/many', $_), expected_many(1, $_), "reloaded: $_")
    for many_events();

# a mistake in a block changes nothing

$t->expect_log(qr/\[emerg\].*conf.routes\.d/, 'the mistake below');
$t->write_file('conf/routes.d/z.conf', <<'EOC');
event_route broken {
    from many;
    any {
        when data.total >= 1;
        each data.items { when .sku perfix A; }
    }
    to sink;
}
EOC

$t->signal('HUP');
ok($t->wait_log(qr/did you mean "prefix"\?.*\/routes\.d\/z\.conf:5/),
    'the mistake is found');
is(routes('/many', $_), expected_many(1, $_), "still: $_") for many_events();

$t->write_file('conf/routes.d/z.conf', "# nothing\n");
$t->write_file("conf/routes.d/$_->[0]", $_->[1]) for generated(0);
ok($t->reload, 'reload after the mistake');
is(routes('/many', $_), expected_many(0, $_), "mended: $_") for many_events();

# the routes of before are given back: those here take some 2 MB

SKIP: {
    skip 'ASan keeps what was freed', 1 if $ENV{TEST_NGINX_STATIC};

    $t->reload for 1 .. 3;
    my $before = resident();
    $t->reload for 1 .. 5;
    my $more = resident() - $before;
    note("5 reloads: $more KB more");
    cmp_ok($more, '<', 3_000, 'reloads give memory back');
}


# ---- the time that nginx -t takes

{
    my $c = Test::EventRouter->new;

    my $none = seconds($c, '');
    my $all = seconds($c, join '', map { $_->[1] } generated(0));

    note(sprintf 'nginx -t: %.3f s, with 1000 routes %.3f s', $none, $all);
    cmp_ok($all - $none, '<', 1, '1000 routes load quickly');
}


# ---- how nginx reads on

# inside of a route only its words are known, behind it all others are again

my @behind = ('map $uri $m { default 1; }', 'upstream u { server 127.0.0.1; }',
    'geo $g { default 1; }', 'limit_req_zone $uri zone=z:64k rate=1r/s;',
    'log_format f a;', 'types { text/plain txt; }', 'gzip on;',
    'event_set $x data.x;', 'proxy_read_timeout 1s;',
    'server { listen 127.0.0.1:%%PORT_8099%%; location / { return 204; } }');

for my $route ('when data.a = 1;', 'any { each data.i { when .a = 1; } }',
    'include lines.conf;')
{
    my ($ok, $said) = check(map { ("event_route r$_ { from s; $route to a; }",
        $behind[$_]) } 0 .. $#behind);

    ok($ok, "nginx reads on behind $route") or diag($said);
}

# what, and where it is said to be; $n is the line in nginx.conf

for my $case (
    [ 'event_route r { from s; gzip on; to a; }', 'unknown directive "gzip"' ],
    [ 'event_route r { from s; any { gzip on; } to a; }',
      'unknown directive "gzip"' ],
    [ 'event_route r { from s; any { to a; } }', 'not allowed here' ],
    [ 'event_route r { from s; wen data.a = 1; to a; }',
      'did you mean "when"' ],
    [ 'event_route r { from s; any { when data.a eq 1; } to a; }',
      'use "="' ],
    [ 'event_route r { from s; none { all { each data.i { when .a; } } } '
      . 'to a; }', 'an operator is missing' ],
    [ 'event_route r { from s; when data.a = 1; to a; } bogus on;',
      'unknown directive "bogus"' ],
    [ 'event_route r { from s; any { when data.a = 1; } to a; } when x = 1;',
      'unknown directive "when"' ],
    [ 'event_route r { from s; any { when data.a = 1; to a; }',
      'not allowed here' ],
    [ 'event_route r { from s; to a; any { when data.a = 1; ',
      'unexpected end of file' ],
    [ 'event_route r { from s; include none.conf; to a; }',
      'none.conf" failed' ],
    [ 'event_route r { from s; when data.a ~ "(*UTF)a"; to a; }',
      'cannot begin with' ])
{
    my ($text, $want) = @$case;
    my ($ok, $said) = check('gzip off;', $text);

    ok(!$ok && $said =~ /\[emerg\].*\Q$want\E.* in \S+nginx\.conf:\d+\n/,
        "error: $want") or diag($said);
}

($ok, $said) = check('event_route r { from s; include bad.conf; to a; }');
like($said, qr/unknown directive "wen" in \S+bad\.conf:3\n/,
    'error in an included file');


$t->done;


# ---- what is configured

sub configure {
    routes_config($t, sources => [ qw(plain order last last-fallback fallback
        copy twice include regex many shopify github) ],
        server => <<'EOS', http => <<"EOC");
        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/erp;
        }
EOS

    event_route everywhere {
        from  *;
        when  header.X-Star = yes;
        to    sink;
    }

    event_source plain { verify off; dedup off; }

    event_source order { verify off; dedup off; }
    event_route zebra  { from order; when data.a = 1; to sink; }
    event_route apple  { from order; when data.b = 1; to sink; }
    event_route mango  { from order; when data.b exists; to sink; }

    event_source last         { verify off; dedup off; }
    event_route last-before   { from last; to sink; }
    event_route last-stop     { from last; when data.n = 0; last; to sink; }

    event_route both          { from order last; when data.both = 1; to sink; }

    event_route last-after    { from last; to sink; }
    event_route last-fallback { from last; fallback; last;
                                when data.n = 2; to sink; }

    event_source last-fallback { verify off; dedup off; }
    event_route fallback-last  { from last-fallback; fallback; last;
                                 when data.n = 2; to sink; }
    event_route fallback-behind { from last-fallback; fallback; to sink; }

    event_source fallback { verify off; dedup off; }
    event_route rest-all  { from fallback; fallback; to sink; }
    event_route usual     { from fallback; when data.n = 1; to sink; }
    event_route rest-two  { from fallback; fallback; when data.n = 2;
                            to sink; }

    event_source copy  { verify off; dedup off; }
    event_route audit  { from copy; to erp; copy; }
    event_route some   { from copy; when data.n = 1; to sink; }
    event_route nobody { from copy; fallback; to sink; }
    event_route twin   { from copy; copy; when data.n = 3; to sink; }

    event_source twice { verify off; dedup off; }
    event_route first  { from twice; when data.a = 1; to erp; }
    event_route second { from twice; when data.b = 1; to sink erp; }
    event_route third  { from twice; when data.a = 1; to sink; }

    event_source include { verify off; dedup off; }
    event_route included { from include; include lines.conf; to sink; }

    event_source regex   { verify off; dedup off; }
    event_route match    { from regex; when data.s ~ '^(a+)+\$'; to sink; }
    event_route no-match { from regex; when data.s !~ '(a+)+\$'; to sink; }

    event_source many { verify off; dedup off; }
    include routes.d/*.conf;

    event_source shopify { verify shopify; secret $secret; dedup off; }

    event_route big {
        from  shopify;
        when  type = orders/create orders/paid;
        when  data.total_price >= 1000;
        to    sink;
    }

    event_route eur {
        from  shopify;
        when  data.total_price_set.shop_money.currency_code = EUR;
        when  type prefix orders/;
        none  { when type suffix /cancelled; }
        to    sink;
    }

    event_route nl {
        from  shopify;
        when  subject = acme.myshopify.com;
        when  data.customer_locale = nl;
        to    sink;
    }

    event_route fiets {
        from  shopify;
        when  data.id = 5678901234567;
        when  type = orders/create;
        each  data.line_items { when .price > 0; when .quantity >= 1; }
        to    sink;
    }

    event_source github { verify github; secret $secret; dedup off; }

    event_route review {
        from  github;
        when  header.X-GitHub-Event = pull_request;
        when  data.action = opened reopened;
        when  data.pull_request.base.ref = main;
        when  data.pull_request.draft = false;
        when  data.sender.login !~ '\\[bot\\]\$';
        to    sink;
    }

    event_route labeled {
        from  github;
        each  data.pull_request.labels {
            when  .name = security;
            when  .color = d73a4a;
        }
        to    sink;
    }

    event_route release {
        from  github;
        when  data.ref ~ '^refs/tags/v\\d+\\.\\d+\\.\\d{1,3}\$';
        to    sink;
    }
EOC
}


# ---- requests

sub shop {
    my ($body, %o) = @_;

    my $r = $t->post('/shopify', $body, [ shopify($body, $secret, %o) ]);

    return $r->{status} == 200 ? join(' ', @{ $r->json->{routes} })
                               : $r->{status};
}


sub hub {
    my ($body, $change, $event) = @_;

    if ($change) {
        my $json = JSON::PP->new->utf8;
        my $event = $json->decode($body);

        $change->($event);
        $body = $json->encode($event);
    }

    my $r = $t->post('/github', $body,
        [ github($body, $secret, event => $event // 'pull_request') ]);

    return $r->{status} == 200 ? join(' ', @{ $r->json->{routes} })
                               : $r->{status};
}


# the shape of GitHub's, shortened

sub github_pull {
    return <<'EOJ';
{"action":"opened","number":42,"pull_request":{"id":1790431234,
"state":"open","locked":false,"title":"Count from zero","draft":false,
"user":{"login":"octo-dev","id":583231,"type":"User"},"body":null,
"labels":[{"id":208045946,"name":"security","color":"d73a4a"},
{"id":208045947,"name":"bug","color":"0075ca"}],
"head":{"ref":"zero","sha":"6dcb09b5b57875f334f61aebed695e2e4193db5e"},
"base":{"ref":"main","sha":"c3d0be41ecbe669545ee3e94d31ed9a4bc91ee3c"},
"additions":104,"deletions":4},"repository":{"id":1296269,
"full_name":"octo-org/hello","private":false},
"organization":{"login":"octo-org"},"sender":{"login":"octo-dev"}}
EOJ
}


# ---- a thousand routes

# ten files of a hundred; "shift" moves what they ask for.  A quarter each has
# an equality test, none at all, one of two fields, an each.

sub generated {
    my ($shift) = @_;

    my @files;

    for my $file (0 .. 9) {
        my $text = '';

        for my $i ($file * 100 .. $file * 100 + 99) {
            my $n = $i + $shift;

            $text .= "event_route m$i {\n    from many;\n    "
                . ("when data.shop = shop$n;\n    when data.total > 5;",
                   "when data.total between ${n}0 ${n}9;",
                   "any { when data.sku = S$n; when data.tags = t$n; }",
                   "each data.items { when .sku = S$n; when .n >= $n; }"
                  )[$i % 4]
                . "\n    to sink;\n}\n";
        }

        push @files, [ sprintf('%02d.conf', $file), $text ];
    }

    return @files;
}


sub many_events {
    return ('{"shop":"shop400","total":10}', '{"shop":"shop400","total":5}',
        '{"shop":"shop401","total":"4015.50"}', '{"total":9975}',
        '{"sku":"S2","tags":["t6","x","t998","t999"]}',
        '{"items":[{"sku":"S3","n":2},{"sku":"S7","n":7}],"sku":"S3"}',
        '{"shop":"shop1000"}', '{"sku":"S0","total":11,"items":"S3"}');
}


# the same said in Perl

sub expected_many {
    my ($shift, $body) = @_;

    my $event = JSON::PP->new->decode($body);
    my ($shop, $total, $sku) = map { $_ // '' } @$event{qw(shop total sku)};
    my @items = ref $event->{items} ? @{ $event->{items} } : ();
    my @matched;

    for my $i (0 .. 999) {
        my $n = $i + $shift;
        my $kind = $i % 4;

        push @matched, "m$i"
            if $kind == 0 && $shop eq "shop$n" && $total ne '' && $total > 5
            || $kind == 1 && $total ne '' && $total >= $n * 10
               && $total <= $n * 10 + 9
            || $kind == 2 && ($sku eq "S$n"
                              || grep { $_ eq "t$n" } @{ $event->{tags} })
            || $kind == 3 && grep { $_->{sku} eq "S$n" && $_->{n} >= $n }
                             @items;
    }

    return join ' ', @matched;
}


# ---- nginx -t, with a folder and a log of its own

sub check {
    my (@lines) = @_;

    my $c = Test::EventRouter->new;

    $c->write_file("conf/$_.conf", $t->read_file("conf/$_.conf"))
        for qw(lines more);
    $c->write_file('conf/bad.conf',
        "when data.a = 1;\nall {\n    wen type = a;\n}\n");

    $c->config(join "\n", 'event_source s { verify off; dedup off; }',
        'server { listen 127.0.0.1:%%PORT_8098%%;',
        'location = /in { event_receive s; }',
        'location = /out { event_deliver a; return 204; } }',
        'event_route s0 { from s; to a; }', @lines);

    return $c->check_config;
}


# the best of three

sub seconds {
    my ($c, $routes) = @_;

    $c->config(join "\n", 'event_source many { verify off; dedup off; }',
        'server { listen 127.0.0.1:%%PORT_8098%%;',
        'location = /in { event_receive many; }',
        'location = /out { event_deliver sink; return 204; } }',
        'event_route m { from many; to sink; }', $routes);

    my @seconds = map { my $start = time; $c->check_config or die "nginx -t\n";
                        time - $start } 1 .. 3;

    return (sort { $a <=> $b } @seconds)[0];
}


# KB of the master

sub resident {
    my ($status) = do { local (@ARGV, $/) = "/proc/$t->{pid}/status"; <> };

    return $status =~ /^VmRSS:\s+(\d+)/m ? $1 : die "no VmRSS\n";
}
