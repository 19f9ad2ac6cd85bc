#!/usr/bin/perl

# Copyright (C) Event Router contributors

# docs/connections.md: "nginx -t" passes each block of nginx.conf that stands
# there, with secrets that are made up here, and links lead somewhere.  A block
# is what stands in http, in event_target or event_source, or in a location;
# the names of hosts, which nobody resolves here, are replaced, and what the
# block leaves out is added.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;

$t->expect_log(qr/\[emerg\]/, 'a test of its own says it');

my $dir = $t->dir;
my $docs = $t->root . '/docs';
my $page = slurp("$docs/connections.md");
my @blocks = $page =~ /^```nginx\n(.*?)^```$/msg;

# lines of an event_source; others that begin with no block are event_target's

my $source_line = qr/(?:rate|require|reply|delivery|answer)\b/;

cmp_ok(scalar(@blocks), '>=', 4, 'blocks');

# directives.md has examples of the same lines

my $reference = slurp("$docs/directives.md");

for my $name (qw(success in_doubt from require reply),
    'rate(?=\n\n\*\*Syntax:\*\* `rate rate \[by)')
{
    my ($section) = $reference =~ /^### $name\n(.*?)^### /ms;
    my @more = ($section // '') =~ /^```nginx\n(.*?)^```$/msg;

    ok(@more, "directives.md has an example of $name");
    push @blocks, @more;
}

system("openssl genpkey -algorithm ed25519 -out $dir/ed.pem 2>/dev/null"
    . " && openssl genpkey -algorithm RSA -out $dir/rsa.pem 2>/dev/null") == 0
    or die "no openssl\n";

# what stands in for the certificates of Debian

my ($trusted) = $t->certificate('trusted');
my $include = 'outsystems-tls.conf';

$t->write_file("conf/$include",
    vouched(slurp("$docs/examples/include/$include")));

for my $block (@blocks) {
    my ($line) = $block =~ /\A(.*)$/m;

    secrets($block);
    $t->config(complete(vouched($block)));

    my ($ok, $said) = $t->check_config;

    ok($ok, "nginx -t: $line")
        or diag($said, $t->read_file('conf/nginx.conf'));
}

for my $link ($page =~ /\]\(([^)]*)\)/g) {
    next if $link =~ /^https?:/;

    my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
    my $text = $file eq '' ? $page : -e "$docs/$file"
               ? slurp("$docs/$file") : undef;

    ok(defined $text && (!defined $anchor || (grep { anchor($_) eq $anchor }
        $text =~ /^#+ (.*)$/mg)), "link $link");
}

$t->done;


sub vouched {
    return $_[0] =~ s{/etc/ssl/certs/ca-certificates\.crt}{$trusted}gr;
}


sub complete {
    my ($text) = @_;

    $text = "event_target example {\n$text}\n"
        if $text !~ /^(?:event_|server|upstream|map|proxy_)/m
           && $text !~ /^$source_line/m;
    $text = "event_source example {\nverify off;\n$text}\n"
        if $text =~ /\A$source_line/m;
    $text = "server { listen 127.0.0.1:%%PORT_8083%%; location = /x {\n"
        . "set \$erp 127.0.0.1;\n$text} }\n" if $text =~ /\Aproxy_/;

    $text =~ s{(proxy_pass\s+https?://)(?!\$|127\.)[\w.-]+(?::\d+)?}
              {${1}127.0.0.1}g;
    $text =~ s/^server \{\n(?!\s*listen)\K/listen 127.0.0.1:%%PORT_8084%%;\n/mg;
    $text =~ s/127\.0\.0\.1:8080\b/127.0.0.1:%%PORT_8082%%/g;

    my %deliver = map { $_ => 1 } $text =~ /\bevent_deliver\s+(\S+);/g;
    my %target = map { $_ => 1 } $text =~ /^\s*event_target\s+(\S+)/mg;
    my %source = map { $_ => 1 } $text =~ /^\s*event_source\s+(\S+)/mg;
    my @named = $text =~ /\bfrom\s+([\w. *-]+);/g;
    my ($more, $locations) = ('', '');

    # an event_route of the block names its own, a "from" of a target sources

    my %to = map { $_ => 1 } map { split ' ' } $text =~ /\bto\s+([\w. -]+);/g;

    $target{$_} = 1 for keys %to, keys %deliver,
        $text =~ /\breply\s+from=(\w+)/g;

    for my $name (map { split ' ' } @named) {
        $more .= "event_source $name { verify off; }\n" if !$source{$name}++
                                                         && $name ne '*';
    }

    for my $name (sort keys %target) {
        $locations .= "location = /deliver/$name { event_deliver $name; "
            . "proxy_pass http://127.0.0.1:1; }\n" if !$deliver{$name};
    }

    for my $uri ($text =~ m{oauth2\s+(/\S+)}g) {
        $locations .= "location = $uri { internal; "
            . "proxy_pass http://127.0.0.1:1; }\n"
            if $text !~ /location = \Q$uri\E /;
    }

    for my $uri ($text =~ m{\bin_doubt\s+(/[\w/-]+)}g) {
        $locations .= "location $uri { internal; "
            . "proxy_pass http://127.0.0.1:1; }\n"
            if $text !~ /location [=~^]*\s*\Q$uri\E/;
    }

    $locations .= "proxy_next_upstream off;\n" if $text =~ /\bin_doubt\b/;
    $text =~ s/\A/event_store file:$dir\/store size=16m;\n/
        if $text !~ /^\s*event_store/m;

    return "$more$text\nserver { listen 127.0.0.1:%%PORT_8080%%;\n"
        . "$locations}\n" if $locations !~ /oauth|in_doubt/
                             || $text !~ /^server/m;

    # what is called stands beside the location of the delivery

    return "$more" . $text =~ s/^server \{\n/server {\n$locations/mr;
}


sub secrets {
    my ($text) = @_;

    for my $name ($text =~ /\bfile:([\w.\/-]+)/g) {
        $t->write_file("conf/$name", $name =~ /ed25519/ ? slurp("$dir/ed.pem")
            : $text =~ /key=file:\Q$name\E/ ? slurp("$dir/rsa.pem")
            : $text =~ /standardwebhooks;?\s+secret[= ]\s*file:\Q$name\E/
            ? 'whsec_' . encode_base64('x' x 24, '')
            : 'joe:0123456789-0123456789');
    }

    $ENV{$_} = 'joe:0123456789-0123456789' for $text =~ /\benv:(\w+)/g;
}


# as GitHub names a heading

sub anchor {
    my ($text) = @_;

    return lc($text =~ s/[`*]//gr) =~ s/[^\w\- ]//gr =~ s/ /-/gr;
}


sub slurp {
    open my $f, '<', $_[0] or die "$_[0]: $!\n";
    local $/;

    return <$f>;
}
