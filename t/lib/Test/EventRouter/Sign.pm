package Test::EventRouter::Sign;

# Copyright (C) Event Router contributors

# Requests as producers sign them.  Each function returns a list of headers,
# name and value in turn, for request().

use warnings;
use strict;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use Exporter qw(import);
use MIME::Base64 qw(encode_base64);

our @EXPORT = qw(shopify github stripe hmac_base64);

my $serial = 0;


sub hmac_base64 {
    my ($body, $secret) = @_;

    return encode_base64(hmac_sha256($body, $secret), '');
}


# options: topic, shop, id

sub shopify {
    my ($body, $secret, %o) = @_;

    return ('Content-Type' => 'application/json',
            'X-Shopify-Topic' => $o{topic} // 'orders/create',
            'X-Shopify-Shop-Domain' => $o{shop} // 'acme.myshopify.com',
            'X-Shopify-API-Version' => '2025-01',
            'X-Shopify-Webhook-Id' => $o{id} // unique(),
            'X-Shopify-Triggered-At' => '2026-01-02T03:04:05.678901234Z',
            'X-Shopify-Hmac-Sha256' => hmac_base64($body, $secret));
}


# options: event, id

sub github {
    my ($body, $secret, %o) = @_;

    return ('Content-Type' => 'application/json',
            'X-GitHub-Event' => $o{event} // 'push',
            'X-GitHub-Delivery' => $o{id} // unique(),
            'X-Hub-Signature-256' =>
                'sha256=' . hmac_sha256_hex($body, $secret));
}


# options: time

sub stripe {
    my ($body, $secret, %o) = @_;

    my $t = $o{time} // time;

    return ('Content-Type' => 'application/json; charset=utf-8',
            'Stripe-Signature' =>
                "t=$t,v1=" . hmac_sha256_hex("$t.$body", $secret));
}


sub unique {
    return sprintf '%08x-%04x-4000-8000-%012x', time, $$ & 0xffff, ++$serial;
}


1;
