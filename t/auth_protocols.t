#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "auth" and "sign" where a target is not called by proxy_pass: FastCGI, SCGI,
# uwsgi and gRPC get them as they get what a client sends.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $secret = $t->secret('a-secret-0123456789');
my $basic = $t->secret(encode_base64("joe:$secret", ''));
my %port = map { $_ => $t->port(8090 + length) } qw(scgi uwsgi fastcgi);

$t->write_file('conf/secrets/user', "joe:$secret");
$t->write_file('conf/secrets/key', $secret);

my %kind = (
    basic => 'auth basic file:secrets/user;',
    header => 'auth header X-Api-Key file:secrets/key;',
    query => 'auth query key file:secrets/key;',
    sign => 'sign github secret=file:secrets/key;',
);
my %pass = (
    scgi => "scgi_pass 127.0.0.1:$port{scgi}; "
            . 'scgi_param QUERY_STRING $query_string; '
            . 'scgi_param REQUEST_URI $uri;',
    uwsgi => "uwsgi_pass 127.0.0.1:$port{uwsgi}; "
             . 'uwsgi_param QUERY_STRING $query_string; '
            . 'uwsgi_param REQUEST_URI $uri;',
    fastcgi => "fastcgi_pass 127.0.0.1:$port{fastcgi}; "
               . 'fastcgi_param QUERY_STRING $query_string; '
            . 'fastcgi_param REQUEST_URI $uri;',
    grpc => 'grpc_pass grpc://127.0.0.1:%%PORT_8083%%;',
);

my ($blocks, $locations, @targets) = ('', '');

for my $pass (sort keys %pass) {
    for my $kind (sort keys %kind) {
        push @targets, "$pass-$kind";
        $blocks .= "event_target $pass-$kind { $kind{$kind} }\n";
        $locations .= "location = /$pass-$kind { "
            . "event_deliver $pass-$kind; $pass{$pass} }\n";
    }
}

my $conf = <<'EOC';
    log_format grpc '$uri "$args" "$http_authorization" "$http_x_api_key" '
                    '"$http_x_hub_signature_256" "$http_user_agent"';

    fastcgi_read_timeout 5s; scgi_read_timeout 5s; uwsgi_read_timeout 5s;

    event_source in { verify off; id "{json:id}"; deadline 65s; }
    event_route all { from in; to TARGETS; }

    BLOCKS

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /in { event_receive in; }
        LOCATIONS
    }

    server {
        listen 127.0.0.1:%%PORT_8083%% http2;
        access_log %%TESTDIR%%/logs/got grpc;
        location / { return 204; }
    }
EOC

$conf =~ s/TARGETS/@targets/;
$conf =~ s/BLOCKS/$blocks/;
$conf =~ s/LOCATIONS/$locations/;
$t->expect_log(qr/\[error\]/, 'servers that record answer nothing');

my %server = map { $_ => recorder($_, $port{$_}) } keys %port;

$t->config($conf);
$t->run;
$t->post('/in', '{"id":1}');

my %got;

for my $name (keys %server) {
    for my $text (split /\0\0\0END/, $t->read_file("got.$name")) {
        my ($kind) = $text =~ m{/$name-(basic|header|query|sign)} or next;

        $got{"$name-$kind"} = $text;
    }
}

$t->wait_file('logs/got', qr/(?:.*\n){4}/, 5);
$got{ ($_ =~ m{^/(\S+) })[0] } = $_ for split /\n/, $t->read_file('logs/got');

for my $pass (sort keys %pass) {
    like($got{"$pass-basic"} // '', qr/Basic \Q$basic\E/, "$pass: basic");
    like($got{"$pass-header"} // '', qr/\Q$secret\E/, "$pass: header");
    like($got{"$pass-query"} // '', qr/key=\Q$secret\E/, "$pass: query");
    like($got{"$pass-sign"} // '', qr/sha256=[0-9a-f]{64}/, "$pass: sign");
    like($got{"$pass-sign"} // '', qr{event-router/}, "$pass: User-Agent");

    next if $pass eq 'grpc';

    like($got{"$pass-basic"} // '', qr/HTTP_AUTHORIZATION/,
        "$pass: a header of HTTP");
    like($got{"$pass-header"} // '', qr/HTTP_X_API_KEY/,
        "$pass: another header of HTTP");
}

# what was recorded is the test's, and has secrets on purpose

unlink map { $t->dir . "/$_" } 'logs/got', map { "got.$_" } keys %server;
kill 'KILL', values %server;
waitpid $_, 0 for values %server;

$t->done;


# writes what each connection says into a file, and closes it

sub recorder {
    my ($name, $port) = @_;

    my $listen = IO::Socket::INET->new(Listen => 16, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => $port) or die "listen: $!\n";
    my $file = $t->dir . "/got.$name";
    my $pid = fork // die "fork: $!\n";

    return $pid if $pid;

    while (my $c = $listen->accept) {
        my ($text, $more) = ('');

        $c->timeout(2);

        while ($text !~ /\{"id":1\}/ && sysread $c, $more, 65536) {
            $text .= $more;
        }

        open my $f, '>>', $file or last;
        print $f $text, "\0\0\0END";
        close $f;
    }

    POSIX::_exit(0);
}
