package Test::EventRouter::Mapped;

# Copyright (C) Event Router contributors

# nginx.conf for tests of what a target gets: any targets, each behind a
# location of its own at one recording target, and two sources that lead to all
# of them, "now" and "later", which queues.

use warnings;
use strict;

use Exporter 'import';

our @EXPORT_OK = qw(mapped_config);


# store; targets: the lines of each, by name; from: the sources of the route;
# accept: content types; http: more of that block

sub mapped_config {
    my ($t, %o) = @_;

    my %target = %{ $o{targets} };
    my @names = sort keys %target;
    my $from = $o{from} // 'now later';
    my $source = "verify off; accept $o{accept}; dedup off; "
                 . 'id "{json:id?}"; type "{json:type?}";';

    my $targets = join "\n", map { "
        event_target $_ { breaker off; retry base=100ms for=1h;
                          $target{$_} }" } @names;
    my $locations = join "\n", map { "
        location = /deliver/$_ { event_deliver $_;
                                 proxy_pass http://target/$_; }" } @names;

    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $o{store};
    @{[ $o{http} // '' ]}

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 16; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";

    event_source now   { $source }
    event_source later { $source delivery queued; }

    $targets

    event_route all { from $from; to @names; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /now    { event_receive now; }
        location = /later  { event_receive later; }
        location = /status { event_status; }
        location /admin    { event_admin reveal; allow all; }
        $locations
    }
}
EOC
}


1;
