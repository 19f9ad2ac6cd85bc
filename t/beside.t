#!/usr/bin/perl

# Copyright (C) Event Router contributors

# docs/operations.md, "Beside the old platform": the configuration of each of
# its steps, with the old platform or the new one down.  Whoever acts on an
# event gets it, now or when it is repeated; who is on trial disturbs nobody.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $secret = 'a-secret-of-the-old-platform';
my %n = (old => 8081, trial => 8082, erp => 8083);

my ($section) = slurp("$FindBin::Bin/../docs/operations.md")
    =~ /^## Beside the old platform\n(.*?)^## /ms;

# what each step adds; its blocks replace those of their names

my @added = map { [ blocks($_) ] } $section =~ /^```nginx\n(.*?)^```$/mgs;

is(scalar(@added), 3, 'three steps have a configuration');
is(join(' ', map { $_->[0] } @{ $added[1] }),
    'event_target trial event_route paid event_route refunds', 'blocks');

my ($t, %target, $sent);


# ---- sync: the producer holds what was not taken

subtest 'sync' => sub {
    setup('unrouted 422;');

    step(1);
    is(send_it('orders/paid'), '200 delivered: old', '1: the old one is up');
    same('old', 'orders/paid');
    down('old');
    is(send_it('refunds/create'), '502 failed:', '1: it is down');
    up('old');
    is(again(), '200 delivered: old', '1: it is back');

    step(2);
    is(send_it('orders/paid'), '200 delivered: old trial', '2: both are up');
    same('old', 'orders/paid');
    is(routes(), 'old,paid', '2: which routes is in the log');
    down('trial');
    is(send_it('orders/paid'), '200 delivered: old', '2: the new one is down');
    up('trial');
    is(again(), '200 duplicate:', '2: it never gets that');
    down('old');
    is(send_it('orders/paid'), '502 failed: trial', '2: the old one is down');
    up('old');
    is(again(), '200 delivered: old', '2: it is back, and acts');
    down('old', 'trial');
    is(send_it('orders/paid'), '502 failed:', '2: both are down');
    up('old', 'trial');
    is(again(), '200 delivered: old trial', '2: both are back');
    is(send_it('products/new'), '200 delivered: old', '2: for no new route');
    is(routes(), 'old', '2: which is in the log, but not unrouted');

    # one that the old one has not taken when the kind is cut over

    my @held;

    down('old');
    is(send_it('orders/paid'), '502 failed: trial', '2: down at the end');
    @held = @$sent;

    step(3);
    up('old');
    $sent = [ @held ];
    is(again(), '200 delivered: erp', '3: the new one gets it');
    down('old');
    is(send_it('orders/paid'), '200 delivered: erp', '3: the old one is down');
    is(routes(), 'paid', '3: and not asked');
    is(send_it('refunds/create'), '502 failed: trial', '3: but for others');
    up('old');
    is(again(), '200 delivered: old', '3: it still acts on them');
    down('erp');
    is(send_it('orders/paid'), '502 failed:', '3: the new one is down');
    up('erp');
    is(again(), '200 delivered: erp', '3: it is back, and acts');
    down('trial');
    is(send_it('refunds/create'), '200 delivered: old', '3: who is on trial');
    up('trial');

    step(4);
    is(send_it('orders/paid'), '200 delivered: erp', '4: one with a route');
    is(send_it('products/new'), '422 unrouted:', '4: one that has none');

    $t->done;
};


# ---- queued: what was accepted before a step is delivered as it was then

subtest 'queued' => sub {
    setup('delivery queued;');

    step(1);
    step(2);
    down('old');
    is(send_it('orders/paid'), '202 queued: trial', 'the old one is down');
    my @held = @$sent;

    step(3);
    up('old');
    ok(wait_until(10, sub { $target{old}->count == 1 }), 'it is back');
    $sent = [ @held ];
    is(again(), '200 duplicate:', 'and has it');
    is(send_it('orders/paid'), '202 queued: erp', 'now the new one acts');
    is($target{old}->count, 1, 'the old one does not');

    $t->done;
};

done_testing();


# a source with what is given, and the three targets

sub setup {
    my ($source) = @_;

    $t = Test::EventRouter->new;
    $t->write_file('conf/secret', $secret);
    $t->{own_source} = $source;
    %target = map { $_ => $t->target($n{$_}) } keys %n;
}


# nginx with the configuration of a step

sub step {
    my ($step) = @_;

    my (%block, @name);

    for my $add (map { @{ $added[$_ - 1] // [] } } 1 .. $step) {
        my ($name, $text) = @$add;

        push @name, $name if !$block{$name};
        $block{$name} = $text;
    }

    delete @block{'event_route old', 'event_route refunds',
                  'event_target old', 'event_target trial'} if $step == 4;

    my $text = join "\n", grep { defined } @block{@name};
    my %used = map { $_ => 1 } $text =~ /^ +to +(\w+);/mg;

    # the tests do not wait for minutes

    if ($t->{own_source} =~ /queued/) {
        $text =~ s/^event_target old \{\n\K/retry base=100ms max=100ms;\n/m;
    }

    my $locations = join "\n", map { "location = /$_ { event_deliver $_; "
        . "proxy_pass http://127.0.0.1:%%PORT_$n{$_}%%; }" } sort keys %used;

    $t->config(<<"EOC");
    event_store file:%%TESTDIR%%/store size=4m;
    event_source shopify { verify shopify; secret file:secret;
                           $t->{own_source} }
    $text
    proxy_read_timeout 2s;
    proxy_send_timeout 2s;
    proxy_connect_timeout 2s;
    log_format routes '\$event_routes';

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /hook { event_receive shopify;
                           access_log %%TESTDIR%%/logs/events.log routes; }
        $locations
    }
EOC

    my ($passes, $said) = $t->check_config;

    ok($passes && $said !~ /\[warn\]/, "step $step passes") or diag($said);

    if ($t->{pid}) {
        ok($t->reload && $t->wait_old_workers, "step $step");

    } else {
        $t->run;
    }
}


# sends an event of a type: status, outcome and who got it

sub send_it {
    my ($type) = @_;

    my $body = qq({"id":1,"note":"an event"});

    $sent = [ $body, [ shopify($body, $secret, topic => $type) ] ];

    return again();
}


sub again {
    my @up = grep { $target{$_}{pid} } sort keys %target;
    my %before = map { $_ => $target{$_}->count } @up;
    my $r = $t->post('/hook', @$sent);

    my $got = sub {
        return join '', map { " $_" }
               grep { $target{$_}->count > $before{$_} } @up;
    };

    # an answer waits neither for optional targets nor for the queue

    my $seen = $got->();
    my $is;

    for (1 .. 4) {
        sleep 0.1;
        last if ($is = $got->()) eq $seen && $_ > 1;
        $seen = $is;
    }

    return join ' ', $r->{status}, $r->json->{outcome} . ":$is";
}


# the bytes and the headers by which the old one verifies

sub same {
    my ($name, $type) = @_;

    my ($got) = reverse $target{$name}->requests;
    my ($body, $header) = @$sent;
    my %header = @$header;

    is($got->{body}, $body, "$name gets the same bytes");
    is($got->header($_), $header{$_}, "$name gets $_")
        for grep { /^X-/ } sort keys %header;
}


sub routes {
    my @line;

    wait_until(5, sub {
        @line = split /\n/, $t->read_file('logs/events.log');
    });

    return $line[-1];
}


sub down { $target{$_}->stop for @_ }
sub up   { $target{$_}->start for @_ }


# [ "event_route old", text ] of each block

sub blocks {
    my ($text) = @_;

    return map { /^(event_\w+ \w+) \{/ ? [ $1, $_ ] : () }
               $text =~ /^(event_\w+ \w+ \{\n.*?^\}\n)/mgs;
}


sub slurp {
    my ($file) = @_;

    open my $f, '<', $file or die "$file: $!\n";
    local $/;

    return scalar <$f>;
}
