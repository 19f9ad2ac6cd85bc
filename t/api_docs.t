#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The examples with curl in the docs of the API are run as they stand, against
# an nginx that has what they speak of: each is answered 2xx, and what stands
# as JSON behind an example is in the answer, member by member, with the same
# type.  Values are not compared: times and numbers are others.  What an answer
# has beyond the example is only told.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep);

my @pages = qw(api history quarantine alerts);
my @json = ('Content-Type' => 'application/json');

my $plain = JSON::PP->new->utf8->allow_nonref;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $erp2 = $t->target(8082);
my %token = map { $_ => $t->secret("canary-$_-0123456789") } qw(look act);
my $dir = $t->dir;

$t->write_file("conf/secret-$_", $token{$_}) for keys %token;
$t->workers_may_change('a reload');
secret('one-that-is-wrong-0123456789');

# what curl is given beside an example: the token that the examples leave out,
# an end, and that the status is told

$t->write_file('.curlrc', <<"EOC");
silent
max-time = 10
write-out = "\\n%{http_code}"
EOC

config('retry for=1h base=1h max=1h;');

$erp->answer('/bad', status => 400, body => 'no');
$erp->answer('/down', status => 503, body => 'busy');
$erp->answer('/slow', delay => 20);
$erp->answer('/fast', [ { status => 503, body => 'busy' },
                        { status => 201, body => '{"Invoice":"I-77"}' } ]);
$t->run;


# ---- what must be there before an example, and what is mended behind it

my ($paid, $died, $kept);

my @before = (
    [ qr/v1\/events/, sub { $paid //= paid() } ],
    [ qr/v1\/dead\?target=erp&limit=1/, sub { dead() for 1, 2 } ],
    [ qr/v1\/(replay|explain|stored)\?event=/, sub { $died = dead() } ],
    [ qr/v1\/replay\?.*exhausted/, sub { exhausted() } ],
    [ qr/v1\/(retry|move)\?/, sub { waits('down'); again() } ],
    [ qr/v1\/targets/, sub { act('pause?target=erp') } ],
    [ qr/v1\/tail/, sub { later() } ],
    [ qr/v1\/recheck/, sub { rotated() } ],
    [ qr/doctor=1/, sub { $kept = refused("{}\n", '{}') } ],
);

my @behind = (
    [ qr/v1\/pause\?(target|source)=(\w+)/, sub { act("resume?$1=$2") } ],
    [ qr/v1\/targets/, sub { act('resume?target=erp') } ],
    [ qr/v1\/drain/, sub { act('undrain') } ],
);

my $n = 0;

for my $page (@pages) {
    for my $e (examples("docs/$page.md")) {
        $n++;
        subtest "$page.md:$e->{line}: $e->{title}" =>
            sub { example($page, $e) };
    }
}

cmp_ok($n, '>=', 28, 'all examples were found');
$t->done;


# ---- the examples of a page

# { line, title, command, json }: a command is indented or in a block of "sh";
# its JSON is the next block behind it, if no other command is between them

sub examples {
    my ($file) = @_;

    open my $f, '<', "$FindBin::Bin/../$file" or die "$file: $!\n";

    my (@examples, $json, $command);

    while (my $line = <$f>) {
        if (defined $json) {

            # lines are broken where there is no room, also amid a text

            if ($line =~ /^```/) {
                $examples[-1]{json} //= $json if @examples;
                undef $json;

            } else {
                $json .= $line =~ s/\s*\n/ /r;
            }

            next;
        }

        $json = '' if $line =~ /^```json/;

        if (!$command && $line =~ /^( {4})?curl /) {
            $command = { line => $., command => '' };
            push @examples, $command;
        }

        next if !$command;

        $command->{command} .= $line;

        if ($line !~ /\\\n\z/) {
            ($command->{title}) = $command->{command} =~ /(v1\/[^'\s]+)/;
            undef $command;
        }
    }

    return @examples;
}


sub example {
    my ($page, $e) = @_;

    my $uri = $e->{title};
    my ($status, $text) = (0, '');

    $_->[1]->() for grep { $uri =~ $_->[0] } @before;

    my $command = command($page, $e->{command});

    note $command;
    open my $f, '-|', 'sh', '-c', $command or die "sh: $!\n";
    { local $/; $text = <$f>; }
    close $f;

    ($text, $status) = ($1, $2) if $text =~ /\A(.*)\n(\d+)\z/s;

    like($status, qr/^2\d\d$/, 'it is answered') or diag "$command\n$text";

    my @got = eval { $plain->incr_reset; $plain->incr_parse($text) };

    is($@, '', 'with JSON');
    shown($e->{json}, \@got) if defined $e->{json};

    for my $row (@behind) {
        $row->[1]->() if $uri =~ $row->[0];
    }
}


# the command as it is here: where the API is, and numbers that the docs have
# made up

sub command {
    my ($page, $command) = @_;

    my $at = 'http://127.0.0.1:' . $t->port(8080);
    my $place = $page eq 'history' || $command =~ /v1\/stored/ ? 'reveal'
                                                                : 'admin';

    $command =~ s/ADMIN|https:\/\/hooks\.example\.com\/events\/admin/$at\/$place/;
    $command =~ s/v1\/events\/\K[0-9a-f]{16}/$paid/;
    $command =~ s/event=\K[0-9a-f]{16}/$died/;
    $command =~ s/v1\/quarantine\/\KID/$kept/;
    $command =~ s/-N //;

    # the examples leave out the token, and one of them does not end by itself

    $command =~ s/curl /curl -H "Authorization: Bearer \$TOKEN" /
        if $command !~ /TOKEN/;
    $command =~ s/v1\/tail\?/v1\/tail?for=2&/;

    return "CURL_HOME='$dir' TOKEN='$token{act}'; export CURL_HOME TOKEN; "
        . $command;
}


# ---- what an example shows, and what there is

sub shown {
    my ($text, $got) = @_;

    my @wanted = eval { $plain->incr_reset;
                        $plain->incr_parse($text =~ /^"/ ? "{$text}" : $text) };

    is($@, '', 'the example is JSON') or diag $text;

    for my $wanted (@wanted) {

        # a part of an answer may stand anywhere in it; of lines, one is it

        my @found = $text =~ /^"/ ? within($wanted, @$got) : @$got;
        my ($best) = sort { @$a <=> @$b }
                     map { [ missing($wanted, $_, '') ] } @found;

        is(join("\n", @{ $best // [ 'nothing' ] }), '',
            'what it shows is there') or diag substr $plain->encode($got), 0, 3000;

        my %more = map { $_ => 1 } map { missing($_, $wanted, '') } @found;

        note 'not shown: ' . join ', ', sort keys %more if %more;
    }
}


# all objects that have the first member of this one

sub within {
    my ($wanted, @got) = @_;

    my ($name) = keys %$wanted;

    return map { my $v = $_;
                 ((ref $v eq 'HASH' && exists $v->{$name} ? $v : ()),
                  within($wanted, ref $v eq 'HASH' ? values %$v
                                  : ref $v eq 'ARRAY' ? @$v : ())) } @got;
}


# the paths of what is not there, or of another type; an element of a list is
# there if one of the list is such, and where the list may have null that is
# one, too

sub missing {
    my ($wanted, $got, $at) = @_;

    my ($type, $is) = map { type($_) } $wanted, $got;

    return "$at is $is and not $type" if $type ne $is;

    if ($type eq 'object') {
        return map { exists $got->{$_}
                     ? missing($wanted->{$_}, $got->{$_}, "$at.$_")
                     : "$at.$_" } sort keys %$wanted;
    }

    return if $type ne 'list';

    my @some = grep { defined } @$wanted;

    return if @some < @$wanted && grep { !defined } @$got;

    return map {
        my $element = $_;
        my ($best) = sort { @$a <=> @$b }
                     map { [ missing($element, $_, "$at\[]") ] } @$got;

        @{ $best // [ "$at\[]" ] };
    } @some;
}


sub type {
    my ($v) = @_;

    return 'object' if ref $v eq 'HASH';
    return 'list' if ref $v eq 'ARRAY';
    return 'true or false' if ref $v;
    return 'null' if !defined $v;
    return $plain->encode($v) =~ /^"/ ? 'text' : 'number';
}


# ---- the world

sub config {
    my ($retry) = @_;

    $t->config(<<"EOC");

    event_store   file:%%TESTDIR%%/store size=64m;
    event_history 7d size=16m index=data.order.id;

    event_source shop {
        verify off;
        id "{json:id}";
        type "{json:type}";
        subject "{json:shop}";
        delivery queued;
        expect every=30m;
    }

    event_source shopify {
        verify shopify;
        secret file:secret-shopify;
        delivery queued;
        quarantine 24h;
    }

    event_target erp {
        rate 100r/s burst=20;
        breaker off;
        $retry
    }

    event_target erp2 { }
    event_target fast { retry base=50ms max=50ms; }

    event_route orders      { from shop; when type = order; to erp; }
    event_route paid-orders { from shop; when type = orders/paid; to fast; }
    event_route shopify     { from shopify; to erp2; }

    event_set \$kind data.kind uri;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop    { event_receive shop; }
        location = /shopify { event_receive shopify; }

        location /admin/ {
            event_admin token=file:%%TESTDIR%%/conf/secret-look role=look
                        token=file:%%TESTDIR%%/conf/secret-act name=ops;
        }

        location /reveal/ {
            event_admin reveal token=file:%%TESTDIR%%/conf/secret-act;
        }

        location = /erp  { event_deliver erp;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%/\$kind; }
        location = /fast { event_deliver fast;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%/fast; }
        location = /erp2 { event_deliver erp2;
                           proxy_pass http://127.0.0.1:%%PORT_8082%%/; }
    }
EOC

}


sub get {
    my ($what) = @_;

    return $t->get("/admin/v1/$what",
        [ Authorization => "Bearer $token{act}" ])->json;
}

sub act {
    my ($what) = @_;

    return $t->post("/admin/v1/$what", '', [ 'X-Event-Admin' => 1,
        Authorization => "Bearer $token{act}" ])->json;
}


# the producer's id of an event that was accepted

my $serial = 0;

sub event {
    my (%o) = @_;

    my $id = 'e' . ++$serial;
    my $r = $t->post('/shop', $plain->encode({ id => $id, type => 'order',
        kind => 'ok', shop => 'acme.example', %o }), \@json);

    is($r->{status}, 202, 'an event');

    return $id;
}


# delivered with the second attempt: its number

sub paid {
    my $id = event(type => 'orders/paid', order => { id => '4711' });
    my $event;

    ok(wait_until(15, sub {
        ($event) = @{ get("events?id=$id")->{events} };
        return $event && $event->{targets}[0]{state} eq 'delivered';
    }), 'is delivered');

    return $event->{event};
}


# refused, or not taken in all its attempts: the number

sub dead {
    my $id = event(kind => $_[0] // 'bad');
    my $entry;

    ok(wait_until(15, sub {
        ($entry) = @{ get("dead?id=$id")->{entries} };
    }), 'is dead');

    return $entry->{event};
}


sub exhausted {
    config('retry off;');
    ok($t->reload, 'a reload');
    dead('down');
    config('retry for=1h base=1h max=1h;');
    ok($t->reload, 'and back');
}


# not taken now

sub waits {
    my $id = event(kind => $_[0]);

    ok(wait_until(15, sub {
        my ($entry) = @{ get("pending?id=$id")->{entries} };

        return $entry && $entry->{attempts};
    }), 'waits');
}


# not taken, and being delivered now

sub again {
    $erp->answer_anew('/again', [ { status => 503 }, { delay => 10 } ]);
    waits('again');
    act('retry?target=erp');
    ok(wait_until(15, sub { $erp->requests(uri => '/again') == 2 }),
        'is being delivered');
}


# while somebody looks

sub later {
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        sleep 0.5;
        $t->post('/shop', '{"id":"tail","type":"order","kind":"down"}',
            \@json);
        POSIX::_exit(0);
    }
}


sub secret {
    my ($secret) = @_;

    $t->write_file('conf/secret-shopify', $t->secret($secret));
}


# a request in quarantine: its id

sub refused {
    my ($body, $signed, %o) = @_;

    my $r = $t->post('/shopify', $body, [ shopify($signed,
        $o{secret} // 'the-one-of-the-producer-0123', %o) ]);

    is($r->{status}, 401, 'is refused');

    return get('quarantine?source=shopify')->{requests}[0]{id};
}


# one that the producer has sent again since the secret was put right, one that
# he has not, and one that nobody has signed

sub rotated {
    my @e = map { [ qq({"id":$_}), secret => 'the-one-of-the-producer-0123',
                    id => "w$_" ] } 1, 2;

    refused($_->[0], @$_) for @e, [ '{}', secret => 'nobody' ];
    secret($e[0][2]);
    ok($t->reload, 'the secret is right');
    is($t->post('/shopify', $e[1][0],
        [ shopify($e[1][0], $e[1][2], id => 'w2') ])->{status}, 202,
        'one comes again');
}
