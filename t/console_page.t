#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The pages for people, as they are served: who gets one and who gets JSON, the
# policy with the hashes of what is in the page, gzip and not, ETag, the forms
# of a location, and sources that ask nobody else for anything.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256);
use File::Basename qw(basename);
use IO::Uncompress::Gunzip qw(gunzip);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

use constant CHROMIUM => 'text/html,application/xhtml+xml,application/xml;'
    . 'q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,'
    . 'application/signed-exchange;v=b3;q=0.7';

my $t = Test::EventRouter->new;

$t->write_file('token', 'hush-hush');
$t->write_file('users', "ops:{PLAIN}pass\n");
$t->target(8081);

$t->config(<<'EOC');

    event_store file:%%TESTDIR%%/store size=4m;

    event_source shop-of-secrets { verify off; id "{json:id}";
                                   delivery queued; }
    event_target erp-of-secrets  { retry off; }
    event_route  all { from shop-of-secrets; to erp-of-secrets; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        gzip on;
        gzip_types *;

        location = /in      { event_receive shop-of-secrets; }
        location = /out     { event_deliver erp-of-secrets; return 400; }

        location /admin/    { event_admin token=file:%%TESTDIR%%/token; }
        location /bare      { event_admin token=file:%%TESTDIR%%/token; }
        location = /exact   { event_admin token=file:%%TESTDIR%%/token; }
        location ~ ^/re[0-9]+ { event_admin token=file:%%TESTDIR%%/token; }
        location /if/       { event_admin token=file:%%TESTDIR%%/token;
                              if ($arg_a) { set $b 1; } }

        location /status/   { event_status; }
        location = /numbers { event_status; }

        location /denied/   { event_admin access=nginx; deny all; }
        location /basic/    { event_admin access=nginx; auth_basic "ops";
                              auth_basic_user_file %%TESTDIR%%/users; }
        location /hidden/   { event_status; deny all; }
    }
EOC

$t->run;

# ---- who gets a page

for my $uri ('/admin/', '/bare', '/bare/', '/exact', '/re7', '/re7/', '/if/',
             '/if/?a=1', '/status/', '/numbers')
{
    my $r = page($uri);

    is($r->{status}, 200, "$uri: a page");
    is($r->header('Content-Type'), 'text/html; charset=utf-8', 'of HTML');
    like($r->{body}, qr/\A<!doctype html>.*<\/html>\n\z/s, 'which is whole');
    unlike($r->{body}, qr/secrets|hush/, 'and has no data');
}

isnt(page('/admin/')->{body}, page('/status/')->{body}, 'two pages');

for my $uri ('/admin/x', '/bare/x', '/bares', '/if/x?a=1') {
    is(page($uri)->{status}, 404, "$uri: none");
}

is(page('/admin/v1/jobs')->{status}, 403, 'data need a token');
is(page('/admin/dead')->{status}, 403, 'below the address, too');
is(page('/re7/v1/jobs')->{status}, 403, 'and below any');
is($t->get('/admin/v1/jobs', [ Accept => CHROMIUM,
    Authorization => 'Bearer hush-hush' ])->json->{jobs} && 1, 1,
    'which a browser gets as JSON');

# that the console asks for its token is no news, that somebody tries one is

my $before = refused();

for my $fetch ([], [ 'Sec-Fetch-Site' => 'cross-site' ],
               [ 'Sec-Fetch-Site' => 'same-origin',
                 Authorization => 'Bearer guessed' ])
{
    $t->get('/admin/v1/jobs', $fetch);
    ok(wait_until(5, sub { refused() > $before }), 'error.log has it');
    $before = refused();
}

is($t->get('/admin/v1/jobs', [ 'Sec-Fetch-Site' => 'same-origin' ])->{status},
    403, 'without a token');
$t->get('/admin/v1/jobs', [ Authorization => 'Bearer hush-hush' ]);
is(refused(), $before, 'which error.log has at level info');

# curl, scripts and scrapers get what they always got

for my $accept ('*/*', 'application/json', 'text/*', 'text/html;q=0',
                'application/json, text/html;q=0.9', 'text/htmlx',
                'application/xhtml+xml', 'text/html;q=x', '', undef)
{
    my $headers = defined $accept ? [ Accept => $accept ] : [];
    my $name = defined $accept ? "Accept: $accept" : 'no Accept';

    my $r = $t->get('/admin/', $headers);
    is($r->{status}, 404, "$name: no console");
    like($r->json->{detail}, qr/v1\/openapi\.json/, 'but the way to the API');

    ok($t->get('/status/', $headers)->json->{version}, 'numbers');
}

for my $accept ('text/html', 'TEXT/HTML', 'text/html;level=1',
                'text/html;q=0.5', ' text/html ; q=0.5 , */*',
                'application/json;q=0.4,text/html; Q=0.5',
                'application/json, text/html')
{
    is($t->get('/admin/', [ Accept => $accept ])->header('Content-Type'),
        'text/html; charset=utf-8', "Accept: $accept: the console");
}

for my $path ('metrics', 'metrics/routes', 'healthz', 'readyz') {
    my $r = $t->get("/status/$path", [ Accept => CHROMIUM ]);

    isnt($r->header('Content-Type'), 'text/html; charset=utf-8',
        "$path is no page");
}

# ---- what nginx asks holds

is(page('/denied/')->{status}, 403, 'deny');
is(page('/hidden/')->{status}, 403, 'deny of the numbers');
is(page('/basic/')->{status}, 401, 'auth_basic');
is($t->get('/basic/', [ Accept => CHROMIUM, Authorization => 'Basic '
    . encode_base64('ops:pass', '') ])->{status}, 200, 'and its password');

# ---- methods

for my $uri ('/admin/', '/status/') {
    my $r = $t->post($uri, '{}', [ Accept => CHROMIUM ]);

    is($r->{status}, 405, "POST $uri");
    is($r->header('Allow'), 'GET, HEAD', 'what is allowed');

    $r = $t->request(HEAD => $uri, [ Accept => CHROMIUM ]);
    is($r->{status}, 200, "HEAD $uri");
    is($r->header('Content-Length'), length page($uri)->{body}, 'its length');
    is($r->{body}, '', 'and no more');
}

# ---- headers, gzip, ETag

for my $uri ('/admin/', '/status/') {
    my $plain = page($uri);
    my $r = page($uri, 'Accept-Encoding' => 'gzip');
    my $tag = $r->header('ETag');

    is($r->header('Content-Encoding'), 'gzip', "$uri is packed");
    is($plain->header('Content-Encoding'), undef, 'or not');

    gunzip(\$r->{body} => \my $unpacked) or die;

    is($unpacked, $plain->{body}, 'it is the same page');
    cmp_ok(length $unpacked, '<=', 150 * 1024, 'of 150 KB at most');
    cmp_ok(length $unpacked, '>', 4 * length($r->{body}) / 2, 'well packed');

    is($r->header('Vary'), 'Accept, Accept-Encoding', 'caches know');
    is($r->header('Cache-Control'), 'no-cache', 'and ask');
    is($r->header('X-Content-Type-Options'), 'nosniff', 'nosniff');
    is($r->header('Referrer-Policy'), 'no-referrer', 'no referrer');

    like($tag, qr/\AW\/"[0-9a-f]{16}"\z/, 'ETag');
    is($plain->header('ETag'), $tag, 'the same unpacked');

    for my $match ($tag, qq("none", $tag), '*') {
        $r = page($uri, 'If-None-Match' => $match);
        is($r->{status}, 304, "If-None-Match: $match");
        is($r->{body}, '', 'no body');
    }

    is(page($uri, 'If-None-Match' => '"none"')->{status}, 200, 'another one');

    policy($uri, $plain);
}

# the address with JSON has no ETag: there is nothing to compare

is($t->get('/status/', [ 'If-None-Match' => '*' ])->{status}, 200,
    'numbers are always sent');

# ---- the sources

my $dir = "$FindBin::Bin/../ngx_event_router_module/observe/console";
my @order = slurp("$dir/order") =~ /^    (\S+)$/mg;
my @sources = map { basename($_) } glob "$dir/*.js $dir/*.css $dir/*.html";

for my $file (@sources) {
    my $text = slurp("$dir/$file");

    ok(scalar(grep { $_ eq $file } @order), "$file is in a page");

    is(join(' ', grep { !m{^http://www\.w3\.org/(?:2000/svg|1999/xlink)$} }
            $text =~ m{\b(?:https?|wss?|ftp)://[\w./]+}g),
        '', 'asks nobody else');
    is(join(' ', $text =~ /\b(innerHTML|outerHTML|insertAdjacentHTML|
                              document\.write|eval|new\ Function|DOMParser|
                              createContextualFragment|localStorage|
                              sessionStorage|indexedDB|document\.cookie)\b/gx),
        '', 'makes elements of nodes, keeps nothing');
    unlike($text, qr/\son[a-z]+\s*=\s*["']|\sstyle\s*=\s*["']|javascript:/,
        'nothing inline') if $file =~ /html$/;
    is((() = $text =~ /.{101,}/g) + 0, 0, 'no line is too long')
        if $file !~ /html$/;
}

$t->stop;

is(scalar(grep { /hush-hush/ } $t->log_lines), 0, 'no token in the log');

# ---- what it tells somebody who has no source yet is a configuration

my ($first) = slurp("$dir/flow.js")
              =~ /er\.el\('pre', \{\}, ('event_source .*?')\)\n/s;

$first = join '', ($first // '') =~ /'([^']*)'/g;
$first =~ s/\\n/\n/g;
$first =~ s{PRESET}{github};
$first =~ s{FILE}{%%TESTDIR%%/token};
$first =~ s{ADDRESS}{http://127.0.0.1:%%PORT_8081%%};

my ($nouns, $locations) = $first =~ /^(event_source .*?)(location .*)\z/s;

$t->config(($nouns // 'none') . "\nserver {\nlisten 127.0.0.1:%%PORT_8080%%;\n"
           . ($locations // '') . "\n}\n");

my ($right, $said) = $t->check_config;

ok($right, 'nginx takes the first lines') or diag($said);

done_testing();


sub page {
    my ($uri, @headers) = @_;

    return $t->get($uri, [ Accept => CHROMIUM, @headers ]);
}


# lines of error.log

sub refused {
    return scalar grep { /\[error\].*access forbidden/ } $t->log_lines;
}


# by the bytes that came

sub policy {
    my ($uri, $r) = @_;

    my $policy = $r->header('Content-Security-Policy');
    my %have = map { my ($name, @rest) = split ' '; $name => "@rest" }
               split /; /, $policy;
    my $page = $r->{body};

    my @styles = $page =~ m{<style>(.*?)</style>}gs;
    my @scripts = $page =~ m{<script>(.*?)</script>}gs;

    is(scalar @styles, 1, 'one style');
    is(scalar @scripts, 1, 'one script');
    is((() = $page =~ /<(?:script|style|link|img|iframe|object|embed|base)\b/g)
        + 0, 3, 'beside them the icon');

    is_deeply(\%have, {
        'default-src' => "'none'",
        'connect-src' => "'self'",
        'img-src' => 'data:',
        'base-uri' => "'none'",
        'form-action' => "'none'",
        'frame-ancestors' => "'none'",
        'style-src' => hash($styles[0]),
        'script-src' => hash($scripts[0]),
    }, "the policy of $uri");
}


sub hash {
    return "'sha256-" . encode_base64(sha256($_[0]), '') . "'";
}


sub slurp {
    my ($name) = @_;

    open my $f, '<', $name or die "$name: $!\n";
    local $/;

    return <$f>;
}
