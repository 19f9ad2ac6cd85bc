#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Every mistake in the configuration is found by "nginx -t", which names file
# and line and says what to do, and never echoes a secret or crashes.  Warnings
# let nginx pass, and a right configuration is passed without a word.  This is
# about the blocks themselves, locations, files that are included, and whole
# configurations; t/config_*.t are about what stands in the blocks.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();


# ---- the blocks themselves

part('http');

wrong('source in quotes', 'event_source "a b" { verify off; }',
    'invalid event_source name "a b": use letters, digits, "_", "-" and "."');
wrong('target in unicode', "event_target caf\xc3\xa9 { }",
    "invalid event_target name \"caf\xc3\xa9\": use letters");
wrong('route with a slash', 'event_route a/b { from shop; to erp; }',
    'invalid event_route name "a/b": use letters');
wrong('name of 65 characters', 'event_source ' . 'x' x 65 . ' { }',
    'the name of an event_source has 1 to 64 characters');
wrong('empty name', 'event_route "" { }',
    'the name of an event_route has 1 to 64 characters');
wrong('source without a name', 'event_source { verify off; }',
    'invalid number of arguments in "event_source" directive');
wrong('target with two names', 'event_target a b { }',
    'invalid number of arguments in "event_target" directive');
wrong('source without a block', 'event_source other;',
    'directive "event_source" has no opening "{"');
wrong('two sources of a name', <<'EOC',
event_source a { verify off; }
event_source a { verify off; }  <<<
EOC
    'duplicate event_source "a": give it another name');
wrong('two targets of a name', <<'EOC',
event_target a { }
event_target a { }  <<<
EOC
    'duplicate event_target "a", the first is in '
    . '%%TESTDIR%%/conf/nginx.conf:%%N%%: give this one another name in');
wrong('two routes of a name', <<'EOC',
event_route a { from shop; to erp; }
event_route a { from shop; to erp; }  <<<
EOC
    'duplicate event_route "a", the first is in '
    . '%%TESTDIR%%/conf/nginx.conf:%%N%%: give this one another name in');
wrong('block not closed', "event_source a { verify off;\nserver { }  <<<\n",
    '"server" cannot stand in event_source: is a "}" missing before it?');

my $log = 'event_log %%TESTDIR%%/logs/a.log';

warned('a log twice', "$log;\n$log;  <<<",
    '"event_log" has "%%TESTDIR%%/logs/a.log" twice, so all is there twice: '
    . 'take one line away, or give both an if=');
fine('a log twice, of which one is a choice', "$log;\n$log if=\$arg_a;");
fine('two logs', "$log;\nevent_log %%TESTDIR%%/logs/b.log;");

part('server');

wrong('source in server', 'event_source a { verify off; }',
    '"event_source" directive is not allowed here');
wrong('target in server', 'event_target a { }',
    '"event_target" directive is not allowed here');
wrong('route in server', 'event_route a { from shop; to erp; }',
    '"event_route" directive is not allowed here');
wrong('store in server', 'event_store redis://:%%SECRET%%@127.0.0.1/0;',
    '"event_store" directive is not allowed here');
wrong('event_set in server', 'event_set $a type;',
    '"event_set" directive is not allowed here');
wrong('event_receive in server', 'event_receive shop;',
    '"event_receive" directive is not allowed here');

part('hook');

wrong('source in location', 'event_source a { verify off; }',
    '"event_source" directive is not allowed here');
wrong('concurrency in location', 'event_concurrency 5;',
    '"event_concurrency" directive is not allowed here');


# ---- locations

part('hook');

wrong('two sources in a location', 'event_receive shop;',
    '"event_receive" directive is duplicate');
wrong('receives and delivers', 'event_deliver other;',
    '"event_deliver" directive cannot stand beside "event_receive": give each '
    . 'a location of its own');
wrong('receives and passes on', 'proxy_pass http://127.0.0.1:1;',
    '"event_receive" stands beside another directive that answers requests, '
    . 'such as "proxy_pass": give each a location of its own', at => 0);
wrong('receives and tells its status', 'event_status;',
    '"event_status" cannot stand beside "event_receive": give each a location '
    . 'of its own');
wrong('event_receive in if', 'if ($arg_a) { event_receive shop; }',
    '"event_receive" directive is not allowed here');
wrong('event_deliver in if', 'if ($arg_a) { event_deliver erp; }',
    '"event_deliver" directive is not allowed here');
wrong('event_status in limit_except', 'limit_except GET { event_status; }',
    '"event_status" directive is not allowed here');

wrong('receives and passes on in if',
    'if ($arg_a) { proxy_pass http://127.0.0.1:1; }',
    '"event_receive" stands beside another directive', at => 0);
fine('if in a receiving location', 'if ($arg_a) { set $a 1; }');
fine('limit_except in a receiving location',
    'limit_except POST { deny all; }');

part('server');

wrong('passes on and receives', <<'EOC',
    location /a {
        proxy_pass     http://127.0.0.1:1;
        event_receive  shop;  <<<
    }
EOC
    '"event_receive" stands beside another directive that answers requests');
wrong('event_receive without arguments', 'location /a { event_receive; }',
    'invalid number of arguments in "event_receive" directive');
wrong('misspelt source', 'location /a { event_receive shoop; }',
    'unknown source "shoop" in "event_receive": did you mean "shop"?');
wrong('unknown source', 'location /a { event_receive warehouse; }',
    'unknown source "warehouse" in "event_receive": define it with '
    . '"event_source warehouse { ... }"');
wrong('event_deliver without arguments', 'location /a { event_deliver; }',
    'invalid number of arguments in "event_deliver" directive');
wrong('bad name of a target', 'location /a { event_deliver a/b; }',
    'invalid event_target name "a/b"');
wrong('target with two locations', 'location /a { event_deliver erp; }',
    'target "erp" is reached by location "/a" already and cannot be by '
    . '"/deliver/erp" too: give this one a target of its own', at => 9);
wrong('two targets in a location',
    'location /a { event_deliver a; event_deliver b; }',
    '"event_deliver" directive is duplicate: a location delivers to one '
    . 'target');
wrong('delivers and receives',
    'location /a { event_deliver a; event_receive shop; }',
    'a location either receives events or delivers them: remove '
    . '"event_receive" or "event_deliver"');
wrong('target in a regex location', 'location ~ ^/a { event_deliver a; }',
    '"event_deliver" cannot be used in a location given by a regular '
    . 'expression: use "location = /deliver/a"');
wrong('target in a named location', 'location @a { event_deliver a; }',
    '"event_deliver" cannot be used in a named location: use "location = '
    . '/deliver/a"');
wrong('target behind a regex', <<'EOC',
    location /a { event_deliver a; proxy_pass http://127.0.0.1:1; }
    location ~ ^/a { return 404; }
EOC
    'location "/a" of target "a" is hidden by location ~ "^/a": write '
    . '"location = /a"');
wrong('event_status with an argument', 'location /a { event_status on; }',
    'invalid number of arguments in "event_status" directive');

part('http');

wrong('target without a location', 'event_target other { optional; }',
    'no location delivers to target "other": add "location = /deliver/other { '
    . 'event_deliver other; proxy_pass ...; }"');

part('server');

fine('target without a route',
    'location /a { event_deliver a; proxy_pass http://127.0.0.1:1; }');
fine('two locations of a source', 'location /a { event_receive shop; }');
fine('event_status', 'location /events/ { event_status; deny all; }');
fine('event_admin', 'location /admin/ { event_admin; }');
fine('event_admin with all', 'location /admin/ { event_admin '
    . 'token=file:secret access=nginx reveal; }');
wrong('event_admin with another word', 'location /admin/ { event_admin all; }',
    'invalid parameter "all" of "event_admin"');
wrong('event_admin twice', "location /admin/ {\nevent_admin;\n"
    . "event_admin;  <<<\n}", '"event_admin" directive is duplicate');
$t->write_file('conf/short', 'fifteen-bytes-1');
$t->write_file('conf/sixteen', 'sixteen-bytes-12');
warned('event_admin, a token that is short',
    'location /admin/ { event_admin token=file:short; }',
    '"event_admin token=": the token has 15 bytes, so it can be guessed: make '
    . 'one of at least 16, for example with "openssl rand -hex 24"');
fine('event_admin, a token that is not',
    'location /admin/ { event_admin token=file:sixteen; }');
wrong('event_admin, no such file', 'location /admin/ { event_admin '
    . 'token=file:nowhere; }', '"event_admin token=": ');
fine('event_explain with all', 'location /a { event_explain shop '
    . 'token=file:secret access=nginx reveal; }');
wrong('event_explain with another word',
    'location /a { event_explain shop show; }',
    'invalid parameter "show" of "event_explain", which has '
    . 'token=file:PATH, access=nginx and reveal');
wrong('event_explain, no such file', 'location /a { event_explain shop '
    . 'token=file:nowhere; }', '"event_explain token=": ');

# "file:" is forgotten: the token is the path, which anybody can guess, and is
# no name that may stand in a log

warned('event_admin, a token in nginx.conf',
    'location /admin/ { event_admin token=conf/secret; }',
    '"event_admin token=": the token stands in the configuration, where '
    . '"nginx -T" shows it: write "token=file:PATH"; if this is a path, '
    . '"file:" is missing in front of it');
wrong('event_admin, two of them', 'location /admin/ { event_admin '
    . 'token=one-of-two token=two-of-two; }',
    'two tokens have the name "nginx.conf": name one of them with name=');
wrong('event_explain with event_admin',
    "location /a {\nevent_explain shop;\nevent_admin;  <<<\n}",
    '"event_admin" cannot stand beside "event_explain": give each a location '
    . 'of its own');

# of two that answer nginx would take the last one

for my $two ([ event_admin => 'event_status' ], [ event_status => 'event_admin' ])
{
    wrong("@$two in a location", "location /a {\n$two->[0];\n$two->[1];  <<<\n}",
        "\"$two->[1]\" cannot stand beside \"$two->[0]\": give each a location "
        . 'of its own');
}

for my $word (qw(event_admin event_status)) {
    my $taken = "\"$word\" stands beside another directive that answers "
        . 'requests, such as "proxy_pass": give each a location of its own';

    wrong("$word and proxy_pass",
        "location /a {\n$word;  <<<\nproxy_pass http://127.0.0.1:1;\n}", $taken);
    wrong("proxy_pass and $word",
        "location /a {\nproxy_pass http://127.0.0.1:1;\n$word;  <<<\n}", $taken);
    wrong("$word and event_deliver",
        "location = /a {\nevent_deliver a;\n$word;  <<<\n}",
        "\"$word\" cannot stand beside \"event_deliver\"");
    wrong("event_deliver and $word",
        "location = /a {\n$word;\nevent_deliver a;  <<<\n}",
        '"event_deliver" directive cannot stand beside "event_admin" or '
        . '"event_status"');
}

wrong('event_status twice', "location /a {\nevent_status;\nevent_status;  <<<\n}",
    '"event_status" directive is duplicate');

for my $path (qw(/a /a/ /v1)) {
    warned("event_admin in = $path", "location = $path { event_admin; }",
        "\"event_admin\" in \"location = $path\" has nothing below it, where its "
        . 'paths are: write "location ' . ($path =~ s{/?$}{/}r) . '"');
}

fine("event_admin in = $_", "location = $_ { event_admin; }")
    for qw(/a/dead /a/v1/dead /pause);

# access=nginx where nginx asks nobody

for my $case ([ 'event_admin', '' ], [ 'event_explain', ' shop' ]) {
    my ($name, $source) = @$case;
    my $line = "$name$source access=nginx;";

    for my $open ('', 'auth_basic off;', 'satisfy any;',
                  'limit_except GET { deny all; }')
    {
        warned("$name access=nginx, $open",
            "location /a {\n$open\n$line  <<<\n}",
            qq("$name access=nginx" lets everybody in, for nginx has no rule ));
    }

    fine("$name access=nginx, $_", "location /a { $line $_ }")
        for 'deny all;', 'allow 127.0.0.1; deny all;', 'allow all;',
            'allow ::1;', 'allow unix:;', 'internal;',
            'auth_basic x; auth_basic_user_file /dev/null;',
            'auth_request /b;', 'if ($arg_a) { return 403; } deny all;';
    fine("$name access=nginx, a rule around it",
        "location / { deny all; location /a { $line } }");
    fine("$name access=nginx, a rule of the server",
        "location /a { $line } allow 10.0.0.0/8; deny all;");
    fine("$name without access=nginx", "location /a { $name$source; }");
}

fine('event_explain', 'location /explain { event_explain shop; deny all; }');
wrong('event_explain without arguments', 'location /a { event_explain; }',
    'invalid number of arguments in "event_explain" directive');
wrong('explains an unknown source', 'location /a { event_explain warehouse; }',
    'unknown source "warehouse" in "event_explain": define it with '
    . '"event_source warehouse { ... }"');
wrong('delivers and explains',
    'location /a { event_deliver a; event_explain shop; }',
    'a location either receives events or delivers them: remove '
    . '"event_explain" or "event_deliver"');


# ---- the other directives of http

part('http');

for my $case ([ 'event_concurrency 0', 'value must be' ],
              [ 'event_concurrency 65537', 'value must be' ],
              [ 'event_concurrency many', 'invalid number' ],
              [ 'event_concurrency', 'invalid number of arguments' ],
              [ 'event_concurrency 9999999999999999999m', 'invalid number' ],
              [ 'event_backlog -1', 'invalid number' ],
              [ 'event_backlog 9999999999999999999', 'invalid number' ],
              [ 'event_backlog 1 2', 'invalid number of arguments' ],
              [ 'event_set $a', 'invalid number of arguments' ],
              [ 'event_set order data.id', 'invalid variable name "order": '
                . 'write a name behind "$", as in "event_set $order data.id;"'
              ],
              [ 'event_set $ data.id', 'invalid variable name "$": write a '
                . 'name behind "$"' ],
              [ 'event_set $a data.id url', 'invalid parameter "url", the '
                . 'only one is "uri"' ],
              [ 'event_set $a dat.id', 'unknown field "dat.id": did you mean '
                . '"data.id"?' ],
              [ 'event_set $a $host', '"$host" is a variable already: use it '
                . 'as it is' ],
              [ 'event_set $a .id', 'the field ".id" begins with "."' ],
              [ 'event_set $host data.id', 'the duplicate "host" variable' ],
              [ 'event_set $event_id data.id',
                'the duplicate "event_id" variable' ])
{
    my ($line, $expected) = @$case;

    wrong($line, "$line;", $expected);
}

wrong('event_set twice', "event_set \$a type;\nevent_set \$a id;  <<<",
    'the duplicate "a" variable');
wrong('event_concurrency twice',
    "event_concurrency 5;\nevent_concurrency 6;  <<<",
    '"event_concurrency" directive is duplicate');
fine('event_set', 'event_set $order data.id uri;');


# ---- include in each block, and the place of what is wrong in there

$t->write_file('conf/source.conf', "dedup  24h;\nmax_hops  4;\n");
$t->write_file('conf/target.conf', "optional;\n");
$t->write_file('conf/route.conf', "when  type exists;\n");
$t->write_file('conf/lines.conf', "when  data.a = 1;\nwhen data.b = 1;\n");
$t->write_file('conf/bad-source.conf', "dedup  24h;\n\nmax_hops  0;\n");
$t->write_file('conf/late-source.conf', "# key\n\nkey  hax;\n");
$t->write_file('conf/bad-target.conf', "# method\nmethod  FETCH;\n");
$t->write_file('conf/bad-route.conf', "last;\nwhen  tpye = 1;\n");

part('source');
fine('include', 'include source.conf;');
fine('include of a pattern', 'include [s]ourc*.conf;');
wrong('mistake in an included file', 'include bad-source.conf;',
    'invalid value "0" in "max_hops"', at => 'bad-source.conf:3');
wrong('mistake found at the end', 'include late-source.conf;',
    'invalid value "hax", write: key', at => 'late-source.conf:3');

part('target');
fine('include', 'include target.conf;');
wrong('mistake in an included file', 'include bad-target.conf;',
    'invalid method "FETCH"', at => 'bad-target.conf:2');

part('route');
fine('include', 'include route.conf;');
fine('include in a condition', "any {\ninclude lines.conf;\n}");
wrong('mistake in an included file', 'include bad-route.conf;',
    'unknown field "tpye"', at => 'bad-route.conf:2');


# ---- warnings

part('http');

warned('source that is not used', 'event_source a { verify bearer; secret '
    . "file:secret; }\nevent_route a { from a; to erp; }",
    'event_source "a" is not used: no location has "event_receive a;"');
warned('source without a route', <<'EOC',
event_source a { verify bearer; secret file:secret; }
server { listen unix:%%TESTDIR%%/a; location / { event_receive a; } }
EOC
    'no event_route is from source "a": its events go nowhere');
warned('route behind the last', <<'EOC',
event_route always { from shop; to erp; last; }
event_route hidden { from shop; when type = a; to erp; }  <<<
EOC
    'event_route "hidden" is never reached: event_route "always" before it '
    . 'always matches and is the last');
warned('fallback beside always', <<'EOC',
event_route always { from shop; to erp; }
event_route other { from shop; to erp; fallback; }  <<<
EOC
    'event_route "other" is never reached: event_route "always" always '
    . 'matches');

fine('fallback beside a copy of everything', <<'EOC',
event_route always { from shop; to erp; copy; }
event_route other { from shop; to erp; fallback; }
EOC
    with => { route => 'when type = a;' });

warned('more deliveries than connections', 'event_concurrency 512;',
    '512 deliveries at once take 1024 connections, and a worker has 1024: '
    . 'make "worker_connections" larger or "event_concurrency" smaller',
    at => 'nowhere');
fine('as many deliveries as there are connections for',
    'event_concurrency 511;');

part('deliver');

for my $what (qw(read connect send)) {
    warned("$what time-out beyond the deadline", "proxy_${what}_timeout 60s;",
        "target \"erp\": proxy_${what}_timeout 60s is longer than the "
        . 'deadline 10s of source "shop": set it below', at => -1);
}

part('server');

warned('time-out of a target without a block', <<'EOC',
    location /a {
        event_deliver       a;  <<<
        proxy_pass          http://127.0.0.1:1;
        proxy_read_timeout  10001ms;
    }
EOC
    'target "a": proxy_read_timeout 10001ms is longer than the deadline 10s '
    . 'of source "shop"', with => { route => 'to a erp;' });
warned('location of a target without proxy_pass', <<'EOC',
    location = /a {
        event_deliver  a;  <<<
    }
EOC
    'the location of target "a" has no "proxy_pass"',
    with => { route => 'to a erp;' });


# ---- whole configurations

part('http');

fine('nothing of the module', '', with => {});

$t->config("server { listen 127.0.0.1:%%PORT_8080%%; return 204; }");
my ($ok, $said) = $t->check_config;
ok($ok && $said !~ /\[(?:warn|emerg)\]/, 'module alone is quiet')
    or diag($said);

$t->config(<<'EOC');

    event_store        memory:1m;
    event_dedup_store  redis://127.0.0.1:6379/0 timeout=100ms;
    event_concurrency  64;
    event_backlog      0;
    event_set          $order data.order.id uri;

    log_format  events  '$event_id $event_type $event_source $event_subject '
                        '$event_time $event_routes $event_target '
                        '$event_attempt $event_verify $event_dedup '
                        '$event_status $order';
    access_log  %%TESTDIR%%/logs/events.log events;

    proxy_connect_timeout  1s;
    proxy_send_timeout     1s;
    proxy_read_timeout     3s;

    event_source shop {
        verify      shopify;
        secret      file:secret;
        secret      env:TEST_SECRET;
        dedup       48h by=id on_error=local;
        deadline    4s;
        unrouted    202;
        public_url  https://$host$request_uri;
    }

    event_source own {
        verify     hmac-sha256;
        secret     file:secret;
        key        utf8;
        signed     "{ts}.{body}";
        signature  header:X-Sign prefix=v1= separator=, encoding=hex;
        timestamp  header:X-Time unit=ms tolerance=60s;
        id         "{json:id}" "{header:X-Id}";
        type       "{json:type}";
        handshake  off;
        accept     application/json;
        max_size   256k;
        limits     depth=16 string=64k;
    }

    event_target finance {
        optional;
        method           PUT;
        forward_headers  X-Shopify-Topic;
    }

    event_route paid {
        from  shop own;
        when  type = orders/paid;
        to    erp finance;
    }

    event_route rest {
        from      *;
        fallback;
        to        erp;
    }

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /hook { event_receive shop; }
        location = /own { event_receive own; }
        location = /deliver/erp {
            event_deliver     erp;
            proxy_pass        http://127.0.0.1:1/orders/$order;
            proxy_set_header  X-Order $event_id;
        }
        location = /deliver/finance {
            event_deliver  finance;
            proxy_pass     http://127.0.0.1:1;
        }
        location /events/ { event_status; allow 127.0.0.1; deny all; }
    }
EOC

($ok, $said) = $t->check_config;
ok($ok && $said !~ /\[(?:warn|emerg)\]/, 'full configuration is quiet')
    or diag($said);

$t->done;
