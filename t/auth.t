#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "auth" of an event_target sends, in each attempt, and what wins where
# two lines set the same.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

my %secret = (
    basic => 'j\xc3\xb6rg:p:ass word-0123456789',
    bearer => 'tok.en-0123456789_~+/==',
    header => 'ApiKey abcdef 0123456789',
    query => 'k&y=?#/%+ "\xc3\xa9;0123456789',
);

for my $name (keys %secret) {
    $secret{$name} =~ s/\\x(..)/chr hex $1/ge;
    $t->write_file("conf/secrets/$name", $t->secret($secret{$name}) . "\n");
}

my %args = (query => 'api%20key=k%26y%3D%3F%23%2F%25%2B%20%22%C3%A9%3B'
                     . '0123456789');

$t->secret($args{query});
$t->secret(encode_base64($secret{basic}, ''));
$t->{environment} = { ERP_TOKEN => $t->secret('of-the-environment-1234') };

$t->config(<<'EOC');

    event_store file:%%TESTDIR%%/store size=16m;

    log_format all '$request $args';

    event_source now   { verify off; deadline 65s; id "{json:id}"; }
    event_source later { verify off; id "{json:id}"; delivery queued; }

    event_target plain   { optional; }
    event_target basic   { auth basic file:secrets/basic; }
    event_target bearer  { auth bearer file:secrets/bearer; }
    event_target env     { auth bearer env:ERP_TOKEN; }
    event_target header  { auth header X-Api-Key file:secrets/header; }
    event_target query   { auth query "api key" file:secrets/query; }
    event_target vars    { auth query "api key" file:secrets/query; }
    event_target bare    { auth query "api key" file:secrets/query; }
    event_target own     { auth query "api key" file:secrets/query; }
    event_target rewrite { auth query "api key" file:secrets/query; }
    event_target both    { auth bearer file:secrets/bearer;
                           forward_headers X-A Authorization X-B; }
    event_target forward { forward_headers X-A Authorization X-B; }
    event_target set     { auth bearer file:secrets/bearer; }
    event_target shown   { auth bearer file:secrets/bearer; }
    event_target again   { auth basic file:secrets/basic;
                           retry base=50ms max=50ms for=1h; breaker off; }

    event_route all   { from now; to plain basic bearer env header query vars
                        bare own rewrite both forward set shown; }
    event_route later { from later; to again query; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        access_log %%TESTDIR%%/logs/event.log;

        location = /now     { event_receive now; }
        location = /later   { event_receive later; }
        location = /status  { event_status; }

        location = /plain   { event_deliver plain;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /basic   { event_deliver basic;
                              log_subrequest on;
                              access_log %%TESTDIR%%/logs/combined.log;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /bearer  { event_deliver bearer;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /env     { event_deliver env;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /header  { event_deliver header;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /query   { event_deliver query;
                              log_subrequest on;
                              access_log %%TESTDIR%%/logs/combined.log;
                              proxy_pass
                                  http://127.0.0.1:%%PORT_8081%%/query/path; }
        location = /vars    { event_deliver vars;
                              set $where 127.0.0.1:%%PORT_8081%%;
                              proxy_pass http://$where/vars$is_args$args; }
        location = /bare    { event_deliver bare;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /own     { event_deliver own;
                              set $own 127.0.0.1:%%PORT_8081%%;
                              proxy_pass http://$own/own?v=1&$args; }
        location = /rewrite { event_deliver rewrite;
                              rewrite ^ /rewritten?more=1 break;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /both    { event_deliver both;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /forward { event_deliver forward;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /set     { event_deliver set;
                              proxy_set_header Authorization "Other word";
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /shown   { event_deliver shown;
                              proxy_set_header Authorization "";
                              proxy_set_header X-Other "$http_authorization";
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /again   { event_deliver again;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }

    env ERP_TOKEN;
EOC

my $conf = $t->read_file('conf/nginx.conf');

$conf =~ s/^\s*env ERP_TOKEN;\n//m;
$t->write_file('conf/nginx.conf', "env ERP_TOKEN;\n$conf");
$t->run;


# ---- what each target gets

my $r = $t->post('/now', '{"id":1}', [ Authorization => 'Bearer producers',
    'X-A' => 'a', 'X-B' => 'b' ]);

is($r->{status}, 200, 'all targets are well') or diag($r->{body});

my %got = map { $_->{uri} =~ m{^/([a-z]+)} ? ($1 => $_) : () }
          $erp->wait_requests(14);

my %authorization = (
    plain => undef, basic => 'Basic ' . encode_base64($secret{basic}, ''),
    bearer => "Bearer $secret{bearer}", env => 'Bearer of-the-environment-1234',
    header => undef, query => undef, both => "Bearer $secret{bearer}",
    forward => 'Bearer producers', set => 'Other word', shown => undef,
);

for my $name (sort keys %authorization) {
    is_deeply([ headers($got{$name}, 'Authorization') ],
        [ grep { defined } $authorization{$name} ], "$name: Authorization");
}

is_deeply([ headers($got{header}, 'X-Api-Key') ], [ $secret{header} ],
    'header: X-Api-Key');
is($got{shown}->header('X-Other'), "Bearer $secret{bearer}",
    'a header for another');
is(join(' ', map { $got{both}->header($_) } 'X-A', 'X-B'), 'a b',
    'other headers are forwarded');

is($got{query}{uri}, "/query/path?$args{query}", 'query: a static URI');
is($got{vars}{uri}, "/vars?$args{query}", 'query: with variables');
is($got{bare}{uri}, "/bare?$args{query}", 'query: without a URI');
is($got{own}{uri}, "/own?v=1&$args{query}", 'query: behind others');
is($got{rewritten}{uri}, "/rewritten?more=1&$args{query}",
    'query: with arguments');
is($got{basic}{uri}, '/basic', 'no argument for others');


# ---- each attempt has it

$erp->forget;
$erp->answer('/again', [ { status => 503 }, { status => 500 },
                         { status => 200 } ]);

is($t->post('/later', '{"id":2}')->{status}, 202, 'queued');

my @again = grep { $_->{uri} eq '/again' } $erp->wait_requests(4);

is(join('|', map { headers($_, 'Authorization') } @again),
    join('|', ($authorization{basic}) x 3), 'each attempt has it');


# ---- a reload reads it again

$t->write_file('conf/secrets/bearer', $t->secret('a-new-one-0123456789'));
$t->reload;
$erp->forget;

is($t->post('/now', '{"id":3}')->{status}, 200, 'after the reload');
is_deeply([ map { headers($_, 'Authorization') }
            grep { $_->{uri} eq '/bearer' } $erp->wait_requests(14) ],
    [ 'Bearer a-new-one-0123456789' ], 'a reload reads it again');


# ---- and a secret that is no good any more stops the reload, not nginx

$t->expect_log(qr/\[emerg\].*secret file .*bearer.* is empty/,
    'a file was emptied');
$t->write_file('conf/secrets/bearer', '');
$t->signal('HUP');
ok($t->wait_log(qr/secret file .*bearer.* is empty/), 'reload is refused');
$erp->forget;
is($t->post('/now', '{"id":4}')->{status}, 200, 'and all is as it was');
is_deeply([ map { headers($_, 'Authorization') }
            grep { $_->{uri} eq '/bearer' } $erp->wait_requests(14) ],
    [ 'Bearer a-new-one-0123456789' ], 'with the secret of before');

unlike($t->read_file('logs/combined.log'), qr/0123456789/,
    'nothing in an access log');

$t->done;


sub headers {
    my ($request, $name) = @_;

    return map { $_->[1] } grep { lc $_->[0] eq lc $name }
           @{ $request->{headers} };
}
