#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Who may administer without a parameter of event_admin: clients on this
# machine that ask for a name of this machine or of the server.  A page whose
# own name leads to 127.0.0.1 runs in a browser on this machine, too, and gets
# 403.  Numbers of arguments are what they say, or refused.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;

$t->target(8081);

$t->config(<<'EOC');

    event_store file:%%TESTDIR%%/store size=4m;

    event_source a { verify off; id "{json:id}"; delivery queued; }
    event_target e { retry off; }
    event_route all { from a; to e; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name hooks.example.com *.wild.example .dot.example
                    ~^re\d+\.example$;

        location = /a    { event_receive a; }
        location = /e    { event_deliver e; return 400; }
        location /admin/ { event_admin; }
        location /open/  { event_admin access=nginx; allow 127.0.0.1; }
    }
EOC

$t->run;

my $port = $t->port(8080);

for my $host ('localhost', "localhost:$port", 'LOCALHOST', '127.0.0.1',
              "127.0.0.1:$port", '127.9.9.9', '[::1]', "[::1]:$port",
              'hooks.example.com', "Hooks.Example.com:$port",
              'a.wild.example', 'dot.example', 'x.dot.example')
{
    is(dead($host), 200, "$host may look");
    is(dead($host, Origin => "http://$host"), 200, "$host, its own page");
    is(dead($host, Origin => 'http://evil.example'), 403,
        "$host, another page");
    is(dead($host, Origin => 'null'), 403, "$host, a page of nobody");
}

for my $host ('evil.example', "evil.example:$port", 'localhost.evil.example',
              '127.0.0.1.evil.example', 'xlocalhost', '10.0.0.1', '128.0.0.1',
              '[::2]', 'hooks.example.com.evil', 'xhooks.example.com',
              'wild.example.evil', 're1.example', '_')
{
    is(dead($host), 403, "$host may not");
    is(dead($host, Origin => "http://$host", 'Sec-Fetch-Site' =>
            'same-origin'), 403, "$host, its own page");

    for my $verb (qw(pause?target=e resume?target=e replay?all=1 purge?all=1))
    {
        is($t->post("/admin/$verb", '', [ Host => $host,
            Origin => "http://$host", 'X-Event-Admin' => 1 ])->{status}, 403,
            "$host: $verb");
    }
}

is($t->get('/open/dead', [ Host => 'evil.example' ])->{status}, 200,
    'access=nginx: its rules alone');

# ---- numbers

is($t->post('/a', qq({"id":"$_"}))->{status}, 202, "event $_") for 1 .. 3;
ok(wait_until(10, sub { entries() == 3 }), 'three dead letters');

for my $n ('18446744073709552', '18446744073709551615', '9223372036854775808',
           '253402300800', '99999999999999999999', '-1', '1e3', '0x10', ' 1',
           '1.5', '')
{
    for my $name (qw(from to)) {
        is(purge("$name=$n"), 400, "purge?$name=$n is refused");
    }
}

is(entries(), 3, 'nothing was purged');
is(purge('from=253402300799'), 200, 'from the year 9999 on');
is(entries(), 3, 'there is none');
is(purge('from=' . int(time - 60) . '&to=' . int(time + 60)), 200, 'of now');
is(entries(), 0, 'all are');

$t->done;


# ---- helpers

sub dead {
    my ($host, @headers) = @_;

    return $t->get('/admin/dead', [ Host => $host, @headers ])->{status};
}


sub purge {
    my ($arguments) = @_;

    $arguments =~ s/ /%20/g;

    return $t->post("/admin/purge?$arguments", '',
        [ 'X-Event-Admin' => 1 ])->{status};
}


sub entries {
    return scalar @{ ($t->get('/admin/dead')->json // {})->{entries} // [] };
}
