package Test::EventRouter::Routes;

# Copyright (C) Event Router contributors

# What the tests of the language of routes share: a configuration with a target
# "sink" that takes everything, and which routes an event matched, as the
# receipt says.
#
#     routes_config($t, sources => [ 'shop' ], http => <<'EOC');
#         event_source shop { verify off; dedup off; }
#         event_route paid { from shop; when data.a = 1; to sink; }
#     EOC
#     $t->run;
#     routes('/shop', '{"a":1}');          # "paid"
#     outcome('/shop', '{"a":2}');         # "unrouted"

use warnings;
use strict;

use Exporter qw(import);

our @EXPORT = qw(routes_config routes outcome);

my ($t, $client);


# options: sources (each has a location of its name), http, server (lines)

sub routes_config {
    my ($of, %o) = @_;

    $t = $of;
    $o{server} //= '';

    $t->config(<<"EOC");

    client_max_body_size  2m;
    keepalive_requests    10000;

    $o{http}

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        @{[ map { "location = /$_ { event_receive $_; }\n" }
                @{ $o{sources} } ]}

        location = /deliver/sink {
            event_deliver sink;
            proxy_pass http://127.0.0.1:%%PORT_8082%%;
            proxy_http_version 1.1;
        }

        $o{server}
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        client_max_body_size 2m;
        location / { return 200 ok; }
    }
EOC
}


sub receipt {
    my ($uri, $body, $headers) = @_;

    for my $try (1, 2) {
        $client //= $t->connect;

        my $r = $client->request(POST => $uri,
            [ 'Content-Type' => 'application/json', @{ $headers // [] } ],
            $body);

        return $r->json // {} if $r;

        # the connection was closed by a reload

        $client->close;
        undef $client;
    }

    return {};
}


sub routes {
    my $receipt = receipt(@_);

    return $receipt->{routes} ? join(' ', @{ $receipt->{routes} })
                              : "no receipt: $receipt->{detail}";
}


sub outcome { return receipt(@_)->{outcome} // '' }


1;
