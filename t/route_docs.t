#!/usr/bin/perl

# Copyright (C) Event Router contributors

# docs/routing.md is true: every block of configuration on the page passes
# "nginx -t"; every event in the tables under the examples matches or does not,
# as the table says, with all examples of the page in one nginx; and the lists
# of directives, fields, operators and limits are those of the code.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $root = "$FindBin::Bin/..";
my $page = slurp('docs/routing.md');
my $secret = 'routing-is-no-secret';


# ---- the page

# blocks in their order, each with the rows of the table under it

my @blocks;

while ($page =~ /^```nginx\n(.*?)^```\n\n?((?:\|[^\n]*\n)*)/gms) {
    my ($text, $table) = ($1, $2);
    my ($name) = $text =~ /^(?:event_route|location =) (\S+) \{/m;

    push @blocks, { name => $name, text => $text, rows => [
        map { /^\| (.*?) \| ((?:yes|no)\b.*?) \|$/ ? [ $1, $2 ] : () }
        split /\n/, $table ] };
}

my ($examples) = $page =~ /^## Examples\n(.*?)^## /ms;
my $numbered = () = $examples =~ /^### \d+\. /mg;

cmp_ok($numbered, '>=', 10, 'ten examples');

for my $block (@blocks) {
    my ($ok, $said) = check($block);

    ok($ok, "$block->{name} passes") or diag($said);
    unlike($said, qr/\[warn\]/, "$block->{name} without a warning");
}

for my $block (grep { index($examples, $_->{text}) >= 0 } @blocks) {
    for my $verdict (qw(yes no)) {
        ok((grep { $_->[1] =~ /^$verdict/ } @{ $block->{rows} }),
            "$block->{name} shows a \"$verdict\"");
    }
}


# what other languages say, as lines: each translation passes "nginx -t"

my ($others) = $page =~ /^## From other languages\n(.*?)^## /ms;
my ($tables, @lines) = (0);

for my $row (split /\n/, $others) {
    $tables++ if $row =~ /^\| .* \| here \|$/;

    my ($here) = $row =~ /^\| .* \| (.*?) \|$/ or next;

    push @lines, $here =~ /`((?:when|any|all|none|each) [^`]+[;}])`/g;
}

is($tables, 4, 'four other languages');
cmp_ok(scalar(@lines), '>', 45, 'their translations');

my ($passes, $complaint) = check({ text => join '', map {
    "event_route translated-$_ { from shopify; $lines[$_] to erp; }\n"
} 0 .. $#lines });

ok($passes, 'every translation passes') or diag($complaint);


# ---- the events

my $t = Test::EventRouter->new;

$t->write_file('conf/secret', $t->secret($secret));
$t->config(configuration(join("\n", map { $_->{text} } @blocks)));
$t->run;

for my $block (@blocks) {
    for my $row (@{ $block->{rows} }) {
        my ($event, $verdict) = @$row;
        my %matched = map { $_ => 1 } matched($block, $event);

        is($matched{ $block->{name} } ? 'yes' : 'no',
            $verdict =~ /^(\w+)/ && $1, "$block->{name}: $event");
    }
}


# ---- the tables

my $route = slurp('ngx_event_router_module/route/route.c');
my $field = slurp('ngx_event_router_module/route/field.c');
my $operator = slurp('ngx_event_router_module/route/comparison.c');

my ($rows) = $route =~ /ngx_er_route_rows\[\] = \{(.*?)\n\};/s;

is(words(table('directive')),
    words($rows =~ /^    \{ "(\w+)"/mg, 'include'),
    'directives');

my ($names) = $field =~ /ngx_er_field_words\[\] = \{(.*?)\}/s;

is(words(table('field')),
    words($names =~ /"(\w+)"/g, '$variable'), 'fields');

my ($table) = $operator =~ /ngx_er_operators\[\] = \{(.*?)\n\};/s;
my @operators = $table =~ /\{ "(\S+)", NGX_ER/g;

# those that ignore case are told below the table

is(words(table('operator'), $page =~ /`(\w+_ci)`/g), words(@operators),
    'operators');

my ($types) = $operator =~ /ngx_er_types\[\] = \{(.*?)\}/s;

is(words(($page =~ /^\| `is` \|(.*)\|$/m)[0] =~ /`(\w+)`/g),
    words($types =~ /"(\w+)"/g), 'types');

for my $limit ([ 'lines.h', 'LINES_DEPTH', 'up to %s in one another' ],
               [ 'field', 'PATH_STEPS', 'up to %s steps' ],
               [ 'field', 'PATH_KEY', 'a key up to %s bytes' ],
               [ 'number', 'NUMBER_LEN', 'up to %s bytes and an' ],
               [ 'number', 'NUMBER_EXPONENT', 'up to %s digits' ],
               [ 'budget.h', 'BUDGET_TIME', '%s ms of CPU time' ])
{
    my ($file, $name, $text) = @$limit;
    my ($n) = slurp('ngx_event_router_module/route/'
                    . ($file =~ /\./ ? $file : "$file.c"))
              =~ /^#define NGX_ER_$name +(\d+)/m;
    my $want = sprintf $text, $n // 'unknown';

    like($page =~ s/\s+/ /gr, qr/\Q$want\E/, "limit: $want");
}

my $regex = slurp('ngx_event_router_module/route/regex.c');

like($regex, qr/^#define NGX_ER_REGEX_TEXT +16384 /m, 'limit: 16 KB');

$t->done;


# ---- nginx

sub check {
    my ($block) = @_;

    my $c = Test::EventRouter->new;

    $c->write_file('conf/secret', $secret);
    $c->config(configuration($block->{text}));

    return $c->check_config;
}


# a wrapper: the sources and targets that the text names; those that it makes
# itself get the secret that is there

sub configuration {
    my ($text) = @_;

    my @location = $text =~ /^(location .*?^\}\n)/msg;

    $text =~ s/^location .*?^\}\n//msg;

    $text = "event_route all { from shopify; to erp; }\n" if $text !~ /\S/;

    my %source = map { $_ => 1 } map { split } $text =~ /\bfrom +([^;]+);/g;

    %source = (%source, map { $_ => 1 } map { /event_explain +(\w+)/g }
                        @location);
    my %target = map { $_ => 1 } map { split } $text =~ /\bto +([^;]+);/g;

    %source = (shopify => 1, github => 1) if delete $source{'*'};

    my %own = map { $_ => 1 } $text =~ /^event_source +(\S+) \{/mg;

    $text =~ s{\bfile:/etc/nginx/secrets/\w+;}{file:secret;}g;

    my $sources = join '', map { <<"EOC" } grep { !$own{$_} } sort keys %source;
    event_source $_ {
        verify    $_;
        secret    file:secret;
        dedup     off;
        delivery  sync;
    }
EOC

    my $receive = join '', map { "location = /$_ { event_receive $_; }\n" }
                           sort keys %source;

    my $deliver = join '', map { <<"EOC" } sort keys %target;
        location = /deliver/$_ {
            event_deliver  $_;
            proxy_pass     http://127.0.0.1:%%PORT_8082%%;
        }
EOC

    return <<"EOC";

    $sources
    $text

    # the sender's address, as the tables name it

    set_real_ip_from  127.0.0.1;
    real_ip_header    X-Real-IP;

    proxy_connect_timeout  1s;
    proxy_send_timeout     1s;
    proxy_read_timeout     2s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        $receive
        @location
        $deliver
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        location / { return 200 ok; }
    }
EOC
}


# the names of the routes that an event of the page matches.  Its words are a
# header, an address or the body, each in `...`.

sub matched {
    my ($block, $event) = @_;

    my (%headers, $address, $body);

    for my $word ($event =~ /`([^`]+)`/g) {
        if ($word =~ /^[\[{]/) {
            $body = $word;

        } elsif ($word =~ /^([A-Z][\w-]+): (.*)$/) {
            $headers{$1} = $2;

        } elsif ($word =~ /^[\da-f.:]+$/) {
            $headers{'X-Real-IP'} = $word;

        } else {
            die "what is \"$word\"?\n";
        }
    }

    JSON::PP->new->decode($body);

    my $github = $block->{text} =~ /\bfrom +github;/;
    my %signed = $github ? github($body, $secret) : shopify($body, $secret);

    my $r = $t->post($github ? '/github' : '/shopify', $body,
        [ %{ { %signed, %headers } } ]);

    diag("$event: $r->{status} $r->{body}") if $r->{status} != 200;

    return @{ ($r->json // {})->{routes} // [] };
}


# ---- text

# the words in `...` of the first column under this heading

sub table {
    my ($heading) = @_;

    my ($rows) = $page =~ /^\| \Q$heading\E \|.*\n\|---.*\n((?:\|.*\n)+)/m
        or die "no table \"$heading\"\n";

    my @words = map { /`'?([^`' ]+)/g }
                map { /^\| (.*?) \|/ ? $1 =~ /(`[^`]+`)/g : () }
                split /\n/, $rows;

    # "to TARGET...;"; "data.a.b" and "data.items.sku" are one kind of field

    return $heading eq 'operator' ? @words
                                  : map { s/^(\w+)\W.*/$1/r } @words;
}


sub words {
    my %seen;

    return join ' ', grep { !$seen{$_}++ } sort @_;
}


sub slurp {
    my ($name) = @_;

    open my $f, '<', "$root/$name" or die "cannot read $name: $!\n";
    local $/;

    return <$f>;
}
