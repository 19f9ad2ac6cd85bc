# Copyright (C) Event Router contributors

# What python-quickbooks says of a signed request: reads a line of
# signatures.jsonl from its standard input, writes "valid" or "invalid".

import base64
import json
import sys

from quickbooks import QuickBooks

v = json.loads(sys.stdin.readline())
secrets = v['secret'] if isinstance(v['secret'], list) else [v['secret']]
signature = [value for name, value in v['headers']
             if name.lower() == 'intuit-signature']
body = base64.b64decode(v['body']).decode('utf-8')


def says(secret):
    try:
        return QuickBooks().validate_webhook_signature(body, signature[0],
                                                       secret)
    except Exception:
        return False


print('valid' if any(says(s) for s in secrets) else 'invalid')
