#!/usr/bin/perl

# Copyright (C) Event Router contributors

# t/bin/explain, which "make explain" runs: an event explained by a nginx.conf
# whose nginx does not run and whose folder stays as it is; places are those of
# the files as they are; what cannot be explained is said in a sentence.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find qw(find);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;
use Test::EventRouter::Sign;

my $root = "$FindBin::Bin/..";
my $dir = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

plan skip_all => 'the dynamic module is tested here'
    if $ENV{TEST_NGINX_STATIC} && !-e "$root/build/asan/nginx";

mkdir "$dir/$_" for qw(conf conf/routes.d conf/rules conf/secrets);

write_file('conf/secrets/shop', 'told-nobody');
write_file('conf/rules/a.json', '{ "data": { "n": [ 2 ] } }');
write_file('conf/lines.conf', "when data.m > 1;\n");
write_file('conf/nginx.conf', <<'EOC');
user nobody;
load_module modules/nothing_that_is_there.so;
include none.d/*.conf;
events { worker_connections 9; }

http {
    # a comment with a brace { and a "quote
    event_store  memory:64m;
    upstream erp { server 192.0.2.1:443; }
    log_format odd '$remote_addr { "a" }';

    map $http_x_tier $tier { "" none; default $http_x_tier; }

    event_source shop { verify shopify; secret file:secrets/shop; }
    event_source gone {
        verify  github;
        secret  file:secrets/gone;
        secret  "env:NO_SUCH_SECRET_HERE";
    }

    include routes.d/*.conf;

    server {
        listen 443 ssl;
        ssl_certificate /nowhere;
        include fastcgi_params_that_are_not_there;
        location = /hook { event_receive shop; }
        location = /deliver/erp { event_deliver erp; proxy_pass https://erp; }
    }
}
EOC
write_file('conf/routes.d/10-first.conf', <<'EOC');

event_route first {
    from  shop gone;
    when  $tier = "gold { plated }";
    to    erp;
}
EOC
write_file('conf/routes.d/20-second.conf', <<'EOC');
event_route second {
    from     shop gone;
    pattern  rules/a.json;
    include  lines.conf;
    to       erp audit;
}
event_target audit { optional; }
EOC

my $before = listing();

write_file('event.json', my $event = '{"n":2,"m":1}');
write_file('headers', join "\r\n", headers(shopify($event, 'told-nobody')),
    'X-Tier: tin', 'Content-Length: 99');

my ($said, $err, $status) = explained("FILE=$dir/event.json",
    "CONF=$dir/conf/nginx.conf", 'SOURCE=shop', "HEADERS=$dir/headers");

is($status, 0, 'explained') or diag($err);
is($err, '', 'without complaints');

my $json = decode_json($said || '{}');
my ($first, $second) = @{ $json->{events}[0]{routes} };

is($json->{verification}{verdict}, 'ok', 'verified');
is($first->{place}, "$dir/conf/routes.d/10-first.conf:2", 'place of a route');
is($first->{decided}{place}, "$dir/conf/routes.d/10-first.conf:4",
    'place of a line');
is($first->{decided}{line}, 'when $tier = \'gold { plated }\'', 'line');
is($first->{decided}{values}[0]{text}, 'tin', 'value of a map');
is($second->{decided}{line}, 'when data.m > 1', 'an included line');
is($second->{decided}{place}, "$dir/conf/lines.conf:1", 'its place');
unlike($said, qr/told-nobody|event-explain/, 'no secret, no folder of ours');

write_file('event.json', '{"n":2,"m":2}');
($said) = explained("FILE=$dir/event.json", "CONF=$dir/conf/nginx.conf",
    'SOURCE=shop');
$json = decode_json($said || '{}');
is($json->{refused}{status}, 401, 'without a signature');
is_deeply($json->{events}[0]{targets}, [qw(erp audit)], 'targets');

($said, $err) = explained("FILE=$dir/event.json", "CONF=$dir/conf/nginx.conf",
    'SOURCE=gone');
like($err, qr/"file:secrets\/gone" cannot be read, so verification fails/,
    'a secret is not there');
is(decode_json($said || '{}')->{verification}{verdict}, 'failed',
    'and verification fails');

is(listing(), $before, 'the folder is as it was');

like(`make -n -C $root explain FILE=a.json CONF=b.conf 2>&1`,
    qr{t/bin/explain FILE='a\.json' CONF='b\.conf' SOURCE=''.*HEADERS=''$}ms,
    'make explain passes what it was given, and nothing else');


# ---- a queue: the sources need one, CONF's own is not touched

write_file('queued.conf', <<'EOC');
http {
    include store*.conf;

    event_source wares {
        verify    shopify;
        secret    value-told-nobody;
        delivery  queued;
        retain    1h;
    }
    event_route wares { from wares; to erp; }
}
EOC

for my $store ('file:store size=8g', 'redis://127.0.0.1:1/0 password_file=a',
               '"unix:no.sock"')
{
    write_file('store.conf', "event_store $store;\n");
    ($said, $err) = explained("FILE=$dir/event.json", "CONF=$dir/queued.conf");
    is_deeply(decode_json($said || '{}')->{events}[0]{targets}, ['erp'],
        "explained with a queue: $store") or diag($err);
}

ok(!-e "$dir/store", 'and no store was made');

write_file('store.conf', "event_store memory:1m;\n");
wrong([ "FILE=$dir/event.json", "CONF=$dir/queued.conf" ],
    qr/"wares" has "delivery queued", but no event_store keeps a queue/,
    'a queue that is not there');


# ---- what is wrong

wrong([ "FILE=$dir/event.json", "CONF=$dir/conf/nginx.conf" ],
    qr/SOURCE=name, one of gone shop/, 'which source');
wrong([ "FILE=$dir/event.json", "CONF=$dir/conf/nginx.conf", 'SOURCE=a' ],
    qr/no event_source "a": there are gone shop/, 'an unknown source');
wrong([ "FILE=$dir/none.json", "CONF=$dir/conf/nginx.conf" ],
    qr/cannot read \S+none\.json: No such file/, 'no event');
wrong([ 'CONF=a' ], qr/write FILE=event\.json CONF=nginx\.conf/, 'no FILE');

write_file('conf/routes.d/20-second.conf', <<'EOC');
event_route second {
    from  shop;
    when  type prefx orders/;
    to    erp;
}
EOC
wrong([ "FILE=$dir/event.json", "CONF=$dir/conf/nginx.conf", 'SOURCE=shop' ],
    qr{unknown operator "prefx": did you mean "prefix"\? in \Q$dir\E/conf/routes\.d/20-second\.conf:3},
    'a mistake in CONF');

done_testing();


sub explained {
    my (@args) = @_;

    my $pid = fork // die;

    if ($pid == 0) {
        open STDOUT, '>', "$dir/out" or die;
        open STDERR, '>', "$dir/err" or die;
        exec "$root/t/bin/explain", @args or die;
    }

    waitpid $pid, 0;

    return (slurp("$dir/out"), slurp("$dir/err"), $? >> 8);
}


sub wrong {
    my ($args, $re, $what) = @_;

    my ($out, $err, $status) = explained(@$args);

    isnt($status, 0, "$what: refused");
    like($err, $re, "$what: why");
    is($out, '', "$what: nothing else");
}


sub headers {
    my @lines;

    while (my ($name, $value) = splice @_, 0, 2) {
        push @lines, "$name: $value";
    }

    return @lines;
}


sub listing {
    my @found;

    find({ no_chdir => 1, wanted => sub {
        push @found, "$_ " . join ' ', (stat)[2, 7, 9] } }, "$dir/conf");

    return join "\n", sort @found;
}


sub write_file {
    my ($name, $text) = @_;

    open my $f, '>', "$dir/$name" or die "$name: $!\n";
    print $f $text;
    close $f or die;
}


sub slurp {
    my ($name) = @_;

    open my $f, '<', $name or die "$name: $!\n";
    local $/;

    return scalar(<$f>) // '';
}
