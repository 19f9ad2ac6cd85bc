#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Vendors' own libraries: they take what "sign" has signed, and what they sign
# is taken; the SDK of CloudEvents reads a delivery, and what it sends is an
# event.  t/interop has the list of them; npm installs it into build/interop at
# the first run, and where it cannot this test is skipped.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA;
use File::Copy qw(copy);
use File::Path qw(make_path);
use IPC::Open2;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $from = "$FindBin::Bin/interop";
my $home = install();

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $json = JSON::PP->new->canonical;

my %secret = (
    standardwebhooks => 'whsec_' . encode_base64('a-secret-of-24-bytes-abc', ''),
    svix => 'whsec_' . encode_base64('another-of-24-bytes-abcd', ''),
    stripe => 'whsec_of-stripe-which-is-text-0123456789',
    github => 'a-secret-of-github-0123456789',
    twilio => 'twilio-auth-token-0123456789abcd',
);
my @schemes = qw(github standardwebhooks stripe svix);

$t->write_file("conf/secrets/$_", $t->secret($secret{$_}))
    for keys %secret;
$t->write_file('conf/secrets/old',
    'whsec_' . encode_base64('an-old-one-of-24-bytes-a', ''));

my $blocks = join '', map { "event_target t-$_ { sign $_ "
    . "secret=file:secrets/$_; }\nevent_source s-$_ { verify $_; "
    . "secret file:secrets/$_; }\n" } @schemes;
my $locations = join '', map { "location = /t-$_ { event_deliver t-$_; "
    . "proxy_pass http://127.0.0.1:%%PORT_8081%%; }\n"
    . "location = /s-$_ { event_receive s-$_; }\n" } @schemes;
my $targets = join ' ', map { "t-$_" } @schemes;

$t->config(<<'EOC' =~ s/BLOCKS/$blocks/r =~ s/LOCATIONS/$locations/r
    proxy_read_timeout 5s;
    proxy_connect_timeout 5s;
    proxy_send_timeout 5s;

    event_source in { verify off; id "{json:id}"; type "{json:type}";
                      subject "{json:shop}"; time "{json:at}"; }
    event_source events { verify cloudevents; handshake off; secret file:secrets/github; }
    event_source s-twilio { verify twilio; secret file:secrets/twilio;
                            public_url https://hooks.example$request_uri; }

    event_target rotated { sign standardwebhooks secret=file:secrets/old
                                secret=file:secrets/standardwebhooks; }
    event_target sink { }

    BLOCKS

    event_route out { from in; to TARGETS rotated; }
    event_route all { from s-github s-standardwebhooks s-stripe s-svix s-twilio
                           events;
                      to sink; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /in       { event_receive in; }
        location = /events   { event_receive events; }
        location = /s-twilio { event_receive s-twilio; }
        location = /rotated  { event_deliver rotated;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /sink     { event_deliver sink;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        LOCATIONS
    }
EOC
    =~ s/TARGETS/$targets/r);

$t->run;


# ---- what we sign is taken by them

my $body = '{"id":"evt 1","type":"order.paid","shop":"acme",'
           . '"at":"2026-01-02T03:04:05Z","object":"event","sum":"9.50",'
           . '"name":"J\u00f6rg \u2603"}';

is($t->post('/in', $body, [ 'Content-Type' => 'application/json' ])->{status},
    200, 'delivered');

my %got = map { substr($_->{uri}, 1) => delivery($_) }
          $target->wait_requests(5);

my @takers = ((map { [ "t-$_", $_ ] } @schemes),
    [ rotated => 'standardwebhooks' ]);
my @tasks;

for my $taker (@takers) {
    my ($name, $with) = @$taker;
    my %task = (with => $with, secret => $secret{$with}, %{ $got{$name} });

    push @tasks, { %task }, { %task, body => "$body " },
        { %task, secret => $task{secret} =~ s/.{6}$/AAAAA=/r };
}

my @said = vendors(@tasks);

for my $taker (@takers) {
    my ($good, $changed, $other) = splice @said, 0, 3;

    is($good->{ok}{type}, 'order.paid', "$taker->[0]: takes it")
        or diag($good->{error});
    ok($changed->{error}, "$taker->[0]: refuses another body");
    ok($other->{error}, "$taker->[0]: refuses another secret");
}


# ---- the SDK reads a delivery as the event that it is

my ($event) = vendors({ with => 'cloudevents', %{ $got{'t-github'} } });

is_deeply({ map { $_ => $event->{ok}[0]{$_} } qw(id source type subject time
                                                 specversion) },
    { id => 'evt%201', source => 'in', type => 'order.paid',
      subject => 'acme', time => '2026-01-02T03:04:05.000Z',
      specversion => '1.0' }, 'attributes') or diag(explain($event));
is_deeply($event->{ok}[0]{data}, $json->decode($body), 'data');


# ---- what they sign is taken by us

my %form = (MessageSid => 'SM1', MessageStatus => 'sent', AccountSid => 'AC1',
            Body => "a b&c=d+e \x{2603}");

@said = vendors((map { { do => 'make', with => $_, secret => $secret{$_},
    id => "msg_$_", body => $body } } @schemes), { do => 'make',
    with => 'twilio', secret => $secret{twilio}, form => \%form,
    url => 'https://hooks.example/s-twilio' });

for my $name (@schemes, 'twilio') {
    my $made = shift @said;

    is(send_it("/s-$name", $made->{ok}), 200, "$name: theirs is taken")
        or diag($made->{error});
    $made->{ok}{body} .= $name eq 'twilio' ? '&x=1' : ' ';
    is(send_it("/s-$name", $made->{ok}), 401, "$name: and changed it is not");
}


# ---- and the SDK's requests are events

my %sent = (id => 'ce-1', type => 'com.example.paid', source => '/shop/7',
    subject => 'o 1', time => '2026-01-02T03:04:05.678Z',
    tenant => 'blue', datacontenttype => 'application/json',
    data => { sum => '9.50', name => "J\x{f6}rg" });

$target->forget;
@said = vendors(map { { do => 'make', with => $_, event => { %sent,
    id => "ce-$_" } } } qw(binary structured));

for my $mode (qw(binary structured)) {
    my $made = shift @said;

    $made->{ok}{headers}{authorization} = "Bearer $secret{github}";
    is(send_it('/events', $made->{ok}), 200, "$mode: taken")
        or diag(explain($made));

    my ($sink) = grep { 1 } reverse $target->requests;
    my ($read) = vendors({ with => 'cloudevents', %{ delivery($sink) } });
    my $e = $read->{ok}[0] // {};

    is_deeply({ map { $_ => $e->{$_} } qw(id type source subject time) },
        { id => "ce-$mode", type => 'com.example.paid', source => '/shop/7',
          subject => 'o 1', time => '2026-01-02T03:04:05.678Z' },
        "$mode: comes out again")
        or diag(explain($read));
    is_deeply($e->{data}, $sent{data}, "$mode: and its data");
}

$t->done;


sub delivery {
    my ($request) = @_;
    my $body = $request->{body};

    utf8::decode($body);

    return { body => $body, headers =>
        { map { lc $_->[0] => $_->[1] } @{ $request->{headers} } } };
}


sub send_it {
    my ($uri, $made) = @_;
    my %headers = ('content-type' => 'application/json',
                   %{ $made->{headers} });

    return $t->post($uri, encoded($made->{body}),
        [ map { $_ => $headers{$_} } sort keys %headers ])->{status};
}


sub encoded {
    my ($text) = @_;

    utf8::encode($text);

    return $text;
}


sub vendors {
    my $pid = open2(my $out, my $in, 'node', "$home/vendors.mjs");

    binmode $_ for $in, $out;
    print $in JSON::PP->new->utf8->encode(\@_);
    close $in;

    my $said = do { local $/; <$out> };

    waitpid $pid, 0;

    return @{ JSON::PP->new->utf8->decode($said || '[]') };
}


# build/interop, made anew when the list has changed

sub install {
    plan(skip_all => 'there is no node and npm')
        if system('node --version >/dev/null 2>&1 && npm --version '
                  . '>/dev/null 2>&1') != 0;

    my $home = "$FindBin::Bin/../build/interop";
    my $sum = Digest::SHA->new(256)->addfile("$from/package-lock.json")
        ->hexdigest;

    make_path($home);
    copy("$from/$_", "$home/$_") or die "$_: $!\n"
        for qw(package.json package-lock.json vendors.mjs);

    return $home if -e "$home/installed.$sum";

    my $npm = 'timeout 150 npm ci --ignore-scripts --no-audit --no-fund '
              . '--fetch-retries=1';
    my $said = `cd '$home' && rm -f installed.* && $npm 2>&1`;

    plan(skip_all => 'npm cannot install the vendors\' libraries: '
        . ($said =~ s/\s+/ /gr)) if $? != 0;

    open my $f, '>', "$home/installed.$sum" or die "installed: $!\n";

    return $home;
}
