#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Deliveries over TLS as the documentation writes them: README's example as it
# stands, with an OutSystems environment that is a stand-in.  It must see its
# name in SNI and Host and a connection that is kept; a certificate for another
# host, or one that nobody vouches for, gets no event.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

# nginx itself leaves its sessions with upstreams to the system at its end

$ENV{ASAN_OPTIONS} = 'detect_stack_use_after_return=1:detect_odr_violation=0:'
                     . 'verify_asan_link_order=0:detect_leaks=0';

my $root = "$FindBin::Bin/..";
my $host = 'acme.outsystemsenterprise.com';
my $secret = 'secret-of-the-shop';
my $order = '{"id":1,"total_price":"1500.00"}';


# ---- whatever is shown to be called over TLS has what TLS needs

my $include = 'outsystems-tls.conf';
my $lines = slurp("$root/docs/examples/include/$include");

like($lines, qr/^$_;/m, "$include: $_") for
    qr/proxy_http_version\s+1\.1/, qr/proxy_set_header\s+Connection\s+""/,
    qr/proxy_set_header\s+Host\s+\Q$host\E/, qr/proxy_ssl_name\s+\Q$host\E/,
    qr/proxy_ssl_server_name\s+on/, qr/proxy_ssl_verify\s+on/,
    qr/proxy_ssl_trusted_certificate\s+\S+/;

for my $page ('README.md', map { s{^\Q$root\E/}{}r } glob "$root/docs/*.md") {
    my $text = slurp("$root/$page");
    my @missing = map { unvouched($_) } $text =~ /^```nginx\n(.*?)^```/msg;

    is("@missing", '', "$page: nothing calls https:// without $include");
}

for my $file (map { glob "$root/docs/examples/$_" } qw(*.conf include/*)) {
    my $name = $file =~ s{.*/docs/}{docs/}r;

    unlike(slurp($file) =~ s/^\s*#.*//mgr, qr/proxy_pass\s+https:/,
        "$name runs on loopback");
}


# ---- README's example: the right environment

subtest 'the certificate is right' => sub {
    my ($t, $outsystems) = start($host);
    my ($passes, $said) = $t->check_config;

    ok($passes, 'nginx -t');
    unlike($said, qr/\[warn\]/, 'has nothing to warn of');
    is(post($t, "order-$_")->{status}, 200, "order $_ is taken") for 1 .. 2;
    $t->stop;

    my @got = got($outsystems);

    is(@got, 4, 'four deliveries');
    is(scalar(grep { /^\Q$host $host\E HTTP\/1\.1 / } @got), 4,
        'each with its name as SNI and Host');
    is(scalar(grep { / POST \/Orders\/rest\/v1\/Create / } @got), 2,
        'two at the order API');
    ok((grep { / 2$/ } @got), 'the connection was used again');

    $_->_check for $t, $outsystems;
};


# ---- and wrong ones

for my $case (
    [ 'is for another host', 'evil.example', qr/certificate does not match/ ],
    [ 'nobody vouches for', $host, qr/certificate verify error/, 1 ])
{
    my ($name, $for, $why, $untrusted) = @$case;

    subtest "a certificate that $name" => sub {
        my ($t, $outsystems) = start($for, $untrusted);


        my $r = post($t, 'order-1');

        is($r->{status}, 502, 'Shopify is told to come again');
        ok($t->wait_log($why), 'error.log says why');
        unlike($r->{body}, qr/"ok"/, 'nobody took it');
        $t->stop;

        is(scalar(got($outsystems)), 0, 'no event was sent');
        $_->_check for $t, $outsystems;
    };
}

done_testing();


# locations of a block of nginx.conf that call https:// with neither the file, in
# them or around, nor, for other hosts, what matters in it

sub unvouched {
    my ($block) = @_;

    my @locations = $block =~ /location\b.*?\{(.*?)\}/sg;
    my $around = $block =~ s/location\b.*?\{.*?\}//sgr;

    return if $around =~ /include\s+\Q$include\E;/;

    return grep {
        my $location = $_;

        $location =~ /proxy_pass\s+https:/
            && $location !~ /include\s+\Q$include\E;/
            && grep { $location !~ $_ } qr/proxy_ssl_server_name\s+on;/,
                qr/proxy_ssl_verify\s+on;/,
                qr/proxy_ssl_trusted_certificate\s+\S+;/
    } @locations;
}


sub slurp {
    my ($name) = @_;

    open my $f, '<', $name or die "$name: $!\n";

    return do { local $/; <$f> };
}


# README's example and the stand-in, whose certificate is for a host; the one
# that the example trusts is that, or another

sub start {
    my ($for, $untrusted) = @_;

    my $outsystems = Test::EventRouter->new(module => 0);
    my ($crt, $key) = $outsystems->certificate('outsystems', $for);

    $outsystems->config(<<"EOC");
log_format  tls  '\$ssl_server_name \$http_host \$server_protocol '
                 '\$request_method \$request_uri \$connection_requests';

server {
    listen               127.0.0.1:%%PORT_8443%% ssl;
    ssl_certificate      $crt;
    ssl_certificate_key  $key;
    access_log           logs/tls.log tls;

    location / {
        proxy_pass  http://127.0.0.1:%%PORT_8081%%;
    }
}
EOC
    $outsystems->target(8081);
    $outsystems->run;

    my $t = Test::EventRouter->new;
    my ($readme) = slurp("$root/README.md") =~ /^```nginx\n(.*?)^```/ms;
    my $trusted = $untrusted ? ($t->certificate('other', $for))[0] : $crt;
    my $port = $outsystems->port(8443);
    my $load = $ENV{TEST_NGINX_STATIC} ? '' : 'load_module ' . $t->_module
                                              . ';';
    my $user = $> == 0 ? "user root;\n" : '';

    ($crt, $key) = $t->certificate('hooks');

    $t->write_file('conf/secrets/shopify', $t->secret($secret));
    $t->write_file('conf/outsystems-tls.conf',
        $lines =~ s{/etc/ssl/certs/ca-certificates\.crt}{$trusted}r);

    # nothing else is changed than names of this machine

    $readme =~ s{^load_module\s.*$}{$load}m;
    $readme =~ s{\Q$host\E:443}{127.0.0.1:$port};
    $readme =~ s{(listen\s+)443}{${1}127.0.0.1:%%PORT_8080%%};
    $readme =~ s{/etc/nginx/secrets/}{secrets/};
    $readme =~ s{/etc/nginx/tls/hooks\.crt}{$crt};
    $readme =~ s{/etc/nginx/tls/hooks\.key}{$key};

    my $globals = "daemon off;\npid nginx.pid;\nworker_processes 1;\n$user"
                  . "error_log logs/error.log info;\n";
    my $temp = join '', map { "    ${_}_temp_path tmp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);

    $readme =~ s|^http \{\n|http {\n$temp    access_log logs/access.log;\n|m;
    $t->write_file('conf/nginx.conf', $t->expand($globals . $readme));

    return ($t->run, $outsystems);
}


sub post {
    my ($t, $id) = @_;

    return $t->request('POST', '/hooks/shopify',
        [ shopify($order, $secret, topic => 'orders/paid', id => $id) ],
        $order, tls => 1);
}


sub got {
    my ($outsystems) = @_;

    return split /\n/, $outsystems->read_file('logs/tls.log') // '';
}
