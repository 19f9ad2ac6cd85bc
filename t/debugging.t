#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Debug lines: with error_log at debug an event's way can be read from receive
# to settle, as docs/debugging.md shows it, and our lines have neither secrets
# nor payload.  The page is the test's table, so it cannot say what is not so.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $root = Test::EventRouter->root;
my $page = slurp("$root/docs/debugging.md");

my $nginx = Test::EventRouter->binary;

plan(skip_all => 'nginx is built without --with-debug')
    if `$nginx -V 2>&1` !~ /--with-debug/;

# each of these stands where it must never be logged by us

my %hidden = (
    'a header of the producer' => 'token-of-the-producer',
    'a wrong one'              => 'token-of-a-stranger',
    'a header to the target'   => 'token-for-the-target',
    'the body'                 => 'text-of-the-event',
    'an argument'              => 'argument-of-the-request',
    'the target\'s answer'     => 'answer-of-the-target',
    'the password of Redis'    => 'password-of-redis',
);


# ---- the page

my @formats = formats();

for my $pattern (section('Which lines answer') =~ /`(event router[^`]*)`/g) {
    ok(scalar(grep { /$pattern/ } @formats), "there is: $pattern");
}

is(join("\n", grep { my $line = $_; !grep { $line =~ /^$_$/ } shapes() }
                  real_lines()), '', 'the real log has lines that there are');
cmp_ok(scalar(() = real_lines()), '>', 50, 'and enough of them');


# ---- tables of names stand beside their enum

my ($verbs) = slurp("$root/ngx_event_router_module/store/entry.h")
              =~ /typedef enum \{([^}]*)\} ngx_er_queue_verb_e;/;
my ($names) = slurp("$root/ngx_event_router_module/store/queue.c")
              =~ /ngx_er_queue_verbs\[\] = \{([^}]*)\}/;

is(join(' ', map { $_ eq '' ? 'verbs' : $_ } $names =~ /"(\w*)"/g),
    lc join(' ', $verbs =~ /NGX_ER_QUEUE_(\w+)/g),
    'each operation of the queue has its name in debug lines');


# ---- each mode

for my $mode ('sync', 'file', 'redis') {
    my @lines = run($mode);

    way($mode, section($mode eq 'sync' ? 'Sync' : $mode eq 'file'
        ? 'Queued, file store' : 'Queued, Redis'), @lines);

    for my $what (sort keys %hidden) {
        is(join("\n", grep { index($_, $hidden{$what}) >= 0 } @lines), '',
            "$mode: our lines do not have $what");
    }

    is(join("\n", grep { /[^\x20-\x7e\x80-\xff]/ } @lines), '',
        "$mode: our lines have no control bytes");
}


# ---- one client's: what is the request's, and nothing of the worker

my @lines = run('file', 'connection');

like(join("\n", @lines), qr/$_/, "connection: $_")
    for 'receive: event of "shop", signature:0', 'select: event "e1"',
        'turns: event "e1", dedup:1 key:1', 'accept: event "e1" is \w+, rc:0',
        'reply: 202';
is(join("\n", grep { !/\*\d+ event router/ } @lines), '',
    'connection: no line of the worker');

done_testing();


# ---- what an event leaves behind; our lines, from the request on

sub run {
    my ($mode, $connection) = @_;

    local $ENV{TEST_NGINX_DEBUG} = !$connection;

    my $name = $connection // $mode;
    my $t = Test::EventRouter->new;
    my $target = $t->target(8081);
    my %store = (sync => '', file => 'event_store file:%%TESTDIR%%/store'
                 . ' size=16m;');

    $t->write_file('token', $hidden{'a header of the producer'});

    if ($mode eq 'redis') {
        my $redis = $t->redis(6379);

        $redis->command('CONFIG', 'SET', 'requirepass',
            $hidden{'the password of Redis'});
        $store{redis} = "event_store redis://:$hidden{'the password of Redis'}"
                        . '@127.0.0.1:%%PORT_6379%%;';
    }

    my $delivery = $mode eq 'sync' ? '' : 'delivery queued;';

    $t->config(<<"EOC");
    $store{$mode}

    event_source shop {
        verify     token;
        signature  header:X-Token;
        secret     file:%%TESTDIR%%/token;
        id         "{json:id}";
        type       "{json:type}";
        dedup      1h;
        $delivery
    }

    event_target erp { retry base=100ms max=200ms for=1h; breaker off; }

    event_route paid { from shop; when type = paid; to erp crm; }
    event_route big  { from shop; when data.total > 1000; to crm; }

    upstream target { server 127.0.0.1:%%PORT_8081%%; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook { event_receive shop; }

        location = /deliver/erp {
            event_deliver  erp;
            proxy_pass     http://target/erp;
            proxy_set_header  Authorization
                              "Bearer $hidden{'a header to the target'}";
        }

        location = /deliver/crm {
            event_deliver  crm;
            proxy_pass     http://target/crm;
        }
    }
EOC

    if ($connection) {
        $t->write_file('conf/nginx.conf', $t->read_file('conf/nginx.conf')
            =~ s/events \{/events { debug_connection 127.0.0.1;/r);
    }

    $target->answer('/crm', status => 200,
        body => $hidden{'the target\'s answer'});
    $target->answer('/erp', [ { status => 500,
        body => $hidden{'the target\'s answer'} }, { status => 200 } ])
        if $mode ne 'sync';
    $t->run;

    my $body = qq({"id":"e1","type":"paid","text":"$hidden{'the body'}",)
               . '"total":5}';
    my $uri = "/hook?a=$hidden{'an argument'}";

    is(post($t, $uri, $body, 'a wrong one'), 401, "$name: a stranger");

    my $code = $mode eq 'sync' ? 200 : 202;

    is(post($t, $uri, $body, 'a header of the producer'), $code,
        "$name: taken");

    # erp has it in the end, and the store knows

    my $done = $mode eq 'sync' || $connection ? qr/receive: request goes/
                               : qr/settle: event \w+ to "erp", store says rc:0/;

    ok(wait_until(10, sub { (grep { /$done/ } $t->log_lines) >= 2 }),
        "$name: delivered");

    is(post($t, $uri, $body, 'a header of the producer'), 200,
        "$name: a duplicate");

    # an id that would be a line of its own

    $body = qq({"id":"\\u0007\\r\\nevent router: x","type":"paid"});
    is(post($t, $uri, $body, 'a header of the producer'), $code,
        "$name: odd bytes");

    $t->stop;

    is(join("\n", grep { /^event router/ } $t->log_lines), '',
        "$name: nobody writes lines for us");

    my @lines = grep { /^\d{4}\S+ \S+ \[debug\] \S+ (?:\*\d+ )?event router / }
                $t->log_lines;

    shift @lines while @lines && $lines[0] !~ /receive: POST/;

    like(join("\n", @lines), qr/receive: event of "shop" is refused, 401/,
        "$name: why the stranger was refused");
    like(join("\n", @lines), $mode eq 'sync'
        ? qr/claim: key [0-9a-f]{8} is duplicate in memory/
        : qr/accept: event "e1" is \w+, rc:-5/, "$name: why not again");

    return @lines;
}


sub post {
    my ($t, $uri, $body, $token) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json',
        'X-Token' => $hidden{$token} ])->{status};
}


# the rows of a section, found in their order; each table begins anew

sub way {
    my ($mode, $section, @lines) = @_;

    my %known = (ID => 'e1');

    # of the request that was taken

    shift @lines while @lines && $lines[0] !~ /, signature:0/;

    for my $table (split /\n\n/, $section) {
        my @steps = $table =~ /^\| `([^`]+)` \|/mg or next;
        my $at = 0;

        for my $step (@steps) {
            my $re = quotemeta($step)
                     =~ s{([A-Z]{2,})}{$known{$1} // '(?<' . $1 . '>\S+?)'}ger;

            # before the signature was looked at

            next if $step =~ /receive: METHOD|body: ended/;

            $at++ while $at < @lines && $lines[$at] !~ /$re(?![0-9a-f])/;

            ok($at < @lines, "$mode: $step") or return;
            $lines[$at++] =~ /$re(?![0-9a-f])/;
            $known{$_} //= $+{$_} for grep { /^(?:SEQ|KEY|POINTER|TARGET)$/ }
                                      keys %+;
        }
    }
}


# ---- the page and the sources

sub section {
    my ($head) = @_;

    return $page =~ /^\#\#+ \Q$head\E[^\n]*\n(.*?)(?=^\#\#|\z)/ms
        ? $1 : die "no section \"$head\"\n";
}


sub real_lines {
    return map { s/^\*\d+ //r } grep { /event router/ }
           map { split /\n/ } section('A real log') =~ /^```\n(.*?)^```/msg;
}


# what the sources can say

sub formats {
    my @found;

    for my $file (glob "$root/ngx_event_router_module/*.c"
                  . " $root/ngx_event_router_module/*/*.c"
                  . " $root/ngx_event_router_module/*/*/*.c")
    {
        my $text = slurp($file);

        while ($text =~ /ngx_log_debug\d\([^"]*
                         ("(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)/xg)
        {
            my $format = $1;

            $format =~ s/\\"/\0/g;
            $format =~ s/"\s*"//g;
            $format =~ tr/"//d;
            $format =~ tr/\0/"/;
            push @found, $format;
        }
    }

    return @found;
}


sub shapes {
    return map { quotemeta($_) =~ s{\\%(?:\\\*s|\d*(?:u[izALD]|x[LDi]|[a-zA-Z]))}
                                   {.*}gr } @formats;
}


sub slurp {
    my ($file) = @_;

    open my $f, '<', $file or die "$file: $!\n";
    local $/;

    return scalar <$f>;
}
