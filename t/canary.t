#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A secret in every place where one can stand, and deliveries that fail in all
# the ways there are; then no secret is in any log up to the level info, on any
# page, in a store file, or in the memory that a core dump of an idle worker
# has.
#
# To add a place: a row of @places.  %s in the line is the name of a file, and
# in what the file has it is the secret.

use warnings;
use strict;
no warnings 'portable';               # addresses have 64 bits

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Find;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OAuth2;

# name, block, line, what the file has, other forms of it that are sent; what
# clients send is in nginx's own memory, so it is not looked for there

my @places = (
    [ 'auth-basic', target => 'auth basic file:secrets/%s;', 'joe:%s',
      sub { encode_base64("joe:$_[0]", '') } ],
    [ 'auth-bearer', target => 'auth bearer file:secrets/%s;', '%s' ],
    [ 'auth-header', target => 'auth header X-Api-Key file:secrets/%s;',
      '%s' ],
    [ 'auth-oauth2', target => 'auth oauth2 /token client=file:secrets/%s;',
      'id:%s', sub { encode_base64("id:$_[0]", '') } ],
    [ 'auth-body', target => 'auth oauth2 /token client=file:secrets/%s '
      . 'style=body;', 'id:%s' ],
    [ 'auth-query', target => 'auth query key file:secrets/%s;', '%s&+',
      sub { "$_[0]%26%2B" } ],
    [ 'sign-github', target => 'sign github secret=file:secrets/%s;', '%s' ],
    [ 'sign-v1', target => 'sign standardwebhooks secret=file:secrets/%s;',
      'whsec_%s', sub { decode_base64($_[0]) } ],
    [ 'source-token', source => 'verify token; signature header:X-Token; '
      . 'secret file:secrets/%s;', '%s' ],
    [ 'source-hmac', source => 'verify github; secret file:secrets/%s;',
      '%s' ],
    [ 'admin-token', location => 'event_admin reveal '
      . 'token=file:secrets/%s;', '%s' ],
    [ 'explain-token', location => 'event_explain now '
      . 'token=file:secrets/%s;', '%s' ],
);

# what a target does, and its entry in error.log

my @faults = (
    [ 'echo', status => 500 ], [ 'close', fault => 'close' ],
    [ 'reset', fault => 'reset' ], [ 'garbage', fault => 'garbage' ],
    [ 'truncate', fault => 'truncate' ], [ 'early', fault => 'early_reset' ],
    [ 'hang', fault => 'hang' ], [ 'header', status => 500,
                                   headers => [ 'X-Long', 'x' x 9000 ] ],
    [ 'well', status => 200 ],
);

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $idp = $t->own(Test::EventRouter::OAuth2->new(port => $t->port(8082)));
my $serial = 0;
my (%secret, %forms, %text);

for my $place (@places) {
    my ($name, undef, undef, $text, $form) = @$place;

    $secret{$name} = sprintf 'canary-%s-%08x-0123456789', $name, $$;
    $secret{$name} = encode_base64($secret{$name}, '') if $text =~ /whsec/;
    $text{$name} = sprintf $text, $secret{$name};
    $t->write_file("conf/secrets/$name", "$text{$name}\n");
    $forms{$name} = [ $secret{$name}, $form ? $form->($secret{$name}) : () ];
    $t->secret($_) for @{ $forms{$name} };
}

# what is fetched is a secret, too

push @{ $forms{'auth-oauth2'} }, $t->secret('canary-token-');

my $conf = <<'EOC' . blocks() . <<'EOC' . locations() . "    }\n";

    event_store file:%%TESTDIR%%/store size=16m;
    proxy_read_timeout 300ms;
    proxy_connect_timeout 5s;
    proxy_send_timeout 5s;
EOC

    event_source now   { verify off; id "{json:id}"; }
    event_source later { verify off; id "{json:id}"; delivery queued;
                         retain 1h; }
    event_route now    { from *; to TARGETS; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /now    { event_receive now; }
        location = /later  { event_receive later; }
        location = /status { event_status; }
        location = /token  { internal;
                             proxy_pass http://127.0.0.1:%%PORT_8082%%; }
EOC

$conf =~ s/TARGETS/join ' ', targets()/e;
$t->config($conf);
$t->run;


# ---- each way to fail, now and out of the queue

for my $fault (@faults) {
    my ($name, @what) = @$fault;

    for my $target (targets()) {
        my @more = $name eq 'echo' && $target =~ /^auth/
            ? (body => 'you said: ' . join(' or ', map { $_, escaped($_) }
                                           said($target)))
            : ();

        $erp->answer("/$target", @what, @more);
    }

    post_both($name);
}

$erp->stop;
post_both('refused');

# the sources' own: refused and accepted

$t->post("/source-$_", event(), [ 'X-Token' => $secret{'source-token'},
    'X-Hub-Signature-256' => 'sha256=' . '0' x 64,
    'X-GitHub-Event' => 'push' ]) for qw(token hmac);


# ---- pages

my %page = map { $_->[0] => $_->[1]->() } (
    [ status => sub { $t->get('/status')->{body} } ],
    [ metrics => sub { $t->get('/status?format=prometheus')->{body} } ],
    [ dead => sub { admin('/dead?body=1&limit=1000') } ],
    [ pending => sub { admin('/pending?body=1') } ],
    [ explain => sub { $t->post('/explain-token', event(), [ Authorization =>
          "Bearer $secret{'explain-token'}" ])->{body} } ],
);

for my $name (sort keys %page) {
    ok(length $page{$name}, "$name says something");
    is(found($page{$name}), '', "$name says no secret");
}

like($page{dead}, qr/you said: \*+/, 'what a target repeats is hidden');


# ---- logs and files

my %file;

find({ no_chdir => 1, wanted => sub {
    $file{$_} = slurp($_) if -f $_ && !m{/conf/};
} }, $t->dir);

is(join(' ', grep { found($file{$_}) } sort keys %file), '',
    'no file has a secret') or diag(map { "$_: " . found($file{$_}) . "\n" }
                                    grep { found($file{$_}) } keys %file);
ok((grep { m{/store/} } keys %file), 'files of the store were looked at');

my ($log) = grep { m{/logs/error.log$} } keys %file;

for my $said (qr/Connection refused.*upstream: "[^?"]*auth-query"/,
              qr/upstream timed out.*upstream: "[^?"]*auth-query"/,
              qr/prematurely closed.*upstream: "[^?"]*auth-query"/,
              qr/Connection reset.*upstream: "[^?"]*auth-query"/,
              qr/too big header.*upstream: "[^?"]*auth-query"/,
              qr/target answered 500.*"auth-query"/)
{
    like($file{$log}, $said, 'log: ' . ($said =~ /:(.*?)\./)[0]);
}


# ---- the memory of an idle worker, which no target told its own secret

$t->reload;
post_both('refused');
$erp->start;
$erp->answer('*', status => 200);
post_both('well');

SKIP: {
    skip 'the memory of a sanitizer is too large to be looked through', 1
        if $t->binary =~ /asan/;

    is(join(' ', grep { !/token/ } worker_memory()), '',
        'nor has an idle worker');
}

$t->done;


sub targets { return map { $_->[1] eq 'target' ? $_->[0] : () } @places }


# what a target that repeats the secret may say

sub said {
    my ($name) = @_;

    # it does not know more of a client than its token

    return $text{$name} if $name =~ /^auth-(?:oauth2|body)$/;

    return ($text{$name}, $forms{$name}[1] // (),
        $text{$name} =~ /^joe:(.*)/);
}


# as servers write it in JSON, in a page and in a link

sub escaped {
    my ($text) = @_;

    return ($text =~ s/([^0-9A-Za-z])/sprintf '\\u%04x', ord $1/ger,
        $text =~ s/([^0-9A-Za-z])/sprintf '&#x%X;', ord $1/ger,
        $text =~ s/([^0-9A-Za-z])/sprintf '%%%02x', ord $1/ger);
}


sub event { return sprintf '{"id":"e%d"}', ++$serial }


sub blocks {
    my $text = '';

    for my $place (@places) {
        my ($name, $block, $line) = @$place;

        next if $block eq 'location';

        $text .= "    event_$block $name { " . sprintf($line, $name)
                 . ($block eq 'target' ? ' retry off; breaker off;' : '')
                 . " }\n";
    }

    return $text;
}


sub locations {
    my $text = '';

    for my $place (@places) {
        my ($name, $block, $line) = @$place;

        $text .= "        location = /$name { "
            . ($block eq 'source' ? "event_receive $name;"
               : $block eq 'target' ? "event_deliver $name; log_subrequest on;"
                   . " proxy_pass http://127.0.0.1:%%PORT_8081%%;"
               : '') . " }\n" if $block ne 'location';
        $text .= "        location /$name { " . sprintf($line, $name) . " }\n"
            if $block eq 'location';
    }

    return $text;
}


sub admin {
    return $t->get("/admin-token$_[0]",
        [ Authorization => "Bearer $secret{'admin-token'}" ])->{body};
}


# one event at once, and one that is a dead letter then

sub post_both {
    my ($name) = @_;
    my $before = () = admin('/dead?limit=1000') =~ /"target":/g;
    my $want = $name =~ /^(?:well|truncate)$/ ? 0 : targets();

    $t->post('/now', event());
    $t->post('/later', event());

    ok(wait_until(20, sub {
        my $now = () = admin('/dead?limit=1000') =~ /"target":/g;

        return $now == $before + $want && admin('/pending') !~ /"target":/;
    }), "$name: dead letters") or diag(admin('/dead'));
}


# names of the places whose secrets are in a text

sub found {
    my ($text) = @_;

    return join ' ', grep {
        grep { index($text, $_) >= 0 }
            map { $_, escaped($_),
                  map { s/\\/\\\\/gr } escaped($_) } @{ $forms{$_} }
    } sort keys %forms;
}


sub slurp {
    open my $f, '<:raw', $_[0] or die "$_[0]: $!\n";
    local $/;

    return scalar(<$f>) // '';
}


# places whose secrets are in memory that a core dump has

sub worker_memory {
    my ($pid) = $t->workers;
    my (@maps, %found);

    open my $smaps, '<', "/proc/$pid/smaps" or die "smaps: $!\n";

    while (<$smaps>) {
        push @maps, { from => hex $1, to => hex $2, read => $3 eq 'r' }
            if /^([0-9a-f]+)-([0-9a-f]+) (.)/;
        $maps[-1]{hidden} = / dd( |$)/ ? 1 : 0 if /^VmFlags:/;
    }

    open my $mem, '<:raw', "/proc/$pid/mem" or die "mem: $!\n";

    for my $map (grep { $_->{read} && !$_->{hidden} } @maps) {
        my $text = '';

        sysseek $mem, $map->{from}, 0 or next;
        sysread $mem, $text, $map->{to} - $map->{from} or next;
        $found{$_} = 1 for split ' ', found($text);
    }

    return sort keys %found;
}
