# Copyright (C) Event Router contributors

# What a client that openapi-python-client has made of v1/openapi.json gets from
# a running nginx: for t/openapi.t, which reads a line of JSON each.
#
#     client.py FOLDER-OF-THE-CLIENT ADDRESS LOOK-TOKEN ACT-TOKEN

import importlib
import json
import sys

folder, address, look, act = sys.argv[1:]
sys.path.insert(0, folder)


def client(token):
    module = importlib.import_module('routerclient')
    return module.AuthenticatedClient(base_url=address, token=token)


def ask(who, name, **arguments):
    operation = importlib.import_module('routerclient.api.default.' + name)
    answer = operation.sync_detailed(client=client(who), **arguments)

    print(json.dumps({'name': name, 'status': int(answer.status_code),
                      'kind': type(answer.parsed).__name__,
                      'answer': answer.parsed.to_dict()}))

    return answer.parsed


ask(look, 'get_config')
ask(look, 'get_status')
page = ask(look, 'get_dead', limit=1)
ask(look, 'get_dead', limit=1, after=page.next_)
ask(look, 'get_dead', event=page.entries[0].event, target='erp')
ask(look, 'get_pending')
ask(look, 'get_dead', target='a b&c=d/\u00e9')
ask(look, 'post_pause', target='erp', x_event_admin='1')
ask(act, 'post_pause', target='erp', x_event_admin='1')
ask(act, 'post_resume', target='erp', x_event_admin='1')
ask(act, 'post_pause', target='nobody', x_event_admin='1')
