#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/groups: routes with the same sources and targets, together, with what they
# matched, also after a reload that changes them; and how many routes a search
# of v1/routes found.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;

my $t = Test::EventRouter->new(workers => 2);

sub config {
    my ($routes, $locations) = @_;

    $locations //= '';

    $t->config(<<"EOC");

    event_source shop { verify off; id "{json:id}"; type "{json:type}"; }
    event_source mail { verify off; id "{json:id}"; type "{json:type}"; }
    event_target erp  { optional; }

    $routes

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        $locations

        location = /shop { event_receive shop; }
        location = /mail { event_receive mail; }
        location = /out/erp  { event_deliver erp;  return 204; }
        location = /out/lake { event_deliver lake; return 204; }
        location /admin/ { event_admin; }
    }
EOC
}

config(<<'EOC');
    event_route orders  { from shop; when type = order; to erp; }
    event_route refunds { from shop; when type = refund; to erp; }
    event_route letters { from mail; to erp; }
    event_route all     { from *; to lake; }
    event_route both    { from shop mail; when type = order; to erp lake; }
    event_route turned  { from shop mail; when type = x; to lake erp; }
    event_route again   { from shop mail; when type = refund; to erp lake; }
    event_route never   { from shop; when type = never; to erp; }
    event_route s { from shop; when type = never; to lake; }
EOC

$t->run;

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');
my $n = 0;

sub send_to {
    my ($source, @types) = @_;

    for my $type (@types) {
        my $r = $t->post("/$source", sprintf '{"id":"e%d","type":"%s"}', ++$n,
                         $type);

        is($r->{status}, 200, "a $type of $source");
    }
}

sub ask {
    my ($noun, $query) = @_;

    my $r = $t->get("/admin/v1/$noun$query");
    my @wrong = $api->wrong(GET => "/$noun", $r);

    is_deeply(\@wrong, [], "v1/$noun$query as described") if @wrong;

    return $r->json;
}

sub groups {
    return [ map { "@{ $_->{from} } > @{ $_->{to} }: $_->{name}"
                   . " $_->{routes} $_->{matched}" }
             @{ ask('groups', $_[0])->{groups} } ];
}

# nothing has come yet: in the order of nginx.conf

is_deeply(groups(''), [
    'shop > erp: orders 3 0', 'mail > erp: letters 1 0',
    '* > lake: all 1 0', 'shop mail > erp lake: both 2 0',
    'shop mail > lake erp: turned 1 0', 'shop > lake: s 1 0'
], 'groups by their first routes');

send_to(shop => qw(order refund refund));
send_to(mail => qw(letter letter letter letter order));

my $answer = ask('groups', '');

is_deeply(groups(''), [
    '* > lake: all 1 8', 'mail > erp: letters 1 5',
    'shop mail > erp lake: both 2 4', 'shop > erp: orders 3 3',
    'shop mail > lake erp: turned 1 0', 'shop > lake: s 1 0'
], 'each has what its routes matched, the most first');

is($answer->{nroutes}, 9, 'routes');
is($answer->{ngroups}, 6, 'and groups');
like($answer->{groups}[3]{file}, qr/nginx\.conf$/, 'where the first one is');
is(ask('groups', '?limit=2')->{ngroups}, 6, 'how many there are');
is_deeply(groups('?limit=2'), [
    '* > lake: all 1 8', 'mail > erp: letters 1 5'
], 'and two of them');
is_deeply(groups('?source=mail&target=erp&limit=2'), [
    'mail > erp: letters 1 5', 'shop mail > erp lake: both 2 4'
], 'from a source and to a target');
is($t->get('/admin/v1/groups?target=nix')->{status}, 404, 'to none');
is($t->get('/admin/v1/groups?after=1')->{status}, 400, 'there are no pages');

# how many routes a search found

is(ask('routes', '?sort=matched&target=lake&limit=1')->{nfound}, 5,
    'routes to a target');
is(ask('routes', '?sort=matched&text=er')->{nfound}, 3, 'with such names');
is(ask('routes', '?sort=name')->{nfound}, 9, 'all of them');
ok(!exists ask('routes', "?$_")->{nfound}, "$_: who knows")
    for 'target=lake', 'sort=name&after=0';

# other routes

config(<<'EOC');
    event_route letters { from mail; to erp; }
    event_route more    { from mail; when type = more; to erp; }
EOC

$t->reload;
send_to(mail => 'more');

is_deeply(groups(''), [ 'mail > erp: letters 2 7' ], 'after a reload');

# so many that some of them share a place in the table

my @wide = map { "w$_" } map { $_ * $_ * 7919 } 1 .. 40;

config(join("\n", map { "event_route $_ { from shop; to $_; }" } @wide),
    join("\n", map { "location = /out/$_ { event_deliver $_; return 204; }" }
               @wide));
$t->reload;

is_deeply(groups(''), [ map { "shop > $_: $_ 1 0" } @wide ],
    'each target is another group');

# none at all

config('');
$t->reload;

is_deeply(groups(''), [], 'without routes');

$t->done;
