#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What tells two events of a producer apart.  For each preset of the table two
# genuine requests that a person would call two events (mostly the same order,
# deploy or payment in another state), and the first one again, as the producer
# repeats it: signed anew where a time is signed.  Two events are two
# deliveries, a repetition is none.  The requests are signed by what the table
# says, so a new row without a pair here fails.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Compress::Zlib qw(crc32);
use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha512 sha1 sha256 sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url decode_base64);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $NL = "\n";
my $SHARED = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90';
my $SECRET64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $receipt;
my $root = $t->root;
my $dir = $t->dir;

# name => [ one event, another ]: a body, or [ body, header, value ... ].
# %NOW% is this second, %MS% in milliseconds, %SIG% where the signature stands.

my $ADYEN = '{"notificationItems":[{"NotificationRequestItem":{'
    . '"pspReference":"P1","merchantAccountCode":"A","merchantReference":"r",'
    . '"amount":{"value":100,"currency":"EUR"},"eventCode":"AUTHORISATION",'
    . '"eventDate":"2026-01-01T00:00:00Z","success":"SUCCESS","reason":"R",'
    . '"additionalData":{"hmacSignature":"%SIG%"}}}]}';

sub adyen {
    my ($success, $reason) = @_;

    return $ADYEN =~ s/SUCCESS/$success/r =~ s/"R"/"$reason"/r;
}

sub multi {
    my @pairs = @_;
    my $body = '';

    while (my ($name, $value) = splice @pairs, 0, 2) {
        $body .= '--b' . "\r\nContent-Disposition: form-data; name=\"$name\""
            . "\r\n\r\n$value\r\n";
    }

    return [ "$body--b--\r\n",
             'Content-Type' => 'multipart/form-data; boundary=b' ];
}

sub order {
    my ($state) = @_;

    return qq({"id":42,"type":"order","status":"$state"});
}

sub hubspot {
    my (@id) = @_;

    return '[' . join(',', map { qq({"eventId":$_,"subscriptionId":1,)
        . '"subscriptionType":"contact.creation","portalId":7,'
        . '"occurredAt":1790000000000}' } @id) . ']';
}

sub soap {
    my ($id) = @_;

    return '<soapenv:Envelope xmlns:soapenv='
        . '"http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        . '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        . "<Notification><Id>04l$id</Id></Notification></notifications>"
        . '</soapenv:Body></soapenv:Envelope>';
}

sub sns {
    my ($message, $version) = @_;

    return qq({"Type":"Notification","MessageId":"m-$message","TopicArn":)
        . qq("arn:aws:sns:us-east-1:1:t","Message":"$message","Timestamp":)
        . qq("%RFC%","SignatureVersion":"$version","Signature":"%SIG%"}) =~
        s/"Timestamp"/$message eq 'b' ? '"Subject":"Hi","Timestamp"'
                                      : '"Timestamp"'/re;
}

my %EVENTS = (
    'adyen-payments' => [ adyen('false', 'x'), adyen('true', '') ],
    'adyen-platform' => [
        map { '{"type":"balancePlatform.transfer.updated","timestamp":'
              . '"2026-01-01T00:00:00Z","data":{"id":"T1","status":"'
              . $_ . '"}}' } 'authorised', 'captured' ],
    'aws-sns' => [ sns('a', 1), sns('b', 2) ],
    'aws-sns-v2' => [ sns('a', 2), sns('b', 2) ],
    apikey => [ order('paid'), order('shipped') ],
    asana => [ map { '{"events":[{"action":"changed","resource":{"gid":"1",'
                     . qq("resource_type":"task"},"created_at":"2026-0$_"}]}) }
               1, 2 ],
    auth0 => [ order('paid'), order('shipped') ],
    basic => [ order('paid'), order('shipped') ],
    bearer => [ order('paid'), order('shipped') ],
    bigcommerce => [ map { [ '{"scope":"store/order/updated","store_id":"1",'
                             . '"hash":"h","data":{"id":173331}}',
                             'webhook-id' => "msg_$_" ] } 1, 2 ],
    bitbucket => [ map { [ qq({"pullrequest":{"id":1,"state":"$_"}}),
                           'X-Request-UUID' => 'b-1',
                           'X-Event-Key' => 'pullrequest:updated' ] }
                   'OPEN', 'MERGED' ],
    box => [ map { qq({"type":"webhook_event","id":"b$_",)
                   . '"trigger":"FILE.UPLOADED","source":{"id":"1"}}' } 1, 2 ],
    braintree => [ map { [ "bt_signature=pub%7C%SIG%&bt_payload=$_%3D%0A",
                           'Content-Type' =>
                               'application/x-www-form-urlencoded' ] }
        'PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiPz4KMQ',
        'PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiPz4KMg' ],
    calendly => [ map { '{"event":"invitee_no_show.created","created_at":'
                        . qq("2026-01-0${_}T00:00:00Z","payload":{"uri":)
                        . '"https://api.calendly.com/i/1"}}' } 1, 2 ],
    chargebee => [ map { '{"id":"ev_1","event_type":"subscription_changed",'
                         . qq("content":{"subscription":{"status":"$_"}}}) }
                   'active', 'cancelled' ],
    clerk => [ map { [ '{"type":"user.updated","data":{"id":"user_1"}}',
                       'svix-id' => "msg_c$_" ] } 1, 2 ],
    cloudevents => [ order('paid'), order('shipped') ],
    cloudinary => [ map { qq({"request_id":"r","notification_type":"$_"}) }
                    'upload', 'eager' ],
    discord => [ map { qq({"id":"78705308047861355$_","type":2}) } 1, 2 ],
    'discord-events' => [ map { '{"type":1,"event":{"type":"ENTITLEMENT",'
                                . qq("timestamp":"2026-01-0$_"}}) } 1, 2 ],
    'discord-interactions' => [ map { qq({"id":"7870530804786135$_",)
                                      . '"type":2}' } 1, 2 ],
    docusign => [ map { '{"event":"recipient-sent","generatedDateTime":'
                        . '"2026-01-01T00:00:00.0000000Z","data":{'
                        . qq("envelopeId":"e","recipientId":"$_"}}) } 1, 2 ],
    easypost => [ map { qq({"id":"evt_$_","description":"tracker.updated",)
                        . '"result":{"id":"trk_1"}}' } 1, 2 ],
    dropbox => [ map { qq({"list_folder":{"accounts":["dbid:$_"]},)
                       . '"delta":{"users":[1]}}' } 'AAH4f', 'AAG1x' ],
    e2b => [ map { qq({"id":"e-$_","type":"sandbox.lifecycle.created",)
                   . '"sandboxTeamId":"t"}' } 1, 2 ],
    ebay => [ map { '{"metadata":{"topic":"ITEM_SOLD"},"notification":{'
                    . qq("notificationId":"n","data":{"state":"$_"}}}) }
              'sold', 'paid' ],
    eventgrid => [ map { '[{"id":"1807","eventType":"recordInserted",'
                         . '"subject":"myapp/vehicles","eventTime":'
                         . '"2017-08-10T21:03:07Z","topic":"/t","data":{"make":"'
                         . $_ . '"}}]' } 'Ducati', 'Vespa' ],
    front => [ map { qq({"type":"$_","payload":{"id":"cnv_1"}}) }
               'assign', 'archive' ],
    gitea => [ map { [ qq({"action":"$_","number":1}),
                       'X-Gitea-Event' => 'pull_request',
                       'X-Gitea-Delivery' => 'f6266f16' ] }
               'opened', 'closed' ],
    github => [ map { [ qq({"action":"$_","issue":{"number":1}}),
                        'X-GitHub-Event' => 'issues',
                        'X-GitHub-Delivery' => '72d3162e-cc78' ] }
                'opened', 'closed' ],
    gitlab => [ map { [ qq({"object_attributes":{"id":9,"action":"$_"}}),
                        'Idempotency-Key' => 'k-1',
                        'X-Gitlab-Event' => 'Issue Hook' ] }
                'open', 'close' ],
    'gitlab-signed' => [ map { [ '{"object_kind":"push"}',
                                 'webhook-id' => "g-$_" ] } 1, 2 ],
    'google-pubsub' => [ map { '{"message":{"data":"e30=","messageId":'
                               . qq("$_","publishTime":"2026-01-01T00:00:00Z")
                               . '},"subscription":"projects/p/s"}' } 1, 2 ],
    gocardless => [ map { '{"events":[{"id":"EV1","resource_type":"payments",'
                          . qq("action":"paid_out"},{"id":"$_"}]}) }
                    'EV2', 'EV3' ],
    hubspot => [ hubspot(1, 2), hubspot(1, 3) ],
    'hubspot-v1' => [ hubspot(1, 2), hubspot(1, 3) ],
    'hubspot-v2' => [ hubspot(1, 2), hubspot(1, 3) ],
    intercom => [ map { qq({"id":"notif_$_","topic":"conversation.closed",)
                        . '"data":{"item":{"id":"1"}}}' } 1, 2 ],
    jira => [ map { [ qq({"webhookEvent":"jira:issue_$_",)
                      . '"issue":{"key":"EX-1"}}',
                      'X-Atlassian-Webhook-Identifier' => 'a-1' ] }
              'created', 'updated' ],
    jwks => [ order('paid'), order('shipped') ],
    'jwt-hs256' => [ order('paid'), order('shipped') ],
    'jwt-rs256' => [ order('paid'), order('shipped') ],
    klaviyo => [ map { [ '{"data":[{"external_id":"e1","topic":"t"},'
                         . qq({"external_id":"$_","topic":"t"}]}),
                         'Klaviyo-Webhook-Id' => 'w',
                         'Klaviyo-Timestamp' => 'now' ] } 'e2', 'e3' ],
    jotform => [ map { multi(formID => 'f', submissionID => '5912',
                             rawRequest => qq({"q3_name":"$_"})) } 1, 2 ],
    lemonsqueezy => [ map { qq({"meta":{"event_name":"subscription_$_"},)
                            . '"data":{"type":"subscriptions","id":"1"}}' }
                      'updated', 'cancelled' ],
    line => [ map { '{"destination":"d","events":[{"webhookEventId":"w1",'
                    . qq("type":"message"},{"webhookEventId":"$_",)
                    . '"type":"message"}]}' } 'w2', 'w3' ],
    linear => [ map { [ qq({"action":"update","type":"Issue","data":{)
                        . qq("id":"i","state":"$_"},"webhookTimestamp":%MS%}),
                        'Linear-Delivery' => 'l-1',
                        'Linear-Event' => 'Issue' ] } 'todo', 'done' ],
    linkedin => [ map { '{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS",'
                        . qq("notifications":[{"notificationId":$_}]}) }
                  1, 2 ],
    livekit => [ map { qq({"event":"room_started","id":"EV_$_",)
                       . '"room":{"name":"blue"}}' } 1, 2 ],
    mailchimp => [ map { [ 'type=subscribe&fired_at=2026-03-26+21%3A35%3A57&'
                           . "data%5Blist_id%5D=a6b5da1054&data%5Bid%5D=$_",
                           'Content-Type' =>
                               'application/x-www-form-urlencoded' ] }
        '8a25ff1d98', '8a25ff1d99' ],
    mailgun => [ map { '{"signature":{"timestamp":"%NOW%","token":"tok",'
                       . '"signature":"%SIG%"},"event-data":{"id":"m1",'
                       . qq("event":"$_"}}) } 'delivered', 'opened' ],
    mandrill => [ map { [ 'mandrill_events=[{"_id":"m1","ts":1790000000,'
                          . qq("event":"$_","msg":{"email":"a\@b"}}]),
                          'Content-Type' =>
                              'application/x-www-form-urlencoded' ] }
                  'send', 'open' ],
    meta => [ map { '{"object":"page","entry":[{"id":"1","time":1,'
                    . '"messaging":[{"message":{"mid":"m_1"}},'
                    . qq({"message":{"mid":"m_$_"}}]}]}) } 2, 3 ],
    monday => [ map { '{"event":{"triggerUuid":"u","type":"update_column",'
                      . qq("value":"$_"}}) } 'a', 'b' ],
    msgraph => [ map { '{"value":[{"id":"n1","clientState":"%SIG%",'
                       . qq("changeType":"$_"}]}) } 'created', 'updated' ],
    mux => [ map { qq({"type":"video.asset.ready","id":"m$_",)
                   . '"data":{"id":"a"}}' } 1, 2 ],
    netlify => [ map { qq({"id":"5ebc","site_id":"s","state":"$_"}) }
                 'building', 'ready' ],
    notion => [ map { qq({"id":"n$_","type":"page.moved",)
                      . '"entity":{"id":"p"}}' } 1, 2 ],
    nylas => [ map { qq({"id":"n$_","type":"message.updated","data":{)
                     . '"object":{"id":"m","grant_id":"g"}}}' } 1, 2 ],
    openai => [ map { [ '{"type":"response.completed","data":{"id":"r"}}',
                        'webhook-id' => "wh_$_" ] } 1, 2 ],
    okta => [ map { '{"eventType":"com.okta.event_hook","source":'
                    . '"https://o.okta.com/api/v1/eventHooks/who1","eventId":'
                    . '"b5a188b9","data":{"events":[{"uuid":"d9c4a1ba",'
                    . '"published":"2019-03-27T16:59:53.032Z","eventType":"'
                    . $_ . '"}]}}' } 'user.lifecycle.create',
                                     'user.lifecycle.activate' ],
    paddle => [ map { qq({"event_id":"evt_$_","event_type":)
                      . '"subscription.updated","data":{"id":"sub_1"}}' }
                1, 2 ],
    pagerduty => [ map { qq({"event":{"id":"01$_","event_type":)
                         . '"incident.annotated","data":{"id":"P1"}}}' } 1, 2 ],
    'paypal-pinned' => [ map { [ qq({"id":"WH-1","event_type":"$_"}),
                                 'PAYPAL-TRANSMISSION-ID' => 'tid' ] }
                         'PAYMENT.PENDING', 'PAYMENT.COMPLETED' ],
    plaid => [ map { '{"webhook_type":"TRANSACTIONS","item_id":"i",'
                     . qq("webhook_code":"$_"}) }
               'SYNC_UPDATES_AVAILABLE', 'HISTORICAL_UPDATE' ],
    paystack => [ map { '{"event":"charge.success","data":{"id":302961,'
                        . qq("status":"$_"}}) } 'pending', 'success' ],
    persona => [ map { qq({"data":{"id":"evt_$_","attributes":{"name":)
                       . '"inquiry.completed"}}}' } 1, 2 ],
    polar => [ map { [ '{"type":"order.updated","data":{"id":"o1"}}',
                       'webhook-id' => "wh_p$_" ] } 1, 2 ],
    quickbooks => [ map { qq([{"id":"q1","type":"qbo.invoice.created.v1"},)
                          . qq({"id":"$_","type":"qbo.invoice.voided.v1"}]) }
                    'q2', 'q3' ],
    razorpay => [ map { [ qq({"event":"payment.$_","account_id":"a"}),
                          'X-Razorpay-Event-Id' => 'evt_1' ] }
                  'authorized', 'captured' ],
    resend => [ map { [ '{"type":"email.opened","data":{"email_id":"e"}}',
                        'svix-id' => "msg_r$_" ] } 1, 2 ],
    revolut => [ map { '{"event":"ORDER_COMPLETED","order_id":"9fc0",'
                       . qq("merchant_order_ext_ref":"$_"}) } 1, 2 ],
    ringcentral => [ map { '{"uuid":"u","event":"/sms","ownerId":"1",'
                           . qq("body":{"status":"$_"}}) } 'a', 'b' ],
    salesforce => [ map { [ soap($_), 'Content-Type' => 'text/xml' ] } 1, 2 ],
    sanity => [ map { [ qq({"_id":"doc","state":"$_"}),
                        'idempotency-key' => 'ik-1' ] }
                'draft', 'published' ],
    sendgrid => [ map { '[{"sg_event_id":"s1","event":"processed"},'
                        . qq({"sg_event_id":"$_","event":"open"}]) }
                  's2', 's3' ],
    'sendgrid-inbound' => [ map { multi(to => 'a@example.com',
                                       text => "mail $_") } 1, 2 ],
    sentry => [ map { [ qq({"action":"$_","data":{"issue":{"id":"1"}}}),
                        'Request-ID' => 'r-1',
                        'Sentry-Hook-Resource' => 'issue' ] }
                'created', 'resolved' ],
    shopify => [ map { [ qq({"id":820982911946154508,)
                         . qq("financial_status":"$_"}),
                         'X-Shopify-Webhook-Id' => 'w-1',
                         'X-Shopify-Topic' => 'orders/updated' ] }
                 'pending', 'paid' ],
    slack => [ map { qq({"event_id":"Ev$_","type":"event_callback",)
                     . '"event":{"type":"message","ts":"1"}}' } 1, 2 ],
    sparkpost => [ map { '[{"msys":{"message_event":{"type":"injection",'
                         . qq("event_id":"$_"}}},{"msys":{"track_event":)
                         . qq({"type":"open","event_id":"$_$_"}}}]) } 1, 2 ],
    square => [ map { qq({"event_id":"e-$_","type":"payment.updated",)
                      . '"data":{"id":"p-1"}}' } 1, 2 ],
    standardwebhooks => [ map { [ '{"type":"invoice.paid"}',
                                  'webhook-id' => "msg_$_" ] } 1, 2 ],
    'standardwebhooks-v1a' => [ map { [ '{"type":"invoice.paid"}',
                                        'webhook-id' => "msg_$_" ] } 1, 2 ],
    strava => [ map { '{"object_type":"activity","object_id":1,"aspect_type":'
                      . '"update","event_time":1790000000,"updates":{'
                      . qq("title":"$_"}}) } 'run', 'ride' ],
    stripe => [ map { qq({"id":"evt_$_","type":"charge.updated","data":{)
                      . '"object":{"id":"ch_1"}}}' } 1, 2 ],
    svix => [ map { [ '{"type":"ping"}', 'svix-id' => "msg_$_" ] } 1, 2 ],
    telnyx => [ map { qq({"data":{"id":"d-$_","event_type":"call.hangup"}}) }
                1, 2 ],
    trello => [ map { qq({"action":{"id":"a$_","type":"updateCard"},)
                      . '"model":{"id":"m"}}' } 1, 2 ],
    twilio => [ map { [ "AccountSid=AC1&MessageSid=SM1&MessageStatus=$_",
                        'Content-Type' =>
                            'application/x-www-form-urlencoded' ] }
                'sent', 'delivered' ],
    twitch => [ map { [ '{"subscription":{"id":"s"},"event":{"n":1}}',
                        'Twitch-Eventsub-Message-Id' => "tw-$_" ] } 1, 2 ],
    typeform => [ map { qq({"event_id":"e$_","event_type":"form_response",)
                        . '"form_response":{"form_id":"f"}}' } 1, 2 ],
    vercel => [ map { qq({"id":"v$_","type":"deployment.succeeded",)
                      . '"payload":{"project":{"id":"p"}}}' } 1, 2 ],
    walmart => [ map { qq({"eventId":"e$_","source":{"eventType":"PO"}}) }
                 1, 2 ],
    webflow => [ map { '{"triggerType":"collection_item_changed",'
                       . qq("payload":{"id":"i1","isDraft":$_}}) }
                 'true', 'false' ],
    websub => [ '<feed><entry>1</entry></feed>',
                '<feed><entry>2</entry></feed>' ],
    woocommerce => [ map { [ qq({"id":794,"status":"$_"}),
                             'X-WC-Webhook-Source' => 'https://s/',
                             'X-WC-Webhook-Delivery-ID' => 'd-1' ] }
                     'processing', 'completed' ],
    workos => [ map { qq({"id":"wh_$_","event":"dsync.user.updated",)
                      . '"data":{"id":"u1"}}' } 1, 2 ],
    x => [ map { qq({"for_user_id":"1","tweet_create_events":[{"id":$_}]}) }
           1, 2 ],
    xero => [ map { '{"events":[{"resourceId":"r","eventType":"UPDATE",'
                    . '"eventCategory":"INVOICE","tenantId":"t",'
                    . qq("eventDateUtc":"2026-01-0${_}T00:00:00"}],"entropy":)
                    . '"E"}' } 1, 2 ],
    zendesk => [ order('open'), order('solved') ],
    zoom => [ map { '{"event":"meeting.participant_joined","event_ts":'
                    . '1790000000000,"payload":{"account_id":"a","object":{'
                    . qq("uuid":"u","participant":{"id":"$_"}}}}) } 1, 2 ],
);

# whose id is the event's own, though nobody signs it: the second of the two
# above is nothing that the producer sends, and has the same id

my %UNSIGNED = map { $_ => 1 } qw(bitbucket chargebee cloudevents ebay gitea
                                  github gitlab jira linear mailgun monday
                                  paypal-pinned razorpay ringcentral sanity
                                  sentry shopify);

# ids of a producer's other products: a repetition is recognized, too

my %PRODUCTS = (
    messenger => [ meta => '{"object":"page","entry":[{"id":"1","time":1,'
                   . '"messaging":[{"message":{"mid":"m_9"}}]}]}' ],
    'lead ads' => [ meta => '{"object":"page","entry":[{"changes":[{"field":'
                    . '"leadgen","value":{"leadgen_id":"444"}}]}]}' ],
    postbacks => [ meta => '{"object":"page","entry":[{"id":"1","time":2,'
                   . '"messaging":[{"postback":{"payload":"P"}}]}]}' ],
    commands => [ slack => [ 'command=%2Fhi&trigger_id=13.31',
                             'Content-Type' =>
                                 'application/x-www-form-urlencoded' ] ],
    interactions => [ slack => [ 'payload=%7B%22type%22%3A%22block_actions%22'
                                 . '%2C%22trigger_id%22%3A%2213.32%22%7D',
                                 'Content-Type' =>
                                     'application/x-www-form-urlencoded' ] ],
    'webhook events' => [ discord => '{"type":1,"event":{"type":'
                          . '"APPLICATION_AUTHORIZED"}}' ],
    'older notifications' => [ quickbooks => '{"eventNotifications":[{"realmId":'
                               . '"1","dataChangeEvent":{"entities":[{"name":'
                               . '"Customer","id":"7"}]}}]}' ],
    heartbeats => [ asana => '{"events":[]}' ],
    'orders of shops' => [ webflow => '{"triggerType":"ecomm_new_order",'
                           . '"payload":{"orderId":"o1"}}' ],
    'publications' => [ webflow => '{"triggerType":"site_publish",'
                        . '"payload":{"siteId":"s"}}' ],
    calls => [ twilio => [ 'CallSid=CA1&EventType=x',
                           'Content-Type' =>
                               'application/x-www-form-urlencoded' ] ],
);

my %row = rows();

is(join(' ', grep { !$EVENTS{$_} } sort keys %row), '',
    'every preset has two events here');
is(join(' ', grep { !$row{$_} } sort keys %EVENTS), '', 'and no other');

keys_and_secrets();

my ($sources, $doors) = ('', '');

for my $name (sort keys %row) {
    my $verify = $row{$name}{verify};
    my $secret = $verify eq 'off' ? ''
        : 'secret file:' . $t->write_file("secret.$name",
                                          secret_text($name)) . ';';

    $sources .= <<"EOC";
    event_source $name {
        verify $name;
        $secret
        handshake off;
        answer 200;
        constant webhook_id WH1;
        public_url https://hooks.example\$request_uri;
    }
    event_route r-$name { from $name; to one; }
EOC
    $doors .= "        location = /$name { event_receive $name; }\n";
}

$t->config(<<"EOC");
    event_store memory:4m;
    proxy_connect_timeout 800ms;
    proxy_send_timeout 800ms;
    proxy_read_timeout 800ms;

    # Walmart's headers

    ignore_invalid_headers off;
    underscores_in_headers on;

$sources
    server {
        listen 127.0.0.1:%%PORT_8080%%;
$doors
        location = /why { event_explain github; }
        location = /to { event_deliver one;
                         proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

for my $name (sort keys %row) {
    my ($one, $two) = @{ $EVENTS{$name} or next };
    my $first = request($name, $one, 0);

    $target->forget;
    is(outcome($first), 'delivered', "$name: the first event");
    is(outcome(request($name, $two, 0)), 'delivered',
        "$name: the same in another state");

    my @id = map { $_->header('Webhook-Id') } $target->requests;

    is(scalar @id, 2, "$name: two deliveries");

    if ($UNSIGNED{$name}) {
        is($id[1], $id[0], "$name: an id that nobody signs is as it came");

    } else {
        isnt($id[0], $id[1], "$name: and a target can tell them apart");
    }

    if ($name eq 'dropbox') {
        is(outcome($first), 'delivered', "$name: says the same of a second "
            . 'change');
        next;
    }

    is(outcome($first), 'duplicate', "$name: the very same request again");
    is($receipt->{id}, $id[0], "$name: which has the same id");

    # with the same body, whatever is signed beside it

    is(outcome(request($name, $one, -1)), 'duplicate',
        "$name: repeated a second later")
        if (ref $one ? $one->[0] : $one) !~ /%(?:NOW|MS|RFC)%/;
}

for my $product (sort keys %PRODUCTS) {
    my ($name, $event) = @{ $PRODUCTS{$product} };

    is(outcome(request($name, $event, 0)), 'delivered',
        "$name, $product: delivered");
    is(outcome(request($name, $event, 0)), 'duplicate',
        "$name, $product: recognized when it comes again");
}

# ---- what a producer documents: GitHub sends up to 25 MB, and never again by
# itself, so what comes again later is a person's "Redeliver"

my $large = '{"x":"' . 'x' x (25 * 1024 * 1024 - 8) . '"}';

is(outcome(request('github', [ $large, 'X-GitHub-Event' => 'push',
                               'X-GitHub-Delivery' => 'large' ], 0)),
    'delivered', 'github: 25 MB');
like(outcome(request('github', [ "$large ", 'X-GitHub-Event' => 'push',
                                 'X-GitHub-Delivery' => 'larger' ], 0)),
    qr/^413 /, 'github: a byte more');

my $many = '[' . join(',', map { '{"sha":"1"}' } 1 .. 100_000) . ']';

is(outcome(request('github', [ $many, 'X-GitHub-Event' => 'push',
                               'X-GitHub-Delivery' => 'many' ], 0)),
    'delivered', 'github: 300,000 values');

my $why = request('github', $EVENTS{github}[0], 0);

like($t->post('/why', @$why[1, 2])->{body}, qr/"window":60,/,
    'github: remembered for a minute');

$t->done;


sub outcome {
    my ($request) = @_;

    my $r = $t->post(@$request);

    $receipt = $r->json;

    return "$r->{status} $r->{body}" if $r->{status} != 200;
    return $r->header('X-Event-Outcome');
}


# what a row says, split into words

sub rows {
    my %rows;

    system("make -C $root -s build/unit/presets >/dev/null 2>&1");
    open my $f, '-|', "$root/build/unit/presets", '--rows' or die "$!\n";

    while (my $line = <$f>) {
        chomp $line;

        my %r;
        @r{qw(name verify key signed signature timestamp body_digest jwt
              accept)} = map { s/\\n/\n/gr } split /\t/, $line, -1;

        $rows{$r{name}} = \%r;
    }

    return %rows;
}


# ---- secrets

sub keys_and_secrets {
    run("openssl genpkey -algorithm ed25519 -out $dir/ed.key");
    run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
        . "-out $dir/ec.key");
    run("openssl genrsa -out $dir/rsa.key 2048");
}


sub run {
    my ($command) = @_;

    my $out = `$command 2>$dir/openssl.log`;
    die "$command\n" if $?;

    return $out;
}


sub secret_text {
    my ($name) = @_;

    my ($verify, $key) = @{ $row{$name} }{qw(verify key)};

    if ($verify eq 'ed25519') {
        my $raw = substr run("openssl pkey -in $dir/ed.key -pubout "
                             . "-outform DER"), -32;
        return $key =~ /^hex/ ? unpack 'H*', $raw : encode_base64($raw, '');
    }

    return run("openssl pkey -in $dir/"
               . (($row{$name}{jwt} // '') =~ /ES256/ ? 'ec' : 'rsa')
               . '.key -pubout') if $key =~ /^pem/;
    return encode_base64(run("openssl pkey -in $dir/ec.key -pubout "
                             . "-outform DER"), '') if $key =~ /^spki/;
    return "user:$SHARED" if $verify eq 'basic';
    return "whsec_$SECRET64" if $key =~ /^base64/;
    return $SHARED;
}


sub secret_bytes {
    my ($name) = @_;

    my $key = $row{$name}{key};

    return $key =~ /^hex/ ? pack 'H*', $SHARED
        : $key =~ /^base64/ ? decode_base64($SECRET64)
        : $key eq 'sha1' ? sha1($SHARED) : $SHARED;
}


# ---- a request as the producer signs it, "shift" seconds from now

sub request {
    my ($name, $event, $shift) = @_;

    my ($body, %header) = ref $event ? @$event : ($event);
    my $r = $row{$name};
    my $now = time + $shift;
    my $s = int $now;
    my $ms = int($now * 1000);

    $header{'Content-Type'} //= $name eq 'websub' ? 'application/atom+xml'
        : 'application/json';
    $body =~ s/%NOW%/$s/g;
    $body =~ s/%MS%/$ms/g;
    $body =~ s/%RFC%/strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime $s)/ge;

    my %m = (name => $name, body => $body, header => \%header);
    my ($element, $tokens) = ('', '');

    for my $word (split / /, $r->{timestamp}) {
        $m{ts} = $word =~ /^unit=ms/ ? $ms
            : $word =~ /^unit=rfc3339/
            ? strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $s)
            : $m{ts} // $s;
    }

    my ($place) = split / /, $r->{timestamp};

    if (($place // '') =~ /^header:(.*)/) {
        $header{$1} //= $m{ts};

    } elsif (($place // '') =~ /^sig:(.*)/) {
        $element = "$1$m{ts}";
    }

    sign(\%m, $element) if $r->{verify} ne 'off';

    return [ "/$name" . ($m{query} // ''), $m{body}, [ %header ] ];
}


sub sign {
    my ($m, $element) = @_;

    my $r = $row{$m->{name}};
    my ($place, @words) = grep { !/^header/ || !$m->{seen}++ }
        split / /, $r->{signature};
    my %o = (encoding => 'hex', prefix => '', separator => '',
             map { /^(\w+)=(.*)/ } grep { /=/ } @words);

    my $text = $r->{verify} eq 'token' ? secret_text($m->{name})
        : $r->{verify} eq 'basic' ? encode_base64(secret_text($m->{name}), '')
        : $r->{verify} eq 'jwt' ? jwt($m)
        : encoded($o{encoding}, seal($m));

    $o{prefix} = 'Basic' if $r->{verify} eq 'basic';
    $o{prefix} .= ' ' if $o{prefix} =~ /^(?:Bearer|Basic)$/;
    $o{prefix} = 'sha256=' if $r->{verify} =~ /^hmac-from-prefix/;

    my $separator = $o{separator} =~ s/space$/ /r;

    $text = $o{prefix} . $text;
    $text = "$element$separator$text" if $element;

    if ($place =~ /^headers:(.*)/) {
        $m->{header}{"${1}1"} = $text;

    } elsif ($place =~ /^header:(.*)/) {
        $m->{header}{$1} = $text;

    } elsif ($place =~ /^query:(.*)/) {
        $m->{query} = "?$1=$text";

    } else {
        $m->{body} =~ s/%SIG%/$text/;
    }
}


sub encoded {
    my ($encoding, $bytes) = @_;

    return $encoding eq 'base64' ? encode_base64($bytes, '')
        : $encoding eq 'base64-unpadded'
        ? encode_base64($bytes, '') =~ s/=+$//r
        : $encoding eq 'base64url'
        ? encode_base64url($bytes) . '=' x (-length(encode_base64url($bytes))
                                            % 4)
        : unpack 'H*', $bytes;
}


sub seal {
    my ($m) = @_;

    my $verify = $row{$m->{name}}{verify};
    my $secret = secret_bytes($m->{name});
    my $data = fill($m, $row{$m->{name}}{signed});

    return hmac_sha1($data, $secret) if $verify eq 'hmac-sha1';
    return hmac_sha512($data, $secret) if $verify eq 'hmac-sha512';
    return hmac_sha256($data, $secret) if $verify =~ /^hmac/;
    return sha1($data) if $verify eq 'sha1';
    return sha256($data) if $verify eq 'sha256';

    return private($verify, $data, $m->{body} =~ /"SignatureVersion":"1"/
                                   ? 'sha1' : 'sha256');
}


sub private {
    my ($verify, $data, $digest) = @_;

    $digest //= 'sha256';

    my $file = $t->write_file('signed', $data);

    return $verify eq 'ed25519'
        ? run("openssl pkeyutl -sign -rawin -inkey $dir/ed.key -in $file")
        : run("openssl dgst -$digest -sign $dir/"
              . ($verify =~ /^ecdsa/ ? 'ec' : 'rsa') . ".key $file");
}


sub jwt {
    my ($m) = @_;

    my $r = $row{$m->{name}};
    my ($alg) = $r->{jwt} =~ /([A-Z]S256)/;
    my %claims = (exp => int(time) + 600, jti => 'j-1', iat => int($^T),
                  iss => $r->{jwt} =~ /issuer=(\S+)/ ? $1 : 'netlify',
                  aud => 'hooks', accountId => 1);

    $alg //= 'RS256';

    my ($digest) = ($r->{body_digest} // '') =~ /^jwt:(\w+)/;

    $claims{$digest} = $r->{body_digest} =~ /base64/
        ? encode_base64(sha256($m->{body}), '') : sha256_hex($m->{body})
        if $r->{body_digest};
    delete @claims{qw(exp jti aud iat)} if $m->{name} eq 'netlify';
    delete @claims{qw(exp jti aud iss)} if $m->{name} eq 'plaid';

    my $text = join '.', map { encode_base64url(JSON::PP::encode_json($_)) }
        { alg => $alg }, \%claims;

    return "$text." . encode_base64url(
        $alg eq 'HS256' ? hmac_sha256($text, $SHARED)
        : $alg eq 'RS256' ? private('rsa', $text)
        : raw(private('ecdsa', $text)));
}


# r and s of the DER of a signature on P-256, each with 32 bytes

sub raw {
    my ($der) = @_;

    my ($r, $s) = unpack 'x2 x C/a x C/a', $der;

    return join '', map { substr(("\0" x 32) . $_, -32) } $r, $s;
}


# a template

sub fill {
    my ($m, $text) = @_;

    $text =~ s/\{if json:(\w+)\}(.*?)\{end\}/
               exists JSON::PP::decode_json($m->{body})->{$1} ? $2 : ''/gse;

    return $text =~ s/\{([^}]+)\}/part($m, $1)/ger;
}


sub part {
    my ($m, $ref) = @_;

    my $body = $m->{body};
    my $path = "/$m->{name}";

    return $body if $ref eq 'body';
    return '' if $ref =~ /^form:.*\?$/;      # of a body that is none
    return ($body =~ /\b\Q$1\E=([^&]*)/)[0] =~ s/%(..)/chr hex $1/ger
        if $ref =~ /^form:(.*)/;
    return $m->{ts} if $ref eq 'ts';
    return $m->{header}{'webhook-id'} // $m->{header}{'svix-id'}
        if $ref eq 'id';
    return "https://hooks.example$path" if $ref =~ /^(?:decoded_)?url$/;
    return 'POST' if $ref eq 'method';
    return $path if $ref eq 'path_query';
    return sha256_hex($body) if $ref eq 'body_sha256';
    return crc32($body) if $ref eq 'body_crc32';
    return secret_bytes($m->{name}) if $ref eq 'secret';
    return 'WH1' if $ref eq 'const:webhook_id';
    return $m->{header}{$1} if $ref =~ /^header:(.*)/;
    return join '', map { s/=//r } sort split /&/, $body
        if $ref eq 'form_sorted';

    my ($at) = $ref =~ /^json:([^?]*)/ or die "{$ref}\n";
    my $value = JSON::PP::decode_json($body);

    for my $step (split /\./, $at) {
        $value = ref $value eq 'ARRAY' ? $value->[$step] : $value->{$step};
    }

    return $value // '';
}
