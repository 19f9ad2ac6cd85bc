#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Producers that send several events in one body, with "split on": each has its
# own id, type, subject and time, and is known when it comes again.  And what
# docs/producers.md says in its notes of asana, chargebee, gitea, notion and
# box.  (t/batches.t has what splitting does, t/producers.t other notes.)

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $secret = $t->secret('a-secret-of-producers-0123456789');
my $second = $t->secret('another-of-producers-9876543210');

$t->write_file('own', $secret);
$t->write_file('second', $second);
$t->write_file('user', "hooks:$secret");

my $erp = $t->target(8081);

# how each is signed

my %sign = (
    asana => sub { ('X-Hook-Signature' => hmac_sha256_hex($_[0], $secret)) },
    gocardless => sub {
        ('Webhook-Signature' => hmac_sha256_hex($_[0], $secret))
    },
    klaviyo => sub {
        my $ts = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime);
        return ('Klaviyo-Webhook-Id' => '01KP', 'Klaviyo-Timestamp' => $ts,
                'Klaviyo-Signature' => hmac_sha256_hex("$_[0]$ts", $secret));
    },
    quickbooks => sub {
        ('intuit-signature' => encode_base64(hmac_sha256($_[0], $secret), ''))
    },
    notion => sub {
        ('X-Notion-Signature' => 'sha256='
            . hmac_sha256_hex($_[0], $secret))
    },
    gitea => sub {
        ('X-Gitea-Event' => 'push', 'X-Gitea-Delivery' => 'd1',
         'X-Gitea-Signature' => hmac_sha256_hex($_[0], $secret))
    },
    mandrill => sub {
        my ($name, $value) = split /=/, $_[0], 2;

        $value =~ s/%(..)/chr hex $1/ge;

        return ('X-Mandrill-Signature' => encode_base64(hmac_sha1(
            "https://hooks.example.com/mandrill$name$value", $secret), ''));
    },
    chargebee => sub {
        (Authorization => 'Basic ' . encode_base64("hooks:$secret", ''))
    },
);

my ($sources, $doors) = ('', '');

for my $name (qw(asana gocardless klaviyo quickbooks)) {
    source($name, "verify $name; secret file:../own; split on;");
}

source('mandrill', 'verify mandrill; secret file:../own; split on; '
       . 'public_url https://hooks.example.com$request_uri;');
source('whole', 'verify gocardless; secret file:../own;');
source($_, "verify $_; secret file:../own;") for qw(gitea notion);
source('chargebee', 'verify chargebee; secret file:../user;');
source('known', 'verify chargebee; secret file:../user; dedup by=data.id;');
source('box', 'verify box; secret file:../own; secret file:../second;');
source('heart', 'verify asana; secret file:../own;');

$t->config(<<"EOC");

    event_store memory:2m;
    proxy_read_timeout 800ms;
    proxy_send_timeout 800ms;
    proxy_connect_timeout 800ms;

    log_format event '\$uri \$event_id \$event_type \$event_subject '
                     '\$event_time';

$sources
    event_target erp { }
    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
$doors
        location = /erp { event_deliver erp;
                          proxy_set_header X-Type \$event_type;
                          proxy_set_header X-Subject \$event_subject;
                          proxy_set_header X-Time \$event_time;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;


# ---- several events in a body

my $gc1 = '{"id":"EV1","created_at":"2026-09-21T14:13:17.000Z","resource_type":'
    . '"payments","action":"confirmed","links":{"organisation":"OR1"}}';
my $gc2 = '{"id":"EV2","created_at":"2026-09-21T14:13:18.000Z","resource_type":'
    . '"mandates","action":"cancelled","links":{"organisation":"OR2"}}';
my $gc3 = '{"id":"EV3","resource_type":"payouts","action":"paid"}';

is_deeply(events('gocardless', gocardless('WB1', $gc1, $gc2)),
    [ "delivered payments.confirmed OR1 2026-09-21T14:13:17.000Z $gc1",
      "delivered mandates.cancelled OR2 2026-09-21T14:13:18.000Z $gc2" ],
    'gocardless: two events');
is_deeply(events('gocardless', gocardless('WB2', $gc2, $gc3)),
    [ 'duplicate', "delivered payouts.paid - - $gc3" ],
    'gocardless: one of them in another body, and a new one');
is_deeply(events('whole', gocardless('WB3', $gc1, $gc2)),
    [ 'delivered payments.confirmed OR1 2026-09-21T14:13:17.000Z '
      . gocardless('WB3', $gc1, $gc2) ], 'gocardless: whole without "split"');

my $as1 = '{"resource":{"gid":"1","resource_type":"task"},"action":"changed",'
    . '"created_at":"2026-09-21T14:13:17.000Z","change":{"field":"name"}}';
my $as2 = '{"resource":{"gid":"2","resource_type":"story"},"action":"added",'
    . '"created_at":"2026-09-21T14:13:18.000Z"}';

is_deeply(events('asana', qq({"events":[$as1,$as2]})),
    [ "delivered task.changed 1 2026-09-21T14:13:17.000Z $as1",
      "delivered story.added 2 2026-09-21T14:13:18.000Z $as2" ],
    'asana: two events');
is_deeply(events('asana', qq({"events":[$as1,$as2]})),
    [ 'duplicate', 'duplicate' ], 'asana: the same again');

my $kl1 = '{"external_id":"a","topic":"event:klaviyo.opened_email","payload":'
    . '{"data":{"attributes":{"datetime":"2026-09-21T14:13:17+00:00"}}}}';
my $kl2 = '{"external_id":"b","topic":"event:klaviyo.sent_sms"}';
my $meta = '"meta":{"timestamp":"2026-09-21T14:13:20+00:00"}';

is_deeply(events('klaviyo', qq({"data":[$kl1,$kl2],$meta})),
    [ 'delivered event:klaviyo.opened_email 01KP '
      . "2026-09-21T14:13:17+00:00 $kl1",
      "delivered event:klaviyo.sent_sms 01KP 2026-09-21T14:13:20+00:00 $kl2" ],
    'klaviyo: two events');
is_deeply(events('klaviyo', qq({"data":[$kl2],$meta})), [ 'duplicate' ],
    'klaviyo: one of them again');

my $qb1 = '{"specversion":"1.0","id":"c1","source":"intuit.x","type":'
    . '"qbo.invoice.created.v1","time":"2026-09-21T14:13:17Z",'
    . '"intuitaccountid":"31","intuitentityid":"7","data":{}}';
my $qb2 = $qb1 =~ s/"c1"/"c2"/r =~ s/created/voided/r;

is_deeply(events('quickbooks', "[$qb1,$qb2]"),
    [ "delivered qbo.invoice.created.v1 31 2026-09-21T14:13:17Z $qb1",
      "delivered qbo.invoice.voided.v1 31 2026-09-21T14:13:17Z $qb2" ],
    'quickbooks: an array of CloudEvents');

my $cu1 = '{"name":"Customer","id":"1","operation":"Create",'
    . '"lastUpdated":"2026-09-21T14:13:17.000Z"}';
my $cu2 = $cu1 =~ s/Create/Update/r;
my $old = '{"eventNotifications":[{"realmId":"R1","dataChangeEvent":{'
    . qq("entities":[$cu1]}},{"realmId":"R2","dataChangeEvent":{"entities":)
    . "[$cu2]}}]}";

is_deeply(events('quickbooks', $old),
    [ "delivered Customer.Create R1 2026-09-21T14:13:17.000Z $cu1",
      "delivered Customer.Update R2 2026-09-21T14:13:17.000Z $cu2" ],
    'quickbooks: the older form, the account is the own notification\'s');
is_deeply(events('quickbooks', "[$qb2]"), [ 'duplicate' ],
    'quickbooks: one of them again');
is_deeply(events('quickbooks', '[]', signed_as => '[1]'), [ '401' ],
    'quickbooks: signed for another body');

# a document in a form: its signature is over the URL and the fields

my $ma1 = '{"event":"send","ts":1790000000,"_id":"m1","msg":{"email":"a@b"}}';
my $ma2 = '{"event":"open","ts":1790000007,"_id":"m1","msg":{"email":"a@b"}}';

is_deeply(events('mandrill', mandrill($ma1, $ma2)),
    [ "delivered send a\@b 2026-09-21T14:13:20Z $ma1",
      "delivered open a\@b 2026-09-21T14:13:27Z $ma2" ],
    'mandrill: two events of one message');
is_deeply(events('mandrill', mandrill($ma2)), [ 'duplicate' ],
    'mandrill: one of them again');
is_deeply(events('mandrill', mandrill($ma2), signed_as => mandrill($ma1)),
    [ '401' ], 'mandrill: signed for another field');
is($t->request('HEAD', '/mandrill')->{status}, 200,
    'mandrill: asks whether we are there');


# ---- what the notes say

# Asana hands its secret over, and asks every eight hours whether we are there

my $r = $t->post('/asana', '{}', [ 'Content-Type' => 'application/json',
                                   'X-Hook-Secret' => 'b537207f20cbfa02' ]);

is("$r->{status} " . $r->header('X-Hook-Secret') . " $r->{body}",
    '200 b537207f20cbfa02 ', 'asana: its secret is given back');
is_deeply(events('heart', '{"events":[]}'),
    [ 'delivered - - - {"events":[]}' ], 'asana: a heartbeat');
is_deeply(events('heart', '{"events":[]}'), [ 'duplicate' ],
    'asana: the next one');
is_deeply(events('asana', '{"events":[]}'), [ '200' ],
    'asana: split, it is no event');

# Notion counts its attempts in the body, and its id stays the event's

my $notion = '{"id":"n1","type":"page.moved","attempt_number":1}';

like(events('notion', $notion)->[0], qr/^delivered page\.moved /,
    'notion: an event');
is_deeply(events('notion', $notion =~ s/1\}/2}/r), [ 'duplicate' ],
    'notion: its second attempt');

# and sends its token before anybody can sign

is($t->post('/notion', '{"verification_token":"secret_x"}',
            [ 'Content-Type' => 'application/json' ])->{status}, 401,
    'notion: the token comes unsigned');

# Chargebee says in a repetition that it is one

my $cb = '{"id":"ev_1","event_type":"plan_created","webhook_status":'
    . '"scheduled"}';
my $again = $cb =~ s/"scheduled"/"re_scheduled"/r;

like(events('chargebee', $cb)->[0], qr/^delivered /, 'chargebee: an event');
is_deeply(events('chargebee', $cb), [ 'duplicate' ], 'chargebee: the same');
like(events('chargebee', $again)->[0], qr/^delivered /,
    'chargebee: its repetition has another body');
like(events('known', $cb)->[0], qr/^delivered /, 'chargebee: by its id');
is_deeply(events('known', $again), [ 'duplicate' ],
    'chargebee: its repetition is known');

# Gitea signs the field of a form

is(post('gitea', 'payload=%7B%7D', 'application/x-www-form-urlencoded')
    ->{status}, 415, 'gitea: no forms');

# Box signs with two keys

for my $case ([ $secret, $second ], [ $second, $secret ], [ 'x', $secret ]) {
    my ($primary, $secondary) = @$case;
    my $body = '{"id":"b' . ++$erp->{boxes} . '","trigger":"FILE.MOVED"}';
    my $ts = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime);
    my $status = $t->post('/box', $body, [
        'Content-Type' => 'application/json', 'BOX-DELIVERY-TIMESTAMP' => $ts,
        'BOX-SIGNATURE-PRIMARY' => box("$body$ts", $primary),
        'BOX-SIGNATURE-SECONDARY' => box("$body$ts", $secondary) ])->{status};

    is($status, $primary eq 'x' ? 401 : 200, 'box: the first of the two is '
        . ($primary eq 'x' ? 'nobody\'s' : 'a key of ours'));
}

$t->done;


sub source {
    my ($name, $lines) = @_;

    $sources .= "    event_source $name { $lines }\n";
    $doors .= "        location = /$name { event_receive $name; }\n";
}


sub gocardless {
    my ($id, @events) = @_;

    return '{"events":[' . join(',', @events)
           . qq(],"meta":{"webhook_id":"$id"}});
}


sub mandrill {
    my $list = '[' . join(',', @_) . ']';

    return 'mandrill_events='
        . $list =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger;
}


sub box {
    return encode_base64(hmac_sha256($_[0], $_[1]), '');
}


sub post {
    my ($name, $body, $type, $signed) = @_;
    my $how = $name eq 'whole' ? 'gocardless' : $name eq 'heart' ? 'asana'
        : $name eq 'known' ? 'chargebee' : $name;

    return $t->post("/$name", $body, [ 'Content-Type' => $type,
                                       $sign{$how}->($signed // $body) ]);
}


# "outcome type subject time body" of each event, or the status alone

sub events {
    my ($name, $body, %more) = @_;

    $erp->forget;

    my $r = post($name, $body, $name eq 'mandrill'
        ? 'application/x-www-form-urlencoded' : 'application/json',
        $more{signed_as});

    return [ $r->{status} ] if $r->{status} != 200;

    my $said = $r->json // {};
    my @events = @{ $said->{events} // [ $said->{outcome} ? $said : () ] };
    my %sent = map { $_->header('Webhook-Id') => $_ } $erp->requests;

    return [ $r->{status} ] if !@events;

    return [ map {
        my $got = $sent{ $_->{id} };

        join ' ', $_->{outcome}, $got ? (map({ $got->header($_) || '-' }
                                             qw(X-Type X-Subject X-Time)),
                                         $got->{body}) : ()
    } @events ];
}
